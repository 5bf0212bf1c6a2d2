/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "../../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct connection *connection = NULL;

    assert_int_equal(connection_open(&connection, ":memory:",
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, NULL),
                     0);
    assert_int_equal(connection_configure(connection, NULL), 0);
    *state = connection;
    return 0;
}

static int tear_down(void **state)
{
    connection_close(*state);
    return 0;
}

static int64_t pragma_value(struct connection *connection, const char *sql)
{
    int64_t value = -1;

    assert_int_equal(connection_get_integer(connection, sql, &value, NULL), 0);
    return value;
}

static int config_value(struct connection *connection, int option)
{
    int value = -1;

    assert_int_equal(sqlite3_db_config(connection->db, option, -1, &value), SQLITE_OK);
    return value;
}

static void every_connection_has_the_safe_settings(void **state)
{
    struct connection *connection = *state;

    assert_int_equal(pragma_value(connection, "PRAGMA synchronous"), 2);
    assert_int_equal(pragma_value(connection, "PRAGMA wal_autocheckpoint"), 0);
    assert_int_equal(pragma_value(connection, "PRAGMA cell_size_check"), 1);
    assert_int_equal(pragma_value(connection, "PRAGMA busy_timeout"), 5000);
    assert_int_equal(config_value(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE), 1);
    assert_int_equal(config_value(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA), 0);
    assert_int_equal(config_value(connection, SQLITE_DBCONFIG_ENABLE_FKEY), 1);
    assert_int_equal(config_value(connection, SQLITE_DBCONFIG_DEFENSIVE), 1);
}

static void an_error_shows_the_first_words_on_one_line(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(connection_run(*state,
                                    "SELECT\n    one,\n\ttwo FROM a_table_that_does_not_exist_"
                                    "anywhere_in_this_database_file WHERE one = 1",
                                    &err),
                     ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "\"SELECT one, two FROM a_table"));
    assert_non_null(strstr(err.text, "...\" failed"));
    assert_non_null(strstr(err.text, "no such table"));
}

static void a_check_tells_the_first_of_what_it_finds(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(connection_check(*state, "SELECT 'ok'", NULL), 0);
    assert_int_equal(connection_check(*state, "SELECT NULL", NULL), 0);
    assert_int_equal(connection_check(*state, "SELECT 'ok' WHERE 0", NULL), 0);
    assert_int_equal(connection_check(*state, "VALUES('row 1 missing'), ('row 2 missing')", &err),
                     ERROR_IO);
    assert_non_null(strstr(err.text, "row 1 missing; row 2 missing"));
    assert_int_equal(
        connection_check(*state,
                         "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n"
                         " WHERE i < 500) SELECT 'row ' || i || ' of many is missing' FROM n",
                         &err),
        ERROR_IO);
    assert_null(strstr(err.text, "row 400"));
    assert_int_equal(connection_check(*state, "SELECT nothing", &err), ERROR_INTERNAL);
}

static void a_value_of_no_row_is_an_error(void **state)
{
    struct error err = ERROR_INIT;
    int64_t value = 42;

    assert_int_equal(connection_get_integer(*state, "SELECT 1 WHERE 0", &value, &err),
                     ERROR_INTERNAL);
    assert_int_equal(value, 42);
}

static void a_full_storage_is_a_limit_and_noted(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(connection_run(connection, "CREATE TABLE t(x); PRAGMA max_page_count=3", NULL),
                     0);
    assert_int_equal(connection_run(connection, "INSERT INTO t VALUES(zeroblob(100000))", &err),
                     ERROR_LIMIT);
    assert_non_null(strstr(err.text, "storage full"));
    assert_true(err.hint[0] != '\0');
    assert_int_equal(connection->failure, FAILURE_FULL);
    assert_string_equal(connection->failure_error.text, err.text);
}

static void rolling_back_without_a_transaction_is_nothing(void **state)
{
    struct connection *connection = *state;

    connection_roll_back(connection);
    assert_int_equal(connection_control(connection, CONTROL_BEGIN_WRITE, NULL), 0);
    assert_int_equal(connection_run(connection, "CREATE TABLE t(x)", NULL), 0);
    connection_roll_back(connection);
    assert_int_equal(pragma_value(connection, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(connection_control(connection, CONTROL_COMMIT, NULL), ERROR_INTERNAL);
}

static void a_sound_database_passes_the_check(void **state)
{
    assert_int_equal(connection_check(*state, "PRAGMA integrity_check", NULL), 0);
}

static void what_the_check_finds_is_told(void **state)
{
    struct error err = ERROR_INIT;

    assert_int_equal(connection_check(*state, "SELECT 'page 7 is bad'", &err), ERROR_IO);
    assert_non_null(strstr(err.text, "page 7 is bad"));
}

static void a_missing_file_and_an_unknown_vfs_are_refused(void **state)
{
    struct connection *connection = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        connection_open(&connection, "/nonexistent/x.db", SQLITE_OPEN_READWRITE, NULL, &err),
        ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/x.db"));
    assert_true(
        connection_open(&connection, ":memory:", SQLITE_OPEN_READWRITE, "no-such-vfs", &err) < 0);
    assert_null(connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_connection_has_the_safe_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_shows_the_first_words_on_one_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_check_tells_the_first_of_what_it_finds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_value_of_no_row_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_storage_is_a_limit_and_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rolling_back_without_a_transaction_is_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_sound_database_passes_the_check, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_check_finds_is_told, set_up, tear_down),
        cmocka_unit_test(a_missing_file_and_an_unknown_vfs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
