/* SPDX-License-Identifier: MIT */
#include "ops/story.h"

#include "base/alloc.h"

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

    if (story_file_parse("x.md", text, strlen(text), &file, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return file;
}

static void what_is_indented_below_an_item_is_its_own(void **state)
{
    struct story_file *file = parse("- [ ] One  \n"
                                    "  More\n"
                                    "\n"
                                    "    - a point\n"
                                    "\n"
                                    "Not of it\n"
                                    "2) [x] Two\n"
                                    "\t+ [ ] Below\n"
                                    "\t  Its own\n"
                                    "   And of two\n");
    const struct story *story = file->stories.items;

    (void)state;
    assert_int_equal(file->stories.count, 3);
    assert_string_equal(story[0].title, "One");
    assert_string_equal(story[0].text, "One\n\nMore\n\n  - a point");
    assert_string_equal(story[1].text, "Two\n\n And of two");
    assert_string_equal(story[2].text, "Below\n\nIts own\n\nThis is a part of: Two\n\n And of two");
    assert_true(story[1].is_heading);
    assert_int_equal(story[2].parent, 1);
    story_file_free(file);
}

static void what_only_looks_like_an_item_is_none(void **state)
{
    struct story_file *file = parse("- [ ](link)\n"
                                    "-[ ] x\n"
                                    "- [y] x\n"
                                    "[ ] x\n"
                                    "> - [ ] x\n"
                                    "~~~\n- [ ] x\n```\n- [ ] x\n~~~\n"
                                    "<!-- one --> \n"
                                    "<!--\n- [ ] x\n-->\n"
                                    "- [~] yes\n"
                                    "- [ ]\ttab");

    (void)state;
    assert_int_equal(file->stories.count, 2);
    assert_string_equal(file->stories.items[0].title, "yes");
    assert_string_equal(file->stories.items[1].title, "tab");
    story_file_free(file);
}

static void ceilings_are_told_with_their_place(void **state)
{
    struct error err = ERROR_INIT;
    struct story_file *file = NULL;
    struct strbuf text;

    (void)state;
    strbuf_init(&text, STORY_FILE_BYTES_MAX);
    for (int i = 0; i < 40; i++) {
        strbuf_addf(&text, "%*s- [ ] deep\n", i, "");
    }
    assert_int_equal(story_file_parse("x.md", text.data, text.length, &file, &err),
                     ERROR_VALIDATION);
    assert_string_equal(err.text, "x.md:33:33: more than 32 levels");
    strbuf_reset(&text);
    strbuf_add(&text, "- [ ] long\n");
    for (int i = 0; i < 5000; i++) {
        strbuf_add(&text, "  line\n  - [ ] and below\n");
    }
    assert_int_equal(story_file_parse("x.md", text.data, text.length, &file, &err),
                     ERROR_VALIDATION);
    assert_int_equal(story_file_parse("x.md", "- [x] \n", 7, &file, &err), ERROR_VALIDATION);
    assert_string_equal(err.text, "x.md:1:4: an item without a text");
    assert_int_equal(story_file_parse("x.md", "", 0, &file, &err), ERROR_VALIDATION);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_indented_below_an_item_is_its_own),
        cmocka_unit_test(what_only_looks_like_an_item_is_none),
        cmocka_unit_test(ceilings_are_told_with_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
