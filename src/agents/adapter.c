/* SPDX-License-Identifier: MIT */
/* The table of adapters, and what they fill. */
#include "agents/adapter.h"
#include "agents/reader.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_INPUT_BYTES_MAX (96U * 1024 * 1024)

static const struct adapter *const adapters[] = {
    &adapter_claude, &adapter_codex,  &adapter_copilot,   &adapter_gemini,     &adapter_opencode,
    &adapter_qwen,   &adapter_ollama, &adapter_llamacpp,  &adapter_localai,    &adapter_textgen,
    &adapter_openai, &adapter_groq,   &adapter_anthropic, &adapter_gemini_api, &adapter_command,
    &adapter_host,   &adapter_acp,
};

const struct adapter *adapter_find(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(adapters); i++) {
        if (strcmp(adapters[i]->type, type) == 0) {
            return adapters[i];
        }
    }
    return NULL;
}

const struct adapter *const *adapter_list(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(adapters);
    return adapters;
}

void agent_command_init(struct agent_command *command)
{
    memset(command, 0, sizeof(*command));
    strbuf_init(&command->input, COMMAND_INPUT_BYTES_MAX);
}

void agent_command_release(struct agent_command *command)
{
    for (size_t i = 0; i < command->argv.count; i++) {
        free(command->argv.items[i]);
    }
    for (size_t i = 0; i < command->env.count; i++) {
        free(command->env.items[i]);
    }
    for (size_t i = 0; i < command->files.count; i++) {
        free(command->files.items[i].name);
        free(command->files.items[i].data);
    }
    VEC_RELEASE(&command->argv);
    VEC_RELEASE(&command->env);
    VEC_RELEASE(&command->files);
    strbuf_release(&command->input);
}

void agent_command_add(struct agent_command *command, const char *argument)
{
    *VEC_PUSH(&command->argv) = mem_strdup(argument);
}

void agent_command_add_list(struct agent_command *command, const char *const *arguments)
{
    for (; *arguments; arguments++) {
        agent_command_add(command, *arguments);
    }
}

void agent_command_set(struct agent_command *command, const char *name, const char *value)
{
    *VEC_PUSH(&command->env) = mem_printf("%s=%s", name, value);
}

void agent_command_add_file(struct agent_command *command, const char *name, const char *data,
                            size_t length)
{
    *VEC_PUSH(&command->files) = (struct agent_command_file){
        .name = mem_strdup(name), .data = mem_strndup(data, length), .length = length};
}
