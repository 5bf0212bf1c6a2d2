#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_apart sets output and stderr
# The packs: each of their workflows comes to its end, what they count without an agent is right,
# and the tier that is allowed holds. The workflows of local models, with a stand-in for these.

load helper

setup() {
    setup_project # without git: that costs processes and shows nothing here
    printf 'int main(void) { return 0; }\n' >main.c
    # One answer fits every prompt: prose, or the JSON that is asked for.
    cat >agent.sh <<'END'
#!/bin/sh
prompt=
while IFS= read -r line || [ -n "$line" ]; do # no process more
    prompt="$prompt$line
"
done
printf '%s' "$prompt" >"$BATS_TEST_TMPDIR/seen/$FERMATA_RUN.$FERMATA_STEP"
one='{\"title\": \"t\", \"file\": \"main.c:1\", \"severity\": \"minor\", \"what\": \"w\"}'
item='{\"item\": \"i\", \"state\": \"open\", \"blocks\": true, \"evidence\": \"main.c:1\", \"owner\": \"we\", \"effort\": \"days\", \"name\": \"n\", \"source\": \"u\", \"fit\": 3, \"formula\": \"f\", \"cost\": \"c\", \"signal\": \"g\", \"stop\": \"x\"}'
answer="Done: $FERMATA_STEP"
case $prompt in
*'JSON object'* | *'JSON
object'*) answer="{\\\"summary\\\": \\\"s\\\", \\\"verdict\\\": \\\"go\\\", \\\"blockers\\\": [\\\"b\\\"], \\\"suggestions\\\": [$one], \\\"items\\\": [$item]}" ;;
esac
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
printf '{"type":"result","subtype":"success","is_error":false,"result":"%s","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}\n' "$answer"
END
    chmod +x agent.sh
    printf 'Great\n\nslow\nSlow\r\n' >feedback.txt
    printf 'Acme Ventures,Berlin\n"acme ventures ", again\nOther\n' >investors.csv
    printf 'Very disappointed, love it\nvery\nsomewhat disappointed\nnot disappointed\nperhaps\n' >answers.csv
    printf 'user,date\nann,2026-01-03\nann,2026-02-01\nbob,2026-01-09\nbob,2026-03-01\ncid,2026-02-11\n' >events.csv
    echo 'They asked for numbers.' >notes.txt
    mkdir -p .fermata
    SEEN=$BATS_TEST_TMPDIR/seen # the prompts, by run and step
    mkdir "$SEEN"
    config ''
}

teardown() {
    teardown_project
    [ ! -e server.pid ] || kill "$(cat server.pid)" 2>/dev/null || true
}

# config LINE [AGENTS]
config() {
    cat >.fermata/config.yaml <<END
default_agent: fake
gates:
  pre-commit: { commands: [{ run: "true" }] }
  pre-push: { commands: [{ run: "true" }] }
  pre-deploy: { commands: [{ run: "true" }] }
$1
agents:
  fake: { type: claude, command: [$PWD/agent.sh] }
${2:-}
END
}

# Where texts are tested, by hundreds of processes, a program without a sanitiser does as well.
plain() {
    export FERMATA=$LOOKING FERMATA_KEEP=${LOOKING%/*}/fermata-keep
}

in_packs() {
    (cd "$BATS_TEST_DIRNAME/../../workflows" && find launch fundraising growth enterprise -name '*.yaml' |
        sed 's|\.yaml$||' | LC_ALL=C sort)
}

# The inputs with which everything in it is done.
inputs_of() {
    case $1 in
    launch/post-launch) echo '-i feedback=feedback.txt -i change=true' ;;
    fundraising/targeting) echo '-i investors=investors.csv' ;;
    fundraising/closing) echo '-i amount=2000000 -i pre_money=8000000 -i pool=10' ;;
    growth/pmf) echo '-i answers=answers.csv' ;;
    growth/acquisition) echo '-i budget=500' ;;
    growth/retention) echo '-i events=events.csv -i change=true' ;;
    enterprise/security) echo '-i remediate=true' ;;
    esac
}

# to_the_end NAME [ARGUMENT...]: a person approves whatever waits for it; `approved` counts
to_the_end() {
    approved=0
    run_apart fermata run "Our product" -w "$@" --strategy ai --no-input
    while [ "$status" -eq 3 ] && [ "$approved" -lt 9 ]; do
        run_apart fermata approve last --resume
        approved=$((approved + 1))
    done
    [ "$status" -eq 0 ] || { echo "$*: $status $output $stderr"; return 1; }
}

# The steps whose agent was asked
asked() {
    (cd "$SEEN" && find . -type f | sed 's|.*\.||' | LC_ALL=C sort | tr '\n' ' ')
}

# Of all runs: each step that was not skipped completed, each agent was asked, and what was counted
finished() {
    python3 -IS - "$SEEN" "$@" <<'END'
import glob, json, os, sys
seen, names = sys.argv[1], set(sys.argv[2:])
history = {"history", "people", "changes"} # optional, and there is no git
counted = {
    "growth/pmf": ("score.json", '{"answers": 4, "very": 2, "somewhat": 1, "not": 1, "not_understood": 1, "very_percent": 50.0, "margin": 49.0}'),
    "growth/retention": ("cohorts.csv", "2026-01,2,100.0,50.0,50.0\n2026-02,1,100.0,0.0"),
    "fundraising/closing": ("shares.json", '{"post_money": 10000000.00, "investors_percent": 20.00, "pool_percent": 10.00, "holders_percent": 70.00}'),
    "fundraising/targeting": ("known.csv", "Acme Ventures,Berlin\nOther"),
    "launch/post-launch": ("feedback-counted.txt", "2 slow\n 1 great"),
}
for folder in glob.glob(".fermata/workflows/wf_*"):
    run = json.load(open(folder + "/state.json"))
    name = run["workflow"]
    names.remove(name)
    steps = [s for p in run["phases"] for s in p["steps"] if s["status"] != "skipped"]
    bad = [s["key"] for s in steps if s["status"] != "completed" and s["key"] not in history]
    assert run["status"] == "completed" and not bad, (name, bad)
    asked = sorted(f.split(".")[1] for f in os.listdir(seen) if f.startswith(run["id"]))
    wanted = sorted(s["key"] for s in steps if s.get("agent"))
    assert asked == wanted and wanted, (name, asked, wanted)
    if name in counted:
        file, text = counted[name]
        found = open(folder + "/" + file).read().replace("     ", "").strip()
        assert found == text, (name, found)
assert not names, names
END
}

@test "every workflow of the packs runs to its end: each agent is asked, a person where one has to decide, and counts are right" {
    local name
    plain
    # shellcheck disable=SC2046 # names are words
    run_apart fermata validate $(in_packs)
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    [[ $output == *"checked: 0 errors, 0 warnings" ]] || { echo "$output"; return 1; }
    for name in $(in_packs); do
        # shellcheck disable=SC2046 # inputs are words
        run_apart fermata run "Our product" -w "$name" $(inputs_of "$name") --dry-run --no-input
        [ "$status" -eq 0 ] || { echo "$name: $stderr"; return 1; }
        # shellcheck disable=SC2046 # inputs are words
        to_the_end "$name" $(inputs_of "$name")
        [ "$approved" -gt 0 ] || [[ $name == growth/pmf || $name == fundraising/pitching ]] || { echo "$name: nobody decided"; return 1; }
    done
    # shellcheck disable=SC2046 # names are words
    finished $(in_packs)
}

@test "answers of which none is understood give no share" {
    plain
    printf 'perhaps\n' >none.csv
    run_apart fermata run "Our product" -w growth/pmf -i answers=none.csv --no-input
    [ "$status" -eq 3 ]
    [[ $stderr == *"no answer begins with very, somewhat or not"* ]]
}

@test "a pitch is prepared before the meeting and followed up with the notes of it" {
    plain
    to_the_end fundraising/pitching -i notes=notes.txt
    [ "$(asked)" = "message outcome " ]
}

# workflow_of_pack FOLDER <<text: launch/waitlist
workflow_of_pack() {
    mkdir -p "$1/launch"
    cat >"$1/launch/waitlist.yaml"
}

@test "workflows of a pack have the folder in their name everywhere, and one's own goes before them" {
    run_apart fermata workflows launch
    [ "$(awk '/^launch/ { print $1 }' <<<"$output" | tr '\n' ' ')" = \
        "launch/landing-page launch/launch-day launch/post-launch launch/pre-launch launch/waitlist " ]
    run_apart fermata workflows launch/waitlist
    [[ $output == *"launch/waitlist  (built in: builtin:launch/waitlist)"*"Tier: pro"* ]]
    run_apart fermata complete run -w launch/w
    [[ $output == "launch/waitlist"$'\t'* ]]
    run_apart fermata run -w launch
    [ "$status" -eq 6 ]
    [[ $stderr == *"launch is a pack"* ]]
    run_apart fermata run -w launch/waitlis
    [[ $stderr == *"did you mean launch/waitlist?"* ]]
    workflow_of_pack .fermata/workflows <<'END'
name: launch/waitlist
phases: [{ id: p, steps: [{ id: s, run: echo mine }] }]
END
    run_apart fermata workflows launch --json
    [ "$(json '[(w["origin"], w["hidden"]) for w in d["workflows"] if w["name"] == "launch/waitlist"]' <<<"$output")" = '[["project", false], ["built in", true]]' ]
    run_apart fermata run -w launch/waitlist
    [ "$status" -eq 0 ]
    rm -r .fermata/workflows/launch
    workflow_of_pack "$HOME/.config/fermata/workflows" <<'END'
name: launch/waitlist
phases: [{ id: p, steps: [{ id: s, run: echo users }] }]
END
    run_apart fermata workflows launch/waitlist
    [[ $output == *"(user: "* ]]
}

@test "a tier that is too low is refused before anything starts: what is needed, what is set, where, what to do" {
    config 'entitlement: { tier: pro }'
    run_apart fermata run "Our product" -w enterprise/sales --no-input
    [ "$status" -eq 1 ]
    [[ $(tr -s ' \n' ' ' <<<"$stderr") == *"workflow enterprise/sales needs the tier team, and "*"config.yaml:6:22 allows pro"*"--tier another one"* ]]
    [ ! -e .fermata/fermata.db ]
    run_apart fermata run "Our product" -w enterprise/sales --dry-run --no-input
    [ "$status" -eq 1 ]
    run_apart fermata run "Our product" -w enterprise/sales --dry-run --no-input --tier team
    [ "$status" -eq 0 ]
    run_apart fermata validate enterprise/sales launch/waitlist
    [ "$status" -eq 0 ]
    [[ $output == *"builtin:enterprise/sales:5:1: warning: it needs the tier team, and "*"0 errors, 1 warning"* ]]
    run_apart fermata workflows
    [[ $(grep '^enterprise/sales' <<<"$output") == *"(team, not allowed)"* ]]
    [[ $(grep '^launch/waitlist' <<<"$output") != *"not allowed"* ]]
    [[ $output == *"Allowed: up to the tier pro ("*"config.yaml:6)"* ]]
}

@test "a run that has begun goes on whatever tier is set later" {
    run_apart fermata run "Our product" -w growth/pmf --no-input
    [ "$status" -eq 3 ]
    [ "$(asked)" = "survey " ]
    config 'entitlement: { tier: free }'
    run_apart fermata run "Our product" -w growth/pmf --no-input
    [ "$status" -eq 1 ]
    run_apart fermata approve last --resume
    [ "$status" -eq 0 ]
    [ "$(status_of last)" = completed ]
}

@test "a server that cannot be asked allows nothing above free, and a project's is asked only when that is trusted" {
    config 'entitlement: { mode: server, command: [./tier.sh] }'
    run_apart fermata run "Our product" -w growth/pmf --no-input
    [ "$status" -eq 4 ]
    [[ $(tr -s ' \n' ' ' <<<"$stderr") == *"whether that is allowed could not be asked: ./tier.sh is not there"* ]]
    printf '#!/bin/sh\ntouch asked\necho pro\n' >tier.sh
    chmod +x tier.sh
    FERMATA_TRUST='' run_apart fermata run "Our product" -w growth/pmf --no-input --dry-run
    [ "$status" -eq 4 ]
    [[ $stderr == *"is not trusted"* ]]
    run_apart fermata workflows
    [ ! -e asked ]
    run_apart fermata run "Our product" -w growth/pmf --no-input
    [ "$status" -eq 3 ]
    [ -e asked ]
}

# serve: a model server at the address of `local-code` and `local-instruct`
serve() {
    python3 "$BATS_TEST_DIRNAME/../support/mock_models.py" --port-file server.port >/dev/null 2>&1 3>&- &
    echo $! >server.pid
    wait_until test -s server.port
    config "" "  local-code: { endpoint: \"http://127.0.0.1:$(cat server.port)\", model: mock }
  local-instruct: { endpoint: \"http://127.0.0.1:$(cat server.port)\", model: mock }
  claude: { type: claude, command: [$PWD/agent.sh], online_at: \"http://127.0.0.1:$(cat server.port)\" }"
}

# tell JSON: what the server answers next
tell() {
    python3 -IS -c 'import sys,urllib.request as u
at = open("server.port").read().strip()
u.urlopen(u.Request(f"http://127.0.0.1:{at}/__mock/config", data=sys.argv[1].encode(), headers={"Content-Type": "application/json"}))' "$1"
}

# review NUMBER: the answer of a reviewer with that many suggestions, as a scenario in JSON
review() {
    python3 -IS -c 'import json,sys
text = json.dumps({"summary": "s", "suggestions": [{"title": "t", "what": "w"}] * int(sys.argv[1])})
print(json.dumps("json text=" + "\x27" + text + "\x27"))' "$1"
}

@test "offline-default asks only the two local models, goes round until the review is short, and keeps the draft" {
    plain
    serve
    tell "{\"queue\": [\"text text=first\", $(review 4), \"text text=second\", $(review 3)]}"
    run_apart fermata run "Draft it" -w offline-default --offline --no-input
    [ "$status" -eq 0 ]
    [ "$(fermata cat last draft.md)" = second ]
    [ "$(json '[[s["agent"] for s in p["steps"]] for p in d["phases"]]' "$FERMATA" show last --json)" = '[["local-code"], ["local-instruct"]]' ]
    [ "$(json 'd["iteration"]' "$FERMATA" show last --json)" = 2 ]
    [ "$(asked)" = "" ]
}

@test "hybrid drafts here and asks claude for the review, a local model where claude cannot be asked" {
    plain
    serve
    run_apart fermata run "Draft it" -w hybrid --no-input
    [ "$status" -eq 0 ]
    [ "$(json '[[s["agent"] for s in p["steps"]] for p in d["phases"]]' "$FERMATA" show last --json)" = '[["local-code"], ["claude"]]' ]
    grep -q "Draft it" "$SEEN"/*.review
    run_apart fermata run "Draft it again" -w hybrid --offline --no-input
    [ "$status" -eq 0 ]
    [ "$(json '[[s["agent"] for s in p["steps"]] for p in d["phases"]]' "$FERMATA" show last --json)" = '[["local-code"], ["local-instruct"]]' ]
}

@test "without a model server the local agents are there by name, and the failure names who was called" {
    run_apart fermata agents local-code --json
    [ "$(json '[(a["type"], a["local"] if "local" in a else a.get("offline")) for a in d["agents"]]' <<<"$output")" = '[["ollama", true]]' ]
    config '' '  local-code: { endpoint: "http://127.0.0.1:9" }
  local-instruct: { endpoint: "http://127.0.0.1:9" }'
    run_apart fermata run "Draft it" -w offline-default --offline --no-input
    [ "$status" -eq 3 ] || [ "$status" -eq 1 ]
    [[ $stderr == *"local-code"*"127.0.0.1:9"* ]]
}
