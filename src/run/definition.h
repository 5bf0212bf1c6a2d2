/* SPDX-License-Identifier: MIT */
/* Private to run/: the definitions that runs are pinned to. Those in use are shared: runs of the
 * same text have one, which lives as long as the last of them. Any thread may take and give one
 * back. */
#ifndef FERMATA_RUN_DEFINITION_H
#define FERMATA_RUN_DEFINITION_H

#include "workflow/workflow.h"

struct definitions;

struct definitions *definitions_new(void);
void definitions_free(struct definitions *definitions); /* all were given back */

/* In use by one more, until it is given back. NULL: no run has it. */
const struct workflow *definition_share(struct definitions *definitions, const char *digest);
/* The same; what is not in use yet is read from the blobs of `folder`. Blocks. */
int definition_take(struct definitions *definitions, const char *folder, const char *run_id,
                    const char *digest, const struct workflow **ret_workflow, struct error *err);
/* The same, of a workflow that is at hand, which may be freed by its first user meanwhile. */
const struct workflow *definition_use(struct definitions *definitions,
                                      const struct workflow *workflow);
void definition_give_back(struct definitions *definitions,
                          const struct workflow *workflow); /* accepts NULL */
/* Is there a run of the workflow with this digest? Then its text is kept already. */
bool definition_is_used(struct definitions *definitions, const char *digest);

#endif
