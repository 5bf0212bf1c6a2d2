#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Agents without and with configuration: programs of their names in a private PATH.

load helper

setup() {
    setup_project
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$BIN"
    export PATH=$BIN:/usr/bin:/bin
}

teardown() {
    teardown_project
}

# fake_codex [TEXT]: says its version, and answers like Codex
fake_codex() {
    cat >"$BIN/codex" <<EOF
#!/bin/sh
if [ "\$1" = --version ]; then echo x >>"$BATS_TEST_TMPDIR/asked"; echo "codex-cli 0.169.0"; exit 0; fi
cat >"$BATS_TEST_TMPDIR/prompt"
echo "\$*" >"$BATS_TEST_TMPDIR/arguments"
env >"$BATS_TEST_TMPDIR/environment"
echo '{"type":"thread.started","thread_id":"t-1"}'
echo '{"type":"turn.started"}'
echo '{"type":"item.completed","item":{"id":"i0","type":"agent_message","text":"${1:-All done.}"}}'
echo '{"type":"turn.completed","usage":{"input_tokens":1000000,"cached_input_tokens":400000,"output_tokens":100000}}'
EOF
    chmod +x "$BIN/codex"
}

agent() {
    fermata agents "$1" --json | json "d['agents'][0]$2"
}

@test "with one coding program installed a workflow just runs" {
    fake_codex
    run_apart fermata run "Fix the failing test" -w quick
    [ "$status" -eq 0 ]
    grep -q "Fix the failing test" "$BATS_TEST_TMPDIR/prompt"
    [ "$(fermata cat last result.md)" = "All done." ]
    [ "$(agent codex '["default"]')" = true ]
    [ "$(agent codex '["used"]["attempts"]')" = 1 ]
    [ "$(agent codex '["used"]["failed"]')" = 0 ]
    [ "$(agent codex '["used"]["input_tokens"]')" = 1000000 ]
    [ "$(agent codex '.get("used", {}).get("cost_usd", "unknown")')" = unknown ]
}

@test "without any agent the exit status is 4 and the hint says what to do" {
    run_apart fermata run "Fix it" -w quick
    [ "$status" -eq 4 ]
    [[ $stderr == *"needs an agent, and none is ready"*"fermata doctor"* ]]
    run_apart fermata test-agent codex hi
    [ "$status" -eq 4 ]
    [[ $stderr == *"not installed"*"npm install -g @openai/codex"* ]]
    run_apart fermata doctor
    [ "$status" -eq 0 ]
    [[ $output == *"agent codex"*"not installed"*"npm install -g @openai/codex"* ]]
    [ ! -e .fermata ]
}

@test "agents are listed in 80 columns, and a version is asked once" {
    fake_codex
    fermata agents >"$BATS_TEST_TMPDIR/list"
    fermata agents >"$BATS_TEST_TMPDIR/list"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -eq 1 ]
    grep -q '^\* codex *codex *0\.169\.0 ' "$BATS_TEST_TMPDIR/list"
    grep -q 'Not installed: claude, gemini' "$BATS_TEST_TMPDIR/list"
    awk 'length($0) > 80 { exit 1 }' "$BATS_TEST_TMPDIR/list"
    fermata agents codex >"$BATS_TEST_TMPDIR/one"
    awk 'length($0) > 80 { exit 1 }' "$BATS_TEST_TMPDIR/one"
    grep -q 'codex login' "$BATS_TEST_TMPDIR/one"
    mkdir -p "$HOME/.codex" && echo '{}' >"$HOME/.codex/auth.json"
    [ "$(agent codex '["state"]')" = ready ]
    run_apart fermata agents codx
    [ "$status" -eq 6 ]
    [[ $stderr == *"did you mean codex?"* ]]
}

@test "who is signed in goes before whom nothing is known of" {
    fake_codex
    printf '#!/bin/sh\necho 2.1.0\n' >"$BIN/claude"
    chmod +x "$BIN/claude"
    [ "$(json 'd["default"]' "$FERMATA" agents --json)" = claude ]
    CODEX_API_KEY=k run_apart fermata agents --json
    [ "$(json 'd["default"]' <<<"$output")" = codex ]
}

@test "one agent is tested outside any workflow, and kept as a run" {
    fake_codex "It says hello."
    run_apart fermata test-agent codex "Say hello" --read-only --model gpt-x --timeout 1m
    [ "$status" -eq 0 ]
    [ "$output" = "It says hello." ]
    grep -q -- "-s read-only" "$BATS_TEST_TMPDIR/arguments"
    grep -q "gpt-x" "$BATS_TEST_TMPDIR/arguments"
    [ "$(grep -c "Say hello" "$BATS_TEST_TMPDIR/arguments")" -eq 0 ]
    [ "$(json 'd["runs"][0]["workflow"]' "$FERMATA" list --json)" = agent-test ]
}

@test "what an agent cannot do is refused when it is tested, too" {
    mkdir .fermata
    echo 'agents: { house: { command: [sh, -c, "touch ran; cat"] } }' >.fermata/config.yaml
    run_apart fermata test-agent house hi --read-only
    [ "$status" -eq 7 ]
    [[ $stderr == *"asks for \`read_only\`, but agent house"*"hint: leave that option out, or ask another agent"* ]]
    [ ! -e ran ]
    [ "$(fermata list)" = "No runs." ]
}

@test "an agent whose answer was not taken is told why when it is asked again" {
    mkdir .fermata
    cat >"$BATS_TEST_TMPDIR/agent" <<'EOF'
prompt=$(cat)
echo call >>"$CALLS"
case $prompt in
*"Your last answer was not taken"*'missing "count"'*'{"total":3}'*) echo '{"count":3}' ;;
*"was not taken"*) exit 9 ;;
*) echo '{"total":3}' ;;
esac
EOF
    echo "agents: { house: { type: command, command: [sh, \"$BATS_TEST_TMPDIR/agent\"], env: { CALLS: \"$BATS_TEST_TMPDIR/calls\" } } }" >.fermata/config.yaml
    workflow count <<'YAML'
name: count
phases:
  - id: main
    steps:
      - id: count
        agent: house
        prompt: count
        retry: { delay: 0 }
        schema: { type: object, required: [count], properties: { count: { type: integer } } }
YAML
    fermata run -w count --no-input
    [ "$(wc -l <"$BATS_TEST_TMPDIR/calls")" -eq 2 ]
    [ "$(json 'd["phases"][0]["steps"][0]["attempts"]' "$FERMATA" show last --json)" = 2 ]
    # What the prompt says besides is no other step: the same is not paid twice.
    [[ $(fermata run -w count --no-input 2>&1) == *reused* ]]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/calls")" -eq 2 ]
}

@test "a program of one's own does read-only steps where the configuration says how" {
    mkdir .fermata
    workflow look <<'YAML'
name: look
phases: [{ id: main, steps: [{ id: look, agent: house, prompt: look, read_only: true }] }]
YAML
    echo 'agents: { house: { type: command, command: [sh, -c, "cat >/dev/null; echo edits"] } }' >.fermata/config.yaml
    run_apart fermata run -w look --no-input
    [ "$status" -eq 7 ]
    [[ $stderr == *"step look asks for \`read_only\`"*"read_only_command"* ]]
    run_apart fermata run -w look --dry-run
    [[ $output == *"MISSING: step look asks for \`read_only\`"* ]]
    [ "$(json 'd["agents"][0]["abilities"]["read-only"]' "$FERMATA" agents house --json)" = false ]

    echo 'agents: { house: { type: command, command: [sh, -c, "cat >/dev/null; echo edits"],
        read_only_command: [sh, -c, "cat >/dev/null; echo only looks"] } }' >.fermata/config.yaml
    fermata run -w look --no-input
    [ "$(fermata cat last look)" = "only looks" ]
    [ "$(json 'd["agents"][0]["abilities"]["read-only"]' "$FERMATA" agents house --json)" = true ]
}

@test "an agent that fails for good without a sign-in gives exit status 4" {
    # shellcheck disable=SC2016 # of the program
    printf '#!/bin/sh\n[ "$1" = --version ] && { echo 1.0.0; exit; }\ncat >/dev/null\n%s\nexit 1\n' \
        "echo '{\"type\":\"turn.failed\",\"error\":{\"message\":\"unexpected status 401 Unauthorized\"}}'" >"$BIN/codex"
    chmod +x "$BIN/codex"
    run_apart fermata test-agent codex "Say hello"
    [ "$status" -eq 4 ]
    [[ $stderr == *401*"No sign-in was found: run "*"codex login"* ]]
    CODEX_API_KEY=k run_apart fermata test-agent codex "Say hello"
    [ "$status" -eq 1 ]
    # Who has used up what was paid for is known to it.
    sed -i 's/unexpected status 401 Unauthorized/unexpected status 429: insufficient_quota/' "$BIN/codex"
    run_apart fermata test-agent codex "Say hello"
    [ "$status" -eq 1 ]
    [[ $stderr == *insufficient_quota* && $stderr != *"No sign-in"* ]]
}

@test "a configured agent: its account, key, price and role reach the call" {
    fake_codex
    mkdir .fermata
    cat >.fermata/config.yaml <<'EOF'
agents:
  work:
    type: codex
    model: gpt-x-1
    key: env:HOUSE_KEY
    env: { CODEX_HOME: /nowhere/else }
    role: builder
prices:
  "gpt-x*": { input: 1, cached_input: 0.5, output: 10 }
EOF
    workflow build <<'EOF'
name: build
phases: [{ id: a, steps: [{ id: s, agent: builder, prompt: go }] }]
EOF
    HOUSE_KEY=secret-key run_apart fermata run -w build
    [ "$status" -eq 0 ]
    grep -q '^CODEX_HOME=/nowhere/else$' "$BATS_TEST_TMPDIR/environment"
    grep -q '^CODEX_API_KEY=secret-key$' "$BATS_TEST_TMPDIR/environment"
    grep -q gpt-x-1 "$BATS_TEST_TMPDIR/arguments"
    ! grep -q secret-key "$BATS_TEST_TMPDIR/arguments" || false
    # 0.6 at 1, 0.4 at 0.5, 0.1 at 10
    [ "$(agent work '["used"]["cost_usd"]')" = 1.8 ]
    [ -z "$(grep -rl secret-key .fermata/workflows/*/logs .fermata/workflows/*/state.json)" ]
    run_apart fermata run -w build --fresh
    [ "$status" -eq 4 ]
    [[ $stderr == *"work cannot be used: HOUSE_KEY is not set"*"set HOUSE_KEY, which \`key\` of work names"* ]]
}

# A key that is missing is named by whoever tells that the agent cannot be used: AGENT DETAIL HINT
names_the_key() {
    run_apart fermata agents "$1"
    [[ $output == *"$2"* && $(tr -s ' \n' ' ' <<<"$output") == *"$3"* ]]
    run_apart fermata test-agent "$1" hi
    [ "$status" -eq 4 ]
    [[ $stderr == *"agent $1 cannot be used: $2"*"hint: $3"* ]]
    run_apart fermata run -w "$1"
    [ "$status" -eq 4 ]
    [[ $stderr == *"step s needs an agent, and $1 cannot be used: $2"*"hint: $3"* ]]
    # Of those that nobody has set up it tells programs alone.
    [ "$1" = openai ] || [[ $(fermata doctor | tr -s ' \n' ' ') == *"agent $1 "*"$2 $3"* ]]
}

@test "a configured key that is missing is named, wherever its agent is looked at" {
    fake_codex
    mkdir .fermata
    cat >.fermata/config.yaml <<'EOF'
agents:
  named: { type: codex, key: "env:HOUSE_KEY" }
  filed: { type: codex, key: "file:~/key" }
  served: { type: openai-compatible, endpoint: "http://127.0.0.1:9/v1", model: m, key: "env:HOUSE_KEY" }
  own: { type: codex, key: "env:HOUSE_KEY", env: { HOUSE_KEY: secret-key } }
EOF
    for name in named filed served openai; do
        printf 'name: %s\nphases: [{ id: p, steps: [{ id: s, agent: %s, prompt: go }] }]\n' $name $name | workflow $name
    done
    names_the_key named "HOUSE_KEY is not set" "set HOUSE_KEY, which \`key\` of named names"
    names_the_key served "HOUSE_KEY is not set" "set HOUSE_KEY, which \`key\` of served names"
    names_the_key openai "OPENAI_API_KEY is not set" "set OPENAI_API_KEY"
    names_the_key filed "its key file is missing" "write the key into $HOME/key, which \`key\` of filed names"
    echo >"$HOME/key"
    names_the_key filed "its key file is empty" "write the key into $HOME/key, which \`key\` of filed names"
    echo a-key >"$HOME/key"
    fermata run -w filed
    grep -q '^CODEX_API_KEY=a-key$' "$BATS_TEST_TMPDIR/environment"
    fermata test-agent own hi
    grep -q '^CODEX_API_KEY=secret-key$' "$BATS_TEST_TMPDIR/environment"
}

@test "the map of a program's output is checked before it is used, and used as it is written" {
    mkdir .fermata
    cat >.fermata/config.yaml <<'EOF'
agents:
  house:
    command: [house-agent]
    output: jsonl
    map: { type: kind, events: { delta: { event: txt, text: "$.body" }, end: { event: done } } }
EOF
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output$stderr == *'config.yaml:5:50: error: "event" of an event of a map has no word "txt" (did you mean "text"?)'* ]]
    [[ $output$stderr == *'config.yaml:5:62: error: "text" of an event of a map: "$.body" is no path into JSON'* ]]
    sed -i 's/event: txt, text: "$.body"/event: text, partial: true, text: body.0/' .fermata/config.yaml
    cat >"$BIN/house-agent" <<'EOF'
#!/bin/sh
cat >/dev/null
printf '%s\n' '{"kind":"delta","body":["All "]}' '{"kind":"delta","body":["done."]}' '{"kind":"end"}'
EOF
    chmod +x "$BIN/house-agent"
    fermata validate
    run_apart fermata test-agent house "Do it"
    [ "$status" -eq 0 ]
    [ "$output" = "All done." ]
}

@test "show names the agent and the model that answered each step" {
    fake_codex
    mkdir .fermata
    cat >.fermata/config.yaml <<'EOF'
roles: { writer: codex }
agents:
  house: { command: [sh, -c, "cat >/dev/null; echo '{\"a\":\"yes\",\"m\":\"large-1\"}'"], output: json, map: { answer: a, model: m } }
EOF
    workflow who <<'EOF'
name: who
phases:
  - id: p
    steps:
      - { id: asked, agent: writer, prompt: go, model: gpt-x }
      - { id: said, agent: house, prompt: go }
      - { id: unnamed, prompt: else }
      - { id: none, run: "true" }
EOF
    fermata run -w who
    of_steps() {
        fermata show --json | json "[[s.get('agent'), s.get('model')] for s in d['phases'][0]['steps']]"
    }
    [ "$(of_steps)" = '[["codex", "gpt-x"], ["house", "large-1"], ["house", "large-1"], [null, null]]' ]
    shown=$(fermata show)
    [[ $shown == *"asked: codex (gpt-x), 1000000 tokens in, 100000 out"* ]]
    [[ $shown == *"said: house (large-1), unknown tokens in"*"unnamed: house"* ]]
    fits_80_columns <<<"$shown"
}

@test "agents.yaml of another tool is read, from the project or by name" {
    fake_codex
    mkdir .fermata
    cat >.fermata/agents.yaml <<'EOF'
agents:
  codex: { enabled: true, command: codex, role: implementation, timeout: 300, max_retries: 3 }
workflows:
  fast: [{ agent: codex, task: implement }]
settings:
  output_dir: ./output
EOF
    run_apart fermata run "Add a test" -w fast
    [ "$status" -eq 0 ]
    grep -q "Implement the following: Add a test" "$BATS_TEST_TMPDIR/prompt"
    run_apart fermata validate
    [[ $output == *'"output_dir" of the settings has no effect here'*'artifacts'* ]]
    mv .fermata/agents.yaml other.yaml
    run_apart fermata run "Add a test" -w fast
    [ "$status" -eq 6 ]
    run_apart fermata --config other.yaml run "Add a test" -w fast
    [ "$status" -eq 0 ]
    AI_ORCHESTRATOR_CONFIG_PATH=$PWD/other.yaml run_apart fermata run "Add a test" -w fast
    [ "$status" -eq 0 ]
    run_apart fermata --config nowhere.yaml workflows
    [ "$status" -eq 6 ]
    id=$(fermata --config other.yaml run "Add another" -w fast --detach)
    wait_until has_status "$id" completed
}

@test "what an agent cannot do is refused before anything starts" {
    fake_codex
    workflow costly <<'EOF'
name: costly
phases: [{ id: a, steps: [{ id: s, agent: codex, prompt: go, budget_usd: 1 }] }]
EOF
    run_apart fermata run -w costly
    [ "$status" -eq 7 ]
    [[ $stderr == *"takes no limit in money"* ]]
    [ ! -e .fermata/fermata.db ]
    run_apart fermata validate costly
    [ "$status" -eq 7 ]
    [[ $output == *"costly.yaml:2:"*"error:"*"takes no limit in money"* ]]
    rm "$BIN/codex"
    sed -i 's/, budget_usd: 1//' .fermata/workflows/costly.yaml
    run_apart fermata validate costly
    [ "$status" -eq 0 ]
    [[ $output == *"costly.yaml:2:"*"warning: step s needs an agent, and codex cannot be used: not installed"*"npm install"* ]]
}

@test "of the agents of built-in workflows validate tells where somebody uses them" {
    mkdir -p .fermata
    echo 'agents: { house: { command: [cat] } }
default_agent: house' >.fermata/config.yaml
    run_apart fermata validate
    [ "$status" -eq 0 ]
    [[ $output == *" files checked: 0 errors, 0 warnings" && $output != *builtin:* ]]
    # By its name, from a workflow of the project, or as what is run without a name.
    [[ $(fermata validate security-audit) == *"builtin:security-audit:"*"asks for \`read_only\`"* ]]
    workflow own <<<'{ name: own, phases: [{ id: p, steps: [{ id: s, workflow: security-audit }] }] }'
    run_apart fermata validate
    [[ $output == "builtin:security-audit:"*"asks for \`read_only\`"*": 0 errors, 1 warning" ]]
    rm .fermata/workflows/own.yaml
    echo 'default_workflow: database-migration' >>.fermata/config.yaml
    run_apart fermata validate
    [[ $output == "builtin:database-migration:"*"asks for \`read_only\`"*": 0 errors, 1 warning" ]]
}

@test "model servers are asked with --check alone" {
    python3 "$BATS_TEST_DIRNAME/../support/mock_models.py" --port 0 --port-file port >/dev/null 2>&1 3>&- &
    local server=$!
    wait_until test -s port
    mkdir .fermata
    cat >.fermata/config.yaml <<EOF
agents:
  local: { type: ollama, endpoint: "http://127.0.0.1:$(cat port)", model: mock }
  dead: { type: openai-compatible, endpoint: "http://127.0.0.1:1/v1", model: m }
  lacking: { type: ollama, endpoint: "http://127.0.0.1:$(cat port)", model: other }
EOF
    [ "$(agent local '["detail"]')" = "not asked" ]
    fermata agents --check --json >"$BATS_TEST_TMPDIR/asked"
    run_apart fermata test-agent local hello
    kill "$server"
    [ "$(json 'd["agents"][0]["detail"]' <"$BATS_TEST_TMPDIR/asked")" = ready ]
    [ "$(json '"mock:latest" in [m["name"] for m in d["agents"][0]["models"]]' <"$BATS_TEST_TMPDIR/asked")" = true ]
    [ "$(json 'd["agents"][1]["detail"]' <"$BATS_TEST_TMPDIR/asked")" = "does not answer" ]
    [ "$status" -eq 0 ]
    [ -n "$output" ]
    [ "$(json 'd["agents"][2]["detail"]' <"$BATS_TEST_TMPDIR/asked")" = "has no such model" ]
    [[ $(json 'd["agents"][2]["hint"]' <"$BATS_TEST_TMPDIR/asked") == *"fermata models pull other --agent lacking"* ]]
}

@test "a dry run names the agents and their versions" {
    fake_codex
    run_apart fermata run "Fix it" -w quick --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"codex"*"0.169.0"* ]]
}

@test "init writes what it found" {
    fake_codex
    CODEX_API_KEY=very-secret run_apart fermata init
    [ "$status" -eq 0 ]
    [[ $output == *"Found agents: codex"* ]]
    grep -q "^#   codex .*0.169.0" .fermata/config.yaml
    grep -q "^# default_agent: codex" .fermata/config.yaml
    [ "$(grep -c very-secret .fermata/config.yaml)" -eq 0 ]
    run_apart fermata validate
    [ "$status" -eq 0 ]
}

@test "a task beyond max_task_length is refused before anything starts" {
    fake_codex
    mkdir .fermata
    echo "settings: { max_task_length: 5 }" >.fermata/config.yaml
    run_apart fermata run "More than five" -w quick
    [ "$status" -eq 2 ]
    [[ $stderr == *"at most 5 are allowed"* ]]
    [ ! -e .fermata/fermata.db ]
}

@test "a task has at most 10000 characters unless the settings say otherwise, and some that can be seen" {
    local most
    most=$(printf 'ä%.0s' $(seq 10000))
    mkdir .fermata
    for task in "$most." "" " $(printf '\t\n') "; do
        run_apart fermata run "$task" -w quick --strategy static
        [ "$status" -eq 2 ]
        [[ $stderr == *"at most 10000 are allowed"* || $stderr == *"the task is empty"* ]]
        [ ! -e .fermata/fermata.db ]
    done
    echo "name: w
phases: [{ id: p, steps: [{ id: s, use: noop }] }]" >w.yaml
    fermata run "$most" -w ./w.yaml
    echo "settings: { max_task_length: 10001 }" >.fermata/config.yaml
    fermata run "$most." -w ./w.yaml
}

@test "the name of an agent is one word of at most 50 characters" {
    local most
    most=$(printf 'a%.0s' $(seq 50))
    mkdir .fermata
    for name in "${most}a" "a b" "../a" "a/b" "-a" "a;b"; do
        echo "agents: { \"$name\": { command: x } }" >.fermata/config.yaml
        run_apart fermata validate
        [ "$status" -eq 7 ]
        [[ $output$stderr == *"is not a valid name"* ]]
    done
    echo "agents: { $most: { command: x }, a.b-C_1: { command: x } }" >.fermata/config.yaml
    fermata validate
}

@test "following a run shows what its agents do, each after its step" {
    cat >agent.sh <<'END'
#!/bin/sh
printf '{"event":"text","partial":true,"text":"\\u001b[31m%s begins\\n"}\n' "$FERMATA_STEP"
touch "$FERMATA_STEP.said"
until [ -e go ]; do sleep 0.02; done
printf '{"event":"tool_call","name":"write","text":"%s.txt"}\n{"event":"text","text":"done"}\n{"event":"done"}\n' "$FERMATA_STEP"
END
    chmod +x agent.sh
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
agents: { house: { type: command, output: jsonl, command: [$PWD/agent.sh] } }
END
    workflow pair <<'END'
name: pair
phases:
  - id: a
    steps: [{ id: early, agent: house, prompt: go }]
  - id: b
    steps: [{ id: left, agent: house, prompt: go, reuse: never }, { id: right, agent: house, prompt: go, reuse: never }]
END
    id=$(fermata run -w pair --detach)
    fermata logs "$id" -f >followed &
    follower=$!
    fermata logs "$id" -f --phase a --log-format json >followed-a &
    follower_a=$!
    wait_until grep -q "^early | early begins" followed
    touch go
    wait "$follower" "$follower_a"
    grep -q "^left | left begins" followed
    grep -q "^right | > write right.txt" followed
    grep -q "^right | done" followed
    [ "$(grep -c $'\033' followed)" -eq 0 ]
    [ "$(sed -n '/^early | done/,$p' followed | grep -c 'Step: early - Attempt 1 ended')" -eq 1 ]
    [ "$(json 'd["text"]' < <(grep '"tool_call"' followed-a))" = early.txt ]
    [ "$(grep -c '"left"' followed-a)" -eq 0 ]
    # What was said before is told by --step, not by following.
    fermata logs "$id" -f >after
    fermata logs "$id" | diff - after
}

@test "what agents cost is still known when gc has removed the runs" {
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'END'
agents: { house: { type: command, output: json, map: { answer: a, input_tokens: i, output_tokens: o, cost_usd: c }, command: [echo, '{"a":"yes","i":10,"o":2,"c":0.25}'] } }
END
    workflow one <<'END'
name: one
phases: [{ id: p, steps: [{ id: s, agent: house, prompt: go, reuse: never }] }]
END
    fermata run -w one
    fermata run -w one
    before=$(json 'd["agents"][0]["used"]' "$FERMATA" agents house --json)
    [ "$(json 'd["cost_usd"]' <<<"$before")" = 0.5 ]
    fermata gc --older-than 1ms
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" -eq 0 ]
    [ "$(json 'd["agents"][0]["used"]' "$FERMATA" agents house --json)" = "$before" ]
    fermata run -w one
    [ "$(json 'd["agents"][0]["used"]["cost_usd"]' "$FERMATA" agents house --json)" = 0.75 ]
}

# Codex that is gone once it has answered.
vanishing_codex() {
    fake_codex
    echo "rm -f '$BIN/codex'" >>"$BIN/codex"
}

@test "a program that goes missing in the midst of a run: exit status 4, and what to install" {
    workflow two <<'EOF'
name: two
phases:
  - { id: a, steps: [{ id: one, agent: codex, prompt: go }] }
  - { id: b, steps: [{ id: two, agent: codex, prompt: go on, reuse: never }] }
EOF
    vanishing_codex
    run_apart fermata run -w two
    [ "$status" -eq 4 ]
    [ "$(status_of last)" = paused ]
    [[ $stderr == *"cannot start codex"*"hint: install Codex: npm install -g @openai/codex"* ]]
    [ "$(json 'd["problems"][0]["class"]' "$FERMATA" status --json)" = permanent ]
    [ "$(json 'd["problems"][0]["lacks"]' "$FERMATA" status --json)" = codex ]
    run_apart fermata resume
    [ "$status" -eq 4 ]
    [[ $stderr == *"npm install -g @openai/codex"*"--retry-failed"* ]]
    run_apart fermata resume --retry-failed
    [ "$status" -eq 4 ]
    vanishing_codex
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
}

@test "under hybrid the static alternative stands in for an agent that went missing, and everybody is told" {
    workflow hybrid <<'EOF'
name: hybrid
phases:
  - { id: a, steps: [{ id: one, agent: codex, prompt: go, reuse: never }] }
  - { id: b, steps: [{ id: two, agent: codex, prompt: go, static: { run: "echo by hand" } }] }
EOF
    vanishing_codex
    run_apart fermata run -w hybrid
    [ "$status" -eq 0 ]
    [[ $stderr == *"Step b/two: its agent failed (permanent): cannot start codex"*"its static alternative is done instead"* ]]
    [[ $(tr -s " \n" " " <<<"$stderr") == *"Step two: its static alternative stood in for its agent, which failed: cannot start codex"* ]]
    fermata logs last | grep -q "\[WARN\] Step: two - Its static alternative stands in for its agent: cannot start codex"
    fermata logs last --records | grep '"step_moved"' | grep '"strategy":"static"' | grep -q '"error":"cannot start codex'
    grep -q "its static alternative stood in for its agent: cannot start codex" .fermata/workflows/*/report.md
    [[ $(json 'd["phases"][1]["steps"][0]["agent_error"]' "$FERMATA" show last --json) == "cannot start codex"* ]]
    # Told of this round alone.
    fake_codex
    fermata restore last a
    run_apart fermata resume
    [ "$(json 'd["phases"][1]["steps"][0].get("agent_error")' "$FERMATA" show last --json)" = null ]
}

@test "the strategy: who starts the run, the step, the workflow, the project; also of a called workflow" {
    fake_codex
    local of_run of_step of_workflow of_project expected
    # chosen RUN STEP WORKFLOW PROJECT: what was done, which is what a dry run said
    chosen() {
        local options=()
        [ -z "$1" ] || options=(--strategy "$1")
        mkdir -p .fermata/workflows
        echo "${4:+strategy: $4}" >.fermata/config.yaml
        workflow w <<END
name: w
${3:+strategy: $3}
phases: [{ id: a, steps: [{ id: s, prompt: go, reuse: never, ${2:+strategy: $2,} static: { run: "echo fixed" } }] }]
END
        fermata run -w w "${options[@]}" >/dev/null 2>&1
        [ "$(json 'd["phases"][0]["steps"][0]["kind"]' "$FERMATA" show last --json)" = \
            "$(json 'd["waves"][0]["steps"][0]["using"]' "$FERMATA" run -w w "${options[@]}" --dry-run --json)" ]
        fermata show last --json | json 'd["phases"][0]["steps"][0]["kind"]'
    }
    while read -r of_run of_step of_workflow of_project expected; do
        [ "$(chosen "${of_run#-}" "${of_step#-}" "${of_workflow#-}" "${of_project#-}")" = "$expected" ] || {
            echo "$of_run $of_step $of_workflow $of_project: not $expected"
            return 1
        }
    done <<'END'
-      -      -      -      agent
-      -      -      static command
-      -      ai     static agent
-      static ai     -      command
-      hybrid static -      agent
ai     static static static agent
static ai     ai     ai     command
hybrid static -      -      agent
END
    workflow inner <<'END'
name: inner
phases: [{ id: a, steps: [{ id: s, prompt: go, reuse: never, static: { run: "echo fixed" } }] }]
END
    workflow outer <<'END'
name: outer
phases: [{ id: a, steps: [{ id: call, workflow: inner, strategy: static }] }]
END
    fermata run -w outer >/dev/null 2>&1
    [ "$(json '[r["strategy"] for r in d["runs"] if r["workflow"] == "inner"]' "$FERMATA" list --json)" = '["static"]' ]
}

@test "a strategy under which a step could only fail is refused before anything starts" {
    fake_codex
    workflow bare <<'EOF'
name: bare
phases:
  - id: p
    steps:
      - { id: first, run: touch first }
      - { id: ask, agent: codex, prompt: go }
EOF
    run_apart fermata run -w bare --strategy static
    [ "$status" -eq 7 ]
    [[ $stderr == *"the strategy is static, and step ask has no static alternative"*"hint: add \`static:\` to it, or give --strategy"* ]]
    [ ! -e first ]
    sed -i 's/prompt: go/prompt: go, strategy: static/' .fermata/workflows/bare.yaml
    run_apart fermata validate bare
    [ "$status" -eq 7 ]
    [[ $output$stderr == *'bare.yaml:6:56: error: the step'"'"'s strategy is static, and the step "ask" has no static alternative'* ]]
}

@test "under static an optional step that needs an agent is skipped with the reason, and is not counted" {
    workflow bare <<'EOF'
name: bare
phases:
  - id: p
    steps:
      - { id: ask, agent: codex, prompt: go, optional: true }
      - { id: told, run: echo "$WHY", env: { WHY: "${{ steps.ask.skipped }}" } }
EOF
    run_apart fermata run -w bare --strategy static --no-input
    [ "$status" -eq 0 ]
    [[ $stderr == *"p/ask skipped: needs an agent, and the strategy is static"*"1/2 steps, 1 skipped"* ]]
    [[ $output$stderr != *failed* ]]
    [ "$(json '[s["status"] for s in d["phases"][0]["steps"]]' "$FERMATA" show last --json)" = '["skipped", "completed"]' ]
    [[ $(fermata cat last told) == "needs an agent, and the strategy is static" ]]
    [[ $(fermata explain last ask) == *"skipped"*"needs an agent, and the strategy is static"* ]]
}

@test "an edit that was only claimed, and one that was not, are told and fail nobody" {
    git init -q .
    printf '*.log\n' >.gitignore
    echo old >claimed.txt
    echo old >silent.txt
    cat >"$BIN/codex" <<'END'
#!/bin/sh
[ "$1" = --version ] && { echo "codex-cli 0.169.0"; exit 0; }
cat >/dev/null
edit() {
    echo '{"type":"item.completed","item":{"id":"'"$2"'","type":"file_change","changes":[{"path":"'"$1"'","kind":"update"}],"status":"'"$3"'"}}'
}
echo '{"type":"thread.started","thread_id":"t-1"}'
echo new >done.txt
echo new >silent.txt
echo new >run.log
edit "$PWD/done.txt" i1 completed
edit "$PWD/claimed.txt" i2 completed
edit never.txt i3 completed
edit refused.txt i4 failed
edit run.log i5 completed
echo '{"type":"item.completed","item":{"id":"i0","type":"agent_message","text":"Done."}}'
echo '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":1}}'
END
    chmod +x "$BIN/codex"
    workflow w <<'END'
name: w
phases: [{ id: p, steps: [{ id: s, prompt: go }] }]
END
    fermata run -w w
    [ "$(json 'd["phases"][0]["steps"][0]["files"]' "$FERMATA" show last --json)" = \
        '{"count": 2, "changed": ["done.txt", "silent.txt"], "only_claimed": ["claimed.txt", "never.txt"], "not_claimed": ["silent.txt"]}' ]
    fermata show last | tr -s ' \n' ' ' | grep -q "s: 2 files changed: done.txt, silent.txt; claimed as changed, but as before: claimed.txt, never.txt; changed, but not claimed: silent.txt"
    fermata logs last | grep -q '\[WARN\] Step: s - Attempt 1 ended (.*; claimed as changed, but as before: claimed.txt, never.txt; changed, but not claimed: silent.txt'
}

@test "validate tells of list workflows and of a default workflow where they stand" {
    mkdir -p .fermata
    cat >.fermata/agents.yaml <<'END'
agents: { house: { type: cli, command: [cat] }, absent: { command: [no-such-program] } }
workflows:
  fine: [{ agent: house, task: implement }]
  lacks:
    - { agent: house, task: implement }
    - { agent: absent, task: review }
settings:
  default_workflow: lack
END
    run_apart fermata validate
    [ "$status" -eq 0 ]
    [[ $output == *"/agents.yaml:4:3: warning: step review needs an agent, and absent cannot be used"* ]]
    [[ $output == *"/agents.yaml:8:21: warning: \"default_workflow\": there is no workflow lack (did you mean lacks?"* ]]
    [ "$(json 'len([f for f in d["files"] if "agents.yaml" in f["file"]])' "$FERMATA" validate --json)" = 1 ]
    # Each by its name as well.
    run_apart fermata validate fine lacks
    [[ $output == *"/agents.yaml:4:3: warning: "*"1 file checked: 0 errors, 1 warning" ]]
    [[ $(fermata workflows lacks) == *"agents.yaml"* ]]
}
