#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # templates; a test's own RUN; run_apart sets these
# What is done once is not done again: in a fork, and in a run whose plan is edited. The agent notes
# each call by the first line of its task.

load helper

setup() {
    setup_project
    git init -q .
    mkdir -p .fermata
    cat >agent.sh <<'END'
#!/bin/sh
line=$(grep -m 1 '^ask ')
echo "$line" >>"$BATS_TEST_TMPDIR/calls"
case $line in *" write"*) echo "$line" >>made ;; esac
echo "$line" | sed 's/^ask/did/'
END
    chmod +x agent.sh
    cat >.fermata/config.yaml <<END
default_agent: house
agents: { house: { type: command, command: [$PWD/agent.sh] } }
END
    : >"$BATS_TEST_TMPDIR/calls"
}

teardown() {
    teardown_project
}

# The names of what was asked since the last look, in order.
calls() {
    sort "$BATS_TEST_TMPDIR/calls" | sed 's/^ask //; s/ .*//' | tr '\n' ' '
    : >"$BATS_TEST_TMPDIR/calls"
}

# A hundred steps: every tenth takes the answers of the two before it. What each is told is all that
# goes into it.
hundred() {
    python3 -IS - "$1" "${2:-}" <<'END'
import sys
name, changed = sys.argv[1:]
print("name: " + name)
print("phases:")
for p in range(10):
    print(f"  - id: p{p}\n    mode: parallel\n    steps:")
    for i in range(10):
        step = f"s{p}{i}"
        text = f"ask {step}" + (" changed" if step == changed else "")
        needs = ""
        if i == 9:
            text += " ${{ steps.s%d7.output }} ${{ steps.s%d8.output }}" % (p, p)
            needs = f", needs: [s{p}7, s{p}8]"
        if p and i == 0:
            text += " ${{ steps.s%d9.output }}" % (p - 1)
        print(f'      - {{ id: {step}, reuse: inputs, env: {{ TOLD: "{text}" }}{needs}, '
              "run: 'echo \"$TOLD\" >>../calls; echo \"did $TOLD\"' }")
END
}

@test "a fork of a hundred steps with one changed does that one and those that take its answer" {
    hundred hundred | workflow hundred
    fermata run -w hundred 2>/dev/null
    [ "$(calls | wc -w)" -eq 100 ]
    hundred hundred s48 >edited.yaml
    fermata fork last -w ./edited.yaml 2>/dev/null
    [ "$(calls)" = "s48 s49 s50 " ]
    [[ $(fermata explain last s48) == *"differs: env"* ]]
    [[ $(fermata explain last s51) == *"reused"*"everything that goes into it is the same"* ]]
    # Of a fork, too, and with nothing changed nothing is asked.
    fermata fork last 2>/dev/null
    [ "$(calls)" = "" ]
    # What was done for the first run is still there.
    fermata fork "$(json 'd["runs"][2]["id"]' "$FERMATA" list --json)" 2>/dev/null
    [ "$(calls)" = "" ]
}

@test "a fork of a run that stopped half-way goes on where that did, in a run of its own" {
    workflow half <<'END'
name: half
phases:
  - { id: a, steps: [{ id: one, prompt: "ask one" }] }
  - { id: b, steps: [{ id: two, run: "test -e .git/ready", retry: { attempts: 1 } }] }
  - { id: c, steps: [{ id: three, prompt: "ask three ${{ steps.one.output }}" }] }
END
    fermata run -w half 2>/dev/null || [ $? -eq 3 ]
    first=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    [ "$(calls)" = "one " ]
    touch .git/ready
    fermata fork "$first" 2>/dev/null
    [ "$(calls)" = "three " ]
    [ "$(status_of last)" = completed ]
    [ "$(status_of "$first")" = paused ]
    fermata show last | grep -q "fork of   $first"
    [ "$(json 'd["runs"][0]["forked_from"]' "$FERMATA" list --json)" = "$first" ]
    [ "$(json 'd["forked_from"]' "$FERMATA" status last --json)" = "$first" ]
}

# workflow_from [STEP]: phases of one, of several at once and of a last; more steps of the last
workflow_from() {
    workflow from <<END
name: from
phases:
  - { id: a, steps: [{ id: one, prompt: "ask one" }] }
  - id: b
    mode: parallel
    steps:
      - { id: two, prompt: "ask two" }
      - { id: list, foreach: [x, y], prompt: "ask list-\${{ item }}" }
  - { id: c, steps: [{ id: three, prompt: "ask three" }${1:-}] }
END
}

@test "--from does a step and what needs it again, and with the same answers" {
    workflow_from
    fermata run -w from 2>/dev/null
    [ "$(calls)" = "list-x list-y one three two " ]
    fermata fork last --from list 2>/dev/null
    [ "$(calls)" = "list-x list-y three " ]
    [[ $(fermata explain last 'list[0]') == *"--from"* ]]
    [[ $(fermata explain last two) == *reused* ]]
}

@test "fork --dry-run says what a fork takes over and does, and starts nothing" {
    hundred hundred | workflow hundred
    fermata run -w hundred 2>/dev/null
    calls >/dev/null
    hundred hundred s48 >edited.yaml
    run_apart fermata fork last -w ./edited.yaml --dry-run --json
    [ "$status" -eq 0 ]
    [ "$(json '{s["key"]: s["decision"] for s in d["steps"] if s["decision"] != "reused"}' <<<"$output")" = '{"s48": "again", "s49": "held", "s50": "held"}' ]
    [ "$(json 'd["counts"]["reused"], d["steps"][0]["from"] == d["id"], d["dry_run"]' <<<"$output")" = '[97, true, true]' ]
    [ "$(json '[s["differs"] for s in d["steps"] if s["key"] == "s48"]' <<<"$output")" = '[["env"]]' ]
    fermata fork last --dry-run | grep -q "s48 *reused"
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" -eq 1 ]
    [ "$(calls)" = "" ]
}

@test "fork --dry-run looks at the files as the fork does" {
    decisions() { fermata fork last "$@" --dry-run --json | json '{s["key"]: s["decision"] for s in d["steps"]}'; }
    workflow_from ', { id: last, run: "true" }'
    fermata run -w from 2>/dev/null
    calls >/dev/null
    [ "$(decisions)" = '{"one": "reused", "two": "reused", "list": "reused", "three": "reused", "last": "again"}' ]
    [ "$(decisions --from list)" = '{"one": "reused", "two": "reused", "list": "again", "three": "again", "last": "again"}' ]
    echo other >file
    [ "$(decisions)" = '{"one": "again", "two": "held", "list": "held", "three": "held", "last": "again"}' ]
    [ "$(calls)" = "" ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" -eq 1 ]
}

# ---- edit ----

# The run that is edited: its last phase waits for a file, and then goes on. What stands there is
# outside of the files that a step looks at, as the edited plan is.
plan() {
    cat <<'END'
name: plan
inputs: { x: { type: string, default: "1" } }
gates: { strict: { commands: [{ run: "echo gate >>.git/gates" }] } }
phases:
  - id: a
    steps:
      - { id: one, prompt: "ask one" }
      - { id: two, prompt: "ask two ${{ steps.one.output }}" }
      - { id: out, run: "echo out >>.git/commands" }
  - id: b
    mode: parallel
    gate: strict
    steps:
      - { id: three, prompt: "ask three" }
      - { id: four, prompt: "ask four ${{ steps.two.output }}" }
      - { id: list, foreach: [x, y], prompt: "ask list-${{ item }}" }
  - id: c
    steps:
      - { id: five, when: "inputs.x != '9'", prompt: "ask five" }
      - { id: six, prompt: "ask six ${{ inputs.x }} ${{ steps.three.output }}" }
  - id: d
    steps:
      - { id: stop, run: "test -e .git/ready", retry: { attempts: 1 } }
      - { id: seven, prompt: "ask seven ${{ steps.six.output }}" }
END
}

# A run of the plan that has stopped before its last step.
stopped() {
    plan | workflow plan
    fermata run -w plan 2>/dev/null || [ $? -eq 3 ]
    RUN=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    [ "$(calls)" = "five four list-x list-y one six three two " ]
    [ "$(cat .git/commands .git/gates)" = $'out\ngate' ]
    rm -f .git/commands .git/gates
    touch .git/ready
}

# edit_with FILTER...: the plan through the filter becomes that of the run, which goes on in it
edit_with() {
    plan | "$@" >.git/edited.yaml
    fermata edit "$RUN" -w .git/edited.yaml --yes 2>"$BATS_TEST_TMPDIR/err" || {
        cat "$BATS_TEST_TMPDIR/err"
        return 1
    }
    [ "$(status_of "$RUN")" = completed ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" -eq 1 ]
    fermata doctor --rebuild --json >doctor.json || true
    [[ $(cat doctor.json) == *"1 run, "*" 0 differences"* ]]
}

key_of() { fermata show "$RUN" --json | json "[s for p in d['phases'] for s in p['steps'] if s['key'] == '$1'][0]$2"; }

@test "an edited prompt: that step is done again, and those that take its answer" {
    stopped
    edit_with sed 's/"ask two/"ask two changed/'
    [ "$(calls)" = "four seven two " ]
    [ ! -e .git/commands ]
    [[ $(fermata explain "$RUN" two) == *"the plan was edited: what goes into it is another"*"differs: prompt"* ]]
    [[ $(fermata explain "$RUN" one --json) == *"it stayed when the plan was edited"* ]]
    [[ $(fermata explain "$RUN" three) == *"reused"*"the plan was edited, and everything that goes into it is the same"* ]]
    [ "$(key_of one '["attempts"]') $(key_of two '["attempts"]')" = "1 2" ]
}

@test "a new step in the middle: it alone is done" {
    stopped
    edit_with sed '/id: two/i\      - { id: new, prompt: "ask new" }'
    [ "$(calls)" = "new seven " ]
    [ ! -e .git/commands ]
}

@test "a new phase that an old step takes from: that step is done again" {
    stopped
    edit_with sed -e '/id: a$/i\  - { id: z, steps: [{ id: first, prompt: "ask first" }] }' \
        -e 's/"ask three/"ask three ${{ steps.first.output }}/'
    [ "$(calls)" = "first seven six three " ]
}

@test "a removed step: nothing is done again, and what it did stays in the journal" {
    stopped
    edit_with sed '/id: four/d'
    [ "$(calls)" = "seven " ]
    [[ $(fermata show "$RUN" --json) != *'"key": "four"'* ]]
    fermata logs "$RUN" --records | grep -q '"step": *"four"'
    [[ $(fermata explain "$RUN") == *"four  removed"* ]]
}

@test "steps in another order, another phase, under another name: nothing is done again" {
    stopped
    edit_with python3 -IS -c 'import sys
text = sys.stdin.read()
three = "      - { id: three, prompt: \"ask three\" }\n"
assert three in text
text = text.replace(three, "")
text = text.replace("      - { id: one,", three + "      - { id: uno,").replace("steps.one.", "steps.uno.")
print(text)'
    [ "$(calls)" = "seven " ]
    [ "$(key_of uno '["reused_from"]')" = "$RUN" ]
}

@test "another input: what takes it is done again, and what takes from that" {
    stopped
    fermata edit "$RUN" -i x=2 --yes 2>/dev/null
    [ "$(status_of "$RUN")" = completed ]
    # A command sees all inputs in its environment.
    [ "$(calls)" = "seven six " ]
    [ "$(cat .git/commands)" = out ]
    [ "$(json 'd["inputs"]["x"]' "$FERMATA" show "$RUN" --json)" = 2 ]
}

@test "another gate: it is asked again, and no step is done again" {
    stopped
    edit_with sed 's/echo gate >>/echo other >>/'
    [ "$(calls)" = "seven " ]
    [ "$(cat .git/gates)" = other ]
}

@test "another condition: what is left out now takes nothing with it" {
    stopped
    edit_with sed "s/inputs.x != '9'/inputs.x == '9'/"
    [ "$(calls)" = "seven " ]
    [ "$(key_of five '["status"]')" = skipped ]
}

@test "a parallel phase: a changed step and a new one are done, their neighbours are not" {
    stopped
    edit_with sed -e 's/"ask three/"ask three changed/' -e '/id: three/i\      - { id: new, prompt: "ask new" }'
    [ "$(calls)" = "new seven six three " ]
}

@test "a longer list: only what is new in it is done" {
    stopped
    edit_with sed 's/foreach: \[x, y\]/foreach: [x, y, z]/'
    [ "$(calls)" = "list-z seven " ]
    [ "$(key_of list '["instances"]' | json 'len(d)')" -eq 3 ]
}

@test "an agent that changed files: its work stands, and what looks at them is done again when it is" {
    plan() {
        cat <<'END'
name: plan
phases:
  - { id: a, steps: [{ id: one, prompt: "ask one" }, { id: two, prompt: "ask two write" }] }
  - { id: b, steps: [{ id: three, prompt: "ask three" }, { id: out, run: "cat made >>.git/commands" }] }
  - { id: c, steps: [{ id: stop, run: "test -e .git/ready", retry: { attempts: 1 } }] }
END
    }
    plan | workflow plan
    fermata run -w plan 2>/dev/null || [ $? -eq 3 ]
    RUN=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    [ "$(calls)" = "one three two " ]
    edit_with_paused() {
        plan | "$@" >.git/edited.yaml
        fermata edit "$RUN" -w .git/edited.yaml --yes 2>/dev/null || [ $? -eq 3 ]
    }
    # What is before it, and does not change the files: the writer is not asked again.
    edit_with_paused sed 's/ask one/ask one changed/'
    [ "$(calls)" = "one " ]
    [ "$(cat made)" = "ask two write" ]
    # The writer itself: what looks at the files is done again.
    edit_with_paused sed -e 's/ask one/ask one changed/' -e 's/ask two write/ask two write more/'
    [ "$(calls)" = "three two " ]
    [ "$(wc -l <.git/commands)" -eq 3 ]
}

@test "an edit back to what was: nothing of it is done again" {
    stopped
    rm .git/ready
    plan | sed 's/"ask seven/"ask seven changed/' >.git/edited.yaml
    fermata edit "$RUN" -w .git/edited.yaml --yes 2>/dev/null || [ $? -eq 3 ]
    touch .git/ready
    edit_with cat
    [ "$(calls)" = "seven " ]
}

@test "without --yes it is only shown; with errors, too, nothing is changed" {
    stopped
    before=$(json 'd["seq"]' "$FERMATA" status "$RUN" --json)
    plan | sed 's/"ask two/"ask two changed/' >.git/edited.yaml
    run_apart fermata edit "$RUN" -w .git/edited.yaml
    [ "$status" -eq 2 ]
    [[ $stderr == *"two: done again"*"four: looked at again"* ]]
    run_apart fermata edit "$RUN" -w .git/edited.yaml --dry-run --json
    [ "$status" -eq 0 ]
    [ "$(json '{s["key"]: s["decision"] for s in d["steps"]}' <<<"$output")" = '{"one": "kept", "two": "again", "out": "held", "three": "held", "four": "held", "list": "held", "five": "held", "six": "held", "stop": "again", "seven": "open"}' ]
    plan | sed 's/steps.two.output/steps.tow.output/' >.git/edited.yaml
    run_apart fermata edit "$RUN" -w .git/edited.yaml --yes
    [ "$status" -eq 7 ]
    [[ $stderr == *"edited.yaml:1"*"tow"* ]]
    [ "$(json 'd["seq"]' "$FERMATA" status "$RUN" --json)" = "$before" ]
    [ "$(calls)" = "" ]
}

@test "a run that is running is paused first: its running step ends, and the plan goes on" {
    workflow plan <<'END'
name: plan
phases:
  - { id: a, steps: [{ id: one, prompt: "ask one" }] }
  - { id: b, steps: [{ id: hold, run: "touch .git/begun; await .git/go; echo x >>.git/held" }] }
  - { id: c, steps: [{ id: two, prompt: "ask two" }] }
END
    RUN=$(fermata run -w plan --detach)
    wait_until test -e .git/begun
    sed 's/ask two/ask two changed/' .fermata/workflows/plan.yaml >.git/edited.yaml
    fermata edit "$RUN" -w .git/edited.yaml --yes 2>"$BATS_TEST_TMPDIR/err" &
    edit=$!
    wait_until grep -q "is paused first" "$BATS_TEST_TMPDIR/err"
    touch .git/go
    wait "$edit"
    [ "$(status_of "$RUN")" = completed ]
    [ "$(cat .git/held)" = x ]
    grep -q "ask two changed" "$BATS_TEST_TMPDIR/calls"
    [ "$(calls)" = "one two " ]
}

# A run that has stopped behind three commands, and a terminal.
at_terminal() {
    workflow typed <<'END'
name: typed
phases:
  - id: a
    steps:
      - { id: one, run: "echo one >>.git/done" }
      - { id: two, run: "echo two >>.git/done" }
      - { id: three, run: "echo three >>.git/done" }
  - { id: b, steps: [{ id: stop, run: "test -e .git/ready", retry: { attempts: 1 } }] }
END
    fermata run -w typed 2>/dev/null || [ $? -eq 3 ]
    rm .git/done
    touch .git/ready
    before=$(json 'd["seq"]' "$FERMATA" status last --json)
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" "$1" "$FERMATA"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "edit opens the editor, shows what becomes of each step, asks, and goes on" {
    at_terminal edit
    [ "$(status_of last)" = completed ]
    [ "$(cat .git/done)" = drei ]
    [ "$(fermata logs last --records | grep -c '"run_edited"')" -eq 1 ]
}

@test "edit with an editor that fails changes nothing" {
    at_terminal edit-fails
    [ "$(json 'd["seq"]' "$FERMATA" status last --json)" = "$before" ]
    [ ! -e .git/done ]
}

@test "edit with a text that is wrong says where, and changes nothing" {
    at_terminal edit-wrong
    [ "$(json 'd["seq"]' "$FERMATA" status last --json)" = "$before" ]
    [ ! -e .git/done ]
}
