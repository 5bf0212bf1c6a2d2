/* SPDX-License-Identifier: MIT */
#include "workflow/workflow.h"

#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CALLED_MAX 40

/* Workflows that know each other: a letter is the name. */
struct world {
    struct parsed parsed[CALLED_MAX];
    size_t count;
};

static const struct workflow *find_workflow(const char *name, void *context)
{
    const struct world *world = context;

    for (size_t i = 0; i < world->count; i++) {
        if (strcmp(world->parsed[i].workflow->name, name) == 0) {
            return world->parsed[i].workflow;
        }
    }
    return NULL;
}

static void add(struct world *world, const char *text)
{
    world->parsed[world->count] = parse_text(text);
    assert_non_null(world->parsed[world->count].workflow);
    world->count++;
}

/* A workflow of one phase whose step has these keys. */
static void add_step(struct world *world, const char *name, const char *keys)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "name: %s\nphases:\n- id: p\n  steps: [{ id: s, %s }]\n",
                   name, keys);
    add(world, text);
}

/* What is said about a text that calls "a" of this world; the world ends with it. */
static void assert_said(struct world *world, const char *expected)
{
    const char *text = "name: top\nphases: [{ id: p, steps: [{ id: s, workflow: a }] }]\n";
    struct workflow_names names = {.find_workflow = find_workflow, .context = world};
    struct parsed parsed = parse_bytes(text, strlen(text), &names);

    assert_string_equal(parsed.messages, expected);
    parsed_release(&parsed);
    for (size_t i = 0; i < world->count; i++) {
        parsed_release(&world->parsed[i]);
    }
}

static void a_call_that_comes_back_is_an_error_with_the_place_of_the_last_call(void **state)
{
    struct world world = {.count = 0};

    (void)state;
    add_step(&world, "a", "workflow: b");
    add_step(&world, "b", "workflow: c");
    add_step(&world, "c", "workflow: b");
    assert_said(&world,
                "t.yaml:2:46: error: the workflow \"b\" calls itself without end: b -> c -> b "
                "(t.yaml:4:11) (remove one of the calls, or give it a `when`)\n");
}

static void a_workflow_that_calls_itself_is_an_error(void **state)
{
    struct world world = {.count = 0};

    (void)state;
    add_step(&world, "a", "workflow: a");
    assert_said(&world, "t.yaml:2:46: error: the workflow \"a\" calls itself without end: a -> a "
                        "(t.yaml:4:11) (remove one of the calls, or give it a `when`)\n");
}

static void a_circle_with_a_condition_is_a_warning(void **state)
{
    static const char *const steps[] = {"workflow: a, when: run.iteration > 1",
                                        "workflow: a, foreach: run.task"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct world world = {.count = 0};

        add_step(&world, "a", steps[i]);
        assert_said(&world, "t.yaml:2:46: warning: the workflow \"a\" calls itself, and only its "
                            "conditions end that: a -> a (t.yaml:4:11) (at most `nesting_max` of "
                            "config.yaml deep)\n");
    }
}

static void the_conditions_of_phases_and_fix_steps_count(void **state)
{
    struct world world = {.count = 0};

    (void)state;
    add(&world,
        "name: a\nphases:\n"
        "- { id: p, when: run.task, steps: [{ id: s, workflow: a }] }\n"
        "- { id: q, mode: adaptive, steps: [{ id: t, run: x }], fix: [{ id: f, workflow: a }] }\n");
    assert_said(
        &world,
        "t.yaml:2:46: warning: the workflow \"a\" calls itself, and only its conditions end "
        "that: a -> a (t.yaml:3:36) (at most `nesting_max` of config.yaml deep)\n");
}

static void the_circle_that_never_ends_is_told_before_the_one_that_may(void **state)
{
    struct world world = {.count = 0};

    (void)state;
    add(&world, "name: a\nphases:\n- id: p\n  steps: [{ id: s, workflow: a, when: run.task }, "
                "{ id: t, workflow: b }]\n");
    add_step(&world, "b", "workflow: a");
    assert_said(&world,
                "t.yaml:2:46: error: the workflow \"a\" calls itself without end: a -> b -> a "
                "(t.yaml:4:11) (remove one of the calls, or give it a `when`)\n");
}

static void two_ways_to_one_workflow_are_no_circle(void **state)
{
    struct world world = {.count = 0};

    (void)state;
    add(&world,
        "name: a\nphases: [{ id: p, steps: [{ id: s, workflow: b }, { id: t, workflow: c }] }]\n");
    add_step(&world, "b", "workflow: d");
    add_step(&world, "c", "workflow: d");
    add_step(&world, "d", "workflow: nowhere");
    assert_said(&world, "");
}

static void a_chain_deeper_than_any_nesting_ends_the_search(void **state)
{
    struct world world = {.count = 0};
    char name[16];
    char keys[40];

    (void)state;
    add_step(&world, "a", "workflow: n0");
    for (int i = 0; i < 38; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        (void)snprintf(keys, sizeof(keys), "workflow: n%d", i + 1);
        add_step(&world, name, keys);
    }
    assert_said(&world, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_comes_back_is_an_error_with_the_place_of_the_last_call),
        cmocka_unit_test(a_workflow_that_calls_itself_is_an_error),
        cmocka_unit_test(a_circle_with_a_condition_is_a_warning),
        cmocka_unit_test(the_conditions_of_phases_and_fix_steps_count),
        cmocka_unit_test(the_circle_that_never_ends_is_told_before_the_one_that_may),
        cmocka_unit_test(two_ways_to_one_workflow_are_no_circle),
        cmocka_unit_test(a_chain_deeper_than_any_nesting_ends_the_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
