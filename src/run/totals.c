/* SPDX-License-Identifier: MIT */
/* What each agent was asked and what it used, over all runs: from the journal itself, by an index
 * of agents' attempts alone, and for runs that were removed from what was summed up then. */
#include "run/engine.h"
#include "run/query.h"
#include "run/usage.h"

#include "base/alloc.h"

/* An agent that could not be started was not called. */
#define OF_AGENTS                                                                                  \
    "kind = 'attempt_ended' AND instr(body, '\"agent\":\"') > 0"                                   \
    " AND json_extract(body, '$.usage." USAGE_NOT_STARTED "') IS NULL"
/* count() and sum() leave out what is not there: the unknown is neither 0 nor lost. */
#define SUMS                                                                                       \
    " count(*) AS attempts, ifnull(sum(json_extract(body, '$.class') <> 'none'), 0) AS failed,"    \
    " sum(json_extract(body, '$.usage.input_tokens')) AS input_tokens,"                            \
    " sum(json_extract(body, '$.usage.output_tokens')) AS output_tokens,"                          \
    " sum(json_extract(body, '$.usage.cached_tokens')) AS cached_tokens,"                          \
    " sum(json_extract(body, '$.usage.cost_usd')) AS cost_usd,"                                    \
    " count(json_extract(body, '$.usage.output_tokens')) AS counted,"                              \
    " count(json_extract(body, '$.usage.cost_usd')) AS priced, max(at) AS last_at"

static const struct query q_agent_totals = {
    "WITH part AS (SELECT json_extract(body, '$.agent') AS agent," SUMS
    " FROM journal INDEXED BY journal_agents WHERE " OF_AGENTS " GROUP BY 1"
    " UNION ALL SELECT agent, attempts, failed, input_tokens, output_tokens, cached_tokens,"
    " cost_usd, counted, priced, last_at FROM agent_usage)"
    " SELECT agent, sum(attempts), sum(failed), sum(input_tokens), sum(output_tokens),"
    " sum(cached_tokens), sum(cost_usd), sum(counted), sum(priced), max(last_at)"
    " FROM part GROUP BY agent"};

#define PLUS(column)                                                                               \
#column " = ifnull(" #column " + excluded." #column ", ifnull(" #column ", excluded." #column  \
            "))"

static const struct query q_keep = {
    "INSERT INTO agent_usage (agent, month, attempts, failed, input_tokens, output_tokens,"
    " cached_tokens, cost_usd, counted, priced, last_at)"
    " SELECT json_extract(body, '$.agent'), strftime('%Y-%m', at / 1000, 'unixepoch')," SUMS
    " FROM journal WHERE run = ?1 AND " OF_AGENTS " GROUP BY 1, 2"
    " ON CONFLICT (agent, month) DO UPDATE SET attempts = attempts + excluded.attempts,"
    " failed = failed + excluded.failed, " PLUS(input_tokens) ", " PLUS(output_tokens) ", " PLUS(
        cached_tokens) ", " PLUS(cost_usd) ", counted = counted + excluded.counted,"
                                           " priced = priced + excluded.priced, last_at = "
                                           "max(last_at, excluded.last_at)"};

int totals_keep(struct tx *tx, const char *run_id, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_keep);

    bind_text(statement, 1, run_id);
    return tx_run(tx, statement, NULL, err);
}

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
