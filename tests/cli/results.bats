#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What a run leaves: its files, logs, metrics, artifacts and checkpoints; gc and doctor --rebuild.

load helper

setup() {
    setup_project
    workflow full <<'END'
name: full
gates:
  smoke: { commands: [{ run: "echo 1..2; echo ok 1; echo ok 2", tests_min: 2 }] }
phases:
  - id: plan
    gate: smoke
    steps: [{ id: outline, run: "echo the plan", output: outline.md, reuse: inputs }]
  - id: build
    steps: [{ id: make, run: "seq 1 2500", output: numbers.txt, reuse: inputs }]
  - id: check
    steps: [{ id: count, run: 'echo x >>count; test -e fixed', retry: { attempts: 2, delay: 1ms } }]
END
}

teardown() {
    teardown_project
}

# run_full: a run that waits behind its two checkpoints; sets ID and FOLDER
run_full() {
    fermata run -w full >/dev/null 2>&1 || [ $? -eq 3 ]
    ID=$(json 'd["runs"][0]["id"]' "$FERMATA" list --limit 1 --json)
    FOLDER=.fermata/workflows/$ID
}

# make_old FILE...: as if they had been written an hour ago
make_old() {
    touch -d '1 hour ago' "$@"
}

@test "the folder of a run holds state, plan, report, logs, checkpoints, artifacts and attempts" {
    run_full
    for file in state.json plan.md report.md checkpoints/plan.json checkpoints/build.json \
        logs/orchestrator.log logs/phase-plan.log logs/phase-check.log outline.md numbers.txt \
        attempts/outline.1/stdout attempts/count.2/exit.json attempts/gate:plan:0.1/stdout; do
        [ -s "$FOLDER/$file" ] || { echo "no $file"; return 1; }
    done
    [ "$(json 'd["status"]' <"$FOLDER/state.json")" = paused ]
    [ "$(json 'd["phase"]["status"]' <"$FOLDER/checkpoints/plan.json")" = completed ]
    [ ! -e "$FOLDER/checkpoints/check.json" ]
}

@test "log lines have time, level and message; the files and the command say the same" {
    run_full
    grep -qxE '\[[0-9]{4}(-[0-9]{2}){2}T[0-9:]{8}Z\] \[INFO\] Phase: plan - Completed \([0-9]+s\)' \
        "$FOLDER/logs/orchestrator.log"
    grep -qE '\] \[WARN\] Step: count - Retry at ' "$FOLDER/logs/phase-check.log"
    grep -qE '\] \[ERROR\] Phase: check - Failed' "$FOLDER/logs/phase-check.log"
    fermata logs >all
    diff all "$FOLDER/logs/orchestrator.log"
    fermata logs --phase plan >plan.log
    diff plan.log "$FOLDER/logs/phase-plan.log"
    run_apart fermata logs --phase nix
    [ "$status" -eq 6 ]
    [[ $stderr == *nix* ]]
}

@test "the log of a run reads as it should, line for line" {
    workflow story <<'END'
name: story
phases:
  - { id: planning, steps: [{ id: outline, run: "true" }] }
  - { id: design, steps: [{ id: schema, run: "true", needs: [] }] }
END
    fermata run -w story 2>/dev/null
    id=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    sed -E 's/^\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\] //; s/\([0-9.]+s\)/(Ns)/' \
        ".fermata/workflows/$id/logs/orchestrator.log" >lines
    diff lines - <<END
[INFO] Workflow $id created from story
[INFO] Workflow $id started
[INFO] Phase: planning - Starting
[INFO] Step: outline - Attempt 1 (command)
[INFO] Step: outline - Attempt 1 ended (Ns)
[INFO] Step: outline - completed
[INFO] Phase: planning - Completed (Ns)
[INFO] Checkpoint saved: planning
[INFO] Phase: design - Starting
[INFO] Step: schema - Attempt 1 (command)
[INFO] Step: schema - Attempt 1 ended (Ns)
[INFO] Step: schema - completed
[INFO] Phase: design - Completed (Ns)
[INFO] Checkpoint saved: design
[INFO] Workflow $id completed (Ns)
END
    [ "$(ls ".fermata/workflows/$id/logs")" = "orchestrator.log
phase-design.log
phase-planning.log" ]
}

@test "the numbers of a run are those of its journal" {
    workflow numbers <<'END'
name: numbers
gates:
  passes: { commands: [{ run: "true" }] }
  fails: { allow_skip: true, commands: [{ run: "false" }] }
phases:
  - { id: a, gate: passes, steps: [{ id: again, run: "[ -e tried ] || { touch tried; exit 1; }", retry: { attempts: 2, delay: 1ms } }] }
  - { id: b, mode: parallel, steps: [{ id: one, run: "sleep 0.3" }, { id: two, run: "sleep 0.3" }] }
  - { id: c, gate: fails, steps: [{ id: last, use: noop }] }
END
    fermata run -w numbers >/dev/null 2>&1 || [ $? -eq 3 ]
    fermata show --metrics --json >shown
    fermata logs --records >records
    python3 -IS - <<'END'
import json
shown = json.load(open("shown"))
metrics = shown["metrics"]
records = [json.loads(line) for line in open("records")]
of = lambda kind: [r for r in records if r["kind"] == kind]
assert metrics["attempts"] == len(of("attempt_started")) + len(of("step_done")), metrics
assert metrics["retries"] == 1, metrics
assert metrics["checkpoints"] == len(of("checkpoint_saved")) == 2, metrics
assert metrics["gates"]["passes"] == {"pass": 1, "fail": 0, "unknown": 0, "pass_rate": 1.0} or \
    metrics["gates"]["passes"]["pass_rate"] == 1.0, metrics
assert metrics["gates"]["fails"]["pass_rate"] == 0.0 and metrics["gates"]["fails"]["fail"] == 1, metrics
ended = {r["phase"]: r["at"] for r in of("phase_moved") if r["status"] in ("completed", "failed")}
began = {}
for r in of("phase_moved"):
    if r["status"] == "running":
        began.setdefault(r["phase"], r["at"])
for phase, numbers in metrics["phases"].items():
    assert numbers["duration_ms"] == ended[phase] - began[phase], (phase, numbers)
# Two steps of 300 ms side by side, and little else.
assert 600 <= metrics["busy_ms"], metrics
assert 0 < metrics["utilisation"] < 2, metrics
assert abs(metrics["utilisation"] - metrics["busy_ms"] / metrics["duration_ms"]) < 0.01, metrics
END
    run_apart fermata show --metrics
    fits_80_columns <<<"$output"
}

@test "logs can be JSON lines, on the screen and in the files" {
    printf 'settings: { json_logs: true }\n' >.fermata/config.yaml
    run_full
    fermata logs --log-format json >lines
    diff lines "$FOLDER/logs/orchestrator.log"
    python3 -IS - <<'END'
import json
lines = [json.loads(line) for line in open("lines")]
assert lines[0]["message"].startswith("Workflow wf_"), lines[0]
assert all(line["level"] in ("INFO", "WARN", "ERROR") and line["time"] for line in lines)
assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
END
    run_apart fermata logs --json --phase build
    [ "$status" -eq 0 ]
    [[ $output == *"Phase: build - Starting"* ]]
}

@test "a run under way is followed line by line until it rests" {
    workflow slow <<'END'
name: slow
phases:
  - { id: a, steps: [{ id: one, run: "await go" }] }
  - { id: b, steps: [{ id: two, run: "echo end" }] }
END
    id=$(fermata run -w slow --detach)
    fermata logs "$id" --follow >followed &
    follower=$!
    fermata logs "$id" --phase b -f >followed-b &
    follower_b=$!
    wait_until grep -q "Step: one - Attempt 1" followed
    [ ! -s followed-b ]
    touch go
    wait "$follower" "$follower_b"
    fermata logs "$id" | diff - followed
    fermata logs "$id" --phase b | diff - followed-b
    grep -q "Phase: b - Completed" followed-b
}

@test "metrics tell durations, attempts, retries, gates and utilisation" {
    run_full
    touch fixed
    fermata resume --retry-failed 2>/dev/null
    run_apart fermata show --metrics
    [ "$status" -eq 0 ]
    [[ $output == *"Metrics"*"duration"*"utilisation  "*" %"*"retries      2"*"GATE"*"PASS RATE"*"smoke"*"100.0 %"* ]]
    fits_80_columns <<<"$output"
    run_apart fermata show last --metrics --json
    [ "$(json 'd["metrics"]["gates"]["smoke"]["pass"]' <<<"$output")" = 1 ]
    [ "$(json 'd["metrics"]["attempts"]' <<<"$output")" = 6 ]
    [ "$(json 'sorted(d["metrics"]["phases"])' <<<"$output")" = '["build", "check", "plan"]' ]
    [ "$(json '"metrics" in d' <<<"$(fermata show --json)")" = false ]
}

@test "a run is shown with its label, its proofs and its steps" {
    fermata run -w full --label nightly >/dev/null 2>&1 || true
    run_apart fermata show
    [ "$status" -eq 0 ]
    [[ $output == *nightly*outline*smoke*pass*count* ]]
    fits_80_columns <<<"$output"
    [ "$(json 'd["runs"][0]["label"]' "$FERMATA" list --json)" = nightly ]
    [ "$(json 'd["label"]' "$FERMATA" show --json)" = nightly ]
}

@test "artifacts are listed newest first, in pages, and printed" {
    run_full
    run_apart fermata artifacts
    [ "$status" -eq 0 ]
    [[ $output == *numbers.txt*make*outline.md*outline* ]]
    run_apart fermata artifacts last --limit 1
    [[ $output == *numbers.txt* && $output != *outline.md* ]]
    more=$(sed -n 's/^more: fermata //p' <<<"$output")
    # shellcheck disable=SC2086 # words of a command line
    run_apart fermata $more
    [[ $output != *numbers.txt* && $output == *outline.md* ]]
    run_apart fermata artifacts --json
    [ "$(json '[a["name"] for a in d["artifacts"]]' <<<"$output")" = '["numbers.txt", "outline.md"]' ]
    [ "$(json 'd["next"]' <<<"$output")" = null ]
    fermata cat last numbers.txt | cmp - "$FOLDER/numbers.txt"
    [ "$(fermata cat last outline/outline.md)" = "the plan" ]
    [ "$(json 'd["bytes"]' "$FERMATA" cat last outline.md --json)" = 9 ]
    run_apart fermata artifacts --limit 0
    [ "$status" -eq 2 ]
}

@test "checkpoints are listed, and restoring one takes the later ones away" {
    run_full
    run_apart fermata checkpoints
    [ "$status" -eq 0 ]
    [[ $output == *plan*build* ]]
    fits_80_columns <<<"$output"
    [ "$(json '[c["name"] for c in d["checkpoints"]]' "$FERMATA" checkpoints --json)" = '["plan", "build"]' ]
    run_apart fermata restore last plan --json
    [ "$status" -eq 0 ]
    [ "$(json 'd["status"]' <<<"$output")" = paused ]
    [ "$(json '[c["name"] for c in d["checkpoints"]]' "$FERMATA" checkpoints --json)" = '["plan"]' ]
    [ ! -e "$FOLDER/checkpoints/build.json" ]
    run_apart fermata restore last build
    [ "$status" -eq 6 ]
    [[ $stderr == *"fermata checkpoints"* ]]
    touch fixed
    fermata resume 2>/dev/null
    [ "$(json 'len(d["checkpoints"])' "$FERMATA" checkpoints --json)" = 3 ]
    grep -q "Checkpoint restored: plan" "$FOLDER/logs/orchestrator.log"
}

@test "a checkpoint is saved on request, whoever carries the run, and restored" {
    workflow holds <<'END'
name: holds
checkpoint: { auto: false }
phases:
  - { id: a, steps: [{ id: one, run: "echo x >>one.count" }] }
  - { id: b, steps: [{ id: two, run: "echo x >>two.count; await go" }] }
END
    id=$(fermata run -w holds --detach)
    wait_until test -e two.count
    run_apart fermata checkpoint "$id" --name before-lunch
    [ "$status" -eq 0 ]
    [[ $output == "Checkpoint before-lunch of run $id is saved."*"fermata restore $id before-lunch"* ]]
    [ "$(json '[p["status"] for p in d["phases"]]' \
        <".fermata/workflows/$id/checkpoints/before-lunch.json")" = '["completed", "running"]' ]
    run_apart fermata checkpoint "$id" --name before-lunch
    [ "$status" -eq 1 ]
    [[ $stderr == *"has a checkpoint before-lunch already"*"hint:"* ]]
    touch go
    wait_until has_status "$id" completed
    wait_until is_ownerless "$id"
    name=$(json 'd["checkpoint"]' "$FERMATA" checkpoint "$id" --json)
    [ -s ".fermata/workflows/$id/checkpoints/$name.json" ]
    [ "$(json '[c["phases"] for c in d["checkpoints"]]' "$FERMATA" checkpoints "$id" --json)" = \
        '[["a"], ["a", "b"]]' ]
    fermata restore "$id" before-lunch --resume 2>/dev/null
    [ "$(wc -l <one.count)" -eq 1 ]
    [ "$(wc -l <two.count)" -eq 2 ]
    fermata logs "$id" | grep -q "Checkpoint saved: before-lunch - asked by ada"
    fermata logs "$id" --records | grep '"restored"' | grep -q '"by":"ada"'
}

@test "checkpoints can be switched off, and only so many be kept" {
    workflow none <<'END'
name: none
checkpoint: { auto: false }
phases: [{ id: a, steps: [{ id: s, use: noop }] }]
END
    workflow two <<'END'
name: two
checkpoint: { retention: 2 }
phases:
  - { id: a, steps: [{ id: s, use: noop }] }
  - { id: b, steps: [{ id: t, use: noop }] }
  - { id: c, steps: [{ id: u, use: noop }] }
END
    fermata run -w none 2>/dev/null
    [ "$(fermata checkpoints)" = "No checkpoints." ]
    fermata run -w two 2>/dev/null
    [ "$(json '[c["name"] for c in d["checkpoints"]]' "$FERMATA" checkpoints --json)" = '["b", "c"]' ]
    [ "$(echo .fermata/workflows/*/checkpoints/*.json | wc -w)" = 2 ]
}

@test "explain compares with the run before, as text and as JSON" {
    run_full
    run_full
    run_apart fermata explain last
    [ "$status" -eq 0 ]
    [[ $output == *"outline  reused"*"count  executed"*"never reused"* ]]
    run_apart fermata explain last make --json
    [ "$(json 'd["steps"][0]["decision"]' <<<"$output")" = reused ]
    run_apart fermata explain last nix
    [ "$status" -eq 6 ]
}

@test "what was removed from a run's folder comes back from the store" {
    run_full
    cp -r "$FOLDER" before
    rm -r "$FOLDER"
    [ "$(json 'd["status"]' "$FERMATA" status --json)" = paused ]
    run_apart fermata doctor --rebuild
    [ "$status" -eq 0 ]
    [[ $output == *"files of runs"*"written again"* ]]
    for file in state.json plan.md report.md checkpoints/plan.json checkpoints/build.json outline.md \
        logs/orchestrator.log logs/phase-plan.log numbers.txt attempts/outline.1/stdout; do
        cmp "before/$file" "$FOLDER/$file"
    done
    [ "$(json 'd["rebuilt"]["files"]' "$FERMATA" doctor --rebuild --json)" = 0 ]
    touch fixed
    fermata resume --retry-failed 2>/dev/null
}

@test "files that a crash left behind the store, or that are gone, come back when the run is looked at" {
    run_full
    cp -r "$FOLDER" before
    for look in "status" "show" "artifacts" "cat last outline" "checkpoints"; do
        rm -r "$FOLDER/state.json" "$FOLDER/report.md" "$FOLDER/logs" "$FOLDER/checkpoints/build.json"
        # shellcheck disable=SC2086 # words of a command line
        fermata $look >/dev/null || [ $? -eq 3 ]
        for file in state.json report.md logs/orchestrator.log logs/phase-check.log checkpoints/build.json; do
            cmp "before/$file" "$FOLDER/$file"
        done
    done
    # An old state tells that what is written before it may be old as well.
    sed -i 's/"seq": [0-9]*$/"seq": 3/' "$FOLDER/state.json"
    echo old >"$FOLDER/report.md"
    head -3 before/logs/orchestrator.log >"$FOLDER/logs/orchestrator.log"
    fermata show >/dev/null
    cmp before/report.md "$FOLDER/report.md"
    cmp before/logs/orchestrator.log "$FOLDER/logs/orchestrator.log"
    # What is right is not touched.
    touch -d '2020-01-01' "$FOLDER/state.json" "$FOLDER/report.md"
    fermata show >/dev/null
    [ -z "$(find "$FOLDER/state.json" "$FOLDER/report.md" -newermt 2020-01-02)" ]
}

@test "a run that cannot begin says why and leaves no folder" {
    mkdir -p .fermata
    touch .fermata/blobs
    run_apart fermata run -w full
    [ "$status" -eq 1 ]
    [[ $stderr == *".fermata/blobs"* ]]
    [ -z "$(find .fermata/workflows -name 'wf_*')" ]
    rm .fermata/blobs
    run_full
}

@test "a damaged row is found, told and repaired" {
    run_full
    python3 -IS - <<'END'
import sqlite3
store = sqlite3.connect(".fermata/fermata.db")
store.execute("UPDATE run SET status = 'completed', steps_failed = 0")
store.execute("UPDATE step SET output = NULL WHERE key = 'make'")
store.execute("DELETE FROM step WHERE key = 'outline'")
store.commit()
END
    [ "$(json 'd["runs"][0]["status"]' "$FERMATA" list --json)" = completed ]
    run_apart fermata doctor --rebuild --json
    [ "$status" -eq 0 ]
    [ "$(json 'len(d["rebuilt"]["differences"])' <<<"$output")" = 3 ]
    [ "$(json 'd["runs"][0]["status"]' "$FERMATA" list --json)" = paused ]
    run_apart fermata doctor --rebuild
    [[ $output == *"0 differences"* ]]
}

@test "a journal that cannot be folded fails the doctor" {
    run_full
    python3 -IS - <<'END'
import sqlite3
store = sqlite3.connect(".fermata/fermata.db")
store.execute("DELETE FROM journal WHERE seq = 4")
store.commit()
END
    run_apart fermata doctor --rebuild --json
    [ "$status" -eq 1 ]
    [[ $(json 'd["rebuilt"]["failures"][0]' <<<"$output") == *"$ID"*"does not follow"* ]]
}

@test "gc removes what nothing refers to and nothing else" {
    run_full
    stray=.fermata/blobs/00/$(printf '0%.0s' {1..62})
    mkdir -p .fermata/blobs/00 .fermata/workflows/wf_0000000000zz
    echo stray >"$stray"
    run_apart fermata gc --json
    [ "$(json 'd["blobs"]' <<<"$output")" = 0 ]
    find .fermata/blobs .fermata/workflows -exec touch -d '1 hour ago' {} +
    run_apart fermata gc --dry-run
    [[ $output == "Would remove 0 runs and 1 blob (6 B), 1 folder without a run; 1 run kept" ]]
    [ -e "$stray" ]
    fermata gc
    [ ! -e "$stray" ]
    [ ! -e .fermata/workflows/wf_0000000000zz ]
    fermata cat last numbers.txt | cmp - "$FOLDER/numbers.txt"
    [ -e .fermata/workflows/full.yaml ]
    touch fixed
    fermata resume --retry-failed 2>/dev/null
}

@test "a run that took results over keeps them when the run they come from is removed" {
    touch fixed
    run_full
    first=$ID
    run_full
    python3 -IS - "$first" <<'END'
import sqlite3, sys
store = sqlite3.connect(".fermata/fermata.db")
store.execute("UPDATE run SET ended_at = 1 WHERE id = ?", sys.argv[1:])
store.commit()
END
    make_old .fermata/blobs/*/*
    run_apart fermata gc --older-than 1d --json
    [ "$(json 'd["runs"]' <<<"$output")" = 1 ]
    [ ! -e ".fermata/workflows/$first" ]
    [ "$(fermata cat last numbers.txt | tail -1)" = 2500 ]
}

@test "gc beside runs that begin, go on and end, and beside other gcs, takes nothing that is needed" {
    workflow loop <<'END'
name: loop
phases:
  - { id: a, steps: [{ id: one, run: "seq 1 3000 | sed \"s/$/ $N/\"", env: { N: "${{ inputs.n }}" }, output: a.txt, reuse: inputs }] }
  - { id: b, steps: [{ id: two, run: "cat .fermata/workflows/$FERMATA_RUN/a.txt", output: b.txt }] }
inputs: { n: { type: integer, required: true } }
END
    for n in 1 2 3 1 2 3; do
        fermata run -w loop -i n=$n >/dev/null 2>&1 &
        runs+=($!)
        for _ in 1 2; do
            fermata gc --older-than 1ms >/dev/null 2>gc-errors &
            gcs+=($!)
        done
    done
    for job in "${runs[@]}" "${gcs[@]}"; do
        wait "$job" || { cat gc-errors; return 1; }
    done
    for id in $(json '" ".join(r["id"] for r in d["runs"])' "$FERMATA" list --json); do
        [ "$(fermata cat "$id" a.txt | wc -l)" = 3000 ]
        [ "$(fermata cat "$id" b.txt | wc -l)" = 3000 ]
    done
    run_apart fermata doctor --rebuild --json
    [ "$(json 'd["rebuilt"]["differences"]' <<<"$output")" = "[]" ]
    [ "$(json 'd["rebuilt"]["failures"]' <<<"$output")" = "[]" ]
}

@test "a store with other tables than ours is refused untouched, with what to do" {
    fermata init >/dev/null
    fermata run -w hello --no-input >/dev/null 2>&1
    first=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    python3 -IS -c 'import sqlite3
db = sqlite3.connect(".fermata/fermata.db")
db.execute("UPDATE schema_version SET digest = ? WHERE name = ?", ("0" * 64, "run/001-journal"))
db.execute("ALTER TABLE journal DROP COLUMN sum")
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")'
    sha256sum .fermata/fermata.db >before
    for words in list "run -w hello" status gc; do
        # shellcheck disable=SC2086 # words of a command line
        run_apart fermata $words
        [ "$status" -eq 1 ]
        [[ $stderr == *"fermata.db: it was made by another build of this program"*"hint: "*"move the file"* ]] || {
            echo "$stderr"
            return 1
        }
    done
    run_apart fermata doctor
    [ "$status" -eq 1 ]
    text=$(tr -s ' \n' ' ' <<<"$output")
    [[ $text == *"it was made by another build of this program, with another form of its tables (run/001-journal)"* ]]
    grep -v "$PWD" <<<"$output" | fits_80_columns # a path is not broken
    sha256sum -c --quiet before
    # What the hint says works.
    mkdir away
    mv .fermata/fermata.db* away
    fermata run -w hello --no-input >/dev/null 2>&1
    [ "$(status_of last)" = completed ]
    [ -e ".fermata/workflows/$first/report.md" ]
}
