/* SPDX-License-Identifier: MIT */
/* What a workflow asks of agents, against what is here: for who writes it, before it is run. */
#include "ops/agent.h"
#include "run/profile.h"

#include <stdio.h>
#include <string.h>

struct check {
    struct ops *ops;
    const char *file;
    struct problems *problems;
    bool is_shipped; /* made for any project, whatever agents it has */
    bool is_chosen;  /* the default agent is what was found here, or none */
    int result;
};

static void add(struct check *check, const struct step *step, bool is_warning,
                const struct error *err)
{
    struct problems *problems = check->problems;
    struct problem *problem;

    if (problems->count == ARRAY_LEN(problems->items)) {
        return;
    }
    problem = &problems->items[problems->count++];
    *problem = (struct problem){.is_warning = is_warning, .file = check->file, .at = step->at};
    (void)snprintf(problem->text, sizeof(problem->text), "%.500s", err->text);
    (void)snprintf(problem->hint, sizeof(problem->hint), "%.250s", err->hint);
    check->result = is_warning ? check->result : ERROR_VALIDATION;
}

/* What is wrong on every machine is an error; what another one may have, or a step can do without,
 * a warning. */
static void check_ability(struct check *check, const struct step *step,
                          const struct step_agents *agents, size_t index)
{
    const char *name = index ? agents->names[index] : step->agent;
    bool is_warning = check->is_shipped || step->static_step || index > 0 ||
                      (!name && check->is_chosen);
    struct agent_profile profile;
    struct error err = ERROR_INIT;

    if (profile_find(check->ops->config, name, &profile, NULL) == 0 &&
        profile_check_step(&profile, (struct profile_use){step, name}, &err) < 0) {
        add(check, step, is_warning, &err);
    }
}

/* Each of the agents is told once, not for each of its steps. */
static bool is_told(const struct check *check, size_t before, const char *text)
{
    for (size_t i = before; i < check->problems->count; i++) {
        const char *told = strstr(check->problems->items[i].text, "needs an agent");

        if (told && strcmp(told, strstr(text, "needs an agent")) == 0) {
            return true;
        }
    }
    return false;
}

static void check_step(struct check *check, const struct step *step, bool optional, size_t before)
{
    struct error err = ERROR_INIT;
    struct step_agents agents;

    if (step->kind != STEP_AGENT) {
        return;
    }
    config_list_agents(check->ops->config, step, &agents);
    for (size_t i = 0; i < agents.count; i++) {
        check_ability(check, step, &agents, i);
    }
    if (check->is_shipped || optional || step->optional || step->static_step ||
        agent_find_for_step(check->ops, step)) {
        return;
    }
    (void)agent_refuse_steps(check->ops, &step, 1, false, &err);
    if (!is_told(check, before, err.text)) {
        add(check, step, true, &err);
    }
}

int agent_check_workflow(struct ops *ops, const char *file, const struct workflow *workflow,
                         struct problems *problems)
{
    struct check check = {.ops = ops, .file = file, .problems = problems};
    size_t before = problems->count;

    check.is_shipped = strncmp(file, "builtin:", strlen("builtin:")) == 0;
    (void)ops_default_agent(ops);
    check.is_chosen = ops->has_chosen_agent;
    for (size_t i = 0; i < workflow->phase_count; i++) {
        const struct phase *phase = &workflow->phases[i];

        for (size_t k = 0; k < phase->step_count; k++) {
            check_step(&check, &phase->steps[k], phase->optional, before);
        }
        for (size_t k = 0; k < phase->fix_count; k++) {
            check_step(&check, &phase->fix_steps[k], phase->optional, before);
        }
    }
    return check.result;
}
