/* SPDX-License-Identifier: MIT */
/* What a run cost in time, as a list of numbers and three small tables. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS 12

static const char *get_duration(const json_t *object, const char *name, char text[DURATION_SIZE])
{
    duration_format(json_get_integer(object, name, 0), text);
    return text;
}

/* A share as percent with one digit; what is there is never shown as nothing. */
static const char *get_percent(const json_t *object, const char *name, char *text, size_t size)
{
    const json_t *value = json_object_get(object, name);
    double percent = 100 * json_number_value(value);

    if (!json_is_number(value)) {
        (void)snprintf(text, size, "unknown");
    } else if (percent > 0 && percent < 0.1) {
        (void)snprintf(text, size, "< 0.1 %%");
    } else {
        (void)snprintf(text, size, "%.1f %%", percent);
    }
    return text;
}

static void add_number(struct strbuf *target, const char *name, const char *text)
{
    strbuf_add(target, "  ");
    add_padded(target, name, NAME_COLUMNS);
    strbuf_addf(target, " %s\n", text);
}

static void add_count(struct strbuf *target, const json_t *metrics, const char *name)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)json_get_integer(metrics, name, 0));
    add_number(target, name, text);
}

/* "3, which saved 2m 4s; by codex 2, claude 1" */
static void add_reused(struct strbuf *target, const json_t *metrics)
{
    long long count = json_get_integer(metrics, "reused", 0);
    const char *before = "; by ";
    char saved[DURATION_SIZE];
    struct strbuf text;
    const char *agent;
    const json_t *steps;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    strbuf_addf(&text, count > 0 ? "%lld, which saved %s" : "%lld", count,
                get_duration(metrics, "saved_ms", saved));
    json_object_foreach((json_t *)json_object_get(metrics, "reused_by"), agent, steps)
    {
        strbuf_addf(&text, "%s%s %lld", before, agent, (long long)json_integer_value(steps));
        before = ", ";
    }
    add_number(target, "reused", text.data);
    strbuf_release(&text);
}

static void add_numbers(const json_t *metrics, struct strbuf *target)
{
    static const char *const rare[] = {"lost", "iterations", "gotos"};
    char text[DURATION_SIZE];
    char percent[32];

    add_number(target, "duration", get_duration(metrics, "duration_ms", text));
    add_number(target, "busy", get_duration(metrics, "busy_ms", text));
    add_number(target, "utilisation",
               get_percent(metrics, "utilisation", percent, sizeof(percent)));
    add_count(target, metrics, "attempts");
    add_count(target, metrics, "retries");
    add_reused(target, metrics);
    add_count(target, metrics, "checkpoints");
    for (size_t i = 0; i < ARRAY_LEN(rare); i++) {
        if (json_get_integer(metrics, rare[i], 0) > 0) {
            add_count(target, metrics, rare[i]);
        }
    }
}

/* ---- tables ---- */

static void add_cell(struct table *table, const json_t *row, const char *name)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)json_get_integer(row, name, 0));
    table_add(table, text);
}

static void add_phase(struct table *table, const json_t *row)
{
    char text[DURATION_SIZE];

    add_cell(table, row, "rounds");
    table_add(table, get_duration(row, "duration_ms", text));
}

static void add_gate(struct table *table, const json_t *row)
{
    static const char *const verdicts[] = {"pass", "fail", "unknown", "skipped"};
    char text[32];

    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        add_cell(table, row, verdicts[i]);
    }
    table_add(table, get_percent(row, "pass_rate", text, sizeof(text)));
}

static void add_user(struct table *table, const json_t *row)
{
    char text[DURATION_SIZE];
    char percent[32];

    add_cell(table, row, "attempts");
    add_cell(table, row, "failures");
    table_add(table, get_duration(row, "busy_ms", text));
    table_add(table, get_percent(row, "utilisation", percent, sizeof(percent)));
}

static void add_agent(struct table *table, const json_t *row)
{
    static const char *const fields[] = {"input_tokens", "output_tokens", "cost_usd"};

    add_cell(table, row, "attempts");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct strbuf text;

        strbuf_init(&text, OUTPUT_BYTES_MAX);
        print_usage_amount(row, fields[i], &text);
        table_add(table, text.data);
        strbuf_release(&text);
    }
}

#define COLUMNS_MAX 6

static const struct {
    const char *name;
    const char *header[COLUMNS_MAX];
    void (*add)(struct table *table, const json_t *row);
} tables[] = {
    {"phases", {"PHASE", "ROUNDS", "DURATION"}, add_phase},
    {"gates", {"GATE", "PASS", "FAIL", "UNKNOWN", "SKIPPED", "PASS RATE"}, add_gate},
    {"using", {"USING", "ATTEMPTS", "FAILURES", "BUSY", "UTILISATION"}, add_user},
    {"agents", {"AGENT", "ATTEMPTS", "TOKENS IN", "TOKENS OUT", "USD"}, add_agent},
};

void print_metrics(const struct terminal *terminal, const json_t *metrics, struct strbuf *target)
{
    add_styled(terminal, target, STYLE_BOLD, "Metrics");
    strbuf_add_char(target, '\n');
    add_numbers(metrics, target);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        json_t *rows = json_object_get(metrics, tables[i].name);
        struct table *table;
        const char *name;
        size_t columns;
        json_t *row;

        if (json_object_size(rows) == 0) {
            continue;
        }
        for (columns = 0; columns < COLUMNS_MAX && tables[i].header[columns]; columns++) {
        }
        table = table_new(columns, 0);
        for (size_t k = 0; k < columns; k++) {
            table_add(table, tables[i].header[k]);
        }
        json_object_foreach(rows, name, row)
        {
            table_add(table, name);
            tables[i].add(table, row);
        }
        strbuf_add_char(target, '\n');
        table_format(table, terminal, 2, true, target);
        table_free(table);
    }
}
