/* SPDX-License-Identifier: MIT */
#include "run/journal.h"

#include "run/engine.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "name: w\nphases:\n"
                           "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                           "  - id: b\n    steps:\n"
                           "      - { id: two, use: noop }\n"
                           "      - { id: off, when: 'false', use: noop }\n";

static const char commands[] = "name: n\nphases:\n"
                               "  - id: a\n    steps:\n"
                               "      - { id: one, run: 'true' }\n"
                               "      - { id: off, when: 'false', use: noop }\n"
                               "      - { id: two, run: 'true' }\n";

/* Something to do inside a transaction of the store, with the run at hand. */
struct job {
    const char *run;
    struct commit *commit;
    int64_t generation, number;
    int count, stop_after;
};

static int take_lease(struct tx *tx, void *arg, struct error *err)
{
    struct job *job = arg;

    job->generation++;
    return lease_take(tx, job->run, job->generation, (struct lease){4711, 1}, err);
}

static int find_lease(struct tx *tx, void *arg, struct error *err)
{
    struct job *job = arg;

    return lease_find(tx, job->run, &job->number, err);
}

static int write_commit(struct tx *tx, void *arg, struct error *err)
{
    return commit_write(tx, ((struct job *)arg)->commit, err);
}

static int visit(void *context, const struct record *record, struct error *err)
{
    struct job *job = context;

    (void)err;
    assert_int_equal(record->seq, job->number + 1);
    job->number = record->seq;
    return ++job->count == job->stop_after ? 7 : 0;
}

static int read_all(struct tx *tx, void *arg, struct error *err)
{
    struct job *job = arg;
    int r = journal_read(tx, job->run, job->number + 1, (int)job->generation, visit, job, err);

    assert_int_equal(r, job->stop_after ? 7 : 0);
    return 0;
}

static int find_digest(struct tx *tx, void *arg, struct error *err)
{
    char digest[65] = "";
    int r = journal_find_digest(tx, ((struct job *)arg)->run, digest, err);

    assert_int_equal(strlen(digest), r == 0 ? 64 : 0);
    return r;
}

static void run_to_its_end(struct run_project *project)
{
    assert_string_equal(run_project_run(project, text), "completed");
}

static void a_journal_is_read_in_order_from_any_record_on(void **state)
{
    struct run_project *project = *state;
    struct job all = {.run = project->id};
    struct job some = {.run = project->id, .number = 2, .generation = 3};
    struct job stopped = {.run = project->id, .stop_after = 2};

    run_to_its_end(project);
    assert_int_equal(store_read(project->store, read_all, &all, NULL), 0);
    assert_int_equal(all.count, json_array_size(project->records));
    assert_int_equal(store_read(project->store, read_all, &some, NULL), 0);
    assert_int_equal(some.count, 3);
    assert_int_equal(some.number, 5);
    assert_int_equal(store_read(project->store, read_all, &stopped, NULL), 0);
    assert_int_equal(stopped.count, 2);
}

static void the_definition_of_a_run_is_found_by_its_digest(void **state)
{
    struct run_project *project = *state;
    struct job known = {.run = project->id};
    struct job unknown = {.run = "wf_000000000000"};
    struct error err = ERROR_INIT;

    run_to_its_end(project);
    assert_int_equal(store_read(project->store, find_digest, &known, &err), 0);
    assert_int_equal(store_read(project->store, find_digest, &unknown, &err), ERROR_NOT_FOUND);
    assert_string_equal(err.hint, "list the runs: fermata list");
}

static void each_owner_of_a_lease_has_a_generation_of_its_own(void **state)
{
    struct run_project *project = *state;
    struct job job = {.run = "wf_000000000000"};
    struct error err = ERROR_INIT;

    for (int i = 1; i <= 3; i++) {
        assert_int_equal(store_write(project->store, take_lease, &job, NULL), 0);
        assert_int_equal(store_read(project->store, find_lease, &job, NULL), 0);
        assert_int_equal(job.number, i);
    }
    /* Of two who saw the same last owner one gets it. */
    job.generation = 2;
    assert_int_equal(store_write(project->store, take_lease, &job, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "another process took run wf_000000000000 over"));
    assert_int_equal(store_read(project->store, find_lease, &job, NULL), 0);
    assert_int_equal(job.number, 3);
}

/* A record that would follow in the journal of the run. */
static struct commit *next_commit(struct run_project *project, int64_t generation)
{
    struct active *active = engine_find(project->engine, project->id);
    struct record record = {.kind = RECORD_SIGNAL_RECEIVED, .name = "s", .at = 1};
    struct commit *commit = commit_new(active->state, generation);

    record.seq = active->state->seq + 1;
    commit_add(commit, active->state, &record);
    return commit;
}

static void a_write_of_an_old_generation_changes_nothing(void **state)
{
    struct run_project *project = *state;
    struct job job = {.run = project->id};
    struct error err = ERROR_INIT;

    run_to_its_end(project);
    job.generation = 1;
    assert_int_equal(store_write(project->store, take_lease, &job, NULL), 0);
    job.commit = next_commit(project, job.generation - 1);
    assert_int_equal(store_write(project->store, write_commit, &job, &err), ERROR_CONFLICT);
    commit_free(job.commit);
    run_project_check_tables(project);
    job.commit = next_commit(project, job.generation);
    assert_int_equal(store_write(project->store, write_commit, &job, &err), 0);
    commit_free(job.commit);
}

static void a_journal_takes_no_gap_and_no_record_twice(void **state)
{
    struct run_project *project = *state;
    struct job job = {.run = project->id};
    struct error err = ERROR_INIT;

    run_to_its_end(project);
    job.commit = next_commit(project, 1);
    assert_int_equal(store_write(project->store, write_commit, &job, &err), 0);
    assert_int_equal(store_write(project->store, write_commit, &job, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "journal ends at record"));
    job.commit->seq_before += 2;
    assert_int_equal(store_write(project->store, write_commit, &job, &err), ERROR_CONFLICT);
    commit_free(job.commit);
}

static void a_run_that_is_created_by_its_commit_gets_its_lease_with_it(void **state)
{
    struct run_project *project = *state;
    struct workflow *workflow = run_project_parse(text);
    struct run_state *run = run_state_new("wf_000000000000", workflow);
    struct record created = {.kind = RECORD_RUN_CREATED, .seq = 1, .at = 5};
    struct job job = {.run = run->id};
    struct error err = ERROR_INIT;

    run_apply(run, &created);
    job.commit = commit_new(run, 1);
    commit_add(job.commit, run, &created);
    assert_int_equal(store_write(project->store, write_commit, &job, &err), ERROR_CONFLICT);
    job.commit->lease = (struct lease){.pid = 1, .at = 5};
    assert_int_equal(store_write(project->store, write_commit, &job, &err), 0);
    /* It exists already. */
    assert_int_equal(store_write(project->store, write_commit, &job, &err), ERROR_CONFLICT);
    commit_free(job.commit);
    run_state_free(run);
    workflow_free(workflow);
}

static void the_rows_of_skipped_and_reused_steps_follow_a_reset(void **state)
{
    static const char again[] = "name: w\niterate: { max: 2 }\nphases:\n  - id: a\n    steps:\n"
                                "      - { id: off, when: 'run.iteration == 2', use: noop }\n"
                                "      - { id: kept, run: echo x, reuse: inputs }\n"
                                "      - { id: each, foreach: '[1, 2]', use: noop }\n"
                                "  - id: b\n    when: run.iteration == 1\n"
                                "    steps: [{ id: first, use: noop }]\n";
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, again), "completed");
    run_project_check_tables(project);
    run_project_start(project, again, NULL);
    run_project_go_until(project, "phase_reset", NULL);
    assert_non_null(run_project_find(project, "step_reused", "kept", 0));
    run_project_check_tables(project);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_non_null(run_project_find(project, "phase_reset", NULL, 0));
    run_project_check_tables(project);
}

static void tables_agree_at_every_commit(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, commands, NULL);
    run_project_go_until(project, "attempt_started", "one");
    run_project_check_tables(project);
    run_project_go_until(project, "attempt_started", "two");
    run_project_check_tables(project);
    run_project_go(project);
    run_project_check_tables(project);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

static int run_query(struct tx *tx, void *arg, struct error *err)
{
    int64_t changes = 0;
    int r = tx_run(tx, tx_query(tx, arg), &changes, err);

    assert_true(changes > 0);
    return r;
}

static int read_to_end(struct tx *tx, void *arg, struct error *err)
{
    struct job *job = arg;

    job->number = job->count = 0;
    return journal_read(tx, job->run, 1, 0, visit, job, err);
}

static void a_record_that_the_disk_changed_is_refused(void **state)
{
    static const struct query changes[] = {
        {"UPDATE journal SET at = at + 1 WHERE seq = 3"},
        {"UPDATE journal SET at = at - 1, kind = 'run_wished' WHERE seq = 3"},
        {"UPDATE journal SET body = replace(body, '\"', '#') WHERE seq = 2"},
        {"UPDATE journal SET sum = sum + 1 WHERE seq = 1"},
    };
    struct run_project *project = *state;
    struct job job = {.run = project->id};
    struct error err = ERROR_INIT;

    run_to_its_end(project);
    assert_int_equal(store_read(project->store, read_to_end, &job, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_int_equal(store_write(project->store, run_query, (void *)&changes[i], NULL), 0);
        assert_int_equal(store_read(project->store, read_to_end, &job, &err), ERROR_IO);
        assert_non_null(strstr(err.text, "its checksum does not fit"));
    }
}

static void a_record_does_not_pass_for_one_of_another_run(void **state)
{
    /* The end of the longer journal goes behind the end of the shorter one. */
    static const struct query move = {
        "UPDATE journal SET run = (SELECT id FROM run ORDER BY seq LIMIT 1)"
        " WHERE run = (SELECT id FROM run ORDER BY seq DESC LIMIT 1)"
        " AND seq > (SELECT min(seq) FROM run)"};
    static const char longer[] = "name: w\nphases:\n"
                                 "  - { id: a, steps: [{ id: one, use: noop }] }\n"
                                 "  - { id: b, steps: [{ id: two, use: noop }] }\n"
                                 "  - { id: c, steps: [{ id: three, use: noop }] }\n";
    struct run_project *project = *state;
    char ids[2][RUN_ID_SIZE];
    int found = 0;

    assert_string_equal(run_project_run(project, text), "completed");
    memcpy(ids[0], project->id, RUN_ID_SIZE);
    assert_string_equal(run_project_run(project, longer), "completed");
    memcpy(ids[1], project->id, RUN_ID_SIZE);
    assert_int_equal(store_write(project->store, run_query, (void *)&move, NULL), 0);
    for (int i = 0; i < 2; i++) {
        struct job job = {.run = ids[i]};
        struct error err = ERROR_INIT;

        assert_int_equal(store_read(project->store, read_to_end, &job, &err), ERROR_IO);
        found += strstr(err.text, i == 0 ? "its checksum" : "the journal ends at") ? 1 : 0;
    }
    assert_int_equal(found, 2);
}

static void a_journal_that_lost_its_end_is_refused(void **state)
{
    static const struct query cut = {"DELETE FROM journal WHERE seq = (SELECT max(seq) FROM"
                                     " journal)"};
    struct run_project *project = *state;
    struct job job = {.run = project->id};
    struct error err = ERROR_INIT;

    run_to_its_end(project);
    assert_int_equal(store_write(project->store, run_query, (void *)&cut, NULL), 0);
    assert_int_equal(store_read(project->store, read_to_end, &job, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "the journal ends at record"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_is_read_in_order_from_any_record_on),
        TEST(the_definition_of_a_run_is_found_by_its_digest),
        TEST(each_owner_of_a_lease_has_a_generation_of_its_own),
        TEST(a_write_of_an_old_generation_changes_nothing),
        TEST(a_journal_takes_no_gap_and_no_record_twice),
        TEST(a_record_that_the_disk_changed_is_refused),
        TEST(a_record_does_not_pass_for_one_of_another_run),
        TEST(a_journal_that_lost_its_end_is_refused),
        TEST(a_run_that_is_created_by_its_commit_gets_its_lease_with_it),
        TEST(the_rows_of_skipped_and_reused_steps_follow_a_reset),
        TEST(tables_agree_at_every_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
