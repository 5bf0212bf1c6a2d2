/* SPDX-License-Identifier: MIT */
/* An attempt that another process had begun: is it at work, has it ended, did it never begin? */
#include "run/live.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/bridge.h"
#include "run/writer.h"

#include <stdlib.h>

struct probe {
    struct live_attempt *live;
    enum attempt_presence presence;
    pid_t keeper;
    bool is_hosts; /* and not begun as a process */
    int result;
    struct error err;
};

/* A keeper that was started but is late loses the claim to us, or had won it just now. */
static void claim_absent(struct probe *probe)
{
    const char *folder = probe->live->folder;
    const struct writer writer = {.folder = probe->live->engine->options.folder, .attempt = folder};

    /* Somebody may be about to make it. */
    (void)file_make_folders(folder, NULL);
    if (attempt_give_up(folder)) {
        /* The program may have removed the claim. */
        probe->presence = attempt_sweep(folder) > 0 ? ATTEMPT_GONE : ATTEMPT_ABSENT;
        if (probe->presence == ATTEMPT_ABSENT) {
            writer_release(&writer);
        }
    } else if (file_exists(folder)) {
        probe->result = attempt_probe(folder, &probe->presence, &probe->keeper, &probe->err);
        if (probe->result == 0 && probe->presence == ATTEMPT_ABSENT) {
            probe->result = error_set(&probe->err, ERROR_IO, "cannot claim %s", folder);
        }
    }
}

static void probe_on_pool(void *arg)
{
    struct probe *probe = arg;
    char *spec = path_join(probe->live->folder, "spec");

    probe->is_hosts = probe->is_hosts && !file_exists(spec);
    free(spec);
    if (probe->is_hosts) {
        return;
    }
    probe->result = attempt_probe(probe->live->folder, &probe->presence, &probe->keeper,
                                  &probe->err);
    if (probe->result == 0 && probe->presence == ATTEMPT_ABSENT) {
        claim_absent(probe);
    }
}

static void on_probed(void *arg)
{
    struct probe *probe = arg;
    struct live_attempt *live = probe->live;
    struct engine *engine = live->engine;

    live->is_on_pool = false;
    if (engine->is_closing || live->is_let_go) {
        live_end(live);
    } else if (probe->is_hosts) {
        live_ask_host(live);
    } else if (probe->result < 0) {
        /* Not known to be gone: starting it again could make two of it. */
        error_context(&probe->err, "the process that was begun cannot be looked at");
        live_post_doubt(live, &probe->err);
    } else if (probe->presence == ATTEMPT_ALIVE) {
        live_watch(live, probe->keeper);
    } else if (probe->presence == ATTEMPT_ENDED || probe->presence == ATTEMPT_GONE) {
        live->is_kept = probe->presence == ATTEMPT_ENDED;
        live_collect(live); /* also of one that is gone: it may have left processes behind */
    } else {
        live_post_unbegun(live);
    }
    free(probe);
    engine_work_done(engine);
}

void live_recover(struct active *active, int step)
{
    struct probe *probe = mem_zero(1, sizeof(*probe));

    probe->live = live_new(active, step);
    probe->live->stall_mark_ms = engine_stalled_ms(active->engine);
    probe->is_hosts = bridge_is_hosts(active, &active->state->steps[step]);
    probe->live->has_changer = probe->live->is_on_pool = true;
    live_take_place(probe->live);
    active->engine->pool_jobs++;
    loop_submit(active->engine->options.loop, probe_on_pool, on_probed, probe);
}
