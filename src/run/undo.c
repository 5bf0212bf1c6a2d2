/* SPDX-License-Identifier: MIT */
/* The work of several attempts is put together path by path: from what stood there before the first
 * to what stood there after the last. Where it was not the same between two of them somebody else
 * changed it meanwhile: that is not ours to take back unasked. */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "results/results.h"
#include "results/snapshot.h"
#include "run/changes.h"
#include "run/query.h"
#include "run/run.h"
#include "run/writer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_RECORDS 500
#define NESTED_MAX 16
#define DIFF_BYTES_MAX (64U * 1024 * 1024)
#define NUMBER_MAX 100000

/* The undo before this one. Open: it was killed, or failed half-way. */
struct last {
    int number;
    bool is_open, is_back;
    struct changes changes; /* when it is open or wanted back */
};

struct work {
    const struct undo_request *request;
    struct snapshots *snapshots;
    struct changes changes;
    struct map *by_path; /* -> 1 + index into changes */
    struct map *touched; /* paths that somebody else changed meanwhile */
    json_t *lacks;       /* left out of a snapshot; an object used as a set */
    json_t *seen;        /* folders of attempts, so that each counts once */
    struct last last;
    const char *unknown; /* why an attempt has no snapshot; NULL: all have */
    size_t attempts;
    bool is_shown; /* what was not merged counts too */
};

/* ---- the work of attempts ---- */

static void add_change(struct work *work, const struct change *change)
{
    void *found = map_find(work->by_path, change->path);
    struct change *known;

    if (!found) {
        changes_add(&work->changes, change->path, change->from, change->to);
        (void)map_put(work->by_path, change->path, (void *)(uintptr_t)work->changes.count);
        return;
    }
    known = &work->changes.items[(size_t)(uintptr_t)found - 1];
    if (!change_is_same(known->to, change->from)) {
        (void)map_put(work->touched, change->path, work);
    }
    free(known->to);
    known->to = mem_strdup(change->to);
}

static int add_attempt(struct work *work, const char *folder, struct error *err)
{
    json_t *note;
    int r = snapshot_note_find(work->request->store, folder, &note, err);
    const char *before = json_get_text(note, "before", NULL);
    const char *after = json_get_text(note, "after", NULL);
    const char *tree = json_get_text(note, "tree", NULL);
    /* Of a merge that could not be ended some files may have come. */
    const char *merge = json_get_text(note, "merge", json_get_text(note, "intent", NULL));
    struct changes changes = {0};
    char now[DIGEST_HEX_SIZE];
    const json_t *path;
    size_t i;

    json_array_foreach(json_object_get(note, "lacks"), i, path)
    {
        const char *name = json_string_value(path);

        if (name) {
            json_put(work->lacks, name, json_true());
        }
    }
    if (merge) {
        r = changes_get(work->snapshots, merge, &changes, err);
        work->attempts++;
        before = NULL;
    } else if (tree && !work->is_shown) {
        work->attempts++; /* in its clone it changed nothing of the project */
        before = NULL;
    } else if (note && !before) {
        work->unknown = "its files could not be kept before it";
    }
    if (before && !after) { /* at work still, or it ended without a trace */
        r = snapshot_take(work->snapshots, tree ? tree : work->request->project, now, NULL, err);
        after = now;
    }
    if (before && r == 0) {
        work->attempts++;
        r = snapshot_compare(work->snapshots, before, after, &changes, err);
    }
    for (i = 0; r == 0 && i < changes.count; i++) {
        add_change(work, &changes.items[i]);
    }
    changes_release(&changes);
    json_decref(note);
    return r;
}

static bool is_wanted(const struct undo_request *request, const char *step)
{
    size_t length = request->step ? strlen(request->step) : 0;

    return !request->step ||
           (strncmp(step, request->step, length) == 0 && (!step[length] || step[length] == '['));
}

static int add_run(struct work *work, const char *run_id, int depth, struct error *err);

static int add_record(struct work *work, const char *run_id, const json_t *record, int depth,
                      struct error *err)
{
    const char *folder = json_get_text(record, "folder", NULL);
    const char *child = json_get_text(record, "child", NULL);
    bool is_nested = child && strcmp(json_get_text(record, "kind", ""), "step_waiting") == 0;
    char *path;
    int r = 0;

    if (!is_wanted(work->request, json_get_text(record, "step", ""))) {
        return 0;
    }
    if (is_nested && !json_object_get(work->seen, child)) {
        json_put(work->seen, child, json_true());
        return add_run(work, child, depth + 1, err);
    }
    if (folder && !path_unsafe_reason(folder)) {
        path = mem_printf("%s/workflows/%s/%s", work->request->folder, run_id, folder);
        if (!json_object_get(work->seen, path)) {
            json_put(work->seen, path, json_true());
            r = add_attempt(work, path, err);
        }
        free(path);
    }
    return r;
}

static int add_run(struct work *work, const char *run_id, int depth, struct error *err)
{
    int64_t seq = 1;
    bool has_more = depth < NESTED_MAX;
    int r = 0;

    while (r == 0 && has_more) {
        json_t *page = NULL;
        const json_t *record;
        size_t i;

        r = run_records(work->request->store, run_id, seq, PAGE_RECORDS, &page, err);
        json_array_foreach(json_object_get(page, "records"), i, record)
        {
            seq = json_get_integer(record, "seq", seq) + 1;
            r = r < 0 ? r : add_record(work, run_id, record, depth, err);
        }
        has_more = json_is_integer(json_object_get(page, "next"));
        json_decref(page);
    }
    return r;
}

static int compare_changes(const void *left, const void *right)
{
    return strcmp(((const struct change *)left)->path, ((const struct change *)right)->path);
}

/* Without those that lead nowhere. */
static void sort_changes(struct changes *changes)
{
    size_t kept = 0;

    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->items[i];

        if (change_is_same(change->from, change->to)) {
            free(change->path);
            free(change->from);
            free(change->to);
        } else {
            changes->items[kept++] = *change;
        }
    }
    changes->count = kept;
    if (kept > 0) {
        qsort(changes->items, kept, sizeof(struct change), compare_changes);
    }
}

static int refuse_empty(const struct work *work, struct error *err)
{
    const struct undo_request *request = work->request;
    const char *of = request->step ? request->step : request->run_id;

    if (work->unknown) {
        return error_set(err, ERROR_NOT_FOUND, "of %s nothing is kept: %s", of, work->unknown);
    }
    (void)error_set(err, ERROR_NOT_FOUND, "no agent that may edit files was at work in %s", of);
    error_hint(err, "commands and functions are not followed: docs/workspaces.md");
    return ERROR_NOT_FOUND;
}

static int work_open(struct work *work, const struct undo_request *request, bool is_shown,
                     struct error *err)
{
    int r;

    *work = (struct work){.request = request,
                          .by_path = map_new(),
                          .touched = map_new(),
                          .lacks = json_object(),
                          .seen = json_object(),
                          .is_shown = is_shown};
    r = snapshots_open(request->project, &work->snapshots, err);
    if (r == 0 && !request->is_back) {
        r = add_run(work, request->run_id, 0, err);
        sort_changes(&work->changes); /* only now, for the map names their places */
        if (r == 0 && work->attempts == 0) {
            r = refuse_empty(work, err);
        }
    }
    return r;
}

static void work_close(struct work *work)
{
    changes_release(&work->changes);
    changes_release(&work->last.changes);
    map_free(work->by_path);
    map_free(work->touched);
    json_decref(work->lacks);
    json_decref(work->seen);
    snapshots_close(work->snapshots);
}

/* ---- reports ---- */

static json_t *describe_files(const struct changes *changes)
{
    json_t *files = json_array();

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        json_t *file = json_object();

        json_put(file, "path", json_text_lossy(change->path, strlen(change->path)));
        json_put_text(file, "status",
                      !change->from ? "added"
                      : !change->to ? "deleted"
                                    : "modified");
        (void)json_array_append_new(files, file);
    }
    return files;
}

static json_t *describe(const struct work *work, const struct changes *changes)
{
    json_t *report = json_object();
    json_t *lacks = json_array();
    const char *path;
    json_t *value;

    json_put_text(report, "id", work->request->run_id);
    json_put_text(report, "step", work->request->step);
    json_put(report, "files", describe_files(changes));
    json_object_foreach(work->lacks, path, value)
    {
        (void)json_array_append_new(lacks, json_string(path));
    }
    if (json_array_size(lacks) > 0) {
        json_put(report, "lacks", json_incref(lacks));
    }
    json_decref(lacks);
    return report;
}

int run_diff(const struct undo_request *request, json_t **ret_diff, struct error *err)
{
    struct work work;
    struct strbuf text;
    int r = work_open(&work, request, true, err);

    strbuf_init(&text, DIFF_BYTES_MAX);
    if (r == 0 && work.changes.count > 0) {
        r = changes_format(work.snapshots, &work.changes,
                           request->wants_stat ? DIFF_STAT : DIFF_TEXT, &text, err);
    }
    if (r == 0) {
        *ret_diff = describe(&work, &work.changes);
        json_put(*ret_diff, "text", json_text_lossy(text.data, text.length));
    }
    strbuf_release(&text);
    work_close(&work);
    return r;
}

/* ---- undo ---- */

static char *undo_folder(const struct undo_request *request, int number)
{
    return mem_printf("%s/workflows/%s/" UNDO_FOLDER "/%d", request->folder, request->run_id,
                      number);
}

/* Without its note nothing was done yet. */
static int find_last_number(const struct undo_request *request, int *ret_number, struct error *err)
{
    bool is_there = true;
    int number = 0;
    int r = 0;

    while (r == 0 && is_there && number < NUMBER_MAX) {
        char *folder = undo_folder(request, number + 1);
        json_t *note;

        r = snapshot_note_find(request->store, folder, &note, err);
        is_there = note != NULL;
        number += is_there ? 1 : 0;
        json_decref(note);
        free(folder);
    }
    *ret_number = number;
    return r;
}

static int read_last(struct work *work, struct error *err)
{
    struct last *last = &work->last;
    json_t *note = NULL;
    const char *digest;
    char *folder;
    int r = find_last_number(work->request, &last->number, err);

    folder = undo_folder(work->request, last->number);
    r = r == 0 && last->number > 0 ? snapshot_note_find(work->request->store, folder, &note, err)
                                   : r;
    digest = json_get_text(note, "changes", NULL);
    last->is_open = json_get_boolean(note, "open", false);
    last->is_back = json_get_boolean(note, "back", false);
    if (r == 0 && digest && (last->is_open || work->request->is_back)) {
        r = changes_get(work->snapshots, digest, &last->changes, err);
    }
    if (r == 0 && !digest && work->request->is_back) {
        r = error_set(err, ERROR_NOT_FOUND, "nothing of run %s was taken back",
                      work->request->run_id);
    }
    json_decref(note);
    free(folder);
    return r;
}

/* The other way round; but of one that was itself going back and was killed: on. */
static void add_back(const struct last *last, struct changes *wanted)
{
    bool goes_on = last->is_open && last->is_back;

    for (size_t i = 0; i < last->changes.count; i++) {
        const struct change *change = &last->changes.items[i];

        changes_add(wanted, change->path, goes_on ? change->from : change->to,
                    goes_on ? change->to : change->from);
    }
}

static int refuse_conflicts(const struct work *work, const struct changes *conflicts,
                            struct error *err)
{
    struct strbuf names;
    size_t count = 0;

    strbuf_init(&names, ERROR_TEXT_MAX / 2);
    for (size_t i = 0; i < conflicts->count; i++) {
        const char *now = conflicts->items[i].from;

        strbuf_addf(&names, "%s%s", count++ ? ", " : "", conflicts->items[i].path);
        if (change_kind(now) == CHANGE_OTHER) {
            strbuf_addf(&names, " (it is %s)", strchr(now, ' ') + 1);
        }
    }
    (void)error_set(err, ERROR_CONFLICT, "nothing was done, for these changed since: %s%s",
                    names.data, names.overflow ? ", ..." : "");
    error_hint(err,
               "`fermata diff %s` shows what it did; with --force they become what they were "
               "too, and `fermata undo %s --back` brings back what stands there now",
               work->request->run_id, work->request->run_id);
    strbuf_release(&names);
    return ERROR_CONFLICT;
}

/* Some of it changed between two attempts, or since. */
static int check_conflicts(struct work *work, const struct changes *wanted, struct error *err)
{
    struct changes conflicts = {0};
    int r = changes_find_conflicts(work->request->project, wanted, &conflicts, err);

    for (size_t i = 0; r == 0 && i < wanted->count; i++) {
        if (map_find(work->touched, wanted->items[i].path)) {
            changes_add(&conflicts, wanted->items[i].path, NULL, NULL);
        }
    }
    if (r == 0 && conflicts.count > 0 && !work->request->is_forced) {
        r = refuse_conflicts(work, &conflicts, err);
    }
    changes_release(&conflicts);
    return r;
}

static int take_one(const struct work *work, const struct change *change, struct changes *changes,
                    struct error *err)
{
    char *now = NULL;
    int r = tree_look(work->request->project, change->path, &now, err);

    if (r < 0) {
        return r;
    }
    if (change_kind(now) == CHANGE_OTHER) {
        r = error_set(err, ERROR_CONFLICT, "nothing was done, for %s is %s", change->path,
                      strchr(now, ' ') + 1);
        error_hint(err, "move it away, then try again");
    } else if (now && !snapshot_has(work->snapshots, now)) {
        r = error_set(err, ERROR_LIMIT, "%s is too large to be kept before it is replaced",
                      change->path);
        error_hint(err, "move it away, then try again");
    } else if (!change_is_same(now, change->to)) {
        changes_add(changes, change->path, now, change->to);
    }
    free(now);
    return r;
}

/* From what stands there now; what is so already is no change. */
static int take_now(struct work *work, const struct changes *wanted, struct changes *changes,
                    struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < wanted->count; i++) {
        r = take_one(work, &wanted->items[i], changes, err);
    }
    return r;
}

static struct change *find_change(const struct changes *changes, const char *path)
{
    const struct change key = {.path = (char *)(uintptr_t)path};

    return changes->count > 0 ? bsearch(&key, changes->items, changes->count, sizeof(struct change),
                                        compare_changes)
                              : NULL;
}

/* What an undo that did not come to its end has done belongs to the one that is made now. */
static int add_done(const struct work *work, const struct changes *changes, struct changes *noted,
                    struct error *err)
{
    const struct changes *done = &work->last.changes;
    int r = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        const struct change *before = find_change(done, change->path);
        bool was_done = before && change_is_same(before->to, change->from);

        changes_add(noted, change->path, was_done ? before->from : change->from, change->to);
    }
    for (size_t i = 0; r == 0 && i < done->count; i++) {
        const struct change *before = &done->items[i];
        char *now = NULL;

        if (!find_change(changes, before->path)) {
            r = tree_look(work->request->project, before->path, &now, err);
            if (r == 0 && change_is_same(now, before->to)) {
                changes_add(noted, before->path, before->from, before->to);
            }
        }
        free(now);
    }
    sort_changes(noted);
    return r;
}

/* What --back is to bring back afterwards. An undo that was not ended is whole for that. */
static int list_noted(const struct work *work, const struct changes *wanted,
                      const struct changes *changes, struct changes *noted, struct error *err)
{
    const struct changes *all = work->last.is_open && work->request->is_back ? wanted : changes;

    if (work->last.is_open && !work->request->is_back) {
        return add_done(work, changes, noted, err);
    }
    for (size_t i = 0; i < all->count; i++) {
        changes_add(noted, all->items[i].path, all->items[i].from, all->items[i].to);
    }
    return 0;
}

/* Open before anything is changed, and not when all is. */
static int write_undo(const struct work *work, int number, const char *digest, bool is_open,
                      struct error *err)
{
    const struct undo_request *request = work->request;
    char *folder = undo_folder(request, number);
    json_t *note = json_object();
    int r;

    json_put_text(note, "changes", digest);
    json_put_text(note, "step", request->step);
    json_put_text(note, "by", request->user);
    json_put_integer(note, "at", request->now_ms);
    if (request->is_back) {
        json_put(note, "back", json_true());
    }
    if (is_open) {
        json_put(note, "open", json_true());
    }
    r = file_make_folders(folder, err);
    r = r < 0 ? r : snapshot_note_write(request->store, folder, note, err);
    json_decref(note);
    free(folder);
    return r;
}

static int make_undo(struct work *work, const struct changes *changes, const struct changes *noted,
                     int number, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int r = changes_check_way(work->request->project, changes, err);

    r = r < 0 ? r : changes_put(work->snapshots, noted, digest, err);
    r = r < 0 ? r : write_undo(work, number, digest, true, err);
    r = r < 0 ? r : changes_apply(work->snapshots, work->request->project, changes, err);
    return r < 0 ? r : write_undo(work, number, digest, false, err);
}

static int undo_changes(struct work *work, const struct changes *wanted, json_t **ret_report,
                        struct error *err)
{
    struct changes changes = {0};
    struct changes noted = {0};
    char digest[DIGEST_HEX_SIZE];
    int number = 0;
    int r = changes_check_possible(wanted, err);

    r = r < 0 ? r : check_conflicts(work, wanted, err);
    r = r < 0 ? r : snapshot_take(work->snapshots, work->request->project, digest, NULL, err);
    r = r < 0 ? r : take_now(work, wanted, &changes, err);
    if (r == 0 && (changes.count > 0 || work->last.is_open)) {
        number = work->last.number + (work->last.is_open ? 0 : 1);
        r = list_noted(work, wanted, &changes, &noted, err);
        r = r < 0 ? r : make_undo(work, &changes, &noted, number, err);
    }
    if (r == 0) {
        *ret_report = describe(work, &changes);
        json_put_integer(*ret_report, "number", number);
        json_put(*ret_report, "is_back", json_boolean(work->request->is_back));
    }
    changes_release(&changes);
    changes_release(&noted);
    return r;
}

static int undo_alone(const struct undo_request *request, json_t **ret_report, struct error *err)
{
    struct changes wanted = {0};
    struct work work;
    int r = work_open(&work, request, false, err);

    r = r < 0 ? r : read_last(&work, err);
    if (r == 0 && request->is_back) {
        add_back(&work.last, &wanted);
    }
    for (size_t i = 0; r == 0 && i < work.changes.count; i++) {
        changes_add(&wanted, work.changes.items[i].path, work.changes.items[i].to,
                    work.changes.items[i].from);
    }
    r = r < 0 ? r : undo_changes(&work, &wanted, ret_report, err);
    changes_release(&wanted);
    work_close(&work);
    return r;
}

/* Under nobody's hands. */
int run_undo(const struct undo_request *request, json_t **ret_report, struct error *err)
{
    const struct writer writer = {
        .store = request->store, .project = request->project, .folder = request->folder};
    int held = -1;
    int r = writer_hold(&writer, &held, err);

    if (r == 0) {
        r = undo_alone(request, ret_report, err);
        (void)close(held);
    }
    return r;
}
