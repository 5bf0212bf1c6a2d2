#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# The flows of workflows/*/: parallel angles, fold, answer, attack, check, report. Each runs to its end in
# the three bands, with agents and without any, changes nothing, and shows the validation first.

load helper

setup() {
    # Hundreds of processes that prove nothing about memory: the plain build, where there is one.
    [ -z "${PLAIN_BUILD:-}" ] || export FERMATA=$PLAIN_BUILD/fermata FERMATA_KEEP=$PLAIN_BUILD/fermata-keep
    setup_project # without git, which would be asked before and after each of the many agents
    printf 'int main(void)\n{\n    return 0;\n}\n' >main.c
    printf '# Project\n\nSee [main](main.c).\n' >README.md
    # An angle finds one thing that is there and one that is not.
    cat >"$BATS_TEST_TMPDIR/agent.sh" <<'END'
#!/bin/sh
cat >"$BATS_TEST_TMPDIR/seen/$FERMATA_STEP"
case $FERMATA_STEP in
answer) answer='Draft: do this first' ;;
first) answer='{\"summary\": \"attacked\", \"verdicts\": [], \"objections\": [{\"about\": \"Draft\", \"why\": \"nothing carries it\"}]}' ;;
second | third) answer='{\"summary\": \"attacked again\", \"verdicts\": []}' ;;
*) answer="{\\\"status\\\": \\\"ok\\\", \\\"summary\\\": \\\"seen\\\", \\\"findings\\\": [{\\\"rule\\\": \\\"there-$FERMATA_STEP\\\", \\\"severity\\\": \\\"medium\\\", \\\"confidence\\\": \\\"high\\\", \\\"file\\\": \\\"main.c\\\", \\\"line\\\": 3, \\\"evidence\\\": \\\"return 0;\\\", \\\"message\\\": \\\"it ends\\\", \\\"fix\\\": \\\"nothing\\\"}, {\\\"rule\\\": \\\"elsewhere\\\", \\\"severity\\\": \\\"high\\\", \\\"file\\\": \\\"gone.c\\\", \\\"line\\\": 9, \\\"evidence\\\": \\\"boom();\\\", \\\"message\\\": \\\"invented by $FERMATA_STEP\\\"}]}" ;;
esac
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "$answer"
END
    chmod +x "$BATS_TEST_TMPDIR/agent.sh"
    before="$(ls) $(cat main.c README.md)"
    mkdir -p .fermata "$BATS_TEST_TMPDIR/seen"
    cat >.fermata/config.yaml <<END
default_agent: fake
agents:
  fake: { type: claude, command: [$BATS_TEST_TMPDIR/agent.sh] }
END
}

teardown() {
    teardown_project
}

# flows [CATEGORY]: their names
flows() {
    (cd "$BATS_TEST_DIRNAME/../../workflows" && find analysis discovery planning authoring review -name '*.yaml' | sed 's|\.yaml$||' |
        LC_ALL=C sort | grep "^${1:-}")
}

# complain TEXT: what is wrong with the flow of the loop, and what the run said
complain() {
    echo "$name $band: $1"
    cat "$BATS_TEST_TMPDIR/err"
    return 1
}

# check_report: what holds for the report of any flow; an agent's invention never gets below the validation
check_report() {
    local text=$output rest
    [[ $text == "# "*"**Band:** $band, for: asked for"*"## Validation"*"## Recommendation"* ]] || complain "the order of the report"
    rest=${text#*"## Recommendation"}
    [[ $rest != *"invented by"* ]] || complain "an invention is recommended"
    [ "$(ls) $(cat main.c README.md)" = "$before" ] || complain "the project is another"
}

# bands STRATEGY NUMBER: those in which the flow of this number is run. Over both strategies it is each of them, with agents first
# the one that asks all; what was done once is not done again.
bands() {
    case $1$(($2 % 2)) in
    ai0) echo large medium ;;
    ai1) echo large small ;;
    static0) echo small large ;;
    static1) echo medium ;;
    esac
}

# run_bands STRATEGY CATEGORY: each flow of it
run_bands() {
    local name band step number=0
    for name in $(flows "$2"); do
        number=$((number + 1))
        for band in $(bands "$1" "$number"); do
            rm -f "$BATS_TEST_TMPDIR"/seen/*
            run_apart fermata run "Make it so" -w "$name" -i band="$band" --strategy "$1" --no-input
            [ "$status" -eq 0 ] || complain "ends with $status"
            check_report
            if [ "$1" = static ]; then
                [ -z "$(ls "$BATS_TEST_TMPDIR/seen")" ] || complain "an agent was asked"
                [[ $output == *"**No agent attacked this**"* ]] || complain "nobody attacked, and it does not say so"
                [[ $stderr != *" failed"* ]] || complain "something looks broken"
                ! grep -q '(angles/[a-z]*) skipped: needs' <<<"$stderr" ||
                    [ "$(grep -c '^- the angle.*: needs an agent, and the strategy is static$' <<<"$output")" -eq 1 ] ||
                    complain "what was left out is not said once"
            else
                [[ $output == *"Draft: nothing carries it"*"Refuted, and left out"*"gone.c:9"* ]] || complain "no attack"
                [[ $output == *"> Draft: do this first"*"## Recommendation"* ]] || complain "no answer"
                grep -q '^## Evidence' "$BATS_TEST_TMPDIR/seen/answer" || complain "no contract"
                grep -q '^## Evidence' "$BATS_TEST_TMPDIR/seen/first" || complain "no contract"
            fi
            [ "$band" != large ] || [ "$1" = static ] || check_all_asked
        done
    done
}

check_all_asked() {
    for step in first second third $(awk '/- id:/ { id = $3 } /expert:/ { print id }' "$BATS_TEST_DIRNAME/../../workflows/$name.yaml"); do
        # Two flows may ask the same: then the second has the answer already.
        [ -s "$BATS_TEST_TMPDIR/seen/$step" ] || grep -q "/$step) completed: reused" "$BATS_TEST_TMPDIR/err" ||
            complain "$step was not asked"
    done
}

@test "flows are valid, read-only, hold their agents to evidence, and say beforehand what they do" {
    local name
    # shellcheck disable=SC2046 # names without spaces
    run_apart fermata validate $(flows) spine
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    for name in $(flows); do
        fermata workflows "$name" --json
        run_apart fermata run "Make it so" -w "$name" -i band=large --dry-run --no-input
        [ "$status" -eq 0 ] || { echo "$name: $stderr"; return 1; }
    done >"$BATS_TEST_TMPDIR/all"
    python3 -IS - "$BATS_TEST_TMPDIR/all" <<'END'
import json, sys
text, at, count = open(sys.argv[1]).read().strip(), 0, 0
while at < len(text):
    flow, at = json.JSONDecoder().raw_decode(text, at)
    at += len(text[at:]) - len(text[at:].lstrip())
    count += 1
    steps = [step for phase in flow["phases"] for step in phase["steps"]]
    assert flow["read_only"] and "evidence" in flow["contracts"], flow["name"]
    assert [phase["id"] for phase in flow["phases"]] == ["size", "angles", "fold", "synthesis", "validation"], flow["name"]
    assert all(step["kind"] in ("agent", "function", "workflow") for step in steps), flow["name"]
    assert all(step["read_only"] for step in steps if step["kind"] == "agent"), flow["name"]
assert count > 0, text
END
}

@test "analysis and discovery run with agents in the bands" {
    run_bands ai analysis/
    run_bands ai discovery/
}

@test "planning runs with agents in the bands, and asks for no more than is needed" {
    run_bands ai planning/
    grep -q '^## No more than is needed (YAGNI)' "$BATS_TEST_TMPDIR/seen/answer"
}

@test "authoring and review run with agents in the bands" {
    run_bands ai authoring/
    run_bands ai review/
}

@test "every flow gives its report without any agent" {
    run_bands static ""
}

@test "the band is measured, announced with its reason, and can be overruled" {
    run_apart fermata run "Slow" -w analysis/investigate --strategy static --no-input
    [ "$status" -eq 0 ]
    [[ $stderr == *"Step band: band small: nothing speaks for more in 1 file of code"* ]]
    run_apart fermata logs last
    [[ $output == *"band small: nothing speaks for more"* ]]
    run_apart fermata run "Slow" -w analysis/investigate -i band=medium --strategy static --no-input
    [[ $stderr == *"Step band: band medium: asked for; measured would be small"* ]]
}

@test "--fast asks the fewest, and says so to a workflow that does not know it" {
    run_apart fermata run "Slow" -w analysis/investigate --fast --strategy ai --no-input
    [ "$status" -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/seen/answer" ]
    [ ! -e "$BATS_TEST_TMPDIR/seen/second" ]
    [ -s "$BATS_TEST_TMPDIR/seen/first" ]
    [[ $stderr == *"band small: asked to be fast"* ]]
    run_apart fermata run "Slow" -w quick --fast --no-input
    [ "$status" -eq 2 ]
    [[ $stderr == *'workflow quick has no input "fast"'* ]]
}

@test "an attack that fails stops a run that wants agents, and is told in a hybrid one" {
    # shellcheck disable=SC2016 # for the agent's shell
    sed -i '2i [ "$FERMATA_STEP" != first ] || { echo no >&2; exit 1; }' "$BATS_TEST_TMPDIR/agent.sh"
    run_apart fermata run "Slow" -w analysis/investigate --strategy ai --no-input
    [ "$status" -eq 3 ]
    run_apart fermata run "Slow" -w analysis/investigate --strategy hybrid --no-input
    [ "$status" -eq 0 ]
    [[ $output == *"**No agent attacked this**"* ]]
}
