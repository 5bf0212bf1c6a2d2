#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# From a task to a plan: sixty tasks with the plan that a sensible engineer would choose, plans that run,
# and plans that an agent makes.

load helper

setup() {
    setup_project
}

teardown() {
    teardown_project
}

# agent BODY: an agent of type claude whose answer is what the shell lines print
agent() {
    cat >"$BATS_TEST_TMPDIR/agent.sh" <<END
#!/bin/sh
[ -n "\${FERMATA_STEP:-}" ] || exit 0 # somebody asks for its version
cat >"$BATS_TEST_TMPDIR/asked-\$FERMATA_STEP"
echo "\$FERMATA_STEP" >>"$BATS_TEST_TMPDIR/calls"
answer() { $1
}
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
python3 -IS -c 'import json, sys
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": sys.argv[1], "session_id": "s1", "usage": {"input_tokens": 1, "output_tokens": 1}}))' "\$(answer)"
END
    chmod +x "$BATS_TEST_TMPDIR/agent.sh"
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
default_agent: fake
agents:
  fake: { type: claude, command: [$BATS_TEST_TMPDIR/agent.sh] }
END
}

@test "of sixty tasks those are planned right that are said to be" {
    # Sixty starts that differ in their text alone: the plain build, where there is one.
    local fermata=${PLAIN_BUILD:+$PLAIN_BUILD/fermata}
    mkdir projects
    sh "$BATS_TEST_DIRNAME/../planner/projects.sh" projects
    python3 "$BATS_TEST_DIRNAME/../planner/judge.py" "${fermata:-$FERMATA}" projects >judged || {
        cat judged
        false
    }
    [ "$(grep -c '^ok' judged)" -ge 50 ]
    [[ $(tail -n 1 judged) == *" of 60 right" ]]
}

@test "a composed plan runs to its end, and its gate is the project's tests" {
    agent 'echo done'
    mkdir tests
    printf 'test:\n\t@echo "1..1"; echo "ok 1 - all"\n' >Makefile
    echo 'int list;' >list.c
    echo 'int test;' >tests/list_test.c
    git init -q .
    run_apart fermata plan "Add a --json option to the list command" -o plan.yaml
    [ "$status" -eq 0 ]
    [[ $output == "Plan: plan-feature-add-json-option-list"*"backend-expert, by fake"*"gate tests, repairs"*"written to plan.yaml"* ]]
    run_apart fermata validate ./plan.yaml
    [ "$status" -eq 0 ]
    run_apart fermata run -w ./plan.yaml
    [ "$status" -eq 0 ]
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/calls")" = "backend tests review " ]
    grep -q 'The task: Add a --json option' "$BATS_TEST_TMPDIR/asked-backend"
}

@test "a test phase that fails is repaired, three times at most" {
    agent 'case $FERMATA_STEP in repair) echo x >>repairs ;; esac; echo done'
    mkdir tests
    echo 'int test;' >tests/list_test.c
    # Green after the second repair.
    printf 'test:\n\t@echo "1..1"; [ "$$(cat repairs 2>/dev/null | wc -l)" -ge 2 ] && echo "ok 1 - all" || { echo "not ok 1 - all"; exit 1; }\n' >Makefile
    run_apart fermata run "Add a --json option to the list command" --yes
    [ "$status" -eq 0 ]
    [ "$(wc -l <repairs)" -eq 2 ]
    run_apart fermata show last
    [[ $output == *repair* ]]
    # Never green: it ends, and waits for somebody.
    rm repairs
    printf 'test:\n\t@echo "1..1"; echo "not ok 1 - all"; exit 1\n' >Makefile
    run_apart fermata run "Add a --yaml option to the list command" --yes
    [ "$status" -eq 3 ]
    [ "$(wc -l <repairs)" -eq 3 ]
}

@test "a run without a workflow shows its plan, and wants somebody to agree" {
    agent 'echo done'
    run_apart fermata run "Add a flag"
    [ "$status" -eq 2 ]
    [[ $stderr == *"Plan: plan-feature-add-flag, made for this task"*"nobody could be asked"*"--yes runs it"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/calls" ]
    run_apart fermata run "Add a flag" --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"nothing is run"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/calls" ]
    run_apart fermata run "Add a flag" --yes
    [ "$status" -eq 0 ]
    [ -e "$BATS_TEST_TMPDIR/calls" ]
}

@test "an agent's plan is asked for once, shown and run" {
    agent 'case $FERMATA_STEP in breakdown) echo "{\"steps\": [{\"id\": \"dig\", \"name\": \"Dig\", \"stage\": \"build\", \"task\": \"dig a hole\"}, {\"id\": \"look\", \"name\": \"Look\", \"stage\": \"review\", \"task\": \"look into it\", \"read_only\": true}]}" ;; *) echo done ;; esac'
    run_apart fermata plan "Dig a hole" -w dynamic
    [ "$status" -eq 0 ]
    [[ $output == *"an agent broke the task down"*"dig"*"look"* ]]
    run_apart fermata run "Dig a hole" -w dynamic --yes
    [ "$status" -eq 0 ]
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/calls")" = "breakdown dig look " ]
    grep -q 'dig a hole' "$BATS_TEST_TMPDIR/asked-dig"
    grep -q 'backend-expert' "$BATS_TEST_TMPDIR/asked-breakdown"
}

@test "an unknown agent in an agent's plan goes back once, then the composed plan is taken" {
    agent 'echo "{\"steps\": [{\"id\": \"dig\", \"name\": \"Dig\", \"stage\": \"build\", \"agent\": \"nobody\", \"task\": \"dig\"}]}"'
    run_apart fermata plan "Dig a hole" -w dynamic --json
    [ "$status" -eq 0 ]
    [ "$(json 'd["origin"]' <<<"$output")" = composed ]
    [ "$(grep -c breakdown "$BATS_TEST_TMPDIR/calls")" -eq 2 ]
    [[ $stderr == *"The agent's plan is wrong:"*nobody* ]]
    grep -q 'nobody' "$BATS_TEST_TMPDIR/asked-breakdown"
}

@test "a list becomes steps that never touch one file at once" {
    agent 'echo done'
    git init -q .
    mkdir src
    touch src/orders.c src/users.c
    run_apart fermata plan "$(printf 'Do:\n- fix orders.c\n- fix users.c\n- fix orders.c again')" --json
    [ "$status" -eq 0 ]
    printf '%s' "$output" >plan.json
    waves=$(python3 -IS -c 'import json
print(" | ".join(" ".join(step["step"] for step in wave["steps"]) for wave in json.load(open("plan.json"))["waves"]))')
    [[ $waves == *"part-1 part-2 | part-3"* ]]
}

@test "what is wrong is said with what to do" {
    run_apart fermata plan
    [ "$status" -eq 2 ]
    run_apart fermata plan "  "
    [ "$status" -eq 2 ]
    [[ $stderr == *"task is empty"* ]]
    run_apart fermata plan "Add a flag" -w nowhere
    [ "$status" -eq 6 ]
    run_apart fermata recommend "Add a flag" --limit 51
    [ "$status" -eq 2 ]
    [[ $stderr == *"from 1 to 50"* ]]
    run_apart fermata plan "Add a flag" -o missing/plan.yaml
    [ "$status" -ne 0 ]
    [[ $stderr == *missing/plan.yaml* ]]
    run_apart fermata plan "- one
- two"
    [ "$status" -eq 0 ]
}

@test "nothing of a task reaches the terminal as it is" {
    run_apart fermata analyze "$(printf 'Fix \033[31mred\033[0m \xc2\x9b')"
    [ "$status" -eq 0 ]
    [[ $output != *$'\033'* ]]
    run_apart fermata plan "$(printf 'Fix \033[31mred')"
    [[ $output$stderr != *$'\033'* ]]
}
