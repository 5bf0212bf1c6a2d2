/* SPDX-License-Identifier: MIT */
/* What changed while an agent worked: the files before and after, each a snapshot whose digest is
 * noted (note.h), so that `fermata diff` shows it and `fermata undo` takes it back.
 * Where there can be no snapshot the lists alone are compared. Blocking file work. */
#ifndef FERMATA_RUN_CHANGES_H
#define FERMATA_RUN_CHANGES_H

#include "run/claims.h"
#include "run/note.h"

#define CHANGES_PATHS_MAX 100

/* Whose files: the attempt's folder, where its note is (see note.h), and the project, where the
 * snapshots are. */
struct changes_place {
    struct store *store;
    const char *folder;
    const char *project;
};
/* Before the agent is started in the tree. That it fails is told by changes_end(). */
void changes_begin(const struct changes_place *place, const char *tree);
/* The files as it left them, where nobody else will see to that. */
void changes_keep_after(const struct changes_place *place, const char *tree);
/* {count, changed: [PATH...]} and, unless the claims have no paths, what claims_compare() adds; or
 * {unknown: WHY} when it was not compared, with unproven: true where it was known before; NULL:
 * nobody looked. The caller owns it. */
json_t *changes_end(const struct changes_place *place, const struct claims *claims);

/* What changed, as text for whoever goes on with it; not all of much. Nothing is written where it
 * is not known. */
#define DIFFERENCE_FILE "difference"
#define DIFFERENCE_BYTES_MAX (32U * 1024)
void changes_write_difference(const struct changes_place *place);

#endif
