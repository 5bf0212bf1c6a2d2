/* SPDX-License-Identifier: MIT */
#include "functions/attack.h"

#include "functions/finding.h"
#include "functions/result.h"

#include <string.h>

#define OBJECTIONS_MAX 100

struct attack {
    const char *id;
    json_t *findings, *objections;
    size_t refuted, lowered, spoken, strangers;
};

static json_t *finding_by_id(const json_t *findings, const char *id)
{
    size_t index;
    json_t *finding;

    json_array_foreach(findings, index, finding)
    {
        if (strcmp(json_get_text(finding, "id", ""), id) == 0) {
            return finding;
        }
    }
    return NULL;
}

static void lower(struct attack *attack, json_t *finding, const json_t *verdict)
{
    const char *given = json_get_text(verdict, "severity", NULL);
    const char *before = json_get_text(finding, "severity", "info");

    if (!given || severity_parse(given) >= severity_parse(before)) {
        return;
    }
    if (!json_object_get(finding, "severity_before")) {
        json_put_text(finding, "severity_before", before);
    }
    json_put_text(finding, "severity", severity_name(severity_parse(given)));
    json_put_text(finding, "attack_reason",
                  json_get_text(verdict, "reason", json_get_text(verdict, "verdict_reason", NULL)));
    attack->lowered++;
}

static void verdict_apply(struct attack *attack, const json_t *verdict)
{
    const char *word = json_get_text(verdict, "verdict", "");
    json_t *finding = finding_by_id(attack->findings, json_get_text(verdict, "id", ""));

    if (!finding) {
        attack->strangers++;
        return;
    }
    attack->spoken++;
    if (strcmp(word, "refuted") == 0) {
        json_put_text(finding, "refuted_by", attack->id);
        json_put_text(finding, "attack_reason",
                      json_get_text(verdict, "reason",
                                    json_get_text(verdict, "verdict_reason", "no reason given")));
        attack->refuted++;
    } else if (strcmp(word, "stands") == 0 || strcmp(word, "confirmed") == 0) {
        (void)json_object_del(finding, "refuted_by");
    }
    lower(attack, finding, verdict);
}

static void objections_take(struct attack *attack, const json_t *output)
{
    size_t index;
    json_t *given;

    json_array_foreach(json_object_get(output, "objections"), index, given)
    {
        json_t *objection = json_object();

        json_put_text(objection, "about", json_get_text(given, "about", NULL));
        json_put_text(objection, "why",
                      json_is_string(given) ? json_string_value(given)
                                            : json_get_text(given, "why", NULL));
        json_put_text(objection, "by", attack->id);
        if (json_object_get(objection, "why") &&
            json_array_size(attack->objections) < OBJECTIONS_MAX) {
            (void)json_array_append(attack->objections, objection);
        }
        json_decref(objection);
    }
}

/* A row for the report: who attacked, and what came of it. */
static json_t *attack_one(struct attack *attack, const json_t *step)
{
    const char *status = json_get_text(step, "status", "completed");
    json_t *output = argument_object(json_object_get(step, "output"));
    const json_t *verdicts = json_object_get(output, "verdicts");
    json_t *row = json_object();
    bool is_done = strcmp(status, "completed") == 0 && output;
    size_t index;
    json_t *verdict;

    verdicts = verdicts ? verdicts : json_object_get(output, "findings");
    json_put_text(row, "id", attack->id);
    json_put_text(row, "status",
                  is_done                          ? "ok"
                  : strcmp(status, "skipped") == 0 ? "skipped"
                                                   : "unknown");
    if (!is_done) {
        json_put_text(row, "why", json_get_text(step, "error", NULL));
    } else {
        json_array_foreach(verdicts, index, verdict)
        {
            verdict_apply(attack, verdict);
        }
        objections_take(attack, output);
        json_put_text(row, "summary", json_get_text(output, "summary", NULL));
        json_put_integer(row, "refuted", (json_int_t)attack->refuted);
        json_put_integer(row, "lowered", (json_int_t)attack->lowered);
        json_put_integer(row, "strangers", (json_int_t)attack->strangers);
        json_put_integer(row, "silent",
                         (json_int_t)(json_array_size(attack->findings) > attack->spoken
                                          ? json_array_size(attack->findings) - attack->spoken
                                          : 0));
    }
    json_decref(output);
    return row;
}

void attacks_apply(const json_t *attacks, json_t *findings, json_t *result)
{
    json_t *rows = json_array();
    json_t *objections = json_array();
    const char *id;
    json_t *step;

    json_object_foreach((json_t *)attacks, id, step)
    {
        struct attack attack = {.id = id, .findings = findings, .objections = objections};

        (void)json_array_append_new(rows, attack_one(&attack, step));
    }
    json_put(result, "attackers", rows);
    json_put(result, "objections", objections);
}
