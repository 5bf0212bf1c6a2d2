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
    print_audit(&plain, result, 0, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    json_decref(result);
}

static void an_entry_is_a_line(void **state)
{
    (void)state;
    check("{\"action\":\"list\",\"next\":7,\"entries\":["
          "{\"id\":8,\"at\":1708336800000,\"event\":\"agent_ended\",\"user\":\"ada\",\"run\":\"wf_"
          "1\","
          "\"resource\":\"s\",\"status\":\"completed\","
          "\"details\":{\"agent\":\"claude\",\"model\":\"m\"}},"
          "{\"id\":7,\"at\":1708336800000,\"event\":\"undone\",\"user\":\"ada\\u001b[2J\"}]}",
          "WHEN (UTC)      EVENT        USER  RUN   WHAT             STATUS\n"
          "02-19 10:00:00  agent_ended  ada   wf_1  s by claude (m)  completed\n"
          "02-19 10:00:00  undone       ada\n"
          "more: fermata audit --before 7\n");
    check("{\"action\":\"list\",\"next\":null,\"entries\":[]}", "No entries.\n");
}

static void a_verdict_names_what_does_not_fit(void **state)
{
    (void)state;
    check("{\"action\":\"verify\",\"entries\":1,\"sound\":true,\"head\":\"abc\",\"problems\":[]}",
          "+ 1 entry: what was written\n  head abc\n");
    check("{\"action\":\"verify\",\"entries\":2,\"sound\":false,\"head\":\"abc\","
          "\"problems\":[\"entry 1\",\"entry 2\"]}",
          "x 2 entries: this is not what was written\n  entry 1\n  entry 2\n  head abc\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_a_line),
        cmocka_unit_test(a_verdict_names_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
