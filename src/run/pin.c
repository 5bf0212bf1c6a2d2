/* SPDX-License-Identifier: MIT */
/* The workflows that a run may call, pinned to the texts that they had when it was started. */
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/vec.h"
#include "results/results.h"
#include "run/run.h"

#include <stdlib.h>

#define CALLS_MAX 1000

struct pinning {
    const struct engine_options *options;
    char *blobs;
    json_t *calls;
    VEC(struct workflow *) found; /* those of calls, in this order */
};

static int pin_one(struct pinning *pinning, const struct workflow *caller, const struct step *step,
                   struct error *err)
{
    const struct engine_options *options = pinning->options;
    struct workflow *called = NULL;
    char digest[DIGEST_HEX_SIZE];
    int r;

    if (step->kind != STEP_WORKFLOW || json_object_get(pinning->calls, step->workflow)) {
        return 0;
    }
    if (pinning->found.count == CALLS_MAX) {
        return error_set(err, ERROR_LIMIT, "more than %d workflows are called", CALLS_MAX);
    }
    r = options->load_workflow(options->loader_context, step->workflow, &called, err);
    if (r == 0) {
        *VEC_PUSH(&pinning->found) = called;
        r = blob_put(pinning->blobs, called->text, called->text_length, digest, err);
    }
    if (r < 0) {
        error_context(err, "step %s of workflow %s", step->id, caller->name);
        return r;
    }
    json_put_text(pinning->calls, step->workflow, digest);
    return 0;
}

static int pin_calls_of(struct pinning *pinning, const struct workflow *caller, struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < caller->phase_count; i++) {
        const struct phase *phase = &caller->phases[i];

        for (size_t k = 0; r == 0 && k < phase->step_count; k++) {
            r = pin_one(pinning, caller, &phase->steps[k], err);
        }
        for (size_t k = 0; r == 0 && k < phase->fix_count; k++) {
            r = pin_one(pinning, caller, &phase->fix_steps[k], err);
        }
    }
    return r;
}

int run_pin_calls(const struct engine_options *options, const struct workflow *workflow,
                  json_t **ret_calls, struct error *err)
{
    struct pinning pinning = {
        .options = options, .blobs = path_join(options->folder, "blobs"), .calls = json_object()};
    int r = pin_calls_of(&pinning, workflow, err);

    for (size_t i = 0; r == 0 && i < pinning.found.count; i++) {
        r = pin_calls_of(&pinning, pinning.found.items[i], err);
    }
    if (r == 0) {
        *ret_calls = pinning.found.count > 0 ? json_incref(pinning.calls) : NULL;
    }
    for (size_t i = 0; i < pinning.found.count; i++) {
        workflow_free(pinning.found.items[i]);
    }
    VEC_RELEASE(&pinning.found);
    json_decref(pinning.calls);
    free(pinning.blobs);
    return r;
}
