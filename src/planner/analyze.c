/* SPDX-License-Identifier: MIT */
#include "planner/analyze.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "planner/task_files.h"
#include "planner/vocabulary.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMPLEXITY_MAX 10
#define LONG_TASK_WORDS 60
#define MANY_FILES 300

static const struct {
    const char *name, *phase, *phase_name;
    int complexity; /* that such a task begins with */
} kinds[TASK_KIND_COUNT] = {
    [TASK_FEATURE] = {"feature", "implement", "Implementation", 3},
    [TASK_FIX] = {"fix", "implement", "Implementation", 3},
    [TASK_REFACTOR] = {"refactor", "implement", "Implementation", 4},
    [TASK_TEST] = {"test", "test", "Testing", 2},
    [TASK_DOCUMENTATION] = {"documentation", "document", "Documentation", 2},
    [TASK_REVIEW] = {"review", "review", "Review", 3},
    [TASK_SECURITY] = {"security", "review", "Review", 5},
    [TASK_PERFORMANCE] = {"performance", "implement", "Implementation", 5},
    [TASK_MIGRATION] = {"migration", "implement", "Implementation", 5},
    [TASK_INFRASTRUCTURE] = {"infrastructure", "operate", "Operation", 3},
    [TASK_RESEARCH] = {"research", "research", "Research", 3},
    [TASK_DESIGN] = {"design", "plan", "Planning", 3},
    [TASK_OTHER] = {"other", "plan", "Planning", 3},
};

const char *task_kind_name(enum task_kind kind)
{
    return kinds[kind].name;
}

const char *task_kind_phase(enum task_kind kind)
{
    return kinds[kind].phase;
}

const char *task_kind_phase_name(enum task_kind kind)
{
    return kinds[kind].phase_name;
}

static struct analysis_item *list_add(struct analysis_list *list, int points, const char *format,
                                      ...) __attribute__((format(printf, 3, 4)));

static struct analysis_item *list_add(struct analysis_list *list, int points, const char *format,
                                      ...)
{
    struct analysis_item *item;
    va_list args;

    if (list->count == ANALYSIS_ITEMS_MAX) {
        return NULL;
    }
    item = &list->items[list->count++];
    item->points = points;
    va_start(args, format);
    (void)vsnprintf(item->text, sizeof(item->text), format, args);
    va_end(args);
    return item;
}

/* ---- the kind ---- */

static void find_kind(struct analysis *analysis)
{
    int scores[TASK_KIND_COUNT] = {0};
    const struct kind_word *best_word[TASK_KIND_COUNT] = {NULL};
    int best_weight[TASK_KIND_COUNT] = {0};
    int best = TASK_OTHER;

    for (size_t i = 0; i < kind_word_count; i++) {
        const struct kind_word *word = &kind_words[i];
        size_t index;
        int weight;

        if (!words_has(&analysis->words, word->phrase, &index)) {
            continue;
        }
        weight = word->is_verb && index == 0  ? 2 * word->weight
                 : word->is_verb && index > 2 ? (word->weight + 1) / 2
                                              : word->weight;
        scores[word->kind] += weight;
        if (weight > best_weight[word->kind]) {
            best_weight[word->kind] = weight;
            best_word[word->kind] = word;
        }
    }
    for (int i = 0; i < TASK_KIND_COUNT; i++) {
        if (scores[i] > scores[best]) {
            best = i;
        }
    }
    analysis->kind = (enum task_kind)best;
    if (best_word[best]) {
        (void)snprintf(analysis->kind_why, sizeof(analysis->kind_why), "it says \"%s\"",
                       best_word[best]->phrase);
    } else {
        (void)snprintf(analysis->kind_why, sizeof(analysis->kind_why),
                       "no word of it tells the kind");
    }
}

enum task_kind task_kind_of(const char *task)
{
    struct analysis analysis = {.task = task};

    words_make(task, &analysis.words);
    find_kind(&analysis);
    words_release(&analysis.words);
    return analysis.kind;
}

/* ---- what it touches ---- */

static void touch(struct analysis *analysis, enum surface surface, const char *why)
{
    struct touch *target = &analysis->surfaces[surface];

    if (!target->is_touched) {
        target->is_touched = true;
        (void)snprintf(target->why, sizeof(target->why), "%s", why);
    }
}

static void find_surfaces(struct analysis *analysis)
{
    const struct repository *repository = analysis->repository;

    for (size_t i = 0; i < surface_word_count; i++) {
        if (words_has(&analysis->words, surface_words[i].phrase, NULL)) {
            char *why = mem_printf("it says \"%s\"", surface_words[i].phrase);

            touch(analysis, surface_words[i].surface, why);
            free(why);
        }
    }
    for (size_t i = 0; i < SURFACES; i++) {
        analysis->surfaces[i].files = repository->surface_files[i];
        analysis->surfaces[i].example = repository->surface_example[i];
    }
}

/* They also tell what the task touches when its words do not. */
static void find_files(struct analysis *analysis)
{
    const struct repository_file *files[ANALYSIS_ITEMS_MAX];
    size_t count = task_files_find(analysis->task, &analysis->words, analysis->repository, files,
                                   ANALYSIS_ITEMS_MAX);

    for (size_t i = 0; i < count; i++) {
        analysis->files[analysis->file_count++] = files[i]->path;
    }
    for (int k = 0; count > 0 && k < SURFACES; k++) {
        bool tells = k == SURFACE_FRONTEND || k == SURFACE_BACKEND || k == SURFACE_DATABASE;

        if (tells && (files[0]->surfaces & 1U << k)) {
            char *why = mem_printf("it speaks of %s", files[0]->path);

            touch(analysis, (enum surface)k, why);
            free(why);
        }
    }
}

/* What is to be changed has to be somewhere: where nothing tells, it is what most of the code is.
 */
static void find_default_surface(struct analysis *analysis)
{
    const struct repository *repository = analysis->repository;
    static const enum surface editable[] = {SURFACE_BACKEND, SURFACE_FRONTEND, SURFACE_DATABASE,
                                            SURFACE_INFRASTRUCTURE, SURFACE_MONITORING};
    bool is_front = repository->surface_files[SURFACE_FRONTEND] * 2 > repository->code_files &&
                    repository->code_files > 0;

    if (analysis->surfaces[SURFACE_API].is_touched) {
        touch(analysis, SURFACE_BACKEND, "an interface is made there");
    }
    for (size_t i = 0; i < ARRAY_LEN(editable); i++) {
        if (analysis->surfaces[editable[i]].is_touched) {
            return;
        }
    }
    touch(analysis, is_front ? SURFACE_FRONTEND : SURFACE_BACKEND,
          "most of the code is there, and the task says nothing else");
}

/* ---- how hard it is ---- */

static void find_risks(struct analysis *analysis)
{
    for (size_t i = 0; i < risk_word_count; i++) {
        const struct risk_word *word = &risk_words[i];
        bool is_known = false;

        for (size_t k = 0; k < analysis->risks.count; k++) {
            const char *text = analysis->risks.items[k].text;

            is_known = is_known || strncmp(text, word->risk, strlen(word->risk)) == 0;
        }
        if (!is_known && words_has(&analysis->words, word->phrase, NULL)) {
            (void)list_add(&analysis->risks, 1, "%s (\"%s\")", word->risk, word->phrase);
        }
    }
}

/* Lines that begin as those of a list do. */
static size_t count_items(const char *task)
{
    size_t count = 0;

    while (*task) {
        const char *end = strchr(task, '\n');
        const char *at = task + strspn(task, " \t");
        size_t digits = strspn(at, "0123456789");
        bool is_number = digits > 0 && digits < 4 && strchr(".)", at[digits]) && at[digits];

        if (((*at == '-' || *at == '*') && at[1] == ' ') || is_number) {
            count++;
        }
        if (!end) {
            break;
        }
        task = end + 1;
    }
    return count;
}

static void weigh_surfaces(struct analysis *analysis)
{
    static const enum surface parts[] = {SURFACE_BACKEND,    SURFACE_FRONTEND,
                                         SURFACE_DATABASE,   SURFACE_INFRASTRUCTURE,
                                         SURFACE_MONITORING, SURFACE_SECURITY};
    int count = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        count += analysis->surfaces[parts[i]].is_touched;
    }
    if (count > 1) {
        (void)list_add(&analysis->reasons, count - 1, "%d parts are touched", count);
    }
}

static void find_complexity(struct analysis *analysis)
{
    struct analysis_list *reasons = &analysis->reasons;
    int risks = (int)analysis->risks.count;
    int total = 0;

    (void)list_add(reasons, kinds[analysis->kind].complexity, "a task of kind %s",
                   kinds[analysis->kind].name);
    weigh_surfaces(analysis);
    if (risks > 0) {
        (void)list_add(reasons, risks < 2 ? risks : 2, "%d %s", risks,
                       risks == 1 ? "risk" : "risks");
    }
    for (size_t i = 0; i < size_word_count; i++) {
        if (words_has(&analysis->words, size_words[i].phrase, NULL)) {
            (void)list_add(reasons, size_words[i].points, "it says \"%s\"", size_words[i].phrase);
        }
    }
    if (analysis->item_count > 1) {
        int points = (int)(analysis->item_count > 6 ? 3 : analysis->item_count / 2);

        (void)list_add(reasons, points, "a list of %zu", analysis->item_count);
    }
    if (analysis->words.count > LONG_TASK_WORDS) {
        (void)list_add(reasons, 1, "%zu words", analysis->words.count);
    }
    if (analysis->repository->code_files > MANY_FILES) {
        (void)list_add(reasons, 1, "%zu files of code", analysis->repository->code_files);
    }
    for (size_t i = 0; i < reasons->count; i++) {
        total += reasons->items[i].points;
    }
    analysis->complexity = total < 1 ? 1 : total > COMPLEXITY_MAX ? COMPLEXITY_MAX : total;
}

void analyze(const char *task, const struct repository *repository, struct analysis *ret_analysis)
{
    memset(ret_analysis, 0, sizeof(*ret_analysis));
    ret_analysis->task = task;
    ret_analysis->repository = repository;
    words_make(task, &ret_analysis->words);
    ret_analysis->item_count = count_items(task);
    find_kind(ret_analysis);
    find_surfaces(ret_analysis);
    find_files(ret_analysis);
    find_default_surface(ret_analysis);
    find_risks(ret_analysis);
    find_complexity(ret_analysis);
}

void analysis_release(struct analysis *analysis)
{
    words_release(&analysis->words);
}

bool analysis_touches(const struct analysis *analysis, enum surface surface)
{
    return analysis->surfaces[surface].is_touched;
}

/* ---- as data ---- */

static json_t *describe_list(const struct analysis_list *list, bool has_points)
{
    json_t *result = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_t *item = json_text_lossy(list->items[i].text, strlen(list->items[i].text));

        if (has_points) {
            json_t *row = json_object();

            json_put(row, "why", item);
            json_put_integer(row, "points", list->items[i].points);
            item = row;
        }
        (void)json_array_append_new(result, item);
    }
    return result;
}

static json_t *describe_texts(const char *const *texts, size_t count)
{
    json_t *result = json_array();

    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(result, json_text_lossy(texts[i], strlen(texts[i])));
    }
    return result;
}

static json_t *describe_surfaces(const struct analysis *analysis)
{
    json_t *result = json_array();

    for (int i = 0; i < SURFACES; i++) {
        const struct touch *surface = &analysis->surfaces[i];
        json_t *row;

        if (!surface->is_touched) {
            continue;
        }
        row = json_object();
        json_put_text(row, "surface", surface_name((enum surface)i));
        json_put(row, "why", json_text_lossy(surface->why, strlen(surface->why)));
        json_put_integer(row, "files", (json_int_t)surface->files);
        json_put(row, "example",
                 surface->example ? json_text_lossy(surface->example, strlen(surface->example))
                                  : NULL);
        (void)json_array_append_new(result, row);
    }
    return result;
}

json_t *analysis_describe(const struct analysis *analysis)
{
    const struct repository *repository = analysis->repository;
    json_t *result = json_object();
    json_t *complexity = json_object();

    json_put(result, "task", json_text_lossy(analysis->task, strlen(analysis->task)));
    json_put_text(result, "kind", task_kind_name(analysis->kind));
    json_put_text(result, "kind_why", analysis->kind_why);
    json_put_text(result, "phase", task_kind_phase(analysis->kind));
    json_put_text(result, "phase_name", task_kind_phase_name(analysis->kind));
    json_put(result, "surfaces", describe_surfaces(analysis));
    json_put_integer(complexity, "score", analysis->complexity);
    json_put_integer(complexity, "most", COMPLEXITY_MAX);
    json_put(complexity, "reasons", describe_list(&analysis->reasons, true));
    json_put(result, "complexity", complexity);
    json_put(result, "risks", describe_list(&analysis->risks, false));
    json_put(result, "files", describe_texts(analysis->files, analysis->file_count));
    json_put(result, "languages",
             describe_texts(repository->languages, repository->language_count));
    json_put(result, "frameworks",
             describe_texts(repository->frameworks, repository->framework_count));
    json_put_integer(result, "code_files", (json_int_t)repository->code_files);
    return result;
}
