/* SPDX-License-Identifier: MIT */
/* Follows the stream of an agent's attempt while it grows: for views, and to end what goes on in
 * vain or is silent for too long. Private to run/; on the loop's thread. */
#ifndef FERMATA_RUN_FOLLOW_H
#define FERMATA_RUN_FOLLOW_H

#include "run/engine.h"

/* In the attempt's folder, when it was stopped because it was silent: for how many milliseconds. */
#define FOLLOW_SILENT_FILE "silent"

struct follow;
/* on_stop: the attempt is to be stopped; it may be called more than once. */
struct follow *follow_start(struct engine *engine, const char *folder, loop_callback on_stop,
                            void *arg);
void follow_stop(struct follow *follow);          /* accepts NULL */
void followers_free(struct followers *followers); /* when all have stopped; accepts NULL */
/* What it does just now, in one line that is clean for a terminal; "" until there is something. */
const char *follow_line(const struct follow *follow);

#endif
