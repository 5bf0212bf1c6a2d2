/* SPDX-License-Identifier: MIT */
#include "fault_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static struct fault_plan plan;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *inner; /* lies right behind */
    const char *name;    /* NULL: a temporary file */
};

static sqlite3_file *inner_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->inner;
}

static const struct fault_observer *observer_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->name ? plan.observer : NULL;
}

static const char *name_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->name;
}

static int fault_close(sqlite3_file *file)
{
    return inner_of(file)->pMethods->xClose(inner_of(file));
}

static int fault_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
    return inner_of(file)->pMethods->xRead(inner_of(file), bytes, length, offset);
}

static int fault_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    const struct fault_observer *observer = observer_of(file);
    int code = atomic_load(&plan.write_code);

    code = code ? code : inner_of(file)->pMethods->xWrite(inner_of(file), bytes, length, offset);
    if (code == SQLITE_OK && observer) {
        observer->wrote(observer->context, name_of(file), bytes, (size_t)length, offset);
    }
    return code;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const struct fault_observer *observer = observer_of(file);
    int code = inner_of(file)->pMethods->xTruncate(inner_of(file), size);

    if (code == SQLITE_OK && observer) {
        observer->truncated(observer->context, name_of(file), size);
    }
    return code;
}

static int fault_sync(sqlite3_file *file, int flags)
{
    const struct fault_observer *observer = observer_of(file);
    int code = atomic_load(&plan.sync_code);

    atomic_fetch_add(&plan.syncs, 1);
    if (code == SQLITE_OK && !plan.skips_syncs) {
        code = inner_of(file)->pMethods->xSync(inner_of(file), flags);
    }
    if (code == SQLITE_OK && observer) {
        observer->synced(observer->context, name_of(file));
    }
    return code;
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return inner_of(file)->pMethods->xFileSize(inner_of(file), size);
}

static int fault_lock(sqlite3_file *file, int lock)
{
    return inner_of(file)->pMethods->xLock(inner_of(file), lock);
}

static int fault_unlock(sqlite3_file *file, int lock)
{
    return inner_of(file)->pMethods->xUnlock(inner_of(file), lock);
}

static int fault_check_lock(sqlite3_file *file, int *result)
{
    return inner_of(file)->pMethods->xCheckReservedLock(inner_of(file), result);
}

static int fault_control(sqlite3_file *file, int operation, void *argument)
{
    return inner_of(file)->pMethods->xFileControl(inner_of(file), operation, argument);
}

static int fault_sector_size(sqlite3_file *file)
{
    return inner_of(file)->pMethods->xSectorSize(inner_of(file));
}

static int fault_device(sqlite3_file *file)
{
    return inner_of(file)->pMethods->xDeviceCharacteristics(inner_of(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return inner_of(file)->pMethods->xShmMap(inner_of(file), page, size, extend, memory);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return inner_of(file)->pMethods->xShmLock(inner_of(file), offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    inner_of(file)->pMethods->xShmBarrier(inner_of(file));
}

static int fault_shm_unmap(sqlite3_file *file, int remove)
{
    return inner_of(file)->pMethods->xShmUnmap(inner_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_device,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct fault_file *fault = (struct fault_file *)file;
    sqlite3_vfs *real = vfs->pAppData;
    int code;

    fault->inner = (sqlite3_file *)(fault + 1);
    fault->name = name;
    code = real->xOpen(real, name, fault->inner, flags, ret_flags);
    fault->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    if (code == SQLITE_OK && name && plan.observer) {
        plan.observer->opened(plan.observer->context, name);
    }
    return code;
}

/* Before the call: what it syncs of the folder comes behind it. */
static int fault_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    sqlite3_vfs *real = vfs->pAppData;

    if (plan.observer && access(name, F_OK) == 0) {
        plan.observer->removed(plan.observer->context, name);
    }
    return real->xDelete(real, name, sync_folder);
}

struct fault_plan *fault_vfs_register(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    int code;

    if (vfs.zName) {
        return &plan;
    }
    assert(real);
    vfs = *real; /* the calls that take no file go to the real one, which does not look at itself */
    vfs.zName = FAULT_VFS_NAME;
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    vfs.pAppData = real;
    vfs.xOpen = fault_open;
    vfs.xDelete = fault_delete;
    code = sqlite3_vfs_register(&vfs, 0);
    assert(code == SQLITE_OK);
    return &plan;
}

void fault_vfs_make_default(void)
{
    int code;

    (void)fault_vfs_register();
    code = sqlite3_vfs_register(sqlite3_vfs_find(FAULT_VFS_NAME), 1);
    assert(code == SQLITE_OK);
}
