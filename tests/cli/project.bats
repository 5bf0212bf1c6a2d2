#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets stderr
# Projects and definitions: init, workflows, validate, schema, doctor, gc.

load helper

setup() {
    setup_project
}

teardown() {
    teardown_project
}

@test "init makes a project that can be run, and overwrites nothing" {
    run_apart fermata init
    [ "$status" -eq 0 ]
    [ -f .fermata/config.yaml ]
    [ -f .fermata/workflows/hello.yaml ]
    echo "# mine" >>.fermata/config.yaml
    run_apart fermata init
    [ "$status" -eq 1 ]
    [[ $stderr == *"is there already"*"hint:"* ]]
    grep -q "# mine" .fermata/config.yaml
    run_apart fermata run -w hello -i who=Ada
    [ "$status" -eq 0 ]
    [ "$(fermata cat last greeting)" = "Hello, Ada" ]
}

@test "what is commented out in the configuration that init makes holds once it is put in" {
    fermata init >/dev/null
    sed -i 's/^# \( *[a-z_]*:\)/\1/' .fermata/config.yaml
    grep -q "^default_workflow: code-review" .fermata/config.yaml
    grep -q "^    command: " .fermata/config.yaml
    run_apart fermata validate
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    run_apart fermata run --dry-run --strategy static "Look"
    [ "$status" -eq 0 ]
    [[ $output == *"code-review"* ]]
}

@test "init makes the folder that is named" {
    run_apart fermata init deep/er --json
    [ "$status" -eq 0 ]
    [ "$(json 'd["project"]' <<<"$output")" = "$PROJECT/deep/er" ]
    [ -f deep/er/.fermata/config.yaml ]
}

@test "git sees what people write and nothing else" {
    git init -q .
    fermata init >/dev/null
    mkdir -p .fermata/experts .fermata/workflows/pack
    echo x >.fermata/experts/a.md
    echo x >.fermata/workflows/pack/b.yaml
    fermata run -w hello >/dev/null 2>&1
    git add -A
    run git ls-files
    [ "$output" = ".fermata/.gitignore
.fermata/config.yaml
.fermata/experts/a.md
.fermata/workflows/hello.yaml
.fermata/workflows/pack/b.yaml" ]
}

@test "a folder that people made is kept out of git as well before it holds runs" {
    git init -q .
    mkdir .fermata
    printf 'name: one\nphases: [{ id: a, steps: [{ id: s, use: noop }] }]\n' >one.yaml
    printf 'agents: {}\n' >.fermata/config.yaml
    "$FERMATA" trust
    fermata list
    [ ! -e .fermata/.gitignore ]
    fermata run -w ./one.yaml
    [ "$(git status --porcelain -uall .fermata)" = "?? .fermata/.gitignore
?? .fermata/config.yaml" ]
    rm .fermata/.gitignore # on purpose
    fermata run -w ./one.yaml
    [ ! -e .fermata/.gitignore ]
}

@test "the project is found from a folder below, and named by --project and FERMATA_PROJECT" {
    fermata init >/dev/null
    mkdir -p a/b
    (cd a/b && fermata run -w hello >/dev/null 2>&1)
    [ ! -e a/b/.fermata ]
    cd "$HOME"
    run_apart fermata list
    [ "$status" -eq 6 ]
    [[ $stderr == *"no Fermata project"*"fermata init"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" -C "$PROJECT" list --json)" = 1 ]
    [ "$(FERMATA_PROJECT=$PROJECT fermata list --json | json 'len(d["runs"])')" = 1 ]
    run_apart fermata --project /nonexistent list
    [ "$status" -eq 6 ]
}

@test "run makes a bare project at the top of the git tree and says so" {
    git init -q .
    mkdir -p a/b
    cat >a/b/w.yaml <<'END'
name: w
phases: [{ id: one, steps: [{ id: s, run: "true" }] }]
END
    cd a/b
    run_apart fermata run -w ./w.yaml
    [ "$status" -eq 0 ]
    [[ $stderr == *"Made $PROJECT/.fermata"* ]]
    [ ! -e "$PROJECT/.fermata/config.yaml" ]
    [ "$(cd "$PROJECT" && git status --porcelain | grep -c fermata.db)" = 0 ]
}

@test "an empty folder that is called .git makes nothing the top of a tree" {
    mkdir -p .git a
    printf 'name: w\nphases: [{ id: one, steps: [{ id: s, run: "true" }] }]\n' >a/w.yaml
    cd a
    run_apart fermata run -w ./w.yaml
    [ "$status" -eq 0 ]
    [ -d "$PROJECT/a/.fermata" ]
    [ ! -e "$PROJECT/.fermata" ]
}

@test "an empty project lists no runs, and says what to do where a run is needed" {
    fermata init >/dev/null
    run_apart fermata list
    [ "$status" -eq 0 ]
    [ "$output" = "No runs." ]
    run_apart fermata status
    [ "$status" -eq 6 ]
    [[ $stderr == *"no runs"*"hint: start one"* ]]
    [ ! -e .fermata/fermata.db ]
}

@test "a wrong configuration does not hide what is wrong in workflows, nor is what it may define missed" {
    mkdir -p .fermata/workflows
    printf 'strategy: sttic\nagents: { mine: { type: command, command: [cat] } }\n' >.fermata/config.yaml
    workflow bad <<'END'
name: bad
phases: [{ id: p, stps: [] }]
END
    workflow good <<'END'
name: good
phases: [{ id: p, gate: of-the-configuration, steps: [{ id: s, agent: mine, prompt: Go }] }]
END
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output == *"config.yaml:1:11: error:"* && $output == *"bad.yaml:2:"*'did you mean "steps"'* ]]
    [[ $output != *"good.yaml"* && $output == *" 2 errors"* ]]
}

# As somebody whom permissions hold back, also where the tests run as root.
plainly() {
    local drop=-dac_override,-dac_read_search

    if [ "$(id -u)" -eq 0 ]; then
        setpriv --bounding-set="$drop" --inh-caps="$drop" "$@"
    else
        "$@"
    fi
}

@test "a project that may not be looked into is no empty one" {
    printf 'name: w\nphases: [{ id: p, steps: [{ id: s, run: "true" }] }]\n' >w.yaml
    fermata run -w ./w.yaml
    chmod 000 .fermata
    for words in list status "run -w ./w.yaml" "gc" "show last"; do
        # shellcheck disable=SC2086
        run_apart plainly "$FERMATA" $words
        [ "$status" -eq 1 ]
        [[ $stderr == *"cannot look into $PWD/.fermata: Permission denied"* ]]
    done
    chmod 700 .fermata
    [ "$(json 'd["runs"][0]["workflow"]' "$FERMATA" list --json)" = w ]
}

@test "runs of a workflow that nobody knows are no empty list" {
    fermata init >/dev/null
    run_apart fermata list -w code-revew
    [ "$status" -eq 6 ]
    [[ $stderr == *"there is no workflow code-revew"*"did you mean code-review?"* ]]
    run_apart fermata list -w code-review
    [ "$status" -eq 0 ]
    [ "$output" = "No runs." ]
    printf 'name: short\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n' \
        >.fermata/workflows/short.yaml
    fermata run -w short >/dev/null
    run_apart fermata list -w code-revew --json
    [ "$status" -eq 6 ]
    run_apart fermata list -w short --status paused
    [ "$output" = "No runs." ]
    rm .fermata/workflows/short.yaml
    run_apart fermata list -w short --status paused
    [ "$status" -eq 0 ]
    run_apart fermata list -w short
    [[ $output == *short* ]]
}

@test "workflows are listed with where they come from and what hides them" {
    fermata init >/dev/null
    mkdir -p "$HOME/.config/fermata/workflows"
    sed 's/^description:.*/description: of the user/' .fermata/workflows/hello.yaml \
        >"$HOME/.config/fermata/workflows/hello.yaml"
    run_apart fermata workflows
    [ "$status" -eq 0 ]
    [[ $output == *"hello "*" (project) "* ]]
    [[ $output == *"hello "*" (hidden by project) (user) of the"* ]]
    [[ $(grep '^code-review ' <<<"$output") == *"Reviews a whole"* ]]
    fits_80_columns <<<"$output"
    run_apart fermata workflows --json
    [ "$(json '[w["hidden_by"] for w in d["workflows"] if w["hidden"]]' <<<"$output")" = '["project"]' ]
}

@test "a workflow of the configuration hides a built-in one and is hidden by files" {
    mkdir -p .fermata/workflows
    cat >.fermata/config.yaml <<'END'
agents: { codex: { type: codex } }
workflows:
  quick: [{ agent: codex, task: implement }]
  mine: [{ agent: codex, task: implement }]
END
    printf 'name: mine\nphases: [{ id: a, steps: [{ id: s, run: "true" }] }]\n' >.fermata/workflows/mine.yaml
    run_apart fermata workflows --json
    [ "$(json '[[w["name"], w["origin"], w["hidden_by"]] for w in d["workflows"] if w["hidden"]]' <<<"$output")" = \
        '[["quick", "built in", "config"], ["mine", "config", "project"]]' ]
    [ "$(json '[w["step_count"] for w in d["workflows"] if w["origin"] == "config"]' <<<"$output")" = "[1, 1]" ]
    [ "$(json 'd["origin"]' "$FERMATA" workflows quick --json)" = config ]
    [ "$(json 'd["origin"]' "$FERMATA" workflows mine --json)" = project ]
    [[ $(fermata workflows) == *"(hidden by config) One agent"* ]]
}

@test "a workflow is shown as tree, graph and source" {
    fermata init >/dev/null
    run_apart fermata workflows hello
    [ "$status" -eq 0 ]
    [[ $output == *greet*greeting*count*files* ]]
    run_apart fermata workflows hello --graph
    [[ $output == *greet*count* ]]
    fermata workflows hello --source >source
    cmp source .fermata/workflows/hello.yaml
    run_apart fermata workflows hello --graph --source
    [ "$status" -eq 2 ]
    run_apart fermata workflows --graph
    [ "$status" -eq 2 ]
    run_apart fermata workflows helo
    [ "$status" -eq 6 ]
    [[ $stderr == *"did you mean hello"* ]]
}

@test "what a run keeps in its folder is no workflow, and may lie deep" {
    workflow keeps <<'END'
name: keeps
phases:
  - id: a
    steps:
      - { id: deep, run: "echo x", output: 1/2/3/4/5/6/7/8/9/x.md }
      - { id: plan, run: "echo 'name: plan'", output: plan.yaml }
END
    fermata run -w keeps
    fermata run -w keeps --fresh
    [ "$(json '[w["name"] for w in d["workflows"] if w["origin"] == "project"]' "$FERMATA" workflows --json)" = '["keeps"]' ]
    fermata validate
}

@test "a workflow is given to programs as its phases and steps" {
    workflow whole <<'END'
name: whole
inputs: { who: { type: string, default: Ada } }
on_failure: fail
gates: { smoke: { commands: [{ run: make check, tests_min: 1, timeout: 1m }] } }
phases:
  - id: plan
    steps:
      - id: outline
        expert: architecture-expert
        agent: claude
        fallback: [codex]
        prompt: "Plan for ${{ inputs.who }}"
        static: { run: ls }
  - id: build
    name: Building
    mode: parallel
    width: 2
    gate: smoke
    on_failure: { goto: plan, max: 2 }
    steps:
      - { id: each, run: "echo $ITEM", foreach: "[1, 2]", env: { ITEM: "${{ item }}" }, timeout: 2m }
      - { id: count, use: inventory, needs: [each], when: inputs.who == "Ada" }
  - { id: ask, needs: [plan], steps: [{ id: agree, approve: "Fine?" }] }
END
    fermata workflows whole --json >whole.json
    [ "$(json '[[p["id"], p["name"], p["mode"], p["needs"]] for p in d["phases"]]' <whole.json)" = \
        '[["plan", "plan", "sequential", []], ["build", "Building", "parallel", ["plan"]], ["ask", "ask", "sequential", ["plan"]]]' ]
    [ "$(json '[[s["id"], s["kind"], s["needs"]] for p in d["phases"] for s in p["steps"]]' <whole.json)" = \
        '[["outline", "agent", []], ["each", "command", []], ["count", "function", ["each"]], ["agree", "approval", []]]' ]
    [ "$(json '[d["phases"][0]["steps"][0][k] for k in ("agent", "expert", "fallback", "prompt")]' <whole.json)" = \
        '["claude", "architecture-expert", ["codex"], "Plan for ${{ inputs.who }}"]' ]
    [ "$(json 'd["phases"][0]["steps"][0]["static"]["run"]' <whole.json)" = ls ]
    [ "$(json '[d["phases"][1]["steps"][0][k] for k in ("run", "foreach", "env", "timeout_ms")]' <whole.json)" = \
        '["echo $ITEM", "[1, 2]", {"ITEM": "${{ item }}"}, 120000]' ]
    [ "$(json '[d["phases"][1]["steps"][1][k] for k in ("use", "when")]' <whole.json)" = \
        '["inventory", "inputs.who == \"Ada\""]' ]
    [ "$(json '[d["phases"][1]["gate"]["name"], d["phases"][1]["gate"]["commands"][0]["tests_min"], d["phases"][1]["on_failure"]]' <whole.json)" = \
        '["smoke", 1, {"goto": "plan", "max": 2}]' ]
    [ "$(json '[d["phase_count"], d["step_count"], d["on_failure"], d["inputs"][0]["name"]]' <whole.json)" = '[3, 4, "fail", "who"]' ]
    # Every built-in one, too.
    for name in $(json '" ".join(w["name"] for w in d["workflows"])' "$FERMATA" workflows --json); do
        fermata workflows "$name" --json >each.json
        [ "$(json 'len(d["phases"]) == d["phase_count"]' <each.json)" = true ]
        [ "$(json 'd["phase_count"]' <each.json)" -gt 0 ]
    done
}

@test "validate prints every problem as file:line:column and exits with 7" {
    fermata init >/dev/null
    cat >bad.yaml <<'END'
name: bad
phases:
  - id: one
    stps: []
    steps:
      - id: s
        run: 5
        needs: [nowhere]
END
    run_apart fermata validate ./bad.yaml
    [ "$status" -eq 7 ]
    [[ $output == *"bad.yaml:4:"*"steps"* ]]
    [[ $output == *"bad.yaml:8:"*nowhere* ]]
    run_apart fermata validate ./bad.yaml --json
    [ "$status" -eq 7 ]
    [ "$(json 'd["files"][-1]["ok"]' <<<"$output")" = false ]
    [ "$(json 'd["files"][-1]["problems"][0]["line"]' <<<"$output")" = 4 ]
    run_apart fermata validate hello
    [ "$status" -eq 0 ]
    run_apart fermata validate
    [ "$status" -eq 0 ]
    [[ $output == *"0 errors"* ]]
    run_apart fermata validate nothing
    [ "$status" -eq 6 ]
}

@test "an alias bomb, a great depth, a hundred megabytes and bytes that are no text are refused at once" {
    python3 -IS - <<'END'
with open("bomb.yaml", "w") as f:
    f.write("name: w\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
    for i in range(1, 12):
        f.write(f"x{i}: &x{i} [" + ", ".join([f"*x{i-1}"] * 9) + "]\n")
open("deep.yaml", "w").write("name: w\nphases: " + "[" * 10000 + "]" * 10000 + "\n")
open("block.yaml", "w").write("name: w\n" + "".join(" " * i + "a:\n" for i in range(1200)))
with open("large.yaml", "wb") as f:
    f.write(b"name: w\nphases: []\n")
    f.truncate(100 * 1024 * 1024)
open("bytes.yaml", "wb").write(bytes(range(256)) * 10)
END
    for name in bomb deep block large bytes; do
        run_apart timeout 20 "$FERMATA" validate ./$name.yaml
        [ "$status" -eq 7 ] || { echo "$name: $status $output $stderr"; return 1; }
        [[ $output == *"./$name.yaml"*error* ]]
        echo "$output"
        run_apart timeout 20 "$FERMATA" run -w ./$name.yaml
        [ "$status" -ne 0 ]
        [ "$status" -ne 124 ]
    done
    [[ $(fermata validate ./large.yaml || true) == *"has 104857600 bytes; at most 1048576 are read"* ]]
}

@test "a file that validate refuses to read hides no error of the others" {
    workflow bad <<<"name: bad"
    head -c 2000000 /dev/zero | tr '\0' '#' >.fermata/workflows/large.yaml
    workflow worse <<<"phases: 3"
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output == *"bad.yaml:1:1: error: a workflow needs the key"* ]]
    [[ $output == *"large.yaml: error: "*" has 2000000 bytes; at most 1048576 are read"* ]]
    [[ $output == *"worse.yaml:1:9: error: "* ]]
    [[ $(fermata workflows) == *large*"(has errors: fermata validate)"* ]]
    fermata workflows --json | json 'd["workflows"]' >list
    [ "$(json '[w.get("invalid") for w in d if w["name"] == "large"]' <list)" = "[true]" ]
}

@test "a broken configuration is told by validate, and by every command that needs it" {
    fermata init >/dev/null
    echo "setings: {}" >>.fermata/config.yaml
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output == *"config.yaml:"*setings* ]]
    run_apart fermata run -w hello
    [ "$status" -eq 7 ]
    [[ $stderr == *"config.yaml:"*"hint:"* ]]
}

@test "a gate of the configuration whose function nobody knows is told before anything runs" {
    fermata init >/dev/null
    printf 'gates:\n  own:\n    commands:\n      - use: chek-lint\n      - use: history\n        with: { bnad: small }\n' >.fermata/config.yaml
    run_apart fermata validate
    [ "$status" -eq 7 ]
    [[ $output == *'config.yaml:4:14: error: there is no function "chek-lint" (did you mean "check-lint"?)'* ]]
    [[ $output == *'config.yaml:6:17: error: the function "history" takes no "bnad"'*'"band"'* ]]
    run_apart fermata run -w hello
    [ "$status" -eq 7 ]
    [[ $stderr == *"chek-lint"* ]]
    [ ! -e .fermata/fermata.db ]
}

@test "a workflow with errors is not started" {
    fermata init >/dev/null
    printf 'name: x\nphases: [{ id: a, stepz: [] }]\n' | workflow x
    run_apart fermata run -w x
    [ "$status" -eq 7 ]
    [[ $stderr == *"x.yaml:2:"*"hint: nothing was started"* ]]
    [ ! -e .fermata/fermata.db ]
}

@test "schemas are JSON, the reference is Markdown" {
    [ "$(json '"$schema" in d' "$FERMATA" schema workflow)" = true ]
    [ "$(json '"$schema" in d' "$FERMATA" schema config)" = true ]
    [ "$(json '"$schema" in d' "$FERMATA" schema)" = true ]
    run_apart fermata schema reference
    [[ $output == *"# "* ]]
    run_apart fermata schema nonsense
    [ "$status" -eq 2 ]
}

@test "doctor passes on a sound project and says what fails" {
    fermata init >/dev/null
    fermata run -w hello >/dev/null 2>&1
    run_apart fermata doctor --json
    [ "$status" -eq 0 ]
    [ "$(json 'd["failed"]' <<<"$output")" = 0 ]
    [ "$(json '{c["name"]: c["status"] for c in d["checks"]}["store"]' <<<"$output")" = pass ]
    run_apart fermata doctor --rebuild
    [ "$status" -eq 0 ]
    [[ $output == *"journal and tables"*"0 differences"* ]]
    FERMATA_KEEP=/nonexistent run_apart fermata doctor
    [ "$status" -eq 1 ]
    [[ $output == *keeper* ]]
    fits_80_columns <<<"$output"
}

@test "doctor fails where the store is damaged" {
    fermata init >/dev/null
    fermata run -w hello >/dev/null 2>&1
    python3 -IS - <<'END'
with open(".fermata/fermata.db", "r+b") as f:
    f.seek(4096)
    f.write(b"\x5a" * 8192)
END
    run_apart fermata doctor
    [ "$status" -eq 1 ]
    [[ $output == *store* ]]
}

@test "gc removes old runs only when asked to" {
    fermata init >/dev/null
    fermata run -w hello >/dev/null 2>&1
    run_apart fermata gc
    [ "$status" -eq 0 ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" = 1 ]
    run_apart fermata gc --older-than 0s --dry-run
    [ "$status" -eq 0 ]
    [[ $output == "Would remove 1 run"* ]]
    run_apart fermata gc --older-than 1ms --dry-run
    [ "$status" -eq 0 ]
    [[ $output == "Would remove 1 run"* ]]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" = 1 ]
    run_apart fermata gc --older-than 1ms --json
    [ "$(json 'd["runs"]' <<<"$output")" = 1 ]
    [ "$(json 'len(d["runs"])' "$FERMATA" list --json)" = 0 ]
}
