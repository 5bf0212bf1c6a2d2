#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# The workflow language through the real binary: values, time limits, nested workflows.

load helper

setup() {
    setup_project
}

teardown() {
    teardown_project
}

run_id_of() {
    fermata list --json | json "[r['id'] for r in d['runs'] if r['workflow'] == '$1'][0]"
}

step_field() {
    fermata show last --json | json "[s.get('$2') for p in d['phases'] for s in p['steps'] if s['key'] == '$1'][0]"
}

@test "the workflow of the README is valid and waits for the person whom it asks" {
    git init -q .
    awk '/^```yaml/ { on = 1; next } /^```/ { on = 0 } on' "$BATS_TEST_DIRNAME/../../README.md" >release-check.yaml
    run_apart fermata validate release-check.yaml
    [ "$status" -eq 0 ]
    run_apart fermata run -w release-check.yaml -i version=1.4
    [ "$status" -eq 2 ]
    printf 'all:\n\techo built >built\ntest:\n\t@echo "1..1"; echo "ok 1 - it works"\n' >Makefile
    run_apart fermata run -w release-check.yaml -i version=1.4.0
    [ "$status" -eq 3 ]
    [ -e built ]
}

@test "inputs of every type reach commands by name and by template" {
    workflow types <<'END'
name: types
inputs:
  text: { type: string, default: "x y", pattern: '^[a-z ]+$' }
  whole: { type: integer, default: 3 }
  part: { type: number, default: 0.5 }
  flag: { type: boolean, default: false }
  level: { type: enum, choices: [low, high], default: low }
  place: { type: path, default: src }
  open: { type: string }
phases:
  - id: a
    steps:
      - id: show
        run: 'echo "$A|$FERMATA_INPUT_WHOLE|$FERMATA_INPUT_PART|$FERMATA_INPUT_FLAG|$FERMATA_INPUT_LEVEL|$FERMATA_INPUT_PLACE|$O|"'
        env: { A: "${{ inputs.text }}", O: "${{ default(inputs.open, \"none\") }}" }
END
    run_apart fermata run -w types
    [ "$status" -eq 0 ]
    [ "$(fermata cat last show)" = "x y|3|0.5|false|low|src|none|" ]
    run_apart fermata run -w types -i whole=1e3 -i part=-2.5 -i flag=true -i level=high -i open=o
    [ "$(fermata cat last show)" = "x y|1000|-2.5|true|high|src|o|" ]
    run_apart fermata run -w types -i text=A1 -i whole=3.5 -i part=x -i flag=maybe -i level=hihg -i place=
    [ "$status" -eq 2 ]
    for part in '"text": expected something that matches' '"whole": expected an integer' \
        '"part": expected a number' '"flag": expected true or false' 'did you mean high' \
        '"place": expected a relative path inside the project, got ""'; do
        [[ $stderr == *"$part"* ]]
    done
}

@test "an input of type path stays in the project, behind links too, and so in a nested workflow" {
    workflow place <<'END'
name: place
inputs: { place: { type: path, required: true } }
phases: [{ id: a, steps: [{ id: show, run: 'echo "$FERMATA_INPUT_PLACE"' }] }]
END
    workflow outer <<'END'
name: outer
inputs: { told: { type: string, required: true } }
phases: [{ id: a, steps: [{ id: call, workflow: place, inputs: { place: "${{ inputs.told }}" } }] }]
END
    mkdir -p src ../elsewhere
    ln -s ../elsewhere away
    ln -s ../not-there-yet nowhere
    ln -s src own
    for path in /etc/passwd .. ../elsewhere src/../../elsewhere "$PWD/src"; do
        run_apart fermata run -w place -i place="$path"
        [ "$status" -eq 2 ]
        # A long one is told in part.
        [[ $stderr == *"input \"place\": expected a relative path inside the project, got \"${path:0:40}"* ]]
    done
    for path in away away/x nowhere; do
        run_apart fermata run -w place -i place="$path"
        [ "$status" -eq 2 ]
        [[ $stderr == *"input \"place\": the path \"$path\" leads out of the project by a link"*"hint: "* ]]
        run_apart fermata run -w outer -i told="$path"
        [ "$status" -eq 3 ]
        [[ $stderr == *"the path \"$path\" leads out of the project by a link"* ]]
    done
    for path in src own/x not/made/yet.c .; do
        run_apart fermata run -w outer -i told="$path"
        [ "$status" -eq 0 ]
    done
    [ "$(json 'len(d["runs"])' "$FERMATA" list -w place --json)" -eq 4 ]
}

@test "conditions, lists and templates see outputs that are too large for the journal" {
    workflow large <<'END'
name: large
phases:
  - id: make
    steps:
      - { id: text, run: "echo READY; head -c 3000 /dev/zero | tr '\\0' x" }
      - id: list
        run: |
          python3 -IS -c 'import json; print(json.dumps({"files": [1, 2], "pad": "x" * 100000}))'
        format: json
  - id: use
    when: length(steps.text.output) == 3006
    steps:
      - { id: when, run: echo seen, when: 'contains(steps.text.output, "READY")' }
      - { id: each, run: 'echo "$FERMATA_ITEM"', foreach: steps.list.files }
      - { id: env, run: 'echo "$N"', env: { N: "${{ steps.list.files }}" } }
END
    run_apart fermata run -w large
    [ "$status" -eq 0 ]
    [ "$(step_field when status)" = completed ]
    [ "$(step_field each status)" = completed ]
    [ "$(fermata cat last env)" = "[1,2]" ]
}

@test "a condition over an output that is gone is a failure, not a silent no" {
    workflow gone <<'END'
name: gone
phases:
  - id: make
    steps: [{ id: text, run: "head -c 3000 /dev/zero | tr '\\0' x" }]
  - id: use
    steps:
      - { id: lose, run: "rm -r .fermata/blobs" }
      - { id: when, run: echo seen, when: 'contains(steps.text.output, "x")' }
END
    run_apart fermata run -w gone
    [ "$status" -eq 3 ]
    [[ $stderr == *"output of step text cannot be read"* ]]
}

@test "a phase whose time is over starts nothing more" {
    workflow late <<'END'
name: late
on_failure: continue
phases:
  - id: one
    timeout: 300ms
    steps:
      - { id: slow, run: "sleep 60", optional: true }
      - { id: next, run: "echo x >next.ran" }
  - id: two
    timeout: 300ms
    mode: parallel
    width: 1
    steps:
      - { id: first, run: "sleep 60" }
      - { id: second, run: "echo x >second.ran" }
  - id: three
    timeout: 300ms
    steps: [{ id: ask, approve: "Well?" }, { id: wait, run: "sleep 60" }]
END
    run_apart fermata run -w late --strategy static
    [ ! -e next.ran ]
    [ ! -e second.ran ]
    [ "$(step_field slow class)" = timeout ]
}

@test "retrying a phase that ran out of time gives it its whole time again" {
    workflow again <<'END'
name: again
phases:
  - id: one
    timeout: 2s
    steps: [{ id: slow, run: "test -e fixed || sleep 60" }]
END
    run_apart fermata run -w again
    [ "$status" -eq 3 ]
    touch fixed
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
}

@test "an approval that nobody gives in time fails its step when the run goes on" {
    workflow asks <<'END'
name: asks
phases:
  - { id: a, steps: [{ id: ok, approve: "Well?", timeout: 1s, on_failure: continue }] }
  - { id: b, steps: [{ id: next, run: 'echo "$HOW"', env: { HOW: "${{ steps.ok.status }}: ${{ steps.ok.error }}" } }] }
END
    run_apart fermata run -w asks
    [ "$status" -eq 3 ]
    is_overdue() { fermata status | grep -q "overdue: its time was over at"; }
    wait_until is_overdue
    fermata status | grep -q "fermata resume wf_"
    [[ $(fermata list) == *"paused (overdue)"* ]]
    run_apart fermata approve last
    [ "$status" -eq 1 ]
    [[ $stderr == *"step ok waited for an answer until"*"hint: fermata resume"* ]]
    run_apart fermata resume
    [ "$status" -eq 0 ]
    [ "$(fermata cat last next)" = "failed: nobody answered in time" ]
    [ "$(json 'd["runs"][0].get("overdue")' "$FERMATA" list --json)" = null ]
}

@test "a run whose time is over fails with 124 and can be given its time again" {
    workflow limited <<'END'
name: limited
timeout: 2s
phases: [{ id: a, steps: [{ id: s, run: "test -e fixed || sleep 60" }] }]
END
    run_apart fermata run -w limited
    [ "$status" -eq 124 ]
    [[ $stderr == *"the run reached its time limit"* ]]
    touch fixed
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
}

@test "a nested workflow takes inputs, and its report step's output comes back" {
    workflow child <<'END'
name: child
inputs: { n: { type: integer, required: true } }
report: answer
phases:
  - id: a
    steps:
      - { id: answer, run: 'echo "{\"twice\": $((FERMATA_INPUT_N * 2))}"', format: json, output: answer.json }
      - { id: other, run: echo other }
END
    workflow outer <<'END'
name: outer
phases:
  - id: a
    steps:
      - { id: one, workflow: child, inputs: { n: "${{ 21 }}" } }
      - { id: see, run: 'echo "$V"', env: { V: "${{ steps.one.output.twice }}" } }
      - { id: each, workflow: child, foreach: [1, 2, 3], width: 2, inputs: { n: "${{ item }}" } }
      - { id: all, run: 'echo "$V"', env: { V: "${{ json(steps.each.output) }}" } }
END
    run_apart fermata run -w outer
    [ "$status" -eq 0 ]
    id=$(run_id_of outer)
    [ "$(fermata cat "$id" see)" = 42 ]
    [ "$(fermata cat "$id" all)" = '[{"twice":2},{"twice":4},{"twice":6}]' ]
    [ "$(json 'd["twice"]' "$FERMATA" cat "$id" one)" = 42 ]
    fermata doctor --rebuild
}

@test "a nested run that cannot start or takes too long fails its step with the reason" {
    workflow child <<'END'
name: child
inputs: { n: { type: integer, required: true } }
phases: [{ id: a, steps: [{ id: s, run: "sleep 60" }] }]
END
    workflow wrong <<'END'
name: wrong
phases: [{ id: a, steps: [{ id: c, workflow: child, inputs: { n: "${{ run.id }}" } }] }]
END
    run_apart fermata run -w wrong
    [ "$status" -eq 3 ]
    [[ $stderr == *'expected an integer, got "wf_'* ]]
    workflow slow <<'END'
name: slow
phases: [{ id: a, steps: [{ id: c, workflow: child, inputs: { n: 1 }, timeout: 300ms }] }]
END
    run_apart fermata run -w slow
    [ "$status" -eq 3 ]
    [[ $stderr == *"it took too long"* ]]
    [ "$(status_of "$(run_id_of child)")" = cancelled ]
}

@test "a nested run that failed is named, and resuming the outer run tries it again" {
    workflow child <<'END'
name: child
phases:
  - id: a
    steps: [{ id: once, run: "echo x >>once" }, { id: s, run: "test -e fixed" }]
END
    workflow outer <<'END'
name: outer
phases:
  - { id: a, steps: [{ id: c, workflow: child }] }
  - { id: b, steps: [{ id: last, run: echo done }] }
END
    run_apart fermata run -w outer
    [ "$status" -eq 3 ]
    child=$(run_id_of child)
    outer=$(run_id_of outer)
    [[ $stderr == *"fermata status $child"* ]]
    run_apart fermata resume "$outer"
    [ "$status" -eq 3 ]
    touch fixed
    run_apart fermata resume "$outer"
    [ "$status" -eq 0 ]
    [ "$(status_of "$child")" = completed ]
    [ "$(wc -l <once)" -eq 1 ]
}

@test "a nested run that was decided on its own is taken over by the outer run" {
    workflow child <<'END'
name: child
phases: [{ id: a, steps: [{ id: ok, approve: "Well?" }] }]
END
    workflow outer <<'END'
name: outer
phases: [{ id: a, steps: [{ id: c, workflow: child }] }]
END
    run_apart fermata run -w outer
    [ "$status" -eq 3 ]
    run_apart fermata approve "$(run_id_of child)" --resume
    [ "$status" -eq 0 ]
    run_apart fermata resume "$(run_id_of outer)"
    [ "$status" -eq 0 ]
}

@test "an agent step that the inputs rule out needs no agent" {
    workflow agents <<'END'
name: agents
inputs: { fix: { type: boolean, default: false } }
phases:
  - { id: look, steps: [{ id: see, run: echo seen }, { id: maybe, prompt: Fix it, when: inputs.fix }] }
  - { id: mend, when: inputs.fix, steps: [{ id: fix, prompt: Fix it }] }
END
    run_apart fermata run -w agents
    [ "$status" -eq 0 ]
    run_apart fermata run -w agents -i fix=true
    [ "$status" -eq 4 ]
    [[ $stderr == *"needs an agent"* ]]
}

@test "a text output is compared without the line ends behind it" {
    workflow rounds <<'END'
name: rounds
phases:
  - id: a
    iterate: { max: 5, until: steps.count.output == "3" }
    steps: [{ id: count, run: 'echo x >>n; echo $(wc -l <n)' }]
END
    run_apart fermata run -w rounds
    [ "$status" -eq 0 ]
    [ "$(wc -l <n)" -eq 3 ]
}

@test "an input too large for the environment lies in a file of the attempt" {
    workflow large <<'END'
name: large
inputs: { k: { type: string } }
phases: [{ id: a, steps: [{ id: s, run: 'echo "set=${FERMATA_INPUT_K+yes} length=${#FERMATA_INPUT_K} file=${FERMATA_INPUT_K_FILE+yes}" >seen; cat "${FERMATA_INPUT_K_FILE:-/dev/null}" >copy' }] }]
END
    head -c 98305 /dev/zero | tr '\0' a >large.txt
    run_apart fermata run -w large -i k=@large.txt
    [ "$status" -eq 0 ]
    [ "$(cat seen)" = "set= length=0 file=yes" ]
    cmp copy large.txt
    compgen -G ".fermata/workflows/wf_*/attempts/s.1/FERMATA_INPUT_K"
    head -c 98304 /dev/zero | tr '\0' a >large.txt
    run_apart fermata run -w large -i k=@large.txt
    [ "$status" -eq 0 ]
    [ "$(cat seen)" = "set=yes length=98304 file=" ]
}

@test "the inputs of a called workflow are checked before anything runs" {
    workflow called <<'END'
name: called
inputs: { level: { type: enum, choices: [low, high], required: true } }
phases: [{ id: a, steps: [{ id: s, run: "true" }] }]
END
    workflow caller <<'END'
name: caller
phases:
  - id: a
    steps:
      - { id: one, workflow: called, inputs: { levle: low } }
      - { id: two, workflow: called, inputs: { level: middle } }
END
    run_apart fermata validate caller
    [ "$status" -eq 7 ]
    [[ $output$stderr == *'5:30: error: the workflow "called" needs the input "level"'* ]]
    [[ $output$stderr == *'has no input "levle" (did you mean "level"?)'* ]]
    [[ $output$stderr == *'6:55: error: the input "level": expected one of low, high'* ]]
    run_apart fermata run -w caller
    [ "$status" -eq 7 ]
}

@test "validate names what is nearest, every mistake of a text, and workflows that call each other in a circle" {
    mkdir -p .fermata
    cat >.fermata/config.yaml <<'CONFIG'
agents: { claude: { type: claude } }
gates: { smoke: { commands: [{ run: "true" }] } }
CONFIG
    workflow wrong <<'YAML'
name: wrong
inputs: { k: 5 }
phases:
  - id: a
    gate: smoek
    steps:
      - { id: s, prompt: x, expert: securty-expert, agent: cluade }
      - { id: t, use: inventroy }
      - { id: u, workflow: code-reveiw }
      - { id: w, run: x, env: { A: "${{ inputs.a }} ${{ steps.z }} ${{ 1 + }}" } }
YAML
    run_apart fermata validate wrong
    [ "$status" -eq 7 ]
    for part in '2:14: error: "k" in "inputs"' '5:11: error: there is no gate "smoek" (did you mean "smoke"?)' \
        'did you mean "security-expert"?' 'did you mean "claude"?' 'did you mean "inventory"?' \
        'did you mean "code-review"?' '10:41: error: there is no input "a"' \
        '10:57: error: there is no step "z"' '10:74: error: "+" is not known'; do
        [[ $output == *"$part"* ]] || { echo "$part: $output"; return 1; }
    done
    rm .fermata/workflows/wrong.yaml
    printf 'name: a\nphases: [{ id: p, steps: [{ id: s, workflow: b }] }]\n' | workflow a
    printf 'name: b\nphases: [{ id: p, steps: [{ id: s, workflow: a }] }]\n' | workflow b
    run_apart fermata run -w a
    [ "$status" -eq 7 ]
    [[ $stderr == *'a.yaml:2:46: error: the workflow "b" calls itself without end: b -> a -> b ('*'a.yaml:2:27)'* ]]
    [ "$(fermata list)" = "No runs." ]
}

@test "validate of a workflow tells the errors of those that it calls, each once at its own place" {
    workflow parent <<'END'
name: parent
phases:
  - id: p
    steps:
      - { id: a, workflow: middle }
      - { id: b, workflow: middle }
      - { id: c, workflow: middel }
      - { id: d, run: "true", tiemout: 3s }
END
    workflow middle <<'END'
name: middle
phases:
  - id: p
    steps:
      - { id: a, workflow: deep }
      - { id: b, run: "true", needs: [z] }
END
    workflow deep <<'END'
name: deep
phases:
  - id: p
    steps: [{ id: a, use: inventry }]
END
    run_apart fermata validate parent
    [ "$status" -eq 7 ]
    [ "$(grep -c 'error: ' <<<"$output")" -eq 4 ]
    for place in parent.yaml:7:28 parent.yaml:8:31 middle.yaml:6:39 deep.yaml:4:27; do
        [ "$(grep -c "$place: error" <<<"$output")" -eq 1 ] || {
            echo "$place: $output"
            return 1
        }
    done
    [[ $output == *"3 files checked: 4 errors"* ]]
    # A file that was named or called already is not told again.
    run_apart fermata validate ./.fermata/workflows/deep.yaml parent deep
    [ "$(grep -c 'error: ' <<<"$output")" -eq 4 ]
    run_apart fermata validate
    [ "$(grep -c 'error: ' <<<"$output")" -eq 4 ]
    run_apart fermata validate deep
    [[ $output == *"1 file checked: 1 error"* ]]
}
