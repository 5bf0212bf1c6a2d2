/* SPDX-License-Identifier: MIT */
/* A composed plan as the text of a workflow. What comes from the task stands in the text as JSON
 * strings, which YAML reads as they are. */
#include "planner/compose.h"

#include "base/alloc.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHASE_ID_MAX 32

static const struct {
    const char *id, *name;
} stages[STAGES] = {
    [STAGE_UNDERSTAND] = {"understand", "Understand"},
    [STAGE_PLAN] = {"plan", "Plan"},
    [STAGE_DESIGN] = {"design", "Design"},
    [STAGE_BUILD] = {"build", "Build"},
    [STAGE_TEST] = {"test", "Test"},
    [STAGE_REVIEW] = {"review", "Review"},
};

static void add_json(struct strbuf *target, const char *text, size_t length)
{
    json_t *value = json_text_lossy(text, length);
    char *dump = json_dumps(value, JSON_ENCODE_ANY);

    strbuf_add(target, dump);
    free(dump);
    json_decref(value);
}

/* A text of somebody, in which nothing is a template. */
static void escape_into(struct strbuf *target, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (strncmp(at, "${{", 3) == 0) {
            strbuf_add_char(target, '$');
        }
        strbuf_add_char(target, *at);
    }
}

static size_t count_wave(const struct composed *composed, enum stage stage, int wave)
{
    size_t count = 0;

    for (size_t i = 0; i < composed->count; i++) {
        const struct composed_step *step = &composed->steps[i];

        count += step->stage == stage && step->wave == wave;
    }
    return count;
}

/* What those before found; the changes themselves are in the files. */
static void add_context(const struct composed *composed, const struct composed_step *step,
                        struct strbuf *prompt)
{
    for (size_t i = 0; i < composed->count; i++) {
        const struct composed_step *before = &composed->steps[i];
        bool is_told = before->stage < step->stage &&
                       (before->stage < STAGE_BUILD || step->stage == STAGE_REVIEW);

        if (is_told) {
            strbuf_add_char(prompt, '\n');
            escape_into(prompt, before->name);
            strbuf_addf(prompt, " (%s):\n${{ steps.%s.output }}\n",
                        before->expert ? before->expert : "an agent", before->id);
        }
    }
}

static void add_prompt(const struct composed *composed, const struct composed_step *step,
                       struct strbuf *target)
{
    struct strbuf prompt;

    strbuf_init(&prompt, COMPOSED_TEXT_MAX);
    strbuf_add(&prompt, "The task: ${{ inputs.task }}\n\n");
    if (step->item) {
        strbuf_add(&prompt, "Your part of it, others do the rest: ");
        escape_into(&prompt, step->item);
        strbuf_add(&prompt, "\n\n");
    }
    if (step->task) {
        escape_into(&prompt, step->task);
        strbuf_add(&prompt, "\n");
    } else {
        strbuf_add(&prompt, step->prompt);
    }
    add_context(composed, step, &prompt);
    strbuf_add(target, "        prompt: ");
    add_json(target, prompt.data, prompt.length);
    strbuf_add_char(target, '\n');
    strbuf_release(&prompt);
}

static void write_step(const struct composed *composed, const struct composed_step *step,
                       bool is_clone, struct strbuf *target)
{
    strbuf_addf(target, "      - id: %s\n        name: ", step->id);
    add_json(target, step->name, strlen(step->name));
    strbuf_add_char(target, '\n');
    if (step->expert) {
        strbuf_addf(target, "        expert: %s\n", step->expert);
    }
    if (step->agent) {
        strbuf_addf(target, "        agent: %s\n", step->agent);
    }
    if (step->read_only) {
        strbuf_add(target, "        read_only: true\n");
    }
    if (is_clone) {
        strbuf_add(target, "        workspace: clone\n");
    }
    add_prompt(composed, step, target);
    strbuf_addf(target, "        output: %s/%s.md\n", stages[step->stage].id, step->id);
}

static const char *builder_of(const struct composed *composed)
{
    for (size_t i = 0; i < composed->count; i++) {
        if (composed->steps[i].stage == STAGE_BUILD && composed->steps[i].expert) {
            return composed->steps[i].expert;
        }
    }
    return NULL;
}

/* A failing test phase repairs and tests again, three times at most. */
static void write_repair(const struct composed *composed, const char *phase, struct strbuf *target)
{
    const char *expert = builder_of(composed);
    struct strbuf prompt;

    strbuf_init(&prompt, COMPOSED_TEXT_MAX);
    strbuf_addf(
        &prompt,
        "The task: ${{ inputs.task }}\n\nWhat was done for it does not pass its tests. Repair "
        "what was done, never the test unless it is wrong, and say which it was. Run the "
        "tests.\n\n${{ phases.%s.error }}\n",
        phase);
    for (size_t i = 0; i < composed->count; i++) {
        if (composed->steps[i].stage == STAGE_TEST) {
            strbuf_addf(&prompt, "\n${{ steps.%s.output }}\n", composed->steps[i].id);
        }
    }
    strbuf_add(target, "    fix:\n      - id: repair\n        name: Repair\n");
    if (expert) {
        strbuf_addf(target, "        expert: %s\n", expert);
    }
    strbuf_add(target, "        prompt: ");
    add_json(target, prompt.data, prompt.length);
    strbuf_add_char(target, '\n');
    strbuf_release(&prompt);
}

static void write_phase(const struct composed *composed, enum stage stage, int wave, int waves,
                        struct strbuf *target)
{
    bool is_wide = count_wave(composed, stage, wave) > 1;
    bool is_repaired = stage == STAGE_TEST && composed->has_tests_gate && wave == waves - 1;
    char id[PHASE_ID_MAX];

    if (waves > 1) {
        (void)snprintf(id, sizeof(id), "%s-%d", stages[stage].id, wave + 1);
        strbuf_addf(target, "  - id: %s\n    name: %s, wave %d\n", id, stages[stage].name,
                    wave + 1);
    } else {
        (void)snprintf(id, sizeof(id), "%s", stages[stage].id);
        strbuf_addf(target, "  - id: %s\n    name: %s\n", id, stages[stage].name);
    }
    if (is_repaired) {
        strbuf_add(target, "    mode: adaptive\n    rounds: 3\n    gate: " COMPOSED_GATE "\n");
    } else if (is_wide) {
        strbuf_add(target, "    mode: parallel\n");
    }
    strbuf_add(target, "    steps:\n");
    for (size_t i = 0; i < composed->count; i++) {
        const struct composed_step *step = &composed->steps[i];

        if (step->stage == stage && step->wave == wave) {
            write_step(composed, step, is_wide && !is_repaired && !step->read_only, target);
        }
    }
    if (is_repaired) {
        write_repair(composed, id, target);
    }
}

static int waves_of(const struct composed *composed, enum stage stage)
{
    int waves = 0;

    for (size_t i = 0; i < composed->count; i++) {
        const struct composed_step *step = &composed->steps[i];

        if (step->stage == stage && step->wave >= waves) {
            waves = step->wave + 1;
        }
    }
    return waves;
}

void compose_write(const struct composed *composed, struct strbuf *target)
{
    strbuf_addf(target, "name: %s\ntitle: ", composed->name);
    add_json(target, composed->title, strlen(composed->title));
    strbuf_add(target, "\ndescription: A plan that was made for one task\ninputs:\n"
                       "  task:\n    description: What is to be done\n    default: ");
    add_json(target, composed->analysis->task, strlen(composed->analysis->task));
    strbuf_add(target, "\n");
    if (composed->has_tests_gate && !composed->is_gate_configured) {
        strbuf_add(target,
                   "gates:\n  " COMPOSED_GATE ":\n    description: The tests of the project pass\n"
                   "    commands:\n      - { use: check-tests }\n");
    }
    strbuf_add(target, "phases:\n");
    for (int stage = 0; stage < STAGES; stage++) {
        int waves = waves_of(composed, (enum stage)stage);

        for (int wave = 0; wave < waves; wave++) {
            write_phase(composed, (enum stage)stage, wave, waves, target);
        }
    }
}
