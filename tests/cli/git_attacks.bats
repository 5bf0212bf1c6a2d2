#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What an agent can plant in the repository in which it works, so that git starts a program for
# whoever runs it there next: Fermata's own git never does, in a clone or in the project, at
# snapshot, digest, merge, diff, undo or gc. Each test ends with plain git, which does.

bats_require_minimum_version 1.5.0
load helper

setup() {
    setup_project
    STARTED="$BATS_TEST_TMPDIR/started"
    # Says that it was started, and works as a filter, a diff or a hook.
    printf '#!/bin/sh\necho started >>%s\n[ -t 0 ] || timeout 1 cat\n' "$STARTED" >"$BATS_TEST_TMPDIR/evil"
    chmod 755 "$BATS_TEST_TMPDIR/evil"
    EVIL="$BATS_TEST_TMPDIR/evil"
    git init -q .
    mkdir sub
    printf '.fermata\n' >.gitignore
    seq 1 30 >numbers
    echo deep >sub/file
    echo kept >removed
    git add -A && git -c user.name=a -c user.email=a@b commit -qm first
}

teardown() {
    teardown_project
}

# attacked <<script: agents that do this and change files, in a clone and in the project itself;
# everything that looks at their work afterwards
attacked() {
    mkdir -p .fermata
    {
        echo 'cat >/dev/null'
        cat
        echo 'sed -i "s/^7$/seven $FERMATA_STEP/; s/^9$/nine/" numbers; echo new >"made.$FERMATA_STEP"'
        echo 'rm -f removed; echo more >>sub/file; echo done'
    } >"$BATS_TEST_TMPDIR/agent"
    cat >.fermata/config.yaml <<EOF
agents:
  planter: { type: command, command: [sh, $BATS_TEST_TMPDIR/agent] }
  other: { type: command, command: [sh, -c, 'cat >/dev/null; sed -i "s/^20$/twenty/" numbers; echo done'] }
EOF
    workflow w <<'EOF'
name: w
concurrency: 4
defaults: { agent: planter, retry: { attempts: 1 } }
phases:
  - { id: beside, mode: parallel, steps: [{ id: clone, prompt: go, workspace: clone }, { id: other, agent: other, prompt: go, workspace: clone }] }
  - { id: here, steps: [{ id: shared, prompt: go }] }
  - { id: behind, mode: parallel, steps: [{ id: again, agent: other, prompt: go, workspace: clone }, { id: inside, agent: other, prompt: go, cwd: sub }] }
EOF
    fermata run -w w
    [ "$(cat made.clone made.shared)" = "$(printf 'new\nnew')" ]
    grep -q '^seven clone$' numbers
    grep -q '^twenty$' numbers
    fermata explain last clone >/dev/null
    fermata diff last | grep -q '^+new$'
    fermata diff last shared --stat >/dev/null
    fermata undo last
    [ ! -e made.shared ]
    [ "$(cat removed)" = kept ]
    fermata undo last --back
    fermata gc
    [ ! -e "$STARTED" ]
}

# would_start COMMAND...: the control: as whoever trusts the folder would
would_start() {
    "$@" >/dev/null 2>&1 </dev/null || true
    [ -e "$STARTED" ]
}

@test "attack 1: a file system monitor in the repository's configuration" {
    attacked <<<"git config core.fsmonitor '$EVIL'"
    would_start git status
}

@test "attack 2: a clean filter of the repository's attributes" {
    attacked <<EOF
git config filter.x.clean '$EVIL'; git config filter.x.smudge '$EVIL'; git config filter.x.required true
echo '* filter=x' >.gitattributes; touch sub/file
EOF
    would_start git add -A
}

@test "attack 3: a text conversion, an external diff and a merge driver" {
    attacked <<EOF
git config diff.x.textconv '$EVIL'; git config diff.x.command '$EVIL'; git config diff.external '$EVIL'
git config merge.x.driver '$EVIL %A'; echo '* diff=x merge=x' >.gitattributes
EOF
    would_start git --no-pager diff
}

@test "attack 4: the .git folder replaced by a file that leads to a repository of the agent's" {
    attacked <<EOF
mv .git "elsewhere.\$FERMATA_STEP"; printf 'gitdir: elsewhere.%s\n' "\$FERMATA_STEP" >.git
git config core.fsmonitor '$EVIL'; git config core.hooksPath "\$PWD/hooks"
mkdir -p hooks; for hook in post-index-change post-checkout reference-transaction; do cp '$EVIL' hooks/\$hook; done
EOF
    would_start git status
}

@test "attack 5: attributes of a tree or a file that the configuration names, with a filter" {
    attacked <<EOF
echo '* filter=x' >attributes
git config attr.tree HEAD; git config core.attributesFile "\$PWD/attributes"
git config filter.x.process '$EVIL'; git config filter.x.clean '$EVIL'; touch sub/file
EOF
    git config --unset filter.x.process
    would_start git add -A
}

@test "attack 6: a folder of the project that is a bare repository" {
    attacked <<EOF
[ -e sub/HEAD ] || { git init -q --bare inner && cp -r inner/* sub/ && rm -r inner; }
git config --file sub/config core.bare false; git config --file sub/config core.worktree "\$PWD/sub"
git config --file sub/config core.fsmonitor '$EVIL'
EOF
    mkdir -p sub/objects sub/refs # empty folders, which no snapshot has
    would_start git -C sub status
}

@test "attack 7: hooks, where git looks for them or where the configuration says" {
    attacked <<EOF
mkdir -p hooks "\$(git rev-parse --git-dir)/hooks"
for hook in post-index-change post-checkout pre-commit reference-transaction post-merge; do
    cp '$EVIL' hooks/\$hook; cp '$EVIL' "\$(git rev-parse --git-dir)/hooks/\$hook"
done
git config core.hooksPath "\$PWD/hooks"
EOF
    would_start git checkout -q -b elsewhere
}

@test "attack 8: what an agent writes to the configuration of its clone is none of the user's repository" {
    mkdir -p .fermata
    cat >"$BATS_TEST_TMPDIR/agent" <<EOF
cat >/dev/null
git config core.fsmonitor '$EVIL'
git config --file "\$(git rev-parse --git-common-dir)/config" core.pager '$EVIL'
cp '$EVIL' "\$(git rev-parse --git-path hooks)/post-index-change" || true
git update-ref refs/heads/mine HEAD
echo new >made; echo done
EOF
    printf 'agents:\n  a: { type: command, command: [sh, %s/agent] }\n' "$BATS_TEST_TMPDIR" >.fermata/config.yaml
    workflow w <<<'{ name: w, phases: [{ id: p, steps: [{ id: s, agent: a, prompt: go, workspace: clone }] }] }'
    find .git -type f -exec sha256sum {} + | sort >"$BATS_TEST_TMPDIR/before"
    fermata run -w w
    [ "$(cat made)" = new ]
    find .git -type f -exec sha256sum {} + | sort | diff "$BATS_TEST_TMPDIR/before" -
    git status >/dev/null
    [ ! -e "$STARTED" ]
    # A linked work tree, which other tools give to agents, shares it.
    git worktree add -q "$BATS_TEST_TMPDIR/linked"
    git -C "$BATS_TEST_TMPDIR/linked" config core.fsmonitor "$EVIL"
    would_start git status
}
