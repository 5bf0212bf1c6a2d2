/* SPDX-License-Identifier: MIT */
#include "functions/linter.h"

#include "base/alloc.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(folder);
    return 0;
}

static void write_large(const char *name, size_t bytes)
{
    char *text = mem_alloc(bytes + 1);

    memset(text, '\n', bytes);
    text[bytes] = '\0';
    scratch_write(folder, name, text);
    free(text);
}

/* The files that the tool looks at, in order: "a.c b.c ". */
static void assert_chosen(const char *name, const char *expected)
{
    size_t count;
    const struct linter *table = linter_table(&count);
    struct linter_files files = {0};
    struct strbuf text;
    struct tree *tree;

    assert_int_equal(tree_open(folder, &tree, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            linter_choose_files(&table[i], tree, &files);
        }
    }
    strbuf_init(&text, 4096);
    for (size_t i = 0; i < files.count; i++) {
        strbuf_addf(&text, "%s ", files.items[i].file->path);
    }
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
    VEC_RELEASE(&files);
    tree_free(tree);
}

static void each_tool_has_its_languages(void **state)
{
    (void)state;
    scratch_write(folder, "a.c", "int a;\n");
    scratch_write(folder, "a.h", "int a;\n");
    scratch_write(folder, "a.sh", "echo\n");
    scratch_write(folder, "a.py", "a = 1\n");
    scratch_write(folder, ".github/workflows/ci.yml", "on: push\n");
    scratch_write(folder, "other.yml", "a: 1\n");
    assert_chosen("cppcheck", "a.c ");
    assert_chosen("shellcheck", "a.sh ");
    assert_chosen("python3", "a.py ");
    assert_chosen("actionlint", ".github/workflows/ci.yml ");
    assert_chosen("yamllint", ".github/workflows/ci.yml other.yml ");
}

static void ordinary_code_comes_first_then_giants_then_tests(void **state)
{
    (void)state;
    write_large("giant.sh", 60000);
    write_large("small.sh", 100);
    write_large("large.sh", 40000);
    write_large("tests/t.sh", 45000);
    assert_chosen("shellcheck", "large.sh small.sh giant.sh tests/t.sh ");
}

static void files_that_would_take_minutes_or_are_not_ours_are_left_out(void **state)
{
    (void)state;
    write_large("too-large.c", 200000);
    write_large("fits.c", 1000);
    write_large("vendor/x.c", 1000);
    write_large("-dash.c", 1000);
    assert_chosen("cppcheck", "fits.c ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_tool_has_its_languages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ordinary_code_comes_first_then_giants_then_tests, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(files_that_would_take_minutes_or_are_not_ours_are_left_out,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
