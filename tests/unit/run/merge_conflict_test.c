/* SPDX-License-Identifier: MIT */
#include "run/merge_conflict.h"

#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "support/merge_scene.h"
#include "support/repository.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KILLS 20

static void remove_ours(const struct merge_scene *scene, const char *name)
{
    char *path = path_join(scene->project->project, name);

    assert_int_equal(unlink(path), 0);
    free(path);
}

/* A line of one file, and whole files. */
static void make_conflict(struct merge_scene *scene)
{
    run_project_write(scene->project, "file", "1\n2\n3\n");
    run_project_write(scene->project, "gone", "1\n");
    run_project_write(scene->project, "clean", "1\n2\n3\n4\n5\n");
    run_project_write(scene->project, "ours", "1\n");
    merge_scene_begin(scene);
    scratch_write(scene->tree, "file", "theirs\n2\n3\n");
    scratch_write(scene->tree, "clean", "theirs\n2\n3\n4\n5\n");
    scratch_write(scene->tree, "gone", "theirs\n");
    run_project_write(scene->project, "file", "ours\n2\n3\n");
    run_project_write(scene->project, "clean", "1\n2\n3\n4\nours\n");
    run_project_write(scene->project, "ours", "ours\n");
    run_project_write(scene->project, "new", "ours\n");
    remove_ours(scene, "gone");
    merge_scene_end(scene);
    scene->merge.is_settled = true;
}

static void assert_in_clone(const struct merge_scene *scene, const char *name, const char *wanted)
{
    char *path = path_join(scene->tree, name);
    char *text = NULL;

    assert_int_equal(file_read(path, 100000, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
    free(text);
    free(path);
}

/* The agent's second attempt. */
static void settle(struct merge_scene *scene, const char *text)
{
    struct changes_place place;

    free(scene->attempt);
    scene->attempt = mem_printf("%s/workflows/" MERGE_RUN "/attempts/s.2", scene->project->folder);
    scene->merge.attempt = scene->attempt;
    assert_int_equal(file_make_folders(scene->attempt, NULL), 0);
    place = merge_scene_place(scene);
    changes_begin(&place, scene->tree);
    scratch_write(scene->tree, "file", text);
    merge_scene_end(scene);
}

static void assert_laid(const struct merge_scene *scene)
{
    assert_in_clone(scene, "file",
                    "<<<<<<< the project\nours\n||||||| both before\n1\n=======\ntheirs\n"
                    ">>>>>>> the step\n2\n3\n");
    assert_in_clone(scene, "clean", "theirs\n2\n3\n4\nours\n");
    assert_in_clone(scene, "gone", "theirs\n");
    assert_in_clone(scene, "ours", "ours\n");
    assert_in_clone(scene, "new", "ours\n");
}

static void a_conflict_is_laid_into_the_clone_and_merged_when_it_is_settled(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;
    char *prompt;

    make_conflict(&scene);
    for (int n = 0; n < 2; n++) { /* the second time as after a crash */
        assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
        assert_int_equal(json_array_size(merged.conflicts), 2);
        json_decref(merged.conflicts);
        assert_laid(&scene);
    }
    merge_scene_assert(*state, "file", "ours\n2\n3\n");
    merge_scene_assert(*state, "clean", "1\n2\n3\n4\nours\n");
    prompt = conflict_read_prompt(scene.tree);
    assert_non_null(strstr(prompt, "\n## file\n"));
    assert_non_null(strstr(prompt, "In the project:\n\nIt is not there.\n"));
    free(prompt);
    settle(&scene, "both\n2\n3\n");
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
    assert_int_equal(merged.files, 3);
    merge_scene_assert(*state, "file", "both\n2\n3\n");
    merge_scene_assert(*state, "clean", "theirs\n2\n3\n4\nours\n");
    merge_scene_assert(*state, "gone", "theirs\n");
    merge_scene_assert(*state, "new", "ours\n");
    merge_scene_release(&scene);
}

static void marks_that_are_left_are_not_merged(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;
    struct error err = ERROR_INIT;

    make_conflict(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
    json_decref(merged.conflicts);
    settle(&scene, "both\n<<<<<<< the project\n");
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "marks"));
    assert_int_equal(json_array_size(merged.conflicts), 2);
    json_decref(merged.conflicts);
    merge_scene_assert(*state, "file", "ours\n2\n3\n");
    merge_scene_release(&scene);
}

static void killed_at_any_instant_a_conflict_is_laid_once(void **state)
{
    for (int n = 0; n < KILLS; n++) {
        struct merge_scene scene = merge_scene_of(*state);
        struct merged merged;

        make_conflict(&scene);
        merge_scene_kill(&scene, 2000000L * n);
        assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
        assert_int_equal(json_array_size(merged.conflicts), 2);
        json_decref(merged.conflicts);
        assert_laid(&scene);
        settle(&scene, "both\n2\n3\n");
        assert_int_equal(merge_clone(&scene.merge, &merged, NULL), 0);
        merge_scene_assert(*state, "file", "both\n2\n3\n");
        merge_scene_release(&scene);
        run_project_tear_down(state);
        assert_int_equal(run_project_set_up(state), 0);
    }
}

static void write_bytes(const char *folder, const char *name, const char *bytes, size_t length)
{
    char *path = path_join(folder, name);

    assert_int_equal(file_write(path, bytes, length, FILE_NO_SYNC, NULL), 0);
    free(path);
}

static void what_is_no_short_text_is_told_by_its_size_and_lies_beside_the_prompt(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    char *large = mem_alloc(30001);
    char *link = path_join(scene.project->project, "linked");
    struct merged merged;
    char *prompt;

    memset(large, 'x', 30000);
    large[30000] = '\0';
    run_project_write(scene.project, "file", large);
    run_project_write(scene.project, "linked", "1\n");
    merge_scene_begin(&scene);
    write_bytes(scene.tree, "file", "\0step", 5);
    scratch_write(scene.tree, "linked", "theirs\n");
    write_bytes(scene.project->project, "file", "\xff", 1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("elsewhere", link), 0);
    merge_scene_end(&scene);
    scene.merge.is_settled = true;
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
    assert_int_equal(json_array_size(merged.conflicts), 2);
    json_decref(merged.conflicts);
    prompt = conflict_read_prompt(scene.tree);
    assert_non_null(strstr(prompt, "Before, as both began:\n\n30000 bytes, in the file "));
    assert_non_null(strstr(prompt, "In the project:\n\n1 bytes, in the file "));
    assert_non_null(strstr(prompt, "After this step:\n\n5 bytes, in the file "));
    assert_non_null(strstr(prompt, "In the project, a link to:\n\n"));
    assert_non_null(strstr(prompt, "elsewhere"));
    free(prompt);
    free(link);
    free(large);
    merge_scene_release(&scene);
}

/* Such as one that the project has a folder for meanwhile. */
static void what_no_agent_can_settle_is_told_with_both_sides(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    char *path = path_join(scene.project->project, "file");
    struct error err = ERROR_INIT;
    struct merged merged;

    run_project_write(scene.project, "file", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "file", "theirs\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    merge_scene_end(&scene);
    scene.merge.is_settled = true;
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.text, "the one side is in "));
    assert_null(merged.conflicts);
    assert_null(conflict_read_prompt(scene.tree));
    free(path);
    merge_scene_release(&scene);
}

/* What git ignores there is none of it. */
static void of_the_project_what_is_not_ignored_is_laid(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    struct merged merged;

    GIT(scene.project->project, "init", "-q");
    run_project_write(scene.project, ".gitignore", "built-*\n");
    run_project_write(scene.project, "file", "1\n");
    run_project_write(scene.project, "built-old", "1\n");
    merge_scene_begin(&scene);
    scratch_write(scene.tree, "built-old", "of the clone\n");
    scratch_write(scene.tree, "file", "theirs\n");
    run_project_write(scene.project, "file", "ours\n");
    run_project_write(scene.project, "built-old", "2\n");
    run_project_write(scene.project, "built-new", "2\n");
    run_project_write(scene.project, "new", "ours\n");
    merge_scene_end(&scene);
    scene.merge.is_settled = true;
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
    assert_int_equal(json_array_size(merged.conflicts), 1);
    json_decref(merged.conflicts);
    assert_in_clone(&scene, "new", "ours\n");
    assert_in_clone(&scene, "built-old", "of the clone\n");
    merge_scene_release(&scene);
}

/* Its note says what it was cloned from: without it what is laid would be taken for the step's. */
static void into_a_clone_without_a_note_nothing_is_laid(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    char *folder = path_folder(scene.tree);
    char *note = path_join(folder, SNAPSHOT_FILE);
    struct error err = ERROR_INIT;
    struct merged merged;

    make_conflict(&scene);
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
    json_decref(merged.conflicts);
    scratch_write(scene.tree, "ours", "1\n");
    assert_int_equal(unlink(note), 0);
    assert_int_equal(merge_clone(&scene.merge, &merged, &err), ERROR_IO);
    assert_non_null(strstr(err.text, "it is not known what was cloned"));
    assert_in_clone(&scene, "ours", "1\n");
    assert_int_equal(file_make_folders(note, NULL), 0);
    assert_true(merge_clone(&scene.merge, &merged, NULL) < 0);
    assert_in_clone(&scene, "ours", "1\n");
    merge_scene_assert(*state, "file", "ours\n2\n3\n");
    free(note);
    free(folder);
    merge_scene_release(&scene);
}

static void of_many_long_sides_a_prompt_holds_the_first(void **state)
{
    struct merge_scene scene = merge_scene_of(*state);
    char *text = mem_alloc(20001);
    struct merged merged;
    char *prompt;

    for (int side = 0; side < 3; side++) {
        memset(text, 'a' + side, 20000);
        text[20000] = '\0';
        for (int i = 0; i < 3; i++) {
            char name[32];

            (void)snprintf(name, sizeof(name), "file-%d", i);
            scratch_write(side == 1 ? scene.tree : scene.project->project, name, text);
        }
        if (side == 0) {
            merge_scene_begin(&scene);
        }
    }
    merge_scene_end(&scene);
    scene.merge.is_settled = true;
    assert_int_equal(merge_clone(&scene.merge, &merged, NULL), ERROR_CONFLICT);
    json_decref(merged.conflicts);
    prompt = conflict_read_prompt(scene.tree);
    assert_non_null(strstr(prompt, "aaaaaaaa"));
    assert_non_null(strstr(prompt, "20000 bytes, in the file "));
    assert_non_null(strstr(prompt, "\n## file-2\n"));
    assert_true(strlen(prompt) < 200000);
    free(prompt);
    free(text);
    merge_scene_release(&scene);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_conflict_is_laid_into_the_clone_and_merged_when_it_is_settled),
        CASE(what_is_no_short_text_is_told_by_its_size_and_lies_beside_the_prompt),
        CASE(what_no_agent_can_settle_is_told_with_both_sides),
        CASE(of_the_project_what_is_not_ignored_is_laid),
        CASE(into_a_clone_without_a_note_nothing_is_laid),
        CASE(of_many_long_sides_a_prompt_holds_the_first),
        CASE(marks_that_are_left_are_not_merged),
        CASE(killed_at_any_instant_a_conflict_is_laid_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
