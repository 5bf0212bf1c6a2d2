/* SPDX-License-Identifier: MIT */
#include "run/lookup.h"

#include "../../support/run_machine.h"
#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FLOW                                                                                       \
    "name: w\n"                                                                                    \
    "inputs: { depth: { type: integer, default: 3 } }\n"                                           \
    "phases:\n"                                                                                    \
    "  - { id: p, steps: [{ id: a, run: x, format: json }, { id: b, run: x }] }\n"                 \
    "  - { id: q, steps: [{ id: each, run: x, foreach: [5, 6] }] }\n"

struct fixture {
    struct machine m;
    struct lookup_context context;
    const char *blob; /* what `load` gives; NULL: nothing */
};

static int load(void *context, const char *digest, char **ret_text, size_t *ret_length)
{
    const struct fixture *fixture = context;

    if (!fixture->blob || strcmp(digest, "abc") != 0) {
        return ERROR_NOT_FOUND;
    }
    *ret_text = mem_strdup(fixture->blob);
    *ret_length = strlen(fixture->blob);
    return 0;
}

static void begin(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    machine_init(&fixture->m, FLOW, "{\"depth\": 3}");
    (void)machine_event(&fixture->m, (struct event){.kind = EVENT_BEGIN});
    fixture->context = (struct lookup_context){.run = fixture->m.run, .project = "/home/project"};
}

static void end_with(struct fixture *fixture, const char *step, const char *output)
{
    json_t *value = json_loads(output, 0, NULL);

    assert_non_null(value);
    (void)machine_event(&fixture->m,
                        (struct event){.kind = EVENT_ATTEMPT_ENDED,
                                       .step = step,
                                       .attempt = machine_step(&fixture->m, step)->attempts,
                                       .outcome = {.output = value, .exit_status = 0}});
    json_decref(value);
}

/* The value as JSON; "null" for none. */
static void expect(struct fixture *fixture, const char *path, const char *expected)
{
    char *copy = mem_strdup(path);
    const char *parts[8];
    size_t count = 0;
    json_t *value;
    char *text;

    for (char *rest = copy, *part = strsep(&rest, "."); part; part = strsep(&rest, ".")) {
        parts[count++] = part;
    }
    value = run_lookup(&fixture->context, parts, count);
    text = value ? json_dump_sorted(value) : mem_strdup("null");
    if (strcmp(text, expected) != 0) {
        fail_msg("%s is %s, not %s", path, text, expected);
    }
    free(text);
    json_decref(value);
    free(copy);
}

static void inputs_and_the_run_have_values(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "inputs.depth", "3");
    expect(&f, "inputs", "{\"depth\":3}");
    expect(&f, "inputs.nothing", "null");
    expect(&f, "run.id", "\"wf_000000000001\"");
    expect(&f, "run.task", "\"the task\"");
    expect(&f, "run.iteration", "1");
    expect(&f, "run.project", "\"/home/project\"");
    expect(&f, "run.nothing", "null");
    expect(&f, "weather", "null");
    expect(&f, "weather.today", "null");
    machine_release(&f.m);
}

/* The strategy that is in force, also when nobody asked for one. */
static void the_strategy_is_the_one_in_force(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "run.strategy", "\"hybrid\"");
    f.m.run->strategy = STRATEGY_STATIC;
    expect(&f, "run.strategy", "\"static\"");
    machine_release(&f.m);
}

static void a_step_that_was_not_run_has_a_status_and_no_more(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "steps.b.status", "\"pending\"");
    expect(&f, "steps.b.attempts", "0");
    expect(&f, "steps.b.exit_status", "null");
    expect(&f, "steps.b.output", "null");
    expect(&f, "steps.b.error", "null");
    expect(&f, "steps.b.duration", "null");
    expect(&f, "steps.b.suggestions", "null");
    expect(&f, "steps.nobody.status", "null");
    machine_release(&f.m);
}

/* Not with what an output has under that name. */
static void a_step_that_was_left_out_says_why(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "steps.a.skipped", "null");
    end_with(&f, "a", "{\"json\": {\"skipped\": 3}}");
    expect(&f, "steps.a.skipped", "3");
    expect(&f, "phases.p.steps.a.skipped", "null");
    machine_fail(&f.m, "b", "permanent");
    assert_int_equal(machine_command(&f.m, "{'do': 'skip', 'step': 'b', 'reason': 'no time'}"), 0);
    expect(&f, "steps.b.skipped", "\"no time\"");
    expect(&f, "phases.p.steps.b.skipped", "\"no time\"");
    expect(&f, "phases.p.steps.b", "{\"skipped\":\"no time\",\"status\":\"skipped\"}");
    machine_release(&f.m);
}

static void json_output_is_entered_by_name_and_by_number(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 9, \"json\": {\"files\": [\"x\", \"y\"], \"n\": {\"m\": 1}}}");
    expect(&f, "steps.a.output.files", "[\"x\",\"y\"]");
    expect(&f, "steps.a.output.files.1", "\"y\"");
    expect(&f, "steps.a.output.files.2", "null");
    expect(&f, "steps.a.output.files.x", "null");
    expect(&f, "steps.a.output.n.m", "1");
    /* without `output`, as a short form */
    expect(&f, "steps.a.files.0", "\"x\"");
    expect(&f, "steps.a.exit_status", "0");
    machine_release(&f.m);
}

static void text_output_is_a_text(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 5, \"inline\": \"hello\"}");
    expect(&f, "steps.a.output", "\"hello\"");
    expect(&f, "steps.a.output.deeper", "null");
    machine_release(&f.m);
}

static void a_large_output_is_loaded_where_that_is_possible(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 5000, \"digest\": \"abc\"}");
    expect(&f, "steps.a.output", "null");
    assert_string_equal(f.context.unread, "a");
    f.context.unread = NULL;
    f.context.load = load;
    f.context.load_context = &f;
    expect(&f, "steps.a.output", "null");
    assert_string_equal(f.context.unread, "a");
    f.context.unread = NULL;
    f.blob = "a long text";
    expect(&f, "steps.a.output", "\"a long text\"");
    assert_null(f.context.unread);
    machine_release(&f.m);
}

static void large_json_is_parsed_again(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    f.context.load = load;
    f.context.load_context = &f;
    f.blob = "{\"n\": 4}";
    end_with(&f, "a", "{\"bytes\": 99999, \"digest\": \"abc\", \"is_json\": true}");
    expect(&f, "steps.a.output.n", "4");
    machine_release(&f.m);
}

/* Only what is asked for: the status of a step with a large output needs no output. */
static void what_is_not_asked_for_is_not_read(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 5000, \"digest\": \"abc\"}");
    expect(&f, "steps.a.status", "\"completed\"");
    expect(&f, "phases.p.steps.a.status", "\"completed\"");
    expect(&f, "phases.p.steps.b.output", "null");
    assert_null(f.context.unread);
    machine_release(&f.m);
}

static void suggestions_are_stated_counted_or_list_items(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 9, \"json\": {\"suggestions\": [1, 2]}}");
    expect(&f, "steps.a.suggestions", "2");
    end_with(&f, "b",
             "{\"bytes\": 9, \"inline\": \"Intro\\n- one\\n  * two\\n3. three\\n-four\\n\"}");
    expect(&f, "steps.b.suggestions", "3");
    machine_release(&f.m);
}

static void list_items_are_counted_by_their_first_characters(void **state)
{
    (void)state;
    assert_int_equal(text_count_list_items(""), 0);
    assert_int_equal(text_count_list_items("- a\n+ b\n\t* c"), 3);
    assert_int_equal(text_count_list_items("1. a\n22) b\n3.c\n4 d"), 2);
    assert_int_equal(text_count_list_items("a - b\n**bold**\n--- \n"), 0);
}

static void a_list_step_gives_the_list_of_its_outputs(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 1, \"inline\": \"\"}");
    end_with(&f, "b", "{\"bytes\": 1, \"inline\": \"\"}");
    end_with(&f, "each[1]", "{\"bytes\": 1, \"json\": 7}");
    expect(&f, "steps.each.output", "[null,7]");
    expect(&f, "steps.each.output.1", "7");
    expect(&f, "steps.each[1].output", "7");
    machine_release(&f.m);
}

static void item_and_index_belong_to_an_instance(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "item", "null");
    expect(&f, "index", "null");
    end_with(&f, "a", "{\"bytes\": 1, \"inline\": \"\"}");
    end_with(&f, "b", "{\"bytes\": 1, \"inline\": \"\"}");
    f.context.step = machine_step(&f.m, "each[1]");
    expect(&f, "item", "6");
    expect(&f, "index", "1");
    machine_release(&f.m);
}

static void phases_have_a_status_and_their_steps(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 2, \"inline\": \"ok\"}");
    expect(&f, "phases.p.status", "\"running\"");
    expect(&f, "phases.p.error", "null");
    expect(&f, "phases.p.steps.a", "{\"output\":\"ok\",\"status\":\"completed\"}");
    expect(&f, "phases.p.steps.a.output", "\"ok\"");
    expect(&f, "phases.p.steps.each", "null");
    expect(&f, "phases.q.steps", "{\"each\":{\"status\":\"pending\"}}");
    expect(&f, "phases.z.status", "null");
    machine_release(&f.m);
}

static void signals_are_read_by_name(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    expect(&f, "signals.ready", "null");
    assert_int_equal(machine_command(&f.m, "{'do': 'signal', 'name': 'ready'}"), 0);
    expect(&f, "signals.ready", "true");
    expect(&f, "signals", "{\"ready\":true}");
    machine_release(&f.m);
}

static void a_path_that_leads_nowhere_is_null(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 9, \"json\": {\"files\": [\"x\", [1]]}}");
    expect(&f, "steps.a.output.files.0x", "null");
    expect(&f, "steps.a.output.files.-0", "null");
    expect(&f, "steps.a.output.files.1.0", "1");
    expect(&f, "steps.a.output.none.deeper.0", "null");
    expect(&f, "steps.a.artifacts", "null");
    expect(&f, "steps.a", "null");
    expect(&f, "phases.p", "null");
    expect(&f, "phases.p.weather", "null");
    expect(&f, "phases.p.steps.a.status", "\"completed\"");
    expect(&f, "phases.p.steps.a.error", "null");
    expect(&f, "phases.p.steps.a.weather", "null");
    f.context.step = machine_step(&f.m, "a"); /* no instance */
    expect(&f, "item", "null");
    expect(&f, "index", "null");
    machine_release(&f.m);
}

static void line_ends_behind_the_text_are_no_part_of_it(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 9, \"inline\": \"a\\nb\\r\\n\\n\"}");
    expect(&f, "steps.a.output", "\"a\\nb\"");
    end_with(&f, "b", "{\"bytes\": 2, \"inline\": \"\\r\\n\"}");
    expect(&f, "steps.b.output", "\"\"");
    machine_release(&f.m);
}

static void suggestions_may_be_a_number_or_the_whole_output(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    end_with(&f, "a", "{\"bytes\": 9, \"json\": {\"suggestions\": 4}}");
    expect(&f, "steps.a.suggestions", "4");
    end_with(&f, "b", "{\"bytes\": 9, \"json\": [1, 2, 3]}");
    expect(&f, "steps.b.suggestions", "3");
    end_with(&f, "each[0]", "{\"bytes\": 9, \"json\": 7}");
    expect(&f, "steps.each[0].suggestions", "null");
    end_with(&f, "each[1]", "{\"bytes\": 9, \"digest\": \"abc\", \"list_items\": 5}");
    expect(&f, "steps.each[1].suggestions", "5");
    machine_release(&f.m);
}

static void a_duration_is_in_seconds(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f);
    f.m.now += 2500;
    end_with(&f, "a", "{\"bytes\": 0, \"inline\": \"\"}");
    expect(&f, "steps.a.duration", "2.5");
    expect(&f, "steps.b.duration", "null");
    machine_release(&f.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_and_the_run_have_values),
        cmocka_unit_test(the_strategy_is_the_one_in_force),
        cmocka_unit_test(a_step_that_was_not_run_has_a_status_and_no_more),
        cmocka_unit_test(a_step_that_was_left_out_says_why),
        cmocka_unit_test(json_output_is_entered_by_name_and_by_number),
        cmocka_unit_test(text_output_is_a_text),
        cmocka_unit_test(a_large_output_is_loaded_where_that_is_possible),
        cmocka_unit_test(large_json_is_parsed_again),
        cmocka_unit_test(what_is_not_asked_for_is_not_read),
        cmocka_unit_test(suggestions_are_stated_counted_or_list_items),
        cmocka_unit_test(list_items_are_counted_by_their_first_characters),
        cmocka_unit_test(a_list_step_gives_the_list_of_its_outputs),
        cmocka_unit_test(item_and_index_belong_to_an_instance),
        cmocka_unit_test(phases_have_a_status_and_their_steps),
        cmocka_unit_test(signals_are_read_by_name),
        cmocka_unit_test(a_path_that_leads_nowhere_is_null),
        cmocka_unit_test(line_ends_behind_the_text_are_no_part_of_it),
        cmocka_unit_test(suggestions_may_be_a_number_or_the_whole_output),
        cmocka_unit_test(a_duration_is_in_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
