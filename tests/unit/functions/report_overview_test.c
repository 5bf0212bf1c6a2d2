/* SPDX-License-Identifier: MIT */
#include "functions/report_part.h"

#include "support/function_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *report_with(const char *angle, json_t *output)
{
    return function_text("/", "report",
                         json_pack("{s:{s:[{s:s,s:s}],s:[],s:{s:o}}}", "fold", "angles", "id",
                                   angle, "status", "ok", "findings", "outputs", angle, output));
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is missing in:\n%s", part, text);
    }
}

static void hot_spots_pairs_people_and_months_are_tables(void **state)
{
    json_t *history = json_pack(
        "{s:[{s:s,s:i,s:i,s:i,s:i}],s:[{s:s,s:s,s:i,s:i}],s:i,s:i,s:i,"
        "s:[{s:s,s:i,s:i,s:i,s:i,s:s}],s:[{s:s,s:i,s:i,s:i,s:i}]}",
        "hot_spots", "file", "a.c", "commits", 9, "added", 1000, "removed", 234, "lines", 5,
        "changed_together", "left", "a.c", "right", "b.c", "together", 6, "confidence_percent", 75,
        "changed_together_total", 4, "bus_factor", 1, "authors", 3, "folders", "folder", "src",
        "commits", 9, "authors", 2, "bus_factor", 1, "top_share_percent", 80, "top_author", "Ann",
        "months", "month", "2024-02", "commits", 9, "authors", 2, "added", 10, "removed", 3);
    char *text = report_with("history", history);

    (void)state;
    assert_has(text, "| `a.c` | 9 | 1,234 | 5 | 0 |");
    assert_has(text, "`a.c` and `b.c`: 6 commits, 75 %");
    assert_has(text, "... and 3 more.");
    assert_has(text, "| `src` | 9 | 2 | 1 | 80 % (Ann) |");
    assert_has(text, "| 2024-02 | 9 | 2 | 10 | 3 |");
    free(text);
}

static void an_import_is_no_history_of_who_did_what(void **state)
{
    char *text = report_with("history", json_pack("{s:i,s:b,s:i,s:[{s:s}],s:[{s:s}]}", "commits", 1,
                                                  "is_import", 1, "authors", 1, "folders", "folder",
                                                  "src", "months", "month", "2024"));

    (void)state;
    assert_has(text, "The history has 1 commit: too few to say who knows what");
    assert_null(strstr(text, "Bus factor"));
    assert_null(strstr(text, "### Activity"));
    free(text);
}

static void gaps_of_tests_are_named(void **state)
{
    json_t *tests = json_pack("{s:s,s:[s],s:[],s:[],s:[{s:s,s:i}]}", "summary", "few", "frameworks",
                              "cmocka", "commands", "ci", "gaps", "folder", "net", "code_lines",
                              1200);
    char *text = report_with("tests", tests);

    (void)state;
    assert_has(text, "- frameworks: cmocka");
    assert_has(text, "- CI: none recognised");
    assert_has(text, "no test in or named after `net` (1,200 lines)");
    free(text);
}

static void without_history_there_is_no_section_about_it(void **state)
{
    char *text = report_with("x", json_object());

    (void)state;
    assert_null(strstr(text, "## Hot spots"));
    assert_null(strstr(text, "## People"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_spots_pairs_people_and_months_are_tables),
        cmocka_unit_test(an_import_is_no_history_of_who_did_what),
        cmocka_unit_test(gaps_of_tests_are_named),
        cmocka_unit_test(without_history_there_is_no_section_about_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
