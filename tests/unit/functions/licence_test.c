/* SPDX-License-Identifier: MIT */
#include "functions/licence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const char *text, const char *name)
{
    const char *found = licence_of_text(text, strlen(text));

    if (name) {
        assert_non_null(found);
        assert_string_equal(found, name);
    } else {
        assert_null(found);
    }
}

static void texts_are_told_apart(void **state)
{
    (void)state;
    assert_text("Permission is hereby granted, free of\n charge, to any person ... THE SOFTWARE",
                "MIT");
    assert_text("GNU LESSER GENERAL PUBLIC LICENSE\n   Version 2.1, February 1999", "LGPL-2.1");
    assert_text("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GPL-2.0");
    assert_text("Redistribution and use in source and binary forms ... used to endorse or promote",
                "BSD-3-Clause");
    assert_text("Redistribution and use in source and binary forms, with or without",
                "BSD-2-Clause");
    assert_text("All rights reserved.", NULL);
}

static void names_say_what_is_asked(void **state)
{
    (void)state;
    assert_int_equal(licence_kind_of("GPL-2.0-or-later"), LICENCE_COPYLEFT);
    assert_int_equal(licence_kind_of("mit"), LICENCE_PERMISSIVE);
    assert_int_equal(licence_kind_of("LGPL-2.1+"), LICENCE_WEAK_COPYLEFT);
    assert_int_equal(licence_kind_of("House-1.0"), LICENCE_OTHER);
    assert_true(licence_is_same("GPL-2.0+", "GPL-2.0-or-later"));
    assert_false(licence_is_same("GPL-2.0", "GPL-3.0"));
}

static void files_of_licences_are_known_by_name(void **state)
{
    (void)state;
    assert_true(licence_is_file("LICENSE"));
    assert_true(licence_is_file("a/COPYING.LESSER"));
    assert_true(licence_is_file("licence.md"));
    assert_true(licence_is_file("LICENSES/MIT.txt"));
    assert_false(licence_is_file("src/license.c"));
    assert_false(licence_is_file("LICENSEE.md"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_told_apart),
        cmocka_unit_test(names_say_what_is_asked),
        cmocka_unit_test(files_of_licences_are_known_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
