/* SPDX-License-Identifier: MIT */
/* The files of a project as they were at a moment, kept in PROJECT/.fermata/snapshots, and the way
 * from one such state to another. git takes no part: bytes are bytes, and nothing that a project
 * configures can run. Blocking file work.
 *
 * A snapshot is a listing (see tree_list_all) under its digest; each content once, however many
 * snapshots have it. Not in it: what git keeps in .git, what lies in repositories inside the
 * project, large files and what is large of that which git ignores. */
#ifndef FERMATA_RESULTS_SNAPSHOT_H
#define FERMATA_RESULTS_SNAPSHOT_H

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_FILE_BYTES_MAX (64 * 1024 * 1024) /* larger ones are in no snapshot */

struct snapshots;
/* The folder is made when it is not there. While it is open nothing is removed from it. */
int snapshots_open(const char *project, struct snapshots **ret_snapshots, struct error *err);
void snapshots_close(struct snapshots *snapshots); /* accepts NULL */

/* Of that folder, the project or a clone of it; durable when it returns. ERROR_LIMIT: it is too
 * large. left_out (may be NULL): what is too large for it, paths ended by NUL. */
int snapshot_take(struct snapshots *snapshots, const char *tree, char ret_digest[DIGEST_HEX_SIZE],
                  struct strbuf *left_out, struct error *err);
/* A content, verified; the same for a listing, a list of changes or anything kept with
 * snapshot_put(). free() it. */
int snapshot_get(struct snapshots *snapshots, const char *digest, char **ret_data,
                 size_t *ret_length, struct error *err);
/* The next of a listing's files that are too large to be kept: path, "MODE DIGEST". In the order of
 * the paths. */
struct tree_entry;
bool snapshot_next_large(const char **cursor, const char *end, struct tree_entry *ret_entry);
bool snapshot_has(struct snapshots *snapshots, const char *content); /* of an entry or change */
int snapshot_put(struct snapshots *snapshots, const char *data, size_t length,
                 char ret_digest[DIGEST_HEX_SIZE], struct error *err);

/* --- from one state to another */

/* A path and what stands there: "MODE DIGEST PERMISSIONS" as in a listing; NULL: nothing. */
struct change {
    char *path, *from, *to;
};
VEC_TYPE(changes, struct change);
void changes_add(struct changes *changes, const char *path, const char *from, const char *to);
void changes_release(struct changes *changes);
bool change_is_same(const char *left, const char *right); /* ignored by git or not */
/* What leads from the one snapshot to the other, in the order of the paths. What is in one of them
 * only because it became too large for the other, or small enough, is no change. */
int snapshot_compare(struct snapshots *snapshots, const char *from, const char *to,
                     struct changes *changes, struct error *err);
/* The listing that these changes, in the order of their paths, make of another. */
int snapshot_change(struct snapshots *snapshots, const char *from, const struct changes *changes,
                    char ret_digest[DIGEST_HEX_SIZE], struct error *err);
/* Kept like a snapshot, and back. */
int changes_put(struct snapshots *snapshots, const struct changes *changes,
                char ret_digest[DIGEST_HEX_SIZE], struct error *err);
int changes_get(struct snapshots *snapshots, const char *digest, struct changes *changes,
                struct error *err);

/* What a content of struct change, or NULL, is. */
enum change_kind {
    CHANGE_NOTHING,
    CHANGE_FILE,
    CHANGE_LINK,
    CHANGE_REPOSITORY,
    CHANGE_LEFT_OUT,
    CHANGE_OTHER /* a pipe, a device: "other " and what it is, for a person */
};
enum change_kind change_kind(const char *content);
/* The digest of a file or a link, for snapshot_get(). */
void change_digest(const char *content, char ret_digest[DIGEST_HEX_SIZE]);
/* What stands there now; free() it. NULL: nothing. */
int tree_look(const char *tree, const char *path, char **ret_content, struct error *err);
/* Makes the tree so that each path is as in `to`. What is so already is left; what is neither so
 * nor as in `from` is a conflict: ERROR_CONFLICT names the first ones, and nothing was done. Every
 * file changes by one rename; done again after a crash it ends what it had begun. */
int changes_apply(struct snapshots *snapshots, const char *tree, const struct changes *changes,
                  struct error *err);
/* ERROR_CONFLICT: one is to be what must be a folder for another. */
int changes_check_possible(const struct changes *changes, struct error *err);
/* ERROR_CONFLICT: a file or a folder is in the way of one of them, ERROR_IO: one of their folders
 * cannot be written to. Looks only. */
int changes_check_way(const char *tree, const struct changes *changes, struct error *err);
/* The paths that stand in the way of that. */
int changes_find_conflicts(const char *tree, const struct changes *changes,
                           struct changes *conflicts, struct error *err);
/* One content of three: what both sides come from, and what each made of it. ERROR_CONFLICT: they
 * cannot be put together; then it is the text with all three between marks, or NULL. free() it. */
#define MERGE_MARK_PROJECT "the project" /* behind the mark that begins a conflict */
struct three_ways {
    const char *base, *ours, *theirs; /* contents as in struct change */
};
int change_merge(struct snapshots *snapshots, const struct three_ways *ways, char **ret_merged,
                 struct error *err);
/* The changes as `git diff` shows them. */
enum diff_form { DIFF_TEXT, DIFF_STAT /* PATH | +ADDED -REMOVED */ };
int changes_format(struct snapshots *snapshots, const struct changes *changes, enum diff_form form,
                   struct strbuf *target, struct error *err);

/* Removes what is needed neither by the snapshots and lists of changes that `find` names (it puts
 * their digests into the object; nobody uses the folder meanwhile) nor is one of them. ERROR_BUSY:
 * somebody is at it. */
struct snapshot_use {
    int (*find)(void *context, json_t *digests, struct error *err);
    void *context;
};
int snapshots_collect(const char *project, const struct snapshot_use *use, bool dry_run,
                      int64_t *ret_removed, int64_t *ret_bytes, struct error *err);

#endif
