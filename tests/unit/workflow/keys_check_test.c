/* SPDX-License-Identifier: MIT */
#include "workflow/keys.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct problems *problems;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    problems = mem_zero(1, sizeof(*problems));
    problems->file = "t";
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    free(problems);
    return 0;
}

static struct yaml_node *check(enum key_level level, const char *text)
{
    struct yaml_node *root = NULL;

    *problems = (struct problems){.file = "t"};
    assert_int_equal(yaml_parse(arena, text, strlen(text), problems, &root, NULL), 0);
    keys_check(level, root, problems);
    return root;
}

static void assert_said(enum key_level level, const char *yaml, const char *expected)
{
    struct strbuf text;

    check(level, yaml);
    strbuf_init(&text, 1 << 20);
    problems_format(problems, &text);
    assert_string_equal(text.data, expected);
    strbuf_release(&text);
}

/* A value of the shape, in flow style. */
static const char *sample(const struct key *key, unsigned shape)
{
    static char word[64];

    switch ((enum key_shape)shape) {
    case SHAPE_TEXT:
    case SHAPE_ID:
    case SHAPE_NAME:
    case SHAPE_EXPRESSION:
    case SHAPE_TEMPLATE:
    case SHAPE_PATH:
    case SHAPE_NAMES:
        return "some";
    case SHAPE_WORD:
    case SHAPE_WORDS:
        (void)snprintf(word, sizeof(word), shape == SHAPE_WORD ? "%.*s" : "[%.*s]",
                       (int)strcspn(key->words, " "), key->words);
        return word;
    case SHAPE_BOOLEAN:
        return "true";
    case SHAPE_INTEGER:
    case SHAPE_NUMBER:
    case SHAPE_BYTES:
        (void)snprintf(word, sizeof(word), "%lld", (long long)key->most);
        return word;
    case SHAPE_DURATION:
        return "1h30m";
    case SHAPE_TEXTS:
    case SHAPE_VALUES:
        return "[some, other]";
    case SHAPE_INTEGERS:
        return "[0, 1]";
    case SHAPE_ANY:
        return "{ a: [1] }";
    case SHAPE_OBJECT:
        return "{}";
    case SHAPE_OBJECTS:
        return "[]";
    case SHAPE_NAMED:
    case SHAPE_VARIABLES:
        return "{}";
    case SHAPE_PATHS:
        return "{ a: b/c }";
    case SHAPE_NAME_MAP:
    case SHAPE_MAP:
        return "{ a: b }";
    case SHAPE_SECRET:
        return "env:HOUSE_KEY";
    case SHAPE_POINTER:
        return "choices.0.text";
    case SHAPE_COUNT:
        return "200k";
    }
    return "";
}

static bool has_problem_with(const char *name)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (strstr(problems->items[i].text, name) && !problems->items[i].is_warning &&
            !strstr(problems->items[i].text, "needs the key")) {
            print_error("%s\n", problems->items[i].text);
            return true;
        }
    }
    return false;
}

static void assert_accepted(enum key_level level, const struct key *key, const char *value)
{
    char *text = mem_printf("%s: %s\n", key->name, value);
    char *quoted = mem_printf("\"%s\"", key->name);
    const struct yaml_node *root = check(level, text);

    assert_false(has_problem_with(quoted));
    assert_non_null(yaml_find(root, key->name));
    free(text);
    free(quoted);
}

static void each_key_of_the_table_is_accepted_in_each_of_its_shapes(void **state)
{
    (void)state;
    size_t count;
    const struct key *keys = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        for (int level = 0; level < KEY_LEVELS; level++) {
            for (unsigned shape = 1; shape < 1U << KEY_SHAPES; shape <<= 1) {
                if ((keys[i].levels & LEVEL_BIT(level)) && (keys[i].shapes & shape)) {
                    assert_accepted((enum key_level)level, &keys[i], sample(&keys[i], shape));
                }
            }
        }
    }
}

static void each_default_and_example_of_the_table_is_accepted(void **state)
{
    (void)state;
    size_t count;
    const struct key *keys = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        enum key_level level = (enum key_level)__builtin_ctz(keys[i].levels);

        if (keys[i].fallback) {
            assert_accepted(level, &keys[i], keys[i].fallback);
        }
        if (keys[i].example) {
            assert_accepted(level, &keys[i], keys[i].example);
        }
    }
}

static void each_key_refuses_a_value_of_another_shape(void **state)
{
    (void)state;
    size_t count;
    const struct key *keys = key_table(&count);

    for (size_t i = 0; i < count; i++) {
        enum key_level level = (enum key_level)__builtin_ctz(keys[i].levels);
        char *text = mem_printf("%s: ~\n", keys[i].name);

        if (!(keys[i].shapes & SHAPE_ANY)) {
            assert_null(yaml_find(check(level, text), keys[i].name));
            assert_true(problems->count >= 1);
        }
        free(text);
    }
}

static void an_unknown_key_is_told_with_the_nearest(void **state)
{
    (void)state;
    assert_said(
        LEVEL_RETRY, "atempts: 3\n",
        "t:1:1: error: a retry policy has no key \"atempts\" (did you mean \"attempts\"?)\n");
    assert_said(LEVEL_RETRY, "zzz: 3\n", "t:1:1: error: a retry policy has no key \"zzz\"\n");
}

static void a_wrong_type_is_told_with_what_was_found(void **state)
{
    (void)state;
    assert_said(LEVEL_RETRY, "attempts: many\n",
                "t:1:11: error: \"attempts\" of a retry policy: expected a whole number from 1 to "
                "100, found the text \"many\"\n");
    assert_said(
        LEVEL_STEP, "id: a\nprompt: 5\n",
        "t:2:9: error: \"prompt\" of a step: expected a text, found the number 5 (put quotes "
        "around it)\n");
    assert_said(
        LEVEL_STEP, "id: a\nprompt:\n",
        "t:2:1: error: \"prompt\" of a step: expected a text, found nothing (give it a value "
        "or remove the key)\n");
    assert_said(
        LEVEL_CHECKPOINT, "auto: [1]\n",
        "t:1:7: error: \"auto\" of the checkpoint settings: expected true or false, found a "
        "list\n");
}

static void ranges_words_and_durations_are_checked(void **state)
{
    (void)state;
    assert_said(LEVEL_RETRY, "attempts: 0\n",
                "t:1:11: error: \"attempts\" of a retry policy must be from 1 to 100, found 0\n");
    assert_said(LEVEL_RETRY, "backoff: exponentail\n",
                "t:1:10: error: \"backoff\" of a retry policy has no word \"exponentail\" (did you "
                "mean \"exponential\"?)\n");
    assert_said(LEVEL_RETRY, "backoff: zz\n",
                "t:1:10: error: \"backoff\" of a retry policy: expected one of exponential, fixed, "
                "found the text \"zz\"\n");
    check(LEVEL_RETRY, "delay: 5 parsecs\n");
    assert_int_equal(problems->count, 1);
    assert_non_null(strstr(problems->items[0].text, "is not a duration"));
    assert_said(LEVEL_RETRY, "on: [transient, limt]\n",
                "t:1:17: error: \"on\" of a retry policy has no word \"limt\" (did you mean "
                "\"limit\"?)\n");
}

static void paths_may_not_leave_their_folder(void **state)
{
    (void)state;
    check(LEVEL_STEP, "id: a\ncwd: ../x\noutput: /etc/passwd\nartifacts: { a: ../../b }\n");
    assert_int_equal(problems->count, 3);
    assert_non_null(strstr(problems->items[0].text, "it leaves its folder"));
    assert_non_null(strstr(problems->items[1].text, "it is absolute"));
    assert_int_equal(problems->items[2].at.line, 4);
}

static void names_and_variables_have_their_letters(void **state)
{
    (void)state;
    check(LEVEL_STEP, "id: 1a\nenv: { A-B: x, 9: y, OK: 1 }\nwith: { a: [[1], 2], b: {} }\n");
    assert_int_equal(problems->count, 4);
}

static void a_bad_value_is_marked_and_the_others_stay(void **state)
{
    (void)state;
    const struct yaml_node *root = check(LEVEL_STEP,
                                         "id: a\ntimeout: soon\nrun: x\nenv: { A: {}, B: b }\n");

    assert_null(yaml_find(root, "timeout"));
    assert_string_equal(yaml_find(root, "run")->text, "x");
    assert_null(yaml_find(yaml_find(root, "env"), "A"));
    assert_string_equal(yaml_find(yaml_find(root, "env"), "B")->text, "b");
}

static void required_keys_are_asked_for(void **state)
{
    (void)state;
    assert_said(LEVEL_WORKFLOW, "title: x\n",
                "t:1:1: error: a workflow needs the key \"name\"\n"
                "t:1:1: error: a workflow needs the key \"phases\"\n");
    assert_said(LEVEL_WORKFLOW, "[]\n",
                "t:1:1: error: expected a workflow as a map of keys, found a list\n");
}

static void keys_of_other_tools_are_a_warning(void **state)
{
    (void)state;
    assert_said(LEVEL_AGENT, "model_path: m.gguf\n",
                "t:1:1: warning: \"model_path\" of an agent has no effect here (the server is "
                "started with its model file)\n");
    assert_said(LEVEL_FALLBACK, "codex: local-code\n", "");
    check(LEVEL_FALLBACK, "codex: 5\n");
    assert_int_equal(problems->count, 1);
}

static void a_secret_says_where_it_is_and_is_never_shown(void **state)
{
    (void)state;
    assert_said(LEVEL_AGENT, "key: env:HOUSE_KEY\n", "");
    assert_said(LEVEL_AGENT, "key: file:~/key\n", "");
    assert_said(LEVEL_AGENT, "key: sk-12345\n",
                "t:1:6: error: \"key\" of an agent does not say where the key is (keep the key out "
                "of the file: write env:NAME or file:PATH)\n");
    check(LEVEL_AGENT, "key: env:1\n");
    assert_int_equal(problems->count, 1);
    check(LEVEL_AGENT, "key: 'file:'\n");
    assert_int_equal(problems->count, 1);
}

static void the_names_of_prices_are_models_and_patterns(void **state)
{
    (void)state;
    assert_said(LEVEL_CONFIG,
                "prices: { \"gpt-5*\": { input: 1.25 }, \"q/w:7b@x\": { output: 0 } }\n", "");
    check(LEVEL_CONFIG, "prices: { \"a b\": { input: 1 } }\n");
    assert_int_equal(problems->count, 1);
    check(LEVEL_CONFIG, "prices: { a: { input: -1 } }\n");
    assert_int_equal(problems->count, 1);
}

static void a_bad_member_of_a_map_is_called_by_its_name(void **state)
{
    (void)state;
    assert_said(
        LEVEL_WORKFLOW, "{ name: n, phases: [], inputs: { k: 5 }, gates: { g: [1] } }",
        "t:1:37: error: \"k\" in \"inputs\" of a workflow: expected a map of keys, found the "
        "number 5\n"
        "t:1:54: error: \"g\" in \"gates\" of a workflow: expected a map of keys, found a "
        "list\n");
    assert_said(
        LEVEL_CONFIG, "{ workflows: { w: 5 }, settings: { fallback: { map: { a: [b] } } } }",
        "t:1:19: error: \"w\" in \"workflows\" of the configuration: expected a map of keys, "
        "or a list of maps, found the number 5\n"
        "t:1:58: error: \"a\" in \"map\" of the fallback settings: expected a name, found a "
        "list\n");
    assert_said(
        LEVEL_STEP, "{ id: s, env: { A: [x] }, with: { v: { a: b } }, artifacts: { x: 5 } }",
        "t:1:20: error: \"A\" in \"env\" of a step: expected a text, a number, true or false, "
        "found a list\n"
        "t:1:38: error: \"v\" in \"with\" of a step: expected a text, a number, true or "
        "false, or a list, found a map\n"
        "t:1:66: error: \"x\" in \"artifacts\" of a step: expected a relative path inside "
        "the project, found the number 5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_key_of_the_table_is_accepted_in_each_of_its_shapes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_default_and_example_of_the_table_is_accepted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_key_refuses_a_value_of_another_shape, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_told_with_the_nearest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_type_is_told_with_what_was_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ranges_words_and_durations_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_may_not_leave_their_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_and_variables_have_their_letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_value_is_marked_and_the_others_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(required_keys_are_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_of_other_tools_are_a_warning, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_says_where_it_is_and_is_never_shown, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_names_of_prices_are_models_and_patterns, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_bad_member_of_a_map_is_called_by_its_name, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
