#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""conformance.py FOLDER [--programs NAMES] [--cases NAMES] [--jobs N] [--keep]: the real coding programs, through the real
fermata, against the stand-in for model servers.

FOLDER is where tools/install-agents put the programs. Each case is a run of a one-step workflow in a
repository of its own, with a home of its own for each program, in a network namespace that has loopback
only (where the kernel allows one; else it is said). FERMATA names the binary, else build/fermata. Prints
one table, a line for each case that failed, and last `N passed, N failed`.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from programs import PROGRAMS

ROOT = Path(__file__).resolve().parent.parent.parent
IN_NAMESPACE = "FERMATA_CONFORMANCE_NAMESPACE"
ANSWER = "all is good"
START_SECONDS = 120  # opencode takes a minute to start on a busy machine


class Server:
    """The stand-in for model servers."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "tests/support/mock_models.py", "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = re.search(r"http://\S+", self.process.stdout.readline()).group(0)

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=10) as answer:
            return json.load(answer)

    def reset(self):
        self.ask("/__mock/reset", {})

    def stop(self):
        self.process.terminate()
        self.process.wait()


def closed_port():
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


def describe(error):
    return str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"


class Project:
    """A repository with one workflow of agent steps."""

    def __init__(self, bench, program, url):
        self.bench, self.program = bench, program
        self.folder = Path(tempfile.mkdtemp(prefix=f"{program.name}-", dir=bench.scratch))
        (self.folder / ".fermata/workflows").mkdir(parents=True)
        (self.folder / "a.txt").write_text("hello\n")
        (self.folder / ".gitignore").write_text(".fermata/\n")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "start")
        self.programs, self.agents, self.said = [], {}, ""
        self.add_agent(program, url)

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True,
                              text=True).stdout

    def add_agent(self, program, url):
        if program not in self.programs:
            self.programs.append(program)
        self.agents[program.name] = {"type": program.kind or program.name, "command": program.command(url),
                                     "env": program.env(url), **({"model": program.model} if program.model else {})}
        (self.folder / ".fermata/config.yaml").write_text(json.dumps({"agents": self.agents}))

    def workflow(self, *steps):
        document = {"name": "w", "phases": [{"id": "p", "steps": list(steps)}]}
        (self.folder / ".fermata/workflows/w.yaml").write_text(json.dumps(document))

    def step(self, prompt, seconds=START_SECONDS, attempts=1, delay="100ms", **keys):
        return {"id": "s", "agent": self.program.name, "prompt": prompt, "timeout": f"{seconds}s",
                "retry": {"attempts": attempts, "delay": delay, "jitter": False}, **keys}

    def fermata(self, *arguments, seconds=600):
        return subprocess.run([self.bench.fermata, *arguments], cwd=self.folder, env=self.bench.env(*self.programs),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)

    def start(self, *arguments):
        return subprocess.Popen([self.bench.fermata, *arguments], cwd=self.folder, env=self.bench.env(*self.programs),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *steps):
        """Runs it to its rest; the last step as `fermata show` has it."""
        self.workflow(*steps)
        done = self.fermata("run", "-w", "w", "--no-input", "task")
        self.said = done.stdout + done.stderr
        return self.last_step()

    def show(self):
        done = self.fermata("show", "last", "--json")
        expect(done.returncode == 0, f"fermata show: {done.stderr or self.said}")
        return json.loads(done.stdout)

    def last_step(self):
        steps = [step for phase in self.show()["phases"] for step in phase["steps"]]
        return steps[-1]

    def attempt(self, number=None, step="s"):
        folders = sorted(self.folder.glob(f".fermata/workflows/*/attempts/{step}.*"),
                         key=lambda path: int(path.name.rsplit(".", 1)[1]))
        expect(len(folders) > (number or 0), f"there are {len(folders)} attempts")
        return folders[-1 if number is None else number]

    def events(self, number=None):
        lines = (self.attempt(number) / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def cost(self, number):
        return [event["usage"]["cost_usd"] for event in self.events(number)
                if event["event"] == "usage" and "cost_usd" in event["usage"]][-1]

    def output(self, step):
        output = step.get("output", {})
        if "inline" in output:
            return output["inline"]
        return self.fermata("cat", "last", step["key"]).stdout

    def changes(self):
        return self.git("status", "--short").split("\n")[:-1]

    def processes(self):
        """What still runs of this project's attempts."""
        found = []
        mark = f"{self.folder}/.fermata/".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if b"FERMATA_ATTEMPT_FOLDER=" + mark in path.read_bytes():
                    found.append((path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass
        return found

    def nothing_survives(self):
        until = time.monotonic() + 10
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        expect(not self.processes(), f"still there: {self.processes()[:3]}")


def expect_done(project, step, answer):
    expect(step["status"] == "completed", f"{step['status']} ({step.get('class')}): {step.get('error')}")
    said = project.output(step)
    expect(said.rstrip("\n") == answer, f"it said {len(said)} characters, {said[:200]!r}, instead of {answer[:200]!r}")


def expect_failed(step, *classes):
    expect(step["status"] == "failed", f"{step['status']} instead of failed: {step.get('output')}")
    expect(step.get("class") in classes, f"{step.get('class')} instead of {classes}: {step.get('error')}")


# ---- the cases ----

def success(project):
    step = project.run(project.step(f'do it [[mock:text text="{ANSWER}"]]'))
    expect_done(project, step, ANSWER)
    names = [event["event"] for event in project.events()]
    for name in ("session", "text", "done"):
        expect(name in names, f"no event `{name}`: {names}")
    expect(not list(project.attempt().glob("tmp")), "its temporary files were left")


def edit(project):
    step = project.run(project.step('do it [[mock:write path=b.txt content="new\\n" | text text=finished]]'))
    expect_done(project, step, "finished")
    expect(project.changes() == ["?? b.txt"], f"the tree has {project.changes()}")
    expect((project.folder / "b.txt").read_text().strip() == "new", "b.txt holds something else")


def question(project):
    """It asks, the run rests, a person answers, the step goes on knowing the answer. What its session used before is
    counted once."""
    asks = '{"clarification_needed": true, "questions": ["Which file?"]}'
    project.bench.server.ask("/__mock/config", {"rules": [
        {"match": "Do not ask these again", "scenario": f'text text="{ANSWER}" in=1000 out=70'},
        {"match": "settle it", "scenario": f"text text='{asks}' in=30000 out=50"}]})
    step = project.run(project.step("settle it", attempts=2))
    expect(project.show()["status"] == "paused", f"the run is {project.show()['status']}: {project.said[-300:]}")
    expect(step.get("question", {}).get("questions") == ["Which file?"], f"it asks {step.get('question')}")
    done = project.fermata("answer", "last", "s", "b.txt", "--resume")
    project.said = done.stdout + done.stderr
    step = project.last_step()
    expect_done(project, step, ANSWER)
    said = step.get("usage") or {}
    expect((said.get("input_tokens"), said.get("output_tokens")) == (31000, 120), f"usage {said}")
    if project.program.has_cost:
        asked, answered = (project.cost(number) for number in (0, 1))
        expect(0 < answered < asked, f"the second attempt cost {answered}, the first {asked}")
    expect("A: b.txt" in project.bench.prompts("Do not ask these again"), "the answer did not reach the model")


def tools(project):
    step = project.run(project.step(
        "do it [[mock:read path=a.txt in=1000 out=10 | text text=finished in=2000 out=20]]"))
    expect_done(project, step, "finished")
    said = step.get("usage") or {}
    expect((said.get("input_tokens"), said.get("output_tokens")) ==
           ((3000, 30) if project.program.has_tokens_of_all else (None, None)), f"usage {said}")
    events = project.events()
    calls = [event.get("id") for event in events if event["event"] == "tool_call"]
    results = [event.get("id") for event in events if event["event"] == "tool_result"]
    expect(calls and set(calls) <= set(results), f"calls {calls}, results {results}")


def usage(project):
    step = project.run(project.step(f'do it [[mock:text text="{ANSWER}" in=1000 out=50 cached=200]]'))
    expect_done(project, step, ANSWER)
    said = step.get("usage") or {}
    expect(said.get("input_tokens") in (1000, 1200) and said.get("output_tokens") == 50, f"usage {said}")
    expect(("cost_usd" in said) == project.program.has_cost, f"usage {said}")


def model(project):
    """The step's model is the one that is asked."""
    name, word = project.program.other_model
    step = project.run(project.step(f'do it [[mock:text text="{ANSWER}"]]', model=name))
    expect_done(project, step, ANSWER)
    asked = [entry.get("model") or "" for entry in project.bench.server.ask("/__mock/log?n=100")
             if entry.get("source") == "marker"]
    expect(asked and all(word in one for one in asked), f"asked were {asked}")


def resume(project):
    """It is stopped by a person as soon as the model hangs in the middle of its work, and goes on with the session."""
    project.workflow(project.step(f'do it [[mock:read path=a.txt | hang times=1 id=once | text text="{ANSWER}"]]',
                                  seconds=300))
    running = project.start("run", "-w", "w", "--no-input", "task")
    try:
        until = time.monotonic() + START_SECONDS * 2
        while not project.bench.server.ask("/__mock/stats")["hanging"]:
            if running.poll() is not None:
                raise Failed(f"it is over: {project.last_step()}")
            expect(time.monotonic() < until, "the model was not asked twice")
            time.sleep(0.1)
        running.terminate()
        running.wait(60)
    finally:
        running.kill()
        running.wait()
    expect(project.show()["status"] == "paused", f"the run is {project.show()['status']}")
    project.program.await_resumable(project.bench.home(project.program))
    done = project.fermata("resume", "last", "--no-input")
    project.said = done.stdout + done.stderr
    expect_done(project, project.last_step(), ANSWER)
    sessions = [next((event["id"] for event in project.events(number)
                      if event["event"] == "session" and event.get("id")), None) for number in (0, 1)]
    expect(sessions[0] and sessions[0] == sessions[1], f"sessions {sessions}")


def unauthorised(project):
    started = time.monotonic()
    step = project.run(project.step("do it [[mock:401]]", seconds=300))
    expect_failed(step, "permanent")
    expect(time.monotonic() - started < project.bench.start_seconds(project.program) + 60,
           "it went on trying with a key that is wrong")


def limit_passes(project):
    step = project.run(project.step(f'do it [[mock:429 times=1 retry_after=1 | text text="{ANSWER}"]]',
                                    seconds=120))
    expect_done(project, step, ANSWER)


def limit_stays(project):
    """It does not say until when: one that does is waited for, so that the step would not end."""
    step = project.run(project.step("do it [[mock:error code=429]]", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "limit", "timeout")


def error_500(project):
    step = project.run(project.step(f'do it [[mock:500 times=1 | text text="{ANSWER}"]]', seconds=120))
    expect_done(project, step, ANSWER)


def overload_529(project):
    step = project.run(project.step("do it [[mock:529]]", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "transient", "limit", "timeout")


def quota(project):
    step = project.run(project.step("do it [[mock:quota]]", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "permanent", "limit", "timeout")  # in some APIs a quota is just a 429


def context(project):
    step = project.run(project.step("do it [[mock:context]]", seconds=project.bench.start_seconds(project.program)))
    if project.program.summarises:  # and goes on with that; what it summarised is not its answer
        expect_done(project, step, "Mock answer: the task is done.")
    else:
        expect_failed(step, "permanent")


def refused(project):
    project.add_agent(project.program, closed_port())
    step = project.run(project.step("do it", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "transient", "timeout")


def slow(project):
    step = project.run(project.step("do it [[mock:slow chunks=8 delay_ms=250]]"))
    expect(step["status"] == "completed", f"{step['status']}: {step.get('error')}")


def hang(project):
    step = project.run(project.step("do it [[mock:hang]]", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "timeout")
    project.nothing_survives()


def cut(project):
    """Whoever tries again succeeds; whoever does not has failed. Half an answer is never the answer."""
    step = project.run(project.step(f'do it [[mock:cut times=1 | text text="{ANSWER}"]]', seconds=120))
    if step["status"] == "completed":
        said = project.output(step).rstrip("\n")  # qwen keeps the half before the whole
        expect(said.endswith((ANSWER, "the task is done.")), f"it said {said[:200]!r}")
    else:
        expect_failed(step, "transient")


def nonsense(project):
    step = project.run(project.step("do it [[mock:html]]", seconds=project.bench.start_seconds(project.program)))
    expect_failed(step, "transient", "permanent", "timeout")
    project.nothing_survives()


def large(project):
    """One line as long as the answer."""
    step = project.run(project.step("do it [[mock:big size=300000]]"))
    expect(step["status"] == "completed", f"{step['status']}: {step.get('error')}")
    expect(step["output"]["bytes"] in (300000, 300001), f"{step['output']['bytes']} bytes of 300000")


def cancel(project):
    """A shell of its own session that never ends dies with the run."""
    tools = project.program.shell_tools
    project.workflow(project.step('do it [[mock:shell cmd="tail -f a.txt" | text text=done]]', seconds=300,
                                  **({"tools": tools} if tools else {})))
    started = project.fermata("run", "-w", "w", "--no-input", "--detach", "task")
    expect(started.returncode == 0, f"not started: {started.stderr}")
    until = time.monotonic() + START_SECONDS * 2
    while not any(command.strip().endswith("tail -f a.txt") for command in project.processes()):
        expect(project.last_step()["status"] in ("pending", "running"), f"it is over: {project.last_step()}")
        expect(time.monotonic() < until, f"no shell began: {project.processes()}")
        time.sleep(0.1)
    project.fermata("cancel", "last")
    project.nothing_survives()
    until = time.monotonic() + 10
    while project.show()["status"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    expect(project.show()["status"] == "cancelled", f"the run is {project.show()['status']}")


def garbage(project):
    """A stream that is no JSON: whoever tries again succeeds, whoever does not has failed."""
    step = project.run(project.step(f'do it [[mock:garbage times=1 | text text="{ANSWER}"]]',
                                    seconds=project.bench.start_seconds(project.program)))
    if step["status"] != "completed":
        expect_failed(step, "transient", "permanent", "timeout")
    project.nothing_survives()


def permission(project):
    """Asked for a shell, our policy answers: not without the step's word, once with it."""
    prompt = 'do it [[mock:shell cmd="touch z" | text text=finished]]'
    step = project.run(project.step(prompt))
    if project.program.ends_when_denied:
        expect_failed(step, "permanent")
        expect("when it was denied" in step["error"], step["error"])
    else:
        expect_done(project, step, "finished")
    expect(project.changes() == [], f"denied, and yet the tree has {project.changes()}")
    expect(any(event.get("is_error") for event in project.events() if event["event"] == "tool_result"),
           f"no tool was denied: {project.events()}")
    project.bench.server.reset()
    step = project.run(project.step(prompt, tools=project.program.shell_tools))
    expect_done(project, step, "finished")
    expect(project.changes() == ["?? z"], f"allowed, and yet the tree has {project.changes()}")


def read_only(project):
    before = (project.folder / "a.txt").read_bytes()
    step = project.run(project.step(
        'do it [[mock:write path=b.txt content=x | shell cmd="touch z" | shell cmd="echo x >a.txt" | text text=finished]]',
        read_only=True))
    if not (project.program.ends_when_denied and "when it was denied" in (step.get("error") or "")):
        expect(step["status"] == "completed", f"{step['status']}: {step.get('error')}")
    expect(project.changes() == [] and (project.folder / "a.txt").read_bytes() == before,
           f"the tree has {project.changes()}")


CASES = [("success", success), ("edit", edit), ("question", question), ("tools", tools), ("permission", permission),
         ("usage", usage), ("model", model), ("resume", resume), ("401", unauthorised),
         ("429 after", limit_passes), ("429", limit_stays), ("500", error_500), ("529", overload_529),
         ("quota", quota), ("context", context), ("refused", refused), ("slow", slow), ("hang", hang),
         ("cut", cut), ("garbage", garbage), ("html", nonsense), ("300 kB", large), ("cancel", cancel), ("read-only", read_only)]


def three_programs(bench, programs):
    """codex implements, gemini reviews without changing anything, claude refines, on one repository."""
    url = bench.server.url
    project = Project(bench, programs["codex"], url)
    project.add_agent(programs["gemini"], url)
    project.add_agent(programs["claude"], url)
    project.workflow(
        {"id": "implement", "agent": "codex", "timeout": "120s",
         "prompt": 'Implement it [[mock:write path=b.txt content="one\\n" | text text="wrote b.txt"]]'},
        {"id": "review", "agent": "gemini", "timeout": "120s", "read_only": True, "needs": ["implement"],
         "prompt": 'Review: ${{ steps.implement.output }} [[mock:read path=b.txt | text text="b.txt lacks a line"]]'},
        {"id": "refine", "agent": "claude", "timeout": "120s", "needs": ["review"],
         "prompt": 'Refine: ${{ steps.review.output }} '
                   '[[mock:read path=b.txt | edit path=b.txt old=one new=two | text text="done: two"]]'})
    done = project.fermata("run", "-w", "w", "--no-input", "task")
    project.said = done.stdout + done.stderr
    expect(done.returncode == 0, project.said[-600:])
    steps = {step["key"]: step for phase in project.show()["phases"] for step in phase["steps"]}
    expect([steps[key]["status"] for key in ("implement", "review", "refine")] == ["completed"] * 3, str(steps))
    expect((project.folder / "b.txt").read_text().strip() == "two", "b.txt was not refined")
    expect("lacks a line" in bench.prompts("Refine:"), "claude did not get what gemini said")


# ---- the bench ----

class Bench:
    def __init__(self, folder, scratch, fermata):
        self.folder, self.scratch, self.fermata = folder, scratch, fermata
        self.server = Server()
        self.homes = {}
        self.slowest = {}

    def home(self, *programs):
        """The same one each time, as a user has it."""
        names = "-".join(program.name for program in programs)
        if names not in self.homes:
            self.homes[names] = Path(tempfile.mkdtemp(prefix=f"home-{names}-", dir=self.scratch))
            for program in programs:
                program.prepare(self.homes[names])
        return self.homes[names]

    def env(self, *programs):
        """Nothing of ours but the path: what a program needs comes from the configuration."""
        home = self.home(*programs)
        node = self.folder / "node-bin"
        return {"PATH": f"{node}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "FERMATA_TRUST": "1",
                "TMPDIR": str(self.scratch), **{name: os.environ[name] for name in ("FERMATA_KEEP",)
                                                if name in os.environ}}

    def start_seconds(self, program):
        """Long enough to start, as measured in the first case: then our clock ends it."""
        return int(self.slowest.get(program.name, START_SECONDS) * 2) + 10

    def prompts(self, word):
        """The bodies of requests that hold the word."""
        found = []
        for entry in self.server.ask("/__mock/log?n=100"):
            body = json.dumps(self.server.ask(f"/__mock/log/{entry['id']}"))
            if word in body:
                found.append(body)
        return "\n".join(found)

    def run_case(self, program, name, case):
        if name in program.cannot:
            return "-", program.cannot[name], 0, None
        project = None
        started = time.monotonic()
        try:
            self.server.reset()
            project = Project(self, program, self.server.url)
            case(project)
            outcome, detail = "ok", ""
        except Exception as error:  # a program, and what stands beside it, may do anything; the others go on
            outcome, detail = "FAIL", describe(error)
        seconds = time.monotonic() - started
        if name == "success":
            self.slowest[program.name] = seconds
        return outcome, detail, seconds, project


def enter_namespace():
    """Runs this again with loopback only; returns how the network is, when it goes on here."""
    if os.environ.get(IN_NAMESPACE):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return "loopback only"
    for options in (["-n"], ["-rn"]):
        probe = subprocess.run(["unshare", *options, "sh", "-c", "ip link set lo up"], capture_output=True)
        if probe.returncode == 0:
            os.execvpe("unshare", ["unshare", *options, sys.executable, *sys.argv],
                       {**os.environ, IN_NAMESPACE: "1"})
    return "this machine's: no network namespace is allowed here"


def pick(names, known, what):
    chosen = [name.strip() for name in names.split(",")] if names else list(known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        sys.exit(f"conformance: no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return chosen


THREE = "codex implements, gemini reviews, claude refines"


class Suite:
    """All chosen programs, some at a time: most of what they do is wait before they try again."""

    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.folder = arguments.folder.resolve()
        self.fermata = os.environ.get("FERMATA", str(ROOT / "build/fermata"))
        self.programs = {kind.name: kind(self.folder) for kind in PROGRAMS}
        self.chosen = pick(arguments.programs, list(self.programs), "program")
        known = [name for name, _ in CASES] + ["three"]
        self.names = [name for name in known if name in pick(arguments.cases, known, "case")]
        self.cases = [(name, case) for name, case in CASES if name in self.names]
        self.widths = [12, 10, 8] + [max(4, len(name)) for name, _ in self.cases]
        self.lock = threading.Lock()
        self.problems, self.ready = [], {}
        self.counts = {"ok": 0, "FAIL": 0, "-": 0}

    def print_row(self, *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, self.widths)).rstrip(), flush=True)

    def take(self, name, case, outcome, detail, seconds=0.0, folder=None):
        with self.lock:
            self.counts[outcome] += 1
            if detail:
                self.problems.append(f"{name}, {case} ({seconds:.0f} s): {detail}"
                                     + (f" [{folder}]" if folder and self.arguments.keep else ""))
            if os.environ.get("VERBOSE"):
                print(f"  {name} {case}: {outcome} {seconds:.1f} s {detail[:300]}", flush=True)

    def run_program(self, name):
        program = self.programs[name]
        bench = Bench(self.folder, self.scratch, self.fermata)
        started = time.monotonic()
        try:
            version, why = program.version(bench.env(program))
            if not version:
                self.take(name, "all", "-", f"does not run here, its recorded streams stand in: "
                          f"{why.strip()[-200:] or 'not installed'}")
                return
            cells = []
            for case_name, case in self.cases:
                outcome, detail, seconds, project = bench.run_case(program, case_name, case)
                cells.append(outcome)
                self.take(name, case_name, outcome, detail, seconds, project and project.folder)
                if project and not self.arguments.keep:
                    shutil.rmtree(project.folder, ignore_errors=True)
            with self.lock:
                self.ready[name] = program
                self.print_row(name, version, f"{time.monotonic() - started:.0f}", *cells)
        finally:
            bench.server.stop()

    def run_three(self):
        missing = [name for name in ("codex", "gemini", "claude") if name not in self.ready]
        if missing:
            self.take("three", THREE, "-", f"without {', '.join(missing)}")
            return
        bench = Bench(self.folder, self.scratch, self.fermata)
        started = time.monotonic()
        try:
            three_programs(bench, self.ready)
            outcome, detail = "ok", ""
        except Exception as error:
            outcome, detail = "FAIL", describe(error)
        finally:
            bench.server.stop()
        self.take("three", THREE, outcome, detail, time.monotonic() - started)
        print(f"{THREE}: {outcome}")

    def run(self):
        self.print_row("program", "version", "seconds", *[name for name, _ in self.cases])
        with ThreadPoolExecutor(self.arguments.jobs) as pool:
            list(pool.map(self.run_program, self.chosen))
        if "three" in self.names:
            self.run_three()
        for problem in self.problems:
            print(f"  {problem}")
        print("{ok} passed, {FAIL} failed, {-} skipped".format(**self.counts))
        return 1 if self.counts["FAIL"] or not self.counts["ok"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--programs")
    parser.add_argument("--cases")
    parser.add_argument("--jobs", type=int, default=2, help="programs at a time")
    parser.add_argument("--keep", action="store_true", help="leave the scratch folder")
    arguments = parser.parse_args()
    print(f"network: {enter_namespace()}")
    scratch = Path(tempfile.mkdtemp(prefix="fermata-agents-"))
    try:
        return Suite(arguments, scratch).run()
    finally:
        if not arguments.keep:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
