/* SPDX-License-Identifier: MIT */
/* The words and the allowed moves of runs, steps, wishes and waits; run.h has the public part. */
#ifndef FERMATA_RUN_STATES_H
#define FERMATA_RUN_STATES_H

#include "base/state.h"
#include "run/run.h"
#include "run/state.h"

bool run_can_move(enum run_status from, enum run_status to);
bool step_can_move(enum step_status from, enum step_status to);
bool step_status_is_final(enum step_status status);
const char *wish_name(enum wish wish);
int wish_parse(const char *name); /* -1: unknown */
const char *waiting_name(enum waiting waiting);
int waiting_parse(const char *name); /* -1: unknown */

#endif
