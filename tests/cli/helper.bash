# SPDX-License-Identifier: MIT
# Shared by the command tests: a private project, the real binary, waiting for events.
# shellcheck shell=bash

setup_project() {
    FERMATA=${FERMATA:-$BATS_TEST_DIRNAME/../../build/fermata}
    export FERMATA_KEEP=${FERMATA_KEEP:-$(dirname "$FERMATA")/fermata-keep}
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
    local id
    [ -d "$PROJECT/.fermata/workflows" ] || return 0
    for id in "$PROJECT"/.fermata/workflows/wf_*; do
        [ -d "$id" ] || continue
        ! grep -Eqs -m 1 '^  "status": "(completed|cancelled)"' "$id/state.json" || continue
        "$LOOKING" -C "$PROJECT" cancel "$(basename "$id")" >/dev/null 2>&1 || true
    done
}

fermata() {
    "$FERMATA" "$@"
}

# Runs with standard output and standard error apart: $output, $stderr, $status.
run_apart() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/out")
    stderr=$(cat "$BATS_TEST_TMPDIR/err")
}

# workflow NAME <<text: a workflow of the project
workflow() {
    mkdir -p .fermata/workflows
    cat >".fermata/workflows/$1.yaml"
}

# json EXPRESSION: the expression over `d`, the JSON on standard input
json() {
    python3 -IS -c 'import json,sys
d = json.load(sys.stdin)
v = eval(sys.argv[1])
print(v if isinstance(v, str) else json.dumps(v))' "$1"
}

status_of() {
    "$LOOKING" status "$1" --json | json 'd["status"]'
}

# wait_until COMMAND...: waits for an event that only another process can bring; at most 30 s
wait_until() {
    local i
    for ((i = 0; i < 600; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    echo "waited in vain for: $*" >&2
    return 1
}

has_status() {
    [ "$(status_of "$1")" = "$2" ]
}

is_owned() {
    [ "$("$LOOKING" status "$1" --json | json 'd["owned"]')" = true ]
}

is_ownerless() {
    [ "$("$LOOKING" status "$1" --json | json 'd["owned"]')" = false ]
}

# Every line of the text fits into 80 columns.
fits_80_columns() {
    python3 -IS -c 'import sys, unicodedata
for line in sys.stdin.read().splitlines():
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    assert width <= 80, (width, line)'
}
