/* SPDX-License-Identifier: MIT */
/* What a single word of the files may be: ids, names, variables, models, secrets, paths into
 * JSON, sizes, words of a list. */
#include "base/file.h"
#include "workflow/keys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ID_LENGTH_MAX 64
#define AGENT_NAME_MAX 50
#define POINTER_PART_MAX 255

bool id_is_valid(const char *text)
{
    size_t length = strnlen(text, ID_LENGTH_MAX + 1);

    if (length > ID_LENGTH_MAX || !isalpha((unsigned char)*text)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_') {
            return false;
        }
    }
    return true;
}

bool name_is_valid(const char *text)
{
    size_t length = strnlen(text, WORKFLOW_NAME_MAX + 1);

    if (length > WORKFLOW_NAME_MAX || !isalnum((unsigned char)*text) || path_unsafe_reason(text)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-_./", text[i])) {
            return false;
        }
    }
    return true;
}

bool agent_name_is_valid(const char *text)
{
    return strnlen(text, AGENT_NAME_MAX + 1) <= AGENT_NAME_MAX && name_is_valid(text) &&
           !strchr(text, '/');
}

static bool is_variable(const char *text, const char *others)
{
    size_t length = strnlen(text, ID_LENGTH_MAX + 1);

    if (length > ID_LENGTH_MAX || length == 0 || isdigit((unsigned char)*text)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i])) {
            return false;
        }
    }
    return true;
}

bool variable_is_valid(const char *text)
{
    return is_variable(text, "_");
}

bool variable_pattern_is_valid(const char *text)
{
    return is_variable(text, "_*");
}

bool model_is_valid(const char *text)
{
    size_t length = strnlen(text, WORKFLOW_NAME_MAX + 1);

    if (length > WORKFLOW_NAME_MAX || length == 0) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-_./:@+*?", text[i])) {
            return false;
        }
    }
    return true;
}

bool secret_is_valid(const char *text)
{
    if (strncmp(text, "env:", 4) == 0) {
        return variable_is_valid(text + 4);
    }
    return strncmp(text, "file:", 5) == 0 && text[5];
}

/* `$` and brackets are how others write it; that would look for keys of such names. */
bool pointer_is_valid(const char *text)
{
    if (strpbrk(text, "[]") || strncmp(text, "$.", 2) == 0) {
        return false;
    }
    for (;;) {
        size_t length = strcspn(text, ".");

        if (length == 0 || length > POINTER_PART_MAX) {
            return false;
        }
        text += length;
        if (!*text++) {
            return true;
        }
    }
}

int bytes_parse(const char *text, int64_t *ret_bytes)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"", 0},   {"B", 0},    {"k", 10}, {"K", 10},  {"KiB", 10},
                 {"M", 20}, {"MiB", 20}, {"G", 30}, {"GiB", 30}};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 12) {
        return ERROR_INVALID;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(text + digits, units[i].name) == 0) {
            *ret_bytes = strtoll(text, NULL, 10) * (INT64_C(1) << units[i].shift);
            return 0;
        }
    }
    return ERROR_INVALID;
}

int words_find(const char *words, const char *text)
{
    size_t wanted = strlen(text);

    for (int index = 0; *words; index++) {
        size_t length = strcspn(words, " ");

        if (length == wanted && strncmp(words, text, length) == 0) {
            return index;
        }
        words += length + (words[length] == ' ');
    }
    return -1;
}
