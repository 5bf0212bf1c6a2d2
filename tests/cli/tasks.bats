#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What was to be done, and what became of it.
# shellcheck disable=SC2154

setup() {
    load helper
    setup_project
    workflow good <<'END'
name: good
inputs: { what: { type: string, required: true } }
phases: [{ id: a, steps: [{ id: s, run: 'printf %s "$WHAT" >did', env: { WHAT: "${{ inputs.what }}" } }] }]
END
    workflow bad <<'END'
name: bad
on_failure: fail
phases: [{ id: a, steps: [{ id: s, run: "false", retry: { attempts: 1 } }] }]
END
    workflow asks <<'END'
name: asks
phases: [{ id: a, steps: [{ id: s, approve: "Good?" }] }]
END
}

teardown() {
    teardown_project
}

add() {
    fermata tasks --add "$1" --json | json 'd["id"]'
}

status_of_task() {
    fermata tasks "$1" --json | json 'd["status"]'
}

@test "a task is noted, run with its text as it is, and ends as its run does" {
    id=$(add 'Say $(touch pwned) "hi"')
    [ "$(status_of_task "$id")" = pending ]
    run_apart fermata run --task-id "$id" -w good
    [ "$status" -eq 0 ]
    [ "$(cat did)" = 'Say $(touch pwned) "hi"' ]
    [ ! -e pwned ]
    [ "$(status_of_task "$id")" = completed ]
    [ "$(json 'd["task_id"]' "$FERMATA" show last --json)" = "$id" ]
}

@test "every run belongs to a task, runs that it began to the same" {
    workflow outer <<'END'
name: outer
phases: [{ id: a, steps: [{ id: s, workflow: inner }] }]
END
    workflow inner <<'END'
name: inner
phases: [{ id: a, steps: [{ id: s, use: noop }] }]
END
    fermata run "Outside" -w outer >/dev/null 2>&1
    [ "$(json '[t["description"] for t in d["tasks"]]' "$FERMATA" tasks --json)" = '["Outside"]' ]
    run=$(json 'd["id"]' "$FERMATA" show last --json)
    [ "$(json 'd["runs"][0]["id"]' "$FERMATA" tasks "$run" --json)" = "$run" ]
    [ "$(json 'd["id"]' "$FERMATA" tasks last --json)" = "task_${run#wf_}" ]
    run fermata doctor --rebuild
    [[ "$output" == *" 0 differences"* ]]
}

@test "a failed task is run again, one under way is not" {
    id=$(add Fix)
    run_apart fermata run --task-id "$id" -w bad
    [ "$(status_of_task "$id")" = failed ]
    run_apart fermata run --task-id "$id" -w asks --no-input
    [ "$status" -eq 3 ]
    [ "$(status_of_task "$id")" = in_progress ]
    run_apart fermata run --task-id "$id" -w good
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"is not over"*"fermata resume wf_"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" tasks "$id" --json)" = 2 ]
}

@test "tasks are found by status and by what was said of them" {
    fermata tasks --add One --meta area=auth --meta ticket=7 >/dev/null
    fermata tasks --add Two --meta area=log >/dev/null
    fermata run Three -w good --meta area=log >/dev/null 2>&1
    [ "$(json 'sorted(t["description"] for t in d["tasks"])' "$FERMATA" tasks --meta area=log --json)" = '["Three", "Two"]' ]
    [ "$(json '[t["description"] for t in d["tasks"]]' "$FERMATA" tasks --meta area=log -s pending --json)" = '["Two"]' ]
    run fermata tasks -n 2
    [[ "$output" == *"more: fermata tasks --before task_"* ]]
    next=$(json 'd["next"]' "$FERMATA" tasks -n 2 --json)
    [ "$(json '[t["description"] for t in d["tasks"]]' "$FERMATA" tasks --before "$next" --json)" = '["One"]' ]
    run fermata tasks --statistics
    [[ "$output" == *"pending     2"*"completed   1"*"total       3"*"on average"* ]]
    run_apart fermata tasks --status "done"
    [ "$status" -eq 2 ]
}

@test "old tasks are cleaned up with their runs; what is not over stays" {
    fermata run One -w good >/dev/null 2>&1
    fermata run Two -w asks --no-input >/dev/null 2>&1 || [ $? -eq 3 ]
    add Three
    [ "$(json 'd["tasks"]' "$FERMATA" tasks --clean-up --json)" = 0 ]
    run fermata tasks --clean-up --older-than 0s --dry-run
    [[ "$output" == "Would remove 1 task and 1 run"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" = 2 ]
    run fermata tasks --clean-up --older-than 0s
    [[ "$output" == "Removed 1 task and 1 run"*"2 tasks stay"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" = 1 ]
    fermata audit verify
}

@test "a task whose run gc removed is gone too, not pending again" {
    id=$(add One)
    fermata run --task-id "$id" -w good >/dev/null 2>&1
    fermata gc --older-than 0s >/dev/null
    run_apart fermata tasks "$id"
    [ "$status" -eq 6 ]
}

@test "all are cleared only with a word, and never what is in progress" {
    add One
    fermata run Two -w asks --no-input >/dev/null 2>&1 || [ $? -eq 3 ]
    run_apart fermata tasks --clear
    [ "$status" -eq 2 ]
    [[ "$stderr" == *"say --yes"* ]]
    [ "$(json 'len(d["tasks"])' "$FERMATA" tasks --json)" = 2 ]
    fermata tasks --clear --yes
    [ "$(json '[t["status"] for t in d["tasks"]]' "$FERMATA" tasks --json)" = '["in_progress"]' ]
    fermata approve last --resume >/dev/null 2>&1
    [ "$(status_of_task last)" = completed ]
}

@test "what cannot be is said, and changes nothing" {
    run_apart fermata tasks
    [ "$status" -eq 0 ]
    [ "$output" = "No tasks." ]
    run_apart fermata tasks nope
    [ "$status" -eq 6 ]
    run_apart fermata run -w good --task-id nope
    [ "$status" -eq 6 ]
    id=$(add One)
    run_apart fermata tasks "$id" --cancel
    [ "$status" -eq 0 ]
    run_apart fermata tasks "$id" --statistics
    [ "$status" -eq 2 ]
    run_apart fermata tasks --add "$(head -c 10001 /dev/zero | tr '\0' x)"
    [ "$status" -eq 2 ]
    run_apart fermata tasks --add x --meta novalue
    [ "$status" -eq 2 ]
    fermata run -w asks --no-input >/dev/null 2>&1 || [ $? -eq 3 ]
    run_apart fermata tasks last --cancel
    [ "$status" -eq 1 ]
    [[ "$stderr" == *"fermata cancel wf_"* ]]
    [ "$(json '[t["status"] for t in d["tasks"]]' "$FERMATA" tasks --json)" = '["in_progress", "cancelled"]' ]
}
