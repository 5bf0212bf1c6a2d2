/* SPDX-License-Identifier: MIT */
/* Private to ops/: which agent each step of a plan gets, and what it will probably take, by what is
 * known of this project's agents (planner/routing.h). Reads the store once. */
#ifndef FERMATA_OPS_ROUTES_H
#define FERMATA_OPS_ROUTES_H

#include "ops/internal.h"

struct routes;

/* Candidates are the agents of the configuration that can be used, the default one first; where it
 * has none, the coding programs that are here. `kind`: of the task; both are copied. The
 * configuration has to be there; a project without runs is no error. */
int routes_open(struct ops *ops, const char *task, const char *kind, struct routes **ret_routes,
                struct error *err);
void routes_free(struct routes *routes); /* accepts NULL */
/* As routing_choose says it, for the step of that id, among those that have all `abilities` (enum
 * adapter_ability; a step that may change files: CAN_EDIT, one that may not: CAN_READ_ONLY). NULL:
 * nobody has them. The caller owns it. */
json_t *routes_choose(const struct routes *routes, const char *step, unsigned abilities);
/* As routing_estimate says it. expert: NULL: none. The caller owns it. */
json_t *routes_estimate(const struct routes *routes, const char *agent, const char *expert);

#endif
