/* SPDX-License-Identifier: MIT */
#include "run/admission.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "base/timestamp.h"
#include "run/audit_chain.h"
#include "run/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct query q_breaker_find = {
    "SELECT state, failures, since, trying, error FROM agent_breaker WHERE agent = ?1"};
static const struct query q_breaker_put = {
    "INSERT INTO agent_breaker (agent, state, failures, since, trying, error)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (agent) DO UPDATE SET state = ?2, failures = ?3,"
    " since = ?4, trying = ?5, error = ?6"};
static const struct query q_breaker_remove = {"DELETE FROM agent_breaker WHERE agent = ?1"};
static const struct query q_breaker_list = {
    "SELECT agent, state, failures, since, error FROM agent_breaker"};
static const struct query q_bucket_find = {"SELECT full_at FROM agent_bucket WHERE name = ?1"};
static const struct query q_bucket_put = {"INSERT INTO agent_bucket (name, full_at) VALUES (?1, ?2)"
                                          " ON CONFLICT (name) DO UPDATE SET full_at = ?2"};

#define STORAGE_WAIT_MS 500

struct stored_breaker {
    struct breaker breaker;
    char error[300]; /* the last failure */
};

struct asking {
    const struct admission_request *request;
    struct admission *admission;
    bool is_open; /* the breaker is not closed */
};

/* A short name of whose call it is. */
static int64_t caller_of(const char *run, const char *step)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *c = run; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    for (const char *c = step; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    }
    return (int64_t)(hash >> 1) | 1;
}

static int load_breaker(struct tx *tx, const char *agent, struct stored_breaker *ret_stored,
                        struct error *err)
{
    struct statement *statement = tx_query(tx, &q_breaker_find);
    int state;
    int r;

    *ret_stored = (struct stored_breaker){0};
    bind_text(statement, 1, agent);
    r = statement_step(statement, err);
    if (r <= 0) {
        return r;
    }
    state = breaker_state_parse(column_text(statement, 0));
    if (state >= 0) {
        ret_stored->breaker = (struct breaker){.state = (enum breaker_state)state,
                                               .failures = (int)column_integer(statement, 1),
                                               .since = column_integer(statement, 2),
                                               .trying = column_integer(statement, 3)};
        (void)snprintf(ret_stored->error, sizeof(ret_stored->error), "%s",
                       column_text(statement, 4) ? column_text(statement, 4) : "");
    }
    return 0;
}

static int save_breaker(struct tx *tx, const char *agent, const struct stored_breaker *stored,
                        struct error *err)
{
    struct statement *statement = tx_query(tx, &q_breaker_put);

    bind_text(statement, 1, agent);
    bind_text(statement, 2, breaker_state_name(stored->breaker.state));
    bind_integer(statement, 3, stored->breaker.failures);
    bind_integer(statement, 4, stored->breaker.since);
    bind_integer(statement, 5, stored->breaker.trying);
    bind_text(statement, 6, stored->error);
    return tx_run(tx, statement, NULL, err);
}

/* ---- before a call ---- */

/* Agents of one account share a bucket. */
static char *bucket_name(const struct agent_config *agent)
{
    return agent->account ? mem_printf("account %s", agent->account)
                          : mem_printf("agent %s", agent->name);
}

static int take_token(struct tx *tx, const struct admission_request *request, int64_t *ret_at,
                      struct error *err)
{
    struct statement *statement = tx_query(tx, &q_bucket_find);
    char *name = bucket_name(request->agent);
    int64_t full_at = 0;
    int r;

    bind_text(statement, 1, name);
    r = statement_step(statement, err);
    if (r > 0) {
        full_at = column_integer(statement, 0);
    }
    if (r >= 0) {
        *ret_at = bucket_take(&full_at, request->agent->rate_limit, request->now);
        statement = tx_query(tx, &q_bucket_put);
        bind_text(statement, 1, name);
        bind_integer(statement, 2, full_at);
        r = tx_run(tx, statement, NULL, err);
    }
    free(name);
    return r;
}

static void say_open(const struct asking *asking, const struct stored_breaker *stored,
                     int64_t until)
{
    const char *agent = asking->request->agent->name;
    char at[TIMESTAMP_SIZE];

    timestamp_format(until, at);
    asking->admission->until = until;
    (void)snprintf(
        asking->admission->why, sizeof(asking->admission->why),
        "the circuit breaker of agent %s is %s after %d failures in a row, until %s; the "
        "last: %.150s",
        agent, breaker_state_name(stored->breaker.state), stored->breaker.failures, at,
        *stored->error ? stored->error : "not said");
}

static void say_rate(const struct asking *asking, int64_t until)
{
    const struct agent_config *agent = asking->request->agent;

    asking->admission->until = until;
    asking->admission->is_slot = true;
    (void)snprintf(asking->admission->why, sizeof(asking->admission->why),
                   "%s %s takes %d calls a minute (rate_limit)",
                   agent->account ? "account" : "agent",
                   agent->account ? agent->account : agent->name, agent->rate_limit);
}

/* The place of a half-open breaker is taken only by who has a token for now. */
static int admit(struct tx *tx, void *arg, struct error *err)
{
    const struct asking *asking = arg;
    const struct admission_request *request = asking->request;
    struct stored_breaker stored;
    struct breaker before;
    int64_t until = 0;
    int r = load_breaker(tx, request->agent->name, &stored, err);

    if (r < 0) {
        return r;
    }
    *asking->admission = (struct admission){0};
    before = stored.breaker;
    if (!breaker_admit(&stored.breaker, breaker_policy_of(request->agent), request->now,
                       caller_of(request->run, request->step), &until)) {
        say_open(asking, &stored, until);
        return 0;
    }
    if (request->agent->rate_limit > 0 && !request->has_slot) {
        r = take_token(tx, request, &until, err);
        if (r == 0 && until > request->now) {
            say_rate(asking, until);
            return 0;
        }
    }
    if (r == 0 && memcmp(&before, &stored.breaker, sizeof(before)) != 0) {
        r = save_breaker(tx, request->agent->name, &stored, err);
    }
    return r;
}

static int look(struct tx *tx, void *arg, struct error *err)
{
    struct asking *asking = arg;
    struct stored_breaker stored;
    int r = load_breaker(tx, asking->request->agent->name, &stored, err);

    asking->is_open = r == 0 && stored.breaker.state != BREAKER_CLOSED;
    return r;
}

int admission_ask(struct store *store, const struct admission_request *request,
                  struct admission *ret_admission, struct error *err)
{
    struct asking asking = {.request = request, .admission = ret_admission};
    struct error local = ERROR_INIT;
    int r = 0;

    *ret_admission = (struct admission){0};
    if (request->agent->rate_limit == 0 || request->has_slot) {
        r = store_read(store, look, &asking, err);
        if (r < 0 || !asking.is_open) {
            return r;
        }
    }
    r = store_write(store, admit, &asking, &local);
    if (r == ERROR_LIMIT || r == ERROR_BUSY) {
        /* Nothing is wrong with the agent: no other one is asked instead. */
        ret_admission->until = request->now + STORAGE_WAIT_MS;
        ret_admission->is_slot = true;
        (void)snprintf(ret_admission->why, sizeof(ret_admission->why), "%.390s", local.text);
        return 0;
    }
    if (r < 0) {
        *err = local;
    }
    return r;
}

/* ---- after it ---- */

int admission_note(struct tx *tx, const struct admission_end *end, struct error *err)
{
    struct stored_breaker stored;
    int r = load_breaker(tx, end->agent, &stored, err);

    if (r < 0 || !breaker_note(&stored.breaker, end->policy, end->at,
                               caller_of(end->run, end->step), end->class_)) {
        return r;
    }
    if (end->class_ != CLASS_NONE) {
        (void)snprintf(stored.error, sizeof(stored.error), "%s", end->error ? end->error : "");
    }
    return save_breaker(tx, end->agent, &stored, err);
}

/* ---- for whoever looks ---- */

static int list_breakers(struct tx *tx, void *arg, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_breaker_list);
    json_t *list = arg;
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        json_t *breaker = json_object();

        json_put_text(breaker, "state", column_text(statement, 1));
        json_put_integer(breaker, "failures", column_integer(statement, 2));
        if (column_integer(statement, 3)) {
            json_put_integer(breaker, "since", column_integer(statement, 3));
        }
        json_put_text(breaker, "error", column_text(statement, 4));
        json_put(list, column_text(statement, 0), breaker);
    }
    return r;
}

int run_agent_breakers(struct store *store, json_t **ret_breakers, struct error *err)
{
    json_t *list = json_object();
    int r = store_read(store, list_breakers, list, err);

    if (r < 0) {
        json_decref(list);
        return r;
    }
    *ret_breakers = list;
    return 0;
}

struct closing {
    const struct breaker_closing *request;
    int64_t changes;
};

static int close_breaker(struct tx *tx, void *arg, struct error *err)
{
    struct closing *closing = arg;
    const struct audit_entry entry = {.at = closing->request->now_ms,
                                      .event = "agent_reset",
                                      .user = closing->request->user,
                                      .resource = closing->request->agent};
    struct statement *statement = tx_query(tx, &q_breaker_remove);
    int r;

    bind_text(statement, 1, closing->request->agent);
    r = tx_run(tx, statement, &closing->changes, err);
    return r == 0 && closing->changes > 0 ? audit_add(tx, &entry, 1, err) : r;
}

int run_agent_close_breaker(struct store *store, const struct breaker_closing *request,
                            bool *ret_had, struct error *err)
{
    struct closing closing = {.request = request};
    int r = store_write(store, close_breaker, &closing, err);

    if (r == 0) {
        *ret_had = closing.changes > 0;
    }
    return r;
}
