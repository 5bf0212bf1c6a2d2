#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# An agent asks, the run rests, a person answers, the step goes on.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154 # run_apart sets stderr

load helper

setup() {
    setup_project
    mkdir -p .fermata
    cat >.fermata/config.yaml <<END
agents:
  asker: { type: command, command: [$PROJECT/asker.sh] }
END
    # Asks until the prompt says that it was answered; counts how often it was called.
    cat >asker.sh <<'END'
#!/bin/sh
cat >prompt.txt
echo x >>calls
if grep -q '^A: ' prompt.txt; then
    sed -n 's/^A: /answer: /p' prompt.txt
else
    printf 'I cannot go on.\n\n```json\n'
    printf '{"clarification_needed": true, "questions": ["Which database?", "Which version?"],'
    printf ' "context": "There are two \\u001b[31mdrivers\\u001b[0m.", "partial_work": "the schema is done"}\n```\n'
fi
END
    chmod +x asker.sh
    workflow ask <<'END'
name: ask
phases:
  - id: p
    steps:
      - { id: design, agent: asker, prompt: "Design it", retry: { attempts: 1 } }
      - { id: after, run: "echo after" }
END
}

teardown() { teardown_project; }

asked() {
    run_apart fermata run -w ask
    [ "$status" -eq 3 ]
    ID=$(json 'd["runs"][0]["id"]' "$FERMATA" list --json)
}

@test "an agent may say something before the object with its questions, without a fence" {
    sed -i 's/```json.n//; s/.n```.n/\\n/' asker.sh
    [ "$(grep -c '```' asker.sh)" = 0 ]
    asked
    [ "$(json 'd["phases"][0]["steps"][0]["question"]["questions"][1]' "$FERMATA" show "$ID" --json)" = "Which version?" ]
}

@test "a run whose agent asks rests, and says what was asked and how to answer" {
    asked
    run_apart fermata status "$ID"
    [ "$status" -eq 3 ]
    [[ $output == *"design asks"* ]]
    [[ $output == *"? Which database?"* && $output == *"? Which version?"* ]]
    [[ $output == *"There are two drivers."* ]]
    [[ $output == *"fermata answer $ID design \"...\" --resume"* ]]
    [[ $output != *$'\033'* ]]
    [ "$(json 'd["reason"]' "$FERMATA" status "$ID" --json)" = question ]
    [ "$(json 'd["runs"][0]["reason"]' "$FERMATA" list --status paused --json)" = question ]
    [ "$(json 'd["phases"][0]["steps"][0]["question"]["questions"][1]' "$FERMATA" show "$ID" --json)" = "Which version?" ]
    fermata logs "$ID" | grep -q "Step: design - Its agent asks.*Which database? (and 1 more)"
}

@test "an answer goes into the next prompt as pairs, and nothing is asked again" {
    asked
    run_apart fermata answer "$ID" design "PostgreSQL" "15" --resume
    [ "$status" -eq 0 ]
    [ "$(wc -l <calls)" -eq 2 ]
    grep -q "Do not ask these again" prompt.txt
    grep -qx "Q: Which version?" prompt.txt
    grep -qx "A: 15" prompt.txt
    grep -q "the schema is done" prompt.txt
    [ "$(fermata cat "$ID" design)" = $'answer: PostgreSQL\nanswer: 15' ]
    [ "$(json 'd["phases"][0]["steps"][0]["answers"][0]["answer"]' "$FERMATA" show "$ID" --json)" = PostgreSQL ]
    # It was no failure: one try is all that it has.
    [ "$(status_of "$ID")" = completed ]
}

@test "one text answers everything, from a file or standard input too" {
    asked
    printf 'Oracle\nand nothing else\n' >answer.md
    run_apart fermata answer "$ID" --file answer.md
    [ "$status" -eq 0 ]
    [[ $output == "Run $ID is running, but no process drives it"*"fermata resume $ID"* ]]
    run_apart fermata resume "$ID"
    [ "$status" -eq 0 ]
    grep -qx "A: Oracle" prompt.txt
    grep -qx "and nothing else" prompt.txt
    asked
    echo "from a pipe" | fermata answer "$ID" --file - --resume >/dev/null 2>&1
    grep -qx "A: from a pipe" prompt.txt
}

@test "an answer that fits nothing is refused with what is possible" {
    asked
    run_apart fermata answer "$ID" one two three
    [ "$status" -ne 0 ]
    [[ $stderr == *"asked 2 questions and got 3 answers"* ]]
    run_apart fermata answer "$ID"
    [ "$status" -eq 2 ]
    [[ $stderr == *"--file FILE"* ]]
    run_apart fermata answer "$ID" after yes
    [[ $stderr == *"step after has asked nothing"* ]]
    run_apart fermata resume "$ID"
    [ "$status" -ne 0 ]
    [[ $stderr == *"it waits for an answer"* && $stderr == *"fermata answer"* ]]
    [ "$(wc -l <calls)" -eq 1 ]
}

@test "an agent that asks for ever ends its step with a clear text" {
    cat >asker.sh <<'END'
#!/bin/sh
cat >/dev/null
echo '{"clarification_needed": true, "questions": ["And now?"]}'
END
    sed -i 's/retry:/questions: 2, retry:/' .fermata/workflows/ask.yaml
    asked
    run_apart fermata answer "$ID" first --resume
    [ "$status" -eq 3 ]
    run_apart fermata answer "$ID" second --resume
    [ "$status" -eq 3 ]
    [[ $(fermata status "$ID") == *"it may ask 2 times (questions) and asked again: And now?"* ]]
    [ "$(json 'd["reason"]' "$FERMATA" status "$ID" --json)" = failure ]
}

@test "a question outlives kill -9, and the answer is given without an owner" {
    asked
    "$FERMATA" drive "$ID" >/dev/null 2>&1 &
    wait $! || true
    run_apart fermata doctor --rebuild
    [ "$status" -eq 0 ]
    run_apart fermata answer "$ID" "SQLite"
    [ "$status" -eq 0 ]
    [ "$(wc -l <calls)" -eq 1 ]
    run_apart fermata resume "$ID"
    [ "$status" -eq 0 ]
    [ "$(wc -l <calls)" -eq 2 ]
}

@test "a question in a stream that is mapped by configuration rests the run, and its answer goes on" {
    cat >.fermata/config.yaml <<END
agents:
  asker:
    type: command
    command: [$PROJECT/asker.sh]
    output: jsonl
    map:
      type: kind
      events:
        begin: { event: session, id: talk.id, name: talk.model }
        word: { event: text, partial: true, text: body.text }
        ask: { event: question, text: body.question }
        count: { event: usage, usage: { input_tokens: n.in, output_tokens: n.out } }
        end: { event: done }
END
    cat >asker.sh <<'END'
#!/bin/sh
cat >prompt.txt
echo x >>calls
echo 'no event of the map'
echo '{"kind":"begin","talk":{"id":"t1","model":"house-1"}}'
echo '{"kind":"other","body":{"text":"not mapped"}}'
if grep -q '^A: ' prompt.txt; then
    echo '{"kind":"word","body":{"text":"It is "}}'
    echo '{"kind":"word","body":{"text":"SQLite."}}'
else
    echo '{"kind":"word","body":{"text":"I looked around. "}}'
    echo '{"kind":"ask","body":{"question":"Which database?"}}'
fi
echo '{"kind":"count","n":{"in":10,"out":3}}'
echo '{"kind":"end"}'
END
    asked
    [ "$status" -eq 3 ]
    [ "$(json 'd["phases"][0]["steps"][0]["question"]["questions"]' "$FERMATA" show "$ID" --json)" = '["Which database?"]' ]
    run_apart fermata answer "$ID" design "SQLite" --resume
    [ "$status" -eq 0 ]
    [ "$(wc -l <calls)" -eq 2 ]
    grep -qx "A: SQLite" prompt.txt
    [ "$(fermata cat "$ID" design)" = "It is SQLite." ]
    # Both calls count, and each once.
    [ "$(json 'd["agents"][0]["used"]["input_tokens"]' "$FERMATA" agents asker --json)" = 20 ]
    [ "$(json 'd["agents"][0]["used"]["attempts"]' "$FERMATA" agents asker --json)" = 2 ]
}
