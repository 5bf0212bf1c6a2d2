/* SPDX-License-Identifier: MIT */
#include "base/digest.h"

#include "base/file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void known_digests_come_out(void **state)
{
    char hex[DIGEST_HEX_SIZE];

    (void)state;
    digest_bytes("", 0, hex);
    assert_string_equal(hex, EMPTY);
    digest_bytes("abc", 3, hex);
    assert_string_equal(hex, ABC);
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
    struct digest *digest = digest_new();
    char hex[DIGEST_HEX_SIZE];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        digest_add(digest, "aaaaaaaaaa", 10);
    }
    digest_finish(digest, hex);
    assert_string_equal(hex, MILLION);
}

static void two_fields(const char *first, const char *second, char ret_hex[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();

    digest_add_field(digest, first);
    digest_add_field(digest, second);
    digest_finish(digest, ret_hex);
}

static void fields_cannot_run_into_each_other(void **state)
{
    char left[DIGEST_HEX_SIZE];
    char right[DIGEST_HEX_SIZE];

    (void)state;
    two_fields("ab", "c", left);
    two_fields("a", "bc", right);
    assert_string_not_equal(left, right);
    two_fields("", "a", left);
    two_fields(NULL, "a", right);
    assert_string_not_equal(left, right);
    two_fields("ab", "c", left);
    two_fields("ab", "c", right);
    assert_string_equal(left, right);
}

static void a_short_digest_is_the_beginning_of_the_whole_one(void **state)
{
    struct digest *digest = digest_new();
    char hex[DIGEST_HEX_SIZE];
    char beginning[17];

    (void)state;
    digest_bytes("abc", 3, hex);
    digest_add(digest, "abc", 3);
    (void)snprintf(beginning, sizeof(beginning), "%016llx",
                   (unsigned long long)digest_finish_short(digest));
    assert_memory_equal(hex, beginning, 16);
}

static void files_are_digested_whole(void **state)
{
    char folder[] = "/tmp/digest_test.XXXXXX";
    char path[64];
    char hex[DIGEST_HEX_SIZE] = "untouched";
    char *million = malloc(1000000);
    struct error err = ERROR_INIT;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    memset(million, 'a', 1000000);
    assert_int_equal(file_write(path, million, 1000000, FILE_NO_SYNC, &err), 0);
    assert_int_equal(digest_file(path, hex, &err), 0);
    assert_string_equal(hex, MILLION);
    free(million);
    assert_int_equal(file_remove_tree(folder, &err), 0);
}

static void only_regular_files_are_digested(void **state)
{
    char folder[] = "/tmp/digest_test.XXXXXX";
    char path[64];
    char hex[DIGEST_HEX_SIZE] = "untouched";
    struct error err = ERROR_INIT;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(digest_file(folder, hex, &err), ERROR_INVALID);
    (void)snprintf(path, sizeof(path), "%s/link", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_true(digest_file(path, hex, &err) < 0);
    (void)snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(digest_file(path, hex, &err), ERROR_INVALID);
    (void)snprintf(path, sizeof(path), "%s/absent", folder);
    assert_int_equal(digest_file(path, hex, &err), ERROR_NOT_FOUND);
    assert_string_equal(hex, "untouched");
    assert_int_equal(file_remove_tree(folder, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests_come_out),
        cmocka_unit_test(pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(fields_cannot_run_into_each_other),
        cmocka_unit_test(a_short_digest_is_the_beginning_of_the_whole_one),
        cmocka_unit_test(files_are_digested_whole),
        cmocka_unit_test(only_regular_files_are_digested),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
