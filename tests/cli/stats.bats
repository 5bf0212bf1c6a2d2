#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What agents' work was worth.
# shellcheck disable=SC2154

setup() {
    load helper
    setup_project
}

teardown() {
    teardown_project
}

@test "a run has the kind of task that was said, and the runs that it calls have the same" {
    workflow inner <<'END'
name: inner
phases: [{ id: a, steps: [{ id: s, use: noop }] }]
END
    workflow outer <<'END'
name: outer
phases: [{ id: a, steps: [{ id: s, workflow: inner }] }]
END
    fermata run -w outer --kind fix >/dev/null 2>&1
    [ "$(fermata show last --json | json 'd["kind"]')" = fix ]
    inner=$(fermata list --json | json '[r["id"] for r in d["runs"] if r["workflow"] == "inner"][0]')
    [ "$(fermata show "$inner" --json | json 'd["kind"]')" = fix ]
    fermata run -w inner >/dev/null 2>&1
    [ "$(fermata show last --json | json 'd["kind"]')" = other ]
}

@test "an unknown kind of task is refused with those that there are" {
    workflow plain <<'END'
name: plain
phases: [{ id: a, steps: [{ id: s, use: noop }] }]
END
    run_apart fermata run -w plain --kind mending
    [ "$status" -eq 2 ]
    [[ "$stderr" == *'mending is none of feature|fix|'* ]]
    [ ! -e .fermata/fermata.db ]
}
