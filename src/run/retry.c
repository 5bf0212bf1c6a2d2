/* SPDX-License-Identifier: MIT */
#include "run/turn.h"

#include "base/timestamp.h"

int64_t retry_delay_ms(const struct retry_policy *policy, int tries, uint64_t random)
{
    int64_t delay = policy->delay_ms;

    if (policy->backoff == BACKOFF_EXPONENTIAL) {
        for (int i = 1; i < tries && delay < DURATION_MS_MAX / 2; i++) {
            delay *= 2;
        }
    }
    if (policy->max_delay_ms > 0 && delay > policy->max_delay_ms) {
        delay = policy->max_delay_ms;
    }
    if (policy->jitter && delay > 0) {
        delay = (int64_t)(random % (uint64_t)(delay + 1));
    }
    return delay;
}
