/* SPDX-License-Identifier: MIT */
/* What a run would do: --dry-run, and plans. */
#include "base/alloc.h"
#include "ops/agent.h"
#include "ops/start.h"
#include "plan/plan.h"

#include <stdint.h>

/* As the engine decides: whoever starts the run outweighs the step. */
enum strategy ops_effective_strategy(const struct ops *ops, const struct run_request *request,
                                     const struct step *step)
{
    const enum strategy choices[] = {request->strategy, step->strategy, request->workflow->strategy,
                                     ops->config->strategy};

    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        if (choices[i] != STRATEGY_UNSET) {
            return choices[i];
        }
    }
    return STRATEGY_HYBRID;
}

const struct step *ops_choose_alternative(struct ops *ops, const struct run_request *request,
                                          const struct step *step)
{
    enum strategy strategy = ops_effective_strategy(ops, request, step);

    if (!step->static_step || strategy == STRATEGY_AI) {
        return step;
    }
    if (strategy == STRATEGY_STATIC ||
        (step->kind == STEP_AGENT && !request->is_bridged && !agent_find_for_step(ops, step))) {
        return step->static_step;
    }
    return step;
}

/* Who would do it, and what stands against that, with which the run would be refused. */
static void describe_agent(struct ops *ops, const struct run_request *request,
                           const struct step *step, json_t *result)
{
    const struct agent_config *agent = agent_find_for_step(ops, step);
    struct error refusal = ERROR_INIT;

    if (step->optional && ops_effective_strategy(ops, request, step) == STRATEGY_STATIC) {
        json_put_text(result, "skipped", "needs an agent, and the strategy is static");
        return;
    }
    json_put_text(result, "what", agent ? agent->name : step->agent);
    if (request->is_bridged) {
        return;
    }
    if (!agent) {
        json_put_text(result, "missing", step->agent ? step->agent : "no agent is ready");
    } else if (agent_check_step(ops, agent, step, &refusal) < 0) {
        json_put_text(result, "missing", refusal.text);
    }
}

static json_t *describe_step(struct ops *ops, const struct run_request *request,
                             const struct step *step)
{
    const struct step *chosen = ops_choose_alternative(ops, request, step);
    json_t *result = json_object();

    json_put_text(result, "step", step->id);
    json_put_text(result, "name", step->name);
    json_put_text(result, "using", step_kind_name(chosen->kind));
    json_put_text(result, "expert", step->expert);
    json_put(result, "read_only", chosen->read_only ? json_true() : NULL);
    json_put_text(result, "workspace", chosen->workspace);
    json_put_text(result, "alternative", chosen == step ? NULL : "static");
    switch (chosen->kind) {
    case STEP_AGENT:
        describe_agent(ops, request, chosen, result);
        break;
    case STEP_COMMAND:
        json_put_text(result, "what", chosen->command);
        break;
    case STEP_FUNCTION:
        json_put_text(result, "what", chosen->function);
        break;
    case STEP_APPROVAL:
        json_put_text(result, "what", chosen->message ? template_text(chosen->message) : NULL);
        break;
    case STEP_WORKFLOW:
        json_put_text(result, "what", chosen->workflow);
        break;
    }
    json_put(result, "when", step->when ? json_string(expression_text(step->when)) : NULL);
    json_put(result, "foreach",
             step->foreach_list ? json_string(expression_text(step->foreach_list)) : NULL);
    return result;
}

json_t *ops_dry_run(struct ops *ops, const struct run_request *request)
{
    const struct workflow *workflow = request->workflow;
    struct plan *plan = plan_new(workflow);
    json_t *result = json_object();
    json_t *waves = plan_waves(plan);
    json_t *wave;
    struct strbuf graph;
    size_t i;

    json_array_foreach(json_object_get(waves, "waves"), i, wave)
    {
        const struct phase *phase;
        json_t *steps = json_array();
        const json_t *id;
        size_t k;

        json_array_foreach(json_object_get(wave, "steps"), k, id)
        {
            const struct step *step = workflow_find_step(workflow, json_string_value(id), &phase);

            json_array_append_new(steps, describe_step(ops, request, step));
        }
        json_put(wave, "steps", steps);
    }
    strbuf_init(&graph, TEXT_BYTES_MAX);
    workflow_format_graph(workflow, &graph);
    json_put_text(result, "workflow", workflow->name);
    json_put_text(result, "digest", workflow->digest);
    json_put(result, "dry_run", json_true());
    json_put(result, "inputs", json_incref((json_t *)(uintptr_t)request->inputs));
    if (json_object_size(request->budget) > 0) {
        json_put(result, "budget", json_incref((json_t *)(uintptr_t)request->budget));
    }
    json_put(result, "waves", json_incref(json_object_get(waves, "waves")));
    json_put(result, "agents", agent_describe_used(ops, json_object_get(waves, "waves")));
    json_put_text(result, "graph", graph.data);
    strbuf_release(&graph);
    json_decref(waves);
    plan_free(plan);
    return result;
}
