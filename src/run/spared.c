/* SPDX-License-Identifier: MIT */
#include "run/spared.h"

#include "base/alloc.h"
#include "run/live.h"
#include "run/query.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000

struct waiter {
    char run[RUN_ID_SIZE];
    char *key;
    const char *agent; /* of the configuration */
    int64_t until;
};

struct spared {
    struct engine *engine;
    VEC(struct waiter) waiters;
    loop_id timer;
    bool is_looking;
    json_t *breakers; /* of the look under way; NULL: they could not be read */
};

static void await_look(struct spared *spared);

/* It waits still, and for the same call. */
static struct active *find_waiting(const struct spared *spared, const struct waiter *waiter)
{
    struct active *active = engine_find(spared->engine, waiter->run);
    const struct step_state *step = active ? run_find_step(active->state, waiter->key) : NULL;

    return step && step->waiting == WAITING_RETRY && step->is_spared && step->until == waiter->until
               ? active
               : NULL;
}

static bool is_closed(const struct spared *spared, const char *agent)
{
    const json_t *breaker = json_object_get(spared->breakers, agent);

    return spared->breakers && strcmp(json_get_text(breaker, "state", "closed"), "closed") == 0;
}

/* True when it is to be looked for again. */
static bool tell(const struct spared *spared, const struct waiter *waiter)
{
    struct active *active = find_waiting(spared, waiter);
    struct queued_event *event;

    if (!active || !is_closed(spared, waiter->agent)) {
        return active != NULL;
    }
    event = event_new(active, EVENT_TIMER, waiter->key);
    event->event.is_closed = true;
    engine_post(spared->engine, event);
    return false;
}

static void look_on_pool(void *arg)
{
    struct spared *spared = arg;

    (void)run_agent_breakers(spared->engine->options.store, &spared->breakers, NULL);
}

static void on_looked(void *arg)
{
    struct spared *spared = arg;
    size_t kept = 0;

    for (size_t i = 0; i < spared->waiters.count && !spared->engine->is_closing; i++) {
        struct waiter waiter = spared->waiters.items[i];

        if (tell(spared, &waiter)) {
            spared->waiters.items[kept++] = waiter;
        } else {
            free(waiter.key);
        }
    }
    spared->waiters.count = spared->engine->is_closing ? spared->waiters.count : kept;
    json_decref(spared->breakers);
    spared->breakers = NULL;
    spared->is_looking = false;
    await_look(spared);
    engine_work_done(spared->engine);
}

static void look(void *arg)
{
    struct spared *spared = arg;

    spared->timer = (loop_id){0};
    spared->is_looking = true;
    spared->engine->pool_jobs++;
    loop_submit(spared->engine->options.loop, look_on_pool, on_looked, spared);
}

static void await_look(struct spared *spared)
{
    if (spared->waiters.count > 0 && !spared->timer.value && !spared->is_looking &&
        !spared->engine->is_closing) {
        spared->timer = loop_timer_start(spared->engine->options.loop, LOOK_MS, look, spared);
    }
}

void spared_wait(struct active *active, const struct step_state *step)
{
    struct engine *engine = active->engine;
    const struct agent_config *agent = live_agent_of(active, step);
    struct waiter waiter = {.key = NULL};

    if (!agent) {
        return;
    }
    if (!engine->spared) {
        engine->spared = mem_zero(1, sizeof(*engine->spared));
        engine->spared->engine = engine;
    }
    memcpy(waiter.run, active->state->id, RUN_ID_SIZE);
    waiter.key = mem_strdup(step->key);
    waiter.agent = agent->name;
    waiter.until = step->until;
    *VEC_PUSH(&engine->spared->waiters) = waiter;
    await_look(engine->spared);
}

void spared_free(struct spared *spared)
{
    if (!spared) {
        return;
    }
    loop_cancel(spared->engine->options.loop, spared->timer);
    for (size_t i = 0; i < spared->waiters.count; i++) {
        free(spared->waiters.items[i].key);
    }
    VEC_RELEASE(&spared->waiters);
    free(spared);
}
