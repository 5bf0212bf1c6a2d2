/* SPDX-License-Identifier: MIT */
/* The readable folder of a run from its journal and blobs: after a crash (the last lines of a log
 * may be missing) and for `doctor --rebuild`. What is there and right is left alone. */
#include "base/alloc.h"
#include "results/results.h"
#include "run/files.h"
#include "run/journal.h"
#include "run/own.h"
#include "run/states.h"
#include "run/view.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX (256U * 1024 * 1024)

struct restore {
    char *store; /* PROJECT/.fermata, for definitions */
    const struct run_files *files;
    struct run_state *state;
    bool everything;
    int64_t count;
    json_t *checkpoints; /* name -> content */
    json_t *artifacts;   /* name -> digest of the newest */
    json_t *prompts;     /* folder of an attempt -> digest */
    struct strbuf log;
    struct strbuf *phase_logs; /* one a phase */
};

static bool is_same(const char *path, const struct strbuf *text)
{
    char *data = NULL;
    size_t length = 0;
    bool same = file_read(path, text->length, &data, &length, NULL) == 0 &&
                length == text->length && memcmp(data, text->data, length) == 0;

    free(data);
    return same;
}

/* A text beyond the ceiling is left as it is: it was only appended to. */
static void put(struct restore *restore, const char *name, const struct strbuf *text)
{
    char *path = path_join(restore->files->folder, name);

    if (!text->overflow && !is_same(path, text)) {
        files_write(restore->files, name, text, FILE_NO_SYNC);
        restore->count++;
    }
    free(path);
}

static void put_text(struct restore *restore, const char *name, const char *value)
{
    struct strbuf text;

    strbuf_init(&text, VIEW_BYTES_MAX);
    strbuf_add(&text, value);
    put(restore, name, &text);
    strbuf_release(&text);
}

static void put_json(struct restore *restore, const char *name, const json_t *value)
{
    char *dumped = json_dump_pretty(value);

    put_text(restore, name, dumped);
    free(dumped);
}

/* ---- attempts ---- */

static void put_blob(struct restore *restore, const char *name, const char *digest, size_t size_max)
{
    struct strbuf content;
    char *data = NULL;
    size_t length = 0;

    strbuf_init(&content, TEXT_BYTES_MAX);
    if (blob_get(restore->files->blobs, digest, size_max, &data, &length, NULL) == 0) {
        strbuf_add_bytes(&content, data, length);
        put(restore, name, &content);
    }
    strbuf_release(&content);
    free(data);
}

static void put_output(struct restore *restore, const char *folder, const char *stream,
                       const json_t *output)
{
    const char *digest = json_get_text(output, "digest", NULL);
    const char *text = json_get_text(output, "inline", NULL);
    const json_t *value = json_object_get(output, "json");
    char *name = mem_printf("%s/%s", folder, stream);
    struct strbuf content;
    char *dumped;

    if (digest) {
        put_blob(restore, name, digest, TEXT_BYTES_MAX);
    } else {
        strbuf_init(&content, TEXT_BYTES_MAX);
        dumped = value ? json_dump_pretty(value) : mem_strdup(text ? text : "");
        strbuf_add(&content, dumped);
        put(restore, name, &content);
        strbuf_release(&content);
        free(dumped);
    }
    free(name);
}

/* Only a folder that is gone altogether: what a keeper wrote says more than the record. */
static void put_attempt(struct restore *restore, const char *folder, const struct record *record)
{
    char *path = path_join(restore->files->folder, folder);
    char *exit_file = mem_printf("%s/exit.json", folder);
    char *prompt_file = mem_printf("%s/prompt", folder);
    const char *prompt = json_get_text(restore->prompts, folder, NULL);
    json_t *ended;

    if (!file_is_folder(path)) {
        if (prompt) {
            put_blob(restore, prompt_file, prompt, TEXT_BYTES_MAX);
        }
        put_output(restore, folder, record->agent ? "answer" : "stdout", record->output);
        put_output(restore, folder, "stderr", record->errors);
        ended = json_object();
        json_put_integer(ended, "status", record->exit_status);
        json_put_integer(ended, "signal", record->signal);
        json_put_text(ended, "class", record->class_);
        json_put_text(ended, "error", record->error);
        json_put_integer(ended, "ended_at_ms", record->at);
        json_put_integer(ended, "duration_ms", record->duration_ms);
        put_json(restore, exit_file, ended);
        json_decref(ended);
    }
    free(prompt_file);
    free(exit_file);
    free(path);
}

/* ---- the fold ---- */

static void add_log_lines(struct restore *restore, const struct record *record)
{
    const struct run_state *run = restore->state;
    /* The one that the run has by now: before an edit it may have had other phases. */
    const struct workflow *workflow = restore->files->workflow;
    const char *phase = log_phase(run, record);
    size_t start = restore->log.length;

    log_format(run, record, restore->files->log_json, &restore->log);
    for (size_t i = 0; phase && i < workflow->phase_count; i++) {
        if (strcmp(workflow->phases[i].id, phase) == 0) {
            strbuf_add_bytes(&restore->phase_logs[i], restore->log.data + start,
                             restore->log.length - start);
        }
    }
}

static void note_prompt(struct restore *restore, const struct record *record)
{
    if (record->folder && json_get_text(record->data, "prompt", NULL)) {
        json_put_text(restore->prompts, record->folder,
                      json_get_text(record->data, "prompt", NULL));
    }
}

static void note_results(struct restore *restore, const struct record *record)
{
    const struct step_state *step = run_find_step(restore->state, record->step);
    size_t index;
    const json_t *artifact;

    if (record->kind == RECORD_ATTEMPT_ENDED && step && step->folder) {
        put_attempt(restore, step->folder, record);
    }
    json_array_foreach(record->artifacts, index, artifact)
    {
        json_put_text(restore->artifacts, json_get_text(artifact, "name", ""),
                      json_get_text(artifact, "digest", ""));
    }
}

static void keep_checkpoint(struct restore *restore, const char *name)
{
    struct strbuf view;

    strbuf_init(&view, VIEW_BYTES_MAX);
    view_checkpoint(restore->state, name, &view);
    json_put_text(restore->checkpoints, name, view.data);
    strbuf_release(&view);
}

static int restore_record(void *context, const struct record *record, struct error *err)
{
    struct restore *restore = context;
    int64_t last = restore->files->last_seq;
    int r;

    if (last > 0 && record->seq > last) {
        return 1;
    }
    r = run_fold_record(restore->store, restore->state, record, err);
    if (r < 0) {
        return r;
    }
    add_log_lines(restore, record);
    if (record->kind == RECORD_CHECKPOINT_SAVED) {
        keep_checkpoint(restore, record->name);
    }
    if (record->kind == RECORD_ATTEMPT_STARTED) {
        note_prompt(restore, record);
    }
    if (restore->everything &&
        (record->kind == RECORD_ATTEMPT_ENDED || record->kind == RECORD_STEP_REUSED)) {
        note_results(restore, record);
    }
    return 0;
}

static int restore_journal(struct tx *tx, void *arg, struct error *err)
{
    struct restore *restore = arg;
    int r = journal_read(tx, restore->state->id, 1, 0, restore_record, restore, err);

    return r < 0 ? r : 0;
}

static void put_logs(struct restore *restore)
{
    const struct workflow *workflow = restore->files->workflow;

    put(restore, "logs/orchestrator.log", &restore->log);
    for (size_t i = 0; i < workflow->phase_count; i++) {
        char *name = mem_printf("logs/phase-%s.log", workflow->phases[i].id);

        if (restore->phase_logs[i].length > 0) {
            put(restore, name, &restore->phase_logs[i]);
        }
        free(name);
    }
}

static void put_plan(struct restore *restore)
{
    char *path = path_join(restore->files->folder, "plan.md");
    struct strbuf text;

    /* Not when it differs: an artifact may have taken its place. */
    if (!file_exists(path)) {
        strbuf_init(&text, TEXT_BYTES_MAX);
        files_format_plan(restore->files->workflow, &text);
        put(restore, "plan.md", &text);
        strbuf_release(&text);
    }
    free(path);
}

static void put_checkpoints(struct restore *restore)
{
    json_t *kept = files_kept_checkpoints(restore->state);

    for (size_t i = 0; i < restore->state->checkpoints.count; i++) {
        const char *name = restore->state->checkpoints.items[i].name;
        char *file = mem_printf("checkpoints/%s.json", name);

        put_text(restore, file, json_string_value(json_object_get(restore->checkpoints, name)));
        free(file);
    }
    files_prune_checkpoints(restore->files, kept);
    json_decref(kept);
}

static void put_artifacts(struct restore *restore)
{
    const char *name;
    json_t *digest;

    json_object_foreach(restore->artifacts, name, digest)
    {
        if (!files_is_own_name(name) && !path_unsafe_reason(name)) {
            put_blob(restore, name, json_string_value(digest), FILES_COPY_BYTES_MAX);
        }
    }
}

static void put_summary(struct restore *restore)
{
    struct strbuf text;

    if (restore->state->status != RUN_RUNNING && restore->state->status != RUN_PENDING) {
        strbuf_init(&text, TEXT_BYTES_MAX);
        files_format_report(restore->files, restore->state, &text);
        put(restore, "report.md", &text);
        strbuf_release(&text);
    }
    strbuf_init(&text, VIEW_BYTES_MAX);
    view_run_text(restore->state, true, &text);
    put(restore, "state.json", &text); /* the last, see files_are_current */
    strbuf_release(&text);
}

static void restore_init(struct restore *restore, const struct run_files *files)
{
    restore->files = files;
    restore->store = path_folder(files->blobs);
    restore->state = run_state_new(files->id, files->workflow);
    restore->checkpoints = json_object();
    restore->artifacts = json_object();
    restore->prompts = json_object();
    restore->phase_logs = mem_zero(files->workflow->phase_count, sizeof(*restore->phase_logs));
    strbuf_init(&restore->log, TEXT_BYTES_MAX);
    for (size_t i = 0; i < files->workflow->phase_count; i++) {
        strbuf_init(&restore->phase_logs[i], TEXT_BYTES_MAX);
    }
}

static void restore_release(struct restore *restore)
{
    for (size_t i = 0; i < restore->files->workflow->phase_count; i++) {
        strbuf_release(&restore->phase_logs[i]);
    }
    free(restore->phase_logs);
    free(restore->store);
    strbuf_release(&restore->log);
    json_decref(restore->checkpoints);
    json_decref(restore->artifacts);
    json_decref(restore->prompts);
    run_state_free(restore->state);
}

/* "seq" is the last member of state.json. */
static bool state_is_current(const char *folder, int64_t seq)
{
    char *path = path_join(folder, "state.json");
    char *wanted = mem_printf("\"seq\": %lld\n}\n", (long long)seq);
    char end[64];
    size_t length = file_read_end(path, end, sizeof(end));
    size_t size = strlen(wanted);
    bool is_current = length >= size && memcmp(end + length - size, wanted, size) == 0;

    free(wanted);
    free(path);
    return is_current;
}

bool files_are_current(const char *folder, int64_t seq, bool is_at_rest)
{
    static const char *const names[] = {"plan.md", "logs/orchestrator.log", "report.md"};
    bool is_current = state_is_current(folder, seq);

    for (size_t i = 0; i < ARRAY_LEN(names) - (is_at_rest ? 0 : 1) && is_current; i++) {
        char *path = path_join(folder, names[i]);

        is_current = file_exists(path);
        free(path);
    }
    return is_current;
}

int files_restore(struct store *store, const struct run_files *files, bool everything,
                  int64_t *ret_count, struct error *err)
{
    struct restore restore = {.everything = everything};
    int r;

    restore_init(&restore, files);
    r = store_read(store, restore_journal, &restore, err);
    if (r == 0) {
        put_plan(&restore);
        put_logs(&restore);
        put_checkpoints(&restore);
        put_artifacts(&restore);
        put_summary(&restore);
        *ret_count += restore.count;
    }
    restore_release(&restore);
    return r;
}
