/* SPDX-License-Identifier: MIT */
#include "run/run.h"

#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int set_up(void **state)
{
    *state = scratch_new();
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

/* Two builds that make one store differently would refuse each other's. */
static void an_image_made_before_is_the_one_made_now(void **state)
{
    char *path = scratch_path(*state, "x.db");
    struct store_options options = {.path = path, .image = run_store_image()};
    unsigned char *bytes = NULL;
    size_t size = 0;
    struct store *store = NULL;

    options.migrations = run_migrations(&options.migration_count);
    assert_int_equal(store_make_image(&options, &bytes, &size, NULL), 0);
    assert_int_equal(size, options.image.size);
    assert_memory_equal(bytes, options.image.bytes, size);
    assert_int_equal(store_open_with(&store, &options, NULL), 0);
    assert_int_equal(store_verify(store, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(bytes);
    free(path);
}

/* Runs of before are tasks of their own. */
static void a_store_without_tasks_gets_them(void **state)
{
    char *path = scratch_path(*state, "x.db");
    struct store_options options = {.path = path};
    struct store *store = NULL;
    size_t all;

    options.migrations = run_migrations(&all);
    options.migration_count = all - 1;
    assert_int_equal(store_open_with(&store, &options, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    options.migration_count = all;
    assert_int_equal(store_open_with(&store, &options, NULL), 0);
    assert_int_equal(store_verify(store, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_made_before_is_the_one_made_now, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_store_without_tasks_gets_them, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
