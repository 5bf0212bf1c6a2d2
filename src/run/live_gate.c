/* SPDX-License-Identifier: MIT */
/* The gate of a step that works in a clone: its checks run there, one after the other, when its
 * agent has ended well and before anything is merged. Each is a process under a keeper of its own
 * in gate/CHECK.TRY of the attempt's folder, so that who goes on after a crash finds what it
 * proved, or watches it; only one that left no trace is begun again. */
#include "run/live.h"

#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>

#define TRIES_MAX 10 /* of one check, the ones that a crash took among them */
#define URGE_FIRST_MS 100
#define WATCH_AGAIN_MS 500

struct own_gate {
    const struct gate *gate;
    size_t check;
    int tries;
    char *folder; /* of the check */
    pid_t keeper;
    struct launch *launch;
    struct collect *collect;
};

struct gate_job {
    struct live_attempt *live;
    enum attempt_presence presence;
    bool is_new; /* nobody has begun it */
    int result;
    struct error err;
};

void live_gate_free(struct own_gate *gate)
{
    if (gate) {
        launch_free(gate->launch);
        collect_free(gate->collect);
        free(gate->folder);
        free(gate);
    }
}

static const struct gate_check *check_of(const struct own_gate *gate)
{
    return &gate->gate->checks[gate->check];
}

static struct check_wish wish_of(const struct live_attempt *live, struct active **ret_active)
{
    const struct step_state *step = live_step(live, ret_active);

    return (struct check_wish){.step = run_step_index((*ret_active)->state, step),
                               .check = check_of(live->gate),
                               .folder = live->gate->folder};
}

static void end_gate(struct live_attempt *live)
{
    live_gate_free(live->gate);
    live->gate = NULL;
    if (collect_wants_merge(live->collect)) {
        live_merge(live);
    } else {
        live_post_outcome(live);
    }
}

static void refuse(struct live_attempt *live, const struct error *err)
{
    if (live_is_to_stop(live)) {
        collect_stop_gate(live->collect);
    } else {
        collect_refuse_gate(live->collect, err);
    }
    end_gate(live);
}

/* True: the attempt goes on here. */
static bool comes_back(struct live_attempt *live)
{
    struct engine *engine = live->engine;
    bool goes_on = !engine->is_closing && !live->is_let_go;

    live->is_on_pool = false;
    if (!goes_on) {
        live_end(live);
    }
    return goes_on;
}

static void submit(struct live_attempt *live, loop_callback work, loop_callback done)
{
    struct gate_job *job = mem_zero(1, sizeof(*job));

    job->live = live;
    live->is_on_pool = true;
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, work, done, job);
}

static void find_check(struct live_attempt *live);

/* ---- what a check left ---- */

static void submit_read(struct live_attempt *live);

static void on_read_again(void *arg)
{
    live_unpark(arg);
    submit_read(arg);
}

static void read_on_pool(void *arg)
{
    collect_read(((struct gate_job *)arg)->live->gate->collect);
}

static void take_check(struct live_attempt *live)
{
    struct own_gate *gate = live->gate;

    if (collect_is_lost(gate->collect)) {
        find_check(live);
    } else if (collect_take_check(live->collect, gate->collect) &&
               ++gate->check < gate->gate->check_count) {
        gate->tries = 0;
        find_check(live);
    } else {
        end_gate(live);
    }
}

static void on_read(void *arg)
{
    struct gate_job *job = arg;
    struct live_attempt *live = job->live;
    struct engine *engine = live->engine;
    const struct error *missing = collect_lacks_storage(live->gate->collect);

    if (comes_back(live)) {
        if (missing && !live_is_to_stop(live)) {
            live_park(live, missing, on_read_again);
        } else {
            take_check(live);
        }
    }
    free(job);
    engine_work_done(engine);
}

static void submit_read(struct live_attempt *live)
{
    struct own_gate *gate = live->gate;
    struct active *active;
    const struct check_wish wish = wish_of(live, &active);

    collect_free(gate->collect);
    gate->collect = collect_new_check(active, live, &wish);
    submit(live, read_on_pool, on_read);
}

/* ---- a check at work ---- */

static void on_check_end(void *arg)
{
    struct live_attempt *live = arg;

    live->is_kept = attempt_is_kept(live->watch);
    loop_cancel(live->engine->options.loop, live->urge);
    submit_read(live);
}

static void on_watch_again(void *arg);

static void watch(struct live_attempt *live)
{
    struct own_gate *gate = live->gate;
    struct loop *loop = live->engine->options.loop;

    attempt_watch_free(live->watch);
    live->watch = NULL;
    live->is_overdue = false;
    if (attempt_watch_start(loop, gate->folder, gate->keeper, on_check_end, live, &live->watch,
                            NULL) < 0) {
        live->urge = loop_timer_start(loop, WATCH_AGAIN_MS, on_watch_again, live);
    } else if (live_is_to_stop(live)) {
        live_stop_watched(live);
    } else if (check_of(gate)->timeout_ms > 0) {
        live_urge_after(live, check_of(gate)->timeout_ms + URGE_FIRST_MS);
    }
}

static void on_watch_again(void *arg)
{
    watch(arg);
}

/* ---- the start ---- */

static void start_on_pool(void *arg)
{
    struct gate_job *job = arg;
    struct own_gate *gate = job->live->gate;

    job->result = launch_start(gate->launch, &gate->keeper, &job->err);
}

static void submit_start(struct live_attempt *live);

static void on_start_again(void *arg)
{
    live_unpark(arg);
    submit_start(arg);
}

static void on_started(void *arg)
{
    struct gate_job *job = arg;
    struct live_attempt *live = job->live;
    struct engine *engine = live->engine;

    if (comes_back(live)) {
        if (job->result < 0 && job->err.is_storage_full && !live_is_to_stop(live)) {
            live_park(live, &job->err, on_start_again);
        } else if (job->result < 0) {
            refuse(live, &job->err);
        } else {
            watch(live);
        }
    }
    free(job);
    engine_work_done(engine);
}

static void submit_start(struct live_attempt *live)
{
    struct own_gate *gate = live->gate;
    struct error err = ERROR_INIT;
    struct active *active;
    const struct check_wish wish = wish_of(live, &active);

    launch_free(gate->launch);
    gate->launch = NULL;
    if (launch_new_check(active, &wish, &gate->launch, &err) < 0) {
        refuse(live, &err);
    } else {
        submit(live, start_on_pool, on_started);
    }
}

/* ---- where it stands ---- */

/* A folder is made by whoever starts the check; a late keeper loses its claim to us. */
static bool is_over(struct gate_job *job, const char *folder)
{
    struct own_gate *gate = job->live->gate;

    job->result = attempt_probe(folder, &job->presence, &gate->keeper, &job->err);
    if (job->result == 0 && job->presence == ATTEMPT_ABSENT && !attempt_give_up(folder)) {
        job->result = attempt_probe(folder, &job->presence, &gate->keeper, &job->err);
    }
    if (job->result == 0 && job->presence == ATTEMPT_GONE) {
        (void)attempt_sweep(folder);
    }
    return job->result == 0 && (job->presence == ATTEMPT_GONE || job->presence == ATTEMPT_ABSENT);
}

static void find_on_pool(void *arg)
{
    struct gate_job *job = arg;
    struct own_gate *gate = job->live->gate;
    bool is_lost = true;

    while (is_lost && ++gate->tries <= TRIES_MAX) {
        free(gate->folder);
        gate->folder = mem_printf("%s/gate/%zu.%d", job->live->folder, gate->check + 1,
                                  gate->tries);
        job->is_new = !file_exists(gate->folder);
        is_lost = !job->is_new && is_over(job, gate->folder);
    }
    if (is_lost) {
        job->result = error_set(&job->err, ERROR_IO, "%s was lost without a trace %d times",
                                check_of(gate)->name, TRIES_MAX);
    }
}

static void on_found(void *arg)
{
    struct gate_job *job = arg;
    struct live_attempt *live = job->live;
    struct engine *engine = live->engine;

    if (comes_back(live)) {
        if (job->result < 0) {
            refuse(live, &job->err);
        } else if (job->is_new) {
            submit_start(live);
        } else if (job->presence == ATTEMPT_ALIVE) {
            watch(live);
        } else {
            live->is_kept = true;
            submit_read(live);
        }
    }
    free(job);
    engine_work_done(engine);
}

static void find_check(struct live_attempt *live)
{
    submit(live, find_on_pool, on_found);
}

void live_gate(struct live_attempt *live)
{
    live->gate = mem_zero(1, sizeof(*live->gate));
    live->gate->gate = collect_own_gate(live->collect);
    find_check(live);
}
