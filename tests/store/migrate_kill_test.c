/* SPDX-License-Identifier: MIT */
/* kill -9 after each call of a schema migration that changes a file: whoever opens the store next
 * finds the old schema or the new one, whole, and brings it to the new one with every row. */
#include "store/store.h"

#include "base/alloc.h"
#include "run/run.h"
#include "support/fault_vfs.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS 400
#define CALLS_MAX 5000

/* The second one rebuilds a table that another one refers to, the third adds what depends on it. */
static const struct migration migrations[] = {
    {"t/001", "CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;"
              "CREATE TABLE part (item INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE)"
              " STRICT"},
    {"t/002", "CREATE TABLE item2 (id INTEGER PRIMARY KEY, body TEXT NOT NULL, size INTEGER NOT"
              " NULL) STRICT; INSERT INTO item2 SELECT id, body, length(body) FROM item;"
              "DROP TABLE item; ALTER TABLE item2 RENAME TO item"},
    {"t/003", "CREATE INDEX item_by_size ON item (size, id); UPDATE item SET size = size + 1"},
};
static const struct query q_add = {
    "INSERT INTO item (id, body) VALUES (?1, printf('%.*c', ?1 % 300 + 1, 'x'))"};
static const struct query q_add_part = {"INSERT INTO part VALUES (?1)"};
static const struct query q_sound = {
    "SELECT count(*) FROM item, part WHERE item = id AND size = length(body) + 1"};

static int killed_at; /* the call after which the child ends; 0: none */
static int calls;

static void count_call(void)
{
    if (++calls == killed_at) {
        (void)raise(SIGKILL);
    }
}

static void on_name(void *context, const char *name)
{
    (void)context;
    (void)name;
    count_call();
}

static void on_wrote(void *context, const char *name, const void *bytes, size_t length,
                     int64_t offset)
{
    (void)context;
    (void)name;
    (void)bytes;
    (void)length;
    (void)offset;
    count_call();
}

static void on_truncated(void *context, const char *name, int64_t size)
{
    (void)context;
    (void)name;
    (void)size;
    count_call();
}

static int add_rows(struct tx *tx, void *arg, struct error *err)
{
    int r = 0;

    (void)arg;
    for (int64_t i = 1; r == 0 && i <= ROWS; i++) {
        struct statement *statement = tx_query(tx, &q_add);

        bind_integer(statement, 1, i);
        r = tx_run(tx, statement, NULL, err);
        if (r == 0) {
            statement = tx_query(tx, &q_add_part);
            bind_integer(statement, 1, i);
            r = tx_run(tx, statement, NULL, err);
        }
    }
    return r;
}

static int count_sound(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_sound);
    int r = statement_step(statement, err);

    *(int64_t *)arg = r > 0 ? column_integer(statement, 0) : -1;
    return r < 0 ? r : 0;
}

static struct store *open_store(const char *path, const struct migration *list, size_t count)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    if (store_open(&store, path, list, count, NULL, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return store;
}

/* False: the child went through before the call was reached. */
static bool open_and_kill(const char *path, const struct migration *list, size_t count, int at)
{
    static const struct fault_observer observer = {on_name, on_wrote, on_truncated,
                                                   on_name, on_name,  NULL};
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        killed_at = at;
        calls = 0;
        fault_vfs_register()->observer = &observer;
        _exit(store_close(open_store(path, list, count), NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static int set_up(void **state)
{
    fault_vfs_make_default();
    fault_vfs_register()->skips_syncs = true; /* the calls count, not their time */
    *state = scratch_new();
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

static void a_killed_migration_is_done_whole_by_the_next_one(void **state)
{
    bool is_killed = true;
    int at = 0;

    while (is_killed && at < CALLS_MAX) {
        char *name = mem_printf("%d.db", ++at);
        char *path = scratch_path(*state, name);
        struct store *store = open_store(path, migrations, 1);
        int64_t sound = 0;

        assert_int_equal(store_write(store, add_rows, NULL, NULL), 0);
        assert_int_equal(store_close(store, NULL), 0);
        is_killed = open_and_kill(path, migrations, ARRAY_LEN(migrations), at);
        store = open_store(path, migrations, ARRAY_LEN(migrations));
        assert_int_equal(store_verify(store, NULL), 0);
        assert_int_equal(store_read(store, count_sound, &sound, NULL), 0);
        assert_int_equal(sound, ROWS);
        assert_int_equal(store_close(store, NULL), 0);
        free(path);
        free(name);
    }
    print_message("%d points\n", at - 1);
    assert_false(is_killed);
    assert_true(at > 20);
}

static void a_killed_creation_is_done_whole_by_the_next_one(void **state)
{
    size_t count = 0;
    const struct migration *list = run_migrations(&count);
    bool is_killed = true;
    int at = 0;

    while (is_killed && at < CALLS_MAX) {
        char *name = mem_printf("new%d.db", ++at);
        char *path = scratch_path(*state, name);
        struct store *store;

        is_killed = open_and_kill(path, list, count, at);
        store = open_store(path, list, count);
        assert_int_equal(store_verify(store, NULL), 0);
        assert_int_equal(store_close(store, NULL), 0);
        free(path);
        free(name);
    }
    print_message("%d points\n", at - 1);
    assert_false(is_killed);
    assert_true(at > 2); /* the file itself comes with one rename: tests/crash kills around that */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_migration_is_done_whole_by_the_next_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_killed_creation_is_done_whole_by_the_next_one, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
