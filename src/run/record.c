/* SPDX-License-Identifier: MIT */
#include "run/record.h"

#include "base/alloc.h"
#include "base/json_text.h"
#include "run/run.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum field_type { FIELD_TEXT, FIELD_INTEGER, FIELD_INT, FIELD_BOOLEAN, FIELD_JSON };

struct field {
    const char *name;
    size_t offset;
    enum field_type type;
};

#define FIELDS_MAX 21
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(struct record, member), FIELD_TEXT                                          \
    }
#define INTEGER(name, member)                                                                      \
    {                                                                                              \
        name, offsetof(struct record, member), FIELD_INTEGER                                       \
    }
#define INT(name, member)                                                                          \
    {                                                                                              \
        name, offsetof(struct record, member), FIELD_INT                                           \
    }
#define BOOLEAN(name, member)                                                                      \
    {                                                                                              \
        name, offsetof(struct record, member), FIELD_BOOLEAN                                       \
    }
#define JSON(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(struct record, member), FIELD_JSON                                          \
    }

/* The stored names of each kind's fields: the format on disk, so rows only ever get longer. */
static const struct {
    const char *name;
    struct field fields[FIELDS_MAX];
} kinds[] = {
    [RECORD_RUN_CREATED] = {"run_created",
                            {TEXT("workflow", name),
                             TEXT("digest", digest),
                             TEXT("title", reason),
                             TEXT("task", text),
                             JSON("inputs", data),
                             TEXT("strategy", strategy),
                             BOOLEAN("fresh", flag),
                             TEXT("label", by),
                             TEXT("parent", other),
                             TEXT("parent_step", other_step),
                             INTEGER("depth", number),
                             TEXT("default_strategy", class_),
                             TEXT("bridge", status),
                             JSON("calls", artifacts),
                             BOOLEAN("offline", is_answered),
                             TEXT("task_id", session),
                             TEXT("task_kind", model),
                             TEXT("forked_from", folder),
                             JSON("again", files),
                             JSON("budget", output),
                             JSON("spent", errors)}},
    [RECORD_RUN_MOVED] = {"run_moved",
                          {TEXT("status", status), TEXT("reason", reason), TEXT("detail", text),
                           TEXT("phase", phase), TEXT("step", step), TEXT("budget_of", other),
                           TEXT("budget", name)}},
    [RECORD_RUN_WISHED] = {"run_wished",
                           {TEXT("wish", status), TEXT("reason", reason), TEXT("detail", text),
                            TEXT("phase", phase), TEXT("step", step), TEXT("by", by),
                            TEXT("budget_of", other), TEXT("budget", name)}},
    [RECORD_PHASE_MOVED] = {"phase_moved",
                            {TEXT("phase", phase), TEXT("status", status), INTEGER("round", number),
                             TEXT("reason", reason), TEXT("error", error), TEXT("step", step),
                             INTEGER("until", until), TEXT("by", by)}},
    [RECORD_PHASE_RESET] = {"phase_reset",
                            {TEXT("phase", phase), INTEGER("round", number),
                             TEXT("reason", reason)}},
    [RECORD_STEP_EXPANDED] = {"step_expanded",
                              {TEXT("phase", phase), TEXT("step", step), INTEGER("count", number),
                               JSON("items", data)}},
    [RECORD_STEP_MOVED] = {"step_moved",
                           {TEXT("phase", phase), TEXT("step", step), TEXT("status", status),
                            TEXT("class", class_), TEXT("error", error), TEXT("reason", reason),
                            TEXT("by", by), TEXT("strategy", strategy), JSON("output", output),
                            JSON("artifacts", artifacts), TEXT("agent", agent),
                            TEXT("fallback_from", other)}},
    [RECORD_STEP_WAITING] = {"step_waiting",
                             {TEXT("phase", phase), TEXT("step", step), TEXT("waiting", reason),
                              INTEGER("until", until), TEXT("message", text), TEXT("child", other),
                              TEXT("strategy", strategy), INTEGER("count", number),
                              TEXT("agent", agent), TEXT("budget_of", other_step),
                              TEXT("budget", name)}},
    [RECORD_ATTEMPT_STARTED] = {"attempt_started",
                                {TEXT("phase", phase), TEXT("step", step),
                                 INTEGER("attempt", number), TEXT("using", reason),
                                 TEXT("name", name), TEXT("strategy", strategy),
                                 TEXT("digest", digest), JSON("parts", data),
                                 TEXT("folder", folder), TEXT("tree", other),
                                 TEXT("session", session), INTEGER("space_wait_ms", space_wait_ms),
                                 JSON("reserved", output)}},
    [RECORD_ATTEMPT_ENDED] = {"attempt_ended",
                              {TEXT("step", step),
                               INTEGER("attempt", number),
                               TEXT("class", class_),
                               INT("exit_status", exit_status),
                               INT("signal", signal),
                               TEXT("error", error),
                               INTEGER("duration_ms", duration_ms),
                               JSON("output", output),
                               JSON("stderr", errors),
                               JSON("artifacts", artifacts),
                               JSON("usage", data),
                               TEXT("phase", phase),
                               BOOLEAN("unbegun", flag),
                               TEXT("agent", agent),
                               TEXT("model", model),
                               TEXT("session", session),
                               JSON("question", question),
                               JSON("files", files),
                               INTEGER("space_wait_ms", space_wait_ms),
                               BOOLEAN("answered", is_answered),
                               INTEGER("until", until)}},
    [RECORD_STEP_DONE] = {"step_done",
                          {TEXT("phase", phase), TEXT("step", step), INTEGER("attempt", number),
                           TEXT("using", reason), TEXT("name", name), JSON("output", output)}},
    [RECORD_STEP_REUSED] = {"step_reused",
                            {TEXT("phase", phase), TEXT("step", step), TEXT("digest", digest),
                             TEXT("from_run", other), TEXT("from_step", other_step),
                             JSON("output", output), JSON("artifacts", artifacts),
                             JSON("parts", data), INTEGER("duration_ms", duration_ms),
                             INTEGER("space_wait_ms", space_wait_ms), TEXT("agent", agent),
                             TEXT("model", model)}},
    [RECORD_APPROVAL_GIVEN] = {"approval_given",
                               {TEXT("step", step), TEXT("answer", status), TEXT("by", by),
                                TEXT("comment", text), TEXT("signal", name)}},
    [RECORD_SIGNAL_RECEIVED] = {"signal_received",
                                {TEXT("name", name), JSON("value", data), TEXT("by", by)}},
    [RECORD_GATE_CHECKED] = {"gate_checked",
                             {TEXT("phase", phase), TEXT("gate", name), TEXT("check", step),
                              TEXT("verdict", status), TEXT("reason", reason),
                              JSON("proof", data)}},
    [RECORD_GATE_DECIDED] = {"gate_decided",
                             {TEXT("phase", phase), TEXT("gate", name), TEXT("verdict", status),
                              TEXT("reason", reason)}},
    [RECORD_GATE_SKIPPED] = {"gate_skipped",
                             {TEXT("phase", phase), TEXT("gate", name), TEXT("reason", reason),
                              TEXT("by", by)}},
    [RECORD_CHECKPOINT_SAVED] = {"checkpoint_saved",
                                 {TEXT("checkpoint", name), JSON("phases", data), TEXT("by", by)}},
    [RECORD_RESTORED] = {"restored", {TEXT("checkpoint", name), TEXT("by", by)}},
    [RECORD_WENT_TO] = {"went_to",
                        {TEXT("from", phase), TEXT("to", other), INTEGER("count", number),
                         TEXT("reason", reason)}},
    [RECORD_ITERATED] = {"iterated",
                         {TEXT("phase", phase), INTEGER("iteration", number),
                          TEXT("reason", reason)}},
    [RECORD_NESTED_LEFT] = {"nested_left", {TEXT("step", step), TEXT("child", other)}},
    [RECORD_NESTED_ENDED] = {"nested_ended",
                             {TEXT("step", step), TEXT("child", other), TEXT("status", status)}},
    [RECORD_QUESTION_ANSWERED] = {"question_answered",
                                  {TEXT("step", step), JSON("answers", data), TEXT("by", by)}},
    [RECORD_ATTEMPT_LIVENESS] = {"attempt_liveness",
                                 {TEXT("phase", phase), TEXT("step", step),
                                  INTEGER("attempt", number), TEXT("state", status),
                                  TEXT("message", text), BOOLEAN("stopped", flag)}},
    [RECORD_RUN_EDITED] = {"run_edited",
                           {TEXT("workflow", name), TEXT("digest", digest), TEXT("title", reason),
                            TEXT("tree", other), TEXT("by", by), JSON("inputs", output),
                            JSON("calls", artifacts), JSON("kept", data), JSON("held", files),
                            JSON("phases", errors), JSON("again", question)}},
    [RECORD_BUDGET_SET] = {"budget_set",
                           {JSON("budget", data), TEXT("step", step), TEXT("by", by)}},
    [RECORD_RUN_CLOCKED] = {"run_clocked", {INTEGER("away_ms", number)}},
};
#undef TEXT
#undef INTEGER
#undef INT
#undef BOOLEAN
#undef JSON
static_assert(ARRAY_LEN(kinds) == RECORD_KINDS, "one row for each kind");

const char *record_kind_name(enum record_kind kind)
{
    return kinds[kind].name;
}

static void encode_field(const struct record *record, const struct field *field, json_t *object)
{
    const char *member = (const char *)record + field->offset;

    switch (field->type) {
    case FIELD_TEXT:
        json_put_text(object, field->name, *(const char *const *)(const void *)member);
        break;
    case FIELD_INTEGER:
        if (*(const int64_t *)(const void *)member) {
            json_put_integer(object, field->name, *(const int64_t *)(const void *)member);
        }
        break;
    case FIELD_INT:
        if (*(const int *)(const void *)member) {
            json_put_integer(object, field->name, *(const int *)(const void *)member);
        }
        break;
    case FIELD_BOOLEAN:
        if (*(const bool *)member) {
            json_put(object, field->name, json_true());
        }
        break;
    case FIELD_JSON:
        json_put(object, field->name, json_incref(*(json_t *const *)(const void *)member));
        break;
    }
}

static void encode_into(const struct record *record, json_t *object)
{
    for (const struct field *field = kinds[record->kind].fields;
         field < kinds[record->kind].fields + FIELDS_MAX && field->name; field++) {
        encode_field(record, field, object);
    }
}

/* What goes into every row of the journal is written as text at once: a tree of values first would
 * be the most expensive part of deciding. */
static void add_field(const struct record *record, const struct field *field,
                      struct json_text *json)
{
    const void *member = (const char *)record + field->offset;

    switch (field->type) {
    case FIELD_TEXT:
        json_text_add(json, field->name, *(const char *const *)member);
        break;
    case FIELD_INTEGER:
        if (*(const int64_t *)member) {
            json_text_add_integer(json, field->name, *(const int64_t *)member);
        }
        break;
    case FIELD_INT:
        if (*(const int *)member) {
            json_text_add_integer(json, field->name, *(const int *)member);
        }
        break;
    case FIELD_BOOLEAN:
        if (*(const bool *)member) {
            json_text_add_true(json, field->name);
        }
        break;
    case FIELD_JSON:
        json_text_add_value(json, field->name, *(const json_t *const *)member);
        break;
    }
}

void record_format(const struct record *record, struct strbuf *target)
{
    struct json_text json = json_text_new(target, false);

    json_text_begin_object(&json, NULL);
    for (const struct field *field = kinds[record->kind].fields;
         field < kinds[record->kind].fields + FIELDS_MAX && field->name; field++) {
        add_field(record, field, &json);
    }
    json_text_end_object(&json);
}

json_t *record_describe(const struct record *record, const char *run_id)
{
    json_t *object = json_object();

    json_put_text(object, "run", run_id);
    json_put_integer(object, "seq", record->seq);
    json_put_integer(object, "at", record->at);
    json_put_text(object, "kind", record_kind_name(record->kind));
    encode_into(record, object);
    return object;
}

static void decode_field(const json_t *value, const struct field *field, struct arena *arena,
                         struct record *record)
{
    char *member = (char *)record + field->offset;

    switch (field->type) {
    case FIELD_TEXT:
        *(const char **)(void *)member = arena_strdup(arena, json_string_value(value));
        break;
    case FIELD_INTEGER:
        *(int64_t *)(void *)member = json_integer_value(value);
        break;
    case FIELD_INT:
        *(int *)(void *)member = (int)json_integer_value(value);
        break;
    case FIELD_BOOLEAN:
        *(bool *)member = json_is_true(value);
        break;
    case FIELD_JSON:
        *(const json_t **)(void *)member = value;
        break;
    }
}

int record_decode(const char *kind, const json_t *object, struct arena *arena,
                  struct record *ret_record, struct error *err)
{
    struct record record = {0};
    size_t index;

    for (index = 0; index < RECORD_KINDS && strcmp(kinds[index].name, kind) != 0; index++) {
    }
    if (index == RECORD_KINDS) {
        return error_set(err, ERROR_INTERNAL,
                         "the journal has a record of unknown kind \"%.40s\"; it was written by "
                         "another version",
                         kind);
    }
    record.kind = (enum record_kind)index;
    for (const struct field *field = kinds[index].fields;
         field < kinds[index].fields + FIELDS_MAX && field->name; field++) {
        const json_t *value = json_object_get(object, field->name);

        if (value) {
            decode_field(value, field, arena, &record);
        }
    }
    *ret_record = record;
    return 0;
}

void record_vec_add(struct record_vec *records, struct arena *arena, const struct record *record)
{
    *VEC_PUSH(records) = packed_put(arena, record, sizeof(*record));
}

struct record record_vec_get(const struct record_vec *records, size_t index)
{
    struct record record;

    packed_get(records->items[index], &record, sizeof(record));
    return record;
}
