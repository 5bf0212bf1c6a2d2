/* SPDX-License-Identifier: MIT */
/* Follows the stream of an agent's attempt while it grows: for views, for the tools that it tells
 * of, and to end what goes on in vain. Private to run/; on the loop's thread. */
#ifndef FERMATA_RUN_FOLLOW_H
#define FERMATA_RUN_FOLLOW_H

#include "agents/open_tools.h"
#include "run/engine.h"

struct follow;
/* on_stop: the attempt is to be stopped; it may be called more than once. */
struct follow *follow_start(struct engine *engine, const char *folder, loop_callback on_stop,
                            void *arg);
void follow_stop(struct follow *follow);          /* accepts NULL */
void followers_free(struct followers *followers); /* when all have stopped; accepts NULL */
/* What it does just now, in one line that is clean for a terminal; "" until there is something. */
const char *follow_line(const struct follow *follow);
/* Whether a tool of it is at work, and which one; accepts NULL. */
#define FOLLOW_TOOL_SIZE OPEN_TOOL_NAME_SIZE
enum liveness_tools follow_tools(const struct follow *follow, char ret_name[FOLLOW_TOOL_SIZE]);

#endif
