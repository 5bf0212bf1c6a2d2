/* SPDX-License-Identifier: MIT */
/* The folder of the store cannot be synced. SQLite goes on when that happens to it (its own calls
 * are not touched here), so the store has to look itself: a log whose name is not durable may take
 * with it all that was acknowledged. */
#include "store/store.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct migration migrations[] = {{"t/001", "CREATE TABLE item(number INTEGER)"}};
static const struct query q_add = {"INSERT INTO item VALUES(1)"};

static _Atomic bool folders_fail;
static _Atomic int folder_syncs; /* the store's thread syncs too */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat status;

    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        folder_syncs++;
        if (folders_fail) {
            errno = EIO;
            return -1;
        }
    }
    return __real_fsync(fd);
}

struct place {
    char *folder, *path;
};

static int set_up(void **state)
{
    struct place *place = mem_zero(1, sizeof(*place));

    place->folder = scratch_new();
    place->path = path_join(place->folder, "s.db");
    folders_fail = false;
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    scratch_remove(place->folder);
    free(place->path);
    free(place);
    return 0;
}

static int open_store(const struct place *place, struct store **ret_store, struct error *err)
{
    return store_open(ret_store, place->path, migrations, ARRAY_LEN(migrations), NULL, err);
}

static int add(struct tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return tx_run(tx, tx_query(tx, &q_add), NULL, err);
}

static void nothing_is_acknowledged_in_a_new_store(void **state)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    folders_fail = true;
    assert_int_equal(open_store(*state, &store, &err), 0);
    assert_int_equal(store_write(store, add, NULL, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "cannot sync folder"));
    assert_int_equal(store_close(store, &err), 0);
    folders_fail = false;
    assert_int_equal(open_store(*state, &store, &err), 0);
    assert_int_equal(store_write(store, add, NULL, &err), 0);
    assert_int_equal(store_close(store, &err), 0);
}

/* As after a copy of the database alone, or when another program was the last to close it. */
static void nothing_is_acknowledged_in_a_new_log(void **state)
{
    struct place *place = *state;
    char *log = mem_printf("%s-wal", place->path);
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(open_store(place, &store, &err), 0);
    assert_int_equal(store_close(store, &err), 0);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(open_store(place, &store, &err), 0);
    folders_fail = true;
    assert_int_equal(store_write(store, add, NULL, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "cannot sync folder"));
    folders_fail = false; /* a second sync would say that all is well */
    assert_int_equal(store_write(store, add, NULL, &err), ERROR_IO);
    assert_true(store_is_broken(store));
    assert_int_equal(store_close(store, &err), 0);
    assert_int_equal(open_store(place, &store, &err), 0);
    assert_int_equal(store_write(store, add, NULL, &err), 0);
    assert_int_equal(store_close(store, &err), 0);
    free(log);
}

static void only_the_first_commit_syncs_the_folder(void **state)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;
    int before = folder_syncs;

    assert_int_equal(open_store(*state, &store, &err), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_write(store, add, NULL, &err), 0);
    }
    assert_int_equal(folder_syncs, before + 1);
    assert_int_equal(store_close(store, &err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_acknowledged_in_a_new_store),
        TEST(nothing_is_acknowledged_in_a_new_log),
        TEST(only_the_first_commit_syncs_the_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
