/* SPDX-License-Identifier: MIT */
/* Three states of one file made one. */
#include "results/snapshot_internal.h"

#include "base/file.h"
#include "results/git.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MERGED_BYTES_MAX (2U * SNAPSHOT_FILE_BYTES_MAX)

static int lay(struct snapshots *snapshots, const char *folder, const char *name,
               const char *content, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    char *path = path_join(folder, name);
    char *data = NULL;
    size_t length = 0;
    int r;

    change_digest(content, digest);
    r = snapshot_get(snapshots, digest, &data, &length, err);
    r = r < 0 ? r : file_write(path, data, length, FILE_NO_SYNC, err);
    free(data);
    free(path);
    return r;
}

static bool is_same_mode(const char *left, const char *right)
{
    const char *left_mode = strchr(left + ENTRY_MODE_LENGTH, ' ');
    const char *right_mode = strchr(right + ENTRY_MODE_LENGTH, ' ');

    return strncmp(left, right, ENTRY_MODE_LENGTH) == 0 && left_mode && right_mode &&
           strtoul(left_mode, NULL, 8) == strtoul(right_mode, NULL, 8);
}

/* The mode of the side that changed it. */
static char *merge_modes(const struct three_ways *ways, const char *digest)
{
    const char *chosen = is_same_mode(ways->base, ways->theirs) ? ways->ours : ways->theirs;
    const char *permissions = strchr(chosen + ENTRY_MODE_LENGTH, ' ');

    return mem_printf("%.*s%s%s", ENTRY_MODE_LENGTH, chosen, digest,
                      permissions ? permissions : "");
}

static bool is_mode_disputed(const struct three_ways *ways)
{
    return !is_same_mode(ways->base, ways->ours) && !is_same_mode(ways->base, ways->theirs) &&
           !is_same_mode(ways->ours, ways->theirs);
}

/* Where they cannot be put together: all three between marks. That is no merge, so without them
 * nothing is lost. */
static char *mark_lines(struct snapshots *snapshots, const char *folder,
                        const struct three_ways *ways)
{
    const char *const arguments[] = {
        "merge-file",  "-p", "-q",       "--diff3", "-L",   MERGE_MARK_PROJECT, "-L",
        "both before", "-L", "the step", "ours",    "base", "theirs",           NULL};
    char digest[DIGEST_HEX_SIZE];
    struct strbuf output;
    char *marked = NULL;

    if (git_run_outside(folder, arguments, MERGED_BYTES_MAX, &output, NULL) >= 0) {
        if (snapshot_put(snapshots, output.data, output.length, digest, NULL) == 0) {
            marked = merge_modes(ways, digest);
        }
        strbuf_release(&output);
    }
    return marked;
}

static int merge_lines(struct snapshots *snapshots, const char *folder, char **ret_merged,
                       const struct three_ways *ways, struct error *err)
{
    const char *const arguments[] = {"merge-file", "-p", "-q", "ours", "base", "theirs", NULL};
    char digest[DIGEST_HEX_SIZE];
    struct strbuf output;
    int r = git_run_outside(folder, arguments, MERGED_BYTES_MAX, &output, err);

    if (r < 0) {
        /* Binary files cannot be merged, which git says in its own words. */
        return r == ERROR_IO || r == ERROR_NOT_FOUND
                   ? error_set(err, ERROR_CONFLICT, "both sides changed it")
                   : r;
    }
    if (r > 0) {
        strbuf_release(&output);
        *ret_merged = mark_lines(snapshots, folder, ways);
        return error_set(err, ERROR_CONFLICT, "both sides changed the same lines");
    }
    r = snapshot_put(snapshots, output.data, output.length, digest, err);
    if (r == 0) {
        *ret_merged = merge_modes(ways, digest);
        r = is_mode_disputed(ways) ? error_set(err, ERROR_CONFLICT, "both sides changed its mode")
                                   : 0;
    }
    strbuf_release(&output);
    return r;
}

int change_merge(struct snapshots *snapshots, const struct three_ways *ways, char **ret_merged,
                 struct error *err)
{
    char *folder;
    int r;

    if (change_kind(ways->base) != CHANGE_FILE || change_kind(ways->ours) != CHANGE_FILE ||
        change_kind(ways->theirs) != CHANGE_FILE || !snapshot_has(snapshots, ways->ours)) {
        return error_set(err, ERROR_CONFLICT, "both sides changed it");
    }
    folder = mem_printf("%s/merge-%ld-%p", snapshots->root, (long)getpid(), (void *)snapshots);
    r = file_remove_tree(folder, err);
    r = r < 0 ? r : file_make_folders(folder, err);
    r = r < 0 ? r : lay(snapshots, folder, "base", ways->base, err);
    r = r < 0 ? r : lay(snapshots, folder, "ours", ways->ours, err);
    r = r < 0 ? r : lay(snapshots, folder, "theirs", ways->theirs, err);
    r = r < 0 ? r : merge_lines(snapshots, folder, ret_merged, ways, err);
    (void)file_remove_tree(folder, NULL);
    free(folder);
    return r;
}
