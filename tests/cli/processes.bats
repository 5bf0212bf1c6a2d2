#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Runs and processes: detached runs, kill -9, signals, other processes that ask, terminals.

load helper

setup() {
    setup_project
    # Step `hold` waits until the file `go` is there.
    workflow holds <<'END'
name: holds
phases:
  - id: one
    steps: [{ id: first, run: "echo x >>first.count; echo first" }]
  - id: two
    steps:
      - id: hold
        run: 'echo x >>hold.count; echo waiting; await go; echo gone'
  - id: three
    steps: [{ id: last, run: "echo x >>last.count" }]
END
}

teardown() {
    touch go
    teardown_project
}

start_held() {
    id=$(fermata run -w holds --detach)
    wait_until test -e hold.count
}

pid_of_driver() {
    pgrep -f -- "drive $1" | head -n 1
}

@test "a detached run prints its id, goes on, and can be followed to its end" {
    run_apart fermata run -w holds --detach
    [ "$status" -eq 0 ]
    [[ $output =~ ^wf_[0-9a-z]{12}$ ]]
    id=$output
    wait_until test -e hold.count
    run_apart fermata status "$id"
    [ "$status" -eq 0 ]
    [[ $output == *running* ]]
    [[ $output != *"no process drives it"* && $output == *"fermata pause $id"* ]]
    "$FERMATA" logs "$id" --follow >followed &
    follower=$!
    "$FERMATA" logs "$id" --step hold --follow >printed &
    printer=$!
    wait_until grep -q waiting printed
    touch go
    wait "$follower"
    wait "$printer"
    grep -q "Workflow $id completed" followed
    [ "$(cat printed)" = "waiting
gone" ]
    [ "$(status_of "$id")" = completed ]
}

@test "kill -9 of a detached run in the middle, then resume, leaves every finished step untouched" {
    start_held
    wait_until is_owned "$id"
    kill -9 "$(pid_of_driver "$id")"
    wait_until is_ownerless "$id"
    run_apart fermata status "$id"
    [[ $output == *"no process drives it"*"What you can do"*"fermata resume $id"* ]]
    run_apart fermata doctor
    [[ $output == *"runs without owner"*"$id"* ]]
    touch go
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(wc -l <first.count)" -eq 1 ]
    [ "$(wc -l <hold.count)" -eq 1 ]
    [ "$(wc -l <last.count)" -eq 1 ]
    [ "$(fermata cat "$id" hold)" = "waiting
gone" ]
    [ "$(json 'd["rebuilt"]["differences"]' "$FERMATA" doctor --rebuild --json)" = "[]" ]
}

@test "resume --detach takes a run over whose process died, with a step at work and with one that ended meanwhile" {
    for form in at-work ended; do
        rm -f go ./*.count
        start_held
        wait_until is_owned "$id"
        kill -9 "$(pid_of_driver "$id")"
        wait_until is_ownerless "$id"
        if [ $form = ended ]; then
            touch go
            wait_until test -e ".fermata/workflows/$id/attempts/hold.1/exit.json"
        fi
        run_apart fermata resume "$id" --detach
        [ "$status" -eq 0 ]
        [ "$output" = "$id" ]
        [ $form = ended ] || {
            wait_until is_owned "$id"
            [ "$(status_of "$id")" = running ]
            # Nobody else takes it from the process in the background.
            run_apart fermata resume "$id"
            [[ $output == *"the process that drives it was told"* ]]
            touch go
        }
        wait_until has_status "$id" completed
        wait_until is_ownerless "$id"
        [ "$(cat first.count hold.count last.count)" = "x
x
x" ]
        [ "$(fermata logs "$id" --step hold)" = "waiting
gone" ]
    done
}

@test "another process can pause, resume and cancel a run" {
    start_held
    run_apart fermata pause "$id"
    [ "$status" -eq 0 ]
    touch go
    wait_until has_status "$id" paused
    [ ! -e last.count ]
    wait_until is_ownerless "$id"
    run_apart fermata resume "$id" --detach
    [ "$status" -eq 0 ]
    wait_until has_status "$id" completed
    [ "$(wc -l <hold.count)" -eq 1 ]
    rm go hold.count
    start_held
    run_apart fermata cancel "$id"
    [ "$status" -eq 0 ]
    wait_until has_status "$id" cancelled
    [ ! -e go ]
}

@test "pausing a run that no process drives says so, and what to do" {
    start_held
    wait_until is_owned "$id"
    kill -9 "$(pid_of_driver "$id")"
    wait_until is_ownerless "$id"
    run_apart fermata pause "$id"
    [ "$status" -eq 0 ]
    [[ $output == *"Run $id is running, but no process drives it"* ]]
    [[ $output == *"fermata resume $id"*"fermata cancel $id"* ]]
    run_apart fermata cancel "$id"
    [ "$status" -eq 0 ]
    [ "$(status_of "$id")" = cancelled ]
}

@test "a run that another process drives is not taken away from it" {
    start_held
    run_apart fermata drive "$id"
    [ "$status" -eq 75 ]
    run_apart fermata resume "$id"
    [ "$status" -ne 0 ] || [[ $output == *"was told"* ]]
    touch go
    wait_until has_status "$id" completed
    [ "$(wc -l <hold.count)" -eq 1 ]
}

@test "SIGTERM stops the steps, leaves a run that resumes, and exits with 143" {
    "$FERMATA" run -w holds >out 2>err &
    runner=$!
    wait_until test -e hold.count
    kill -TERM "$runner"
    rc=0
    wait "$runner" || rc=$?
    [ "$rc" -eq 143 ]
    [ "$(status_of last)" = paused ]
    touch go
    run_apart fermata resume
    [ "$status" -eq 0 ]
    [ "$(wc -l <first.count)" -eq 1 ]
    [ "$(wc -l <hold.count)" -eq 2 ]
}

@test "a character that a step prints in two halves is followed as one" {
    workflow halves <<'END'
name: halves
phases:
  - id: a
    steps:
      - { id: s, run: "printf 'a\\303'; touch half; await go; printf '\\244b\\n'" }
END
    id=$(fermata run -w halves --detach)
    wait_until test -e half
    fermata logs "$id" --step s --follow >followed &
    follower=$!
    wait_until grep -q a followed
    touch go
    wait "$follower"
    [ "$(cat followed)" = "aäb" ]
}

@test "a reader that goes away ends logs without a fuss" {
    start_held
    touch go
    wait_until has_status "$id" completed
    fermata logs "$id" --records | head -n 1 >first
    [ -s first ]
}

@test "in a terminal Ctrl-C pauses, says how to resume, and the run goes on from there" {
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" pause "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
    [ "$(status_of last)" = paused ]
    run_apart fermata resume
    [ "$status" -eq 0 ]
    [ "$(wc -l <hold.count)" -eq 1 ]
}

@test "in a terminal the second Ctrl-C stops the steps, the third leaves them alone" {
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" stop "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
    touch go
    run_apart fermata resume
    [ "$status" -eq 0 ]
    [ "$(wc -l <hold.count)" -eq 2 ]
}

stubborn_workflow() {
    workflow stubborn <<'END'
name: stubborn
phases:
  - id: one
    steps:
      - id: stay
        run: 'trap "" TERM; echo x >>stay.count; echo waiting; await go'
  - id: two
    steps: [{ id: last, run: "echo x >>last.count" }]
END
}

@test "in a terminal the third Ctrl-C leaves at once, and resume goes on" {
    stubborn_workflow
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" leave "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
    run_apart fermata status
    [[ $output == *"no process drives it"*"fermata resume wf_"* ]] || [[ $output == *paused* ]]
    touch go
    run_apart fermata resume
    [ "$status" -eq 0 ] || {
        echo "$status $output $stderr"
        return 1
    }
    [ "$(status_of last)" = completed ]
    [ "$(wc -l <last.count)" -eq 1 ]
}

# start_interruptible ARGUMENT...: as $runner; a shell lets what it starts in the background ignore SIGINT
start_interruptible() {
    python3 -IS -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$FERMATA" "$@" >out 2>err </dev/null &
    runner=$!
}

is_being_stopped() {
    [ "$(json 'd["wish"]' "$FERMATA" status --json)" = stop ]
}

@test "a run that was left while its steps were stopped is resumed under one headline" {
    stubborn_workflow
    start_interruptible run -w stubborn
    wait_until test -e stay.count
    kill -INT "$runner"
    wait_until grep -q Pausing err
    kill -INT "$runner"
    wait_until is_being_stopped
    kill -INT "$runner"
    status=0
    wait "$runner" || status=$?
    [ "$status" -ne 0 ]
    touch go
    run_apart fermata resume
    [ "$status" -eq 0 ]
    # It was stopped to the end, and then it went on.
    [ "$(grep -c '^Run wf_.*: stubborn, 2 steps$' <<<"$stderr")" -eq 1 ]
    [ "$(grep -c '^Phase 1/2 one$' <<<"$stderr")" -eq 1 ]
    [ "$(wc -l <last.count)" -eq 1 ]
}

@test "SIGINT and SIGTERM without a terminal end with 130 and 143, and the run goes on from there" {
    for signal in INT:130 TERM:143; do
        rm -f go *.count
        start_interruptible run -w holds --fresh
        wait_until test -e hold.count
        kill -"${signal%:*}" "$runner"
        [ "$signal" != INT:130 ] || wait_until grep -q Pausing err
        [ "$signal" != INT:130 ] || touch go
        rc=0
        wait "$runner" || rc=$?
        [ "$rc" -eq "${signal#*:}" ]
        [ "$(status_of last)" = paused ]
        [ ! -e last.count ]
        touch go
        run_apart fermata resume
        [ "$status" -eq 0 ]
        [ "$(wc -l <first.count)" -eq 1 ]
    done
}

@test "in a terminal one region is redrawn, fits it, follows its size, and is taken away" {
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" live "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
}

@test "NO_COLOR, --no-color and a dumb terminal are respected" {
    touch go
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" colours "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
}

@test "in a terminal missing inputs and approvals are asked for" {
    workflow asks <<'END'
name: asks
inputs:
  who: { type: string, required: true, description: Whom to greet }
phases:
  - id: ask
    steps: [{ id: consent, approve: "Greet ${{ inputs.who }}?" }]
  - id: do
    steps: [{ id: greet, run: 'echo "hello $WHO" >greeted', env: { WHO: "${{ inputs.who }}" } }]
END
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" ask "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
    [ "$(cat greeted)" = "hello Ada" ]
}

@test "in a terminal resume asks for the approvals that it meets, with --no-input it does not" {
    workflow asks <<'END'
name: asks
phases:
  - id: ask
    steps:
      - { id: one, approve: "First?" }
      - { id: two, approve: "Second?" }
      - { id: three, approve: "Third?" }
END
    for way in resume resume-silent; do
        run fermata run -w asks
        [ "$status" -eq 3 ]
        run python3 -S "$BATS_TEST_DIRNAME/terminal.py" "$way" "$FERMATA"
        [ "$status" -eq 0 ] || {
            echo "$output"
            return 1
        }
    done
}
