/* SPDX-License-Identifier: MIT */
/* Removing what nothing refers to: blobs, folders without a run, and on request whole runs that
 * ended long ago. Runs go on and begin meanwhile, so each thing is looked at again under the lock
 * that its users hold or under the transaction that removes it. */
#include "base/alloc.h"
#include "base/file.h"
#include "results/history.h"
#include "results/results.h"
#include "results/snapshot.h"
#include "run/audit_chain.h"
#include "run/own.h"
#include "run/query.h"
#include "run/states.h"
#include "run/statistics.h"
#include "run/undo.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A blob is written before the record that names it is committed, a folder before its run; younger
 * ones are left alone. */
#define YOUNG_MS (INT64_C(10) * 60 * 1000)
/* The kernel stamps files with a clock that may lag some milliseconds behind the one that runs are
 * stamped with. */
#define FILE_TIME_LAG_MS 1000

struct collection {
    const struct engine_options *options;
    bool dry_run;
    int64_t before;    /* runs that ended earlier are old; 0: none */
    char *roots;       /* a list of those alone that may be removed; NULL: all */
    json_t *old;       /* root -> ids of its runs: whole trees of nested runs */
    json_t *removed;   /* ids, as members */
    struct map *used;  /* digests */
    json_t *histories; /* of history_list(); NULL: nobody asked yet */
    json_t *open;      /* ids of runs that have not ended -> when they were created */
    int64_t runs, folders, kept;
};

static const struct query q_old_trees = {
    "WITH RECURSIVE tree (id, root) AS ("
    " SELECT id, id FROM run WHERE parent IS NULL OR parent NOT IN (SELECT id FROM run)"
    " UNION ALL SELECT run.id, tree.root FROM run JOIN tree ON run.parent = tree.id)"
    " SELECT root, id FROM tree WHERE root NOT IN (SELECT tree.root FROM tree JOIN run"
    " ON run.id = tree.id WHERE NOT (run.status IN ('completed', 'failed', 'cancelled') AND"
    " run.ended_at > 0 AND run.ended_at < ?1)) AND (?2 IS NULL OR root IN"
    " (SELECT value FROM json_each(?2))) ORDER BY root, id"};
static const struct query q_records = {"SELECT " JOURNAL_COLUMNS " FROM journal"};
static const struct query q_digests = {"SELECT id, digest FROM run"};
static const struct query q_open_runs = {
    "SELECT id, created_at FROM run WHERE status NOT IN ('completed', 'failed', 'cancelled')"};
static const struct query q_is_known = {
    "SELECT 1 FROM run WHERE id = ?1 UNION ALL SELECT 1 FROM journal WHERE run = ?1 LIMIT 1"};
static const struct query q_remove[] = {
    {"DELETE FROM journal WHERE run = ?1"},
    {"DELETE FROM step WHERE run = ?1"},
    {"DELETE FROM lease WHERE run = ?1"},
    {"DELETE FROM inbox WHERE run = ?1"},
    {"DELETE FROM note WHERE run = ?1"},
    /* A task goes with its last run. */
    {"DELETE FROM task WHERE id = (SELECT task_id FROM run WHERE id = ?1) AND NOT EXISTS"
     " (SELECT 1 FROM run WHERE task_id = task.id AND id <> ?1)"},
    {"DELETE FROM run WHERE id = ?1"},
};

/* ---- old runs ---- */

static int read_old(struct tx *tx, const struct collection *job, json_t *trees, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_old_trees);
    int r;

    bind_integer(statement, 1, job->before);
    bind_text(statement, 2, job->roots);
    while ((r = statement_step(statement, err)) > 0) {
        const char *root = column_text(statement, 0);

        if (!json_object_get(trees, root)) {
            json_put(trees, root, json_array());
        }
        (void)json_array_append_new(json_object_get(trees, root),
                                    json_string(column_text(statement, 1)));
    }
    return r;
}

static int find_old(struct tx *tx, void *arg, struct error *err)
{
    struct collection *job = arg;

    return read_old(tx, job, job->old, err);
}

struct removal {
    struct collection *job;
    const char *root;
    const json_t *ids;
    struct run_statistics statistics; /* of these runs */
};

static int note_removal(struct tx *tx, const struct removal *removal, struct error *err)
{
    const struct engine_options *options = removal->job->options;
    struct audit_entry entry = {.at = options->host->now_ms(options->host->context),
                                .event = "run_removed",
                                .user = options->user};
    size_t index;
    const json_t *id;
    int r = 0;

    json_array_foreach(removal->ids, index, id)
    {
        entry.run = json_string_value(id);
        r = r < 0 ? r : audit_add(tx, &entry, 1, err);
    }
    return r;
}

/* ERROR_CONFLICT when the tree is no longer what it was: one of its runs was taken up again. */
static int remove_rows(struct tx *tx, void *arg, struct error *err)
{
    struct removal *removal = arg;
    json_t *now = json_object();
    size_t index;
    const json_t *id;
    int r = read_old(tx, removal->job, now, err);

    if (r == 0 && !json_equal(json_object_get(now, removal->root), removal->ids)) {
        r = ERROR_CONFLICT;
    }
    json_array_foreach(removal->ids, index, id)
    {
        r = r == 0 ? totals_keep(tx, json_string_value(id), err) : r;
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(q_remove); i++) {
            struct statement *statement = tx_query(tx, &q_remove[i]);

            bind_text(statement, 1, json_string_value(id));
            r = tx_run(tx, statement, NULL, err);
        }
    }
    r = r < 0 ? r : statistics_keep(tx, &removal->statistics, err);
    r = r < 0 ? r : note_removal(tx, removal, err);
    json_decref(now);
    return r;
}

/* The run's folder; its descriptor, -1: the run has none. ERROR_BUSY when a process is at it. */
static int lock_folder(const struct collection *job, const char *run_id, int *ret_fd,
                       struct error *err)
{
    char *folder = run_folder(job->options->folder, run_id);
    int r = 0;

    *ret_fd = -1;
    if (file_is_folder(folder)) {
        r = run_lock(job->options->folder, run_id, ret_fd, err);
    }
    free(folder);
    return r;
}

/* Its commits go first: a folder that was left behind is found again. */
static int forget_history(struct collection *job, const char *run_id, struct error *err)
{
    int r = job->histories ? 0 : history_list(job->options->project, &job->histories, err);

    if (r == 0 && json_object_get(job->histories, run_id)) {
        r = history_forget(job->options->project, run_id, err);
    }
    return r;
}

static int remove_folder(struct collection *job, const char *run_id, struct error *err)
{
    char *folder = run_folder(job->options->folder, run_id);
    int r = forget_history(job, run_id, err);

    r = r < 0 ? r : file_remove_tree(folder, err);
    free(folder);
    return r;
}

static int remove_tree(struct collection *job, const char *root, const json_t *ids,
                       struct error *err)
{
    struct removal removal = {.job = job, .root = root, .ids = ids};
    int *fds = mem_zero(json_array_size(ids), sizeof(*fds));
    size_t locked = 0;
    size_t index;
    const json_t *id;
    int r = 0;

    while (r == 0 && locked < json_array_size(ids)) {
        r = lock_folder(job, json_string_value(json_array_get(ids, locked)), &fds[locked], err);
        locked++;
    }
    if (r == 0) {
        struct error ignored = ERROR_INIT;

        /* A damaged run can be removed, too. */
        (void)statistics_read_runs(job->options->store, job->options->folder, ids,
                                   &removal.statistics, &ignored);
        r = store_write(job->options->store, remove_rows, &removal, err);
    }
    run_statistics_release(&removal.statistics);
    json_array_foreach(ids, index, id)
    {
        if (r == 0) {
            json_put(job->removed, json_string_value(id), json_true());
            r = remove_folder(job, json_string_value(id), err);
        }
    }
    for (size_t i = 0; i < locked; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    free(fds);
    return r == ERROR_BUSY || r == ERROR_CONFLICT ? 0 : r;
}

static int remove_old_runs(struct collection *job, struct error *err)
{
    const char *root;
    json_t *ids;
    int r = store_read(job->options->store, find_old, job, err);

    json_object_foreach(job->old, root, ids)
    {
        size_t index;
        const json_t *id;

        if (r == 0 && !job->dry_run) {
            r = remove_tree(job, root, ids, err);
            continue;
        }
        json_array_foreach(ids, index, id)
        {
            json_put(job->removed, json_string_value(id), json_true());
        }
    }
    job->runs = (int64_t)json_object_size(job->removed);
    return r;
}

/* ---- folders without a run ---- */

static bool is_run_id(const char *name)
{
    return strncmp(name, "wf_", 3) == 0 && strlen(name) == RUN_ID_LENGTH &&
           strspn(name + 3, "0123456789abcdefghjkmnpqrstvwxyz") == RUN_ID_LENGTH - 3;
}

static int find_run(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_is_known);
    int r;

    bind_text(statement, 1, arg);
    r = statement_step(statement, err);
    return r > 0 ? ERROR_CONFLICT : r;
}

/* Its lock is taken before the question: whoever creates a run holds it until the run is known. */
static int collect_folder(struct collection *job, const char *name, struct error *err)
{
    int fd = -1;
    int r = job->dry_run ? 0 : lock_folder(job, name, &fd, err); /* a lock would make it young */

    if (r == 0) {
        r = store_read(job->options->store, find_run, (void *)(uintptr_t)name, err);
    }
    if (r == 0) {
        job->folders++;
        r = job->dry_run ? 0 : remove_folder(job, name, err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return r == ERROR_BUSY || r == ERROR_CONFLICT ? 0 : r;
}

static int collect_folders(struct collection *job, int64_t now, struct error *err)
{
    char *path = path_join(job->options->folder, "workflows");
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int r = 0;

    while (folder && r == 0 && (entry = readdir(folder)) != NULL) {
        struct stat status;

        if (is_run_id(entry->d_name) &&
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode) && (int64_t)status.st_mtim.tv_sec * 1000 < now - YOUNG_MS) {
            r = collect_folder(job, entry->d_name, err);
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    free(path);
    return r;
}

/* ---- blobs ---- */

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
    struct collection *job = arg;
    struct statement *statement = tx_query(tx, &q_records);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        struct journal_row row = {0};

        /* A damaged record would give away what it refers to. */
        r = journal_get_row(statement, &row, err);
        if (r < 0) {
            return r;
        }
        /* In a dry run the removed ones are still there. */
        if (!json_object_get(job->removed, column_text(statement, 0))) {
            mark_digests(job, row.body);
        }
    }
    statement = tx_query(tx, &q_digests);
    while (r == 0 && (r = statement_step(statement, err)) > 0) {
        if (!json_object_get(job->removed, column_text(statement, 0))) {
            mark_digests(job, column_text(statement, 1));
            job->kept++;
        }
        r = 0;
    }
    statement = tx_query(tx, &q_open_runs);
    while (r == 0 && (r = statement_step(statement, err)) > 0) {
        json_put_integer(job->open, column_text(statement, 0), column_integer(statement, 1));
        r = 0;
    }
    return r;
}

static bool is_used(const char *digest, void *context)
{
    return map_find(((struct collection *)context)->used, digest) != NULL;
}

/* What a run that is under way has put lies there without a record for as long as its commit
 * waits, which a full disk can make long. */
static int64_t young_since(const struct collection *job, int64_t now)
{
    int64_t since = now - YOUNG_MS;
    const char *id;
    json_t *created_at;

    json_object_foreach(job->open, id, created_at)
    {
        if (json_integer_value(created_at) < since && run_is_locked(job->options->folder, id)) {
            since = json_integer_value(created_at) - FILE_TIME_LAG_MS;
        }
    }
    return since;
}

static int collect_blobs(struct collection *job, int64_t now, int64_t *ret_removed,
                         int64_t *ret_bytes, struct error *err)
{
    char *blobs = path_join(job->options->folder, "blobs");
    int r = store_read(job->options->store, read_used, job, err);

    if (r == 0) {
        r = blob_collect(blobs, is_used, job, now, now - young_since(job, now), job->dry_run,
                         ret_removed, ret_bytes, err);
    }
    free(blobs);
    return r;
}

/* ---- snapshots ---- */

static int find_snapshots(void *context, json_t *digests, struct error *err)
{
    const struct collection *job = context;

    return undo_find_digests(job->options->store, job->options->folder, digests, err);
}

/* Where one is being taken they stay until the next time. */
static int collect_snapshots(struct collection *job, int64_t *ret_removed, int64_t *ret_bytes,
                             struct error *err)
{
    const struct snapshot_use use = {.find = find_snapshots, .context = job};
    int r = snapshots_collect(job->options->project, &use, job->dry_run, ret_removed, ret_bytes,
                              err);

    return r == ERROR_BUSY ? 0 : r;
}

static int collect(const struct engine_options *options, const struct collection *wanted,
                   json_t **ret_report, struct error *err)
{
    int64_t now = options->host->now_ms(options->host->context);
    struct collection job = {.options = options,
                             .dry_run = wanted->dry_run,
                             .before = wanted->before,
                             .roots = wanted->roots,
                             .old = json_object(),
                             .removed = json_object(),
                             .open = json_object(),
                             .used = map_new()};
    int64_t blobs = 0;
    int64_t bytes = 0;
    int64_t contents = 0;
    int64_t content_bytes = 0;
    int r = job.before > 0 ? remove_old_runs(&job, err) : 0;

    if (r == 0) {
        r = collect_folders(&job, now, err);
    }
    if (r == 0) {
        r = collect_blobs(&job, now, &blobs, &bytes, err);
    }
    if (r == 0) {
        r = collect_snapshots(&job, &contents, &content_bytes, err);
    }
    if (r == 0) {
        *ret_report = json_object();
        json_put_integer(*ret_report, "runs", job.runs);
        json_put_integer(*ret_report, "blobs", blobs + contents);
        json_put_integer(*ret_report, "bytes", bytes + content_bytes);
        json_put_integer(*ret_report, "folders", job.folders);
        json_put_integer(*ret_report, "kept", job.kept);
    }
    json_decref(job.old);
    json_decref(job.removed);
    json_decref(job.histories);
    json_decref(job.open);
    map_free(job.used);
    return r;
}

int run_collect(const struct engine_options *options, int64_t older_than_ms, bool dry_run,
                json_t **ret_report, struct error *err)
{
    int64_t now = options->host->now_ms(options->host->context);
    struct collection wanted = {.dry_run = dry_run,
                                .before = older_than_ms > 0 ? now - older_than_ms : 0};

    return collect(options, &wanted, ret_report, err);
}

int run_collect_runs(const struct engine_options *options, const json_t *roots, bool dry_run,
                     json_t **ret_report, struct error *err)
{
    struct collection wanted = {
        .dry_run = dry_run, .before = INT64_MAX, .roots = json_dump_compact(roots)};
    int r = collect(options, &wanted, ret_report, err);

    free(wanted.roots);
    return r;
}
