/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *one(const char *title, const char *severity, int files)
{
    json_t *list = json_array();

    for (int i = 0; i < files; i++) {
        (void)json_array_append_new(list, json_sprintf("f%d", i));
    }
    return json_pack("{s:{s:[{s:s,s:s,s:s,s:o}]}}", "subtasks", "subtasks", "id", "T1", "title",
                     title, "severity", severity, "files", list);
}

static void assert_mode(json_t *given, const char *mode, int complexity, const char *reasons)
{
    json_t *result = function_json("/", "modes", given);
    const json_t *subtask = json_array_get(json_object_get(result, "subtasks"), 0);
    char *shown = json_dump_compact(json_object_get(subtask, "mode_reasons"));

    assert_string_equal(json_get_text(subtask, "mode", ""), mode);
    assert_int_equal(json_get_integer(subtask, "complexity", 0), complexity);
    assert_string_equal(shown, reasons);
    free(shown);
    json_decref(result);
}

static void risk_size_and_severity_ask_for_all_gates(void **state)
{
    (void)state;
    assert_mode(one("Rename a variable", "low", 1), "direct", 2, "[]");
    assert_mode(one("Authorise calls", "low", 1), "task-work", 4, "[\"risk: authori\"]");
    assert_mode(one("An author's rapid draft", "low", 1), "direct", 2, "[]");
    assert_mode(one("A rapid draft", "low", 1), "direct", 2, "[]"); /* "api" is inside of a word */
    assert_mode(one("Move files", "low", 4), "task-work", 5, "[\"4 files\"]");
    assert_mode(one("Move files", "high", 3), "task-work", 6, "[\"severity: high\"]");
    assert_mode(one("Move files", "high", 1), "direct", 4, "[\"severity: high\"]");
}

static void a_person_decides_for_all(void **state)
{
    json_t *given = one("Authorise calls", "low", 1);
    struct error err = ERROR_INIT;

    (void)state;
    json_put_text(given, "mode", "direct");
    assert_mode(given, "direct", 4, "[\"risk: authori\",\"chosen for all\"]");
    given = one("x", "low", 1);
    json_put_text(given, "mode", "fast");
    assert_int_equal(function_failure("/", "modes", given, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "task-work"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(risk_size_and_severity_ask_for_all_gates),
        cmocka_unit_test(a_person_decides_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
