/* SPDX-License-Identifier: MIT */
/* Routing against what a user could do instead, with agents whose quality changes. `--table` prints
 * the figures of docs/routing.md. */
#include "planner/routing.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AGENTS 3
#define TASKS 240
#define CHANGE 120 /* the task before which the agents change */
#define WORLDS 300 /* users, of each scenario */
#define HOUR_MS ((int64_t)3600 * 1000)
#define WINDOW 10 /* found: it gets most of so many tasks */

/* Chances of success, before and after the change. */
struct scenario {
    const char *name;
    double before[AGENTS], after[AGENTS];
    int64_t pause_ms; /* between tasks */
};

static const struct scenario scenarios[] = {
    {"the first is the best", {0.9, 0.6, 0.5}, {0.9, 0.6, 0.5}, HOUR_MS},
    {"the second is the best", {0.6, 0.9, 0.5}, {0.6, 0.9, 0.5}, HOUR_MS},
    {"the first is bad", {0.3, 0.6, 0.9}, {0.3, 0.6, 0.9}, HOUR_MS},
    {"the best breaks", {0.9, 0.7, 0.5}, {0.3, 0.7, 0.5}, HOUR_MS},
    {"another becomes the best", {0.9, 0.4, 0.5}, {0.5, 0.9, 0.5}, HOUR_MS},
    {"the order turns round", {0.9, 0.7, 0.3}, {0.3, 0.7, 0.9}, HOUR_MS},
    {"the same, two tasks a day", {0.9, 0.7, 0.3}, {0.3, 0.7, 0.9}, 12 * HOUR_MS},
};

enum policy { POLICY_ROUTING, POLICY_FIRST, POLICY_THRESHOLD, POLICIES };

/* One user: what was done so far. */
struct world {
    const struct scenario *scenario;
    uint64_t seed;
    struct agent_sample samples[TASKS];
    int calls[AGENTS], successes[AGENTS];
    int chosen[TASKS];
    int succeeded;
};

static const struct routing_candidate candidates[AGENTS] = {
    {.agent = "a", .cost_usd = -1}, {.agent = "b", .cost_usd = -1}, {.agent = "c", .cost_usd = -1}};

static int best_of(const double chances[AGENTS])
{
    int best = 0;

    for (int i = 1; i < AGENTS; i++) {
        best = chances[i] > chances[best] ? i : best;
    }
    return best;
}

static const double *chances_at(const struct scenario *scenario, int task)
{
    return task < CHANGE ? scenario->before : scenario->after;
}

/* A number from 0 to 1 that belongs to this task and agent, whoever is chosen: every policy meets
 * the same luck. */
static double luck(uint64_t seed, int task, int agent)
{
    char text[64];
    uint64_t bits;

    (void)snprintf(text, sizeof(text), "%llu/%d/%d", (unsigned long long)seed, task, agent);
    bits = routing_seed(text);
    bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccdU;
    bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53U;
    return (double)((bits ^ (bits >> 33)) >> 11) / 9007199254740992.0;
}

/* Counters over all time; who has called and is below 0.6 drops out; the first of the rest. */
static int choose_by_threshold(const struct world *world)
{
    for (int i = 0; i < AGENTS; i++) {
        if (world->calls[i] == 0 || world->successes[i] >= 0.6 * world->calls[i]) {
            return i;
        }
    }
    return 0;
}

static int choose_by_routing(const struct world *world, int task)
{
    struct routing_record records[AGENTS];
    char text[64];
    struct routing_request request = {.kind = "fix",
                                      .candidates = candidates,
                                      .candidate_count = AGENTS,
                                      .samples = world->samples,
                                      .sample_count = (size_t)task,
                                      .now = (task + 1) * world->scenario->pause_ms};

    (void)snprintf(text, sizeof(text), "%llu %d", (unsigned long long)world->seed, task);
    request.seed = routing_seed(text);
    return (int)routing_pick(&request, records);
}

static int choose(const struct world *world, enum policy policy, int task)
{
    switch (policy) {
    case POLICY_ROUTING:
        return choose_by_routing(world, task);
    case POLICY_THRESHOLD:
        return choose_by_threshold(world);
    case POLICY_FIRST:
    case POLICIES:
        break;
    }
    return 0;
}

static void play(struct world *world, enum policy policy)
{
    for (int task = 0; task < TASKS; task++) {
        int agent = choose(world, policy, task);
        bool is_success = luck(world->seed, task, agent) < chances_at(world->scenario, task)[agent];

        world->chosen[task] = agent;
        world->calls[agent]++;
        world->successes[agent] += is_success;
        world->succeeded += is_success;
        world->samples[task] = (struct agent_sample){.agent = candidates[agent].agent,
                                                     .kind = "fix",
                                                     .at = (task + 1) * world->scenario->pause_ms,
                                                     .attempts = 1,
                                                     .succeeded = is_success,
                                                     .failed = !is_success};
    }
}

/* Does the best one get most of the tasks [end - WINDOW, end)? */
static bool is_found(const struct world *world, int end)
{
    int best = best_of(chances_at(world->scenario, end - 1));
    int count = 0;

    for (int task = end - WINDOW; task < end; task++) {
        count += world->chosen[task] == best;
    }
    return 2 * count > WINDOW;
}

/* How many tasks after `from` the best one gets most of the last WINDOW; TASKS: never. */
static int tasks_until_found(const struct world *world, int from)
{
    for (int end = from + WINDOW; end <= TASKS; end++) {
        if (is_found(world, end)) {
            return end - from;
        }
    }
    return TASKS;
}

struct outcome {
    double success[POLICIES]; /* share of all tasks */
    double possible;          /* of who always knows the best one */
    double found;             /* share of users for whom it was, within 30 tasks */
    double found_again;       /* within 60 tasks after the change */
    int until_found[WORLDS], until_found_again[WORLDS];
};

static void play_scenario(const struct scenario *scenario, struct outcome *outcome)
{
    memset(outcome, 0, sizeof(*outcome));
    for (int i = 0; i < WORLDS; i++) {
        for (int policy = 0; policy < POLICIES; policy++) {
            struct world *world = mem_zero(1, sizeof(*world));

            world->scenario = scenario;
            world->seed = (uint64_t)i + 1;
            play(world, (enum policy)policy);
            outcome->success[policy] += (double)world->succeeded / TASKS / WORLDS;
            if (policy == POLICY_ROUTING) {
                outcome->until_found[i] = tasks_until_found(world, 0);
                outcome->until_found_again[i] = tasks_until_found(world, CHANGE);
                outcome->found += outcome->until_found[i] <= 30 ? 1.0 / WORLDS : 0;
                outcome->found_again += outcome->until_found_again[i] <= 60 ? 1.0 / WORLDS : 0;
            }
            free(world);
        }
    }
    outcome->possible = (scenario->before[best_of(scenario->before)] * CHANGE +
                         scenario->after[best_of(scenario->after)] * (TASKS - CHANGE)) /
                        TASKS;
}

static bool changes(const struct scenario *scenario)
{
    return best_of(scenario->before) != best_of(scenario->after);
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int median(int *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare_ints);
    return values[count / 2];
}

static void print_table(void)
{
    struct outcome *outcome = mem_zero(1, sizeof(*outcome));

    printf("| agents | always the best | routing | 0.6 rule | first | found within 30 | again "
           "within 60 | tasks until found, again |\n");
    printf("|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        char again[32] = "";
        char tasks[32];

        play_scenario(&scenarios[i], outcome);
        (void)snprintf(tasks, sizeof(tasks), "%d", median(outcome->until_found, WORLDS));
        if (changes(&scenarios[i])) {
            (void)snprintf(again, sizeof(again), "%.0f %%", 100 * outcome->found_again);
            (void)snprintf(tasks + strlen(tasks), sizeof(tasks) - strlen(tasks), ", %d",
                           median(outcome->until_found_again, WORLDS));
        }
        printf("| %s | %.1f %% | **%.1f %%** | %.1f %% | %.1f %% | %.0f %% | %s | %s |\n",
               scenarios[i].name, 100 * outcome->possible, 100 * outcome->success[POLICY_ROUTING],
               100 * outcome->success[POLICY_THRESHOLD], 100 * outcome->success[POLICY_FIRST],
               100 * outcome->found, again, tasks);
    }
    free(outcome);
}

/* ---- what is promised ---- */

static int play_all(void **state)
{
    struct outcome *outcomes = mem_zero(ARRAY_LEN(scenarios), sizeof(*outcomes));

    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        play_scenario(&scenarios[i], &outcomes[i]);
    }
    *state = outcomes;
    return 0;
}

static int free_all(void **state)
{
    free(*state);
    return 0;
}

static void the_better_agent_is_found_within_30_samples(void **state)
{
    const struct outcome *outcomes = *state;

    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        if (outcomes[i].found < 0.9) {
            fail_msg("%s: found within 30 samples by %.2f of the users", scenarios[i].name,
                     outcomes[i].found);
        }
    }
}

static void it_is_found_again_when_the_agents_change(void **state)
{
    const struct outcome *outcomes = *state;

    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        if (changes(&scenarios[i]) && outcomes[i].found_again < 0.9) {
            fail_msg("%s: found again within 60 samples by %.2f of the users", scenarios[i].name,
                     outcomes[i].found_again);
        }
    }
}

static void it_beats_a_fixed_order_and_the_plain_threshold(void **state)
{
    const struct outcome *outcomes = *state;
    double sums[POLICIES] = {0};

    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        for (int policy = 0; policy < POLICIES; policy++) {
            sums[policy] += outcomes[i].success[policy] / (double)ARRAY_LEN(scenarios);
        }
        /* Looking at the others costs something where the first was right all along. */
        for (int policy = POLICY_FIRST; policy < POLICIES; policy++) {
            if (outcomes[i].success[POLICY_ROUTING] < outcomes[i].success[policy] - 0.06) {
                fail_msg("%s: %.3f, and %.3f without it", scenarios[i].name,
                         outcomes[i].success[POLICY_ROUTING], outcomes[i].success[policy]);
            }
        }
    }
    assert_true(sums[POLICY_ROUTING] > sums[POLICY_FIRST] + 0.15);
    assert_true(sums[POLICY_ROUTING] > sums[POLICY_THRESHOLD] + 0.05);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_agent_is_found_within_30_samples),
        cmocka_unit_test(it_is_found_again_when_the_agents_change),
        cmocka_unit_test(it_beats_a_fixed_order_and_the_plain_threshold),
    };

    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        print_table();
        return 0;
    }
    return cmocka_run_group_tests(tests, play_all, free_all);
}
