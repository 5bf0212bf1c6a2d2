/* SPDX-License-Identifier: MIT */
/* Of each path there are three states: what was cloned (base), what the project has now (ours),
 * what the agent left (theirs). Where only one side changed it, that side counts; where both did,
 * `git merge-file` puts the lines together, outside of any repository. */
#include "run/merge_conflict.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "results/snapshot.h"
#include "run/changes.h"
#include "run/workspace.h"
#include "run/writer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_note(struct merging *merging, struct error *err)
{
    const char *folder = merging->merge->attempt;
    int r = snapshot_note_find(merging->merge->store, folder, &merging->note, err);

    return r < 0 || merging->note
               ? r
               : error_set(err, ERROR_NOT_FOUND, "there is no note of what was done in %s", folder);
}

static int write_note(const struct merging *merging, const char *name, const char *digest,
                      struct error *err)
{
    json_put_text(merging->note, name, digest);
    return snapshot_note_write(merging->merge->store, merging->merge->attempt, merging->note, err);
}

/* ---- the plan ---- */

static bool is_ignored(const char *content)
{
    return content && strstr(content, TREE_IGNORED);
}

static int plan_path(struct merging *merging, const struct change *change, struct error *err)
{
    char *ours = NULL;
    char *merged = NULL;
    int r = tree_look(merging->merge->project, change->path, &ours, err);

    if (r < 0) {
        return r;
    }
    if (change_is_same(ours, change->from)) {
        changes_add(&merging->changes, change->path, ours, change->to);
    } else if (!change_is_same(ours, change->to)) {
        const struct three_ways ways = {change->from, ours, change->to};

        r = change_merge(merging->snapshots, &ways, &merged, err);
        if (r == ERROR_CONFLICT) {
            changes_add(&merging->conflicts, change->path, ours, change->to);
            changes_add(&merging->before, change->path, change->from, NULL);
            r = 0;
        } else if (r == 0 && !change_is_same(ours, merged)) {
            changes_add(&merging->changes, change->path, ours, merged);
        }
    }
    if (r == 0 && !change_is_same(ours, change->from)) {
        changes_add(&merging->rebased, change->path, change->from, ours);
    }
    if (r == 0 && merged && !change_is_same(change->to, merged)) {
        changes_add(&merging->laid, change->path, change->to, merged);
    }
    free(merged);
    free(ours);
    return r;
}

static int refuse_conflicts(const struct merging *merging, const json_t *paths, struct error *err)
{
    const struct merge *merge = merging->merge;
    struct strbuf names;
    const json_t *path;
    size_t i;

    strbuf_init(&names, ERROR_TEXT_MAX / 3);
    json_array_foreach((json_t *)(uintptr_t)paths, i, path)
    {
        strbuf_addf(&names, "%s%s", i ? ", " : "", json_string_value(path));
    }
    (void)error_set(err, ERROR_CONFLICT,
                    "merge conflict: the project and step %s changed the same lines of %s%s; the "
                    "one side is in %s, the other in %s",
                    merge->step, names.data, names.overflow ? ", ..." : "", merge->project,
                    merge->tree);
    strbuf_release(&names);
    return ERROR_CONFLICT;
}

/* Of a folder of which the agent made a repository of its own nothing can be seen: it is not gone.
 */
static bool is_hidden(const struct changes *done, const struct change *change)
{
    for (size_t i = 0; !change->to && i < done->count; i++) {
        const struct change *other = &done->items[i];
        size_t length = strlen(other->path);

        if (change_kind(other->to) == CHANGE_REPOSITORY &&
            strncmp(change->path, other->path, length) == 0 && change->path[length] == '/') {
            return true;
        }
    }
    return false;
}

/* No part of a merge: what git ignores, and repositories of their own. */
static bool is_left_behind(const struct change *change)
{
    return is_ignored(change->from) || is_ignored(change->to) ||
           change_kind(change->to) == CHANGE_REPOSITORY;
}

/* What the agent made of such, and what was too large to be kept, is to be found in the clone. */
static void note_left(struct merging *merging, const struct changes *done)
{
    json_t *left = json_array();
    const json_t *lack;
    size_t index;

    for (size_t i = 0; i < done->count && json_array_size(left) < CHANGES_PATHS_MAX; i++) {
        const struct change *change = &done->items[i];

        if (change->to && is_left_behind(change)) {
            (void)json_array_append_new(left, json_text_lossy(change->path, strlen(change->path)));
        }
    }
    json_array_foreach(json_object_get(merging->note, "lacks"), index, lack)
    {
        if (json_array_size(left) < CHANGES_PATHS_MAX) {
            (void)json_array_append(left, (json_t *)(uintptr_t)lack);
        }
    }
    if (json_array_size(left) > 0) {
        json_put(merging->note, "left", json_incref(left));
    }
    json_decref(left);
}

static int plan_all(struct merging *merging, const struct changes *done, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < done->count; i++) {
        const struct change *change = &done->items[i];

        if (is_hidden(done, change)) {
            merging->is_open = true;
            changes_add(&merging->conflicts, change->path, change->from, change->to);
        } else if (!is_left_behind(change)) {
            r = plan_path(merging, change, err);
        }
    }
    note_left(merging, done);
    return r;
}

/* Where somebody settles them, the clone holds both sides from now on. */
static int end_conflicts(struct merging *merging, const char *base, const struct changes *done,
                         struct error *err)
{
    json_t *paths = conflict_list_paths(&merging->conflicts);
    struct error why = ERROR_INIT;
    int r = merging->merge->is_settled ? conflict_lay(merging, base, done, &why) : 0;

    if (r < 0 && why.is_storage_full) {
        *err = why;
    } else {
        r = refuse_conflicts(merging, paths, err);
    }
    json_decref(paths);
    return r;
}

/* Also keeps what the project has now. */
static int plan(struct merging *merging, struct error *err)
{
    const char *after = json_get_text(merging->note, "after", NULL);
    struct changes done = {0};
    char base[DIGEST_HEX_SIZE];
    int r = workspace_read_base(merging->merge->store, merging->merge->tree, base, err);

    if (r == 0 && !after) {
        r = error_set(err, ERROR_IO, "what step %s did in its clone could not be kept",
                      merging->merge->step);
    }
    r = r < 0 ? r
              : snapshot_take(merging->snapshots, merging->merge->project, merging->now, NULL, err);
    r = r < 0 ? r : snapshot_compare(merging->snapshots, base, after, &done, err);
    r = r < 0 ? r : conflict_check_settled(merging, &done, err);
    r = r < 0 ? r : plan_all(merging, &done, err);
    if (r == 0 && merging->conflicts.count > 0) {
        r = end_conflicts(merging, base, &done, err);
    }
    changes_release(&done);
    return r;
}

/* ---- intent, deed, receipt ---- */

static int write_intent(struct merging *merging, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int r;

    if (conflict_was_laid(merging)) {
        r = conflict_lay_again(merging, err);
        return r < 0 ? r
                     : refuse_conflicts(merging, json_object_get(merging->note, "conflicts"), err);
    }
    r = plan(merging, err);
    r = r < 0 ? r : changes_put(merging->snapshots, &merging->changes, digest, err);
    return r < 0 ? r : write_note(merging, "intent", digest, err);
}

/* Of the run a history in git, see history.h. */
static int commit_changes(struct merging *merging, struct error *err)
{
    const struct merge *merge = merging->merge;
    const char *name = strrchr(merge->attempt, '/') + 1;
    char *scratch = path_join(merge->attempt, "commit.stream");
    const struct history_entry entry = {.project = merge->project,
                                        .run = merge->run_id,
                                        .attempt = name,
                                        .subject = merge->subject,
                                        .scratch = scratch,
                                        .at_ms = merge->at_ms};
    char commit[COMMIT_NAME_SIZE];
    struct error why = ERROR_INIT;
    int r = history_add(merging->snapshots, &merging->changes, &entry, commit, &why);

    free(scratch);
    if (r < 0 && why.is_storage_full) {
        *err = why;
        return r;
    }
    json_put_text(merging->note, r < 0 ? "no_commit" : "commit", r < 0 ? why.text : commit);
    return 0;
}

static int merge_alone(struct merging *merging, struct error *err)
{
    const char *intent = json_get_text(merging->note, "intent", NULL);
    int r = intent ? changes_get(merging->snapshots, intent, &merging->changes, err)
                   : write_intent(merging, err);

    if (r == 0) {
        r = changes_apply(merging->snapshots, merging->merge->project, &merging->changes, err);
    }
    if (r == 0 && merging->merge->subject && merging->changes.count > 0) {
        r = commit_changes(merging, err);
    }
    return r < 0 ? r
                 : write_note(merging, "merge", json_get_text(merging->note, "intent", NULL), err);
}

static int merge_locked(struct merging *merging, struct error *err)
{
    const struct merge *merge = merging->merge;
    const char *receipt = json_get_text(merging->note, "merge", NULL);
    const struct writer writer = {.store = merge->store,
                                  .project = merge->project,
                                  .folder = merge->project_folder,
                                  .run_id = merge->run_id,
                                  .attempt = merge->attempt};
    int r;

    if (receipt) {
        r = changes_get(merging->snapshots, receipt, &merging->changes, err);
    } else {
        r = writer_take(&writer, err);
        if (r == 0) {
            r = merge_alone(merging, err);
            writer_release(&writer);
        }
    }
    if (r == 0) {
        workspace_end(merge->store, merge->tree, json_object_get(merging->note, "left"));
    }
    return r;
}

int merge_clone(const struct merge *merge, struct merged *ret_merged, struct error *err)
{
    struct merging merging = {.merge = merge};
    int r = read_note(&merging, err);

    *ret_merged = (struct merged){0};
    r = r < 0 ? r : snapshots_open(merge->project, &merging.snapshots, err);
    r = r < 0 ? r : merge_locked(&merging, err);
    if (r == 0) {
        ret_merged->files = (int64_t)merging.changes.count;
        ret_merged->left = json_incref(json_object_get(merging.note, "left"));
        ret_merged->no_commit = mem_strdup(json_get_text(merging.note, "no_commit", NULL));
        (void)snprintf(ret_merged->commit, sizeof(ret_merged->commit), "%s",
                       json_get_text(merging.note, "commit", ""));
    } else if (r == ERROR_CONFLICT) {
        ret_merged->conflicts = json_incref(json_object_get(merging.note, "conflicts"));
    }
    snapshots_close(merging.snapshots);
    changes_release(&merging.changes);
    changes_release(&merging.conflicts);
    changes_release(&merging.before);
    changes_release(&merging.rebased);
    changes_release(&merging.laid);
    json_decref(merging.note);
    return r;
}
