/* SPDX-License-Identifier: MIT */
/* Merges what parallel angles found. Full outputs go through, never summaries of them; an angle
 * that failed is said to be unknown. Every finding gets an id (F1 ...) and numbered evidence (E1
 * ...). */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/map.h"
#include "functions/builtin.h"
#include "functions/finding.h"

#include <stdlib.h>
#include <string.h>

#define ANGLES_MAX 100
#define FINDINGS_FOLDED_MAX 20000
#define WHEN "when: " /* how the reason of a condition begins */

struct fold {
    json_t *angles, *outputs, *findings;
    struct map *seen; /* "file:line:rule" -> finding */
    struct map *hot;  /* paths of hot spots */
    size_t ok, unknown, left_out, merged, dropped, unusable;
};

static void hot_spots_note(struct fold *fold, const json_t *output)
{
    size_t index;
    json_t *spot;

    json_array_foreach(json_object_get(output, "hot_spots"), index, spot)
    {
        const char *file = json_get_text(spot, "file", NULL);

        if (file) {
            (void)map_put(fold->hot, file, fold);
        }
    }
}

static void source_add(json_t *finding, const char *angle)
{
    json_t *sources = json_object_get(finding, "sources");
    size_t index;
    json_t *value;

    json_array_foreach(sources, index, value)
    {
        if (strcmp(json_string_value(value), angle) == 0) {
            return;
        }
    }
    (void)json_array_append_new(sources, json_string(angle));
}

/* What an agent wrote is brought into the form that the functions give. */
static json_t *finding_normalise(const json_t *given, const char *angle)
{
    json_t *finding = json_copy((json_t *)given);
    const json_t *line = json_object_get(given, "line");

    (void)json_object_del(finding, "id");
    json_put_text(finding, "angle", json_get_text(given, "angle", angle));
    json_put_text(finding, "rule", json_get_text(given, "rule", angle));
    json_put_text(finding, "severity",
                  severity_name(severity_parse(json_get_text(given, "severity", "low"))));
    json_put_text(finding, "confidence", json_get_text(given, "confidence", "medium"));
    json_put_text(finding, "message", json_get_text(given, "message", ""));
    if (json_is_string(line)) {
        json_put_integer(finding, "line", strtol(json_string_value(line), NULL, 10));
    } else if (line && !json_is_integer(line)) {
        (void)json_object_del(finding, "line");
    }
    json_put(finding, "sources", json_array());
    source_add(finding, angle);
    return finding;
}

static void finding_fold(struct fold *fold, const json_t *given, const char *angle)
{
    json_t *finding;
    json_t *before;
    char *key;

    if (!json_is_object(given) ||
        (!json_object_get(given, "message") && !json_object_get(given, "rule"))) {
        fold->unusable++;
        return;
    }
    if (json_array_size(fold->findings) >= FINDINGS_FOLDED_MAX) {
        fold->dropped++;
        return;
    }
    finding = finding_normalise(given, angle);
    key = mem_printf("%s:%d:%s:%s:%s", json_get_text(finding, "file", ""),
                     (int)json_get_integer(finding, "line", 0), json_get_text(finding, "rule", ""),
                     json_get_text(finding, "commit", ""),
                     json_object_get(finding, "line") ? "" : json_get_text(finding, "message", ""));
    before = map_find(fold->seen, key);
    if (before) {
        fold->merged++;
        source_add(before, angle);
        json_decref(finding);
    } else {
        (void)map_put(fold->seen, key, finding);
        (void)json_array_append_new(fold->findings, finding);
    }
    free(key);
}

/* By its `when` nobody was meant to look, so nothing is unknown for it. Where a strategy or a
 * person left it out it was meant, and is. */
static void skipped_note(struct fold *fold, const char *id, const json_t *step)
{
    const char *why = json_get_text(step, "skipped", WHEN);
    bool is_meant = strncmp(why, WHEN, strlen(WHEN)) != 0;
    json_t *angle = json_object();

    json_put_text(angle, "id", id);
    json_put_text(angle, "status", is_meant ? "left_out" : "skipped");
    json_put_text(angle, "why", is_meant ? why : NULL);
    fold->left_out += is_meant;
    (void)json_array_append_new(fold->angles, angle);
}

static void angle_fold(struct fold *fold, const char *id, const json_t *step)
{
    const char *status = json_get_text(step, "status", "completed");
    const json_t *given = json_object_get(step, "output");
    json_t *output = argument_object(given);
    json_t *angle = json_object();
    const char *inner = json_get_text(output, "status", "ok");
    bool is_known = strcmp(status, "completed") == 0 && strcmp(inner, "unknown") != 0 && given &&
                    !json_is_null(given);
    size_t index;
    json_t *finding;

    json_put_text(angle, "id", id);
    json_put_text(angle, "status", is_known ? "ok" : "unknown");
    if (!is_known) {
        const char *why = json_get_text(output, "why", json_get_text(step, "error", NULL));

        json_put_text(angle, "why",
                      why && *why                        ? why
                      : strcmp(status, "completed") == 0 ? "it gave no output"
                                                         : status);
    }
    json_put_text(angle, "summary",
                  json_get_text(output, "summary", output ? "" : "a text, see below"));
    json_put_integer(angle, "findings",
                     (json_int_t)json_array_size(json_object_get(output, "findings")));
    json_put_integer(angle, "left_out", json_get_integer(output, "left_out", 0));
    fold->ok += is_known;
    fold->unknown += !is_known;
    (void)json_array_append_new(fold->angles, angle);
    hot_spots_note(fold, output);
    json_array_foreach(json_object_get(output, "findings"), index, finding)
    {
        finding_fold(fold, finding, id);
    }
    if (output) {
        json_put(fold->outputs, id, output);
    } else if (given) {
        json_put(fold->outputs, id, json_incref((json_t *)given));
    }
}

/* After ranking: ids, hot marks, and one numbered piece of evidence for each place. */
static json_t *evidence_number(struct fold *fold)
{
    json_t *list = json_array();
    size_t index;
    json_t *finding;

    json_array_foreach(fold->findings, index, finding)
    {
        const char *file = json_get_text(finding, "file", NULL);
        const char *commit = json_get_text(finding, "commit", NULL);
        json_int_t line = json_get_integer(finding, "line", 0);
        char *id = mem_printf("F%zu", index + 1);

        json_put_text(finding, "id", id);
        free(id);
        if (file) {
            json_t *evidence = json_object();
            char *place = line > 0 ? mem_printf("%s%s%s:%d", commit ? commit : "",
                                                commit ? ":" : "", file, (int)line)
                                   : mem_strdup(file);
            char *number = mem_printf("E%zu", json_array_size(list) + 1);

            json_put_text(evidence, "id", number);
            json_put_text(evidence, "source", place);
            json_put_text(evidence, "trust", "codebase");
            json_put_text(evidence, "text", json_get_text(finding, "evidence", NULL));
            json_put_text(finding, "evidence_id", number);
            (void)json_array_append_new(list, evidence);
            free(number);
            free(place);
        }
    }
    return list;
}

static void hot_mark(struct fold *fold)
{
    size_t index;
    json_t *finding;

    json_array_foreach(fold->findings, index, finding)
    {
        const char *file = json_get_text(finding, "file", NULL);

        if (file && map_find(fold->hot, file)) {
            json_put(finding, "hot", json_true());
        }
    }
}

static json_t *fold_result(struct fold *fold)
{
    json_t *result = result_new("fold");
    json_t *evidence;
    size_t angles;
    size_t findings;

    hot_mark(fold);
    findings_rank(fold->findings);
    evidence = evidence_number(fold);
    angles = fold->ok + fold->unknown + fold->left_out;
    findings = json_array_size(fold->findings);
    result_summarise(
        result, "%zu angle%s (%zu unknown, %zu left out), %zu finding%s, %zu of them seen twice",
        angles, PLURAL(angles), fold->unknown, fold->left_out, findings, PLURAL(findings),
        fold->merged);
    if (fold->ok == 0) {
        json_put_text(result, "status", "unknown");
    }
    json_put_integer(result, "unknown_angles", (json_int_t)fold->unknown);
    json_put_integer(result, "left_out_angles", (json_int_t)fold->left_out);
    json_put_integer(result, "merged", (json_int_t)fold->merged);
    json_put_integer(result, "dropped", (json_int_t)fold->dropped);
    json_put_integer(result, "unusable", (json_int_t)fold->unusable);
    json_put(result, "angles", fold->angles);
    json_put(result, "findings", fold->findings);
    json_put(result, "evidence", evidence);
    json_put(result, "outputs", fold->outputs);
    return result;
}

int fold_run(const struct function_call *call, struct error *err)
{
    json_t *angles = argument_object(json_object_get(call->arguments, "angles"));
    struct fold fold;
    json_t *result;
    const char *id;
    json_t *step;

    if (!angles || json_object_size(angles) == 0 || json_object_size(angles) > ANGLES_MAX) {
        json_decref(angles);
        error_set(err, ERROR_INVALID,
                  "argument angles: expected an object of 1 to %d step ids with their results",
                  ANGLES_MAX);
        error_hint(err, "with: { angles: \"${{ phases.NAME.steps }}\" }");
        return ERROR_INVALID;
    }
    fold = (struct fold){.angles = json_array(),
                         .outputs = json_object(),
                         .findings = json_array(),
                         .seen = map_new(),
                         .hot = map_new()};
    json_object_foreach(angles, id, step)
    {
        if (strcmp(json_get_text(step, "status", ""), "skipped") == 0) {
            skipped_note(&fold, id, step);
        } else {
            angle_fold(&fold, id, step);
        }
    }
    result = fold_result(&fold);
    map_free(fold.seen);
    map_free(fold.hot);
    json_decref(angles);
    return result_write(result, call, err);
}
