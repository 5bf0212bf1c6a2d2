/* SPDX-License-Identifier: MIT */
/* Two states of the run are compared: as it is; and as if every step that is done held under the
 * new plan. What goes into a step is the same in both: nothing of its own changed. No step that is
 * not kept is looked at for it: nothing that will change goes into it, whatever comes out now. */
#include "run/edit.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "results/results.h"
#include "run/definition.h"
#include "run/files.h"
#include "run/fold.h"
#include "run/lookup.h"
#include "run/own.h"
#include "run/prepare.h"
#include "run/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_BYTES_MAX (64U * 1024 * 1024)

enum decision { UNDECIDED, DECIDED_KEPT, DECIDED_HELD, DECIDED_AGAIN, DECIDED_NEW, DECIDED_OPEN };
static const char *const decision_names[] = {"", "kept", "held", "again", "new", "open"};
static const char *const fork_names[] = {"", "reused", "held", "again", "new", "open"};
#define DECISIONS 6

/* What of the steps before one is not as it was. */
enum { NOTHING_BEFORE = 0, ANSWERS_BEFORE = 1, FILES_BEFORE = 2 };

/* Settled: all of its phase stays as it is. */
struct verdicts {
    enum decision *steps; /* of the new plan, by its index there */
    unsigned *before;     /* by the same */
    bool *goes_on;        /* by the same */
    unsigned *phases;     /* by phase: with all that is in it */
    bool *is_settled;
};

struct comparison {
    struct active was, would; /* see above */
    struct workflow *own;     /* the definition of the first; NULL: somebody else's */
    struct workflow *other;   /* as the second was read */
    struct lookup_watch watch;
    json_t *open;   /* keys of the second that are not kept, as far as that is decided */
    bool sees_open; /* one of them was looked at since this was false */
    struct verdicts verdicts;
    const struct run_edit *edit;
    char tree[DIGEST_HEX_SIZE]; /* of the files now; of a fork */
    json_t *steps, *kept, *held, *again, *phases, *removed;
    int64_t counts[DECISIONS];
};

/* ---- the three states ---- */

static json_t *list_all(const struct run_state *run)
{
    json_t *keys = json_array();

    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].role == ROLE_STEP || run->steps[i].role == ROLE_INSTANCE) {
            (void)json_array_append_new(keys, json_string(run->steps[i].key));
        }
    }
    return keys;
}

static json_t *list_phases(const struct run_state *run)
{
    json_t *words = json_object();

    for (size_t i = 0; i < run->workflow->phase_count; i++) {
        json_put_text(words, run->phases[i].definition->id, "kept");
    }
    return words;
}

/* As if all of it held. */
static void lay_out_anew(struct run_state *run, const struct run_edit *edit)
{
    json_t *keys = list_all(run);
    json_t *phases = list_phases(run);

    run_offer(run, workflow_share(edit->workflow));
    run_apply(run, &(struct record){.kind = RECORD_RUN_EDITED,
                                    .seq = run->seq + 1,
                                    .data = keys,
                                    .errors = phases,
                                    .output = edit->inputs,
                                    .artifacts = edit->calls});
    json_decref(keys);
    json_decref(phases);
}

static int load_other(struct engine *engine, const char *run_id, const struct run_edit *edit,
                      struct workflow **ret_workflow, struct active *ret_active, struct error *err)
{
    const struct engine_options *options = &engine->options;
    int r = run_load_state(options->store, options->folder, run_id, ret_workflow,
                           &ret_active->state, err);

    if (r == 0) {
        lay_out_anew(ret_active->state, edit);
        ret_active->engine = engine;
        ret_active->workflow = edit->workflow;
        ret_active->folder = run_folder(options->folder, run_id);
    }
    return r;
}

static void comparison_release(struct comparison *comparison)
{
    run_state_free(comparison->would.state);
    workflow_free(comparison->other);
    free(comparison->would.folder);
    if (comparison->own) {
        run_state_free(comparison->was.state);
        workflow_free(comparison->own);
        free(comparison->was.folder);
    }
    json_decref(comparison->open);
    free(comparison->verdicts.steps);
    free(comparison->verdicts.before);
    free(comparison->verdicts.goes_on);
    free(comparison->verdicts.phases);
    free(comparison->verdicts.is_settled);
    json_decref(comparison->steps);
    json_decref(comparison->kept);
    json_decref(comparison->held);
    json_decref(comparison->again);
    json_decref(comparison->phases);
    json_decref(comparison->removed);
}

static void see(void *context, const struct step_state *step)
{
    struct comparison *comparison = context;

    comparison->sees_open = comparison->sees_open ||
                            json_object_get(comparison->open, step->key) != NULL;
}

static int comparison_init(struct comparison *comparison, struct engine *engine, const char *run_id,
                           const struct run_edit *edit, struct error *err)
{
    int r = load_other(engine, run_id, edit, &comparison->other, &comparison->would, err);

    if (r < 0) {
        return r;
    }
    comparison->watch = (struct lookup_watch){see, comparison};
    comparison->would.watch = &comparison->watch;
    comparison->open = json_object();
    comparison->edit = edit;
    if (edit->is_fork) {
        r = tree_digest(engine->options.project, comparison->tree, NULL, err);
    }
    comparison->verdicts = (struct verdicts){
        .steps = mem_zero(comparison->would.state->step_count, sizeof(enum decision)),
        .before = mem_zero(comparison->would.state->step_count, sizeof(unsigned)),
        .goes_on = mem_zero(comparison->would.state->step_count, sizeof(bool)),
        .phases = mem_zero(edit->workflow->phase_count, sizeof(unsigned)),
        .is_settled = mem_zero(edit->workflow->phase_count, sizeof(bool)),
    };
    comparison->steps = json_array();
    comparison->kept = json_array();
    comparison->held = json_object();
    comparison->again = json_object();
    comparison->phases = json_object();
    comparison->removed = json_array();
    return r;
}

/* ---- one step ---- */

/* It is not kept: nobody knows what it will give. */
static void open_step(struct comparison *comparison, const char *key)
{
    json_put(comparison->open, key, json_true());
}

static struct step_state *step_in(const struct active *active, const char *key)
{
    return run_find_step(active->state, key);
}

/* NULL: it cannot be worked out. */
static json_t *parts_of(struct active *active, const char *key)
{
    struct step_state *step = step_in(active, key);
    json_t *parts = NULL;

    if (!step || prepare_parts(active, run_step_index(active->state, step), &parts, NULL) < 0) {
        return NULL;
    }
    return parts;
}

/* As it would be; NULL: that is not sure. */
static json_t *value_of(struct comparison *comparison, const struct step_state *step,
                        const struct expression *expression)
{
    struct active *active = &comparison->would;
    struct lookup_context context = {.run = active->state,
                                     .step = step,
                                     .project = active->engine->options.project,
                                     .load = engine_load_blob,
                                     .load_context = active->engine,
                                     .watch = active->watch};
    json_t *value = NULL;

    comparison->sees_open = false;
    if (expression_evaluate(expression, run_lookup, &context, &value, NULL) < 0 || context.unread ||
        comparison->sees_open) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static json_t *list_differences(const json_t *was, const json_t *would)
{
    json_t *names = json_array();
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)would, name, value)
    {
        if (!json_equal(value, json_object_get(was, name))) {
            (void)json_array_append_new(names, json_string(name));
        }
    }
    json_object_foreach((json_t *)was, name, value)
    {
        if (!json_object_get(would, name)) {
            (void)json_array_append_new(names, json_string(name));
        }
    }
    return names;
}

struct finding {
    enum decision decision;
    bool goes_on; /* what is not done of it stays under way */
    const char *why;
    json_t *differs;
    json_t *found;                /* what is taken over; of a fork */
    char inputs[DIGEST_HEX_SIZE]; /* of what went into it; empty: not known */
};

/* What goes into it: DECIDED_KEPT where nothing is another. */
static void compare_parts(struct comparison *comparison, const char *key, struct finding *finding)
{
    json_t *was = parts_of(&comparison->was, key);
    json_t *would;

    if (was) {
        prepare_digest(was, finding->inputs);
    }
    comparison->sees_open = false;
    would = parts_of(&comparison->would, key);
    finding->decision = DECIDED_AGAIN;
    if (!was || !would) {
        finding->why = "what goes into it cannot be worked out any more";
    } else if (!json_equal(was, would)) {
        finding->why = "what goes into it is another";
        finding->differs = list_differences(was, would);
    } else if (comparison->sees_open) {
        finding->decision = DECIDED_HELD;
        finding->why = "it takes what steps before it give, which are done again";
    } else {
        finding->decision = DECIDED_KEPT;
        finding->why = "nothing that goes into it is another";
    }
    json_decref(was);
    json_decref(would);
}

enum condition { HOLDS, HOLDS_NOT, UNSURE };

/* The condition as it would be. */
static enum condition weigh_condition(struct comparison *comparison, const struct step_state *step)
{
    const struct expression *when = step->definition->when;
    json_t *value = when ? value_of(comparison, step, when) : json_true();
    enum condition condition = !value ? UNSURE : json_is_truthy(value) ? HOLDS : HOLDS_NOT;

    json_decref(value);
    return condition;
}

static bool has_same_list(struct comparison *comparison, const struct step_state *was,
                          const struct step_state *step)
{
    const struct expression *list = step->definition->foreach_list;
    json_t *would;
    bool is_same;

    if (!list || !was->items) {
        return !list && !was->items;
    }
    would = value_of(comparison, step, list);
    is_same = would && json_equal(would, was->items);
    json_decref(would);
    return is_same;
}

static bool is_of_kind(const struct step_state *step, enum step_kind kind)
{
    return step->definition->kind == kind;
}

/* A person answered for what was before it, and a nested run works on that. */
static bool can_be_held(const struct step_state *step)
{
    return !is_of_kind(step, STEP_APPROVAL) && !is_of_kind(step, STEP_WORKFLOW);
}

static void hold(struct finding *finding, const struct step_state *step, const char *why)
{
    finding->decision = can_be_held(step) ? DECIDED_HELD : DECIDED_AGAIN;
    finding->why = why;
}

static void hold_for_files(struct comparison *comparison, const struct step_state *step,
                           unsigned before, struct finding *finding)
{
    bool reads_tree = prepare_reads_tree(comparison->would.state, step);

    if (finding->decision == DECIDED_KEPT && is_of_kind(step, STEP_APPROVAL) && before) {
        hold(finding, step, "a step before it is not as it was when it was approved");
    } else if (finding->decision == DECIDED_KEPT && reads_tree && (before & FILES_BEFORE)) {
        hold(finding, step, "it looks at the files, which a step before it may change");
    } else if (finding->decision == DECIDED_HELD) {
        hold(finding, step, finding->why);
    }
}

/* It was done, and would be begun under this condition. */
static void weigh_completed(struct comparison *comparison, const struct step_state *was,
                            const struct step_state *step, unsigned before, struct finding *finding)
{
    enum condition condition = weigh_condition(comparison, step);

    compare_parts(comparison, step->key, finding);
    hold_for_files(comparison, step, before, finding);
    if (condition == HOLDS_NOT) {
        finding->decision = DECIDED_AGAIN;
        finding->why = "its condition does not hold any more: it is left out";
    } else if (condition == UNSURE && finding->decision == DECIDED_KEPT) {
        hold(finding, step, "its condition takes what steps before it give");
    }
    if (finding->decision == DECIDED_KEPT && step->role != ROLE_INSTANCE &&
        !has_same_list(comparison, was, step)) {
        hold(finding, step, "its list is made anew");
    }
}

static void weigh_skipped(struct comparison *comparison, const struct step_state *was,
                          const struct step_state *step, struct finding *finding)
{
    enum condition condition = weigh_condition(comparison, step);
    bool is_by_phase = comparison->was.state->phases[was->phase].status == STEP_IS_SKIPPED;

    compare_parts(comparison, step->key, finding);
    if (is_by_phase ||
        (step->definition->when ? condition != HOLDS_NOT : finding->decision != DECIDED_KEPT)) {
        finding->decision = DECIDED_OPEN;
        finding->why = "it was left out; whether it is now is looked at when its turn comes";
    } else {
        finding->decision = DECIDED_KEPT;
        finding->why = "it stays left out";
    }
}

/* What is at work in it goes on, for nothing is before it that is not done. */
static bool is_still_open(const struct comparison *comparison, int index)
{
    const struct phase *definition = comparison->would.state->phases[index].definition;
    const struct phase_state *was = run_find_phase(comparison->was.state, definition->id);

    if (!was || (was->status != STEP_IS_RUNNING && was->status != STEP_IS_PAUSED) ||
        was->stage != STAGE_STEPS) {
        return false;
    }
    for (size_t i = 0; i < definition->needs_count; i++) {
        if (!comparison->verdicts.is_settled[definition->needs[i]]) {
            return false;
        }
    }
    return true;
}

/* Not done yet: what an agent began, and what waits, goes on where that is still the same; a list,
 * with what is done of it; and what is under way of a list only with that. */
static bool goes_on(struct comparison *comparison, const struct step_state *was,
                    const struct step_state *step)
{
    if (step->definition->foreach_list && step->role != ROLE_INSTANCE) {
        return was->waiting == WAITING_INSTANCES && is_still_open(comparison, step->phase) &&
               has_same_list(comparison, was, step);
    }
    if (was->items ||
        (step->role == ROLE_INSTANCE && !comparison->verdicts.goes_on[step->parent])) {
        return false;
    }
    return (was->status == STEP_IS_PENDING && was->attempts > 0) ||
           was->waiting == WAITING_APPROVAL || was->waiting == WAITING_ANSWER ||
           was->waiting == WAITING_WORKFLOW;
}

static void weigh_unfinished(struct comparison *comparison, const struct step_state *was,
                             const struct step_state *step, unsigned before,
                             struct finding *finding)
{
    compare_parts(comparison, step->key, finding);
    hold_for_files(comparison, step, before, finding);
    finding->goes_on = finding->decision == DECIDED_KEPT && goes_on(comparison, was, step);
    finding->decision = DECIDED_OPEN;
    finding->why = "it was not done yet";
    json_decref(finding->differs);
    finding->differs = NULL;
}

static void weigh(struct comparison *comparison, const struct step_state *step, unsigned before,
                  struct finding *finding)
{
    const struct step_state *was = step_in(&comparison->was, step->key);

    if (!was || was->role != step->role) {
        *finding = (struct finding){.decision = DECIDED_NEW, .why = "the plan did not have it"};
        return;
    }
    switch (was->status) {
    case STEP_IS_COMPLETED:
        weigh_completed(comparison, was, step, before, finding);
        return;
    case STEP_IS_SKIPPED:
        weigh_skipped(comparison, was, step, finding);
        return;
    case STEP_IS_FAILED:
    case STEP_IS_CANCELLED:
        compare_parts(comparison, step->key, finding);
        hold_for_files(comparison, step, before, finding);
        if (!step_is_settled_well(was) || finding->decision != DECIDED_KEPT) {
            finding->decision = DECIDED_AGAIN;
            finding->why = "it did not succeed";
        }
        return;
    case STEP_IS_PENDING:
    case STEP_IS_RUNNING:
    case STEP_IS_PAUSED:
        weigh_unfinished(comparison, was, step, before, finding);
        return;
    }
}

/* ---- one step of a fork ---- */

static bool is_asked_again(const struct comparison *comparison, const struct step_state *step)
{
    const char *key = step->role == ROLE_INSTANCE ? comparison->would.state->steps[step->parent].key
                                                  : step->key;
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)comparison->edit->again, i, name)
    {
        if (strcmp(json_string_value(name), key) == 0) {
            return true;
        }
    }
    return false;
}

/* The answer may be that of another run than the one before it had. */
static void take_found(struct comparison *comparison, const char *key, const json_t *found)
{
    struct step_state *step = step_in(&comparison->would, key);

    step_output_release(&step->result);
    step->result.output = json_incref(json_object_get(found, "output"));
    step->result.artifacts = json_incref(json_object_get(found, "artifacts"));
}

static void look_for_result(struct comparison *comparison, const struct step_state *step,
                            struct finding *finding)
{
    bool was_same = finding->decision == DECIDED_KEPT;

    if (prepare_find(&comparison->would, run_step_index(comparison->would.state, step),
                     comparison->tree, &finding->found, NULL) == 0 &&
        finding->found) {
        finding->decision = DECIDED_KEPT;
        finding->why = "it was done, and what goes into it is the same";
        json_decref(finding->differs);
        finding->differs = NULL;
        take_found(comparison, step->key, finding->found);
        return;
    }
    finding->decision = DECIDED_AGAIN;
    if (was_same) {
        finding->why = step_in(&comparison->was, step->key)->status == STEP_IS_COMPLETED
                           ? "the files are not as they were then, or it changed them itself"
                           : "it was not done yet";
    } else if (!step_in(&comparison->was, step->key)) {
        finding->why = "no run has done it";
    }
}

static void settle_finding(struct finding *finding, enum decision decision, const char *why)
{
    json_decref(finding->differs);
    *finding = (struct finding){.decision = decision, .why = why};
}

static void weigh_for_fork(struct comparison *comparison, const struct step_state *step,
                           unsigned before, struct finding *finding)
{
    const struct step_state *was = step_in(&comparison->was, step->key);
    enum condition condition = weigh_condition(comparison, step);

    compare_parts(comparison, step->key, finding);
    hold_for_files(comparison, step, before, finding);
    if (condition == HOLDS_NOT) {
        settle_finding(finding, DECIDED_OPEN, "its condition does not hold: it is left out");
    } else if (is_asked_again(comparison, step)) {
        settle_finding(finding, DECIDED_AGAIN, "--from has it done again");
    } else if (step->definition->foreach_list && step->role != ROLE_INSTANCE) {
        bool is_same = was && has_same_list(comparison, was, step);

        settle_finding(finding, is_same ? DECIDED_KEPT : DECIDED_AGAIN,
                       is_same ? "its list is the same" : "its list is made anew");
    } else if (step_reuse(comparison->would.state, step) == REUSE_NEVER) {
        settle_finding(finding, DECIDED_AGAIN,
                       "what such a step gives is not taken over, unless it says `reuse`");
    } else if (finding->decision != DECIDED_HELD) {
        look_for_result(comparison, step, finding);
    }
    if (condition == UNSURE && finding->decision == DECIDED_KEPT) {
        hold(finding, step, "its condition takes what steps before it give");
    }
}

static void weigh_any(struct comparison *comparison, const struct step_state *step, unsigned before,
                      struct finding *finding)
{
    if (comparison->edit->is_fork) {
        weigh_for_fork(comparison, step, before, finding);
    } else {
        weigh(comparison, step, before, finding);
    }
}

/* ---- all of them, those before first ---- */

static const char *const *names_of(const struct comparison *comparison)
{
    return comparison->edit->is_fork ? fork_names : decision_names;
}

static void note(struct comparison *comparison, const struct step_state *step,
                 const struct finding *finding)
{
    json_t *row = json_object();

    json_put_text(row, "key", step->key);
    json_put_text(row, "phase", comparison->would.state->phases[step->phase].definition->id);
    json_put_text(row, "decision", names_of(comparison)[finding->decision]);
    json_put_text(row, "why", finding->why);
    json_put(row, "differs", json_incref(finding->differs));
    json_put_text(row, "from", json_get_text(finding->found, "run", NULL));
    json_put_text(row, "from_step", json_get_text(finding->found, "step", NULL));
    comparison->counts[finding->decision]++;
    (void)json_array_append_new(comparison->steps, row);
}

/* What the record says of it. */
static void tell(struct comparison *comparison, const char *key, const struct finding *finding)
{
    json_t *why;

    if (finding->decision == DECIDED_KEPT || finding->goes_on) {
        (void)json_array_append_new(comparison->kept, json_string(key));
        return;
    }
    if (finding->inputs[0]) {
        json_put_text(comparison->held, key, finding->inputs);
    }
    if (finding->decision == DECIDED_HELD || finding->decision == DECIDED_AGAIN) {
        why = json_object();
        json_put_text(why, "why", finding->why);
        json_put(why, "differs", json_incref(finding->differs));
        json_put(comparison->again, key, why);
    }
}

/* True when one of the list's instances is not as it was. */
static bool weigh_instances(struct comparison *comparison, const struct step_state *parent,
                            unsigned before, const struct finding *list)
{
    const struct step_state *was = step_in(&comparison->was, parent->key);
    bool is_any_other = false;

    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; was && i < was->instance_count; i++) {
            const char *key = comparison->was.state->steps[was->instances.items[i]].key;
            struct finding finding = {0};

            weigh_any(comparison, step_in(&comparison->would, key), before, &finding);
            is_any_other = is_any_other || finding.decision != DECIDED_KEPT;
            if (pass == 1) {
                if (is_any_other && !list->goes_on && finding.decision == DECIDED_KEPT) {
                    hold(&finding, parent, "of its list not everything is as it was");
                }
                tell(comparison, key, &finding);
                if (finding.decision != DECIDED_KEPT) {
                    open_step(comparison, key);
                }
            }
            json_decref(finding.differs);
            json_decref(finding.found);
        }
        is_any_other = is_any_other || list->decision != DECIDED_KEPT;
    }
    return is_any_other;
}

static bool may_change_files(const struct step_state *step)
{
    const struct step *definition = step->definition;

    switch (definition->kind) {
    case STEP_AGENT:
        return !definition->read_only;
    case STEP_COMMAND:
    case STEP_WORKFLOW:
        return true;
    case STEP_FUNCTION:
        return prepare_may_change(definition);
    case STEP_APPROVAL:
        return false;
    }
    return true;
}

static void decide_step(struct comparison *comparison, int index)
{
    struct run_state *run = comparison->would.state;
    struct step_state *step = &run->steps[index];
    const struct phase_state *phase = &run->phases[step->phase];
    struct plan_edges needs = plan_step_needs(run->plan, step->phase, index - phase->first_step);
    struct verdicts *verdicts = &comparison->verdicts;
    unsigned before = 0;
    struct finding finding = {0};

    if (verdicts->steps[index] != UNDECIDED) {
        return;
    }
    for (size_t i = 0; i < phase->definition->needs_count; i++) {
        before |= verdicts->phases[phase->definition->needs[i]];
    }
    for (size_t i = 0; i < needs.count; i++) {
        decide_step(comparison, phase->first_step + needs.items[i]);
        before |= verdicts->before[phase->first_step + needs.items[i]];
    }
    weigh_any(comparison, step, before, &finding);
    verdicts->goes_on[index] = finding.goes_on;
    if (weigh_instances(comparison, step, before, &finding) && finding.decision == DECIDED_KEPT) {
        hold(&finding, step, "of its list not everything is as it was");
    }
    if (finding.decision != DECIDED_KEPT) {
        before |= ANSWERS_BEFORE | (may_change_files(step) ? FILES_BEFORE : 0U);
        open_step(comparison, step->key);
    }
    verdicts->steps[index] = finding.decision;
    verdicts->before[index] = before;
    verdicts->phases[step->phase] |= before;
    note(comparison, step, &finding);
    tell(comparison, step->key, &finding);
    json_decref(finding.differs);
    json_decref(finding.found);
}

static bool is_same_text(const struct expression *one, const struct expression *other)
{
    return (!one && !other) ||
           (one && other && strcmp(expression_text(one), expression_text(other)) == 0);
}

static bool is_same_gate(const struct gate *one, const struct gate *other)
{
    json_t *a = one ? gate_describe(one) : NULL;
    json_t *b = other ? gate_describe(other) : NULL;
    bool is_same = (!a && !b) || (a && b && json_equal(a, b));

    json_decref(a);
    json_decref(b);
    return is_same;
}

/* All of it stays, with the verdict of its gate. */
static bool stays(const struct comparison *comparison, int index)
{
    const struct run_state *run = comparison->would.state;
    const struct phase_state *phase = &run->phases[index];
    const struct phase *definition = phase->definition;
    const struct phase_state *was = run_find_phase(comparison->was.state, definition->id);
    /* Conditions and gates see all inputs. */
    bool is_decided_anew = !json_equal(run->inputs, comparison->was.state->inputs);

    if (!was || !phase_is_settled_well(was) || was->status == STEP_IS_SKIPPED ||
        !is_same_text(was->definition->when, definition->when) ||
        !is_same_text(was->definition->iterate.until, definition->iterate.until) ||
        !is_same_gate(was->definition->gate, definition->gate)) {
        return false;
    }
    for (size_t i = 0; i < definition->step_count; i++) {
        if (comparison->verdicts.steps[phase->first_step + (int)i] != DECIDED_KEPT) {
            return false;
        }
    }
    for (size_t i = 0; i < definition->needs_count; i++) {
        is_decided_anew = is_decided_anew || comparison->verdicts.phases[definition->needs[i]];
    }
    return !is_decided_anew || (!definition->when && !definition->gate);
}

static void decide_phase(struct comparison *comparison, int index)
{
    const struct phase_state *phase = &comparison->would.state->phases[index];

    for (size_t i = 0; i < phase->definition->needs_count; i++) {
        comparison->verdicts.phases[index] |= comparison->verdicts
                                                  .phases[phase->definition->needs[i]];
    }
    for (size_t i = 0; i < phase->definition->step_count; i++) {
        decide_step(comparison, phase->first_step + (int)i);
    }
    if (stays(comparison, index)) {
        comparison->verdicts.is_settled[index] = true;
        json_put_text(comparison->phases, phase->definition->id, "kept");
    } else if (is_still_open(comparison, index)) {
        json_put_text(comparison->phases, phase->definition->id, "open");
    }
}

static void list_removed(struct comparison *comparison)
{
    const struct run_state *was = comparison->was.state;

    for (size_t i = 0; i < was->step_count; i++) {
        if (was->steps[i].role == ROLE_STEP && !step_in(&comparison->would, was->steps[i].key)) {
            (void)json_array_append_new(comparison->removed, json_string(was->steps[i].key));
        }
    }
}

static void compare(struct comparison *comparison)
{
    const struct run_state *run = comparison->would.state;
    int count = (int)run->workflow->phase_count;

    for (int level = 0, left = count; left > 0; level++) {
        for (int i = 0; i < count; i++) {
            if (plan_phase_level(run->plan, i) == level) {
                decide_phase(comparison, i);
                left--;
            }
        }
    }
    list_removed(comparison);
}

static json_t *describe(const struct comparison *comparison)
{
    const struct run_state *run = comparison->would.state;
    json_t *preview = json_object();
    json_t *counts = json_object();

    for (size_t i = 1; i < DECISIONS; i++) {
        json_put_integer(counts, names_of(comparison)[i], comparison->counts[i]);
    }
    json_put_text(preview, "id", run->id);
    json_put_text(preview, "status", run_status_name(comparison->was.state->status));
    json_put_text(preview, "workflow", run->workflow->name);
    json_put_text(preview, "digest", run->workflow->digest);
    json_put(preview, "steps", json_incref(comparison->steps));
    json_put(preview, "removed", json_incref(comparison->removed));
    json_put(preview, "counts", counts);
    return preview;
}

int run_edit_preview(const struct engine_options *options, const char *run_id,
                     const struct run_edit *edit, json_t **ret_preview, struct error *err)
{
    struct comparison comparison = {0};
    struct engine *engine = NULL;
    int r = engine_new(options, &engine, err);

    if (r == 0) {
        r = run_load_state(options->store, options->folder, run_id, &comparison.own,
                           &comparison.was.state, err);
    }
    if (r == 0) {
        comparison.was.engine = engine;
        comparison.was.workflow = comparison.own;
        comparison.was.folder = run_folder(options->folder, run_id);
        r = comparison_init(&comparison, engine, run_id, edit, err);
    }
    if (r == 0) {
        compare(&comparison);
        *ret_preview = describe(&comparison);
    }
    comparison_release(&comparison);
    engine_free(engine);
    return r;
}

/* ---- doing it ---- */

static int write_edit(struct tx *tx, void *arg, struct error *err)
{
    return commit_write(tx, arg, err);
}

static json_t *make_command(const struct comparison *comparison, const struct run_edit *edit,
                            const char *tree)
{
    json_t *command = json_object();

    json_put_text(command, "do", "edit");
    json_put_text(command, "by", edit->by);
    json_put_text(command, "tree", tree);
    json_put(command, "inputs", json_incref((json_t *)(uintptr_t)edit->inputs));
    json_put(command, "calls", json_incref((json_t *)(uintptr_t)edit->calls));
    json_put(command, "kept", json_incref(comparison->kept));
    json_put(command, "held", json_incref(comparison->held));
    json_put(command, "phases", json_incref(comparison->phases));
    json_put(command, "again", json_incref(comparison->again));
    return command;
}

static int commit_edit(struct active *active, const struct comparison *comparison,
                       const struct run_edit *edit, struct error *err)
{
    struct engine *engine = active->engine;
    const struct host *host = engine->options.host;
    char tree[DIGEST_HEX_SIZE] = "";
    char digest[DIGEST_HEX_SIZE];
    struct event event = {.kind = EVENT_COMMAND,
                          .now = host->now_ms(host->context),
                          .random = host->random(host->context),
                          .is_held = true};
    struct commit *commit;
    json_t *command;
    int r = tree_digest(engine->options.project, tree, NULL, err);

    if (r == 0) {
        r = blob_put(engine->blobs, edit->workflow->text, edit->workflow->text_length, digest, err);
    }
    if (r < 0) {
        return r;
    }
    command = make_command(comparison, edit, tree);
    event.command = command;
    run_offer(active->state, workflow_share(edit->workflow));
    r = decide(active->state, &event, &engine->limits, &active->batch, err);
    if (r == 0) {
        commit = active_commit(active);
        r = store_write(engine->options.store, write_edit, commit, err);
        commit_free(commit);
    }
    batch_reset(&active->batch);
    json_decref(command);
    return r;
}

static int edit_owned(struct engine *engine, struct active *active, const struct run_edit *edit,
                      json_t **ret_preview, struct error *err)
{
    struct comparison comparison = {.was = *active};
    int r = comparison_init(&comparison, engine, active->id, edit, err);

    if (r == 0) {
        compare(&comparison);
        r = commit_edit(active, &comparison, edit, err);
    }
    if (r == 0) {
        *ret_preview = describe(&comparison);
    }
    comparison_release(&comparison);
    return r;
}

/* The readable plan, unless an artifact has taken its place. */
static void renew_plan(const struct engine_options *options, const char *run_id,
                       const struct workflow *was, const struct workflow *is)
{
    char *folder = run_folder(options->folder, run_id);
    char *path = path_join(folder, "plan.md");
    struct run_files files = {.id = run_id, .folder = folder};
    struct strbuf text;
    char *there = NULL;
    size_t length = 0;

    strbuf_init(&text, PLAN_BYTES_MAX);
    files_format_plan(was, &text);
    if (file_read(path, PLAN_BYTES_MAX, &there, &length, NULL) == 0 && length == text.length &&
        memcmp(there, text.data, length) == 0) {
        strbuf_reset(&text);
        files_format_plan(is, &text);
        files_write(&files, "plan.md", &text, FILE_NO_SYNC);
    }
    free(there);
    strbuf_release(&text);
    free(path);
    free(folder);
}

static void renew_files(const struct engine_options *options, const char *run_id,
                        const struct workflow *was, const struct workflow *is)
{
    json_t *run = NULL;

    renew_plan(options, run_id, was, is);
    if (run_show(options->store, options->folder, run_id, &run, NULL) == 0) {
        (void)run_refresh_files(options->store, options->folder, run, options->config->log_json,
                                NULL);
    }
    json_decref(run);
}

int run_edit(const struct engine_options *options, const char *run_id, const struct run_edit *edit,
             json_t **ret_preview, struct error *err)
{
    struct engine *engine = NULL;
    struct active *active = NULL;
    struct workflow *was = NULL;
    bool is_new;
    int r = engine_new(options, &engine, err);

    if (r < 0) {
        return r;
    }
    /* Not taken over: its files are written anew from the journal. */
    active = active_new(engine, run_id);
    r = active_read(active, run_id, NULL, &is_new, err);
    if (r == 0 && active->state->parent) {
        r = error_set(err, ERROR_CONFLICT, "run %s is a part of run %s: edit that one", run_id,
                      active->state->parent);
    }
    if (r == 0) {
        was = workflow_share(active->workflow);
        r = edit_owned(engine, active, edit, ret_preview, err);
    }
    active_free(active);
    engine_free(engine);
    if (r == 0) {
        renew_files(options, run_id, was, edit->workflow);
    }
    workflow_free(was);
    return r;
}
