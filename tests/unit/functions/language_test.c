/* SPDX-License-Identifier: MIT */
#include "functions/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void files_are_known_by_suffix_and_by_name(void **state)
{
    (void)state;
    assert_string_equal(language_of_path("src/a.c")->name, "C");
    assert_string_equal(language_of_path("Makefile")->name, "Make");
    assert_string_equal(language_of_path("x/Dockerfile.dev")->name, "Dockerfile");
    assert_null(language_of_path("src/data"));
    assert_null(language_of_path(".c"));
}

static void scripts_are_known_by_their_first_line(void **state)
{
    static const char shell[] = "#!/bin/sh\necho\n";
    static const char tcl[] = "#!/bin/sh\n# \\\nexec wish \"$0\"\n";

    (void)state;
    assert_string_equal(language_of_text(shell, strlen(shell))->name, "Shell");
    assert_string_equal(language_of_text(tcl, strlen(tcl))->name, "Tcl");
    assert_null(language_of_text("hello", 5));
    assert_null(language_of_text("", 0));
}

static void no_language_is_no_language(void **state)
{
    (void)state;
    assert_false(language_is(NULL, "C"));
    assert_true(language_is(language_of_path("a.py"), "python"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_known_by_suffix_and_by_name),
        cmocka_unit_test(scripts_are_known_by_their_first_line),
        cmocka_unit_test(no_language_is_no_language),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
