/* SPDX-License-Identifier: MIT */
#include "run/verdict.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
/* Percentages are printed rounded; no two differ by less. */
#define COVERAGE_TOLERANCE 1e-6

static const char *const verdict_names[] = {
    [VERDICT_PASS] = "pass",
    [VERDICT_FAIL] = "fail",
    [VERDICT_UNKNOWN] = "unknown",
};

const char *verdict_name(enum verdict verdict)
{
    return verdict_names[verdict];
}

int verdict_parse(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verdict_names); i++) {
        if (strcmp(verdict_names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

struct reason {
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static enum verdict
decide(const struct reason *reason, enum verdict verdict, const char *format, ...)
{
    va_list args;

    if (reason->size > 0) {
        va_start(args, format);
        (void)vsnprintf(reason->text, reason->size, format, args);
        va_end(args);
    }
    return verdict;
}

/* What the process alone shows; VERDICT_PASS when it ended as expected. */
static enum verdict decide_process(const struct gate_check *check,
                                   const struct check_result *result, const struct reason *reason)
{
    int status = result->exit_status;
    char limit[DURATION_SIZE];

    if (!result->is_started) {
        return decide(reason, VERDICT_UNKNOWN, "the command could not be started");
    }
    if (result->timed_out) {
        duration_format_limit(check->timeout_ms, limit);
        return decide(reason, VERDICT_UNKNOWN, "no answer within %s", limit);
    }
    if (result->signal != 0) {
        const char *name = sigabbrev_np(result->signal);

        return decide(reason, VERDICT_FAIL, "ended by signal %d%s%s", result->signal,
                      name == NULL ? "" : ", SIG", name == NULL ? "" : name);
    }
    if (status == check->exit_status) {
        return VERDICT_PASS;
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_NOT_EXECUTABLE) {
        return decide(reason, VERDICT_UNKNOWN,
                      "exit status %d: a program that the check needs is missing or cannot be run",
                      status);
    }
    if (result->missing && result->counts.failed <= 0) {
        return decide(reason, VERDICT_UNKNOWN,
                      "exit status %d: a program that the check needs is missing (\"%s\")", status,
                      result->missing);
    }
    return decide(reason, VERDICT_FAIL, "exit status %d instead of %d", status, check->exit_status);
}

static enum verdict decide_stated(const struct check_result *result, const struct reason *reason)
{
    const char *why = result->stated_reason;
    int stated;

    if (result->stated == NULL) {
        return VERDICT_PASS;
    }
    stated = verdict_parse(result->stated);
    if (stated == VERDICT_PASS) {
        return VERDICT_PASS;
    }
    if (stated < 0) {
        return decide(reason, VERDICT_UNKNOWN, "the check stated \"%s\", which is no verdict",
                      UTF8_CUT(result->stated, 40));
    }
    if (why == NULL || why[0] == '\0') {
        why = stated == VERDICT_FAIL ? "the check states a failure without a reason"
                                     : "the check states that it could not tell";
    }
    return decide(reason, (enum verdict)stated, "%s", why);
}

static bool has_run_nothing(const struct test_counts *counts)
{
    return counts->executed == 0 && counts->failed <= 0;
}

static enum verdict decide_tests(const struct gate_check *check, const struct test_counts *counts,
                                 const struct reason *reason)
{
    if (counts->failed > 0 && check->exit_status == 0) {
        return decide(reason, VERDICT_FAIL,
                      "the output shows %" PRId64 " failed test%s, whatever the exit status",
                      counts->failed, counts->failed == 1 ? "" : "s");
    }
    if (counts->executed == 0 && check->tests_min != 0) {
        return decide(reason, VERDICT_UNKNOWN, "no test was executed (%s, %" PRId64 " skipped)%s",
                      counts->runner, counts->skipped < 0 ? 0 : counts->skipped,
                      counts->is_partial ? "; part of the output is missing" : "");
    }
    if (check->tests_min <= 0 || counts->executed >= check->tests_min) {
        return VERDICT_PASS;
    }
    if (counts->executed < 0) {
        return decide(reason, VERDICT_UNKNOWN,
                      "no test counts in the output, but at least %" PRId64 " tests are asked for",
                      check->tests_min);
    }
    if (counts->is_partial) {
        return decide(reason, VERDICT_UNKNOWN,
                      "part of the output is missing: it shows %" PRId64
                      " tests executed of at least %" PRId64,
                      counts->executed, check->tests_min);
    }
    return decide(reason, VERDICT_FAIL, "%" PRId64 " test%s executed, at least %" PRId64 " wanted",
                  counts->executed, counts->executed == 1 ? "" : "s", check->tests_min);
}

static enum verdict decide_coverage(const struct gate_check *check,
                                    const struct test_counts *counts, const struct reason *reason)
{
    if (!(check->coverage_min >= 0)) {
        return VERDICT_PASS;
    }
    if (!(counts->coverage >= 0)) {
        return decide(reason, VERDICT_UNKNOWN,
                      "no coverage in the output, but at least %g %% are asked for",
                      check->coverage_min);
    }
    if (counts->coverage + COVERAGE_TOLERANCE < check->coverage_min) {
        return decide(reason, VERDICT_FAIL, "coverage %g %%, at least %g %% wanted",
                      counts->coverage, check->coverage_min);
    }
    return VERDICT_PASS;
}

static void describe_pass(const struct check_result *result, const struct reason *reason)
{
    const struct test_counts *counts = &result->counts;
    char tests[64] = "";
    char coverage[48] = "";

    if (counts->executed >= 0) {
        (void)snprintf(tests, sizeof(tests), ", %" PRId64 " test%s executed", counts->executed,
                       counts->executed == 1 ? "" : "s");
    }
    if (counts->coverage >= 0) {
        (void)snprintf(coverage, sizeof(coverage), ", coverage %g %%", counts->coverage);
    }
    (void)decide(reason, VERDICT_PASS, "exit status %d%s%s", result->exit_status, tests, coverage);
}

enum verdict verdict_decide(const struct gate_check *check, const struct check_result *result,
                            char *ret_reason, size_t reason_size)
{
    const struct reason reason = {.text = ret_reason, .size = reason_size};
    enum verdict process = decide_process(check, result, &reason);
    enum verdict verdict;

    if (process == VERDICT_UNKNOWN || (process == VERDICT_FAIL && result->signal != 0)) {
        return process;
    }
    /* A built-in check knows better than its exit status why it could not tell. */
    verdict = decide_stated(result, &reason);
    if (verdict != VERDICT_PASS) {
        return verdict;
    }
    if (process == VERDICT_FAIL) {
        /* pytest and jest fail when there is nothing to run: that proves nothing either way. */
        if (has_run_nothing(&result->counts) && check->tests_min != 0) {
            return decide(&reason, VERDICT_UNKNOWN, "exit status %d, and no test was executed (%s)",
                          result->exit_status, result->counts.runner);
        }
        return decide_process(check, result, &reason);
    }
    verdict = decide_tests(check, &result->counts, &reason);
    if (verdict == VERDICT_PASS) {
        verdict = decide_coverage(check, &result->counts, &reason);
    }
    if (verdict == VERDICT_PASS) {
        describe_pass(result, &reason);
    }
    return verdict;
}
