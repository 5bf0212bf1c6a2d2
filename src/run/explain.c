/* SPDX-License-Identifier: MIT */
/* Why each step was done or taken over from an earlier one. */
#include "base/alloc.h"
#include "run/journal.h"
#include "run/run.h"

#include <stdlib.h>
#include <string.h>

struct explanation {
    const char *run_id;
    const char *step;
    bool is_fresh;
    json_t *steps;
};

static const struct query q_created = {"SELECT " JOURNAL_COLUMNS
                                       " FROM journal WHERE run = ?1 AND seq = 1"};
static const struct query q_step_all = {
    "SELECT key, status, reused, digest, parts, attempts, started_at FROM step WHERE run = ?1 AND"
    " (?2 IS NULL OR key = ?2) AND key NOT LIKE 'gate:%' ORDER BY started_at, key"};
/* The last earlier try at the same thing: the same step of the same workflow. */
static const struct query q_step_before = {
    "SELECT s.run, s.parts, s.status, s.ended_at FROM step s JOIN run r ON r.id = s.run, run mine"
    " WHERE mine.id = ?1 AND s.key = ?2 AND s.run <> ?1 AND r.workflow = mine.workflow AND"
    " s.parts IS NOT NULL AND r.created_at <= mine.created_at"
    " ORDER BY r.created_at DESC LIMIT 1"};
static const struct query q_instances = {
    "SELECT count(*) FROM step WHERE run = ?1 AND substr(key, 1, length(?2) + 1) = ?2 || '['"};
static const struct query q_reused_from = {
    "SELECT " JOURNAL_COLUMNS
    " FROM journal WHERE run = ?1 AND kind = 'step_reused' ORDER BY seq DESC"};

static json_t *parse(const char *text)
{
    json_t *value = NULL;

    if (text) {
        (void)json_parse_text(text, strlen(text), "parts", &value, NULL);
    }
    return value;
}

static void add_differences(const json_t *mine, const json_t *theirs, bool only_missing,
                            json_t *differs)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)mine, name, value)
    {
        const json_t *other = json_object_get(theirs, name);

        if (only_missing ? !other : !json_equal(value, other)) {
            (void)json_array_append_new(differs, json_string(name));
        }
    }
}

/* Nothing differs, and still it was done again. */
static void say_why_not_taken(struct statement *before, json_t *row)
{
    const char *status = column_text(before, 2);
    char *text;

    if (column_integer(before, 3) > json_get_integer(row, "started_at", 0)) {
        json_put_text(row, "why", "the earlier one had not ended yet when this one began");
    } else if (strcmp(status, "completed") == 0) {
        json_put_text(row, "why", "the result of the earlier one is no longer there");
    } else {
        text = mem_printf("the earlier one was not completed but is %s", status);
        json_put_text(row, "why", text);
        free(text);
    }
}

static int explain_executed(struct tx *tx, const struct explanation *job, json_t *row,
                            const json_t *parts, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_step_before);
    json_t *differs;
    json_t *theirs;
    int r;

    json_put_text(row, "decision", "executed");
    if (!parts) {
        json_put_text(row, "why", "this kind of step is never reused (reuse: never)");
        return 0;
    }
    if (job->is_fresh) {
        json_put_text(row, "why", "the run was asked to do everything itself (--fresh)");
        return 0;
    }
    bind_text(statement, 1, job->run_id);
    bind_text(statement, 2, json_get_text(row, "key", ""));
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (r == 0) {
        json_put_text(row, "why", "no earlier run of this workflow had done it");
        return 0;
    }
    theirs = parse(column_text(statement, 1));
    differs = json_array();
    add_differences(parts, theirs, false, differs);
    add_differences(theirs, parts, true, differs);
    json_put_text(row, "compared_with", column_text(statement, 0));
    if (json_array_size(differs) > 0) {
        json_put_text(row, "why", "what goes into it changed since the last time");
    } else {
        say_why_not_taken(statement, row);
    }
    json_put(row, "differs", differs);
    json_decref(theirs);
    return 0;
}

static int explain_reused(struct tx *tx, const struct explanation *job, json_t *row,
                          struct error *err)
{
    struct statement *statement = tx_query(tx, &q_reused_from);
    int r;

    json_put_text(row, "decision", "reused");
    json_put_text(row, "why", "everything that goes into it is the same");
    bind_text(statement, 1, job->run_id);
    while ((r = statement_step(statement, err)) > 0) {
        json_t *body = NULL;
        bool is_it;

        r = journal_parse_row(statement, &body, err);
        if (r < 0) {
            return r;
        }
        is_it = strcmp(json_get_text(body, "step", ""), json_get_text(row, "key", "-")) == 0;
        if (is_it) {
            json_put_text(row, "from", json_get_text(body, "from_run", NULL));
            json_put_text(row, "from_step", json_get_text(body, "from_step", NULL));
        }
        json_decref(body);
        if (is_it) {
            return 0;
        }
    }
    return r;
}

/* Skipped, not begun, a foreach, or something that other people or runs do. */
static int explain_without_attempt(struct tx *tx, const struct explanation *job, json_t *row,
                                   struct error *err)
{
    struct statement *statement = tx_query(tx, &q_instances);
    const char *status = json_get_text(row, "status", "");
    char *text;
    int r;

    bind_text(statement, 1, job->run_id);
    bind_text(statement, 2, json_get_text(row, "key", ""));
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (column_integer(statement, 0) > 0) {
        text = mem_printf("%lld instances, each explained by itself",
                          (long long)column_integer(statement, 0));
        json_put_text(row, "decision", "expanded");
        json_put_text(row, "why", text);
        free(text);
    } else if (strcmp(status, "skipped") == 0) {
        json_put_text(row, "decision", status);
        json_put_text(row, "why", "its condition did not hold, or it was asked to be left out");
    } else {
        text = mem_printf("it is %s", status);
        json_put_text(row, "decision", "not executed");
        json_put_text(row, "why", text);
        free(text);
    }
    return 0;
}

static int explain_row(struct tx *tx, const struct explanation *job, json_t *row,
                       const json_t *parts, struct error *err)
{
    if (json_is_true(json_object_get(row, "reused"))) {
        return explain_reused(tx, job, row, err);
    }
    return json_get_integer(row, "attempts", 0) > 0 ? explain_executed(tx, job, row, parts, err)
                                                    : explain_without_attempt(tx, job, row, err);
}

static int read_creation(struct tx *tx, struct explanation *job, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_created);
    json_t *body = NULL;
    int r;

    bind_text(statement, 1, job->run_id);
    r = statement_step(statement, err);
    if (r > 0) {
        r = journal_parse_row(statement, &body, err);
        job->is_fresh = json_get_boolean(body, "fresh", false);
        json_decref(body);
    }
    return r;
}

static int read_steps(struct tx *tx, void *arg, struct error *err)
{
    struct explanation *job = arg;
    json_t *rows = json_array();
    struct statement *statement;
    size_t index;
    json_t *row;
    int r = read_creation(tx, job, err);

    job->steps = rows;
    if (r < 0) {
        return r;
    }
    statement = tx_query(tx, &q_step_all);
    bind_text(statement, 1, job->run_id);
    bind_text(statement, 2, job->step);
    while ((r = statement_step(statement, err)) > 0) {
        row = json_object();
        json_put_text(row, "key", column_text(statement, 0));
        json_put_text(row, "status", column_text(statement, 1));
        json_put(row, "reused", json_boolean(column_integer(statement, 2)));
        json_put_text(row, "digest", column_text(statement, 3));
        json_put(row, "parts", parse(column_text(statement, 4)));
        json_put_integer(row, "attempts", column_integer(statement, 5));
        json_put_integer(row, "started_at", column_integer(statement, 6));
        (void)json_array_append_new(rows, row);
    }
    json_array_foreach(rows, index, row)
    {
        if (r == 0) {
            r = explain_row(tx, job, row, json_object_get(row, "parts"), err);
        }
    }
    return r;
}

int run_explain(struct store *store, const char *run_id, const char *step, json_t **ret_answer,
                struct error *err)
{
    struct explanation job = {.run_id = run_id, .step = step};
    int r = store_read(store, read_steps, &job, err);

    if (r == 0 && step && json_array_size(job.steps) == 0) {
        r = error_set(err, ERROR_NOT_FOUND, "step \"%s\" of run %s has not begun, or is not there",
                      step, run_id);
    }
    if (r < 0) {
        json_decref(job.steps);
        return r;
    }
    *ret_answer = json_object();
    json_put(*ret_answer, "steps", job.steps);
    return 0;
}
