/* SPDX-License-Identifier: MIT */
/* JSON written as text at once, for what would only be made into a tree to be dumped again. The
 * caller keeps the order: members only within an object, as many ends as begins. Any bytes of a
 * text are taken; what is no UTF-8 becomes U+FFFD. */
#ifndef FERMATA_BASE_JSON_TEXT_H
#define FERMATA_BASE_JSON_TEXT_H

#include "base/json.h"

#include <stdint.h>

struct json_text {
    struct strbuf *target;
    bool is_pretty; /* two spaces, like json_dump_pretty() */
    int depth;
    bool is_first; /* nothing stands in the innermost object or array yet */
};

struct json_text json_text_new(struct strbuf *target, bool is_pretty);
/* `name` NULL: a member of an array, or the outermost value. */
void json_text_begin_object(struct json_text *json, const char *name);
void json_text_end_object(struct json_text *json);
void json_text_begin_array(struct json_text *json, const char *name);
void json_text_end_array(struct json_text *json);
/* NULL adds nothing, as with json_put(). */
void json_text_add(struct json_text *json, const char *name, const char *text);
void json_text_add_integer(struct json_text *json, const char *name, int64_t value);
void json_text_add_true(struct json_text *json, const char *name);
void json_text_add_value(struct json_text *json, const char *name, const json_t *value);

/* One string with its quotes, and one number, without anything around them. */
void json_text_quote(struct strbuf *target, const char *text);
void json_text_integer(struct strbuf *target, int64_t value);

#endif
