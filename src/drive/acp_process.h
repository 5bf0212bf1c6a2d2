/* SPDX-License-Identifier: MIT */
/* The agent's program: started, spoken to without ever waiting for it, and ended. One thread, one
 * poll(). */
#ifndef FERMATA_DRIVE_ACP_PROCESS_H
#define FERMATA_DRIVE_ACP_PROCESS_H

#include "drive/acp.h"

#include <stdint.h>

struct acp_limits {
    int64_t timeout_ms; /* of it all; 0: none */
    int64_t grace_ms;   /* for the agent to end when it is asked to */
};

/* Until it is over and the program has ended. True: there is an answer. SIGTERM and SIGINT cancel;
 * argv ends with NULL. */
bool acp_drive(const struct acp_call *call, char *const *argv, const struct acp_limits *limits,
               void (*on_event)(void *context, const struct agent_event *event), void *context);

#endif
