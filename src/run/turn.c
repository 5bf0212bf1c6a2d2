/* SPDX-License-Identifier: MIT */
/* One event being handled: the records and effects that it makes, and what they point to. */
#include "run/turn.h"

#include "base/alloc.h"
#include "run/view.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define RECORDS_KEPT 16

void batch_init(struct batch *batch)
{
    *batch = (struct batch){.arena = arena_new()};
}

static void release_held(struct batch *batch)
{
    for (size_t i = 0; i < batch->held.count; i++) {
        json_decref(batch->held.items[i]);
    }
    batch->held.count = 0;
}

/* A run may rest for days after a turn with many records: what these took is given back. */
static void release_views(struct batch *batch)
{
    for (size_t i = 0; i < batch->effects.count; i++) {
        strbuf_release(&batch->effects.items[i].view);
    }
}

void batch_reset(struct batch *batch)
{
    release_held(batch);
    release_views(batch);
    if (batch->records.count > RECORDS_KEPT) {
        VEC_RELEASE(&batch->held);
        VEC_RELEASE(&batch->records);
        VEC_RELEASE(&batch->effects);
    }
    batch->records.count = 0;
    batch->kinds = 0;
    batch->last = (struct record){0};
    batch->effects.count = 0;
    batch->open.count = 0;
    arena_free(batch->arena);
    batch->arena = arena_new();
}

void batch_release(struct batch *batch)
{
    release_held(batch);
    release_views(batch);
    VEC_RELEASE(&batch->held);
    VEC_RELEASE(&batch->records);
    VEC_RELEASE(&batch->effects);
    VEC_RELEASE(&batch->open);
    arena_free(batch->arena);
}

static const json_t *hold(struct batch *batch, const json_t *value)
{
    if (value) {
        *VEC_PUSH(&batch->held) = json_incref((json_t *)value);
    }
    return value;
}

void batch_open_checkpoint(struct batch *batch)
{
    *VEC_PUSH(&batch->open) = batch->effects.count - 1;
}

void batch_close_checkpoints(struct batch *batch, const struct run_state *run)
{
    for (size_t i = 0; i < batch->open.count; i++) {
        struct effect *effect = &batch->effects.items[batch->open.items[i]];

        strbuf_init(&effect->view, VIEW_BYTES_MAX);
        view_checkpoint(run, effect->word, &effect->view);
    }
    batch->open.count = 0;
}

/* Of these kinds a record changes one phase and its steps, nothing else that a checkpoint shows. */
static bool is_of_one_phase(enum record_kind kind)
{
    return kind == RECORD_PHASE_MOVED || kind == RECORD_STEP_EXPANDED ||
           kind == RECORD_STEP_MOVED || kind == RECORD_STEP_WAITING ||
           kind == RECORD_ATTEMPT_STARTED || kind == RECORD_ATTEMPT_ENDED ||
           kind == RECORD_STEP_DONE || kind == RECORD_STEP_REUSED;
}

/* The run's status is not in it. One of a phase shows that phase; of the others it has what was
 * noted with it. With a ceiling on how many are kept, another one may take it out of the state. */
static bool changes_open(const struct batch *batch, const struct run_state *run,
                         const struct record *record)
{
    bool is_saved = record->kind == RECORD_CHECKPOINT_SAVED;
    bool changes = false;

    if (record->kind == RECORD_RUN_MOVED) {
        return false;
    }
    if (is_saved ? run->workflow->checkpoint_retention > 0
                 : !is_of_one_phase(record->kind) || !record->phase) {
        return true;
    }
    for (size_t i = 0; i < batch->open.count && !changes; i++) {
        const char *shown = batch->effects.items[batch->open.items[i]].word;

        changes = !run_find_phase(run, shown) ||
                  strcmp(shown, is_saved ? record->name : record->phase) == 0;
    }
    return changes;
}

static_assert(RECORD_KINDS <= 32, "one bit for each kind");

bool batch_has(const struct batch *batch, enum record_kind kind)
{
    return batch->kinds >> kind & 1;
}

/* Of a wide phase nearly all texts are those of the record before. */
static void keep_texts(struct batch *batch, struct record *record)
{
    static const size_t texts[] = {
        offsetof(struct record, phase),      offsetof(struct record, step),
        offsetof(struct record, status),     offsetof(struct record, class_),
        offsetof(struct record, reason),     offsetof(struct record, error),
        offsetof(struct record, name),       offsetof(struct record, by),
        offsetof(struct record, text),       offsetof(struct record, digest),
        offsetof(struct record, strategy),   offsetof(struct record, other),
        offsetof(struct record, other_step), offsetof(struct record, folder),
        offsetof(struct record, agent),      offsetof(struct record, model),
        offsetof(struct record, session)};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char **text = (const char **)(void *)((char *)record + texts[i]);
        const char *last = *(const char **)(void *)((char *)&batch->last + texts[i]);

        *text = *text && last && strcmp(*text, last) == 0 ? last
                                                          : arena_strdup(batch->arena, *text);
    }
}

/* The record may point into the state or the event: copy before anything changes. */
void batch_emit(struct batch *batch, struct run_state *run, struct record record)
{
    if (batch->open.count > 0 && changes_open(batch, run, &record)) {
        batch_close_checkpoints(batch, run);
    }
    record.seq = run->seq + 1;
    keep_texts(batch, &record);
    (void)hold(batch, record.output);
    (void)hold(batch, record.errors);
    (void)hold(batch, record.artifacts);
    (void)hold(batch, record.files);
    (void)hold(batch, record.question);
    (void)hold(batch, record.data);
    record_vec_add(&batch->records, batch->arena, &record);
    batch->kinds |= (uint32_t)1 << record.kind;
    batch->last = record;
    run_apply(run, &record);
}

void turn_emit(struct turn *turn, struct record record)
{
    record.at = turn->now;
    batch_emit(turn->batch, turn->run, record);
}

void turn_effect(struct turn *turn, enum effect_kind kind, int step, int64_t at, const char *word)
{
    struct effect effect = {
        .kind = kind, .step = step, .at = at, .word = arena_strdup(turn->batch->arena, word)};

    /* The step may have another child, or none, when the effect is carried out. */
    if (kind == EFFECT_CHILD_COMMAND) {
        effect.child = arena_strdup(turn->batch->arena, step_at(turn, step)->child);
    }
    *VEC_PUSH(&turn->batch->effects) = effect;
}

/* splitmix64 (Steele, Lea, Flood 2014): many draws from the one random value of an event. */
uint64_t turn_random(struct turn *turn)
{
    uint64_t z = (turn->random += 0x9E3779B97F4A7C15ULL);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

const char *turn_text(struct turn *turn, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return arena_strdup(turn->batch->arena, text);
}

const json_t *turn_hold(struct turn *turn, json_t *value)
{
    if (value) {
        *VEC_PUSH(&turn->batch->held) = value;
    }
    return value;
}

struct lookup_context turn_lookup(const struct turn *turn, const struct step_state *step)
{
    return (struct lookup_context){.run = turn->run,
                                   .step = step,
                                   .project = turn->limits->project,
                                   .load = turn->limits->load,
                                   .load_context = turn->limits->load_context};
}

int turn_evaluate(struct turn *turn, const struct expression *expression,
                  const struct step_state *step, json_t **ret_value, struct error *err)
{
    struct lookup_context context = turn_lookup(turn, step);
    json_t *value = NULL;
    int r = expression_evaluate(expression, run_lookup, &context, &value, err);

    if (r == 0 && context.unread) {
        json_decref(value);
        return error_set(err, ERROR_LIMIT, "the output of step %s cannot be read", context.unread);
    }
    if (r == 0) {
        *ret_value = value;
    }
    return r;
}
