#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# What `make install` puts where, and that it is found there.

load helper

setup() {
    setup_project
    SOURCES=$BATS_TEST_DIRNAME/../..
    BUILT=$(cd "$(dirname "$FERMATA")" && pwd)
    PREFIX=${BATS_TEST_TMPDIR%/*}/prefix # of all cases: to write all manual pages takes seconds
}

# built GOAL: without building anything again
built() {
    env -u MAKEFLAGS -u MAKELEVEL make -s -C "$SOURCES" "$1" BUILD="$BUILT" PREFIX="$PREFIX" >/dev/null
}

installed() {
    [ -e "$PREFIX/bin/fermata" ] || built install-built
}

@test "every command has a manual page of its own after an install, which man finds" {
    installed
    [ "$("$PREFIX/bin/fermata" --version)" = "$(fermata --version)" ]
    for name in $(fermata complete "" | cut -f1); do
        MANPATH=$PREFIX/share/man MANWIDTH=80 man -P cat "fermata-$name" >page 2>warnings || {
            cat warnings
            return 1
        }
        grep -q "fermata-$name - " page || { head page; return 1; }
        grep -q "fermata $name" page
    done
    MANPATH=$PREFIX/share/man man -P cat fermata >page
    grep -q "fermata-run(1)" page
    [ ! -e "$PREFIX/share/man/man1/fermata-drive.1" ]
}

@test "an installed program runs a workflow with the keeper that was installed with it" {
    installed
    unset FERMATA_KEEP
    "$PREFIX/bin/fermata" init >/dev/null
    "$PREFIX/bin/fermata" run -w hello --no-input >/dev/null 2>&1
    [ "$("$PREFIX/bin/fermata" status --json | json 'd["status"]')" = completed ]
}

@test "uninstall leaves no file behind" {
    installed
    built uninstall
    [ -z "$(find "$PREFIX" -type f)" ]
}
