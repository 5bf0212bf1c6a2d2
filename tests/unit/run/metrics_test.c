/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *metrics_of(struct run_project *project)
{
    struct error err = ERROR_INIT;
    json_t *metrics = NULL;

    if (run_metrics(project->store, project->id, &metrics, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return metrics;
}

static int64_t member(const json_t *object, const char *row, const char *field)
{
    return json_get_integer(row ? json_object_get(object, row) : object, field, -1);
}

static double real(const json_t *object, const char *field)
{
    return json_number_value(json_object_get(object, field));
}

static void durations_and_counts_are_those_of_the_records(void **state)
{
    struct run_project *project = *state;
    const json_t *phases;
    json_t *metrics;
    json_t *run = NULL;

    assert_string_equal(run_project_run(project,
                                        "name: w\nphases:\n"
                                        "  - { id: a, steps: [{ id: one, run: sleep 0.03 },"
                                        " { id: two, run: sleep 0.03 }], mode: parallel }\n"
                                        "  - { id: b, steps: [{ id: three, use: noop }] }\n"),
                        "completed");
    metrics = metrics_of(project);
    assert_int_equal(run_show(project->store, project->folder, project->id, &run, NULL), 0);
    phases = json_object_get(run, "phases");
    assert_int_equal(member(metrics, NULL, "duration_ms"),
                     json_get_integer(run, "ended_at", 0) - json_get_integer(run, "created_at", 0));
    assert_int_equal(member(json_object_get(metrics, "phases"), "a", "duration_ms"),
                     json_get_integer(json_array_get(phases, 0), "duration_ms", 0));
    assert_int_equal(member(json_object_get(metrics, "phases"), "a", "rounds"), 1);
    assert_int_equal(member(metrics, NULL, "attempts"), 3);
    assert_int_equal(member(metrics, NULL, "retries"), 0);
    assert_int_equal(member(metrics, NULL, "checkpoints"), 2);
    assert_true(member(metrics, NULL, "busy_ms") >= 60);
    assert_true(real(metrics, "utilisation") > 0);
    assert_int_equal(member(json_object_get(metrics, "using"), "command", "attempts"), 2);
    assert_int_equal(member(json_object_get(metrics, "using"), "function:noop", "attempts"), 1);
    json_decref(run);
    json_decref(metrics);
}

static void the_share_of_an_agent_is_its_time_of_the_whole(void **state)
{
    struct run_project *project = *state;
    const json_t *agent;
    json_t *metrics;

    run_project_configure(
        project, "agents:\n  a: { type: command, command: [sh, -c, 'sleep 0.05; echo well'] }\n"
                 "default_agent: a\n");
    assert_string_equal(run_project_run(project, "name: w\nphases: [{ id: a, steps: [{ id: one,"
                                                 " agent: a, prompt: Think }] }]\n"),
                        "completed");
    metrics = metrics_of(project);
    agent = json_object_get(json_object_get(metrics, "using"), "agent:a");
    assert_int_equal(json_get_integer(agent, "attempts", 0), 1);
    assert_true(json_get_integer(agent, "busy_ms", 0) >= 50);
    assert_true(real(agent, "utilisation") > 0.1 && real(agent, "utilisation") <= 1.0);
    json_decref(metrics);
}

static void a_retry_is_another_try_in_the_same_round(void **state)
{
    struct run_project *project = *state;
    json_t *metrics;

    /* Fails twice in its first round; goes back and works at once in its second. */
    assert_string_equal(
        run_project_run(project, "name: w\nphases:\n"
                                 "  - id: a\n"
                                 "    steps: [{ id: one, run: 'echo >>n; test $(wc -l <n) -ge 3',"
                                 " retry: { attempts: 3, delay: 1ms } }]\n"
                                 "  - id: b\n"
                                 "    steps: [{ id: two, run: 'test $(wc -l <n) -ge 4',"
                                 " retry: { attempts: 1 } }]\n"
                                 "    on_failure: { goto: a, max: 2 }\n"),
        "completed");
    metrics = metrics_of(project);
    assert_int_equal(member(metrics, NULL, "attempts"), 6);
    assert_int_equal(member(metrics, NULL, "retries"), 2);
    assert_int_equal(member(metrics, NULL, "gotos"), 1);
    assert_int_equal(member(json_object_get(metrics, "phases"), "a", "rounds"), 2);
    assert_int_equal(member(json_object_get(metrics, "using"), "command", "failures"), 3);
    json_decref(metrics);
}

static void the_rate_of_a_gate_counts_every_decision(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    const json_t *gate;
    json_t *metrics;
    json_t *answer;

    assert_string_equal(
        run_project_run(project, "name: w\n"
                                 "gates: { g: { commands: [{ run: test -e fixed }] } }\n"
                                 "phases: [{ id: a, gate: g, steps: [{ id: one, use: noop }] }]\n"),
        "paused");
    run_project_drop_engine(project);
    run_project_write(project, "fixed", "");
    answer = run_project_ask(project, project->id,
                             json_pack("{s:s, s:b}", "do", "resume", "retry_failed", 1), &err);
    if (answer) {
        json_decref(answer);
    } else {
        fail_msg("%s", err.text);
    }
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    assert_string_equal(run_project_status(project, project->id), "completed");
    metrics = metrics_of(project);
    gate = json_object_get(json_object_get(metrics, "gates"), "g");
    assert_int_equal(json_get_integer(gate, "pass", 0), 1);
    assert_int_equal(json_get_integer(gate, "fail", 0), 1);
    assert_true(real(gate, "pass_rate") > 0.49 && real(gate, "pass_rate") < 0.51);
    /* The check was made again; that is no retry. */
    assert_int_equal(member(metrics, NULL, "attempts"), 3);
    assert_int_equal(member(metrics, NULL, "retries"), 0);
    json_decref(metrics);
}

static void a_pause_is_part_of_the_whole_but_not_of_a_phase(void **state)
{
    struct run_project *project = *state;
    struct error err = ERROR_INIT;
    json_t *metrics;

    assert_string_equal(run_project_run(project,
                                        "name: w\n"
                                        "phases: [{ id: a, steps: [{ id: one, run: test -e fixed,"
                                        " retry: { attempts: 1 } }] }]\n"),
                        "paused");
    run_project_drop_engine(project);
    project->clock_shift_ms += 3600 * 1000;
    run_project_write(project, "fixed", "");
    json_decref(run_project_ask(project, project->id,
                                json_pack("{s:s, s:b}", "do", "resume", "retry_failed", 1), &err));
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
    metrics = metrics_of(project);
    assert_true(member(metrics, NULL, "duration_ms") >= 3600 * 1000);
    assert_true(member(json_object_get(metrics, "phases"), "a", "duration_ms") < 3600 * 1000);
    json_decref(metrics);
}

static void a_phase_under_way_counts_as_far_as_it_has_come(void **state)
{
    struct run_project *project = *state;
    json_t *metrics;

    run_project_start(project,
                      "name: w\nphases: [{ id: a, steps: [{ id: one, run: sleep 0.02 },"
                      " { id: two, needs: [one], run: 'true' }] }]\n",
                      NULL);
    run_project_go_until(project, "attempt_started", "two");
    metrics = metrics_of(project);
    assert_true(member(json_object_get(metrics, "phases"), "a", "duration_ms") >= 20);
    json_decref(metrics);
    run_project_go(project);
}

static void what_was_reused_saved_its_time(void **state)
{
    static const char text[] = "name: w\nphases: [{ id: a, steps: [{ id: one,"
                               " run: sleep 0.03; echo 1, reuse: inputs }] }]\n";
    struct run_project *project = *state;
    json_t *metrics;

    (void)run_project_run(project, text);
    for (int i = 0; i < 2; i++) {
        (void)run_project_run(project, text);
        metrics = metrics_of(project);
        assert_int_equal(member(metrics, NULL, "attempts"), 0);
        assert_int_equal(member(metrics, NULL, "reused"), 1);
        assert_true(member(metrics, NULL, "saved_ms") >= 30);
        json_decref(metrics);
    }
}

static void rounds_of_an_iteration_and_gates_that_were_only_skipped_are_counted(void **state)
{
    struct run_project *project = *state;
    json_t *command = json_pack("{s:s, s:s, s:s}", "do", "skip", "gate", "b", "reason", "known");
    struct error err = ERROR_INIT;
    json_t *metrics;
    const json_t *gate;

    assert_string_equal(
        run_project_run(project,
                        "name: w\n"
                        "gates: { g: { commands: [{ run: 'false' }] } }\n"
                        "phases:\n"
                        "  - { id: a, iterate: { max: 3 }, steps: [{ id: one, use: noop }] }\n"
                        "  - { id: b, gate: g, steps: [{ id: two, use: noop }] }\n"),
        "paused");
    run_project_drop_engine(project);
    json_decref(run_project_ask(project, project->id, command, &err));
    assert_string_equal(err.text, "");
    metrics = metrics_of(project);
    assert_int_equal(member(metrics, NULL, "iterations"), 2);
    gate = json_object_get(json_object_get(metrics, "gates"), "g");
    assert_int_equal(json_get_integer(gate, "skipped", 0), 1);
    assert_true(real(gate, "pass_rate") == 0);
    json_decref(metrics);
}

static void what_an_agent_used_is_added_up(void **state)
{
    struct run_project *project = *state;
    json_t *metrics;
    const json_t *agents;

    run_project_configure(project,
                          "default_agent: a\nagents:\n"
                          "  a: { type: command, output: jsonl, command: [cat, use.jsonl] }\n"
                          "  b: { type: command, output: jsonl, command: [cat, use.jsonl] }\n");
    run_project_write(
        project, "use.jsonl",
        "{\"event\":\"text\",\"text\":\"fine\"}\n"
        "{\"event\":\"usage\",\"usage\":{\"input_tokens\":7}}\n{\"event\":\"done\"}\n");
    assert_string_equal(
        run_project_run(project, "name: w\nphases: [{ id: p, steps: [\n"
                                 "  { id: one, prompt: go }, { id: two, agent: b, prompt: go },\n"
                                 "  { id: three, prompt: go on }] }]\n"),
        "completed");
    metrics = metrics_of(project);
    agents = json_object_get(metrics, "agents");
    assert_int_equal(member(agents, "a", "input_tokens"), 14);
    assert_int_equal(member(agents, "b", "input_tokens"), 7);
    json_decref(metrics);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(durations_and_counts_are_those_of_the_records),
        TEST(the_share_of_an_agent_is_its_time_of_the_whole),
        TEST(a_retry_is_another_try_in_the_same_round),
        TEST(the_rate_of_a_gate_counts_every_decision),
        TEST(a_pause_is_part_of_the_whole_but_not_of_a_phase),
        TEST(a_phase_under_way_counts_as_far_as_it_has_come),
        TEST(what_was_reused_saved_its_time),
        TEST(rounds_of_an_iteration_and_gates_that_were_only_skipped_are_counted),
        TEST(what_an_agent_used_is_added_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
