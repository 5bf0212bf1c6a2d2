/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static void the_overview_names_every_command_that_is_not_hidden(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    help_overview(&plain, &text);
    for (size_t i = 0; i < count; i++) {
        char *line = mem_printf("\n  %s ", rows[i].name);

        assert_int_equal(strstr(text.data, line) != NULL, !rows[i].is_hidden);
        free(line);
    }
    strbuf_release(&text);
}

static void help_has_all_arguments_and_fits(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    assert_int_equal(help_command(&plain, "run", &text, NULL), 0);
    assert_non_null(strstr(text.data, "fermata run [TASK] [options]"));
    assert_non_null(strstr(text.data, "-w, --workflow WORKFLOW"));
    assert_non_null(strstr(text.data, "--no-input"));
    assert_non_null(strstr(text.data, "hybrid"));
    for (char *rest = NULL, *line = strtok_r(text.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_true(utf8_width(line) <= 80);
    }
    strbuf_release(&text);
}

static void help_lists_only_exit_statuses_that_the_command_has(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    assert_int_equal(help_command(&plain, "run", &text, NULL), 0);
    assert_non_null(strstr(text.data, "\n   42  "));
    assert_non_null(strstr(text.data, "\n  124  "));
    strbuf_reset(&text);
    assert_int_equal(help_command(&plain, "list", &text, NULL), 0);
    assert_non_null(strstr(text.data, "\nExit status\n    0  "));
    assert_null(strstr(text.data, "\n   42  "));
    assert_null(strstr(text.data, "\n  124  "));
    strbuf_release(&text);
}

static void usage_shows_what_is_required(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    help_usage(ops_find("skip"), &text);
    assert_string_equal(text.data, "fermata skip RUN [STEP] --reason TEXT [options]");
    strbuf_reset(&text);
    help_usage(ops_find("validate"), &text);
    assert_string_equal(text.data, "fermata validate [NAME|FILE]...");
    strbuf_release(&text);
}

static void the_commands_of_the_line_itself_have_help_and_unknown_ones_a_hint(void **state)
{
    struct error err = ERROR_INIT;
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    assert_int_equal(help_command(&plain, "completion", &text, NULL), 0);
    assert_non_null(strstr(text.data, "bash|zsh|fish"));
    assert_int_equal(help_command(&plain, "lsit", &text, &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "list"));
    strbuf_release(&text);
}

static void every_exit_status_of_an_error_has_a_meaning(void **state)
{
    size_t count;
    const struct exit_status *statuses = exit_statuses(&count);

    (void)state;
    for (int code = 0; code > -ERROR_CODES; code--) {
        bool is_found = false;

        for (size_t i = 0; i < count; i++) {
            is_found = is_found || statuses[i].status == error_code_exit_status(code);
        }
        assert_true(is_found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_overview_names_every_command_that_is_not_hidden),
        cmocka_unit_test(help_has_all_arguments_and_fits),
        cmocka_unit_test(help_lists_only_exit_statuses_that_the_command_has),
        cmocka_unit_test(usage_shows_what_is_required),
        cmocka_unit_test(the_commands_of_the_line_itself_have_help_and_unknown_ones_a_hint),
        cmocka_unit_test(every_exit_status_of_an_error_has_a_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
