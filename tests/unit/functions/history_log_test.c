/* SPDX-License-Identifier: MIT */
#include "functions/history_log.h"

#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COMMIT(date, who) "\x01" date "\x02" who "@example.org\x02" who "\0"
#define CHANGE(path) "1\t2\t" path "\0"

static char *folder;

static int set_up(void **state)
{
    static struct history history;
    struct tree *tree;

    folder = scratch_new();
    scratch_write(folder, "src/a.c", "int a;\n");
    scratch_write(folder, "src/b.c", "int b;\n");
    scratch_write(folder, "NEWS.md", "new\n");
    if (tree_open(folder, &tree, NULL) < 0) {
        return -1;
    }
    history_init(&history, tree);
    *state = &history;
    return 0;
}

static int tear_down(void **state)
{
    history_release(*state);
    scratch_remove(folder);
    return 0;
}

/* sizeof takes the NULs of the text, and one of the compiler's too many. */
#define READ(history, text) ((void)history_read(history, text, sizeof(text) - 1))

static void commits_authors_and_files_are_counted(void **state)
{
    struct history *history = *state;

    READ(history, COMMIT("2024-03-02", "ada") "\n" CHANGE("src/a.c") CHANGE("src/b.c")
                      COMMIT("2024-02-01", "bob") "\n" CHANGE("src/a.c"));
    history_finish(history);
    assert_int_equal(history->commits, 2);
    assert_int_equal(history->authors.count, 2);
    assert_int_equal(history->months.count, 2);
    assert_string_equal(history->first_date, "2024-02-01");
    assert_string_equal(history->last_date, "2024-03-02");
    assert_int_equal(history->files.count, 2);
    assert_string_equal(history->files.items[0].path, "src/a.c");
    assert_int_equal(history->files.items[0].commits, 2);
    assert_int_equal(history->files.items[0].added, 2);
    assert_int_equal(history->files.items[0].removed, 4);
    assert_int_equal(history->folders.count, 1);
    assert_int_equal(history->folders.items[0].commits, 2);
}

static void the_log_may_come_in_pieces(void **state)
{
    static const char text[] = COMMIT("2024-03-02", "ada") "\n" CHANGE("src/a.c") CHANGE("src/b.c");
    struct history *history = *state;

    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        (void)history_read(history, text + i, 1);
    }
    history_finish(history);
    assert_int_equal(history->commits, 1);
    assert_int_equal(history->files.count, 2);
    assert_int_equal(history->pairs.count, 1);
}

static void only_code_is_paired_and_sweeps_are_not(void **state)
{
    struct history *history = *state;

    READ(history, COMMIT("2024-03-02", "ada") "\n" CHANGE("src/b.c") CHANGE("NEWS.md")
                      CHANGE("src/a.c") CHANGE("gone.c"));
    history_finish(history);
    assert_int_equal(history->pairs.count, 1);
    assert_int_equal(history->pairs.items[0].support, 1);
    READ(history, COMMIT("2024-03-03", "ada"));
    for (int i = 0; i < 31; i++) {
        READ(history, CHANGE("src/a.c"));
    }
    history_finish(history);
    assert_int_equal(history->sweeps, 1);
    assert_int_equal(history->pairs.count, 1);
}

static void what_is_no_log_is_left_alone(void **state)
{
    struct history *history = *state;

    READ(history, CHANGE("src/a.c") "\x01nothing\0"
                                    "no tabs\0"
                                    "\x01"
                                    "2024\x02"
                                    "a\x02"
                                    "b\0");
    history_finish(history);
    assert_int_equal(history->commits, 0);
    assert_int_equal(history->files.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_authors_and_files_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_log_may_come_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_code_is_paired_and_sweeps_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_log_is_left_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
