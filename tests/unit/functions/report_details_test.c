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

static void unknown_tools_are_told_above_and_in_the_details(void **state)
{
    json_t *linters = json_pack("{s:s,s:[{s:s,s:b,s:s,s:s,s:s,s:i,s:i}]}", "summary", "one",
                                "tools", "tool", "shellcheck", "applies", 1, "status", "unknown",
                                "why", "not installed", "purpose", "mistakes in scripts", "files",
                                7, "files_checked", 0);
    char *text = report_with("linters", linters);

    (void)state;
    assert_has(text, "- mistakes in scripts (`shellcheck`): not installed");
    assert_has(text, "| shellcheck | - | unknown: not installed | 0 of 7 | - |");
    free(text);
}

static void an_agents_prose_is_quoted_in_its_angle(void **state)
{
    char *text = report_with("risks", json_string("<b>hello</b>\nworld"));

    (void)state;
    assert_has(text, "### risks\n\n> <b>hello</b>\n> world\n");
    free(text);
}

static void what_was_covered_is_told(void **state)
{
    char *text = report_with(
        "risks", json_pack("{s:{s:i,s:s}}", "covered", "files", 12, "stopped_by", "size"));

    (void)state;
    assert_has(text, "- risks: files: 12, stopped by: size");
    free(text);
}

static void the_inventory_is_a_table(void **state)
{
    json_t *inventory = json_pack("{s:s,s:[{s:s,s:i,s:i,s:i,s:i,s:i}],s:[{s:s,s:i}],s:s}",
                                  "summary", "small", "languages", "name", "C", "files", 2, "lines",
                                  1000, "code", 800, "comment", 100, "blank", 100, "largest",
                                  "file", "a.c", "lines", 900, "licence", "LICENSE");
    char *text = report_with("inventory", inventory);

    (void)state;
    assert_has(text, "| C | 2 | 1,000 | 800 | 100 | 100 |");
    assert_has(text, "`a.c` (900)");
    assert_has(text, "Licence: LICENSE");
    free(text);
}

static void what_has_little_weight_takes_one_line(void **state)
{
    json_t *finding = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "id", "F7", "angle", "risks",
                                "rule", "long-file", "severity", "info", "confidence", "high",
                                "file", "a.c", "message", "a file of 4000 lines");
    json_t *fold = json_pack("{s:[{s:s,s:s}],s:[o],s:{s:{}}}", "angles", "id", "risks", "status",
                             "ok", "findings", finding, "outputs", "risks");
    char *text = function_text("/", "report", json_pack("{s:o}", "fold", fold));

    (void)state;
    assert_has(text, "Of little weight");
    assert_has(text, "- **long-file** (info, 1): a file of 4000 lines, `a.c`");
    free(text);
}

static void tables_of_an_angle_stand_before_the_details(void **state)
{
    char *text = function_text(
        "/", "report",
        json_pack("{s:{s:[{s:s,s:s}],s:[],s:{s:{s:[{s:s,s:[s,s],s:[[s,i]]}]}}}}", "fold", "angles",
                  "id", "one", "status", "ok", "findings", "outputs", "one", "tables", "title",
                  "Things", "columns", "Name", "Count", "rows", "a|b", 1200));
    const char *table = strstr(text,
                               "## What there is\n\n**Things**\n\n| Name | Count |\n|---|---|\n"
                               "| a\\|b | 1,200 |\n");

    (void)state;
    assert_non_null(table);
    assert_true(table < strstr(text, "## Details"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_an_angle_stand_before_the_details),
        cmocka_unit_test(unknown_tools_are_told_above_and_in_the_details),
        cmocka_unit_test(an_agents_prose_is_quoted_in_its_angle),
        cmocka_unit_test(what_was_covered_is_told),
        cmocka_unit_test(the_inventory_is_a_table),
        cmocka_unit_test(what_has_little_weight_takes_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
