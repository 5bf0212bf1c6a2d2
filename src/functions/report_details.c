/* SPDX-License-Identifier: MIT */
/* The details of each angle, and how far the review reaches. */
#include "functions/report_part.h"

#include "base/alloc.h"
#include "functions/finding.h"
#include "functions/markdown.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 12
#define PLACES_MAX 8
#define TEXT_LINES_MAX 400
#define TABLE_ROWS_MAX 30

static void inventory_add(struct strbuf *out, const json_t *inventory)
{
    const json_t *languages = json_object_get(inventory, "languages");
    size_t index;
    json_t *value;

    strbuf_add(out, "| Language | Files | Lines | Code | Comment | Blank |\n"
                    "|---|---:|---:|---:|---:|---:|\n");
    json_array_foreach(languages, index, value)
    {
        static const char *const keys[] = {"files", "lines", "code", "comment", "blank"};

        if (index >= ROWS_MAX) {
            break;
        }
        strbuf_addf(out, "| %s |", json_get_text(value, "name", ""));
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            strbuf_add_char(out, ' ');
            markdown_add_number(out, json_get_integer(value, keys[i], 0));
            strbuf_add(out, " |");
        }
        strbuf_add_char(out, '\n');
    }
    if (json_array_size(languages) > ROWS_MAX) {
        strbuf_addf(out, "\n... and %zu more languages.\n", json_array_size(languages) - ROWS_MAX);
    }
    strbuf_add(out, "\nLargest files: ");
    json_array_foreach(json_object_get(inventory, "largest"), index, value)
    {
        if (index >= PLACES_MAX) {
            break;
        }
        strbuf_add(out, index > 0 ? ", " : "");
        markdown_add_code(out, json_get_text(value, "file", ""), 80);
        strbuf_add(out, " (");
        markdown_add_number(out, json_get_integer(value, "lines", 0));
        strbuf_add_char(out, ')');
    }
    strbuf_addf(out,
                ".  \nBinary files %d, too large to read %d, vendored %d, generated %d, tests %d.",
                (int)json_get_integer(inventory, "binary_files", 0),
                (int)json_get_integer(inventory, "too_large_files", 0),
                (int)json_get_integer(inventory, "vendored_files", 0),
                (int)json_get_integer(inventory, "generated_files", 0),
                (int)json_get_integer(inventory, "test_files", 0));
    strbuf_add(out, "  \nBuilt with: ");
    json_array_foreach(json_object_get(inventory, "builds"), index, value)
    {
        strbuf_addf(out, "%s%s (`%s`)", index > 0 ? ", " : "", json_get_text(value, "system", ""),
                    json_get_text(value, "file", ""));
    }
    strbuf_add(out, json_array_size(json_object_get(inventory, "builds")) > 0
                        ? ".  \nLicence: "
                        : "nothing recognised.  \nLicence: ");
    markdown_add_text(out, json_get_text(inventory, "licence", "no file found"), 80);
    strbuf_add(out, ".\n\n");
}

static void cell_add(struct strbuf *out, const json_t *value)
{
    strbuf_add_char(out, ' ');
    if (json_is_integer(value)) {
        markdown_add_number(out, json_integer_value(value));
    } else {
        markdown_add_text(out, json_is_string(value) ? json_string_value(value) : "", 100);
    }
    strbuf_add(out, " |");
}

/* {title, columns, rows}: what a function wants shown as it is. */
static void tables_add(struct strbuf *out, const json_t *tables)
{
    size_t index;
    json_t *table;

    json_array_foreach(tables, index, table)
    {
        const json_t *rows = json_object_get(table, "rows");
        const json_t *columns = json_object_get(table, "columns");
        size_t row;
        size_t column;
        json_t *cells;
        json_t *cell;

        strbuf_add(out, "**");
        markdown_add_text(out, json_get_text(table, "title", ""), 60);
        strbuf_add(out, "**\n\n|");
        json_array_foreach(columns, column, cell)
        {
            cell_add(out, cell);
        }
        strbuf_add(out, "\n|");
        for (column = 0; column < json_array_size(columns); column++) {
            strbuf_add(out, "---|");
        }
        json_array_foreach(rows, row, cells)
        {
            if (row == TABLE_ROWS_MAX) {
                break;
            }
            strbuf_add(out, "\n|");
            json_array_foreach(cells, column, cell)
            {
                cell_add(out, cell);
            }
        }
        strbuf_add(out, "\n\n");
        if (json_array_size(rows) > TABLE_ROWS_MAX) {
            strbuf_addf(out, "... and %zu more.\n\n", json_array_size(rows) - TABLE_ROWS_MAX);
        }
    }
}

/* What there is, before where to look. */
void report_add_tables(const struct report *report)
{
    const char *angle;
    json_t *output;
    size_t count = 0;

    json_object_foreach((json_t *)report->outputs, angle, output)
    {
        const json_t *tables = json_object_get(output, "tables");

        if (json_array_size(tables) > 0) {
            strbuf_add(report->out, count++ == 0 ? "## What there is\n\n" : "");
            tables_add(report->out, tables);
        }
    }
}

static bool has_applying_tool(const json_t *linters)
{
    size_t index;
    json_t *tool;

    json_array_foreach(json_object_get(linters, "tools"), index, tool)
    {
        if (json_get_boolean(tool, "applies", false)) {
            return true;
        }
    }
    return false;
}

static void tools_add(struct strbuf *out, const json_t *linters)
{
    size_t index;
    json_t *tool;

    if (!has_applying_tool(linters)) {
        return;
    }
    strbuf_add(out, "| Tool | Version | Status | Files | Findings |\n|---|---|---|---:|---:|\n");
    json_array_foreach(json_object_get(linters, "tools"), index, tool)
    {
        if (!json_get_boolean(tool, "applies", false)) {
            continue;
        }
        strbuf_addf(out, "| %s | ", json_get_text(tool, "tool", ""));
        markdown_add_text(out, json_get_text(tool, "version", "-"), 30);
        strbuf_addf(out, " | %s", json_get_text(tool, "status", ""));
        if (json_object_get(tool, "why")) {
            strbuf_add(out, ": ");
            markdown_add_text(out, json_get_text(tool, "why", ""), 120);
        }
        strbuf_addf(out, " | %d of %d | ", (int)json_get_integer(tool, "files_checked", 0),
                    (int)json_get_integer(tool, "files", 0));
        if (json_object_get(tool, "count")) {
            strbuf_addf(out, "%d |\n", (int)json_get_integer(tool, "count", 0));
        } else {
            strbuf_add(out, "- |\n");
        }
    }
    strbuf_add_char(out, '\n');
}

static void functions_add(struct strbuf *out, const json_t *risks)
{
    size_t total = (size_t)json_get_integer(risks, "long_functions_total", 0);
    size_t index;
    json_t *value;

    if (total == 0) {
        return;
    }
    strbuf_addf(out, "Functions of 150 lines and more: %zu. The longest: ", total);
    json_array_foreach(json_object_get(risks, "long_functions"), index, value)
    {
        char *place;

        if (index >= PLACES_MAX) {
            break;
        }
        place = mem_printf("%s (%s:%d)", json_get_text(value, "function", ""),
                           json_get_text(value, "file", ""),
                           (int)json_get_integer(value, "line", 0));
        strbuf_add(out, index > 0 ? ", " : "");
        markdown_add_code(out, place, 90);
        strbuf_addf(out, " %d", (int)json_get_integer(value, "lines", 0));
        free(place);
    }
    strbuf_add(out, ".\n\n");
}

static void finding_add(struct strbuf *out, const struct rule_group *group, const json_t *finding)
{
    const char *evidence = json_get_text(finding, "evidence", NULL);
    const char *verdict = json_get_text(finding, "verdict", NULL);

    strbuf_addf(out, "- %s ", json_get_text(finding, "id", ""));
    report_add_place(out, finding);
    if (evidence) {
        strbuf_add_char(out, ' ');
        markdown_add_code(out, evidence, 100);
    }
    if (!evidence || group->is_mixed) {
        strbuf_add(out, json_object_get(finding, "file") ? ": " : "");
        markdown_add_text(out, json_get_text(finding, "message", ""), 200);
    }
    if (json_object_get(finding, "context")) {
        strbuf_addf(out, " (%s)", json_get_text(finding, "context", ""));
    }
    if (verdict && strcmp(verdict, "confirmed") != 0 && strcmp(verdict, "unlocated") != 0) {
        strbuf_addf(out, " - %s", verdict);
    }
    strbuf_add_char(out, '\n');
}

static void group_name_add(struct strbuf *out, const struct rule_group *group)
{
    strbuf_add(out, "**");
    markdown_add_text(out, group->rule, 80);
    strbuf_addf(out, "** (%s, %zu)", json_get_text(group->first, "severity", ""), group->total);
}

static void group_head_add(struct strbuf *out, const struct rule_group *group)
{
    group_name_add(out, group);
    strbuf_add(out, ": ");
    report_add_message(out, json_get_text(group->first, "message", ""));
}

/* One line: nobody acts on these first. */
static void minor_group_add(struct strbuf *out, const struct rule_group *group)
{
    strbuf_add(out, "- ");
    group_head_add(out, group);
    if (json_object_get(group->first, "file")) {
        strbuf_add(out, group->total > 1 ? ", first " : ", ");
        report_add_place(out, group->first);
    }
    if (json_object_get(group->first, "context")) {
        strbuf_addf(out, " (%s)", json_get_text(group->first, "context", ""));
    }
    strbuf_add_char(out, '\n');
}

static void group_add(const struct report *report, const struct rule_group *group)
{
    struct strbuf *out = report->out;
    size_t shown = 0;
    size_t index;
    json_t *finding;

    if (group->is_mixed) { /* each place says its own */
        group_name_add(out, group);
    } else {
        group_head_add(out, group);
    }
    strbuf_add(out, "\n\n");
    json_array_foreach(report->findings, index, finding)
    {
        if (report_group_has(group, finding) && report_finding_stands(finding) &&
            shown < PLACES_MAX) {
            finding_add(out, group, finding);
            shown++;
        }
    }
    if (group->total > shown) {
        strbuf_addf(out, "- ... and %zu more\n", group->total - shown);
    }
    strbuf_add_char(out, '\n');
}

/* The weighty groups with their places, then the others in a line each. */
static void groups_add(const struct report *report, const char *angle,
                       const struct rule_group *groups, size_t count)
{
    bool has_minor = false;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(json_get_text(groups[i].first, "angle", ""), angle) == 0) {
            if (report_is_weighty(&groups[i])) {
                group_add(report, &groups[i]);
            } else {
                has_minor = true;
            }
        }
    }
    if (has_minor) {
        strbuf_add(report->out, "Of little weight (remarks, and what stands only in tests, "
                                "examples, documentation, vendored or generated files):\n\n");
    }
    for (size_t i = 0; has_minor && i < count; i++) {
        if (strcmp(json_get_text(groups[i].first, "angle", ""), angle) == 0 &&
            !report_is_weighty(&groups[i])) {
            minor_group_add(report->out, &groups[i]);
        }
    }
    strbuf_add(report->out, has_minor ? "\n" : "");
}

static void angle_add(const struct report *report, const json_t *angle,
                      const struct rule_group *groups, size_t count)
{
    const char *id = json_get_text(angle, "id", "");
    const json_t *output = json_object_get(report->outputs, id);
    struct strbuf *out = report->out;

    strbuf_add(out, "### ");
    markdown_add_text(out, id, 60);
    strbuf_add(out, "\n\n");
    if (strcmp(json_get_text(angle, "status", ""), "unknown") == 0) {
        strbuf_add(out, "**Unknown**: ");
        markdown_add_text(out, json_get_text(angle, "why", ""), 300);
        strbuf_add(out, ".\n\n");
    }
    if (json_is_string(output)) {
        markdown_add_quote(out, json_string_value(output), TEXT_LINES_MAX);
        strbuf_add_char(out, '\n');
        return;
    }
    if (json_get_text(output, "summary", NULL) && !json_object_get(output, "why")) {
        markdown_add_text(out, json_get_text(output, "summary", ""), 1000);
        strbuf_add(out, ".\n\n");
    }
    if (json_array_size(json_object_get(output, "languages")) > 0 &&
        json_object_get(output, "largest")) {
        inventory_add(out, output);
    }
    if (json_object_get(output, "tools")) {
        tools_add(out, output);
    }
    functions_add(out, output);
    groups_add(report, json_get_text(output, "angle", id), groups, count);
}

void report_add_details(const struct report *report)
{
    size_t count = 0;
    struct rule_group *groups = report_groups(report, false, &count);
    size_t index;
    json_t *angle;

    strbuf_add(report->out, "## Details\n\n");
    json_array_foreach(json_object_get(report->fold, "angles"), index, angle)
    {
        if (strcmp(json_get_text(angle, "status", ""), "skipped") == 0 ||
            strcmp(json_get_text(angle, "status", ""), "left_out") == 0) {
            continue; /* said once, above */
        }
        angle_add(report, angle, groups, count);
    }
    free(groups);
}

static void covered_add(struct strbuf *out, const char *angle, const json_t *covered)
{
    const char *key;
    json_t *value;
    size_t count = 0;

    strbuf_add(out, "- ");
    markdown_add_text(out, angle, 60);
    strbuf_add(out, ": ");
    json_object_foreach((json_t *)covered, key, value)
    {
        char *text = json_is_string(value)    ? mem_strdup(json_string_value(value))
                     : json_is_boolean(value) ? mem_strdup(json_is_true(value) ? "yes" : "no")
                                              : json_dump_compact(value);

        if (*text == '\0') {
            free(text);
            continue;
        }
        strbuf_add(out, count++ > 0 ? ", " : "");
        for (const char *at = key; *at; at++) {
            strbuf_add_char(out, *at == '_' ? ' ' : *at);
        }
        strbuf_add(out, ": ");
        markdown_add_text(out, text, 60);
        free(text);
    }
    strbuf_add_char(out, '\n');
}

void report_add_method(const struct report *report)
{
    struct strbuf *out = report->out;
    const char *angle;
    json_t *output;

    strbuf_add(out,
               "## Method and limits\n\nIndependent angles looked at the tree in parallel; their "
               "full outputs were folded, every cited place was checked, and only what stood is "
               "above. Covered:\n\n");
    json_object_foreach((json_t *)report->outputs, angle, output)
    {
        if (json_object_size(json_object_get(output, "covered")) > 0) {
            covered_add(out, angle, json_object_get(output, "covered"));
        }
    }
    strbuf_addf(out,
                "\nOf each rule at most %d findings are listed, and counted beyond. Constructs are "
                "found by patterns outside comments and strings, not by a compiler: a finding says "
                "\"look here\", and no finding is no proof.",
                FINDINGS_PER_RULE_MAX);
    if (json_object_get(report->facts, "linters")) {
        strbuf_add(out, " From shellcheck, idioms and names that another file sets or uses are "
                        "left out.");
    }
    if (json_object_get(report->facts, "secrets")) {
        strbuf_add(out, " Secrets are shown by their first characters and length only.");
    }
    strbuf_add(out, " The artifact `validation.json` holds every listed finding.\n");
}
