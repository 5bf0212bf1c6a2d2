/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void it_gives_back_its_value(void **state)
{
    char *text = function_text("/", "noop", json_pack("{s:[i,i]}", "value", 1, 2));

    (void)state;
    assert_string_equal(text, "[1,2]");
    free(text);
}

static void without_a_value_it_gives_back_null(void **state)
{
    char *text = function_text("/", "noop", NULL);

    (void)state;
    assert_string_equal(text, "null");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_back_its_value),
        cmocka_unit_test(without_a_value_it_gives_back_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
