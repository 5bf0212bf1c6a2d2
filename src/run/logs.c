/* SPDX-License-Identifier: MIT */
/* orchestrator.log and phase-ID.log of a run under way. Lines are gathered and written a moment
 * later or when the run rests, so that no file is opened for a step. What a crash takes along is
 * written again from the journal when the run is taken over (files_restore). */
#include "base/alloc.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/files_queue.h"

#include <stdlib.h>

#define LOG_BYTES_MAX (64U * 1024 * 1024)
#define GATHER_BYTES (64U * 1024)
#define GATHER_MS 200

struct logs {
    struct strbuf all;     /* data is NULL: no line waits */
    struct strbuf *phases; /* by index, likewise */
    bool is_ahead;         /* the last lines are of records whose commit is under way */
};

void logs_open(struct active *active)
{
    active->logs = mem_zero(1, sizeof(*active->logs));
    active->logs->phases = mem_zero(active->workflow->phase_count, sizeof(*active->logs->phases));
}

static void need_buffer(struct strbuf *lines)
{
    if (!lines->data) {
        strbuf_init(lines, LOG_BYTES_MAX);
    }
}

static void add_line(const struct active *active, const struct record *record)
{
    struct strbuf *all = &active->logs->all;
    const char *phase = log_phase(active->state, record);
    const struct phase *definition = phase ? workflow_find_phase(active->workflow, phase) : NULL;
    size_t start;

    need_buffer(all);
    start = all->length;
    log_format(active->state, record, active->engine->options.config->log_json, all);
    if (definition) {
        struct strbuf *lines = &active->logs->phases[definition->index];

        need_buffer(lines);
        strbuf_add_bytes(lines, all->data + start, all->length - start);
    }
}

void logs_flush(struct active *active)
{
    struct logs *logs = active->logs;

    if (!logs->all.data || logs->is_ahead) {
        return;
    }
    files_later_append(active, "logs/orchestrator.log", &logs->all);
    for (size_t i = 0; i < active->workflow->phase_count; i++) {
        if (logs->phases[i].data) {
            char *name = mem_printf("logs/phase-%s.log", active->workflow->phases[i].id);

            files_later_append(active, name, &logs->phases[i]);
            free(name);
        }
    }
}

static void on_timer(void *arg)
{
    struct engine *engine = arg;
    size_t cursor = 0;
    const char *id;
    void *value;

    engine->logs_timer = (loop_id){0};
    while (map_next(engine->runs, &cursor, &id, &value)) {
        logs_flush(value);
    }
}

void logs_prepare(struct active *active)
{
    const struct record_vec *records = &active->batch.records;

    for (size_t i = 0; i < records->count; i++) {
        const struct record record = record_vec_get(records, i);

        add_line(active, &record);
    }
    active->logs->is_ahead = records->count > 0;
}

void logs_add(struct active *active)
{
    struct engine *engine = active->engine;

    if (!active->logs->is_ahead) {
        logs_prepare(active);
    }
    active->logs->is_ahead = false;
    if (active->logs->all.length > GATHER_BYTES) {
        logs_flush(active);
    } else if (active->batch.records.count > 0 && !engine->logs_timer.value) {
        engine->logs_timer = loop_timer_start(engine->options.loop, GATHER_MS, on_timer, engine);
    }
}

/* What is not committed is not told; its next owner writes what is missing. */
static void drop_lines(struct active *active)
{
    strbuf_release(&active->logs->all);
    for (size_t i = 0; i < active->workflow->phase_count; i++) {
        strbuf_release(&active->logs->phases[i]);
    }
}

void logs_close(struct active *active)
{
    if (active->logs) {
        logs_flush(active);
        drop_lines(active);
        free(active->logs->phases);
        free(active->logs);
        active->logs = NULL;
    }
}
