/* SPDX-License-Identifier: MIT */
#include "run/admission.h"

#include "run/audit.h"
#include "run/query.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)

static const struct agent_config agent = {
    .name = "one", .breaker_threshold = 2, .breaker_recovery_ms = 60000};

static int note(struct tx *tx, void *arg, struct error *err)
{
    return admission_note(tx, arg, err);
}

static int change(struct tx *tx, void *arg, struct error *err)
{
    return tx_run(tx, tx_query(tx, arg), NULL, err);
}

static void end_call(struct run_project *project, const char *step, enum failure_class class_)
{
    struct admission_end end = {.agent = "one",
                                .policy = breaker_policy_of(&agent),
                                .run = "wf_1",
                                .step = step,
                                .class_ = class_,
                                .error = "it is down",
                                .at = NOW};

    assert_int_equal(store_write(project->store, note, &end, NULL), 0);
}

static struct admission ask(struct run_project *project, const struct agent_config *config,
                            const char *step, int64_t now)
{
    struct admission_request request = {.agent = config, .run = "wf_1", .step = step, .now = now};
    struct admission admission;

    assert_int_equal(admission_ask(project->store, &request, &admission, NULL), 0);
    return admission;
}

static const char *state_of(struct run_project *project)
{
    static char text[32];
    json_t *breakers = NULL;

    assert_int_equal(run_agent_breakers(project->store, &breakers, NULL), 0);
    (void)snprintf(text, sizeof(text), "%s",
                   json_get_text(json_object_get(breakers, "one"), "state", "none"));
    json_decref(breakers);
    return text;
}

static void an_open_breaker_is_kept_over_a_restart_and_says_why(void **state)
{
    struct run_project *project = *state;
    struct admission admission;

    end_call(project, "a", CLASS_TRANSIENT);
    assert_int_equal(ask(project, &agent, "a", NOW).until, 0);
    end_call(project, "b", CLASS_TIMEOUT);
    run_project_reopen(project);
    assert_string_equal(state_of(project), "open");
    admission = ask(project, &agent, "a", NOW + 1);
    assert_int_equal(admission.until, NOW + 60000);
    assert_false(admission.is_slot);
    assert_non_null(strstr(admission.why, "agent one is open after 2 failures in a row"));
    assert_non_null(strstr(admission.why, "it is down"));
}

static void one_call_tries_and_its_success_closes_the_breaker(void **state)
{
    struct run_project *project = *state;

    end_call(project, "a", CLASS_TRANSIENT);
    end_call(project, "a", CLASS_TRANSIENT);
    assert_int_equal(ask(project, &agent, "b", NOW + 60000).until, 0);
    assert_string_equal(state_of(project), "half open");
    assert_int_equal(ask(project, &agent, "c", NOW + 60001).until, NOW + 120000);
    assert_int_equal(ask(project, &agent, "b", NOW + 60002).until, 0);
    end_call(project, "b", CLASS_NONE);
    assert_string_equal(state_of(project), "closed");
    assert_int_equal(ask(project, &agent, "c", NOW + 60003).until, 0);
}

static int64_t count_entries(struct run_project *project)
{
    json_t *report = NULL;
    int64_t count;

    assert_int_equal(audit_verify(project->store, NULL, &report, NULL), 0);
    count = json_get_integer(report, "entries", -1);
    json_decref(report);
    return count;
}

static void a_person_closes_it(void **state)
{
    const struct breaker_closing closing = {.agent = "one", .user = "ada", .now_ms = NOW};
    struct run_project *project = *state;
    int64_t entries = count_entries(project);
    bool had = false;

    end_call(project, "a", CLASS_TRANSIENT);
    end_call(project, "a", CLASS_TRANSIENT);
    assert_int_equal(run_agent_close_breaker(project->store, &closing, &had, NULL), 0);
    assert_true(had);
    assert_int_equal(ask(project, &agent, "a", NOW + 1).until, 0);
    assert_int_equal(run_agent_close_breaker(project->store, &closing, &had, NULL), 0);
    assert_false(had);
    assert_int_equal(count_entries(project), entries + 1); /* of what was done */
}

static void beyond_its_rate_each_call_gets_a_time_of_its_own(void **state)
{
    const struct agent_config limited = {.name = "one", .rate_limit = 2};
    struct run_project *project = *state;
    struct admission admission;

    assert_int_equal(ask(project, &limited, "a", NOW).until, 0);
    assert_int_equal(ask(project, &limited, "b", NOW).until, 0);
    run_project_reopen(project);
    admission = ask(project, &limited, "c", NOW);
    assert_int_equal(admission.until, NOW + 30000);
    assert_true(admission.is_slot);
    assert_non_null(strstr(admission.why, "2 calls a minute"));
    assert_int_equal(ask(project, &limited, "d", NOW).until, NOW + 60000);
}

static void agents_of_one_account_share_its_rate(void **state)
{
    const struct agent_config one = {.name = "one", .account = "work", .rate_limit = 1};
    const struct agent_config two = {.name = "two", .account = "work", .rate_limit = 1};
    struct run_project *project = *state;

    assert_int_equal(ask(project, &one, "a", NOW).until, 0);
    assert_int_equal(ask(project, &two, "b", NOW).until, NOW + 60000);
}

static void a_failure_without_a_word_is_said_to_be_one(void **state)
{
    struct admission_end end = {.agent = "one",
                                .policy = breaker_policy_of(&agent),
                                .run = "wf_1",
                                .step = "a",
                                .class_ = CLASS_TRANSIENT,
                                .at = NOW};
    struct run_project *project = *state;

    assert_int_equal(store_write(project->store, note, &end, NULL), 0);
    assert_int_equal(store_write(project->store, note, &end, NULL), 0);
    assert_non_null(strstr(ask(project, &agent, "a", NOW + 1).why, "the last: not said"));
}

/* Of a later version, say. */
static void a_state_that_nobody_knows_keeps_nobody_away(void **state)
{
    static const struct query query = {"UPDATE agent_breaker SET state = 'odd', error = NULL"};
    struct run_project *project = *state;

    end_call(project, "a", CLASS_TRANSIENT);
    end_call(project, "a", CLASS_TRANSIENT);
    assert_int_not_equal(ask(project, &agent, "a", NOW + 1).until, 0);
    assert_int_equal(store_write(project->store, change, (void *)(uintptr_t)&query, NULL), 0);
    assert_int_equal(ask(project, &agent, "a", NOW + 1).until, 0);
}

static void who_has_its_slot_pays_no_second_one(void **state)
{
    const struct agent_config limited = {
        .name = "one", .rate_limit = 1, .breaker_threshold = 2, .breaker_recovery_ms = 60000};
    struct admission_request request = {
        .agent = &limited, .run = "wf_1", .step = "b", .now = NOW + 60000, .has_slot = true};
    struct run_project *project = *state;
    struct admission admission;

    assert_int_equal(ask(project, &limited, "a", NOW).until, 0);
    assert_int_equal(ask(project, &limited, "b", NOW).until, NOW + 60000);
    end_call(project, "a", CLASS_TRANSIENT);
    end_call(project, "a", CLASS_TRANSIENT);
    /* Its time has come, and it is the one that tries. */
    assert_int_equal(admission_ask(project->store, &request, &admission, NULL), 0);
    assert_int_equal(admission.until, 0);
    assert_string_equal(state_of(project), "half open");
    end_call(project, "b", CLASS_NONE);
    assert_int_equal(ask(project, &limited, "c", NOW + 60000).until, NOW + 120000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failure_without_a_word_is_said_to_be_one,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_nobody_knows_keeps_nobody_away,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(who_has_its_slot_pays_no_second_one, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(an_open_breaker_is_kept_over_a_restart_and_says_why,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(one_call_tries_and_its_success_closes_the_breaker,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(a_person_closes_it, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(beyond_its_rate_each_call_gets_a_time_of_its_own,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(agents_of_one_account_share_its_rate, run_project_set_up,
                                        run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
