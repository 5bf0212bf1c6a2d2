/* SPDX-License-Identifier: MIT */
#include "base/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    const char *texts[20];
    int64_t number;
    int small;
    bool flag;
    double real;
};

static void a_struct_comes_back_as_it_was(void **state)
{
    struct arena *arena = arena_new();
    struct sample samples[3];
    const struct packed *packed[3];

    (void)state;
    memset(samples, 0, sizeof(samples));
    samples[1].texts[0] = "first";
    samples[1].texts[19] = "last";
    samples[1].flag = true;
    samples[1].real = -1.5;
    memset(&samples[2], 0xA5, sizeof(samples[2]));
    for (size_t i = 0; i < 3; i++) {
        packed[i] = packed_put(arena, &samples[i], sizeof(samples[i]));
    }
    for (size_t i = 0; i < 3; i++) {
        struct sample read;

        memset(&read, 0xFF, sizeof(read));
        packed_get(packed[i], &read, sizeof(read));
        assert_memory_equal(&read, &samples[i], sizeof(read));
    }
    arena_free(arena);
}

static void the_largest_struct_has_a_bit_for_each_word(void **state)
{
    struct arena *arena = arena_new();
    uint64_t words[PACKED_BYTES_MAX / sizeof(uint64_t)];
    uint64_t read[PACKED_BYTES_MAX / sizeof(uint64_t)];

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        words[i] = i;
    }
    packed_get(packed_put(arena, words, sizeof(words)), read, sizeof(read));
    assert_memory_equal(words, read, sizeof(read));
    arena_free(arena);
}

static void what_is_zero_takes_no_room(void **state)
{
    struct arena *arena = arena_new();
    struct sample sample;

    (void)state;
    memset(&sample, 0, sizeof(sample));
    sample.number = 7;
    for (int i = 0; i < 1000; i++) {
        (void)packed_put(arena, &sample, sizeof(sample));
    }
    assert_true(arena_size_bytes(arena) < 1000 * sizeof(sample) / 5);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_struct_comes_back_as_it_was),
        cmocka_unit_test(the_largest_struct_has_a_bit_for_each_word),
        cmocka_unit_test(what_is_zero_takes_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
