/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static json_t *load(const char *text)
{
    json_t *value = NULL;
    struct error err = ERROR_INIT;

    if (json_parse_text(text, strlen(text), "test", &value, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return value;
}

static void a_plan_tells_waves_and_what_is_missing(void **state)
{
    json_t *plan = load(
        "{\"workflow\":\"w\",\"graph\":\"GRAPH\\n\",\"waves\":[{\"phase\":\"p\",\"steps\":["
        "{\"step\":\"a\",\"using\":\"command\",\"what\":\"make\\nall\",\"when\":\"x\"},"
        "{\"step\":\"b\",\"using\":\"agent\",\"missing\":\"claude\",\"foreach\":\"l\"}]}]}");
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_dry_run(&plain, plan, &text);
    assert_non_null(strstr(text.data, "Dry run of w: nothing is run"));
    assert_non_null(strstr(text.data, "GRAPH\n"));
    assert_non_null(strstr(text.data, "Wave 1: p"));
    assert_non_null(strstr(text.data, "make all (when x)"));
    assert_non_null(strstr(text.data, "MISSING: claude (for each of l)"));
    strbuf_release(&text);
    json_decref(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_tells_waves_and_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
