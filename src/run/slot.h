/* SPDX-License-Identifier: MIT */
/* How many calls of an agent are made at once, over all runs and processes of a project: each holds
 * a lock on one of the files .fermata/slots/AGENT.N, which its keeper takes over. So a call counts
 * until it has ended, also when whoever started it is gone. Blocking file work. */
#ifndef FERMATA_RUN_SLOT_H
#define FERMATA_RUN_SLOT_H

#include "base/error.h"

/* folder: PROJECT/.fermata; count: how many there are, above 0. ERROR_BUSY: all are taken. It is
 * given back when every copy of the descriptor is closed. */
int slot_take(const char *folder, const char *agent, int count, int *ret_fd, struct error *err);

#endif
