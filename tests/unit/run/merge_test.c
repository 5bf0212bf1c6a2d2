/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "run/own.h"
#include "run/workspace.h"
#include "run/writer.h"
#include "support/merge_scene.h"
#include "support/repository.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FILES 12
#define KILLS 20

static void each_side_counts_where_only_it_changed_something(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    run_project_write(*state, "both", "1\n2\n3\n4\n5\n");
    run_project_write(*state, "ours", "1\n");
    run_project_write(*state, "theirs", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "both", "one\n2\n3\n4\n5\n");
    scratch_write(scene.tree, "theirs", "2\n");
    run_project_write(*state, "both", "1\n2\n3\n4\nfive\n");
    run_project_write(*state, "ours", "2\n");
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 2);
    merge_scene_assert(*state, "both", "one\n2\n3\n4\nfive\n");
    merge_scene_assert(*state, "ours", "2\n");
    merge_scene_assert(*state, "theirs", "2\n");
    merge_scene_release(&scene);
}

static void a_merge_with_a_receipt_is_not_made_again(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    run_project_write(*state, "file", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    run_project_write(*state, "file", "1\n"); /* the user took it back */
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 1);
    merge_scene_assert(*state, "file", "1\n");
    merge_scene_release(&scene);
}

static void a_conflict_leaves_everything_as_it_is_and_names_both_sides(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct error err = ERROR_INIT;
    struct merged merged;

    run_project_write(*state, "file", "1\n");
    run_project_write(*state, "other", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    scratch_write(scene.tree, "other", "2\n");
    run_project_write(*state, "file", "3\n");
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "file"));
    assert_non_null(strstr(err.text, scene.tree));
    merge_scene_assert(*state, "file", "3\n");
    merge_scene_assert(*state, "other", "1\n");
    merge_scene_release(&scene);
}

static void what_both_sides_did_alike_is_there_already(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    run_project_write(*state, "alike", "1\n");
    run_project_write(*state, "within", "1\n2\n3\n4\n5\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "alike", "2\n");
    scratch_write(scene.tree, "within", "one\n2\n3\n4\n5\n");
    run_project_write(*state, "alike", "2\n");
    run_project_write(*state, "within", "one\n2\n3\n4\nfive\n");
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 0);
    merge_scene_assert(*state, "alike", "2\n");
    merge_scene_assert(*state, "within", "one\n2\n3\n4\nfive\n");
    merge_scene_release(&scene);
}

static void conflicts_beyond_a_line_are_named_in_part(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct error err = ERROR_INIT;
    char name[120];
    struct merged merged;

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
            merge_scene_begin(&scene);
        }
    }
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "fill-the-line-0, "));
    assert_non_null(strstr(err.text, ", ...;"));
    assert_non_null(strstr(err.text, scene.tree));
    merge_scene_release(&scene);
}

static void edit_note(const char *folder, const char *name, json_t *value)
{
    json_t *note = snapshot_note_read(NULL, folder);

    assert_non_null(note);
    if (value) {
        json_put(note, name, value);
    } else {
        (void)json_object_del(note, name);
    }
    assert_int_equal(snapshot_note_write(NULL, folder, note, NULL), 0);
    json_decref(note);
}

static void what_was_intended_is_done_by_the_next_one(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    run_project_write(*state, "file", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    /* As if it had been killed before it did anything. */
    edit_note(scene.attempt, "merge", NULL);
    run_project_write(*state, "file", "1\n");
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 1);
    merge_scene_assert(*state, "file", "2\n");
    merge_scene_release(&scene);
}

static int merge_of(const struct merge_scene *scene, const char *problem)
{
    struct error err = ERROR_INIT;
    struct merged merged;
    int r = merge_clone(&scene->merge, &merged, &err);

    if (r >= 0 || !strstr(err.text, problem)) {
        fail_msg("%d: %s", r, err.text);
    }
    merge_scene_assert(scene->project, "file", "1\n");
    return r;
}

static void what_is_not_known_is_not_merged(void **state)
{
    const char *nothing = "0123456789012345678901234567890123456789012345678901234567890123";
    struct merge_scene scene = merge_scene_of(*state);
    char *workspace = path_folder(scene.tree);

    run_project_write(*state, "file", "1\n");
    (void)merge_of(&scene, "no note of what was done");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    (void)merge_of(&scene, "could not be kept");
    merge_scene_end(&scene);
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
    merge_scene_release(&scene);
}

static void what_a_note_that_cannot_be_read_would_say_is_not_merged(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    char *note = path_join(scene.attempt, SNAPSHOT_FILE);

    run_project_write(*state, "file", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    merge_scene_end(&scene);
    assert_int_equal(unlink(note), 0);
    assert_int_equal(file_make_folders(note, NULL), 0);
    (void)merge_of(&scene, SNAPSHOT_FILE);
    free(note);
    merge_scene_release(&scene);
}

static bool is_noted(const struct merge_scene *scene, const char *name)
{
    json_t *note = snapshot_note_read(NULL, scene->attempt);
    bool is_there = json_object_get(note, name) != NULL;

    json_decref(note);
    return is_there;
}

/* There is nothing that a commit could be of. */
static void a_merge_of_nothing_is_no_commit(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    run_project_write(*state, "alike", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "alike", "2\n");
    run_project_write(*state, "alike", "2\n");
    merge_scene_end(&scene);
    scene.merge.subject = "s";
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 0);
    assert_true(is_noted(&scene, "merge"));
    assert_false(is_noted(&scene, "commit"));
    assert_false(is_noted(&scene, "no_commit"));
    merge_scene_release(&scene);
}

/* What is in such a folder is not gone; what is beside it, is. */
static void files_that_a_repository_hides_are_a_conflict_and_no_others(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct error err = ERROR_INIT;
    struct merged merged;
    char *folder = path_join(scene.tree, "sub");
    static const char *const gone[] = {"sub.c", "other"};

    GIT(scene.project->project, "init", "-q");
    run_project_write(*state, "sub/in", "1\n");
    run_project_write(*state, "sub.c", "1\n");
    run_project_write(*state, "other", "1\n");
    merge_scene_begin(&scene);
    GIT(scene.tree, "init", "-q");
    GIT(folder, "init", "-q");
    GIT(folder, "add", "in");
    GIT(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "m");
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        char *path = path_join(scene.tree, gone[i]);

        assert_int_equal(unlink(path), 0);
        free(path);
    }
    merge_scene_end(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "same lines of sub/in;"));
    merge_scene_assert(*state, "sub/in", "1\n");
    merge_scene_assert(*state, "other", "1\n");
    free(folder);
    merge_scene_release(&scene);
}

static void of_many_files_that_are_left_behind_the_first_are_named(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;
    json_t *note;

    GIT(scene.project->project, "init", "-q");
    run_project_write(*state, ".gitignore", "built-*\n");
    run_project_write(*state, "file", "1\n");
    merge_scene_begin(&scene);
    GIT(scene.tree, "init", "-q");
    scratch_write(scene.tree, "file", "2\n");
    for (int i = 0; i < CHANGES_PATHS_MAX + 5; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "built-%d", i);
        scratch_write(scene.tree, name, "1\n");
    }
    merge_scene_end(&scene);
    edit_note(scene.attempt, "lacks", json_pack("[s]", "a-large-one"));
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(json_array_size(merged.left), CHANGES_PATHS_MAX);
    json_decref(merged.left);
    note = snapshot_note_read(NULL, scene.attempt);
    assert_int_equal(json_array_size(json_object_get(note, "left")), CHANGES_PATHS_MAX);
    json_decref(note);
    merge_scene_assert(*state, "file", "2\n");
    assert_false(run_project_has(*state, "built-0"));
    merge_scene_release(&scene);
}

static void while_an_agent_is_at_work_nothing_is_merged(void **state)
{
    struct run_project *project = *state;
    struct merge_scene scene = merge_scene_of(project);
    const struct writer other = {.store = project->store,
                                 .project = project->project,
                                 .folder = project->folder,
                                 .run_id = "wf_000000000002",
                                 .attempt = "/nonexistent/b.1"};
    struct merged merged;
    int lock = -1;

    run_project_write(project, "file", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "2\n");
    merge_scene_end(&scene);
    assert_int_equal(writer_take(&other, NULL), 0);
    assert_int_equal(run_lock(project->folder, other.run_id, &lock, NULL), 0);
    assert_int_equal(merge_of(&scene, "is changing the files"), ERROR_BUSY);
    (void)close(lock);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    merge_scene_assert(project, "file", "2\n");
    merge_scene_release(&scene);
}

static void write_all(const struct merge_scene *scene, bool is_clone)
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
        struct merge_scene scene = merge_scene_of(project);
        char *run = mem_printf("%s/workflows/" MERGE_RUN, project->folder);
        struct merged merged;

        assert_int_equal(file_remove_tree(run, NULL), 0);
        assert_int_equal(file_make_folders(scene.attempt, NULL), 0);
        for (int i = 0; i < FILES; i++) {
            char *name = mem_printf("d%d/file", i);

            run_project_write(project, name, "1\n2\n3\n4\n5\n");
            free(name);
        }
        merge_scene_begin(&scene);
        write_all(&scene, true);
        write_all(&scene, false);
        merge_scene_end(&scene);
        merge_scene_kill(&scene, 1000000L * n * 10);
        merge_scene_kill(&scene, 1000000L * n * 3);
        assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
        assert_int_equal(merged.files, FILES);
        for (int i = 0; i < FILES; i++) {
            char *name = mem_printf("d%d/file", i);

            merge_scene_assert(project, name, "theirs\n2\n3\n4\nours\n");
            free(name);
        }
        run_project_write(project, "d0/file", "the user's\n");
        assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
        merge_scene_assert(project, "d0/file", "the user's\n");
        free(run);
        merge_scene_release(&scene);
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
        CASE(what_a_note_that_cannot_be_read_would_say_is_not_merged),
        CASE(a_merge_of_nothing_is_no_commit),
        CASE(files_that_a_repository_hides_are_a_conflict_and_no_others),
        CASE(of_many_files_that_are_left_behind_the_first_are_named),
        CASE(while_an_agent_is_at_work_nothing_is_merged),
        CASE(killed_at_any_instant_it_is_made_exactly_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
