/* SPDX-License-Identifier: MIT */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static void assert_metrics(const char *metrics_text, const char *const *lines)
{
    json_t *metrics = json_loads(metrics_text, 0, NULL);
    struct strbuf text;

    assert_non_null(metrics);
    strbuf_init(&text, 65536);
    print_metrics(&plain, metrics, &text);
    for (; *lines; lines++) {
        if (!strstr(text.data, *lines)) {
            fail_msg("\"%s\" is not in\n%s", *lines, text.data);
        }
    }
    strbuf_release(&text);
    json_decref(metrics);
}

static void a_little_work_is_not_shown_as_none(void **state)
{
    (void)state;
    assert_metrics("{\"utilisation\": 0.0004}",
                   (const char *const[]){"\n  utilisation  < 0.1 %\n", NULL});
    assert_metrics("{\"utilisation\": 0.0046}",
                   (const char *const[]){"\n  utilisation  0.5 %\n", NULL});
    assert_metrics("{\"utilisation\": 0.0}",
                   (const char *const[]){"\n  utilisation  0.0 %\n", NULL});
    assert_metrics("{\"utilisation\": 2.5}",
                   (const char *const[]){"\n  utilisation  250.0 %\n", NULL});
    assert_metrics("{\"utilisation\": null}",
                   (const char *const[]){"\n  utilisation  unknown\n", NULL});
}

static void phases_gates_and_who_did_the_work_are_tables(void **state)
{
    (void)state;
    assert_metrics(
        "{\"duration_ms\": 2000, \"busy_ms\": 500, \"utilisation\": 0.25, \"attempts\": 3,"
        " \"phases\": {\"build\": {\"rounds\": 2, \"duration_ms\": 1500}},"
        " \"gates\": {\"smoke\": {\"pass\": 1, \"fail\": 2, \"pass_rate\": 0.3333}},"
        " \"using\": {\"agent:a\": {\"attempts\": 3, \"busy_ms\": 500, \"failures\": 1,"
        " \"utilisation\": 0.25}},"
        " \"agents\": {\"a\": {\"attempts\": 3, \"input_tokens\": 12,"
        " \"at_least\": [\"input_tokens\"], \"cost_usd\": 0.00042}}}",
        (const char *const[]){"Metrics\n  duration     2.0s\n", "\n  build  2       1.5s\n",
                              "\n  smoke  1     2     0        0        33.3 %\n",
                              "\n  agent:a  3         1         500ms  25.0 %\n",
                              "\n  a      3         at least 12  unknown     0.0004\n", NULL});
}

static void what_did_not_happen_has_no_table(void **state)
{
    json_t *metrics = json_loads("{\"duration_ms\": 5, \"gates\": {}}", 0, NULL);
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 65536);
    print_metrics(&plain, metrics, &text);
    assert_null(strstr(text.data, "GATE"));
    assert_null(strstr(text.data, "gotos"));
    strbuf_release(&text);
    json_decref(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_little_work_is_not_shown_as_none),
        cmocka_unit_test(phases_gates_and_who_did_the_work_are_tables),
        cmocka_unit_test(what_did_not_happen_has_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
