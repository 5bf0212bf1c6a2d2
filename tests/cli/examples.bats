#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What the help and the README show works as it stands there, pasted into a shell.

load helper

setup() {
    setup_project
    PATH=$(cd "$(dirname "$FERMATA")" && pwd):$PATH
}

teardown() {
    [ -z "${SERVER:-}" ] || kill "$SERVER"
    touch go
    teardown_project
}

# another_folder: of the next example; a process of the last one may still write its run's files
another_folder() {
    FOLDERS=$((${FOLDERS:-0} + 1))
    PROJECT=$BATS_TEST_TMPDIR/project$FOLDERS
}

# new_project: a git repository with a project of its own, empty; the working folder from here on
new_project() {
    another_folder
    if [ -e "$BATS_TEST_TMPDIR/new" ]; then
        cp -a "$BATS_TEST_TMPDIR/new" "$PROJECT"
        cd "$PROJECT" || return 1
        return 0
    fi
    mkdir -p "$PROJECT"
    cd "$PROJECT" || return 1
    git init -q .
    fermata init >/dev/null
    printf 'int main(void)\n{\n    return 0;\n}\n' >main.c
    printf Ada >name.txt
    cp .fermata/workflows/hello.yaml draft.yaml
    git add -A
    git -c user.name=Ada -c user.email=ada@example.com commit -qm "first"
    cp -a "$PROJECT" "$BATS_TEST_TMPDIR/new"
}

# fails_first NAME PHASE STEP [GATE]: a run of that workflow waits for a decision; its cause is gone
fails_first() {
    workflow "$1" <<END
name: $1
gates: { strict: { allow_skip: true, commands: [{ run: "test -e fixed" }] } }
phases:
  - id: $2
    steps: [{ id: $3, run: "test -e fixed", retry: { attempts: 1 } }]
    ${4:+gate: strict}
END
    [ -z "${4:-}" ] || sed -i 's/run: "test -e fixed", retry/run: "true", retry/' ".fermata/workflows/$1.yaml"
    fermata run -w "$1" >/dev/null 2>&1 || [ $? -eq 3 ]
    [ -n "${4:-}" ] || touch fixed
}

# The step asks two questions, until the prompt has answers.
waits_for_answer() {
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
agents: { asker: { type: command, command: [$PWD/asker.sh] } }
END
    cat >asker.sh <<'END'
#!/bin/sh
if grep -q '^A: '; then echo done; else
    echo '{"clarification_needed": true, "questions": ["Which?", "Why?"]}'
fi
END
    chmod +x asker.sh
    echo "Two, since the tests say so" >answer.md
    workflow asks <<'END'
name: asks
phases: [{ id: ask, steps: [{ id: design, agent: asker, prompt: "Go" }] }]
END
    fermata run -w asks >/dev/null 2>&1 || [ $? -eq 3 ]
}

waits_for_approval() {
    workflow asks <<'END'
name: asks
phases: [{ id: ask, steps: [{ id: consent, approve: "Good?" }] }, { id: do, steps: [{ id: it, run: "true" }] }]
END
    fermata run -w asks >/dev/null 2>&1 || [ $? -eq 3 ]
}

holds() {
    workflow holds <<'END'
name: holds
phases:
  - { id: a, steps: [{ id: one, run: "touch begun; await go" }] }
  - { id: b, steps: [{ id: two, run: "true" }] }
END
    id=$(fermata run -w holds --detach "$@")
    wait_until test -e begun
}

# paused_on_request [OPTION]...: of the run
paused_on_request() {
    holds "$@"
    fermata pause "$id" >/dev/null
    touch go
    wait_until has_status "$id" paused
    wait_until is_ownerless "$id"
}

# A model server; it ends with the test.
served_models() {
    local port=$BATS_TEST_TMPDIR/port
    if [ ! -s "$port" ]; then
        python3 "$BATS_TEST_DIRNAME/../support/mock_models.py" --port 0 --port-file "$port" \
            >/dev/null 2>&1 3>&- &
        SERVER=$!
        wait_until test -s "$port"
    fi
    mkdir -p .fermata
    echo "agents: { ollama: { endpoint: \"http://127.0.0.1:$(cat "$port")\" } }" >.fermata/config.yaml
}

# A program that answers as Codex does.
installed_codex() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/codex" <<'END'
#!/bin/sh
[ "$1" = --version ] && { echo "codex-cli 0.169.0"; exit; }
cat >/dev/null
echo '{"type":"thread.started","thread_id":"t-1"}'
echo '{"type":"turn.started"}'
echo '{"type":"item.completed","item":{"id":"i0","type":"agent_message","text":"It is small."}}'
echo '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":2}}'
END
    chmod +x "$BATS_TEST_TMPDIR/bin/codex"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# A step changed a file.
edited() {
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'END'
default_agent: editor
agents: { editor: { type: command, command: [sh, -c, "cat >/dev/null; echo new >made; echo done"] } }
END
    workflow edits <<'END'
name: edits
phases: [{ id: work, steps: [{ id: implement, prompt: "Go" }] }]
END
    fermata run -w edits >/dev/null 2>&1
}

# A step that was to change nothing did, and its answer is kept.
refused() {
    cat >claude.sh <<'END'
#!/bin/sh
cat >/dev/null
echo new >made
echo '{"type":"system","subtype":"init","session_id":"s1"}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"fine","session_id":"s1"}'
END
    chmod +x claude.sh
    mkdir -p .fermata
    echo "agents: { reader: { type: claude, command: [$PWD/claude.sh] } }" >.fermata/config.yaml
    workflow looks <<'END'
name: looks
phases: [{ id: look, steps: [{ id: review, agent: reader, prompt: "Go", read_only: true, retry: { attempts: 1 } }] }]
END
    fermata run -w looks >/dev/null 2>&1 || [ $? -eq 3 ]
}

# Tests and coverage that are well, and look at the files.
tested() {
    mkdir -p tests
    printf '#!/bin/sh\necho "1 passed, 0 failed"\n' >tests/run_test.sh
    printf 'test:\n\tsh tests/run_test.sh\ncoverage: test\n\techo "Total coverage: 100%%"\n' >Makefile
}

# A review takes some seconds; one serves all.
reviewed() {
    if [ ! -e "$BATS_TEST_TMPDIR/reviewed" ]; then
        fermata run -w code-review --strategy static >/dev/null 2>&1
        cp -a "$PROJECT" "$BATS_TEST_TMPDIR/reviewed"
    fi
    another_folder
    cp -a "$BATS_TEST_TMPDIR/reviewed" "$PROJECT"
    cd "$PROJECT" || return 1
}

# Files of stories, and whose program does them.
stories() {
    installed_codex
    mkdir -p tasks
    echo '{"userStories": [{"id": "US-1", "title": "Log in", "passes": false}]}' >tasks/prd.json
    echo "- [ ] Log in" >TODO.md
}

# The state that a command is for. One that needs nothing but a run that is over gets a review.
prepare() {
    new_project
    case $1 in
    "fermata init"*) rm -r .fermata ;;
    "fermata run"*) ;;
    "fermata resume"*--retry-failed*) fails_first w p unit ;;
    "fermata resume"*--budget*) paused_on_request --budget usd=1 ;;
    "fermata resume"*) paused_on_request ;;
    "fermata edit"*)
        paused_on_request
        sed 's/run: "true"/run: "echo edited"/' .fermata/workflows/holds.yaml >draft.yaml
        ;;
    "fermata pause"*) holds ;;
    "fermata retry"*) fails_first w p unit ;;
    "fermata skip"*--gate*) fails_first w test unit gate ;;
    "fermata skip"*) fails_first w p lint ;;
    "fermata cancel"* | "fermata checkpoint "* | "fermata signal"*) paused_on_request ;;
    "fermata approve last review"*) refused ;;
    "fermata gate"*) tested ;;
    "fermata loop"*) stories ;;
    "fermata approve"* | "fermata reject"*) waits_for_approval ;;
    "fermata answer"*) waits_for_answer ;;
    "fermata models"*) served_models ;;
    "fermata undo"*--back*)
        edited
        fermata undo last >/dev/null
        ;;
    "fermata undo"* | "fermata diff"*) edited ;;
    "fermata agents codex"* | "fermata test-agent"*) installed_codex ;;
    *) reviewed ;;
    esac
}

@test "every example of every command works as it stands" {
    fermata help --json >all.json
    python3 -IS - all.json >"$BATS_TEST_TMPDIR/examples" <<'END'
import json, sys
for command in json.load(open(sys.argv[1]))["commands"]:
    lines = [line for line in command["example"].splitlines() if not line.startswith(" ")]
    assert lines, command["name"]
    for line in lines:
        print(line)
END
    [ "$(wc -l <"$BATS_TEST_TMPDIR/examples")" -ge 40 ]
    while IFS= read -r line; do
        # What a first example made is there for the second.
        [[ $line == "fermata run -w hello -i who=Ada" ]] || prepare "$line"
        rc=0
        bash -euc "$line" >out 2>err </dev/null || rc=$?
        # At a fixed port nobody need listen: then it has to say so.
        [[ $rc -eq 4 && $line == *"--endpoint"* ]] && grep -q "no server answers" out err && rc=0
        [ "$rc" -eq 0 ] || {
            echo "$line: $rc"
            cat out err
            return 1
        }
        # A person who did not ask for JSON gets none.
        [[ $line == *schema* || $line == *--json* || $(head -n 1 out) != "{" ]] || {
            echo "$line"
            cat out
            return 1
        }
        teardown_project
    done <"$BATS_TEST_TMPDIR/examples"
}

@test "the workflow of the README is valid and goes the way that the README tells" {
    new_project
    sed -n '/^```yaml$/,/^```$/p' "$BATS_TEST_DIRNAME/../../README.md" | sed '1d;$d' >release-check.yaml
    printf 'all:\n\t@echo built\ntest:\n\t@echo 1..1; echo ok 1 works\n' >Makefile
    sed -n 's/^\$ \(fermata [a-z].*release-check.*\|fermata .* last.*\|fermata status.*\)/\1/p' \
        "$BATS_TEST_DIRNAME/../../README.md" | sed 's/ *#.*//' >commands
    [ "$(wc -l <commands)" -eq 5 ]
    while IFS= read -r line; do
        rc=0
        bash -euc "$line" >out 2>err </dev/null || rc=$?
        # At a fixed port nobody need listen: then it has to say so.
        [[ $rc -eq 4 && $line == *"--endpoint"* ]] && grep -q "no server answers" out err && rc=0
        case $line in
        # It waits for a person, and says so.
        "fermata run "* | "fermata status"*) expected=3 ;;
        *) expected=0 ;;
        esac
        [ "$rc" -eq "$expected" ] || {
            echo "$line: $rc"
            cat out err
            return 1
        }
    done <commands
    [ "$(git tag)" = v1.4.0 ]
    [ "$(status_of last)" = completed ]
}
