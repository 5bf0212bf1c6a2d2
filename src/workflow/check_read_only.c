/* SPDX-License-Identifier: MIT */
/* A workflow that says that it changes nothing: no step of it may be able to. */
#include "workflow/reader.h"

#include <string.h>

static void refuse(const struct reader *reader, const struct yaml_node *node, const char *hint,
                   const char *what)
{
    problems_add(reader->problems, node->at, hint, "the workflow is read-only, and %s", what);
}

/* `holder`: a step, or its static alternative. */
static void check_function(const struct reader *reader, const struct yaml_node *holder)
{
    const struct yaml_node *function = yaml_find(holder, "use");
    const struct workflow_names *names = reader->names;

    if (function && names && names->may_change &&
        names->may_change(function->text, names->context)) {
        refuse(reader, function, "leave it to a workflow that may change something",
               "this function writes into the project, or starts what that brings");
    }
}

static void check_step(const struct reader *reader, const struct yaml_node *step)
{
    const struct yaml_node *command = yaml_find(step, "run");
    const struct yaml_node *alternative = yaml_find(yaml_find(step, "static"), "run");
    const struct yaml_node *own = yaml_find(step, "read_only");
    const struct yaml_node *workspace = yaml_find(step, "workspace");
    const struct yaml_node *call = yaml_find(step, "workflow");
    const struct workflow *called = NULL;

    if (command || alternative) {
        refuse(reader, command ? command : alternative, "use a built-in function (`use: NAME`)",
               "a command can change anything");
    }
    check_function(reader, step);
    check_function(reader, yaml_find(step, "static"));
    if (own && !read_boolean(step, "read_only", true)) {
        refuse(reader, own, "remove it", "this step is not");
    }
    if (workspace && strcmp(workspace->text, "clone") == 0) {
        refuse(reader, workspace, "remove it", "what is done in a clone is merged");
    }
    if (call && reader->names && reader->names->find_workflow) {
        called = reader->names->find_workflow(call->text, reader->names->context);
    }
    if (called && !called->read_only) {
        refuse(reader, call, "write `read_only: true` into that workflow",
               "the one that it calls is not");
    }
}

static void check_gates(const struct reader *reader)
{
    const struct yaml_node *phases = yaml_find(reader->root, "phases");

    for (size_t i = 0; phases && phases->kind == YAML_LIST && i < phases->count; i++) {
        const struct yaml_node *gate = yaml_find(phases->items[i], "gate");

        if (gate) {
            refuse(reader, gate, "remove it", "a gate starts what the project brings");
        }
    }
}

void check_read_only(struct reader *reader)
{
    const struct yaml_node *workspace = yaml_find(reader->defaults, "workspace");

    if (!reader->workflow->read_only) {
        return;
    }
    if (workspace && strcmp(workspace->text, "clone") == 0) {
        refuse(reader, workspace, "remove it", "what is done in a clone is merged");
    }
    check_gates(reader);
    for (size_t i = 0; i < reader->steps.count; i++) {
        if (reader->steps.items[i]->node->kind == YAML_MAP) {
            check_step(reader, reader->steps.items[i]->node);
        }
    }
}
