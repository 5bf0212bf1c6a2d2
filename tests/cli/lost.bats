#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# After an agent is lost: its own session is gone on with where its program can, else it begins anew on the work that it
# left, and the log says which. The program is a few lines that keep sessions like a coding program.

load helper

setup() {
    setup_project
    mkdir -p .fermata bin
    cat >.fermata/config.yaml <<'END'
agents:
  coder: { type: claude, command: [bin/coder] }
  plain: { command: [bin/plain] }
END
    # It says its session, leaves a half, and works until it is killed; the next one finds the half.
    cat >bin/coder <<'END'
#!/bin/bash
[ "$1" = --version ] && { echo "2.0.0 (Claude Code)"; exit; }
cat >prompt.new
while [ $# -gt 0 ] && [ "$1" != --resume ]; do shift; done
session=${2:-s$(($(wc -l <calls 2>/dev/null) + 1))}
echo "${2:+resumed }$session" >>calls
if [ -n "$2" ] && [ -e forgetful ]; then
    echo '{"type":"result","subtype":"error_during_execution","is_error":true,"session_id":"s1","errors":["No conversation found with session ID: s1"]}'
    exit 1
fi
echo "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"$session\",\"model\":\"m\"}"
if [ ! -e half ]; then
    echo "$PPID $$" >half.new
    mv half.new half
    exec sleep 1000
fi
mv prompt.new prompt
echo "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"whole\",\"session_id\":\"$session\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}"
END
    cat >bin/plain <<'END'
#!/bin/bash
cat >/dev/null
echo begun >>calls
[ -e half ] && { echo whole; exit; }
echo "$PPID $$" >half.new
mv half.new half
exec sleep 1000
END
    chmod +x bin/*
}

teardown() {
    teardown_project
}

# begin AGENT: until its half is there
begin() {
    workflow w <<END
name: w
phases: [{ id: p, steps: [{ id: s, agent: $1, prompt: Do the thing, reuse: never, retry: { attempts: 2, delay: 1ms } }] }]
END
    id=$(fermata run -w w --no-input --detach)
    wait_until test -e half
    read -r keeper agent <half
    driver=$(pgrep -f -- "drive $id" | head -n 1)
}

# As when the machine stops: nobody sees anybody's end.
stop_machine() {
    kill -STOP "$keeper"
    kill -9 "$driver" "$agent" "$keeper"
    wait_until is_ownerless "$id"
}

log_says() {
    fermata logs "$id" | grep -q "Agent: $1"
}

@test "an agent that is killed goes on in its session" {
    begin coder
    kill -9 "$agent"
    wait_until has_status "$id" completed
    [ "$(cat calls)" = "s1"$'\n'"resumed s1" ]
    [ "$(fermata cat "$id" s)" = whole ]
    log_says "coder - Invoked again, in the session of the attempt before"
    fermata logs "$id" --records | grep '"attempt_started"' | tail -n 1 | grep -q '"session":"s1"'
    grep -q "Your work on the task below was interrupted (killed by signal 9" prompt
}

@test "an agent that is lost with its keeper and its orchestrator goes on in its session" {
    begin coder
    stop_machine
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(cat calls)" = "s1"$'\n'"resumed s1" ]
    [ "$(fermata cat "$id" s)" = whole ]
    log_says "coder - Invoked again, in the session of the attempt before"
    grep -q "Your work on the task below was interrupted (.*without a trace" prompt
    grep -q "Do the thing" prompt
}

@test "who has lost its session as well begins anew, and no try is lost" {
    begin coder
    touch forgetful
    stop_machine
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(cat calls)" = "s1"$'\n'"resumed s1"$'\n'"s3" ]
    [ "$(fermata cat "$id" s)" = whole ]
    log_says "coder - Invoked again, anew on the work that is there"
    fermata logs "$id" --records | grep '"attempt_ended"' | grep '"class":"lost"' | grep -q "its session is lost, a new one begins: No conversation found"
    [ "$(grep -c "was interrupted" prompt)" = 0 ]
}

@test "who keeps no session begins anew on the work that it left" {
    begin plain
    stop_machine
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(wc -l <calls)" = 2 ]
    [ "$(fermata cat "$id" s)" = whole ]
    log_says "plain - Invoked again, anew on the work that is there"
    [ "$(fermata logs "$id" --records | grep -c '"session"')" = 0 ]
}
