#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Where a setting comes from: flag > environment > project > user > built in.

load helper

setup() {
    setup_project
    USER_CONFIG=$HOME/.config/fermata
    mkdir -p "$USER_CONFIG/workflows" .fermata
    for name in by-flag by-environment by-project by-user; do
        workflow $name <<END
name: $name
phases: [{ id: p, steps: [{ id: s, run: "echo $name" }] }]
END
    done
}

teardown() {
    teardown_project
}

project_says() {
    printf '%s\n' "$@" >.fermata/config.yaml
}

user_says() {
    printf '%s\n' "$@" >"$USER_CONFIG/config.yaml"
}

# chosen WORDS...: the workflow that a dry run is about
chosen() {
    fermata run --dry-run --json "$@" | json 'd["workflow"]'
}

@test "the workflow: flag, environment, project, user" {
    run_apart fermata run --dry-run
    [ "$status" -eq 2 ]
    user_says 'default_workflow: by-user'
    [ "$(chosen)" = by-user ]
    project_says 'default_workflow: by-project'
    [ "$(chosen)" = by-project ]
    [ "$(FERMATA_WORKFLOW=by-environment chosen)" = by-environment ]
    [ "$(FERMATA_WORKFLOW=by-environment chosen -w by-flag)" = by-flag ]
    [ "$(FERMATA_WORKFLOW='' chosen)" = by-project ]
}

@test "the strategy: flag, environment, project, user, built in" {
    workflow both <<'END'
name: both
phases:
  - id: p
    steps: [{ id: s, prompt: "Think", static: { run: "echo fixed" } }]
END
    # static and hybrid take the alternative, there being no agent; ai does not.
    using() {
        fermata run -w both --dry-run --json "$@" | json 'd["waves"][0]["steps"][0]["using"]'
    }
    [ "$(using)" = command ]
    user_says 'strategy: ai'
    [ "$(using)" = agent ]
    project_says 'strategy: static'
    [ "$(using)" = command ]
    [ "$(FERMATA_STRATEGY=ai using)" = agent ]
    [ "$(FERMATA_STRATEGY=ai using --strategy static)" = command ]
    FERMATA_STRATEGY=static fermata run -w both 2>/dev/null
    [ "$(json 'd["strategy"]' "$FERMATA" show --json)" = static ]
}

@test "the form of log lines: flag, environment, project, user, built in; on the screen and in the files" {
    # form OF: the first character says it
    form() {
        head -c 1 <<<"$1"
    }
    form_of_files() {
        fermata run -w by-flag --fresh "$@" >/dev/null 2>&1
        head -c 1 .fermata/workflows/"$(json 'd["runs"][0]["id"]' "$FERMATA" list --limit 1 --json)"/logs/orchestrator.log
    }
    [ "$(form_of_files)" = "[" ]
    [ "$(form "$(fermata logs)")" = "[" ]
    user_says 'log_format: json'
    [ "$(form_of_files)" = "{" ]
    [ "$(form "$(fermata logs)")" = "{" ]
    project_says 'log_format: text'
    [ "$(form_of_files)" = "[" ]
    [ "$(form "$(fermata logs)")" = "[" ]
    [ "$(FERMATA_LOG_FORMAT=json form_of_files)" = "{" ]
    [ "$(form "$(FERMATA_LOG_FORMAT=json fermata logs)")" = "{" ]
    [ "$(FERMATA_LOG_FORMAT=json form_of_files --log-format text)" = "[" ]
    [ "$(form "$(FERMATA_LOG_FORMAT=json fermata logs --log-format text)")" = "[" ]
    [ "$(form "$(FERMATA_LOG_FORMAT=text fermata logs --format json)")" = "{" ]
    # The process behind --detach hears of it as well.
    id=$(fermata run -w by-flag --fresh --detach --log-format json)
    wait_until has_status "$id" completed
    wait_until is_ownerless "$id"
    [ "$(head -c 1 ".fermata/workflows/$id/logs/orchestrator.log")" = "{" ]
}

@test "the project: flag before environment before the folders above" {
    mkdir -p "$BATS_TEST_TMPDIR"/{one,two}/.fermata below
    (cd "$BATS_TEST_TMPDIR/one" && fermata init >/dev/null)
    (cd "$BATS_TEST_TMPDIR/two" && fermata init >/dev/null)
    where() {
        fermata run -w hello --json "$@" 2>/dev/null | json 'd["folder"].split("/.fermata")[0]'
    }
    cp "$BATS_TEST_TMPDIR/one/.fermata/workflows/hello.yaml" .fermata/workflows/
    [ "$(cd below && where)" = "$PROJECT" ]
    [ "$(FERMATA_PROJECT=$BATS_TEST_TMPDIR/one where)" = "$BATS_TEST_TMPDIR/one" ]
    [ "$(FERMATA_PROJECT=$BATS_TEST_TMPDIR/one where -C "$BATS_TEST_TMPDIR/two")" = \
        "$BATS_TEST_TMPDIR/two" ]
}

@test "agents and ceilings: the project's word counts, but it only lowers what the user allows" {
    workflow list <<'END'
name: list
phases: [{ id: p, steps: [{ id: s, foreach: "[1, 2, 3]", run: "true" }] }]
END
    works() {
        fermata run -w list --fresh >/dev/null 2>&1
    }
    works
    user_says 'steps_max: 3'
    run works
    [ "$status" -eq 3 ]
    project_says 'steps_max: 100'
    run works
    [ "$status" -eq 3 ]
    user_says 'steps_max: 100'
    project_says 'steps_max: 3'
    run works
    [ "$status" -eq 3 ]
    project_says 'steps_max: 4'
    works
    workflow think <<'END'
name: think
phases: [{ id: p, steps: [{ id: s, prompt: "Think" }] }]
END
    user_says 'agents: { one: { command: [cat] }, two: { command: [cat] } }' 'default_agent: one'
    agent() {
        fermata run -w think --dry-run --json | json 'd["waves"][0]["steps"][0]["what"]'
    }
    [ "$(agent)" = one ]
    project_says 'default_agent: two'
    [ "$(agent)" = two ]
}

@test "the user's files lie in XDG_CONFIG_HOME when it is absolute, else in ~/.config" {
    user_says 'default_workflow: by-user'
    cp .fermata/workflows/by-user.yaml "$USER_CONFIG/workflows/of-user.yaml"
    sed -i 's/^name: .*/name: of-user/' "$USER_CONFIG/workflows/of-user.yaml"
    mkdir -p "$USER_CONFIG/experts" "$HOME/elsewhere"
    [ "$(chosen)" = by-user ]
    [ "$(chosen -w of-user)" = of-user ]
    [ "$(json '[w["origin"] for w in d["workflows"] if w["name"] == "of-user"]' "$FERMATA" workflows --json)" = '["user"]' ]
    # A name of the project's hides the user's.
    workflow of-user <<'END'
name: of-user
phases: [{ id: mine, steps: [{ id: s, run: "true" }] }]
END
    run_apart fermata workflows
    [[ $output == *"of-user"*"project"* && $output == *"hidden by"* ]]
    mv "$USER_CONFIG" "$HOME/elsewhere/fermata"
    run_apart fermata run --dry-run
    [ "$status" -eq 2 ]
    [ "$(XDG_CONFIG_HOME=$HOME/elsewhere chosen)" = by-user ]
    cd "$HOME" || return 1
    run_apart env XDG_CONFIG_HOME=elsewhere "$FERMATA" -C "$PROJECT" run --dry-run
    [ "$status" -eq 2 ]
}

@test "nothing is written outside the project" {
    fermata run -w by-flag >/dev/null 2>&1
    fermata gc >/dev/null
    fermata doctor >/dev/null
    [ "$(find "$HOME" -type f | wc -l)" -eq 0 ]
}
