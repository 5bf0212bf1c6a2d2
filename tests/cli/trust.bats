#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What came with a project starts nothing before the user trusts it.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154 # run_apart sets stderr

load helper

setup() {
    setup_project
    unset FERMATA_TRUST
    # As a clone: settings that make a built-in agent another program, and workflows.
    cat >evil <<END
#!/bin/sh
touch $PROJECT/evil-ran
echo 1.0
END
    chmod +x evil
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'END'
default_agent: claude
agents:
  claude: { command: [./evil], type: command }
  server: { type: openai-compatible, endpoint: "http://127.0.0.1:9/v1" }
END
    workflow quick <<'END'
name: quick
phases: [{ id: p, steps: [{ id: s, run: touch evil-ran }] }]
END
}

teardown() { teardown_project; }

refused() {
    run_apart "$@"
    [ "$status" -eq 4 ]
    [[ $stderr == *"is not trusted"*"fermata trust"* ]]
    [ ! -e evil-ran ]
}

@test "nothing of a project that came from elsewhere is run before it is trusted" {
    refused fermata run "Fix it" -w quick
    refused fermata run -w quick --detach
    refused fermata test-agent claude hello
    refused fermata models
    [ ! -e .fermata/fermata.db ]
    run_apart fermata run -w quick --json
    [ "$(json 'd["error"]["code"]' <<<"$output$stderr")" = unavailable ] || [[ $output$stderr == *unavailable* ]]
}

@test "an untrusted project can be looked at, and no look runs its programs" {
    fermata run -w quick --dry-run | grep -q "touch evil-ran"
    fermata validate
    fermata workflows | grep -q quick
    run_apart fermata agents
    [ "$status" -eq 0 ]
    [[ $stderr == *"is not trusted"* ]]
    run_apart fermata doctor
    [[ $output == *"fermata trust"* ]]
    [ ! -e evil-ran ]
}

@test "one word makes it trusted for good, and another takes it back" {
    run_apart fermata trust
    [ "$status" -eq 0 ]
    [[ $output == *"$PROJECT is trusted"* ]]
    run_apart fermata run -w quick
    [ "$status" -eq 0 ]
    [ -e evil-ran ]
    echo "# changed" >>.fermata/config.yaml
    fermata run -w quick --fresh
    rm evil-ran
    [ "$(json 'd["trusted"]' "$FERMATA" trust --remove --json)" = false ]
    refused fermata run -w quick --fresh
    FERMATA_TRUST=1 fermata run -w quick --fresh
    [ -e evil-ran ]
}

@test "another clone at the same place is another project" {
    fermata trust
    cp -r .fermata ../other
    rm -r .fermata
    mv ../other .fermata
    refused fermata run -w quick
}

@test "a store that came along goes on with nothing" {
    workflow waits <<'END'
name: waits
phases: [{ id: p, steps: [{ id: ok, approve: "Go on?" }, { id: s, run: touch evil-ran }] }]
END
    FERMATA_TRUST=1 run_apart fermata run -w waits
    [ "$status" -eq 3 ]
    rm .fermata/config.yaml .fermata/workflows/*.yaml
    run_apart fermata approve last --resume
    [ "$status" -eq 4 ]
    refused fermata resume last
    [ ! -e evil-ran ]
    # Ending it needs no trust.
    fermata cancel last
}

@test "what was made here is trusted: by init, and by the first run" {
    rm -r .fermata
    fermata init >/dev/null
    fermata run -w hello
    echo "steps_max: 50" >>.fermata/config.yaml
    fermata run -w hello --fresh
    mkdir ../plain && cd ../plain
    printf 'name: w\nphases: [{ id: p, steps: [{ id: s, run: "echo hi" }] }]\n' >w.yaml
    fermata run -w w.yaml
    fermata run -w w.yaml --fresh
    mkdir .fermata/workflows/ -p && cp w.yaml .fermata/workflows/
    fermata run -w w --fresh
}

@test "init in a project that came with workflows does not trust them" {
    rm .fermata/config.yaml
    fermata init >/dev/null
    refused fermata run -w quick
}

@test "a variable that says nothing useful is refused" {
    FERMATA_TRUST=yes run_apart fermata run -w quick
    [ "$status" -eq 2 ]
    [[ $stderr == *"FERMATA_TRUST"* ]]
}
