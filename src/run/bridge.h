/* SPDX-License-Identifier: MIT */
/* Private to run/: attempts of the program that called us. */
#ifndef FERMATA_RUN_BRIDGE_H
#define FERMATA_RUN_BRIDGE_H

#include "run/engine.h"

/* One look at what the host did about an attempt. */
struct bridge_call {
    char *run_folder, *folder, *blobs;
    char *phase, *phase_name, *step, *agent, *model;
    int phase_number;
    int64_t timeout_ms, now_ms, asked_at_ms;
    uint64_t random[2];
    bool is_alone; /* no other step of the run waits for the host */
    struct strbuf prompt;
    json_t *context;
    char *description;
    /* what was found */
    bool is_answered; /* the attempt's folder has its end */
    char *message;    /* else what the host is to do, or what is wrong with its response */
    int result;
    struct error err;
};

/* Whether the step's agent, as things are now, is the host. */
bool bridge_is_hosts(const struct active *active, const struct step_state *step);
int bridge_call_new(struct active *active, int step, const char *folder,
                    struct bridge_call **ret_call, struct error *err);
void bridge_call_free(struct bridge_call *call); /* accepts NULL */
/* Blocking file work: the request is there afterwards, or the response was taken. */
void bridge_call_look(struct bridge_call *call);
/* Of a step that waits for the host, as run_show gives it. 1: there is a response that fits; 0:
 * there is none; ERROR_VALIDATION: it is wrong, with its file, line and column. Blocking. */
struct bridge_place {
    const char *run_folder;
    const char *phase;
    int phase_number;
    bool is_alone; /* no other step of the run waits for the host */
};
int bridge_check(const struct bridge_place *place, const json_t *step, struct error *err);

#endif
