/* SPDX-License-Identifier: MIT */
/* The keywords of JSON Schema and what their values must be: one row a keyword. */
#ifndef FERMATA_WORKFLOW_JSON_SCHEMA_KEYWORDS_H
#define FERMATA_WORKFLOW_JSON_SCHEMA_KEYWORDS_H

#include <stddef.h>

enum keyword_kind {
    KEYWORD_SCHEMA,
    KEYWORD_SCHEMA_LIST,
    KEYWORD_SCHEMA_MAP,
    KEYWORD_PATTERN_MAP, /* as above, the keys are patterns */
    KEYWORD_NUMBER,
    KEYWORD_POSITIVE,
    KEYWORD_COUNT,
    KEYWORD_TEXT,
    KEYWORD_PATTERN,
    KEYWORD_NAMES, /* a list of different texts */
    KEYWORD_NAMES_MAP,
    KEYWORD_TYPE,
    KEYWORD_LIST,
    KEYWORD_BOOLEAN,
    KEYWORD_REFERENCE,
    KEYWORD_ID,
    KEYWORD_ANCHOR,
};

struct schema_keyword {
    const char *name;
    enum keyword_kind kind;
};

const struct schema_keyword *schema_find_keyword(const char *name); /* NULL: a remark */

#endif
