/* SPDX-License-Identifier: MIT */
#include "run/view.h"

#include "base/alloc.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char workflow_text[] =
    "name: w\n"
    "title: All of it\n"
    "gates: { g: { commands: [{ run: make check, name: checks }] } }\n"
    "phases:\n"
    "  - id: a\n"
    "    mode: adaptive\n"
    "    gate: g\n"
    "    steps: [{ id: one, run: make }, { id: many, foreach: [1, 2], run: echo }]\n"
    "    fix: [{ id: mend, run: fix }]\n"
    "  - { id: b, steps: [{ id: ask, approve: Good? }] }\n";

struct fixture {
    struct workflow *workflow;
    struct run_state *run;
};

static void apply(struct fixture *fixture, struct record record)
{
    record.seq = fixture->run->seq + 1;
    record.at = 1000 * record.seq;
    assert_null(run_refusal(fixture->run, &record));
    run_apply(fixture->run, &record);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    json_t *inputs = json_pack("{s:i}", "n", 3);

    fixture->workflow = run_project_parse(workflow_text);
    fixture->run = run_state_new("wf_abc123abc123", fixture->workflow);
    apply(fixture, (struct record){.kind = RECORD_RUN_CREATED,
                                   .name = "w",
                                   .text = "the task",
                                   .strategy = "static",
                                   .by = "nightly",
                                   .other = "wf_abc123abc122",
                                   .other_step = "nest",
                                   .flag = true,
                                   .data = inputs});
    apply(fixture, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    apply(fixture,
          (struct record){
              .kind = RECORD_PHASE_MOVED, .phase = "a", .status = "running", .reason = "x"});
    json_decref(inputs);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    run_state_free(fixture->run);
    workflow_free(fixture->workflow);
    free(fixture);
    return 0;
}

static const json_t *phase_of(const json_t *view, size_t index)
{
    return json_array_get(json_object_get(view, "phases"), index);
}

static const json_t *step_of(const json_t *phase, const char *list, size_t index)
{
    return json_array_get(json_object_get(phase, list), index);
}

static void a_run_is_shown_with_all_that_belongs_to_it(void **state)
{
    const struct fixture *fixture = *state;
    json_t *view = view_run(fixture->run);

    assert_string_equal(json_get_text(view, "id", ""), "wf_abc123abc123");
    assert_string_equal(json_get_text(view, "workflow", ""), "w");
    assert_string_equal(json_get_text(view, "title", ""), "All of it");
    assert_string_equal(json_get_text(view, "task", ""), "the task");
    assert_string_equal(json_get_text(view, "label", ""), "nightly");
    assert_true(json_get_boolean(view, "fresh", false));
    assert_string_equal(json_get_text(view, "parent", ""), "wf_abc123abc122");
    assert_string_equal(json_get_text(view, "parent_step", ""), "nest");
    assert_string_equal(json_get_text(view, "status", ""), "running");
    assert_string_equal(json_get_text(view, "strategy", ""), "static");
    assert_string_equal(json_get_text(view, "workflow_digest", ""), fixture->workflow->digest);
    assert_int_equal(json_get_integer(json_object_get(view, "inputs"), "n", 0), 3);
    assert_int_equal(json_get_integer(view, "started_at", 0), 2000);
    assert_int_equal(json_get_integer(view, "seq", 0), 3);
    assert_null(json_object_get(view, "ended_at"));
    assert_int_equal(json_array_size(json_object_get(view, "phases")), 2);
    assert_int_equal(json_get_integer(json_object_get(view, "steps"), "total", 0), 3);
    assert_string_equal(json_get_text(step_of(phase_of(view, 0), "fix", 0), "key", ""), "mend");
    assert_string_equal(json_get_text(phase_of(view, 0), "status", ""), "running");
    assert_string_equal(json_get_text(phase_of(view, 1), "status", ""), "pending");
    json_decref(view);
}

static void a_step_shows_its_attempt_and_what_it_left(void **state)
{
    struct fixture *fixture = *state;
    json_t *output = json_pack("{s:i, s:s}", "bytes", 3, "inline", "ok\n");
    json_t *view;
    const json_t *step;

    apply(fixture,
          (struct record){
              .kind = RECORD_ATTEMPT_STARTED, .step = "one", .reason = "command", .number = 1});
    apply(fixture, (struct record){.kind = RECORD_ATTEMPT_ENDED,
                                   .step = "one",
                                   .number = 1,
                                   .class_ = "none",
                                   .output = output});
    apply(fixture,
          (struct record){.kind = RECORD_STEP_MOVED, .step = "one", .status = "completed"});
    view = view_run(fixture->run);
    step = step_of(phase_of(view, 0), "steps", 0);
    assert_string_equal(json_get_text(step, "kind", ""), "command");
    assert_string_equal(json_get_text(step, "status", ""), "completed");
    assert_int_equal(json_get_integer(step, "attempts", 0), 1);
    assert_int_equal(json_get_integer(step, "duration_ms", 0), 2000);
    assert_null(json_object_get(step, "class"));
    assert_string_equal(json_get_text(json_object_get(step, "output"), "inline", ""), "ok\n");
    json_decref(view);
    json_decref(output);
}

static void instances_lie_inside_their_step(void **state)
{
    struct fixture *fixture = *state;
    json_t *items = json_pack("[i, i]", 1, 2);
    const json_t *step;
    json_t *view;

    apply(fixture, (struct record){
                       .kind = RECORD_STEP_EXPANDED, .step = "many", .number = 2, .data = items});
    view = view_run(fixture->run);
    step = step_of(phase_of(view, 0), "steps", 1);
    assert_int_equal(json_array_size(json_object_get(step, "instances")), 2);
    assert_string_equal(json_get_text(step_of(step, "instances", 1), "key", ""), "many[1]");
    assert_string_equal(json_get_text(step, "waiting", ""), "instances");
    json_decref(view);
    json_decref(items);
}

static void a_gate_has_a_verdict_only_when_it_was_asked(void **state)
{
    struct fixture *fixture = *state;
    const json_t *gate;
    json_t *view = view_run(fixture->run);

    gate = json_object_get(phase_of(view, 0), "gate");
    assert_string_equal(json_get_text(gate, "name", ""), "g");
    assert_null(json_object_get(gate, "verdict"));
    assert_string_equal(json_get_text(step_of(gate, "checks", 0), "name", ""), "checks");
    assert_null(json_object_get(phase_of(view, 1), "gate"));
    json_decref(view);
    apply(fixture, (struct record){.kind = RECORD_GATE_DECIDED,
                                   .phase = "a",
                                   .name = "g",
                                   .status = "unknown",
                                   .reason = "no tests"});
    view = view_run(fixture->run);
    gate = json_object_get(phase_of(view, 0), "gate");
    assert_string_equal(json_get_text(gate, "verdict", ""), "unknown");
    assert_string_equal(json_get_text(gate, "reason", ""), "no tests");
    json_decref(view);
    apply(fixture, (struct record){
                       .kind = RECORD_GATE_SKIPPED, .phase = "a", .name = "g", .reason = "late"});
    view = view_run(fixture->run);
    gate = json_object_get(phase_of(view, 0), "gate");
    assert_string_equal(json_get_text(gate, "verdict", ""), "skipped");
    json_decref(view);
}

static void what_waits_says_for_what(void **state)
{
    struct fixture *fixture = *state;
    const json_t *step;
    json_t *view;

    apply(fixture, (struct record){.kind = RECORD_STEP_WAITING,
                                   .step = "ask",
                                   .reason = "approval",
                                   .text = "Good?",
                                   .until = 99000});
    view = view_run(fixture->run);
    step = step_of(phase_of(view, 1), "steps", 0);
    assert_string_equal(json_get_text(step, "status", ""), "paused");
    assert_string_equal(json_get_text(step, "waiting", ""), "approval");
    assert_string_equal(json_get_text(step, "reason", ""), "Good?");
    assert_int_equal(json_get_integer(step, "until", 0), 99000);
    json_decref(view);
}

static void a_checkpoint_holds_its_phase_and_the_names_of_all(void **state)
{
    struct fixture *fixture = *state;
    json_t *phases = json_pack("[s]", "a");
    struct strbuf text;
    json_t *view;

    apply(fixture,
          (struct record){.kind = RECORD_PHASE_MOVED, .phase = "a", .status = "completed"});
    apply(fixture, (struct record){.kind = RECORD_CHECKPOINT_SAVED, .name = "a", .data = phases});
    strbuf_init(&text, VIEW_BYTES_MAX);
    view_checkpoint(fixture->run, "a", &text);
    view = json_loads(text.data, 0, NULL);
    strbuf_release(&text);
    assert_string_equal(json_get_text(view, "checkpoint", ""), "a");
    assert_string_equal(json_get_text(view, "id", ""), "wf_abc123abc123");
    assert_int_equal(json_get_integer(view, "seq", 0), 5);
    assert_int_equal(json_get_integer(view, "at", 0), 5000);
    assert_true(json_equal(json_object_get(view, "completed"), phases));
    assert_string_equal(json_get_text(json_object_get(view, "phase"), "id", ""), "a");
    assert_string_equal(json_get_text(json_object_get(view, "phase"), "status", ""), "completed");
    json_decref(view);
    view = view_run(fixture->run);
    assert_int_equal(json_array_size(json_object_get(view, "checkpoints")), 1);
    json_decref(view);
    json_decref(phases);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_is_shown_with_all_that_belongs_to_it),
        TEST(a_step_shows_its_attempt_and_what_it_left),
        TEST(instances_lie_inside_their_step),
        TEST(a_gate_has_a_verdict_only_when_it_was_asked),
        TEST(what_waits_says_for_what),
        TEST(a_checkpoint_holds_its_phase_and_the_names_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
