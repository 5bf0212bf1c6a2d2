#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Gates through the real binary: pass, fail and unknown, own and built in, and the proof that is kept.

load helper

setup() {
    setup_project
    git init -q .
}

teardown() {
    teardown_project
}

# gated CHECKS: runs a workflow whose gate has these checks; $verdict and $reason are the first one's
gated() {
    workflow gated <<END
name: gated
gates: { mine: { commands: [$1] } }
phases: [{ id: a, gate: mine, steps: [{ id: s, run: "true" }] }]
END
    run_apart fermata run -w gated
    verdict=$(json 'd["phases"][0]["gate"]["verdict"]' "$FERMATA" show last --json)
    reason=$(json 'd["phases"][0]["gate"]["checks"][0]["proof"]["reason"]' "$FERMATA" show last --json)
}

built_in() {
    workflow built-in <<END
name: built-in
phases: [{ id: a, gate: $1, steps: [{ id: s, run: "true" }] }]
END
    run_apart fermata run -w built-in
    verdicts=$(json '[c["proof"]["verdict"] for c in d["phases"][0]["gate"]["checks"]]' "$FERMATA" show last --json)
}

@test "a gate passes when every expectation holds, and its proof is kept and shown" {
    gated '{ name: suite, run: "echo 1..2; echo ok 1; echo ok 2; echo TOTAL 10 1 90%", tests_min: 2, coverage_min: 80 }, { run: exit 3, exit_status: 3 }'
    [ "$status" -eq 0 ]
    [ "$verdict" = pass ]
    fermata show last --json | json 'd["phases"][0]["gate"]["checks"][0]["proof"]' >proof.json
    [ "$(json 'd["tests"]["executed"]' <proof.json)" = 2 ]
    [ "$(json 'd["coverage"]' <proof.json)" = 90.0 ]
    [ "$(json 'd["exit_status"]' <proof.json)" = 0 ]
    [ "$(json 'len(d["tree"])' <proof.json)" = 64 ]
    run_apart fermata show last
    [[ $output == *"suite: pass, exit status 0, 2 tests executed, coverage 90 %"*'$ echo 1..2'* ]]
    fits_80_columns <<<"$output"
}

@test "what a check proves against the work is a fail" {
    gated '{ run: exit 2 }'
    [ "$status" -eq 3 ]
    [ "$verdict" = fail ]
    [[ $reason == *"exit status 2 instead of 0"* ]]
    gated '{ run: "echo 1..2; echo ok 1; echo not ok 2", tests_min: 1 }'
    [ "$verdict" = fail ]
    [[ $reason == *"1 failed test"* ]]
    gated '{ run: "echo 1..1; echo ok 1", tests_min: 5 }'
    [ "$verdict" = fail ]
    [[ $reason == *"1 test executed, at least 5 wanted"* ]]
    gated '{ run: "echo 1..1; echo ok 1; echo TOTAL 10 5 50%", coverage_min: 80 }'
    [ "$verdict" = fail ]
    [[ $reason == *"coverage 50 %, at least 80 % wanted"* ]]
}

@test "what a check cannot prove is unknown: no test, no count, no coverage, no tool, no time" {
    gated '{ run: "echo 1..0", tests_min: 1 }'
    [ "$status" -eq 3 ]
    [ "$verdict" = unknown ]
    gated '{ run: echo all fine, tests_min: 1 }'
    [ "$verdict" = unknown ]
    [[ $reason == *"no test counts"* ]]
    gated '{ run: echo all fine, coverage_min: 10 }'
    [ "$verdict" = unknown ]
    gated '{ run: no-such-tool-anywhere }'
    [ "$verdict" = unknown ]
    [[ $reason == *missing* ]]
    gated '{ run: sleep 60, timeout: 200ms }'
    [ "$verdict" = unknown ]
    [[ $reason == *"no answer within"* ]]
}

@test "counts can come from a JUnit file that the command writes" {
    gated '{ run: "echo \"<testsuite tests=\\\"3\\\" failures=\\\"0\\\"><testcase name=\\\"a\\\"/><testcase name=\\\"b\\\"/><testcase name=\\\"c\\\"/></testsuite>\" >junit.xml", junit: junit.xml, tests_min: 3 }'
    [ "$verdict" = pass ]
    [[ $reason == *"3 tests executed"* ]]
}

@test "a gate that failed is asked again whole after the cause is mended" {
    gated '{ run: "echo x >>first.count" }, { run: test -e fixed }'
    [ "$verdict" = fail ]
    touch fixed
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
    [ "$(wc -l <first.count)" -eq 2 ]
}

@test "an allowed skip keeps its reason, a forbidden one changes nothing" {
    workflow strict <<'END'
name: strict
gates: { mine: { allow_skip: false, commands: [{ run: exit 1 }] } }
phases: [{ id: a, gate: mine, steps: [{ id: s, run: "true" }] }]
END
    run_apart fermata run -w strict
    [[ $stderr != *"skip"*"--gate"* ]]
    run_apart fermata skip last --gate a --reason "in a hurry"
    [ "$status" -eq 1 ]
    gated '{ run: exit 1 }'
    run_apart fermata skip last --gate a --reason "known trouble" --resume
    [ "$status" -eq 0 ]
    [ "$(json 'd["phases"][0]["gate"]["verdict"]' "$FERMATA" show last --json)" = skipped ]
    fermata logs last | grep -q "known trouble"
}

@test "pre-push runs the tests of a make project and does not take no coverage for enough" {
    printf 'test:\n\t@echo 1..2; echo ok 1; echo ok 2\n' >Makefile
    built_in pre-push
    [ "$status" -eq 3 ]
    [ "$verdicts" = '["pass", "unknown"]' ]
    printf 'coverage: test\n\t@echo TOTAL 10 1 90%%\n' >>Makefile
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
}

@test "pre-push finds the unittest tests of a Python project without any configuration" {
    mkdir tests
    touch tests/__init__.py
    cat >tests/test_sum.py <<'END'
import unittest
class Sum(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(1 + 1, 2)
END
    built_in pre-push
    [ "$(json 'd[0]' <<<"$verdicts")" = pass ]
    [[ $(fermata show last) == *"1 test executed"* ]]
}

@test "pre-push runs bats tests; a failing one fails the gate" {
    mkdir tests
    printf '@test "works" { true; }\n@test "breaks" { false; }\n' >tests/a.bats
    built_in pre-push
    [ "$(json 'd[0]' <<<"$verdicts")" = fail ]
}

@test "the built-in gates of an empty project are unknown, never passed" {
    for gate in pre-commit pre-push pre-deploy; do
        built_in "$gate"
        [ "$status" -eq 3 ]
        [[ $verdicts != *pass* ]] || [[ $verdicts == *unknown* ]]
        [ "$(json 'd["phases"][0]["gate"]["verdict"]' "$FERMATA" show last --json)" = unknown ]
    done
}

@test "a gate of the configuration stays as it was when the run began" {
    mkdir -p .fermata
    printf 'gates: { mine: { commands: [{ run: "test -e good" }] } }\n' >.fermata/config.yaml
    workflow configured <<'END'
name: configured
phases: [{ id: a, gate: mine, steps: [{ id: s, run: "true" }] }]
END
    run_apart fermata run -w configured
    [ "$status" -eq 3 ]
    [[ $stderr == *"Gate mine of phase a: fail"* ]]
    rm .fermata/config.yaml
    touch good
    run_apart fermata resume last --retry-failed
    [ "$status" -eq 0 ]
    run_apart fermata doctor --rebuild
    [ "$status" -eq 0 ]
}
