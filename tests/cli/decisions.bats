#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What is offered when a run waits really goes on; what people tell a run that another process
# carries, in the foreground or detached, arrives there.

load helper

setup() {
    setup_project
    PATH=$(cd "$(dirname "$FERMATA")" && pwd):$PATH
    workflow step <<'END'
name: step
phases:
  - { id: before, steps: [{ id: first, run: "echo x >>first.count" }] }
  - { id: test, steps: [{ id: unit, run: "test -e fixed", retry: { attempts: 1 } }] }
  - { id: after, steps: [{ id: last, run: "echo x >>last.count" }] }
END
    sed 's/^name: .*/name: final\non_failure: fail/' .fermata/workflows/step.yaml |
        workflow final
    workflow gate <<'END'
name: gate
gates: { strict: { allow_skip: true, commands: [{ run: "test -e fixed" }] } }
phases:
  - { id: before, gate: strict, steps: [{ id: first, run: "echo x >>first.count" }] }
  - { id: after, steps: [{ id: last, run: "echo x >>last.count" }] }
END
    sed 's/^name: .*/name: unknown/; s/run: "test -e fixed"/run: "test -e fixed \&\& echo 1..1 \&\& echo ok 1; true", tests_min: 1/' \
        .fermata/workflows/gate.yaml | workflow unknown
    workflow late <<'END'
name: late
timeout: 2s
phases:
  - { id: before, steps: [{ id: first, run: "echo x >>first.count" }] }
  - { id: test, steps: [{ id: unit, run: "test -e fixed || sleep 60", retry: { attempts: 1 } }] }
  - { id: after, steps: [{ id: last, run: "echo x >>last.count" }] }
END
    workflow consent <<'END'
name: consent
phases:
  - { id: before, steps: [{ id: first, run: "echo x >>first.count" }] }
  - { id: ask, steps: [{ id: ok, approve: "Good?" }] }
  - { id: after, steps: [{ id: last, run: "echo x >>last.count" }] }
END
    # One branch waits for a person or has failed, the other one is at work until `go` is there.
    workflow live <<'END'
name: live
phases:
  - { id: work, needs: [], steps: [{ id: hold, run: "echo x >>hold.count; await go" }] }
  - { id: ask, needs: [], steps: [{ id: ok, approve: "Good?" }] }
  - { id: do, needs: [ask], steps: [{ id: it, run: "touch built" }] }
END
    workflow broken <<'END'
name: broken
phases:
  - { id: work, needs: [], steps: [{ id: hold, run: "echo x >>hold.count; await go" }] }
  - { id: test, needs: [], steps: [{ id: unit, run: "test -e fixed", retry: { attempts: 1 } }] }
  - { id: do, needs: [test], steps: [{ id: it, run: "touch built" }] }
END
}

teardown() {
    touch go
    teardown_project
}

# offers WORKFLOW WORDS: for each of the words in the offer of a run that waits: the run is made, its
# cause mended, the command pasted; then the run stands as the word promises
offers() {
    local word command final
    for word in $2; do
        rm -f fixed *.count
        fermata run -w "$1" --fresh >/dev/null 2>&1 && return 1
        id=$(json 'd["runs"][0]["id"]' "$FERMATA" list --limit 1 --json)
        [ "$(json '" ".join(o["do"] for o in d["options"])' "$FERMATA" status "$id" --json)" = "$2" ]
        command=$(json "[o['command'] for o in d['options'] if o['do'] == '$word'][0]" "$FERMATA" status "$id" --json)
        [ "$word" = skip ] || touch fixed
        run_apart bash -euc "$command"
        [ "$status" -eq 0 ] || {
            echo "$command: $status $output $stderr"
            return 1
        }
        case $word in
        cancel) final=cancelled ;;
        approve | reject) final=paused ;;
        *) final=completed ;;
        esac
        [ "$word" != approve ] || fermata resume "$id" >/dev/null 2>&1
        [ "$word" != approve ] || final=completed
        if [ "$word" = reject ]; then
            fermata resume "$id" >/dev/null 2>&1 || [ $? -eq 3 ]
        fi
        [ "$(status_of "$id")" = "$final" ] || {
            echo "$command: $(status_of "$id")"
            return 1
        }
        [ "$(wc -l <first.count)" -eq 1 ]
        [ $final != completed ] || [ "$(wc -l <last.count)" -eq 1 ]
    done
}

@test "behind a failed step: retry, skip and cancel do what they say" {
    offers step "retry skip cancel"
}

@test "behind a failure that ended the run: retry and skip do what they say" {
    offers final "retry skip"
}

@test "behind a gate that failed: retry, skip and cancel do what they say" {
    offers gate "retry skip cancel"
}

@test "behind a gate that could not be known: retry, skip and cancel do what they say" {
    offers unknown "retry skip cancel"
}

@test "behind a run whose time was over: retry does what it says" {
    offers late "retry"
}

@test "behind an approval: approve, reject and cancel do what they say" {
    offers consent "approve reject cancel"
}

@test "a phase is skipped with its reason, and one that may not be is not" {
    fermata run -w step >/dev/null 2>&1 || [ $? -eq 3 ]
    run_apart fermata skip last --phase nothing --reason why
    [ "$status" -eq 6 ]
    run_apart fermata skip last --phase test --reason "no tests here" --resume
    [ "$status" -eq 0 ]
    [ "$(json 'd["phases"][1]["status"]' "$FERMATA" show --json)" = skipped ]
    fermata logs --records | grep '"phase":"test"' | grep '"skipped"' | grep '"by":"ada"' |
        grep -q "no tests here"
    workflow needed <<'END'
name: needed
phases: [{ id: test, allow_skip: false, steps: [{ id: unit, run: "false", retry: { attempts: 1 } }] }]
END
    fermata run -w needed >/dev/null 2>&1 || [ $? -eq 3 ]
    run_apart fermata skip last --phase test --reason hurry
    [ "$status" -eq 1 ]
    [[ $stderr == *"may not be skipped"* ]]
}

@test "retry takes one step of several, the others stay as they are" {
    workflow both <<'END'
name: both
phases:
  - id: test
    mode: parallel
    on_failure: pause
    steps:
      - { id: a, run: "echo x >>a.count; test -e fixed", retry: { attempts: 1 } }
      - { id: b, run: "echo x >>b.count; test -e fixed", retry: { attempts: 1 } }
END
    fermata run -w both >/dev/null 2>&1 || [ $? -eq 3 ]
    touch fixed
    before=$(wc -l <b.count)
    run_apart fermata retry last a --resume
    [ "$status" -eq 3 ]
    [ "$(wc -l <a.count)" -eq 2 ]
    [ "$(wc -l <b.count)" -eq "$before" ]
    run_apart fermata resume last --retry-failed
    [ "$status" -eq 0 ]
    [ "$(wc -l <a.count)" -eq 2 ]
}

# live FORM WORKFLOW: a run that another process carries, at work on `hold`; sets ID
live() {
    rm -f go built hold.count
    if [ "$1" = detached ]; then
        fermata run -w "$2" --fresh --detach >/dev/null
    else
        "$FERMATA" run -w "$2" --fresh >out 2>err </dev/null &
        runner=$!
    fi
    wait_until test -e hold.count
    ID=$(json 'd["runs"][0]["id"]' "$FERMATA" list --limit 1 --json)
    wait_until is_owned "$ID"
}

# ends FORM STATUS: the held step ends, and so does the run, with that exit status in the foreground
ends() {
    local rc=0
    touch go
    if [ "$1" = foreground ]; then
        wait "$runner" || rc=$?
        [ "$rc" -eq "$2" ]
    fi
    wait_until is_ownerless "$ID"
    [ "$(wc -l <hold.count)" -eq 1 ]
}

waits() {
    [ "$(json "d['phases'][1]['steps'][0]['$1']" "$FERMATA" status "$ID" --json)" = "$2" ]
}

@test "a live run takes an approval and goes on, in the foreground and detached" {
    for form in foreground detached; do
        live $form live
        wait_until waits waiting approval
        run_apart fermata approve "$ID" --comment fine
        [ "$status" -eq 0 ]
        [[ $output == *"the process that drives it was told"* ]]
        wait_until test -e built
        ends $form 0
        [ "$(status_of "$ID")" = completed ]
    done
}

@test "a live run takes a rejection, and waits when the rest has ended" {
    for form in foreground detached; do
        live $form live
        wait_until waits waiting approval
        run_apart fermata reject "$ID" ok --comment "not like this"
        [ "$status" -eq 0 ]
        wait_until waits status failed
        ends $form 3
        [ "$(status_of "$ID")" = paused ]
        [ ! -e built ]
    done
}

@test "a live run takes a signal that answers, and one that does not" {
    for form in foreground detached; do
        live $form live
        wait_until waits waiting approval
        run_apart fermata signal "$ID" something-else --value '{"n": 1}'
        [ "$status" -eq 0 ]
        waits waiting approval
        run_apart fermata signal "$ID" ok-approved
        [ "$status" -eq 0 ]
        wait_until test -e built
        ends $form 0
        fermata logs "$ID" --records | grep -q '"something-else"'
    done
}

@test "a live run takes a retry and a skip of what failed, while the rest is at work" {
    for form in foreground detached; do
        live $form broken
        wait_until waits status failed
        touch fixed
        # What is offered meanwhile is enough.
        [ "$(json '" ".join(o["do"] for o in d["options"])' "$FERMATA" status "$ID" --json)" = \
            "retry skip cancel" ]
        run_apart bash -euc "$(json 'd["options"][0]["command"]' "$FERMATA" status "$ID" --json)"
        [ "$status" -eq 0 ]
        wait_until test -e built
        ends $form 0
        rm fixed
        live $form broken
        wait_until waits status failed
        touch fixed
        run_apart fermata retry "$ID" unit
        [ "$status" -eq 0 ]
        wait_until test -e built
        ends $form 0
        rm fixed
        live $form broken
        wait_until waits status failed
        run_apart fermata skip "$ID" unit --reason "known"
        [ "$status" -eq 0 ]
        wait_until test -e built
        ends $form 0
        [ "$(status_of "$ID")" = completed ]
    done
}
