#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An agent that speaks the Agent Client Protocol: replays a recorded conversation, or misbehaves.

    acp_agent.py --sample FILE [--bytes N] [--log FILE]
    acp_agent.py --do WHAT[,WHAT...] [--log FILE]

A recording has one {"dir": "c2a"|"a2c", "msg": MESSAGE} a line. What the client says is matched by method; our
answers take its ids. What a client says that was not recorded (a mode is set) is answered with an empty result."""
import argparse
import json
import os
import signal
import sys
import time


def read():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message = json.loads(line)
    if LOG:
        LOG.write(json.dumps(message) + "\n")
        LOG.flush()
    return message


def write(message):
    """All of it; the last bytes that --bytes lets through are the end of this program as well."""
    data = (json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode()
    if arguments.bytes is not None and len(data) > arguments.bytes:
        sys.stdout.buffer.write(data[:arguments.bytes])
        sys.stdout.flush()
        os._exit(0)
    if arguments.bytes is not None:
        arguments.bytes -= len(data)
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def update(**fields):
    write({"method": "session/update", "params": {"sessionId": "s1", "update": fields}})


def text(words):
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": words})


def replay(path):
    records = [json.loads(line) for line in open(path)]
    place = 0
    while True:
        message = read()
        said = message.get("method")
        if said:
            found = next((i for i in range(place, len(records))
                          if records[i]["dir"] == "c2a" and records[i]["msg"].get("method") == said), None)
        else:  # an answer to what we asked
            found = next((i for i in range(place, len(records))
                          if records[i]["dir"] == "c2a" and "method" not in records[i]["msg"]), None)
        if found is None:
            if said and "id" in message:
                write({"id": message["id"], "result": {}})
            continue
        recorded = records[found]["msg"].get("id")
        place = found + 1
        while place < len(records) and records[place]["dir"] == "a2c":
            answer = dict(records[place]["msg"])
            if "method" not in answer and answer.get("id") == recorded and said:
                answer["id"] = message["id"]
            elif "method" not in answer and said is None:
                answer["id"] = PROMPT[0]
            write(answer)
            place += 1
        if said == "session/prompt":
            PROMPT[0] = message["id"]


PROMPT = [None]


def handshake(modes=None, load=True):
    while True:
        message = read()
        method = message.get("method")
        if method == "initialize":
            write({"id": message["id"], "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": load}}})
        elif method == "session/load":
            write({"id": message["id"], "error": {"code": -32602, "message": "unknown session"}})
        elif method == "session/new":
            result = {"sessionId": "s1"}
            if modes:
                result["modes"] = {"currentModeId": modes[0], "availableModes": [{"id": m, "name": m} for m in modes]}
            write({"id": message["id"], "result": result})
        elif method == "session/prompt":
            return message
        elif "id" in message:
            write({"id": message["id"], "result": {}})


def ask(kind, path, is_told=True, options=("allow_once", "allow_always", "reject_once")):
    tool = {"toolCallId": f"t-{kind}-{path}", "title": f"{kind} {path}", "kind": kind}
    if path:
        tool["locations"] = [{"path": path}]
    write({"id": 900, "method": "session/request_permission",
           "params": {"sessionId": "s1", "toolCall": tool,
                      "options": [{"optionId": f"id-{o}", "name": o, "kind": o} for o in options]}})
    answer = read()
    assert answer["id"] == 900, answer
    outcome = answer["result"]["outcome"]
    if is_told:
        text(f"[{kind}:{outcome.get('optionId', outcome['outcome'])}]")


def misbehave(what):
    if what == ["mute"]:
        time.sleep(60)
    if what == ["version"]:
        message = read()
        write({"id": message["id"], "result": {"protocolVersion": 2}})
        read()
    prompt = handshake(modes=["default", "plan"] if "modes" in what else None)
    for word in what:
        word, _, argument = word.partition("=")
        if word == "text":
            text(argument)
        elif word == "key":  # as the value of a variable comes, piece by piece
            value = os.environ[argument]
            for start in range(0, len(value), 5):
                text(value[start:start + 5])
        elif word == "ask":
            ask(*argument.split(":"))
        elif word == "deny":
            ask(*argument.split(":"), is_told=False)
        elif word == "unknown":
            write({"id": "odd", "method": "craft/drainMidTurnQueue", "params": {}})
            answer = read()
            text(f"[{answer['error']['code']}]")
        elif word == "notify":
            write({"method": "_auth/status_update", "params": {}})
        elif word == "late-tool":
            update(sessionUpdate="tool_call_update", toolCallId="late", status="completed", title="Late",
                   content=[{"type": "content", "content": {"type": "text", "text": "x" * 9000}}])
        elif word == "garbage":
            for _ in range(int(argument)):
                print("no JSON at all", flush=True)
        elif word == "giant":
            sys.stdout.write("x" * (int(argument) << 20))
            sys.stdout.flush()
        elif word == "die":
            os._exit(int(argument))
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "close":
            os.close(1)
            time.sleep(60)
        elif word == "hang":
            while True:  # ends only with its input
                message = read()
                if message.get("method") == "session/cancel":
                    if argument == "polite":
                        write({"id": 901, "method": "session/request_permission",
                               "params": {"sessionId": "s1", "toolCall": {"toolCallId": "z", "kind": "edit"},
                                          "options": [{"optionId": "y", "kind": "allow_once"}]}})
                        assert read()["result"]["outcome"] == {"outcome": "cancelled"}
                        write({"id": prompt["id"], "result": {"stopReason": "cancelled"}})
        elif word == "error":
            code, _, details = argument.partition(":")
            write({"id": prompt["id"], "error": {"code": int(code), "message": "it failed", "data": {"details": details}}})
        elif word == "stop":
            write({"id": prompt["id"], "result": {"stopReason": argument, "usage": {"inputTokens": 3, "outputTokens": 4}}})
        elif word == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            write({"id": prompt["id"], "result": {"stopReason": "end_turn", "usage": {"outputTokens": 4}}})
            time.sleep(60)
    while True:
        read()


parser = argparse.ArgumentParser()
parser.add_argument("--sample")
parser.add_argument("--do", default="text=hello,stop=end_turn")
parser.add_argument("--bytes", type=int, help="end after so many")
parser.add_argument("--log")
arguments = parser.parse_args()
LOG = open(arguments.log, "w") if arguments.log else None
if arguments.sample:
    replay(arguments.sample)
else:
    misbehave(arguments.do.split(","))
