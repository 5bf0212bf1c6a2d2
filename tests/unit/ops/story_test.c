/* SPDX-License-Identifier: MIT */
#include "ops/story.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int fails(const char *name, const char *text, size_t length, struct error *err)
{
    struct story_file *file = NULL;
    int r = story_file_parse(name, text, length, &file, err);

    assert_null(file);
    return r;
}

static void the_name_or_the_text_says_what_it_is(void **state)
{
    static const char json[] = "[{\"id\": 1, \"title\": \"a\"}]";
    static const char list[] = "- [ ] a";
    struct error err = ERROR_INIT;
    struct story_file *file = NULL;

    (void)state;
    assert_int_equal(story_file_parse("stories", json, strlen(json), &file, NULL), 0);
    story_file_free(file);
    assert_int_equal(story_file_parse("stories", list, strlen(list), &file, NULL), 0);
    story_file_free(file);
    file = NULL;
    assert_int_equal(fails("x.json", list, strlen(list), &err), ERROR_VALIDATION);
    assert_int_equal(fails("x.MD", json, strlen(json), &err), ERROR_VALIDATION);
}

static void what_is_no_text_is_refused_where_it_begins_to_be_none(void **state)
{
    struct error err = ERROR_INIT;
    char *large = mem_alloc(STORY_FILE_BYTES_MAX + 2);

    (void)state;
    assert_int_equal(fails("x.md", "- [ ] \xc3\xa9\n\xff", 10, &err), ERROR_VALIDATION);
    assert_string_equal(err.text, "x.md:2:1: this is no text in UTF-8");
    assert_int_equal(fails("x.md", "- [ ] a\0b", 9, &err), ERROR_VALIDATION);
    assert_string_equal(err.text, "x.md:1:8: this is no text in UTF-8");
    memset(large, 'a', STORY_FILE_BYTES_MAX + 1);
    large[STORY_FILE_BYTES_MAX + 1] = '\0';
    assert_int_equal(fails("x.md", large, STORY_FILE_BYTES_MAX + 1, &err), ERROR_LIMIT);
    free(large);
}

/* A story is known by what is to be done, wherever it stands by then. */
static void a_key_is_that_of_the_text(void **state)
{
    static const char before[] = "- [ ] a\n- [ ] b\n- [ ] a\n";
    static const char after[] = "# New\n\n- [ ] c\n* [x] a\n- [ ] b\n- [ ] a\n";
    struct story_file *old = NULL;
    struct story_file *new = NULL;

    (void)state;
    assert_int_equal(story_file_parse("x.md", before, strlen(before), &old, NULL), 0);
    assert_int_equal(story_file_parse("x.md", after, strlen(after), &new, NULL), 0);
    assert_int_equal(story_find(new, old->stories.items[1].key), 2);
    assert_int_equal(story_find(new, old->stories.items[0].key), 1);
    assert_int_equal(story_find(new, old->stories.items[2].key), 3);
    assert_int_equal(story_find(old, new->stories.items[0].key), -1);
    story_file_free(old);
    story_file_free(new);
}

static void a_heading_is_marked_with_the_last_below_it(void **state)
{
    static const char text[] = "- [ ] top\n  - [ ] mid\n    - [ ] a\n    - [ ] b\n  - [x] c\n";
    struct story_file *file = NULL;
    struct strbuf marked;
    struct strbuf again;

    (void)state;
    assert_int_equal(story_file_parse("x.md", text, strlen(text), &file, NULL), 0);
    assert_false(story_counts(&file->stories.items[0]));
    assert_true(story_counts(&file->stories.items[2]));
    strbuf_init(&marked, 1000);
    strbuf_init(&again, 1000);
    story_mark(file, 2, &marked);
    assert_string_equal(marked.data,
                        "- [ ] top\n  - [ ] mid\n    - [x] a\n    - [ ] b\n  - [x] c\n");
    story_file_free(file);
    assert_int_equal(story_file_parse("x.md", marked.data, marked.length, &file, NULL), 0);
    story_mark(file, 3, &again);
    assert_string_equal(again.data,
                        "- [x] top\n  - [x] mid\n    - [x] a\n    - [x] b\n  - [x] c\n");
    strbuf_release(&marked);
    strbuf_release(&again);
    story_file_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_or_the_text_says_what_it_is),
        cmocka_unit_test(what_is_no_text_is_refused_where_it_begins_to_be_none),
        cmocka_unit_test(a_key_is_that_of_the_text),
        cmocka_unit_test(a_heading_is_marked_with_the_last_below_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
