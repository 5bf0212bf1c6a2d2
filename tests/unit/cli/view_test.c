/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "cli/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void questions_need_a_terminal_on_both_sides(void **state)
{
    struct cli_settings settings = {.in_is_terminal = true};
    struct cli cli = {.settings = &settings, .err = {.is_terminal = true}};
    struct ops_view view;

    (void)state;
    cli_view(&cli, &view);
    assert_non_null(view.ask);
    settings.in_is_terminal = false;
    cli_view(&cli, &view);
    assert_null(view.ask);
    settings.in_is_terminal = true;
    cli.err.is_terminal = false;
    cli_view(&cli, &view);
    assert_null(view.ask);
}

/* What the item is on a descriptor that is not a terminal. */
static void assert_item(const struct cli_call *call, bool log_json, const char *item,
                        const char *expected)
{
    const struct cli_settings settings = {0};
    struct cli cli = {.settings = &settings, .call = call, .log_json = log_json};
    json_t *value = json_loads(item, 0, NULL);
    struct ops_view view;
    char text[256];
    ssize_t length;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    cli.out.fd = ends[1];
    cli_view(&cli, &view);
    view.on_item(&cli, value);
    length = read(ends[0], text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    assert_string_equal(text, expected);
    (void)close(ends[0]);
    (void)close(ends[1]);
    json_decref(value);
}

static void items_are_printed_as_what_they_are(void **state)
{
    const struct cli_call call = {0};
    const struct cli_call json = {.wants_json = true};

    (void)state;
    assert_item(&call, false, "{\"output\":\"a\\u001b[1mb\"}", "a\033[1mb");
    assert_item(&call, false, "{\"lines\":\"[t] [INFO] x\\n\"}", "[t] [INFO] x\n");
    assert_item(&call, false, "{\"seq\":1}", "{\"seq\":1}\n");
    assert_item(&json, false, "{\"output\":\"a\"}", "{\"output\":\"a\"}\n");
    assert_item(&call, true, "{\"output\":\"a\"}", "{\"output\":\"a\"}\n");
}

static void notices_are_lines_without_control_characters(void **state)
{
    const struct cli_settings settings = {0};
    const struct cli_call call = {0};
    struct cli cli = {.settings = &settings, .call = &call};
    struct ops_view view;
    char text[64];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    cli.err.fd = ends[1];
    cli_view(&cli, &view);
    view.on_notice(&cli, "made \033[31mit");
    assert_int_equal(read(ends[0], text, sizeof(text)), 8);
    assert_memory_equal(text, "made it\n", 8);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void writing_where_nobody_reads_fails(void **state)
{
    (void)state;
    assert_false(cli_write(-1, "x", 1));
    assert_true(cli_write(-1, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_need_a_terminal_on_both_sides),
        cmocka_unit_test(items_are_printed_as_what_they_are),
        cmocka_unit_test(notices_are_lines_without_control_characters),
        cmocka_unit_test(writing_where_nobody_reads_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
