/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char three_noops[] = "name: w\nphases:\n  - id: a\n    steps:\n"
                                  "      - { id: one, use: noop }\n"
                                  "      - { id: two, use: noop }\n"
                                  "      - { id: three, use: noop }\n";

static json_int_t number(const json_t *result, const char *key)
{
    return json_get_integer(result, key, -1);
}

static json_int_t runs_in(struct ops_project *project, const char *status)
{
    json_t *list = ops_project_call(project, "list",
                                    json_pack("{s:i, s:s}", "limit", 100, "status", status));
    json_int_t count = (json_int_t)json_array_size(json_object_get(list, "runs"));

    json_decref(list);
    return count;
}

static void every_run_is_kept_like_any_other(void **state)
{
    json_t *result;

    ops_project_write(*state, "w.yaml", three_noops);
    result = ops_project_call(
        *state, "run",
        json_pack("{s:s, s:i, s:i}", "workflow", "w.yaml", "repeat", 7, "parallel", 3));
    assert_int_equal(number(result, "runs"), 7);
    assert_int_equal(number(result, "completed"), 7);
    assert_int_equal(number(result, "failed"), 0);
    assert_int_equal(number(result, "waiting"), 0);
    assert_int_equal(number(result, "steps"), 21);
    assert_true(json_real_value(json_object_get(result, "seconds")) > 0);
    assert_true(json_real_value(json_object_get(result, "peak_rss_mb")) > 1);
    assert_true(number(result, "gap_p50_us") > 0);
    assert_true(number(result, "gap_p99_us") >= number(result, "gap_p50_us"));
    json_decref(result);
    assert_int_equal(runs_in(*state, "completed"), 7);
}

static void a_single_step_has_no_gap(void **state)
{
    json_t *result;

    ops_project_steps(*state, "w", (const char *const[]){"'true'", NULL});
    result = ops_project_call(*state, "run", json_pack("{s:s, s:i}", "workflow", "w", "repeat", 1));
    assert_true(json_is_null(json_object_get(result, "gap_p50_us")));
    assert_true(json_is_null(json_object_get(result, "gap_p99_us")));
    assert_int_equal(number(result, "steps"), 1);
    json_decref(result);
}

static void the_report_is_what_was_measured(void **state)
{
    struct ops_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *result;
    json_t *report = NULL;
    char *path = path_join(project->folder, "out.json");
    char *text = NULL;
    size_t length;

    ops_project_write(project, "w.yaml", three_noops);
    result = ops_project_call(
        project, "run",
        json_pack("{s:s, s:i, s:s}", "workflow", "w.yaml", "repeat", 2, "report", "out.json"));
    assert_int_equal(file_read(path, 65536, &text, &length, &err), 0);
    assert_int_equal(json_parse_text(text, length, "report", &report, &err), 0);
    assert_true(json_equal(report, result));
    json_decref(report);
    json_decref(result);
    free(text);
    free(path);
}

static void runs_that_fail_or_wait_are_counted_apart(void **state)
{
    json_t *result;

    ops_project_write(
        *state, "w.yaml",
        "name: w\nphases:\n  - id: a\n    steps:\n"
        "      - { id: ok, run: 'exit 3', retry: { attempts: 1 } }\non_failure: fail\n");
    ops_project_write(*state, "q.yaml",
                      "name: q\nphases:\n  - id: a\n    steps: [{ id: ok, approve: Really? }]\n");
    result = ops_project_call(
        *state, "run", json_pack("{s:s, s:i, s:b}", "workflow", "w.yaml", "repeat", 3, "fresh", 1));
    assert_int_equal(number(result, "failed"), 3);
    json_decref(result);
    result = ops_project_call(
        *state, "run",
        json_pack("{s:s, s:i, s:i}", "workflow", "q.yaml", "repeat", 3, "parallel", 2));
    assert_int_equal(number(result, "waiting"), 3);
    assert_int_equal(number(result, "failed"), 0);
    json_decref(result);
    assert_int_equal(runs_in(*state, "paused"), 3);
}

static void no_more_runs_are_under_way_at_once_than_asked_for(void **state)
{
    json_t *result;

    ops_project_write(*state, "w.yaml",
                      "name: w\nphases:\n  - id: a\n    steps:\n"
                      "      - id: alone\n        retry: { attempts: 1 }\n"
                      "        run: 'mkdir one-alone && sleep 0.02 && rmdir one-alone'\n");
    result = ops_project_call(
        *state, "run",
        json_pack("{s:s, s:i, s:i}", "workflow", "w.yaml", "repeat", 5, "parallel", 1));
    assert_int_equal(number(result, "completed"), 5);
    json_decref(result);
}

static void nested_runs_end_with_the_runs_around_them(void **state)
{
    json_t *result;

    ops_project_write(*state, ".fermata/workflows/inner.yaml",
                      "name: inner\nphases:\n  - id: a\n    steps: [{ id: one, use: noop }]\n");
    ops_project_write(*state, ".fermata/workflows/outer.yaml",
                      "name: outer\nphases:\n  - id: a\n    steps:\n"
                      "      - { id: call, workflow: inner }\n      - { id: two, use: noop }\n");
    result = ops_project_call(
        *state, "run",
        json_pack("{s:s, s:i, s:i}", "workflow", "outer", "repeat", 4, "parallel", 2));
    assert_int_equal(number(result, "completed"), 4);
    assert_int_equal(number(result, "steps"), 8);
    json_decref(result);
}

struct interrupting {
    struct ops *ops;
    int begins, ends, times;
};

static void interrupt(void *arg)
{
    struct interrupting *seen = arg;

    ops_interrupt(seen->ops, seen->times);
}

static void on_begin(void *context, struct ops *ops, const json_t *run)
{
    struct interrupting *seen = context;
    struct loop *loop;

    assert_null(run);
    seen->begins++;
    seen->ops = ops;
    assert_int_equal(ops_loop(ops, &loop, NULL), 0);
    (void)loop_timer_start(loop, 100, interrupt, seen);
}

static void on_end(void *context)
{
    ((struct interrupting *)context)->ends++;
}

static json_t *interrupt_many(struct ops_project *project, struct interrupting *seen)
{
    ops_project_write(project, ".fermata/config.yaml", "concurrency: 4\n");
    ops_project_write(project, "w.yaml",
                      "name: w\nphases:\n  - id: a\n    steps:\n"
                      "      - { id: one, run: sleep 0.3 }\n"
                      "      - { id: two, run: sleep 0.3 }\n");
    project->view = (struct ops_view){.on_begin = on_begin, .on_end = on_end, .context = seen};
    return ops_project_call(project, "run",
                            json_pack("{s:s, s:i, s:i, s:s}", "workflow", "w.yaml", "repeat", 100,
                                      "parallel", 2, "report", "out.json"));
}

static void an_interrupt_pauses_what_is_under_way_and_begins_no_more(void **state)
{
    struct interrupting seen = {.times = 1};
    json_t *result = interrupt_many(*state, &seen);

    assert_int_equal(seen.begins, 1);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(number(result, "runs"), 2);
    assert_int_equal(number(result, "waiting"), 2);
    assert_null(json_object_get(result, "left"));
    json_decref(result);
    assert_int_equal(runs_in(*state, "paused"), 2);
    assert_false(ops_project_has(*state, "out.json"));
}

static void the_third_interrupt_leaves_the_runs_as_they_are(void **state)
{
    struct interrupting seen = {.times = 3};
    json_t *result = interrupt_many(*state, &seen);

    assert_true(json_get_boolean(result, "left", false));
    assert_int_equal(number(result, "waiting"), 2);
    json_decref(result);
    assert_int_equal(runs_in(*state, "running"), 2);
    assert_false(ops_project_has(*state, "out.json"));
}

static void assert_refused(void **state, json_t *arguments, const char *part)
{
    struct error err = ERROR_INIT;

    json_put_text(arguments, "workflow", "w.yaml");
    assert_true(ops_project_fail(*state, "run", arguments, &err) < 0);
    if (!strstr(err.text, part)) {
        fail_msg("%s", err.text);
    }
    assert_false(ops_project_has(*state, ".fermata/fermata.db"));
}

static void what_does_not_go_together_is_refused_before_anything_runs(void **state)
{
    ops_project_write(*state, "w.yaml", three_noops);
    ops_project_write(*state, "folder/file", "");
    assert_refused(state, json_pack("{s:i, s:b}", "repeat", 2, "detach", 1), "--detach");
    assert_refused(state, json_pack("{s:i, s:b}", "repeat", 2, "dry_run", 1), "--dry-run");
    assert_refused(state, json_pack("{s:i}", "parallel", 2), "--parallel belongs to --repeat");
    assert_refused(state, json_pack("{s:s}", "report", "o.json"), "--report belongs to --repeat");
    assert_refused(state, json_pack("{s:i}", "repeat", 0), "--repeat: must be between 1 and");
    assert_refused(state, json_pack("{s:i}", "repeat", 1000001), "--repeat: must be between 1 and");
    assert_refused(state, json_pack("{s:i, s:i}", "repeat", 9, "parallel", 257),
                   "--parallel: must be between 1 and 256");
    assert_refused(state, json_pack("{s:i, s:s}", "repeat", 1, "report", "none/o.json"),
                   "--report: cannot write to");
    assert_refused(state, json_pack("{s:i, s:s}", "repeat", 1, "report", "folder"), "is a folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_run_is_kept_like_any_other),
        TEST(a_single_step_has_no_gap),
        TEST(the_report_is_what_was_measured),
        TEST(runs_that_fail_or_wait_are_counted_apart),
        TEST(no_more_runs_are_under_way_at_once_than_asked_for),
        TEST(nested_runs_end_with_the_runs_around_them),
        TEST(an_interrupt_pauses_what_is_under_way_and_begins_no_more),
        TEST(the_third_interrupt_leaves_the_runs_as_they_are),
        TEST(what_does_not_go_together_is_refused_before_anything_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
