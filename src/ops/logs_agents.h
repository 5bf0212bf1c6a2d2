/* SPDX-License-Identifier: MIT */
/* What the agents of a run do while its log is followed: in whole lines, each after the key of its
 * step, so that several at once can be told apart. */
#ifndef FERMATA_OPS_LOGS_AGENTS_H
#define FERMATA_OPS_LOGS_AGENTS_H

#include "base/strbuf.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct agents_log;
/* on_change: somebody said something. JSON: each event is a line with its step and attempt. */
struct agents_log *agents_log_new(struct loop *loop, bool is_json, loop_callback on_change,
                                  void *arg);
void agents_log_free(struct agents_log *log); /* accepts NULL */
/* From the beginning of the attempt on. A folder that is no agent's (any more) says nothing. */
void agents_log_add(struct agents_log *log, const char *step, int64_t attempt, const char *folder);
/* No more of this step's; with a target what it said last is appended. */
void agents_log_remove(struct agents_log *log, const char *step, struct strbuf *target);
/* Appends what all said since. */
void agents_log_read(struct agents_log *log, struct strbuf *target);

#endif
