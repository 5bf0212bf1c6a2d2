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

# forget EVENT: as if it had never been told; what comes behind it stays
forget() {
    python3 -IS - "$1" <<'EOF'
import sqlite3, sys
with sqlite3.connect(".fermata/fermata.db") as store:
    assert store.execute("DELETE FROM audit WHERE event = ?", (sys.argv[1],)).rowcount == 1, sys.argv[1]
EOF
}

@test "each kind of word is there once, and is missed by its name where it is not" {
    cat >all.yaml <<'EOF'
name: all
phases:
  - { id: work, steps: [{ id: do, agent: fine, prompt: go }] }
  - { id: ask, steps: [{ id: good, approve: "Good?" }] }
EOF
    fermata run -w ./all.yaml --no-input >/dev/null 2>&1 || true
    sed 's/Good?/Fine?/' all.yaml >edited.yaml
    fermata edit last -w ./edited.yaml --yes >/dev/null 2>&1 || true
    fermata signal last ready >/dev/null
    fermata approve last good --resume >/dev/null 2>&1
    fermata audit verify
    each_is_missed run_created agent_started agent_ended run_edited signal_received approval_given run_ended
    workflow costs <<<'{ name: costs, phases: [{ id: p, steps: [{ id: a, run: "true" }] }, { id: q, steps: [{ id: b, run: "true" }] }] }'
    rm -rf .fermata/fermata.db*
    fermata run -w costs --budget steps=1 --no-input >/dev/null 2>&1 || true
    fermata resume last --budget steps=+5 >/dev/null 2>&1
    each_is_missed budget_set
}

each_is_missed() {
    local event
    cp .fermata/fermata.db "$BATS_TEST_TMPDIR/whole"
    for event; do
        [ "$(events | tr ' ' '\n' | grep -cx "$event")" -eq 1 ] || { events; return 1; }
        forget "$event"
        run fermata audit verify
        [ "$status" -eq 1 ]
        # Of what came before the first that is left only the gap is told.
        [[ $output == *"($event) has no entry"* || $event == run_created && $output == *"between entry 0 and entry 2 some are missing"* ]] || { echo "$output"; return 1; }
        rm -f .fermata/fermata.db-wal .fermata/fermata.db-shm
        cp "$BATS_TEST_TMPDIR/whole" .fermata/fermata.db
    done
}

@test "an undo that is refused, or was killed, was asked for" {
    sed -i 's/fine: .*/fine: { type: command, command: [sh, -c, "cat >\/dev\/null; echo x >>made; echo done"] }/' .fermata/config.yaml
    fermata run -w ./flow.yaml --no-input >/dev/null 2>&1 || true
    echo mine >made
    run fermata undo last
    [ "$status" -ne 0 ]
    [[ "$(events)" == *" undo_asked" ]]
    fermata undo last --force >/dev/null
    [[ "$(events)" == *" undo_asked undo_asked undone" ]]
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
