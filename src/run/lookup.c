/* SPDX-License-Identifier: MIT */
/* What a path in an expression means: inputs, run, steps, phases, signals, item, index. */
#include "run/lookup.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Follows the rest of a path through a JSON value; takes the value over. */
static json_t *descend(json_t *value, const char *const *parts, size_t count)
{
    json_t *current = value;

    for (size_t i = 0; i < count && current; i++) {
        if (json_is_array(current)) {
            char *end;
            unsigned long index = strtoul(parts[i], &end, 10);

            current = *end || !isdigit((unsigned char)parts[i][0]) ? NULL
                                                                   : json_array_get(current, index);
        } else {
            current = json_object_get(current, parts[i]);
        }
    }
    current = json_incref(current);
    json_decref(value);
    return current;
}

static json_t *text_value(const char *text)
{
    return text ? json_text_lossy(text, strlen(text)) : NULL;
}

static json_t *run_value(const struct lookup_context *context, const char *name)
{
    const struct run_state *run = context->run;

    if (strcmp(name, "id") == 0) {
        return json_string(run->id);
    }
    if (strcmp(name, "task") == 0) {
        return text_value(run->task);
    }
    if (strcmp(name, "iteration") == 0) {
        return json_integer(run->iteration);
    }
    if (strcmp(name, "project") == 0) {
        return text_value(context->project);
    }
    if (strcmp(name, "strategy") == 0) {
        return text_value(strategy_name(run_strategy(run)));
    }
    return NULL;
}

/* As in the shell's $(...): the line ends behind the last line are no part of the value. */
static json_t *output_text(const char *text, size_t length)
{
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
        length--;
    }
    return json_text_lossy(text, length);
}

/* `key`: of the step that it belongs to. */
static json_t *own_output(struct lookup_context *context, const char *key, const json_t *output)
{
    const char *digest = json_get_text(output, "digest", NULL);
    json_t *value = json_object_get(output, "json");
    char *text = NULL;
    size_t length = 0;

    if (!output) {
        return NULL;
    }
    if (value) {
        return json_incref(value);
    }
    if (!digest) {
        const char *inline_text = json_get_text(output, "inline", "");

        return output_text(inline_text, strlen(inline_text));
    }
    if (!context->load || context->load(context->load_context, digest, &text, &length) < 0) {
        context->unread = key;
        return NULL;
    }
    if (json_get_boolean(output, "is_json", false)) {
        (void)json_parse_text(text, length, "output", &value, NULL);
    }
    value = value ? value : output_text(text, length);
    free(text);
    return value;
}

/* A foreach step's output is the list of its instances' outputs. */
static json_t *output_value(struct lookup_context *context, const struct step_state *step)
{
    json_t *list;

    if (!step->items) {
        return own_output(context, step->key, step->result.output);
    }
    list = json_array();
    for (int i = 0; i < step->instance_count; i++) {
        const struct step_state *instance = &context->run->steps[step->instances.items[i]];
        json_t *value = own_output(context, instance->key, instance->result.output);

        (void)json_array_append_new(list, value ? value : json_null());
    }
    return list;
}

static json_t *output_before(struct lookup_context *context, const struct step_state *step)
{
    json_t *list;

    if (step->before->instance_count < 0) {
        return own_output(context, step->key, step->before->result.output);
    }
    list = json_array();
    for (int i = 0; i < step->before->instance_count; i++) {
        const struct step_state *instance = &context->run->steps[step->instances.items[i]];
        json_t *value = instance->before
                            ? own_output(context, instance->key, instance->before->result.output)
                            : NULL;

        (void)json_array_append_new(list, value ? value : json_null());
    }
    return list;
}

/* steps.S.before.output..., .status, .error: of the round before. */
static json_t *before_value(struct lookup_context *context, const struct step_state *step,
                            const char *const *parts, size_t count)
{
    if (!step->before || count == 0) {
        return NULL;
    }
    if (strcmp(parts[0], "status") == 0) {
        return json_string(step_status_name(step->before->status));
    }
    if (strcmp(parts[0], "error") == 0) {
        return text_value(step->before->error);
    }
    return strcmp(parts[0], "output") == 0
               ? descend(output_before(context, step), parts + 1, count - 1)
               : NULL;
}

json_int_t text_count_list_items(const char *text)
{
    json_int_t count = 0;
    bool is_line_start = true;

    for (const char *c = text; *c; c++) {
        if (is_line_start && (*c == ' ' || *c == '\t')) {
            continue;
        }
        if (is_line_start) {
            size_t digits = strspn(c, "0123456789");

            if ((strchr("-*+", *c) && c[1] == ' ') ||
                (digits > 0 && (c[digits] == '.' || c[digits] == ')') && c[digits + 1] == ' ')) {
                count++;
            }
        }
        is_line_start = *c == '\n';
    }
    return count;
}

static json_t *why_skipped(const struct step_state *step)
{
    return step->status == STEP_IS_SKIPPED
               ? text_value(step->reason ? step->reason : "its phase was left out")
               : NULL;
}

static json_t *suggestions_value(struct lookup_context *context, const struct step_state *step)
{
    const json_t *counted = json_object_get(step->result.output, "list_items");
    json_t *output, *stated;
    json_t *value = NULL;

    /* Counted when the output was taken over: a long text does not have to be read again. */
    if (counted && !step->items) {
        return json_incref((json_t *)counted);
    }
    output = output_value(context, step);
    stated = json_object_get(output, "suggestions");

    if (json_is_array(stated)) {
        value = json_integer((json_int_t)json_array_size(stated));
    } else if (stated) {
        value = json_incref(stated);
    } else if (json_is_array(output)) {
        value = json_integer((json_int_t)json_array_size(output));
    } else if (json_is_string(output)) {
        value = json_integer(text_count_list_items(json_string_value(output)));
    }
    json_decref(output);
    return value;
}

static json_t *step_value(struct lookup_context *context, const struct step_state *step,
                          const char *const *parts, size_t count)
{
    const char *name = parts[0];

    if (strcmp(name, "status") == 0) {
        return json_string(step_status_name(step->status));
    }
    if (strcmp(name, "exit_status") == 0) {
        return step->attempts ? json_integer(step->exit_status) : NULL;
    }
    if (strcmp(name, "attempts") == 0) {
        return json_integer(step->attempts);
    }
    if (strcmp(name, "error") == 0) {
        return text_value(step->error);
    }
    if (strcmp(name, "skipped") == 0 && step->status == STEP_IS_SKIPPED) {
        return why_skipped(step);
    }
    if (strcmp(name, "duration") == 0) {
        return step_duration_ms(step) >= 0 ? json_real((double)step_duration_ms(step) / 1000.0)
                                           : NULL;
    }
    if (strcmp(name, "artifacts") == 0) {
        return descend(json_incref(step->result.artifacts), parts + 1, count - 1);
    }
    if (strcmp(name, "suggestions") == 0) {
        return suggestions_value(context, step);
    }
    if (strcmp(name, "output") == 0) {
        return descend(output_value(context, step), parts + 1, count - 1);
    }
    if (strcmp(name, "before") == 0) {
        return before_value(context, step, parts + 1, count - 1);
    }
    return descend(output_value(context, step), parts, count);
}

/* Only what is asked for is loaded: an output may be large. */
static json_t *phase_step_value(struct lookup_context *context, const struct step_state *step,
                                const char *name)
{
    if (strcmp(name, "status") == 0) {
        return json_string(step_status_name(step->status));
    }
    if (strcmp(name, "error") == 0) {
        return text_value(step->error);
    }
    if (strcmp(name, "skipped") == 0) {
        return why_skipped(step);
    }
    return strcmp(name, "output") == 0 ? output_value(context, step) : NULL;
}

static json_t *phase_step_row(struct lookup_context *context, const struct step_state *step)
{
    json_t *row = json_object();

    json_put_text(row, "status", step_status_name(step->status));
    json_put_text(row, "error", step->error);
    json_put(row, "skipped", why_skipped(step));
    json_put(row, "output", output_value(context, step));
    return row;
}

/* phases.P.steps, phases.P.steps.S, phases.P.steps.S.output... */
static json_t *phase_steps(struct lookup_context *context, const struct phase_state *phase,
                           const char *const *parts, size_t count)
{
    json_t *steps = count == 0 ? json_object() : NULL;

    for (size_t i = 0; i < phase->definition->step_count; i++) {
        const struct step_state *step = &context->run->steps[phase->first_step + (int)i];

        if (count == 0) {
            json_put(steps, step->key, phase_step_row(context, step));
        } else if (strcmp(step->key, parts[0]) == 0) {
            return count == 1
                       ? phase_step_row(context, step)
                       : descend(phase_step_value(context, step, parts[1]), parts + 2, count - 2);
        }
    }
    return steps;
}

static json_t *phase_value(struct lookup_context *context, const struct phase_state *phase,
                           const char *const *parts, size_t count)
{
    if (strcmp(parts[0], "status") == 0) {
        return json_string(step_status_name(phase->status));
    }
    if (strcmp(parts[0], "error") == 0) {
        return text_value(phase->error);
    }
    if (strcmp(parts[0], "before") == 0) {
        return count == 2 && strcmp(parts[1], "error") == 0 ? text_value(phase->error_before)
                                                            : NULL;
    }
    if (strcmp(parts[0], "steps") == 0) {
        return phase_steps(context, phase, parts + 1, count - 1);
    }
    return NULL;
}

static json_t *item_value(const struct lookup_context *context)
{
    const struct step_state *step = context->step;

    if (!step || step->instance < 0) {
        return NULL;
    }
    return json_incref(
        json_array_get(context->run->steps[step->parent].items, (size_t)step->instance));
}

static void see_step(const struct lookup_context *context, const struct step_state *step)
{
    if (context->watch) {
        context->watch->see(context->watch->context, step);
    }
}

/* All of the phase goes into its status; into phases.P.steps.S only that step does. */
static void see_phase(const struct lookup_context *context, const struct phase_state *phase,
                      const char *const *parts, size_t count)
{
    const char *only = count > 1 && strcmp(parts[0], "steps") == 0 ? parts[1] : NULL;

    for (size_t i = 0; i < phase->definition->step_count; i++) {
        const struct step_state *step = &context->run->steps[phase->first_step + (int)i];

        if (!only || strcmp(step->key, only) == 0) {
            see_step(context, step);
        }
    }
}

json_t *run_lookup(void *lookup_context, const char *const *parts, size_t part_count)
{
    struct lookup_context *context = lookup_context;
    const struct run_state *run = context->run;

    if (strcmp(parts[0], "item") == 0) {
        return descend(item_value(context), parts + 1, part_count - 1);
    }
    if (strcmp(parts[0], "index") == 0) {
        return context->step && context->step->instance >= 0 ? json_integer(context->step->instance)
                                                             : NULL;
    }
    if (part_count < 2) {
        return strcmp(parts[0], "inputs") == 0    ? json_incref(run->inputs)
               : strcmp(parts[0], "signals") == 0 ? json_incref(run->signals)
                                                  : NULL;
    }
    if (strcmp(parts[0], "inputs") == 0) {
        return descend(json_incref(run->inputs), parts + 1, part_count - 1);
    }
    if (strcmp(parts[0], "signals") == 0) {
        return descend(json_incref(run->signals), parts + 1, part_count - 1);
    }
    if (strcmp(parts[0], "run") == 0) {
        return run_value(context, parts[1]);
    }
    if (strcmp(parts[0], "steps") == 0 && part_count > 2) {
        const struct step_state *step = run_find_step(run, parts[1]);

        if (!step) {
            return NULL;
        }
        see_step(context, step);
        return step_value(context, step, parts + 2, part_count - 2);
    }
    if (strcmp(parts[0], "phases") == 0 && part_count > 2) {
        const struct phase_state *phase = run_find_phase(run, parts[1]);

        if (!phase) {
            return NULL;
        }
        see_phase(context, phase, parts + 2, part_count - 2);
        return phase_value(context, phase, parts + 2, part_count - 2);
    }
    return NULL;
}
