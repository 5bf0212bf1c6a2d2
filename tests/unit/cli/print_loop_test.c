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

static void check(const char *json, const char *expected, int status)
{
    json_t *result = json_loads(json, 0, NULL);
    struct strbuf text;

    assert_non_null(result);
    strbuf_init(&text, 10000);
    print_loop(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    assert_int_equal(result_exit_status("loop", result), status);
    strbuf_release(&text);
    json_decref(result);
}

static void what_was_worked_on_is_told(void **state)
{
    (void)state;
    check("{\"file\":\"a.md\",\"total\":3,\"complete\":2,\"stopped\":\"max\",\"worked\":["
          "{\"id\":\"2\",\"title\":\"T\\u001b[2J\",\"run\":\"wf_1\",\"status\":\"completed\","
          "\"duration_ms\":1500}]}",
          "+ 2 T (wf_1, 1.5s)\na.md: 2 of 3 done; the same command goes on\n", 0);
    check("{\"file\":\"a.md\",\"total\":3,\"complete\":3,\"stopped\":\"done\",\"worked\":[]}",
          "a.md: 3 of 3 done\n", 0);
}

static void what_would_be_taken_is_told_with_its_place(void **state)
{
    (void)state;
    check("{\"file\":\"a.md\",\"total\":3,\"complete\":2,\"dry_run\":true,\"stories\":["
          "{\"id\":\"2\",\"title\":\"T\",\"line\":7}]}",
          "a.md:7: 2 T\na.md: 2 of 3 done\n", 0);
}

static int status_of(const char *stopped, const char *run)
{
    json_t *result = json_pack("{s:s}", "stopped", stopped);
    int status;

    json_put(result, "run", json_loads(run, 0, NULL));
    status = result_exit_status("loop", result);
    json_decref(result);
    return status;
}

static void the_exit_status_tells_why_it_ended(void **state)
{
    (void)state;
    assert_int_equal(status_of("failed", "{\"status\":\"failed\"}"), 1);
    assert_int_equal(status_of("failed", "{\"status\":\"paused\",\"reason\":\"failure\"}"), 1);
    assert_int_equal(status_of("failed", "{\"status\":\"failed\",\"reason\":\"timeout\"}"), 124);
    assert_int_equal(status_of("waits", "{\"status\":\"paused\"}"), 3);
    assert_int_equal(status_of("waits", "{\"status\":\"paused\",\"host\":[1]}"), 42);
    assert_int_equal(status_of("interrupted", "{\"status\":\"completed\"}"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_worked_on_is_told),
        cmocka_unit_test(what_would_be_taken_is_told_with_its_place),
        cmocka_unit_test(the_exit_status_tells_why_it_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
