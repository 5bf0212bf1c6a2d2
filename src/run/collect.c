/* SPDX-License-Identifier: MIT */
/* Removing what nothing refers to: blobs, and on request whole runs that ended long ago. */
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/own.h"
#include "run/states.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A blob is written before the record that names it is committed; younger ones are left alone. */
#define BLOB_AGE_MS (INT64_C(10) * 60 * 1000)

struct collection {
    struct map *used; /* digests */
    json_t *old;      /* ids of runs to remove */
    int64_t before;   /* runs that ended earlier are old; 0: none */
    const char *run_id;
};

static const struct query q_bodies = {"SELECT body FROM journal"};
static const struct query q_digests = {"SELECT digest FROM run"};
static const struct query q_old_runs = {
    "SELECT id FROM run WHERE ended_at > 0 AND ended_at < ?1 AND status IN ('completed', 'failed',"
    " 'cancelled') AND NOT EXISTS (SELECT 1 FROM run child WHERE child.parent = run.id AND"
    " child.ended_at = 0)"};
static const struct query q_remove[] = {
    {"DELETE FROM journal WHERE run = ?1"}, {"DELETE FROM step WHERE run = ?1"},
    {"DELETE FROM attempt WHERE run = ?1"}, {"DELETE FROM lease WHERE run = ?1"},
    {"DELETE FROM inbox WHERE run = ?1"},   {"DELETE FROM run WHERE id = ?1"},
};

/* Any run of 64 hex digits in a record may be a digest; one too many keeps a blob, never loses one.
 */
static void mark_digests(struct collection *job, const char *text)
{
    size_t run = 0;

    for (const char *c = text;; c++) {
        if (isdigit((unsigned char)*c) || (*c >= 'a' && *c <= 'f')) {
            run++;
            continue;
        }
        if (run == DIGEST_HEX_LENGTH) {
            char *digest = mem_strndup(c - DIGEST_HEX_LENGTH, DIGEST_HEX_LENGTH);

            (void)map_put(job->used, digest, job);
            free(digest);
        }
        run = 0;
        if (!*c) {
            return;
        }
    }
}

static int read_used(struct tx *tx, void *arg, struct error *err)
{
    const struct query *const queries[] = {&q_bodies, &q_digests};
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(queries); i++) {
        struct statement *statement = tx_query(tx, queries[i]);

        while ((r = statement_step(statement, err)) > 0) {
            mark_digests(arg, column_text(statement, 0));
        }
    }
    return r;
}

static int read_old(struct tx *tx, void *arg, struct error *err)
{
    struct collection *job = arg;
    struct statement *statement = tx_query(tx, &q_old_runs);
    int r;

    bind_integer(statement, 1, job->before);
    while ((r = statement_step(statement, err)) > 0) {
        (void)json_array_append_new(job->old, json_string(column_text(statement, 0)));
    }
    return r;
}

static int remove_rows(struct tx *tx, void *arg, struct error *err)
{
    struct collection *job = arg;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(q_remove); i++) {
        struct statement *statement = tx_query(tx, &q_remove[i]);

        bind_text(statement, 1, job->run_id);
        r = tx_run(tx, statement, NULL, err);
    }
    return r;
}

static int remove_run(const struct engine_options *options, struct collection *job,
                      const char *run_id, struct error *err)
{
    char *folder = run_folder(options->folder, run_id);
    int fd = -1;
    int r = file_make_folders(folder, err);

    if (r == 0) {
        r = run_lock(folder, &fd, err);
    }
    if (r == 0) {
        job->run_id = run_id;
        r = store_write(options->store, remove_rows, job, err);
    }
    if (r == 0) {
        r = file_remove_tree(folder, err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(folder);
    return r;
}

static bool is_used(const char *digest, void *context)
{
    return map_find(((struct collection *)context)->used, digest) != NULL;
}

static int remove_old_runs(const struct engine_options *options, struct collection *job,
                           bool dry_run, struct error *err)
{
    size_t index;
    const json_t *id;
    int r = store_read(options->store, read_old, job, err);

    json_array_foreach(job->old, index, id)
    {
        if (r == 0 && !dry_run) {
            r = remove_run(options, job, json_string_value(id), err);
        }
    }
    return r;
}

int run_collect(const struct engine_options *options, int64_t older_than_ms, bool dry_run,
                json_t **ret_report, struct error *err)
{
    int64_t now = options->host->now_ms(options->host->context);
    struct collection job = {.used = map_new(),
                             .old = json_array(),
                             .before = older_than_ms > 0 ? now - older_than_ms : 0};
    char *blobs = path_join(options->folder, "blobs");
    int64_t removed = 0;
    int64_t bytes = 0;
    int r = 0;

    if (older_than_ms > 0) {
        r = remove_old_runs(options, &job, dry_run, err);
    }
    if (r == 0) {
        r = store_read(options->store, read_used, &job, err);
    }
    if (r == 0 && file_is_folder(blobs)) {
        r = blob_collect(blobs, is_used, &job, now, BLOB_AGE_MS, dry_run, &removed, &bytes, err);
    }
    if (r == 0) {
        *ret_report = json_object();
        json_put_integer(*ret_report, "blobs", removed);
        json_put_integer(*ret_report, "bytes", bytes);
        json_put_integer(*ret_report, "runs", (json_int_t)json_array_size(job.old));
        json_put_integer(*ret_report, "kept", (json_int_t)map_count(job.used));
    }
    json_decref(job.old);
    map_free(job.used);
    free(blobs);
    return r;
}
