#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A deterministic stand-in, on the loopback, for the HTTP APIs of language models.

Python's standard library only. Speaks, with and without streaming:

  Anthropic Messages        POST /v1/messages, /v1/messages/count_tokens
  OpenAI Responses          POST /v1/responses
  OpenAI Chat Completions   POST /v1/chat/completions, /v1/completions
  OpenAI misc               GET  /v1/models, POST /v1/embeddings
  Gemini                    POST /v1beta/models/M:generateContent,
                            :streamGenerateContent, :countTokens,
                            :embedContent, :batchEmbedContents
  Ollama                    /api/{version,tags,ps,show,pull,delete,generate,
                            chat,embed,embeddings,copy,create}
  llama.cpp server          /health, /props, /slots, /completion, /tokenize ...
  LocalAI                   /readyz, /healthz, /models/apply, /models/jobs/ID

What a request gets back is decided by a *scenario* (see docs/testing.md): a marker
in the prompt such as  [[mock:write path=a.txt | text text="all done"]] , the
header X-Mock-Scenario, a base-URL prefix /s/<scenario>/..., or the admin
endpoint POST /__mock/config.

Never binds to anything but a loopback address unless told to with --host.
"""

import argparse
import asyncio
import base64
import gzip
import hashlib
import json
import math
import os
import re
import shlex
import signal
import sys
import time
import urllib.parse
import zlib

VERSION = "1.0"
EPOCH = 1735689600                      # 2025-01-01T00:00:00Z: fixed for determinism
ISO = "2025-01-01T00:00:00Z"
MAX_BODY = 64 * 1024 * 1024
MARKER = re.compile(r"\[\[mock:(.*?)\]\]", re.S)

# --------------------------------------------------------------------------
# Scenarios
# --------------------------------------------------------------------------

# name -> (kind, default options)
SCENARIOS = {
    "text":     ("text", {}),
    "think":    ("text", {"think": "Mock reasoning: the task is simple."}),
    "slow":     ("text", {"chunks": "20", "delay_ms": "500"}),
    "big":      ("text", {"size": "200000", "chunk": "2000"}),
    "empty":    ("text", {"text": ""}),
    "maxtok":   ("text", {"stop": "length"}),
    "refuse":   ("text", {"stop": "refusal", "text": "I can't help with that."}),
    "json":     ("text", {"text": "{\"ok\":true}"}),
    "echo":     ("text", {"echo": "1"}),
    "utf8":     ("text", {"text": "h\u00e9llo \u2014 \u65e5\u672c\u8a9e \U0001f680 \"q\" \\\\ end", "chunk": "3"}),
    # tool calls
    "write":    ("tool", {"op": "write"}),     # create/overwrite one file
    "edit":     ("tool", {"op": "edit"}),      # replace old= by new= in a file
    "read":     ("tool", {"op": "read"}),
    "shell":    ("tool", {"op": "shell"}),     # run cmd=
    "tool":     ("tool", {"op": "raw"}),       # name= args='{"json":1}'
    # faults: HTTP status before any content
    "400":      ("error", {"code": "400"}),
    "401":      ("error", {"code": "401"}),
    "402":      ("error", {"code": "402"}),
    "403":      ("error", {"code": "403"}),
    "404":      ("error", {"code": "404"}),
    "408":      ("error", {"code": "408"}),
    "413":      ("error", {"code": "413"}),
    "429":      ("error", {"code": "429", "retry_after": "1"}),
    "500":      ("error", {"code": "500"}),
    "502":      ("error", {"code": "502"}),
    "503":      ("error", {"code": "503"}),
    "504":      ("error", {"code": "504"}),
    "529":      ("error", {"code": "529"}),
    "quota":    ("error", {"code": "429", "quota": "1"}),
    "context":  ("error", {"code": "400", "context": "1"}),
    "error":    ("error", {"code": "500"}),    # error code=NNN
    # faults: transport
    "hang":     ("hang", {}),                  # accept, never answer
    "hang-mid": ("text", {"chunks": "8", "hang_after": "2"}),
    "cut":      ("text", {"chunks": "8", "cut_after": "2"}),  # close mid-stream
    "reset":    ("reset", {}),                 # close before any byte
    "stream-error": ("text", {"chunks": "8", "error_after": "2"}),  # in-band error event
    "garbage":  ("text", {"chunks": "8", "garbage_after": "2"}),
    "html":     ("html", {}),                  # 200 text/html, as from a bad proxy
    "redirect": ("redirect", {"code": "307"}), # to=URL
}


class ScenarioError(ValueError):
    pass


def parse_scenario(spec):
    """'write path=a | text text="x"' -> [(kind, name, {opts}), ...]"""
    steps = []
    for part in split_pipes(spec):
        try:
            words = shlex.split(part)
        except ValueError as e:
            raise ScenarioError("bad quoting in scenario %r: %s" % (part, e))
        if not words:
            raise ScenarioError("empty step in scenario %r" % spec)
        name = words[0]
        if name not in SCENARIOS:
            raise ScenarioError("unknown scenario %r" % name)
        kind, defaults = SCENARIOS[name]
        opts = dict(defaults)
        for w in words[1:]:
            k, eq, v = w.partition("=")
            opts[k] = v if eq else "1"
        steps.append((kind, name, opts))
    return steps


def split_pipes(spec):
    """Split on '|' outside quotes."""
    out, cur, q = [], "", None
    for ch in spec:
        if q:
            if ch == q:
                q = None
        elif ch in "\"'":
            q = ch
        elif ch == "|":
            out.append(cur)
            cur = ""
            continue
        cur += ch
    out.append(cur)
    return [s.strip() for s in out]


def opt_int(opts, key, default=0):
    try:
        return int(opts.get(key, default))
    except ValueError:
        raise ScenarioError("option %s=%r is not a number" % (key, opts.get(key)))


def opt_text(opts, key, default=None):
    """Text option; KEY_b64 gives it base64-encoded; \\n and \\t are expanded."""
    if key + "_b64" in opts:
        return base64.b64decode(opts[key + "_b64"]).decode("utf-8", "replace")
    if key in opts:
        return opts[key].replace("\\n", "\n").replace("\\t", "\t")
    return default


# --------------------------------------------------------------------------
# The request, normalised over all wire formats
# --------------------------------------------------------------------------

class Call:
    """One model request in a wire-independent form."""

    def __init__(self, api):
        self.api = api              # anthropic | responses | chat | gemini |
        #                             ollama-chat | ollama-generate |
        #                             completion | llama-completion
        self.model = "mock"
        self.stream = False
        self.system = ""
        self.turns = []             # (role, text, has_tool_call, is_tool_result)
        self.tools = {}             # name -> {"custom": bool, "props": set}
        self.include_usage = False
        self.prompt_chars = 0
        self.json_schema = None
        self.forced_tool = None     # the client demands a call of this tool
        self.cwd = None

    def add(self, role, text="", tool_call=False, tool_result=False):
        self.turns.append((role, text or "", tool_call, tool_result))
        self.prompt_chars += len(text or "")

    def window(self):
        """Turns since the last finished assistant answer (one exchange)."""
        start = 0
        for i, (role, _t, tc, _tr) in enumerate(self.turns):
            if role == "assistant" and not tc:
                # a final answer closes an exchange, if user text follows
                if any(r == "user" and not tr for r, _x, _c, tr in self.turns[i + 1:]):
                    start = i + 1
        return self.turns[start:]

    def marker(self):
        """The last marker in user text of the current exchange, and how many
        rounds of tool calls came after it."""
        win = self.window()
        found, at = None, -1
        for i, (role, text, _tc, tr) in enumerate(win):
            if role in ("user",) and not tr:
                for m in MARKER.finditer(text):
                    found, at = m.group(1).strip(), i
        rounds, prev = 0, False
        for role, _text, tc, _tr in win[max(at, 0):]:
            if role == "assistant" and tc:
                if not prev:
                    rounds += 1
                prev = True
            else:
                prev = False
        return found, rounds

    def user_text(self):
        return "\n".join(t for r, t, _c, tr in self.window() if r == "user" and not tr)

    def key(self):
        """Names the exchange: API, directory and the user text that began it."""
        first = []
        for role, text, _tc, _tr in self.window():
            if role == "assistant":
                break
            first.append(text)
        return "\0".join([self.api, self.cwd or ""] + first)

    def all_text(self):
        return self.system + "\n" + "\n".join(t for _r, t, _c, _tr in self.turns)


def text_of(content):
    """Concatenate text of string / list-of-parts content in any dialect."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    out = []
    for p in content:
        if isinstance(p, str):
            out.append(p)
        elif isinstance(p, dict) and isinstance(p.get("text"), str):
            out.append(p["text"])
    return "\n".join(out)


def norm_anthropic(b):
    c = Call("anthropic")
    c.model = b.get("model", "mock")
    c.stream = bool(b.get("stream"))
    c.system = text_of(b.get("system"))
    for t in b.get("tools") or []:
        props = (t.get("input_schema") or {}).get("properties") or {}
        c.tools[t.get("name", "?")] = {"custom": False, "props": set(props)}
    for m in b.get("messages") or []:
        content = m.get("content")
        if isinstance(content, str):
            c.add(m.get("role"), content)
            continue
        texts, tc, tr = [], False, False
        for p in content or []:
            k = p.get("type")
            if k == "text":
                texts.append(p.get("text", ""))
            elif k == "tool_use":
                tc = True
            elif k == "tool_result":
                tr = True
                c.prompt_chars += len(text_of(p.get("content")))
        if tr:                       # tool results first, then injected text
            c.add(m.get("role"), "", False, True)
            if texts:
                c.add(m.get("role"), "\n".join(texts))
        else:
            c.add(m.get("role"), "\n".join(texts), tc)
    fmt = ((b.get("output_config") or {}).get("format") or {})
    c.json_schema = fmt.get("schema")
    choice = b.get("tool_choice") or {}
    if choice.get("type") == "tool":
        for t in b.get("tools") or []:
            if t.get("name") == choice.get("name"):
                c.forced_tool, c.json_schema = t["name"], t.get("input_schema") or {}
    c.prompt_chars += len(c.system)
    return c


def norm_chat(b):
    c = Call("chat")
    c.model = b.get("model", "mock")
    c.stream = bool(b.get("stream"))
    c.include_usage = bool((b.get("stream_options") or {}).get("include_usage"))
    for t in b.get("tools") or []:
        if t.get("type") == "custom":
            c.tools[(t.get("custom") or {}).get("name", "?")] = {"custom": True, "props": set()}
        else:
            f = t.get("function") or {}
            props = (f.get("parameters") or {}).get("properties") or {}
            c.tools[f.get("name", "?")] = {"custom": False, "props": set(props)}
    for m in b.get("messages") or []:
        role, text = m.get("role"), text_of(m.get("content"))
        if role in ("system", "developer"):
            c.system += text + "\n"
        elif role == "tool":
            c.add("user", "", False, True)
            c.prompt_chars += len(text)
        else:
            c.add(role, text, bool(m.get("tool_calls")))
    rf = b.get("response_format") or {}
    if rf.get("type") in ("json_schema", "json_object"):
        c.json_schema = (rf.get("json_schema") or {}).get("schema") or {}
    c.prompt_chars += len(c.system)
    return c


def norm_responses(b):
    c = Call("responses")
    c.model = b.get("model", "mock")
    c.stream = bool(b.get("stream"))
    c.system = text_of(b.get("instructions"))
    def add_tools(tools, ns):
        for t in tools or []:
            if t.get("type") == "namespace":          # grouped tools
                add_tools(t.get("tools"), t.get("name"))
                continue
            props = (t.get("parameters") or {}).get("properties") or {}
            c.tools[t.get("name") or t.get("type", "?")] = {
                "custom": t.get("type") == "custom", "props": set(props), "ns": ns}

    add_tools(b.get("tools"), None)
    inp = b.get("input")
    if isinstance(inp, str):
        c.add("user", inp)
        inp = []
    for it in inp or []:
        k = it.get("type", "message")
        if k == "additional_tools":                   # tools sent as an input item
            add_tools(it.get("tools"), None)
        elif k == "message":
            text, role = text_of(it.get("content")), it.get("role")
            if role in ("system", "developer"):
                c.system += "\n" + text
            else:
                c.add(role, text)
        elif k.endswith("_output"):
            c.add("user", "", False, True)
            c.prompt_chars += len(json.dumps(it.get("output", "")))
        elif k.endswith("_call"):
            c.add("assistant", "", True)
    fmt = (b.get("text") or {}).get("format") or {}
    if fmt.get("type") == "json_schema":
        c.json_schema = fmt.get("schema")
    c.prompt_chars += len(c.system)
    # An assistant message directly followed by a call is commentary of the
    # same response, not a final answer: drop it from the turn list.
    t = c.turns
    c.turns = [x for i, x in enumerate(t)
               if not (x[0] == "assistant" and not x[2] and i + 1 < len(t)
                       and t[i + 1][0] == "assistant" and t[i + 1][2])]
    return c


def norm_gemini(b, model, stream):
    c = Call("gemini")
    c.model, c.stream = model, stream
    c.system = text_of((b.get("systemInstruction") or b.get("system_instruction") or {}).get("parts"))
    for t in b.get("tools") or []:
        for f in t.get("functionDeclarations") or t.get("function_declarations") or []:
            schema = f.get("parameters") or f.get("parametersJsonSchema") or {}
            c.tools[f.get("name", "?")] = {"custom": False,
                                           "props": set(schema.get("properties") or {})}
    for m in b.get("contents") or []:
        role = "assistant" if m.get("role") == "model" else "user"
        texts, tc, tr = [], False, False
        for p in m.get("parts") or []:
            if "functionCall" in p:
                tc = True
            elif "functionResponse" in p:
                tr = True
                c.prompt_chars += len(json.dumps(p["functionResponse"]))
            elif isinstance(p.get("text"), str) and not p.get("thought"):
                texts.append(p["text"])
        if tr:
            c.add(role, "", False, True)
            if texts:
                c.add(role, "\n".join(texts))
        else:
            c.add(role, "\n".join(texts), tc)
    gc = b.get("generationConfig") or {}
    c.json_schema = gc.get("responseJsonSchema") or gc.get("responseSchema")
    c.prompt_chars += len(c.system)
    return c


def norm_ollama(b, chat):
    if chat:
        c = norm_chat({"messages": b.get("messages"), "tools": b.get("tools")})
        c.api = "ollama-chat"
    else:
        c = Call("ollama-generate")
        c.system = b.get("system") or ""
        c.add("user", b.get("prompt") or "")
    c.model = b.get("model", "")
    c.stream = b.get("stream", True) is not False
    if isinstance(b.get("format"), dict):
        c.json_schema = b["format"]
    elif b.get("format") == "json":
        c.json_schema = {}
    return c


# --------------------------------------------------------------------------
# Deciding on an answer
# --------------------------------------------------------------------------

CWD_PATTERNS = [re.compile(p) for p in (
    r"<cwd>\s*([^<\n]+?)\s*</cwd>",
    r"[Pp]rimary working directory:\s*`?([^\n`]+?)`?\s*(?:\n|$)",
    r"[Cc]urrent working directory:?\s*`?(/[^\n`]+?)`?\s*(?:\n|$)",
    r"[Ww]orking directory:\s*`?([^\n`]+?)`?\s*(?:\n|$)",
    r"currently working in the directory:\s*([^\n]+?)\s*(?:\n|$)",
    r"[Ww]orkspace [Dd]irectories:\*{0,2}\s*\n\s*-\s*([^\n]+?)\s*(?:\n|$)",
)]


def find_cwd(call):
    text = call.all_text()
    for p in CWD_PATTERNS:
        m = p.search(text)
        if m and m.group(1).startswith("/"):
            return m.group(1)
    return None


# Housekeeping requests some CLIs make beside the real conversation.  They are
# answered plainly (never with the scenario's tool call or fault) unless the
# scenario step carries all=1.
UTILITY = [
    (re.compile(r"title generator|generate a (?:concise|short|brief)[^.]{0,60}title|"
                r"session title|conversation title", re.I), "Mock session title"),
    (re.compile(r"next_speaker", re.I),
     '{"reasoning":"mock","next_speaker":"user"}'),
    (re.compile(r"complexity_score|complexity_reasoning", re.I),
     '{"complexity_reasoning":"mock","complexity_score":10}'),
    (re.compile(r"model_choice", re.I), '{"reasoning":"mock","model_choice":"flash"}'),
    (re.compile(r"Determine if this message indicates a new conversation topic|isNewTopic", re.I),
     '{"isNewTopic":false,"title":null}'),
    (re.compile(r"prompt suggestion|suggest(?:ed)? next (?:user )?prompt", re.I), ""),
    (re.compile(r"summari[sz]e (?:this|the) (?:coding )?(?:session|conversation) (?:in|as) ", re.I),
     "Mock session summary"),
    (re.compile(r"context summari[sz]ation agent|create a detailed summary of (?:the|our) conversation", re.I),
     "Mock summary of the conversation."),
]


def utility_answer(call):
    if call.tools:
        return None
    head = call.system + "\n" + (json.dumps(call.json_schema) if call.json_schema else "")
    head += "\n" + MARKER.sub("", call.user_text())[:4000]
    for rx, ans in UTILITY:
        if rx.search(head):
            return ans
    return None


class Plan:
    """What to send back."""

    def __init__(self):
        self.kind = "text"          # text | tool | error | hang | reset | html
        self.name = "text"
        self.opts = {}
        self.text = ""
        self.think = ""
        self.calls = []             # [{"name","args"(dict)|"input"(str),"ns"}]
        self.stop = "stop"          # stop | length | refusal | tool
        self.tokens_in = 0
        self.tokens_out = 0
        self.cached = 0
        self.step = 0
        self.source = "default"


def tokens(n_chars):
    return max(1, math.ceil(n_chars / 4))


def shq(s):
    return "'" + s.replace("'", "'\\''") + "'"


def patch_add(path, content):
    body = "".join("+" + ln + "\n" for ln in content.rstrip("\n").split("\n"))
    return "*** Begin Patch\n*** Add File: %s\n%s*** End Patch\n" % (path, body)


def patch_update(path, old, new):
    body = "".join("-" + ln + "\n" for ln in old.rstrip("\n").split("\n"))
    body += "".join("+" + ln + "\n" for ln in new.rstrip("\n").split("\n"))
    return "*** Begin Patch\n*** Update File: %s\n@@\n%s*** End Patch\n" % (path, body)


def make_tool_calls(call, opts):
    """Pick a tool the client offers that performs the wanted operation."""
    op = opts.get("op")
    T = call.tools

    def have(name, *props):
        return name in T and all(p in T[name]["props"] for p in props)

    def mk(name, args):
        return {"name": name, "args": args, "ns": T.get(name, {}).get("ns")}

    def mkc(name, text):
        return {"name": name, "input": text, "ns": T.get(name, {}).get("ns")}

    if op == "raw":
        name = opts.get("name", "")
        if "input" in opts or "input_b64" in opts:
            return [mkc(name, opt_text(opts, "input", ""))]
        raw = opt_text(opts, "args", "{}")
        try:
            return [mk(name, json.loads(raw))]
        except ValueError:
            return [{"name": name, "rawargs": raw}]

    rel = opts.get("path", "mock-edit.txt")
    cwd = opts.get("cwd") or call.cwd
    absolute = rel if rel.startswith("/") or not cwd else cwd.rstrip("/") + "/" + rel
    content = opt_text(opts, "content", "written by mock\n")
    old, new = opt_text(opts, "old", "old"), opt_text(opts, "new", "new")
    cmd = opt_text(opts, "cmd", "echo mock-shell")

    if op == "write":
        if have("Write", "file_path"):
            return [mk("Write", {"file_path": absolute, "content": content})]
        if have("write_file", "file_path"):
            return [mk("write_file", {"file_path": absolute, "content": content})]
        if have("write", "filePath"):
            return [mk("write", {"filePath": absolute, "content": content})]
        if have("create", "path"):
            return [mk("create", {"path": absolute, "file_text": content})]
        if have("write_file", "path"):
            return [mk("write_file", {"path": absolute, "content": content})]
        if "apply_patch" in T:
            return [patch_call(T, rel, patch_add(rel, content), mk, mkc)]
        cmd = "printf %s " + shq(content) + " > " + shq(absolute)
    elif op == "edit":
        if have("Edit", "file_path"):
            return [mk("Edit", {"file_path": absolute, "old_string": old, "new_string": new})]
        if have("replace", "file_path"):
            return [mk("replace", {"file_path": absolute, "old_string": old,
                                   "new_string": new, "instruction": "mock edit"})]
        if have("edit", "filePath"):
            return [mk("edit", {"filePath": absolute, "oldString": old, "newString": new})]
        if have("edit", "file_path"):
            return [mk("edit", {"file_path": absolute, "old_string": old, "new_string": new})]
        if have("edit", "path"):
            return [mk("edit", {"path": absolute, "old_str": old, "new_str": new})]
        if have("str_replace_editor"):
            return [mk("str_replace_editor", {"command": "str_replace", "path": absolute,
                                              "old_str": old, "new_str": new})]
        if "apply_patch" in T:
            return [patch_call(T, rel, patch_update(rel, old, new), mk, mkc)]
        cmd = ("python3 -c 'import sys; p,o,n=sys.argv[1:]; s=open(p).read(); "
               "open(p,\"w\").write(s.replace(o,n,1))' " + " ".join(map(shq, (absolute, old, new))))
    elif op == "read":
        for name, key in (("Read", "file_path"), ("read_file", "file_path"),
                          ("read_file", "absolute_path"), ("read", "filePath"),
                          ("view", "path")):
            if have(name, key):
                return [mk(name, {key: absolute})]
        cmd = "cat " + shq(absolute)

    # shell, or a fallback through the shell
    for name, build in (
        ("Bash", lambda: {"command": cmd, "description": "mock command"}),
        ("run_shell_command", lambda: {"command": cmd, "description": "mock command",
                                       "is_background": False}),
        ("bash", lambda: {"command": cmd, "description": "mock command"}),
        ("exec_command", lambda: {"cmd": cmd}),
        ("shell_command", lambda: {"command": cmd}),
        ("shell", lambda: {"command": ["bash", "-c", cmd]}),
        ("local_shell", lambda: {"command": ["bash", "-c", cmd]}),
    ):
        if name in T:
            args = build()
            args = {k: v for k, v in args.items() if k in T[name]["props"] or not T[name]["props"]}
            return [mk(name, args)]
    if "exec" in T and T["exec"]["custom"]:           # codex "code mode"
        return [mkc("exec", "const r = await tools.exec_command({cmd: %s}); text(r);"
                    % json.dumps(cmd))]
    return None


def forced_call(call, text):
    """The answer as the input of the tool that the client demands."""
    try:
        return {"name": call.forced_tool, "args": json.loads(text)}
    except ValueError:
        return {"name": call.forced_tool, "args": {"text": text}}


def patch_call(T, _rel, patch, mk, mkc):
    t = T["apply_patch"]
    if t["custom"]:
        return mkc("apply_patch", patch)
    for key in ("patchText", "patch_text", "input", "patch"):
        if key in t["props"]:
            return mk("apply_patch", {key: patch})
    return mk("apply_patch", {"input": patch})


def sample_for_schema(s, depth=0):
    """Smallest deterministic value that fits a JSON schema."""
    if not isinstance(s, dict) or depth > 8:
        return "mock"
    if "const" in s:
        return s["const"]
    if s.get("enum"):
        return s["enum"][0]
    for k in ("anyOf", "oneOf", "allOf"):
        if s.get(k):
            return sample_for_schema(s[k][0], depth + 1)
    t = s.get("type")
    if isinstance(t, list):
        t = t[0]
    if isinstance(t, str):
        t = t.lower()
    if t == "object" or "properties" in s:
        return {k: sample_for_schema(v, depth + 1) for k, v in (s.get("properties") or {}).items()}
    if t == "array":
        n = s.get("minItems", 1) or 0
        return [sample_for_schema(s.get("items", {}), depth + 1) for _ in range(max(0, n))]
    if t == "integer" or t == "number":
        return s.get("minimum", 1)
    if t == "boolean":
        return True
    if t == "null":
        return None
    return "mock"


# --------------------------------------------------------------------------
# HTTP plumbing
# --------------------------------------------------------------------------

REASON = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
          402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
          408: "Request Timeout", 409: "Conflict", 413: "Payload Too Large",
          426: "Upgrade Required", 429: "Too Many Requests", 500: "Internal Server Error",
          501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
          504: "Gateway Timeout", 529: "Overloaded"}


class Gone(Exception):
    """The client went away, or the answer must be broken off."""


class Request:
    __slots__ = ("method", "target", "path", "query", "headers", "body", "json", "id",
                 "prefix", "t0", "entry")

    def key(self):
        h = self.headers
        return (h.get("authorization", "").split(" ")[-1] or h.get("x-api-key")
                or h.get("x-goog-api-key") or h.get("api-key") or self.query.get("key"))


class Response:
    def __init__(self, reader, writer, keep):
        self.r, self.w, self.keep = reader, writer, keep
        self.started = False
        self.chunked = False
        self.status = 0
        self.bytes_out = 0

    def gone(self):
        return self.w.transport.is_closing() or self.r.at_eof()

    async def start(self, status, headers, length=None):
        self.started, self.status = True, status
        lines = ["HTTP/1.1 %d %s" % (status, REASON.get(status, "Status"))]
        h = dict(headers)
        h.setdefault("Server", "mock-models/" + VERSION)
        if length is None:
            self.chunked = True
            h["Transfer-Encoding"] = "chunked"
        else:
            h["Content-Length"] = str(length)
        h["Connection"] = "keep-alive" if self.keep else "close"
        lines += ["%s: %s" % kv for kv in h.items()]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def start_unframed(self, status, headers):
        """No length and no chunking: the end of the connection ends the body."""
        self.keep = False
        self.started, self.status = True, status
        h = dict(headers, Connection="close")
        lines = ["HTTP/1.1 %d %s" % (status, REASON.get(status, "Status"))] + ["%s: %s" % kv for kv in h.items()]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def raw(self, data):
        if self.w.transport.is_closing():
            raise Gone()
        try:
            self.w.write(data)
            await self.w.drain()
        except (ConnectionError, OSError):
            raise Gone()
        self.bytes_out += len(data)

    async def chunk(self, data):
        if self.gone():
            raise Gone()
        if data:
            await self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    async def end(self):
        if self.chunked:
            await self.raw(b"0\r\n\r\n")

    async def json(self, status, obj, headers=None):
        data = json.dumps(obj, ensure_ascii=False).encode()
        h = {"Content-Type": "application/json"}
        h.update(headers or {})
        await self.start(status, h, len(data))
        await self.raw(data)

    async def plain(self, status, text, ctype="text/plain; charset=utf-8"):
        data = text.encode()
        await self.start(status, {"Content-Type": ctype}, len(data))
        await self.raw(data)

    def abort(self):
        """Drop the TCP connection at once."""
        try:
            self.w.transport.abort()
        except Exception:
            pass
        raise Gone()


async def read_request(reader):
    line = await reader.readline()
    if not line.strip():
        return None
    try:
        method, target, _version = line.decode("latin-1").split(None, 2)
    except ValueError:
        return None
    headers = {}
    while True:
        h = await reader.readline()
        if h in (b"\r\n", b"\n", b""):
            break
        k, _, v = h.decode("latin-1").partition(":")
        headers[k.strip().lower()] = v.strip()
    req = Request()
    req.method, req.target, req.headers = method.upper(), target, headers
    req.body = None                    # read by the caller, after 100-continue
    u = urllib.parse.urlsplit(target)
    req.path = urllib.parse.unquote(u.path)
    req.query = dict(urllib.parse.parse_qsl(u.query, keep_blank_values=True))
    req.prefix = None
    req.t0 = time.monotonic()
    return req


async def read_body(req, reader, writer):
    if req.headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    if "chunked" in req.headers.get("transfer-encoding", "").lower():
        parts, total = [], 0
        while True:
            size = int((await reader.readline()).split(b";")[0].strip() or b"0", 16)
            if size == 0:
                while (await reader.readline()).strip():
                    pass
                break
            total += size
            if total > MAX_BODY:
                raise Gone()
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        body = b"".join(parts)
    else:
        n = int(req.headers.get("content-length") or 0)
        if n > MAX_BODY:
            raise Gone()
        body = await reader.readexactly(n) if n else b""
    enc = req.headers.get("content-encoding", "").lower()
    try:
        if enc == "gzip":
            body = gzip.decompress(body)
        elif enc == "deflate":
            body = zlib.decompress(body)
    except (OSError, zlib.error):
        pass
    req.body = body
    try:
        req.json = json.loads(body) if body else None
    except ValueError:
        req.json = None


# --------------------------------------------------------------------------
# The server
# --------------------------------------------------------------------------

class Mock:
    def __init__(self, args):
        self.args = args
        self.base = {"default": args.default, "rules": [], "queue": [],
                     "api_key": args.api_key, "ttfb_ms": args.ttfb_ms,
                     "delay_ms": args.delay_ms, "loading": False,
                     "pull_ms": 50, "max_parallel": 0}
        self.logfile = open(args.log, "a", buffering=1) if args.log else None
        self.reset()

    def reset(self):
        self.cfg = json.loads(json.dumps(self.base))
        self.n = 0
        self.entries = []
        self.bodies = {}
        self.fails = {}
        self.active = 0
        self.hanging = 0
        self.peak = 0
        self.sticky = {}
        self.status_counts = {}
        self.disconnects = 0
        self.body_bytes = 0         # of streams
        self.release = asyncio.Event()
        self.models = {}
        for name, size, caps in (("mock:latest", 4_000_000_000, ["completion", "tools"]),
                                 ("mock-think:latest", 5_000_000_000,
                                  ["completion", "tools", "thinking"]),
                                 ("mock-embed:latest", 300_000_000, ["embedding"])):
            self.models[name] = {"size": size, "caps": caps}
        self.loaded = {}
        self.jobs = {}

    # -- connection loop ---------------------------------------------------

    async def serve(self, reader, writer):
        try:
            while True:
                req = await read_request(reader)
                if req is None:
                    break
                keep = req.headers.get("connection", "").lower() != "close"
                res = Response(reader, writer, keep)
                await read_body(req, reader, writer)
                await self.one(req, res)
                if not res.keep:
                    break
        except (Gone, asyncio.IncompleteReadError, ConnectionError, ValueError,
                asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            try:
                writer.close()
            except Exception:
                pass

    async def one(self, req, res):
        self.n += 1
        req.id = self.n
        m = re.match(r"/s/([^/]+)(/.*)$", req.path)
        if m:
            req.prefix, req.path = m.group(1), m.group(2)
        admin = req.path.startswith("/__mock")
        e = {"id": req.id, "method": req.method, "path": req.path, "status": 0}
        if req.prefix:
            e["prefix"] = req.prefix
        req.entry = e
        if not admin:
            self.entries.append(e)
            del self.entries[:-5000]
            self.bodies[req.id] = req.json if req.json is not None else (req.body or b"")[:2000].decode("utf-8", "replace")
            for k in [k for k in self.bodies if k < req.id - 500]:
                del self.bodies[k]
            self.active += 1
            self.peak = max(self.peak, self.active)
            e["t"] = round(time.time(), 3)
        try:
            await self.route(req, res)
        except Gone:
            self.disconnects += 1
            e["gone"] = True
            raise
        except ScenarioError as x:
            if not res.started:
                await res.json(400, {"error": {"message": "mock-models: %s" % x,
                                               "type": "mock_scenario_error"}})
            else:
                raise Gone()
        finally:
            e["status"] = res.status
            e["ms"] = int((time.monotonic() - req.t0) * 1000)
            if not admin:
                self.active -= 1
                self.status_counts[str(res.status)] = self.status_counts.get(str(res.status), 0) + 1
                if self.logfile:
                    rec = dict(e)
                    if self.args.log_bodies:
                        rec["headers"] = {k: ("***" if k in ("authorization", "x-api-key", "x-goog-api-key", "api-key") else v)
                                          for k, v in req.headers.items()}
                        rec["body"] = self.bodies.get(req.id)
                    self.logfile.write(json.dumps(rec, ensure_ascii=False) + "\n")

    # -- routing -----------------------------------------------------------

    async def route(self, req, res):
        p, b = req.path.rstrip("/") or "/", req.json if isinstance(req.json, dict) else {}
        if p.startswith("/__mock"):
            return await self.admin(p, req, res)

        h = req.headers
        if self.cfg["api_key"]:
            if req.key() != self.cfg["api_key"] and not p.startswith(("/api/", "/health")):
                return await self.http_error(res, self.api_of(p), 401, {})
        if h.get("upgrade", "").lower() == "websocket":
            return await res.json(426, {"error": {"message": "no websockets here"}})

        if req.method in ("GET", "HEAD"):
            return await self.get(p, req, res)
        if req.method == "DELETE" and p == "/api/delete":
            return await self.ollama_delete(b, res)
        if req.method not in ("POST",):
            return await res.json(405, {"error": {"message": "method not allowed"}})
        if req.body and req.json is None:
            return await self.http_error(res, self.api_of(p), 400,
                                         {"message": "request body is not valid JSON"})

        # strip common prefixes so that any base URL works
        q = re.sub(r"^/(?:anthropic|openai|openai/v1|v1beta/openai|codex|api/v1)(?=/)", "", p)
        if q.endswith("/messages/count_tokens"):
            c = norm_anthropic(b)
            return await res.json(200, {"input_tokens": tokens(c.prompt_chars)})
        if q.endswith("/messages"):
            return await self.model(norm_anthropic(b), req, res)
        if q.endswith("/responses"):
            return await self.model(norm_responses(b), req, res)
        if q.endswith("/chat/completions"):
            return await self.model(norm_chat(b), req, res)
        m = re.search(r"/models/([^/:]+):(\w+)$", q)
        if m:
            return await self.gemini(m.group(1), m.group(2), b, req, res)
        if q.endswith("/embeddings") and not q.startswith("/api/"):
            return await self.openai_embeddings(b, res)
        if p.startswith("/api/"):
            return await self.ollama(p, b, req, res)
        if q in ("/completion", "/completions") and "/v1" not in q:
            c = Call("llama-completion")
            c.model, c.stream = b.get("model", "mock"), bool(b.get("stream"))
            c.add("user", text_of(b.get("prompt")))
            return await self.model(c, req, res)
        if q.endswith("/completions"):
            c = Call("completion")
            c.model, c.stream = b.get("model", "mock"), bool(b.get("stream"))
            c.add("user", text_of(b.get("prompt")))
            return await self.model(c, req, res)
        if q == "/tokenize":
            return await res.json(200, {"tokens": [int(hashlib.md5(w.encode()).hexdigest()[:4], 16)
                                                   for w in re.findall(r"\S+|\s+", str(b.get("content", "")))]})
        if q == "/detokenize":
            return await res.json(200, {"content": " ".join("t%s" % t for t in b.get("tokens", []))})
        if q == "/apply-template":
            c = norm_chat(b)
            return await res.json(200, {"prompt": c.all_text()})
        if q == "/embedding":
            data = b.get("content", b.get("input", ""))
            data = data if isinstance(data, list) else [data]
            return await res.json(200, [{"index": i, "embedding": [self.embed(str(t))]}
                                        for i, t in enumerate(data)])
        if q == "/models/apply":
            job = "mock-job-%d" % req.id
            self.jobs[job] = time.monotonic()
            return await res.json(200, {"uuid": job, "status": "http://%s/models/jobs/%s"
                                        % (req.headers.get("host", "127.0.0.1"), job)})
        if q in ("/models/load", "/models/unload"):
            name = self.canon(str(b.get("model", "")))
            if name not in self.models:
                return await self.http_error(res, "llama", 400, {"message": "model is not found"})
            if q == "/models/load":
                self.loaded[name] = 1e12
            else:
                self.loaded.pop(name, None)
            return await res.json(200, {"success": True})
        if q.startswith("/models/delete/"):
            return await res.json(200, {"uuid": "mock-job-%d" % req.id, "status": ""})
        req.entry["unknown"] = True
        return await res.json(404, {"error": {"message": "mock-models: no route " + p,
                                              "type": "invalid_request_error", "code": "not_found"}})

    async def get(self, p, req, res):
        q = re.sub(r"^/(?:anthropic|openai|v1beta/openai)(?=/)", "", p)
        if p == "/":
            return await res.plain(200, "Ollama is running")
        if q.endswith("/v1/models"):
            if "anthropic-version" in req.headers:
                return await res.json(200, {"data": [{"type": "model", "id": "mock", "display_name": "Mock",
                                                      "created_at": ISO}],
                                            "has_more": False, "first_id": "mock", "last_id": "mock"})
            data = [{"id": n.split(":latest")[0], "object": "model", "created": EPOCH, "owned_by": "mock"}
                    for n in sorted(self.models)]
            return await res.json(200, {"object": "list", "data": data})
        m = re.search(r"/v1/models/([^/]+)$", q)
        if m:
            return await res.json(200, {"id": m.group(1), "object": "model", "created": EPOCH,
                                        "owned_by": "mock", "type": "model",
                                        "display_name": m.group(1), "created_at": ISO})
        if q == "/v1beta/models":
            return await res.json(200, {"models": [{"name": "models/mock", "displayName": "Mock",
                                                    "supportedGenerationMethods": ["generateContent"]}]})
        if p == "/api/version":
            return await res.json(200, {"version": "0.99.0-mock"})
        if p == "/api/tags":
            return await res.json(200, {"models": [self.tag(n) for n in sorted(self.models)]})
        if p == "/api/ps":
            now, out = time.monotonic(), []
            for n, until in sorted(self.loaded.items()):
                if until > now and n in self.models:
                    t = self.tag(n)
                    t.update({"expires_at": "2318-01-01T00:00:00Z", "size_vram": t["size"],
                              "context_length": 4096})
                    t.pop("modified_at", None)
                    out.append(t)
            return await res.json(200, {"models": out})
        if p in ("/health", "/v1/health"):
            if self.cfg["loading"]:
                return await self.http_error(res, "llama", 503, {"message": "Loading model"})
            return await res.json(200, {"status": "ok"})
        if p == "/healthz":
            return await res.start(200, {}, 0)
        if p == "/readyz":
            if self.cfg["loading"]:
                return await res.json(503, {"status": "starting", "reason": "startup preload in progress"})
            return await res.start(200, {}, 0)
        if p == "/props":
            return await res.json(200, {"default_generation_settings": {"n_ctx": 4096, "id": 0},
                                        "total_slots": 4, "model_path": "/models/mock.gguf",
                                        "model_alias": "mock", "chat_template": "mock",
                                        "modalities": {"vision": False, "audio": False},
                                        "build_info": "mock", "is_sleeping": False})
        if p == "/slots":
            busy = min(4, max(0, self.active - 1))
            if busy == 4 and req.query.get("fail_on_no_slot"):
                return await self.http_error(res, "llama", 503, {"message": "no slot available"})
            return await res.json(200, [{"id": i, "id_task": -1, "n_ctx": 4096, "speculative": False,
                                         "is_processing": i < busy} for i in range(4)])
        if p == "/metrics":
            return await res.plain(200, "llamacpp:requests_processing %d\nllamacpp:requests_deferred 0\n"
                                   % max(0, self.active - 1))
        m = re.match(r"/models/jobs/(.+)$", p)
        if m:
            t0 = self.jobs.get(m.group(1))
            if t0 is None:
                return await res.json(500, {"error": {"code": 500, "message": "could not find any status for ID"}})
            pct = min(100.0, (time.monotonic() - t0) * 1000 / max(1, self.cfg["pull_ms"] * 10) * 100)
            return await res.json(200, {"deletion": False, "file_name": "", "error": None, "processed": pct >= 100,
                                        "message": "completed" if pct >= 100 else "processing",
                                        "progress": pct, "file_size": "4 GiB", "downloaded_size": "",
                                        "gallery_element_name": "mock", "cancelled": False, "cancellable": True})
        if p == "/models":                         # llama.cpp router
            return await res.json(200, {"data": [{"id": n.split(":latest")[0], "object": "model",
                                                  "status": {"value": "loaded" if n in self.loaded else "unloaded"}}
                                                 for n in sorted(self.models)]})
        if p == "/models/available":
            return await res.json(200, [{"name": "mock", "installed": True}])
        req.entry["unknown"] = True
        return await res.json(404, {"error": {"message": "mock-models: no route " + p,
                                              "type": "invalid_request_error", "code": "not_found"}})

    @staticmethod
    def api_of(p):
        if p.startswith("/api/"):
            return "ollama"
        if "/messages" in p:
            return "anthropic"
        if re.search(r"/models/[^/]+:\w+$", p):
            return "gemini"
        return "openai"

    # -- admin -------------------------------------------------------------

    async def admin(self, p, req, res):
        if p == "/__mock" or p == "/__mock/health":
            return await res.json(200, {"ok": True, "version": VERSION})
        if p == "/__mock/stats":
            return await res.json(200, {"requests": len(self.entries), "active": self.active,
                                        "hanging": self.hanging, "peak_active": self.peak, "by_status": self.status_counts,
                                        "disconnects": self.disconnects,
                                        "body_bytes": self.body_bytes})
        if p == "/__mock/log":
            n = int(req.query.get("n", 100))
            return await res.json(200, self.entries[-n:])
        m = re.match(r"/__mock/log/(\d+)$", p)
        if m:
            i = int(m.group(1))
            if i not in self.bodies:
                return await res.json(404, {"error": "no such request"})
            return await res.json(200, self.bodies[i])
        if p == "/__mock/config":
            if req.method == "GET":
                return await res.json(200, self.cfg)
            new = req.json
            if not isinstance(new, dict):
                return await res.json(400, {"error": "body must be a JSON object"})
            bad = [k for k in new if k not in self.cfg]
            if bad:
                return await res.json(400, {"error": "unknown keys", "keys": bad, "known": sorted(self.cfg)})
            try:
                for spec in ([new["default"]] if "default" in new else []) + list(new.get("queue", [])) \
                        + [r["scenario"] for r in new.get("rules", [])]:
                    parse_scenario(spec)
            except (ScenarioError, KeyError, TypeError) as x:
                return await res.json(400, {"error": str(x)})
            self.cfg.update(new)
            return await res.json(200, self.cfg)
        if p == "/__mock/reset":
            act, hanging = self.active, self.hanging
            self.reset()
            self.active, self.hanging = act, hanging
            return await res.json(200, {"ok": True})
        if p == "/__mock/release":
            ev, self.release = self.release, asyncio.Event()
            ev.set()
            return await res.json(200, {"ok": True})
        return await res.json(404, {"error": "no such admin route"})

    # -- planning ----------------------------------------------------------

    def choose(self, call, req):
        """-> (steps, round, source)"""
        marker, rounds = call.marker()
        hdr = req.headers.get("x-mock-scenario")
        if hdr:
            return parse_scenario(hdr), rounds, "header"
        if marker:
            return parse_scenario(marker), rounds, "marker"
        if req.prefix:
            return parse_scenario(req.prefix), rounds, "prefix"
        if rounds == 0 and self.cfg["queue"] and utility_answer(call) is None:
            spec = self.cfg["queue"].pop(0)
            self.sticky[call.key()] = spec           # for the exchange's later rounds
            return parse_scenario(spec), 0, "queue"
        if call.key() in self.sticky:
            return parse_scenario(self.sticky[call.key()]), rounds, "queue"
        text = call.all_text()
        for r in self.cfg["rules"]:
            if r.get("api") and r["api"] != call.api:
                continue
            if r.get("model") and not re.search(r["model"], call.model):
                continue
            if r.get("match") and not re.search(r["match"], text, re.S):
                continue
            return parse_scenario(r["scenario"]), rounds, "rule"
        return parse_scenario(self.cfg["default"]), rounds, "default"

    def plan(self, call, req):
        call.cwd = find_cwd(call)
        steps, rounds, source = self.choose(call, req)
        loop = "loop" in steps[-1][2]
        if rounds < len(steps):
            kind, name, opts = steps[rounds]
        elif loop:
            kind, name, opts = steps[-1]
        elif steps[-1][0] == "tool":
            kind, name, opts = "text", "text", {"text": "Done."}
        else:
            kind, name, opts = steps[-1]

        util = utility_answer(call)
        if util is not None and "all" not in opts:
            kind, name, opts, source = "text", "utility", {"text": util}, "utility"

        # faults with times=N: fail N times, then answer normally
        if "times" in opts:
            key = opts.get("id") or "%s\0%s\0%d" % (call.key(), name, rounds)
            seen = self.fails.get(key, 0)
            if seen >= opt_int(opts, "times"):
                rest = [s for s in steps[rounds + 1:]] or [("text", "text", {"text": opt_text(opts, "then", "Recovered.")})]
                kind, name, opts = rest[0]
            else:
                self.fails[key] = seen + 1

        pl = Plan()
        pl.kind, pl.name, pl.opts, pl.step, pl.source = kind, name, opts, rounds, source
        pl.think = opt_text(opts, "think", "")
        if kind == "tool":
            calls = make_tool_calls(call, opts)
            if calls is None:
                pl.kind = "text"
                pl.text = ("MOCK-NO-TOOL: no offered tool can do %r; offered: %s"
                           % (opts.get("op"), ", ".join(sorted(call.tools)) or "none"))
                req.entry["no_tool"] = True
            else:
                pl.calls = calls * max(1, opt_int(opts, "n", 1))
                pl.text = opt_text(opts, "say", "")
                pl.stop = "tool"
        elif kind == "text":
            if "echo" in opts:
                pl.text = MARKER.sub("", call.user_text()).strip()[-4000:]
            elif "size" in opts:
                # Nothing in it is there twice: some clients take that for a loop, or for one piece sent again.
                size = opt_int(opts, "size")
                pl.text = "".join("%07d " % i for i in range(size // 8 + 1))[:size]
            else:
                pl.text = opt_text(opts, "text", None)
                if pl.text is None:
                    if call.json_schema is not None:
                        pl.text = json.dumps(sample_for_schema(call.json_schema) if call.json_schema else {"ok": True})
                    else:
                        pl.text = "Mock answer: the task is done."
            pl.stop = opts.get("stop", "stop")
            if call.forced_tool and pl.stop == "stop":
                pl.calls = [forced_call(call, pl.text)]
                pl.text, pl.stop = "", "tool"
        if "tell_key" in opts:                            # as some servers do
            pl.text = "%s %s." % (pl.text, req.key())
            pl.opts = {**opts, "message": "No such key: %s, or %s" % (req.key(), base64.b64encode(
                ("user:%s" % req.key()).encode()).decode())}
        pl.tokens_in = opt_int(opts, "in", tokens(call.prompt_chars))
        out_chars = len(pl.text) + len(pl.think) + sum(len(json.dumps(c, default=str)) for c in pl.calls)
        pl.tokens_out = opt_int(opts, "out", tokens(out_chars))
        pl.cached = opt_int(opts, "cached", 0)
        if "no_usage" in opts:
            call.include_usage = False
        req.entry.update({"api": call.api, "model": call.model, "stream": call.stream,
                          "scenario": name, "step": rounds, "source": source,
                          "tools": len(call.tools)})
        if call.cwd:
            req.entry["cwd"] = call.cwd
        return pl

    def pieces(self, pl):
        text = pl.text
        if "chunk" in pl.opts:
            n = max(1, opt_int(pl.opts, "chunk"))
        elif "chunks" in pl.opts:
            want = max(1, opt_int(pl.opts, "chunks"))
            if len(text) < want:                      # enough text for all chunks
                text = (text + " ") + " ".join("w%03d" % i for i in range(want))
                pl.text = text
            n = math.ceil(len(text) / want)
        else:
            n = 24
        return [text[i:i + n] for i in range(0, len(text), n)]

    # -- answering ---------------------------------------------------------

    async def model(self, call, req, res):
        if self.cfg["loading"]:
            return await self.http_error(res, "llama", 503, {"message": "Loading model"})
        if self.cfg["max_parallel"] and self.active > self.cfg["max_parallel"]:
            return await self.http_error(res, call.api, 429, {"retry_after": "1"})
        pl = self.plan(call, req)
        await self.pause(opt_int(pl.opts, "ttfb_ms", self.cfg["ttfb_ms"]), res)
        if pl.kind == "error":
            return await self.http_error(res, call.api, opt_int(pl.opts, "code"), pl.opts)
        if pl.kind == "reset":
            res.abort()
        if pl.kind == "redirect":
            return await res.json(opt_int(pl.opts, "code"), {}, {"Location": pl.opts.get("to", "/")})
        if pl.kind == "html":
            return await res.plain(200, "<html><body>captive portal</body></html>", "text/html")
        if pl.kind == "hang":
            await self.hang(res)
            return await self.http_error(res, call.api, 503, {"message": "released"})
        enc = {"anthropic": self.enc_anthropic, "responses": self.enc_responses,
               "chat": self.enc_chat, "gemini": self.enc_gemini,
               "ollama-chat": self.enc_ollama, "ollama-generate": self.enc_ollama,
               "completion": self.enc_completion, "llama-completion": self.enc_llama}[call.api]
        pieces = self.pieces(pl)
        if not call.stream:
            body = enc(call, pl, pieces, req.id, False)
            if "delay_ms" in pl.opts:
                await self.pause(opt_int(pl.opts, "delay_ms") * max(1, len(pieces)), res)
            return await res.json(200, body, self.extra_headers(call))
        ctype = "application/x-ndjson" if call.api.startswith("ollama") else "text/event-stream; charset=utf-8"
        h = {"Content-Type": ctype, "Cache-Control": "no-cache"}
        h.update(self.extra_headers(call))
        if "close" in pl.opts:                 # body ends with the connection
            await res.start_unframed(200, h)
        else:
            await res.start(200, h)

        sent = [0]

        async def out(data):
            if "no_done" in pl.opts and data == b"data: [DONE]\n\n":
                return
            if "event-stream" in ctype:
                if "ping" in pl.opts:
                    data = b": ping\n\n" + data
                if "crlf" in pl.opts:
                    data = data.replace(b"\n", b"\r\n")
            if "cut_byte" in pl.opts:
                left = opt_int(pl.opts, "cut_byte") - sent[0]
                if len(data) > left:
                    await res.chunk(data[:max(0, left)])
                    res.abort()
            sent[0] += len(data)
            self.body_bytes += len(data)
            n = opt_int(pl.opts, "frag", 0)
            for i in range(0, len(data), n or len(data) or 1):
                await res.chunk(data[i:i + (n or len(data))])

        delay = opt_int(pl.opts, "delay_ms", self.cfg["delay_ms"])
        content = 0
        for is_content, data in enc(call, pl, pieces, req.id, True):
            if is_content:
                if "cut_after" in pl.opts and content >= opt_int(pl.opts, "cut_after"):
                    res.abort()
                if "hang_after" in pl.opts and content >= opt_int(pl.opts, "hang_after"):
                    await self.hang(res)
                    res.abort()
                if "error_after" in pl.opts and content >= opt_int(pl.opts, "error_after"):
                    await out(self.inband_error(call))
                    return await res.end()
                if "garbage_after" in pl.opts and content >= opt_int(pl.opts, "garbage_after"):
                    await out(b"data: {this is not json\n\n" if "event-stream" in ctype
                              else b"{this is not json\n")
                    pl.opts.pop("garbage_after")
                if delay:
                    await self.pause(delay, res)
                content += 1
            await out(data)
        await res.end()

    async def pause(self, ms, res):
        end = time.monotonic() + ms / 1000.0
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 0.2))
            if res.gone():
                raise Gone()

    async def hang(self, res):
        ev = self.release
        self.hanging += 1
        try:
            while not ev.is_set():
                try:
                    await asyncio.wait_for(ev.wait(), 0.2)
                except asyncio.TimeoutError:
                    pass
                if res.gone():
                    raise Gone()
        finally:
            self.hanging -= 1

    @staticmethod
    def extra_headers(call):
        if call.api == "anthropic":
            return {"request-id": "req_mock", "anthropic-ratelimit-requests-limit": "1000",
                    "anthropic-ratelimit-requests-remaining": "999"}
        if call.api in ("responses", "chat", "completion"):
            return {"x-request-id": "req_mock", "openai-processing-ms": "1"}
        return {}

    # -- errors ------------------------------------------------------------

    async def http_error(self, res, api, code, opts):
        msg = opts.get("message")
        h = {}
        if "retry_after" in opts:
            h["retry-after"] = opts["retry_after"]
        if "retry_after_ms" in opts:
            h["retry-after-ms"] = opts["retry_after_ms"]
        if "should_retry" in opts:
            h["x-should-retry"] = opts["should_retry"]
        defaults = {400: "Mock invalid request", 401: "Mock invalid API key", 402: "Mock payment required",
                    403: "Mock forbidden", 404: "Mock model not found", 408: "Mock request timeout",
                    413: "Mock request too large", 429: "Mock rate limit reached",
                    500: "Mock internal error", 502: "Mock bad gateway", 503: "Mock unavailable",
                    504: "Mock gateway timeout", 529: "Overloaded"}
        msg = msg or defaults.get(code, "Mock error %d" % code)
        ctx, quota = "context" in opts, "quota" in opts
        if api == "anthropic":
            if ctx:
                msg = "prompt is too long: 250000 tokens > 200000 maximum"
            typ = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
                   403: "permission_error", 404: "not_found_error", 413: "request_too_large",
                   429: "rate_limit_error", 504: "timeout_error",
                   529: "overloaded_error"}.get(code, "api_error")
            h["request-id"] = "req_mock"
            return await res.json(code, {"type": "error", "error": {"type": typ, "message": msg},
                                         "request_id": "req_mock"}, h)
        if api == "gemini":
            if ctx:
                msg = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
            st = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                  429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
                  504: "DEADLINE_EXCEEDED"}.get(code, "UNKNOWN")
            det = []
            if code == 429:
                metric = "generativelanguage.googleapis.com/generate_content_requests"
                qid = "GenerateRequestsPerDayPerProjectPerModel" if quota else "GenerateRequestsPerMinutePerProjectPerModel"
                det.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure",
                            "violations": [{"quotaMetric": metric, "quotaId": qid}]})
                if not quota:
                    det.append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                                "retryDelay": "%ss" % opts.get("retry_after", "1")})
            return await res.json(code, {"error": {"code": code, "message": msg, "status": st, "details": det}}, h)
        if api.startswith("ollama"):
            return await res.json(code, {"error": msg}, h)
        if api in ("llama", "llama-completion"):
            typ = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
                   404: "not_found_error", 501: "not_supported_error",
                   503: "unavailable_error"}.get(code, "server_error")
            err = {"code": code, "message": msg, "type": typ}
            if ctx:
                err.update({"message": "the request exceeds the available context size",
                            "type": "exceed_context_size_error", "n_prompt_tokens": 250000, "n_ctx": 4096})
            return await res.json(code, {"error": err}, h)
        # OpenAI family
        typ, ecode = {400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"),
                      403: ("invalid_request_error", "unsupported_country_region_territory"),
                      404: ("invalid_request_error", "model_not_found"),
                      429: ("requests", "rate_limit_exceeded")}.get(code, ("server_error", None))
        if quota:
            typ, ecode, msg = "insufficient_quota", "insufficient_quota", \
                "You exceeded your current quota, please check your plan and billing details."
        if ctx:
            ecode, msg = "context_length_exceeded", "Your input exceeds the context window of this model."
        h["x-request-id"] = "req_mock"
        return await res.json(code, {"error": {"message": msg, "type": typ, "param": None, "code": ecode}}, h)

    @staticmethod
    def inband_error(call):
        if call.api == "anthropic":
            return sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")
        if call.api == "responses":
            return sse({"type": "response.failed", "sequence_number": 999,
                        "response": {"id": "resp_mock", "object": "response", "status": "failed",
                                     "error": {"code": "server_error", "message": "Mock in-band failure"},
                                     "output": []}}, "response.failed")
        if call.api == "gemini":
            return sse({"error": {"code": 503, "message": "Mock in-band failure", "status": "UNAVAILABLE"}})
        if call.api.startswith("ollama"):
            return b'{"error":"Mock in-band failure"}\n'
        return sse({"error": {"message": "Mock in-band failure", "type": "server_error", "code": None, "param": None}})

    # -- encoders: return a body, or a list of (is_content, bytes) -----------

    def enc_anthropic(self, call, pl, pieces, rid, stream):
        mid = "msg_mock%06d" % rid
        stop = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal", "tool": "tool_use"}[pl.stop]
        usage = {"input_tokens": max(0, pl.tokens_in - pl.cached), "cache_creation_input_tokens": 0,
                 "cache_read_input_tokens": pl.cached, "output_tokens": 1,
                 "service_tier": "standard"}
        head = {"id": mid, "type": "message", "role": "assistant", "model": call.model, "content": [],
                "stop_reason": None, "stop_sequence": None, "usage": usage}
        blocks = []
        if pl.think:
            blocks.append({"type": "thinking", "thinking": pl.think, "signature": "bW9jaw=="})
        if pl.text or not pl.calls:
            blocks.append({"type": "text", "text": pl.text})
        for i, c in enumerate(pl.calls):
            blocks.append({"type": "tool_use", "id": "toolu_mock%06d_%d" % (rid, i), "name": c["name"],
                           "input": c.get("args", {"input": c.get("input", "")})})
        if not stream:
            head.update({"content": blocks, "stop_reason": stop})
            usage["output_tokens"] = pl.tokens_out
            return head
        out = [(False, sse({"type": "message_start", "message": head}, "message_start"))]
        for i, bl in enumerate(blocks):
            k = bl["type"]
            start = {"type": k}
            deltas = []
            if k == "text":
                start["text"] = ""
                deltas = [{"type": "text_delta", "text": s} for s in pieces]
            elif k == "thinking":
                start.update({"thinking": "", "signature": ""})
                deltas = [{"type": "thinking_delta", "thinking": bl["thinking"]},
                          {"type": "signature_delta", "signature": bl["signature"]}]
            else:
                start.update({"id": bl["id"], "name": bl["name"], "input": {}})
                js = json.dumps(bl["input"])
                deltas = [{"type": "input_json_delta", "partial_json": ""}] + \
                         [{"type": "input_json_delta", "partial_json": js[j:j + 40]} for j in range(0, len(js), 40)]
            out.append((False, sse({"type": "content_block_start", "index": i, "content_block": start},
                                   "content_block_start")))
            if i == 0:
                out.append((False, sse({"type": "ping"}, "ping")))
            for d in deltas:
                out.append((True, sse({"type": "content_block_delta", "index": i, "delta": d},
                                      "content_block_delta")))
            out.append((False, sse({"type": "content_block_stop", "index": i}, "content_block_stop")))
        out.append((False, sse({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                                "usage": {"input_tokens": usage["input_tokens"],
                                          "cache_creation_input_tokens": 0,
                                          "cache_read_input_tokens": pl.cached,
                                          "output_tokens": pl.tokens_out}}, "message_delta")))
        out.append((False, sse({"type": "message_stop"}, "message_stop")))
        return out

    def enc_responses(self, call, pl, pieces, rid, stream):
        resp_id = "resp_mock%06d" % rid
        usage = {"input_tokens": pl.tokens_in, "input_tokens_details": {"cached_tokens": pl.cached},
                 "output_tokens": pl.tokens_out,
                 "output_tokens_details": {"reasoning_tokens": tokens(len(pl.think)) if pl.think else 0},
                 "total_tokens": pl.tokens_in + pl.tokens_out}
        items = []
        if pl.think:
            items.append({"type": "reasoning", "id": "rs_mock%06d" % rid,
                          "summary": [{"type": "summary_text", "text": pl.think}], "encrypted_content": "bW9jaw=="})
        if pl.text or not pl.calls:
            items.append({"type": "message", "id": "msg_mock%06d" % rid, "status": "completed", "role": "assistant",
                          "content": [{"type": "output_text", "text": pl.text, "annotations": [], "logprobs": []}]})
        for i, c in enumerate(pl.calls):
            cid = "call_mock%06d_%d" % (rid, i)
            if "input" in c:
                it = {"type": "custom_tool_call", "id": "ctc_mock%06d_%d" % (rid, i), "call_id": cid,
                      "name": c["name"], "input": c["input"], "status": "completed"}
            else:
                it = {"type": "function_call", "id": "fc_mock%06d_%d" % (rid, i), "call_id": cid,
                      "name": c["name"], "arguments": c.get("rawargs") or json.dumps(c["args"]),
                      "status": "completed"}
            if c.get("ns"):
                it["namespace"] = c["ns"]
            items.append(it)
        status = "incomplete" if pl.stop == "length" else "completed"
        base = {"id": resp_id, "object": "response", "created_at": EPOCH, "status": "in_progress",
                "model": call.model, "output": [], "error": None, "incomplete_details": None, "usage": None}
        done = dict(base, status=status, output=items, usage=usage)
        if status == "incomplete":
            done["incomplete_details"] = {"reason": "max_output_tokens"}
        if not stream:
            return done
        out, seq = [], [0]

        def ev(content, typ, **kw):
            out.append((content, sse(dict({"type": typ, "sequence_number": seq[0]}, **kw), typ)))
            seq[0] += 1

        ev(False, "response.created", response=base)
        ev(False, "response.in_progress", response=base)
        for i, it in enumerate(items):
            k = it["type"]
            if k == "message":
                ev(False, "response.output_item.added", output_index=i,
                   item=dict(it, status="in_progress", content=[]))
                ev(False, "response.content_part.added", item_id=it["id"], output_index=i, content_index=0,
                   part={"type": "output_text", "text": "", "annotations": []})
                for s in pieces:
                    ev(True, "response.output_text.delta", item_id=it["id"], output_index=i, content_index=0, delta=s)
                ev(False, "response.output_text.done", item_id=it["id"], output_index=i, content_index=0, text=pl.text)
                ev(False, "response.content_part.done", item_id=it["id"], output_index=i, content_index=0,
                   part=it["content"][0])
            elif k == "reasoning":
                ev(False, "response.output_item.added", output_index=i, item=dict(it, summary=[]))
                ev(False, "response.reasoning_summary_part.added", item_id=it["id"], output_index=i,
                   summary_index=0, part={"type": "summary_text", "text": ""})
                ev(True, "response.reasoning_summary_text.delta", item_id=it["id"], output_index=i,
                   summary_index=0, delta=pl.think)
                ev(False, "response.reasoning_summary_text.done", item_id=it["id"], output_index=i,
                   summary_index=0, text=pl.think)
                ev(False, "response.reasoning_summary_part.done", item_id=it["id"], output_index=i,
                   summary_index=0, part=it["summary"][0])
            elif k == "function_call":
                ev(False, "response.output_item.added", output_index=i,
                   item=dict(it, status="in_progress", arguments=""))
                ev(True, "response.function_call_arguments.delta", item_id=it["id"], output_index=i,
                   delta=it["arguments"])
                ev(False, "response.function_call_arguments.done", item_id=it["id"], output_index=i,
                   arguments=it["arguments"])
            else:
                ev(False, "response.output_item.added", output_index=i, item=dict(it, status="in_progress", input=""))
                ev(True, "response.custom_tool_call_input.delta", item_id=it["id"], output_index=i, delta=it["input"])
                ev(False, "response.custom_tool_call_input.done", item_id=it["id"], output_index=i, input=it["input"])
            ev(False, "response.output_item.done", output_index=i, item=it)
        ev(False, "response." + status, response=done)
        return out

    def enc_chat(self, call, pl, pieces, rid, stream):
        cid = "chatcmpl-mock%06d" % rid
        fin = {"stop": "stop", "length": "length", "refusal": "content_filter", "tool": "tool_calls"}[pl.stop]
        usage = {"prompt_tokens": pl.tokens_in, "completion_tokens": pl.tokens_out,
                 "total_tokens": pl.tokens_in + pl.tokens_out,
                 "prompt_tokens_details": {"cached_tokens": pl.cached},
                 "completion_tokens_details": {"reasoning_tokens": 0}}
        tcs = []
        for i, c in enumerate(pl.calls):
            if "input" in c:
                tcs.append({"id": "call_mock%06d_%d" % (rid, i), "type": "custom",
                            "custom": {"name": c["name"], "input": c["input"]}})
            else:
                tcs.append({"id": "call_mock%06d_%d" % (rid, i), "type": "function",
                            "function": {"name": c["name"], "arguments": c.get("rawargs") or json.dumps(c["args"])}})
        if not stream:
            msg = {"role": "assistant", "content": pl.text or None}
            if pl.think:
                msg["reasoning_content"] = pl.think
            if tcs:
                msg["tool_calls"] = tcs
            return {"id": cid, "object": "chat.completion", "created": EPOCH, "model": call.model,
                    "choices": [{"index": 0, "message": msg, "logprobs": None, "finish_reason": fin}],
                    "usage": usage, "system_fingerprint": "fp_mock"}

        def chunk(delta, finish=None, **kw):
            return sse(dict({"id": cid, "object": "chat.completion.chunk", "created": EPOCH, "model": call.model,
                             "system_fingerprint": "fp_mock",
                             "choices": [{"index": 0, "delta": delta, "logprobs": None,
                                          "finish_reason": finish}]}, **kw))

        out = [(False, chunk({"role": "assistant", "content": ""}))]
        if pl.think:
            out.append((True, chunk({"reasoning_content": pl.think})))
        for s in pieces:
            out.append((True, chunk({"content": s})))
        for i, t in enumerate(tcs):
            key = t["type"]
            inner, field = t[key], "arguments" if key == "function" else "input"
            out.append((True, chunk({"tool_calls": [{"index": i, "id": t["id"], "type": key,
                                                     key: {"name": inner["name"], field: ""}}]})))
            s = inner[field]
            for j in range(0, len(s), 60):
                out.append((True, chunk({"tool_calls": [{"index": i, key: {field: s[j:j + 60]}}]})))
        out.append((False, chunk({}, fin)))
        if call.include_usage:
            out.append((False, sse({"id": cid, "object": "chat.completion.chunk", "created": EPOCH,
                                    "model": call.model, "choices": [], "usage": usage})))
        out.append((False, b"data: [DONE]\n\n"))
        return out

    def enc_completion(self, call, pl, pieces, rid, stream):
        cid = "cmpl-mock%06d" % rid
        usage = {"prompt_tokens": pl.tokens_in, "completion_tokens": pl.tokens_out,
                 "total_tokens": pl.tokens_in + pl.tokens_out}
        base = {"id": cid, "object": "text_completion", "created": EPOCH, "model": call.model}
        fin = "length" if pl.stop == "length" else "stop"
        if not stream:
            return dict(base, choices=[{"text": pl.text, "index": 0, "logprobs": None, "finish_reason": fin}], usage=usage)
        out = [(True, sse(dict(base, choices=[{"text": s, "index": 0, "finish_reason": None}]))) for s in pieces]
        out.append((False, sse(dict(base, choices=[{"text": "", "index": 0, "finish_reason": fin}], usage=usage))))
        out.append((False, b"data: [DONE]\n\n"))
        return out

    def enc_llama(self, call, pl, pieces, rid, stream):
        fin = {"content": "" if stream else pl.text, "id_slot": 0, "stop": True, "model": call.model,
               "tokens_predicted": pl.tokens_out, "tokens_evaluated": pl.tokens_in, "truncated": False,
               "stop_type": "limit" if pl.stop == "length" else "eos", "stopping_word": "",
               "tokens_cached": pl.tokens_in + pl.tokens_out,
               "timings": {"prompt_n": pl.tokens_in, "prompt_ms": 1.0, "predicted_n": pl.tokens_out,
                           "predicted_ms": 1.0, "predicted_per_second": 1000.0}}
        if not stream:
            return fin
        out = [(True, sse({"index": 0, "content": s, "tokens": [], "stop": False, "id_slot": 0,
                           "tokens_predicted": i + 1, "tokens_evaluated": pl.tokens_in}))
               for i, s in enumerate(pieces)]
        out.append((False, sse(fin)))
        return out

    def enc_gemini(self, call, pl, pieces, rid, stream):
        fin = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY", "tool": "STOP"}[pl.stop]
        usage = {"promptTokenCount": pl.tokens_in, "candidatesTokenCount": pl.tokens_out,
                 "totalTokenCount": pl.tokens_in + pl.tokens_out}
        if pl.think:
            usage["thoughtsTokenCount"] = tokens(len(pl.think))
        if pl.cached:
            usage["cachedContentTokenCount"] = pl.cached

        def resp(parts, finish=None):
            cand = {"content": {"role": "model", "parts": parts}, "index": 0}
            if finish:
                cand["finishReason"] = finish
            return {"candidates": [cand], "usageMetadata": usage, "modelVersion": call.model,
                    "responseId": "mock%06d" % rid}

        fparts = [{"functionCall": {"id": "fc_mock%06d_%d" % (rid, i), "name": c["name"],
                                    "args": c.get("args", {"input": c.get("input", "")})},
                   "thoughtSignature": "bW9jaw=="} for i, c in enumerate(pl.calls)]
        if not stream:
            parts = ([{"text": pl.think, "thought": True}] if pl.think else []) + \
                    ([{"text": pl.text}] if pl.text else []) + fparts
            return resp(parts, fin)
        out = []
        if pl.think:
            out.append((True, sse(resp([{"text": pl.think, "thought": True}]))))
        for i, s in enumerate(pieces):
            last = i == len(pieces) - 1 and not fparts
            out.append((True, sse(resp([{"text": s}], fin if last else None))))
        if fparts:
            out.append((True, sse(resp(fparts, fin))))
        if not out or (not pieces and not fparts):
            out.append((True, sse(resp([{"text": ""}], fin))))
        return out

    def enc_ollama(self, call, pl, pieces, rid, stream):
        chat = call.api == "ollama-chat"
        fin = {"model": call.model, "created_at": ISO, "done": True,
               "done_reason": "length" if pl.stop == "length" else "stop",
               "total_duration": 5_000_000, "load_duration": 1_000_000,
               "prompt_eval_count": pl.tokens_in, "prompt_eval_duration": 1_000_000,
               "eval_count": pl.tokens_out, "eval_duration": 3_000_000}
        tcs = [{"id": "call_mock%06d_%d" % (rid, i),
                "function": {"index": i, "name": c["name"], "arguments": c.get("args", {})}}
               for i, c in enumerate(pl.calls)]
        if not stream:
            if chat:
                msg = {"role": "assistant", "content": pl.text}
                if pl.think:
                    msg["thinking"] = pl.think
                if tcs:
                    msg["tool_calls"] = tcs
                return dict(fin, message=msg)
            r = dict(fin, response=pl.text, context=[1, 2, 3])
            if pl.think:
                r["thinking"] = pl.think
            return r
        out = []

        def line(**kw):
            base = {"model": call.model, "created_at": ISO, "done": False}
            if chat:
                base["message"] = dict({"role": "assistant", "content": ""}, **kw)
            else:
                base["response"] = kw.get("content", "")
                if "thinking" in kw:
                    base["thinking"] = kw["thinking"]
            return (json.dumps(base) + "\n").encode()

        if pl.think:
            out.append((True, line(thinking=pl.think)))
        for s in pieces:
            out.append((True, line(content=s)))
        if tcs:
            out.append((True, line(tool_calls=tcs)))
        last = dict(fin, message={"role": "assistant", "content": ""}) if chat else \
            dict(fin, response="", context=[1, 2, 3])
        out.append((False, (json.dumps(last) + "\n").encode()))
        return out

    # -- gemini verbs --------------------------------------------------------

    async def gemini(self, model, verb, b, req, res):
        if verb == "countTokens":
            c = norm_gemini(b.get("generateContentRequest") or b, model, False)
            return await res.json(200, {"totalTokens": tokens(c.prompt_chars)})
        if verb == "embedContent":
            return await res.json(200, {"embedding": {"values": self.embed(text_of((b.get("content") or {}).get("parts")))}})
        if verb == "batchEmbedContents":
            return await res.json(200, {"embeddings": [
                {"values": self.embed(text_of((r.get("content") or {}).get("parts")))} for r in b.get("requests", [])]})
        if verb == "generateContent":
            return await self.model(norm_gemini(b, model, False), req, res)
        if verb == "streamGenerateContent":
            call = norm_gemini(b, model, True)
            if req.query.get("alt") != "sse":        # the API's other form: one JSON array
                pl = self.plan(call, req)
                if pl.kind != "error":
                    body = self.enc_gemini(call, pl, self.pieces(pl), req.id, False)
                    return await res.json(200, [body])
            return await self.model(call, req, res)
        return await self.http_error(res, "gemini", 404, {})

    # -- embeddings ----------------------------------------------------------

    def embed(self, text, dims=None):
        """Hashed bag of words: equal texts equal, similar texts similar; L2 = 1."""
        d = dims or self.args.embed_dim
        v = [0.0] * d
        for w in re.findall(r"\w+", text.lower()) or ["\0"]:
            h = hashlib.md5(w.encode()).digest()
            v[int.from_bytes(h[:4], "big") % d] += 1.0 if h[4] & 1 else -1.0
            v[int.from_bytes(h[5:9], "big") % d] += 0.5
        n = math.sqrt(sum(x * x for x in v)) or 1.0
        return [round(x / n, 6) for x in v]

    async def openai_embeddings(self, b, res):
        inp = b.get("input")
        if inp is None:
            return await self.http_error(res, "openai", 400, {"message": "'input' is a required property"})
        inp = inp if isinstance(inp, list) and not (inp and isinstance(inp[0], int)) else [inp]
        data = []
        for i, t in enumerate(inp):
            e = self.embed(t if isinstance(t, str) else json.dumps(t), b.get("dimensions"))
            if b.get("encoding_format") == "base64":
                import struct
                e = base64.b64encode(struct.pack("<%df" % len(e), *e)).decode()
            data.append({"object": "embedding", "index": i, "embedding": e})
        n = sum(tokens(len(str(t))) for t in inp)
        return await res.json(200, {"object": "list", "data": data, "model": b.get("model", "mock-embed"),
                                    "usage": {"prompt_tokens": n, "total_tokens": n}})

    # -- ollama --------------------------------------------------------------

    def canon(self, name):
        return name if ":" in name else name + ":latest"

    def tag(self, name):
        m = self.models[name]
        return {"name": name, "model": name, "modified_at": ISO, "size": m["size"],
                "digest": hashlib.sha256(name.encode()).hexdigest(),
                "details": {"parent_model": "", "format": "gguf", "family": "mock", "families": ["mock"],
                            "parameter_size": "7B", "quantization_level": "Q4_K_M"}}

    async def ollama_delete(self, b, res):
        name = self.canon(b.get("model") or b.get("name") or "")
        if name not in self.models:
            return await res.json(404, {"error": "model '%s' not found" % (b.get("model") or b.get("name"))})
        del self.models[name]
        self.loaded.pop(name, None)
        await res.start(200, {}, 0)

    async def ollama(self, p, b, req, res):
        asked = b.get("model") or b.get("name") or ""
        name = self.canon(asked)
        if p == "/api/pull":
            return await self.ollama_pull(b, name, res)
        if p == "/api/show":
            if name not in self.models:
                return await res.json(404, {"error": "model '%s' not found" % asked})
            return await res.json(200, {"modelfile": "FROM mock", "parameters": "", "template": "{{ .Prompt }}",
                                        "details": self.tag(name)["details"], "modified_at": ISO,
                                        "model_info": {"general.architecture": "mock", "mock.context_length": 4096},
                                        "capabilities": self.models[name]["caps"]})
        if p == "/api/copy":
            src = self.canon(b.get("source", ""))
            if src not in self.models:
                return await res.json(404, {"error": "model '%s' not found" % b.get("source")})
            self.models[self.canon(b.get("destination", "x"))] = dict(self.models[src])
            return await res.start(200, {}, 0)
        if p == "/api/create":
            self.models[name] = {"size": 1, "caps": ["completion"]}
            return await self.ndjson(res, b, [{"status": "writing manifest"}, {"status": "success"}], 0)
        if p not in ("/api/generate", "/api/chat", "/api/embed", "/api/embeddings"):
            req.entry["unknown"] = True
            return await res.plain(404, "404 page not found")
        if not asked:
            return await res.json(400, {"error": "model is required"})
        if name not in self.models:
            return await res.json(404, {"error": "model '%s' not found" % asked})
        keep = b.get("keep_alive", "5m")
        self.loaded[name] = time.monotonic() + parse_dur(keep)
        if p == "/api/embed":
            inp = b.get("input", "")
            inp = inp if isinstance(inp, list) else [inp]
            return await res.json(200, {"model": asked, "embeddings": [self.embed(str(t), b.get("dimensions")) for t in inp],
                                        "total_duration": 5_000_000, "load_duration": 1_000_000,
                                        "prompt_eval_count": sum(tokens(len(str(t))) for t in inp)})
        if p == "/api/embeddings":
            return await res.json(200, {"embedding": self.embed(str(b.get("prompt", "")))})
        if "completion" not in self.models[name]["caps"]:
            verb = "chat" if p == "/api/chat" else "generate"
            return await res.json(400, {"error": "\"%s\" does not support %s" % (asked, verb)})
        if p == "/api/chat" and b.get("tools") and "tools" not in self.models[name]["caps"]:
            return await res.json(400, {"error": "%s does not support tools" % asked})
        if b.get("think") and "thinking" not in self.models[name]["caps"]:
            return await res.json(400, {"error": "\"%s\" does not support thinking" % asked})
        empty = not b.get("messages") if p == "/api/chat" else not b.get("prompt")
        if empty:                                  # load / unload request
            unload = parse_dur(keep) <= 0
            if unload:
                self.loaded.pop(name, None)
            o = {"model": asked, "created_at": ISO, "done": True, "done_reason": "unload" if unload else "load"}
            if p == "/api/chat":
                o["message"] = {"role": "assistant", "content": ""}
            else:
                o["response"] = ""
            return await res.json(200, o)
        return await self.model(norm_ollama(b, p == "/api/chat"), req, res)

    async def ndjson(self, res, b, objs, delay_ms):
        if b.get("stream", True) is False:
            await self.pause(delay_ms * len(objs), res)
            return await res.json(200, objs[-1])
        await res.start(200, {"Content-Type": "application/x-ndjson"})
        for o in objs:
            await res.chunk((json.dumps(o) + "\n").encode())
            await self.pause(delay_ms, res)
        await res.end()

    async def ollama_pull(self, b, name, res):
        """Names with 'missing' fail as an unknown model does; with 'slow' take 20x."""
        if "missing" in name:
            err = {"error": "pull model manifest: file does not exist"}
            if b.get("stream", True) is False:
                return await res.json(500, err)
            await res.start(200, {"Content-Type": "application/x-ndjson"})
            await res.chunk(b'{"status":"pulling manifest"}\n')
            await res.chunk((json.dumps(err) + "\n").encode())
            return await res.end()
        total = 1_000_000_000
        dg = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        objs = [{"status": "pulling manifest"}]
        objs += [{"status": "pulling " + dg[7:19], "digest": dg, "total": total, "completed": total * i // 10}
                 for i in range(0, 11)]
        objs += [{"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"}]
        d = self.cfg["pull_ms"] * (20 if "slow" in name else 1)
        await self.ndjson(res, b, objs, d)
        caps = ["embedding"] if "embed" in name else ["completion", "tools"]
        self.models[name] = {"size": total, "caps": caps}


def parse_dur(v):
    """Ollama keep_alive: number of seconds, or a Go duration; negative = for ever."""
    if isinstance(v, (int, float)):
        return 1e9 if v < 0 else float(v)
    m = re.match(r"^(-?)(\d+(?:\.\d+)?)(ms|s|m|h)?$", str(v))
    if not m:
        return 300.0
    if m.group(1):
        return 1e9
    return float(m.group(2)) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[m.group(3)]


def sse(obj, event=None):
    data = json.dumps(obj, ensure_ascii=False)
    return (("event: %s\n" % event if event else "") + "data: %s\n\n" % data).encode()


# --------------------------------------------------------------------------
# Self-test: python3 mock_models.py --selftest
# --------------------------------------------------------------------------

def selftest(port):
    """Runs in a thread against the live server, prints TAP; returns the number of failures."""
    import http.client
    bad, count = [], [0]

    def call(method, path, body=None, headers=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            c.request(method, path, None if body is None else json.dumps(body), headers or {})
            r = c.getresponse()
            return r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read().decode()
        finally:
            c.close()

    def check(name, ok, info=""):
        if not ok:
            bad.append(name)
            print("# %s" % str(info)[:300].replace("\n", "\n# "))
        count[0] += 1
        print("%s %d - %s" % ("ok" if ok else "not ok", count[0], name))

    def hanging(count):
        until = time.monotonic() + 10
        while json.loads(call("GET", "/__mock/stats")[2])["hanging"] != count:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def events(text):
        return [json.loads(ln[5:]) for ln in text.splitlines()
                if ln.startswith("data:") and ln[5:].strip() != "[DONE]"]

    ask = "go [[mock:%s]]"
    bodies = {          # api: (path, body builder, text extractor from a stream)
        "anthropic": ("/v1/messages", lambda m: {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": m}]},
                      lambda t: "".join(e["delta"].get("text", "") for e in events(t) if e.get("type") == "content_block_delta")),
        "responses": ("/v1/responses", lambda m: {"model": "m", "stream": True, "input": m},
                      lambda t: "".join(e["delta"] for e in events(t) if e.get("type") == "response.output_text.delta")),
        "chat": ("/v1/chat/completions", lambda m: {"model": "m", "stream": True, "messages": [{"role": "user", "content": m}]},
                 lambda t: "".join(e["choices"][0]["delta"].get("content") or "" for e in events(t) if e.get("choices"))),
        "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", lambda m: {"contents": [{"role": "user", "parts": [{"text": m}]}]},
                   lambda t: "".join(p.get("text", "") for e in events(t) for p in e["candidates"][0]["content"]["parts"])),
        "ollama-chat": ("/api/chat", lambda m: {"model": "mock", "messages": [{"role": "user", "content": m}]},
                        lambda t: "".join(json.loads(ln)["message"]["content"] for ln in t.splitlines())),
        "ollama-generate": ("/api/generate", lambda m: {"model": "mock", "prompt": m},
                            lambda t: "".join(json.loads(ln)["response"] for ln in t.splitlines())),
        "llama-completion": ("/completion", lambda m: {"prompt": m, "stream": True},
                             lambda t: "".join(e["content"] for e in events(t))),
    }
    for api, (path, mk, get) in bodies.items():
        st, _h, t = call("POST", path, mk(ask % 'text text="a b c d e f" chunks=3'))
        check(api + " stream", st == 200 and get(t) == "a b c d e f", t)
        st, h, t = call("POST", path, mk(ask % "429 retry_after=7"))
        check(api + " 429", st == 429 and h.get("retry-after") == "7", (st, h, t))
        st, _h, t = call("POST", path, mk(ask % "utf8 frag=1 ping crlf"))
        check(api + " utf8 in 1-byte pieces", st == 200 and "\U0001f680" in get(t), t)
        st = [call("POST", path, mk(ask % ("500 times=2 id=t-" + api)))[0] for _ in range(3)]
        check(api + " times=2", st == [500, 500, 200], st)
        try:
            call("POST", path, mk(ask % "cut chunks=8"))
            check(api + " cut", False)
        except (http.client.IncompleteRead, ConnectionError):
            check(api + " cut", True)
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
        c.request("POST", path, json.dumps(mk(ask % "hang")))
        check(api + " hang is counted", hanging(1))
        try:
            c.getresponse()
            check(api + " hang", False)
        except OSError:
            check(api + " hang", True)
        c.close()
        check(api + " a client that left hangs no more", hanging(0))
    st, _h, t = call("POST", "/s/503/v1/messages", bodies["anthropic"][1]("hi"))
    check("prefix scenario", st == 503)
    st, _h, t = call("POST", "/v1/messages", bodies["anthropic"][1]("hi"), {"X-Mock-Scenario": "529"})
    check("header scenario", st == 529 and "overloaded_error" in t)
    call("POST", "/__mock/config", {"rules": [{"match": "reviewer", "scenario": 'json text="[1]"'}], "queue": ["401"]})
    st1 = call("POST", "/v1/chat/completions", bodies["chat"][1]("q"))[0]
    t = call("POST", "/v1/chat/completions", bodies["chat"][1]("you are a reviewer"))[2]
    check("queue, rules", st1 == 401 and bodies["chat"][2](t) == "[1]", (st1, t))
    tool = {"type": "function", "function": {"name": "write", "parameters": {"properties": {"filePath": {}, "content": {}}}}}
    m = [{"role": "user", "content": ask % "write path=/x | text text=done"}]
    r = json.loads(call("POST", "/v1/chat/completions", {"model": "m", "messages": m, "tools": [tool]})[2])
    c = r["choices"][0]["message"]["tool_calls"][0]
    m += [r["choices"][0]["message"], {"role": "tool", "tool_call_id": c["id"], "content": "ok"}]
    r2 = json.loads(call("POST", "/v1/chat/completions", {"model": "m", "messages": m, "tools": [tool]})[2])
    check("tool call, then text", c["function"]["name"] == "write" and r2["choices"][0]["message"]["content"] == "done", (r, r2))
    e = json.loads(call("POST", "/v1/embeddings", {"input": ["red cat", "red cat", "zzz"]})[2])["data"]
    check("embeddings", e[0]["embedding"] == e[1]["embedding"] != e[2]["embedding"])
    st, _h, t = call("POST", "/api/pull", {"model": "fresh"})
    tags = json.loads(call("GET", "/api/tags")[2])["models"]
    st2 = call("DELETE", "/api/delete", {"model": "fresh"})[0]
    st3 = call("POST", "/api/chat", {"model": "fresh", "messages": []})[0]
    check("ollama pull, tags, delete, 404", t.splitlines()[-1] == '{"status": "success"}'
          and any(x["name"] == "fresh:latest" for x in tags) and (st2, st3) == (200, 404), (t, st2, st3))
    forced = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "tool_choice": {"type": "tool", "name": "answer"},
              "tools": [{"name": "answer", "input_schema": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}]}
    block = json.loads(call("POST", "/v1/messages", forced)[2])["content"][0]
    check("a demanded tool carries the answer", block["name"] == "answer" and block["input"] == {"ok": True}, block)
    path, mk, get = bodies["chat"]
    whole = len(call("POST", path, mk(ask % 'text text="a b c"'))[2])
    try:
        call("POST", path, mk(ask % 'text text="a b c" cut_byte=%d' % (whole - 1)))
        check("cut_byte breaks off at a byte", False)
    except (http.client.IncompleteRead, ConnectionError):
        check("cut_byte breaks off at a byte", True)
    t = call("POST", path, mk(ask % 'text text="a b c" no_done'))[2]
    check("no_done leaves the last line out", get(t) == "a b c" and "[DONE]" not in t, t)
    st, h, _t = call("POST", path, mk(ask % "redirect to=http://127.0.0.2:1/"))
    check("redirect", st == 307 and h.get("location") == "http://127.0.0.2:1/", h)
    call("POST", "/__mock/config", {"loading": True})
    st, _h, t = call("GET", "/health")
    check("llama.cpp loading", st == 503 and "unavailable_error" in t)
    call("POST", "/__mock/reset")
    print("1..%d" % count[0])
    return len(bad)


async def main():
    ap = argparse.ArgumentParser(description="deterministic mock of LLM HTTP APIs")
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=0, help="0 = any free port, printed on stdout")
    ap.add_argument("--default", default="text", help="scenario when a request names none")
    ap.add_argument("--api-key", default="", help="if set, other keys get 401")
    ap.add_argument("--ttfb-ms", type=int, default=0, help="delay before the first byte")
    ap.add_argument("--delay-ms", type=int, default=0, help="delay before each content chunk")
    ap.add_argument("--embed-dim", type=int, default=64)
    ap.add_argument("--log", default="", help="append one JSON line per request to this file")
    ap.add_argument("--log-bodies", action="store_true", help="with --log: headers and bodies too (keys masked)")
    ap.add_argument("--port-file", default="", help="write the port there when ready")
    ap.add_argument("--selftest", action="store_true", help="test this server against itself and exit")
    args = ap.parse_args()
    try:
        parse_scenario(args.default)
    except ScenarioError as x:
        ap.error(str(x))
    mock = Mock(args)
    server = await asyncio.start_server(mock.serve, args.host, args.port, limit=1 << 20, backlog=1024)
    host, port = server.sockets[0].getsockname()[:2]
    if args.selftest:
        bad = await asyncio.get_running_loop().run_in_executor(None, selftest, port)
        return 1 if bad else 0
    print("mock-models listening on http://%s:%d" % (host, port), flush=True)
    if args.port_file:
        with open(args.port_file + ".tmp", "w") as file:
            file.write("%d\n" % port)
        os.rename(args.port_file + ".tmp", args.port_file)
    stop = asyncio.Event()
    for s in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(s, stop.set)
    await stop.wait()
    server.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(0)
