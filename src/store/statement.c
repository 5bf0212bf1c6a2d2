/* SPDX-License-Identifier: MIT */
/* Prepared statements by the address of their query, one table a connection. */
#include "store/internal.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

static size_t slot_of(const struct connection *connection, const struct query *query)
{
    /* Multiplicative hashing; the low bits of an address are its alignment. */
    uint64_t hash = ((uint64_t)(uintptr_t)query >> 3) * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(hash >> 32) & (connection->capacity - 1);

    while (connection->slots[slot] && connection->slots[slot]->query != query) {
        slot = (slot + 1) & (connection->capacity - 1);
    }
    return slot;
}

static void slots_grow(struct connection *connection)
{
    struct statement **old_slots = connection->slots;
    size_t old_capacity = connection->capacity;

    connection->capacity = old_capacity > 0 ? old_capacity * 2 : SLOTS_FIRST;
    connection->slots = mem_zero(connection->capacity, sizeof(struct statement *));
    for (size_t i = 0; i < old_capacity; i++) {
        if (old_slots[i]) {
            connection->slots[slot_of(connection, old_slots[i]->query)] = old_slots[i];
        }
    }
    free(old_slots);
}

static struct statement *statement_get(struct connection *connection, const struct query *query)
{
    struct statement *statement;
    size_t slot;

    if (connection->count * 2 >= connection->capacity) {
        slots_grow(connection);
    }
    slot = slot_of(connection, query);
    if (connection->slots[slot]) {
        return connection->slots[slot];
    }
    statement = mem_zero(1, sizeof(*statement));
    statement->connection = connection;
    statement->query = query;
    connection->slots[slot] = statement;
    connection->count++;
    return statement;
}

/* Also forgets the bound values: they point to memory of the caller. */
static void statement_reset(struct statement *statement)
{
    (void)sqlite3_reset(statement->prepared);
    (void)sqlite3_clear_bindings(statement->prepared);
    statement->is_finished = false;
    statement->bind_code = SQLITE_OK;
}

void statements_reset(struct connection *connection)
{
    while (connection->used) {
        struct statement *statement = connection->used;

        connection->used = statement->next;
        statement->next = NULL;
        statement->is_used = false;
        if (statement->prepared) {
            statement_reset(statement);
        }
    }
}

void statements_release(struct connection *connection)
{
    for (size_t i = 0; i < connection->capacity; i++) {
        if (connection->slots[i]) {
            (void)sqlite3_finalize(connection->slots[i]->prepared);
            free(connection->slots[i]->refusal);
            free(connection->slots[i]);
        }
    }
    free(connection->slots);
    connection->slots = NULL;
    connection->used = NULL;
    connection->capacity = 0;
    connection->count = 0;
}

/* A failure is kept until the step: another call may change what SQLite says of its last one. */
static void statement_prepare(struct statement *statement)
{
    struct connection *connection = statement->connection;

    free(statement->refusal);
    statement->refusal = NULL;
    if (sqlite3_prepare_v3(connection->db, statement->query->sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &statement->prepared, NULL) != SQLITE_OK) {
        statement->refusal = mem_zero(1, sizeof(*statement->refusal));
        (void)connection_fail(connection, statement->query->sql, statement->refusal);
    }
}

struct statement *tx_query(struct tx *tx, const struct query *query)
{
    struct connection *connection = tx->connection;
    struct statement *statement = statement_get(connection, query);

    if (!statement->is_used) {
        statement->is_used = true;
        statement->next = connection->used;
        connection->used = statement;
    } else if (statement->prepared) {
        statement_reset(statement);
    }
    if (!statement->prepared) {
        statement_prepare(statement);
    }
    return statement;
}

/* A wrong index is a bug in the query or the caller. */
static void note_bind(struct statement *statement, int code)
{
    assert(code != SQLITE_RANGE && code != SQLITE_MISUSE);
    if (code != SQLITE_OK && statement->bind_code == SQLITE_OK) {
        statement->bind_code = code;
    }
}

void bind_integer(struct statement *statement, int index, int64_t value)
{
    if (statement->prepared) {
        note_bind(statement, sqlite3_bind_int64(statement->prepared, index, value));
    }
}

void bind_real(struct statement *statement, int index, double value)
{
    if (statement->prepared) {
        note_bind(statement, sqlite3_bind_double(statement->prepared, index, value));
    }
}

void bind_text(struct statement *statement, int index, const char *text)
{
    if (statement->prepared) {
        note_bind(statement,
                  sqlite3_bind_text64(statement->prepared, index, text, text ? strlen(text) : 0,
                                      SQLITE_STATIC, SQLITE_UTF8));
    }
}

void bind_blob(struct statement *statement, int index, const void *bytes, size_t length)
{
    if (statement->prepared) {
        note_bind(statement, sqlite3_bind_blob64(statement->prepared, index, bytes ? bytes : "",
                                                 bytes ? length : 0, SQLITE_STATIC));
    }
}

int statement_step(struct statement *statement, struct error *err)
{
    int code;

    if (statement->refusal) {
        if (err) {
            *err = *statement->refusal;
        }
        return statement->refusal->code;
    }
    if (statement->bind_code != SQLITE_OK) {
        return error_set(err, ERROR_LIMIT, "a value is too large for the store: %s",
                         sqlite3_errstr(statement->bind_code));
    }
    if (statement->is_finished) {
        return 0;
    }
    code = sqlite3_step(statement->prepared);
    if (code == SQLITE_ROW) {
        return 1;
    }
    statement->is_finished = true;
    if (code == SQLITE_DONE) {
        return 0;
    }
    return connection_fail(statement->connection, statement->query->sql, err);
}

int64_t column_integer(struct statement *statement, int index)
{
    return sqlite3_column_int64(statement->prepared, index);
}

double column_real(struct statement *statement, int index)
{
    return sqlite3_column_double(statement->prepared, index);
}

const char *column_text(struct statement *statement, int index)
{
    return (const char *)sqlite3_column_text(statement->prepared, index);
}

const void *column_blob(struct statement *statement, int index, size_t *ret_length)
{
    const void *bytes = sqlite3_column_blob(statement->prepared, index);

    *ret_length = (size_t)sqlite3_column_bytes(statement->prepared, index);
    return bytes;
}

int tx_run(struct tx *tx, struct statement *statement, int64_t *ret_changes, struct error *err)
{
    int r;

    assert(statement->connection == tx->connection);
    do {
        r = statement_step(statement, err);
    } while (r > 0);
    if (r == 0 && ret_changes) {
        *ret_changes = sqlite3_stmt_readonly(statement->prepared)
                           ? 0
                           : sqlite3_changes64(tx->connection->db);
    }
    return r;
}
