/* SPDX-License-Identifier: MIT */
/* What a step gives to the workflow or the function that it calls, against what that asks for. */
#include "base/nearest.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "workflow/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HINT_BYTES_MAX 1024

static const struct workflow_input *find_input(const struct workflow *called, const char *name)
{
    for (size_t i = 0; i < called->input_count; i++) {
        if (strcmp(called->inputs[i].name, name) == 0) {
            return &called->inputs[i];
        }
    }
    return NULL;
}

static void report_unknown(const struct reader *reader, const struct yaml_node *key,
                           const struct workflow *called)
{
    const char **known = arena_zero(reader->scratch, called->input_count + 1, sizeof(*known));
    const char *nearest;
    char hint[200];

    for (size_t i = 0; i < called->input_count; i++) {
        known[i] = called->inputs[i].name;
    }
    nearest = nearest_name(key->text, known, called->input_count);
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    } else {
        (void)snprintf(hint, sizeof(hint), "`fermata workflows %s` shows its inputs", called->name);
    }
    problems_add(reader->problems, key->at, hint, "the workflow \"%s\" has no input \"%s\"",
                 called->name, key->text);
}

/* What a template will give is known only in the run. */
static void check_literal(const struct reader *reader, const struct yaml_node *value,
                          const struct workflow_input *input)
{
    struct error err = ERROR_INIT;
    json_t *text;

    if (value->kind != YAML_SCALAR || strstr(value->text, "${{")) {
        return;
    }
    text = json_stringn(value->text, value->length);
    if (text && workflow_check_input(input, text, &err) < 0) {
        problems_add(reader->problems, value->at, err.hint, "the input \"%s\": %s", input->name,
                     err.text);
    }
    json_decref(text);
}

void check_call(const struct reader *reader, const struct yaml_node *step)
{
    const struct yaml_node *name = yaml_find(step, "workflow");
    const struct yaml_node *given = yaml_find(step, "inputs");
    const struct workflow *called;

    if (!name || !reader->names->find_workflow) {
        return;
    }
    called = reader->names->find_workflow(name->text, reader->names->context);
    if (!called) {
        return;
    }
    check_circle(reader, name, called);
    for (size_t i = 0; given && i < given->count; i++) {
        const struct yaml_entry *entry = &given->entries[i];
        const struct workflow_input *input = find_input(called, entry->key->text);

        if (!input) {
            report_unknown(reader, entry->key, called);
        } else if (!entry->is_bad) {
            check_literal(reader, entry->value, input);
        }
    }
    for (size_t i = 0; i < called->input_count; i++) {
        const struct workflow_input *input = &called->inputs[i];

        if (input->required && !input->default_value && !yaml_find(given, input->name)) {
            problems_add(reader->problems, name->at, "give it under `inputs:` of the step",
                         "the workflow \"%s\" needs the input \"%s\"", called->name, input->name);
        }
    }
}

/* ---- functions -------------------------------------------------------------------------- */

static void report_argument(const struct reader *reader, const char *function,
                            const struct yaml_node *key, const struct name_list *known)
{
    const char *nearest = nearest_name(key->text, (const char *const *)known->items, known->count);
    struct strbuf hint;

    strbuf_init(&hint, HINT_BYTES_MAX);
    if (nearest) {
        strbuf_addf(&hint, "did you mean \"%s\"?", nearest);
    } else {
        strbuf_add(&hint, known->count > 0 ? "it takes " : "it takes nothing");
        for (size_t i = 0; i < known->count; i++) {
            strbuf_addf(&hint, "%s%s", i > 0 ? ", " : "", known->items[i]);
        }
    }
    problems_add(reader->problems, key->at, hint.data, "the function \"%s\" takes no \"%s\"",
                 function, UTF8_CUT(key->text, 80));
    strbuf_release(&hint);
}

static bool is_among(const struct name_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void check_arguments(const struct reader *reader, const struct yaml_node *node)
{
    const struct workflow_names *outside = reader->names;
    const struct yaml_node *function = yaml_find(node, "use");
    const struct yaml_node *given = yaml_find(node, "with");
    struct name_list known = {0};

    if (!function || !given || !outside->list_arguments ||
        (outside->has && !outside->has(OUTSIDE_FUNCTION, function->text, outside->context))) {
        return;
    }
    outside->list_arguments(function->text, &known, outside->context);
    for (size_t i = 0; i < given->count; i++) {
        if (!is_among(&known, given->entries[i].key->text)) {
            report_argument(reader, function->text, given->entries[i].key, &known);
        }
    }
    for (size_t i = 0; i < known.count; i++) {
        free(known.items[i]);
    }
    VEC_RELEASE(&known);
}
