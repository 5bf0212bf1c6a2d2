/* SPDX-License-Identifier: MIT */
/* A YAML tree against the key table: unknown keys, shapes, words, ranges. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "workflow/budget.h"
#include "workflow/keys.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checker {
    struct problems *problems;
    const struct key *key; /* whose value is looked at */
    enum key_level level;  /* where the key stands */
};

/* ---- messages --------------------------------------------------------------------------- */

static void add_words(const char *words, struct strbuf *target)
{
    for (const char *cursor = words; *cursor; cursor++) {
        strbuf_add(target, *cursor == ' ' ? ", " : (char[]){*cursor, '\0'});
    }
}

static void describe_shape(const struct key *key, unsigned shape, struct strbuf *target)
{
    static const char *const names[KEY_SHAPES] = {
        "a text",
        "an id (letters, digits, - and _, a letter first, at most 64)",
        "a name (letters, digits and - _ . /, at most 100)",
        "one of ",
        "true or false",
        "a whole number",
        "a number",
        "a duration such as 30s or 10m",
        "a size such as 8MiB",
        "an expression",
        "a text",
        "a relative path inside the project",
        "a list of texts",
        "a list of names",
        "a list of ",
        "a list of whole numbers",
        "a list",
        "a value",
        "a map",
        "a list of maps",
        "a map of names",
        "a map of names to texts",
        "a map of names to paths",
        "a map of names to names",
        "a map",
        "env:NAME or file:PATH",
        "a path into its JSON, such as choices.0.text",
        "a count such as 200k",
    };

    strbuf_add(target, names[__builtin_ctz(shape)]);
    if (shape & (SHAPE_WORD | SHAPE_WORDS)) {
        add_words(key->words, target);
    }
    if (shape & (SHAPE_INTEGER | SHAPE_NUMBER | SHAPE_INTEGERS)) {
        strbuf_addf(target, " from %" PRId64 " to %" PRId64, key->least, key->most);
    }
}

void key_describe_shapes(const struct key *key, struct strbuf *target)
{
    bool is_first = true;

    for (int i = 0; i < KEY_SHAPES; i++) {
        if (key->shapes & (1U << i)) {
            strbuf_add(target, is_first ? "" : ", or ");
            describe_shape(key, 1U << i, target);
            is_first = false;
        }
    }
}

static void report_shape(const struct checker *checker, const struct yaml_node *value)
{
    struct strbuf expected;
    char found[80];
    const char *hint = NULL;

    strbuf_init(&expected, 512);
    key_describe_shapes(checker->key, &expected);
    if (value->kind == YAML_SCALAR) {
        enum yaml_type type = yaml_scalar_type(value);
        bool wants_text = checker->key->shapes &
                          (SHAPE_TEXT | SHAPE_TEMPLATE | SHAPE_TEXTS | SHAPE_ID | SHAPE_NAME |
                           SHAPE_NAMES | SHAPE_PATH | SHAPE_POINTER);

        hint = type == YAML_NULL                 ? "give it a value or remove the key"
               : type != YAML_TEXT && wants_text ? "put quotes around it"
                                                 : NULL;
    }
    problems_add(checker->problems, value->at, hint, "\"%s\" of %s: expected %s, found %s",
                 checker->key->name, key_level_get(checker->level)->title, expected.data,
                 yaml_describe(value, found, sizeof(found)));
    strbuf_release(&expected);
}

static void report_word(const struct checker *checker, const struct yaml_node *value)
{
    const char *names[16];
    char words[256];
    char hint[200] = "";
    size_t count = 0;
    char *rest = words;
    const char *nearest;

    (void)snprintf(words, sizeof(words), "%s", checker->key->words);
    while (rest && count < ARRAY_LEN(names)) {
        names[count++] = strsep(&rest, " ");
    }
    nearest = nearest_name(value->text, names, count);
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
        problems_add(checker->problems, value->at, hint, "\"%s\" of %s has no word \"%s\"",
                     checker->key->name, key_level_get(checker->level)->title,
                     UTF8_CUT(value->text, 80));
    } else {
        report_shape(checker, value);
    }
}

/* ---- shapes ----------------------------------------------------------------------------- */

/* ERROR_NONE: it is this shape. ERROR_NOT_FOUND: it is not. ERROR_INVALID: it is, but with a fault
 * that has been reported. */
typedef int (*shape_check)(const struct checker *checker, const struct yaml_node *value);

static int is_text(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return yaml_is_text(value) ? ERROR_NONE : ERROR_NOT_FOUND;
}

static int is_id(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return yaml_is_text(value) && id_is_valid(value->text) ? ERROR_NONE : ERROR_NOT_FOUND;
}

static int is_name(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return yaml_is_text(value) && name_is_valid(value->text) ? ERROR_NONE : ERROR_NOT_FOUND;
}

static int is_word(const struct checker *checker, const struct yaml_node *value)
{
    if (!yaml_is_text(value)) {
        return ERROR_NOT_FOUND;
    }
    if (words_find(checker->key->words, value->text) < 0) {
        report_word(checker, value);
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static int is_boolean(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return value->kind == YAML_SCALAR && yaml_scalar_type(value) == YAML_BOOLEAN ? ERROR_NONE
                                                                                 : ERROR_NOT_FOUND;
}

static int is_in_range(const struct checker *checker, const struct yaml_node *value, double number)
{
    const struct key *key = checker->key;

    if (number < (double)key->least || number > (double)key->most) {
        problems_add(checker->problems, value->at, NULL,
                     "\"%s\" of %s must be from %" PRId64 " to %" PRId64 ", found %s", key->name,
                     key_level_get(checker->level)->title, key->least, key->most,
                     UTF8_CUT(value->text, 40));
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static int is_integer(const struct checker *checker, const struct yaml_node *value)
{
    int64_t number;

    return yaml_integer(value, &number) ? is_in_range(checker, value, (double)number)
                                        : ERROR_NOT_FOUND;
}

static int is_number(const struct checker *checker, const struct yaml_node *value)
{
    enum yaml_type type = value->kind == YAML_SCALAR ? yaml_scalar_type(value) : YAML_NULL;

    if (type != YAML_INTEGER && type != YAML_NUMBER) {
        return ERROR_NOT_FOUND;
    }
    return is_in_range(checker, value, strtod(value->text, NULL));
}

static int is_duration(const struct checker *checker, const struct yaml_node *value)
{
    int64_t duration_ms;
    struct error err = ERROR_INIT;

    if (value->kind != YAML_SCALAR ||
        (yaml_scalar_type(value) != YAML_TEXT && yaml_scalar_type(value) != YAML_INTEGER)) {
        return ERROR_NOT_FOUND;
    }
    if (duration_parse(value->text, &duration_ms, &err) < 0) {
        problems_add(checker->problems, value->at, NULL, "\"%s\" of %s: %s", checker->key->name,
                     key_level_get(checker->level)->title, err.text);
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static int is_bytes(const struct checker *checker, const struct yaml_node *value)
{
    int64_t bytes;

    if (value->kind != YAML_SCALAR || bytes_parse(value->text, &bytes) < 0) {
        return ERROR_NOT_FOUND;
    }
    return is_in_range(checker, value, (double)bytes);
}

static int is_count(const struct checker *checker, const struct yaml_node *value)
{
    int64_t count;

    (void)checker;
    return value->kind == YAML_SCALAR && count_parse(value->text, &count) == 0 ? ERROR_NONE
                                                                               : ERROR_NOT_FOUND;
}

static int is_expression(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return yaml_is_text(value) ||
                   (value->kind == YAML_SCALAR && yaml_scalar_type(value) == YAML_BOOLEAN)
               ? ERROR_NONE
               : ERROR_NOT_FOUND;
}

static int is_path(const struct checker *checker, const struct yaml_node *value)
{
    const char *reason;

    if (!yaml_is_text(value)) {
        return ERROR_NOT_FOUND;
    }
    reason = path_unsafe_reason(value->text);
    if (reason) {
        problems_add(checker->problems, value->at, "use a relative path that stays inside",
                     "\"%s\" of %s: the path \"%s\" may not be used: %s", checker->key->name,
                     key_level_get(checker->level)->title, UTF8_CUT(value->text, 80), reason);
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static int is_list_of(const struct checker *checker, const struct yaml_node *value,
                      shape_check check)
{
    int result = ERROR_NONE;

    if (value->kind != YAML_LIST) {
        return ERROR_NOT_FOUND;
    }
    for (size_t i = 0; i < value->count; i++) {
        int r = check(checker, value->items[i]);

        if (r == ERROR_NOT_FOUND) {
            report_shape(checker, value->items[i]);
        }
        result = r < 0 ? ERROR_INVALID : result;
    }
    return result;
}

static int is_texts(const struct checker *checker, const struct yaml_node *value)
{
    return is_list_of(checker, value, is_text);
}

static int is_names(const struct checker *checker, const struct yaml_node *value)
{
    return value->kind == YAML_SCALAR ? is_name(checker, value)
                                      : is_list_of(checker, value, is_name);
}

static int is_words(const struct checker *checker, const struct yaml_node *value)
{
    return is_list_of(checker, value, is_word);
}

static int is_integers(const struct checker *checker, const struct yaml_node *value)
{
    return is_list_of(checker, value, is_integer);
}

static int is_list(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return value->kind == YAML_LIST ? ERROR_NONE : ERROR_NOT_FOUND;
}

static int is_anything(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    (void)value;
    return ERROR_NONE;
}

static int is_object(const struct checker *checker, const struct yaml_node *value)
{
    if (value->kind != YAML_MAP) {
        return ERROR_NOT_FOUND;
    }
    /* The tree is not shared between threads; only its bad marks change. */
    keys_check(checker->key->of, (struct yaml_node *)(uintptr_t)value, checker->problems);
    return ERROR_NONE;
}

static int is_objects(const struct checker *checker, const struct yaml_node *value)
{
    return is_list_of(checker, value, is_object);
}

static int check_member(const struct checker *checker, const struct yaml_node *value)
{
    struct checker items = *checker;
    struct key key = *checker->key;

    if (value->kind != YAML_LIST || key.of_items == LEVEL_WORKFLOW) {
        return is_object(checker, value);
    }
    key.of = key.of_items;
    items.key = &key;
    return is_objects(&items, value);
}

/* What the members of a map are whose keys are names of the author. */
struct member_rule {
    bool (*is_valid)(const char *name);
    shape_check check;
    const char *wanted;
};

static void report_member(const struct checker *checker, const struct yaml_entry *entry,
                          const char *wanted)
{
    char found[80];

    problems_add(checker->problems, entry->value->at, NULL,
                 "\"%s\" in \"%s\" of %s: expected %s, found %s", UTF8_CUT(entry->key->text, 80),
                 checker->key->name, key_level_get(checker->level)->title, wanted,
                 yaml_describe(entry->value, found, sizeof(found)));
}

/* A bad member is marked, the others stay. */
static int is_map_of(const struct checker *checker, const struct yaml_node *value,
                     const struct member_rule *rule)
{
    if (value->kind != YAML_MAP) {
        return ERROR_NOT_FOUND;
    }
    for (size_t i = 0; i < value->count; i++) {
        struct yaml_entry *entry = &value->entries[i];
        int r = ERROR_NONE;

        if (!rule->is_valid(entry->key->text)) {
            problems_add(checker->problems, entry->key->at, "use letters, digits and _",
                         "\"%s\" is not a valid name in \"%s\"", UTF8_CUT(entry->key->text, 80),
                         checker->key->name);
            r = ERROR_INVALID;
        } else {
            r = rule->check(checker, entry->value);
            if (r == ERROR_NOT_FOUND) {
                report_member(checker, entry, rule->wanted);
            }
        }
        entry->is_bad = entry->is_bad || r < 0;
    }
    return ERROR_NONE;
}

static int is_scalar(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return value->kind == YAML_SCALAR && yaml_scalar_type(value) != YAML_NULL ? ERROR_NONE
                                                                              : ERROR_NOT_FOUND;
}

/* A scalar, or a list of lists and scalars. */
static int is_argument(const struct checker *checker, const struct yaml_node *value)
{
    if (value->kind == YAML_LIST) {
        return is_list_of(checker, value, is_argument);
    }
    return is_scalar(checker, value);
}

static bool is_some_text(const char *text)
{
    return *text;
}

static int is_named(const struct checker *checker, const struct yaml_node *value)
{
    struct member_rule rule = {
        .is_valid = checker->key->of == LEVEL_INPUT       ? id_is_valid
                    : checker->key->of == LEVEL_AGENT     ? agent_name_is_valid
                    : checker->key->of == LEVEL_PRICE     ? model_is_valid
                    : checker->key->of == LEVEL_MAP_EVENT ? is_some_text
                                                          : name_is_valid,
        .check = check_member,
        .wanted = checker->key->of_items == LEVEL_WORKFLOW ? "a map of keys"
                                                           : "a map of keys, or a list of maps",
    };

    return is_map_of(checker, value, &rule);
}

static int is_variables(const struct checker *checker, const struct yaml_node *value)
{
    static const struct member_rule environment = {variable_is_valid, is_scalar,
                                                   "a text, a number, true or false"};
    static const struct member_rule arguments = {id_is_valid, is_argument,
                                                 "a text, a number, true or false, or a list"};

    return is_map_of(checker, value,
                     strcmp(checker->key->name, "env") == 0 ? &environment : &arguments);
}

static int is_paths(const struct checker *checker, const struct yaml_node *value)
{
    static const struct member_rule rule = {name_is_valid, is_path,
                                            "a relative path inside the project"};

    return is_map_of(checker, value, &rule);
}

static int is_name_map(const struct checker *checker, const struct yaml_node *value)
{
    static const struct member_rule rule = {name_is_valid, is_name, "a name"};

    return is_map_of(checker, value, &rule);
}

static int is_map(const struct checker *checker, const struct yaml_node *value)
{
    (void)checker;
    return value->kind == YAML_MAP ? ERROR_NONE : ERROR_NOT_FOUND;
}

/* What was found is not shown: it may be the secret itself. */
static int is_secret(const struct checker *checker, const struct yaml_node *value)
{
    if (!yaml_is_text(value)) {
        return ERROR_NOT_FOUND;
    }
    if (!secret_is_valid(value->text)) {
        problems_add(checker->problems, value->at,
                     "keep the key out of the file: write env:NAME or file:PATH",
                     "\"%s\" of %s does not say where the key is", checker->key->name,
                     key_level_get(checker->level)->title);
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static int is_pointer(const struct checker *checker, const struct yaml_node *value)
{
    if (!yaml_is_text(value)) {
        return ERROR_NOT_FOUND;
    }
    if (!pointer_is_valid(value->text)) {
        problems_add(checker->problems, value->at,
                     "write keys and indexes with dots between them: choices.0.text",
                     "\"%s\" of %s: \"%s\" is no path into JSON", checker->key->name,
                     key_level_get(checker->level)->title, UTF8_CUT(value->text, 80));
        return ERROR_INVALID;
    }
    return ERROR_NONE;
}

static const shape_check shape_checks[KEY_SHAPES] = {
    is_text,      is_id,       is_name,       is_word,     is_boolean, is_integer, is_number,
    is_duration,  is_bytes,    is_expression, is_text,     is_path,    is_texts,   is_names,
    is_words,     is_integers, is_list,       is_anything, is_object,  is_objects, is_named,
    is_variables, is_paths,    is_name_map,   is_map,      is_secret,  is_pointer, is_count,
};

/* True when one of the key's shapes fits. */
static bool check_value(const struct checker *checker, const struct yaml_node *value)
{
    for (int i = 0; i < KEY_SHAPES; i++) {
        if (checker->key->shapes & (1U << i)) {
            int r = shape_checks[i](checker, value);

            if (r != ERROR_NOT_FOUND) {
                return r == ERROR_NONE;
            }
        }
    }
    report_shape(checker, value);
    return false;
}

/* ---- maps ------------------------------------------------------------------------------- */

static void report_unknown(const struct checker *checker, const struct yaml_node *key)
{
    const char *nearest = NULL;
    char hint[200] = "";

    /* Looking for near names takes time; a hostile file must not buy more of it than it sees. */
    if (!checker->problems->truncated) {
        nearest = key_nearest(checker->level, key->text);
    }
    if (nearest) {
        (void)snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
    }
    problems_add(checker->problems, key->at, hint, "%s has no key \"%s\"",
                 key_level_get(checker->level)->title, UTF8_CUT(key->text, 80));
}

static void check_entry(struct checker *checker, struct yaml_entry *entry)
{
    static const struct key free_pair = {.name = "fallback", .shapes = SHAPE_NAME};

    checker->key = key_find(checker->level, entry->key->text);
    if (!checker->key && key_level_has_free_keys(checker->level)) {
        checker->key = &free_pair;
    }
    if (!checker->key) {
        report_unknown(checker, entry->key);
        entry->is_bad = true;
    } else if (checker->key->is_ignored) {
        problems_warn(checker->problems, entry->key->at, checker->key->help,
                      "\"%s\" of %s has no effect here", entry->key->text,
                      key_level_get(checker->level)->title);
    } else if (!check_value(checker, entry->value)) {
        entry->is_bad = true;
    }
}

static void check_required(enum key_level level, const struct yaml_node *map,
                           struct problems *problems)
{
    size_t count;
    const struct key *table = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        bool is_there = false;

        if (!(table[i].levels & LEVEL_BIT(level)) || !table[i].is_required) {
            continue;
        }
        for (size_t j = 0; j < map->count && !is_there; j++) {
            is_there = strcmp(map->entries[j].key->text, table[i].name) == 0;
        }
        if (!is_there) {
            problems_add(problems, map->at, NULL, "%s needs the key \"%s\"",
                         key_level_get(level)->title, table[i].name);
        }
    }
}

void keys_check(enum key_level level, struct yaml_node *map, struct problems *problems)
{
    struct checker checker = {.problems = problems, .level = level};

    if (map->kind != YAML_MAP) {
        char found[80];

        problems_add(problems, map->at, NULL, "expected %s as a map of keys, found %s",
                     key_level_get(level)->title, yaml_describe(map, found, sizeof(found)));
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (!map->entries[i].is_bad) {
            check_entry(&checker, &map->entries[i]);
        }
    }
    check_required(level, map, problems);
}
