/* SPDX-License-Identifier: MIT */
/* Is a schema usable? After this, checking a value needs no look at the types of keywords. */
#include "workflow/json_schema_internal.h"
#include "workflow/json_schema_keywords.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"array",  "boolean", "integer", "null",
                                    "number", "object",  "string"};

struct inspection {
    const json_t *root;
    struct map *seen;    /* address of a schema -> itself: references may go in circles */
    struct map *anchors; /* name -> its schema: each only once */
    int depth;
    struct error *err;
};

/* The way from the root to a schema, for messages. */
struct trail {
    const struct trail *parent;
    const char *key;
};

static int inspect(struct inspection *inspection, const json_t *schema, const struct trail *trail);

static void add_trail(struct strbuf *target, const struct trail *trail)
{
    if (trail) {
        add_trail(target, trail->parent);
        strbuf_addf(target, "/%s", trail->key);
    }
}

static int refuse(struct inspection *inspection, const struct trail *trail, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct inspection *inspection, const struct trail *trail, const char *format, ...)
{
    struct strbuf where;
    struct strbuf what;
    va_list args;
    int r;

    strbuf_init(&where, 4096);
    strbuf_init(&what, 4096);
    add_trail(&where, trail);
    va_start(args, format);
    strbuf_vaddf(&what, format, args);
    va_end(args);
    r = error_set(inspection->err, ERROR_INVALID, "schema, at %.400s: %s",
                  where.length ? where.data : "the top", what.data);
    strbuf_release(&what);
    strbuf_release(&where);
    return r;
}

static bool is_type_name(const json_t *name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (json_is_string(name) && strcmp(json_string_value(name), types[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int inspect_type(struct inspection *inspection, const json_t *value,
                        const struct trail *trail)
{
    const json_t *wrong = json_is_string(value) && !is_type_name(value) ? value : NULL;
    const char *nearest = NULL;
    size_t index;
    json_t *item;

    if (!json_is_string(value) && json_array_size(value) == 0) {
        return refuse(inspection, trail, "expected the name of a type or a list of them");
    }
    json_array_foreach(value, index, item)
    {
        if (!is_type_name(item)) {
            wrong = item;
        }
    }
    if (!wrong) {
        return 0;
    }
    if (json_is_string(wrong)) {
        nearest = nearest_name(json_string_value(wrong), types, ARRAY_LEN(types));
    }
    return refuse(inspection, trail,
                  "expected array, boolean, integer, null, number, object or string%s%s%s",
                  nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
}

static int inspect_names(struct inspection *inspection, const json_t *value,
                         const struct trail *trail)
{
    struct map *names;
    size_t index;
    json_t *item;
    int r = 0;

    if (!json_is_array(value)) {
        return refuse(inspection, trail, "expected a list of names");
    }
    names = map_new();
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item)) {
            r = refuse(inspection, trail, "expected a list of names; element %zu is none", index);
            break;
        }
        if (map_put(names, json_string_value(item), item)) {
            r = refuse(inspection, trail, "\"%s\" is listed twice",
                       UTF8_CUT(json_string_value(item), 100));
            break;
        }
    }
    map_free(names);
    return r;
}

static int inspect_pattern(struct inspection *inspection, const char *text,
                           const struct trail *trail)
{
    struct pattern *pattern = NULL;
    struct error reason = ERROR_INIT;

    if (pattern_new(text, &pattern, &reason) < 0) {
        return refuse(inspection, trail, "%s", reason.text);
    }
    pattern_free(pattern);
    return 0;
}

static int inspect_list(struct inspection *inspection, const json_t *value,
                        const struct trail *trail)
{
    size_t index;
    json_t *item;
    int r;

    if (json_array_size(value) == 0) {
        return refuse(inspection, trail, "expected a list of one or more schemas");
    }
    json_array_foreach(value, index, item)
    {
        char number[24];
        struct trail below = {.parent = trail, .key = number};

        (void)snprintf(number, sizeof(number), "%zu", index);
        r = inspect(inspection, item, &below);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int inspect_map(struct inspection *inspection, const json_t *value, bool is_by_pattern,
                       const struct trail *trail)
{
    const char *key;
    json_t *item;
    int r = 0;

    if (!json_is_object(value)) {
        return refuse(inspection, trail, "expected an object of schemas");
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        struct trail below = {.parent = trail, .key = key};

        if (is_by_pattern) {
            r = inspect_pattern(inspection, key, &below);
        }
        if (r == 0) {
            r = inspect(inspection, item, &below);
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int inspect_names_map(struct inspection *inspection, const json_t *value,
                             const struct trail *trail)
{
    const char *key;
    json_t *item;
    int r;

    if (!json_is_object(value)) {
        return refuse(inspection, trail, "expected an object of lists of names");
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        struct trail below = {.parent = trail, .key = key};

        r = inspect_names(inspection, item, &below);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int inspect_reference(struct inspection *inspection, const json_t *value,
                             const struct trail *trail)
{
    const char *reference = json_string_value(value);
    const json_t *target;

    if (!reference) {
        return refuse(inspection, trail, "expected a reference such as \"#/$defs/name\"");
    }
    target = schema_find_reference(inspection->root, reference);
    if (!target) {
        return refuse(inspection, trail,
                      "\"%s\" names nothing in this schema; only references within it are "
                      "followed, such as \"#/$defs/name\"",
                      UTF8_CUT(reference, 200));
    }
    return inspect(inspection, target, trail);
}

/* Below the root an $id would begin a document of its own, with its own "#". */
static int inspect_id(struct inspection *inspection, const json_t *value, const struct trail *trail)
{
    if (!json_is_string(value)) {
        return refuse(inspection, trail, "expected text");
    }
    if (trail->parent) {
        return refuse(inspection, trail,
                      "only the whole schema may have an $id; name a part with $anchor");
    }
    return 0;
}

static int inspect_anchor(struct inspection *inspection, const json_t *schema, const json_t *value,
                          const struct trail *trail)
{
    const char *name = json_string_value(value);
    const void *before;

    if (!name || !*name || *name == '/') {
        return refuse(inspection, trail, "expected a name");
    }
    before = map_put(inspection->anchors, name, (void *)(uintptr_t)schema);
    if (before && before != schema) {
        return refuse(inspection, trail, "the anchor \"%s\" is there twice", UTF8_CUT(name, 100));
    }
    return 0;
}

static bool is_positive(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) > 0;
}

static bool is_count(const json_t *value)
{
    return json_is_number(value) && json_number_value(value) >= 0 && schema_is_whole(value);
}

static int inspect_keyword(struct inspection *inspection, const json_t *schema,
                           const struct schema_keyword *keyword, const json_t *value,
                           const struct trail *trail)
{
    switch (keyword->kind) {
    case KEYWORD_SCHEMA:
        return inspect(inspection, value, trail);
    case KEYWORD_SCHEMA_LIST:
        return inspect_list(inspection, value, trail);
    case KEYWORD_SCHEMA_MAP:
        return inspect_map(inspection, value, false, trail);
    case KEYWORD_PATTERN_MAP:
        return inspect_map(inspection, value, true, trail);
    case KEYWORD_NUMBER:
        return json_is_number(value) ? 0 : refuse(inspection, trail, "expected a number");
    case KEYWORD_POSITIVE:
        return is_positive(value) ? 0 : refuse(inspection, trail, "expected a number above 0");
    case KEYWORD_COUNT:
        return is_count(value) ? 0 : refuse(inspection, trail, "expected a whole number from 0");
    case KEYWORD_TEXT:
        return json_is_string(value) ? 0 : refuse(inspection, trail, "expected text");
    case KEYWORD_PATTERN:
        return json_is_string(value) ? inspect_pattern(inspection, json_string_value(value), trail)
                                     : refuse(inspection, trail, "expected a pattern");
    case KEYWORD_NAMES:
        return inspect_names(inspection, value, trail);
    case KEYWORD_NAMES_MAP:
        return inspect_names_map(inspection, value, trail);
    case KEYWORD_TYPE:
        return inspect_type(inspection, value, trail);
    case KEYWORD_LIST:
        return json_is_array(value) ? 0 : refuse(inspection, trail, "expected a list of values");
    case KEYWORD_BOOLEAN:
        return json_is_boolean(value) ? 0 : refuse(inspection, trail, "expected true or false");
    case KEYWORD_REFERENCE:
        return inspect_reference(inspection, value, trail);
    case KEYWORD_ID:
        return inspect_id(inspection, value, trail);
    case KEYWORD_ANCHOR:
        return inspect_anchor(inspection, schema, value, trail);
    }
    assert(!"every kind of keyword is inspected");
    return ERROR_INTERNAL;
}

static int inspect_members(struct inspection *inspection, const json_t *schema,
                           const struct trail *trail)
{
    const char *key;
    json_t *value;
    int r;

    json_object_foreach((json_t *)(uintptr_t)schema, key, value)
    {
        const struct schema_keyword *keyword = schema_find_keyword(key);
        struct trail below = {.parent = trail, .key = key};

        r = keyword ? inspect_keyword(inspection, schema, keyword, value, &below) : 0;
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int inspect(struct inspection *inspection, const json_t *schema, const struct trail *trail)
{
    char address[32];
    int r;

    if (json_is_boolean(schema)) {
        return 0;
    }
    if (json_is_array(schema) && trail && strcmp(trail->key, "items") == 0) {
        return refuse(inspection, trail, "expected one schema; for one each use prefixItems");
    }
    if (!json_is_object(schema)) {
        return refuse(inspection, trail, "expected a schema: an object, true or false");
    }
    (void)snprintf(address, sizeof(address), "%p", (const void *)schema);
    if (map_put(inspection->seen, address, (void *)(uintptr_t)schema)) {
        return 0;
    }
    if (map_count(inspection->seen) > JSON_SCHEMA_SCHEMAS_MAX) {
        return refuse(inspection, NULL, "more than %d schemas in one", JSON_SCHEMA_SCHEMAS_MAX);
    }
    if (++inspection->depth > JSON_SCHEMA_DEPTH_MAX) {
        return refuse(inspection, NULL, "nested deeper than %d schemas", JSON_SCHEMA_DEPTH_MAX);
    }
    r = inspect_members(inspection, schema, trail);
    inspection->depth--;
    return r;
}

int json_schema_check_schema(const json_t *schema, struct error *err)
{
    struct inspection inspection = {
        .root = schema, .seen = map_new(), .anchors = map_new(), .err = err};
    int r = inspect(&inspection, schema, NULL);

    map_free(inspection.anchors);
    map_free(inspection.seen);
    return r;
}
