/* SPDX-License-Identifier: MIT */
/* Where to look: hot spots, concentration of risk, bus factor, tests. */
#include "functions/report_part.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "functions/finding.h"
#include "functions/markdown.h"
#include "functions/result.h"
#include "functions/tree.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 10
#define MONTHS_MAX 12

struct concentration {
    char folder[128];
    size_t counts[SEVERITIES];
    double score;
};

static void rest_add(struct strbuf *out, size_t shown, size_t total)
{
    if (total > shown) {
        strbuf_addf(out, "\n... and %zu more.\n", total - shown);
    }
}

static size_t findings_in(const struct report *report, const char *file)
{
    size_t count = 0;
    size_t index;
    json_t *finding;

    json_array_foreach(report->findings, index, finding)
    {
        count += report_finding_stands(finding) && !json_object_get(finding, "commit") &&
                 strcmp(json_get_text(finding, "file", ""), file) == 0;
    }
    return count;
}

static void hot_spots_add(const struct report *report, const json_t *history)
{
    const json_t *spots = json_object_get(history, "hot_spots");
    struct strbuf *out = report->out;
    size_t index;
    json_t *spot;

    if (json_array_size(spots) == 0) {
        return;
    }
    strbuf_add(out, "## Hot spots\n\nCode that is both large and often changed: where a defect is "
                    "most likely, and tests and review pay most.\n\n"
                    "| File | Commits | Lines changed | Lines now | Findings |\n"
                    "|---|---:|---:|---:|---:|\n");
    json_array_foreach(spots, index, spot)
    {
        if (index >= ROWS_MAX) {
            break;
        }
        strbuf_add(out, "| ");
        markdown_add_code(out, json_get_text(spot, "file", ""), 70);
        strbuf_add(out, " | ");
        markdown_add_number(out, json_get_integer(spot, "commits", 0));
        strbuf_add(out, " | ");
        markdown_add_number(out, json_get_integer(spot, "added", 0) +
                                     json_get_integer(spot, "removed", 0));
        strbuf_add(out, " | ");
        markdown_add_number(out, json_get_integer(spot, "lines", 0));
        strbuf_addf(out, " | %zu |\n", findings_in(report, json_get_text(spot, "file", "")));
    }
    strbuf_add_char(out, '\n');
}

static void pairs_add(struct strbuf *out, const json_t *history)
{
    const json_t *pairs = json_object_get(history, "changed_together");
    size_t total = (size_t)json_get_integer(history, "changed_together_total", 0);
    size_t index;
    json_t *pair;

    if (total == 0) {
        return;
    }
    strbuf_add(out, "### Changed together\n\nA hidden dependency, or one thought in two places "
                    "(tests, and files of one name, are left out).\n\n");
    json_array_foreach(pairs, index, pair)
    {
        if (index >= ROWS_MAX) {
            break;
        }
        strbuf_add(out, "- ");
        markdown_add_code(out, json_get_text(pair, "left", ""), 70);
        strbuf_add(out, " and ");
        markdown_add_code(out, json_get_text(pair, "right", ""), 70);
        strbuf_addf(out, ": %d commits, %d %% of the rarer one's\n",
                    (int)json_get_integer(pair, "together", 0),
                    (int)json_get_integer(pair, "confidence_percent", 0));
    }
    rest_add(out, index, total);
    strbuf_add_char(out, '\n');
}

static int compare_concentrations(const void *left, const void *right)
{
    const struct concentration *a = left;
    const struct concentration *b = right;

    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return strcmp(a->folder, b->folder);
}

static void concentration_add(const struct report *report)
{
    VEC(struct concentration) rows = {0};
    struct strbuf *out = report->out;
    size_t index;
    json_t *finding;

    json_array_foreach(report->findings, index, finding)
    {
        const char *file = json_get_text(finding, "file", NULL);
        char buffer[128];
        const char *folder;
        size_t row = 0;

        if (!file || !report_finding_stands(finding)) {
            continue;
        }
        folder = tree_top_folder(file, buffer, sizeof(buffer));
        while (row < rows.count && strcmp(rows.items[row].folder, folder) != 0) {
            row++;
        }
        if (row == rows.count) {
            *VEC_PUSH(&rows) = (struct concentration){.score = 0};
            memcpy(rows.items[row].folder, folder, strlen(folder) + 1);
        }
        rows.items[row].counts[severity_parse(json_get_text(finding, "severity", ""))]++;
        rows.items[row].score += finding_score(finding);
    }
    if (rows.count > 0) {
        qsort(rows.items, rows.count, sizeof(struct concentration), compare_concentrations);
        strbuf_add(out, "## Where the risk is\n\n| Folder | High | Medium | Low | Info | Weight |\n"
                        "|---|---:|---:|---:|---:|---:|\n");
    }
    for (size_t i = 0; i < rows.count && i < ROWS_MAX; i++) {
        const size_t *counts = rows.items[i].counts;

        strbuf_add(out, "| ");
        markdown_add_code(out, rows.items[i].folder, 60);
        strbuf_addf(out, " | %zu | %zu | %zu | %zu | %.0f |\n", counts[SEVERITY_HIGH],
                    counts[SEVERITY_MEDIUM], counts[SEVERITY_LOW], counts[SEVERITY_INFO],
                    rows.items[i].score);
    }
    if (rows.count > 0) {
        rest_add(out, rows.count < ROWS_MAX ? rows.count : ROWS_MAX, rows.count);
        strbuf_add(out,
                   "\nCounted are the listed findings; weight = severity x confidence, less for "
                   "tests and vendored code, more in hot spots.\n\n");
    }
    VEC_RELEASE(&rows);
}

static void people_add(struct strbuf *out, const json_t *history)
{
    const json_t *folders = json_object_get(history, "folders");
    size_t commits = (size_t)json_get_integer(history, "commits", 0);
    size_t index;
    json_t *folder;

    if (json_array_size(folders) == 0) {
        return;
    }
    if (json_get_boolean(history, "is_import", false)) {
        strbuf_addf(out,
                    "## People\n\nThe history has %zu commit%s: too few to say who knows what, and "
                    "what changes often.\n\n",
                    commits, PLURAL(commits));
        return;
    }
    if (json_get_integer(history, "authors", 0) == 1) { /* a table would say it again and again */
        strbuf_add(out,
                   "## People\n\nBus factor 1: one person made all commits in the window.\n\n");
        return;
    }
    strbuf_addf(out,
                "## People\n\nBus factor %d: the fewest of the %d authors who together made more "
                "than half of the commits in the window.\n\n| Folder | Commits | Authors | Bus "
                "factor | Largest share |\n"
                "|---|---:|---:|---:|---|\n",
                (int)json_get_integer(history, "bus_factor", 0),
                (int)json_get_integer(history, "authors", 0));
    json_array_foreach(folders, index, folder)
    {
        if (index >= ROWS_MAX) {
            break;
        }
        strbuf_add(out, "| ");
        markdown_add_code(out, json_get_text(folder, "folder", ""), 60);
        strbuf_addf(out, " | %d | %d | %d | %d %%", (int)json_get_integer(folder, "commits", 0),
                    (int)json_get_integer(folder, "authors", 0),
                    (int)json_get_integer(folder, "bus_factor", 0),
                    (int)json_get_integer(folder, "top_share_percent", 0));
        if (json_object_get(folder, "top_author")) {
            strbuf_add(out, " (");
            markdown_add_text(out, json_get_text(folder, "top_author", ""), 40);
            strbuf_add_char(out, ')');
        }
        strbuf_add(out, " |\n");
    }
    strbuf_add_char(out, '\n');
}

static void activity_add(struct strbuf *out, const json_t *history)
{
    const json_t *months = json_object_get(history, "months");
    size_t index;
    json_t *month;

    if (json_array_size(months) == 0 || json_get_boolean(history, "is_import", false)) {
        return;
    }
    strbuf_add(out, "### Activity\n\n| Month | Commits | Authors | Added | Removed "
                    "|\n|---|---:|---:|---:|---:|\n");
    json_array_foreach(months, index, month)
    {
        if (index >= MONTHS_MAX) {
            break;
        }
        strbuf_addf(out, "| %s | %d | %d | ", json_get_text(month, "month", ""),
                    (int)json_get_integer(month, "commits", 0),
                    (int)json_get_integer(month, "authors", 0));
        markdown_add_number(out, json_get_integer(month, "added", 0));
        strbuf_add(out, " | ");
        markdown_add_number(out, json_get_integer(month, "removed", 0));
        strbuf_add(out, " |\n");
    }
    strbuf_add_char(out, '\n');
}

static void words_add(struct strbuf *out, const char *label, const json_t *list)
{
    size_t index;
    json_t *value;

    strbuf_addf(out, "- %s: ", label);
    json_array_foreach(list, index, value)
    {
        strbuf_add(out, index > 0 ? ", " : "");
        markdown_add_text(out, json_string_value(value), 60);
    }
    strbuf_add(out, json_array_size(list) == 0 ? "none recognised\n" : "\n");
}

static void tests_add(struct strbuf *out, const json_t *tests)
{
    size_t index;
    json_t *gap;

    if (!json_is_object(tests) || strcmp(json_get_text(tests, "status", ""), "unknown") == 0) {
        return;
    }
    strbuf_add(out, "## Tests\n\n- ");
    markdown_add_text(out, json_get_text(tests, "summary", ""), 200);
    if (json_get_integer(tests, "test_files", 0) > 0) {
        strbuf_addf(out, " (%d lines of tests for 100 of code)",
                    (int)json_get_integer(tests, "test_lines_percent_of_code", 0));
    }
    strbuf_add_char(out, '\n');
    words_add(out, "frameworks", json_object_get(tests, "frameworks"));
    words_add(out, "run by", json_object_get(tests, "commands"));
    words_add(out, "CI", json_object_get(tests, "ci"));
    json_array_foreach(json_object_get(tests, "gaps"), index, gap)
    {
        if (index >= ROWS_MAX) {
            strbuf_addf(out, "- ... and %zu more folders without tests\n",
                        json_array_size(json_object_get(tests, "gaps")) - index);
            break;
        }
        strbuf_add(out, "- no test in or named after ");
        markdown_add_code(out, json_get_text(gap, "folder", ""), 60);
        strbuf_add(out, " (");
        markdown_add_number(out, json_get_integer(gap, "code_lines", 0));
        strbuf_add(out, " lines)\n");
    }
    strbuf_add_char(out, '\n');
}

void report_add_overview(const struct report *report)
{
    const json_t *history = json_object_get(report->facts, "history");

    if (json_is_object(history)) {
        hot_spots_add(report, history);
        pairs_add(report->out, history);
    }
    concentration_add(report);
    if (json_is_object(history)) {
        people_add(report->out, history);
        activity_add(report->out, history);
    }
    tests_add(report->out, json_object_get(report->facts, "tests"));
}
