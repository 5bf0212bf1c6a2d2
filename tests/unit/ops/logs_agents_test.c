/* SPDX-License-Identifier: MIT */
#include "ops/logs_agents.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    char *folder;
    struct loop *loop;
    struct agents_log *log;
    struct strbuf text;
};

static void on_change(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    fixture->folder = scratch_new();
    assert_int_equal(loop_new(&fixture->loop, NULL), 0);
    fixture->log = agents_log_new(fixture->loop, false, on_change, fixture);
    strbuf_init(&fixture->text, 65536);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    agents_log_free(fixture->log);
    loop_free(fixture->loop);
    strbuf_release(&fixture->text);
    scratch_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void print(struct fixture *fixture, const char *name, const char *text)
{
    char *path = path_join(fixture->folder, name);

    assert_int_equal(file_append(path, text, strlen(text), NULL), 0);
    free(path);
}

static void begin(struct fixture *fixture, const char *step, const char *name)
{
    char *folder = path_join(fixture->folder, name);
    char *file = mem_printf("%s/agent.json", name);

    assert_int_equal(file_make_folders(folder, NULL), 0);
    scratch_write(fixture->folder, file,
                  "{\"agent\": \"a\", \"type\": \"command\", \"format\": \"jsonl\"}");
    agents_log_add(fixture->log, step, 2, folder);
    free(file);
    free(folder);
}

#define TEXT(text) "{\"event\":\"text\",\"partial\":true,\"text\":\"" text "\"}\n"

static void read_all(struct fixture *fixture, const char *expected)
{
    strbuf_reset(&fixture->text);
    agents_log_read(fixture->log, &fixture->text);
    assert_string_equal(fixture->text.data, expected);
}

static void several_at_once_are_told_apart_line_by_line(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, "one", "1");
    begin(fixture, "two[0]", "2");
    print(fixture, "1/stdout", TEXT("I beg"));
    read_all(fixture, "");
    print(fixture, "2/stdout", "{\"event\":\"tool_call\",\"name\":\"write\",\"text\":\"a.txt\"}\n");
    read_all(fixture, "two[0] | > write a.txt\n");
    print(fixture, "1/stdout", TEXT("in.\\n\\nThen"));
    read_all(fixture, "one | I begin.\n");
    print(fixture, "1/stdout", "{\"event\":\"error\",\"text\":\"slow\"}\n");
    read_all(fixture, "one | Then\none | ! slow\n");
}

static void what_was_said_last_comes_with_the_end(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, "one", "1");
    print(fixture, "1/stdout", TEXT("No end"));
    read_all(fixture, "");
    agents_log_remove(fixture->log, "one", &fixture->text);
    assert_string_equal(fixture->text.data, "one | No end\n");
    print(fixture, "1/stdout", TEXT("\\nmore\\n"));
    read_all(fixture, "");
    agents_log_remove(fixture->log, "one", &fixture->text);
    assert_string_equal(fixture->text.data, "");
}

static void what_a_terminal_would_obey_is_left_out(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, "one", "1");
    print(fixture, "1/stdout", TEXT("\\u001b[31mred\\u001b]0;title\\u0007\\rover\\n"));
    read_all(fixture, "one | redover\n");
}

static void a_line_without_end_is_shown_in_pieces(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text;

    strbuf_init(&text, 65536);
    begin(fixture, "one", "1");
    while (text.length < 4096) {
        strbuf_add(&text, TEXT("0123456789abcdef"));
    }
    while (!strchr(fixture->text.data, '\n')) {
        strbuf_reset(&fixture->text);
        print(fixture, "1/stdout", text.data);
        agents_log_read(fixture->log, &fixture->text);
    }
    assert_int_equal(fixture->text.length, strlen("one | \n") + 4096);
    strbuf_release(&text);
}

static void an_attempt_that_is_no_agents_says_nothing(void **state)
{
    struct fixture *fixture = *state;

    agents_log_add(fixture->log, "one", 1, fixture->folder);
    print(fixture, "stdout", TEXT("hello\\n"));
    read_all(fixture, "");
    scratch_write(fixture->folder, "agent.json", "{\"type\": \"command\", \"format\": \"jsonl\"}");
    read_all(fixture, "one | hello\n");
}

static void as_json_every_event_is_a_line(void **state)
{
    struct fixture *fixture = *state;

    agents_log_free(fixture->log);
    fixture->log = agents_log_new(fixture->loop, true, on_change, fixture);
    begin(fixture, "one", "1");
    print(fixture, "1/stdout", TEXT("a\\u001b"));
    read_all(fixture, "{\"step\":\"one\",\"attempt\":2,\"event\":\"text\",\"text\":\"a\\u001B\","
                      "\"partial\":true}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_at_once_are_told_apart_line_by_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_said_last_comes_with_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_terminal_would_obey_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_end_is_shown_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_attempt_that_is_no_agents_says_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(as_json_every_event_is_a_line, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
