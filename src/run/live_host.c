/* SPDX-License-Identifier: MIT */
/* An attempt that the program which called us makes: one look at what it did, then the run rests.
 */
#include "run/live.h"

#include "run/bridge.h"

#include <assert.h>

static void submit_look(struct live_attempt *live);

static void on_look_again(void *arg)
{
    live_unpark(arg);
    submit_look(arg);
}

static void look_on_pool(void *arg)
{
    bridge_call_look(((struct live_attempt *)arg)->bridge);
}

static void post_unanswered(struct live_attempt *live)
{
    struct active *active = engine_find(live->engine, live->run);
    struct queued_event *event;

    assert(active);
    event = event_new(active, EVENT_HOST, live->key);
    event->event.attempt = live->attempt;
    event->event.host = event_keep(event, live->bridge->message);
    engine_post(live->engine, event);
    live_end(live);
}

static void on_looked(void *arg)
{
    struct live_attempt *live = arg;
    struct engine *engine = live->engine;
    struct bridge_call *call = live->bridge;

    live->is_on_pool = false;
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (call->result < 0 && call->err.is_storage_full && !live->stop_wanted) {
        live_park(live, &call->err, on_look_again);
    } else if (call->result < 0) {
        live_post_failure(live, live->stop_wanted ? CLASS_CANCELLED : CLASS_TRANSIENT, &call->err);
    } else if (call->is_answered) {
        live->is_kept = true;
        live_collect(live);
    } else {
        post_unanswered(live);
    }
    engine_work_done(engine);
}

static void submit_look(struct live_attempt *live)
{
    live->is_on_pool = true;
    live->engine->pool_jobs++;
    loop_submit(live->engine->options.loop, look_on_pool, on_looked, live);
}

void live_ask_host(struct live_attempt *live)
{
    struct active *active;
    const struct step_state *step = live_step(live, &active);
    struct error err = ERROR_INIT;

    bridge_call_free(live->bridge);
    live->bridge = NULL;
    if (bridge_call_new(active, run_step_index(active->state, step), live->folder, &live->bridge,
                        &err) < 0) {
        live_post_failure(live, CLASS_PERMANENT, &err);
        return;
    }
    submit_look(live);
}
