/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/fault_vfs.h"
#include "../../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct migration migrations[] = {
    {"t/001", "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB);"
              "CREATE INDEX item_body ON item(body)"},
};
static const struct query q_add = {"INSERT INTO item(id, body) VALUES(?1, zeroblob(?2))"};
static const struct query q_count = {"SELECT count(*) FROM item"};

struct fixture {
    char *scratch;
    char *path;
    char *wal;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->scratch = scratch_new();
    fixture->path = scratch_path(fixture->scratch, "x.db");
    fixture->wal = scratch_path(fixture->scratch, "x.db-wal");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->wal);
    free(fixture->path);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

static int try_open(struct fixture *fixture, struct store **ret_store, struct error *err)
{
    return store_open(ret_store, fixture->path, migrations, ARRAY_LEN(migrations), NULL, err);
}

static struct store *open_store(struct fixture *fixture)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(try_open(fixture, &store, &err), 0);
    return store;
}

static int add(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_add);

    bind_integer(statement, 1, *(int64_t *)arg);
    bind_integer(statement, 2, 100);
    return tx_run(tx, statement, NULL, err);
}

static int count(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_count);
    int r = statement_step(statement, err);

    if (r > 0) {
        *(int64_t *)arg = column_integer(statement, 0);
    }
    return r < 0 ? r : 0;
}

static int64_t rows(struct store *store)
{
    int64_t number = -1;

    assert_int_equal(store_read(store, count, &number, NULL), 0);
    return number;
}

static void add_rows(struct store *store, int64_t first, int64_t last)
{
    for (int64_t id = first; id <= last; id++) {
        assert_int_equal(store_write(store, add, &id, NULL), 0);
    }
}

static int64_t size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static void what_was_written_is_there_after_reopening(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct stat status;

    add_rows(store, 1, 10);
    assert_int_equal(rows(store), 10);
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(size_of(fixture->wal), 0);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    store = open_store(fixture);
    assert_int_equal(rows(store), 10);
    assert_int_equal(store_verify(store, NULL), 0);
    assert_false(store_is_broken(store));
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(store_close(NULL, NULL), 0);
}

static void opening_a_clean_store_syncs_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct fault_plan *faults = fault_vfs_register();
    struct store_options options = {.path = fixture->path,
                                    .migrations = migrations,
                                    .migration_count = ARRAY_LEN(migrations),
                                    .vfs = FAULT_VFS_NAME};
    struct store *store = open_store(fixture);
    int syncs;

    assert_int_equal(store_close(store, NULL), 0);
    syncs = atomic_load(&faults->syncs);
    assert_int_equal(store_open_with(&store, &options, NULL), 0);
    assert_int_equal(rows(store), 0);
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(atomic_load(&faults->syncs), syncs);
}

/* What a killed program leaves: the files as they are while the store is open. */
static void copy_file(struct fixture *fixture, const char *from, const char *to)
{
    char *path = scratch_path(fixture->scratch, from);
    char *data = NULL;
    size_t length = 0;

    assert_int_equal(file_read(path, 100000000, &data, &length, NULL), 0);
    scratch_write_bytes(fixture->scratch, to, data, length);
    free(data);
    free(path);
}

static void leave_uncleanly(struct fixture *fixture)
{
    struct store *store = open_store(fixture);

    add_rows(store, 1, 200);
    copy_file(fixture, "x.db", "copy.db");
    copy_file(fixture, "x.db-wal", "copy.db-wal");
    assert_int_equal(store_close(store, NULL), 0);
    free(fixture->path);
    free(fixture->wal);
    fixture->path = scratch_path(fixture->scratch, "copy.db");
    fixture->wal = scratch_path(fixture->scratch, "copy.db-wal");
    assert_true(size_of(fixture->wal) > 0);
}

static void an_unclean_stop_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;

    leave_uncleanly(fixture);
    store = open_store(fixture);
    assert_int_equal(rows(store), 200);
    assert_int_equal(store_close(store, NULL), 0);
    assert_int_equal(size_of(fixture->wal), 0);
}

/* The index now has other bytes than the table: quick_check does not compare them, but it does see
 * that a page is no page of a tree. */
static void damage_page(struct fixture *fixture, const char *name, int64_t offset)
{
    char *path = scratch_path(fixture->scratch, name);
    char *data = NULL;
    size_t length = 0;

    assert_int_equal(file_read(path, 100000000, &data, &length, NULL), 0);
    assert_true(length >= (size_t)offset + 4096);
    memset(data + offset, 0x5a, 4096);
    scratch_write_bytes(fixture->scratch, name, data, length);
    free(data);
    free(path);
}

static void a_damaged_file_after_an_unclean_stop_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct error err = ERROR_INIT;

    add_rows(store, 1, 500);
    assert_int_equal(store_close(store, NULL), 0);
    store = open_store(fixture);
    add_rows(store, 501, 501);
    copy_file(fixture, "x.db", "copy.db");
    copy_file(fixture, "x.db-wal", "copy.db-wal");
    assert_int_equal(store_close(store, NULL), 0);
    damage_page(fixture, "copy.db", (int64_t)5 * 4096);
    free(fixture->path);
    fixture->path = scratch_path(fixture->scratch, "copy.db");
    store = NULL;
    assert_int_equal(try_open(fixture, &store, &err), ERROR_IO);
    assert_null(store);
    assert_non_null(strstr(err.text, "copy.db"));
    assert_true(err.hint[0] != '\0');
}

static void verifying_finds_damage_that_opening_did_not_look_for(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct error err = ERROR_INIT;

    add_rows(store, 1, 500);
    assert_int_equal(store_close(store, NULL), 0);
    damage_page(fixture, "x.db", (int64_t)5 * 4096);
    store = open_store(fixture);
    assert_int_equal(store_verify(store, &err), ERROR_IO);
    assert_int_equal(store_close(store, NULL), 0);
}

static void set_doubt(struct fixture *fixture)
{
    char *path = scratch_path(fixture->scratch, "x.db.lock");
    struct lock *lock = NULL;

    assert_int_equal(lock_open(&lock, path, NULL), 0);
    lock_write_doubt(lock, true);
    lock_close(lock);
    free(path);
}

/* Closed cleanly, or open elsewhere: neither keeps the next start from looking. */
static void after_a_failed_commit_the_next_start_verifies_until_nothing_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct store *other = open_store(fixture);
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    add_rows(other, 1, 500);
    assert_int_equal(store_close(other, NULL), 0);
    copy_file(fixture, "x.db", "sound.db");
    damage_page(fixture, "x.db", (int64_t)5 * 4096);
    other = open_store(fixture);
    set_doubt(fixture);
    assert_int_equal(try_open(fixture, &store, &err), ERROR_IO);
    assert_null(store);
    assert_non_null(strstr(err.hint, "the disk failed"));
    assert_int_equal(store_close(other, NULL), 0);
    assert_int_equal(try_open(fixture, &store, &err), ERROR_IO);

    copy_file(fixture, "sound.db", "x.db");
    store = open_store(fixture);
    assert_int_equal(rows(store), 500);
    assert_int_equal(store_close(store, NULL), 0);
    damage_page(fixture, "x.db", (int64_t)5 * 4096);
    store = open_store(fixture); /* no doubt any more: nothing is looked at */
    assert_int_equal(store_close(store, NULL), 0);
}

static void files_of_others_are_refused_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct error err = ERROR_INIT;
    char *text = NULL;

    scratch_write(fixture->scratch, "x.db", "my shopping list, which is no database at all\n");
    assert_int_equal(try_open(fixture, &store, &err), ERROR_CONFLICT);
    assert_null(store);
    assert_non_null(strstr(err.text, fixture->path));
    assert_non_null(strstr(err.hint, "move the file"));
    assert_int_equal(file_read(fixture->path, 1000, &text, NULL, NULL), 0);
    assert_string_equal(text, "my shopping list, which is no database at all\n");
    free(text);
}

static void links_and_folders_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(symlink("elsewhere.db", fixture->path), 0);
    assert_int_equal(try_open(fixture, &store, &err), ERROR_CONFLICT);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_int_equal(try_open(fixture, &store, &err), ERROR_CONFLICT);
}

static void a_missing_folder_is_not_made(void **state)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(store_open(&store, "/nonexistent/x.db", NULL, 0, NULL, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent"));
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;

    scratch_write(fixture->scratch, "x.db", "");
    store = open_store(fixture);
    add_rows(store, 1, 1);
    assert_int_equal(store_close(store, NULL), 0);
}

static int read_twice(struct tx *tx, void *arg, struct error *err)
{
    struct store *store = arg;
    int64_t before = -1;
    int64_t after = -1;
    int64_t id = 77;

    assert_int_equal(count(tx, &before, err), 0);
    assert_int_equal(store_write(store, add, &id, err), 0);
    assert_int_equal(count(tx, &after, err), 0);
    assert_int_equal(before, after);
    return 0;
}

static void a_reading_view_does_not_see_later_writes(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);

    add_rows(store, 1, 3);
    assert_int_equal(store_read(store, read_twice, store, NULL), 0);
    assert_int_equal(rows(store), 4);
    assert_int_equal(store_close(store, NULL), 0);
}

static void a_reader_cannot_write(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct error err = ERROR_INIT;
    int64_t id = 1;

    assert_true(store_read(store, add, &id, &err) < 0);
    assert_non_null(strstr(err.text, "readonly"));
    assert_int_equal(rows(store), 0);
    assert_int_equal(store_close(store, NULL), 0);
}

static void the_last_one_out_empties_the_log(void **state)
{
    struct fixture *fixture = *state;
    struct store *one = open_store(fixture);
    struct store *two = open_store(fixture);

    add_rows(one, 1, 5);
    add_rows(two, 6, 9);
    assert_int_equal(rows(one), 9);
    assert_int_equal(store_close(one, NULL), 0);
    assert_true(size_of(fixture->wal) > 0);
    assert_int_equal(rows(two), 9);
    assert_int_equal(store_close(two, NULL), 0);
    assert_int_equal(size_of(fixture->wal), 0);
}

static int busy_work(struct tx *tx, void *arg, struct error *err)
{
    struct fixture *fixture = arg;
    struct store_options options = {.path = fixture->path,
                                    .migrations = migrations,
                                    .migration_count = ARRAY_LEN(migrations),
                                    .lock_wait_ms = 20};
    struct store *store = NULL;

    (void)tx;
    assert_int_equal(store_open_with(&store, &options, err), ERROR_BUSY);
    assert_null(store);
    err->code = 0;
    return 0;
}

static void opening_waits_a_bounded_time_for_a_writer(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);

    assert_int_equal(store_write(store, busy_work, fixture, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
}

static void run_sql(struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void a_database_of_another_program_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    run_sql(fixture, "PRAGMA application_id=1234; CREATE TABLE theirs(x)");
    assert_int_equal(try_open(fixture, &store, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "not a store of this program"));
    assert_int_equal(try_open(fixture, &store, NULL), ERROR_CONFLICT);
    assert_null(store);
}

static void a_store_whose_log_was_switched_off_gets_one_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);

    add_rows(store, 1, 3);
    assert_int_equal(store_close(store, NULL), 0);
    run_sql(fixture, "PRAGMA journal_mode=DELETE");
    assert_int_equal(size_of(fixture->wal), -1);
    store = open_store(fixture);
    add_rows(store, 4, 4);
    assert_true(size_of(fixture->wal) > 0);
    assert_int_equal(rows(store), 4);
    assert_int_equal(store_close(store, NULL), 0);
}

static void closing_does_not_wait_for_a_held_lock(void **state)
{
    struct fixture *fixture = *state;
    char *path = scratch_path(fixture->scratch, "x.db.lock");
    struct store_options options = {.path = fixture->path,
                                    .migrations = migrations,
                                    .migration_count = ARRAY_LEN(migrations),
                                    .lock_wait_ms = 20};
    struct store *store = NULL;
    struct lock *other = NULL;

    assert_int_equal(store_open_with(&store, &options, NULL), 0);
    add_rows(store, 1, 3);
    assert_int_equal(lock_open(&other, path, NULL), 0);
    assert_int_equal(lock_take(other, 1, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    assert_true(size_of(fixture->wal) > 0);
    lock_close(other);
    store = open_store(fixture);
    assert_int_equal(rows(store), 3);
    assert_int_equal(store_close(store, NULL), 0);
    free(path);
}

struct nest {
    struct store *store;
    int depth;
};

static int read_deeper(struct tx *tx, void *arg, struct error *err)
{
    struct nest *nest = arg;

    assert_int_equal(rows(nest->store), 2);
    (void)tx;
    return --nest->depth > 0 ? store_read(nest->store, read_deeper, nest, err) : 0;
}

static void more_readers_at_once_than_are_kept_all_read(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct nest nest = {.store = store, .depth = 20};

    add_rows(store, 1, 2);
    assert_int_equal(store_read(store, read_deeper, &nest, NULL), 0);
    assert_int_equal(nest.depth, 0);
    assert_int_equal(rows(store), 2);
    assert_int_equal(store_close(store, NULL), 0);
}

static void verifying_finds_rows_that_lost_their_parent(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_store(fixture);
    struct error err = ERROR_INIT;

    assert_int_equal(store_close(store, NULL), 0);
    run_sql(fixture, "CREATE TABLE part(of INTEGER REFERENCES item(id)); "
                     "INSERT INTO part VALUES(7), (8)");
    store = open_store(fixture);
    assert_int_equal(store_verify(store, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "2 rows have lost their parent"));
    assert_int_equal(store_close(store, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_there_after_reopening),
        TEST(opening_a_clean_store_syncs_nothing),
        TEST(an_unclean_stop_loses_nothing),
        TEST(a_damaged_file_after_an_unclean_stop_is_refused),
        TEST(verifying_finds_damage_that_opening_did_not_look_for),
        TEST(after_a_failed_commit_the_next_start_verifies_until_nothing_is_found),
        TEST(files_of_others_are_refused_and_left_alone),
        TEST(links_and_folders_are_refused),
        TEST(a_missing_folder_is_not_made),
        TEST(an_empty_file_becomes_a_store),
        TEST(a_reading_view_does_not_see_later_writes),
        TEST(a_reader_cannot_write),
        TEST(the_last_one_out_empties_the_log),
        TEST(opening_waits_a_bounded_time_for_a_writer),
        TEST(a_database_of_another_program_is_refused),
        TEST(a_store_whose_log_was_switched_off_gets_one_again),
        TEST(closing_does_not_wait_for_a_held_lock),
        TEST(more_readers_at_once_than_are_kept_all_read),
        TEST(verifying_finds_rows_that_lost_their_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
