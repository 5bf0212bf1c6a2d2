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

static void commit(const char *folder, const char *author, const char *when)
{
    char *name = mem_printf("--author=%s <%s@example.org>", author, author);
    char *date = mem_printf("--date=%s", when);

    GIT(folder, "add", ".");
    GIT(folder, "commit", "-q", "-m", "x", name, date);
    free(date);
    free(name);
}

static void write_pair(const char *folder, int round)
{
    char *left = mem_printf("int left = %d;\nint more;\n", round);
    char *right = mem_printf("int right = %d;\n", round);

    scratch_write(folder, "src/left.c", left);
    scratch_write(folder, "src/right.c", right);
    free(left);
    free(right);
}

static void hot_spots_pairs_and_people_come_from_the_log(void **state)
{
    char *folder = scratch_new();
    const json_t *spot;
    const json_t *pair;
    const json_t *place;
    json_t *result;
    char *text;

    (void)state;
    GIT(folder, "init", "-q");
    for (int i = 0; i < 6; i++) {
        write_pair(folder, i);
        commit(folder, i < 5 ? "ann" : "bob", "2024-02-19T10:00:00Z");
    }
    result = function_json(folder, "history", NULL);
    spot = json_array_get(json_object_get(result, "hot_spots"), 0);
    assert_string_equal(json_get_text(spot, "file", ""), "src/left.c");
    assert_int_equal(json_get_integer(spot, "commits", 0), 6);
    assert_int_equal(json_get_integer(spot, "score", 0), 12);
    pair = json_array_get(json_object_get(result, "changed_together"), 0);
    assert_int_equal(json_get_integer(pair, "together", 0), 6);
    assert_int_equal(json_get_integer(pair, "confidence_percent", 0), 100);
    assert_int_equal(json_get_integer(result, "bus_factor", 0), 1);
    assert_int_equal(json_get_integer(result, "authors", 0), 2);
    place = json_array_get(json_object_get(result, "folders"), 0);
    assert_int_equal(json_get_integer(place, "top_share_percent", 0), 83);
    text = json_dump_compact(result);
    assert_null(strchr(text, 0x40));
    free(text);
    json_decref(result);
    scratch_remove(folder);
}

static void a_header_and_its_source_are_no_news(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    for (int i = 0; i < 6; i++) {
        char *text = mem_printf("int a%d;\n", i);

        scratch_write(folder, "a.c", text);
        scratch_write(folder, "a.h", text);
        free(text);
        commit(folder, "ann", "2024-02-19T10:00:00Z");
    }
    result = function_json(folder, "history", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "changed_together")), 0);
    json_decref(result);
    scratch_remove(folder);
}

static void the_window_is_said(void **state)
{
    char *folder = scratch_new();
    const json_t *covered;
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    for (int i = 0; i < 3; i++) {
        write_pair(folder, i);
        commit(folder, "ann", "2024-02-19T10:00:00Z");
    }
    result = function_json(folder, "history", json_pack("{s:i}", "commits", 2));
    covered = json_object_get(result, "covered");
    assert_int_equal(json_get_integer(covered, "commits", 0), 2);
    assert_false(json_get_boolean(covered, "whole_history", true));
    json_decref(result);
    scratch_remove(folder);
}

static void without_repository_or_commits_it_is_unknown(void **state)
{
    char *folder = scratch_new();
    json_t *result = function_json(folder, "history", NULL);

    (void)state;
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    json_decref(result);
    GIT(folder, "init", "-q");
    result = function_json(folder, "history", NULL);
    assert_string_equal(json_get_text(result, "status", ""), "unknown");
    assert_string_equal(json_get_text(result, "why", ""), "there are no commits yet");
    json_decref(result);
    scratch_remove(folder);
}

static void headers_elsewhere_and_tests_are_no_news(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    for (int i = 0; i < 6; i++) {
        char *text = mem_printf("int n = %d;\n", i);

        scratch_write(folder, "builtin/repack.c", text);
        scratch_write(folder, "repack.h", text);
        scratch_write(folder, "tests/one.c", text);
        scratch_write(folder, "tests/two.c", text);
        commit(folder, "ann", "2024-02-19T10:00:00Z");
        free(text);
    }
    result = function_json(folder, "history", NULL);
    assert_int_equal(json_get_integer(result, "changed_together_total", -1), 0);
    json_decref(result);
    scratch_remove(folder);
}

static void a_file_that_changed_once_is_no_hot_spot(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    write_pair(folder, 1);
    commit(folder, "ann", "2024-02-19T10:00:00Z");
    result = function_json(folder, "history", NULL);
    assert_int_equal(json_array_size(json_object_get(result, "hot_spots")), 0);
    json_decref(result);
    scratch_remove(folder);
}

static void a_shallow_clone_is_not_the_whole_history(void **state)
{
    char *origin = scratch_new();
    char *clone = scratch_new();
    char *address = mem_printf("file://%s", origin);
    json_t *result;

    (void)state;
    GIT(origin, "init", "-q");
    for (int i = 0; i < 3; i++) {
        write_pair(origin, i);
        commit(origin, "ann", "2024-02-19T10:00:00Z");
    }
    GIT(clone, "clone", "-q", "--depth", "1", address, "here");
    {
        char *folder = scratch_path(clone, "here");

        result = function_json(folder, "history", NULL);
        assert_false(json_get_boolean(json_object_get(result, "covered"), "whole_history", true));
        assert_non_null(strstr(json_get_text(result, "summary", ""), "shallow clone"));
        json_decref(result);
        result = function_json(folder, "secrets", NULL);
        assert_false(json_get_boolean(json_object_get(result, "covered"), "history_whole", true));
        free(folder);
    }
    json_decref(result);
    free(address);
    scratch_remove(clone);
    scratch_remove(origin);
}

static void the_band_says_how_far_back(void **state)
{
    char *folder = scratch_new();
    json_t *result;

    (void)state;
    GIT(folder, "init", "-q");
    write_pair(folder, 1);
    commit(folder, "ann", "2024-02-19T10:00:00Z");
    result = function_json(folder, "history", json_pack("{s:s}", "band", "medium"));
    assert_int_equal(json_get_integer(json_object_get(result, "covered"), "commits_wanted", 0),
                     20000);
    json_decref(result);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_spots_pairs_and_people_come_from_the_log),
        cmocka_unit_test(a_header_and_its_source_are_no_news),
        cmocka_unit_test(the_window_is_said),
        cmocka_unit_test(without_repository_or_commits_it_is_unknown),
        cmocka_unit_test(headers_elsewhere_and_tests_are_no_news),
        cmocka_unit_test(a_file_that_changed_once_is_no_hot_spot),
        cmocka_unit_test(a_shallow_clone_is_not_the_whole_history),
        cmocka_unit_test(the_band_says_how_far_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
