/* SPDX-License-Identifier: MIT */
/* Numbers of tests and coverage found in what test runners print. Pure.
 *
 * Counting is careful in one direction: a test counts as executed only when the output shows that
 * it ran, so a number here is proof and never a guess. */
#ifndef FERMATA_FUNCTIONS_TEST_COUNTS_H
#define FERMATA_FUNCTIONS_TEST_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -1: not found. */
struct test_counts {
    /* passed + failed + errors that really ran. Skipped, to-do and expected failures do not count:
     * they prove nothing. Planned tests that never ran are in `failed` only. */
    int64_t executed;
    int64_t passed, failed, skipped;
    double coverage; /* percent; negative: not found */
    bool is_partial; /* part of the output is missing: the numbers are at least these */
    char runner[32]; /* "tap", "junit", "pytest", "go test", "cargo test", ... ; "" */
};

/* Reads TAP, JUnit XML, the closing lines of the common runners (pytest, unittest, go test, cargo
 * test and nextest, jest, vitest, mocha, node test runner, Maven, Gradle, ctest, prove, RSpec,
 * minitest, PHPUnit, cmocka, Catch2, GoogleTest, bats, .NET, Meson, Automake, "N passed, N failed")
 * and coverage summaries (lcov, gcovr, coverage.py, go, llvm-cov, jest/istanbul, ...). Several
 * summaries in one output are added up; of several coverages the lowest counts. Escapes and
 * progress lines are ignored. */
void test_counts_read(const char *output, size_t length, struct test_counts *ret_counts);
void test_counts_read_junit(const char *xml, size_t length, struct test_counts *ret_counts);

/* What wrappers (make, cargo, python3 -m) say when the program they wrap is missing, with an exit
 * status of their own; NULL: nothing like it. */
const char *test_find_missing_tool(const char *output, size_t length);

#endif
