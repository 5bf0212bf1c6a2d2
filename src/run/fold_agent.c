/* SPDX-License-Identifier: MIT */
/* The fold of what concerns the agents of a step: which one is asked, and who was before it. */
#include "run/fold.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define CHANGED_MAX 200
#define PARKS_MAX 100 /* who tells the end of a limit again and again is not believed for ever */

static void drop_text(char **text)
{
    free(*text);
    *text = NULL;
}

static void drop_json(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

void fold_forget_agents(struct step_state *step)
{
    drop_text(&step->agent_error);
    drop_text(&step->agent);
    drop_text(&step->answerer);
    drop_text(&step->model);
    drop_json(&step->given_up);
    drop_json(&step->changed);
    step->not_before = 0;
    step->parks = 0;
    step->is_settling = false;
}

struct step_calls *fold_calls(struct step_state *step)
{
    if (!step->calls) {
        step->calls = mem_zero(1, sizeof(*step->calls));
    }
    return step->calls;
}

static bool has_reason(const struct record *record, const char *reason)
{
    return record->reason && strcmp(record->reason, reason) == 0;
}

/* The next agent has tries and questions of its own, and never the session of another. */
void fold_choose_agent(struct step_state *step, const struct record *record)
{
    json_t *given_up = step->given_up ? json_copy(step->given_up) : json_array();
    json_t *entry = json_object();

    json_put_text(entry, "agent", record->other);
    json_put_text(entry, "class", record->class_);
    json_put_text(entry, "error", record->error);
    json_put_integer(entry, "tries", step->tries);
    if (has_reason(record, RECORD_REASON_PASSED_OVER)) {
        json_put(entry, "passed_over", json_true());
    }
    (void)json_array_append_new(given_up, entry);
    json_decref(step->given_up);
    step->given_up = given_up;
    step->tries = step->losses = step->dialogue.asked = step->parks = 0;
    step->not_before = 0;
    step->is_resumable = false;
    drop_text(&step->session);
    drop_text(&step->answerer);
    drop_text(&step->model);
    step->is_unfit = false;
    step->is_settling = step->is_settling || has_reason(record, RECORD_REASON_CONFLICT);
    free(step->agent);
    step->agent = mem_strdup(record->agent);
}

void fold_note_changes(struct step_state *step, const struct record *record)
{
    size_t index;
    const json_t *path;

    if (step->class_ == CLASS_NONE) {
        return;
    }
    json_array_foreach(json_object_get(record->files, "changed"), index, path)
    {
        if (!step->changed) {
            step->changed = json_object();
        }
        if (json_is_string(path) && json_object_size(step->changed) < CHANGED_MAX) {
            json_put(step->changed, json_string_value(path), json_true());
        }
    }
}

bool fold_note_limit(struct step_state *step, const struct record *record)
{
    bool is_parked = step->class_ == CLASS_LIMIT && record->until && step->parks < PARKS_MAX;

    step->not_before = is_parked ? record->until : 0;
    step->parks += is_parked ? 1 : 0;
    return is_parked;
}
