/* SPDX-License-Identifier: MIT */
/* The store thread: takes all that is queued, runs it in one transaction, commits once, then tells
 * everybody. It starts with the first piece of work, so that commands that only read have none.
 *
 *   queue --> lock --> BEGIN --> each piece in its savepoint --> COMMIT --> done on the loop
 *                                                                       --> checkpoint when due
 *
 * The thread sleeps as soon as the queue is empty: looking at the queue for some microseconds first
 * was measured and made a round trip slower, not faster, on a machine of two cores.
 *
 * Who is about to submit more says so, and what there is waits for it with its transaction open:
 * the work of the two threads overlaps, and all of it shares one sync.
 *
 * Invariant: nobody is told 0 before the COMMIT of his batch succeeded. */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Bounds how long one transaction keeps other processes waiting. */
#define BATCH_MAX 4096
#define BUSY_SLICE_MS 50

struct job {
    struct job *next;
    store_work work;
    store_done done;
    void *arg;
    struct error *error; /* NULL: went well so far */
    bool is_awaited;     /* of writer_wait, on its stack */
    bool is_over;
};

struct writer {
    struct connection *connection;
    struct lock *lock;
    struct loop *loop; /* may be NULL */
    int lock_wait_ms;
    int checkpoint_every; /* so many pages */
    char *folder;
    pthread_t thread;
    bool is_started;

    pthread_mutex_t mutex; /* guards the queue and what is below, up to the empty line */
    pthread_cond_t wake;   /* the thread has work or shall end */
    pthread_cond_t over;   /* an awaited job is over */
    struct job *first, **last;
    bool is_asleep, is_ending;
    bool expects_more; /* no commit before that came */

    /* Of the thread alone. */
    int wal_pages, checkpoint_pages;
    int last_pages;   /* of the last commit */
    bool has_written; /* to the log, in this commit */
    bool is_ahead;    /* started before its first work, to sync the folder of a new store */
    bool has_synced_folder;
    struct error broken_error;
    _Atomic bool is_broken;
};

/* Jobs on their way to the loop; outlives the writer. */
struct delivery {
    struct loop *loop;
    struct job *first;
};

static int note_wal_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    struct writer *writer = context;

    (void)db;
    (void)name;
    /* A log that began anew has fewer than before. */
    writer->last_pages = pages > writer->wal_pages ? pages - writer->wal_pages : pages;
    writer->wal_pages = pages;
    writer->has_written = true;
    return SQLITE_OK;
}

struct writer *writer_new(struct connection *connection, struct lock *lock,
                          const struct store_options *options)
{
    struct writer *writer = mem_zero(1, sizeof(*writer));

    writer->connection = connection;
    writer->lock = lock;
    writer->loop = options->loop;
    writer->lock_wait_ms = options->lock_wait_ms;
    writer->last = &writer->first;
    writer->checkpoint_every = options->checkpoint_pages > 0 ? options->checkpoint_pages
                                                             : STORE_CHECKPOINT_PAGES;
    writer->checkpoint_pages = writer->checkpoint_every;
    writer->folder = path_folder(options->path);
    (void)pthread_mutex_init(&writer->mutex, NULL);
    (void)pthread_cond_init(&writer->wake, NULL);
    (void)pthread_cond_init(&writer->over, NULL);
    (void)sqlite3_wal_hook(connection->db, note_wal_pages, writer);
    (void)sqlite3_busy_timeout(connection->db, BUSY_SLICE_MS);
    return writer;
}

bool writer_is_broken(const struct writer *writer)
{
    return atomic_load(&writer->is_broken);
}

/* --- telling */

static void job_fail(struct job *job, const struct error *error)
{
    if (!job->error) {
        job->error = mem_alloc(sizeof(*job->error));
        *job->error = *error;
    }
}

static void jobs_fail(struct job *first, const struct error *error)
{
    for (struct job *job = first; job; job = job->next) {
        job_fail(job, error);
    }
}

static void deliver(void *arg)
{
    struct delivery *delivery = arg;
    struct loop *loop = delivery->loop;
    struct job *job = delivery->first;

    free(delivery);
    while (job) {
        struct job *next = job->next;

        if (job->done) {
            job->done(job->arg, job->error ? job->error->code : 0, job->error);
        }
        free(job->error);
        free(job);
        loop_unhold(loop);
        job = next;
    }
}

static void post_delivery(struct loop *loop, struct job *first)
{
    struct delivery *delivery = mem_alloc(sizeof(*delivery));

    delivery->loop = loop;
    delivery->first = first;
    loop_post(loop, deliver, delivery);
}

/* Awaited jobs belong to a caller's stack: they are not touched after the mutex is free again. */
static void jobs_tell(struct writer *writer, struct job *first)
{
    struct job *submitted = NULL;
    struct job **last = &submitted;
    bool has_awaited = false;

    for (struct job *job = first; job; job = job->next) {
        has_awaited = has_awaited || job->is_awaited;
    }
    if (has_awaited) {
        (void)pthread_mutex_lock(&writer->mutex);
    }
    while (first) {
        struct job *job = first;

        first = job->next;
        if (job->is_awaited) {
            job->is_over = true;
        } else {
            *last = job;
            last = &job->next;
        }
    }
    *last = NULL;
    if (has_awaited) {
        (void)pthread_cond_broadcast(&writer->over);
        (void)pthread_mutex_unlock(&writer->mutex);
    }
    if (submitted) {
        post_delivery(writer->loop, submitted);
    }
}

/* --- the queue */

/* With the mutex held: at most BATCH_MAX jobs. */
static struct job *queue_cut(struct writer *writer)
{
    struct job *first = writer->first;
    struct job **last = &writer->first;
    size_t count = 0;

    while (*last && count < BATCH_MAX) {
        last = &(*last)->next;
        count++;
    }
    writer->first = *last;
    if (!writer->first) {
        writer->last = &writer->first;
    }
    *last = NULL;
    return first;
}

static void queue_wait(struct writer *writer)
{
    writer->is_asleep = true;
    (void)pthread_cond_wait(&writer->wake, &writer->mutex);
    writer->is_asleep = false;
}

/* NULL when the writer is ending and nothing is left. */
static struct job *queue_take(struct writer *writer)
{
    struct job *first;

    (void)pthread_mutex_lock(&writer->mutex);
    while (!writer->first && !writer->is_ending) {
        queue_wait(writer);
    }
    first = writer->first ? queue_cut(writer) : NULL;
    (void)pthread_mutex_unlock(&writer->mutex);
    return first;
}

/* What belongs to the same transaction, as long as somebody is about to submit it; else NULL. */
static struct job *queue_take_more(struct writer *writer)
{
    struct job *first;

    (void)pthread_mutex_lock(&writer->mutex);
    while (!writer->first && writer->expects_more && !writer->is_ending) {
        queue_wait(writer);
    }
    first = writer->first ? queue_cut(writer) : NULL;
    (void)pthread_mutex_unlock(&writer->mutex);
    return first;
}

/* --- one batch */

static void mark_broken(struct writer *writer, const struct error *error)
{
    struct error *broken = &writer->broken_error;

    if (atomic_load(&writer->is_broken)) {
        return;
    }
    (void)error_set(broken, ERROR_IO, "the store saves nothing any more: %s", error->text);
    error_hint(broken, "%s",
               error->hint[0] ? error->hint
                              : "what was saved before is safe; end this program and start it "
                                "again: the store is checked then");
    lock_write_doubt(writer->lock, true);
    atomic_store(&writer->is_broken, true);
}

static void note_fatal(struct writer *writer)
{
    if (writer->connection->failure == FAILURE_FATAL) {
        mark_broken(writer, &writer->connection->failure_error);
    }
}

/* Did the piece of work meet something that its whole transaction does not survive? It may have
 * swallowed the error itself. */
static int check_transaction(struct writer *writer, struct error *err)
{
    struct connection *connection = writer->connection;

    if (connection->failure != FAILURE_NONE) {
        *err = connection->failure_error;
        return err->code;
    }
    if (sqlite3_get_autocommit(connection->db)) {
        return error_set(err, ERROR_INTERNAL, "a piece of work ended the store's transaction");
    }
    return 0;
}

/* Runs one piece; its own failure is kept in the job. Negative: the whole batch is lost. */
static int job_run(struct writer *writer, struct job *job, bool is_alone, struct error *err)
{
    struct connection *connection = writer->connection;
    struct tx tx = {.connection = connection};
    struct error error = ERROR_INIT;
    int r = is_alone ? 0 : connection_control(connection, CONTROL_SAVEPOINT, err);

    if (r < 0) {
        return r;
    }
    r = job->work(&tx, job->arg, &error);
    assert(r <= 0);
    statements_reset(connection);
    if (r < 0) {
        error.code = r;
        job_fail(job, &error);
    }
    r = check_transaction(writer, err);
    if (r == 0 && !is_alone && job->error) {
        r = connection_control(connection, CONTROL_ROLLBACK_TO, err);
    }
    if (r == 0 && !is_alone) {
        r = connection_control(connection, CONTROL_RELEASE, err);
    }
    return r;
}

static void mark_log(struct writer *writer)
{
    struct log_mark mark = {0};

    if (log_get_mark(writer->connection, (uint32_t)writer->wal_pages, &mark) == 0) {
        lock_write_mark(writer->lock, &mark);
    }
}

/* What is written to files without a name is gone when the program ends, however well it was
 * synced. Where the file system's layer cannot tell, nothing is known against it. */
static int check_names(struct writer *writer, struct error *err)
{
    sqlite3 *db = writer->connection->db;
    const char *path = sqlite3_db_filename(db, "main");
    int has_moved = 0;
    struct stat log;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) != SQLITE_OK ||
        (!has_moved && stat(sqlite3_filename_wal(path), &log) == 0)) {
        return 0;
    }
    (void)error_set(err, ERROR_IO, "store %s: it was removed or replaced while it was in use",
                    path);
    error_hint(err, "what was saved in it is gone with it, and steps under way end by themselves");
    return ERROR_IO;
}

static int batch_commit(struct writer *writer, struct error *err)
{
    struct connection *connection = writer->connection;
    int r;

    writer->has_written = false;
    log_lengthen(connection, writer->folder, writer->wal_pages, writer->last_pages);
    r = connection_control(connection, CONTROL_COMMIT, err);
    if (r == 0 && writer->has_written) {
        mark_log(writer);
        r = check_names(writer, err);
    }
    /* Whatever stopped a commit half-way: only "no space" and "busy" are known to be harmless. */
    if (r < 0 && connection->failure != FAILURE_FULL && r != ERROR_BUSY) {
        mark_broken(writer, err);
    }
    return r;
}

/* The log may be new, and its name then only in memory. SQLite syncs the folder with its first
 * commit as well, but goes on when that fails: what was acknowledged could go with the name. */
static int sync_folder_once(struct writer *writer, struct error *err)
{
    int r = writer->has_synced_folder ? 0 : file_sync_folder(writer->folder, err);

    writer->has_synced_folder = r == 0;
    if (r == ERROR_IO) {
        mark_broken(writer, err);
    }
    return r;
}

/* Another program, which knows nothing of the file lock, may be writing. It is waited for without
 * the file lock, since whoever opens the store needs that. 0: the lock is held, a transaction open.
 */
static int batch_begin(struct writer *writer, struct error *err)
{
    struct connection *connection = writer->connection;
    int waited_ms = 0;

    for (;;) {
        int r = lock_take(writer->lock, writer->lock_wait_ms, err);

        if (r < 0) {
            return r;
        }
        connection->failure = FAILURE_NONE;
        r = connection_control(connection, CONTROL_BEGIN_WRITE, err);
        if (r == 0) {
            return 0;
        }
        note_fatal(writer);
        lock_release(writer->lock);
        waited_ms += BUSY_SLICE_MS;
        if (r != ERROR_BUSY || waited_ms >= writer->lock_wait_ms) {
            return r;
        }
    }
}

static bool is_more_expected(struct writer *writer)
{
    bool is_expected;

    (void)pthread_mutex_lock(&writer->mutex);
    is_expected = writer->expects_more;
    (void)pthread_mutex_unlock(&writer->mutex);
    return is_expected;
}

static int batch_transact(struct writer *writer, struct job *first, struct error *err)
{
    struct connection *connection = writer->connection;
    bool has_more = is_more_expected(writer);
    bool is_alone = !first->next && !has_more;
    size_t count = 0;
    int r = 0;

    for (struct job *job = first; r == 0 && job; job = job->next) {
        r = job_run(writer, job, is_alone, err);
        count++;
        if (r == 0 && !job->next && has_more && count < BATCH_MAX) {
            job->next = queue_take_more(writer);
        }
    }
    if (r == 0 && !(is_alone && first->error)) {
        r = batch_commit(writer, err);
    }
    connection_roll_back(connection);
    note_fatal(writer);
    return r;
}

/* A copy that stops half-way would only take the room that the next commit needs: space that was
 * freed meanwhile would be gone before anything is saved in it. */
static bool has_room_to_copy(struct writer *writer)
{
    const char *path = sqlite3_db_filename(writer->connection->db, "main");
    struct statvfs disk;
    struct stat file;
    int64_t needed = 0;

    if (connection_get_integer(writer->connection,
                               "SELECT page_count * page_size"
                               " FROM pragma_page_count(), pragma_page_size()",
                               &needed, NULL) < 0 ||
        stat(path, &file) < 0 || statvfs(writer->folder, &disk) < 0) {
        return false;
    }
    return needed - file.st_size <= (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
}

/* A reader may keep pages from being copied; then the next try waits for as many pages again. When
 * the disk is full, what is copied makes room: the next transaction begins the log anew. */
static void checkpoint_if_due(struct writer *writer, bool lacks_space)
{
    int pages = 0;
    int copied = 0;
    int code;

    if (writer->wal_pages < writer->checkpoint_every) {
        writer->checkpoint_pages = writer->checkpoint_every;
    }
    if ((writer->wal_pages < writer->checkpoint_pages && !lacks_space) ||
        atomic_load(&writer->is_broken)) {
        return;
    }
    writer->connection->failure = FAILURE_NONE;
    if (lacks_space && !has_room_to_copy(writer)) {
        return;
    }
    code = sqlite3_wal_checkpoint_v2(writer->connection->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                     &pages, &copied);
    writer->checkpoint_pages = writer->wal_pages + writer->checkpoint_every;
    if (code != SQLITE_OK) {
        (void)connection_fail(writer->connection, "checkpoint", NULL);
        note_fatal(writer);
    } else if (pages == copied) {
        /* The next commit may begin the log anew. */
        lock_write_mark(writer->lock, &(struct log_mark){0});
    }
}

static void batch_run(struct writer *writer, struct job *first)
{
    struct error error = ERROR_INIT;
    int r;

    if (atomic_load(&writer->is_broken)) {
        jobs_fail(first, &writer->broken_error);
        jobs_tell(writer, first);
        return;
    }
    r = sync_folder_once(writer, &error);
    if (r == 0) {
        r = batch_begin(writer, &error);
    }
    if (r < 0) {
        jobs_fail(first, &error);
        jobs_tell(writer, first);
        return;
    }
    r = batch_transact(writer, first, &error);
    if (r < 0) {
        jobs_fail(first, atomic_load(&writer->is_broken) ? &writer->broken_error : &error);
    }
    jobs_tell(writer, first);
    checkpoint_if_due(writer, r < 0 && error.is_storage_full);
    lock_release(writer->lock);
}

/* --- the thread */

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    struct job *first;

    if (writer->is_ahead) {
        struct error error = ERROR_INIT;

        (void)sync_folder_once(writer, &error); /* not done: the first batch tries it again */
    }
    while ((first = queue_take(writer)) != NULL) {
        batch_run(writer, first);
    }
    return NULL;
}

/* Signals are the loop's: this thread gets none. */
static int writer_start(struct writer *writer, struct error *err)
{
    sigset_t all, before;
    int number;

    if (writer->is_started) {
        return 0;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&writer->thread, NULL, writer_main, writer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        return error_set(err, ERROR_LIMIT, "cannot start the store's thread (error %d)", number);
    }
    writer->is_started = true;
    return 0;
}

void writer_start_ahead(struct writer *writer)
{
    (void)pthread_mutex_lock(&writer->mutex);
    writer->is_ahead = true;
    (void)writer_start(writer, NULL);
    (void)pthread_mutex_unlock(&writer->mutex);
}

static int queue_add(struct writer *writer, struct job *job, struct error *err)
{
    int r;

    (void)pthread_mutex_lock(&writer->mutex);
    r = writer_start(writer, err);
    if (r == 0) {
        *writer->last = job;
        writer->last = &job->next;
        if (writer->is_asleep) {
            (void)pthread_cond_signal(&writer->wake);
        }
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    return r;
}

void writer_submit(struct writer *writer, store_work work, store_done done, void *arg)
{
    struct error error = ERROR_INIT;
    struct job *job;

    assert(writer->loop && loop_is_owner(writer->loop));
    job = mem_zero(1, sizeof(*job));
    job->work = work;
    job->done = done;
    job->arg = arg;
    loop_hold(writer->loop);
    if (queue_add(writer, job, &error) < 0) {
        job_fail(job, &error);
        post_delivery(writer->loop, job);
    }
}

void writer_expect_more(struct writer *writer, bool is_expected)
{
    (void)pthread_mutex_lock(&writer->mutex);
    writer->expects_more = is_expected;
    if (!is_expected && writer->is_asleep) {
        (void)pthread_cond_signal(&writer->wake);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
}

int writer_wait(struct writer *writer, store_work work, void *arg, struct error *err)
{
    struct job job = {.work = work, .arg = arg, .is_awaited = true};
    int r = queue_add(writer, &job, err);

    if (r < 0) {
        return r;
    }
    assert(!pthread_equal(pthread_self(), writer->thread));
    (void)pthread_mutex_lock(&writer->mutex);
    while (!job.is_over) {
        (void)pthread_cond_wait(&writer->over, &writer->mutex);
    }
    (void)pthread_mutex_unlock(&writer->mutex);
    if (job.error) {
        r = job.error->code;
        if (err) {
            *err = *job.error;
        }
        free(job.error);
    }
    return r;
}

void writer_free(struct writer *writer)
{
    if (!writer) {
        return;
    }
    if (writer->is_started) {
        (void)pthread_mutex_lock(&writer->mutex);
        writer->is_ending = true;
        (void)pthread_cond_signal(&writer->wake);
        (void)pthread_mutex_unlock(&writer->mutex);
        (void)pthread_join(writer->thread, NULL);
    }
    (void)sqlite3_wal_hook(writer->connection->db, NULL, NULL);
    (void)pthread_cond_destroy(&writer->over);
    (void)pthread_cond_destroy(&writer->wake);
    (void)pthread_mutex_destroy(&writer->mutex);
    free(writer->folder);
    free(writer);
}
