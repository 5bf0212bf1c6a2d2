/* SPDX-License-Identifier: MIT */
/* From a step to what is run: arguments, environment, standard input, ceilings. Values reach a
 * command only as environment variables and on standard input, never inside its text. */
#include "run/launch.h"

#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/redact.h"
#include "base/timestamp.h"
#include "functions/functions.h"
#include "results/results.h"
#include "run/changes.h"
#include "run/engine.h"
#include "run/environment.h"
#include "run/live.h"
#include "run/profile.h"
#include "run/slot.h"
#include "run/workspace.h"
#include "run/writer.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (64U * 1024 * 1024)
#define ENV_VALUE_BYTES_MAX (96U * 1024) /* execve refuses single strings above 128 KiB */
#define GRACE_MS 5000

struct launch {
    struct attempt_spec spec;
    char *keeper_path;
    char *folder;
    char *root; /* the project, or its clone: see workspace.h */
    char *cwd;
    VEC(char *) argv; /* NULL-terminated */
    VEC(char *) env;
    VEC(struct attempt_file) files; /* values that are too large for the environment */
    struct strbuf input;
    bool has_input;
    const struct gate_check *check; /* NULL: it is the step itself */
    bool is_own_check;              /* of the gate that the step itself has, in its clone */
    bool is_agent;
    struct agent_launch agent;
    char *blobs;
    char *project;
    char *project_folder; /* PROJECT/.fermata */
    struct store *store;
    char run_id[RUN_ID_SIZE];
    const char *within;  /* as in struct writer; the engine's environment */
    bool is_writer;      /* it changes the project itself */
    char *limited_agent; /* one with a limit of calls at once; NULL: none */
    int slots;
    bool is_clone;
    const struct config *config;
    bool is_turned_away;
};

void launch_free(struct launch *launch)
{
    if (!launch) {
        return;
    }
    for (size_t i = 0; i < launch->argv.count; i++) {
        free(launch->argv.items[i]);
    }
    for (size_t i = 0; i < launch->env.count; i++) {
        free(launch->env.items[i]);
    }
    for (size_t i = 0; i < launch->files.count; i++) {
        free(launch->files.items[i].name);
        free(launch->files.items[i].data);
    }
    VEC_RELEASE(&launch->files);
    VEC_RELEASE(&launch->argv);
    VEC_RELEASE(&launch->env);
    strbuf_release(&launch->input);
    agent_launch_release(&launch->agent);
    free(launch->limited_agent);
    free(launch->keeper_path);
    free(launch->folder);
    free(launch->blobs);
    free(launch->project);
    free(launch->project_folder);
    free(launch->root);
    free(launch->cwd);
    free(launch);
}

struct lookup_context launch_context(struct active *active, int step)
{
    return (struct lookup_context){.run = active->state,
                                   .step = &active->state->steps[step],
                                   .project = active->engine->options.project,
                                   .load = engine_load_blob,
                                   .load_context = active->engine,
                                   .watch = active->watch};
}

int launch_refuse_unread(const struct lookup_context *context, struct error *err)
{
    return error_set(err, ERROR_IO, "the output of step %s cannot be read", context->unread);
}

int launch_arguments(struct active *active, int step, struct template_list with,
                     json_t **ret_arguments, struct error *err)
{
    struct lookup_context context = launch_context(active, step);
    json_t *arguments = json_object();
    int r = 0;

    for (size_t i = 0; r == 0 && i < with.count; i++) {
        json_t *value = NULL;

        r = template_evaluate(with.items[i].value, run_lookup, &context, &value, err);
        if (r == 0 && context.unread) {
            json_decref(value);
            r = launch_refuse_unread(&context, err);
        }
        if (r == 0) {
            json_put(arguments, with.items[i].name, value);
        } else {
            error_context(err, "argument %s", with.items[i].name);
        }
    }
    if (r == 0) {
        *ret_arguments = arguments;
        arguments = NULL;
    }
    json_decref(arguments);
    return r;
}

/* ---- environment ---- */

static bool has_name(const char *entry, const char *name, size_t length)
{
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static char **env_find(const struct launch *launch, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < launch->env.count; i++) {
        if (launch->env.items[i] && has_name(launch->env.items[i], name, length)) {
            return &launch->env.items[i];
        }
    }
    return NULL;
}

/* A name is there once: programs differ in which of two they take. */
static void env_add(struct launch *launch, const char *name, const char *value)
{
    char **entry = value ? env_find(launch, name) : NULL;

    if (entry) {
        free(*entry);
        *entry = mem_printf("%s=%s", name, value);
    } else if (value) {
        *VEC_PUSH(&launch->env) = mem_printf("%s=%s", name, value);
    }
}

/* Half a value would be a lie, and the kernel takes no larger ones: such a value lies in a file of
 * the attempt's folder, which NAME_FILE names instead. */
static void env_add_value(struct launch *launch, const char *name, const char *value)
{
    char *variable;
    char *path;

    if (!value || strlen(value) <= ENV_VALUE_BYTES_MAX) {
        env_add(launch, name, value);
        return;
    }
    variable = mem_printf("%s_FILE", name);
    path = path_join(launch->folder, name);
    if (!env_find(launch, variable)) { /* else it is an input of that name */
        env_add(launch, variable, path);
    }
    *VEC_PUSH(&launch->files) = (struct attempt_file){
        .name = mem_strdup(name), .data = mem_strdup(value), .length = strlen(value)};
    free(variable);
    free(path);
}

static void env_add_integer(struct launch *launch, const char *name, int64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    env_add(launch, name, text);
}

/* What describes a step; a run that was itself started by a step must not pass its own on. */
static bool is_of_a_step(const char *entry)
{
    static const char *const names[] = {
        "FERMATA_RUN",        "FERMATA_PHASE", "FERMATA_STEP",      "FERMATA_ATTEMPT",
        "FERMATA_TASK",       "FERMATA_INDEX", "FERMATA_TASK_FILE", "FERMATA_ITEM_FILE",
        "FERMATA_RUN_FOLDER", "FERMATA_ITEM",  "FERMATA_WORKSPACE", "FERMATA_PORT_BASE",
        REDACT_VARIABLE};
    bool found = strncmp(entry, "FERMATA_INPUT_", strlen("FERMATA_INPUT_")) == 0;

    for (size_t i = 0; !found && i < ARRAY_LEN(names); i++) {
        found = has_name(entry, names[i], strlen(names[i]));
    }
    return found;
}

static const char *find_variable(const char *const *environment, const char *name)
{
    for (; environment && *environment; environment++) {
        if (has_name(*environment, name, strlen(name))) {
            return *environment + strlen(name) + 1;
        }
    }
    return NULL;
}

static void env_copy(struct launch *launch, struct active *active, int index)
{
    const struct engine_options *options = &active->engine->options;
    const struct environment environment = {
        .config = options->config,
        .agent = launch->is_agent ? live_agent_of(active, &active->state->steps[index]) : NULL,
        .items = options->environment,
    };

    for (const char *const *item = environment.items; item && *item; item++) {
        if (!is_of_a_step(*item) && environment_passes(&environment, *item)) {
            *VEC_PUSH(&launch->env) = mem_strdup(*item);
        }
    }
}

static void env_add_json(struct launch *launch, const char *name, const json_t *value)
{
    char *text;

    if (json_is_string(value)) {
        env_add_value(launch, name, json_string_value(value));
    } else if (value && !json_is_null(value)) {
        text = json_dump_compact(value);
        env_add_value(launch, name, text);
        free(text);
    }
}

static void env_add_inputs(struct launch *launch, const json_t *inputs)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)inputs, name, value)
    {
        char *variable = mem_printf("FERMATA_INPUT_%s", name);

        for (char *c = variable + strlen("FERMATA_INPUT_"); *c; c++) {
            *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
        }
        env_add_json(launch, variable, value);
        free(variable);
    }
}

static int env_build(struct launch *launch, struct active *active, int index, struct error *err)
{
    const struct run_state *run = active->state;
    const struct step_state *step = &run->steps[index];
    const struct step *definition = step_effective(step);
    struct lookup_context context = launch_context(active, index);
    int r = 0;

    env_copy(launch, active, index);
    env_add(launch, "FERMATA_RUN", run->id);
    env_add(launch, "FERMATA_PHASE", active->workflow->phases[step->phase].id);
    env_add(launch, "FERMATA_STEP", step->key);
    env_add_integer(launch, "FERMATA_ATTEMPT", step->attempts);
    env_add(launch, "FERMATA_PROJECT", active->engine->options.project);
    env_add(launch, "FERMATA_RUN_FOLDER", active->folder);
    env_add_value(launch, "FERMATA_TASK", run->task);
    env_add_inputs(launch, run->inputs);
    if (step->instance >= 0) {
        env_add_integer(launch, "FERMATA_INDEX", step->instance);
        env_add_json(launch, "FERMATA_ITEM",
                     json_array_get(run->steps[step->parent].items, (size_t)step->instance));
    }
    for (size_t i = 0; definition && r == 0 && i < definition->env_count; i++) {
        struct strbuf value;

        strbuf_init(&value, ENV_VALUE_BYTES_MAX);
        r = template_format(definition->env[i].value, run_lookup, &context, &value, err);
        if (r == 0 && context.unread) {
            r = launch_refuse_unread(&context, err);
        }
        if (r == 0) {
            env_add(launch, definition->env[i].name, value.data);
        } else {
            error_context(err, "env %s", definition->env[i].name);
        }
        strbuf_release(&value);
    }
    return r;
}

/* ---- what is run ---- */

static void argv_add(struct launch *launch, const char *text)
{
    *VEC_PUSH(&launch->argv) = mem_strdup(text);
}

static void use_command(struct launch *launch, const char *command)
{
    argv_add(launch, "/bin/sh");
    argv_add(launch, "-c");
    argv_add(launch, command);
}

static int use_function(struct launch *launch, struct active *active, const char *function,
                        json_t *arguments, struct error *err)
{
    const struct host *host = active->engine->options.host;
    json_t *call = json_object();
    char *text;

    argv_add(launch, active->engine->options.self_path);
    argv_add(launch, "function");
    argv_add(launch, function);
    json_put_text(call, "project", launch->root);
    json_put(call, "arguments", arguments);
    json_put_integer(call, "now_ms", host->now_ms(host->context));
    text = json_dump_compact(call);
    strbuf_add(&launch->input, text);
    launch->has_input = true;
    free(text);
    json_decref(call);
    if (launch->input.overflow) {
        return error_set(err, ERROR_LIMIT, "the arguments of %s are larger than %u bytes", function,
                         INPUT_BYTES_MAX);
    }
    return 0;
}

static void take_files(struct launch *launch, struct agent_command *command)
{
    for (size_t i = 0; i < command->files.count; i++) {
        const struct agent_command_file *file = &command->files.items[i];

        *VEC_PUSH(&launch->files) = (struct attempt_file){file->name, file->data, file->length};
    }
    command->files.count = 0;
}

/* Its environment is added when that of the step is complete. */
static int use_agent(struct launch *launch, struct active *active, int index, struct error *err)
{
    const struct agent_config *agent;
    int r = launch_agent(active, index, launch->folder, &launch->agent, err);

    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < launch->agent.command.argv.count; i++) {
        argv_add(launch, launch->agent.command.argv.items[i]);
    }
    strbuf_add_bytes(&launch->input, launch->agent.command.input.data,
                     launch->agent.command.input.length);
    launch->has_input = launch->input.length > 0;
    launch->is_agent = true;
    agent = live_agent_of(active, &active->state->steps[index]);
    if (agent && agent->concurrency > 0) {
        launch->limited_agent = mem_strdup(agent->name);
        launch->slots = agent->concurrency;
    }
    launch->is_writer = launch->agent.can_edit && !launch->is_clone &&
                        !step_effective(&active->state->steps[index])->read_only;
    take_files(launch, &launch->agent.command);
    return launch->input.overflow
               ? error_set(err, ERROR_LIMIT, "the input of the agent is larger than %u bytes",
                           INPUT_BYTES_MAX)
               : 0;
}

static void env_add_agent(struct launch *launch)
{
    for (size_t i = 0; launch->is_agent && i < launch->agent.command.env.count; i++) {
        char *name = mem_strdup(launch->agent.command.env.items[i]);
        char *value = strchr(name, '=');

        assert(value);
        *value = '\0';
        env_add(launch, name, value + 1);
        free(name);
    }
}

/* The names alone: its keeper, which has the values, takes them out of what it says. One that the
 * keeper did not know would be shown. */
static int env_add_keys(struct launch *launch, struct active *active, int index, struct error *err)
{
    const struct environment environment = {
        .config = active->engine->options.config,
        .agent = launch->is_agent ? live_agent_of(active, &active->state->steps[index]) : NULL,
    };
    struct strbuf names;
    size_t count;
    int r = 0;

    strbuf_init(&names, ENV_VALUE_BYTES_MAX);
    count = environment_add_key_names(&environment, (const char *const *)launch->env.items,
                                      launch->env.count, &names);
    if (count > REDACT_KEYS_MAX || names.overflow) {
        r = error_set(err, ERROR_LIMIT,
                      "%zu variables of its environment are keys; of at most %d it is taken care "
                      "that nothing shows them",
                      count, REDACT_KEYS_MAX);
        error_hint(err, "`pass_env` in config.yaml names what it gets");
    } else if (names.length > 0) {
        env_add(launch, REDACT_VARIABLE, names.data);
    }
    strbuf_release(&names);
    return r;
}

static int use_function_step(struct launch *launch, struct active *active, int index,
                             struct error *err)
{
    const struct gate_check *check = launch->check;
    const struct step *definition = step_effective(&active->state->steps[index]);
    struct template_list with = check ? (struct template_list){check->with, check->with_count}
                                      : (struct template_list){definition->with,
                                                               definition->with_count};
    json_t *arguments = NULL;
    int r = launch_arguments(active, index, with, &arguments, err);

    return r < 0 ? r
                 : use_function(launch, active, check ? check->function : definition->function,
                                arguments, err);
}

static int use_step(struct launch *launch, struct active *active, int index, struct error *err)
{
    const struct step_state *step = &active->state->steps[index];
    const struct step *definition = step_effective(step);

    if (launch->check && launch->check->command) {
        use_command(launch, launch->check->command);
        return 0;
    }
    if (launch->check) {
        return use_function_step(launch, active, index, err);
    }
    switch (definition->kind) {
    case STEP_COMMAND:
        use_command(launch, definition->command);
        return 0;
    case STEP_FUNCTION:
        return use_function_step(launch, active, index, err);
    case STEP_AGENT:
        return use_agent(launch, active, index, err);
    case STEP_APPROVAL:
    case STEP_WORKFLOW:
        break;
    }
    return error_set(err, ERROR_INTERNAL, "step %s is nothing that can be run", step->key);
}

int64_t launch_timeout_ms(struct active *active, int index)
{
    const struct step_state *step = &active->state->steps[index];

    return step->check
               ? step->check->timeout_ms
               : profile_timeout_ms(active->engine->options.config,
                                    (struct profile_use){step_effective(step), step_agent(step)});
}

static void fill_spec(struct launch *launch, struct active *active, int index)
{
    *VEC_PUSH(&launch->argv) = NULL;
    *VEC_PUSH(&launch->env) = NULL;
    launch->spec = (struct attempt_spec){
        .folder = launch->folder,
        .argv = (const char *const *)launch->argv.items,
        .env = (const char *const *)launch->env.items,
        .cwd = launch->cwd,
        .input = launch->has_input ? launch->input.data : NULL,
        .input_length = launch->input.length,
        .files = launch->files.items,
        .file_count = launch->files.count,
        .timeout_ms = launch->check ? launch->check->timeout_ms : launch_timeout_ms(active, index),
        .grace_ms = GRACE_MS,
        .stdout_is_file = launch->agent.command.has_file_output,
        .has_own_tmp = launch->is_agent,
        .output_bytes_max = active->engine->options.config->output_bytes_max *
                            (launch->is_agent ? AGENT_OUTPUT_FACTOR : 1),
    };
}

static int make_launch(struct active *active, const struct check_wish *wish,
                       struct launch **ret_launch, struct error *err)
{
    const int index = wish->step;
    const char *folder = wish->folder;
    const struct step *definition = step_effective(&active->state->steps[index]);
    struct launch *launch = mem_zero(1, sizeof(*launch));
    int r;

    launch->check = wish->check ? wish->check : active->state->steps[index].check;
    launch->is_own_check = wish->check != NULL;

    strbuf_init(&launch->input, INPUT_BYTES_MAX);
    agent_launch_init(&launch->agent);
    launch->keeper_path = mem_strdup(active->engine->options.keeper_path);
    launch->folder = mem_strdup(folder);
    launch->blobs = mem_strdup(active->engine->blobs);
    launch->project = mem_strdup(active->engine->options.project);
    launch->project_folder = mem_strdup(active->engine->options.folder);
    launch->store = active->engine->options.store;
    memcpy(launch->run_id, active->state->id, RUN_ID_SIZE);
    launch->within = find_variable(active->engine->options.environment, "FERMATA_RUN");
    launch->root = workspace_root(active, index);
    launch->is_clone = workspace_is_clone(definition) && !launch->check;
    launch->config = active->engine->options.config;
    launch->cwd = definition && definition->cwd ? path_join(launch->root, definition->cwd)
                                                : mem_strdup(launch->root);
    r = use_step(launch, active, index, err);
    if (r == 0) {
        r = env_build(launch, active, index, err);
    }
    env_add_agent(launch);
    r = r < 0 ? r : env_add_keys(launch, active, index, err);
    if (launch->is_agent || launch->is_own_check) {
        env_add(launch, "FERMATA_WORKSPACE", launch->root);
    }
    if (r < 0) {
        launch_free(launch);
        return r;
    }
    fill_spec(launch, active, index);
    *ret_launch = launch;
    return 0;
}

int launch_new(struct active *active, int index, const char *folder, struct launch **ret_launch,
               struct error *err)
{
    const struct check_wish wish = {.step = index, .folder = folder};

    return make_launch(active, &wish, ret_launch, err);
}

int launch_new_check(struct active *active, const struct check_wish *wish,
                     struct launch **ret_launch, struct error *err)
{
    return make_launch(active, wish, ret_launch, err);
}

/* The list ends with NULL. */
static void env_add_late(struct launch *launch, const char *name, int value)
{
    if (!env_find(launch, name)) {
        launch->env.items[launch->env.count - 1] = mem_printf("%s=%d", name, value);
        *VEC_PUSH(&launch->env) = NULL;
        launch->spec.env = (const char *const *)launch->env.items;
    }
}

static int make_workspace(struct launch *launch, struct error *err)
{
    const struct workspace workspace = {.store = launch->store,
                                        .project = launch->project,
                                        .project_folder = launch->project_folder,
                                        .tree = launch->root,
                                        .files = launch->config->workspace_files,
                                        .file_count = launch->config->workspace_file_count};
    int port = WORKSPACE_PORT_SHARED;

    if (launch->is_clone || launch->is_own_check) {
        int r = launch->is_clone ? workspace_make(&workspace, err) : 0;

        port = r < 0 ? r : workspace_port(launch->project_folder, launch->root, err);
    }
    if (port > 0) {
        env_add_late(launch, "FERMATA_PORT_BASE", port);
    }
    return port < 0 ? port : 0;
}

static int start_keeper(struct launch *launch, pid_t *ret_keeper, struct error *err)
{
    int r = launch->is_agent || launch->is_own_check ? make_workspace(launch, err) : 0;

    r = r < 0 ? r : attempt_prepare(&launch->spec, err);

    if (r == 0 && launch->is_agent) {
        char digest[DIGEST_HEX_SIZE];

        /* Under the digest that the step's parts name. */
        r = blob_put(launch->blobs, launch->agent.prompt.data, launch->agent.prompt.length, digest,
                     err);
    }
    if (r == 0 && launch->is_agent && launch->agent.can_edit) {
        changes_begin(&(struct changes_place){.store = launch->store,
                                              .folder = launch->folder,
                                              .project = launch->project},
                      launch->root);
    }
    return r < 0 ? r : attempt_spawn(launch->keeper_path, &launch->spec, ret_keeper, err);
}

static int start_in_turn(struct launch *launch, pid_t *ret_keeper, struct error *err)
{
    const struct writer writer = {.store = launch->store,
                                  .project = launch->project,
                                  .folder = launch->project_folder,
                                  .run_id = launch->run_id,
                                  .attempt = launch->folder,
                                  .within = launch->within};
    int r = launch->is_writer ? writer_take(&writer, err) : 0;

    launch->is_turned_away = r == ERROR_BUSY;
    if (r < 0) {
        return r;
    }
    r = start_keeper(launch, ret_keeper, err);
    if (r < 0 && launch->is_writer) {
        writer_release(&writer);
    }
    return r;
}

/* The keeper has the slot from its start on. */
int launch_start(struct launch *launch, pid_t *ret_keeper, struct error *err)
{
    int r;

    launch->is_turned_away = false;
    launch->spec.held = 0;
    if (launch->limited_agent) {
        r = slot_take(launch->project_folder, launch->limited_agent, launch->slots,
                      &launch->spec.held, err);
        launch->is_turned_away = r == ERROR_BUSY;
        if (r < 0) {
            return r;
        }
    }
    r = start_in_turn(launch, ret_keeper, err);
    if (launch->spec.held > 0) {
        (void)close(launch->spec.held);
    }
    return r;
}

bool launch_waits_for_turn(const struct launch *launch)
{
    return launch->is_turned_away;
}

int launch_inline(struct active *active, int index, struct strbuf *output, struct error *err)
{
    const struct step *definition = step_effective(&active->state->steps[index]);
    const struct function *function = function_find(definition->function);
    const struct host *host = active->engine->options.host;
    struct function_call call = {.project = active->engine->options.project,
                                 .now_ms = host->now_ms(host->context),
                                 .output = output};
    json_t *arguments = NULL;
    int r;

    if (!function) {
        return error_set(err, ERROR_NOT_FOUND, "there is no built-in function %s",
                         definition->function);
    }
    r = launch_arguments(active, index,
                         (struct template_list){definition->with, definition->with_count},
                         &arguments, err);
    if (r == 0) {
        call.arguments = arguments;
        r = function->run(&call, err);
    }
    json_decref(arguments);
    return r;
}
