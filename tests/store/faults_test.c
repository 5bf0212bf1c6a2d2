/* SPDX-License-Identifier: MIT */
/* Each call of SQLite fails once, one after another, with each kind of failure. Whatever fails is
 * told, nothing that was acknowledged is lost, and the next one who opens the store goes on. */
#include "store/store.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../support/scratch.h"
#include "../support/sqlite_faults.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALLS_MAX 2000
#define ROWS 12

static const struct migration migrations[] = {
    {"t/001", "CREATE TABLE item(number INTEGER PRIMARY KEY, body TEXT)"},
    {"t/002", "CREATE INDEX item_by_body ON item(body)"},
};
static const struct query q_add = {"INSERT INTO item VALUES(?1, ?2)"};
static const struct query q_has = {"SELECT body FROM item WHERE number = ?1"};

static const struct fault {
    const char *name;
    int code, system_errno;
} faults[] = {
    {"read", SQLITE_IOERR_READ, EIO},
    {"no space", SQLITE_IOERR_WRITE, ENOSPC},
    {"full", SQLITE_FULL, ENOSPC},
    {"sync", SQLITE_IOERR_FSYNC, EIO},
    {"folder", SQLITE_IOERR_DIR_FSYNC, EIO},
    {"open", SQLITE_CANTOPEN, EMFILE},
    {"open full", SQLITE_CANTOPEN, EDQUOT},
    {"damage", SQLITE_CORRUPT, 0},
    {"no store", SQLITE_NOTADB, 0},
    {"memory", SQLITE_NOMEM, ENOMEM},
    {"busy", SQLITE_BUSY, 0},
    {"locked", SQLITE_LOCKED, 0},
    {"unique", SQLITE_CONSTRAINT_UNIQUE, 0},
    {"large", SQLITE_TOOBIG, 0},
    {"syntax", SQLITE_ERROR, 0},
    {"misuse", SQLITE_MISUSE, 0},
    {"schema", SQLITE_SCHEMA, 0},
    {"protocol", SQLITE_PROTOCOL, 0},
};

struct item {
    int64_t number;
    const char *body;
    bool is_there;
};

static int add(struct tx *tx, void *arg, struct error *err)
{
    const struct item *item = arg;
    struct statement *statement = tx_query(tx, &q_add);

    bind_integer(statement, 1, item->number);
    bind_text(statement, 2, item->body);
    return tx_run(tx, statement, NULL, err);
}

static int find(struct tx *tx, void *arg, struct error *err)
{
    struct item *item = arg;
    struct statement *statement = tx_query(tx, &q_has);
    int r;

    bind_integer(statement, 1, item->number);
    r = statement_step(statement, err);
    item->is_there = r > 0 && strcmp(column_text(statement, 0), item->body) == 0;
    return r < 0 ? r : 0;
}

struct journal {
    char *folder, *path;
    bool is_acknowledged[ROWS + 1];
};

static void check_error(int r, const struct error *err, const char *what)
{
    if (r < 0 && (err->text[0] == '\0' || err->code != r)) {
        fail_msg("%s gave %d and said %d: %s", what, r, err->code, err->text);
    }
}

static int open_store(const struct journal *journal, struct store **ret_store, struct error *err)
{
    struct store_options options = {.path = journal->path,
                                    .migrations = migrations,
                                    .migration_count = ARRAY_LEN(migrations),
                                    .lock_wait_ms = 20,
                                    .checkpoint_pages = 2};

    return store_open_with(ret_store, &options, err);
}

/* Opens, writes, reads, verifies, closes; remembers what was acknowledged. */
static void live(struct journal *journal)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;
    int r = open_store(journal, &store, &err);

    check_error(r, &err, "open");
    if (r < 0) {
        assert_null(store);
        return;
    }
    for (int i = 1; i <= ROWS; i++) {
        struct item item = {.number = i, .body = "a body"};

        err = (struct error)ERROR_INIT;
        r = store_write(store, add, &item, &err);
        check_error(r, &err, "write");
        journal->is_acknowledged[i] = journal->is_acknowledged[i] || r == 0;
        r = store_read(store, find, &item, &err);
        check_error(r, &err, "read");
        if (r == 0 && journal->is_acknowledged[i]) {
            assert_true(item.is_there);
        }
    }
    r = store_verify(store, &err);
    check_error(r, &err, "verify");
    r = store_close(store, &err);
    check_error(r, &err, "close");
}

static void check_kept(struct journal *journal, const char *name, int calls)
{
    struct store *store = NULL;
    struct error err = ERROR_INIT;

    if (open_store(journal, &store, &err) < 0) {
        fail_msg("%s at call %d: the store does not open again: %s", name, calls, err.text);
    }
    for (int i = 1; i <= ROWS; i++) {
        struct item item = {.number = i, .body = "a body"};

        assert_int_equal(store_read(store, find, &item, &err), 0);
        if (journal->is_acknowledged[i] && !item.is_there) {
            fail_msg("%s at call %d: row %d was acknowledged and is lost", name, calls, i);
        }
    }
    assert_int_equal(store_verify(store, &err), 0);
    assert_int_equal(store_close(store, &err), 0);
}

/* False when there was no such call any more. */
static bool fail_at(const struct fault *fault, int calls)
{
    struct journal journal = {.folder = scratch_new()};
    bool has_failed;

    journal.path = path_join(journal.folder, "s.db");
    sqlite_faults_set(calls, fault->code, fault->system_errno);
    live(&journal);
    has_failed = sqlite_faults_clear();
    check_kept(&journal, fault->name, calls);
    free(journal.path);
    scratch_remove(journal.folder);
    return has_failed;
}

/* The first kind at each call; the others at every seventh, each beginning elsewhere. */
static void every_call_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        int calls = i == 0 ? 0 : (int)(i % 7);
        int step = i == 0 ? 1 : 7;

        while (fail_at(&faults[i], calls)) {
            calls += step;
            assert_true(calls < CALLS_MAX);
        }
        assert_true(calls > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
