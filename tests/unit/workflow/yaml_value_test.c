/* SPDX-License-Identifier: MIT */
#include "workflow/yaml.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct problems *problems;

static struct yaml_node *parse(const char *text)
{
    struct yaml_node *root = NULL;

    assert_int_equal(yaml_parse(arena, text, strlen(text), problems, &root, NULL), 0);
    return root;
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    problems = mem_zero(1, sizeof(*problems));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    free(problems);
    return 0;
}

static void scalars_have_the_types_of_the_core_schema(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum yaml_type type;
    } rows[] = {
        {"~", YAML_NULL},       {"null", YAML_NULL},
        {"true", YAML_BOOLEAN}, {"FALSE", YAML_BOOLEAN},
        {"yes", YAML_TEXT},     {"12", YAML_INTEGER},
        {"-3", YAML_INTEGER},   {"0x1f", YAML_INTEGER},
        {"0o17", YAML_INTEGER}, {"010", YAML_INTEGER},
        {"1.5", YAML_NUMBER},   {".5", YAML_NUMBER},
        {"1e3", YAML_NUMBER},   {"1e", YAML_TEXT},
        {"1e999", YAML_TEXT},   {"1.2.3", YAML_TEXT},
        {"\"12\"", YAML_TEXT},  {"'true'", YAML_TEXT},
        {".nan", YAML_TEXT},    {"99999999999999999999", YAML_NUMBER},
        {"0x", YAML_TEXT},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = mem_printf("[%s]", rows[i].text);
        const struct yaml_node *list = parse(text);

        if (yaml_scalar_type(list->items[0]) != rows[i].type) {
            print_error("%s\n", rows[i].text);
        }
        assert_int_equal(yaml_scalar_type(list->items[0]), rows[i].type);
        free(text);
    }
}

static void integers_are_read_in_their_base(void **state)
{
    (void)state;
    const struct yaml_node *list = parse("[0x1f, 0o17, 010, -5, 1.5, x]");
    int64_t value = 0;

    assert_true(yaml_integer(list->items[0], &value) && value == 31);
    assert_true(yaml_integer(list->items[1], &value) && value == 15);
    assert_true(yaml_integer(list->items[2], &value) && value == 10);
    assert_true(yaml_integer(list->items[3], &value) && value == -5);
    assert_false(yaml_integer(list->items[4], &value));
    assert_false(yaml_integer(list->items[5], &value));
}

static void a_tree_becomes_json(void **state)
{
    (void)state;
    json_t *value = yaml_to_json(parse("a: [1, 1.5, true, null, \"1\", x]\nb: {c: {}}\n"));
    char *text = json_dump_compact(value);

    assert_string_equal(text, "{\"a\":[1,1.5,true,null,\"1\",\"x\"],\"b\":{\"c\":{}}}");
    free(text);
    json_decref(value);
}

static void a_key_that_is_bad_is_not_found(void **state)
{
    (void)state;
    struct yaml_node *map = parse("a: 1\nb: 2\n");

    map->entries[0].is_bad = true;
    assert_null(yaml_find(map, "a"));
    assert_non_null(yaml_find(map, "b"));
    assert_null(yaml_find(NULL, "a"));
    assert_null(yaml_find(yaml_find(map, "b"), "a"));
}

static void values_are_described_for_messages(void **state)
{
    (void)state;
    const struct yaml_node *list = parse("[12, x, true, ~, [], {}, \"a\\nb\"]");
    char text[80];

    assert_string_equal(yaml_describe(list->items[0], text, sizeof(text)), "the number 12");
    assert_string_equal(yaml_describe(list->items[1], text, sizeof(text)), "the text \"x\"");
    assert_string_equal(yaml_describe(list->items[2], text, sizeof(text)), "the boolean true");
    assert_string_equal(yaml_describe(list->items[3], text, sizeof(text)), "nothing");
    assert_string_equal(yaml_describe(list->items[4], text, sizeof(text)), "a list");
    assert_string_equal(yaml_describe(list->items[5], text, sizeof(text)), "a map");
    assert_string_equal(yaml_describe(list->items[6], text, sizeof(text)),
                        "a text of several lines");
}

static void assert_place(const char *source, const char *part, int line, int column)
{
    const struct yaml_node *node = yaml_find(parse(source), "k");
    struct position at = yaml_position_in(node, source,
                                          (size_t)(strstr(node->text, part) - node->text));

    assert_int_equal(at.line, line);
    assert_int_equal(at.column, column);
}

static void a_place_inside_a_text_is_a_place_in_the_file(void **state)
{
    (void)state;
    assert_place("k: one two\n", "two", 1, 8);
    assert_place("k: \"\xc3\xa9\xc3\xa9 two\"\n", "two", 1, 8);
    assert_place("x: 1\nk: 'one two'\n", "two", 2, 9);
    assert_place("k: |\n    one\n      x two\n", "two", 3, 9);
    assert_place("k: |\n    one\n    one two\n", "two", 3, 9);
}

static void a_place_that_cannot_be_told_is_the_start_of_the_text(void **state)
{
    (void)state;
    assert_place("k: \"a\\tb two\"\n", "two", 1, 5);
    assert_place("k: >\n  one\n  two\n", "two", 2, 1);
    assert_int_equal(yaml_position_in(yaml_find(parse("k: v\n"), "k"), "k: v\n", 99).column, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_have_the_types_of_the_core_schema),
        cmocka_unit_test(integers_are_read_in_their_base),
        cmocka_unit_test(a_tree_becomes_json),
        cmocka_unit_test(a_key_that_is_bad_is_not_found),
        cmocka_unit_test(values_are_described_for_messages),
        cmocka_unit_test(a_place_inside_a_text_is_a_place_in_the_file),
        cmocka_unit_test(a_place_that_cannot_be_told_is_the_start_of_the_text),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
