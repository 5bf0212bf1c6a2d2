#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What agents' work was worth.
# shellcheck disable=SC2154

setup() {
    load helper
    setup_project
    mkdir -p .fermata bin
    cat >.fermata/config.yaml <<'END'
agents:
  maker: { command: [bin/maker], output: jsonl }
  judge: { command: [bin/judge], output: jsonl }
  silent: { command: [bin/silent] }
END
    agent maker 'date +%N >made.txt' 0.25
    agent judge 'n=$(cat asked 2>/dev/null || echo 0); echo $((n + 1)) >asked' 0.5
    printf '#!/bin/sh\ncat >/dev/null\necho done\n' >bin/silent
    chmod +x bin/silent
}

# agent NAME COMMANDS COST: answers with the number of its call, and tells tokens and cost
agent() {
    cat >"bin/$1" <<END
#!/bin/sh
cat >/dev/null
echo x >>"\$HOME/$1.calls"
calls=\$(wc -l <"\$HOME/$1.calls")
$2
printf '{"event":"text","text":"%s"}\n' "\$calls"
echo '{"event":"usage","usage":{"input_tokens":100,"output_tokens":20,"cost_usd":$3}}'
echo '{"event":"done"}'
END
    chmod +x "bin/$1"
}

# stats EXPRESSION: over the JSON of `fermata stats`; kind(AGENT, KIND), worth(AGENT) and
# finder(NAME) are rows
stats() {
    fermata stats --json | json "(lambda kind, worth, finder: $1)(
        lambda a, k='fix': [r for r in d['kinds'] if r['agent'] == a and r['kind'] == k][0],
        lambda a: [r for r in d['agents'] if r['agent'] == a][0],
        lambda n: [r for r in d['finders'] if r['name'] == n][0])"
}

teardown() {
    teardown_project
}

# A workflow whose gate sends the work back once.
sent_back_once() {
    workflow gated <<'END'
name: gated
gates: { small: { commands: [{ run: 'test -e second || { touch second; false; }' }] } }
phases:
  - { id: begin, steps: [{ id: b, use: noop }] }
  - id: a
    steps: [{ id: s, agent: maker, prompt: Make it }]
    gate: small
    on_failure: { goto: begin, max: 2 }
END
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
    [ "$(json 'd["kind"]' "$FERMATA" show last --json)" = fix ]
    inner=$(json '[r["id"] for r in d["runs"] if r["workflow"] == "inner"][0]' "$FERMATA" list --json)
    [ "$(json 'd["kind"]' "$FERMATA" show "$inner" --json)" = fix ]
    fermata run -w inner >/dev/null 2>&1
    [ "$(json 'd["kind"]' "$FERMATA" show last --json)" = other ]
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

@test "where nothing was run, or no agent has worked, it says so" {
    run_apart fermata stats
    [ "$status" -eq 6 ]
    [[ "$stderr" == *"there are no runs in "* ]]
    workflow plain <<'END'
name: plain
phases: [{ id: a, steps: [{ id: s, use: noop }] }]
END
    fermata run -w plain >/dev/null 2>&1
    run_apart fermata stats
    [ "$status" -eq 0 ]
    [[ "$output" == "Nothing is known yet: "* ]]
    [ "$(json 'd["kinds"]' "$FERMATA" stats --json)" = '[]' ]
}

@test "what agents did is kept by kind of task, and what is not known is called so" {
    workflow make <<'END'
name: make
phases: [{ id: a, steps: [{ id: s, agent: maker, prompt: Make it }, { id: t, agent: silent, prompt: Say it }] }]
END
    for _ in 1 2 3 4 5; do
        fermata run -w make --kind fix --fresh >/dev/null 2>&1
    done
    fermata run -w make --kind review --fresh >/dev/null 2>&1
    [ "$(stats 'kind("maker")["samples"]')" = 5 ]
    [ "$(stats 'kind("maker")["success"]')" = 1.0 ]
    [ "$(stats 'kind("maker")["tokens"]')" = 120.0 ]
    [ "$(stats 'kind("maker")["cost_usd"]')" = 0.25 ]
    [ "$(stats 'kind("maker", "review")["samples"]')" = 1 ]
    [ "$(stats '"success" in kind("maker", "review")')" = false ]
    [ "$(stats '[n in kind("silent") for n in ("tokens", "cost_usd", "duration_ms")]')" = '[false, false, true]' ]
    [ "$(stats 'worth("maker")["changes"]')" = 6 ]
    [ "$(stats 'worth("maker")["cost_per_change_usd"]')" = 0.25 ]
    [ "$(json '[len(d["kinds"]), d["total"]["attempts"], "finders" in d]' "$FERMATA" stats --kind review --agent maker --json)" = '[1, 1, false]' ]
    [ "$(json 'd["kinds"]' "$FERMATA" stats --since 1ms --json)" = '[]' ]
    fermata stats | fits_80_columns
    fermata stats | grep -q 'silent *fix *5 *100 % .* unknown *unknown'
    fermata stats | grep -q 'maker *review *1 *unknown '
}

@test "failures are told by class, and what is not the agent's doing is no sample" {
    printf '#!/bin/sh\necho "503 service unavailable" >&2; exit 1\n' >bin/maker
    printf '#!/bin/sh\nexit 1\n' >bin/silent
    workflow fails <<'END'
name: fails
on_failure: fail
defaults: { retry: { attempts: 1 } }
phases:
  - { id: a, optional: true, steps: [{ id: s, agent: maker, prompt: Make it }] }
  - { id: b, optional: true, steps: [{ id: t, agent: silent, prompt: Say it }] }
END
    fermata run -w fails --kind fix >/dev/null 2>&1 || true
    [ "$(stats '[kind("maker")[n] for n in ("attempts", "samples", "classes")]')" = '[1, 0, {"transient": 1}]' ]
    [ "$(stats '[kind("silent")[n] for n in ("attempts", "samples", "failed", "classes")]')" = '[1, 1, 1, {"permanent": 1}]' ]
    fermata stats | grep -q 'transient 1'
}

@test "work that its gate fails is sent back, and the gate has found it" {
    sent_back_once
    fermata run -w gated --kind fix >/dev/null 2>&1
    [ "$(stats '[kind("maker")[n] for n in ("samples", "succeeded", "failed", "sent_back")]')" = '[2, 1, 1, 1]' ]
    [ "$(stats '[finder("small")[n] for n in ("kind", "asked", "found", "passed")]')" = '["gate", 2, 1, 1]' ]
    [ "$(stats '[worth("maker")[n] for n in ("changes", "false_green", "cost_per_change_usd")]')" = '[1, 0.5, 0.5]' ]
    fermata stats | fits_80_columns
    fermata stats | grep -q 'maker *1 *\$0.50 *\$0.50 *50 % *sent back 1'
}

@test "a check that goes back blames the work that it goes back to, not what lies between" {
    workflow checked <<'END'
name: checked
phases:
  - { id: make, steps: [{ id: s, agent: maker, prompt: Make it }] }
  - { id: say, steps: [{ id: t, agent: silent, prompt: Say it }] }
  - id: test
    steps: [{ id: u, run: 'test -e second || { touch second; false; }', retry: { attempts: 1 } }]
    on_failure: { goto: make, max: 2 }
END
    fermata run -w checked --kind fix --fresh >/dev/null 2>&1
    [ "$(stats 'kind("maker")["sent_back"]')" = 1 ]
    [ "$(stats 'kind("silent")["sent_back"] if "sent_back" in kind("silent") else 0')" = 0 ]
    [ "$(stats '[finder("checked/u")[n] for n in ("kind", "asked", "found")]')" = '["check", 2, 1]' ]
}

@test "a judge sends back what came before it, and is not blamed itself" {
    workflow judged <<'END'
name: judged
phases:
  - id: a
    iterate: { max: 3, until: "steps.j.output == '2'" }
    steps:
      - { id: s, agent: maker, prompt: Make it }
      - { id: j, agent: judge, prompt: Judge it }
      - { id: t, agent: silent, prompt: Say it }
END
    fermata run -w judged --kind fix --fresh >/dev/null 2>&1
    [ "$(stats '[kind("maker")[n] for n in ("samples", "succeeded", "sent_back")]')" = '[2, 1, 1]' ]
    [ "$(stats '[kind("judge")[n] for n in ("samples", "succeeded")]')" = '[2, 2]' ]
    [ "$(stats '[kind("silent")[n] for n in ("samples", "succeeded")]')" = '[2, 2]' ]
    [ "$(stats '[finder("judged/j")[n] for n in ("kind", "asked", "found", "cost_usd", "tokens")]')" = '["judge", 2, 1, 1.0, 240]' ]
    fermata stats | grep -q 'judge judged/j *2 *1 *0 .*\$1.00'
}

@test "a gate behind a called workflow blames what was done in that" {
    workflow inner <<'END'
name: inner
phases: [{ id: a, steps: [{ id: s, agent: maker, prompt: Make it }] }]
END
    workflow outer <<'END'
name: outer
on_failure: fail
gates: { never: { commands: [{ run: "false" }] } }
phases: [{ id: a, steps: [{ id: s, workflow: inner }], gate: never }]
END
    fermata run -w outer --kind fix >/dev/null 2>&1 || true
    [ "$(stats '[kind("maker")[n] for n in ("samples", "failed", "sent_back")]')" = '[1, 1, 1]' ]
    [ "$(stats 'worth("maker").get("changes", 0)')" = 0 ]
    [ "$(stats 'finder("never")["found"]')" = 1 ]
}

@test "what was reused is told with what it had cost" {
    agent maker : 0.25
    workflow make <<'END'
name: make
phases: [{ id: a, steps: [{ id: s, agent: maker, prompt: Make it }] }]
END
    fermata run -w make >/dev/null 2>&1
    fermata run -w make >/dev/null 2>&1
    [ "$(stats '[d["reuse"][n] for n in ("steps", "of_agents", "tokens", "cost_usd")]')" = '[1, 1, 120, 0.25]' ]
    fermata stats | grep -q 'Reused: 1 step, which saved .*, 120 tokens and \$0.25'
}

@test "agents' figures stay when their runs are removed" {
    sent_back_once
    fermata run -w gated --kind fix --fresh >/dev/null 2>&1
    fermata run -w gated --kind fix --fresh >/dev/null 2>&1
    before=$(json '[d["kinds"], d["agents"], d["total"]]' "$FERMATA" stats --json)
    fermata tasks --clear --yes >/dev/null
    [ "$(json 'd["runs"]' "$FERMATA" list --json)" = '[]' ]
    [ "$(json '[d["kinds"], d["agents"], d["total"]]' "$FERMATA" stats --json)" = "$before" ]
    [ "$(stats 'kind("maker")["samples"]')" = 3 ]
}
