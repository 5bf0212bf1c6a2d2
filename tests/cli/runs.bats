#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Runs from outside: start, inputs, failures, gates, approvals, restore, and looking at all of it.

load helper

setup() {
    setup_project
    workflow two <<'END'
name: two
inputs:
  what: { type: string, required: true, description: What to say }
phases:
  - id: say
    steps:
      - { id: word, run: 'echo "say $WHAT"; echo aside >&2', env: { WHAT: "${{ inputs.what }}" }, output: word.txt }
  - id: count
    steps:
      - { id: number, run: "echo 3" }
END
    # Fails until the file `fixed` is there.
    workflow flaky <<'END'
name: flaky
phases:
  - id: before
    steps: [{ id: first, run: "echo x >>first.count" }]
  - id: test
    steps:
      - id: unit
        run: 'echo "testing"; echo "broken in line 7" >&2; test -e fixed'
        retry: { attempts: 1 }
  - id: after
    steps: [{ id: last, run: "echo x >>last.count" }]
END
    workflow asks <<'END'
name: asks
phases:
  - id: plan
    steps: [{ id: draft, run: "echo draft" }]
  - id: ask
    steps: [{ id: consent, approve: "Is the plan good?" }]
  - id: build
    steps: [{ id: make, run: "echo built >>built" }]
END
}

teardown() {
    teardown_project
}

@test "a run prints steps N/Total and a summary on standard error, nothing on standard output" {
    run_apart fermata run -w two -i what=hi
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [[ $stderr == *"Step 1/2 say/word completed ("*"Step 2/2 count/number completed"* ]]
    [[ $stderr == *"completed in"*"Report"*"fermata show wf_"* ]]
    fits_80_columns <<<"$stderr"
}

@test "a run with --json prints one object and keeps standard error for progress" {
    run_apart fermata run -w two -i what=hi --json --label mine
    [ "$status" -eq 0 ]
    [ "$(json 'd["status"]' <<<"$output")" = completed ]
    [ "$(json 'd["inputs"]["what"]' <<<"$output")" = hi ]
    [ "$(json '[p["id"] for p in d["phases"]]' <<<"$output")" = '["say", "count"]' ]
}

@test "a step that does nothing completes, with and without a value" {
    workflow nothing <<'END'
name: nothing
phases:
  - id: main
    steps: [{ id: plain, use: noop }, { id: value, use: noop, with: { value: [1, 2] } }]
END
    fermata run -w nothing
    [ "$(fermata cat last plain)" = null ]
    [ "$(fermata cat last value | json d)" = "[1, 2]" ]
}

@test "with --log-format json the progress is one record a line" {
    run_apart fermata run -w two -i what=hi --log-format json
    [ "$status" -eq 0 ]
    python3 -IS -c 'import json,sys
kinds = [json.loads(line)["kind"] for line in sys.stdin.read().splitlines()]
assert "step_moved" in kinds and kinds[-1] == "run_moved", kinds' <<<"$stderr"
}

@test "the task fills the one required text input" {
    run_apart fermata run "all of it" -w two
    [ "$status" -eq 0 ]
    [ "$(fermata cat last word)" = "say all of it" ]
    [ "$(json 'd["task"]' "$FERMATA" status --json)" = "all of it" ]
}

@test "an input can come from a file; a double at sign is a text" {
    printf 'from\nfile' >input.txt
    fermata run -w two -i what=@input.txt 2>/dev/null
    [ "$(fermata cat last word)" = "say from
file" ]
    fermata run -w two -i what=@@home 2>/dev/null
    [ "$(fermata cat last word)" = "say @home" ]
    run_apart fermata run -w two -i what=@nothing
    [ "$status" -eq 6 ]
    [[ $stderr == *"nothing"* ]]
}

@test "missing and unknown inputs are told before anything starts" {
    run_apart fermata run -w two
    [ "$status" -eq 2 ]
    [[ $stderr == *"missing: what"*"-i what=..."* ]]
    run_apart fermata run -w two -i what=x -i wat=y
    [ "$status" -eq 2 ]
    [[ $stderr == *wat* ]]
    run_apart fermata list
    [ "$output" = "No runs." ]
}

@test "without -w the configured workflow is run, else all are named" {
    run_apart fermata run
    [ "$status" -eq 2 ]
    [[ $stderr == *"which workflow"*"hint: give one with -w: "*", two"*"; built in: autobuild, code-review, "*"\`fermata workflows\` lists all"*"default_workflow"* ]]
    printf 'workflows: { chain: [{ agent: codex, task: implement }] }\n' >.fermata/config.yaml
    run_apart fermata run
    [ "$status" -eq 2 ]
    [[ $stderr == *"hint: give one with -w: chain, "*", two"*"; built in: "* ]]
    printf 'default_workflow: flakey\n' >.fermata/config.yaml
    run_apart fermata run "Do it"
    [ "$status" -eq 6 ]
    [[ $stderr == *"default_workflow: there is no workflow flakey"*"did you mean flaky?"* ]]
    printf 'settings: { default_workflow: flaky }\n' >.fermata/config.yaml
    run_apart fermata run --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *flaky* ]]
    FERMATA_WORKFLOW=asks run_apart fermata run --dry-run
    [[ $output == *"Dry run of asks"* ]]
}

@test "a dry run says what each step would do and starts nothing" {
    run_apart fermata run -w code-review --strategy static --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"Wave 1"*function* ]]
    fits_80_columns <<<"$output"
    run_apart fermata run -w two -i what=hi --dry-run --json
    [ "$(json 'd["waves"][0]["steps"][0]["using"]' <<<"$output")" = command ]
    run_apart fermata list
    [ "$output" = "No runs." ]
}

@test "a step that must have an agent and has none is told before anything starts" {
    workflow agent <<'END'
name: agent
phases: [{ id: a, steps: [{ id: think, prompt: "Think" }] }]
END
    run_apart fermata run -w agent
    [ "$status" -eq 4 ]
    [[ $stderr == *"step think needs an agent"*"hint:"* ]]
    run_apart fermata run -w agent --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *MISSING* ]]
}

@test "a failure pauses: what happened, where, the last lines, and what can be done" {
    run_apart fermata run -w flaky
    [ "$status" -eq 3 ]
    [[ $stderr == *"paused"*"step unit failed"*"Step unit of phase test failed"*"| broken in line 7"* ]]
    [[ $stderr == *"What you can do"*"--retry-failed"*"fermata skip"*"fermata cancel"* ]]
    fits_80_columns <<<"$stderr"
    run_apart fermata status
    [ "$status" -eq 3 ]
    [[ $output == *"broken in line 7"* ]]
    run_apart fermata show
    [ "$status" -eq 0 ]
}

@test "resume --retry-failed goes on and leaves finished steps alone" {
    run_apart fermata run -w flaky
    [ "$status" -eq 3 ]
    touch fixed
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
    [ "$(wc -l <first.count)" -eq 1 ]
    [ "$(wc -l <last.count)" -eq 1 ]
    run_apart fermata status
    [ "$status" -eq 0 ]
}

@test "retry makes a step pending and says how to go on; --resume goes on at once" {
    fermata run -w flaky 2>/dev/null || true
    run_apart fermata retry last unit
    [ "$status" -eq 0 ]
    [[ $output == *"fermata resume wf_"* ]]
    touch fixed
    run_apart fermata resume
    [ "$status" -eq 0 ]
    rm fixed
    fermata run -w flaky --fresh 2>/dev/null || true
    touch fixed
    run_apart fermata retry last --resume
    [ "$status" -eq 0 ]
    [[ $stderr == *completed* ]]
}

@test "skip needs a reason, keeps it, and goes on" {
    fermata run -w flaky 2>/dev/null || true
    run_apart fermata skip last unit
    [ "$status" -eq 2 ]
    run_apart fermata skip last --reason none
    [ "$status" -eq 2 ]
    [[ $stderr == *"skip what"* ]]
    run_apart fermata skip last unit --reason "known trouble" --resume
    [ "$status" -eq 0 ]
    [ -e last.count ]
    fermata logs --records | grep -q "known trouble"
}

@test "cancel ends a run for good" {
    fermata run -w flaky 2>/dev/null || true
    run_apart fermata cancel last --reason "wrong branch"
    [ "$status" -eq 0 ]
    run_apart fermata status
    [ "$status" -eq 1 ]
    [[ $output == *cancelled* ]]
    run_apart fermata resume
    [ "$status" -eq 1 ]
    [[ $stderr == *"is cancelled (wrong branch); "*"hint:"* ]]
    fermata run -w flaky 2>/dev/null || true
    fermata cancel last
    run_apart fermata cancel last
    [ "$status" -eq 1 ]
    [[ $stderr == *"is cancelled; it is over already"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --status cancelled --json)" = 2 ]
}

@test "a run that fails for good exits with 1, one that took too long with 124" {
    workflow hopeless <<'END'
name: hopeless
on_failure: fail
phases: [{ id: a, steps: [{ id: s, run: "exit 9", retry: { attempts: 1 } }] }]
END
    run_apart fermata run -w hopeless
    [ "$status" -eq 1 ]
    workflow slow <<'END'
name: slow
on_failure: fail
phases: [{ id: a, steps: [{ id: s, run: "sleep 60", timeout: 200ms, retry: { attempts: 1 } }] }]
END
    run_apart fermata run -w slow
    [ "$status" -eq 124 ]
}

@test "an approval pauses the run; approve goes on" {
    run_apart fermata run -w asks
    [ "$status" -eq 3 ]
    [[ $stderr == *"fermata approve wf_"* ]]
    [ ! -e built ]
    run_apart fermata approve last --comment "looks right"
    [ "$status" -eq 0 ]
    [[ $output == *"fermata resume"* ]]
    run_apart fermata resume
    [ "$status" -eq 0 ]
    [ -e built ]
    fermata logs | grep -q "approved by ada: looks right"
}

@test "a rejected approval fails its step" {
    fermata run -w asks 2>/dev/null || true
    run_apart fermata reject last consent --comment no --resume
    [ "$status" -eq 3 ]
    [ ! -e built ]
    [ "$(json 'd["phases"][1]["steps"][0]["status"]' "$FERMATA" show --json)" = failed ]
    run_apart fermata approve last
    [ "$status" -eq 1 ]
    [[ $stderr == *"waits for no approval"* ]]
    run_apart fermata approve last nothing
    [ "$status" -eq 6 ]
    [[ $stderr == *"its steps are"*consent* ]]
}

@test "a signal with a value reaches the run" {
    fermata run -w asks 2>/dev/null || true
    run_apart fermata signal last design-approved --value '{"by": "Ada"}'
    [ "$status" -eq 0 ]
    fermata logs --records | grep -q '"name":"design-approved"'
    fermata approve last --resume 2>/dev/null
    run_apart fermata signal last too-late
    [ "$status" -eq 1 ]
}

@test "restore goes back to a checkpoint, keeps history, runs the rest again" {
    touch fixed
    fermata run -w flaky 2>/dev/null
    run_apart fermata checkpoints
    [ "$status" -eq 0 ]
    [[ $output == *before*test*after* ]]
    [ "$(json 'd["checkpoints"][0]["name"]' "$FERMATA" checkpoints --json)" = before ]
    fermata run -w asks 2>/dev/null || true
    run_apart fermata restore last plan
    [ "$status" -eq 0 ]
    run_apart fermata restore last nothing
    [ "$status" -eq 6 ]
    run_apart fermata resume
    [ "$status" -eq 3 ]
    fermata logs --records | grep -q '"kind":"restored"'
}

@test "a gate that fails or cannot be known pauses the run; skipping is allowed where it says so" {
    workflow gated <<'END'
name: gated
gates:
  strict: { allow_skip: false, commands: [{ run: "echo nope; exit 1" }] }
  unclear: { allow_skip: true, commands: [{ run: "echo all fine", tests_min: 1 }] }
phases:
  - { id: one, gate: unclear, steps: [{ id: a, run: "true" }] }
  - { id: two, gate: strict, steps: [{ id: b, run: "true" }] }
END
    run_apart fermata run -w gated
    [ "$status" -eq 3 ]
    [[ $stderr == *"Gate unclear of phase one: unknown"*"--gate one"* ]]
    run_apart fermata skip last --gate one --reason "checked by hand" --resume
    [ "$status" -eq 3 ]
    [[ $stderr == *"Gate strict of phase two: fail"* ]]
    [[ $stderr != *"--gate two"* ]]
    run_apart fermata skip last --gate two --reason "in a hurry"
    [ "$status" -eq 1 ]
    run_apart fermata show
    [[ $output == *"gate strict: fail"*nope* ]] || [[ $output == *"gate strict: fail"* ]]
    fits_80_columns <<<"$output"
    [ "$(json 'd["metrics"]["gates"]["strict"]["fail"]' "$FERMATA" show --metrics --json)" = 1 ]
}

@test "logs: lines, one phase, one step, standard error, records" {
    fermata run -w two -i what=hi 2>/dev/null
    id=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    run_apart fermata logs
    [ "$status" -eq 0 ]
    [[ $output =~ \[[0-9-]+T[0-9:]+Z\]\ \[INFO\]\ Workflow\ $id\ started ]]
    [[ $output == *"Phase: say - Starting"*"Phase: say - Completed ("*"Checkpoint saved: say"* ]]
    cmp <(echo "$output") ".fermata/workflows/$id/logs/orchestrator.log"
    run_apart fermata logs "$id" --phase count
    [[ $output == *"Phase: count"* ]]
    [[ $output != *"Phase: say"* ]]
    run_apart fermata logs "$id" --phase nothing
    [ "$status" -eq 6 ]
    [ "$(fermata logs "$id" --step word)" = "say hi" ]
    [ "$(fermata logs "$id" --step word --stderr --attempt 1)" = aside ]
    run_apart fermata logs "$id" --step word --attempt 2
    [ "$status" -eq 6 ]
    run_apart fermata logs "$id" --step nothing
    [ "$status" -eq 6 ]
    run_apart fermata logs --stderr
    [ "$status" -eq 2 ]
    fermata logs --records | python3 -IS -c 'import json,sys
records = [json.loads(line) for line in sys.stdin]
assert [r["seq"] for r in records] == list(range(1, len(records) + 1))'
    fermata logs --log-format json | python3 -IS -c 'import json,sys
lines = [json.loads(line) for line in sys.stdin]
assert lines and all(line["level"] and line["message"] for line in lines)'
}

@test "artifacts are listed and printed byte by byte" {
    workflow bytes <<'END'
name: bytes
phases:
  - id: a
    steps:
      - { id: s, run: "printf 'a\\000\\377b' >x.bin", artifacts: { x.bin: x.bin } }
END
    fermata run -w bytes 2>/dev/null
    run_apart fermata artifacts
    [ "$status" -eq 0 ]
    [[ $output == *x.bin* ]]
    fermata cat last x.bin >copy
    cmp copy x.bin
    run_apart fermata cat last nothing
    [ "$status" -eq 6 ]
    [[ $stderr == *x.bin* ]]
}

@test "cat of a step without an output of its own says where to look" {
    workflow many <<'END'
name: many
phases:
  - id: a
    steps:
      - { id: each, foreach: [x, y], run: 'echo "$FERMATA_ITEM"' }
      - { id: ok, approve: "Go?" }
END
    run fermata run -w many --no-input
    run_apart fermata cat last each
    [ "$status" -eq 6 ]
    [[ $stderr == *"2 instances"*"'each[0]' to 'each[1]'"* ]]
    [ "$(fermata cat last 'each[1]')" = y ]
    run_apart fermata cat last ok
    [ "$status" -eq 6 ]
    [[ $stderr == *"step ok is "*" and has no output"* ]]
}

@test "explain says why steps were run or reused" {
    workflow pure <<'END'
name: pure
phases: [{ id: a, steps: [{ id: s, run: "echo x >>s.count; echo y", reuse: inputs }] }]
END
    fermata run -w pure 2>/dev/null
    fermata run -w pure 2>/dev/null
    [ "$(wc -l <s.count)" -eq 1 ]
    run_apart fermata explain
    [ "$status" -eq 0 ]
    [[ $output == *s*reused* ]]
    fermata run -w pure --fresh 2>/dev/null
    [ "$(wc -l <s.count)" -eq 2 ]
    run_apart fermata explain last nothing
    [ "$status" -eq 6 ]
}

@test "lists page, filter, and fit 80 columns" {
    for i in 1 2 3; do
        fermata run "a very long task, number $i, that does not fit into one line of a list at all" \
            -w two 2>/dev/null
    done
    run_apart fermata list
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$output")" -eq 4 ]
    fits_80_columns <<<"$output"
    run_apart fermata list --limit 2 --json
    next=$(json 'd["next"]' <<<"$output")
    [ "$(json 'len(d["runs"])' <<<"$output")" = 2 ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --before "$next" --json)" = 1 ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --workflow flaky --json)" = 0 ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --status completed --json)" = 3 ]
}

@test "a run is named by the beginning of its id, and an unclear one is refused" {
    fermata run -w two -i what=a 2>/dev/null
    id=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    run_apart fermata status "${id:0:8}"
    [ "$status" -eq 0 ]
    fermata run -w two -i what=b 2>/dev/null
    run_apart fermata status wf_
    [ "$status" -eq 2 ]
    run_apart fermata status wf_zzzzzzzzzzzz
    [ "$status" -eq 6 ]
}

@test "colours and control characters of a step reach no line of ours" {
    workflow loud <<'END'
name: loud
phases: [{ id: a, steps: [{ id: s, run: 'printf "\033[31mred\033[0m\033]0;title\007\n" >&2; exit 1', retry: { attempts: 1 } }] }]
END
    run_apart fermata run -w loud
    [ "$status" -eq 3 ]
    [[ $stderr == *"| red"* ]]
    [[ $stderr != *$'\033'* ]]
    [[ $stderr != *title* ]]
}

# text BYTES: so many of a-b-c-...
long_name() {
    printf 'a-name-that-goes-on-and-on-%.0s' 1 2 3 4 | head -c "$1"
}

@test "long names and tasks stay within 80 columns, and the task is shown whole" {
    flow=$(long_name 98)x
    phase=$(long_name 62)x
    mkdir -p .fermata/workflows
    cat >".fermata/workflows/$flow.yaml" <<END
name: $flow
description: $(long_name 98) $(long_name 98)
inputs: { $(long_name 60)x: { type: string, default: "$(long_name 98)" } }
gates: { $(long_name 60)x: { commands: [{ run: "true; echo $(long_name 98)" }] } }
phases:
  - id: $phase
    gate: $(long_name 60)x
    steps:
      - { id: ${phase}s, run: "echo x", output: an/artifact/$(long_name 98).md }
      - { id: second, name: "$(long_name 98)", run: "echo $(printf 'it is broken %.0s' 1 2 3 4 5 6 7 8) >&2; exit 3" }
END
    task="Please $(printf 'mend the thing that is broken, Käse 漢字, %.0s' 1 2 3 4 5 6)end"
    run_apart fermata run "$task" -w "$flow" --label "$(printf 'long label %.0s' 1 2 3 4 5 6 7 8 9 10)"
    [ "$status" -eq 3 ]
    for command in list status show "show --metrics" explain checkpoints artifacts workflows; do
        # shellcheck disable=SC2086
        run_apart fermata $command
        fits_80_columns <<<"$output" || {
            echo "$command"
            return 1
        }
    done
    [ "$(fermata show | sed -n '/^  task /,/^  label/p' | sed '$d; s/^  task//' | xargs)" = "$task" ]
    [[ $(fermata list) == *"$(json 'd["runs"][0]["id"]' "$FERMATA" list --json) "* ]]
    # The file is told whole, on a line of its own.
    run_apart fermata workflows "$flow"
    [ "$(sed -n 2p <<<"$output")" = "  (project: .fermata/workflows/$flow.yaml)" ]
}
