/* SPDX-License-Identifier: MIT */
/* Answers to steps that wait for a person: approve, reject, a signal with a fitting name, or a text
 * for what an agent asked. */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

#define SIGNAL_NAME_MAX 100

#define ANSWER_BYTES_MAX (256U * 1024)

void run_wake(struct turn *turn)
{
    static const char *const reasons[] = {"approval", "question", "host"};
    const char *reason = turn->run->reason ? turn->run->reason : "";

    for (size_t i = 0; turn->run->status == RUN_PAUSED && i < ARRAY_LEN(reasons); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            run_move(turn, RUN_RUNNING, NULL, NULL);
            return;
        }
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
    run_wake(turn);
    step_answer_approval(turn, run_step_index(turn->run, step), is_approved,
                         (struct record){.by = json_get_text(event->command, "by", event->by),
                                         .text = json_get_text(event->command, "comment", NULL)});
    return 0;
}

/* ---- an answer that was refused only because files are not as before ---- */

static bool is_refused(const struct step_state *step)
{
    return step && step->status == STEP_IS_FAILED && step->result.output &&
           json_is_true(json_object_get(step->result.files, "refused"));
}

static int refuse_accept(struct turn *turn, const struct step_state *step, const char *comment,
                         struct error *err)
{
    const struct phase_state *phase = &turn->run->phases[step->phase];

    if (!comment || !*comment) {
        (void)error_set(err, ERROR_INVALID,
                        "step %s changed files that it was to leave; taking its answer all the "
                        "same needs a reason",
                        step->key);
        error_hint(err, "add --comment \"why\"");
        return ERROR_INVALID;
    }
    if (run_status_is_final(turn->run->status) && turn->run->status != RUN_FAILED) {
        return command_refuse(turn, err, "it is over already");
    }
    if (turn->run->wish == WISH_FAIL || turn->run->wish == WISH_CANCEL) {
        return command_refuse(turn, err, "it is ending; decide once its last steps have ended");
    }
    if (phase->status == STEP_IS_COMPLETED || phase->status == STEP_IS_SKIPPED ||
        step_list_is_over(turn->run, step)) {
        return error_set(err, ERROR_CONFLICT, "the run has gone on without step %s", step->key);
    }
    return 0;
}

static int accept(struct turn *turn, const struct event *event, int index, struct error *err)
{
    const struct step_state *step = step_at(turn, index);
    const char *comment = json_get_text(event->command, "comment", NULL);
    int r = refuse_accept(turn, step, comment, err);

    if (r < 0) {
        return r;
    }
    turn_emit(turn, (struct record){.kind = RECORD_APPROVAL_GIVEN,
                                    .step = step->key,
                                    .status = "approved",
                                    .by = json_get_text(event->command, "by", event->by),
                                    .text = comment});
    if (step->role == ROLE_INSTANCE && step_is_finished(step_at(turn, step->parent))) {
        step_move(turn, step->parent, STEP_IS_RUNNING, (struct record){.reason = "accept"});
    }
    phase_reopen(turn, step->phase, step->role);
    step_move(turn, index, STEP_IS_RUNNING, (struct record){.reason = "accept"});
    step_complete(turn, index);
    if (turn->run->status != RUN_RUNNING || run_needs_decision(turn->run)) {
        run_go_on(turn);
    }
    return 0;
}

int command_approve(struct turn *turn, const struct event *event, struct error *err)
{
    const char *key = json_get_text(event->command, "step", NULL);
    const struct step_state *step = key ? run_find_step(turn->run, key) : NULL;

    if (is_refused(step)) {
        return accept(turn, event, run_step_index(turn->run, step), err);
    }
    return answer(turn, event, true, err);
}

int command_reject(struct turn *turn, const struct event *event, struct error *err)
{
    return answer(turn, event, false, err);
}

/* The one that is named, or the only one. */
static int find_asking(struct turn *turn, const char *key, struct step_state **ret_step,
                       struct error *err)
{
    struct run_state *run = turn->run;
    struct step_state *step = key ? run_find_step(run, key) : NULL;

    for (size_t i = 0; !key && run->questions == 1 && i < run->step_count; i++) {
        step = run->steps[i].waiting == WAITING_ANSWER ? &run->steps[i] : step;
    }
    if (step && step->waiting == WAITING_ANSWER) {
        *ret_step = step;
        return 0;
    }
    if (key) {
        (void)error_set(err, step ? ERROR_CONFLICT : ERROR_NOT_FOUND, "step %s has asked nothing",
                        key);
    } else {
        (void)error_set(err, ERROR_CONFLICT,
                        run->questions ? "say which step: several have asked something"
                                       : "nothing was asked");
    }
    error_hint(err, "see what waits: fermata status %s", run->id);
    return step || !key ? ERROR_CONFLICT : ERROR_NOT_FOUND;
}

static void add_pair(json_t *pairs, const char *question, const char *answer)
{
    json_t *pair = json_object();

    json_put_text(pair, "question", question);
    json_put_text(pair, "answer", answer);
    (void)json_array_append_new(pairs, pair);
}

/* As many answers as questions, or one to all of them. */
static int pair_answers(const struct step_state *step, const json_t *answers, json_t *pairs,
                        struct error *err)
{
    const json_t *questions = json_object_get(step->dialogue.question, "questions");
    size_t count = json_array_size(answers);
    size_t index;
    const json_t *value;

    if (count == 0 || (count != 1 && count != json_array_size(questions))) {
        return error_set(err, ERROR_INVALID,
                         "step %s asked %zu questions and got %zu answers; give each one, or one "
                         "to all of them",
                         step->key, json_array_size(questions), count);
    }
    json_array_foreach((json_t *)questions, index, value)
    {
        const json_t *answer = json_array_get(answers, count == 1 ? 0 : index);

        if (json_string_length(answer) == 0 || json_string_length(answer) > ANSWER_BYTES_MAX) {
            return error_set(err, ERROR_INVALID, "an answer is a text of 1 to %u bytes",
                             ANSWER_BYTES_MAX);
        }
        add_pair(pairs, json_string_value(value),
                 count == 1 && index > 0 ? "(as above)" : json_string_value(answer));
    }
    return 0;
}

int command_answer(struct turn *turn, const struct event *event, struct error *err)
{
    const char *key = json_get_text(event->command, "step", NULL);
    struct step_state *step = NULL;
    json_t *pairs;
    int r = find_asking(turn, key, &step, err);

    if (r < 0) {
        return r;
    }
    pairs = json_array();
    r = pair_answers(step, json_object_get(event->command, "answers"), pairs, err);
    (void)turn_hold(turn, pairs);
    if (r < 0) {
        return r;
    }
    run_wake(turn);
    step_answer_question(
        turn, run_step_index(turn->run, step),
        (struct record){.data = pairs, .by = json_get_text(event->command, "by", event->by)});
    return 0;
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
            run_wake(turn);
            step_answer_approval(turn, (int)i, said == 1, (struct record){.by = by, .name = name});
        }
    }
    return 0;
}
