/* SPDX-License-Identifier: MIT */
#include "functions/review.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_slug(const char *title, const char *slug)
{
    char *made = slug_of(title);

    assert_string_equal(made, slug);
    free(made);
}

static void any_title_gives_a_name_for_a_folder(void **state)
{
    (void)state;
    assert_slug("Add rate limits!", "add-rate-limits");
    assert_slug("  ../../etc/passwd", "etc-passwd");
    assert_slug("\xc3\x9c"
                "ber alles",
                "ber-alles");
    assert_slug("\xe6\xbc\xa2\xe5\xad\x97", "work");
    assert_slug("", "work");
    assert_slug("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void assert_refused(json_t *subtasks)
{
    json_t *arguments = json_object();
    struct function_call call = {.project = "/", .arguments = arguments};
    struct error err = ERROR_INIT;

    json_put(arguments, "subtasks", subtasks);
    assert_null(subtasks_argument(&call, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.hint, "steps.ID.output"));
    json_decref(arguments);
}

static void what_is_no_plan_is_refused(void **state)
{
    json_t *many = json_array();

    (void)state;
    assert_refused(json_string("prose"));
    assert_refused(json_pack("{s:s}", "subtasks", "x"));
    assert_refused(json_pack("{s:[{s:s}]}", "subtasks", "id", "T1"));
    assert_refused(
        json_pack("{s:[{s:s,s:s,s:[i]}]}", "subtasks", "id", "T1", "title", "t", "files", 1));
    for (int i = 0; i <= SUBTASKS_MAX; i++) {
        (void)json_array_append_new(many,
                                    json_pack("{s:s,s:s,s:[]}", "id", "T1", "title", "t", "files"));
    }
    assert_refused(json_pack("{s:o}", "subtasks", many));
}

static void a_plan_in_a_text_is_taken_and_the_given_one_stays_as_it_is(void **state)
{
    json_t *arguments = json_pack("{s:s}", "subtasks",
                                  "{\"subtasks\":[{\"id\":\"T1\",\"title\":\"t\",\"files\":[]}]}");
    struct function_call call = {.project = "/", .arguments = arguments};
    json_t *plan = subtasks_argument(&call, NULL);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(plan, "subtasks")), 1);
    json_decref(plan);
    json_decref(arguments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_title_gives_a_name_for_a_folder),
        cmocka_unit_test(what_is_no_plan_is_refused),
        cmocka_unit_test(a_plan_in_a_text_is_taken_and_the_given_one_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
