# SPDX-License-Identifier: MIT
"""Keys through the real fermata: each agent has a canary for a key, servers and programs repeat it in all that they say,
and afterwards it is looked for: in what was printed, in every file, and in /proc while it ran. Prints TAP."""
import base64
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

from models import Cases, Models, wait_for
from servers import TYPES, Project

ACP_AGENT = Path(__file__).resolve().parent.parent / "support/acp_agent.py"

# Says its key as it is, cut between two writes, for a URL and in base64, and all of its environment.
TELLER = """#!/usr/bin/env python3
import base64, os, sys, urllib.parse
key = os.environ[sys.argv[1]]
for stream in (sys.stdout, sys.stderr):
    print("the key is", key, file=stream)
    print(key[:9], end="", file=stream, flush=True)
    print(key[9:], base64.b64encode(("user:" + key).encode()).decode(), urllib.parse.quote(key, safe=""), file=stream)
    for item in os.environ.items():
        print(*item, sep="=", file=stream)
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""

# A coding program as claude is spoken to.
CODER = """#!/usr/bin/env python3
import json, os, sys
key = os.environ["ANTHROPIC_API_KEY"]
def say(**line):
    print(json.dumps(line), flush=True)
say(type="system", subtype="init", session_id=key, model="m " + key)
say(type="assistant", message={"content": [{"type": "tool_use", "id": "1", "name": "Bash " + key,
                                            "input": {"command": "curl -H 'x-api-key: %s'" % key}}]})
say(type="user", message={"content": [{"type": "tool_result", "tool_use_id": "1", "content": "401 " + key}]})
say(type="assistant", message={"content": [{"type": "text", "text": "It is %s." % key}]})
print("warning:", key, file=sys.stderr)
say(type="result", subtype="success", is_error=False, result="It is %s." % key, session_id=key)
"""

# Says its key where its version is asked for.
VERSIONED = """#!/bin/sh
echo "$ANTHROPIC_API_KEY"
"""

# Never ends by itself.
HOLDER = """#!/bin/sh
: >"$FERMATA_PROJECT/held.$FERMATA_STEP"
exec sleep 600
"""


def forms(key):
    """How it may look, in bytes."""
    yield key.encode()
    yield urllib.parse.quote(key, safe="").encode()
    yield json.dumps(key)[1:-1].encode()
    for before in ("", "a", "ab"):
        encoded = base64.b64encode((before + key).encode()).rstrip(b"=")
        yield encoded[4 if before else 0:-1]


class Vault(Project):
    """Agents of all kinds, each with a key of its own."""

    def __init__(self, models):
        self.canaries = {}
        self.home = Path(tempfile.mkdtemp(prefix="secrets-home-"))  # not in the project, whose files are snapshotted
        super().__init__("openai-compatible", models)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        shutil.rmtree(self.home, ignore_errors=True)

    def canary(self, agent):
        """The characters that are not the same in URLs, in JSON and elsewhere are among them."""
        return self.canaries.setdefault(agent, f"cnry/{agent}+{abs(hash((agent, str(self.folder)))):020d}")

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def configure(self, _agent):
        self.env["HOME"] = str(self.home)
        home, agents = self.home, {}
        for kind in TYPES:
            name = f"s-{kind}"
            variable = "KEY_" + kind.upper().replace("-", "_")
            self.env[variable] = self.canary(name)
            agents[name] = {"type": kind, "endpoint": self.models.url, "model": "mock", "key": f"env:{variable}",
                            "breaker_threshold": 100}
        (home / "server.key").write_text(self.canary("s-file") + "\n")
        agents["s-file"] = {**agents["s-groq"], "key": "file:~/server.key"}
        agents["s-refused"] = {**agents["s-groq"], "endpoint": "http://127.0.0.1:9"}
        self.env["KEY_TELLER"] = self.canary("teller")
        teller = self.program("teller", TELLER)
        agents["teller"] = {"type": "command", "command": [teller, "KEY_TELLER"], "key": "env:KEY_TELLER"}
        agents["teller-fails"] = {**agents["teller"], "command": [teller, "KEY_TELLER", "3"]}
        self.env["HOUSE_TOKEN"] = self.canary("passed")  # nobody's key, but one by its name
        agents["passed"] = {"type": "command", "command": [teller, "HOUSE_TOKEN"], "pass_env": ["HOUSE_TOKEN"]}
        self.env["KEY_CODER"] = self.canary("coder")
        agents["coder"] = {"type": "claude", "command": [self.program("coder", CODER)], "key": "env:KEY_CODER"}
        (home / "coder.key").write_text(self.canary("coder-file"))
        agents["coder-file"] = {**agents["coder"], "key": "file:~/coder.key"}
        self.env["KEY_VERSIONED"] = self.canaries["versioned"] = f"7.7cnry-{abs(hash(str(self.folder))):020d}"
        agents["versioned"] = {"type": "claude", "command": [self.program("versioned", VERSIONED)],
                               "key": "env:KEY_VERSIONED"}
        self.env["KEY_ACP"] = self.canary("acp")
        agents["acp"] = {"type": "acp", "key": "env:KEY_ACP",
                         "command": [sys.executable, str(ACP_AGENT), "--do", "key=KEY_ACP,stop=end_turn"]}
        self.env["KEY_MISSING"] = self.canary("missing")
        agents["missing"] = {"type": "command", "command": [self.program("missing", "#!/no/such/interpreter\n")], "key": "env:KEY_MISSING"}
        self.env["KEY_HOLDER"] = self.canary("holder")
        agents["holder"] = {"type": "command", "command": [self.program("holder", HOLDER)], "key": "env:KEY_HOLDER"}
        self.env["SHELL_SECRET"] = self.canary("shell")  # of whoever started it: no agent has any of it
        (self.folder / ".fermata/config.yaml").write_text(json.dumps({"agents": agents, "concurrency": 32}))

    def workflow(self, *phases):
        document = {"name": "w", "on_failure": "continue", "defaults": {"retry": {"attempts": 1}},
                    "phases": [{"id": f"p{number}", "mode": "parallel", "steps": steps}
                               for number, steps in enumerate(phases)]}
        (self.folder / ".fermata/workflows/w.yaml").write_text(json.dumps(document))

    def key_files(self):
        return {self.home / "server.key", self.home / "coder.key"}

    def find(self, text):
        """Whose canaries are in it."""
        return [agent for agent, key in self.canaries.items() if any(form in text for form in forms(key))]

    def assert_none_in_files(self):
        for path in [*self.folder.rglob("*"), *self.home.rglob("*")]:
            if path.is_file() and not path.is_symlink() and path not in self.key_files():
                try:
                    found = self.find(path.read_bytes())
                except OSError:
                    continue  # it was there a moment ago
                assert not found, (path, found)
                assert not self.find(str(path).encode()), path

    def assert_none_is_said(self):
        steps = [step["key"] for phase in self.shown()["phases"] for step in phase["steps"]]
        commands = [["show", "last"], ["show", "last", "--json"], ["status", "last"], ["logs", "last"],
                    ["logs", "last", "--records"], ["explain", "last"], ["explain", "last", "--json"], ["audit"],
                    ["audit", "--json"], ["agents"], ["agents", "--json"], ["doctor"], ["doctor", "--json"],
                    ["diff", "last"], ["list", "--json"], ["artifacts", "last", "--json"], ["models"],
                    ["models", "--json"], ["validate"], ["gc", "--dry-run"]]
        commands += [[command, "last", step] for step in steps for command in ("logs", "cat")]
        for command in commands:
            done = self.look(*command)
            assert not self.find((done.stdout + done.stderr).encode()), (command, done.stdout, done.stderr)

    def shown(self):
        done = self.look("show", "last", "--json")
        assert done.returncode == 0, (done.stderr, self.said)
        return json.loads(done.stdout)

    def start(self):
        """Its orchestrator in the foreground of a process of its own."""
        return subprocess.Popen([self.fermata_path(), "run", "-w", "w", "--no-input", "task"], cwd=self.folder,
                                env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def fermata_path(self):
        from servers import FERMATA
        return FERMATA

    def assert_none_in_proc(self, agents):
        """Of all processes of the run: none has a key in its arguments, and of the keys in its environment an attempt
        has its own agent's alone. Returns whose attempts were seen."""
        mark = b"FERMATA_ATTEMPT_FOLDER=" + bytes(self.folder) + b"/"
        seen = set()
        for path in Path("/proc").glob("[0-9]*"):
            try:
                environment, arguments = (path / "environ").read_bytes(), (path / "cmdline").read_bytes()
            except OSError:
                continue
            assert not self.find(arguments), (arguments, self.find(arguments))
            for item in environment.split(b"\0"):
                if item.startswith(mark):
                    step = item.rsplit(b"/", 1)[1].rsplit(b".", 1)[0].decode()
                    seen.add(step)
                    assert set(self.find(environment)) <= agents[step], (step, arguments, self.find(environment))
        return seen


def steps_of(agents, prompt="do it", **keys):
    return [{"id": agent, "agent": agent, "prompt": prompt, "timeout": "60s", **keys} for agent in agents]


def step_of(agent, scenario, name):
    """A limit with a time is waited for, hence only the first call meets one."""
    return {**steps_of([agent], f"do it [[mock:{scenario.replace('@', name)}]]", timeout="30s")[0], "id": name}


FAULTS = {
    "answer": "text chunk=3 text=\"this is\" tell_key=1",
    "refused": "401 tell_key=1", "down": "500 tell_key=1", "limit": "error code=429 tell_key=1 times=1 id=@",
    "cut": "cut tell_key=1", "broken": "stream-error tell_key=1", "garbage": "garbage tell_key=1",
    "no-json": "html",
}


def whatever_servers_say(models):
    with Vault(models) as vault:
        names = [f"s-{kind}" for kind in TYPES] + ["s-file"]
        vault.workflow([step_of(name, scenario, f"{name}-{fault}") for fault, scenario in FAULTS.items()
                        for name in names])
        done = vault.said = vault.fermata("run", "-w", "w", "--no-input", "task")
        assert not vault.find((done.stdout + done.stderr).encode()), (done.stdout, done.stderr)
        vault.assert_none_in_files()
        vault.assert_none_is_said()
        steps = {step["key"]: step for step in vault.shown()["phases"][0]["steps"]}
        for kind in TYPES:  # so that it was there, and was taken out
            variable = "KEY_" + kind.upper().replace("-", "_")
            assert f"[key {variable}]" in steps[f"s-{kind}-refused"]["error"], steps[f"s-{kind}-refused"]
            answer = vault.fermata("cat", "last", f"s-{kind}-answer").stdout
            assert answer.startswith("this is [key"), answer
        assert "[key " in steps["s-file-refused"]["error"], steps["s-file-refused"]


def whatever_programs_say(models):
    with Vault(models) as vault:
        names = ["teller", "teller-fails", "passed", "coder", "coder-file", "acp", "missing", "s-refused"]
        vault.workflow(steps_of(names),
                       [{**steps_of(["teller-fails"], fallback=["s-groq", "coder"])[0], "id": "handed",
                         "prompt": "do it [[mock:401 tell_key=1]]"}],
                       [{**steps_of(["coder"])[0], "id": "later", "prompt": "It said: ${{ steps.teller.output }}"}])
        done = vault.said = vault.fermata("run", "-w", "w", "--no-input", "task")
        assert not vault.find((done.stdout + done.stderr).encode()), (done.stdout, done.stderr)
        vault.assert_none_in_files()
        vault.assert_none_is_said()
        told = {"teller": "[key KEY_TELLER]", "passed": "[key HOUSE_TOKEN]", "coder": "It is [key ",
                "coder-file": "It is [key ANTHROPIC_API_KEY]", "acp": "[key KEY_ACP]"}
        for step, text in told.items():
            assert text in vault.fermata("cat", "last", step).stdout, vault.fermata("cat", "last", step).stdout
        handed = [step for phase in vault.shown()["phases"] for step in phase["steps"] if step["key"] == "handed"]
        assert handed[0]["agent"] == "coder" and len(handed[0]["given_up"]) == 2, handed


def whoever_is_asked_outside_a_run(models):
    with Vault(models) as vault:
        for agent in ("s-groq", "s-file", "teller", "coder", "acp", "missing", "s-refused"):
            for prompt in ("do it [[mock:401 tell_key=1]]", "do it [[mock:text tell_key=1 chunk=3]]"):
                done = vault.fermata("test-agent", agent, prompt)
                assert not vault.find((done.stdout + done.stderr).encode()), (agent, done.stdout, done.stderr)
        vault.assert_none_in_files()


def whoever_hosts_the_agents(models):
    """What agents with keys said goes on to the host: as an output, and as a hand-off."""
    with Vault(models) as vault:
        vault.workflow(steps_of(["teller", "coder"]),
                       [{**steps_of(["host"], "It said: ${{ steps.teller.output }} ${{ steps.coder.output }}")[0],
                         "id": "asked"},
                        {**steps_of(["teller-fails"], fallback=["host"])[0], "id": "handed"}])
        done = vault.said = vault.fermata("run", "-w", "w", "--bridge", "--json", "task")
        assert done.returncode == 42, done
        assert not vault.find((done.stdout + done.stderr).encode()), done
        requests = {entry["step"]: json.loads(Path(entry["request"]).read_text())
                    for entry in json.loads(done.stdout)["host"]}
        assert "[key KEY_TELLER]" in requests["asked"]["prompt"] and "It is [key " in requests["asked"]["prompt"], requests
        assert "teller-fails (1 try, permanent)" in requests["handed"]["prompt"], requests
        vault.assert_none_in_files()
        vault.assert_none_is_said()


def whoever_works_in_a_clone(models):
    """Keys lie in the configuration of many a repository, and in files that git ignores."""
    with Vault(models) as vault:
        def git(*arguments):
            subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=vault.folder,
                           env=vault.env, check=True, capture_output=True)
        git("init", "-q")
        git("remote", "add", "origin", f"https://ada:{vault.canary('remote')}@localhost:9/x.git")
        git("config", "http.extraHeader", f"Authorization: {vault.canary('header')}")
        (vault.folder / ".gitignore").write_text(".fermata\nhome\n.env\nheld.*\n")
        git("add", ".gitignore", "holder")
        git("commit", "-q", "-m", "first")
        (vault.folder / ".env").write_text(vault.canary("ignored"))
        vault.workflow([{**steps_of(["holder"], workspace="clone", reuse="never")[0], "id": "cloned"}])
        orchestrator = vault.said = vault.start()
        wait_for((vault.folder / "held.cloned").exists, 60)
        trees = list(vault.folder.glob(".fermata/workflows/wf_*/workspaces/*/tree"))
        assert len(trees) == 1 and (trees[0] / "holder").exists() and (trees[0] / ".git/config").exists(), trees
        for path in trees[0].rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert not vault.find(path.read_bytes()), (path, vault.find(path.read_bytes()))
        assert vault.assert_none_in_proc({"cloned": {"holder"}}) == {"cloned"}
        assert vault.fermata("cancel", "last").returncode == 0
        said = orchestrator.communicate()
        assert not vault.find(said[0] + said[1]), said
        wait_for(lambda: not vault.processes())


def while_it_runs_and_after_it_was_killed(models):
    with Vault(models) as vault:
        names = [f"s-{kind}" for kind in TYPES] + ["s-file", "holder", "passed"]
        agents = {name: {name} for name in names}
        agents["s-file"] = set()  # its driver reads the file itself
        agents["command"] = {"shell", "passed"}  # of the user: what no agent names as its key
        steps = steps_of([name for name in names if name != "passed"], "do it [[mock:hang]]", reuse="never")
        steps.append({"id": "command", "run": ': >"$FERMATA_PROJECT/held.command"; exec sleep 600'})
        vault.workflow(steps)
        begun = {step["id"] for step in steps}
        orchestrator = vault.said = vault.start()

        def is_all_there():
            return (vault.assert_none_in_proc(agents) == begun and (vault.folder / "held.holder").exists()
                    and (vault.folder / "held.command").exists()
                    and models.stats()["hanging"] >= len(TYPES) + 1)

        wait_for(is_all_there, 60)
        vault.assert_none_in_files()
        os.kill(orchestrator.pid, signal.SIGKILL)
        said = orchestrator.communicate()
        assert not vault.find(said[0] + said[1]), said
        vault.assert_none_in_files()
        done = vault.fermata("resume", "last", "--detach")
        assert not vault.find((done.stdout + done.stderr).encode()), done
        wait_for(lambda: vault.assert_none_in_proc(agents) == begun)
        vault.assert_none_is_said()
        assert vault.fermata("cancel", "last").returncode == 0
        wait_for(lambda: vault.shown()["status"] == "cancelled")
        wait_for(lambda: not vault.processes())
        vault.assert_none_in_files()


CASES = [whatever_servers_say, whatever_programs_say, whoever_is_asked_outside_a_run,
         whoever_hosts_the_agents, whoever_works_in_a_clone, while_it_runs_and_after_it_was_killed]


def run_case(cases, function):
    with Models() as models:
        cases.run("no key is shown: " + function.__name__.replace("_", " "), function, models)


def main():
    cases = Cases()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(run_case, cases, function) for function in CASES]:
            job.result()
    cases.end()


if __name__ == "__main__":
    main()
