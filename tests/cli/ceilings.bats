#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Whatever is read has a ceiling (docs/security.md): what is beyond it is refused, and not read on.
# shellcheck disable=SC2154 # run_apart sets stderr

load helper

setup() {
    setup_project
    BUILD=${FERMATA%/*}
}

teardown() { teardown_project; }

# fed BYTES COMMAND...: its standard input has so many; $status and $stderr are its, $fed is 141 where it did not take all
fed() {
    local bytes=$1 states
    shift
    head -c "$bytes" /dev/zero | "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" && states=("${PIPESTATUS[@]}") ||
        states=("${PIPESTATUS[@]}")
    fed=${states[0]}
    status=${states[1]}
    output=$(<"$BATS_TEST_TMPDIR/out")
    stderr=$(<"$BATS_TEST_TMPDIR/err")
}

@test "the call of a function is read up to 16 MB, and not on" {
    fed 64M "$FERMATA" function noop
    [ "$status" -ne 0 ]
    [[ $stderr == *"the call is larger than 16 MB"* ]]
    [ "$fed" = 141 ]
}

@test "the call of a driver is read up to 96 MB, and not on" {
    fed 160M "$BUILD/fermata-call"
    [ "$status" -ne 0 ]
    [[ $output == *"the call is larger than"* ]]
    [ "$fed" = 141 ]
    fed 160M "$BUILD/fermata-acp"
    [ "$status" -ne 0 ]
    [[ $output == *"the call is larger than 96 MB"* ]]
    [ "$fed" = 141 ]
}

@test "an answer is read up to 256 KB, and not on" {
    cat >asker.sh <<'END'
#!/bin/sh
printf '```json\n{"clarification_needed": true, "questions": ["Which?"]}\n```\n'
END
    chmod +x asker.sh
    mkdir -p .fermata
    echo "agents: { asker: { type: command, command: [$PROJECT/asker.sh] } }" >.fermata/config.yaml
    workflow ask <<<'{ name: ask, phases: [{ id: p, steps: [{ id: s, agent: asker, prompt: Go, retry: { attempts: 1 } }] }] }'
    run_apart fermata run -w ask
    [ "$status" -eq 3 ]
    fed 16M "$FERMATA" answer last --file -
    [ "$status" -ne 0 ]
    [[ $stderr == *"the answer is larger than 256 KB"* ]]
    [ "$fed" = 141 ]
}

@test "an answer at a terminal has at most 64 KB" {
    workflow asks <<'END'
name: asks
inputs:
  who: { type: string, required: true, description: Whom to greet }
phases:
  - id: do
    steps: [{ id: greet, run: 'echo hello' }]
END
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" long-answer "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
}

@test "a step with more keys than can be taken out of what it says does not start" {
    local i
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'END'
agents: { house: { type: command, command: [sh, -c, 'echo started'], pass_env: ["MANY_*"] } }
END
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: house, prompt: Go, retry: { attempts: 1 } }] }] }'
    for ((i = 0; i < 256; i++)); do
        export "MANY_${i}_TOKEN=canary-number-$i"
    done
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    export MANY_MORE_TOKEN=canary-one-more
    run_apart fermata run -w w --fresh
    [ "$status" -eq 3 ] # it failed, so the run waits for a person
    [[ $stderr == *"257 variables of its environment are keys; of at most 256"* ]]
}
