/* SPDX-License-Identifier: MIT */
/* "Did you mean ...?": the known name nearest to a mistyped one. */
#ifndef FERMATA_BASE_NEAREST_H
#define FERMATA_BASE_NEAREST_H

#include <stddef.h>

/* Names longer than this are never near anything. */
#define NEAREST_NAME_MAX 100

/* Edits (insert, delete, replace, swap two neighbours) that turn one into the other, ignoring the
 * case of ASCII letters, and taking '-' and '_' as the same. At most limit + 1 is told. */
size_t name_distance(const char *left, const char *right, size_t limit);

/* The one of the names with the fewest edits, the first of equals; NULL when none is near enough
 * (one edit for up to three characters, else about a third of the length). NULL names are skipped.
 */
const char *nearest_name(const char *wanted, const char *const *names, size_t count);

#endif
