/* SPDX-License-Identifier: MIT */
#include "support/orphan.h"

#include "run/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct failing {
    const char *folder;
    struct run_state *state;
    int64_t generation;
    struct commit *commit;
};

static int read_run(struct tx *tx, void *arg, struct error *err)
{
    struct failing *failing = arg;
    int r = lease_find(tx, failing->state->id, &failing->generation, err);

    return r < 0 ? r : run_fold(tx, failing->folder, failing->state, err);
}

static int write_run(struct tx *tx, void *arg, struct error *err)
{
    return commit_write(tx, ((struct failing *)arg)->commit, err);
}

void orphan_make(struct store *store, const char *folder, const char *run_id)
{
    struct workflow *workflow = NULL;
    struct failing failing = {.folder = folder};
    struct batch batch;

    assert_int_equal(run_load_workflow(store, folder, run_id, &workflow, NULL), 0);
    failing.state = run_state_new(run_id, workflow);
    assert_int_equal(store_read(store, read_run, &failing, NULL), 0);
    batch_init(&batch);
    if (failing.state->status != RUN_RUNNING) {
        batch_emit(&batch, failing.state,
                   (struct record){.kind = RECORD_RUN_MOVED, .status = "running"});
    }
    batch_emit(&batch, failing.state,
               (struct record){.kind = RECORD_RUN_MOVED, .status = "failed", .reason = "timeout"});
    failing.commit = commit_new(failing.state, failing.generation);
    commit_add_batch(failing.commit, failing.state, &batch.records);
    assert_int_equal(store_write(store, write_run, &failing, NULL), 0);
    commit_free(failing.commit);
    batch_release(&batch);
    run_state_free(failing.state);
    workflow_free(workflow);
}
