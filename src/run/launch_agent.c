/* SPDX-License-Identifier: MIT */
/* From an agent step to what is run: its prompt, and the call as the agent's adapter wants it. */
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"
#include "run/launch.h"
#include "run/merge_conflict.h"
#include "run/profile.h"
#include "run/prompt.h"
#include "run/workspace.h"

#include <stdlib.h>
#include <string.h>

#define PROMPT_BYTES_MAX (64U * 1024 * 1024)

void agent_launch_init(struct agent_launch *launch)
{
    agent_command_init(&launch->command);
    strbuf_init(&launch->prompt, PROMPT_BYTES_MAX);
}

void agent_launch_release(struct agent_launch *launch)
{
    agent_command_release(&launch->command);
    strbuf_release(&launch->prompt);
}

int launch_prompt(struct active *active, int index, struct strbuf *target, struct error *err)
{
    const struct engine_options *options = &active->engine->options;
    const struct step *definition = step_effective(&active->state->steps[index]);
    struct lookup_context context = launch_context(active, index);
    int r = prompt_add_role(definition, target, err);

    if (r < 0) {
        return r;
    }
    prompt_add_project(options, step_agent(&active->state->steps[index]), target);
    strbuf_add(target, "# Your task\n\n");
    r = template_format(definition->prompt, run_lookup, &context, target, err);
    if (r == 0 && context.unread) {
        r = launch_refuse_unread(&context, err);
    }
    strbuf_add_char(target, '\n');
    prompt_add_contracts(active->state->workflow, target);
    if (r == 0 && definition->schema) {
        char *schema = json_dump_pretty(definition->schema);

        strbuf_addf(target,
                    "\n# Output\n\nAnswer with one JSON value that follows this JSON Schema and "
                    "nothing else.\n\n%s",
                    schema);
        free(schema);
    }
    dialogue_add_way(definition, target);
    dialogue_add_answers(&active->state->steps[index], target);
    if (r == 0 && target->overflow) {
        r = error_set(err, ERROR_LIMIT, "the prompt is larger than %zu bytes", target->length_max);
    }
    return r;
}

/* The session has the task already, but nobody knows how much of it reached the agent. */
static void add_resumption(const struct step_state *step, struct strbuf *prompt)
{
    struct strbuf whole;

    if (!step->error) {
        return; /* it asked something, and the answer is in the prompt */
    }
    strbuf_init(&whole, prompt->length_max);
    strbuf_addf(&whole,
                "Your work on the task below was interrupted (%s). Look at what is done already, "
                "and go on from there.\n\n",
                step->error);
    strbuf_add_bytes(&whole, prompt->data, prompt->length);
    strbuf_release(prompt);
    *prompt = whole;
}

static int make_command(const struct agent_call *call, struct agent_command *command,
                        struct error *err)
{
    char *description;
    int r = call->agent->adapter->command(call, command, err);

    if (r < 0) {
        return r;
    }
    description = transcript_describe(call, call->earlier);
    agent_command_add_file(command, TRANSCRIPT_FILE, description, strlen(description));
    agent_command_add_file(command, "prompt", call->prompt, call->prompt_length);
    free(description);
    return 0;
}

#define KEY_BYTES_MAX 65536U

/* As the agent's process will have it: its own environment is the last word. */
static const char *find_variable(const struct engine_options *options,
                                 const struct agent_config *agent, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; agent && i < agent->env_count; i++) {
        if (strcmp(agent->env[i].name, name) == 0) {
            return agent->env[i].value;
        }
    }
    for (const char *const *item = options->environment; item && *item; item++) {
        if (strncmp(*item, name, length) == 0 && (*item)[length] == '=') {
            return *item + length + 1;
        }
    }
    return NULL;
}

/* "file:PATH": relative to the home folder (`~/`) or the project. The caller frees the key. */
static int read_key_file(const struct engine_options *options, const char *name, char **ret_key,
                         struct error *err)
{
    const char *home = find_variable(options, NULL, "HOME");
    char *path = strncmp(name, "~/", 2) == 0 && home ? path_join(home, name + 2)
                                                     : path_join(options->project, name);
    size_t length;
    int r = file_read(path, KEY_BYTES_MAX, ret_key, &length, err);

    if (r == 0) {
        (*ret_key)[strcspn(*ret_key, "\r\n")] = '\0';
    }
    free(path);
    return r;
}

/* A coding program finds the configured key where it looks for one. Servers' drivers read theirs
 * themselves. */
static int add_key(const struct engine_options *options, const struct agent_profile *profile,
                   struct agent_command *command, struct error *err)
{
    const struct adapter *adapter = profile->adapter;
    const char *value = NULL;
    char *read = NULL;
    int r = 0;

    if (!profile->key || adapter->kind != ADAPTER_PROGRAM || !adapter->key_variable) {
        return 0;
    }
    if (strncmp(profile->key, "file:", 5) == 0) {
        r = read_key_file(options, profile->key + 5, &read, err);
        value = read;
    } else {
        value = find_variable(options, config_find_agent(options->config, profile->name),
                              profile->key + strlen("env:"));
    }
    if (r == 0 && (!value || !*value)) {
        r = error_set(err, ERROR_UNAVAILABLE, "%s is %s", profile->key, read ? "empty" : "not set");
    }
    if (r < 0) {
        error_context(err, "the key of agent %s", profile->name);
    }
    if (r == 0) {
        agent_command_set(command, adapter->key_variable, value);
    }
    free(read);
    return r;
}

/* The agent's own environment is the last word. */
static void add_env(const struct agent_config *agent, struct agent_command *command)
{
    for (size_t i = 0; agent && i < agent->env_count; i++) {
        agent_command_set(command, agent->env[i].name, agent->env[i].value);
    }
}

/* Whoever works in a clone that holds a conflict is to settle it. */
static bool add_conflict(const char *tree, struct strbuf *prompt)
{
    char *text = conflict_read_prompt(tree);

    bool is_there = text != NULL;

    strbuf_add(prompt, is_there ? text : "");
    free(text);
    return is_there;
}

int launch_agent(struct active *active, int index, const char *folder, struct agent_launch *launch,
                 struct error *err)
{
    const struct engine_options *options = &active->engine->options;
    const struct step_state *step = &active->state->steps[index];
    const struct step *definition = step_effective(step);
    const struct profile_use use = {definition, step_agent(step)};
    const struct expert_hint *tools = profile_expert_tools(options->config, use);
    json_t *server_options = NULL;
    struct agent_profile profile;
    struct agent_call call;
    char *libexec;
    char *root;
    char *cwd;
    int r = profile_find(options->config, use.agent, &profile, err);

    if (r == 0) {
        r = profile_check_step(&profile, use, err);
    }
    if (r == 0) {
        r = launch_prompt(active, index, &launch->prompt, err);
    }
    if (r < 0) {
        return r;
    }
    server_options = profile_options(options->config, use);
    profile.options = server_options;
    libexec = path_folder(options->keeper_path);
    root = workspace_root(active, index);
    cwd = definition->cwd ? path_join(root, definition->cwd) : mem_strdup(root);
    call = (struct agent_call){.agent = &profile,
                               .model = profile_call_model(options->config, use),
                               .is_read_only = definition->read_only,
                               .tools = tools ? tools->values : definition->tools,
                               .tool_count = tools ? tools->count : definition->tool_count,
                               .turns_max = definition->turns_max,
                               .budget_usd = definition->budget_usd,
                               .schema = definition->schema,
                               .cwd = cwd,
                               .folder = folder,
                               .timeout_ms = profile_timeout_ms(options->config, use),
                               .libexec = libexec};
    if (step->is_resumed && (profile.adapter->abilities & CAN_RESUME)) {
        call.session = step->session;
        call.earlier = &step_calls(step)->session_usage.sum;
        add_resumption(step, &launch->prompt);
    }
    if (!workspace_is_clone(definition) || !add_conflict(root, &launch->prompt)) {
        handoff_add(step, active->folder, &launch->prompt);
    }
    launch->can_edit = profile.adapter->abilities & CAN_EDIT;
    call.prompt = launch->prompt.data;
    call.prompt_length = launch->prompt.length;
    r = make_command(&call, &launch->command, err);
    if (r == 0) {
        r = add_key(options, &profile, &launch->command, err);
    }
    add_env(config_find_agent(options->config, profile.name), &launch->command);
    json_decref(server_options);
    free(libexec);
    free(root);
    free(cwd);
    return r;
}
