/* SPDX-License-Identifier: MIT */
/* Splits an output into clean lines, shows each to the readers, and puts their numbers together. */
#include "functions/test_counts.h"

#include "base/alloc.h"
#include "functions/test_reader.h"

#include <string.h>

#define ESCAPE 0x1b
#define BELL 0x07

/* What follows the escape sequence at text; sequences end with the line at the latest. */
static const char *skip_escape(const char *text, const char *end)
{
    bool is_string;

    text++;
    if (text >= end) {
        return end;
    }
    if (*text == '[') {
        for (text++; text < end && (*text < 0x40 || *text > 0x7e); text++) {
        }
        return text < end ? text + 1 : end;
    }
    is_string = *text == ']' || *text == 'P' || *text == '_' || *text == '^' || *text == 'X';
    if (!is_string) {
        while (text < end && *text >= 0x20 && *text <= 0x2f) {
            text++;
        }
        return text < end ? text + 1 : end;
    }
    for (text++; text < end; text++) {
        if (*text == BELL) {
            return text + 1;
        }
        if (*text == ESCAPE && text + 1 < end && text[1] == '\\') {
            return text + 2;
        }
    }
    return end;
}

/* The line as a terminal would leave it: what a progress display overwrote is gone. */
static void clean_line(const char *text, const char *end, char ret_line[TEST_LINE_BYTES_MAX])
{
    bool returns = false;
    size_t length = 0;

    while (text < end) {
        unsigned char byte = (unsigned char)*text;

        if (byte == ESCAPE) {
            text = skip_escape(text, end);
            continue;
        }
        text++;
        if (byte == '\r') {
            returns = true;
        } else if (byte >= 0x20 || byte == '\t') {
            if (returns) {
                length = 0;
                returns = false;
            }
            if (byte != 0x7f && length < TEST_LINE_BYTES_MAX - 1) {
                ret_line[length++] = (char)byte;
            }
        }
    }
    ret_line[length] = '\0';
}

/* "... 1234 bytes left out ...", which the keeper puts between head and tail of a long output. */
static bool is_cut_mark(const char *line)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    const char *mark = strstr(line, "bytes left out");
    const char *dots = strstr(line, "... ");

    if (mark == NULL || dots == NULL || dots > mark) {
        return false;
    }
    return test_line_match(dots, "... @ bytes left out", numbers) != NULL ||
           (dots[4] >= '0' && dots[4] <= '9');
}

static void read_lines(struct test_reader *reader, const char *output, size_t length)
{
    const char *end = output + length;
    char line[TEST_LINE_BYTES_MAX];

    while (output < end) {
        const char *line_end = memchr(output, '\n', (size_t)(end - output));

        if (line_end == NULL) {
            line_end = end;
        }
        clean_line(output, line_end, line);
        output = line_end < end ? line_end + 1 : end;
        if (line[0] == '\0') {
            reader->is_in_ctest_skipped = false;
            continue;
        }
        if (is_cut_mark(line)) {
            reader->is_cut = true;
            continue;
        }
        if (!coverage_read_line(&reader->coverage, line) && !runner_read_line(reader, line)) {
            (void)tap_read_line(&reader->tap, line);
        }
    }
}

static int64_t executed_of(const struct test_tally *tally)
{
    return tally->passed + tally->failed - tally->absent;
}

static void sum_tally(struct test_tally *sum, const struct test_tally *tally)
{
    sum->is_seen = true;
    sum->passed += tally->passed;
    sum->failed += tally->failed;
    sum->skipped += tally->skipped;
    sum->absent += tally->absent;
}

/* "pytest+jest"; a name that finds no room is left out. */
static void add_name(char *names, size_t size, const char *name)
{
    size_t length = strlen(names);
    size_t name_length = strlen(name);

    if (length + 1 + name_length >= size || strstr(names, name) != NULL) {
        return;
    }
    if (length > 0) {
        names[length++] = '+';
    }
    memcpy(names + length, name, name_length + 1);
}

/* The TAP lines below a summary of their own are the same tests. */
static void settle_tap(struct test_reader *reader)
{
    struct test_tally *prove = &reader->tallies[RUNNER_PROVE];
    bool is_summed = prove->is_seen || reader->tallies[RUNNER_NODE].is_seen;
    int64_t hidden;

    tap_finish(&reader->tap, reader->is_cut);
    /* prove's sum includes skipped tests; it names them only beside failures, its TAP lines always.
     */
    hidden = reader->tap.tally.skipped - prove->skipped;
    if (prove->is_seen && hidden > 0) {
        prove->skipped += hidden;
        prove->passed -= hidden;
    }
    if (!is_summed) {
        reader->tallies[RUNNER_TAP] = reader->tap.tally;
    }
}

static struct test_tally sum_tallies(const struct test_reader *reader, char *names, size_t size)
{
    const struct test_tally *plain = &reader->tallies[RUNNER_PLAIN];
    struct test_tally sum = {.is_seen = false};

    for (size_t i = 0; i < TEST_RUNNERS; i++) {
        if (reader->tallies[i].is_seen && i != RUNNER_PLAIN) {
            sum_tally(&sum, &reader->tallies[i]);
            add_name(names, size, runner_name((enum test_runner)i));
        }
    }
    if (plain->is_seen && (!sum.is_seen || executed_of(plain) < executed_of(&sum))) {
        sum_tally(&sum, plain);
        add_name(names, size, runner_name(RUNNER_PLAIN));
    } else if (plain->is_seen) {
        /* The total of a script over all its runners. */
        sum.passed = plain->passed;
        sum.failed = plain->failed > sum.failed ? plain->failed : sum.failed;
        sum.skipped = plain->skipped > sum.skipped ? plain->skipped : sum.skipped;
    }
    return sum;
}

void test_counts_read(const char *output, size_t length, struct test_counts *ret_counts)
{
    struct test_reader reader = {
        .tap = {.stream_plan = -1, .earlier_seen = -1},
        .coverage = {.total = -1, .part = -1},
        .unittest_ran = -1,
    };
    struct test_counts counts = {.executed = -1, .passed = -1, .failed = -1, .skipped = -1};
    struct test_counts junit = {.executed = -1};
    struct test_tally sum;

    read_lines(&reader, output, length);
    settle_tap(&reader);
    runner_finish(&reader);
    sum = sum_tallies(&reader, counts.runner, sizeof(counts.runner));
    if (sum.is_seen) {
        counts.passed = sum.passed;
        counts.failed = sum.failed;
        counts.skipped = sum.skipped;
        counts.executed = executed_of(&sum);
        counts.is_partial = reader.is_cut;
    }
    if (length > 0 && memmem(output, length, "<testsuite", 10) != NULL) {
        test_counts_read_junit(output, length, &junit);
    }
    /* XML and lines in one output tell of the same tests. */
    if (junit.executed > counts.executed) {
        counts = junit;
        counts.is_partial |= reader.is_cut;
    }
    counts.coverage = reader.coverage.total >= 0 ? reader.coverage.total : reader.coverage.part;
    *ret_counts = counts;
}

/* A test that imports what is not there is told with quotes: `No module named 'x'`. */
static bool has_missing_module(const char *output, size_t length)
{
    static const char phrase[] = ": No module named ";
    const char *at = output;

    while ((at = memmem(at, length - (size_t)(at - output), phrase, sizeof(phrase) - 1)) != NULL) {
        at += sizeof(phrase) - 1;
        if (at < output + length && *at != '\'') {
            return true;
        }
    }
    return false;
}

const char *test_find_missing_tool(const char *output, size_t length)
{
    static const char *const phrases[] = {
        "] Error 127",
        "] Error 126",
        "is not installed for the toolchain",
        "error: no such command",
        "unrecognized arguments: --cov",
    };

    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (memmem(output, length, phrases[i], strlen(phrases[i])) != NULL) {
            return phrases[i];
        }
    }
    return has_missing_module(output, length) ? "No module named" : NULL;
}
