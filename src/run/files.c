/* SPDX-License-Identifier: MIT */
/* The readable folder of a run while it goes on: a line of the log for each record, the state (at
 * most a second old), checkpoints, and the report when the run rests. */
#include "run/files.h"

#include "base/alloc.h"
#include "run/engine.h"
#include "run/files_queue.h"
#include "run/view.h"

#include <stdlib.h>
#include <string.h>

#define STATE_INTERVAL_MS 1000

void files_open(struct active *active)
{
    logs_open(active);
    if (active->state->seq > 1) {
        files_later_restore(active);
    } else {
        files_later_plan(active);
    }
}

static void make_view(struct active *active)
{
    if (!active->view.data) {
        strbuf_init(&active->view, VIEW_BYTES_MAX);
        view_run_text(active->state, true, &active->view);
    }
}

static bool is_to_rest(const struct batch *batch)
{
    bool found = false;

    for (size_t i = 0; !found && i < batch->effects.count; i++) {
        found = batch->effects.items[i].kind == EFFECT_REST;
    }
    return found;
}

void files_prepare(struct active *active)
{
    logs_prepare(active);
    if (is_to_rest(&active->batch) && !run_status_is_final(active->state->status)) {
        make_view(active);
    }
}

static void forget_state_timer(struct active *active)
{
    loop_cancel(active->engine->options.loop, active->state_timer);
    active->state_timer = (loop_id){0};
    active->is_state_due = false;
}

static void write_state(struct active *active)
{
    make_view(active);
    files_later_text(active, "state.json", &active->view);
    active->view = (struct strbuf){0};
    forget_state_timer(active);
}

static void on_state_timer(void *arg)
{
    struct active *active = arg;

    active->state_timer = (loop_id){0};
    if (active->is_dirty) {
        active->is_state_due = true; /* nothing is shown that is not committed */
    } else {
        write_state(active);
    }
}

void files_records(struct active *active)
{
    const struct batch *batch = &active->batch;

    logs_add(active);
    if (batch_has(batch, RECORD_PHASE_RESET)) {
        files_later_prune(active, files_kept_checkpoints(active->state));
    }
    /* Dumping the state costs as much as the run is large: at most once in this time. A run that
     * comes to rest writes it last of all: then the others are known to be right as well. */
    if (active->is_state_due && !batch_has(batch, RECORD_RUN_MOVED)) {
        write_state(active);
    } else if (batch->records.count > 0 && !active->state_timer.value) {
        active->state_timer = loop_timer_start(active->engine->options.loop, STATE_INTERVAL_MS,
                                               on_state_timer, active);
    }
}

static void write_checkpoint(struct active *active, const char *name, struct strbuf *view)
{
    char *file = mem_printf("checkpoints/%s.json", name);

    files_later_text(active, file, view);
    *view = (struct strbuf){0};
    free(file);
}

void files_checkpoint(struct active *active, const char *name, struct strbuf *view)
{
    if (view->data) {
        write_checkpoint(active, name, view);
    } else {
        active->end_checkpoints = active->end_checkpoints ? active->end_checkpoints : json_array();
        (void)json_array_append_new(active->end_checkpoints, json_string(name));
    }
    if (active->workflow->checkpoint_retention > 0) {
        files_later_prune(active, files_kept_checkpoints(active->state));
    }
}

void files_rest(struct active *active)
{
    logs_flush(active);
    if (run_status_is_final(active->state->status)) {
        forget_state_timer(active);
        files_later_end(active);
    } else {
        files_later_report(active);
        write_state(active);
    }
}

static void write_end_checkpoints(struct active *active)
{
    const json_t *name;
    struct strbuf view;
    size_t i;

    json_array_foreach(active->end_checkpoints, i, name)
    {
        strbuf_init(&view, VIEW_BYTES_MAX);
        view_checkpoint(active->state, json_string_value(name), &view);
        write_checkpoint(active, json_string_value(name), &view);
    }
    json_decref(active->end_checkpoints);
    active->end_checkpoints = NULL;
}

void files_write_now(struct active *active)
{
    if (!active->end_files) {
        return;
    }
    files_take_back_end(active);
    write_end_checkpoints(active);
    files_later_report(active);
    write_state(active);
}
