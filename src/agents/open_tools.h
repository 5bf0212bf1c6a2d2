/* SPDX-License-Identifier: MIT */
/* The tools that an agent's stream told of and that have not given their result yet. A call with an
 * id is over with its result; one without, with any result or with the next thing that is said. */
#ifndef FERMATA_AGENTS_OPEN_TOOLS_H
#define FERMATA_AGENTS_OPEN_TOOLS_H

#include "agents/event.h"
#include "agents/liveness.h"

#define OPEN_TOOLS_MAX 1000 /* of more, the further ones are not followed */
#define OPEN_TOOL_NAME_SIZE 64

struct open_tools {
    struct map *by_id; /* NULL: there was none yet; the caller zeroes it first */
    int nameless;
    bool has_told;
    char name[OPEN_TOOL_NAME_SIZE]; /* of the last one that was called */
};
void open_tools_note(struct open_tools *tools, const struct agent_event *event);
enum liveness_tools open_tools_state(const struct open_tools *tools);
void open_tools_release(struct open_tools *tools);

#endif
