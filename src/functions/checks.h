/* SPDX-License-Identifier: MIT */
/* The checks behind the built-in gates: check-lint, check-format, check-types, check-tests,
 * check-coverage, check-security, check-build.
 *
 * Each finds what the project is checked with, runs it without a shell, lets its output through to
 * standard error, and gives {check, verdict: pass|fail|unknown, reason, hint, command, tool,
 * exit_status, tests, coverage, runs}. Nothing to run or a missing tool is unknown, never a pass.
 * The project's own tools get the whole environment: they are started because it is trusted. */
#ifndef FERMATA_FUNCTIONS_CHECKS_H
#define FERMATA_FUNCTIONS_CHECKS_H

#include "functions/functions.h"

/* What the check of that name would run here, and what it lacks: [{command, tool, problem?,
 * hint?}]; nothing is started. NULL: it is none of these. The caller owns it. */
json_t *check_describe(const char *project, const char *function);

const struct function *checks_table(size_t *ret_count);

#endif
