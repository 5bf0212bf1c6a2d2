#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# When an agent fails: who is asked next, what it is told, and what everybody sees of it.

load helper

setup() {
    setup_project
    mkdir -p .fermata bin
    cat >.fermata/config.yaml <<'EOF2'
agents:
  first: { command: [bin/first] }
  second: { command: [bin/second] }
  missing: { command: [bin/missing] }
EOF2
    agent second 'cat >second.prompt; echo "the answer"'
}

teardown() {
    teardown_project
}

# agent NAME TEXT: a program that counts its calls
agent() {
    printf '#!/bin/sh\necho x >>%s.calls\n%s\n' "$1" "$2" >"bin/$1"
    chmod +x "bin/$1"
}

# step KEYS: the workflow `w` with one step
step() {
    workflow w <<END
name: w
phases: [{ id: p, steps: [{ id: s, agent: first, prompt: Do the thing, retry: { attempts: 1 }, $1 }] }]
END
}

of_step() {
    fermata show last --json | json "d['phases'][0]['steps'][0]$1"
}

calls() {
    [ "$(wc -l <"$1.calls")" = "$2" ]
}

@test "the next agent takes over with a hand-off, and everybody is told" {
    agent first 'cat >first.prompt; echo half >left.txt; echo "503 service unavailable" >&2; exit 1'
    step 'fallback: [second]'
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(fermata cat last s)" = "the answer" ]
    [ "$(of_step '["agent"]')" = second ]
    [ "$(of_step '["fallback_from"]')" = first ]
    [ "$(of_step '["given_up"][0]["class"]')" = transient ]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"Step p/s: agent first failed (transient): "*"503 service unavailable; second takes over"* ]]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"Step s: agent second took over: first failed (transient): "* ]]
    [[ $(fermata show last | tr -s " \n" " ") == *"Step s: agent second took over: first failed (transient): "* ]]
    fermata logs last | grep -q "\[WARN\] Step: s - Agent second takes over from first: .*503"
    fermata logs last --records | grep '"step_moved"' | grep '"agent":"second"' | grep -q '"fallback_from":"first"'
    grep -q "agent second took over: first failed (transient): .*503" .fermata/workflows/*/report.md
    # What it is told.
    [ "$(grep -c "What was done before you" first.prompt)" = 0 ]
    grep -q "Do the thing" second.prompt
    grep -q "What was done before you" second.prompt
    grep -q "first (1 try, transient): .*503" second.prompt
    grep -q "^left.txt$" second.prompt
    grep -q "^What attempt 1 changed:$" second.prompt
    grep -q "^+half$" second.prompt
}

# A third agent, behind the second.
third() {
    echo '  third: { command: [bin/third] }' >>.fermata/config.yaml
    agent third 'cat >third.prompt; echo "the third answer"'
}

@test "behind the stand-in stands another one, which is told of both and of what both did" {
    third
    agent first 'cat >/dev/null; echo half >left.txt; echo "503 service unavailable" >&2; exit 1'
    agent second 'cat >second.prompt; echo more >>left.txt; seq 1 30000 >big.txt; echo "401 unauthorized" >&2; exit 1'
    step 'fallback: [second, third]'
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(fermata cat last s)" = "the third answer" ]
    [ "$(of_step '["agent"]')" = third ]
    [ "$(of_step '["fallback_from"]')" = first ]
    [ "$(json '[(g["agent"], g["class"]) for g in d["phases"][0]["steps"][0]["given_up"]]' <<<"$(fermata show last --json)")" = \
        '[["first", "transient"], ["second", "permanent"]]' ]
    grep -q "Do the thing" third.prompt
    grep -q "^first (1 try, transient): .*503 service unavailable" third.prompt
    grep -q "^second (1 try, permanent): .*401 unauthorized" third.prompt
    # The difference itself, with its lines, and no more of it than is told.
    grep -q "^What attempt 1 changed:$" third.prompt
    grep -q "^+half$" third.prompt
    grep -q "^What attempt 2 changed:$" third.prompt
    grep -q "^+more$" third.prompt
    grep -q "^big.txt$" third.prompt
    [ "$(wc -c <third.prompt)" -lt 80000 ]
    calls first 1
    calls second 1
    calls third 1
}

@test "stand-ins of stand-ins are found in the settings, and each error is told when all fail" {
    third
    agent first 'echo "503 one" >&2; exit 1'
    agent second 'echo "connection refused: two" >&2; exit 1'
    agent third 'echo "403 three" >&2; exit 1'
    step 'optional: false'
    echo 'settings: { fallback: { map: { first: second, second: third, third: first } } }' >>.fermata/config.yaml
    run_apart fermata run -w w --no-input
    [ "$status" -eq 3 ]
    [[ $(of_step '["error"]') == "first: "*"503 one"*"; second: "*"connection refused: two"*"; third: "*"403 three"* ]]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"503 one"*"connection refused: two"*"403 three"* ]]
    calls first 1
    calls second 1
    calls third 1
}

@test "who has spent its budget is followed by the next agent" {
    # A limit in money holds for the next one too, which has to be able to keep it.
    sed -i "s#  \\(first\\|second\\): .*#  \\1: { type: claude, command: [bin/\\1] }#" .fermata/config.yaml
    cat >bin/second <<'END'
#!/bin/sh
echo "$@" >>second.arguments
cat >second.prompt
echo '{"type":"result","subtype":"success","is_error":false,"result":"the answer","session_id":"s2","usage":{"input_tokens":1,"output_tokens":1}}'
END
    cat >bin/first <<'END'
#!/bin/sh
echo "$@" >>first.arguments
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
echo '{"type":"result","subtype":"error_max_budget_usd","is_error":true,"session_id":"s1","total_cost_usd":0.5,"errors":["Reached maximum budget ($0.5)"],"usage":{"input_tokens":1,"output_tokens":1}}'
exit 1
END
    chmod +x bin/first bin/second
    step 'fallback: [second], budget_usd: 0.5, reuse: never'
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(wc -l <first.arguments)" = 1 ]
    grep -q -- "--max-budget-usd 0.5" first.arguments
    grep -q -- "--max-budget-usd 0.5" second.arguments
    [ "$(of_step '["agent"]')" = second ]
    [[ $(of_step '["given_up"][0]["error"]') == *"Reached maximum budget"* ]]
    grep -q "^first (1 try, permanent): .*Reached maximum budget" second.prompt
}

@test "an agent that is not there is passed over, and said to be" {
    step 'agent: missing, fallback: [second]'
    sed -i 's/agent: first, //' .fermata/workflows/w.yaml
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [[ $(of_step '["given_up"][0]["error"]') == *"bin/missing"* ]]
    [ "$(of_step '["fallback_from"]')" = missing ]
}

@test "when all fail, all errors are told; then the static alternative stands in" {
    agent first 'echo "401 unauthorized" >&2; exit 1'
    agent second 'echo "connection refused" >&2; exit 1'
    step 'fallback: [second]'
    run_apart fermata run -w w --no-input
    [[ $(of_step '["error"]') == "first: "*"401 unauthorized"*"; second: "*"connection refused"* ]]
    calls first 1
    calls second 1
    step 'fallback: [second], static: { run: "echo by hand" }'
    run_apart fermata run -w w --strategy hybrid
    [ "$status" -eq 0 ]
    [[ $(of_step '["agent_error"]') == "first: "*"; second: "* ]]
}

@test "the settings say who stands in where the step names nobody" {
    agent first 'echo "503" >&2; exit 1'
    step 'optional: false'
    echo 'settings: { fallback: { map: { first: second } } }' >>.fermata/config.yaml
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(of_step '["agent"]')" = second ]
}

@test "what the second agent answered is not paid again" {
    agent first 'echo "503" >&2; exit 1'
    step 'fallback: [second]'
    echo "*.calls" >.gitignore
    git init -q . && echo "*.prompt" >>.gitignore
    fermata run -w w >/dev/null 2>&1
    calls second 1
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(of_step '["reused"]')" = true ]
    [ "$(of_step '["agent"]')" = second ]
    calls second 1
}

@test "a step that is reused says whose work it is, in every view, and when it is reused again" {
    agent first 'echo "the answer"'
    sed -i 's|  first: {|  first: { model: m1,|' .fermata/config.yaml
    step ''
    printf '*.calls\n*.prompt\n' >.gitignore
    git init -q .
    from=$(json 'd["id"]' "$FERMATA" run -w w --json 2>/dev/null)
    said="from $from, by first (m1)"
    # shellcheck disable=SC2034  # both times
    for time in 1 2; do
        run_apart fermata run -w w
        [ "$status" -eq 0 ]
        [[ $stderr == *"reused $said"* ]]
        [ "$(of_step '["agent"]') $(of_step '["model"]') $(of_step '["reused_from"]')" = "first m1 $from" ]
        [[ $(fermata show last) == *"reused $said"* ]]
        [[ $(cat .fermata/workflows/"$(json 'd["id"]' "$FERMATA" show last --json)"/report.md) == *"reused $said"* ]]
        [[ $(fermata logs last) == *"Reused from $from (step s), by first (m1)"* ]]
        [[ $(fermata explain last) == *"$said"* ]]
        [[ $(fermata show last --metrics) == *"reused"*"1, which saved "*"; by first 1"* ]]
    done
    calls first 1
    [[ $(fermata doctor --rebuild --json) == *", 0 differences"* ]]
}

@test "an agent that failed is not asked again after kill -9 between it and the next one" {
    agent first 'echo "503" >&2; exit 1'
    agent second 'mkfifo gate; cat gate; echo "the answer"'
    step 'fallback: [second]'
    id=$(fermata run -w w --detach)
    wait_until test -p gate
    kill -9 "$(pgrep -f -- "drive $id" | head -n 1)"
    wait_until is_ownerless "$id"
    fermata resume "$id" >/dev/null 2>&1 &
    wait_until is_owned "$id"
    echo go >gate
    wait
    [ "$(status_of "$id")" = completed ]
    calls first 1
    calls second 1
    [ "$(of_step '["agent"]')" = second ]
}

# ---- before a call ----

# limits KEYS: the first agent has these
limits() {
    sed -i "s|first: { command: \[bin/first\]|&, $1|" .fermata/config.yaml
}

breaker() {
    fermata agents first --json | json "d['agents'][0]['breaker']$1"
}

@test "a circuit breaker that opened keeps all runs from the agent until one call succeeds" {
    agent first 'test -e up || { echo "503 service unavailable" >&2; exit 1; }; echo "it is up"'
    limits 'breaker_threshold: 2, breaker_recovery: 1h'
    step 'fallback: [second], reuse: never'
    fermata run -w w >/dev/null 2>&1
    [ "$(breaker '["failures"]')" = 1 ]
    fermata run -w w >/dev/null 2>&1
    [ "$(breaker '["state"]')" = open ]
    calls first 2
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    calls first 2
    [[ $(of_step '["given_up"][0]["error"]') == "the circuit breaker of agent first is open after 2 failures in a row"*"503"* ]]
    [[ $(fermata agents | tr -s " ") == *" first command "*"breaker open"* ]]
    [[ $(fermata agents first) == *"2 failures in a row"*"reset-agent first"* ]]
    touch up
    run_apart fermata reset-agent first
    [ "$output" = "first: its circuit breaker is closed, its failures are forgotten" ]
    fermata run -w w >/dev/null 2>&1
    [ "$(fermata cat last s)" = "it is up" ]
    run_apart fermata reset-agent nobody
    [ "$status" -eq 6 ]
}

@test "an answer in the wrong form is no failure of the agent's backend" {
    agent first 'echo "no JSON at all"'
    limits 'breaker_threshold: 2, breaker_recovery: 1s'
    workflow w <<'END2'
name: w
phases: [{ id: p, steps: [{ id: s, agent: first, schema: { type: object }, retry: { attempts: 3, delay: 1ms } }] }]
END2
    run_apart fermata run -w w
    [ "$status" -eq 3 ]
    calls first 3
    [ "$(of_step '["class"]')" = transient ]
    [ "$(breaker '["failures"]')" = 0 ]
    [ "$(breaker '["state"]')" = closed ]
}

@test "without another agent a step waits, also over a restart, until the breaker lets one call through" {
    agent first 'test -e up || { echo "503 service unavailable" >&2; exit 1; }; echo "it is up"'
    limits 'breaker_threshold: 1, breaker_recovery: 8s'
    step 'reuse: never'
    fermata run -w w --no-input >/dev/null 2>&1 || true
    touch up
    id=$(fermata run -w w --detach)
    is_waiting() {
        fermata show "$id" --json | json 'd["phases"][0]["steps"][0]["waiting"]' | grep -q retry
    }
    wait_until is_waiting
    [[ $(fermata show "$id") == *"circuit breaker of agent first is open"* ]]
    kill -9 "$(pgrep -f -- "drive $id" | head -n 1)"
    wait_until is_ownerless "$id"
    calls first 1
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    calls first 2
    [[ $(fermata logs "$id") == *"Step: s - Waiting for first's circuit breaker until "* ]]
    [ "$(breaker '["state"]')" = closed ]
}

@test "beyond its rate an agent is called later, and no try is lost" {
    agent first 'echo "it is up"'
    limits 'rate_limit: 60'
    workflow many <<END
name: many
phases: [{ id: p, steps: [{ id: s, agent: first, prompt: Do it, reuse: never, retry: { attempts: 1 }, foreach: [$(seq -s, 62)] }] }]
END
    run_apart fermata run -w many
    [ "$status" -eq 0 ]
    calls first 62
    [ "$(fermata logs last --records | grep -c 'takes 60 calls a minute')" = 2 ]
    [[ $stderr == *"Step s[61] waits for first's rate limit until "* ]]
    [[ $stderr != *"will be tried again"* ]]
}

@test "an agent that could not be started was not called" {
    sed -i 's|first: .*|first: { command: [bin/not-there], env: { A: b } }|' .fermata/config.yaml
    step 'fallback: [second]'
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [[ $stderr$output != *'$0.0000'* ]]
    [ "$(json 'd["agents"][0].get("used")' "$FERMATA" agents first --json)" = null ]
    [ "$(of_step '["usage"]["attempts"]')" = 1 ]
    [ "$(json 'list(d["metrics"]["agents"])' "$FERMATA" show last --metrics --json)" = '["second"]' ]
    [[ $(fermata doctor --rebuild --json) == *", 0 differences"* ]]
}

# Readers, for agents that change files have the project one at a time.
@test "an agent has its own number of calls at once" {
    cat >bin/first <<'END'
#!/bin/sh
mkdir "$HOME/busy" || touch "$HOME/two"
i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
rmdir "$HOME/busy"
echo x >>"$HOME/calls"
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}'
END
    chmod +x bin/first
    sed -i 's|first: { command: \[bin/first\]|first: { type: claude, command: [bin/first], concurrency: 1|' .fermata/config.yaml
    workflow many <<END
name: many
phases: [{ id: p, mode: parallel, steps: [{ id: s, agent: first, prompt: Do it, read_only: true, reuse: never, foreach: [1, 2, 3, 4, 5, 6] }] }]
END
    run_apart fermata run -w many
    [ "$status" -eq 0 ]
    [ ! -e "$HOME/two" ]
    [ "$(wc -l <"$HOME/calls")" = 6 ]
}

@test "the number holds over all runs, also for a call whose run was killed" {
    cat >bin/first <<'END'
#!/bin/sh
mkdir "$HOME/busy" || touch "$HOME/two"
echo x >>"$HOME/begun"
until [ -e "$HOME/go" ]; do sleep 0.05; done
rmdir "$HOME/busy"
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}'
END
    chmod +x bin/first
    sed -i 's|first: { command: \[bin/first\]|first: { type: claude, command: [bin/first], concurrency: 1|' .fermata/config.yaml
    workflow w <<'END'
name: w
phases:
  - id: p
    mode: parallel
    steps:
      - { id: s, agent: first, prompt: Do it, read_only: true, reuse: never }
      - { id: other, run: "echo x >>other", reuse: never }
END
    killed=$(fermata run -w w --detach)
    wait_until test -e "$HOME/begun"
    kill -9 "$(pgrep -f -- "drive $killed" | head -n 1)"
    rm -f other
    second=$(fermata run -w w --detach)
    wait_until test -e other
    [ "$(wc -l <"$HOME/begun")" = 1 ]
    touch "$HOME/go"
    wait_until has_status "$second" completed
    wait_until is_ownerless "$second"
    [ "$(wc -l <"$HOME/begun")" = 2 ]
    fermata resume "$killed" >/dev/null
    [ "$(wc -l <"$HOME/begun")" = 2 ]
    [ ! -e "$HOME/two" ]
}

# limited: the first agent is at its limit once, for so many milliseconds
limited() {
    agent first "if mkdir limited 2>/dev/null; then echo '{\"event\":\"error\",\"failure\":\"limit\",\"status\":429,\"retry_after_ms\":$1,\"text\":\"429 too many requests\"}'; exit 1; fi; echo '{\"event\":\"text\",\"text\":\"after it\"}'; echo '{\"event\":\"done\"}'"
    limits 'output: jsonl'
}

@test "a limit that tells its end parks the step over a stop and a restart, and the rest goes on" {
    limited 3000
    workflow w <<'END'
name: w
phases:
  - id: p
    mode: parallel
    steps:
      - { id: s, agent: first, prompt: Do the thing, reuse: never, retry: { attempts: 1 } }
      - { id: other, run: "echo done >other" }
END
    id=$(fermata run -w w --detach)
    is_parked() {
        [ "$(json 'd["phases"][0]["steps"][0].get("waiting")' "$FERMATA" show "$id" --json)" = retry ]
    }
    wait_until is_parked
    wait_until test -e other
    until=$(json 'd["phases"][0]["steps"][0]["until"]' "$FERMATA" show "$id" --json)
    fermata pause "$id" >/dev/null
    wait_until has_status "$id" paused
    run_apart fermata resume "$id"
    [ "$status" -eq 0 ]
    [ "$(fermata cat "$id" s)" = "after it" ]
    calls first 2
    fermata logs "$id" --records | json_lines "$until"
}

# json_lines UNTIL: the last attempt began no sooner
json_lines() {
    python3 -IS -c 'import json,sys
started = [r for r in map(json.loads, sys.stdin) if r["kind"] == "attempt_started" and r["step"] == "s"]
assert len(started) == 2 and started[1]["at"] >= int(sys.argv[1]), started' "$1"
}

@test "a limit that is far away goes to the next agent, unless the step says to wait" {
    limited 7200000
    step 'fallback: [second], reuse: never'
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(of_step '["given_up"][0]["class"]')" = limit ]
    rmdir limited
    step 'fallback: [second], on_limit: park, reuse: never'
    id=$(fermata run -w w --detach)
    is_parked() {
        [ "$(json 'd["phases"][0]["steps"][0].get("waiting")' "$FERMATA" show "$id" --json)" = retry ]
    }
    wait_until is_parked
    [[ $(fermata show "$id") == *"429 too many requests"* ]]
    fermata cancel "$id" >/dev/null
}
