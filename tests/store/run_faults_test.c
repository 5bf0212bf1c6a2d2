/* SPDX-License-Identifier: MIT */
/* The database fails at each single call of SQLite, under every question and every change of runs:
 * each says so, nothing crashes, and without the fault the same goes well afterwards. */
#include "../support/run_project.h"
#include "../support/sqlite_faults.h"
#include "base/alloc.h"
#include "run/admission.h"
#include "run/audit.h"
#include "run/own.h"
#include "run/statistics.h"
#include "run/task.h"
#include "run/undo.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS_MAX 3000
#define COMMAND_CALLS_MAX 150 /* of a run with a handful of records */

static const char many_things[] =
    "name: w\n"
    "gates: { g: { commands: [{ run: 'true' }] } }\n"
    "phases:\n"
    "  - id: a\n"
    "    gate: g\n"
    "    steps:\n"
    "      - { id: one, run: echo 1, output: one.txt, reuse: inputs }\n"
    "      - { id: many, use: noop, foreach: [1, 2] }\n"
    "  - { id: b, steps: [{ id: call, workflow: inner }] }\n";
static const char other_things[] =
    "name: w\nphases: [{ id: a, steps: [{ id: one, run: echo 2, reuse: inputs }] }]\n";
static const char inner[] = "name: inner\nphases: [{ id: p, steps: [{ id: x, use: noop }] }]\n";
static const char asks[] = "name: q\nphases: [{ id: p, steps: [{ id: ok, approve: Good? }] }]\n";

/* ---- questions ---- */

static int list(struct run_project *project, struct error *err)
{
    struct run_filter filter = {.limit = 10, .status = "completed"};
    json_t *found = NULL;
    int r = run_list(project->store, project->folder, &filter, &found, err);

    json_decref(found);
    return r;
}

static int show(struct run_project *project, struct error *err)
{
    json_t *run = NULL;
    int r = run_show(project->store, project->folder, project->id, &run, err);

    json_decref(run);
    return r;
}

static int records(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_records(project->store, project->id, 1, 5, &found, err);

    json_decref(found);
    return r;
}

static int metrics(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_metrics(project->store, project->id, &found, err);

    json_decref(found);
    return r;
}

static int explain(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_explain(project->store, project->id, NULL, &found, err);

    json_decref(found);
    return r;
}

static int artifacts(struct run_project *project, struct error *err)
{
    struct run_artifacts_request request = {.run_id = project->id, .limit = 1};
    json_t *found = NULL;
    int r = run_artifacts(project->store, &request, &found, err);

    json_decref(found);
    return r;
}

static int resolve(struct run_project *project, struct error *err)
{
    char id[RUN_ID_SIZE];
    int r = run_resolve(project->store, "last", id, err);

    return r < 0 ? r : run_resolve(project->store, project->id, id, err);
}

static int text(struct run_project *project, struct error *err)
{
    char *found = NULL;
    int r = run_workflow_text(project->store, project->folder, project->id, &found, err);

    free(found);
    return r;
}

static int log_lines(struct run_project *project, struct error *err)
{
    struct run_log_request request = {.folder = project->folder, .run_id = project->id};
    struct run_log *log = NULL;
    struct strbuf lines;
    int r = run_log_open(project->store, &request, &log, err);

    strbuf_init(&lines, 1U << 20);
    while (r >= 0 && (r = run_log_read(log, &lines, err)) > 0) {
    }
    strbuf_release(&lines);
    run_log_close(log);
    return r;
}

static int rebuild(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = run_rebuild(project->store, project->folder, true, &report, err);

    /* One journal that cannot be read keeps no other from being looked at. */
    if (r == 0 && json_array_size(json_object_get(report, "failures")) > 0) {
        r = error_set(err, ERROR_IO, "%s",
                      json_string_value(json_array_get(json_object_get(report, "failures"), 0)));
    }
    json_decref(report);
    return r;
}

static int rebuild_files(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = run_rebuild_files(project->store, project->folder, false, &report, err);

    if (r == 0 && json_array_size(json_object_get(report, "failures")) > 0) {
        r = error_set(err, ERROR_IO, "%s",
                      json_string_value(json_array_get(json_object_get(report, "failures"), 0)));
    }
    json_decref(report);
    return r;
}

static int totals(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_agent_totals(project->store, &found, err);

    json_decref(found);
    return r;
}

static int orphans(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = run_cancel_orphans(&project->options, &report, err);

    json_decref(report);
    return r;
}

static int explain_one(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_explain(project->store, project->id, "one", &found, err);

    json_decref(found);
    return r;
}

static int collect_old(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = run_collect(&project->options, 1, true, &report, err);

    json_decref(report);
    return r;
}

static int collect(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = run_collect(&project->options, 0, false, &report, err);

    json_decref(report);
    return r;
}

typedef int (*question)(struct run_project *project, struct error *err);

static void check_failure(int r, const struct error *err, int calls)
{
    if (r < 0 && (r != ERROR_IO || err->text[0] == '\0')) {
        fail_msg("call %d failed and gives %d: %s", calls, r, err->text);
    }
}

/* As another process that just opened the store: nothing is prepared or in memory. */
static bool fails_at(struct run_project *project, question ask, int calls)
{
    struct error err = ERROR_INIT;
    bool has_failed;
    int r;

    run_project_reopen(project);
    sqlite_faults_set(calls, SQLITE_IOERR_READ, EIO);
    r = ask(project, &err);
    has_failed = sqlite_faults_clear();
    if (has_failed) {
        check_failure(r, &err, calls);
    } else if (r < 0) {
        fail_msg("without a fault: %s", err.text);
    }
    if (show(project, &err) < 0) {
        fail_msg("after call %d failed nothing can be read any more: %s", calls, err.text);
    }
    return has_failed;
}

static void ask_all(struct run_project *project, question ask)
{
    int calls = 0;

    while (fails_at(project, ask, calls)) {
        assert_true(++calls < CALLS_MAX);
    }
    assert_true(calls > 1);
}

static void every_question_says_that_the_database_failed(void **state)
{
    static const question questions[] = {list,        show,    records,       metrics, explain,
                                         explain_one, totals,  artifacts,     resolve, text,
                                         log_lines,   rebuild, rebuild_files, orphans, collect_old};
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml", inner);
    assert_string_equal(run_project_run(project, many_things), "completed");
    assert_string_equal(run_project_run(project, many_things),
                        "completed"); /* with a reused step */
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        ask_all(project, questions[i]);
    }
    /* And where there is an earlier one to compare with. */
    assert_string_equal(run_project_run(project, other_things), "completed");
    ask_all(project, explain_one);
    run_project_reopen(project);
    run_project_check_tables(project);
}

static void collecting_says_it_too(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, asks), "paused");
    ask_all(project, collect);
    run_project_reopen(project);
    run_project_check_tables(project);
}

/* ---- agents and the audit log ---- */

#define NOW INT64_C(1700000000000)

static const char edits[] =
    "name: e\nphases: [{ id: p, steps: [{ id: s, agent: a, prompt: go }] }]\n";
static const char one_agent[] =
    "agents: { a: { type: command, command: [sh, -c, 'cat >file; echo done'] } }\n";
static const struct agent_config paced = {.name = "a", .rate_limit = 600000};
static const struct agent_config broken = {
    .name = "b", .breaker_threshold = 2, .breaker_recovery_ms = 1000};

static int audit(struct run_project *project, struct error *err)
{
    struct audit_filter filter = {.run = project->id, .limit = 2};
    json_t *found = NULL;
    int r = audit_list(project->store, &filter, &found, err);

    json_decref(found);
    return r;
}

static int verify(struct run_project *project, struct error *err)
{
    json_t *report = NULL;
    int r = audit_verify(project->store, "no such hash", &report, err);

    if (r == 0) {
        /* Not being able to look is no tampering, and no soundness either. */
        assert_int_equal(json_array_size(json_object_get(report, "problems")), 1);
    }
    json_decref(report);
    return r;
}

static int diff(struct run_project *project, struct error *err)
{
    const struct undo_request request = {.store = project->store,
                                         .project = project->project,
                                         .folder = project->folder,
                                         .run_id = project->id};
    json_t *found = NULL;
    int r = run_diff(&request, &found, err);

    json_decref(found);
    return r;
}

static int take_back(struct run_project *project, struct error *err)
{
    const struct undo_request request = {.store = project->store,
                                         .project = project->project,
                                         .folder = project->folder,
                                         .run_id = project->id};
    json_t *report = NULL;
    int r = run_undo(&request, &report, err);

    json_decref(report);
    return r;
}

static int breakers(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = run_agent_breakers(project->store, &found, err);

    json_decref(found);
    return r;
}

static int be_admitted(struct run_project *project, const struct agent_config *agent,
                       struct admission *ret_admission, struct error *err)
{
    const struct admission_request request = {
        .agent = agent, .run = "wf_1", .step = "s", .now = NOW + 2000};

    return admission_ask(project->store, &request, ret_admission, err);
}

static int admission(struct run_project *project, struct error *err)
{
    struct admission admission;

    return be_admitted(project, &paced, &admission, err);
}

static int note(struct tx *tx, void *arg, struct error *err)
{
    return admission_note(tx, arg, err);
}

static int end_call(struct run_project *project, struct error *err)
{
    struct admission_end end = {.agent = "b",
                                .policy = breaker_policy_of(&broken),
                                .run = "wf_1",
                                .step = "s",
                                .class_ = CLASS_TRANSIENT,
                                .error = "it is down",
                                .at = NOW};

    return store_write(project->store, note, &end, err);
}

/* Its breaker is half open, and this call the one that tries. */
static int trial(struct run_project *project, struct error *err)
{
    struct admission admission;

    return be_admitted(project, &broken, &admission, err);
}

static int close_breaker(struct run_project *project, struct error *err)
{
    const struct breaker_closing closing = {.agent = "b", .user = "ada"};
    bool had = false;

    return run_agent_close_breaker(project->store, &closing, &had, err);
}

static void questions_about_agents_say_it_too(void **state)
{
    static const question questions[] = {audit,    verify, diff,      breakers,
                                         end_call, trial,  admission, close_breaker};
    struct run_project *project = *state;

    run_project_configure(project, one_agent);
    assert_string_equal(run_project_run(project, edits), "completed");
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        ask_all(project, questions[i]);
    }
}

static void an_undo_says_it_too_and_is_ended_by_the_next_one(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, one_agent);
    assert_string_equal(run_project_run(project, edits), "completed");
    ask_all(project, take_back);
    assert_false(run_project_has(project, "file"));
}

/* ---- what work was worth ---- */

static const char reused[] =
    "name: e\nphases: [{ id: p, steps: [{ id: s, agent: a, prompt: go, reuse: inputs }] }]\n";

static int worth(struct run_project *project, struct error *err)
{
    struct run_statistics statistics = {0};
    int r = run_statistics_read(project->store, project->folder, 0, &statistics, err);

    run_statistics_release(&statistics);
    return r;
}

static int keep_in(struct tx *tx, void *arg, struct error *err)
{
    return statistics_keep(tx, arg, err);
}

static int keep(struct run_project *project, struct error *err)
{
    struct agent_sample samples[] = {{.agent = "a", .kind = "fix", .attempts = 1},
                                     {.agent = "b", .kind = "fix", .attempts = 1}};
    struct run_statistics given = {.samples = samples, .sample_count = ARRAY_LEN(samples)};

    return store_write(project->store, keep_in, &given, err);
}

static void the_worth_of_work_says_it_too(void **state)
{
    struct run_project *project = *state;

    run_project_configure(project, one_agent);
    assert_string_equal(run_project_run(project, reused), "completed");
    assert_string_equal(run_project_run(project, reused), "completed");
    assert_int_equal(run_project_count(project, "step_reused", "s"), 1);
    ask_all(project, worth);
    ask_all(project, keep);
}

/* ---- tasks ---- */

#define NOTED "task_100000000000"
#define ORIGIN "prd#1"

static int add_task(struct run_project *project, struct error *err)
{
    static uint64_t random_bits = 100;
    struct task_request request = {
        .random_bits = random_bits++, .now_ms = 1, .description = "Log out"};
    char id[TASK_ID_SIZE];

    return task_add(project->store, &request, id, err);
}

static int list_tasks(struct run_project *project, struct error *err)
{
    struct task_filter filter = {.limit = 1};
    json_t *found = NULL;
    int r = task_list(project->store, &filter, &found, err);

    json_decref(found);
    return r;
}

static int show_task(struct run_project *project, struct error *err)
{
    char id[TASK_ID_SIZE];
    json_t *found = NULL;
    int r;

    task_id_of_run(project->id, id);
    r = task_show(project->store, id, &found, err);
    json_decref(found);
    return r;
}

static int resolve_task(struct run_project *project, struct error *err)
{
    char id[TASK_ID_SIZE];
    int r = task_resolve(project->store, "last", id, err);

    return r < 0 ? r : task_resolve(project->store, project->id, id, err);
}

static int find_by_origin(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = task_find_origin(project->store, ORIGIN, &found, err);

    json_decref(found);
    return r;
}

static int count_tasks(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = task_statistics(project->store, &found, err);

    json_decref(found);
    return r;
}

static int mean_of_tasks(struct run_project *project, struct error *err)
{
    int64_t mean = 0;

    return task_mean_duration(project->store, ORIGIN, &mean, err);
}

static int find_ended_tasks(struct run_project *project, struct error *err)
{
    json_t *found = NULL;
    int r = task_find_ended(project->store, 0, &found, err);

    json_decref(found);
    return r;
}

static int cancel_task(struct run_project *project, struct error *err)
{
    return task_cancel(project->store, NOTED, NOW, err);
}

static int settle_tasks(struct run_project *project, struct error *err)
{
    json_t *origins = json_pack("[s, s]", "prd#2", "prd#3");
    int r = task_settle(project->store, origins, NOW, err);

    json_decref(origins);
    return r;
}

static int remove_tasks(struct run_project *project, struct error *err)
{
    json_t *ids = json_pack("[s, s]", "task_000000000002", "task_000000000003");
    int r = task_remove(project->store, ids, err);

    json_decref(ids);
    return r;
}

static void questions_about_tasks_say_it_too(void **state)
{
    static const question questions[] = {
        add_task,      list_tasks,  show_task,        resolve_task, count_tasks, find_by_origin,
        mean_of_tasks, cancel_task, find_ended_tasks, settle_tasks, remove_tasks};
    struct run_project *project = *state;
    struct task_request noted = {
        .random_bits = 1, .now_ms = 1, .description = "Log in", .origin = ORIGIN};
    char id[TASK_ID_SIZE];

    assert_string_equal(run_project_run(project, asks), "paused");
    assert_int_equal(task_add(project->store, &noted, id, NULL), 0);
    assert_string_equal(id, NOTED);
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        ask_all(project, questions[i]);
    }
}

/* An agent is not given up because the disk is full: its call comes later. */
static void on_a_full_disk_a_call_waits(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int waited = 0;
    int calls = 0;
    bool has_failed;

    assert_string_equal(run_project_run(project, asks), "paused");
    do {
        struct admission admission;

        assert_true(calls < CALLS_MAX);
        run_project_reopen(project);
        sqlite_faults_set(calls++, SQLITE_FULL, ENOSPC);
        assert_int_equal(be_admitted(project, &paced, &admission, &err), 0);
        has_failed = sqlite_faults_clear();
        if (admission.until > 0) {
            assert_true(has_failed && admission.is_slot);
            assert_int_equal(admission.until, NOW + 2500);
            assert_true(admission.why[0] != '\0');
            waited++;
        }
    } while (has_failed);
    assert_true(waited > 0);
}

/* All of a run is there or none of it, and the log tells of it or does not. */
static void what_gc_could_not_remove_is_there_whole(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    int calls = 0;
    bool has_failed;

    run_project_write(project, "workflows/inner.yaml", inner);
    do {
        json_t *report = NULL;
        int r;

        assert_true(calls < CALLS_MAX);
        assert_string_equal(run_project_run(project, many_things), "completed");
        run_project_reopen(project);
        project->clock_shift_ms += 1000;
        sqlite_faults_set(calls, SQLITE_IOERR_READ, EIO);
        r = run_collect(&project->options, 500, false, &report, &err);
        has_failed = sqlite_faults_clear();
        json_decref(report);
        assert_true(r == 0 || has_failed);
        run_project_reopen(project);
        r = show(project, &err);
        assert_true(r == 0 || r == ERROR_NOT_FOUND);
        run_project_check_tables(project);
        assert_int_equal(audit_verify(project->store, NULL, &report, &err), 0);
        assert_true(json_get_boolean(report, "sound", false));
        json_decref(report);
        calls += 7;
    } while (has_failed);
    assert_true(calls > 100);
    assert_int_equal(show(project, &err), ERROR_NOT_FOUND);
}

/* ---- a command ---- */

static int checkpoint(struct run_project *project, struct error *err)
{
    json_t *command = json_pack("{s:s, s:s}", "do", "checkpoint", "name", "here");
    json_t *answer = NULL;
    int r = run_ask(&project->options, project->id, command, &answer, err);

    json_decref(command);
    json_decref(answer);
    return r;
}

/* Each time to a new run: a failed call that only ends a reading keeps no command from being
 * obeyed, and a journal that grew would need one call more for ever. */
static void a_command_to_a_run_without_an_owner_says_it_too(void **state)
{
    struct run_project *project = *state;
    int calls = -1;

    do {
        assert_true(++calls < COMMAND_CALLS_MAX);
        run_project_reopen(project);
        assert_string_equal(run_project_run(project, asks), "paused");
    } while (fails_at(project, checkpoint, calls));
    assert_true(calls > 20);
    run_project_reopen(project);
    run_project_check_tables(project);
}

static int tell(struct run_project *project, const char *word, struct error *err)
{
    json_t *command = json_pack("{s:s, s:s}", "do", word, "name", "news");
    json_t *answer = NULL;
    int r = run_ask(&project->options, project->id, command, &answer, err);

    json_decref(command);
    json_decref(answer);
    return r;
}

/* The space that was kept back is for who ends something, and for nobody else. */
static void on_a_full_disk_a_run_can_be_cancelled_and_not_be_told_other_things(void **state)
{
    struct run_project *project = *state;
    int refused = 0;
    int calls = 0;
    bool has_failed;

    do {
        struct error err = ERROR_INIT;

        assert_true(calls < COMMAND_CALLS_MAX);
        run_project_reopen(project);
        assert_string_equal(run_project_run(project, asks), "paused");
        run_project_reopen(project);
        sqlite_faults_set(calls, SQLITE_FULL, ENOSPC);
        if (tell(project, "signal", &err) < 0 && err.is_storage_full) {
            refused++;
        }
        (void)sqlite_faults_clear();
        run_project_reopen(project);
        sqlite_faults_set(calls, SQLITE_FULL, ENOSPC);
        if (tell(project, "cancel", &err) < 0) {
            assert_false(err.is_storage_full);
        }
        has_failed = sqlite_faults_clear();
        run_project_reopen(project);
        if (strcmp(run_project_status(project, project->id), "cancelled") != 0) {
            assert_int_equal(tell(project, "cancel", &err), 0);
        }
        calls += 2;
    } while (has_failed);
    assert_true(refused > 0);
}

/* The time to answer in is over at once. */
static int64_t hasty_ms(void *context)
{
    int64_t *now = context;

    return *now += 1000000;
}

/* Its owner says nothing, which is what is expected here. */
static int ask_silent(struct run_project *project, struct error *err)
{
    int64_t now = 0;
    struct host host = project->host;
    struct engine_options options = project->options;
    json_t *command = json_pack("{s:s}", "do", "approve");
    json_t *answer = NULL;
    int lock = -1;
    int r;

    assert_int_equal(run_lock(project->folder, project->id, &lock, NULL), 0);
    host.now_ms = host_linux()->now_ms;
    host.random = host_linux()->random;
    host.monotonic_ms = hasty_ms;
    host.context = &now;
    options.host = &host;
    r = run_ask(&options, project->id, command, &answer, err);
    (void)close(lock);
    json_decref(command);
    assert_true(r < 0);
    return r == ERROR_BUSY ? 0 : r;
}

static void who_asks_an_owner_says_it_too(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, asks), "paused");
    ask_all(project, ask_silent);
}

static const char at_work[] =
    "name: w\nphases: [{ id: p, steps: [{ id: s, run: exec sleep 600 }] }]\n";

/* Its steps are at work under their keepers, so whoever cancels it carries it until they ended. */
static void a_cancel_of_steps_at_work_is_obeyed_or_says_why_not(void **state)
{
    struct run_project *project = *state;
    int refused = 0;
    int calls = 0;
    bool has_failed;

    do {
        struct error err = ERROR_INIT;

        assert_true(calls < COMMAND_CALLS_MAX);
        run_project_reopen(project);
        run_project_start(project, at_work, NULL);
        run_project_go_until(project, "attempt_started", "s");
        run_project_reopen(project);
        sqlite_faults_set(calls, calls % 2 ? SQLITE_FULL : SQLITE_IOERR_READ,
                          calls % 2 ? ENOSPC : EIO);
        if (tell(project, "cancel", &err) < 0) {
            assert_true(err.text[0] != '\0' && !err.is_storage_full);
            refused++;
        }
        has_failed = sqlite_faults_clear();
        run_project_reopen(project);
        if (strcmp(run_project_status(project, project->id), "cancelled") != 0) {
            assert_int_equal(tell(project, "cancel", &err), 0);
        }
        assert_string_equal(run_project_status(project, project->id), "cancelled");
        calls += 3;
    } while (has_failed);
    assert_true(refused > 0);
    run_project_check_tables(project);
}

/* ---- a run ---- */

/* What could not be looked up makes its step fail, and the run waits for a decision. */
static bool is_settled(const char *status)
{
    return strcmp(status, "completed") == 0 || strcmp(status, "paused") == 0;
}

static bool run_fails_at(struct run_project *project, int calls)
{
    struct error err = ERROR_INIT;
    json_t *inputs = json_object();
    struct workflow *workflow = run_project_parse(many_things);
    struct run_request request = {.workflow = workflow, .inputs = inputs, .is_fresh = calls % 2};
    bool has_failed;
    int r;

    run_project_reopen(project);
    run_project_adopt(project, "wf_000000000000", &err); /* makes the engine */
    sqlite_faults_set(calls, SQLITE_IOERR_READ, EIO);
    r = engine_start(project->engine, &request, project->id, &err);
    if (r == 0) {
        run_project_go(project);
    }
    has_failed = sqlite_faults_clear();
    run_project_reopen(project);
    if (r == 0) {
        const char *status = run_project_status(project, project->id);

        if (!is_settled(status)) {
            assert_int_equal(run_project_adopt(project, project->id, &err), 0);
            run_project_go(project);
            status = run_project_status(project, project->id);
        }
        assert_true(is_settled(status));
    }
    json_decref(inputs);
    workflow_free(workflow);
    return has_failed;
}

static int adopt(struct run_project *project, struct error *err)
{
    return run_project_adopt(project, project->id, err);
}

static void who_adopts_a_run_says_it_too(void **state)
{
    struct run_project *project = *state;

    assert_string_equal(run_project_run(project, asks), "paused");
    ask_all(project, adopt);
    run_project_reopen(project);
    run_project_check_tables(project);
}

static void a_run_goes_on_behind_any_failure_of_the_database(void **state)
{
    struct run_project *project = *state;
    int calls = 0;

    run_project_write(project, "workflows/inner.yaml", inner);
    while (run_fails_at(project, calls)) {
        calls += calls < 40 ? 1 : 9;
        assert_true(calls < CALLS_MAX);
    }
    assert_true(calls > 20);
    run_project_reopen(project);
    run_project_check_tables(project);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_question_says_that_the_database_failed),
        TEST(collecting_says_it_too),
        TEST(questions_about_agents_say_it_too),
        TEST(an_undo_says_it_too_and_is_ended_by_the_next_one),
        TEST(the_worth_of_work_says_it_too),
        TEST(questions_about_tasks_say_it_too),
        TEST(on_a_full_disk_a_call_waits),
        TEST(what_gc_could_not_remove_is_there_whole),
        TEST(a_command_to_a_run_without_an_owner_says_it_too),
        TEST(on_a_full_disk_a_run_can_be_cancelled_and_not_be_told_other_things),
        TEST(who_asks_an_owner_says_it_too),
        TEST(a_cancel_of_steps_at_work_is_obeyed_or_says_why_not),
        TEST(who_adopts_a_run_says_it_too),
        TEST(a_run_goes_on_behind_any_failure_of_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
