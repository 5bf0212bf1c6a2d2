#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The program that called Fermata does the work of agents: exit status 42, request, response.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154 # run_apart sets stderr

load helper

setup() {
    setup_project
    workflow work <<'END'
name: work
phases:
  - id: plan
    steps: [{ id: outline, agent: nobody, prompt: "Plan it", output: plan.md }]
  - id: build
    mode: parallel
    steps:
      - { id: one, agent: host, prompt: "First: ${{ steps.outline.output }}" }
      - { id: two, agent: host, prompt: "Second", retry: { attempts: 2, delay: 0s } }
END
    mkdir -p .fermata
    echo "agents: { nobody: { type: command, command: [no-such-program] } }" >.fermata/config.yaml
}

teardown() { teardown_project; }

started() {
    run_apart fermata run -w work --bridge --fresh --json
    [ "$status" -eq 42 ]
    ID=$(json 'd["id"]' <<<"$output")
    FOLDER=$PWD/.fermata/workflows/$ID
}

# The tables are what the journal says.
agrees() {
    run_apart fermata doctor --rebuild --json
    [[ $output == *", 0 differences"* ]]
}

# respond STEP NAME [JSON: fields that replace others]
respond() {
    python3 - "$FOLDER" "$1" "$2" "${3:-{\}}" <<'END'
import json, sys
folder, step, name, extra = sys.argv[1:]
request = json.load(open(f"{folder}/.agent-request-{step}.json"))
response = {"request_id": request["request_id"], "version": "1.0", "status": "success", "response": "did " + step}
response.update(json.loads(extra))
with open(f"{folder}/{name}", "w") as file:
    json.dump(response, file, indent=2)
END
}

@test "a run asks its host with status 42 and goes on with the response" {
    started
    [ "$(json 'd["host"][0]["step"]' <<<"$output")" = outline ]
    [ "$(json 'd["host"][0]["request"]' <<<"$output")" = "$FOLDER/.agent-request-plan-outline.json" ]
    [ "$(json 'd["prompt"]' <"$FOLDER/.agent-request-plan-outline.json")" != "" ]
    run_apart fermata status "$ID"
    [ "$status" -eq 42 ]
    [[ $output == *"outline waits for the host program"* && $output == *"fermata resume $ID"* ]]
    respond plan-outline .agent-response-plan-outline.json '{"response": "the plan"}'
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ ! -e "$FOLDER/.agent-request-plan-outline.json" ]
    [ ! -e "$FOLDER/.agent-response-plan-outline.json" ]
    [ "$(cat "$FOLDER/plan.md")" = "the plan" ]
    # Both steps that run side by side are asked for at once.
    [ "$(json 'sorted(h["step"] for h in d["host"])' <<<"$output")" = '["one", "two"]' ]
    [[ $(json 'd["prompt"]' <"$FOLDER/.agent-request-build-one.json") == *"First: the plan"* ]]
    respond build-one .agent-response-build-one.json '{"response": {"a": 1}, "metadata": {"model": "m1", "usage": {"input_tokens": 5, "output_tokens": 7}}}'
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ "$(json 'd["host"][0]["step"]' <<<"$output")" = two ]
    respond build-two .agent-response-build-two.json
    run_apart fermata resume "$ID"
    [ "$status" -eq 0 ]
    [ "$(fermata cat "$ID" one)" = '{"a":1}' ]
    [ "$(fermata cat "$ID" two)" = "did build-two" ]
    fermata logs "$ID" --records | grep '"attempt_ended"' | grep '"step":"one"' | grep -q '"input_tokens":5'
    [ "$(fermata logs "$ID" --records | grep -c '"attempt_started"')" -eq 3 ]
    agrees
}

@test "a host that goes on where an agent failed is told what was done" {
    cat >.fermata/config.yaml <<'END'
agents: { broken: { type: command, command: [sh, -c, 'echo half >half.txt; echo "it broke" >&2; exit 3'] } }
END
    workflow handed <<'END'
name: handed
phases:
  - id: p
    steps: [{ id: s, agent: broken, fallback: [host], prompt: "Do it", retry: { attempts: 1 } }]
END
    run_apart fermata run -w handed --json
    [ "$status" -eq 42 ]
    prompt=$(json 'd["prompt"]' <"$(json 'd["host"][0]["request"]' <<<"$output")")
    [[ $prompt == *"Do it"*"# What was done before you"*"broken (1 try, "*"it broke"*"half.txt"* ]]
}

@test "names that hosts write instead are accepted" {
    for name in agent-response-plan-outline.json .agent-response-plan.json .agent-response-phase1.json \
        .agent-response.json agent-response.json; do
        started
        respond plan-outline "$name"
        run_apart fermata resume "$ID" --json
        [ "$status" -eq 42 ]
        [ "$(json 'd["host"][0]["step"]' <<<"$output")" = one ]
        [ ! -e "$FOLDER/$name" ]
    done
}

@test "a response that says no step goes to the request that it answers" {
    started
    respond plan-outline .agent-response-plan-outline.json
    fermata resume "$ID" >/dev/null 2>&1 || [ $? -eq 42 ]
    respond build-two .agent-response-build.json
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["one"]' ]
}

@test "what answers one of two open requests is no problem of the other" {
    started
    respond plan-outline .agent-response-plan-outline.json
    fermata resume "$ID" >/dev/null 2>&1 || [ $? -eq 42 ]
    respond build-one .agent-response.json
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ "$(json '[(h["step"], "problem" in h) for h in d["host"]]' <<<"$output")" = '[["two", false]]' ]
    [[ $(fermata show "$ID") != *"the response is to request"* ]]
    respond build-two .agent-response.json
    run_apart fermata resume "$ID"
    [ "$status" -eq 0 ]
}

@test "a wrong response is refused with its place, and the run waits as before" {
    started
    right=$FOLDER/.agent-response-plan-outline.json
    respond plan-outline .agent-response-plan-outline.json '{"request_id": "11111111-1111-4111-8111-111111111111"}'
    run_apart fermata resume "$ID"
    [ "$status" -eq 7 ]
    [[ $stderr == *"$right:2:3: the response is to request 11111111"* ]]
    respond plan-outline .agent-response-plan-outline.json '{"version": "2.0"}'
    run_apart fermata resume "$ID"
    [ "$status" -eq 7 ]
    [[ $stderr == *"$right:3:3:"*'`version` is not 1.0'* ]]
    printf '{"request_id": "x",\n "version"' >"$right"
    run_apart fermata resume "$ID"
    [ "$status" -eq 7 ]
    [[ $stderr == *"$right:2:"*"invalid JSON"* ]]
    [ "$(status_of "$ID")" = paused ]
    [ "$(fermata logs "$ID" --records | grep -c '"run_moved"')" -eq 2 ]
    respond plan-outline .agent-response-plan-outline.json
    run_apart fermata resume "$ID"
    [ "$status" -eq 42 ]
}

@test "an error is classed, tried again where that may help, and told" {
    started
    respond plan-outline .agent-response-plan-outline.json
    fermata resume "$ID" >/dev/null 2>&1 || [ $? -eq 42 ]
    old=$(json 'd["request_id"]' <"$FOLDER/.agent-request-build-two.json")
    respond build-one .agent-response-build-one.json
    respond build-two .agent-response-build-two.json '{"status": "error", "error_type": "Overloaded", "error_message": "busy"}'
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ "$(json 'd["request_id"]' <"$FOLDER/.agent-request-build-two.json")" != "$old" ]
    respond build-two .agent-response-build-two.json '{"status": "error", "error_type": "AuthError", "error_message": "who are you"}'
    run_apart fermata resume "$ID"
    [ "$status" -eq 3 ]
    [[ $(fermata status "$ID" || true) == *"who are you (AuthError)"* ]]
}

@test "a host that only calls again is stopped with the reason" {
    started
    for _ in 1 2 3 4 5 6 7 8 9; do
        run_apart fermata resume "$ID"
        [ "$status" -eq 42 ]
    done
    run_apart fermata resume "$ID"
    [ "$status" -ne 42 ]
    [[ $(fermata status "$ID" || true) == *"the host did not answer"* ]]
    # Tried again, it is another request, and that one is there to be answered.
    old=$(json 'd["request_id"]' <"$FOLDER/.agent-request-plan-outline.json")
    run_apart fermata resume "$ID" --retry-failed
    [ "$status" -eq 42 ]
    [ "$(json 'd["request_id"]' <"$FOLDER/.agent-request-plan-outline.json")" != "$old" ]
    respond plan-outline .agent-response-plan-outline.json
    run_apart fermata resume "$ID" --json
    [ "$status" -eq 42 ]
    [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["one", "two"]' ]
}

@test "a width holds for what the host does as well" {
    sed -i 's/mode: parallel/&\n    width: 1/' .fermata/workflows/work.yaml
    started
    respond plan-outline .agent-response-plan-outline.json
    run_apart fermata resume "$ID" --json
    [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["one"]' ]
    respond build-one .agent-response-build-one.json
    run_apart fermata resume "$ID" --json
    [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["two"]' ]
    agrees
}

@test "what a kill in a write left behind is swept when the run goes on" {
    started
    left=("$FOLDER/.agent-request-plan-outline.json.2147483600.3.tmp" "$FOLDER/state.json.2147483600.1.tmp"
        "$FOLDER/attempts/outline.1/request.json.2147483600.2.tmp")
    touch "${left[@]}" "$FOLDER/.agent-response-plan-outline.json.tmp"
    run_apart fermata resume "$ID"
    [ "$status" -eq 42 ]
    for file in "${left[@]}"; do
        [ ! -e "$file" ]
    done
    [ -e "$FOLDER/.agent-response-plan-outline.json.tmp" ]
}

@test "cancel and skip leave no request open" {
    started
    run_apart fermata skip "$ID" outline --reason "not needed" --resume
    [ "$status" -eq 42 ]
    run_apart fermata cancel "$ID"
    [ "$status" -eq 0 ]
    [ "$(status_of "$ID")" = cancelled ]
    agrees
}

@test "the host of a nested run is asked through the run around it" {
    workflow outer <<'END'
name: outer
phases: [{ id: p, steps: [{ id: inner, workflow: work }] }]
END
    run_apart fermata run -w outer --bridge --json
    [ "$status" -eq 42 ]
    outer=$(json 'd["id"]' <<<"$output")
    ID=$(json 'd["host"][0]["run"]' <<<"$output")
    [ "$ID" != "$outer" ]
    FOLDER=$PWD/.fermata/workflows/$ID
    respond plan-outline .agent-response-plan-outline.json
    run_apart fermata resume "$outer" --json
    [ "$status" -eq 42 ]
    [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["one", "two"]' ]
}

@test "the host of docs/bridge.md takes a run to its end" {
    sed -n '/^```python$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/bridge.md" | sed '1d;$d' >host.py
    mkdir -p bin
    ln -s "$FERMATA" bin/fermata
    PATH=$PWD/bin:$PATH run_apart python3 host.py -w work
    [ "$status" -eq 0 ]
    [ "$(fermata cat last two)" = "done: two" ]
}

@test "killed at any moment, a run asks for the same and takes the response once" {
    for delay in 0.002 0.005 0.01 0.02 0.03 0.05; do
        started
        id=$(json 'd["request_id"]' <"$FOLDER/.agent-request-plan-outline.json")
        timeout -s KILL "$delay" "$FERMATA" resume "$ID" >/dev/null 2>&1 || true
        [ "$(json 'd["request_id"]' <"$FOLDER/.agent-request-plan-outline.json")" = "$id" ]
        respond plan-outline .agent-response-plan-outline.json
        timeout -s KILL "$delay" "$FERMATA" resume "$ID" >/dev/null 2>&1 || true
        run_apart fermata resume "$ID" --json
        [ "$status" -eq 42 ]
        [ "$(json '[h["step"] for h in d["host"]]' <<<"$output")" = '["one", "two"]' ]
        [ "$(fermata logs "$ID" --records | grep -c '"step":"outline","attempt":1,"class"')" -eq 1 ]
    done
    agrees
}

@test "what the host did for an agent of the configuration is told of that agent" {
    echo "agents: { editor: { type: host } }" >.fermata/config.yaml
    [ "$(json 'd["agents"][0]["detail"]' "$FERMATA" agents editor --json)" = "needs a caller" ]
    workflow mine <<<'{ name: mine, phases: [{ id: p, steps: [{ id: s, agent: editor, prompt: go }] }] }'
    run_apart fermata run -w mine --json
    [ "$status" -eq 42 ]
    ID=$(json 'd["id"]' <<<"$output")
    FOLDER=$PWD/.fermata/workflows/$ID
    respond p-s .agent-response-p-s.json '{"metadata": {"usage": {"input_tokens": 7, "cost_usd": 0.5}}}'
    run_apart fermata resume "$ID"
    [ "$status" -eq 0 ]
    [ "$(json 'd["phases"][0]["steps"][0]["agent"]' "$FERMATA" show "$ID" --json)" = editor ]
    [ "$(json 'd["agents"][0]["used"]["cost_usd"]' "$FERMATA" agents editor --json)" = 0.5 ]
    agrees
}
