/* SPDX-License-Identifier: MIT */
/* The program that called us. Nothing is started: the engine writes a request, and what the host
 * answers is kept as the events that a driver of ours would have printed (agents/bridge.h). */
#include "agents/reader.h"

static int refuse_command(const struct agent_call *call, struct agent_command *command,
                          struct error *err)
{
    (void)command;
    return error_set(err, ERROR_INTERNAL, "agent %s is the host, which is not started",
                     call->agent->name);
}

const struct adapter adapter_host = {
    .type = "host",
    .title = "the host program",
    .kind = ADAPTER_HOST,
    .abilities = CAN_EDIT | CAN_READ_ONLY | CAN_TOKENS | CAN_COST | CAN_ASK | CAN_MODEL,
    .install = "start Fermata with `fermata run --bridge` from the program that is to answer",
    .command = refuse_command,
    .read_line = reader_read_event,
};
