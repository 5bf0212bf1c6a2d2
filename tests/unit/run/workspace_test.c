/* SPDX-License-Identifier: MIT */
#include "run/workspace.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char *tree_of(const struct run_project *project, const char *step)
{
    return mem_printf("%s/workflows/wf_000000000001/workspaces/%s/tree", project->folder, step);
}

static void make(const struct run_project *project, const char *tree)
{
    const struct workspace workspace = {.store = project->store,
                                        .project = project->project,
                                        .project_folder = project->folder,
                                        .tree = tree};
    struct error err = ERROR_INIT;

    if (workspace_make(&workspace, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void a_clone_stays_until_it_has_ended(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    char *file = path_join(tree, "file");
    char *run = mem_printf("%s/workflows/wf_000000000001", project->folder);
    char base[DIGEST_HEX_SIZE];
    char *text = NULL;

    run_project_write(project, "file", "one");
    make(project, tree);
    assert_int_equal(workspace_read_base(project->store, tree, base, NULL), 0);
    run_project_write(project, "file", "two");
    make(project, tree);
    workspace_sweep(project->store, run);
    assert_int_equal(file_read(file, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, "one");
    free(text);
    workspace_end(project->store, tree, NULL);
    make(project, tree);
    assert_int_equal(file_read(file, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, "two");
    free(text);
    workspace_end(project->store, tree, NULL);
    workspace_sweep(project->store, run);
    assert_false(file_exists(file));
    free(run);
    free(file);
    free(tree);
}

static void a_clone_that_holds_the_only_copy_of_something_is_kept(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    char *run = mem_printf("%s/workflows/wf_000000000001", project->folder);
    json_t *left = json_pack("[s]", "only");

    for (int n = 1; n <= 2; n++) {
        char *aside = mem_printf("%s/../left-%d/only", tree, n);

        make(project, tree);
        scratch_write(tree, "only", "here");
        workspace_end(project->store, tree, left);
        workspace_sweep(project->store, run);
        make(project, tree);
        assert_true(file_exists(aside));
        free(aside);
    }
    json_decref(left);
    free(run);
    free(tree);
}

static void only_an_agent_that_asks_for_one_works_in_a_clone(void **state)
{
    static const struct {
        struct step step;
        bool is_clone;
    } cases[] = {{{.kind = STEP_AGENT, .workspace = "clone"}, true},
                 {{.kind = STEP_AGENT, .workspace = "shared"}, false},
                 {{.kind = STEP_AGENT}, false},
                 {{.kind = STEP_COMMAND, .workspace = "clone"}, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(workspace_is_clone(&cases[i].step), cases[i].is_clone);
    }
    assert_false(workspace_is_clone(NULL));
}

/* As if it had been killed when the clone was put aside and the new one not made yet. */
static void a_clone_that_was_put_aside_already_stays_there(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    char *aside = mem_printf("%s/../left-1", tree);
    json_t *left = json_pack("[s]", "only");

    run_project_write(project, "file", "one");
    make(project, tree);
    scratch_write(tree, "only", "here");
    workspace_end(project->store, tree, left);
    assert_int_equal(rename(tree, aside), 0);
    make(project, tree);
    assert_true(
        run_project_has(project, ".fermata/workflows/wf_000000000001/workspaces/s/left-1/only"));
    assert_true(
        run_project_has(project, ".fermata/workflows/wf_000000000001/workspaces/s/tree/file"));
    assert_false(
        run_project_has(project, ".fermata/workflows/wf_000000000001/workspaces/s/left-2"));
    json_decref(left);
    free(aside);
    free(tree);
}

/* Nobody could tell whose it is. */
static void a_name_that_fits_in_no_link_gets_no_ports(void **state)
{
    struct run_project *project = *state;
    char name[6000];
    struct error err = ERROR_INIT;

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(workspace_port(project->folder, name, &err), ERROR_LIMIT);
    assert_false(run_project_has(project, ".fermata/ports/1"));
}

static int tear_notes(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"UPDATE note SET note = '['"};

    (void)arg;
    return tx_run(tx, tx_query(tx, &query), NULL, err);
}

static void a_clone_of_which_the_note_cannot_be_read_is_not_replaced(void **state)
{
    struct run_project *project = *state;
    const char *name = ".fermata/workflows/wf_000000000001/workspaces/s/tree/work";
    char *tree = tree_of(project, "s");
    const struct workspace workspace = {.store = project->store,
                                        .project = project->project,
                                        .project_folder = project->folder,
                                        .tree = tree};
    struct error err = ERROR_INIT;

    make(project, tree);
    run_project_write(project, name, "of the agent");
    assert_int_equal(store_write(project->store, tear_notes, NULL, NULL), 0);
    assert_true(workspace_make(&workspace, &err) < 0);
    assert_non_null(strstr(err.text, "cannot be cloned"));
    assert_true(run_project_has(project, name));
    free(tree);
}

static void each_workspace_has_ports_of_its_own(void **state)
{
    struct run_project *project = *state;
    char *first = tree_of(project, "a");
    char *second = tree_of(project, "b");
    int port;

    assert_int_equal(file_make_folders(first, NULL), 0);
    assert_int_equal(file_make_folders(second, NULL), 0);
    port = workspace_port(project->folder, first, NULL);
    assert_int_equal(port, WORKSPACE_PORT_SHARED + 100);
    assert_int_equal(workspace_port(project->folder, second, NULL), port + 100);
    assert_int_equal(workspace_port(project->folder, first, NULL), port);
    assert_int_equal(file_remove_tree(first, NULL), 0);
    assert_int_equal(workspace_port(project->folder, second, NULL), port);
    free(first);
    free(second);
}

/* Its process was killed as it wrote the file. */
static void what_a_killed_process_left_of_its_ports_is_free(void **state)
{
    struct run_project *project = *state;
    char *first = tree_of(project, "a");
    char *second = tree_of(project, "b");
    char *third = tree_of(project, "c");
    char *torn = mem_strndup(first, strlen(first) - strlen("a/tree"));

    assert_int_equal(file_make_folders(first, NULL), 0);
    assert_int_equal(file_make_folders(second, NULL), 0);
    run_project_write(project, ".fermata/ports/1", "");
    run_project_write(project, ".fermata/ports/2", torn); /* a folder that is there */
    assert_true(file_is_folder(torn));
    assert_int_equal(workspace_port(project->folder, first, NULL), WORKSPACE_PORT_SHARED + 100);
    assert_int_equal(workspace_port(project->folder, second, NULL), WORKSPACE_PORT_SHARED + 200);
    assert_int_equal(workspace_port(project->folder, third, NULL), WORKSPACE_PORT_SHARED + 300);
    assert_int_equal(workspace_port(project->folder, first, NULL), WORKSPACE_PORT_SHARED + 100);
    free(torn);
    free(third);
    free(second);
    free(first);
}

static int base_of(const struct run_project *project, const char *tree)
{
    char base[DIGEST_HEX_SIZE];

    return workspace_read_base(project->store, tree, base, NULL);
}

static void what_was_never_made_has_no_base_and_ends_without_a_word(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");

    assert_int_equal(base_of(project, tree), ERROR_IO);
    workspace_end(project->store, tree, NULL);
    assert_false(
        run_project_has(project, ".fermata/workflows/wf_000000000001/workspaces/s/snapshot.json"));
    free(tree);
}

static void a_clone_that_vanished_is_made_again(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    char *file = path_join(tree, "file");

    run_project_write(project, "file", "one");
    make(project, tree);
    assert_int_equal(file_remove_tree(tree, NULL), 0);
    make(project, tree);
    assert_true(file_exists(file));
    free(file);
    free(tree);
}

static void without_a_place_there_is_no_clone(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    const struct workspace workspace = {.store = project->store,
                                        .project = project->project,
                                        .project_folder = project->folder,
                                        .tree = tree};
    struct error err = ERROR_INIT;

    run_project_write(project, ".fermata/snapshots", "no folder");
    assert_true(workspace_make(&workspace, &err) < 0);
    assert_non_null(strstr(err.text, "the project cannot be cloned"));
    assert_int_equal(base_of(project, tree), ERROR_IO);
    free(tree);
}

/* A slot whose file cannot be read belongs to somebody. */
static void ports_end_when_all_are_taken(void **state)
{
    struct run_project *project = *state;
    char *tree = tree_of(project, "s");
    char *ports = path_join(project->folder, "ports");
    struct error err = ERROR_INIT;
    int taken = 0;
    int port;

    assert_int_equal(file_make_folders(tree, NULL), 0);
    while ((port = workspace_port(project->folder, tree, &err)) > 0) {
        char *slot = mem_printf("%s/%d", ports, ++taken);

        assert_true(taken < 1000);
        assert_int_equal(unlink(slot), 0);
        assert_int_equal(mkdir(slot, 0700), 0);
        free(slot);
    }
    assert_int_equal(port, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "have ports already"));
    assert_true(taken > 100);
    assert_int_equal(file_remove_tree(ports, NULL), 0);
    run_project_write(project, ".fermata/ports", "no folder");
    assert_true(workspace_port(project->folder, tree, &err) < 0);
    free(ports);
    free(tree);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_clone_stays_until_it_has_ended),
        CASE(a_clone_that_holds_the_only_copy_of_something_is_kept),
        CASE(a_clone_of_which_the_note_cannot_be_read_is_not_replaced),
        CASE(what_was_never_made_has_no_base_and_ends_without_a_word),
        CASE(a_clone_that_vanished_is_made_again),
        CASE(without_a_place_there_is_no_clone),
        CASE(only_an_agent_that_asks_for_one_works_in_a_clone),
        CASE(a_clone_that_was_put_aside_already_stays_there),
        CASE(a_name_that_fits_in_no_link_gets_no_ports),
        CASE(ports_end_when_all_are_taken),
        CASE(each_workspace_has_ports_of_its_own),
        CASE(what_a_killed_process_left_of_its_ports_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
