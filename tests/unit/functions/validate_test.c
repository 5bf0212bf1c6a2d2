/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"
#include "support/repository.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *validated(const char *folder, json_t *findings)
{
    return function_json(folder, "validate", json_pack("{s:{s:o}}", "fold", "findings", findings));
}

static json_t *claim(const char *file, int line, const char *evidence)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s}", "id", "F1", "angle", "risks", "rule", "r",
                     "severity", "medium", "file", file, "line", line, "evidence", evidence,
                     "confidence", "high");
}

static void assert_verdict(json_t *finding, const char *verdict)
{
    char *folder = scratch_new();
    json_t *result;

    scratch_write(folder, "a.c", "one\ntwo\nthree\n");
    result = validated(folder, json_pack("[o]", finding));
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "findings"), 0), "verdict", ""),
        verdict);
    assert_int_equal(json_get_integer(json_object_get(result, "counts"), verdict, 0), 1);
    json_decref(result);
    scratch_remove(folder);
}

static void places_are_opened_and_compared(void **state)
{
    (void)state;
    assert_verdict(claim("a.c", 2, "two"), "confirmed");
    assert_verdict(claim("a.c", 1, "three"), "moved");
    assert_verdict(claim("a.c", 2, "four"), "refuted");
    assert_verdict(claim("a.c", 99, ""), "refuted");
    assert_verdict(claim("a.c", 2, ""), "unproven");
    assert_verdict(claim("b.c", 2, "two"), "refuted");
    assert_verdict(claim("../a.c", 2, "two"), "refuted");
    assert_verdict(claim("/etc/passwd", 1, "root"), "refuted");
    assert_verdict(json_pack("{s:s,s:s}", "rule", "r", "message", "m"), "unlocated");
}

static void a_moved_finding_gets_its_line(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "one\ntwo\nthree\n");
    result = validated(folder, json_pack("[o]", claim("a.c", 1, "three")));
    assert_int_equal(json_get_integer(find_finding(result, "r", "a.c"), "line", 0), 3);
    json_decref(result);
    scratch_remove(folder);
}

static void places_in_the_history_are_looked_up(void **state)
{
    char *folder = scratch_new();
    json_t *good = claim("a.c", 1, "old");
    json_t *bad = claim("a.c", 1, "old");
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    scratch_write(folder, "a.c", "old\n");
    GIT(folder, "add", ".");
    GIT(folder, "commit", "-q", "-m", "one");
    GIT(folder, "tag", "abcdef0");
    json_put_text(good, "commit", "abcdef0");
    json_put_text(bad, "commit", "--help");
    json_put_text(bad, "rule", "bad");
    result = validated(folder, json_pack("[o,o]", good, bad));
    assert_string_equal(json_get_text(find_finding(result, "r", NULL), "verdict", ""), "confirmed");
    assert_string_equal(json_get_text(find_finding(result, "bad", NULL), "verdict", ""), "refuted");
    json_decref(result);
    scratch_remove(folder);
}

static void findings_in_tests_lose_a_step(void **state)
{
    char *folder = scratch_new();
    const json_t *found;
    json_t *result;

    (void)state;
    scratch_write(folder, "tests/a.c", "one\n");
    result = validated(folder, json_pack("[o]", claim("tests/a.c", 1, "one")));
    found = find_finding(result, "r", NULL);
    assert_string_equal(json_get_text(found, "severity", ""), "low");
    assert_string_equal(json_get_text(found, "severity_before", ""), "medium");
    assert_string_equal(json_get_text(found, "context", ""), "test");
    json_decref(result);
    scratch_remove(folder);
}

static void two_angles_about_one_line_are_one_claim_with_more_confidence(void **state)
{
    char *folder = scratch_new();
    json_t *first = claim("a.c", 1, "one");
    json_t *second = claim("a.c", 1, "one");
    json_t *result;

    (void)state;
    scratch_write(folder, "a.c", "one\n");
    json_put_text(first, "confidence", "low");
    json_put_text(second, "angle", "linters");
    json_put_text(second, "rule", "other");
    result = validated(folder, json_pack("[o,o]", first, second));
    assert_string_equal(json_get_text(find_finding(result, "r", NULL), "confidence", ""), "high");
    assert_string_equal(json_get_text(find_finding(result, "other", NULL), "duplicate_of", ""),
                        "F1");
    json_decref(result);
    scratch_remove(folder);
}

static void without_a_fold_it_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "validate", json_object(), &err), ERROR_INVALID);
}

static void a_name_that_is_not_utf8_is_found_as_it_is_shown(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    scratch_write(folder, "odd\xff.c", "one\n");
    result = validated(folder, json_pack("[o]", claim("odd\xEF\xBF\xBD.c", 1, "one")));
    assert_int_equal(json_get_integer(json_object_get(result, "counts"), "confirmed", 0), 1);
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_opened_and_compared),
        cmocka_unit_test(a_moved_finding_gets_its_line),
        cmocka_unit_test(places_in_the_history_are_looked_up),
        cmocka_unit_test(findings_in_tests_lose_a_step),
        cmocka_unit_test(two_angles_about_one_line_are_one_claim_with_more_confidence),
        cmocka_unit_test(without_a_fold_it_is_refused),
        cmocka_unit_test(a_name_that_is_not_utf8_is_found_as_it_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
