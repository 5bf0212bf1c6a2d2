/* SPDX-License-Identifier: MIT */
/* One record a file, in byte order of the paths: path, NUL, struct seen. Before them stands
 * struct header. It never leaves the machine, so numbers are as the machine has them. */
#include "results/tree_index.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_PATH ".fermata/tree.index"
#define INDEX_BYTES_MAX (1024U * 1024 * 1024)
#define MAGIC "fermata tree 1\n"
#define NS_PER_S 1000000000
/* Two changes within one tick of a file system's clock look the same; the coarsest has ticks of two
 * seconds. What changed so shortly before it was read is read again. */
#define TICK_NS (INT64_C(2500) * 1000000)
/* It is written again when more than one in so many files had to be read. */
#define WORTH_ONE_IN 64

struct header {
    char magic[16];
    int64_t sum; /* of the records */
};

struct seen {
    uint64_t inode, size;
    int64_t changed_ns, modified_ns;
    uint64_t mode;
    char content[DIGEST_HEX_SIZE];
};

struct tree_index {
    char *file;
    int64_t begun_ns;
    char *old; /* NULL: nothing is known */
    const char *cursor, *end;
    struct strbuf new;
    uint64_t files, read;
};

static int64_t sum_of(const char *bytes, size_t length)
{
    struct digest *digest = digest_new();

    digest_add(digest, bytes, length);
    return digest_finish_short(digest);
}

static void load(struct tree_index *index)
{
    struct header header;
    char *text = NULL;
    size_t length;

    if (file_read(index->file, INDEX_BYTES_MAX, &text, &length, NULL) < 0) {
        return;
    }
    if (length >= sizeof(header)) {
        memcpy(&header, text, sizeof(header));
        if (memcmp(header.magic, MAGIC, sizeof(MAGIC)) == 0 &&
            header.sum == sum_of(text + sizeof(header), length - sizeof(header))) {
            index->old = text;
            index->cursor = text + sizeof(header);
            index->end = text + length;
            return;
        }
    }
    free(text);
}

static int64_t ns_of(struct timespec time)
{
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

struct tree_index *tree_index_open(const char *project, int64_t now_ns)
{
    struct tree_index *index = mem_zero(1, sizeof(*index));
    char *folder;

    index->begun_ns = now_ns;
    index->file = path_join(project, INDEX_PATH);
    strbuf_init(&index->new, INDEX_BYTES_MAX);
    folder = path_folder(index->file);
    if (file_is_folder(folder)) {
        load(index);
    } else {
        free(index->file);
        index->file = NULL;
    }
    free(folder);
    return index;
}

/* The record at the cursor; false: there is none. */
static bool read_record(const struct tree_index *index, struct seen *ret_seen,
                        const char **ret_behind)
{
    size_t left = (size_t)(index->end - index->cursor);
    size_t length = index->cursor ? strnlen(index->cursor, left) : 0;

    if (!index->cursor || left < length + 1 + sizeof(*ret_seen)) {
        return false;
    }
    memcpy(ret_seen, index->cursor + length + 1, sizeof(*ret_seen));
    *ret_behind = index->cursor + length + 1 + sizeof(*ret_seen);
    return true;
}

static void fill(struct seen *seen, const struct stat *status)
{
    memset(seen, 0, sizeof(*seen));
    seen->inode = status->st_ino;
    seen->size = (uint64_t)status->st_size;
    seen->changed_ns = ns_of(status->st_ctim);
    seen->modified_ns = ns_of(status->st_mtim);
    seen->mode = status->st_mode;
}

const char *tree_index_find(struct tree_index *index, const char *path, const struct stat *status)
{
    const char *behind;
    struct seen old, now;

    while (read_record(index, &old, &behind)) {
        int order = strcmp(index->cursor, path);

        if (order < 0) {
            index->cursor = behind;
            continue;
        }
        fill(&now, status);
        return order == 0 && memcmp(&old, &now, offsetof(struct seen, content)) == 0
                   ? behind - sizeof(old) + offsetof(struct seen, content)
                   : NULL;
    }
    return NULL;
}

void tree_index_add(struct tree_index *index, const char *path, const struct stat *status,
                    const char *content, bool is_read)
{
    struct seen seen;

    index->files++;
    index->read += is_read ? 1 : 0;
    fill(&seen, status);
    if (seen.changed_ns < index->begun_ns - TICK_NS &&
        seen.modified_ns < index->begun_ns - TICK_NS) {
        memcpy(seen.content, content, DIGEST_HEX_SIZE);
        strbuf_add_bytes(&index->new, path, strlen(path) + 1);
        strbuf_add_bytes(&index->new, &seen, sizeof(seen));
    }
}

static void save(const struct tree_index *index)
{
    struct header header = {.sum = sum_of(index->new.data, index->new.length)};
    struct strbuf text;

    memcpy(header.magic, MAGIC, sizeof(MAGIC));
    strbuf_init(&text, SIZE_MAX);
    strbuf_add_bytes(&text, &header, sizeof(header));
    strbuf_add_bytes(&text, index->new.data, index->new.length);
    (void)file_write(index->file, text.data, text.length, FILE_NO_SYNC, NULL);
    strbuf_release(&text);
}

void tree_index_close(struct tree_index *index, bool is_whole)
{
    if (is_whole && index->file && !index->new.overflow &&
        index->read *WORTH_ONE_IN > index->files) {
        save(index);
    }
    strbuf_release(&index->new);
    free(index->old);
    free(index->file);
    free(index);
}
