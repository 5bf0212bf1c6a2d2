/* SPDX-License-Identifier: MIT */
#include "run/audit_chain.h"

#include "base/alloc.h"
#include "base/json.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct query q_last = {"SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1"};
static const struct query q_add = {"INSERT INTO audit (" AUDIT_COLUMNS
                                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};

/* ---- from a record ---- */

enum condition {
    NEVER,
    ALWAYS,
    WHEN_OVER,    /* the run is, with this record */
    WHEN_SKIPPED, /* by somebody */
    WHEN_ASKED,   /* by somebody */
    WHEN_CALLED,  /* an agent is */
    WHEN_ANSWERED /* an agent was called, whatever came of it */
};

#define ABOUT(member) offsetof(struct record, member)
#define ABOUT_NOTHING SIZE_MAX

static const struct rule {
    const char *event;
    enum condition condition;
    size_t resource, status; /* members */
} rules[RECORD_KINDS] = {
    [RECORD_RUN_CREATED] = {"run_created", ALWAYS, ABOUT(name), ABOUT_NOTHING},
    [RECORD_RUN_MOVED] = {"run_ended", WHEN_OVER, ABOUT_NOTHING, ABOUT(status)},
    [RECORD_RUN_WISHED] = {"run_asked", WHEN_ASKED, ABOUT_NOTHING, ABOUT(status)},
    [RECORD_PHASE_MOVED] = {"phase_skipped", WHEN_SKIPPED, ABOUT(phase), ABOUT_NOTHING},
    [RECORD_STEP_MOVED] = {"step_skipped", WHEN_SKIPPED, ABOUT(step), ABOUT_NOTHING},
    [RECORD_GATE_SKIPPED] = {"gate_skipped", ALWAYS, ABOUT(name), ABOUT_NOTHING},
    [RECORD_ATTEMPT_STARTED] = {"agent_started", WHEN_CALLED, ABOUT(step), ABOUT_NOTHING},
    [RECORD_ATTEMPT_ENDED] = {"agent_ended", WHEN_ANSWERED, ABOUT(step), ABOUT(class_)},
    [RECORD_APPROVAL_GIVEN] = {"approval_given", ALWAYS, ABOUT(step), ABOUT(status)},
    [RECORD_QUESTION_ANSWERED] = {"question_answered", ALWAYS, ABOUT(step), ABOUT_NOTHING},
    [RECORD_SIGNAL_RECEIVED] = {"signal_received", ALWAYS, ABOUT(name), ABOUT_NOTHING},
    [RECORD_RUN_EDITED] = {"run_edited", ALWAYS, ABOUT(digest), ABOUT_NOTHING},
    [RECORD_RESTORED] = {"restored", ALWAYS, ABOUT(name), ABOUT_NOTHING},
    [RECORD_BUDGET_SET] = {"budget_set", ALWAYS, ABOUT(step), ABOUT_NOTHING},
};

/* What is no record of a run. */
static const char *const notes[] = {"agent_reset",     "run_removed", "undo_asked",
                                    "undo_back_asked", "undone",      "undo_taken_back"};

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

static bool holds(enum condition condition, const struct record *record)
{
    switch (condition) {
    case NEVER:
        return false;
    case ALWAYS:
        return true;
    case WHEN_OVER:
        return is_word(record->status, "completed") || is_word(record->status, "failed") ||
               is_word(record->status, "cancelled");
    case WHEN_SKIPPED:
        return record->by && is_word(record->status, "skipped");
    case WHEN_ASKED:
        return record->by;
    case WHEN_CALLED:
        return is_word(record->reason, "agent");
    case WHEN_ANSWERED:
        return record->agent;
    }
    return false;
}

static const char *member(const struct record *record, size_t offset)
{
    return offset == ABOUT_NOTHING ? NULL : *(const char *const *)((const char *)record + offset);
}

static const char *status_of(const struct rule *rule, const struct record *record)
{
    const char *status = member(record, rule->status);

    return rule->condition == WHEN_ANSWERED && is_word(status, "none") ? "completed" : status;
}

static const char *details_of(const struct record *record, struct arena *arena)
{
    bool is_call = record->kind == RECORD_ATTEMPT_STARTED;
    json_t *details;
    char *text;
    const char *kept;

    if (record->kind == RECORD_RUN_CREATED) {
        details = json_object();
        json_put_text(details, "workflow", record->digest);
        json_put_text(details, "parent", record->other);
    } else if (is_call || record->kind == RECORD_ATTEMPT_ENDED) {
        details = json_object();
        json_put_text(details, "agent", is_call ? record->name : record->agent);
        json_put_text(details, "model", record->model);
        json_put_integer(details, "attempt", record->number);
    } else if (record->kind == RECORD_BUDGET_SET) {
        details = json_object();
        json_put(details, "budget", json_incref((json_t *)(uintptr_t)record->data));
    } else {
        return NULL;
    }
    text = json_dump_compact(details);
    kept = arena_strdup(arena, text);
    free(text);
    json_decref(details);
    return kept;
}

bool audit_describe(const struct record *record, const char *run_id, struct arena *arena,
                    struct audit_entry *ret_entry)
{
    const struct rule *rule = &rules[record->kind];

    if (!holds(rule->condition, record)) {
        return false;
    }
    *ret_entry = (struct audit_entry){
        .at = record->at,
        .event = rule->event,
        /* Of a run's creation it is the label. */
        .user = record->kind == RECORD_RUN_CREATED ? NULL : record->by,
        .run = run_id,
        .seq = record->seq,
        .resource = member(record, rule->resource),
        .status = status_of(rule, record),
        .details = details_of(record, arena),
    };
    return true;
}

/* ---- the chain ---- */

void audit_hash(const struct audit_entry *entry, int64_t id, const char *previous,
                char ret_hash[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    char numbers[96];

    (void)snprintf(numbers, sizeof(numbers), "%lld %lld %lld", (long long)id, (long long)entry->at,
                   (long long)entry->seq);
    digest_add_field(digest, previous);
    digest_add_field(digest, numbers);
    digest_add_field(digest, entry->event);
    digest_add_field(digest, entry->user);
    digest_add_field(digest, entry->run);
    digest_add_field(digest, entry->resource);
    digest_add_field(digest, entry->status);
    digest_add_field(digest, entry->details);
    digest_finish(digest, ret_hash);
}

static int find_last(struct tx *tx, int64_t *ret_id, char ret_hash[DIGEST_HEX_SIZE],
                     struct error *err)
{
    struct statement *statement = tx_query(tx, &q_last);
    int r = statement_step(statement, err);

    if (r >= 0) {
        const char *hash = r > 0 ? column_text(statement, 1) : NULL;

        *ret_id = r > 0 ? column_integer(statement, 0) : 0;
        (void)snprintf(ret_hash, DIGEST_HEX_SIZE, "%s", hash ? hash : AUDIT_NO_HASH);
    }
    return r < 0 ? r : 0;
}

/* Whoever accounts for all kinds finds them in the two tables. */
static bool is_listed(const char *event)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (is_word(rules[i].event, event)) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        if (is_word(notes[i], event)) {
            return true;
        }
    }
    return false;
}

static int add_one(struct tx *tx, const struct audit_entry *entry, int64_t id, const char *hash,
                   struct error *err)
{
    struct statement *statement = tx_query(tx, &q_add);

    bind_integer(statement, 1, id);
    bind_integer(statement, 2, entry->at);
    bind_text(statement, 3, entry->event);
    bind_text(statement, 4, entry->user);
    bind_text(statement, 5, entry->run);
    bind_integer(statement, 6, entry->seq);
    bind_text(statement, 7, entry->resource);
    bind_text(statement, 8, entry->status);
    bind_text(statement, 9, entry->details);
    bind_text(statement, 10, hash);
    return tx_run(tx, statement, NULL, err);
}

int audit_add(struct tx *tx, const struct audit_entry *entries, size_t count, struct error *err)
{
    char hash[DIGEST_HEX_SIZE];
    int64_t id = 0;
    int r = count > 0 ? find_last(tx, &id, hash, err) : 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        char next[DIGEST_HEX_SIZE];

        assert(is_listed(entries[i].event));
        audit_hash(&entries[i], ++id, hash, next);
        r = add_one(tx, &entries[i], id, next, err);
        memcpy(hash, next, sizeof(hash));
    }
    return r;
}

static int write_note(struct tx *tx, void *arg, struct error *err)
{
    return audit_add(tx, arg, 1, err);
}

int audit_note(struct store *store, const struct audit_entry *entry, struct error *err)
{
    struct audit_entry copy = *entry;

    return store_write(store, write_note, &copy, err);
}
