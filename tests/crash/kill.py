#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill.py: kill -9 of whatever drives a run, at 50 random instants, then resume; prints TAP.

The runs mix quick commands, commands that outlive the kill, foreach instances, functions, gates,
a retry and a nested workflow. The killed process is a detached driver, a foreground `run` or a
`resume` at any point of its own start. Every step tells in a file of its own that it began; only
the orchestrator is killed, never a keeper, so each of them must have begun exactly as often as its
workflow says: nothing finished is begun again, and nothing in flight either.

A random instant is what this test is about, so the time to a kill is drawn, not waited for; what
must have happened before the test goes on is always awaited as an event.
"""
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from project import PATIENCE_SECONDS, Failure, Project, require

KILLS = int(os.environ.get("CRASH_KILLS", "50"))
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
FERMATA = os.environ.get("FERMATA") or str(Path(__file__).parents[2] / "build" / "fermata")
KILLS_A_RUN = 12
# A start takes some 30 ms and a run without kills some 600: the draw covers both.
INSTANTS_SECONDS = [0.02, 0.06, 0.2, 0.5]

# Waits until the orchestrator has been killed once more; `calm` means that no kill is to come.
OUTLIVE = ('echo begun; was=$(wc -c <kills); '
           'until [ -e calm ] || [ "$(wc -c <kills)" -gt "$was" ]; do sleep 0.01; done; '
           'seq 1 2000; echo ended')
BEGIN = 'echo "$FERMATA_ATTEMPT" >>"begun/$FERMATA_STEP"'

MIX = f"""
name: mix
gates:
  proof:
    commands:
      - {{ run: 'echo x >>begun/check; printf "1..2\\nok 1\\nok 2\\n"', tests_min: 2 }}
phases:
  - id: quick
    steps:
      - {{ id: first, run: '{BEGIN}; echo first' }}
      - {{ id: second, run: '{BEGIN}; echo second >&2; echo second', output: second.txt }}
    gate: proof
  - id: wide
    mode: parallel
    steps:
      - {{ id: slow, run: '{BEGIN}; {OUTLIVE}' }}
      - {{ id: slower, run: '{BEGIN}; {OUTLIVE}; {OUTLIVE}' }}
      - {{ id: each, foreach: [a, b, c, d], width: 2, run: '{BEGIN}; echo "$FERMATA_ITEM"' }}
      - {{ id: nothing, use: noop, with: {{ value: 7 }} }}
      - {{ id: pause, use: sleep, with: {{ milliseconds: 30 }} }}
      - id: again
        run: '{BEGIN}; [ "$FERMATA_ATTEMPT" != 1 ] || exit 75; echo again'
        retry: {{ attempts: 6, backoff: fixed, delay: 20ms, jitter: false }}
  - id: deep
    steps: [{{ id: nested, workflow: inner }}]
  - id: last
    steps: [{{ id: last, run: '{BEGIN}; echo last' }}]
"""
INNER = f"""
name: inner
phases:
  - id: one
    steps:
      - {{ id: inside, run: '{BEGIN}; {OUTLIVE}' }}
      - {{ id: inside2, run: '{BEGIN}; echo inside2' }}
"""
ONCE = ["first", "second", "slow", "slower", "each[0]", "each[1]", "each[2]", "each[3]", "last",
        "inside", "inside2"]
OUTLIVED = "begun\n" + "".join(f"{i}\n" for i in range(1, 2001)) + "ended\n"
OUTPUTS = {"first": "first\n", "second": "second\n", "slow": OUTLIVED, "slower": OUTLIVED * 2,
           "each[2]": "c\n", "again": "again\n", "last": "last\n"}


class Killed(Project):
    def __init__(self, root, number, rng):
        super().__init__(root / f"project{number}", FERMATA, {"mix": MIX, "inner": INNER})
        self.rng = rng
        (self.path / "kills").touch()
        self.kills = 0

    def start(self, *arguments):
        log = open(self.path / "driver.out", "ab")
        with log:
            return subprocess.Popen([FERMATA, *arguments], cwd=self.path, env=self.environment,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def main_run(self):
        runs = [run for run in self.runs() if run["workflow"] == "mix"]
        require(len(runs) <= 1, f"{len(runs)} runs where one was started")
        return runs[0] if runs else None

    def note_kill(self):
        self.kills += 1
        with open(self.path / "kills", "a", encoding="ascii") as file:
            file.write("x")

    def draw_instant(self):
        return self.rng.uniform(0, self.rng.choice(INSTANTS_SECONDS))

    def kill_foreground(self, *arguments):
        """Starts a driver and kills it at a random instant of its own life."""
        process = self.start(*arguments)
        time.sleep(self.draw_instant())
        process.kill()
        process.wait()
        self.note_kill()

    def kill_detached(self, *arguments):
        answer = json.loads(self.call(*arguments, "--detach", "--json"))
        pid = os.pidfd_open(answer["pid"]) if Path(f"/proc/{answer['pid']}").exists() else -1
        time.sleep(self.draw_instant())
        if pid >= 0:
            signal.pidfd_send_signal(pid, signal.SIGKILL)
            wait_for_end(pid)
        self.note_kill()

    def step_of_death(self):
        """One kill of whoever drives the run, in one of the ways a run is driven."""
        run = self.main_run()
        arguments = ("resume", run["id"]) if run else ("run", "-w", "mix")
        if run and run["status"] == "completed":
            return False
        require(not run or run["status"] in ("pending", "running"),
                f"the run is {run and run['status']} after a kill: {run}")
        if self.rng.random() < 0.5:
            self.kill_detached(*arguments)
        else:
            self.kill_foreground(*arguments)
        return True

    def let_finish(self):
        (self.path / "calm").touch()
        run = self.main_run()
        if not run:
            self.call("run", "-w", "mix")
        elif run["status"] != "completed":
            self.call("resume", run["id"])

    # ---- what must be true at the end

    def check_completed(self):
        run = self.main_run()
        require(run and run["status"] == "completed", f"the run is {run}")
        for other in self.runs():
            require(other["status"] == "completed", f"run {other['id']} is {other['status']}")

    def check_begun(self):
        self.check_begun_once([*ONCE, "check"])
        lines = self.begun_attempts("again")
        # The first attempt to begin may have a higher number when a kill came before its process.
        require(len(lines) == (2 if lines[0] == "1" else 1), f"step again began with {lines}")

    def check_outputs(self):
        run = self.main_run()["id"]
        for step, wanted in OUTPUTS.items():
            got = self.call("cat", run, step)
            require(got == wanted, f"step {step} printed {len(got)} bytes, {len(wanted)} expected")

    def clean_up(self):
        for run in self.runs():
            if run["status"] not in ("completed", "cancelled", "failed"):
                subprocess.run([FERMATA, "cancel", run["id"]], cwd=self.path, check=False,
                               env=self.environment, capture_output=True)


def wait_for_end(pidfd):
    """SIGKILL has been sent; the end is near."""
    import select  # pylint: disable=import-outside-toplevel
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    require(poll.poll(PATIENCE_SECONDS * 1000), "a killed process does not end")
    os.close(pidfd)


CHECKS = [
    ("every run is completed", Killed.check_completed),
    ("no step began twice, finished or in flight", Killed.check_begun),
    ("every output was taken over to the byte", Killed.check_outputs),
    ("no process of a run is left", Project.check_processes),
    ("the tables agree with the journal", Project.check_tables),
    ("the journal has no gap and no outcome twice", Project.check_journal),
]


def play(root, rng, projects):
    kills = 0
    while kills < KILLS:
        project = Killed(root, len(projects), rng)
        projects.append(project)
        quota = min(KILLS_A_RUN, KILLS - kills)
        while project.kills < quota and project.step_of_death():
            pass
        kills += project.kills
        project.let_finish()
    return kills


def main():
    rng = random.Random(SEED)
    root = Path(tempfile.mkdtemp(prefix="fermata-crash-"))
    failed = 0
    print(f"# CRASH_SEED={SEED}")
    print(f"1..{len(CHECKS) + 1}")
    projects = []
    try:
        kills = play(root, rng, projects)
        print(f"ok 1 - {kills} kills in {len(projects)} runs, each of which could go on")
    except (Failure, subprocess.TimeoutExpired, ValueError) as failure:
        failed += 1
        print(f"not ok 1 - a run could not go on\n# {str(failure)!r}")
    for number, (name, check) in enumerate(CHECKS, 2):
        problems = [] if projects else ["# nothing was run"]
        for project in projects:
            try:
                check(project)
            except (Failure, OSError, ValueError, sqlite3.Error) as failure:
                problems.append(f"# {project.path.name}: {failure}".replace("\n", "\n# "))
        print(f"{'not ' if problems else ''}ok {number} - {name}")
        print("\n".join(problems), end="\n" if problems else "")
        failed += bool(problems)
    if failed:
        print(f"# kept: {root}")
        for project in projects:
            project.clean_up()
    else:
        shutil.rmtree(root)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
