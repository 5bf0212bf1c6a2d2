/* SPDX-License-Identifier: MIT */
/* From a task to a plan: the project is looked at, workflows are weighed, and where none fits a
 * plan is composed of experts. Nothing is run and nobody is asked. */
#include "ops/planning.h"

#include "base/alloc.h"
#include "ops/experts.h"
#include "ops/routes.h"
#include "ops/start.h"
#include "workflow/expert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALTERNATIVES 4
#define EXPERT_OWN_POINTS 60 /* it has a part in the plan that would be composed */
#define EXPERT_WORD_POINTS 8
#define EXPERT_WORDS_COUNTED 4
#define STEM_MAX 64

/* ---- opening ---- */

static void add_workflow(struct planning *planning, struct workflow *workflow, bool is_builtin)
{
    json_t *row = json_object();
    bool says_what_for = workflow->suits.kind_count > 0 || workflow->suits.word_count > 0;
    bool is_allowed;

    ops_put_entitled(planning->ops, workflow->tier, NULL, row);
    is_allowed = !json_is_false(json_object_get(row, "entitled"));
    json_decref(row);
    /* What is built in and says nothing is for whoever asks for it by its name. */
    if (!is_allowed || (is_builtin && !says_what_for)) {
        workflow_free(workflow);
        return;
    }
    *VEC_PUSH(&planning->workflows) = workflow;
    planning->found = mem_resize(planning->found, planning->workflows.count,
                                 sizeof(*planning->found));
    planning->found[planning->workflows.count - 1] = (struct recommendation){.workflow = workflow,
                                                                             .is_own = !is_builtin};
}

static struct workflow *parse(struct ops *ops, const char *text, size_t length, const char *file)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    struct workflow_names names;

    ops_workflow_names(ops, &names);
    if (workflow_parse(text, length, file, &names, &workflow, problems, NULL) < 0) {
        workflow = NULL; /* `validate` tells what is wrong with it */
    }
    free(problems);
    return workflow;
}

static void load_workflows(struct planning *planning)
{
    struct ops *ops = planning->ops;

    for (size_t i = 0; i < ops->library->count; i++) {
        const struct library_entry *entry = &ops->library->entries[i];
        struct workflow *workflow = NULL;
        size_t length;
        char *text;

        if (ops_find_entry(ops, entry->name) == entry &&
            library_read(entry->file, &text, &length, NULL) == 0) {
            workflow = parse(ops, text, length, entry->file);
            free(text);
        }
        if (workflow) {
            add_workflow(planning, workflow, entry->origin == ORIGIN_BUILTIN);
        }
    }
    for (size_t i = 0; i < ops->config->workflow_count; i++) {
        const char *text = ops->config->workflow_texts[i];
        struct workflow *workflow = ops_find_entry(ops, ops->config->workflow_names[i])
                                        ? NULL
                                        : parse(ops, text, strlen(text),
                                                ops->config->workflow_files[i]);

        if (workflow) {
            add_workflow(planning, workflow, false);
        }
    }
}

int planning_open(struct ops *ops, const char *task, struct planning *ret_planning,
                  struct error *err)
{
    char *project = NULL;
    int r;

    memset(ret_planning, 0, sizeof(*ret_planning));
    ret_planning->ops = ops;
    ret_planning->task = task;
    r = ops_need_config(ops, err);
    r = r < 0 ? r : ops_check_task(ops, task, err);
    r = r < 0 ? r : ops_need_library(ops, err);
    r = r < 0 ? r : ops_project_path(ops, &project, err);
    r = r < 0 ? r : repository_read(project, &ret_planning->repository, err);
    free(project);
    if (r < 0) {
        return r;
    }
    analyze(task, &ret_planning->repository, &ret_planning->analysis);
    load_workflows(ret_planning);
    recommend_workflows(&ret_planning->analysis, ret_planning->found,
                        ret_planning->workflows.count);
    return 0;
}

void planning_release(struct planning *planning)
{
    for (size_t i = 0; i < planning->workflows.count; i++) {
        workflow_free(planning->workflows.items[i]);
    }
    VEC_RELEASE(&planning->workflows);
    free(planning->found);
    if (planning->composed) {
        compose_release(planning->composed);
        free(planning->composed);
    }
    workflow_free(planning->workflow);
    json_decref(planning->why);
    json_decref(planning->answer);
    json_decref(planning->routing);
    routes_free(planning->routes);
    analysis_release(&planning->analysis);
    repository_release(&planning->repository);
}

/* ---- choosing ---- */

static bool has_expert(const char *name, void *context)
{
    return ops_has_expert(context, name);
}

void planning_say_why(struct planning *planning, const char *text)
{
    planning->why = planning->why ? planning->why : json_array();
    (void)json_array_append_new(planning->why, json_text_lossy(text, strlen(text)));
}

static void say_why_chosen(struct planning *planning, const struct recommendation *best)
{
    for (size_t i = 0; i < best->why.count; i++) {
        if (best->why.items[i].points > 0) {
            planning_say_why(planning, best->why.items[i].text);
        }
    }
}

static void say_why_composed(struct planning *planning)
{
    const struct recommendation *best = planning->workflows.count > 0 ? &planning->found[0] : NULL;
    char *text = best && best->score > 0
                     ? mem_printf("no workflow fits: the nearest is %s with %d of the %d points "
                                  "that it would need",
                                  best->workflow->name, best->score, RECOMMEND_FITS)
                     : mem_strdup("no workflow fits");

    planning_say_why(planning, text);
    free(text);
}

int planning_use_composed(struct planning *planning, const char *origin, struct error *err)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow_names names;
    struct strbuf text;
    int r;

    r = planning_route(planning, err);
    if (r < 0) {
        free(problems);
        return r;
    }
    strbuf_init(&text, COMPOSED_TEXT_MAX);
    compose_write(planning->composed, &text);
    ops_workflow_names(planning->ops, &names);
    r = text.overflow ? error_set(err, ERROR_LIMIT, "the plan is longer than %u KiB",
                                  COMPOSED_TEXT_MAX / 1024)
                      : workflow_parse(text.data, text.length, "plan", &names, &planning->workflow,
                                       problems, err);
    if (r == ERROR_VALIDATION && problems->count > 0) {
        r = ops_problems_error("the plan", problems, err);
    }
    planning->origin = r == 0 ? origin : planning->origin;
    strbuf_release(&text);
    free(problems);
    return r;
}

bool planning_has_gate(const struct planning *planning)
{
    return config_find_gate(planning->ops->config, COMPOSED_GATE) != NULL;
}

static int use_composed(struct planning *planning, struct error *err)
{
    const struct compose_options options = {.has_clones = planning->repository.is_git,
                                            .has_gate = planning_has_gate(planning),
                                            .has_expert = has_expert,
                                            .context = planning->ops};

    planning->composed = mem_zero(1, sizeof(*planning->composed));
    compose(&planning->analysis, &options, planning->composed);
    say_why_composed(planning);
    return planning_use_composed(planning, "composed", err);
}

static int use_library(struct planning *planning, const char *name, struct error *err)
{
    int r = ops_load_workflow(planning->ops, name, &planning->workflow, err);

    return r < 0 ? r : planning_route(planning, err);
}

int planning_choose(struct planning *planning, const char *name, struct error *err)
{
    const struct recommendation *best = planning->workflows.count > 0 ? &planning->found[0] : NULL;

    if (name) {
        planning->origin = "asked";
        planning_say_why(planning, "it was asked for");
        return use_library(planning, name, err);
    }
    if (best && best->score >= RECOMMEND_FITS) {
        planning->origin = "library";
        say_why_chosen(planning, best);
        return use_library(planning, best->workflow->name, err);
    }
    return use_composed(planning, err);
}

/* ---- as data ---- */

json_t *planning_describe_found(const struct planning *planning, size_t limit)
{
    json_t *result = json_array();

    for (size_t i = 0; i < planning->workflows.count && i < limit; i++) {
        const struct recommendation *found = &planning->found[i];
        json_t *row = json_object();
        json_t *why = json_array();

        if (found->score <= 0) {
            json_decref(row);
            json_decref(why);
            break;
        }
        for (size_t k = 0; k < found->why.count; k++) {
            json_t *part = json_object();

            json_put(part, "why",
                     json_text_lossy(found->why.items[k].text, strlen(found->why.items[k].text)));
            json_put_integer(part, "points", found->why.items[k].points);
            (void)json_array_append_new(why, part);
        }
        json_put_text(row, "name", found->workflow->name);
        json_put_text(row, "description", found->workflow->description);
        json_put_integer(row, "score", found->score);
        json_put(row, "fits", json_boolean(found->score >= RECOMMEND_FITS));
        json_put(row, "why", why);
        (void)json_array_append_new(result, row);
    }
    return result;
}

static json_t *describe_files(const struct planning *planning, const struct composed_step *step)
{
    json_t *files = json_array();

    for (size_t i = 0; step->touches && i < planning->repository.count &&
                       json_array_size(files) < ANALYSIS_ITEMS_MAX;
         i++) {
        const char *path = planning->repository.files[i].path;

        if (step->touches[i]) {
            (void)json_array_append_new(files, json_text_lossy(path, strlen(path)));
        }
    }
    return files;
}

/* What only the composer knows of a step. */
static void add_composed(const struct planning *planning, json_t *step)
{
    const char *id = json_get_text(step, "step", "");

    for (size_t i = 0; planning->composed && i < planning->composed->count; i++) {
        const struct composed_step *composed = &planning->composed->steps[i];

        if (strcmp(composed->id, id) != 0) {
            continue;
        }
        json_put_text(step, "why", composed->why);
        if (composed->stage == STAGE_BUILD) {
            json_put(step, "files", describe_files(planning, composed));
            json_put_integer(step, "file_count", (json_int_t)composed->file_count);
        }
    }
}

static json_t *describe_notes(const struct planning *planning)
{
    json_t *notes = json_array();

    for (size_t i = 0; planning->composed && i < planning->composed->notes.count; i++) {
        (void)json_array_append_new(notes, json_string(planning->composed->notes.items[i].text));
    }
    return notes;
}

static void put_gates(const struct workflow *workflow, json_t *wave)
{
    const struct phase *phase = workflow_find_phase(workflow, json_get_text(wave, "phase", ""));

    if (phase) {
        json_put_text(wave, "mode",
                      phase->mode == MODE_PARALLEL   ? "parallel"
                      : phase->mode == MODE_ADAPTIVE ? "adaptive"
                                                     : "sequential");
        json_put_text(wave, "gate", phase->gate ? phase->gate->name : NULL);
        json_put_text(wave, "name", phase->name);
        if (phase->fix_count > 0) {
            json_put_integer(wave, "repairs_max", phase->rounds_max);
        }
    }
}

json_t *planning_describe(struct planning *planning, const json_t *inputs)
{
    struct run_request request = {
        .workflow = planning->workflow, .task = planning->task, .inputs = inputs};
    json_t *dry = ops_dry_run(planning->ops, &request);
    json_t *result = json_object();
    json_t *wave;
    json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(dry, "waves"), i, wave)
    {
        put_gates(planning->workflow, wave);
        json_array_foreach(json_object_get(wave, "steps"), k, step)
        {
            add_composed(planning, step);
        }
    }
    json_put(result, "task", json_text_lossy(planning->task, strlen(planning->task)));
    json_put_text(result, "kind", task_kind_name(planning->analysis.kind));
    json_put_text(result, "workflow", planning->workflow->name);
    json_put_text(result, "title", planning->workflow->title);
    json_put_text(result, "origin", planning->origin);
    json_put(result, "why", json_incref(planning->why));
    json_put(result, "analysis", analysis_describe(&planning->analysis));
    json_put(result, "alternatives", planning_describe_found(planning, ALTERNATIVES));
    json_put(result, "notes", describe_notes(planning));
    json_put(result, "inputs", json_incref((json_t *)(uintptr_t)inputs));
    json_put(result, "waves", json_incref(json_object_get(dry, "waves")));
    if (planning->routes) {
        planning_add_routing(planning, result);
    }
    json_put(result, "agents", json_incref(json_object_get(dry, "agents")));
    json_put(result, "graph", json_incref(json_object_get(dry, "graph")));
    json_decref(dry);
    return result;
}

/* ---- as a file ---- */

/* One step that calls the workflow, with the inputs that it was planned with. */
static char *write_call(const struct planning *planning, const json_t *inputs)
{
    struct strbuf text;
    const char *name;
    json_t *value;
    char *result;

    strbuf_init(&text, COMPOSED_TEXT_MAX);
    strbuf_addf(&text, "name: plan-%s\n", task_kind_name(planning->analysis.kind));
    strbuf_addf(&text,
                "description: Calls %s for one task\nphases:\n  - id: run\n    steps:\n"
                "      - id: run\n        workflow: %s\n",
                planning->workflow->name, planning->workflow->name);
    strbuf_add(&text, json_object_size(inputs) > 0 ? "        inputs:\n" : "");
    json_object_foreach((json_t *)(uintptr_t)inputs, name, value)
    {
        struct strbuf plain;
        json_t *shown;
        char *dump = json_is_string(value) ? mem_strdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        strbuf_init(&plain, COMPOSED_TEXT_MAX);
        for (const char *at = dump; *at; at++) {
            strbuf_add(&plain, strncmp(at, "${{", 3) == 0 ? "$" : "");
            strbuf_add_char(&plain, *at);
        }
        free(dump);
        shown = json_text_lossy(plain.data, plain.length);
        dump = json_dumps(shown, JSON_ENCODE_ANY);
        strbuf_addf(&text, "          %s: %s\n", name, dump);
        free(dump);
        json_decref(shown);
        strbuf_release(&plain);
    }
    result = strbuf_take(&text);
    strbuf_release(&text);
    return result;
}

char *planning_write(const struct planning *planning, const json_t *inputs)
{
    struct strbuf text;
    char *result;

    if (!planning->composed) {
        return inputs ? write_call(planning, inputs) : NULL;
    }
    strbuf_init(&text, COMPOSED_TEXT_MAX);
    compose_write(planning->composed, &text);
    result = strbuf_take(&text);
    strbuf_release(&text);
    return result;
}

/* ---- experts ---- */

struct known_expert {
    const char *name;
    int score;
    json_t *why;
    char *description;
};

static int compare_experts(const void *left, const void *right)
{
    const struct known_expert *a = left;
    const struct known_expert *b = right;

    return a->score != b->score ? b->score - a->score : strcmp(a->name, b->name);
}

static void weigh_expert(struct planning *planning, const struct composed *composed,
                         struct known_expert *expert)
{
    struct words words;
    size_t cursor = 0;
    size_t counted = 0;
    char stem[STEM_MAX];
    char *text = mem_printf("%s %s", expert->name, expert->description);

    for (size_t i = 0; i < composed->count; i++) {
        if (composed->steps[i].expert && strcmp(composed->steps[i].expert, expert->name) == 0) {
            if (expert->score < EXPERT_OWN_POINTS) {
                expert->score += EXPERT_OWN_POINTS;
            }
            (void)json_array_append_new(expert->why, json_string(composed->steps[i].why));
        }
    }
    words_make(text, &words);
    while (counted < EXPERT_WORDS_COUNTED && words_next(&words, &cursor, stem, sizeof(stem))) {
        if (!words_is_common(stem) && strcmp(stem, "expert") != 0 &&
            words_has(&planning->analysis.words, stem, NULL)) {
            char written[STEM_MAX + 1] = "";
            char *why;

            (void)words_find_written(planning->analysis.task, stem, written, sizeof(written));
            why = mem_printf("the task says \"%s\" too", written);
            counted++;
            expert->score += EXPERT_WORD_POINTS;
            (void)json_array_append_new(expert->why, json_string(why));
            free(why);
        }
    }
    words_release(&words);
    free(text);
}

static char *read_description(struct ops *ops, const char *name)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct arena *arena = arena_new();
    const struct expert *expert = NULL;
    char *description = NULL;
    char *text = NULL;
    char *file = NULL;

    if (ops_read_expert(ops, name, &text, &file, NULL) == 0 &&
        expert_parse(arena, name, text, file, &expert, problems, NULL) == 0) {
        description = mem_strdup(expert->description ? expert->description : "");
    }
    free(text);
    free(file);
    free(problems);
    arena_free(arena);
    return description;
}

json_t *planning_describe_experts(struct planning *planning, size_t limit)
{
    const struct compose_options options = {.has_expert = has_expert, .context = planning->ops};
    struct composed *composed = mem_zero(1, sizeof(*composed));
    struct name_list names = {0};
    struct known_expert *experts;
    json_t *result = json_array();

    compose(&planning->analysis, &options, composed);
    ops_list_experts(planning->ops, &names);
    experts = mem_zero(names.count + 1, sizeof(*experts));
    for (size_t i = 0; i < names.count; i++) {
        experts[i] = (struct known_expert){.name = names.items[i], .why = json_array()};
        experts[i].description = read_description(planning->ops, names.items[i]);
        if (experts[i].description) {
            weigh_expert(planning, composed, &experts[i]);
        }
    }
    qsort(experts, names.count, sizeof(*experts), compare_experts);
    for (size_t i = 0; i < names.count; i++) {
        bool is_again = i > 0 && strcmp(experts[i].name, experts[i - 1].name) == 0;

        if (experts[i].score > 0 && !is_again && json_array_size(result) < limit) {
            json_t *row = json_object();

            json_put_text(row, "name", experts[i].name);
            json_put_text(row, "description", experts[i].description);
            json_put_integer(row, "score", experts[i].score);
            json_put(row, "why", json_incref(experts[i].why));
            (void)json_array_append_new(result, row);
        }
        json_decref(experts[i].why);
        free(experts[i].description);
    }
    for (size_t i = 0; i < names.count; i++) {
        free(names.items[i]);
    }
    VEC_RELEASE(&names);
    free(experts);
    compose_release(composed);
    free(composed);
    return result;
}
