/* SPDX-License-Identifier: MIT */
/* Another plan for a run that is not over. What finished steps gave stays wherever nothing that
 * goes into them is another: worked out by comparing, step by step, what went into it with what
 * would now. */
#ifndef FERMATA_RUN_EDIT_H
#define FERMATA_RUN_EDIT_H

#include "run/run.h"

struct run_edit {
    const struct workflow *workflow; /* shared, see workflow_share */
    const json_t *inputs;            /* checked already */
    const json_t *calls;             /* of run_pin_calls */
    const char *by;                  /* NULL: not known */
    /* Only for a preview: the run is not edited, a new one begins with what it has. Then only what
     * is found by its digest is taken over, and nothing of the steps that `again` lists. */
    bool is_fork;
    const json_t *again; /* NULL: none */
};

/* What would become of each step, and changes nothing: {"id","status","workflow","digest",
 * "steps":[{key,phase,decision,why,differs}],"removed":[KEY],"counts":{DECISION:N}}.
 * decision: kept; held (taken again unless what is before it changes what goes into it); again;
 * new; open (it was not done yet). Of a fork: reused (`from`: run, `from_step`); held; again; open
 * (it is left out). The caller owns it. */
int run_edit_preview(const struct engine_options *options, const char *run_id,
                     const struct run_edit *edit, json_t **ret_preview, struct error *err);
/* Does it, in one commit. ERROR_BUSY: a process carries the run on; ERROR_CONFLICT: it is under
 * way, or over. It is paused then. *ret_preview as above. */
int run_edit(const struct engine_options *options, const char *run_id, const struct run_edit *edit,
             json_t **ret_preview, struct error *err);

#endif
