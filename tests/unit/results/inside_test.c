/* SPDX-License-Identifier: MIT */
#include "results/inside.h"

#include "../../support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_path_is_opened_below_the_folder_and_through_no_link(void **state)
{
    char *scratch = scratch_new();
    char *link;
    int folder;
    int fd;

    (void)state;
    scratch_write(scratch, "in/file", "text");
    scratch_write(scratch, "out/file", "text");
    link = scratch_path(scratch, "in/link");
    assert_int_equal(symlink("../out", link), 0);
    free(link);
    link = scratch_path(scratch, "in");
    folder = open(link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fd = inside_open(folder, "file", O_RDONLY);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(inside_open(folder, "link/file", O_RDONLY), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(inside_open(folder, "../out/file", O_RDONLY), -1);
    assert_int_equal(errno, EXDEV);
    (void)close(folder);
    free(link);
    scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_opened_below_the_folder_and_through_no_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
