/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int flock_errno; /* 0: the true one */
static int flock_failures;

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    if (flock_failures > 0 && operation != LOCK_UN) {
        flock_failures--;
        errno = flock_errno;
        return -1;
    }
    return __real_flock(fd, operation);
}

struct fixture {
    char *scratch;
    char *path;
    struct lock *one, *two;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->scratch = scratch_new();
    fixture->path = scratch_path(fixture->scratch, "x.db.lock");
    assert_int_equal(lock_open(&fixture->one, fixture->path, NULL), 0);
    assert_int_equal(lock_open(&fixture->two, fixture->path, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    lock_close(fixture->one);
    lock_close(fixture->two);
    free(fixture->path);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

static void a_taken_lock_is_refused_with_the_holder_named(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *holder = mem_printf("process %ld has it", (long)getpid());

    assert_int_equal(lock_take(fixture->one, 1, &err), 0);
    assert_int_equal(lock_take(fixture->two, 1, &err), ERROR_BUSY);
    assert_non_null(strstr(err.text, holder));
    assert_true(err.hint[0] != '\0');
    lock_release(fixture->one);
    assert_int_equal(lock_take(fixture->two, 1, &err), 0);
    lock_release(fixture->two);
    free(holder);
}

static void a_refused_waiter_leaves_no_turn_behind(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(lock_take(fixture->one, 1, NULL), 0);
    assert_int_equal(lock_take(fixture->two, 1, NULL), ERROR_BUSY);
    lock_release(fixture->one);
    assert_int_equal(lock_take(fixture->one, 1, NULL), 0);
    lock_release(fixture->one);
}

static void only_the_first_user_is_alone(void **state)
{
    struct fixture *fixture = *state;

    assert_true(lock_is_alone(fixture->one));
    assert_true(lock_is_alone(fixture->one));
    assert_false(lock_is_alone(fixture->two));
    assert_false(lock_is_alone(fixture->one));
    lock_close(fixture->one);
    fixture->one = NULL;
    assert_true(lock_is_alone(fixture->two));
}

static void a_removed_lock_file_is_made_again_and_still_excludes(void **state)
{
    struct fixture *fixture = *state;

    assert_true(lock_is_alone(fixture->one));
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(lock_take(fixture->one, 1, NULL), 0);
    assert_true(file_exists(fixture->path));
    assert_int_equal(lock_take(fixture->two, 1, NULL), ERROR_BUSY);
    lock_release(fixture->one);
    assert_int_equal(lock_take(fixture->two, 1, NULL), 0);
    assert_false(lock_is_alone(fixture->two));
    lock_release(fixture->two);
}

static void a_shorter_process_id_replaces_a_longer_one(void **state)
{
    struct fixture *fixture = *state;
    char *text = NULL;
    char *end;

    scratch_write(fixture->scratch, "x.db.lock.other", "12345678901234567\n");
    lock_close(fixture->one);
    lock_close(fixture->two);
    fixture->two = NULL;
    free(fixture->path);
    fixture->path = scratch_path(fixture->scratch, "x.db.lock.other");
    assert_int_equal(lock_open(&fixture->one, fixture->path, NULL), 0);
    assert_int_equal(lock_take(fixture->one, 1, NULL), 0);
    lock_release(fixture->one);
    assert_int_equal(file_read(fixture->path, 100, &text, NULL, NULL), 0);
    assert_int_equal(strtol(text, &end, 10), getpid());
    assert_int_equal(end[strspn(end, " ")], '\n');
    free(text);
}

static void a_note_about_the_log_is_kept_and_a_torn_one_is_none(void **state)
{
    struct fixture *fixture = *state;
    const struct log_mark mark = {.salt = {7, 0xffffffff}, .frames = 12};
    struct log_mark there = {.frames = 1};
    char *bytes = NULL;
    size_t length = 0;

    lock_read_mark(fixture->one, &there);
    assert_int_equal(there.frames, 0);
    assert_int_equal(lock_take(fixture->one, 1, NULL), 0);
    lock_write_mark(fixture->one, &mark);
    lock_release(fixture->one);
    assert_int_equal(lock_take(fixture->two, 1, NULL), 0);
    lock_read_mark(fixture->two, &there);
    assert_memory_equal(&there, &mark, sizeof(mark));
    lock_release(fixture->two);

    assert_int_equal(file_read(fixture->path, 100, &bytes, &length, NULL), 0);
    assert_int_equal(truncate(fixture->path, (off_t)length - 1), 0);
    lock_read_mark(fixture->two, &there);
    assert_int_equal(there.frames, 0);
    free(bytes);
}

static void a_doubt_is_seen_by_others_until_it_is_taken_back(void **state)
{
    struct fixture *fixture = *state;

    assert_false(lock_has_doubt(fixture->two));
    lock_write_doubt(fixture->one, true);
    assert_true(lock_has_doubt(fixture->two));
    assert_int_equal(lock_take(fixture->two, 1, NULL), 0);
    lock_write_mark(fixture->two, &(struct log_mark){{1, 2}, 3});
    lock_release(fixture->two);
    assert_true(lock_has_doubt(fixture->one));
    lock_write_doubt(fixture->two, false);
    assert_false(lock_has_doubt(fixture->one));
}

static void a_lock_file_that_cannot_be_opened_is_refused_with_a_hint(void **state)
{
    struct fixture *fixture = *state;
    char *path = mem_printf("%s/absent/x.db.lock", fixture->scratch);
    struct error err = ERROR_INIT;
    struct lock *lock;

    assert_true(lock_open(&lock, path, &err) < 0);
    assert_non_null(strstr(err.hint, "must be writable"));
    free(path);
}

static void a_link_in_place_of_the_lock_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct lock *lock = NULL;
    char *path = scratch_path(fixture->scratch, "link");

    assert_int_equal(symlink("x.db.lock", path), 0);
    assert_int_equal(lock_open(&lock, path, NULL), ERROR_IO);
    assert_null(lock);
    free(path);
}

/* The waiter's byte of the lock file: whoever has it is next. */
static void take_turn(int fd, short type)
{
    struct flock turn = {.l_type = type, .l_whence = SEEK_SET, .l_start = 1000, .l_len = 1};

    assert_int_equal(fcntl(fd, F_OFD_SETLK, &turn), 0);
}

static void who_is_not_next_is_refused_and_takes_no_turn_away(void **state)
{
    struct fixture *fixture = *state;
    int waiter = open(fixture->path, O_RDWR | O_CLOEXEC);
    struct error err = ERROR_INIT;

    take_turn(waiter, F_WRLCK);
    assert_int_equal(lock_take(fixture->two, 1, &err), ERROR_BUSY);
    /* Nobody ever held it, so the file names nobody. */
    assert_non_null(strstr(err.text, "process (unknown) has it"));
    take_turn(waiter, F_WRLCK);
    take_turn(waiter, F_UNLCK);
    assert_int_equal(lock_take(fixture->two, 1, &err), 0);
    lock_release(fixture->two);
    (void)close(waiter);
}

static void an_interrupted_lock_is_tried_again_and_a_failed_one_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    flock_errno = EINTR;
    flock_failures = 3;
    assert_int_equal(lock_take(fixture->one, 5000, &err), 0);
    lock_release(fixture->one);
    flock_errno = ENOLCK;
    flock_failures = 1;
    assert_int_equal(lock_take(fixture->one, 5000, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "cannot lock"));
    assert_int_equal(flock_failures, 0);
    assert_int_equal(lock_take(fixture->two, 1, &err), 0);
    lock_release(fixture->two);
}

static void a_folder_in_place_of_a_removed_lock_file_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_true(lock_take(fixture->one, 1, &err) < 0);
    assert_non_null(strstr(err.text, "cannot open the lock file"));
    assert_int_equal(rmdir(fixture->path), 0);
    assert_int_equal(lock_take(fixture->one, 1, &err), 0);
    lock_release(fixture->one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_taken_lock_is_refused_with_the_holder_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_waiter_leaves_no_turn_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_first_user_is_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_file_that_cannot_be_opened_is_refused_with_a_hint,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_lock_file_is_made_again_and_still_excludes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_note_about_the_log_is_kept_and_a_torn_one_is_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_doubt_is_seen_by_others_until_it_is_taken_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_shorter_process_id_replaces_a_longer_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_next_is_refused_and_takes_no_turn_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_lock_is_tried_again_and_a_failed_one_is_told,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_in_place_of_a_removed_lock_file_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_link_in_place_of_the_lock_file_is_refused, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
