/* SPDX-License-Identifier: MIT */
/* What a gate check proved. Pure.
 *
 * pass needs proof: the command ran, ended with the expected status in time, and showed the
 * tests and the coverage that were asked for. A time-out, a missing tool, zero tests executed or
 * numbers that cannot be found are `unknown`, and unknown never passes. */
#ifndef FERMATA_RUN_VERDICT_H
#define FERMATA_RUN_VERDICT_H

#include "functions/test_counts.h"
#include "workflow/workflow.h"

#include <stdbool.h>
#include <stddef.h>

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNKNOWN };
const char *verdict_name(enum verdict verdict);
int verdict_parse(const char *name); /* -1 when unknown word */

/* How the check's process ended. */
struct check_result {
    bool is_started; /* false: the program could not be started */
    bool timed_out;
    int signal;
    int exit_status;
    struct test_counts counts;
    const char *missing; /* what a wrapper said about a missing tool; NULL */
    const char
        *stated; /* verdict word given by a built-in check function ("unknown": no tool); NULL */
    const char *stated_reason;
};

/* The verdict and why, in one sentence. */
enum verdict verdict_decide(const struct gate_check *check, const struct check_result *result,
                            char *ret_reason, size_t reason_size);

#endif
