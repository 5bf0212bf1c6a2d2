/* SPDX-License-Identifier: MIT */
/* The readable files are written on the pool, one after another in the order in which they were
 * asked for: the loop waits for no disk, and whoever waits for the engine's rest finds them there.
 *
 * A task owns what it writes. JSON values are shared with the state of the run; nobody changes
 * those after they were put there. A run that is over and let go of leaves all its state to its
 * last task. */
#include "run/files_queue.h"
#include "base/alloc.h"
#include "results/results.h"
#include "run/definition.h"
#include "run/engine.h"
#include "run/files.h"
#include "run/view.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (64U * 1024 * 1024)
#define REPORT_BYTES_MAX TEXT_BYTES_MAX
/* They give way to what is durable, so long. */
#define BEHIND_MS 50

struct file_task {
    struct file_task *next;
    void (*write)(const struct file_task *task);
    char *folder; /* of the run */
    char *name;
    char *blobs;
    struct strbuf text;
    json_t *value;
    struct active *active;           /* of the end of a run: it has the state still */
    struct run_state *state;         /* or the task has it */
    struct engine *engine;           /* that workflow is of */
    const struct workflow *workflow; /* shared; NULL: none */
    int64_t last_seq;
    bool log_json;
    char digests[2]
                [DIGEST_HEX_SIZE]; /* of a report: the first that can be read comes before text */
};

static void task_free(struct file_task *task)
{
    run_state_free(task->state);
    if (task->workflow) {
        definition_give_back(task->engine->definitions, task->workflow);
    }
    free(task->folder);
    free(task->name);
    free(task->blobs);
    strbuf_release(&task->text);
    json_decref(task->value);
    free(task);
}

static void write_all(struct file_task *first)
{
    while (first) {
        struct file_task *next = first->next;

        first->write(first);
        task_free(first);
        first = next;
    }
}

/* What comes of a run that is still there is made now, since its state may change later. */
static void make_ends(struct engine *engine)
{
    for (struct file_task *task = engine->file_tasks; task; task = task->next) {
        if (task->active) {
            files_write_now(task->active);
        }
    }
}

static struct file_task *take_all(struct engine *engine)
{
    struct file_task *first;

    make_ends(engine);
    first = engine->file_tasks;
    engine->file_task_count = 0;
    engine->file_tasks = NULL;
    engine->file_tasks_tail = &engine->file_tasks;
    return first;
}

/* ---- on the pool ---- */

struct writing {
    struct engine *engine;
    struct file_task *first;
};

static void write_on_pool(void *arg)
{
    struct writing *writing = arg;

    write_all(writing->first);
}

static void on_written(void *arg)
{
    struct writing *writing = arg;
    struct engine *engine = writing->engine;

    free(writing);
    engine->is_writing_files = false;
    engine_go_on(engine);
    files_go_on(engine);
    engine_work_done(engine);
}

static void start_writing(struct engine *engine)
{
    struct writing *writing = mem_zero(1, sizeof(*writing));

    *writing = (struct writing){engine, take_all(engine)};
    engine->is_writing_files = true;
    engine->pool_jobs++;
    loop_submit(engine->options.loop, write_on_pool, on_written, writing);
}

static void start_if_any(struct engine *engine)
{
    engine->file_start = (loop_id){0};
    if (engine->file_tasks && !engine->is_writing_files && !engine->is_closing) {
        start_writing(engine);
    }
    engine_work_done(engine);
}

static void on_late(void *arg)
{
    start_if_any(arg);
}

static bool has_better_to_do(const struct engine *engine)
{
    return engine->file_task_count <= FILE_TASKS_MAX && (engine->jobs || engine->queue_head);
}

/* Counts as work on the pool already. */
static void start_late(struct engine *engine)
{
    engine->file_start = loop_timer_start(engine->options.loop, BEHIND_MS, on_late, engine);
}

/* Something may have come since there was nothing better to do: a run that begins asks for its
 * first file before there is anything to decide. */
static void on_idle(void *arg)
{
    struct engine *engine = arg;

    engine->is_file_start_deferred = false;
    if (has_better_to_do(engine) && !engine->is_closing) {
        start_late(engine);
    } else {
        start_if_any(engine);
    }
}

/* Whoever was told of an end may have deferred what comes of it, as more runs: that is first. */
static void on_told(void *arg)
{
    struct engine *engine = arg;

    loop_defer(engine->options.loop, on_idle, engine);
}

/* All that one turn asks for goes to the pool at once. */
static void start_soon(struct engine *engine)
{
    if (engine->is_file_start_deferred || engine->is_writing_files || engine->is_closing) {
        return;
    }
    if (!has_better_to_do(engine)) {
        engine->is_file_start_deferred = true;
        engine->pool_jobs += engine->file_start.value ? 0 : 1;
        loop_cancel(engine->options.loop, engine->file_start);
        engine->file_start = (loop_id){0};
        loop_defer(engine->options.loop, on_told, engine);
    } else if (!engine->file_start.value) {
        engine->pool_jobs++;
        start_late(engine);
    }
}

void files_go_on(struct engine *engine)
{
    if (engine->file_tasks) {
        start_soon(engine);
    }
}

static void add(struct active *active, struct file_task *task)
{
    struct engine *engine = active->engine;

    *engine->file_tasks_tail = task;
    engine->file_tasks_tail = &task->next;
    engine->file_task_count++;
    start_soon(engine);
}

void files_drain(struct engine *engine)
{
    write_all(take_all(engine));
}

void files_forget(struct active *active)
{
    struct file_task **link = &active->engine->file_tasks;

    while (*link) {
        struct file_task *task = *link;

        if (strcmp(task->folder, active->folder) != 0) {
            link = &task->next;
            continue;
        }
        *link = task->next;
        active->engine->file_task_count--;
        task_free(task);
    }
    active->engine->file_tasks_tail = link;
    active->end_files = NULL;
}

/* ---- what is written ---- */

static struct file_task *task_new(const struct active *active, const char *name,
                                  void (*write)(const struct file_task *task))
{
    struct file_task *task = mem_zero(1, sizeof(*task));

    task->write = write;
    task->folder = mem_strdup(active->folder);
    task->name = mem_strdup(name);
    return task;
}

static struct run_files files_of(const struct file_task *task)
{
    return (struct run_files){.folder = task->folder, .blobs = task->blobs};
}

static void write_text(const struct file_task *task)
{
    struct run_files files = files_of(task);

    files_write(&files, task->name, &task->text, FILE_NO_SYNC);
}

void files_later_text(struct active *active, const char *name, struct strbuf *text)
{
    struct file_task *task = task_new(active, name, write_text);

    task->text = *text;
    add(active, task);
}

static void append_text(const struct file_task *task)
{
    struct run_files files = files_of(task);

    files_append(&files, task->name, &task->text);
}

void files_later_append(struct active *active, const char *name, struct strbuf *text)
{
    struct file_task *task = task_new(active, name, append_text);

    task->text = *text;
    *text = (struct strbuf){0};
    add(active, task);
}

static void prune(const struct file_task *task)
{
    struct run_files files = files_of(task);

    files_prune_checkpoints(&files, task->value);
}

void files_later_prune(struct active *active, json_t *kept)
{
    struct file_task *task = task_new(active, NULL, prune);

    task->value = kept;
    add(active, task);
}

static void write_report(const struct file_task *task)
{
    struct run_files files = files_of(task);
    struct strbuf blob;

    for (size_t i = 0; i < ARRAY_LEN(task->digests); i++) {
        strbuf_init(&blob, REPORT_BYTES_MAX);
        if (files_add_blob(&files, task->digests[i], &blob)) {
            files_write(&files, task->name, &blob, FILE_NO_SYNC);
            strbuf_release(&blob);
            return;
        }
        strbuf_release(&blob);
    }
    write_text(task);
}

void files_later_report(struct active *active)
{
    struct file_task *task = task_new(active, "report.md", write_report);

    task->blobs = mem_strdup(active->engine->blobs);
    strbuf_init(&task->text, REPORT_BYTES_MAX);
    files_report_sources(active->state, task->digests, &task->text);
    add(active, task);
}

static void write_plan(const struct file_task *task)
{
    struct run_files files = files_of(task);
    struct strbuf plan;

    strbuf_init(&plan, TEXT_BYTES_MAX);
    files_format_plan(task->workflow, &plan);
    files_write(&files, "plan.md", &plan, FILE_NO_SYNC);
    strbuf_release(&plan);
}

static void share_workflow(const struct active *active, struct file_task *task)
{
    task->engine = active->engine;
    task->workflow = definition_share(task->engine->definitions, active->workflow->digest);
}

void files_later_plan(struct active *active)
{
    struct file_task *task = task_new(active, NULL, write_plan);

    share_workflow(active, task);
    add(active, task);
}

/* ---- the end of a run ---- */

static void write_nothing(const struct file_task *task)
{
    (void)task;
}

static void write_end_checkpoint(const struct file_task *task, const char *name)
{
    struct run_files files = files_of(task);
    char *file = mem_printf("checkpoints/%s.json", name);
    struct strbuf view;

    strbuf_init(&view, VIEW_BYTES_MAX);
    view_checkpoint(task->state, name, &view);
    files_write(&files, file, &view, FILE_NO_SYNC);
    strbuf_release(&view);
    free(file);
}

/* The state comes last: where it is, the others are. */
static void write_end(const struct file_task *task)
{
    struct run_files files = files_of(task);
    const json_t *name;
    struct strbuf text;
    size_t i;

    json_array_foreach(task->value, i, name)
    {
        write_end_checkpoint(task, json_string_value(name));
    }
    strbuf_init(&text, REPORT_BYTES_MAX);
    files_format_report(&files, task->state, &text);
    files_write(&files, "report.md", &text, FILE_NO_SYNC);
    strbuf_release(&text);
    strbuf_init(&text, VIEW_BYTES_MAX);
    view_run_text(task->state, true, &text);
    files_write(&files, "state.json", &text, FILE_NO_SYNC);
    strbuf_release(&text);
}

void files_later_end(struct active *active)
{
    struct file_task *task = task_new(active, NULL, write_nothing);

    files_take_back_end(active);
    task->active = active;
    active->end_files = task;
    add(active, task);
}

void files_take_back_end(struct active *active)
{
    if (active->end_files) {
        active->end_files->active = NULL;
        active->end_files = NULL;
    }
}

bool files_leave_state(struct active *active)
{
    struct file_task *task = active->end_files;

    if (!task) {
        return false;
    }
    files_take_back_end(active);
    task->write = write_end;
    task->blobs = mem_strdup(active->engine->blobs);
    task->value = active->end_checkpoints;
    task->state = active->state;
    task->engine = active->engine;
    task->workflow = active->workflow;
    active->end_checkpoints = NULL;
    active->state = NULL;
    active->workflow = NULL;
    return true;
}

/* ---- restoring ---- */

static void restore(const struct file_task *task)
{
    struct run_files files = {.id = task->name,
                              .folder = task->folder,
                              .blobs = task->blobs,
                              .workflow = task->workflow,
                              .log_json = task->log_json,
                              .last_seq = task->last_seq};
    int64_t count = 0;

    file_sweep(task->folder);
    (void)files_restore(task->engine->options.store, &files, false, &count, NULL);
}

void files_later_restore(struct active *active)
{
    struct engine *engine = active->engine;
    struct file_task *task = task_new(active, active->state->id, restore);

    share_workflow(active, task);
    task->blobs = mem_strdup(engine->blobs);
    task->last_seq = active->state->seq;
    task->log_json = engine->options.config->log_json;
    add(active, task);
}
