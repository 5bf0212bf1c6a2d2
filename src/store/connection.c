/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 5000
#define SQL_WORDS_MAX 60
#define CHECK_ROWS_MAX 5

/* No checkpoint ever happens by itself: only the holder of the file lock makes one. */
static const char settings_sql[] = "PRAGMA mmap_size=0;"
                                   "PRAGMA cell_size_check=ON;"
                                   "PRAGMA wal_autocheckpoint=0;"
                                   "PRAGMA temp_store=MEMORY;"
                                   "PRAGMA synchronous=FULL";

static const char *const control_sql[] = {
    [CONTROL_BEGIN_READ] = "BEGIN",
    [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_SAVEPOINT] = "SAVEPOINT piece",
    [CONTROL_RELEASE] = "RELEASE piece",
    [CONTROL_ROLLBACK_TO] = "ROLLBACK TO piece",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
};
static_assert(ARRAY_LEN(control_sql) == CONTROLS, "one text for each control");

static int open_database(sqlite3 **ret_db, const char *path, int flags, const char *vfs,
                         struct error *err)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);

    if (code == SQLITE_OK) {
        *ret_db = db;
        return 0;
    }
    errno = db ? sqlite3_system_errno(db) : ENOMEM;
    if (errno != 0) {
        code = error_set_errno(err, "cannot open the store %s", path);
    } else {
        code = error_set(err, ERROR_IO, "cannot open the store %s: %s", path, sqlite3_errstr(code));
    }
    (void)sqlite3_close(db);
    return code;
}

int connection_open(struct connection **ret_connection, const char *path, int flags,
                    const char *vfs, struct error *err)
{
    struct connection *connection;
    sqlite3 *db = NULL;
    int r = open_database(&db, path, flags, vfs, err);

    if (r < 0) {
        return r;
    }
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    (void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    connection = mem_zero(1, sizeof(*connection));
    connection->db = db;
    *ret_connection = connection;
    return 0;
}

void connection_close(struct connection *connection)
{
    int code;

    if (!connection) {
        return;
    }
    statements_release(connection);
    for (size_t i = 0; i < CONTROLS; i++) {
        (void)sqlite3_finalize(connection->controls[i]);
    }
    code = sqlite3_close(connection->db);
    assert(code == SQLITE_OK);
    free(connection);
}

int connection_configure(struct connection *connection, struct error *err)
{
    return connection_run(connection, settings_sql, err);
}

/* "INSERT INTO event(run, ..." becomes one line of at most SQL_WORDS_MAX bytes. */
static void first_words(const char *sql, char ret_text[SQL_WORDS_MAX + 4])
{
    size_t length = 0;
    bool in_space = true;

    for (; *sql && length < SQL_WORDS_MAX; sql++) {
        bool is_space = *sql == ' ' || *sql == '\n' || *sql == '\t';

        if (!is_space || !in_space) {
            ret_text[length++] = is_space ? ' ' : *sql;
        }
        in_space = is_space;
    }
    (void)snprintf(ret_text + length, 4, "%s", *sql ? "..." : "");
}

static bool is_no_space(int number)
{
    return number == ENOSPC || number == EDQUOT;
}

/* How bad is it? A failed fsync is fatal whatever its errno: the kernel may have dropped the pages,
 * and a second fsync would lie. */
static enum failure classify(int extended_code, int system_errno)
{
    switch (extended_code & 0xff) {
    case SQLITE_FULL:
        return FAILURE_FULL;
    case SQLITE_IOERR:
        if (extended_code == SQLITE_IOERR_FSYNC || extended_code == SQLITE_IOERR_DIR_FSYNC) {
            return FAILURE_FATAL;
        }
        return is_no_space(system_errno) ? FAILURE_FULL : FAILURE_FATAL;
    case SQLITE_CANTOPEN:
        return is_no_space(system_errno) ? FAILURE_FULL : FAILURE_FATAL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_NOMEM:
        return FAILURE_FATAL;
    default:
        return FAILURE_NONE;
    }
}

static int error_code_of(int extended_code, enum failure failure)
{
    if (failure == FAILURE_FULL) {
        return ERROR_LIMIT;
    }
    switch (extended_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_BUSY;
    case SQLITE_CONSTRAINT:
        return ERROR_CONFLICT;
    case SQLITE_TOOBIG:
        return ERROR_LIMIT;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
        return ERROR_INTERNAL;
    default:
        return ERROR_IO;
    }
}

int connection_fail(struct connection *connection, const char *sql, struct error *err)
{
    int extended_code = sqlite3_extended_errcode(connection->db);
    enum failure failure = classify(extended_code, sqlite3_system_errno(connection->db));
    char words[SQL_WORDS_MAX + 4];
    struct error error = ERROR_INIT;
    int r;

    first_words(sql, words);
    r = error_set(&error, error_code_of(extended_code, failure), "%s\"%s\" failed: %s (SQLite %d)",
                  failure == FAILURE_FULL ? "storage full: " : "", words,
                  sqlite3_errmsg(connection->db), extended_code);
    if (failure == FAILURE_FULL) {
        error.is_storage_full = true;
        error_hint(&error, "free some disk space, then try again; nothing that was saved is lost");
    }
    if (failure > connection->failure) {
        connection->failure = failure;
        connection->failure_error = error;
    }
    if (err) {
        *err = error;
    }
    return r;
}

int connection_run(struct connection *connection, const char *sql, struct error *err)
{
    if (sqlite3_exec(connection->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return connection_fail(connection, sql, err);
    }
    return 0;
}

int connection_get_integer(struct connection *connection, const char *sql, int64_t *ret_value,
                           struct error *err)
{
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(connection->db, sql, -1, &prepared, NULL);
    int r = 0;

    if (code == SQLITE_OK) {
        code = sqlite3_step(prepared);
    }
    if (code == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(prepared, 0);
    } else if (code == SQLITE_DONE) {
        r = error_set(err, ERROR_INTERNAL, "\"%s\" gave no row", sql);
    } else {
        r = connection_fail(connection, sql, err);
    }
    (void)sqlite3_finalize(prepared);
    return r;
}

int connection_control(struct connection *connection, enum control control, struct error *err)
{
    sqlite3_stmt **prepared = &connection->controls[control];
    int code = SQLITE_OK;
    int r = 0;

    if (!*prepared) {
        code = sqlite3_prepare_v3(connection->db, control_sql[control], -1,
                                  SQLITE_PREPARE_PERSISTENT, prepared, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(*prepared);
    }
    if (code != SQLITE_DONE) {
        r = connection_fail(connection, control_sql[control], err);
    }
    (void)sqlite3_reset(*prepared);
    return r;
}

void connection_roll_back(struct connection *connection)
{
    statements_reset(connection);
    if (!sqlite3_get_autocommit(connection->db)) {
        (void)connection_control(connection, CONTROL_ROLLBACK, NULL);
    }
}

int connection_check(struct connection *connection, const char *sql, struct error *err)
{
    sqlite3_stmt *prepared = NULL;
    int code = sqlite3_prepare_v2(connection->db, sql, -1, &prepared, NULL);
    struct strbuf found;
    int rows = 0;
    int r = 0;

    strbuf_init(&found, ERROR_TEXT_MAX / 2);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        const char *text;

        code = sqlite3_step(prepared);
        if (code != SQLITE_ROW) {
            break;
        }
        text = (const char *)sqlite3_column_text(prepared, 0);
        if (text && strcmp(text, "ok") != 0 && rows++ < CHECK_ROWS_MAX) {
            strbuf_addf(&found, "%s%s", found.length > 0 ? "; " : "", text);
        }
    }
    if (code != SQLITE_DONE) {
        r = connection_fail(connection, sql, err);
    } else if (rows > 0) {
        r = error_set(err, ERROR_IO, "the store is damaged: %s", found.data);
    }
    (void)sqlite3_finalize(prepared);
    strbuf_release(&found);
    return r;
}
