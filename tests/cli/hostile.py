# SPDX-License-Identifier: MIT
"""Steps that behave as no step should (tests/programs/hostile.c), each beside 20 normal ones in one
run of the real binary. Prints TAP.

Of each is shown: how it ends and with which reason; that the others end well, each begun once; that
when the run has ended no process, file or mount of the step is left; that tables and journal agree.
With HOSTILE_MEASURE=1 (`make hostile`) beside 50, and also what a busy machine makes fail: deadline, memory,
how long a turn holds the loop, the pace of the others. HOSTILE_ONLY names behaviours.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

MEASURE = os.environ.get("HOSTILE_MEASURE") == "1"
BUILD = Path(os.environ.get("BUILD", "build")).resolve()
FERMATA = BUILD / "fermata"
HOSTILE = BUILD / "tests/programs/hostile"
LOOP_WATCH = BUILD / "tests/programs/loop_watch.so"

NORMAL_STEPS = 50 if MEASURE else 20
TIMEOUT_MS = 3000 if MEASURE else 1000
GONE_MS = 2000  # after the deadline
HELD_US_MAX = 50000
MEMORY_KB_MAX = 64 * 1024
PACE_MIN = 0.95
PACE_ROUNDS = 5
MI = 1024 * 1024
RUN_SECONDS_MAX = 90

TIMED_OUT = ("failed", "timeout", r"timed out")
COMPLETED = ("completed", None, None)
LOST = ("failed", "lost", r"ended without a trace")

# behaviour: status, class, reason, and what its output must have been
BEHAVIOURS = {
    "fork-bomb": TIMED_OUT,
    "daemonise": COMPLETED,
    "daemonise-and-wait": TIMED_OUT,
    "session-chain": TIMED_OUT,
    "ignore-term": TIMED_OUT,
    "stop-itself": TIMED_OUT,
    "stubborn-children": TIMED_OUT,
    "zombies": COMPLETED,
    "exec-loop": TIMED_OUT,
    "vfork-hang": TIMED_OUT,
    "traced-child": TIMED_OUT,
    "dead-leader": TIMED_OUT,
    "rename-itself": TIMED_OUT,
    "own-subreaper": COMPLETED,
    "own-namespace": TIMED_OUT,
    "change-user": TIMED_OUT,
    "sleep-on": TIMED_OUT,
    "crash": ("failed", "permanent", r"killed by signal 11"),
    "exit-255": ("failed", "permanent", r"exit status 255"),
    "kill-group": ("failed", "permanent", r"killed by signal 9"),
    "close-output": COMPLETED,
    "hold-output": COMPLETED + (5,),
    "write-after-end": COMPLETED,
    "flood": COMPLETED + (1024 * MI,),
    "endless-line": TIMED_OUT,
    "garbage": COMPLETED + (4 * MI,),
    "tiny-writes": COMPLETED + (500000,),
    "trickle": TIMED_OUT,
    "many-files": COMPLETED,
    "many-descriptors": TIMED_OUT,
    "fill-disk": ("failed", "permanent", r"killed by signal 25"),
    "close-folder": COMPLETED,
    "remove-folder": LOST,
    "plant-links": ("failed", "transient", r"output could not be kept"),
    "plant-pipes": ("failed", "transient", r"cannot read stdout|could not be kept"),
    "forge-exit": ("failed", "permanent", r"exit status 3"),
    "forge-tail": TIMED_OUT,
    "steal-claim": COMPLETED,
    "kill-keeper": LOST,
    "kill-keeper-unseen": LOST,
    "forge-exit-and-kill-keeper": COMPLETED,
    "stop-keeper": TIMED_OUT,
    "keep-keeper-stopped": TIMED_OUT,
    "terminate-keeper": ("failed", "cancelled", r"stopped"),
}
# What takes longer than a deadline to do is given more time.
LONGER_MS = {"flood": 60000, "tiny-writes": 60000, "many-files": 60000, "plant-links": 60000,
             "plant-pipes": 60000, "fill-disk": 60000, "garbage": 60000, "zombies": 60000}
ATTEMPT_FILES = {"spec", "claim", "exit.json"}
# A stream on which nothing is said has no file, and a step that ends soon is not looked at.
ATTEMPT_MORE = {"stdout", "stderr", "liveness"}

WORKFLOW = """
name: hostile
phases:
  - id: all
    on_failure: continue
    mode: parallel
    steps:
      - {{ id: hostile, run: 'exec "$HOSTILE" {behaviour} {token}', timeout: {timeout}ms }}
      - id: normal
        foreach: [{items}]
        run: 'sleep {pause}; echo "item $FERMATA_ITEM"'
"""


class Wrong(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Wrong(text)


def read_proc(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def find_processes(token):
    """By the environment and by the arguments, of which the token is one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        for task in [pid, *list_tasks(pid)]:
            if token in read_proc(task, "environ") + read_proc(task, "cmdline"):
                found.append((int(pid), read_proc(pid, "cmdline")))
                break
    return found


def list_tasks(pid):
    try:
        return [f"{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


class Run:
    """One run with one hostile step."""

    def __init__(self, behaviour, scratch):
        self.behaviour = behaviour
        self.token = uuid.uuid4().hex
        self.project = Path(tempfile.mkdtemp(prefix=behaviour + ".", dir=scratch))
        self.watch = self.project / "watched"
        self.timeout_ms = LONGER_MS.get(behaviour, TIMEOUT_MS)
        folder = self.project / ".fermata/workflows"
        folder.mkdir(parents=True)
        (self.project / "victim").write_text("untouched\n")
        (self.project / ".fermata/config.yaml").write_text("settings: { max_concurrent_agents: 8 }\n")
        (folder / "hostile.yaml").write_text(WORKFLOW.format(
            behaviour=behaviour, token=self.token, timeout=self.timeout_ms,
            items=", ".join(str(i) for i in range(NORMAL_STEPS)),
            pause=0.3 if MEASURE else 0.05))

    def environment(self):
        env = dict(os.environ, HOSTILE=str(HOSTILE), HOSTILE_TOKEN=self.token,
                   FERMATA_KEEP=str(BUILD / "fermata-keep"), FERMATA_TRUST="1", HOME=str(self.project), TERM="dumb")
        if MEASURE:
            env.update(LD_PRELOAD=str(LOOP_WATCH), LOOP_WATCH=str(self.watch))
        return env

    def fermata(self, *arguments):
        return subprocess.run([str(FERMATA), *arguments], cwd=self.project, env=self.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=RUN_SECONDS_MAX)

    def go(self):
        done = self.fermata("run", "-w", "hostile", "--json")
        self.left = find_processes(self.token.encode())
        self.stderr = done.stderr
        check(done.returncode == 0,
              f"exit status {done.returncode}: {done.stderr[-2000:].decode('utf-8', 'replace')}")
        self.run = json.loads(done.stdout)
        steps = self.run["phases"][0]["steps"]
        self.hostile = next(step for step in steps if step["key"] == "hostile")
        self.normal = next(step for step in steps if step["key"] == "normal")["instances"]
        if MEASURE:
            self.read_watch()

    def read_watch(self):
        """Of the turns only those before the run had ended: then its summary is made."""
        lines = [[int(word) for word in line.split()]
                 for line in self.watch.read_text().splitlines()]
        turns, self.held_p99_us, self.memory_kb = lines[0]
        check(turns > 0, "the loop was not watched")
        long_turns = [line[1:] for line in lines[1:] if line[0] <= self.run["ended_at"]]
        self.held_us, self.waits, self.preempted = max(long_turns, default=(0, 0, 0))

    def overdue_ms(self):
        """How long after its deadline all of the step had gone."""
        return self.hostile["duration_ms"] - self.timeout_ms

    def span_ms(self):
        return (max(step["ended_at"] for step in self.normal)
                - min(step["started_at"] for step in self.normal))

    def check_hostile(self):
        status, class_, reason, *bytes_wanted = BEHAVIOURS[self.behaviour]
        step = self.hostile
        seen = f"{step['status']}, class {step.get('class')}, error {step.get('error')!r}"
        check(step["status"] == status and step.get("class") == class_, seen)
        check(reason is None or re.search(reason, step["error"]), seen)
        if bytes_wanted:
            check(step["output"]["bytes"] == bytes_wanted[0],
                  f"{step['output']['bytes']} bytes of output instead of {bytes_wanted[0]}")

    def check_rest(self):
        check(len(self.normal) == NORMAL_STEPS, f"{len(self.normal)} normal steps")
        for i, step in enumerate(self.normal):
            check(step["status"] == "completed" and step["attempts"] == 1
                  and step["output"]["inline"] == f"item {i}\n", f"normal step {i}: {step}")
        check(not self.left, f"left behind: {self.left}")
        check((self.project / "victim").read_text() == "untouched\n", "a link was followed")
        check(not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", self.stderr), "control bytes in progress")
        for folder in Path(self.run["folder"]).glob("attempts/normal*"):
            names = {path.name for path in folder.iterdir()}
            check(names - ATTEMPT_MORE == ATTEMPT_FILES, f"{folder.name} has {sorted(names)}")
        # Elsewhere other programs mount what they like.
        check(str(self.project) not in Path("/proc/self/mounts").read_text(), "a mount was left")
        doctor = json.loads(self.fermata("doctor", "--rebuild", "--json").stdout)
        check(doctor["rebuilt"]["differences"] == [], f"tables differ: {doctor['rebuilt']}")

    def check_measured(self, base):
        step = self.hostile
        if step.get("class") == "timeout":
            check(0 <= self.overdue_ms() <= GONE_MS, f"gone {self.overdue_ms()} ms after the deadline")
        check(self.held_us <= HELD_US_MAX, f"a turn held the loop for {self.held_us} us; it waited "
              f"{self.waits} times, and the processor was taken away {self.preempted} times")
        check(self.memory_kb <= base.memory_kb + MEMORY_KB_MAX,
              f"{self.memory_kb} KB resident instead of {base.memory_kb}")


def describe(run):
    text = f"{run.span_ms()} ms for the others"
    if run.hostile.get("class") == "timeout":
        text += f", gone {run.overdue_ms()} ms after the deadline"
    if MEASURE:
        text += (f", loop held {run.held_us / 1000:.1f} ms at most (p99 {run.held_p99_us / 1000:.1f}),"
                 f" {run.memory_kb} KB")
    return text


def try_once(behaviour, scratch):
    run = Run(behaviour, scratch)
    run.go()
    run.check_hostile()
    run.check_rest()
    return run


def measure(behaviour, scratch):
    """Rounds of a step that sleeps and one that does not; the best of each counts."""
    spans = {"sleep-on": [], behaviour: []}
    for _ in range(PACE_ROUNDS):
        base = Run("sleep-on", scratch)
        base.go()
        spans["sleep-on"].append(base.span_ms())
        run = try_once(behaviour, scratch)
        spans[behaviour].append(run.span_ms())
        pace = min(spans["sleep-on"]) / min(spans[behaviour])
        try:
            run.check_measured(base)
            check(pace >= PACE_MIN, f"the others kept {pace:.1%} of their pace: {spans}")
            return f"{describe(run)}, pace {pace:.1%}"
        except Wrong as wrong:
            problem = wrong
    raise problem


def judge(behaviour, scratch):
    """(passed, TAP lines)"""
    name = behaviour.replace("-", " ")
    try:
        notes = measure(behaviour, scratch) if MEASURE else describe(try_once(behaviour, scratch))
        return True, f"{name} # {notes}"
    except (Wrong, subprocess.TimeoutExpired, ValueError, KeyError) as wrong:
        return False, f"{name}\n# {type(wrong).__name__}: {wrong}"


def main():
    names = os.environ.get("HOSTILE_ONLY", "").split() or list(BEHAVIOURS)
    width = 1 if MEASURE else 4  # most of it is waiting
    failed = 0
    print(f"1..{len(names)}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hostile-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(width) as pool:
        judged = pool.map(lambda name: judge(name, scratch), names)
        for number, (passed, text) in enumerate(judged, 1):
            print(f"{'ok' if passed else 'not ok'} {number} - {text}", flush=True)
            failed += not passed
    print(f"# {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
