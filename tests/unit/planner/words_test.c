/* SPDX-License-Identifier: MIT */
#include "planner/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static bool has(const char *text, const char *phrase)
{
    struct words words;
    bool result;

    words_make(text, &words);
    result = words_has(&words, phrase, NULL);
    words_release(&words);
    return result;
}

static void forms_of_a_word_are_one(void **state)
{
    (void)state;
    assert_true(has("Migrating the tables", "migrate"));
    assert_true(has("It was migrated.", "migrate"));
    assert_true(has("many vulnerabilities", "vulnerability"));
    assert_true(has("it crashes", "crash"));
    assert_true(has("stopped", "stop"));
    assert_true(has("adding", "add"));
    assert_false(has("this class", "thi"));
    assert_true(has("the APIs", "api"));
}

static void a_phrase_is_words_side_by_side(void **state)
{
    struct words words;
    size_t index = 99;

    (void)state;
    words_make("Find the unit tests, please", &words);
    assert_true(words_has(&words, "unit test", &index));
    assert_int_equal(index, 2);
    assert_false(words_has(&words, "test unit", NULL));
    assert_false(words_has(&words, "nit test", NULL));
    assert_false(words_has(&words, "", NULL));
    assert_int_equal(words.count, 5);
    words_release(&words);
}

static void a_stem_is_shown_as_it_is_written(void **state)
{
    char written[8] = "";

    (void)state;
    assert_true(words_find_written("Look: Migrating tables", "migrat", written, sizeof(written)));
    assert_string_equal(written, "Migrati"); /* as far as there is room */
    assert_true(words_find_written("Fix the Caches.", "cach", written, sizeof(written)));
    assert_string_equal(written, "Caches");
    assert_false(words_find_written("Fix the caches", "cache", written, sizeof(written)));
}

static void words_are_walked_one_by_one(void **state)
{
    struct words words;
    size_t cursor = 0;
    char stem[4];

    (void)state;
    words_make("C++ servers", &words);
    assert_true(words_next(&words, &cursor, stem, sizeof(stem)));
    assert_string_equal(stem, "c++");
    assert_true(words_next(&words, &cursor, stem, sizeof(stem)));
    assert_string_equal(stem, "ser");
    assert_false(words_next(&words, &cursor, stem, sizeof(stem)));
    words_release(&words);
}

static void what_says_nothing_is_common(void **state)
{
    (void)state;
    assert_true(words_is_common("the"));
    assert_true(words_is_common("x"));
    assert_false(words_is_common("database"));
}

static void a_huge_text_has_a_ceiling(void **state)
{
    size_t size = 2 * (size_t)WORDS_BYTES_MAX;
    char *text = malloc(size + 1);
    struct words words;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', size);
    text[size] = '\0';
    words_make(text, &words);
    assert_int_equal(words.count, 1);
    words_release(&words);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_a_word_are_one),
        cmocka_unit_test(a_phrase_is_words_side_by_side),
        cmocka_unit_test(a_stem_is_shown_as_it_is_written),
        cmocka_unit_test(words_are_walked_one_by_one),
        cmocka_unit_test(what_says_nothing_is_common),
        cmocka_unit_test(a_huge_text_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
