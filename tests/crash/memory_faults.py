# SPDX-License-Identifier: MIT
"""Processes whose memory fails (memory.c), where it may, and what they leave."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import uuid
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from project import Failure, require

PATIENCE_SECONDS = 60
# What differs between two projects in which the same has happened: names of runs, digests, times.
OWN = re.compile(r"wf_[0-9a-z]{12}|[0-9a-f]{16,}|-?\d{4,}|(?<=_ms\":)\d+")
OF_DIGESTS = re.compile(r"(blobs|snapshots|objects)/.*")


class Point(NamedTuple):
    kind: str     # of process, see memory.c
    stack: str    # "" : the number is that of the allocation
    number: int
    is_sticky: bool

    def fault(self):
        where = f"stack={self.stack}:{self.number}" if self.stack else f"at={self.number}"
        return f"of={self.kind},{where}{',sticky' if self.is_sticky else ''}"

    def __str__(self):
        return f"{self.kind}:{self.stack}:{self.number}{':sticky' if self.is_sticky else ''}"


class Ended:
    """How one process ended, and what it told."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.once = None  # made by the process that met the point
        self.records = []
        for line in stderr.splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and "kind" in record and "seq" in record:
                self.records.append(record)

    def check_end(self, usual):
        if self.status == usual:
            return
        told = self.stderr[-2000:]
        if self.status < 0:
            require(self.status == -signal.SIGABRT and "out of memory" in self.stderr
                    and "Assertion" not in self.stderr,
                    f"ended by {signal.Signals(-self.status).name}: {told}")
        require(self.stderr.strip() or self.stdout.strip(),
                f"exit status {self.status} without a word")

    def was_met(self, kind):
        """Whether a process met the point; asked when all of them are over."""
        if not self.once.exists():
            return False
        told = self.once.read_text()
        self.once.unlink()
        require(not told, f"{kind} ended by {told}{self.stderr[-2000:]}")
        return True


class Faults:
    """Starts programs with the preload library."""

    def __init__(self, library, folder):
        self.library, self.folder = library, folder

    def call(self, command, path, environment, fault, given=""):
        environment = dict(environment, LD_PRELOAD=str(self.library), MEMORY=fault,
                               FERMATA_PASS_ENV="MEMORY MEMORY_INNER")
        try:
            done = subprocess.run(command, cwd=path, env=environment, input=given.encode(),
                                  capture_output=True, timeout=PATIENCE_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"did not end within {PATIENCE_SECONDS} s") from error
        return Ended(done.returncode, done.stdout.decode("utf-8", "replace"),
                     done.stderr.decode("utf-8", "replace"))

    def fail_at(self, point, command, path, environment, given=""):
        once = self.folder / f"once-{uuid.uuid4().hex}"
        ended = self.call(command, path, environment, f"{point.fault()},once={once}", given)
        ended.once = once
        return ended

    def count(self, command, path, environment, given=""):
        """How it ends when nothing fails, and its counts, by the kind of process."""
        folder = self.folder / f"count-{uuid.uuid4().hex}"
        folder.mkdir()
        ended = self.call(command, path, environment, f"count={folder}", given)
        return ended, folder


class Counts:
    """Allocations, and how often each call stack asked for one."""

    def __init__(self):
        self.allocations = Counter()
        self.stacks = {}

    def add(self, folder):
        """Those of one call: its processes are over."""
        calls, called = Counter(), {}
        for file in sorted(folder.iterdir()):
            kind = file.name.rsplit(".", 1)[0]
            number, *lines = file.read_text().splitlines()
            calls[kind] += int(number)
            for stack, count in (line.split() for line in lines):
                most = called.setdefault(kind, Counter())
                # Of several processes of a kind, each counts for itself.
                most[stack] = max(most[stack], int(count))
        for kind, stacks in called.items():
            self.allocations[kind] = max(self.allocations[kind], calls[kind])
            self.stacks[kind] = self.stacks.get(kind, Counter()) | stacks

    def stack_points(self, known):
        """The first and the last of each call stack that is not known by now."""
        for kind, stacks in self.stacks.items():
            for stack, count in sorted(stacks.items()):
                if (kind, stack) not in known:
                    if count == 1:
                        yield Point(kind, stack, 1, int(stack, 16) % 4 == 1)
                    else:
                        yield Point(kind, stack, 1, False)
                        yield Point(kind, stack, count, True)

    def number_points(self, kind):
        for number in range(1, self.allocations[kind] + 1):
            yield Point(kind, "", number, number % 2 == 0)


def read_state(project):
    """What a project holds, but for names, times and digests; None: it cannot be told now."""
    state = []
    try:
        store = project.open_store()
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'"
                                      " ORDER BY name").fetchall():
            state.append(table)
            state += [OWN.sub("#", repr(row)) for row in store.execute(f'SELECT * FROM "{table}"')]
        store.close()
        for folder, folders, files in os.walk(project.path):
            folders.sort()
            within = os.path.relpath(folder, project.path)
            for name in sorted(files):
                state.append(OWN.sub("#", OF_DIGESTS.sub(r"\1", f"{within}/{name}")))
                if not within.startswith(".fermata"):
                    state.append((Path(folder) / name).read_bytes())
    except (sqlite3.Error, OSError):  # being made, or somebody is at work in it
        return None
    return hash(tuple(state))
