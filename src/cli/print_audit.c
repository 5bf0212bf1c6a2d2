/* SPDX-License-Identifier: MIT */
/* `audit` for people. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

/* "02-19 10:00:00": all of it, with the year, would not leave the rest its room in 80 columns. */
static void add_time(struct table *table, int64_t at_ms)
{
    char at[TIMESTAMP_SIZE];

    timestamp_format(at_ms, at);
    at[strlen("2024-02-19")] = ' ';
    at[strlen("2024-02-19 10:00:00")] = '\0';
    table_add(table, at + strlen("2024-"));
}

static void add_entry(struct table *table, const json_t *entry)
{
    const json_t *details = json_object_get(entry, "details");
    const char *agent = get(details, "agent");
    const char *model = get(details, "model");
    char *about = mem_printf("%s%s%s%s%s%s", get(entry, "resource"), *agent ? " by " : "", agent,
                             *model ? " (" : "", model, *model ? ")" : "");

    add_time(table, json_get_integer(entry, "at", 0));
    table_add(table, get(entry, "event"));
    table_add(table, get(entry, "user"));
    table_add(table, get(entry, "run"));
    table_add(table, about);
    table_add(table, get(entry, "status"));
    free(about);
}

static void print_entries(const struct terminal *terminal, const json_t *result,
                          struct strbuf *target)
{
    static const char *const header[] = {"WHEN (UTC)", "EVENT", "USER", "RUN", "WHAT", "STATUS"};
    const json_t *entries = json_object_get(result, "entries");
    const json_t *next = json_object_get(result, "next");
    struct table *table;
    const json_t *entry;
    size_t i;

    if (json_array_size(entries) == 0) {
        strbuf_add(target, "No entries.\n");
        return;
    }
    table = table_new(ARRAY_LEN(header), 4);
    for (i = 0; i < ARRAY_LEN(header); i++) {
        table_add(table, header[i]);
    }
    json_array_foreach(entries, i, entry)
    {
        add_entry(table, entry);
    }
    table_format(table, terminal, 0, true, target);
    table_free(table);
    if (json_is_integer(next)) {
        strbuf_addf(target, "more: fermata audit --before %lld\n",
                    (long long)json_integer_value(next));
    }
}

static void print_verdict(const struct terminal *terminal, const json_t *result,
                          struct strbuf *target)
{
    bool is_sound = json_get_boolean(result, "sound", false);
    json_int_t count = json_get_integer(result, "entries", 0);
    const json_t *problem;
    size_t i;

    add_styled(terminal, target, is_sound ? STYLE_GREEN : STYLE_RED,
               status_mark(terminal, is_sound ? "completed" : "failed"));
    strbuf_addf(target, " %lld entr%s: %s\n", (long long)count, count == 1 ? "y" : "ies",
                is_sound ? "what was written" : "this is not what was written");
    json_array_foreach(json_object_get(result, "problems"), i, problem)
    {
        const char *text = json_string_value(problem);

        strbuf_add(target, "  ");
        utf8_add_printable(target, text, strlen(text));
        strbuf_add_char(target, '\n');
    }
    strbuf_addf(target, "  head %s\n", get(result, "head"));
}

void print_audit(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                 struct strbuf *target)
{
    (void)now_ms;
    if (strcmp(get(result, "action"), "verify") == 0) {
        print_verdict(terminal, result, target);
    } else {
        print_entries(terminal, result, target);
    }
}
