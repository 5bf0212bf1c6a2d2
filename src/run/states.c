/* SPDX-License-Identifier: MIT */
/* The state machines of a run and of its steps and phases.
 *
 *   run:   pending --> running <--> paused          running --> completed | failed | cancelled
 *          failed --> running (retry)    completed, failed, cancelled --> paused (restore)
 *
 *   step:  pending --> running <--> paused          running, paused --> completed | failed |
 *          cancelled | skipped                      any end --> pending (reset, retry)
 */
#include "run/states.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

#define TO(state) STATE_BIT(RUN_##state)
static const struct state_rule run_rules[] = {
    [RUN_PENDING] = {"pending", TO(RUNNING) | TO(PAUSED) | TO(CANCELLED), false},
    [RUN_RUNNING] = {"running", TO(PAUSED) | TO(COMPLETED) | TO(FAILED) | TO(CANCELLED), false},
    [RUN_PAUSED] = {"paused", TO(RUNNING) | TO(CANCELLED), false},
    [RUN_COMPLETED] = {"completed", TO(PAUSED), true},
    [RUN_FAILED] = {"failed", TO(RUNNING) | TO(PAUSED), true},
    [RUN_CANCELLED] = {"cancelled", TO(PAUSED), true},
};
#undef TO
static_assert(ARRAY_LEN(run_rules) == RUN_CANCELLED + 1, "one rule for each run status");

#define TO(state) STATE_BIT(STEP_IS_##state)
#define TO_ANY_END (TO(COMPLETED) | TO(FAILED) | TO(CANCELLED) | TO(SKIPPED))
static const struct state_rule step_rules[] = {
    [STEP_IS_PENDING] = {"pending", TO(RUNNING) | TO(PAUSED) | TO_ANY_END, false},
    [STEP_IS_RUNNING] = {"running", TO(PENDING) | TO(PAUSED) | TO_ANY_END, false},
    [STEP_IS_PAUSED] = {"paused", TO(PENDING) | TO(RUNNING) | TO_ANY_END, false},
    [STEP_IS_COMPLETED] = {"completed", TO(PENDING), true},
    [STEP_IS_FAILED] = {"failed", TO(PENDING) | TO(RUNNING) | TO(SKIPPED), true},
    [STEP_IS_CANCELLED] = {"cancelled", TO(PENDING) | TO(RUNNING) | TO(SKIPPED), true},
    [STEP_IS_SKIPPED] = {"skipped", TO(PENDING), true},
};
#undef TO_ANY_END
#undef TO
static_assert(ARRAY_LEN(step_rules) == STEP_IS_SKIPPED + 1, "one rule for each step status");

static const char *const wish_names[] = {
    [WISH_NONE] = "none", [WISH_PAUSE] = "pause",   [WISH_STOP] = "stop",
    [WISH_FAIL] = "fail", [WISH_CANCEL] = "cancel",
};

static const char *const waiting_names[] = {
    [WAITING_NOTHING] = "nothing",     [WAITING_PREPARE] = "prepare",
    [WAITING_ATTEMPT] = "attempt",     [WAITING_RETRY] = "retry",
    [WAITING_APPROVAL] = "approval",   [WAITING_ANSWER] = "answer",
    [WAITING_HOST] = "host",           [WAITING_WORKFLOW] = "workflow",
    [WAITING_INSTANCES] = "instances",
};

const char *run_status_name(enum run_status status)
{
    return run_rules[status].name;
}

int run_status_parse(const char *name)
{
    return state_parse(run_rules, ARRAY_LEN(run_rules), name);
}

bool run_status_is_final(enum run_status status)
{
    return run_rules[status].is_final;
}

bool run_can_move(enum run_status from, enum run_status to)
{
    return state_can_move(run_rules, (int)from, (int)to);
}

const char *step_status_name(enum step_status status)
{
    return step_rules[status].name;
}

int step_status_parse(const char *name)
{
    return state_parse(step_rules, ARRAY_LEN(step_rules), name);
}

bool step_status_is_final(enum step_status status)
{
    return step_rules[status].is_final;
}

bool step_can_move(enum step_status from, enum step_status to)
{
    return state_can_move(step_rules, (int)from, (int)to);
}

static int parse_word(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *wish_name(enum wish wish)
{
    return wish_names[wish];
}

int wish_parse(const char *name)
{
    return parse_word(wish_names, ARRAY_LEN(wish_names), name);
}

const char *waiting_name(enum waiting waiting)
{
    return waiting_names[waiting];
}

int waiting_parse(const char *name)
{
    return parse_word(waiting_names, ARRAY_LEN(waiting_names), name);
}
