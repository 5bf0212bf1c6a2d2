/* SPDX-License-Identifier: MIT */
/* The fold: state + record -> state. The only file that writes run_state.
 *
 * Counters (under way, running, unfinished, ...) are kept by taking a step's share out before it
 * changes and putting it back afterwards, so that no single transition has to know them. */
#include "run/fold.h"

#include "base/alloc.h"
#include "run/states.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void set_text(char **target, const char *text)
{
    char *copy = mem_strdup(text);

    free(*target);
    *target = copy;
}

static void set_json(json_t **target, const json_t *value)
{
    json_t *held = json_incref((json_t *)value);

    json_decref(*target);
    *target = held;
}

static void set_digest(struct step_state *step, const char *digest)
{
    set_text(&step->digest, digest);
    step->is_digested = step->is_digested || digest;
}

static bool is_in_stage(const struct phase_state *phase, const struct step_state *step)
{
    switch (step->role) {
    case ROLE_STEP:
        return phase->stage == STAGE_STEPS;
    case ROLE_FIX:
        return phase->stage == STAGE_FIX;
    case ROLE_CHECK:
        return phase->stage == STAGE_GATE;
    case ROLE_INSTANCE:
        return false;
    }
    return false;
}

/* The host's work is work as that of a process is: it keeps its place among those at once. */
static bool counts_as_running(const struct step_state *step)
{
    return step->waiting == WAITING_PREPARE || step->waiting == WAITING_ATTEMPT ||
           step->waiting == WAITING_HOST || step->waiting == WAITING_WORKFLOW;
}

/* What a person, the host or another run is waited for. */
static void share_waits(struct run_state *run, const struct step_state *step, int sign)
{
    run->approvals += step->waiting == WAITING_APPROVAL ? sign : 0;
    run->questions += step->waiting == WAITING_ANSWER ? sign : 0;
    run->hosts += step->waiting == WAITING_HOST ? sign : 0;
    run->ledger.sums[LEDGER_AT_HOST] = run->hosts;
    run->nested += step->waiting == WAITING_WORKFLOW && step->status == STEP_IS_PAUSED ? sign : 0;
}

static void share(struct run_state *run, const struct step_state *step, int sign)
{
    struct phase_state *phase = &run->phases[step->phase];
    /* A foreach step is under way only through its instances. */
    bool is_under_way = (step->status == STEP_IS_RUNNING || step->status == STEP_IS_PAUSED) &&
                        step->waiting != WAITING_INSTANCES;

    if (step->role == ROLE_STEP || step->role == ROLE_INSTANCE) {
        run->counts[step->status] += sign;
    }
    if (is_under_way) {
        phase->under_way += sign;
        run->under_way += sign;
        if (counts_as_running(step)) {
            phase->running += sign;
            run->running += sign;
        }
        share_waits(run, step, sign);
    }
    if (is_in_stage(phase, step) && !step_is_finished(step)) {
        phase->unfinished += sign;
    }
    if (step->role == ROLE_INSTANCE) {
        struct step_state *parent = &run->steps[step->parent];

        if (step->instance < parent->instance_count) {
            parent->instances_open += step_is_finished(step) ? 0 : sign;
            parent->instances_under_way += is_under_way ? sign : 0;
            parent->instances_failed += step->status == STEP_IS_FAILED ||
                                                step->status == STEP_IS_CANCELLED
                                            ? sign
                                            : 0;
        }
    }
}

static void recount_unfinished(struct run_state *run, struct phase_state *phase)
{
    int first = phase->first_step;
    int end = phase->first_check +
              (int)(phase->definition->gate ? phase->definition->gate->check_count : 0);

    phase->unfinished = 0;
    for (int i = first; i < end; i++) {
        if (is_in_stage(phase, &run->steps[i]) && !step_is_finished(&run->steps[i])) {
            phase->unfinished++;
        }
    }
}

static struct step_state *step_of(const struct run_state *run, const struct record *record)
{
    struct step_state *step = run_find_step(run, record->step);

    assert(step);
    return step;
}

static struct phase_state *phase_of(const struct run_state *run, const struct record *record)
{
    struct phase_state *phase = run_find_phase(run, record->phase);

    assert(phase);
    return phase;
}

static void note_again(struct run_state *run, const json_t *keys)
{
    size_t index;
    const json_t *key;

    json_array_foreach((json_t *)keys, index, key)
    {
        run->again = run->again ? run->again : json_object();
        json_put(run->again, json_string_value(key), json_true());
    }
}

static void apply_created(struct run_state *run, const struct record *record)
{
    if (run->next) {
        fold_rebase(run);
    }
    set_text(&run->task, record->text);
    set_text(&run->label, record->by);
    set_text(&run->task_id, record->session);
    set_text(&run->kind, record->model);
    set_json(&run->inputs, record->data);
    set_json(&run->calls, record->artifacts);
    run->strategy = record->strategy ? strategy_parse(record->strategy) : STRATEGY_UNSET;
    run->strategy_default = record->class_ ? strategy_parse(record->class_) : STRATEGY_UNSET;
    run->is_fresh = record->flag;
    run->is_offline = record->is_answered;
    run->is_bridged = record->status != NULL;
    set_text(&run->parent, record->other);
    set_text(&run->parent_step, record->other_step);
    set_text(&run->forked_from, record->folder);
    note_again(run, record->files);
    run->depth = (int)record->number;
    run->created_at = record->at;
    fold_budget_created(run, record);
}

static void apply_reason(struct run_state *run, const struct record *record)
{
    set_text(&run->reason, record->reason);
    set_text(&run->detail, record->text);
    set_text(&run->reason_phase, record->phase);
    set_text(&run->reason_step, record->step);
    set_text(&run->reason_run, record->other);
    set_text(&run->reason_budget, record->other ? record->name : NULL);
}

static void shift(int64_t *deadline, int64_t by)
{
    *deadline += *deadline ? by : 0;
}

/* The time in which a run rests does not count; one that was over starts its clock anew. */
static void start_clocks(struct run_state *run, int64_t now)
{
    int64_t timeout = run->workflow->timeout_ms;

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        if (run->started_at && run->phases[i].clock_at <= run->rested_at &&
            !step_status_is_final(run->phases[i].status)) {
            shift(&run->phases[i].deadline, now - run->rested_at);
        }
    }
    if (!run->started_at) {
        run->started_at = now;
        run->deadline = 0;
    }
    if (!run->deadline) {
        run->deadline = timeout > 0 ? now + timeout : 0;
    } else {
        shift(&run->deadline, now - run->rested_at);
    }
}

static void apply_run_moved(struct run_state *run, const struct record *record)
{
    enum run_status status = (enum run_status)run_status_parse(record->status);

    assert(run_can_move(run->status, status));
    if (status == RUN_RUNNING) {
        start_clocks(run, record->at);
    } else {
        run->rested_at = record->at;
        run->deadline = run_status_is_final(status) ? 0 : run->deadline;
    }
    fold_budget_clock(run, record);
    run->status = status;
    run->wish = WISH_NONE;
    apply_reason(run, record);
    run->ended_at = run_status_is_final(status) ? record->at : 0;
}

static void apply_wished(struct run_state *run, const struct record *record)
{
    run->wish = (enum wish)wish_parse(record->status);
    apply_reason(run, record);
}

static enum phase_stage stage_parse(const char *reason, enum phase_stage fallback)
{
    if (!reason) {
        return fallback;
    }
    if (strcmp(reason, "fix") == 0) {
        return STAGE_FIX;
    }
    return strcmp(reason, "gate") == 0 ? STAGE_GATE : STAGE_STEPS;
}

/* What was not reached in a phase that is left out is left out with it. */
static void skip_steps(struct run_state *run, const struct phase_state *phase)
{
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        struct step_state *step = &run->steps[phase->first_step + (int)i];

        if (step->status == STEP_IS_PENDING) {
            share(run, step, -1);
            step->status = STEP_IS_SKIPPED;
            share(run, step, +1);
        }
    }
}

static void apply_phase_moved(struct run_state *run, const struct record *record)
{
    struct phase_state *phase = phase_of(run, record);
    enum step_status status = (enum step_status)step_status_parse(record->status);

    /* A move from running to running starts the next stage. */
    assert(status == phase->status || step_can_move(phase->status, status));
    run->phases_open += (step_status_is_final(phase->status) ? 1 : 0) -
                        (step_status_is_final(status) ? 1 : 0);
    if (status == STEP_IS_RUNNING) {
        if (phase->status == STEP_IS_PENDING) {
            phase->round++;
            phase->started_at = record->at;
        }
        if (record->until) {
            phase->deadline = record->until;
            phase->clock_at = record->at;
        }
        phase->ended_at = 0;
        phase->stage = stage_parse(record->reason, phase->stage);
        phase->fix_rounds += phase->stage == STAGE_FIX && record->reason ? 1 : 0;
        if (phase->stage == STAGE_GATE && record->reason) {
            phase->gate_asked = false;
        }
    }
    phase->status = status;
    phase->is_excused = status == STEP_IS_FAILED && record->reason != NULL;
    if (step_status_is_final(status)) {
        phase->ended_at = record->at;
        set_text(&phase->error_before, NULL); /* the next round has this one before it */
    }
    set_text(&phase->error, record->error);
    set_text(&phase->failed_step, record->step);
    if (status == STEP_IS_SKIPPED) {
        skip_steps(run, phase);
    }
    recount_unfinished(run, phase);
}

/* Another round asks nothing again that was answered; who goes back to a checkpoint begins anew. */
static void reset_dialogue(struct step_dialogue *dialogue, bool is_restored)
{
    dialogue->asked = 0;
    set_json(&dialogue->question, NULL);
    if (is_restored) {
        set_json(&dialogue->answers, NULL);
        set_json(&dialogue->partial, NULL);
    }
}

/* Another round may look at what this one gave; who goes back to a checkpoint knows nothing of it.
 */
static void keep_for_next_round(struct step_state *step, bool is_restored)
{
    step_before_free(step->before);
    step->before = NULL;
    if (is_restored || step->status == STEP_IS_PENDING) {
        return;
    }
    step->before = mem_zero(1, sizeof(*step->before));
    step->before->status = step->status;
    step->before->instance_count = step->role != ROLE_INSTANCE && step->items ? step->instance_count
                                                                              : -1;
    step->before->error = step->error;
    step->before->result = step->result;
    step->error = NULL;
    step->result = (struct step_output){0};
}

static void reset_step(struct run_state *run, struct step_state *step, bool is_restored)
{
    assert(!counts_as_running(step));
    share(run, step, -1);
    keep_for_next_round(step, is_restored);
    step->status = STEP_IS_PENDING;
    step->waiting = WAITING_NOTHING;
    step->is_static = false;
    step->is_reused = false;
    set_text(&step->reused_from, NULL);
    step->tries = 0;
    step->losses = 0;
    step->started_at = step->ended_at = step->until = step->space_wait_ms = 0;
    step->class_ = CLASS_NONE;
    step->exit_status = 0;
    set_text(&step->error, NULL);
    fold_forget_agents(step);
    step->has_slot = false;
    step->is_counted = false;
    set_text(&step->reason, NULL);
    set_text(&step->child, NULL);
    set_text(&step->short_run, NULL);
    set_text(&step->short_name, NULL);
    set_text(&step->digest, NULL);
    set_text(&step->folder, NULL);
    set_text(&step->session, NULL);
    step->is_resumable = false;
    step->is_unfit = false;
    step_output_release(&step->result);
    reset_dialogue(&step->dialogue, is_restored);
    share(run, step, +1);
    if (step->role != ROLE_INSTANCE && step->items) {
        for (size_t i = 0; i < step->instances.count; i++) {
            reset_step(run, &run->steps[step->instances.items[i]], is_restored);
        }
        step->instance_count = step->instance_next = 0;
        step->instances_open = step->instances_failed = step->instances_under_way = 0;
        set_json(&step->items, NULL);
    }
}

static void remove_checkpoint(struct run_state *run, size_t index)
{
    struct checkpoint_state *items = run->checkpoints.items;

    free(items[index].name);
    json_decref(items[index].phases);
    memmove(&items[index], &items[index + 1],
            (run->checkpoints.count - index - 1) * sizeof(items[0]));
    run->checkpoints.count--;
}

/* A checkpoint holds as long as the phases that it names are complete. */
static void drop_checkpoints_with(struct run_state *run, const char *phase)
{
    for (size_t i = run->checkpoints.count; i > 0; i--) {
        size_t index;
        const json_t *name;

        json_array_foreach(run->checkpoints.items[i - 1].phases, index, name)
        {
            if (strcmp(json_string_value(name), phase) == 0) {
                remove_checkpoint(run, i - 1);
                break;
            }
        }
    }
}

static void apply_phase_reset(struct run_state *run, const struct record *record)
{
    struct phase_state *phase = phase_of(run, record);
    int end = phase->first_check +
              (int)(phase->definition->gate ? phase->definition->gate->check_count : 0);

    for (int i = phase->first_step; i < end; i++) {
        reset_step(run, &run->steps[i], strcmp(record->reason, "restore") == 0);
    }
    run->phases_open += step_status_is_final(phase->status) ? 1 : 0;
    phase->status = STEP_IS_PENDING;
    phase->stage = STAGE_STEPS;
    phase->started_at = phase->ended_at = 0;
    phase->gate_asked = phase->gate_skipped = false;
    phase->ready.count = phase->ready_head = 0;
    /* Another entry into the phase starts its own counts; a fix or iteration goes on with them. */
    if (strcmp(record->reason, "fix") != 0) {
        phase->fix_rounds = 0;
    }
    if (strcmp(record->reason, "fix") != 0 && strcmp(record->reason, "iterate") != 0) {
        phase->iteration = 1;
        phase->deadline = 0;
    }
    /* Going back counts over all rounds; what a person asked for is a new beginning. */
    if (strcmp(record->reason, "restore") == 0) {
        phase->gotos = 0;
    }
    if (strcmp(record->reason, "restore") == 0) {
        set_text(&phase->error_before, NULL);
    } else if (phase->error) {
        set_text(&phase->error_before, phase->error);
    }
    set_text(&phase->error, NULL);
    set_text(&phase->failed_step, NULL);
    set_text(&phase->verdict_reason, NULL);
    recount_unfinished(run, phase);
    drop_checkpoints_with(run, record->phase);
}

static void apply_expanded(struct run_state *run, const struct record *record)
{
    int parent = run_step_index(run, step_of(run, record));
    int count = (int)record->number;
    int before = (int)run->steps[parent].instances.count;

    if (count > before) {
        run_steps_reserve(run, (size_t)(count - before));
    }
    while ((int)run->steps[parent].instances.count < count) {
        int number = (int)run->steps[parent].instances.count;
        struct step_state instance = {.definition = run->steps[parent].definition,
                                      .role = ROLE_INSTANCE,
                                      .phase = run->steps[parent].phase,
                                      .parent = parent,
                                      .instance = number};
        int index;

        instance.key = arena_printf(run->arena, "%s[%d]", run->steps[parent].key, number);
        instance.attempts = fold_attempts_before(run, instance.key);
        index = run_step_add(run, &instance);
        *VEC_PUSH(&run->steps[parent].instances) = index;
    }
    set_json(&run->steps[parent].items, record->data);
    share(run, &run->steps[parent], -1);
    run->steps[parent].status = STEP_IS_RUNNING;
    run->steps[parent].waiting = WAITING_INSTANCES;
    run->steps[parent].started_at = record->at;
    run->steps[parent].instance_count = count;
    run->steps[parent].instance_next = 0;
    run->steps[parent].instances_open = count;
    run->steps[parent].instances_under_way = 0;
    run->steps[parent].instances_failed = 0;
    share(run, &run->steps[parent], +1);
}

/* What a record other than the start of an attempt says of the strategy: its alternative is next.
 */
static void choose_static(struct step_state *step, const struct record *record)
{
    if (record->strategy && !step->is_static) {
        step->is_static = true;
        step->tries = step->parks = 0;
        step->not_before = 0;
        set_text(&step->agent_error, record->error);
    }
}

static void apply_step_moved(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);
    enum step_status status = (enum step_status)step_status_parse(record->status);

    assert(status == step->status || step_can_move(step->status, status));
    share(run, step, -1);
    if (status == STEP_IS_PENDING && step_is_finished(step)) {
        step->tries = step->losses = 0;
        step->dialogue.asked = 0;
        step->is_static = false;
        fold_forget_agents(step);
        step->is_resumable = false;
        step->is_unfit = false;
        step->started_at = step->space_wait_ms = 0;
    }
    choose_static(step, record);
    if (record->agent) {
        fold_choose_agent(step, record);
    }
    step->status = status;
    step->waiting = status == STEP_IS_RUNNING && step->items ? WAITING_INSTANCES : WAITING_NOTHING;
    step->until = 0;
    step->has_slot = false;
    step->class_ = record->class_ ? (enum failure_class)failure_class_parse(record->class_)
                                  : CLASS_NONE;
    step->ended_at = step_is_finished(step) ? record->at : 0;
    if (step_is_finished(step)) {
        set_json(&step->dialogue.question, NULL);
    }
    set_text(&step->folder, NULL);
    set_text(&step->short_run, NULL);
    set_text(&step->short_name, NULL);
    set_text(&step->error, record->error);
    set_text(&step->reason, record->reason);
    if (record->output) {
        set_json(&step->result.output, record->output);
        set_json(&step->result.artifacts, record->artifacts);
    }
    share(run, step, +1);
}

static void apply_waiting(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);

    share(run, step, -1);
    step->waiting = (enum waiting)waiting_parse(record->reason);
    step->status = step->waiting == WAITING_APPROVAL || step->waiting == WAITING_ANSWER ||
                           step->waiting == WAITING_HOST ||
                           (step->waiting == WAITING_WORKFLOW && record->text)
                       ? STEP_IS_PAUSED
                       : STEP_IS_RUNNING;
    step->started_at = step->started_at ? step->started_at : record->at;
    step->until = record->until;
    step->has_slot = step->waiting == WAITING_RETRY
                         ? record->number > 0
                         : step->waiting == WAITING_PREPARE && step->has_slot;
    step->is_spared = step->waiting == WAITING_RETRY && record->agent && record->number == 0;
    step->host_asked = step->waiting == WAITING_HOST ? (int)record->number : step->host_asked;
    choose_static(step, record);
    if (record->other) {
        set_text(&step->child, record->other);
    }
    set_text(&step->reason, record->text);
    set_text(&step->short_run, record->other_step);
    set_text(&step->short_name, record->name);
    share(run, step, +1);
}

static void drop_held(struct step_state *step)
{
    step_held_free(step->held);
    step->held = NULL;
}

static void apply_attempt_started(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);
    bool is_static = record->strategy && strcmp(record->strategy, "static") == 0;

    share(run, step, -1);
    drop_held(step);
    step->status = STEP_IS_RUNNING;
    step->waiting = WAITING_ATTEMPT;
    step->attempts = (int)record->number;
    step->host_asked = 0;
    step->has_slot = false;
    step->tries = is_static && !step->is_static ? 0 : step->tries;
    step->is_static = is_static;
    step->started_at = step->started_at ? step->started_at : record->at;
    step->space_wait_ms += record->space_wait_ms;
    step->until = 0;
    set_digest(step, record->digest);
    set_text(&step->tree, record->other);
    set_text(&step->folder, record->folder);
    step->is_resumed = record->session != NULL;
    fold_budget_started(run, step, record);
    set_text(&step->answerer, NULL);
    set_text(&step->model, NULL);
    share(run, step, +1);
}

/* The work that an agent had begun may go on; what it finished, or cannot do, is begun anew. */
static bool is_interruption(enum failure_class class_, const json_t *question)
{
    switch (class_) {
    case CLASS_TRANSIENT:
    case CLASS_LIMIT:
    case CLASS_TIMEOUT:
    case CLASS_CANCELLED:
    case CLASS_LOST:
        return true;
    case CLASS_NONE:
        return question != NULL;
    case CLASS_PERMANENT:
    case CLASS_REFUSED:
        break;
    }
    return false;
}

static void note_usage(struct run_state *run, struct step_state *step, const struct record *record)
{
    struct step_calls *calls;

    if (!record->agent) {
        return;
    }
    calls = fold_calls(step);
    usage_add(&calls->usage, record->data);
    usage_add(&run->phases[step->phase].usage, record->data);
    usage_add(&run->usage, record->data);
    if (!step->is_resumed) {
        calls->session_usage = (struct usage_sum)USAGE_SUM_INIT;
    }
    usage_add(&calls->session_usage, record->data);
}

static void apply_attempt_ended(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);

    share(run, step, -1);
    step->space_wait_ms += record->space_wait_ms;
    step->waiting = WAITING_NOTHING;
    step->class_ = (enum failure_class)failure_class_parse(record->class_);
    if (fold_note_limit(step, record)) {
        /* it costs no try */
    } else if (step->class_ == CLASS_LOST) {
        step->losses += record->flag ? 0 : 1;
    } else if (step->class_ != CLASS_CANCELLED && !record->question) {
        step->tries++;
    }
    step->dialogue.asked += record->question ? 1 : 0;
    set_json(&step->dialogue.question, record->question);
    step->exit_status = record->exit_status;
    note_usage(run, step, record);
    fold_budget_ended(run, step, record);
    fold_note_changes(step, record);
    set_text(&step->answerer, record->agent);
    set_text(&step->model, record->model);
    set_text(&step->session, record->session);
    step->is_resumable = record->session && is_interruption(step->class_, record->question);
    step->is_unfit = record->is_answered;
    set_text(&step->error, record->error);
    set_json(&step->result.output, record->output);
    set_json(&step->result.errors, record->errors);
    set_json(&step->result.artifacts, record->artifacts);
    set_json(&step->result.files, record->files);
    share(run, step, +1);
}

/* The whole life of a step that touched nothing outside. */
static void apply_done(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);

    share(run, step, -1);
    step->status = STEP_IS_COMPLETED;
    step->waiting = WAITING_NOTHING;
    step->attempts = (int)record->number;
    fold_budget_count(run, step);
    step->tries++;
    step->class_ = CLASS_NONE;
    step->exit_status = 0;
    step->started_at = step->started_at ? step->started_at : record->at;
    step->ended_at = record->at;
    step->until = 0;
    set_text(&step->folder, NULL);
    set_text(&step->error, NULL);
    set_text(&step->reason, NULL);
    set_json(&step->result.output, record->output);
    set_json(&step->result.errors, NULL);
    set_json(&step->result.artifacts, run->nothing);
    share(run, step, +1);
}

static void apply_reused(struct run_state *run, const struct record *record)
{
    struct step_state *step = step_of(run, record);

    share(run, step, -1);
    step->status = STEP_IS_COMPLETED;
    step->waiting = WAITING_NOTHING;
    step->space_wait_ms += record->space_wait_ms;
    step->is_reused = true;
    set_text(&step->reused_from, record->other);
    set_text(&step->answerer, record->agent);
    set_text(&step->model, record->model);
    step->class_ = CLASS_NONE;
    step->ended_at = record->at;
    set_digest(step, record->digest);
    set_json(&step->result.output, record->output);
    set_json(&step->result.artifacts, record->artifacts);
    drop_held(step);
    share(run, step, +1);
}

void fold_put_step(struct run_state *run, int index, const struct step_state *step)
{
    share(run, &run->steps[index], -1);
    run->steps[index] = *step;
    share(run, &run->steps[index], +1);
}

void fold_recount_phase(struct run_state *run, struct phase_state *phase)
{
    recount_unfinished(run, phase);
}

void fold_drop_checkpoints(struct run_state *run, const char *phase)
{
    drop_checkpoints_with(run, phase);
}

/* The record names the check as the gate does; the one that is being judged is under way. */
static void apply_checked(struct run_state *run, const struct record *record)
{
    const struct phase_state *phase = phase_of(run, record);
    size_t count = phase->definition->gate ? phase->definition->gate->check_count : 0;

    for (size_t i = 0; i < count; i++) {
        struct step_state *check = &run->steps[phase->first_check + (int)i];
        json_t *proof;

        if (step_is_finished(check) || !record->step ||
            strcmp(check->check->name, record->step) != 0) {
            continue;
        }
        proof = record->data ? json_copy((json_t *)record->data) : json_object();
        json_put_text(proof, "verdict", record->status);
        json_put_text(proof, "reason", record->reason);
        json_decref(check->result.proof);
        check->result.proof = proof;
        return;
    }
}

static void apply_gate(struct run_state *run, const struct record *record)
{
    struct phase_state *phase = phase_of(run, record);

    phase->gate_asked = true;
    phase->gate_skipped = record->kind == RECORD_GATE_SKIPPED;
    if (!phase->gate_skipped) {
        phase->verdict = (enum verdict)verdict_parse(record->status);
    }
    set_text(&phase->verdict_reason, record->reason);
}

/* A newer one of the same name takes the place of the older; the oldest beyond the retention go. */
static void apply_checkpoint(struct run_state *run, const struct record *record)
{
    size_t keep = (size_t)run->workflow->checkpoint_retention;
    struct checkpoint_state *checkpoint;

    for (size_t i = run->checkpoints.count; i > 0; i--) {
        if (strcmp(run->checkpoints.items[i - 1].name, record->name) == 0) {
            remove_checkpoint(run, i - 1);
        }
    }
    checkpoint = VEC_PUSH(&run->checkpoints);
    *checkpoint = (struct checkpoint_state){.name = mem_strdup(record->name),
                                            .seq = record->seq,
                                            .at = record->at,
                                            .phases = json_incref((json_t *)record->data)};
    memcpy(checkpoint->counts, run->counts, sizeof(checkpoint->counts));
    while (keep > 0 && run->checkpoints.count > keep) {
        remove_checkpoint(run, 0);
    }
}

/* Gone back, or once more. */
static void apply_round(struct run_state *run, const struct record *record)
{
    if (record->kind == RECORD_WENT_TO) {
        phase_of(run, record)->gotos = (int)record->number;
        set_text(&phase_of(run, record)->error_before, record->reason);
        return;
    }
    if (record->phase) {
        phase_of(run, record)->iteration = (int)record->number;
        return;
    }
    run->iteration = (int)record->number;
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        run->phases[i].iteration = 1;
        run->phases[i].gotos = 0;
        run->phases[i].deadline = 0;
    }
}

static void apply_signal(struct run_state *run, const struct record *record)
{
    json_t *value = record->data ? json_incref((json_t *)record->data) : json_true();

    (void)json_object_set_new(run->signals, record->name, value);
    (void)json_object_del(run->signals_used, record->name);
}

/* The step's own move follows. */
static void apply_approval(struct run_state *run, const struct record *record)
{
    if (record->name) {
        json_put(run->signals_used, record->name, json_true());
    }
}

/* The step's own move follows. */
static void apply_answered(struct run_state *run, const struct record *record)
{
    struct step_dialogue *dialogue = &step_of(run, record)->dialogue;
    json_t *answers = dialogue->answers ? json_copy(dialogue->answers) : json_array();

    (void)json_array_extend(answers, (json_t *)record->data);
    json_decref(dialogue->answers);
    dialogue->answers = answers;
    set_json(&dialogue->partial, json_object_get(dialogue->question, "partial_work"));
    set_json(&dialogue->question, NULL);
}

void run_apply(struct run_state *run, const struct record *record)
{
    assert(record->seq == run->seq + 1);
    run->seq = record->seq;
    run->last_at = record->at;
    switch (record->kind) {
    case RECORD_RUN_CREATED:
        apply_created(run, record);
        break;
    case RECORD_RUN_MOVED:
        apply_run_moved(run, record);
        break;
    case RECORD_RUN_WISHED:
        apply_wished(run, record);
        break;
    case RECORD_PHASE_MOVED:
        apply_phase_moved(run, record);
        break;
    case RECORD_PHASE_RESET:
        apply_phase_reset(run, record);
        break;
    case RECORD_STEP_EXPANDED:
        apply_expanded(run, record);
        break;
    case RECORD_STEP_MOVED:
        apply_step_moved(run, record);
        break;
    case RECORD_STEP_WAITING:
        apply_waiting(run, record);
        break;
    case RECORD_ATTEMPT_STARTED:
        apply_attempt_started(run, record);
        break;
    case RECORD_ATTEMPT_ENDED:
        apply_attempt_ended(run, record);
        break;
    case RECORD_STEP_DONE:
        apply_done(run, record);
        break;
    case RECORD_STEP_REUSED:
        apply_reused(run, record);
        break;
    case RECORD_SIGNAL_RECEIVED:
        apply_signal(run, record);
        break;
    case RECORD_GATE_DECIDED:
    case RECORD_GATE_SKIPPED:
        apply_gate(run, record);
        break;
    case RECORD_CHECKPOINT_SAVED:
        apply_checkpoint(run, record);
        break;
    case RECORD_WENT_TO:
    case RECORD_ITERATED:
        apply_round(run, record);
        break;
    case RECORD_APPROVAL_GIVEN:
        apply_approval(run, record);
        break;
    case RECORD_GATE_CHECKED:
        apply_checked(run, record);
        break;
    case RECORD_NESTED_LEFT:
        (void)json_object_set_new(run->left, record->other, json_string(record->step));
        break;
    case RECORD_NESTED_ENDED:
        (void)json_object_del(run->left, record->other);
        break;
    case RECORD_QUESTION_ANSWERED:
        apply_answered(run, record);
        break;
    case RECORD_RUN_EDITED:
        fold_edit(run, record);
        break;
    case RECORD_BUDGET_SET:
        fold_budget_set(run, record);
        break;
    case RECORD_RUN_CLOCKED:
        fold_budget_clock(run, record);
        break;
    case RECORD_RESTORED: /* told for the history */
    case RECORD_ATTEMPT_LIVENESS:
        break;
    }
}
