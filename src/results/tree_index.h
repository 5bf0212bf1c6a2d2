/* SPDX-License-Identifier: MIT */
/* What the files of a project looked like when they were last read, so that what looks the same is
 * not read again: .fermata/tree.index, derivable at any time. Private to results/. */
#ifndef FERMATA_RESULTS_TREE_INDEX_H
#define FERMATA_RESULTS_TREE_INDEX_H

#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct tree_index;
/* Never fails: what cannot be read knows nothing. Nothing is kept where there is no .fermata. */
struct tree_index *tree_index_open(const char *project, int64_t now_ns);
/* The content's digest as it was; NULL: it is to be read. Asked in the order of the paths. */
const char *tree_index_find(struct tree_index *index, const char *path, const struct stat *status);
/* In the order of the paths; status as it was before the content was read, if it had to be. */
void tree_index_add(struct tree_index *index, const char *path, const struct stat *status,
                    const char *content, bool is_read);
/* Written when that is worth it; a failure only costs time. */
void tree_index_close(struct tree_index *index, bool is_whole);

#endif
