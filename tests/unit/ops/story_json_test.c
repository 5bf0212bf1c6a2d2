/* SPDX-License-Identifier: MIT */
#include "ops/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct story_file *parse(const char *text)
{
    struct error err = ERROR_INIT;
    struct story_file *file = NULL;

    if (story_file_parse("x.json", text, strlen(text), &file, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return file;
}

static void check_mark(const char *text, int index, const char *expected)
{
    struct story_file *file = parse(text);
    struct strbuf marked;

    strbuf_init(&marked, 10000);
    story_mark(file, index, &marked);
    assert_string_equal(marked.data, expected);
    strbuf_release(&marked);
    story_file_free(file);
}

static void a_story_is_told_with_all_that_is_said_of_it(void **state)
{
    struct story_file *file = parse(
        "{\"stories\": [{\"id\": \"A\", \"title\": \"T\", \"description\": \"D\","
        "\"notes\": \"\", \"acceptanceCriteria\": [\"one\", \"two\"], \"priority\": \"high\"},"
        "{\"id\": 7, \"title\": \"U\", \"status\": \"blocked\", \"priority\": 2.5}]}");
    const struct story *story = file->stories.items;

    (void)state;
    assert_string_equal(story[0].text, "A: T\n\nD\n\nAcceptance criteria:\n- one\n- two");
    assert_true(story[0].rank < story[1].rank);
    assert_string_equal(story[1].id, "7");
    assert_false(story_counts(&story[1]));
    story_file_free(file);
}

static void only_what_says_that_it_is_done_is_changed(void **state)
{
    (void)state;
    check_mark("[ {\"x\":\"}\\\"]\", \"id\":1,\"title\":\"a\" , \"passes\" :\tfalse} ]", 0,
               "[ {\"x\":\"}\\\"]\", \"id\":1,\"title\":\"a\" , \"passes\" :\ttrue} ]");
    check_mark("[{\"id\":1,\"title\":\"a\",\"in\":{\"passes\":false},\"passes\":false}]", 0,
               "[{\"id\":1,\"title\":\"a\",\"in\":{\"passes\":false},\"passes\":true}]");
    check_mark("[{\"id\":1,\"title\":\"passes\"\n},{\"id\":2,\"title\":\"b\",\"status\":\"done\"}]",
               0,
               "[{\"id\":1,\"title\":\"passes\", \"passes\": true\n},"
               "{\"id\":2,\"title\":\"b\",\"status\":\"done\"}]");
    check_mark("[{\"id\":1,\"title\":\"a\",\"status\":\"todo\"},"
               "{\"id\":2,\"title\":\"b\",\"status\":\"done\"}]",
               0,
               "[{\"id\":1,\"title\":\"a\",\"status\":\"done\"},"
               "{\"id\":2,\"title\":\"b\",\"status\":\"done\"}]");
    check_mark("[{\"status\":\"open\",\"id\":1,\"title\":\"a\",\"passes\":false}]", 0,
               "[{\"status\":\"completed\",\"id\":1,\"title\":\"a\",\"passes\":true}]");
}

static void what_is_marked_is_done(void **state)
{
    static const char *const texts[] = {
        "[{\"id\":1,\"title\":\"a\",\"passes\":false}]",
        "[{\"id\":1,\"title\":\"a\",\"status\":\"pending\"}]",
        "[{\"id\":1,\"title\":\"a\",\"status\":\"pending\",\"passes\":false}]",
        "[{\"id\":1,\"title\":\"a\"}]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct story_file *file = parse(texts[i]);
        struct story_file *again;
        struct strbuf marked;

        assert_false(file->stories.items[0].is_done);
        strbuf_init(&marked, 10000);
        story_mark(file, 0, &marked);
        again = parse(marked.data);
        assert_true(again->stories.items[0].is_done);
        assert_string_equal(again->stories.items[0].key, file->stories.items[0].key);
        story_file_free(again);
        story_file_free(file);
        strbuf_release(&marked);
    }
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"[{\"id\":1,\"title\":\"a\"}", "x.json:1:"},
        {"7", "x.json:1:1: there are no stories"},
        {"[{\"id\":[],\"title\":\"a\"}]", "x.json:1:8: id: expected"},
        {"[{\"id\":1,\"title\":\"a\",\"description\":7}]", "x.json:1:36: description: expected"},
        {"[{\"id\":1,\"title\":\"a\",\"status\":7}]", "x.json:1:31: status: expected"},
        {"[{\"id\":1,\"title\":\"a\",\"p\\u0061sses\":false}]", "x.json:1:2: its passes or status"},
    };
    struct story_file *file = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct error err = ERROR_INIT;

        assert_int_equal(
            story_file_parse("x.json", wrong[i].text, strlen(wrong[i].text), &file, &err),
            ERROR_VALIDATION);
        assert_memory_equal(err.text, wrong[i].error, strlen(wrong[i].error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_story_is_told_with_all_that_is_said_of_it),
        cmocka_unit_test(only_what_says_that_it_is_done_is_changed),
        cmocka_unit_test(what_is_marked_is_done),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
