/* SPDX-License-Identifier: MIT */
/* What holds the simulated engine to its promises: what it remembers, and when it looks. */
#ifndef FERMATA_SIM_CHECKS_H
#define FERMATA_SIM_CHECKS_H

#include "run/journal.h"
#include "run/state.h"

struct sim;
struct sim_run;

/* What the audit remembers of a step, from the records alone. */
struct step_audit {
    int attempts; /* number of the last one */
    int tries;    /* that failed by themselves, since somebody or something began anew */
    int losses;
    bool is_static;
    int64_t not_before; /* a limit is over then */
    const char *agent;  /* that took over last, in the journal's text; NULL: none did */
    unsigned given_up;  /* bit 1 << n: agent a<n> was, since the same */
    bool is_settling;   /* an agent was asked to settle a conflict of its merge, since the same */
    bool is_merged;     /* what it did came into the project, since the same */
    bool is_open;       /* it has no outcome yet */
    bool is_done;
    bool is_reused;
    bool is_approved;
    int asked;          /* questions, since the same */
    bool is_asking;     /* and nobody has answered */
    int64_t started_at; /* number of the record that began its last attempt */
    const json_t *held; /* what it gave before an edit, which may be taken again; NULL: nothing */
    int host_asked;     /* how often the host is waited for, by the last attempt */
    int request;        /* to it */
};

struct phase_audit {
    bool goes_round;  /* it was reset by itself, to go through its steps once more */
    bool gate_passed; /* gate_decided with pass, or gate_skipped, since the gate was begun */
    int gotos, fixes, iterations;
    int64_t worked_at; /* number of the record that began or ended its last work */
};

/* What a checkpoint had, by the record that saved it. */
struct checkpoint_audit {
    const char *name;
    const json_t *phases;
};

/* What was used, by the records alone; by kind, as it is limited. */
struct amount {
    int64_t used, reserved;
};
struct bill {
    struct amount amounts[BUDGET_KINDS];
    int64_t calls, in_flight;
};
struct step_bill {
    struct bill bill; /* of it and of all its instances */
    struct budget limits;
    bool is_counted, is_call, is_added_up;
    struct reserve reserved;
};
VEC_TYPE(step_bill_vec, struct step_bill);
/* As of an edit: the records before it are about another plan. */
struct bills_base {
    size_t records;
    struct bill bill;
    int64_t since;
    struct budget limits;
    struct step_bill_vec steps;
};

/* audit.c. `shadow` is the state just before the record. */
void audit_record(struct sim *sim, struct sim_run *run, const struct record *record);
struct step_audit *audit_of(struct sim_run *run, const char *key);

/* limits.c, called by audit_record */
void limits_record(struct sim *sim, struct sim_run *run, const struct record *record);

/* tables.c: writes what the commit brings; then, that each row equals the state. After an edit
 * those of steps that it did not keep are left as they were, until they are written again. */
void tables_write(struct sim *sim, struct sim_run *run, const struct commit *commit);
void tables_edit(struct sim_run *run, const struct run_state *was, const struct record *record);
void tables_check(struct sim *sim, const struct sim_run *run);
/* The same with the columns that are long. */
void tables_check_values(struct sim *sim, const struct sim_run *run);

/* check.c */
void check_sim_run(struct sim *sim, const struct sim_run *run);
void check_sources(struct sim *sim, const struct sim_run *run);
/* Nothing unfinished is left under a run that is over. */
void check_families(struct sim *sim);
void check_rest(struct sim *sim, struct sim_run *run);

/* budget.c: `run` is carried on by the engine from here on; it decided, and these records are new;
 * a crash, and what was not stored was never spent; what holds after a turn; all records so far
 * were counted, and are not counted again. */
void budget_enter(struct sim *sim, struct sim_run *run);
void budget_decided(struct sim *sim, struct sim_run *run, size_t first);
void budget_forget(struct sim *sim);
void check_budgets(struct sim *sim, struct sim_run *run);
void budget_settle(struct sim_run *run);

/* compare.c: NULL when they are the same, else what differs. */
const char *compare_states(const struct run_state *left, const struct run_state *right, char *text,
                           size_t size);

#endif
