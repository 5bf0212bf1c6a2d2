/* SPDX-License-Identifier: MIT */
#include "workflow/json_schema_keywords.h"

#include <stdlib.h>
#include <string.h>

/* Sorted by name (byte order). `definitions` is the older name of $defs. */
static const struct schema_keyword keywords[] = {
    {"$anchor", KEYWORD_ANCHOR},
    {"$comment", KEYWORD_TEXT},
    {"$defs", KEYWORD_SCHEMA_MAP},
    {"$dynamicAnchor", KEYWORD_ANCHOR},
    {"$dynamicRef", KEYWORD_REFERENCE},
    {"$id", KEYWORD_ID},
    {"$ref", KEYWORD_REFERENCE},
    {"$schema", KEYWORD_TEXT},
    {"additionalProperties", KEYWORD_SCHEMA},
    {"allOf", KEYWORD_SCHEMA_LIST},
    {"anyOf", KEYWORD_SCHEMA_LIST},
    {"contains", KEYWORD_SCHEMA},
    {"definitions", KEYWORD_SCHEMA_MAP},
    {"dependentRequired", KEYWORD_NAMES_MAP},
    {"dependentSchemas", KEYWORD_SCHEMA_MAP},
    {"else", KEYWORD_SCHEMA},
    {"enum", KEYWORD_LIST},
    {"exclusiveMaximum", KEYWORD_NUMBER},
    {"exclusiveMinimum", KEYWORD_NUMBER},
    {"format", KEYWORD_TEXT},
    {"if", KEYWORD_SCHEMA},
    {"items", KEYWORD_SCHEMA},
    {"maxContains", KEYWORD_COUNT},
    {"maxItems", KEYWORD_COUNT},
    {"maxLength", KEYWORD_COUNT},
    {"maxProperties", KEYWORD_COUNT},
    {"maximum", KEYWORD_NUMBER},
    {"minContains", KEYWORD_COUNT},
    {"minItems", KEYWORD_COUNT},
    {"minLength", KEYWORD_COUNT},
    {"minProperties", KEYWORD_COUNT},
    {"minimum", KEYWORD_NUMBER},
    {"multipleOf", KEYWORD_POSITIVE},
    {"not", KEYWORD_SCHEMA},
    {"oneOf", KEYWORD_SCHEMA_LIST},
    {"pattern", KEYWORD_PATTERN},
    {"patternProperties", KEYWORD_PATTERN_MAP},
    {"prefixItems", KEYWORD_SCHEMA_LIST},
    {"properties", KEYWORD_SCHEMA_MAP},
    {"propertyNames", KEYWORD_SCHEMA},
    {"required", KEYWORD_NAMES},
    {"then", KEYWORD_SCHEMA},
    {"type", KEYWORD_TYPE},
    {"unevaluatedItems", KEYWORD_SCHEMA},
    {"unevaluatedProperties", KEYWORD_SCHEMA},
    {"uniqueItems", KEYWORD_BOOLEAN},
};

static int compare_name(const void *name, const void *keyword)
{
    return strcmp(name, ((const struct schema_keyword *)keyword)->name);
}

const struct schema_keyword *schema_find_keyword(const char *name)
{
    return bsearch(name, keywords, sizeof(keywords) / sizeof(keywords[0]), sizeof(keywords[0]),
                   compare_name);
}
