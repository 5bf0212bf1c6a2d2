/* SPDX-License-Identifier: MIT */
#include "functions/finding.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xE2\x80\xA6"

static const char *const severity_names[] = {
    [SEVERITY_INFO] = "info",
    [SEVERITY_LOW] = "low",
    [SEVERITY_MEDIUM] = "medium",
    [SEVERITY_HIGH] = "high",
};
static_assert(ARRAY_LEN(severity_names) == SEVERITIES, "one name for each severity");

struct entry {
    json_t *value;
    const char *rule; /* borrowed from the value, as is the file */
    const char *file;
    enum severity severity;
    bool is_aside; /* test, vendored, ... */
    size_t line;
    size_t amount;
    size_t order;
};

struct findings {
    const char *angle;
    VEC(struct entry) entries;
    size_t dropped;
};

const char *severity_name(enum severity severity)
{
    return severity_names[severity];
}

enum severity severity_parse(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(severity_names); i++) {
        if (strcmp(severity_names[i], name) == 0) {
            return (enum severity)i;
        }
    }
    return SEVERITY_INFO;
}

struct findings *findings_new(const char *angle)
{
    struct findings *findings = mem_zero(1, sizeof(*findings));

    findings->angle = angle;
    return findings;
}

json_t *evidence_of(const char *line, size_t length)
{
    char text[EVIDENCE_BYTES_MAX + sizeof(ELLIPSIS)];

    while (length > 0 && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)line[length - 1])) {
        length--;
    }
    if (length <= EVIDENCE_BYTES_MAX) {
        return json_text_lossy(line, length);
    }
    length = EVIDENCE_BYTES_MAX;
    while (length > 0 && ((unsigned char)line[length] & 0xC0) == 0x80) {
        length--;
    }
    memcpy(text, line, length);
    memcpy(text + length, ELLIPSIS, strlen(ELLIPSIS));
    return json_text_lossy(text, length + strlen(ELLIPSIS));
}

/* One literal piece of evidence, from `at` on; U+FFFD stands for bytes that were not valid. */
static const char *piece_find(const char *piece, size_t piece_length, const char *at,
                              const char *end)
{
    const char *odd = memmem(piece, piece_length, "\xEF\xBF\xBD", 3);
    const char *found;

    if (odd) {
        piece_length = (size_t)(odd - piece);
    }
    found = memmem(at, (size_t)(end - at), piece, piece_length);
    return found ? found + piece_length : NULL;
}

bool evidence_matches(const char *evidence, const char *line, size_t length)
{
    const char *at = line;
    const char *end = line + length;

    while (*evidence) {
        const char *gap = strstr(evidence, ELLIPSIS);
        size_t piece = gap ? (size_t)(gap - evidence) : strlen(evidence);

        at = piece_find(evidence, piece, at, end);
        if (!at) {
            return false;
        }
        if (!gap) {
            break;
        }
        evidence = gap + strlen(ELLIPSIS);
        if (*evidence == '[' && strchr(evidence, ']')) {
            evidence = strchr(evidence, ']') + 1;
        }
    }
    return true;
}

void findings_add(struct findings *findings, const struct finding *finding)
{
    json_t *value;
    struct entry *entry;

    if (findings->entries.count >= FINDINGS_MAX) {
        findings->dropped++;
        return;
    }
    value = json_object();
    json_put_text(value, "angle", findings->angle);
    json_put_text(value, "rule", finding->rule);
    json_put_text(value, "severity", severity_name(finding->severity));
    json_put_text(value, "confidence", finding->confidence);
    json_put_text(value, "file", finding->file);
    if (finding->line > 0) {
        json_put_integer(value, "line", (json_int_t)finding->line);
    }
    if (finding->amount > 0) {
        json_put_integer(value, "amount", (json_int_t)finding->amount);
    }
    json_put_text(value, "commit", finding->commit);
    if (finding->evidence) {
        json_put(value, "evidence", evidence_of(finding->evidence, finding->evidence_length));
    }
    json_put_text(value, "message", finding->message);
    json_put_text(value, "fix", finding->fix);
    json_put_text(value, "context", finding->context);
    entry = VEC_PUSH(&findings->entries);
    *entry = (struct entry){.value = value,
                            .rule = json_get_text(value, "rule", ""),
                            .file = json_get_text(value, "file", ""),
                            .severity = finding->severity,
                            .is_aside = finding->context != NULL,
                            .line = finding->line,
                            .amount = finding->amount,
                            .order = findings->entries.count};
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int r;

    if (a->severity != b->severity) {
        return a->severity > b->severity ? -1 : 1;
    }
    if (a->is_aside != b->is_aside) {
        return a->is_aside ? 1 : -1;
    }
    r = strcmp(a->rule, b->rule);
    if (r == 0 && a->amount != b->amount) {
        return a->amount > b->amount ? -1 : 1;
    }
    if (r == 0) {
        r = strcmp(a->file, b->file);
    }
    if (r != 0) {
        return r;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

void findings_finish(struct findings *findings, json_t *result)
{
    json_t *list = json_array();
    json_t *rules = json_object();
    size_t left_out = findings->dropped;

    if (findings->entries.count > 0) {
        qsort(findings->entries.items, findings->entries.count, sizeof(struct entry),
              compare_entries);
    }
    for (size_t i = 0; i < findings->entries.count; i++) {
        struct entry *entry = &findings->entries.items[i];
        json_int_t count = json_get_integer(rules, entry->rule, 0);

        json_put_integer(rules, entry->rule, count + 1);
        if (count < FINDINGS_PER_RULE_MAX) {
            (void)json_array_append_new(list, entry->value);
        } else {
            left_out++;
            json_decref(entry->value);
        }
    }
    json_put(result, "findings", list);
    json_put(result, "rules", rules);
    json_put_integer(result, "left_out", (json_int_t)left_out);
    VEC_RELEASE(&findings->entries);
    free(findings);
}

double finding_score(const json_t *finding)
{
    static const double weights[] = {
        [SEVERITY_INFO] = 1,
        [SEVERITY_LOW] = 8,
        [SEVERITY_MEDIUM] = 40,
        [SEVERITY_HIGH] = 120,
    };
    const char *confidence = json_get_text(finding, "confidence", "medium");
    double score = weights[severity_parse(json_get_text(finding, "severity", "info"))];

    if (strcmp(confidence, "high") != 0) {
        score *= strcmp(confidence, "low") == 0 ? 0.4 : 0.7;
    }
    if (json_object_get(finding, "context")) {
        score *= 0.3;
    }
    return json_get_boolean(finding, "hot", false) ? score * 1.5 : score;
}

struct ranked {
    json_t *value;
    double score;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    json_int_t a_line = json_get_integer(a->value, "line", 0);
    json_int_t b_line = json_get_integer(b->value, "line", 0);
    json_int_t a_amount = json_get_integer(a->value, "amount", 0);
    json_int_t b_amount = json_get_integer(b->value, "amount", 0);
    int r;

    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    r = strcmp(json_get_text(a->value, "rule", ""), json_get_text(b->value, "rule", ""));
    if (r == 0 && a_amount != b_amount) {
        return a_amount > b_amount ? -1 : 1;
    }
    if (r == 0) {
        r = strcmp(json_get_text(a->value, "file", ""), json_get_text(b->value, "file", ""));
    }
    if (r != 0) {
        return r;
    }
    if (a_line != b_line) {
        return a_line < b_line ? -1 : 1;
    }
    return strcmp(json_get_text(a->value, "message", ""), json_get_text(b->value, "message", ""));
}

void findings_rank(json_t *list)
{
    size_t count = json_array_size(list);
    struct ranked *order = mem_zero(count + 1, sizeof(*order));

    for (size_t i = 0; i < count; i++) {
        order[i].value = json_incref(json_array_get(list, i));
        order[i].score = finding_score(order[i].value);
    }
    qsort(order, count, sizeof(*order), compare_ranked);
    (void)json_array_clear(list);
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, order[i].value);
    }
    free(order);
}
