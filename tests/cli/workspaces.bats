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

has_lines() {
    [ "$(wc -l <"$1")" -eq "$2" ]
}

all_completed() {
    [ "$(fermata list --json | json 'sorted({r["status"] for r in d["runs"]})')" = '["completed"]' ]
}

# repository: a project with history and with changes that are not committed
repository() {
    git init -q .
    printf '.fermata\n.env\n*.log\n' >.gitignore
    seq 1 30 >numbers
    echo committed >file
    git add -A && git -c user.name=a -c user.email=a@b commit -qm first
    echo uncommitted >file
    echo untracked >"more"
    echo KEY=1 >.env
    echo noise >x.log
}

@test "a clone has everything but what git ignores, and what it becomes comes into the project" {
    repository
    agent editor <<EOF
cat >/dev/null
pwd >"$BATS_TEST_TMPDIR/where"
env | grep ^FERMATA_ >"$BATS_TEST_TMPDIR/environment"
cat file more .env >"$BATS_TEST_TMPDIR/seen"
ls -A >"$BATS_TEST_TMPDIR/names"
git status --porcelain >"$BATS_TEST_TMPDIR/status"
git log --oneline >"$BATS_TEST_TMPDIR/log"
git remote >"$BATS_TEST_TMPDIR/remote"
echo made >new; rm more; echo noise >y.log; echo edited >>file
git -C "$PROJECT" status --porcelain >"$BATS_TEST_TMPDIR/meanwhile"
echo done
EOF
    sed -i '1i workspace_files: [.env]' .fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go, workspace: clone }] }] }'
    git status --porcelain >"$BATS_TEST_TMPDIR/before"
    fermata run -w w
    [[ $(cat "$BATS_TEST_TMPDIR/where") == "$PROJECT"/.fermata/workflows/*/workspaces/s/tree ]]
    [ "$(cat "$BATS_TEST_TMPDIR/seen")" = "$(printf 'uncommitted\nuntracked\nKEY=1')" ]
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/names")" = ".env .git .gitignore file more numbers " ]
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/status"
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/meanwhile"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
    [ ! -s "$BATS_TEST_TMPDIR/remote" ]
    grep -q '^FERMATA_PORT_BASE=20100$' "$BATS_TEST_TMPDIR/environment"
    grep -q "^FERMATA_WORKSPACE=$PROJECT/.fermata/workflows/" "$BATS_TEST_TMPDIR/environment"
    [ "$(cat new)" = made ]
    [ ! -e more ]
    [ ! -e y.log ]
    [ -e "$(cat "$BATS_TEST_TMPDIR/where")/y.log" ]
    [ "$(cat file)" = "$(printf 'uncommitted\nedited')" ]
    fermata diff last --stat | grep -q '^file | +1 -0$'
    fermata undo last
    [ "$(cat file more)" = "$(printf 'uncommitted\nuntracked')" ]
    [ ! -e new ]
}

@test "without git, and where the project is only a part of a repository, clones work too" {
    agent editor <<<'cat >/dev/null; echo edited >>file; mkdir -p sub && echo new >sub/file; echo done'
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go, workspace: clone }] }] }'
    echo plain >file
    fermata run -w w
    [ "$(cat file sub/file)" = "$(printf 'plain\nedited\nnew')" ]
    [ -z "$(find .fermata/workflows -name tree)" ]
    git init -q .. && git -C .. add -A
    fermata run -w w
    [ "$(cat file)" = "$(printf 'plain\nedited\nedited')" ]
}

@test "parallel clones have ports of their own and come in the order of their steps" {
    repository
    agent late <<EOF
cat >/dev/null
echo \$FERMATA_PORT_BASE >>"$BATS_TEST_TMPDIR/ports"
[ \$FERMATA_STEP = b ] || until [ -e \$FERMATA_RUN_FOLDER/attempts/b.1/exit.json ]; do sleep 0.01; done
sed -i "\$([ \$FERMATA_STEP = a ] && echo 1 || echo 30)s/.*/\$FERMATA_STEP/" numbers
echo done
EOF
    workflow w <<'EOF'
name: w
concurrency: 4
defaults: { agent: late, workspace: clone }
phases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: go }, { id: b, prompt: go }] }]
EOF
    fermata run -w w
    [ "$(sort "$BATS_TEST_TMPDIR/ports" | tr '\n' ' ')" = "20100 20200 " ]
    [ "$(sed -n '1p;30p' numbers | tr '\n' ' ')" = "a b " ]
    [ "$(sed -n 2p numbers)" = 2 ]
    [ "$(fermata logs last --records | grep '"kind":"attempt_ended"' | grep -o '"step":"[ab]"' | tr -d '\n')" = '"step":"a""step":"b"' ]
}

@test "workspaces that live at once, of all runs, have the files that are named and ports of their own" {
    repository
    printf '.fermata\n.env\nlocal/\n*.log\n' >.gitignore
    mkdir -p local/deep config && echo deep >local/deep/key && echo ignored >local/x.log && echo tracked >config/set
    agent living <<EOF
cat >/dev/null
cat .env local/deep/key config/set >>"$BATS_TEST_TMPDIR/files"
[ ! -e x.log ] || echo x.log >>"$BATS_TEST_TMPDIR/files"
echo \$FERMATA_PORT_BASE >>"$BATS_TEST_TMPDIR/ports"
read -r go <"$BATS_TEST_TMPDIR/go"
echo done
EOF
    sed -i '1i workspace_files: [.env, local/deep, not-there]' .fermata/config.yaml
    mkfifo "$BATS_TEST_TMPDIR/go"
    exec 8<>"$BATS_TEST_TMPDIR/go"
    workflow w <<'EOF'
name: w
concurrency: 4
defaults: { agent: living, workspace: clone, retry: { attempts: 1 } }
phases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: go }, { id: b, prompt: go }] }]
EOF
    fermata run -w w --detach
    fermata run -w w --fresh --detach
    wait_until has_lines "$BATS_TEST_TMPDIR/ports" 4
    printf 'go\ngo\ngo\ngo\n' >&8
    wait_until all_completed
    exec 8>&-
    [ "$(sort -u "$BATS_TEST_TMPDIR/ports" | tr '\n' ' ')" = "20100 20200 20300 20400 " ]
    [ "$(sort "$BATS_TEST_TMPDIR/files" | uniq -c | tr -s ' \n' ' ')" = " 4 KEY=1 4 deep 4 tracked " ]
}

@test "a merge conflict names both sides and touches nothing; the others are merged" {
    repository
    agent same <<'EOF'
cat >/dev/null
echo $FERMATA_STEP >>list
sed -i "1s/.*/$FERMATA_STEP/" numbers
echo done
EOF
    workflow w <<'EOF'
name: w
concurrency: 4
defaults: { agent: same, workspace: clone, retry: { attempts: 1 } }
phases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: go }, { id: b, prompt: go }] }]
EOF
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(cat list)" = a ]
    [ "$(sed -n 1p numbers)" = a ]
    fermata show last --json | json '[s["error"] for p in d["phases"] for s in p["steps"] if s["key"] == "b"][0]' >"$BATS_TEST_TMPDIR/error"
    grep -q "merge conflict: .*step b changed the same lines of list, numbers; .* $PROJECT, .*/workspaces/b/tree" "$BATS_TEST_TMPDIR/error"
}

# conflicting KEYS: two steps in clones; the second changes the line that the first changed, and
# removes the file to which the first added
conflicting() {
    agent same <<'EOF'
cat >/dev/null
sed -i "1s/.*/$FERMATA_STEP/" numbers
echo $FERMATA_STEP >own.$FERMATA_STEP
[ $FERMATA_STEP = a ] && echo more >>more || rm more
echo done
EOF
    workflow w <<EOF
name: w
concurrency: 4
defaults: { agent: same, workspace: clone, retry: { attempts: 2, delay: 0s } }
phases: [{ id: p, mode: parallel, steps: [{ id: a, prompt: go }, { id: b, prompt: "the task of b"$1 }] }]
EOF
}

@test "a merge conflict goes to the agent that is named for it, with both sides and what was before" {
    repository
    conflicting ', on_conflict: merger'
    agent merger <<EOF
cat >"$BATS_TEST_TMPDIR/prompt"
pwd >"$BATS_TEST_TMPDIR/where"
cp numbers "$BATS_TEST_TMPDIR/marked"
ls >"$BATS_TEST_TMPDIR/names"
{ echo a and b; seq 2 30; } >numbers
echo settled >more
echo done
EOF
    fermata run -w w
    [[ $(cat "$BATS_TEST_TMPDIR/where") == */workspaces/b/tree ]]
    grep -q '^the task of b$' "$BATS_TEST_TMPDIR/prompt"
    grep -q '^# A merge conflict$' "$BATS_TEST_TMPDIR/prompt"
    [ "$(grep '^## ' "$BATS_TEST_TMPDIR/prompt" | tr -d '\n')" = '## more## numbers' ]
    grep -qxF 'It is not there.' "$BATS_TEST_TMPDIR/prompt"
    [ "$(grep -cx untracked "$BATS_TEST_TMPDIR/prompt")" = 2 ]
    [ "$(head -7 "$BATS_TEST_TMPDIR/marked" | tr '\n' ' ')" = \
        '<<<<<<< the project a ||||||| both before 1 ======= b >>>>>>> the step ' ]
    grep -qx own.a "$BATS_TEST_TMPDIR/names"
    [ "$(head -2 numbers | tr '\n' ' ')" = 'a and b 2 ' ]
    [ "$(cat more own.a own.b | tr '\n' ' ')" = 'settled a b ' ]
    [ "$(fermata logs last --records | grep -c '"merged":')" = 2 ]
    fermata logs last --records | grep -q '"conflicts":\["more","numbers"\]'
    fermata undo last
    [ "$(head -1 numbers)" = 1 ]
    [ "$(cat more)" = untracked ]
    [[ ! -e own.a && ! -e own.b ]]
}

@test "marks that an agent left in a conflict come into no project; it is asked again, then a person is" {
    repository
    conflicting ', on_conflict: merger'
    agent merger <<EOF
cat >/dev/null
echo x >>"$BATS_TEST_TMPDIR/asked"
[ ! -e "$BATS_TEST_TMPDIR/able" ] || { echo both; seq 2 30; } >numbers
echo done
EOF
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -eq 2 ]
    [ "$(head -1 numbers)" = a ]
    fermata show last --json | grep -q 'numbers still has the marks of both sides'
    fermata diff last b >/dev/null
    touch "$BATS_TEST_TMPDIR/able"
    sed -i 's/sed -i.*/[ $FERMATA_STEP = b ] || &/' "$BATS_TEST_TMPDIR/agents/same"
    fermata retry last b --resume
    [ "$(head -1 numbers)" = both ]
    [ "$(fermata logs last --records | grep -c '"merged":')" = 2 ]
}

@test "a project that changes once more while a conflict is settled is a conflict again" {
    repository
    conflicting ', on_conflict: merger'
    agent merger <<EOF
cat >/dev/null
[ -e "$BATS_TEST_TMPDIR/second" ] || sed -i '1s/.*/the user/' "$PROJECT/numbers"
touch "$BATS_TEST_TMPDIR/second"
{ grep -q '^the user' numbers && echo all of them || echo a and b; seq 2 30; } >n && mv n numbers
rm -f more
echo done
EOF
    fermata run -w w
    [ "$(head -2 numbers | tr '\n' ' ')" = 'all of them 2 ' ]
    [ ! -e more ]
}

@test "without an agent for it, and of what cannot be laid into a clone, a conflict pauses at once" {
    repository
    conflicting ', fallback: [merger]'
    agent merger <<<"cat >/dev/null; touch '$BATS_TEST_TMPDIR/asked'; echo done"
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    mkdir folder && echo mine >folder/file
    agent nester <<<'cat >/dev/null; git init -q folder; echo done'
    workflow n <<<'{ name: n, phases: [{ id: p, steps: [{ id: s, agent: nester, prompt: go, workspace: clone, on_conflict: merger }] }] }'
    run_apart fermata run -w n
    [ "$status" -eq 3 ]
    [ ! -e "$BATS_TEST_TMPDIR/asked" ]
}

@test "the gate of a phase proves the merged tree, and the phase is not complete without it" {
    repository
    agent one <<<'cat >/dev/null; echo $FERMATA_STEP >own.$FERMATA_STEP; echo done'
    workflow w <<'EOF'
name: w
concurrency: 4
defaults: { agent: one, workspace: clone, retry: { attempts: 1 } }
gates:
  both: { commands: [{ run: "cat own.a own.b wanted" }] }
phases:
  - { id: p, mode: parallel, gate: both, steps: [{ id: a, prompt: go }, { id: b, prompt: go }] }
  - { id: q, steps: [{ id: after, run: "touch after" }] }
EOF
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ ! -e after ]
    touch wanted
    fermata resume last --retry-failed
    [ -e after ]
    [ "$(fermata logs last --records | grep -c '"merged":')" = 2 ]
}

@test "what of a clone cannot be merged is named and kept, and the merge names no more" {
    repository
    agent maker <<'EOF'
cat >/dev/null
echo new >made
echo noise >y.log
echo KEY=2 >.env
truncate -s 65M large
git init -q nested && echo deep >nested/file
echo done
EOF
    sed -i '1i workspace_files: [.env]' .fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: maker, prompt: go, workspace: clone }] }] }'
    fermata run -w w
    tree=$(fermata show last --json | json '[s["files"]["left_in"] for p in d["phases"] for s in p["steps"]][0]')
    [ "$(fermata show last --json | json '" ".join(d["phases"][0]["steps"][0]["files"]["left"])')" = ".env nested y.log large" ]
    [ "$(fermata show last --json | json 'd["phases"][0]["steps"][0]["files"]["merged"]')" = 1 ]
    [ "$(cat made .env)" = "$(printf 'new\nKEY=1')" ]
    [[ ! -e nested && ! -e large && ! -e y.log ]]
    [ "$(cat "$tree/nested/file" "$tree/y.log" "$tree/.env")" = "$(printf 'deep\nnoise\nKEY=2')" ]
    [ "$(stat -c %s "$tree/large")" -eq $((65 * 1024 * 1024)) ]
    grep -q "WARN.*; not merged: .env, nested, y.log, large (kept in $tree)" .fermata/workflows/wf_*/logs/orchestrator.log
    fermata show last | tr -s ' \n' ' ' | grep -q 'not merged: .env'
    fermata gc --older-than 0s
    [ ! -e "$tree" ]
}

@test "where both sides gave a file another mode neither wins" {
    repository
    chmod 644 file
    agent modes <<EOF
cat >/dev/null; chmod 755 file; chmod 600 "$PROJECT/file"; echo done
EOF
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: modes, prompt: go, workspace: clone, retry: { attempts: 1 } }] }] }'
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(stat -c %a file)" = 600 ]
}

@test "a clone whose repository the agent removed is no part of the one around it" {
    repository
    agent remover <<<'cat >/dev/null; rm -rf .git; echo made >new; rm more; echo done'
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: remover, prompt: go, workspace: clone, retry: { attempts: 1 } }] }] }'
    fermata run -w w
    [ "$(cat new file)" = "$(printf 'made\nuncommitted')" ]
    [ ! -e more ]
}

@test "a folder that became a repository of its own in a clone is not taken for gone" {
    repository
    mkdir folder && echo mine >folder/file
    agent nester <<<'cat >/dev/null; git init -q folder; echo done'
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: nester, prompt: go, workspace: clone, retry: { attempts: 1 } }] }] }'
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(cat folder/file)" = mine ]
    fermata show last --json | grep -q 'merge conflict.*folder/file'
}

@test "the longest name and a name with a line break are shown and brought back" {
    long=$(printf 'x%.0s' {1..255})
    echo long >"$long"
    echo broken >$'a\nb'
    agent remover <<<'cat >/dev/null; rm -- x* a*; echo done'
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: remover, prompt: go }] }] }'
    fermata run -w w
    fermata diff last | grep -q '^-long$'
    fermata undo last
    [ "$(cat "$long" $'a\nb')" = "$(printf 'long\nbroken')" ]
}

@test "neither diff nor undo goes through a link that somebody put where a folder was" {
    mkdir "$BATS_TEST_TMPDIR/elsewhere" folder
    echo precious >"$BATS_TEST_TMPDIR/elsewhere/a"
    echo old >folder/a
    agent first <<<'cat >/dev/null; rm -r folder; echo done'
    agent second <<<'cat >/dev/null; rm folder; echo done'
    workflow w <<'EOF'
name: w
phases:
  - { id: p, steps: [{ id: a, agent: first, prompt: go }, { id: ok, approve: "sure?" }, { id: b, agent: second, prompt: go }] }
EOF
    run_apart fermata run -w w --no-input
    ln -s "$BATS_TEST_TMPDIR/elsewhere" folder
    fermata approve last ok --resume
    fermata diff last | grep -q '^-old$'
    run_apart fermata undo last --force
    [ "$status" -eq 1 ]
    [[ $stderr == *"nothing was done, for folder was"* ]]
    [[ ! -e folder && ! -L folder ]]
    fermata undo last b
    [ -L folder ]
    rm folder
    fermata undo last a
    [ "$(cat folder/a "$BATS_TEST_TMPDIR/elsewhere/a")" = "$(printf 'old\nprecious')" ]
}

@test "a review in a clone brings nothing, and may change nothing" {
    repository
    agent reader <<EOF
cat >/dev/null; echo bad >file
printf '{"type":"system","subtype":"init","session_id":"s1"}\n{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s1","terminal_reason":"completed"}\n'
EOF
    sed -i 's/reader: { type: command/reader: { type: claude/' .fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: reader, prompt: go, workspace: clone, read_only: true, retry: { attempts: 1 } }] }] }'
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(cat file)" = uncommitted ]
    fermata show last --json | grep -q 'it was to change nothing'
}

# Of what an agent may reach the store alone knows what the files were.
forget_all='python3 -IS -c "import sqlite3; s = sqlite3.connect(\".fermata/fermata.db\", 30); s.execute(\"DELETE FROM note\"); s.commit()"'

# reviewed WORD COMMAND...: a read-only step that runs these; of each the error tells, unless WORD is "unseen"
reviewed() {
    local word=$1 command error
    shift
    for command in "$@"; do
        git -c user.name=a -c user.email=a@b stash -qu 2>/dev/null && git stash drop -q
        truncate -s 65M large && printf '%s' old >aside && ln -sfn file link && rm -rf new
        agent_does "$command"
        run_apart fermata run -w w --fresh
        error=$(fermata show last --json | json 'd["phases"][0]["steps"][0].get("error")')
        echo "$command: $status $error"
        if [ "$word" = unseen ]; then
            [[ $status -eq 0 && $error == null ]] || return 1
        else
            [[ $status -eq 3 && $error == *"it was to change nothing (read_only)"*"$word"* ]] || return 1
        fi
    done
}

agent_does() {
    printf 'cat >/dev/null\n%s\n' "$1" >"$BATS_TEST_TMPDIR/agents/reader"
    cat >>"$BATS_TEST_TMPDIR/agents/reader" <<'END'
printf '{"type":"system","subtype":"init","session_id":"s1"}\n{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s1","terminal_reason":"completed"}\n'
END
}

@test "whatever the digest of the tree sees fails a review: contents, modes, links, names, large files" {
    repository
    agent reader </dev/null
    sed -i 's/reader: { type: command/reader: { type: claude/' .fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: reader, prompt: go, read_only: true, retry: { attempts: 1 } }] }] }'
    reviewed file 'echo bad >file' 'rm file' 'chmod +x file' 'rm file; ln -s numbers file' 'touch -d yesterday file; echo x >>file'
    reviewed link 'ln -sfn numbers link'
    # Whatever lies beside its attempt is not believed.
    reviewed file 'echo bad >file; find .fermata/workflows -name snapshot.json -delete' \
        'echo bad >file; for note in .fermata/workflows/*/attempts/*/snapshot.json; do echo "{}" >"$note"; done'
    reviewed new 'echo x >new' 'ln -s file new' 'mkdir new; touch new/empty' 'git init -q new; cd new; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x'
    reviewed aside 'mv aside moved'
    # In no snapshot, but looked at.
    reviewed large 'printf x | dd of=large seek=1000 conv=notrunc status=none' 'rm large' 'truncate -s 70M large' 'truncate -s 1M large'
    # What cannot be compared any more is not taken for unchanged.
    reviewed "whether it did is not known" "$forget_all" 'truncate -s 17G holes'
    rm holes
}

@test "what the digest of the tree does not see is what docs/workspaces.md says" {
    repository
    agent reader </dev/null
    sed -i 's/reader: { type: command/reader: { type: claude/' .fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: reader, prompt: go, read_only: true, retry: { attempts: 1 } }] }] }'
    reviewed unseen 'cp -p file x.log; echo bad >file; cp -p x.log file' 'touch file' 'chmod 600 file' 'echo more >>x.log' \
        'find .fermata/workflows -name snapshot.json -delete' 'mkdir new' 'mkfifo new' 'git config user.name b; echo "*.tmp" >>.git/info/exclude; echo x >a.tmp' 'echo x >.fermata/more'
}

@test "the kept answer of a review that only met a changed file is taken with a reason, and not without" {
    repository
    agent reader <<EOF
cat >/dev/null; echo x >>"$BATS_TEST_TMPDIR/asked"; echo bad >file
printf '{"type":"system","subtype":"init","session_id":"s1"}\n{"type":"result","subtype":"success","is_error":false,"result":"the answer","session_id":"s1","terminal_reason":"completed"}\n'
EOF
    sed -i 's/reader: { type: command/reader: { type: claude/' .fermata/config.yaml
    workflow w <<'EOF'
name: w
phases:
  - { id: p, steps: [{ id: s, agent: reader, prompt: go, read_only: true, output: review.md, retry: { attempts: 1 } }] }
  - { id: q, steps: [{ id: after, run: 'echo "$ANSWER" >got', env: { ANSWER: "${{ steps.s.output }}" } }] }
EOF
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    run_apart fermata approve last s
    [ "$status" -eq 2 ]
    [[ $stderr == *"taking its answer all the same needs a reason"*"--comment"* ]]
    fermata approve last s --comment "that was me" --resume
    [ "$(cat got)" = "the answer" ]
    [ "$(fermata cat last review.md)" = "the answer" ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -eq 1 ]
    fermata logs last --records | grep '"kind":"approval_given"' | grep -q 'that was me'
    fermata audit --json | grep -q approval_given
    run_apart fermata doctor --rebuild --json
    [ "$(json 'd["rebuilt"]["differences"]' <<<"$output")" = "[]" ]
    run_apart fermata approve last s --comment again
    [ "$status" -eq 1 ]
    # What failed for another reason is not to be taken.
    workflow v <<<'{ name: v, phases: [{ id: p, steps: [{ id: s, run: "exit 1" }] }] }'
    run_apart fermata run -w v
    run_apart fermata approve last s --comment why
    [ "$status" -eq 1 ]
    [[ $stderr == *"step s does not wait for an approval"* ]]
}

# plant FOLDER: every key whose value is a command, hooks and attributes, in the repository there;
# each of them would leave a trace
plant() {
    cat <<EOF
cd "$1" || exit 1
trap='sh -c "echo \$0 >>$BATS_TEST_TMPDIR/started; cat" trap'
for key in core.fsmonitor core.pager core.editor core.sshCommand core.askPass core.gitProxy core.alternateRefsCommand \\
    diff.external diff.x.command diff.x.textconv filter.x.clean filter.x.smudge filter.x.process merge.x.driver \\
    credential.helper gpg.program gpg.ssh.program gpg.x509.program gpg.ssh.defaultKeyCommand pager.diff pager.ls-files \\
    sequence.editor interactive.diffFilter uploadpack.packObjectsHook remote.origin.uploadpack remote.origin.receivepack \\
    trailer.x.command mergetool.x.cmd difftool.x.cmd browser.x.cmd; do
    git config "\$key" "\$trap"
done
for name in ls-files diff merge-file read-tree rev-parse symbolic-ref status; do git config "alias.\$name" "!\$trap"; done
git config core.hooksPath .hooks
git config attr.tree HEAD
git config include.path more
git config extensions.worktreeConfig true
mkdir -p .hooks .git/hooks
for hook in post-checkout post-index-change pre-commit post-merge fsmonitor-watchman reference-transaction; do
    printf '#!/bin/sh\necho hook >>$BATS_TEST_TMPDIR/started\n' >.hooks/\$hook
    chmod 755 .hooks/\$hook && cp .hooks/\$hook .git/hooks/
done
printf '[core]\n\tfsmonitor = %s\n' "touch $BATS_TEST_TMPDIR/started" >.git/more
cp .git/more .git/config.worktree
printf '* filter=x diff=x merge=x\n' >.gitattributes && cp .gitattributes .git/info/attributes
git init -q --bare inner && cp .git/config inner/config && printf 'gitdir: inner\n' >pointer
EOF
}

@test "what an agent plants in the git configuration of its clone or of the project starts nothing" {
    repository
    {
        echo 'cat >/dev/null'
        plant .
        echo 'echo new >made; echo done'
    } | agent planter
    agent replacer <<'EOF'
cat >/dev/null
rm -rf evil && cp -r .git evil && rm -rf .git && printf 'gitdir: evil\n' >.git
echo more >made.too; echo done
EOF
    workflow clone <<'EOF'
name: clone
defaults: { workspace: clone, retry: { attempts: 1 } }
phases:
  - { id: p, mode: parallel, steps: [{ id: a, agent: planter, prompt: go }, { id: b, agent: replacer, prompt: go }] }
EOF
    workflow shared <<<'{ name: shared, phases: [{ id: p, steps: [{ id: s, agent: planter, prompt: go }] }] }'
    fermata run -w clone
    [ "$(cat made made.too)" = "$(printf 'new\nmore')" ]
    [ ! -e .git/config.worktree ]
    fermata run -w shared
    grep -q fsmonitor .git/config
    fermata diff last >/dev/null
    fermata diff last --stat >/dev/null
    fermata run -w clone
    fermata undo last
    fermata undo last --back
    fermata gc
    [ ! -e "$BATS_TEST_TMPDIR/started" ]
    git status >/dev/null 2>&1 || true # as whoever trusts the folder would
    [ -e "$BATS_TEST_TMPDIR/started" ]
}

@test "eight parallel clones are merged each once, but for two that conflict" {
    repository
    agent one <<EOF
cat >/dev/null
n=\${FERMATA_STEP#s}
mkdir "$BATS_TEST_TMPDIR/begun.\$n"
until [ "\$(ls -d "$BATS_TEST_TMPDIR"/begun.* | wc -l)" = 8 ]; do sleep 0.01; done
case \$n in 0 | 4 | 7) line=1 ;; *) line=\$((n * 3)) ;; esac
sed -i "\${line}s/\\$/ \$FERMATA_STEP/" numbers
echo \$n >own.\$n
echo done
EOF
    echo 'concurrency: 8' >>.fermata/config.yaml
    {
        printf 'name: w\nconcurrency: 8\ndefaults: { timeout: 60s, workspace: clone, retry: { attempts: 1 }, agent: one }\n'
        printf 'phases: [{ id: p, mode: parallel, steps: ['
        printf '{ id: s0, prompt: go },'
        for n in 1 2 3 4 5 6 7; do printf '{ id: s%d, prompt: go },' "$n"; done
        printf '] }]\n'
    } | workflow w
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    [ "$(grep -o 's[0-7]' numbers | tr '\n' ' ')" = "s0 s1 s2 s3 s5 s6 " ]
    [ "$(cat own.* | tr -d '\n')" = 012356 ]
    [ "$(fermata show last --json | grep -o 'merge conflict' | wc -l)" -ge 2 ]
}

@test "a pipe, a folder with files or a socket in the way of an undo is named as what it is, and nothing is done" {
    agent editor <<<'cat >/dev/null; echo two >one; rm -f gone; echo done'
    echo one >one
    echo gone >gone
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go }] }] }'
    fermata run -w w
    mkdir -p gone/mine && echo x >gone/mine/x
    run_apart fermata undo last
    [ "$status" -eq 1 ]
    [[ $stderr == *"nothing was done, for gone/mine/x is a file, where nothing is to be"* ]]
    [ "$(cat one)" = two ]
    rm -r gone && mkfifo gone
    run_apart fermata undo last
    [[ $stderr == *"changed since: gone (it is a named pipe)"* ]]
    run_apart fermata undo last --force
    [ "$status" -eq 1 ]
    [[ $stderr == *"nothing was done, for gone is a named pipe"* ]]
    [ "$(cat one)" = two ]
    [ -p gone ]
    rm gone && mkdir gone
    fermata undo last
    [ "$(cat one gone)" = "$(printf 'one\ngone')" ]
}

# gated COMMAND...: a step whose gate runs these in its clone
gated() {
    printf 'name: w\ndefaults: { agent: maker, workspace: clone, retry: { attempts: 1 } }\ngates:\n  proof:\n    commands:\n'
    printf "      - { run: '%s' }\n" "$@"
    printf 'phases: [{ id: p, steps: [{ id: s, prompt: go, gate: proof }] }]\n'
}

@test "the gate of a step runs in its clone before anything is merged, and proves what is" {
    repository
    agent maker <<<'cat >/dev/null; echo made >new; echo done'
    gated 'pwd >"$FERMATA_RUN_FOLDER"/where; grep made new; ! test -e "$FERMATA_PROJECT"/new' \
        'echo by-the-gate >built; test "$FERMATA_WORKSPACE" = "$(pwd)"; test "$FERMATA_PORT_BASE" = 20100' | workflow w
    fermata run -w w
    [ "$(cat new)" = made ]
    [ ! -e built ]
    [[ $(cat .fermata/workflows/wf_*/where) == "$PROJECT"/.fermata/workflows/*/workspaces/s/tree ]]
    fermata show last --json >"$BATS_TEST_TMPDIR/show"
    [ "$(json '[(c["verdict"], len(c["tree"])) for c in d["phases"][0]["steps"][0]["files"]["gate"]["checks"]]' <"$BATS_TEST_TMPDIR/show")" = '[["pass", 64], ["pass", 64]]' ]
    [ "$(json 'd["phases"][0]["steps"][0]["files"]["merged"]' <"$BATS_TEST_TMPDIR/show")" = 1 ]
}

@test "work of a step whose gate is red or unknown is not merged; it is kept and named" {
    repository
    agent maker <<<'cat >/dev/null; echo made >new; echo done'
    for check in 'false' 'no-such-tool-here' 'kill -9 $$'; do
        gated 'true' "$check" 'touch $FERMATA_RUN_FOLDER/third' | workflow w
        run_apart fermata run -w w --fresh
        [ "$status" -eq 3 ]
        [ ! -e new ]
        fermata show last --json >"$BATS_TEST_TMPDIR/show"
        json 'd["phases"][0]["steps"][0]["error"]' <"$BATS_TEST_TMPDIR/show" >"$BATS_TEST_TMPDIR/error"
        grep -q '^gate proof: \(fail\|unknown\): .*not merged, and is kept in .*/workspaces/s/tree$' "$BATS_TEST_TMPDIR/error"
        [ "$(cat "$(sed 's/.* kept in //' "$BATS_TEST_TMPDIR/error")/new")" = made ]
        run ! compgen -G '.fermata/workflows/wf_*/third'
    done
    [ "$(fermata list --json | json 'len(d["runs"])')" = 3 ]
    fermata gc
    [ "$(cat "$(sed 's/.* kept in //' "$BATS_TEST_TMPDIR/error")/new")" = made ]
}

@test "where a gate is red the next agent goes on in the clone, and is merged when it is green" {
    repository
    agent maker <<<'cat >/dev/null; echo bad >new; echo done'
    agent mender <<EOF
cat >"$BATS_TEST_TMPDIR/prompt"; cat new >"$BATS_TEST_TMPDIR/found"; echo good >new; echo done
EOF
    gated 'grep -q good new' | sed 's/gate: proof/gate: proof, fallback: [mender]/' | workflow w
    fermata run -w w
    [ "$(cat new "$BATS_TEST_TMPDIR/found")" = "$(printf 'good\nbad')" ]
    grep -q 'gate proof: fail' "$BATS_TEST_TMPDIR/prompt"
    [ "$(fermata logs last --records | grep -c '"merged":')" = 1 ]
}

@test "a gate that was at work when the orchestrator died goes on, and nothing is asked twice" {
    repository
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    agent maker <<<"cat >/dev/null; echo x >>$BATS_TEST_TMPDIR/agents.asked; echo made >new; echo done"
    gated "echo x >>$BATS_TEST_TMPDIR/first" \
        "echo x >>$BATS_TEST_TMPDIR/second; cat $BATS_TEST_TMPDIR/pipe" "echo x >>$BATS_TEST_TMPDIR/third" | workflow w
    "$FERMATA" run -w w >/dev/null 2>&1 &
    orchestrator=$!
    wait_until test -e "$BATS_TEST_TMPDIR/second"
    kill -9 "$orchestrator"
    wait "$orchestrator" || true
    fermata resume last --detach
    echo >"$BATS_TEST_TMPDIR/pipe"
    wait_until has_status last completed
    [ "$(cat new "$BATS_TEST_TMPDIR"/{agents.asked,first,second,third} | tr -d '\n')" = madexxxx ]
}

@test "a run that is cancelled while the gate of a step is at work ends it, and merges nothing" {
    repository
    agent maker <<<'cat >/dev/null; echo made >new; echo done'
    gated "echo \$\$ >$BATS_TEST_TMPDIR/begun; exec sleep 1000" | workflow w
    fermata run -w w --detach
    wait_until test -s "$BATS_TEST_TMPDIR/begun"
    fermata cancel last
    wait_until has_status last cancelled
    run ! kill -0 "$(cat "$BATS_TEST_TMPDIR/begun")"
    [ ! -e new ]
}

@test "a gate of a step that has nothing to merge is refused, as is one that is not known" {
    agent maker <<<'cat >/dev/null; echo done'
    gated true | sed 's/workspace: clone, //' | workflow w
    run_apart fermata validate w
    [ "$status" -eq 7 ]
    [[ $stderr$output == *'the step "s" has a gate, but no work that would be merged'* ]]
    gated true | sed 's/gate: proof }/gate: prof }/' | workflow w
    run_apart fermata validate w
    [ "$status" -eq 7 ]
    [[ $stderr$output == *'there is no gate "prof"'*'did you mean "proof"'* ]]
}

# A project in git, and a workflow whose two turns are commits.
turns() {
    git init -q .
    printf '.fermata\n' >.gitignore
    echo one >file
    git add -A && git -c user.name=a -c user.email=a@b commit -qm first
    agent turner <<'EOF'
cat >/dev/null
echo turn >>file
echo done
EOF
    workflow w <<'EOF'
name: w
iterate: { max: 2 }
phases: [{ id: p, steps: [{ id: s, name: Turn, agent: turner, prompt: go, workspace: clone, commit: true }] }]
EOF
}

@test "what was merged is a commit of git where that is wanted, until its run is removed" {
    turns
    fermata run -w w
    id=$(fermata show last --json | json 'd["id"]')
    [ "$(git log --format=%s "refs/fermata/$id")" = $'Turn (s, iteration 2)\nTurn (s, iteration 1)\nfirst' ]
    [ -z "$(git diff "refs/fermata/$id")" ]
    [ "$(git status --porcelain)" = ' M file' ]
    commit=$(git rev-parse "refs/fermata/$id")
    [ "$(fermata show last --json | json '[s["files"]["commit"] for p in d["phases"] for s in p["steps"]][0]')" = "$commit" ]
    [[ $(fermata show last) == *"1 file changed: file; commit ${commit:0:12}"* ]]
    git update-ref refs/fermata/wf_000000000001 HEAD # another project's in the same repository
    fermata gc
    git rev-parse -q --verify "refs/fermata/$id"
    fermata gc --older-than 0s
    [ "$(git for-each-ref --format='%(refname)' refs/fermata)" = refs/fermata/wf_000000000001 ]
}

@test "that git refuses a commit is told, and loses nothing" {
    turns
    mkdir -p .git/refs
    echo no folder >.git/refs/fermata
    fermata run -w w
    [ "$(cat file)" = $'one\nturn\nturn' ]
    [[ $(fermata show last | tr -s ' \n' ' ') == *"no commit was made of it: git fast-import ended with status"* ]]
    [[ $(fermata logs last | tr -s ' \n' ' ') == *"no commit was made of it: git fast-import"* ]]
}

@test "a commit of a step that has nothing to merge is refused" {
    turns
    sed -i 's/workspace: clone, //' .fermata/workflows/w.yaml
    run_apart fermata validate w
    [ "$status" -eq 7 ]
    [[ $stderr$output == *'the step "s" has no work that would be merged, so none to commit'* ]]
}
