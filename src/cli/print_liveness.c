/* SPDX-License-Identifier: MIT */
/* The attempts that are under way, each with the word of its liveness. */
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/print.h"

#include <string.h>

#define STEP_COLUMNS 32
#define MESSAGE_COLUMNS 400

static enum style style_of(const char *word)
{
    return strcmp(word, "quiet") == 0 || strcmp(word, "wants input") == 0 ? STYLE_YELLOW
           : strcmp(word, "dead") == 0                                    ? STYLE_RED
                                                                          : STYLE_CYAN;
}

static void add_attempt(const struct terminal *terminal, const json_t *attempt,
                        struct strbuf *target)
{
    const char *word = json_get_text(attempt, "state", "");
    int64_t for_ms = json_get_integer(attempt, "for_ms", 0);
    const char *message = json_get_text(attempt, "message", "");
    char duration[DURATION_SIZE];
    struct strbuf clean;

    duration_format_limit(for_ms - for_ms % 1000, duration);
    strbuf_init(&clean, OUTPUT_BYTES_MAX);
    utf8_add_cut(&clean, json_get_text(attempt, "step", ""), STEP_COLUMNS);
    strbuf_addf(target, "  %s  ", clean.data);
    add_styled(terminal, target, style_of(word), word);
    strbuf_addf(target, " for %s\n", duration);
    if (*message) {
        strbuf_reset(&clean);
        utf8_add_cut(&clean, message, MESSAGE_COLUMNS);
        add_wrapped(terminal, target, clean.data, 4);
    }
    strbuf_release(&clean);
}

void print_liveness(const struct terminal *terminal, const json_t *run, struct strbuf *target)
{
    const json_t *attempts = json_object_get(run, "under_way");
    const json_t *attempt;
    size_t i;

    if (json_array_size(attempts) == 0) {
        return;
    }
    strbuf_add_char(target, '\n');
    add_styled(terminal, target, STYLE_BOLD, "Under way");
    strbuf_add_char(target, '\n');
    json_array_foreach((json_t *)attempts, i, attempt)
    {
        add_attempt(terminal, attempt, target);
    }
}
