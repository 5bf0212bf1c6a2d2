/* SPDX-License-Identifier: MIT */
#include "workflow/expert.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static struct arena *arena;
static struct problems problems;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct expert *parse(const char *text)
{
    const struct expert *expert = NULL;
    struct error err = ERROR_INIT;
    int r = expert_parse(arena, "e", text, "e.md", &expert, &problems, &err);

    assert_int_equal(r, expert ? 0 : ERROR_VALIDATION);
    return expert;
}

static void assert_refused(const char *text, const char *message)
{
    struct strbuf lines;

    assert_null(parse(text));
    strbuf_init(&lines, 10000);
    problems_format(&problems, &lines);
    assert_string_equal(lines.data, message);
    strbuf_release(&lines);
}

static void the_front_matter_says_what_the_expert_asks_for(void **state)
{
    const struct expert *expert = parse("---\nname: e\ndescription: Looks\nkind: own\n"
                                        "permission: read-only\nmodel: { claude: opus }\n"
                                        "tools: [Read, \"Bash(make:*)\"]\ntemperature: 0.5\n---\n"
                                        "\nYou look.\n");

    (void)state;
    assert_non_null(expert);
    assert_int_equal(problems.count, 0);
    assert_string_equal(expert->name, "e");
    assert_string_equal(expert->description, "Looks");
    assert_string_equal(expert->kind, "own");
    assert_string_equal(expert->body, "You look.\n");
    assert_true(expert->read_only);
    assert_true(expert->temperature > 0.49 && expert->temperature < 0.51);
    assert_string_equal(expert->models[0].agent, "claude");
    assert_string_equal(expert->models[0].values[0], "opus");
    assert_null(expert->tools[0].agent);
    assert_string_equal(expert->tools[0].values[1], "Bash(make:*)");
}

static void a_text_without_front_matter_is_an_expert_that_may_edit(void **state)
{
    const struct expert *expert = parse("# A careful one\r\n\r\nYou look.\r\n");

    (void)state;
    assert_string_equal(expert->description, "A careful one");
    assert_string_equal(expert->body, "# A careful one\r\n\r\nYou look.\r\n");
    assert_false(expert->read_only);
    assert_true(expert->temperature < 0);
}

static void what_is_wrong_is_told_with_its_place_in_the_file(void **state)
{
    (void)state;
    assert_refused("---\nname: e\npermision: edit\n---\nYou.\n",
                   "e.md:3:1: error: an expert has no key \"permision\" (did you mean "
                   "\"permission\"?)\n");
    assert_refused(
        "---\npermission: readonly\n---\nYou.\n",
        "e.md:2:13: error: \"permission\" of an expert has no word \"readonly\" (did you "
        "mean \"read-only\"?)\n");
    assert_refused(
        "---\nmodel: { claude: [a] }\n---\nYou.\n",
        "e.md:2:18: error: \"model\" of an expert: expected the name of a model for each "
        "agent\n");
    assert_refused("---\nname: e\nYou.\n",
                   "e.md:1:1: error: the front matter has no end (end it with a line ---)\n");
    assert_refused("---\nname: e\n---\n\n",
                   "e.md:1:1: error: the expert is told nothing: there is no text behind the front "
                   "matter\n");
    assert_refused("---\n---\nYou \033[2J.\n",
                   "e.md:1:1: error: an expert is UTF-8 text without control characters\n");
}

static void another_name_than_that_of_the_file_is_only_a_warning(void **state)
{
    (void)state;
    assert_string_equal(parse("---\nname: f\n---\nYou.\n")->name, "e");
    assert_int_equal(problems.count, 1);
    assert_true(problems.items[0].is_warning);
}

static void a_text_that_is_too_large_is_refused(void **state)
{
    char *text = mem_zero(1, EXPERT_BYTES_MAX + 2);

    (void)state;
    memset(text, 'x', EXPERT_BYTES_MAX + 1);
    assert_null(parse(text));
    text[EXPERT_BYTES_MAX] = '\0';
    assert_non_null(parse(text));
    free(text);
}

static void a_hint_is_for_an_agent_its_type_or_the_steps_own(void **state)
{
    static const char *const values[] = {"a", "b", "c"};
    const struct expert_hint hints[] = {
        {NULL, &values[0], 1}, {"claude", &values[1], 1}, {"mine", &values[2], 1}};

    (void)state;
    assert_ptr_equal(expert_find_hint(hints, 3, "mine", "claude", true), &hints[2]);
    assert_ptr_equal(expert_find_hint(hints, 2, "mine", "claude", false), &hints[1]);
    assert_ptr_equal(expert_find_hint(hints, 3, "other", "codex", true), &hints[0]);
    assert_null(expert_find_hint(hints, 3, "other", "codex", false));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_front_matter_says_what_the_expert_asks_for),
        TEST(a_text_without_front_matter_is_an_expert_that_may_edit),
        TEST(what_is_wrong_is_told_with_its_place_in_the_file),
        TEST(another_name_than_that_of_the_file_is_only_a_warning),
        TEST(a_text_that_is_too_large_is_refused),
        TEST(a_hint_is_for_an_agent_its_type_or_the_steps_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
