#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""paid.py: nothing finished is paid twice. A workflow of three agents, each of another adapter, is killed with -9 at
random instants and resumed, and the model server behind them counts what it was asked; prints TAP.

A kill is either of the orchestrator alone, whose agents go on under their keepers, and end before it is back or not:
then nothing is paid again. Or it is of everything, as when the machine stops: then a step that was in flight may be
asked for once more, and no other. Each run begins with one of either kind in the middle of a call.

A random instant is what this test is about, so the time to a kill is drawn, not waited for. PAID_KILLS: how many;
CRASH_SEED repeats a schedule."""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agents"))
from models import Models  # noqa: E402  # pylint: disable=wrong-import-position
from project import PATIENCE_SECONDS, Failure, Project, require  # noqa: E402  # pylint: disable=wrong-import-position

KILLS = int(os.environ.get("PAID_KILLS") or "10")
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
FERMATA = os.environ.get("FERMATA") or str(Path(__file__).parents[2] / "build" / "fermata")
AGENT = Path(__file__).resolve().with_name("paid_agent.py")
KILLS_A_RUN = 8
INSTANTS_SECONDS = [0.05, 0.2, 0.5, 0.9]  # of its start
ANSWER_SECONDS = 0.3  # of a call: the server takes its time
KINDS = ["orchestrator", "until its agents ended", "everything", "everything"]
FIRST = ["until its agents ended", "everything"]
STEPS = ["coder", "caller", "editor"]
# So many tries that those which a stopped machine takes never use them up.
RETRY = "retry: { attempts: 40, backoff: fixed, delay: 10ms, jitter: false }"


def workflow(project):
    def step(agent, more=""):
        # What is paid is told at once, and the answer takes its time.
        prompt = f"[[mock:text text=good chunks=3 delay_ms=100]] paid for {project}.{agent}"
        return f"{{ id: {agent}, agent: {agent}, prompt: '{prompt}', {RETRY}{more} }}"

    return f"""
name: three
phases:
  - id: one
    steps: [{step("coder")}]
  - id: two
    mode: parallel
    steps:
      - {step("caller", f", model: {project}.caller")}
      - {step("editor")}
"""


def config(url):
    program = json.dumps(sys.executable)
    return f"""
agents:
  coder: {{ type: claude, command: [{program}, -SE, {AGENT}, claude, "{url}"] }}
  caller: {{ type: openai-compatible, endpoint: "{url}/v1", model: m }}
  editor: {{ type: acp, command: [{program}, -SE, {AGENT}, acp, "{url}"] }}
"""


class Paid(Project):
    def __init__(self, root, number, rng, models):
        self.name = f"project{number}"
        super().__init__(root / self.name, FERMATA, {"three": workflow(self.name)})
        (self.path / ".fermata/config.yaml").write_text(config(models.url))
        self.rng = rng
        self.models = models
        self.kills = collections.Counter()
        self.extra = collections.Counter()  # of each step: how many calls may have been lost
        self.finished = {}  # step -> how often it had been paid for when it was found to be finished

    def calls(self):
        """Of each step: how often the server was asked for it."""
        counts = collections.Counter()
        for entry in self.models.log(5000):
            project, _, step = entry.get("model", "").partition(".")
            counts[step] += project == self.name
        return counts

    def main_run(self):
        runs = self.runs()
        require(len(runs) <= 1, f"{len(runs)} runs where one was started")
        return runs[0] if runs else None

    def look(self):
        """The steps that are finished, and those in flight, as the journal has them."""
        done, begun = set(), set()
        for record in self.read_journal() if self.main_run() else []:
            if record["kind"] == "attempt_started":
                begun.add(record["step"])
            if record["kind"] == "step_moved" and record["status"] == "completed":
                done.add(record["step"])
        return {step.split("/")[-1] for step in done}, {step.split("/")[-1] for step in begun - done}

    def find_processes(self):
        """Orchestrators, keepers and agents: all that has this project in its environment or arguments."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and int(folder.name) != os.getpid() and any(
                        f"{self.path}/".encode() in (folder / name).read_bytes() + b"/"
                        for name in ("environ", "cmdline")):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def stop_machine(self):
        """All at once, or nearly; what one of them had just started is found by the next look."""
        def stop():
            found = [pid for pid in self.find_processes() if not is_dead(pid)]
            self.rng.shuffle(found)
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not found

        self.await_(stop, "processes do not end")

    @staticmethod
    def arguments(run):
        """How it goes on. A step that is lost three times in a row is left to a person: it may be why."""
        if not run:
            return "run", "-w", "three", "--no-input"
        is_lost = run["status"] == "paused" and "ended without a trace" in run["detail"]
        require(is_lost or run["status"] in ("pending", "running"), f"the run is {run}")
        return "resume", run["id"], "--no-input", *(["--retry-failed"] if is_lost else [])

    def kill_once(self):
        """One kill of whoever drives the run; False: it is completed."""
        run = self.main_run()
        if run and run["status"] == "completed":
            return False
        kind = self.rng.choice(KINDS)
        is_of_call = self.rng.random() < 0.6
        if self.kills.total() < len(FIRST):
            kind, is_of_call = FIRST[self.kills.total()], True
        with open(self.path / "driver.out", "ab") as log:
            process = subprocess.Popen([self.fermata, *self.arguments(run)], cwd=self.path, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.await_instant(process, is_of_call)
        process.kill()
        process.wait()
        if kind == "everything":
            self.stop_machine()
        if kind == "until its agents ended":
            self.await_(lambda: not self.find_processes(), "the agents do not end")
        self.kills[kind] += 1
        self.note(kind == "everything")
        return True

    @staticmethod
    def await_(condition, problem):
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            require(time.monotonic() < end, problem)

    def await_instant(self, process, is_of_call):
        """Of its start, whatever it does by then, or of a call that it, or one before it, has made."""
        if is_of_call:
            self.await_(lambda: self.models.stats()["active"] > 0 or process.poll() is not None, "nobody calls")
        time.sleep(self.rng.uniform(0, ANSWER_SECONDS if is_of_call else self.rng.choice(INSTANTS_SECONDS)))

    def note(self, is_all):
        done, in_flight = self.look()
        counts = self.calls()
        for step in done - set(self.finished):
            self.finished[step] = counts[step]
        if is_all:
            self.extra.update(in_flight)

    def let_finish(self):
        """At once, but that what was lost the third time in a row is told of before it is tried again."""
        for _ in range(2):
            run = self.main_run()
            if not run or run["status"] != "completed":
                self.call(*self.arguments(run), status=(0, 3))

    # ---- what must be true at the end

    def check_completed(self):
        run = self.main_run()
        require(run and run["status"] == "completed", f"the run is {run}")
        for step in STEPS:
            said = self.call("cat", run["id"], step).strip()
            require(said == "good", f"step {step} has the answer {said!r}")

    def check_finished(self):
        counts = self.calls()
        for step, count in self.finished.items():
            require(counts[step] == count, f"step {step} was finished, and paid {counts[step] - count} times more")

    def check_in_flight(self):
        counts = self.calls()
        for step in STEPS:
            require(1 <= counts[step] <= 1 + self.extra[step],
                    f"step {step} was paid {counts[step]} times; the machine stopped {self.extra[step]} times in it")


def is_dead(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


CHECKS = [
    ("every run is completed, with the answers of all three", Paid.check_completed),
    ("what was finished was never paid again", Paid.check_finished),
    ("what was in flight was paid at most once more for each time that everything was killed", Paid.check_in_flight),
    ("no process of a run is left", Project.check_processes),
    ("the journal has no gap and no outcome twice", Project.check_journal),
]


def play(root, rng, models, projects):
    kills = 0
    while kills < KILLS:
        project = Paid(root, len(projects), rng, models)
        projects.append(project)
        quota = min(KILLS_A_RUN, KILLS - kills)
        while project.kills.total() < quota and project.kill_once():
            pass
        kills += project.kills.total()
        project.let_finish()


def check(number, name, function, projects):
    problems = [] if projects else ["# nothing was run"]
    for project in projects:
        try:
            function(project)
        except (Failure, OSError, ValueError, KeyError) as failure:
            problems.append(f"# {project.name}: {failure}".replace("\n", "\n# "))
    print("\n".join([f"{'not ' if problems else ''}ok {number} - {name}", *problems]), flush=True)
    return bool(problems)


def main():
    rng = random.Random(SEED)
    root = Path(tempfile.mkdtemp(prefix="fermata-paid-"))
    projects = []
    print(f"# CRASH_SEED={SEED}\n1..{len(CHECKS) + 1}", flush=True)
    with Models() as models:
        failed = 0
        try:
            play(root, rng, models, projects)
            kills = sum((project.kills for project in projects), collections.Counter())
            again = sum(count - 1 for project in projects for count in project.calls().values() if count)
            told = ", ".join(f"{kill} {count}" for kill, count in sorted(kills.items()))
            print(f"ok 1 - {kills.total()} kills in {len(projects)} runs ({told}), each of which could go on; {again} "
                  "calls were lost and made again")
        except (Failure, subprocess.TimeoutExpired, ValueError) as failure:
            failed = 1
            print(f"not ok 1 - a run could not go on\n# {str(failure)!r}")
        for number, (name, function) in enumerate(CHECKS, 2):
            failed += check(number, name, function, projects)
        if failed:
            print(f"# kept: {root}")
            for project in projects:
                project.stop_machine()
        else:
            shutil.rmtree(root)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
