#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shipped.py: the workflows that ship, each with agents, killed with -9 at random instants and resumed; prints TAP.

Whatever drives the run is killed: `run`, `resume`, `approve --resume`. The agents go on under their keepers.
Each run must come to its end, and no agent may be asked twice for the same attempt: that would be paid twice.
A random instant is what this test is about, so the time to a kill is drawn, not waited for.

Each workflow is tried in every band that it has and under every strategy that it allows. SHIPPED=N of these cases are
drawn (all: all); CRASH_SEED repeats a draw."""
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from project import PATIENCE_SECONDS, Failure, Project, check_numbers, require

# `make` names the plain build, which is several times faster than the sanitised one of run-tests.
BUILD = os.environ.get("PLAIN_BUILD") or os.environ.get("BUILD") or Path(__file__).parents[2] / "build"
FERMATA = Path(BUILD).resolve() / "fermata"
COUNT = os.environ.get("SHIPPED") or "5"
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
KILLS = 4
# A start takes some 30 ms, most workflows a second.
INSTANTS_SECONDS = [0.03, 0.1, 0.3, 0.8]
# Each step forward may end with something that waits for a person.
FORWARD_MAX = 40

ANSWER = {"status": "ok", "summary": "s", "covered": {"files": 1}, "findings": [], "suggestions": [],
          "decision": "approve", "criteria": [], "feedback": "f", "verdict": "go", "blockers": ["b"], "verdicts": [],
          "objections": [],
          "items": [{"item": "i", "state": "open", "blocks": True, "evidence": "main.c:1", "owner": "we",
                     "effort": "days", "name": "n", "source": "u", "fit": 3, "formula": "f", "cost": "c",
                     "signal": "g", "stop": "x"}]}
AGENT = """#!/bin/sh
prompt=$(cat)
echo "$FERMATA_RUN $FERMATA_STEP $FERMATA_ATTEMPT" >>"$CRASH_PROJECT/../asked.$CRASH_NAME"
sleep 0.05
answer="Done: $FERMATA_STEP"
case $prompt in
*JSON*) answer=$(cat "$CRASH_PROJECT/../answer") ;;
esac
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '%s' '{"type":"result","subtype":"success","is_error":false,"session_id":"s1","usage":{"input_tokens":1,"output_tokens":1},"result":"'
printf '%s"}\\n' "$answer"
"""
CONFIG = """default_agent: fake
pass_env: [CRASH_PROJECT, CRASH_NAME]
gates:
  pre-commit: {{ commands: [{{ run: "true" }}] }}
  pre-push: {{ commands: [{{ run: "true" }}] }}
  pre-deploy: {{ commands: [{{ run: "true" }}] }}
agents:
  fake: &fake {{ type: claude, command: [{agent}] }}
""" + "".join(f"  {name}: *fake\n" for name in ("claude", "codex", "gemini", "copilot", "local-code", "local-instruct")) \
    + "".join(f"  {name}: {{{{ enabled: false }}}}\n" for name in ("ollama", "llamacpp", "localai", "text-generation-webui"))
FILES = {
    "main.c": "int main(void)\n{\n    return 0;\n}\n",
    "README.md": "# Project\n\n## Recommendations\n\n- Mend main.c\n- Say why\n",
    "Makefile": "all:\n\t@true\ntest:\n\t@echo 1..1; echo ok 1\n"
                "coverage: test\n\t@echo 'Total coverage: 90%'\n",
}


class Shipped(Project):
    """A workflow that ships, in a band and under a strategy, in a project of its own."""

    def __init__(self, root, case, seed):
        workflow, self.band, self.strategy = case
        self.name = ".".join([*workflow["name"].split("/"), self.band or "one", self.strategy])
        super().__init__(root / self.name, FERMATA, {})
        self.workflow = workflow
        self.random = random.Random(seed)
        self.asked = root / f"asked.{self.name}"
        self.asked.touch()
        self.kills = self.calls = 0
        for name, text in FILES.items():
            (self.path / name).write_text(text)
        (self.path / ".fermata" / "config.yaml").write_text(CONFIG.format(agent=root / "agent.sh"))
        self.environment |= {"CRASH_NAME": self.name, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        for command in (["init", "-q"], ["add", "-A"],
                        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"]):
            subprocess.run(["git", *command], cwd=self.path, env=self.environment, check=True, capture_output=True)

    def inputs(self):
        if self.band:
            yield from ("-i", f"band={self.band}")
        for entry in self.workflow["inputs"]:
            if entry["required"]:
                value = {"path": "README.md", "integer": "1", "number": "1", "boolean": "true"}.get(entry["type"])
                yield from ("-i", f"{entry['name']}={value or entry.get('choices', ['something'])[0]}")

    def main_run(self):
        runs = [run for run in self.runs() if run["workflow"] == self.workflow["name"]]
        require(len(runs) < 2, f"there are {len(runs)} runs of it")
        return runs[0] if runs else None

    def next_command(self):
        run = self.main_run()
        if not run:
            return ["run", "Make it so", "-w", self.workflow["name"], "--no-input", "--strategy", self.strategy,
                    *self.inputs()]
        if run["status"] == "paused" and self.random.random() < 0.9:
            waiting = json.loads(self.call("status", run["id"], "--json", status=range(8))).get("reason")
            if waiting == "approval":
                return ["approve", run["id"], "--resume"]
        return ["resume", run["id"], "--no-input"]

    def forward(self, is_killed):
        """One process, killed at a random instant or left alone."""
        process = subprocess.Popen([self.fermata, *self.next_command()], cwd=self.path, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            limit = self.random.choice(INSTANTS_SECONDS) * self.random.random() * 2 if is_killed else PATIENCE_SECONDS
            said = process.communicate(timeout=limit)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            require(is_killed, "it did not end")
            self.kills += 1
            return
        require(process.returncode in (0, 1, 3), f"{process.args[1]}: {process.returncode}: {said.decode()}")

    def is_completed(self):
        run = self.main_run()
        return run is not None and run["status"] == "completed"

    def play(self):
        for step in range(FORWARD_MAX):
            if self.is_completed():
                break
            self.forward(step < KILLS)
        require(self.is_completed(), f"it is {self.main_run()}")
        records = self.read_journal()
        check_numbers(records)
        for kind in ("attempt_started", "attempt_ended"):
            keys = [(r["run"], r["step"], r["attempt"]) for r in records if r["kind"] == kind]
            require(len(keys) == len(set(keys)), f"an attempt has two records {kind}")
        lines = self.asked.read_text().splitlines()
        require(len(lines) == len(set(lines)), f"asked twice for one attempt: {sorted(lines)}")
        require(self.strategy != "static" or not lines, f"asked under static: {sorted(lines)}")
        self.calls = len(lines)  # what follows looks for the agents, which asks them nothing
        self.check_tables()
        self.check_processes()


def list_workflows(root):
    done = subprocess.run([FERMATA, "workflows", "--json"], cwd=root, capture_output=True, check=True, text=True,
                          env=dict(os.environ, HOME=str(root)))
    found = [workflow for workflow in json.loads(done.stdout)["workflows"] if workflow["name"] not in ("spine", "dynamic")]
    return draw([case for workflow in found for case in list_cases(json.loads(
        subprocess.run([FERMATA, "workflows", workflow["name"], "--json"], cwd=root, capture_output=True, check=True,
                       text=True, env=dict(os.environ, HOME=str(root))).stdout))])


def list_cases(workflow):
    """Under static, what needs an agent is refused."""
    steps = [step for phase in workflow["phases"] if not phase.get("optional") for step in phase.get("steps", [])]
    is_static = all(step["kind"] != "agent" or step.get("static") or step.get("optional") for step in steps)
    bands = ["small", "medium", "large"] if any(entry["name"] == "band" for entry in workflow["inputs"]) else [None]
    return [(workflow, band, strategy) for band in bands
            for strategy in ["ai", "hybrid"] + (["static"] if is_static else [])]


def draw(found):
    count = len(found) if COUNT == "all" else min(int(COUNT), len(found))
    return random.Random(SEED).sample(found, count)


def try_one(project):
    try:
        project.play()
        return None
    except (Failure, OSError, ValueError, sqlite3.Error, subprocess.SubprocessError) as failure:
        for run in project.runs():
            subprocess.run([FERMATA, "cancel", run["id"]], cwd=project.path, check=False, env=project.environment,
                           capture_output=True)
        return str(failure)


def main():
    root = Path(tempfile.mkdtemp(prefix="fermata-shipped-"))
    failed = 0
    (root / "answer").write_text(json.dumps(json.dumps(ANSWER))[1:-1])
    (root / "agent.sh").write_text(AGENT)
    (root / "agent.sh").chmod(0o755)
    projects = [Shipped(root, case, f"{SEED} {case[0]['name']} {case[1]} {case[2]}") for case in list_workflows(root)]
    print(f"# CRASH_SEED={SEED} SHIPPED={COUNT}\n1..{len(projects)}", flush=True)
    with ThreadPoolExecutor(JOBS) as pool:
        for number, (project, failure) in enumerate(zip(projects, pool.map(try_one, projects)), 1):
            print(f"{'not ' if failure else ''}ok {number} - {project.workflow['name']}, {project.band or 'no band'}, {project.strategy}, "
                  f"{project.kills} kills, {project.calls} calls", flush=True)
            if failure:
                failed += 1
                print("# " + failure[:2000].replace("\n", "\n# "))
    if failed or not projects:
        print(f"# kept: {root}")
    else:
        shutil.rmtree(root)
    return 1 if failed or not projects else 0


if __name__ == "__main__":
    sys.exit(main())
