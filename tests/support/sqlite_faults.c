/* SPDX-License-Identifier: MIT */
#include "sqlite_faults.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

/* Calls come from several threads; which of them fails then is up to chance. */
static _Atomic int calls_left = -1;
static _Atomic int failing_code, failing_errno;
static _Atomic bool has_failed;
static _Thread_local bool is_last_failed; /* this thread's last call was made to fail */

int __real_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_exec(sqlite3 *db, const char *sql,
                        int (*callback)(void *, int, char **, char **), void *context,
                        char **ret_message);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int length,
                              sqlite3_stmt **ret_statement, const char **ret_tail);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int length, unsigned int flags,
                              sqlite3_stmt **ret_statement, const char **ret_tail);
int __real_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __real_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_pages,
                                     int *ret_copied);
int __real_sqlite3_extended_errcode(sqlite3 *db);
int __real_sqlite3_system_errno(sqlite3 *db);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql,
                        int (*callback)(void *, int, char **, char **), void *context,
                        char **ret_message);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int length,
                              sqlite3_stmt **ret_statement, const char **ret_tail);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int length, unsigned int flags,
                              sqlite3_stmt **ret_statement, const char **ret_tail);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_pages,
                                     int *ret_copied);
int __wrap_sqlite3_extended_errcode(sqlite3 *db);
int __wrap_sqlite3_system_errno(sqlite3 *db);

void sqlite_faults_set(int calls, int extended_code, int system_errno)
{
    failing_code = extended_code;
    failing_errno = system_errno;
    has_failed = false;
    calls_left = calls;
}

bool sqlite_faults_clear(void)
{
    calls_left = -1;
    return has_failed;
}

static bool is_to_fail(void)
{
    is_last_failed = atomic_load(&calls_left) >= 0 && atomic_fetch_sub(&calls_left, 1) == 0;
    if (is_last_failed) {
        has_failed = true;
    }
    return is_last_failed;
}

int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    return is_to_fail() ? failing_code & 0xff : __real_sqlite3_step(statement);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql,
                        int (*callback)(void *, int, char **, char **), void *context,
                        char **ret_message)
{
    return is_to_fail() ? failing_code & 0xff
                        : __real_sqlite3_exec(db, sql, callback, context, ret_message);
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int length,
                              sqlite3_stmt **ret_statement, const char **ret_tail)
{
    *ret_statement = NULL;
    return is_to_fail() ? failing_code & 0xff
                        : __real_sqlite3_prepare_v2(db, sql, length, ret_statement, ret_tail);
}

int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int length, unsigned int flags,
                              sqlite3_stmt **ret_statement, const char **ret_tail)
{
    *ret_statement = NULL;
    return is_to_fail()
               ? failing_code & 0xff
               : __real_sqlite3_prepare_v3(db, sql, length, flags, ret_statement, ret_tail);
}

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs)
{
    int code = __real_sqlite3_open_v2(path, ret_db, flags, vfs);

    return is_to_fail() ? failing_code & 0xff : code;
}

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *ret_pages,
                                     int *ret_copied)
{
    return is_to_fail() ? failing_code & 0xff
                        : __real_sqlite3_wal_checkpoint_v2(db, name, mode, ret_pages, ret_copied);
}

int __wrap_sqlite3_extended_errcode(sqlite3 *db)
{
    return is_last_failed ? failing_code : __real_sqlite3_extended_errcode(db);
}

int __wrap_sqlite3_system_errno(sqlite3 *db)
{
    return is_last_failed ? failing_errno : __real_sqlite3_system_errno(db);
}
