/* SPDX-License-Identifier: MIT */
/* What stands before a call of an agent, pure: its circuit breaker and its token bucket. Both are
 * shared by all runs and processes of a project; admission.c keeps them in the store. */
#ifndef FERMATA_RUN_BREAKER_H
#define FERMATA_RUN_BREAKER_H

#include "workflow/config.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
#define BREAKER_STATES 3

struct breaker {
    enum breaker_state state;
    int failures;   /* in a row */
    int64_t since;  /* ms: when it opened, or when the call that tries was let through */
    int64_t trying; /* whose call that is; 0: nobody's */
};

struct breaker_policy {
    int threshold; /* 0: it never opens */
    int64_t recovery_ms;
};

const char *breaker_state_name(enum breaker_state state);
int breaker_state_parse(const char *name); /* -1: unknown */
struct breaker_policy breaker_policy_of(const struct agent_config *agent);

/* Whether this caller may call now; else *ret_until is when it may ask again. The one that may
 * while the breaker is half open may also when it asks again. */
bool breaker_admit(struct breaker *breaker, struct breaker_policy policy, int64_t now,
                   int64_t caller, int64_t *ret_until);
/* A call of this caller ended so. False: nothing changed. */
bool breaker_note(struct breaker *breaker, struct breaker_policy policy, int64_t now,
                  int64_t caller, enum failure_class class_);

/* Takes a token: when the call may be made, in ms; now, or later with the token taken in advance.
 * *full_at_us is all there is of a bucket: when it will be full again (0: it is). A full bucket
 * holds the calls of one minute. */
int64_t bucket_take(int64_t *full_at_us, int per_minute, int64_t now);

#endif
