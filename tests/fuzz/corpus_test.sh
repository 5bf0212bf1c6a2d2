#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fuzz target over its corpus: seeds, and what once crashed it. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 2

status=0
targets=0
for source in tests/fuzz/*_fuzz.c; do
    name=$(basename "$source" .c)
    targets=$((targets + 1))
    set -- "tests/fuzz/corpus/$name"/*
    if ! "$BUILD/tests/fuzz/$name" "$@" >"$TMPDIR/$name"; then
        echo "not ok $name: after $(tail -n 1 "$TMPDIR/$name")"
        status=1
    elif [ "$(grep -c '^ok ' "$TMPDIR/$name")" -ne $# ]; then
        echo "not ok $name: did not run all of its corpus"
        status=1
    else
        echo "ok $name: $# files"
    fi
done
[ $targets -gt 0 ] || status=1
exit $status
