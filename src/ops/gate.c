/* SPDX-License-Identifier: MIT */
/* `gate`: which gates there are and what each would run here; one alone, as a run of its own; and
 * whether it turns red when it has to (--prove). */
#include "base/alloc.h"
#include "base/nearest.h"
#include "functions/checks.h"
#include "ops/internal.h"

#include <stdlib.h>
#include <string.h>

#define RUN_NAME "gate"
#define PROVE_TIMEOUT "6h"

/* ---- a workflow around gates ----------------------------------------------------------------- */

/* Takes the definition over. JSON is YAML. */
static int parse(struct ops *ops, json_t *definition, struct workflow **ret_workflow,
                 struct error *err)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    char *text = json_dump_pretty(definition);
    struct workflow_names names;
    int r;

    ops_workflow_names(ops, &names);
    r = workflow_parse(text, strlen(text), RUN_NAME, &names, ret_workflow, problems, err);
    if (r < 0 && problems->count > 0) {
        r = ops_problems_error("the gate", problems, err);
    }
    json_decref(definition);
    free(problems);
    free(text);
    return r;
}

static json_t *gate_phase(const char *id, const char *name)
{
    return json_pack("{s:s, s:s, s:s}", "id", id, "gate", name, "on_failure", "fail");
}

/* The configuration's, then those built in that it does not replace. */
static void list_names(const struct ops *ops, struct name_list *names)
{
    const char *builtin;

    for (size_t i = 0; i < ops->config->gate_count; i++) {
        *VEC_PUSH(names) = (char *)(uintptr_t)ops->config->gates[i].name;
    }
    for (size_t i = 0; (builtin = workflow_builtin_gate(i)) != NULL; i++) {
        if (!config_find_gate(ops->config, builtin)) {
            *VEC_PUSH(names) = (char *)(uintptr_t)builtin;
        }
    }
}

static int check_name(const struct ops *ops, const char *name, struct error *err)
{
    struct name_list names = {0};
    const char *nearest;
    bool is_known = false;
    int r = 0;

    list_names(ops, &names);
    for (size_t i = 0; i < names.count; i++) {
        is_known = is_known || strcmp(names.items[i], name) == 0;
    }
    nearest = nearest_name(name, (const char *const *)names.items, names.count);
    if (!is_known) {
        r = error_set(err, ERROR_NOT_FOUND, "there is no gate %s", name);
        error_hint(err,
                   nearest ? "did you mean %s? `fermata gate` lists all"
                           : "`fermata gate` lists all; your own are `gates:` of config.yaml",
                   nearest);
    }
    VEC_RELEASE(&names);
    return r;
}

/* ---- the list -------------------------------------------------------------------------------- */

static json_t *describe_check(const struct gate_check *check, const char *project)
{
    json_t *row = json_object();

    json_put_text(row, "name", check->name);
    json_put_text(row, "use", check->function);
    json_put_text(row, "run", check->command);
    if (check->function) {
        json_put(row, "commands", check_describe(project, check->function));
    }
    return row;
}

static json_t *describe_gate(const struct ops *ops, const struct gate *gate, const char *project)
{
    json_t *checks = json_array();
    json_t *row = json_object();

    for (size_t i = 0; i < gate->check_count; i++) {
        (void)json_array_append_new(checks, describe_check(&gate->checks[i], project));
    }
    json_put_text(row, "name", gate->name);
    json_put_text(row, "origin",
                  config_find_gate(ops->config, gate->name) ? "configuration" : "built in");
    json_put_text(row, "description", gate->description);
    json_put(row, "checks", checks);
    return row;
}

static int list(struct ops *ops, json_t **ret_result, struct error *err)
{
    struct name_list names = {0};
    json_t *phases = json_array();
    json_t *gates = json_array();
    struct workflow *workflow = NULL;
    char *project = NULL;
    int r = ops_project_path(ops, &project, err);

    list_names(ops, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *id = mem_printf("g%zu", i);

        (void)json_array_append_new(phases, gate_phase(id, names.items[i]));
        free(id);
    }
    VEC_RELEASE(&names);
    if (r == 0) {
        r = parse(ops, json_pack("{s:s, s:O}", "name", RUN_NAME, "phases", phases), &workflow, err);
    }
    for (size_t i = 0; r == 0 && i < workflow->gate_count; i++) {
        (void)json_array_append_new(gates, describe_gate(ops, &workflow->gates[i], project));
    }
    if (r == 0) {
        *ret_result = json_pack("{s:O}", "gates", gates);
    }
    json_decref(gates);
    json_decref(phases);
    workflow_free(workflow);
    free(project);
    return r;
}

/* ---- one of them ----------------------------------------------------------------------------- */

static json_t *with_of(const struct gate_check *check)
{
    json_t *with = json_object();
    json_t *inner = json_object();
    char *text;

    json_put_text(with, "use", check->function);
    json_put_text(with, "run", check->command);
    for (size_t i = 0; i < check->with_count; i++) {
        json_put_text(inner, check->with[i].name, template_text(check->with[i].value));
    }
    text = json_dump_compact(inner);
    if (json_object_size(inner) > 0) {
        json_put_text(with, "with", text);
    }
    if (check->command && check->exit_status != 0) {
        json_put(with, "exit_status", json_sprintf("%d", check->exit_status));
    }
    json_put(with, "timeout", json_sprintf("%lld", (long long)(check->timeout_ms + 999) / 1000));
    json_decref(inner);
    free(text);
    return with;
}

/* A step for each check of the gate, one after the other: each has the machine for itself. */
static int parse_proof(struct ops *ops, const char *name, struct workflow **ret_workflow,
                       struct error *err)
{
    struct workflow *workflow = NULL;
    json_t *phases = json_array();
    json_t *steps = json_array();
    int r;

    (void)json_array_append_new(phases, gate_phase("gate", name));
    r = parse(ops, json_pack("{s:s, s:o}", "name", RUN_NAME, "phases", phases), &workflow, err);
    for (size_t i = 0; r == 0 && i < workflow->gates[0].check_count; i++) {
        const struct gate_check *check = &workflow->gates[0].checks[i];
        json_t *step = json_pack("{s:o, s:s, s:s, s:o, s:s, s:s}", "id",
                                 json_sprintf("check-%zu", i + 1), "name", check->name, "use",
                                 "prove-check", "with", with_of(check), "timeout", PROVE_TIMEOUT,
                                 "on_failure", "continue");

        (void)json_array_append_new(steps, step);
    }
    if (r == 0) {
        phases = json_array();
        (void)json_array_append_new(phases, json_pack("{s:s, s:o, s:s}", "id", "prove", "name",
                                                      json_sprintf("prove %s", name), "mode",
                                                      "sequential"));
        json_put(json_array_get(phases, 0), "steps", json_incref(steps));
        r = parse(ops, json_pack("{s:s, s:o}", "name", RUN_NAME "-prove", "phases", phases),
                  ret_workflow, err);
    }
    json_decref(steps);
    workflow_free(workflow);
    return r;
}

static json_t *read_proof(struct ops *ops, const json_t *step)
{
    json_t *proof = NULL;
    char *text = NULL;
    size_t length;

    if (ops_read_output(ops, json_object_get(step, "output"), &text, &length, NULL) < 0 ||
        json_parse_text(text, length, "proof", &proof, NULL) < 0) {
        proof = json_object();
        json_put_text(proof, "verdict", "unknown");
        json_put_text(proof, "reason", json_get_text(step, "error", "it did not come to its end"));
    }
    json_put_text(proof, "check", json_get_text(step, "name", ""));
    free(text);
    return proof;
}

static void add_proofs(struct ops *ops, json_t *run)
{
    const json_t *phase = json_array_get(json_object_get(run, "phases"), 0);
    json_t *proofs = json_array();
    bool is_proven = true;
    const json_t *step;
    size_t i;

    json_array_foreach(json_object_get(phase, "steps"), i, step)
    {
        json_t *proof = read_proof(ops, step);

        is_proven = is_proven && strcmp(json_get_text(proof, "verdict", ""), "proven") == 0;
        (void)json_array_append_new(proofs, proof);
    }
    json_put(run, "proofs", proofs);
    json_put(run, "proven", json_boolean(is_proven));
}

static int run_gate(struct ops *ops, const json_t *arguments, const char *name,
                    const struct ops_view *view, json_t **ret_result, struct error *err)
{
    bool is_proof = json_get_boolean(arguments, "prove", false);
    json_t *inputs = json_object();
    struct run_request request = {.inputs = inputs, .is_fresh = true};
    struct workflow *workflow = NULL;
    json_t *phases;
    int r = check_name(ops, name, err);

    if (r == 0 && is_proof) {
        r = parse_proof(ops, name, &workflow, err);
    } else if (r == 0) {
        phases = json_array();
        (void)json_array_append_new(phases, gate_phase("gate", name));
        r = parse(ops, json_pack("{s:s, s:o}", "name", RUN_NAME, "phases", phases), &workflow, err);
    }
    if (r == 0) {
        request.workflow = workflow;
        r = ops_start(ops, arguments, &request, view, ret_result, err);
    }
    if (r == 0 && is_proof) {
        add_proofs(ops, *ret_result);
    }
    workflow_free(workflow);
    json_decref(inputs);
    return r;
}

int op_gate(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    const char *name = json_get_text(arguments, "name", NULL);
    int r = ops_need_config(ops, err);

    if (r == 0) {
        r = ops_need_library(ops, err);
    }
    if (r == 0 && !name && json_get_boolean(arguments, "prove", false)) {
        r = error_set(err, ERROR_INVALID, "--prove needs the name of a gate");
        error_hint(err, "fermata gate pre-push --prove");
    }
    if (r < 0) {
        return r;
    }
    return name ? run_gate(ops, arguments, name, view, ret_result, err)
                : list(ops, ret_result, err);
}
