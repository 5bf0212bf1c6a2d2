/* SPDX-License-Identifier: MIT */
/* Runs one command of a check and says what it proved. */
#ifndef FERMATA_FUNCTIONS_CHECK_RUN_H
#define FERMATA_FUNCTIONS_CHECK_RUN_H

#include "base/json.h"
#include "functions/check_plan.h"

#include <stdbool.h>
#include <stdint.h>

struct check_expectation {
    int64_t timeout_ms;
    bool counts_tests;   /* its output is that of a test runner */
    int64_t tests_min;   /* 0: not asked for */
    double coverage_min; /* percent; negative: not asked for */
};

/* {tool, command, verdict, reason, hint?, exit_status?, duration_ms?, tests?, coverage?}. The
 * output goes to standard error as it comes. The caller owns the result. */
json_t *check_run(const char *folder, const struct check_command *command,
                  const struct check_expectation *expectation);

/* The command line for people, cut where it is very long. */
json_t *check_command_text(const struct check_command *command);

#endif
