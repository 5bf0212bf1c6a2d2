/* SPDX-License-Identifier: MIT */
/* What a run would do: --dry-run. */
#include "base/utf8.h"
#include "cli/print.h"

#include <stdint.h>
#include <string.h>

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static void add_step(struct table *table, const json_t *step)
{
    const char *missing = get(step, "missing");
    const char *skipped = get(step, "skipped");
    const char *when = get(step, "when");
    const char *items = get(step, "foreach");
    struct strbuf what;

    strbuf_init(&what, OUTPUT_BYTES_MAX);
    if (*skipped) {
        strbuf_addf(&what, "skipped: %s", skipped);
    } else if (*missing) {
        strbuf_addf(&what, "MISSING: %s", missing);
    } else {
        utf8_add_cut(&what, get(step, "what"), 200);
    }
    if (*items) {
        strbuf_addf(&what, " (for each of %s)", items);
    }
    if (*when) {
        strbuf_addf(&what, " (when %s)", when);
    }
    table_add(table, get(step, "step"));
    table_add(table, get(step, "using"));
    table_add_styled(table, what.data, *skipped ? STYLE_DIM : *missing ? STYLE_RED : STYLE_NONE);
    strbuf_release(&what);
}

static void add_agents(const struct terminal *terminal, const json_t *agents, struct strbuf *target)
{
    struct table *table = table_new(4, 3);
    const json_t *agent;
    size_t i;

    json_array_foreach(agents, i, agent)
    {
        table_add(table, get(agent, "name"));
        table_add(table, get(agent, "type"));
        table_add(table, get(agent, "version"));
        table_add(table, get(agent, "detail"));
    }
    if (json_array_size(agents) > 0) {
        strbuf_add(target, "\nAgents\n");
        table_format(table, terminal, 2, false, target);
    }
    table_free(table);
}

void print_dry_run(const struct terminal *terminal, const json_t *plan, struct strbuf *target)
{
    const json_t *wave;
    const json_t *step;
    size_t i;
    size_t k;

    strbuf_add(target, "Dry run of ");
    add_styled(terminal, target, STYLE_BOLD, get(plan, "workflow"));
    strbuf_add(target, ": nothing is run\n\n");
    print_limits(json_object_get(plan, "budget"), target);
    strbuf_add(target, get(plan, "graph"));
    json_array_foreach(json_object_get(plan, "waves"), i, wave)
    {
        struct table *table = table_new(3, 2);

        strbuf_addf(target, "\nWave %zu: ", i + 1);
        add_styled(terminal, target, STYLE_BOLD, get(wave, "phase"));
        strbuf_add_char(target, '\n');
        json_array_foreach(json_object_get(wave, "steps"), k, step)
        {
            add_step(table, step);
        }
        table_format(table, terminal, 2, false, target);
        table_free(table);
    }
    add_agents(terminal, json_object_get(plan, "agents"), target);
}
