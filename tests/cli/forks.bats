#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
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
    fermata fork "$(fermata list --json | json 'd["runs"][2]["id"]')" 2>/dev/null
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
    first=$(fermata list --json | json 'd["runs"][0]["id"]')
    [ "$(calls)" = "one " ]
    touch .git/ready
    fermata fork "$first" 2>/dev/null
    [ "$(calls)" = "three " ]
    [ "$(status_of last)" = completed ]
    [ "$(status_of "$first")" = paused ]
    fermata show last | grep -q "fork of   $first"
    [ "$(fermata list --json | json 'd["runs"][0]["forked_from"]')" = "$first" ]
    [ "$(fermata status last --json | json 'd["forked_from"]')" = "$first" ]
}

@test "--from does a step and what needs it again, and with the same answers" {
    workflow from <<'END'
name: from
phases:
  - { id: a, steps: [{ id: one, prompt: "ask one" }] }
  - id: b
    mode: parallel
    steps:
      - { id: two, prompt: "ask two" }
      - { id: list, foreach: [x, y], prompt: "ask list-${{ item }}" }
  - { id: c, steps: [{ id: three, prompt: "ask three" }] }
END
    fermata run -w from 2>/dev/null
    [ "$(calls)" = "list-x list-y one three two " ]
    fermata fork last --from list 2>/dev/null
    [ "$(calls)" = "list-x list-y three " ]
    [[ $(fermata explain last 'list[0]') == *"--from"* ]]
    [[ $(fermata explain last two) == *reused* ]]
}
