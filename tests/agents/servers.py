# SPDX-License-Identifier: MIT
"""Model servers through the real fermata: each type as the agent of a step, and `fermata models`. Prints TAP."""
import concurrent.futures
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from models import Cases, Models, wait_for

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
FERMATA = BUILD / "fermata"
# What only looks, or only tidies up, is for the build that starts in no time.
LOOKING = Path(os.environ.get("PLAIN_BUILD") or BUILD).resolve() / "fermata"
TYPES = ["ollama", "llamacpp", "localai", "text-generation-webui", "openai-compatible", "groq", "anthropic",
         "gemini-api"]
ANSWER = "all is good"
SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}, "required": ["verdict"]}


class Project:
    """A folder with one agent, a model server, and one workflow with one step of its."""

    def __init__(self, server, models, **agent):
        self.folder = Path(tempfile.mkdtemp(prefix="servers-"))
        self.models = models
        (self.folder / ".fermata/workflows").mkdir(parents=True)
        (self.folder / "home").mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LANG": "C.UTF-8",
                    "TERM": "dumb", "FERMATA_KEEP": str(BUILD / "fermata-keep"), "FERMATA_TRUST": "1",
                    **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
        self.configure({"type": server, "endpoint": models.url, "model": "mock", **agent})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.look("cancel", "last")
        shutil.rmtree(self.folder, ignore_errors=True)

    def configure(self, agent):
        (self.folder / ".fermata/config.yaml").write_text(json.dumps({"agents": {"mine": agent}}))

    def fermata(self, *arguments, program=FERMATA):
        return subprocess.run([program, *arguments], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)

    def look(self, *arguments):
        return self.fermata(*arguments, program=LOOKING)

    def step(self, prompt, attempts=1, **keys):
        step = {"id": "s", "agent": "mine", "prompt": prompt, "timeout": "60s",
                "retry": {"attempts": attempts, "delay": "50ms"}, **keys}
        document = {"name": "w", "phases": [{"id": "p", "steps": [step]}]}
        (self.folder / ".fermata/workflows/w.yaml").write_text(json.dumps(document))

    def run(self, prompt, attempts=1, **keys):
        """Runs it to its rest; the step as `fermata show` has it."""
        self.step(prompt, attempts, **keys)
        self.said = self.fermata("run", "-w", "w", "--no-input", "task")
        return self.state()

    def state(self):
        done = self.look("show", "last", "--json")
        assert done.returncode == 0, (done.stderr, self.said.stderr)
        return json.loads(done.stdout)["phases"][0]["steps"][0]

    def output(self):
        return self.look("cat", "last", "s").stdout

    def processes(self):
        """What still runs of this project's attempts."""
        mark = f"FERMATA_ATTEMPT_FOLDER={self.folder}/.fermata/".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    found.append((path.parent / "cmdline").read_bytes())
            except OSError:
                pass
        return found


def assert_done(project, step, answer):
    assert step["status"] == "completed", (step, project.said.stderr)
    assert project.output().rstrip("\n") == answer, project.output()


def assert_failed(step, failure):
    assert (step["status"], step.get("class")) == ("failed", failure), step


# ---- each type of server ----

def answers(server, models):
    with Project(server, models) as project:
        step = project.run(f'do it [[mock:text text="{ANSWER}" in=70 out=9 cached=5]]')
        assert_done(project, step, ANSWER)
        events = next(project.folder.glob(".fermata/workflows/*/attempts/s.1/events.jsonl")).read_text()
        events = [json.loads(line) for line in events.splitlines()]
        assert events[-1]["event"] == "done", events
        usage = events[-2]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == (70, 9), usage
        assert "cost_usd" not in usage, usage  # nobody said what it costs


def answers_slowly(server, models):
    with Project(server, models) as project:
        assert_done(project, project.run('do it [[mock:text text="a b c d" chunks=4 delay_ms=100]]'), "a b c d")


def answers_as_the_schema_says(server, models):
    with Project(server, models) as project:
        scenario = "text" if server != "text-generation-webui" else 'json text="{\\"verdict\\":\\"pass\\"}"'
        step = project.run(f"do it [[mock:{scenario}]]", schema=SCHEMA)
        assert step["status"] == "completed", (step, project.said.stderr)
        assert json.loads(project.output()) == {"verdict": "pass"}, project.output()


def needs_the_right_key(server, models):
    models.configure(api_key="s3cret-key")
    try:
        for key, status in (("s3cret-key", "completed"), ("wr0ng-key", "failed")):
            with Project(server, models, key="env:MY_KEY") as project:
                project.env["MY_KEY"] = key
                step = project.run("do it [[mock:text text=ok]]")
                if server != "ollama":  # whose own API has no keys
                    assert step["status"] == status, step
                if step["status"] == "failed":
                    assert_failed(step, "permanent")
                    assert "MY_KEY" in step["error"], step
                told = [path for path in project.folder.rglob("*")
                        if path.is_file() and path.name not in ("spec",) and key.encode() in path.read_bytes()]
                assert not told, told
    finally:
        models.reset()


def waits_as_long_as_it_is_told(server, models):
    with Project(server, models) as project:
        step = project.run(f'do it {server} [[mock:429 times=1 retry_after=2 | text text="{ANSWER}"]]', attempts=2)
        assert_done(project, step, ANSWER)
        times = [entry["t"] for entry in models.log(20) if entry.get("scenario")][-2:]
        assert times[1] - times[0] >= 1.9, times


def fails_for_a_limit_without_a_time(server, models):
    with Project(server, models) as project:
        assert_failed(project.run("do it [[mock:error code=429]]"), "limit")


def is_tried_again_after_a_failure_that_passes(server, models):
    for fault in ("500", "529", "cut", "reset", "stream-error", "garbage"):
        with Project(server, models) as project:
            step = project.run(f'do it [[mock:{fault} times=1 | text text="{ANSWER}"]]', attempts=2)
            assert_done(project, step, ANSWER)
            assert step["attempts"] == 2, step


def is_not_tried_again_after_one_that_stays(server, models):
    for fault in ("401", "400", "html", "maxtok"):
        with Project(server, models) as project:
            before = models.stats()["requests"]
            assert_failed(project.run(f"do it [[mock:{fault}]]", attempts=3), "permanent")
            assert models.stats()["requests"] == before + 1, fault


def is_not_there(server, models):
    with socket.socket() as taken, Project(server, models) as project:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        project.configure({"type": server, "endpoint": f"http://127.0.0.1:{taken.getsockname()[1]}", "model": "m"})
        step = project.run("do it")
        assert_failed(step, "transient")
        assert "no server answers" in step["error"], step


def is_left_when_it_is_silent(server, models):
    with Project(server, models, silence="300ms") as project:
        for scenario in ("hang", "hang-mid"):
            before = models.stats()["disconnects"]
            assert_failed(project.run(f"do it [[mock:{scenario}]]"), "timeout")
            wait_for(lambda: models.stats()["disconnects"] > before)


def is_left_when_the_run_is_cancelled(server, models):
    with Project(server, models) as project:
        before = models.stats()
        project.step("do it [[mock:hang-mid]]")
        project.said = project.fermata("run", "-w", "w", "--no-input", "--detach", "task")
        wait_for(lambda: models.stats()["requests"] > before["requests"])
        assert project.processes()
        assert project.fermata("cancel", "last").returncode == 0
        wait_for(lambda: models.stats()["disconnects"] > before["disconnects"])
        wait_for(lambda: not project.processes())


def changes_nothing_and_says_so(server, models):
    """What a step asks for and the server cannot do is refused before it is asked anything."""
    with Project(server, models) as project:
        before = models.stats()["requests"]
        project.step("do it", tools=["Bash"])
        done = project.fermata("run", "-w", "w", "--no-input", "task")
        assert done.returncode != 0 and models.stats()["requests"] == before, done


EVERY_SERVER = [
    answers, answers_slowly, answers_as_the_schema_says, needs_the_right_key, waits_as_long_as_it_is_told,
    fails_for_a_limit_without_a_time, is_tried_again_after_a_failure_that_passes,
    is_not_tried_again_after_one_that_stays, is_not_there, is_left_when_it_is_silent,
    is_left_when_the_run_is_cancelled, changes_nothing_and_says_so,
]


# ---- what happens around a call ----

def a_call_outlives_its_orchestrator_and_is_paid_once(models):
    with Project("ollama", models) as project:
        project.step(f'do it [[mock:text text="{ANSWER}" chunks=4 delay_ms=700]]')
        before = models.stats()["requests"]
        driver = subprocess.Popen([FERMATA, "run", "-w", "w", "--no-input", "task"], cwd=project.folder,
                                  env=project.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        wait_for(lambda: models.stats()["requests"] > before)
        driver.kill()
        driver.wait()
        project.said = project.fermata("resume", "last")
        assert_done(project, project.state(), ANSWER)
        assert models.stats()["requests"] == before + 1


# ---- fermata models ----

def models_are_shown_and_listed(models):
    with Project("ollama", models) as project:
        done = project.fermata("models", "--json")
        servers = {server["agent"]: server for server in json.loads(done.stdout)["servers"]}
        assert done.returncode == 0 and servers["mine"]["ok"] and servers["mine"]["version"], servers
        done = project.fermata("models", "list", "--agent", "mine")
        assert done.returncode == 0 and "mock:latest" in done.stdout and "4.0 GB" in done.stdout, done
        done = project.fermata("models", "--endpoint", "http://127.0.0.1:1", "--type", "localai")
        assert done.returncode == 4 and "not there" in done.stdout and "local-ai run" in done.stdout, done
        models.configure(loading=True)
        done = project.fermata("models", "--endpoint", models.url, "--type", "llamacpp")
        models.configure(loading=False)
        assert done.returncode == 4 and "loads its model" in done.stdout, done


def a_model_is_pulled_with_lines_and_removed(models):
    with Project("ollama", models) as project:
        done = project.fermata("models", "pull", "fresh")
        assert done.returncode == 0 and done.stdout.startswith("Pulled fresh"), done
        assert "50 %" in done.stderr and "\033" not in done.stderr, done
        assert "fresh:latest" in project.fermata("models", "list").stdout
        assert project.fermata("models", "remove", "fresh").returncode == 0
        done = project.fermata("models", "remove", "fresh")
        assert done.returncode == 6 and "not found" in done.stderr, done
        done = project.fermata("models", "pull", "missing", "--json")
        assert done.returncode == 1 and "file does not exist" in done.stderr, done
        done = project.fermata("models", "pull", "fresh", "--json")
        assert json.loads(done.stdout)["ok"], done


def a_model_is_pulled_with_a_bar(models):
    with Project("ollama", models) as project:
        project.env["TERM"] = "xterm"
        master, terminal = pty.openpty()
        process = subprocess.Popen([FERMATA, "models", "pull", "fresh"], cwd=project.folder, env=project.env,
                                   stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        text = b""
        try:
            while block := os.read(master, 4096):
                text += block
        except OSError:
            pass  # the other end is closed
        os.close(master)
        assert process.wait(30) == 0, text
        assert "\u2588\u2591" in text.decode() and b"\r\033[K" in text and b"Pulled fresh" in text, text


def a_pull_is_ended_by_an_interruption(models):
    with Project("ollama", models) as project:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = models.stats()
            process = subprocess.Popen([FERMATA, "models", "pull", "slow"], cwd=project.folder, env=project.env,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            process.stderr.readline()
            process.send_signal(number)
            rest = process.stderr.read()
            assert process.wait(30) == 130 and "cancelled" in rest and "goes on where it stopped" in rest, rest
            wait_for(lambda: models.stats()["disconnects"] > before["disconnects"])


AROUND = [
    a_call_outlives_its_orchestrator_and_is_paid_once, models_are_shown_and_listed,
    a_model_is_pulled_with_lines_and_removed, a_model_is_pulled_with_a_bar, a_pull_is_ended_by_an_interruption,
]


def sentence(function):
    return function.__name__.replace("_", " ")


def run_server(cases, server):
    with Models() as models:
        for function in EVERY_SERVER:
            # Google's answer to a limit always has a time.
            if (server, function) != ("gemini-api", fails_for_a_limit_without_a_time):
                cases.run(f"{server} {sentence(function)}", function, server, models)


def run_around(cases):
    with Models() as models:
        for function in AROUND:
            cases.run(sentence(function), function, models)


def main():
    cases = Cases()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(run_around, cases)] + [pool.submit(run_server, cases, server) for server in TYPES]
        for job in jobs:
            job.result()
    cases.end()


if __name__ == "__main__":
    main()
