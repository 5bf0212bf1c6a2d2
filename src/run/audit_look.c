/* SPDX-License-Identifier: MIT */
/* The audit log for who reads it: a page of it, and whether it is what was written. */
#include "run/audit_chain.h"
#include "run/journal.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROBLEMS_MAX 20

static const struct query q_page = {
    "SELECT " AUDIT_COLUMNS " FROM audit WHERE (?1 IS NULL OR run = ?1) AND (?2 = 0 OR id < ?2)"
    " ORDER BY id DESC LIMIT ?3"};
static const struct query q_all = {"SELECT " AUDIT_COLUMNS " FROM audit ORDER BY id"};
static const struct query q_record = {"SELECT " JOURNAL_COLUMNS
                                      " FROM journal WHERE run = ?1 AND seq = ?2"};
static const struct query q_run = {"SELECT 1 FROM run WHERE id = ?1"};
static const struct query q_unlisted = {
    "SELECT " JOURNAL_COLUMNS
    " FROM journal WHERE kind IN ('run_created', 'run_moved', 'step_moved',"
    " 'phase_moved', 'attempt_started', 'attempt_ended', 'run_wished', 'approval_given',"
    " 'question_answered', 'signal_received', 'gate_skipped', 'run_edited', 'restored',"
    " 'budget_set') AND at >= ?1"
    " AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.run = journal.run AND audit.seq = "
    "journal.seq)"
    " ORDER BY run, seq"};
static const struct query q_twice = {"SELECT run, seq, count(*) FROM audit WHERE seq > 0"
                                     " GROUP BY run, seq HAVING count(*) > 1"};
/* What is no record of a run that is there is told by another entry. */
static const struct query q_removed = {
    "SELECT run FROM audit WHERE run IS NOT NULL AND run NOT IN (SELECT id FROM run)"
    " GROUP BY run HAVING sum(event = 'run_removed') = 0"};

static void get_entry(struct statement *statement, struct audit_entry *ret_entry)
{
    *ret_entry = (struct audit_entry){.at = column_integer(statement, 1),
                                      .event = column_text(statement, 2),
                                      .user = column_text(statement, 3),
                                      .run = column_text(statement, 4),
                                      .seq = column_integer(statement, 5),
                                      .resource = column_text(statement, 6),
                                      .status = column_text(statement, 7),
                                      .details = column_text(statement, 8)};
}

/* ---- a page ---- */

struct page {
    const struct audit_filter *filter;
    json_t *entries;
    json_int_t next;
};

static json_t *describe(struct statement *statement)
{
    struct audit_entry entry;
    json_t *described = json_object();

    get_entry(statement, &entry);
    json_put_integer(described, "id", column_integer(statement, 0));
    json_put_integer(described, "at", entry.at);
    json_put_text(described, "event", entry.event);
    json_put_text(described, "user", entry.user);
    json_put_text(described, "run", entry.run);
    if (entry.seq > 0) {
        json_put_integer(described, "seq", entry.seq);
    }
    json_put_text(described, "resource", entry.resource);
    json_put_text(described, "status", entry.status);
    if (entry.details) {
        json_t *details = NULL;

        if (json_parse_text(entry.details, strlen(entry.details), "audit", &details, NULL) == 0) {
            json_put(described, "details", details);
        }
    }
    json_put_text(described, "hash", column_text(statement, 9));
    return described;
}

static int read_page(struct tx *tx, void *arg, struct error *err)
{
    struct page *page = arg;
    struct statement *statement = tx_query(tx, &q_page);
    int r;

    bind_text(statement, 1, page->filter->run);
    bind_integer(statement, 2, page->filter->before);
    bind_integer(statement, 3, page->filter->limit + 1);
    while ((r = statement_step(statement, err)) > 0) {
        if ((int)json_array_size(page->entries) == page->filter->limit) {
            const json_t *last = json_array_get(page->entries, page->filter->limit - 1);

            page->next = json_get_integer(last, "id", 0);
        } else {
            (void)json_array_append_new(page->entries, describe(statement));
        }
    }
    return r;
}

int audit_list(struct store *store, const struct audit_filter *filter, json_t **ret_list,
               struct error *err)
{
    struct page page = {.filter = filter, .entries = json_array()};
    int r = store_read(store, read_page, &page, err);

    if (r < 0) {
        json_decref(page.entries);
        return r;
    }
    *ret_list = json_pack("{s:o}", "entries", page.entries);
    json_put(*ret_list, "next", page.next > 0 ? json_integer(page.next) : json_null());
    return 0;
}

/* ---- verifying ---- */

struct verification {
    const char *head;
    bool has_head;
    json_t *problems;
    int64_t count; /* of entries */
    int64_t first_at;
    char hash[DIGEST_HEX_SIZE];
};

static void note(struct verification *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct verification *job, const char *format, ...)
{
    char text[512];
    va_list args;

    if (json_array_size(job->problems) < PROBLEMS_MAX) {
        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        (void)json_array_append_new(job->problems, json_text_lossy(text, strlen(text)));
    }
}

static bool is_same(const char *one, const char *other)
{
    return (!one && !other) || (one && other && strcmp(one, other) == 0);
}

static int decode(struct statement *statement, struct arena *arena, json_t **ret_object,
                  struct record *ret_record, struct error *err)
{
    struct journal_row row;
    int r = journal_get_row(statement, &row, err);

    if (r == 0) {
        r = json_parse_text(row.body, strlen(row.body), "journal", ret_object, err);
    }
    if (r == 0) {
        r = record_decode(row.kind, *ret_object, arena, ret_record, err);
    }
    if (r == 0) {
        ret_record->seq = row.seq;
        ret_record->at = row.at;
    }
    return r;
}

/* 1 when the record is what the entry says, else 0; negative: it cannot be read. */
static int fits(struct statement *statement, const struct audit_entry *entry, struct error *err)
{
    struct arena *arena = arena_new();
    struct audit_entry expected;
    struct record record;
    json_t *object = NULL;
    int r = decode(statement, arena, &object, &record, err);

    if (r == 0) {
        r = audit_describe(&record, entry->run, arena, &expected) && expected.at == entry->at &&
            is_same(expected.event, entry->event) && is_same(expected.resource, entry->resource) &&
            is_same(expected.status, entry->status) && is_same(expected.details, entry->details) &&
            (!expected.user || is_same(expected.user, entry->user));
    }
    json_decref(object);
    arena_free(arena);
    return r;
}

static int check_record(struct tx *tx, struct verification *job, int64_t id,
                        const struct audit_entry *entry, struct error *err)
{
    struct statement *record = tx_query(tx, &q_record);
    struct statement *run;
    int r;

    bind_text(record, 1, entry->run);
    bind_integer(record, 2, entry->seq);
    r = statement_step(record, err);
    if (r > 0) {
        r = fits(record, entry, err);
        if (r == 0) {
            note(job, "entry %lld is not what record %lld of run %s says", (long long)id,
                 (long long)entry->seq, entry->run);
        }
        return r < 0 ? r : 0;
    }
    if (r == 0) {
        run = tx_query(tx, &q_run);
        bind_text(run, 1, entry->run);
        r = statement_step(run, err);
        if (r > 0) {
            note(job, "entry %lld tells of record %lld of run %s, which is not there",
                 (long long)id, (long long)entry->seq, entry->run);
        }
    }
    return r < 0 ? r : 0;
}

static int check_entry(struct tx *tx, struct verification *job, struct statement *statement,
                       struct error *err)
{
    int64_t id = column_integer(statement, 0);
    const char *hash = column_text(statement, 9);
    struct audit_entry entry;
    char expected[DIGEST_HEX_SIZE];
    int r = 0;

    get_entry(statement, &entry);
    if (id != job->count + 1) {
        note(job, "between entry %lld and entry %lld some are missing", (long long)job->count,
             (long long)id);
    }
    audit_hash(&entry, id, job->hash, expected);
    if (!hash || strcmp(hash, expected) != 0) {
        note(job,
             "entry %lld is not what was written, or not behind the one that it was written "
             "behind",
             (long long)id);
    }
    job->has_head = job->has_head || (job->head && hash && strcmp(hash, job->head) == 0);
    job->first_at = job->first_at ? job->first_at : entry.at;
    job->count = id;
    (void)snprintf(job->hash, sizeof(job->hash), "%s", hash ? hash : "");
    if (entry.run && entry.seq > 0) {
        r = check_record(tx, job, id, &entry, err);
    }
    return r;
}

/* What was cut off at the end leaves the chain sound, but records without entries. */
static int check_unlisted(struct tx *tx, struct verification *job, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_unlisted);
    int r;

    bind_integer(statement, 1, job->first_at);
    while ((r = statement_step(statement, err)) > 0) {
        const char *run = column_text(statement, 0);
        struct arena *arena = arena_new();
        struct audit_entry expected;
        struct record record;
        json_t *object = NULL;

        r = decode(statement, arena, &object, &record, err);
        if (r == 0 && audit_describe(&record, run, arena, &expected)) {
            note(job, "record %lld of run %s (%s) has no entry", (long long)record.seq, run,
                 expected.event);
        }
        json_decref(object);
        arena_free(arena);
        if (r < 0) {
            return r;
        }
    }
    return r;
}

static int check_once(struct tx *tx, struct verification *job, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_twice);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        note(job, "record %lld of run %s has %lld entries", (long long)column_integer(statement, 1),
             column_text(statement, 0), (long long)column_integer(statement, 2));
    }
    return r;
}

static int check_removed(struct tx *tx, struct verification *job, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_removed);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        note(job, "run %s is gone, and no entry tells who removed it", column_text(statement, 0));
    }
    return r;
}

static int verify(struct tx *tx, void *arg, struct error *err)
{
    struct verification *job = arg;
    struct statement *statement = tx_query(tx, &q_all);
    int r;

    while ((r = statement_step(statement, err)) > 0) {
        r = check_entry(tx, job, statement, err);
        if (r < 0) {
            return r;
        }
    }
    r = r < 0 ? r : check_unlisted(tx, job, err);
    r = r < 0 ? r : check_once(tx, job, err);
    r = r < 0 ? r : check_removed(tx, job, err);
    if (r == 0 && job->head && !job->has_head) {
        note(job, "no entry has the hash %s: the log was cut or written anew", job->head);
    }
    return r;
}

int audit_verify(struct store *store, const char *head, json_t **ret_report, struct error *err)
{
    struct verification job = {.head = head, .problems = json_array(), .hash = AUDIT_NO_HASH};
    int r = store_read(store, verify, &job, err);

    if (r < 0) {
        json_decref(job.problems);
        return r;
    }
    *ret_report = json_pack("{s:I, s:s, s:b, s:o}", "entries", (json_int_t)job.count, "head",
                            job.hash, "sound", json_array_size(job.problems) == 0, "problems",
                            job.problems);
    return 0;
}
