/* SPDX-License-Identifier: MIT */
#include "functions/check_run.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "functions/program.h"
#include "functions/test_counts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES_MAX (1024 * 1024)
#define TAIL_BYTES_MAX (1024 * 1024)
#define OUTPUT_BYTES_MAX (1024U * 1024 * 1024) /* more is a program gone wild */
#define COMMAND_TEXT_MAX 400
#define COVERAGE_TOLERANCE 1e-6
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

/* Head and tail of an output: where test runners say what they do and what came of it. */
struct capture {
    struct strbuf head;
    char *tail; /* a ring */
    size_t tail_at;
    uint64_t total;
};

static void capture_tail(struct capture *capture, const char *bytes, size_t length)
{
    if (length > TAIL_BYTES_MAX) {
        bytes += length - TAIL_BYTES_MAX;
        length = TAIL_BYTES_MAX;
    }
    while (length > 0) {
        size_t room = TAIL_BYTES_MAX - capture->tail_at;
        size_t part = length < room ? length : room;

        memcpy(capture->tail + capture->tail_at, bytes, part);
        capture->tail_at = (capture->tail_at + part) % TAIL_BYTES_MAX;
        bytes += part;
        length -= part;
    }
}

/* Lets the output through, so that a person can watch, and keeps its ends. */
static bool capture_read(void *context, const char *bytes, size_t length)
{
    struct capture *capture = context;
    size_t room = HEAD_BYTES_MAX - capture->head.length;
    size_t head = length < room ? length : room;
    size_t written = 0;

    while (written < length) {
        ssize_t n = write(STDERR_FILENO, bytes + written, length - written);

        if (n < 0 && errno != EINTR) {
            break; /* nobody listens; the verdict is still wanted */
        }
        written += n > 0 ? (size_t)n : 0;
    }
    capture->total += length;
    strbuf_add_bytes(&capture->head, bytes, head);
    capture_tail(capture, bytes + head, length - head);
    return true;
}

/* Head, a mark with the number of bytes left out, tail. */
static void capture_finish(struct capture *capture, struct strbuf *ret_text)
{
    uint64_t behind = capture->total - capture->head.length;

    strbuf_add_bytes(ret_text, capture->head.data, capture->head.length);
    if (behind > TAIL_BYTES_MAX) {
        strbuf_addf(ret_text, "\n... %" PRIu64 " bytes left out ...\n", behind - TAIL_BYTES_MAX);
        strbuf_add_bytes(ret_text, capture->tail + capture->tail_at,
                         TAIL_BYTES_MAX - capture->tail_at);
    }
    if (behind > 0) {
        strbuf_add_bytes(ret_text, capture->tail,
                         capture->tail_at == 0 && behind <= TAIL_BYTES_MAX ? TAIL_BYTES_MAX
                                                                           : capture->tail_at);
    }
}

__attribute__((format(printf, 3, 4))) static void decide(json_t *run, const char *verdict,
                                                         const char *format, ...)
{
    struct strbuf reason;
    va_list args;

    strbuf_init(&reason, ERROR_TEXT_MAX);
    va_start(args, format);
    strbuf_vaddf(&reason, format, args);
    va_end(args);
    json_put_text(run, "verdict", verdict);
    json_put(run, "reason", json_text_lossy(reason.data, reason.length));
    strbuf_release(&reason);
}

static void put_counts(json_t *run, const struct test_counts *counts)
{
    json_t *tests;

    if (counts->coverage >= 0) {
        json_put(run, "coverage", json_real(counts->coverage));
    }
    if (counts->executed < 0) {
        return;
    }
    tests = json_object();
    json_put_text(tests, "runner", counts->runner);
    json_put_integer(tests, "executed", counts->executed);
    json_put_integer(tests, "passed", counts->passed);
    json_put_integer(tests, "failed", counts->failed);
    json_put_integer(tests, "skipped", counts->skipped);
    json_put(tests, "is_partial", json_boolean(counts->is_partial));
    json_put(run, "tests", tests);
}

/* After a success: are the numbers there, and are they enough? */
static void decide_numbers(json_t *run, const char *tool, const struct test_counts *counts,
                           const struct check_expectation *expectation)
{
    if (expectation->counts_tests && counts->failed > 0) {
        decide(run, "fail", "%s shows %" PRId64 " failed tests, whatever its exit status", tool,
               counts->failed);
    } else if (expectation->tests_min > 0 && counts->executed < 0) {
        decide(run, "unknown", "%s printed no test counts that this check knows", tool);
        json_put_text(run, "hint", "let the runner print TAP, or a last line `N passed, N failed`");
    } else if (counts->executed >= 0 && counts->executed < expectation->tests_min) {
        decide(run, counts->is_partial ? "unknown" : "fail",
               "%" PRId64 " test%s executed, at least %" PRId64 " wanted", counts->executed,
               counts->executed == 1 ? "" : "s", expectation->tests_min);
    } else if (expectation->coverage_min >= 0 && counts->coverage < 0) {
        decide(run, "unknown", "%s printed no coverage that this check knows", tool);
        json_put_text(run, "hint", "let it print a last line such as `Total coverage: 81.5%`");
    } else if (expectation->coverage_min >= 0 &&
               counts->coverage + COVERAGE_TOLERANCE < expectation->coverage_min) {
        decide(run, "fail", "coverage %g %%, at least %g %% wanted", counts->coverage,
               expectation->coverage_min);
    } else if (expectation->coverage_min >= 0) {
        decide(run, "pass", "coverage %g %%", counts->coverage);
    } else if (expectation->counts_tests && counts->executed >= 0) {
        decide(run, "pass", "%" PRId64 " test%s executed, none failed", counts->executed,
               counts->executed == 1 ? "" : "s");
    } else {
        decide(run, "pass", "%s found nothing to object to", tool);
    }
}

static void decide_run(json_t *run, const struct check_command *command,
                       const struct program_result *result, const struct strbuf *output,
                       const struct check_expectation *expectation)
{
    int status = result->exit_status;
    const char *phrase = status == 0 ? NULL : test_find_missing_tool(output->data, output->length);
    struct test_counts counts = {.executed = -1, .failed = -1, .coverage = -1};

    if (expectation->counts_tests) {
        test_counts_read(output->data, output->length, &counts);
        put_counts(run, &counts);
    }
    if (result->timed_out) {
        char limit[DURATION_SIZE];

        duration_format_limit(expectation->timeout_ms, limit);
        decide(run, "unknown", "%s gave no answer within %s", command->tool, limit);
    } else if (result->truncated) {
        decide(run, "unknown", "%s was stopped: it printed more than %u MiB", command->tool,
               OUTPUT_BYTES_MAX >> 20);
    } else if (status == STATUS_NOT_FOUND || status == STATUS_NOT_EXECUTABLE || phrase != NULL) {
        decide(run, "unknown", "%s needs a program that is missing%s%s%s", command->tool,
               phrase != NULL ? " (\"" : "", phrase != NULL ? phrase : "",
               phrase != NULL ? "\")" : "");
        json_put_text(run, "hint", "its output says which one; install it");
    } else if (counts.executed == 0 && counts.failed == 0 &&
               (expectation->tests_min > 0 || expectation->coverage_min >= 0)) {
        decide(run, "unknown", "%s executed no test", command->tool);
    } else if (status < 0) {
        decide(run, "fail", "%s was ended by a signal", command->tool);
    } else if (status != 0) {
        decide(run, "fail", "%s ended with status %d", command->tool, status);
    } else if (command->is_silent && output->length > 0) {
        decide(run, "fail", "%s has something to say: %.*s", command->tool,
               (int)strcspn(output->data, "\n"), output->data);
    } else {
        decide_numbers(run, command->tool, &counts, expectation);
    }
}

json_t *check_command_text(const struct check_command *command)
{
    struct strbuf text;
    json_t *value;

    strbuf_init(&text, COMMAND_TEXT_MAX * 2);
    for (const char *const *word = command->argv; *word != NULL; word++) {
        if (text.length + strlen(*word) > COMMAND_TEXT_MAX) {
            strbuf_add(&text, " ...");
            break;
        }
        strbuf_add(&text, word == command->argv ? "" : " ");
        strbuf_add(&text, *word);
    }
    value = json_text_lossy(text.data, text.length);
    strbuf_release(&text);
    return value;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void run_command(json_t *run, const char *folder, const struct check_command *command,
                        const struct check_expectation *expectation)
{
    struct capture capture = {.tail = mem_alloc(TAIL_BYTES_MAX)};
    struct program_request request = {
        .argv = command->argv,
        .folder = folder,
        .inherits_environment = true,
        .merges_errors = true,
        .output_bytes_max = OUTPUT_BYTES_MAX,
        .timeout_ms = expectation->timeout_ms,
        .reader = capture_read,
        .context = &capture,
    };
    struct program_result result;
    struct error problem = ERROR_INIT;
    int64_t started_ms = now_ms();
    struct strbuf output;

    strbuf_init(&capture.head, HEAD_BYTES_MAX);
    strbuf_init(&output, HEAD_BYTES_MAX + TAIL_BYTES_MAX + 100);
    if (program_run(&request, &result, &problem) < 0) {
        decide(run, "unknown", "%s", problem.text);
        json_put_text(run, "hint", command->hint);
    } else {
        capture_finish(&capture, &output);
        json_put_integer(run, "exit_status", result.exit_status);
        json_put_integer(run, "duration_ms", now_ms() - started_ms);
        decide_run(run, command, &result, &output, expectation);
    }
    program_result_release(&result);
    strbuf_release(&output);
    strbuf_release(&capture.head);
    free(capture.tail);
}

json_t *check_run(const char *folder, const struct check_command *command,
                  const struct check_expectation *expectation)
{
    json_t *run = json_object();

    json_put(run, "tool", json_text_lossy(command->tool, strlen(command->tool)));
    json_put(run, "command", check_command_text(command));
    if (command->problem != NULL) {
        decide(run, "unknown", "%s", command->problem);
        json_put_text(run, "hint", command->hint);
    } else {
        run_command(run, folder, command, expectation);
    }
    return run;
}
