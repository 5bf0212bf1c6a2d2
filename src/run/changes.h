/* SPDX-License-Identifier: MIT */
/* What changed while an agent worked: the files before and after, each a snapshot whose digest is
 * kept in the attempt's folder, so that `fermata diff` shows it and `fermata undo` takes it back.
 * Where there can be no snapshot the lists alone are compared. Blocking file work. */
#ifndef FERMATA_RUN_CHANGES_H
#define FERMATA_RUN_CHANGES_H

#include "run/claims.h"

#define CHANGES_PATHS_MAX 100
/* {before, after, lacks: [PATH...]} or {unknown: WHY}; of a clone also its tree, and of its merge
 * intent and merge: what was to be changed in the project, and was (see merge.h) */
#define SNAPSHOT_FILE "snapshot.json"
json_t *snapshot_note_read(const char *folder); /* NULL: there is none */
/* For whom none is another answer than one that cannot be read. NULL and 0: there is none. */
int snapshot_note_find(const char *folder, json_t **ret_note, struct error *err);
int snapshot_note_write(const char *folder, const json_t *note, struct error *err); /* synced */

/* Before the agent is started in the tree. That it fails is told by changes_end(). */
void changes_begin(const char *folder, const char *project, const char *tree);
/* The files as it left them, where nobody else will see to that. */
void changes_keep_after(const char *folder, const char *project, const char *tree);
/* {count, changed: [PATH...]} and, unless the claims have no paths, what claims_compare() adds; or
 * {unknown: WHY} when it was not compared, with unproven: true where it was known before; NULL:
 * nobody looked. The caller owns it. */
json_t *changes_end(const char *folder, const char *project, const struct claims *claims);

/* What changed, as text for whoever goes on with it; not all of much. Nothing is written where it
 * is not known. */
#define DIFFERENCE_FILE "difference"
#define DIFFERENCE_BYTES_MAX (32U * 1024)
void changes_write_difference(const char *folder, const char *project);

#endif
