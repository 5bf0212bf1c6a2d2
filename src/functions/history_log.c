/* SPDX-License-Identifier: MIT */
#include "functions/history_log.h"

#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_FILES_MAX 30 /* larger commits are sweeps: they say nothing about coupling */
#define PAIRS_MAX 500000

static size_t index_find(const struct map *map, const char *key)
{
    return (size_t)(uintptr_t)map_find(map, key);
}

static void index_put(struct map *map, const char *key, size_t index)
{
    (void)map_put(map, key, (void *)(uintptr_t)(index + 1));
}

static size_t count_up(struct map *map, const char *key)
{
    size_t count = index_find(map, key) + 1;

    (void)map_put(map, key, (void *)(uintptr_t)count);
    return count;
}

bool history_is_code(const struct changed_file *file)
{
    return file->now && file->now->language && file->now->language->kind == LANGUAGE_CODE &&
           !(file->now->traits & (TRAIT_VENDORED | TRAIT_GENERATED));
}

static void pair_count(struct history *history, size_t left, size_t right)
{
    char key[64];
    size_t found;

    if (left > right) {
        size_t swap = left;

        left = right;
        right = swap;
    }
    (void)snprintf(key, sizeof(key), "%zu:%zu", left, right);
    found = index_find(history->pair_index, key);
    if (found > 0) {
        history->pairs.items[found - 1].support++;
    } else if (history->pairs.count < PAIRS_MAX) {
        index_put(history->pair_index, key, history->pairs.count);
        *VEC_PUSH(&history->pairs) = (struct pair){.left = left, .right = right, .support = 1};
    } else {
        history->pairs_cut = true;
    }
}

void history_finish(struct history *history)
{
    size_t count = history->current.count;

    if (count > COMMIT_FILES_MAX) {
        history->sweeps++;
    } else {
        for (size_t i = 0; i < count; i++) {
            for (size_t j = i + 1; j < count; j++) {
                pair_count(history, history->current.items[i], history->current.items[j]);
            }
        }
    }
    history->current.count = 0;
}

/* "\x01" date "\x02" e-mail "\x02" name */
static void commit_begin(struct history *history, char *text)
{
    char *mail = strchr(text, '\x02');
    char *name = mail ? strchr(mail + 1, '\x02') : NULL;
    size_t found;
    struct month *month;

    if (!name || strlen(text) < 10) {
        return;
    }
    *mail++ = '\0';
    *name++ = '\0';
    history_finish(history);
    history->commits++;
    if (history->commits == 1) {
        (void)snprintf(history->last_date, sizeof(history->last_date), "%.10s", text);
    }
    (void)snprintf(history->first_date, sizeof(history->first_date), "%.10s", text);
    found = index_find(history->author_index, mail);
    if (found == 0) {
        index_put(history->author_index, mail, history->authors.count);
        *VEC_PUSH(&history->authors) = (struct author){.name = mem_strdup(name)};
        found = history->authors.count;
    }
    history->author = found - 1;
    history->authors.items[history->author].commits++;
    text[7] = '\0';
    for (found = 0; found < history->months.count; found++) {
        if (strcmp(history->months.items[found].name, text) == 0) {
            break;
        }
    }
    if (found == history->months.count) {
        month = VEC_PUSH(&history->months);
        *month = (struct month){.authors = map_new()};
        memcpy(month->name, text, sizeof(month->name));
    }
    history->month = found;
    month = &history->months.items[found];
    month->commits++;
    (void)count_up(month->authors, mail);
}

static void folder_count(struct history *history, const char *path)
{
    char buffer[256];
    char author[32];
    const char *name = tree_top_folder(path, buffer, sizeof(buffer));
    size_t found = index_find(history->folder_index, name);
    struct folder *folder;

    if (found == 0) {
        index_put(history->folder_index, name, history->folders.count);
        *VEC_PUSH(&history->folders) = (struct folder){.name = mem_strdup(name),
                                                       .authors = map_new()};
        found = history->folders.count;
    }
    folder = &history->folders.items[found - 1];
    if (folder->last_commit == history->commits) {
        return;
    }
    folder->last_commit = history->commits;
    folder->commits++;
    (void)snprintf(author, sizeof(author), "%zu", history->author);
    (void)count_up(folder->authors, author);
}

/* added TAB removed TAB path; "-" for binary files. */
static void change_add(struct history *history, char *text)
{
    char *removed = strchr(text, '\t');
    char *path = removed ? strchr(removed + 1, '\t') : NULL;
    struct changed_file *file;
    size_t found;

    if (!path || history->commits == 0) {
        return;
    }
    path++;
    found = index_find(history->file_index, path);
    if (found == 0) {
        index_put(history->file_index, path, history->files.count);
        *VEC_PUSH(&history->files) = (struct changed_file){.path = mem_strdup(path),
                                                           .now = tree_find(history->tree, path)};
        found = history->files.count;
    }
    file = &history->files.items[found - 1];
    file->commits++;
    file->added += strtoul(text, NULL, 10);
    file->removed += strtoul(removed + 1, NULL, 10);
    history->months.items[history->month].added += strtoul(text, NULL, 10);
    history->months.items[history->month].removed += strtoul(removed + 1, NULL, 10);
    if (file->now) {
        folder_count(history, path);
    }
    if (history_is_code(file)) {
        *VEC_PUSH(&history->current) = found - 1;
    }
}

/* With -z records end in NUL; a commit's line is one of them, its first change follows a newline.
 */
bool history_read(void *context, const char *bytes, size_t length)
{
    struct history *history = context;
    const char *end = bytes + length;

    while (bytes < end) {
        const char *stop = memchr(bytes, '\0', (size_t)(end - bytes));
        char *text;

        strbuf_add_bytes(&history->line, bytes, (size_t)((stop ? stop : end) - bytes));
        if (!stop) {
            break;
        }
        text = history->line.data;
        while (*text == '\n') {
            text++;
        }
        if (*text == '\x01') {
            commit_begin(history, text + 1);
        } else if (*text) {
            change_add(history, text);
        }
        strbuf_reset(&history->line);
        bytes = stop + 1;
    }
    return true;
}

void history_init(struct history *history, struct tree *tree)
{
    *history = (struct history){.tree = tree};
    history->file_index = map_new();
    history->pair_index = map_new();
    history->author_index = map_new();
    history->folder_index = map_new();
    strbuf_init(&history->line, 1024 * 1024);
}

void history_release(struct history *history)
{
    for (size_t i = 0; i < history->files.count; i++) {
        free(history->files.items[i].path);
    }
    for (size_t i = 0; i < history->authors.count; i++) {
        free(history->authors.items[i].name);
    }
    for (size_t i = 0; i < history->folders.count; i++) {
        free(history->folders.items[i].name);
        map_free(history->folders.items[i].authors);
    }
    for (size_t i = 0; i < history->months.count; i++) {
        map_free(history->months.items[i].authors);
    }
    VEC_RELEASE(&history->files);
    VEC_RELEASE(&history->pairs);
    VEC_RELEASE(&history->authors);
    VEC_RELEASE(&history->folders);
    VEC_RELEASE(&history->months);
    VEC_RELEASE(&history->current);
    map_free(history->file_index);
    map_free(history->pair_index);
    map_free(history->author_index);
    map_free(history->folder_index);
    strbuf_release(&history->line);
    tree_free(history->tree);
}
