/* SPDX-License-Identifier: MIT */
/* libFuzzer target: files of stories. Marking one changes that story alone: what is read again has
 * the same stories, that one done, and no other one that was open before. */
#include "ops/story.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"stories", "stories.md", "stories.json"};

static void check_marked(const struct story_file *before, int index, const char *name)
{
    struct story_file *after = NULL;
    struct error err = ERROR_INIT;
    struct strbuf marked;
    size_t done = 0;

    strbuf_init(&marked, 2 * (size_t)STORY_FILE_BYTES_MAX);
    story_mark(before, index, &marked);
    if (story_file_parse(name, marked.data, marked.length, &after, &err) < 0 ||
        after->stories.count != before->stories.count || !after->stories.items[index].is_done) {
        abort();
    }
    for (size_t i = 0; i < after->stories.count; i++) {
        done += after->stories.items[i].is_done && !before->stories.items[i].is_done &&
                !after->stories.items[i].is_heading;
    }
    if (done != 1) {
        abort();
    }
    story_file_free(after);
    strbuf_release(&marked);
}

static int find_open(const struct story_file *file)
{
    for (size_t i = 0; i < file->stories.count; i++) {
        if (story_counts(&file->stories.items[i]) && !file->stories.items[i].is_done) {
            return (int)i;
        }
    }
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text || size > STORY_FILE_BYTES_MAX) {
        free(text);
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct story_file *file = NULL;
        struct error err = ERROR_INIT;

        if (story_file_parse(names[i], text, size, &file, &err) < 0) {
            if (err.text[0] == '\0') {
                abort();
            }
            continue;
        }
        if (find_open(file) >= 0) {
            check_marked(file, find_open(file), names[i]);
        }
        story_file_free(file);
    }
    free(text);
    return 0;
}
