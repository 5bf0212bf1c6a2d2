/* SPDX-License-Identifier: MIT */
/* Keywords for lists and objects, and which of their parts nobody looked at. */
#include "workflow/json_schema_internal.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void mark(unsigned char *marks, size_t index)
{
    if (marks) {
        marks[index] = 1;
    }
}

static int check_size(struct checker *checker, const struct place *place, size_t size,
                      const size_t limits[2], const char *what)
{
    if (size < limits[0]) {
        return schema_fail(checker, place, "expected at least %zu %s, got %zu", limits[0], what,
                           size);
    }
    if (size > limits[1]) {
        return schema_fail(checker, place, "expected at most %zu %s, got %zu", limits[1], what,
                           size);
    }
    return 0;
}

/* ---- lists ---- */

/* Equal values have equal hashes, so 1 and 1.0 do, and the order of members does not count. */
static uint64_t hash_value(const json_t *value)
{
    uint64_t hash = 14695981039346656037ULL;
    const char *bytes = json_string_value(value);
    const char *key;
    double number;
    size_t length = json_string_length(value);
    size_t index;
    json_t *item;

    if (json_is_number(value)) {
        number = json_number_value(value);
        number = number < 0 || number > 0 ? number : 0; /* one zero, not two */
        bytes = (const char *)&number;
        length = sizeof(number);
    }
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211ULL;
    }
    json_array_foreach(value, index, item)
    {
        hash = (hash ^ hash_value(item)) * 1099511628211ULL;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        uint64_t member = hash_value(item);

        for (const char *c = key; *c; c++) {
            member = (member ^ (unsigned char)*c) * 1099511628211ULL;
        }
        hash += member;
    }
    /* 1 and 1.0 are two kinds of one number, all others differ by kind. */
    return hash * 31 + (json_is_number(value) ? (uint64_t)JSON_REAL : (uint64_t)json_typeof(value));
}

struct element {
    uint64_t hash;
    size_t index;
};

static int compare_elements(const void *left, const void *right)
{
    const struct element *a = left;
    const struct element *b = right;

    return a->hash != b->hash ? (a->hash > b->hash) - (a->hash < b->hash)
                              : (a->index > b->index) - (a->index < b->index);
}

static int check_unique(struct checker *checker, const struct place *place)
{
    size_t count = json_array_size(place->value);
    struct element *elements = mem_zero(count, sizeof(*elements));
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        elements[i].hash = hash_value(json_array_get(place->value, i));
        elements[i].index = i;
    }
    qsort(elements, count, sizeof(*elements), compare_elements);
    for (size_t i = 0; i < count && r == 0; i++) {
        for (size_t k = i + 1; k < count && elements[k].hash == elements[i].hash && r == 0; k++) {
            r = schema_spend(checker, 1);
            if (r == 0 && json_same(json_array_get(place->value, elements[i].index),
                                    json_array_get(place->value, elements[k].index))) {
                r = schema_fail(checker, place,
                                "expected different elements; %zu and %zu are equal",
                                elements[i].index, elements[k].index);
            }
        }
    }
    free(elements);
    return r;
}

static int apply_element(struct checker *checker, const json_t *schema, const struct place *place,
                         size_t index)
{
    struct place element = {
        .parent = place, .index = index, .value = json_array_get(place->value, index)};

    return schema_apply(checker, schema, &element, NULL);
}

static int check_contains(struct checker *checker, const json_t *schema, const struct place *place,
                          unsigned char *marks)
{
    const json_t *contains = json_object_get(schema, "contains");
    const size_t limits[2] = {schema_count(schema, "minContains", 1),
                              schema_count(schema, "maxContains", SIZE_MAX)};
    size_t found = 0;
    int r = 0;

    if (!contains) {
        return 0;
    }
    checker->silent++;
    for (size_t i = 0; i < json_array_size(place->value); i++) {
        r = apply_element(checker, contains, place, i);
        if (r == 0) {
            mark(marks, i);
            found++;
        } else if (r != ERROR_VALIDATION) {
            break;
        }
    }
    checker->silent--;
    if (r < 0 && r != ERROR_VALIDATION) {
        return r;
    }
    return check_size(checker, place, found, limits, "elements as contains wants them");
}

int schema_check_list(struct checker *checker, const json_t *schema, const struct place *place,
                      unsigned char *marks)
{
    const json_t *prefix = json_object_get(schema, "prefixItems");
    const json_t *items = json_object_get(schema, "items");
    const size_t limits[2] = {schema_count(schema, "minItems", 0),
                              schema_count(schema, "maxItems", SIZE_MAX)};
    size_t count = json_array_size(place->value);
    int r = check_size(checker, place, count, limits, "elements");

    for (size_t i = 0; i < count && r == 0; i++) {
        const json_t *wanted = i < json_array_size(prefix) ? json_array_get(prefix, i) : items;

        if (wanted) {
            r = apply_element(checker, wanted, place, i);
            mark(marks, i);
        }
    }
    if (r == 0) {
        r = check_contains(checker, schema, place, marks);
    }
    if (r == 0 && json_is_true(json_object_get(schema, "uniqueItems"))) {
        r = check_unique(checker, place);
    }
    return r;
}

/* ---- objects ---- */

static int check_required(struct checker *checker, const json_t *names, const struct place *place,
                          const char *because)
{
    struct strbuf missing;
    size_t index;
    json_t *name;
    int r = 0;

    strbuf_init(&missing, 400);
    json_array_foreach(names, index, name)
    {
        if (!json_object_get(place->value, json_string_value(name))) {
            strbuf_addf(&missing, "%s\"%s\"", missing.length > 0 ? ", " : "",
                        UTF8_CUT(json_string_value(name), 100));
        }
    }
    if (missing.length > 0) {
        r = schema_fail(checker, place, "missing %s%s%s%s", missing.data,
                        because ? " (needed with \"" : "", because ? UTF8_CUT(because, 100) : "",
                        because ? "\")" : "");
    }
    strbuf_release(&missing);
    return r;
}

/* Members that are there although nothing allows them are most often mistyped. */
static int fail_unknown(struct checker *checker, const json_t *properties,
                        const struct place *place, const char *name)
{
    size_t count = json_object_size(properties);
    const char **names = mem_zero(count, sizeof(*names));
    const char *nearest;
    const char *key;
    json_t *value;
    size_t i = 0;
    int r;

    json_object_foreach((json_t *)(uintptr_t)properties, key, value)
    {
        names[i++] = key;
    }
    nearest = nearest_name(name, names, count);
    r = schema_fail(checker, place, "the member \"%s\" is not known%s%s%s", UTF8_CUT(name, 100),
                    nearest ? " (did you mean \"" : "", nearest ? UTF8_CUT(nearest, 100) : "",
                    nearest ? "\"?)" : "");
    free((void *)names);
    return r;
}

static int apply_patterns(struct checker *checker, const json_t *patterns,
                          const struct place *member, bool *is_known)
{
    const char *pattern;
    json_t *schema;

    json_object_foreach((json_t *)(uintptr_t)patterns, pattern, schema)
    {
        bool matches = false;
        int r = schema_match(checker, pattern, member->key, strlen(member->key), &matches);

        if (r == 0 && matches) {
            *is_known = true;
            r = schema_apply(checker, schema, member, NULL);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int check_member(struct checker *checker, const json_t *schema, const struct place *member,
                        bool *ret_is_known)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *property = json_object_get(properties, member->key);
    const json_t *additional = json_object_get(schema, "additionalProperties");
    const json_t *names = json_object_get(schema, "propertyNames");
    bool is_known = property != NULL;
    int r = 0;

    if (names) {
        json_t *text = json_string(member->key);
        struct place name = {.parent = member->parent, .key = member->key, .value = text};

        r = schema_apply(checker, names, &name, NULL);
        json_decref(text);
        if (r == ERROR_VALIDATION && !checker->silent) {
            error_context(checker->err, "the name of a member");
        }
    }
    if (r == 0 && property) {
        r = schema_apply(checker, property, member, NULL);
    }
    if (r == 0) {
        r = apply_patterns(checker, json_object_get(schema, "patternProperties"), member,
                           &is_known);
    }
    if (r == 0 && !is_known && additional) {
        is_known = true;
        r = json_is_false(additional)
                ? fail_unknown(checker, properties, member->parent, member->key)
                : schema_apply(checker, additional, member, NULL);
    }
    *ret_is_known = is_known;
    return r;
}

static int check_members(struct checker *checker, const json_t *schema, const struct place *place,
                         unsigned char *marks)
{
    const char *key;
    json_t *value;
    size_t index = 0;

    json_object_foreach((json_t *)(uintptr_t)place->value, key, value)
    {
        struct place member = {.parent = place, .key = key, .value = value};
        bool is_known = false;
        int r = schema_spend(checker, 1);

        if (r == 0) {
            r = check_member(checker, schema, &member, &is_known);
        }
        if (r < 0) {
            return r;
        }
        if (is_known) {
            mark(marks, index);
        }
        index++;
    }
    return 0;
}

static int check_dependents(struct checker *checker, const json_t *schema,
                            const struct place *place, unsigned char *marks)
{
    const json_t *required = json_object_get(schema, "dependentRequired");
    const json_t *schemas = json_object_get(schema, "dependentSchemas");
    const char *key;
    json_t *value;
    int r;

    json_object_foreach((json_t *)(uintptr_t)required, key, value)
    {
        r = json_object_get(place->value, key) ? check_required(checker, value, place, key) : 0;
        if (r < 0) {
            return r;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)schemas, key, value)
    {
        r = json_object_get(place->value, key) ? schema_apply(checker, value, place, marks) : 0;
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int schema_check_object(struct checker *checker, const json_t *schema, const struct place *place,
                        unsigned char *marks)
{
    const size_t limits[2] = {schema_count(schema, "minProperties", 0),
                              schema_count(schema, "maxProperties", SIZE_MAX)};
    int r = check_size(checker, place, json_object_size(place->value), limits, "members");

    if (r == 0) {
        r = check_required(checker, json_object_get(schema, "required"), place, NULL);
    }
    if (r == 0) {
        r = check_members(checker, schema, place, marks);
    }
    if (r == 0) {
        r = check_dependents(checker, schema, place, marks);
    }
    return r;
}

/* ---- unevaluated ---- */

static int check_unevaluated_items(struct checker *checker, const json_t *wanted,
                                   const struct place *place, unsigned char *marks)
{
    for (size_t i = 0; i < json_array_size(place->value); i++) {
        int r = marks[i] ? 0 : apply_element(checker, wanted, place, i);

        if (r < 0) {
            return r;
        }
        marks[i] = 1;
    }
    return 0;
}

static int check_unevaluated_members(struct checker *checker, const json_t *wanted,
                                     const struct place *place, unsigned char *marks)
{
    const char *key;
    json_t *value;
    size_t index = 0;

    json_object_foreach((json_t *)(uintptr_t)place->value, key, value)
    {
        struct place member = {.parent = place, .key = key, .value = value};
        int r = 0;

        if (!marks[index]) {
            r = json_is_false(wanted) ? fail_unknown(checker, NULL, place, key)
                                      : schema_apply(checker, wanted, &member, NULL);
        }
        if (r < 0) {
            return r;
        }
        marks[index++] = 1;
    }
    return 0;
}

int schema_check_unevaluated(struct checker *checker, const json_t *schema,
                             const struct place *place, unsigned char *marks)
{
    const json_t *items = json_object_get(schema, "unevaluatedItems");
    const json_t *members = json_object_get(schema, "unevaluatedProperties");

    if (items && json_is_array(place->value)) {
        return check_unevaluated_items(checker, items, place, marks);
    }
    if (members && json_is_object(place->value)) {
        return check_unevaluated_members(checker, members, place, marks);
    }
    return 0;
}
