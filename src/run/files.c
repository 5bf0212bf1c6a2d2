/* SPDX-License-Identifier: MIT */
/* The readable folder of a run: logs, state.json, checkpoints, plan.md, report.md. All of it can be
 * derived from the store again, so nothing here is synced and no failure here stops a run. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "run/engine.h"
#include "run/own.h"
#include "run/states.h"

#include <stdlib.h>
#include <string.h>

#define LOG_BYTES_MAX (64U * 1024 * 1024)
#define REPORT_BYTES_MAX (64U * 1024 * 1024)

static void write_text(const struct active *active, const char *name, const char *text,
                       size_t length)
{
    char *path = path_join(active->folder, name);

    (void)file_write(path, text, length, FILE_NO_SYNC, NULL);
    free(path);
}

/* Appends the lines and empties them. The phase's log, or (NULL) that of the whole run. */
static void append_log(const struct active *active, const char *phase, struct strbuf *lines)
{
    char *path = phase ? mem_printf("%s/logs/phase-%s.log", active->folder, phase)
                       : path_join(active->folder, "logs/orchestrator.log");

    if (lines->length > 0) {
        (void)file_append(path, lines->data, lines->length, NULL);
    }
    strbuf_reset(lines);
    free(path);
}

/* The phase that a record is about; NULL: the run as a whole. */
static const char *phase_of(const struct run_state *run, const struct record *record)
{
    const struct step_state *step;

    if (record->kind == RECORD_RUN_MOVED || record->kind == RECORD_RUN_WISHED) {
        return NULL;
    }
    if (record->phase) {
        return record->phase;
    }
    step = record->step ? run_find_step(run, record->step) : NULL;
    return step ? run->phases[step->phase].definition->id : NULL;
}

/* Lines are gathered: a file is opened once for all records in a row that go into it. */
void files_records(struct active *active, const struct record *records, size_t count)
{
    const char *phase = NULL;
    struct strbuf all;
    struct strbuf lines;

    strbuf_init(&all, LOG_BYTES_MAX);
    strbuf_init(&lines, LOG_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *next = phase_of(active->state, &records[i]);
        size_t start = all.length;

        log_format(active->state, &records[i], active->engine->options.config->log_json, &all);
        if (next && phase && strcmp(next, phase) != 0) {
            append_log(active, phase, &lines);
        }
        if (next) {
            strbuf_add_bytes(&lines, all.data + start, all.length - start);
            phase = next;
        }
    }
    append_log(active, NULL, &all);
    if (phase) {
        append_log(active, phase, &lines);
    }
    strbuf_release(&all);
    strbuf_release(&lines);
}

struct replay {
    struct active *active;
    struct run_state *state;
    struct strbuf log;
};

static int replay_record(void *context, const struct record *record, struct error *err)
{
    struct replay *replay = context;

    (void)err;
    run_apply(replay->state, record);
    log_format(replay->state, record, replay->active->engine->options.config->log_json,
               &replay->log);
    return 0;
}

static int replay_journal(struct tx *tx, void *arg, struct error *err)
{
    struct replay *replay = arg;

    return journal_read(tx, replay->state->id, 1, 0, replay_record, replay, err);
}

/* After a crash the last lines may be missing: the log is written again from the journal. */
static void rewrite_log(struct active *active)
{
    struct replay replay = {.active = active};

    replay.state = run_state_new(active->state->id, active->workflow);
    strbuf_init(&replay.log, LOG_BYTES_MAX);
    if (store_read(active->engine->options.store, replay_journal, &replay, NULL) == 0) {
        write_text(active, "logs/orchestrator.log", replay.log.data, replay.log.length);
    }
    strbuf_release(&replay.log);
    run_state_free(replay.state);
}

void files_open(struct active *active)
{
    char *logs = path_join(active->folder, "logs");
    struct strbuf plan;

    (void)file_make_folders(logs, NULL);
    free(logs);
    if (active->state->seq > 1) {
        rewrite_log(active);
        return;
    }
    strbuf_init(&plan, REPORT_BYTES_MAX);
    strbuf_addf(&plan, "# %s\n\n```\n",
                active->workflow->title ? active->workflow->title : active->workflow->name);
    workflow_format_tree(active->workflow, &plan);
    strbuf_add(&plan, "```\n");
    write_text(active, "plan.md", plan.data, plan.length);
    strbuf_release(&plan);
}

/* The state after this turn, for every file that holds it; files_end_turn lets go of it. */
static const char *state_text(struct active *active)
{
    if (!active->state_text) {
        json_t *state = view_run(active->state);

        active->state_text = json_dump_pretty(state);
        json_decref(state);
    }
    return active->state_text;
}

void files_end_turn(struct active *active)
{
    if (active->state_text) {
        write_text(active, "state.json", active->state_text, strlen(active->state_text));
    }
    free(active->state_text);
    active->state_text = NULL;
}

/* The oldest checkpoint files beyond the retention go; their records stay in the journal. */
static void apply_retention(struct active *active)
{
    int keep = active->workflow->checkpoint_retention;
    size_t count = active->state->checkpoints.count;

    for (size_t i = 0; keep > 0 && i + (size_t)keep < count; i++) {
        const char *name = active->state->checkpoints.items[i].name;
        bool is_newer_there = false;
        char *path;

        for (size_t k = count - (size_t)keep; k < count; k++) {
            is_newer_there = is_newer_there ||
                             strcmp(active->state->checkpoints.items[k].name, name) == 0;
        }
        path = mem_printf("%s/checkpoints/%s.json", active->folder, name);
        if (!is_newer_there) {
            (void)file_remove_tree(path, NULL);
        }
        free(path);
    }
}

void files_checkpoint(struct active *active, const char *name)
{
    char *folder = path_join(active->folder, "checkpoints");
    char *file = mem_printf("checkpoints/%s.json", name);

    (void)file_make_folders(folder, NULL);
    write_text(active, file, state_text(active), strlen(state_text(active)));
    apply_retention(active);
    free(file);
    free(folder);
}

static void add_phase_report(const struct run_state *run, const struct phase_state *phase,
                             struct strbuf *report)
{
    char duration[DURATION_SIZE] = "-";

    if (phase->started_at && phase->ended_at) {
        duration_format(phase->ended_at - phase->started_at, duration);
    }
    strbuf_addf(report, "## %s\n\n%s, %s\n\n", phase->definition->name,
                step_status_name(phase->status), duration);
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        const struct step_state *step = &run->steps[phase->first_step + (int)i];

        strbuf_addf(report, "- `%s`: %s%s%s\n", step->key, step_status_name(step->status),
                    step->error ? " - " : "", step->error ? step->error : "");
    }
    if (phase->gate_asked) {
        strbuf_addf(report, "- gate `%s`: %s%s%s\n", phase->definition->gate->name,
                    phase->gate_skipped ? "skipped" : verdict_name(phase->verdict),
                    phase->verdict_reason ? " - " : "",
                    phase->verdict_reason ? phase->verdict_reason : "");
    }
    strbuf_add_char(report, '\n');
}

static void write_overview(const struct active *active)
{
    const struct run_state *run = active->state;
    struct strbuf report;
    char at[TIMESTAMP_SIZE];

    strbuf_init(&report, REPORT_BYTES_MAX);
    timestamp_format(run->created_at, at);
    strbuf_addf(&report, "# %s\n\nRun %s of %s, begun %s: **%s**%s%s.\n\n",
                run->workflow->title ? run->workflow->title : run->workflow->name, run->id,
                run->workflow->name, at, run_status_name(run->status), run->detail ? " - " : "",
                run->detail ? run->detail : "");
    if (run->task) {
        strbuf_addf(&report, "Task: %s\n\n", run->task);
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        add_phase_report(run, &run->phases[i], &report);
    }
    write_text(active, "report.md", report.data, report.length);
    strbuf_release(&report);
}

/* The report of the workflow's own report step, when it has one; else an overview. */
static void write_report(const struct active *active)
{
    const char *key = active->workflow->report;
    const struct step_state *step = key ? run_find_step(active->state, key) : NULL;
    const char *digest = step ? json_get_text(step->result.output, "digest", NULL) : NULL;
    const char *text = step ? json_get_text(step->result.output, "inline", NULL) : NULL;
    char *data = NULL;
    size_t length = 0;

    if (digest && engine_load_blob(active->engine, digest, &data, &length) == 0) {
        write_text(active, "report.md", data, length);
    } else if (text) {
        write_text(active, "report.md", text, strlen(text));
    } else {
        write_overview(active);
    }
    free(data);
}

void files_rest(struct active *active)
{
    (void)state_text(active);
    write_report(active);
}
