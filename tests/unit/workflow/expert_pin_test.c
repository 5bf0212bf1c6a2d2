/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/workflow_text.h"
#include "workflow/expert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define STEPS(steps) "name: w\nphases: [{ id: a, steps: [" steps "] }]\n"

static const char *expert_text;

static int find_expert(const char *name, char **ret_text, char **ret_file, struct error *err,
                       void *context)
{
    (void)err;
    (void)context;
    if (strcmp(name, "e") != 0) {
        return ERROR_NOT_FOUND;
    }
    *ret_text = mem_strdup(expert_text);
    *ret_file = mem_strdup("here/e.md");
    return 0;
}

static const struct workflow_names names = {.find_expert = find_expert};

static struct parsed parse(const char *text)
{
    return parse_bytes(text, strlen(text), &names);
}

static void a_workflow_keeps_the_experts_that_it_was_read_with(void **state)
{
    const char *text = STEPS("{ id: s, expert: e }, { id: t, expert: e, read_only: false }");
    struct parsed first;
    struct parsed again;
    const struct step *step;

    (void)state;
    expert_text = "---\npermission: read-only\n---\nSay \"ä\"\nand: \\ look.\n";
    first = parse(text);
    assert_string_equal(first.messages, "");
    assert_int_equal(first.workflow->source_length, strlen(text));
    expert_text = "Something else";
    again = parse_bytes(first.workflow->text, first.workflow->text_length, NULL);
    assert_string_equal(again.messages, "");
    step = again.workflow->phases[0].steps;
    assert_string_equal(step[0].role->body, "Say \"ä\"\nand: \\ look.\n");
    assert_true(step[0].read_only);
    assert_false(step[1].read_only);
    assert_string_equal(again.workflow->digest, first.workflow->digest);
    assert_int_equal(again.workflow->source_length, strlen(text));
    parsed_release(&first);
    parsed_release(&again);
}

static void another_text_of_an_expert_makes_another_workflow(void **state)
{
    struct parsed first;
    struct parsed second;

    (void)state;
    expert_text = "One";
    first = parse(STEPS("{ id: s, expert: e }"));
    expert_text = "Two";
    second = parse(STEPS("{ id: s, expert: e }"));
    assert_string_not_equal(first.workflow->digest, second.workflow->digest);
    parsed_release(&first);
    parsed_release(&second);
}

static void an_expert_with_errors_is_told_where_it_is_named_and_where_it_stands(void **state)
{
    struct parsed parsed;

    (void)state;
    expert_text = "---\npermision: edit\n---\nYou.\n";
    parsed = parse("name: w\nphases:\n- id: a\n  steps:\n  - { id: s, expert: e }\n"
                   "  - { id: t, expert: e }\n");
    assert_int_equal(parsed.code, ERROR_VALIDATION);
    assert_string_equal(parsed.messages,
                        "t.yaml:5:22: error: the expert \"e\": here/e.md:2:1: an expert has no key "
                        "\"permision\" (did you mean \"permission\"?)\n");
    parsed_release(&parsed);
}

static void an_expert_that_nobody_knows_is_none(void **state)
{
    struct parsed parsed = parse(STEPS("{ id: s, expert: nobody }"));

    (void)state;
    assert_string_equal(parsed.messages, "");
    assert_null(parsed.workflow->phases[0].steps[0].role);
    assert_int_equal(parsed.workflow->text_length, parsed.workflow->source_length);
    parsed_release(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workflow_keeps_the_experts_that_it_was_read_with),
        cmocka_unit_test(another_text_of_an_expert_makes_another_workflow),
        cmocka_unit_test(an_expert_with_errors_is_told_where_it_is_named_and_where_it_stands),
        cmocka_unit_test(an_expert_that_nobody_knows_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
