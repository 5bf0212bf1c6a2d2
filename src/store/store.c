/* SPDX-License-Identifier: MIT */
/* Opening, closing, reading, verifying. Opening happens under the file lock; its clean path makes
 * no fsync: whether the last program stopped uncleanly is told by a WAL that still has content
 * while nobody else has the store open (a clean close empties it, a killed program's locks end). */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 4 MB take 6 ms to check, of the 20 ms that a restart may take; larger files are left to
 * store_verify. */
#define CHECK_BYTES_MAX (4 * 1024 * 1024)
#define READERS_KEPT_MAX 8
#define CLOSE_WAIT_MS 2000

struct store {
    char *path;
    char *vfs;
    struct lock *lock;
    struct connection *connection; /* the writer's once it exists */
    struct writer *writer;
    struct loop *loop; /* may be NULL */
    int lock_wait_ms;
    pthread_mutex_t mutex; /* guards readers */
    struct connection *readers[READERS_KEPT_MAX];
    size_t reader_count;
};

/* Without its writer and its readers, which only an open one has. */
static void store_free(struct store *store)
{
    if (!store) {
        return;
    }
    connection_close(store->connection);
    lock_close(store->lock);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store->vfs);
    free(store->path);
    free(store);
}

static char *wal_path(const struct store *store)
{
    return mem_printf("%s-wal", store->path);
}

static int64_t wal_size(const struct store *store)
{
    char *path = wal_path(store);
    struct stat status;
    int64_t size = stat(path, &status) == 0 ? (int64_t)status.st_size : 0;

    free(path);
    return size;
}

/* --- opening */

/* A link is refused because SQLite would put its side files beside the target and we beside the
 * link. Ours are private, and SQLite's side files take over the mode. An empty file is one that a
 * crash left to us before the first transaction. */
static int prepare_path(const char *path, const struct store_options *options, bool *ret_is_new,
                        struct error *err)
{
    struct stat status;
    bool is_there = lstat(path, &status) == 0;

    if (is_there && !S_ISREG(status.st_mode)) {
        (void)error_set(err, ERROR_CONFLICT, "it is not a regular file");
        error_hint(err, "move it away: the store is a file of its own, never a link or a folder");
        return ERROR_CONFLICT;
    }
    *ret_is_new = !is_there || status.st_size == 0;
    return *ret_is_new ? image_create(path, options, err) : 0;
}

static uint32_t read_big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Looks at the file through SQLite's own descriptor: closing another one of this process would
 * drop SQLite's locks. The application id may still be only in the WAL, so 0 is decided later. */
static int check_header(struct store *store, bool *ret_is_wal, int64_t *ret_size, struct error *err)
{
    static const char magic[] = "SQLite format 3";
    unsigned char header[HEADER_BYTES] = {0};
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    uint32_t application_id;
    int code = sqlite3_file_control(store->connection->db, NULL, SQLITE_FCNTL_FILE_POINTER, &file);

    if (code == SQLITE_OK) {
        code = file->pMethods->xFileSize(file, &size);
    }
    if (code == SQLITE_OK && size > 0) {
        code = file->pMethods->xRead(file, header, sizeof(header), 0);
    }
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) {
        return error_set(err, ERROR_IO, "cannot read: %s", sqlite3_errstr(code));
    }
    application_id = read_big_endian(header + HEADER_APPLICATION_ID);
    if (size > 0 && (memcmp(header, magic, sizeof(magic)) != 0 ||
                     (application_id != 0 && application_id != STORE_APPLICATION_ID))) {
        (void)error_set(err, ERROR_CONFLICT, "it is not a store of this program");
        error_hint(err, STORE_FOREIGN_HINT);
        return ERROR_CONFLICT;
    }
    *ret_is_wal = header[HEADER_WRITE_VERSION] == WAL_VERSION;
    *ret_size = size;
    return 0;
}

/* Changing to WAL is itself a transaction with a rollback journal. Only synchronous=EXTRA syncs the
 * folder after removing that journal: with less, a power cut can bring it back and undo the file.
 */
static int change_to_wal(struct connection *connection, struct error *err)
{
    int64_t is_wal = 0;
    int r = connection_run(connection, "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL", err);

    if (r == 0) {
        r = connection_get_integer(connection, "SELECT journal_mode='wal' FROM pragma_journal_mode",
                                   &is_wal, err);
    }
    if (r == 0 && !is_wal) {
        r = error_set(err, ERROR_IO, "it cannot be changed to a write-ahead log");
    }
    return r;
}

static int check_if_unclean(struct store *store, int64_t size, int64_t size_wal, bool is_alone,
                            struct error *err)
{
    int r;

    if (!is_alone || size_wal == 0 || size + size_wal > CHECK_BYTES_MAX) {
        return 0;
    }
    r = connection_check(store->connection, "PRAGMA quick_check", err);
    if (r < 0) {
        error_hint(err, "the last program that had it open did not close it; restore a copy, or "
                        "save what can be read with: sqlite3 FILE .recover");
    }
    return r;
}

/* The doubt stays until a check found nothing. */
static int check_if_in_doubt(struct store *store, struct error *err)
{
    int r = connection_check(store->connection, "PRAGMA integrity_check", err);

    if (r < 0) {
        error_hint(err, "the disk failed while something was saved; look at the disk first, then "
                        "restore a copy, or save what can be read with: sqlite3 FILE .recover");
        return r;
    }
    lock_write_doubt(store->lock, false);
    return 0;
}

static int check_log(struct store *store, bool is_alone, struct error *err)
{
    struct log_mark mark;
    char *path;
    int r;

    if (!is_alone) {
        return 0;
    }
    lock_read_mark(store->lock, &mark);
    path = wal_path(store);
    r = log_check(path, &mark, err);
    free(path);
    return r;
}

static int open_database(struct store *store, const struct store_options *options, bool is_alone,
                         struct error *err)
{
    int64_t size_wal = wal_size(store);
    int64_t size = 0;
    bool is_wal = false;
    bool is_ours = false;
    bool is_changed = false;
    int r = connection_open(&store->connection, store->path,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, store->vfs, err);

    if (r == 0) {
        r = check_header(store, &is_wal, &size, err);
    }
    if (r == 0 && size_wal > 0) {
        r = check_log(store, is_alone, err);
    }
    if (r == 0) {
        r = migrate_find_origin(store->connection, &is_ours, err);
    }
    if (r == 0) {
        r = connection_configure(store->connection, err);
    }
    if (r == 0 && !is_wal) {
        r = change_to_wal(store->connection, err);
    }
    if (r == 0) {
        r = lock_has_doubt(store->lock) ? check_if_in_doubt(store, err)
                                        : check_if_unclean(store, size, size_wal, is_alone, err);
    }
    if (r == 0) {
        r = migrate(store->connection, options, is_ours, &is_changed, err);
    }
    if (r == 0 && (is_changed || !is_wal)) {
        char *folder = path_folder(store->path);

        r = file_sync_folder(folder, err);
        free(folder);
    }
    if (r == 0 && !is_wal) {
        r = connection_run(store->connection, "PRAGMA synchronous=FULL", err);
    }
    return r;
}

static int open_locked(struct store *store, const struct store_options *options, bool *ret_is_new,
                       struct error *err)
{
    bool is_alone;
    int r = lock_take(store->lock, store->lock_wait_ms, err);

    if (r < 0) {
        return r;
    }
    is_alone = lock_is_alone(store->lock);
    r = prepare_path(store->path, options, ret_is_new, err);
    if (r == 0) {
        /* Nothing can have happened to what was made just now. */
        r = open_database(store, options, is_alone && !*ret_is_new, err);
    }
    lock_release(store->lock);
    return r;
}

int store_open_with(struct store **ret_store, const struct store_options *options,
                    struct error *err)
{
    struct store *store = mem_zero(1, sizeof(*store));
    struct store_options own = *options;
    struct error local = ERROR_INIT;
    char *folder = path_folder(options->path);
    char *lock_path = mem_printf("%s.lock", options->path);
    bool is_new = false;
    int r = filesystem_check(folder, &local);

    store->path = mem_strdup(options->path);
    store->vfs = mem_strdup(options->vfs);
    store->loop = options->loop;
    store->lock_wait_ms = options->lock_wait_ms > 0 ? options->lock_wait_ms : STORE_LOCK_WAIT_MS;
    (void)pthread_mutex_init(&store->mutex, NULL);
    if (r == 0) {
        r = lock_open(&store->lock, lock_path, &local);
    }
    if (r == 0) {
        r = open_locked(store, options, &is_new, &local);
    }
    if (r < 0) {
        error_context(&local, "store %s", options->path);
        if (err) {
            *err = local;
        }
        goto out;
    }
    own.lock_wait_ms = store->lock_wait_ms;
    store->writer = writer_new(store->connection, store->lock, &own);
    if (is_new) {
        writer_start_ahead(store->writer);
    }
    *ret_store = store;
    store = NULL;
out:
    store_free(store);
    free(lock_path);
    free(folder);
    return r;
}

int store_open(struct store **ret_store, const char *path, const struct migration *migrations,
               size_t migration_count, struct loop *loop, struct error *err)
{
    struct store_options options = {
        .path = path,
        .migrations = migrations,
        .migration_count = migration_count,
        .loop = loop,
    };

    return store_open_with(ret_store, &options, err);
}

/* --- closing */

/* The last one out empties the WAL. Not being able to (a reader, a full disk, a held lock) loses
 * nothing: the next opener finds a WAL with content and checks the file. */
static int empty_wal(struct store *store, struct error *err)
{
    struct connection *connection = store->connection;
    int r = lock_take(store->lock,
                      store->lock_wait_ms < CLOSE_WAIT_MS ? store->lock_wait_ms : CLOSE_WAIT_MS,
                      NULL);

    if (r < 0) {
        return 0;
    }
    if (lock_is_alone(store->lock)) {
        int code;

        (void)sqlite3_busy_timeout(connection->db, 0);
        code = sqlite3_wal_checkpoint_v2(connection->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                         NULL);
        connection->failure = FAILURE_NONE;
        if (code != SQLITE_OK) {
            (void)connection_fail(connection, "checkpoint", NULL);
        }
        if (connection->failure == FAILURE_FATAL) {
            r = error_set(err, ERROR_IO, "store %s: %s", store->path,
                          connection->failure_error.text);
        }
    }
    lock_release(store->lock);
    return r;
}

int store_close(struct store *store, struct error *err)
{
    bool is_broken;
    int r = 0;

    if (!store) {
        return 0;
    }
    is_broken = writer_is_broken(store->writer);
    writer_free(store->writer);
    store->writer = NULL;
    while (store->reader_count > 0) {
        connection_close(store->readers[--store->reader_count]);
    }
    if (!is_broken && wal_size(store) > 0) {
        r = empty_wal(store, err);
    }
    store_free(store);
    return r;
}

/* --- working */

void store_submit(struct store *store, store_work work, store_done done, void *arg)
{
    writer_submit(store->writer, work, done, arg);
}

void store_expect_more(struct store *store, bool is_expected)
{
    writer_expect_more(store->writer, is_expected);
}

/* SQL waits for the disk, and for other processes. */
static bool may_block(const struct store *store)
{
    return !store->loop || !loop_is_inside(store->loop);
}

int store_write(struct store *store, store_work work, void *arg, struct error *err)
{
    assert(may_block(store));
    return writer_wait(store->writer, work, arg, err);
}

bool store_is_broken(const struct store *store)
{
    return writer_is_broken(store->writer);
}

static int reader_take(struct store *store, struct connection **ret_reader, struct error *err)
{
    struct connection *reader = NULL;
    int r;

    (void)pthread_mutex_lock(&store->mutex);
    if (store->reader_count > 0) {
        reader = store->readers[--store->reader_count];
    }
    (void)pthread_mutex_unlock(&store->mutex);
    if (reader) {
        *ret_reader = reader;
        return 0;
    }
    r = connection_open(&reader, store->path, SQLITE_OPEN_READONLY, store->vfs, err);
    if (r == 0) {
        r = connection_configure(reader, err);
    }
    if (r < 0) {
        connection_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

/* One whose transaction could not be ended would refuse whoever gets it next. */
static void reader_give(struct store *store, struct connection *reader)
{
    bool is_usable = sqlite3_get_autocommit(reader->db);

    (void)pthread_mutex_lock(&store->mutex);
    if (is_usable && store->reader_count < READERS_KEPT_MAX) {
        store->readers[store->reader_count++] = reader;
        reader = NULL;
    }
    (void)pthread_mutex_unlock(&store->mutex);
    connection_close(reader);
}

int store_read(struct store *store, store_work work, void *arg, struct error *err)
{
    struct connection *reader = NULL;
    struct tx tx;
    int r;

    assert(may_block(store));
    r = reader_take(store, &reader, err);
    if (r < 0) {
        return r;
    }
    tx.connection = reader;
    r = connection_control(reader, CONTROL_BEGIN_READ, err);
    if (r == 0) {
        r = work(&tx, arg, err);
        assert(r <= 0);
    }
    connection_roll_back(reader);
    reader_give(store, reader);
    return r;
}

static int verify_work(struct tx *tx, void *arg, struct error *err)
{
    int64_t orphans = 0;
    int r = connection_check(tx->connection, "PRAGMA integrity_check", err);

    (void)arg;
    if (r == 0) {
        r = connection_get_integer(tx->connection, "SELECT count(*) FROM pragma_foreign_key_check",
                                   &orphans, err);
    }
    if (r == 0 && orphans > 0) {
        r = error_set(err, ERROR_IO, "the store is damaged: %lld rows have lost their parent",
                      (long long)orphans);
    }
    return r;
}

int store_verify(struct store *store, struct error *err)
{
    return store_read(store, verify_work, NULL, err);
}
