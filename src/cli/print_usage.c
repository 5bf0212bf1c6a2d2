/* SPDX-License-Identifier: MIT */
/* What agents used, in a line: what is not known is called so, what lacks a part too. What they
 * changed, and which steps went on without theirs. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdlib.h>

#include <string.h>

#define PATHS_SHOWN_MAX 5
#define PATH_COLUMNS_MAX 200

static bool has(const json_t *usage, const char *list, const char *field)
{
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(usage, list), i, name)
    {
        if (strcmp(json_string_value(name), field) == 0) {
            return true;
        }
    }
    return false;
}

void print_usage_amount(const json_t *usage, const char *field, struct strbuf *target)
{
    const json_t *value = json_object_get(usage, field);

    if (!value) {
        strbuf_add(target, "unknown");
        return;
    }
    if (has(usage, "at_least", field)) {
        strbuf_add(target, "at least ");
    }
    if (json_is_integer(value)) {
        strbuf_addf(target, "%lld", (long long)json_integer_value(value));
    } else {
        strbuf_addf(target, "%.4f", json_number_value(value));
    }
}

void print_usage(const json_t *used, const char *label, struct strbuf *target)
{
    const json_t *usage = json_object_get(used, "usage");

    if (!usage) {
        return;
    }
    strbuf_add(target, label);
    print_usage_amount(usage, "input_tokens", target);
    strbuf_add(target, " tokens in, ");
    print_usage_amount(usage, "output_tokens", target);
    strbuf_add(target, " out, ");
    print_usage_amount(usage, "cost_usd", target);
    strbuf_add(target, " USD\n");
}

/* ---- of each step ---- */

static void add_paths(const json_t *paths, const char *what, struct strbuf *text)
{
    const json_t *path;
    size_t i;

    json_array_foreach(paths, i, path)
    {
        strbuf_add(text, i == 0 ? what : ", ");
        utf8_add_cut(text, json_string_value(path), PATH_COLUMNS_MAX);
        if (i + 1 == PATHS_SHOWN_MAX && json_array_size(paths) > PATHS_SHOWN_MAX) {
            strbuf_addf(text, " and %zu more", json_array_size(paths) - PATHS_SHOWN_MAX);
            break;
        }
    }
}

static void add_commit(const json_t *files, struct strbuf *text)
{
    const char *commit = json_get_text(files, "commit", NULL);
    const char *why = json_get_text(files, "no_commit", NULL);

    if (commit) {
        strbuf_addf(text, "; commit %.12s", commit);
    }
    if (why) {
        strbuf_addf(text, "; no commit was made of it: %s", why);
    }
}

static void add_files(const struct terminal *terminal, const json_t *step, struct strbuf *target)
{
    const json_t *files = json_object_get(step, "files");
    json_int_t count = json_get_integer(files, "count", 0);
    const char *unknown = json_get_text(files, "unknown", NULL);
    struct strbuf text;

    if (!files) {
        return;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    if (unknown) {
        strbuf_addf(&text, "%s: which files changed is not known: %s",
                    json_get_text(step, "key", ""), unknown);
        add_wrapped(terminal, target, text.data, 4);
        strbuf_release(&text);
        return;
    }
    strbuf_addf(&text, "%s: %lld file%s changed%s", json_get_text(step, "key", ""),
                (long long)count, count == 1 ? "" : "s",
                json_get_boolean(files, "shared", false) ? " meanwhile, by it or others" : "");
    add_paths(json_object_get(files, "changed"), ": ", &text);
    add_paths(json_object_get(files, "only_claimed"),
              "; claimed as changed, but as before: ", &text);
    add_paths(json_object_get(files, "not_claimed"), "; changed, but not claimed: ", &text);
    if (json_object_get(files, "left")) {
        add_paths(json_object_get(files, "left"), "; not merged: ", &text);
        strbuf_addf(&text, " (kept in %s)", json_get_text(files, "left_in", ""));
    }
    add_commit(files, &text);
    add_wrapped(terminal, target, text.data, 4);
    strbuf_release(&text);
}

void print_answerer(const json_t *said, const char *before, struct strbuf *target)
{
    const char *agent = json_get_text(said, "agent", NULL);
    const char *model = json_get_text(said, "model", NULL);

    if (!agent) {
        return;
    }
    strbuf_addf(target, "%s%s", before, agent);
    if (model) {
        strbuf_add(target, " (");
        utf8_add_cut(target, model, PATH_COLUMNS_MAX); /* a backend's own words */
        strbuf_add(target, ")");
    }
}

/* "s: codex (gpt-5), 12 tokens in, 3 out, unknown USD" */
static void add_answerer(const struct terminal *terminal, const json_t *step, struct strbuf *target)
{
    struct strbuf text;

    if (!json_object_get(step, "usage")) {
        return;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    strbuf_addf(&text, "%s:", json_get_text(step, "key", ""));
    print_answerer(step, " ", &text);
    strbuf_add(&text, json_get_text(step, "agent", NULL) ? ", " : " ");
    print_usage(step, "", &text);
    add_wrapped(terminal, target, text.data, 4);
    strbuf_release(&text);
}

void print_agent_work(const struct terminal *terminal, const json_t *steps, struct strbuf *target)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        add_answerer(terminal, step, target);
        add_files(terminal, step, target);
        print_agent_work(terminal, json_object_get(step, "instances"), target);
    }
}

/* ---- without an agent ---- */

static void add_given_up(const struct terminal *terminal, const json_t *step, struct strbuf *target)
{
    const json_t *agents = json_object_get(step, "given_up");
    const json_t *agent;
    struct strbuf text;
    size_t i;

    if (json_array_size(agents) == 0) {
        return;
    }
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    strbuf_addf(&text, "Step %s: agent %s took over:", json_get_text(step, "key", ""),
                json_get_text(step, "agent", "another"));
    json_array_foreach(agents, i, agent)
    {
        const char *error = json_get_text(agent, "error", "");

        strbuf_addf(&text, "%s %s ", i ? ";" : "", json_get_text(agent, "agent", ""));
        if (json_get_boolean(agent, "passed_over", false)) {
            strbuf_add(&text, "was passed over: ");
        } else {
            strbuf_addf(&text, "failed (%s): ", json_get_text(agent, "class", ""));
        }
        utf8_add_printable(&text, error, strlen(error));
    }
    strbuf_add_char(target, '\n');
    add_wrapped(terminal, target, text.data, 0);
    strbuf_release(&text);
}

static void add_alternatives(const struct terminal *terminal, const json_t *steps,
                             struct strbuf *target)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        const char *error = json_get_text(step, "agent_error", NULL);
        struct strbuf text;

        add_alternatives(terminal, json_object_get(step, "instances"), target);
        add_given_up(terminal, step, target);
        if (!error) {
            continue;
        }
        strbuf_init(&text, OUTPUT_BYTES_MAX);
        strbuf_addf(&text, "Step %s: its static alternative stood in for its agent, which failed: ",
                    json_get_text(step, "key", ""));
        utf8_add_printable(&text, error, strlen(error));
        strbuf_add_char(target, '\n');
        add_wrapped(terminal, target, text.data, 0);
        strbuf_release(&text);
    }
}

void print_alternatives(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    static const char *const lists[] = {"steps", "fix"};
    const json_t *phase;
    size_t i;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
            add_alternatives(terminal, json_object_get(phase, lists[k]), target);
        }
    }
}
