/* SPDX-License-Identifier: MIT */
#include "snapshot_project.h"

#include "base/file.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void snapshot_project_write(const struct snapshot_project *project, const char *path,
                            const char *text)
{
    scratch_write(project->folder, path, text);
}

void snapshot_project_remove(const struct snapshot_project *project, const char *path)
{
    char *whole = path_join(project->folder, path);

    assert_int_equal(file_remove_tree(whole, NULL), 0);
    free(whole);
}

char *snapshot_project_read(const struct snapshot_project *project, const char *path)
{
    char *whole = path_join(project->folder, path);
    char *text = NULL;

    (void)file_read(whole, 1U << 20, &text, NULL, NULL);
    free(whole);
    return text;
}

int snapshot_project_set_up(void **state)
{
    struct snapshot_project *project = mem_zero(1, sizeof(*project));
    struct error err = ERROR_INIT;
    char *path;

    project->folder = scratch_new();
    assert_int_equal(snapshots_open(project->folder, &project->snapshots, &err), 0);
    snapshot_project_write(project, "a.txt", "one\n");
    snapshot_project_write(project, "dir/b.sh", "two\n");
    path = path_join(project->folder, "dir/b.sh");
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
    path = path_join(project->folder, "c");
    assert_int_equal(symlink("a.txt", path), 0);
    free(path);
    *state = project;
    return 0;
}

int snapshot_project_tear_down(void **state)
{
    struct snapshot_project *project = *state;

    snapshots_close(project->snapshots);
    scratch_remove(project->folder);
    free(project);
    return 0;
}

void snapshot_project_take(const struct snapshot_project *project, char digest[DIGEST_HEX_SIZE])
{
    struct error err = ERROR_INIT;

    if (snapshot_take(project->snapshots, project->folder, digest, NULL, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

struct changes snapshot_project_compare(const struct snapshot_project *project, const char *from,
                                        const char *to)
{
    struct changes changes = {0};

    assert_int_equal(snapshot_compare(project->snapshots, from, to, &changes, NULL), 0);
    return changes;
}

char *snapshot_project_describe(const struct changes *changes)
{
    struct strbuf text;
    char *copy;

    strbuf_init(&text, 1U << 20);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];

        strbuf_addf(&text, "%s%s%s", i ? " " : "",
                    !change->from ? "+"
                    : !change->to ? "-"
                                  : "~",
                    change->path);
    }
    copy = mem_strdup(text.data);
    strbuf_release(&text);
    return copy;
}
