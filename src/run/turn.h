/* SPDX-License-Identifier: MIT */
/* Private to run/'s deciding files: one event being handled. */
#ifndef FERMATA_RUN_TURN_H
#define FERMATA_RUN_TURN_H

#include "run/decide.h"
#include "run/lookup.h"

struct turn {
    struct run_state *run;
    struct batch *batch;
    const struct decide_limits *limits;
    int64_t now;
    uint64_t random;
    bool is_cut; /* enough for one turn: another one goes on with what is ready */
};

/* turn.c */
void turn_emit(struct turn *turn, struct record record);
void turn_effect(struct turn *turn, enum effect_kind kind, int step, int64_t at, const char *word);
uint64_t turn_random(struct turn *turn);
const char *turn_text(struct turn *turn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const json_t *turn_hold(struct turn *turn, json_t *value); /* the batch owns it now */
/* An expression of the run, or of a step. The caller owns the value. */
/* The step is for item and index; NULL: none. */
struct lookup_context turn_lookup(const struct turn *turn, const struct step_state *step);
int turn_evaluate(struct turn *turn, const struct expression *expression,
                  const struct step_state *step, json_t **ret_value, struct error *err);

static inline struct step_state *step_at(struct turn *turn, int step)
{
    return &turn->run->steps[step];
}

static inline struct phase_state *phase_at(struct turn *turn, int phase)
{
    return &turn->run->phases[phase];
}

static inline struct phase_state *phase_of(struct turn *turn, int step)
{
    return phase_at(turn, step_at(turn, step)->phase);
}

static inline const char *phase_id(struct turn *turn, int step)
{
    return phase_of(turn, step)->definition->id;
}

/* decide_step.c. A move takes class, error, reason and by from `why`. */
void step_move(struct turn *turn, int step, enum step_status status, struct record why);
void step_push_ready(struct turn *turn, int step);
void step_start(struct turn *turn, int step);
void step_complete(struct turn *turn, int step);
void step_fail(struct turn *turn, int step, enum failure_class class_, const char *error);
void step_skip(struct turn *turn, int step, const char *reason, const char *by);
void step_make_pending(struct turn *turn, int step, const char *reason);
void step_cancel(struct turn *turn, int step, const char *reason);
void step_after_end(struct turn *turn, int step);
/* Pending, and nothing but a free place keeps it from starting. */
bool step_is_ready(const struct run_state *run, int step);
void step_feed_instances(struct turn *turn, int parent);
/* An instance beyond the width of its foreach step, which will hand it out again. */
bool step_is_held_back(struct turn *turn, int step);
/* Its function touches nothing outside, and could be evaluated within this turn. */
bool step_is_inline(const struct turn *turn, int step);
/* In a quiet phase: steps with `all_done` or `one_success` behind steps that can never start become
 * ready. True when there is one. */
bool step_release_patient(struct turn *turn, int phase);

/* decide_attempt.c */
void step_start_attempt(struct turn *turn, int step);
/* Only an agent can do it, and the strategy asks none. */
bool step_lacks_agent(const struct run_state *run, const struct step *step);
#define STEP_LACKS_AGENT "needs an agent, and the strategy is static"
void step_recover_prepare(struct turn *turn, int step);
void step_handle_prepared(struct turn *turn, int step, const struct event *event);
void step_handle_attempt_end(struct turn *turn, int step, const struct event *event);
void step_handle_timer(struct turn *turn, int step, const struct event *event);
void step_handle_liveness(struct turn *turn, int step, const struct event *event);
/* Ends the attempt that the host has not answered, so that its step can move on. */
void step_end_host(struct turn *turn, int step, enum failure_class class_, const char *error);
/* Another attempt, at once; unless the run is to rest, or the phase is late. */
void step_try_again(struct turn *turn, int step, bool is_static);

/* decide_agent.c: what follows when an agent cannot help: the next one, the alternative, or the
 * end.
 */
void step_give_up_agent(struct turn *turn, int step, enum failure_class class_, const char *error);
/* What it did cannot be merged: the agent that settles conflicts takes over, where one is named. */
void step_settle_conflict(struct turn *turn, int step, const char *error);
/* A limit that told its end is waited for or passed on, as the step says. False: it is none. */
bool step_park(struct turn *turn, int step, const char *error);
/* For a timer: takes `until`, why (`text`) and `number` from `wait`. */
void step_wait(struct turn *turn, int step, struct record wait);
/* Its agent may not be called yet: another one is, or it waits. */
void step_hold_back(struct turn *turn, int step, const struct event *prepared);
/* Its agent cannot be called. False: there is no other one, and nothing was done. */
bool step_pass_over(struct turn *turn, int step, const struct event *prepared);

/* decide_budget.c */
/* What is reserved for its next attempt. */
struct reserve step_reserve(const struct turn *turn, int step);
/* False: there is no room for it; what follows from that was done, and it is put back. */
bool step_is_affordable(struct turn *turn, int step);
/* True: it stays in the queue, for calls that are under way may leave room for it. */
bool step_waits_for_room(struct turn *turn, int step);
void step_put_back(struct turn *turn, int step);
/* True: a nested run waits for a budget, and so does this one by now. */
bool run_rest_for_budget(struct turn *turn);
/* The time that a run takes is told so often that a crash hides little of it. */
void run_set_clock(struct turn *turn);
void run_tell_clock(struct turn *turn);
void run_forget_time_away(struct turn *turn);
int command_budget(struct turn *turn, const struct event *event, struct error *err);

/* decide_wait.c */
void step_start_approval(struct turn *turn, int step);
/* Takes `by`, the comment (`text`) and the signal that answered (`name`) from `answer`. */
void step_answer_approval(struct turn *turn, int step, bool is_approved, struct record answer);
/* What the signal says to the step: 1 approved, 0 rejected, -1 nothing. */
int step_signal_answer(const struct step_state *step, const char *signal, const json_t *value);
/* The agent asked: the step waits for the answer, or fails when it asked too often. */
void step_ask(struct turn *turn, int step, const json_t *question);
/* Takes `data` ([{question,answer}]) and `by` from `answers`; the step is tried again. */
void step_answer_question(struct turn *turn, int step, struct record answers);
void step_handle_host(struct turn *turn, int step, const struct event *event);
/* What waits for the host is looked at again. */
void step_look_at_host(struct turn *turn, int step);
void step_start_child(struct turn *turn, int step);
/* The time for an answer is over; who drives the run ends the wait, at the latest when it goes on.
 */
bool step_is_overdue(const struct turn *turn, const struct step_state *step);
/* It waits no more for its nested run, which ends by itself; the run is not over before that. */
void step_leave_child(struct turn *turn, int step);
void step_give_up_wait(struct turn *turn, int step); /* when its time is over */
/* The same for all approvals; true when there were some. */
bool approvals_give_up(struct turn *turn);
void step_handle_child(struct turn *turn, int step, const struct event *event);

/* decide_phase.c */
void phase_try_start(struct turn *turn, int phase);
void phase_start_ready_steps(struct turn *turn, int phase);
/* True when it changed something. */
bool phase_settle(struct turn *turn, int phase);
void phase_reset(struct turn *turn, int phase, const char *reason);
void phase_start_dependents(struct turn *turn, int phase);
void phase_complete(struct turn *turn, int phase);
/* Names the phases that are complete now; `by` NULL: because one was completed. */
void checkpoint_save(struct turn *turn, const char *name, const char *by);
bool phase_is_blocked(const struct run_state *run, int phase);
/* Its time is over: what ends now ends as timed out, and nothing new starts. */
bool phase_is_late(const struct turn *turn, int phase);
bool phase_has_place(const struct run_state *run, int phase);
#define PHASE_LATE "the phase ran out of time"

/* A failed phase ends the run, once phases that follow in any case have ended. */
bool phase_failure_is_fatal(struct turn *turn, int phase);
/* Takes a phase that is not over well up again, in the stage of a step with this role. */
void phase_reopen(struct turn *turn, int phase, enum step_role role);
/* True when the steps of what iterates are to run again; false with err set when that could not be
 * worked out. */
bool iterate_goes_on(struct turn *turn, const struct iterate *iterate, int iteration,
                     struct error *err);

/* decide.c. A wish takes reason, text, phase and step from `why`. */
void run_wish(struct turn *turn, enum wish wish, struct record why);
void run_move(struct turn *turn, enum run_status status, const char *reason, const char *detail);
void run_start_phases(struct turn *turn);
void run_stop_steps(struct turn *turn);
void run_tell_children(struct turn *turn, const char *word);
/* Asks for the end of every nested run that a step has left. */
void run_end_left(struct turn *turn);

/* command.c */
int command_handle(struct turn *turn, const struct event *event, struct error *err);
int command_refuse(struct turn *turn, struct error *err, const char *what);
void run_go_on(struct turn *turn);
/* A run that rested only for what was answered just now goes on. */
void run_wake(struct turn *turn);
/* It waits, or is about to, for what a person decides about a failure. */
bool run_needs_decision(const struct run_state *run);

/* command_skip.c, command_answer.c, command_edit.c */
int command_skip(struct turn *turn, const struct event *event, struct error *err);
int command_approve(struct turn *turn, const struct event *event, struct error *err);
int command_reject(struct turn *turn, const struct event *event, struct error *err);
int command_edit(struct turn *turn, const struct event *event, struct error *err);
int command_answer(struct turn *turn, const struct event *event, struct error *err);
int command_signal(struct turn *turn, const struct event *event, struct error *err);

/* retry.c: full jitter after "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). */
int64_t retry_delay_ms(const struct retry_policy *policy, int tries, uint64_t random);

#endif
