/* SPDX-License-Identifier: MIT */
/* Regular expressions that users write: PCRE2 on UTF-8 text, with ceilings on the pattern and on
 * the work of a match, so that no pattern can hang or exhaust us. As in ECMA-262, \d \w \s know
 * ASCII only, $ is the very end, and a match may lie anywhere unless the pattern is anchored. */
#ifndef FERMATA_BASE_PATTERN_H
#define FERMATA_BASE_PATTERN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_BYTES_MAX 4096

struct pattern;

/* ERROR_INVALID says what is wrong with the pattern, and where. */
int pattern_new(const char *text, struct pattern **ret_pattern, struct error *err);
void pattern_free(struct pattern *pattern); /* accepts NULL */
/* ERROR_LIMIT when the match takes too much work; ERROR_INVALID when the text is not UTF-8. */
int pattern_match(const struct pattern *pattern, const char *text, size_t length, bool *ret_matches,
                  struct error *err);

#endif
