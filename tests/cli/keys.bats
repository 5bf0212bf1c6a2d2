#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# Where keys are not: in no file below .fermata, whatever becomes of the run.

load helper

setup() {
    setup_project
    BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$BIN" "$HOME/.config/fermata"
    mkfifo "$BATS_TEST_TMPDIR/never"
    export PATH=$BIN:/usr/bin:/bin KEY_OF_CODEX=canary-codex KEY_OF_SERVER=canary-server OF_THE_SHELL=canary-shell
    # Its own file, outside of the project.
    cat >"$HOME/.config/fermata/config.yaml" <<'EOF2'
agents:
  work: { type: codex, key: "env:KEY_OF_CODEX" }
  house: { type: command, command: [sh, -c, 'cat >/dev/null; test "$HOUSE_KEY" && echo "$HOUSE_KEY" | wc -c'], env: { HOUSE_KEY: canary-house } }
  served: { type: openai-compatible, endpoint: "http://127.0.0.1:9/v1", model: m, key: "env:KEY_OF_SERVER" }
EOF2
    cat >"$BIN/codex" <<EOF2
#!/bin/sh
[ "\$1" = --version ] && { echo 1.0.0; exit; }
cat >/dev/null
echo "\$CODEX_API_KEY" >"$BATS_TEST_TMPDIR/started"
[ ! -e "$BATS_TEST_TMPDIR/wait" ] || read -r line <>"$BATS_TEST_TMPDIR/never"
echo '{"type":"item.completed","item":{"id":"i0","type":"agent_message","text":"done"}}'
echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'
EOF2
    chmod +x "$BIN/codex"
    workflow keys <<'EOF2'
name: keys
phases:
  - id: p
    steps:
      - { id: house, agent: house, prompt: go }
      - { id: shell, run: 'test "$OF_THE_SHELL"' }
      - { id: served, agent: served, prompt: go, retry: { attempts: 1 }, on_failure: continue }
      - { id: work, agent: work, prompt: go }
EOF2
}

teardown() {
    teardown_project
}

no_key_is_kept() {
    ! grep -rla canary .fermata || false
}

has_started() {
    grep -q canary-codex "$BATS_TEST_TMPDIR/started"
}

@test "no key is in a file, neither while its agent works nor afterwards" {
    touch "$BATS_TEST_TMPDIR/wait"
    id=$(fermata run -w keys --detach)
    wait_until has_started
    no_key_is_kept
    rm "$BATS_TEST_TMPDIR/wait"
    echo go >"$BATS_TEST_TMPDIR/never"
    wait_until has_status "$id" completed
    [ "$(fermata cat last house)" = 13 ]
    no_key_is_kept
    run_apart fermata test-agent work hello
    [ "$output" = "done" ]
    no_key_is_kept
}

@test "no key is left in a file by a run that was killed, and after recovery the agents have theirs" {
    touch "$BATS_TEST_TMPDIR/wait"
    "$FERMATA" run -w keys >/dev/null 2>&1 </dev/null 3>&- &
    wait_until has_started
    kill -9 $!
    wait_until is_ownerless last
    no_key_is_kept
    kill -9 "$(awk 'END { print $2 }' .fermata/workflows/wf_*/attempts/*work*/claim)"
    rm "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/wait"
    fermata resume last
    has_started
    [ "$(status_of last)" = completed ]
    no_key_is_kept
}

agents_see() { # everything that each step's program has, in a file of its name
    cat >>"$HOME/.config/fermata/config.yaml" <<EOF2
  other: { type: command, command: [sh, -c, 'cat >/dev/null; env >"$BATS_TEST_TMPDIR/other"; echo ok'], pass_env: [GIVEN, "KEY_*"] }
EOF2
    workflow seen <<EOF2
name: seen
phases:
  - id: p
    steps:
      - { id: other, agent: other, prompt: go, env: { OF_THE_STEP: step } }
      - { id: shell, run: 'env >"$BATS_TEST_TMPDIR/shell"' }
EOF2
}

@test "an agent gets what it needs of the environment, a command all but the keys of agents" {
    agents_see
    DATABASE_URL=db GIVEN=given AWS_SECRET_ACCESS_KEY=aws fermata run -w seen
    grep -q '^GIVEN=given$' "$BATS_TEST_TMPDIR/other"
    grep -q '^OF_THE_STEP=step$' "$BATS_TEST_TMPDIR/other"
    grep -q "^HOME=$HOME\$" "$BATS_TEST_TMPDIR/other"
    grep -q '^FERMATA_STEP=other$' "$BATS_TEST_TMPDIR/other"
    ! grep -q '^DATABASE_URL=\|^AWS_\|^OF_THE_SHELL=' "$BATS_TEST_TMPDIR/other" || false
    grep -q '^DATABASE_URL=db$' "$BATS_TEST_TMPDIR/shell"
    grep -q '^OF_THE_SHELL=' "$BATS_TEST_TMPDIR/shell"
}

@test "a key reaches neither another agent nor a command, whatever lets its name through" {
    agents_see
    FERMATA_PASS_ENV='*' fermata run -w seen
    ! grep -q 'canary-codex\|canary-server\|canary-house' "$BATS_TEST_TMPDIR/other" "$BATS_TEST_TMPDIR/shell" || false
    grep -q '^OF_THE_SHELL=' "$BATS_TEST_TMPDIR/other"
}

@test "a name to pass on that is none is refused with its place" {
    printf 'pass_env: ["A-B"]\n' >.fermata/config.yaml
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output$stderr == *'config.yaml:1:13'*'"A-B" is no name of a variable'* ]]
}
