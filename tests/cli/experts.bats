#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Experts: every one reaches the agent that is to play it, and nothing of it is lost on the way.

load helper

setup() {
    setup_project
    cat >agent.sh <<'END'
#!/bin/sh
cat >"$FERMATA_PROJECT/prompt.$FERMATA_STEP"
echo done
END
    chmod +x agent.sh
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
default_agent: fake
agents: { fake: { type: command, command: [$PWD/agent.sh] } }
END
}

teardown() {
    teardown_project
}

# body_of FILE: what stands behind the front matter
body_of() {
    awk 'fences >= 2 && (text || NF) { text = 1; print } /^---$/ { fences++ }' "$1"
}

@test "the text of every shipped expert is in the prompt of the step that names it, its front matter is not" {
    local file name count=0
    {
        echo "name: all"
        echo "phases:"
        echo "  - id: ask"
        echo "    mode: parallel"
        echo "    width: 4"
        echo "    steps:"
        for file in "$BATS_TEST_DIRNAME"/../../experts/*.md; do
            name=$(basename "$file" .md)
            echo "      - { id: $name, expert: $name, read_only: false, prompt: The task, strategy: ai, workspace: clone }"
        done
    } >all.yaml
    fermata run -w ./all.yaml --no-input >/dev/null 2>&1
    for file in "$BATS_TEST_DIRNAME"/../../experts/*.md; do
        name=$(basename "$file" .md)
        body_of "$file" >body
        python3 -IS - "prompt.$name" body <<'END'
import sys
prompt = open(sys.argv[1]).read()
body = open(sys.argv[2]).read()
assert prompt.startswith("# Your role\n\n" + body), prompt[:200]
assert "# Your task\n\nThe task\n" in prompt
assert "permission:" not in prompt
END
        count=$((count + 1))
    done
    [ "$count" -eq 37 ]
}

@test "an expert of the project goes before the built-in one, and the list says so" {
    mkdir -p .fermata/experts
    printf -- '---\ndescription: Ours\n---\nYou know this house.\n' >.fermata/experts/security-expert.md
    run_apart fermata experts --json
    [ "$(json '[(e["origin"], e.get("overrides", False)) for e in d["experts"] if e["name"] == "security-expert" and not e["hidden"]]' <<<"$output")" = '[["project", true]]' ]
    run_apart fermata experts security-expert
    [[ $output == *"project, before the built-in one"*"You know this house."* ]]
    workflow w <<'END'
name: w
phases: [{ id: a, steps: [{ id: s, expert: security-expert, prompt: Look }] }]
END
    fermata run -w w >/dev/null 2>&1
    grep -q 'You know this house' prompt.s
}

@test "a run keeps the expert that it was started with" {
    mkdir -p .fermata/experts
    echo "The first text." >.fermata/experts/e.md
    workflow w <<'END'
name: w
phases:
  - { id: wait, steps: [{ id: ask, approve: "Go on?" }] }
  - { id: a, steps: [{ id: s, expert: e, prompt: Look }] }
END
    run_apart fermata run -w w --no-input
    [ "$status" -eq 3 ]
    echo "The second text." >.fermata/experts/e.md
    fermata approve last --resume >/dev/null 2>&1
    grep -q 'The first text' prompt.s
    ! grep -q 'The second text' prompt.s
}

@test "a step of a read-only expert may change nothing, unless the step says so" {
    mkdir -p .fermata/experts
    printf -- '---\npermission: read-only\n---\nYou look.\n' >.fermata/experts/looker.md
    workflow w <<'END'
name: w
phases:
  - id: a
    steps:
      - { id: s, expert: looker, prompt: Look }
      - { id: t, expert: looker, prompt: Look, read_only: false }
END
    run_apart fermata workflows w --json
    [ "$(json '[s.get("read_only", False) for s in d["phases"][0]["steps"]]' <<<"$output")" = '[true, false]' ]
}

@test "AGENTS.md is in the prompt, under a ceiling, until it is turned off" {
    echo "Use tabs in this house." >AGENTS.md
    workflow w <<'END'
name: w
phases: [{ id: a, steps: [{ id: s, prompt: Look }] }]
END
    fermata run -w w >/dev/null 2>&1
    grep -q 'Use tabs in this house' prompt.s
    seq 100000 >AGENTS.md
    fermata run -w w >/dev/null 2>&1
    [ "$(wc -c <prompt.s)" -lt 40000 ]
    grep -q 'the first part of it' prompt.s
    echo "project_context: never" >>.fermata/config.yaml
    fermata run -w w --fresh >/dev/null 2>&1
    ! grep -q 'the first part of it' prompt.s
}

@test "an import says what it takes over, and the expert works at once" {
    mkdir -p .claude/agents
    printf -- '---\nname: critic\ndescription: d\ntools: Read, Grep\nhooks: x\n---\nYou are the critic.\n' >.claude/agents/critic.md
    run_apart fermata experts import --dry-run
    [[ $output == *"critic: imported"*"the key hooks"*"nothing was written"* ]]
    [ ! -e .fermata/experts/critic.md ]
    run_apart fermata experts import
    [ "$status" -eq 0 ]
    run_apart fermata experts critic --json
    [ "$(json 'd["permission"]' <<<"$output")" = read-only ]
    run_apart fermata complete experts cri
    [[ $output == critic* ]]
}

@test "a wrong expert stops the run before it starts, with file, line and column" {
    mkdir -p .fermata/experts
    printf -- '---\npermision: edit\n---\nYou.\n' >.fermata/experts/e.md
    workflow w <<'END'
name: w
phases: [{ id: a, steps: [{ id: s, expert: e, prompt: Look }] }]
END
    run_apart fermata run -w w
    [ "$status" -eq 7 ]
    [[ $stderr == *'.fermata/experts/e.md:2:1: an expert has no key "permision" (did you mean "permission"?)'* ]]
}
