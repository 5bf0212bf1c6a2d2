/* SPDX-License-Identifier: MIT */
#include "workflow/chain.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTION_LENGTH_MAX 40

struct chain_step {
    char id[80];
    const char *agent;
    const char *action; /* one of the known ones, or NULL */
    const char *task;   /* as written */
    const struct yaml_node *node;
};

struct writer {
    struct strbuf text;
    const struct chain_settings *settings;
    struct chain_step steps[CHAIN_STEPS_MAX];
    size_t count;
    size_t review_count;
};

static const struct {
    const char *action;
    const char *words; /* tasks and roles that mean it */
    const char *prompt;
} actions[] = {
    {"implement", "implement implementer implementation code", "Implement the following"},
    {"review", "review reviewer code_review", "Review the implementation of"},
    {"refine", "refine refiner refinement refactor",
     "Refine the implementation based on review feedback for"},
    {"test", "test tester testing", "Write tests for"},
    {"document", "document writer documentation docs", "Document the implementation of"},
};

/* ---- what the steps are ----------------------------------------------------------------- */

static size_t find_action(const char *task)
{
    char word[ACTION_LENGTH_MAX];
    size_t length = strlen(task);

    for (size_t i = 0; i < length && length < sizeof(word); i++) {
        word[i] = (char)tolower((unsigned char)task[i]);
    }
    if (length < sizeof(word)) {
        word[length] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
            if (words_find(actions[i].words, word) >= 0) {
                return i;
            }
        }
    }
    return ARRAY_LEN(actions);
}

/* "Check the SQL!" becomes "check-the-sql". */
static void make_slug(const char *text, char *ret_slug)
{
    size_t length = 0;

    for (; *text && length < ACTION_LENGTH_MAX; text++) {
        if (isalnum((unsigned char)*text) && (length > 0 || isalpha((unsigned char)*text))) {
            ret_slug[length++] = (char)tolower((unsigned char)*text);
        } else if (length > 0 && ret_slug[length - 1] != '-') {
            ret_slug[length++] = '-';
        }
    }
    while (length > 0 && ret_slug[length - 1] == '-') {
        length--;
    }
    ret_slug[length] = '\0';
}

static bool has_id(const struct writer *writer, const char *id)
{
    for (size_t i = 0; i < writer->count; i++) {
        if (strcmp(writer->steps[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void choose_id(const struct writer *writer, struct chain_step *step)
{
    char slug[ACTION_LENGTH_MAX + 1];

    make_slug(step->action ? step->action : step->task, slug);
    if (!*slug) {
        (void)snprintf(slug, sizeof(slug), "step");
    }
    (void)snprintf(step->id, sizeof(step->id), "%s", slug);
    for (int number = 2; has_id(writer, step->id); number++) {
        (void)snprintf(step->id, sizeof(step->id), "%s-%d", slug, number);
    }
}

static void add_step(struct writer *writer, const struct yaml_node *node)
{
    struct chain_step *step = &writer->steps[writer->count];
    const struct yaml_node *agent = yaml_find(node, "agent");
    const struct yaml_node *task = yaml_find(node, "task");
    size_t action;

    if (!agent) {
        return; /* reported as missing or wrong */
    }
    task = task ? task : yaml_find(node, "role");
    step->node = node;
    step->agent = agent->text;
    step->task = task ? task->text : "implement";
    action = find_action(step->task);
    step->action = action < ARRAY_LEN(actions) ? actions[action].action : NULL;
    choose_id(writer, step);
    writer->count++;
    writer->review_count += action < ARRAY_LEN(actions) && strcmp(step->action, "review") == 0;
}

/* ---- the text --------------------------------------------------------------------------- */

/* A JSON string is a double-quoted scalar of YAML as well. */
static void add_quoted(struct strbuf *target, const char *text)
{
    json_t *value = json_string(text);
    char *quoted = json_dumps(value, JSON_ENCODE_ANY);

    strbuf_add(target, quoted ? quoted : "\"\"");
    free(quoted);
    json_decref(value);
}

/* The author's text is no template. */
static void add_escaped(struct strbuf *target, const char *text)
{
    const char *found;

    while ((found = strstr(text, "${{")) != NULL) {
        strbuf_add_bytes(target, text, (size_t)(found - text));
        strbuf_add(target, "$${{");
        text = found + 3;
    }
    strbuf_add(target, text);
}

static bool is_review(const struct chain_step *step)
{
    return step->action && strcmp(step->action, "review") == 0;
}

static void add_feedback(struct strbuf *prompt, const struct writer *writer, size_t index)
{
    for (size_t i = index; i < writer->count; i++) {
        if (is_review(&writer->steps[i])) {
            strbuf_addf(prompt,
                        "\nReview of the round before, if there was one:\n"
                        "${{ steps.%s.before.output }}\n",
                        writer->steps[i].id);
        }
    }
}

static bool has_rounds(const struct writer *writer)
{
    return writer->review_count > 0 && writer->settings->max_iterations > 1;
}

static void add_prompt(struct writer *writer, size_t index)
{
    const struct chain_step *step = &writer->steps[index];
    struct strbuf prompt;

    strbuf_init(&prompt, WORKFLOW_BYTES_MAX);
    if (step->action) {
        strbuf_add(&prompt, actions[find_action(step->task)].prompt);
    } else {
        add_escaped(&prompt, step->task);
    }
    strbuf_add(&prompt, ": ${{ run.task }}\n");
    if (index == 0 && has_rounds(writer)) {
        add_feedback(&prompt, writer, index);
    }
    for (size_t i = 0; i < index; i++) {
        strbuf_addf(&prompt, "\nResult of the step %s:\n${{ steps.%s.output }}\n",
                    writer->steps[i].id, writer->steps[i].id);
    }
    strbuf_add(&writer->text, "        prompt: ");
    add_quoted(&writer->text, prompt.data);
    strbuf_add_char(&writer->text, '\n');
    strbuf_release(&prompt);
}

static void add_fallback(struct writer *writer, const struct chain_step *step)
{
    const struct yaml_node *own = yaml_find(step->node, "fallback");
    const char *stand_in = own ? NULL : map_find(writer->settings->stand_ins, step->agent);

    if (!own && !stand_in) {
        return;
    }
    strbuf_add(&writer->text, "        fallback: [");
    if (!own) {
        add_quoted(&writer->text, stand_in);
    } else if (own->kind == YAML_SCALAR) {
        add_quoted(&writer->text, own->text);
    }
    for (size_t i = 0; own && own->kind == YAML_LIST && i < own->count; i++) {
        strbuf_add(&writer->text, i ? ", " : "");
        add_quoted(&writer->text, own->items[i]->text);
    }
    strbuf_add(&writer->text, "]\n");
}

static void add_phase(struct writer *writer, size_t index)
{
    const struct chain_step *step = &writer->steps[index];
    const struct yaml_node *description = yaml_find(step->node, "description");

    strbuf_addf(&writer->text, "  - id: %s\n    steps:\n      - id: %s\n", step->id, step->id);
    if (description) {
        strbuf_add(&writer->text, "        name: ");
        add_quoted(&writer->text, description->text);
        strbuf_add_char(&writer->text, '\n');
    }
    strbuf_add(&writer->text, "        agent: ");
    add_quoted(&writer->text, step->agent);
    strbuf_add_char(&writer->text, '\n');
    add_fallback(writer, step);
    add_prompt(writer, index);
}

static void add_rounds(struct writer *writer)
{
    bool is_first = true;

    strbuf_addf(&writer->text,
                "iterate:\n  max: %" PRId64 "\n  until: ", writer->settings->max_iterations);
    for (size_t i = 0; i < writer->count; i++) {
        if (is_review(&writer->steps[i])) {
            strbuf_addf(&writer->text, "%ssteps.%s.suggestions <= %" PRId64,
                        is_first ? "" : " and ", writer->steps[i].id,
                        writer->settings->suggestions_max);
            is_first = false;
        }
    }
    strbuf_add_char(&writer->text, '\n');
}

static void add_defaults(struct writer *writer)
{
    const struct chain_settings *settings = writer->settings;

    if (settings->attempts == 0 && settings->retry_delay_ms < 0 && settings->timeout_ms == 0) {
        return;
    }
    strbuf_add(&writer->text, "defaults:\n");
    if (settings->timeout_ms > 0) {
        strbuf_addf(&writer->text, "  timeout: %" PRId64 "ms\n", settings->timeout_ms);
    }
    if (settings->attempts > 0 || settings->retry_delay_ms >= 0) {
        strbuf_add(&writer->text, "  retry:\n");
    }
    if (settings->attempts > 0) {
        strbuf_addf(&writer->text, "    attempts: %" PRId64 "\n", settings->attempts);
    }
    if (settings->retry_delay_ms >= 0) {
        strbuf_addf(&writer->text, "    delay: %" PRId64 "ms\n", settings->retry_delay_ms);
    }
}

const char *chain_format(struct arena *arena, const struct chain *chain,
                         const struct chain_settings *settings)
{
    struct writer *writer = mem_zero(1, sizeof(*writer));
    const char *text;

    writer->settings = settings;
    strbuf_init(&writer->text, WORKFLOW_BYTES_MAX);
    for (size_t i = 0; i < chain->steps->count && writer->count < CHAIN_STEPS_MAX; i++) {
        add_step(writer, chain->steps->items[i]);
    }
    strbuf_add(&writer->text, "name: ");
    add_quoted(&writer->text, chain->name);
    strbuf_add_char(&writer->text, '\n');
    if (chain->description) {
        strbuf_add(&writer->text, "description: ");
        add_quoted(&writer->text, chain->description);
        strbuf_add_char(&writer->text, '\n');
    }
    add_defaults(writer);
    if (has_rounds(writer)) {
        add_rounds(writer);
    }
    strbuf_add(&writer->text, "phases:\n");
    for (size_t i = 0; i < writer->count; i++) {
        add_phase(writer, i);
    }
    text = arena_strndup(arena, writer->text.data, writer->text.length);
    strbuf_release(&writer->text);
    free(writer);
    return text;
}
