/* SPDX-License-Identifier: MIT */
/* The plan of a run is edited: what the command says was worked out by edit.c on this very state,
 * and the workflow was offered to it. */
#include "run/turn.h"

#include <string.h>

static int refuse_waits(struct turn *turn, const struct step_state *step, const char *what,
                        struct error *err)
{
    (void)error_set(err, ERROR_CONFLICT, "step %s of run %s %s", step->key, turn->run->id, what);
    error_hint(err, "see what it waits for: fermata status %s", turn->run->id);
    return ERROR_CONFLICT;
}

static bool has_name(const json_t *names, const char *name)
{
    size_t index;
    const json_t *value;

    json_array_foreach((json_t *)names, index, value)
    {
        if (strcmp(json_string_value(value), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Somebody outside is at work, or the plan would lose a step that is still answerable for a run. */
static int check_waits(struct turn *turn, const struct event *event, struct error *err)
{
    const json_t *kept = json_object_get(event->command, "kept");

    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];

        if (step->waiting == WAITING_HOST) {
            return refuse_waits(turn, step, "is being done by the calling program", err);
        }
        if (step->waiting == WAITING_WORKFLOW && !has_name(kept, step->key)) {
            return refuse_waits(turn, step, "waits for its nested run, and the edit changes it",
                                err);
        }
    }
    return json_object_size(turn->run->left) == 0
               ? 0
               : command_refuse(turn, err, "a nested run that it has left is not over yet");
}

int command_edit(struct turn *turn, const struct event *event, struct error *err)
{
    struct run_state *run = turn->run;
    const json_t *command = event->command;
    const struct workflow *workflow = run->next;
    int r;

    if (!workflow || !event->is_held) {
        return error_set(err, ERROR_INVALID, "a plan is edited by `fermata edit`");
    }
    if (run->status != RUN_PAUSED && run->status != RUN_FAILED && run->status != RUN_PENDING) {
        (void)command_refuse(turn, err, "only the plan of a run that is not over is edited");
        error_hint(err, "start a new run with what is done: fermata fork %s -w FILE", run->id);
        return ERROR_CONFLICT;
    }
    r = check_waits(turn, event, err);
    if (r < 0) {
        return r;
    }
    turn_emit(turn, (struct record){.kind = RECORD_RUN_EDITED,
                                    .name = workflow->name,
                                    .digest = workflow->digest,
                                    .reason = workflow->title,
                                    .other = json_get_text(command, "tree", NULL),
                                    .by = json_get_text(command, "by", event->by),
                                    .output = json_object_get(command, "inputs"),
                                    .artifacts = json_object_get(command, "calls"),
                                    .data = json_object_get(command, "kept"),
                                    .files = json_object_get(command, "held"),
                                    .errors = json_object_get(command, "phases"),
                                    .question = json_object_get(command, "again")});
    if (run->status == RUN_PENDING) {
        return 0;
    }
    /* Paused, for another reason now: it goes on only when asked to. */
    if (run->status == RUN_PAUSED) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    run_move(turn, RUN_PAUSED, "asked", "its plan was edited");
    return 0;
}
