/* SPDX-License-Identifier: MIT */
/* What is noted beside an attempt, an undo or a clone: which snapshots were taken, what was merged.
 * The note is kept in the store, with a copy in the folder that people may read: an agent that
 * writes another one there, or removes it, changes nothing. Of runs from before there was a store
 * of notes the file counts. Blocking. */
#ifndef FERMATA_RUN_NOTE_H
#define FERMATA_RUN_NOTE_H

#include "base/json.h"
#include "store/store.h"

/* Of an attempt {before, after, lacks: [PATH...]} or {unknown: WHY}; of a clone also its tree, and
 * of its merge intent and merge: what was to be changed in the project, and was (see merge.h), and
 * which commit that is, or why there is none */
#define SNAPSHOT_FILE "snapshot.json"

/* `folder`: of the attempt, the undo or the clone, absolute. */
json_t *snapshot_note_read(struct store *store, const char *folder); /* NULL: there is none */
/* For whom none is another answer than one that cannot be read. NULL and 0: there is none. */
int snapshot_note_find(struct store *store, const char *folder, json_t **ret_note,
                       struct error *err);
/* Durable when it returns. */
int snapshot_note_write(struct store *store, const char *folder, const json_t *note,
                        struct error *err);
/* All notes of the store: `add` gets each. */
int snapshot_note_each(struct store *store, void (*add)(const json_t *note, json_t *target),
                       json_t *target, struct error *err);

#endif
