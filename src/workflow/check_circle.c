/* SPDX-License-Identifier: MIT */
/* Workflows that call each other in a circle: without a condition in it, no run of them could end.
 */
#include "workflow/reader.h"

#include <assert.h>

#define CHAIN_MAX 32 /* nesting_max of the configuration can be no larger */
#define SHOWN_BYTES_MAX 300

/* The workflows on the way from a call in the file to where the search stands. */
struct search {
    const struct workflow_names *names;
    bool with_conditions; /* whether calls that may not happen are followed as well */
    const struct workflow *chain[CHAIN_MAX];
    size_t depth;
    struct map *done;          /* names of workflows from which no circle was found */
    const struct step *closes; /* the call that leads back to the member `start` of the chain */
    size_t start;
};

static bool visit(struct search *search, const struct workflow *workflow);

/* Whether following the call, if there is one, ends in a circle. */
static bool follow(struct search *search, const struct step *step, bool is_conditional)
{
    const struct workflow *called;

    if (step->kind != STEP_WORKFLOW || !step->workflow ||
        (!search->with_conditions && (is_conditional || step->when || step->foreach_list))) {
        return false;
    }
    called = search->names->find_workflow(step->workflow, search->names->context);
    for (size_t i = 0; called && i < search->depth; i++) {
        if (search->chain[i] == called) {
            search->closes = step;
            search->start = i;
            return true;
        }
    }
    if (!called || map_find(search->done, step->workflow)) {
        return false;
    }
    if (visit(search, called)) {
        return true;
    }
    (void)map_put(search->done, step->workflow, search);
    return false;
}

static bool visit(struct search *search, const struct workflow *workflow)
{
    if (search->depth == CHAIN_MAX) {
        return false;
    }
    search->chain[search->depth++] = workflow;
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];

        for (size_t j = 0; j < phase->step_count; j++) {
            if (follow(search, &phase->steps[j], phase->when)) {
                return true;
            }
        }
        for (size_t j = 0; j < phase->fix_count; j++) {
            if (follow(search, &phase->fix_steps[j], true)) {
                return true;
            }
        }
    }
    search->depth--;
    return false;
}

static void report(const struct reader *reader, const struct yaml_node *node,
                   const struct search *search)
{
    const struct workflow *first = search->chain[search->start];
    const struct workflow *last = search->chain[search->depth - 1];
    struct strbuf circle;

    strbuf_init(&circle, SHOWN_BYTES_MAX);
    for (size_t i = search->start; i < search->depth; i++) {
        strbuf_addf(&circle, "%s -> ", search->chain[i]->name);
    }
    strbuf_addf(&circle, "%s (%s:%d:%d)", circle.overflow ? "..." : first->name, last->file,
                search->closes->at.line, search->closes->at.column);
    if (search->with_conditions) {
        problems_warn(reader->problems, node->at, "at most `nesting_max` of config.yaml deep",
                      "the workflow \"%s\" calls itself, and only its conditions end that: %s",
                      first->name, circle.data);
    } else {
        problems_add(reader->problems, node->at, "remove one of the calls, or give it a `when`",
                     "the workflow \"%s\" calls itself without end: %s", first->name, circle.data);
    }
    strbuf_release(&circle);
}

void check_circle(const struct reader *reader, const struct yaml_node *node,
                  const struct workflow *called)
{
    struct search search = {.names = reader->names};
    bool is_found = false;

    for (int round = 0; round < 2 && !is_found; round++) {
        search.with_conditions = round > 0;
        search.depth = 0;
        search.done = map_new();
        is_found = visit(&search, called);
        map_free(search.done);
    }
    if (is_found) {
        assert(search.depth > 0 && search.closes);
        report(reader, node, &search);
    }
}
