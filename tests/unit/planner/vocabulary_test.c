/* SPDX-License-Identifier: MIT */
#include "planner/vocabulary.h"

#include "planner/words.h"
#include "run/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void every_phrase_can_be_found_and_weighs_something(void **state)
{
    (void)state;
    for (size_t i = 0; i < kind_word_count; i++) {
        struct words words;

        words_make(kind_words[i].phrase, &words);
        assert_true(words_has(&words, kind_words[i].phrase, NULL));
        assert_true(kind_words[i].weight > 0);
        words_release(&words);
    }
}

static void no_phrase_stands_twice_for_one_thing(void **state)
{
    (void)state;
    for (size_t i = 0; i < kind_word_count; i++) {
        for (size_t k = i + 1; k < kind_word_count; k++) {
            assert_false(kind_words[i].kind == kind_words[k].kind &&
                         strcmp(kind_words[i].phrase, kind_words[k].phrase) == 0);
        }
    }
}

static void every_kind_and_surface_has_words(void **state)
{
    (void)state;
    for (int kind = 0; kind < TASK_KIND_COUNT; kind++) {
        bool is_known = false;

        for (size_t i = 0; i < kind_word_count; i++) {
            is_known = is_known || kind_words[i].kind == (enum task_kind)kind;
        }
        assert_true(is_known);
    }
    for (int surface = 0; surface < SURFACES; surface++) {
        bool is_known = false;

        for (size_t i = 0; i < surface_word_count; i++) {
            is_known = is_known || surface_words[i].surface == (enum surface)surface;
        }
        assert_true(is_known);
    }
}

/* Statistics are kept by the same words. */
static void the_kinds_are_those_of_statistics(void **state)
{
    const char *at = TASK_KINDS;

    (void)state;
    for (int kind = 0; kind < TASK_KIND_COUNT; kind++) {
        const char *name = task_kind_name((enum task_kind)kind);
        size_t length = strlen(name);

        assert_memory_equal(at, name, length);
        assert_true(at[length] == '|' || at[length] == '\0');
        at += length + (at[length] == '|');
    }
    assert_string_equal(at, "");
}

static void sizes_and_paths_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < size_word_count; i++) {
        assert_int_not_equal(size_words[i].points, 0);
    }
    for (size_t i = 0; i < risk_word_count; i++) {
        assert_true(*risk_words[i].risk != '\0');
    }
    for (size_t i = 0; i < path_word_count; i++) {
        assert_true(*path_words[i].part != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phrase_can_be_found_and_weighs_something),
        cmocka_unit_test(no_phrase_stands_twice_for_one_thing),
        cmocka_unit_test(every_kind_and_surface_has_words),
        cmocka_unit_test(the_kinds_are_those_of_statistics),
        cmocka_unit_test(sizes_and_paths_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
