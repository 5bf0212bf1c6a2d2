/* SPDX-License-Identifier: MIT */
/* The digest of a step: a hash over everything that goes into it (prompt, command, arguments,
 * agent, expert, schema, policy, the tree of the project). A finished step of any run with the same
 * digest is taken instead of doing it again. The parts are kept, so that `explain` can say which
 * one differed. */
#include "run/prepare.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "functions/functions.h"
#include "results/results.h"
#include "run/admission.h"
#include "run/bridge.h"
#include "run/files.h"
#include "run/launch.h"
#include "run/online.h"
#include "run/own.h"
#include "run/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT_BYTES_MAX (64U * 1024 * 1024)

struct preparation {
    struct engine *engine;
    char run[RUN_ID_SIZE];
    char *key;
    char *project;
    char *folder; /* of the run */
    bool needs_tree;
    bool is_fresh;
    int64_t stall_mark_ms; /* engine_stalled_ms when it was decided */
    bool is_check;
    bool is_agents;
    bool is_digested;                   /* else it is never reused */
    struct admission_request admission; /* agent NULL: nobody is to be asked */
    struct admission admitted;
    char *address;                  /* that must be reachable; NULL: nothing is asked */
    enum failure_class passed_over; /* NONE: it is not; `admitted` says why */
    json_t *parts;
    char tree[DIGEST_HEX_SIZE];
    char digest[DIGEST_HEX_SIZE];
    int result;
    struct error err;
    char *from_run;
    char *from_step;
    json_t *output;
    json_t *artifacts;
    char *wanted;    /* of what is held, as in struct step_held; NULL: nothing is */
    char *edit_tree; /* the tree has to be the same as then; NULL: it does not matter */
    char *answerer;  /* whose work it is; NULL: no agent's, or it is not known */
    char *model;
    int64_t duration_ms;
};

/* Where it was done rather than where it was reused, as long as that run is there. */
static const struct query q_reuse_find = {
    "SELECT run, key, output, artifacts, ended_at - started_at, ended_at, reused FROM step"
    " WHERE digest = ?1 AND status = 'completed' AND output IS NOT NULL"
    " ORDER BY reused, ended_at DESC LIMIT 1"};
/* The end of an attempt that completes its step is of the same moment: an index leads to it. */
static const struct query q_answerer = {
    "SELECT json_extract(body, '$.agent'), json_extract(body, '$.model') FROM journal"
    " WHERE kind = 'attempt_ended' AND instr(body, '\"agent\":\"') > 0 AND at = ?3 AND run = ?1"
    " AND json_extract(body, '$.step') = ?2"};
static const struct query q_answerer_told = {
    "SELECT json_extract(body, '$.agent'), json_extract(body, '$.model') FROM journal"
    " WHERE run = ?1 AND kind = 'step_reused' AND json_extract(body, '$.step') = ?2"
    " ORDER BY seq DESC LIMIT 1"};

static void put_digest(json_t *parts, const char *name, const char *text)
{
    char hex[DIGEST_HEX_SIZE];

    if (text) {
        digest_bytes(text, strlen(text), hex);
        json_put_text(parts, name, hex);
    }
}

static void put_json_digest(json_t *parts, const char *name, const json_t *value)
{
    char *text;

    if (value) {
        text = json_dump_sorted(value);
        put_digest(parts, name, text);
        free(text);
    }
}

static void put_agent_settings(const struct config *config, struct profile_use use,
                               const struct agent_config *agent, json_t *parts)
{
    json_t *settings = json_object();
    json_t *env = json_object();

    for (size_t i = 0; i < agent->env_count; i++) {
        json_put_text(env, agent->env[i].name, agent->env[i].value);
    }
    json_put_text(settings, "type", agent->type);
    json_put_text(settings, "endpoint", agent->endpoint);
    json_put(settings, "options", profile_options(config, use));
    json_put(settings, "map", json_incref((json_t *)(uintptr_t)agent->output_map));
    json_put(settings, "env", env);
    put_json_digest(parts, "agent_settings", settings);
    json_decref(settings);
}

static void add_command(const struct agent_config *agent, bool is_read_only, json_t *target)
{
    bool has_own_mode = agent && is_read_only && agent->read_only_count > 0;
    const char *const *words = has_own_mode ? agent->read_only_command
                               : agent      ? agent->command
                                            : NULL;
    size_t count = has_own_mode ? agent->read_only_count : agent ? agent->command_count : 0;

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(target, json_string(words[i]));
    }
}

/* The agent that is really meant, and what stands behind its name. */
static void put_agent(const struct active *active, struct profile_use use, json_t *parts)
{
    const struct config *config = active->engine->options.config;
    const char *name = use.agent ? use.agent : config->default_agent;
    const struct agent_config *agent = name ? config_find_agent(config, name) : NULL;
    const struct expert_hint *tools = profile_expert_tools(config, use);
    json_t *command = json_array();

    /* A role may mean another agent later. */
    json_put_text(parts, "agent", agent ? agent->name : name);
    json_put_text(parts, "model", profile_model(config, use, NULL));
    add_command(agent, use.step->read_only, command);
    put_json_digest(parts, "agent_command", command);
    json_decref(command);
    if (agent) {
        put_agent_settings(config, use, agent, parts);
    }
    if (tools) {
        json_t *names = json_array();

        for (size_t i = 0; i < tools->count; i++) {
            (void)json_array_append_new(names, json_string(tools->values[i]));
        }
        put_json_digest(parts, "expert_tools", names);
        json_decref(names);
    }
}

static int put_agent_parts(struct active *active, int step, const struct step *definition,
                           json_t *parts, struct error *err)
{
    struct strbuf prompt;
    int r;

    strbuf_init(&prompt, PROMPT_BYTES_MAX);
    r = launch_prompt(active, step, &prompt, err);
    if (r == 0) {
        put_digest(parts, "prompt", prompt.data);
        put_agent(active, (struct profile_use){definition, step_agent(&active->state->steps[step])},
                  parts);
    }
    strbuf_release(&prompt);
    return r;
}

static int put_env_parts(struct active *active, int step, const struct step *definition,
                         json_t *parts, struct error *err)
{
    json_t *env = NULL;
    int r;

    if (definition->env_count == 0) {
        return 0;
    }
    r = launch_arguments(active, step,
                         (struct template_list){definition->env, definition->env_count}, &env, err);
    if (r == 0) {
        put_json_digest(parts, "env", env);
    }
    json_decref(env);
    return r;
}

/* A command sees more than its text: its environment, its folder. */
static void put_command_parts(const struct active *active, const struct step_state *step,
                              const struct step *definition, json_t *parts)
{
    const struct run_state *run = active->state;

    put_digest(parts, "command", definition->command);
    put_json_digest(parts, "inputs", run->inputs);
    put_digest(parts, "task", run->task);
    if (step->instance >= 0) {
        json_put_integer(parts, "index", step->instance);
        put_json_digest(parts, "item",
                        json_array_get(run->steps[step->parent].items, (size_t)step->instance));
    }
}

/* What makes a success of it, and what it must leave behind. */
static void put_policy(const struct step *definition, json_t *parts)
{
    json_t *policy = json_object();
    json_t *artifacts = json_array();
    json_t *statuses = json_array();
    json_t *tools = json_array();

    for (size_t i = 0; i < definition->artifact_count; i++) {
        json_t *rule = json_object();

        json_put_text(rule, "name", definition->artifacts[i].name);
        json_put_text(rule, "path", definition->artifacts[i].path);
        (void)json_array_append_new(artifacts, rule);
    }
    for (size_t i = 0; i < definition->success_status_count; i++) {
        (void)json_array_append_new(statuses, json_integer(definition->success_statuses[i]));
    }
    json_put_text(policy, "output", definition->output);
    json_put(policy, "artifacts", artifacts);
    json_put(policy, "statuses", statuses);
    json_put(policy, "json", json_boolean(definition->format == OUTPUT_JSON));
    json_put_text(policy, "cwd", definition->cwd);
    if (definition->read_only) {
        json_put(policy, "read_only", json_true());
    }
    if (definition->gate) {
        json_put(policy, "gate", gate_describe(definition->gate));
    }
    for (size_t i = 0; i < definition->tool_count; i++) {
        (void)json_array_append_new(tools, json_string(definition->tools[i]));
    }
    if (definition->tool_count > 0) {
        json_put(policy, "tools", json_incref(tools));
    }
    json_decref(tools);
    put_json_digest(parts, "policy", policy);
    json_decref(policy);
}

static int collect_parts(struct active *active, int step, const struct step *definition,
                         json_t *parts, struct error *err)
{
    json_t *arguments = NULL;
    int r = 0;

    json_put_text(parts, "kind", step_kind_name(definition->kind));
    put_json_digest(parts, "schema", definition->schema);
    put_policy(definition, parts);
    if (definition->kind == STEP_AGENT) {
        r = put_agent_parts(active, step, definition, parts, err);
    } else if (definition->kind == STEP_COMMAND) {
        put_command_parts(active, &active->state->steps[step], definition, parts);
    } else {
        json_put_text(parts, "function", definition->function);
        json_put_text(parts, "version", FERMATA_VERSION);
        r = launch_arguments(active, step,
                             (struct template_list){definition->with, definition->with_count},
                             &arguments, err);
        put_json_digest(parts, "with", arguments);
        json_decref(arguments);
    }
    return r < 0 ? r : put_env_parts(active, step, definition, parts, err);
}

/* The texts of a workflow and of all that it calls, by their digests. */
static void add_called(const struct active *active, const char *name, json_t *called)
{
    const char *digest = json_get_text(active->state->calls, name, NULL);
    struct workflow *workflow = NULL;

    if (!digest || json_object_get(called, name)) {
        return;
    }
    json_put_text(called, name, digest);
    if (run_load_definition(active->engine->options.folder, active->state->id, digest, &workflow,
                            NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];

        for (size_t k = 0; k < phase->step_count + phase->fix_count; k++) {
            const struct step *step = k < phase->step_count
                                          ? &phase->steps[k]
                                          : &phase->fix_steps[k - phase->step_count];

            if (step->kind == STEP_WORKFLOW) {
                add_called(active, step->workflow, called);
            }
        }
    }
    workflow_free(workflow);
}

/* Of kinds that are never prepared: they count when a plan is edited. */
static int put_other_parts(struct active *active, int index, const struct step *definition,
                           json_t *parts, struct error *err)
{
    const struct named_template message = {"message", definition->message};
    struct template_list list = {&message, definition->message ? 1 : 0};
    json_t *called;
    json_t *given = NULL;
    int r;

    if (definition->kind == STEP_WORKFLOW) {
        called = json_object();
        add_called(active, definition->workflow, called);
        json_put_text(parts, "workflow", definition->workflow);
        put_json_digest(parts, "called", called);
        json_decref(called);
        list = (struct template_list){definition->inputs, definition->input_count};
    } else if (definition->kind != STEP_APPROVAL) {
        return 0;
    }
    r = launch_arguments(active, index, list, &given, err);
    put_json_digest(parts, definition->kind == STEP_WORKFLOW ? "inputs" : "message", given);
    json_decref(given);
    return r;
}

/* Which of its definitions it begins with. */
static bool begins_static(const struct run_state *run, const struct step *definition)
{
    return definition->static_step && step_strategy(run, definition) == STRATEGY_STATIC;
}

int prepare_parts(struct active *active, int index, json_t **ret_parts, struct error *err)
{
    struct step_state *step = &active->state->steps[index];
    const struct step *definition = step->definition;
    json_t *parts = json_object();
    char *agent = step->agent;
    bool is_static = step->is_static;
    int r;

    /* As it begins: by its own agent, whoever stood in for it. */
    step->agent = NULL;
    step->is_static = begins_static(active->state, definition);
    r = collect_parts(active, index, step_effective(step), parts, err);
    if (r == 0) {
        r = put_other_parts(active, index, definition, parts, err);
    }
    step->agent = agent;
    step->is_static = is_static;
    if (r < 0) {
        json_decref(parts);
        return r;
    }
    *ret_parts = parts;
    return 0;
}

bool prepare_may_change(const struct step *definition)
{
    const struct function *function = function_find(definition->function);

    return !function || function->reads == MAY_CHANGE;
}

void prepare_digest(const json_t *parts, char ret_digest[DIGEST_HEX_SIZE])
{
    char *text = json_dump_sorted(parts);

    digest_bytes(text, strlen(text), ret_digest);
    free(text);
}

bool prepare_reads_tree(const struct run_state *run, const struct step_state *step)
{
    const struct function *function = step->definition->kind == STEP_FUNCTION
                                          ? function_find(step->definition->function)
                                          : NULL;

    if (function && (function->is_inline || function->reads == READS_NOTHING)) {
        return false;
    }
    return step_reuse(run, step) != REUSE_INPUTS;
}

static void preparation_release(struct preparation *preparation)
{
    free(preparation->key);
    free(preparation->project);
    free(preparation->folder);
    free(preparation->from_run);
    free(preparation->from_step);
    free(preparation->address);
    free(preparation->wanted);
    free(preparation->edit_tree);
    free(preparation->answerer);
    free(preparation->model);
    json_decref(preparation->parts);
    json_decref(preparation->output);
    json_decref(preparation->artifacts);
}

static void preparation_free(struct preparation *preparation)
{
    preparation_release(preparation);
    free(preparation);
}

static void post_prepared(struct preparation *preparation)
{
    struct engine *engine = preparation->engine;
    struct active *active = engine_find(engine, preparation->run);

    if (active && !engine->is_closing) {
        struct queued_event *event = event_new(active, EVENT_PREPARED, preparation->key);

        event->event.outcome.class_ = preparation->result < 0 ? CLASS_PERMANENT : CLASS_NONE;
        event->event.outcome.error = event_keep(event, preparation->err.text);
        event->event.tree = preparation->tree[0] ? event_keep(event, preparation->tree) : NULL;
        event->event.held_until = preparation->admitted.until;
        event->event.held_why = event_keep(event, preparation->admitted.why);
        event->event.held_agent = event_keep(
            event, preparation->admission.agent ? preparation->admission.agent->name : NULL);
        event->event.has_slot = preparation->admitted.is_slot;
        event->event.passed_over = preparation->passed_over;
        if (preparation->is_digested) {
            event->event.digest = event_keep(event, preparation->digest);
            event->event.parts = event_hold(event, json_incref(preparation->parts));
        }
        event->event.reused_run = event_keep(event, preparation->from_run);
        event->event.reused_step = event_keep(event, preparation->from_step);
        event->event.outcome.output = event_hold(event, json_incref(preparation->output));
        event->event.outcome.artifacts = event_hold(event, json_incref(preparation->artifacts));
        event->event.outcome.agent = event_keep(event, preparation->answerer);
        event->event.outcome.model = event_keep(event, preparation->model);
        event->event.outcome.duration_ms = preparation->duration_ms;
        event->has_space_wait = true;
        event->stall_mark_ms = preparation->stall_mark_ms;
        engine_post(engine, event);
    }
    preparation_free(preparation);
    engine_work_done(engine);
}

static json_t *parse_column(struct statement *statement, int index)
{
    const char *text = column_text(statement, index);
    json_t *value = NULL;

    if (text) {
        (void)json_parse_text(text, strlen(text), "step", &value, NULL);
    }
    return value;
}

/* In the same transaction: `fermata gc` may be removing the run. */
static int find_answerer(struct tx *tx, struct preparation *preparation, int64_t ended_at,
                         bool is_reused, struct error *err)
{
    struct statement *statement = tx_query(tx, is_reused ? &q_answerer_told : &q_answerer);
    int r;

    bind_text(statement, 1, preparation->from_run);
    bind_text(statement, 2, preparation->from_step);
    if (!is_reused) {
        bind_integer(statement, 3, ended_at);
    }
    r = statement_step(statement, err);
    if (r > 0) {
        preparation->answerer = mem_strdup(column_text(statement, 0));
        preparation->model = mem_strdup(column_text(statement, 1));
        r = 0;
    }
    return r;
}

static int find_reusable(struct tx *tx, void *arg, struct error *err)
{
    struct preparation *preparation = arg;
    struct statement *statement = tx_query(tx, &q_reuse_find);
    int r;

    bind_text(statement, 1, preparation->digest);
    r = statement_step(statement, err);
    if (r > 0) {
        preparation->from_run = mem_strdup(column_text(statement, 0));
        preparation->from_step = mem_strdup(column_text(statement, 1));
        preparation->output = parse_column(statement, 2);
        preparation->artifacts = parse_column(statement, 3);
        preparation->duration_ms = column_integer(statement, 4);
        r = preparation->is_agents ? find_answerer(tx, preparation, column_integer(statement, 5),
                                                   column_integer(statement, 6) != 0, err)
                                   : 0;
    }
    return r;
}

int prepare_find(struct active *active, int index, const char *tree, json_t **ret_found,
                 struct error *err)
{
    struct step_state *step = &active->state->steps[index];
    struct preparation preparation = {.parts = json_object()};
    struct step_state kept = *step;
    int r;

    *ret_found = NULL;
    step->agent = NULL;
    step->is_static = begins_static(active->state, step->definition);
    r = collect_parts(active, index, step_effective(step), preparation.parts, err);
    if (r == 0 && step_reuse(active->state, step) == REUSE_TREE) {
        json_put_text(preparation.parts, "tree", tree);
    }
    step->agent = kept.agent;
    step->is_static = kept.is_static;
    if (r == 0) {
        prepare_digest(preparation.parts, preparation.digest);
        r = store_read(active->engine->options.store, find_reusable, &preparation, err);
    }
    if (r == 0 && preparation.from_run) {
        *ret_found = json_object();
        json_put_text(*ret_found, "run", preparation.from_run);
        json_put_text(*ret_found, "step", preparation.from_step);
        json_put(*ret_found, "output", json_incref(preparation.output));
        json_put(*ret_found, "artifacts", json_incref(preparation.artifacts));
    }
    preparation_release(&preparation);
    return r;
}

static bool keep_blob(const struct engine *engine, const json_t *output)
{
    const char *digest = json_get_text(output, "digest", NULL);

    return !digest || blob_keep(engine->blobs, digest);
}

/* Kept before the record that names them is committed: `fermata gc` may be removing the run that
 * they come from. What was collected already is done again. */
static void keep_found(struct preparation *preparation)
{
    bool is_whole = keep_blob(preparation->engine, preparation->output);
    size_t index;
    const json_t *artifact;

    json_array_foreach(preparation->artifacts, index, artifact)
    {
        is_whole = is_whole && keep_blob(preparation->engine, artifact);
    }
    if (is_whole) {
        files_copy_artifacts(preparation->folder, preparation->engine->blobs,
                             preparation->artifacts);
    } else {
        free(preparation->from_run);
        preparation->from_run = NULL;
    }
}

/* What it gave before the plan was edited holds still: nothing that goes into it is another. */
static bool take_held(struct preparation *preparation, const char *inputs)
{
    bool is_same = preparation->wanted && strcmp(preparation->wanted, inputs) == 0 &&
                   (!preparation->edit_tree ||
                    strcmp(preparation->edit_tree, preparation->tree) == 0);

    if (is_same) {
        preparation->from_run = mem_strdup(preparation->run);
        preparation->from_step = mem_strdup(preparation->key);
        keep_found(preparation);
    }
    if (!preparation->from_run) {
        json_decref(preparation->output);
        json_decref(preparation->artifacts);
        free(preparation->answerer);
        free(preparation->model);
        preparation->output = preparation->artifacts = NULL;
        preparation->answerer = preparation->model = NULL;
        preparation->duration_ms = 0;
    }
    return preparation->from_run != NULL;
}

/* An error while looking is one of the step: without the answer it might be paid twice. */
static void find_earlier(struct preparation *preparation)
{
    char inputs[DIGEST_HEX_SIZE];

    prepare_digest(preparation->parts, inputs);
    if (preparation->needs_tree) {
        preparation->result = tree_digest(preparation->project, preparation->tree, NULL,
                                          &preparation->err);
        if (preparation->result < 0) {
            return;
        }
        json_put_text(preparation->parts, "tree", preparation->tree);
    }
    if (preparation->is_digested) {
        prepare_digest(preparation->parts, preparation->digest);
    }
    if (preparation->is_fresh || take_held(preparation, inputs) || !preparation->is_digested) {
        return; /* others may take its result, a fresh one takes none */
    }
    preparation->result = store_read(preparation->engine->options.store, find_reusable, preparation,
                                     &preparation->err);
    if (preparation->from_run) {
        keep_found(preparation);
    }
}

static void admit(struct preparation *preparation)
{
    preparation->result = admission_ask(preparation->engine->options.store, &preparation->admission,
                                        &preparation->admitted, &preparation->err);
}

/* Nobody is called for what was found. */
static bool is_anybody_asked(const struct preparation *preparation)
{
    return preparation->result == 0 && !preparation->from_run && preparation->admission.agent &&
           preparation->passed_over == CLASS_NONE;
}

static void prepare_on_pool(void *arg)
{
    struct preparation *preparation = arg;

    find_earlier(preparation);
    if (is_anybody_asked(preparation) && !preparation->address) {
        admit(preparation);
    }
}

static void admit_on_pool(void *arg)
{
    admit(arg);
}

static void on_admitted(void *arg)
{
    post_prepared(arg);
}

static void on_reached(void *arg, bool is_reachable)
{
    struct preparation *preparation = arg;
    struct reach_address address = {0};

    if (is_reachable) {
        loop_submit(preparation->engine->options.loop, admit_on_pool, on_admitted, preparation);
        return;
    }
    (void)reach_parse(preparation->address, &address);
    preparation->passed_over = CLASS_TRANSIENT;
    (void)snprintf(preparation->admitted.why, sizeof(preparation->admitted.why),
                   "it is offline: %s:%s cannot be reached", address.host, address.port);
    post_prepared(preparation);
}

static struct reach *make_reach(struct engine *engine)
{
    if (!engine->reach) {
        engine->reach = reach_new(engine->options.loop, REACH_CEILING_MS);
    }
    return engine->reach;
}

/* Its answer holds for the agents of all steps; without one it is called: it knows best. */
static void ask_whether_reachable(struct preparation *preparation)
{
    const struct host *host = preparation->engine->options.host;
    struct reach *reach = make_reach(preparation->engine);
    int64_t now_ms = host->monotonic_ms(host->context);
    enum reachable found = reach_find(reach, preparation->address, now_ms);

    if (found != REACHABLE_UNKNOWN ||
        !reach_ask(reach, preparation->address, now_ms, on_reached, preparation)) {
        on_reached(preparation, found != UNREACHABLE);
    }
}

static void on_prepared(void *arg)
{
    struct preparation *preparation = arg;

    if (preparation->is_check) {
        /* A check whose tree cannot be read still runs; its proof just lacks the digest. */
        preparation->result = 0;
    }
    if (is_anybody_asked(preparation) && preparation->address) {
        ask_whether_reachable(preparation);
    } else {
        post_prepared(preparation);
    }
}

/* What the host does, Fermata does not call. */
static void ask_for_admission(const struct active *active, int index,
                              struct preparation *preparation)
{
    const struct engine_options *options = &active->engine->options;
    const struct step_state *step = &active->state->steps[index];
    const char *name = step_agent(step) ? step_agent(step) : options->config->default_agent;
    const struct agent_config *agent = name ? config_find_agent(options->config, name) : NULL;

    if (step->check || step_effective(step)->kind != STEP_AGENT || !agent ||
        bridge_is_hosts(active, step)) {
        return;
    }
    preparation->admission = (struct admission_request){
        .agent = agent,
        .run = preparation->run,
        .step = preparation->key,
        .now = options->host->now_ms(options->host->context),
        .has_slot = step->has_slot};
    if (!agent->enabled) {
        preparation->passed_over = CLASS_PERMANENT;
        (void)snprintf(preparation->admitted.why, sizeof(preparation->admitted.why),
                       "it is disabled: %s", agent->disabled_why ? agent->disabled_why : "");
    } else if (options->config->offline == OFFLINE_AUTO && !step->has_slot &&
               online_has_local(options->config, step->definition, agent)) {
        preparation->address = online_address(agent, options->environment);
    }
}

static void prepare_held(const struct active *active, const struct step_state *step,
                         struct preparation *preparation)
{
    const struct step_held *held = step->held;

    if (!held) {
        return;
    }
    preparation->wanted = mem_strdup(held->inputs);
    preparation->output = json_incref(held->result.output);
    preparation->artifacts = json_incref(held->result.artifacts);
    preparation->answerer = mem_strdup(held->answerer);
    preparation->model = mem_strdup(held->model);
    preparation->duration_ms = held->duration_ms;
    if (prepare_reads_tree(active->state, step)) {
        preparation->edit_tree = mem_strdup(held->tree ? held->tree : "");
        preparation->needs_tree = true;
    }
}

void prepare_step(struct active *active, int index, bool is_static)
{
    const struct step_state *step = &active->state->steps[index];
    const struct step *definition = is_static && step->definition ? step->definition->static_step
                                                                  : step_effective(step);
    struct preparation *preparation = mem_zero(1, sizeof(*preparation));

    preparation->engine = active->engine;
    memcpy(preparation->run, active->state->id, RUN_ID_SIZE);
    preparation->key = mem_strdup(step->key);
    preparation->project = mem_strdup(active->engine->options.project);
    preparation->folder = mem_strdup(active->folder);
    preparation->is_check = step->check != NULL;
    preparation->is_agents = !step->check && step_effective(step)->kind == STEP_AGENT;
    preparation->stall_mark_ms = active->stall_mark_ms;
    preparation->is_fresh = step_is_again(active->state, step);
    preparation->parts = json_object();
    preparation->is_digested = !step->check && step_reuse(active->state, step) != REUSE_NEVER;
    ask_for_admission(active, index, preparation);
    preparation->needs_tree = step->check || step_reuse(active->state, step) == REUSE_TREE;
    prepare_held(active, step, preparation);
    active->engine->pool_jobs++;
    if (preparation->is_digested || preparation->wanted) {
        preparation->result = collect_parts(active, index, definition, preparation->parts,
                                            &preparation->err);
    }
    if (preparation->result < 0) {
        /* In this turn already: the event is decided in a later one all the same. */
        post_prepared(preparation);
        return;
    }
    loop_submit(active->engine->options.loop, prepare_on_pool, on_prepared, preparation);
}
