/* SPDX-License-Identifier: MIT */
/* A new run from one that is there: what it starts with. */
#ifndef FERMATA_RUN_FORK_H
#define FERMATA_RUN_FORK_H

#include "base/error.h"
#include "base/json.h"
#include "store/store.h"
#include "workflow/workflow.h"

/* The workflow that the run is pinned to, which the caller frees, and how it was started:
 * {inputs,task,task_id,label,kind,strategy,calls,offline,bridge,budget}; what it was not given is
 * absent, and the task of a nested run is that of the run that began it. `spent`: what it and all
 * below it used of its budget so far. The caller owns it. */
int run_find_origin(struct store *store, const char *folder, const char *run_id,
                    struct workflow **ret_workflow, json_t **ret_origin, struct error *err);

#endif
