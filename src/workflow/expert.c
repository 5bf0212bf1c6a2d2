/* SPDX-License-Identifier: MIT */
#include "workflow/expert.h"
#include "base/alloc.h"
#include "base/utf8.h"
#include "workflow/keys.h"
#include "workflow/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FENCE "---"

/* ---- the two halves ------------------------------------------------------------------------- */

/* The length of a line that is a fence, its end included; 0: it is another line. */
static size_t fence_length(const char *line)
{
    size_t length = strlen(FENCE);

    if (strncmp(line, FENCE, length) != 0) {
        return 0;
    }
    length += strspn(line + length, " \t");
    length += line[length] == '\r';
    return line[length] == '\n' ? length + 1 : line[length] == '\0' ? length : 0;
}

const char *expert_body(const char *text, size_t *ret_front)
{
    size_t opening = fence_length(text);
    const char *line = text + opening;

    *ret_front = 0;
    while (opening && *line) {
        size_t closing = fence_length(line);

        if (closing) {
            *ret_front = (size_t)(line - text);
            return line + closing;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return opening ? NULL : text;
}

/* The first line that says something: for a file without front matter. */
static const char *first_line(struct arena *arena, const char *body)
{
    const char *start = body + strspn(body, "# \t\r\n");
    size_t length = strcspn(start, "\r\n");

    return length ? arena_strndup(arena, start, length) : NULL;
}

/* ---- hints ---------------------------------------------------------------------------------- */

static void read_values(struct arena *arena, const struct yaml_node *node, struct expert_hint *hint)
{
    const char **values = arena_zero(arena, node->count + 1, sizeof(*values));

    if (node->kind == YAML_SCALAR) {
        values[hint->count++] = arena_strdup(arena, node->text);
    }
    for (size_t i = 0; node->kind == YAML_LIST && i < node->count; i++) {
        if (node->items[i]->kind == YAML_SCALAR) {
            values[hint->count++] = arena_strdup(arena, node->items[i]->text);
        }
    }
    hint->values = values;
}

/* A value for all agents, or a map from agents to values; `is_list`: the values are lists. */
static const struct expert_hint *read_hints(struct reader *reader, const char *key, bool is_list,
                                            size_t *ret_count)
{
    const struct yaml_node *node = yaml_find(reader->root, key);
    size_t count = !node ? 0 : node->kind == YAML_MAP ? node->count : 1;
    struct expert_hint *hints = arena_zero(reader->arena, count + 1, sizeof(*hints));

    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *value = node->kind == YAML_MAP ? node->entries[i].value : node;

        if (node->kind == YAML_MAP) {
            hints[i].agent = arena_strdup(reader->arena, node->entries[i].key->text);
        }
        if (is_list ? value->kind == YAML_LIST : yaml_is_text(value)) {
            read_values(reader->arena, value, &hints[i]);
        } else {
            problems_add(reader->problems, value->at, NULL,
                         "\"%s\" of an expert: expected %s for each agent", key,
                         is_list ? "a list of tools" : "the name of a model");
        }
    }
    *ret_count = count;
    return hints;
}

const struct expert_hint *expert_find_hint(const struct expert_hint *hints, size_t count,
                                           const char *agent, const char *type, bool is_own)
{
    const struct expert_hint *found = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *of = hints[i].agent;

        if (of && agent && strcmp(of, agent) == 0) {
            return &hints[i];
        }
        if (of ? type && strcmp(of, type) == 0 : is_own && !found) {
            found = &hints[i];
        }
    }
    return found;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_front(struct reader *reader, struct expert *expert)
{
    const struct yaml_node *root = reader->root;
    const char *name = read_text(reader, root, "name");
    int permission = read_word(LEVEL_EXPERT, root, "permission", 1);

    if (name && strcmp(name, expert->name) != 0) {
        problems_warn(reader->problems, yaml_find(root, "name")->at, NULL,
                      "the expert is called %s, after its file", expert->name);
    }
    expert->description = read_text(reader, root, "description");
    expert->kind = read_text(reader, root, "kind");
    expert->read_only = permission == 0;
    expert->temperature = read_number(root, "temperature", -1);
    expert->models = read_hints(reader, "model", false, &expert->model_count);
    expert->tools = read_hints(reader, "tools", true, &expert->tool_count);
}

/* It becomes a line of the workflow's text, which refuses these. */
static bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if ((*at < ' ' && *at != '\n' && *at != '\t' && *at != '\r') || *at == 0x7f) {
            return true;
        }
    }
    return false;
}

static void check_text(const char *text, struct problems *problems)
{
    if (!utf8_is_valid(text, strlen(text)) || has_control(text)) {
        problems_add(problems, (struct position){1, 1}, NULL,
                     "an expert is UTF-8 text without control characters");
    }
    if (strlen(text) > EXPERT_BYTES_MAX) {
        problems_add(problems, (struct position){1, 1}, "leave out what does not change the work",
                     "an expert has at most %u bytes", EXPERT_BYTES_MAX);
    }
}

int expert_parse(struct arena *arena, const char *name, const char *text, const char *file,
                 const struct expert **ret_expert, struct problems *problems, struct error *err)
{
    struct expert *expert = arena_zero(arena, 1, sizeof(*expert));
    struct reader reader = {.arena = arena, .scratch = arena_new(), .problems = problems};
    size_t front = 0;
    const char *body = expert_body(text, &front);
    struct yaml_node *root = NULL;
    int r = 0;

    *problems = (struct problems){.file = file};
    expert->name = arena_strdup(arena, name);
    expert->temperature = -1;
    check_text(text, problems);
    if (!body) {
        problems_add(problems, (struct position){1, 1}, "end it with a line ---",
                     "the front matter has no end");
    } else if (front > 0 && !problems_have_error(problems)) {
        /* With its first fence, which YAML knows too: so the lines are those of the file. */
        r = yaml_parse(reader.scratch, text, front, problems, &root, err);
        if (r == 0) {
            keys_check(LEVEL_EXPERT, root, problems);
            reader.root = root;
            read_front(&reader, expert);
        }
    }
    if (body) {
        body += strspn(body, "\r\n");
        expert->body = arena_strdup(arena, body);
        expert->description = expert->description ? expert->description : first_line(arena, body);
        if (!body[strspn(body, " \t\r\n")]) {
            problems_add(problems, (struct position){1, 1}, NULL,
                         "the expert is told nothing: there is no text behind the front matter");
        }
    }
    arena_free(reader.scratch);
    problems_sort(problems);
    if (r == 0 && problems_have_error(problems)) {
        r = error_set(err, ERROR_VALIDATION, "%s is not a valid expert", file);
    }
    if (r == 0) {
        *ret_expert = expert;
    }
    return r;
}
