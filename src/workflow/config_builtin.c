/* SPDX-License-Identifier: MIT */
#include "workflow/config_builtin.h"

#include "workflow/config_agent.h"

#include "base/alloc.h"

#include <string.h>

static const char *const code[] = {"code", "review", "docs", "tests"};
static const char *const text[] = {"review", "docs", "general"};

#define CODING(program, what, about)                                                               \
    .name = (program), .type = (program), .role = (what), .description = (about),                  \
    .capabilities = code, .capability_count = ARRAY_LEN(code)
#define MODEL(called, kind, about)                                                                 \
    .name = (called), .type = (kind), .description = (about), .capabilities = text,                \
    .capability_count = ARRAY_LEN(text)
#define SERVICE(called, address, variable, about)                                                  \
    MODEL(called, "openai-compatible", about), .endpoint = (address), .key = (variable)
#define LOCAL(called, what, can, about)                                                            \
    .name = (called), .type = "ollama", .role = (what), .description = (about),                    \
    .capabilities = (can), .capability_count = ARRAY_LEN(can), .offline = true, COMMON
#define COMMON                                                                                     \
    .enabled = true, .is_builtin = true, .quiet = QUIET_UNSAID, .prompt_by = "stdin",              \
    .output_format = "text", .breaker_threshold = BREAKER_THRESHOLD,                               \
    .breaker_recovery_ms = BREAKER_RECOVERY_MS

static const struct agent_config agents[] = {
    {CODING("claude", "refinement", "Claude Code"), COMMON},
    {CODING("codex", "implementation", "Codex CLI"), COMMON},
    {CODING("gemini", "review", "Gemini CLI"), COMMON},
    {CODING("copilot", "suggestions", "GitHub Copilot CLI"), COMMON},
    {CODING("qwen", "implementation", "Qwen Code"), COMMON},
    {CODING("opencode", "implementation", "opencode"), COMMON},
    {MODEL("ollama", "ollama", "Models of the local Ollama"), .offline = true, COMMON},
    {MODEL("llamacpp", "llamacpp", "The model of the local llama-server"), .offline = true, COMMON},
    {MODEL("localai", "localai", "Models of the local LocalAI"), .offline = true, COMMON},
    {MODEL("text-generation-webui", "text-generation-webui",
           "The model of the local text-generation-webui"),
     .offline = true, COMMON},
    {LOCAL("local-code", "implementation", code, "A local model that writes code: of Ollama")},
    {LOCAL("local-instruct", "review", text, "A local model that reviews and writes: of Ollama")},
    {MODEL("anthropic", "anthropic", "Models of Anthropic"), COMMON},
    {SERVICE("openai", "https://api.openai.com/v1", "env:OPENAI_API_KEY", "Models of OpenAI"),
     COMMON},
    {MODEL("groq", "groq", "Models at Groq"), COMMON},
    {MODEL("gemini-api", "gemini-api", "Gemini models, without the CLI"), COMMON},
    {.name = "host", .type = "host", .description = "The program that called Fermata", COMMON},
};

#undef CODING
#undef MODEL
#undef SERVICE
#undef LOCAL
#undef COMMON

static const char *const types[] = {
    "command",           "claude",    "codex",      "gemini", "qwen",
    "opencode",          "copilot",   "acp",        "ollama", "llamacpp",
    "localai",           "anthropic", "host",       "openai", "text-generation-webui",
    "openai-compatible", "groq",      "gemini-api",
};

/* Programs by all their names. */
static const struct {
    const char *name;
    const char *type;
    bool is_old; /* no program is called so any more */
} programs[] = {
    {"claude", "claude", false},
    {"claude-code", "claude", false},
    {"codex", "codex", false},
    {"codex-cli", "codex", false},
    {"gemini", "gemini", false},
    {"gemini-cli", "gemini", true},
    {"qwen", "qwen", false},
    {"qwen-code", "qwen", false},
    {"opencode", "opencode", false},
    {"copilot", "copilot", false},
    {"github-copilot-cli", "copilot", true},
    {"gh-copilot", "copilot", true},
};

const struct agent_config *config_builtin_agents(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(agents);
    return agents;
}

const struct agent_config *config_find_builtin(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
        if (strcmp(agents[i].name, name) == 0) {
            return &agents[i];
        }
    }
    return NULL;
}

const char *config_find_program(const char *name)
{
    const char *base = name ? strrchr(name, '/') : NULL;

    base = base ? base + 1 : name;
    for (size_t i = 0; base && i < ARRAY_LEN(programs); i++) {
        if (strcasecmp(programs[i].name, base) == 0) {
            return programs[i].type;
        }
    }
    return NULL;
}

bool config_is_old_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        if (programs[i].is_old && strcmp(programs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *const *config_agent_types(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(types);
    return types;
}
