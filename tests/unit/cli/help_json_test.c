/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *describe(const char *name)
{
    json_t *description = NULL;

    assert_int_equal(help_describe(name, &description, NULL), 0);
    return description;
}

static void all_commands_are_described_but_the_hidden_ones(void **state)
{
    json_t *all = describe(NULL);
    const json_t *command;
    size_t run = 0;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(all, "commands"), i, command)
    {
        const char *name = json_get_text(command, "name", "");

        assert_string_not_equal(name, "drive");
        assert_non_null(json_get_text(command, "summary", NULL));
        assert_non_null(json_get_text(command, "usage", NULL));
        assert_non_null(json_get_text(command, "example", NULL));
        run += strcmp(name, "run") == 0 ? 1 : 0;
    }
    assert_int_equal(run, 1);
    assert_true(json_array_size(json_object_get(all, "options")) > 3);
    assert_true(json_array_size(json_object_get(all, "exit_statuses")) > 8);
    json_decref(all);
}

static void an_argument_says_how_it_is_given(void **state)
{
    json_t *list = describe("list");
    const json_t *status = json_array_get(json_object_get(list, "arguments"), 0);

    (void)state;
    assert_string_equal(json_get_text(status, "option", ""), "--status");
    assert_string_equal(json_get_text(status, "short", ""), "-s");
    assert_string_equal(json_get_text(status, "type", ""), "choice");
    assert_int_equal(json_array_size(json_object_get(status, "choices")), 6);
    assert_true(json_is_true(json_object_get(list, "read_only")));
    assert_int_equal(json_array_size(json_object_get(list, "exit_statuses")), 6);
    json_decref(list);
}

static void an_unknown_command_is_refused(void **state)
{
    struct error err = ERROR_INIT;
    json_t *description = NULL;

    (void)state;
    assert_int_equal(help_describe("lsit", &description, &err), ERROR_INVALID);
    assert_null(description);
    json_decref(describe("completion"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_commands_are_described_but_the_hidden_ones),
        cmocka_unit_test(an_argument_says_how_it_is_given),
        cmocka_unit_test(an_unknown_command_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
