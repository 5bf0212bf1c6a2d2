/* SPDX-License-Identifier: MIT */
/* libFuzzer target: workflow files. Any bytes give a workflow or a list of problems, never both,
 * and every problem has a text and a place inside the file. */
#include "workflow/workflow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how many of them are errors. */
static size_t check_problems(const struct problems *problems)
{
    size_t errors = 0;

    if (problems->count > WORKFLOW_PROBLEMS_MAX) {
        abort();
    }
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];

        if (problem->text[0] == '\0' || problem->at.line < 0 || problem->at.column < 0) {
            abort();
        }
        errors += !problem->is_warning;
    }
    return errors;
}

static void show(const struct workflow *workflow, const struct problems *problems)
{
    struct strbuf text;

    strbuf_init(&text, 16U << 20);
    problems_format(problems, &text);
    if (workflow != NULL) {
        workflow_format_tree(workflow, &text);
        workflow_format_graph(workflow, &text);
    }
    strbuf_release(&text);
}

static void check_inputs(const struct workflow *workflow)
{
    json_t *given = json_object();
    json_t *inputs = NULL;

    if (workflow_check_inputs(workflow, given, &inputs, NULL) == 0) {
        if (!json_is_object(inputs)) {
            abort();
        }
        json_decref(inputs);
    }
    json_decref(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct workflow_names no_names = {.context = NULL};
    struct problems *problems = calloc(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    struct error err = ERROR_INIT;
    size_t errors;
    int r;

    if (problems == NULL) {
        abort();
    }
    r = workflow_parse((const char *)data, size, "fuzz.yaml", &no_names, &workflow, problems, &err);
    errors = check_problems(problems);
    if ((r == 0) != (workflow != NULL) || (r == 0 && errors > 0) ||
        (r < 0 && err.text[0] == '\0')) {
        abort();
    }
    show(workflow, problems);
    if (workflow != NULL) {
        check_inputs(workflow);
    }
    workflow_free(workflow);
    free(problems);
    return 0;
}
