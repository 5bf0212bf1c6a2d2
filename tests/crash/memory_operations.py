# SPDX-License-Identifier: MIT
"""The operations that memory.py leaves without memory."""
import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
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
""", "asks-more": """
name: asks
phases: [{ id: a, steps: [{ id: one, use: noop }, { id: ask, approve: "really?" }, { id: two, use: noop }] }]
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
    "tasks": ["tasks", "--json"],
    "stats": ["stats", "--json"],
    "experts": ["experts", "--json"],
    "analyze": ["analyze", "Fix the failing test of the parser", "--json"],
    "suggest": ["suggest", "Fix the failing test of the parser", "--json"],
    "recommend": ["recommend", "Fix the failing test of the parser", "--json"],
    "plan": ["plan", "Fix the failing test of the parser", "--json"],
    "fork-preview": ["fork", "last", "--dry-run", "--json"],
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
    "fork": ([["run", "-w", "whole"]], ["fork", "last", "--log-format", "json"]),
    "edit-plan": ([["run", "-w", "asks"]], ["edit", "last", "-w", "asks-more", "--yes", "--log-format", "json"]),
    "loop": ([], ["loop", "stories.md", "-w", "whole", "--log-format", "json"]),
    "collect": ([["run", "-w", "edits"], ["run", "-w", "whole"]], ["gc", "--older-than", "0s"]),
    "trust": ([["run", "-w", "whole"]], ["trust"]),
    "init": (None, ["init"]),
}
# Words to a run: who is told that they were taken finds the same records each time.
WORDS = ("approve", "reject", "answer", "signal", "cancel", "retry", "skip", "checkpoint", "restore")
# What a run that waits is told, by its workflow, so that it can go on; once, as it may have been told.
GO_ON = {"asks": ["approve", "last", "ask"], "questions": ["answer", "last", "this one"],
         "fails": ["retry", "last"]}


# ---- the drivers and the built-in functions: programs that read one JSON object ----

SERVERS = ("ollama", "llamacpp", "localai", "text-generation-webui", "openai-compatible", "anthropic", "gemini-api")
ACP_AGENTS = ("claude", "codex", "gemini", "qwen", "opencode", "copilot")
SCENARIOS = {"text": 'text text="a b c d" chunks=2 in=7 out=9', "tool": "read path=kept", "error": "429 retry_after=1",
             "cut": "cut"}
FUNCTIONS = ("inventory", "history", "secrets", "risks", "linters", "tests")


def list_drivers(build, url, folder):
    """Each by its name: the command, and what it is given."""
    call, acp = str(build / "fermata-call"), str(build / "fermata-acp")
    drivers = {}
    for server in SERVERS:
        asked = {"type": server, "endpoint": url, "model": "mock", "silence_ms": 20000}
        for name, scenario in SCENARIOS.items():
            drivers[f"call-{server}-{name}"] = ([call], asked | {"prompt": f"go [[mock:{scenario}]]"})
        drivers[f"health-{server}"] = ([call, "--health"], asked)
    drivers["models-ollama"] = ([call, "--models"], {"type": "ollama", "endpoint": url})
    drivers["pull-ollama"] = ([call, "--pull"], {"type": "ollama", "endpoint": url, "model": "new"})
    for agent in ACP_AGENTS:
        sample = TESTS / "agents" / "samples" / f"acp-{agent}-write.jsonl"
        command = [sys.executable, str(TESTS / "support" / "acp_agent.py"), "--sample", str(sample)]
        drivers[f"acp-{agent}"] = ([acp], {"command": command, "prompt": "go", "cwd": str(folder),
                                           "tools": ["execute"], "grace_ms": 500})
    return drivers


def make_repository(folder):
    """With something for each function to find."""
    folder.mkdir()
    (folder / "a.py").write_text("import os\nos.system(input())\nKEY = 'AKIAIOSFODNN7EXAMPLA'\n")
    (folder / "b.sh").write_text("rm -rf $1/\n")
    (folder / "test_a.py").write_text("def test_a(): pass\n")
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", "a"), ("EMAIL", "a@b"), ("DATE", "2026-01-01T00:00:00Z"))}
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=folder, env=dict(os.environ, HOME=str(folder), **who), check=True)


def list_functions(fermata, folder):
    """As list_drivers; what one finds is what the next is given."""
    make_repository(folder)
    functions = {}

    def answer(name, arguments):
        given = {"project": str(folder), "arguments": arguments, "now_ms": 1767225600000}
        functions[f"function-{name}"] = ([str(fermata), "function", name], given)
        done = subprocess.run([fermata, "function", name], input=json.dumps(given), cwd=folder,
                              env=dict(os.environ, HOME=str(folder)), capture_output=True, text=True, check=True)
        return done.stdout

    angles = {name: {"status": "completed", "output": json.loads(answer(name, {}))} for name in FUNCTIONS}
    fold = json.loads(answer("fold", {"angles": angles}))
    validation = json.loads(answer("validate", {"fold": fold}))
    answer("report", {"fold": fold, "validation": validation, "task": "all", "date": "today"})
    return functions
