#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Acts of a person are killed at every call that changes a file (before, after, inside); prints TAP.
Whatever was done is in the audit log, and no word is there twice, also when it is asked for again.

Of the points every CRASH_EVERY-th is taken, from CRASH_OFFSET (drawn unless given)."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from project import BUILD, FAULTS, PATIENCE_SECONDS, Failure, Project, require

EVERY = 8
HOWS = ("before", "after", "torn")
OLD = "{ name: old, phases: [{ id: p, steps: [{ id: s, use: noop }] }] }\n"
FLOW = """name: flow
phases:
  - id: work
    steps: [{ id: do, agent: bad, fallback: [fine], prompt: go, retry: { attempts: 1 } }]
  - { id: proof, gate: red, steps: [{ id: none, use: noop }] }
gates: { red: { commands: [{ run: exit 1 }] } }
"""
CONSENT = """name: consent
phases:
  - { id: plan, steps: [{ id: do, use: noop }] }
  - { id: ask, steps: [{ id: good, approve: "Good?" }] }
"""
CONFIG = """  bad: { type: command, command: [sh, -c, "cat >/dev/null; echo 503 service unavailable >&2; exit 1"] }
  fine: { type: command, command: [sh, -c, "cat >/dev/null; echo x >one; echo y >two; echo done"] }
"""


class Act:
    """What is called, how it is told, and what of the store says that it was done."""

    def __init__(self, event, query, *arguments):
        self.event, self.query, self.arguments = event, query, arguments


def of_journal(kind, more="1"):
    return f"SELECT count(*) FROM journal WHERE kind = '{kind}' AND {more}"


SKIPPED = "json_extract(body, '$.status') = 'skipped'"
ASKED = "json_extract(body, '$.by') IS NOT NULL"
# The runs are known when the scene is made.
ACTS = [
    Act("approval_given", of_journal("approval_given"), "approve", "CONSENT", "good"),
    Act("step_skipped", of_journal("step_moved", SKIPPED), "skip", "CONSENT", "good", "-r", "why"),
    Act("gate_skipped", of_journal("gate_skipped"), "skip", "FLOW", "--gate", "proof", "-r", "why"),
    Act("signal_received", of_journal("signal_received"), "signal", "CONSENT", "ready"),
    Act("restored", of_journal("restored"), "restore", "CONSENT", "plan"),
    Act("run_asked", of_journal("run_wished", ASKED), "cancel", "CONSENT"),
    Act("agent_reset", "SELECT count(*) = 0 FROM agent_breaker", "reset-agent", "bad"),
    Act("run_removed", "SELECT count(*) = 0 FROM run WHERE workflow = 'old'", "gc", "--older-than", "0s"),
    Act("undo_asked", None, "undo", "FLOW"),
]
# What is done again when it is asked for again.
REPEATED = ("signal_received", "restored", "run_asked", "undo_asked")


class Scene(Project):
    """A project in which all of that can be done; as it was again for each."""

    def __init__(self, root):
        super().__init__(root / "project", BUILD / "fermata",
                         {"old": OLD, "flow": FLOW, "consent": CONSENT})
        self.root = root
        config = self.path / ".fermata" / "config.yaml"
        config.write_text(config.read_text() + CONFIG)
        (self.path / "one").write_text("before\n")
        self.call("run", "-w", "old")
        self.call("run", "-w", "flow", "--no-input", status=(0, 3))
        self.call("run", "-w", "consent", "--no-input", status=(0, 3))
        self.ids = {run["workflow"].upper(): run["id"] for run in self.runs()}
        self.after = self.files()
        shutil.copytree(self.path, root / "kept", symlinks=True)

    def files(self):
        return [(self.path / name).read_text() if (self.path / name).exists() else None
                for name in ("one", "two")]

    def reset(self):
        shutil.rmtree(self.path)
        shutil.copytree(self.root / "kept", self.path, symlinks=True)

    def act(self, act, faults=None):
        environment = dict(self.environment)
        if faults:
            environment |= {"LD_PRELOAD": str(FAULTS), "FAULTS": faults}
            environment["ASAN_OPTIONS"] = (environment.get("ASAN_OPTIONS", "")
                                           + ":verify_asan_link_order=0")
        arguments = [self.ids.get(argument, argument) for argument in act.arguments]
        return subprocess.run([self.fermata, *arguments], cwd=self.path, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=PATIENCE_SECONDS)

    def count(self, how, act):
        self.reset()
        calls = self.root / "calls"
        calls.unlink(missing_ok=True)
        done = self.act(act, f"how={how},at=0,count={calls}")
        require(done.returncode in (0, 3), f"{act.event}: {done.stderr}")
        self.check(act)
        require(self.is_done(act), f"{act.event}: it was not done")
        return int(calls.read_text())

    def is_done(self, act):
        if not act.query:
            return self.files() != self.after
        store = self.open_store()
        try:
            return store.execute(act.query).fetchone()[0] > 0
        finally:
            store.close()

    def told(self, event):
        entries = json.loads(self.call("audit", "--json", "-n", "1000"))["entries"]
        return sum(entry["event"] == event for entry in entries)

    def check(self, act):
        """After whoever comes next has brought the store into order."""
        report = json.loads(self.call("audit", "verify", "--json", status=(0, 1)))
        require(report["sound"], f"the audit log: {report['problems']}")
        told = self.told(act.event)
        if self.is_done(act):
            require(told > 0, f"{act.event}: done and not told")
        elif act.query:
            require(told == 0, f"{act.event}: told and not done")
        self.check_tables()

    def play(self, act, how, at):
        self.reset()
        done = self.act(act, f"how={how},at={at},count={self.root}/calls")
        require(done.returncode in (0, 3, -signal.SIGKILL), f"exit {done.returncode}: {done.stderr}")
        self.check(act)
        self.act(act)
        self.check(act)
        require(self.is_done(act), "asked for again, it was not done")
        told = self.told(act.event)
        require(told == 1 or (told == 2 and act.event in REPEATED), f"told {told} times")
        if not act.query:
            require(self.files() == ["before\n", None] and self.told("undone") > 0, "undone and not told")
        return done.returncode == -signal.SIGKILL


def main():
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="fermata-audit-", dir=memory))
    every = int(os.environ.get("CRASH_EVERY") or EVERY)
    offset = int(os.environ.get("CRASH_OFFSET") or random.SystemRandom().randrange(every)) % every
    title = "what was done is in the audit log, wherever it was killed"
    print("1..1")
    print(f"# CRASH_EVERY={every} CRASH_OFFSET={offset}")
    point = None
    try:
        scene = Scene(root)
        points = []
        for act in ACTS:
            counts = {how: scene.count(how, act) for how in ("before", "torn")}
            points += [(act, how, at) for how in HOWS
                       for at in range(1, counts["torn" if how == "torn" else "before"] + 1)]
        points = points[offset::every]
        met = 0
        for point in points:
            met += scene.play(*point)
        require(met > len(points) // 2, f"only {met} of {len(points)} points were met")
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        at = point and (point[0].event, *point[1:])
        print(f"not ok 1 - {title}\n# at {at}: {failure}\n# kept: {root}")
        return 1
    print(f"ok 1 - {title}: {met} kills at {len(points)} points of {len(ACTS)} acts")
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
