/* SPDX-License-Identifier: MIT */
/* The files of a project as the analyses see them: what git tracks or would track, sorted by path.
 *
 * Without git the folder is walked. Symbolic links are never followed, on no part of a path; only
 * regular files are read, up to a ceiling. */
#ifndef FERMATA_FUNCTIONS_TREE_H
#define FERMATA_FUNCTIONS_TREE_H

#include "base/error.h"
#include "base/json.h"
#include "functions/language.h"

#include <stdbool.h>
#include <stdint.h>

#define TREE_FILES_MAX 200000
#define TREE_FILE_BYTES_MAX (2U * 1024 * 1024) /* larger ones are counted, not read */

enum tree_trait {
    TRAIT_TEST = 1,
    TRAIT_VENDORED = 2,
    TRAIT_GENERATED = 4,
    TRAIT_EXAMPLE = 8,
    TRAIT_DOCUMENT = 16,
    TRAIT_BINARY = 32, /* known once the file was read */
    TRAIT_TOO_LARGE = 64,
};

struct tree_file {
    char *path; /* relative to the project */
    int64_t size;
    const struct language *language; /* NULL: not known */
    unsigned traits;
};

struct tree {
    int root; /* folder descriptor */
    struct tree_file *files;
    size_t count;
    size_t skipped; /* links, sub-repositories, names that are no regular files */
    bool is_git;
    bool is_cut; /* more than TREE_FILES_MAX files */
};

int tree_open(const char *project, struct tree **ret_tree, struct error *err);
void tree_free(struct tree *tree);

/* The file of this path, or NULL. */
const struct tree_file *tree_find(const struct tree *tree, const char *path);
/* The same for a path as results show it: odd bytes of a name stand there as U+FFFD. */
const struct tree_file *tree_find_shown(const struct tree *tree, const char *shown);

/* Reads a file of the tree; false when it is binary, too large or gone (the traits say which). The
 * text is NUL-terminated; free() it. Sets the language by content and TRAIT_GENERATED when the head
 * of the file says so. */
bool tree_read(const struct tree *tree, struct tree_file *file, char **ret_text,
               size_t *ret_length);

/* The traits that a path alone shows. */
unsigned tree_path_traits(const char *path);
/* "test", "vendored", "generated", "example", "documentation" or NULL: how findings are labelled.
 */
const char *tree_context_name(unsigned traits);
/* The first folder of a path, or "(root)"; valid until the next call with the same buffer. */
const char *tree_top_folder(const char *path, char *buffer, size_t buffer_size);

/* Files, bytes and whether git told: for the "covered" part of results. */
json_t *tree_coverage(const struct tree *tree);

#endif
