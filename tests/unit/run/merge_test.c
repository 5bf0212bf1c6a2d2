/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "run/own.h"
#include "run/workspace.h"
#include "run/writer.h"
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

static void what_both_sides_did_alike_is_there_already(void **state)
{
    struct scene scene = scene_of(*state);
    int64_t files = -1;

    run_project_write(*state, "alike", "1\n");
    run_project_write(*state, "within", "1\n2\n3\n4\n5\n");
    begin(&scene);
    scratch_write(scene.tree, "alike", "2\n");
    scratch_write(scene.tree, "within", "one\n2\n3\n4\n5\n");
    run_project_write(*state, "alike", "2\n");
    run_project_write(*state, "within", "one\n2\n3\n4\nfive\n");
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    assert_int_equal(files, 0);
    assert_content(*state, "alike", "2\n");
    assert_content(*state, "within", "one\n2\n3\n4\nfive\n");
    scene_release(&scene);
}

static void conflicts_beyond_a_line_are_named_in_part(void **state)
{
    struct scene scene = scene_of(*state);
    struct error err = ERROR_INIT;
    char name[120];
    int64_t files;

    for (int side = 0; side < 3; side++) {
        for (int i = 0; i < 40; i++) {
            (void)snprintf(name, sizeof(name), "a-name-that-is-long-enough-to-fill-the-line-%d", i);
            if (side == 1) {
                scratch_write(scene.tree, name, "theirs\n");
            } else {
                run_project_write(*state, name, side ? "ours\n" : "base\n");
            }
        }
        if (side == 0) {
            begin(&scene);
        }
    }
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "fill-the-line-0, "));
    assert_non_null(strstr(err.text, ", ...;"));
    assert_non_null(strstr(err.text, scene.tree));
    scene_release(&scene);
}

static void edit_note(const char *folder, const char *name, json_t *value)
{
    json_t *note = snapshot_note_read(folder);

    assert_non_null(note);
    if (value) {
        json_put(note, name, value);
    } else {
        (void)json_object_del(note, name);
    }
    assert_int_equal(snapshot_note_write(folder, note, NULL), 0);
    json_decref(note);
}

static void what_was_intended_is_done_by_the_next_one(void **state)
{
    struct scene scene = scene_of(*state);
    int64_t files = 0;

    run_project_write(*state, "file", "1\n");
    begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    /* As if it had been killed before it did anything. */
    edit_note(scene.attempt, "merge", NULL);
    run_project_write(*state, "file", "1\n");
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    assert_int_equal(files, 1);
    assert_content(*state, "file", "2\n");
    scene_release(&scene);
}

static int merge_of(const struct scene *scene, const char *problem)
{
    struct error err = ERROR_INIT;
    int64_t files = 0;
    int r = merge_clone(&scene->merge, &files, &err);

    if (r >= 0 || !strstr(err.text, problem)) {
        fail_msg("%d: %s", r, err.text);
    }
    assert_content(scene->project, "file", "1\n");
    return r;
}

static void what_is_not_known_is_not_merged(void **state)
{
    const char *nothing = "0123456789012345678901234567890123456789012345678901234567890123";
    struct scene scene = scene_of(*state);
    char *workspace = path_folder(scene.tree);

    run_project_write(*state, "file", "1\n");
    (void)merge_of(&scene, "snapshot.json");
    begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    (void)merge_of(&scene, "could not be kept");
    end(&scene);
    edit_note(scene.attempt, "merge", json_string(nothing));
    (void)merge_of(&scene, "0123");
    edit_note(scene.attempt, "merge", NULL);
    edit_note(scene.attempt, "intent", json_string(nothing));
    (void)merge_of(&scene, "0123");
    edit_note(scene.attempt, "intent", NULL);
    edit_note(workspace, "base", json_string(nothing));
    (void)merge_of(&scene, "0123");
    edit_note(workspace, "base", json_string("short"));
    (void)merge_of(&scene, "it is not known what was cloned");
    edit_note(workspace, "base", NULL);
    (void)merge_of(&scene, "it is not known what was cloned");
    free(workspace);
    scene_release(&scene);
}

static void while_an_agent_is_at_work_nothing_is_merged(void **state)
{
    struct run_project *project = *state;
    struct scene scene = scene_of(project);
    const struct writer other = {.project = project->project,
                                 .folder = project->folder,
                                 .run_id = "wf_000000000002",
                                 .attempt = "/nonexistent/b.1"};
    int64_t files = 0;
    int lock = -1;

    run_project_write(project, "file", "1\n");
    begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    end(&scene);
    assert_int_equal(writer_take(&other, NULL), 0);
    assert_int_equal(run_lock(project->folder, other.run_id, &lock, NULL), 0);
    assert_int_equal(merge_of(&scene, "is changing the files"), ERROR_BUSY);
    (void)close(lock);
    assert_int_equal(merge_clone(&scene.merge, &files, NULL), 0);
    assert_content(project, "file", "2\n");
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
        CASE(what_both_sides_did_alike_is_there_already),
        CASE(conflicts_beyond_a_line_are_named_in_part),
        CASE(what_was_intended_is_done_by_the_next_one),
        CASE(what_is_not_known_is_not_merged),
        CASE(while_an_agent_is_at_work_nothing_is_merged),
        CASE(killed_at_any_instant_it_is_made_exactly_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
