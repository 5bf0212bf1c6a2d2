#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# Every shipped workflow is valid, says what it would do, and comes to its end with an agent that
# does its part and gates that pass. Those of the packs and the local ones: packs.bats.

load helper

setup() {
    setup_project
    git init -q .
    printf 'int main(void) { return 0; }\n' >main.c
    # One answer fits every prompt: prose, or the JSON that is asked for.
    cat >agent.sh <<'END'
#!/bin/sh
prompt=$(cat)
printf '%s' "$prompt" >"$FERMATA_PROJECT/.seen/$FERMATA_STEP"
case $prompt in
*'one JSON object'*) answer='{\"status\": \"ok\", \"summary\": \"nothing\", \"covered\": {\"files\": 1}, \"suggestions\": [], \"findings\": []}' ;;
*) answer="Done: $FERMATA_STEP" ;;
esac
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "$answer"
END
    chmod +x agent.sh
    echo .seen >.gitignore
    git add -A
    git -c user.name=Ada -c user.email=ada@example.com commit -qm first
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
default_agent: fake
agents:
  fake: &fake { type: claude, command: [$PWD/agent.sh] }
  codex: *fake
  gemini: *fake
  claude: *fake
  copilot: *fake
gates:
  pre-commit: { commands: [{ run: "true" }] }
  pre-push: { commands: [{ run: "true" }] }
  pre-deploy: { commands: [{ run: "true" }] }
END
}

teardown() {
    teardown_project
}

# shipped: the names; those in folders, and what they share, have tests of their own
shipped() {
    (cd "$BATS_TEST_DIRNAME/../../workflows" && find . -maxdepth 1 -name '*.yaml' | sed 's|^\./||; s|\.yaml$||' | LC_ALL=C sort |
        grep -vxE 'spine|offline-default|hybrid|implement|autobuild|dynamic')
}

# approve_all: what waits for a person is approved, until nothing does
approve_all() {
    local round
    for round in 1 2 3 4 5 6; do
        [ "$(status_of last)" = paused ] || return 0
        fermata approve last --resume >/dev/null 2>&1 || true
    done
    : "$round"
}

@test "every shipped workflow runs to its end with agents, and each of its agent steps was asked" {
    local name step
    for name in $(shipped); do
        run_apart fermata validate "$name"
        [ "$status" -eq 0 ] || { echo "$name: $output"; return 1; }
        run_apart fermata run "Make it so" -w "$name" --dry-run --no-input
        [ "$status" -eq 0 ] || { echo "$name: $stderr"; return 1; }
        rm -rf .seen
        mkdir .seen
        run_apart fermata run "Make it so" -w "$name" --strategy ai --no-input --fresh
        approve_all
        [ "$(status_of last)" = completed ] || { echo "$name: $(status_of last) $output $stderr"; return 1; }
        for step in $(json '" ".join(s["id"] for p in d["phases"] for s in p["steps"] if s["kind"] == "agent" and "when" not in s and "when" not in p and "foreach" not in s)' "$FERMATA" workflows "$name" --json); do
            [ -s ".seen/$step" ] || { echo "$name: $step was not asked"; return 1; }
        done
    done
}

@test "the rounds of the default workflow end with the review, and the review counts by its form, not by its prose" {
    cat >agent.sh <<'END'
#!/bin/sh
cat >"$FERMATA_PROJECT/.seen/$FERMATA_STEP.prompt"
echo x >>"$FERMATA_PROJECT/.seen/$FERMATA_STEP"
rounds=$(wc -l <"$FERMATA_PROJECT/.seen/$FERMATA_STEP")
one='{\"title\": \"t\", \"file\": \"a:1\", \"severity\": \"minor\", \"what\": \"w\"}'
answer='- one\n- two\n- three\n- four\n- five'
if [ "$FERMATA_STEP" = review ]; then
    [ "$rounds" -gt 1 ] && list=$one || list="$one, $one, $one, $one"
    answer="{\\\"summary\\\": \\\"s\\\", \\\"suggestions\\\": [$list]}"
fi
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "$answer"
END
    mkdir .seen
    run_apart fermata run "Make it so" -w default --no-input
    [ "$status" -eq 0 ]
    [ "$(wc -l <.seen/review)" -eq 2 ]
    [ "$(wc -l <.seen/refine)" -eq 2 ]
    # The second round knows what the first review said.
    [ "$(grep -o '"severity":"minor"' .seen/implement.prompt | wc -l)" -eq 4 ]
    run_apart fermata workflows review-only --json
    [ "$(json '{s["read_only"] for p in d["phases"] for s in p["steps"]} == {True}' <<<"$output")" = true ]
}

@test "the phases of the lifecycle have their default experts" {
    run_apart fermata workflows lifecycle --json
    [ "$(json '{p["id"]: [s.get("expert") for s in p["steps"] if s["kind"] == "agent"] for p in d["phases"]}' <<<"$output")" = \
        '{"ideation": ["research-expert"], "planning": ["architecture-expert"], "design": ["database-expert", "api-expert"], "development": ["backend-expert", "frontend-expert"], "testing": ["testing-expert"], "review": ["security-expert", "code-review-expert"], "deploy": ["devops-expert"], "monitor": ["monitoring-expert"], "iterate": ["product-expert"]}' ]
}

@test "both sides of full-stack-parallel are built at once, each in a clone of its own" {
    run_apart fermata workflows full-stack-parallel --json
    [ "$(json '[(s["id"], s["workspace"]) for p in d["phases"] if p["id"] == "build" for s in p["steps"]]' <<<"$output")" = '[["backend", "clone"], ["frontend", "clone"]]' ]
    run_apart fermata run "Make it so" -w full-stack-parallel --dry-run --no-input
    [[ $output == *"Wave 3: build"*backend*frontend*"Wave 4"* ]]
}

@test "implement turns a review into subtasks, waves without file conflicts, and files that the next run leaves alone" {
    mkdir src
    echo 'int a;' >src/a.c
    cat >review.md <<'END'
# Rate limits

## Recommendations

1. **Limit logins** in `src/a.c:1`.
2. Mend main.c
3. Rename the names of src/a.c
- [x] Done already
END
    run_apart fermata run -w implement -i report=review.md --no-input
    [ "$status" -eq 0 ]
    [[ $stderr == *"Step 10/10"* ]] || [[ $output == *"Step 10/10"* ]]
    [[ $output == *"fermata loop tasks/rate-limits/README.md"* ]]
    [ "$(json '[(s["id"], s["wave"], s["mode"], s["workspace"]) for s in d["subtasks"]]' "$FERMATA" cat last plan.json)" = \
        '[["T1", 1, "task-work", "rate-limits-wave1-1"], ["T2", 1, "direct", "rate-limits-wave1-2"], ["T3", 2, "direct", "rate-limits-wave2-1"]]' ]
    [ "$(grep -c '^- \[ \] T' tasks/rate-limits/README.md)" -eq 3 ]
    grep -q '^- T1 and T3: `src/a.c`$' tasks/rate-limits/IMPLEMENTATION-GUIDE.md

    echo 'my own words' >>tasks/rate-limits/README.md
    run_apart fermata run -w implement -i report=review.md --no-input --fresh
    [ "$status" -ne 0 ]
    [[ $stderr == *"README.md is there already, and differs"* ]]
    grep -q 'my own words' tasks/rate-limits/README.md

    echo '# Nothing to do' >review.md
    run_apart fermata run -w implement -i report=review.md --no-input
    [ "$status" -ne 0 ]
    [[ $stderr == *"review.md holds no subtask"* ]]
}

# player: an agent whose work is bad in its first two attempts; its coach approves when it was asked so often
player() {
    printf 'all:\n\t@true\ntest:\n\t@sh t.sh\n' >Makefile
    echo 'echo 1..1; grep -q good a.txt && echo ok 1 || { echo not ok 1; exit 1; }' >t.sh
    echo good >a.txt
    cat >agent.sh <<END
#!/bin/sh
seen=$PWD/.seen
echo x >>"\$seen/\$FERMATA_STEP"
n=\$(wc -l <"\$seen/\$FERMATA_STEP")
cat >"\$seen/\$FERMATA_STEP.\$n"
answer="my own praise"
if [ "\$FERMATA_STEP" = coach ]; then
    [ "\$n" -ge $1 ] && decision=approve || decision=feedback
    answer='{\\"decision\\": \\"'\$decision'\\", \\"criteria\\": [], \\"feedback\\": \\"wish '\$n'\\"}'
elif [ "\$n" -le 2 ]; then
    echo bad >a.txt
else
    echo good >a.txt
    echo "turn \$n" >>b.txt
fi
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "\$answer"
END
    git add -A
    git -c user.name=Ada -c user.email=ada@example.com commit -qm player
    mkdir .seen
}

@test "the player's work is merged when its tests pass, and the coach, who hears no word of the player, ends the turns" {
    player 3
    run_apart fermata run "Make it good" -w autobuild -i coverage=0 --no-input
    [ "$status" -eq 0 ]
    [ "$(cat a.txt)" = good ]
    [ "$(cat b.txt)" = $'turn 3\nturn 4' ]
    grep -q 'wish 1' .seen/build.3
    grep -q 'gate smoke: fail' .seen/build.3
    grep -q 'wish 2' .seen/build.4
    grep -q 'The tests, run just now: pass' .seen/coach.1
    [ "$(cat .seen/coach.? | grep -c 'my own praise')" = 0 ]
    # Each turn that passed is a commit of its own, on no branch.
    turns="refs/fermata/$(fermata show last --json | json 'd["id"]')"
    [ "$(git log --reverse --format=%s "HEAD..$turns")" = \
        $'Build it (build, iteration 2)\nBuild it (build, iteration 3)' ]
    [ "$(git show "$turns~1:b.txt")" = 'turn 3' ]
    [ "$(git show "$turns:b.txt")" = "$(cat b.txt)" ]
    [ "$(git log --format=%s)" = $'player\nfirst' ]
}

@test "what does not cover enough is not kept, and where nothing can measure it nobody is asked" {
    player 1
    run_apart fermata run "Make it good" -w autobuild --no-input
    [ "$status" -ne 0 ]
    [[ $stderr == *"no coverage tool is set up"*"-i coverage=0 asks for none"* ]]
    [ -z "$(ls .seen)" ]
    # It has what it needs, and two turns of its player cover too little.
    printf 'coverage:\n\t@sh t.sh && echo "Total coverage: $$(cat percent)%%"\n' >>Makefile
    echo 10 >percent
    sed -i 's/echo bad >a.txt/echo 79 >percent/; s/echo good >a.txt/echo 80 >percent/' agent.sh
    git add -A
    git -c user.name=Ada -c user.email=ada@example.com commit -qm coverage
    run_apart fermata run "Make it good" -w autobuild --no-input
    [ "$status" -eq 0 ]
    [ "$(cat percent)" = 80 ]
    [ "$(wc -l <.seen/cover)" -eq 3 ]
    grep -q 'coverage 79 %, at least 80 % wanted' .seen/cover.3
    # Approved from the first time on, by a coach who heard what is covered.
    grep -q 'What they cover: fail' .seen/coach.1
    [ "$(wc -l <.seen/coach)" -eq "$(json 'd["iteration"]' "$FERMATA" show last --json)" ]
}

@test "a coach that approves what the tests refuse is not enough" {
    player 1
    sed -i 's/echo good >a.txt/echo bad >a.txt/' agent.sh
    echo bad >a.txt
    git -c user.name=Ada -c user.email=ada@example.com commit -qam bad
    run_apart fermata run "Make it good" -w autobuild -i coverage=0 --no-input
    [ "$status" -ne 0 ]
    [ "$(wc -l <.seen/coach)" -eq 5 ]
    grep -q 'The tests, run just now: fail' .seen/coach.5
    [[ $(fermata cat last blocked.md) == *"## The tests"*fail*"## What they cover"*skipped* ]]
}

@test "after five turns autobuild fails and says what is in the way, and work for a person goes to a person" {
    player 9
    run_apart fermata run "Make it good" -w autobuild -i coverage=0 --no-input
    [ "$status" -ne 0 ]
    [[ $stderr$output == *"after 5 turns the coach does not approve"* ]]
    [ "$(wc -l <.seen/coach)" -eq 5 ]
    [[ $(fermata cat last blocked.md) == *"Blocked after 5 turns"*"wish 5"*"pass"*"It was kept."* ]]
    run_apart fermata run "Sign it" -w autobuild -i kind=operator_handoff --no-input
    [[ $output$stderr == *"Only a person can do this: Sign it"* ]]
    [ "$(wc -l <.seen/coach)" -eq 5 ]
}
