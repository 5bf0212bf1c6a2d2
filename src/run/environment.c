/* SPDX-License-Identifier: MIT */
#include "run/environment.h"

#include "agents/adapter.h"
#include "base/vec.h"
#include "workflow/library.h"

#include <string.h>

/* Names and patterns added by whoever starts Fermata, with spaces between them. */
#define ADDED_VARIABLE "FERMATA_PASS_ENV"

/* Without these, programs do not find their files, their network, their language, or the tools that
 * an agent builds and tests with. None of them holds a key by custom. */
static const char common[] =
    /* the user, the machine, the terminal */
    "PATH HOME USER LOGNAME SHELL PWD HOSTNAME LANG LANGUAGE LC_* TERM TERMINFO COLORTERM COLUMNS "
    "LINES NO_COLOR FORCE_COLOR CLICOLOR CLICOLOR_FORCE TZ TZDIR TMPDIR TMP TEMP XDG_* DISPLAY "
    "WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS EDITOR VISUAL PAGER WSL_* "
    /* the network */
    "http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY "
    "SSL_CERT_* "
    "CURL_CA_BUNDLE REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS NODE_USE_* "
    /* git: who commits, and the agent that holds the keys of ssh without showing them */
    "GIT_AUTHOR_* GIT_COMMITTER_* GIT_SSH GIT_SSH_COMMAND GIT_SSL_CAINFO GIT_CONFIG_GLOBAL "
    "GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT EMAIL SSH_AUTH_SOCK SSH_AGENT_PID "
    /* tools that build */
    "LD_LIBRARY_PATH LD_PRELOAD ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS CC CXX CFLAGS "
    "CXXFLAGS CPPFLAGS LDFLAGS MAKEFLAGS PKG_CONFIG_PATH CCACHE_* NODE_OPTIONS NODE_PATH NVM_* "
    "FNM_DIR VOLTA_HOME PNPM_HOME COREPACK_HOME PYTHONPATH PYTHONHOME PYTHONUNBUFFERED VIRTUAL_ENV "
    "CONDA_PREFIX CONDA_DEFAULT_ENV PYENV_ROOT UV_CACHE_DIR PIP_CACHE_DIR GOPATH GOROOT GOBIN "
    "GOCACHE GOMODCACHE GOFLAGS GOPROXY GOTOOLCHAIN CARGO_HOME CARGO_TARGET_DIR RUSTUP_HOME "
    "RUSTUP_TOOLCHAIN JAVA_HOME GRADLE_USER_HOME MAVEN_OPTS ANDROID_HOME ANDROID_SDK_ROOT "
    "DOTNET_ROOT GEM_HOME GEM_PATH RBENV_ROOT BUN_INSTALL DENO_DIR NIX_PATH NIX_PROFILES "
    "NIX_SSL_CERT_FILE "
    /* ours */
    "FERMATA_*";

struct text {
    const char *data;
    size_t length;
};

static bool is_same(struct text left, struct text right)
{
    return left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
}

static struct text name_of(const char *item)
{
    return (struct text){item, strcspn(item, "=")};
}

/* `*` stands for any text. Going back to the last star alone suffices. */
static bool fits(struct text pattern, struct text name)
{
    size_t p = 0;
    size_t n = 0;
    size_t star = SIZE_MAX;
    size_t taken = 0;

    while (n < name.length) {
        if (p < pattern.length && pattern.data[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.length && pattern.data[p] == name.data[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.length;
}

static const char *find_variable(const struct environment *environment, struct text name)
{
    for (const char *const *item = environment->items; item && *item; item++) {
        if (is_same(name_of(*item), name) && (*item)[name.length] == '=') {
            return *item + name.length + 1;
        }
    }
    return NULL;
}

/* "NAME", "NAM*", "NAME?OTHER" */
static bool is_pattern_for(const struct environment *environment, struct text pattern,
                           struct text name)
{
    const char *mark = memchr(pattern.data, '?', pattern.length);
    size_t length = mark ? (size_t)(mark - pattern.data) : pattern.length;

    return fits((struct text){pattern.data, length}, name) &&
           (!mark ||
            find_variable(environment, (struct text){mark + 1, pattern.length - length - 1}));
}

static bool is_listed(const struct environment *environment, const char *list, struct text name)
{
    while (list && *(list += strspn(list, " "))) {
        struct text pattern = {list, strcspn(list, " ")};

        if (is_pattern_for(environment, pattern, name)) {
            return true;
        }
        list += pattern.length;
    }
    return false;
}

static bool is_among(const char *const *patterns, size_t count, struct text name)
{
    for (size_t i = 0; i < count; i++) {
        if (fits((struct text){patterns[i], strlen(patterns[i])}, name)) {
            return true;
        }
    }
    return false;
}

/* ---- keys ---- */

static bool is_key_of(const struct agent_config *agent, struct text name)
{
    static const char prefix[] = "env:";
    const char *key = agent->key;

    return key && strncmp(key, prefix, strlen(prefix)) == 0 &&
           is_same((struct text){key + strlen(prefix), strlen(key + strlen(prefix))}, name);
}

/* Those that a file names; the customary ones of built-in agents have their program's name. */
static bool is_key_of_others(const struct environment *environment, struct text name)
{
    const struct config *config = environment->config;
    bool is_found = false;

    if (environment->agent && is_key_of(environment->agent, name)) {
        return false;
    }
    for (size_t i = 0; i < config->agent_count && !is_found; i++) {
        is_found = config->agents[i].names_key && is_key_of(&config->agents[i], name);
    }
    return is_found;
}

/* ---- what an agent's program reads ---- */

/* "claude" of "/usr/bin/claude", and of "@agentclientprotocol/claude-agent-acp". */
static const struct adapter *find_program(const char *word)
{
    const char *slash = strrchr(word, '/');
    size_t count;
    const struct adapter *const *adapters = adapter_list(&count);

    word = slash ? slash + 1 : word;
    for (size_t i = 0; i < count; i++) {
        const char *type = adapters[i]->type;
        size_t length = strlen(type);

        if (adapters[i]->kind == ADAPTER_PROGRAM && strncmp(word, type, length) == 0 &&
            (word[length] == '\0' || word[length] == '-')) {
            return adapters[i];
        }
    }
    return NULL;
}

static bool is_for_program(const struct environment *environment, struct text name)
{
    const struct agent_config *agent = environment->agent;
    const struct adapter *adapter = adapter_find(agent->type);
    bool is_found = false;

    if (adapter && adapter->variables) {
        return is_listed(environment, adapter->variables, name);
    }
    if (adapter && adapter->kind == ADAPTER_SERVER) {
        /* The key of a service goes to no other address. */
        bool is_own = !agent->endpoint ||
                      (adapter->endpoint && strcmp(agent->endpoint, adapter->endpoint) == 0);

        return adapter->key_variable && !agent->key && is_own &&
               is_same((struct text){adapter->key_variable, strlen(adapter->key_variable)}, name);
    }
    for (size_t i = 0; i < agent->command_count && !is_found; i++) {
        adapter = find_program(agent->command[i]);
        is_found = adapter && is_listed(environment, adapter->variables, name);
    }
    return is_found;
}

bool environment_passes(const struct environment *environment, const char *item)
{
    const struct agent_config *agent = environment->agent;
    const struct config *config = environment->config;
    const struct text added = {ADDED_VARIABLE, strlen(ADDED_VARIABLE)};
    struct text name = name_of(item);

    if (is_key_of_others(environment, name)) {
        return false;
    }
    return !agent || is_key_of(agent, name) || is_listed(environment, common, name) ||
           is_for_program(environment, name) ||
           is_among(agent->pass_env, agent->pass_env_count, name) ||
           is_among(config->pass_env, config->pass_env_count, name) ||
           is_listed(environment, find_variable(environment, added), name);
}

/* ---- what is not to be shown ---- */

/* Of these a value is taken for a key by its name alone, when an agent has it. */
static const char secret_names[] =
    "*_API_KEY *_ACCESS_KEY *_SECRET_KEY *_TOKEN *_SECRET *_PASSWORD";

static bool is_customary(struct text name)
{
    size_t count;
    const struct adapter *const *adapters = adapter_list(&count);
    bool is_found = false;

    for (size_t i = 0; i < count && !is_found; i++) {
        const char *variable = adapters[i]->key_variable;

        is_found = variable && is_same((struct text){variable, strlen(variable)}, name);
    }
    return is_found;
}

bool environment_is_key(const struct environment *environment, const char *item)
{
    const struct config *config = environment->config;
    struct text name = name_of(item);
    bool is_found = is_customary(name) ||
                    (environment->agent && is_listed(environment, secret_names, name));

    for (size_t i = 0; i < config->agent_count && !is_found; i++) {
        is_found = is_key_of(&config->agents[i], name);
    }
    return is_found;
}

size_t environment_add_key_names(const struct environment *environment, const char *const *items,
                                 size_t count, struct strbuf *names)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (environment_is_key(environment, items[i])) {
            strbuf_addf(names, "%s%.*s", found > 0 ? " " : "", (int)strcspn(items[i], "="),
                        items[i]);
            found++;
        }
    }
    return found;
}
