/* SPDX-License-Identifier: MIT */
/* flock is wrapped, see the Makefile. */
#include "run/slot.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

static int lock_errno; /* of the next lock; 0: it goes well */

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    if (lock_errno) {
        errno = lock_errno;
        lock_errno = 0;
        return -1;
    }
    return __real_flock(fd, operation);
}

static void so_many_have_one_and_the_next_one_when_it_is_given_back(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int first = -1;
    int second = -1;
    int third = -1;
    int copy;

    assert_int_equal(slot_take(project->folder, "a", 2, &first, NULL), 0);
    assert_int_equal(slot_take(project->folder, "a", 2, &second, NULL), 0);
    assert_int_equal(slot_take(project->folder, "a", 2, &third, &err), ERROR_BUSY);
    assert_non_null(strstr(err.text, "agent a answers 2 calls"));
    assert_int_equal(slot_take(project->folder, "b", 1, &third, NULL), 0);
    (void)close(third);
    copy = dup(first);
    (void)close(first);
    assert_int_equal(slot_take(project->folder, "a", 2, &third, NULL), ERROR_BUSY);
    (void)close(copy);
    assert_int_equal(slot_take(project->folder, "a", 2, &third, NULL), 0);
    (void)close(second);
    (void)close(third);
}

static void what_is_no_folder_is_told(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->folder, "slots");
    struct error err = ERROR_INIT;
    int fd = -1;

    assert_int_equal(file_write(path, "x", 1, FILE_NO_SYNC, NULL), 0);
    assert_true(slot_take(project->folder, "a", 1, &fd, &err) < 0);
    assert_non_null(strstr(err.text, "slots"));
    assert_int_equal(fd, -1);
    free(path);
}

static void a_link_is_not_followed(void **state)
{
    struct run_project *project = *state;
    char *folder = path_join(project->folder, "slots");
    char *path = path_join(folder, "a.0");
    int fd = -1;

    assert_int_equal(file_make_folders(folder, NULL), 0);
    assert_int_equal(symlink("/nonexistent", path), 0);
    assert_true(slot_take(project->folder, "a", 1, &fd, NULL) < 0);
    assert_int_equal(fd, -1);
    free(folder);
    free(path);
}

static void where_nothing_can_be_locked_that_is_told(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int fd = -1;

    lock_errno = ENOLCK;
    assert_int_equal(slot_take(project->folder, "a", 2, &fd, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "cannot lock"));
    assert_int_equal(fd, -1);
}

/* It may be taken or not: the next one is tried. */
static void a_lock_that_a_signal_cut_off_is_not_had(void **state)
{
    struct run_project *project = *state;
    int fd = -1;

    lock_errno = EINTR;
    assert_int_equal(slot_take(project->folder, "a", 1, &fd, NULL), ERROR_BUSY);
    assert_int_equal(fd, -1);
    lock_errno = EINTR;
    assert_int_equal(slot_take(project->folder, "a", 2, &fd, NULL), 0);
    (void)close(fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(so_many_have_one_and_the_next_one_when_it_is_given_back),
        CASE(what_is_no_folder_is_told),
        CASE(a_link_is_not_followed),
        CASE(where_nothing_can_be_locked_that_is_told),
        CASE(a_lock_that_a_signal_cut_off_is_not_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
