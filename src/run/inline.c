/* SPDX-License-Identifier: MIT */
/* Steps that are a call of a built-in function here on the loop. */
#include "run/engine.h"

#include "base/alloc.h"
#include "functions/functions.h"

#include <stdlib.h>
#include <string.h>

static void post_inline(struct active *active, int step, int attempt, const struct strbuf *output,
                        const struct error *err)
{
    const char *key = active->state->steps[step].key;
    struct queued_event *event = event_new(active, EVENT_ATTEMPT_ENDED, key);

    event->event.attempt = attempt;
    outcome_of_inline(active, step, output, err, event);
    event->has_space_wait = true;
    event->stall_mark_ms = active->stall_mark_ms;
    engine_post(active->engine, event);
}

/* An inline step whose output is written on the pool before its end is told. */
struct inline_end {
    struct engine *engine;
    char run[RUN_ID_SIZE];
    char *key;
    int attempt;
    struct inline_keep *keep;
};

static void keep_on_pool(void *arg)
{
    inline_keep_write(((struct inline_end *)arg)->keep);
}

static void on_kept(void *arg)
{
    struct inline_end *end = arg;
    struct engine *engine = end->engine;
    struct active *active = engine_find(engine, end->run);
    const struct step_state *step = active ? run_find_step(active->state, end->key) : NULL;

    if (step && !engine->is_closing && step->waiting == WAITING_ATTEMPT &&
        step->attempts == end->attempt) {
        post_inline(active, run_step_index(active->state, step), end->attempt, &end->keep->output,
                    end->keep->result < 0 ? &end->keep->err : NULL);
    }
    inline_keep_free(end->keep);
    free(end->key);
    free(end);
    engine_work_done(engine);
}

static void keep_first(struct active *active, int step, const struct strbuf *output)
{
    const struct step_state *state = &active->state->steps[step];
    struct inline_end *end = mem_zero(1, sizeof(*end));

    end->engine = active->engine;
    memcpy(end->run, active->state->id, RUN_ID_SIZE);
    end->key = mem_strdup(state->key);
    end->attempt = state->attempts;
    end->keep = inline_keep_new(active, step, output);
    active->engine->pool_jobs++;
    loop_submit(active->engine->options.loop, keep_on_pool, on_kept, end);
}

bool inline_run(void *context, const struct run_state *run, int step, json_t **ret_output)
{
    struct active *active = engine_find(context, run->id);
    struct error err = ERROR_INIT; /* told by its start, which follows */
    struct strbuf output;

    *ret_output = NULL;
    if (!active || active->state != run) {
        return false;
    }
    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    if (launch_inline(active, step, &output, &err) == 0) {
        *ret_output = inline_output(&active->engine->last, step_effective(&run->steps[step]),
                                    &output);
    }
    strbuf_release(&output);
    if (*ret_output) {
        effects_tell_begin(active, &run->steps[step]);
        active->ended_at_us = engine_clock_us(active->engine);
    }
    return *ret_output != NULL;
}

/* One whose end is told later: it failed, or its output is kept on the pool first. */
void inline_start(struct active *active, int step)
{
    const struct step_state *state = &active->state->steps[step];
    struct error err = ERROR_INIT;
    struct strbuf output;
    int r;

    strbuf_init(&output, FUNCTION_OUTPUT_BYTES_MAX);
    r = launch_inline(active, step, &output, &err);
    if (r == 0 && inline_needs_blob(step_effective(state), &output)) {
        keep_first(active, step, &output);
    } else {
        post_inline(active, step, state->attempts, &output, r < 0 ? &err : NULL);
    }
    strbuf_release(&output);
}
