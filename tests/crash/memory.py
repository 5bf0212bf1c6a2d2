#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""memory.py: one allocation of the program fails, at every place in turn; prints TAP.

Whatever the operation: the process ends by itself, never by a wild pointer or a failed assertion,
and says "out of memory" or what went wrong; what it prints as a success is the whole answer; what
it told as committed stays; the store is sound, and the run comes to its end afterwards.

What is told as done is compared with what it does with memory: the records of a word, files, the trust.

Of each operation MEMORY_POINTS allocations are taken, evenly from a random one on (0: all). Half of
them fail once, half stay failing. MEMORY_POINT=OPERATION[:NUMBER[:sticky]] repeats one operation, or one
point of it.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from project import Failure, Project, require

HERE = Path(__file__).resolve().parent
# `make` names the plain build: a sanitiser has an allocator of its own.
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or HERE.parents[1] / "build").resolve()
FERMATA = BUILD / "fermata"
LIBRARY = BUILD / "tests" / "crash" / "memory.so"
POINTS = int(os.environ.get("MEMORY_POINTS") or 8)
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
PATIENCE_SECONDS = 60
FAILURES_SHOWN = 5

WORKFLOWS = {"whole": """
name: whole
inputs: { who: { type: string, default: world, pattern: '^[a-z]+$' } }
gates:
  proof:
    commands:
      - { run: 'printf "1..2\\nok 1\\nok 2\\n"', tests_min: 2 }
      - { run: 'mkdir -p out; printf "<testsuite tests=\\"1\\" failures=\\"0\\"><testcase name=\\"a\\"/></testsuite>" >out/junit.xml', junit: out/junit.xml }
phases:
  - id: a
    steps:
      - { id: one, use: noop, with: { value: "hello ${{ inputs.who }}" } }
      - { id: list, run: 'echo "{\\"ok\\": true, \\"list\\": [1, 2]}"', format: json }
      - { id: each, foreach: "steps.list.output.list", when: "steps.list.output.ok", use: noop }
    gate: proof
  - id: b
    steps: [{ id: file, run: 'seq 1 1000', output: numbers.txt }]
""", "asks": """
name: asks
phases: [{ id: a, steps: [{ id: one, use: noop }, { id: ask, approve: "really?" }] }]
""", "fails": """
name: fails
phases: [{ id: a, steps: [{ id: one, use: noop }, { id: unit, run: test -e mended, retry: { attempts: 1 } }] }]
""", "edits": """
name: edits
phases: [{ id: a, steps: [{ id: edit, agent: editor, prompt: go }] }]
""", "clones": """
name: clones
defaults: { agent: editor, workspace: clone }
phases: [{ id: a, mode: parallel, steps: [{ id: edit, prompt: go }, { id: other, agent: other, prompt: go }] }]
""", "questions": """
name: questions
phases: [{ id: a, steps: [{ id: ask, agent: asker, prompt: go }] }]
""", "calls": """
name: calls
phases: [{ id: a, steps: [{ id: call, agent: down, fallback: [editor], prompt: go, retry: { attempts: 1 } }] }]
""", "broken": """
name: broken
phases: [{ id: a, steps: [{ id: one, use: nothing, with: [1, "${{ inputs.nobody }}"] }] }]
extra: { anchor: &a [1, 2], alias: *a }
"""}

AGENTS = r"""
agents:
  editor: { type: command, command: [sh, -c, 'cat >/dev/null; echo new >made; echo changed >kept; echo done'] }
  other: { type: command, command: [sh, -c, 'cat >/dev/null; echo new >other; echo done'] }
  down: { type: command, command: [sh, -c, 'cat >/dev/null; echo "503 service unavailable" >&2; exit 1'], breaker_threshold: 1 }
  asker:
    type: command
    command:
      - sh
      - -c
      - |
        grep -q "^A: " && echo fine && exit
        echo '{"clarification_needed": true, "questions": ["Which?"]}'
"""

# Operations that change nothing that is compared: what a success prints is always the same.
LOOKING = {
    "version": ["--version"],
    "help": ["help", "run"],
    "schema": ["schema", "workflow"],
    "validate": ["validate", "whole", "--json"],
    "validate-broken": ["validate", "broken", "--json"],
    "workflows": ["workflows", "whole", "--json"],
    "list": ["list", "--json"],
    "status": ["status", "last", "--json"],
    "show": ["show", "last"],
    "logs": ["logs", "last"],
    "records": ["logs", "last", "--records"],
    "artifacts": ["artifacts", "last", "--json"],
    "cat": ["cat", "last", "file"],
    "explain": ["explain", "last", "--json"],
    "metrics": ["show", "last", "--metrics", "--json"],
    "gc": ["gc", "--dry-run"],
    "audit": ["audit", "--json", "-n", "1000"],
    "audit-verify": ["audit", "verify"],
    "checkpoints": ["checkpoints", "last", "--json"],
    "diff": ["diff", "EDITED"],
    "agents": ["agents", "--quick", "--json"],
    "agent": ["agents", "editor", "--json"],
    "models": ["models", "list"],
    "settings": ["validate"],
    "man": ["man"],
    "completion": ["completion", "bash"],
}
# Operations on a project of their own: what it is made with, the operation.
CHANGING = {
    "run": ([], ["run", "-w", "whole", "--log-format", "json"]),
    "edit": ([], ["run", "-w", "edits", "--log-format", "json"]),
    "clone": ([], ["run", "-w", "clones", "--log-format", "json"]),
    "fallback": ([], ["run", "-w", "calls", "--log-format", "json"]),
    "question": ([], ["run", "-w", "questions", "--log-format", "json"]),
    "test-agent": ([], ["test-agent", "editor", "hello", "--log-format", "json"]),
    "resume": ([["run", "-w", "asks"], ["approve", "last", "ask"]], ["resume", "last"]),
    "approve": ([["run", "-w", "asks"]], ["approve", "last", "ask"]),
    "reject": ([["run", "-w", "asks"]], ["reject", "last", "ask"]),
    "answer": ([["run", "-w", "questions"]], ["answer", "last", "that one"]),
    "signal": ([["run", "-w", "asks"]], ["signal", "last", "news", "--value", '{"a": [1, 2]}']),
    "cancel": ([["run", "-w", "asks"]], ["cancel", "last"]),
    "retry": ([["run", "-w", "fails"]], ["retry", "last"]),
    "skip": ([["run", "-w", "fails"]], ["skip", "last", "unit", "--reason", "known"]),
    "checkpoint": ([["run", "-w", "asks"]], ["checkpoint", "last", "--name", "here"]),
    "restore": ([["run", "-w", "whole"]], ["restore", "last", "a"]),
    "undo": ([["run", "-w", "edits"]], ["undo", "last"]),
    "undo-back": ([["run", "-w", "edits"], ["undo", "last"]], ["undo", "last", "--back"]),
    "reset-agent": ([["run", "-w", "calls"]], ["reset-agent", "down"]),
    "detach": ([], ["run", "-w", "whole", "--detach", "--json"]),
    "doctor": ([["run", "-w", "whole"]], ["doctor", "--rebuild"]),
    "collect": ([["run", "-w", "edits"], ["run", "-w", "whole"]], ["gc", "--older-than", "0s"]),
    "trust": ([["run", "-w", "whole"]], ["trust"]),
    "init": (None, ["init"]),
}
# Words to a run: who is told that they were taken finds the same records each time.
WORDS = ("approve", "reject", "answer", "signal", "cancel", "retry", "skip", "checkpoint", "restore")
# What a run that waits is told, by its workflow, so that it can go on; once, as it may have been told.
GO_ON = {"asks": ["approve", "last", "ask"], "questions": ["answer", "last", "this one"],
         "fails": ["retry", "last"]}


class Ended:
    """How one process ended, and what it told."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr
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
            require(self.status == -signal.SIGABRT and "out of memory" in self.stderr,
                    f"ended by {signal.Signals(-self.status).name}: {told}")
        require(self.stderr.strip() or self.stdout.strip(),
                f"exit status {self.status} without a word")


def call_with_fault(project, arguments, fault):
    environment = dict(project.environment, LD_PRELOAD=str(LIBRARY), MEMORY=fault)
    try:
        done = subprocess.run([project.fermata, *arguments], cwd=project.path, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"did not end within {PATIENCE_SECONDS} s") from error
    return Ended(done.returncode, done.stdout.decode("utf-8", "replace"),
                 done.stderr.decode("utf-8", "replace"))


class Operation:
    def __init__(self, name, root):
        self.name = name
        self.root = root
        self.is_looking = name in LOOKING
        self.arguments = LOOKING[name] if self.is_looking else CHANGING[name][1]
        self.before = [] if self.is_looking else CHANGING[name][0]
        self.shared = None
        self.number = 0
        self.usual = None
        self.kinds = None
        self.allocations = 0

    def new_project(self):
        self.number += 1
        path = self.root / f"{self.name}-{self.number}"
        if self.before is None:
            path.mkdir()
            project = Project.__new__(Project)
            project.path, project.fermata = path, str(FERMATA)
            project.environment = dict(os.environ, HOME=str(self.root), LC_ALL="C.UTF-8",
                                       TERM="dumb", CRASH_PROJECT=str(path))
            return project
        project = make_project(path)
        for arguments in self.before:
            project.call(*arguments, status=(0, 3))
        if self.name == "trust":
            del project.environment["FERMATA_TRUST"]
        return project

    def measure(self, shared, edited):
        """How it ends, and how many allocations it makes, when none fails."""
        project = self.shared = shared if self.is_looking else None
        self.arguments = [edited if word == "EDITED" else word for word in self.arguments]
        if not self.is_looking:
            project = self.new_project()
        count = self.root / f"{self.name}.count"
        self.usual = call_with_fault(project, self.arguments, f"at=0,count={count}")
        require(self.usual.status in (0, 3, 7), f"{self.name}: {self.usual.stderr}")
        self.allocations = int(count.read_text())
        if not self.is_looking:
            self.kinds = read_kinds(project) if self.name in WORDS else None
            self.check_done(project)
            self.settle(project)
            shutil.rmtree(project.path)

    def draw_points(self, rng):
        step = 1 if POINTS == 0 else max(1, self.allocations // POINTS)
        for number in range(1 + rng.randrange(step), self.allocations + 1, step):
            yield (number, rng.random() < 0.5)

    def try_point(self, number, is_sticky):
        project = self.shared or self.new_project()
        ended = call_with_fault(project, self.arguments,
                                f"at={number}{',sticky' if is_sticky else ''}")
        ended.check_end(self.usual.status)
        if self.is_looking:
            require(ended.status != self.usual.status or ended.stdout == self.usual.stdout,
                    f"another answer than usual:\n{ended.stdout[:2000]}")
            return
        self.check_committed(project, ended)
        if ended.status == self.usual.status:
            self.check_done(project)
        self.settle(project)
        shutil.rmtree(project.path)

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
            project.call(*self.arguments)
            self.check_done(project)
        elif self.name in ("edit", "clone") and project.runs():
            self.check_done(project)


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
    try:
        operation.try_point(*point)
        return None
    except (Failure, OSError, subprocess.SubprocessError, ValueError) as error:
        return f"{operation.name}:{point[0]}{':sticky' if point[1] else ''}: {error}"


def run_operation(operation, shared, edited, rng):
    operation.measure(shared, edited)
    points = list(operation.draw_points(rng))
    asked = os.environ.get("MEMORY_POINT", "").split(":")
    if len(asked) > 1:
        points = [(int(asked[1]), "sticky" in asked)]
    # Those that share a project may be at work in it at once.
    with ThreadPoolExecutor(JOBS) as pool:
        failures = [f for f in pool.map(lambda p: try_one(operation, p), points) if f]
    return len(points), failures


def make_project(path):
    project = Project(path, FERMATA, WORKFLOWS)
    (path / ".fermata" / "config.yaml").write_text(AGENTS)
    (path / "kept").write_text("old\n")
    project.environment["HOME"] = str(path)
    return project


def make_shared(root):
    project = make_project(root / "shared")
    project.call("run", "-w", "edits")
    edited = project.runs()[0]["id"]
    project.call("run", "-w", "whole")
    return project, edited


def main():
    if not LIBRARY.exists() or b"__asan_init" in FERMATA.read_bytes():
        print("1..0 # SKIP needs a build without sanitisers: make crash")
        return 0
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    rng = random.Random(seed)
    asked = os.environ.get("MEMORY_POINT", "").split(":")[0]
    names = [name for name in (*LOOKING, *CHANGING) if asked in ("", name)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fermata-memory-") as folder:
        root = Path(folder)
        shared, edited = make_shared(root)
        print(f"1..{len(names)}\n# seed {seed}", flush=True)
        for number, name in enumerate(names, 1):
            operation = Operation(name, root)
            count, failures = run_operation(operation, shared, edited, rng)
            failed += bool(failures)
            print(f"{'not ok' if failures else 'ok'} {number} {name} without memory at {count} of "
                  f"{operation.allocations} allocations")
            for failure in failures[:FAILURES_SHOWN]:
                print("\n".join(f"# {line}" for line in failure.splitlines()))
            print(end="", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
