/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "run/workspace.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define RUN "wf_000000000001"
#define FILES 12
#define KILLS 20

struct scene {
    struct run_project *project;
    char *tree, *attempt;
    struct merge merge;
};

static struct scene scene_of(struct run_project *project)
{
    struct scene scene = {.project = project};

    scene.tree = mem_printf("%s/workflows/" RUN "/workspaces/s/tree", project->folder);
    scene.attempt = mem_printf("%s/workflows/" RUN "/attempts/s.1", project->folder);
    assert_int_equal(file_make_folders(scene.attempt, NULL), 0);
    scene.merge = (struct merge){project->project, project->folder, RUN, "s",
                                 scene.attempt,    scene.tree};
    return scene;
}

static void scene_release(struct scene *scene)
{
    free(scene->tree);
    free(scene->attempt);
}

static void begin(const struct scene *scene)
{
    const struct workspace workspace = {.project = scene->project->project,
                                        .project_folder = scene->project->folder,
                                        .tree = scene->tree};

    assert_int_equal(workspace_make(&workspace, NULL), 0);
    changes_begin(scene->attempt, scene->project->project, scene->tree);
}

static void end(const struct scene *scene)
{
    changes_keep_after(scene->attempt, scene->project->project, scene->tree);
}

static void assert_content(const struct run_project *project, const char *name, const char *wanted)
{
    char *text = run_project_read(project, name);

    assert_string_equal(text, wanted);
    free(text);
}

static void each_side_counts_where_only_it_changed_something(void **state)
{
    struct scene scene = scene_of(*state);
    int64_t files;

    run_project_write(*state, "both", "1\n2\n3\n4\n5\n");
    run_project_write(*state, "ours", "1\n");
    run_project_write(*state, "theirs", "1\n");
    begin(&scene);
    scratch_write(scene.tree, "both", "one\n2\n3\n4\n5\n");
    scratch_write(scene.tree, "theirs", "2\n");
    run_project_write(*state, "both", "1\n2\n3\n4\nfive\n");
    run_project_write(*state, "ours", "2\n");
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    assert_int_equal(files, 2);
    assert_content(*state, "both", "one\n2\n3\n4\nfive\n");
    assert_content(*state, "ours", "2\n");
    assert_content(*state, "theirs", "2\n");
    scene_release(&scene);
}

static void a_merge_with_a_receipt_is_not_made_again(void **state)
{
    struct scene scene = scene_of(*state);
    int64_t files;

    run_project_write(*state, "file", "1\n");
    begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    run_project_write(*state, "file", "1\n"); /* the user took it back */
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    assert_int_equal(files, 1);
    assert_content(*state, "file", "1\n");
    scene_release(&scene);
}

static void a_conflict_leaves_everything_as_it_is_and_names_both_sides(void **state)
{
    struct scene scene = scene_of(*state);
    struct error err = ERROR_INIT;
    int64_t files;

    run_project_write(*state, "file", "1\n");
    run_project_write(*state, "other", "1\n");
    begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    scratch_write(scene.tree, "other", "2\n");
    run_project_write(*state, "file", "3\n");
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "file"));
    assert_non_null(strstr(err.text, scene.tree));
    assert_content(*state, "file", "3\n");
    assert_content(*state, "other", "1\n");
    scene_release(&scene);
}

/* Another process is at it and is killed some time later. */
static void merge_and_kill(const struct scene *scene, long delay_ns)
{
    const struct timespec delay = {.tv_nsec = delay_ns};
    pid_t child = fork();
    int64_t files;
    int status;

    if (child == 0) {
        _exit(merge_clone(&scene->merge, &files, NULL) == 0 ? 0 : 1);
    }
    (void)nanosleep(&delay, NULL); /* the instant, not a wait */
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void write_all(const struct scene *scene, bool is_clone)
{
    for (int i = 0; i < FILES; i++) {
        char *name = mem_printf("d%d/file", i);
        char *text = mem_printf("%s\n2\n3\n4\n%s\n", is_clone ? "theirs" : "1",
                                is_clone ? "5" : "ours");

        if (is_clone) {
            scratch_write(scene->tree, name, text);
        } else {
            run_project_write(scene->project, name, text);
        }
        free(name);
        free(text);
    }
}

static void killed_at_any_instant_it_is_made_exactly_once(void **state)
{
    struct run_project *project = *state;

    for (int n = 0; n < KILLS; n++) {
        struct scene scene = scene_of(project);
        char *run = mem_printf("%s/workflows/" RUN, project->folder);
        int64_t files = 0;

        assert_int_equal(file_remove_tree(run, NULL), 0);
        assert_int_equal(file_make_folders(scene.attempt, NULL), 0);
        for (int i = 0; i < FILES; i++) {
            char *name = mem_printf("d%d/file", i);

            run_project_write(project, name, "1\n2\n3\n4\n5\n");
            free(name);
        }
        begin(&scene);
        write_all(&scene, true);
        write_all(&scene, false);
        end(&scene);
        merge_and_kill(&scene, 1000000L * n * 10);
        merge_and_kill(&scene, 1000000L * n * 3);
        assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
        assert_int_equal(files, FILES);
        for (int i = 0; i < FILES; i++) {
            char *name = mem_printf("d%d/file", i);

            assert_content(project, name, "theirs\n2\n3\n4\nours\n");
            free(name);
        }
        run_project_write(project, "d0/file", "the user's\n");
        assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
        assert_content(project, "d0/file", "the user's\n");
        free(run);
        scene_release(&scene);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_side_counts_where_only_it_changed_something),
        CASE(a_merge_with_a_receipt_is_not_made_again),
        CASE(a_conflict_leaves_everything_as_it_is_and_names_both_sides),
        CASE(killed_at_any_instant_it_is_made_exactly_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
