/* SPDX-License-Identifier: MIT */
/* The JSON Schemas of the files, from the key table: https://json-schema.org/draft/2020-12/schema
 */
#include "base/alloc.h"
#include "workflow/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_PATTERN "^[A-Za-z][A-Za-z0-9_-]{0,63}$"
#define NAME_PATTERN "^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$"
#define VARIABLE_PATTERN "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
#define MODEL_PATTERN "^[A-Za-z0-9_./:@+*?-]{1,100}$"
#define SECRET_PATTERN "^(env:[A-Za-z_][A-Za-z0-9_]{0,63}|file:.+)$"
#define POINTER_PATTERN "^(?!\\$\\.)[^.\\[\\]]{1,255}(\\.[^.\\[\\]]{1,255})*$"
#define DURATION_PATTERN "^([0-9]+|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$"
#define COUNT_PATTERN "^[0-9]{1,15}(\\.[0-9]+)?[kmM]?$"
#define BYTES_PATTERN "^[0-9]{1,12}(B|[kKMG]|[KMG]iB)?$"

static json_t *make_type(const char *type)
{
    json_t *schema = json_object();

    json_put_text(schema, "type", type);
    return schema;
}

static json_t *make_text(const char *pattern)
{
    json_t *schema = make_type("string");

    json_put_text(schema, "pattern", pattern);
    return schema;
}

static json_t *make_list(json_t *items)
{
    json_t *schema = make_type("array");

    json_put(schema, "items", items);
    return schema;
}

static json_t *make_map(const char *name_pattern, json_t *values)
{
    json_t *schema = make_type("object");

    json_put(schema, "propertyNames", make_text(name_pattern));
    json_put(schema, "additionalProperties", values);
    return schema;
}

static json_t *make_any_of(json_t *first, json_t *second)
{
    json_t *schema = json_object();
    json_t *choices = json_array();

    (void)json_array_append_new(choices, first);
    (void)json_array_append_new(choices, second);
    json_put(schema, "anyOf", choices);
    return schema;
}

static json_t *make_reference(enum key_level level)
{
    json_t *schema = json_object();
    char target[64];

    (void)snprintf(target, sizeof(target), "#/$defs/%s", key_level_get(level)->name);
    json_put_text(schema, "$ref", target);
    return schema;
}

static json_t *make_words(const char *words)
{
    json_t *schema = json_object();
    json_t *list = json_array();

    while (*words) {
        size_t length = strcspn(words, " ");

        (void)json_array_append_new(list, json_stringn(words, length));
        words += length + (words[length] == ' ');
    }
    json_put(schema, "enum", list);
    return schema;
}

static json_t *make_number(const struct key *key, const char *type)
{
    json_t *schema = make_type(type);

    json_put_integer(schema, "minimum", key->least);
    json_put_integer(schema, "maximum", key->most);
    return schema;
}

static json_t *make_count(void)
{
    json_t *schema = make_type("integer");

    json_put_integer(schema, "minimum", 0);
    return schema;
}

/* What `env`, `with` and `inputs` hand over. */
static json_t *make_variables(const struct key *key)
{
    static const char *const types[] = {"string", "number", "boolean", "array"};
    bool is_environment = strcmp(key->name, "env") == 0;
    size_t type_count = is_environment ? ARRAY_LEN(types) - 1 : ARRAY_LEN(types);
    json_t *value = json_object();
    json_t *list = json_array();

    for (size_t i = 0; i < type_count; i++) {
        (void)json_array_append_new(list, json_string(types[i]));
    }
    json_put(value, "type", list);
    return make_map(is_environment ? VARIABLE_PATTERN : ID_PATTERN, value);
}

static json_t *make_named(const struct key *key)
{
    json_t *value = make_reference(key->of);

    if (key->of_items != LEVEL_WORKFLOW) {
        value = make_any_of(value, make_list(make_reference(key->of_items)));
    }
    return make_map(key->of == LEVEL_INPUT       ? ID_PATTERN
                    : key->of == LEVEL_PRICE     ? MODEL_PATTERN
                    : key->of == LEVEL_MAP_EVENT ? "^.+$"
                                                 : NAME_PATTERN,
                    value);
}

static json_t *make_shape(const struct key *key, enum key_shape shape)
{
    switch (shape) {
    case SHAPE_TEXT:
    case SHAPE_TEMPLATE:
    case SHAPE_PATH:
        return make_type("string");
    case SHAPE_ID:
        return make_text(ID_PATTERN);
    case SHAPE_NAME:
        return make_text(NAME_PATTERN);
    case SHAPE_WORD:
        return make_words(key->words);
    case SHAPE_BOOLEAN:
        return make_type("boolean");
    case SHAPE_INTEGER:
        return make_number(key, "integer");
    case SHAPE_NUMBER:
        return make_number(key, "number");
    case SHAPE_DURATION:
        return make_any_of(make_text(DURATION_PATTERN), make_count());
    case SHAPE_COUNT:
        return make_any_of(make_type("integer"), make_text(COUNT_PATTERN));
    case SHAPE_BYTES:
        return make_any_of(make_text(BYTES_PATTERN), make_count());
    case SHAPE_EXPRESSION:
        return make_any_of(make_type("string"), make_type("boolean"));
    case SHAPE_TEXTS:
        return make_list(make_type("string"));
    case SHAPE_NAMES:
        return make_any_of(make_text(NAME_PATTERN), make_list(make_text(NAME_PATTERN)));
    case SHAPE_WORDS:
        return make_list(make_words(key->words));
    case SHAPE_INTEGERS:
        return make_list(make_number(key, "integer"));
    case SHAPE_VALUES:
        return make_type("array");
    case SHAPE_ANY:
        return json_object();
    case SHAPE_OBJECT:
        return make_reference(key->of);
    case SHAPE_OBJECTS:
        return make_list(make_reference(key->of));
    case SHAPE_NAMED:
        return make_named(key);
    case SHAPE_VARIABLES:
        return make_variables(key);
    case SHAPE_PATHS:
        return make_map(NAME_PATTERN, make_type("string"));
    case SHAPE_NAME_MAP:
        return make_map(NAME_PATTERN, make_text(NAME_PATTERN));
    case SHAPE_MAP:
        return make_type("object");
    case SHAPE_SECRET:
        return make_text(SECRET_PATTERN);
    case SHAPE_POINTER:
        return make_text(POINTER_PATTERN);
    }
    return json_object();
}

static json_t *make_key(const struct key *key)
{
    json_t *schema = NULL;
    json_t *described;

    for (unsigned i = 0; i < KEY_SHAPES; i++) {
        if (key->shapes & (1U << i)) {
            json_t *shape = make_shape(key, (enum key_shape)(1U << i));

            schema = schema ? make_any_of(schema, shape) : shape;
        }
    }
    /* The description first: it is what an editor shows. */
    described = json_object();
    json_put_text(described, "description", key->help);
    if (key->is_ignored) {
        json_put(described, "deprecated", json_true());
    }
    (void)json_object_update(described, schema);
    json_decref(schema);
    return described;
}

/* Notes in *levels which other levels the keys lead to. */
static json_t *make_level(enum key_level level, unsigned *levels)
{
    size_t count;
    const struct key *keys = key_table(&count);
    json_t *schema = make_type("object");
    json_t *properties = json_object();
    json_t *required = json_array();

    for (size_t i = 0; i < count; i++) {
        if (!(keys[i].levels & LEVEL_BIT(level))) {
            continue;
        }
        json_put(properties, keys[i].name, make_key(&keys[i]));
        if (keys[i].is_required) {
            (void)json_array_append_new(required, json_string(keys[i].name));
        }
        if (keys[i].shapes & (SHAPE_OBJECT | SHAPE_OBJECTS | SHAPE_NAMED)) {
            *levels |= LEVEL_BIT(keys[i].of);
            *levels |= keys[i].of_items ? LEVEL_BIT(keys[i].of_items) : 0;
        }
    }
    json_put_text(schema, "description", key_level_get(level)->help);
    json_put(schema, "properties", properties);
    if (json_array_size(required) > 0) {
        json_put(schema, "required", json_incref(required));
    }
    json_decref(required);
    json_put(schema, "additionalProperties",
             key_level_has_free_keys(level) ? make_text(NAME_PATTERN) : json_false());
    return schema;
}

static json_t *make_schema(enum key_level root, const char *title)
{
    json_t *schema = json_object();
    json_t *definitions = json_object();
    unsigned wanted = 0;
    unsigned made = 0;
    json_t *level;

    json_put_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_put_text(schema, "title", title);
    level = make_level(root, &wanted);
    (void)json_object_update(schema, level);
    json_decref(level);
    while (wanted & ~made) {
        enum key_level next = (enum key_level)__builtin_ctz(wanted & ~made);

        made |= LEVEL_BIT(next);
        json_put(definitions, key_level_get(next)->name, make_level(next, &wanted));
    }
    json_put(schema, "$defs", definitions);
    return schema;
}

json_t *workflow_schema(void)
{
    return make_schema(LEVEL_WORKFLOW, "Fermata workflow");
}

json_t *workflow_config_schema(void)
{
    return make_schema(LEVEL_CONFIG, "Fermata configuration");
}

json_t *workflow_expert_schema(void)
{
    return make_schema(LEVEL_EXPERT, "Front matter of a Fermata expert");
}
