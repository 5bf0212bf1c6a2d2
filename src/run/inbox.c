/* SPDX-License-Identifier: MIT */
/* Commands from other processes: rows in the inbox table, and the touch of a file that all owners
 * watch. */
#include "base/alloc.h"
#include "base/file.h"
#include "run/engine.h"
#include "run/own.h"

#include <stdlib.h>
#include <string.h>

struct inbox_item {
    int64_t id;
    char run[RUN_ID_SIZE];
    char *command;
    char *sender;
};

struct inbox_job {
    struct engine *engine;
    VEC(struct inbox_item) items;
};

static const struct query q_inbox_read = {
    "SELECT id, run, command, sender FROM inbox WHERE answer IS NULL ORDER BY id LIMIT 1000"};

static int read_rows(struct tx *tx, void *arg, struct error *err)
{
    struct inbox_job *job = arg;
    struct statement *statement = tx_query(tx, &q_inbox_read);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        const char *run = column_text(statement, 1);
        struct inbox_item *item;

        if (!run_id_is_valid(run)) {
            continue;
        }
        item = VEC_PUSH(&job->items);
        item->id = column_integer(statement, 0);
        memcpy(item->run, run, RUN_ID_SIZE);
        item->command = mem_strdup(column_text(statement, 2));
        item->sender = mem_strdup(column_text(statement, 3));
    }
    return r;
}

static void post_item(struct engine *engine, const struct inbox_item *item)
{
    struct active *active = engine_find(engine, item->run);
    struct queued_event *event;
    json_t *command = NULL;

    /* A row stays open until its answer is committed; one that is in hand is not taken twice. */
    if (!active || engine_has_letter(engine, item->id)) {
        return;
    }
    if (json_parse_text(item->command, strlen(item->command), "command", &command, NULL) < 0) {
        command = json_object();
    }
    event = event_new(active, EVENT_COMMAND, NULL);
    event->event.command = event_hold(event, command);
    event->event.by = event_keep(event, item->sender);
    event->inbox_id = item->id;
    engine_post(engine, event);
}

static void inbox_read(struct engine *engine);

/* One reading at a time: whoever asks knocks until he has his answer. */
static void on_read(void *arg, int result, const struct error *err)
{
    struct inbox_job *job = arg;
    struct engine *engine = job->engine;

    (void)err;
    for (size_t i = 0; i < job->items.count; i++) {
        if (result == 0 && !engine->is_closing) {
            post_item(engine, &job->items.items[i]);
        }
        free(job->items.items[i].command);
        free(job->items.items[i].sender);
    }
    VEC_RELEASE(&job->items);
    free(job);
    engine->is_inbox_being_read = false;
    if (engine->is_inbox_stale && !engine->is_closing) {
        inbox_read(engine);
    }
    engine_work_done(engine);
}

static void read_now(void *arg)
{
    struct engine *engine = arg;
    struct inbox_job *job;

    engine->is_inbox_wanted = false;
    if (engine->is_closing) {
        engine_work_done(engine);
        return;
    }
    if (engine->is_inbox_being_read) {
        engine->is_inbox_stale = true;
        engine_work_done(engine);
        return;
    }
    engine->is_inbox_being_read = true;
    engine->is_inbox_stale = false;
    job = mem_zero(1, sizeof(*job));
    job->engine = engine;
    store_submit(engine->options.store, read_rows, on_read, job);
}

/* Once for all runs that want it in this turn: it is one table. */
static void inbox_read(struct engine *engine)
{
    if (!engine->is_inbox_wanted) {
        engine->is_inbox_wanted = true;
        engine->pool_jobs++;
        loop_defer(engine->options.loop, read_now, engine);
    }
}

static void on_wake(void *arg)
{
    struct engine *engine = arg;

    if (!engine->is_closing) {
        inbox_read(engine);
    }
}

void inbox_watch(struct engine *engine)
{
    char *path;

    if (!engine->wake.value) {
        path = run_lock_path(engine->options.folder);
        engine->wake = loop_watch_path(engine->options.loop, path, on_wake, engine);
        free(path);
    }
    /* What was asked before we looked. */
    inbox_read(engine);
}
