/* SPDX-License-Identifier: MIT */
/* Whether a coding program is signed in, as far as its files and the environment tell. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/agent.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLES_MAX 5
#define KEY_BYTES_MAX 65536U

/* Where a program keeps its account: below the folder that the variable names, or below home. */
struct account_file {
    const char *variable;
    const char *below_variable;
    const char *below_home;
};

static const struct account {
    const char *type;
    const char *variables[VARIABLES_MAX + 1];
    struct account_file file;
} accounts[] = {
    {"claude",
     {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN",
      "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"},
     {"CLAUDE_CONFIG_DIR", ".credentials.json", ".claude/.credentials.json"}},
    {"codex", {"CODEX_API_KEY"}, {"CODEX_HOME", "auth.json", ".codex/auth.json"}},
    {"gemini",
     {"GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"},
     {"GEMINI_CLI_HOME", ".gemini/oauth_creds.json", ".gemini/oauth_creds.json"}},
    {"qwen",
     {"OPENAI_API_KEY", "DASHSCOPE_API_KEY"},
     {"QWEN_HOME", "oauth_creds.json", ".qwen/oauth_creds.json"}},
    {"opencode",
     {NULL},
     {"XDG_DATA_HOME", "opencode/auth.json", ".local/share/opencode/auth.json"}},
    {"copilot",
     {"COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "COPILOT_PROVIDER_BASE_URL"},
     {"COPILOT_HOME", "config.json", ".copilot/config.json"}},
};

static const struct account *find_account(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        if (strcmp(accounts[i].type, type) == 0) {
            return &accounts[i];
        }
    }
    return NULL;
}

bool agent_knows_accounts(const char *type)
{
    return find_account(type) != NULL;
}

const char *agent_variable_find(const struct ops *ops, const struct agent_config *config,
                                const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < config->env_count; i++) {
        if (strcmp(config->env[i].name, name) == 0) {
            return *config->env[i].value ? config->env[i].value : NULL;
        }
    }
    for (const char *const *item = ops->settings->environment; *item; item++) {
        if (strncmp(*item, name, length) == 0 && (*item)[length] == '=') {
            return (*item)[length + 1] ? *item + length + 1 : NULL;
        }
    }
    return NULL;
}

static char *find_file(const struct ops *ops, const struct agent_config *config,
                       const struct account_file *file)
{
    const char *folder = agent_variable_find(ops, config, file->variable);
    const char *home = agent_variable_find(ops, config, "HOME");
    char *path = folder ? path_join(folder, file->below_variable)
                 : home ? path_join(home, file->below_home)
                        : NULL;

    if (path && !file_exists(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

/* "file:~/key": a path of the home folder, or of the project. */
static char *make_key_path(const struct ops *ops, const char *name)
{
    return strncmp(name, "~/", 2) == 0 && ops->settings->home
               ? path_join(ops->settings->home, name + 2)
               : path_join(ops->project ? ops->project : ops->settings->cwd, name);
}

static char *find_key_file(const struct ops *ops, const char *name)
{
    char *path = make_key_path(ops, name);

    if (!file_exists(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

static char *find_key(const struct ops *ops, const struct agent_config *config, const char *key)
{
    if (strncmp(key, "file:", 5) == 0) {
        return find_key_file(ops, key + 5);
    }
    key += strncmp(key, "env:", 4) == 0 ? 4 : 0;
    return agent_variable_find(ops, config, key) ? mem_strdup(key) : NULL;
}

static int check_key_variable(const struct ops *ops, const struct agent_config *config,
                              const char *name, struct error *err)
{
    if (agent_variable_find(ops, config, name)) {
        return 0;
    }
    (void)error_set(err, ERROR_UNAVAILABLE, "%s is not set", name);
    if (config->is_builtin) {
        error_hint(err, "set %s", name);
    } else {
        error_hint(err, "set %s, which `key` of %s names", name, config->name);
    }
    return ERROR_UNAVAILABLE;
}

static int check_key_file(const struct ops *ops, const struct agent_config *config,
                          const char *name, struct error *err)
{
    char *path = make_key_path(ops, name);
    char *key = NULL;
    size_t length = 0;
    int r = file_read(path, KEY_BYTES_MAX, &key, &length, NULL);

    if (r == 0 && key[strspn(key, " \t\r\n")]) {
        free(key);
        free(path);
        return 0;
    }
    (void)error_set(err, ERROR_UNAVAILABLE,
                    r == 0                 ? "its key file is empty"
                    : r == ERROR_NOT_FOUND ? "its key file is missing"
                                           : "its key file cannot be read");
    error_hint(err, "%s %s, which `key` of %s names",
               r == 0 || r == ERROR_NOT_FOUND ? "write the key into" : "make readable", path,
               config->name);
    free(key);
    free(path);
    return ERROR_UNAVAILABLE;
}

int agent_check_key(const struct ops *ops, const struct agent_config *config,
                    const struct adapter *adapter, struct error *err)
{
    bool is_used = adapter->kind == ADAPTER_SERVER ||
                   (adapter->kind == ADAPTER_PROGRAM && adapter->key_variable);

    if (!config->key || !is_used) {
        return 0;
    }
    return strncmp(config->key, "file:", 5) == 0
               ? check_key_file(ops, config, config->key + 5, err)
               : check_key_variable(ops, config, config->key + strlen("env:"), err);
}

char *agent_find_account(const struct ops *ops, const struct agent_config *config,
                         const struct adapter *adapter)
{
    const struct account *account = find_account(config->type);

    if (config->key) {
        return find_key(ops, config, config->key);
    }
    for (size_t i = 0; account && account->variables[i]; i++) {
        if (agent_variable_find(ops, config, account->variables[i])) {
            return mem_strdup(account->variables[i]);
        }
    }
    if (account) {
        return find_file(ops, config, &account->file);
    }
    return adapter && adapter->key_variable && !config->endpoint
               ? find_key(ops, config, adapter->key_variable)
               : NULL;
}
