/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char good[] = "name: good\nphases: [{ id: a, steps: [{ id: s, use: noop }] }]\n";
static const char bad[] = "name: bad\nphases: [{ id: a, steps: [{ id: s, run: exit 3,"
                          " retry: { attempts: 1 } }] }]\n";

/* A second later by the clock, so that their order is certain. */
static void run_next(struct run_project *project, const char *text, char ret_id[RUN_ID_SIZE])
{
    project->clock_shift_ms += 1000;
    (void)run_project_run(project, text);
    memcpy(ret_id, project->id, RUN_ID_SIZE);
}

static json_t *list(struct run_project *project, const struct run_filter *filter)
{
    struct error err = ERROR_INIT;
    json_t *found = NULL;

    if (run_list(project->store, project->folder, filter, &found, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return found;
}

static const char *id_at(const json_t *listed, size_t index)
{
    return json_get_text(json_array_get(json_object_get(listed, "runs"), index), "id", "");
}

static void lists_come_in_pages_without_gap_or_double(void **state)
{
    struct run_project *project = *state;
    struct run_filter filter = {.limit = 2};
    char ids[5][RUN_ID_SIZE];
    char before[RUN_ID_SIZE];
    json_t *page;
    size_t seen = 0;

    for (size_t i = 0; i < 5; i++) {
        run_next(project, good, ids[i]);
    }
    for (;;) {
        const char *next;

        page = list(project, &filter);
        for (size_t i = 0; i < json_array_size(json_object_get(page, "runs")); i++) {
            assert_string_equal(id_at(page, i), ids[4 - seen]);
            seen++;
        }
        next = json_get_text(page, "next", NULL);
        if (!next) {
            break;
        }
        (void)memcpy(before, next, RUN_ID_SIZE);
        filter.before = before;
        json_decref(page);
    }
    json_decref(page);
    assert_int_equal(seen, 5);
}

static void lists_can_be_of_one_status_or_workflow(void **state)
{
    struct run_project *project = *state;
    char first[RUN_ID_SIZE], second[RUN_ID_SIZE];
    const json_t *row;
    json_t *found;

    run_next(project, good, first);
    run_next(project, bad, second);
    found = list(project, &(struct run_filter){.status = "paused", .limit = 10});
    assert_int_equal(json_array_size(json_object_get(found, "runs")), 1);
    assert_string_equal(id_at(found, 0), second);
    row = json_array_get(json_object_get(found, "runs"), 0);
    assert_string_equal(json_get_text(row, "reason", ""), "failure");
    assert_int_equal(json_get_integer(json_object_get(row, "steps"), "failed", 0), 1);
    json_decref(found);
    found = list(project, &(struct run_filter){.workflow = "good", .limit = 10});
    assert_int_equal(json_array_size(json_object_get(found, "runs")), 1);
    assert_string_equal(id_at(found, 0), first);
    json_decref(found);
}

static void a_run_is_found_by_a_unique_beginning_and_as_the_last(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    char first[RUN_ID_SIZE], second[RUN_ID_SIZE], found[RUN_ID_SIZE];

    run_next(project, good, first);
    run_next(project, good, second);
    assert_int_equal(run_resolve(project->store, first, found, &err), 0);
    assert_string_equal(found, first);
    assert_int_equal(run_resolve(project->store, first + 3, found, &err), 0);
    assert_string_equal(found, first);
    assert_int_equal(run_resolve(project->store, "last", found, &err), 0);
    assert_string_equal(found, second);
    assert_int_equal(run_resolve(project->store, "wf_", found, &err), ERROR_INVALID);
    assert_int_equal(run_resolve(project->store, "wf_zzzzzzzzzzzz", found, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "fermata list"));
}

static void records_come_in_pages(void **state)
{
    struct run_project *project = *state;
    char id[RUN_ID_SIZE];
    int64_t next = 1;
    int64_t seq = 0;
    json_t *page = NULL;

    run_next(project, good, id);
    assert_int_equal(run_records(project->store, id, 1000, 3, &page, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(page, "records")), 0);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
    while (next > 0) {
        size_t index;
        const json_t *record;

        assert_int_equal(run_records(project->store, id, next, 3, &page, NULL), 0);
        json_array_foreach(json_object_get(page, "records"), index, record)
        {
            assert_int_equal(json_get_integer(record, "seq", 0), ++seq);
            assert_string_equal(json_get_text(record, "run", ""), id);
        }
        next = json_get_integer(page, "next", 0);
        json_decref(page);
    }
    assert_int_equal(seq, json_array_size(project->records));
    /* Without a limit that was all. */
    assert_int_equal(run_records(project->store, id, 1, 0, &page, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(page, "records")), seq);
    assert_true(json_is_null(json_object_get(page, "next")));
    json_decref(page);
}

static void a_log_is_read_on_from_where_it_was(void **state)
{
    struct run_project *project = *state;
    struct run_log_request request = {.folder = project->folder, .run_id = project->id};
    struct run_log *log = NULL;
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    run_project_start(project, good, NULL);
    assert_int_equal(run_log_open(project->store, &request, &log, NULL), 0);
    assert_int_equal(run_log_read(log, &text, NULL), 0);
    assert_non_null(strstr(text.data, "created from good"));
    assert_null(strstr(text.data, "completed"));
    assert_false(run_log_is_at_rest(log));
    strbuf_reset(&text);
    run_project_go(project);
    assert_int_equal(run_log_read(log, &text, NULL), 0);
    assert_null(strstr(text.data, "created from good"));
    assert_non_null(strstr(text.data, "completed"));
    assert_true(run_log_is_at_rest(log));
    strbuf_reset(&text);
    assert_int_equal(run_log_read(log, &text, NULL), 0);
    assert_int_equal(text.length, 0);
    run_log_close(log);
    strbuf_release(&text);
}

static void a_long_log_comes_in_pieces(void **state)
{
    struct run_project *project = *state;
    struct run_log_request request = {.folder = project->folder, .run_id = project->id};
    struct run_log *log = NULL;
    struct strbuf whole, pieces;
    int count = 1;

    strbuf_init(&whole, 1 << 20);
    strbuf_init(&pieces, 1 << 20);
    (void)run_project_run(project, bad);
    assert_int_equal(run_log_open(project->store, &request, &log, NULL), 0);
    assert_int_equal(run_log_read(log, &whole, NULL), 0);
    run_log_close(log);
    request.piece_bytes = 100;
    assert_int_equal(run_log_open(project->store, &request, &log, NULL), 0);
    while (run_log_read(log, &pieces, NULL) > 0) {
        count++;
    }
    run_log_close(log);
    assert_true(count > 3);
    assert_string_equal(pieces.data, whole.data);
    strbuf_release(&whole);
    strbuf_release(&pieces);
}

static void the_log_of_an_unknown_phase_is_refused(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    struct run_log_request request = {
        .folder = project->folder, .run_id = project->id, .phase = "nix"};
    struct run_log *log = NULL;

    (void)run_project_run(project, good);
    assert_int_equal(run_log_open(project->store, &request, &log, &err), ERROR_NOT_FOUND);
}

static void artifacts_come_newest_first_and_in_pages(void **state)
{
    static const char text[] = "name: w\nphases: [{ id: a, mode: sequential, steps: ["
                               "{ id: s1, run: echo 1, output: a.txt },"
                               "{ id: s2, run: echo 2, output: b.txt },"
                               "{ id: s3, run: echo 3, output: a.txt }] }]\n";
    static const char *const steps[] = {"s3", "s2", "s1"};
    struct run_project *project = *state;
    struct run_artifacts_request request = {.run_id = project->id, .limit = 1};

    assert_string_equal(run_project_run(project, text), "completed");
    for (size_t i = 0; i < 3; i++) {
        json_t *page = NULL;
        const json_t *row;

        assert_int_equal(run_artifacts(project->store, &request, &page, NULL), 0);
        assert_int_equal(json_array_size(json_object_get(page, "artifacts")), 1);
        row = json_array_get(json_object_get(page, "artifacts"), 0);
        assert_string_equal(json_get_text(row, "step", ""), steps[i]);
        assert_int_equal(json_get_integer(row, "bytes", 0), 2);
        assert_int_equal(json_get_integer(row, "attempt", 0), 1);
        request.before = json_get_integer(page, "next", 0);
        assert_int_equal(request.before > 0, i < 2);
        json_decref(page);
    }
}

static void note_attempt(void *context, const struct run_log_attempt *attempt,
                         struct strbuf *target)
{
    (void)target;
    (void)attempt;
    ++*(int *)context;
}

static void of_steps_and_checks_that_are_no_agents_no_attempt_is_told(void **state)
{
    struct run_project *project = *state;
    int told = 0;
    struct run_log_request request = {.folder = project->folder,
                                      .run_id = project->id,
                                      .on_attempt = note_attempt,
                                      .context = &told};
    struct run_log *log = NULL;
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    assert_string_equal(
        run_project_run(project, "name: w\ngates: { g: { commands: [{ run: 'true' }] } }\n"
                                 "phases: [{ id: a, gate: g, steps: [{ id: s, run: 'true' }] }]\n"),
        "completed");
    assert_int_equal(run_log_open(project->store, &request, &log, NULL), 0);
    assert_int_equal(run_log_read(log, &text, NULL), 0);
    assert_true(run_log_is_at_rest(log));
    assert_int_equal(told, 0);
    run_log_close(log);
    strbuf_release(&text);
}

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static void a_damaged_journal_is_said_by_whoever_reads_it(void **state)
{
    static const struct query damage = {
        "UPDATE journal SET sum = sum + 1 WHERE kind = 'attempt_ended'"};
    struct run_project *project = *state;
    struct run_artifacts_request request = {.run_id = project->id};
    struct run_log_request log_request = {.folder = project->folder, .run_id = project->id};
    struct run_log *log = NULL;
    struct error err = ERROR_INIT;
    struct strbuf text;
    json_t *page = NULL;

    strbuf_init(&text, 1 << 20);
    (void)run_project_run(project, bad);
    assert_int_equal(store_write(project->store, change, (void *)(uintptr_t)&damage, NULL), 0);
    assert_true(run_artifacts(project->store, &request, &page, &err) < 0);
    assert_null(page);
    assert_non_null(strstr(err.text, project->id));
    assert_int_equal(run_log_open(project->store, &log_request, &log, NULL), 0);
    assert_true(run_log_read(log, &text, &err) < 0);
    assert_non_null(strstr(err.text, project->id));
    run_log_close(log);
    strbuf_release(&text);
}

static void a_run_says_whether_a_process_is_at_it(void **state)
{
    struct run_project *project = *state;
    json_t *run = NULL;

    (void)run_project_run(project, good);
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    assert_true(json_get_boolean(run, "owned", false));
    json_decref(run);
    run_project_drop_engine(project);
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    assert_false(json_get_boolean(run, "owned", true));
    json_decref(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_come_in_pages_without_gap_or_double),
        TEST(lists_can_be_of_one_status_or_workflow),
        TEST(a_run_is_found_by_a_unique_beginning_and_as_the_last),
        TEST(records_come_in_pages),
        TEST(a_log_is_read_on_from_where_it_was),
        TEST(a_long_log_comes_in_pieces),
        TEST(the_log_of_an_unknown_phase_is_refused),
        TEST(artifacts_come_newest_first_and_in_pages),
        TEST(of_steps_and_checks_that_are_no_agents_no_attempt_is_told),
        TEST(a_damaged_journal_is_said_by_whoever_reads_it),
        TEST(a_run_says_whether_a_process_is_at_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
