/* SPDX-License-Identifier: MIT */
/* Private to ops/: which exit statuses the rows of the operations table have. Each list ends with a
 * meaning of NULL. */
#ifndef FERMATA_OPS_EXITS_H
#define FERMATA_OPS_EXITS_H

#include "ops/ops.h"

extern const struct exit_status exits_loop[];
extern const struct exit_status exits_run[];         /* a run goes on here */
extern const struct exit_status exits_steer[];       /* a run is told something */
extern const struct exit_status exits_go_on[];       /* the same; --resume goes on */
extern const struct exit_status exits_status[];      /* says how a run stands */
extern const struct exit_status exits_look[];        /* reads of the store */
extern const struct exit_status exits_definitions[]; /* reads workflows */
extern const struct exit_status exits_agents[];
extern const struct exit_status exits_house[];
extern const struct exit_status exits_print[]; /* asks nobody */

#endif
