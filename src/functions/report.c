/* SPDX-License-Identifier: MIT */
/* The review as a page that a maintainer keeps: validation first, then what to do, then where to
 * look, details, and how far all this reaches. The same input gives the same bytes. */
#include "functions/report_part.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/markdown.h"
#include "functions/result.h"

#include <stdlib.h>
#include <string.h>

#define ACTIONS_MAX 10
#define REFUTED_SHOWN_MAX 10
#define PLACES_SHOWN 3
#define TEXT_LINES_MAX 200
#define ANSWER_LINES_MAX 2000

bool report_finding_stands(const json_t *finding)
{
    return strcmp(json_get_text(finding, "verdict", ""), "refuted") != 0 &&
           !json_object_get(finding, "duplicate_of");
}

/* The first is the weightiest: when it stands beside the ordinary code, nearly all do; a secret
 * that is real is real in a test, too. */
bool report_is_weighty(const struct rule_group *group)
{
    enum severity severity = severity_parse(json_get_text(group->first, "severity", "info"));

    return json_object_get(group->first, "context") ? severity >= SEVERITY_MEDIUM
                                                    : severity >= SEVERITY_LOW;
}

void report_add_place(struct strbuf *out, const json_t *finding)
{
    const char *file = json_get_text(finding, "file", NULL);
    const char *commit = json_get_text(finding, "commit", NULL);
    json_int_t line = json_get_integer(finding, "line", 0);
    char *place;

    if (!file) {
        return;
    }
    place = line > 0 ? mem_printf("%s:%d", file, (int)line) : mem_strdup(file);
    markdown_add_code(out, place, 120);
    if (commit) {
        strbuf_addf(out, " in commit `%.10s`", commit);
    }
    free(place);
}

static int compare_groups(const void *left, const void *right)
{
    const struct rule_group *a = left;
    const struct rule_group *b = right;

    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return strcmp(a->rule, b->rule); /* a cut name is followed by the same text each time */
}

/* A group without a colon holds "name" and all of "name:..."; other groups only themselves. */
static bool is_rule_of(const struct rule_group *group, const char *rule)
{
    return strncmp(rule, group->rule, group->rule_length) == 0 &&
           (rule[group->rule_length] == '\0' ||
            (rule[group->rule_length] == ':' && group->is_tool));
}

bool report_group_has(const struct rule_group *group, const json_t *finding)
{
    return is_rule_of(group, json_get_text(finding, "rule", "other"));
}

/* How many the angle counted, also those that it did not list. */
static size_t total_of_group(const struct report *report, const struct rule_group *group)
{
    const char *angle;
    json_t *output;
    size_t total = 0;

    json_object_foreach((json_t *)report->outputs, angle, output)
    {
        const char *rule;
        json_t *count;

        json_object_foreach(json_object_get(output, "rules"), rule, count)
        {
            if (is_rule_of(group, rule)) {
                total += (size_t)json_integer_value(count);
            }
        }
    }
    return total;
}

struct rule_group *report_groups(const struct report *report, bool by_tool, size_t *ret_count)
{
    VEC(struct rule_group) groups = {0};
    struct map *index_of = map_new();
    size_t index;
    json_t *finding;

    json_array_foreach(report->findings, index, finding)
    {
        const char *rule = json_get_text(finding, "rule", "other");
        size_t length = by_tool ? strcspn(rule, ":") : strlen(rule);
        char *key;
        size_t found;

        if (!report_finding_stands(finding)) {
            continue;
        }
        key = mem_strndup(rule, length);
        found = (size_t)(uintptr_t)map_find(index_of, key);
        if (found == 0) {
            *VEC_PUSH(&groups) = (struct rule_group){.rule = rule,
                                                     .rule_length = length,
                                                     .is_tool = by_tool,
                                                     .first = finding,
                                                     .score = finding_score(finding)};
            found = groups.count;
            (void)map_put(index_of, key, (void *)(uintptr_t)found);
        }
        free(key);
        groups.items[found - 1].shown++;
        groups.items[found - 1].is_mixed |= strcmp(json_get_text(finding, "message", ""),
                                                   json_get_text(groups.items[found - 1].first,
                                                                 "message", "")) != 0;
    }
    map_free(index_of);
    for (size_t i = 0; i < groups.count; i++) {
        size_t total = total_of_group(report, &groups.items[i]);

        groups.items[i].total = total > groups.items[i].shown ? total : groups.items[i].shown;
    }
    if (groups.count > 0) {
        qsort(groups.items, groups.count, sizeof(struct rule_group), compare_groups);
    }
    *ret_count = groups.count;
    return groups.items;
}

static void band_add(struct strbuf *out, const json_t *given)
{
    json_t *band = argument_object(given);

    if (band) {
        strbuf_addf(out, "**Band:** %s, for: ", json_get_text(band, "band", ""));
        markdown_add_text(out, json_get_text(band, "reason", ""), 300);
        strbuf_add(out, "  \n");
    }
    json_decref(band);
}

static void head_add(const struct report *report, const struct function_call *call)
{
    const char *task = json_get_text(call->arguments, "task", NULL);
    const char *focus = json_get_text(call->arguments, "focus", NULL);
    const char *date = json_get_text(call->arguments, "date", NULL);
    const json_t *inventory = json_object_get(report->facts, "inventory");
    const json_t *history = json_object_get(report->facts, "history");

    strbuf_add(report->out, "# ");
    markdown_add_text(report->out, json_get_text(call->arguments, "title", "Code review"), 100);
    strbuf_add(report->out, "\n\n");
    if (task && *task) {
        strbuf_add(report->out, "**Task:** ");
        markdown_add_text(report->out, task, 300);
        strbuf_add(report->out, "  \n");
    }
    if (focus && *focus && !(task && strcmp(task, focus) == 0)) {
        strbuf_add(report->out, "**Focus:** ");
        markdown_add_text(report->out, focus, 300);
        strbuf_add(report->out, "  \n");
    }
    if (date && *date) {
        strbuf_add(report->out, "**Date:** ");
        markdown_add_text(report->out, date, 60);
        strbuf_add(report->out, "  \n");
    }
    band_add(report->out, json_object_get(call->arguments, "band"));
    if (json_is_object(inventory)) {
        strbuf_add(report->out, "**Project:** ");
        markdown_add_text(report->out, json_get_text(inventory, "summary", ""), 200);
        strbuf_add(report->out, "  \n");
    }
    if (json_is_object(history)) {
        strbuf_add(report->out, "**History read:** ");
        markdown_add_text(report->out, json_get_text(history, "summary", ""), 200);
        strbuf_add(report->out, "\n");
    }
    strbuf_add_char(report->out, '\n');
}

static void refuted_add(const struct report *report)
{
    size_t shown = 0;
    size_t left = 0;
    size_t index;
    json_t *finding;

    json_array_foreach(report->findings, index, finding)
    {
        if (strcmp(json_get_text(finding, "verdict", ""), "refuted") != 0) {
            continue;
        }
        if (shown >= REFUTED_SHOWN_MAX) {
            left++;
            continue;
        }
        if (shown++ == 0) {
            strbuf_add(report->out, "\nRefuted, and left out of everything below:\n\n");
        }
        strbuf_addf(report->out, "- %s ", json_get_text(finding, "id", ""));
        markdown_add_text(report->out, json_get_text(finding, "message", ""), 100);
        strbuf_add(report->out, " at ");
        report_add_place(report->out, finding);
        strbuf_add(report->out, ": ");
        markdown_add_text(report->out, json_get_text(finding, "verdict_reason", ""), 100);
        strbuf_add_char(report->out, '\n');
    }
    if (left > 0) {
        strbuf_addf(report->out, "- ... and %zu more\n", left);
    }
}

/* Not asked in this band: a choice, and so no gap of this run, but the reader should know. */
static void skipped_add(const struct report *report)
{
    size_t count = 0;
    size_t index;
    json_t *angle;

    json_array_foreach(json_object_get(report->fold, "angles"), index, angle)
    {
        if (strcmp(json_get_text(angle, "status", ""), "skipped") == 0) {
            strbuf_add(report->out, count++ == 0 ? "\nAngles that this band leaves out: " : ", ");
            markdown_add_code(report->out, json_get_text(angle, "id", ""), 60);
        }
    }
    strbuf_add(report->out, count > 0 ? ".\n" : "");
}

static bool is_unseen(const json_t *angle)
{
    const char *status = json_get_text(angle, "status", "");

    return strcmp(status, "unknown") == 0 || strcmp(status, "left_out") == 0;
}

static bool is_unseen_for(const json_t *angle, const char *why)
{
    return is_unseen(angle) && strcmp(json_get_text(angle, "why", ""), why) == 0;
}

static size_t count_unseen_for(const json_t *angles, size_t from, size_t to, const char *why)
{
    size_t count = 0;

    for (size_t i = from; i < to; i++) {
        count += is_unseen_for(json_array_get(angles, i), why);
    }
    return count;
}

/* What several were not done for is said once. */
static void angles_unknown_add(const struct report *report, size_t *count)
{
    const json_t *angles = json_object_get(report->fold, "angles");
    size_t size = json_array_size(angles);

    for (size_t i = 0; i < size; i++) {
        const json_t *angle = json_array_get(angles, i);
        const char *why = json_get_text(angle, "why", "");
        size_t named = 0;

        if (!is_unseen(angle) || count_unseen_for(angles, 0, i, why) > 0) {
            continue;
        }
        strbuf_addf(report->out, "%s- the angle%s ", (*count)++ == 0 ? "\n\n" : "",
                    PLURAL(count_unseen_for(angles, i, size, why)));
        for (size_t k = i; k < size; k++) {
            const json_t *other = json_array_get(angles, k);

            if (is_unseen_for(other, why)) {
                strbuf_add(report->out, named++ == 0 ? "" : ", ");
                markdown_add_code(report->out, json_get_text(other, "id", ""), 60);
            }
        }
        strbuf_add(report->out, ": ");
        markdown_add_text(report->out, why, 200);
        strbuf_add_char(report->out, '\n');
    }
}

static void unknown_add(const struct report *report)
{
    const json_t *tools = json_object_get(json_object_get(report->facts, "linters"), "tools");
    const json_t *inventory = json_object_get(report->facts, "inventory");
    size_t too_large = (size_t)json_get_integer(inventory, "too_large_files", 0);
    size_t count = 0;
    size_t index;
    json_t *value;

    strbuf_add(report->out,
               "\n**Unknown** (not looked at, so nothing below says that it is clean):");
    angles_unknown_add(report, &count);
    json_array_foreach(tools, index, value)
    {
        if (json_get_boolean(value, "applies", false) && json_object_get(value, "why")) {
            strbuf_addf(report->out, "%s- ", count++ == 0 ? "\n\n" : "");
            markdown_add_text(report->out, json_get_text(value, "purpose", ""), 80);
            strbuf_add(report->out, " (");
            markdown_add_code(report->out, json_get_text(value, "tool", ""), 40);
            strbuf_add(report->out, "): ");
            markdown_add_text(report->out, json_get_text(value, "why", ""), 160);
            strbuf_add_char(report->out, '\n');
        }
    }
    if (too_large > 0) {
        strbuf_addf(report->out, "%s- the content of %zu file%s larger than 2 MB\n",
                    count++ == 0 ? "\n\n" : "", too_large, PLURAL(too_large));
    }
    if (count == 0) {
        strbuf_add(report->out, " nothing.\n");
    }
    skipped_add(report);
}

static void places_checked_add(const struct report *report, const json_t *validation)
{
    size_t index;
    json_t *value;

    if (json_array_size(report->findings) == 0) {
        strbuf_add(report->out, "No angle found anything, so no place had to be checked.\n");
        return;
    }
    strbuf_add(report->out, "Each cited place was opened and compared with the quoted line: ");
    markdown_add_text(report->out, json_get_text(validation, "summary", ""), 300);
    strbuf_add(report->out, ".\n\n| Attack | Findings | Meaning |\n|---|---:|---|\n");
    json_array_foreach(json_object_get(validation, "attacks"), index, value)
    {
        strbuf_addf(report->out, "| %s | %d | ", json_get_text(value, "attack", ""),
                    (int)json_get_integer(value, "findings", 0));
        markdown_add_text(report->out, json_get_text(value, "meaning", ""), 200);
        strbuf_add(report->out, " |\n");
    }
}

static void validation_add(const struct report *report, const json_t *validation,
                           const json_t *given)
{
    strbuf_add(report->out, "## Validation\n\n");
    if (!validation && json_is_string(given)) {
        markdown_add_quote(report->out, json_string_value(given), TEXT_LINES_MAX);
    } else if (!validation) {
        strbuf_add(report->out,
                   "**Not validated**: no places were checked; treat every finding as a "
                   "claim.\n");
    } else if (!json_object_get(validation, "counts")) {
        strbuf_add(report->out, "By an agent: ");
        markdown_add_text(report->out, json_get_text(validation, "summary", "(no summary)"), 2000);
        strbuf_add_char(report->out, '\n');
    } else {
        places_checked_add(report, validation);
    }
    report_add_attacks(report->out, validation);
    refuted_add(report);
    unknown_add(report);
    strbuf_add_char(report->out, '\n');
}

/* What was written on the ground of the findings: below what speaks against it. */
static void answer_add(const struct report *report, const struct function_call *call)
{
    const char *title = json_get_text(call->arguments, "answer_title", "Answer");
    const char *answer = json_get_text(call->arguments, "answer", "");
    const char *why = json_get_text(call->arguments, "answer_error", "");

    if (*why == '\0' && strcmp(json_get_text(call->arguments, "strategy", ""), "static") == 0) {
        why = "an agent writes it, and the strategy is static";
    }
    if (*answer == '\0' && *why == '\0') {
        return;
    }
    strbuf_add(report->out, "## ");
    markdown_add_text(report->out, title, 60);
    strbuf_add(report->out, "\n\n");
    if (*answer) {
        markdown_add_quote(report->out, answer, ANSWER_LINES_MAX);
    } else {
        strbuf_add(report->out, "**None**: ");
        markdown_add_text(report->out, why, 300);
        strbuf_add(report->out, ".\n");
    }
    strbuf_add_char(report->out, '\n');
}

static void group_name_add(struct strbuf *out, const struct rule_group *group)
{
    char *name = mem_strndup(group->rule, group->rule_length);

    markdown_add_text(out, name, 60);
    free(name);
}

void report_add_message(struct strbuf *out, const char *message)
{
    size_t length = strlen(message);
    char *text = mem_strndup(message,
                             length > 0 && message[length - 1] == '.' ? length - 1 : length);

    markdown_add_text(out, text, 300);
    free(text);
}

/* One group then holds different messages. */
static bool is_of_tool(const json_t *finding)
{
    return strcmp(json_get_text(finding, "angle", ""), "linters") == 0;
}

/* What holds for all places of the group; each place that is none of a file tells its own. */
static void group_message_add(struct strbuf *out, const struct rule_group *group)
{
    if (group->total > 1 && is_of_tool(group->first)) {
        strbuf_add(out, "what this tool says, the weightiest first");
    } else if (group->total > 1 && !json_object_get(group->first, "file")) {
        strbuf_add(out, "parts of the project");
    } else if (group->total > 1 && group->is_mixed) {
        strbuf_add(out, "each place says its own, the weightiest first");
    } else {
        report_add_message(out, json_get_text(group->first, "message", ""));
    }
}

static void places_add(const struct report *report, const struct rule_group *group)
{
    size_t shown = 0;
    size_t index;
    json_t *finding;

    json_array_foreach(report->findings, index, finding)
    {
        const char *evidence = json_get_text(finding, "evidence", NULL);
        bool has_place = json_object_get(finding, "file") != NULL;

        if (shown >= PLACES_SHOWN || !report_group_has(group, finding) ||
            !report_finding_stands(finding) || (!has_place && group->total == 1)) {
            continue;
        }
        shown++;
        strbuf_add(report->out, "   - ");
        report_add_place(report->out, finding);
        if (!has_place) {
            report_add_message(report->out, json_get_text(finding, "message", ""));
        }
        if (evidence) {
            strbuf_add_char(report->out, ' ');
            markdown_add_code(report->out, evidence, 90);
        }
        if (group->total > 1 && has_place && (is_of_tool(finding) || group->is_mixed)) {
            strbuf_add(report->out, ": ");
            report_add_message(report->out, json_get_text(finding, "message", ""));
        }
        strbuf_addf(report->out, " (%s", json_get_text(finding, "id", ""));
        if (json_object_get(finding, "context")) {
            strbuf_addf(report->out, ", %s", json_get_text(finding, "context", ""));
        }
        if (json_get_boolean(finding, "hot", false)) {
            strbuf_add(report->out, ", hot spot");
        }
        if (strcmp(json_get_text(finding, "confidence", ""), "low") == 0) {
            strbuf_add(report->out, ", low confidence");
        }
        strbuf_add(report->out, ")\n");
    }
    if (group->total > shown && shown > 0) {
        strbuf_addf(report->out, "   - ... and %zu more\n", group->total - shown);
    }
}

static void sentence_end(struct strbuf *out)
{
    char last = out->length > 0 ? out->data[out->length - 1] : ' ';

    strbuf_add(out, last == '?' || last == '!' ? "\n" : ".\n");
}

static void recommendation_add(const struct report *report)
{
    size_t count = 0;
    struct rule_group *groups = report_groups(report, true, &count);
    size_t shown = 0;

    strbuf_add(report->out, "## Recommendation\n\n");
    for (size_t i = 0; i < count && shown < ACTIONS_MAX; i++) {
        const json_t *first = groups[i].first;
        const char *fix = json_get_text(first, "fix", NULL);

        if (!report_is_weighty(&groups[i])) {
            continue;
        }
        shown++;
        strbuf_addf(report->out, "%zu. **", shown);
        group_name_add(report->out, &groups[i]);
        strbuf_addf(report->out, "** (%s, confidence %s", json_get_text(first, "severity", ""),
                    json_get_text(first, "confidence", ""));
        if (groups[i].total > 1) {
            strbuf_addf(report->out, ", %zu places", groups[i].total);
        }
        strbuf_add(report->out, "): ");
        group_message_add(report->out, &groups[i]);
        sentence_end(report->out);
        if (fix && !is_of_tool(first)) {
            strbuf_add(report->out, "   Do: ");
            markdown_add_text(report->out, fix, 300);
            sentence_end(report->out);
        }
        places_add(report, &groups[i]);
    }
    if (shown == 0) {
        strbuf_add(report->out,
                   "Nothing found that asks for action. See **Unknown** above for what "
                   "was not looked at.\n");
    } else if (count > shown) {
        strbuf_addf(report->out, "\n%zu more kind%s of finding%s: see Details.\n", count - shown,
                    PLURAL(count - shown), PLURAL(count - shown));
    }
    strbuf_add_char(report->out, '\n');
    free(groups);
}

/* An agent may have validated in prose; then the fold's findings stand, unchecked. */
static const json_t *findings_choose(const json_t *fold, const json_t *validation,
                                     bool *ret_validated)
{
    const json_t *findings = json_object_get(validation, "findings");

    *ret_validated = json_is_array(findings) && json_object_get(validation, "counts");
    return json_is_array(findings) && json_array_size(findings) > 0
               ? findings
               : json_object_get(fold, "findings");
}

/* A function says which one it is: its step may be called otherwise. */
static json_t *facts_of(const json_t *outputs)
{
    json_t *facts = json_object();
    const char *step;
    json_t *output;

    json_object_foreach((json_t *)outputs, step, output)
    {
        const char *name = json_get_text(output, "angle", step);

        if (!json_object_get(facts, name)) {
            json_put(facts, name, json_incref(output));
        }
    }
    return facts;
}

int report_run(const struct function_call *call, struct error *err)
{
    const json_t *given = json_object_get(call->arguments, "validation");
    json_t *fold = argument_object(json_object_get(call->arguments, "fold"));
    json_t *validation = argument_object(given);
    struct report report = {.out = call->output, .fold = fold};
    json_t *facts;

    if (!json_is_array(json_object_get(fold, "findings"))) {
        json_decref(fold);
        json_decref(validation);
        return error_set(err, ERROR_INVALID,
                         "argument fold: expected the output of the function fold");
    }
    report.outputs = json_object_get(fold, "outputs");
    report.facts = facts = facts_of(report.outputs);
    report.findings = findings_choose(fold, validation, &report.is_validated);
    head_add(&report, call);
    validation_add(&report, validation, given);
    answer_add(&report, call);
    recommendation_add(&report);
    report_add_tables(&report);
    report_add_overview(&report);
    report_add_details(&report);
    report_add_method(&report);
    json_decref(facts);
    json_decref(fold);
    json_decref(validation);
    return call->output->overflow ? error_set(err, ERROR_LIMIT, "the report is too large") : 0;
}
