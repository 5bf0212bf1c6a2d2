/* SPDX-License-Identifier: MIT */
#include "planner/task_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define FILES_MAX 20

static struct repository repository;

static int release(void **state)
{
    (void)state;
    repository_release(&repository);
    return 0;
}

/* The paths, one behind the other. */
static const char *found(const char *task)
{
    static char text[1024];
    const struct repository_file *files[FILES_MAX];
    struct words words;
    size_t count;

    words_make(task, &words);
    count = task_files_find(task, &words, &repository, files, FILES_MAX);
    words_release(&words);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(text);

        (void)snprintf(text + length, sizeof(text) - length, " %s", files[i]->path);
    }
    return text;
}

static void a_word_of_the_name_is_enough_in_any_form(void **state)
{
    (void)state;
    repository_add(&repository, "src/cache.c");
    repository_add(&repository, "src/blacklist.c");
    repository_add(&repository, "src/OrderService.java");
    repository_add(&repository, "src/acl.c");
    repository_add(&repository, "src/db.c");
    assert_string_equal(found("Fix the caches"), " src/cache.c");
    assert_string_equal(found("Show the list"), "");
    assert_string_equal(found("Paginate orders"), " src/OrderService.java");
    assert_string_equal(found("Look for vulnerabilities in the ACL code"), " src/acl.c");
    assert_string_equal(found("Speed up the db"), ""); /* too short to be meant for sure */
    assert_string_equal(found("Speed up src/db.c"), " src/db.c");
}

static void the_best_come_first(void **state)
{
    (void)state;
    repository_add(&repository, "src/cluster-info.json");
    repository_add(&repository, "src/cluster-failover.json");
    repository_add(&repository, "src/main.c");
    repository_add(&repository, "src/cluster.c");
    repository_add(&repository, "tests/cluster_test.c");
    assert_string_equal(found("In main.c the failover of a cluster is slow"),
                        " src/main.c src/cluster-failover.json src/cluster.c "
                        "src/cluster-info.json");
}

static void a_word_of_many_names_tells_none_of_them(void **state)
{
    char path[64];

    (void)state;
    for (int i = 0; i < 9; i++) {
        (void)snprintf(path, sizeof(path), "src/command-%c.json", 'a' + i);
        repository_add(&repository, path);
    }
    assert_string_equal(found("Write a command"), "");
    repository_add(&repository, "src/command.c");
    assert_string_equal(found("Write a command"), " src/command.c");
}

static void what_a_sentence_begins_with_is_no_name(void **state)
{
    (void)state;
    repository_add(&repository, "src/list.c");
    assert_string_equal(found("List the users"), "");
    assert_string_equal(found("Sort the list"), " src/list.c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_word_of_the_name_is_enough_in_any_form, release),
        cmocka_unit_test_teardown(the_best_come_first, release),
        cmocka_unit_test_teardown(a_word_of_many_names_tells_none_of_them, release),
        cmocka_unit_test_teardown(what_a_sentence_begins_with_is_no_name, release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
