/* SPDX-License-Identifier: MIT */
#include "functions/attack.h"

#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *claim(const char *id, int line, const char *evidence)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "id", id, "angle", "risks", "rule", id,
                     "severity", "high", "file", "a.c", "line", line, "evidence", evidence,
                     "confidence", "high");
}

/* The attacks are JSON of step id -> {status, output}. */
static json_t *validated(json_t *findings, const char *attacks)
{
    char *folder = scratch_new();
    json_t *result;

    scratch_write(folder, "a.c", "one\ntwo\nthree\n");
    result = function_json(
        folder, "validate",
        json_pack("{s:{s:o},s:s}", "fold", "findings", findings, "attacks", attacks));
    scratch_remove(folder);
    return result;
}

static const char *verdict_of(const json_t *result, const char *rule)
{
    return json_get_text(find_finding(result, rule, NULL), "verdict", "");
}

static void an_attack_refutes_and_lowers_and_what_it_leaves_out_stays(void **state)
{
    json_t *result = validated(
        json_pack("[o,o,o]", claim("F1", 1, "one"), claim("F2", 2, "two"), claim("F3", 3, "three")),
        "{\"first\": {\"status\": \"completed\", \"output\": {\"summary\": \"s\", \"verdicts\": ["
        "{\"id\": \"F1\", \"verdict\": \"refuted\", \"reason\": \"guarded at a.c:2\"},"
        "{\"id\": \"F2\", \"verdict\": \"stands\", \"severity\": \"low\"},"
        "{\"id\": \"F9\", \"verdict\": \"refuted\"}],"
        "\"objections\": [{\"about\": \"x\", \"why\": \"y\"}, \"z\", {}]}}}");
    const json_t *row = json_array_get(json_object_get(result, "attackers"), 0);

    (void)state;
    assert_string_equal(verdict_of(result, "F1"), "refuted");
    assert_string_equal(json_get_text(find_finding(result, "F1", NULL), "verdict_reason", ""),
                        "guarded at a.c:2");
    assert_string_equal(verdict_of(result, "F2"), "confirmed");
    assert_string_equal(json_get_text(find_finding(result, "F2", NULL), "severity", ""), "low");
    assert_string_equal(verdict_of(result, "F3"), "confirmed");
    assert_string_equal(json_get_text(find_finding(result, "F3", NULL), "severity", ""), "high");
    assert_int_equal(json_get_integer(row, "refuted", 0), 1);
    assert_int_equal(json_get_integer(row, "lowered", 0), 1);
    assert_int_equal(json_get_integer(row, "strangers", 0), 1);
    assert_int_equal(json_get_integer(row, "silent", 0), 1);
    assert_int_equal(json_array_size(json_object_get(result, "objections")), 2);
    json_decref(result);
}

static void no_agent_can_confirm_what_is_not_there_or_make_it_weigh_more(void **state)
{
    json_t *result = validated(
        json_pack("[o]", claim("F1", 1, "elsewhere")),
        "{\"first\": {\"status\": \"completed\", \"output\": {\"verdicts\": ["
        "{\"id\": \"F1\", \"verdict\": \"stands\", \"severity\": \"high\"}]}}}");

    (void)state;
    assert_string_equal(verdict_of(result, "F1"), "refuted");
    json_decref(result);
    result = validated(json_pack("[{s:s,s:s,s:s}]", "id", "F1", "rule", "F1", "severity", "low"),
                       "{\"first\": {\"status\": \"completed\", \"output\": {\"verdicts\": ["
                       "{\"id\": \"F1\", \"verdict\": \"stands\", \"severity\": \"high\"}]}}}");
    assert_string_equal(json_get_text(find_finding(result, "F1", NULL), "severity", ""), "low");
    json_decref(result);
}

static void the_last_round_has_the_last_word(void **state)
{
    json_t *result = validated(
        json_pack("[o]", claim("F1", 1, "one")),
        "{\"first\": {\"status\": \"completed\", \"output\": {\"verdicts\": ["
        "{\"id\": \"F1\", \"verdict\": \"refuted\", \"reason\": \"r\"}]}},"
        "\"second\": {\"status\": \"completed\", \"output\": {\"verdicts\": ["
        "{\"id\": \"F1\", \"verdict\": \"stands\", \"reason\": \"the guard is of another "
        "path\"}]}},"
        "\"third\": {\"status\": \"skipped\", \"output\": null}}");
    const json_t *rows = json_object_get(result, "attackers");

    (void)state;
    assert_string_equal(verdict_of(result, "F1"), "confirmed");
    assert_string_equal(json_get_text(json_array_get(rows, 2), "status", ""), "skipped");
    json_decref(result);
}

static void an_attack_that_failed_changes_nothing_and_is_told(void **state)
{
    json_t *result = validated(json_pack("[o]", claim("F1", 1, "one")),
                               "{\"first\": {\"status\": \"failed\", \"error\": \"no agent\"},"
                               "\"second\": {\"status\": \"completed\", \"output\": \"prose\"}}");
    const json_t *rows = json_object_get(result, "attackers");

    (void)state;
    assert_string_equal(verdict_of(result, "F1"), "confirmed");
    assert_string_equal(json_get_text(json_array_get(rows, 0), "status", ""), "unknown");
    assert_string_equal(json_get_text(json_array_get(rows, 0), "why", ""), "no agent");
    assert_string_equal(json_get_text(json_array_get(rows, 1), "status", ""), "unknown");
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attack_refutes_and_lowers_and_what_it_leaves_out_stays),
        cmocka_unit_test(no_agent_can_confirm_what_is_not_there_or_make_it_weigh_more),
        cmocka_unit_test(the_last_round_has_the_last_word),
        cmocka_unit_test(an_attack_that_failed_changes_nothing_and_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
