/* SPDX-License-Identifier: MIT */
/* Where workflows come from: the project (.fermata/workflows), the user (CONFIG/workflows), built
 * in (embedded files). The first found wins; a list says which hides which. */
#ifndef FERMATA_WORKFLOW_LIBRARY_H
#define FERMATA_WORKFLOW_LIBRARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum workflow_origin { ORIGIN_PROJECT, ORIGIN_USER, ORIGIN_BUILTIN };
const char *workflow_origin_name(enum workflow_origin origin); /* "project" "user" "built in" */

struct library_entry {
    char *name; /* file name without .yaml; packs: "launch/waitlist" */
    char *file; /* path, or "builtin:NAME" */
    enum workflow_origin origin;
    bool is_hidden; /* an earlier origin has the same name */
};

struct library {
    struct library_entry *entries; /* by name, then by origin */
    size_t count;
};

/* Either folder may be NULL or absent. */
int library_load(const char *project_folder, const char *user_folder, struct library *ret_library,
                 struct error *err);
void library_release(struct library *library);
/* The entry that wins, or NULL. */
const struct library_entry *library_find(const struct library *library, const char *name);
/* The text of an entry or of any file path; the caller frees it. Bounded by WORKFLOW_BYTES_MAX. */
int library_read(const char *file, char **ret_text, size_t *ret_length, struct error *err);

#endif
