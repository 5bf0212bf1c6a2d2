/* SPDX-License-Identifier: MIT */
/* `models`: which model servers are there and in which health, which models they have, and fetching
 * and removing models. All of it is asked of the servers, by fermata-call. */
#include "ops/driver.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define HEALTH_MS 10000
#define REMOVE_MS 60000

struct server {
    struct agent_profile profile;
    const struct agent_variable *env;
    size_t env_count;
    bool is_builtin;   /* no file names it */
    bool is_asked_for; /* by --agent or --endpoint: that it is not there is an error */
};

VEC_TYPE(servers, struct server);

/* ---- which ---- */

static void add_agent(struct servers *servers, const struct agent_config *agent,
                      const struct adapter *adapter, bool is_asked_for)
{
    *VEC_PUSH(servers) = (struct server){
        .profile =
            {
                .name = agent->name,
                .adapter = adapter,
                .endpoint = agent->endpoint,
                .model = agent->model,
                .key = agent->key,
            },
        .env = agent->env,
        .env_count = agent->env_count,
        .is_builtin = agent->is_builtin,
        .is_asked_for = is_asked_for,
    };
}

static int add_named(struct servers *servers, const struct config *config, const char *name,
                     struct error *err)
{
    const struct agent_config *agent = config_find_agent(config, name);
    const struct adapter *adapter = agent ? adapter_find(agent->type) : NULL;

    if (!agent) {
        return ops_no_such_agent(config, name, err);
    }
    if (!adapter || adapter->kind != ADAPTER_SERVER) {
        return error_set(err, ERROR_INVALID, "agent %s is no model server but of type %s", name,
                         agent->type);
    }
    add_agent(servers, agent, adapter, true);
    return 0;
}

static int add_endpoint(struct servers *servers, const char *endpoint, const char *type,
                        struct error *err)
{
    const struct adapter *adapter = adapter_find(type);

    if (!adapter || adapter->kind != ADAPTER_SERVER) {
        return error_set(err, ERROR_INVALID, "%s is no type of model server", type);
    }
    *VEC_PUSH(servers) = (struct server){
        .profile = {.name = endpoint, .adapter = adapter, .endpoint = endpoint},
        .is_asked_for = true};
    return 0;
}

/* Of the built-in ones only the local, each server once: the others are the vendors' and need a
 * key, or ask the same server (local-code). */
static void add_all(struct servers *servers, const struct config *config)
{
    for (size_t i = 0; i < config->agent_count; i++) {
        const struct agent_config *agent = &config->agents[i];
        const struct adapter *adapter = adapter_find(agent->type);

        if (agent->enabled && adapter && adapter->kind == ADAPTER_SERVER &&
            (!agent->is_builtin || (agent->offline && strcmp(agent->name, agent->type) == 0))) {
            add_agent(servers, agent, adapter, false);
        }
    }
}

static int find_servers(struct ops *ops, const json_t *arguments, struct servers *servers,
                        struct error *err)
{
    const char *name = json_get_text(arguments, "agent", NULL);
    const char *endpoint = json_get_text(arguments, "endpoint", NULL);
    int r = ops_need_config(ops, err);

    if (r == 0 && name && endpoint) {
        r = error_set(err, ERROR_INVALID, "--agent and --endpoint do not go together");
    } else if (r == 0 && name) {
        r = add_named(servers, ops->config, name, err);
    } else if (r == 0 && endpoint) {
        r = add_endpoint(servers, endpoint, json_get_text(arguments, "type", "ollama"), err);
    } else if (r == 0) {
        add_all(servers, ops->config);
    }
    return r;
}

/* ---- status and list ---- */

static int look(struct ops *ops, const struct server *server, json_t *found, struct error *err)
{
    struct driver_question question = {.agent = &server->profile,
                                       .env = server->env,
                                       .env_count = server->env_count,
                                       .mode = "--health",
                                       .timeout_ms = HEALTH_MS};
    json_t *health;
    int r = ops_ask_driver(ops, &question, NULL, NULL, &health, err);

    if (r == 0) {
        json_t *item = json_pack("{s:s}", "agent", server->profile.name);

        (void)json_object_update(item, health);
        json_put_text(item, "configured_model", server->profile.model);
        json_put(item, "builtin", json_boolean(server->is_builtin && !server->is_asked_for));
        (void)json_array_append_new(found, item);
        json_decref(health);
    }
    return r;
}

static int look_at_all(struct ops *ops, const struct servers *servers, const char *action,
                       json_t **ret_result, struct error *err)
{
    json_t *found = json_array();
    bool is_missing = false;
    int r = 0;

    for (size_t i = 0; i < servers->count && r == 0; i++) {
        r = look(ops, &servers->items[i], found, err);
        is_missing = is_missing || (r == 0 && servers->items[i].is_asked_for &&
                                    !json_is_true(json_object_get(json_array_get(found, i), "ok")));
    }
    if (r < 0) {
        json_decref(found);
        return r;
    }
    *ret_result = json_pack("{s:s, s:b, s:o}", "action", action, "missing", is_missing, "servers",
                            found);
    return 0;
}

/* ---- pull and remove ---- */

static bool can_pull(const struct server *server)
{
    return strcmp(server->profile.adapter->type, "ollama") == 0 ||
           strcmp(server->profile.adapter->type, "localai") == 0;
}

/* One that a file names, else the local Ollama. */
static int choose(const struct servers *servers, const struct server **ret_server,
                  struct error *err)
{
    const struct server *chosen = NULL;

    for (size_t i = 0; i < servers->count; i++) {
        const struct server *server = &servers->items[i];

        if (!server->is_asked_for && !can_pull(server)) {
            continue;
        }
        if (chosen && !server->is_builtin) {
            (void)error_set(err, ERROR_INVALID, "both %s and %s fetch models", chosen->profile.name,
                            server->profile.name);
            error_hint(err, "say which with --agent");
            return ERROR_INVALID;
        }
        chosen = chosen ? chosen : server;
    }
    if (!chosen) {
        (void)error_set(err, ERROR_UNAVAILABLE, "no enabled agent fetches models");
        error_hint(err, "name a server with --endpoint, or enable the agent ollama");
        return ERROR_UNAVAILABLE;
    }
    *ret_server = chosen;
    return 0;
}

static void on_progress(void *context, const json_t *line)
{
    const struct ops_view *view = context;

    if (view && view->on_item) {
        json_t *item = json_pack("{s:O}", "progress", (json_t *)(uintptr_t)line);

        view->on_item(view->context, item);
        json_decref(item);
    }
}

static int report_failure(const json_t *result, struct error *err)
{
    const char *text = json_get_text(result, "error", "the server gave no reason");
    int code = ERROR_IO;

    if (json_get_integer(result, "status", 0) == 404) {
        code = ERROR_NOT_FOUND;
    } else if (json_get_boolean(result, "unreachable", false)) {
        code = ERROR_UNAVAILABLE;
    }
    return error_set(err, code, "%s", text);
}

static int change(struct ops *ops, const struct server *server, const json_t *arguments,
                  const struct ops_view *view, json_t **ret_result, struct error *err)
{
    const char *action = json_get_text(arguments, "action", "");
    bool is_pull = strcmp(action, "pull") == 0;
    struct driver_question question = {.agent = &server->profile,
                                       .env = server->env,
                                       .env_count = server->env_count,
                                       .mode = is_pull ? "--pull" : "--remove",
                                       .model = json_get_text(arguments, "model", NULL),
                                       .timeout_ms = is_pull ? 0 : REMOVE_MS};
    json_t *result = NULL;
    int r = ops_ask_driver(ops, &question, on_progress, (void *)(uintptr_t)view, &result, err);

    if (r == ERROR_CANCELLED && is_pull) {
        error_hint(err, "`fermata models pull %s` goes on where it stopped", question.model);
    }
    if (r < 0) {
        return r;
    }
    if (!json_is_true(json_object_get(result, "ok"))) {
        r = report_failure(result, err);
        json_decref(result);
        return r;
    }
    json_put_text(result, "action", action);
    json_put_text(result, "agent", server->profile.name);
    *ret_result = result;
    return 0;
}

/* ---- the operation ---- */

int op_models(struct ops *ops, const json_t *arguments, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    const char *action = json_get_text(arguments, "action", "status");
    bool is_look = strcmp(action, "status") == 0 || strcmp(action, "list") == 0;
    const char *model = json_get_text(arguments, "model", NULL);
    const struct server *server = NULL;
    struct servers servers = {0};
    int r;

    if (!is_look && !model) {
        return error_set(err, ERROR_INVALID, "name the model: fermata models %s MODEL", action);
    }
    if (is_look && model) {
        return error_set(err, ERROR_INVALID, "`fermata models %s` takes no name of a model",
                         action);
    }
    r = ops_need_trust(ops, view, err);
    if (r == 0) {
        r = find_servers(ops, arguments, &servers, err);
    }
    if (r == 0 && is_look) {
        r = look_at_all(ops, &servers, action, ret_result, err);
    } else if (r == 0) {
        r = choose(&servers, &server, err);
        if (r == 0) {
            r = change(ops, server, arguments, view, ret_result, err);
        }
    }
    VEC_RELEASE(&servers);
    return r;
}
