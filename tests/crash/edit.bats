#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A kill -9 around the edit of a plan: before its commit the run has the old plan, behind it the new
# one, and in neither case is anything done again that was done.

load ../cli/helper

setup() {
    setup_project
    FAULTS_LIBRARY=$(dirname "$LOOKING")/tests/crash/faults.so
    export COUNT=$BATS_TEST_TMPDIR/count
}

teardown() {
    teardown_project
}

plan() {
    cat <<'END'
name: plan
phases:
  - id: a
    steps:
      - { id: one, reuse: inputs, run: "echo one >>$COUNT; echo 1" }
      - { id: two, reuse: inputs, run: "echo two >>$COUNT; echo 2" }
      - { id: three, reuse: inputs, env: { V: "${{ steps.two.output }}" }, run: "echo three >>$COUNT" }
  - { id: b, steps: [{ id: stop, run: "test -e ../ready", retry: { attempts: 1 } }] }
  - { id: c, steps: [{ id: last, run: "echo last >>$COUNT" }] }
END
}

# edit FAULTS: edits, killed at that call; 137 when it was
edit() {
    LD_PRELOAD=$FAULTS_LIBRARY FAULTS=$1 FERMATA_PASS_ENV="COUNT FAULTS" \
        "$LOOKING" edit "$RUN" -w ../edited.yaml --yes >/dev/null 2>&1
}

@test "kill -9 at any call of an edit: the old plan or the new one, and nothing is done twice" {
    export FERMATA_PASS_ENV=COUNT
    plan | workflow plan
    "$LOOKING" run -w plan >/dev/null 2>&1 || [ $? -eq 3 ]
    RUN=$("$LOOKING" list --json | json 'd["runs"][0]["id"]')
    [ "$(cat "$COUNT")" = $'one\ntwo\nthree' ]
    plan | sed 's/echo 2"/echo 22"/; s/id: last, run: "echo last/id: last, run: "echo new/' >../edited.yaml
    touch ../ready
    cp -a "$PROJECT" ../stopped
    edit "how=before,at=0,count=$BATS_TEST_TMPDIR/calls"
    [ "$(sort "$COUNT" | tr '\n' ' ')" = "new one three three two two " ]
    calls=$(cat "$BATS_TEST_TMPDIR/calls")
    [ "$calls" -gt 50 ]
    old=0 new=0
    for ((at = 1; at <= calls; at += ${CRASH_EVERY:-1} > 7 ? ${CRASH_EVERY:-1} : 7)); do
        cd .. && rm -rf "$PROJECT" && cp -a stopped "$PROJECT" && cd "$PROJECT"
        printf 'one\ntwo\nthree\n' >"$COUNT"
        rc=0
        edit "how=before,at=$at" || rc=$?
        [ "$rc" -eq 137 ] || [ "$rc" -eq 0 ]
        if "$LOOKING" logs "$RUN" --records | grep -q run_edited; then
            new=$((new + 1))
            wait_until is_ownerless "$RUN"
            case $(status_of "$RUN") in
            completed) ;;
            *) "$LOOKING" resume "$RUN" >/dev/null 2>&1 ;;
            esac
        else
            old=$((old + 1))
            has_status "$RUN" paused
            [ "$(wc -l <"$COUNT")" -eq 3 ]
            "$LOOKING" edit "$RUN" -w ../edited.yaml --yes >/dev/null 2>&1
        fi
        has_status "$RUN" completed
        [ "$(sort "$COUNT" | tr '\n' ' ')" = "new one three three two two " ] || {
            echo "at $at:" && cat "$COUNT"
            return 1
        }
        [ "$("$LOOKING" logs "$RUN" --records | grep -c '"run_edited"')" -eq 1 ]
    done
    [ "$old" -gt 0 ]
    [ "$new" -gt 0 ]
}
