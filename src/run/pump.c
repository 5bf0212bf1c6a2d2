/* SPDX-License-Identifier: MIT */
/* A turn: decide what waits, commit it, carry out its effects.
 *
 *   queue -> decide -> commit -> decide -> commit ... -> all durable -> told -> effects
 *
 * A large turn hands over what it decided in parts, of different runs, so that one is written while
 * the next is decided; they are committed together. Nothing is told or carried out before all of it
 * is durable: what a run does may look at others. */
#include "run/files_queue.h"
#include "run/live.h"

#include "base/alloc.h"
#include "run/budgets.h"
#include "run/own.h"
#include "run/states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bounds what one turn of the loop decides. */
#define INLINE_TURN_MAX 1024
/* So many are handed over at a time, and written while more is decided. */
#define RECORDS_OF_PART 128
/* While so many processes are at work, a turn leaves the last one's commit so much time behind it:
 * what ends meanwhile shares its sync. A lone process, and a slow one, never waits. */
#define PACED_FROM 4
#define PACE_MS 2

static json_t *answer_of(const struct active *active, int result, const struct error *err)
{
    json_t *answer = json_object();

    json_put_text(answer, "status", run_status_name(active->state->status));
    json_put_text(answer, "wish", wish_name(active->state->wish));
    json_put(answer, "owner", json_true());
    if (result < 0) {
        json_put_integer(answer, "code", result);
        json_put_text(answer, "error", err->text);
        json_put_text(answer, "hint", err->hint);
    }
    return answer;
}

static void add_answer(struct commit_job *job, const struct active *active, int64_t inbox_id,
                       int result, const struct error *err)
{
    struct commit *commit = commit_new(active->state, active->generation);
    json_t *answer = answer_of(active, result, err);
    char *text = json_dump_compact(answer);

    commit->inbox_id = inbox_id;
    commit->inbox_answer = arena_strdup(commit->arena, text);
    *VEC_PUSH(&job->commits) = commit;
    free(text);
    json_decref(answer);
}

static void decide_one(struct active *active, struct commit_job *job, struct queued_event *queued)
{
    struct engine *engine = active->engine;
    struct error err = ERROR_INIT;
    size_t had_records;
    int r;

    queued->event.now = engine->options.host->now_ms(engine->options.host->context);
    queued->event.random = engine->options.host->random(engine->options.host->context);
    if (queued->learned_at_us > 0) {
        active->ended_at_us = queued->learned_at_us;
    }
    if (queued->has_space_wait) {
        queued->event.outcome.space_wait_ms = queued->space_wait_ms + engine_stalled_ms(engine) -
                                              queued->stall_mark_ms;
    }
    active->stall_mark_ms = engine_stalled_ms(engine);
    files_write_now(active); /* while its state is what it ended with */
    had_records = active->batch.records.count;
    engine->limits.node = budgets_node(active);
    r = decide(active->state, &queued->event, &engine->limits, &active->batch, &err);
    budgets_update(active);
    job->records += active->batch.records.count - had_records;
    if (!active->is_dirty && (active->batch.records.count > 0 || active->batch.effects.count > 0 ||
                              active->needs_lease)) {
        active->is_dirty = true;
        *VEC_PUSH(&engine->dirty) = active;
    }
    if (r < 0) {
        /* A parent that passed its command on learns that its nested run stays as it is. */
        nested_tell_parent(active);
    }
    if (queued->inbox_id) {
        add_answer(job, active, queued->inbox_id, r, &err);
    }
}

static void job_free(struct commit_job *job)
{
    for (size_t i = 0; i < job->commits.count; i++) {
        commit_free(job->commits.items[i]);
    }
    VEC_RELEASE(&job->commits);
    free(job);
}

bool engine_has_letter(const struct engine *engine, int64_t inbox_id)
{
    for (const struct queued_event *event = engine->queue_head; event; event = event->next) {
        if (event->inbox_id == inbox_id) {
            return true;
        }
    }
    for (const struct commit_job *job = engine->jobs; job; job = job->next) {
        for (size_t i = 0; i < job->commits.count; i++) {
            if (job->commits.items[i]->inbox_id == inbox_id) {
                return true;
            }
        }
    }
    return false;
}

static int job_write(struct tx *tx, void *arg, struct error *err)
{
    struct commit_job *job = arg;

    return commits_write(tx, job->commits.items, job->commits.count, err);
}

static void tell_records(struct active *active)
{
    const struct engine_options *options = &active->engine->options;

    for (size_t i = 0; options->on_record && i < active->batch.records.count; i++) {
        const struct record record = record_vec_get(&active->batch.records, i);

        options->on_record(options->context, active->state->id, &record);
    }
    files_records(active);
}

/* Whoever watches learns first what is committed, of all runs; then come the effects. Events come
 * from the loop only, so nothing is decided and added to the list meanwhile; a nested run that an
 * effect creates is added when its begin is decided. */
static void finish_dirty(struct engine *engine)
{
    for (size_t i = 0; i < engine->dirty.count; i++) {
        tell_records(engine->dirty.items[i]);
    }
    for (size_t i = 0; i < engine->dirty.count; i++) {
        struct active *active = engine->dirty.items[i];

        active->is_dirty = active->is_in_commit = false;
        effects_carry_out(active);
        batch_reset(&active->batch);
        strbuf_release(&active->view);
    }
    engine->dirty.count = 0;
}

static void on_committed(void *arg, int result, const struct error *err);

static void on_storage_retry(void *arg)
{
    struct commit_job *job = arg;

    job->retry = (loop_id){0};
    store_submit(job->engine->options.store, job_write, on_committed, job);
}

static void job_remove(struct commit_job *job)
{
    struct commit_job **link = &job->engine->jobs;

    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    job_free(job);
}

void pump_stop_waiting(struct engine *engine)
{
    struct commit_job *next;

    for (struct commit_job *job = engine->jobs; job; job = next) {
        next = job->next;
        if (job->retry.value) {
            loop_cancel(engine->options.loop, job->retry);
            job_remove(job);
        }
    }
}

static void let_go_of_lost(struct engine *engine, const struct commit_job *job)
{
    for (size_t i = 0; i < job->commits.count; i++) {
        const struct commit *commit = job->commits.items[i];
        struct active *active = commit->lost ? engine_find(engine, commit->run.id) : NULL;

        if (active) {
            active_lose(active, commit->lost);
        }
    }
}

static int64_t monotonic_ms(const struct engine *engine)
{
    return engine->options.host->monotonic_ms(engine->options.host->context);
}

static void finish_turn(struct engine *engine)
{
    engine->committed_at_ms = monotonic_ms(engine);
    if (engine->parked == 0) {
        engine_stall(engine, NULL);
    }
    finish_dirty(engine);
    if (engine->queue_head) {
        pump(engine);
    } else {
        files_go_on(engine);
        engine_check_rest(engine);
    }
}

static void on_committed(void *arg, int result, const struct error *err)
{
    struct commit_job *job = arg;
    struct engine *engine = job->engine;

    if ((result == ERROR_LIMIT || result == ERROR_BUSY) && !engine->is_closing) {
        /* The storage is full, or another process keeps it: nothing was written or acknowledged.
         * The same commit is tried until it goes through. */
        job->retry = loop_timer_start(engine->options.loop, STORAGE_RETRY_MS, on_storage_retry,
                                      job);
        engine_stall(engine, err);
        return;
    }
    if (result == 0 && !engine->is_closing) {
        let_go_of_lost(engine, job);
    }
    job_remove(job);
    if (engine->is_closing) {
        loop_stop(engine->options.loop);
    } else if (result < 0) {
        engine_fail(engine, err);
    } else if (!engine->jobs && !engine->has_failed) {
        finish_turn(engine);
    }
}

/* The runs of `dirty` from `first` on. */
static void add_dirty_commits(struct engine *engine, struct commit_job *job, size_t first)
{
    for (size_t i = first; i < engine->dirty.count; i++) {
        struct active *active = engine->dirty.items[i];

        if (active->batch.records.count > 0 || active->needs_lease) {
            *VEC_PUSH(&job->commits) = active_commit(active);
        }
        active->is_in_commit = true;
    }
}

static struct commit_job *job_new(struct engine *engine)
{
    struct commit_job *job = mem_zero(1, sizeof(*job));

    job->engine = engine;
    return job;
}

static void submit(struct engine *engine, struct commit_job *job, size_t first)
{
    add_dirty_commits(engine, job, first);
    if (job->commits.count == 0) {
        job_free(job);
        return;
    }
    job->next = engine->jobs;
    engine->jobs = job;
    store_submit(engine->options.store, job_write, on_committed, job);
}

/* Decides the whole queue but for runs that a commit of this turn has already: their events stay.
 */
static void decide_queue(struct engine *engine)
{
    struct commit_job *job = job_new(engine);
    struct queued_event *later = NULL;
    struct queued_event **later_tail = &later;
    struct queued_event *event;
    size_t first = 0;

    while ((event = engine_take_event(engine)) != NULL) {
        struct active *active = engine_find(engine, event->run);

        if (active && active->is_in_commit) {
            *later_tail = event;
            later_tail = &event->next;
            event->next = NULL;
            continue;
        }
        if (active) {
            decide_one(active, job, event);
        }
        event_free(event);
        if (job->records >= RECORDS_OF_PART && engine->queue_head) {
            store_expect_more(engine->options.store, true);
            submit(engine, job, first);
            first = engine->dirty.count;
            job = job_new(engine);
        }
    }
    submit(engine, job, first);
    store_expect_more(engine->options.store, false);
    if (later) {
        engine->queue_head = later;
        engine->queue_tail = later_tail;
    }
}

static void on_pace(void *arg)
{
    struct engine *engine = arg;

    engine->pace = (loop_id){0};
    pump(engine);
}

/* True: the turn comes when the timer ends. */
static bool is_paced(struct engine *engine)
{
    int64_t since_ms;

    if (engine->processes < PACED_FROM) {
        return false;
    }
    since_ms = monotonic_ms(engine) - engine->committed_at_ms;
    if (since_ms >= PACE_MS) {
        return false;
    }
    if (!engine->pace.value) {
        engine->pace = loop_timer_start(engine->options.loop, PACE_MS - since_ms, on_pace, engine);
    }
    return true;
}

void pump(struct engine *engine)
{
    if (engine->jobs || engine->has_failed || engine->is_closing || !engine->queue_head ||
        engine->file_task_count > FILE_TASKS_MAX || is_paced(engine)) {
        return;
    }
    engine->inline_budget = INLINE_TURN_MAX;
    decide_queue(engine);
    if (engine->jobs) {
        for (size_t i = 0; i < engine->dirty.count; i++) {
            files_prepare(engine->dirty.items[i]);
        }
        return;
    }
    finish_dirty(engine);
    if (engine->queue_head) {
        engine_go_on(engine);
    } else {
        engine_check_rest(engine);
    }
}
