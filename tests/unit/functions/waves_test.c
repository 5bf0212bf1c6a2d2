/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A subtask of these files; needs: the id of another one, or NULL. */
static json_t *subtask(const char *id, const char *first, const char *second, const char *needs)
{
    json_t *value = json_pack("{s:s,s:s,s:[]}", "id", id, "title", id, "files");

    if (first) {
        (void)json_array_append_new(json_object_get(value, "files"), json_string(first));
    }
    if (second) {
        (void)json_array_append_new(json_object_get(value, "files"), json_string(second));
    }
    if (needs) {
        json_put(value, "needs", json_pack("[s]", needs));
    }
    return value;
}

static json_t *arguments(json_t *list)
{
    return json_pack("{s:{s:s,s:o}}", "subtasks", "slug", "work", "subtasks", list);
}

static void assert_waves(json_t *given, const char *waves)
{
    json_t *result = function_json("/", "waves", given);
    char *shown = json_dump_compact(json_object_get(result, "waves"));

    assert_string_equal(shown, waves);
    free(shown);
    json_decref(result);
}

static void what_touches_the_same_file_is_in_different_waves(void **state)
{
    (void)state;
    assert_waves(arguments(json_pack("[o,o,o,o]", subtask("A", "a", "b", NULL),
                                     subtask("B", "b", NULL, NULL), subtask("C", "c", NULL, NULL),
                                     subtask("D", "a", "c", NULL))),
                 "[[\"A\",\"C\"],[\"B\",\"D\"]]");
    assert_waves(arguments(json_pack("[o,o,o]", subtask("A", "a", NULL, NULL),
                                     subtask("B", "a", NULL, NULL), subtask("C", "a", NULL, NULL))),
                 "[[\"A\"],[\"B\"],[\"C\"]]");
    assert_waves(arguments(json_pack("[o,o]", subtask("A", NULL, NULL, NULL),
                                     subtask("B", NULL, NULL, NULL))),
                 "[[\"A\",\"B\"]]");
}

static void needs_come_first_wherever_they_stand(void **state)
{
    (void)state;
    assert_waves(arguments(json_pack("[o,o,o]", subtask("A", "a", NULL, "B"),
                                     subtask("B", "b", NULL, "C"), subtask("C", "c", NULL, NULL))),
                 "[[\"C\"],[\"B\"],[\"A\"]]");
}

static void a_wave_has_no_more_than_its_width(void **state)
{
    json_t *given = arguments(json_pack("[o,o,o]", subtask("A", "a", NULL, NULL),
                                        subtask("B", "b", NULL, NULL),
                                        subtask("C", "c", NULL, NULL)));

    (void)state;
    json_put_integer(given, "width", 2);
    assert_waves(given, "[[\"A\",\"B\"],[\"C\"]]");
}

static void a_circle_is_refused_and_named(void **state)
{
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(function_failure("/", "waves",
                                      arguments(json_pack("[o,o]", subtask("A", "a", NULL, "B"),
                                                          subtask("B", "b", NULL, "A"))),
                                      &err),
                     ERROR_INVALID);
    assert_non_null(strstr(err.text, "A"));
}

static void conflicts_name_both_sides_and_the_files(void **state)
{
    json_t *result = function_json(
        "/", "waves",
        arguments(json_pack("[o,o]", subtask("A", "a", "b", NULL), subtask("B", "b", "a", NULL))));
    char *shown = json_dump_compact(json_object_get(result, "conflicts"));

    (void)state;
    assert_string_equal(shown, "[{\"left\":\"A\",\"right\":\"B\",\"files\":[\"a\",\"b\"]}]");
    free(shown);
    json_decref(result);
}

static void each_gets_a_workspace_of_its_own(void **state)
{
    json_t *planned = function_json(
        "/", "waves",
        arguments(json_pack("[o,o,o]", subtask("A", "a", NULL, NULL), subtask("B", "b", NULL, NULL),
                            subtask("C", "a", NULL, NULL))));
    json_t *result = function_json("/", "workspaces", json_pack("{s:o}", "subtasks", planned));
    const char *names[] = {"work-wave1-1", "work-wave1-2", "work-wave2-1"};
    struct error err = ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(
            json_get_text(json_array_get(json_object_get(result, "subtasks"), i), "workspace", ""),
            names[i]);
    }
    json_decref(result);
    assert_int_equal(function_failure("/", "workspaces",
                                      arguments(json_pack("[o]", subtask("A", "a", NULL, NULL))),
                                      &err),
                     ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_touches_the_same_file_is_in_different_waves),
        cmocka_unit_test(needs_come_first_wherever_they_stand),
        cmocka_unit_test(a_wave_has_no_more_than_its_width),
        cmocka_unit_test(a_circle_is_refused_and_named),
        cmocka_unit_test(conflicts_name_both_sides_and_the_files),
        cmocka_unit_test(each_gets_a_workspace_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
