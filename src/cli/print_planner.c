/* SPDX-License-Identifier: MIT */
/* What a task is, what is suggested for it, and the plan that was made. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static void add_line(const struct terminal *terminal, int indent, struct strbuf *target,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static void add_line(const struct terminal *terminal, int indent, struct strbuf *target,
                     const char *format, ...)
{
    struct strbuf line;
    va_list args;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    va_start(args, format);
    strbuf_vaddf(&line, format, args);
    va_end(args);
    print_clean(terminal, line.data, indent, target);
    strbuf_release(&line);
}

static void add_list(const struct terminal *terminal, const char *title, const json_t *texts,
                     struct strbuf *target)
{
    struct strbuf line;
    const json_t *text;
    size_t i;

    if (json_array_size(texts) == 0) {
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    strbuf_addf(&line, "%s: ", title);
    json_array_foreach(texts, i, text)
    {
        strbuf_addf(&line, "%s%s", i > 0 ? ", " : "", json_string_value(text));
    }
    print_clean(terminal, line.data, 0, target);
    strbuf_release(&line);
}

/* ---- analyze ---- */

void print_analysis(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                    struct strbuf *target)
{
    const json_t *complexity = json_object_get(result, "complexity");
    const json_t *row;
    size_t i;

    (void)now_ms;
    print_clean(terminal, get(result, "task"), 0, target);
    add_line(terminal, 0, target, "\nkind: %s (%s)", get(result, "kind"), get(result, "kind_why"));
    add_line(terminal, 0, target, "phase: %s", get(result, "phase_name"));
    add_line(terminal, 0, target, "complexity: %lld of 10",
             (long long)json_get_integer(complexity, "score", 0));
    json_array_foreach(json_object_get(complexity, "reasons"), i, row)
    {
        add_line(terminal, 2, target, "%+lld %s", (long long)json_get_integer(row, "points", 0),
                 get(row, "why"));
    }
    strbuf_add(target, "touches:\n");
    json_array_foreach(json_object_get(result, "surfaces"), i, row)
    {
        json_int_t files = json_get_integer(row, "files", 0);

        if (files > 0) {
            add_line(terminal, 2, target, "%s: %s; %lld file%s such as %s", get(row, "surface"),
                     get(row, "why"), (long long)files, files == 1 ? "" : "s", get(row, "example"));
        } else {
            add_line(terminal, 2, target, "%s: %s; no file here says that it belongs to it",
                     get(row, "surface"), get(row, "why"));
        }
    }
    add_list(terminal, "risks", json_object_get(result, "risks"), target);
    add_list(terminal, "files that it speaks of", json_object_get(result, "files"), target);
    add_list(terminal, "languages", json_object_get(result, "languages"), target);
    add_list(terminal, "frameworks", json_object_get(result, "frameworks"), target);
}

/* ---- recommend, suggest ---- */

static void add_why(const struct terminal *terminal, const json_t *why, struct strbuf *target)
{
    const json_t *part;
    size_t i;

    json_array_foreach(why, i, part)
    {
        if (json_is_string(part)) {
            print_clean(terminal, json_string_value(part), 6, target);
        } else {
            add_line(terminal, 6, target, "%+lld %s",
                     (long long)json_get_integer(part, "points", 0), get(part, "why"));
        }
    }
}

static void add_ranking(const struct terminal *terminal, const char *title, const json_t *rows,
                        struct strbuf *target)
{
    const json_t *row;
    size_t i;

    add_styled(terminal, target, STYLE_BOLD, title);
    strbuf_add_char(target, '\n');
    json_array_foreach(rows, i, row)
    {
        const json_t *fits = json_object_get(row, "fits");

        add_line(terminal, 2, target, "%lld %s%s", (long long)json_get_integer(row, "score", 0),
                 get(row, "name"), json_is_false(fits) ? " (does not fit well enough)" : "");
        if (*get(row, "description")) {
            print_clean(terminal, get(row, "description"), 4, target);
        }
        add_why(terminal, json_object_get(row, "why"), target);
    }
    if (json_array_size(rows) == 0) {
        strbuf_add(target, "  none knows of such a task\n");
    }
}

void print_recommendations(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                           struct strbuf *target)
{
    (void)now_ms;
    add_line(terminal, 0, target, "A task of kind %s", get(result, "kind"));
    strbuf_add_char(target, '\n');
    add_ranking(terminal, "Workflows", json_object_get(result, "workflows"), target);
    strbuf_add_char(target, '\n');
    add_ranking(terminal, "Experts", json_object_get(result, "experts"), target);
    strbuf_add(target,
               "\nplan it: fermata plan TASK; with one of these: fermata plan TASK -w NAME\n");
}

void print_suggestions(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target)
{
    const char *workflow = get(result, "workflow");
    const json_t *row;
    size_t i;

    (void)now_ms;
    add_line(terminal, 0, target, "A task of kind %s (%s)", get(result, "kind"),
             get(result, "phase_name"));
    json_array_foreach(json_object_get(result, "suggestions"), i, row)
    {
        add_line(terminal, 2, target, "%s %s: %s", get(row, "type"), get(row, "name"),
                 get(row, "reason"));
    }
    if (*workflow) {
        add_line(terminal, 0, target, "\nrun it: fermata run TASK -w %s", workflow);
    } else {
        strbuf_add(target, "\nno workflow fits; a plan of experts: fermata plan TASK\n"
                           "run that plan: fermata run TASK\n");
    }
}

/* ---- plan ---- */

static void add_plan_step(struct table *table, const json_t *step)
{
    const char *missing = get(step, "missing");
    struct strbuf what;

    strbuf_init(&what, OUTPUT_BYTES_MAX);
    if (*missing) {
        strbuf_addf(&what, "%s%sMISSING: %s", get(step, "expert"), *get(step, "expert") ? ", " : "",
                    missing);
    } else if (*get(step, "expert")) {
        strbuf_addf(&what, "%s, by %s", get(step, "expert"), get(step, "what"));
    } else {
        strbuf_addf(&what, "%s %s", get(step, "using"), get(step, "what"));
    }
    if (json_get_boolean(step, "read_only", false)) {
        strbuf_add(&what, ", reads only");
    }
    if (strcmp(get(step, "workspace"), "clone") == 0) {
        strbuf_add(&what, ", in a clone");
    }
    table_add(table, get(step, "step"));
    table_add_styled(table, what.data, *missing ? STYLE_RED : STYLE_NONE);
    strbuf_release(&what);
}

static void add_wave(const struct terminal *terminal, const json_t *wave, size_t number,
                     struct strbuf *target)
{
    struct table *table = table_new(2, 1);
    const json_t *step;
    size_t i;

    strbuf_addf(target, "\n%zu. ", number);
    add_styled(terminal, target, STYLE_BOLD, get(wave, "phase"));
    if (strcmp(get(wave, "mode"), "parallel") == 0) {
        strbuf_add(target, ", at once");
    }
    if (*get(wave, "gate")) {
        strbuf_addf(target, ", gate %s", get(wave, "gate"));
    }
    if (json_get_integer(wave, "repairs_max", 0) > 0) {
        strbuf_addf(target, ", repairs and tries again %lld times at most",
                    (long long)json_get_integer(wave, "repairs_max", 0));
    }
    strbuf_add_char(target, '\n');
    json_array_foreach(json_object_get(wave, "steps"), i, step)
    {
        add_plan_step(table, step);
    }
    table_format(table, terminal, 3, false, target);
    table_free(table);
    json_array_foreach(json_object_get(wave, "steps"), i, step)
    {
        const json_t *routing = json_object_get(step, "routing");

        if (json_get_integer(routing, "samples", 0) > 0) {
            add_line(terminal, 3, target, "%s goes to %s: %s", get(step, "step"),
                     get(routing, "agent"), get(routing, "why"));
        }
    }
}

/* A sum over the steps of which it is known, and of how many that is; unknown is never nothing. */
static void add_tokens(double tokens, struct strbuf *target)
{
    strbuf_addf(target, "%.0f", tokens);
}

static void add_usd(double usd, struct strbuf *target)
{
    strbuf_addf(target, usd > 0 && usd < 0.1 ? "$%.4f" : "$%.2f", usd);
}

static void add_time(double seconds, struct strbuf *target)
{
    char text[DURATION_SIZE];

    duration_format((int64_t)(seconds * 1000), text);
    strbuf_add(target, text);
}

static void add_estimate(const struct terminal *terminal, const json_t *estimate,
                         struct strbuf *target)
{
    static const struct {
        const char *field, *known_field, *label;
        void (*add)(double value, struct strbuf *target);
    } amounts[] = {
        {"tokens", "tokens_known", "\nestimate: tokens", add_tokens},
        {"cost_usd", "cost_usd_known", "; cost", add_usd},
        {"seconds", "seconds_known", "; time", add_time},
    };
    json_int_t steps = json_get_integer(estimate, "steps", 0);
    struct strbuf line;

    if (steps == 0) {
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        const json_t *value = json_object_get(estimate, amounts[i].field);
        json_int_t known = json_get_integer(estimate, amounts[i].known_field, 0);

        strbuf_addf(&line, "%s ", amounts[i].label);
        if (!json_is_number(value) || known == 0) {
            strbuf_add(&line, "unknown");
            continue;
        }
        amounts[i].add(json_number_value(value), &line);
        if (known < steps) {
            strbuf_addf(&line, " for %lld of %lld steps, the others unknown", (long long)known,
                        (long long)steps);
        }
    }
    print_clean(terminal, line.data, 0, target);
    strbuf_release(&line);
}

void print_planned(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                   struct strbuf *target)
{
    const char *form = get(result, "form");
    const json_t *row;
    size_t i;

    (void)now_ms;
    if (strcmp(form, "yaml") == 0) {
        strbuf_add(target, get(result, "yaml"));
        return;
    }
    if (strcmp(form, "graph") == 0) {
        strbuf_add(target, get(result, "graph"));
        return;
    }
    strbuf_add(target, "Plan: ");
    add_styled(terminal, target, STYLE_BOLD, get(result, "workflow"));
    strbuf_add_char(target, '\n');
    json_array_foreach(json_object_get(result, "why"), i, row)
    {
        add_line(terminal, 2, target, "%s", json_string_value(row));
    }
    json_array_foreach(json_object_get(result, "waves"), i, row)
    {
        add_wave(terminal, row, i + 1, target);
    }
    add_estimate(terminal, json_object_get(result, "estimate"), target);
    json_array_foreach(json_object_get(result, "notes"), i, row)
    {
        add_line(terminal, 0, target, "\nnote: %s", json_string_value(row));
    }
    if (*get(result, "missing")) {
        add_line(terminal, 0, target, "\n%s", get(result, "missing"));
    }
    if (*get(result, "file")) {
        const char *file = get(result, "file");

        /* Without a slash it would be the name of a workflow. */
        add_line(terminal, 0, target, "\nwritten to %s; run it: fermata run -w %s%s", file,
                 strchr(file, '/') ? "" : "./", file);
    } else {
        strbuf_add(target,
                   "\nrun it: fermata run TASK; as a file: fermata plan TASK -o plan.yaml\n");
    }
}
