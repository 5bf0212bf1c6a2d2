/* SPDX-License-Identifier: MIT */
/* Private to ops/: a task on its way to a plan. */
#ifndef FERMATA_OPS_PLANNING_H
#define FERMATA_OPS_PLANNING_H

#include "ops/internal.h"
#include "planner/analyze.h"
#include "planner/compose.h"
#include "planner/recommend.h"

struct planning {
    struct ops *ops;
    const char *task; /* borrowed */
    struct repository repository;
    struct analysis analysis;
    VEC(struct workflow *) workflows; /* those that a plan may be */
    struct recommendation *found;     /* as many, the best first */
    struct composed *composed;        /* NULL: a workflow was chosen */
    struct workflow *workflow;        /* what was chosen or composed */
    const char *origin;               /* "library", "composed", "dynamic", "asked" */
    json_t *why;                      /* texts */
    json_t *answer;                   /* of the agent that broke the task down; NULL */
    struct routes *routes;            /* what earlier runs say; NULL: not read yet */
    json_t *routing;                  /* id of a composed step -> why it has its agent; NULL */
};

/* Looks at the task, the project and the workflows. Release it in any case. */
int planning_open(struct ops *ops, const char *task, struct planning *ret_planning,
                  struct error *err);
void planning_release(struct planning *planning);
/* The best workflow, or a plan composed of experts; `name`: this workflow, whatever fits. */
int planning_choose(struct planning *planning, const char *name, struct error *err);
/* The composed plan becomes the chosen workflow. */
int planning_use_composed(struct planning *planning, const char *origin, struct error *err);
/* {task, analysis, workflow, origin, why, alternatives, waves, ...}; `inputs` checked, or NULL
 * where some are missing. The caller owns it. */
json_t *planning_describe(struct planning *planning, const json_t *inputs);
/* As a file that runs as it is; free() it. NULL: inputs are missing. */
char *planning_write(const struct planning *planning, const json_t *inputs);
/* Whether the configuration says what proves the result of a plan. */
bool planning_has_gate(const struct planning *planning);
void planning_say_why(struct planning *planning, const char *text);
json_t *planning_describe_found(const struct planning *planning, size_t limit);
/* [{name, why, score}] of the experts that a plan of this task would have, or that know of it. */
json_t *planning_describe_experts(struct planning *planning, size_t limit);

/* plan_routes.c: composed steps that name no agent get the one that earlier runs speak for. */
int planning_route(struct planning *planning, struct error *err);
/* {waves: [...]}: each agent's step gets `estimate`, and of a composed plan `routing`; the whole an
 * `estimate` {steps, tokens?, tokens_known, cost_usd?, cost_usd_known, seconds?, seconds_known}:
 * sums over the steps of which it is known. */
void planning_add_routing(const struct planning *planning, json_t *result);

/* plan_dynamic.c: asks an agent to break the task down; falls back to the composed plan. */
int planning_ask(struct planning *planning, const json_t *arguments, const struct ops_view *view,
                 struct error *err);
/* plan.c, for `run` without a workflow: plans, shows, and asks unless --yes is among the arguments.
 * ERROR_INVALID: nobody agreed. *ret_workflow is the caller's. */
int ops_plan_and_ask(struct ops *ops, const json_t *arguments, const char *task,
                     const struct ops_view *view, struct workflow **ret_workflow,
                     struct error *err);

#endif
