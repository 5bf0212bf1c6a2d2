/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct terminal plain = {.columns = 120};

static void check(const char *json, const char *expected)
{
    json_t *result = json_loads(json, 0, NULL);
    struct strbuf text;

    assert_non_null(result);
    strbuf_init(&text, 10000);
    print_tasks(&plain, result, 60000, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void a_task_is_a_line(void **state)
{
    (void)state;
    check("{\"next\":\"task_2\",\"tasks\":["
          "{\"id\":\"task_1\",\"description\":\"Log\\u001b[2Jin\",\"status\":\"in_progress\","
          "\"created_at\":59000,\"runs\":2},"
          "{\"id\":\"task_2\",\"description\":\"Out\",\"status\":\"completed\","
          "\"created_at\":59000,\"duration_ms\":1500,\"runs\":1}]}",
          "TASK    STATUS         RUNS  CREATED  TOOK  WHAT\n"
          "task_1  * in_progress  2     1 s ago        Login\n"
          "task_2  + completed    1     1 s ago  1.5s  Out\n"
          "more: fermata tasks --before task_2\n");
    check("{\"next\":null,\"tasks\":[]}", "No tasks.\n");
}

static void one_task_shows_its_runs_or_how_to_begin_one(void **state)
{
    (void)state;
    check("{\"id\":\"task_1\",\"description\":\"Log in\",\"status\":\"failed\","
          "\"metadata\":{\"area\":\"auth\"},\"duration_ms\":2000,\"runs\":[{\"id\":\"wf_1\","
          "\"workflow\":\"w\",\"status\":\"failed\",\"created_at\":59000}]}",
          "task_1  x failed\n"
          "what        Log in\n"
          "meta        area=auth\n"
          "took        2.0s\n"
          "RUN   STATUS    WORKFLOW  CREATED\n"
          "wf_1  x failed  w         1 s ago\n");
    check("{\"id\":\"task_1\",\"description\":\"Log in\",\"status\":\"pending\",\"runs\":[]}",
          "task_1  . pending\n"
          "what        Log in\n"
          "Run it: fermata run --task-id task_1 -w WORKFLOW\n");
}

static void what_was_counted_and_what_was_removed_is_told(void **state)
{
    (void)state;
    check("{\"total\":3,\"status\":{\"pending\":1,\"completed\":2},\"mean_duration_ms\":1500}",
          ". pending     1\n"
          "+ completed   2\n"
          "  total       3\n"
          "A task that was completed took 1.5s on average.\n");
    check("{\"tasks\":1,\"runs\":2,\"bytes\":10,\"kept\":0,\"dry_run\":true}",
          "Would remove 1 task and 2 runs (10 B); 0 tasks stay\n");
    check("{\"tasks\":2,\"runs\":1,\"bytes\":10,\"kept\":1,\"dry_run\":false}",
          "Removed 2 tasks and 1 run (10 B); 1 task stays\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_a_line),
        cmocka_unit_test(one_task_shows_its_runs_or_how_to_begin_one),
        cmocka_unit_test(what_was_counted_and_what_was_removed_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
