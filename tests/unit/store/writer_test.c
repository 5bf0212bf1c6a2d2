/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"

#include "../../support/fault_vfs.h"
#include "../../support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct query q_add = {"INSERT INTO item(id) VALUES(?1)"};
static const struct query q_blob = {"INSERT INTO item(id, body) VALUES(?1, zeroblob(?2))"};

struct fixture {
    char *scratch;
    char *path;
    struct connection *connection;
    struct lock *lock;
    struct loop *loop;
    struct writer *writer;
    struct fault_plan *faults;
    _Atomic int commits;
    sem_t gate; /* lets the blocking piece go on */
    sem_t inside;
};

struct piece {
    struct fixture *fixture;
    int64_t id;
    int fail_with;
    bool swallows_error;
    int64_t bytes;
    int result;
    bool is_done;
    int order;
    struct error error;
    pthread_t thread;
};

static bool threads_fail;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg)
{
    return threads_fail ? EAGAIN : __real_pthread_create(thread, attributes, start, arg);
}

static int count_commit(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->commits, 1);
    return 0;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    char *lock_path;

    fixture->faults = fault_vfs_register();
    fixture->scratch = scratch_new();
    fixture->path = scratch_path(fixture->scratch, "x.db");
    lock_path = scratch_path(fixture->scratch, "x.db.lock");
    assert_int_equal(connection_open(&fixture->connection, fixture->path,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, FAULT_VFS_NAME,
                                     NULL),
                     0);
    assert_int_equal(connection_configure(fixture->connection, NULL), 0);
    assert_int_equal(connection_run(fixture->connection,
                                    "PRAGMA journal_mode=WAL;"
                                    "CREATE TABLE item(id INTEGER PRIMARY KEY, body BLOB)",
                                    NULL),
                     0);
    assert_int_equal(lock_open(&fixture->lock, lock_path, NULL), 0);
    assert_int_equal(loop_new(&fixture->loop, NULL), 0);
    assert_int_equal(sem_init(&fixture->gate, 0, 0), 0);
    assert_int_equal(sem_init(&fixture->inside, 0, 0), 0);
    fixture->writer = writer_new(
        fixture->connection, fixture->lock,
        &(struct store_options){.path = fixture->path, .loop = fixture->loop, .lock_wait_ms = 50});
    (void)sqlite3_commit_hook(fixture->connection->db, count_commit, fixture);
    free(lock_path);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    atomic_store(&fixture->faults->write_code, 0);
    atomic_store(&fixture->faults->sync_code, 0);
    writer_free(fixture->writer);
    loop_free(fixture->loop);
    lock_close(fixture->lock);
    connection_close(fixture->connection);
    (void)sem_destroy(&fixture->gate);
    (void)sem_destroy(&fixture->inside);
    free(fixture->path);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

static int add(struct tx *tx, void *arg, struct error *err)
{
    struct piece *piece = arg;
    struct statement *statement = tx_query(tx, piece->bytes > 0 ? &q_blob : &q_add);
    int r;

    piece->thread = pthread_self();
    bind_integer(statement, 1, piece->id);
    if (piece->bytes > 0) {
        bind_integer(statement, 2, piece->bytes);
    }
    r = tx_run(tx, statement, NULL, err);
    if (piece->swallows_error) {
        return 0;
    }
    return r < 0 || !piece->fail_with ? r : error_set(err, piece->fail_with, "as wanted");
}

static void *add_and_wait(void *arg)
{
    struct piece *piece = arg;

    piece->result = writer_wait(piece->fixture->writer, add, piece, NULL);
    piece->is_done = true;
    return NULL;
}

static int wait_at_gate(struct tx *tx, void *arg, struct error *err)
{
    struct fixture *fixture = arg;

    (void)tx;
    (void)err;
    (void)sem_post(&fixture->inside);
    (void)sem_wait(&fixture->gate);
    return 0;
}

static void note_done(void *arg, int result, const struct error *err)
{
    static int order;
    struct piece *piece = arg;

    assert_false(piece->is_done);
    assert_true(pthread_equal(piece->thread, pthread_self()) == 0);
    assert_true((result < 0) == (err != NULL));
    piece->result = result;
    piece->is_done = true;
    piece->order = ++order;
    if (err) {
        piece->error = *err;
    }
}

static void note_refused(void *arg, int result, const struct error *err)
{
    struct piece *piece = arg;

    assert_non_null(err);
    piece->result = result;
}

/* While the thread waits at the gate, everything submitted lands in the next batch. */
static void close_gate(struct fixture *fixture)
{
    writer_submit(fixture->writer, wait_at_gate, NULL, fixture);
    (void)sem_wait(&fixture->inside);
}

static int64_t rows(struct fixture *fixture)
{
    struct connection *reader = NULL;
    int64_t count = -1;

    assert_int_equal(connection_open(&reader, fixture->path, SQLITE_OPEN_READONLY, NULL, NULL), 0);
    assert_int_equal(connection_get_integer(reader, "SELECT count(*) FROM item", &count, NULL), 0);
    connection_close(reader);
    return count;
}

static void queued_pieces_share_one_commit_and_keep_their_order(void **state)
{
    enum { COUNT = 100 };
    struct fixture *fixture = *state;
    struct piece pieces[COUNT] = {0};
    int syncs;

    close_gate(fixture);
    for (int i = 0; i < COUNT; i++) {
        pieces[i] = (struct piece){.fixture = fixture, .id = i};
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
        assert_false(pieces[i].is_done);
    }
    atomic_store(&fixture->commits, 0);
    syncs = atomic_load(&fixture->faults->syncs);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    for (int i = 0; i < COUNT; i++) {
        assert_true(pieces[i].is_done);
        assert_int_equal(pieces[i].result, 0);
        assert_true(i == 0 || pieces[i].order == pieces[i - 1].order + 1);
    }
    /* The commit hook also counts the empty one of the gate. */
    assert_in_range(atomic_load(&fixture->commits), 1, 2);
    assert_in_range(atomic_load(&fixture->faults->syncs) - syncs, 1, 2);
    assert_int_equal(rows(fixture), COUNT);
}

/* Submitted one at a time, each when the one before it is being worked on. */
static void what_is_expected_shares_the_commit_of_what_came_before(void **state)
{
    enum { COUNT = 5 };
    struct fixture *fixture = *state;
    struct piece pieces[COUNT] = {0};
    int syncs;

    assert_int_equal(writer_wait(fixture->writer, add, &(struct piece){.id = 99}, NULL), 0);
    syncs = atomic_load(&fixture->faults->syncs);
    writer_expect_more(fixture->writer, true);
    for (int i = 0; i < COUNT; i++) {
        pieces[i] = (struct piece){.fixture = fixture, .id = i};
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
        close_gate(fixture);
        (void)sem_post(&fixture->gate);
    }
    assert_int_equal(rows(fixture), 1);
    assert_int_equal(atomic_load(&fixture->faults->syncs), syncs);
    writer_expect_more(fixture->writer, false);
    loop_run(fixture->loop);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pieces[i].result, 0);
    }
    assert_int_equal(atomic_load(&fixture->faults->syncs), syncs + 1);
    assert_int_equal(rows(fixture), COUNT + 1);
}

static void one_that_fails_does_so_alone_while_more_is_expected(void **state)
{
    struct fixture *fixture = *state;
    struct piece good = {.id = 1};
    struct piece bad = {.id = 2, .fail_with = ERROR_CONFLICT};

    writer_expect_more(fixture->writer, true);
    writer_submit(fixture->writer, add, note_done, &bad);
    close_gate(fixture);
    (void)sem_post(&fixture->gate);
    writer_submit(fixture->writer, add, note_done, &good);
    writer_expect_more(fixture->writer, false);
    loop_run(fixture->loop);
    assert_int_equal(bad.result, ERROR_CONFLICT);
    assert_int_equal(good.result, 0);
    assert_int_equal(rows(fixture), 1);
}

static void a_writer_that_ends_waits_for_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1};

    writer_expect_more(fixture->writer, true);
    writer_submit(fixture->writer, add, note_done, &piece);
    writer_free(fixture->writer);
    fixture->writer = NULL;
    loop_run(fixture->loop);
    assert_int_equal(piece.result, 0);
    assert_int_equal(rows(fixture), 1);
}

static void a_failing_piece_is_rolled_back_alone(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {
        {.id = 1}, {.id = 2, .fail_with = ERROR_CONFLICT}, {.id = 1}, {.id = 2}, {.id = 3}};

    close_gate(fixture);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
    }
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    assert_int_equal(pieces[0].result, 0);
    assert_int_equal(pieces[1].result, ERROR_CONFLICT);
    assert_string_equal(pieces[1].error.text, "as wanted");
    assert_int_equal(pieces[2].result, ERROR_CONFLICT);
    assert_int_equal(pieces[3].result, 0);
    assert_int_equal(pieces[4].result, 0);
    assert_int_equal(rows(fixture), 3);
    assert_false(writer_is_broken(fixture->writer));
}

static void a_single_failing_piece_commits_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1, .fail_with = ERROR_INVALID};
    struct error err = ERROR_INIT;

    assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), ERROR_INVALID);
    assert_string_equal(err.text, "as wanted");
    assert_int_equal(rows(fixture), 0);
    assert_int_equal(atomic_load(&fixture->commits), 0);
}

static void waiting_returns_after_the_commit(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t id = 1; id <= 20; id++) {
        struct piece piece = {.id = id};

        assert_int_equal(writer_wait(fixture->writer, add, &piece, NULL), 0);
        assert_int_equal(rows(fixture), id);
        assert_true(pthread_equal(piece.thread, pthread_self()) == 0);
    }
}

static void a_failed_sync_breaks_the_store_for_good(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1};
    struct error err = ERROR_INIT;

    atomic_store(&fixture->faults->sync_code, SQLITE_IOERR_FSYNC);
    assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), ERROR_IO);
    assert_true(writer_is_broken(fixture->writer));
    assert_true(lock_has_doubt(fixture->lock));
    assert_true(err.hint[0] != '\0');
    atomic_store(&fixture->faults->sync_code, 0);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), ERROR_IO);
        assert_non_null(strstr(err.text, "saves nothing any more"));
        assert_true(err.hint[0] != '\0');
    }
    writer_submit(fixture->writer, add, note_done, &piece);
    loop_run(fixture->loop);
    assert_int_equal(piece.result, ERROR_IO);
}

/* Its files live on without their names, and would be gone with the process. */
static void nothing_is_acknowledged_in_a_store_that_was_removed(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1}, {.id = 2}};
    struct error err = ERROR_INIT;

    assert_int_equal(writer_wait(fixture->writer, add, &pieces[0], NULL), 0);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[1], &err), ERROR_IO);
    assert_non_null(strstr(err.text, "removed or replaced"));
    assert_non_null(strstr(err.hint, "gone with it"));
    assert_true(writer_is_broken(fixture->writer));
}

static void nothing_is_acknowledged_in_a_store_whose_log_was_removed(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1}, {.id = 2}};
    char *log = mem_printf("%s-wal", fixture->path);

    assert_int_equal(writer_wait(fixture->writer, add, &pieces[0], NULL), 0);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[1], NULL), ERROR_IO);
    assert_true(writer_is_broken(fixture->writer));
    free(log);
}

static void nobody_of_a_batch_is_acknowledged_when_its_sync_fails(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1}, {.id = 2, .fail_with = ERROR_CONFLICT}, {.id = 3}};

    close_gate(fixture);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
    }
    atomic_store(&fixture->faults->sync_code, SQLITE_IOERR_FSYNC);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    assert_int_equal(pieces[0].result, ERROR_IO);
    assert_int_equal(pieces[1].result, ERROR_CONFLICT);
    assert_int_equal(pieces[2].result, ERROR_IO);
}

static void a_full_disk_fails_the_batch_and_the_next_try_succeeds(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1}, {.id = 2}};

    close_gate(fixture);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
    }
    atomic_store(&fixture->faults->write_code, SQLITE_FULL);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        assert_int_equal(pieces[i].result, ERROR_LIMIT);
        assert_non_null(strstr(pieces[i].error.text, "storage full"));
        assert_true(pieces[i].error.hint[0] != '\0');
    }
    assert_false(writer_is_broken(fixture->writer));
    atomic_store(&fixture->faults->write_code, 0);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[0], NULL), 0);
    assert_int_equal(rows(fixture), 1);
}

static void a_full_storage_that_a_piece_swallows_fails_it_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct piece first = {.id = 1};
    struct piece large = {.id = 2, .bytes = 1000000, .swallows_error = true};

    assert_int_equal(connection_run(fixture->connection, "PRAGMA max_page_count=10", NULL), 0);
    close_gate(fixture);
    writer_submit(fixture->writer, add, note_done, &first);
    writer_submit(fixture->writer, add, note_done, &large);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    assert_int_equal(first.result, ERROR_LIMIT);
    assert_int_equal(large.result, ERROR_LIMIT);
    assert_false(writer_is_broken(fixture->writer));
    assert_int_equal(rows(fixture), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &first, NULL), 0);
}

static void a_held_file_lock_is_busy_and_not_broken(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1};
    struct lock *other = NULL;
    char *path = scratch_path(fixture->scratch, "x.db.lock");
    struct error err = ERROR_INIT;

    assert_int_equal(lock_open(&other, path, NULL), 0);
    assert_int_equal(lock_take(other, 1, NULL), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), ERROR_BUSY);
    assert_false(writer_is_broken(fixture->writer));
    lock_release(other);
    assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), 0);
    lock_close(other);
    free(path);
}

/* In place of SQLite's own: no slice of waiting, and the test sees that one is over. */
static int give_up_at_once(void *context, int calls)
{
    struct fixture *fixture = context;

    (void)calls;
    (void)sem_post(&fixture->inside);
    return 0;
}

static void another_program_that_writes_is_waited_for_without_the_file_lock(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1, .fixture = fixture};
    struct lock *opener = NULL;
    sqlite3 *foreign = NULL;
    pthread_t thread;
    char *path = scratch_path(fixture->scratch, "x.db.lock");

    writer_free(fixture->writer);
    fixture->writer = writer_new(fixture->connection, fixture->lock,
                                 &(struct store_options){.path = fixture->path,
                                                         .loop = fixture->loop,
                                                         .lock_wait_ms = INT_MAX / 2});
    (void)sqlite3_busy_handler(fixture->connection->db, give_up_at_once, fixture);
    assert_int_equal(sqlite3_open(fixture->path, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&thread, NULL, add_and_wait, &piece), 0);
    assert_int_equal(lock_open(&opener, path, NULL), 0);
    for (int i = 0; i < 20; i++) {
        (void)sem_wait(&fixture->inside);
        assert_int_equal(lock_take(opener, 5000, NULL), 0);
        lock_release(opener);
    }
    assert_int_equal(sqlite3_exec(foreign, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(piece.is_done);
    assert_int_equal(piece.result, 0);
    assert_int_equal(rows(fixture), 1);
    (void)sqlite3_close(foreign);
    lock_close(opener);
    free(path);
}

static int end_the_transaction(struct tx *tx, void *arg, struct error *err)
{
    static const struct query q_commit = {"COMMIT"};
    int r = add(tx, arg, err);

    return r < 0 ? r : tx_run(tx, tx_query(tx, &q_commit), NULL, err);
}

static void a_piece_that_ends_the_transaction_is_an_error_of_the_whole_batch(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1}, {.id = 2}, {.id = 3}};
    struct error err = ERROR_INIT;

    close_gate(fixture);
    writer_submit(fixture->writer, end_the_transaction, note_done, &pieces[0]);
    writer_submit(fixture->writer, add, note_done, &pieces[1]);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pieces[i].result, ERROR_INTERNAL);
        assert_non_null(strstr(pieces[i].error.text, "ended the store's transaction"));
    }
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[2], &err), 0);
}

static void a_long_queue_is_taken_in_bounded_batches(void **state)
{
    enum { COUNT = 5000 };
    struct fixture *fixture = *state;
    struct piece *pieces = mem_zero(COUNT, sizeof(*pieces));

    close_gate(fixture);
    for (int i = 0; i < COUNT; i++) {
        pieces[i].id = i;
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
    }
    atomic_store(&fixture->commits, 0);
    (void)sem_post(&fixture->gate);
    loop_run(fixture->loop);
    /* The empty one of the gate may count. */
    assert_in_range(atomic_load(&fixture->commits), 2, 3);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pieces[i].result, 0);
        assert_true(i == 0 || pieces[i].order == pieces[i - 1].order + 1);
    }
    assert_int_equal(rows(fixture), COUNT);
    free(pieces);
}

static void without_a_thread_work_is_refused_and_the_next_try_begins_it(void **state)
{
    struct fixture *fixture = *state;
    struct piece piece = {.id = 1};
    struct error err = ERROR_INIT;

    threads_fail = true;
    assert_int_equal(writer_wait(fixture->writer, add, &piece, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "cannot start the store's thread"));
    writer_submit(fixture->writer, add, note_refused, &piece);
    assert_false(piece.is_done);
    loop_run(fixture->loop);
    threads_fail = false;
    assert_int_equal(piece.result, ERROR_LIMIT);
    assert_false(writer_is_broken(fixture->writer));
    assert_int_equal(writer_wait(fixture->writer, add, &piece, NULL), 0);
    /* Nobody wants to know why. */
    assert_int_equal(writer_wait(fixture->writer, add, &piece, NULL), ERROR_CONFLICT);
    assert_int_equal(rows(fixture), 1);
}

static void the_log_is_checkpointed_and_stays_small(void **state)
{
    struct fixture *fixture = *state;
    char *wal = scratch_path(fixture->scratch, "x.db-wal");
    struct stat status;

    for (int64_t id = 1; id <= 60; id++) {
        struct piece piece = {.id = id, .bytes = 400000};

        assert_int_equal(writer_wait(fixture->writer, add, &piece, NULL), 0);
    }
    assert_int_equal(stat(wal, &status), 0);
    assert_true(status.st_size < 6 * 1024 * 1024);
    free(wal);
}

static void copy_after_each_commit(struct fixture *fixture)
{
    writer_free(fixture->writer);
    fixture->writer = writer_new(fixture->connection, fixture->lock,
                                 &(struct store_options){.path = fixture->path,
                                                         .loop = fixture->loop,
                                                         .lock_wait_ms = 50,
                                                         .checkpoint_pages = 1});
}

static bool has_mark(struct fixture *fixture)
{
    struct log_mark mark = {0};

    lock_read_mark(fixture->lock, &mark);
    return memcmp(&mark, &(struct log_mark){0}, sizeof(mark)) != 0;
}

/* What is not copied has to be found in the log by whoever opens the store next. */
static void pages_that_a_reader_keeps_in_the_log_stay_marked_there(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[] = {{.id = 1, .bytes = 50000}, {.id = 2, .bytes = 50000}, {.id = 3}};
    sqlite3 *reader = NULL;

    copy_after_each_commit(fixture);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[0], NULL), 0);
    assert_int_equal(sqlite3_open(fixture->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM item", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[1], NULL), 0);
    /* Nobody is told before it; the next piece begins after it. */
    assert_int_equal(writer_wait(fixture->writer, add, &(struct piece){.id = 1}, NULL),
                     ERROR_CONFLICT);
    assert_true(has_mark(fixture));
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(writer_wait(fixture->writer, add, &pieces[2], NULL), 0);
    assert_int_equal(rows(fixture), 3);
}

static int64_t size_of(int fd)
{
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    return status.st_size;
}

/* Of a store that was removed nothing is copied any more: neither after a commit that is not
 * acknowledged, nor to make room. */
static void a_store_that_was_removed_is_not_copied_to(void **state)
{
    struct fixture *fixture = *state;
    struct piece large = {.id = 2, .bytes = 200000};
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    int64_t size;

    copy_after_each_commit(fixture);
    assert_int_equal(writer_wait(fixture->writer, add, &(struct piece){.id = 1}, NULL), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &(struct piece){.id = 1}, NULL),
                     ERROR_CONFLICT);
    size = size_of(fd);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &large, NULL), ERROR_IO);
    writer_free(fixture->writer);
    fixture->writer = NULL;
    assert_int_equal(size_of(fd), size);
    assert_int_equal(close(fd), 0);
}

static void lack_of_space_copies_nothing_to_a_store_that_was_removed(void **state)
{
    struct fixture *fixture = *state;
    struct piece small = {.id = 1, .bytes = 30000};
    struct piece large = {.id = 2, .bytes = 200000};
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    int64_t size = size_of(fd);

    assert_int_equal(connection_run(fixture->connection, "PRAGMA max_page_count=20", NULL), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &small, NULL), 0);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(writer_wait(fixture->writer, add, &large, NULL), ERROR_LIMIT);
    writer_free(fixture->writer);
    fixture->writer = NULL;
    assert_int_equal(size_of(fd), size);
    assert_int_equal(close(fd), 0);
}

static void ending_runs_what_is_queued_first(void **state)
{
    struct fixture *fixture = *state;
    struct piece pieces[10] = {0};

    close_gate(fixture);
    for (int i = 0; i < 10; i++) {
        pieces[i].id = i;
        writer_submit(fixture->writer, add, note_done, &pieces[i]);
    }
    (void)sem_post(&fixture->gate);
    writer_free(fixture->writer);
    fixture->writer = NULL;
    assert_int_equal(rows(fixture), 10);
    assert_false(pieces[0].is_done);
    loop_run(fixture->loop);
    assert_true(pieces[9].is_done);
}

static void a_writer_that_never_worked_ends(void **state)
{
    struct fixture *fixture = *state;

    assert_false(writer_is_broken(fixture->writer));
    writer_free(fixture->writer);
    fixture->writer = NULL;
    writer_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queued_pieces_share_one_commit_and_keep_their_order),
        TEST(what_is_expected_shares_the_commit_of_what_came_before),
        TEST(one_that_fails_does_so_alone_while_more_is_expected),
        TEST(a_writer_that_ends_waits_for_nothing_more),
        TEST(a_failing_piece_is_rolled_back_alone),
        TEST(a_single_failing_piece_commits_nothing),
        TEST(waiting_returns_after_the_commit),
        TEST(a_failed_sync_breaks_the_store_for_good),
        TEST(nothing_is_acknowledged_in_a_store_that_was_removed),
        TEST(nothing_is_acknowledged_in_a_store_whose_log_was_removed),
        TEST(nobody_of_a_batch_is_acknowledged_when_its_sync_fails),
        TEST(a_full_disk_fails_the_batch_and_the_next_try_succeeds),
        TEST(a_full_storage_that_a_piece_swallows_fails_it_all_the_same),
        TEST(a_held_file_lock_is_busy_and_not_broken),
        TEST(another_program_that_writes_is_waited_for_without_the_file_lock),
        TEST(a_piece_that_ends_the_transaction_is_an_error_of_the_whole_batch),
        TEST(a_long_queue_is_taken_in_bounded_batches),
        TEST(without_a_thread_work_is_refused_and_the_next_try_begins_it),
        TEST(the_log_is_checkpointed_and_stays_small),
        TEST(pages_that_a_reader_keeps_in_the_log_stay_marked_there),
        TEST(a_store_that_was_removed_is_not_copied_to),
        TEST(lack_of_space_copies_nothing_to_a_store_that_was_removed),
        TEST(ending_runs_what_is_queued_first),
        TEST(a_writer_that_never_worked_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
