/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static const char *about(const json_t *row)
{
    return json_get_boolean(row, "invalid", false) ? "(has errors: fermata validate)"
                                                   : get(row, "description");
}

static void add_row(struct table *table, const json_t *row)
{
    bool is_hidden = json_get_boolean(row, "hidden", false);
    const char *origin = get(row, "origin");
    char *note = is_hidden
                     ? mem_printf("%s, hidden by that of the %s", origin, get(row, "hidden_by"))
                 : json_get_boolean(row, "overrides", false)
                     ? mem_printf("%s, before the built-in one", origin)
                     : mem_strdup(origin);
    enum style style = is_hidden ? STYLE_DIM : STYLE_NONE;

    table_add_styled(table, get(row, "name"), style);
    table_add_styled(table, note, style);
    table_add_styled(table, get(row, "permission"), style);
    table_add_styled(table, about(row), style);
    free(note);
}

/* The kinds in the order in which they first come; those without one at the end. */
static void print_list(const struct terminal *terminal, const json_t *list, struct strbuf *target)
{
    json_t *kinds = json_object();
    const char *kind;
    json_t *rows;
    const json_t *row;
    size_t i;

    json_array_foreach(list, i, row)
    {
        kind = json_get_text(row, "kind", "own");
        rows = json_object_get(kinds, kind);
        if (!rows) {
            rows = json_array();
            json_put(kinds, kind, rows);
        }
        (void)json_array_append(rows, (json_t *)(uintptr_t)row);
    }
    json_object_foreach(kinds, kind, rows)
    {
        struct table *table = table_new(4, 3);

        add_styled(terminal, target, STYLE_BOLD, kind);
        strbuf_add_char(target, '\n');
        json_array_foreach(rows, i, row)
        {
            add_row(table, row);
        }
        table_format(table, terminal, 2, false, target);
        table_free(table);
        strbuf_add_char(target, '\n');
    }
    strbuf_add(target, "`fermata experts NAME` shows one; your own: .fermata/experts/NAME.md\n");
    json_decref(kinds);
}

static void add_fact(struct strbuf *target, const char *name, const json_t *value)
{
    char *text = json_is_string(value) ? mem_strdup(json_string_value(value))
                 : value               ? json_dump_compact(value)
                                       : NULL;

    if (text) {
        strbuf_addf(target, "  %-12s", name);
        utf8_add_printable(target, text, strlen(text));
        strbuf_add_char(target, '\n');
    }
    free(text);
}

static void print_one(const struct terminal *terminal, const json_t *expert, struct strbuf *target)
{
    static const char *const facts[] = {"description", "permission",  "model",
                                        "tools",       "temperature", "error"};
    const json_t *problem;
    size_t i;

    add_styled(terminal, target, STYLE_BOLD, get(expert, "name"));
    strbuf_addf(target, "  (%s%s: ", get(expert, "origin"),
                json_get_boolean(expert, "overrides", false) ? ", before the built-in one" : "");
    utf8_add_printable(target, get(expert, "file"), strlen(get(expert, "file")));
    strbuf_add(target, ")\n");
    for (i = 0; i < ARRAY_LEN(facts); i++) {
        add_fact(target, facts[i], json_object_get(expert, facts[i]));
    }
    json_array_foreach(json_object_get(expert, "problems"), i, problem)
    {
        utf8_add_printable(target, json_string_value(problem), json_string_length(problem));
        strbuf_add_char(target, '\n');
    }
    strbuf_add_char(target, '\n');
    utf8_add_printable(target, get(expert, "text"), strlen(get(expert, "text")));
}

static void print_imported(const json_t *result, struct strbuf *target)
{
    const json_t *list = json_object_get(result, "imported");
    const json_t *row;
    const json_t *note;
    size_t i;
    size_t k;

    json_array_foreach(list, i, row)
    {
        strbuf_addf(target, "%s: %s", get(row, "name"), get(row, "status"));
        strbuf_add(target, strcmp(get(row, "status"), "exists") == 0
                               ? " already in .fermata/experts, and differs\n"
                               : "\n");
        add_fact(target, "from", json_object_get(row, "from"));
        add_fact(target, "why", json_object_get(row, "error"));
        json_array_foreach(json_object_get(row, "not_taken"), k, note)
        {
            add_fact(target, k == 0 ? "not taken" : "", note);
        }
    }
    if (json_array_size(list) == 0) {
        strbuf_add(target, "there is nothing to import: no .claude/agents, no .opencode/agent\n");
    }
    if (json_get_boolean(result, "has_context", false)) {
        strbuf_add(target, "AGENTS.md needs no import: it is a part of the prompts of agents that "
                           "do not read it themselves (`project_context`)\n");
    }
    if (json_get_boolean(result, "dry_run", false)) {
        strbuf_add(target, "nothing was written (--dry-run)\n");
    }
}

void print_experts(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                   struct strbuf *target)
{
    const json_t *list = json_object_get(result, "experts");

    (void)now_ms;
    if (list) {
        print_list(terminal, list, target);
    } else if (json_object_get(result, "imported")) {
        print_imported(result, target);
    } else {
        print_one(terminal, result, target);
    }
}
