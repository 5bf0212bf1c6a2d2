/* SPDX-License-Identifier: MIT */
/* Answers to steps that wait for a person: approve, reject, or a signal with a fitting name. */
#include "base/alloc.h"
#include "run/states.h"
#include "run/turn.h"

#include <stdio.h>
#include <string.h>

static int answer(struct turn *turn, const struct event *event, bool is_approved, struct error *err)
{
    const char *key = json_get_text(event->command, "step", NULL);
    struct step_state *step = NULL;

    if (key) {
        step = run_find_step(turn->run, key);
    } else if (turn->run->approvals == 1) {
        for (size_t i = 0; i < turn->run->step_count; i++) {
            if (turn->run->steps[i].waiting == WAITING_APPROVAL) {
                step = &turn->run->steps[i];
            }
        }
    }
    if (!step || step->waiting != WAITING_APPROVAL) {
        (void)error_set(err, step || !key ? ERROR_CONFLICT : ERROR_NOT_FOUND,
                        key ? "step %s does not wait for an approval"
                            : "say which step: %s approvals are waited for",
                        key ? key : (turn->run->approvals ? "several" : "no"));
        error_hint(err, "see what waits: fermata status %s", turn->run->id);
        return step || !key ? ERROR_CONFLICT : ERROR_NOT_FOUND;
    }
    if (turn->run->status == RUN_PAUSED && turn->run->reason &&
        strcmp(turn->run->reason, "approval") == 0) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
    step_answer_approval(turn, run_step_index(turn->run, step), is_approved,
                         json_get_text(event->command, "by", event->by),
                         json_get_text(event->command, "comment", NULL));
    return 0;
}

int command_approve(struct turn *turn, const struct event *event, struct error *err)
{
    return answer(turn, event, true, err);
}

int command_reject(struct turn *turn, const struct event *event, struct error *err)
{
    return answer(turn, event, false, err);
}

int command_signal(struct turn *turn, const struct event *event, struct error *err)
{
    const char *name = json_get_text(event->command, "name", NULL);
    const char *const forms[] = {"%s", "%s-approved", "%s-rejected"};

    if (!name || !*name || strlen(name) > 100) {
        return error_set(err, ERROR_INVALID, "a signal needs a name of 1 to 100 characters");
    }
    if (run_status_is_final(turn->run->status)) {
        return command_refuse(turn, err, "a run that is over takes no signals");
    }
    turn_emit(turn, (struct record){.kind = RECORD_SIGNAL_RECEIVED,
                                    .name = name,
                                    .data = json_object_get(event->command, "value"),
                                    .by = json_get_text(event->command, "by", event->by)});
    for (size_t i = 0; i < turn->run->step_count; i++) {
        struct step_state *step = &turn->run->steps[i];

        if (step->waiting != WAITING_APPROVAL) {
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
            char expected[160];

            (void)snprintf(expected, sizeof(expected), "%s%s", step->key,
                           k == 0   ? ""
                           : k == 1 ? "-approved"
                                    : "-rejected");
            if (strcmp(expected, name) == 0) {
                if (turn->run->status == RUN_PAUSED && turn->run->reason &&
                    strcmp(turn->run->reason, "approval") == 0) {
                    run_move(turn, RUN_RUNNING, NULL, NULL);
                }
                step_answer_approval(turn, (int)i, k != 2, event->by, NULL);
                break;
            }
        }
    }
    return 0;
}
