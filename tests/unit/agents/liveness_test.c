/* SPDX-License-Identifier: MIT */
#include "agents/liveness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000
#define PACE 3000

/* An attempt under a clock of its own: each look is a pace after the one before. */
struct subject {
    struct liveness_state state;
    struct liveness_facts facts;
};

static struct subject subject_new(int64_t quiet_ms)
{
    return (struct subject){.state = {.began_ms = 1000},
                            .facts = {.now_ms = 1000,
                                      .pace_ms = PACE,
                                      .quiet_ms = quiet_ms,
                                      .has_model = true,
                                      .look = {.stamp = 1, .is_readable = true, .processes = 2}}};
}

static const char *look_after(struct subject *subject, int64_t ms)
{
    subject->facts.now_ms += ms;
    (void)liveness_judge(&subject->state, &subject->facts);
    return liveness_name(subject->state.word);
}

/* Looks as often as it takes, without anything new. */
static const char *wait_for(struct subject *subject, int64_t ms)
{
    const char *word = liveness_name(subject->state.word);

    for (int64_t past = 0; past < ms; past += PACE) {
        word = look_after(subject, PACE);
    }
    return word;
}

static void what_prints_works_and_what_says_nothing_waits_for_its_model(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    assert_string_equal(look_after(&subject, PACE), "working");
    assert_string_equal(wait_for(&subject, 9000), "working");
    assert_string_equal(wait_for(&subject, PACE), "waiting for model");
    assert_int_equal(subject.state.since_ms, subject.facts.now_ms);
    subject.facts.look.stamp = 2;
    assert_string_equal(look_after(&subject, PACE), "working");
}

static void beyond_its_limit_it_is_quiet_until_it_prints(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, 5 * MINUTE - PACE), "waiting for model");
    assert_false(subject.state.may_stop);
    assert_string_equal(wait_for(&subject, PACE), "quiet");
    assert_true(subject.state.may_stop);
    subject.facts.look.stamp = 2;
    assert_string_equal(look_after(&subject, PACE), "working");
    assert_false(subject.state.may_stop);
}

static void without_a_limit_nothing_is_quiet(void **state)
{
    struct subject subject = subject_new(0);

    (void)state;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, 600 * MINUTE), "waiting for model");
}

static void a_tool_that_uses_processor_time_is_never_quiet(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    (void)look_after(&subject, PACE);
    for (int i = 0; i < 1000; i++) {
        subject.facts.look.cpu_ms += PACE / 10;
        assert_string_equal(look_after(&subject, PACE), "working");
        assert_false(subject.state.may_stop);
    }
    assert_int_equal(subject.state.share, 10);
}

/* The ticks of a program that only waits. */
static void a_little_processor_time_is_no_work(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);
    const char *word = "";

    (void)state;
    (void)look_after(&subject, PACE);
    for (int i = 0; i < 100; i++) {
        subject.facts.look.cpu_ms += PACE / 100;
        word = look_after(&subject, PACE);
    }
    assert_string_equal(word, "quiet");
}

static void time_that_is_gone_was_used_by_one_that_ended(void **state)
{
    struct subject subject = subject_new(MINUTE);

    (void)state;
    subject.facts.look.cpu_ms = 5000;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, MINUTE), "quiet");
    subject.facts.look.cpu_ms = 10;
    assert_string_equal(look_after(&subject, PACE), "working");
}

static void a_tool_that_was_told_of_works_and_is_told_of_when_quiet_but_never_stopped(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    subject.facts.tools = LIVENESS_TOOLS_RUN;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, 4 * MINUTE), "working");
    assert_string_equal(wait_for(&subject, 60 * MINUTE), "quiet");
    assert_false(subject.state.may_stop);
    subject.facts.tools = LIVENESS_TOOLS_IDLE;
    assert_string_equal(look_after(&subject, PACE), "quiet");
    assert_true(subject.state.may_stop);
}

static void a_command_has_no_model_to_wait_for(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    subject.facts.has_model = false;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, 4 * MINUTE), "working");
    assert_string_equal(wait_for(&subject, 2 * MINUTE), "quiet");
}

static void who_reads_from_a_terminal_wants_input_and_is_stopped_at_the_limit(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    (void)look_after(&subject, PACE);
    subject.facts.look.asker = 77;
    assert_string_equal(look_after(&subject, PACE), "working");
    assert_string_equal(look_after(&subject, PACE), "wants input");
    assert_false(subject.state.may_stop);
    assert_string_equal(wait_for(&subject, 5 * MINUTE), "wants input");
    assert_true(subject.state.may_stop);
    subject.facts.look.asker = 0;
    subject.facts.look.stamp = 2;
    assert_string_equal(look_after(&subject, PACE), "working");
}

static void readers_that_change_or_print_want_nothing_yet(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    for (int i = 0; i < 10; i++) {
        subject.facts.look.asker = 100 + i;
        assert_string_equal(look_after(&subject, 900), "working");
    }
    for (int i = 0; i < 10; i++) {
        subject.facts.look.stamp++;
        assert_string_equal(look_after(&subject, PACE), "working");
    }
}

static void a_terminal_between_two_tools_keeps_nobody_waiting(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    subject.facts.tools = LIVENESS_TOOLS_IDLE;
    subject.facts.look.asker = 77;
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, MINUTE), "waiting for model");
    subject.facts.tools = LIVENESS_TOOLS_RUN;
    (void)look_after(&subject, PACE);
    assert_string_equal(look_after(&subject, PACE), "wants input");
}

static void without_processes_it_is_dead_after_a_moment(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    (void)look_after(&subject, PACE);
    subject.facts.look.processes = 0;
    assert_string_equal(look_after(&subject, 100), "working");
    assert_string_equal(look_after(&subject, 1900), "working");
    assert_string_equal(look_after(&subject, 100), "dead");
    assert_false(subject.state.may_stop);
    subject.facts.look.processes = 1;
    assert_string_equal(look_after(&subject, PACE), "working");
}

static void what_cannot_be_read_is_told_of_but_never_claimed_or_stopped(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    subject.facts.look = (struct liveness_look){.stamp = 1, .asker = 5};
    (void)look_after(&subject, PACE);
    assert_string_equal(wait_for(&subject, 4 * MINUTE), "waiting for model");
    assert_string_equal(wait_for(&subject, 2 * MINUTE), "quiet");
    assert_false(subject.state.may_stop);
}

static void time_in_which_nobody_looked_counts_for_nothing(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    (void)look_after(&subject, PACE);
    (void)wait_for(&subject, 4 * MINUTE);
    assert_string_equal(look_after(&subject, 600 * MINUTE), "waiting for model");
    assert_string_equal(wait_for(&subject, MINUTE), "quiet");
    subject.facts.look.processes = 0;
    (void)look_after(&subject, PACE);
    assert_string_equal(look_after(&subject, 600 * MINUTE), "quiet");
}

static void only_another_word_is_news(void **state)
{
    struct subject subject = subject_new(5 * MINUTE);

    (void)state;
    subject.facts.now_ms += PACE;
    assert_true(liveness_judge(&subject.state, &subject.facts));
    assert_int_equal(subject.state.since_ms, 1000);
    subject.facts.now_ms += PACE;
    assert_false(liveness_judge(&subject.state, &subject.facts));
}

static void trouble_is_what_a_person_should_know_of(void **state)
{
    (void)state;
    assert_string_equal(liveness_name(LIVENESS_UNKNOWN), "");
    assert_false(liveness_is_trouble(LIVENESS_UNKNOWN));
    assert_false(liveness_is_trouble(LIVENESS_WORKING));
    assert_false(liveness_is_trouble(LIVENESS_WAITING));
    assert_true(liveness_is_trouble(LIVENESS_QUIET));
    assert_true(liveness_is_trouble(LIVENESS_WANTS_INPUT));
    assert_true(liveness_is_trouble(LIVENESS_DEAD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_prints_works_and_what_says_nothing_waits_for_its_model),
        cmocka_unit_test(beyond_its_limit_it_is_quiet_until_it_prints),
        cmocka_unit_test(without_a_limit_nothing_is_quiet),
        cmocka_unit_test(a_tool_that_uses_processor_time_is_never_quiet),
        cmocka_unit_test(a_little_processor_time_is_no_work),
        cmocka_unit_test(time_that_is_gone_was_used_by_one_that_ended),
        cmocka_unit_test(a_tool_that_was_told_of_works_and_is_told_of_when_quiet_but_never_stopped),
        cmocka_unit_test(a_command_has_no_model_to_wait_for),
        cmocka_unit_test(who_reads_from_a_terminal_wants_input_and_is_stopped_at_the_limit),
        cmocka_unit_test(readers_that_change_or_print_want_nothing_yet),
        cmocka_unit_test(a_terminal_between_two_tools_keeps_nobody_waiting),
        cmocka_unit_test(without_processes_it_is_dead_after_a_moment),
        cmocka_unit_test(what_cannot_be_read_is_told_of_but_never_claimed_or_stopped),
        cmocka_unit_test(time_in_which_nobody_looked_counts_for_nothing),
        cmocka_unit_test(only_another_word_is_news),
        cmocka_unit_test(trouble_is_what_a_person_should_know_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
