/* SPDX-License-Identifier: MIT */
/* What a run used of its budget. Pure.
 *
 * A ledger is the fold of the journal of one run: what its calls of agents cost, what is reserved
 * for those under way, how many steps were begun. It only grows; nothing resets it. A node is one
 * run of a tree in memory, with the ledgers of all runs below it: so each limit, of a run and of
 * those around it, is compared with what its whole tree used. Amounts: see workflow/budget.h. */
#ifndef FERMATA_RUN_BUDGET_H
#define FERMATA_RUN_BUDGET_H

#include "base/id.h"
#include "base/json.h"
#include "workflow/budget.h"

enum ledger_field {
    LEDGER_CALLS, /* of agents, that ended; how they ended does not matter */
    LEDGER_TOKENS,
    LEDGER_USD,
    LEDGER_UNKNOWN_TOKENS, /* so many calls did not say how many */
    LEDGER_UNKNOWN_USD,
    LEDGER_ASSUMED_TOKENS, /* for these: what was reserved and is not known to be used */
    LEDGER_ASSUMED_USD,
    LEDGER_RESERVED_TOKENS, /* of calls under way */
    LEDGER_RESERVED_USD,
    LEDGER_IN_FLIGHT, /* calls under way */
    LEDGER_AT_HOST,   /* of these: the host program makes them, and nobody knows when it calls */
    LEDGER_STEPS,     /* begun */
};
#define LEDGER_FIELDS 12

struct ledger {
    int64_t sums[LEDGER_FIELDS];
};

/* For one call, before it: what it is expected to cost. */
struct reserve {
    int64_t tokens, usd;
};

void ledger_add(struct ledger *ledger, const struct ledger *part);
void ledger_subtract(struct ledger *ledger, const struct ledger *part);
void ledger_reserve(struct ledger *ledger, struct reserve reserve);
/* The call never began. */
void ledger_release(struct ledger *ledger, struct reserve reserve);
/* It ended, with this `usage` of its record; NULL: nothing is known of it. */
void ledger_settle(struct ledger *ledger, struct reserve reserve, const json_t *usage);
/* What such calls cost so far, rounded up; -1: none said. */
int64_t ledger_mean_tokens(const struct ledger *ledger);
int64_t ledger_mean_usd(const struct ledger *ledger);
/* {tokens, usd, ...}: what is not 0. */
json_t *ledger_encode(const struct ledger *ledger);
void ledger_decode(const json_t *value, struct ledger *ret_ledger);
json_t *reserve_encode(struct reserve reserve); /* NULL: nothing */
struct reserve reserve_decode(const json_t *value);

/* One place that a limit holds for: a step, a run with all below it. */
struct budget_scope {
    const char *run;
    const char *step; /* NULL: the whole run */
    struct budget limits;
    struct ledger used;
    int64_t time_ms;
    int64_t out_of_sight; /* calls under way for which it makes no sense to wait */
};
int64_t budget_used(const struct budget_scope *scope, enum budget_kind kind);
int64_t budget_reserved(const struct budget_scope *scope, enum budget_kind kind);

/* What is about to begin. */
struct budget_need {
    bool is_call;           /* of an agent */
    struct reserve reserve; /* for that; below zero: nothing is known */
    int64_t steps;          /* that it is counted as */
};
/* Whether there is room for it; else of which kind there is not, and whether the end of a call that
 * is under way may make some. */
bool budget_has_room(const struct budget_scope *scope, const struct budget_need *need,
                     enum budget_kind *ret_kind, bool *ret_may_wait);
/* What the views show: {KIND: {limit, used, ...}}, see docs/budgets.md; NULL: no limit at all. */
json_t *budget_describe(const struct budget_scope *scope);

struct budget_node {
    struct budget_node *parent; /* NULL: the root, or it is not known */
    char run[RUN_ID_SIZE];
    struct budget limits;
    struct ledger own, below;
    int64_t ran_ms, since; /* 0: it does not run */
};
/* Takes over what the run says of itself; the nodes above learn the difference. */
void budget_node_update(struct budget_node *node, const struct budget_node *now);
/* Whether who waits for the end of calls has to look again: there may be room, or the host program
 * makes them by now. */
bool budget_node_wakes(const struct budget_node *before, const struct budget_node *now);
void budget_node_attach(struct budget_node *node, struct budget_node *parent);
/* Of a run above one of which `own` is newer than its node knows. */
struct budget_scope budget_node_scope(const struct budget_node *node, const struct ledger *newer,
                                      const struct ledger *known, int64_t now);

#endif
