/* SPDX-License-Identifier: MIT */
#include "results/snapshot.h"

#include "../../support/snapshot_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The content of the file as it is now, kept. free() it. */
static char *state_of(struct snapshot_project *project, const char *text, mode_t mode)
{
    char digest[DIGEST_HEX_SIZE];
    char *path = mem_printf("%s/a.txt", project->folder);
    char *content = NULL;

    snapshot_project_write(project, "a.txt", text);
    assert_int_equal(chmod(path, mode), 0);
    snapshot_project_take(project, digest);
    assert_int_equal(tree_look(project->folder, "a.txt", &content, NULL), 0);
    free(path);
    return content;
}

static int merge(struct snapshot_project *project, const char *ours_text, const char *theirs_text,
                 char **ret_merged)
{
    char *base = state_of(project, "1\n2\n3\n4\n5\n", 0644);
    char *theirs = state_of(project, theirs_text, 0755);
    char *ours = state_of(project, ours_text, 0644);
    const struct three_ways ways = {base, ours, theirs};
    int r = change_merge(project->snapshots, &ways, ret_merged, NULL);

    free(base);
    free(ours);
    free(theirs);
    return r;
}

static void what_both_sides_changed_elsewhere_is_put_together(void **state)
{
    struct snapshot_project *project = *state;
    char *merged = NULL;
    char digest[DIGEST_HEX_SIZE];
    char *text = NULL;
    size_t length;

    assert_int_equal(merge(project, "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n", &merged), 0);
    /* and its mode is that of the side that changed it */
    assert_memory_equal(merged, "100755 ", 7);
    assert_non_null(strstr(merged, " 755"));
    memcpy(digest, merged + 7, DIGEST_HEX_LENGTH);
    digest[DIGEST_HEX_LENGTH] = '\0';
    assert_int_equal(snapshot_get(project->snapshots, digest, &text, &length, NULL), 0);
    assert_string_equal(text, "one\n2\n3\n4\nfive\n");
    free(text);
    free(merged);
}

static void the_same_lines_are_a_conflict_with_both_sides_between_marks(void **state)
{
    struct snapshot_project *project = *state;
    char digest[DIGEST_HEX_SIZE];
    char *merged = NULL;
    char *text;
    size_t length;

    assert_int_equal(merge(*state, "one\n2\n3\n4\n5\n", "eins\n2\n3\n4\n5\n", &merged),
                     ERROR_CONFLICT);
    change_digest(merged, digest);
    assert_int_equal(snapshot_get(project->snapshots, digest, &text, &length, NULL), 0);
    assert_non_null(strstr(text, "<<<<<<< the project\n"));
    assert_non_null(strstr(text, "||||||| both before\n"));
    assert_non_null(strstr(text, "one\n"));
    assert_non_null(strstr(text, "eins\n"));
    free(text);
    free(merged);
}

static void what_is_no_file_on_every_side_is_a_conflict(void **state)
{
    struct snapshot_project *project = *state;
    char *base = state_of(project, "1\n", 0644);
    const struct three_ways ways = {base, base, NULL};
    char *merged = NULL;

    assert_int_equal(change_merge(project->snapshots, &ways, &merged, NULL), ERROR_CONFLICT);
    free(base);
}

#define CASE(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, snapshot_project_set_up, snapshot_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_both_sides_changed_elsewhere_is_put_together),
        CASE(the_same_lines_are_a_conflict_with_both_sides_between_marks),
        CASE(what_is_no_file_on_every_side_is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
