/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/alloc.h"
#include "support/function_call.h"
#include "support/repository.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RIGHT "QYLPMN5HHHFPZAM2"

static void write_key(const char *folder, const char *file)
{
    char *text = mem_printf("a = 1\nkey = \"%s%s\"\n", "AKIA", RIGHT);

    scratch_write(folder, file, text);
    free(text);
}

static void a_secret_in_the_tree_is_high_and_in_a_test_low_and_never_shown(void **state)
{
    char *folder = scratch_new();
    json_t *result;
    char *text;

    (void)state;
    write_key(folder, "src/a.py");
    write_key(folder, "tests/a.py");
    result = function_json(folder, "secrets", NULL);
    assert_string_equal(
        json_get_text(find_finding(result, "aws-access-key", "src/a.py"), "severity", ""), "high");
    assert_int_equal(
        json_get_integer(find_finding(result, "aws-access-key", "src/a.py"), "line", 0), 2);
    assert_string_equal(
        json_get_text(find_finding(result, "aws-access-key", "tests/a.py"), "severity", ""), "low");
    text = json_dump_compact(result);
    assert_null(strstr(text, RIGHT));
    free(text);
    json_decref(result);
    scratch_remove(folder);
}

static void a_removed_secret_is_found_in_the_history_with_its_commit(void **state)
{
    char *folder = scratch_new();
    const json_t *finding;
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    write_key(folder, "a.py");
    GIT(folder, "add", ".");
    GIT(folder, "commit", "-q", "-m", "one");
    scratch_write(folder, "a.py", "a = 1\n");
    GIT(folder, "commit", "-q", "-a", "-m", "two");
    result = function_json(folder, "secrets", NULL);
    finding = find_finding(result, "aws-access-key-in-history", "a.py");
    assert_non_null(finding);
    assert_int_equal(json_get_integer(finding, "line", 0), 2);
    assert_int_equal(strlen(json_get_text(finding, "commit", "")), 40);
    assert_int_equal(json_get_integer(result, "in_tree", -1), 0);
    assert_true(json_get_boolean(json_object_get(result, "covered"), "history_whole", false));
    json_decref(result);
    scratch_remove(folder);
}

static void what_is_still_in_the_tree_is_not_told_twice(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    write_key(folder, "a.py");
    GIT(folder, "add", ".");
    GIT(folder, "commit", "-q", "-m", "one");
    result = function_json(folder, "secrets", json_pack("{s:i}", "commits", 1));
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 1);
    assert_string_equal(json_get_text(json_object_get(result, "covered"), "history_stopped_by", ""),
                        "commits");
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_in_the_tree_is_high_and_in_a_test_low_and_never_shown),
        cmocka_unit_test(a_removed_secret_is_found_in_the_history_with_its_commit),
        cmocka_unit_test(what_is_still_in_the_tree_is_not_told_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
