/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "base/alloc.h"
#include "base/file.h"
#include "fault_vfs.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512
#define CONTENT_MAX (64 << 20)

enum call {
    CALL_CREATE,
    CALL_REMOVE,
    CALL_WRITE,
    CALL_TRUNCATE,
    CALL_SYNC,
    CALL_FOLDER,
    CALL_MARK
};

struct entry {
    enum call call;
    int name, file;
    int64_t at; /* offset, size or what was acknowledged */
    size_t length;
    unsigned char *bytes;
};

struct disk {
    pthread_mutex_t mutex;
    VEC(struct entry) entries;
    char *folder;                /* where the first file was */
    char *names[DISK_NAMES_MAX]; /* without the folder */
    int current[DISK_NAMES_MAX]; /* the file of each name; -1: none */
    int files;
    struct fault_observer observer;
};

/* The one that records; calls come from several threads. */
static struct disk *recording;

/* ---- recording ---- */

static int name_index(struct disk *disk, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int i = 0;

    if (!disk->folder) {
        disk->folder = mem_strndup(path, slash ? (size_t)(slash - path) : 0);
    }
    while (i < DISK_NAMES_MAX && disk->names[i] && strcmp(disk->names[i], name) != 0) {
        i++;
    }
    assert(i < DISK_NAMES_MAX);
    if (!disk->names[i]) {
        disk->names[i] = mem_strdup(name);
        disk->current[i] = -1;
    }
    return i;
}

static void add(struct disk *disk, struct entry entry)
{
    *VEC_PUSH(&disk->entries) = entry;
}

/* A new store is there whole before SQLite opens it (store/image.c): written and synced under
 * another name, renamed, and the folder synced. */
static void add_content(struct disk *disk, int file, const char *path)
{
    struct entry entry = {.call = CALL_WRITE, .file = file};
    char *bytes = NULL;

    if (file_read(path, CONTENT_MAX, &bytes, &entry.length, NULL) < 0 || entry.length == 0) {
        free(bytes);
        return;
    }
    entry.bytes = (unsigned char *)bytes;
    add(disk, entry);
    add(disk, (struct entry){.call = CALL_SYNC, .file = file});
}

static void on_opened(void *context, const char *path)
{
    struct disk *disk = context;
    size_t had_entries;
    bool is_whole;
    int name;

    (void)pthread_mutex_lock(&disk->mutex);
    name = name_index(disk, path);
    if (disk->current[name] < 0) {
        assert(disk->files < DISK_FILES_MAX);
        disk->current[name] = disk->files++;
        had_entries = disk->entries.count;
        add_content(disk, disk->current[name], path);
        is_whole = disk->entries.count > had_entries;
        add(disk, (struct entry){.call = CALL_CREATE, .name = name, .file = disk->current[name]});
        if (is_whole) {
            add(disk, (struct entry){.call = CALL_FOLDER});
        }
    }
    (void)pthread_mutex_unlock(&disk->mutex);
}

static void add_call(struct disk *disk, const char *path, struct entry entry)
{
    (void)pthread_mutex_lock(&disk->mutex);
    entry.name = name_index(disk, path);
    entry.file = disk->current[entry.name];
    add(disk, entry);
    if (entry.call == CALL_REMOVE) {
        disk->current[entry.name] = -1;
    }
    (void)pthread_mutex_unlock(&disk->mutex);
}

static void on_wrote(void *context, const char *path, const void *bytes, size_t length,
                     int64_t offset)
{
    unsigned char *copy = mem_alloc(length);

    memcpy(copy, bytes, length);
    add_call(context, path,
             (struct entry){.call = CALL_WRITE, .at = offset, .length = length, .bytes = copy});
}

static void on_truncated(void *context, const char *path, int64_t size)
{
    add_call(context, path, (struct entry){.call = CALL_TRUNCATE, .at = size});
}

static void on_synced(void *context, const char *path)
{
    add_call(context, path, (struct entry){.call = CALL_SYNC});
}

static void on_removed(void *context, const char *path)
{
    add_call(context, path, (struct entry){.call = CALL_REMOVE});
}

struct disk *disk_record(void)
{
    struct disk *disk = mem_zero(1, sizeof(*disk));
    struct fault_plan *plan = fault_vfs_register();

    assert(!recording);
    (void)pthread_mutex_init(&disk->mutex, NULL);
    disk->observer = (struct fault_observer){on_opened, on_wrote,   on_truncated,
                                             on_synced, on_removed, disk};
    plan->observer = &disk->observer;
    recording = disk;
    return disk;
}

void disk_stop(struct disk *disk)
{
    assert(recording == disk);
    fault_vfs_register()->observer = NULL;
    recording = NULL;
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->entries.count; i++) {
        free(disk->entries.items[i].bytes);
    }
    VEC_RELEASE(&disk->entries);
    for (int i = 0; i < DISK_NAMES_MAX; i++) {
        free(disk->names[i]);
    }
    free(disk->folder);
    (void)pthread_mutex_destroy(&disk->mutex);
    free(disk);
}

void disk_mark(struct disk *disk, int64_t acknowledged)
{
    (void)pthread_mutex_lock(&disk->mutex);
    add(disk, (struct entry){.call = CALL_MARK, .at = acknowledged});
    (void)pthread_mutex_unlock(&disk->mutex);
}

size_t disk_length(const struct disk *disk)
{
    return disk->entries.count;
}

void disk_count_removals(const struct disk *disk, int *ret_all, int *ret_durable)
{
    int all = 0;
    int durable = 0;

    for (size_t i = 0; i < disk->entries.count; i++) {
        size_t next = i + 1;

        if (disk->entries.items[i].call != CALL_REMOVE) {
            continue;
        }
        while (next < disk->entries.count && disk->entries.items[next].call != CALL_FOLDER &&
               disk->entries.items[next].call != CALL_WRITE) {
            next++;
        }
        all++;
        durable += next < disk->entries.count && disk->entries.items[next].call == CALL_FOLDER;
    }
    *ret_all = all;
    *ret_durable = durable;
}

/* A sync of the folder goes past the VFS: these two stand before those of libc. */

static void note_folder_sync(int fd)
{
    struct stat folder;
    struct stat status;

    if (recording && recording->folder && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) &&
        stat(recording->folder, &folder) == 0 && folder.st_ino == status.st_ino &&
        folder.st_dev == status.st_dev) {
        (void)pthread_mutex_lock(&recording->mutex);
        add(recording, (struct entry){.call = CALL_FOLDER});
        (void)pthread_mutex_unlock(&recording->mutex);
    }
}

int fsync(int fd)
{
    int r = (int)syscall(SYS_fsync, fd);

    if (r == 0) {
        note_folder_sync(fd);
    }
    return r;
}

int fdatasync(int fd)
{
    int r = (int)syscall(SYS_fdatasync, fd);

    if (r == 0) {
        note_folder_sync(fd);
    }
    return r;
}

/* ---- cutting ---- */

struct content {
    unsigned char *bytes;
    size_t length, capacity;
};

struct disk_view {
    const struct disk *disk;
    bool forgets_syncs, forgets_folder_syncs;
    size_t next; /* entry */
    int64_t acknowledged;
    struct content files[DISK_FILES_MAX]; /* as far as it is durable */
    VEC(size_t) pending;                  /* entries: writes and truncations */
    int durable[DISK_NAMES_MAX];          /* the file of each name after the last folder sync */
    int present[DISK_NAMES_MAX];          /* the same now */
    VEC(size_t) pending_names;            /* entries: creations and removals */
};

struct disk_view *disk_view_new(const struct disk *disk, bool forgets_syncs,
                                bool forgets_folder_syncs)
{
    struct disk_view *view = mem_zero(1, sizeof(*view));

    view->disk = disk;
    view->forgets_syncs = forgets_syncs;
    view->forgets_folder_syncs = forgets_folder_syncs;
    for (int i = 0; i < DISK_NAMES_MAX; i++) {
        view->durable[i] = view->present[i] = -1;
    }
    return view;
}

void disk_view_free(struct disk_view *view)
{
    for (int i = 0; i < DISK_FILES_MAX; i++) {
        free(view->files[i].bytes);
    }
    VEC_RELEASE(&view->pending);
    VEC_RELEASE(&view->pending_names);
    free(view);
}

int64_t disk_view_acknowledged(const struct disk_view *view)
{
    return view->acknowledged;
}

static void content_resize(struct content *content, size_t length)
{
    if (length > content->capacity) {
        content->capacity = length * 2;
        content->bytes = mem_resize(content->bytes, content->capacity, 1);
    }
    if (length > content->length) {
        memset(content->bytes + content->length, 0, length - content->length);
    }
    content->length = length;
}

static void content_put(struct content *content, size_t offset, const unsigned char *bytes,
                        size_t length)
{
    if (length == 0) {
        return;
    }
    if (offset + length > content->length) {
        content_resize(content, offset + length);
    }
    memcpy(content->bytes + offset, bytes, length);
}

static void content_apply(struct content *content, const struct entry *entry)
{
    if (entry->call == CALL_WRITE) {
        content_put(content, (size_t)entry->at, entry->bytes, entry->length);
    } else {
        content_resize(content, (size_t)entry->at);
    }
}

/* What is pending of this file becomes durable. */
static void file_sync(struct disk_view *view, int file)
{
    size_t kept = 0;

    for (size_t i = 0; i < view->pending.count; i++) {
        const struct entry *entry = &view->disk->entries.items[view->pending.items[i]];

        if (entry->file == file) {
            content_apply(&view->files[file], entry);
        } else {
            view->pending.items[kept++] = view->pending.items[i];
        }
    }
    view->pending.count = kept;
}

void disk_view_advance(struct disk_view *view, size_t calls)
{
    for (; view->next < calls && view->next < view->disk->entries.count; view->next++) {
        const struct entry *entry = &view->disk->entries.items[view->next];

        switch (entry->call) {
        case CALL_CREATE:
        case CALL_REMOVE:
            view->present[entry->name] = entry->call == CALL_CREATE ? entry->file : -1;
            *VEC_PUSH(&view->pending_names) = view->next;
            break;
        case CALL_WRITE:
        case CALL_TRUNCATE:
            *VEC_PUSH(&view->pending) = view->next;
            break;
        case CALL_SYNC:
            if (!view->forgets_syncs) {
                file_sync(view, entry->file);
            }
            break;
        case CALL_FOLDER:
            if (!view->forgets_folder_syncs) {
                memcpy(view->durable, view->present, sizeof(view->durable));
                view->pending_names.count = 0;
            }
            break;
        case CALL_MARK:
            view->acknowledged = entry->at;
            break;
        }
    }
}

/* SplitMix64. */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void content_tear(struct content *content, const struct entry *entry, uint64_t *seed)
{
    size_t end;

    for (size_t at = (size_t)entry->at; at < (size_t)entry->at + entry->length; at = end) {
        end = (at / SECTOR + 1) * SECTOR;
        if (end > (size_t)entry->at + entry->length) {
            end = (size_t)entry->at + entry->length;
        }
        if (draw(seed) & 1) {
            content_put(content, at, entry->bytes + (at - (size_t)entry->at), end - at);
        }
    }
}

enum fate { FATE_LOST, FATE_TORN, FATE_THERE };

/* `chosen` is one of the pending calls. */
static enum fate draw_fate(enum disk_loss loss, size_t index, size_t chosen, uint64_t *seed)
{
    switch (loss) {
    case DISK_LOSES_ALL:
        return FATE_LOST;
    case DISK_LOSES_SOME:
        return draw(seed) & 1 ? FATE_THERE : FATE_LOST;
    case DISK_LOSES_ALL_FROM_ONE_ON:
        return index < chosen ? FATE_THERE : FATE_LOST;
    case DISK_TEARS_THE_LAST:
        return index < chosen ? FATE_THERE : index == chosen ? FATE_TORN : FATE_LOST;
    case DISK_TEARS_SOME:
        return (enum fate)(draw(seed) % 3);
    case DISK_LOSES_ALL_UP_TO_ONE:
        return index > chosen ? FATE_THERE : FATE_LOST;
    case DISK_LOSES_ONE:
        return index != chosen ? FATE_THERE : FATE_LOST;
    case DISK_LOSES_NONE:
    case DISK_LOSSES:
        break;
    }
    return FATE_THERE;
}

/* Each name is as it was after some of its own changes, in their order. */
static void cut_names(const struct disk_view *view, enum disk_loss loss, uint64_t *seed,
                      int names[DISK_NAMES_MAX])
{
    bool is_stuck[DISK_NAMES_MAX] = {false};

    memcpy(names, view->durable, sizeof(view->durable));
    for (size_t i = 0; i < view->pending_names.count; i++) {
        const struct entry *entry = &view->disk->entries.items[view->pending_names.items[i]];

        if (loss == DISK_LOSES_ALL || (loss != DISK_LOSES_NONE && (draw(seed) & 1))) {
            is_stuck[entry->name] = true;
        }
        if (!is_stuck[entry->name]) {
            names[entry->name] = entry->call == CALL_CREATE ? entry->file : -1;
        }
    }
}

static void write_file(const struct disk_view *view, const struct content *content, int name,
                       const char *folder)
{
    char *path = path_join(folder, view->disk->names[name]);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert(fd >= 0);
    for (size_t done = 0; done < content->length;) {
        ssize_t length = write(fd, content->bytes + done, content->length - done);

        assert(length > 0);
        done += (size_t)length;
    }
    (void)close(fd);
    free(path);
}

void disk_view_cut(const struct disk_view *view, enum disk_names names, enum disk_loss loss,
                   uint64_t seed, const char *folder)
{
    struct content contents[DISK_NAMES_MAX] = {{0}};
    int files[DISK_NAMES_MAX];
    size_t chosen = view->pending.count ? draw(&seed) % view->pending.count : 0;

    memcpy(files, view->present, sizeof(files));
    if (names == DISK_NAMES_WHEN_SYNCED) {
        cut_names(view, loss, &seed, files);
    }
    for (int i = 0; i < DISK_NAMES_MAX; i++) {
        if (files[i] >= 0) {
            content_put(&contents[i], 0, view->files[files[i]].bytes, view->files[files[i]].length);
        }
    }
    for (size_t i = 0; i < view->pending.count; i++) {
        const struct entry *entry = &view->disk->entries.items[view->pending.items[i]];
        enum fate fate = draw_fate(loss, i, chosen, &seed);

        if (files[entry->name] != entry->file || fate == FATE_LOST) {
            continue;
        }
        if (fate == FATE_TORN && entry->call == CALL_WRITE) {
            content_tear(&contents[entry->name], entry, &seed);
        } else {
            content_apply(&contents[entry->name], entry);
        }
    }
    for (int i = 0; i < DISK_NAMES_MAX; i++) {
        if (files[i] >= 0) {
            write_file(view, &contents[i], i, folder);
        }
        free(contents[i].bytes);
    }
}
