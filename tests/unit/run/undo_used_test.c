/* SPDX-License-Identifier: MIT */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENT(script)                                                                              \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; " script  \
    "; echo done'] }\n"
#define WORKFLOW                                                                                   \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go }] }]\n"

static void run(struct run_project *project, const char *agent)
{
    run_project_configure(project, agent);
    run_project_write(project, "a.txt", "one\n");
    assert_string_equal(run_project_run(project, WORKFLOW), "completed");
}

static void the_snapshots_of_runs_are_found(void **state)
{
    struct run_project *project = *state;
    json_t *digests = json_object();

    run(project, AGENT("echo two > a.txt"));
    assert_int_equal(undo_find_digests(project->store, project->folder, digests, NULL), 0);
    assert_int_equal(json_object_size(digests), 2);
    json_decref(digests);
}

/* A link to itself in the place of a folder of the run. free() it. */
static char *hide(const struct run_project *project, const char *name)
{
    char *path = mem_printf("%s/workflows/%s/%s", project->folder, project->id, name);

    assert_int_equal(file_remove_tree(path, NULL), 0);
    assert_int_equal(symlink(name, path), 0);
    return path;
}

static void what_cannot_be_looked_at_is_not_taken_for_unused(void **state)
{
    static const char *const places[] = {"attempts", "undo", "workspaces"};
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    run(project, AGENT("echo two > a.txt"));
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        json_t *digests = json_object();
        char *path = hide(project, places[i]);

        assert_true(undo_find_digests(project->store, project->folder, digests, &err) < 0);
        assert_non_null(strstr(err.text, places[i]));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(undo_find_digests(project->store, project->folder, digests, &err), 0);
        free(path);
        json_decref(digests);
    }
}

static void without_a_run_nothing_is_in_use(void **state)
{
    struct run_project *project = *state;
    json_t *digests = json_object();

    assert_int_equal(undo_find_digests(project->store, project->folder, digests, NULL), 0);
    assert_int_equal(json_object_size(digests), 0);
    json_decref(digests);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_a_run_nothing_is_in_use),
        CASE(the_snapshots_of_runs_are_found),
        CASE(what_cannot_be_looked_at_is_not_taken_for_unused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
