/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ASK                                                                                        \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps: [{ id: one, approve: 'One?' }, { id: two, approve: 'Two?' }]\n"

static void an_approval_goes_on_with_the_run(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: ask, approve: 'Go?' },\n"
                      "                          { id: a, run: x }] }]\n");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'comment': 'fine'}"), 0);
    assert_story(&m, "run running | answer ask approved (anna) | step ask completed | try a 1");
    machine_release(&m);
}

/* Its files are not as before; else all went well. */
static void end_refused(struct machine *m, const char *step)
{
    json_t *files = json_pack("{s:i, s:b}", "count", 1, "refused", 1);
    json_t *output = json_pack("{s:i, s:s}", "bytes", 3, "inline", "yes");

    machine_end(m, step,
                (struct outcome){.class_ = CLASS_PERMANENT,
                                 .error = "files are not as before",
                                 .is_doubtful = true,
                                 .output = output,
                                 .files = files});
    json_decref(output);
    json_decref(files);
}

static void an_answer_that_was_refused_for_changed_files_is_taken_with_a_reason(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: look, prompt: Look, read_only: true },\n"
                      "                          { id: a, run: x }] }]\n");
    end_refused(&m, "look");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_refused(&m, "{'do': 'approve', 'step': 'look'}", "needs a reason");
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'look', 'comment': 'mine'}"),
                     0);
    assert_story_has(&m, "answer look approved (anna)");
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_ATTEMPT);
    assert_refused(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}", "does not wait");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void an_instance_whose_answer_was_refused_opens_its_list_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: look, prompt: Look, read_only: true,\n"
                      "                           foreach: [1, 2] }] }]\n");
    machine_pass(&m, "look[0]");
    end_refused(&m, "look[1]");
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_FAILED);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'look[1]', 'comment': 'x'}"),
                     0);
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_COMPLETED);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void what_failed_otherwise_or_is_over_is_taken_by_nobody(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases: [{ id: p, steps: [{ id: look, prompt: Look, read_only: true }] }]\n");
    end_refused(&m, "look");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_refused(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}", "it is over already");
    machine_release(&m);
    machine_begin(&m,
                  "name: w\n"
                  "phases: [{ id: p, steps: [{ id: look, prompt: Look, read_only: true }] }]\n");
    machine_fail(&m, "look", "permanent");
    assert_refused(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}", "does not wait");
    machine_release(&m);
}

static void a_rejection_fails_the_step_and_says_by_whom_and_why(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_int_equal(machine_command(&m, "{'do': 'reject', 'step': 'one', 'comment': 'not yet'}"),
                     0);
    assert_string_equal(machine_step(&m, "one")->error, "rejected by anna: not yet");
    assert_int_equal(machine_step(&m, "one")->class_, CLASS_REFUSED);
    machine_release(&m);
}

static void which_one_has_to_be_said_when_several_wait(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_refused(&m, "{'do': 'approve'}", "several approvals");
    assert_refused(&m, "{'do': 'approve', 'step': 'zz'}", "step zz does not wait");
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'two'}"), 0);
    assert_refused(&m, "{'do': 'approve', 'step': 'two'}", "step two does not wait");
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void an_answer_that_comes_late_is_none(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: ask, approve: 'Go?', timeout: 1h }] }]\n");
    m.now = machine_step(&m, "ask")->until;
    assert_refused(&m, "{'do': 'approve'}", "step ask waited for an answer until");
    assert_refused(&m, "{'do': 'reject', 'step': 'ask'}", "step ask waited for an answer until");
    /* It is known to expressions, but answers nothing. */
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'ask'}"), 0);
    assert_int_equal(machine_step(&m, "ask")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_string_equal(machine_step(&m, "ask")->error, "nobody answered in time");
    machine_release(&m);
}

/* One of two is answered, nobody drives the run, and the time of the other one runs out. */
static void an_approval_that_ran_out_while_nobody_looked_fails_the_phase(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: one, approve: 'Go?' },\n"
                      "            { id: two, approve: 'Go?', timeout: 1h }]\n");
    m.is_held = true;
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'one'}"), 0);
    m.is_held = false;
    m.now = machine_step(&m, "two")->until + 1;
    machine_recover(&m);
    assert_string_equal(machine_step(&m, "two")->error, "nobody answered in time");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "failure");
    assert_string_equal(m.run->reason_step, "two");
    machine_release(&m);
}

static void a_run_that_waited_in_vain_says_what_failed(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases: [{ id: p, steps: [{ id: ask, approve: 'Go?', timeout: 1h }] }]\n");
    assert_string_equal(m.run->reason, "approval");
    machine_wait(&m, 2 * 3600 * 1000);
    assert_int_equal(machine_step(&m, "ask")->status, STEP_IS_FAILED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_string_equal(m.run->reason, "failure");
    machine_release(&m);
}

static void a_run_paused_for_another_reason_stays_paused(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: ask, approve: 'Go?' }, { id: a, run: x }]\n");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'approve'}"), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_signal_with_a_value_can_be_read_by_expressions(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    steps: [{ id: a, run: x },\n"
                      "            { id: b, run: x, when: signals.design.level == 2 }]\n");
    assert_int_equal(
        machine_command(&m, "{'do': 'signal', 'name': 'design', 'value': {'level': 2}}"), 0);
    machine_pass(&m, "a");
    assert_effects(&m, "start b");
    machine_release(&m);
}

static void a_signal_answers_the_step_of_its_name(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASK);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'one-approved'}"), 0);
    assert_int_equal(machine_step(&m, "one")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "two")->waiting, WAITING_APPROVAL);
    assert_int_equal(machine_command(&m, "{'do': 'signal', 'name': 'two', 'value': false}"), 0);
    assert_int_equal(machine_step(&m, "two")->status, STEP_IS_FAILED);
    machine_release(&m);
}

static void a_signal_needs_a_name_and_a_run_that_goes_on(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, run: x }] }]\n");
    assert_refused(&m, "{'do': 'signal'}", "needs a name");
    assert_refused(&m, "{'do': 'signal', 'name': ''}", "needs a name");
    machine_pass(&m, "a");
    assert_refused(&m, "{'do': 'signal', 'name': 'late'}", "takes no signals");
    machine_release(&m);
}

#define TWO_AGENTS                                                                                 \
    "name: w\n"                                                                                    \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    mode: parallel\n"                                                                         \
    "    steps: [{ id: one, prompt: Do }, { id: two, prompt: Do }, { id: ok, approve: 'Go?' }]\n"

static void an_answer_names_its_step_when_several_ask(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, TWO_AGENTS);
    assert_refused(&m, "{'do': 'answer', 'answers': ['x']}", "nothing was asked");
    machine_ask(&m, "one", "Which?");
    machine_ask(&m, "two", "Which?");
    assert_string_equal(m.run->reason, "approval");
    assert_refused(&m, "{'do': 'answer', 'answers': ['x']}", "several have asked");
    assert_refused(&m, "{'do': 'answer', 'step': 'ok', 'answers': ['x']}", "ok has asked nothing");
    assert_refused(&m, "{'do': 'answer', 'step': 'zz', 'answers': ['x']}", "zz has asked nothing");
    assert_int_equal(machine_command(&m, "{'do': 'answer', 'step': 'two', 'answers': ['x']}"), 0);
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_int_equal(machine_step(&m, "two")->waiting, WAITING_PREPARE);
    assert_int_equal(machine_step(&m, "one")->waiting, WAITING_ANSWER);
    machine_release(&m);
}

static void pairs_of_questions_and_answers_add_up(void **state)
{
    struct machine m;
    const json_t *answers;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_int_equal(machine_command(&m, "{'do': 'answer', 'answers': ['that']}"), 0);
    assert_refused(&m, "{'do': 'answer', 'answers': ['other']}", "nothing was asked");
    assert_refused(&m, "{'do': 'answer', 'step': 'a', 'answers': ['other']}",
                   "a has asked nothing");
    machine_ask(&m, "a", "Why?");
    assert_refused(&m, "{'do': 'answer', 'answers': ['because', 'therefore']}",
                   "asked 1 questions and got 2 answers");
    assert_refused(&m, "{'do': 'answer', 'answers': ['']}", "an answer is a text");
    assert_refused(&m, "{'do': 'answer'}", "got 0 answers");
    assert_int_equal(machine_command(&m, "{'do': 'answer', 'answers': ['because']}"), 0);
    answers = machine_step(&m, "a")->dialogue.answers;
    assert_int_equal(json_array_size(answers), 2);
    assert_string_equal(json_get_text(json_array_get(answers, 0), "answer", ""), "that");
    assert_string_equal(json_get_text(json_array_get(answers, 1), "question", ""), "Why?");
    machine_release(&m);
}

static void a_run_that_waits_for_an_answer_is_not_resumed_without(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_refused(&m, "{'do': 'resume'}", "it waits for an answer");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'a', 'reason': 'no'}"), 0);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_null(machine_step(&m, "a")->dialogue.question);
    machine_release(&m);
}

static void who_cancels_answers_nothing(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_int_equal(m.run->status, RUN_CANCELLED);
    assert_int_equal(m.run->questions, 0);
    machine_release(&m);
}

static void an_empty_answer_and_a_signal_without_a_name_are_refused(void **state)
{
    char command[512];
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_refused(&m, "{'do': 'answer', 'answers': ['']}", "a text of 1 to");
    assert_refused(&m, "{'do': 'answer', 'answers': [7]}", "a text of 1 to");
    assert_refused(&m, "{'do': 'signal'}", "needs a name");
    assert_refused(&m, "{'do': 'signal', 'name': ''}", "needs a name");
    (void)snprintf(command, sizeof(command), "{'do': 'signal', 'name': '%0300d'}", 0);
    assert_refused(&m, command, "needs a name");
    machine_release(&m);
}

static void an_empty_reason_is_none(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "phases: [{ id: p, steps: [{ id: look, prompt: Look, read_only: true }] }]\n");
    end_refused(&m, "look");
    assert_refused(&m, "{'do': 'approve', 'step': 'look', 'comment': ''}", "needs a reason");
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_FAILED);
    machine_release(&m);
}

/* Its answer says too little, and it changed files that it may change. */
static void an_answer_that_failed_otherwise_is_not_taken(void **state)
{
    struct machine m;
    json_t *output = json_pack("{s:i, s:s}", "bytes", 3, "inline", "yes");
    json_t *files = json_pack("{s:i, s:b}", "count", 1, "refused", 0);

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: look, prompt: Look }] }]\n");
    machine_end(&m, "look",
                (struct outcome){.class_ = CLASS_PERMANENT, .output = output, .files = files});
    assert_refused(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}", "does not wait");
    json_decref(output);
    json_decref(files);
    machine_release(&m);
}

/* Phase r is at work beside p. */
#define BESIDE(policy, step_policy)                                                                \
    "name: w\n"                                                                                    \
    "on_failure: " policy "\n"                                                                     \
    "phases:\n"                                                                                    \
    "  - id: p\n"                                                                                  \
    "    needs: []\n"                                                                              \
    "    steps: [{ id: look, prompt: Look, read_only: true, on_failure: " step_policy " }]\n"      \
    "  - { id: r, needs: [], steps: [{ id: b, run: x }] }\n"                                       \
    "  - { id: q, needs: [p, r], steps: [{ id: c, run: x }] }\n"

static void an_answer_is_taken_while_other_steps_are_at_work(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, BESIDE("pause", "pause"));
    end_refused(&m, "look");
    assert_int_equal(m.run->status, RUN_RUNNING);
    assert_int_equal(m.run->wish, WISH_PAUSE);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}"), 0);
    assert_int_equal(m.run->wish, WISH_NONE); /* nothing is left to decide */
    machine_pass(&m, "b");
    machine_pass(&m, "c");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void an_answer_of_a_failure_that_nobody_waits_for_changes_nothing_else(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\n"
                      "phases:\n"
                      "  - id: p\n"
                      "    mode: parallel\n"
                      "    steps: [{ id: look, prompt: Look, read_only: true, on_failure: continue "
                      "}, { id: b, run: x }]\n");
    end_refused(&m, "look");
    assert_int_equal(m.run->wish, WISH_NONE);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'look', 'comment': 'x'}"), 0);
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_COMPLETED);
    assert_int_equal(machine_step(&m, "b")->waiting, WAITING_ATTEMPT);
    machine_pass(&m, "b");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_run_that_ends_takes_no_answer_until_its_last_steps_have_ended(void **state)
{
    static const char approve[] = "{'do': 'approve', 'step': 'look', 'comment': 'x'}";
    struct machine m;

    (void)state;
    machine_begin(&m, BESIDE("fail", "fail"));
    end_refused(&m, "look");
    assert_int_equal(m.run->wish, WISH_FAIL);
    assert_refused(&m, approve, "it is ending");
    machine_fail(&m, "b", "cancelled");
    assert_int_equal(m.run->status, RUN_FAILED);
    assert_int_equal(machine_command(&m, approve), 0);
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_COMPLETED);
    machine_release(&m);
    machine_begin(&m, BESIDE("pause", "continue"));
    end_refused(&m, "look");
    assert_int_equal(machine_command(&m, "{'do': 'cancel'}"), 0);
    assert_int_equal(m.run->wish, WISH_CANCEL);
    assert_refused(&m, approve, "it is ending");
    machine_release(&m);
}

static void an_answer_comes_too_late_when_the_run_has_gone_on(void **state)
{
    static const char approve[] = "{'do': 'approve', 'step': 'look', 'comment': 'x'}";
    struct machine m;

    (void)state;
    machine_begin(&m, BESIDE("pause", "continue"));
    end_refused(&m, "look");
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_COMPLETED);
    assert_refused(&m, approve, "the run has gone on without step look");
    machine_release(&m);
    machine_begin(&m, BESIDE("pause", "pause"));
    machine_pass(&m, "b");
    end_refused(&m, "look");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'phase': 'p', 'reason': 'enough'}"), 0);
    assert_int_equal(machine_phase(&m, "p")->status, STEP_IS_SKIPPED);
    assert_refused(&m, approve, "the run has gone on without step look");
    machine_release(&m);
}

/* Its list is skipped as a whole; and one of which others are still at work is open. */
static void an_instance_is_taken_as_long_as_its_list_is_open(void **state)
{
    static const char each[] =
        "name: w\n"
        "phases:\n"
        "  - id: p\n"
        "    mode: parallel\n"
        "    steps: [{ id: look, prompt: Look, read_only: true, foreach: [1, "
        "2] }, { id: b, run: x }]\n";
    struct machine m;

    (void)state;
    machine_begin(&m, each);
    end_refused(&m, "look[0]");
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_RUNNING);
    assert_int_equal(machine_command(&m, "{'do': 'approve', 'step': 'look[0]', 'comment': 'x'}"),
                     0);
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_RUNNING);
    machine_pass(&m, "look[1]");
    assert_int_equal(machine_step(&m, "look")->status, STEP_IS_COMPLETED);
    machine_release(&m);
    machine_begin(&m, each);
    end_refused(&m, "look[0]");
    machine_pass(&m, "look[1]");
    machine_fail(&m, "b", "permanent");
    assert_int_equal(machine_command(&m, "{'do': 'skip', 'step': 'look', 'reason': 'enough'}"), 0);
    assert_refused(&m, "{'do': 'approve', 'step': 'look[0]', 'comment': 'x'}",
                   "the run has gone on without step look[0]");
    machine_release(&m);
}

#define ANSWER_BYTES_MAX (256U * 1024) /* as command_answer.c has it */

static void an_answer_that_is_too_long_is_refused(void **state)
{
    struct machine m;
    char *text = mem_zero(1, ANSWER_BYTES_MAX + 2);
    char *command;

    (void)state;
    memset(text, 'x', ANSWER_BYTES_MAX + 1);
    command = mem_printf("{'do': 'answer', 'answers': ['%s']}", text);
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: Do it }] }]\n");
    machine_ask(&m, "a", "Which?");
    assert_refused(&m, command, "a text of 1 to");
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_ANSWER);
    free(command);
    text[ANSWER_BYTES_MAX] = '\0';
    command = mem_printf("{'do': 'answer', 'answers': ['%s']}", text);
    assert_int_equal(machine_command(&m, command), 0);
    free(command);
    free(text);
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_goes_on_with_the_run),
        cmocka_unit_test(an_answer_that_was_refused_for_changed_files_is_taken_with_a_reason),
        cmocka_unit_test(an_instance_whose_answer_was_refused_opens_its_list_again),
        cmocka_unit_test(what_failed_otherwise_or_is_over_is_taken_by_nobody),
        cmocka_unit_test(a_rejection_fails_the_step_and_says_by_whom_and_why),
        cmocka_unit_test(which_one_has_to_be_said_when_several_wait),
        cmocka_unit_test(an_answer_that_comes_late_is_none),
        cmocka_unit_test(an_approval_that_ran_out_while_nobody_looked_fails_the_phase),
        cmocka_unit_test(a_run_that_waited_in_vain_says_what_failed),
        cmocka_unit_test(a_run_paused_for_another_reason_stays_paused),
        cmocka_unit_test(a_signal_with_a_value_can_be_read_by_expressions),
        cmocka_unit_test(a_signal_answers_the_step_of_its_name),
        cmocka_unit_test(a_signal_needs_a_name_and_a_run_that_goes_on),
        cmocka_unit_test(an_answer_names_its_step_when_several_ask),
        cmocka_unit_test(pairs_of_questions_and_answers_add_up),
        cmocka_unit_test(a_run_that_waits_for_an_answer_is_not_resumed_without),
        cmocka_unit_test(who_cancels_answers_nothing),
        cmocka_unit_test(an_empty_answer_and_a_signal_without_a_name_are_refused),
        cmocka_unit_test(an_empty_reason_is_none),
        cmocka_unit_test(an_answer_that_failed_otherwise_is_not_taken),
        cmocka_unit_test(an_answer_is_taken_while_other_steps_are_at_work),
        cmocka_unit_test(an_answer_of_a_failure_that_nobody_waits_for_changes_nothing_else),
        cmocka_unit_test(a_run_that_ends_takes_no_answer_until_its_last_steps_have_ended),
        cmocka_unit_test(an_answer_comes_too_late_when_the_run_has_gone_on),
        cmocka_unit_test(an_instance_is_taken_as_long_as_its_list_is_open),
        cmocka_unit_test(an_answer_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
