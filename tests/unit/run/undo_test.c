/* SPDX-License-Identifier: MIT */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENT(script)                                                                              \
    "default_agent: a\nagents:\n  a: { type: command, command: [sh, -c, 'cat >/dev/null; " script  \
    "; echo done'] }\n"
#define WORKFLOW                                                                                   \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go }] }]\n"

static struct undo_request request_of(const struct run_project *project)
{
    return (struct undo_request){.store = project->store,
                                 .project = project->project,
                                 .folder = project->folder,
                                 .run_id = project->id};
}

static void run(struct run_project *project, const char *agent)
{
    run_project_configure(project, agent);
    run_project_write(project, "a.txt", "one\n");
    assert_string_equal(run_project_run(project, WORKFLOW), "completed");
}

static void assert_content(const struct run_project *project, const char *wanted)
{
    char *text = run_project_read(project, "a.txt");

    assert_string_equal(text, wanted);
    free(text);
}

static void a_run_is_shown_and_taken_back_and_brought_back(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    request = request_of(project);
    assert_int_equal(run_diff(&request, &report, NULL), 0);
    assert_non_null(strstr(json_get_text(report, "text", ""), "-one\n+two\n"));
    json_decref(report);
    assert_int_equal(run_undo(&request, &report, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(report, "files")), 1);
    json_decref(report);
    assert_content(project, "one\n");
    request.is_back = true;
    assert_int_equal(run_undo(&request, &report, NULL), 0);
    json_decref(report);
    assert_content(project, "two\n");
}

static void what_changed_since_is_only_taken_back_when_it_must(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    run_project_write(project, "a.txt", "three\n");
    request = request_of(project);
    assert_int_equal(run_undo(&request, &report, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "a.txt"));
    assert_content(project, "three\n");
    request.is_forced = true;
    assert_int_equal(run_undo(&request, &report, NULL), 0);
    json_decref(report);
    assert_content(project, "one\n");
}

static void without_an_undo_there_is_nothing_to_bring_back(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    request = request_of(project);
    request.is_back = true;
    assert_int_equal(run_undo(&request, &report, NULL), ERROR_NOT_FOUND);
}

static void the_snapshots_of_runs_are_found(void **state)
{
    struct run_project *project = *state;
    json_t *digests = json_object();

    run(project, AGENT("echo two > a.txt"));
    assert_int_equal(undo_find_digests(project->folder, digests, NULL), 0);
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

        assert_true(undo_find_digests(project->folder, digests, &err) < 0);
        assert_non_null(strstr(err.text, places[i]));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(undo_find_digests(project->folder, digests, &err), 0);
        free(path);
        json_decref(digests);
    }
}

/* A folder in the place of the note: nothing that can be read. */
static void hide_note(const struct run_project *project, const char *folder)
{
    char *path = mem_printf("%s/workflows/%s/%s/snapshot.json", project->folder, project->id,
                            folder);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
}

static void a_note_that_cannot_be_read_is_an_error_and_nothing_is_done(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *digests = json_object();
    json_t *report;
    int r;

    run(project, AGENT("echo two > a.txt"));
    request = request_of(project);
    assert_int_equal(run_undo(&request, &report, NULL), 0);
    json_decref(report);
    hide_note(project, "undo/1");
    request.is_back = true;
    r = run_undo(&request, &report, NULL);
    assert_true(r < 0 && r != ERROR_NOT_FOUND);
    assert_content(project, "one\n");
    hide_note(project, "attempts/s.1");
    request.is_back = false;
    r = run_undo(&request, &report, NULL);
    assert_true(r < 0 && r != ERROR_NOT_FOUND);
    assert_true(undo_find_digests(project->folder, digests, NULL) < 0);
    json_decref(digests);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_run_is_shown_and_taken_back_and_brought_back),
        CASE(what_changed_since_is_only_taken_back_when_it_must),
        CASE(without_an_undo_there_is_nothing_to_bring_back),
        CASE(the_snapshots_of_runs_are_found),
        CASE(what_cannot_be_looked_at_is_not_taken_for_unused),
        CASE(a_note_that_cannot_be_read_is_an_error_and_nothing_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
