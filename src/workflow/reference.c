/* SPDX-License-Identifier: MIT */
/* The reference of both files as Markdown, from the key table. */
#include "workflow/keys.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE_BYTES_MAX (1024 * 1024)

/* Parsed by the tests, so it cannot go stale. */
static const char example[] =
    "name: feature-development\n"
    "description: Builds a feature from the plan to the review\n"
    "inputs:\n"
    "  feature: { type: string, required: true, description: What to build }\n"
    "  level: { type: enum, choices: [low, high], default: low }\n"
    "defaults:\n"
    "  strategy: hybrid\n"
    "  timeout: 30m\n"
    "  retry: { attempts: 3, delay: 2s, max_delay: 60s }\n"
    "on_failure: pause\n"
    "gates:\n"
    "  smoke:\n"
    "    description: The quick tests pass and cover enough\n"
    "    allow_skip: false\n"
    "    commands:\n"
    "      - { run: make check, tests_min: 1, coverage_min: 80, timeout: 10m }\n"
    "iterate: { max: 3, until: steps.review.suggestions <= 3 }\n"
    "report: review\n"
    "phases:\n"
    "  - id: plan\n"
    "    steps:\n"
    "      - id: outline\n"
    "        expert: architecture-expert\n"
    "        agent: claude\n"
    "        fallback: [codex, local-instruct]\n"
    "        prompt: \"Plan: ${{ inputs.feature }}\"\n"
    "        output: plan.md\n"
    "      - { id: agree, approve: \"Build this?\", when: inputs.level == \"high\" }\n"
    "  - id: implement\n"
    "    mode: parallel\n"
    "    width: 2\n"
    "    steps:\n"
    "      - id: backend\n"
    "        expert: backend-expert\n"
    "        workspace: clone\n"
    "        prompt: \"Build the server's part of: ${{ steps.outline.output }}\"\n"
    "      - id: frontend\n"
    "        expert: frontend-expert\n"
    "        workspace: clone\n"
    "        prompt: \"Build the page's part of: ${{ steps.outline.output }}\"\n"
    "    gate: pre-commit\n"
    "  - id: test\n"
    "    steps:\n"
    "      - id: unit\n"
    "        run: make test SUITE=\"$SUITE\"\n"
    "        foreach: [fast, slow]\n"
    "        width: 1\n"
    "        env: { SUITE: \"${{ item }}\" }\n"
    "        artifacts: { results: build/junit.xml }\n"
    "    gate: smoke\n"
    "    on_failure: { goto: implement, max: 3 }\n"
    "  - id: review\n"
    "    steps:\n"
    "      - id: review\n"
    "        agent: gemini\n"
    "        read_only: true\n"
    "        prompt: \"Review ${{ inputs.feature }}; the tests ended ${{ steps.unit.status }}.\"\n"
    "        static: { use: inventory }\n";

/* The table's cells: a bar would end them. */
static void add_cell(struct strbuf *target, const char *text)
{
    for (const char *cursor = text; *cursor; cursor++) {
        if (*cursor == '|') {
            strbuf_add_char(target, '\\');
        }
        strbuf_add_char(target, *cursor);
    }
}

static void add_links(const struct key *key, struct strbuf *target)
{
    if (!(key->shapes & (SHAPE_OBJECT | SHAPE_OBJECTS | SHAPE_NAMED))) {
        return;
    }
    strbuf_addf(target, " ([%s](#%s)", key_level_get(key->of)->name, key_level_get(key->of)->name);
    if (key->of_items != LEVEL_WORKFLOW) {
        strbuf_addf(target, ", list of [%s](#%s)", key_level_get(key->of_items)->name,
                    key_level_get(key->of_items)->name);
    }
    strbuf_add_char(target, ')');
}

static void add_kinds(const struct key *key, enum key_level level, struct strbuf *target)
{
    bool is_first = true;

    if (key->kinds == 0 || level != LEVEL_STEP) {
        return;
    }
    strbuf_add(target, " Only in ");
    for (int kind = STEP_AGENT; kind <= STEP_WORKFLOW; kind++) {
        if (key->kinds & (1U << kind)) {
            strbuf_addf(target, "%s%s", is_first ? "" : ", ", step_kind_name((enum step_kind)kind));
            is_first = false;
        }
    }
    strbuf_add(target, " steps.");
}

static void add_row(const struct key *key, enum key_level level, struct strbuf *target)
{
    struct strbuf shapes;

    strbuf_init(&shapes, 1024);
    key_describe_shapes(key, &shapes);
    strbuf_addf(target, "| `%s`%s | ", key->name, key->is_required ? " (required)" : "");
    add_cell(target, shapes.data);
    add_links(key, target);
    strbuf_add(target, " | ");
    if (key->fallback) {
        strbuf_addf(target, "`%s`", key->fallback);
    }
    strbuf_add(target, " | ");
    add_cell(target, key->help);
    add_kinds(key, level, target);
    if (key->example) {
        strbuf_add(target, " Example: `");
        add_cell(target, key->example);
        strbuf_add_char(target, '`');
    }
    strbuf_add(target, " |\n");
    strbuf_release(&shapes);
}

static void add_ignored(enum key_level level, struct strbuf *target)
{
    size_t count;
    const struct key *keys = key_table(&count);
    bool is_first = true;

    for (size_t i = 0; i < count; i++) {
        if ((keys[i].levels & LEVEL_BIT(level)) && keys[i].is_ignored) {
            strbuf_add(target, is_first
                                   ? "\nRead from other tools' files, with a warning and without "
                                     "effect: "
                                   : ", ");
            strbuf_addf(target, "`%s`", keys[i].name);
            is_first = false;
        }
    }
    strbuf_add(target, is_first ? "" : ".\n");
}

static void add_section(enum key_level level, struct strbuf *target)
{
    size_t count;
    const struct key *keys = key_table(&count);

    strbuf_addf(target, "\n### %s\n\n%s\n\n", key_level_get(level)->name,
                key_level_get(level)->help);
    strbuf_add(target, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        if ((keys[i].levels & LEVEL_BIT(level)) && !keys[i].is_ignored) {
            add_row(&keys[i], level, target);
        }
    }
    add_ignored(level, target);
}

static const char expressions[] =
    "\n## Expressions\n\n"
    "`when`, `until` and `foreach` are expressions, with or without `${{ }}` "
    "around them. In other texts `${{ }}` is replaced by its value; `$${{` is a "
    "literal `${{`.\n\n"
    "| path | value |\n|---|---|\n"
    "| `inputs.NAME` | the input |\n"
    "| `steps.ID.output` | the output without the line ends behind it; with `format: "
    "json` its parts follow |\n"
    "| `steps.ID.NAME` | with `format: json`: a part of the output |\n"
    "| `steps.ID.skipped` | why it was left out; null when it was not |\n"
    "| `steps.ID.status`, `.exit_status`, `.attempts`, `.error`, `.duration` | how "
    "the step ended |\n"
    "| `steps.ID.before.output`, `.before.status`, `.before.error` | how the step ended in the "
    "round before, with `iterate`, `goto` and fixes; null in the first one |\n"
    "| `steps.ID.suggestions` | how many suggestions a review made |\n"
    "| `steps.ID.artifacts` | its artifacts |\n"
    "| `phases.ID.status`, `.steps`, `.error` | how the phase ended |\n"
    "| `phases.ID.before.error` | why it failed in the round before, its gate among the reasons |\n"
    "| `run.id`, `.task`, `.iteration`, `.project`, `.strategy` | the run |\n"
    "| `signals.NAME` | whether the signal has come |\n"
    "| `item`, `index` | the member and its place, in steps with `foreach` |\n\n"
    "```text\n";

static const char environment[] =
    "\n## The environment of a step\n\n"
    "Commands, functions and the checks of gates get the environment that Fermata was started "
    "with, without the keys that agents name. An agent gets the part of it that it needs, and what "
    "`pass_env` adds. All get the step's own `env`, and these:\n\n"
    "| variable | value |\n|---|---|\n"
    "| `FERMATA_RUN`, `FERMATA_PHASE`, `FERMATA_STEP`, `FERMATA_ATTEMPT` | which run, phase, "
    "step and attempt this is |\n"
    "| `FERMATA_PROJECT` | the project's folder |\n"
    "| `FERMATA_RUN_FOLDER` | the run's folder: artifacts of the steps before lie in it |\n"
    "| `FERMATA_ATTEMPT_FOLDER` | the attempt's folder |\n"
    "| `FERMATA_KEYS` | names of the variables whose values are taken out of its output, if any "
    "|\n"
    "| `FERMATA_TASK` | the task of the run |\n"
    "| `FERMATA_INPUT_NAME` | the input `name`; other characters than letters and digits "
    "become `_`; lists and objects are JSON |\n"
    "| `FERMATA_ITEM`, `FERMATA_INDEX` | with `foreach`: the member, and its place from 0 "
    "|\n\n"
    "A task, an input or an item above 96 KiB is too large for an environment. Then its "
    "variable is not set, and the same name with `_FILE` behind it names a file in the "
    "attempt's folder that holds the value (unless an input has that name). A value of `env` "
    "that is too large fails the step.\n";

char *workflow_reference(void)
{
    struct strbuf text;
    char *page;

    strbuf_init(&text, REFERENCE_BYTES_MAX);
    strbuf_add(
        &text,
        "# Workflow reference\n\n"
        "Every key of the workflow file, of `config.yaml` and of experts. This page is generated "
        "from the "
        "table that the reader itself checks against; `fermata schema workflow` and `fermata "
        "schema config` print the same as JSON Schema, for editors.\n\n"
        "A file is UTF-8, one YAML 1.2 document, at most 1 MiB and 64 levels deep. Tags and "
        "merge keys are not supported; anchors are, within limits.\n\n"
        "`fermata workflows NAME --json` gives a workflow to programs in the same words, with "
        "defaults filled in: `phases`, each with `id`, `name`, `mode`, `needs`, its `gate` with "
        "the "
        "`commands`, `steps` (and `fix`), and each step with `id`, `name`, `needs` and its `kind`: "
        "`agent`, `command`, `function`, `approval` or `workflow`. Durations are whole numbers "
        "whose "
        "key ends in `_ms`; what is not there was not said, or has no limit.\n\n"
        "## The workflow file\n");
    for (int level = LEVEL_WORKFLOW; level < LEVEL_CONFIG; level++) {
        add_section((enum key_level)level, &text);
    }
    strbuf_add(&text, expressions);
    strbuf_add(&text, expression_grammar());
    strbuf_add(&text, text.data[text.length - 1] == '\n' ? "```\n" : "\n```\n");
    strbuf_add(&text, environment);
    strbuf_add(&text, "\n## Example\n\n```yaml\n");
    strbuf_add(&text, example);
    strbuf_add(&text, "```\n\n## The configuration\n");
    for (int level = LEVEL_CONFIG; level < LEVEL_EXPERT; level++) {
        add_section((enum key_level)level, &text);
    }
    strbuf_add(&text, "\n## The expert file\n");
    add_section(LEVEL_EXPERT, &text);
    page = strbuf_take(&text);
    strbuf_release(&text);
    return page;
}
