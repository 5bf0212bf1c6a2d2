/* SPDX-License-Identifier: MIT */
#include "functions/test_counts.h"

#include "base/alloc.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NONE (-1)

struct sample {
    const char *file; /* in tests/support/test-output */
    const char *runner;
    int64_t executed, passed, failed, skipped;
    bool is_partial;
    double coverage;
};

/* clang-format off */
static const struct sample samples[] = {
    /* file                          runner           executed passed failed skipped partial coverage */
    {"pytest.txt",                   "pytest",              12,    11,     1,     2, false, NONE},
    {"pytest-quiet.txt",             "pytest",               7,     7,     0,     0, false, NONE},
    {"pytest-none.txt",              "pytest",               0,     0,     0,     0, false, NONE},
    {"pytest-skipped-only.txt",      "pytest",               0,     0,     0,     2, false, NONE},
    {"pytest-collection-error.txt",  "pytest",               1,     0,     1,     0, false, NONE},
    {"pytest-coverage.txt",          "pytest",               9,     9,     0,     0, false, 82},
    {"pytest-colour.txt",            "pytest",               2,     2,     0,     1, false, NONE},
    {"unittest.txt",                 "unittest",             5,     3,     2,     3, false, NONE},
    {"unittest-ok.txt",              "unittest",             4,     4,     0,     0, false, NONE},
    {"unittest-none.txt",            "unittest",             0,     0,     0,     0, false, NONE},
    {"unittest-cut.txt",             "unittest",             0,     0,     0,     0, true,  NONE},
    {"unittest-skipped-only.txt",    "unittest",             0,     0,     0,     2, false, NONE},
    {"go-verbose.txt",               "go test",              3,     2,     1,     1, false, 64},
    {"go-quiet.txt",                 "",                  NONE,  NONE,  NONE,  NONE, false, NONE},
    {"go-none.txt",                  "go test",              0,     0,     0,     0, false, NONE},
    {"go-build-failed.txt",          "go test",              0,     0,     1,     0, false, NONE},
    {"go-json.txt",                  "go test",              2,     1,     1,     1, false, NONE},
    {"go-cover-func.txt",            "",                  NONE,  NONE,  NONE,  NONE, false, 83.3},
    {"cargo.txt",                    "cargo test",           5,     4,     1,     1, false, NONE},
    {"cargo-none.txt",               "cargo test",           0,     0,     0,     0, false, NONE},
    {"nextest.txt",                  "cargo nextest",       10,     9,     1,     2, false, NONE},
    {"nextest-none.txt",             "cargo nextest",        0,     0,     0,     4, false, NONE},
    {"jest.txt",                     "jest",                13,    12,     1,     2, false, 87.5},
    {"jest-none.txt",                "jest",                 0,     0,     0,     0, false, NONE},
    {"jest-text-summary.txt",        "jest",                 6,     6,     0,     0, false, 91.02},
    {"vitest.txt",                   "vitest",               6,     5,     1,     1, false, NONE},
    {"vitest-none.txt",              "vitest",               0,     0,     0,     0, false, NONE},
    {"mocha.txt",                    "mocha",                3,     2,     1,     1, false, NONE},
    {"mocha-none.txt",               "mocha",                0,     0,     0,     0, false, NONE},
    {"playwright.txt",               "playwright",           7,     6,     1,     1, false, NONE},
    {"node-spec.txt",                "node test runner",     4,     3,     1,     2, false, 88},
    {"node-tap.txt",                 "node test runner",     3,     2,     1,     0, false, NONE},
    {"bun.txt",                      "bun test",             5,     4,     1,     1, false, NONE},
    {"deno.txt",                     "deno test",            3,     2,     1,     1, false, NONE},
    {"maven.txt",                    "maven",                8,     7,     1,     1, false, NONE},
    {"maven-classes.txt",            "maven",                3,     3,     0,     0, true,  NONE},
    {"maven-none.txt",               "maven",                0,     0,     0,     0, false, NONE},
    {"gradle-failed.txt",            "gradle",               4,     3,     1,     2, false, NONE},
    {"gradle-events.txt",            "gradle",               2,     2,     0,     1, false, NONE},
    {"gradle-none.txt",              "gradle",               0,     0,     0,     0, false, NONE},
    {"gradle-logger.txt",            "gradle",              10,    10,     0,     2, false, NONE},
    {"ctest.txt",                    "ctest",                4,     3,     1,     2, false, NONE},
    {"ctest-none.txt",               "ctest",                0,     0,     0,     0, false, NONE},
    {"meson.txt",                    "meson",                3,     2,     1,     1, false, NONE},
    {"automake.txt",                 "automake",             7,     6,     1,     2, false, NONE},
    {"prove.txt",                    "prove",                8,     7,     1,     1, false, NONE},
    {"prove-verbose.txt",            "prove",                2,     2,     0,     1, false, NONE},
    {"prove-none.txt",               "prove",                0,     0,     0,     0, false, NONE},
    {"rspec.txt",                    "rspec",                3,     2,     1,     1, false, NONE},
    {"rspec-none.txt",               "rspec",                0,     0,     0,     0, false, NONE},
    {"minitest.txt",                 "minitest",             3,     3,     0,     1, false, 93.33},
    {"phpunit-ok.txt",               "phpunit",              5,     5,     0,     0, false, NONE},
    {"phpunit-failed.txt",           "phpunit",              4,     2,     2,     2, false, NONE},
    {"phpunit-none.txt",             "phpunit",              0,     0,     0,     0, false, NONE},
    {"junit-console.txt",            "junit",                4,     4,     0,     0, false, NONE},
    {"cmocka.txt",                   "cmocka",               4,     3,     1,     1, false, NONE},
    {"googletest.txt",               "googletest",           3,     2,     1,     1, false, NONE},
    {"googletest-none.txt",          "googletest",           0,     0,     0,     0, false, NONE},
    {"catch2.txt",                   "catch2",               8,     7,     1,     1, false, NONE},
    {"catch2-none.txt",              "catch2",               0,     0,     0,     0, false, NONE},
    {"doctest.txt",                  "catch2",               3,     2,     1,     4, false, NONE},
    {"bats.txt",                     "bats",                 2,     1,     1,     1, false, NONE},
    {"bats-tap.txt",                 "tap",                  2,     1,     1,     1, false, NONE},
    {"bats-none.txt",                "bats",                 0,     0,     0,     0, false, NONE},
    {"dotnet.txt",                   "dotnet test",         10,     8,     2,     1, false, NONE},
    {"dotnet-old.txt",               "dotnet test",          7,     5,     2,     1, false, NONE},
    {"dotnet-new.txt",               "dotnet test",          6,     5,     1,     1, false, NONE},
    {"plain.txt",                    "summary line",         8,     7,     1,     0, false, NONE},
    {"plain-total-of-all.txt",       "tap+cmocka",           5,     5,     0,     0, false, NONE},
    {"plain-lines.txt",              "summary line",        12,    12,     0,     3, false, NONE},
    {"gotestsum.txt",                "gotestsum",           10,     9,     1,     2, false, NONE},
    {"several.txt",                  "pytest+cargo test+jest", 11,  11,     0,     0, false, NONE},
    {"tap-plan-first.txt",           "tap",                  2,     2,     0,     2, false, NONE},
    {"tap-plan-last.txt",            "tap",                  3,     2,     1,     0, false, NONE},
    {"tap-no-plan.txt",              "tap",                  3,     2,     1,     0, false, NONE},
    {"tap-skip-all.txt",             "tap",                  0,     0,     0,     0, false, NONE},
    {"tap-missing.txt",              "tap",                  3,     3,     2,     0, false, NONE},
    {"tap-missing-plan-last.txt",    "tap",                  2,     2,     2,     0, false, NONE},
    {"tap-nested.txt",               "tap",                  2,     1,     1,     0, false, NONE},
    {"tap-streams.txt",              "tap",                  8,     7,     1,     0, false, NONE},
    {"tap-bail-out.txt",             "tap",                  1,     1,     3,     0, false, NONE},
    {"tap-cut.txt",                  "tap",                  4,     4,     0,     0, true,  NONE},
    {"tap-unnumbered.txt",           "tap",                  3,     2,     1,     0, false, NONE},
    {"crlf.txt",                     "tap+pytest",           7,     7,     0,     0, false, NONE},
    {"progress.txt",                 "summary line",         4,     3,     1,     0, false, NONE},
    {"prose.txt",                    "",                  NONE,  NONE,  NONE,  NONE, false, NONE},
    {"lcov.txt",                     "",                  NONE,  NONE,  NONE,  NONE, false, 85.7},
    {"gcovr.txt",                    "",                  NONE,  NONE,  NONE,  NONE, false, 75},
    {"gcovr-summary.txt",            "",                  NONE,  NONE,  NONE,  NONE, false, 85.3},
    {"llvm-cov.txt",                 "",                  NONE,  NONE,  NONE,  NONE, false, 90},
    {"tarpaulin.txt",                "",                  NONE,  NONE,  NONE,  NONE, false, 85.71},
    {"junit.xml.txt",                "junit",                5,     3,     2,     2, false, NONE},
};
/* clang-format on */

static struct test_counts read_text(const char *text)
{
    struct test_counts counts;

    test_counts_read(text, strlen(text), &counts);
    return counts;
}

static void read_sample(const char *file, char **ret_text, size_t *ret_length)
{
    struct error err = ERROR_INIT;
    const char *slash = strrchr(__FILE__, '/');
    char *path = mem_printf("%.*s/../../support/test-output/%s", (int)(slash - __FILE__), __FILE__,
                            file);

    if (file_read(path, 1 << 20, ret_text, ret_length, &err) < 0) {
        fail_msg("%s", err.text);
    }
    free(path);
}

static bool is_near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void every_sample_gives_its_numbers(void **state)
{
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *want = &samples[i];
        struct test_counts got;
        size_t length;
        char *text;

        read_sample(want->file, &text, &length);
        test_counts_read(text, length, &got);
        if (got.executed != want->executed || got.passed != want->passed ||
            got.failed != want->failed || got.skipped != want->skipped ||
            got.is_partial != want->is_partial || !is_near(got.coverage, want->coverage) ||
            strcmp(got.runner, want->runner) != 0) {
            print_error("%s: executed %d passed %d failed %d skipped %d partial %d coverage %g "
                        "runner \"%s\"\n",
                        want->file, (int)got.executed, (int)got.passed, (int)got.failed,
                        (int)got.skipped, got.is_partial, got.coverage, got.runner);
            wrong++;
        }
        free(text);
    }
    assert_int_equal(wrong, 0);
}

static void an_output_cut_anywhere_gives_consistent_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct test_counts got;
        size_t length;
        char *text;

        read_sample(samples[i].file, &text, &length);
        for (size_t cut = 0; cut < length; cut++) {
            test_counts_read(text, cut, &got);
            assert_true(got.executed >= -1);
            assert_true(got.executed < 0 || got.executed <= got.passed + got.failed);
            assert_true(got.coverage <= 100);
        }
        free(text);
    }
}

static void empty_output_has_no_numbers(void **state)
{
    struct test_counts counts;

    (void)state;
    test_counts_read("", 0, &counts);
    assert_int_equal(counts.executed, -1);
    assert_true(counts.coverage < 0);
    assert_string_equal(counts.runner, "");
    assert_false(counts.is_partial);
}

static void nul_bytes_do_not_hide_the_summary(void **state)
{
    static const char text[] = "noise\0more\n3 passed, 0 failed\n";
    struct test_counts counts;

    (void)state;
    test_counts_read(text, sizeof(text) - 1, &counts);
    assert_int_equal(counts.executed, 3);
}

static void escapes_inside_a_number_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(read_text("\x1b]0;title\x07\x1b[1m1\x1b[0m2 passed, 0 failed\n").executed, 12);
    assert_int_equal(read_text("\x1b]8;;http://x\x1b\\4 passed, 0 failed\x1b[K\n").executed, 4);
    assert_int_equal(read_text("\x1b(B4 passed, 0 failed\x1b[\n").executed, 4);
}

static void a_line_of_megabytes_is_harmless(void **state)
{
    size_t length = 3U << 20;
    char *text = mem_alloc(length);
    struct test_counts counts;

    (void)state;
    memset(text, '.', length);
    memcpy(text + length - 24, "\n2 passed, 0 failed\n", 20);
    test_counts_read(text, length, &counts);
    assert_int_equal(counts.executed, 2);
    free(text);
}

static void numbers_too_long_to_be_counts_are_no_counts(void **state)
{
    (void)state;
    assert_int_equal(read_text("99999999999999999999 passed, 0 failed\n").executed, -1);
    assert_int_equal(read_text("1..99999999999999999999\n").executed, -1);
    assert_true(read_text("TOTAL 1 2 400%\n").coverage < 0);
}

static void the_total_of_a_script_wins_over_its_parts(void **state)
{
    (void)state;
    assert_int_equal(read_text("3 tests, 0 failures\nOK (2 tests)\n6 passed, 0 failed\n").executed,
                     6);
    /* A small one is one more suite. */
    assert_int_equal(read_text("30 tests, 0 failures\n2 passed, 0 failed\n").executed, 32);
}

static void failures_hidden_by_a_total_stay(void **state)
{
    (void)state;
    assert_int_equal(read_text("3 tests, 2 failures\n6 passed, 0 failed\n").failed, 2);
}

static void the_lowest_of_several_coverages_counts(void **state)
{
    (void)state;
    assert_true(is_near(read_text("TOTAL 10 1 90%\nLines : 70.5% ( 7/10 )\n").coverage, 70.5));
    assert_true(is_near(
        read_text("total:\t(statements)\t83.3%\ncoverage: 10.0% of statements\n").coverage, 83.3));
}

static void xml_in_the_output_is_read_once(void **state)
{
    struct test_counts counts = read_text("<testsuites><testsuite><testcase/><testcase/>"
                                          "</testsuite></testsuites>\n2 passed, 0 failed\n");

    (void)state;
    assert_int_equal(counts.executed, 2);
}

static const char *missing(const char *output)
{
    return test_find_missing_tool(output, strlen(output));
}

static void what_wrappers_say_of_missing_tools_is_known(void **state)
{
    (void)state;
    assert_non_null(missing("eslint: not found\nmake: *** [Makefile:3: lint] Error 127\n"));
    assert_non_null(missing("/usr/bin/python3: No module named pytest\n"));
    assert_non_null(missing("error: no such command: `nextest`\n"));
    assert_null(missing("ModuleNotFoundError: No module named 'shop'\n"));
    assert_null(missing("make: *** [Makefile:3: test] Error 1\n"));
    assert_null(missing(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_wrappers_say_of_missing_tools_is_known),
        cmocka_unit_test(every_sample_gives_its_numbers),
        cmocka_unit_test(an_output_cut_anywhere_gives_consistent_numbers),
        cmocka_unit_test(empty_output_has_no_numbers),
        cmocka_unit_test(nul_bytes_do_not_hide_the_summary),
        cmocka_unit_test(escapes_inside_a_number_are_ignored),
        cmocka_unit_test(a_line_of_megabytes_is_harmless),
        cmocka_unit_test(numbers_too_long_to_be_counts_are_no_counts),
        cmocka_unit_test(the_total_of_a_script_wins_over_its_parts),
        cmocka_unit_test(failures_hidden_by_a_total_stay),
        cmocka_unit_test(the_lowest_of_several_coverages_counts),
        cmocka_unit_test(xml_in_the_output_is_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
