/* SPDX-License-Identifier: MIT */
/* What `go test` prints: lines of tests, of packages, and events. */
#include "functions/test_reader.h"

#include <string.h>

/* "--- PASS: TestName (0.00s)"; subtests are indented and not counted, like those of TAP. */
static bool read_go_test(struct test_reader *reader, const char *line)
{
    int64_t *sum = NULL;

    if (strncmp(line, "--- ", 4) != 0) {
        return false;
    }
    if (strncmp(line + 4, "PASS: ", 6) == 0) {
        sum = &reader->tallies[RUNNER_GO].passed;
    } else if (strncmp(line + 4, "FAIL: ", 6) == 0) {
        sum = &reader->tallies[RUNNER_GO].failed;
    } else if (strncmp(line + 4, "SKIP: ", 6) == 0) {
        sum = &reader->tallies[RUNNER_GO].skipped;
    }
    if (sum == NULL) {
        return false;
    }
    (void)runner_see(reader, RUNNER_GO);
    (*sum)++;
    return true;
}

/* A line of `go test -json`. */
static bool read_go_event(struct test_reader *reader, const char *line)
{
    const char *action;
    const char *test;
    size_t name_length;

    if (line[0] != '{') {
        return false;
    }
    action = strstr(line, "\"Action\":\"");
    test = strstr(line, "\"Test\":\"");
    if (action == NULL || strstr(line, "\"Package\":\"") == NULL) {
        return false;
    }
    action += strlen("\"Action\":\"");
    if (test == NULL || strncmp(action, "output", 6) == 0) {
        return true;
    }
    test += strlen("\"Test\":\"");
    name_length = strcspn(test, "/\"");
    if (test[name_length] == '/') {
        return true;
    }
    if (strncmp(action, "pass\"", 5) == 0) {
        runner_see(reader, RUNNER_GO)->passed++;
    } else if (strncmp(action, "fail\"", 5) == 0) {
        runner_see(reader, RUNNER_GO)->failed++;
    } else if (strncmp(action, "skip\"", 5) == 0) {
        runner_see(reader, RUNNER_GO)->skipped++;
    }
    return true;
}

/* "ok <tab> package <tab> 0.1s", "? <tab> package <tab> [no test files]", "FAIL <tab> package ..."
 */
static bool read_go_package(struct test_reader *reader, const char *line)
{
    bool is_fail = strncmp(line, "FAIL\t", 5) == 0;

    if (strncmp(line, "testing: warning: no tests to run", 33) == 0) {
        (void)runner_see(reader, RUNNER_GO);
        return true;
    }
    if (strncmp(line, "?   \t", 5) != 0 && strncmp(line, "ok  \t", 5) != 0 && !is_fail) {
        return false;
    }
    (void)runner_see(reader, RUNNER_GO);
    if (is_fail) {
        reader->go_packages_failed++;
    } else if (line[0] == 'o' && strstr(line, "[no tests to run]") == NULL) {
        reader->go_packages++;
    }
    return true;
}

bool go_read_line(struct test_reader *reader, const char *line)
{
    return read_go_package(reader, line) || read_go_test(reader, line) ||
           read_go_event(reader, line);
}

/* Without -v, go says only that packages are fine, which may be without a single test executed. */
void go_finish(struct test_reader *reader)
{
    struct test_tally *go = &reader->tallies[RUNNER_GO];

    if (go->failed == 0 && reader->go_packages_failed > 0) {
        /* A package that does not build or that crashed: a failure, of no test that ran. */
        go->failed = reader->go_packages_failed;
        go->absent = reader->go_packages_failed;
    }
    if (go->passed + go->failed + go->skipped == 0 && reader->go_packages > 0) {
        go->is_seen = false;
    }
}
