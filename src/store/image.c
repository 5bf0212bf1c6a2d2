/* SPDX-License-Identifier: MIT */
/* A new store is made in memory and put on the disk whole: there is none or all of it, for one
 * sync. Made in place, the change to a write-ahead log and the schema take nine. Its name becomes
 * durable with the folder's sync before the first commit (writer.c): until then nothing is in it.
 *
 * Its log gets its name first, so that no store is ever there without it, and has one frame: SQLite
 * syncs the header of a log that has none before it writes to it. */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int serialize(struct connection *connection, unsigned char **ret_bytes, size_t *ret_size,
                     struct error *err)
{
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(connection->db, "main", &size, 0);

    if (!bytes || size < HEADER_BYTES) {
        sqlite3_free(bytes);
        return error_set(err, ERROR_INTERNAL, "the new store cannot be copied out of memory");
    }
    bytes[HEADER_WRITE_VERSION] = bytes[HEADER_READ_VERSION] = WAL_VERSION;
    *ret_size = (size_t)size;
    *ret_bytes = mem_alloc(*ret_size);
    memcpy(*ret_bytes, bytes, *ret_size);
    sqlite3_free(bytes);
    return 0;
}

int store_make_image(const struct store_options *options, unsigned char **ret_bytes,
                     size_t *ret_size, struct error *err)
{
    struct connection *connection = NULL;
    bool is_changed = false;
    int r = connection_open(&connection, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY,
                            NULL, err);

    if (r == 0) {
        r = migrate(connection, options, false, &is_changed, err);
    }
    if (r == 0) {
        r = serialize(connection, ret_bytes, ret_size, err);
    }
    connection_close(connection);
    return r;
}

/* Somebody removed the store, but not its log: SQLite would take it for the new store's. */
static int remove_old_log(const char *path, struct error *err)
{
    char *log = mem_printf("%s-wal", path);
    char *index = mem_printf("%s-shm", path);
    char *folder = path_folder(path);
    bool was_there = unlink(log) == 0;
    int r = 0;

    if (!was_there && errno != ENOENT) {
        r = error_set_errno(err, "cannot remove %s, the log of a store that is gone", log);
    }
    if (r == 0 && unlink(index) < 0 && errno != ENOENT) {
        r = error_set_errno(err, "cannot remove %s", index);
    }
    if (r == 0 && was_there) {
        r = file_sync_folder(folder, err);
    }
    free(folder);
    free(index);
    free(log);
    return r;
}

static int write_image(const char *path, const struct store_image *image, struct error *err)
{
    char *log = mem_printf("%s-wal", path);
    uint32_t page_size = (uint32_t)image->bytes[HEADER_PAGE_SIZE] << 8 |
                         image->bytes[HEADER_PAGE_SIZE + 1];
    int r;

    page_size = page_size == 1 ? 65536 : page_size;
    r = log_begin(log, image->bytes, page_size, (uint32_t)(image->size / page_size), err);
    if (r == 0) {
        r = file_write(path, image->bytes, image->size, FILE_SYNC_CONTENT, err);
    }
    free(log);
    return r;
}

int image_create(const char *path, const struct store_options *options, struct error *err)
{
    struct store_image image = options->image;
    unsigned char *made = NULL;
    int r = remove_old_log(path, err);

    if (r == 0 && !image.bytes) {
        r = store_make_image(options, &made, &image.size, err);
        image.bytes = made;
    }
    if (r == 0) {
        r = write_image(path, &image, err);
    }
    free(made);
    return r;
}
