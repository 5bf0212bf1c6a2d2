/* SPDX-License-Identifier: MIT */
/* The circuit breaker of an agent:
 *
 *   closed --(so many failures in a row)--> open --(the recovery is over: one call)--> half open
 *      ^                                     ^                                          |    |
 *      |                                     +---------(it fails, or says nothing)------+    |
 *      +----(any call that was answered, or a person)----------------------------------------+
 *
 * A call fails for it when the backend was not there: transient, timeout. One that was answered,
 * were it with a limit or a refusal, shows that it is. Whatever else ends a call (a wrong key, a
 * person, a crash) says nothing of the backend. */
#include "run/breaker.h"

#include "base/alloc.h"
#include "base/state.h"

#include <assert.h>

#define MINUTE_US INT64_C(60000000)

#define TO(state) STATE_BIT(BREAKER_##state)
static const struct state_rule breaker_rules[] = {
    [BREAKER_CLOSED] = {"closed", TO(OPEN), false},
    [BREAKER_OPEN] = {"open", TO(HALF_OPEN) | TO(CLOSED), false},
    [BREAKER_HALF_OPEN] = {"half open", TO(OPEN) | TO(CLOSED), false},
};
#undef TO
static_assert(ARRAY_LEN(breaker_rules) == BREAKER_STATES, "one rule for each state");

const char *breaker_state_name(enum breaker_state state)
{
    return breaker_rules[state].name;
}

int breaker_state_parse(const char *name)
{
    return state_parse(breaker_rules, ARRAY_LEN(breaker_rules), name);
}

struct breaker_policy breaker_policy_of(const struct agent_config *agent)
{
    return (struct breaker_policy){agent->breaker_threshold, agent->breaker_recovery_ms};
}

static void breaker_move(struct breaker *breaker, enum breaker_state state, int64_t since)
{
    assert(state_can_move(breaker_rules, (int)breaker->state, (int)state));
    breaker->state = state;
    breaker->since = since;
    breaker->trying = 0;
}

bool breaker_admit(struct breaker *breaker, struct breaker_policy policy, int64_t now,
                   int64_t caller, int64_t *ret_until)
{
    int64_t until = breaker->since + policy.recovery_ms;

    if (policy.threshold == 0 || breaker->state == BREAKER_CLOSED) {
        return true;
    }
    if (breaker->state == BREAKER_HALF_OPEN && breaker->trying == caller) {
        return true;
    }
    /* A clock that was put back keeps nobody out for long. A `since` that is a little ahead is of
     * another process, which read its clock after this one did and wrote first. */
    if (until > now && breaker->since - now <= policy.recovery_ms) {
        *ret_until = until;
        return false;
    }
    if (breaker->state == BREAKER_OPEN) {
        breaker_move(breaker, BREAKER_HALF_OPEN, now);
    }
    /* Whoever had it says nothing: the next one tries. */
    breaker->since = now;
    breaker->trying = caller;
    return true;
}

static bool is_failure(enum failure_class class_)
{
    return class_ == CLASS_TRANSIENT || class_ == CLASS_TIMEOUT;
}

static bool is_answer(enum failure_class class_)
{
    return class_ == CLASS_NONE || class_ == CLASS_LIMIT || class_ == CLASS_REFUSED;
}

static bool note_answer(struct breaker *breaker)
{
    bool has_changed = breaker->state != BREAKER_CLOSED || breaker->failures > 0;

    if (breaker->state != BREAKER_CLOSED) {
        breaker_move(breaker, BREAKER_CLOSED, 0);
    }
    breaker->failures = 0;
    return has_changed;
}

bool breaker_note(struct breaker *breaker, struct breaker_policy policy, int64_t now,
                  int64_t caller, enum failure_class class_)
{
    bool is_trying = breaker->state == BREAKER_HALF_OPEN && breaker->trying == caller;

    if (policy.threshold == 0) {
        return false;
    }
    if (is_answer(class_)) {
        return note_answer(breaker);
    }
    if (!is_failure(class_)) {
        if (is_trying) {
            breaker_move(breaker, BREAKER_OPEN, now - policy.recovery_ms); /* the next one tries */
        }
        return is_trying;
    }
    breaker->failures++;
    if (is_trying || (breaker->state == BREAKER_CLOSED && breaker->failures >= policy.threshold)) {
        breaker_move(breaker, BREAKER_OPEN, now);
    }
    return true;
}

int64_t bucket_take(int64_t *full_at_us, int per_minute, int64_t now)
{
    int64_t now_us = now * 1000;
    int64_t full_at = *full_at_us > now_us ? *full_at_us : now_us;
    int64_t empty_by;

    full_at += MINUTE_US / per_minute;
    *full_at_us = full_at;
    empty_by = full_at - now_us - MINUTE_US; /* beyond what it holds */
    return empty_by > 0 ? now + (empty_by + 999) / 1000 : now;
}
