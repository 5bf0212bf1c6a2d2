/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *sample_finding(const char *rule, const char *severity, const char *verdict)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s}", "id", "F1", "angle", "risks",
                     "rule", rule, "severity", severity, "confidence", "high", "file", "src/a.c",
                     "line", 3, "evidence", "gets(b);", "message", "it is bad", "fix", "change it",
                     "verdict", verdict);
}

static json_t *sample_fold(json_t *findings, json_t *outputs)
{
    return json_pack("{s:[{s:s,s:s}],s:o,s:o}", "angles", "id", "risks", "status", "ok", "findings",
                     findings, "outputs", outputs);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is missing in:\n%s", part, text);
    }
}

static char *report_of(json_t *findings)
{
    json_t *fold = sample_fold(json_incref(findings), json_object());
    json_t *validation = json_pack("{s:s,s:{},s:[],s:O}", "summary", "checked", "counts", "attacks",
                                   "findings", findings);

    json_decref(findings);
    return function_text("/", "report",
                         json_pack("{s:o,s:o,s:s}", "fold", fold, "validation", validation, "task",
                                   "Review | this"));
}

static void the_validation_stands_above_the_recommendation(void **state)
{
    char *text = report_of(json_pack("[o]", sample_finding("c-gets", "high", "confirmed")));

    (void)state;
    assert_true(strstr(text, "## Validation") < strstr(text, "## Recommendation"));
    assert_true(strstr(text, "## Recommendation") < strstr(text, "## Details"));
    assert_has(text, "Review \\| this");
    assert_has(text, "1. **c-gets** (high, confidence high): it is bad.");
    assert_has(text, "`src/a.c:3` `gets(b);` (F1)");
    assert_has(text, "## Method and limits");
    free(text);
}

static void refuted_findings_are_named_and_not_recommended(void **state)
{
    char *text = report_of(json_pack("[o]", sample_finding("c-gets", "high", "refuted")));

    (void)state;
    assert_has(text, "Refuted, and left out");
    assert_has(text, "Nothing found that asks for action");
    assert_null(strstr(text, "**c-gets**"));
    free(text);
}

static void angles_that_nobody_saw_are_told_once_for_each_reason(void **state)
{
    json_t *fold = json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s}],s:[],s:{}}",
                             "angles", "id", "depth", "status", "left_out", "why", "needs an agent",
                             "id", "blind", "status", "unknown", "why", "no git", "id", "data",
                             "status", "left_out", "why", "needs an agent", "id", "later", "status",
                             "skipped", "findings", "outputs");
    char *text = function_text("/", "report",
                               json_pack("{s:o,s:s}", "fold", fold, "strategy", "static"));

    (void)state;
    assert_has(text, "says that it is clean):\n\n"
                     "- the angles `depth`, `data`: needs an agent\n"
                     "- the angle `blind`: no git\n\n"
                     "Angles that this band leaves out: `later`.\n");
    assert_null(strstr(text, "### depth"));
    assert_has(text, "### blind\n\n**Unknown**: no git.");
    assert_has(text, "**None**: an agent writes it, and the strategy is static.");
    free(text);
}

static void where_nothing_was_found_nothing_is_said_to_be_checked(void **state)
{
    char *text = report_of(json_array());

    (void)state;
    assert_has(text, "## Validation\n\nNo angle found anything, so no place had to be checked.\n");
    assert_null(strstr(text, "| Attack |"));
    assert_has(text, "**Unknown**");
    free(text);
}

static void long_lists_say_how_many_they_leave_out(void **state)
{
    json_t *findings = json_array();
    char *text;

    (void)state;
    for (int i = 0; i < 30; i++) {
        (void)json_array_append_new(findings, sample_finding("c-gets", "high", "confirmed"));
    }
    text = report_of(findings);
    assert_has(text, "30 places");
    assert_has(text, "... and 27 more");
    assert_has(text, "... and 22 more");
    free(text);
}

static void places_that_differ_say_their_own(void **state)
{
    json_t *first = sample_finding("long-function", "high", "confirmed");
    json_t *second = sample_finding("long-function", "high", "confirmed");
    char *text;

    (void)state;
    json_put_text(second, "message", "it is worse");
    json_put_text(second, "id", "F2");
    text = report_of(json_pack("[o,o]", first, second));
    assert_has(text, "2 places): each place says its own, the weightiest first.");
    assert_has(text, "   - `src/a.c:3` `gets(b);`: it is bad (F1)");
    assert_has(text, "   - `src/a.c:3` `gets(b);`: it is worse (F2)");
    assert_has(text, "**long-function** (high, 2)\n\n- F1 `src/a.c:3` `gets(b);`: it is bad\n");
    free(text);
}

static void a_question_ends_as_one_and_one_kind_more_is_one(void **state)
{
    json_t *question = sample_finding("python3", "medium", "confirmed");
    json_t *remark = sample_finding("long-file", "info", "confirmed");
    char *text;

    (void)state;
    json_put_text(question, "message", "Did you mean print(...)?");
    text = report_of(json_pack("[o,o]", question, remark));
    assert_has(text, "Did you mean print(...)?\n");
    assert_has(text, "\n1 more kind of finding: see Details.\n");
    free(text);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    char *one = report_of(json_pack("[o]", sample_finding("c-gets", "high", "confirmed")));
    char *two = report_of(json_pack("[o]", sample_finding("c-gets", "high", "confirmed")));

    (void)state;
    assert_string_equal(one, two);
    free(one);
    free(two);
}

static void an_agents_prose_is_quoted_and_nothing_counts_as_checked(void **state)
{
    char *text = function_text(
        "/", "report",
        json_pack(
            "{s:o,s:s}", "fold",
            sample_fold(json_pack("[o]", sample_finding("c-gets", "high", "")), json_object()),
            "validation", "I read it all."));

    (void)state;
    assert_has(text, "> I read it all.");
    assert_has(text, "**c-gets**");
    free(text);
}

static void without_validation_it_says_so(void **state)
{
    char *text = function_text(
        "/", "report", json_pack("{s:o}", "fold", sample_fold(json_array(), json_object())));

    (void)state;
    assert_has(text, "**Not validated**");
    free(text);
}

static void without_a_fold_it_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "report", json_object(), &err), ERROR_INVALID);
}

static void what_stands_only_beside_the_code_is_not_recommended(void **state)
{
    json_t *finding = sample_finding("c-gets", "low", "confirmed");
    char *text;

    (void)state;
    json_put_text(finding, "context", "vendored");
    text = report_of(json_pack("[o]", finding));
    assert_has(text, "Nothing found that asks for action");
    free(text);
}

static void little_confidence_is_said_at_the_place(void **state)
{
    json_t *finding = sample_finding("cppcheck:uninitvar", "medium", "confirmed");
    char *text;

    (void)state;
    json_put_text(finding, "confidence", "low");
    text = report_of(json_pack("[o]", finding));
    assert_has(text, "(F1, low confidence)");
    free(text);
}

static void files_too_large_to_read_are_unknown(void **state)
{
    json_t *fold = sample_fold(json_array(),
                               json_pack("{s:{s:i}}", "inventory", "too_large_files", 2));
    char *text = function_text("/", "report", json_pack("{s:o}", "fold", fold));

    (void)state;
    assert_has(text, "the content of 2 files larger than 2 MB");
    free(text);
}

static void each_part_of_the_project_is_named(void **state)
{
    json_t *one = sample_finding("untested-folder", "low", "unlocated");
    json_t *two = sample_finding("untested-folder", "low", "unlocated");
    char *text;

    (void)state;
    (void)json_object_del(one, "file");
    (void)json_object_del(two, "file");
    json_put_text(one, "message", "bench has none");
    json_put_text(two, "message", "tools has none");
    text = report_of(json_pack("[o,o]", one, two));
    assert_has(text, "2 places): parts of the project.");
    assert_has(text, "   - bench has none");
    assert_has(text, "   - tools has none");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_validation_stands_above_the_recommendation),
        cmocka_unit_test(refuted_findings_are_named_and_not_recommended),
        cmocka_unit_test(angles_that_nobody_saw_are_told_once_for_each_reason),
        cmocka_unit_test(where_nothing_was_found_nothing_is_said_to_be_checked),
        cmocka_unit_test(long_lists_say_how_many_they_leave_out),
        cmocka_unit_test(places_that_differ_say_their_own),
        cmocka_unit_test(a_question_ends_as_one_and_one_kind_more_is_one),
        cmocka_unit_test(the_same_input_gives_the_same_bytes),
        cmocka_unit_test(an_agents_prose_is_quoted_and_nothing_counts_as_checked),
        cmocka_unit_test(without_validation_it_says_so),
        cmocka_unit_test(without_a_fold_it_is_refused),
        cmocka_unit_test(what_stands_only_beside_the_code_is_not_recommended),
        cmocka_unit_test(little_confidence_is_said_at_the_place),
        cmocka_unit_test(files_too_large_to_read_are_unknown),
        cmocka_unit_test(each_part_of_the_project_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
