/* SPDX-License-Identifier: MIT */
/* Shared by the parts of the JSON Schema validator. */
#ifndef FERMATA_WORKFLOW_JSON_SCHEMA_INTERNAL_H
#define FERMATA_WORKFLOW_JSON_SCHEMA_INTERNAL_H

#include "base/map.h"
#include "base/pattern.h"
#include "workflow/json_schema.h"

#include <stdbool.h>
#include <stddef.h>

/* Where in the value we are; the frames live on the stack. */
struct place {
    const struct place *parent; /* NULL: the whole value */
    const char *key;            /* NULL: an element */
    size_t index;
    const json_t *value;
};

struct checker {
    const json_t *root;
    struct map *patterns;   /* text -> struct pattern */
    struct map *references; /* text -> the schema it names */
    bool is_tracking;       /* some schema asks for unevaluated members or elements */
    int depth;
    size_t work;
    int silent; /* above 0: why a value is refused does not matter now */
    struct error *err;
};

/* Marks say which members (in order of iteration) or elements of the value at a place were looked
 * at by a schema that accepts it. NULL: nobody asks. */

/* Checks one value against one schema; on success adds to marks. */
int schema_apply(struct checker *checker, const json_t *schema, const struct place *place,
                 unsigned char *marks);
/* The keywords by kind of value (json_schema_values.c, json_schema_containers.c). */
int schema_check_number(struct checker *checker, const json_t *schema, const struct place *place);
int schema_check_text(struct checker *checker, const json_t *schema, const struct place *place);
int schema_check_list(struct checker *checker, const json_t *schema, const struct place *place,
                      unsigned char *marks);
int schema_check_object(struct checker *checker, const json_t *schema, const struct place *place,
                        unsigned char *marks);
int schema_check_unevaluated(struct checker *checker, const json_t *schema,
                             const struct place *place, unsigned char *marks);

/* ERROR_VALIDATION with "at /place: " before the text. */
int schema_fail(struct checker *checker, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts work; ERROR_LIMIT when it is too much. */
int schema_spend(struct checker *checker, size_t work);
/* Does the text match the pattern (compiled once)? Only for patterns of a checked schema. */
int schema_match(struct checker *checker, const char *pattern, const char *text, size_t length,
                 bool *ret_matches);
/* A keyword's non-negative whole number, also when written 2.0; the fallback when absent. */
size_t schema_count(const json_t *schema, const char *keyword, size_t fallback);
bool schema_is_whole(const json_t *number);

/* The schema that a "#..." reference (or the document's own $id with one) names, or NULL. */
const json_t *schema_find_reference(const json_t *root, const char *reference);

#endif
