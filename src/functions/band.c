/* SPDX-License-Identifier: MIT */
/* How much effort the project is worth: the band that the angles and rounds of a flow hang on.
 * Small unless what is measured speaks for more: files, subsystems, surface of security and of
 * data. Each says how much it weighs, so that a reader can disagree, and whoever starts the run can
 * overrule. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/map.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 40
#define MEDIUM_POINTS 2
#define LARGE_POINTS 4

enum signal_kind { SIGNAL_FILES, SIGNAL_SUBSYSTEMS, SIGNAL_SECURITY, SIGNAL_DATA };

/* One point from `one` on, two from `two` on. */
static const struct {
    const char *name;
    const char *unit;
    size_t one, two;
} signals[] = {
    [SIGNAL_FILES] = {"files", "files of code", 300, 2000},
    [SIGNAL_SUBSYSTEMS] = {"subsystems", "folders of code", 10, 40},
    [SIGNAL_SECURITY] = {"security", "files of security surface", 5, SIZE_MAX},
    [SIGNAL_DATA] = {"data", "files of data surface", 5, SIZE_MAX},
};
#define SIGNALS ARRAY_LEN(signals)

static const char *const band_names[] = {"small", "medium", "large"};

/* Whole words of a path. */
static const char security_words[] = " auth authn authz authentication authorization login signin "
                                     "session sessions oauth oauth2 oidc saml jwt password "
                                     "passwords credential credentials crypto cipher tls ssl "
                                     "secret secrets permission permissions acl rbac sandbox "
                                     "csrf webhook webhooks upload uploads ";
static const char data_words[] = " migration migrations schema database db sql orm prisma alembic "
                                 "flyway liquibase payment payments billing privacy gdpr ";

struct measure {
    size_t counts[SIGNALS];
    const char *first[SIGNALS]; /* a file that shows it; NULL: none */
    struct map *folders;
};

static bool has_word(const char *path, const char *words)
{
    while (*path) {
        char word[WORD_MAX + 3] = " ";
        size_t length = 0;

        while (isalnum((unsigned char)path[length])) {
            length++;
        }
        if (length > 0 && length <= WORD_MAX) {
            for (size_t i = 0; i < length; i++) {
                word[1 + i] = (char)tolower((unsigned char)path[i]);
            }
            word[1 + length] = ' ';
            if (strstr(words, word)) {
                return true;
            }
        }
        path += length + (path[length] != '\0');
    }
    return false;
}

static void count(struct measure *measure, enum signal_kind kind, const char *path)
{
    measure->first[kind] = measure->counts[kind]++ == 0 ? path : measure->first[kind];
}

/* The folder that a file lies in, two levels deep at most: src/net, not src and not src/net/http.
 */
static void folder_count(struct measure *measure, const char *path)
{
    const char *slash = strchr(path, '/');
    const char *second = slash ? strchr(slash + 1, '/') : NULL;
    const char *end = second ? second : slash;
    char *folder = end ? mem_strndup(path, (size_t)(end - path)) : NULL;

    if (folder && !map_put(measure->folders, folder, measure)) {
        count(measure, SIGNAL_SUBSYSTEMS, path);
    }
    free(folder);
}

static void measure_tree(struct measure *measure, const struct tree *tree)
{
    const unsigned aside = TRAIT_TEST | TRAIT_VENDORED | TRAIT_GENERATED | TRAIT_EXAMPLE |
                           TRAIT_DOCUMENT;

    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        bool is_code = file->language && file->language->kind == LANGUAGE_CODE;
        bool is_sql = language_is(file->language, "SQL");

        if ((file->traits & aside) || (!is_code && !is_sql)) {
            continue;
        }
        count(measure, SIGNAL_FILES, file->path);
        folder_count(measure, file->path);
        if (has_word(file->path, security_words)) {
            count(measure, SIGNAL_SECURITY, file->path);
        }
        if (is_sql || has_word(file->path, data_words)) {
            count(measure, SIGNAL_DATA, file->path);
        }
    }
}

static size_t points_of(const struct measure *measure, size_t kind)
{
    size_t value = measure->counts[kind];

    return (size_t)(value >= signals[kind].one) + (size_t)(value >= signals[kind].two);
}

/* Puts the signals into the result, and what they come to. */
static enum band weigh(const struct measure *measure, json_t *result)
{
    json_t *list = json_array();
    size_t total = 0;

    for (size_t i = 0; i < SIGNALS; i++) {
        json_t *signal = json_object();

        json_put_text(signal, "signal", signals[i].name);
        json_put_integer(signal, "value", (json_int_t)measure->counts[i]);
        json_put_integer(signal, "points", (json_int_t)points_of(measure, i));
        json_put_text(signal, "example", i == SIGNAL_FILES ? NULL : measure->first[i]);
        (void)json_array_append_new(list, signal);
        total += points_of(measure, i);
    }
    json_put(result, "signals", list);
    json_put_integer(result, "points", (json_int_t)total);
    return total >= LARGE_POINTS ? BAND_LARGE : total >= MEDIUM_POINTS ? BAND_MEDIUM : BAND_SMALL;
}

/* "812 files of code, 14 folders of code": what weighs, or, where nothing does, the files. */
static void add_signals(const struct measure *measure, struct strbuf *text)
{
    size_t told = 0;

    for (size_t i = 0; i < SIGNALS; i++) {
        if (points_of(measure, i) > 0) {
            strbuf_addf(text, "%s%zu %s", told++ > 0 ? ", " : "", measure->counts[i],
                        signals[i].unit);
        }
    }
    if (told == 0) {
        strbuf_addf(text, "nothing speaks for more in %zu file%s of code",
                    measure->counts[SIGNAL_FILES], PLURAL(measure->counts[SIGNAL_FILES]));
    }
}

static void announce(const struct measure *measure, enum band measured, const char *asked,
                     bool is_fast, json_t *result)
{
    const char *chosen = asked ? asked : is_fast ? "small" : band_names[measured];
    struct strbuf why;

    strbuf_init(&why, 1000);
    if (asked) {
        strbuf_addf(&why, "asked for; measured would be %s: ", band_names[measured]);
    } else if (is_fast) {
        strbuf_addf(&why, "asked to be fast; measured would be %s: ", band_names[measured]);
    }
    add_signals(measure, &why);
    json_put_text(result, "band", chosen);
    json_put_text(result, "measured", band_names[measured]);
    json_put_text(result, "reason", why.data);
    json_put(result, "fast", json_boolean(is_fast));
    json_put_integer(result, "rounds",
                     is_fast                         ? 1
                     : strcmp(chosen, "large") == 0  ? 3
                     : strcmp(chosen, "medium") == 0 ? 2
                                                     : 1);
    result_summarise(result, "band %s: %s", chosen, why.data);
    json_put_text(result, "announce", json_get_text(result, "summary", NULL));
    strbuf_release(&why);
}

static int read_arguments(const struct function_call *call, const char **ret_asked, bool *ret_fast,
                          struct error *err)
{
    const char *band = json_get_text(call->arguments, "band", "auto");
    const json_t *fast = json_object_get(call->arguments, "fast");
    const char *word = json_is_string(fast) ? json_string_value(fast) : "false";

    for (size_t i = 0; i < ARRAY_LEN(band_names) && !*ret_asked; i++) {
        *ret_asked = strcmp(band, band_names[i]) == 0 ? band_names[i] : NULL;
    }
    if (!*ret_asked && strcmp(band, "auto") != 0) {
        return error_set(err, ERROR_INVALID,
                         "argument band: expected auto, small, medium or large");
    }
    *ret_fast = json_is_true(fast) || strcmp(word, "true") == 0;
    return 0;
}

int band_run(const struct function_call *call, struct error *err)
{
    struct measure measure = {.folders = NULL};
    struct tree *tree = NULL;
    const char *asked = NULL;
    bool is_fast = false;
    json_t *result;
    int r = read_arguments(call, &asked, &is_fast, err);

    if (r == 0) {
        r = tree_open(call->project, &tree, err);
    }
    if (r < 0) {
        return r;
    }
    measure.folders = map_new();
    measure_tree(&measure, tree);
    result = result_new("band");
    announce(&measure, weigh(&measure, result), asked, is_fast, result);
    json_put(result, "covered", tree_coverage(tree));
    map_free(measure.folders);
    tree_free(tree);
    return result_write(result, call, err);
}
