#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Whether attempts live, as a person sees it, with a coding program that is a few lines.

load helper

setup() {
    setup_project
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$BIN"
    mkfifo "$BATS_TEST_TMPDIR/go"
    export PATH=$BIN:/usr/bin:/bin
}

teardown() {
    teardown_project
}

# codex <<text: what it does once it has its prompt; it finds the test's folder in $T
codex() {
    {
        # shellcheck disable=SC2016 # of the program
        printf '#!/bin/bash\nT=%q\n[ "$1" = --version ] && { echo "codex 1.0.0"; exit; }\ncat >/dev/null\n' "$BATS_TEST_TMPDIR"
        echo "echo '{\"type\":\"thread.started\",\"thread_id\":\"t\"}'"
        cat
        echo "echo '{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"agent_message\",\"text\":\"done\"}}'"
        echo "echo '{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}'"
    } >"$BIN/codex"
    chmod +x "$BIN/codex"
}

# step QUIET
step() {
    workflow w <<EOF
name: w
phases:
  - id: p
    steps:
      - { id: s, agent: codex, prompt: go, quiet: $1, retry: { attempts: 1 } }
EOF
}

state() {
    fermata status "$id" --json | json 'd["under_way"][0]["state"] if d.get("under_way") else ""'
}

is_state() {
    [ "$(state)" = "$1" ]
}

# What it prints, in one line.
flat() {
    "$@" | tr '\n' ' ' | tr -s ' '
}

TOOL='{"type":"item.started","item":{"id":"c","type":"command_execution","command":"make test","status":"in_progress"}}'
RESULT='{"type":"item.completed","item":{"id":"c","type":"command_execution","command":"make test","status":"completed","exit_code":0,"aggregated_output":""}}'

@test "a long tool call that says nothing is told of and never ended" {
    codex <<EOF
echo '$TOOL'
read -r <"\$T/go"
echo '$RESULT'
EOF
    step '{ after: 500ms, then: stop }'
    id=$(fermata run -w w --no-input --detach)
    wait_until is_state quiet
    fermata status "$id" | grep -A 1 "^Under way" | grep -q "^  s  quiet for"
    flat fermata status "$id" | grep -q "has given no result yet"
    fermata logs "$id" | grep -q '\[WARN\] Step: s - Quiet: it printed nothing for '
    fermata logs "$id" --records --json | grep attempt_liveness | grep -q quiet
    echo >"$BATS_TEST_TMPDIR/go"
    wait_until has_status "$id" completed
    [ "$(json 'len(d.get("under_way", []))' "$FERMATA" show "$id" --json)" = 0 ]
}

@test "a child that computes without a word is no quiet one" {
    codex <<'EOF'
timeout 2 sh -c 'while :; do :; done'
EOF
    step '{ after: 500ms, then: stop }'
    run_apart fermata run -w w --no-input
    [ "$status" -eq 0 ]
    [[ $stderr != *"is quiet"* ]]
}

@test "what is quiet for too long is told of first, then ended where the step says so" {
    codex <<'EOF'
read -r <"$T/go"
EOF
    step '{ after: 500ms, then: stop }'
    run_apart fermata run -w w --no-input
    [ "$status" -eq 3 ]
    [[ $stderr == *"Step s is quiet: it printed nothing for "*"; it is stopped"* ]]
    [ "$(json 'd["phases"][0]["steps"][0]["class"]' "$FERMATA" show last --json)" = timeout ]
}

@test "who waits at a terminal of the agent's for somebody to type is seen" {
    codex <<'EOF'
python3 -c 'import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execlp("sh", "sh", "-c", "read answer")
open(sys.argv[1]).read()
os.write(fd, b"yes\n")
os.waitpid(pid, 0)' "$T/go"
EOF
    step '{ after: 2s }'
    id=$(fermata run -w w --no-input --detach)
    wait_until is_state "wants input"
    flat fermata status "$id" | grep -q "its process sh ([0-9]*) reads from a terminal"
    fermata show "$id" | grep -q "^  s  wants input for"
    echo >"$BATS_TEST_TMPDIR/go"
    wait_until has_status "$id" completed
}

# Its keeper, which would see that, is stopped; that is found out and mended as well.
@test "who has no process any more and has not ended is dead, which is told, and then it ends" {
    codex <<'EOF'
echo $PPID >"$T/keeper"
echo $$ >"$T/agent.new"
mv "$T/agent.new" "$T/agent"
read -r <"$T/go"
EOF
    step '{ after: 1h }'
    id=$(fermata run -w w --no-input --detach)
    wait_until test -e "$BATS_TEST_TMPDIR/agent"
    kill -STOP "$(cat "$BATS_TEST_TMPDIR/keeper")"
    kill -9 "$(cat "$BATS_TEST_TMPDIR/agent")"
    wait_until has_status "$id" paused
    fermata logs "$id" --records | grep '"attempt_liveness"' | grep -q '"state":"dead"'
    fermata logs "$id" | grep -q "\\[WARN\\] Step: s - Dead: none of its processes lives any more, but it has not ended"
    [[ $(json 'd["phases"][0]["steps"][0]["error"]' "$FERMATA" show "$id" --json) == *"killed by signal 9"* ]]
}

@test "who has printed nothing for a while waits for its model" {
    codex <<'EOF'
read -r <"$T/go"
EOF
    step '{ after: 1h }'
    id=$(fermata run -w w --no-input --detach)
    wait_until is_state working
    wait_until is_state "waiting for model"
    run fermata logs "$id" --records
    [[ $output != *attempt_liveness* ]]
    echo >"$BATS_TEST_TMPDIR/go"
    wait_until has_status "$id" completed
}

@test "a limit of quiet that makes no sense is an error with its place" {
    step '{ after: 5m, then: wait }'
    run fermata validate w
    [ "$status" -ne 0 ]
    [[ $output == *"w.yaml:5:"*report*stop* ]]
}
