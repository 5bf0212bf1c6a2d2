/* SPDX-License-Identifier: MIT */
/* Steps that wait because the circuit breaker of their agent is open. Their timers tell the latest
 * time; as soon as the breaker is closed, by a call of any run or process or by a person, they go
 * on: while there are some, the breakers are looked at every second, on the pool. Private to run/;
 * on the loop's thread. */
#ifndef FERMATA_RUN_SPARED_H
#define FERMATA_RUN_SPARED_H

#include "run/engine.h"

struct spared;
void spared_wait(struct active *active, const struct step_state *step);
void spared_free(struct spared *spared); /* accepts NULL */

#endif
