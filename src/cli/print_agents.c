/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 14
#define MODELS_SHOWN 20
#define NAME_COLUMNS 16
#define TYPE_COLUMNS 10
#define VERSION_COLUMNS 9
#define ROLE_COLUMNS 14

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static bool is_state(const json_t *agent, const char *state)
{
    return strcmp(get(agent, "state"), state) == 0;
}

static enum style state_style(const json_t *agent)
{
    return is_state(agent, "ready")     ? STYLE_GREEN
           : is_state(agent, "unsure")  ? STYLE_YELLOW
           : is_state(agent, "lacking") ? STYLE_RED
                                        : STYLE_DIM;
}

/* "$1.25", "$0.0042"; "-" where nothing is known. With a mark when some calls did not say. */
static void format_cost(const json_t *used, char *ret_text, size_t size)
{
    const json_t *cost = json_object_get(used, "cost_usd");
    double usd = json_number_value(cost);
    bool is_part = json_get_integer(used, "priced", 0) < json_get_integer(used, "attempts", 0);

    if (!cost) {
        (void)snprintf(ret_text, size, "-");
    } else {
        (void)snprintf(ret_text, size, "%s$%.*f", is_part ? ">" : "", usd >= 0.1 ? 2 : 4, usd);
    }
}

/* Those that nobody configured and that are not there are only named below. */
static bool is_worth_a_row(const json_t *agent)
{
    return !json_get_boolean(agent, "builtin", false) || is_state(agent, "ready") ||
           *get(agent, "program") || *get(agent, "account") || json_object_get(agent, "used") ||
           json_object_get(agent, "models");
}

/* Only one column of a table shrinks by itself. */
static void add_cut(struct table *table, const char *text, size_t columns, enum style style)
{
    struct strbuf cut;

    strbuf_init(&cut, OUTPUT_BYTES_MAX);
    utf8_add_cut(&cut, text, columns);
    table_add_styled(table, cut.data, style);
    strbuf_release(&cut);
}

/* Its circuit breaker keeps calls from it. */
static bool is_held(const json_t *agent)
{
    const char *state = get(json_object_get(agent, "breaker"), "state");

    return *state && strcmp(state, "closed") != 0;
}

static bool is_cut_off(const json_t *agent)
{
    return json_object_get(agent, "online") && !json_get_boolean(agent, "online", true);
}

static void add_row(struct table *table, const json_t *agent)
{
    const json_t *used = json_object_get(agent, "used");
    bool is_default = json_get_boolean(agent, "default", false);
    char *name = mem_printf("%s %s", is_default ? "*" : " ", get(agent, "name"));
    char text[32];

    add_cut(table, name, NAME_COLUMNS, is_default ? STYLE_BOLD : STYLE_NONE);
    add_cut(table, get(agent, "type"), TYPE_COLUMNS, STYLE_NONE);
    add_cut(table, *get(agent, "version") ? get(agent, "version") : "-", VERSION_COLUMNS,
            STYLE_NONE);
    add_cut(table, get(agent, "role"), ROLE_COLUMNS, STYLE_NONE);
    if (is_held(agent)) {
        table_add_styled(table, "breaker open", STYLE_RED);
    } else if (is_cut_off(agent)) {
        table_add_styled(table, "cannot be reached", STYLE_RED);
    } else {
        table_add_styled(table, get(agent, "detail"), state_style(agent));
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)json_get_integer(used, "attempts", 0));
    table_add(table, used ? text : "-");
    format_cost(used, text, sizeof(text));
    table_add(table, text);
    free(name);
}

/* Servers are told from programs: one is started, the other installed. */
static void add_others(const struct terminal *terminal, const json_t *agents, bool servers,
                       const char *what, struct strbuf *target)
{
    struct strbuf line;
    const json_t *agent;
    size_t count = 0;
    size_t i;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    json_array_foreach(agents, i, agent)
    {
        bool is_server = strcmp(get(agent, "kind"), "model server") == 0;

        if (!is_worth_a_row(agent) && is_server == servers && !is_state(agent, "disabled") &&
            (is_server || is_state(agent, "lacking"))) {
            strbuf_addf(&line, "%s%s", count++ ? ", " : what, get(agent, "name"));
        }
    }
    if (count > 0) {
        add_wrapped(terminal, target, line.data, 0);
    }
    strbuf_release(&line);
}

static void print_list(const struct terminal *terminal, const json_t *agents, struct strbuf *target)
{
    static const char *const header[] = {"  AGENT", "TYPE",  "VERSION", "ROLE",
                                         "STATE",   "CALLS", "COST"};
    struct table *table = table_new(ARRAY_LEN(header), 4);
    const json_t *agent;
    bool has_default = false;
    size_t rows = 0;
    size_t i;

    for (size_t k = 0; k < ARRAY_LEN(header); k++) {
        table_add(table, header[k]);
    }
    json_array_foreach(agents, i, agent)
    {
        if (is_worth_a_row(agent)) {
            add_row(table, agent);
            has_default = has_default || json_get_boolean(agent, "default", false);
            rows++;
        }
    }
    if (rows > 0) {
        table_format(table, terminal, 0, true, target);
        strbuf_add_char(target, '\n');
    }
    table_free(table);
    add_others(terminal, agents, false, "Not installed: ", target);
    add_others(terminal, agents, true,
               "Model servers, set up by a few lines in config.yaml: ", target);
    add_wrapped(terminal, target,
                has_default
                    ? "* is asked by steps that name no agent. `fermata agents NAME` shows one."
                    : "No agent is ready that steps without one could ask: `fermata doctor` says "
                      "what to do.",
                0);
}

/* ---- one ---- */

static void add_line(const struct terminal *terminal, struct strbuf *target, const char *label,
                     const char *text)
{
    struct strbuf clean;

    if (!text || !*text) {
        return;
    }
    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_printable(&clean, text, strlen(text));
    strbuf_add(target, "  ");
    add_padded(target, label, LABEL_COLUMNS);
    if (utf8_width(clean.data) + LABEL_COLUMNS + 2 <= (size_t)terminal->columns) {
        strbuf_addf(target, "%s\n", clean.data);
    } else {
        strbuf_add_char(target, '\n');
        add_wrapped(terminal, target, clean.data, 4);
    }
    strbuf_release(&clean);
}

static void add_words(const struct terminal *terminal, struct strbuf *target, const char *label,
                      const json_t *words)
{
    struct strbuf line;
    const json_t *word;
    size_t i;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    json_array_foreach(words, i, word)
    {
        strbuf_addf(&line, "%s%s", i ? ", " : "", json_string_value(word));
    }
    add_line(terminal, target, label, line.data);
    strbuf_release(&line);
}

static void add_abilities(const struct terminal *terminal, struct strbuf *target,
                          const json_t *abilities, bool can)
{
    json_t *words = json_array();
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)abilities, name, value)
    {
        if (json_is_true(value) == can) {
            (void)json_array_append_new(words, json_string(name));
        }
    }
    add_words(terminal, target, can ? "can" : "cannot", words);
    json_decref(words);
}

static void add_models(const struct terminal *terminal, struct strbuf *target, const json_t *models)
{
    json_t *names = json_array();
    const json_t *model;
    size_t i;

    json_array_foreach(models, i, model)
    {
        if (i < MODELS_SHOWN) {
            (void)json_array_append_new(names, json_string(get(model, "name")));
        }
    }
    if (json_array_size(models) > MODELS_SHOWN) {
        (void)json_array_append_new(names, json_string("..."));
    }
    add_words(terminal, target, "models", names);
    json_decref(names);
}

static void add_tokens(struct strbuf *target, const json_t *used, const char *key, const char *name)
{
    if (json_object_get(used, key)) {
        strbuf_addf(target, ", %lld %s", (long long)json_get_integer(used, key, 0), name);
    }
}

static void add_used(const struct terminal *terminal, struct strbuf *target, const json_t *used,
                     int64_t now_ms)
{
    json_int_t attempts = json_get_integer(used, "attempts", 0);
    json_int_t priced = json_get_integer(used, "priced", 0);
    struct strbuf line;
    char text[32];

    if (!used) {
        add_line(terminal, target, "calls", "none yet");
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    format_ago(json_get_integer(used, "last_at", 0), now_ms, text, sizeof(text));
    strbuf_addf(&line, "%lld, %lld of them failed; the last one %s", (long long)attempts,
                (long long)json_get_integer(used, "failed", 0), text);
    add_line(terminal, target, "calls", line.data);
    strbuf_reset(&line);
    format_cost(used, text, sizeof(text));
    strbuf_add(&line, priced ? text : "not known");
    if (priced > 0 && priced < attempts) {
        strbuf_addf(&line, " (%lld calls did not say)", (long long)(attempts - priced));
    }
    add_tokens(&line, used, "input_tokens", "tokens in");
    add_tokens(&line, used, "cached_tokens", "of them cached");
    add_tokens(&line, used, "output_tokens", "out");
    add_line(terminal, target, "cost", line.data);
    strbuf_release(&line);
}

static void add_breaker(const struct terminal *terminal, struct strbuf *target, const json_t *agent,
                        int64_t now_ms)
{
    const json_t *breaker = json_object_get(agent, "breaker");
    json_int_t failures = json_get_integer(breaker, "failures", 0);
    json_int_t wait_ms = json_get_integer(breaker, "retry_at", 0) - now_ms;
    struct strbuf line;

    if (!breaker) {
        return;
    }
    strbuf_init(&line, OUTPUT_BYTES_MAX);
    strbuf_add(&line, get(breaker, "state"));
    if (failures > 0) {
        strbuf_addf(&line, ", %lld %s in a row; the last: %s", (long long)failures,
                    failures == 1 ? "failure" : "failures", get(breaker, "error"));
    }
    if (is_held(agent)) {
        strbuf_addf(&line, "; a call may try %s%lld s (fermata reset-agent %s)",
                    wait_ms > 0 ? "in " : "now, after ",
                    (long long)(wait_ms > 0 ? (wait_ms + 999) / 1000
                                            : json_get_integer(breaker, "recovery_ms", 0) / 1000),
                    get(agent, "name"));
    }
    add_line(terminal, target, "breaker", line.data);
    strbuf_release(&line);
}

static void add_limits(const struct terminal *terminal, struct strbuf *target, const json_t *agent)
{
    json_int_t rate = json_get_integer(agent, "rate_limit", 0);
    json_int_t at_once = json_get_integer(agent, "concurrency", 0);
    struct strbuf line;

    strbuf_init(&line, OUTPUT_BYTES_MAX);
    if (rate > 0) {
        strbuf_addf(&line, "%lld calls a minute%s%s", (long long)rate,
                    *get(agent, "limited_with") ? ", with all of the account " : "",
                    get(agent, "limited_with"));
    }
    if (at_once > 0) {
        strbuf_addf(&line, "%s%lld at once", rate > 0 ? "; " : "", (long long)at_once);
    }
    add_line(terminal, target, "limits", line.data);
    strbuf_release(&line);
}

static const char *network_of(const json_t *agent)
{
    const json_t *online = json_object_get(agent, "online");

    return json_get_boolean(agent, "offline", false) ? "not needed"
           : !online                                 ? "needed"
           : json_is_true(online)                    ? "needed, and its address can be reached"
                                                     : "needed, and its address cannot be reached";
}

static void print_one(const struct terminal *terminal, const json_t *agent, int64_t now_ms,
                      struct strbuf *target)
{
    char *type = mem_printf("%s%s%s", get(agent, "type"), *get(agent, "kind") ? ", " : "",
                            get(agent, "kind"));

    add_styled(terminal, target, STYLE_BOLD, get(agent, "name"));
    strbuf_addf(target, "  %s%s\n", get(agent, "description"),
                json_get_boolean(agent, "default", false) ? " (asked by steps that name no agent)"
                                                          : "");
    strbuf_add(target, "  ");
    add_padded(target, "state", LABEL_COLUMNS);
    add_styled(terminal, target, state_style(agent), get(agent, "detail"));
    strbuf_add_char(target, '\n');
    if (*get(agent, "hint")) {
        add_wrapped(terminal, target, get(agent, "hint"), LABEL_COLUMNS + 2);
    }
    add_line(terminal, target, "type", type);
    add_words(terminal, target, "command", json_object_get(agent, "command"));
    add_line(terminal, target, "program", get(agent, "program"));
    add_line(terminal, target, "address", get(agent, "endpoint"));
    add_line(terminal, target, "version", get(agent, "version"));
    add_line(terminal, target, "signed in by", get(agent, "account"));
    add_line(terminal, target, "model", get(agent, "model"));
    add_models(terminal, target, json_object_get(agent, "models"));
    add_line(terminal, target, "role", get(agent, "role"));
    add_words(terminal, target, "good for", json_object_get(agent, "capabilities"));
    add_abilities(terminal, target, json_object_get(agent, "abilities"), true);
    add_abilities(terminal, target, json_object_get(agent, "abilities"), false);
    add_line(terminal, target, "network", network_of(agent));
    add_breaker(terminal, target, agent, now_ms);
    add_limits(terminal, target, agent);
    add_used(terminal, target, json_object_get(agent, "used"), now_ms);
    add_line(terminal, target, "set up by",
             json_get_boolean(agent, "builtin", false) ? "Fermata itself" : "config.yaml");
    free(type);
}

void print_agents(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                  struct strbuf *target)
{
    const json_t *agents = json_object_get(result, "agents");

    if (json_get_boolean(result, "one", false)) {
        print_one(terminal, json_array_get(agents, 0), now_ms, target);
    } else {
        print_list(terminal, agents, target);
    }
}

void print_reset_agent(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                       struct strbuf *target)
{
    (void)terminal;
    (void)now_ms;
    strbuf_addf(target, "%s: %s\n", get(result, "agent"),
                json_get_boolean(result, "had_failures", false)
                    ? "its circuit breaker is closed, its failures are forgotten"
                    : "its circuit breaker had counted no failure");
}
