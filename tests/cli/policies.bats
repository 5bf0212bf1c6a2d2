#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# The policies of a workflow through the real binary, proved by the records of its runs: how many at
# once, when again, what is reused, what is skipped, how often it goes round.

load helper

setup() {
    setup_project
}

teardown() {
    teardown_project
}

# records EXPRESSION: over `r`, the list of the last run's records
records() {
    fermata logs last --records | python3 -IS -c 'import json,sys
r = [json.loads(line) for line in sys.stdin]
def of(kind, **fields):
    return [x for x in r if x["kind"] == kind and all(x.get(k) == v for k, v in fields.items())]
def at_once():
    most = now = 0
    for x in r:
        now += (x["kind"] == "attempt_started") - (x["kind"] == "attempt_ended")
        most = max(most, now)
    return most
v = eval(sys.argv[1])
print(v if isinstance(v, str) else json.dumps(v))' "$1"
}

statuses() {
    fermata show last --json | json '{s["key"]: s["status"] for p in d["phases"] for s in p["steps"]}'
}

# A command that ends only when two of its kind have been there at once.
two_at_once() {
    # shellcheck disable=SC2016 # for the step's shell
    echo 'touch at.$FERMATA_STEP; until [ $(ls at.* | wc -l) -ge 2 ]; do sleep 0.01; done'
}

# ---- how many at once ----

@test "no more steps run at once than the workflow, the phase and the list allow" {
    local list="[1, 2, 3, 4, 5, 6]"
    workflow run-limit <<END
name: run-limit
concurrency: 2
phases:
  - id: a
    mode: parallel
    steps:
      - { id: s, foreach: $list, run: '$(two_at_once)' }
      - { id: t, run: "true" }
END
    workflow phase-limit <<END
name: phase-limit
phases:
  - id: a
    mode: parallel
    width: 2
    steps: [$(for i in 1 2 3 4 5; do printf "{ id: s$i, run: '%s' }, " "$(two_at_once)"; done)]
END
    workflow list-limit <<END
name: list-limit
phases: [{ id: a, steps: [{ id: s, foreach: $list, width: 2, run: '$(two_at_once)' }] }]
END
    for name in run-limit phase-limit list-limit; do
        rm -f at.*
        run_apart fermata run -w $name
        [ "$status" -eq 0 ]
        [ "$(records 'at_once()')" = 2 ] || { echo "$name: $(records 'at_once()')"; return 1; }
    done
}

@test "no more processes run at once than the configuration allows" {
    mkdir -p .fermata
    echo 'concurrency: 2' >.fermata/config.yaml
    workflow wide <<END
name: wide
phases: [{ id: a, steps: [{ id: s, foreach: [1, 2, 3, 4, 5, 6], run: '$(two_at_once)' }] }]
END
    run_apart fermata run -w wide
    [ "$status" -eq 0 ]
    # An attempt is journaled before it gets its place; what its keeper saw is what counts.
    python3 -IS - <<'END'
import glob, json
times = []
for path in glob.glob(".fermata/workflows/wf_*/attempts/*/exit.json"):
    end = json.load(open(path))
    times += [(end["started_at_ms"], 1), (end["ended_at_ms"], -1)]
assert len(times) == 12, times
most = now = 0
for _, change in sorted(times):
    now += change
    most = max(most, now)
assert most == 2, most
END
}

# ---- when again ----

@test "the delay doubles up to its ceiling, and no attempt begins before its time" {
    workflow doubling <<'END'
name: doubling
on_failure: fail
phases:
  - id: a
    steps: [{ id: s, run: exit 1, retry: { attempts: 5, delay: 20ms, max_delay: 70ms, jitter: false } }]
END
    run_apart fermata run -w doubling
    [ "$status" -eq 1 ]
    [ "$(records '[x["until"] - x["at"] for x in of("step_waiting", waiting="retry")]')" = "[20, 40, 70, 70]" ]
    [ "$(records 'all(b["at"] >= a["until"] for a, b in zip(of("step_waiting", waiting="retry"), of("attempt_started")[1:]))')" = true ]
    [ "$(records '[x["attempt"] for x in of("attempt_ended")]')" = "[1, 2, 3, 4, 5]" ]
}

@test "a fixed delay stays, and with jitter each wait is a random part of it" {
    workflow fixed <<'END'
name: fixed
on_failure: fail
phases:
  - id: a
    mode: parallel
    steps:
      - { id: s, run: exit 1, optional: true, retry: { attempts: 4, backoff: fixed, delay: 20ms, jitter: false } }
      - { id: j, foreach: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], run: exit 1, retry: { attempts: 2, delay: 300ms } }
END
    run_apart fermata run -w fixed
    [ "$status" -eq 1 ]
    [ "$(records '[x["until"] - x["at"] for x in of("step_waiting", waiting="retry", step="s")]')" = "[20, 20, 20]" ]
    records '[x["until"] - x["at"] for x in of("step_waiting", waiting="retry") if x["step"].startswith("j[")]' >waits
    python3 -IS -c 'import json
waits = json.load(open("waits"))
assert len(waits) == 12 and all(0 <= w <= 300 for w in waits) and len(set(waits)) > 3, waits'
}

@test "only the failures that the policy names are tried again" {
    workflow classes <<'END'
name: classes
defaults: { retry: { attempts: 2, delay: 1ms } }
phases:
  - id: a
    on_failure: continue
    mode: parallel
    steps:
      - { id: default, run: exit 1 }
      - { id: own, run: exit 1, retry: { attempts: 2, delay: 1ms } }
      - { id: permanent, run: exit 1, retry: { attempts: 2, delay: 1ms, on: [permanent] } }
      - { id: other, run: exit 1, retry: { attempts: 2, delay: 1ms, on: [timeout, lost] } }
      - { id: late, run: sleep 60, timeout: 100ms, retry: { attempts: 2, delay: 1ms, on: [timeout] } }
      - { id: late-other, run: sleep 60, timeout: 100ms, retry: { attempts: 2, delay: 1ms, on: [permanent] } }
END
    run_apart fermata run -w classes
    fermata show last --json | json '{s["key"]: [s["attempts"], s["class"]] for s in d["phases"][0]["steps"]}' >classes
    cat classes
    [ "$(cat classes)" = '{"default": [1, "permanent"], "own": [2, "permanent"], "permanent": [2, "permanent"], "other": [1, "permanent"], "late": [2, "timeout"], "late-other": [1, "timeout"]}' ]
    fermata show last --json | json 'd["phases"][0]["steps"][4]["error"]' >error
    [ "$(cat error)" = "timed out after its limit of 100ms" ]
}

# ---- what is reused ----

@test "a step that depends on its inputs is reused until one changes; with never it is not" {
    workflow inputs <<'END'
name: inputs
inputs: { x: { type: string, default: one } }
phases:
  - id: a
    steps:
      - { id: pure, reuse: inputs, run: 'echo x >>pure.count; echo "$X"', env: { X: "${{ inputs.x }}" } }
      - { id: never, reuse: never, run: "echo x >>never.count" }
      - { id: default, run: "echo x >>default.count" }
END
    fermata run -w inputs
    echo change >file
    fermata run -w inputs
    [ "$(wc -l <pure.count)" -eq 1 ]
    fermata run -w inputs -i x=two
    [ "$(wc -l <pure.count)" -eq 2 ]
    [ "$(fermata cat last pure)" = two ]
    fermata run -w inputs
    [ "$(wc -l <pure.count)" -eq 2 ]
    [ "$(fermata cat last pure)" = one ]
    [ "$(wc -l <never.count)" -eq 4 ]
    [ "$(wc -l <default.count)" -eq 4 ]
}

@test "a step that depends on the tree is reused until a file changes, and again when it is back" {
    git init -q .
    mkdir -p src
    echo one >src/a
    printf '*.count\n' >.gitignore
    workflow tree <<'END'
name: tree
phases: [{ id: a, steps: [{ id: s, reuse: tree, run: "echo x >>s.count; cat src/a" }] }]
END
    fermata run -w tree
    fermata run -w tree
    [ "$(wc -l <s.count)" -eq 1 ]
    echo two >src/a
    fermata run -w tree
    [ "$(wc -l <s.count)" -eq 2 ]
    [ "$(fermata cat last s)" = two ]
    [[ $(fermata explain last s) == *tree* ]]
    echo one >src/a
    fermata run -w tree
    [ "$(wc -l <s.count)" -eq 2 ]
    [ "$(fermata cat last s)" = one ]
    touch -d "1 hour ago" src/a
    fermata run -w tree
    [ "$(wc -l <s.count)" -eq 2 ]
    chmod +x src/a
    fermata run -w tree
    [ "$(wc -l <s.count)" -eq 3 ]
}

# ---- where, and whether at all ----

@test "a step works in its folder, and its files are found from there" {
    mkdir -p deep/er
    workflow place <<'END'
name: place
phases:
  - id: a
    steps:
      - { id: s, cwd: deep/er, run: "pwd; echo kept >result.txt", artifacts: { result: result.txt } }
      - { id: none, cwd: nowhere, run: pwd, optional: true }
END
    run_apart fermata run -w place
    [ "$status" -eq 0 ]
    [ "$(fermata cat last s)" = "$PROJECT/deep/er" ]
    [ "$(fermata cat last result)" = kept ]
    [ "$(json 'd["phases"][0]["steps"][1]["status"]' "$FERMATA" show last --json)" = failed ]
    [[ $(json 'd["phases"][0]["steps"][1]["error"]' "$FERMATA" show last --json) == *nowhere* ]]
    workflow outside <<'END'
name: outside
phases: [{ id: a, steps: [{ id: s, cwd: ../x, run: pwd }] }]
END
    run_apart fermata validate outside
    [ "$status" -eq 7 ]
}

@test "a trigger says how what a phase or a step needs must have ended" {
    workflow triggers <<'END'
name: triggers
on_failure: fail
phases:
  - { id: good, needs: [], steps: [{ id: g, run: "true" }] }
  - { id: bad, needs: [], on_failure: fail, steps: [{ id: b, run: "false" }] }
  - { id: excused, needs: [], on_failure: continue, steps: [{ id: e, run: "false" }] }
  - { id: all, needs: [good, bad], steps: [{ id: all-s, run: "true" }] }
  - { id: one, needs: [good, bad], trigger: one_success, steps: [{ id: one-s, run: "true" }] }
  - { id: done, needs: [bad], trigger: all_done, steps: [{ id: done-s, run: "true" }] }
  - { id: none, needs: [bad], trigger: one_success, steps: [{ id: none-s, run: "true" }] }
  - { id: after, needs: [excused, good], steps: [{ id: after-s, run: "true" }] }
END
    run_apart fermata run -w triggers
    [ "$status" -eq 1 ]
    statuses
    [ "$(statuses)" = '{"g": "completed", "b": "failed", "e": "failed", "all-s": "skipped", "one-s": "completed", "done-s": "completed", "none-s": "skipped", "after-s": "completed"}' ]
    workflow inside <<'END'
name: inside
on_failure: fail
phases:
  - id: inside
    mode: parallel
    steps:
      - { id: i-good, run: "true" }
      - { id: i-bad, run: "false" }
      - { id: i-excused, run: "false", optional: true }
      - { id: i-all, run: "true", needs: [i-good, i-bad] }
      - { id: i-one, run: "true", needs: [i-good, i-bad], trigger: one_success }
      - { id: i-done, run: "true", needs: [i-bad], trigger: all_done }
      - { id: i-none, run: "true", needs: [i-bad], trigger: one_success }
      - { id: i-after, run: "true", needs: [i-excused, i-good] }
END
    run_apart fermata run -w inside
    [ "$status" -eq 1 ]
    statuses
    [ "$(statuses)" = '{"i-good": "completed", "i-bad": "failed", "i-excused": "failed", "i-all": "pending", "i-one": "completed", "i-done": "completed", "i-none": "pending", "i-after": "completed"}' ]
}

@test "conditions skip steps and phases, and what needs them goes on" {
    workflow conditions <<'END'
name: conditions
inputs: { level: { type: enum, choices: [low, high], default: low } }
phases:
  - id: look
    steps: [{ id: see, run: "echo '{\"files\": [1, 2]}'", format: json }]
  - id: high
    when: inputs.level == "high"
    steps: [{ id: deep, run: "true" }]
  - id: use
    steps:
      - { id: many, run: "true", when: "length(steps.see.files) > 1 and not (steps.deep.status == 'completed')" }
      - { id: few, run: "true", when: length(steps.see.files) < 2 }
      - { id: told, run: 'echo "$S"', env: { S: "${{ phases.high.status }}/${{ steps.deep.status }}" } }
END
    run_apart fermata run -w conditions
    [ "$status" -eq 0 ]
    [ "$(statuses)" = '{"see": "completed", "deep": "skipped", "many": "completed", "few": "skipped", "told": "completed"}' ]
    [ "$(fermata cat last told)" = skipped/skipped ]
    run_apart fermata run -w conditions -i level=high
    [ "$(statuses)" = '{"see": "completed", "deep": "completed", "many": "skipped", "few": "skipped", "told": "completed"}' ]
}

# ---- how often ----

@test "rounds of a phase and of the whole end by their condition or their maximum" {
    workflow until <<'END'
name: until
iterate: { max: 4, until: run.iteration == 3 }
phases:
  - id: a
    iterate: { max: 5, until: steps.count.output == "2" }
    steps: [{ id: count, run: 'echo x >>n.$N; wc -l <n.$N', env: { N: "${{ run.iteration }}" } }]
END
    run_apart fermata run -w until
    [ "$status" -eq 0 ]
    [ "$(wc -l n.1 n.2 n.3 | awk '{ print $1 }' | tr '\n' ' ')" = "2 2 2 6 " ]
    [ ! -e n.4 ]
    [ "$(records 'len(of("iterated"))')" = 5 ]
    workflow most <<'END'
name: most
phases: [{ id: a, iterate: { max: 3, until: steps.s.output == "never" }, steps: [{ id: s, run: "echo x >>m" }] }]
END
    run_apart fermata run -w most
    [ "$(wc -l <m)" -eq 3 ]
}

@test "going back repeats the phases between, at most as often as it says, then pauses" {
    workflow back <<'END'
name: back
phases:
  - { id: before, steps: [{ id: once, run: "echo x >>once" }] }
  - { id: build, steps: [{ id: make, run: "echo x >>make" }] }
  - { id: test, steps: [{ id: check, run: "echo x >>check; test -e fixed" }], on_failure: { goto: build, max: 2 } }
END
    run_apart fermata run -w back
    [ "$status" -eq 3 ]
    [ "$(cat once make check | wc -l)" -eq 7 ]
    [ "$(wc -l <once)" -eq 1 ]
    [ "$(records '[[x["from"], x["to"], x["count"]] for x in of("went_to")]')" = '[["test", "build", 1], ["test", "build", 2]]' ]
    touch fixed
    run_apart fermata resume --retry-failed
    [ "$status" -eq 0 ]
    [ "$(wc -l <once)" -eq 1 ]
}

@test "an adaptive phase repairs and tests again, at most so many rounds" {
    workflow adaptive <<'END'
name: adaptive
phases:
  - id: test
    mode: adaptive
    rounds: 3
    steps: [{ id: unit, run: "echo x >>unit; test -e fixed" }]
    fix: [{ id: repair, run: 'echo x >>repair; [ $(wc -l <repair) -lt 2 ] || touch fixed' }]
END
    run_apart fermata run -w adaptive
    [ "$status" -eq 0 ]
    [ "$(wc -l <unit)" -eq 3 ]
    [ "$(wc -l <repair)" -eq 2 ]
    rm unit repair fixed
    sed -i 's/touch fixed/true/' .fermata/workflows/adaptive.yaml
    run_apart fermata run -w adaptive
    [ "$status" -eq 3 ]
    [ "$(wc -l <repair)" -eq 3 ]
    [ "$(wc -l <unit)" -eq 4 ]
}

# ---- what comes out ----

@test "JSON output is checked against its schema, and what does not fit fails with its place" {
    workflow typed <<'END'
name: typed
phases:
  - id: a
    on_failure: continue
    mode: parallel
    steps:
      - id: fits
        run: "echo '{\"files\": [\"a\", \"b\"], \"n\": 3}'"
        schema: &schema
          type: object
          required: [files]
          additionalProperties: false
          properties: { files: { type: array, items: { type: string } }, n: { type: integer, minimum: 1 } }
      - { id: wrong, run: "echo '{\"files\": [1], \"n\": 0}'", schema: *schema }
      - { id: missing, run: "echo '{}'", schema: *schema }
      - { id: prose, run: "echo hello", format: json }
  - id: b
    trigger: all_done
    steps: [{ id: use, run: 'echo "$F"', env: { F: "${{ steps.fits.files }} ${{ steps.fits.n }}" } }]
END
    run_apart fermata run -w typed
    [ "$(fermata cat last use)" = '["a","b"] 3' ]
    fermata show last --json | json '{s["key"]: s.get("error") for s in d["phases"][0]["steps"]}' >errors
    cat errors
    [[ $(json 'd["wrong"]' <errors) == */files/0* ]]
    [[ $(json 'd["missing"]' <errors) == *files* ]]
    [[ $(json 'd["prose"]' <errors) == *JSON* ]]
    [ "$(json 'd["fits"]' <errors)" = null ]
}

# ---- ceilings ----

@test "a run has no more steps, depth and kept output than the configuration allows, and says so" {
    mkdir -p .fermata
    printf 'steps_max: 5\nnesting_max: 2\noutput_bytes_max: 4KiB\n' >.fermata/config.yaml
    workflow many <<'END'
name: many
phases: [{ id: a, steps: [{ id: s, foreach: [1, 2, 3, 4, 5, 6], run: "echo x >>ran" }] }]
END
    run_apart fermata run -w many
    [ "$status" -eq 3 ]
    [[ $stderr == *"6 instances would exceed the limit of 5 steps in a run (steps_max)"* ]]
    [ ! -e ran ]
    workflow deep <<'END'
name: deep
inputs: { n: { type: integer, default: 5 } }
phases:
  - id: a
    steps: [{ id: s, workflow: deep, when: inputs.n > 0, inputs: { n: "${{ inputs.n }}" } }]
END
    run_apart fermata run -w deep
    [ "$status" -eq 3 ]
    fermata list --json | json 'len([r for r in d["runs"] if r["workflow"] == "deep"])' >runs
    [ "$(cat runs)" = 3 ]
    deepest=$(json '[r["id"] for r in d["runs"] if r["workflow"] == "deep"][0]' "$FERMATA" list --json)
    [[ $(fermata status "$deepest") == *"nested deeper than 2 (nesting_max)"* ]]
    workflow loud <<'END'
name: loud
phases: [{ id: a, steps: [{ id: s, run: "seq 1 2000" }] }]
END
    run_apart fermata run -w loud
    [ "$status" -eq 0 ]
    fermata cat last s >kept
    [ "$(head -1 kept)" = 1 ]
    [ "$(tail -1 kept)" = 2000 ]
    cut=$(json 'd["phases"][0]["steps"][0]["output"]["cut"]' "$FERMATA" show last --json)
    [ $((cut + 4096)) -eq "$(seq 1 2000 | wc -c)" ]
    grep -q "$cut" kept
    sed -i 's/steps_max: 5/steps_max: 9/' .fermata/config.yaml
    many=$(json 'd["runs"][0]["id"]' "$FERMATA" list --workflow many --json)
    run_apart fermata resume "$many" --retry-failed
    [ "$status" -eq 0 ]
    [ "$(wc -l <ran)" -eq 6 ]
}
