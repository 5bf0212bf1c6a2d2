/* SPDX-License-Identifier: MIT */
/* Applies a schema to a value: what holds for every kind of value, references and logic. */
#include "workflow/json_schema_internal.h"

#include "base/alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MAX 60
#define MATCH_WORK 50 /* a match costs more than a look, a bad pattern much more */

static void add_place(struct strbuf *target, const struct place *place)
{
    if (!place->parent) {
        return;
    }
    add_place(target, place->parent);
    if (!place->key) {
        strbuf_addf(target, "/%zu", place->index);
        return;
    }
    strbuf_add_char(target, '/');
    for (const char *c = place->key; *c; c++) {
        if (*c == '~' || *c == '/') {
            strbuf_add(target, *c == '~' ? "~0" : "~1");
        } else {
            strbuf_add_char(target, *c);
        }
    }
}

int schema_fail(struct checker *checker, const struct place *place, const char *format, ...)
{
    struct strbuf where;
    struct strbuf what;
    va_list args;
    int r;

    if (!checker->err || checker->silent) {
        return ERROR_VALIDATION;
    }
    strbuf_init(&where, 4096);
    strbuf_init(&what, 4096);
    add_place(&where, place);
    va_start(args, format);
    strbuf_vaddf(&what, format, args);
    va_end(args);
    r = error_set(checker->err, ERROR_VALIDATION, "at %.400s: %s",
                  where.length ? where.data : "the top", what.data);
    strbuf_release(&what);
    strbuf_release(&where);
    return r;
}

int schema_spend(struct checker *checker, size_t work)
{
    checker->work += work;
    if (checker->work <= JSON_SCHEMA_WORK_MAX) {
        return 0;
    }
    return error_set(checker->err, ERROR_LIMIT,
                     "checking the value against its schema takes more than %d steps",
                     JSON_SCHEMA_WORK_MAX);
}

int schema_match(struct checker *checker, const char *pattern, const char *text, size_t length,
                 bool *ret_matches)
{
    struct pattern *compiled = map_find(checker->patterns, pattern);
    int r;

    if (!compiled) {
        r = pattern_new(pattern, &compiled, checker->err);
        if (r < 0) {
            return r;
        }
        (void)map_put(checker->patterns, pattern, compiled);
    }
    r = schema_spend(checker, MATCH_WORK + length / 64);
    return r < 0 ? r : pattern_match(compiled, text, length, ret_matches, checker->err);
}

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}

static bool has_type(const json_t *value, const char *type)
{
    if (strcmp(type, "integer") == 0) {
        return json_is_number(value) && schema_is_whole(value);
    }
    if (strcmp(type, "number") == 0) {
        return json_is_number(value);
    }
    return strcmp(type, kind_of(value)) == 0;
}

static bool accepts_type(const json_t *schema, const json_t *value)
{
    const json_t *type = json_object_get(schema, "type");
    size_t index;
    json_t *item;

    if (!type || (json_is_string(type) && has_type(value, json_string_value(type)))) {
        return true;
    }
    json_array_foreach(type, index, item)
    {
        if (has_type(value, json_string_value(item))) {
            return true;
        }
    }
    return false;
}

static int check_type(struct checker *checker, const json_t *schema, const struct place *place)
{
    const json_t *type = json_object_get(schema, "type");
    struct strbuf expected;
    size_t index;
    json_t *item;
    int r;

    if (accepts_type(schema, place->value)) {
        return 0;
    }
    strbuf_init(&expected, 200);
    strbuf_add(&expected, json_is_string(type) ? json_string_value(type) : "");
    json_array_foreach(type, index, item)
    {
        strbuf_addf(&expected, "%s%s", index > 0 ? " or " : "", json_string_value(item));
    }
    r = schema_fail(checker, place, "expected %s, got %s", expected.data, kind_of(place->value));
    strbuf_release(&expected);
    return r;
}

/* Appends a value as compact JSON, cut between characters. */
static void add_shown(struct strbuf *target, const json_t *value)
{
    char *text = json_dump_compact(value);
    size_t length = strlen(text);

    if (length > SHOWN_BYTES_MAX) {
        length = SHOWN_BYTES_MAX;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) {
            length--;
        }
        strbuf_add_bytes(target, text, length);
        strbuf_add(target, "...");
    } else {
        strbuf_add(target, text);
    }
    free(text);
}

/* enum and const: the value must be one of these. */
static int check_choices(struct checker *checker, const json_t *const *choices, size_t count,
                         const struct place *place)
{
    struct strbuf expected;
    int r;

    for (size_t i = 0; i < count; i++) {
        if (json_same(choices[i], place->value)) {
            return 0;
        }
    }
    if (!checker->err || checker->silent) {
        return ERROR_VALIDATION;
    }
    strbuf_init(&expected, 400);
    for (size_t i = 0; i < count; i++) {
        strbuf_add(&expected, i > 0 ? ", " : "");
        add_shown(&expected, choices[i]);
    }
    strbuf_add(&expected, ", got ");
    add_shown(&expected, place->value);
    r = schema_fail(checker, place, "expected %s%s", count == 1 ? "" : "one of ", expected.data);
    strbuf_release(&expected);
    return r;
}

static int check_values(struct checker *checker, const json_t *schema, const struct place *place)
{
    const json_t *list = json_object_get(schema, "enum");
    const json_t *constant = json_object_get(schema, "const");
    size_t count = json_array_size(list);
    int r = 0;

    if (list) {
        const json_t **choices = mem_zero(count, sizeof(*choices));

        for (size_t i = 0; i < count; i++) {
            choices[i] = json_array_get(list, i);
        }
        r = schema_spend(checker, count);
        if (r == 0) {
            r = check_choices(checker, choices, count, place);
        }
        free((void *)choices);
    }
    if (r == 0 && constant) {
        r = check_choices(checker, &constant, 1, place);
    }
    return r;
}

static int check_reference(struct checker *checker, const json_t *schema, const char *keyword,
                           const struct place *place, unsigned char *marks)
{
    const char *reference = json_get_text(schema, keyword, NULL);
    const json_t *target;

    if (!reference) {
        return 0;
    }
    target = map_find(checker->references, reference);
    if (!target) {
        target = schema_find_reference(checker->root, reference);
        assert(target);
        (void)map_put(checker->references, reference, (void *)(uintptr_t)target);
    }
    return schema_apply(checker, target, place, marks);
}

/* Like schema_apply, but a refusal tells no reason. */
static int try_schema(struct checker *checker, const json_t *schema, const struct place *place,
                      unsigned char *marks)
{
    int r;

    checker->silent++;
    r = schema_apply(checker, schema, place, marks);
    checker->silent--;
    return r;
}

static int check_all_of(struct checker *checker, const json_t *schemas, const struct place *place,
                        unsigned char *marks)
{
    size_t index;
    json_t *schema;
    int r = 0;

    json_array_foreach(schemas, index, schema)
    {
        r = schema_apply(checker, schema, place, marks);
        if (r < 0) {
            break;
        }
    }
    return r;
}

/* None of the alternatives fits: tells why the first one that is meant for this kind of value does
 * not. */
static int explain_none(struct checker *checker, const json_t *schemas, const struct place *place)
{
    size_t count = json_array_size(schemas);
    size_t index;
    json_t *schema;
    int r;

    if (!checker->err || checker->silent) {
        return ERROR_VALIDATION;
    }
    json_array_foreach(schemas, index, schema)
    {
        if (json_is_object(schema) && accepts_type(schema, place->value)) {
            r = schema_apply(checker, schema, place, NULL);
            if (r == ERROR_VALIDATION) {
                error_context(checker->err, "none of %zu alternatives fits; number %zu", count,
                              index + 1);
            }
            return r;
        }
    }
    return schema_fail(checker, place, "none of %zu alternatives fits, got %s", count,
                       kind_of(place->value));
}

/* anyOf: all are tried while somebody asks for marks, else the first that fits will do. */
static int check_any_of(struct checker *checker, const json_t *schemas, const struct place *place,
                        unsigned char *marks)
{
    bool fits = false;
    size_t index;
    json_t *schema;

    if (!schemas) {
        return 0;
    }
    json_array_foreach(schemas, index, schema)
    {
        int r = try_schema(checker, schema, place, marks);

        if (r < 0 && r != ERROR_VALIDATION) {
            return r;
        }
        fits = fits || r == 0;
        if (fits && !marks) {
            return 0;
        }
    }
    return fits ? 0 : explain_none(checker, schemas, place);
}

static int check_one_of(struct checker *checker, const json_t *schemas, const struct place *place,
                        unsigned char *marks)
{
    size_t first = 0;
    bool fits = false;
    size_t index;
    json_t *schema;

    if (!schemas) {
        return 0;
    }
    json_array_foreach(schemas, index, schema)
    {
        int r = try_schema(checker, schema, place, marks);

        if (r < 0 && r != ERROR_VALIDATION) {
            return r;
        }
        if (r == 0 && fits) {
            return schema_fail(checker, place,
                               "expected exactly one alternative to fit; numbers %zu and %zu do",
                               first + 1, index + 1);
        }
        if (r == 0) {
            first = index;
            fits = true;
        }
    }
    return fits ? 0 : explain_none(checker, schemas, place);
}

static int check_not(struct checker *checker, const json_t *schema, const struct place *place)
{
    int r = schema ? try_schema(checker, schema, place, NULL) : ERROR_VALIDATION;

    if (r == 0) {
        return schema_fail(checker, place, "this is what the schema excludes (not)");
    }
    return r == ERROR_VALIDATION ? 0 : r;
}

static int check_condition(struct checker *checker, const json_t *schema, const struct place *place,
                           unsigned char *marks)
{
    const json_t *condition = json_object_get(schema, "if");
    const json_t *branch;
    int r;

    if (!condition) {
        return 0;
    }
    r = try_schema(checker, condition, place, marks);
    if (r < 0 && r != ERROR_VALIDATION) {
        return r;
    }
    branch = json_object_get(schema, r == 0 ? "then" : "else");
    return branch ? schema_apply(checker, branch, place, marks) : 0;
}

static int check_logic(struct checker *checker, const json_t *schema, const struct place *place,
                       unsigned char *marks)
{
    int r = check_reference(checker, schema, "$ref", place, marks);

    if (r == 0) {
        r = check_reference(checker, schema, "$dynamicRef", place, marks);
    }
    if (r == 0) {
        r = check_all_of(checker, json_object_get(schema, "allOf"), place, marks);
    }
    if (r == 0) {
        r = check_any_of(checker, json_object_get(schema, "anyOf"), place, marks);
    }
    if (r == 0) {
        r = check_one_of(checker, json_object_get(schema, "oneOf"), place, marks);
    }
    if (r == 0) {
        r = check_not(checker, json_object_get(schema, "not"), place);
    }
    if (r == 0) {
        r = check_condition(checker, schema, place, marks);
    }
    return r;
}

static int check_kind(struct checker *checker, const json_t *schema, const struct place *place,
                      unsigned char *marks)
{
    if (json_is_number(place->value)) {
        return schema_check_number(checker, schema, place);
    }
    if (json_is_string(place->value)) {
        return schema_check_text(checker, schema, place);
    }
    if (json_is_array(place->value)) {
        return schema_check_list(checker, schema, place, marks);
    }
    return json_is_object(place->value) ? schema_check_object(checker, schema, place, marks) : 0;
}

static int check_keywords(struct checker *checker, const json_t *schema, const struct place *place,
                          unsigned char *marks)
{
    int r = check_type(checker, schema, place);

    if (r == 0) {
        r = check_values(checker, schema, place);
    }
    if (r == 0) {
        r = check_kind(checker, schema, place, marks);
    }
    if (r == 0) {
        r = check_logic(checker, schema, place, marks);
    }
    if (r == 0 && marks) {
        r = schema_check_unevaluated(checker, schema, place, marks);
    }
    return r;
}

/* A schema sees the marks of its own keywords and of schemas it applies in place, never those of
 * its neighbours; so each application begins without any, and hands them up when it accepts. */
int schema_apply(struct checker *checker, const json_t *schema, const struct place *place,
                 unsigned char *marks)
{
    size_t parts = json_is_array(place->value) ? json_array_size(place->value)
                                               : json_object_size(place->value);
    unsigned char *own = NULL;
    int r = schema_spend(checker, 1);

    if (r < 0) {
        return r;
    }
    if (json_is_boolean(schema)) {
        return json_is_true(schema) ? 0 : schema_fail(checker, place, "nothing is allowed here");
    }
    if (checker->depth == JSON_SCHEMA_DEPTH_MAX) {
        return error_set(checker->err, ERROR_LIMIT,
                         "the schema refers to itself more than %d levels deep",
                         JSON_SCHEMA_DEPTH_MAX);
    }
    checker->depth++;
    if (checker->is_tracking && (json_is_array(place->value) || json_is_object(place->value))) {
        r = schema_spend(checker, parts / 64);
        own = mem_zero(parts, 1);
    }
    if (r == 0) {
        r = check_keywords(checker, schema, place, own);
    }
    for (size_t i = 0; r == 0 && own && marks && i < parts; i++) {
        marks[i] |= own[i];
    }
    free(own);
    checker->depth--;
    return r;
}

/* Anywhere in the schema will do: tracking needlessly only costs time. */
static bool mentions_unevaluated(const json_t *schema)
{
    const char *key;
    size_t index;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)schema, key, value)
    {
        if (strncmp(key, "unevaluated", strlen("unevaluated")) == 0 ||
            mentions_unevaluated(value)) {
            return true;
        }
    }
    json_array_foreach(schema, index, value)
    {
        if (mentions_unevaluated(value)) {
            return true;
        }
    }
    return false;
}

int json_schema_check(const json_t *schema, const json_t *value, struct error *err)
{
    struct checker checker = {.root = schema, .err = err};
    const struct place top = {.value = value};
    const char *text;
    void *pattern;
    size_t cursor = 0;
    int r = json_schema_check_schema(schema, err);

    if (r < 0) {
        return r;
    }
    checker.is_tracking = mentions_unevaluated(schema);
    checker.patterns = map_new();
    checker.references = map_new();
    r = schema_apply(&checker, schema, &top, NULL);
    while (map_next(checker.patterns, &cursor, &text, &pattern)) {
        pattern_free(pattern);
    }
    map_free(checker.patterns);
    map_free(checker.references);
    return r;
}
