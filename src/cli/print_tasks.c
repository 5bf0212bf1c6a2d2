/* SPDX-License-Identifier: MIT */
/* `tasks` for people. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_COLUMNS 12 /* of a field's name */
#define VALUE_COLUMNS 1000

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

/* It looks like a run that goes on. */
static const char *look_of(const char *status)
{
    return strcmp(status, "in_progress") == 0 ? "running" : status;
}

static void add_status(struct table *table, const struct terminal *terminal, const char *status)
{
    const char *look = look_of(status);
    char *text = mem_printf("%s %s", status_mark(terminal, look), status);

    table_add_styled(table, text, status_style(look));
    free(text);
}

static void add_duration(struct table *table, const json_t *task)
{
    json_int_t duration = json_get_integer(task, "duration_ms", -1);
    char text[DURATION_SIZE] = "";

    if (duration >= 0) {
        duration_format(duration, text);
    }
    table_add(table, text);
}

static void add_ago(struct table *table, const json_t *object, int64_t now_ms)
{
    char ago[32];

    format_ago(json_get_integer(object, "created_at", 0), now_ms, ago, sizeof(ago));
    table_add(table, ago);
}

static void print_list(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target)
{
    static const char *const header[] = {"TASK", "STATUS", "RUNS", "CREATED", "TOOK", "WHAT"};
    const json_t *tasks = json_object_get(result, "tasks");
    const char *next = json_get_text(result, "next", NULL);
    struct table *table;
    const json_t *task;
    size_t i;

    if (json_array_size(tasks) == 0) {
        strbuf_add(target, "No tasks.\n");
        return;
    }
    table = table_new(ARRAY_LEN(header), ARRAY_LEN(header) - 1);
    for (i = 0; i < ARRAY_LEN(header); i++) {
        table_add(table, header[i]);
    }
    json_array_foreach(tasks, i, task)
    {
        char *runs = mem_printf("%lld", (long long)json_get_integer(task, "runs", 0));

        table_add(table, get(task, "id"));
        add_status(table, terminal, get(task, "status"));
        table_add(table, runs);
        add_ago(table, task, now_ms);
        add_duration(table, task);
        table_add(table, get(task, "description"));
        free(runs);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    if (next) {
        strbuf_addf(target, "more: fermata tasks --before %s\n", next);
    }
}

static void add_field(struct strbuf *target, const char *name, const char *value)
{
    if (*value) {
        add_padded(target, name, FIELD_COLUMNS);
        utf8_add_cut(target, value, VALUE_COLUMNS);
        strbuf_add_char(target, '\n');
    }
}

static void print_runs(const struct terminal *terminal, const json_t *runs, int64_t now_ms,
                       struct strbuf *target)
{
    static const char *const header[] = {"RUN", "STATUS", "WORKFLOW", "CREATED"};
    struct table *table;
    const json_t *run;
    size_t i;

    if (json_array_size(runs) == 0) {
        return;
    }
    table = table_new(ARRAY_LEN(header), 2);
    for (i = 0; i < ARRAY_LEN(header); i++) {
        table_add(table, header[i]);
    }
    json_array_foreach(runs, i, run)
    {
        table_add(table, get(run, "id"));
        add_status(table, terminal, get(run, "status"));
        table_add(table, get(run, "workflow"));
        add_ago(table, run, now_ms);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
}

static void print_one(const struct terminal *terminal, const json_t *task, int64_t now_ms,
                      struct strbuf *target)
{
    const char *status = get(task, "status");
    json_int_t duration = json_get_integer(task, "duration_ms", -1);
    char text[DURATION_SIZE] = "";
    const char *key;
    const json_t *value;

    add_styled(terminal, target, STYLE_BOLD, get(task, "id"));
    strbuf_add(target, "  ");
    add_styled(terminal, target, status_style(look_of(status)),
               status_mark(terminal, look_of(status)));
    strbuf_addf(target, " %s\n", status);
    add_field(target, "what", get(task, "description"));
    json_object_foreach(json_object_get(task, "metadata"), key, value)
    {
        char *pair = mem_printf("%s=%s", key, json_string_value(value));

        add_field(target, "meta", pair);
        free(pair);
    }
    if (duration >= 0) {
        duration_format(duration, text);
    }
    add_field(target, "took", text);
    print_runs(terminal, json_object_get(task, "runs"), now_ms, target);
    if (strcmp(status, "pending") == 0 && json_array_size(json_object_get(task, "runs")) == 0) {
        strbuf_addf(target, "Run it: fermata run --task-id %s -w WORKFLOW\n", get(task, "id"));
    }
}

static void print_statistics(const struct terminal *terminal, const json_t *result,
                             struct strbuf *target)
{
    json_int_t mean = json_get_integer(result, "mean_duration_ms", -1);
    char text[DURATION_SIZE];
    const char *status;
    const json_t *count;

    json_object_foreach(json_object_get(result, "status"), status, count)
    {
        add_styled(terminal, target, status_style(look_of(status)),
                   status_mark(terminal, look_of(status)));
        strbuf_add_char(target, ' ');
        add_padded(target, status, FIELD_COLUMNS);
        strbuf_addf(target, "%lld\n", (long long)json_integer_value(count));
    }
    strbuf_addf(target, "  total       %lld\n", (long long)json_get_integer(result, "total", 0));
    if (mean >= 0) {
        duration_format(mean, text);
        strbuf_addf(target, "A task that was completed took %s on average.\n", text);
    }
}

static void print_removal(const json_t *result, struct strbuf *target)
{
    json_int_t tasks = json_get_integer(result, "tasks", 0);
    json_int_t kept = json_get_integer(result, "kept", 0);
    char bytes[32];

    format_bytes(json_get_integer(result, "bytes", 0), bytes, sizeof(bytes));
    strbuf_addf(target, "%s %lld task%s and %lld run%s (%s); %lld task%s\n",
                json_get_boolean(result, "dry_run", false) ? "Would remove" : "Removed",
                (long long)tasks, tasks == 1 ? "" : "s",
                (long long)json_get_integer(result, "runs", 0),
                json_get_integer(result, "runs", 0) == 1 ? "" : "s", bytes, (long long)kept,
                kept == 1 ? " stays" : "s stay");
}

void print_tasks(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target)
{
    if (json_object_get(result, "tasks") && json_is_array(json_object_get(result, "tasks"))) {
        print_list(terminal, result, now_ms, target);
    } else if (json_object_get(result, "total")) {
        print_statistics(terminal, result, target);
    } else if (json_object_get(result, "bytes")) {
        print_removal(result, target);
    } else {
        print_one(terminal, result, now_ms, target);
    }
}
