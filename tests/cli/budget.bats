#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Budgets: reserved before each call, settled after it, never reset.

load helper

setup() {
    setup_project
    mkdir -p .fermata bin
    cat >.fermata/config.yaml <<'END'
concurrency: 8
agents:
  house: { type: command, output: json, map: { answer: a, input_tokens: i, output_tokens: o, cost_usd: c }, command: [bin/house] }
  silent: { type: command, command: [echo, yes] }
  reader: { type: claude, command: [bin/reader] }
END
    house 900 100 0.25
}

teardown() {
    teardown_project
}

# house INPUT OUTPUT DOLLARS: an agent whose calls cost that
house() {
    cat >bin/house <<END
#!/bin/sh
cat >/dev/null
echo call >>"$PROJECT/calls"
echo '{"a":"yes","i":$1,"o":$2,"c":$3}'
END
    cat >bin/reader <<END
#!/bin/sh
cat >/dev/null
echo call >>"$PROJECT/calls"
[ "\$(wc -l <"$PROJECT/calls")" -gt 1 ] || rank=first
while [ -e "$PROJECT/hold.\${rank:-others}" ]; do sleep 0.02; done
echo '{"type":"result","subtype":"success","is_error":false,"result":"yes","session_id":"s1","total_cost_usd":$3,"usage":{"input_tokens":$1,"output_tokens":$2}}'
END
    chmod +x bin/house bin/reader
}

# branches COUNT [HEAD]: a workflow w of so many calls beside each other
branches() {
    {
        printf 'name: w\n%s\nphases:\n  - id: p\n    mode: parallel\n    steps:\n' "${2:-}"
        for ((i = 0; i < $1; i++)); do
            echo "      - { id: s$i, agent: ${AGENT:-house}, prompt: go $i, reuse: never${OPTIONS:-} }"
        done
    } | workflow w
}

calls() {
    cat calls 2>/dev/null | wc -l
}

shown() {
    fermata status last --json | json "$1"
}

# What all ended attempts of all runs said, from the journals themselves.
journal_tokens() {
    local id sum=0 part
    for id in $(json '" ".join(r["id"] for r in d["runs"])' "$FERMATA" list --json); do
        part=$(fermata logs "$id" --records | python3 -IS -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
print(sum(u.get("input_tokens", 0) + u.get("output_tokens", 0)
          for u in (r.get("usage") or {} for r in rows if r["kind"] == "attempt_ended")))')
        sum=$((sum + part))
    done
    echo "$sum"
}

@test "at its ceiling a run pauses with exit 5, says what ran out, and goes on with more" {
    branches 4 'concurrency: 1'
    run_apart fermata run -w w --budget tokens=2500 --budget usd=100
    [ "$status" -eq 5 ]
    [ "$(shown 'd["status"] + " " + d["reason"]')" = "paused budget" ]
    [[ $stderr == *"step s2 needs about 1000 tokens"*"2000 tokens of 2500 tokens are used"* ]]
    [[ $stderr == *"fermata resume wf_"*" --budget tokens=+"* ]]
    [ "$(shown 'd["budget"]["tokens"]')" = '{"limit": 2500, "used": 2000, "left": 500}' ]
    [ "$(shown 'd["budget"]["usd"]["used"]')" = 0.5 ]
    # Without more it stands where it stood, and nothing is called.
    run_apart fermata resume last
    [ "$status" -eq 5 ]
    [ "$(calls)" = 2 ]
    run_apart fermata resume last --budget tokens=+1500
    [ "$status" -eq 0 ]
    [ "$(calls)" = 4 ]
    [ "$(shown 'd["budget"]["tokens"]["used"]')" = 4000 ]
    fermata logs last | grep -q "Budget set by ada: 4000 tokens, \$100.00"
    fermata audit list --json | grep -q '"budget_set"'
}

@test "the command on offer is one that works" {
    branches 3 'concurrency: 1'
    run_apart fermata run -w w --budget tokens=2000
    [ "$status" -eq 5 ]
    while [ "$(shown 'd["status"]')" = paused ]; do
        command=$(shown '[o["command"] for o in d["options"] if o["do"] == "raise"][0]')
        # shellcheck disable=SC2086
        run_apart $command
    done
    [ "$(shown 'd["status"]')" = completed ]
}

@test "budgets of the workflow, of the configuration and of the caller: the nearest holds" {
    echo 'budget: { tokens: 1000, steps: 9 }' >>.fermata/config.yaml
    branches 3 $'concurrency: 1\nbudget: { tokens: 2k }'
    run_apart fermata run -w w --dry-run --json
    [ "$(json 'd["budget"]' <<<"$output")" = '{"tokens": 2000, "steps": 9}' ]
    run_apart fermata run -w w --dry-run --json --budget tokens=3M --budget time=30m
    [ "$(json 'd["budget"]' <<<"$output")" = '{"tokens": 3000000, "time_ms": 1800000, "steps": 9}' ]
    run_apart fermata run -w w --dry-run --budget usd=5
    [[ $output == *'$5.00'* ]]
    run_apart fermata run -w w
    [ "$status" -eq 5 ]
    [ "$(calls)" = 2 ]
    run_apart fermata run -w w --budget tokens=0
    [ "$status" -eq 0 ]
}

@test "a budget that is none is said to be none" {
    branches 1
    run_apart fermata run -w w --budget tokens=much
    [ "$status" -eq 2 ]
    [[ $stderr == *'"much" is no budget of tokens'*'tokens=200k'* ]]
    run_apart fermata run -w w --budget tokns=5
    [ "$status" -eq 2 ]
    [[ $stderr == *'no budget of "tokns"'* ]]
    run_apart fermata run -w w --budget s0.tokens=5
    [ "$status" -eq 2 ]
    [ "$(calls)" = 0 ]
    sed -i 's/^phases/budget: { tokens: lots }\nphases/' .fermata/workflows/w.yaml
    run_apart fermata validate w
    [ "$status" -eq 7 ]
    [[ $output$stderr == *'a count such as 200k'* ]]
}

@test "what an agent does not say is told as unknown, and taken as expected" {
    AGENT=silent branches 2 'concurrency: 1'
    run_apart fermata run -w w --budget tokens=2500
    [ "$status" -eq 0 ]
    [ "$(shown 'd["budget"]["tokens"]["unknown_calls"]')" = 2 ]
    fermata status last | grep -q "2 calls of unknown cost"
}

@test "a step has a budget over all its tries, and it can be raised" {
    cat >bin/house <<'END'
#!/bin/sh
cat >/dev/null
echo call >>calls
[ "$(wc -l <calls)" -lt 4 ] && echo '{"a":"","i":900,"o":100}' && exit 1
echo '{"a":"yes","i":900,"o":100}'
END
    workflow w <<'END'
name: w
phases: [{ id: p, steps: [{ id: a, agent: house, prompt: go, reuse: never, retry: { attempts: 9, delay: 0s, on: [transient, permanent] }, budget: { tokens: 2500 } }] }]
END
    run_apart fermata run -w w
    [ "$status" -eq 5 ]
    [ "$(calls)" = 2 ]
    [[ $stderr == *"the budget of step a "*"--budget a.tokens=+"* ]]
    run_apart fermata resume last --budget a.tokens=+5k
    [ "$status" -eq 0 ]
    [ "$(calls)" = 4 ]
}

@test "a nested run counts, and so does one that the outer run begins after it" {
    branches 2 'concurrency: 1'
    workflow outer <<'END'
name: outer
budget: { tokens: 3500 }
phases:
  - { id: a, steps: [{ id: first, workflow: w }] }
  - { id: b, steps: [{ id: second, workflow: w }] }
END
    run_apart fermata run -w outer
    [ "$status" -eq 5 ]
    [ "$(calls)" = 3 ]
    [ "$(shown 'd["reason"]')" = budget ]
    [ "$(shown 'd["budget"]["tokens"]["used"]')" = 3000 ]
    run_apart fermata resume last --budget tokens=+500
    [ "$status" -eq 0 ]
    [ "$(shown 'd["budget"]["tokens"]["used"]')" = 4000 ]
}

@test "a fork goes on from what the run before it had used" {
    branches 3 'concurrency: 1'
    run_apart fermata run -w w --budget tokens=2500
    [ "$status" -eq 5 ]
    sed -i 's/reuse: never/reuse: inputs/' .fermata/workflows/w.yaml
    run_apart fermata fork last -w w
    [ "$status" -eq 5 ]
    [ "$(calls)" = 2 ]
    [ "$(shown 'd["budget"]["tokens"]')" = '{"limit": 2500, "used": 2000, "left": 500}' ]
    run_apart fermata fork last -w w --budget tokens=+2500
    [ "$status" -eq 0 ]
    [ "$(calls)" = 5 ]
    [ "$(shown 'd["budget"]["tokens"]["used"]')" = 5000 ]
    # What is taken from an earlier run costs nothing, and needs no room.
    run_apart fermata fork last --budget tokens=1
    [ "$status" -eq 0 ]
    [ "$(calls)" = 5 ]
}

has_calls() {
    [ "$(calls)" -ge "$1" ]
}

# wait_for_calls COUNT
wait_for_calls() {
    wait_until has_calls "$1"
}

# The orchestrator dies, its calls go on under their keepers, and another one takes over.
kill_and_resume() {
    kill -9 "$(pgrep -f -- "drive $id" | head -n 1)"
    wait_until is_ownerless "$id"
    fermata resume "$id" --detach >/dev/null
    wait_until is_owned "$id"
}

@test "eight branches, killed again and again: not a token is lost, and only calls under way are beyond" {
    # Who may change nothing is at work beside the others.
    AGENT=reader OPTIONS=', read_only: true' branches 24 'concurrency: 8'
    touch hold.first hold.others
    id=$(fermata run -w w --detach --budget tokens=10k)
    wait_for_calls 1
    kill_and_resume
    rm hold.first
    wait_for_calls 9
    [ "$(shown 'd["budget"]["tokens"]["reserved"]')" = 8000 ]
    kill_and_resume
    kill_and_resume
    [ "$(shown 'd["budget"]["tokens"]["reserved"]')" = 8000 ]
    rm hold.others
    wait_until has_status "$id" paused
    [ "$(shown 'd["reason"]')" = budget ]
    # Each call costs a thousand: nothing is beyond, and nothing is lost.
    [ "$(shown 'd["budget"]["tokens"]')" = '{"limit": 10000, "used": 10000, "left": 0}' ]
    [ "$(journal_tokens)" = 10000 ]
    [ "$(calls)" = 10 ]
    run_apart fermata resume last --budget tokens=+3500
    [ "$status" -eq 5 ]
    [ "$(shown 'd["budget"]["tokens"]')" = '{"limit": 13500, "used": 13000, "left": 500}' ]
    [ "$(journal_tokens)" = 13000 ]
    [ "$(calls)" = 13 ]
}

# A list of three calls of 1,000 tokens each, with room for so many tokens ("": for any): TOKENS [PROMPT [HEAD]]
listing() {
    local budget=""
    [ -z "$1" ] || budget=", budget: { tokens: $1 }"
    cat <<END
name: w
${3:-}
phases:
  - id: p
    steps:
      - { id: list, agent: house, prompt: "${2:-go} \${{ item }}", foreach: [x, y, z], width: 1, reuse: never$budget }
END
}

# "used of limit"
step_budget() {
    fermata show last --json | json '" of ".join(str(d["phases"][0]["steps"][0]["budget"]["tokens"][k]) for k in ("used", "limit"))'
}

edit_to() {
    listing "$@" >edited.yaml
    fermata edit last -w ./edited.yaml --yes 2>"$BATS_TEST_TMPDIR/err" || {
        rc=$?
        cat "$BATS_TEST_TMPDIR/err"
        return "$rc"
    }
}

@test "an edit that raises the budget of a step counts, and what is spent stays spent" {
    listing 2000 | workflow w
    fermata run -w w 2>/dev/null || [ $? -eq 5 ]
    [ "$(step_budget)" = "2000 of 2000" ]
    # What somebody set is not what counts when the text says something newer.
    fermata resume last --budget list.tokens=1999 2>/dev/null || [ $? -eq 5 ]
    [ "$(step_budget)" = "2000 of 1999" ]
    [ "$(calls)" -eq 2 ]
    edit_to 3500
    [ "$(status_of last)" = completed ]
    [ "$(calls)" -eq 3 ]
    [ "$(step_budget)" = "3000 of 3500" ]
}

@test "a step that an edit has done again goes on with the rest of its budget" {
    listing 2000 | workflow w
    fermata run -w w 2>/dev/null || [ $? -eq 5 ]
    edit_to 3500 again || [ $? -eq 5 ]
    [ "$(step_budget)" = "3000 of 3500" ]
    [ "$(calls)" -eq 3 ]
    [ "$(shown 'd["reason"]')" = budget ]
    [[ $(fermata doctor --rebuild --json) == *" 0 differences"* ]]
    edit_to 9k again
    [ "$(status_of last)" = completed ]
    [ "$(step_budget)" = "5000 of 9000" ]
    [ "$(journal_tokens)" -eq 5000 ]
}

@test "an edit that changes the budget of the run sets it, and one that does not leaves it as it was set" {
    listing '' go 'budget: { tokens: 1500 }' | workflow w
    fermata run -w w 2>/dev/null || [ $? -eq 5 ]
    [ "$(shown 'd["budget"]["tokens"]["limit"]')" = 1500 ]
    fermata resume last --budget tokens=2500 2>/dev/null || [ $? -eq 5 ]
    edit_to '' go $'description: other\nbudget: { tokens: 1500 }' || [ $? -eq 5 ]
    [ "$(shown 'd["budget"]["tokens"]["limit"], d["budget"]["tokens"]["used"]')" = "[2500, 2000]" ]
    edit_to '' go 'budget: { tokens: 3k }'
    [ "$(status_of last)" = completed ]
    [ "$(shown 'd["budget"]["tokens"]["limit"], d["budget"]["tokens"]["used"]')" = "[3000, 3000]" ]
}
