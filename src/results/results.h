/* SPDX-License-Identifier: MIT */
/* Blobs by digest and the digest of a tree. Blocking: call from the pool or a one-shot command. */
#ifndef FERMATA_RESULTS_RESULTS_H
#define FERMATA_RESULTS_RESULTS_H

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PROJECT/.fermata/blobs/ab/cdef... Durable before it returns (file and folder synced); content
 * that is there already costs one stat. `root` is the blobs folder. */
int blob_put(const char *root, const void *data, size_t length, char ret_digest[DIGEST_HEX_SIZE],
             struct error *err);
/* A copy of a file, streamed; never follows a link; ERROR_LIMIT beyond size_max. */
int blob_put_file(const char *root, const char *path, int64_t size_max,
                  char ret_digest[DIGEST_HEX_SIZE], int64_t *ret_size, struct error *err);
/* The content, verified against its name: ERROR_IO when it was changed. free() it. */
int blob_get(const char *root, const char *digest, size_t size_max, char **ret_data,
             size_t *ret_length, struct error *err);
char *blob_path(const char *root, const char *digest); /* free() it */
/* True when the content is there; it is then as safe from blob_collect as if it were put now. */
bool blob_keep(const char *root, const char *digest);

/* Removes blobs that `is_used` denies and that are older than age_ms (so that one being committed
 * is safe). With dry_run only counts. */
int blob_collect(const char *root, bool (*is_used)(const char *digest, void *context),
                 void *context, int64_t now_ms, int64_t age_ms, bool dry_run, int64_t *ret_removed,
                 int64_t *ret_bytes, struct error *err);

/* SHA-256 over the sorted (path, mode, content digest) of all files that git tracks or does not
 * ignore (without git: all files but .fermata and .git). Submodules by their commit. git is run
 * with an explicit --git-dir, hooks, fsmonitor and global configuration off. A file that looks as
 * it did when it was read last (.fermata/tree.index) is not read again. */
int tree_digest(const char *project, char ret_digest[DIGEST_HEX_SIZE], int64_t *ret_files,
                struct error *err);
/* The files behind that digest, sorted: for each its path and "MODE DIGEST", both ended by NUL.
 * ERROR_LIMIT: there are more. */
int tree_list(const char *project, size_t files_max, struct strbuf *listing, struct error *err);
/* The same for a snapshot: "MODE DIGEST PERMISSIONS" (octal), and also what git ignores, marked so,
 * but for what is large: those paths are put into left_out, each ended by NUL. */
#define TREE_IGNORED " ignored"
int tree_list_all(const char *project, size_t files_max, struct strbuf *listing,
                  struct strbuf *left_out, struct error *err);
struct tree_entry {
    const char *path, *content;
};
/* The entry at the cursor, which goes on; false: it is at the end. */
bool tree_next(const char **cursor, const char *end, struct tree_entry *ret_entry);
/* The paths in which two listings differ. */
struct tree_difference {
    int64_t count;
    json_t *paths; /* an array to be filled */
    size_t paths_max;
};
void tree_compare(const struct strbuf *before, const struct strbuf *after,
                  struct tree_difference *difference);
/* The commit that HEAD names, "" when there is none. */
int tree_commit(const char *project, char *ret_commit, size_t size, struct error *err);

#endif
