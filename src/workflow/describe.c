/* SPDX-License-Identifier: MIT */
/* A workflow as data for programs, in the words of its file. Durations are numbers with the unit in
 * their name; what was not said is left out, but for what a reader always wants. */
#include "base/alloc.h"
#include "workflow/inputs.h"
#include "workflow/workflow.h"

#include <string.h>

static void put_true(json_t *object, const char *key, bool value)
{
    json_put(object, key, value ? json_true() : NULL);
}

/* 0 is "no limit", and left out. */
static void put_limit(json_t *object, const char *key, int64_t value)
{
    json_put(object, key, value > 0 ? json_integer(value) : NULL);
}

static void put_expression(json_t *object, const char *key, const struct expression *expression)
{
    json_put_text(object, key, expression ? expression_text(expression) : NULL);
}

static void put_template(json_t *object, const char *key, const struct template *template_)
{
    json_put_text(object, key, template_ ? template_text(template_) : NULL);
}

static void put_texts(json_t *object, const char *key, const char *const *texts, size_t count)
{
    json_t *list = count ? json_array() : NULL;

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(texts[i]));
    }
    json_put(object, key, list);
}

static void put_named(json_t *object, const char *key, const struct named_template *named,
                      size_t count)
{
    json_t *map = count ? json_object() : NULL;

    for (size_t i = 0; i < count; i++) {
        put_template(map, named[i].name, named[i].value);
    }
    json_put(object, key, map);
}

static void put_trigger(json_t *object, enum trigger_rule trigger)
{
    static const char *const words[] = {[TRIGGER_ALL_SUCCESS] = NULL,
                                        [TRIGGER_ONE_SUCCESS] = "one_success",
                                        [TRIGGER_ALL_DONE] = "all_done"};

    json_put_text(object, "trigger", words[trigger]);
}

static void put_strategy(json_t *object, enum strategy strategy)
{
    json_put_text(object, "strategy", strategy == STRATEGY_UNSET ? NULL : strategy_name(strategy));
}

static void put_on_failure(json_t *object, const struct workflow *workflow,
                           const struct on_failure *on_failure)
{
    static const char *const words[] = {[FAILURE_UNSET] = NULL,
                                        [FAILURE_PAUSE] = "pause",
                                        [FAILURE_FAIL] = "fail",
                                        [FAILURE_CONTINUE] = "continue",
                                        [FAILURE_GOTO] = NULL};

    if (on_failure->action == FAILURE_GOTO) {
        json_put(object, "on_failure",
                 json_pack("{s:s, s:i}", "goto", workflow->phases[on_failure->goto_phase].id, "max",
                           on_failure->max));
    } else {
        json_put_text(object, "on_failure", words[on_failure->action]);
    }
}

static void put_iterate(json_t *object, const struct iterate *iterate)
{
    json_t *value;

    if (iterate->max > 0) {
        value = json_pack("{s:i}", "max", iterate->max);
        put_expression(value, "until", iterate->until);
        json_put(object, "iterate", value);
    }
}

/* ---- gates ---- */

static json_t *describe_check(const struct gate_check *check)
{
    json_t *object = json_object();

    json_put_text(object, "name", check->name);
    json_put_text(object, "run", check->command);
    json_put_text(object, "use", check->function);
    put_named(object, "with", check->with, check->with_count);
    json_put_integer(object, "exit_status", check->exit_status);
    json_put(object, "tests_min", check->tests_min >= 0 ? json_integer(check->tests_min) : NULL);
    json_put(object, "coverage_min",
             check->coverage_min >= 0 ? json_real(check->coverage_min) : NULL);
    json_put_text(object, "junit", check->junit);
    put_limit(object, "timeout_ms", check->timeout_ms);
    return object;
}

json_t *gate_describe(const struct gate *gate)
{
    json_t *object = json_object();
    json_t *checks = json_array();

    for (size_t i = 0; i < gate->check_count; i++) {
        json_array_append_new(checks, describe_check(&gate->checks[i]));
    }
    json_put_text(object, "name", gate->name);
    json_put_text(object, "description", gate->description);
    json_put(object, "allow_skip", json_boolean(gate->allow_skip));
    json_put(object, "commands", checks);
    return object;
}

/* ---- steps ---- */

static const char *const limit_names[] = {"auto", "park", "fallback"};

static void put_agent(json_t *object, const struct step *step)
{
    json_put_text(object, "agent", step->agent);
    json_put_text(object, "expert", step->expert);
    put_texts(object, "fallback", step->fallback, step->fallback_count);
    if (step->on_limit != LIMIT_AUTO) {
        json_put_text(object, "on_limit", limit_names[step->on_limit]);
    }
    json_put_text(object, "model", step->model);
    put_template(object, "prompt", step->prompt);
    put_true(object, "read_only", step->read_only);
    json_put_text(object, "workspace", step->workspace);
    put_true(object, "commit", step->commit);
    json_put_text(object, "on_conflict", step->on_conflict);
    json_put(object, "gate", step->gate ? gate_describe(step->gate) : NULL);
    put_texts(object, "tools", step->tools, step->tool_count);
    json_put_integer(object, "questions", step->questions_max);
    put_limit(object, "turns_max", step->turns_max);
    json_put(object, "budget_usd", step->budget_usd > 0 ? json_real(step->budget_usd) : NULL);
}

static void put_work(json_t *object, const struct step *step)
{
    switch (step->kind) {
    case STEP_AGENT:
        put_agent(object, step);
        break;
    case STEP_COMMAND:
        json_put_text(object, "run", step->command);
        break;
    case STEP_FUNCTION:
        json_put_text(object, "use", step->function);
        put_named(object, "with", step->with, step->with_count);
        break;
    case STEP_APPROVAL:
        put_template(object, "approve", step->message);
        break;
    case STEP_WORKFLOW:
        json_put_text(object, "workflow", step->workflow);
        put_named(object, "inputs", step->inputs, step->input_count);
        break;
    }
    put_named(object, "env", step->env, step->env_count);
    json_put_text(object, "cwd", step->cwd);
}

static void put_retry(json_t *object, const struct retry_policy *retry)
{
    json_t *classes;

    if (retry->attempts <= 1) {
        return;
    }
    classes = json_array();
    for (int class_ = CLASS_TRANSIENT; class_ < FAILURE_CLASSES; class_++) {
        if (retry->classes & CLASS_BIT(class_)) {
            json_array_append_new(classes,
                                  json_string(failure_class_name((enum failure_class)class_)));
        }
    }
    json_put(object, "retry",
             json_pack("{s:i, s:s, s:I, s:I, s:b, s:o}", "attempts", retry->attempts, "backoff",
                       retry->backoff == BACKOFF_FIXED ? "fixed" : "exponential", "delay_ms",
                       (json_int_t)retry->delay_ms, "max_delay_ms", (json_int_t)retry->max_delay_ms,
                       "jitter", retry->jitter, "on", classes));
}

static void put_results(json_t *object, const struct step *step)
{
    static const char *const reuses[] = {[REUSE_UNSET] = NULL,
                                         [REUSE_NEVER] = "never",
                                         [REUSE_INPUTS] = "inputs",
                                         [REUSE_TREE] = "tree"};
    json_t *artifacts = step->artifact_count ? json_object() : NULL;
    json_t *success = NULL;

    for (size_t i = 0; i < step->artifact_count; i++) {
        json_put_text(artifacts, step->artifacts[i].name, step->artifacts[i].path);
    }
    if (step->kind == STEP_COMMAND) {
        success = json_array();
        for (size_t i = 0; i < step->success_status_count; i++) {
            json_array_append_new(success, json_integer(step->success_statuses[i]));
        }
    }
    json_put_text(object, "output", step->output);
    json_put_text(object, "format", step->format == OUTPUT_JSON ? "json" : NULL);
    json_put(object, "schema", json_incref((json_t *)(uintptr_t)step->schema));
    json_put(object, "artifacts", artifacts);
    json_put(object, "success", success);
    json_put_text(object, "reuse", reuses[step->reuse]);
}

static void put_quiet(json_t *object, struct quiet_policy quiet)
{
    static const char *const words[] = {[QUIET_REPORT] = "report", [QUIET_STOP] = "stop"};
    json_t *value = json_object();

    if (quiet.after_ms >= 0) {
        json_put_integer(value, "after_ms", quiet.after_ms);
    }
    json_put_text(value, "then", quiet.then >= 0 ? words[quiet.then] : NULL);
    json_put(object, "quiet", json_object_size(value) > 0 ? json_incref(value) : NULL);
    json_decref(value);
}

/* Of a step and of its static alternative. */
static void put_doing(json_t *object, const struct step *step)
{
    json_put_text(object, "name", step->name);
    json_put_text(object, "kind", step_kind_name(step->kind));
    put_work(object, step);
    put_results(object, step);
    put_retry(object, &step->retry);
    put_limit(object, "timeout_ms", step->timeout_ms);
    json_put(object, "budget", budget_encode(&step->budget));
    put_quiet(object, step->quiet);
}

static json_t *describe_step(const struct workflow *workflow, const struct step *steps,
                             const struct step *step)
{
    json_t *object = json_object();
    json_t *needs = json_array();

    json_put_text(object, "id", step->id);
    put_doing(object, step);
    for (size_t i = 0; i < step->needs_count; i++) {
        json_array_append_new(needs, json_string(steps[step->needs[i]].id));
    }
    json_put(object, "needs", needs);
    put_trigger(object, step->trigger);
    put_expression(object, "when", step->when);
    put_expression(object, "foreach", step->foreach_list);
    put_limit(object, "width", step->foreach_width);
    put_strategy(object, step->strategy);
    json_put(object, "optional", json_boolean(step->optional));
    json_put(object, "allow_skip", json_boolean(step->allow_skip));
    put_on_failure(object, workflow, &step->on_failure);
    if (step->static_step) {
        json_t *alternative = json_object();

        put_doing(alternative, step->static_step);
        json_put(object, "static", alternative);
    }
    json_put_integer(object, "line", step->at.line);
    return object;
}

static json_t *describe_steps(const struct workflow *workflow, const struct step *steps,
                              size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, describe_step(workflow, steps, &steps[i]));
    }
    return list;
}

/* ---- phases ---- */

static json_t *describe_phase(const struct workflow *workflow, const struct phase *phase)
{
    static const char *const modes[] = {[MODE_SEQUENTIAL] = "sequential",
                                        [MODE_PARALLEL] = "parallel",
                                        [MODE_ADAPTIVE] = "adaptive"};
    json_t *object = json_object();
    json_t *needs = json_array();

    for (size_t i = 0; i < phase->needs_count; i++) {
        json_array_append_new(needs, json_string(workflow->phases[phase->needs[i]].id));
    }
    json_put_text(object, "id", phase->id);
    json_put_text(object, "name", phase->name);
    json_put_text(object, "mode", modes[phase->mode]);
    put_limit(object, "width", phase->width);
    json_put(object, "needs", needs);
    put_trigger(object, phase->trigger);
    put_expression(object, "when", phase->when);
    json_put(object, "optional", json_boolean(phase->optional));
    json_put(object, "allow_skip", json_boolean(phase->allow_skip));
    put_limit(object, "timeout_ms", phase->timeout_ms);
    put_on_failure(object, workflow, &phase->on_failure);
    put_iterate(object, &phase->iterate);
    json_put(object, "steps", describe_steps(workflow, phase->steps, phase->step_count));
    if (phase->mode == MODE_ADAPTIVE) {
        json_put_integer(object, "rounds", phase->rounds_max);
        json_put(object, "fix", describe_steps(workflow, phase->fix_steps, phase->fix_count));
    }
    json_put(object, "gate", phase->gate ? gate_describe(phase->gate) : NULL);
    json_put_integer(object, "line", phase->at.line);
    return object;
}

/* ---- all of it ---- */

static json_t *describe_input(const struct workflow_input *input)
{
    json_t *object = json_object();

    json_put_text(object, "name", input->name);
    json_put_text(object, "type", input_type_name(input->type));
    json_put(object, "required", json_boolean(input->required && !input->default_value));
    json_put(object, "default", json_incref((json_t *)(uintptr_t)input->default_value));
    json_put_text(object, "description", input->description);
    json_put_text(object, "pattern", input->pattern);
    put_texts(object, "choices", input->choices, input->choice_count);
    return object;
}

void workflow_describe(const struct workflow *workflow, json_t *target)
{
    json_t *inputs = json_array();
    size_t steps = 0;

    for (size_t i = 0; i < workflow->input_count; i++) {
        json_array_append_new(inputs, describe_input(&workflow->inputs[i]));
    }
    for (size_t i = 0; i < workflow->phase_count; i++) {
        steps += workflow->phases[i].step_count;
    }
    json_put_text(target, "title", workflow->title);
    json_put_text(target, "description", workflow->description);
    json_put_text(target, "tier", workflow->tier);
    json_put_text(target, "digest", workflow->digest);
    json_put_integer(target, "phase_count", (json_int_t)workflow->phase_count);
    json_put_integer(target, "step_count", (json_int_t)steps);
    json_put(target, "inputs", inputs);
}

static void put_suits(json_t *target, const struct suits *suits)
{
    json_t *object = json_object();

    put_texts(object, "kinds", suits->kinds, suits->kind_count);
    put_texts(object, "words", suits->words, suits->word_count);
    put_texts(object, "unless", suits->unless, suits->unless_count);
    put_texts(object, "surfaces", suits->surfaces, suits->surface_count);
    json_put(target, "suits", json_object_size(object) > 0 ? json_incref(object) : NULL);
    json_decref(object);
}

static void put_contracts(json_t *target, const struct workflow *workflow)
{
    json_t *names = workflow->contract_count ? json_array() : NULL;

    for (size_t i = 0; i < workflow->contract_count; i++) {
        json_array_append_new(names, json_string(workflow->contracts[i].name));
    }
    json_put(target, "contracts", names);
}

void workflow_describe_whole(const struct workflow *workflow, json_t *target)
{
    json_t *phases = json_array();

    for (size_t i = 0; i < workflow->phase_count; i++) {
        json_array_append_new(phases, describe_phase(workflow, &workflow->phases[i]));
    }
    workflow_describe(workflow, target);
    put_strategy(target, workflow->strategy);
    put_limit(target, "concurrency", workflow->concurrency);
    put_limit(target, "timeout_ms", workflow->timeout_ms);
    json_put(target, "budget", budget_encode(&workflow->budget));
    put_on_failure(target, workflow, &workflow->on_failure);
    put_iterate(target, &workflow->iterate);
    json_put(target, "checkpoint",
             json_pack("{s:b, s:i}", "auto", workflow->checkpoint_auto, "retention",
                       workflow->checkpoint_retention));
    put_true(target, "read_only", workflow->read_only);
    put_contracts(target, workflow);
    put_suits(target, &workflow->suits);
    json_put_text(target, "report", workflow->report);
    json_put(target, "phases", phases);
}
