/* SPDX-License-Identifier: MIT */
/* What git's history tells: where change and size meet (hot spots), which files change together,
 * on how few people a folder rests, how active the project is. The window is a number of commits
 * from HEAD back, so that the same tree gives the same answer. No e-mail address leaves this file.
 */
#include "functions/result.h"

#include "base/alloc.h"
#include "functions/builtin.h"
#include "functions/finding.h"
#include "functions/git.h"
#include "functions/history_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_BYTES_MAX (256U * 1024 * 1024)
#define LOG_TIMEOUT_MS 120000
#define PAIR_SUPPORT_MIN 5
#define PAIR_CONFIDENCE_MIN 0.5
/* Of all commits to either: a header that all include changes with everybody. */
#define PAIR_OVERLAP_MIN 0.2
#define HOT_SPOTS_MAX 20
#define HOT_COMMITS_MIN 3 /* fewer are no habit */
#define PAIRS_SHOWN_MAX 20
#define FOLDERS_SHOWN_MAX 20
#define MONTHS_SHOWN_MAX 24
#define COMMITS_MIN 5         /* fewer are an import, not a history */
#define FOLDER_COMMITS_MIN 20 /* fewer say nothing about a bus factor */

static const json_int_t commits_of_band[BANDS] = {3000, 20000, 100000};

static size_t lines_of(const struct tree *tree, struct tree_file *file)
{
    char *text;
    size_t length;
    size_t lines = 0;

    if (!tree_read(tree, file, &text, &length)) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    free(text);
    return lines;
}

static int compare_scores(const void *left, const void *right)
{
    const struct changed_file *a = *(const struct changed_file *const *)left;
    const struct changed_file *b = *(const struct changed_file *const *)right;

    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

static void hot_spots_put(struct history *history, json_t *result)
{
    struct changed_file **order = mem_zero(history->files.count + 1, sizeof(struct changed_file *));
    json_t *list = json_array();
    size_t count = 0;

    for (size_t i = 0; i < history->files.count; i++) {
        struct changed_file *file = &history->files.items[i];

        if (history_is_code(file) && !(file->now->traits & (TRAIT_TEST | TRAIT_EXAMPLE))) {
            file->lines = lines_of(history->tree, (struct tree_file *)file->now);
            file->score = file->commits * file->lines;
            if (file->lines > 0 && file->commits >= HOT_COMMITS_MIN) {
                order[count++] = file;
            }
        }
    }
    if (count > 0) {
        qsort(order, count, sizeof(*order), compare_scores);
    }
    for (size_t i = 0; i < count && i < HOT_SPOTS_MAX; i++) {
        json_t *spot = json_object();

        json_put_text(spot, "file", order[i]->path);
        json_put_integer(spot, "commits", (json_int_t)order[i]->commits);
        json_put_integer(spot, "added", (json_int_t)order[i]->added);
        json_put_integer(spot, "removed", (json_int_t)order[i]->removed);
        json_put_integer(spot, "lines", (json_int_t)order[i]->lines);
        json_put_integer(spot, "score", (json_int_t)order[i]->score);
        (void)json_array_append_new(list, spot);
    }
    json_put(result, "hot_spots", list);
    free(order);
}

/* "builtin/repack.c" and "repack.h" are header and source; "c/misc.c" and "tcl/misc.tcl" belong
 * together as well. */
static bool has_same_stem(const char *left, const char *right)
{
    const char *left_slash = strrchr(left, '/');
    const char *right_slash = strrchr(right, '/');
    size_t length;

    left = left_slash ? left_slash + 1 : left;
    right = right_slash ? right_slash + 1 : right;
    length = strcspn(left, ".");
    return length == strcspn(right, ".") && strncmp(left, right, length) == 0;
}

/* Header and source, tests, a build file: their change together is no news. */
static bool is_expected_pair(const struct changed_file *left, const struct changed_file *right)
{
    return has_same_stem(left->path, right->path) ||
           ((left->now->traits | right->now->traits) & TRAIT_TEST) ||
           language_is(left->now->language, "Make") || language_is(right->now->language, "Make") ||
           language_is(left->now->language, "Meson") ||
           language_is(right->now->language, "Meson") ||
           language_is(left->now->language, "CMake") || language_is(right->now->language, "CMake");
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *a = left;
    const struct pair *b = right;

    if (a->support != b->support) {
        return a->support > b->support ? -1 : 1;
    }
    if (a->left != b->left) {
        return a->left < b->left ? -1 : 1;
    }
    return a->right < b->right ? -1 : a->right > b->right;
}

static void pairs_put(struct history *history, json_t *result)
{
    json_t *list = json_array();
    size_t total = 0;

    if (history->pairs.count > 0) {
        qsort(history->pairs.items, history->pairs.count, sizeof(struct pair), compare_pairs);
    }
    for (size_t i = 0; i < history->pairs.count; i++) {
        const struct pair *pair = &history->pairs.items[i];
        const struct changed_file *left = &history->files.items[pair->left];
        const struct changed_file *right = &history->files.items[pair->right];
        size_t least = left->commits < right->commits ? left->commits : right->commits;
        double confidence = (double)pair->support / (double)least;
        double overlap = (double)pair->support /
                         (double)(left->commits + right->commits - pair->support);
        json_t *value;

        if (pair->support < PAIR_SUPPORT_MIN || confidence < PAIR_CONFIDENCE_MIN ||
            overlap < PAIR_OVERLAP_MIN || is_expected_pair(left, right)) {
            continue;
        }
        if (total++ >= PAIRS_SHOWN_MAX) {
            continue;
        }
        value = json_object();
        json_put_text(value, "left", left->path);
        json_put_text(value, "right", right->path);
        json_put_integer(value, "together", (json_int_t)pair->support);
        json_put_integer(value, "confidence_percent", (json_int_t)(confidence * 100 + 0.5));
        (void)json_array_append_new(list, value);
    }
    json_put(result, "changed_together", list);
    json_put_integer(result, "changed_together_total", (json_int_t)total);
}

/* The smallest number of people who together made more than half of the commits. */
static size_t bus_factor(size_t *counts, size_t count, size_t total)
{
    size_t sum = 0;
    size_t people = 0;

    while (sum * 2 <= total && people < count) {
        size_t best = 0;

        for (size_t i = 1; i < count; i++) {
            best = counts[i] > counts[best] ? i : best;
        }
        sum += counts[best];
        counts[best] = 0;
        people++;
    }
    return people;
}

static json_t *folder_format(const struct history *history, const struct folder *folder,
                             size_t *ret_factor)
{
    size_t *counts = mem_zero(history->authors.count + 1, sizeof(size_t));
    json_t *value = json_object();
    const char *key;
    void *number;
    size_t cursor = 0;
    size_t top = 0;
    size_t share;

    while (map_next(folder->authors, &cursor, &key, &number)) {
        counts[strtoul(key, NULL, 10)] = (size_t)(uintptr_t)number;
    }
    for (size_t i = 1; i < history->authors.count; i++) {
        top = counts[i] > counts[top] ? i : top;
    }
    share = counts[top] * 100 / folder->commits;
    *ret_factor = bus_factor(counts, history->authors.count, folder->commits);
    json_put_text(value, "folder", folder->name);
    json_put_integer(value, "commits", (json_int_t)folder->commits);
    json_put_integer(value, "authors", (json_int_t)map_count(folder->authors));
    json_put_integer(value, "bus_factor", (json_int_t)*ret_factor);
    json_put_integer(value, "top_share_percent", (json_int_t)share);
    if (*ret_factor == 1) {
        json_put_text(value, "top_author", history->authors.items[top].name);
    }
    free(counts);
    return value;
}

static int compare_folders(const void *left, const void *right)
{
    const struct folder *a = left;
    const struct folder *b = right;

    if (a->commits != b->commits) {
        return a->commits > b->commits ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static void bus_factor_put(struct history *history, struct findings *findings, json_t *result)
{
    size_t *counts = mem_zero(history->authors.count + 1, sizeof(size_t));
    json_t *list = json_array();
    size_t overall;

    for (size_t i = 0; i < history->authors.count; i++) {
        counts[i] = history->authors.items[i].commits;
    }
    overall = bus_factor(counts, history->authors.count, history->commits);
    free(counts);
    json_put_integer(result, "bus_factor", (json_int_t)overall);
    if (history->folders.count > 0) {
        qsort(history->folders.items, history->folders.count, sizeof(struct folder),
              compare_folders);
    }
    for (size_t i = 0; i < history->folders.count; i++) {
        const struct folder *folder = &history->folders.items[i];
        size_t factor = 0;
        json_t *value = folder_format(history, folder, &factor);

        if (factor == 1 && folder->commits >= FOLDER_COMMITS_MIN && history->authors.count > 2 &&
            json_get_integer(value, "top_share_percent", 0) >= 60) {
            char *message = mem_printf(
                "one person made %d %% of the %zu commits to %s in the window",
                (int)json_get_integer(value, "top_share_percent", 0), folder->commits,
                folder->name);

            findings_add(findings, &(struct finding){.rule = "bus-factor",
                                                     .severity = SEVERITY_LOW,
                                                     .confidence = "medium",
                                                     .message = message,
                                                     .fix = "have a second person review and "
                                                            "change this part"});
            free(message);
        }
        if (i < FOLDERS_SHOWN_MAX) {
            (void)json_array_append_new(list, value);
        } else {
            json_decref(value);
        }
    }
    json_put(result, "folders", list);
}

static int compare_months(const void *left, const void *right)
{
    return strcmp(((const struct month *)right)->name, ((const struct month *)left)->name);
}

static void months_put(struct history *history, json_t *result)
{
    json_t *list = json_array();

    if (history->months.count > 0) {
        qsort(history->months.items, history->months.count, sizeof(struct month), compare_months);
    }
    for (size_t i = 0; i < history->months.count && i < MONTHS_SHOWN_MAX; i++) {
        const struct month *month = &history->months.items[i];
        json_t *value = json_object();

        json_put_text(value, "month", month->name);
        json_put_integer(value, "commits", (json_int_t)month->commits);
        json_put_integer(value, "authors", (json_int_t)map_count(month->authors));
        json_put_integer(value, "added", (json_int_t)month->added);
        json_put_integer(value, "removed", (json_int_t)month->removed);
        (void)json_array_append_new(list, value);
    }
    json_put(result, "months", list);
}

static void result_fill(struct history *history, json_int_t wanted,
                        const struct program_result *log, json_t *result)
{
    struct findings *findings = findings_new("history");
    json_t *covered = json_object_get(result, "covered");
    bool is_cut = log->timed_out || log->truncated;
    bool is_import = history->commits < COMMITS_MIN && !is_cut;
    char factor[32];

    history_finish(history);
    json_put_integer(covered, "commits", (json_int_t)history->commits);
    json_put_integer(covered, "commits_wanted", wanted);
    json_put(
        covered, "whole_history",
        json_boolean((json_int_t)history->commits < wanted && !is_cut && !history->is_shallow));
    json_put(covered, "shallow_clone", json_boolean(history->is_shallow));
    json_put(covered, "cut_by_time_or_size", json_boolean(is_cut));
    json_put_text(covered, "from", history->first_date);
    json_put_text(covered, "to", history->last_date);
    json_put_integer(covered, "sweeping_commits", (json_int_t)history->sweeps);
    json_put(covered, "pairs_cut", json_boolean(history->pairs_cut));
    json_put_integer(result, "commits", (json_int_t)history->commits);
    json_put(result, "is_import", is_import ? json_true() : NULL);
    json_put_integer(result, "authors", (json_int_t)history->authors.count);
    hot_spots_put(history, result);
    pairs_put(history, result);
    bus_factor_put(history, findings, result);
    months_put(history, result);
    findings_finish(findings, result);
    (void)snprintf(factor, sizeof(factor), "bus factor %d",
                   (int)json_get_integer(result, "bus_factor", 0));
    result_summarise(result, "%zu commit%s by %zu author%s from %s to %s; %s%s", history->commits,
                     PLURAL(history->commits), history->authors.count,
                     PLURAL(history->authors.count), history->first_date, history->last_date,
                     is_import ? "too few to tell anything" : factor,
                     history->is_shallow ? "; a shallow clone, what is older is not here" : "");
}

static int log_run(const struct function_call *call, struct history *history, json_int_t commits,
                   struct program_result *log, struct error *err)
{
    char limit[32];

    (void)snprintf(limit, sizeof(limit), "-%" JSON_INTEGER_FORMAT, commits);
    return git_run(
        &(struct git_request){
            .project = call->project,
            .arguments = (const char *const[]){"log", limit, "-z", "--numstat", "--no-merges",
                                               "--no-renames", "--no-ext-diff", "--no-textconv",
                                               "--no-show-signature", "--no-color", "--no-notes",
                                               "--encoding=UTF-8", "--use-mailmap", HISTORY_DATES,
                                               HISTORY_FORMAT, "HEAD", "--", NULL},
            .output_bytes_max = LOG_BYTES_MAX,
            .timeout_ms = LOG_TIMEOUT_MS,
            .reader = history_read,
            .context = history},
        log, err);
}

int history_run(const struct function_call *call, struct error *err)
{
    struct history history;
    struct tree *tree;
    struct program_result log = {0};
    json_int_t commits = 0;
    json_t *result;
    enum band band = BAND_SMALL;
    int r = argument_band(call, &band, err);

    if (r == 0) {
        r = argument_integer(call, "commits", commits_of_band[band],
                             (const json_int_t[2]){1, 100000}, &commits, err);
    }
    if (r < 0) {
        return r;
    }
    result = result_new("history");
    if (!git_is_repository(call->project)) {
        result_unknown(result, "the project folder is not the root of a git repository",
                       "run this in the folder that holds .git");
        return result_write(result, call, err);
    }
    r = tree_open(call->project, &tree, err);
    if (r < 0) {
        json_decref(result);
        return r;
    }
    history_init(&history, tree);
    r = log_run(call, &history, commits, &log, err);
    if (r == 0 && history.commits == 0) {
        struct strbuf why;

        strbuf_init(&why, 400);
        git_explain(&log, &why);
        result_unknown(result,
                       log.exit_status == 0 || strcmp(why.data, "bad revision 'HEAD'") == 0
                           ? "there are no commits yet"
                           : why.data,
                       "commit something first");
        strbuf_release(&why);
    } else if (r == 0) {
        history.is_shallow = git_is_shallow(call->project);
        result_fill(&history, commits, &log, result);
    }
    program_result_release(&log);
    history_release(&history);
    if (r < 0) {
        json_decref(result);
        return r;
    }
    return result_write(result, call, err);
}
