/* SPDX-License-Identifier: MIT */
/* Private to run/: a conflict is laid into the clone, so that an agent can settle it there.
 *
 * Afterwards the clone is the project as it is now with the work of its step on top: where both
 * changed the same lines, all of them stand there between marks. What it comes from is the project
 * from then on, so whatever the agent makes of it is merged like any other work.
 *
 * Beside the tree, in conflict/: `prompt`, what the agent is told, and N.before, N.project, N.step,
 * the sides of each file. */
#ifndef FERMATA_RUN_MERGE_CONFLICT_H
#define FERMATA_RUN_MERGE_CONFLICT_H

#include "results/snapshot.h"
#include "run/merge.h"

struct merging {
    const struct merge *merge;
    struct snapshots *snapshots;
    json_t *note;              /* of the attempt */
    char now[DIGEST_HEX_SIZE]; /* the project */
    struct changes changes;    /* that the project gets */
    struct changes conflicts;  /* from: the project has it; to: the clone */
    struct changes before;     /* of the same paths; from: what both come from */
    struct changes rebased;    /* from what was cloned to what the project has now */
    struct changes laid;       /* that the clone gets */
    bool is_open;              /* a conflict is none that could be laid */
};

/* Of what `done` names, everything else is known. `from` is what was cloned. */
int conflict_lay(struct merging *merging, const char *from, const struct changes *done,
                 struct error *err);
/* The same once more, after a crash or not. False: this attempt left none. */
bool conflict_was_laid(const struct merging *merging);
int conflict_lay_again(struct merging *merging, struct error *err);
/* ERROR_CONFLICT: marks of an earlier conflict are left in what would be merged. */
int conflict_check_settled(struct merging *merging, const struct changes *done, struct error *err);
json_t *conflict_list_paths(const struct changes *changes);
/* What an agent is told that works in this clone; free() it. NULL: there is no conflict in it. */
char *conflict_read_prompt(const char *tree);

#endif
