/* SPDX-License-Identifier: MIT */
#include "functions/licence.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 6000
#define MARKS_MAX 3

/* The more particular text first: the first of which all marks are there counts. */
static const struct {
    const char *name;
    enum licence_kind kind;
    const char *marks[MARKS_MAX]; /* of its text, spaces and case aside; none: known by name only */
} licences[] = {
    {"AGPL-3.0", LICENCE_COPYLEFT, {"gnu affero general public license", "version 3"}},
    {"LGPL-3.0", LICENCE_WEAK_COPYLEFT, {"gnu lesser general public license", "version 3"}},
    {"LGPL-2.1", LICENCE_WEAK_COPYLEFT, {"gnu lesser general public license", "version 2.1"}},
    {"LGPL-2.0", LICENCE_WEAK_COPYLEFT, {"gnu library general public license"}},
    {"GPL-3.0", LICENCE_COPYLEFT, {"gnu general public license", "version 3"}},
    {"GPL-2.0", LICENCE_COPYLEFT, {"gnu general public license", "version 2"}},
    {"Apache-2.0", LICENCE_PERMISSIVE, {"apache license", "version 2.0"}},
    {"MPL-2.0", LICENCE_WEAK_COPYLEFT, {"mozilla public license", "2.0"}},
    {"EPL-2.0", LICENCE_WEAK_COPYLEFT, {"eclipse public license - v 2.0"}},
    {"EUPL-1.2", LICENCE_COPYLEFT, {"european union public licence", "1.2"}},
    {"BSL-1.0", LICENCE_PERMISSIVE, {"boost software license"}},
    {"CC0-1.0", LICENCE_PERMISSIVE, {"cc0 1.0 universal"}},
    {"CC-BY-4.0", LICENCE_PERMISSIVE, {"attribution 4.0 international"}},
    {"CC-BY-SA-4.0", LICENCE_COPYLEFT, {"attribution-sharealike 4.0"}},
    {"Unlicense", LICENCE_PERMISSIVE, {"this is free and unencumbered software"}},
    {"BUSL-1.1", LICENCE_OTHER, {"business source license 1.1"}},
    {"Elastic-2.0", LICENCE_OTHER, {"elastic license 2.0"}},
    {"SSPL-1.0", LICENCE_OTHER, {"server side public license"}},
    {"Zlib", LICENCE_PERMISSIVE, {"as-is", "altered source versions must be plainly marked"}},
    {"MIT", LICENCE_PERMISSIVE, {"permission is hereby granted, free of charge", "the software"}},
    {"ISC", LICENCE_PERMISSIVE, {"permission to use, copy, modify, and/or distribute"}},
    {"BSD-4-Clause",
     LICENCE_PERMISSIVE,
     {"redistribution and use in source and binary forms", "all advertising materials"}},
    {"BSD-3-Clause",
     LICENCE_PERMISSIVE,
     {"redistribution and use in source and binary forms", "endorse or promote"}},
    {"BSD-2-Clause", LICENCE_PERMISSIVE, {"redistribution and use in source and binary forms"}},
    {"0BSD", LICENCE_PERMISSIVE, {NULL}},
    {"MIT-0", LICENCE_PERMISSIVE, {NULL}},
    {"PostgreSQL", LICENCE_PERMISSIVE, {NULL}},
    {"Python-2.0", LICENCE_PERMISSIVE, {NULL}},
    {"curl", LICENCE_PERMISSIVE, {NULL}},
    {"OFL-1.1", LICENCE_WEAK_COPYLEFT, {"sil open font license"}},
};

/* Lower case, a single space wherever there were any. The caller frees it. */
static char *plain_of(const char *text, size_t length)
{
    char *plain = mem_alloc(length + 1);
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (!isspace(byte)) {
            plain[used++] = (char)tolower(byte);
        } else if (used > 0 && plain[used - 1] != ' ') {
            plain[used++] = ' ';
        }
    }
    plain[used] = '\0';
    return plain;
}

const char *licence_of_text(const char *text, size_t length)
{
    char *plain = plain_of(text, length < HEAD_BYTES ? length : HEAD_BYTES);
    const char *name = NULL;

    for (size_t i = 0; i < ARRAY_LEN(licences) && !name; i++) {
        bool is_it = licences[i].marks[0] != NULL;

        for (size_t k = 0; k < MARKS_MAX && licences[i].marks[k]; k++) {
            is_it = is_it && strstr(plain, licences[i].marks[k]);
        }
        name = is_it ? licences[i].name : NULL;
    }
    free(plain);
    return name;
}

/* Without what it says of other versions. */
static size_t stem_length(const char *name)
{
    static const char *const ends[] = {"-only", "-or-later", "+"};
    size_t length = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t end = strlen(ends[i]);

        if (length > end && strcasecmp(name + length - end, ends[i]) == 0) {
            return length - end;
        }
    }
    return length;
}

bool licence_is_same(const char *left, const char *right)
{
    size_t length = stem_length(left);

    return length == stem_length(right) && strncasecmp(left, right, length) == 0;
}

enum licence_kind licence_kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(licences); i++) {
        if (licence_is_same(licences[i].name, name)) {
            return licences[i].kind;
        }
    }
    return LICENCE_OTHER;
}

const char *licence_kind_word(enum licence_kind kind)
{
    switch (kind) {
    case LICENCE_PERMISSIVE:
        return "permissive";
    case LICENCE_WEAK_COPYLEFT:
        return "weak copyleft";
    case LICENCE_COPYLEFT:
        return "copyleft";
    case LICENCE_OTHER:
        return "other";
    }
    return "other";
}

bool licence_is_file(const char *path)
{
    static const char *const names[] = {"LICENSE", "LICENCE", "COPYING", "UNLICENSE"};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (strncmp(path, "LICENSES/", 9) == 0) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t length = strlen(names[i]);
        const char *rest = name + length;

        if (strncasecmp(name, names[i], length) == 0 &&
            (*rest == '\0' || *rest == '-' || *rest == '_' || strcasecmp(rest, ".txt") == 0 ||
             strcasecmp(rest, ".md") == 0 || strcasecmp(rest, ".rst") == 0 ||
             strncasecmp(rest, ".LESSER", 7) == 0)) {
            return true;
        }
    }
    return false;
}
