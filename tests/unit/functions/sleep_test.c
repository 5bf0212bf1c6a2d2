/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void no_time_at_all_is_fine(void **state)
{
    char *text = function_text("/", "sleep", json_pack("{s:i}", "milliseconds", 0));

    (void)state;
    assert_string_equal(text, "{\"slept_ms\":0}");
    free(text);
}

static void a_negative_or_huge_time_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "sleep", json_pack("{s:i}", "milliseconds", -1), &err),
                     ERROR_INVALID);
    assert_int_equal(
        function_failure("/", "sleep", json_pack("{s:s}", "milliseconds", "999999999"), &err),
        ERROR_INVALID);
    assert_non_null(strstr(err.text, "milliseconds"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_time_at_all_is_fine),
        cmocka_unit_test(a_negative_or_huge_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
