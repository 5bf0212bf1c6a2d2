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
    head=$(json 'd["head"]' "$FERMATA" audit verify --json)
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

# Scenes: each tells every kind beside its name once, and something behind those of no record.
declare -gA KINDS=(
    [whole]="run_created agent_started agent_ended run_edited signal_received approval_given run_ended"
    [limit]=budget_set [cancelled]=run_asked [phase]=phase_skipped [step]=step_skipped [gate]=gate_skipped
    [question]=question_answered [checkpoint]=restored [breaker]=agent_reset [removed]=run_removed
    [undo]="undo_asked undone undo_back_asked undo_taken_back"
)

# begin <<<TEXT: a run of this workflow, however it ends
begin() {
    cat >w.yaml
    fermata run -w ./w.yaml --no-input || true
}

ask() {
    begin <<<'{ name: w, phases: [{ id: first, steps: [{ id: a, run: "true" }] }, { id: ask, steps: [{ id: good, approve: "Good?" }] }] }'
}

scene_whole() {
    begin <<'EOF'
name: all
phases:
  - { id: work, steps: [{ id: do, agent: fine, prompt: go }] }
  - { id: ask, steps: [{ id: good, approve: "Good?" }] }
EOF
    sed 's/Good?/Fine?/' w.yaml >edited.yaml
    fermata edit last -w ./edited.yaml --yes || true
    fermata signal last ready
    fermata approve last good --resume
}

scene_limit() {
    begin <<<'{ name: costs, budget: { steps: 1 }, phases: [{ id: p, steps: [{ id: a, run: "true" }] }, { id: q, steps: [{ id: b, run: "true" }] }] }'
    fermata resume last --budget steps=+5
}

scene_cancelled() {
    ask
    fermata cancel last
}

scene_phase() {
    begin <<<'{ name: w, phases: [{ id: test, steps: [{ id: unit, run: "false", retry: { attempts: 1 } }] }] }'
    fermata skip last --phase test --reason hurry --resume
}

scene_step() {
    ask
    fermata skip last good --reason hurry --resume
}

scene_gate() {
    begin <<<'{ name: w, gates: { mine: { commands: [{ run: exit 1 }] } }, phases: [{ id: a, gate: mine, steps: [{ id: b, run: "true" }] }] }'
    fermata skip last --gate a --reason hurry --resume
}

scene_question() {
    cat >asker <<'EOF'
cat >prompt
! grep -q "^A: " prompt || exec echo done
printf '```json\n{"clarification_needed": true, "questions": ["Which?"]}\n```\n'
EOF
    echo "  asker: { type: command, command: [sh, $PWD/asker] }" >>.fermata/config.yaml
    begin <<<'{ name: w, phases: [{ id: a, steps: [{ id: b, agent: asker, prompt: go }] }] }'
    fermata answer last b this --resume
}

scene_checkpoint() {
    ask
    fermata restore last first
}

scene_breaker() {
    echo "  down: { type: command, command: [sh, -c, 'cat >/dev/null; echo \"503 service unavailable\" >&2; exit 1'] }" >>.fermata/config.yaml
    begin <<<'{ name: w, phases: [{ id: a, steps: [{ id: b, agent: down, prompt: go, retry: { attempts: 1 } }] }] }'
    fermata reset-agent down
    fermata cancel last
}

scene_undo() {
    sed -i 's/fine: .*/fine: { type: command, command: [sh, -c, "cat >\/dev\/null; echo x >>made; echo done"] }/' .fermata/config.yaml
    begin <<<'{ name: w, phases: [{ id: a, steps: [{ id: b, agent: fine, prompt: go }] }] }'
    fermata undo last
    fermata undo last --back
    ask
}

scene_removed() {
    begin <<<'{ name: w, phases: [{ id: a, steps: [{ id: b, run: "true" }] }] }'
    fermata gc --older-than 0s
}

# Of what came before the first that is left, and of what is no record, only the gap is told.
is_missed() {
    case $1 in
    run_created | agent_reset | undo*) [[ $2 == *"between entry "*" some are missing"* ]] ;;
    run_removed) [[ $2 == *" is gone, and no entry tells who removed it"* ]] ;;
    *) [[ $2 == *"($1) has no entry"* ]] ;;
    esac
}

each_is_missed() {
    local event
    fermata audit verify
    cp .fermata/fermata.db "$BATS_TEST_TMPDIR/whole"
    for event; do
        [ "$(events | tr ' ' '\n' | grep -cx "$event")" -eq 1 ] || { echo "$event:"; events; return 1; }
        forget "$event"
        run fermata audit verify
        [ "$status" -eq 1 ]
        is_missed "$event" "$output" || { echo "$event: $output"; return 1; }
        rm -f .fermata/fermata.db-wal .fermata/fermata.db-shm
        cp "$BATS_TEST_TMPDIR/whole" .fermata/fermata.db
    done
}

@test "each kind of word is there once, and is missed by its name where it is not" {
    local scene
    for scene in "${!KINDS[@]}"; do
        mkdir -p "$scene/.fermata"
        cp .fermata/config.yaml "$scene/.fermata"
        pushd "$scene" >/dev/null
        "scene_$scene" >/dev/null 2>&1
        # shellcheck disable=SC2086 # words
        each_is_missed ${KINDS[$scene]}
        popd >/dev/null
    done
}

@test "no kind of word is without such a scene" {
    # These tables are all that there is: to tell anything else ends the process.
    sed -n '/^} rules/,/^};/s/.* = {"\([a-z_]*\)".*/"\1"/p; /^static.* notes\[\]/,/;$/p' \
        "$BATS_TEST_DIRNAME/../../src/run/audit.c" | grep -o '"[a-z_]*"' | tr -d '"' | sort >kinds
    [ "$(wc -l <kinds)" -ge 20 ]
    tr ' ' '\n' <<<"${KINDS[*]}" | sort | diff kinds -
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
