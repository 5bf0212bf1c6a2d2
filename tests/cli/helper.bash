# SPDX-License-Identifier: MIT
# Shared by the command tests: a private project, the real binary, waiting for events.
# Whatever is asked for a thousand times makes no process that it does not need: making one is half
# of what these tests cost.
# shellcheck shell=bash

setup_project() {
    FERMATA=${FERMATA:-$BATS_TEST_DIRNAME/../../build/fermata}
    export FERMATA_KEEP=${FERMATA_KEEP:-${FERMATA%/*}/fermata-keep}
    JSON=${FERMATA%/*}/tests/programs/json
    [ -x "$JSON" ] || {
        echo "programs of tests are missing: make test-programs BUILD=${FERMATA%/*}" >&2
        return 1
    }
    PATH=$PATH:${JSON%/*} # await
    export FERMATA_TRUST=1 HOME=$BATS_TEST_TMPDIR/home TERM=dumb LC_ALL=C.UTF-8 LOGNAME=ada
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export FERMATA_PASS_ENV="BATS_*" # what the agents of tests look at
    unset FERMATA_PROJECT FERMATA_WORKFLOW FERMATA_STRATEGY FERMATA_LOG_FORMAT NO_COLOR COLUMNS
    unset XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME FERMATA_CONFIG AI_ORCHESTRATOR_CONFIG_PATH
    unset ${!ANTHROPIC_*} ${!OPENAI_*} ${!GEMINI_*} ${!GOOGLE_*} ${!CODEX_*} ${!CLAUDE_*} ${!COPILOT_*} GH_TOKEN GITHUB_TOKEN
    # Who waits looks many times a second: that is for the build that starts in no time.
    LOOKING=${PLAIN_BUILD:+$PLAIN_BUILD/fermata}
    LOOKING=${LOOKING:-$FERMATA}
    PROJECT=$BATS_TEST_TMPDIR/project
    mkdir -p "$HOME" "$PROJECT"
    cd "$PROJECT" || return 1
}

# Keepers and drivers of this test end with it. What says that it is over has none.
teardown_project() {
    local id state
    [ -d "$PROJECT/.fermata/workflows" ] || return 0
    for id in "$PROJECT"/.fermata/workflows/wf_*; do
        [ -d "$id" ] || continue
        state=
        [ ! -s "$id/state.json" ] || state=$(<"$id/state.json")
        [[ $state != *$'\n  "status": "'@(completed|cancelled)\"* ]] || continue
        "$LOOKING" -C "$PROJECT" cancel "${id##*/}" >/dev/null 2>&1 || true
    done
}

fermata() {
    "$FERMATA" "$@"
}

# json EXPRESSION [COMMAND...]: the expression over `d`, the JSON on standard input or from the command
json() {
    "$JSON" "$BATS_TEST_DIRNAME/../support/json_value.py" "$@"
}

# A function costs a process more, in a pipeline and in $(...).
shopt -s expand_aliases
alias fermata='"$FERMATA"' json='"$JSON" "$BATS_TEST_DIRNAME/../support/json_value.py"'

# Runs with standard output and standard error apart: $output, $stderr, $status.
run_apart() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
    output=$(<"$BATS_TEST_TMPDIR/out")
    stderr=$(<"$BATS_TEST_TMPDIR/err")
}

# workflow NAME <<text: a workflow of the project
workflow() {
    local text
    [ -d .fermata/workflows ] || mkdir -p .fermata/workflows
    IFS= read -rd '' text || true # which is the end of the input
    printf '%s' "$text" >".fermata/workflows/$1.yaml"
}

status_of() {
    json 'd["status"]' "$LOOKING" status "$1" --json
}

# wait_until COMMAND...: waits for an event that only another process can bring; at most 30 s
wait_until() {
    local i pause
    ! "$@" >/dev/null 2>&1 || return 0
    [ -p "$BATS_TEST_TMPDIR/pause" ] || mkfifo "$BATS_TEST_TMPDIR/pause"
    exec {pause}<>"$BATS_TEST_TMPDIR/pause" # where nobody writes
    for ((i = 0; i < 600; i++)); do
        read -rt 0.05 <&"$pause" || true
        if "$@" >/dev/null 2>&1; then
            exec {pause}>&-
            return 0
        fi
    done
    exec {pause}>&-
    echo "waited in vain for: $*" >&2
    return 1
}

has_status() {
    [ "$(json 'd["status"]' "$LOOKING" status "$1" --json)" = "$2" ]
}

is_owned() {
    [ "$(json 'd["owned"]' "$LOOKING" status "$1" --json)" = true ]
}

is_ownerless() {
    [ "$(json 'd["owned"]' "$LOOKING" status "$1" --json)" = false ]
}

# Every line of the text fits into 80 columns.
fits_80_columns() {
    local line text foreign
    text=$(</dev/stdin)
    while IFS= read -r line; do
        foreign=${line//[ -~]/} # each of these may be two columns wide
        if ((${#line} + ${#foreign} > 80)); then
            width_of_lines <<<"$text"
            return
        fi
    done <<<"$text"
}

width_of_lines() {
    python3 -IS -c 'import sys, unicodedata
for line in sys.stdin.read().splitlines():
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert width <= 80, (width, line)'
}
