/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_are_found_by_key(void **state)
{
    struct map *map = map_new();
    char key[] = "a";
    int one = 1;
    int two = 2;

    (void)state;
    assert_null(map_find(map, "a"));
    assert_null(map_put(map, key, &one));
    key[0] = 'x'; /* keys are copied */
    assert_ptr_equal(map_find(map, "a"), &one);
    assert_ptr_equal(map_put(map, "a", &two), &one);
    assert_ptr_equal(map_find(map, "a"), &two);
    assert_int_equal(map_count(map), 1);
    assert_null(map_put(map, "", &one));
    assert_ptr_equal(map_find(map, ""), &one);
    map_free(map);
    map_free(NULL);
}

static void removed_keys_are_gone(void **state)
{
    struct map *map = map_new();
    int one = 1;

    (void)state;
    assert_null(map_remove(map, "a"));
    map_put(map, "a", &one);
    assert_ptr_equal(map_remove(map, "a"), &one);
    assert_null(map_find(map, "a"));
    assert_null(map_remove(map, "a"));
    assert_int_equal(map_count(map), 0);
    map_free(map);
}

#define KEYS 2000

/* Random puts and removals against a plain array. */
static void it_agrees_with_an_array(void **state)
{
    struct map *map = map_new();
    static int values[KEYS];
    static bool present[KEYS];
    uint64_t random = 88172645463325252ULL;
    size_t count = 0;

    (void)state;
    for (int round = 0; round < 40000; round++) {
        char key[16];
        size_t i;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        i = random % KEYS;
        (void)snprintf(key, sizeof(key), "key%zu", i);
        if (random & (1U << 20)) {
            assert_ptr_equal(map_put(map, key, &values[i]), present[i] ? &values[i] : NULL);
            count += present[i] ? 0 : 1;
            present[i] = true;
        } else {
            assert_ptr_equal(map_remove(map, key), present[i] ? &values[i] : NULL);
            count -= present[i] ? 1 : 0;
            present[i] = false;
        }
        assert_int_equal(map_count(map), count);
    }
    for (size_t i = 0; i < KEYS; i++) {
        char key[16];

        (void)snprintf(key, sizeof(key), "key%zu", i);
        assert_ptr_equal(map_find(map, key), present[i] ? &values[i] : NULL);
    }
    map_free(map);
}

static void iteration_meets_each_key_once(void **state)
{
    struct map *map = map_new();
    int values[100] = {0};
    size_t cursor = 0;
    const char *key;
    void *value;

    (void)state;
    assert_false(map_next(map, &cursor, &key, &value));
    for (int i = 0; i < 100; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "%d", i);
        map_put(map, name, &values[i]);
    }
    cursor = 0;
    while (map_next(map, &cursor, &key, &value)) {
        assert_ptr_equal(value, &values[strtol(key, NULL, 10)]);
        (*(int *)value)++;
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(values[i], 1);
    }
    map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_key),
        cmocka_unit_test(removed_keys_are_gone),
        cmocka_unit_test(it_agrees_with_an_array),
        cmocka_unit_test(iteration_meets_each_key_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
