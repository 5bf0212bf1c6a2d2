/* SPDX-License-Identifier: MIT */
#include "../../../support/process.h"
#include "agents/keeper/keeper.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

struct fixture {
    char *folder;
    int folder_fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->folder = process_make_folder();
    fixture->folder_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = fixture;
    return fixture->folder_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    (void)close(fixture->folder_fd);
    process_remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

static void only_the_first_claim_succeeds(void **state)
{
    const struct fixture *fixture = *state;

    assert_int_equal(keeper_claim(fixture->folder_fd), 0);
    assert_int_equal(keeper_claim(fixture->folder_fd), -EEXIST);
}

static void a_claim_names_this_process_and_its_start(void **state)
{
    const struct fixture *fixture = *state;
    char *stat = process_read_file("/proc/self", "stat", NULL);
    const char *field = strrchr(stat, ')');
    char *expected;
    char *claim;

    for (int i = 2; i < 22; i++) {
        field = strchr(field + 1, ' ');
    }
    expected = mem_printf("keeper %ld %lld\n", (long)getpid(), strtoll(field, NULL, 10));
    assert_int_equal(keeper_claim(fixture->folder_fd), 0);
    claim = process_read_file(fixture->folder, "claim", NULL);
    assert_string_equal(claim, expected);
    assert_true(strlen(claim) < KEEPER_CLAIM_BYTES_MAX);
    free(claim);
    free(expected);
    free(stat);
}

static json_t *write_and_parse(const struct fixture *fixture, const struct keeper_report *report,
                               bool durable)
{
    size_t length;
    char *text;
    json_t *value = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(keeper_report_write(fixture->folder_fd, report, durable), 0);
    text = process_read_file(fixture->folder, "exit.json", &length);
    if (json_parse_text(text, length, "exit.json", &value, &err) < 0) {
        fail_msg("%s", err.text);
    }
    free(text);
    return value;
}

static void a_report_is_complete_and_exact(void **state)
{
    const struct keeper_report report = {.status = 255,
                                         .timed_out = true,
                                         .start_error = "exec",
                                         .start_errno = ENOENT,
                                         .started_at_ms = 1700000000000,
                                         .ended_at_ms = 1700000000001,
                                         .user_ms = 1,
                                         .system_ms = 2,
                                         .memory_bytes_max = 3,
                                         .stdout_bytes = 4,
                                         .stderr_bytes = 5,
                                         .output_errno = ENOSPC,
                                         .leftovers = 6,
                                         .survivors = 7};
    json_t *value;

    assert_int_equal(keeper_report_reserve(((struct fixture *)*state)->folder_fd), 0);
    value = write_and_parse(*state, &report, false);
    assert_int_equal(json_object_size(value), 17);
    assert_int_equal(json_get_integer(value, "version", -9), 1);
    assert_int_equal(json_get_integer(value, "status", -9), 255);
    assert_int_equal(json_get_integer(value, "signal", -9), 0);
    assert_true(json_get_boolean(value, "timed_out", false));
    assert_false(json_get_boolean(value, "stopped", true));
    assert_string_equal(json_get_text(value, "start_error", ""), "exec");
    assert_int_equal(json_get_integer(value, "start_errno", -9), ENOENT);
    assert_int_equal(json_get_integer(value, "started_at_ms", -9), 1700000000000);
    assert_int_equal(json_get_integer(value, "ended_at_ms", -9), 1700000000001);
    assert_int_equal(json_get_integer(value, "user_ms", -9), 1);
    assert_int_equal(json_get_integer(value, "system_ms", -9), 2);
    assert_int_equal(json_get_integer(value, "memory_bytes_max", -9), 3);
    assert_int_equal(json_get_integer(value, "stdout_bytes", -9), 4);
    assert_int_equal(json_get_integer(value, "stderr_bytes", -9), 5);
    assert_string_equal(json_get_text(value, "output_error", ""), "ENOSPC");
    assert_int_equal(json_get_integer(value, "leftovers", -9), 6);
    assert_int_equal(json_get_integer(value, "survivors", -9), 7);
    json_decref(value);
}

static void the_longest_report_needs_no_more_than_the_reserved_block(void **state)
{
    const struct fixture *fixture = *state;
    const struct keeper_report report = {.status = INT32_MIN,
                                         .signal_number = INT32_MIN,
                                         .start_error = "stopped",
                                         .start_errno = INT32_MIN,
                                         .started_at_ms = INT64_MIN,
                                         .ended_at_ms = INT64_MIN,
                                         .user_ms = INT64_MIN,
                                         .system_ms = INT64_MIN,
                                         .memory_bytes_max = INT64_MIN,
                                         .stdout_bytes = INT64_MIN,
                                         .stderr_bytes = INT64_MIN,
                                         .output_errno = 9999,
                                         .leftovers = INT64_MIN,
                                         .survivors = INT64_MIN};
    struct stat reserved;
    struct stat written;
    json_t *value;

    assert_int_equal(keeper_report_reserve(fixture->folder_fd), 0);
    assert_int_equal(fstatat(fixture->folder_fd, "exit.json.tmp", &reserved, 0), 0);
    value = write_and_parse(fixture, &report, true);
    assert_string_equal(json_get_text(value, "output_error", ""), "other");
    json_decref(value);
    assert_int_equal(fstatat(fixture->folder_fd, "exit.json", &written, 0), 0);
    assert_true(reserved.st_size > 0);
    assert_true(written.st_size <= 1024);
    assert_int_equal(written.st_blocks, reserved.st_blocks);
    assert_int_equal(fstatat(fixture->folder_fd, "exit.json.tmp", &reserved, 0), -1);
}

static void a_report_is_written_without_a_reserve_too(void **state)
{
    const struct keeper_report report = {.start_error = ""};

    json_decref(write_and_parse(*state, &report, false));
}

/* What stands where the report is to be written, put there by the program. */
static void assert_reported_despite(const struct fixture *fixture)
{
    const struct keeper_report report = {.status = 7, .start_error = ""};
    json_t *value = write_and_parse(fixture, &report, false);
    struct stat status;

    assert_int_equal(json_get_integer(value, "status", -9), 7);
    assert_int_equal(fstatat(fixture->folder_fd, "exit.json", &status, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(status.st_mode));
    json_decref(value);
}

static void a_link_in_the_way_is_not_followed(void **state)
{
    const struct fixture *fixture = *state;
    int victim = openat(fixture->folder_fd, "victim", O_RDWR | O_CREAT | O_EXCL, 0600);
    struct stat status;

    assert_int_equal(symlinkat("victim", fixture->folder_fd, "exit.json.tmp"), 0);
    assert_int_equal(symlinkat("victim", fixture->folder_fd, "exit.json"), 0);
    assert_reported_despite(fixture);
    assert_int_equal(linkat(fixture->folder_fd, "victim", fixture->folder_fd, "exit.json.tmp", 0),
                     0);
    assert_reported_despite(fixture);
    assert_int_equal(fstat(victim, &status), 0);
    assert_int_equal(status.st_size, 0);
    (void)close(victim);
}

static void a_pipe_in_the_way_is_not_waited_for(void **state)
{
    const struct fixture *fixture = *state;

    (void)alarm(30);
    assert_int_equal(mkfifoat(fixture->folder_fd, "exit.json.tmp", 0600), 0);
    assert_int_equal(mkfifoat(fixture->folder_fd, "exit.json", 0600), 0);
    assert_reported_despite(fixture);
    (void)alarm(0);
}

static void a_folder_in_the_way_is_moved_aside(void **state)
{
    const struct fixture *fixture = *state;

    assert_int_equal(mkdirat(fixture->folder_fd, "exit.json", 0700), 0);
    assert_int_equal(mkdirat(fixture->folder_fd, "exit.json/inside", 0700), 0);
    assert_reported_despite(fixture);
}

static void a_folder_that_the_program_closed_is_opened_again(void **state)
{
    const struct fixture *fixture = *state;
    struct stat status;

    assert_int_equal(fchmod(fixture->folder_fd, 0), 0);
    assert_reported_despite(fixture);
    assert_int_equal(fstat(fixture->folder_fd, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

#define REPORT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPORT_TEST(only_the_first_claim_succeeds),
        REPORT_TEST(a_claim_names_this_process_and_its_start),
        REPORT_TEST(a_report_is_complete_and_exact),
        REPORT_TEST(the_longest_report_needs_no_more_than_the_reserved_block),
        REPORT_TEST(a_report_is_written_without_a_reserve_too),
        REPORT_TEST(a_link_in_the_way_is_not_followed),
        REPORT_TEST(a_pipe_in_the_way_is_not_waited_for),
        REPORT_TEST(a_folder_in_the_way_is_moved_aside),
        REPORT_TEST(a_folder_that_the_program_closed_is_opened_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
