/* SPDX-License-Identifier: MIT */
/* `agents`: who can be asked, in which state, and what they cost so far. */
#include "base/alloc.h"
#include "base/nearest.h"
#include "ops/agent.h"
#include "run/profile.h"

#include <stdlib.h>
#include <string.h>

#define MATRIX_BYTES_MAX 65536U

const char *agent_state_name(enum agent_state state)
{
    static const char *const names[] = {
        [AGENT_READY] = "ready",
        [AGENT_UNSURE] = "unsure",
        [AGENT_LACKING] = "lacking",
        [AGENT_DISABLED] = "disabled",
    };

    return names[state];
}

static const char *kind_name(const struct adapter *adapter)
{
    switch (adapter->kind) {
    case ADAPTER_PROGRAM:
        return "coding program";
    case ADAPTER_PROTOCOL:
        return "ACP agent";
    case ADAPTER_SERVER:
        return "model server";
    case ADAPTER_COMMAND:
        return "command";
    case ADAPTER_HOST:
        return "host program";
    }
    return "";
}

const struct agent_ability *agent_abilities(size_t *ret_count)
{
    static const struct agent_ability abilities[] = {
        {CAN_STREAM, "stream", "shows its work live"},
        {CAN_EDIT, "edit", "changes files"},
        {CAN_READ_ONLY, "read-only", "can be kept from changing any"},
        {CAN_RESUME, "resume", "goes on with an earlier session"},
        {CAN_MODEL, "model", "takes a model"},
        {CAN_TOOLS, "tools", "takes a list of allowed tools"},
        {CAN_TURNS, "turns", "takes a limit of turns"},
        {CAN_BUDGET, "budget", "takes a limit in money"},
        {CAN_SCHEMA, "schema", "takes a JSON Schema for its answer"},
        {CAN_ASK, "ask", "may ask a question"},
        {CAN_TOKENS, "tokens", "counts tokens"},
        {CAN_COST, "cost", "says what it cost"},
    };

    *ret_count = ARRAY_LEN(abilities);
    return abilities;
}

/* What every adapter can do, as a page. */
char *ops_agent_matrix(void)
{
    struct strbuf text;
    size_t ability_count;
    size_t count;
    const struct agent_ability *abilities = agent_abilities(&ability_count);
    const struct adapter *const *adapters = adapter_list(&count);
    char *page;

    strbuf_init(&text, MATRIX_BYTES_MAX);
    strbuf_add(&text,
               "# What agents can do\n\n"
               "Generated from the adapters: `fermata schema agents`. A step that needs what its "
               "agent cannot do is refused before anything is spent.\n\n"
               "| word | means that it |\n|---|---|\n");
    for (size_t i = 0; i < ability_count; i++) {
        strbuf_addf(&text, "| %s | %s |\n", abilities[i].name, abilities[i].help);
    }
    strbuf_add(&text, "\n| type | is");
    for (size_t i = 0; i < ability_count; i++) {
        strbuf_addf(&text, " | %s", abilities[i].name);
    }
    strbuf_add(&text, " |\n|---|---");
    for (size_t i = 0; i < ability_count; i++) {
        strbuf_add(&text, "|:-:");
    }
    strbuf_add(&text, "|\n");
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&text, "| `%s` | %s", adapters[i]->type, kind_name(adapters[i]));
        for (size_t k = 0; k < ability_count; k++) {
            strbuf_add(&text,
                       adapters[i]->abilities & (unsigned)abilities[k].ability ? " | x" : " | ");
        }
        strbuf_add(&text, " |\n");
    }
    strbuf_add(
        &text,
        "\nOf `acp` it is what the protocol has; an agent may have less. Measured by `make "
        "test-agents`: opencode tells the tokens only of a turn that was one request; Gemini CLI, "
        "Codex, Qwen Code and GitHub Copilot tell no cost. Codex asks for permission only "
        "where it may not write, and opencode only where its own `permission` says `ask`; Codex, "
        "opencode, Qwen Code and "
        "GitHub Copilot end their turn when they are denied something, so that the step fails and "
        "says so. All six load their sessions; Gemini CLI loses one that it made in the same "
        "minute, and a new one begins. All six have a mode that changes nothing; one that has none "
        "gets no read-only step. A program of type `command` has one where `read_only_command` "
        "says how it is started for it. Only GitHub Copilot offers no choice of models, so it "
        "takes "
        "none.\n");
    page = strbuf_take(&text);
    strbuf_release(&text);
    return page;
}

/* ---- as JSON ---- */

static json_t *list_texts(const char *const *texts, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_string(texts[i]));
    }
    return list;
}

static void put_adapter(const struct agent_facts *facts, json_t *agent)
{
    const struct agent_config *config = facts->config;
    const struct adapter *adapter = facts->adapter;
    json_t *abilities = json_object();
    size_t count;
    const struct agent_ability *ability = agent_abilities(&count);
    struct agent_profile profile;
    unsigned can;

    profile_fill(config, adapter, &profile);
    can = profile_abilities(&profile);

    json_put_text(agent, "kind", kind_name(adapter));
    json_put_text(agent, "title", adapter->title);
    json_put_text(agent, "endpoint", config->endpoint ? config->endpoint : adapter->endpoint);
    for (size_t i = 0; i < count; i++) {
        json_put(abilities, ability[i].name, json_boolean(can & (unsigned)ability[i].ability));
    }
    json_put(agent, "abilities", abilities);
}

static void put_limits(const struct agent_config *config, json_t *agent)
{
    if (config->rate_limit > 0) {
        json_put_integer(agent, "rate_limit", config->rate_limit);
    }
    if (config->concurrency > 0) {
        json_put_integer(agent, "concurrency", config->concurrency);
    }
    json_put_text(agent, "limited_with", config->account);
}

static json_t *describe_agent(const struct ops *ops, const struct agent_facts *facts,
                              const json_t *totals)
{
    const struct agent_config *config = facts->config;
    json_t *agent = json_object();

    json_put_text(agent, "name", config->name);
    json_put_text(agent, "type", config->type);
    json_put_text(agent, "state", agent_state_name(facts->state));
    json_put_text(agent, "detail", facts->detail);
    json_put_text(agent, "hint", facts->hint);
    json_put(agent, "default",
             json_boolean(ops->config->default_agent &&
                          config_find_agent(ops->config, ops->config->default_agent) == config));
    json_put(agent, "builtin", json_boolean(config->is_builtin));
    json_put(agent, "enabled", json_boolean(config->enabled));
    json_put_text(agent, "description", config->description);
    json_put_text(agent, "role", config->role);
    json_put(agent, "capabilities", list_texts(config->capabilities, config->capability_count));
    json_put(agent, "command",
             config->command_count ? list_texts(config->command, config->command_count) : NULL);
    json_put_text(agent, "program", facts->path);
    json_put_text(agent, "version", facts->version);
    json_put_text(agent, "account", facts->account);
    json_put_text(agent, "model", config->model);
    json_put(agent, "offline", json_boolean(config->offline));
    if (facts->online != REACHABLE_UNKNOWN) {
        json_put(agent, "online", json_boolean(facts->online == REACHABLE));
    }
    if (config->timeout_ms > 0) {
        json_put_integer(agent, "timeout_ms", config->timeout_ms);
    }
    put_limits(config, agent);
    if (facts->adapter) {
        put_adapter(facts, agent);
    }
    json_put(agent, "models", json_incref(facts->models));
    json_put(agent, "used", json_incref(json_object_get(totals, config->name)));
    return agent;
}

/* ---- the operation ---- */

int ops_no_such_agent(const struct config *config, const char *name, struct error *err)
{
    const char **names = mem_zero(config->agent_count + 1, sizeof(*names));
    const char *nearest;
    int r = error_set(err, ERROR_NOT_FOUND, "there is no agent %s", name);

    for (size_t i = 0; i < config->agent_count; i++) {
        names[i] = config->agents[i].name;
    }
    nearest = nearest_name(name, names, config->agent_count);
    if (nearest) {
        error_hint(err, "did you mean %s? `fermata agents` lists all", nearest);
    } else {
        error_hint(err, "`fermata agents` lists all; new ones go under `agents` in config.yaml");
    }
    free(names);
    return r;
}

int ops_find_agent(struct ops *ops, const char *name, const struct agent_config **ret_agent,
                   struct error *err)
{
    int r = ops_need_config(ops, err);
    const struct agent_config *agent;

    if (r < 0) {
        return r;
    }
    agent = config_find_agent(ops->config, name);
    if (!agent) {
        return ops_no_such_agent(ops->config, name, err);
    }
    *ret_agent = agent;
    return 0;
}

/* Without runs nothing was used yet. */
static int read_totals(struct ops *ops, json_t **ret_totals, json_t **ret_breakers,
                       struct error *err)
{
    int r = 0;

    if (!ops_has_project(ops) || !ops_has_store(ops)) {
        *ret_totals = json_object();
        *ret_breakers = json_object();
        return 0;
    }
    r = ops_make_store(ops, err);
    if (r == 0) {
        r = run_agent_totals(ops->store, ret_totals, err);
    }
    return r < 0 ? r : run_agent_breakers(ops->store, ret_breakers, err);
}

/* {state, failures, since, error, retry_at}: what a call would meet now. */
static json_t *describe_breaker(const struct agent_config *config, const json_t *breakers)
{
    json_t *breaker = json_copy(json_object_get(breakers, config->name));

    if (!config->breaker_threshold) {
        json_decref(breaker);
        return NULL;
    }
    if (!breaker) {
        breaker = json_pack("{s:s, s:i}", "state", "closed", "failures", 0);
    }
    if (strcmp(json_get_text(breaker, "state", ""), "closed") != 0) {
        json_put_integer(breaker, "retry_at",
                         json_get_integer(breaker, "since", 0) + config->breaker_recovery_ms);
    }
    json_put_integer(breaker, "threshold", config->breaker_threshold);
    json_put_integer(breaker, "recovery_ms", config->breaker_recovery_ms);
    return breaker;
}

int op_reset_agent(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                   json_t **ret_result, struct error *err)
{
    const struct agent_config *agent = NULL;
    bool had = false;
    int r = ops_find_agent(ops, json_get_text(arguments, "name", ""), &agent, err);

    (void)view;
    if (r == 0 && ops_has_project(ops) && ops_has_store(ops)) {
        r = ops_make_store(ops, err);
        if (r == 0) {
            r = run_agent_close_breaker(ops->store,
                                        &(struct breaker_closing){.agent = agent->name,
                                                                  .user = ops->settings->user,
                                                                  .now_ms = ops_now_ms()},
                                        &had, err);
        }
    }
    if (r == 0) {
        *ret_result = json_pack("{s:s, s:b}", "agent", agent->name, "had_failures", had);
    }
    return r;
}

int op_agents(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", NULL);
    const struct agent_config *one = NULL;
    struct agent_facts *facts;
    json_t *totals = NULL;
    json_t *breakers = NULL;
    json_t *list;
    size_t count;
    int r = name ? ops_find_agent(ops, name, &one, err) : ops_need_config(ops, err);

    if (!ops_is_trusted(ops)) {
        ops_notice(view, "%s is not trusted: only built-in agents are asked (fermata trust)",
                   ops->project);
    }
    if (r == 0) {
        r = read_totals(ops, &totals, &breakers, err);
    }
    if (r < 0) {
        json_decref(totals);
        return r;
    }
    (void)ops_default_agent(ops);
    count = one ? 1 : ops->config->agent_count;
    facts = mem_zero(count, sizeof(*facts));
    for (size_t i = 0; i < count; i++) {
        agent_facts_init(ops, one ? one : &ops->config->agents[i], &facts[i]);
    }
    agent_facts_ask(
        ops, facts, count,
        (struct agent_questions){.versions = !json_get_boolean(arguments, "quick", false),
                                 .servers = json_get_boolean(arguments, "check", false),
                                 .addresses = json_get_boolean(arguments, "check", false)});
    list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *agent = describe_agent(ops, &facts[i], totals);

        json_put(agent, "breaker", describe_breaker(facts[i].config, breakers));
        (void)json_array_append_new(list, agent);
        agent_facts_release(&facts[i]);
    }
    free(facts);
    json_decref(totals);
    json_decref(breakers);
    *ret_result = json_pack("{s:o, s:b}", "agents", list, "one", one != NULL);
    json_put_text(*ret_result, "default", ops->config->default_agent);
    json_put_text(*ret_result, "offline", offline_mode_name(ops->config->offline));
    return 0;
}
