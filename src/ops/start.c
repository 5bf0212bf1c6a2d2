/* SPDX-License-Identifier: MIT */
/* `run`: which workflow, with which inputs. */
#include "ops/start.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "ops/agent.h"
#include "ops/planning.h"
#include "results/results.h"

#include <stdlib.h>
#include <string.h>

#define QUESTION_BYTES_MAX 4096
#define TASK_LENGTH_MAX 10000 /* characters, unless the configuration says otherwise */
#define NAMES_BYTES_MAX 200   /* of an error's hint */
#define ANSWERS_MAX 5         /* wrong ones to one question */

/* ---- which workflow ---- */

static void add_name(struct strbuf *names, const char *name)
{
    if (!names->overflow) {
        strbuf_addf(names, "%s%s", names->length ? ", " : "", name);
    }
}

/* Their own are what people look for; what is built in comes after them. */
static void list_names(const struct ops *ops, struct strbuf *own, struct strbuf *built_in)
{
    for (size_t i = 0; i < ops->config->workflow_count; i++) {
        if (!ops_find_entry(ops, ops->config->workflow_names[i])) {
            add_name(own, ops->config->workflow_names[i]);
        }
    }
    for (size_t i = 0; i < ops->library->count; i++) {
        const struct library_entry *entry = &ops->library->entries[i];

        if (entry->is_hidden) {
            continue;
        }
        if (entry->origin != ORIGIN_BUILTIN) {
            add_name(own, entry->name);
        } else if (!strchr(entry->name, '/') && ops_find_configured(ops, entry->name) < 0) {
            add_name(built_in, entry->name); /* those in folders: `fermata workflows` */
        }
    }
}

static int no_workflow_given(struct ops *ops, struct error *err)
{
    struct strbuf own;
    struct strbuf built_in;
    int r = ops_need_library(ops, err);

    if (r < 0) {
        return r;
    }
    strbuf_init(&own, NAMES_BYTES_MAX);
    strbuf_init(&built_in, NAMES_BYTES_MAX);
    list_names(ops, &own, &built_in);
    r = error_set(err, ERROR_INVALID, "which workflow? None was given and none is configured");
    error_hint(err,
               "give one with -w: %s%s%s%s%s (`fermata workflows` lists all); or set "
               "`default_workflow` in config.yaml",
               own.data, own.overflow ? ", ..." : "", own.length ? "; built in: " : "",
               built_in.data, built_in.overflow ? ", ..." : "");
    strbuf_release(&own);
    strbuf_release(&built_in);
    return r;
}

/* flag > environment > project > user */
static const char *pick_workflow(const struct ops *ops, const json_t *arguments)
{
    return json_get_text(arguments, "workflow", ops_default_workflow(ops));
}

static enum strategy pick_strategy(const struct ops *ops, const json_t *arguments)
{
    const char *name = json_get_text(arguments, "strategy", ops->settings->strategy);

    return name ? strategy_parse(name) : STRATEGY_UNSET;
}

/* ---- inputs ---- */

static bool is_missing(const struct workflow_input *input, const json_t *inputs)
{
    return input->required && !input->default_value && !json_object_get(inputs, input->name);
}

/* The task fills the one required text input that was not given. */
static void fill_from_task(const struct workflow *workflow, const char *task, json_t *inputs)
{
    const struct workflow_input *only = NULL;
    size_t count = 0;

    for (size_t i = 0; i < workflow->input_count; i++) {
        const struct workflow_input *input = &workflow->inputs[i];

        if (input->type == INPUT_STRING && is_missing(input, inputs)) {
            only = input;
            count++;
        }
    }
    if (task && count == 1) {
        json_put_text(inputs, only->name, task);
    }
}

static char *make_question(const struct workflow_input *input, const struct error *wrong)
{
    struct strbuf text;
    char *question;

    strbuf_init(&text, QUESTION_BYTES_MAX);
    if (wrong->code != 0) {
        strbuf_addf(&text, "%s\n", wrong->text);
    }
    strbuf_add(&text, input->name);
    if (input->description) {
        strbuf_addf(&text, " - %s", input->description);
    }
    for (size_t i = 0; i < input->choice_count; i++) {
        strbuf_addf(&text, "%s%s", i == 0 ? " (" : ", ", input->choices[i]);
    }
    strbuf_add(&text, input->choice_count > 0 ? "): " : ": ");
    question = strbuf_take(&text);
    strbuf_release(&text);
    return question;
}

/* Asks again for a while when the answer does not fit; false: no answer is to be had. */
static bool ask_one(const struct workflow_input *input, const struct ops_view *view, json_t *inputs)
{
    struct error wrong = ERROR_INIT;

    for (int i = 0; i < ANSWERS_MAX; i++) {
        char *question = make_question(input, &wrong);
        char *answer = NULL;
        bool is_answered = view->ask(view->context, question, &answer) && *answer;
        json_t *value = is_answered ? json_text_lossy(answer, strlen(answer)) : NULL;

        free(question);
        free(answer);
        if (!is_answered) {
            return false;
        }
        wrong = (struct error)ERROR_INIT;
        if (workflow_check_input(input, value, &wrong) == 0) {
            json_put(inputs, input->name, value);
            return true;
        }
        json_decref(value);
    }
    return false;
}

static void ask_missing(const struct workflow *workflow, const struct ops_view *view,
                        json_t *inputs)
{
    for (size_t i = 0; view->ask && i < workflow->input_count; i++) {
        if (is_missing(&workflow->inputs[i], inputs) &&
            !ask_one(&workflow->inputs[i], view, inputs)) {
            return;
        }
    }
}

int ops_check_missing_inputs(const struct workflow *workflow, const json_t *inputs,
                             struct error *err)
{
    struct strbuf names;
    struct strbuf flags;
    int r = 0;

    strbuf_init(&names, ERROR_TEXT_MAX);
    strbuf_init(&flags, ERROR_HINT_MAX);
    for (size_t i = 0; i < workflow->input_count; i++) {
        const struct workflow_input *input = &workflow->inputs[i];

        if (is_missing(input, inputs)) {
            strbuf_addf(&names, "%s%s", names.length ? ", " : "", input->name);
            strbuf_addf(&flags, " -i %s=...", input->name);
        }
    }
    if (names.length) {
        r = error_set(err, ERROR_INVALID, "workflow %s needs inputs that are missing: %s",
                      workflow->name, names.data);
        error_hint(err, "give them:%s (key=@FILE reads a file)", flags.data);
    }
    strbuf_release(&names);
    strbuf_release(&flags);
    return r;
}

int ops_check_input_paths(struct ops *ops, const struct workflow *workflow, const json_t *inputs,
                          struct error *err)
{
    char *project = NULL;
    int r = ops_project_path(ops, &project, err);

    if (r == 0) {
        r = run_check_paths(workflow, inputs, project, err);
    }
    free(project);
    return r;
}

static int add_fast(const struct workflow *workflow, json_t *given, struct error *err)
{
    for (size_t i = 0; i < workflow->input_count; i++) {
        if (strcmp(workflow->inputs[i].name, "fast") == 0) {
            json_put(given, "fast", json_true());
            return 0;
        }
    }
    error_set(err, ERROR_INVALID, "workflow %s has no input \"fast\", so --fast says nothing to it",
              workflow->name);
    error_hint(err, "`fermata workflows %s` shows its inputs", workflow->name);
    return ERROR_INVALID;
}

int ops_make_inputs(const struct workflow *workflow, const json_t *arguments, const char *task,
                    const struct ops_view *view, json_t **ret_inputs, struct error *err)
{
    json_t *given = json_object();
    int r = 0;

    if (json_object_get(arguments, "input")) {
        (void)json_object_update(given, json_object_get(arguments, "input"));
    }
    if (json_get_boolean(arguments, "fast", false)) {
        r = add_fast(workflow, given, err);
    }
    fill_from_task(workflow, task, given);
    if (r == 0 && !json_get_boolean(arguments, "no_input", false)) {
        ask_missing(workflow, view, given);
    }
    if (r == 0) {
        r = ops_check_missing_inputs(workflow, given, err);
    }
    if (r == 0) {
        r = workflow_check_inputs(workflow, given, ret_inputs, err);
    }
    json_decref(given);
    return r;
}

/* ---- agents ---- */

static const char *note_other_root(void *context, const char *const *parts, size_t part_count,
                                   char *ret_hint, size_t hint_size)
{
    (void)ret_hint;
    (void)hint_size;
    if (part_count < 2 || strcmp(parts[0], "inputs") != 0) {
        *(bool *)context = true;
    }
    return NULL;
}

static json_t *find_input_value(void *inputs, const char *const *parts, size_t part_count)
{
    return part_count == 2 ? json_incref(json_object_get(inputs, parts[1])) : NULL;
}

/* Whether the inputs alone already say that this never runs. */
static bool is_ruled_out(const struct run_request *request, const struct expression *when)
{
    bool needs_more = false;
    json_t *value = NULL;
    bool holds;

    if (!when) {
        return false;
    }
    (void)expression_check_paths(when, note_other_root, &needs_more, NULL);
    if (needs_more || expression_evaluate(when, find_input_value,
                                          (void *)(uintptr_t)request->inputs, &value, NULL) < 0) {
        return false;
    }
    holds = json_is_truthy(value);
    json_decref(value);
    return !holds;
}

static int refuse_static(const struct step *step, struct error *err)
{
    (void)error_set(err, ERROR_VALIDATION,
                    "the strategy is static, and step %s has no static alternative", step->id);
    error_hint(err, "add `static:` to it, or give --strategy ai or hybrid");
    return ERROR_VALIDATION;
}

/* Steps that must have an agent and have none. */
struct without_agent {
    VEC(const struct step *) steps;
    bool has_static; /* each has an alternative */
};

static int check_agent(struct ops *ops, const struct run_request *request, const struct step *given,
                       struct without_agent *without, struct error *err)
{
    const struct step *step = ops_choose_alternative(ops, request, given);
    struct error refusal = ERROR_INIT;
    const struct agent_config *agent;

    if (step->kind != STEP_AGENT || step->optional || is_ruled_out(request, given->when)) {
        return 0;
    }
    if (ops_effective_strategy(ops, request, step) == STRATEGY_STATIC) {
        return refuse_static(step, err);
    }
    if (request->is_bridged) {
        return 0;
    }
    agent = agent_find_for_step(ops, step);
    if (!agent) {
        without->has_static = without->has_static && given->static_step;
        *VEC_PUSH(&without->steps) = step;
    } else if (agent_check_step(ops, agent, step, &refusal) < 0 &&
               (!step->static_step || ops_effective_strategy(ops, request, step) == STRATEGY_AI)) {
        *err = refusal;
        return ERROR_VALIDATION;
    }
    return 0;
}

/* Said before anything starts, of all steps at once. */
int ops_check_agents(struct ops *ops, const struct run_request *request, struct error *err)
{
    const struct workflow *workflow = request->workflow;
    struct without_agent without = {.has_static = true};
    int r = 0;

    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];
        bool is_needed = !phase->optional && !is_ruled_out(request, phase->when);

        for (size_t k = 0; is_needed && k < phase->step_count && r == 0; k++) {
            r = check_agent(ops, request, &phase->steps[k], &without, err);
        }
    }
    if (r == 0 && without.steps.count > 0) {
        r = agent_refuse_steps(ops, without.steps.items, without.steps.count, without.has_static,
                               err);
    }
    VEC_RELEASE(&without.steps);
    return r;
}

/* ---- run ---- */

/* The workflow's text on its way to the disk while the store is opened: both wait for the same one.
 */
struct early_text {
    struct loop *loop;
    const struct workflow *workflow;
    char *blobs;
    bool is_done;
};

static void keep_on_pool(void *arg)
{
    const struct early_text *early = arg;
    char digest[DIGEST_HEX_SIZE];

    /* What went wrong is told by the run's creation, which does it again. */
    (void)blob_put(early->blobs, early->workflow->text, early->workflow->text_length, digest, NULL);
}

static void on_kept(void *arg)
{
    struct early_text *early = arg;

    early->is_done = true;
    loop_stop(early->loop);
}

static int make_store(struct ops *ops, const struct workflow *workflow, struct error *err)
{
    struct early_text early = {.workflow = workflow, .blobs = path_join(ops->folder, "blobs")};
    int r = ops_loop(ops, &early.loop, err);

    if (r == 0) {
        loop_submit(early.loop, keep_on_pool, on_kept, &early);
        r = ops_make_store(ops, err);
        while (!early.is_done) {
            loop_run(early.loop);
        }
    }
    free(early.blobs);
    return r;
}

static int create_detached(struct ops *ops, const struct run_request *request, json_t **ret_result,
                           struct error *err)
{
    struct engine_options options;
    struct engine *engine;
    char run_id[RUN_ID_SIZE];
    int r = ops_engine_options(ops, &options, err);

    if (r == 0) {
        r = engine_new(&options, &engine, err);
    }
    if (r < 0) {
        return r;
    }
    r = engine_create(engine, request, run_id, err);
    engine_free(engine);
    return r < 0 ? r : ops_detach(ops, run_id, ret_result, err);
}

static int pin_calls(struct ops *ops, const struct workflow *workflow, json_t **ret_calls,
                     struct error *err)
{
    struct engine_options options;
    int r = ops_engine_options(ops, &options, err);

    return r < 0 ? r : run_pin_calls(&options, workflow, ret_calls, err);
}

static int start_pinned(struct ops *ops, const json_t *arguments, const struct run_request *request,
                        const struct ops_view *view, json_t **ret_result, struct error *err)
{
    struct drive drive = {
        .request = request,
        .may_ask = !json_get_boolean(arguments, "no_input", false),
    };

    if (ops_has_repeat(arguments)) {
        return ops_repeat(ops, arguments, request, view, ret_result, err);
    }
    if (json_get_boolean(arguments, "detach", false)) {
        return create_detached(ops, request, ret_result, err);
    }
    return ops_drive(ops, &drive, view, ret_result, err);
}

/* What is to be known of the task beside its text is noted before its run. */
static int note_task(struct ops *ops, const json_t *arguments, struct run_request *request,
                     char ret_id[TASK_ID_SIZE], struct error *err)
{
    const json_t *metadata = json_object_get(arguments, "meta");
    int r;

    if (request->task_id || !metadata) {
        return 0;
    }
    r = ops_add_task(ops, request->task ? request->task : request->workflow->name, metadata, NULL,
                     ret_id, err);
    request->task_id = r == 0 ? ret_id : NULL;
    return r;
}

static int take_limit(void *context, const struct budget_change *change, struct error *err)
{
    struct budget *budget = context;

    if (change->step) {
        (void)error_set(err, ERROR_INVALID, "a run is begun with budgets of the whole run");
        error_hint(err, "those of a step stand in the workflow: budget: { %s: ... }",
                   budget_kind_name(change->kind));
        return ERROR_INVALID;
    }
    budget->limits[change->kind] = budget_change_apply(change, budget->limits[change->kind]);
    return 0;
}

/* Whoever starts it outweighs the run that it is a fork of, or the workflow, which outweighs the
 * configuration. */
static int pick_budget(const struct ops *ops, const json_t *arguments,
                       const struct run_request *request, json_t **ret_budget, struct error *err)
{
    struct budget budget = budget_over(request->workflow->budget, ops->config->budget);
    int r;

    if (request->budget) {
        budget_decode(request->budget, &budget);
    }
    r = budget_changes_visit(json_object_get(arguments, "budget"), take_limit, &budget, err);
    if (r == 0) {
        *ret_budget = budget_is_empty(&budget) ? json_object() : budget_encode(&budget);
    }
    return r;
}

static int start(struct ops *ops, const json_t *arguments, struct run_request *request,
                 const struct ops_view *view, json_t **ret_result, struct error *err)
{
    char task_id[TASK_ID_SIZE];
    json_t *calls = NULL;
    int r = ops_check_tier(ops, request->workflow, json_get_text(arguments, "tier", NULL), err);

    if (r < 0) {
        return r;
    }
    if (json_get_boolean(arguments, "dry_run", false)) {
        *ret_result = ops_dry_run(ops, request);
        return 0;
    }
    r = ops_need_trust(ops, json_get_boolean(arguments, "no_input", false) ? NULL : view, err);
    if (r == 0) {
        r = ops_check_agents(ops, request, err);
    }
    if (r == 0) {
        r = ops_make_project(ops, view, err);
    }
    if (r == 0) {
        r = make_store(ops, request->workflow, err);
    }
    if (r == 0) {
        r = request->calls ? 0 : pin_calls(ops, request->workflow, &calls, err);
    }
    if (r == 0) {
        r = note_task(ops, arguments, request, task_id, err);
    }
    if (r == 0) {
        request->calls = request->calls ? request->calls : calls;
        r = start_pinned(ops, arguments, request, view, ret_result, err);
    }
    json_decref(calls);
    return r;
}

int ops_start(struct ops *ops, const json_t *arguments, struct run_request *request,
              const struct ops_view *view, json_t **ret_result, struct error *err)
{
    json_t *budget = NULL;
    int r = pick_budget(ops, arguments, request, &budget, err);

    if (r == 0) {
        request->budget = budget;
        r = start(ops, arguments, request, view, ret_result, err);
    }
    json_decref(budget);
    return r;
}

int ops_check_task(const struct ops *ops, const char *task, struct error *err)
{
    int64_t most = ops->config->task_length_max ? ops->config->task_length_max : TASK_LENGTH_MAX;
    size_t length = task ? utf8_count(task, strlen(task)) : 0;

    if (task && task[strspn(task, " \t\r\n")] == '\0') {
        (void)error_set(err, ERROR_INVALID, "the task is empty");
        error_hint(err, "say what is to be done, or leave it out");
        return ERROR_INVALID;
    }
    if (length <= (size_t)most) {
        return 0;
    }
    (void)error_set(err, ERROR_INVALID, "the task has %zu characters, and at most %lld are allowed",
                    length, (long long)most);
    error_hint(err, "shorten it, or raise `max_task_length` of the settings");
    return ERROR_INVALID;
}

/* The task that was noted before; what it says is the text, unless another one was given. */
static int take_task(struct ops *ops, const json_t *arguments, struct run_request *request,
                     json_t **ret_task, struct error *err)
{
    const char *name = json_get_text(arguments, "task_id", NULL);
    int r = 0;

    if (name && json_object_get(arguments, "meta")) {
        return error_set(err, ERROR_INVALID,
                         "--meta does not go with --task-id: that task has its own");
    }
    if (name) {
        r = ops_find_task(ops, name, ret_task, err);
    }
    if (r == 0 && name) {
        r = ops_need_free_task(*ret_task, err);
    }
    if (r == 0 && name) {
        request->task_id = json_get_text(*ret_task, "id", NULL);
        request->task = request->task ? request->task
                                      : json_get_text(*ret_task, "description", NULL);
    }
    return r < 0 ? r : ops_check_task(ops, request->task, err);
}

/* Without a name the task is planned; `dynamic` is a way of planning too. */
static int load_wanted(struct ops *ops, const json_t *arguments, const char *task,
                       const struct ops_view *view, struct workflow **ret_workflow,
                       struct error *err)
{
    const char *name = pick_workflow(ops, arguments);
    int r;

    if (task && (!name || strcmp(name, "dynamic") == 0)) {
        return ops_plan_and_ask(ops, arguments, task, view, ret_workflow, err);
    }
    r = name ? ops_load_workflow(ops, name, ret_workflow, err) : no_workflow_given(ops, err);

    if (r == ERROR_NOT_FOUND && !json_get_text(arguments, "workflow", NULL)) {
        error_context(err, ops->settings->workflow ? "FERMATA_WORKFLOW" : "default_workflow");
    }
    return r;
}

int op_run(struct ops *ops, const json_t *arguments, const struct ops_view *view,
           json_t **ret_result, struct error *err)
{
    struct run_request request = {
        .task = json_get_text(arguments, "task", NULL),
        .is_fresh = json_get_boolean(arguments, "fresh", false),
        .is_bridged = json_get_boolean(arguments, "bridge", false),
        .label = json_get_text(arguments, "label", NULL),
        .kind = json_get_text(arguments, "kind", NULL),
    };
    struct workflow *workflow = NULL;
    json_t *inputs = NULL;
    json_t *task = NULL;
    int r = ops_check_repeat(ops, arguments, err);

    r = r < 0 ? r : ops_check_metadata(json_object_get(arguments, "meta"), err);
    r = r < 0 ? r : ops_need_config(ops, err);
    if (r == 0 && json_get_boolean(arguments, "offline", false)) {
        config_go_offline(ops->config);
    }
    r = r < 0 ? r : take_task(ops, arguments, &request, &task, err);
    if (r == 0 && request.task && !request.kind) {
        request.kind = task_kind_name(task_kind_of(request.task));
    }
    if (r == 0) {
        request.is_offline = ops->config->offline == OFFLINE_ONLY;
        request.strategy = pick_strategy(ops, arguments);
        r = load_wanted(ops, arguments, request.task, view, &workflow, err);
    }
    if (r == 0) {
        r = ops_make_inputs(workflow, arguments, request.task, view, &inputs, err);
    }
    if (r == 0) {
        r = ops_check_input_paths(ops, workflow, inputs, err);
    }
    if (r == 0) {
        request.workflow = workflow;
        request.inputs = inputs;
        r = ops_start(ops, arguments, &request, view, ret_result, err);
    }
    json_decref(inputs);
    json_decref(task);
    workflow_free(workflow);
    return r;
}
