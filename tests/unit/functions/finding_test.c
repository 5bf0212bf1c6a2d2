/* SPDX-License-Identifier: MIT */
#include "functions/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool matches(const char *line, const char *other)
{
    json_t *evidence = evidence_of(line, strlen(line));
    bool same = evidence_matches(json_string_value(evidence), other, strlen(other));

    json_decref(evidence);
    return same;
}

static void evidence_matches_its_line_and_no_other(void **state)
{
    char line[400];

    (void)state;
    assert_true(matches("  gets(b);  ", "\tgets(b);"));
    assert_false(matches("gets(b);", "fgets(b, n);"));
    memset(line, 0x61, sizeof(line) - 1);
    line[sizeof(line) - 1] = 0;
    assert_true(matches(line, line));
    assert_true(matches("caf\xe9 x", "caf\xe9 x"));
}

static void a_masked_secret_matches_the_line_that_holds_it(void **state)
{
    static const char evidence[] = "key = \"AKIA\xE2\x80\xA6[20 characters]\"";
    static const char line[] = "  key = \"AKIAABCDEFGHIJKLMNOP\"";
    static const char other[] = "  key = \"BKIAABCDEFGHIJKLMNOP\"";

    (void)state;
    assert_true(evidence_matches(evidence, line, strlen(line)));
    assert_false(evidence_matches(evidence, other, strlen(other)));
}

static void the_severe_come_first_and_long_lists_are_cut_with_a_count(void **state)
{
    struct findings *findings = findings_new("x");
    json_t *result = json_object();

    (void)state;
    for (size_t i = 0; i < FINDINGS_PER_RULE_MAX + 5; i++) {
        findings_add(findings, &(struct finding){.rule = "many",
                                                 .severity = SEVERITY_LOW,
                                                 .confidence = "low",
                                                 .file = "a",
                                                 .line = i + 1,
                                                 .message = "m"});
    }
    findings_add(findings, &(struct finding){.rule = "one",
                                             .severity = SEVERITY_HIGH,
                                             .confidence = "high",
                                             .message = "m"});
    findings_finish(findings, result);
    assert_int_equal(json_array_size(json_object_get(result, "findings")),
                     FINDINGS_PER_RULE_MAX + 1);
    assert_int_equal(json_get_integer(result, "left_out", 0), 5);
    assert_int_equal(json_get_integer(json_object_get(result, "rules"), "many", 0),
                     FINDINGS_PER_RULE_MAX + 5);
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "findings"), 0), "rule", ""), "one");
    json_decref(result);
}

static void rank_follows_severity_confidence_context_and_heat(void **state)
{
    json_t *plain = json_pack("{s:s,s:s}", "severity", "medium", "confidence", "high");
    json_t *test = json_pack("{s:s,s:s,s:s}", "severity", "medium", "confidence", "high", "context",
                             "test");
    json_t *hot = json_pack("{s:s,s:s,s:b}", "severity", "medium", "confidence", "high", "hot", 1);
    json_t *list = json_pack("[O,O,O]", test, plain, hot);

    (void)state;
    assert_true(finding_score(hot) > finding_score(plain));
    assert_true(finding_score(plain) > finding_score(test));
    findings_rank(list);
    assert_ptr_equal(json_array_get(list, 0), hot);
    assert_ptr_equal(json_array_get(list, 2), test);
    json_decref(list);
    json_decref(plain);
    json_decref(test);
    json_decref(hot);
}

static void unknown_severities_weigh_least(void **state)
{
    (void)state;
    assert_int_equal(severity_parse("high"), SEVERITY_HIGH);
    assert_int_equal(severity_parse("terrible"), SEVERITY_INFO);
    assert_int_equal(severity_parse(NULL), SEVERITY_INFO);
}

static void of_one_rule_the_largest_comes_first(void **state)
{
    struct findings *findings = findings_new("risks");
    json_t *result = json_object();
    json_t *list;

    (void)state;
    for (size_t i = 0; i < FINDINGS_PER_RULE_MAX + 5; i++) {
        findings_add(findings, &(struct finding){.rule = "long-function",
                                                 .severity = SEVERITY_LOW,
                                                 .confidence = "medium",
                                                 .file = "a.c",
                                                 .line = i + 1,
                                                 .amount = 100 + i,
                                                 .message = "long"});
    }
    findings_finish(findings, result);
    list = json_object_get(result, "findings");
    assert_int_equal(json_get_integer(json_array_get(list, 0), "amount", 0),
                     100 + FINDINGS_PER_RULE_MAX + 4);
    findings_rank(list);
    assert_int_equal(json_get_integer(json_array_get(list, 0), "amount", 0),
                     100 + FINDINGS_PER_RULE_MAX + 4);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_matches_its_line_and_no_other),
        cmocka_unit_test(a_masked_secret_matches_the_line_that_holds_it),
        cmocka_unit_test(the_severe_come_first_and_long_lists_are_cut_with_a_count),
        cmocka_unit_test(rank_follows_severity_confidence_context_and_heat),
        cmocka_unit_test(unknown_severities_weigh_least),
        cmocka_unit_test(of_one_rule_the_largest_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
