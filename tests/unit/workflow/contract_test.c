/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define WITH(contracts)                                                                            \
    "name: w\ncontracts: " contracts "\nphases: [{ id: a, steps: [{ id: s, prompt: Look }] }]\n"

static void a_workflow_holds_the_contracts_that_it_names_in_their_order(void **state)
{
    struct parsed parsed = parse_clean(WITH("[yagni, evidence]"));

    (void)state;
    assert_int_equal(parsed.workflow->contract_count, 2);
    assert_string_equal(parsed.workflow->contracts[0].name, "yagni");
    assert_non_null(strstr(parsed.workflow->contracts[0].text, "Deferred (YAGNI)"));
    assert_non_null(strstr(parsed.workflow->contracts[1].text, "unknown, never clean"));
    parsed_release(&parsed);
    parsed = parse_clean("name: w\nphases: [{ id: a, steps: [{ id: s, prompt: Look }] }]\n");
    assert_int_equal(parsed.workflow->contract_count, 0);
    parsed_release(&parsed);
}

/* What another version of the program says must not reach a run that is under way. */
static void a_run_keeps_the_text_that_it_was_started_with(void **state)
{
    struct parsed first = parse_clean(WITH("[evidence]"));
    char *older = mem_printf("%s\n# contracts: {\"evidence\":\"As it was\\nthen\\n\"}\n",
                             WITH("[evidence]"));
    struct parsed again = parse_bytes(first.workflow->text, first.workflow->text_length, NULL);
    struct parsed old = parse_bytes(older, strlen(older), NULL);

    (void)state;
    assert_int_equal(first.workflow->source_length, strlen(WITH("[evidence]")));
    assert_string_equal(again.workflow->digest, first.workflow->digest);
    assert_int_equal(again.workflow->source_length, first.workflow->source_length);
    assert_string_equal(again.workflow->contracts[0].text, first.workflow->contracts[0].text);
    assert_string_equal(old.messages, "");
    assert_string_equal(old.workflow->contracts[0].text, "As it was\nthen\n");
    assert_int_equal(old.workflow->text_length, strlen(older));
    parsed_release(&first);
    parsed_release(&again);
    parsed_release(&old);
    free(older);
}

static void an_unknown_contract_is_an_error(void **state)
{
    (void)state;
    assert_message(WITH("[evidense]"), "evidence");
    assert_message(WITH("{ a: b }"), "\"contracts\" of a workflow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workflow_holds_the_contracts_that_it_names_in_their_order),
        cmocka_unit_test(a_run_keeps_the_text_that_it_was_started_with),
        cmocka_unit_test(an_unknown_contract_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
