/* SPDX-License-Identifier: MIT */
/* The files of a run's folder, one function each; see files.h. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "results/results.h"
#include "run/files.h"
#include "run/states.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_BYTES_MAX (64U * 1024 * 1024)

static void make_folder_of(char *path)
{
    char *slash = strrchr(path, '/');

    *slash = '\0';
    (void)file_make_folders(path, NULL);
    *slash = '/';
}

static void write_below(const char *folder, const char *name, const void *data, size_t length,
                        enum file_sync sync)
{
    char *path = path_join(folder, name);

    make_folder_of(path);
    (void)file_write(path, data, length, sync, NULL);
    free(path);
}

void files_write(const struct run_files *files, const char *name, const struct strbuf *text,
                 enum file_sync sync)
{
    write_below(files->folder, name, text->data, text->length, sync);
}

void files_append(const struct run_files *files, const char *name, const struct strbuf *text)
{
    char *path = path_join(files->folder, name);

    make_folder_of(path);
    (void)file_append(path, text->data, text->length, NULL);
    free(path);
}

/* ---- checkpoints ---- */

json_t *files_kept_checkpoints(const struct run_state *run)
{
    json_t *kept = json_object();

    for (size_t i = 0; i < run->checkpoints.count; i++) {
        char *file = mem_printf("%s.json", run->checkpoints.items[i].name);

        json_put(kept, file, json_true());
        free(file);
    }
    return kept;
}

void files_prune_checkpoints(const struct run_files *files, const json_t *kept)
{
    char *path = path_join(files->folder, "checkpoints");
    DIR *folder = opendir(path);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot && strcmp(dot, ".json") == 0 && !json_object_get(kept, entry->d_name)) {
            char *file = path_join(path, entry->d_name);

            (void)file_remove_tree(file, NULL);
            free(file);
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    free(path);
}

/* ---- plan.md and report.md ---- */

void files_format_plan(const struct workflow *workflow, struct strbuf *target)
{
    strbuf_addf(target, "# %s\n\n```\n", workflow->title);
    workflow_format_tree(workflow, target);
    strbuf_add(target, "```\n");
}

/* Who was asked before, and why no longer. */
static void add_given_up(const struct step_state *step, struct strbuf *report)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(step->given_up, i, entry)
    {
        strbuf_addf(report, "%s %s ", i ? ";" : "", json_get_text(entry, "agent", ""));
        if (json_get_boolean(entry, "passed_over", false)) {
            strbuf_add(report, "was passed over: ");
        } else {
            strbuf_addf(report, "failed (%s): ", json_get_text(entry, "class", ""));
        }
        utf8_add_cut(report, json_get_text(entry, "error", ""), 500);
    }
}

static void add_step(const struct step_state *step, struct strbuf *report)
{
    char duration[DURATION_SIZE];

    strbuf_addf(report, "- `%s`: %s", step->key, step_status_name(step->status));
    if (step->space_wait_ms > 0) {
        duration_format(step->space_wait_ms, duration);
        strbuf_addf(report, ", waited %s for disk space", duration);
    }
    if (step->is_reused) {
        strbuf_addf(report, ", reused from %s", step->reused_from);
        log_add_answerer(report, step->answerer, step->model);
    }
    strbuf_addf(report, "%s%s\n", step->error ? " - " : "", step->error ? step->error : "");
    if (step->agent) {
        strbuf_addf(report, "  - agent %s took over:", step->agent);
        add_given_up(step, report);
        strbuf_add_char(report, '\n');
    }
    if (step->agent_error) {
        strbuf_addf(report, "  - its static alternative stood in for its agent: %s\n",
                    step->agent_error);
    }
}

static void add_phase(const struct run_state *run, const struct phase_state *phase,
                      struct strbuf *report)
{
    char duration[DURATION_SIZE] = "-";

    if (phase->started_at && phase->ended_at) {
        duration_format(phase->ended_at - phase->started_at, duration);
    }
    strbuf_addf(report, "## %s\n\n%s, %s\n\n", phase->definition->name,
                step_status_name(phase->status), duration);
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        add_step(&run->steps[phase->first_step + (int)i], report);
    }
    if (phase->gate_asked) {
        strbuf_addf(report, "- gate `%s`: %s%s%s\n", phase->definition->gate->name,
                    phase->gate_skipped ? "skipped" : verdict_name(phase->verdict),
                    phase->verdict_reason ? " - " : "",
                    phase->verdict_reason ? phase->verdict_reason : "");
    }
    strbuf_add_char(report, '\n');
}

static void add_overview(const struct run_state *run, struct strbuf *report)
{
    char at[TIMESTAMP_SIZE];

    timestamp_format(run->created_at, at);
    strbuf_addf(report, "# %s\n\nRun %s of %s, begun %s: **%s**%s%s.\n\n", run->workflow->title,
                run->id, run->workflow->name, at, run_status_name(run->status),
                run->detail ? " - " : "", run->detail ? run->detail : "");
    if (run->task) {
        strbuf_addf(report, "Task: %s\n\n", run->task);
    }
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        add_phase(run, &run->phases[i], report);
    }
}

static const char *find_artifact(const struct run_state *run, const char *name)
{
    const char *found = NULL;

    for (size_t i = 0; i < run->step_count; i++) {
        size_t index;
        const json_t *artifact;

        json_array_foreach(run->steps[i].result.artifacts, index, artifact)
        {
            if (strcmp(json_get_text(artifact, "name", ""), name) == 0) {
                found = json_get_text(artifact, "digest", NULL);
            }
        }
    }
    return found;
}

bool files_add_blob(const struct run_files *files, const char *digest, struct strbuf *target)
{
    char *data = NULL;
    size_t length = 0;

    if (!digest || !*digest ||
        blob_get(files->blobs, digest, REPORT_BYTES_MAX, &data, &length, NULL) < 0) {
        return false;
    }
    strbuf_add_bytes(target, data, length);
    free(data);
    return true;
}

void files_report_sources(const struct run_state *run, char ret_digests[2][DIGEST_HEX_SIZE],
                          struct strbuf *text)
{
    const char *key = run->workflow->report;
    const struct step_state *step = key ? run_find_step(run, key) : NULL;
    const json_t *output = step ? step->result.output : NULL;
    const char *own = json_get_text(output, "inline", NULL);
    const char *artifact = own ? NULL : find_artifact(run, "report.md");

    (void)snprintf(ret_digests[0], DIGEST_HEX_SIZE, "%s",
                   own ? "" : json_get_text(output, "digest", ""));
    (void)snprintf(ret_digests[1], DIGEST_HEX_SIZE, "%s", artifact ? artifact : "");
    if (own) {
        strbuf_add(text, own);
    } else {
        add_overview(run, text);
    }
}

void files_format_report(const struct run_files *files, const struct run_state *run,
                         struct strbuf *target)
{
    char digests[2][DIGEST_HEX_SIZE];
    struct strbuf text;

    strbuf_init(&text, REPORT_BYTES_MAX);
    files_report_sources(run, digests, &text);
    if (!files_add_blob(files, digests[0], target) && !files_add_blob(files, digests[1], target)) {
        strbuf_add_bytes(target, text.data ? text.data : "", text.length);
    }
    strbuf_release(&text);
}

/* ---- artifacts ---- */

/* plan.md and report.md are not among them: there an artifact of that name says more. */
bool files_is_own_name(const char *name)
{
    static const char *const own[] = {"state.json", "checkpoints", "logs", "attempts"};
    size_t length = strcspn(name, "/");

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strlen(own[i]) == length && strncmp(own[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}

void files_write_artifact(const char *folder, const char *name, const void *data, size_t length)
{
    if (!files_is_own_name(name) && !path_unsafe_reason(name)) {
        write_below(folder, name, data, length, FILE_NO_SYNC);
    }
}

void files_copy_artifacts(const char *folder, const char *blobs, const json_t *artifacts)
{
    size_t index;
    const json_t *artifact;

    json_array_foreach(artifacts, index, artifact)
    {
        const char *digest = json_get_text(artifact, "digest", "");
        char *data = NULL;
        size_t length = 0;

        if (blob_get(blobs, digest, FILES_COPY_BYTES_MAX, &data, &length, NULL) == 0) {
            files_write_artifact(folder, json_get_text(artifact, "name", ""), data, length);
        }
        free(data);
    }
}
