/* SPDX-License-Identifier: MIT */
/* A new store is made in memory and put on the disk whole: there is none or all of it, for one
 * sync. Made in place, the change to a write-ahead log and the schema take nine. Its name becomes
 * durable with the folder's sync before the first commit (writer.c): until then nothing is in it.
 */
#include "store/internal.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* https://www.sqlite.org/fileformat2.html section 1.3 (3.40): the file is in WAL mode when both its
 * write and its read version are 2. A database in memory cannot be changed to it. */
#define WRITE_VERSION 18
#define READ_VERSION 19
#define WAL_VERSION 2

static int write_image(struct connection *connection, const char *path, struct error *err)
{
    sqlite3_int64 size = 0;
    unsigned char *image = sqlite3_serialize(connection->db, "main", &size, 0);
    int r;

    if (!image || size <= READ_VERSION) {
        sqlite3_free(image);
        return error_set(err, ERROR_INTERNAL, "the new store cannot be copied out of memory");
    }
    image[WRITE_VERSION] = image[READ_VERSION] = WAL_VERSION;
    r = file_write(path, image, (size_t)size, FILE_SYNC_CONTENT, err);
    sqlite3_free(image);
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

int image_create(const char *path, const struct store_options *options, struct error *err)
{
    struct connection *connection = NULL;
    bool is_changed = false;
    int r = remove_old_log(path, err);

    if (r == 0) {
        r = connection_open(&connection, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY,
                            NULL, err);
    }
    if (r == 0) {
        r = migrate(connection, options, false, &is_changed, err);
    }
    if (r == 0) {
        r = write_image(connection, path, err);
    }
    connection_close(connection);
    return r;
}
