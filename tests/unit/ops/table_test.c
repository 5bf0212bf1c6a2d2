/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void every_row_is_complete(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(rows[i].run);
        assert_true(*rows[i].summary && strlen(rows[i].summary) < 80);
        assert_true(*rows[i].description);
        assert_true(*rows[i].group);
        /* The example shows the command itself. */
        assert_non_null(strstr(rows[i].example, rows[i].name));
        assert_non_null(strstr(rows[i].example, "fermata "));
    }
}

static void every_argument_is_complete(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < rows[i].argument_count; k++) {
            const struct argument *argument = &rows[i].arguments[k];

            assert_true(*argument->name && *argument->help);
            assert_int_equal(argument->type == ARGUMENT_CHOICE, argument->choices != NULL);
            assert_true(argument->type == ARGUMENT_BOOLEAN || argument->value_name);
            assert_null(strchr(argument->name, '-'));
        }
    }
}

static void names_and_letters_are_unique_and_leave_the_global_ones_alone(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(rows[i].name, rows[k].name);
        }
        for (size_t k = 0; k < rows[i].argument_count; k++) {
            const struct argument *one = &rows[i].arguments[k];

            assert_null(strchr("ChV", one->letter ? one->letter : '-'));
            for (size_t m = 0; m < k; m++) {
                const struct argument *other = &rows[i].arguments[m];

                assert_string_not_equal(one->name, other->name);
                assert_true(!one->letter || one->letter != other->letter);
            }
        }
    }
}

static void positionals_come_first_the_required_ones_before_the_others(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool has_optional = false;

        for (size_t k = 0; k < rows[i].argument_count; k++) {
            const struct argument *argument = &rows[i].arguments[k];

            if (argument->is_positional) {
                assert_false(argument->is_required && has_optional);
                has_optional = has_optional || !argument->is_required;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_argument_is_complete),
        cmocka_unit_test(names_and_letters_are_unique_and_leave_the_global_ones_alone),
        cmocka_unit_test(positionals_come_first_the_required_ones_before_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
