#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What must survive besides the orchestrator's own death: dead keepers, stopped owners, crowds,
# foreign locks, damaged and newer stores, full and read-only disks.

load ../cli/helper

setup() {
    setup_project
    workflow holds <<'END'
name: holds
phases:
  - id: one
    steps: [{ id: first, run: "echo x >>first.count; echo first" }]
  - id: two
    steps:
      - id: hold
        run: |
          setsid sleep 1000 &
          echo $! >>daemons
          env -i /bin/sleep 1000 &
          echo $! >>daemons
          echo x >>hold.count
          await go
          echo gone
  - id: three
    steps: [{ id: last, run: "echo x >>last.count" }]
END
}

teardown() {
    touch go release 2>/dev/null || true
    rm -f filling ballast
    teardown_project
    if [ -n "${MOUNTED-}" ]; then
        cd / && umount -l "$MOUNTED"
    fi
}

start_detached() {
    local answer
    answer=$(fermata run -w "$1" --detach --json)
    id=$(json 'd["id"]' <<<"$answer")
    driver=$(json 'd["pid"]' <<<"$answer")
}

start_held() {
    start_detached holds
    wait_until has_lines hold.count 1
}

has_lines() {
    [ "$(wc -l <"$1")" -eq "$2" ]
}

pid_of_keeper() {
    cut -d' ' -f2 ".fermata/workflows/$id/attempts/hold.$1/claim"
}

is_gone() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# A file system of its own, of so many bytes, as the project.
small_project() {
    [ "$(id -u)" -eq 0 ] || skip "only root may mount"
    mount -t tmpfs -o "size=$1" tmpfs "$PROJECT" || skip "no tmpfs can be mounted here"
    MOUNTED=$PROJECT
    cd "$PROJECT" || return 1 # once more: the folder of before lies under it
}

@test "a killed keeper takes its whole tree with it, and only then the step begins again" {
    start_held
    kill -9 "$(pid_of_keeper 1)"
    wait_until has_lines hold.count 2
    while read -r pid; do
        is_gone "$pid"
    done < <(head -n 2 daemons)
    touch go
    wait_until has_status "$id" completed
    has_lines first.count 1
    has_lines hold.count 2
}

@test "orchestrator and keeper killed: resume sweeps what they left and begins the step once more" {
    start_held
    kill -9 "$driver" "$(pid_of_keeper 1)"
    wait_until is_ownerless "$id"
    touch go
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    has_lines first.count 1
    has_lines hold.count 2
    while read -r pid; do
        is_gone "$pid"
    done <daemons
    [ "$(json 'str(d).count("lost")' "$FERMATA" show "$id" --metrics --json)" -ge 1 ]
}

@test "while its owner is stopped a run is nobody else's, and its owner answers when it goes on" {
    start_held
    kill -STOP "$driver"
    run_apart fermata drive "$id"
    [ "$status" -eq 75 ]
    run_apart fermata pause "$id"
    [ "$status" -eq 75 ]
    [[ "$stderr" == *"process $driver, which owns"* && "$stderr" == *"kill -CONT $driver"* ]]
    "$FERMATA" resume "$id" >told 2>&1 &
    asker=$!
    wait_until has_letter
    kill -CONT "$driver"
    wait "$asker"
    touch go
    wait_until has_status "$id" completed
    has_lines hold.count 1
    has_lines last.count 1
}

has_letter() {
    python3 -IS - <<'END'
import sqlite3, sys
store = sqlite3.connect("file:.fermata/fermata.db?mode=ro", uri=True)
sys.exit(store.execute("SELECT count(*) FROM inbox").fetchone()[0] == 0)
END
}

@test "resume takes back a pause that was asked for after the owner's death" {
    start_held
    kill -9 "$driver"
    wait_until is_ownerless "$id"
    run_apart fermata pause "$id"
    [ "$status" -eq 0 ]
    touch go
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(status_of "$id")" = completed ]
    has_lines hold.count 1
    has_lines last.count 1
}

@test "twenty command lines at once make a project and twenty whole runs" {
    workflow quick <<'END'
name: quick
phases: [{ id: a, steps: [{ id: s, run: "echo x >>quick.count" }, { id: t, run: "echo t" }] }]
END
    rm -rf .fermata/fermata.db*
    children=()
    for i in {1..20}; do
        "$FERMATA" run -w quick >"out.$i" 2>&1 &
        children+=($!)
    done
    for child in "${children[@]}"; do
        wait "$child"
    done
    has_lines quick.count 20
    [ "$(json 'len(d["runs"])' "$FERMATA" list -n 40 --status completed --json)" -eq 20 ]
    [ "$(json 'd["rebuilt"]["differences"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
}

@test "twenty resumes of one run at once: one goes on, all succeed, nothing begins twice" {
    start_held
    kill -9 "$driver"
    wait_until is_ownerless "$id"
    children=()
    for i in {1..20}; do
        "$FERMATA" resume "$id" >"out.$i" 2>&1 &
        children+=($!)
    done
    wait_until nineteen_were_told
    touch go
    for child in "${children[@]}"; do
        wait "$child"
    done
    wait_until has_status "$id" completed
    has_lines first.count 1
    has_lines hold.count 1
    has_lines last.count 1
}

nineteen_were_told() {
    [ "$(grep -l "was told" out.* | wc -l)" -eq 19 ]
}

@test "a store that another program keeps locked costs time, not the run" {
    start_held
    mkfifo locked
    python3 -IS - <<'END' &
import os, sqlite3, time
store = sqlite3.connect(".fermata/fermata.db", isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
open("locked", "w").close()
while not os.path.exists("release"):
    time.sleep(0.02)
store.execute("ROLLBACK")
END
    cat locked
    touch go
    wait_until test -e ".fermata/workflows/$id/attempts/hold.1/exit.json"
    has_status "$id" running
    "$FERMATA" run -w holds >second 2>&1 &
    second=$!
    # `make crash`: longer than a writer waits for it in one go.
    sleep "${LOCKED_SECONDS:-0}"
    [ ! -e last.count ]
    kill -0 "$second"
    touch release
    wait "$second"
    wait_until has_status "$id" completed
    has_lines first.count 2
    has_lines hold.count 2
    has_lines last.count 2
}

@test "a damaged store is refused with what to do, and is left as it is" {
    touch go
    fermata run -w holds
    printf 'this is no database, it is something else entirely......' |
        dd of=.fermata/fermata.db conv=notrunc status=none
    before=$(sha256sum .fermata/fermata.db)
    export COLUMNS=1000
    for command in "run -w holds" list "status last" gc doctor "doctor --rebuild"; do
        # shellcheck disable=SC2086
        run_apart fermata $command
        [ "$status" -eq 1 ]
        [[ $output$stderr == *".fermata/fermata.db: it is not a store of this program"*"move the file"* ]]
    done
    [ "$(sha256sum .fermata/fermata.db)" = "$before" ]
    has_lines first.count 1
}

@test "a store of a newer version is refused with what to do, and is left as it is" {
    touch go
    fermata run -w holds
    python3 -IS - <<'END'
import sqlite3
store = sqlite3.connect(".fermata/fermata.db")
store.execute("INSERT INTO schema_version(name, digest) VALUES('run/999-later', 'x')")
store.commit()
END
    run_apart fermata run -w holds
    [ "$status" -ne 0 ]
    [[ $stderr == *"newer schema"*hint:*newer* ]]
    python3 -IS -c 'import sqlite3
sqlite3.connect(".fermata/fermata.db").execute("PRAGMA user_version=99")'
    run_apart fermata list
    [ "$status" -ne 0 ]
    [[ $stderr == *"store format 99"*hint:* ]]
    has_lines first.count 1
}

@test "a keeper ends its step at the deadline though nobody drives the run any more" {
    workflow slow <<'END'
name: slow
phases:
  - id: one
    steps:
      - id: slow
        timeout: 2s
        run: 'setsid sleep 1000 & echo $! >daemon; echo $$ >main; echo begun; sleep 1000'
END
    start_detached slow
    wait_until test -s main
    kill -9 "$driver"
    wait_until test -e ".fermata/workflows/$id/attempts/slow.1/exit.json"
    is_gone "$(cat main)"
    is_gone "$(cat daemon)"
    run_apart fermata resume "$id"
    [ "$status" -eq 3 ]
    [ "$(json 'd["problems"][0]["class"]' "$FERMATA" status "$id" --json)" = timeout ]
    [ "$(fermata cat "$id" slow)" = begun ]
    [ ! -e ".fermata/workflows/$id/attempts/slow.2" ]
}

@test "cancel ends what ignores TERM, hides in daemons and holds the pipes" {
    workflow hostile <<'END'
name: hostile
phases:
  - id: one
    steps:
      - id: hostile
        run: |
          trap '' TERM HUP INT
          for i in 1 2 3; do
            (trap '' TERM; setsid sh -c 'echo $$ >>pids; while :; do sleep 0.2; done' &)
          done
          exec >/dev/null
          echo $$ >>pids
          while :; do sleep 0.2; done
END
    start_detached hostile
    wait_until has_lines pids 4
    run_apart fermata cancel "$id"
    [ "$status" -eq 0 ]
    wait_until has_status "$id" cancelled
    while read -r pid; do
        is_gone "$pid"
    done <pids
}

@test "output beyond the ceiling is taken over after a crash: head, tail and the exact count" {
    printf 'output_bytes_max: 20000\n' >.fermata/config.yaml
    workflow loud <<'END'
name: loud
phases:
  - id: one
    steps:
      - { id: loud, run: 'seq 1 200000; echo x >>loud.count; await go; seq 1 1000' }
END
    start_detached loud
    wait_until test -e loud.count
    kill -9 "$driver"
    touch go
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    has_lines loud.count 1
    { seq 1 200000 && seq 1 1000; } >wanted
    fermata cat "$id" loud >got
    [ "$(head -c 10000 got)" = "$(head -c 10000 wanted)" ]
    [ "$(tail -c 10000 got)" = "$(tail -c 10000 wanted)" ]
    grep -q "$(($(wc -c <wanted) - 20000)) bytes were left out" got
    bytes=$(json 'd["phases"][0]["steps"][0]["output"]["bytes"]' "$FERMATA" status "$id" --json)
    [ "$bytes" -eq "$(wc -c <wanted)" ]
}

# Takes all the space there is, again and again, until make_room.
fill_disk() {
    : >filling
    (while [ -e filling ]; do cat /dev/zero >>ballast || sleep 0.01; done) 2>/dev/null 3>&- &
    filler=$!
    wait_until is_full
}

is_full() {
    [ "$(df --output=avail . | tail -n 1)" -eq 0 ]
}

make_room() {
    rm filling
    wait "$filler"
    rm ballast
}

waits_for_space() {
    [ "$(json 'd["status"], d["reason"]' "$FERMATA" status "$id" --json)" = '["paused", "storage"]' ]
}

@test "a full disk parks a run as paused, in every view, and it goes on by itself when there is space" {
    small_project 1m
    setup_workflow_again
    start_held
    fill_disk
    : >go
    wait_until waits_for_space
    run_apart fermata status "$id"
    [ "$status" -eq 3 ]
    [[ $output == *paused*"storage full: it goes on by itself when there is space"* ]]
    run_apart fermata show "$id"
    [[ $output == *"storage full"* ]]
    [[ $(fermata list) == *"paused (storage full)"* ]]
    for filter in "" "--status paused"; do
        # shellcheck disable=SC2086
        [ "$(json 'd["runs"][0]["status"], d["runs"][0]["reason"]' "$FERMATA" list $filter --json)" = '["paused", "storage"]' ]
    done
    [ "$(json 'd["runs"]' "$FERMATA" list --status running --json)" = "[]" ]
    [ ! -e last.count ]
    kill -0 "$driver"
    make_room
    wait_until has_status "$id" completed
    grep -q "paused: .*storage full" ".fermata/workflows/$id/logs/driver.log"
    has_lines first.count 1
    has_lines hold.count 1
    has_lines last.count 1
    [ "$(fermata cat "$id" first)" = first ]
    [ "$(json 'd["rebuilt"]["differences"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
}

@test "a run in the foreground says that it is paused by a full disk, and goes on" {
    small_project 1m
    setup_workflow_again
    # What it says must not need the disk that is full.
    "$FERMATA" run -w holds >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/told" 3>&- &
    asker=$!
    wait_until has_lines hold.count 1
    fill_disk
    : >go
    wait_until grep -q "paused: .*storage full.*when there is space" "$BATS_TEST_TMPDIR/told"
    make_room
    wait "$asker"
    has_lines hold.count 1
    has_lines last.count 1
}

# It says what it waits for where that needs no space on the full disk.
start_foreground() {
    "$FERMATA" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/told" 3>&- &
    asker=$!
}

says_that_it_waits() {
    grep -q "paused: .*storage full" "$BATS_TEST_TMPDIR/told"
}

end_of_asker() {
    status=0
    wait "$asker" || status=$?
}

@test "the first signal ends a run whose commit waits for space, and resume goes on with it" {
    small_project 1m
    setup_workflow_again
    start_foreground run -w holds
    wait_until has_lines hold.count 1
    fill_disk
    : >go
    wait_until says_that_it_waits
    kill -TERM "$asker"
    end_of_asker
    [ "$status" -eq 143 ]
    grep -q "fermata resume" "$BATS_TEST_TMPDIR/told"
    [ ! -e last.count ]
    make_room
    run_apart fermata resume
    [ "$status" -eq 0 ]
    has_lines first.count 1
    has_lines hold.count 1
    has_lines last.count 1
}

@test "the first Ctrl-C ends a run whose output waits for space, also when it came before that" {
    small_project 1m
    workflow big <<'END'
name: big
phases:
  - id: one
    steps:
      - id: big
        run: |
          echo x >>big.count
          await go
          seq 1 100000 | head -c 400000
END
    start_foreground run -w big
    wait_until has_lines big.count 1
    kill -INT "$asker"
    wait_until grep -q "Pausing" "$BATS_TEST_TMPDIR/told"
    : >go
    end_of_asker
    [ "$status" -eq 130 ]
    says_that_it_waits
    [ "$(json 'd["owned"]' "$FERMATA" status --json)" = false ]
    start_foreground resume
    wait_until says_that_it_waits
    kill -INT "$asker"
    end_of_asker
    [ "$status" -eq 130 ]
    mount -o remount,size=8m "$PROJECT"
    run_apart fermata resume
    [ "$status" -eq 0 ]
    has_lines big.count 1
    [ "$(fermata cat last big | wc -c)" -eq 400000 ]
}

@test "pause and cancel reach a run on a full disk, and its steps and their trees end" {
    small_project 1m
    setup_workflow_again
    start_held
    keeper=$(pid_of_keeper 1)
    head -c 2000000 /dev/zero >ballast 2>/dev/null || true
    run_apart fermata pause "$id"
    [ "$status" -eq 0 ]
    [ "$(json 'd["wish"]' "$FERMATA" status "$id" --json)" = pause ]
    run_apart fermata cancel "$id"
    [ "$status" -eq 0 ]
    wait_until has_status "$id" cancelled
    wait_until is_gone "$keeper"
    [ ! -e last.count ]
    rm ballast
    [ "$(json 'd["rebuilt"]["differences"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
}

@test "cancel ends a run on a full disk after its owner's death" {
    small_project 1m
    setup_workflow_again
    start_held
    keeper=$(pid_of_keeper 1)
    head -c 2000000 /dev/zero >ballast 2>/dev/null || true
    kill -9 "$driver"
    wait_until is_ownerless "$id"
    run_apart fermata cancel "$id"
    [ "$status" -eq 0 ]
    has_status "$id" cancelled
    wait_until is_gone "$keeper"
    rm ballast
    [ "$(json 'd["rebuilt"]["differences"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
}

@test "a paused run that waits for space when its owner dies is a running one without owner" {
    small_project 1m
    setup_workflow_again
    start_held
    fill_disk
    : >go
    wait_until waits_for_space
    kill -9 "$driver"
    wait_until is_ownerless "$id"
    has_status "$id" running
    make_room
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    has_lines hold.count 1
    has_lines last.count 1
}

# The project was mounted over: its workflow is made anew.
setup_workflow_again() {
    workflow holds <<'END'
name: holds
phases:
  - id: one
    steps: [{ id: first, run: "echo x >>first.count; echo first" }]
  - id: two
    steps: [{ id: hold, run: 'echo x >>hold.count; await go' }]
  - id: three
    steps: [{ id: last, run: "echo x >>last.count" }]
END
}

@test "a read-only project is refused with a reason" {
    small_project 3m
    setup_workflow_again
    mount -o remount,ro "$PROJECT"
    run_apart fermata run -w holds
    [ "$status" -ne 0 ]
    [[ $stderr == *"Read-only file system"* ]]
    [ ! -e first.count ]
}
