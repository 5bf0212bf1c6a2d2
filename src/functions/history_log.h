/* SPDX-License-Identifier: MIT */
/* git's log, counted as it comes: who changed which files, when, and which files in one commit. The
 * end of each kind of question (hot spots, coupling, bus factor) is in history.c. */
#ifndef FERMATA_FUNCTIONS_HISTORY_LOG_H
#define FERMATA_FUNCTIONS_HISTORY_LOG_H

#include "base/map.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "functions/tree.h"

#include <stdbool.h>
#include <stddef.h>

/* What history_read() wants to get, with -z and --numstat. */
#define HISTORY_FORMAT "--format=%x01%cd%x02%aE%x02%aN"
#define HISTORY_DATES "--date=format-local:%Y-%m-%d"

struct changed_file {
    char *path;
    const struct tree_file *now; /* NULL: no longer there */
    size_t commits, added, removed, lines, score;
};

struct pair {
    size_t left, right; /* indexes of files */
    size_t support;
    double confidence;
};

struct author {
    char *name;
    size_t commits;
};

struct folder {
    char *name;
    struct map *authors; /* author number as text -> count + 1 */
    size_t commits;
    size_t last_commit; /* so that a commit counts once */
};

struct month {
    char name[8]; /* 2024-02 */
    size_t commits, added, removed;
    struct map *authors;
};

struct history {
    struct tree *tree;
    VEC(struct changed_file) files;
    VEC(struct pair) pairs;
    VEC(struct author) authors;
    VEC(struct folder) folders;
    VEC(struct month) months;
    struct map *file_index, *pair_index, *author_index, *folder_index; /* value: index + 1 */
    VEC(size_t) current; /* files of the current commit */
    size_t commits, author, month, sweeps;
    char first_date[16], last_date[16];
    bool pairs_cut, is_shallow;
    struct strbuf line;
};

/* The tree becomes the history's. */
void history_init(struct history *history, struct tree *tree);
void history_release(struct history *history);
/* A program_reader: takes the log in pieces of any length. */
bool history_read(void *history, const char *bytes, size_t length);
void history_finish(struct history *history); /* the last commit is whole */
/* Coupling and hot spots are about code; release notes change with everything. */
bool history_is_code(const struct changed_file *file);

#endif
