/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/own.h"
#include "support/run_project.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char waiting[] = "name: w\nphases:\n  - id: a\n    steps:\n"
                              "      - { id: s, run: 'until [ -e go ]; do sleep 0.02; done' }\n"
                              "  - { id: b, steps: [{ id: t, run: touch t }] }\n";
static const char approval[] =
    "name: w\nphases:\n  - { id: a, steps: [{ id: ok, approve: Go? }] }\n"
    "  - { id: b, steps: [{ id: t, run: touch t }] }\n";

/* Another process as far as stores, loops and locks can tell: a thread with its own of each. */
struct asker {
    pthread_t thread;
    struct engine_options options;
    struct host host;
    int64_t monotonic_ms, stride_ms;
    char run[RUN_ID_SIZE];
    json_t *command;
    json_t *answer;
    int result;
    struct error err;
};

static int64_t hasty_ms(void *context)
{
    struct asker *asker = context;

    return asker->monotonic_ms += asker->stride_ms;
}

static int64_t now_ms(void *context)
{
    (void)context;
    return host_linux()->now_ms(host_linux()->context);
}

static uint64_t random_bits(void *context)
{
    (void)context;
    return host_linux()->random(host_linux()->context);
}

static void *ask(void *arg)
{
    struct asker *asker = arg;
    char *path = mem_printf("%s/fermata.db", asker->options.folder);
    size_t count;
    const struct migration *migrations = run_migrations(&count);

    if (loop_new(&asker->options.loop, &asker->err) == 0 &&
        store_open(&asker->options.store, path, migrations, count, asker->options.loop,
                   &asker->err) == 0) {
        asker->result = run_ask(&asker->options, asker->run, asker->command, &asker->answer,
                                &asker->err);
        (void)store_close(asker->options.store, NULL);
    }
    loop_free(asker->options.loop);
    free(path);
    return NULL;
}

static void begin(struct asker *asker, const struct run_project *project, json_t *command)
{
    asker->options = project->options;
    asker->options.on_record = NULL;
    asker->options.on_stall = NULL;
    asker->options.on_lost = NULL;
    asker->host = (struct host){
        .now_ms = now_ms, .monotonic_ms = hasty_ms, .random = random_bits, .context = asker};
    if (asker->stride_ms) {
        asker->options.host = &asker->host;
    } else {
        asker->options.host = host_linux();
    }
    memcpy(asker->run, project->id, RUN_ID_SIZE);
    asker->command = command;
    assert_int_equal(pthread_create(&asker->thread, NULL, ask, asker), 0);
}

static void end(struct asker *asker)
{
    assert_int_equal(pthread_join(asker->thread, NULL), 0);
    json_decref(asker->command);
}

static const struct query q_letters = {"SELECT count(*) FROM inbox"};

static int count_letters(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_letters);

    assert_int_equal(statement_step(statement, err), 1);
    *(int64_t *)arg = column_integer(statement, 0);
    return 0;
}

/* Until an asker has written to the owner. */
static void wait_for_letter(const struct run_project *project)
{
    int64_t letters = 0;

    while (letters == 0) {
        assert_int_equal(store_read(project->store, count_letters, &letters, NULL), 0);
    }
}

static json_t *command(const char *word)
{
    return json_pack("{s:s}", "do", word);
}

static void the_owner_answers(void **state)
{
    struct run_project *project = *state;
    struct asker asker = {0};

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    begin(&asker, project, command("pause"));
    run_project_go_until(project, "run_wished", NULL);
    run_project_write(project, "go", "");
    run_project_go(project);
    end(&asker);
    assert_int_equal(asker.result, 0);
    assert_true(json_get_boolean(asker.answer, "owner", false));
    assert_string_equal(json_get_text(asker.answer, "wish", ""), "pause");
    json_decref(asker.answer);
}

static void what_the_owner_refuses_comes_with_its_reason(void **state)
{
    struct run_project *project = *state;
    struct asker asker = {0};
    struct asker last = {0};

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    begin(&asker, project, json_pack("{s:s, s:s}", "do", "approve", "step", "s"));
    /* Before the cancel: an owner at rest here keeps its lock and hears nothing. */
    wait_for_letter(project);
    begin(&last, project, command("cancel"));
    run_project_go(project);
    end(&asker);
    end(&last);
    assert_int_equal(asker.result, ERROR_CONFLICT);
    assert_non_null(strstr(asker.err.text, "approval"));
    assert_true(*asker.err.hint);
    assert_int_equal(last.result, 0);
    json_decref(last.answer);
}

#define ASKERS 8

static void each_command_of_many_is_obeyed_once(void **state)
{
    struct run_project *project = *state;
    struct asker askers[ASKERS] = {0};

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    for (int i = 0; i < ASKERS; i++) {
        begin(&askers[i], project, json_pack("{s:s, s:s}", "do", "signal", "name", "x"));
    }
    for (int i = 0; i < ASKERS; i++) {
        if (run_project_count(project, "signal_received", NULL) < ASKERS) {
            run_project_go_until(project, "signal_received", NULL);
        }
    }
    run_project_write(project, "go", "");
    run_project_go(project);
    for (int i = 0; i < ASKERS; i++) {
        end(&askers[i]);
        assert_int_equal(askers[i].result, 0);
        json_decref(askers[i].answer);
    }
    assert_int_equal(run_project_count(project, "signal_received", NULL), ASKERS);
}

static void a_run_without_an_owner_is_changed_and_waits(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;

    assert_string_equal(run_project_run(project, approval), "paused");
    run_project_drop_engine(project);
    answer = run_project_ask(project, project->id, command("approve"), &err);
    assert_non_null(answer);
    assert_false(json_get_boolean(answer, "owner", true));
    assert_string_equal(json_get_text(answer, "status", ""), "running");
    json_decref(answer);
    assert_false(run_project_has(project, "t"));
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    assert_true(run_project_has(project, "t"));
}

static void what_does_not_fit_a_run_without_an_owner_changes_nothing(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;

    assert_string_equal(run_project_run(project, approval), "paused");
    run_project_drop_engine(project);
    assert_null(run_project_ask(project, project->id, command("pause"), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_null(run_project_ask(project, "wf_000000000000", command("pause"), &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    run_project_check_tables(project);
}

static void a_cancel_without_an_owner_stops_what_the_keepers_hold(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *answer;

    run_project_start(project, waiting, NULL);
    run_project_go_until(project, "attempt_started", "s");
    run_project_drop_engine(project);
    answer = run_project_ask(project, project->id, command("cancel"), &err);
    assert_non_null(answer);
    assert_string_equal(json_get_text(answer, "status", ""), "cancelled");
    json_decref(answer);
    assert_false(run_project_has(project, "t"));
}

static void an_owner_that_says_nothing_is_not_waited_for_forever(void **state)
{
    struct run_project *project = *state;
    struct asker asker = {.stride_ms = 4000};
    struct error err = ERROR_INIT;
    int lock = -1;

    assert_string_equal(run_project_run(project, approval), "paused");
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, project->id, &lock, &err), 0);
    begin(&asker, project, command("approve"));
    end(&asker);
    assert_int_equal(asker.result, ERROR_BUSY);
    assert_true(asker.monotonic_ms < 30000);
    (void)close(lock);
    /* It is taken back: nobody obeys it later. */
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
}

static void the_command_of_an_owner_that_ended_is_obeyed_by_the_asker(void **state)
{
    struct run_project *project = *state;
    struct asker asker = {0};
    int64_t letters = 0;
    int lock = -1;

    assert_string_equal(run_project_run(project, approval), "paused");
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, project->id, &lock, NULL), 0);
    begin(&asker, project, command("approve"));
    wait_for_letter(project);
    (void)close(lock);
    end(&asker);
    assert_int_equal(asker.result, 0);
    assert_false(json_get_boolean(asker.answer, "owner", true));
    json_decref(asker.answer);
    assert_int_equal(store_read(project->store, count_letters, &letters, NULL), 0);
    assert_int_equal(letters, 0);
}

static void a_refusal_need_not_be_explained(void **state)
{
    struct run_project *project = *state;
    json_t *asked = command("pause");
    json_t *answer = NULL;

    run_project_start(project, "name: w\nphases: [{ id: p, steps: [{ id: s, use: noop }] }]\n",
                      NULL);
    run_project_go(project);
    run_project_drop_engine(project);
    assert_true(run_ask(&project->options, project->id, asked, &answer, NULL) < 0);
    assert_null(answer);
    json_decref(asked);
}

static int answer_nonsense(struct tx *tx, void *arg, struct error *err)
{
    static const struct query query = {"UPDATE inbox SET answer = '['"};

    (void)arg;
    return tx_run(tx, tx_query(tx, &query), NULL, err);
}

static void an_answer_that_is_none_is_an_error(void **state)
{
    struct run_project *project = *state;
    struct asker asker = {0};
    int lock = -1;

    assert_string_equal(run_project_run(project, approval), "paused");
    run_project_drop_engine(project);
    assert_int_equal(run_lock(project->folder, project->id, &lock, NULL), 0);
    begin(&asker, project, command("approve"));
    wait_for_letter(project);
    assert_int_equal(store_write(project->store, answer_nonsense, NULL, NULL), 0);
    end(&asker);
    (void)close(lock);
    assert_true(asker.result < 0 && asker.result != ERROR_BUSY);
    assert_non_null(strstr(asker.err.text, "answer"));
    assert_null(asker.answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_owner_answers),
        TEST(what_the_owner_refuses_comes_with_its_reason),
        TEST(each_command_of_many_is_obeyed_once),
        TEST(a_run_without_an_owner_is_changed_and_waits),
        TEST(what_does_not_fit_a_run_without_an_owner_changes_nothing),
        TEST(a_cancel_without_an_owner_stops_what_the_keepers_hold),
        TEST(an_owner_that_says_nothing_is_not_waited_for_forever),
        TEST(the_command_of_an_owner_that_ended_is_obeyed_by_the_asker),
        TEST(a_refusal_need_not_be_explained),
        TEST(an_answer_that_is_none_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
