#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Measuring: the same workflow many times in one process.

load helper

setup() {
    setup_project
    workflow noops <<'END'
name: noops
phases:
  - id: main
    steps: [{ id: a, use: noop }, { id: b, use: noop }, { id: c, use: noop }]
END
}

teardown() {
    teardown_project
}

@test "the report of many runs holds time, steps, gaps and memory" {
    run_apart fermata run -w noops --repeat 20 --parallel 4 --report out.json
    [ "$status" -eq 0 ]
    [[ $output == *"20 runs: 20 completed, 0 failed"*"steps"*"60 ("*"gap, median"*" us"*"MB"* ]]
    [ "$(json 'sorted(set(d) & {"seconds", "steps", "gap_p50_us", "gap_p99_us", "peak_rss_mb"})' <out.json)" = \
        '["gap_p50_us", "gap_p99_us", "peak_rss_mb", "seconds", "steps"]' ]
    [ "$(json 'd["steps"] == 60 and 0 < d["gap_p50_us"] <= d["gap_p99_us"] and d["seconds"] > 0' <out.json)" = true ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --status completed -n 100 --json)" = 20 ]
    fermata doctor --json | json '[c["status"] for c in d["checks"] if c["name"] == "journals"] == ["pass"] or exit(1)'
}

@test "with --json the report is printed" {
    run_apart fermata run -w noops --repeat 2 --json
    [ "$status" -eq 0 ]
    [ "$(json 'd["steps"]' <<<"$output")" = 6 ]
    [ -z "$stderr" ]
}

@test "the exit status of many runs is 1 when one failed and 3 when one waits" {
    workflow second <<'END'
name: second
on_failure: fail
phases:
  - id: main
    steps: [{ id: only, run: "test -e seen || { touch seen; exit 1; }", retry: { attempts: 1 } }]
END
    workflow asks <<'END'
name: asks
phases:
  - id: main
    steps: [{ id: consent, approve: Good? }]
END
    run_apart fermata run -w second --repeat 2 --report out.json
    [ "$status" -eq 1 ]
    [[ $output == "2 runs: 1 completed, 1 failed"* ]]
    [ "$(json 'd["failed"]' <out.json)" = 1 ]
    run_apart fermata run -w asks --repeat 2
    [ "$status" -eq 3 ]
    [[ $output == "2 runs: 0 completed, 0 failed, 2 not at an end"* ]]
}

@test "measuring refuses what it cannot do together" {
    run_apart fermata run -w noops --repeat 2 --detach
    [ "$status" -eq 2 ]
    [[ $stderr == *"--repeat does not go with --detach"* ]]
    run_apart fermata run -w noops --repeat 2 --dry-run
    [ "$status" -eq 2 ]
    run_apart fermata run -w noops --report out.json
    [ "$status" -eq 2 ]
    [[ $stderr == *"--report belongs to --repeat"* ]]
    run_apart fermata run -w noops --repeat none
    [ "$status" -eq 2 ]
    run_apart fermata run -w noops --repeat 1 --report nowhere/out.json
    [ "$status" -ne 0 ]
    [[ $stderr == *nowhere* ]]
    [ ! -e .fermata/fermata.db ]
}

@test "Ctrl-C pauses the runs under way, begins no more and writes no report" {
    workflow slow <<'END'
name: slow
phases:
  - id: main
    steps:
      - { id: first, run: "echo x >>begun; await go" }
      - { id: second, run: "true" }
END
    "$FERMATA" run -w slow --repeat 50 --parallel 2 --report out.json >out 2>err &
    local pid=$!
    wait_until eval '[ "$(wc -l <begun)" -eq 2 ]'
    kill -INT "$pid"
    wait_until grep -q Pausing err
    touch go
    local code=0
    wait "$pid" || code=$?
    [ "$code" -eq 130 ]
    [ ! -e out.json ]
    grep -q "2 runs: 0 completed, 0 failed, 2 not at an end" out
    [ "$(json 'len(d["runs"])' "$FERMATA" list --status paused --json)" = 2 ]
    fermata resume last
}
