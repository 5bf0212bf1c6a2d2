/* SPDX-License-Identifier: MIT */
/* package.json and composer.json. The parser that we have elsewhere forgets lines, so this one
 * looks for no more than names, values and depth. */
#include "functions/manifest.h"

#include <string.h>

struct scan {
    struct manifest *manifest;
    const char *const *sections; /* names of maps at depth 1; those from `dev` on only to build */
    size_t dev;
    size_t line;
    int depth;
    int section; /* index of the one that is open; -1: none */
};

static int section_of(const struct scan *scan, const char *key, size_t length)
{
    for (int i = 0; scan->sections[i]; i++) {
        if (strlen(scan->sections[i]) == length && memcmp(scan->sections[i], key, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* The length of the text behind a quote. */
static size_t text_length(const char *text)
{
    size_t length = 0;

    while (text[length] && text[length] != '"' && text[length] != '\n') {
        length += text[length] == '\\' && text[length + 1] ? 2 : 1;
    }
    return length;
}

static const char *skip_space(struct scan *scan, const char *at)
{
    for (; *at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'; at++) {
        scan->line += *at == '\n';
    }
    return at;
}

/* At a text; gives the place behind it, and behind its value where that is a text, too. */
static const char *pair_read(struct scan *scan, const char *key)
{
    size_t length = text_length(key);
    size_t line = scan->line;
    const char *at = skip_space(scan, key + length + (key[length] == '"'));

    if (*at != ':') {
        return at;
    }
    at = skip_space(scan, at + 1);
    if (*at == '{' && scan->depth == 1) {
        scan->section = section_of(scan, key, length);
    } else if (*at == '"' && scan->depth == 2 && scan->section >= 0) {
        size_t version = text_length(at + 1);

        manifest_add(scan->manifest,
                     &(struct dependency){.name = (char *)key,
                                          .version = (char *)at + 1,
                                          .line = line,
                                          .is_dev = (size_t)scan->section >= scan->dev},
                     length, version);
    }
    if (*at == '"') {
        at += 1 + text_length(at + 1);
        at += *at == '"';
    }
    return at;
}

static void scan_json(struct scan *scan, const char *at)
{
    scan->line = 1;
    scan->section = -1;
    while (*at) {
        switch (*at) {
        case '{':
        case '[':
            scan->depth++;
            at++;
            break;
        case '}':
        case ']':
            scan->depth--;
            scan->section = scan->depth < 2 ? -1 : scan->section;
            at++;
            break;
        case '"':
            at = pair_read(scan, at + 1);
            break;
        default:
            scan->line += *at == '\n';
            at++;
            break;
        }
    }
}

void manifest_parse_npm(struct manifest *manifest, const char *text)
{
    static const char *const sections[] = {"dependencies", "optionalDependencies",
                                           "peerDependencies", "devDependencies", NULL};
    struct scan scan = {.manifest = manifest, .sections = sections, .dev = 3};

    scan_json(&scan, text);
}

void manifest_parse_composer(struct manifest *manifest, const char *text)
{
    static const char *const sections[] = {"require", "require-dev", NULL};
    struct scan scan = {.manifest = manifest, .sections = sections, .dev = 1};

    scan_json(&scan, text);
}
