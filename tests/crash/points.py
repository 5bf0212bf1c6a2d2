#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""points.py kill|recovery|errors|bridge: something happens at every call of the orchestrator that changes
a file; prints TAP.

kill      SIGKILL before, after and inside (torn) each call of a run of 200 steps, then `resume`.
recovery  such a kill, and then another one at each call of the `resume`, then `resume`.
errors    EIO and ENOSPC at each call of a small run, once and until it is over.
bridge    such a kill in a run whose host works for it: as it asks, takes a response, goes on.

Calls are counted by a preload library, see faults.c: also those of SQLite, not those of keepers,
which are static. What the program printed of its journal (--log-format json) is acknowledged, and
so is what a step's own file tells.

Of the points every CRASH_EVERY-th is taken, from CRASH_OFFSET (drawn unless given).
CRASH_POINT=NAME repeats one point and keeps its project.
"""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from project import PATIENCE_SECONDS, Failure, Project, processes_of, require

HERE = Path(__file__).resolve().parent
# `make` names the plain build, which is several times faster than the sanitised one of run-tests.
BUILD = Path(os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD")
             or HERE.parents[1] / "build").resolve()
FERMATA = BUILD / "fermata"
LIBRARY = BUILD / "tests" / "crash" / "faults.so"
IS_SANITISED = b"__asan_init" in FERMATA.read_bytes()
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
FAILURES_SHOWN = 10
# What `resume` may be asked for before the run must be complete, after an error of a call.
RESUMES_MAX = 4

BEGIN = 'echo "$FERMATA_ATTEMPT" >>"begun/$FERMATA_STEP"'
# Its daemon must be gone with it.
DAEMON = f"{BEGIN}; setsid sleep 1000 & echo left"


def sequence(prefix, count):
    return "".join(f"      - {{ id: {prefix}{i}, use: noop, with: {{ value: {i} }} }}\n"
                   for i in range(count))


def numbers(count):
    return str(list(range(count)))


def make_workflows(line, wide, commands):
    """`line` steps one after the other, `wide` at once, and commands that tell that they began."""
    long_text = "x" * 1500  # more than a record holds: it becomes a blob
    return {"points": f"""
name: points
gates:
  proof:
    commands:
      - {{ run: 'echo 1 >>begun/check; printf "1..2\\nok 1\\nok 2\\n"', tests_min: 2 }}
phases:
  - id: line
    steps:
{sequence("line", line)}
      - {{ id: first, run: '{BEGIN}; echo {long_text}', output: first.txt }}
    gate: proof
  - id: wide
    mode: parallel
    steps:
      - {{ id: wide, foreach: {numbers(wide)}, use: noop }}
      - {{ id: command, foreach: {numbers(commands)}, width: 4, run: '{BEGIN}; echo "$FERMATA_ITEM"' }}
      - {{ id: daemon, run: '{DAEMON}' }}
      - id: again
        run: '{BEGIN}; [ "$FERMATA_ATTEMPT" != 1 ] || exit 75; echo again'
        retry: {{ attempts: 6, backoff: fixed, delay: 1ms, jitter: false }}
  - id: deep
    steps: [{{ id: nested, workflow: inner }}]
  - id: last
    steps: [{{ id: last, run: '{BEGIN}' }}]
""", "inner": f"""
name: inner
phases:
  - id: one
    steps:
      - {{ id: inside, run: '{BEGIN}; echo inside' }}
{sequence("inner", 4)}
"""}


class Shape:
    """A workflow, and what its steps must have told in the end."""

    def __init__(self, line, wide, commands):
        self.workflows = make_workflows(line, wide, commands)
        # first, check, wide, command, daemon, again, nested, last; inside and four more
        self.steps = line + wide + commands + 8 + 5
        self.once = ["first", "check", "daemon", "last", "inside",
                     *(f"command[{i}]" for i in range(commands))]
        self.completed = {*self.once, "again", "nested", "wide", "command",
                          *(f"line{i}" for i in range(line)), *(f"wide[{i}]" for i in range(wide)),
                          *(f"inner{i}" for i in range(4))} - {"check"}


LARGE = Shape(line=95, wide=84, commands=8)
SMALL = Shape(line=2, wide=2, commands=2)


class BridgeShape:
    """One request alone, then two at once, with commands between them."""

    def __init__(self):
        self.workflows = {"points": f"""
name: points
phases:
  - id: ask
    steps: [{{ id: one, agent: host, prompt: First }}]
  - id: both
    mode: parallel
    steps:
      - {{ id: two, agent: host, prompt: "Second: ${{{{ steps.one.output }}}}" }}
      - {{ id: three, agent: host, prompt: Third }}
      - {{ id: beside, run: '{BEGIN}' }}
  - id: last
    steps: [{{ id: last, run: '{BEGIN}' }}]
"""}
        self.hosts = {"one", "two", "three"}
        self.once = ["beside", "last"]
        self.completed = {*self.hosts, *self.once}
        self.steps = len(self.completed)


BRIDGE = BridgeShape()


class Told:
    """What one process told on its standard error, and how it ended."""

    def __init__(self, status, lines, to_first_ms):
        self.status = status
        self.to_first_ms = to_first_ms
        self.records = []
        self.rest = ""
        self.met = None  # the call that was met: (name, path)
        self.records_before = 0
        for line in lines:
            self.add(line)

    def add(self, line):
        met = re.match(r"faults: \d+ (\S+) (.*)", line)
        if met:
            self.met = met.groups()
            self.records_before = len(self.records)
            return
        try:
            record = json.loads(line)
        except ValueError:
            record = None  # also a line cut off by a kill
        if isinstance(record, dict) and "kind" in record and "seq" in record:
            self.records.append(record)
        else:
            self.rest += line

    def gives_reason(self):
        return self.rest or any(r["kind"] == "run_moved" and r.get("detail") for r in self.records)

    def has_lost_sync(self):
        """A sync of the store failed: what was written before it may be lost."""
        return self.met and self.met[0] in ("fsync", "fdatasync") and "/fermata.db" in self.met[1]

    def check_error(self):
        at = f"at {self.met}"
        require(self.status in (0, 1, 3, 5), f"{at}: {self}")
        require(self.status == 0 or self.gives_reason(), f"{at}: {self}: no word why")
        if self.has_lost_sync():
            later = self.records[self.records_before:]
            require(not later, f"{at}: acknowledged after a failed sync: {later}")
            ends = [r["run"] for r in self.records if r["kind"] == "run_moved"
                    and r["status"] == "completed"]
            # The last one is the closing: all is saved, the store is only not tidied up.
            require(self.status == 1 or self.records[0]["run"] in ends,
                    f"{at}: a failed sync was not noticed: {self}")

    def __str__(self):
        last = f"{self.records[-1]}\n" if self.records else ""
        return f"exit status {self.status}\n{last}{self.rest}"


class Trial(Project):
    """One point: a project, the processes that worked in it, and what they acknowledged."""

    def __init__(self, root, name, shape):
        super().__init__(root / name, FERMATA, shape.workflows)
        self.shape = shape
        self.acknowledged = []

    def options(self, how, at, until=None):
        text = f"how={how},at={at},count={self.path}/calls,told=/dev/stderr"
        return text + (f",until={until}" if until else "")

    def start(self, arguments, faults):
        environment = dict(self.environment)
        if faults:
            environment |= {"LD_PRELOAD": str(LIBRARY), "FAULTS": faults, "FERMATA_PASS_ENV": "FAULTS"}
            # The sanitizer wants to be first; here it need not be.
            environment["ASAN_OPTIONS"] = (environment.get("ASAN_OPTIONS", "")
                                           + ":verify_asan_link_order=0")
        return subprocess.Popen([self.fermata, *arguments, "--log-format", "json"], cwd=self.path,
                                env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                errors="replace")

    def drive(self, *arguments, faults=None, on_line=None):
        """Runs a driver to its end; gives what it told."""
        started = time.monotonic()
        process = self.start(arguments, faults)
        watchdog = threading.Timer(PATIENCE_SECONDS, process.kill)
        watchdog.start()
        lines, to_first_ms = [], None
        for line in process.stderr:
            lines.append(line)
            if to_first_ms is None and '"seq"' in line:
                to_first_ms = (time.monotonic() - started) * 1000
            if on_line:
                on_line(line)
        process.stderr.close()
        status = process.wait()
        hung = not watchdog.is_alive()
        watchdog.cancel()
        told = Told(status, lines, to_first_ms)
        self.acknowledged += told.records
        require(not hung, f"{arguments[0]} did not end within {PATIENCE_SECONDS} s: {told}")
        return told

    def has_run(self):
        return any(run["workflow"] == "points" for run in self.runs())

    def is_completed(self):
        runs = [run for run in self.runs() if run["workflow"] == "points"]
        return len(runs) == 1 and runs[0]["status"] == "completed"

    def go_on(self, *options, faults=None):
        """`resume`, or `run` while there is nothing to resume; None: it is completed."""
        if not self.has_run():
            return self.drive("run", "-w", "points", faults=faults)
        if self.is_completed():
            return None
        return self.drive("resume", "last", *options, faults=faults)

    # ---- what must be true at the end

    def check(self, is_killed):
        require(self.is_completed(), f"the runs are {self.runs()}")
        records = self.check_journal()
        self.check_acknowledged(records)
        self.check_completed(records)
        self.check_tables()
        if is_killed:
            self.check_begun_once(self.shape.once)
            lines = self.begun_attempts("again")
            require(len(lines) == (2 if lines[0] == "1" else 1), f"step again began with {lines}")
        for file in self.begun.iterdir():
            lines = file.read_text().split()
            if file.name != "check":
                require(len(lines) == len(set(lines)), f"{file.name}: attempts {lines}")

    def check_acknowledged(self, records):
        kept = {(r["run"], r["seq"]): r for r in records}
        for told in self.acknowledged:
            found = kept.get((told["run"], told["seq"]))
            require(found and all(found.get(key) == told.get(key)
                                  for key in ("kind", "at", "step", "status", "attempt")),
                    f"acknowledged and lost: {told}, the journal has {found}")

    def check_completed(self, records):
        completed = {r["step"] for r in records
                     if r["kind"] in ("step_done", "step_reused")
                     or (r["kind"] == "step_moved" and r.get("status") == "completed")}
        missing = self.shape.completed - completed
        require(not missing, f"never completed: {sorted(missing)}")


class Point:
    """Where something happens; its name repeats it."""

    def __init__(self, *parts):
        self.parts = parts
        self.name = "-".join(str(part) for part in parts)


class Suite:
    """Points of one kind: `list` says which there are, `play` tries one and checks."""

    def __init__(self, root):
        self.root = root
        self.reached = 0
        self.resumed_ms = []

    def count_calls(self, shape, how):
        trial = Trial(self.root, f"count-{how}", shape)
        told = trial.drive("run", "-w", "points", faults=trial.options(how, 0))
        require(told.status == 0, f"without any fault: {told}")
        trial.check(True)
        count = int((trial.path / "calls").read_text())
        shutil.rmtree(trial.path)
        return count

    def note_resumed(self, told):
        if told and told.to_first_ms is not None:
            self.resumed_ms.append(told.to_first_ms)


class Kill(Suite):
    title = "a run of {steps} steps survives SIGKILL"

    def list(self):
        calls = self.count_calls(LARGE, "before")
        writes = self.count_calls(LARGE, "torn")
        print(f"# {calls} calls, {writes} of them writes")
        return [Point(how, at) for how, count in
                (("before", calls), ("after", calls), ("torn", writes))
                for at in range(1, count + 1)]

    def play(self, trial, how, at):
        told = trial.drive("run", "-w", "points", faults=trial.options(how, at))
        require(told.status in (0, -signal.SIGKILL), f"{told}")
        self.reached += told.status != 0
        told = trial.go_on()
        require(told is None or told.status == 0, f"after the kill: {told}")
        self.note_resumed(told)
        trial.check(True)


class Recovery(Suite):
    title = "a resume survives SIGKILL"
    firsts = 12
    calls = 80

    def list(self):
        calls = self.count_calls(LARGE, "before")
        firsts = [max(1, calls * i // self.firsts) for i in range(self.firsts)]
        return [Point(how, first, at) for first in firsts for at in range(1, self.calls + 1)
                for how in ("before", "after", "torn")]

    def play(self, trial, how, first, at):
        told = trial.drive("run", "-w", "points", faults=trial.options("before", first))
        require(told.status in (0, -signal.SIGKILL), f"{told}")
        told = trial.go_on(faults=trial.options(how, at))
        require(told is None or told.status in (0, -signal.SIGKILL), f"the killed resume: {told}")
        self.reached += told is not None and told.status != 0
        told = trial.go_on()
        require(told is None or told.status == 0, f"after both kills: {told}")
        self.note_resumed(told)
        trial.check(True)


class Errors(Suite):
    title = "a run of {steps} steps survives EIO and ENOSPC"

    def list(self):
        count = {how: self.count_calls(SMALL, how) for how in ("eio", "enospc")}
        return [Point(how, times, at) for how in ("eio", "enospc") for times in ("once", "sticky")
                for at in range(1, count[how] + 1)]

    def play(self, trial, how, times, at):
        over = trial.path / "over"

        def on_line(line):
            # Somebody made room.
            if line.startswith("paused: "):
                over.touch()

        told = trial.drive("run", "-w", "points", on_line=on_line, faults=trial.options(
            how, at, over if times == "sticky" else None))
        met = told.met
        self.reached += met is not None
        told.check_error()
        over.touch()
        for _ in range(RESUMES_MAX):
            told = trial.go_on("--retry-failed")
            if told is None or told.status == 0:
                break
        require(told is None or told.status == 0, f"afterwards, at {met}: {told}")
        self.note_resumed(told)
        trial.check(False)


class Host:
    """The program that called Fermata. It answers what it is asked, each request once."""

    def __init__(self, trial):
        self.trial = trial
        self.ids = {}       # (step, attempt) -> the id of its request
        self.answered = {}  # id -> what was answered

    def look(self):
        """All requests that lie anywhere: one of an attempt never has another id."""
        runs = self.trial.path / ".fermata" / "workflows"
        for file in [*runs.glob("wf_*/.agent-request-*.json"),
                     *runs.glob("wf_*/attempts/*/request.json")]:
            request = json.loads(file.read_text())
            key = request["step"], request["context"]["attempt"]
            known = self.ids.setdefault(key, request["request_id"])
            require(known == request["request_id"], f"{file} asks {key} again, by another id")

    def answer(self):
        for file in self.trial.path.glob(".fermata/workflows/wf_*/.agent-request-*.json"):
            request = json.loads(file.read_text())
            if request["request_id"] in self.answered:
                continue
            text = f"{request['step']}: {len(self.answered)}"
            self.answered[request["request_id"]] = text
            response = file.with_name(file.name.replace("request", "response"))
            part = file.with_name("part")
            part.write_text(json.dumps({"request_id": request["request_id"], "version": "1.0",
                                        "status": "success", "response": text}))
            part.rename(response)

    def check(self, hosts):
        require(set(self.ids) == {(step, 1) for step in hosts}, f"asked for: {self.ids}")
        for (step, _), request_id in self.ids.items():
            require(self.trial.call("cat", "last", step) == self.answered[request_id],
                    f"{step} did not get what was answered")
        left = list(self.trial.path.glob(".fermata/workflows/wf_*/.agent-re*.json"))
        require(not left, f"left behind: {left}")


class Bridge(Suite):
    title = "a run of {steps} steps whose host works for it survives SIGKILL"
    parts = 3  # run, and two times resume

    def go_on(self, trial, faults=None):
        if not trial.has_run():
            return trial.drive("run", "-w", "points", "--bridge", "--no-input", faults=faults)
        return None if trial.is_completed() else trial.drive("resume", "last", faults=faults)

    def perform(self, trial, host, part_of_faults, faults):
        """All of it, with faults in one of its parts; gives whether they were met."""
        is_met = False
        for part in range(self.parts + 2):
            here = faults if part == part_of_faults else None
            told = self.go_on(trial, here)
            if told is None:
                break
            if here and told.status == -signal.SIGKILL:
                is_met = True
            else:
                require(told.status in (0, 42), f"part {part}: {told}")
                self.note_resumed(told)
            host.look()
            if told.status == 42:
                host.answer()
        return is_met

    def check(self, trial, host):
        require(trial.is_completed(), f"the runs are {trial.runs()}")
        records = trial.check_journal()
        trial.check_acknowledged(records)
        trial.check_completed(records)
        trial.check_tables()
        trial.check_begun_once(trial.shape.once)
        host.check(trial.shape.hosts)

    def list(self):
        points = []
        for part in range(self.parts):
            for how in ("before", "after", "torn"):
                trial = Trial(self.root, f"count-{part}-{how}", BRIDGE)
                host = Host(trial)
                counted = "before" if how == "after" else how
                self.perform(trial, host, part, trial.options(counted, 0))
                self.check(trial, host)
                calls = int((trial.path / "calls").read_text())
                points += [Point(how, part, at) for at in range(1, calls + 1)]
                shutil.rmtree(trial.path)
        print(f"# {len(points)} points")
        return points

    def play(self, trial, how, part, at):
        host = Host(trial)
        is_met = self.perform(trial, host, part, trial.options(how, at))
        self.reached += is_met
        self.check(trial, host)


# What is played, on what, and each how many-th point of it.
SUITES = {"kill": (Kill, LARGE, 4), "recovery": (Recovery, LARGE, 16), "errors": (Errors, SMALL, 8),
          "bridge": (Bridge, BRIDGE, 24)}


class Runner:
    def __init__(self, suite, shape):
        self.suite = suite
        self.shape = shape
        self.failures = []

    def try_one(self, point):
        if len(self.failures) >= FAILURES_SHOWN:
            return  # it is clear enough
        trial = Trial(self.suite.root, point.name, self.shape)
        try:
            self.suite.play(trial, *point.parts)
            shutil.rmtree(trial.path)
        except (Failure, OSError, ValueError, sqlite3.Error, subprocess.TimeoutExpired) as failure:
            self.failures.append((point.name, f"{type(failure).__name__}: {failure}"))
            for run in trial.runs():
                subprocess.run([trial.fermata, "cancel", run["id"]], cwd=trial.path, check=False,
                               env=trial.environment, capture_output=True)

    def show(self, points):
        times = sorted(self.suite.resumed_ms)
        title = self.suite.title.format(steps=self.shape.steps)
        print(f"{'not ' if self.failures else ''}ok 1 - {title} at {self.suite.reached} of "
              f"{len(points)} points")
        for name, text in self.failures[:FAILURES_SHOWN]:
            print(re.sub("^", "# ", f"CRASH_POINT={name}: {text}", flags=re.MULTILINE))
        if len(self.failures) < FAILURES_SHOWN:
            print(f"# {len(self.failures)} points failed")
        else:
            print("# the points after these were not tried")
        if times:
            print(f"# from the start of resume to the next record: median "
                  f"{times[len(times) // 2]:.0f} ms, longest {times[-1]:.0f} ms")
        left = processes_of(self.suite.root)
        print(f"{'not ' if left else ''}ok 2 - no process is left")
        for line in left[:FAILURES_SHOWN]:
            print(f"# {line}")
        return bool(self.failures or left)


def choose(points, every):
    wanted = os.environ.get("CRASH_POINT")
    if wanted:
        return [point for point in points if point.name == wanted]
    every = int(os.environ.get("CRASH_EVERY") or every * (8 if IS_SANITISED else 1))
    offset = int(os.environ.get("CRASH_OFFSET") or random.SystemRandom().randrange(every)) % every
    print(f"# CRASH_EVERY={every} CRASH_OFFSET={offset}")
    return points[offset::every]


def main():
    # A kill leaves the page cache as it is, so a disk would only cost time.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="fermata-points-", dir=memory))
    kind, shape, every = SUITES[sys.argv[1]]
    runner = Runner(kind(root), shape)
    failed = True
    print("1..2", flush=True)
    try:
        points = choose(runner.suite.list(), every)
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(runner.try_one, points))
        failed = runner.show(points) or not points
    except Failure as failure:
        print(f"not ok 1 - {failure!r}")
    if not failed and not os.environ.get("CRASH_POINT"):
        shutil.rmtree(root)
    else:
        print(f"# kept: {root}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
