/* SPDX-License-Identifier: MIT */
/* Answers to steps that wait for a person: approve, reject, or a signal with a fitting name. */
#include "base/timestamp.h"
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

#define SIGNAL_NAME_MAX 100

/* What paused for an approval goes on by itself once it is answered. */
static void wake(struct turn *turn)
{
    if (turn->run->status == RUN_PAUSED && turn->run->reason &&
        strcmp(turn->run->reason, "approval") == 0) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
    }
}

/* Whether in time is not a matter of who looks first: an answer that comes late is none. */
static int refuse_late(struct turn *turn, const struct step_state *step, struct error *err)
{
    char until[TIMESTAMP_SIZE];

    timestamp_format(step->until, until);
    (void)error_set(err, ERROR_CONFLICT, "step %s waited for an answer until %s", step->key, until);
    error_hint(err, "fermata resume %s ends the wait; fermata retry %s %s asks again then",
               turn->run->id, turn->run->id, step->key);
    return ERROR_CONFLICT;
}

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
    if (step_is_overdue(turn, step)) {
        return refuse_late(turn, step, err);
    }
    wake(turn);
    step_answer_approval(turn, run_step_index(turn->run, step), is_approved,
                         (struct record){.by = json_get_text(event->command, "by", event->by),
                                         .text = json_get_text(event->command, "comment", NULL)});
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
    const char *by = json_get_text(event->command, "by", event->by);
    const json_t *value = json_object_get(event->command, "value");

    if (!name || !*name || strlen(name) > SIGNAL_NAME_MAX) {
        return error_set(err, ERROR_INVALID, "a signal needs a name of 1 to %d characters",
                         SIGNAL_NAME_MAX);
    }
    if (run_status_is_final(turn->run->status)) {
        return command_refuse(turn, err, "a run that is over takes no signals");
    }
    turn_emit(turn, (struct record){
                        .kind = RECORD_SIGNAL_RECEIVED, .name = name, .data = value, .by = by});
    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = &turn->run->steps[i];
        int said = step->waiting == WAITING_APPROVAL ? step_signal_answer(step, name, value) : -1;

        if (said >= 0 && !step_is_overdue(turn, step)) {
            wake(turn);
            step_answer_approval(turn, (int)i, said == 1, (struct record){.by = by, .name = name});
        }
    }
    return 0;
}
