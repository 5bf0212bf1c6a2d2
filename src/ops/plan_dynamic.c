/* SPDX-License-Identifier: MIT */
/* The dynamic planner: an agent breaks the task down, in a run of its own, so that its answer is
 * kept, paid once and there again after a crash. What it answers becomes a workflow and is checked
 * as any other: a wrong answer goes back once with what is wrong, nothing is ever renamed. */
#include "base/alloc.h"
#include "ops/agent.h"
#include "ops/experts.h"
#include "ops/planning.h"
#include "ops/routes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKFLOW_NAME "dynamic"
#define STEP_NAME "breakdown"
#define ATTEMPTS 2
#define LIST_BYTES_MAX (32U * 1024)
#define TITLE_MAX 100

static const char *const stage_names[STAGES] = {"understand", "plan", "design",
                                                "build",      "test", "review"};

/* ---- what it is told ---- */

static json_t *list_experts(struct ops *ops)
{
    struct name_list names = {0};
    struct strbuf text;
    json_t *result;

    strbuf_init(&text, LIST_BYTES_MAX);
    ops_list_experts(ops, &names);
    for (size_t i = 0; i < names.count; i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", names.items[i]);
        free(names.items[i]);
    }
    VEC_RELEASE(&names);
    result = json_text_lossy(text.data, text.length);
    strbuf_release(&text);
    return result;
}

static json_t *list_agents(struct ops *ops)
{
    struct strbuf text;
    json_t *result;

    strbuf_init(&text, LIST_BYTES_MAX);
    for (size_t i = 0; i < ops->config->agent_count; i++) {
        const struct agent_config *agent = &ops->config->agents[i];

        if (ops_is_agent_usable(ops, agent)) {
            strbuf_addf(&text, "%s%s", text.length > 0 ? ", " : "", agent->name);
        }
    }
    result = json_text_lossy(text.data, text.length);
    strbuf_release(&text);
    return result;
}

static json_t *make_inputs(const struct planning *planning, const char *problem)
{
    json_t *analysis = analysis_describe(&planning->analysis);
    json_t *inputs = json_object();
    char *facts;

    json_object_del(analysis, "task");
    facts = json_dumps(analysis, JSON_COMPACT);
    json_put(inputs, "task", json_text_lossy(planning->task, strlen(planning->task)));
    json_put(inputs, "facts", json_text_lossy(facts, strlen(facts)));
    json_put(inputs, "experts", list_experts(planning->ops));
    json_put(inputs, "agents", list_agents(planning->ops));
    json_put(inputs, "problem", json_text_lossy(problem, strlen(problem)));
    json_decref(analysis);
    free(facts);
    return inputs;
}

/* ---- who is asked ---- */

/* It did not drop out for its failures, and its circuit breaker is not open. */
static bool is_healthy(const json_t *known, const json_t *breakers)
{
    const json_t *breaker = json_object_get(breakers, json_get_text(known, "agent", ""));

    return json_object_get(known, "score") &&
           strcmp(json_get_text(breaker, "state", "closed"), "open") != 0;
}

/* The usual agent while it is healthy, so that the same question stays the same; else the best of
 * the others that are. */
static const char *pick_healthy(const char *usual, const json_t *choice, const json_t *breakers)
{
    const json_t *others = json_object_get(choice, "alternatives");
    const char *best = is_healthy(choice, breakers) ? json_get_text(choice, "agent", NULL) : NULL;
    bool is_usual = best && usual && strcmp(best, usual) == 0;
    const json_t *known;
    size_t i;

    json_array_foreach(others, i, known)
    {
        const char *name = json_get_text(known, "agent", "");

        if (is_healthy(known, breakers)) {
            best = best ? best : name;
            is_usual = is_usual || (usual && strcmp(name, usual) == 0);
        }
    }
    return is_usual ? usual : best;
}

/* NULL: nobody is known to be healthy, and the usual one is asked. */
static int find_planner(struct planning *planning, const char **ret_agent, struct error *err)
{
    struct ops *ops = planning->ops;
    const char *usual = ops_default_agent(ops);
    const struct agent_config *agent = NULL;
    struct routes *routes = NULL;
    json_t *breakers = NULL;
    json_t *choice = NULL;
    int r = routes_open(ops, planning->task, task_kind_name(TASK_DESIGN), &routes, err);

    if (r == 0 && ops_has_store(ops)) {
        r = run_agent_breakers(ops->store, &breakers, err);
    }
    if (r == 0) {
        choice = routes_choose(routes, STEP_NAME, CAN_READ_ONLY);
    }
    if (choice) {
        const char *name = pick_healthy(usual, choice, breakers);

        agent = name ? config_find_agent(ops->config, name) : NULL;
    }
    *ret_agent = agent ? agent->name : NULL;
    json_decref(choice);
    json_decref(breakers);
    routes_free(routes);
    return r;
}

/* ---- asking ---- */

static int read_answer(struct ops *ops, const json_t *run, json_t **ret_answer, struct error *err)
{
    const json_t *output = json_object_get(ops_find_step(run, STEP_NAME), "output");
    const char *status = json_get_text(run, "status", "");
    size_t length;
    char *data;
    int r;

    if (strcmp(status, "completed") != 0 || !output) {
        return error_set(err, ERROR_UNAVAILABLE, "the planning run %s is %s",
                         json_get_text(run, "id", ""), status);
    }
    r = ops_read_output(ops, output, &data, &length, err);
    if (r == 0) {
        r = json_parse_text(data, length, "the agent's plan", ret_answer, err);
        free(data);
    }
    return r;
}

static int ask_once(struct planning *planning, const json_t *arguments, const char *problem,
                    const struct ops_view *view, json_t **ret_answer, struct error *err)
{
    struct ops *ops = planning->ops;
    json_t *given = make_inputs(planning, problem);
    /* Of what `run` was told only what is about asking holds for the planning too. */
    json_t *own = json_object();
    struct run_request request = {.task = planning->task, .kind = task_kind_name(TASK_DESIGN)};
    struct workflow *workflow = NULL;
    json_t *inputs = NULL;
    json_t *run = NULL;
    int r = ops_load_workflow(ops, WORKFLOW_NAME, &workflow, err);

    json_put(own, "no_input", json_boolean(json_get_boolean(arguments, "no_input", false)));
    r = r < 0 ? r : workflow_check_inputs(workflow, given, &inputs, err);
    if (r == 0) {
        request.workflow = workflow;
        request.inputs = inputs;
        request.is_offline = ops->config->offline == OFFLINE_ONLY;
        r = ops_start(ops, own, &request, view, &run, err);
    }
    r = r < 0 ? r : read_answer(ops, run, ret_answer, err);
    json_decref(run);
    json_decref(own);
    json_decref(inputs);
    json_decref(given);
    workflow_free(workflow);
    return r;
}

/* ---- its answer as a plan ---- */

static enum stage parse_stage(const char *name)
{
    for (int i = 0; i < STAGES; i++) {
        if (strcmp(stage_names[i], name) == 0) {
            return (enum stage)i;
        }
    }
    return STAGE_BUILD; /* the schema lets no other through */
}

static void take_files(struct composed_step *step, const json_t *files,
                       const struct repository *repository)
{
    const json_t *file;
    size_t i;

    step->touches = mem_zero(repository->count + 1, sizeof(*step->touches));
    json_array_foreach(files, i, file)
    {
        for (size_t k = 0; k < repository->count; k++) {
            if (strcmp(repository->files[k].path, json_string_value(file)) == 0) {
                step->file_count += !step->touches[k];
                step->touches[k] = true;
            }
        }
    }
    step->has_files = json_array_size(files) > 0; /* new files are in nobody's way */
}

static int find_step(const struct composed *composed, const char *id)
{
    for (size_t i = 0; i < composed->count; i++) {
        if (strcmp(composed->steps[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int take_order(struct composed *composed, const json_t *steps, struct error *err)
{
    const json_t *row;
    const json_t *after;
    size_t i;
    size_t k;

    json_array_foreach(steps, i, row)
    {
        struct composed_step *step = &composed->steps[i];

        json_array_foreach(json_object_get(row, "after"), k, after)
        {
            int before = find_step(composed, json_string_value(after));

            if (before < 0 || before >= (int)i) {
                return error_set(err, ERROR_VALIDATION,
                                 "step %s is after \"%s\", and there is no such step before it",
                                 step->id, json_string_value(after));
            }
            step->after[step->after_count++] = before;
        }
    }
    return 0;
}

static int take_steps(struct planning *planning, const json_t *answer, struct composed *composed,
                      struct error *err)
{
    const json_t *steps = json_object_get(answer, "steps");
    const json_t *row;
    size_t i;

    json_array_foreach(steps, i, row)
    {
        struct composed_step *step = &composed->steps[composed->count];
        enum stage stage = parse_stage(json_get_text(row, "stage", "build"));

        *step = (struct composed_step){.expert = json_get_text(row, "expert", NULL),
                                       .agent = json_get_text(row, "agent", NULL),
                                       .why = "the agent that planned put it there",
                                       .stage = stage,
                                       .read_only = json_get_boolean(row, "read_only", false)};
        (void)snprintf(step->id, sizeof(step->id), "%s", json_get_text(row, "id", ""));
        (void)snprintf(step->name, sizeof(step->name), "%.*s", TITLE_MAX,
                       json_get_text(row, "name", ""));
        step->expert = step->expert && *step->expert ? step->expert : NULL;
        step->agent = step->agent && *step->agent ? step->agent : NULL;
        step->task = mem_strdup(json_get_text(row, "task", ""));
        take_files(step, json_object_get(row, "files"), &planning->repository);
        composed->count++;
    }
    return take_order(composed, steps, err);
}

/* The names that it gave are borrowed from the answer, which has to live as long as the plan. */
static int use_answer(struct planning *planning, json_t *answer, struct error *err)
{
    const struct compose_options options = {.has_clones = planning->repository.is_git,
                                            .has_gate = planning_has_gate(planning)};
    int r;

    planning->answer = answer;
    planning->composed = mem_zero(1, sizeof(*planning->composed));
    compose_begin(&planning->analysis, planning->composed);
    r = take_steps(planning, answer, planning->composed, err);
    if (r == 0) {
        compose_end(planning->composed, &options);
        r = planning_use_composed(planning, "dynamic", err);
    }
    if (r < 0) {
        compose_release(planning->composed);
        free(planning->composed);
        planning->composed = NULL;
        json_decref(planning->answer);
        planning->answer = NULL;
    }
    return r;
}

int planning_ask(struct planning *planning, const json_t *arguments, const struct ops_view *view,
                 struct error *err)
{
    struct config *config = planning->ops->config;
    struct error problem = ERROR_INIT;
    const char *agent = NULL;
    int r = find_planner(planning, &agent, err);

    if (r < 0) {
        return r;
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        const char *usual = config->default_agent;
        json_t *answer = NULL;

        /* Whoever has a `dynamic` of their own may name an agent in it, which then is asked. */
        config->default_agent = agent ? agent : usual;
        r = ask_once(planning, arguments, problem.text, view, &answer, err);
        config->default_agent = usual;
        if (r < 0) {
            break; /* nobody answered: that is no wrong answer */
        }
        problem = (struct error)ERROR_INIT;
        r = use_answer(planning, answer, &problem);
        if (r == 0) {
            planning_say_why(planning, i == 0 ? "an agent broke the task down"
                                              : "an agent broke the task down; its first answer "
                                                "was wrong and sent back");
            return 0;
        }
        ops_notice(view, "The agent's plan is wrong: %s", problem.text);
    }
    if (r < 0 && *problem.text == '\0' && err->code != ERROR_UNAVAILABLE) {
        return r;
    }
    ops_notice(view, "The task was not broken down by an agent; the plan is composed instead");
    planning_say_why(planning,
                     *problem.text ? "the agent's answer was wrong twice" : "no agent gave a plan");
    *err = (struct error)ERROR_INIT;
    return planning_choose(planning, NULL, err);
}
