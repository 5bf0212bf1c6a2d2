/* SPDX-License-Identifier: MIT */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/note.h"
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

static int tear_note(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"UPDATE note SET note = '[' WHERE place = ?1"};
    struct statement *statement = tx_query(tx, &query);

    bind_text(statement, 1, arg);
    return tx_run(tx, statement, NULL, err);
}

/* Nothing that can be read. */
static void hide_note(const struct run_project *project, char *place)
{
    assert_int_equal(store_write(project->store, tear_note, place, NULL), 0);
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
    assert_true(undo_find_digests(project->store, project->folder, digests, NULL) < 0);
    json_decref(digests);
}

static void run_steps(struct run_project *project, const char *agent, const char *steps)
{
    char *text = mem_printf("name: w\ndefaults: { retry: { attempts: 1 } }\n"
                            "phases: [{ id: p, steps: [%s] }]\n",
                            steps);

    run_project_configure(project, agent);
    run_project_write(project, "a.txt", "one\n");
    (void)run_project_run(project, text);
    free(text);
}

/* The files that it names, in one line; free() it. */
static char *undo_files(const struct undo_request *request)
{
    struct error err = ERROR_INIT;
    struct strbuf names;
    json_t *report = NULL;
    size_t i;
    const json_t *file;

    strbuf_init(&names, 1000);
    if (run_undo(request, &report, &err) < 0) {
        fail_msg("%s", err.text);
    }
    json_array_foreach(json_object_get(report, "files"), i, file)
    {
        strbuf_addf(&names, "%s:%s ", json_get_text(file, "path", ""),
                    json_get_text(file, "status", ""));
    }
    json_decref(report);
    return names.data;
}

static void assert_undone(const struct undo_request *request, const char *wanted)
{
    char *names = undo_files(request);

    assert_string_equal(names, wanted);
    free(names);
}

static void one_step_is_taken_back_with_its_instances(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;

    run_steps(project, AGENT("echo x > $FERMATA_STEP"),
              "{ id: s, prompt: go, foreach: [1, 2] }, { id: st, prompt: go }");
    request = request_of(project);
    request.step = "nobody";
    assert_int_equal(run_undo(&request, &report, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "at work in nobody"));
    request.step = "s";
    assert_undone(&request, "s[0]:deleted s[1]:deleted ");
    assert_true(run_project_has(project, "st"));
    request.step = "st";
    assert_undone(&request, "st:deleted ");
}

static void what_was_changed_to_and_fro_is_no_change(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;

    run_steps(project, AGENT("[ $FERMATA_STEP = t ] && echo one >a.txt || echo two >a.txt"),
              "{ id: s, prompt: go }, { id: t, prompt: go }");
    assert_content(project, "one\n");
    request = request_of(project);
    assert_undone(&request, "");
}

/* Between two agents a command changed it: that is not theirs. */
static void what_somebody_else_changed_between_is_only_taken_back_when_it_must(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;

    run_steps(project, AGENT("echo $FERMATA_STEP >a.txt; echo $FERMATA_STEP >b.txt"),
              "{ id: s, prompt: go }, { id: c, run: echo c >a.txt; echo c >b.txt }, "
              "{ id: t, prompt: go }");
    request = request_of(project);
    assert_int_equal(run_undo(&request, &report, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "a.txt, b.txt"));
    request.is_forced = true;
    assert_undone(&request, "a.txt:modified b.txt:deleted ");
    assert_content(project, "one\n");
}

/* The file said "one", and an agent wrote "two". */
static void assert_shown_and_undone(const struct run_project *project)
{
    struct undo_request request = request_of(project);
    json_t *report;

    assert_int_equal(run_diff(&request, &report, NULL), 0);
    assert_non_null(strstr(json_get_text(report, "text", ""), "+two"));
    json_decref(report);
    assert_undone(&request, "a.txt:modified ");
    assert_content(project, "one\n");
}

static void what_a_called_workflow_did_belongs_to_its_run(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: p, steps: [{ id: x, prompt: go }] }]\n");
    run_steps(project, AGENT("echo two >a.txt"), "{ id: call, workflow: inner }");
    assert_content(project, "two\n");
    assert_shown_and_undone(project);
}

static void what_stayed_in_a_clone_is_shown_and_not_taken_back(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *report;

    run_steps(project, AGENT("echo two >a.txt; exit 3"), "{ id: s, prompt: go, workspace: clone }");
    assert_content(project, "one\n");
    request = request_of(project);
    assert_int_equal(run_diff(&request, &report, NULL), 0);
    assert_non_null(strstr(json_get_text(report, "text", ""), "+two"));
    json_decref(report);
    assert_undone(&request, "");
    assert_content(project, "one\n");
}

static void of_whom_nothing_is_kept_that_is_said(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;
    json_t *note = json_pack("{s:s, s:[i, s]}", "unlisted", "too many files", "lacks", 1, "x");
    char *folder;

    run(project, AGENT("echo two > a.txt"));
    folder = mem_printf("%s/workflows/%s/attempts/s.1", project->folder, project->id);
    assert_int_equal(snapshot_note_write(project->store, folder, note, NULL), 0);
    request = request_of(project);
    assert_int_equal(run_undo(&request, &report, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nothing is kept"));
    json_decref(note);
    free(folder);
}

/* Whatever an agent writes there, removes or plants. */
static void what_lies_beside_an_attempt_is_not_believed(void **state)
{
    struct run_project *project = *state;

    run(project, AGENT("echo two > a.txt; cd .fermata/workflows; for a in */attempts/*; do "
                       "printf %s {} > $a/snapshot.json; done"));
    assert_shown_and_undone(project);
}

static void what_is_too_large_to_be_kept_is_not_replaced(void **state)
{
    struct run_project *project = *state;
    char *path = path_join(project->project, "a.txt");
    struct undo_request request;
    struct error err = ERROR_INIT;
    struct stat status;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    assert_int_equal(truncate(path, 65 * 1024 * 1024), 0);
    request = request_of(project);
    request.is_forced = true;
    assert_int_equal(run_undo(&request, &report, &err), ERROR_LIMIT);
    assert_non_null(strstr(err.text, "a.txt is too large"));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 65 * 1024 * 1024);
    free(path);
}

static void without_a_place_for_it_nothing_is_taken_back(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *report;
    char *path;

    run(project, AGENT("echo two > a.txt"));
    request = request_of(project);
    path = mem_printf(".fermata/workflows/%s/undo", project->id);
    run_project_write(project, path, "no folder");
    assert_true(run_undo(&request, &report, NULL) < 0);
    assert_content(project, "two\n");
    free(path);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_run_is_shown_and_taken_back_and_brought_back),
        CASE(what_changed_since_is_only_taken_back_when_it_must),
        CASE(without_an_undo_there_is_nothing_to_bring_back),
        CASE(one_step_is_taken_back_with_its_instances),
        CASE(what_was_changed_to_and_fro_is_no_change),
        CASE(what_somebody_else_changed_between_is_only_taken_back_when_it_must),
        CASE(what_a_called_workflow_did_belongs_to_its_run),
        CASE(what_stayed_in_a_clone_is_shown_and_not_taken_back),
        CASE(of_whom_nothing_is_kept_that_is_said),
        CASE(what_lies_beside_an_attempt_is_not_believed),
        CASE(what_is_too_large_to_be_kept_is_not_replaced),
        CASE(without_a_place_for_it_nothing_is_taken_back),
        CASE(a_note_that_cannot_be_read_is_an_error_and_nothing_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
