/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void it_fails_with_the_message_given(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    (void)function_failure("/", "fail", json_pack("{s:s}", "message", "as planned"), &err);
    assert_string_equal(err.text, "as planned");
}

static void it_fails_without_a_message_too(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    (void)function_failure("/", "fail", NULL, &err);
    assert_string_not_equal(err.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fails_with_the_message_given),
        cmocka_unit_test(it_fails_without_a_message_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
