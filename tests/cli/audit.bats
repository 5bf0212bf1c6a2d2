#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Who did what, and that nobody changed it.
# shellcheck disable=SC2154

setup() {
    load helper
    setup_project
    export FERMATA_KEY=canary-31415
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'EOF'
default_agent: fine
agents:
  fine: { type: command, command: [sh, -c, 'cat >/dev/null; echo done'] }
  bad: { type: command, command: [sh, -c, 'cat >/dev/null; echo "$FERMATA_KEY" >&2; exit 1'] }
EOF
    cat >flow.yaml <<'EOF'
name: flow
phases:
  - id: work
    steps:
      - { id: do, agent: bad, fallback: [fine], prompt: go, retry: { attempts: 1 } }
  - { id: ask, steps: [{ id: good, approve: "Good?" }] }
EOF
}

teardown() {
    teardown_project
}

# The user of entry 2.
tamper() {
    python3 -IS - "$1" <<'EOF'
import sqlite3, sys
with sqlite3.connect(".fermata/fermata.db") as store:
    store.execute("UPDATE audit SET user = ? WHERE id = 2", (sys.argv[1],))
EOF
}

events() {
    fermata audit --json | json '" ".join(e["event"] for e in reversed(d["entries"]))'
}

@test "people and agents are in the log, each call and each word, in order" {
    run_apart fermata run -w ./flow.yaml "canary-task" --no-input
    [ "$status" -eq 3 ]
    fermata approve last --comment canary-comment --resume >/dev/null 2>&1
    [ "$(events)" = "run_created agent_started agent_ended agent_started agent_ended approval_given run_ended" ]
    run fermata audit
    [[ "$output" == *"approval_given  ada"*"good"*"approved"* ]]
    [[ "$output" == *"do by bad"*"permanent"* ]]
    run fermata audit verify
    [ "$status" -eq 0 ]
    [[ "$output" == *"7 entries: what was written"* ]]
    ! fermata audit --json | grep -q canary
}

@test "what was changed behind its back ends with status 1 and says where" {
    fermata run -w ./flow.yaml --no-input >/dev/null 2>&1 || true
    head=$(fermata audit verify --json | json 'd["head"]')
    tamper eve
    run fermata audit verify
    [ "$status" -eq 1 ]
    [[ "$output" == *"entry 2 is not what was written"* ]]
    tamper ada
    run fermata audit verify --head "$head"
    [ "$status" -eq 0 ]
    fermata cancel last >/dev/null 2>&1
    [ "$(events | tr ' ' '\n' | tail -2 | tr '\n' ' ')" = "run_asked run_ended " ]
    run fermata audit verify --head "$head"
    [ "$status" -eq 0 ]
    run_apart fermata audit verify --head 12
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"64 hex digits"* ]]
}

@test "an undo, a skip and a removal leave their word" {
    fermata run -w ./flow.yaml --no-input >/dev/null 2>&1 || true
    fermata skip last good -r "canary" >/dev/null 2>&1
    fermata resume last >/dev/null 2>&1
    fermata undo last >/dev/null
    fermata gc --older-than 0s >/dev/null
    [[ "$(events)" == *"step_skipped"*"run_ended"*"undone"*"run_removed" ]]
    run fermata audit verify
    [ "$status" -eq 0 ]
}

@test "a project without a store has no log, and nothing is made for the question" {
    run_apart fermata audit
    [ "$status" -eq 6 ]
    [ ! -e .fermata/fermata.db ]
}
