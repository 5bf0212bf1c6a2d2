/* SPDX-License-Identifier: MIT */
/* PCRE2 (10.42) patterns of our own tables, on bytes, with positions: JIT where there is one, match
 * limits always. base/pattern.h is for patterns that users write. */
#ifndef FERMATA_BASE_RULE_PATTERN_H
#define FERMATA_BASE_RULE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct rule_pattern;

struct rule_pattern *rule_pattern_new(const char *text); /* our own text: a wrong one is a bug */
void rule_pattern_free(struct rule_pattern *pattern);    /* accepts NULL */

struct rule_pattern_match {
    size_t start, end;             /* of the whole match */
    size_t group_start, group_end; /* of group 1; the whole match when there is none */
};

/* From `from` on; ret_match may be NULL. A match that runs into its limits is none. */
bool rule_pattern_find(const struct rule_pattern *pattern, const char *text, size_t length,
                       size_t from, struct rule_pattern_match *ret_match);

#endif
