/* SPDX-License-Identifier: MIT */
/* C and C++ have no manifest: what they need from outside shows in the headers that they include.
 */
#ifndef FERMATA_FUNCTIONS_OUTSIDE_H
#define FERMATA_FUNCTIONS_OUTSIDE_H

#include "functions/tree.h"

/* An array of {header, file, line, files}: `#include <...>` of what neither the C library, POSIX,
 * Linux nor the tree itself has, one for each folder or header; the most used first. */
json_t *outside_headers(struct tree *tree);
/* The same as a table for people. Borrows. */
json_t *outside_table(const json_t *headers);

#endif
