/* SPDX-License-Identifier: MIT */
/* The steps that are under way in this engine, as a progress view wants them. */
#ifndef FERMATA_RUN_RUNNING_H
#define FERMATA_RUN_RUNNING_H

#include "run/run.h"

struct engine_running {
    const char *run_id;
    const char *step;
    const char *phase;
    int64_t started_at_ms;
    const char *folder;   /* of the attempt */
    const char *line;     /* what its agent does just now; NULL: it is no agent, ask its folder */
    const char *liveness; /* see agents/liveness.h; "": nobody has looked yet */
    int64_t liveness_since_ms;
};
void engine_visit_running(const struct engine *engine,
                          void (*visit)(void *context, const struct engine_running *running),
                          void *context);

#endif
