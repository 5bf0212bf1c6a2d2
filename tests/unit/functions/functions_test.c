/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/alloc.h"
#include "functions/checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_row_is_complete_and_has_its_own_name(void **state)
{
    size_t count;
    const struct function *table = function_table(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_non_null(table[i].run);
        assert_true(strlen(table[i].help) > 10);
        assert_non_null(table[i].arguments);
        assert_ptr_equal(function_find(table[i].name), &table[i]);
    }
}

static void the_checks_are_in_the_table(void **state)
{
    size_t count;

    (void)state;
    assert_true(checks_table(&count) != NULL && count > 0);
    assert_non_null(function_find("check-lint"));
}

static void an_unknown_name_is_not_found_and_has_a_nearest(void **state)
{
    (void)state;
    assert_null(function_find("histroy"));
    assert_string_equal(function_nearest("histroy"), "history");
    assert_null(function_nearest("completely-different"));
}

static void the_reference_names_every_function_with_all_that_it_takes(void **state)
{
    size_t count;
    const struct function *table = function_table(&count);
    char *page = function_reference();

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char *row = mem_printf("| `%s` | %s |", table[i].name, table[i].help);

        assert_non_null(strstr(page, row));
        free(row);
    }
    assert_non_null(strstr(page, "| `min`: least coverage in percent (default 80); `find`: `true`: "
                                 "runs nothing, passes where there is something that could measure "
                                 "it; `timeout`: seconds for each command (default 3600) |\n"));
    assert_non_null(strstr(page, "very long functions and files | |\n"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_has_its_own_name),
        cmocka_unit_test(the_checks_are_in_the_table),
        cmocka_unit_test(an_unknown_name_is_not_found_and_has_a_nearest),
        cmocka_unit_test(the_reference_names_every_function_with_all_that_it_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
