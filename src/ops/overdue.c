/* SPDX-License-Identifier: MIT */
/* Waits whose time is over. Nobody drives a run that waits for a person, so the end of the wait
 * takes effect when the run goes on; until then its state must not be shown as if an answer still
 * counted. */
#include "base/alloc.h"
#include "ops/internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_over(const json_t *object, const char *key, int64_t now_ms)
{
    int64_t until = json_get_integer(object, key, 0);

    return until > 0 && until <= now_ms;
}

static void add_resume(json_t *run, json_t *options)
{
    char *command = mem_printf("fermata resume %s", json_get_text(run, "id", ""));
    json_t *option = json_object();

    json_put_text(option, "do", "resume");
    json_put_text(option, "command", command);
    json_put_text(option, "help", "end the wait and go on");
    (void)json_array_insert_new(options, 0, option);
    free(command);
}

static bool has_option(const json_t *options, const char *action)
{
    const json_t *option;
    size_t i;

    json_array_foreach(options, i, option)
    {
        if (strcmp(json_get_text(option, "do", ""), action) == 0) {
            return true;
        }
    }
    return false;
}

void ops_mark_overdue(json_t *run, int64_t now_ms)
{
    json_t *options = json_object_get(run, "options");

    if (!is_over(run, "waits_until", now_ms)) {
        return;
    }
    json_put(run, "overdue", json_true());
    for (size_t i = json_array_size(options); i > 0; i--) {
        if (is_over(json_array_get(options, i - 1), "until", now_ms)) {
            (void)json_array_remove(options, i - 1);
        }
    }
    if (options && !has_option(options, "resume")) {
        add_resume(run, options);
    }
}
