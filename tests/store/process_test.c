/* SPDX-License-Identifier: MIT */
/* The store on a real file with several processes: at once, killed, and on a full disk. */
#include "store/store.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../support/scratch.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define EACH 300
#define KILLS 12

static const struct migration migrations[] = {
    {"t/001", "CREATE TABLE item(owner INTEGER, number INTEGER, body BLOB,"
              " PRIMARY KEY(owner, number))"},
};
static const struct query q_add = {"INSERT INTO item VALUES(?1, ?2, zeroblob(?3))"};
static const struct query q_count = {"SELECT count(*) FROM item WHERE owner = ?1"};
static const struct query q_last = {"SELECT max(number) FROM item WHERE owner = ?1"};

struct row {
    int64_t owner, number, bytes;
};

static int add(struct tx *tx, void *arg, struct error *err)
{
    const struct row *row = arg;
    struct statement *statement = tx_query(tx, &q_add);

    bind_integer(statement, 1, row->owner);
    bind_integer(statement, 2, row->number);
    bind_integer(statement, 3, row->bytes);
    return tx_run(tx, statement, NULL, err);
}

struct answer {
    const struct query *query;
    int64_t owner, value;
};

static int ask(struct tx *tx, void *arg, struct error *err)
{
    struct answer *answer = arg;
    struct statement *statement = tx_query(tx, answer->query);
    int r;

    bind_integer(statement, 1, answer->owner);
    r = statement_step(statement, err);
    if (r > 0) {
        answer->value = column_integer(statement, 0);
    }
    return r < 0 ? r : 0;
}

static int64_t ask_store(struct store *store, const struct query *query, int64_t owner)
{
    struct answer answer = {.query = query, .owner = owner, .value = -1};

    assert_int_equal(store_read(store, ask, &answer, NULL), 0);
    return answer.value;
}

static struct store *open_store(const char *path, struct error *err)
{
    struct store *store = NULL;

    (void)store_open(&store, path, migrations, ARRAY_LEN(migrations), NULL, err);
    return store;
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

/* In a child: many small commits, with sizes that force checkpoints. */
static _Noreturn void write_many(const char *path, int64_t owner)
{
    struct store *store = open_store(path, NULL);

    for (int64_t i = 1; store && i <= EACH; i++) {
        struct row row = {.owner = owner, .number = i, .bytes = 30000};

        if (store_write(store, add, &row, NULL) < 0) {
            _exit(2);
        }
    }
    _exit(store && store_close(store, NULL) == 0 ? 0 : 1);
}

static void processes_that_write_at_once_lose_and_damage_nothing(void **state)
{
    enum { PROCESSES = 3 };
    char *path = scratch_path(*state, "x.db");
    pid_t pids[PROCESSES];
    struct store *store;
    struct error err = ERROR_INIT;

    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            write_many(path, i);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    store = open_store(path, &err);
    assert_non_null(store);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(ask_store(store, &q_count, i), EACH);
    }
    assert_int_equal(store_verify(store, &err), 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(path);
}

/* In a child: every acknowledged number is told through the pipe right after. */
static _Noreturn void write_and_tell(const char *path, int64_t owner, int fd)
{
    struct store *store = open_store(path, NULL);

    if (!store) {
        _exit(1);
    }
    for (int64_t i = 1;; i++) {
        struct row row = {.owner = owner, .number = i, .bytes = (i * 37) % 20000};

        if (store_write(store, add, &row, NULL) < 0 || write(fd, &i, sizeof(i)) != sizeof(i)) {
            _exit(2);
        }
    }
}

static int64_t kill_after(const char *path, int64_t owner, int64_t wanted)
{
    int ends[2];
    int64_t told = 0;
    int64_t number;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        write_and_tell(path, owner, ends[1]);
    }
    (void)close(ends[1]);
    while (told < wanted && read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        told = number;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        told = number;
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return told;
}

static void a_killed_writer_loses_nothing_that_was_acknowledged(void **state)
{
    char *path = scratch_path(*state, "x.db");

    for (int64_t round = 0; round < KILLS; round++) {
        int64_t told = kill_after(path, round, 1 + (round * 53) % 300);
        struct store *store = open_store(path, NULL);
        int64_t there;

        assert_non_null(store);
        there = ask_store(store, &q_count, round);
        /* The one whose acknowledgement did not get out may be there or not. */
        assert_in_range(there, told, told + 1);
        assert_int_equal(ask_store(store, &q_last, round), there);
        assert_int_equal(store_verify(store, NULL), 0);
        assert_int_equal(store_close(store, NULL), 0);
    }
    free(path);
}

static void a_killed_holder_of_the_lock_stops_nobody(void **state)
{
    char *path = scratch_path(*state, "x.db");
    struct row row = {.owner = 99, .number = 1};
    struct store *store = open_store(path, NULL);

    assert_non_null(store);
    /* Its thread rests then: a fork beside one that allocates can leave the child a lock. */
    assert_int_equal(store_write(store, add, &(struct row){.owner = 98, .number = 1}, NULL), 0);
    assert_true(kill_after(path, 1, 20) >= 20);
    assert_int_equal(store_write(store, add, &row, NULL), 0);
    assert_int_equal(store_close(store, NULL), 0);
    free(path);
}

/* In a child with mounts of its own: fills a disk of 1 MB, frees it, goes on. */
static int fill_disk(const char *folder)
{
    static const char bytes[300000];
    char *path = path_join(folder, "x.db");
    char *ballast = path_join(folder, "ballast");
    struct error err = ERROR_INIT;
    struct store *store;
    struct row row = {.owner = 1};
    int64_t there;

    if (mount("tmpfs", folder, "tmpfs", 0, "size=1m") < 0) {
        return 77;
    }
    scratch_write_bytes(folder, "ballast", bytes, sizeof(bytes));
    store = open_store(path, &err);
    if (!store) {
        return 1;
    }
    do {
        row.number++;
        row.bytes = 20000;
    } while (store_write(store, add, &row, &err) == 0 && row.number < 1000);
    if (err.code != ERROR_LIMIT || !strstr(err.text, "storage full") || store_is_broken(store)) {
        return 2;
    }
    there = ask_store(store, &q_count, 1);
    if (there != row.number - 1 || unlink(ballast) < 0) {
        return 3;
    }
    if (store_write(store, add, &row, &err) < 0 || ask_store(store, &q_count, 1) != there + 1) {
        return 4;
    }
    if (store_verify(store, &err) < 0 || store_close(store, &err) < 0) {
        return 5;
    }
    store = open_store(path, &err);
    return store && ask_store(store, &q_count, 1) == there + 1 ? 0 : 6;
}

static int fill_disk_of_its_own(const char *folder)
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        /* Away from the shared mounts, so that nothing has to be undone. */
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
            _exit(77);
        }
        _exit(fill_disk(folder));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Several times: space is freed while the store's thread tries to make some by itself. */
static void a_full_disk_refuses_and_goes_on_when_there_is_space(void **state)
{
    for (int i = 0; i < 8; i++) {
        int status = fill_disk_of_its_own(*state);

        if (status == 77) {
            print_message("a small disk cannot be mounted here\n");
            skip();
        }
        assert_int_equal(status, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processes_that_write_at_once_lose_and_damage_nothing),
        TEST(a_killed_writer_loses_nothing_that_was_acknowledged),
        TEST(a_killed_holder_of_the_lock_stops_nobody),
        TEST(a_full_disk_refuses_and_goes_on_when_there_is_space),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
