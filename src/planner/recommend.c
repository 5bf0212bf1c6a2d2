/* SPDX-License-Identifier: MIT */
#include "planner/recommend.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_POINTS 20
#define OTHER_KIND_POINTS (-15)
#define WORD_POINTS 12
#define PHRASE_POINTS 20
#define WORDS_COUNTED 3 /* of those that speak for it */
#define UNLESS_POINTS (-25)
#define SURFACES_POINTS 10
#define NO_SURFACES_POINTS (-30)
#define DESCRIPTION_POINTS 3
#define DESCRIPTION_COUNTED 3
#define OWN_POINTS 5
#define PLAIN_POINTS 10 /* of a word of the description where the workflow says nothing else */
#define STEM_MAX 64

static void add(struct recommendation *target, int points, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct recommendation *target, int points, const char *format, ...)
{
    struct analysis_list *why = &target->why;
    va_list args;

    target->score += points;
    if (why->count == ANALYSIS_ITEMS_MAX) {
        return;
    }
    why->items[why->count].points = points;
    va_start(args, format);
    (void)vsnprintf(why->items[why->count++].text, ANALYSIS_TEXT_MAX, format, args);
    va_end(args);
}

static void weigh_kind(const struct analysis *analysis, struct recommendation *target)
{
    const struct suits *suits = &target->workflow->suits;
    const char *kind = task_kind_name(analysis->kind);

    for (size_t i = 0; i < suits->kind_count; i++) {
        if (strcmp(suits->kinds[i], kind) == 0) {
            add(target, KIND_POINTS, "it is for tasks of kind %s", kind);
            return;
        }
    }
    if (suits->kind_count > 0) {
        add(target, OTHER_KIND_POINTS, "it is not for tasks of kind %s", kind);
    }
}

static void weigh_words(const struct analysis *analysis, struct recommendation *target)
{
    const struct suits *suits = &target->workflow->suits;
    size_t found = 0;

    for (size_t i = 0; i < suits->word_count && found < WORDS_COUNTED; i++) {
        if (words_has(&analysis->words, suits->words[i], NULL)) {
            found++;
            add(target, strchr(suits->words[i], ' ') ? PHRASE_POINTS : WORD_POINTS,
                "the task says \"%s\"", suits->words[i]);
        }
    }
    for (size_t i = 0; i < suits->unless_count; i++) {
        if (words_has(&analysis->words, suits->unless[i], NULL)) {
            add(target, UNLESS_POINTS, "the task says \"%s\", for which it is not meant",
                suits->unless[i]);
            return;
        }
    }
}

static void weigh_surfaces(const struct analysis *analysis, struct recommendation *target)
{
    const struct suits *suits = &target->workflow->suits;

    for (size_t i = 0; i < suits->surface_count; i++) {
        int surface = surface_parse(suits->surfaces[i]);

        if (surface < 0 || !analysis_touches(analysis, (enum surface)surface)) {
            add(target, NO_SURFACES_POINTS, "the task does not touch %s", suits->surfaces[i]);
            return;
        }
    }
    if (suits->surface_count > 0) {
        add(target, SURFACES_POINTS, "all that it works on is touched");
    }
}

static void weigh_description(const struct analysis *analysis, struct recommendation *target)
{
    const struct workflow *workflow = target->workflow;
    bool is_plain = workflow->suits.kind_count == 0 && workflow->suits.word_count == 0;
    char *text = mem_printf("%s %s", workflow->title,
                            workflow->description ? workflow->description : "");
    struct words words;
    size_t cursor = 0;
    size_t found = 0;
    char stem[STEM_MAX];

    words_make(text, &words);
    while (found < DESCRIPTION_COUNTED && words_next(&words, &cursor, stem, sizeof(stem))) {
        char wanted[STEM_MAX + 3];

        (void)snprintf(wanted, sizeof(wanted), " %s ", stem);
        if (!words_is_common(stem) && strstr(analysis->words.text, wanted)) {
            char written[STEM_MAX + 1] = "";

            (void)words_find_written(analysis->task, stem, written, sizeof(written));
            found++;
            add(target, is_plain ? PLAIN_POINTS : DESCRIPTION_POINTS,
                "its description says \"%s\" too", written);
        }
    }
    words_release(&words);
    free(text);
}

static int compare(const void *left, const void *right)
{
    const struct recommendation *a = left;
    const struct recommendation *b = right;

    return a->score != b->score ? b->score - a->score
                                : strcmp(a->workflow->name, b->workflow->name);
}

void recommend_workflows(const struct analysis *analysis, struct recommendation *recommendations,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct recommendation *target = &recommendations[i];

        target->score = 0;
        target->why.count = 0;
        weigh_kind(analysis, target);
        weigh_words(analysis, target);
        weigh_surfaces(analysis, target);
        weigh_description(analysis, target);
        if (target->is_own && target->score > 0) {
            add(target, OWN_POINTS, "it was made for this project or by this user");
        }
    }
    if (count > 0) {
        qsort(recommendations, count, sizeof(*recommendations), compare);
    }
}
