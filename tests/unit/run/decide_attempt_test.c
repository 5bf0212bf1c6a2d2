/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ONE(step) "name: w\nphases: [{ id: p, steps: [" step "] }]\n"

static void a_command_is_started_without_being_prepared(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x }"));
    assert_effects(&m, "start a");
    assert_string_equal(machine_step(&m, "a")->folder, "attempts/a.1");
    machine_release(&m);
}

static void an_inline_function_has_no_folder(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, use: noop }"));
    assert_effects(&m, "start a");
    assert_null(machine_step(&m, "a")->folder);
    machine_release(&m);
}

static void what_can_be_reused_is_prepared_first(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x, reuse: inputs }"));
    assert_effects(&m, "prepare a");
    machine_prepare(&m, "a");
    assert_effects(&m, "start a");
    assert_string_equal(machine_step(&m, "a")->digest, "d1");
    assert_string_equal(machine_step(&m, "a")->tree, "t1");
    machine_release(&m);
}

static void an_earlier_result_is_taken_instead_of_an_attempt(void **state)
{
    struct machine m;
    json_t *output = json_pack("{s:i, s:s}", "bytes", 2, "inline", "ok");

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x, reuse: inputs }"));
    (void)machine_story(&m);
    (void)machine_event(&m, (struct event){.kind = EVENT_PREPARED,
                                           .step = "a",
                                           .digest = "d1",
                                           .reused_run = "wf_000000000009",
                                           .reused_step = "a",
                                           .outcome = {.output = output}});
    assert_story(&m, "reuse a wf_000000000009 | phase p completed | checkpoint p | run completed");
    assert_true(machine_step(&m, "a")->is_reused);
    assert_int_equal(machine_step(&m, "a")->attempts, 0);
    json_decref(output);
    machine_release(&m);
}

static void what_cannot_be_prepared_fails(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x, reuse: inputs }"));
    (void)machine_event(&m, (struct event){.kind = EVENT_PREPARED,
                                           .step = "a",
                                           .outcome = {.class_ = CLASS_PERMANENT, .error = "no"}});
    assert_story_has(&m, "step a failed (permanent)");
    machine_release(&m);
}

#define RETRIED(classes)                                                                           \
    ONE("{ id: a, run: x, retry: { attempts: 3, delay: 2s, jitter: false" classes " } }")

static void a_failure_of_a_retried_class_is_tried_again_after_its_delay(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(""));
    machine_fail(&m, "a", "transient");
    assert_effects(&m, "timer a +2000");
    machine_wait(&m, 1999);
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_wait(&m, 1);
    assert_effects(&m, "start a");
    machine_fail(&m, "a", "timeout");
    assert_effects(&m, "timer a +4000");
    machine_wait(&m, 4000);
    machine_fail(&m, "a", "transient");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_step(&m, "a")->attempts, 3);
    machine_release(&m);
}

static void another_class_is_not_tried_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(", on: [limit]"));
    machine_fail(&m, "a", "transient");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void end_in_doubt(struct machine *m)
{
    machine_end(m, "a",
                (struct outcome){.class_ = CLASS_PERMANENT,
                                 .is_doubtful = true,
                                 .error = "cannot be looked at"});
}

static void what_may_be_at_work_still_is_not_tried_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(", on: [permanent]"));
    end_in_doubt(&m);
    assert_story_has(&m, "step a failed (permanent)");
    assert_int_equal(machine_step(&m, "a")->attempts, 1);
    machine_release(&m);
    machine_begin(&m, ONE("{ id: a, prompt: x, agent: g, strategy: hybrid, reuse: never, "
                          "static: { run: y } }"));
    end_in_doubt(&m);
    assert_story_has(&m, "step a failed (permanent)");
    machine_release(&m);
}

static void whether_an_attempt_lives_is_told_before_it_is_ended(void **state)
{
    struct event event = {
        .kind = EVENT_LIVENESS, .step = "a", .attempt = 1, .liveness = "quiet", .why = "why"};
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x }"));
    (void)machine_event(&m, event);
    assert_effects(&m, "");
    event.is_to_stop = true;
    (void)machine_event(&m, event);
    assert_effects(&m, "end quiet a");
    event.attempt = 2; /* of another attempt */
    (void)machine_event(&m, event);
    assert_effects(&m, "");
    machine_pass(&m, "a");
    event.attempt = 1; /* it has ended */
    (void)machine_event(&m, event);
    assert_effects(&m, "");
    machine_release(&m);
}

static void a_timer_that_comes_early_is_set_again(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(""));
    machine_fail(&m, "a", "transient");
    m.now += 500;
    (void)machine_event(&m, (struct event){.kind = EVENT_TIMER, .step = "a"});
    assert_effects(&m, "timer a +1500");
    machine_release(&m);
}

static void a_lost_attempt_is_repeated_at_once_and_costs_no_try(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x }"));
    machine_fail(&m, "a", "lost");
    assert_effects(&m, "start a");
    assert_int_equal(machine_step(&m, "a")->tries, 0);
    machine_fail(&m, "a", "lost");
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

static void who_loses_every_attempt_gives_up(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(", on: [lost, transient]"));
    machine_fail(&m, "a", "lost");
    machine_fail(&m, "a", "lost");
    machine_fail(&m, "a", "lost");
    assert_story_has(&m, "step a failed (lost)");
    machine_release(&m);
}

static void losses_before_the_process_began_do_not_count(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x }"));
    for (int i = 0; i < 50; i++) {
        machine_lose_unbegun(&m, "a");
        assert_effects(&m, "start a");
    }
    machine_pass(&m, "a");
    assert_int_equal(m.run->status, RUN_COMPLETED);
    machine_release(&m);
}

/* The first attempt may have changed the tree, and the result must have a digest to be reused. */
static void another_attempt_is_prepared_anew(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x, reuse: tree, retry: { attempts: 2, delay: 1s } }"));
    machine_fail(&m, "a", "transient");
    machine_wait(&m, 1000);
    assert_effects(&m, "prepare a");
    machine_pass(&m, "a");
    assert_string_equal(machine_step(&m, "a")->digest, "d1");
    machine_release(&m);
}

#define AGENT(more) ONE("{ id: a, prompt: go, static: { run: x }, retry: { attempts: 1 }" more " }")

static void hybrid_tries_the_agent_and_then_the_static_alternative(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, AGENT(", strategy: hybrid"));
    machine_prepare(&m, "a");
    assert_story_has(&m, "try a 1 (ai)");
    machine_fail(&m, "a", "refused");
    assert_story_has(&m, "end a 1 refused | step a running (refused) | try a 2 (static)");
    assert_non_null(machine_step(&m, "a")->agent_error);
    machine_pass(&m, "a");
    assert_non_null(machine_step(&m, "a")->agent_error);
    assert_int_equal(m.run->status, RUN_COMPLETED);
    assert_true(machine_step(&m, "a")->is_static);
    machine_release(&m);
}

static void the_alternative_is_next_also_when_the_run_rests_meanwhile(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, AGENT(", strategy: hybrid"));
    machine_prepare(&m, "a");
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_fail(&m, "a", "refused");
    assert_int_equal(m.run->status, RUN_PAUSED);
    (void)machine_story(&m);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    assert_story_has(&m, "try a 2 (static)");
    machine_release(&m);
}

static void ai_has_no_way_back(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, AGENT(", strategy: ai"));
    machine_fail(&m, "a", "refused");
    assert_int_equal(m.run->status, RUN_PAUSED);
    machine_release(&m);
}

static void static_asks_no_agent(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, AGENT(", strategy: static"));
    assert_story_has(&m, "try a 1 (static)");
    assert_null(machine_step(&m, "a")->agent_error);
    machine_release(&m);
}

/* Nothing went wrong and nothing was done: neither failed nor completed, and what follows goes on.
 */
static void static_leaves_out_what_only_an_agent_can_do_and_says_so(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nstrategy: static\nphases: [{ id: p, steps: ["
                      "{ id: a, prompt: go, optional: true }, { id: each, prompt: go, "
                      "optional: true, foreach: [1, 2] }, { id: b, run: x }] }]\n");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_SKIPPED);
    assert_string_equal(machine_step(&m, "a")->reason,
                        "needs an agent, and the strategy is static");
    assert_null(machine_step(&m, "a")->error);
    assert_int_equal(machine_step(&m, "each")->status, STEP_IS_SKIPPED);
    assert_int_equal(machine_step(&m, "each")->instance_count, 0);
    assert_int_equal(machine_step(&m, "b")->status, STEP_IS_RUNNING);
    machine_release(&m);
}

/* A phase that may fail is not known to before its conditions are. */
static void static_fails_what_its_phase_needs_and_only_an_agent_can_do(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nstrategy: static\nphases: [{ id: p, optional: true, steps: ["
                      "{ id: a, prompt: go, when: run.iteration == 1 }] }]\n");
    assert_int_equal(machine_step(&m, "a")->status, STEP_IS_FAILED);
    assert_string_equal(machine_step(&m, "a")->error, "needs an agent, and the strategy is static");
    machine_release(&m);
}

static void the_strategy_asked_for_outweighs_the_step(void **state)
{
    struct machine m;

    (void)state;
    machine_init(&m, AGENT(", strategy: ai"), NULL);
    m.run->strategy = STRATEGY_STATIC;
    assert_int_equal(step_reuse(m.run, machine_step(&m, "a")), REUSE_NEVER);
    m.run->strategy = STRATEGY_UNSET;
    assert_int_equal(step_reuse(m.run, machine_step(&m, "a")), REUSE_TREE);
    machine_release(&m);
}

static void a_stopped_attempt_of_a_run_that_pauses_goes_back_to_pending(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, run: x }"));
    assert_int_equal(machine_command(&m, "{'do': 'pause', 'stop': true}"), 0);
    assert_effects(&m, "stop a");
    machine_fail(&m, "a", "cancelled");
    assert_story_has(&m, "step a pending | phase p paused | run paused (interrupted)");
    machine_release(&m);
}

static void a_failure_while_the_run_is_to_rest_keeps_its_tries(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, RETRIED(""));
    assert_int_equal(machine_command(&m, "{'do': 'pause'}"), 0);
    machine_fail(&m, "a", "transient");
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_step(&m, "a")->tries, 1);
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_fail(&m, "a", "transient");
    machine_wait(&m, 60000);
    machine_fail(&m, "a", "transient");
    assert_story_has(&m, "step a failed (transient)");
    machine_release(&m);
}

#define ASKED ONE("{ id: a, prompt: go, retry: { attempts: 3, delay: 2s, jitter: false } }")

static void a_limit_that_names_its_end_is_waited_for(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKED);
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_LIMIT, .retry_after_ms = 60000});
    assert_effects(&m, "timer a +60000");
    assert_int_equal(machine_step(&m, "a")->until, m.now + 60000);
    machine_wait(&m, 60000);
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_LIMIT, .retry_after_ms = 1});
    assert_effects(&m, "timer a +4000");
    machine_release(&m);
}

static const char *session_of_the_last_start(const struct machine *m)
{
    for (size_t i = m->records.count; i > 0; i--) {
        if (strcmp(m->records.items[i - 1].kind, "attempt_started") == 0) {
            return json_get_text(m->records.items[i - 1].body, "session", NULL);
        }
    }
    return NULL;
}

static void an_interrupted_agent_goes_on_with_its_session(void **state)
{
    static const enum failure_class classes[] = {CLASS_LOST, CLASS_TIMEOUT, CLASS_TRANSIENT};
    struct machine m;

    (void)state;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        machine_begin(&m, ASKED);
        machine_end(&m, "a", (struct outcome){.class_ = classes[i], .session = "s1"});
        machine_wait(&m, 2000);
        machine_prepare(&m, "a");
        assert_int_equal(machine_step(&m, "a")->attempts, 2);
        assert_string_equal(session_of_the_last_start(&m), "s1");
        machine_release(&m);
    }
}

static void a_session_that_is_not_known_cannot_be_gone_on_with(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKED);
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_TRANSIENT, .session = "s1"});
    machine_wait(&m, 2000);
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_TRANSIENT});
    machine_wait(&m, 4000);
    machine_prepare(&m, "a");
    assert_null(session_of_the_last_start(&m));
    machine_release(&m);
}

static void a_run_that_was_paused_in_between_goes_on_with_the_session(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ASKED);
    machine_prepare(&m, "a");
    assert_int_equal(machine_command(&m, "{'do': 'pause', 'stop': true}"), 0);
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_CANCELLED, .session = "s1"});
    assert_int_equal(machine_command(&m, "{'do': 'resume'}"), 0);
    machine_prepare(&m, "a");
    assert_string_equal(session_of_the_last_start(&m), "s1");
    machine_release(&m);
}

static void who_tries_a_failed_step_again_begins_anew(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE("{ id: a, prompt: go, retry: { attempts: 1 } }"));
    machine_end(&m, "a", (struct outcome){.class_ = CLASS_TIMEOUT, .session = "s1"});
    assert_int_equal(m.run->status, RUN_PAUSED);
    assert_int_equal(machine_command(&m, "{'do': 'retry', 'step': 'a'}"), 0);
    machine_prepare(&m, "a");
    assert_null(session_of_the_last_start(&m));
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_started_without_being_prepared),
        cmocka_unit_test(an_inline_function_has_no_folder),
        cmocka_unit_test(what_can_be_reused_is_prepared_first),
        cmocka_unit_test(an_earlier_result_is_taken_instead_of_an_attempt),
        cmocka_unit_test(what_cannot_be_prepared_fails),
        cmocka_unit_test(a_failure_of_a_retried_class_is_tried_again_after_its_delay),
        cmocka_unit_test(another_class_is_not_tried_again),
        cmocka_unit_test(what_may_be_at_work_still_is_not_tried_again),
        cmocka_unit_test(whether_an_attempt_lives_is_told_before_it_is_ended),
        cmocka_unit_test(a_timer_that_comes_early_is_set_again),
        cmocka_unit_test(losses_before_the_process_began_do_not_count),
        cmocka_unit_test(a_lost_attempt_is_repeated_at_once_and_costs_no_try),
        cmocka_unit_test(who_loses_every_attempt_gives_up),
        cmocka_unit_test(another_attempt_is_prepared_anew),
        cmocka_unit_test(hybrid_tries_the_agent_and_then_the_static_alternative),
        cmocka_unit_test(the_alternative_is_next_also_when_the_run_rests_meanwhile),
        cmocka_unit_test(ai_has_no_way_back),
        cmocka_unit_test(static_asks_no_agent),
        cmocka_unit_test(static_leaves_out_what_only_an_agent_can_do_and_says_so),
        cmocka_unit_test(static_fails_what_its_phase_needs_and_only_an_agent_can_do),
        cmocka_unit_test(the_strategy_asked_for_outweighs_the_step),
        cmocka_unit_test(a_stopped_attempt_of_a_run_that_pauses_goes_back_to_pending),
        cmocka_unit_test(a_failure_while_the_run_is_to_rest_keeps_its_tries),
        cmocka_unit_test(a_limit_that_names_its_end_is_waited_for),
        cmocka_unit_test(an_interrupted_agent_goes_on_with_its_session),
        cmocka_unit_test(a_session_that_is_not_known_cannot_be_gone_on_with),
        cmocka_unit_test(a_run_that_was_paused_in_between_goes_on_with_the_session),
        cmocka_unit_test(who_tries_a_failed_step_again_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
