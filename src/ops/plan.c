/* SPDX-License-Identifier: MIT */
/* `analyze`, `suggest`, `recommend`, `plan`; and the plan of `run` without a workflow. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/planning.h"
#include "ops/start.h"

#include <stdlib.h>
#include <string.h>

#define SUGGESTIONS 3
#define RECOMMENDATIONS_MAX 50
#define DYNAMIC_WORKFLOW "dynamic"

static int need_task(const json_t *arguments, const char **ret_task, struct error *err)
{
    *ret_task = json_get_text(arguments, "task", NULL);
    return *ret_task ? 0 : error_set(err, ERROR_INVALID, "which task? Say it in a sentence");
}

static int open_task(struct ops *ops, const json_t *arguments, struct planning *ret_planning,
                     struct error *err)
{
    const char *task;
    int r;

    memset(ret_planning, 0, sizeof(*ret_planning));
    r = need_task(arguments, &task, err);
    return r < 0 ? r : planning_open(ops, task, ret_planning, err);
}

/* ---- analyze, suggest, recommend ---- */

int op_analyze(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    struct planning planning;
    int r = open_task(ops, arguments, &planning, err);

    (void)view;
    if (r == 0) {
        *ret_result = analysis_describe(&planning.analysis);
    }
    planning_release(&planning);
    return r;
}

int op_recommend(struct ops *ops, const json_t *arguments, const struct ops_view *view,
                 json_t **ret_result, struct error *err)
{
    json_int_t limit = json_get_integer(arguments, "limit", 5);
    struct planning planning;
    int r = open_task(ops, arguments, &planning, err);

    (void)view;
    if (r == 0 && (limit < 1 || limit > RECOMMENDATIONS_MAX)) {
        r = error_set(err, ERROR_INVALID, "--limit is %lld, and has to be from 1 to %d",
                      (long long)limit, RECOMMENDATIONS_MAX);
    }
    if (r == 0) {
        *ret_result = json_object();
        json_put(*ret_result, "task", json_incref(json_object_get(arguments, "task")));
        json_put_text(*ret_result, "kind", task_kind_name(planning.analysis.kind));
        json_put(*ret_result, "workflows", planning_describe_found(&planning, (size_t)limit));
        json_put(*ret_result, "experts", planning_describe_experts(&planning, (size_t)limit));
    }
    planning_release(&planning);
    return r;
}

static void add_suggestion(json_t *list, const char *type, const json_t *row)
{
    const json_t *why = json_array_get(json_object_get(row, "why"), 0);
    json_t *suggestion = json_object();

    json_put_text(suggestion, "type", type);
    json_put_text(suggestion, "name", json_get_text(row, "name", ""));
    json_put_text(suggestion, "reason",
                  json_is_string(why) ? json_string_value(why) : json_get_text(why, "why", ""));
    json_put_integer(suggestion, "score", json_get_integer(row, "score", 0));
    (void)json_array_append_new(list, suggestion);
}

/* The way to go, as it would be planned, then who could help. */
static int suggest(struct planning *planning, json_t **ret_result, struct error *err)
{
    json_t *experts = planning_describe_experts(planning, SUGGESTIONS);
    json_t *found = planning_describe_found(planning, SUGGESTIONS);
    json_t *suggestions = json_array();
    const json_t *row;
    size_t i;
    int r = planning_choose(planning, NULL, err);

    json_array_foreach(found, i, row)
    {
        if (json_get_boolean(row, "fits", false)) {
            add_suggestion(suggestions, "workflow", row);
        }
    }
    json_array_foreach(experts, i, row)
    {
        add_suggestion(suggestions, "expert", row);
    }
    if (r == 0) {
        *ret_result = json_object();
        json_put(*ret_result, "task", json_text_lossy(planning->task, strlen(planning->task)));
        json_put_text(*ret_result, "kind", task_kind_name(planning->analysis.kind));
        json_put_text(*ret_result, "phase", task_kind_phase(planning->analysis.kind));
        json_put_text(*ret_result, "phase_name", task_kind_phase_name(planning->analysis.kind));
        json_put_text(*ret_result, "origin", planning->origin);
        json_put_text(*ret_result, "workflow",
                      planning->composed ? NULL : planning->workflow->name);
        json_put(*ret_result, "suggestions", json_incref(suggestions));
    }
    json_decref(suggestions);
    json_decref(experts);
    json_decref(found);
    return r;
}

int op_suggest(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err)
{
    struct planning planning;
    int r = open_task(ops, arguments, &planning, err);

    (void)view;
    r = r < 0 ? r : suggest(&planning, ret_result, err);
    planning_release(&planning);
    return r;
}

/* ---- plan ---- */

static int choose(struct planning *planning, const json_t *arguments, const struct ops_view *view,
                  struct error *err)
{
    const char *name = json_get_text(arguments, "workflow", NULL);

    if (name && strcmp(name, DYNAMIC_WORKFLOW) == 0) {
        return planning_ask(planning, arguments, view, err);
    }
    return planning_choose(planning, name, err);
}

/* NULL when some are missing, which the plan then says. */
static json_t *plan_inputs(const struct planning *planning, const json_t *arguments,
                           struct error *ret_missing)
{
    json_t *inputs = NULL;
    const struct ops_view nobody = {.ask = NULL};

    return ops_make_inputs(planning->workflow, arguments, planning->task, &nobody, &inputs,
                           ret_missing) == 0
               ? inputs
               : NULL;
}

static int write_plan(const struct ops *ops, const char *file, const char *text, json_t *result,
                      struct error *err)
{
    char *path = ops_path(ops, file);
    int r = file_exists(path) ? error_set(err, ERROR_CONFLICT, "%s is there already", file)
                              : file_write(path, text, strlen(text), FILE_SYNC, err);

    if (r == ERROR_CONFLICT) {
        error_hint(err, "name another file, or remove it");
    }
    json_put_text(result, "file", r == 0 ? file : NULL);
    free(path);
    return r;
}

static int finish_plan(struct planning *planning, const json_t *arguments, json_t **ret_result,
                       struct error *err)
{
    const char *file = json_get_text(arguments, "output", NULL);
    bool is_yaml = json_get_boolean(arguments, "yaml", false);
    struct error missing = ERROR_INIT;
    json_t *inputs = plan_inputs(planning, arguments, &missing);
    char *text = planning_write(planning, inputs);
    json_t *result = planning_describe(planning, inputs);
    int r = 0;

    json_put_text(result, "missing", inputs ? NULL : missing.text);
    json_put_text(result, "yaml", text);
    json_put_text(result, "form",
                  is_yaml                                       ? "yaml"
                  : json_get_boolean(arguments, "graph", false) ? "graph"
                                                                : NULL);
    if (!text && (is_yaml || file)) {
        *err = missing;
        r = ERROR_INVALID;
    } else if (file) {
        r = write_plan(planning->ops, file, text, result, err);
    }
    *ret_result = r == 0 ? json_incref(result) : NULL;
    json_decref(result);
    json_decref(inputs);
    free(text);
    return r;
}

int op_plan(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct planning planning;
    int r = open_task(ops, arguments, &planning, err);

    if (r == 0 && json_get_boolean(arguments, "yaml", false) &&
        json_get_boolean(arguments, "graph", false)) {
        r = error_set(err, ERROR_INVALID, "give only one of --yaml and --graph");
    }
    r = r < 0 ? r : choose(&planning, arguments, view, err);
    r = r < 0 ? r : finish_plan(&planning, arguments, ret_result, err);
    planning_release(&planning);
    return r;
}

/* ---- run without a workflow ---- */

static void show(const struct planning *planning, const struct ops_view *view)
{
    struct strbuf graph;
    const json_t *why;
    size_t i;

    ops_notice(view, "Plan: %s%s", planning->workflow->name,
               planning->composed ? ", made for this task" : "");
    json_array_foreach(planning->why, i, why)
    {
        ops_notice(view, "  %s", json_string_value(why));
    }
    strbuf_init(&graph, TEXT_BYTES_MAX);
    workflow_format_tree(planning->workflow, &graph);
    for (const char *line = graph.data; *line;) {
        size_t length = strcspn(line, "\n");

        ops_notice(view, "  %.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
    strbuf_release(&graph);
}

static int agree(const json_t *arguments, const struct ops_view *view, struct error *err)
{
    char *answer = NULL;
    bool is_asked;
    bool is_agreed;

    if (json_get_boolean(arguments, "yes", false) ||
        json_get_boolean(arguments, "dry_run", false)) {
        return 0;
    }
    is_asked = !json_get_boolean(arguments, "no_input", false) && view->ask &&
               view->ask(view->context, "Run this plan? [y/N] ", &answer);
    is_agreed = is_asked && answer && (*answer == 'y' || *answer == 'Y');
    free(answer);
    if (is_agreed) {
        return 0;
    }
    (void)error_set(err, ERROR_INVALID,
                    is_asked
                        ? "the plan was not run"
                        : "the task has no workflow, and nobody could be asked about the plan");
    error_hint(err, "--yes runs it without asking; -w WORKFLOW takes another one; `fermata plan` "
                    "shows it, and -o FILE writes it to a file that can be changed");
    return ERROR_INVALID;
}

int ops_plan_and_ask(struct ops *ops, const json_t *arguments, const char *task,
                     const struct ops_view *view, struct workflow **ret_workflow, struct error *err)
{
    struct planning planning;
    int r = planning_open(ops, task, &planning, err);

    r = r < 0 ? r : choose(&planning, arguments, view, err);
    if (r == 0) {
        show(&planning, view);
        r = agree(arguments, view, err);
    }
    if (r == 0) {
        *ret_workflow = workflow_share(planning.workflow);
    }
    planning_release(&planning);
    return r;
}
