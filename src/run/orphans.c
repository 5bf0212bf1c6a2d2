/* SPDX-License-Identifier: MIT */
/* Nested runs that are not over though the run around them is, or is gone. This version leaves
 * none; an earlier one did. Nobody could go on with one: it is cancelled. */
#include "run/own.h"
#include "run/query.h"
#include "run/states.h"

#include <string.h>

#define OVER "('completed', 'failed', 'cancelled')"
#define ORPHANS                                                                                    \
    "SELECT nested.id, parent.id, parent.status FROM run AS nested"                                \
    " LEFT JOIN run AS parent ON parent.id = nested.parent"                                        \
    " WHERE nested.parent IS NOT NULL AND nested.status NOT IN " OVER                              \
    " AND (parent.id IS NULL OR parent.status IN " OVER ")"

static const struct query q_orphans = {ORPHANS " ORDER BY nested.id"};
static const struct query q_orphan = {ORPHANS " AND nested.id = ?1"};

static int read_orphans(struct tx *tx, void *arg, struct error *err)
{
    json_t *ids = arg;
    struct statement *statement = tx_query(tx, &q_orphans);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        const char *id = column_text(statement, 0);

        if (run_id_is_valid(id)) {
            (void)json_array_append_new(ids, json_string(id));
        }
    }
    return r;
}

static int refuse_orphan(struct tx *tx, void *arg, struct error *err)
{
    const char *run_id = arg;
    struct statement *statement = tx_query(tx, &q_orphan);
    const char *status;
    int r;

    bind_text(statement, 1, run_id);
    r = statement_step(statement, err);
    if (r <= 0) {
        return r;
    }
    status = column_text(statement, 2);
    (void)error_set(err, ERROR_CONFLICT,
                    "run %s is nested, and the run around it is %s: nothing "
                    "could go on with what it gives",
                    run_id, status ? status : "gone");
    error_hint(err, "end it: fermata cancel %s", run_id);
    return ERROR_CONFLICT;
}

int run_refuse_orphan(struct store *store, const char *run_id, struct error *err)
{
    return store_read(store, refuse_orphan, (char *)run_id, err);
}

static int cancel(const struct engine_options *options, const char *run_id, struct error *err)
{
    json_t *command = json_pack("{s:s, s:s}", "do", "cancel", "reason",
                                "the run around it was over already");
    json_t *answer = NULL;
    int r = run_ask(options, run_id, command, &answer, err);

    json_decref(answer);
    json_decref(command);
    return r;
}

int run_find_orphans(struct store *store, json_t **ret_ids, struct error *err)
{
    json_t *ids = json_array();
    int r = store_read(store, read_orphans, ids, err);

    if (r < 0) {
        json_decref(ids);
        return r;
    }
    *ret_ids = ids;
    return 0;
}

int run_cancel_orphans(const struct engine_options *options, json_t **ret_report, struct error *err)
{
    json_t *cancelled = json_array();
    json_t *failures = json_array();
    json_t *ids = NULL;
    size_t index;
    json_t *id;
    int r = run_find_orphans(options->store, &ids, err);

    json_array_foreach(ids, index, id)
    {
        struct error problem = ERROR_INIT;

        if (cancel(options, json_string_value(id), &problem) == 0) {
            (void)json_array_append(cancelled, id);
        } else {
            (void)json_array_append_new(failures, json_string(problem.text));
        }
    }
    if (r == 0) {
        *ret_report = json_pack("{s:O, s:O}", "cancelled", cancelled, "failures", failures);
    }
    json_decref(ids);
    json_decref(failures);
    json_decref(cancelled);
    return r;
}
