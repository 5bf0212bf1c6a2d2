/* SPDX-License-Identifier: MIT */
/* Attacks a fold: does each cited place exist, does it say what is claimed, is the claim worth its
 * severity? A finding is `confirmed`, `moved` (the evidence is at another line), `unproven` (a
 * place without evidence), `unlocated` (about the project), or `refuted`. What agents said against
 * them comes first (attack.h), but no agent can confirm a place that is not there. */
#include "functions/result.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "functions/attack.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/git.h"
#include "functions/source.h"
#include "functions/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_LOOKUPS_MAX 300
#define BLOB_TIMEOUT_MS 5000

enum verdict_word { CONFIRMED, MOVED, UNPROVEN, UNLOCATED, REFUTED };

static const char *const verdict_words[] = {
    [CONFIRMED] = "confirmed", [MOVED] = "moved",     [UNPROVEN] = "unproven",
    [UNLOCATED] = "unlocated", [REFUTED] = "refuted",
};

struct text_file {
    char *text;
    struct source source;
};

struct validation {
    const struct function_call *call;
    struct tree *tree;
    struct map *files;  /* path -> struct text_file */
    struct map *places; /* "file:line" -> first finding there */
    size_t counts[ARRAY_LEN(verdict_words)];
    size_t lookups, duplicates, downgraded, single, agreed;
};

static void verdict_put(struct validation *validation, json_t *finding, enum verdict_word verdict,
                        const char *reason)
{
    validation->counts[verdict]++;
    json_put_text(finding, "verdict", verdict_words[verdict]);
    json_put_text(finding, "verdict_reason", reason);
}

static struct text_file *file_get(struct validation *validation, const char *path)
{
    struct text_file *file = map_find(validation->files, path);
    const struct tree_file *known = tree_find_shown(validation->tree, path);
    char *text;
    size_t length;

    if (file || !known || !tree_read(validation->tree, (struct tree_file *)known, &text, &length)) {
        return file;
    }
    file = mem_zero(1, sizeof(*file));
    file->text = text;
    source_init(&file->source, NULL, text, length);
    (void)map_put(validation->files, path, file);
    return file;
}

static bool is_at(const struct source *source, size_t line, const char *evidence)
{
    size_t length;
    const char *text;

    if (line < 1 || line > source->lines) {
        return false;
    }
    text = source_line(source, source->text, line, &length);
    return evidence_matches(evidence, text, length);
}

/* The line nearest to the cited one that holds the evidence; 0: none. */
static size_t line_find(const struct source *source, size_t line, const char *evidence)
{
    for (size_t away = 0; away <= source->lines + line; away++) {
        if (is_at(source, line + away, evidence)) {
            return line + away;
        }
        if (away < line && is_at(source, line - away, evidence)) {
            return line - away;
        }
    }
    return 0;
}

static void source_judge(struct validation *validation, json_t *finding,
                         const struct source *source)
{
    const char *evidence = json_get_text(finding, "evidence", "");
    json_int_t cited = json_get_integer(finding, "line", 0);
    size_t line = cited > 0 ? (size_t)cited : 0;
    size_t found;
    char *reason;

    if (*evidence == '\0') {
        if (line > source->lines) {
            reason = mem_printf("the file has %zu lines only", source->lines);
            verdict_put(validation, finding, REFUTED, reason);
            free(reason);
        } else {
            verdict_put(validation, finding, line > 0 ? UNPROVEN : CONFIRMED,
                        line > 0 ? "the line exists; no evidence was quoted" : "the file exists");
        }
        return;
    }
    if (is_at(source, line, evidence)) {
        verdict_put(validation, finding, CONFIRMED, "the evidence stands at that line");
        return;
    }
    found = line_find(source, line, evidence);
    if (found == 0) {
        verdict_put(validation, finding, REFUTED, "the quoted text is nowhere in that file");
        return;
    }
    reason = mem_printf("cited at line %zu, found at line %zu", line, found);
    verdict_put(validation, finding, MOVED, reason);
    json_put_integer(finding, "line", (json_int_t)found);
    free(reason);
}

static bool is_commit_name(const char *text)
{
    size_t length = strlen(text);

    if (length < 7 || length > 64) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

static void commit_judge(struct validation *validation, json_t *finding, const char *path,
                         const char *commit)
{
    struct program_result blob;
    struct source source;
    char *name;
    int r;

    if (!is_commit_name(commit) || !validation->tree->is_git) {
        verdict_put(validation, finding, REFUTED, "no such commit can be looked up here");
        return;
    }
    if (validation->lookups++ >= COMMIT_LOOKUPS_MAX) {
        verdict_put(validation, finding, UNPROVEN, "too many places in the history to look up");
        return;
    }
    name = mem_printf("%s:%s", commit, path);
    r = git_run(
        &(struct git_request){.project = validation->call->project,
                              .arguments = (const char *const[]){"cat-file", "blob", name, NULL},
                              .output_bytes_max = 8U * 1024 * 1024,
                              .timeout_ms = BLOB_TIMEOUT_MS},
        &blob, NULL);
    if (r < 0 || blob.exit_status != 0) {
        verdict_put(validation, finding, REFUTED, "the commit has no such file");
    } else {
        source_init(&source, NULL, blob.output.data, blob.output.length);
        source_judge(validation, finding, &source);
        source_release(&source);
    }
    program_result_release(&blob);
    free(name);
}

static void place_judge(struct validation *validation, json_t *finding)
{
    const char *path = json_get_text(finding, "file", NULL);
    const char *commit = json_get_text(finding, "commit", NULL);
    const struct text_file *file;

    if (json_object_get(finding, "refuted_by")) {
        verdict_put(validation, finding, REFUTED, json_get_text(finding, "attack_reason", ""));
    } else if (!path || *path == '\0') {
        verdict_put(validation, finding, UNLOCATED, "about the project, not about one place");
    } else if (commit) {
        commit_judge(validation, finding, path, commit);
    } else if (!tree_find_shown(validation->tree, path)) {
        verdict_put(validation, finding, REFUTED,
                    path_unsafe_reason(path) ? "the path leads out of the project"
                                             : "there is no such file in the tree");
    } else if ((file = file_get(validation, path)) == NULL) {
        verdict_put(validation, finding, json_object_get(finding, "line") ? UNPROVEN : CONFIRMED,
                    json_object_get(finding, "line") ? "the file is binary or too large to read"
                                                     : "the file exists");
    } else {
        source_judge(validation, finding, &file->source);
    }
}

/* Two claims about one line: the weightier stands, the other refers to it. */
static void duplicate_judge(struct validation *validation, json_t *finding)
{
    const char *path = json_get_text(finding, "file", NULL);
    json_int_t line = json_get_integer(finding, "line", 0);
    json_t *first;
    char *key;

    if (!path || line == 0) {
        return;
    }
    key = mem_printf("%s:%s:%d", json_get_text(finding, "commit", ""), path, (int)line);
    first = map_find(validation->places, key);
    if (!first) {
        (void)map_put(validation->places, key, finding);
    } else if (strcmp(json_get_text(first, "angle", ""), json_get_text(finding, "angle", "")) !=
               0) {
        validation->agreed++;
        json_put_text(first, "confidence", "high");
        json_put_text(finding, "duplicate_of", json_get_text(first, "id", NULL));
        validation->duplicates++;
    }
    free(key);
}

static void weight_judge(struct validation *validation, json_t *finding)
{
    const char *path = json_get_text(finding, "file", "");
    const struct tree_file *file = tree_find_shown(validation->tree, path);
    const char *angle = json_get_text(finding, "angle", "");
    const char *context = tree_context_name(file ? file->traits : tree_path_traits(path));
    enum severity severity = severity_parse(json_get_text(finding, "severity", "info"));

    if (*path && context) {
        /* An attack, or the secrets and linters functions, have weighed this already. */
        bool is_weighed = json_object_get(finding, "severity_before") ||
                          (json_object_get(finding, "context") &&
                           (strcmp(angle, "secrets") == 0 || strcmp(angle, "linters") == 0));

        json_put_text(finding, "context", context);
        if (!is_weighed && severity > SEVERITY_INFO) {
            json_put_text(finding, "severity_before", severity_name(severity));
            json_put_text(finding, "severity", severity_name(severity - 1));
            validation->downgraded++;
        }
    }
    if (json_array_size(json_object_get(finding, "sources")) < 2 &&
        strcmp(json_get_text(finding, "confidence", ""), "low") == 0) {
        json_put(finding, "single_source", json_true());
        validation->single++;
    }
}

static json_t *attack(const char *name, size_t count, const char *meaning)
{
    json_t *value = json_object();

    json_put_text(value, "attack", name);
    json_put_integer(value, "findings", (json_int_t)count);
    json_put_text(value, "meaning", meaning);
    return value;
}

static json_t *validation_result(struct validation *validation, json_t *findings)
{
    json_t *result = result_new("validation");
    json_t *counts = json_object();
    json_t *attacks = json_array();

    for (size_t i = 0; i < ARRAY_LEN(verdict_words); i++) {
        json_put_integer(counts, verdict_words[i], (json_int_t)validation->counts[i]);
    }
    (void)json_array_append_new(attacks, attack("place", validation->counts[REFUTED],
                                                "refuted: the cited place or text does not exist"));
    (void)json_array_append_new(attacks, attack("duplicate", validation->duplicates,
                                                "said already by another angle about that line"));
    (void)json_array_append_new(attacks,
                                attack("context", validation->downgraded,
                                       "one step less severe: tests, examples, documentation, "
                                       "vendored or generated files"));
    (void)json_array_append_new(attacks, attack("single-source", validation->single,
                                                "low confidence and no second source: read the "
                                                "place before acting"));
    json_put(result, "counts", counts);
    json_put(result, "attacks", attacks);
    json_put(result, "findings", json_incref(findings));
    result_summarise(result,
                     "%zu finding%s: %zu confirmed, %zu moved, %zu unproven, %zu about the "
                     "project, %zu refuted",
                     json_array_size(findings), PLURAL(json_array_size(findings)),
                     validation->counts[CONFIRMED], validation->counts[MOVED],
                     validation->counts[UNPROVEN], validation->counts[UNLOCATED],
                     validation->counts[REFUTED]);
    return result;
}

static void validation_release(struct validation *validation)
{
    size_t cursor = 0;
    const char *path;
    void *value;

    while (map_next(validation->files, &cursor, &path, &value)) {
        struct text_file *file = value;

        source_release(&file->source);
        free(file->text);
        free(file);
    }
    map_free(validation->files);
    map_free(validation->places);
    tree_free(validation->tree);
}

int validate_run(const struct function_call *call, struct error *err)
{
    json_t *fold = argument_object(json_object_get(call->arguments, "fold"));
    json_t *attacks = argument_object(json_object_get(call->arguments, "attacks"));
    json_t *told = json_object();
    json_t *findings = json_object_get(fold, "findings");
    struct validation validation = {.call = call};
    json_t *result;
    json_t *finding;
    size_t index;
    int r;

    if (!json_is_array(findings)) {
        json_decref(fold);
        json_decref(attacks);
        json_decref(told);
        return error_set(err, ERROR_INVALID,
                         "argument fold: expected the output of the function fold");
    }
    r = tree_open(call->project, &validation.tree, err);
    if (r < 0) {
        json_decref(fold);
        json_decref(attacks);
        json_decref(told);
        return r;
    }
    validation.files = map_new();
    validation.places = map_new();
    if (attacks) {
        attacks_apply(attacks, findings, told);
    }
    json_array_foreach(findings, index, finding)
    {
        if (json_is_object(finding)) {
            place_judge(&validation, finding);
            weight_judge(&validation, finding);
            duplicate_judge(&validation, finding);
        }
    }
    findings_rank(findings);
    result = validation_result(&validation, findings);
    (void)json_object_update(result, told);
    validation_release(&validation);
    json_decref(fold);
    json_decref(attacks);
    json_decref(told);
    return result_write(result, call, err);
}
