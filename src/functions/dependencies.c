/* SPDX-License-Identifier: MIT */
/* What the project declares that it needs from outside, manifest by manifest, and where that is not
 * exact: no lock file, any version, a source that can change. Nothing is asked of a registry. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/vec.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/manifest.h"
#include "functions/outside.h"
#include "functions/source.h"
#include "functions/tree.h"

#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 500

struct survey {
    struct tree *tree;
    struct findings *findings;
    struct map *versions; /* "npm:left-pad" -> "file:line version" of the first */
    json_t *manifests, *list;
    size_t count, dev, loose;
};

/* Beside the manifest, or in a folder above it, as workspaces have it. */
static const char *lock_find(const struct survey *survey, const struct manifest_kind *kind,
                             const char *path)
{
    size_t count = 0;

    while (count < ARRAY_LEN(kind->locks) && kind->locks[count]) {
        count++;
    }
    for (const char *end = strrchr(path, '/');;
         end = end ? memrchr(path, '/', (size_t)(end - path)) : NULL) {
        for (size_t i = 0; i < count; i++) {
            char *lock = mem_printf("%.*s%s", end ? (int)(end - path) + 1 : 0, path,
                                    kind->locks[i]);
            bool is_there = tree_find(survey->tree, lock) != NULL;

            free(lock);
            if (is_there) {
                return kind->locks[i];
            }
        }
        if (!end) {
            return NULL;
        }
    }
}

static bool is_source(const char *version)
{
    static const char *const marks[] = {
        "git+", "git:", "github:", "http:", "https:", "git@", ".git"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strstr(version, marks[i])) {
            return true;
        }
    }
    return false;
}

/* A commit's name makes a source exact. */
static bool has_digest(const char *version)
{
    size_t row = 0;

    for (; *version; version++) {
        row = strchr("0123456789abcdef", *version) ? row + 1 : 0;
        if (row == 40) {
            return true;
        }
    }
    return false;
}

static bool is_any(const char *version)
{
    return *version == '\0' || strcmp(version, "*") == 0 || strcmp(version, "latest") == 0 ||
           strcmp(version, "x") == 0;
}

/* Where the manifest stands, for the findings about it. */
struct place {
    const struct tree_file *file;
    const struct source *source;
    const struct manifest_kind *kind;
    const char *lock;
};

static void report(const struct survey *survey, const struct place *place, size_t line,
                   struct finding finding)
{
    finding.file = place->file->path;
    finding.line = line;
    finding.context = tree_context_name(place->file->traits);
    if (line > 0) {
        finding.evidence = source_line(place->source, place->source->text, line,
                                       &finding.evidence_length);
    }
    findings_add(survey->findings, &finding);
}

static void exactness_check(struct survey *survey, const struct place *place,
                            const struct dependency *dependency)
{
    char *message = NULL;

    if (is_source(dependency->version) && !has_digest(dependency->version)) {
        survey->loose++;
        message = mem_printf("%s comes from a source that can change under the same name",
                             dependency->name);
        report(survey, place, dependency->line,
               (struct finding){.rule = "source-without-digest",
                                .severity = SEVERITY_MEDIUM,
                                .confidence = place->lock ? "low" : "high",
                                .message = message,
                                .fix = "name the commit or a released version"});
    } else if (is_any(dependency->version) && !place->lock && place->kind->locks[0]) {
        survey->loose++;
        message = mem_printf("any version of %s will do, and no lock file says which one it is",
                             dependency->name);
        report(survey, place, dependency->line,
               (struct finding){.rule = "any-version",
                                .severity = SEVERITY_LOW,
                                .confidence = "high",
                                .message = message,
                                .fix = "name the versions that were tested, and keep a lock file"});
    }
    free(message);
}

static void versions_compare(struct survey *survey, const struct place *place,
                             const struct dependency *dependency)
{
    char *key = mem_printf("%s:%s", place->kind->ecosystem, dependency->name);
    char *own = mem_printf("%s at %s:%zu", dependency->version, place->file->path,
                           dependency->line);
    char *first = map_find(survey->versions, key);

    if (!first) {
        (void)map_put(survey->versions, key, own);
        own = NULL;
    } else if (strncmp(first, own, strlen(dependency->version) + 1) != 0) {
        char *message = mem_printf("%s is asked for as \"%s\" here and as %s", dependency->name,
                                   dependency->version, first);

        report(survey, place, dependency->line,
               (struct finding){.rule = "two-versions",
                                .severity = SEVERITY_LOW,
                                .confidence = "high",
                                .message = message,
                                .fix = "agree on one, or say why there are two"});
        free(message);
    }
    free(own);
    free(key);
}

static void dependency_note(struct survey *survey, const struct place *place,
                            const struct dependency *dependency)
{
    json_t *row = json_object();

    json_put(row, "name", json_text_lossy(dependency->name, strlen(dependency->name)));
    json_put(row, "version", json_text_lossy(dependency->version, strlen(dependency->version)));
    json_put_text(row, "ecosystem", place->kind->ecosystem);
    json_put_text(row, "file", place->file->path);
    json_put_integer(row, "line", (json_int_t)dependency->line);
    json_put(row, "dev", json_boolean(dependency->is_dev));
    if (json_array_size(survey->list) < LISTED_MAX) {
        (void)json_array_append(survey->list, row);
    }
    json_decref(row);
    survey->count++;
    survey->dev += dependency->is_dev;
}

static void manifest_note(struct survey *survey, const struct place *place,
                          const struct manifest *manifest)
{
    json_t *row = json_object();
    char *message;

    json_put_text(row, "file", place->file->path);
    json_put_text(row, "ecosystem", place->kind->ecosystem);
    json_put_integer(row, "dependencies", (json_int_t)manifest->count);
    json_put_text(row, "lock", place->lock);
    (void)json_array_append_new(survey->manifests, row);
    if (manifest->count > 0 && !place->lock && place->kind->locks[0] &&
        strcmp(place->kind->ecosystem, "pip") != 0) {
        message = mem_printf("%zu dependencies and no lock file (%s): every build may get others",
                             manifest->count, place->kind->locks[0]);
        report(survey, place, 0,
               (struct finding){.rule = "no-lock-file",
                                .severity = SEVERITY_LOW,
                                .confidence = "medium",
                                .message = message,
                                .fix = "keep the lock file with the code, unless this is a library "
                                       "whose users choose"});
        free(message);
    }
}

static void manifest_survey(struct survey *survey, struct tree_file *file,
                            const struct manifest_kind *kind)
{
    struct place place = {.file = file, .kind = kind};
    struct manifest manifest = {.count = 0};
    struct source source;
    char *text;
    size_t length;

    if (!tree_read(survey->tree, file, &text, &length)) {
        return;
    }
    source_init(&source, NULL, text, length);
    place.source = &source;
    place.lock = lock_find(survey, kind, file->path);
    kind->parse(&manifest, text);
    if (manifest.count > 0 || kind->locks[0]) {
        manifest_note(survey, &place, &manifest);
    }
    for (size_t i = 0; i < manifest.count; i++) {
        dependency_note(survey, &place, &manifest.items[i]);
        exactness_check(survey, &place, &manifest.items[i]);
        versions_compare(survey, &place, &manifest.items[i]);
    }
    manifest_release(&manifest);
    source_release(&source);
    free(text);
}

static void survey_release(struct survey *survey)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    while (map_next(survey->versions, &cursor, &key, &value)) {
        free(value);
    }
    map_free(survey->versions);
    tree_free(survey->tree);
}

/* For people: a table that the report shows as it is. */
static json_t *table_of(const struct survey *survey)
{
    json_t *rows = json_array();
    size_t index;
    json_t *row;

    json_array_foreach(survey->manifests, index, row)
    {
        (void)json_array_append_new(rows, json_pack("[s,s,I,s]", json_get_text(row, "file", ""),
                                                    json_get_text(row, "ecosystem", ""),
                                                    json_get_integer(row, "dependencies", 0),
                                                    json_get_text(row, "lock", "-")));
    }
    return json_pack("{s:s,s:[s,s,s,s],s:o}", "title", "Manifests", "columns", "File", "Ecosystem",
                     "Dependencies", "Lock file", "rows", rows);
}

static void summarise(json_t *result, const struct survey *survey, size_t headers)
{
    size_t manifests = json_array_size(survey->manifests);

    if (manifests == 0) {
        result_summarise(result, "no manifest of a known kind; %zu C header%s from outside",
                         headers, PLURAL(headers));
        return;
    }
    result_summarise(result,
                     "%zu manifest%s with %zu dependencies (%zu only to build or test), %zu of "
                     "them not exact; %zu C header%s from outside",
                     manifests, PLURAL(manifests), survey->count, survey->dev, survey->loose,
                     headers, PLURAL(headers));
}

int dependencies_run(const struct function_call *call, struct error *err)
{
    struct survey survey = {.count = 0};
    json_t *result, *tables;
    json_t *headers;
    int r = tree_open(call->project, &survey.tree, err);

    if (r < 0) {
        return r;
    }
    survey.findings = findings_new("dependencies");
    survey.versions = map_new();
    survey.manifests = json_array();
    survey.list = json_array();
    result = result_new("dependencies");
    for (size_t i = 0; i < survey.tree->count; i++) {
        const struct manifest_kind *kind = manifest_kind_of(survey.tree->files[i].path);

        if (kind && !(survey.tree->files[i].traits & TRAIT_VENDORED)) {
            manifest_survey(&survey, &survey.tree->files[i], kind);
        }
    }
    headers = outside_headers(survey.tree);
    tables = json_array();
    if (json_array_size(survey.manifests) > 0) {
        (void)json_array_append_new(tables, table_of(&survey));
    }
    if (json_array_size(headers) > 0) {
        (void)json_array_append_new(tables, outside_table(headers));
    }
    json_put(result, "covered", tree_coverage(survey.tree));
    findings_finish(survey.findings, result);
    summarise(result, &survey, json_array_size(headers));
    if (json_array_size(survey.manifests) == 0 && json_array_size(headers) == 0) {
        result_unknown(result,
                       "no manifest of a kind that is known here, and no C headers from "
                       "outside",
                       NULL);
    }
    json_put(result, "manifests", survey.manifests);
    json_put(result, "dependencies", survey.list);
    json_put(result, "headers", headers);
    json_put(result, "tables", tables);
    survey_release(&survey);
    return result_write(result, call, err);
}
