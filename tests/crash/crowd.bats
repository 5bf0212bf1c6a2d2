#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Many command lines at once on one project, and one that keeps its lock file.

load ../cli/helper

setup() {
    setup_project
    # A hundred sanitised processes at once would only show how little memory there is.
    [ -z "${PLAIN_BUILD-}" ] || export FERMATA=$PLAIN_BUILD/fermata FERMATA_KEEP=$PLAIN_BUILD/fermata-keep
    workflow quick <<'END'
name: quick
phases: [{ id: a, steps: [{ id: s, use: noop }, { id: t, use: noop }] }]
END
    workflow asks <<'END'
name: asks
phases: [{ id: a, steps: [{ id: ask, approve: "go on?" }] }]
END
}

teardown() {
    touch release
    teardown_project
}

# start COMMAND...: in the background, with its exit status in a file
start() {
    (
        code=0
        "$FERMATA" "$@" >/dev/null 2>"err.$started" </dev/null || code=$?
        echo "$code" >"status.$started"
    ) 3>&- &
    started=$((started + 1))
}

@test "a hundred command lines at once: each succeeds or says to try later, and all is sound" {
    run_apart fermata run -w asks --json
    id=$(json 'd["id"]' <<<"$output")
    started=0
    for i in {1..20}; do
        start run -w quick
        start list
        start status "$id"
        start signal "$id" "news$i"
        start explain "$id"
    done
    wait
    for ((i = 0; i < 100; i++)); do
        case $(cat "status.$i") in
        0 | 3) ;; # 3: the run that was asked about waits for a person
        75) [ -s "err.$i" ] ;;
        *) cat "err.$i" && return 1 ;;
        esac
    done
    [ "$(json 'd["rebuilt"]["differences"] + d["rebuilt"]["failures"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
    [ "$(json 'len([r for r in d["runs"] if r["workflow"] == "quick" and r["status"] != "completed"])' "$FERMATA" list -n 100 --json)" = 0 ]
}

@test "who finds the lock file taken waits for it, and goes on" {
    fermata run -w quick
    mkfifo locked
    python3 -IS - <<'END' 3>&- &
import fcntl, os, time
file = open(".fermata/fermata.db.lock", "r+")
fcntl.flock(file, fcntl.LOCK_EX)
open("locked", "w").close()
while not os.path.exists("release"):
    time.sleep(0.02)
END
    cat locked
    started=0
    start run -w quick
    start list
    start status last
    # Each has opened the lock file and waits.
    wait_until three_wait
    [[ ! -e status.0 && ! -e status.1 && ! -e status.2 ]]
    touch release
    wait
    [ "$(cat status.0 status.1 status.2 | tr -d '\n')" = 000 ]
}

three_wait() {
    [ "$(find /proc/[0-9]*/fd -lname "$PROJECT/.fermata/fermata.db.lock" 2>/dev/null | wc -l)" -ge 4 ]
}
