#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""paid_agent.py claude|acp URL: a coding program that asks a model server once and says what it answered.

Whoever reads the server's log knows by the name of the model for which step was paid: it is the word after
"paid for " in the prompt."""
import json
import re
import sys
import urllib.request


def ask(url, prompt):
    body = {"model": re.search(r"paid for ([\w.-]+)", prompt).group(1), "max_tokens": 100, "stream": False,
            "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(url + "/v1/messages", data=json.dumps(body).encode(),
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["content"][0]["text"]


def say(**value):
    print(json.dumps(value), flush=True)


def be_claude(url):
    prompt = sys.stdin.read()
    say(type="system", subtype="init", session_id="c1", model="m")
    text = ask(url, prompt)
    say(type="result", subtype="success", is_error=False, result=text, session_id="c1",
        usage={"input_tokens": 1, "output_tokens": 1})


def be_acp(url):
    for line in sys.stdin:
        message = json.loads(line)
        method, result = message.get("method"), {}
        if method == "initialize":
            result = {"protocolVersion": 1, "agentCapabilities": {}}
        elif method == "session/new":
            result = {"sessionId": "a1"}
        elif method == "session/prompt":
            text = ask(url, "".join(part.get("text", "") for part in message["params"]["prompt"]))
            say(jsonrpc="2.0", method="session/update",
                params={"sessionId": "a1", "update": {"sessionUpdate": "agent_message_chunk",
                                                      "content": {"type": "text", "text": text}}})
            result = {"stopReason": "end_turn"}
        if "id" in message:
            say(jsonrpc="2.0", id=message["id"], result=result)


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("1.0.0 (Claude Code)")
    else:
        {"claude": be_claude, "acp": be_acp}[sys.argv[1]](sys.argv[2])
