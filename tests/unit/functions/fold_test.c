/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *finding(const char *rule, const char *severity, int line)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "rule", rule, "severity", severity,
                     "confidence", "high", "file", "a.c", "line", line, "message", "m", "evidence",
                     "x");
}

static json_t *step(const char *status, json_t *output)
{
    return json_pack("{s:s,s:n,s:o}", "status", status, "error", "output", output);
}

static void full_outputs_go_through_and_findings_are_ranked_and_numbered(void **state)
{
    json_t *output = json_pack("{s:s,s:s,s:[o,o]}", "extra", "kept", "status", "ok", "findings",
                               finding("small", "low", 1), finding("large", "high", 2));
    json_t *result = function_json(
        "/", "fold", json_pack("{s:{s:o}}", "angles", "one", step("completed", output)));
    const json_t *first = json_array_get(json_object_get(result, "findings"), 0);

    (void)state;
    assert_string_equal(json_get_text(first, "rule", ""), "large");
    assert_string_equal(json_get_text(first, "id", ""), "F1");
    assert_string_equal(json_get_text(first, "evidence_id", ""), "E1");
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "evidence"), 0), "source", ""),
        "a.c:2");
    assert_string_equal(
        json_get_text(json_object_get(json_object_get(result, "outputs"), "one"), "extra", ""),
        "kept");
    json_decref(result);
}

static void the_same_finding_of_two_angles_is_one_with_two_sources(void **state)
{
    json_t *angles = json_pack(
        "{s:{s:o,s:o}}", "angles", "one",
        step("completed", json_pack("{s:[o]}", "findings", finding("r", "low", 1))), "two",
        step("completed", json_pack("{s:[o]}", "findings", finding("r", "low", 1))));
    json_t *result = function_json("/", "fold", angles);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 1);
    assert_int_equal(json_array_size(json_object_get(find_finding(result, "r", NULL), "sources")),
                     2);
    assert_int_equal(json_get_integer(result, "merged", 0), 1);
    json_decref(result);
}

static void an_angle_that_was_left_out_is_no_unknown_one(void **state)
{
    json_t *result = function_json(
        "/", "fold",
        json_pack("{s:{s:{s:s,s:n},s:o}}", "angles", "later", "status", "skipped", "output", "one",
                  step("completed", json_pack("{s:s}", "status", "ok"))));
    const json_t *list = json_object_get(result, "angles");

    (void)state;
    assert_int_equal(json_get_integer(result, "unknown_angles", -1), 0);
    assert_string_equal(json_get_text(json_array_get(list, 0), "status", ""), "skipped");
    assert_string_equal(json_get_text(result, "status", ""), "ok");
    json_decref(result);
}

static void an_angle_that_should_have_looked_and_was_left_out_says_why(void **state)
{
    json_t *result = function_json(
        "/", "fold",
        json_pack("{s:{s:{s:s,s:s,s:n},s:{s:s,s:s,s:n},s:o}}", "angles", "small", "status",
                  "skipped", "skipped", "when: x is false", "output", "alone", "status", "skipped",
                  "skipped", "needs an agent", "output", "one",
                  step("completed", json_pack("{s:s}", "status", "ok"))));
    const json_t *list = json_object_get(result, "angles");

    (void)state;
    assert_string_equal(json_get_text(json_array_get(list, 0), "status", ""), "skipped");
    assert_string_equal(json_get_text(json_array_get(list, 1), "status", ""), "left_out");
    assert_string_equal(json_get_text(json_array_get(list, 1), "why", ""), "needs an agent");
    assert_int_equal(json_get_integer(result, "left_out_angles", 0), 1);
    assert_int_equal(json_get_integer(result, "unknown_angles", -1), 0);
    assert_non_null(
        strstr(json_get_text(result, "summary", ""), "2 angles (0 unknown, 1 left out)"));
    json_decref(result);
}

static void failed_and_unknown_angles_are_said_to_be_unknown(void **state)
{
    json_t *angles = json_pack(
        "{s:{s:{s:s,s:s,s:n},s:o}}", "angles", "broken", "status", "failed", "error", "it crashed",
        "output", "blind",
        step("completed", json_pack("{s:s,s:s}", "status", "unknown", "why", "no git")));
    json_t *result = function_json("/", "fold", angles);
    const json_t *list = json_object_get(result, "angles");

    (void)state;
    assert_int_equal(json_get_integer(result, "unknown_angles", 0), 2);
    assert_string_equal(json_get_text(json_array_get(list, 0), "why", ""), "it crashed");
    assert_string_equal(json_get_text(json_array_get(list, 1), "why", ""), "no git");
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
}

static void an_agents_text_is_kept_and_its_json_is_understood(void **state)
{
    json_t *angles = json_pack(
        "{s:{s:o,s:o}}", "angles", "prose", step("completed", json_string("All good.")), "fenced",
        step("completed",
             json_string("```json\n{\"findings\":[{\"message\":\"m\",\"file\":\"a.c\",\"line\":"
                         "\"7\",\"severity\":\"awful\"},5]}\n```")));
    json_t *result = function_json("/", "fold", angles);
    const json_t *found = find_finding(result, "fenced", "a.c");

    (void)state;
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(result, "outputs"), "prose")),
        "All good.");
    assert_int_equal(json_get_integer(found, "line", 0), 7);
    assert_string_equal(json_get_text(found, "severity", ""), "info");
    assert_int_equal(json_get_integer(result, "unusable", 0), 1);
    json_decref(result);
}

static void no_angles_are_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "fold", json_object(), &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "angles"));
    assert_string_not_equal(err.hint, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_outputs_go_through_and_findings_are_ranked_and_numbered),
        cmocka_unit_test(the_same_finding_of_two_angles_is_one_with_two_sources),
        cmocka_unit_test(an_angle_that_was_left_out_is_no_unknown_one),
        cmocka_unit_test(an_angle_that_should_have_looked_and_was_left_out_says_why),
        cmocka_unit_test(failed_and_unknown_angles_are_said_to_be_unknown),
        cmocka_unit_test(an_agents_text_is_kept_and_its_json_is_understood),
        cmocka_unit_test(no_angles_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
