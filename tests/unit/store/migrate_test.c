/* SPDX-License-Identifier: MIT */
#include "store/internal.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct migration two[] = {
    {"a/001-first", "CREATE TABLE one(x); CREATE TABLE two(x)"},
    {"b/001-other", "INSERT INTO one VALUES(1)"},
};
static const struct migration three[] = {
    {"a/001-first", "CREATE TABLE one(x); CREATE TABLE two(x)"},
    {"a/002-second", "INSERT INTO two VALUES(2)"},
    {"b/001-other", "INSERT INTO one VALUES(1)"},
};

static int set_up(void **state)
{
    struct connection *connection = NULL;

    assert_int_equal(connection_open(&connection, ":memory:",
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL, NULL),
                     0);
    *state = connection;
    return 0;
}

static int tear_down(void **state)
{
    connection_close(*state);
    return 0;
}

static int bring(struct connection *connection, const struct migration *migrations, size_t count,
                 bool *ret_changed, struct error *err)
{
    struct store_options options = {.migrations = migrations, .migration_count = count};
    bool is_ours = false;
    int r = migrate_find_origin(connection, &is_ours, err);

    return r < 0 ? r : migrate(connection, &options, is_ours, ret_changed, err);
}

static int64_t value(struct connection *connection, const char *sql)
{
    int64_t result = -1;

    assert_int_equal(connection_get_integer(connection, sql, &result, NULL), 0);
    return result;
}

static void a_new_file_gets_everything_and_the_marks(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(value(connection, "PRAGMA application_id"), STORE_APPLICATION_ID);
    assert_int_equal(value(connection, "PRAGMA user_version"), STORE_FORMAT);
    assert_int_equal(value(connection, "SELECT x FROM one"), 1);
    assert_int_equal(value(connection, "SELECT count(*) FROM schema_version"), 2);
}

static void a_second_time_changes_nothing(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;
    bool changed = true;

    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_false(changed);
    assert_int_equal(value(connection, "SELECT count(*) FROM one"), 1);
}

static void only_what_is_missing_is_applied(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_int_equal(bring(connection, three, ARRAY_LEN(three), &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(value(connection, "SELECT count(*) FROM one"), 1);
    assert_int_equal(value(connection, "SELECT x FROM two"), 2);
}

static void a_newer_schema_is_refused_untouched(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(connection, three, ARRAY_LEN(three), &changed, &err), 0);
    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "a/002-second"));
    assert_true(err.hint[0] != '\0');
}

static void a_newer_format_is_refused(void **state)
{
    struct connection *connection = *state;
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_int_equal(connection_run(connection, "PRAGMA user_version=2", &err), 0);
    assert_int_equal(bring(connection, two, ARRAY_LEN(two), &changed, &err), ERROR_CONFLICT);
}

static void a_changed_migration_is_refused(void **state)
{
    struct migration changed_text[ARRAY_LEN(two)];
    struct error err = ERROR_INIT;
    bool changed = false;

    memcpy(changed_text, two, sizeof(two));
    changed_text[1].sql = "INSERT INTO one VALUES(3)";
    assert_int_equal(bring(*state, two, ARRAY_LEN(two), &changed, &err), 0);
    assert_int_equal(bring(*state, changed_text, ARRAY_LEN(two), &changed, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "another build of this program"));
    assert_non_null(strstr(err.text, "b/001-other"));
    assert_non_null(strstr(err.hint, "move the file with its -wal and -shm away"));
}

static void a_failing_migration_leaves_nothing_behind(void **state)
{
    static const struct migration bad[] = {
        {"a/001-first", "CREATE TABLE one(x)"},
        {"a/002-bad", "CREATE TABLE two(x); CREATE TABEL three(x)"},
    };
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(*state, bad, ARRAY_LEN(bad), &changed, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "a/002-bad"));
    assert_int_equal(value(*state, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(value(*state, "PRAGMA application_id"), 0);
    assert_int_equal(bring(*state, two, ARRAY_LEN(two), &changed, &err), 0);
}

static void a_migration_may_not_end_the_transaction(void **state)
{
    static const struct migration bad[] = {{"a/001-bad", "CREATE TABLE one(x); COMMIT"}};
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(*state, bad, ARRAY_LEN(bad), &changed, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "ended the transaction"));
}

static void rebuilding_a_parent_table_keeps_its_children(void **state)
{
    static const struct migration rebuild[] = {
        {"a/001", "CREATE TABLE parent(id INTEGER PRIMARY KEY);"
                  "CREATE TABLE child(p REFERENCES parent(id) ON DELETE CASCADE);"
                  "INSERT INTO parent VALUES(1); INSERT INTO child VALUES(1)"},
        {"a/002", "CREATE TABLE new(id INTEGER PRIMARY KEY, extra);"
                  "INSERT INTO new SELECT id, 0 FROM parent; DROP TABLE parent;"
                  "ALTER TABLE new RENAME TO parent"},
    };
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(*state, rebuild, 1, &changed, &err), 0);
    assert_int_equal(bring(*state, rebuild, 2, &changed, &err), 0);
    assert_int_equal(value(*state, "SELECT count(*) FROM child"), 1);
    assert_int_equal(value(*state, "PRAGMA foreign_keys"), 1);
}

static void rows_without_a_parent_fail_the_migration(void **state)
{
    static const struct migration bad[] = {
        {"a/001", "CREATE TABLE parent(id INTEGER PRIMARY KEY);"
                  "CREATE TABLE child(p REFERENCES parent(id)); INSERT INTO child VALUES(9)"}};
    struct error err = ERROR_INIT;
    bool changed = false;

    assert_int_equal(bring(*state, bad, 1, &changed, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "without their parent"));
    assert_int_equal(value(*state, "SELECT count(*) FROM sqlite_schema"), 0);
}

static void files_of_other_programs_are_refused(void **state)
{
    struct error err = ERROR_INIT;
    bool is_ours = true;

    assert_int_equal(connection_run(*state, "CREATE TABLE theirs(x)", NULL), 0);
    assert_int_equal(migrate_find_origin(*state, &is_ours, &err), ERROR_CONFLICT);
    assert_int_equal(connection_run(*state, "DROP TABLE theirs; PRAGMA application_id=7", NULL), 0);
    assert_int_equal(migrate_find_origin(*state, &is_ours, &err), ERROR_CONFLICT);
    assert_int_equal(connection_run(*state, "PRAGMA application_id=0", NULL), 0);
    assert_int_equal(migrate_find_origin(*state, &is_ours, &err), 0);
    assert_false(is_ours);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_gets_everything_and_the_marks),
        TEST(a_second_time_changes_nothing),
        TEST(only_what_is_missing_is_applied),
        TEST(a_newer_schema_is_refused_untouched),
        TEST(a_newer_format_is_refused),
        TEST(a_changed_migration_is_refused),
        TEST(a_failing_migration_leaves_nothing_behind),
        TEST(a_migration_may_not_end_the_transaction),
        TEST(rebuilding_a_parent_table_keeps_its_children),
        TEST(rows_without_a_parent_fail_the_migration),
        TEST(files_of_other_programs_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
