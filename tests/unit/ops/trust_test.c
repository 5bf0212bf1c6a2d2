/* SPDX-License-Identifier: MIT */
/* What is refused before is seen through the program: tests/cli/trust.bats. */
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void become_untrusting(struct ops_project *project)
{
    project->settings.trust = NULL;
    ops_project_reopen(project);
}

static void remove_file(const struct ops_project *project, const char *name)
{
    char *path = path_join(project->folder, name);

    assert_int_equal(unlink(path), 0);
    free(path);
}

static void a_project_with_nothing_in_it_is_trusted(void **state)
{
    struct ops_project *project = *state;

    become_untrusting(project);
    ops_project_write(project, ".fermata/workflows/wf_0123456789ab/state.json", "{}");
    assert_true(ops_is_trusted(project->ops));
    /* What comes into it from now on is its user's. */
    assert_int_equal(ops_need_trust(project->ops, NULL, NULL), 0);
    ops_project_write(project, ".fermata/config.yaml", "");
    assert_true(ops_is_trusted(project->ops));
}

static void whatever_can_start_programs_needs_trust(void **state)
{
    static const char *const names[] = {".fermata/config.yaml", ".fermata/agents.yaml",
                                        ".fermata/fermata.db", ".fermata/workflows/w.yaml",
                                        ".fermata/experts/e.md"};
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;

    become_untrusting(project);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ops_project_write(project, names[i], "");
        assert_false(ops_is_trusted(project->ops));
        assert_int_equal(ops_need_trust(project->ops, NULL, &err), ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.hint, "fermata trust"));
        remove_file(project, names[i]);
    }
}

static void a_folder_that_cannot_be_listed_needs_trust(void **state)
{
    struct ops_project *project = *state;
    char *path = path_join(project->folder, ".fermata/workflows");

    become_untrusting(project);
    (void)file_remove_tree(path, NULL);
    assert_true(ops_is_trusted(project->ops));
    assert_int_equal(symlink("workflows", path), 0);
    assert_false(ops_is_trusted(project->ops));
    free(path);
}

static bool answer(void *context, const char *question, char **ret_answer)
{
    assert_non_null(strstr(question, "Trust this project?"));
    *ret_answer = mem_strdup(context);
    return true;
}

static void who_can_answer_is_asked_once(void **state)
{
    struct ops_project *project = *state;
    struct ops_view view = {.ask = answer, .context = (char[]){"no"}};

    become_untrusting(project);
    ops_project_write(project, ".fermata/config.yaml", "");
    assert_int_equal(ops_need_trust(project->ops, &view, NULL), ERROR_UNAVAILABLE);
    assert_false(ops_is_trusted(project->ops));
    view.context = (char[]){"y"};
    assert_int_equal(ops_need_trust(project->ops, &view, NULL), 0);
    ops_project_reopen(project);
    assert_true(ops_is_trusted(project->ops));
    assert_int_equal(ops_need_trust(project->ops, NULL, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_project_with_nothing_in_it_is_trusted),
        TEST(whatever_can_start_programs_needs_trust),
        TEST(a_folder_that_cannot_be_listed_needs_trust),
        TEST(who_can_answer_is_asked_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
