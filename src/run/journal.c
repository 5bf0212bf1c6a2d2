/* SPDX-License-Identifier: MIT */
#include "run/journal.h"

#include "base/alloc.h"
#include "base/digest.h"
#include "run/budgets.h"
#include "run/states.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_LOST "another process took run %s over"
#define RECORD_BYTES_MAX 1000000000U /* SQLite takes no larger value; its parts have ceilings */

/* ---- building a commit, on the loop ---- */

static void fill_counts(const struct run_state *run, struct run_row *row)
{
    row->steps_completed = run->counts[STEP_IS_COMPLETED];
    row->steps_failed = run->counts[STEP_IS_FAILED];
    row->steps_skipped = run->counts[STEP_IS_SKIPPED];
    row->steps_running = run->counts[STEP_IS_RUNNING] + run->counts[STEP_IS_PAUSED];
    row->steps_total = 0;
    for (size_t i = 0; i < ARRAY_LEN(run->counts); i++) {
        row->steps_total += run->counts[i];
    }
}

static void fill_run_row(const struct run_state *run, struct arena *arena, struct run_row *row)
{
    char *ledger;

    row->id = arena_strdup(arena, run->id);
    row->workflow = arena_strdup(arena, run->workflow->name);
    row->title = arena_strdup(arena, run->workflow->title);
    row->digest = arena_strdup(arena, run->workflow->digest);
    row->task = arena_strdup(arena, run->task);
    row->status = run_status_name(run->status);
    row->wish = wish_name(run->wish);
    row->reason = arena_strdup(arena, run->reason);
    row->detail = arena_strdup(arena, run->detail);
    row->strategy = run->strategy ? strategy_name(run->strategy) : NULL;
    row->label = arena_strdup(arena, run->label);
    row->parent = arena_strdup(arena, run->parent);
    row->task_id = arena_strdup(arena, run->task_id);
    row->depth = run->depth;
    row->created_at = run->created_at;
    row->started_at = run->started_at;
    row->ended_at = run->ended_at;
    row->waits_until = run_waits_until(run);
    row->seq = run->seq;
    ledger = budgets_format(run);
    row->ledger = arena_strdup(arena, ledger);
    free(ledger);
}

struct commit *commit_new(const struct run_state *run, int64_t generation)
{
    struct commit *commit = mem_zero(1, sizeof(*commit));

    commit->arena = arena_new();
    commit->generation = generation;
    commit->run.id = arena_strdup(commit->arena, run->id);
    return commit;
}

void commit_free(struct commit *commit)
{
    if (!commit) {
        return;
    }
    VEC_RELEASE(&commit->calls);
    VEC_RELEASE(&commit->journal);
    VEC_RELEASE(&commit->steps);
    VEC_RELEASE(&commit->audit);
    arena_free(commit->arena);
    free(commit);
}

static char *json_into(struct arena *arena, const json_t *value)
{
    char *text;
    char *copy;

    if (!value) {
        return NULL;
    }
    text = json_dump_compact(value);
    copy = arena_strdup(arena, text);
    free(text);
    return copy;
}

static void add_journal_row(struct commit *commit, const struct record *record,
                            struct strbuf *scratch)
{
    strbuf_reset(scratch);
    record_format(record, scratch);
    assert(!scratch->overflow);
    *VEC_PUSH(&commit->journal) = (struct journal_row){
        .seq = record->seq,
        .at = record->at,
        .kind = record_kind_name(record->kind),
        .body = arena_strndup(commit->arena, scratch->data, scratch->length),
    };
}

/* What an agent did to the files its result alone does not bring back, unless its author said that
 * they do not matter. */
static bool is_reusable(const struct run_state *run, const struct step_state *step)
{
    return step->digest && (json_get_integer(step->result.files, "count", 0) == 0 ||
                            step_reuse(run, step) == REUSE_INPUTS);
}

static void add_audit_entry(struct commit *commit, const struct record *record)
{
    struct audit_entry entry;

    if (audit_describe(record, commit->run.id, commit->arena, &entry)) {
        entry.user = arena_strdup(commit->arena, entry.user ? entry.user : commit->user);
        entry.resource = arena_strdup(commit->arena, entry.resource);
        entry.status = arena_strdup(commit->arena, entry.status);
        *VEC_PUSH(&commit->audit) = entry;
    }
}

/* The table answers what can be taken over from an earlier run: only steps with a digest are in it.
 */
static void add_step_row(struct commit *commit, const struct run_state *run, const char *key,
                         const struct record *record)
{
    const struct step_state *step = run_find_step(run, key);
    struct step_row *row = NULL;

    if (!step->is_digested) {
        return;
    }
    /* One row a step: the last state of the batch wins. Batches touch few steps at a time. */
    for (size_t i = commit->steps.count; i > 0 && i + 8 > commit->steps.count && !row; i--) {
        if (strcmp(commit->steps.items[i - 1].key, key) == 0) {
            row = &commit->steps.items[i - 1];
        }
    }
    if (!row) {
        row = VEC_PUSH(&commit->steps);
        *row = (struct step_row){.key = arena_strdup(commit->arena, key)};
    }
    row->phase = run->phases[step->phase].definition->id;
    row->status = step_status_name(step->status);
    row->class_ = failure_class_name(step->class_);
    row->error = arena_strdup(commit->arena, step->error);
    row->digest = is_reusable(run, step) ? arena_strdup(commit->arena, step->digest) : NULL;
    row->attempts = step->attempts;
    row->started_at = step->started_at;
    row->ended_at = step->ended_at;
    row->is_reused = step->is_reused;
    row->output = step->digest ? json_into(commit->arena, step->result.output) : NULL;
    row->artifacts = step->digest ? json_into(commit->arena, step->result.artifacts) : NULL;
    if (record->data &&
        (record->kind == RECORD_ATTEMPT_STARTED || record->kind == RECORD_STEP_REUSED)) {
        row->parts = json_into(commit->arena, record->data);
    }
    row->phase = arena_strdup(commit->arena, row->phase);
}

static bool changes_step(enum record_kind kind)
{
    return kind == RECORD_STEP_MOVED || kind == RECORD_STEP_WAITING ||
           kind == RECORD_ATTEMPT_STARTED || kind == RECORD_ATTEMPT_ENDED ||
           kind == RECORD_STEP_DONE || kind == RECORD_STEP_REUSED || kind == RECORD_STEP_EXPANDED;
}

/* Steps change with their phase when it is reset, also those without an attempt, and when it is
 * left out. */
static bool changes_phase_steps(const struct record *record)
{
    return record->kind == RECORD_PHASE_RESET ||
           (record->kind == RECORD_PHASE_MOVED && strcmp(record->status, "skipped") == 0);
}

static void add_phase_rows(struct commit *commit, const struct run_state *run,
                           const struct record *record)
{
    const struct phase_state *phase = run_find_phase(run, record->phase);

    for (size_t i = 0; i < run->step_count; i++) {
        if (run->steps[i].phase == phase->definition->index && run->steps[i].is_digested) {
            add_step_row(commit, run, run->steps[i].key, record);
        }
    }
}

/* Only agents that are configured have a breaker. */
static void add_call(struct commit *commit, const struct record *record)
{
    const struct agent_config *agent = commit->config && record->agent
                                           ? config_find_agent(commit->config, record->agent)
                                           : NULL;

    if (agent) {
        *VEC_PUSH(&commit->calls) = (struct admission_end){
            .agent = arena_strdup(commit->arena, agent->name),
            .policy = breaker_policy_of(agent),
            .run = commit->run.id,
            .step = arena_strdup(commit->arena, record->step),
            .class_ = record->is_answered ? CLASS_NONE
                                          : (enum failure_class)failure_class_parse(record->class_),
            .error = arena_strdup(commit->arena, record->error),
            .at = record->at};
    }
}

static void add_record(struct commit *commit, const struct run_state *run,
                       const struct record *record, struct strbuf *scratch)
{
    if (commit->journal.count == 0) {
        commit->seq_before = record->seq - 1;
    }
    add_journal_row(commit, record, scratch);
    add_audit_entry(commit, record);
    if (changes_step(record->kind)) {
        add_step_row(commit, run, record->step, record);
    }
    if (record->kind == RECORD_ATTEMPT_ENDED) {
        add_call(commit, record);
    }
    if (changes_phase_steps(record)) {
        add_phase_rows(commit, run, record);
    }
}

static void add_run(struct commit *commit, const struct run_state *run)
{
    if (commit->journal.count == 0) {
        commit->seq_before = run->seq;
    }
    fill_run_row(run, commit->arena, &commit->run);
    fill_counts(run, &commit->run);
}

void commit_add(struct commit *commit, const struct run_state *run, const struct record *record)
{
    struct strbuf scratch;

    strbuf_init(&scratch, RECORD_BYTES_MAX);
    add_record(commit, run, record, &scratch);
    strbuf_release(&scratch);
    add_run(commit, run);
}

void commit_add_batch(struct commit *commit, const struct run_state *run,
                      const struct record_vec *records)
{
    struct strbuf scratch;

    strbuf_init(&scratch, RECORD_BYTES_MAX);
    VEC_RESERVE(&commit->journal, records->count);
    for (size_t i = 0; i < records->count; i++) {
        const struct record record = record_vec_get(records, i);

        add_record(commit, run, &record, &scratch);
    }
    strbuf_release(&scratch);
    add_run(commit, run);
}

/* ---- writing it, on the store's thread ---- */

static const struct query q_lease_check = {"SELECT generation FROM lease WHERE run = ?1"};
static const struct query q_journal_add = {
    "INSERT INTO journal (run, seq, at, kind, body, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
static const struct query q_journal_last = {"SELECT max(seq) FROM journal WHERE run = ?1"};
static const struct query q_run_put = {
    "INSERT INTO run (id, workflow, title, digest, task, status, wish, reason, detail, strategy,"
    " label, parent, depth, created_at, started_at, ended_at, steps_total, steps_completed,"
    " steps_failed, steps_skipped, steps_running, seq, waits_until, task_id, ledger)"
    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,"
    "?23,?24,?25)"
    " ON CONFLICT (id) DO UPDATE SET workflow=?2, title=?3, digest=?4, status=?6, wish=?7, "
    "reason=?8, detail=?9, started_at=?15,"
    " ended_at=?16, steps_total=?17, steps_completed=?18, steps_failed=?19, steps_skipped=?20,"
    " steps_running=?21, seq=?22, waits_until=?23, ledger=?25"};
static const struct query q_step_put = {
    "INSERT INTO step (run, key, phase, status, class, error, digest, parts, output, artifacts,"
    " attempts, started_at, ended_at, reused)"
    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
    " ON CONFLICT (run, key) DO UPDATE SET status=?4, class=?5, error=?6, digest=?7,"
    " parts=coalesce(?8, parts), output=?9, artifacts=?10, attempts=?11, started_at=?12,"
    " ended_at=?13, reused=?14"};
static const struct query q_inbox_answer = {"UPDATE inbox SET answer=?2 WHERE id=?1"};

/* SQLite keeps no checksum of what lies in the file: this one tells a record that the disk changed.
 * It covers the key as well, so that a record cannot pass for another one. */
static int64_t record_sum(const char *run_id, const struct journal_row *row)
{
    struct digest *digest = digest_new();
    unsigned char numbers[16];

    for (size_t i = 0; i < 8; i++) {
        numbers[i] = (unsigned char)((uint64_t)row->seq >> (8 * i));
        numbers[8 + i] = (unsigned char)((uint64_t)row->at >> (8 * i));
    }
    digest_add(digest, numbers, sizeof(numbers));
    digest_add_field(digest, run_id);
    digest_add_field(digest, row->kind);
    digest_add_field(digest, row->body);
    return digest_finish_short(digest);
}

static int check_lease(struct tx *tx, const struct commit *commit, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_lease_check);
    int r;

    bind_text(statement, 1, commit->run.id);
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (r == 0 || column_integer(statement, 0) != commit->generation) {
        return error_set(err, ERROR_CONFLICT, LEASE_LOST, commit->run.id);
    }
    return 0;
}

/* The journal has no gaps: what is written follows what is there. */
static int check_seq(struct tx *tx, const struct commit *commit, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_journal_last);
    int r;

    bind_text(statement, 1, commit->run.id);
    r = statement_step(statement, err);
    if (r < 0) {
        return r;
    }
    if (column_integer(statement, 0) != commit->seq_before) {
        return error_set(
            err, ERROR_CONFLICT, "run %s: the journal ends at record %lld, %lld was expected",
            commit->run.id, (long long)column_integer(statement, 0), (long long)commit->seq_before);
    }
    return 0;
}

static int write_run(struct tx *tx, const struct run_row *row, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_run_put);
    const char *const texts[] = {row->id,     row->workflow, row->title, row->digest,
                                 row->task,   row->status,   row->wish,  row->reason,
                                 row->detail, row->strategy, row->label, row->parent};
    const int64_t integers[] = {row->depth,        row->created_at,    row->started_at,
                                row->ended_at,     row->steps_total,   row->steps_completed,
                                row->steps_failed, row->steps_skipped, row->steps_running,
                                row->seq,          row->waits_until};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bind_text(statement, (int)i + 1, texts[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        bind_integer(statement, (int)(ARRAY_LEN(texts) + i) + 1, integers[i]);
    }
    bind_text(statement, (int)(ARRAY_LEN(texts) + ARRAY_LEN(integers)) + 1, row->task_id);
    bind_text(statement, (int)(ARRAY_LEN(texts) + ARRAY_LEN(integers)) + 2, row->ledger);
    return tx_run(tx, statement, NULL, err);
}

static int write_step(struct tx *tx, const char *run_id, const struct step_row *row,
                      struct error *err)
{
    struct statement *statement = tx_query(tx, &q_step_put);
    const char *const texts[] = {run_id,     row->key,    row->phase, row->status, row->class_,
                                 row->error, row->digest, row->parts, row->output, row->artifacts};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bind_text(statement, (int)i + 1, texts[i]);
    }
    bind_integer(statement, 11, row->attempts);
    bind_integer(statement, 12, row->started_at);
    bind_integer(statement, 13, row->ended_at);
    bind_integer(statement, 14, row->is_reused);
    return tx_run(tx, statement, NULL, err);
}

static int write_journal(struct tx *tx, const struct commit *commit, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < commit->journal.count; i++) {
        const struct journal_row *row = &commit->journal.items[i];
        struct statement *statement = tx_query(tx, &q_journal_add);

        bind_text(statement, 1, commit->run.id);
        bind_integer(statement, 2, row->seq);
        bind_integer(statement, 3, row->at);
        bind_text(statement, 4, row->kind);
        bind_text(statement, 5, row->body);
        bind_integer(statement, 6, record_sum(commit->run.id, row));
        r = tx_run(tx, statement, NULL, err);
    }
    return r;
}

int commit_write_derived(struct tx *tx, const struct commit *commit, struct error *err)
{
    int r = write_run(tx, &commit->run, err);

    for (size_t i = 0; r == 0 && i < commit->steps.count; i++) {
        r = write_step(tx, commit->run.id, &commit->steps.items[i], err);
    }
    return r;
}

static int write_answer(struct tx *tx, const struct commit *commit, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_inbox_answer);

    bind_integer(statement, 1, commit->inbox_id);
    bind_text(statement, 2, commit->inbox_answer);
    return tx_run(tx, statement, NULL, err);
}

static int write_held(struct tx *tx, const struct commit *commit, struct error *err)
{
    int r = check_lease(tx, commit, err);

    if (r == 0 && (commit->journal.count > 0 || commit->lease.pid)) {
        r = check_seq(tx, commit, err);
    }
    if (r == 0 && commit->journal.count > 0) {
        r = write_journal(tx, commit, err);
        if (r == 0) {
            r = commit_write_derived(tx, commit, err);
        }
        if (r == 0) {
            r = audit_add(tx, commit->audit.items, commit->audit.count, err);
        }
    }
    for (size_t i = 0; r == 0 && i < commit->calls.count; i++) {
        r = admission_note(tx, &commit->calls.items[i], err);
    }
    if (r == 0 && commit->inbox_id) {
        r = write_answer(tx, commit, err);
    }
    return r;
}

static int take_lease(struct tx *tx, const struct commit *commit, struct error *err)
{
    return commit->lease.pid
               ? lease_take(tx, commit->run.id, commit->generation, commit->lease, err)
               : 0;
}

int commit_write(struct tx *tx, const struct commit *commit, struct error *err)
{
    int r = take_lease(tx, commit, err);

    return r < 0 ? r : write_held(tx, commit, err);
}

/* Each is checked before anything of it is written, so a conflict leaves nothing behind. */
static int note_conflict(struct commit *commit, int r, const struct error *err)
{
    if (r != ERROR_CONFLICT) {
        return r;
    }
    commit->lost = arena_strdup(commit->arena, err->text);
    return 0;
}

int commits_write(struct tx *tx, struct commit *const *commits, size_t count, struct error *err)
{
    int r = 0;

    /* A run may have several, in any order: its lease comes first. */
    for (size_t i = 0; r == 0 && i < count; i++) {
        commits[i]->lost = NULL;
        r = note_conflict(commits[i], take_lease(tx, commits[i], err), err);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!commits[i]->lost) {
            r = note_conflict(commits[i], write_held(tx, commits[i], err), err);
        }
    }
    return r;
}

/* ---- lease and reading ---- */

static const struct query q_lease_take = {
    "INSERT INTO lease (run, generation, pid, at) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (run) DO UPDATE SET generation = ?2, pid = ?3, at = ?4"
    " WHERE generation = ?2 - 1"};
static const struct query q_journal_read = {
    "SELECT " JOURNAL_COLUMNS " FROM journal WHERE run = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3"};
static const struct query q_run_seq = {"SELECT seq FROM run WHERE id = ?1"};
static const struct query q_run_digest = {"SELECT digest FROM run WHERE id = ?1"};

int lease_take(struct tx *tx, const char *run_id, int64_t generation, struct lease lease,
               struct error *err)
{
    struct statement *statement = tx_query(tx, &q_lease_take);
    int64_t changes = 0;
    int r;

    bind_text(statement, 1, run_id);
    bind_integer(statement, 2, generation);
    bind_integer(statement, 3, lease.pid);
    bind_integer(statement, 4, lease.at);
    r = tx_run(tx, statement, &changes, err);
    if (r == 0 && changes == 0) {
        return error_set(err, ERROR_CONFLICT, LEASE_LOST, run_id);
    }
    return r;
}

int lease_find(struct tx *tx, const char *run_id, int64_t *ret_generation, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_lease_check);
    int r;

    bind_text(statement, 1, run_id);
    r = statement_step(statement, err);
    if (r >= 0) {
        *ret_generation = r > 0 ? column_integer(statement, 0) : 0;
    }
    return r < 0 ? r : 0;
}

int journal_get_row(struct statement *statement, struct journal_row *ret_row, struct error *err)
{
    const char *run_id = column_text(statement, 0);
    struct journal_row row = {.seq = column_integer(statement, 1),
                              .at = column_integer(statement, 2),
                              .kind = column_text(statement, 3),
                              .body = column_text(statement, 4)};

    if (!run_id || !row.kind || !row.body ||
        record_sum(run_id, &row) != column_integer(statement, 5)) {
        (void)error_set(err, ERROR_IO,
                        "run %s: record %lld (%s) of the journal is damaged: its checksum does not"
                        " fit",
                        run_id ? run_id : "?", (long long)row.seq, row.kind ? row.kind : "?");
        error_hint(err, "the disk changed what was saved; bring the store back from a backup");
        return ERROR_IO;
    }
    *ret_row = row;
    return 0;
}

int journal_parse_row(struct statement *statement, json_t **ret_body, struct error *err)
{
    struct journal_row row;
    int r = journal_get_row(statement, &row, err);

    return r < 0 ? r : json_parse_text(row.body, strlen(row.body), "journal", ret_body, err);
}

static int visit_row(struct statement *statement, struct arena *arena,
                     int (*visit)(void *context, const struct record *record, struct error *err),
                     void *context, struct error *err)
{
    struct journal_row row = {0};
    struct record record;
    json_t *object = NULL;
    int r = journal_get_row(statement, &row, err);

    if (r == 0) {
        r = json_parse_text(row.body, strlen(row.body), "journal", &object, err);
    }
    if (r == 0) {
        r = record_decode(row.kind, object, arena, &record, err);
    }
    if (r == 0) {
        record.seq = row.seq;
        record.at = row.at;
        r = visit(context, &record, err);
    }
    json_decref(object);
    return r;
}

/* A journal that lost its last records is a sound one of an earlier time: the row of the run, which
 * every commit writes, knows better. */
static int check_end(struct tx *tx, const char *run_id, int64_t last, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_run_seq);
    int r;

    bind_text(statement, 1, run_id);
    r = statement_step(statement, err);
    if (r > 0 && column_integer(statement, 0) > last) {
        (void)error_set(err, ERROR_IO, "run %s: the journal ends at record %lld of %lld", run_id,
                        (long long)last, (long long)column_integer(statement, 0));
        error_hint(err, "the disk lost what was saved; bring the store back from a backup");
        return ERROR_IO;
    }
    return r < 0 ? r : 0;
}

int journal_read(struct tx *tx, const char *run_id, int64_t from_seq, int limit,
                 int (*visit)(void *context, const struct record *record, struct error *err),
                 void *context, struct error *err)
{
    struct statement *statement = tx_query(tx, &q_journal_read);
    int64_t last = from_seq - 1;
    int r;

    bind_text(statement, 1, run_id);
    bind_integer(statement, 2, from_seq);
    bind_integer(statement, 3, limit > 0 ? limit : -1);
    while ((r = statement_step(statement, err)) > 0) {
        struct arena *arena = arena_new();

        last = column_integer(statement, 1);
        r = visit_row(statement, arena, visit, context, err);
        arena_free(arena);
        if (r != 0) {
            return r;
        }
    }
    return r == 0 && limit <= 0 ? check_end(tx, run_id, last, err) : r;
}

int journal_find_digest(struct tx *tx, const char *run_id, char ret_digest[65], struct error *err)
{
    struct statement *statement = tx_query(tx, &q_run_digest);
    int r;

    bind_text(statement, 1, run_id);
    r = statement_step(statement, err);
    if (r == 0) {
        (void)error_set(err, ERROR_NOT_FOUND, "there is no run %s in this project", run_id);
        error_hint(err, "list the runs: fermata list");
        return ERROR_NOT_FOUND;
    }
    if (r < 0) {
        return r;
    }
    (void)snprintf(ret_digest, DIGEST_HEX_SIZE, "%s", column_text(statement, 0));
    return 0;
}
