#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What agents do to the files: shown, taken back, brought back again.

bats_require_minimum_version 1.5.0
load helper

setup() {
    setup_project
}

teardown() {
    teardown_project
}

# agent NAME <<script: an agent of the configuration that runs this as its program
agent() {
    mkdir -p .fermata "$BATS_TEST_TMPDIR/agents"
    [ -e .fermata/config.yaml ] || printf 'agents:\n' >.fermata/config.yaml
    cat >"$BATS_TEST_TMPDIR/agents/$1"
    printf '  %s: { type: command, command: [sh, %s] }\n' "$1" "$BATS_TEST_TMPDIR/agents/$1" \
        >>.fermata/config.yaml
}

# Every file of the project with its mode and content, links and all.
state() {
    find . -path ./.fermata -prune -o -path ./.git -prune -o \( -type f -o -type l \) -print0 |
        sort -z | while IFS= read -r -d '' file; do
        if [ -L "$file" ]; then
            printf '%s link %s\n' "$file" "$(readlink "$file")"
        else
            printf '%s %s %s\n' "$file" "$(stat -c %a "$file")" "$(sha256sum <"$file")"
        fi
    done
}

# A project with a file of each kind, and an agent that leaves none as it is.
prepare() {
    git init -q .
    printf 'one\n' >tracked
    printf 'two\r\nthree' >"with space"
    printf '#!/bin/sh\n' >script && chmod 755 script
    ln -s tracked link
    mkdir -p deep/er && printf 'deep\n' >deep/er/file
    printf 'secret\n*.o\nbuilt/\n' >.gitignore
    git add -A && git -c user.name=a -c user.email=a@b commit -qm first
    printf 'key' >secret && chmod 600 secret
    mkdir built && printf 'object' >built/x.o
    printf 'mine\0binary' >untracked
    printf 'changed\n' >tracked
    agent editor <<'EOF'
cat >/dev/null
printf 'by the agent\n' >tracked
rm -rf deep "with space" built
printf 'file now' >deep
chmod 644 script
ln -sf untracked link
printf 'other' >secret && chmod 644 secret
rm untracked && mkdir untracked && printf 'x' >untracked/x
mkdir -p new/folder && printf 'new\n' >new/folder/file
echo done
EOF
    workflow w <<'EOF'
name: w
phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go }] }]
EOF
}

@test "undo brings back tracked, untracked, ignored and deleted files byte for byte" {
    prepare
    state >"$BATS_TEST_TMPDIR/before"
    git status --porcelain >"$BATS_TEST_TMPDIR/git-before"
    fermata run -w w
    state >"$BATS_TEST_TMPDIR/after"
    run ! cmp -s "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
    fermata undo last >"$BATS_TEST_TMPDIR/out"
    state | diff "$BATS_TEST_TMPDIR/before" -
    git status --porcelain | diff "$BATS_TEST_TMPDIR/git-before" -
    [ ! -e new ]
    grep -q '^modified  tracked$' "$BATS_TEST_TMPDIR/out"
    [ "$(fermata undo last --json | json 'len(d["files"])')" = 0 ]
    fermata undo last --back
    state | diff "$BATS_TEST_TMPDIR/after" -
    fermata undo last --back
    state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "undo works the same in a project without git" {
    prepare
    rm -rf .git .gitignore
    state >"$BATS_TEST_TMPDIR/before"
    fermata run -w w
    fermata undo last
    state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "what the user did since is named, and nothing is done without --force" {
    prepare
    state >"$BATS_TEST_TMPDIR/before"
    fermata run -w w
    printf 'the user was here\n' >>tracked
    state >"$BATS_TEST_TMPDIR/later"
    run_apart fermata undo last
    [ "$status" -eq 1 ]
    [[ $stderr == *"changed since: tracked"*"--force"* ]]
    state | diff "$BATS_TEST_TMPDIR/later" -
    fermata undo last --force
    state | diff "$BATS_TEST_TMPDIR/before" -
    fermata undo last --back
    state | diff "$BATS_TEST_TMPDIR/later" -
}

@test "what somebody changed between two steps is not taken back unasked" {
    agent first <<<'cat >/dev/null; echo first >file; echo done'
    agent second <<<'cat >/dev/null; echo second >>file; echo done'
    workflow w <<'EOF'
name: w
phases:
  - { id: p, steps: [{ id: a, agent: first, prompt: go }, { id: ok, approve: "sure?" }, { id: b, agent: second, prompt: go }] }
EOF
    run_apart fermata run -w w --no-input
    [ "$status" -eq 3 ]
    echo user >>file
    fermata approve last ok --resume
    run_apart fermata undo last
    [ "$status" -eq 1 ]
    [[ $stderr == *"changed since: file"* ]]
    fermata undo last b
    [ "$(cat file)" = "$(printf 'first\nuser')" ]
    run_apart fermata undo last a
    [ "$status" -eq 1 ]
    [ "$(cat file)" = "$(printf 'first\nuser')" ]
}

@test "diff shows what a run or a step did, as git would" {
    prepare
    fermata run -w w
    fermata diff last >"$BATS_TEST_TMPDIR/diff"
    grep -q '^diff --git a/tracked b/tracked$' "$BATS_TEST_TMPDIR/diff"
    grep -q '^-changed$' "$BATS_TEST_TMPDIR/diff"
    grep -q '^+by the agent$' "$BATS_TEST_TMPDIR/diff"
    grep -q '^old mode 100755$' "$BATS_TEST_TMPDIR/diff"
    fermata diff last s --stat | grep -q '^new/folder/file | +1 -0$'
    [ "$(fermata diff last --json | json '[f["status"] for f in d["files"] if f["path"] == "new/folder/file"][0]')" = added ]
    fermata undo last
    fermata diff last | diff "$BATS_TEST_TMPDIR/diff" -
    run_apart fermata diff last t
    [ "$status" -eq 6 ]
}

@test "a step whose changes were taken back is done again, not reused" {
    agent editor <<<'cat >/dev/null; echo x >made; echo done'
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go }] }] }'
    fermata run -w w
    fermata undo last
    fermata run -w w
    [ "$(cat made)" = x ]
    fermata explain last s | grep -q "the earlier one changed files"
}

@test "a run without agents has nothing to show or take back" {
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, run: "echo x >file" }] }] }'
    fermata run -w w
    [ ! -e .fermata/snapshots ]
    run_apart fermata undo last
    [ "$status" -eq 6 ]
    [[ $stderr == *"no agent that may edit files"* ]]
}

@test "what is too large is left out and named" {
    agent big <<<'cat >/dev/null; echo x >small; rm large; echo done'
    truncate -s 70M large
    git init -q . && printf 'cache/\n' >.gitignore && mkdir cache
    (cd cache && seq 1100 | xargs touch)
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: big, prompt: go }] }] }'
    fermata run -w w
    fermata undo last >"$BATS_TEST_TMPDIR/out"
    grep -q '^Too large to be kept, left as they are: cache, large$' "$BATS_TEST_TMPDIR/out"
    [ ! -e small ]
}

@test "gc removes snapshots with their runs, and only these" {
    prepare
    fermata run -w w
    fermata gc
    fermata undo last
    fermata gc
    fermata undo last --back
    fermata gc --older-than 0s
    [ -z "$(find .fermata/snapshots -type f)" ]
}

@test "while a run is under way nothing of it is taken back, but what it did so far is shown" {
    prepare
    agent slow <<<"cat >/dev/null; echo soon >early; touch $BATS_TEST_TMPDIR/begun; cat $BATS_TEST_TMPDIR/pipe; echo done"
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    workflow slow <<<'{ name: slow, phases: [{ id: p, steps: [{ id: s, agent: slow, prompt: go }] }] }'
    fermata run -w slow --detach
    wait_until test -e "$BATS_TEST_TMPDIR/begun"
    fermata diff last | grep -q '^+soon$'
    run_apart fermata undo last
    [ "$status" -eq 75 ]
    echo >"$BATS_TEST_TMPDIR/pipe"
    wait_until has_status last completed
    wait_until is_ownerless last
    fermata undo last
    [ ! -e early ]
}

# meeting NAME: an agent that fails when another one is at work beside it
meeting() {
    agent "$1" <<EOF
cat >/dev/null
mkdir "$BATS_TEST_TMPDIR/room" || exit 9
echo \$FERMATA_STEP >>order
cat order >/dev/null
rmdir "$BATS_TEST_TMPDIR/room"
echo done
EOF
}

@test "agents change the project one at a time, over all runs" {
    meeting alone
    workflow w <<'EOF'
name: w
concurrency: 8
phases:
  - { id: p, mode: parallel, steps: [{ id: a, agent: alone, prompt: go, retry: { attempts: 1 } }, { id: b, agent: alone, prompt: go, retry: { attempts: 1 } }, { id: c, agent: alone, prompt: go, retry: { attempts: 1 } }] }
EOF
    fermata run -w w &
    fermata run -w w --fresh
    wait $!
    [ "$(sort order | uniq -c | tr -d ' \n')" = "2a2b2c" ]
    [ ! -s .fermata/writer ]
}

@test "readers work beside each other and beside a writer" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    printf '{"type":"system","subtype":"init","session_id":"s1"}\n{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s1","terminal_reason":"completed"}\n' >"$BATS_TEST_TMPDIR/stream"
    agent writer <<<"cat >/dev/null; cat $BATS_TEST_TMPDIR/pipe; echo done"
    agent reader <<<"cat >/dev/null; echo >$BATS_TEST_TMPDIR/pipe; cat $BATS_TEST_TMPDIR/stream"
    sed -i 's/reader: { type: command/reader: { type: claude/' .fermata/config.yaml
    workflow w <<'EOF'
name: w
concurrency: 8
phases:
  - { id: p, mode: parallel, steps: [{ id: w, agent: writer, prompt: go }, { id: r, agent: reader, prompt: go, read_only: true }] }
EOF
    fermata run -w w
}

@test "an agent that outlives its orchestrator keeps others from the files" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    agent slow <<<"cat >/dev/null; touch $BATS_TEST_TMPDIR/begun; cat $BATS_TEST_TMPDIR/pipe; echo slow >>order; echo done"
    agent quick <<<'cat >/dev/null; echo quick >>order; echo done'
    workflow slow <<<'{ name: slow, phases: [{ id: p, steps: [{ id: s, agent: slow, prompt: go }] }] }'
    workflow quick <<<'{ name: quick, phases: [{ id: p, steps: [{ id: s, agent: quick, prompt: go }] }] }'
    "$FERMATA" run -w slow >/dev/null 2>&1 &
    orchestrator=$!
    wait_until test -e "$BATS_TEST_TMPDIR/begun"
    slow=$(fermata list --json | json 'd["runs"][0]["id"]')
    kill -9 "$orchestrator"
    wait "$orchestrator" || true
    fermata run -w quick >/dev/null 2>&1 &
    wait_until grep -q . .fermata/writer
    echo >"$BATS_TEST_TMPDIR/pipe"
    wait
    [ "$(tr '\n' ' ' <order)" = "slow quick " ]
    fermata resume "$slow"
    fermata diff "$slow" | grep -q '^+slow$'
    run ! grep -q quick <(fermata diff "$slow")
}
