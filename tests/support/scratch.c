/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

char *scratch_new(void)
{
    char *scratch = mem_strdup("/tmp/fermata-test-XXXXXX");
    char *made = mkdtemp(scratch);

    assert(made);
    return made;
}

void scratch_remove(char *scratch)
{
    int r = file_remove_tree(scratch, NULL);

    assert(r == 0);
    free(scratch);
}

char *scratch_path(const char *scratch, const char *name)
{
    return path_join(scratch, name);
}

void scratch_write_bytes(const char *scratch, const char *name, const void *bytes, size_t length)
{
    char *path = path_join(scratch, name);
    char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    int r = file_make_folders(folder, NULL);

    assert(r == 0);
    r = file_write(path, bytes, length, FILE_NO_SYNC, NULL);
    assert(r == 0);
    free(folder);
    free(path);
}

void scratch_write(const char *scratch, const char *name, const char *text)
{
    scratch_write_bytes(scratch, name, text, strlen(text));
}
