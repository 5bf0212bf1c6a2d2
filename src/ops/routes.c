/* SPDX-License-Identifier: MIT */
#include "ops/routes.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "ops/agent.h"
#include "planner/routing.h"
#include "run/profile.h"
#include "run/statistics.h"

#include <stdlib.h>
#include <string.h>

struct candidate {
    const char *agent;
    unsigned abilities;
};

struct routes {
    char *task, *kind;
    VEC(struct candidate) candidates;
    struct run_statistics statistics;
};

/* As the default agent is looked for: of those that nobody set up only programs. */
static void look_at(struct ops *ops, const struct agent_config *agent, struct routes *routes)
{
    struct agent_facts facts;

    agent_facts_init(ops, agent, &facts);
    if (facts.adapter &&
        (agent->is_builtin ? facts.adapter->kind == ADAPTER_PROGRAM
                           : facts.adapter->kind != ADAPTER_HOST) &&
        (facts.state == AGENT_READY || facts.state == AGENT_UNSURE)) {
        struct agent_profile profile;

        profile_fill(agent, facts.adapter, &profile);
        *VEC_PUSH(&routes->candidates) = (struct candidate){
            .agent = agent->name, .abilities = profile_abilities(&profile)};
    }
    agent_facts_release(&facts);
}

static void find_candidates(struct ops *ops, bool is_builtin, struct routes *routes)
{
    const char *name = ops_default_agent(ops);
    const struct agent_config *first = name ? config_find_agent(ops->config, name) : NULL;

    if (first && first->is_builtin == is_builtin) {
        look_at(ops, first, routes);
    }
    for (size_t i = 0; i < ops->config->agent_count; i++) {
        const struct agent_config *agent = &ops->config->agents[i];

        if (agent != first && agent->is_builtin == is_builtin) {
            look_at(ops, agent, routes);
        }
    }
}

static int read_statistics(struct ops *ops, struct run_statistics *ret_statistics,
                           struct error *err)
{
    struct error none = ERROR_INIT;
    int r = ops_need_store(ops, &none);

    if (r == ERROR_NOT_FOUND) {
        return 0; /* nothing was run here yet */
    }
    return r < 0 ? ops_need_store(ops, err)
                 : run_statistics_read(ops->store, ops->folder, 0, ret_statistics, err);
}

int routes_open(struct ops *ops, const char *task, const char *kind, struct routes **ret_routes,
                struct error *err)
{
    struct routes *routes = mem_zero(1, sizeof(*routes));
    int r = read_statistics(ops, &routes->statistics, err);

    if (r < 0) {
        routes_free(routes);
        return r;
    }
    routes->task = mem_strdup(task);
    routes->kind = mem_strdup(kind);
    find_candidates(ops, false, routes);
    if (routes->candidates.count == 0) {
        find_candidates(ops, true, routes);
    }
    *ret_routes = routes;
    return 0;
}

void routes_free(struct routes *routes)
{
    if (!routes) {
        return;
    }
    run_statistics_release(&routes->statistics);
    VEC_RELEASE(&routes->candidates);
    free(routes->task);
    free(routes->kind);
    free(routes);
}

json_t *routes_choose(const struct routes *routes, const char *step, unsigned abilities)
{
    size_t count = routes->candidates.count;
    struct routing_candidate *able = mem_zero(count + 1, sizeof(*able));
    char *text = mem_printf("%s\n%s", routes->task, step);
    struct routing_request request = {.kind = routes->kind,
                                      .candidates = able,
                                      .samples = routes->statistics.samples,
                                      .sample_count = routes->statistics.sample_count,
                                      .now = ops_now_ms(),
                                      .seed = routing_seed(text)};
    json_t *choice;

    for (size_t i = 0; i < count; i++) {
        const struct candidate *candidate = &routes->candidates.items[i];

        /* What an attempt costs is not known before the first: prices are of tokens. */
        if ((candidate->abilities & abilities) == abilities) {
            able[request.candidate_count++] = (struct routing_candidate){.agent = candidate->agent,
                                                                         .cost_usd = -1};
        }
    }
    choice = request.candidate_count > 0 ? routing_choose(&request) : NULL;
    free(text);
    free(able);
    return choice;
}

json_t *routes_estimate(const struct routes *routes, const char *agent, const char *expert)
{
    const struct routing_question question = {.agent = agent,
                                              .kind = routes->kind,
                                              .expert = expert,
                                              .samples = routes->statistics.samples,
                                              .sample_count = routes->statistics.sample_count,
                                              .now = ops_now_ms()};

    return routing_estimate(&question);
}
