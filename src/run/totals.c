/* SPDX-License-Identifier: MIT */
/* What each agent was asked and what it used, over all runs that are kept. From the journal itself,
 * by an index of agents' attempts alone. */
#include "run/engine.h"
#include "run/query.h"

#include "base/alloc.h"

/* count() and sum() leave out what is not there: the unknown is neither 0 nor lost. */
static const struct query q_agent_totals = {
    "SELECT json_extract(body, '$.agent'), count(*),"
    " sum(json_extract(body, '$.class') <> 'none'),"
    " sum(json_extract(body, '$.usage.input_tokens')),"
    " sum(json_extract(body, '$.usage.output_tokens')),"
    " sum(json_extract(body, '$.usage.cached_tokens')),"
    " sum(json_extract(body, '$.usage.cost_usd')),"
    " count(json_extract(body, '$.usage.output_tokens')),"
    " count(json_extract(body, '$.usage.cost_usd')), max(at)"
    " FROM journal INDEXED BY journal_agents WHERE kind = 'attempt_ended'"
    " AND instr(body, '\"agent\":\"') > 0 GROUP BY json_extract(body, '$.agent')"};

static void put_sum(json_t *row, const char *name, struct statement *statement, int column)
{
    if (column_text(statement, column)) {
        json_put_integer(row, name, column_integer(statement, column));
    }
}

static int read_totals(struct tx *tx, void *arg, struct error *err)
{
    json_t *totals = arg;
    struct statement *statement = tx_query(tx, &q_agent_totals);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        json_t *row = json_object();

        json_put_integer(row, "attempts", column_integer(statement, 1));
        json_put_integer(row, "failed", column_integer(statement, 2));
        put_sum(row, "input_tokens", statement, 3);
        put_sum(row, "output_tokens", statement, 4);
        put_sum(row, "cached_tokens", statement, 5);
        if (column_text(statement, 6)) {
            json_put(row, "cost_usd", json_real(column_real(statement, 6)));
        }
        json_put_integer(row, "counted", column_integer(statement, 7));
        json_put_integer(row, "priced", column_integer(statement, 8));
        json_put_integer(row, "last_at", column_integer(statement, 9));
        json_put(totals, column_text(statement, 0), row);
    }
    return r;
}

int run_agent_totals(struct store *store, json_t **ret_totals, struct error *err)
{
    json_t *totals = json_object();
    int r = store_read(store, read_totals, totals, err);

    if (r < 0) {
        json_decref(totals);
        return r;
    }
    *ret_totals = totals;
    return 0;
}
