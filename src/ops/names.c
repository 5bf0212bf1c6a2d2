/* SPDX-License-Identifier: MIT */
/* What a definition may name of the outside: agents, experts, functions, workflows, gates. */
#include "base/alloc.h"
#include "base/map.h"
#include "base/nearest.h"
#include "functions/functions.h"
#include "ops/experts.h"

#include <stdlib.h>
#include <string.h>

static bool has(enum outside_kind kind, const char *name, void *context)
{
    struct ops *ops = context;
    switch (kind) {
    case OUTSIDE_AGENT:
        return config_find_agent(ops->config, name) != NULL;
    case OUTSIDE_EXPERT:
        return ops_has_expert(ops, name);
    case OUTSIDE_FUNCTION:
        return function_find(name) != NULL;
    case OUTSIDE_WORKFLOW:
        return library_find(ops->library, name) != NULL || ops_find_configured(ops, name) >= 0;
    case OUTSIDE_GATE:
        return config_find_gate(ops->config, name) != NULL;
    }
    return false;
}

/* Without names of its own to check: two workflows may call each other. */
static struct workflow *read_called(struct ops *ops, const char *name)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    struct error err = ERROR_INIT;
    size_t length;
    char *text;
    char *file;

    if (ops_read_workflow(ops, name, &text, &length, &file, &err) == 0) {
        (void)workflow_parse(text, length, file, NULL, &workflow, problems, &err);
        free(text);
        free(file);
    }
    free(problems);
    return workflow;
}

static void mention(struct name_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return;
        }
    }
    *VEC_PUSH(names) = mem_strdup(name);
}

static const struct workflow *find_workflow(const char *name, void *context)
{
    struct ops *ops = context;
    struct workflow *workflow;

    mention(&ops->mentioned, name);
    ops->called = ops->called ? ops->called : map_new();
    workflow = map_find(ops->called, name);
    if (!workflow) {
        workflow = read_called(ops, name);
        if (workflow) {
            (void)map_put(ops->called, name, workflow);
        }
    }
    return workflow;
}

void ops_forget_called(struct ops *ops)
{
    size_t cursor = 0;
    const char *name;
    void *workflow;

    for (size_t i = 0; i < ops->mentioned.count; i++) {
        free(ops->mentioned.items[i]);
    }
    VEC_RELEASE(&ops->mentioned);
    if (!ops->called) {
        return;
    }
    while (map_next(ops->called, &cursor, &name, &workflow)) {
        workflow_free(workflow);
    }
    map_free(ops->called);
}

static const struct gate *find_gate(const char *name, void *context)
{
    const struct ops *ops = context;

    return config_find_gate(ops->config, name);
}

static int find_expert(const char *name, char **ret_text, char **ret_file, struct error *err,
                       void *context)
{
    return ops_read_expert(context, name, ret_text, ret_file, err);
}

/* ---- all of them, for "did you mean" ----------------------------------------------------------
 */

static void add_name(struct name_list *names, const char *name)
{
    *VEC_PUSH(names) = mem_strdup(name);
}

static void list_agents(const struct ops *ops, struct name_list *names)
{
    for (size_t i = 0; i < ops->config->agent_count; i++) {
        add_name(names, ops->config->agents[i].name);
    }
}

static void list_functions(struct name_list *names)
{
    size_t count;
    const struct function *table = function_table(&count);

    for (size_t i = 0; i < count; i++) {
        add_name(names, table[i].name);
    }
}

static bool may_change(const char *name, void *context)
{
    const struct function *function = function_find(name);

    (void)context;
    return function && function->reads == MAY_CHANGE;
}

static void list_arguments(const char *function, struct name_list *names, void *context)
{
    const struct function *found = function_find(function);

    (void)context;
    for (const struct function_argument *each = found ? found->arguments : NULL; each && each->name;
         each++) {
        add_name(names, each->name);
    }
}

static void list_workflows(const struct ops *ops, struct name_list *names)
{
    for (size_t i = 0; i < ops->library->count; i++) {
        add_name(names, ops->library->entries[i].name);
    }
    for (size_t i = 0; i < ops->config->workflow_count; i++) {
        add_name(names, ops->config->workflow_names[i]);
    }
}

static void list_gates(const struct ops *ops, struct name_list *names)
{
    for (size_t i = 0; i < ops->config->gate_count; i++) {
        add_name(names, ops->config->gates[i].name);
    }
}

static void list_names(enum outside_kind kind, struct name_list *names, void *context)
{
    struct ops *ops = context;

    switch (kind) {
    case OUTSIDE_AGENT:
        list_agents(ops, names);
        break;
    case OUTSIDE_EXPERT:
        ops_list_experts(ops, names);
        break;
    case OUTSIDE_FUNCTION:
        list_functions(names);
        break;
    case OUTSIDE_WORKFLOW:
        list_workflows(ops, names);
        break;
    case OUTSIDE_GATE:
        list_gates(ops, names);
        break;
    }
}

char *ops_nearest_workflow(const struct ops *ops, const char *name)
{
    struct name_list names = {0};
    const char *nearest;
    char *result;

    list_workflows(ops, &names);
    nearest = nearest_name(name, (const char *const *)names.items, names.count);
    result = nearest ? mem_strdup(nearest) : NULL;
    for (size_t i = 0; i < names.count; i++) {
        free(names.items[i]);
    }
    VEC_RELEASE(&names);
    return result;
}

void ops_workflow_names(struct ops *ops, struct workflow_names *ret_names)
{
    *ret_names = (struct workflow_names){
        .has = has,
        .list_names = list_names,
        .list_arguments = list_arguments,
        .may_change = may_change,
        .find_workflow = find_workflow,
        .find_gate = find_gate,
        .find_expert = find_expert,
        .context = ops,
    };
}
