/* SPDX-License-Identifier: MIT */
/* What "#", "#/a/b" (RFC 6901, percent-encoded) and "#anchor" name in a schema. */
#include "workflow/json_schema_internal.h"
#include "workflow/json_schema_keywords.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE_BYTES_MAX 4096

static int hex_digit(char character)
{
    if (isdigit((unsigned char)character)) {
        return character - '0';
    }
    return isxdigit((unsigned char)character) ? tolower((unsigned char)character) - 'a' + 10 : -1;
}

/* Percent-decodes in place. False when an escape is broken. */
static bool decode_percent(char *text)
{
    char *target = text;

    while (*text) {
        if (*text == '%') {
            int high = hex_digit(text[1]);
            int low = high < 0 ? -1 : hex_digit(text[2]);

            if (low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            *target++ = (char)(high * 16 + low);
            text += 3;
        } else {
            *target++ = *text++;
        }
    }
    *target = '\0';
    return true;
}

/* Decodes ~0 and ~1 in place. */
static bool decode_tilde(char *text)
{
    char *target = text;

    for (; *text; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1') {
            return false;
        }
        *target++ = (char)(*text != '~' ? *text : *++text == '0' ? '~' : '/');
    }
    *target = '\0';
    return true;
}

static const json_t *find_element(const json_t *list, const char *part)
{
    if (strspn(part, "0123456789") != strlen(part) || strlen(part) > 9 || !*part ||
        (part[0] == '0' && part[1])) {
        return NULL;
    }
    return json_array_get(list, strtoul(part, NULL, 10));
}

/* pointer begins with "/" or is empty; it is changed. */
static const json_t *find_pointer(const json_t *root, char *pointer)
{
    const json_t *value = root;
    char *part = *pointer ? pointer + 1 : NULL;

    while (part && value) {
        char *slash = strchr(part, '/');

        if (slash) {
            *slash = '\0';
        }
        if (!decode_tilde(part)) {
            return NULL;
        }
        value = json_is_array(value) ? find_element(value, part) : json_object_get(value, part);
        part = slash ? slash + 1 : NULL;
    }
    return value;
}

static const json_t *find_anchor(const json_t *schema, const char *name, int depth);

static const json_t *find_anchor_below(const json_t *value, enum keyword_kind kind,
                                       const char *name, int depth)
{
    const json_t *found = NULL;
    const char *key;
    size_t index;
    json_t *item;

    if (kind == KEYWORD_SCHEMA) {
        return find_anchor(value, name, depth);
    }
    if (kind == KEYWORD_SCHEMA_LIST) {
        json_array_foreach(value, index, item)
        {
            found = found ? found : find_anchor(item, name, depth);
        }
    } else if (kind == KEYWORD_SCHEMA_MAP || kind == KEYWORD_PATTERN_MAP) {
        json_object_foreach((json_t *)(uintptr_t)value, key, item)
        {
            found = found ? found : find_anchor(item, name, depth);
        }
    }
    return found;
}

/* Only where schemas stand: an $anchor inside enum or const is a plain value. */
static const json_t *find_anchor(const json_t *schema, const char *name, int depth)
{
    const json_t *found = NULL;
    const char *key;
    json_t *value;

    if (!json_is_object(schema) || depth > JSON_SCHEMA_DEPTH_MAX) {
        return NULL;
    }
    if (strcmp(json_get_text(schema, "$anchor", ""), name) == 0 ||
        strcmp(json_get_text(schema, "$dynamicAnchor", ""), name) == 0) {
        return schema;
    }
    json_object_foreach((json_t *)(uintptr_t)schema, key, value)
    {
        const struct schema_keyword *keyword = schema_find_keyword(key);

        if (keyword && !found) {
            found = find_anchor_below(value, keyword->kind, name, depth + 1);
        }
    }
    return found;
}

const json_t *schema_find_reference(const json_t *root, const char *reference)
{
    const char *id = json_get_text(root, "$id", "");
    size_t id_length = strcspn(id, "#");
    const json_t *found = NULL;
    char *fragment;

    if (strlen(reference) > REFERENCE_BYTES_MAX) {
        return NULL;
    }
    if (id_length > 0 && strncmp(reference, id, id_length) == 0) {
        reference += id_length;
    }
    if (*reference != '#') {
        return *reference ? NULL : root;
    }
    fragment = mem_strdup(reference + 1);
    if (decode_percent(fragment)) {
        found = *fragment == '\0' || *fragment == '/' ? find_pointer(root, fragment)
                                                      : find_anchor(root, fragment, 0);
    }
    free(fragment);
    return found;
}
