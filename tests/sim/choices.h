/* SPDX-License-Identifier: MIT */
/* Where all chance of a simulation comes from. A choice is a small number that belongs to a place
 * (what is chosen), to who and what it is about, and to how often that was asked before; so it is
 * the same whatever else happens around it. 0 is always the least trouble: nothing goes wrong,
 * nothing is there.
 *
 * Drawn from a seed, the choices that are not 0 can be written down; given as such a list, all
 * others are 0. That is what lets a failure shrink, by leaving out choices one by one. */
#ifndef FERMATA_SIM_CHOICES_H
#define FERMATA_SIM_CHOICES_H

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

enum place {
    /* the workflow: who is which of them, what is phase and step */
    PLACE_CROWDED,
    PLACE_LEVEL,
    PLACE_RUN_FAILURE,
    PLACE_CONCURRENCY,
    PLACE_RUN_TIMEOUT,
    PLACE_RUN_STRATEGY,
    PLACE_NO_CHECKPOINTS,
    PLACE_RUN_ITERATE,
    PLACE_GATE,
    PLACE_GATE_STRICT,
    PLACE_GATE_CHECKS,
    PLACE_CHECK_KIND,
    PLACE_PHASE,
    PLACE_PHASE_MODE,
    PLACE_ROUNDS,
    PLACE_PHASE_WIDTH,
    PLACE_PHASE_NEEDS,
    PLACE_PHASE_TRIGGER,
    PLACE_PHASE_GATE,
    PLACE_PHASE_OPTIONAL,
    PLACE_PHASE_STRICT,
    PLACE_PHASE_TIMEOUT,
    PLACE_PHASE_FAILURE,
    PLACE_PHASE_ITERATE,
    PLACE_STEP,
    PLACE_STEP_KIND,
    PLACE_STEP_NEEDS,
    PLACE_STEP_TRIGGER,
    PLACE_STEP_OPTIONAL,
    PLACE_STEP_STRICT,
    PLACE_STEP_FAILURE,
    PLACE_GOTO_MAX,
    PLACE_FOREACH,
    PLACE_FOREACH_FROM,
    PLACE_FOREACH_WIDTH,
    PLACE_JSON,
    PLACE_STATIC,
    PLACE_FALLBACK,
    PLACE_HELD,
    PLACE_ON_LIMIT,
    PLACE_STEP_STRATEGY,
    PLACE_RETRY,
    PLACE_RETRY_DELAY,
    PLACE_RETRY_MAX_DELAY,
    PLACE_RETRY_PLAIN,
    PLACE_RETRY_ON,
    PLACE_REUSE,
    PLACE_WAIT_TIMEOUT,
    PLACE_WHEN,
    PLACE_UNTIL,
    PLACE_CONDITION_STEP,
    PLACE_CONDITION_NUMBER,
    /* what comes of it: who is the run, what the step or the event */
    PLACE_STEPS_MAX,
    PLACE_FAILS,
    PLACE_CLASS,
    PLACE_VERDICT,
    PLACE_ATTEMPT_MS,
    PLACE_OUTPUT,
    PLACE_STOP_RACE,
    PLACE_STOP_MS,
    PLACE_LOSS,
    PLACE_PREPARE_FAILS,
    PLACE_PREPARE_MS,
    PLACE_REUSED,
    PLACE_CHILD_FAILS,
    /* what the world does on its own */
    PLACE_TWICE,
    PLACE_TWICE_MS,
    PLACE_LIVENESS,
    PLACE_LIVENESS_MS,
    PLACE_TOGETHER,
    PLACE_INLINE,
    PLACE_INLINE_BUDGET,
    PLACE_CRASH,
    PLACE_CRASH_IN_EFFECTS,
    PLACE_CRASH_IN_WAIT,
    PLACE_CRASH_MS,
    PLACE_RESTART_MS,
    PLACE_JUMP,
    PLACE_JUMP_MS,
    PLACE_REST,
    PLACE_COMMAND,
    PLACE_COMMAND_MS,
    PLACE_COMMAND_RUN,
    PLACE_COMMAND_STEP,
    PLACE_COMMAND_ARGUMENT,
    PLACE_COMMAND_NEXT,
    PLACE_COMMAND_NEXT_MS,
    PLACE_REACTION,
    PLACE_REACTION_MS,
    /* agents that ask */
    PLACE_ASKS,
    PLACE_QUESTIONS,
    /* the program that called us, as an agent */
    PLACE_HOSTS,
    PLACE_LOOK_MS,
    PLACE_CRASH_IN_LOOK,
    PLACE_ANSWER,
    PLACE_ANSWER_MS,
    /* work in clones */
    PLACE_CLONE,
    PLACE_CONFLICT,
    /* budgets, and what agents use of them */
    PLACE_RUN_BUDGET,
    PLACE_STEP_BUDGET,
    PLACE_USAGE,
    /* another plan: who is it and which workflow, what is phase and step, as above */
    PLACE_EDIT_PART,
    PLACE_EDIT_PLAN,
    PLACE_EDIT_AGAIN,
    PLACES
};

struct choice {
    enum place place;
    uint32_t who, what;
    int turn; /* how often the same was asked before */
    int value;
};
VEC_TYPE(choice_vec, struct choice);

/* Where choices are written down as they are made: also in memory that another process sees. */
#define CHOICES_MAX 65536
struct choice_log {
    size_t count;
    struct choice items[CHOICES_MAX];
};

struct choices;

/* Drawn from a seed. log: those that are not 0 are written down there; NULL: not. */
struct choices *choices_new(uint64_t seed, struct choice_log *log);
/* Given: what is not in the list is 0. The list is copied. */
struct choices *choices_new_given(const struct choice_vec *given);
void choices_free(struct choices *choices); /* accepts NULL */
/* As if newly made, for another seed; what was written down stays. */
void choices_restart(struct choices *choices, uint64_t seed);
/* From now on everything is 0. */
void choices_calm(struct choices *choices);
/* The next choice, whatever is asked. */
void choices_force(struct choices *choices, int value);
bool choices_are_given(const struct choices *choices);

/* 0 .. count-1 */
int choose(struct choices *choices, enum place place, uint32_t who, uint32_t what, int count);
/* 0, or with so many percent one of 1 .. count */
struct rarity {
    int percent, count;
};
int choose_rarely(struct choices *choices, enum place place, uint32_t who, uint32_t what,
                  struct rarity rarity);
/* The same, yes or no. */
bool choose_whether(struct choices *choices, enum place place, uint32_t who, uint32_t what,
                    int percent);

const char *place_name(enum place place);
int place_parse(const char *name); /* -1: unknown */

/* splitmix64 and FNV-1a, for numbers that are no choices and for names. */
uint64_t mix_bits(uint64_t bits);
uint32_t hash_text(const char *text);

#endif
