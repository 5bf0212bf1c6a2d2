/* SPDX-License-Identifier: MIT */
/* With a real folder: that is what the unit is about. */
#include "run/reserve.h"

#include "base/file.h"
#include "run/run.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static void a_reserve_takes_real_space_and_is_given_back_once(void **state)
{
    char *folder = scratch_new();
    char *path = scratch_path(folder, "reserve");
    struct stat status;

    (void)state;
    reserve_make(folder);
    assert_int_equal(stat(path, &status), 0);
    assert_true((long long)status.st_blocks * 512 >= 256 * 1024);
    reserve_make(folder); /* it is there: nothing happens */
    assert_true(reserve_release(folder));
    assert_false(file_exists(path));
    assert_false(reserve_release(folder));
    free(path);
    scratch_remove(folder);
}

static void room_is_made_with_a_part_of_the_reserve_as_long_as_there_is_one(void **state)
{
    char *folder = scratch_new();
    char *path = scratch_path(folder, "reserve");
    struct stat status;
    off_t size;
    int count = 0;

    (void)state;
    reserve_make(folder);
    assert_int_equal(stat(path, &status), 0);
    size = status.st_size;
    assert_true(run_make_room(folder));
    assert_int_equal(stat(path, &status), 0);
    assert_in_range(status.st_size, size / 2, size - 32 * 1024);
    while (run_make_room(folder)) {
        count++;
    }
    assert_in_range(count, 2, 10);
    assert_false(file_exists(path));
    free(path);
    scratch_remove(folder);
}

static void without_a_folder_there_is_no_reserve(void **state)
{
    (void)state;
    reserve_make("/nonexistent");
    assert_false(reserve_release("/nonexistent"));
    assert_false(run_make_room("/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reserve_takes_real_space_and_is_given_back_once),
        cmocka_unit_test(room_is_made_with_a_part_of_the_reserve_as_long_as_there_is_one),
        cmocka_unit_test(without_a_folder_there_is_no_reserve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
