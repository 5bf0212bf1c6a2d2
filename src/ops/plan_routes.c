/* SPDX-License-Identifier: MIT */
/* What earlier runs say of a plan: which agent its steps get, and what they will probably take. */
#include "base/alloc.h"
#include "ops/agent.h"
#include "ops/planning.h"
#include "ops/routes.h"

#include <stdlib.h>
#include <string.h>

int planning_route(struct planning *planning, struct error *err)
{
    const char *usual = ops_default_agent(planning->ops);
    int r = planning->routes
                ? 0
                : routes_open(planning->ops, planning->task,
                              task_kind_name(planning->analysis.kind), &planning->routes, err);

    if (r < 0) {
        return r;
    }
    json_decref(planning->routing);
    planning->routing = json_object();
    for (size_t i = 0; planning->composed && i < planning->composed->count; i++) {
        struct composed_step *step = &planning->composed->steps[i];
        json_t *choice = step->agent ? NULL
                                     : routes_choose(planning->routes, step->id,
                                                     step->read_only ? CAN_READ_ONLY : CAN_EDIT);
        const char *agent = json_get_text(choice, "agent", NULL);

        /* Whom a step gets anyway is not written into it. */
        if (agent && (!usual || strcmp(agent, usual) != 0)) {
            step->agent = config_find_agent(planning->ops->config, agent)->name;
        }
        json_put(planning->routing, step->id, choice);
    }
    return 0;
}

static void add_sum(json_t *total, const json_t *estimate, const char *name)
{
    const json_t *value = json_object_get(estimate, name);

    if (value) {
        double before = json_number_value(json_object_get(total, name));

        json_put(total, name, json_real(before + json_number_value(value)));
    }
}

static void add_known(json_t *total, const char *name, bool is_known)
{
    json_put_integer(total, name, json_get_integer(total, name, 0) + is_known);
}

/* Adds what is known of the step; a wave takes as long as its longest step. */
static void add_step(const struct planning *planning, json_t *step, json_t *total, double *longest)
{
    static const char *const names[] = {"tokens", "cost_usd"};
    json_t *choice = json_object_get(planning->routing, json_get_text(step, "step", ""));
    const char *agent = json_get_text(step, "what", NULL);
    json_t *estimate;
    double seconds;

    if (strcmp(json_get_text(step, "using", ""), "agent") != 0 || !agent) {
        return;
    }
    estimate = routes_estimate(planning->routes, agent, json_get_text(step, "expert", NULL));
    seconds = json_number_value(json_object_get(estimate, "seconds"));
    *longest = seconds > *longest ? seconds : *longest;
    add_known(total, "steps", true);
    add_known(total, "seconds_known", json_object_get(estimate, "seconds") != NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *known = mem_printf("%s_known", names[i]);

        add_sum(total, estimate, names[i]);
        add_known(total, known, json_object_get(estimate, names[i]) != NULL);
        free(known);
    }
    json_put(step, "estimate", estimate);
    json_put(step, "routing", json_incref(choice));
}

void planning_add_routing(const struct planning *planning, json_t *result)
{
    json_t *total = json_object();
    double seconds = 0;
    json_t *wave;
    json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(result, "waves"), i, wave)
    {
        double longest = 0;

        json_array_foreach(json_object_get(wave, "steps"), k, step)
        {
            add_step(planning, step, total, &longest);
        }
        seconds += longest;
    }
    if (json_get_integer(total, "seconds_known", 0) > 0) {
        json_put(total, "seconds", json_real(seconds));
    }
    json_put(result, "estimate", total);
}
