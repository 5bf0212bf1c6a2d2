/* SPDX-License-Identifier: MIT */
/* One change of a run: the unit of the journal. docs/events.md says what each kind means.
 *
 * A record is a flat struct; one table (record.c) says which field is stored under which name.
 * Texts and JSON values are borrowed: they live in the batch that the record belongs to. */
#ifndef FERMATA_RUN_RECORD_H
#define FERMATA_RUN_RECORD_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/packed.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

enum record_kind {
    RECORD_RUN_CREATED,
    RECORD_RUN_MOVED,
    RECORD_RUN_WISHED,
    RECORD_PHASE_MOVED,
    RECORD_PHASE_RESET,
    RECORD_STEP_EXPANDED,
    RECORD_STEP_MOVED,
    RECORD_STEP_WAITING,
    RECORD_ATTEMPT_STARTED,
    RECORD_ATTEMPT_ENDED,
    RECORD_STEP_DONE,
    RECORD_STEP_REUSED,
    RECORD_APPROVAL_GIVEN,
    RECORD_SIGNAL_RECEIVED,
    RECORD_GATE_CHECKED,
    RECORD_GATE_DECIDED,
    RECORD_GATE_SKIPPED,
    RECORD_CHECKPOINT_SAVED,
    RECORD_RESTORED,
    RECORD_WENT_TO,
    RECORD_ITERATED,
    RECORD_NESTED_LEFT,
    RECORD_NESTED_ENDED,
    RECORD_QUESTION_ANSWERED,
    RECORD_ATTEMPT_LIVENESS,
    RECORD_RUN_EDITED,
    RECORD_BUDGET_SET,
    RECORD_RUN_CLOCKED,
};
#define RECORD_KINDS 28

/* Why another agent takes over, of `step_moved`; else the one before it failed. */
#define RECORD_REASON_CONFLICT "conflict"       /* to settle that of its merge */
#define RECORD_REASON_PASSED_OVER "passed over" /* that one was not called */

struct record {
    enum record_kind kind;
    int64_t seq;
    int64_t at; /* ms since 1970 */

    const char *phase;
    const char *step; /* key */
    const char *status;
    const char *class_;
    const char *reason;
    const char *error;
    const char *name;
    const char *by;
    const char *text; /* detail, message, comment */
    const char *digest;
    const char *strategy;
    const char *other; /* parent run, child run, other phase, from run, agent: see the table */
    const char *other_step;
    const char *folder; /* of an attempt. Of a run: the run that it was forked from */
    int64_t number;     /* attempt, round, count, iteration */
    int64_t until;      /* ms since 1970; 0: none */
    int64_t duration_ms;
    int64_t space_wait_ms; /* that it waited for space on the disk, before or behind its work */
    int exit_status;
    int signal;
    bool flag;
    /* of an agent's attempt */
    bool is_answered; /* by the backend; what failed came after it. Of a run: it is offline */
    const char *agent;
    const char *model;   /* that answered, or was asked for; of a run: the kind of its task */
    const char *session; /* of a run: the id of the task that it was started for */
    const json_t *files; /* what it changed, and what it only claimed */
    const json_t *output;
    const json_t *errors; /* what went to standard error */
    const json_t *artifacts;
    const json_t *data; /* inputs, items, proof, parts, value, phases, answers */
    const json_t *question;
};

/* Those of a batch: a turn may make thousands, and most fields of each are empty. */
VEC_TYPE(record_vec, const struct packed *);
void record_vec_add(struct record_vec *records, struct arena *arena, const struct record *record);
struct record record_vec_get(const struct record_vec *records, size_t index);

const char *record_kind_name(enum record_kind kind);
/* Appends the record as one JSON object without run, seq, at and kind: a row of the journal. */
void record_format(const struct record *record, struct strbuf *target);
/* The inverse, of the parsed text; texts are copied into the arena, JSON values stay owned by
 * `object`. */
int record_decode(const char *kind, const json_t *object, struct arena *arena,
                  struct record *ret_record, struct error *err);

#endif
