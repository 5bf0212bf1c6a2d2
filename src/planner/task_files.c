/* SPDX-License-Identifier: MIT */
#include "planner/task_files.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64
#define NAME_MAX_BYTES 1024
#define WHOLE_WORD_MIN 3    /* of a name that is this word alone */
#define PART_WORD_MIN 4     /* a shorter word is in too many names */
#define FILES_OF_WORD_MAX 8 /* with more than these it tells none of them */
#define TASK_WORDS_MAX 256

enum rank { RANK_WRITTEN_OUT, RANK_WHOLE_NAME, RANK_PART, RANK_NONE };

struct task_word {
    char stem[WORD_MAX];
    size_t files; /* that have it in their name, and more beside it */
};

struct task_words {
    struct task_word items[TASK_WORDS_MAX];
    size_t count;
};

/* What a sentence begins with says what to do, "Add" or "List", not to what. */
static void collect(const struct words *words, struct task_words *target)
{
    size_t cursor = 0;
    bool is_first = true;

    target->count = 0;
    while (target->count < TASK_WORDS_MAX) {
        struct task_word *word = &target->items[target->count];

        if (!words_next(words, &cursor, word->stem, sizeof(word->stem))) {
            break;
        }
        word->files = 0;
        if (!is_first && !words_is_common(word->stem)) {
            target->count++;
        }
        is_first = false;
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Without its extension; "OrderService" is two words. */
static void words_of_name(const char *name, struct words *ret_words)
{
    const char *dot = strrchr(name, '.');
    const char *end = dot && dot > name ? dot : name + strlen(name);
    struct strbuf text;

    strbuf_init(&text, NAME_MAX_BYTES);
    for (const char *at = name; at < end; at++) {
        if (at > name && isupper((unsigned char)*at) && islower((unsigned char)at[-1])) {
            strbuf_add_char(&text, ' ');
        }
        strbuf_add_char(&text, *at);
    }
    words_make(text.data, ret_words);
    strbuf_release(&text);
}

static struct task_word *find_word(struct task_words *task, const char *stem)
{
    for (size_t i = 0; i < task->count; i++) {
        if (strcmp(task->items[i].stem, stem) == 0) {
            return &task->items[i];
        }
    }
    return NULL;
}

static bool is_written_out(const char *task, const char *path)
{
    const char *name = base_name(path);

    return strcasestr(task, path) ||
           (strchr(name, '.') && strlen(name) > PART_WORD_MIN && strcasestr(task, name));
}

/* How many of a name's words the task has; *ret_long: the last of them that is long enough. */
static size_t count_shared(const struct words *name, struct task_words *task,
                           struct task_word **ret_long)
{
    size_t cursor = 0;
    size_t shared = 0;
    char stem[WORD_MAX];

    *ret_long = NULL;
    while (words_next(name, &cursor, stem, sizeof(stem))) {
        struct task_word *word = find_word(task, stem);

        shared += word != NULL;
        *ret_long = word && strlen(stem) >= PART_WORD_MIN ? word : *ret_long;
    }
    return shared;
}

static enum rank rank_of(const char *task, struct task_words *task_words, const char *path,
                         struct task_word **ret_word)
{
    struct words name;
    size_t shared;
    size_t count;
    bool is_long;

    *ret_word = NULL;
    if (is_written_out(task, path)) {
        return RANK_WRITTEN_OUT;
    }
    words_of_name(base_name(path), &name);
    shared = count_shared(&name, task_words, ret_word);
    count = name.count;
    is_long = strlen(name.text) >= WHOLE_WORD_MIN + 2; /* a space on either side */
    words_release(&name);
    if (count > 0 && shared == count && is_long) {
        return RANK_WHOLE_NAME;
    }
    return *ret_word ? RANK_PART : RANK_NONE;
}

struct candidate {
    const struct repository_file *file;
    const struct task_word *word;
    enum rank rank;
};

/* All that may be meant; each word learns of how many names it is a part. */
static size_t find_candidates(const char *task, struct task_words *words,
                              const struct repository *repository, struct candidate *target)
{
    const unsigned aside = 1U << SURFACE_TESTS | 1U << SURFACE_DOCUMENTATION;
    size_t count = 0;

    for (size_t i = 0; i < repository->count; i++) {
        const struct repository_file *file = &repository->files[i];
        struct task_word *word = NULL;
        enum rank rank = RANK_NONE;

        if (!(file->surfaces & aside)) {
            rank = rank_of(task, words, file->path, &word);
        }
        if (rank == RANK_PART) {
            word->files++;
        }
        if (rank != RANK_NONE) {
            target[count++] = (struct candidate){file, word, rank};
        }
    }
    return count;
}

size_t task_files_find(const char *task, const struct words *words,
                       const struct repository *repository,
                       const struct repository_file **ret_files, size_t max)
{
    struct candidate *candidates = mem_zero(repository->count, sizeof(*candidates));
    struct task_words task_words;
    size_t count;
    size_t found = 0;

    collect(words, &task_words);
    count = find_candidates(task, &task_words, repository, candidates);
    for (int rank = RANK_WRITTEN_OUT; rank < RANK_NONE; rank++) {
        for (size_t i = 0; i < count && found < max; i++) {
            const struct candidate *one = &candidates[i];

            if ((int)one->rank == rank &&
                (rank != RANK_PART || one->word->files <= FILES_OF_WORD_MAX)) {
                ret_files[found++] = one->file;
            }
        }
    }
    free(candidates);
    return found;
}
