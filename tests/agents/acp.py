# SPDX-License-Identifier: MIT
"""fermata-acp against recorded agents and against one that misbehaves. Prints TAP."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models import Cases

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
HERE = Path(__file__).resolve().parent
AGENT = HERE.parent / "support" / "acp_agent.py"
AGENTS = ["claude", "codex", "gemini", "qwen", "opencode", "copilot"]
FOLDER = tempfile.TemporaryDirectory()
REPO = os.path.realpath(FOLDER.name)


class Call:
    def __init__(self, *agent, end=None, **more):
        self.log = os.path.join(REPO, "log")
        command = [sys.executable, str(AGENT), *agent, "--log", self.log]
        call = {"command": command, "prompt": "go", "cwd": REPO, "grace_ms": 500, **more}
        started = time.monotonic()
        process = subprocess.Popen([BUILD / "fermata-acp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps(call))
        process.stdin.close()
        process.stdin = None
        if end:
            while '"session/prompt"' not in (open(self.log).read() if os.path.exists(self.log) else ""):
                time.sleep(0.01)
            process.send_signal(end)
        output, self.errors = process.communicate(timeout=60)
        self.seconds = time.monotonic() - started
        self.status = process.returncode
        self.lines = [json.loads(line) for line in output.splitlines()]
        self.said = [json.loads(line) for line in open(self.log)] if os.path.exists(self.log) else []
        os.path.exists(self.log) and os.unlink(self.log)

    def of(self, kind):
        return [line for line in self.lines if line["event"] == kind]

    def text(self):
        """As a reader takes it: a tool begins a new message."""
        words, closed = "", False
        for line in self.lines:
            if line["event"] in ("tool_call", "tool_result"):
                closed = True
            elif line["event"] == "text":
                words = line.get("text", "") if closed else words + line.get("text", "")
                closed = not line.get("partial")
        return words

    def error(self):
        assert self.status == 1 and not self.of("done"), self.lines
        return self.of("error")[-1]

    def outcomes(self):
        return [m["result"]["outcome"] for m in self.said if "result" in m]

    def asked(self, method):
        return [m["params"] for m in self.said if m.get("method") == method]


def sample(agent, kind):
    return "--sample", str(HERE / "samples" / f"acp-{agent}-{kind}.jsonl")


def fine(call):
    assert call.status == 0 and call.lines[-1]["event"] == "done" and not call.of("error"), (call.lines, call.errors)
    return call


# ---- recorded agents ----

def writes_and_tells_all_of_it(agent):
    call = fine(Call(*sample(agent, "write"), cwd="/", tools=["execute"]))
    assert call.text() == "finished", call.lines
    assert len(call.of("tool_call")) >= 2 and len(call.of("tool_result")) >= 2, call.lines
    assert call.of("session")[0]["id"]
    usage = {}
    for line in call.of("usage"):
        usage.update(line["usage"])
    assert usage["cost_usd"] > 0 if agent == "opencode" else usage["output_tokens"] > 0, usage
    assert all(outcome["outcome"] == "selected" for outcome in call.outcomes()), call.outcomes()


def fails_as_its_model_does(agent):
    error = Call(*sample(agent, "403")).error()
    assert "403" in error["text"] or error.get("status") == 403 or "uthentication" in error["text"] or \
        "forbidden" in error["text"], error


def tells_why_codex_failed_in_its_answer():
    error = Call(*sample("codex", "429")).error()
    assert error["text"] == "exceeded retry limit, last status: 429 Too Many Requests, request id: req_mock", error


def goes_on_with_a_session(agent):
    call = fine(Call(*sample(agent, "load"), session="the-session"))
    assert call.asked("session/load")[0]["sessionId"] == "the-session"
    assert call.text().strip() == "Mock answer: the task is done.", call.lines


def answers_nothing_when_it_is_cut(agent):
    """Its program ends with status 0 after some bytes, up to the very last ones before the answer's line is whole."""
    records = [json.loads(line) for line in open(sample(agent, "write")[1])]
    answer = next(i for i, record in enumerate(records) if record["dir"] == "a2c"
                  and "stopReason" in (record["msg"].get("result") or {}))
    size = sum(len(json.dumps({"jsonrpc": "2.0", **record["msg"]})) + 1
               for record in records[:answer + 1] if record["dir"] == "a2c")
    for count in [size * part // 5 for part in range(5)] + [size - 40]:
        call = Call(*sample(agent, "write"), "--bytes", str(count), cwd="/", tools=["execute"])
        assert call.error()["failure"] in ("transient", "permanent"), (count, call.lines)


def is_denied_what_a_reader_may_not(agent):
    call = Call(*sample(agent, "write"), read_only=True)
    modes = call.asked("session/set_mode")
    if agent != "copilot":  # its recording was made harmless: all modes have the same id in it
        assert modes and modes[0]["modeId"] in ("plan", "read-only"), call.said
    assert all("allow" not in outcome.get("optionId", "") for outcome in call.outcomes()), call.outcomes()


# ---- one that misbehaves ----

def answers():
    call = fine(Call())
    assert call.text() == "hello"
    assert call.asked("initialize")[0]["clientCapabilities"]["fs"] == {"readTextFile": False, "writeTextFile": False}


def allows_edits_inside_the_folder_only():
    os.symlink("/etc", os.path.join(REPO, "link"))
    try:
        call = fine(Call("--do", "ask=edit:" + REPO + "/new/file,ask=edit:" + REPO + "/link/passwd,ask=edit:/etc/passwd,"
                         "ask=edit:" + REPO + "/../x,ask=edit:,ask=read:" + REPO + "/a,ask=execute:,stop=end_turn"))
    finally:
        os.unlink(os.path.join(REPO, "link"))
    assert [o["optionId"] for o in call.outcomes()] == ["id-allow_once"] + ["id-reject_once"] * 4 + \
        ["id-allow_once", "id-reject_once"], call.outcomes()
    assert len([line for line in call.of("tool_result") if line.get("is_error")]) == 5


def says_so_when_it_gives_up_over_a_denial():
    for ending in ("stop=end_turn", "text=I stop,stop=cancelled"):
        call = Call("--do", f"deny=execute:,{ending}")
        assert call.error()["failure"] == "permanent" and "gave up when it was denied" in call.error()["text"], call.lines
    assert fine(Call("--do", "deny=execute:,text=I did without,stop=end_turn")).text() == "I did without"


def allows_what_the_step_lists():
    call = fine(Call("--do", "ask=execute:,ask=fetch:,stop=end_turn", tools=["execute"]))
    assert [o["optionId"] for o in call.outcomes()] == ["id-allow_once", "id-reject_once"]


def refuses_to_read_where_no_mode_keeps_from_writing():
    call = Call(read_only=True)
    assert "offers no mode that changes nothing" in call.error()["text"]
    assert not call.asked("session/prompt")


def reads_in_a_mode_that_changes_nothing():
    call = fine(Call("--do", "modes,ask=edit:" + REPO + "/a,stop=end_turn", read_only=True))
    assert call.asked("session/set_mode")[0]["modeId"] == "plan"
    assert call.outcomes() == [{"outcome": "selected", "optionId": "id-reject_once"}]


def makes_a_lost_session_anew():
    call = Call(session="gone")
    assert call.status == 0 and call.lines[-1]["event"] == "done" and call.text() == "hello", call.lines
    assert call.asked("session/new") and call.of("session")[0]["id"] == "s1"
    assert [line["text"] for line in call.of("error")] == ["its session is lost, a new one begins: unknown session"]


def answers_what_it_does_not_know_with_an_error():
    assert fine(Call("--do", "notify,unknown,stop=end_turn")).text() == "[-32601]"


def tells_a_tool_that_was_never_announced():
    call = fine(Call("--do", "late-tool,text=x,stop=end_turn"))
    assert [line["id"] for line in call.of("tool_call")] == ["late"]
    assert len(call.of("tool_result")[0]["text"]) <= 4096


def is_cancelled_politely():
    call = Call("--do", "hang=polite", end=signal.SIGTERM)
    assert call.error()["failure"] == "cancelled" and call.asked("session/cancel"), call.lines
    assert call.seconds < 5


def leaves_one_that_does_not_hear():
    call = Call("--do", "hang", end=signal.SIGTERM)
    assert call.error()["failure"] == "cancelled" and call.seconds < 10


def ends_one_that_ignores_the_end():
    call = fine(Call("--do", "stubborn"))
    assert call.seconds < 10


def has_a_deadline_for_the_whole():
    assert Call("--do", "mute", timeout_ms=300).error()["failure"] == "timeout"
    error = Call("--do", "hang", timeout_ms=300).error()
    assert error["failure"] == "timeout" and "too long" in error["text"]


def bears_some_garbage_and_not_for_ever():
    assert fine(Call("--do", "garbage=900,text=x,stop=end_turn")).text() == "x"
    assert Call("--do", "garbage=1100,text=x,stop=end_turn").error()["failure"] == "permanent"


def takes_a_large_message_and_no_giant():
    assert "larger than 64 MB" in Call("--do", "giant=70").error()["text"]


def tells_how_its_agent_ended():
    assert "status 3" in Call("--do", "die=3").error()["text"]
    assert Call("--do", "die=3").error()["failure"] == "transient"
    assert "signal 9" in Call("--do", "kill").error()["text"]
    assert "closed its output" in Call("--do", "close").error()["text"]
    call = Call(command=["/no/such/program"])
    assert call.error()["failure"] == "permanent" and "cannot be started" in call.error()["text"]


def tells_why_a_turn_ended():
    for reason, failure in (("max_tokens", "permanent"), ("max_turn_requests", "permanent"), ("refusal", "refused"),
                            ("cancelled", "cancelled"), ("nonsense", "permanent")):
        assert Call("--do", f"text=x,stop={reason}").error()["failure"] == failure, reason
    assert Call("--do", "error=503:overloaded").error()["status"] == 503
    assert Call("--do", "error=-32000:sign in").error()["failure"] == "permanent"
    assert "version 1" in Call("--do", "version").error()["text"]


def sends_a_large_prompt():
    call = fine(Call(prompt="x" * 3000000))
    assert len(call.asked("session/prompt")[0]["prompt"][0]["text"]) == 3000000


def refuses_what_makes_no_sense():
    for text in ("", "[]", "{}", '{"command": ["x"], "prompt": "p", "cwd": "relative"}'):
        done = subprocess.run([BUILD / "fermata-acp"], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and json.loads(done.stdout)["failure"] == "permanent", text


def main():
    cases = Cases()
    for agent in AGENTS:
        for function in (writes_and_tells_all_of_it, fails_as_its_model_does, goes_on_with_a_session,
                         answers_nothing_when_it_is_cut, is_denied_what_a_reader_may_not):
            cases.run(f"{agent} {function.__name__.replace('_', ' ')}", function, agent)
    for function in (answers, tells_why_codex_failed_in_its_answer, allows_edits_inside_the_folder_only,
                     says_so_when_it_gives_up_over_a_denial, allows_what_the_step_lists,
                     refuses_to_read_where_no_mode_keeps_from_writing, reads_in_a_mode_that_changes_nothing,
                     makes_a_lost_session_anew, answers_what_it_does_not_know_with_an_error,
                     tells_a_tool_that_was_never_announced, is_cancelled_politely, leaves_one_that_does_not_hear,
                     ends_one_that_ignores_the_end, has_a_deadline_for_the_whole,
                     bears_some_garbage_and_not_for_ever, takes_a_large_message_and_no_giant, tells_how_its_agent_ended,
                     tells_why_a_turn_ended, sends_a_large_prompt, refuses_what_makes_no_sense):
        cases.run(function.__name__.replace("_", " "), function)
    cases.end()


if __name__ == "__main__":
    main()
