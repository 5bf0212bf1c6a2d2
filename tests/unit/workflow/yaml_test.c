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

struct tree {
    struct arena *arena;
    struct problems *problems;
    struct yaml_node *root;
    struct error err;
    int code;
};

static struct tree parse_bytes(const char *text, size_t length)
{
    struct tree tree = {.arena = arena_new(), .problems = mem_zero(1, sizeof(struct problems))};

    tree.code = yaml_parse(tree.arena, text, length, tree.problems, &tree.root, &tree.err);
    assert_true((tree.code == 0) == (tree.root != NULL));
    return tree;
}

static struct tree parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void release(struct tree *tree)
{
    arena_free(tree->arena);
    free(tree->problems);
}

static void assert_refused(struct tree tree, int code, const char *part, int line)
{
    assert_int_equal(tree.code, code);
    assert_true(tree.problems->count >= 1);
    if (!strstr(tree.problems->items[0].text, part)) {
        print_error("said: %s\n", tree.problems->items[0].text);
    }
    assert_non_null(strstr(tree.problems->items[0].text, part));
    assert_int_equal(tree.problems->items[0].at.line, line);
    assert_string_equal(tree.err.text, tree.problems->items[0].text);
    release(&tree);
}

static char *repeat(const char *head, const char *part, size_t count, const char *tail)
{
    struct strbuf text;
    char *result;

    strbuf_init(&text, 200U << 20);
    strbuf_add(&text, head);
    for (size_t i = 0; i < count; i++) {
        strbuf_add(&text, part);
    }
    strbuf_add(&text, tail);
    result = strbuf_take(&text);
    strbuf_release(&text);
    return result;
}

static void assert_repeated_refused(const char *head, const char *part, size_t count, int code,
                                    const char *said)
{
    char *text = repeat(head, part, count, "");
    struct tree tree = parse(text);

    assert_int_equal(tree.code, code);
    assert_non_null(strstr(tree.problems->items[0].text, said));
    release(&tree);
    free(text);
}

static void a_tree_has_texts_lists_maps_and_places(void **state)
{
    struct tree tree = parse(
        "name: \"h\xc3\xa9\"\nlist: [1, 'two', {b: c}]\nlit: |\n  one\n  two\n");
    const struct yaml_node *list;

    (void)state;
    assert_int_equal(tree.code, 0);
    assert_int_equal(tree.root->count, 3);
    assert_string_equal(yaml_find(tree.root, "name")->text, "h\xc3\xa9");
    list = yaml_find(tree.root, "list");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->count, 3);
    assert_int_equal(list->at.line, 2);
    assert_int_equal(list->at.column, 7);
    assert_string_equal(yaml_find(list->items[2], "b")->text, "c");
    assert_int_equal(list->items[2]->at.column, 18);
    assert_string_equal(yaml_find(tree.root, "lit")->text, "one\ntwo\n");
    assert_int_equal(yaml_find(tree.root, "lit")->style, YAML_LITERAL);
    assert_int_equal(tree.root->node_count, 12);
    assert_int_equal(tree.root->height, 4);
    release(&tree);
}

static void depth_of_ten_thousand_is_refused_in_every_style(void **state)
{
    (void)state;
    assert_repeated_refused("a: ", "[", 10000, ERROR_LIMIT, "nested deeper");
    assert_repeated_refused("a: ", "{a: ", 10000, ERROR_LIMIT, "nested deeper");
    assert_repeated_refused("", "- ", 10000, ERROR_LIMIT, "nested deeper");
    assert_repeated_refused("", "? ", 10000, ERROR_LIMIT, "nested deeper");
    assert_repeated_refused("a: ", "[", 1000000, ERROR_LIMIT, "nested deeper");
}

static void depth_is_counted_exactly(void **state)
{
    char *open = repeat("", "[", WORKFLOW_DEPTH_MAX - 1, "");
    char *close = repeat("", "]", WORKFLOW_DEPTH_MAX - 1, "");
    char *text = mem_printf("%sx%s", open, close);
    struct tree tree = parse(text);

    (void)state;
    assert_int_equal(tree.code, 0);
    assert_int_equal(tree.root->height, WORKFLOW_DEPTH_MAX);
    release(&tree);
    free(text);
    text = mem_printf("[%sx%s]", open, close);
    assert_refused(parse(text), ERROR_LIMIT, "nested deeper", 1);
    free(text);
    free(open);
    free(close);
}

static void a_large_file_is_refused_unread(void **state)
{
    char *text = repeat("# ", "x", 100U << 20, "");

    (void)state;
    assert_refused(parse(text), ERROR_LIMIT, "at most 1048576", 0);
    free(text);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    assert_repeated_refused("[", "1,", YAML_NODES_MAX + 1, ERROR_LIMIT, "more than 200000 values");
}

static void an_alias_bomb_is_refused(void **state)
{
    (void)state;
    assert_refused(parse("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                         "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                         "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                         "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                         "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"),
                   ERROR_LIMIT, "more than 200000 values", 6);
    assert_repeated_refused("a: &a x\nb: [", "*a, ", YAML_ALIASES_MAX + 1, ERROR_LIMIT,
                            "more than 100 aliases");
}

static void aliases_cannot_multiply_long_texts(void **state)
{
    char *text = repeat("a: &a ", "x", 500000, "\nb: [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n");

    (void)state;
    assert_refused(parse(text), ERROR_LIMIT, "longer than 4 MiB", 2);
    free(text);
}

static void aliases_cannot_hide_depth(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 10000);
    strbuf_add(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 99; i++) {
        strbuf_addf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    assert_refused(parse(text.data), ERROR_LIMIT, "nested deeper", 63);
    strbuf_release(&text);
}

static void an_alias_stands_for_its_anchor(void **state)
{
    struct tree tree = parse("a: &x {k: v}\nb: *x\n");

    (void)state;
    assert_int_equal(tree.code, 0);
    assert_string_equal(yaml_find(yaml_find(tree.root, "b"), "k")->text, "v");
    release(&tree);
}

static void an_alias_without_a_finished_anchor_is_a_problem(void **state)
{
    struct tree tree = parse("a: *no\n");

    (void)state;
    assert_int_equal(tree.problems->count, 1);
    assert_non_null(strstr(tree.problems->items[0].text, "names no anchor"));
    release(&tree);
    tree = parse("a: &a [*a]\n");
    assert_int_equal(tree.problems->count, 1);
    assert_non_null(strstr(tree.problems->items[0].text, "names no anchor"));
    release(&tree);
}

static void bytes_that_are_no_text_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused(parse_bytes("a: b\nc: \0d\n", 11), ERROR_VALIDATION, "control character (0x00)",
                   2);
    assert_refused(parse("a: \x1b[31m\n"), ERROR_VALIDATION, "control character (0x1b)", 1);
    assert_refused(parse("a: b\n\xff: c\n"), ERROR_VALIDATION, "0xff is no UTF-8", 2);
    assert_refused(parse("a: \xc3"), ERROR_VALIDATION, "0xc3 is no UTF-8", 1);
    assert_refused(parse("a: \xed\xa0\x80"), ERROR_VALIDATION, "0xed is no UTF-8", 1);
    assert_refused(parse("a: \xc0\xaf"), ERROR_VALIDATION, "0xc0 is no UTF-8", 1);
    assert_refused(parse("a: \xf4\x90\x80\x80"), ERROR_VALIDATION, "0xf4 is no UTF-8", 1);
    assert_refused(parse_bytes("\xff\xfe"
                               "a\0:\0",
                               6),
                   ERROR_VALIDATION, "no UTF-8", 1);
}

static void escapes_cannot_bring_in_what_is_no_text(void **state)
{
    struct tree tree = parse("a: \"x\\\\0y\"\n");

    (void)state;
    assert_int_equal(tree.problems->count, 0);
    assert_string_equal(yaml_find(tree.root, "a")->text, "x\\0y");
    release(&tree);
    tree = parse("a: \"x\\0y\"\n");
    assert_true(tree.problems->count >= 1);
    release(&tree);
    tree = parse("a: \"\\ud800\"\n");
    assert_true(tree.problems->count >= 1);
    release(&tree);
}

static void a_file_without_a_value_is_refused(void **state)
{
    (void)state;
    assert_refused(parse(""), ERROR_VALIDATION, "empty", 1);
    assert_refused(parse("# only a comment\n"), ERROR_VALIDATION, "empty", 1);
    assert_refused(parse("---\n"), ERROR_VALIDATION, "empty", 1);
}

static void a_second_document_is_refused(void **state)
{
    (void)state;
    assert_refused(parse("a: 1\n---\nb: 2\n"), ERROR_VALIDATION, "second document", 2);
}

static void broken_yaml_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused(parse("a: [1, 2\nb: }\n"), ERROR_VALIDATION, "invalid YAML: ", 2);
    assert_refused(parse("a: 1\n\tb: 2\n"), ERROR_VALIDATION, "invalid YAML: ", 1);
    assert_refused(parse("a: \"open\n"), ERROR_VALIDATION, "invalid YAML: ", 1);
}

static void what_is_not_supported_is_collected(void **state)
{
    struct tree tree = parse("a: 1\na: 2\n? [x]\n: y\nb: &b {c: 1}\nd: {<<: *b}\ne: !!str 5\n");

    (void)state;
    assert_int_equal(tree.code, 0);
    assert_int_equal(tree.problems->count, 4);
    assert_non_null(strstr(tree.problems->items[0].text, "merge keys"));
    assert_non_null(strstr(tree.problems->items[1].text, "tags"));
    assert_non_null(strstr(tree.problems->items[2].text, "must be a text"));
    assert_non_null(strstr(tree.problems->items[3].text, "\"a\" is there twice"));
    assert_int_equal(tree.problems->items[3].at.line, 2);
    assert_string_equal(yaml_find(tree.root, "a")->text, "1");
    release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_has_texts_lists_maps_and_places),
        cmocka_unit_test(depth_of_ten_thousand_is_refused_in_every_style),
        cmocka_unit_test(depth_is_counted_exactly),
        cmocka_unit_test(a_large_file_is_refused_unread),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(an_alias_bomb_is_refused),
        cmocka_unit_test(aliases_cannot_multiply_long_texts),
        cmocka_unit_test(aliases_cannot_hide_depth),
        cmocka_unit_test(an_alias_stands_for_its_anchor),
        cmocka_unit_test(an_alias_without_a_finished_anchor_is_a_problem),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_place),
        cmocka_unit_test(escapes_cannot_bring_in_what_is_no_text),
        cmocka_unit_test(a_file_without_a_value_is_refused),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(broken_yaml_is_told_with_its_place),
        cmocka_unit_test(what_is_not_supported_is_collected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
