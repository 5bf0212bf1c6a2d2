/* SPDX-License-Identifier: MIT */
/* Which agent a step gets, by what became of earlier attempts at the same kind of task. Pure: the
 * time and the seed are arguments.
 *
 * A sample counts w = 2^(-age / 30 days) * 2^(-newer / 20), `newer` being how many samples of this
 * kind, by whatever candidate, came after it: an agent that was changed over night is known again
 * after some tens of tasks, and one that nobody asked for long is unknown again. S and F are the
 * sums of the weights of successes and failures of an agent.
 *
 *   1. Who has S + F >= 5 and S / (S + F) < 0.6 drops out, while others remain.
 *   2. Of the others each draws from Beta(1 + S, 1 + F), its chance to be that good (Thompson
 *      sampling; with discounts: Raj and Kalyani, "Taming non-stationary bandits: a Bayesian
 *      approach", 2017). Who is little known draws high now and then, so the better one is found.
 *   3. Of those within 0.05 of the highest draw the cheapest for a success is taken, where that is
 *      known; else the fastest; else the first of the configuration.
 *
 * While nothing is known of anybody, it is the first of the configuration. The same request gives
 * the same answer. docs/routing.md has the figures of the simulation. */
#ifndef FERMATA_PLANNER_ROUTING_H
#define FERMATA_PLANNER_ROUTING_H

#include "base/json.h"
#include "run/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTING_SUCCESS_MIN 0.6
#define ROUTING_SAMPLES_MIN 5
#define ROUTING_HALF_LIFE_MS ((int64_t)30 * 24 * 3600 * 1000)
#define ROUTING_HALF_LIFE_SAMPLES 20

struct routing_candidate {
    const char *agent;
    const char *tier; /* shown, never judged; NULL: none */
    double cost_usd;  /* of an attempt as far as prices tell; negative: not known */
};

struct routing_request {
    const char *kind;                           /* of task */
    const struct routing_candidate *candidates; /* in their configured order, at least one */
    size_t candidate_count;
    const struct agent_sample *samples; /* of any agents and kinds, ascending by `at` */
    size_t sample_count;
    int64_t now;   /* ms since 1970 */
    uint64_t seed; /* routing_seed */
};

/* What is known of one candidate. */
struct routing_record {
    int64_t samples; /* without decay */
    double succeeded, failed;
    double success;  /* S / (S + F); negative: not known */
    double cost_usd; /* for a success: what an attempt costs over its chance; negative: unknown */
    double duration_ms; /* of an attempt that succeeded; negative: unknown */
    double draw;        /* negative: it dropped out */
};

/* The index of the one that is chosen; `ret_records` has one for each candidate. */
size_t routing_pick(const struct routing_request *request, struct routing_record *ret_records);
/* {agent, kind, score, success, samples, exploration?, why, alternatives: [{agent, tier?, success?,
 * samples, score?, cost_usd?, duration_ms?, why}]}: the same choice for a plan. The caller owns
 * it. */
json_t *routing_choose(const struct routing_request *request);

/* Of whatever tells this choice from others, such as "TASK\nSTEP". */
uint64_t routing_seed(const char *text);

/* What an attempt will probably take. */
struct routing_question {
    const char *agent;
    const char *kind;
    const char *expert; /* NULL: none */
    const struct agent_sample *samples;
    size_t sample_count;
    int64_t now;
};
/* {tokens?, cost_usd?, seconds?, samples, basis?}: means of the attempts that succeeded, weighed
 * by age, of this agent, kind and expert; where those are fewer than 5, of this agent and kind;
 * then of this agent. `basis` says which ("agent, kind and expert"); what fewer than 5 told is
 * absent, which is unknown. The caller owns it. */
json_t *routing_estimate(const struct routing_question *question);

#endif
