/* SPDX-License-Identifier: MIT */
/* A run as JSON for the views; see run_show in run.h for the shape. Pure. */
#include "run/view.h"

#include "run/decide.h"
#include "run/states.h"

#include <string.h>

static void put_time(json_t *object, const char *name, int64_t at)
{
    if (at) {
        json_put_integer(object, name, at);
    }
}

static void put_span(json_t *object, int64_t started_at, int64_t ended_at)
{
    put_time(object, "started_at", started_at);
    put_time(object, "ended_at", ended_at);
    if (started_at && ended_at) {
        json_put_integer(object, "duration_ms", ended_at - started_at);
    }
}

static const char *kind_of(const struct step_state *step)
{
    return step->check ? "check" : step_kind_name(step_effective(step)->kind);
}

static json_t *view_step(const struct run_state *run, const struct step_state *step)
{
    json_t *object = json_object();

    json_put_text(object, "key", step->key);
    json_put_text(object, "name",
                  step->check        ? step->check->name
                  : step->definition ? step->definition->name
                                     : NULL);
    json_put_text(object, "kind", kind_of(step));
    json_put_text(object, "status", step_status_name(step->status));
    if (step->waiting != WAITING_NOTHING) {
        json_put_text(object, "waiting", waiting_name(step->waiting));
    }
    put_time(object, "until", step->until);
    json_put_text(object, "reason", step->reason);
    json_put_text(object, "error", step->error);
    json_put_text(object, "class", step->class_ ? failure_class_name(step->class_) : NULL);
    json_put_integer(object, "attempts", step->attempts);
    if (step->is_static) {
        json_put_text(object, "strategy", "static");
    }
    if (step->is_reused) {
        json_put(object, "reused", json_true());
    }
    put_span(object, step->started_at, step->ended_at);
    json_put_text(object, "child", step->child);
    json_put(object, "question", json_incref(step->dialogue.question));
    json_put(object, "answers", json_incref(step->dialogue.answers));
    json_put_text(object, "digest", step->digest);
    json_put(object, "output", json_incref(step->result.output));
    json_put(object, "stderr", json_incref(step->result.errors));
    json_put(object, "artifacts", json_incref(step->result.artifacts));
    json_put(object, "proof", json_incref(step->result.proof));
    if (step->items) {
        json_t *instances = json_array();

        for (int i = 0; i < step->instance_count; i++) {
            (void)json_array_append_new(instances,
                                        view_step(run, &run->steps[step->instances.items[i]]));
        }
        json_put(object, "instances", instances);
    }
    return object;
}

static json_t *view_range(const struct run_state *run, int first, size_t count)
{
    json_t *steps = json_array();

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(steps, view_step(run, &run->steps[first + (int)i]));
    }
    return steps;
}

static json_t *view_gate(const struct run_state *run, const struct phase_state *phase)
{
    const struct gate *gate = phase->definition->gate;
    json_t *object = json_object();

    json_put_text(object, "name", gate->name);
    if (phase->gate_skipped) {
        json_put_text(object, "verdict", "skipped");
    } else if (phase->gate_asked) {
        json_put_text(object, "verdict", verdict_name(phase->verdict));
    }
    json_put_text(object, "reason", phase->verdict_reason);
    json_put(object, "checks", view_range(run, phase->first_check, gate->check_count));
    return object;
}

static json_t *view_phase(const struct run_state *run, const struct phase_state *phase)
{
    json_t *object = json_object();

    json_put_text(object, "id", phase->definition->id);
    json_put_text(object, "name", phase->definition->name);
    json_put_text(object, "status", step_status_name(phase->status));
    json_put_integer(object, "round", phase->round);
    json_put_integer(object, "iteration", phase->iteration);
    put_span(object, phase->started_at, phase->ended_at);
    json_put_text(object, "error", phase->error);
    if (phase->definition->gate) {
        json_put(object, "gate", view_gate(run, phase));
    }
    json_put(object, "steps", view_range(run, phase->first_step, phase->definition->step_count));
    if (phase->definition->fix_count > 0) {
        json_put(object, "fix", view_range(run, phase->first_fix, phase->definition->fix_count));
    }
    return object;
}

static json_t *view_checkpoints(const struct run_state *run)
{
    json_t *list = json_array();

    for (size_t i = 0; i < run->checkpoints.count; i++) {
        const struct checkpoint_state *checkpoint = &run->checkpoints.items[i];

        (void)json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:O}", "name", checkpoint->name, "seq",
                            (json_int_t)checkpoint->seq, "at", (json_int_t)checkpoint->at, "phases",
                            checkpoint->phases));
    }
    return list;
}

static json_t *view_counts(const struct run_state *run)
{
    json_t *counts = json_object();
    int64_t total = 0;

    for (int status = STEP_IS_PENDING; status <= STEP_IS_SKIPPED; status++) {
        json_put_integer(counts, step_status_name((enum step_status)status), run->counts[status]);
        total += run->counts[status];
    }
    json_put_integer(counts, "total", total);
    return counts;
}

static void add_identity(const struct run_state *run, json_t *object)
{
    json_put_text(object, "id", run->id);
    json_put_text(object, "workflow", run->workflow->name);
    json_put_text(object, "title", run->workflow->title);
    json_put_text(object, "workflow_digest", run->workflow->digest);
    json_put_text(object, "task", run->task);
    json_put_text(object, "label", run->label);
    json_put(object, "inputs", json_incref(run->inputs));
}

static json_t *view_phases(const struct run_state *run)
{
    json_t *phases = json_array();

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        (void)json_array_append_new(phases, view_phase(run, &run->phases[i]));
    }
    return phases;
}

json_t *view_run(const struct run_state *run)
{
    json_t *object = json_object();

    add_identity(run, object);
    json_put_text(object, "status", run_status_name(run->status));
    json_put_text(object, "wish", wish_name(run->wish));
    json_put_text(object, "reason", run->reason);
    json_put_text(object, "detail", run->detail);
    json_put_text(object, "phase", run->reason_phase);
    json_put_text(object, "step", run->reason_step);
    json_put_text(object, "strategy", run->strategy ? strategy_name(run->strategy) : NULL);
    if (run->is_fresh) {
        json_put(object, "fresh", json_true());
    }
    json_put_text(object, "parent", run->parent);
    json_put_text(object, "parent_step", run->parent_step);
    json_put_integer(object, "iteration", run->iteration);
    put_time(object, "created_at", run->created_at);
    put_time(object, "waits_until", run_waits_until(run));
    put_span(object, run->started_at, run->ended_at);
    json_put(object, "steps", view_counts(run));
    json_put(object, "phases", view_phases(run));
    json_put(object, "options", run_options(run));
    json_put(object, "checkpoints", view_checkpoints(run));
    json_put(object, "signals", json_copy(run->signals));
    json_put_text(object, "report", run->workflow->report);
    json_put_integer(object, "seq", run->seq);
    return object;
}

json_t *view_checkpoint(const struct run_state *run, const char *name)
{
    const struct checkpoint_state *checkpoint = &run->checkpoints.items[run->checkpoints.count - 1];
    const struct phase_state *phase = run_find_phase(run, name);
    json_t *object = json_object();

    json_put_text(object, "checkpoint", name);
    json_put_integer(object, "seq", checkpoint->seq);
    json_put_integer(object, "at", checkpoint->at);
    add_identity(run, object);
    json_put(object, "completed", json_incref(checkpoint->phases));
    if (phase) {
        json_put(object, "phase", view_phase(run, phase));
    } else {
        json_put(object, "phases", view_phases(run));
    }
    json_put(object, "steps", view_counts(run));
    json_put(object, "signals", json_copy(run->signals));
    return object;
}
