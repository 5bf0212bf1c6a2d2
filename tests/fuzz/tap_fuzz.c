/* SPDX-License-Identifier: MIT */
/* libFuzzer target: the reader of TAP by itself, over lines of any bytes. A number is proof: each
 * test that it counts has a line of its own, and only a plan or "Bail out!" adds failures to these.
 * Of an output with a part missing no plan is held against the tests. */
#include "base/alloc.h"
#include "functions/test_reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lines {
    int64_t ok, not_ok, bail_outs;
};

static void read_line(struct tap_reader *tap, const char *line, struct lines *lines)
{
    if (!tap_read_line(tap, line)) {
        return;
    }
    lines->ok += strncmp(line, "ok", 2) == 0;
    lines->not_ok += strncmp(line, "not ok", 6) == 0;
    lines->bail_outs += strncmp(line, "Bail out!", 9) == 0;
}

static void check(const struct test_tally *tally, const struct lines *lines, bool is_cut)
{
    int64_t planned = tally->absent - lines->bail_outs;

    if (tally->passed < 0 || tally->skipped < 0 || planned < 0 || (is_cut && planned > 0) ||
        tally->passed > lines->ok || tally->failed - tally->absent > lines->not_ok ||
        tally->passed + tally->failed - tally->absent + tally->skipped !=
            lines->ok + lines->not_ok) {
        abort();
    }
    if (!tally->is_seen && (tally->passed > 0 || tally->failed > 0 || tally->skipped > 0)) {
        abort();
    }
}

static void read_all(const char *text, bool is_cut)
{
    struct tap_reader tap = {.stream_plan = -1, .earlier_seen = -1};
    struct lines lines = {0};

    for (;;) {
        size_t length = strcspn(text, "\n");
        char *line = mem_strndup(text, length);

        read_line(&tap, line, &lines);
        free(line);
        if (text[length] == '\0') {
            break;
        }
        text += length + 1;
    }
    tap_finish(&tap, is_cut);
    check(&tap.tally, &lines, is_cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);

    read_all(text, false);
    read_all(text, true);
    free(text);
    return 0;
}
