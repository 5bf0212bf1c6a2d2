/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "run/turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASK                                                                                        \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: ask, approve: 'Go to ${{ run.task }}?' }] }\n"                     \
    "  - { id: q, steps: [{ id: a, run: x }] }\n"
#define NESTED                                                                                     \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: sub, workflow: other }] }\n"                                       \
    "  - { id: q, steps: [{ id: a, run: x }] }\n"

static void an_approval_pauses_the_run_and_shows_its_question(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_story(&m, "run running | phase p running (steps) | wait ask approval | "
                     "run paused (approval)");
    assert_string_equal(machine_step(&m, "ask")->reason, "Go to the task?");
    assert_effects(&m, "rest");
    machine_release(&m);
}

static void other_work_goes_on_while_an_approval_waits(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: ask, approve: 'Go?' }, { id: a, run: x }]\n");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void a_signal_that_came_before_the_question_answers_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }, { id: ask, approve: 'Go?' }] }\n");
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask-approved'}"), 0);
    machine_pass(&m, "a");
    assert_story_has(&m, "answer ask approved | step ask completed");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* A rejection by signal must not be repeated by every retry for ever. */
static void a_signal_answers_once(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask-rejected'}"), 0);
    assert_string_equal(m.run->reason, "failure");
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'ask'}"), 0);
    assert_int_equal(machine_step(&m, "ask")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask-approved'}"), 0);
    assert_int_equal(machine_step(&m, "ask")->status, STEP_IS_COMPLETED);
    machine_release(&m);
}

static void another_round_asks_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, iterate: { max: 2 }, steps: [{ id: ask, approve: 'Go?' }] }\n");
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask'}"), 0);
    assert_int_equal(machine_step(&m, "ask")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void of_two_signals_that_wait_the_no_outweighs(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - { id: p, steps: [{ id: a, run: x }, { id: ask, approve: 'Go?' }] }\n");
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask-rejected'}"), 0);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask-approved'}"), 0);
    machine_pass(&m, "a");
    assert_story_has(&m, "answer ask rejected | step ask failed (refused)");
    machine_release(&m);
}

static void only_signals_with_a_fitting_name_answer(void **state)
{
    struct step_state step = {.key = "ask"};
    const json_t *no = json_false();

    (void)state;
    assert_int_equal(step_signal_answer(&step, "ask", NULL), 1);
    assert_int_equal(step_signal_answer(&step, "ask", no), 0);
    assert_int_equal(step_signal_answer(&step, "ask-approved", NULL), 1);
    assert_int_equal(step_signal_answer(&step, "ask-rejected", NULL), 0);
    assert_int_equal(step_signal_answer(&step, "ask-me", NULL), -1);
    assert_int_equal(step_signal_answer(&step, "as", NULL), -1);
    assert_int_equal(step_signal_answer(&step, "task", NULL), -1);
}

static void a_nested_run_is_begun_under_a_name_of_its_own(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    assert_effects(&m, "child sub");
    assert_true(run_id_is_valid(machine_step(&m, "sub")->child));
    assert_string_not_equal(machine_step(&m, "sub")->child, m.run->id);
    machine_release(&m);
}

static void a_nested_run_that_completes_completes_its_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    machine_child(&m, "sub", RUN_COMPLETED);
    assert_story_has(&m, "step sub completed | phase p completed");
    machine_release(&m);
}

static void a_nested_run_that_fails_or_is_cancelled_fails_its_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    machine_child(&m, "sub", RUN_FAILED);
    assert_story_has(&m, "step sub failed (permanent)");
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_story_has(&m, "step sub failed (cancelled)");
    machine_release(&m);
}

static void why_a_nested_run_could_not_start_is_told(void **state)
{
    struct machine m;
    char child[RUN_ID_SIZE];

    (void)state;
    machine_begin(&m, NESTED);
    memcpy(child, machine_step(&m, "sub")->child, RUN_ID_SIZE);
    (void)machine_event(&m, (struct event){.kind = EVENT_CHILD,
                                           .step = "sub",
                                           .child = child,
                                           .child_status = RUN_FAILED,
                                           .outcome = {.error = "no workflow other"}});
    assert_non_null(strstr(machine_step(&m, "sub")->error, "no workflow other"));
    machine_release(&m);
}

static void the_pause_of_a_nested_run_pauses_its_parent_until_it_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    machine_child(&m, "sub", RUN_PAUSED);
    assert_story_has(&m, "run paused (nested)");
    machine_child(&m, "sub", RUN_RUNNING);
    assert_story_has(&m, "run running");
    assert_int_equal(machine_step(&m, "sub")->status, STEP_IS_RUNNING);
    machine_child(&m, "sub", RUN_COMPLETED);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_parent_that_is_resumed_takes_its_nested_run_along(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    assert_effects(&m, "tell sub pause");
    machine_child(&m, "sub", RUN_PAUSED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "tell sub resume");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_release(&m);
}

static void a_nested_run_that_rests_again_pauses_its_parent_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    machine_child(&m, "sub", RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_child(&m, "sub", RUN_PAUSED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "nested");
    machine_release(&m);
}

static void nesting_has_a_limit(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, NESTED, NULL);
    m.limits.nesting_max = 0;
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_non_null(strstr(machine_step(&m, "sub")->error, "nested deeper than 0"));
    machine_release(&m);
}

#define NESTED_BESIDE                                                                              \
    "name: w\n"                                                                                    \
    "on_failure: fail\n"                                                                           \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps: [{ id: sub, workflow: other }, { id: a, run: x, retry: { attempts: 1 } }]\n"

static void a_run_that_fails_ends_its_paused_nested_run_first(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED_BESIDE);
    machine_child(&m, "sub", RUN_PAUSED);
    machine_fail(&m, "a", "permanent");
    machine_child(&m, "sub", RUN_RUNNING);
    assert_int_equal(m.run->status, RUN_RUNNING);
    (void)machine_story(&m);
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_story_has(&m, "run failed");
    /* Tried again, it is begun anew. */
    assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
    assert_int_equal(machine_step(&m, "sub")->waiting, WAITING_WORKFLOW);
    machine_release(&m);
}

static void a_nested_run_that_comes_to_rest_while_its_parent_fails_is_cancelled(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "on_failure: fail\n"
                      "phases:\n"
                      "  - { id: p, needs: [], steps: [{ id: sub, workflow: other }] }\n"
                      "  - { id: q, needs: [], steps: [{ id: a, run: x }] }\n");
    machine_fail(&m, "a", "permanent");
    assert_int_equal(m.run->wish, WISH_FAIL);
    assert_effects(&m, "");
    machine_child(&m, "sub", RUN_PAUSED);
    assert_effects(&m, "tell sub cancel");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_int_equal(machine_step(&m, "sub")->status, STEP_IS_PENDING);
    machine_release(&m);
}

static void a_cancel_that_a_crash_cut_off_still_reaches_a_paused_nested_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    machine_child(&m, "sub", RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_effects(&m, "tell sub cancel");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_recover(&m);
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_effects(&m, "child sub");
    machine_child(&m, "sub", RUN_PAUSED);
    assert_effects(&m, "tell sub cancel");
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_int_equal(m.run->status, RUN_CANCELLED);
    machine_release(&m);
}

static void a_run_out_of_time_takes_its_nested_runs_along(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\ntimeout: 5s\nphases:\n"
                      "  - { id: p, steps: [{ id: sub, workflow: other }] }\n");
    machine_wait(&m, 5000);
    assert_effects(&m, "tell sub cancel");
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_child(&m, "sub", RUN_CANCELLED);
    assert_int_equal(m.run->status, RUN_FAILED);
    machine_release(&m);
}

static void news_of_another_nested_run_change_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, NESTED);
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_CHILD,
                                           .step = "sub",
                                           .child = "wf_zzzzzzzzzzzz",
                                           .child_status = RUN_COMPLETED});
    assert_story(&m, "");
    machine_release(&m);
}

#define ASKING "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it"

static void a_question_pauses_the_step_and_then_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKING " }] }]\n");
    (void)machine_story(&m);
    machine_ask(&m, "a", "Which database?");
    assert_story(&m, "try a 1 (ai) | end a 1 none | wait a answer | run paused (question)");
    assert_string_equal(machine_step(&m, "a")->reason, "Which database?");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_PAUSED);
    assert_int_equal(m.run->questions, 1);
    assert_string_equal(machine_step(&m, "a")->session, "the-session");
    machine_release(&m);
}

static void a_question_keeps_no_place_from_other_steps(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    width: 1\n"
                      "    steps: [{ id: a, prompt: Do it }, { id: b, run: x }]\n");
    machine_ask(&m, "a", "Which?");
    assert_int_equal(machine_step(&m, "b")->waiting, WAITING_ATTEMPT);
    assert_int_equal(m.run->status, RUN_RUNNING);
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void an_answered_step_is_tried_again_and_no_try_was_lost(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKING ", retry: { attempts: 1 } }] }]\n");
    machine_ask(&m, "a", "Which?");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'answer', 'answers': ['that']}"), 0);
    assert_story(&m, "run running | told a (anna) | step a pending | wait a prepare");
    assert_int_equal(machine_step(&m, "a")->tries, 0);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void who_asks_too_often_fails(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKING ", questions: 1 }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_int_equal(machine_command(&m, "{'do': 'answer', 'answers': ['that']}"), 0);
    machine_ask(&m, "a", "Really?");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_int_equal(machine_step(&m, "a")->class_, CLASS_PERMANENT);
    assert_string_equal(machine_step(&m, "a")->error,
                        "it may ask 1 times (questions) and asked again: Really?");
    /* A person who has it tried again lets it ask again. */
    assert_int_equal(machine_command(&m, "{'do': 'retry'}"), 0);
    machine_ask(&m, "a", "Really?");
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_ANSWER);
    machine_release(&m);
}

static void who_may_not_ask_gives_way_to_the_alternative(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKING ", questions: 0, static: { run: x } }] }]\n");
    (void)machine_story(&m);
    machine_ask(&m, "a", "Which?");
    assert_story_has(&m, "end a 1 none | step a running (permanent) | try a 2 (static)");
    machine_release(&m);
}

static void a_question_outlives_a_crash(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKING " }, { id: b, run: x, needs: [] }], mode: parallel }]\n");
    machine_ask(&m, "a", "Which?");
    machine_recover(&m);
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_ANSWER);
    assert_string_equal(
        json_string_value(json_array_get(
            json_object_get(machine_step(&m, "a")->dialogue.question, "questions"), 0)),
        "Which?");
    machine_release(&m);
}

static void a_question_that_comes_when_the_phase_is_late_is_not_asked(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, timeout: 1h, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_prepare(&m, "a");
    m.now += 3600000;
    machine_ask(&m, "a", "Which?");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_int_equal(machine_step(&m, "a")->class_, CLASS_TIMEOUT);
    machine_release(&m);
}

static void a_question_ends_with_the_time_of_its_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    timeout: 1h\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, prompt: Do it }, { id: b, run: x, timeout: 0 }]\n");
    machine_ask(&m, "a", "Which?");
    machine_wait(&m, 3600000);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_int_equal(machine_step(&m, "a")->class_, CLASS_TIMEOUT);
    machine_release(&m);
}

#define HOSTED "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it } ] }]\n"

static void a_step_of_the_host_pauses_the_run_with_its_attempt_open(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, HOSTED);
    machine_prepare(&m, "a");
    (void)machine_story(&m);
    machine_host(&m, "a");
    assert_story(&m, "wait a host | run paused (host)");
    assert_effects(&m, "rest");
    assert_int_equal(m.run->hosts, 1);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

static void resume_looks_for_the_response_and_the_attempt_ends_with_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, HOSTED);
    machine_host(&m, "a");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "recover a");
    assert_story(&m, "run running | wait a attempt");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

static void a_host_that_never_answers_fails_the_step(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, HOSTED);
    machine_host(&m, "a");
    for (int i = 0; i < 9; i++) {
        assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
        machine_host(&m, "a");
        assert_string_equal(m.run->reason, "host");
    }
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_host(&m, "a");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_non_null(strstr(machine_step(&m, "a")->error, "the host did not answer"));
    assert_int_equal(m.run->hosts, 0);
    machine_release(&m);
}

static void the_host_is_waited_for_over_a_crash(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, HOSTED);
    machine_host(&m, "a");
    m.is_held = true;
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    m.is_held = false;
    machine_recover(&m);
    assert_effects(&m, "recover a");
    machine_host(&m, "a");
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_HOST);
    assert_int_equal(machine_step(&m, "a")->host_asked, 2);
    machine_release(&m);
}

static void who_stops_waiting_for_the_host_ends_its_attempt(void **state)
{
    static const char *const commands[] = {"{'do': 'cancel'}",
                                           "{'do': 'skip', 'step': 'a', 'reason': 'x'}"};
    struct machine m;

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        machine_begin(&m, HOSTED);
        machine_host(&m, "a");
        (void)machine_story(&m);
        assert_int_equal(machine_command(&m, commands[i]), 0);
        assert_story_has(&m, "end a 1 cancelled");
        assert_int_equal(m.run->hosts, 0);
        assert_true(run_status_is_final(m.run->status));
        machine_release(&m);
    }
}

static void a_run_that_fails_leaves_no_attempt_with_the_host(void **state)
{
    struct machine m;

    (void)state;
    for (int is_looking = 0; is_looking < 2; is_looking++) {
        machine_begin(&m, "name: w\n"
                          "timeout: 1h\n"
                          "phases:\n"
                          "  - id: p\n"
                          "    mode: parallel\n"
                          "    steps: [{ id: a, prompt: Do it }, { id: b, run: work }]\n");
        if (is_looking) {
            machine_prepare(&m, "a");
            machine_wait(&m, 3600000);
            machine_host(&m, "a");
        } else {
            machine_host(&m, "a");
            machine_wait(&m, 3600000);
        }
        machine_fail(&m, "b", "cancelled");
        assert_int_equal(m.run->status, RUN_FAILED);
        assert_story_has(&m, "end a 1 cancelled");
        assert_int_equal(m.run->hosts, 0);
        assert_int_equal(machine_command(&m, "{'do': 'resume', 'retry_failed': true}"), 0);
        machine_host(&m, "a");
        assert_int_equal(machine_step(&m, "a")->attempts, 2);
        machine_release(&m);
    }
}

static void the_host_keeps_its_place_among_those_at_once(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    width: 1\n"
                      "    steps: [{ id: a, prompt: Do it }, { id: b, run: work }]\n");
    machine_host(&m, "a");
    assert_string_equal(m.run->reason, "host");
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_PENDING);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_pass(&m, "a");
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void the_host_outranks_people_who_are_asked_too(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: a, prompt: Do it }, { id: ok, approve: 'Go?' }]\n");
    machine_host(&m, "a");
    assert_string_equal(m.run->reason, "host");
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_int_equal(machine_step(&m, "ok")->status, STEP_IS_COMPLETED);
    assert_string_equal(m.run->reason, "host");
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void what_the_host_did_not_answer_in_time_or_before_a_cancel_ends(void **state)
{
    static const struct {
        bool is_cancelled;
        enum failure_class class_;
    } samples[] = {{false, CLASS_TIMEOUT}, {true, CLASS_CANCELLED}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct machine m;

        machine_begin(&m, "name: w\n"
                          "phases: [{ id: p, timeout: 1h, steps: [{ id: a, prompt: Do it }] }]\n");
        machine_prepare(&m, "a");
        if (samples[i].is_cancelled) {
            assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
        } else {
            m.now += 3600000;
        }
        machine_host(&m, "a");
        assert_string_equal(run_status_name(m.run->status),
                            samples[i].is_cancelled ? "cancelled" : "paused");
        assert_int_equal(machine_step(&m, "a")->waiting, WAITING_NOTHING);
        if (!samples[i].is_cancelled) {
            assert_int_equal(machine_step(&m, "a")->class_, samples[i].class_);
        }
        machine_release(&m);
    }
}

static void a_host_that_speaks_of_an_attempt_of_before_changes_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, HOSTED);
    machine_prepare(&m, "a");
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_HOST, .step = "a", .attempt = 7});
    assert_story(&m, "");
    machine_pass(&m, "a");
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_HOST, .step = "a", .attempt = 1});
    assert_story(&m, "");
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_pauses_the_run_and_shows_its_question),
        cmocka_unit_test(other_work_goes_on_while_an_approval_waits),
        cmocka_unit_test(a_signal_that_came_before_the_question_answers_it),
        cmocka_unit_test(a_signal_answers_once),
        cmocka_unit_test(another_round_asks_again),
        cmocka_unit_test(of_two_signals_that_wait_the_no_outweighs),
        cmocka_unit_test(only_signals_with_a_fitting_name_answer),
        cmocka_unit_test(a_nested_run_is_begun_under_a_name_of_its_own),
        cmocka_unit_test(a_nested_run_that_completes_completes_its_step),
        cmocka_unit_test(a_nested_run_that_fails_or_is_cancelled_fails_its_step),
        cmocka_unit_test(why_a_nested_run_could_not_start_is_told),
        cmocka_unit_test(the_pause_of_a_nested_run_pauses_its_parent_until_it_goes_on),
        cmocka_unit_test(a_parent_that_is_resumed_takes_its_nested_run_along),
        cmocka_unit_test(a_nested_run_that_rests_again_pauses_its_parent_again),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(news_of_another_nested_run_change_nothing),
        cmocka_unit_test(a_run_that_fails_ends_its_paused_nested_run_first),
        cmocka_unit_test(a_nested_run_that_comes_to_rest_while_its_parent_fails_is_cancelled),
        cmocka_unit_test(a_cancel_that_a_crash_cut_off_still_reaches_a_paused_nested_run),
        cmocka_unit_test(a_run_out_of_time_takes_its_nested_runs_along),
        cmocka_unit_test(a_question_pauses_the_step_and_then_the_run),
        cmocka_unit_test(a_question_keeps_no_place_from_other_steps),
        cmocka_unit_test(an_answered_step_is_tried_again_and_no_try_was_lost),
        cmocka_unit_test(who_asks_too_often_fails),
        cmocka_unit_test(who_may_not_ask_gives_way_to_the_alternative),
        cmocka_unit_test(a_question_outlives_a_crash),
        cmocka_unit_test(a_question_that_comes_when_the_phase_is_late_is_not_asked),
        cmocka_unit_test(a_question_ends_with_the_time_of_its_phase),
        cmocka_unit_test(a_step_of_the_host_pauses_the_run_with_its_attempt_open),
        cmocka_unit_test(resume_looks_for_the_response_and_the_attempt_ends_with_it),
        cmocka_unit_test(a_host_that_never_answers_fails_the_step),
        cmocka_unit_test(the_host_is_waited_for_over_a_crash),
        cmocka_unit_test(who_stops_waiting_for_the_host_ends_its_attempt),
        cmocka_unit_test(a_run_that_fails_leaves_no_attempt_with_the_host),
        cmocka_unit_test(the_host_keeps_its_place_among_those_at_once),
        cmocka_unit_test(the_host_outranks_people_who_are_asked_too),
        cmocka_unit_test(what_the_host_did_not_answer_in_time_or_before_a_cancel_ends),
        cmocka_unit_test(a_host_that_speaks_of_an_attempt_of_before_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
