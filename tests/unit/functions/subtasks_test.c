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

static json_t *subtasks_of(const char *name, const char *review)
{
    char *folder = scratch_new();
    json_t *result;

    scratch_write(folder, name, review);
    scratch_write(folder, "src/a.c", "a\n");
    scratch_write(folder, "b.h", "b\n");
    result = function_json(
        folder, "subtasks",
        json_pack("{s:s,s:{s:s,s:s}}", "report", name, "feature", "slug", "s", "title", "S"));
    scratch_remove(folder);
    return result;
}

static const json_t *subtask(const json_t *result, size_t index)
{
    return json_array_get(json_object_get(result, "subtasks"), index);
}

static void assert_subtask(const json_t *result, size_t index, const char *title, const char *files)
{
    char *shown = json_dump_compact(json_object_get(subtask(result, index), "files"));

    assert_string_equal(json_get_text(subtask(result, index), "title", ""), title);
    assert_string_equal(shown, files);
    free(shown);
}

static void recommendations_are_found_as_lists_and_as_headings(void **state)
{
    json_t *result = subtasks_of(
        "r.md", "# R\n\n- not this\n\n## Recommendations\n\n"
                "1. **Mend** `src/a.c:12`.\n   It is in b.h as well.\n"
                "- [x] done: src/a.c\n- [ ] Look at ../etc/passwd and c.c\n\n"
                "### Rename `b.h`\n\n- as a list below it\n```\n# no heading\n```\n\n"
                "## Other\n\n- nor this\n");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(result, "subtasks")), 3);
    assert_subtask(result, 0, "Mend src/a.c:12.", "[\"src/a.c\",\"b.h\"]");
    assert_string_equal(json_get_text(subtask(result, 0), "description", ""),
                        "It is in b.h as well.");
    assert_subtask(result, 1, "Look at ../etc/passwd and c.c", "[]");
    assert_subtask(result, 2, "Rename b.h", "[\"b.h\"]");
    assert_non_null(
        strstr(json_get_text(subtask(result, 2), "description", ""), "as a list below it"));
    assert_string_equal(json_get_text(result, "slug", ""), "s");
    json_decref(result);
}

static void findings_of_one_file_are_one_subtask_and_refuted_ones_none(void **state)
{
    json_t *result = subtasks_of(
        "r.json",
        "{\"findings\":["
        "{\"file\":\"src/"
        "a.c\",\"line\":3,\"severity\":\"high\",\"message\":\"leaks\",\"fix\":\"free it\"},"
        "{\"file\":\"src/a.c\",\"line\":9,\"severity\":\"low\",\"message\":\"is slow\"},"
        "{\"file\":\"b.h\",\"line\":1,\"severity\":\"high\",\"message\":\"x\",\"verdict\":"
        "\"refuted\"},"
        "{\"file\":\"b.h\",\"line\":1,\"severity\":\"info\",\"message\":\"y\"},"
        "{\"severity\":\"medium\",\"message\":\"no tests\"}]}");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(result, "subtasks")), 2);
    assert_subtask(result, 0, "src/a.c: leaks", "[\"src/a.c\"]");
    assert_string_equal(json_get_text(subtask(result, 0), "severity", ""), "high");
    assert_string_equal(json_get_text(subtask(result, 0), "description", ""),
                        "- line 3: leaks Fix: free it\n- line 9: is slow");
    assert_subtask(result, 1, "no tests", "[]");
    json_decref(result);
}

static void suggestions_keep_what_they_need(void **state)
{
    json_t *result = subtasks_of("r.json", "{\"suggestions\":[{\"title\":\"One\",\"file\":\"src/"
                                           "a.c:4\",\"severity\":\"major\",\"what\":\"w\","
                                           "\"needs\":[\"T2\"]},{\"what\":\"Two in b.h\"}]}");

    (void)state;
    assert_subtask(result, 0, "One", "[\"src/a.c\"]");
    assert_int_equal(json_array_size(json_object_get(subtask(result, 0), "needs")), 1);
    assert_subtask(result, 1, "Two in b.h", "[\"b.h\"]");
    json_decref(result);
}

static void more_than_the_ceiling_are_counted(void **state)
{
    struct strbuf text;
    json_t *result;

    (void)state;
    strbuf_init(&text, 1 << 20);
    strbuf_add(&text, "## Next steps\n");
    for (int i = 0; i < 203; i++) {
        strbuf_addf(&text, "- step %d\n", i);
    }
    result = subtasks_of("r.md", text.data);
    assert_int_equal(json_array_size(json_object_get(result, "subtasks")), 200);
    assert_int_equal(json_get_integer(result, "left_out", 0), 3);
    strbuf_release(&text);
    json_decref(result);
}

static void a_review_without_any_is_refused_with_what_was_expected(void **state)
{
    char *folder = scratch_new();
    struct error err = ERROR_INIT;

    (void)state;
    scratch_write(folder, "r.md", "# All is well\n\n- nothing\n");
    scratch_write(folder, "r.json", "{}");
    scratch_write(folder, "bad.json", "{");
    assert_int_equal(
        function_failure(folder, "subtasks", json_pack("{s:s}", "report", "r.md"), &err),
        ERROR_INVALID);
    assert_non_null(strstr(err.hint, "Recommendations"));
    assert_int_equal(
        function_failure(folder, "subtasks", json_pack("{s:s}", "report", "r.json"), &err),
        ERROR_INVALID);
    assert_non_null(strstr(err.hint, "findings"));
    assert_true(
        function_failure(folder, "subtasks", json_pack("{s:s}", "report", "bad.json"), &err) < 0);
    assert_true(
        function_failure(folder, "subtasks", json_pack("{s:s}", "report", "none.md"), &err) < 0);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recommendations_are_found_as_lists_and_as_headings),
        cmocka_unit_test(findings_of_one_file_are_one_subtask_and_refuted_ones_none),
        cmocka_unit_test(suggestions_keep_what_they_need),
        cmocka_unit_test(more_than_the_ceiling_are_counted),
        cmocka_unit_test(a_review_without_any_is_refused_with_what_was_expected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
