# SPDX-License-Identifier: MIT
"""Twenty steps that daemonise, and a kill -9 of the orchestrator: sooner or later nothing is left.

In every second cycle nobody comes back: then the keepers end everything at the deadline. In the
others the run is resumed at once, and taken to its end. After that no process of the steps is there,
no file but those of the attempts, no mount. Prints TAP. DAEMON_CYCLES cycles (12); DAEMON_SEED=N
repeats them.
"""
import concurrent.futures
import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

CYCLES = int(os.environ.get("DAEMON_CYCLES", "12"))
SEED = int(os.environ.get("DAEMON_SEED") or random.randrange(1 << 30))
BUILD = Path(os.environ.get("BUILD", "build")).resolve()
FERMATA = BUILD / "fermata"
WIDTH = 6
STEPS = 20
TIMEOUT_MS = 400
PATIENCE_SECONDS = 30
BEHAVIOURS = ("daemonise", "daemonise-and-wait", "session-chain", "own-subreaper", "hold-output")
ATTEMPT_FILES = {"spec", "claim", "exit.json"}
# A stream on which nothing is said has no file, nor has an attempt that ended before anybody looked.
ATTEMPT_MAY_HAVE = {"stdout", "stderr", "liveness"}
FERMATA_FILES = {".gitignore", "blobs", "config.yaml", "fermata.db", "fermata.db-shm", "fermata.db-wal",
                 "fermata.db.lock", "owners.lock", "reserve", "workflows"}

WORKFLOW = """
name: daemons
phases:
  - id: all
    on_failure: continue
    steps:
      - id: daemon
        foreach: [{items}]
        run: '[ -e go ] || {{ echo x >begun; exec "$HOSTILE" $FERMATA_ITEM {token}; }}'
        timeout: {timeout}ms
"""


class Wrong(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Wrong(text)


def find_mounts(folder):
    """Below the folder: elsewhere other programs mount what they like."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines()
            if str(folder) in line]


def find_processes(*tokens):
    """Of the steps by the environment and the arguments, keepers by the folder they were given."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = (Path(f"/proc/{pid}/cmdline").read_bytes()
                    + Path(f"/proc/{pid}/environ").read_bytes())
        except OSError:
            continue
        if int(pid) != os.getpid() and any(token in text for token in tokens):
            found.append(int(pid))
    return found


def wait_until_gone(*tokens):
    """Waits for one process after the other to end; what these start meanwhile is waited for too."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = find_processes(*tokens)
        if not found:
            return
        check(time.monotonic() < until, f"processes that do not end: {describe(found)}")
        try:
            pidfd = os.pidfd_open(found[0])
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll((until - time.monotonic()) * 1000)
        os.close(pidfd)


def describe(pids):
    lines = []
    for pid in pids:
        try:
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            lines.append(f"{pid}, gone by now")
    return lines


class Cycle:
    def __init__(self, number, scratch):
        self.random = random.Random(SEED * 100003 + number)
        self.is_resumed = number % 2 == 1
        self.token = uuid.uuid4().hex
        self.project = Path(tempfile.mkdtemp(prefix=f"cycle{number}.", dir=scratch))
        folder = self.project / ".fermata/workflows"
        folder.mkdir(parents=True)
        (self.project / "tmp").mkdir()
        (self.project / ".fermata/config.yaml").write_text("concurrency: 20\n")
        items = ", ".join(self.random.choice(BEHAVIOURS) for _ in range(STEPS))
        (folder / "daemons.yaml").write_text(
            WORKFLOW.format(items=items, token=self.token, timeout=TIMEOUT_MS))
        os.mkfifo(self.project / "begun")
        self.begun = os.open(self.project / "begun", os.O_RDWR)

    def start(self, *arguments):
        env = dict(os.environ, HOSTILE=str(BUILD / "tests/programs/hostile"), TERM="dumb",
                   FERMATA_KEEP=str(BUILD / "fermata-keep"), FERMATA_TRUST="1", HOME=str(self.project),
                   TMPDIR=str(self.project / "tmp"), CYCLE_TOKEN=self.token)
        return subprocess.Popen([str(FERMATA), *arguments], cwd=self.project, env=env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def call(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        check(process.returncode == 0, f"{arguments[0]}: exit status {process.returncode}: {err}")
        return out

    def start_and_kill(self):
        """At a moment at which some of the steps, and perhaps none, have begun."""
        process = self.start("run", "-w", "daemons")
        wanted = self.random.randrange(STEPS + 1)
        while wanted > 0:
            ready, _, _ = select.select([self.begun], [], [], PATIENCE_SECONDS)
            check(ready, f"{wanted} steps more did not begin")
            wanted -= len(os.read(self.begun, wanted))
        for _ in range(self.random.randrange(20000)):
            pass
        check(process.poll() is None, "the run ended before it was killed")
        process.kill()
        process.communicate()

    def go(self):
        self.start_and_kill()
        tokens = (self.token.encode(), str(self.project).encode())
        if not self.is_resumed:
            wait_until_gone(*tokens)
            (self.project / "go").touch()
        runs = [path.name for path in (self.project / ".fermata/workflows").glob("wf_*")]
        if not runs:
            # It was killed before its store was whole, which the next one mends.
            (self.project / "go").touch()
        again = ("resume", *runs) if runs else ("run", "-w", "daemons")
        run = json.loads(self.call(*again, "--json"))
        left = find_processes(*tokens)
        check(not left, f"left behind: {describe(left)}")
        self.check_run(run)
        self.check_files()
        os.close(self.begun)
        shutil.rmtree(self.project)

    def check_run(self, run):
        steps = run["phases"][0]["steps"][0]["instances"]
        check(run["status"] == "completed" and len(steps) == STEPS, f"{run['status']}: {steps}")
        for step in steps:
            check(step["status"] == "completed" or step.get("class") == "timeout",
                  f"{step['key']}: {step['status']}, {step.get('error')}")
        for folder in Path(run["folder"]).glob("attempts/*"):
            names = {path.name for path in folder.iterdir()}
            # A process that had not begun has nothing but its claim taken.
            is_unbegun = names <= {"spec", "claim"}
            check(names - ATTEMPT_MAY_HAVE == ATTEMPT_FILES or is_unbegun, f"{folder.name} has {sorted(names)}")

    def check_files(self):
        names = {path.name for path in (self.project / ".fermata").iterdir()}
        check(names <= FERMATA_FILES, f"left in .fermata: {sorted(names - FERMATA_FILES)}")
        check(not list((self.project / "tmp").iterdir()), "temporary files were left")
        check(not list(self.project.rglob("*.tmp*")), "half-written files were left")
        check(not find_mounts(self.project), f"mounts were left: {find_mounts(self.project)}")


def run_cycle(number, scratch, problems):
    if problems:
        return None
    try:
        Cycle(number, scratch).go()
        return None
    except (Wrong, subprocess.TimeoutExpired, ValueError, KeyError) as wrong:
        return f"cycle {number}: {type(wrong).__name__}: {wrong}"


def main():
    problems = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="daemons-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(WIDTH) as pool:
        for problem in pool.map(lambda number: run_cycle(number, scratch, problems),
                                range(CYCLES)):
            if problem:
                problems.append(problem)
    print(f"# {CYCLES} cycles in {time.monotonic() - started:.1f} s, DAEMON_SEED={SEED}")
    print("1..1")
    print(f"{'not ok' if problems else 'ok'} 1 - nothing is left of steps that daemonise when their "
          f"orchestrator is killed")
    for problem in problems:
        print(f"# {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
