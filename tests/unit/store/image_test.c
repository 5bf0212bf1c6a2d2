/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct migration migrations[] = {{"t/001", "CREATE TABLE item(id INTEGER)"}};
static const struct migration broken[] = {{"t/001", "CREATE TABEL item(id INTEGER)"}};
static const struct query q_add = {"INSERT INTO item VALUES(1)"};
static const struct query q_count = {"SELECT count(*) FROM item"};

static struct store *open_store(const char *path)
{
    struct store *store = NULL;

    assert_int_equal(store_open(&store, path, migrations, 1, NULL, NULL), 0);
    return store;
}

static int add(struct tx *tx, void *arg, struct error *err)
{
    (void)arg;
    return tx_run(tx, tx_query(tx, &q_add), NULL, err);
}

static int count(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_count);
    int r = statement_step(statement, err);

    *(int64_t *)arg = r > 0 ? column_integer(statement, 0) : -1;
    return r < 0 ? r : 0;
}

static void copy(const char *from, const char *to)
{
    size_t length = 0;
    char *bytes = NULL;

    assert_int_equal(file_read(from, 1 << 20, &bytes, &length, NULL), 0);
    assert_int_equal(file_write(to, bytes, length, FILE_NO_SYNC, NULL), 0);
    free(bytes);
}

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

static void a_new_store_is_there_whole_and_private(void **state)
{
    char *path = scratch_path(*state, "x.db");
    char *log = scratch_path(*state, "x.db-wal");
    char *note = scratch_path(*state, "x.db.lock");
    const struct store_options options = {.migrations = migrations, .migration_count = 1};
    struct stat status;
    struct store *store;

    assert_int_equal(image_create(path, &options, NULL), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(status.st_size > 0);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(access(note, F_OK), -1);
    store = open_store(path);
    assert_int_equal(store_verify(store, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(note);
    free(log);
    free(path);
}

/* Only then does SQLite write behind it, without a sync of the log's header. */
static void sqlite_takes_the_frame_of_a_new_log(void **state)
{
    char *path = scratch_path(*state, "x.db");
    const struct store_options options = {.migrations = migrations, .migration_count = 1};
    struct connection *connection = NULL;
    int frames = -1;

    assert_int_equal(image_create(path, &options, NULL), 0);
    assert_int_equal(connection_open(&connection, path, SQLITE_OPEN_READWRITE, NULL, NULL), 0);
    assert_int_equal(connection_run(connection, "SELECT * FROM item", NULL), 0);
    assert_int_equal(
        sqlite3_wal_checkpoint_v2(connection->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, NULL),
        SQLITE_OK);
    assert_int_equal(frames, 1);
    connection_close(connection);
    free(path);
}

/* A power cut can take the log of a new store, or parts of it: nothing was in it yet. */
static void a_new_store_is_whole_whatever_becomes_of_its_log(void **state)
{
    char *path = scratch_path(*state, "x.db");
    char *log = scratch_path(*state, "x.db-wal");
    const struct store_options options = {.migrations = migrations, .migration_count = 1};

    for (off_t left = 0; left < 32 + 24 + 4096; left += 512) {
        struct store *store;

        assert_int_equal(image_create(path, &options, NULL), 0);
        assert_int_equal(truncate(log, left), 0);
        store = open_store(path);
        assert_int_equal(store_write(store, add, NULL, NULL), 0);
        assert_int_equal(store_verify(store, NULL), 0);
        assert_int_equal(store_close(store, NULL), 0);
        assert_int_equal(unlink(path), 0);
    }
    free(log);
    free(path);
}

/* SQLite takes a log whose checksums are right for the file's, whoever wrote it. */
static void the_log_of_a_store_that_is_gone_is_not_taken_for_the_new_ones(void **state)
{
    char *path = scratch_path(*state, "x.db");
    char *log = scratch_path(*state, "x.db-wal");
    char *kept = scratch_path(*state, "kept");
    struct store *store = open_store(path);
    int64_t rows = -1;

    assert_int_equal(store_write(store, add, NULL, NULL), 0);
    copy(log, kept);
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(unlink(path), 0);
    copy(kept, log);
    store = open_store(path);
    assert_int_equal(store_read(store, count, &rows, NULL), 0);
    assert_int_equal(rows, 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(kept);
    free(log);
    free(path);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
    char *path = scratch_path(*state, "x.db");
    char *log = scratch_path(*state, "x.db-wal");
    char *nowhere = scratch_path(*state, "none/x.db");
    const struct store_options wrong = {.migrations = broken, .migration_count = 1};
    const struct store_options options = {.migrations = migrations, .migration_count = 1};
    struct error err = ERROR_INIT;

    assert_true(image_create(path, &wrong, &err) < 0);
    assert_non_null(strstr(err.text, "t/001"));
    assert_int_equal(access(path, F_OK), -1);
    assert_true(image_create(nowhere, &options, &err) < 0);
    assert_non_null(strstr(err.text, "none/x.db"));
    assert_int_equal(mkdir(log, 0700), 0);
    assert_true(image_create(path, &options, &err) < 0);
    assert_non_null(strstr(err.text, "x.db-wal"));
    assert_int_equal(access(path, F_OK), -1);
    free(nowhere);
    free(log);
    free(path);
}

/* SQLite would take the index of the store that is gone for the new one's. */
static void an_old_index_that_cannot_be_removed_is_said_and_nothing_is_made(void **state)
{
    char *path = scratch_path(*state, "x.db");
    char *shared = scratch_path(*state, "x.db-shm");
    const struct store_options options = {.migrations = migrations, .migration_count = 1};
    struct error err = ERROR_INIT;

    assert_int_equal(mkdir(shared, 0700), 0);
    assert_true(image_create(path, &options, &err) < 0);
    assert_non_null(strstr(err.text, "x.db-shm"));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rmdir(shared), 0);
    assert_int_equal(image_create(path, &options, NULL), 0);
    free(shared);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_store_is_there_whole_and_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sqlite_takes_the_frame_of_a_new_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_store_is_whole_whatever_becomes_of_its_log, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_log_of_a_store_that_is_gone_is_not_taken_for_the_new_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_made_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_old_index_that_cannot_be_removed_is_said_and_nothing_is_made, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
