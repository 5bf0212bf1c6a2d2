/* SPDX-License-Identifier: MIT */
#include "functions/functions.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/function_call.h"
#include "support/scratch.h"

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const json_t *find_tool(const json_t *result, const char *name)
{
    size_t index;
    json_t *tool;

    json_array_foreach(json_object_get(result, "tools"), index, tool)
    {
        if (strcmp(json_get_text(tool, "tool", ""), name) == 0) {
            return tool;
        }
    }
    fail_msg("no tool %s", name);
    return NULL;
}

/* A project with one script, and a PATH that holds this shellcheck only (NULL: none). */
static json_t *check(const char *script)
{
    char *project = scratch_new();
    char *tools = scratch_new();
    char *path = scratch_path(tools, "shellcheck");
    char *before = mem_strdup(getenv("PATH"));
    json_t *result;

    scratch_write(project, "a.sh", "#!/bin/sh\necho $1\n");
    if (script) {
        char *text = mem_printf("#!/bin/sh\n%s\n", script);

        scratch_write(tools, "shellcheck", text);
        assert_int_equal(chmod(path, 0700), 0);
        free(text);
    }
    assert_int_equal(setenv("PATH", tools, 1), 0);
    result = function_json(project, "linters", json_pack("{s:i}", "seconds", 1));
    assert_int_equal(setenv("PATH", before, 1), 0);
    free(before);
    free(path);
    scratch_remove(tools);
    scratch_remove(project);
    return result;
}

static void findings_have_the_tools_rule_and_the_line(void **state)
{
    json_t *result = check("echo \"a.sh:2:6: warning: Quote it. [SC2086]\"; exit 1");
    const json_t *finding = find_finding(result, "shellcheck:SC2086", "a.sh");

    (void)state;
    assert_non_null(finding);
    assert_int_equal(json_get_integer(finding, "line", 0), 2);
    assert_string_equal(json_get_text(finding, "evidence", ""), "echo $1");
    assert_string_equal(json_get_text(finding, "message", ""), "Quote it.");
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "findings");
    json_decref(result);
}

static void silence_and_success_are_clean(void **state)
{
    json_t *result = check("exit 0");

    (void)state;
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "clean");
    assert_string_equal(json_get_text(result, "status", ""), "ok");
    json_decref(result);
}

static void a_missing_tool_is_unknown_and_never_clean(void **state)
{
    json_t *result = check(NULL);

    (void)state;
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "unknown");
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "why", ""), "not installed");
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
}

static void a_tool_that_breaks_is_unknown(void **state)
{
    json_t *result = check("echo broken >&2; exit 70");

    (void)state;
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "unknown");
    assert_non_null(strstr(json_get_text(find_tool(result, "shellcheck"), "why", ""), "broken"));
    json_decref(result);
}

static void a_tool_that_does_not_end_is_unknown(void **state)
{
    json_t *result = check("case $1 in --version) exit 0;; esac; while :; do :; done");

    (void)state;
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "unknown");
    assert_int_equal(json_get_integer(find_tool(result, "shellcheck"), "files_checked", -1), 0);
    json_decref(result);
}

/* The largest file comes first. */
static void a_file_that_takes_forever_does_not_take_the_time_of_the_others(void **state)
{
    char *project = scratch_new();
    char *before = mem_strdup(getenv("PATH"));
    char *path = scratch_path(project, "shellcheck");
    json_t *result;

    (void)state;
    scratch_write(project, "forever.sh",
                  "#!/bin/sh\necho larger than all of the others, by far\n"
                  "echo so large that it comes before the tool itself\n");
    scratch_write(project, "a.sh", "#!/bin/sh\n");
    scratch_write(project, "shellcheck",
                  "#!/bin/sh\nfor f; do case $f in --version) exit 0;; forever.sh) while :; do :; "
                  "done;; esac; done\n");
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(setenv("PATH", project, 1), 0);
    result = function_json(project, "linters", json_pack("{s:i}", "seconds", 6));
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "unknown");
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "why", ""),
                        "1 file took too long");
    assert_int_equal(json_get_integer(find_tool(result, "shellcheck"), "files_checked", -1), 2);
    json_decref(result);
    free(path);
    free(before);
    scratch_remove(project);
}

static void a_tool_without_files_does_not_apply(void **state)
{
    json_t *result = check("exit 0");

    (void)state;
    assert_false(json_get_boolean(find_tool(result, "cppcheck"), "applies", true));
    assert_null(json_object_get(find_tool(result, "cppcheck"), "status"));
    json_decref(result);
}

static void places_outside_the_tree_are_ignored(void **state)
{
    json_t *result = check("echo \"/etc/passwd:1:1: error: x [Y]\"; exit 1");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(result, "findings")), 0);
    json_decref(result);
}

static void what_a_tool_guesses_has_little_confidence(void **state)
{
    json_t *result = check(
        "echo \"a.sh:2:6: warning: Maybe. [nullPointerRedundantCheck]\"; exit 1");

    (void)state;
    assert_string_equal(
        json_get_text(json_array_get(json_object_get(result, "findings"), 0), "confidence", ""),
        "low");
    json_decref(result);
}

static void of_two_tools_that_tell_the_same_one_is_missed_once(void **state)
{
    char *project = scratch_new();
    char *before = mem_strdup(getenv("PATH"));
    json_t *result;
    size_t missed = 0;
    size_t index;
    json_t *tool;

    (void)state;
    scratch_write(project, "a.py", "x = 1\n");
    assert_int_equal(setenv("PATH", project, 1), 0);
    result = function_json(project, "linters", NULL);
    assert_int_equal(setenv("PATH", before, 1), 0);
    json_array_foreach(json_object_get(result, "tools"), index, tool)
    {
        missed += strstr(json_get_text(tool, "why", ""), "not installed") != NULL &&
                  strstr(json_get_text(tool, "purpose", ""), "names in Python") != NULL;
    }
    assert_int_equal(missed, 1);
    assert_string_equal(json_get_text(find_tool(result, "ruff"), "why", ""),
                        "not installed, nor is pyflakes");
    json_decref(result);
    free(before);
    scratch_remove(project);
}

static void what_was_looked_at_in_part_is_not_clean(void **state)
{
    char *project = scratch_new();
    char *before = mem_strdup(getenv("PATH"));
    char *path = scratch_path(project, "shellcheck");
    json_t *result;

    (void)state;
    scratch_write(project, "a.sh", "#!/bin/sh\n");
    scratch_write(project, "b.sh", "#!/bin/sh\n");
    scratch_write(project, "shellcheck", "#!/bin/sh\n");
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(setenv("PATH", project, 1), 0);
    result = function_json(project, "linters", json_pack("{s:i}", "files", 2));
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "status", ""), "unknown");
    assert_string_equal(json_get_text(find_tool(result, "shellcheck"), "why", ""),
                        "only 2 of 3 files were looked at, large ones first");
    json_decref(result);
    free(path);
    free(before);
    scratch_remove(project);
}

/* The tool writes down each of its calls. */
static void files_come_in_growing_batches_and_giants_last(void **state)
{
    char *project = scratch_new();
    char *before = mem_strdup(getenv("PATH"));
    char *path = scratch_path(project, "shellcheck");
    char *giant = mem_alloc(60001);
    char *calls_path = scratch_path(project, "calls");
    char *calls;

    (void)state;
    memset(giant, '#', 60000);
    giant[60000] = '\0';
    scratch_write(project, "giant.sh", giant);
    scratch_write(project, "large.sh", "#!/bin/sh\necho larger than the others\n");
    scratch_write(project, "small.sh", "#!/bin/sh\necho small\n");
    scratch_write(project, "tests/t.sh", "#!/bin/sh\necho a test that is larger than all others\n");
    scratch_write(project, "shellcheck",
                  "#!/bin/sh\n[ \"$1\" = --version ] && exit\n"
                  "while [ \"$1\" != -- ]; do shift; done; echo \"$@\" >>calls\n");
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(setenv("PATH", project, 1), 0);
    json_decref(function_json(project, "linters", NULL));
    assert_int_equal(setenv("PATH", before, 1), 0);
    assert_int_equal(file_read(calls_path, 4096, &calls, &(size_t){0}, NULL), 0);
    assert_string_equal(calls, "-- shellcheck\n-- large.sh small.sh\n-- giant.sh tests/t.sh\n");
    free(calls);
    free(calls_path);
    free(giant);
    free(path);
    free(before);
    scratch_remove(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_have_the_tools_rule_and_the_line),
        cmocka_unit_test(silence_and_success_are_clean),
        cmocka_unit_test(a_missing_tool_is_unknown_and_never_clean),
        cmocka_unit_test(a_tool_that_breaks_is_unknown),
        cmocka_unit_test(a_tool_that_does_not_end_is_unknown),
        cmocka_unit_test(a_file_that_takes_forever_does_not_take_the_time_of_the_others),
        cmocka_unit_test(a_tool_without_files_does_not_apply),
        cmocka_unit_test(places_outside_the_tree_are_ignored),
        cmocka_unit_test(what_a_tool_guesses_has_little_confidence),
        cmocka_unit_test(of_two_tools_that_tell_the_same_one_is_missed_once),
        cmocka_unit_test(what_was_looked_at_in_part_is_not_clean),
        cmocka_unit_test(files_come_in_growing_batches_and_giants_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
