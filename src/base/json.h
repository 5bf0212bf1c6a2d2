/* SPDX-License-Identifier: MIT */
/* Small helpers over jansson (https://jansson.readthedocs.io, 2.14), the project's value type. */
#ifndef FERMATA_BASE_JSON_H
#define FERMATA_BASE_JSON_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>

#define JSON_DEPTH_MAX 64
#define JSON_BYTES_MAX (16U * 1024 * 1024)

/* Before the first value, once a process: jansson without memory ends it (base/alloc.h). */
void json_init_memory(void);

/* Strict: one value, no duplicate keys, depth and size bounded; the error names line and column.
 * `what` names the text in messages ("output of step build"). The caller owns the value. */
int json_parse_text(const char *text, size_t length, const char *what, json_t **ret_value,
                    struct error *err);

/* Lenient getters for data we wrote ourselves: the fallback when absent or of another type. */
const char *json_get_text(const json_t *object, const char *key, const char *fallback);
json_int_t json_get_integer(const json_t *object, const char *key, json_int_t fallback);
bool json_get_boolean(const json_t *object, const char *key, bool fallback);

/* Sets the key, taking the value over; a NULL value sets nothing. */
void json_put(json_t *object, const char *key, json_t *value);
void json_put_text(json_t *object, const char *key, const char *text); /* NULL sets nothing */
void json_put_integer(json_t *object, const char *key, json_int_t value);
/* Text of any bytes as a JSON string: invalid UTF-8 and NUL become U+FFFD. */
json_t *json_text_lossy(const char *bytes, size_t length);
/* The same as text behind `target`, quoted. */
void json_add_text(struct strbuf *target, const char *text);

/* -1, 0 or 1 for two numbers, exactly (an integer is never rounded to compare it with a real). */
int json_compare_numbers(const json_t *left, const json_t *right);
/* Equal as values: like json_equal, but 1 and 1.0 are the same number. */
bool json_same(const json_t *left, const json_t *right);

char *json_dump_compact(const json_t *value); /* keys in insertion order; free() */
char *json_dump_pretty(const json_t *value);  /* two spaces, final newline; free() */
char *json_dump_sorted(const json_t *value);  /* compact, keys sorted: for digests; free() */

#endif
