/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/timestamp.h"
#include "workflow/reader.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLES_MAX 200

const char *read_text(const struct reader *reader, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *value = yaml_find(map, key);

    return yaml_is_text(value) ? arena_strdup(reader->arena, value->text) : NULL;
}

bool read_boolean(const struct yaml_node *map, const char *key, bool fallback)
{
    const struct yaml_node *value = yaml_find(map, key);

    return value ? tolower((unsigned char)*value->text) == 't' : fallback;
}

int64_t read_integer(const struct yaml_node *map, const char *key, int64_t fallback)
{
    const struct yaml_node *value = yaml_find(map, key);
    int64_t number;

    return value && yaml_integer(value, &number) ? number : fallback;
}

double read_number(const struct yaml_node *map, const char *key, double fallback)
{
    const struct yaml_node *value = yaml_find(map, key);

    return value ? strtod(value->text, NULL) : fallback;
}

int64_t read_duration(const struct yaml_node *map, const char *key, int64_t fallback_ms)
{
    const struct yaml_node *value = yaml_find(map, key);
    int64_t duration_ms;

    if (value && value->kind == YAML_SCALAR &&
        duration_parse(value->text, &duration_ms, NULL) == 0) {
        return duration_ms;
    }
    return fallback_ms;
}

int read_word(enum key_level level, const struct yaml_node *map, const char *key, int fallback)
{
    const struct yaml_node *value = yaml_find(map, key);
    const struct key *row = key_find(level, key);

    assert(row && row->words);
    return yaml_is_text(value) ? words_find(row->words, value->text) : fallback;
}

struct budget read_budget(const struct yaml_node *map)
{
    const struct yaml_node *values = yaml_find(map, "budget");
    struct budget budget = {{0}};

    for (int i = 0; i < BUDGET_KINDS; i++) {
        const struct yaml_node *value = yaml_find(values, budget_kind_name((enum budget_kind)i));

        if (value && value->kind == YAML_SCALAR) {
            (void)budget_parse((enum budget_kind)i, value->text, &budget.limits[i], NULL);
        }
    }
    return budget;
}

struct quiet_policy read_quiet(const struct yaml_node *map)
{
    const struct yaml_node *quiet = yaml_find(map, "quiet");

    return (struct quiet_policy){.after_ms = read_duration(quiet, "after", -1),
                                 .then = read_word(LEVEL_QUIET, quiet, "then", -1)};
}

struct quiet_policy quiet_over(struct quiet_policy own, struct quiet_policy outer)
{
    return (struct quiet_policy){.after_ms = own.after_ms < 0 ? outer.after_ms : own.after_ms,
                                 .then = own.then < 0 ? outer.then : own.then};
}

const char *const *read_names(const struct reader *reader, const struct yaml_node *map,
                              const char *key, size_t *ret_count)
{
    const struct yaml_node *value = yaml_find(map, key);
    const char **names;
    size_t count;

    *ret_count = 0;
    if (!value) {
        return NULL;
    }
    count = value->kind == YAML_LIST ? value->count : 1;
    names = arena_zero(reader->arena, count ? count : 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = arena_strdup(reader->arena,
                                value->kind == YAML_LIST ? value->items[i]->text : value->text);
    }
    *ret_count = count;
    return names;
}

/* ---- expressions ------------------------------------------------------------------------ */

static void report_expression(const struct reader *reader, const struct yaml_node *node,
                              size_t offset, const struct expression_problem *problem)
{
    problems_add(reader->problems, yaml_position_in(node, reader->source, offset + problem->offset),
                 problem->hint, "%s", problem->text);
}

static void note_use(struct reader *reader, struct expression_use use)
{
    *VEC_PUSH(&reader->uses) = use;
}

/* The inside of a text that is one "${{ ... }}" as a whole, else the text itself. */
static void unwrap(const char *text, size_t length, size_t *ret_offset, size_t *ret_length)
{
    size_t start = strspn(text, " \t\r\n");

    while (length > start && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    *ret_offset = 0;
    *ret_length = length;
    if (length - start >= 5 && strncmp(text + start, "${{", 3) == 0 &&
        strncmp(text + length - 2, "}}", 2) == 0) {
        *ret_offset = start + 3 + strspn(text + start + 3, " \t\r\n");
        length -= 2;
        while (length > *ret_offset && isspace((unsigned char)text[length - 1])) {
            length--;
        }
        *ret_length = length > *ret_offset ? length - *ret_offset : 0;
    }
}

/* A literal list in the language of expressions; it has no maps. */
static bool add_literal(const json_t *value, struct strbuf *target)
{
    char *text;

    if (json_is_object(value)) {
        return false;
    }
    if (!json_is_array(value)) {
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        strbuf_add(target, text ? text : "null");
        free(text);
        return true;
    }
    strbuf_add_char(target, '[');
    for (size_t i = 0; i < json_array_size(value); i++) {
        strbuf_add(target, i ? ", " : "");
        if (!add_literal(json_array_get(value, i), target)) {
            return false;
        }
    }
    strbuf_add_char(target, ']');
    return true;
}

/* The text of the literal, or NULL after a report. */
static char *literal_text(const struct reader *reader, const struct yaml_node *node)
{
    json_t *value = yaml_to_json(node);
    struct strbuf text;
    char *literal = NULL;
    bool is_known;

    strbuf_init(&text, EXPRESSION_BYTES_MAX);
    is_known = add_literal(value, &text);
    json_decref(value);
    if (is_known && !text.overflow) {
        literal = mem_strdup(text.data);
    } else if (is_known) {
        problems_add(reader->problems, node->at, "let a step make the list and refer to its output",
                     "the list is too long: at most %d bytes", EXPRESSION_BYTES_MAX);
    } else {
        problems_add(reader->problems, node->at, NULL,
                     "the members of a literal list must be texts, numbers, booleans or lists");
    }
    strbuf_release(&text);
    return literal;
}

static struct expression *read_literal_list(const struct reader *reader,
                                            const struct yaml_node *node)
{
    struct expression *expression = NULL;
    struct expression_problem problem = {0};
    char *text = literal_text(reader, node);

    if (text && expression_parse(reader->arena, text, strlen(text), &expression, &problem) < 0) {
        problems_add(reader->problems, node->at, problem.hint, "%s", problem.text);
        expression = NULL;
    }
    free(text);
    return expression;
}

struct expression *read_expression(struct reader *reader, const struct yaml_node *map,
                                   const char *key, struct place place)
{
    const struct yaml_node *node = yaml_find(map, key);
    struct expression *expression = NULL;
    struct expression_problem problem = {0};
    size_t offset;
    size_t length;

    if (!node) {
        return NULL;
    }
    if (node->kind == YAML_LIST) {
        return read_literal_list(reader, node);
    }
    unwrap(node->text, node->length, &offset, &length);
    if (expression_parse(reader->arena, node->text + offset, length, &expression, &problem) < 0) {
        report_expression(reader, node, offset, &problem);
        return NULL;
    }
    note_use(reader, (struct expression_use){
                         .expression = expression, .node = node, .offset = offset, .place = place});
    return expression;
}

/* ---- templates -------------------------------------------------------------------------- */

struct template_source {
    const struct reader *reader;
    const struct yaml_node *node;
};

static void report_template(void *context, const struct expression_problem *problem)
{
    const struct template_source *source = context;

    report_expression(source->reader, source->node, 0, problem);
}

static struct template *parse_template(const struct reader *reader, const struct yaml_node *node,
                                       const char *text, size_t length)
{
    struct template_source source = {.reader = reader, .node = node};
    struct expression_reporter reporter = {.add = report_template, .context = &source};
    struct template *result;

    (void)template_parse(reader->arena, text, length, &reporter, &result);
    return result;
}

struct template *read_template(struct reader *reader, const struct yaml_node *value,
                               struct place place)
{
    struct template *result = parse_template(reader, value, value->text, value->length);

    note_use(reader, (struct expression_use){.template_ = result, .node = value, .place = place});
    return result;
}

/* A number, boolean or list keeps its type as "${{ 12 }}". */
static struct template *read_typed(struct reader *reader, const struct yaml_node *value,
                                   struct place place)
{
    struct template *result = NULL;
    char *literal;
    char *text;

    if (yaml_is_text(value)) {
        return read_template(reader, value, place);
    }
    literal = literal_text(reader, value);
    if (literal) {
        text = mem_printf("${{ %s }}", literal);
        result = parse_template(reader, value, text, strlen(text));
        free(text);
    }
    free(literal);
    return result;
}

const struct named_template *read_variables(struct reader *reader, const struct yaml_node *map,
                                            bool as_text, struct place place, size_t *ret_count)
{
    struct named_template *variables;
    size_t count = 0;

    *ret_count = 0;
    if (!map || map->kind != YAML_MAP) {
        return NULL;
    }
    if (map->count > VARIABLES_MAX) {
        problems_add(reader->problems, map->at, NULL, "%zu values; at most %d are allowed",
                     map->count, VARIABLES_MAX);
        return NULL;
    }
    variables = arena_zero(reader->arena, map->count + 1, sizeof(*variables));
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_entry *entry = &map->entries[i];
        struct template *value = NULL;

        if (!entry->is_bad) {
            value = as_text ? read_template(reader, entry->value, place)
                            : read_typed(reader, entry->value, place);
        }
        if (value) {
            variables[count].name = arena_strdup(reader->arena, entry->key->text);
            variables[count++].value = value;
        }
    }
    *ret_count = count;
    return variables;
}

const json_t *read_json(struct reader *reader, const struct yaml_node *node)
{
    json_t *value;

    if (!node) {
        return NULL;
    }
    value = yaml_to_json(node);
    (void)json_array_append_new(reader->values, value);
    return value;
}
