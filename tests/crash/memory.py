#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory.py: one allocation of the program fails, at every place in turn; prints TAP.

Whatever the operation: the process ends by itself, never by a wild pointer or a failed assertion,
and says "out of memory" or what went wrong; what it prints as a success is the whole answer; what
it told as committed stays; the store is sound, and the run comes to its end afterwards.

What is told as done is compared with what it does with memory: the records of a word, files, the trust.

A place is a call stack that asks for memory (memory.c). Of each the first allocation fails once, and
from the last one on all fail. A call stack is tried in the first operation that has it; MEMORY_POINTS:

    N           N places of each operation, drawn (MEMORY_SEED)
    stacks      each call stack
    operations  each call stack, again in every operation that has it
    all         each allocation of the program, by its number

MEMORY_POINT=OPERATION[:KIND:STACK:NUMBER[:sticky]] repeats one operation, or one point of it; MEMORY_ONLY=A,B
takes some operations. Where places are drawn, so are those programs that are another one than fermata.
"""
import itertools
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agents"))

from memory_faults import PATIENCE_SECONDS, Counts, Faults, Point, read_state
from memory_operations import (AGENTS, CHANGING, GO_ON, LOOKING, WORDS, WORKFLOWS,
                               list_drivers, list_functions)
from models import Models
from project import Failure, Project, require

HERE = Path(__file__).resolve().parent
# `make` names the plain build: a sanitiser has an allocator of its own.
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or HERE.parents[1] / "build").resolve()
FERMATA = BUILD / "fermata"
LIBRARY = BUILD / "tests" / "crash" / "memory.so"
POINTS = os.environ.get("MEMORY_POINTS") or "5"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
IS_DRAWN = POINTS not in ("stacks", "operations", "all")
# Threads make a few call stacks differ from one call to the next.
COUNTS = 1 if IS_DRAWN else 2
PROGRAMS_DRAWN = 12
TRIES = 3   # to meet a point
FAILURES_SHOWN = 5


class Operation:
    def __init__(self, name, faults, shared, program=None):
        """In `shared`, unless it changes what it works on; `program`: a command, and what it reads."""
        self.name = name
        self.faults = faults
        self.root = faults.folder
        self.before, arguments = CHANGING.get(name, ([], LOOKING.get(name)))
        self.command, given = program or ([str(FERMATA), *arguments], None)
        self.given = json.dumps(given) if program else ""
        self.kind = Path(self.command[0]).name
        self.shared = None if name in CHANGING else shared
        self.made = None
        self.number = itertools.count(1)
        self.usual = None
        self.kinds = None
        self.counts = Counts()
        self.settled = set()

    def new_project(self):
        """Made once, and then copied."""
        path = self.root / f"{self.name}-{next(self.number)}"
        if self.before is None:
            path.mkdir()
            project = Project.__new__(Project)
            project.path, project.fermata = path, str(FERMATA)
            project.environment = dict(os.environ, HOME=str(self.root), LC_ALL="C.UTF-8",
                                       TERM="dumb", CRASH_PROJECT=str(path))
            return project
        if not self.made:
            self.made = self.root / f"{self.name}-0"
            project = make_project(self.made)
            for arguments in self.before:
                project.call(*arguments, status=(0, 3))
        subprocess.run(["cp", "-a", str(self.made), str(path)], check=True)
        project = open_project(path)
        if self.name == "trust":
            del project.environment["FERMATA_TRUST"]
        return project

    def measure(self):
        """How it ends, and how many allocations it makes, when none fails."""
        for _ in range(1 if self.shared else COUNTS):
            project = self.shared or self.new_project()
            self.usual, counted = self.faults.count(self.command, project.path, project.environment,
                                                    self.given)
            require(self.usual.status in (0, 1, 3, 7), f"{self.name}: {self.usual.stderr}")
            if not self.shared:
                wait_for_detached(self.usual)
                self.kinds = read_kinds(project) if self.name in WORDS else None
                self.check_done(project)
                self.settle(project)
                shutil.rmtree(project.path)
            self.counts.add(counted)

    def try_point(self, point):
        """Whether the point was met."""
        project = self.shared or self.new_project()
        ended = self.faults.fail_at(point, self.command, project.path, project.environment, self.given)
        ended.check_end(self.usual.status)
        if self.shared:
            # Of what another process was to tell, the answer says that it did not; a failure may be another one.
            require(ended.status != self.usual.status or is_answer(ended.stdout, self.usual.stdout, self.kind)
                    or point.kind != self.kind or self.usual.status == 1,
                    f"another answer than usual:\n{ended.stdout[:2000]}")
            return ended.was_met(point.kind)
        wait_for_detached(ended)
        self.check_committed(project, ended)
        if ended.status == self.usual.status and point.kind == self.kind:
            self.check_done(project)
        self.settle_once(project)
        shutil.rmtree(project.path, ignore_errors=True)
        return ended.was_met(point.kind)

    def settle_once(self, project):
        """What was gone on with from such a state is not gone on with once more."""
        # A second process that was started may be at work.
        state = None if self.name in ("detach", "init") else read_state(project)
        if state is None or state not in self.settled:
            self.settle(project)
            self.settled.add(state)

    def check_committed(self, project, ended):
        if not ended.records:
            return
        there = {(r["run"], r["seq"]): r["kind"] for r in project.read_journal()}
        for record in ended.records:
            require(there.get((record["run"], record["seq"])) == record["kind"],
                    f"record {record['seq']} ({record['kind']}) was told and is not there")

    def check_done(self, project):
        """What it is told as done is done."""
        if self.name in WORDS:
            kinds = read_kinds(project)
            require(kinds == self.kinds, f"records {kinds} instead of {self.kinds}")
        elif self.name in ("edit", "undo-back"):
            check_files(project, {"kept": "changed", "made": "new"})
        elif self.name == "clone":
            check_files(project, {"kept": "changed", "made": "new", "other": "new"})
        elif self.name == "undo":
            check_files(project, {"kept": "old", "made": None})
        elif self.name == "collect":
            require(project.runs() == [], f"runs are left: {project.runs()}")
        elif self.name == "trust":
            project.call("run", "-w", "whole", "--fresh")
        elif self.name == "reset-agent":
            breaker = json.loads(project.call("agents", "down", "--json"))["agents"][0]["breaker"]
            require(breaker["state"] == "closed", f"the breaker is {breaker}")

    def settle(self, project):
        """What is left can be gone on with."""
        if self.before is None:
            project.call("init", status=(0, 1, 2))
            return
        settle_run(project, len(self.before) + 1)
        # Whoever goes back to a checkpoint wants steps completed again.
        if self.name != "restore" and project.runs():
            project.check_journal()
        if self.name in ("undo", "undo-back"):
            project.call("undo", "last")
            check_files(project, {"kept": "old", "made": None})
        elif self.name in ("collect", "trust", "reset-agent"):
            project.call(*self.command[1:])
            self.check_done(project)
        elif self.name in ("edit", "clone") and project.runs():
            self.check_done(project)


def is_answer(told, usual, kind):
    """Pieces of a driver's text may come together; of a server's state a part may be unknown."""
    if told == usual or kind == FERMATA.name:
        return told == usual
    answers = []
    for text in (told, usual):
        lines = [json.loads(line) for line in text.splitlines()]
        pieces = "".join(line["text"] for line in lines if line.get("event") == "text")
        answers.append([pieces, *(line for line in lines if line.get("event") != "text")])
    return is_part(*answers)


def is_part(some, whole):
    if isinstance(some, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in some.items())
    if isinstance(some, list):
        return len(some) == len(whole) and all(map(is_part, some, whole))
    return some == whole


def wait_for_detached(ended):
    """Nobody may go on with its run before it: it would not come to the point."""
    for pid in re.findall(r'"pid": *([0-9]+)', ended.stdout):
        try:
            process = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        select.select([process], [], [], PATIENCE_SECONDS)
        os.close(process)


def read_kinds(project):
    return sorted(record["kind"] for record in project.read_journal())


def check_files(project, wanted):
    for name, text in wanted.items():
        file = project.path / name
        found = file.read_text().rstrip() if file.exists() else None
        require(found == text, f"{name} holds {found!r} instead of {text!r}")


def settle_run(project, most):
    runs = project.runs()
    require(len(runs) <= most, f"{len(runs)} runs")
    if not runs:
        return
    # A second process that was started may be at work: it is told, and waited for.
    if runs[0]["status"] in ("pending", "running"):
        project.call("resume", runs[0]["id"], status=(0, 1, 3))  # 1: it is over by now
        project.call("logs", runs[0]["id"], "--follow")
    if project.runs()[0]["status"] in ("paused", "failed"):
        (project.path / "mended").write_text("")
        project.call(*GO_ON.get(runs[0]["workflow"], ["retry", "last"]), status=(0, 1))
        project.call("resume", "last", status=(0, 1, 3))
    if project.runs()[0]["status"] == "paused":  # refused, and only now it counts
        project.call("cancel", "last")
    require(project.runs()[0]["status"] in ("completed", "cancelled"), f"the run is {project.runs()[0]}")
    project.check_tables()


def try_one(operation, point):
    """Whether the point was met, and what was wrong."""
    try:
        return any(operation.try_point(point) for _ in range(TRIES)), None
    except (Failure, OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        return True, f"MEMORY_POINT={operation.name}:{point}: {error}"


def list_points(operation, known, rng):
    asked = os.environ.get("MEMORY_POINT", "").split(":")
    if len(asked) > 1:
        return [Point(asked[1], asked[2], int(asked[3]), "sticky" in asked)]
    if POINTS == "all":
        return list(operation.counts.number_points(operation.kind))
    if POINTS == "operations":
        known = {key for key in known if key[0] != operation.kind}
    points = list(operation.counts.stack_points(() if IS_DRAWN else known))
    return rng.sample(points, min(int(POINTS), len(points))) if IS_DRAWN else points


class Total:
    """What one operation, or all, came to."""

    def __init__(self, allocations=0, stacks=0, points=0, unmet=0):
        self.allocations, self.stacks, self.points, self.unmet = allocations, stacks, points, unmet

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self):
        return (f"{self.allocations} allocations, {self.stacks} call stacks, {self.points} points tried"
                f"{f', {self.unmet} of them never met' if self.unmet else ''}")


def run_operation(operation, known, rng):
    operation.measure()
    counts = operation.counts
    points = list_points(operation, known, rng)
    known.update((kind, stack) for kind in counts.stacks for stack in counts.stacks[kind])
    # Those that share a project may be at work in it at once.
    with ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda p: try_one(operation, p), points))
    total = Total(sum(counts.allocations.values()), sum(map(len, counts.stacks.values())), len(points),
                  sum(not was_met for was_met, _ in results))
    return total, [failure for _, failure in results if failure]


def open_project(path):
    project = Project.__new__(Project)
    project.path, project.fermata, project.begun = path, str(FERMATA), path / "begun"
    project.environment = dict(os.environ, FERMATA_TRUST="1", HOME=str(path), LC_ALL="C.UTF-8",
                               TERM="dumb", CRASH_PROJECT=str(path))
    return project


def make_project(path):
    project = Project(path, FERMATA, WORKFLOWS)
    (path / ".fermata" / "config.yaml").write_text(AGENTS)
    (path / "kept").write_text("old\n")
    (path / "stories.md").write_text("- [ ] Say hello\n")
    project.environment["HOME"] = str(path)
    return project


def make_shared(root):
    project = make_project(root / "shared")
    project.call("run", "-w", "edits")
    edited = project.runs()[0]["id"]
    project.call("run", "-w", "whole")
    return project, edited


def list_operations(faults, url, rng):
    """By name, each with its program if that is another one; those of the drivers are the first that are
    tried: there it is seen how they end."""
    root = faults.folder
    shared, edited = make_shared(root)
    programs = list_drivers(BUILD, url, root) | list_functions(FERMATA, root / "repository")
    asked = os.environ.get("MEMORY_POINT", "").split(":")[0] or os.environ.get("MEMORY_ONLY", "")
    names = rng.sample(sorted(programs), PROGRAMS_DRAWN) if IS_DRAWN and not asked else list(programs)
    operations = [Operation(name, faults, shared, programs[name]) for name in names]
    operations += [Operation(name, faults, shared) for name in (*LOOKING, *CHANGING)]
    for operation in operations:
        operation.command = [edited if word == "EDITED" else word for word in operation.command]
    return [each for each in operations if not asked or each.name in asked.split(",")]


def report(number, operation, total, failures):
    print(f"{'not ok' if failures else 'ok'} {number} {operation.name} without memory: {total}")
    lines = "\n".join(failures[:FAILURES_SHOWN]).splitlines()
    lines += [f"{len(failures)} points failed"] if failures else []
    print("".join(f"# {line}\n" for line in lines), end="", flush=True)


def main():
    if not LIBRARY.exists() or b"__asan_init" in FERMATA.read_bytes():
        print("1..0 # SKIP needs a build without sanitisers: make crash")
        return 0
    seed = int(os.environ.get("MEMORY_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    failed, known, whole = 0, set(), Total()
    with tempfile.TemporaryDirectory(prefix="fermata-memory-", ignore_cleanup_errors=True) as folder, \
            Models() as models:
        operations = list_operations(Faults(LIBRARY, Path(folder)), models.url, rng)
        print(f"1..{len(operations)}\n# MEMORY_SEED={seed}", flush=True)
        for number, operation in enumerate(operations, 1):
            total, failures = run_operation(operation, known, rng)
            whole.add(total)
            failed += bool(failures)
            report(number, operation, total, failures)
    whole.stacks = len(known)
    print(f"# {len(operations)} operations, {whole}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
