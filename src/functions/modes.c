/* SPDX-License-Identifier: MIT */
/* How each subtask is to be done: `direct`, or `task-work` with all gates where it is risky, large
 * or hard. The reasons stand beside it, and a person may decide otherwise for all. */
#include "functions/builtin.h"
#include "functions/result.h"
#include "functions/review.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COMPLEXITY_MAX 10
#define COMPLEXITY_OF_TASK_WORK 6
#define FILES_OF_TASK_WORK 4

/* How words begin that promise trouble: "authori" stands for authorise, authorization ... */
static const char *const risk_words[] = {
    "secur",    "authen",     "authori",  "oauth",  "login",     "password", "token",    "secret",
    "crypt",    "permission", "database", "migrat", "schema",    "payment",  "billing",  "api",
    "refactor", "breaking",   "deadlock", "race",   "concurren", "delet",    "rollback",
};

static const char *const severe_words[] = {"high", "blocker", "critical"};

static bool is_word_begin(const char *text, const char *at)
{
    return at == text || !isalnum((unsigned char)at[-1]);
}

static bool has_word(const char *text, const char *begin)
{
    for (const char *at = strcasestr(text, begin); at; at = strcasestr(at + 1, begin)) {
        if (is_word_begin(text, at)) {
            return true;
        }
    }
    return false;
}

static size_t risks_add(const json_t *subtask, json_t *reasons)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(risk_words); i++) {
        if (has_word(json_get_text(subtask, "title", ""), risk_words[i]) ||
            has_word(json_get_text(subtask, "description", ""), risk_words[i])) {
            (void)json_array_append_new(reasons, json_sprintf("risk: %s", risk_words[i]));
            count++;
        }
    }
    return count;
}

static bool is_severe(const json_t *subtask)
{
    const char *severity = json_get_text(subtask, "severity", "");

    for (size_t i = 0; i < ARRAY_LEN(severe_words); i++) {
        if (strcmp(severity, severe_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void mode_choose(json_t *subtask, const char *forced)
{
    json_t *reasons = json_array();
    size_t files = json_array_size(json_object_get(subtask, "files"));
    size_t complexity = 2 + (files > 4 ? 4 : files > 0 ? files - 1 : 0);
    bool is_large = files >= FILES_OF_TASK_WORK;
    size_t risks = risks_add(subtask, reasons);

    complexity += risks > 0 ? 2 : 0;
    if (is_severe(subtask)) {
        complexity += 2;
        (void)json_array_append_new(
            reasons, json_sprintf("severity: %s", json_get_text(subtask, "severity", "")));
    }
    if (is_large) {
        (void)json_array_append_new(reasons, json_sprintf("%zu files", files));
    }
    complexity = complexity > COMPLEXITY_MAX ? COMPLEXITY_MAX : complexity;
    json_put_integer(subtask, "complexity", (json_int_t)complexity);
    if (*forced) {
        json_put_text(subtask, "mode", forced);
        (void)json_array_append_new(reasons, json_string("chosen for all"));
    } else {
        json_put_text(subtask, "mode",
                      risks > 0 || is_large || complexity >= COMPLEXITY_OF_TASK_WORK ? "task-work"
                                                                                     : "direct");
    }
    json_put(subtask, "mode_reasons", reasons);
}

int modes_run(const struct function_call *call, struct error *err)
{
    const char *forced = json_get_text(call->arguments, "mode", "auto");
    json_t *plan;
    size_t index;
    json_t *subtask;

    if (strcmp(forced, "auto") == 0) {
        forced = "";
    } else if (strcmp(forced, "direct") != 0 && strcmp(forced, "task-work") != 0 &&
               strcmp(forced, "manual") != 0) {
        return error_set(err, ERROR_INVALID,
                         "`mode` is %.40s; auto, direct, task-work or manual was expected", forced);
    }
    plan = subtasks_argument(call, err);
    if (!plan) {
        return ERROR_INVALID;
    }
    json_array_foreach(json_object_get(plan, "subtasks"), index, subtask)
    {
        mode_choose(subtask, forced);
    }
    return result_write(plan, call, err);
}
