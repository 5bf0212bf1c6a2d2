/* SPDX-License-Identifier: MIT */
#include "functions/git.h"

#include "base/file.h"
#include "support/repository.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int run(const char *project, const char *const *arguments, struct program_result *result)
{
    return git_run(&(struct git_request){.project = project,
                                         .arguments = arguments,
                                         .output_bytes_max = 10000,
                                         .timeout_ms = 60000},
                   result, NULL);
}

static void only_the_root_folder_is_a_repository(void **state)
{
    char *folder = scratch_new();

    (void)state;
    assert_false(git_is_repository(folder));
    GIT(folder, "init", "-q");
    assert_true(git_is_repository(folder));
    scratch_remove(folder);
}

static void programs_named_by_the_repository_are_not_run(void **state)
{
    char *folder = scratch_new();
    struct program_result result;
    char *mark = scratch_path(folder, "ran");

    (void)state;
    GIT(folder, "init", "-q");
    scratch_write(folder, "a.txt", "1\n");
    scratch_write(folder, ".gitattributes", "*.txt diff=evil\n");
    GIT(folder, "add", ".");
    GIT(folder, "commit", "-q", "-m", "one");
    GIT(folder, "config", "diff.external", "touch ran #");
    GIT(folder, "config", "diff.evil.textconv", "touch ran #");
    GIT(folder, "config", "core.fsmonitor", "touch ran #");
    GIT(folder, "config", "core.pager", "touch ran #");
    assert_int_equal(
        run(folder,
            (const char *const[]){"log", "-p", "--no-ext-diff", "--no-textconv", "HEAD", NULL},
            &result),
        0);
    assert_int_equal(result.exit_status, 0);
    program_result_release(&result);
    assert_int_equal(run(folder, (const char *const[]){"ls-files", NULL}, &result), 0);
    assert_string_equal(result.output.data, ".gitattributes\na.txt\n");
    program_result_release(&result);
    assert_false(file_exists(mark));
    free(mark);
    scratch_remove(folder);
}

static void what_went_wrong_is_one_line(void **state)
{
    char *folder = scratch_new();
    struct program_result result;
    struct strbuf why;

    (void)state;
    GIT(folder, "init", "-q");
    assert_int_equal(run(folder, (const char *const[]){"log", "HEAD", NULL}, &result), 0);
    assert_int_not_equal(result.exit_status, 0);
    strbuf_init(&why, 1000);
    git_explain(&result, &why);
    assert_true(why.length > 0);
    assert_null(strstr(why.data, "fatal:"));
    assert_null(strchr(why.data, 10));
    strbuf_release(&why);
    program_result_release(&result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_root_folder_is_a_repository),
        cmocka_unit_test(programs_named_by_the_repository_are_not_run),
        cmocka_unit_test(what_went_wrong_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
