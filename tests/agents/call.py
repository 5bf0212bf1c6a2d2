# SPDX-License-Identifier: MIT
"""fermata-call against the stand-in: each type of server, in each way that a call can end. Prints TAP."""
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from models import Cases, Models, wait_for

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
CALL = BUILD / "fermata-call"
TYPES = ["ollama", "llamacpp", "localai", "text-generation-webui", "openai-compatible", "groq", "anthropic",
         "gemini-api"]
SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}, "score": {"type": "integer"}},
          "required": ["verdict", "score"], "additionalProperties": False}


class Call:
    """What came of one call."""

    def __init__(self, input, mode=None, env=None):
        command = [str(CALL)] + ([mode] if mode else [])
        done = subprocess.run(command, input=json.dumps(input), capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})
        self.status, self.output, self.errors = done.returncode, done.stdout, done.stderr
        self.lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert not done.stderr, done.stderr

    def of(self, kind):
        return [line for line in self.lines if line.get("event") == kind]

    def text(self):
        return "".join(line["text"] for line in self.of("text"))

    def error(self):
        assert self.status == 1 and self.lines[-1]["event"] == "error" and not self.of("done"), self.lines
        return self.lines[-1]

    def result(self):
        return self.lines[-1]


def question(server, models, scenario, **more):
    model = "mock-think" if "think" in scenario else "mock"
    return {"type": server, "endpoint": models.url, "model": model, "prompt": f"go [[mock:{scenario}]]",
            "silence_ms": 20000, **more}


def assert_fine(call, text):
    assert call.status == 0, call.lines
    assert call.lines[-1]["event"] == "done" and not call.of("error"), call.lines
    assert call.text() == text, call.lines


# ---- answers ----

def answers_in_pieces(server, models):
    call = Call(question(server, models, 'text text="a b c d e" chunks=4 frag=1 ping crlf in=70 out=9 cached=5'))
    assert_fine(call, "a b c d e")
    assert len(call.of("text")) == 3
    usage = call.of("usage")[-1]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["turns"]) == (70, 9, 1), usage
    assert usage.get("cached_tokens") == (None if server == "ollama" else 5), usage
    assert call.of("session")[0]["name"] == "mock"


def hands_on_what_comes_when_it_comes(server, models):
    """The first piece is read while the server still hangs before the next."""
    process = subprocess.Popen([str(CALL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(question(server, models, "hang-mid")))
    process.stdin.close()
    for line in process.stdout:
        if json.loads(line)["event"] == "text":
            break
    assert process.poll() is None
    models.ask("/__mock/release", {})
    process.stdout.read()
    assert process.wait(20) == 1


def answers_as_the_schema_says(server, models):
    call = Call({**question(server, models, "text"), "schema": SCHEMA})
    assert call.status == 0, call.lines
    if server != "text-generation-webui":
        assert json.loads(call.text()) == {"verdict": "pass", "score": 1}, call.lines


def tells_thinking_apart(server, models):
    call = Call(question(server, models, 'think text="yes" think="hm"'))
    assert_fine(call, "yes")
    assert "".join(line["text"] for line in call.of("thinking")) == "hm"


def carries_every_character(server, models):
    call = Call(question(server, models, "utf8 frag=1"))
    assert_fine(call, 'h\u00e9llo \u2014 \u65e5\u672c\u8a9e \U0001f680 "q" \\\\ end')


def waits_for_a_slow_stream(server, models):
    call = Call(question(server, models, 'text text="a b c d" chunks=4 delay_ms=150 ttfb_ms=150', silence_ms=2000))
    assert_fine(call, "a b c d")


def reads_a_large_answer(server, models):
    call = Call(question(server, models, "big size=400000 chunk=5000"))
    assert call.status == 0 and len(call.text()) == 400000


def sends_a_large_prompt(server, models):
    call = Call({**question(server, models, 'text text=ok'), "prompt": "x" * 3_000_000 + " [[mock:text text=ok]]"})
    assert_fine(call, "ok")


def takes_a_body_that_ends_with_the_connection(server, models):
    assert_fine(Call(question(server, models, 'text text="a b" close no_done no_usage')), "a b")


# ---- failures ----

FAILURES = [
    # scenario, failure, status, wait in ms
    ("400", "permanent", 400, None),
    ("401", "permanent", 401, None),
    ("403", "permanent", 403, None),
    ("404", "permanent", 404, None),
    ("413", "permanent", 413, None),
    ("context", "permanent", 400, None),
    ("408", "transient", 408, None),
    ("429 retry_after=7", "limit", 429, 7000),
    ("429 retry_after_ms=2500", "limit", 429, 2500),
    ("error code=429", "limit", 429, None),
    ("500", "transient", 500, None),
    ("502", "transient", 502, None),
    ("503 retry_after=3", "transient", 503, 3000),
    ("529", "transient", 529, None),
    ("reset", "transient", None, None),
    ("cut", "transient", None, None),
    ("garbage", "transient", None, None),
    ("html", "permanent", None, None),
    ("empty", "transient", None, None),
    ("maxtok", "permanent", None, None),
    ("redirect to=http://127.0.0.2:1/", "permanent", 307, None),
]


def fails_as(server, models, scenario, failure, status, wait_ms):
    error = Call(question(server, models, scenario)).error()
    said = (error["failure"], error.get("status"), error.get("retry_after_ms"))
    if server == "gemini-api" and scenario == "error code=429":
        wait_ms = 1000  # Google always says when
    assert said == (failure, status, wait_ms), error
    assert error["text"]


def tells_when_to_come_back_as_a_date(server, models):
    error = Call(question(server, models, '429 retry_after="Fri, 01 Jan 2100 00:00:00 GMT"')).error()
    assert error["failure"] == "limit" and error["retry_after_ms"] > 365 * 86400 * 1000, error


def tells_a_spent_quota_from_a_limit(server, models):
    if server in ("ollama", "anthropic"):
        return  # they have no word for it
    assert Call(question(server, models, "quota")).error()["failure"] == "permanent"


def tells_a_refusal(server, models):
    if server == "ollama":
        return  # it has no word for it
    assert Call(question(server, models, "refuse")).error()["failure"] == "refused"


def believes_an_error_inside_the_stream(server, models):
    call = Call(question(server, models, "stream-error"))
    assert call.error()["failure"] == "transient" and call.text()


def leaves_a_server_that_hangs(server, models):
    for scenario in ("hang", "hang-mid"):
        before = models.stats()["disconnects"]
        # Long enough for a busy server to have met the request: whom it never saw it cannot see leave.
        error = Call(question(server, models, scenario, silence_ms=1000)).error()
        assert error["failure"] == "timeout" and "silent" in error["text"], error
        wait_for(lambda: models.stats()["disconnects"] > before)


def has_a_deadline_for_the_whole(server, models):
    error = Call(question(server, models, "slow chunks=50 delay_ms=100", timeout_ms=400)).error()
    assert error["failure"] == "timeout", error


def tells_where_nobody_listens(server, _models):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        error = Call({"type": server, "endpoint": f"http://127.0.0.1:{port}", "model": "m", "prompt": "hi"}).error()
    assert error["failure"] == "transient" and f"no server answers at http://127.0.0.1:{port}" in error["text"], error


def is_cut_at_any_byte(server, models):
    """Whatever is lost, half an answer is none."""
    text = "one two three four"
    scenario = f'text text="{text}" chunks=4'
    before = models.stats()["body_bytes"]
    assert_fine(Call(question(server, models, scenario)), text)
    whole = models.stats()["body_bytes"] - before
    points = sorted(set(range(0, whole, 97)) | set(range(max(0, whole - 12), whole + 1)))
    for point in points:
        call = Call(question(server, models, f"{scenario} cut_byte={point}"))
        if call.status == 0:
            assert_fine(call, text)
        else:
            assert call.error()["failure"] == "transient", (point, call.lines)
    assert_fine(call, text)  # the last one lost nothing


def ends_its_connection_when_it_is_ended(server, models):
    for number in (signal.SIGTERM, signal.SIGKILL):
        before = models.stats()["disconnects"]
        process = subprocess.Popen([str(CALL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps(question(server, models, "hang-mid")))
        process.stdin.close()
        for line in process.stdout:
            if json.loads(line)["event"] == "text":
                break
        process.send_signal(number)
        assert process.wait(20) == -number
        process.stdout.close()
        wait_for(lambda: models.stats()["disconnects"] > before)


def sends_its_key_and_never_tells_it(server, models):
    models.configure(api_key="s3cret-key")
    protected = server != "ollama"  # whose own API has no keys
    try:
        call = Call(question(server, models, "text text=ok", key_variable="MY_KEY"), env={"MY_KEY": "s3cret-key"})
        assert_fine(call, "ok")
        for env, variable in (({"MY_KEY": "wr0ng-key"}, "MY_KEY"), ({}, "MY_OTHER_KEY")):
            call = Call(question(server, models, "text", key_variable=variable, key_optional=True), env=env)
            if protected:
                assert call.error()["status"] == 401 and variable in call.output, call.lines
            assert "wr0ng" not in call.output
    finally:
        models.reset()


# ---- what it says of the server ----

def tells_its_models(server, models):
    for mode in ("--health", "--models"):
        call = Call({"type": server, "endpoint": models.url}, mode)
        health = call.result()
        assert call.status == 0 and health["ok"] and not health["loading"], health
        assert health["type"] == server and health["endpoint"] == models.url
        assert any(model["name"].startswith("mock") for model in health["models"]), health
        assert ("version" in health) == (mode == "--health" and server in ("ollama", "llamacpp")), health


def tells_that_nobody_is_there(server, _models):
    call = Call({"type": server, "endpoint": "http://127.0.0.1:1"}, "--health")
    assert call.status == 1 and not call.result()["ok"] and "no server answers" in call.result()["error"]


# ---- what single types can ----

def waits_while_the_model_is_loaded(models):
    models.configure(loading=True)
    process = subprocess.Popen([str(CALL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(question("llamacpp", models, "text text=ok")))
    process.stdin.close()
    health = Call({"type": "llamacpp", "endpoint": models.url}, "--health").result()
    assert health["loading"] and not health["ok"], health
    wait_for(lambda: any(entry["path"] == "/health" for entry in models.log(50)))
    assert process.poll() is None
    models.configure(loading=False)
    lines = [json.loads(line) for line in process.stdout]
    assert process.wait(20) == 0 and lines[-1]["event"] == "done", lines


def pulls_and_removes_with_ollama(models):
    server = {"type": "ollama", "endpoint": models.url, "model": "fresh"}
    call = Call(server, "--pull")
    assert call.status == 0 and call.result()["ok"], call.lines
    shares = [line["completed"] / line["total"] for line in call.lines if line.get("total")]
    assert shares == sorted(shares) and shares[-1] == 1, call.lines
    assert any(model["name"] == "fresh:latest" for model in Call(server, "--models").result()["models"])
    assert Call(server, "--remove").status == 0
    call = Call(server, "--remove")
    assert call.status == 1 and call.result()["status"] == 404, call.lines
    call = Call({**server, "model": "missing"}, "--pull")
    assert call.status == 1 and "file does not exist" in call.result()["error"], call.lines


def pulls_with_localai(models):
    call = Call({"type": "localai", "endpoint": models.url, "model": "fresh"}, "--pull")
    assert call.status == 0 and call.result()["ok"], call.lines
    assert call.lines[-2]["completed"] == 100, call.lines


def lets_a_pull_go_when_it_is_ended(models):
    before = models.stats()["disconnects"]
    process = subprocess.Popen([str(CALL), "--pull"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps({"type": "ollama", "endpoint": models.url, "model": "slow"}))
    process.stdin.close()
    process.stdout.readline()
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    process.stdout.close()
    wait_for(lambda: models.stats()["disconnects"] > before)


def refuses_what_makes_no_sense(_models):
    for text in ("", "{", "[]", '{"type":"x"}', '{"type":"ollama","endpoint":"http://127.0.0.1:1"}'):
        done = subprocess.run([str(CALL)], input=text, capture_output=True, text=True, timeout=20)
        assert done.returncode == 2, (text, done)
        assert json.loads(done.stdout)["event"] == "error", done.stdout
    assert subprocess.run([str(CALL), "--nonsense"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 2


def ends_when_nobody_reads(models):
    """A closed pipe is no reason to go on paying."""
    before = models.stats()["disconnects"]
    reader, writer = os.pipe()
    process = subprocess.Popen([str(CALL)], stdin=subprocess.PIPE, stdout=writer, text=True)
    os.close(writer)
    os.close(reader)
    process.stdin.write(json.dumps(question("ollama", models, "slow chunks=100 delay_ms=50")))
    process.stdin.close()
    assert process.wait(20) == 1
    wait_for(lambda: models.stats()["disconnects"] > before)


EVERY_SERVER = [
    answers_in_pieces, hands_on_what_comes_when_it_comes, answers_as_the_schema_says, tells_thinking_apart,
    carries_every_character, waits_for_a_slow_stream, reads_a_large_answer, sends_a_large_prompt,
    takes_a_body_that_ends_with_the_connection, tells_when_to_come_back_as_a_date, tells_a_spent_quota_from_a_limit,
    tells_a_refusal, believes_an_error_inside_the_stream, leaves_a_server_that_hangs, has_a_deadline_for_the_whole,
    tells_where_nobody_listens, ends_its_connection_when_it_is_ended, sends_its_key_and_never_tells_it,
    tells_its_models, tells_that_nobody_is_there,
]
ONE_SERVER = [
    waits_while_the_model_is_loaded, pulls_and_removes_with_ollama, pulls_with_localai,
    lets_a_pull_go_when_it_is_ended, refuses_what_makes_no_sense, ends_when_nobody_reads,
]


def sentence(function):
    return function.__name__.replace("_", " ")


def run_server(cases, server):
    """Each with a stand-in of its own, so that they may run side by side: most of it is waiting."""
    with Models() as models:
        for function in EVERY_SERVER:
            cases.run(f"{server} {sentence(function)}", function, server, models)
        for failure in FAILURES:
            cases.run(f"{server} fails: {failure[0]}", fails_as, server, models, *failure)
        if server in ("ollama", "openai-compatible", "anthropic", "gemini-api"):
            cases.run(f"{server} is cut at any byte", is_cut_at_any_byte, server, models)


def main():
    cases = Cases()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda server: run_server(cases, server), TYPES))
    with Models() as models:
        for function in ONE_SERVER:
            cases.run(sentence(function), function, models)
    cases.end()


if __name__ == "__main__":
    main()
