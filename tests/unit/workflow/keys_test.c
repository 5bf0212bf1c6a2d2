/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_key_is_found_at_each_of_its_levels(void **state)
{
    (void)state;
    size_t count;
    const struct key *keys = key_table(&count);

    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        assert_true(keys[i].levels != 0 && keys[i].levels < LEVEL_BIT(KEY_LEVELS));
        for (int level = 0; level < KEY_LEVELS; level++) {
            if (keys[i].levels & LEVEL_BIT(level)) {
                /* Also: no key stands twice in a level. */
                assert_ptr_equal(key_find((enum key_level)level, keys[i].name), &keys[i]);
            }
        }
    }
}

static void each_row_says_what_its_shapes_need(void **state)
{
    (void)state;
    size_t count;
    const struct key *keys = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        assert_true(keys[i].shapes != 0 && keys[i].shapes < 1U << KEY_SHAPES);
        assert_true(keys[i].help && *keys[i].help);
        assert_true(!(keys[i].shapes & (SHAPE_WORD | SHAPE_WORDS)) == !keys[i].words);
        if (keys[i].shapes & (SHAPE_INTEGER | SHAPE_NUMBER | SHAPE_BYTES | SHAPE_INTEGERS)) {
            assert_true(keys[i].least < keys[i].most);
        }
        if (keys[i].shapes & (SHAPE_OBJECT | SHAPE_OBJECTS | SHAPE_NAMED)) {
            assert_true(keys[i].of > LEVEL_WORKFLOW && keys[i].of < KEY_LEVELS);
        }
    }
}

static void each_level_has_words_for_messages_and_the_reference(void **state)
{
    (void)state;
    for (int level = 0; level < KEY_LEVELS; level++) {
        const struct level *row = key_level_get((enum key_level)level);

        assert_true(row->name && row->title && row->help);
        for (int other = 0; other < level; other++) {
            assert_string_not_equal(row->name, key_level_get((enum key_level)other)->name);
        }
    }
}

static void an_unknown_key_has_a_nearest_one(void **state)
{
    (void)state;
    assert_null(key_find(LEVEL_STEP, "promt"));
    assert_string_equal(key_nearest(LEVEL_STEP, "promt"), "prompt");
    assert_string_equal(key_nearest(LEVEL_PHASE, "step"), "steps");
    assert_string_equal(key_nearest(LEVEL_WORKFLOW, "on-failure"), "on_failure");
    assert_null(key_nearest(LEVEL_STEP, "zzzzzzzz"));
    assert_null(key_find(LEVEL_WORKFLOW, "prompt"));
}

static void keys_without_effect_are_never_suggested(void **state)
{
    (void)state;
    assert_true(key_find(LEVEL_AGENT, "model_path")->is_ignored);
    assert_null(key_nearest(LEVEL_AGENT, "model_pat"));
}

static void only_the_fallback_settings_take_any_name(void **state)
{
    (void)state;
    for (int level = 0; level < KEY_LEVELS; level++) {
        assert_true(key_level_has_free_keys((enum key_level)level) == (level == LEVEL_FALLBACK));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_is_found_at_each_of_its_levels),
        cmocka_unit_test(each_row_says_what_its_shapes_need),
        cmocka_unit_test(each_level_has_words_for_messages_and_the_reference),
        cmocka_unit_test(an_unknown_key_has_a_nearest_one),
        cmocka_unit_test(keys_without_effect_are_never_suggested),
        cmocka_unit_test(only_the_fallback_settings_take_any_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
