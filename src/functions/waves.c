/* SPDX-License-Identifier: MIT */
/* Which subtasks can be done at once. Two that will touch the same file conflict; each goes into
 * the first wave that comes after all that it needs, has room, and holds nothing that it conflicts
 * with (greedy colouring of the conflict graph, in the order of the list). What names no file
 * conflicts with nothing that can be known: it is said, and its merge is what finds out. */
#include "functions/builtin.h"
#include "functions/result.h"
#include "functions/review.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define CONFLICTS_SHOWN_MAX 200

struct waves {
    json_t *list; /* of subtasks */
    size_t count;
    size_t width;                 /* at most this many in a wave; 0: any number */
    size_t wave_of[SUBTASKS_MAX]; /* from 1; 0: not placed yet */
};

static bool holds_text(const json_t *list, const char *text)
{
    size_t index;
    json_t *value;

    json_array_foreach(list, index, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0) {
            return true;
        }
    }
    return false;
}

/* The files that both will touch; NULL: none. The caller owns it. */
static json_t *files_of_both(const json_t *left, const json_t *right)
{
    json_t *both = json_array();
    size_t index;
    json_t *file;

    json_array_foreach(json_object_get(left, "files"), index, file)
    {
        if (holds_text(json_object_get(right, "files"), json_string_value(file))) {
            (void)json_array_append(both, file);
        }
    }
    if (json_array_size(both) == 0) {
        json_decref(both);
        return NULL;
    }
    return both;
}

static const json_t *subtask_at(const struct waves *waves, size_t index)
{
    return json_array_get(waves->list, index);
}

static bool is_in_conflict(const struct waves *waves, size_t left, size_t right)
{
    json_t *both = files_of_both(subtask_at(waves, left), subtask_at(waves, right));

    json_decref(both);
    return both != NULL;
}

static bool fits(const struct waves *waves, size_t subtask, size_t wave)
{
    size_t held = 0;

    for (size_t i = 0; i < waves->count; i++) {
        if (waves->wave_of[i] == wave) {
            held++;
            if (is_in_conflict(waves, subtask, i)) {
                return false;
            }
        }
    }
    return waves->width == 0 || held < waves->width;
}

/* 0: something that it needs has no wave yet. */
static size_t first_wave_of(const struct waves *waves, size_t subtask)
{
    const json_t *needs = json_object_get(subtask_at(waves, subtask), "needs");
    size_t wave = 1;

    for (size_t i = 0; i < waves->count; i++) {
        if (!holds_text(needs, json_get_text(subtask_at(waves, i), "id", ""))) {
            continue;
        }
        if (waves->wave_of[i] == 0) {
            return 0;
        }
        wave = waves->wave_of[i] >= wave ? waves->wave_of[i] + 1 : wave;
    }
    return wave;
}

/* In the order of the list, again and again, since a need may stand further down; ERROR_INVALID:
 * they need each other in a circle. */
static int waves_place(struct waves *waves, struct error *err)
{
    size_t left = waves->count;
    size_t before = left + 1;

    while (left > 0 && left < before) {
        before = left;
        for (size_t i = 0; i < waves->count; i++) {
            size_t wave = waves->wave_of[i] == 0 ? first_wave_of(waves, i) : 0;

            while (wave > 0 && !fits(waves, i, wave)) {
                wave++;
            }
            if (wave > 0) {
                waves->wave_of[i] = wave;
                left--;
            }
        }
    }
    if (left > 0) {
        for (size_t i = 0; i < waves->count; i++) {
            if (waves->wave_of[i] == 0) {
                return error_set(err, ERROR_INVALID,
                                 "subtask %.60s needs, by way of others, itself",
                                 json_get_text(subtask_at(waves, i), "id", ""));
            }
        }
    }
    return 0;
}

static json_t *conflicts_of(const struct waves *waves)
{
    json_t *conflicts = json_array();

    for (size_t i = 0; i < waves->count; i++) {
        for (size_t j = i + 1; j < waves->count && json_array_size(conflicts) < CONFLICTS_SHOWN_MAX;
             j++) {
            json_t *both = files_of_both(subtask_at(waves, i), subtask_at(waves, j));

            if (both) {
                (void)json_array_append_new(
                    conflicts,
                    json_pack("{s:s,s:s,s:o}", "left",
                              json_get_text(subtask_at(waves, i), "id", ""), "right",
                              json_get_text(subtask_at(waves, j), "id", ""), "files", both));
            }
        }
    }
    return conflicts;
}

/* [[ids of the first wave], ...]; each subtask gets its number. */
static json_t *groups_of(const struct waves *waves)
{
    json_t *groups = json_array();

    for (size_t i = 0; i < waves->count; i++) {
        json_t *subtask = json_array_get(waves->list, i);

        while (json_array_size(groups) < waves->wave_of[i]) {
            (void)json_array_append_new(groups, json_array());
        }
        (void)json_array_append(json_array_get(groups, waves->wave_of[i] - 1),
                                json_object_get(subtask, "id"));
        json_put_integer(subtask, "wave", (json_int_t)waves->wave_of[i]);
    }
    return groups;
}

int waves_run(const struct function_call *call, struct error *err)
{
    struct waves waves = {0};
    json_int_t width = 0;
    json_t *plan;
    int r = argument_integer(call, "width", 0, (const json_int_t[]){0, SUBTASKS_MAX}, &width, err);

    if (r < 0) {
        return r;
    }
    plan = subtasks_argument(call, err);
    if (!plan) {
        return ERROR_INVALID;
    }
    waves.list = json_object_get(plan, "subtasks");
    waves.count = json_array_size(waves.list);
    waves.width = (size_t)width;
    r = waves_place(&waves, err);
    if (r < 0) {
        json_decref(plan);
        return r;
    }
    json_put(plan, "conflicts", conflicts_of(&waves));
    json_put(plan, "waves", groups_of(&waves));
    return result_write(plan, call, err);
}

/* SLUG-wave1-2: also the name of a branch, so that people find the work again. */
int workspaces_run(const struct function_call *call, struct error *err)
{
    json_t *plan = subtasks_argument(call, err);
    size_t places[SUBTASKS_MAX + 1] = {0};
    size_t index;
    json_t *subtask;

    if (!plan) {
        return ERROR_INVALID;
    }
    json_array_foreach(json_object_get(plan, "subtasks"), index, subtask)
    {
        json_int_t wave = json_get_integer(subtask, "wave", 0);

        if (wave < 1 || wave > SUBTASKS_MAX) {
            int r = error_set(err, ERROR_INVALID, "subtask %.60s has no wave",
                              json_get_text(subtask, "id", ""));

            error_hint(err, "pass the output of `waves`");
            json_decref(plan);
            return r;
        }
        places[wave]++;
        json_put(subtask, "workspace",
                 json_sprintf("%s-wave%d-%zu", json_get_text(plan, "slug", "work"), (int)wave,
                              places[wave]));
    }
    return result_write(plan, call, err);
}
