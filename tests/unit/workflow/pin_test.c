/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "workflow/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define MARK "\n# things: "

static struct reader *open_reader(const char *source)
{
    struct reader *reader = mem_zero(1, sizeof(*reader));

    reader->arena = arena_new();
    reader->scratch = arena_new();
    reader->problems = mem_zero(1, sizeof(*reader->problems));
    reader->workflow = arena_zero(reader->arena, 1, sizeof(*reader->workflow));
    reader->source = source;
    reader->workflow->text = source;
    reader->workflow->text_length = strlen(source);
    return reader;
}

static void close_reader(struct reader *reader)
{
    free(reader->problems);
    arena_free(reader->scratch);
    arena_free(reader->arena);
    free(reader);
}

static void of_lines_with_the_mark_the_last_counts(void **state)
{
    struct reader *reader = open_reader("name: w" MARK "{\"a\":1}" MARK "{\"a\":2}\nmore: 1\n");
    size_t offset = 0;
    struct yaml_node *root = pin_line_read(reader, MARK, &offset);

    (void)state;
    assert_non_null(root);
    assert_string_equal(yaml_find(root, "a")->text, "2");
    assert_int_equal(offset, strlen("name: w" MARK "{\"a\":1}"));
    close_reader(reader);
}

static void no_line_and_a_line_that_is_nothing_are_no_tree(void **state)
{
    struct reader *without = open_reader("name: w\n# thing: {}\n");
    struct reader *bad = open_reader("name: w" MARK "{\"a\":\n");
    size_t offset = 7;

    (void)state;
    assert_null(pin_line_read(without, MARK, &offset));
    assert_int_equal(without->problems->count, 0);
    assert_null(pin_line_read(bad, MARK, &offset));
    assert_true(problems_have_error(bad->problems));
    assert_int_equal(offset, 7);
    close_reader(without);
    close_reader(bad);
}

static void what_is_written_is_read_again(void **state)
{
    struct reader *first = open_reader("name: w\n");
    json_t *root = json_pack("{s:s}", "text", "two\nlines \"quoted\" # no comment");
    struct reader *second;
    size_t offset = 0;

    (void)state;
    pin_line_write(first, MARK, root, "none");
    second = open_reader(first->workflow->text);
    assert_int_equal(first->workflow->text_length, strlen(first->workflow->text));
    assert_string_equal(yaml_find(pin_line_read(second, MARK, &offset), "text")->text,
                        "two\nlines \"quoted\" # no comment");
    assert_int_equal(offset, strlen("name: w\n"));
    json_decref(root);
    close_reader(second);
    close_reader(first);
}

static void nothing_to_keep_leaves_the_text_as_it_is(void **state)
{
    struct reader *reader = open_reader("name: w\n");
    json_t *root = json_object();

    (void)state;
    pin_line_write(reader, MARK, root, "none");
    assert_string_equal(reader->workflow->text, "name: w\n");
    assert_int_equal(reader->problems->count, 0);
    json_decref(root);
    close_reader(reader);
}

static void a_text_that_becomes_too_large_is_told_with_what_to_do(void **state)
{
    struct reader *reader = open_reader("name: w\n");
    char *large = mem_zero(WORKFLOW_BYTES_MAX + 1U, 1);
    json_t *root = json_object();

    (void)state;
    memset(large, 'x', WORKFLOW_BYTES_MAX);
    json_put_text(root, "text", large);
    pin_line_write(reader, MARK, root, "make it smaller");
    assert_int_equal(reader->problems->count, 1);
    assert_string_equal(reader->problems->items[0].hint, "make it smaller");
    json_decref(root);
    free(large);
    close_reader(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_lines_with_the_mark_the_last_counts),
        cmocka_unit_test(no_line_and_a_line_that_is_nothing_are_no_tree),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(nothing_to_keep_leaves_the_text_as_it_is),
        cmocka_unit_test(a_text_that_becomes_too_large_is_told_with_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
