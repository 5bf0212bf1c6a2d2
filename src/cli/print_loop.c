/* SPDX-License-Identifier: MIT */
/* `loop` for people. */
#include "cli/print.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_COLUMNS 1000

static const char *get(const json_t *object, const char *key)
{
    return json_get_text(object, key, "");
}

static void print_plan(const json_t *result, struct strbuf *target)
{
    const json_t *story;
    size_t i;

    json_array_foreach(json_object_get(result, "stories"), i, story)
    {
        char *place = mem_printf("%s:%lld: %s", get(result, "file"),
                                 (long long)json_get_integer(story, "line", 0), get(story, "id"));

        utf8_add_cut(target, place, TITLE_COLUMNS);
        strbuf_add(target, " ");
        utf8_add_cut(target, get(story, "title"), TITLE_COLUMNS);
        strbuf_add_char(target, '\n');
        free(place);
    }
}

static void print_worked(const struct terminal *terminal, const json_t *worked,
                         struct strbuf *target)
{
    const json_t *story;
    size_t i;

    json_array_foreach(worked, i, story)
    {
        const char *status = get(story, "status");
        json_int_t duration = json_get_integer(story, "duration_ms", -1);
        char took[DURATION_SIZE] = "";

        add_styled(terminal, target, status_style(status), status_mark(terminal, status));
        strbuf_add_char(target, ' ');
        utf8_add_cut(target, get(story, "id"), TITLE_COLUMNS);
        strbuf_add_char(target, ' ');
        utf8_add_cut(target, get(story, "title"), TITLE_COLUMNS);
        if (duration >= 0) {
            duration_format(duration, took);
        }
        strbuf_addf(target, " (%s%s%s)\n", get(story, "run"), *took ? ", " : "", took);
    }
}

void print_loop(const struct terminal *terminal, const json_t *result, int64_t now_ms,
                struct strbuf *target)
{
    const json_t *run = json_object_get(result, "run");
    const char *stopped = get(result, "stopped");
    bool goes_on = strcmp(stopped, "done") != 0 && !json_get_boolean(result, "dry_run", false);

    (void)now_ms;
    print_plan(result, target);
    print_worked(terminal, json_object_get(result, "worked"), target);
    if (run) {
        print_run_status(terminal, run, target);
    }
    utf8_add_cut(target, get(result, "file"), TITLE_COLUMNS);
    strbuf_addf(target, ": %lld of %lld done%s\n",
                (long long)json_get_integer(result, "complete", 0),
                (long long)json_get_integer(result, "total", 0),
                goes_on ? "; the same command goes on" : "");
}
