#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Without a network: only local agents, or, by itself, whoever can be reached. Both model servers are
# stand-ins on this machine; `offline: false` makes the one far away.

load helper

setup() {
    setup_project
    mkdir -p .fermata
    serve near
    serve far
    config ''
    workflow w <<'END'
name: w
phases: [{ id: p, steps: [{ id: s, agent: far, prompt: "[[mock:text text=hello]]", fallback: [near], retry: { attempts: 1 }, reuse: never }] }]
END
    workflow alone <<'END'
name: alone
phases: [{ id: p, steps: [{ id: s, agent: far, prompt: "[[mock:text text=hello]]", reuse: never }] }]
END
}

teardown() {
    teardown_project
    stop near
    stop far
}

# serve NAME: a model server, at the same address each time
serve() {
    python3 "$BATS_TEST_DIRNAME/../support/mock_models.py" --port "$(cat "$1.port" 2>/dev/null || echo 0)" \
        --port-file "$1.new" >/dev/null 2>&1 3>&- &
    echo $! >"$1.pid"
    wait_until test -s "$1.new"
    mv "$1.new" "$1.port"
}

stop() {
    [ -e "$1.pid" ] || return 0
    kill "$(cat "$1.pid")" 2>/dev/null || true
    wait "$(cat "$1.pid")" 2>/dev/null || true
    rm "$1.pid"
}

# config LINE
config() {
    cat >.fermata/config.yaml <<END
$1
agents:
  far: { type: openai-compatible, endpoint: "http://127.0.0.1:$(cat far.port)/v1", model: mock, offline: false }
  near: { type: ollama, endpoint: "http://127.0.0.1:$(cat near.port)", model: mock }
END
}

# asked NAME: how many requests it got
asked() {
    python3 -IS -c 'import json,sys,urllib.request as u
at = open(sys.argv[1] + ".port").read().strip()
print(json.load(u.urlopen(f"http://127.0.0.1:{at}/__mock/stats"))["requests"])' "$1"
}

of_step() {
    fermata show last --json | json "d['phases'][0]['steps'][0]$1"
}

@test "with --offline only local agents are asked, and nothing failed for it" {
    run_apart fermata run -w w --offline
    [ "$status" -eq 0 ]
    [ "$(asked far)" = 0 ]
    [ "$(of_step '["agent"]')" = near ]
    [ "$(of_step '["attempts"]')" = 1 ]
    [ "$(of_step '["given_up"][0]["passed_over"]')" = true ]
    [ "$(of_step '["given_up"][0]["tries"]')" = 0 ]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"agent far was passed over: it is disabled: it needs a network, and only local agents may be used (offline); near takes over"* ]]
    [[ $(tr -s " \n" " " <<<"$stderr") != *"failed"* ]]
    [ "$(fermata logs last --records | grep -c '"attempt_ended"')" = 1 ]
    [ "$(json 'd["agents"][0].get("used")' "$FERMATA" agents far --json)" = null ]
    [ "$(json 'd["offline"]' "$FERMATA" show last --json)" = true ]
    grep -q "agent near took over: far was passed over: " .fermata/workflows/*/report.md
    fermata logs last | grep -q "Agent near takes over from far, which is passed over: "
}

@test "--offline refuses what needs a network, says what to do, and asks nobody" {
    run_apart fermata run -w alone --offline
    [ "$status" -eq 4 ]
    [[ $stderr == *"step s needs an agent, and far cannot be used: needs a network"* ]]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"name one with \`offline: true\` as its agent or \`fallback\`"* ]]
    [ "$(asked far)" = 0 ]
}

@test "a run that began offline stays so when it is resumed" {
    workflow two <<'END'
name: two
phases: [{ id: p, steps: [{ id: wait, approve: "Go on?" }, { id: s, needs: [wait], agent: far, fallback: [near], prompt: "[[mock:text text=hello]]" }] }]
END
    run_apart fermata run -w two --offline --no-input
    [ "$status" -eq 3 ]
    run_apart fermata approve last wait
    run_apart fermata resume last
    wait_until has_status last completed
    [ "$(asked far)" = 0 ]
    [ "$(asked near)" -gt 0 ]
}

@test "the configuration or FERMATA_OFFLINE wants only local agents, and no file allows what the other forbids" {
    config 'offline: true'
    FERMATA_OFFLINE=false run_apart fermata run -w alone
    [ "$status" -eq 4 ]
    config 'offline: false'
    FERMATA_OFFLINE=true run_apart fermata run -w alone
    [ "$status" -eq 4 ]
    [ "$(asked far)" = 0 ]
    FERMATA_OFFLINE=no run_apart fermata run -w alone
    [ "$status" -eq 2 ]
    [[ $stderr == *"FERMATA_OFFLINE"*"true, auto, false"* ]]
}

@test "who cannot be reached is passed over by itself, and asked again when it is back" {
    stop far
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(of_step '["agent"]')" = near ]
    [ "$(of_step '["attempts"]')" = 1 ]
    [ "$(of_step '["given_up"][0]["class"]')" = transient ]
    [ "$(of_step '["given_up"][0]["passed_over"]')" = true ]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"agent far was passed over: it is offline: 127.0.0.1:$(cat far.port) cannot be reached; near takes over"* ]]
    [ "$(json 'd["agents"][0]["breaker"]["failures"]' "$FERMATA" agents far --json)" = 0 ]
    serve far
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(asked far)" = 1 ]
    [ "$(of_step '.get("given_up")')" = null ]
}

@test "who cannot be reached, and whose stand-in fails, is followed by the stand-in of that" {
    config ''
    printf '#!/bin/sh\necho "503 in between" >&2\nexit 1\n' >between
    chmod +x between
    echo '  between: { command: [./between], offline: true }' >>.fermata/config.yaml
    echo 'settings: { fallback: { map: { far: between, between: near } } }' >>.fermata/config.yaml
    stop far
    run_apart fermata run -w alone
    [ "$status" -eq 0 ]
    [ "$(of_step '["agent"]')" = near ]
    [ "$(of_step '["attempts"]')" = 2 ]
    [ "$(of_step '["given_up"][0]["passed_over"]')" = true ]
    [ "$(of_step '["given_up"][1].get("passed_over")')" = null ]
    [[ $(of_step '["given_up"][1]["error"]') == *"503 in between"* ]]
    [ "$(asked near)" -gt 0 ]
}

@test "with offline: false nobody asks first: the call itself fails" {
    config 'offline: false'
    stop far
    run_apart fermata run -w w
    [ "$status" -eq 0 ]
    [ "$(of_step '["given_up"][0].get("passed_over")')" = null ]
    [ "$(of_step '["given_up"][0]["tries"]')" = 1 ]
    [ "$(of_step '["attempts"]')" = 2 ]
}

@test "agents and doctor say who can be reached" {
    run_apart fermata agents --check --json
    [ "$(json '{a["name"]: a.get("online") for a in d["agents"] if not a["builtin"]}' <<<"$output")" = '{"far": true, "near": null}' ]
    [ "$(json 'd["offline"]' <<<"$output")" = auto ]
    stop far
    echo "  prog: { type: command, command: [sh], online_at: \"127.0.0.1:$(cat far.port)\" }" >>.fermata/config.yaml
    run_apart fermata agents far --check
    [[ $output == *"needed, and its address cannot be reached"* ]]
    run_apart fermata doctor
    [[ $(tr -s " \n" " " <<<"$output") == *"agent far does not answer"*"agent prog "*"; its address cannot be reached"* ]]
    [[ $(tr -s " \n" " " <<<"$output") == *"local agents stand in for who cannot be reached"* ]]
    run_apart fermata agents near --check
    [[ $output == *"not needed"* ]]
    FERMATA_OFFLINE=true run_apart fermata agents far
    [[ $output == *"needs a network"* ]]
}
