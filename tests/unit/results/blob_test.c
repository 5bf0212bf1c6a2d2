/* SPDX-License-Identifier: MIT */
#include "results/results.h"

#include "base/alloc.h"
#include "base/file.h"

#include "../../support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char abc_digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct fixture {
    char *scratch;
    char *root;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->scratch = scratch_new();
    fixture->root = scratch_path(fixture->scratch, "blobs");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->root);
    scratch_remove(fixture->scratch);
    free(fixture);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_age(const struct fixture *fixture, const char *digest, int64_t age_ms)
{
    char *path = blob_path(fixture->root, digest);
    int64_t at_ms = now_ms() - age_ms;
    struct timespec times[2] = {{.tv_sec = at_ms / 1000}, {.tv_sec = at_ms / 1000}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

static bool is_there(const struct fixture *fixture, const char *digest)
{
    char *path = blob_path(fixture->root, digest);
    bool found = file_exists(path);

    free(path);
    return found;
}

static mode_t mode_of(const struct fixture *fixture, const char *digest)
{
    char *path = blob_path(fixture->root, digest);
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    free(path);
    return status.st_mode & 0777;
}

static void put_content_lies_under_its_digest(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    char *data = NULL;
    size_t length = 0;
    char *path = mem_printf("%s/ba/%s", fixture->root, abc_digest + 2);

    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    assert_string_equal(digest, abc_digest);
    assert_true(file_exists(path));
    assert_true(is_there(fixture, digest));
    assert_int_equal(mode_of(fixture, digest), 0400);
    assert_int_equal(blob_get(fixture->root, digest, 3, &data, &length, NULL), 0);
    assert_int_equal(length, 3);
    assert_string_equal(data, "abc");
    free(data);
    free(path);
}

static void empty_content_is_content(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    char *data = NULL;
    size_t length = 1;

    assert_int_equal(blob_put(fixture->root, "", 0, digest, NULL), 0);
    assert_int_equal(blob_get(fixture->root, digest, 0, &data, &length, NULL), 0);
    assert_int_equal(length, 0);
    free(data);
}

static void the_same_content_is_kept_once_and_made_young_again(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    char *path;
    struct stat before, after;

    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    set_age(fixture, digest, 1000000);
    path = blob_path(fixture->root, digest);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_true(after.st_mtim.tv_sec > before.st_mtim.tv_sec + 500);
    free(path);
}

static void content_whose_writer_was_killed_is_made_durable(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    char *path;

    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    path = blob_path(fixture->root, digest);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    assert_int_equal(mode_of(fixture, digest), 0400);
    free(path);
}

static void changed_content_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *name = mem_printf("blobs/ba/%s", abc_digest + 2);
    char *data = NULL;

    scratch_write(fixture->scratch, name, "abd");
    assert_int_equal(blob_get(fixture->root, abc_digest, 100, &data, NULL, &err), ERROR_IO);
    assert_null(data);
    assert_non_null(strstr(err.text, "was changed"));
    free(name);
}

static void missing_content_and_wrong_names_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct error err = ERROR_INIT;
    char *data = NULL;

    assert_int_equal(blob_get(fixture->root, abc_digest, 100, &data, NULL, &err), ERROR_NOT_FOUND);
    assert_int_equal(blob_get(fixture->root, "../../etc/passwd", 100, &data, NULL, &err),
                     ERROR_INVALID);
    assert_int_equal(blob_get(fixture->root, "", 100, &data, NULL, &err), ERROR_INVALID);
    assert_false(blob_keep(fixture->root, "../../etc/passwd"));
    assert_false(blob_keep(fixture->root, abc_digest));
}

static void content_beyond_the_ceiling_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    char digest[DIGEST_HEX_SIZE];
    char *data = NULL;

    assert_int_equal(blob_put(fixture->root, "abc", 3, digest, NULL), 0);
    assert_int_equal(blob_get(fixture->root, digest, 2, &data, NULL, NULL), ERROR_LIMIT);
}

static void a_file_is_streamed_in(void **state)
{
    enum { SIZE = 300000 };
    struct fixture *fixture = *state;
    char *bytes = mem_zero(1, SIZE);
    char *path = scratch_path(fixture->scratch, "large");
    char wanted[DIGEST_HEX_SIZE];
    char digest[DIGEST_HEX_SIZE];
    int64_t size = 0;

    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = (char)(i * 7 + i / 256);
    }
    scratch_write_bytes(fixture->scratch, "large", bytes, SIZE);
    digest_bytes(bytes, SIZE, wanted);
    assert_int_equal(blob_put_file(fixture->root, path, SIZE, digest, &size, NULL), 0);
    assert_string_equal(digest, wanted);
    assert_int_equal(size, SIZE);
    assert_int_equal(blob_put_file(fixture->root, path, SIZE, digest, NULL, NULL), 0);
    assert_int_equal(blob_put_file(fixture->root, path, SIZE - 1, digest, NULL, NULL), ERROR_LIMIT);
    free(path);
    free(bytes);
}

static void links_folders_and_missing_files_are_not_put(void **state)
{
    struct fixture *fixture = *state;
    char *link = scratch_path(fixture->scratch, "link");
    char digest[DIGEST_HEX_SIZE] = "untouched";

    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(blob_put_file(fixture->root, link, 100000, digest, NULL, NULL), ERROR_INVALID);
    assert_int_equal(blob_put_file(fixture->root, fixture->scratch, 100000, digest, NULL, NULL),
                     ERROR_INVALID);
    assert_int_equal(blob_put_file(fixture->root, "/nonexistent", 100000, digest, NULL, NULL),
                     ERROR_NOT_FOUND);
    assert_string_equal(digest, "untouched");
    free(link);
}

static void no_temporary_file_stays(void **state)
{
    struct fixture *fixture = *state;
    char *path = scratch_path(fixture->scratch, "file");
    char digest[DIGEST_HEX_SIZE];

    scratch_write(fixture->scratch, "file", "abc");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(blob_put_file(fixture->root, path, 100, digest, NULL, NULL), 0);
        assert_int_equal(blob_put_file(fixture->root, path, 1, digest, NULL, NULL), ERROR_LIMIT);
    }
    assert_int_equal(unlink(path), 0);
    free(path);
    path = blob_path(fixture->root, abc_digest);
    assert_int_equal(unlink(path), 0);
    free(path);
    path = scratch_path(fixture->root, "ba");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(fixture->root), 0);
    free(path);
}

static bool is_abc(const char *digest, void *context)
{
    (*(int *)context)++;
    return strcmp(digest, abc_digest) == 0;
}

static void collecting_removes_only_what_is_old_and_unused(void **state)
{
    struct fixture *fixture = *state;
    char used[DIGEST_HEX_SIZE], old[DIGEST_HEX_SIZE], young[DIGEST_HEX_SIZE];
    int64_t removed = -1;
    int64_t bytes = -1;
    int asked = 0;

    assert_int_equal(blob_put(fixture->root, "abc", 3, used, NULL), 0);
    assert_int_equal(blob_put(fixture->root, "old one", 7, old, NULL), 0);
    assert_int_equal(blob_put(fixture->root, "young", 5, young, NULL), 0);
    set_age(fixture, used, 100000);
    set_age(fixture, old, 100000);
    assert_int_equal(
        blob_collect(fixture->root, is_abc, &asked, now_ms(), 50000, true, &removed, &bytes, NULL),
        0);
    assert_int_equal(removed, 1);
    assert_int_equal(bytes, 7);
    assert_int_equal(asked, 3);
    assert_true(is_there(fixture, old));
    assert_int_equal(
        blob_collect(fixture->root, is_abc, &asked, now_ms(), 50000, false, &removed, &bytes, NULL),
        0);
    assert_int_equal(removed, 1);
    assert_false(is_there(fixture, old));
    assert_true(is_there(fixture, used));
    assert_true(is_there(fixture, young));
}

static void what_is_kept_in_time_is_not_collected(void **state)
{
    struct fixture *fixture = *state;
    char old[DIGEST_HEX_SIZE];
    int64_t removed = -1;
    int64_t bytes = -1;
    int asked = 0;

    assert_int_equal(blob_put(fixture->root, "old one", 7, old, NULL), 0);
    set_age(fixture, old, 100000);
    assert_true(blob_keep(fixture->root, old));
    assert_int_equal(
        blob_collect(fixture->root, is_abc, &asked, now_ms(), 50000, false, &removed, &bytes, NULL),
        0);
    assert_int_equal(removed, 0);
    set_age(fixture, old, 100000);
    assert_int_equal(
        blob_collect(fixture->root, is_abc, &asked, now_ms(), 50000, false, &removed, &bytes, NULL),
        0);
    assert_int_equal(removed, 1);
    assert_false(blob_keep(fixture->root, old));
}

static void collecting_removes_what_killed_writers_left_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    int64_t removed = -1;
    int64_t bytes = -1;
    int asked = 0;
    char *notes;

    scratch_write(fixture->scratch, "blobs/tmp-1-1", "half");
    scratch_write(fixture->scratch, "blobs/notes.txt", "mine");
    scratch_write(fixture->scratch, "blobs/ab/notes.txt", "mine too");
    assert_int_equal(blob_collect(fixture->root, is_abc, &asked, now_ms() + 100000, 50000, false,
                                  &removed, &bytes, NULL),
                     0);
    assert_int_equal(removed, 1);
    assert_int_equal(bytes, 4);
    assert_int_equal(asked, 0);
    notes = scratch_path(fixture->root, "ab/notes.txt");
    assert_true(file_exists(notes));
    free(notes);
}

static void collecting_a_missing_folder_finds_nothing(void **state)
{
    struct fixture *fixture = *state;
    int64_t removed = -1;
    int64_t bytes = -1;
    int asked = 0;

    assert_int_equal(
        blob_collect(fixture->root, is_abc, &asked, now_ms(), 0, false, &removed, &bytes, NULL), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_content_lies_under_its_digest),
        TEST(empty_content_is_content),
        TEST(the_same_content_is_kept_once_and_made_young_again),
        TEST(content_whose_writer_was_killed_is_made_durable),
        TEST(changed_content_is_refused),
        TEST(missing_content_and_wrong_names_are_told_apart),
        TEST(content_beyond_the_ceiling_is_not_read),
        TEST(a_file_is_streamed_in),
        TEST(links_folders_and_missing_files_are_not_put),
        TEST(no_temporary_file_stays),
        TEST(collecting_removes_only_what_is_old_and_unused),
        TEST(what_is_kept_in_time_is_not_collected),
        TEST(collecting_removes_what_killed_writers_left_and_nothing_else),
        TEST(collecting_a_missing_folder_finds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
