/* SPDX-License-Identifier: MIT */
#include "merge_scene.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "run/workspace.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct merge_scene merge_scene_of(struct run_project *project)
{
    struct merge_scene scene = {.project = project};

    scene.tree = mem_printf("%s/workflows/" MERGE_RUN "/workspaces/s/tree", project->folder);
    scene.attempt = mem_printf("%s/workflows/" MERGE_RUN "/attempts/s.1", project->folder);
    assert_int_equal(file_make_folders(scene.attempt, NULL), 0);
    scene.merge = (struct merge){project->store, project->project, project->folder, MERGE_RUN, "s",
                                 scene.attempt,  scene.tree,       false,           NULL,      0};
    return scene;
}

void merge_scene_release(struct merge_scene *scene)
{
    free(scene->tree);
    free(scene->attempt);
}

struct changes_place merge_scene_place(const struct merge_scene *scene)
{
    return (struct changes_place){.store = scene->project->store,
                                  .folder = scene->attempt,
                                  .project = scene->project->project};
}

void merge_scene_begin(const struct merge_scene *scene)
{
    const struct workspace workspace = {.store = scene->project->store,
                                        .project = scene->project->project,
                                        .project_folder = scene->project->folder,
                                        .tree = scene->tree};
    const struct changes_place place = merge_scene_place(scene);

    assert_int_equal(workspace_make(&workspace, NULL), 0);
    changes_begin(&place, scene->tree);
}

void merge_scene_end(const struct merge_scene *scene)
{
    const struct changes_place place = merge_scene_place(scene);

    changes_keep_after(&place, scene->tree);
}

void merge_scene_assert(const struct run_project *project, const char *name, const char *wanted)
{
    char *text = run_project_read(project, name);

    assert_string_equal(text, wanted);
    free(text);
}

/* Another process is at it and is killed some time later. */
void merge_scene_kill(const struct merge_scene *scene, long delay_ns)
{
    const struct timespec delay = {.tv_nsec = delay_ns};
    pid_t child = fork();
    struct merged merged;
    int status;

    if (child == 0) {
        _exit(merge_clone(&scene->merge, &merged, NULL) == 0 ? 0 : 1);
    }
    (void)nanosleep(&delay, NULL); /* the instant, not a wait */
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
}
