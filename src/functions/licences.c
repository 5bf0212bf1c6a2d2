/* SPDX-License-Identifier: MIT */
/* Under which licence the project, its files and what it carries with it stand, and where that does
 * not go together. By texts, SPDX lines and manifests in the tree; nothing is looked up elsewhere,
 * and nothing here is legal advice. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/licence.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SPDX_MARK "SPDX-License-Identifier:"
#define SPDX_LINES 15 /* at the head of a file */
#define NAME_MAX_BYTES 80
#define USUAL_PERCENT 60 /* from here on an SPDX line is the project's habit */

/* Where a licence is told, and in which line. */
struct told {
    char *name;
    const struct tree_file *file;
    size_t line, files;
    char *evidence;
};

VEC_TYPE(tellings, struct told);

struct survey {
    struct tree *tree;
    struct findings *findings;
    struct tellings texts, lines, fields;
    const char *own; /* of the project's own licence file; NULL: none, or not known */
    const struct tree_file *own_file;
    size_t code, with_line;
    const struct tree_file *first_without;
    size_t without;
};

static void report(struct survey *survey, const struct told *told, struct finding finding)
{
    finding.file = told->file ? told->file->path : NULL;
    finding.line = told->line;
    finding.evidence = told->evidence;
    finding.evidence_length = told->evidence ? strlen(told->evidence) : 0;
    finding.context = told->file ? tree_context_name(told->file->traits) : NULL;
    findings_add(survey->findings, &finding);
}

static struct told *telling_add(struct tellings *tellings, const char *name, size_t length,
                                const struct tree_file *file)
{
    struct told *told = VEC_PUSH(tellings);

    *told = (struct told){.name = mem_strndup(name, length), .file = file, .files = 1};
    return told;
}

/* ---- texts ------------------------------------------------------------------------------ */

static void text_note(struct survey *survey, const struct tree_file *file, const char *text,
                      size_t length)
{
    const char *name = licence_of_text(text, length);
    struct told *told = telling_add(&survey->texts, name ? name : "not recognised",
                                    strlen(name ? name : "not recognised"), file);

    if (!strchr(file->path, '/') && !survey->own_file) {
        survey->own = name;
        survey->own_file = file;
    }
    if (!name && !strchr(file->path, '/')) {
        report(survey, told,
               (struct finding){.rule = "licence-not-recognised",
                                .severity = SEVERITY_LOW,
                                .confidence = "medium",
                                .message = "this licence is none whose text is known here",
                                .fix = "have somebody read it, and name it in an SPDX line"});
    }
}

/* ---- SPDX lines ------------------------------------------------------------------------- */

static void spdx_add(struct survey *survey, const struct tree_file *file, const char *line,
                     size_t length, size_t number)
{
    const char *mark = memmem(line, length, SPDX_MARK, strlen(SPDX_MARK));
    const char *name = mark + strlen(SPDX_MARK) + strspn(mark + strlen(SPDX_MARK), " \t");
    size_t size = 0;
    struct told *told;

    while (name + size < line + length && size < NAME_MAX_BYTES &&
           (isalnum((unsigned char)name[size]) || strchr("-.+() ", name[size]))) {
        size++;
    }
    while (size > 0 && strchr(" -", name[size - 1])) {
        size--; /* before the end of a comment */
    }
    survey->with_line++;
    for (size_t i = 0; i < survey->lines.count; i++) {
        told = &survey->lines.items[i];
        if (strlen(told->name) == size && memcmp(told->name, name, size) == 0) {
            told->files++;
            return;
        }
    }
    told = telling_add(&survey->lines, name, size, file);
    told->line = number;
    told->evidence = mem_strndup(line, length);
}

static void code_note(struct survey *survey, const struct tree_file *file, const char *text)
{
    const unsigned aside = TRAIT_VENDORED | TRAIT_GENERATED | TRAIT_EXAMPLE;
    bool is_counted = file->language && file->language->kind == LANGUAGE_CODE &&
                      !(file->traits & aside);

    survey->code += is_counted;
    for (size_t number = 1; *text && number <= SPDX_LINES; number++) {
        size_t length = strcspn(text, "\n");

        if (memmem(text, length, SPDX_MARK, strlen(SPDX_MARK))) {
            spdx_add(survey, file, text, length, number);
            survey->with_line -= !is_counted;
            return;
        }
        text += length + (text[length] == '\n');
    }
    if (is_counted) {
        survey->first_without = survey->without++ == 0 ? file : survey->first_without;
    }
}

/* ---- manifests -------------------------------------------------------------------------- */

static const struct {
    const char *file;
    const char *key; /* at the beginning of a line, quotes and spaces aside */
} fields[] = {
    {"package.json", "license"},   {"composer.json", "license"}, {"Cargo.toml", "license"},
    {"pyproject.toml", "license"}, {"meson.build", "license:"},  {"setup.cfg", "license"},
};

static const char *field_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(slash ? slash + 1 : path, fields[i].file) == 0) {
            return fields[i].key;
        }
    }
    return NULL;
}

/* The last text in quotes of the line, or what stands behind its =. */
static void field_add(struct survey *survey, const struct tree_file *file, const char *line,
                      size_t length, size_t number)
{
    const char *sign = memchr(line, ':', length);
    const char *value = sign ? sign : memchr(line, '=', length);
    const char *open;
    const char *close;
    struct told *told;

    if (!value) {
        return;
    }
    open = memchr(value, '"', (size_t)(line + length - value));
    open = open ? open : memchr(value, '\'', (size_t)(line + length - value));
    close = open ? memchr(open + 1, *open, (size_t)(line + length - open - 1)) : NULL;
    if (close && close > open + 1 && !memmem(line, length, "file", 4)) {
        told = telling_add(&survey->fields, open + 1, (size_t)(close - open - 1), file);
        told->line = number;
        told->evidence = mem_strndup(line, length);
    }
}

static void manifest_note(struct survey *survey, const struct tree_file *file, const char *key,
                          const char *text)
{
    for (size_t number = 1; *text; number++) {
        size_t length = strcspn(text, "\n");
        const char *at = text + strspn(text, " \t\"'");
        size_t size = strlen(key);

        if (strncmp(at, key, size) == 0 && !isalnum((unsigned char)at[size]) && at[size] != '-' &&
            at[size] != '_') {
            field_add(survey, file, text, length, number);
            return;
        }
        text += length + (text[length] == '\n');
    }
}

/* ---- whether it goes together ----------------------------------------------------------- */

/* One of the alternatives of an expression is that licence. */
static bool allows(const char *expression, const char *name)
{
    char *copy = mem_strdup(expression);
    char *rest = NULL;
    bool is_there = false;

    for (char *word = strtok_r(copy, " ()/,", &rest); word; word = strtok_r(NULL, " ()/,", &rest)) {
        is_there = is_there || licence_is_same(word, name);
    }
    free(copy);
    return is_there;
}

static enum licence_kind strictest(const char *expression)
{
    char *copy = mem_strdup(expression);
    char *rest = NULL;
    enum licence_kind kind = LICENCE_PERMISSIVE;
    bool is_choice = strstr(expression, " OR ") != NULL;

    for (char *word = strtok_r(copy, " ()", &rest); word; word = strtok_r(NULL, " ()", &rest)) {
        enum licence_kind own = licence_kind_of(word);

        if (own == LICENCE_COPYLEFT && !is_choice) {
            kind = own;
        }
    }
    free(copy);
    return kind;
}

static void fields_compare(struct survey *survey)
{
    for (size_t i = 0; survey->own && i < survey->fields.count; i++) {
        const struct told *told = &survey->fields.items[i];

        if (!(told->file->traits & (TRAIT_VENDORED | TRAIT_TEST | TRAIT_EXAMPLE)) &&
            !allows(told->name, survey->own)) {
            char *message = mem_printf("the manifest says %s, %s is the text of %s", told->name,
                                       survey->own_file->path, survey->own);

            report(survey, told,
                   (struct finding){.rule = "two-licences",
                                    .severity = SEVERITY_MEDIUM,
                                    .confidence = "medium",
                                    .message = message,
                                    .fix = "say the same in both, or which part stands under "
                                           "which"});
            free(message);
        }
    }
}

static void lines_compare(struct survey *survey)
{
    for (size_t i = 0; survey->own && i < survey->lines.count; i++) {
        const struct told *told = &survey->lines.items[i];
        bool is_stricter = strictest(told->name) == LICENCE_COPYLEFT &&
                           licence_kind_of(survey->own) == LICENCE_PERMISSIVE;
        char *message;

        if (allows(told->name, survey->own) ||
            (told->file->traits & (TRAIT_TEST | TRAIT_EXAMPLE))) {
            continue;
        }
        message = mem_printf("%zu file%s under %s in a project under %s", told->files,
                             PLURAL(told->files), told->name, survey->own);
        report(survey, told,
               (struct finding){.rule = is_stricter ? "copyleft-in-permissive" : "other-licence",
                                .severity = is_stricter ? SEVERITY_MEDIUM : SEVERITY_INFO,
                                .confidence = "medium",
                                .message = message,
                                .fix = "tell those who pass it on, keep its text with it, or take "
                                       "it out"});
        free(message);
    }
}

static void texts_compare(struct survey *survey)
{
    for (size_t i = 0; survey->own && i < survey->texts.count; i++) {
        const struct told *told = &survey->texts.items[i];

        if (told->file != survey->own_file && licence_kind_of(told->name) == LICENCE_COPYLEFT &&
            licence_kind_of(survey->own) == LICENCE_PERMISSIVE &&
            strncmp(told->file->path, "LICENSES/", 9) != 0) {
            char *message = mem_printf("a part under %s in a project under %s", told->name,
                                       survey->own);

            report(survey, told,
                   (struct finding){.rule = "copyleft-in-permissive",
                                    .severity = SEVERITY_MEDIUM,
                                    .confidence = "medium",
                                    .message = message,
                                    .fix = "tell those who pass it on, or take it out"});
            free(message);
        }
    }
}

static void absence_report(struct survey *survey)
{
    char *message;

    if (!survey->own_file && survey->code > 0) {
        findings_add(survey->findings,
                     &(struct finding){.rule = "no-licence",
                                       .severity = SEVERITY_MEDIUM,
                                       .confidence = "high",
                                       .message = "there is code and no licence file in the root: "
                                                  "nobody may use it",
                                       .fix = "add the text of a licence, or say that all rights "
                                              "are reserved"});
    }
    if (survey->without > 0 && survey->with_line * 100 >= survey->code * USUAL_PERCENT) {
        message = mem_printf("%zu of %zu files of code have no SPDX line, which the others have; "
                             "the first is %s",
                             survey->without, survey->code, survey->first_without->path);
        findings_add(survey->findings, &(struct finding){.rule = "no-spdx-line",
                                                         .severity = SEVERITY_LOW,
                                                         .confidence = "high",
                                                         .file = survey->first_without->path,
                                                         .message = message,
                                                         .fix = "add the line"});
        free(message);
    }
}

/* ---- the result ------------------------------------------------------------------------- */

static void rows_add(json_t *rows, const char *source, const struct tellings *tellings)
{
    for (size_t i = 0; i < tellings->count; i++) {
        const struct told *told = &tellings->items[i];
        char *place = told->line > 0 ? mem_printf("%s:%zu", told->file->path, told->line)
                                     : mem_strdup(told->file->path);
        json_t *name = json_text_lossy(told->name, strlen(told->name));

        (void)json_array_append_new(rows,
                                    json_pack("[o,s,s,I,s]", name,
                                              strchr(told->name, ' ')
                                                  ? "-"
                                                  : licence_kind_word(licence_kind_of(told->name)),
                                              source, (json_int_t)told->files, place));
        free(place);
    }
}

static void survey_finish(struct survey *survey, json_t *result)
{
    json_t *rows = json_array();

    rows_add(rows, "text", &survey->texts);
    rows_add(rows, "manifest", &survey->fields);
    rows_add(rows, "SPDX line", &survey->lines);
    fields_compare(survey);
    lines_compare(survey);
    texts_compare(survey);
    absence_report(survey);
    json_put(result, "covered", tree_coverage(survey->tree));
    json_put_text(result, "licence", survey->own);
    json_put(result, "licences", json_incref(rows));
    json_put(result, "tables",
             json_pack("[{s:s,s:[s,s,s,s,s],s:o}]", "title", "Licences", "columns", "Licence",
                       "Kind", "Told by", "Files", "First", "rows", rows));
    findings_finish(survey->findings, result);
    result_summarise(
        result,
        "the project is under %s; %zu licence text%s, %zu manifest field%s, an SPDX line "
        "in %zu of %zu files of code",
        survey->own        ? survey->own
        : survey->own_file ? "a licence that is not recognised"
                           : "no licence",
        survey->texts.count, PLURAL(survey->texts.count), survey->fields.count,
        PLURAL(survey->fields.count), survey->with_line, survey->code);
}

static void tellings_release(struct tellings *tellings)
{
    for (size_t i = 0; i < tellings->count; i++) {
        free(tellings->items[i].name);
        free(tellings->items[i].evidence);
    }
    VEC_RELEASE(tellings);
}

static void file_survey(struct survey *survey, struct tree_file *file)
{
    const char *key = file->traits & TRAIT_VENDORED ? NULL : field_of(file->path);
    char *text;
    size_t length;

    if (!tree_read(survey->tree, file, &text, &length)) {
        return;
    }
    if (licence_is_file(file->path)) {
        text_note(survey, file, text, length);
    } else if (key) {
        manifest_note(survey, file, key, text);
    } else if (file->language && file->language->kind != LANGUAGE_DOCUMENT) {
        code_note(survey, file, text);
    }
    free(text);
}

int licences_run(const struct function_call *call, struct error *err)
{
    struct survey survey = {.own = NULL};
    json_t *result;
    int r = tree_open(call->project, &survey.tree, err);

    if (r < 0) {
        return r;
    }
    survey.findings = findings_new("licences");
    result = result_new("licences");
    for (size_t i = 0; i < survey.tree->count; i++) {
        file_survey(&survey, &survey.tree->files[i]);
    }
    survey_finish(&survey, result);
    tellings_release(&survey.texts);
    tellings_release(&survey.lines);
    tellings_release(&survey.fields);
    tree_free(survey.tree);
    return result_write(result, call, err);
}
