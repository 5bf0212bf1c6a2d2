#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Words of the command line: help, options, errors, man page, completions.

load helper

setup() {
    setup_project
}

@test "without a command there is short help by groups, and exit status 2" {
    run_apart fermata
    [ "$status" -eq 2 ]
    [[ $output == *"Start"*"run "*"Look"*"status "* ]]
    [ -z "$stderr" ]
    fits_80_columns <<<"$output"
}

@test "every command has help with usage, an example and exit statuses in 80 columns" {
    for name in init run resume pause cancel retry skip approve reject signal list status logs show \
        checkpoint checkpoints restore artifacts cat explain workflows validate schema doctor gc version man completion; do
        run_apart fermata help "$name"
        [ "$status" -eq 0 ]
        [[ $output == *"Usage"*"fermata $name"*"Examples"*"fermata $name"*"Exit status"* ]] || {
            echo "$name: $output"
            return 1
        }
        fits_80_columns <<<"$output"
        first=$output
        run_apart fermata "$name" --help
        [ "$output" = "$first" ]
    done
}

@test "hidden commands are not in the help" {
    run_apart fermata help
    [[ $output != *drive* ]]
    [[ $output != *function* ]]
}

@test "the version is printed by --version, -V and version" {
    run_apart fermata --version
    [ "$status" -eq 0 ]
    [[ $output == "fermata "[0-9]* ]]
    first=$output
    run_apart fermata -V
    [ "$output" = "$first" ]
    run_apart fermata version
    [ "$output" = "$first" ]
    [ "$(json 'd["name"]' "$FERMATA" version --json)" = fermata ]
}

@test "an unknown command names the nearest one" {
    run_apart fermata statuz
    [ "$status" -eq 2 ]
    [[ $stderr == "fermata: there is no command statuz"*"hint: did you mean "*"fermata status"* ]]
    [ -z "$output" ]
}

@test "an unknown option names the nearest one" {
    run_apart fermata run --dtach
    [ "$status" -eq 2 ]
    [[ $stderr == *"run has no option --dtach"*"--detach"* ]]
    run_apart fermata --jsn list
    [ "$status" -eq 2 ]
    [[ $stderr == *"no option --jsn"*"--json"* ]]
    run_apart fermata list -Z
    [ "$status" -eq 2 ]
}

@test "bad values of options are usage errors" {
    run_apart fermata run -w
    [ "$status" -eq 2 ]
    [[ $stderr == *"-w needs a value"* ]]
    run_apart fermata run --detach=yes
    [ "$status" -eq 2 ]
    [[ $stderr == *"takes no value"* ]]
    run_apart fermata list --limit abc
    [ "$status" -eq 2 ]
    [[ $stderr == *"--limit: abc is not a whole number"* ]]
    run_apart fermata list --status runing
    [ "$status" -eq 2 ]
    [[ $stderr == *"did you mean running"* ]]
    run_apart fermata gc --older-than 3x
    [ "$status" -eq 2 ]
    [[ $stderr == *"--older-than: "* ]]
    run_apart fermata artifacts --before -5
    [ "$status" -eq 2 ]
    run_apart fermata schema nonsense
    [ "$status" -eq 2 ]
    [[ $stderr == *"fermata: nonsense is none of workflow|config|expert|reference|agents|experts"* ]]
    run_apart fermata run -w x -i nonsense
    [ "$status" -eq 2 ]
    [[ $stderr == *"KEY=VALUE"* ]]
    run_apart fermata run -w x -i name=one -i name=two
    [ "$status" -eq 2 ]
    [[ $stderr == *"-i name is given twice"* ]]
    run_apart fermata list --log-format xml
    [ "$status" -eq 2 ]
    run_apart fermata run one two
    [ "$status" -eq 2 ]
    [[ $stderr == *"one word too many"* ]]
    run_apart fermata skip last
    [ "$status" -eq 2 ]
    [[ $stderr == *"--reason is missing"* ]]
}

@test "a word too many is told where it belongs" {
    # belongs HINT WORDS...
    belongs() {
        local hint=$1
        run_apart fermata "${@:2}"
        [ "$status" -eq 2 ]
        [[ $stderr == *"one word too many"*"hint: "*"$hint"* ]] || {
            echo "$stderr"
            return 1
        }
    }
    belongs "did you mean --step unit?" logs last unit
    belongs "fermata logs RUN --step STEP" status last unit
    belongs "fermata logs RUN --step STEP" show last unit
    belongs "fermata retry RUN STEP" resume last unit
    belongs "fermata retry RUN" retry last one two
    belongs "fermata pause RUN" pause last unit
    belongs "fermata explain RUN" explain last one two
    belongs "fermata artifacts RUN" cat last one two
    belongs "fermata cat RUN ARTIFACT" artifacts last report.md
    belongs "fermata restore RUN CHECKPOINT" checkpoints last first
    belongs "did you mean --status failed?" list failed
    belongs "did you mean --workflow hello?" list hello
    belongs "did you mean --comment fine?" approve last consent fine
    belongs "did you mean --reason flaky?" skip last lint flaky
    belongs "did you mean --value 1?" signal last ready 1
    belongs "did you mean --name mine?" checkpoint last mine
    belongs "did you mean --older-than 30d?" gc 30d
    belongs "in quotes" run one two
}

@test "a step where a run is wanted is told to come second" {
    fermata init >/dev/null
    fermata run -w hello --no-input >/dev/null 2>&1
    step=$(json 'd["phases"][0]["steps"][0]["key"]' "$FERMATA" show --json)
    for words in "explain $step" "retry $step" "logs $step" "show $step"; do
        # shellcheck disable=SC2086 # words of a command line
        run_apart fermata $words
        [ "$status" -eq 6 ]
        [[ $stderr == *"there is no run \"$step\""*"the run comes first, then its step: last $step"* ]] || {
            echo "$stderr"
            return 1
        }
    done
}

@test "an agent that there is not is told with the nearest name" {
    for words in "models --agent ollma" "agents ollma" "test-agent ollma hello"; do
        # shellcheck disable=SC2086 # words of a command line
        run_apart fermata $words
        [ "$status" -eq 6 ]
        [[ $stderr == *"did you mean ollama"* ]]
    done
}

@test "options may stand anywhere, be clustered and be given with an equals sign" {
    fermata init >/dev/null
    run_apart fermata --json list -n1 --status=paused
    [ "$status" -eq 0 ]
    [ "$(json 'd["runs"]' <<<"$output")" = "[]" ]
    run_apart fermata run -nd -w hello
    [ "$status" -eq 0 ]
    [[ $output == *"Dry run"* ]]
}

@test "behind -- nothing is an option" {
    fermata init >/dev/null
    run_apart fermata workflows -- --graph
    [ "$status" -eq 6 ]
    [[ $stderr == *"no workflow --graph"* ]]
}

@test "with --json an error is one JSON object on standard error" {
    fermata init >/dev/null
    run_apart fermata status --json nothing
    [ "$status" -eq 6 ]
    [ -z "$output" ]
    [ "$(json 'd["code"]' <<<"$stderr")" = not_found ]
    run_apart fermata --nonsense --json
    [ "$status" -eq 2 ]
    [ "$(json 'd["code"]' <<<"$stderr")" = invalid ]
    [ -n "$(json 'd["message"]' <<<"$stderr")" ]
}

@test "the manual page names every command and passes groff without a warning" {
    command -v groff >/dev/null || skip "groff is not installed"
    fermata man >fermata.1
    groff -man -Tutf8 -ww -z fermata.1 2>warnings
    [ ! -s warnings ] || {
        cat warnings
        return 1
    }
    for name in run resume status logs validate doctor gc help completion; do
        grep -q "^\.SS \"fermata $name" fermata.1
    done
    grep -q "^\.SH EXIT STATUS" fermata.1
    for name in run cancel version completion; do
        fermata man "$name" >page.1
        groff -man -Tutf8 -ww -z page.1 2>warnings
        [ ! -s warnings ]
        grep -qi "^\.TH FERMATA\\\\-$name" page.1
        [ "$(wc -l <page.1)" -lt "$(wc -l <fermata.1)" ]
    done
}

@test "help, man and completion refuse words that they do not know" {
    for words in "man bogus" "help bogus" "completion bogus" "man run resume" "help run resume" \
        "completion"; do
        # shellcheck disable=SC2086 # words of a command line
        run_apart fermata $words
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [[ $stderr == *"hint: "* ]]
    done
    run_apart fermata help bogus --json
    [ "$status" -eq 2 ]
    [ "$(json 'd["code"]' <<<"$stderr")" = invalid ]
}

@test "help as JSON is the table of operations" {
    run_apart fermata help --json
    [ "$status" -eq 0 ]
    [ "$(json '[c["name"] for c in d["commands"]][0:2]' <<<"$output")" = '["init", "trust"]' ]
    [ "$(json '"drive" in [c["name"] for c in d["commands"]]' <<<"$output")" = false ]
    [ "$(json '[a["option"] for a in d["arguments"] if a["name"] == "dry_run"][0]' \
        <<<"$(fermata run --help --json)")" = --dry-run ]
    [ "$(fermata help gc --json)" = "$(fermata gc --help --json)" ]
    [ "$(json 'd["name"]' "$FERMATA" --version --json)" = fermata ]
}

@test "a variable of ours with a bad value is a usage error that names it" {
    fermata init >/dev/null
    for variable in FERMATA_LOG_FORMAT FERMATA_STRATEGY; do
        run_apart env "$variable=bad" "$FERMATA" run -w hello
        [ "$status" -eq 2 ]
        [[ $stderr == *"$variable: bad is none of "*"hint:"* ]]
    done
    run_apart env FERMATA_WORKFLOW=bad "$FERMATA" run
    [ "$status" -eq 6 ]
    [[ $stderr == *"FERMATA_WORKFLOW: there is no workflow bad"*"hint:"* ]]
    run_apart env FERMATA_PROJECT=/nonexistent "$FERMATA" list
    [ "$status" -eq 6 ]
    [[ $stderr == *"/nonexistent"*"FERMATA_PROJECT"* ]]
    run_apart env FERMATA_KEEP=/nonexistent "$FERMATA" run -w hello
    [ "$status" -eq 4 ]
    [[ $stderr == *"FERMATA_KEEP: /nonexistent is not a program"*"hint:"* ]]
    [ -z "$(json '" ".join(r["id"] for r in d["runs"])' "$FERMATA" list --json)" ]
    # What a flag says instead is not looked at; help and completions work in any case.
    FERMATA_LOG_FORMAT=bad fermata list --log-format text
    FERMATA_LOG_FORMAT=bad fermata help >/dev/null
    [ "$(FERMATA_STRATEGY=bad fermata complete sta)" = "$(fermata complete sta)" ]
}

@test "completions are printed for bash, zsh and fish, and for no other shell" {
    for shell in bash zsh fish; do
        run_apart fermata completion "$shell"
        [ "$status" -eq 0 ]
        [[ $output == *fermata* ]]
    done
    run_apart fermata completion tcsh
    [ "$status" -eq 2 ]
    fermata completion bash >script
    bash -n script
}

@test "the bash completion completes commands, options and values" {
    fermata init >/dev/null
    fermata run -w hello >/dev/null 2>&1
    fermata completion bash >script
    cat >try <<'END'
set -u
source ./script
fermata() { "$FERMATA" "$@"; }
complete_line() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
    _fermata fermata "${!#}" "" 2>/dev/null
    printf '%s\n' "${COMPREPLY[@]}"
}
complete_line fermata statu
echo --
complete_line fermata run -w hel
echo --
complete_line fermata run --str
echo --
complete_line fermata run --strategy st
echo --
complete_line fermata show wf_
echo --
complete_line fermata cat last gree
END
    export FERMATA
    run bash try
    [ "$status" -eq 0 ]
    id=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
    [ "$output" = "status
--
hello
--
--strategy
--
static
--
$id
--
greeting" ] || {
        echo "$output"
        return 1
    }
}

@test "at a prompt of bash, zsh and fish the words are completed" {
    fermata init >/dev/null
    touch input.txt
    run python3 -S "$BATS_TEST_DIRNAME/terminal.py" complete "$FERMATA"
    [ "$status" -eq 0 ] || {
        echo "$output"
        return 1
    }
}

@test "what lies in a run and the inputs of a workflow are offered where they belong" {
    fermata init >/dev/null
    workflow waits <<'END'
name: waits
inputs:
  kind: { type: enum, choices: [big, small], default: small, description: Which kind }
  quiet: { type: boolean, default: false }
phases:
  - { id: first, steps: [{ id: make, run: "echo x", output: made.txt }] }
  - { id: second, steps: [{ id: consent, approve: "Well?" }] }
END
    fermata run -w waits 2>/dev/null || [ $? -eq 3 ]
    fermata checkpoint last --name mine >/dev/null
    offered() {
        "$FERMATA" complete "$@" | cut -f1 | paste -sd' '
    }
    [ "$(offered cat last m)" = "make made.txt" ]
    [ "$(offered restore last "")" = "first mine" ]
    [ "$(offered skip last --phase "")" = "first second" ]
    [ "$(offered skip last --gate sec)" = second ]
    [ "$(offered logs --phase=f)" = "--phase=first" ]
    [ "$(offered approve last c)" = consent ]
    [ "$(offered run -w waits -i "")" = "kind= quiet=" ]
    [ "$(offered run --workflow=waits --input k)" = "kind=" ]
    [ "$(offered run -w waits --input=kind=)" = "--input=kind=big --input=kind=small" ]
    [ "$(offered run -w waits -i quiet=)" = "quiet=true quiet=false" ]
    [ "$(offered run -w waits -i kind=@)" = ":files" ]
    [ "$(FERMATA_WORKFLOW=waits offered run -i q)" = "quiet=" ]
    [ "$(offered man che)" = "checkpoint checkpoints" ]
    [ -z "$(offered man run che)" ]
}

@test "dynamic words are silent where there is no project" {
    run_apart fermata complete show ""
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    [[ $output == last* ]]
}

@test "the shared object of libcrypto, the slowest to load, is not loaded for SHA-256 alone" {
    run env LD_TRACE_LOADED_OBJECTS=1 "$FERMATA"
    [[ $output == *libsqlite3* && $output != *libcrypto* ]]
}

@test "closed standard streams are as good as /dev/null" {
    setup_project
    printf 'name: w\nphases: [{ id: one, steps: [{ id: s, run: "echo hi" }] }]\n' >w.yaml
    fermata run -w ./w.yaml <&- >&- 2>&-
    for command in "list" "status" "show last" "doctor" "agents" "workflows" "--version"; do
        # shellcheck disable=SC2086 # words
        fermata $command <&- >/dev/null
        # shellcheck disable=SC2086
        fermata $command >&- 2>/dev/null
        # shellcheck disable=SC2086
        fermata $command 2>&- >/dev/null
    done
    [ "$(json 'd["runs"][0]["status"]' "$FERMATA" list --json)" = completed ]
    teardown_project
}
