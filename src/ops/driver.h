/* SPDX-License-Identifier: MIT */
/* Questions to a driver of ours (fermata-call), whose answer may take long and comes in lines. */
#ifndef FERMATA_OPS_DRIVER_H
#define FERMATA_OPS_DRIVER_H

#include "ops/internal.h"

#include "agents/adapter.h"

struct driver_question {
    const struct agent_profile *agent; /* of a model server */
    const struct agent_variable *env;  /* set for it; may be NULL */
    size_t env_count;
    const char *mode;   /* "--health" */
    const char *model;  /* NULL: none */
    int64_t timeout_ms; /* 0: none */
};

/* Calls back for each line but the last, which is *ret_result. An interruption (SIGINT, SIGTERM,
 * SIGHUP) ends the driver and is ERROR_CANCELLED. */
int ops_ask_driver(struct ops *ops, const struct driver_question *question,
                   void (*on_line)(void *context, const json_t *line), void *context,
                   json_t **ret_result, struct error *err);

#endif
