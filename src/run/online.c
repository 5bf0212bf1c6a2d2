/* SPDX-License-Identifier: MIT */
#include "run/online.h"

#include "agents/adapter.h"
#include "base/alloc.h"

#include <string.h>
#include <strings.h>

/* Where coding programs call, the variable that names another address, and those that say that they
 * call elsewhere: nobody knows where then. */
static const struct home {
    const char *type, *variable, *address;
    const char *elsewhere[3];
} homes[] = {
    {"claude",
     "ANTHROPIC_BASE_URL",
     "https://api.anthropic.com",
     {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"}},
    {"codex", "OPENAI_BASE_URL", "https://api.openai.com", {NULL}},
    {"gemini",
     "GOOGLE_GEMINI_BASE_URL",
     "https://generativelanguage.googleapis.com",
     {"GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"}},
    {"copilot", "COPILOT_PROVIDER_BASE_URL", "https://api.githubcopilot.com", {NULL}},
    {"qwen", "OPENAI_BASE_URL", NULL, {NULL}},
};

static const char *find_variable(const struct agent_config *agent, const char *const *environment,
                                 const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < agent->env_count; i++) {
        if (strcmp(agent->env[i].name, name) == 0) {
            return *agent->env[i].value ? agent->env[i].value : NULL;
        }
    }
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') {
            return (*environment)[length + 1] ? *environment + length + 1 : NULL;
        }
    }
    return NULL;
}

static const char *find_home(const struct home *home, const struct agent_config *agent,
                             const char *const *environment)
{
    const char *own = find_variable(agent, environment, home->variable);

    for (size_t i = 0; i < ARRAY_LEN(home->elsewhere) && home->elsewhere[i]; i++) {
        if (find_variable(agent, environment, home->elsewhere[i])) {
            return NULL;
        }
    }
    return own ? own : home->address;
}

static const char *find_own(const struct agent_config *agent, const char *const *environment)
{
    const struct adapter *adapter = adapter_find(agent->type);

    if (agent->online_at) {
        return agent->online_at;
    }
    if (adapter && adapter->kind == ADAPTER_SERVER) {
        return agent->endpoint ? agent->endpoint : adapter->endpoint;
    }
    for (size_t i = 0; i < ARRAY_LEN(homes); i++) {
        if (strcmp(homes[i].type, agent->type) == 0) {
            return find_home(&homes[i], agent, environment);
        }
    }
    return NULL;
}

/* Of a list like "localhost,.example.com,*". */
static bool is_in_list(const char *list, const char *host)
{
    size_t host_length = strlen(host);

    for (const char *cursor = list; *cursor; cursor += strspn(cursor, ", ")) {
        size_t length = strcspn(cursor, ", ");
        size_t dot = *cursor == '.' ? 1 : 0;
        const char *tail = host_length >= length - dot ? host + host_length - (length - dot) : NULL;

        if ((length == 1 && *cursor == '*') ||
            (length > dot && tail && strncasecmp(tail, cursor + dot, length - dot) == 0 &&
             (tail == host || tail[-1] == '.'))) {
            return true;
        }
        cursor += length;
    }
    return false;
}

static bool is_called_directly(const struct agent_config *agent, const char *const *environment,
                               const char *address)
{
    static const char *const names[] = {"no_proxy", "NO_PROXY"};
    struct reach_address parsed;
    const char *list = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names) && !list; i++) {
        list = find_variable(agent, environment, names[i]);
    }
    return reach_is_loopback(address) || !reach_parse(address, &parsed) ||
           (list && is_in_list(list, parsed.host));
}

/* What goes by way of a proxy reaches its host when it reaches the proxy. */
static const char *find_proxy(const struct agent_config *agent, const char *const *environment,
                              const char *address)
{
    static const char *const secure[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"};
    static const char *const plain[] = {"http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"};
    bool is_plain = strncmp(address, "http://", strlen("http://")) == 0;
    const char *proxy = NULL;

    if (is_called_directly(agent, environment, address)) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(secure) && !proxy; i++) {
        proxy = find_variable(agent, environment, is_plain ? plain[i] : secure[i]);
    }
    return proxy;
}

char *online_address(const struct agent_config *agent, const char *const *environment)
{
    const char *address = agent->offline ? NULL : find_own(agent, environment);
    const char *proxy = address ? find_proxy(agent, environment, address) : NULL;

    return mem_strdup(proxy ? proxy : address);
}

bool online_has_local(const struct config *config, const struct step *step,
                      const struct agent_config *agent)
{
    struct step_agents agents;
    bool is_behind = false;

    config_list_agents(config, step, &agents);
    for (size_t i = 0; i < agents.count; i++) {
        const struct agent_config *other = agents.names[i]
                                               ? config_find_agent(config, agents.names[i])
                                               : NULL;

        if (other && is_behind && other->offline && other->enabled) {
            return true;
        }
        is_behind = is_behind || other == agent;
    }
    return false;
}
