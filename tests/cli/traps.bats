#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What coding programs were measured to do to those who start them; docs/testing.md has the table. Each program here is
# a few lines that do just that, called and read as the real one is.

load helper

setup() {
    setup_project
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$BIN" "$BATS_TEST_TMPDIR/tmp"
    mkfifo "$BATS_TEST_TMPDIR/never" # to wait for ever at
    export PATH=$BIN:/usr/bin:/bin TMPDIR=$BATS_TEST_TMPDIR/tmp
}

teardown() {
    teardown_project
}

# program NAME <<text: a program of that name; it finds the test's folder in $T
program() {
    {
        # shellcheck disable=SC2016 # of the program
        printf '#!/bin/bash\nT=%q\n[ "$1" = --version ] && { echo "%s 1.0.0"; exit; }\n' "$BATS_TEST_TMPDIR" "$1"
        cat
    } >"$BIN/$1"
    chmod +x "$BIN/$1"
}

# step AGENT [TIMEOUT [ATTEMPTS]]: a workflow of one step of that agent
step() {
    workflow w <<EOF
name: w
phases:
  - id: p
    steps:
      - { id: s, agent: $1, prompt: go, timeout: ${2:-60s}, retry: { attempts: ${3:-1}, delay: 10ms } }
EOF
}

of_step() {
    fermata show last --json | json "d['phases'][0]['steps'][0]$1"
}

# fails CLASS
fails() {
    run_apart fermata run -w w --no-input
    [ "$status" -eq 3 ] # the run rests
    class=$(of_step '["class"]')
    [ "$class" = "$1" ] || { echo "$class: $(of_step '["error"]')" >&2; false; }
}

ANSWER='{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"done"}}'

@test "standard input is never left open: who reads to its end gets there" {
    program codex <<EOF
timeout 20 cat >"\$T/prompt" || exit 9
echo '$ANSWER'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
EOF
    step codex
    "$FERMATA" run -w w --no-input 0<>"$BATS_TEST_TMPDIR/never"
    [ "$(fermata cat last s)" = "done" ]
    grep -q go "$BATS_TEST_TMPDIR/prompt"
}

@test "an output beyond a pipe's size is whole, though its program never waits for a reader" {
    program qwen <<'EOF'
exec python3 -ISc '
import json, os, sys
sys.stdin.read()
os.set_blocking(1, False)
def say(value):
    data = (json.dumps(value) + "\n").encode()
    while data:
        try:
            data = data[os.write(1, data):]
        except BlockingIOError:
            os._exit(0)  # what does not fit is lost
say({"type": "system", "subtype": "init", "session_id": "q1", "model": "m"})
say({"type": "result", "subtype": "success", "is_error": False, "session_id": "q1", "num_turns": 1, "result": "x" * 300000})
'
EOF
    step qwen
    run_apart fermata run -w w --no-input
    [ "$status" -eq 0 ]
    [ "$(fermata cat last s | tr -d '\n' | wc -c)" -eq 300000 ]
}

@test "an output that was cut is no success, though the exit status is 0" {
    program codex <<EOF
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t"}'
echo '$ANSWER'
printf '{"type":"turn.completed","usage":{"input_tok'
EOF
    step codex
    fails transient
}

@test "exit statuses that lie are not believed" {
    program qwen <<'EOF'
cat >/dev/null
echo '{"type":"result","subtype":"success","is_error":false,"result":"[API Error: 401 Invalid key]"}'
EOF
    step qwen
    fails permanent
    program gemini <<EOF
cat >/dev/null
cat $BATS_TEST_DIRNAME/../agents/samples/gemini-stream-error-rc0.jsonl
EOF
    step gemini
    fails transient
    program codex <<EOF
cat >/dev/null
echo '$ANSWER'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
exit 1
EOF
    step codex
    fails permanent
}

@test "retries without end are ended by our clock" {
    program codex <<'EOF'
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t"}'
while :; do
    echo '{"type":"error","message":"Reconnecting... 1/5 (stream disconnected before completion)"}'
    read -rt 0.05 <>"$T/never"
done
EOF
    step codex 1s
    fails timeout
    sed -i 's|1/5 .*disconn.*n)|waiting for network (Connection failed)|' "$BIN/codex"
    step codex 1h # of this it is known that it never gives up
    fails transient
    [[ $(of_step '["error"]') == *"waiting for network"* ]]
}

@test "silence without end is ended before the timeout" {
    program codex <<'EOF'
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t"}'
read -r <>"$T/never"
EOF
    mkdir .fermata
    echo 'agents: { codex: { silence: 1s } }' >.fermata/config.yaml
    step codex 1h
    fails timeout
    [ "$(of_step '["error"]')" = "it printed nothing for 1 s" ]
}

@test "a tool's shell in a session of its own ends with the step" {
    program codex <<'EOF'
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t"}'
trap '' TERM
setsid setsid bash -c 'trap "" TERM HUP INT; echo $$ >"$0/shell"; read -r <>"$0/never"' "$T" &
read -r <>"$T/never"
EOF
    mkdir .fermata
    step codex 1h
    id=$(fermata run -w w --no-input --detach)
    wait_until test -s "$BATS_TEST_TMPDIR/shell"
    fermata cancel "$id"
    wait_until has_status "$id" cancelled
    wait_until test ! -e "/proc/$(cat "$BATS_TEST_TMPDIR/shell")"
}

@test "usage that accumulates over a session is counted once" {
    program codex <<EOF
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t-1"}'
case " \$* " in
*" resume t-1 "*) ;;
*)
    echo '{"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":100,"output_tokens":40}}'
    read -r <>"\$T/never"
    ;;
esac
echo '$ANSWER'
echo '{"type":"turn.completed","usage":{"input_tokens":1500,"cached_input_tokens":300,"output_tokens":70}}'
EOF
    step codex 3s 2
    run_apart fermata run -w w --no-input
    [ "$status" -eq 0 ]
    [ "$(of_step '["usage"]["attempts"]')" = 2 ]
    [ "$(of_step '["usage"]["input_tokens"]')" = 1500 ]
    [ "$(of_step '["usage"]["cached_tokens"]')" = 300 ]
    [ "$(of_step '["usage"]["output_tokens"]')" = 70 ]
}

@test "temporary files of an agent go with its attempt" {
    program gemini <<'EOF'
cat >/dev/null
echo "$TMPDIR" >"$T/where"
echo secret >"$TMPDIR/gemini-client-error-1.json"
mkdir -p "$TMPDIR/a/b" && echo x >"$TMPDIR/a/b/c" && chmod 500 "$TMPDIR/a/b"
echo '{"type":"init","session_id":"g","model":"m"}'
echo '{"type":"message","role":"assistant","content":"done","delta":true}'
echo '{"type":"result","status":"success","stats":{"input_tokens":1,"output_tokens":1}}'
EOF
    step gemini
    run_apart fermata run -w w --no-input
    [ "$status" -eq 0 ]
    [ "$(cat "$BATS_TEST_TMPDIR/where")" != "$TMPDIR" ]
    [ ! -e "$(cat "$BATS_TEST_TMPDIR/where")" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}
