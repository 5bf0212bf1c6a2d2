#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# The flows of workflows/*/: parallel angles, fold, answer, attack, check, report. Each runs to its end in
# the three bands under each strategy, with agents and without any, changes nothing, and shows the validation first.

load helper

setup() {
    # Hundreds of processes that prove nothing about memory: the plain build, where there is one.
    [ -z "${PLAIN_BUILD:-}" ] || export FERMATA=$PLAIN_BUILD/fermata FERMATA_KEEP=$PLAIN_BUILD/fermata-keep
    setup_project # without git, which would be asked before and after each of the many agents
    printf 'int main(void)\n{\n    return 0;\n}\n' >main.c
    printf '# Project\n\nSee [main](main.c).\n' >README.md
    # An angle finds one thing that is there and one that is not.
    cat >"$BATS_TEST_TMPDIR/agent.sh" <<'END'
#!/bin/sh
cat >"$BATS_TEST_TMPDIR/seen/$FERMATA_STEP${SWEEP:+.$FERMATA_RUN}"
case $FERMATA_STEP in
answer) answer='Draft: do this first' ;;
first) answer='{\"summary\": \"attacked\", \"verdicts\": [], \"objections\": [{\"about\": \"Draft\", \"why\": \"nothing carries it\"}]}' ;;
second | third) answer='{\"summary\": \"attacked again\", \"verdicts\": []}' ;;
*) answer="{\\\"status\\\": \\\"ok\\\", \\\"summary\\\": \\\"seen\\\", \\\"findings\\\": [{\\\"rule\\\": \\\"there-$FERMATA_STEP\\\", \\\"severity\\\": \\\"medium\\\", \\\"confidence\\\": \\\"high\\\", \\\"file\\\": \\\"main.c\\\", \\\"line\\\": 3, \\\"evidence\\\": \\\"return 0;\\\", \\\"message\\\": \\\"it ends\\\", \\\"fix\\\": \\\"nothing\\\"}, {\\\"rule\\\": \\\"elsewhere\\\", \\\"severity\\\": \\\"high\\\", \\\"file\\\": \\\"gone.c\\\", \\\"line\\\": 9, \\\"evidence\\\": \\\"boom();\\\", \\\"message\\\": \\\"invented by $FERMATA_STEP\\\"}]}" ;;
esac
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "$answer"
END
    chmod +x "$BATS_TEST_TMPDIR/agent.sh"
    before="$(ls) $(cat main.c README.md)"
    mkdir -p .fermata/workflows "$BATS_TEST_TMPDIR/seen"
    cat >.fermata/config.yaml <<END
default_agent: fake
pass_env: [SWEEP]
agents:
  fake: { type: claude, command: [$BATS_TEST_TMPDIR/agent.sh] }
END
}

teardown() {
    teardown_project
}

# flows: their names
flows() {
    (cd "$BATS_TEST_DIRNAME/../../workflows" && find analysis discovery planning authoring review -name '*.yaml' | sed 's|\.yaml$||' |
        LC_ALL=C sort)
}

# sweep STRATEGY [BANDS AGENTS]: one run that calls every flow in these bands (all three), the largest first, so that what is
# the same is asked once
sweep() {
    python3 -IS - "$BATS_TEST_DIRNAME/../../workflows" "${2:-large medium small}" >.fermata/workflows/sweep.yaml <<'END'
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
print("name: sweep\nphases:")
for band in sys.argv[2].split():
    print(f"  - id: {band}\n    mode: parallel\n    width: 8\n    steps:")
    for path in sorted(path for kind in ("analysis", "discovery", "planning", "authoring", "review") for path in (root / kind).glob("*.yaml")):
        inputs = "".join(f", {name}: x" for name in re.findall(r"^  (\w+): \{ type: string, required: true", path.read_text(), re.M))
        print(f"      - {{ id: {band}-{path.stem}-{path.parent.name}, workflow: {path.parent.name}/{path.stem}, inputs: {{ band: {band}{inputs} }} }}")
END
    SWEEP=1 run_apart fermata run "Make it so" -w sweep --strategy "$1" --no-input
    [ "$status" -eq 0 ] || { echo "$stderr"; return 1; }
    [ "$(ls) $(cat main.c README.md)" = "$before" ]
    python3 -IS "$BATS_TEST_TMPDIR/check.py" "$1" "${3:-agents}" "$BATS_TEST_TMPDIR/seen" \
        $(($(flows | wc -l) * $(wc -w <<<"${2:-large medium small}")))
}

# write_check: what holds for the runs of a sweep; an agent's invention never gets below the validation
write_check() {
    cat >"$BATS_TEST_TMPDIR/check.py" <<'END'
import json, pathlib, re, sys
strategy, agents, seen, count = sys.argv[1], sys.argv[2] == "agents", pathlib.Path(sys.argv[3]), int(sys.argv[4])
folders = {path.parent.name: path.parent for path in pathlib.Path(".fermata/workflows").glob("wf_*/state.json")}
runs = {name: json.loads((folder / "state.json").read_text()) for name, folder in folders.items()}
newest = max((run for run in runs.values() if run["workflow"] == "sweep"), key=lambda run: run["created_at"])
checked = set()
for run in (run for run in runs.values() if run.get("parent") == newest["id"]):
    steps = {step["key"]: step for phase in run["phases"] for step in phase["steps"]}
    attacks = {step["key"]: step for phase in runs[steps["report"]["child"]]["phases"] for step in phase["steps"]}
    asked = [step for step in [*steps.values(), *attacks.values()] if step["kind"] == "agent"]
    band, text = run["inputs"]["band"], (folders[run["id"]] / "report.md").read_text()
    head, _, rest = text.partition("## Recommendation")

    def require(holds, what):
        assert holds, f"{run['workflow']} {band} {strategy}: {what}\n{text}"

    checked.add((run["workflow"], band))
    require(run["status"] == "completed" and run["strategy"] == strategy, "the end")
    require(re.match(r"# .*\*\*Band:\*\* %s, for: asked for.*## Validation" % band, head, re.S), "the order")
    require("invented by" not in rest, "an invention is recommended")
    if strategy == "static" or not agents:
        require("**No agent attacked this**" in head, "nobody attacked, and it does not say so")
        done = [step["key"] for step in asked if step["status"] == "completed" and step["kind"] == "agent" and step.get("model")]
        require(not done, f"agents were asked: {done}")
    if strategy == "static":
        require(all(step["status"] in ("completed", "skipped") for step in [*steps.values(), *attacks.values()]), "something failed")
        left = [step["key"] for phase in run["phases"] if phase["id"] == "angles" for step in phase["steps"]
                if step.get("reason", "").startswith("needs an agent")]
        said = re.findall(r"^- the angles? (.*): needs an agent, and the strategy is static$", head, re.M)
        require(said == ([", ".join(f"`{key}`" for key in left)] if left else []), f"what is left out is not said once: {said}")
    elif agents:
        rounds = {"small": 1, "medium": 2, "large": 3}[band]
        require([attacks[key]["status"] for key in ("first", "second", "third")] == ["completed"] * rounds + ["skipped"] * (3 - rounds), "rounds")
        require(all(step["status"] in ("completed", "skipped") for step in asked), "an agent failed")
        require(band != "large" or all(step["status"] == "completed" for step in asked), "not all were asked")
        require(all(part in text for part in ("Draft: nothing carries it", "Refuted, and left out", "gone.c:9")), "no attack")
        require("> Draft: do this first" in head, "no answer")
assert len(checked) == count, sorted(checked)
for path in seen.glob("*.wf_*"):
    if path.name.split(".")[0] in ("answer", "first"):
        assert "\n## Evidence" in path.read_text(), path
    if path.name.startswith("answer") and runs[path.suffix[1:]]["workflow"].startswith("planning/"):
        assert "\n## No more than is needed (YAGNI)" in path.read_text(), path
assert not agents or strategy == "static" or list(seen.glob("answer.wf_*")), "nobody was asked"
END
}

@test "flows are valid, read-only, hold their agents to evidence, and say beforehand what they do" {
    local name
    # shellcheck disable=SC2046 # names without spaces
    run_apart fermata validate $(flows) spine
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    for name in $(flows); do
        fermata workflows "$name" --json
        run_apart fermata run "Make it so" -w "$name" -i band=large --dry-run --no-input
        [ "$status" -eq 0 ] || { echo "$name: $stderr"; return 1; }
    done >"$BATS_TEST_TMPDIR/all"
    python3 -IS - "$BATS_TEST_TMPDIR/all" <<'END'
import json, sys
text, at, count = open(sys.argv[1]).read().strip(), 0, 0
while at < len(text):
    flow, at = json.JSONDecoder().raw_decode(text, at)
    at += len(text[at:]) - len(text[at:].lstrip())
    count += 1
    steps = [step for phase in flow["phases"] for step in phase["steps"]]
    assert flow["read_only"] and "evidence" in flow["contracts"], flow["name"]
    assert [phase["id"] for phase in flow["phases"]] == ["size", "angles", "fold", "synthesis", "validation"], flow["name"]
    assert all(step["kind"] in ("agent", "function", "workflow") for step in steps), flow["name"]
    assert all(step["read_only"] for step in steps if step["kind"] == "agent"), flow["name"]
assert count > 0, text
END
}

@test "every flow runs in every band with agents, and a hybrid one is the same" {
    write_check
    sweep ai
    sweep hybrid
}

@test "every flow gives its report in every band without any agent, and in a hybrid run that has none" {
    write_check
    sweep static
    [ -z "$(ls "$BATS_TEST_TMPDIR/seen")" ]
    rm .fermata/config.yaml
    sweep hybrid large none
}

@test "the band is measured, announced with its reason, and can be overruled" {
    run_apart fermata run "Slow" -w analysis/investigate --strategy static --no-input
    [ "$status" -eq 0 ]
    [[ $stderr == *"Step band: band small: nothing speaks for more in 1 file of code"* ]]
    run_apart fermata logs last
    [[ $output == *"band small: nothing speaks for more"* ]]
    run_apart fermata run "Slow" -w analysis/investigate -i band=medium --strategy static --no-input
    [[ $stderr == *"Step band: band medium: asked for; measured would be small"* ]]
}

@test "--fast asks the fewest, and says so to a workflow that does not know it" {
    run_apart fermata run "Slow" -w analysis/investigate --fast --strategy ai --no-input
    [ "$status" -eq 0 ]
    [ ! -e "$BATS_TEST_TMPDIR/seen/answer" ]
    [ ! -e "$BATS_TEST_TMPDIR/seen/second" ]
    [ -s "$BATS_TEST_TMPDIR/seen/first" ]
    [[ $stderr == *"band small: asked to be fast"* ]]
    run_apart fermata run "Slow" -w quick --fast --no-input
    [ "$status" -eq 2 ]
    [[ $stderr == *'workflow quick has no input "fast"'* ]]
}

@test "an attack that fails stops a run that wants agents, and is told in a hybrid one" {
    # shellcheck disable=SC2016 # for the agent's shell
    sed -i '2i [ "$FERMATA_STEP" != first ] || { echo no >&2; exit 1; }' "$BATS_TEST_TMPDIR/agent.sh"
    run_apart fermata run "Slow" -w analysis/investigate --strategy ai --no-input
    [ "$status" -eq 3 ]
    run_apart fermata run "Slow" -w analysis/investigate --strategy hybrid --no-input
    [ "$status" -eq 0 ]
    [[ $output == *"**No agent attacked this**"* ]]
}
