/* SPDX-License-Identifier: MIT */
/* What the files of store/ share; nobody else includes it.
 *
 * lock.c        who may write: the flock on PATH.lock
 * filesystem.c  file systems on which locks or syncs cannot be trusted
 * connection.c  one SQLite connection: settings, errors, transaction control
 * statement.c   prepared statements, the body of tx_query and its friends
 * log.c         has the log everything that was acknowledged?
 * memory.c      SQLite's memory
 * migrate.c     the schema_version table
 * image.c       a new store, made whole
 * writer.c      the store thread and group commit
 * store.c       opening, closing, reading, verifying */
#ifndef FERMATA_STORE_INTERNAL_H
#define FERMATA_STORE_INTERNAL_H

#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

#define STORE_APPLICATION_ID 0x46726d74 /* "Frmt" */
#define STORE_FORMAT 1                  /* PRAGMA user_version; a higher one is refused */
/* Offsets in the header of the file, https://www.sqlite.org/fileformat2.html section 1.3 (3.40): it
 * is in WAL mode when both its write and its read version are 2. A database in memory cannot be
 * changed to it. */
#define HEADER_BYTES 100
#define HEADER_PAGE_SIZE 16 /* two bytes, big-endian; 1: 65536 */
#define HEADER_WRITE_VERSION 18
#define HEADER_READ_VERSION 19
#define HEADER_APPLICATION_ID 68
#define WAL_VERSION 2
#define STORE_LOCK_WAIT_MS 30000
#define STORE_CHECKPOINT_PAGES 1024 /* 4 MB of 4 KB pages */
/* What to do about a file that is not ours. */
#define STORE_FOREIGN_HINT                                                                         \
    "put a copy of the store back, or move the file with its -wal and -shm away and begin anew; "  \
    "it was not changed, and the folders of its runs stay"

/* --- lock.c: an open PATH.lock. Threads: one at a time. */
struct lock;
int lock_open(struct lock **ret_lock, const char *path, struct error *err);
void lock_close(struct lock *lock); /* accepts NULL */
/* Waits at most wait_ms; ERROR_BUSY names the process that has it. */
int lock_take(struct lock *lock, int wait_ms, struct error *err);
void lock_release(struct lock *lock);
/* Registers this store as a user of the file (until lock_close) and says whether it is the only
 * one. Only while the lock is taken. */
bool lock_is_alone(struct lock *lock);
/* The last note about the log (log.c). Only while the lock is taken; frames is 0 when there is
 * none. Failing to write it only makes a check weaker. */
struct log_mark {
    uint32_t salt[2]; /* which log */
    uint32_t frames;
};
void lock_write_mark(struct lock *lock, const struct log_mark *mark);
void lock_read_mark(struct lock *lock, struct log_mark *ret_mark);
/* A commit or sync failed: whoever opens the store next looks at all of it first, whatever its size
 * and whoever else has it open. It is not synced: a power cut leaves a log, which says the same. */
void lock_write_doubt(struct lock *lock, bool is_in_doubt);
bool lock_has_doubt(struct lock *lock);

/* --- filesystem.c */
/* The name of the network file system that statfs's f_type stands for, or NULL. */
const char *filesystem_network_name(unsigned long type);
/* The same for the type word of a FUSE mount ("fuse.sshfs"). */
const char *filesystem_fuse_network_name(const char *type);
/* The same for the device, by a list of mounts as in /proc/self/mountinfo. */
const char *filesystem_fuse_name_of_device(const char *mounts, dev_t device);
int filesystem_check(const char *folder, struct error *err); /* refuses network file systems */

/* --- connection.c */
enum failure {
    FAILURE_NONE,
    FAILURE_FULL,  /* no space: the transaction is lost, the store is sound */
    FAILURE_FATAL, /* I/O error, corruption: nothing may be acknowledged any more */
};

enum control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
};
#define CONTROLS 7

struct statement {
    struct connection *connection;
    const struct query *query;
    sqlite3_stmt *prepared; /* NULL when preparing failed */
    struct statement *next; /* the next one used in this transaction */
    struct error *refusal;  /* of preparing, told by the step; NULL: went well */
    int bind_code;          /* the first failed bind, told by the step */
    bool is_used, is_finished;
};

struct connection {
    sqlite3 *db;
    struct statement **slots; /* open addressing by query address; capacity a power of two */
    size_t capacity, count;
    struct statement *used; /* of this transaction, to be reset at its end */
    sqlite3_stmt *controls[CONTROLS];
    enum failure failure; /* the worst seen since connection_begin */
    struct error failure_error;
};

struct tx {
    struct connection *connection;
};

int connection_open(struct connection **ret_connection, const char *path, int flags,
                    const char *vfs, struct error *err);
void connection_close(struct connection *connection); /* accepts NULL */
/* The settings that may read the file; after the header was checked. */
int connection_configure(struct connection *connection, struct error *err);
/* Fills err from SQLite's last error and notes how bad it is. */
int connection_fail(struct connection *connection, const char *sql, struct error *err);
int connection_run(struct connection *connection, const char *sql, struct error *err);
int connection_get_integer(struct connection *connection, const char *sql, int64_t *ret_value,
                           struct error *err);
int connection_control(struct connection *connection, enum control control, struct error *err);
/* Ends a transaction that may have ended by itself already. */
void connection_roll_back(struct connection *connection);
/* PRAGMA quick_check or integrity_check: 0 when SQLite answers "ok". */
int connection_check(struct connection *connection, const char *sql, struct error *err);

/* --- log.c */
/* Before SQLite has read the log: ERROR_IO when it lacks what the mark says. */
int log_check(const char *path, const struct log_mark *mark, struct error *err);
/* Makes the log of a new store of so many pages, with the first page, as the store has it, for its
 * only frame: SQLite then does not sync the log's header before the first commit. Not synced: the
 * first commit does that, and until then a lost or torn log takes nothing from the store. */
int log_begin(const char *path, const unsigned char *page, uint32_t page_size, uint32_t pages,
              struct error *err);
/* The mark of the log with this many frames. */
int log_get_mark(struct connection *connection, uint32_t frames, struct log_mark *ret_mark);
/* Before a commit, by whoever holds the file lock: room for it and those that follow, of a log with
 * this many frames, of which the last commit wrote so many. `folder`: the store's. */
void log_lengthen(struct connection *connection, const char *folder, int frames, int last);

/* --- statement.c */
void statements_reset(struct connection *connection); /* all that were used in this transaction */
void statements_release(struct connection *connection);

/* --- migrate.c; err must not be NULL */
/* Refuses other programs' files and newer formats; ret_is_ours is false for an empty file. */
int migrate_find_origin(struct connection *connection, bool *ret_is_ours, struct error *err);
int migrate(struct connection *connection, const struct store_options *options, bool is_ours,
            bool *ret_changed, struct error *err);

/* --- image.c */
/* Makes the file, durably: with all migrations applied and in WAL mode; and its log. */
int image_create(const char *path, const struct store_options *options, struct error *err);

/* --- writer.c: owns the writing connection from writer_new on. */
struct writer;
struct writer *writer_new(struct connection *connection, struct lock *lock,
                          const struct store_options *options);
/* For a store just made: its thread starts, and syncs the folder, ahead of the first work. */
void writer_start_ahead(struct writer *writer);
/* Ends the thread after the queued work; the connection stays usable by the caller. */
void writer_free(struct writer *writer); /* accepts NULL */
void writer_submit(struct writer *writer, store_work work, store_done done, void *arg);
void writer_expect_more(struct writer *writer, bool is_expected);
int writer_wait(struct writer *writer, store_work work, void *arg, struct error *err);
bool writer_is_broken(const struct writer *writer);

#endif
