/* SPDX-License-Identifier: MIT */
#include "planner/analyze.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static struct repository empty;

static void kinds_are_told_by_words(void **state)
{
    (void)state;
    assert_int_equal(task_kind_of("Add a button"), TASK_FEATURE);
    assert_int_equal(task_kind_of("The importer crashes, fix it"), TASK_FIX);
    assert_int_equal(task_kind_of("Why does it crash?"), TASK_RESEARCH);
    assert_int_equal(task_kind_of("Refactor the parser"), TASK_REFACTOR);
    assert_int_equal(task_kind_of("Write unit tests for the parser"), TASK_TEST);
    assert_int_equal(task_kind_of("The page is slow"), TASK_PERFORMANCE);
    assert_int_equal(task_kind_of("xyzzy"), TASK_OTHER);
}

static void what_is_touched_comes_from_words_then_files_then_the_rest(void **state)
{
    struct repository repository = {0};
    struct analysis analysis;

    (void)state;
    analyze("Add a button to the page", &empty, &analysis);
    assert_true(analysis_touches(&analysis, SURFACE_FRONTEND));
    assert_false(analysis_touches(&analysis, SURFACE_BACKEND));
    analysis_release(&analysis);

    repository_add(&repository, "src/client/Cart.tsx");
    repository_add(&repository, "src/client/Cartwheel.tsx");
    analyze("The cart is wrong", &repository, &analysis);
    assert_int_equal(analysis.file_count, 1);
    assert_string_equal(analysis.files[0], "src/client/Cart.tsx");
    assert_true(analysis_touches(&analysis, SURFACE_FRONTEND));
    analysis_release(&analysis);
    repository_release(&repository);

    analyze("Do it better", &empty, &analysis);
    assert_true(analysis_touches(&analysis, SURFACE_BACKEND));
    assert_non_null(strstr(analysis.surfaces[SURFACE_BACKEND].why, "says nothing else"));
    analysis_release(&analysis);
}

static void complexity_is_the_sum_of_its_reasons_within_its_bounds(void **state)
{
    struct analysis analysis;
    int total = 0;

    (void)state;
    analyze("Add a payment form, its API and the database for it", &empty, &analysis);
    for (size_t i = 0; i < analysis.reasons.count; i++) {
        total += analysis.reasons.items[i].points;
    }
    assert_int_equal(analysis.complexity, total);
    assert_true(analysis.risks.count > 0);
    analysis_release(&analysis);

    analyze("Fix the typo", &empty, &analysis);
    assert_int_equal(analysis.complexity, 1);
    analysis_release(&analysis);

    analyze(
        "Rewrite everything from scratch across the entire distributed production payment login "
        "database server page pipeline with metrics",
        &empty, &analysis);
    assert_int_equal(analysis.complexity, 10);
    analysis_release(&analysis);
}

static void one_risk_is_told_once(void **state)
{
    struct analysis analysis;

    (void)state;
    analyze("Change login, password and session", &empty, &analysis);
    assert_int_equal(analysis.risks.count, 1);
    assert_non_null(strstr(analysis.risks.items[0].text, "people's access"));
    analysis_release(&analysis);
}

static void a_list_has_items(void **state)
{
    struct analysis analysis;

    (void)state;
    analyze("Do:\n- one\n* two\n 3. three\n12345. no item\n-none", &empty, &analysis);
    assert_int_equal(analysis.item_count, 3);
    analysis_release(&analysis);
}

static void everything_is_told_as_data(void **state)
{
    struct repository repository = {.code_files = 1};
    struct analysis analysis;
    json_t *result;

    (void)state;
    repository_add(&repository, "src/client/odd\xff.css");
    analyze("Change the page \xff", &repository, &analysis);
    result = analysis_describe(&analysis);
    assert_string_equal(json_get_text(result, "kind", ""), "other");
    assert_string_equal(json_get_text(result, "phase", ""), "plan");
    assert_int_equal(json_array_size(json_object_get(result, "surfaces")), 1);
    assert_int_equal(json_get_integer(json_object_get(result, "complexity"), "most", 0), 10);
    json_decref(result);
    analysis_release(&analysis);
    repository_release(&repository);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_by_words),
        cmocka_unit_test(what_is_touched_comes_from_words_then_files_then_the_rest),
        cmocka_unit_test(complexity_is_the_sum_of_its_reasons_within_its_bounds),
        cmocka_unit_test(one_risk_is_told_once),
        cmocka_unit_test(a_list_has_items),
        cmocka_unit_test(everything_is_told_as_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
