/* SPDX-License-Identifier: MIT */
/* Cargo.toml and pyproject.toml, line by line: tables of dependencies and lists of requirements. */
#include "functions/manifest.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum table_kind { TABLE_OTHER, TABLE_NAMES, TABLE_ONE, TABLE_LISTS };

struct toml {
    struct manifest *manifest;
    enum table_kind table;
    bool is_dev, is_in_list;
    const char *one; /* of [dependencies.NAME]: it stands in the table's own name */
    size_t one_length, line;
};

static bool ends(const char *text, size_t length, const char *end)
{
    size_t size = strlen(end);

    return length >= size && memcmp(text + length - size, end, size) == 0;
}

static bool has(const char *text, size_t length, const char *part)
{
    return memmem(text, length, part, strlen(part)) != NULL;
}

/* "[target.'cfg(unix)'.dependencies]", "[dependencies.serde]", "[tool.poetry.group.x.dependencies]"
 */
static void table_begin(struct toml *toml, const char *name, size_t length)
{
    const char *one = memmem(name, length, "dependencies.", 13);

    toml->table = TABLE_OTHER;
    toml->is_dev = has(name, length, "dev") || has(name, length, "build-") ||
                   has(name, length, "group.") || has(name, length, "optional-");
    if (ends(name, length, "optional-dependencies") || ends(name, length, "dependency-groups") ||
        (length == 7 && memcmp(name, "project", 7) == 0)) {
        toml->table = TABLE_LISTS;
    } else if (ends(name, length, "dependencies")) {
        toml->table = TABLE_NAMES;
    } else if (one) {
        toml->table = TABLE_ONE;
        toml->one = one + 13;
        toml->one_length = length - (size_t)(one + 13 - name);
        manifest_add(toml->manifest,
                     &(struct dependency){
                         .name = (char *)toml->one, .line = toml->line, .is_dev = toml->is_dev},
                     toml->one_length, 0);
    }
}

/* The first text in quotes of a line; NULL: there is none. */
static const char *quoted(const char *text, size_t length, size_t *ret_length)
{
    const char *open = NULL;
    const char *close;

    for (size_t i = 0; i < length && !open; i++) {
        open = text[i] == '"' || text[i] == '\'' ? text + i : NULL;
    }
    close = open ? memchr(open + 1, *open, (size_t)(text + length - open - 1)) : NULL;
    *ret_length = close ? (size_t)(close - open - 1) : 0;
    return close ? open + 1 : NULL;
}

/* name = "1", name = { version = "1", git = "..." }, name.workspace = true */
static void name_read(const struct toml *toml, const char *line, size_t length)
{
    size_t name = 0;
    const char *equals = memchr(line, '=', length);
    const char *value;
    size_t left;
    size_t size;

    while (name < length && (isalnum((unsigned char)line[name]) || strchr("-_", line[name]))) {
        name++;
    }
    if (name == 0 || !equals || (name == 6 && memcmp(line, "python", 6) == 0)) {
        return;
    }
    left = (size_t)(line + length - equals);
    value = memmem(equals, left, "version", 7);
    value = value ? value : memmem(equals, left, "git", 3);
    value = value ? value : equals;
    value = quoted(value, (size_t)(line + length - value), &size);
    manifest_add(toml->manifest,
                 &(struct dependency){.name = (char *)line,
                                      .version = (char *)(value ? value : ""),
                                      .line = toml->line,
                                      .is_dev = toml->is_dev},
                 name, size);
}

/* Each "name>=1" of a line of a list. */
static void list_read(struct toml *toml, const char *line, size_t length)
{
    const char *at = line;
    const char *text;
    size_t size;

    while ((text = quoted(at, (size_t)(line + length - at), &size)) != NULL) {
        size_t name = 0;
        size_t extra;

        while (name < size && (isalnum((unsigned char)text[name]) || strchr("-_.", text[name]))) {
            name++;
        }
        extra = name < size && text[name] == '[' ? strcspn(text + name, "]") + 1 : 0;
        extra += strspn(text + name + extra, " ");
        manifest_add(toml->manifest,
                     &(struct dependency){.name = (char *)text,
                                          .version = (char *)text + name + extra,
                                          .line = toml->line,
                                          .is_dev = toml->is_dev},
                     name, name + extra < size ? size - name - extra : 0);
        at = text + size + 1;
    }
    toml->is_in_list = !memchr(at, ']', (size_t)(line + length - at));
}

/* The version that a table of one dependency says comes behind its name. */
static void one_read(const struct toml *toml, const char *line, size_t length)
{
    struct dependency *last = toml->manifest->count > 0
                                  ? &toml->manifest->items[toml->manifest->count - 1]
                                  : NULL;
    size_t size;
    const char *value = quoted(line, length, &size);

    if (last && value && (strncmp(line, "version", 7) == 0 || strncmp(line, "git", 3) == 0)) {
        free(last->version);
        last->version = mem_strndup(value, size);
    }
}

static void line_read(struct toml *toml, const char *line, size_t length)
{
    const char *list;

    if (toml->is_in_list) {
        list_read(toml, line, length);
    } else if (*line == '[') {
        size_t start = line[1] == '[' ? 2 : 1;
        const char *close = memchr(line, ']', length);

        table_begin(toml, line + start, close ? (size_t)(close - line) - start : 0);
    } else if (toml->table == TABLE_NAMES && *line != '#') {
        name_read(toml, line, length);
    } else if (toml->table == TABLE_ONE) {
        one_read(toml, line, length);
    } else if (toml->table == TABLE_LISTS && (list = memchr(line, '[', length)) != NULL &&
               (toml->is_dev || strncmp(line, "dependencies", 12) == 0)) {
        list_read(toml, list + 1, length - (size_t)(list + 1 - line));
    }
}

static void read_lines(struct manifest *manifest, const char *text)
{
    struct toml toml = {.manifest = manifest};

    while (*text) {
        size_t length = strcspn(text, "\n");
        size_t indent = strspn(text, " \t");

        toml.line++;
        if (indent < length) {
            line_read(&toml, text + indent, length - indent);
        }
        text += length + (text[length] == '\n');
    }
}

void manifest_parse_cargo(struct manifest *manifest, const char *text)
{
    read_lines(manifest, text);
}

void manifest_parse_pyproject(struct manifest *manifest, const char *text)
{
    read_lines(manifest, text);
}
