/* SPDX-License-Identifier: MIT */
#include "../../../support/process.h"
#include "agents/attempt.h"
#include "agents/keeper/keeper.h"
#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

struct fixture {
    char *folder;
    int folder_fd;
    struct keeper_output output;
    int writer; /* of output.source */
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    int ends[2];

    fixture->folder = process_make_folder();
    fixture->folder_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fixture->folder_fd < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -1;
    }
    fixture->output = (struct keeper_output){.folder = fixture->folder_fd,
                                             .name = "stdout",
                                             .tail_name = "stdout.tail",
                                             .source = ends[0]};
    fixture->writer = ends[1];
    *state = fixture;
    return 0;
}

static void close_files(struct fixture *fixture)
{
    int *const fds[] = {&fixture->output.head, &fixture->output.tail, &fixture->output.source};

    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (*fds[i] > 0) {
            (void)close(*fds[i]);
        }
        *fds[i] = -1;
    }
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    close_files(fixture);
    (void)close(fixture->writer);
    (void)close(fixture->folder_fd);
    process_remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static void assert_kept(const struct fixture *fixture, const char *expected)
{
    struct strbuf kept;

    strbuf_init(&kept, 1 << 20);
    assert_int_equal(attempt_read_output(fixture->folder, "stdout", &kept, NULL, NULL), 0);
    assert_string_equal(kept.data, expected);
    strbuf_release(&kept);
}

static void add(struct fixture *fixture, const char *text)
{
    keeper_output_add(&fixture->output, text, strlen(text));
}

static void numbers_are_written_in_decimal(void **state)
{
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {10, "10"},
                 {-1, "-1"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char digits[KEEPER_NUMBER_SIZE];
        size_t length = keeper_number_format(cases[i].number, digits);

        assert_int_equal(length, strlen(cases[i].text));
        assert_memory_equal(digits, cases[i].text, length);
    }
}

static void output_below_half_the_ceiling_is_one_file(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 20);
    add(fixture, "01234");
    add(fixture, "56789");
    assert_kept(fixture, "0123456789");
    assert_int_equal(fixture->output.total, 10);
    assert_int_equal(fixture->output.tail, -1);
    assert_int_equal(fixture->output.error, 0);
}

static void output_up_to_the_ceiling_is_kept_whole(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 10);
    add(fixture, "0123456789");
    assert_kept(fixture, "0123456789");
}

static void beyond_the_ceiling_the_newest_bytes_stay(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 10);
    add(fixture, "0123456789abcdefghijk");
    assert_kept(fixture, "01234\n[... 11 bytes were left out here ...]\nghijk");
    add(fixture, "l");
    assert_kept(fixture, "01234\n[... 12 bytes were left out here ...]\nhijkl");
    assert_int_equal(fixture->output.total, 22);
}

static void the_least_ceiling_keeps_the_last_byte(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 1);
    add(fixture, "abc");
    assert_kept(fixture, "\n[... 2 bytes were left out here ...]\nc");
}

/* Against a model: the whole stream, and what must be left of it. */
static void any_split_into_writes_keeps_the_same(void **state)
{
    struct fixture *fixture = *state;
    uint64_t random = 12345;

    for (int round = 0; round < 200; round++) {
        char stream[400];
        int64_t ceiling = 2 + (int64_t)(random >> 40) % 60;
        size_t head = (size_t)ceiling / 2;
        size_t tail = (size_t)ceiling - head;
        size_t length = 0;
        char *expected;

        fixture->output.total = 0;
        fixture->output.tail_from = 0;
        assert_int_equal(unlinkat(fixture->folder_fd, "stdout.tail", 0) < 0 && errno != ENOENT, 0);
        keeper_output_init(&fixture->output, ceiling);
        while (length < 200) {
            size_t part;

            random = random * 6364136223846793005U + 1442695040888963407U;
            part = (size_t)(random >> 33) % 90;
            for (size_t i = length; i < length + part; i++) {
                stream[i] = (char)('!' + i % 90);
            }
            keeper_output_add(&fixture->output, stream + length, part);
            length += part;
        }
        expected = length > (size_t)ceiling
                       ? mem_printf("%.*s\n[... %zu bytes were left out here ...]\n%.*s", (int)head,
                                    stream, length - (size_t)ceiling, (int)tail,
                                    stream + length - tail)
                       : mem_strndup(stream, length);
        assert_kept(fixture, expected);
        free(expected);
        (void)close(fixture->output.head);
        (void)close(fixture->output.tail);
        fixture->output.head = fixture->output.tail = -1;
    }
}

static void a_head_that_cannot_be_written_ends_and_the_tail_goes_on(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 20);
    add(fixture, "0123");
    (void)close(fixture->output.head);
    fixture->output.head = open("/dev/full", O_WRONLY | O_CLOEXEC);
    add(fixture, "4567");
    assert_int_equal(fixture->output.error, ENOSPC);
    assert_int_equal(fixture->output.total, 8);
    add(fixture, "89");
    assert_kept(fixture, "0123456789");
}

static void a_tail_with_a_hole_shows_what_follows_it(void **state)
{
    struct fixture *fixture = *state;
    int tail;

    keeper_output_init(&fixture->output, 20);
    add(fixture, "0123456789");
    add(fixture, "abc");
    tail = fixture->output.tail;
    fixture->output.tail = open("/dev/full", O_WRONLY | O_CLOEXEC);
    add(fixture, "def");
    assert_int_equal(fixture->output.error, ENOSPC);
    (void)close(fixture->output.tail);
    fixture->output.tail = tail;
    add(fixture, "ghi");
    assert_int_equal(fixture->output.total, 19);
    assert_kept(fixture, "0123456789\n[... 6 bytes were left out here ...]\nghi");
}

static void a_pump_reads_what_is_there_and_notices_the_end(void **state)
{
    struct fixture *fixture = *state;

    keeper_output_init(&fixture->output, 100);
    keeper_output_pump(&fixture->output); /* empty: returns */
    assert_true(fixture->output.source >= 0);
    assert_int_equal(write(fixture->writer, "abc", 3), 3);
    keeper_output_pump(&fixture->output);
    assert_kept(fixture, "abc");
    (void)close(fixture->writer);
    fixture->writer = -1;
    keeper_output_pump(&fixture->output);
    assert_int_equal(fixture->output.source, -1);
    keeper_output_pump(&fixture->output);
}

static void a_drain_takes_all_and_waits_for_nobody(void **state)
{
    struct fixture *fixture = *state;
    char *block = mem_zero(1, 60001);

    memset(block, 'x', 60000);
    keeper_output_init(&fixture->output, 200000);
    assert_int_equal(write(fixture->writer, block, 60000), 60000);
    keeper_output_drain(&fixture->output); /* the other end stays open */
    assert_int_equal(fixture->output.total, 60000);
    assert_int_equal(fixture->output.source, -1);
    assert_kept(fixture, block);
    keeper_output_drain(&fixture->output);
    keeper_output_sync(&fixture->output);
    free(block);
}

/* What a key becomes may be longer than the key: then more is kept than was read so far, and what
 * was not read yet must not be given back to the disk. */
static void a_file_of_keys_is_read_whole(void **state)
{
    enum { COUNT = 300000 };
    static const char *const environment[] = {"KEY_OF_SOMEBODY_WITH_A_LONG_NAME=01234567",
                                              "FERMATA_KEYS=KEY_OF_SOMEBODY_WITH_A_LONG_NAME",
                                              NULL};
    static const char said[] = "[key KEY_OF_SOMEBODY_WITH_A_LONG_NAME]";
    struct fixture *fixture = *state;
    struct keeper_keys keys;
    struct strbuf kept;
    struct stat status;
    int writer;

    (void)close(fixture->output.source);
    keeper_output_init(&fixture->output, INT64_C(64) << 20);
    assert_int_equal(keeper_keys_read((char *const *)(uintptr_t)environment, &keys), 0);
    fixture->output.keys = keeper_keys_stream(&keys);
    assert_int_equal(keeper_output_source(&fixture->output, true, &writer), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(write(writer, "01234567", 8), 8);
    }
    keeper_output_drain(&fixture->output);
    assert_int_equal(fstat(writer, &status), 0);
    (void)close(writer);
    assert_true(status.st_blocks * 512 < COUNT * 8 / 2); /* what was read is given back */
    strbuf_init(&kept, 64U << 20);
    assert_int_equal(attempt_read_output(fixture->folder, "stdout", &kept, NULL, NULL), 0);
    assert_int_equal(kept.length, COUNT * (sizeof(said) - 1));
    for (size_t i = 0; i < COUNT; i++) {
        assert_memory_equal(kept.data + i * (sizeof(said) - 1), said, sizeof(said) - 1);
    }
    strbuf_release(&kept);
}

static void a_link_in_the_way_is_not_followed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(symlinkat("/dev/null", fixture->folder_fd, "stdout"), 0);
    keeper_output_init(&fixture->output, 10);
    add(fixture, "0123");
    assert_int_equal(fixture->output.error, ELOOP);
    assert_int_equal(fixture->output.total, 4);
}

static void a_pipe_in_the_way_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;

    (void)alarm(30);
    keeper_output_init(&fixture->output, 20);
    assert_int_equal(mkfifoat(fixture->folder_fd, "stdout.tail", 0600), 0);
    add(fixture, "0123456789abcdef");
    assert_int_equal(fixture->output.total, 16);
    assert_int_equal(fixture->output.error, ENXIO);
    (void)alarm(0);
}

#define OUTPUT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTPUT_TEST(numbers_are_written_in_decimal),
        OUTPUT_TEST(output_below_half_the_ceiling_is_one_file),
        OUTPUT_TEST(output_up_to_the_ceiling_is_kept_whole),
        OUTPUT_TEST(beyond_the_ceiling_the_newest_bytes_stay),
        OUTPUT_TEST(the_least_ceiling_keeps_the_last_byte),
        OUTPUT_TEST(any_split_into_writes_keeps_the_same),
        OUTPUT_TEST(a_head_that_cannot_be_written_ends_and_the_tail_goes_on),
        OUTPUT_TEST(a_tail_with_a_hole_shows_what_follows_it),
        OUTPUT_TEST(a_pump_reads_what_is_there_and_notices_the_end),
        OUTPUT_TEST(a_drain_takes_all_and_waits_for_nobody),
        OUTPUT_TEST(a_file_of_keys_is_read_whole),
        OUTPUT_TEST(a_link_in_the_way_is_not_followed),
        OUTPUT_TEST(a_pipe_in_the_way_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
