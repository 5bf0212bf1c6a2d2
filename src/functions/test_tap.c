/* SPDX-License-Identifier: MIT */
/* Test Anything Protocol, versions 12 to 14, several streams one after the other.
 *
 * Only lines at the margin count: subtests are indented, and their parent has a line of its own.
 * A plan may stand before or behind its tests. A plan in the middle may be either; it is the end
 * of the stream when the numbers agree or nothing follows. */
#include "functions/test_reader.h"

#include <string.h>
#include <strings.h>

/* "# SKIP" or "# TODO" behind the description; a "\#" is part of the text. */
static const char *find_directive(const char *text)
{
    for (const char *mark = strchr(text, '#'); mark != NULL; mark = strchr(mark + 1, '#')) {
        if (mark == text || mark[-1] == ' ' || mark[-1] == '\t') {
            return test_line_skip_blanks(mark + 1);
        }
    }
    return "";
}

static void settle_plan(struct tap_reader *tap, int64_t plan, int64_t seen)
{
    if (plan > seen) {
        tap->missing += plan - seen;
    }
}

static void end_stream(struct tap_reader *tap)
{
    if (tap->stream_plan >= 0) {
        if (tap->stream_seen == 0 && tap->earlier_seen >= 0) {
            settle_plan(tap, tap->stream_plan, tap->earlier_seen);
        } else {
            settle_plan(tap, tap->stream_plan, tap->stream_seen);
        }
    }
    tap->stream_seen = 0;
    tap->stream_plan = -1;
    tap->earlier_seen = -1;
}

static void read_plan(struct tap_reader *tap, int64_t plan)
{
    int64_t seen = tap->stream_seen;

    tap->is_tap = true;
    tap->tally.is_seen = true;
    if (tap->stream_plan >= 0) {
        end_stream(tap);
        seen = 0;
    }
    if (seen == plan && seen > 0) {
        end_stream(tap);
        return;
    }
    tap->earlier_seen = seen > 0 ? seen : -1;
    tap->stream_seen = 0;
    tap->stream_plan = plan;
}

static bool read_test(struct tap_reader *tap, const char *text, bool is_ok)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    const char *rest = test_line_match(text, " @", numbers);
    const char *directive;

    if (rest != NULL && *rest != '\0' && *rest != ' ' && *rest != '\t') {
        rest = NULL;
    }
    if (rest == NULL && !(tap->is_tap && (*text == '\0' || *text == ' '))) {
        return false;
    }
    /* A number beyond the plan belongs to the next stream. */
    if (rest != NULL && numbers[0] == 1 && tap->stream_plan >= 0 &&
        tap->stream_seen >= tap->stream_plan && tap->stream_seen > 0) {
        end_stream(tap);
    }
    tap->stream_seen++;
    tap->tally.is_seen = true;
    directive = find_directive(text);
    if (strncasecmp(directive, "skip", 4) == 0 || strncasecmp(directive, "todo", 4) == 0) {
        tap->tally.skipped++;
    } else if (is_ok) {
        tap->tally.passed++;
    } else {
        tap->tally.failed++;
    }
    return true;
}

bool tap_read_line(struct tap_reader *tap, const char *line)
{
    int64_t numbers[TEST_CAPTURES_MAX];
    const char *rest;

    if (strncmp(line, "ok", 2) == 0) {
        return read_test(tap, line + 2, true);
    }
    if (strncmp(line, "not ok", 6) == 0) {
        return read_test(tap, line + 6, false);
    }
    rest = test_line_match(line, "1..@", numbers);
    if (rest != NULL) {
        rest = test_line_skip_blanks(rest);
        if (*rest == '\0' || *rest == '#') {
            read_plan(tap, numbers[0]);
            return true;
        }
        return false;
    }
    if (test_line_match(line, "TAP version @", numbers) != NULL) {
        end_stream(tap);
        tap->is_tap = true;
        return true;
    }
    if (strncmp(line, "Bail out!", 9) == 0 && tap->tally.is_seen) {
        tap->tally.failed++;
        tap->tally.absent++;
        return true;
    }
    return false;
}

void tap_finish(struct tap_reader *tap, bool is_cut)
{
    end_stream(tap);
    /* What was planned and never ran has failed, unless its lines were left out of the output. */
    if (!is_cut) {
        tap->tally.failed += tap->missing;
        tap->tally.absent += tap->missing;
    }
}
