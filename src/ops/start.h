/* SPDX-License-Identifier: MIT */
/* Private to ops/: what `run` and `plan` share, from the inputs to what would be done. */
#ifndef FERMATA_OPS_START_H
#define FERMATA_OPS_START_H

#include "ops/internal.h"

/* start.c: what was given, completed by the task, defaults and (where the view can ask) a person,
 * and checked. The caller owns *ret_inputs. */
int ops_make_inputs(const struct workflow *workflow, const json_t *arguments, const char *task,
                    const struct ops_view *view, json_t **ret_inputs, struct error *err);
/* dry_run.c: as the engine decides: whoever starts the run outweighs the step. */
enum strategy ops_effective_strategy(const struct ops *ops, const struct run_request *request,
                                     const struct step *step);
/* The step, or its static alternative where that would be run. */
const struct step *ops_choose_alternative(struct ops *ops, const struct run_request *request,
                                          const struct step *step);
/* {workflow, digest, inputs, waves, agents, graph}; the caller owns it. */
json_t *ops_dry_run(struct ops *ops, const struct run_request *request);

#endif
