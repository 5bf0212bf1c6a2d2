/* SPDX-License-Identifier: MIT */
/* Steps that wait for others: for a person's answer, for a nested run. */
#include "base/alloc.h"
#include "base/id.h"
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

/* When the wait that begins now is given up; sets the timer. 0: never. */
static int64_t end_of_wait(struct turn *turn, int index)
{
    int64_t timeout_ms = step_at(turn, index)->definition->timeout_ms;

    if (timeout_ms <= 0) {
        return 0;
    }
    turn_effect(turn, EFFECT_TIMER, index, turn->now + timeout_ms, NULL);
    return turn->now + timeout_ms;
}

bool step_is_overdue(const struct turn *turn, const struct step_state *step)
{
    return step->until && step->until <= turn->now;
}

/* A nested run is asked to end first; its end is then that of the step. */
void step_give_up_wait(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);

    if (!step_is_overdue(turn, step)) {
        return;
    }
    if (step->waiting == WAITING_WORKFLOW) {
        turn_effect(turn, EFFECT_CHILD_COMMAND, index, 0, "cancel");
    } else {
        step_fail(turn, index, CLASS_TIMEOUT, "nobody answered in time");
    }
}

bool approvals_give_up(struct turn *turn)
{
    bool has_changed = false;

    for (size_t i = 0; i < turn->run->step_count; i++) {
        const struct step_state *step = step_at(turn, (int)i);

        if (step->waiting == WAITING_APPROVAL && step_is_overdue(turn, step)) {
            step_give_up_wait(turn, (int)i);
            has_changed = true;
        }
    }
    return has_changed;
}

void step_answer_approval(struct turn *turn, int index, bool is_approved, struct record answer)
{
    const char *by = answer.by ? answer.by : "a signal";

    answer.kind = RECORD_APPROVAL_GIVEN;
    answer.step = step_at(turn, index)->key;
    answer.status = is_approved ? "approved" : "rejected";
    turn_emit(turn, answer);
    if (is_approved) {
        step_complete(turn, index);
    } else {
        step_fail(turn, index, CLASS_REFUSED,
                  turn_text(turn, "rejected by %s%s%s", by, answer.text ? ": " : "",
                            answer.text ? answer.text : ""));
    }
}

/* A signal named like the step answers it (no with the value false), or one with -approved or
 * -rejected behind. */
int step_signal_answer(const struct step_state *step, const char *signal, const json_t *value)
{
    size_t length = strlen(step->key);

    if (strncmp(signal, step->key, length) != 0) {
        return -1;
    }
    if (!signal[length]) {
        return json_is_false(value) ? 0 : 1;
    }
    return strcmp(signal + length, "-approved") == 0   ? 1
           : strcmp(signal + length, "-rejected") == 0 ? 0
                                                       : -1;
}

/* Signals may come before the step asks. One that answered is used up: a step that asks again, in
 * another round or after a retry, wants a new answer. A no outweighs a yes. */
static bool signal_answers(struct turn *turn, int index)
{
    const struct run_state *run = turn->run;
    const char *found = NULL;
    int answer = -1;
    const char *name;
    json_t *value;

    json_object_foreach(run->signals, name, value)
    {
        int said = json_object_get(run->signals_used, name)
                       ? -1
                       : step_signal_answer(step_at(turn, index), name, value);

        if (said >= 0 && answer != 0) {
            answer = said;
            found = name;
        }
    }
    if (answer < 0) {
        return false;
    }
    step_answer_approval(turn, index, answer == 1, (struct record){.name = found});
    return true;
}

void step_start_approval(struct turn *turn, int index)
{
    struct step_state *step = step_at(turn, index);
    struct lookup_context context = turn_lookup(turn, step);
    struct strbuf message;

    if (signal_answers(turn, index)) {
        return;
    }
    strbuf_init(&message, 4096);
    (void)template_format(step->definition->message, run_lookup, &context, &message, NULL);
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step->key,
                                    .reason = "approval",
                                    .until = end_of_wait(turn, index),
                                    .text = turn_text(turn, "%s", message.data)});
    strbuf_release(&message);
}

/* The first of them, and how many there are besides. */
static const char *question_text(struct turn *turn, const json_t *question)
{
    const json_t *questions = json_object_get(question, "questions");
    const char *first = json_string_value(json_array_get(questions, 0));
    size_t count = json_array_size(questions);

    return count > 1 ? turn_text(turn, "%s (and %zu more)", first, count - 1)
                     : turn_text(turn, "%s", first ? first : "it asks something");
}

void step_ask(struct turn *turn, int index, const json_t *question)
{
    const struct step_state *step = step_at(turn, index);
    const char *text = question_text(turn, question);

    if (phase_is_late(turn, step->phase)) {
        step_fail(turn, index, CLASS_TIMEOUT, PHASE_LATE);
    } else if (step->dialogue.asked > step->definition->questions_max) {
        step_give_up_agent(turn, index, CLASS_PERMANENT,
                           turn_text(turn, "it may ask %d times (questions) and asked again: %s",
                                     step->definition->questions_max, text));
    } else {
        turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                        .phase = phase_id(turn, index),
                                        .step = step->key,
                                        .reason = "answer",
                                        .text = text});
    }
}

void step_answer_question(struct turn *turn, int index, struct record answers)
{
    answers.kind = RECORD_QUESTION_ANSWERED;
    answers.step = step_at(turn, index)->key;
    turn_emit(turn, answers);
    step_make_pending(turn, index, "its question was answered");
}

/* So often a run goes on without an answer: a host that knows nothing but to try again is told. */
#define HOST_ASKED_MAX 10

void step_handle_host(struct turn *turn, int index, const struct event *event)
{
    const struct step_state *step = step_at(turn, index);
    struct event end = {.kind = EVENT_ATTEMPT_ENDED, .attempt = event->attempt};

    if (step->waiting != WAITING_ATTEMPT || step->attempts != event->attempt) {
        return;
    }
    if (phase_is_late(turn, step->phase)) {
        end.outcome = (struct outcome){.class_ = CLASS_TIMEOUT, .error = PHASE_LATE};
    } else if (turn->run->wish >= WISH_FAIL) {
        end.outcome = (struct outcome){.class_ = CLASS_CANCELLED, .error = "stopped"};
    } else if (step->host_asked >= HOST_ASKED_MAX) {
        end.outcome = (struct outcome){
            .class_ = CLASS_PERMANENT,
            .error = turn_text(turn,
                               "the host did not answer: the run was resumed %d times "
                               "without a response to its request",
                               step->host_asked)};
    } else {
        turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                        .phase = phase_id(turn, index),
                                        .step = step->key,
                                        .reason = "host",
                                        .number = step->host_asked + 1,
                                        .text = event->host});
        return;
    }
    step_handle_attempt_end(turn, index, &end);
}

void step_look_at_host(struct turn *turn, int index)
{
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .reason = "attempt"});
    turn_effect(turn, EFFECT_RECOVER, index, 0, NULL);
}

void step_start_child(struct turn *turn, int index)
{
    char child[RUN_ID_SIZE];

    if (turn->run->depth + 1 > turn->limits->nesting_max) {
        step_fail(turn, index, CLASS_PERMANENT,
                  turn_text(turn, "workflows are nested deeper than %d (nesting_max)",
                            turn->limits->nesting_max));
        return;
    }
    run_id_format(turn_random(turn), child);
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .reason = "workflow",
                                    .until = end_of_wait(turn, index),
                                    .other = child});
    turn_effect(turn, EFFECT_CHILD_START, index, 0, NULL);
}

static void end_left(struct turn *turn, int index, const char *child)
{
    struct effect *effect;

    turn_effect(turn, EFFECT_CHILD_END, index, 0, NULL);
    effect = &turn->batch->effects.items[turn->batch->effects.count - 1];
    effect->child = arena_strdup(turn->batch->arena, child);
}

void step_leave_child(struct turn *turn, int index)
{
    const struct step_state *step = step_at(turn, index);

    end_left(turn, index, step->child);
    turn_emit(turn,
              (struct record){.kind = RECORD_NESTED_LEFT, .step = step->key, .other = step->child});
}

void run_end_left(struct turn *turn)
{
    const char *child;
    json_t *key;

    json_object_foreach(turn->run->left, child, key)
    {
        const struct step_state *step = run_find_step(turn->run, json_string_value(key));

        end_left(turn, run_step_index(turn->run, step), child);
    }
}

/* Its output is that of the step which speaks for the nested workflow. */
static void complete_by_child(struct turn *turn, int index, const struct event *event)
{
    step_move(
        turn, index, STEP_IS_COMPLETED,
        (struct record){.output = event->outcome.output, .artifacts = event->outcome.artifacts});
    step_after_end(turn, index);
}

static void fail_by_child(struct turn *turn, int index, const struct event *event)
{
    const struct step_state *step = step_at(turn, index);
    const char *why = event->outcome.error;

    if (phase_is_late(turn, step->phase)) {
        step_fail(turn, index, CLASS_TIMEOUT, PHASE_LATE);
    } else if (step_is_overdue(turn, step)) {
        step_fail(
            turn, index, CLASS_TIMEOUT,
            turn_text(turn, "the nested run %s was cancelled: it took too long", event->child));
    } else if (event->child_status == RUN_CANCELLED) {
        step_fail(turn, index, CLASS_CANCELLED,
                  turn_text(turn, "the nested run %s was cancelled", event->child));
    } else {
        step_fail(turn, index, CLASS_PERMANENT,
                  turn_text(turn, "the nested run %s failed%s%s", event->child, why ? ": " : "",
                            why ? why : ""));
    }
}

/* The nested run began to rest, or goes on. */
static void wait_for_child(struct turn *turn, int index, const struct event *event, const char *why)
{
    turn_emit(turn, (struct record){.kind = RECORD_STEP_WAITING,
                                    .phase = phase_id(turn, index),
                                    .step = step_at(turn, index)->key,
                                    .reason = "workflow",
                                    .until = step_at(turn, index)->until,
                                    .other = event->child,
                                    .text = why,
                                    .other_step = why ? event->child_short_run : NULL,
                                    .name = why ? event->child_short_name : NULL});
}

static void handle_left(struct turn *turn, int index, const struct event *event)
{
    if (run_status_is_final(event->child_status)) {
        turn_emit(turn, (struct record){.kind = RECORD_NESTED_ENDED,
                                        .step = step_at(turn, index)->key,
                                        .other = event->child,
                                        .status = run_status_name(event->child_status)});
    }
}

/* A run that ends takes its nested runs along: nobody could go on with them. */
static bool is_ending(const struct run_state *run)
{
    return run->status == RUN_RUNNING && (run->wish == WISH_FAIL || run->wish == WISH_CANCEL);
}

static void handle_cancelled(struct turn *turn, int index, const struct event *event)
{
    const struct step_state *step = step_at(turn, index);

    if (turn->run->wish == WISH_CANCEL) {
        step_cancel(turn, index, "the run was cancelled");
    } else if (is_ending(turn->run) && !phase_is_late(turn, step->phase) &&
               !step_is_overdue(turn, step)) {
        step_make_pending(turn, index, "the run failed meanwhile");
    } else {
        fail_by_child(turn, index, event);
    }
}

static void handle_paused(struct turn *turn, int index, const struct event *event)
{
    if (step_at(turn, index)->status != STEP_IS_PAUSED) {
        wait_for_child(turn, index, event,
                       event->child_short_run && event->outcome.error ? event->outcome.error
                                                                      : "the nested run is paused");
    }
    if (is_ending(turn->run)) {
        turn_effect(turn, EFFECT_CHILD_COMMAND, index, 0, "cancel");
    }
}

/* The nested run is all that it waits for; be it for a budget that there was no room in. */
static bool rests_for_child(const struct run_state *run, const struct step_state *step)
{
    if (run->status != RUN_PAUSED || !run->reason) {
        return false;
    }
    return strcmp(run->reason, "nested") == 0 ||
           (strcmp(run->reason, REASON_BUDGET) == 0 && step->short_run && run->reason_step &&
            strcmp(run->reason_step, step->key) == 0);
}

void step_handle_child(struct turn *turn, int index, const struct event *event)
{
    struct step_state *step = step_at(turn, index);

    if (json_object_get(turn->run->left, event->child)) {
        handle_left(turn, index, event);
        return;
    }
    if (step->waiting != WAITING_WORKFLOW || !step->child ||
        strcmp(step->child, event->child) != 0) {
        return;
    }
    if (event->child_status != RUN_PAUSED && rests_for_child(turn->run, step)) {
        run_move(turn, RUN_RUNNING, NULL, NULL);
        step = step_at(turn, index);
    }
    switch (event->child_status) {
    case RUN_COMPLETED:
        complete_by_child(turn, index, event);
        break;
    case RUN_FAILED:
        fail_by_child(turn, index, event);
        break;
    case RUN_CANCELLED:
        handle_cancelled(turn, index, event);
        break;
    case RUN_PAUSED:
        handle_paused(turn, index, event);
        break;
    case RUN_PENDING:
    case RUN_RUNNING:
        if (step->status == STEP_IS_PAUSED) {
            wait_for_child(turn, index, event, NULL);
        }
        break;
    }
}
