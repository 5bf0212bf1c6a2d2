/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct query q_add = {"INSERT INTO item(id, name, weight, body) VALUES(?1,?2,?3,?4)"};
static const struct query q_all = {"SELECT id, name, weight, body FROM item ORDER BY id"};
static const struct query q_delete = {"DELETE FROM item WHERE id <= ?1"};
static const struct query q_blob_type = {"SELECT typeof(body), body FROM item"};
static const struct query q_wrong = {"SELECT one FROM nowhere"};

static int set_up(void **state)
{
    struct connection *connection = NULL;

    assert_int_equal(connection_open(&connection, ":memory:",
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, NULL),
                     0);
    assert_int_equal(connection_run(connection,
                                    "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT,"
                                    " weight REAL, body BLOB)",
                                    NULL),
                     0);
    *state = connection;
    return 0;
}

static int tear_down(void **state)
{
    connection_close(*state);
    return 0;
}

static int add(struct tx *tx, int64_t id, const char *name, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_add);

    bind_integer(statement, 1, id);
    bind_text(statement, 2, name);
    bind_real(statement, 3, 1.5);
    bind_blob(statement, 4, "a\0b", 3);
    return tx_run(tx, statement, NULL, err);
}

static void values_come_back_as_they_went_in(void **state)
{
    struct tx tx = {.connection = *state};
    struct statement *statement;
    size_t length = 0;

    assert_int_equal(add(&tx, 7, "seven", NULL), 0);
    assert_int_equal(add(&tx, 8, NULL, NULL), 0);
    statement = tx_query(&tx, &q_all);
    assert_int_equal(statement_step(statement, NULL), 1);
    assert_int_equal(column_integer(statement, 0), 7);
    assert_string_equal(column_text(statement, 1), "seven");
    assert_true(column_real(statement, 2) > 1.4 && column_real(statement, 2) < 1.6);
    assert_memory_equal(column_blob(statement, 3, &length), "a\0b", 3);
    assert_int_equal(length, 3);
    assert_int_equal(statement_step(statement, NULL), 1);
    assert_null(column_text(statement, 1));
    assert_int_equal(statement_step(statement, NULL), 0);
}

static void a_finished_statement_does_not_start_again(void **state)
{
    struct tx tx = {.connection = *state};
    struct statement *statement;

    assert_int_equal(add(&tx, 1, "x", NULL), 0);
    statement = tx_query(&tx, &q_all);
    assert_int_equal(statement_step(statement, NULL), 1);
    assert_int_equal(statement_step(statement, NULL), 0);
    assert_int_equal(statement_step(statement, NULL), 0);
}

static void the_same_query_is_prepared_once_and_forgets_its_values(void **state)
{
    struct tx tx = {.connection = *state};
    struct statement *first = tx_query(&tx, &q_add);
    struct statement *second;

    bind_integer(first, 1, 5);
    bind_text(first, 2, "old");
    second = tx_query(&tx, &q_add);
    assert_ptr_equal(first, second);
    bind_integer(second, 1, 6);
    assert_int_equal(tx_run(&tx, second, NULL, NULL), 0);
    second = tx_query(&tx, &q_all);
    assert_int_equal(statement_step(second, NULL), 1);
    assert_int_equal(column_integer(second, 0), 6);
    assert_null(column_text(second, 1));
    statements_reset(tx.connection);
    assert_null(tx.connection->used);
}

static void changes_are_counted_for_writing_statements_only(void **state)
{
    struct tx tx = {.connection = *state};
    struct statement *statement;
    int64_t changes = -1;

    for (int64_t id = 1; id <= 3; id++) {
        assert_int_equal(add(&tx, id, "x", NULL), 0);
    }
    statement = tx_query(&tx, &q_delete);
    bind_integer(statement, 1, 2);
    assert_int_equal(tx_run(&tx, statement, &changes, NULL), 0);
    assert_int_equal(changes, 2);
    assert_int_equal(tx_run(&tx, tx_query(&tx, &q_all), &changes, NULL), 0);
    assert_int_equal(changes, 0);
}

static void a_wrong_query_is_told_at_its_first_step(void **state)
{
    struct tx tx = {.connection = *state};
    struct error err = ERROR_INIT;
    struct statement *statement = tx_query(&tx, &q_wrong);

    bind_integer(statement, 1, 1);
    assert_int_equal(statement_step(statement, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "SELECT one FROM nowhere"));
    assert_non_null(strstr(err.text, "no such table"));
    assert_int_equal(tx.connection->failure, FAILURE_NONE);
}

static void what_is_bound_to_a_wrong_query_changes_nothing_about_its_error(void **state)
{
    static const struct query wrong = {"INSERT INTO nowhere VALUES(?1,?2,?3,?4)"};
    struct tx tx = {.connection = *state};
    struct statement *statement = tx_query(&tx, &wrong);
    struct error err = ERROR_INIT;
    int r;

    bind_integer(statement, 1, 1);
    bind_text(statement, 2, "two");
    bind_real(statement, 3, 3.0);
    bind_blob(statement, 4, "four", 4);
    r = statement_step(statement, &err);
    assert_true(r < 0);
    assert_non_null(strstr(err.text, "nowhere"));
    assert_int_equal(statement_step(statement, NULL), r);
}

static void an_empty_blob_is_no_null(void **state)
{
    struct tx tx = {.connection = *state};
    struct statement *statement = tx_query(&tx, &q_add);
    size_t length = 1;

    bind_integer(statement, 1, 1);
    bind_text(statement, 2, "empty");
    bind_real(statement, 3, 0);
    bind_blob(statement, 4, NULL, 0);
    assert_int_equal(tx_run(&tx, statement, NULL, NULL), 0);
    statement = tx_query(&tx, &q_blob_type);
    assert_int_equal(statement_step(statement, NULL), 1);
    assert_string_equal(column_text(statement, 0), "blob");
    (void)column_blob(statement, 1, &length);
    assert_int_equal(length, 0);
}

static void a_broken_constraint_is_a_conflict(void **state)
{
    struct tx tx = {.connection = *state};
    struct error err = ERROR_INIT;

    assert_int_equal(add(&tx, 1, "x", &err), 0);
    assert_int_equal(add(&tx, 1, "x", &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "item.id"));
    assert_int_equal(tx.connection->failure, FAILURE_NONE);
}

static void a_value_beyond_the_limit_is_refused(void **state)
{
    struct tx tx = {.connection = *state};
    struct error err = ERROR_INIT;

    (void)sqlite3_limit(tx.connection->db, SQLITE_LIMIT_LENGTH, 100);
    for (int round = 0; round < 2; round++) {
        struct statement *statement = tx_query(&tx, &q_add);
        char *text = mem_zero(1, 201);

        memset(text, 'x', 200);
        bind_integer(statement, 1, 1);
        bind_text(statement, 2, text);
        /* The first that is too large is told, once. */
        bind_blob(statement, 4, text, 200);
        assert_int_equal(tx_run(&tx, statement, NULL, &err), ERROR_LIMIT);
        free(text);
    }
    assert_int_equal(add(&tx, 1, "short", &err), 0);
}

static void hundreds_of_queries_find_their_own_statement(void **state)
{
    enum { COUNT = 500 };
    struct tx tx = {.connection = *state};
    struct query *queries = mem_zero(COUNT, sizeof(*queries));
    char **texts = mem_zero(COUNT, sizeof(*texts));

    for (int i = 0; i < COUNT; i++) {
        texts[i] = mem_printf("SELECT %d", i);
        queries[i].sql = texts[i];
        assert_int_equal(statement_step(tx_query(&tx, &queries[i]), NULL), 1);
    }
    for (int i = 0; i < COUNT; i++) {
        struct statement *statement = tx_query(&tx, &queries[i]);

        assert_int_equal(statement_step(statement, NULL), 1);
        assert_int_equal(column_integer(statement, 0), i);
    }
    assert_int_equal(tx.connection->count, COUNT);
    statements_release(tx.connection);
    for (int i = 0; i < COUNT; i++) {
        free(texts[i]);
    }
    free(texts);
    free(queries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_back_as_they_went_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_finished_statement_does_not_start_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_query_is_prepared_once_and_forgets_its_values,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(changes_are_counted_for_writing_statements_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_query_is_told_at_its_first_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_bound_to_a_wrong_query_changes_nothing_about_its_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_blob_is_no_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_constraint_is_a_conflict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_beyond_the_limit_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hundreds_of_queries_find_their_own_statement, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
