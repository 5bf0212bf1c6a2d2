/* SPDX-License-Identifier: MIT */
#include "run/prompt.h"
#include "agents/adapter.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "workflow/expert.h"

#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1024U * 1024)

int prompt_add_role(const struct step *step, struct strbuf *target, struct error *err)
{
    if (step->expert && !step->role) {
        return error_set(err, ERROR_NOT_FOUND, "there was no expert %s when the run was started",
                         step->expert);
    }
    if (step->role) {
        strbuf_addf(target, "# Your role\n\n%s\n\n", step->role->body);
    }
    return 0;
}

void prompt_add_contracts(const struct workflow *workflow, struct strbuf *target)
{
    if (workflow->contract_count > 0) {
        strbuf_add(target, "\n# Rules\n");
    }
    for (size_t i = 0; i < workflow->contract_count; i++) {
        strbuf_addf(target, "\n## %s", workflow->contracts[i].text);
    }
}

/* A program with a file of its own has whatever the project wants to tell it. */
static bool reads_own_file(const struct engine_options *options, const char *name)
{
    const char *wanted = name ? name : options->config->default_agent;
    const struct agent_config *agent = wanted ? config_find_agent(options->config, wanted) : NULL;
    const struct adapter *adapter = agent ? adapter_find(agent->type) : NULL;
    bool is_there = false;

    if (adapter && adapter->project_file) {
        char *path = path_join(options->project, adapter->project_file);

        is_there = file_exists(path);
        free(path);
    }
    return is_there;
}

/* Longer than any row of backquotes in the text, so that it cannot end the fence. */
static void add_fenced(const char *text, size_t length, struct strbuf *target)
{
    size_t longest = 2;
    size_t row = 0;

    for (size_t i = 0; i < length; i++) {
        row = text[i] == '`' ? row + 1 : 0;
        longest = row > longest ? row : longest;
    }
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i <= longest; i++) {
            strbuf_add_char(target, '`');
        }
        strbuf_add_char(target, '\n');
        if (side == 0) {
            strbuf_add_bytes(target, text, length);
            strbuf_add(target, length > 0 && text[length - 1] == '\n' ? "" : "\n");
        }
    }
}

/* Whole lines, where there are any. */
static size_t cut(const char *text, size_t length)
{
    size_t end = PROJECT_CONTEXT_BYTES_MAX;

    if (length <= PROJECT_CONTEXT_BYTES_MAX) {
        return length;
    }
    while (end > 0 && text[end - 1] != '\n') {
        end--;
    }
    end = end > 0 ? end : PROJECT_CONTEXT_BYTES_MAX;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--; /* no half of a character */
    }
    return end;
}

void prompt_add_project(const struct engine_options *options, const char *agent,
                        struct strbuf *target)
{
    enum project_context wanted = options->config->project_context;
    size_t length = 0;
    size_t kept;
    char *path;
    char *text = NULL;

    if (wanted == CONTEXT_NEVER || (wanted == CONTEXT_AUTO && reads_own_file(options, agent))) {
        return;
    }
    path = path_join(options->project, PROJECT_CONTEXT_FILE);
    if (file_read(path, FILE_BYTES_MAX, &text, &length, NULL) == 0 && length > 0 &&
        utf8_is_valid(text, length)) {
        kept = cut(text, length);
        strbuf_addf(target,
                    "# The project\n\nWhat its people say in " PROJECT_CONTEXT_FILE
                    "%s. Your task goes before it.\n\n",
                    kept < length ? " (the first part of it: read the rest there)" : "");
        add_fenced(text, kept, target);
        strbuf_add_char(target, '\n');
    }
    free(text);
    free(path);
}
