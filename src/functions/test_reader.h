/* SPDX-License-Identifier: MIT */
/* The parts that test_counts.c is made of; for src/functions/test_*.c only. Pure.
 *
 * The text arrives line by line, without escapes. Each part keeps its own numbers, and
 * test_counts.c puts them together at the end, so that no test is counted twice. */
#ifndef FERMATA_FUNCTIONS_TEST_READER_H
#define FERMATA_FUNCTIONS_TEST_READER_H

#include "functions/test_counts.h"

#define TEST_LINE_BYTES_MAX 4096
#define TEST_CAPTURES_MAX 4
#define TEST_JUNIT_DEPTH_MAX 64

enum test_runner {
    RUNNER_TAP,
    RUNNER_NODE,
    RUNNER_PROVE,
    RUNNER_PYTEST,
    RUNNER_UNITTEST,
    RUNNER_GO,
    RUNNER_GOTESTSUM,
    RUNNER_CARGO,
    RUNNER_NEXTEST,
    RUNNER_JEST,
    RUNNER_VITEST,
    RUNNER_MOCHA,
    RUNNER_PLAYWRIGHT,
    RUNNER_BUN,
    RUNNER_DENO,
    RUNNER_MAVEN,
    RUNNER_MAVEN_CLASSES, /* lines for each class; they count where the total is missing */
    RUNNER_GRADLE,
    RUNNER_GRADLE_TESTS, /* lines for each test; they count where the total is missing */
    RUNNER_JUNIT_CONSOLE,
    RUNNER_CTEST,
    RUNNER_MESON,
    RUNNER_AUTOMAKE,
    RUNNER_RSPEC,
    RUNNER_MINITEST,
    RUNNER_PHPUNIT,
    RUNNER_CMOCKA,
    RUNNER_GOOGLETEST,
    RUNNER_CATCH2,
    RUNNER_BATS,
    RUNNER_DOTNET,
    RUNNER_PLAIN, /* "N passed, N failed" of any script; may be the total of all others */
};
#define TEST_RUNNERS 32

struct test_tally {
    bool is_seen;
    int64_t passed, failed, skipped;
    int64_t absent; /* of `failed`: planned, but never ran */
};

/* "5 passed, 1 failed" or "Passed: 5, Failed: 1"; -1: not mentioned. */
struct test_list {
    int64_t passed, failed, skipped, total;
    const char *total_word; /* how the total was called: "examples", "tests", ... */
    bool has_assertions;
};

struct tap_reader {
    struct test_tally tally;
    bool is_tap;          /* a version or a plan was seen: lines without a number count too */
    int64_t stream_seen;  /* test lines of the stream at hand */
    int64_t stream_plan;  /* -1: none yet */
    int64_t missing;      /* planned, but never seen */
    int64_t earlier_seen; /* of an ended stream whose plan has not been seen; -1: none */
};

struct coverage_reader {
    double total; /* lowest of the totals; negative: none */
    double part;  /* lowest of the parts, such as Go packages; negative: none */
};

struct test_reader {
    struct test_tally tallies[TEST_RUNNERS];
    struct tap_reader tap;
    struct coverage_reader coverage;
    enum test_runner last; /* the runner of the line before, for lines that many share */
    bool has_last;
    int64_t unittest_ran;       /* waiting for the line that says how it ended; -1: none */
    bool is_in_ctest_skipped;   /* inside ctest's list of tests that did not run */
    int64_t go_packages;        /* "ok" lines of packages that have tests */
    int64_t go_packages_failed; /* "FAIL" lines of packages */
    struct test_tally plain_last;
    int64_t plain_count;
    bool is_cut;
};

/* test_line.c. A pattern is matched from the start of the line. In it ' ' stands for one or more
 * blanks, '~' for any number of blanks, '@' for a number that is captured, '*' for any text, '$'
 * for the end of the line; all else stands for itself. Returns what follows the match, or NULL. */
const char *test_line_match(const char *line, const char *pattern,
                            int64_t ret_numbers[TEST_CAPTURES_MAX]);
/* Both return what follows the list, or NULL when there is none with at least one known word. */
const char *test_line_read_list(const char *text, struct test_list *ret_list);
const char *test_line_read_pairs(const char *text, struct test_list *ret_list);
/* A decimal number such as 85.71 at the start; NULL when there is none or beyond 10 digits. */
const char *test_line_read_decimal(const char *text, double *ret_number);
const char *test_line_skip_blanks(const char *text);

/* Each returns true when the line was one of its own. */
bool tap_read_line(struct tap_reader *tap, const char *line);
void tap_finish(struct tap_reader *tap, bool is_cut);
bool runner_read_line(struct test_reader *reader, const char *line);
void runner_finish(struct test_reader *reader);
bool go_read_line(struct test_reader *reader, const char *line);
void go_finish(struct test_reader *reader);
bool coverage_read_line(struct coverage_reader *coverage, const char *line);

/* The runner of the line at hand; gives its numbers. */
struct test_tally *runner_see(struct test_reader *reader, enum test_runner runner);
const char *runner_name(enum test_runner runner);

#endif
