# SPDX-License-Identifier: MIT
"""An agent that says escape sequences, controls and marks of direction wherever it can say something: none of it
reaches whoever looks, at a terminal, through a pipe or as JSON. Prints TAP."""
import json
import os
import pty
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from models import Cases

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
EVIL = ("\x1b[35mRED\x1b]0;title\x07\x1b]8;;http://x\x1b\\L\x1bPdcs\x1b\\\x9b2J\x9dX\x9c\u202eRTL\u2066I\rCR\x08BS"
        "\x7fDEL")
AGENT = """#!/usr/bin/env python3
import json, os, sys
EVIL = %r
def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)
folder = os.environ["FERMATA_WORKSPACE"]
for name in ("seen.txt", "f" + EVIL.replace("/", "_")):
    with open(os.path.join(folder, name), "w") as file:
        file.write("line " + EVIL + "\\n")
print(EVIL, "on standard error", file=sys.stderr)
say("session", id="i" + EVIL, name="m" + EVIL)
say("thinking", text="th" + EVIL)
say("tool_call", id="t" + EVIL, name="n" + EVIL, text="tx" + EVIL)
say("edit", id="t" + EVIL, text="f" + EVIL)
say("tool_result", id="t" + EVIL, text="r" + EVIL)
if sys.argv[1] == "ok":
    say("text", text="answer " + EVIL)
    say("done", text="why" + EVIL)
elif sys.argv[1] == "fail":
    say("error", text="failed " + EVIL, status=401, failure="permanent")
    sys.exit(1)
elif sys.argv[1] == "exit":
    print("error: " + EVIL, file=sys.stderr)
    sys.exit(3)
else:
    say("question", text="how " + EVIL)
""" % EVIL
COMMAND = "printf '\\033[35mx\\033]0;t\\007\\302\\2332J\\342\\200\\256'; printf '\\033[35merror' >&2; exit 1"
# What we say ourselves: colours (never 35), and the moves of the live view, which are never among the agent's.
OURS = re.compile(rb"\x1b\[(?:0|1|2|31|32|33|36)m|\x1b\[(?:\d*[AK]|[02]?[JK]|\?25[lh])|\r")


def is_bad(character):
    code = ord(character)
    return ((code < 32 and character not in "\n\t") or 0x7F <= code <= 0x9F or 0x202A <= code <= 0x202E
            or 0x2066 <= code <= 0x2069)


def assert_harmless(what, said):
    bad = {hex(ord(character)) for character in said.decode("utf-8", "replace") if is_bad(character)}
    assert not bad, (what, bad, said[-2000:])


class Stage:
    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="escapes-"))
        self.home = Path(tempfile.mkdtemp(prefix="escapes-home-"))
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "xterm",
                    "FERMATA_KEEP": str(BUILD / "fermata-keep"), "FERMATA_TRUST": "1",
                    **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
        agent = self.folder / "agent"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        (self.folder / ".fermata/workflows").mkdir(parents=True)
        modes = ("ok", "fail", "exit", "ask")
        agents = {mode: {"type": "command", "command": [str(agent), mode], "output": "jsonl"} for mode in modes}
        (self.folder / ".fermata/config.yaml").write_text(json.dumps({"agents": agents}))
        steps = [{"id": mode, "agent": mode, "prompt": "p", "reuse": "never", "retry": {"attempts": 1}}
                 for mode in ("ok", "fail", "exit")]
        steps.append({"id": "command", "run": COMMAND, "retry": {"attempts": 1}})
        self.workflow("w", steps)
        self.workflow("q", [{"id": "ask", "agent": "ask", "prompt": "p", "reuse": "never"}])
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def workflow(self, name, steps):
        (self.folder / f".fermata/workflows/{name}.yaml").write_text(json.dumps(
            {"name": name, "on_failure": "continue", "phases": [{"id": "p", "steps": steps}]}))

    def pipe(self, *arguments):
        done = subprocess.run([BUILD / "fermata", *arguments], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120)
        return done.stdout + done.stderr

    def terminal(self, *arguments):
        ours, its = pty.openpty()
        process = subprocess.Popen([BUILD / "fermata", *arguments], cwd=self.folder, env=self.env, stdin=its,
                                   stdout=its, stderr=its, start_new_session=True)
        os.close(its)
        said = b""
        try:
            while True:
                piece = os.read(ours, 65536)
                if not piece:
                    break
                said += piece
        except OSError:
            pass  # the other end is closed
        os.close(ours)
        process.wait(timeout=60)
        return OURS.sub(b"", said)

    def look(self, *commands):
        for command in commands:
            assert_harmless(("terminal", command), self.terminal(*command))
            assert_harmless(("json", command), self.pipe(*command, "--json"))


def a_run_is_shown_harmlessly():
    with Stage() as stage:
        said = stage.terminal("run", "-w", "w", "--no-input", "task")
        assert b"failed RED" in said, said[-2000:]
        assert_harmless("live", said)
        assert_harmless("plain", stage.pipe("run", "-w", "w", "--no-input", "task"))
        stage.look(*[[command, "last"] for command in ("show", "status", "explain", "artifacts", "diff", "checkpoints")],
                   ["list"], ["audit"], ["agents"], ["doctor"], ["logs", "last"], ["logs", "last", "--follow"],
                   ["logs", "last", "--records"], *[[command, "last", step] for command in ("logs", "cat", "diff")
                                                    for step in ("ok", "fail", "exit", "command")],
                   ["test-agent", "ok", "hello"], ["test-agent", "fail", "hello"])
        for command in (["show", "last"], ["status", "last"], ["logs", "last"], ["explain", "last"], ["audit"]):
            assert_harmless(("pipe", command), stage.pipe(*command))
        assert_harmless("undo", stage.terminal("undo", "last"))


def a_question_is_shown_harmlessly():
    with Stage() as stage:
        said = stage.terminal("run", "-w", "q", "--no-input", "task")
        assert b"how RED" in said, said[-2000:]
        assert_harmless("live", said)
        stage.look(["show", "last"], ["status", "last"], ["list"], ["logs", "last"])


def what_is_named_in_an_error_is_harmless():
    with Stage() as stage:
        for command in (["show", EVIL], ["run", "-w", EVIL, "x"], [EVIL], ["list", "--" + EVIL], ["cat", "last", EVIL],
                        ["test-agent", EVIL, "x"], ["run", "-w", "w", "-i", EVIL + "=1"]):
            assert_harmless(command[0], stage.terminal(*command))


def main():
    cases = Cases()
    for function in (a_run_is_shown_harmlessly, a_question_is_shown_harmlessly, what_is_named_in_an_error_is_harmless):
        cases.run(function.__name__.replace("_", " "), function)
    cases.end()


if __name__ == "__main__":
    main()
