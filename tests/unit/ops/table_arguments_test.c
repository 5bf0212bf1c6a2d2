/* SPDX-License-Identifier: MIT */
#include "ops/table_arguments.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

/* Words stand in the order of the arguments: a required one behind an optional one is never met. */
static void what_is_required_comes_before_what_is_not(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool is_optional = false;

        for (size_t k = 0; k < rows[i].argument_count; k++) {
            const struct argument *argument = &rows[i].arguments[k];

            if (argument->is_positional) {
                assert_false(is_optional && argument->is_required);
                is_optional = is_optional || !argument->is_required;
            }
        }
    }
}

static void no_letter_stands_for_two_options(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool is_taken[256] = {false};

        for (size_t k = 0; k < rows[i].argument_count; k++) {
            unsigned char letter = (unsigned char)rows[i].arguments[k].letter;

            assert_false(letter && is_taken[letter]);
            is_taken[letter] = true;
        }
    }
}

static void the_lists_are_those_of_the_rows(void **state)
{
    const struct operation *plan = ops_find("plan");

    (void)state;
    assert_ptr_equal(plan->arguments, plan_arguments);
    assert_int_equal(plan->argument_count, ARRAY_LEN(plan_arguments));
    assert_string_equal(run_arguments[0].name, "task");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_required_comes_before_what_is_not),
        cmocka_unit_test(no_letter_stands_for_two_options),
        cmocka_unit_test(the_lists_are_those_of_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
