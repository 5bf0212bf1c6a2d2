/* SPDX-License-Identifier: MIT */
/* The closing lines of the test runners, as one table, and the few that need more than a row. */
#include "functions/test_reader.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

/* How the numbers of a row are read. A letter for each capture: p passed, f failed, s skipped,
 * t total, F and S failed and skipped ones that were counted as passed before, '-' nothing.
 * "L": what follows is a list "5 passed, 1 failed"; "K": pairs "Passed: 5, Failed: 1"; "W": the
 * whole line is pairs; "": the line alone shows that the runner was there, with nothing to run so
 * far. */
struct runner_row {
    enum test_runner runner;
    const char *pattern;
    const char *captures;
};

/* Where two patterns match, the first row counts. */
static const struct runner_row rows[] = {
    {RUNNER_CARGO, "test result: *. ", "L"},
    {RUNNER_NEXTEST, "~Summary [*] @ tests run: ", "L"},
    {RUNNER_NEXTEST, "~Summary [*] @ test run: ", "L"},
    {RUNNER_NEXTEST, "~Summary [*] @/@ tests run: ", "L"},
    {RUNNER_NEXTEST, "error: no tests to run", ""},
    {RUNNER_GOTESTSUM, "DONE ", "L"},
    {RUNNER_JEST, "Tests: ", "L"},
    {RUNNER_JEST, "No tests found", ""},
    {RUNNER_JEST, "Test Suites: ", ""},
    {RUNNER_JEST, "Snapshots: ", ""},
    {RUNNER_PHPUNIT, "Tests: @, Assertions: ", "W"},
    {RUNNER_PHPUNIT, "OK (@ test*, @ assertion", "t-"},
    {RUNNER_PHPUNIT, "No tests executed!", ""},
    {RUNNER_JUNIT_CONSOLE, "OK (@ test", "t"},
    {RUNNER_VITEST, "~Tests ", "L"},
    {RUNNER_VITEST, "~Test Files @ ", "-"},
    {RUNNER_VITEST, "~No test files found", ""},
    {RUNNER_MOCHA, "~@ passing$", "p"},
    {RUNNER_MOCHA, "~@ passing (*)$", "p"},
    {RUNNER_MOCHA, "~@ failing$", "f"},
    {RUNNER_MOCHA, "~@ pending$", "s"},
    {RUNNER_MOCHA, "Error: No test files found", ""},
    {RUNNER_PLAYWRIGHT, "~@ passed (*)$", "p"},
    {RUNNER_PLAYWRIGHT, "~@ failed$", "f"},
    {RUNNER_PLAYWRIGHT, "~@ flaky$", "p"},
    {RUNNER_PLAYWRIGHT, "~@ skipped$", "s"},
    {RUNNER_PLAYWRIGHT, "~@ did not run$", "s"},
    {RUNNER_BUN, "~@ pass$", "p"},
    {RUNNER_BUN, "~@ fail$", "f"},
    {RUNNER_BUN, "~@ skip$", "s"},
    {RUNNER_BUN, "~@ todo$", "s"},
    {RUNNER_DENO, "ok | ", "L"},
    {RUNNER_DENO, "FAILED | ", "L"},
    {RUNNER_NODE, "# tests @$", "-"},
    {RUNNER_NODE, "# pass @$", "p"},
    {RUNNER_NODE, "# fail @$", "f"},
    {RUNNER_NODE, "# cancelled @$", "f"},
    {RUNNER_NODE, "# skipped @$", "s"},
    {RUNNER_NODE, "# todo @$", "s"},
    {RUNNER_NODE, "\xe2\x84\xb9 tests @$", "-"},
    {RUNNER_NODE, "\xe2\x84\xb9 pass @$", "p"},
    {RUNNER_NODE, "\xe2\x84\xb9 fail @$", "f"},
    {RUNNER_NODE, "\xe2\x84\xb9 cancelled @$", "f"},
    {RUNNER_NODE, "\xe2\x84\xb9 skipped @$", "s"},
    {RUNNER_NODE, "\xe2\x84\xb9 todo @$", "s"},
    {RUNNER_GRADLE, "@ tests completed, @ failed, @ skipped", "tfs"},
    {RUNNER_GRADLE, "@ test* completed, @ failed", "tf"},
    {RUNNER_GRADLE, "@ test* completed, @ skipped", "ts"},
    {RUNNER_GRADLE, "@ test* completed$", "t"},
    {RUNNER_GRADLE, "SUCCESS: Executed @ test* (@ skipped)", "ts"},
    {RUNNER_GRADLE, "SUCCESS: Executed @ test", "t"},
    {RUNNER_GRADLE, "FAILURE: Executed @ test* (@ failed, @ skipped)", "tfs"},
    {RUNNER_GRADLE, "FAILURE: Executed @ test* (@ failed)", "tf"},
    {RUNNER_GRADLE, "Results: SUCCESS (", "L"},
    {RUNNER_GRADLE, "Results: FAILURE (", "L"},
    {RUNNER_GRADLE_TESTS, "> Task *:test NO-SOURCE", ""},
    {RUNNER_CTEST, "@% tests passed, @ test* failed out of @", "-ft"},
    {RUNNER_CTEST, "No tests were found!!!", ""},
    {RUNNER_PROVE, "Files=@, Tests=@,", "-t"},
    {RUNNER_PROVE, "Failed @/@ subtests$", "F-"},
    {RUNNER_PROVE, "~(less @ skipped subtest", "S"},
    {RUNNER_PROVE, "Result: NOTESTS", ""},
    {RUNNER_AUTOMAKE, "# TOTAL: @$", "-"},
    {RUNNER_AUTOMAKE, "# PASS: @$", "p"},
    {RUNNER_AUTOMAKE, "# SKIP: @$", "s"},
    {RUNNER_AUTOMAKE, "# XFAIL: @$", "s"},
    {RUNNER_AUTOMAKE, "# FAIL: @$", "f"},
    {RUNNER_AUTOMAKE, "# XPASS: @$", "f"},
    {RUNNER_AUTOMAKE, "# ERROR: @$", "f"},
    {RUNNER_MESON, "Ok: @$", "p"},
    {RUNNER_MESON, "Expected Fail: @$", "s"},
    {RUNNER_MESON, "Fail: @$", "f"},
    {RUNNER_MESON, "Unexpected Pass: @$", "f"},
    {RUNNER_MESON, "Timeout: @$", "f"},
    {RUNNER_MESON, "No tests defined.", ""},
    {RUNNER_RSPEC, "No examples found.", ""},
    {RUNNER_CMOCKA, "[==========] @ test(s) run.", "-"},
    {RUNNER_CMOCKA, "[==========] *: @ test(s) run.", "-"},
    {RUNNER_CMOCKA, "[ PASSED ] @ test(s)", "p"},
    {RUNNER_CMOCKA, "[ SKIPPED ] @ test(s)", "s"},
    {RUNNER_CMOCKA, "[ FAILED ] @ test(s)", "f"},
    {RUNNER_GOOGLETEST, "[ PASSED ] @ test", "p"},
    {RUNNER_GOOGLETEST, "[ SKIPPED ] @ test", "s"},
    {RUNNER_GOOGLETEST, "[ FAILED ] @ test", "f"},
    {RUNNER_CATCH2, "All tests passed (@ assertion* in @ test case", "-p"},
    {RUNNER_CATCH2, "test cases: @ |", "L"},
    {RUNNER_CATCH2, "[doctest] test cases: @ |", "L"},
    {RUNNER_CATCH2, "No tests ran", ""},
    {RUNNER_DOTNET, "Passed! - ", "K"},
    {RUNNER_DOTNET, "Failed! - ", "K"},
    {RUNNER_DOTNET, "Skipped! - ", "K"},
    {RUNNER_DOTNET, "Test summary: ", "K"},
    {RUNNER_DOTNET, "Total tests: @$", "-"},
    {RUNNER_DOTNET, "No test is available in", ""},
    {RUNNER_PYTEST, "no tests ran", ""},
    {RUNNER_UNITTEST, "NO TESTS RAN", ""},
    {RUNNER_PLAIN, "~@ tests passed$", "p"},
    {RUNNER_PLAIN, "~All @ tests passed", "p"},
    {RUNNER_PLAIN, "~@/@ tests passed", "pt"},
    {RUNNER_PLAIN, "~@ of @ tests passed", "pt"},
};

static const char *const runner_names[] = {
    [RUNNER_TAP] = "tap",
    [RUNNER_NODE] = "node test runner",
    [RUNNER_PROVE] = "prove",
    [RUNNER_PYTEST] = "pytest",
    [RUNNER_UNITTEST] = "unittest",
    [RUNNER_GO] = "go test",
    [RUNNER_GOTESTSUM] = "gotestsum",
    [RUNNER_CARGO] = "cargo test",
    [RUNNER_NEXTEST] = "cargo nextest",
    [RUNNER_JEST] = "jest",
    [RUNNER_VITEST] = "vitest",
    [RUNNER_MOCHA] = "mocha",
    [RUNNER_PLAYWRIGHT] = "playwright",
    [RUNNER_BUN] = "bun test",
    [RUNNER_DENO] = "deno test",
    [RUNNER_MAVEN] = "maven",
    [RUNNER_MAVEN_CLASSES] = "maven",
    [RUNNER_GRADLE] = "gradle",
    [RUNNER_GRADLE_TESTS] = "gradle",
    [RUNNER_JUNIT_CONSOLE] = "junit",
    [RUNNER_CTEST] = "ctest",
    [RUNNER_MESON] = "meson",
    [RUNNER_AUTOMAKE] = "automake",
    [RUNNER_RSPEC] = "rspec",
    [RUNNER_MINITEST] = "minitest",
    [RUNNER_PHPUNIT] = "phpunit",
    [RUNNER_CMOCKA] = "cmocka",
    [RUNNER_GOOGLETEST] = "googletest",
    [RUNNER_CATCH2] = "catch2",
    [RUNNER_BATS] = "bats",
    [RUNNER_DOTNET] = "dotnet test",
    [RUNNER_PLAIN] = "summary line",
};
static_assert(ARRAY_LEN(runner_names) == TEST_RUNNERS, "one name for each runner");

const char *runner_name(enum test_runner runner)
{
    return runner_names[runner];
}

static int64_t at_least_zero(int64_t number)
{
    return number < 0 ? 0 : number;
}

struct test_tally *runner_see(struct test_reader *reader, enum test_runner runner)
{
    reader->tallies[runner].is_seen = true;
    reader->last = runner;
    reader->has_last = true;
    return &reader->tallies[runner];
}

static void add_list(struct test_tally *tally, const struct test_list *list)
{
    int64_t failed = at_least_zero(list->failed);
    int64_t skipped = at_least_zero(list->skipped);

    if (list->passed >= 0) {
        tally->passed += list->passed;
    } else if (list->total >= 0) {
        tally->passed += at_least_zero(list->total - failed - skipped);
    }
    tally->failed += failed;
    tally->skipped += skipped;
}

static void add_captures(struct test_tally *tally, const char *captures, const int64_t *numbers)
{
    struct test_list list = {.passed = -1, .failed = -1, .skipped = -1, .total = -1};

    for (size_t i = 0; captures[i] != '\0'; i++) {
        switch (captures[i]) {
        case 'p':
            list.passed = numbers[i];
            break;
        case 'f':
            list.failed = numbers[i];
            break;
        case 's':
            list.skipped = numbers[i];
            break;
        case 't':
            list.total = numbers[i];
            break;
        case 'F':
            tally->passed -= numbers[i];
            tally->failed += numbers[i];
            break;
        case 'S':
            tally->passed -= numbers[i];
            tally->skipped += numbers[i];
            break;
        default:
            break;
        }
    }
    if (list.passed >= 0 && list.total > list.passed && list.failed < 0 && list.skipped < 0) {
        list.failed = list.total - list.passed;
    }
    add_list(tally, &list);
}

static bool read_rows(struct test_reader *reader, const char *line)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    struct test_list list;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct runner_row *row = &rows[i];
        const char *rest;

        if (row->pattern[0] != '~' && row->pattern[0] != '@' && row->pattern[0] != line[0]) {
            continue;
        }
        rest = test_line_match(line, row->pattern, numbers);
        if (rest == NULL) {
            continue;
        }
        switch (row->captures[0]) {
        case 'L':
            rest = test_line_read_list(rest, &list);
            break;
        case 'K':
            rest = test_line_read_pairs(rest, &list);
            break;
        case 'W':
            rest = test_line_read_pairs(line, &list);
            break;
        default:
            add_captures(runner_see(reader, row->runner), row->captures, numbers);
            return true;
        }
        if (rest != NULL) {
            add_list(runner_see(reader, row->runner), &list);
            return true;
        }
    }
    return false;
}

/* "===== 5 passed, 1 skipped in 0.12s =====", without the frame with -q. */
static bool read_pytest(struct test_reader *reader, const char *line)
{
    struct test_list list;
    int64_t numbers[TEST_CAPTURES_MAX];
    const char *rest;
    double seconds;

    line += strspn(line, "= ");
    if (test_line_match(line, "no tests ran in ", numbers) != NULL) {
        (void)runner_see(reader, RUNNER_PYTEST);
        return true;
    }
    if (test_line_match(line, "@ deselected in ", numbers) != NULL ||
        test_line_match(line, "@ warning* in ", numbers) != NULL) {
        (void)runner_see(reader, RUNNER_PYTEST);
        return true;
    }
    rest = test_line_read_list(line, &list);
    if (rest == NULL) {
        return false;
    }
    rest = test_line_match(rest, "in ", numbers);
    if (rest == NULL || list.total >= 0) {
        return false;
    }
    rest = test_line_read_decimal(rest, &seconds);
    if (rest == NULL || *rest != 's') {
        return false;
    }
    add_list(runner_see(reader, RUNNER_PYTEST), &list);
    return true;
}

static void unittest_drop(struct test_reader *reader)
{
    if (reader->unittest_ran > 0) {
        reader->is_cut = true;
    }
    reader->unittest_ran = -1;
}

/* "Ran 5 tests in 0.001s", an empty line, then "OK (skipped=1)" or "FAILED (failures=1, errors=1)".
 */
static bool read_unittest(struct test_reader *reader, const char *line)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    struct test_list list;
    const char *pairs;

    if (test_line_match(line, "Ran @ test* in ", numbers) != NULL) {
        unittest_drop(reader);
        (void)runner_see(reader, RUNNER_UNITTEST);
        reader->unittest_ran = numbers[0];
        return true;
    }
    if (reader->unittest_ran < 0 || *test_line_skip_blanks(line) == '\0') {
        return false;
    }
    if (strncmp(line, "OK", 2) != 0 && strncmp(line, "FAILED", 6) != 0) {
        unittest_drop(reader);
        return false;
    }
    pairs = strchr(line, '(');
    if (pairs == NULL || test_line_read_pairs(pairs + 1, &list) == NULL) {
        list = (struct test_list){.passed = -1, .failed = -1, .skipped = -1};
    }
    list.total = reader->unittest_ran;
    list.passed = -1;
    add_list(runner_see(reader, RUNNER_UNITTEST), &list);
    reader->unittest_ran = -1;
    return true;
}

/* "[INFO] Tests run: 10, Failures: 0, Errors: 0, Skipped: 1" */
static bool read_maven(struct test_reader *reader, const char *line)
{
    static const char *const levels[] = {"[INFO] ", "[WARNING] ", "[ERROR] "};
    enum test_runner runner = RUNNER_MAVEN;
    struct test_list list;

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strncmp(line, levels[i], strlen(levels[i])) == 0) {
            line += strlen(levels[i]);
            break;
        }
    }
    if (strncmp(line, "No tests to run.", 16) == 0) {
        (void)runner_see(reader, RUNNER_MAVEN);
        return true;
    }
    if (strncmp(line, "Tests run: ", 11) != 0 || test_line_read_pairs(line, &list) == NULL) {
        return false;
    }
    if (strstr(line, "Time elapsed") != NULL) {
        runner = RUNNER_MAVEN_CLASSES;
    }
    add_list(runner_see(reader, runner), &list);
    return true;
}

/* "com.example.FooTest > does a thing PASSED" */
static bool read_gradle_test(struct test_reader *reader, const char *line)
{
    size_t length = strlen(line);

    if (length < 8 || strstr(line, " > ") == NULL || line[0] == '>') {
        return false;
    }
    if (strcmp(line + length - 7, " PASSED") == 0) {
        runner_see(reader, RUNNER_GRADLE_TESTS)->passed++;
    } else if (strcmp(line + length - 7, " FAILED") == 0) {
        runner_see(reader, RUNNER_GRADLE_TESTS)->failed++;
    } else if (length > 8 && strcmp(line + length - 8, " SKIPPED") == 0) {
        runner_see(reader, RUNNER_GRADLE_TESTS)->skipped++;
    } else {
        return false;
    }
    return true;
}

/* ctest counts skipped tests as passed and lists them behind its summary. */
static bool read_ctest_skipped(struct test_reader *reader, const char *line)
{
    struct test_tally *tally = &reader->tallies[RUNNER_CTEST];
    int64_t numbers[TEST_CAPTURES_MAX];

    if (strncmp(line, "The following tests did not run:", 32) == 0) {
        reader->is_in_ctest_skipped = true;
        return true;
    }
    if (!reader->is_in_ctest_skipped) {
        return false;
    }
    if (test_line_match(line, "~@ - ", numbers) == NULL) {
        reader->is_in_ctest_skipped = false;
        return false;
    }
    if (strstr(line, "(Skipped)") != NULL) {
        tally->passed--;
        tally->skipped++;
    } else if (strstr(line, "(Disabled)") != NULL) {
        tally->skipped++;
    }
    return true;
}

/* "Passed: 5", "Failed: 1", "Skipped: 0", each on a line of its own, of whoever spoke last. */
static bool read_shared(struct test_reader *reader, const char *line)
{
    enum test_runner runner = reader->has_last ? reader->last : RUNNER_PLAIN;
    int64_t numbers[TEST_CAPTURES_MAX];

    if (test_line_match(line, "~Passed: @$", numbers) != NULL) {
        runner_see(reader, runner == RUNNER_DOTNET ? RUNNER_DOTNET : RUNNER_PLAIN)
            ->passed += numbers[0];
    } else if (test_line_match(line, "~Failed: @$", numbers) != NULL) {
        runner_see(reader, runner == RUNNER_DOTNET ? RUNNER_DOTNET : RUNNER_PLAIN)
            ->failed += numbers[0];
    } else if (test_line_match(line, "~Skipped: @$", numbers) != NULL) {
        runner_see(reader, runner)->skipped += numbers[0];
    } else {
        return false;
    }
    return true;
}

/* Steps over "=== Results: "; a label holds letters and blanks only, so that prose does not count.
 */
static const char *skip_label(const char *line)
{
    const char *text = line + strspn(line, "=-*#> \t");
    const char *end = text;

    while ((*end >= 'a' && *end <= 'z') || (*end >= 'A' && *end <= 'Z') || *end == ' ') {
        end++;
    }
    return *end == ':' && end - text <= 40 ? end + 1 : text;
}

/* A line that is nothing but a list: RSpec, minitest, bats, and the scripts of this world. */
static bool read_plain_list(struct test_reader *reader, const char *line)
{
    enum test_runner runner = RUNNER_PLAIN;
    struct test_list list;
    const char *rest = test_line_read_list(skip_label(line), &list);

    if (rest == NULL) {
        return false;
    }
    rest += strspn(rest, " \t.=-!");
    if (*rest != '\0' && strncmp(rest, "in ", 3) != 0) {
        return false;
    }
    if (list.total >= 0 && list.failed >= 0 && list.passed < 0) {
        if (strncmp(list.total_word, "example", 7) == 0) {
            runner = RUNNER_RSPEC;
        } else if (list.has_assertions) {
            runner = RUNNER_MINITEST;
        } else {
            runner = RUNNER_BATS;
        }
    } else if (list.passed < 0 || (list.failed < 0 && list.skipped < 0 && list.total < 0)) {
        return false;
    }
    add_list(runner_see(reader, runner), &list);
    if (runner == RUNNER_PLAIN) {
        reader->plain_last = (struct test_tally){.is_seen = true};
        add_list(&reader->plain_last, &list);
        reader->plain_count++;
    }
    return true;
}

bool runner_read_line(struct test_reader *reader, const char *line)
{
    return go_read_line(reader, line) || read_unittest(reader, line) ||
           read_ctest_skipped(reader, line) || read_pytest(reader, line) ||
           read_maven(reader, line) || read_rows(reader, line) || read_shared(reader, line) ||
           read_plain_list(reader, line) || read_gradle_test(reader, line);
}

/* The last of several plain lines may be the total of those before it. */
static void finish_plain(struct test_reader *reader)
{
    struct test_tally *plain = &reader->tallies[RUNNER_PLAIN];
    const struct test_tally *last = &reader->plain_last;

    if (reader->plain_count > 1 && last->passed * 2 == plain->passed &&
        last->failed * 2 == plain->failed) {
        *plain = *last;
    }
}

void runner_finish(struct test_reader *reader)
{
    unittest_drop(reader);
    go_finish(reader);
    finish_plain(reader);
    if (reader->tallies[RUNNER_MAVEN].is_seen) {
        reader->tallies[RUNNER_MAVEN_CLASSES].is_seen = false;
    }
    if (reader->tallies[RUNNER_GRADLE].is_seen) {
        reader->tallies[RUNNER_GRADLE_TESTS].is_seen = false;
    }
    for (size_t i = 0; i < TEST_RUNNERS; i++) {
        reader->tallies[i].passed = at_least_zero(reader->tallies[i].passed);
    }
}
