/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/journal.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static json_t *get_totals(struct run_project *project)
{
    struct error err = ERROR_INIT;
    json_t *totals = NULL;

    if (run_agent_totals(project->store, &totals, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return totals;
}

static void without_agents_there_is_nothing_to_sum(void **state)
{
    struct run_project *project = *state;
    json_t *totals;

    (void)run_project_run(project,
                          "name: w\nphases: [{ id: a, steps: [{ id: s, run: exit 0 }] }]\n");
    totals = get_totals(project);
    assert_int_equal(json_object_size(totals), 0);
    json_decref(totals);
}

static const struct query q_insert = {
    "INSERT INTO journal (run, seq, at, kind, body, sum) VALUES ('wf_x', ?1, ?1, ?2, ?3, 0)"};

struct row {
    const char *kind;
    const char *body;
};

static int insert(struct tx *tx, void *arg, struct error *err)
{
    const struct row *rows = arg;

    for (int64_t i = 0; rows[i].kind; i++) {
        struct statement *statement = tx_query(tx, &q_insert);

        bind_integer(statement, 1, i + 1);
        bind_text(statement, 2, rows[i].kind);
        bind_text(statement, 3, rows[i].body);
        assert_int_equal(tx_run(tx, statement, NULL, err), 0);
    }
    return 0;
}

static void each_agents_attempts_are_summed_and_the_unknown_is_told(void **state)
{
    struct run_project *project = *state;
    static const struct row rows[] = {
        {"attempt_started", "{\"agent\":\"fine\",\"usage\":{\"input_tokens\":1000}}"},
        {"attempt_ended", "{\"class\":\"none\",\"agent\":\"fine\",\"usage\":{\"input_tokens\":10,"
                          "\"output_tokens\":2,\"cached_tokens\":0,\"cost_usd\":0.5}}"},
        {"attempt_ended",
         "{\"agent\":\"fine\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}"},
        {"attempt_ended", "{\"agent\":\"bad\",\"class\":\"permanent\",\"usage\":{\"user_ms\":3}}"},
        {"attempt_ended", "{\"step\":\"c\",\"error\":\"\\\"agent\\\":\\\"no\\\"\"}"},
        {NULL, NULL},
    };
    struct error err = ERROR_INIT;
    const json_t *fine;
    const json_t *bad;
    json_t *totals;

    assert_int_equal(store_write(project->store, insert, (void *)(uintptr_t)rows, &err), 0);
    totals = get_totals(project);
    assert_int_equal(json_object_size(totals), 2);
    fine = json_object_get(totals, "fine");
    bad = json_object_get(totals, "bad");
    assert_int_equal(json_get_integer(fine, "attempts", 0), 2);
    assert_int_equal(json_get_integer(fine, "failed", -1), 0);
    assert_int_equal(json_get_integer(fine, "input_tokens", 0), 15);
    assert_int_equal(json_get_integer(fine, "output_tokens", 0), 3);
    assert_int_equal(json_get_integer(fine, "cached_tokens", -1), 0);
    assert_true(json_number_value(json_object_get(fine, "cost_usd")) == 0.5);
    assert_int_equal(json_get_integer(fine, "priced", 0), 1);
    assert_int_equal(json_get_integer(fine, "counted", 0), 2);
    assert_int_equal(json_get_integer(fine, "last_at", 0), 3);
    assert_int_equal(json_get_integer(bad, "failed", 0), 1);
    assert_null(json_object_get(bad, "cost_usd"));
    assert_null(json_object_get(bad, "input_tokens"));
    json_decref(totals);
}

static int keep(struct tx *tx, void *arg, struct error *err)
{
    static const struct query q_remove = {"DELETE FROM journal WHERE run = 'wf_x'"};
    int r = totals_keep(tx, "wf_x", err);

    (void)arg;
    return r < 0 ? r : tx_run(tx, tx_query(tx, &q_remove), NULL, err);
}

static void what_removed_runs_used_stays_in_the_sums(void **state)
{
    struct run_project *project = *state;
    static const struct row rows[] = {
        {"attempt_ended", "{\"class\":\"none\",\"agent\":\"fine\",\"usage\":{\"input_tokens\":10,"
                          "\"output_tokens\":2,\"cost_usd\":0.5}}"},
        {"attempt_ended",
         "{\"agent\":\"fine\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}"},
        {"attempt_ended", "{\"agent\":\"bad\",\"class\":\"permanent\",\"usage\":{\"user_ms\":3}}"},
        {NULL, NULL},
    };
    struct error err = ERROR_INIT;

    /* Twice removed, and there again. */
    for (int round = 1; round <= 3; round++) {
        const json_t *fine, *bad;
        json_t *before;
        json_t *totals;

        assert_int_equal(store_write(project->store, insert, (void *)(uintptr_t)rows, &err), 0);
        before = get_totals(project);
        if (round < 3 && store_write(project->store, keep, NULL, &err) < 0) {
            fail_msg("%s", err.text);
        }
        totals = get_totals(project);
        assert_true(json_equal(totals, before));
        fine = json_object_get(totals, "fine");
        bad = json_object_get(totals, "bad");
        assert_int_equal(json_get_integer(fine, "attempts", 0), 2 * round);
        assert_int_equal(json_get_integer(fine, "input_tokens", 0), 15 * round);
        assert_true(json_number_value(json_object_get(fine, "cost_usd")) == 0.5 * round);
        assert_int_equal(json_get_integer(fine, "priced", 0), round);
        assert_null(json_object_get(fine, "cached_tokens"));
        assert_int_equal(json_get_integer(bad, "failed", 0), round);
        assert_null(json_object_get(bad, "cost_usd"));
        json_decref(totals);
        json_decref(before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_agents_there_is_nothing_to_sum, run_project_set_up,
                                        run_project_tear_down),
        cmocka_unit_test_setup_teardown(each_agents_attempts_are_summed_and_the_unknown_is_told,
                                        run_project_set_up, run_project_tear_down),
        cmocka_unit_test_setup_teardown(what_removed_runs_used_stays_in_the_sums,
                                        run_project_set_up, run_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
