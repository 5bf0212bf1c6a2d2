/* SPDX-License-Identifier: MIT */
#include "workflow/library.h"

#include "base/alloc.h"
#include "base/file.h"
#include "workflow/embedded.h"
#include "workflow/workflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in for the generated table. */
static const struct embedded_file shipped[] = {
    {"code-review", "name: code-review\n", 18},
    {"launch/waitlist", "name: waitlist\n", 15},
};

const struct embedded_file *embedded_workflows(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(shipped);
    return shipped;
}

const struct embedded_file *embedded_experts(size_t *ret_count)
{
    *ret_count = 0;
    return shipped;
}

struct fixture {
    char root[64];
    char *project;
    char *user;
    struct library library;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    (void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/library_test.XXXXXX");
    if (!mkdtemp(fixture->root)) {
        return -1;
    }
    fixture->project = path_join(fixture->root, "project");
    fixture->user = path_join(fixture->root, "user");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    library_release(&fixture->library);
    (void)file_remove_tree(fixture->root, NULL);
    free(fixture->project);
    free(fixture->user);
    free(fixture);
    return 0;
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    char *parent = mem_strndup(path, (size_t)(strrchr(path, '/') - path));

    assert_int_equal(file_make_folders(parent, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    free(parent);
    free(path);
}

static void load(struct fixture *fixture)
{
    struct error err = ERROR_INIT;

    if (library_load(fixture->project, fixture->user, &fixture->library, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void absent_folders_leave_the_built_in_ones(void **state)
{
    struct fixture *fixture = *state;
    const struct library_entry *entry;

    load(fixture);
    assert_int_equal(fixture->library.count, 2);
    entry = library_find(&fixture->library, "launch/waitlist");
    assert_string_equal(entry->file, "builtin:launch/waitlist");
    assert_int_equal(entry->origin, ORIGIN_BUILTIN);
    assert_false(entry->is_hidden);
    library_release(&fixture->library);
    assert_int_equal(library_load(NULL, NULL, &fixture->library, NULL), 0);
    assert_int_equal(fixture->library.count, 2);
}

static void the_project_hides_the_user_hides_the_built_in(void **state)
{
    struct fixture *fixture = *state;
    const struct library_entry *entries;

    write_file(fixture->project, "code-review.yaml", "p");
    write_file(fixture->user, "code-review.yaml", "u");
    write_file(fixture->user, "launch/waitlist.yaml", "u");
    load(fixture);
    entries = fixture->library.entries;
    assert_int_equal(fixture->library.count, 5);
    assert_string_equal(entries[0].name, "code-review");
    assert_int_equal(entries[0].origin, ORIGIN_PROJECT);
    assert_false(entries[0].is_hidden);
    assert_int_equal(entries[1].origin, ORIGIN_USER);
    assert_true(entries[1].is_hidden);
    assert_true(entries[2].is_hidden);
    assert_string_equal(entries[3].name, "launch/waitlist");
    assert_int_equal(entries[3].origin, ORIGIN_USER);
    assert_false(entries[3].is_hidden);
    assert_true(entries[4].is_hidden);
    assert_ptr_equal(library_find(&fixture->library, "code-review"), &entries[0]);
}

static void only_yaml_files_are_workflows(void **state)
{
    struct fixture *fixture = *state;
    char *path = path_join(fixture->project, "folder.yaml/inside.yaml");

    write_file(fixture->project, "README.md", "x");
    write_file(fixture->project, ".yaml", "x");
    write_file(fixture->project, ".hidden.yaml", "x");
    write_file(fixture->project, ".git/a.yaml", "x");
    write_file(fixture->project, "folder.yaml/inside.yaml", "x");
    load(fixture);
    assert_int_equal(fixture->library.count, 3);
    assert_string_equal(library_find(&fixture->library, "folder.yaml/inside")->file, path);
    free(path);
}

static void linked_folders_are_not_entered(void **state)
{
    struct fixture *fixture = *state;
    char *loop = path_join(fixture->project, "loop");
    char *link = path_join(fixture->project, "b.yaml");

    write_file(fixture->project, "a.yaml", "x");
    assert_int_equal(symlink(".", loop), 0);
    assert_int_equal(symlink("a.yaml", link), 0);
    load(fixture);
    assert_int_equal(fixture->library.count, 4);
    assert_non_null(library_find(&fixture->library, "b"));
    free(link);
    free(loop);
}

/* What its steps wrote there is no workflow, and may lie as deep as it likes. */
static void the_folders_of_runs_are_not_entered(void **state)
{
    struct fixture *fixture = *state;

    write_file(fixture->project, "wf_000000000001/plan.yaml", "x");
    write_file(fixture->project, "wf_000000000001/1/2/3/4/5/6/7/8/9/a.md", "x");
    write_file(fixture->project, "wf_mine/a.yaml", "x");
    write_file(fixture->project, "sub/wf_000000000001/b.yaml", "x");
    load(fixture);
    assert_null(library_find(&fixture->library, "wf_000000000001/plan"));
    assert_non_null(library_find(&fixture->library, "wf_mine/a"));
    assert_non_null(library_find(&fixture->library, "sub/wf_000000000001/b"));
}

static void deep_folders_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    write_file(fixture->project, "1/2/3/4/5/6/7/8/9/a.yaml", "x");
    assert_int_equal(library_load(fixture->project, NULL, &fixture->library, &err), ERROR_LIMIT);
    assert_int_equal(fixture->library.count, 0);
    assert_non_null(strstr(err.text, "nested deeper than 8"));
}

static void a_folder_that_cannot_be_listed_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    write_file(fixture->root, "project", "a file, not a folder");
    assert_true(library_load(fixture->project, NULL, &fixture->library, &err) < 0);
    assert_non_null(strstr(err.text, "cannot list the folder"));
}

static void texts_are_read_from_wherever_they_are(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *path = path_join(fixture->project, "a.yaml");
    char *text = NULL;
    size_t length = 0;

    write_file(fixture->project, "a.yaml", "name: a\n");
    assert_int_equal(library_read(path, &text, &length, &err), 0);
    assert_string_equal(text, "name: a\n");
    assert_int_equal(length, 8);
    free(text);
    assert_int_equal(library_read("builtin:launch/waitlist", &text, &length, &err), 0);
    assert_string_equal(text, "name: waitlist\n");
    free(text);
    assert_int_equal(library_read("builtin:code-review", &text, NULL, &err), 0);
    free(text);
    free(path);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *path = path_join(fixture->project, "big.yaml");
    char *big = mem_zero(WORKFLOW_BYTES_MAX + 2, 1);
    char *text = NULL;
    size_t length = 0;

    assert_int_equal(library_read("builtin:nope", &text, &length, &err), ERROR_NOT_FOUND);
    assert_int_equal(library_read("/nonexistent/x.yaml", &text, &length, &err), ERROR_NOT_FOUND);
    memset(big, ' ', WORKFLOW_BYTES_MAX + 1);
    write_file(fixture->project, "big.yaml", big);
    assert_int_equal(library_read(path, &text, &length, &err), ERROR_LIMIT);
    assert_null(text);
    free(big);
    free(path);
}

static void origins_have_names(void **state)
{
    (void)state;
    assert_string_equal(workflow_origin_name(ORIGIN_PROJECT), "project");
    assert_string_equal(workflow_origin_name(ORIGIN_USER), "user");
    assert_string_equal(workflow_origin_name(ORIGIN_BUILTIN), "built in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_folders_leave_the_built_in_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_project_hides_the_user_hides_the_built_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(only_yaml_files_are_workflows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(linked_folders_are_not_entered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folders_of_runs_are_not_entered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep_folders_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_listed_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_are_read_from_wherever_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, set_up, tear_down),
        cmocka_unit_test(origins_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
