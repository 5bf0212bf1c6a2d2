/* SPDX-License-Identifier: MIT */
/* Why each step was done or taken over from an earlier one. */
#include "base/alloc.h"
#include "run/journal.h"
#include "run/query.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What the journal tells of one run's steps. */
struct explanation {
    const char *run_id;
    const char *step; /* NULL: all */
    bool is_fresh;
    char *forked_from; /* NULL: it is no fork */
    json_t *again;     /* keys of steps that a fork was to do again; NULL: none */
    json_t *rows;      /* key -> row, in the order in which they began */
};

/* The last earlier try at the same thing: the same step of the same workflow. */
static const struct query q_step_before = {
    "SELECT s.run, s.parts, s.status, s.ended_at, s.digest FROM step s JOIN run r ON r.id = s.run, "
    "run mine"
    " WHERE mine.id = ?1 AND s.key = ?2 AND s.run <> ?1 AND r.workflow = mine.workflow AND"
    " s.parts IS NOT NULL AND r.created_at <= mine.created_at"
    " ORDER BY r.created_at DESC LIMIT 1"};

/* The same step of the run that this one was forked from, whatever that was called. */
static const struct query q_step_forked = {
    "SELECT run, parts, status, ended_at, digest FROM step WHERE run = ?1 AND key = ?2"
    " AND parts IS NOT NULL"};

static json_t *parse(const char *text)
{
    json_t *value = NULL;

    (void)json_parse_text(text, strlen(text), "parts", &value, NULL);
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
    } else if (strcmp(status, "completed") == 0 && !column_text(before, 4)) {
        json_put_text(row, "why",
                      "the earlier one changed files, which its result does not bring back");
    } else if (strcmp(status, "completed") == 0) {
        json_put_text(row, "why", "the result of the earlier one is no longer there");
    } else {
        text = mem_printf("the earlier one was not completed but is %s", status);
        json_put_text(row, "why", text);
        free(text);
    }
}

/* What it was most likely to be taken from: 1 and the row of it, 0 when there is none. */
static int find_before(struct tx *tx, const struct explanation *job, const char *key,
                       struct statement **ret_statement, struct error *err)
{
    struct statement *statement;
    int r = 0;

    if (job->forked_from) {
        statement = tx_query(tx, &q_step_forked);
        bind_text(statement, 1, job->forked_from);
        bind_text(statement, 2, key);
        r = statement_step(statement, err);
        *ret_statement = statement;
    }
    if (r == 0) {
        statement = tx_query(tx, &q_step_before);
        bind_text(statement, 1, job->run_id);
        bind_text(statement, 2, key);
        r = statement_step(statement, err);
        *ret_statement = statement;
    }
    return r;
}

/* NULL: it was looked for an earlier result, and none was found. */
static const char *say_why_none_was_wanted(const struct explanation *job, const json_t *row,
                                           const json_t *parts)
{
    const char *key = json_get_text(row, "key", "");
    char *list = mem_strndup(key, strcspn(key, "["));
    bool is_again = json_object_get(job->again, list);

    free(list);
    if (is_again) {
        return "the fork was to do it again (--from)";
    }
    if (!parts) {
        return "this kind of step is never reused (reuse: never)";
    }
    return job->is_fresh ? "the run was asked to do everything itself (--fresh)" : NULL;
}

/* After an edit that it did not outlive: what changed, as far as its parts tell, else as the edit
 * found it. */
static void explain_edited(json_t *row, const json_t *edit)
{
    const json_t *was = json_object_get(row, "parts_before");
    const json_t *parts = json_object_get(row, "parts");
    json_t *differs = json_array();
    char *why = mem_printf("the plan was edited: %s", json_get_text(edit, "why", ""));

    if (was && parts) {
        add_differences(parts, was, false, differs);
        add_differences(was, parts, true, differs);
    } else if (json_object_get(edit, "differs")) {
        (void)json_array_extend(differs, json_object_get(edit, "differs"));
    }
    json_put_text(row, "why", why);
    json_put_text(row, "compared_with", json_get_text(row, "run", NULL));
    json_put(row, "differs", differs);
    free(why);
}

static int explain_executed(struct tx *tx, const struct explanation *job, json_t *row,
                            const json_t *parts, struct error *err)
{
    const char *why = say_why_none_was_wanted(job, row, parts);
    struct statement *statement;
    json_t *differs;
    json_t *theirs;
    int r;

    json_put_text(row, "decision", "executed");
    if (json_object_get(row, "edit") && !json_is_true(json_object_get(row, "kept"))) {
        explain_edited(row, json_object_get(row, "edit"));
        return 0;
    }
    if (why) {
        json_put_text(row, "why", why);
        return 0;
    }
    r = find_before(tx, job, json_get_text(row, "key", ""), &statement, err);
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

static void explain_reused(const struct explanation *job, json_t *row)
{
    bool is_own = strcmp(json_get_text(row, "from", ""), job->run_id) == 0;

    json_put_text(row, "decision", "reused");
    json_put_text(row, "why",
                  is_own ? "the plan was edited, and everything that goes into it is the same"
                         : "everything that goes into it is the same");
}

/* It had its end before the plan was edited, and the edit changed nothing of it. */
static void explain_kept(json_t *row)
{
    char *why = mem_printf("%s; it stayed when the plan was edited, for nothing that goes into it "
                           "changed",
                           json_get_text(row, "why", ""));

    json_put_text(row, "why", why);
    free(why);
}

static void explain_removed(json_t *row)
{
    json_put_text(row, "decision", "removed");
    json_put_text(row, "why", "the plan was edited, and has it no more");
}

/* Skipped, not begun, a foreach, or something that other people or runs do. */
static void explain_without_attempt(json_t *row)
{
    const char *status = json_get_text(row, "status", "");
    const char *child = json_get_text(row, "child", NULL);
    json_int_t instances = json_get_integer(row, "instances", 0);
    char *text;

    if (instances > 0) {
        text = mem_printf("%lld instances, each explained by itself", (long long)instances);
        json_put_text(row, "decision", "expanded");
        json_put_text(row, "why", text);
        free(text);
    } else if (strcmp(status, "skipped") == 0) {
        json_put_text(row, "decision", status);
        json_put_text(row, "why", json_get_text(row, "skipped", "its phase was left out"));
    } else if (strcmp(status, "pending") != 0 && child) {
        text = mem_printf("run %s does it, and explains its own steps", child);
        json_put_text(row, "decision", "nested");
        json_put_text(row, "why", text);
        free(text);
    } else if (strcmp(status, "pending") != 0 && json_is_true(json_object_get(row, "approval"))) {
        json_put_text(row, "decision", "asked");
        json_put_text(row, "why", "an approval is asked for in every run anew");
    } else {
        text = mem_printf("it is %s", status);
        json_put_text(row, "decision", "not executed");
        json_put_text(row, "why", text);
        free(text);
    }
}

/* ---- what the journal tells ---- */

static json_t *row_of(struct explanation *job, const struct record *record)
{
    json_t *row = json_object_get(job->rows, record->step);

    if (!row) {
        row = json_object();
        json_put_text(row, "key", record->step);
        json_put_text(row, "phase", record->phase);
        json_put(row, "reused", json_false());
        json_put(job->rows, record->step, row);
    }
    return row;
}

static void note_result(json_t *row, const struct record *record, bool is_reused)
{
    json_put_text(row, "status", is_reused ? "completed" : "running");
    json_put(row, "reused", json_boolean(is_reused));
    json_put_text(row, "digest", record->digest);
    json_put_integer(row, "started_at", record->at);
    if (record->data) {
        json_put(row, "parts", json_incref((json_t *)(uintptr_t)record->data));
    }
    if (is_reused) {
        json_put_text(row, "from", record->other);
        json_put_text(row, "from_step", record->other_step);
        json_put_text(row, "agent", record->agent);
        json_put_text(row, "model", record->model);
    }
}

static void note_reset(struct explanation *job, const char *phase)
{
    const char *key;
    json_t *row;

    json_object_foreach(job->rows, key, row)
    {
        if (strcmp(json_get_text(row, "phase", ""), phase) == 0) {
            json_put_text(row, "status", "pending");
            json_put(row, "reused", json_false());
        }
    }
}

/* The plan was edited: what is not kept begins anew. */
static void note_edit(struct explanation *job, const struct record *record)
{
    const char *key;
    json_t *row;
    size_t index;
    const json_t *name;

    json_object_foreach(job->rows, key, row)
    {
        const json_t *edit = json_object_get(record->question, key);
        bool is_there = edit || json_object_get(record->files, key);

        json_put(row, "kept", json_false());
        (void)json_object_del(row, "edit");
        json_put(row, "edit", json_incref((json_t *)(uintptr_t)edit));
        json_put(row, "gone", is_there ? NULL : json_true());
    }
    json_array_foreach((json_t *)(uintptr_t)record->data, index, name)
    {
        row = json_object_get(job->rows, json_string_value(name));
        if (row) {
            json_put(row, "kept", json_true());
            (void)json_object_del(row, "gone");
        }
    }
    json_object_foreach(job->rows, key, row)
    {
        if (!json_is_true(json_object_get(row, "kept"))) {
            json_put_text(row, "status", "pending");
            json_put(row, "reused", json_false());
            json_put_integer(row, "attempts", 0);
            json_put(row, "parts_before", json_incref(json_object_get(row, "parts")));
        }
    }
}

static const char *status_after(const struct record *record)
{
    if (record->kind == RECORD_STEP_MOVED) {
        return record->status;
    }
    if (record->kind == RECORD_STEP_DONE) {
        return "completed";
    }
    return record->kind == RECORD_STEP_WAITING && strcmp(record->reason, "approval") == 0
               ? "paused"
               : "running";
}

static bool is_of_step(enum record_kind kind)
{
    return kind == RECORD_STEP_EXPANDED || kind == RECORD_STEP_MOVED ||
           kind == RECORD_STEP_WAITING || kind == RECORD_ATTEMPT_STARTED ||
           kind == RECORD_STEP_DONE || kind == RECORD_STEP_REUSED;
}

static bool is_asked_for(const struct explanation *job, const char *key)
{
    return job->step ? strcmp(key, job->step) == 0 : strncmp(key, "gate:", 5) != 0;
}

static void note_creation(struct explanation *job, const struct record *record)
{
    size_t index;
    const json_t *key;

    job->is_fresh = record->flag;
    job->forked_from = mem_strdup(record->folder);
    job->again = json_object();
    json_array_foreach((json_t *)record->files, index, key)
    {
        json_put(job->again, json_string_value(key), json_true());
    }
}

static int note_record(void *context, const struct record *record, struct error *err)
{
    struct explanation *job = context;
    json_t *row;

    (void)err;
    if (record->kind == RECORD_RUN_CREATED) {
        note_creation(job, record);
    }
    if (record->kind == RECORD_PHASE_RESET) {
        note_reset(job, record->phase);
    }
    if (record->kind == RECORD_RUN_EDITED) {
        note_edit(job, record);
    }
    if (!is_of_step(record->kind) || !is_asked_for(job, record->step)) {
        return 0;
    }
    row = row_of(job, record);
    json_put_text(row, "status", status_after(record));
    json_put_text(row, "run", job->run_id);
    (void)json_object_del(row, "gone");
    if (record->kind == RECORD_STEP_MOVED && strcmp(record->status, "skipped") == 0) {
        json_put_text(row, "skipped", record->reason);
    }
    if (record->kind == RECORD_STEP_EXPANDED) {
        json_put_integer(row, "instances", record->number);
    }
    if (record->kind == RECORD_STEP_WAITING && strcmp(record->reason, "workflow") == 0) {
        json_put_text(row, "child", record->other);
    }
    if (record->kind == RECORD_STEP_WAITING && strcmp(record->reason, "approval") == 0) {
        json_put(row, "approval", json_true());
    }
    if (record->kind == RECORD_ATTEMPT_STARTED || record->kind == RECORD_STEP_DONE) {
        json_put_integer(row, "attempts", record->number);
    }
    if (record->kind == RECORD_ATTEMPT_STARTED || record->kind == RECORD_STEP_DONE ||
        record->kind == RECORD_STEP_REUSED) {
        note_result(row, record, record->kind == RECORD_STEP_REUSED);
    }
    return 0;
}

static void forget_notes(json_t *row)
{
    static const char *const names[] = {"instances", "approval",     "phase", "edit",
                                        "gone",      "parts_before", "run",   "skipped"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)json_object_del(row, names[i]);
    }
}

static int explain_rows(struct tx *tx, void *arg, struct error *err)
{
    struct explanation *job = arg;
    const char *key;
    json_t *row;
    int r = journal_read(tx, job->run_id, 1, 0, note_record, job, err);

    json_object_foreach(job->rows, key, row)
    {
        if (r < 0) {
            break;
        }
        if (json_is_true(json_object_get(row, "gone"))) {
            explain_removed(row);
        } else if (json_is_true(json_object_get(row, "reused"))) {
            explain_reused(job, row);
        } else if (json_get_integer(row, "attempts", 0) > 0) {
            r = explain_executed(tx, job, row, json_object_get(row, "parts"), err);
        } else {
            explain_without_attempt(row);
        }
        if (json_is_true(json_object_get(row, "kept"))) {
            explain_kept(row);
        }
        forget_notes(row);
    }
    return r;
}

int run_explain(struct store *store, const char *run_id, const char *step, json_t **ret_answer,
                struct error *err)
{
    struct explanation job = {.run_id = run_id, .step = step, .rows = json_object()};
    int r = store_read(store, explain_rows, &job, err);
    const char *key;
    json_t *row;
    json_t *steps;

    if (r == 0 && step && json_object_size(job.rows) == 0) {
        r = error_set(err, ERROR_NOT_FOUND, "step \"%s\" of run %s has not begun, or is not there",
                      step, run_id);
    }
    if (r == 0) {
        steps = json_array();
        json_object_foreach(job.rows, key, row)
        {
            (void)json_array_append_new(steps, json_incref(row));
        }
        *ret_answer = json_object();
        json_put(*ret_answer, "steps", steps);
    }
    json_decref(job.rows);
    json_decref(job.again);
    free(job.forked_from);
    return r;
}
