/* SPDX-License-Identifier: MIT */
/* The clones of a phase come into the project one at a time in the order of their steps, whichever
 * was ready first. Only an attempt that is under way is waited for: one that is tried again later,
 * or whose run rests, comes when it comes. */
#include "run/live.h"
#include "run/workspace.h"

#include <stdlib.h>

#define MERGE_TURN_MS 20 /* how long until it is looked again whose turn it is */

struct merge_job {
    struct live_attempt *live;
    bool may_wait; /* for space on the disk */
    int result;
    struct error err;
};

/* An attempt of the same phase in a clone, before this one, that is under way or about to be. That
 * its step went on is known a moment after its end. */
static bool has_one_before(const struct live_attempt *live)
{
    const struct active *active = engine_find(live->engine, live->run);
    const struct run_state *run = active->state;
    int index = run_step_index(run, run_find_step(active->state, live->key));

    for (int i = 0; i < index; i++) {
        const struct step_state *step = &run->steps[i];

        if (step->phase == run->steps[index].phase && !step->check &&
            (step->waiting == WAITING_ATTEMPT || step->waiting == WAITING_PREPARE) &&
            workspace_is_clone(step_effective(step))) {
            return true;
        }
    }
    return false;
}

static void merge_on_pool(void *arg)
{
    struct merge_job *job = arg;

    job->result = collect_merge(job->live->collect, job->may_wait, &job->err);
}

static void on_space(void *arg)
{
    struct live_attempt *live = arg;

    live_unpark(live);
    live_merge_go_on(live->engine);
}

static void on_turn(void *arg)
{
    struct live_attempt *live = arg;

    live->turn = (loop_id){0};
    live_merge_go_on(live->engine);
}

static void on_merged(void *arg)
{
    struct merge_job *job = arg;
    struct live_attempt *live = job->live;
    struct engine *engine = live->engine;

    live->is_on_pool = false;
    engine->is_merging = false;
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (job->result < 0 && job->err.is_storage_full) {
        live_park(live, &job->err, on_space);
    } else if (job->result < 0) {
        live->turn = loop_timer_start(engine->options.loop, MERGE_TURN_MS, on_turn, live);
    } else {
        live_post_outcome(live);
    }
    free(job);
    engine_work_done(engine);
}

static void submit(struct live_attempt *live)
{
    struct merge_job *job = mem_zero(1, sizeof(*job));
    struct active *active;

    (void)live_step(live, &active);
    job->live = live;
    job->may_wait = active->state->wish != WISH_CANCEL;
    live->is_on_pool = true;
    live->engine->is_merging = true;
    live->engine->changes++;
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, merge_on_pool, on_merged, job);
}

void live_merge_go_on(struct engine *engine)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (!engine->is_closing && map_next(engine->live, &cursor, &key, &value)) {
        struct live_attempt *live = value;

        if (!live->is_merge_due || live->is_on_pool || live->turn.value || live->pause.value) {
            continue;
        }
        if (!engine->is_merging && !has_one_before(live)) {
            submit(live);
        } else {
            live->turn = loop_timer_start(engine->options.loop, MERGE_TURN_MS, on_turn, live);
        }
    }
}

void live_merge(struct live_attempt *live)
{
    live->is_merge_due = true;
    live_give_place(live);
    live_merge_go_on(live->engine);
}
