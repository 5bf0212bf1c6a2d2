/* SPDX-License-Identifier: MIT */
/* The store: one SQLite file, one writing connection on its own thread, group commit.
 *
 * It knows no table but `schema_version`: owners pass their migrations and queries.
 * - Created with synchronous=EXTRA before journal_mode=WAL, then FULL (docs/decisions).
 * - Debian's SQLite 3.40.1 can corrupt a WAL when two connections write and checkpoint at once, so
 *   every write transaction and checkpoint of every process holds an exclusive flock on
 *   PATH.lock. wal_autocheckpoint is off; the store thread checkpoints (PASSIVE at 4 MB, TRUNCATE
 *   on close) under the same lock.
 * - All work submitted while the thread was busy shares one transaction and one fsync. Each piece
 *   runs in its own savepoint: one that fails is rolled back alone.
 * - After a failed commit or fsync nothing is acknowledged any more: every later submit fails with
 *   ERROR_IO until the process ends (`store_is_broken`). A full disk (SQLITE_FULL, ENOSPC) fails
 *   that batch with ERROR_LIMIT and is tried again by the caller; it does not break the store. */
#ifndef FERMATA_STORE_STORE_H
#define FERMATA_STORE_STORE_H

#include "base/error.h"
#include "base/json.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Before anything else, once a process: SQLite without memory ends it (base/alloc.h). */
void store_init_memory(void);

struct store;
struct tx; /* an open transaction (write) or a reading view; valid inside the work function only */

/* Migrations of one owner: applied in order, each once, in one transaction, at open.
 * `name` is stable ("run/001-journal"); never change one that was released. */
struct migration {
    const char *name;
    const char *sql;
};

/* A named query, prepared once per connection: `static const struct query q_x = {"...sql..."}`.
 * Its address is the cache key, so it must be static. */
struct query {
    const char *sql;
};

/* Returns 0 to keep its changes, a negative code (with err set) to roll its savepoint back. */
typedef int (*store_work)(struct tx *tx, void *arg, struct error *err);
/* On the loop, in a later turn, after the commit: result 0 means durable. err is NULL then. */
typedef void (*store_done)(void *arg, int result, const struct error *err);

/* Opens or creates the file; folder must exist. loop may be NULL when only store_write/store_read
 * are used. Refuses network file systems, newer schemas, and files that are not ours. After an
 * unclean stop (the WAL has content though nobody has the store open) runs PRAGMA quick_check on
 * files up to 4 MB; larger ones are left to store_verify. After a failed commit or sync of any
 * process runs PRAGMA integrity_check, whatever the size. */
int store_open(struct store **ret_store, const char *path, const struct migration *migrations,
               size_t migration_count, struct loop *loop, struct error *err);
/* The same with everything named. */
struct store_image {
    const unsigned char *bytes; /* of store_make_image for the same migrations; NULL: none */
    size_t size;
};
struct store_options {
    const char *path;
    const struct migration *migrations;
    size_t migration_count;
    struct store_image image; /* what a new store begins as; none: the migrations are applied */
    struct loop *loop;
    const char *vfs;      /* of SQLite; tests put faults there. NULL: the default one */
    int lock_wait_ms;     /* how long other processes may keep the file; 0: 30 s */
    int checkpoint_pages; /* of the write-ahead log, before it is copied; 0: 1024, 4 MB */
};
int store_open_with(struct store **ret_store, const struct store_options *options,
                    struct error *err);
/* A new store with the migrations of options applied, as it would be on the disk; free() it. */
int store_make_image(const struct store_options *options, unsigned char **ret_bytes,
                     size_t *ret_size, struct error *err);
int store_close(struct store *store, struct error *err); /* waits for queued work; NULL is fine */

/* From the loop's thread; keeps the loop running until done was called. done may be NULL. */
void store_submit(struct store *store, store_work work, store_done done, void *arg);
/* From the loop's thread. While more is expected nothing is committed: what is submitted meanwhile
 * is worked on already, and shares one sync. Whoever expects more soon expects no more: others wait
 * for the store. */
void store_expect_more(struct store *store, bool is_expected);
/* These two block: never on the loop while it runs, which is asserted. */
/* Waits for the commit; for one-shot commands. */
int store_write(struct store *store, store_work work, void *arg, struct error *err);
/* A consistent reading view on the caller's own connection; never blocked by writers. */
int store_read(struct store *store, store_work work, void *arg, struct error *err);
bool store_is_broken(const struct store *store);
/* PRAGMA integrity_check; 0 when sound. */
int store_verify(struct store *store, struct error *err);

/* Statements: begin, bind from 1, step, read columns from 0. A statement needs no end: it is reset
 * by the next tx_query of the same query or by the end of the transaction. */
struct statement;
struct statement *tx_query(struct tx *tx, const struct query *query);
void bind_integer(struct statement *statement, int index, int64_t value);
void bind_real(struct statement *statement, int index, double value);
/* NULL binds NULL. The text must stay valid until the statement was stepped to its end. */
void bind_text(struct statement *statement, int index, const char *text);
void bind_blob(struct statement *statement, int index, const void *bytes, size_t length);
/* 1: a row; 0: done; negative: error. */
int statement_step(struct statement *statement, struct error *err);
int64_t column_integer(struct statement *statement, int index);
double column_real(struct statement *statement, int index);
const char *column_text(struct statement *statement,
                        int index); /* NULL for NULL; until next step */
const void *column_blob(struct statement *statement, int index, size_t *ret_length);
/* Runs a query to its end where no row matters. ret_changes may be NULL. */
int tx_run(struct tx *tx, struct statement *statement, int64_t *ret_changes, struct error *err);

#endif
