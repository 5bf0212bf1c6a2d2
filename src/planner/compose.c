/* SPDX-License-Identifier: MIT */
#include "planner/compose.h"

#include "base/alloc.h"
#include "planner/roles.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_WORDS 4 /* of the task, in the plan's name */
#define WORD_MAX 32

/* What each surface has to wait for, where both are built. */
static const struct {
    const char *step, *after;
} built_after[] = {
    {"backend", "database"},
    {"signals", "backend"},
};

static void note(struct composed *composed, const char *text)
{
    struct analysis_list *notes = &composed->notes;

    if (notes->count < ANALYSIS_ITEMS_MAX) {
        (void)snprintf(notes->items[notes->count++].text, ANALYSIS_TEXT_MAX, "%s", text);
    }
}

/* ---- who takes part ---- */

static bool takes_part(const struct role *role, const struct analysis *analysis)
{
    bool is_touched = role->surfaces == 0;

    if (!(role->kinds & 1U << analysis->kind)) {
        return false;
    }
    for (int i = 0; i < SURFACES; i++) {
        is_touched = is_touched ||
                     ((role->surfaces & 1U << i) && analysis_touches(analysis, (enum surface)i));
    }
    return is_touched && (analysis->complexity >= role->complexity ||
                          (role->word && words_has(&analysis->words, role->word, NULL)));
}

static struct composed_step *add_step(struct composed *composed, const struct role *role)
{
    struct composed_step *step;

    if (composed->count == COMPOSED_STEPS_MAX) {
        return NULL;
    }
    step = &composed->steps[composed->count++];
    *step = (struct composed_step){.expert = role->expert,
                                   .why = role->why,
                                   .prompt = role->prompt,
                                   .stage = role->stage,
                                   .read_only = role->read_only,
                                   .surface = role->surfaces};
    (void)snprintf(step->id, sizeof(step->id), "%s", role->id);
    (void)snprintf(step->name, sizeof(step->name), "%s", role->name);
    return step;
}

/* ---- a task that is a list ---- */

/* The next line of the list; NULL: there is none. *ret_length without its mark. */
static const char *next_item(const char **cursor, size_t *ret_length)
{
    while (**cursor) {
        const char *line = *cursor;
        const char *end = strchr(line, '\n');
        const char *at = line + strspn(line, " \t");
        size_t digits = strspn(at, "0123456789");
        const char *text = NULL;

        *cursor = end ? end + 1 : line + strlen(line);
        if ((*at == '-' || *at == '*') && at[1] == ' ') {
            text = at + 2;
        } else if (digits > 0 && digits < 4 && at[digits] && strchr(".)", at[digits])) {
            text = at + digits + 1;
        }
        if (text) {
            text += strspn(text, " \t");
            *ret_length = (size_t)((end ? end : *cursor) - text);
            return text;
        }
    }
    return NULL;
}

static const struct role *role_for(const struct analysis *analysis, const char *fallback)
{
    const struct role *otherwise = NULL;

    for (size_t i = 0; i < role_count; i++) {
        if (roles[i].stage == STAGE_BUILD && takes_part(&roles[i], analysis)) {
            return &roles[i];
        }
        if (strcmp(roles[i].id, fallback) == 0) {
            otherwise = &roles[i];
        }
    }
    return otherwise;
}

/* Files that its own words name; none: nothing is known. */
static void predict_from_words(struct composed_step *step, const struct analysis *item,
                               const struct repository *repository)
{
    for (size_t i = 0; i < item->file_count; i++) {
        for (size_t k = 0; k < repository->count; k++) {
            if (repository->files[k].path == item->files[i]) {
                step->touches[k] = true;
                step->file_count++;
            }
        }
    }
    step->has_files = step->file_count > 0;
}

static void add_items(struct composed *composed, const struct analysis *analysis)
{
    const char *cursor = analysis->task;
    const char *text;
    size_t length = 0;
    int number = 0;

    while ((text = next_item(&cursor, &length))) {
        char *item;
        struct analysis part;
        struct composed_step *step;

        if (++number > COMPOSED_ITEMS_MAX) {
            continue;
        }
        item = mem_strndup(text, length);
        analyze(item, analysis->repository, &part);
        part.kind = part.kind == TASK_OTHER ? analysis->kind : part.kind;
        step = add_step(composed, role_for(&part, "backend"));
        if (step) {
            (void)snprintf(step->id, sizeof(step->id), "part-%d", number);
            (void)snprintf(step->name, sizeof(step->name), "%.*s", 60, item);
            step->item = item;
            step->surface = 0;
            step->touches = mem_zero(analysis->repository->count + 1, sizeof(*step->touches));
            predict_from_words(step, &part, analysis->repository);
        } else {
            free(item);
        }
        analysis_release(&part);
    }
    if (number > COMPOSED_ITEMS_MAX) {
        char *left = mem_printf("the task has %d items, and those after the first %d are left out",
                                number, COMPOSED_ITEMS_MAX);

        note(composed, left);
        free(left);
    }
}

/* ---- which files each will touch ---- */

static void predict_from_surface(struct composed_step *step, const struct repository *repository)
{
    const unsigned aside = 1U << SURFACE_TESTS | 1U << SURFACE_DOCUMENTATION;

    step->touches = mem_zero(repository->count + 1, sizeof(*step->touches));
    for (size_t i = 0; i < repository->count; i++) {
        unsigned surfaces = repository->files[i].surfaces;

        if (!(surfaces & aside) && (surfaces & step->surface)) {
            step->touches[i] = true;
            step->file_count++;
        }
    }
    step->has_files = step->file_count > 0;
}

static bool conflicts(const struct composed_step *one, const struct composed_step *other,
                      size_t file_count)
{
    if (!one->has_files || !other->has_files) {
        return true; /* nobody knows, so nobody risks it */
    }
    for (size_t i = 0; i < file_count; i++) {
        if (one->touches[i] && other->touches[i]) {
            return true;
        }
    }
    return false;
}

static bool waits_for(const struct composed_step *step, int index)
{
    for (size_t i = 0; i < step->after_count; i++) {
        if (step->after[i] == index) {
            return true;
        }
    }
    return false;
}

void compose_waves(struct composed *composed, bool has_clones)
{
    size_t file_count = composed->analysis->repository->count;

    for (size_t i = 0; i < composed->count; i++) {
        struct composed_step *step = &composed->steps[i];

        step->wave = 0;
        for (size_t k = 0; k < i; k++) {
            const struct composed_step *before = &composed->steps[k];
            bool changes_both = !step->read_only && !before->read_only;
            bool is_later = before->stage == step->stage &&
                            (waits_for(step, (int)k) ||
                             (changes_both &&
                              (!has_clones || conflicts(step, before, file_count))));

            if (is_later && step->wave <= before->wave) {
                step->wave = before->wave + 1;
            }
        }
    }
}

static void declare_order(struct composed *composed)
{
    for (size_t i = 0; i < composed->count; i++) {
        for (size_t k = 0; k < composed->count; k++) {
            for (size_t n = 0; n < ARRAY_LEN(built_after); n++) {
                if (strcmp(composed->steps[i].id, built_after[n].step) == 0 &&
                    strcmp(composed->steps[k].id, built_after[n].after) == 0) {
                    composed->steps[i].after[composed->steps[i].after_count++] = (int)k;
                }
            }
        }
    }
}

/* ---- the whole ---- */

/* The next word of plain letters and digits, in small ones; NULL: there is none. */
static const char *next_word(const char *text, char word[WORD_MAX])
{
    size_t length = 0;

    while (*text && !isalnum((unsigned char)*text)) {
        text++;
    }
    for (; isalnum((unsigned char)*text); text++) {
        if (length < WORD_MAX - 1) {
            word[length++] = (char)tolower((unsigned char)*text);
        }
    }
    word[length] = '\0';
    return length > 0 ? text : NULL;
}

static void name_plan(struct composed *composed)
{
    const struct analysis *analysis = composed->analysis;
    int length = snprintf(composed->name, sizeof(composed->name), "plan-%s",
                          task_kind_name(analysis->kind));
    const char *at = analysis->task;
    char word[WORD_MAX];
    int count = 0;

    while (count < NAME_WORDS && (at = next_word(at, word))) {
        if (!words_is_common(word) && strcmp(word, task_kind_name(analysis->kind)) != 0 &&
            (size_t)length + strlen(word) + 2 < sizeof(composed->name)) {
            length += snprintf(composed->name + length, sizeof(composed->name) - (size_t)length,
                               "-%s", word);
            count++;
        }
    }
    (void)snprintf(composed->title, sizeof(composed->title), "%.*s",
                   (int)strcspn(analysis->task, "\n"), analysis->task);
}

static bool changes_anything(const struct composed *composed)
{
    for (size_t i = 0; i < composed->count; i++) {
        if (!composed->steps[i].read_only) {
            return true;
        }
    }
    return false;
}

static bool has_stage(const struct composed *composed, enum stage stage)
{
    for (size_t i = 0; i < composed->count; i++) {
        if (composed->steps[i].stage == stage) {
            return true;
        }
    }
    return false;
}

void compose_begin(const struct analysis *analysis, struct composed *ret_composed)
{
    memset(ret_composed, 0, sizeof(*ret_composed));
    ret_composed->analysis = analysis;
    name_plan(ret_composed);
}

void compose_end(struct composed *composed, const struct compose_options *options)
{
    bool has_tests = composed->analysis->repository->surface_files[SURFACE_TESTS] > 0;

    compose_waves(composed, options->has_clones);
    composed->is_gate_configured = options->has_gate;
    composed->has_tests_gate = (has_tests || options->has_gate) && changes_anything(composed) &&
                               has_stage(composed, STAGE_TEST);
    if (changes_anything(composed) && !composed->has_tests_gate) {
        note(composed, has_tests ? "no step of it tests, so no gate proves the result"
                                 : "the project has no tests that were recognised, so no gate "
                                   "proves the result; a gate `" COMPOSED_GATE
                                   "` of config.yaml can say what does");
    }
}

void compose(const struct analysis *analysis, const struct compose_options *options,
             struct composed *ret_composed)
{
    const struct repository *repository = analysis->repository;
    bool is_list = analysis->item_count > 1;

    compose_begin(analysis, ret_composed);
    for (size_t i = 0; i < role_count; i++) {
        const struct role *role = &roles[i];
        struct composed_step *step;

        if (role->stage == STAGE_BUILD && is_list) {
            if (ret_composed->count == 0 ||
                ret_composed->steps[ret_composed->count - 1].item == NULL) {
                add_items(ret_composed, analysis);
            }
            continue;
        }
        if (!takes_part(role, analysis) || (role->expert && options->has_expert &&
                                            !options->has_expert(role->expert, options->context))) {
            continue;
        }
        step = add_step(ret_composed, role);
        if (step && step->stage == STAGE_BUILD) {
            predict_from_surface(step, repository);
        }
    }
    declare_order(ret_composed);
    compose_end(ret_composed, options);
}

void compose_release(struct composed *composed)
{
    for (size_t i = 0; i < composed->count; i++) {
        free(composed->steps[i].touches);
        free(composed->steps[i].item);
        free(composed->steps[i].task);
    }
    composed->count = 0;
}
