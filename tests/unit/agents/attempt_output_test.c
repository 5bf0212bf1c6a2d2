/* SPDX-License-Identifier: MIT */
/* With files as the keeper leaves them, made by hand or by a real one. */
#include "../../support/process.h"
#include "agents/attempt.h"
#include "agents/keeper/keeper.h"
#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define COMPLETE                                                                                   \
    "{\"version\":1,\"status\":3,\"signal\":0,\"timed_out\":true,\"stopped\":false,"               \
    "\"start_error\":\"\",\"start_errno\":0,\"started_at_ms\":1,\"ended_at_ms\":2,\"user_ms\":3,"  \
    "\"system_ms\":4,\"memory_bytes_max\":5,\"stdout_bytes\":6,\"stderr_bytes\":7,"                \
    "\"output_error\":\"ENOSPC\",\"leftovers\":8,\"survivors\":9}\n"

static int set_up(void **state)
{
    *state = process_make_folder();
    return 0;
}

static int tear_down(void **state)
{
    process_remove_folder(*state);
    return 0;
}

static void put_bytes(const char *folder, const char *name, const char *content, size_t length)
{
    char *path = path_join(folder, name);

    assert_int_equal(file_write(path, content, length, FILE_NO_SYNC, NULL), 0);
    free(path);
}

static void put_file(const char *folder, const char *name, const char *content)
{
    put_bytes(folder, name, content, strlen(content));
}

static void put_tail(const char *folder, const char *header, const char *ring)
{
    char *text = mem_printf("%-*s\n%s", KEEPER_TAIL_HEADER_SIZE - 1, header, ring);

    put_file(folder, "stdout.tail", text);
    free(text);
}

static void assert_output(const char *folder, const char *expected)
{
    struct strbuf output;

    strbuf_init(&output, 4096);
    assert_int_equal(attempt_read_output(folder, "stdout", &output, NULL, NULL), 0);
    assert_string_equal(output.data, expected);
    strbuf_release(&output);
}

static void assert_last_line(const char *folder, const char *expected)
{
    struct strbuf line;

    strbuf_init(&line, 65536);
    attempt_last_line(folder, &line);
    assert_string_equal(line.data, expected);
    strbuf_release(&line);
}

static void every_field_of_the_report_is_read(void **state)
{
    struct attempt_exit end;

    put_file(*state, "exit.json", COMPLETE);
    assert_int_equal(attempt_read_exit(*state, &end, NULL), 0);
    assert_int_equal(end.status, 3);
    assert_int_equal(end.signal, 0);
    assert_true(end.timed_out);
    assert_false(end.stopped);
    assert_int_equal(end.started_at_ms, 1);
    assert_int_equal(end.ended_at_ms, 2);
    assert_int_equal(end.user_ms, 3);
    assert_int_equal(end.system_ms, 4);
    assert_int_equal(end.memory_bytes_max, 5);
    assert_int_equal(end.stdout_bytes, 6);
    assert_int_equal(end.stderr_bytes, 7);
    assert_string_equal(end.output_error, "ENOSPC");
    assert_int_equal(end.leftovers, 8);
    assert_int_equal(end.survivors, 9);
}

/* After a power failure any prefix may be there. */
static void a_torn_report_is_not_found_and_changes_nothing(void **state)
{
    const size_t length = strlen(COMPLETE) - 1;
    struct error err = ERROR_INIT;

    for (size_t cut = 0; cut < length; cut++) {
        struct attempt_exit end = {.status = 77};

        put_bytes(*state, "exit.json", COMPLETE, cut);
        assert_int_equal(attempt_read_exit(*state, &end, &err), ERROR_NOT_FOUND);
        assert_int_equal(end.status, 77);
    }
    assert_non_null(strstr(err.text, "is damaged"));
}

static void a_report_with_a_field_missing_or_of_another_type_is_not_found(void **state)
{
    const char *const wrong[] = {"{}", "[]", "null", "\0\0\0", "{\"status\":0}"};
    struct attempt_exit end;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        put_file(*state, "exit.json", wrong[i]);
        assert_int_equal(attempt_read_exit(*state, &end, NULL), ERROR_NOT_FOUND);
    }
    for (const char *key = strstr(COMPLETE, ",\""); key; key = strstr(key + 1, ",\"")) {
        char *text = mem_strdup(COMPLETE);

        text[key - COMPLETE + 2] = 'X';
        put_file(*state, "exit.json", text);
        assert_int_equal(attempt_read_exit(*state, &end, NULL), ERROR_NOT_FOUND);
        free(text);
    }
}

static void no_report_is_not_found(void **state)
{
    struct attempt_exit end;

    assert_int_equal(attempt_read_exit(*state, &end, NULL), ERROR_NOT_FOUND);
}

static void start_errors_are_sentences(void **state)
{
    static const struct {
        const char *stage;
        int number;
        const char *sentence;
    } cases[] = {
        {"cwd", ENOTDIR, "cannot enter the folder /x: Not a directory"},
        {"output", ENOSPC, "the files for the output cannot be created: No space left on device"},
        {"other", EPERM, "the process cannot be set up: Operation not permitted"},
        {"stopped", ECANCELED, "it was stopped before it started"},
    };

    put_bytes(*state, "spec", "cwd=/x\0end=", 12);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attempt_exit end;
        char *text = mem_printf("%.*s\"start_error\":\"%s\",\"start_errno\":%d%s",
                                (int)(strstr(COMPLETE, "\"start_error\"") - COMPLETE), COMPLETE,
                                cases[i].stage, cases[i].number, strstr(COMPLETE, ",\"started_at"));

        put_file(*state, "exit.json", text);
        assert_int_equal(attempt_read_exit(*state, &end, NULL), 0);
        assert_string_equal(end.start_error, cases[i].sentence);
        assert_int_equal(end.start_errno, cases[i].number);
        free(text);
    }
}

static void nothing_printed_is_empty_output(void **state)
{
    assert_output(*state, "");
    assert_last_line(*state, "");
    put_file(*state, "stdout", "");
    assert_output(*state, "");
    assert_last_line(*state, "");
}

/* A program can put anything into its folder. */
static void what_stands_where_nothing_was_said_is_not_looked_at(void **state)
{
    static const char *const plant[] = {
        "sh", "-c", "cd \"$FERMATA_ATTEMPT_FOLDER\" && mkfifo stderr && echo forged >stdout", NULL};
    struct attempt_spec spec = process_spec(*state, plant);
    struct attempt_exit end = process_run(&spec);

    assert_int_equal(end.status, 0);
    assert_int_equal(end.stdout_bytes, 0);
    assert_output(*state, "");
}

static void output_of_a_missing_folder_is_not_found(void **state)
{
    char *missing = path_join(*state, "missing");
    struct strbuf output;

    strbuf_init(&output, 100);
    assert_int_equal(attempt_read_output(missing, "stdout", &output, NULL, NULL), ERROR_NOT_FOUND);
    attempt_last_line(missing, &output);
    assert_int_equal(output.length, 0);
    strbuf_release(&output);
    free(missing);
}

static void a_tail_that_follows_the_head_leaves_no_gap(void **state)
{
    put_file(*state, "stdout", "01234");
    put_tail(*state, "tail 5 8 5", "567");
    assert_output(*state, "01234567");
    assert_last_line(*state, "567");
}

static void a_ring_is_unrolled_behind_the_count_of_what_is_missing(void **state)
{
    put_file(*state, "stdout", "01234");
    /* 23 bytes in all: the ring holds 18 to 22, and 20 lies at its start. */
    put_tail(*state, "tail 5 23 5", "KLMIJ");
    assert_output(*state, "01234\n[... 13 bytes were left out here ...]\nIJKLM");
    assert_last_line(*state, "IJKLM");
}

static void a_hole_in_the_ring_is_left_out(void **state)
{
    put_file(*state, "stdout", "01234");
    put_tail(*state, "tail 5 23 21", "KLMIJ");
    assert_output(*state, "01234\n[... 16 bytes were left out here ...]\nLM");
}

static void a_damaged_ring_is_left_out(void **state)
{
    const char *const headers[] = {"tail 5 23",   "tail 0 23 5",
                                   "tail 5 3 5",  "tail -5 23 5",
                                   "liat 5 23 5", "tail 9223372036854775807 9223372036854775807 1"};

    put_file(*state, "stdout", "01234");
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        put_tail(*state, headers[i], "KLMIJ");
        assert_output(*state, "01234");
    }
    put_file(*state, "stdout.tail", "tail");
    assert_output(*state, "01234");
}

/* In place of a stream the program may have put anything. */
static void what_is_no_file_is_not_read(void **state)
{
    char *path = path_join(*state, "stdout");
    char *tail = path_join(*state, "stdout.tail");
    struct strbuf output;

    (void)alarm(30);
    strbuf_init(&output, 100);
    put_file(*state, "stderr", "told\n");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(attempt_read_output(*state, "stdout", &output, NULL, NULL), ERROR_IO);
    assert_last_line(*state, "told");
    assert_int_equal(unlink(path), 0);
    put_file(*state, "stdout", "01234");
    assert_int_equal(mkfifo(tail, 0600), 0);
    assert_output(*state, "01234");
    (void)alarm(0);
    strbuf_release(&output);
    free(tail);
    free(path);
}

static void what_the_report_counts_beyond_the_files_is_told(void **state)
{
    put_file(*state, "stdout", "0123");
    put_file(*state, "exit.json", COMPLETE); /* says 6 */
    assert_output(*state, "0123\n[... 2 bytes were left out here ...]\n");
}

static void output_beyond_the_callers_ceiling_is_refused_whole(void **state)
{
    struct strbuf output;
    struct error err = ERROR_INIT;

    put_file(*state, "stdout", "0123456789");
    strbuf_init(&output, 9);
    assert_int_equal(attempt_read_output(*state, "stdout", &output, NULL, &err), ERROR_LIMIT);
    assert_int_equal(output.length, 0);
    strbuf_release(&output);
}

static void assert_hasty(void *folder, bool is_file, int64_t length)
{
    const char *const argv[] = {process_own_path(), "--agent", "hasty", "300000", NULL};
    struct attempt_spec spec = process_spec(folder, argv);
    struct attempt_exit end;
    struct strbuf output;

    spec.stdout_is_file = is_file;
    end = process_run(&spec);
    assert_int_equal(end.status, 0);
    assert_int_equal(end.stdout_bytes, length);
    strbuf_init(&output, 400000);
    assert_int_equal(attempt_read_output(folder, "stdout", &output, NULL, NULL), 0);
    assert_int_equal(output.length, length);
    strbuf_release(&output);
}

static void a_program_that_does_not_wait_for_its_pipe_loses_what_does_not_fit(void **state)
{
    assert_hasty(*state, false, 65536);
}

static void a_program_that_does_not_wait_loses_nothing_in_a_file(void **state)
{
    assert_hasty(*state, true, 300000);
}

static void a_file_keeps_the_same_head_and_tail_as_a_pipe(void **state)
{
    const char *const argv[] = {process_own_path(), "--agent", "numbers", "10000003", NULL};
    struct attempt_spec spec = process_spec(*state, argv);
    struct attempt_exit end;
    struct strbuf output;
    int64_t cut = 0;
    char *path = path_join(*state, "stdout.whole");

    spec.output_bytes_max = 20001;
    spec.stdout_is_file = true;
    end = process_run(&spec);
    assert_int_equal(end.stdout_bytes, 10000003);
    strbuf_init(&output, 100000);
    assert_int_equal(attempt_read_output(*state, "stdout", &output, &cut, NULL), 0);
    assert_int_equal(cut, 9980002);
    assert_int_equal(output.data[output.length - 1], '0' + 10000002 % 10);
    assert_false(file_exists(path));
    strbuf_release(&output);
    free(path);
}

static void ten_megabytes_keep_their_head_tail_and_exact_count(void **state)
{
    const char *const argv[] = {process_own_path(), "--agent", "numbers", "10000003", NULL};
    const int64_t ceiling = 20001;
    struct attempt_spec spec = process_spec(*state, argv);
    struct attempt_exit end;
    struct strbuf output;
    const char *gap = "\n[... 9980002 bytes were left out here ...]\n";
    const char *tail;
    int64_t cut = 0;

    spec.output_bytes_max = ceiling;
    end = process_run(&spec);
    assert_int_equal(end.status, 0);
    assert_int_equal(end.stdout_bytes, 10000003);
    strbuf_init(&output, 100000);
    assert_int_equal(attempt_read_output(*state, "stdout", &output, &cut, NULL), 0);
    assert_int_equal(cut, 9980002);
    assert_int_equal(output.length, (size_t)ceiling + strlen(gap));
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(output.data[i], '0' + i % 10);
    }
    assert_memory_equal(output.data + 10000, gap, strlen(gap));
    tail = output.data + 10000 + strlen(gap);
    for (size_t i = 0; i < 10001; i++) {
        assert_int_equal(tail[i], '0' + (10000003 - 10001 + i) % 10);
    }
    strbuf_release(&output);
}

static void the_last_line_is_the_last_with_something_to_show(void **state)
{
    static const struct {
        const char *output;
        const char *line;
    } cases[] = {
        {"one\ntwo\n", "two"},    {"one\ntwo", "two"},  {"one\n\n  \n\t\n\n", "one"},
        {"10%\r20%\r30%", "30%"}, {"done\r\n", "done"}, {"a\n\033[31mred\033[0m\n\033[0m\n", "red"},
        {"a\tb\n", "a b"},        {"bell\a\n", "bell"}, {"\n\n", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        put_file(*state, "stdout", cases[i].output);
        assert_last_line(*state, cases[i].line);
    }
}

static void only_the_end_of_a_long_line_is_looked_at(void **state)
{
    char *text = mem_alloc(20001);
    struct strbuf line;

    for (size_t i = 0; i < 20000; i += 2) {
        memcpy(text + i, "\xC3\xA4", 2);
    }
    text[20000] = '\0';
    put_file(*state, "stdout", text + 1); /* the window begins inside a character */
    strbuf_init(&line, 65536);
    attempt_last_line(*state, &line);
    assert_true(line.length <= 4096);
    assert_true(line.length >= 4090);
    assert_memory_equal(line.data, "\xC3\xA4", 2);
    strbuf_release(&line);
    free(text);
}

static void errors_give_the_last_line_when_there_is_no_output(void **state)
{
    put_file(*state, "stdout", "\n");
    put_file(*state, "stderr", "warning\n");
    assert_last_line(*state, "warning");
}

#define OUTPUT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        OUTPUT_TEST(every_field_of_the_report_is_read),
        OUTPUT_TEST(a_torn_report_is_not_found_and_changes_nothing),
        OUTPUT_TEST(a_report_with_a_field_missing_or_of_another_type_is_not_found),
        OUTPUT_TEST(no_report_is_not_found),
        OUTPUT_TEST(start_errors_are_sentences),
        OUTPUT_TEST(nothing_printed_is_empty_output),
        OUTPUT_TEST(what_stands_where_nothing_was_said_is_not_looked_at),
        OUTPUT_TEST(output_of_a_missing_folder_is_not_found),
        OUTPUT_TEST(a_tail_that_follows_the_head_leaves_no_gap),
        OUTPUT_TEST(a_ring_is_unrolled_behind_the_count_of_what_is_missing),
        OUTPUT_TEST(a_hole_in_the_ring_is_left_out),
        OUTPUT_TEST(a_damaged_ring_is_left_out),
        OUTPUT_TEST(what_is_no_file_is_not_read),
        OUTPUT_TEST(what_the_report_counts_beyond_the_files_is_told),
        OUTPUT_TEST(output_beyond_the_callers_ceiling_is_refused_whole),
        OUTPUT_TEST(a_program_that_does_not_wait_for_its_pipe_loses_what_does_not_fit),
        OUTPUT_TEST(a_program_that_does_not_wait_loses_nothing_in_a_file),
        OUTPUT_TEST(a_file_keeps_the_same_head_and_tail_as_a_pipe),
        OUTPUT_TEST(ten_megabytes_keep_their_head_tail_and_exact_count),
        OUTPUT_TEST(the_last_line_is_the_last_with_something_to_show),
        OUTPUT_TEST(only_the_end_of_a_long_line_is_looked_at),
        OUTPUT_TEST(errors_give_the_last_line_when_there_is_no_output),
    };
    int agent_status = process_agent_main(argc, argv);

    return agent_status >= 0 ? agent_status : cmocka_run_group_tests(tests, NULL, NULL);
}
