/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "results/tree_index.h"
#include "support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FAKE "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1"
#define LATER_NS (INT64_C(1) << 62)

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = path_join(folder, name);
    char *parent = path_folder(path);

    assert_int_equal(file_make_folders(parent, NULL), 0);
    assert_int_equal(file_write(path, text, strlen(text), FILE_NO_SYNC, NULL), 0);
    free(parent);
    free(path);
}

static struct stat look(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    free(path);
    return status;
}

static int set_up(void **state)
{
    char *folder = scratch_new();

    write_text(folder, ".fermata/.keep", "");
    write_text(folder, "a", "one");
    write_text(folder, "b/c", "two");
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

/* As a listing long after the last change would have left it, but with a content that none has. */
static void remember(const char *folder, int64_t now_ns)
{
    static const char *const names[] = {"a", "b/c"};
    struct tree_index *index = tree_index_open(folder, now_ns);

    for (size_t i = 0; i < 2; i++) {
        struct stat status = look(folder, names[i]);

        tree_index_add(index, names[i], &status, FAKE, true);
    }
    tree_index_close(index, true);
}

/* free() it; "": nothing is known of it. */
static char *known(const char *folder, const char *name)
{
    struct tree_index *index = tree_index_open(folder, LATER_NS);
    struct stat status = look(folder, name);
    const char *found = tree_index_find(index, name, &status);
    char *content = mem_strdup(found ? found : "");

    tree_index_close(index, false);
    return content;
}

static void assert_known(const char *folder, const char *name, const char *expected)
{
    char *content = known(folder, name);

    assert_string_equal(content, expected);
    free(content);
}

static char *list(const char *folder)
{
    struct strbuf listing;
    struct error err = ERROR_INIT;
    char *text;

    strbuf_init(&listing, 4096);
    if (tree_list(folder, 100, &listing, &err) < 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < listing.length; i++) {
        listing.data[i] = listing.data[i] ? listing.data[i] : '\n';
    }
    text = strbuf_take(&listing);
    strbuf_release(&listing);
    return text;
}

static void what_looks_as_before_is_not_read(void **state)
{
    char *text;

    remember(*state, LATER_NS);
    assert_known(*state, "a", FAKE);
    text = list(*state);
    assert_string_equal(text, "a\n100644 " FAKE "\nb/c\n100644 " FAKE "\n");
    free(text);
}

static void what_changed_is_read_whatever_its_times_say(void **state)
{
    const char *folder = *state;
    struct stat before = look(folder, "a");
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    char *path = path_join(folder, "a");
    char *text;
    int fd;

    remember(folder, LATER_NS);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    do { /* until the clock of the file system has gone on */
        assert_int_equal(pwrite(fd, "ONE", 3, 0), 3);
        assert_int_equal(futimens(fd, times), 0);
    } while (look(folder, "a").st_ctim.tv_nsec == before.st_ctim.tv_nsec);
    (void)close(fd);
    assert_known(folder, "a", "");
    text = list(folder);
    assert_null(strstr(text, "a\n100644 " FAKE));
    assert_non_null(strstr(text, "b/c\n100644 " FAKE));
    free(text);
    free(path);
}

static void what_changed_just_now_is_read_again(void **state)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    remember(*state, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    assert_known(*state, "a", "");
}

static void a_damaged_index_knows_nothing(void **state)
{
    char *path = path_join(*state, ".fermata/tree.index");
    char *text;
    size_t length;

    remember(*state, LATER_NS);
    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(file_write(path, text, cut, FILE_NO_SYNC, NULL), 0);
        assert_known(*state, "b/c", "");
    }
    for (size_t i = 0; i < length; i++) {
        text[i] ^= 4;
        assert_int_equal(file_write(path, text, length, FILE_NO_SYNC, NULL), 0);
        assert_known(*state, "b/c", "");
        text[i] ^= 4;
    }
    free(text);
    free(path);
}

static void without_our_folder_nothing_is_kept(void **state)
{
    char *folder = path_join(*state, "b");

    free(list(folder));
    assert_false(access(folder, F_OK) != 0);
    free(folder);
    folder = path_join(*state, "b/.fermata");
    assert_true(access(folder, F_OK) != 0);
    free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_looks_as_before_is_not_read),
        TEST(what_changed_is_read_whatever_its_times_say),
        TEST(what_changed_just_now_is_read_again),
        TEST(a_damaged_index_knows_nothing),
        TEST(without_our_folder_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
