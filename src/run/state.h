/* SPDX-License-Identifier: MIT */
/* A run in memory: the fold of its records. Pure. Only run_apply (fold.c) changes it; decide.c
 * reads it and makes records.
 *
 * Layout: `steps` holds, phase by phase, the phase's steps, its fix steps, its gate's checks;
 * instances of foreach steps follow behind as they are expanded. Indexes are stable for the life of
 * the run. */
#ifndef FERMATA_RUN_STATE_H
#define FERMATA_RUN_STATE_H

#include "base/arena.h"
#include "base/id.h"
#include "base/map.h"
#include "base/vec.h"
#include "plan/plan.h"
#include "run/budget.h"
#include "run/record.h"
#include "run/run.h"
#include "run/state_step.h"
#include "run/usage.h"
#include "run/verdict.h"

VEC_TYPE(index_vec, int);

/* What the run is to become, reached when nothing is under way; a later one outweighs. */
enum wish { WISH_NONE, WISH_PAUSE, WISH_STOP, WISH_FAIL, WISH_CANCEL };

/* Ten thousand of them are kept at a time: small fields of a size stand together, and what few
 * steps have lies in a part of its own. */
struct step_state {
    const struct step *definition;  /* NULL for checks */
    const struct gate_check *check; /* NULL for all but checks */
    const char *key;
    enum step_role role;
    int phase;
    int parent;   /* of an instance: its foreach step; else -1 */
    int instance; /* number of an instance; else -1 */
    enum step_status status;
    enum waiting waiting;
    enum failure_class class_;
    int exit_status;
    int attempts;   /* in all, over resets */
    int tries;      /* since the last reset; lost ones do not count */
    int losses;     /* since the last reset, of attempts that had begun */
    int parks;      /* how often, since the last reset, it waited for a limit; these cost no try */
    int host_asked; /* how often the host was found not to have answered this attempt */
    bool is_static, is_reused; /* runs its static alternative; an earlier result was taken */
    bool is_digested;          /* it once had a digest: it has a row in the table of steps */
    bool is_settling;          /* a conflict of its merge, in its clone; see on_conflict */
    bool is_resumed;           /* its attempt under way, or the last one, goes on with `session` */
    bool is_call, is_counted;  /* its attempt is an agent's; it is among the steps begun */
    bool is_resumable, is_unfit; /* the next attempt goes on with it; is told what was wrong */
    bool has_slot, is_spared;    /* a token of its agent's rate was taken; its breaker is open */
    int64_t started_at, ended_at;
    int64_t space_wait_ms; /* of the time since started_at: the disk was full */
    int64_t until;         /* when a wait ends; 0: open */
    int64_t not_before;    /* its agent said so: a limit is over then; 0: it did not */
    char *error;
    char *agent_error; /* why its static alternative stands in for its agent; NULL: it does not */
    char *agent;       /* that stands in for its own one; NULL: it does not */
    char *answerer;    /* the agent of its last attempt, or of what is reused; NULL: none yet */
    char *model;       /* of the answerer, or asked of it; NULL: not known */
    json_t *given_up;  /* [{agent,class,error,tries,passed_over}], before this one; NULL: none */
    json_t *changed;   /* {path: true}, by attempts of agents that failed; NULL: nothing */
    char *reason, *reused_from;   /* a run; NULL: its result is its own */
    char *child;                  /* nested run */
    char *short_run, *short_name; /* whose budget that one waits for, and which; NULL: none */
    char *digest;
    char *tree;    /* digest of the tree when its attempt started */
    char *folder;  /* of the attempt under way, relative to the run's folder; NULL: inline */
    char *session; /* of its agent in its last attempt; NULL: none */
    struct step_calls *calls; /* NULL: none was begun; step_calls reads */
    struct step_spent *spent; /* NULL: it has no budget, or was never begun */
    struct step_output result;
    struct step_before *before; /* NULL: this is the first round */
    struct step_held *held;     /* NULL: there is nothing of before an edit */
    struct step_dialogue dialogue;
    json_t *items; /* of foreach, as all that follows */
    struct index_vec instances;
    int instance_count; /* of this round; `instances` may hold more from earlier rounds */
    int instance_next;  /* where to look for the next to make ready; not part of the fold */
    int instances_open, instances_under_way, instances_failed; /* open: not finished yet */
};

enum phase_stage { STAGE_STEPS, STAGE_FIX, STAGE_GATE };

struct phase_state {
    const struct phase *definition;
    enum step_status status; /* the same words as for steps */
    enum phase_stage stage;
    int first_step, first_fix, first_check; /* indices in run_state.steps */
    int round;                              /* 1 when first started */
    int fix_rounds, iteration;
    int gotos;      /* how often this phase sent the run back */
    int unfinished; /* steps (not instances) of the current stage without an end */
    int under_way;  /* steps and instances that run or wait */
    int running;    /* of these, against the width: preparing, attempts, nested runs */
    int64_t started_at, ended_at;
    int64_t deadline, clock_at;               /* 0: none; set at clock_at */
    char *error, *failed_step, *error_before; /* before: of the round before this one */
    struct usage_sum usage;                   /* of all its agents, over all rounds */
    bool is_excused;                          /* it failed, and the run goes on all the same */
    bool gate_asked, gate_skipped; /* asked: gate_decided or gate_skipped stands for this round */
    enum verdict verdict;
    char *verdict_reason;
    struct index_vec ready; /* steps that may start; not part of the fold, see run_find_ready */
    size_t ready_head;
};

struct checkpoint_state {
    char *name;
    int64_t seq, at;
    json_t *phases;                      /* ids of the phases that were complete */
    int64_t counts[STEP_IS_SKIPPED + 1]; /* of the run's steps at that moment */
};

struct run_state {
    char id[RUN_ID_SIZE];
    const struct workflow *workflow;
    struct workflow *edited; /* the same, where the plan was edited; else NULL */
    struct workflow *next;   /* of the record that is applied next, see run_offer */
    json_t *gone;            /* {key: attempts} of steps that the plan has no more; NULL: none */
    struct plan *plan;
    struct arena *arena; /* keys */
    json_t *nothing;     /* []: the artifacts of all steps that have none */
    enum run_status status;
    enum wish wish;
    char *reason, *detail;
    char *reason_phase, *reason_step;
    char *reason_run, *reason_budget; /* whose budget it waits for, and which; NULL: for none */
    char *task;
    char *label, *task_id; /* NULL: the task is its own, see task.h */
    char *kind;            /* of its task, one of TASK_KINDS; NULL: nobody said */
    json_t *inputs;
    json_t *calls;          /* name -> digest, of the workflows that it may call; NULL: none */
    enum strategy strategy; /* asked for by whoever started it; UNSET: not */
    enum strategy strategy_default; /* the project's */
    bool is_fresh, is_offline;
    bool is_bridged; /* steps without a usable agent go to the host */
    char *parent, *parent_step;
    char *forked_from; /* NULL: it is no fork */
    json_t *again;     /* {key: true}, steps that take no earlier result; NULL: none */
    int depth;
    int iteration;
    int64_t created_at, started_at, ended_at;
    int64_t rested_at; /* when it last stopped running; that time does not count for deadlines */
    int64_t deadline;  /* 0: none */
    int64_t seq;       /* of the last record */
    struct phase_state *phases;
    struct step_state *steps;
    size_t step_count, step_capacity;
    struct map *by_key; /* key -> index + 1 as pointer */
    json_t *signals;
    json_t *signals_used; /* names that answered an approval; a new signal may answer again */
    json_t *left; /* nested run -> step: nobody waits for it any more, its end is not known yet */
    VEC(struct checkpoint_state) checkpoints;
    int phases_open;                     /* without an end */
    int under_way;                       /* sum over the phases */
    int running;                         /* against the run's concurrency */
    int approvals;                       /* steps that wait for a person's yes or no */
    int questions;                       /* steps whose agent waits for an answer */
    int hosts;                           /* steps that wait for the host */
    int nested;                          /* nested runs that are paused */
    int64_t counts[STEP_IS_SKIPPED + 1]; /* steps and instances by status */
    struct usage_sum usage;
    struct budget budget;  /* of it and all below it */
    json_t *step_budgets;  /* key -> limits that somebody set since; NULL: none */
    struct ledger ledger;  /* of its own calls and steps, and of the run that it is a fork of */
    struct ledger below;   /* of all runs below it, as its tree knows them; not part of the fold */
    int64_t ran_ms, since; /* wall time before, and since when it runs now; 0: it does not */
    int64_t last_at, clock_at; /* of the last record; when it is told next: not of the fold */
    bool is_held;              /* a step waits for calls under way to end; not part of the fold */
    int64_t steps_total;       /* every step and instance ever made, against the ceiling */
};

struct run_state *run_state_new(const char *id, const struct workflow *workflow);
void run_state_free(struct run_state *run); /* accepts NULL */
/* The workflow of the record that follows; takes it over. Without one it is that of the state. */
void run_offer(struct run_state *run, struct workflow *workflow);
/* The fold: asserts on a record that cannot follow. run_refusal finds bad stored data first. */
void run_apply(struct run_state *run, const struct record *record);
/* NULL, or why the record does not fit this state (a damaged or foreign journal). */
const char *run_refusal(const struct run_state *run, const struct record *record);

/* Steps that wait for somebody outside: nothing here makes them go on. */
int run_count_outside(const struct run_state *run);
/* Cancelling it takes more than records: something has to end first. */
bool run_has_work(const struct run_state *run);

struct step_state *run_find_step(const struct run_state *run, const char *key); /* NULL: unknown */
/* A paused run: when the first wait for an answer or a nested run is over; 0: none ever is. */
int64_t run_waits_until(const struct run_state *run);
int run_step_index(const struct run_state *run, const struct step_state *step);
struct phase_state *run_find_phase(const struct run_state *run, const char *id);
/* NULL: it has none of that name. */
struct checkpoint_state *run_find_checkpoint(const struct run_state *run, const char *name);
bool step_is_finished(const struct step_state *step);
/* False for an instance that the list has no item for as it stands now. */
bool step_is_current(const struct run_state *run, const struct step_state *step);
/* Good enough for what needs it: completed, skipped, or failed where that is allowed. */
bool step_is_settled_well(const struct step_state *step);
/* True for an instance whose list as a whole is over well. */
bool step_list_is_over(const struct run_state *run, const struct step_state *instance);
bool phase_is_settled_well(const struct phase_state *phase);
/* From its begin to its end, without what it waited for space; -1: not over. */
int64_t step_duration_ms(const struct step_state *step);
/* The definition that really runs: the static alternative when that was chosen. */
const struct step *step_effective(const struct step_state *step);
/* What its calls used, all zero before the first. */
const struct step_calls *step_calls(const struct step_state *step);
/* The agent that is asked as things stand; NULL: it is none that asks one, or the default one. */
const char *step_agent(const struct step_state *step);
/* The limits of the step as they are now; of an instance, those of its list. */
struct budget step_budget(const struct run_state *run, const struct step_state *step);
struct budget_scope step_scope(const struct run_state *run, const struct step_state *step);
/* The limits of the run, and what it used with all below it. */
struct budget_scope run_scope(const struct run_state *run, int64_t now);
/* What a run that goes on from it begins with: {tokens, ..., time_ms}; the caller owns it. */
json_t *run_describe_spent(const struct run_state *run);
/* What its node is to know of the run. */
struct budget_node run_node(const struct run_state *run);
/* Would a phase that may not be skipped be left out altogether with this step? */
bool step_holds_phase(const struct run_state *run, const struct step_state *step);
/* What holds for steps that say nothing themselves; and for a step. */
enum strategy run_strategy(const struct run_state *run);
enum strategy step_strategy(const struct run_state *run, const struct step *step);
/* It is to be done whatever was done before. */
bool step_is_again(const struct run_state *run, const struct step_state *step);
/* Whether a finished step with the same digest may be taken instead of doing it again. */
enum reuse step_reuse(const struct run_state *run, const struct step_state *step);

/* Reads an output that is not inline. */
typedef int (*load_output)(void *context, const char *digest, char **ret_text, size_t *ret_length);

#endif
