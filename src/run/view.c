/* SPDX-License-Identifier: MIT */
/* A run as JSON for the views; see run_show in run.h for the shape. Pure. */
#include "run/view.h"

#include "base/id.h"
#include "base/json_text.h"
#include "run/decide.h"
#include "run/sample.h"
#include "run/states.h"

#include <assert.h>

static void put_time(struct json_text *json, const char *name, int64_t at)
{
    if (at) {
        json_text_add_integer(json, name, at);
    }
}

static void put_span(struct json_text *json, int64_t started_at, int64_t ended_at)
{
    put_time(json, "started_at", started_at);
    put_time(json, "ended_at", ended_at);
    if (started_at && ended_at) {
        json_text_add_integer(json, "duration_ms", ended_at - started_at);
    }
}

static const char *kind_of(const struct step_state *step)
{
    return step->check ? "check" : step_kind_name(step_effective(step)->kind);
}

static void add_usage(struct json_text *json, const struct usage_sum *sum)
{
    json_t *usage = usage_describe(sum);

    json_text_add_value(json, "usage", usage);
    json_decref(usage);
}

static void add_budget(struct json_text *json, const struct budget_scope *scope)
{
    json_t *budget = budget_describe(scope);

    json_text_add_value(json, "budget", budget);
    json_decref(budget);
}

static void add_step(struct json_text *json, const struct run_state *run,
                     const struct step_state *step)
{
    json_text_begin_object(json, NULL);
    json_text_add(json, "key", step->key);
    json_text_add(json, "name",
                  step->check        ? step->check->name
                  : step->definition ? step->definition->name
                                     : NULL);
    json_text_add(json, "kind", kind_of(step));
    if (!step->check && step_effective(step)->kind == STEP_AGENT) {
        json_text_add(json, "agent",
                      step->answerer || step->is_reused ? step->answerer : step_agent(step));
        json_text_add(json, "model", step->model);
    }
    json_text_add(json, "status", step_status_name(step->status));
    if (step->waiting != WAITING_NOTHING) {
        json_text_add(json, "waiting", waiting_name(step->waiting));
    }
    put_time(json, "until", step->until);
    json_text_add(json, "reason", step->reason);
    json_text_add(json, "error", step->error);
    json_text_add(json, "class", step->class_ ? failure_class_name(step->class_) : NULL);
    json_text_add_integer(json, "attempts", step->attempts);
    if (step->is_static) {
        json_text_add(json, "strategy", "static");
    }
    json_text_add(json, "agent_error", step->agent_error);
    if (step->given_up) {
        json_text_add(json, "fallback_from",
                      json_get_text(json_array_get(step->given_up, 0), "agent", NULL));
        json_text_add_value(json, "given_up", step->given_up);
    }
    if (step->is_reused) {
        json_text_add_true(json, "reused");
        json_text_add(json, "reused_from", step->reused_from);
    }
    put_time(json, "started_at", step->started_at);
    put_time(json, "ended_at", step->ended_at);
    if (step_duration_ms(step) >= 0) {
        json_text_add_integer(json, "duration_ms", step_duration_ms(step));
    }
    put_time(json, "space_wait_ms", step->space_wait_ms);
    json_text_add(json, "child", step->child);
    add_usage(json, &step_calls(step)->usage);
    if (step->definition && step->role != ROLE_INSTANCE) {
        struct budget_scope scope = step_scope(run, step);

        add_budget(json, &scope);
    }
    json_text_add_value(json, "question", step->dialogue.question);
    json_text_add_value(json, "answers", step->dialogue.answers);
    json_text_add(json, "digest", step->digest);
    json_text_add_value(json, "output", step->result.output);
    json_text_add_value(json, "stderr", step->result.errors);
    json_text_add_value(json, "artifacts", step->result.artifacts);
    json_text_add_value(json, "proof", step->result.proof);
    json_text_add_value(json, "files", step->result.files);
    if (step->items) {
        json_text_begin_array(json, "instances");
        for (int i = 0; i < step->instance_count; i++) {
            add_step(json, run, &run->steps[step->instances.items[i]]);
        }
        json_text_end_array(json);
    }
    json_text_end_object(json);
}

static void add_steps(struct json_text *json, const char *name, const struct run_state *run,
                      int first, size_t count)
{
    json_text_begin_array(json, name);
    for (size_t i = 0; i < count; i++) {
        add_step(json, run, &run->steps[first + (int)i]);
    }
    json_text_end_array(json);
}

static void add_gate(struct json_text *json, const struct run_state *run,
                     const struct phase_state *phase)
{
    const struct gate *gate = phase->definition->gate;

    json_text_begin_object(json, "gate");
    json_text_add(json, "name", gate->name);
    if (phase->gate_skipped) {
        json_text_add(json, "verdict", "skipped");
    } else if (phase->gate_asked) {
        json_text_add(json, "verdict", verdict_name(phase->verdict));
    }
    json_text_add(json, "reason", phase->verdict_reason);
    add_steps(json, "checks", run, phase->first_check, gate->check_count);
    json_text_end_object(json);
}

static void add_phase(struct json_text *json, const char *name, const struct run_state *run,
                      const struct phase_state *phase)
{
    json_text_begin_object(json, name);
    json_text_add(json, "id", phase->definition->id);
    json_text_add(json, "name", phase->definition->name);
    json_text_add(json, "status", step_status_name(phase->status));
    json_text_add_integer(json, "round", phase->round);
    json_text_add_integer(json, "iteration", phase->iteration);
    put_span(json, phase->started_at, phase->ended_at);
    json_text_add(json, "error", phase->error);
    add_usage(json, &phase->usage);
    if (phase->definition->gate) {
        add_gate(json, run, phase);
    }
    add_steps(json, "steps", run, phase->first_step, phase->definition->step_count);
    if (phase->definition->fix_count > 0) {
        add_steps(json, "fix", run, phase->first_fix, phase->definition->fix_count);
    }
    json_text_end_object(json);
}

static void add_checkpoints(struct json_text *json, const struct run_state *run)
{
    json_text_begin_array(json, "checkpoints");
    for (size_t i = 0; i < run->checkpoints.count; i++) {
        const struct checkpoint_state *checkpoint = &run->checkpoints.items[i];

        json_text_begin_object(json, NULL);
        json_text_add(json, "name", checkpoint->name);
        json_text_add_integer(json, "seq", checkpoint->seq);
        json_text_add_integer(json, "at", checkpoint->at);
        json_text_add_value(json, "phases", checkpoint->phases);
        json_text_end_object(json);
    }
    json_text_end_array(json);
}

static void add_counts(struct json_text *json, const int64_t *counts)
{
    int64_t total = 0;

    json_text_begin_object(json, "steps");
    for (int status = STEP_IS_PENDING; status <= STEP_IS_SKIPPED; status++) {
        json_text_add_integer(json, step_status_name((enum step_status)status), counts[status]);
        total += counts[status];
    }
    json_text_add_integer(json, "total", total);
    json_text_end_object(json);
}

/* One that another run began is part of what that was for. */
static void add_task_id(struct json_text *json, const struct run_state *run)
{
    char own[TASK_ID_SIZE];

    if (run->task_id) {
        json_text_add(json, "task_id", run->task_id);
    } else if (!run->parent) {
        task_id_of_run(run->id, own);
        json_text_add(json, "task_id", own);
    }
}

static void add_identity(struct json_text *json, const struct run_state *run)
{
    json_text_add(json, "id", run->id);
    json_text_add(json, "workflow", run->workflow->name);
    json_text_add(json, "title", run->workflow->title);
    json_text_add(json, "workflow_digest", run->workflow->digest);
    json_text_add(json, "task", run->task);
    json_text_add(json, "label", run->label);
    add_task_id(json, run);
    json_text_add(json, "kind", run->kind ? run->kind : TASK_KIND_OTHER);
    json_text_add(json, "forked_from", run->forked_from);
    json_text_add_value(json, "inputs", run->inputs);
}

static void add_phases(struct json_text *json, const struct run_state *run)
{
    json_text_begin_array(json, "phases");
    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        add_phase(json, NULL, run, &run->phases[i]);
    }
    json_text_end_array(json);
}

static void add_options(struct json_text *json, const struct run_state *run)
{
    json_t *options = run_options(run);

    json_text_add_value(json, "options", options);
    json_decref(options);
}

/* Somewhat more than the steps take with small outputs: what is not touched costs nothing, and a
 * text that outgrows its place is copied as a whole. */
static void reserve_for_steps(const struct run_state *run, struct strbuf *target)
{
    strbuf_reserve(target, 1024 + run->step_count * 512);
}

void view_run_text(const struct run_state *run, bool is_pretty, struct strbuf *target)
{
    struct budget_scope scope = run_scope(run, run->last_at);
    struct json_text text = json_text_new(target, is_pretty);
    struct json_text *json = &text;

    reserve_for_steps(run, target);
    json_text_begin_object(json, NULL);
    add_identity(json, run);
    json_text_add(json, "status", run_status_name(run->status));
    json_text_add(json, "wish", wish_name(run->wish));
    json_text_add(json, "reason", run->reason);
    json_text_add(json, "detail", run->detail);
    json_text_add(json, "phase", run->reason_phase);
    json_text_add(json, "step", run->reason_step);
    json_text_add(json, "strategy", run->strategy ? strategy_name(run->strategy) : NULL);
    if (run->is_bridged) {
        json_text_add(json, "bridge", "host");
    }
    if (run->is_fresh) {
        json_text_add_true(json, "fresh");
    }
    if (run->is_offline) {
        json_text_add_true(json, "offline");
    }
    json_text_add(json, "parent", run->parent);
    json_text_add(json, "parent_step", run->parent_step);
    json_text_add_integer(json, "iteration", run->iteration);
    put_time(json, "created_at", run->created_at);
    put_time(json, "waits_until", run_waits_until(run));
    put_span(json, run->started_at, run->ended_at);
    add_counts(json, run->counts);
    add_usage(json, &run->usage);
    add_budget(json, &scope);
    add_phases(json, run);
    add_options(json, run);
    add_checkpoints(json, run);
    json_text_add_value(json, "signals", run->signals);
    json_text_add(json, "report", run->workflow->report);
    json_text_add_integer(json, "seq", run->seq);
    json_text_end_object(json);
}

json_t *view_run(const struct run_state *run)
{
    struct strbuf text;
    json_t *value;

    strbuf_init(&text, VIEW_BYTES_MAX);
    view_run_text(run, false, &text);
    value = json_loadb(text.data, text.length, 0, NULL);
    strbuf_release(&text);
    return value;
}

void view_checkpoint(const struct run_state *run, const char *name, struct strbuf *target)
{
    const struct checkpoint_state *checkpoint = run_find_checkpoint(run, name);
    const struct phase_state *phase = run_find_phase(run, name);
    struct json_text text = json_text_new(target, true);
    struct json_text *json = &text;

    assert(checkpoint);
    reserve_for_steps(run, target);
    json_text_begin_object(json, NULL);
    json_text_add(json, "checkpoint", name);
    json_text_add_integer(json, "seq", checkpoint->seq);
    json_text_add_integer(json, "at", checkpoint->at);
    add_identity(json, run);
    json_text_add_value(json, "completed", checkpoint->phases);
    if (phase) {
        add_phase(json, "phase", run, phase);
    } else {
        add_phases(json, run);
    }
    add_counts(json, checkpoint->counts);
    json_text_add_value(json, "signals", run->signals);
    json_text_end_object(json);
}
