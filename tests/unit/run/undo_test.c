/* SPDX-License-Identifier: MIT */
#include "run/undo.h"

#include "base/alloc.h"
#include "base/file.h"
#include "results/snapshot.h"
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

/* ---- what it meets ---- */

static void without_its_project_nothing_is_shown_or_taken_back(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    request = request_of(project);
    request.project = "/proc/none";
    assert_true(run_diff(&request, &report, &err) < 0);
    assert_non_null(strstr(err.text, "/proc/none"));
    assert_true(run_undo(&request, &report, &err) < 0);
    request.project = project->project;
    request.folder = "/proc/none"; /* where it would say who is at work */
    assert_true(run_undo(&request, &report, &err) < 0);
    assert_content(project, "two\n");
}

/* More than are read at once. */
static void of_a_run_with_many_records_the_last_work_is_taken_back_too(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct strbuf items;
    char *text;

    strbuf_init(&items, 4000);
    for (int i = 0; i < 520; i++) {
        strbuf_addf(&items, "%s%d", i ? ", " : "", i);
    }
    text = mem_printf("name: w\nphases:\n"
                      "  - { id: p, steps: [{ id: many, use: noop, foreach: [%s] }] }\n"
                      "  - { id: q, steps: [{ id: s, prompt: go }] }\n",
                      items.data);
    run_project_configure(project, AGENT("echo two > a.txt"));
    run_project_write(project, "a.txt", "one\n");
    assert_string_equal(run_project_run(project, text), "completed");
    assert_true(json_array_size(project->records) > 500);
    request = request_of(project);
    assert_undone(&request, "a.txt:modified ");
    assert_content(project, "one\n");
    strbuf_release(&items);
    free(text);
}

static void many_conflicts_are_named_as_far_as_there_is_room(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    struct error err = ERROR_INIT;
    json_t *report;

    run(project,
        AGENT("for i in $(seq 200); do echo two >a_file_with_a_rather_long_name_$i; done"));
    for (int i = 1; i <= 200; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "a_file_with_a_rather_long_name_%d", i);
        run_project_write(project, name, "three\n");
    }
    request = request_of(project);
    assert_int_equal(run_undo(&request, &report, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "a_file_with_a_rather_long_name_1,"));
    assert_string_equal(err.text + strlen(err.text) - 5, ", ...");
}

static char *attempt_folder(const struct run_project *project, const char *name)
{
    return mem_printf("%s/workflows/%s/attempts/%s", project->folder, project->id, name);
}

/* What is noted of the attempt, or from now on. */
static json_t *read_note(const struct run_project *project, const char *attempt)
{
    char *folder = attempt_folder(project, attempt);
    json_t *note = NULL;

    assert_int_equal(snapshot_note_find(project->store, folder, &note, NULL), 0);
    assert_non_null(note);
    free(folder);
    return note;
}

static void write_note(const struct run_project *project, const char *attempt, json_t *note)
{
    char *folder = attempt_folder(project, attempt);

    assert_int_equal(snapshot_note_write(project->store, folder, note, NULL), 0);
    json_decref(note);
    free(folder);
}

static void what_an_attempt_without_an_end_did_is_what_stands_there_now(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *note;

    run(project, AGENT("echo two > a.txt"));
    run_project_write(project, "a.txt", "three\n");
    note = read_note(project, "s.1");
    assert_int_equal(json_object_del(note, "after"), 0);
    write_note(project, "s.1", note);
    request = request_of(project);
    assert_undone(&request, "a.txt:modified "); /* no conflict */
    assert_content(project, "one\n");
}

static void a_clone_that_is_gone_cannot_be_shown(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    json_t *report;
    json_t *note;

    run(project, AGENT("echo two > a.txt"));
    note = read_note(project, "s.1");
    assert_int_equal(json_object_del(note, "after"), 0);
    json_put_text(note, "tree", "/nonexistent/clone");
    write_note(project, "s.1", note);
    request = request_of(project);
    assert_true(run_diff(&request, &report, NULL) < 0);
}

/* A step that waits for what it called is told so again by whoever goes on with it, and what it
 * left belongs to it as well. */
static void what_is_told_twice_of_a_called_run_counts_once(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    struct undo_request request;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases:\n"
                      "  - { id: p, steps: [{ id: x, prompt: go }] }\n"
                      "  - { id: q, steps: [{ id: ok, approve: Good? }] }\n");
    run_steps(project, AGENT("echo two >>a.txt"), "{ id: call, workflow: inner }");
    assert_content(project, "one\ntwo\n");
    run_project_drop_engine(project);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_int_equal(run_project_count(project, "step_waiting", "call"), 2);
    run_project_drop_engine(project);
    json_decref(run_project_ask(
        project, project->id,
        json_pack("{s:s, s:s, s:s}", "do", "skip", "step", "call", "reason", "enough"), &err));
    request = request_of(project);
    assert_undone(&request, "a.txt:modified ");
    assert_content(project, "one\n");
}

/* ---- one that was not ended ---- */

static char *undo_folder(const struct run_project *project, int number)
{
    return mem_printf("%s/workflows/%s/undo/%d", project->folder, project->id, number);
}

/* As if it had been killed before it could say that it is done. */
static void reopen_undo(const struct run_project *project, int number)
{
    char *folder = undo_folder(project, number);
    json_t *note = NULL;

    assert_int_equal(snapshot_note_find(project->store, folder, &note, NULL), 0);
    json_put(note, "open", json_true());
    assert_int_equal(snapshot_note_write(project->store, folder, note, NULL), 0);
    json_decref(note);
    free(folder);
}

static void two_steps_of_two_files(struct run_project *project)
{
    run_steps(project, AGENT("echo $FERMATA_STEP >a.txt; [ $FERMATA_STEP = s ] || echo t >b.txt"),
              "{ id: s, prompt: go }, { id: t, prompt: go }");
    assert_content(project, "t\n");
}

static void bring_back(struct undo_request *request, const char *wanted)
{
    request->step = NULL;
    request->is_back = true;
    request->is_forced = false;
    assert_undone(request, wanted);
}

/* Of one step, then of all: what the first one had done already comes back as well. */
static void an_open_undo_of_less_is_part_of_the_one_that_ends_it(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;

    two_steps_of_two_files(project);
    request = request_of(project);
    request.step = "t";
    assert_undone(&request, "a.txt:modified b.txt:deleted ");
    assert_content(project, "s\n");
    reopen_undo(project, 1);
    request.step = NULL;
    request.is_forced = true; /* a.txt is not as its last agent left it */
    assert_undone(&request, "a.txt:modified ");
    assert_content(project, "one\n");
    bring_back(&request, "a.txt:modified b.txt:added ");
    assert_content(project, "t\n");
    assert_true(run_project_has(project, "b.txt"));
}

static void an_open_undo_of_more_that_did_not_come_to_a_file_leaves_it(void **state)
{
    struct run_project *project = *state;
    struct undo_request request;
    char *text;

    two_steps_of_two_files(project);
    request = request_of(project);
    request.step = "t";
    assert_undone(&request, "a.txt:modified b.txt:deleted ");
    run_project_write(project, "b.txt", "mine\n"); /* it came to a.txt only */
    reopen_undo(project, 1);
    request.step = "s";
    assert_undone(&request, "a.txt:modified ");
    assert_content(project, "one\n");
    bring_back(&request, "a.txt:modified ");
    assert_content(project, "t\n");
    text = run_project_read(project, "b.txt");
    assert_string_equal(text, "mine\n");
    free(text);
}

static void of_an_open_undo_that_cannot_be_followed_nothing_is_ended(void **state)
{
    struct run_project *project = *state;
    char *folder;
    char *path = mem_zero(1, 301);
    char digest[DIGEST_HEX_SIZE];
    struct snapshots *snapshots = NULL;
    struct changes changes = {0};
    struct undo_request request;
    json_t *note;
    json_t *report;

    run(project, AGENT("echo two > a.txt"));
    memset(path, 'x', 300); /* no name can be so long */
    changes_add(&changes, path, NULL, NULL);
    assert_int_equal(snapshots_open(project->project, &snapshots, NULL), 0);
    assert_int_equal(changes_put(snapshots, &changes, digest, NULL), 0);
    snapshots_close(snapshots);
    folder = undo_folder(project, 1);
    note = json_pack("{s:s, s:b}", "changes", digest, "open", 1);
    assert_int_equal(snapshot_note_write(project->store, folder, note, NULL), 0);
    request = request_of(project);
    assert_true(run_undo(&request, &report, NULL) < 0);
    assert_content(project, "two\n");
    changes_release(&changes);
    json_decref(note);
    free(folder);
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
        CASE(without_its_project_nothing_is_shown_or_taken_back),
        CASE(of_a_run_with_many_records_the_last_work_is_taken_back_too),
        CASE(many_conflicts_are_named_as_far_as_there_is_room),
        CASE(what_an_attempt_without_an_end_did_is_what_stands_there_now),
        CASE(a_clone_that_is_gone_cannot_be_shown),
        CASE(what_is_told_twice_of_a_called_run_counts_once),
        CASE(an_open_undo_of_less_is_part_of_the_one_that_ends_it),
        CASE(an_open_undo_of_more_that_did_not_come_to_a_file_leaves_it),
        CASE(of_an_open_undo_that_cannot_be_followed_nothing_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
