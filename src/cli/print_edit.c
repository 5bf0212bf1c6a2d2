/* SPDX-License-Identifier: MIT */
/* What would become of the steps of a run whose plan is edited. */
#include "cli/print.h"

#include "base/utf8.h"

#include <string.h>

static void add_row(struct table *table, const char *mark, const char *key, const char *decision,
                    const char *why)
{
    table_add(table, mark);
    table_add(table, key);
    table_add(table, decision);
    table_add(table, why);
}

/* As the README says it: nothing, a question, work. */
static const char *mark_of(const char *decision)
{
    return strcmp(decision, "again") == 0 || strcmp(decision, "new") == 0 ? "+"
           : strcmp(decision, "held") == 0                                ? "?"
                                                                          : " ";
}

static void add_parts(const json_t *step, struct strbuf *why)
{
    const json_t *part;
    size_t i;

    strbuf_add(why, json_get_text(step, "why", ""));
    json_array_foreach(json_object_get(step, "differs"), i, part)
    {
        strbuf_addf(why, "%s%s", i == 0 ? ": " : ", ", json_string_value(part));
    }
}

void print_edit_preview(const struct terminal *terminal, const json_t *preview,
                        struct strbuf *target)
{
    struct table *table = table_new(4, 3);
    const json_t *step;
    struct strbuf why;
    size_t i;

    json_array_foreach(json_object_get(preview, "steps"), i, step)
    {
        const char *decision = json_get_text(step, "decision", "");

        strbuf_init(&why, OUTPUT_BYTES_MAX);
        add_parts(step, &why);
        add_row(table, mark_of(decision), json_get_text(step, "key", ""), decision, why.data);
        strbuf_release(&why);
    }
    json_array_foreach(json_object_get(preview, "removed"), i, step)
    {
        add_row(table, "-", json_string_value(step), "removed", "not in the plan any more");
    }
    table_format(table, terminal, 0, false, target);
    table_free(table);
}
