/* SPDX-License-Identifier: MIT */
/* What a gate check proved. Pure.
 *
 * pass needs proof: the command ran, ended with the expected status in time, and showed the
 * tests and the coverage that were asked for. A time-out, a missing tool, zero tests executed or
 * numbers that cannot be found are `unknown`, and unknown never passes. */
#ifndef FERMATA_RUN_VERDICT_H
#define FERMATA_RUN_VERDICT_H

#include "base/json.h"
#include "workflow/workflow.h"

#include <stdbool.h>
#include <stdint.h>

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNKNOWN };
const char *verdict_name(enum verdict verdict);
int verdict_parse(const char *name); /* -1 when unknown word */

/* Numbers found in what a test runner printed; -1: not found. */
struct test_counts {
    int64_t executed; /* passed + failed + errors; skipped ones do not count */
    int64_t passed, failed, skipped;
    double coverage; /* percent; negative: not found */
    char runner[32]; /* "tap", "junit", "pytest", "go test", "cargo test", ... ; "" */
};

/* Reads TAP, JUnit XML, the closing lines of the common runners (pytest, unittest, go test, cargo
 * test and nextest, jest, vitest, mocha, node test runner, Maven, Gradle, ctest, prove, RSpec,
 * minitest, PHPUnit, cmocka, Catch2, GoogleTest, bats, .NET, "N passed, N failed") and coverage
 * summaries (lcov, gcovr, coverage.py, go, jest/istanbul). Several summaries in one output are
 * added up. Escapes are ignored. */
void test_counts_read(const char *output, size_t length, struct test_counts *ret_counts);
void test_counts_read_junit(const char *xml, size_t length, struct test_counts *ret_counts);

/* How the check's process ended. */
struct check_result {
    bool is_started; /* false: the program could not be started */
    bool timed_out;
    int signal;
    int exit_status;
    struct test_counts counts;
    const char
        *stated; /* verdict word given by a built-in check function ("unknown": no tool); NULL */
    const char *stated_reason;
};

/* The verdict and why, in one sentence. */
enum verdict verdict_decide(const struct gate_check *check, const struct check_result *result,
                            char *ret_reason, size_t reason_size);

#endif
