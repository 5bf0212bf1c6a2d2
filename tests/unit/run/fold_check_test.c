/* SPDX-License-Identifier: MIT */
#include "../../support/run_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ONE                                                                                        \
    "name: w\n"                                                                                    \
    "phases: [{ id: p, steps: [{ id: a, run: x }, { id: each, run: x, foreach: [1] }] }]\n"

/* A record that follows by its number. */
static const char *refusal(const struct machine *m, struct record record)
{
    const char *why;

    record.seq = m->run->seq + 1;
    why = run_refusal(m->run, &record);
    return why ? why : "";
}

static void numbers_have_no_gaps(void **state)
{
    struct machine m;
    struct record record = {.kind = RECORD_RESTORED};

    (void)state;
    machine_begin(&m, ONE);
    record.seq = m.run->seq;
    assert_string_equal(run_refusal(m.run, &record), "its number does not follow");
    record.seq = m.run->seq + 2;
    assert_string_equal(run_refusal(m.run, &record), "its number does not follow");
    record.seq = m.run->seq + 1;
    assert_null(run_refusal(m.run, &record));
    machine_release(&m);
}

static void names_have_to_be_those_of_the_workflow(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_STEP_MOVED, .step = "zz", .status = "running"}),
        "it names a step that the workflow does not have");
    assert_string_equal(
        refusal(&m,
                (struct record){.kind = RECORD_PHASE_MOVED, .phase = "zz", .status = "running"}),
        "it names a phase that the workflow does not have");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_ITERATED, .phase = "zz", .number = 2}),
        "it names a phase that the workflow does not have");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_ITERATED, .number = 2}), "");
    machine_release(&m);
}

/* Whatever a damaged journal lacks, the fold is not reached. */
static void every_kind_without_its_fields_is_refused(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        bool needs_nothing = kind == RECORD_RUN_CREATED || kind == RECORD_RESTORED ||
                             kind == RECORD_ITERATED || kind == RECORD_BUDGET_SET ||
                             kind == RECORD_RUN_CLOCKED;
        const char *why = refusal(&m, (struct record){.kind = (enum record_kind)kind});

        assert_string_equal(why, kind == RECORD_RUN_EDITED ? "its workflow is not there"
                                 : needs_nothing           ? ""
                                                           : "it lacks a field");
    }
    machine_release(&m);
}

static void moves_have_to_be_possible(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "running"}),
                        "its status cannot follow");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "done"}),
                        "its status cannot follow");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_RUN_MOVED, .status = "paused"}),
                        "");
    machine_pass(&m, "a");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_STEP_MOVED, .step = "a", .status = "failed"}),
        "its status cannot follow");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_PHASE_MOVED, .phase = "p", .status = "odd"}),
        "its status is unknown");
    machine_release(&m);
}

static void
only_a_nested_run_that_was_begun_can_be_left_and_only_one_that_was_left_ends(void **state)
{
    struct record left = {.kind = RECORD_NESTED_LEFT, .step = "sub", .other = "wf_zzzzzzzzzzzz"};
    struct record ended = {.kind = RECORD_NESTED_ENDED, .step = "sub", .other = "wf_zzzzzzzzzzzz"};
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: sub, workflow: other }] }]\n");
    assert_string_equal(refusal(&m, left), "its step has no such nested run");
    assert_string_equal(refusal(&m, ended), "no step left this nested run");
    left.other = machine_step(&m, "sub")->child;
    assert_string_equal(refusal(&m, left), "");
    machine_release(&m);
}

static void words_have_to_be_known(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_RUN_WISHED, .status = "odd"}),
                        "unknown wish");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_STEP_WAITING, .step = "a", .reason = "odd"}),
        "unknown wait");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_ATTEMPT_ENDED, .step = "a", .class_ = "odd"}),
        "unknown class");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_STEP_MOVED,
                                                    .step = "a",
                                                    .status = "failed",
                                                    .class_ = "odd"}),
                        "unknown class");
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_GATE_DECIDED, .phase = "p", .status = "odd"}),
        "unknown verdict");
    machine_release(&m);
}

static void attempts_are_numbered_without_gaps(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    for (int number = 0; number < 4; number++) {
        assert_string_equal(
            refusal(&m,
                    (struct record){.kind = RECORD_ATTEMPT_STARTED, .step = "a", .number = number}),
            number == 2 ? "" : "its attempt does not follow");
    }
    machine_release(&m);
}

static void only_a_list_has_instances_and_as_many_as_items(void **state)
{
    struct machine m;
    json_t *items = json_pack("[i, i]", 1, 2);

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(
        refusal(
            &m,
            (struct record){.kind = RECORD_STEP_EXPANDED, .step = "a", .number = 2, .data = items}),
        "its items do not fit its count");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_STEP_EXPANDED,
                                                    .step = "each",
                                                    .number = 3,
                                                    .data = items}),
                        "its items do not fit its count");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_STEP_EXPANDED,
                                                    .step = "each",
                                                    .number = 2,
                                                    .data = items}),
                        "");
    json_decref(items);
    machine_release(&m);
}

static void a_phase_at_work_is_not_reset(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(
        refusal(&m, (struct record){.kind = RECORD_PHASE_RESET, .phase = "p", .reason = "goto"}),
        "a step of the phase is running");
    machine_release(&m);
}

static void a_checkpoint_lists_names(void **state)
{
    struct machine m;
    json_t *names = json_pack("[s]", "p");
    json_t *numbers = json_pack("[i]", 1);
    struct record record = {.kind = RECORD_CHECKPOINT_SAVED, .name = "p"};

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, record), "its phases are no list of names");
    record.data = numbers;
    assert_string_equal(refusal(&m, record), "its phases are no list of names");
    record.data = names;
    assert_string_equal(refusal(&m, record), "");
    json_decref(names);
    json_decref(numbers);
    machine_release(&m);
}

static void a_checkpoint_that_is_an_empty_text_is_no_list(void **state)
{
    struct machine m;
    json_t *text = json_string("");
    struct record record = {.kind = RECORD_CHECKPOINT_SAVED, .name = "p", .data = text};

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, record), "its phases are no list of names");
    json_decref(text);
    machine_release(&m);
}

static void a_check_has_no_instances(void **state)
{
    struct machine m;
    json_t *items = json_pack("[i]", 1);

    (void)state;
    machine_begin(&m,
                  "name: w\n"
                  "gates: { g: { commands: [{ run: x }] } }\n"
                  "phases: [{ id: p, gate: g, steps: [{ id: each, run: x, foreach: [1] }] }]\n");
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_STEP_EXPANDED,
                                                    .step = "gate:p:0",
                                                    .number = 1,
                                                    .data = items}),
                        "its step cannot have instances");
    json_decref(items);
    machine_release(&m);
}

static void items_are_a_list(void **state)
{
    struct machine m;
    json_t *object = json_pack("{s:i}", "a", 1);

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_STEP_EXPANDED,
                                                    .step = "each",
                                                    .number = 1,
                                                    .data = object}),
                        "its items do not fit its count");
    json_decref(object);
    machine_release(&m);
}

static void what_is_finished_is_not_done_again(void **state)
{
    struct machine m;
    struct record record = {.kind = RECORD_STEP_DONE, .step = "a", .number = 2};

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, record), "");
    machine_pass(&m, "a");
    assert_string_equal(refusal(&m, record), "its step is not to be done");
    machine_release(&m);
}

static void only_who_began_a_nested_run_leaves_it(void **state)
{
    struct machine m;

    (void)state;
    machine_begin(&m, ONE);
    assert_string_equal(refusal(&m, (struct record){.kind = RECORD_NESTED_LEFT,
                                                    .step = "a",
                                                    .other = "wf_zzzzzzzzzzzz"}),
                        "its step has no such nested run");
    machine_release(&m);
}

static void only_a_question_is_answered_and_with_pairs_of_texts(void **state)
{
    static const struct {
        const char *data, *why;
    } samples[] = {
        {"[{\"question\": \"Which?\", \"answer\": \"this\"}]", ""},
        {"[{\"question\": \"Which?\"}]", "its answers are no pairs of texts"},
        {"[{\"answer\": \"this\"}]", "its answers are no pairs of texts"},
        {"[\"this\"]", "its answers are no pairs of texts"},
        {"{}", "its answers are no list"},
    };
    struct record record = {.kind = RECORD_QUESTION_ANSWERED, .step = "a"};
    struct machine m;

    (void)state;
    machine_begin(&m, "name: w\nphases: [{ id: p, steps: [{ id: a, prompt: x }] }]\n");
    assert_string_equal(refusal(&m, record), "its step asked nothing");
    machine_ask(&m, "a", "Which?");
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        json_t *data = json_loads(samples[i].data, 0, NULL);

        record.data = data;
        assert_string_equal(refusal(&m, record), samples[i].why);
        json_decref(data);
    }
    machine_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_no_gaps),
        cmocka_unit_test(names_have_to_be_those_of_the_workflow),
        cmocka_unit_test(every_kind_without_its_fields_is_refused),
        cmocka_unit_test(moves_have_to_be_possible),
        cmocka_unit_test(
            only_a_nested_run_that_was_begun_can_be_left_and_only_one_that_was_left_ends),
        cmocka_unit_test(words_have_to_be_known),
        cmocka_unit_test(attempts_are_numbered_without_gaps),
        cmocka_unit_test(only_a_list_has_instances_and_as_many_as_items),
        cmocka_unit_test(a_phase_at_work_is_not_reset),
        cmocka_unit_test(a_checkpoint_lists_names),
        cmocka_unit_test(a_checkpoint_that_is_an_empty_text_is_no_list),
        cmocka_unit_test(a_check_has_no_instances),
        cmocka_unit_test(items_are_a_list),
        cmocka_unit_test(what_is_finished_is_not_done_again),
        cmocka_unit_test(only_who_began_a_nested_run_leaves_it),
        cmocka_unit_test(only_a_question_is_answered_and_with_pairs_of_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
