/* SPDX-License-Identifier: MIT */
/* YAML text as a tree with positions, by the event parser of libfyaml 0.7.12. Internal to
 * workflow/.
 *
 * The tree is ours, built from events with an explicit stack, so that neither depth nor aliases of
 * a hostile file reach any recursion. Refused: more than one document, tags, keys that are not
 * plain texts, duplicate keys, merge keys, bytes that are no UTF-8, control characters, and
 * anything beyond the ceilings. An alias shares the node that it names; nobody may change nodes. */
#ifndef FERMATA_WORKFLOW_YAML_H
#define FERMATA_WORKFLOW_YAML_H

#include "base/arena.h"
#include "workflow/workflow.h"

#define YAML_NODES_MAX 200000 /* an alias counts as all that it stands for */
#define YAML_ALIASES_MAX 100
#define YAML_TEXT_BYTES_MAX (4 * WORKFLOW_BYTES_MAX) /* those of aliases counted */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };
enum yaml_style { YAML_PLAIN, YAML_QUOTED, YAML_LITERAL, YAML_FOLDED };
/* What a scalar means in the core schema of YAML 1.2. */
enum yaml_type { YAML_NULL, YAML_BOOLEAN, YAML_INTEGER, YAML_NUMBER, YAML_TEXT };

struct yaml_entry {
    const struct yaml_node *key; /* a scalar */
    struct yaml_node *value;
    bool is_bad; /* found wrong by the key table: readers do not see it */
};

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_style style;
    struct position at;
    const char *text; /* scalars; never holds NUL bytes */
    size_t length;
    struct yaml_node **items;   /* lists */
    struct yaml_entry *entries; /* maps, in file order */
    size_t count;
    size_t node_count; /* itself and all below */
    size_t byte_count; /* of the texts in it */
    int height;        /* 1: nothing below */
};

/* ERROR_LIMIT for what is beyond a ceiling, else ERROR_VALIDATION; the reasons are in *problems. */
int yaml_parse(struct arena *arena, const char *text, size_t length, struct problems *problems,
               struct yaml_node **ret_root, struct error *err);

/* The value of a key that was not found wrong; NULL when absent or `map` is NULL or no map. */
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

enum yaml_type yaml_scalar_type(const struct yaml_node *scalar);
bool yaml_is_text(const struct yaml_node *node); /* a scalar of type text; NULL gives false */
bool yaml_integer(const struct yaml_node *scalar, int64_t *ret_value); /* of type integer only */
/* "found ..." in messages: "the number 12", "a list", "nothing". */
const char *yaml_describe(const struct yaml_node *node, char *ret_text, size_t size);
/* The value as JSON; the caller owns it. */
json_t *yaml_to_json(const struct yaml_node *node);

/* Where byte `offset` of a scalar's text lies in the file; the scalar's start where it cannot be
 * told (folded texts, escapes before it). `source` is the text that was parsed. */
struct position yaml_position_in(const struct yaml_node *scalar, const char *source, size_t offset);

/* Adds a problem unless there are too many; texts are cut to fit. */
void problems_add(struct problems *problems, struct position at, const char *hint,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void problems_warn(struct problems *problems, struct position at, const char *hint,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* By line and column, each file by itself. */
void problems_sort(struct problems *problems);
bool problems_have_error(const struct problems *problems);

#endif
