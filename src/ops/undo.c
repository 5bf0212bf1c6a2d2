/* SPDX-License-Identifier: MIT */
/* `diff` and `undo`: what the agents of a run did to the files. */
#include "run/undo.h"
#include "base/alloc.h"
#include "ops/internal.h"
#include "run/audit.h"

#include <string.h>

static int make_request(struct ops *ops, const json_t *arguments, char run_id[RUN_ID_SIZE],
                        struct undo_request *ret_request, struct error *err)
{
    const char *step = json_get_text(arguments, "step", NULL);
    json_t *run = NULL;
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r == 0 && step) {
        r = run_show(ops->store, ops->folder, run_id, &run, err);
        if (r == 0 && !ops_find_step(run, step)) {
            r = ops_no_such_step(run, step, err);
        }
        json_decref(run);
    }
    *ret_request = (struct undo_request){.store = ops->store,
                                         .project = ops->project,
                                         .folder = ops->folder,
                                         .run_id = run_id,
                                         .step = step,
                                         .user = ops->settings->user,
                                         .now_ms = ops_now_ms()};
    return r;
}

int op_diff(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    struct undo_request request;
    int r = make_request(ops, arguments, run_id, &request, err);

    (void)view;
    request.wants_stat = json_get_boolean(arguments, "stat", false);
    return r < 0 ? r : run_diff(&request, ret_result, err);
}

/* Under its agents' hands nothing is taken back. */
static int check_rests(const struct ops *ops, const char *run_id, struct error *err)
{
    if (!run_is_owned(ops->folder, run_id)) {
        return 0;
    }
    (void)error_set(err, ERROR_BUSY, "run %s is under way", run_id);
    error_hint(err, "`fermata pause %s` or `fermata cancel %s` first", run_id, run_id);
    return ERROR_BUSY;
}

/* Before and after: of one that was killed, or refused, the log knows that it was asked for. */
static int note(const struct undo_request *request, const char *event, struct error *err)
{
    return audit_note(request->store,
                      &(struct audit_entry){.at = request->now_ms,
                                            .event = event,
                                            .user = request->user,
                                            .run = request->run_id,
                                            .resource = request->step},
                      err);
}

int op_undo(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE];
    struct undo_request request;
    int r = make_request(ops, arguments, run_id, &request, err);

    (void)view;
    request.is_forced = json_get_boolean(arguments, "force", false);
    request.is_back = json_get_boolean(arguments, "back", false);
    if (r == 0 && request.is_back && request.step) {
        r = error_set(err, ERROR_INVALID, "--back takes the last undo back, whatever it was of");
        error_hint(err, "without a step: `fermata undo %s --back`", run_id);
    }
    r = r < 0 ? r : check_rests(ops, run_id, err);
    r = r < 0 ? r : note(&request, request.is_back ? "undo_back_asked" : "undo_asked", err);
    r = r < 0 ? r : run_undo(&request, ret_result, err);
    return r < 0 ? r : note(&request, request.is_back ? "undo_taken_back" : "undone", err);
}
