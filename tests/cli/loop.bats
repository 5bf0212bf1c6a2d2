#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The stories of a file, one after the other.
# shellcheck disable=SC2154

setup() {
    load helper
    setup_project
    # Each story leaves a line; the file `stop` fails it.
    workflow work <<'END'
name: work
phases:
  - id: a
    steps: [{ id: first, run: 'printf "%s\n" "$TASK" | head -n 1 >>did', env: { TASK: "${{ run.task }}" } }]
  - id: b
    steps: [{ id: second, run: "[ ! -e stop ]", retry: { attempts: 1 } }]
END
    # Each story waits for the file `go`.
    workflow wait <<'END'
name: wait
phases:
  - id: a
    steps:
      - id: first
        run: 'printf "%s\n" "$TASK" | head -n 1 >>did; touch begun; await go'
        env: { TASK: "${{ run.task }}" }
END
    mkdir tasks
    cat >tasks/prd.json <<'END'
{
  "project": "x",
  "userStories": [
    { "id": "US-2", "title": "Two", "priority": 2, "passes": false },
    { "id": "US-1", "title": "One $(touch pwned)", "acceptanceCriteria": ["a"], "priority": 1, "passes":false, "x": [1,  2] },
    {"id":3,"title":"Three","status":"todo"}
  ]
}
END
    cp tasks/prd.json before
}

teardown() {
    touch go
    [ -z "${LOOP:-}" ] || kill -9 "$LOOP" 2>/dev/null || true
    teardown_project
}

# One in the background, whose run is at its first step.
loop_in_background() {
    "$FERMATA" loop "$@" --no-input >out 2>err 3>&- </dev/null &
    LOOP=$!
    wait_until test -e begun
}

end_loop() {
    status=0
    wait "$LOOP" || status=$?
    LOOP=
}

# Of the story that was taken last.
run_id() {
    fermata show last --json | json 'd["id"]'
}

runs() {
    fermata list --json | json 'len(d["runs"])'
}

@test "every story is run in order of priority, told to its workflow as data, and marked" {
    run_apart fermata loop -w work
    [ "$status" -eq 0 ]
    [ "$(cat did)" = 'US-1: One $(touch pwned)
US-2: Two
3: Three' ]
    [ ! -e pwned ]
    sed -e 's/"passes": false/"passes": true/; s/"passes":false/"passes":true/; s/"todo"/"completed"/' before | cmp - tasks/prd.json
    [[ "$stderr" == *"Story 1/3 US-1: One"*"Story 3/3 3: Three (about "*" to go)"* ]]
    [[ "$output" == *"tasks/prd.json: 3 of 3 done"* ]]
    run_apart fermata loop -w work --json
    [ "$(json 'd["stopped"], len(d["worked"])' <<<"$output")" = '["done", 0]' ]
    [ "$(json 'd["tasks"][0]["status"]' "$FERMATA" tasks --meta file=tasks/prd.json --meta story=US-1 --json)" = completed ]
}

@test "a check list: code and comments are none, a heading is done with what is below it" {
    printf '# Plan\r\n\r\n- [ ] One\r\n  More\r\n  ```\r\n  - [ ] code\r\n  ```\r\n- [x] Two\r\n<!-- \r\n- [ ] no\r\n-->\r\n1. [ ] Head\r\n   - [X] a\r\n   - [ ] b\r\n* [-] Last' >TODO.md
    cp TODO.md before
    run_apart fermata loop TODO.md -w work
    [ "$status" -eq 0 ]
    [ "$(cat did)" = 'One
b
Last' ]
    sed -e 's/- \[ \] One/- [x] One/; s/\[ \] Head/[x] Head/; s/- \[ \] b/- [x] b/; s/\[-\] Last/[x] Last/' before | cmp - TODO.md
}

@test "a story that failed ends the loop and is marked by nothing; the next loop tries it again" {
    touch stop
    run_apart fermata loop -w work
    [ "$status" -eq 1 ]
    [[ "$output" == *"step second failed"*"0 of 3 done; the same command goes on"* ]]
    cmp before tasks/prd.json
    id=$(run_id)
    rm stop
    run_apart fermata loop -w work --max 1
    [ "$status" -eq 0 ]
    [ "$(run_id)" = "$id" ]
    [ "$(cat did)" = 'US-1: One $(touch pwned)' ]
    [[ "$output" == *"1 of 3 done"* ]]
}

@test "with --keep-going the others are done all the same" {
    workflow work <<'END'
name: work
on_failure: fail
phases:
  - id: a
    steps: [{ id: s, run: 'echo "$TASK" >>did; case $TASK in US-1*) exit 1 ;; esac', env: { TASK: "${{ run.task }}" }, retry: { attempts: 1 } }]
END
    run_apart fermata loop -w work --keep-going
    [ "$status" -eq 1 ]
    [[ "$output" == *"2 of 3 done"* ]]
    [ "$(grep -c "^US-\|^3" did)" -eq 3 ]
    grep -q '"id": "US-1".*"passes":false' tasks/prd.json
}

@test "killed while a step is under way: the same run goes on, and the step is begun once" {
    loop_in_background -w wait
    kill -9 "$LOOP"
    end_loop
    id=$(run_id)
    cmp before tasks/prd.json
    touch go
    run_apart fermata loop -w wait --max 1
    [ "$status" -eq 0 ]
    [ "$(run_id)" = "$id" ]
    [ "$(wc -l <did)" -eq 1 ]
    grep -q '"id": "US-1".*"passes":true' tasks/prd.json
}

@test "what has ended and was not marked is marked without running it again" {
    loop_in_background -w wait
    mv tasks/prd.json away
    touch go
    end_loop
    [ "$status" -ne 0 ]
    [ "$(status_of last)" = completed ]
    mv away tasks/prd.json
    run_apart fermata loop -w work --max 1
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"has done it already"* ]]
    [ "$(wc -l <did)" -eq 1 ]
    [ "$(runs)" -eq 1 ]
    grep -q '"id": "US-1".*"passes":true' tasks/prd.json
}

@test "what somebody writes into the file meanwhile stays" {
    loop_in_background -w wait --max 1
    sed -i 's/"project": "x"/"project":   "y"/; s/"title": "Two"/"title": "Zwei"/' tasks/prd.json
    cp tasks/prd.json edited
    touch go
    end_loop
    [ "$status" -eq 0 ]
    sed 's/"passes":false/"passes":true/' edited | cmp - tasks/prd.json
}

@test "a story that was changed meanwhile is another one: not marked, but done" {
    loop_in_background -w wait --max 1
    sed -i 's/"acceptanceCriteria": \["a"\]/"acceptanceCriteria": ["a", "b"]/' tasks/prd.json
    cp tasks/prd.json edited
    touch go
    end_loop
    grep -q "Story US-1 was changed or taken out" err
    cmp edited tasks/prd.json
    fermata loop -w work --max 1 >/dev/null 2>&1
    [ "$(runs)" -eq 2 ]
    grep -q '"id": "US-1".*"passes":true' tasks/prd.json
}

@test "a story that is opened again is done again" {
    fermata loop -w work --max 1 >/dev/null 2>&1
    cp before tasks/prd.json
    fermata loop -w work --max 1 >/dev/null 2>&1
    [ "$(runs)" -eq 2 ]
}

@test "what the run itself marks proves nothing, and is said" {
    workflow lies <<'END'
name: lies
phases: [{ id: a, steps: [{ id: s, run: "sed -i s/false/true/ tasks/prd.json; exit 1", retry: { attempts: 1 } }] }]
END
    run_apart fermata loop -w lies
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"Story US-1 is marked as done in tasks/prd.json, but its run failed"* ]]
}

@test "two loops at one file are refused, under whatever name; a killed one is in nobody's way" {
    ln -s prd.json tasks/link.json
    loop_in_background -w wait
    run_apart fermata loop tasks/link.json -w work
    [ "$status" -eq 75 ]
    [[ "$stderr" == *"another loop is at work on tasks/prd.json: process $LOOP"* ]]
    printf -- '- [ ] Another' >TODO.md
    run_apart fermata loop TODO.md -w work
    [ "$status" -eq 0 ]
    kill -9 "$LOOP"
    end_loop
    touch go
    run_apart fermata loop tasks/link.json -w wait
    [ "$status" -eq 0 ]
    [ -L tasks/link.json ]
    [ "$(grep -c US-1 did)" -eq 1 ]
}

@test "a run that another process is at is left to it" {
    loop_in_background -w wait
    kill -9 "$LOOP"
    end_loop
    fermata resume last --detach >/dev/null
    wait_until is_owned last
    run_apart fermata loop -w work
    [ "$status" -eq 75 ]
    [[ "$stderr" == *"is under way in another process"* ]]
}

@test "Ctrl-C pauses the run of the story; the same command goes on with it" {
    set -m # else a background job ignores SIGINT
    loop_in_background -w wait
    kill -INT "$LOOP"
    wait_until grep -q Pausing err
    touch go
    end_loop
    grep -q '"id": "US-2".*"passes": false' tasks/prd.json
    [ "$status" -eq 130 ]
    run_apart fermata loop -w wait
    [ "$status" -eq 0 ]
    [ "$(grep -c US-1 did)" -eq 1 ]
    [[ "$output" == *"3 of 3 done"* ]]
}

@test "a story that waits for a person ends the loop with 3, and goes on when he has answered" {
    workflow asks <<'END'
name: asks
phases: [{ id: a, steps: [{ id: ok, approve: "Good?" }] }]
END
    run_apart fermata loop -w asks --no-input
    [ "$status" -eq 3 ]
    run_apart fermata loop -w asks --no-input
    [ "$status" -eq 3 ]
    [ "$(runs)" -eq 1 ]
    fermata approve last >/dev/null
    run_apart fermata loop -w asks --no-input
    [ "$status" -eq 3 ]
    [ "$(runs)" -eq 2 ]
    grep -q '"id": "US-1".*"passes":true' tasks/prd.json
}

@test "the permissions of the file stay, and no other file is left beside it" {
    chmod 640 tasks/prd.json
    fermata loop -w work >/dev/null 2>&1
    [ "$(stat -c %a tasks/prd.json)" = 640 ]
    [ "$(ls tasks)" = prd.json ]
}

@test "a dry run says what would be taken, and makes nothing" {
    rm -r .fermata
    run_apart fermata loop -n -w work
    [ "$status" -eq 0 ]
    [[ "$output" == "tasks/prd.json:5: US-1 One"*"tasks/prd.json:4: US-2 Two"*"tasks/prd.json:6: 3 Three"*"0 of 3 done" ]]
    [ ! -e .fermata ]
    [ "$(json 'len(d["stories"])' "$FERMATA" loop -n --max 2 --json)" -eq 2 ]
}

# refuses TEXT PLACE...: a file of this text is refused there, and nothing is run
refuses() {
    printf '%b' "$1" >tasks/wrong.json
    run_apart fermata loop tasks/wrong.json -w work
    [ "$status" -eq 7 ] && [[ "$stderr" == *"tasks/wrong.json:$2"* ]] && [ ! -e did ] || {
        echo "$1: $status $stderr"
        return 1
    }
}

@test "a wrong file is refused with file, line and column" {
    refuses '' '1:'
    refuses '{"userStories": [\n  {"id": "a" "title": "b"}]}' '2:'
    refuses '{\n"a": 1}' '1:1: there are no stories'
    refuses '{"stories": []}' '1:13: the list of stories is empty'
    refuses '{"stories": 7}' '1:13: stories: expected a list'
    refuses '[\n 7]' '2:2: a story is an object'
    refuses '[\n {"title": "a"}]' '2:2: id: expected'
    refuses '[{"id": 1}]' '1:2: title: expected'
    refuses '[{"id": 1, "title": "é", "passes": 1}]' '1:36: passes: expected true or false'
    refuses '[{"id": 1, "title": "a", "priority": "soon"}]' '1:38: priority: expected'
    refuses '[{"id": 1, "title": "a", "acceptanceCriteria": [1]}]' '1:48: acceptanceCriteria: expected'
    refuses '[{"id": 1, "title": "a"},\n{"id": 1, "title": "b"}]' '2:8: another story has the id 1'
    refuses '[{"id": 1, "title": "\xff"}]' '1:22: this is no text in UTF-8'
    printf 'nothing\n' >TODO.md
    run_apart fermata loop TODO.md -w work
    [ "$status" -eq 7 ]
    [[ "$stderr" == *"TODO.md:1:1: there is no story in it"* ]]
    printf -- '- [x] a\n- [ ] \n' >TODO.md
    run_apart fermata loop TODO.md -w work
    [[ "$stderr" == *"TODO.md:2:4: an item without a text"* ]]
}

@test "what is not there, too large or too much is said" {
    run_apart fermata loop nope.json
    [ "$status" -eq 6 ]
    run_apart fermata loop tasks
    [ "$status" -ne 0 ]
    run_apart fermata loop -w nope
    [ "$status" -eq 6 ]
    run_apart fermata loop -w work --max 0
    [ "$status" -eq 2 ]
    head -c 1100000 /dev/zero | tr '\0' x >big.md
    run_apart fermata loop big.md -w work
    [ "$status" -eq 5 ]
    seq 1001 | sed 's/^/- [ ] story /' >many.md
    run_apart fermata loop many.md -w work
    [ "$status" -eq 7 ]
    [[ "$stderr" == *"many.md:1001:1: more than 1000 stories"* ]]
    printf -- '- [ ] %s\n' "$(head -c 10001 /dev/zero | tr '\0' x)" >long.md
    run_apart fermata loop long.md -w work
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"story 1: the task has 10001 characters"* ]]
}
