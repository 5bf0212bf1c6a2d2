/* SPDX-License-Identifier: MIT */
/* Waiting for a time of the wall clock. The loop's timers know another clock, one that stands still
 * while the machine sleeps and never jumps; so a long wait looks at the wall clock every now and
 * then. */
#include "base/alloc.h"
#include "run/engine.h"

#include <stdlib.h>
#include <string.h>

static void timer_free(struct timer *timer)
{
    *timer->link = timer->next;
    if (timer->next) {
        timer->next->link = timer->link;
    }
    free(timer->key);
    free(timer);
}

static void timer_arm(struct timer *timer);

static void on_timer(void *arg)
{
    struct timer *timer = arg;
    struct engine *engine = timer->engine;
    const struct host *host = engine->options.host;
    struct active *active = engine_find(engine, timer->run);

    if (host->now_ms(host->context) < timer->at && !engine->is_closing) {
        timer_arm(timer);
        return;
    }
    if (active && !engine->is_closing) {
        timer->on_due(active, timer->key);
    }
    timer_free(timer);
}

static void timer_arm(struct timer *timer)
{
    const struct engine_options *options = &timer->engine->options;
    int64_t stride = timer->engine->timer_stride_ms;
    int64_t delay = timer->at - options->host->now_ms(options->host->context);

    delay = delay < 0 ? 0 : delay > stride ? stride : delay;
    timer->id = loop_timer_start(options->loop, delay, on_timer, timer);
}

void timer_start(struct active *active, const char *key, int64_t at,
                 void (*on_due)(struct active *active, const char *key))
{
    struct engine *engine = active->engine;
    struct timer *timer = mem_zero(1, sizeof(*timer));

    timer->engine = engine;
    memcpy(timer->run, active->state->id, RUN_ID_SIZE);
    timer->key = mem_strdup(key);
    timer->at = at;
    timer->on_due = on_due;
    timer->next = engine->timers;
    timer->link = &engine->timers;
    if (timer->next) {
        timer->next->link = &timer->next;
    }
    engine->timers = timer;
    timer_arm(timer);
}

void timers_release(struct engine *engine)
{
    while (engine->timers) {
        loop_cancel(engine->options.loop, engine->timers->id);
        timer_free(engine->timers);
    }
}
