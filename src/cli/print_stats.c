/* SPDX-License-Identifier: MIT */
/* `stats` for people: what is not known is called so. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>

#define CELL_BYTES 48
#define UNKNOWN "unknown"

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static json_int_t get_sum(const json_t *row, const char *part, const char *name)
{
    return json_get_integer(part ? json_object_get(row, part) : row, name, 0);
}

static void add_count(struct table *table, json_int_t count)
{
    char text[CELL_BYTES];

    (void)snprintf(text, sizeof(text), "%lld", (long long)count);
    table_add(table, text);
}

static void format_usd(double usd, bool is_part, char text[CELL_BYTES])
{
    (void)snprintf(text, CELL_BYTES, "%s$%.*f", is_part ? ">" : "", usd >= 0.1 || usd == 0 ? 2 : 4,
                   usd);
}

/* Of so many attempts some may not have told what they cost. */
static void add_usd(struct table *table, const json_t *value, json_int_t priced,
                    json_int_t attempts)
{
    char text[CELL_BYTES] = UNKNOWN;

    if (json_is_number(value)) {
        format_usd(json_number_value(value), priced < attempts, text);
    }
    table_add(table, text);
}

static void add_percent(struct table *table, const json_t *value, const char *otherwise)
{
    char text[CELL_BYTES];

    (void)snprintf(text, sizeof(text), "%s", otherwise);
    if (json_is_number(value)) {
        (void)snprintf(text, sizeof(text), "%.0f %%", 100 * json_number_value(value));
    }
    table_add(table, text);
}

static void add_duration(struct table *table, const json_t *value)
{
    char text[DURATION_SIZE] = UNKNOWN;

    if (json_is_number(value)) {
        duration_format((int64_t)json_number_value(value), text);
    }
    table_add(table, text);
}

static void add_tokens(struct table *table, const json_t *value)
{
    char text[CELL_BYTES] = UNKNOWN;

    if (json_is_number(value)) {
        (void)snprintf(text, sizeof(text), "%.0f", json_number_value(value));
    }
    table_add(table, text);
}

static void add_title(const struct terminal *terminal, struct strbuf *target, const char *title)
{
    if (target->length > 0) {
        strbuf_add_char(target, '\n');
    }
    add_styled(terminal, target, STYLE_BOLD, title);
    strbuf_add_char(target, '\n');
}

static struct table *begin(const char *const *header, size_t count)
{
    struct table *table = table_new(count, 0);

    for (size_t i = 0; i < count; i++) {
        table_add(table, header[i]);
    }
    return table;
}

static void end(struct table *table, const struct terminal *terminal, struct strbuf *target)
{
    table_format(table, terminal, 2, true, target);
    table_free(table);
}

/* ---- by kind of task ---- */

static void add_kind(struct table *table, const json_t *row)
{
    table_add(table, get(row, "agent"));
    table_add(table, get(row, "kind"));
    add_count(table, get_sum(row, NULL, "samples"));
    if (json_get_boolean(row, "dropped_out", false)) {
        char text[CELL_BYTES];

        (void)snprintf(text, sizeof(text), "%.0f %%, out",
                       100 * json_number_value(json_object_get(row, "success")));
        table_add_styled(table, text, STYLE_RED);
    } else {
        add_percent(table, json_object_get(row, "success"), UNKNOWN);
    }
    add_duration(table, json_object_get(row, "duration_ms"));
    add_tokens(table, json_object_get(row, "tokens"));
    add_usd(table, json_object_get(row, "cost_usd"), get_sum(row, "well", "priced"),
            get_sum(row, "well", "timed"));
}

static void print_kinds(const struct terminal *terminal, const json_t *rows, struct strbuf *target)
{
    static const char *const header[] = {"AGENT", "KIND",   "SAMPLES", "SUCCESS",
                                         "TIME",  "TOKENS", "COST"};
    struct table *table = begin(header, ARRAY_LEN(header));
    const json_t *row;
    size_t i;

    add_title(terminal, target, "Agents by kind of task");
    json_array_foreach(rows, i, row)
    {
        add_kind(table, row);
    }
    end(table, terminal, target);
}

/* ---- by agent ---- */

static void add_failures(const json_t *row, struct strbuf *text)
{
    const char *before = "";
    const char *class_;
    const json_t *count;

    if (get_sum(row, NULL, "sent_back") > 0) {
        strbuf_addf(text, "sent back %lld", (long long)get_sum(row, NULL, "sent_back"));
        before = ", ";
    }
    json_object_foreach(json_object_get(row, "classes"), class_, count)
    {
        strbuf_addf(text, "%s%s %lld", before, class_, (long long)json_integer_value(count));
        before = ", ";
    }
}

static void print_agents_worth(const struct terminal *terminal, const json_t *rows,
                               struct strbuf *target)
{
    static const char *const header[] = {"AGENT",    "CHANGES",     "COST",
                                         "A CHANGE", "FALSE GREEN", "FAILURES"};
    struct table *table = table_new(ARRAY_LEN(header), ARRAY_LEN(header) - 1);
    const json_t *row;
    size_t i;

    add_title(terminal, target, "What it was worth");
    for (i = 0; i < ARRAY_LEN(header); i++) {
        table_add(table, header[i]);
    }
    json_array_foreach(rows, i, row)
    {
        const json_t *all = json_object_get(row, "all");
        json_int_t attempts = get_sum(row, NULL, "attempts");
        struct strbuf text;

        strbuf_init(&text, OUTPUT_BYTES_MAX);
        add_failures(row, &text);
        table_add(table, get(row, "agent"));
        add_count(table, get_sum(row, NULL, "changes"));
        add_usd(table, json_object_get(all, "cost_usd"), get_sum(row, "all", "priced"), attempts);
        if (get_sum(row, NULL, "changes") > 0) {
            add_usd(table, json_object_get(row, "cost_per_change_usd"),
                    get_sum(row, "all", "priced"), attempts);
        } else {
            table_add(table, "-");
        }
        add_percent(table, json_object_get(row, "false_green"), "-");
        table_add(table, text.data);
        strbuf_release(&text);
    }
    end(table, terminal, target);
}

/* ---- who looks at it ---- */

static void print_finders(const struct terminal *terminal, const json_t *rows,
                          struct strbuf *target)
{
    static const char *const header[] = {"WHO", "ASKED", "FOUND", "UNKNOWN", "TIME", "COST"};
    struct table *table;
    const json_t *row;
    size_t i;

    if (json_array_size(rows) == 0) {
        return;
    }
    add_title(terminal, target, "What gates, checks and judges found");
    table = begin(header, ARRAY_LEN(header));
    json_array_foreach(rows, i, row)
    {
        char name[256];

        (void)snprintf(name, sizeof(name), "%s %s", get(row, "kind"), get(row, "name"));
        table_add(table, name);
        add_count(table, get_sum(row, NULL, "asked"));
        add_count(table, get_sum(row, NULL, "found"));
        add_count(table, get_sum(row, NULL, "unknown"));
        add_duration(table, json_object_get(row, "duration_ms"));
        if (strcmp(get(row, "kind"), "judge") == 0) {
            add_usd(table, json_object_get(row, "cost_usd"), get_sum(row, NULL, "priced"),
                    get_sum(row, NULL, "timed"));
        } else {
            table_add(table, "-");
        }
    }
    end(table, terminal, target);
}

static void print_reuse(const json_t *reuse, struct strbuf *target)
{
    json_int_t steps = get_sum(reuse, NULL, "steps");
    json_int_t agents = get_sum(reuse, NULL, "of_agents");
    const json_t *cost = json_object_get(reuse, "cost_usd");
    char saved[DURATION_SIZE];
    char usd[CELL_BYTES] = UNKNOWN " USD";

    if (steps == 0) {
        return;
    }
    duration_format(get_sum(reuse, NULL, "duration_ms"), saved);
    strbuf_addf(target, "\nReused: %lld step%s, which saved %s", (long long)steps,
                steps == 1 ? "" : "s", saved);
    if (agents > 0) {
        bool is_part = get_sum(reuse, NULL, "counted") < agents;

        if (cost) {
            format_usd(json_number_value(cost), get_sum(reuse, NULL, "priced") < agents, usd);
        }
        if (get_sum(reuse, NULL, "counted") > 0) {
            strbuf_addf(target, ", %s%lld tokens and %s", is_part ? ">" : "",
                        (long long)get_sum(reuse, NULL, "tokens"), usd);
        } else {
            strbuf_addf(target, ", " UNKNOWN " tokens and %s", usd);
        }
    }
    strbuf_add_char(target, '\n');
}

void print_stats(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target)
{
    const json_t *kinds = json_object_get(result, "kinds");

    (void)now_ms;
    if (json_array_size(kinds) == 0) {
        strbuf_add(target, "Nothing is known yet: no agent has worked here, or none of those that "
                           "were asked for.\n");
    } else {
        print_kinds(terminal, kinds, target);
        print_agents_worth(terminal, json_object_get(result, "agents"), target);
    }
    print_finders(terminal, json_object_get(result, "finders"), target);
    print_reuse(json_object_get(result, "reuse"), target);
}
