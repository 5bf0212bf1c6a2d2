/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    for (size_t size = 1; size < 200; size++) {
        unsigned char *memory = arena_zero(arena, size, 3);

        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size * 3; i++) {
            assert_int_equal(memory[i], 0);
            memory[i] = 0xFF;
        }
    }
    arena_free(arena);
}

static void big_pieces_leave_the_current_block_in_use(void **state)
{
    struct arena *arena = arena_new();
    char *before = arena_strdup(arena, "before");
    size_t size;
    char *after;

    (void)state;
    memset(arena_zero(arena, 1, 100000), 'x', 100000);
    size = arena_size_bytes(arena);
    after = arena_strdup(arena, "after");
    assert_int_equal(arena_size_bytes(arena), size);
    assert_string_equal(before, "before");
    assert_string_equal(after, "after");
    arena_free(arena);
}

static void a_big_piece_may_come_first(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    memset(arena_zero(arena, 1, 5000), 'x', 5000);
    assert_string_equal(arena_strdup(arena, "after"), "after");
    arena_free(arena);
}

static void texts_are_copied(void **state)
{
    struct arena *arena = arena_new();
    char source[] = "abcdef";
    char *whole = arena_strdup(arena, source);
    char *part = arena_strndup(arena, source, 3);

    (void)state;
    memset(source, 'x', sizeof(source) - 1);
    assert_string_equal(whole, "abcdef");
    assert_string_equal(part, "abc");
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strndup(arena, "", 0), "");
    arena_free(arena);
}

static void formatted_texts_have_any_length(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_string_equal(arena_printf(arena, "%s-%d", "a", 7), "a-7");
    assert_int_equal(strlen(arena_printf(arena, "%9000s", "x")), 9000);
    arena_free(arena);
}

static void its_size_grows_with_what_it_holds(void **state)
{
    struct arena *arena = arena_new();

    (void)state;
    assert_int_equal(arena_size_bytes(arena), 0);
    for (int i = 0; i < 1000; i++) {
        (void)arena_zero(arena, 1, 100);
    }
    assert_true(arena_size_bytes(arena) >= 100000);
    assert_true(arena_size_bytes(arena) < 200000);
    arena_free(arena);
    arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(big_pieces_leave_the_current_block_in_use),
        cmocka_unit_test(a_big_piece_may_come_first),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(formatted_texts_have_any_length),
        cmocka_unit_test(its_size_grows_with_what_it_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
