/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char root[64];
    char path[256]; /* of the last name given to below() */
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    (void)snprintf(fixture->root, sizeof(fixture->root), "/tmp/file_test.XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->root) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    (void)file_remove_tree(fixture->root, NULL);
    free(fixture);
    return 0;
}

static const char *below(struct fixture *fixture, const char *name)
{
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->root, name);
    return fixture->path;
}

static void expect_content(const char *path, const char *wanted)
{
    struct error err = ERROR_INIT;
    char *data = NULL;
    size_t length = 0;

    if (file_read(path, 1000000, &data, &length, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(length, strlen(wanted));
    assert_string_equal(data, wanted);
    free(data);
}

static void what_is_written_is_read(void **state)
{
    const char *path = below(*state, "file");
    struct error err = ERROR_INIT;

    assert_int_equal(file_write(path, "abc", 3, FILE_SYNC, &err), 0);
    expect_content(path, "abc");
    assert_int_equal(file_write(path, "", 0, FILE_NO_SYNC, &err), 0);
    expect_content(path, "");
}

static void only_the_owner_may_read_what_is_written(void **state)
{
    const char *path = below(*state, "file");
    struct stat status;

    assert_int_equal(file_write(path, "abc", 3, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void writing_leaves_no_temporary_file(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(file_make_folders(below(fixture, "folder/target"), &err), 0);
    /* A folder that is not empty cannot be replaced by a file. */
    assert_int_equal(file_make_folders(below(fixture, "folder/target/x"), &err), 0);
    assert_true(file_write(below(fixture, "folder/target"), "x", 1, FILE_NO_SYNC, &err) < 0);
    assert_int_equal(file_remove_tree(below(fixture, "folder/target"), &err), 0);
    assert_int_equal(rmdir(below(fixture, "folder")), 0);
}

/* In a container a process often has the number of the one before it, which may have crashed. */
static void temporary_files_of_a_crashed_process_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    for (unsigned i = 0; i < 100; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "file.%ld.%u.tmp", (long)getpid(), i);
        assert_int_equal(file_append(below(fixture, name), "", 0, &err), 0);
    }
    assert_int_equal(file_write(below(fixture, "file"), "abc", 3, FILE_SYNC, &err), 0);
    expect_content(below(fixture, "file"), "abc");
}

/* A process that is gone has left its name; init and we ourselves are at work. */
static void what_a_killed_write_left_is_swept_and_nothing_else(void **state)
{
    static const char *const kept[] = {"a.json",
                                       "a.json.tmp",
                                       "a.1.tmp",
                                       ".5.6.tmp",
                                       "a.json.1.1.tmp",
                                       "a.json.x.1.tmp",
                                       "a.2147483600.1.tmp.json"};
    struct fixture *fixture = *state;
    char own[2][64];

    (void)snprintf(own[0], sizeof(own[0]), "a.%ld.0.tmp", (long)getpid());
    (void)snprintf(own[1], sizeof(own[1]), "a.%ld.4000000000.tmp", (long)getpid());
    assert_int_equal(file_write(below(fixture, "a.json"), "", 0, FILE_NO_SYNC, NULL), 0);
    for (size_t i = 1; i < ARRAY_LEN(kept); i++) {
        assert_int_equal(file_append(below(fixture, kept[i]), "", 0, NULL), 0);
    }
    assert_int_equal(file_append(below(fixture, own[0]), "", 0, NULL), 0);
    assert_int_equal(file_append(below(fixture, own[1]), "", 0, NULL), 0);
    assert_int_equal(
        file_append(below(fixture, ".agent-request-p-a.json.2147483600.7.tmp"), "", 0, NULL), 0);
    file_sweep(fixture->root);
    assert_false(file_exists(below(fixture, ".agent-request-p-a.json.2147483600.7.tmp")));
    assert_false(file_exists(below(fixture, own[1])));
    assert_true(file_exists(below(fixture, own[0])));
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        assert_true(file_exists(below(fixture, kept[i])));
    }
    file_sweep(below(fixture, "no-such-folder"));
}

static void reading_has_a_ceiling(void **state)
{
    const char *path = below(*state, "file");
    struct error err = ERROR_INIT;
    char *data = NULL;
    size_t length = 7;

    assert_int_equal(file_write(path, "abcd", 4, FILE_NO_SYNC, &err), 0);
    assert_int_equal(file_read(path, 3, &data, &length, &err), ERROR_LIMIT);
    assert_null(data);
    assert_int_equal(length, 7);
    assert_int_equal(file_read(path, 4, &data, NULL, &err), 0);
    assert_string_equal(data, "abcd");
    free(data);
}

static void files_without_a_known_size_are_read_whole(void **state)
{
    struct error err = ERROR_INIT;
    char *data = NULL;
    size_t length = 0;

    (void)state;
    assert_int_equal(file_read("/proc/self/status", 1000000, &data, &length, &err), 0);
    assert_true(length > 100);
    free(data);
    assert_int_equal(file_read("/proc/self/status", 100, &data, &length, &err), ERROR_LIMIT);
}

static void only_regular_files_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *data = NULL;
    size_t length = 0;

    assert_int_equal(file_read(fixture->root, 100, &data, &length, &err), ERROR_INVALID);
    assert_non_null(strstr(err.text, "is a folder"));
    assert_int_equal(file_read("/dev/zero", 100, &data, &length, &err), ERROR_INVALID);
    assert_int_equal(mkfifo(below(fixture, "pipe"), 0600), 0);
    assert_int_equal(file_read(fixture->path, 100, &data, &length, &err), ERROR_INVALID);
    assert_int_equal(file_read(below(fixture, "absent"), 100, &data, &length, &err),
                     ERROR_NOT_FOUND);
    assert_null(data);
}

static void appending_goes_to_the_end(void **state)
{
    const char *path = below(*state, "log");
    struct error err = ERROR_INIT;

    assert_int_equal(file_append(path, "a\n", 2, &err), 0);
    assert_int_equal(file_append(path, "b\n", 2, &err), 0);
    expect_content(path, "a\nb\n");
    assert_true(file_append("/nonexistent/log", "x", 1, &err) < 0);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    struct stat status;

    assert_int_equal(file_make_folders(below(fixture, "a/b/c"), &err), 0);
    assert_true(file_is_folder(fixture->path));
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(file_make_folders(fixture->path, &err), 0);
    assert_int_equal(file_make_folders(below(fixture, "d//e/"), &err), 0);
    assert_true(file_is_folder(below(fixture, "d/e")));
    assert_int_equal(file_make_folders("/", &err), 0);
}

static void a_file_in_the_way_of_a_folder_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(file_make_folders("", &err), ERROR_INVALID);
    assert_int_equal(file_write(below(fixture, "file"), "x", 1, FILE_NO_SYNC, &err), 0);
    assert_true(file_make_folders(below(fixture, "file"), &err) < 0);
    assert_true(file_make_folders(below(fixture, "file/a/b"), &err) < 0);
}

static void existence_is_told_apart_from_being_a_folder(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(symlink("nowhere", below(fixture, "link")), 0);
    assert_true(file_exists(fixture->path));
    assert_false(file_is_folder(fixture->path));
    assert_true(file_is_folder(fixture->root));
    assert_false(file_exists(below(fixture, "absent")));
    assert_false(file_is_folder(below(fixture, "absent")));
}

static void trees_are_removed_without_following_links(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(file_make_folders(below(fixture, "outside"), &err), 0);
    assert_int_equal(file_write(below(fixture, "outside/kept"), "x", 1, FILE_NO_SYNC, &err), 0);
    assert_int_equal(file_make_folders(below(fixture, "tree/a/b"), &err), 0);
    assert_int_equal(file_write(below(fixture, "tree/a/b/f"), "x", 1, FILE_NO_SYNC, &err), 0);
    assert_int_equal(symlink("../outside", below(fixture, "tree/link")), 0);
    assert_int_equal(chmod(below(fixture, "tree/a/b"), 0500), 0);
    assert_int_equal(file_remove_tree(below(fixture, "tree"), &err), 0);
    assert_false(file_exists(fixture->path));
    expect_content(below(fixture, "outside/kept"), "x");
}

static void removing_takes_files_links_and_nothing_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(file_write(below(fixture, "file"), "x", 1, FILE_NO_SYNC, &err), 0);
    assert_int_equal(symlink("file", below(fixture, "link")), 0);
    assert_int_equal(file_remove_tree(fixture->path, &err), 0);
    assert_true(file_exists(below(fixture, "file")));
    assert_int_equal(file_remove_tree(fixture->path, &err), 0);
    assert_false(file_exists(fixture->path));
    assert_int_equal(file_remove_tree(fixture->path, &err), 0);
}

static void folders_are_synced(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;

    assert_int_equal(file_sync_folder(fixture->root, &err), 0);
    assert_int_equal(file_sync_folder(below(fixture, "absent"), &err), ERROR_NOT_FOUND);
}

static void expect_joined(const char *folder, const char *name, const char *wanted)
{
    char *path = path_join(folder, name);

    assert_string_equal(path, wanted);
    free(path);
}

static void paths_are_joined_by_one_slash(void **state)
{
    (void)state;
    expect_joined("a", "b", "a/b");
    expect_joined("a/", "b", "a/b");
    expect_joined("/", "b", "/b");
    expect_joined("", "b", "b");
    expect_joined("a", "/b", "/b");
}

static void unsafe_paths_have_a_reason(void **state)
{
    static const char *const safe[] = {"a", "a/b.c", "..a/b..", "./a", "a b/\xC3\xA9", ".hidden"};
    static const char *const unsafe[] = {"", "/a", "..", "../a", "a/../b", "a/..", "a\nb", "a\x7f"};
    char long_path[4098];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(safe); i++) {
        assert_null(path_unsafe_reason(safe[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++) {
        assert_non_null(path_unsafe_reason(unsafe[i]));
    }
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_string_equal(path_unsafe_reason(long_path), "it is longer than 4096 bytes");
    assert_null(path_unsafe_reason(long_path + 1));
}

static void expect_inside(const char *folder, const char *path, bool expected)
{
    if (path_is_inside(folder, path) != expected) {
        fail_msg("\"%s\" was taken to be %s", path, expected ? "outside" : "inside");
    }
}

static void paths_inside_a_folder_are_those_that_no_link_leads_out_of(void **state)
{
    char *folder = path_join(*state, "inside");
    char *beside = path_join(*state, "inside-out");
    char *within = path_join(folder, "src");
    char *out = path_join(folder, "out");
    char *nowhere = path_join(folder, "nowhere");
    char *own = path_join(folder, "own");

    assert_int_equal(file_make_folders(within, NULL), 0);
    assert_int_equal(file_make_folders(beside, NULL), 0);
    assert_int_equal(symlink("../inside-out", out), 0);
    assert_int_equal(symlink("../not-made-yet", nowhere), 0);
    assert_int_equal(symlink("src", own), 0);
    expect_inside(folder, "src", true);
    expect_inside(folder, ".", true);
    expect_inside(folder, "src/not/made/yet", true);
    expect_inside(folder, "own/x", true);
    expect_inside(folder, within, true);
    expect_inside(folder, "out", false);
    expect_inside(folder, "out/x", false);
    expect_inside(folder, "nowhere", false);
    expect_inside(folder, "src/../src", false);
    expect_inside(folder, "..", false);
    expect_inside(folder, beside, false);
    expect_inside(folder, "/", false);
    expect_inside(nowhere, "x", false);
    free(folder);
    free(beside);
    free(within);
    free(out);
    free(nowhere);
    free(own);
}

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void only_what_was_expected_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    const char *path = below(fixture, "theirs");
    struct file_content old = {"old", 3};
    struct file_content new = {"newer", 5};
    struct error err = ERROR_INIT;
    struct stat status;

    assert_int_equal(file_replace(path, old, new, NULL), ERROR_NOT_FOUND);
    assert_int_equal(file_write(path, "old", 3, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(
        file_write(below(fixture, "theirs.999999999.0.tmp"), "", 0, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(file_write(below(fixture, "other.999999999.0.tmp"), "", 0, FILE_NO_SYNC, NULL),
                     0);
    path = below(fixture, "theirs");
    assert_int_equal(file_replace(path, old, new, NULL), 0);
    expect_content(path, "newer");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(file_replace(path, old, (struct file_content){"x", 1}, &err), ERROR_CONFLICT);
    assert_int_equal(
        file_replace(path, (struct file_content){"newez", 5}, (struct file_content){"x", 1}, NULL),
        ERROR_CONFLICT);
    expect_content(path, "newer");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(below(fixture, "other.999999999.0.tmp")), 0);
    assert_int_equal(rmdir(fixture->root), 0); /* nothing else is left */
}

static void the_end_of_a_file_is_read_alone(void **state)
{
    char *path = path_join(*state, "long");
    char data[4];

    assert_int_equal(file_read_end(path, data, sizeof(data)), 0);
    assert_int_equal(file_write(path, "abcdefg", 7, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(file_read_end(path, data, sizeof(data)), 4);
    assert_memory_equal(data, "defg", 4);
    assert_int_equal(file_write(path, "ab", 2, FILE_NO_SYNC, NULL), 0);
    assert_int_equal(file_read_end(path, data, sizeof(data)), 2);
    assert_int_equal(file_read_end(*state, data, sizeof(data)), 0);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(what_is_written_is_read),
        FIXTURE_TEST(only_the_owner_may_read_what_is_written),
        FIXTURE_TEST(writing_leaves_no_temporary_file),
        FIXTURE_TEST(temporary_files_of_a_crashed_process_are_passed_over),
        FIXTURE_TEST(what_a_killed_write_left_is_swept_and_nothing_else),
        FIXTURE_TEST(reading_has_a_ceiling),
        cmocka_unit_test(files_without_a_known_size_are_read_whole),
        FIXTURE_TEST(only_regular_files_are_read),
        FIXTURE_TEST(appending_goes_to_the_end),
        FIXTURE_TEST(folders_are_made_with_their_parents),
        FIXTURE_TEST(a_file_in_the_way_of_a_folder_is_an_error),
        FIXTURE_TEST(existence_is_told_apart_from_being_a_folder),
        FIXTURE_TEST(trees_are_removed_without_following_links),
        FIXTURE_TEST(removing_takes_files_links_and_nothing_as_well),
        FIXTURE_TEST(folders_are_synced),
        cmocka_unit_test(paths_are_joined_by_one_slash),
        cmocka_unit_test(unsafe_paths_have_a_reason),
        FIXTURE_TEST(paths_inside_a_folder_are_those_that_no_link_leads_out_of),
        FIXTURE_TEST(the_end_of_a_file_is_read_alone),
        FIXTURE_TEST(only_what_was_expected_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
