/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/file.h"
#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char plan[] =
    "{\"slug\":\"s\",\"title\":\"The *work*\",\"report\":\"r.md\",\"waves\":[[\"T1\"],[\"T2\"]],"
    "\"conflicts\":[{\"left\":\"T1\",\"right\":\"T2\",\"files\":[\"a.c\"]}],\"subtasks\":["
    "{\"id\":\"T1\",\"title\":\"Mend it\",\"description\":\"- [x] # not a "
    "heading\",\"files\":[\"a.c\"],\"wave\":1,"
    "\"mode\":\"direct\",\"complexity\":2},"
    "{\"id\":\"T2\",\"title\":\"Then "
    "<b>this</b>\",\"files\":[\"a.c\"],\"wave\":2,\"mode\":\"task-work\"}]}";

static json_t *part(const char *name, const char *folder)
{
    return json_pack("{s:s,s:s,s:s}", "subtasks", plan, "part", name, "folder", folder);
}

static void write_all(const char *project)
{
    const char *parts[] = {"folder", "subtasks", "guide", "readme"};

    for (size_t i = 0; i < 4; i++) {
        free(function_text(project, "task-files", part(parts[i], "")));
    }
}

static char *read_page(const char *project, const char *name)
{
    char *path = path_join(project, name);
    char *text = NULL;

    assert_int_equal(file_read(path, 100000, &text, NULL, NULL), 0);
    free(path);
    return text;
}

static void assert_page(const char *project, const char *name, const char *expected)
{
    char *text = read_page(project, name);

    assert_non_null(strstr(text, expected));
    free(text);
}

static void the_folder_holds_a_list_a_guide_and_a_file_for_each(void **state)
{
    char *project = scratch_new();

    (void)state;
    write_all(project);
    assert_page(project, "tasks/s/README.md",
                "## Wave 1\n\n- [ ] T1: Mend it ([t1-mend-it.md](t1-mend-it.md), direct)\n\n## "
                "Wave 2\n\n- [ ] T2: Then \\<b\\>");
    assert_page(project, "tasks/s/README.md", "fermata loop tasks/s/README.md");
    assert_page(project, "tasks/s/IMPLEMENTATION-GUIDE.md", "- T1 and T2: `a.c`\n");
    assert_page(project, "tasks/s/t1-mend-it.md",
                "> - [x] # not a heading"); /* quoted, no box of ours */
    assert_page(project, "tasks/s/t2-then-b-this-b.md", "- Wave: 2\n");
    scratch_remove(project);
}

static void what_somebody_changed_stays(void **state)
{
    char *project = scratch_new();
    struct error err = ERROR_INIT;
    char *text;

    (void)state;
    write_all(project);
    text = function_text(project, "task-files", part("readme", ""));
    assert_non_null(strstr(text, "the same is there: tasks/s/README.md"));
    free(text);
    scratch_write(project, "tasks/s/README.md", "mine");
    assert_int_equal(function_failure(project, "task-files", part("readme", ""), &err),
                     ERROR_CONFLICT);
    assert_page(project, "tasks/s/README.md", "mine");
    free(function_text(project, "task-files", part("readme", "other/place")));
    assert_page(project, "other/place/README.md", "Wave 2");
    scratch_remove(project);
}

static void nothing_is_written_outside_of_the_project(void **state)
{
    char *project = scratch_new();
    char *link = path_join(project, "out");
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(symlink("/tmp", link), 0);
    assert_int_equal(function_failure(project, "task-files", part("readme", "../x"), &err),
                     ERROR_INVALID);
    assert_int_equal(function_failure(project, "task-files", part("readme", "/tmp/x"), &err),
                     ERROR_INVALID);
    assert_int_equal(function_failure(project, "task-files", part("readme", "out/x"), &err),
                     ERROR_INVALID);
    assert_int_equal(function_failure(project, "task-files", part("all", ""), &err), ERROR_INVALID);
    free(link);
    scratch_remove(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_holds_a_list_a_guide_and_a_file_for_each),
        cmocka_unit_test(what_somebody_changed_stays),
        cmocka_unit_test(nothing_is_written_outside_of_the_project),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
