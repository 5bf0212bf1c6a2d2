/* SPDX-License-Identifier: MIT */
/* Brings a file to the schema that this program knows, or refuses it untouched. */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(value) TEXT_OF(value)
#define TEXT_OF(value) #value

static const char marker_sql[] =
    "CREATE TABLE IF NOT EXISTS schema_version(name TEXT PRIMARY KEY, digest TEXT NOT NULL) STRICT;"
    "PRAGMA application_id=" TEXT(STORE_APPLICATION_ID) ";"
                                                        "PRAGMA user_version=" TEXT(STORE_FORMAT);

static const struct query q_applied = {"SELECT name, digest FROM schema_version ORDER BY rowid"};
static const struct query q_add = {"INSERT INTO schema_version(name, digest) VALUES(?1, ?2)"};

int migrate_find_origin(struct connection *connection, bool *ret_is_ours, struct error *err)
{
    int64_t application_id = 0;
    int64_t format = 0;
    int64_t objects = 0;
    int r = connection_get_integer(connection, "PRAGMA application_id", &application_id, err);

    if (r == 0) {
        r = connection_get_integer(connection, "PRAGMA user_version", &format, err);
    }
    if (r == 0) {
        r = connection_get_integer(connection, "SELECT count(*) FROM sqlite_schema", &objects, err);
    }
    if (r < 0) {
        return r;
    }
    if (application_id == 0 && format == 0 && objects == 0) {
        *ret_is_ours = false; /* empty, or left by a crash before its first transaction */
        return 0;
    }
    if (application_id != STORE_APPLICATION_ID) {
        (void)error_set(err, ERROR_CONFLICT, "it is an SQLite file of another program");
        error_hint(err, STORE_FOREIGN_HINT);
        return ERROR_CONFLICT;
    }
    if (format != STORE_FORMAT) {
        (void)error_set(err, ERROR_CONFLICT, "it has store format %lld, this program knows %d",
                        (long long)format, STORE_FORMAT);
        error_hint(err, "use the newer program that wrote it");
        return ERROR_CONFLICT;
    }
    *ret_is_ours = true;
    return 0;
}

static int mark_applied(const struct migration *migrations, size_t count, bool *applied,
                        struct statement *row, struct error *err)
{
    const char *name = column_text(row, 0);
    const char *digest = column_text(row, 1);
    char wanted[DIGEST_HEX_SIZE];

    for (size_t i = 0; i < count; i++) {
        if (strcmp(migrations[i].name, name) != 0) {
            continue;
        }
        digest_bytes(migrations[i].sql, strlen(migrations[i].sql), wanted);
        if (strcmp(wanted, digest) != 0) {
            (void)error_set(err, ERROR_CONFLICT,
                            "it was made by another build of this program, with another form of "
                            "its tables (%s)",
                            name);
            error_hint(err, "use the program that made it, or move the file with its -wal and "
                            "-shm away and begin anew; it was not changed, and the folders of "
                            "its runs stay");
            return ERROR_CONFLICT;
        }
        applied[i] = true;
        return 0;
    }
    (void)error_set(err, ERROR_CONFLICT, "it has a newer schema: migration %s is unknown here",
                    name);
    error_hint(err, "use the newer program that wrote it");
    return ERROR_CONFLICT;
}

static int load_applied(struct connection *connection, const struct migration *migrations,
                        size_t count, bool *applied, struct error *err)
{
    struct tx tx = {.connection = connection};
    struct statement *statement = tx_query(&tx, &q_applied);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        r = mark_applied(migrations, count, applied, statement, err);
        if (r < 0) {
            break;
        }
    }
    statements_reset(connection);
    return r;
}

static int apply(struct connection *connection, const struct migration *migration,
                 struct error *err)
{
    struct tx tx = {.connection = connection};
    char digest[DIGEST_HEX_SIZE];
    struct statement *statement;
    int r = connection_run(connection, migration->sql, err);

    if (r < 0) {
        error_context(err, "migration %s", migration->name);
        return r;
    }
    if (sqlite3_get_autocommit(connection->db)) {
        return error_set(err, ERROR_INTERNAL, "migration %s ended the transaction",
                         migration->name);
    }
    digest_bytes(migration->sql, strlen(migration->sql), digest);
    statement = tx_query(&tx, &q_add);
    bind_text(statement, 1, migration->name);
    bind_text(statement, 2, digest);
    r = tx_run(&tx, statement, NULL, err);
    statements_reset(connection);
    if (r < 0) {
        error_context(err, "migration %s", migration->name);
    }
    return r;
}

static int apply_missing(struct connection *connection, const struct migration *migrations,
                         size_t count, const bool *applied, struct error *err)
{
    int64_t violations = 0;
    int r = connection_control(connection, CONTROL_BEGIN_WRITE, err);

    if (r == 0) {
        r = connection_run(connection, marker_sql, err);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!applied[i]) {
            r = apply(connection, &migrations[i], err);
        }
    }
    if (r == 0) {
        r = connection_get_integer(connection, "SELECT count(*) FROM pragma_foreign_key_check",
                                   &violations, err);
    }
    if (r == 0 && violations > 0) {
        r = error_set(err, ERROR_INTERNAL, "the migrations leave %lld rows without their parent",
                      (long long)violations);
    }
    if (r == 0) {
        r = connection_control(connection, CONTROL_COMMIT, err);
    }
    connection_roll_back(connection);
    return r;
}

int migrate(struct connection *connection, const struct store_options *options, bool is_ours,
            bool *ret_changed, struct error *err)
{
    size_t count = options->migration_count;
    bool *applied = mem_zero(count + 1, sizeof(*applied));
    bool is_complete = is_ours;
    int r = 0;

    if (is_ours) {
        r = load_applied(connection, options->migrations, count, applied, err);
    }
    for (size_t i = 0; i < count; i++) {
        is_complete = is_complete && applied[i];
    }
    if (r == 0 && !is_complete) {
        /* A migration that rebuilds a table must not delete the rows that refer to it; all
         * references are checked before the commit instead. */
        (void)sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
        r = apply_missing(connection, options->migrations, count, applied, err);
        (void)sqlite3_db_config(connection->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    }
    if (r == 0) {
        *ret_changed = !is_complete;
    }
    free(applied);
    return r;
}
