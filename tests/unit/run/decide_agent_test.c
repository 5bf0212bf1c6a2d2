/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ONE(step) "name: w\nphases: [{ id: p, steps: [" step "] }]\n"
#define LIST(more)                                                                                 \
    ONE("{ id: a, prompt: go, agent: a1, fallback: [a2, a3], reuse: never, "                       \
        "retry: { attempts: 2, delay: 1s, jitter: false, on: [transient] }" more " }")

/* The field of the last record of this kind; NULL: it has none. */
static const char *last_word(const struct machine *m, const char *kind, const char *field)
{
    for (size_t i = m->records.count; i > 0; i--) {
        const struct kept_record *kept = &m->records.items[i - 1];

        if (strcmp(kept->kind, kind) == 0) {
            return json_get_text(kept->body, field, NULL);
        }
    }
    return NULL;
}

static const char *asked(struct machine *m)
{
    if (machine_step(m, "a")->waiting == WAITING_PREPARE) {
        machine_prepare(m, "a");
    }
    return last_word(m, "attempt_started", "name");
}

static void fail_with(struct machine *m, const char *class_, const char *error)
{
    machine_end(m, "a",
                (struct outcome){.class_ = (enum failure_class)failure_class_parse(class_),
                                 .error = error,
                                 .session = "s",
                                 .agent = "x"});
}

static void the_next_agent_takes_over_when_the_tries_of_one_are_used_up(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    assert_string_equal(asked(&m), "a1");
    fail_with(&m, "transient", "busy");
    machine_wait(&m, 1000);
    assert_string_equal(asked(&m), "a1");
    (void)machine_story(&m);
    fail_with(&m, "transient", "busy");
    assert_story(&m, "end a 2 transient | step a running (transient) | wait a prepare");
    assert_string_equal(asked(&m), "a2");
    assert_string_equal(last_word(&m, "step_moved", "agent"), "a2");
    assert_string_equal(last_word(&m, "step_moved", "fallback_from"), "a1");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_string_equal(step_agent(machine_step(&m, "a")), "a2");
    machine_release(&m);
}

static void each_agent_has_its_own_tries(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    fail_with(&m, "permanent", "no account");
    assert_string_equal(asked(&m), "a2");
    fail_with(&m, "transient", "busy");
    machine_wait(&m, 1000);
    assert_string_equal(asked(&m), "a2");
    fail_with(&m, "transient", "busy");
    assert_string_equal(asked(&m), "a3");
    machine_release(&m);
}

static void when_all_fail_each_error_is_told(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    fail_with(&m, "permanent", "no account");
    fail_with(&m, "permanent", "not installed");
    fail_with(&m, "timeout", "too slow");
    assert_string_equal(machine_step(&m, "a")->error,
                        "a1: no account; a2: not installed; a3: too slow");
    assert_int_equal(machine_step(&m, "a")->class_, CLASS_TIMEOUT);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void every_class_but_a_refusal_is_a_reason_to_ask_another(void **state)
{
    static const struct {
        const char *class_;
        bool is_passed_on;
    } samples[] = {{"limit", true},
                   {"permanent", true},
                   {"timeout", true},
                   {"refused", false},
                   {"cancelled", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct machine m;

        machine_begin(&m, LIST(""));
        fail_with(&m, samples[i].class_, "so");
        assert_string_equal(asked(&m), samples[i].is_passed_on ? "a2" : "a1");
        assert_int_equal(machine_step(&m, "a")->status,
                         samples[i].is_passed_on ? STEP_IS_RUNNING : STEP_IS_FAILED);
        machine_release(&m);
    }
}

static void whoever_may_be_at_work_still_is_not_followed_by_another(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    machine_end(&m, "a",
                (struct outcome){
                    .class_ = CLASS_PERMANENT, .is_doubtful = true, .error = "cannot be seen"});
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_string_equal(asked(&m), "a1");
    machine_release(&m);
}

static void the_session_of_one_agent_is_never_gone_on_with_by_another(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    fail_with(&m, "transient", "busy");
    machine_wait(&m, 1000);
    assert_string_equal(asked(&m), "a1");
    assert_string_equal(last_word(&m, "attempt_started", "session"), "s");
    fail_with(&m, "transient", "busy");
    assert_string_equal(asked(&m), "a2");
    assert_null(last_word(&m, "attempt_started", "session"));
    machine_release(&m);
}

static void the_static_alternative_comes_after_all_agents(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(", strategy: hybrid, static: { run: x }"));
    fail_with(&m, "permanent", "one");
    fail_with(&m, "permanent", "two");
    fail_with(&m, "permanent", "three");
    assert_story_has(&m, "try a 4 (static)");
    assert_string_equal(machine_step(&m, "a")->agent_error, "a1: one; a2: two; a3: three");
    machine_release(&m);
}

static void who_takes_over_is_known_also_after_a_pause_and_a_crash(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    assert_string_equal(asked(&m), "a1");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    fail_with(&m, "permanent", "no account");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_recover(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_string_equal(asked(&m), "a2");
    machine_release(&m);
}

static void who_tries_a_failed_step_again_asks_its_first_agent(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    fail_with(&m, "permanent", "one");
    fail_with(&m, "refused", "two");
    assert_string_equal(machine_step(&m, "a")->error, "a1: one; a2: two");
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    assert_string_equal(asked(&m), "a1");
    assert_null(machine_step(&m, "a")->given_up);
    machine_release(&m);
}

static void the_settings_say_who_stands_in_where_the_step_does_not(void **state)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;
    struct machine m;

    (void)state;
    assert_int_equal(
        config_parse(&(struct config_texts){"agents:\n"
                                            "  a1: { command: x }\n"
                                            "  a2: { command: x }\n"
                                            "default_agent: a1\n"
                                            "settings: { fallback: { map: { a1: a2, a2: a1 } } }\n",
                                            "c", NULL, NULL, NULL},
                     &config, problems, NULL),
        0);
    machine_init(&m, ONE("{ id: a, prompt: go, reuse: never }"), NULL);
    m.limits.config = config;
    (void)machine_event(&m, (struct event){.kind = EVENT_BEGIN});
    assert_null(asked(&m));
    fail_with(&m, "permanent", "one");
    assert_string_equal(asked(&m), "a2");
    assert_string_equal(last_word(&m, "step_moved", "fallback_from"), "a1");
    fail_with(&m, "permanent", "two");
    assert_string_equal(machine_step(&m, "a")->error, "a1: one; a2: two");
    machine_release(&m);
    config_free(config);
    free(problems);
}

/* ---- before a call ---- */

static void prepare_held(struct machine *m, int64_t ms, bool has_slot)
{
    (void)machine_event(m, (struct event){.kind = EVENT_PREPARED,
                                          .step = "a",
                                          .held_until = m->now + ms,
                                          .held_why = "its breaker is open",
                                          .held_agent = "a1",
                                          .has_slot = has_slot});
}

static void an_open_breaker_passes_the_step_on_to_the_next_agent(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    prepare_held(&m, 60000, false);
    assert_string_equal(asked(&m), "a2");
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    assert_string_equal(last_word(&m, "step_moved", "error"), "its breaker is open");
    assert_string_equal(last_word(&m, "step_moved", "reason"), "passed over");
    machine_release(&m);
}

static void prepare_passed_over(struct machine *m, enum failure_class class_)
{
    (void)machine_event(m, (struct event){.kind = EVENT_PREPARED,
                                          .step = "a",
                                          .passed_over = class_,
                                          .held_why = "it is offline"});
}

static const json_t *given_up(const struct machine *m, size_t index)
{
    return json_array_get(machine_step(m, "a")->given_up, index);
}

static void an_agent_that_cannot_be_called_is_passed_over_without_an_attempt(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    (void)machine_story(&m);
    prepare_passed_over(&m, CLASS_TRANSIENT);
    assert_story(&m, "step a running (transient) | wait a prepare");
    /* Whoever goes on with the run sees the same. */
    machine_recover(&m);
    prepare_passed_over(&m, CLASS_PERMANENT);
    assert_int_equal(machine_step(&m, "a")->attempts, 0);
    assert_string_equal(asked(&m), "a3");
    fail_with(&m, "permanent", "no account");
    assert_string_equal(machine_step(&m, "a")->error,
                        "a1: it is offline; a2: it is offline; a3: no account");
    assert_true(json_get_boolean(given_up(&m, 0), "passed_over", false));
    assert_int_equal(json_get_integer(given_up(&m, 0), "tries", -1), 0);
    machine_release(&m);
}

static void an_agent_that_failed_was_not_passed_over(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    fail_with(&m, "permanent", "no account");
    assert_string_equal(asked(&m), "a2");
    assert_false(json_get_boolean(given_up(&m, 0), "passed_over", false));
    assert_false(machine_step(&m, "a")->is_settling);
    machine_release(&m);
}

#define ALONE ONE("{ id: a, prompt: go, agent: a1, reuse: never, retry: { attempts: 1 } }")

static void without_another_agent_it_is_called_all_the_same(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ALONE);
    prepare_passed_over(&m, CLASS_PERMANENT);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
}

static void a_static_alternative_stands_in_for_who_cannot_be_called(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, prompt: go, agent: a1, static: { run: 'true' } }"));
    prepare_passed_over(&m, CLASS_PERMANENT);
    assert_string_equal(last_word(&m, "step_moved", "reason"), "passed over");
    assert_true(machine_step(&m, "a")->is_static);
    machine_release(&m);
}

static void
without_another_agent_the_step_waits_until_the_breaker_lets_one_call_through(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ALONE);
    prepare_held(&m, 60000, false);
    assert_effects(&m, "timer a +60000");
    assert_string_equal(machine_step(&m, "a")->reason, "its breaker is open");
    assert_int_equal(machine_step(&m, "a")->tries, 0);
    machine_recover(&m);
    assert_effects(&m, "timer a +60000");
    machine_wait(&m, 60000);
    assert_effects(&m, "prepare a");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void tell_closed(struct machine *m)
{
    (void)machine_event(m, (struct event){.kind = EVENT_TIMER, .step = "a", .is_closed = true});
}

static void the_wait_for_a_breaker_ends_when_it_is_closed(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ALONE);
    prepare_held(&m, 60000, false);
    tell_closed(&m);
    assert_effects(&m, "prepare a");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void no_other_wait_ends_for_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    prepare_held(&m, 3000, true);
    tell_closed(&m);
    assert_effects(&m, "timer a +3000");
    machine_wait(&m, 3000);
    fail_with(&m, "transient", "busy");
    tell_closed(&m);
    assert_effects(&m, "timer a +1000");
    machine_release(&m);
}

static void whoever_has_a_slot_waits_for_it_though_there_are_others(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(""));
    prepare_held(&m, 3000, true);
    assert_effects(&m, "timer a +3000");
    assert_true(machine_step(&m, "a")->has_slot);
    machine_wait(&m, 3000);
    assert_true(machine_step(&m, "a")->has_slot);
    assert_string_equal(asked(&m), "a1");
    assert_false(machine_step(&m, "a")->has_slot);
    machine_release(&m);
}

/* ---- limits ---- */

#define LIMITED(more)                                                                              \
    ONE("{ id: a, prompt: go, agent: a1, reuse: never, retry: { attempts: 1, max_delay: 60s "      \
        "}" more " }")

static void reach_limit(struct machine *m, int64_t retry_after_ms)
{
    (void)asked(m);
    machine_end(m, "a",
                (struct outcome){.class_ = CLASS_LIMIT,
                                 .error = "too many",
                                 .agent = "a1",
                                 .retry_after_ms = retry_after_ms});
}

static void a_limit_that_tells_its_end_is_waited_for_and_costs_no_try(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIMITED(""));
    for (int i = 1; i <= 3; i++) {
        reach_limit(&m, 3600000);
        assert_effects(&m, "timer a +3600000");
        assert_int_equal(machine_step(&m, "a")->tries, 0);
        machine_wait(&m, 3600000);
    }
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void a_parked_step_stays_parked_over_a_pause_and_a_crash(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, LIMITED(""));
    reach_limit(&m, 3600000);
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_recover(&m);
    m.now += 1000;
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_effects(&m, "timer a +3599000");
    machine_wait(&m, 3599000);
    assert_effects(&m, "prepare a");
    machine_release(&m);
}

static void a_limit_goes_to_the_next_agent_as_the_step_says(void **state)
{
    static const struct {
        const char *more;
        int64_t retry_after_ms;
        const char *asked;
    } samples[] = {
        {LIMITED(", fallback: [a2]"), 60000, "a1"},
        {LIMITED(", fallback: [a2]"), 60001, "a2"},
        {LIMITED(", fallback: [a2], on_limit: park"), 3600000, "a1"},
        {LIMITED(", fallback: [a2], on_limit: fallback"), 1000, "a2"},
        {LIMITED(", on_limit: fallback"), 1000, "a1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct machine m;

        machine_begin(&m, samples[i].more);
        reach_limit(&m, samples[i].retry_after_ms);
        assert_string_equal(asked(&m), samples[i].asked);
        assert_int_equal(machine_step(&m, "a")->waiting,
                         strcmp(samples[i].asked, "a1") == 0 ? WAITING_RETRY : WAITING_ATTEMPT);
        machine_release(&m);
    }
}

static void a_step_that_does_not_retry_limits_is_not_parked_at_one(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, prompt: go, agent: a1, retry: { on: [transient] } }"));
    reach_limit(&m, 3600000);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    machine_release(&m);
}

static void a_limit_that_is_never_over_ends_at_last(void **state)
{
    struct machine m;
    int calls = 0;

    (void)state;
    machine_begin(&m, LIMITED(""));
    while (machine_step(&m, "a")->status != STEP_IS_FAILED) {
        assert_true(calls++ < 200);
        reach_limit(&m, 1000);
        machine_wait(&m, 60000);
    }
    assert_int_equal(calls, 101);
    machine_release(&m);
}

static void conflict(struct machine *m, json_t *files)
{
    machine_end(
        m, "a",
        (struct outcome){
            .class_ = CLASS_PERMANENT, .error = "merge conflict", .agent = "x", .files = files});
}

static void a_conflict_goes_to_the_agent_that_settles_it_and_to_no_other(void **state)
{
    json_t *files = json_pack("{s:i, s:[s]}", "count", 1, "conflicts", "file");
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(", workspace: clone, on_conflict: a9"));
    assert_string_equal(asked(&m), "a1");
    (void)machine_story(&m);
    conflict(&m, files);
    assert_story(&m, "end a 1 permanent | step a running (permanent) | wait a prepare");
    assert_string_equal(last_word(&m, "step_moved", "reason"), "conflict");
    assert_string_equal(asked(&m), "a9");
    conflict(&m, files); /* the project changed once more */
    assert_int_equal(machine_step(&m, "a")->waiting, WAITING_RETRY);
    machine_wait(&m, 1000);
    assert_string_equal(asked(&m), "a9");
    conflict(&m, files);
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
    json_decref(files);
}

static void who_settles_a_conflict_may_be_the_same_agent(void **state)
{
    json_t *files = json_pack("{s:i, s:[s]}", "count", 1, "conflicts", "file");
    struct machine m;

    (void)state;
    machine_begin(&m, LIST(", workspace: clone, on_conflict: a1"));
    conflict(&m, files);
    assert_string_equal(asked(&m), "a1");
    assert_true(machine_step(&m, "a")->is_settling);
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
    json_decref(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_agent_takes_over_when_the_tries_of_one_are_used_up),
        cmocka_unit_test(each_agent_has_its_own_tries),
        cmocka_unit_test(when_all_fail_each_error_is_told),
        cmocka_unit_test(every_class_but_a_refusal_is_a_reason_to_ask_another),
        cmocka_unit_test(whoever_may_be_at_work_still_is_not_followed_by_another),
        cmocka_unit_test(the_session_of_one_agent_is_never_gone_on_with_by_another),
        cmocka_unit_test(the_static_alternative_comes_after_all_agents),
        cmocka_unit_test(who_takes_over_is_known_also_after_a_pause_and_a_crash),
        cmocka_unit_test(who_tries_a_failed_step_again_asks_its_first_agent),
        cmocka_unit_test(the_settings_say_who_stands_in_where_the_step_does_not),
        cmocka_unit_test(an_open_breaker_passes_the_step_on_to_the_next_agent),
        cmocka_unit_test(an_agent_that_cannot_be_called_is_passed_over_without_an_attempt),
        cmocka_unit_test(an_agent_that_failed_was_not_passed_over),
        cmocka_unit_test(without_another_agent_it_is_called_all_the_same),
        cmocka_unit_test(a_static_alternative_stands_in_for_who_cannot_be_called),
        cmocka_unit_test(
            without_another_agent_the_step_waits_until_the_breaker_lets_one_call_through),
        cmocka_unit_test(the_wait_for_a_breaker_ends_when_it_is_closed),
        cmocka_unit_test(no_other_wait_ends_for_it),
        cmocka_unit_test(whoever_has_a_slot_waits_for_it_though_there_are_others),
        cmocka_unit_test(a_limit_that_tells_its_end_is_waited_for_and_costs_no_try),
        cmocka_unit_test(a_parked_step_stays_parked_over_a_pause_and_a_crash),
        cmocka_unit_test(a_limit_goes_to_the_next_agent_as_the_step_says),
        cmocka_unit_test(a_step_that_does_not_retry_limits_is_not_parked_at_one),
        cmocka_unit_test(a_limit_that_is_never_over_ends_at_last),
        cmocka_unit_test(a_conflict_goes_to_the_agent_that_settles_it_and_to_no_other),
        cmocka_unit_test(who_settles_a_conflict_may_be_the_same_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
