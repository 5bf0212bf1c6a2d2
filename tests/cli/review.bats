#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2119 # run_apart sets stderr; the quoted ones are literal
# The main job: a review of a repository, whatever that repository is like.

load helper

setup() {
    setup_project
    export GIT_AUTHOR_NAME=ada GIT_AUTHOR_EMAIL=ada@example.org
    export GIT_COMMITTER_NAME=ada GIT_COMMITTER_EMAIL=ada@example.org
}

teardown() {
    teardown_project
}

review() {
    run_apart fermata run "Look at it" -w code-review --strategy static --no-input "$@"
}

commit_source() {
    git init -q .
    printf 'int main(void) { char b[4]; return gets(b) != 0; }\n' >main.c
    git add -A
    git commit -q -m first
}

decision() {
    fermata explain last --json |
        json "[s['decision'] for s in d['steps'] if s['key'] == '$1'][0]"
}

@test "a review finds the place, and puts the validation above the recommendation" {
    commit_source
    review
    [ "$status" -eq 0 ]
    [[ $output == *"## Validation"*"## Recommendation"*'`main.c:1`'* ]]
    [[ $output == *"**Unknown**"* ]]
}

@test "a second review reuses what depends on the files, and reads history and tools again" {
    commit_source
    review
    review
    [ "$status" -eq 0 ]
    [ "$(decision inventory)" = reused ]
    [ "$(decision risks)" = reused ]
    [ "$(decision history)" = executed ]
    [ "$(decision secrets)" = executed ]
    [ "$(decision linters)" = executed ]
}

@test "the band says how far a review reaches" {
    commit_source
    review -i band=medium
    [ "$status" -eq 0 ]
    [[ $output == *"commits wanted: 20000"* ]]
}

@test "a repository without a commit and a folder without git are reviewed, history is unknown" {
    git init -q .
    review
    [ "$status" -eq 0 ]
    [[ $output == *"there are no commits yet"* ]]
    rm -rf .git .fermata
    printf 'x = 1\n' >a.py
    review
    [ "$status" -eq 0 ]
    [[ $output == *"not the root of a git repository"* ]]
}

@test "a bare repository is refused with the reason and the way out" {
    git init -q --bare .
    review
    [ "$status" -eq 3 ]
    [[ $stderr == *"is a bare git repository"* ]]
    [[ $stderr == *"git clone"* ]]
    # As JSON: text is wrapped, and where depends on the length of the folder's name.
    run_apart fermata show last --json
    [[ $output == *"exit status 2: fermata: "*" is a bare git repository"* ]]
}

@test "odd names, links, loops and large files harm no review" {
    commit_source
    cp main.c 'two words.c'
    cp main.c $'new\nline.c'
    cp main.c $'odd\xff.c'
    cp main.c ./-dash.c
    ln -s . loop
    ln -s /etc/passwd out.c
    mkfifo pipe
    head -c 3000000 /dev/zero >large.c
    review
    [ "$status" -eq 0 ]
    [[ $output == *"5 places"* ]]
    [[ $output == *" 0 refuted"* ]]
    [[ $output == *"1 file larger than 2 MB"* ]]
}

@test "git runs no program that the reviewed tree names" {
    commit_source
    echo '*.c filter=x diff=x merge=x' >.gitattributes
    printf '#!/bin/sh\necho "$0" >>"%s"\ncat\n' "$BATS_TEST_TMPDIR/ran" >.git/evil
    chmod +x .git/evil
    local name evil=$PWD/.git/evil
    for name in core.fsmonitor core.sshCommand core.pager core.editor core.askPass gpg.program \
        filter.x.clean filter.x.smudge filter.x.process diff.x.textconv diff.x.command \
        diff.external core.alternateRefsCommand uploadpack.packObjectsHook; do
        git config "$name" "$evil"
    done
    git config log.showSignature true
    git config alias.log "!$evil"
    git config core.hooksPath "$PWD/.git/own"
    mkdir .git/own
    for name in post-index-change reference-transaction fsmonitor-watchman; do
        cp .git/evil ".git/own/$name"
        cp .git/evil ".git/hooks/$name"
    done
    touch main.c
    review
    [ "$status" -eq 0 ]
    [[ $output == *"1 commit by 1 author"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}
