/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_feature(const char *name, const char *review, const char *given,
                           const char *slug, const char *title)
{
    char *folder = scratch_new();
    json_t *result;

    scratch_write(folder, name, review);
    result = function_json(folder, "feature",
                           json_pack("{s:s,s:s}", "report", name, "name", given));
    assert_string_equal(json_get_text(result, "slug", ""), slug);
    assert_string_equal(json_get_text(result, "title", ""), title);
    assert_string_equal(json_get_text(result, "report", ""), name);
    json_decref(result);
    scratch_remove(folder);
}

static void the_title_is_given_or_the_reports_or_the_files(void **state)
{
    (void)state;
    assert_feature("r.md", "```\n# code\n```\n\n# Rate limits\n", "", "rate-limits", "Rate limits");
    assert_feature("r.md", "# Rate limits\n", "Logins, now", "logins-now", "Logins, now");
    assert_feature("docs/the-review.md", "no heading", "", "the-review", "the-review");
    assert_feature("fold.json", "{\"findings\":[]}", "", "fold", "fold");
}

static void a_review_that_is_not_there_is_refused(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "feature", json_object(), &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "report.md"));
    assert_int_equal(
        function_failure("/nonexistent", "feature", json_pack("{s:s}", "report", "r.md"), &err),
        ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_title_is_given_or_the_reports_or_the_files),
        cmocka_unit_test(a_review_that_is_not_there_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
