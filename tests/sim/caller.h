/* SPDX-License-Identifier: MIT */
/* The program that called us, and makes attempts of agents itself. */
#ifndef FERMATA_SIM_CALLER_H
#define FERMATA_SIM_CALLER_H

#include "run/decide.h"

struct happening;
struct keeper;
struct sim;
struct sim_run;

/* What lies in the run's folder for the program that called us, and from it. */
struct desk {
    int run;
    const char *key;
    int request;  /* 0: none */
    int response; /* the request that it is to; 0: there is none */
    bool is_torn;
    struct outcome outcome;
};

bool caller_takes(struct sim *sim, const struct sim_run *run, const struct step_state *step);
void caller_look_later(struct sim *sim, struct keeper *keeper);
void caller_look(struct sim *sim, struct keeper *keeper);
bool caller_is_late(const struct sim *sim, const struct happening *word);
void caller_answer(struct sim *sim, const struct happening *happening);
/* At rest. True: it called again, or has first to write a response anew. */
bool caller_calls(struct sim *sim);

/* What must hold when a step waits for the host, and when an attempt of the host's ends. */
void caller_audit_wait(struct sim *sim, struct sim_run *run, const struct record *record);
void caller_audit_end(struct sim *sim, struct sim_run *run, const struct record *record,
                      struct keeper *keeper);
/* All that was taken is recorded. */
void caller_check_end(struct sim *sim);

#endif
