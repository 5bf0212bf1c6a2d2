/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/changes.h"
#include "run/claims.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A listing holds a path and its content in turn. */
static void list(struct strbuf *listing, const char *path)
{
    strbuf_add_bytes(listing, path, strlen(path) + 1);
    strbuf_add_bytes(listing, "f 0", 4);
}

/* In the list afterwards: same, made, sub/made. Not as before: made, sub/made, gone. There, but git
 * ignores it: ignored. */
static void assert_claims(const char *scratch, const char *cwd, const char *paths,
                          const char *expected)
{
    json_t *claimed = json_loads(paths, 0, NULL);
    json_t *changed = json_pack("[s, s, s]", "gone", "made", "sub/made");
    json_t *changes = json_object();
    struct claims claims = {claimed, scratch, cwd};
    struct strbuf after;
    char *text;

    assert_non_null(claimed);
    strbuf_init(&after, 4096);
    list(&after, "made");
    list(&after, "same");
    list(&after, "sub/made");
    scratch_write(scratch, "made", "");
    scratch_write(scratch, "same", "");
    scratch_write(scratch, "ignored", "");
    claims_compare(&claims, changed, &after, changes);
    text = json_dump_sorted(changes);
    assert_string_equal(text, expected);
    free(text);
    strbuf_release(&after);
    json_decref(changes);
    json_decref(changed);
    json_decref(claimed);
}

static void what_was_claimed_and_done_is_not_told(void **state)
{
    char *scratch = scratch_new();

    (void)state;
    assert_claims(scratch, scratch, "{\"gone\":true,\"made\":true,\"sub/made\":true}", "{}");
    scratch_remove(scratch);
}

static void what_was_only_claimed_and_what_was_not_is_told(void **state)
{
    char *scratch = scratch_new();

    (void)state;
    assert_claims(
        scratch, scratch, "{\"made\":true,\"same\":true,\"never\":true}",
        "{\"not_claimed\":[\"gone\",\"sub/made\"],\"only_claimed\":[\"same\",\"never\"]}");
    assert_claims(scratch, scratch, "{}", "{\"not_claimed\":[\"gone\",\"made\",\"sub/made\"]}");
    scratch_remove(scratch);
}

static void what_git_ignores_or_lies_outside_counts_for_neither(void **state)
{
    char *scratch = scratch_new();

    (void)state;
    assert_claims(scratch, scratch,
                  "{\"gone\":true,\"made\":true,\"sub/made\":true,\"ignored\":true,"
                  "\"/etc/passwd\":true,\"../x\":true,\".\":true,\"/\":true,\"..\":true}",
                  "{}");
    scratch_remove(scratch);
}

static void paths_are_those_of_the_project_however_they_are_said(void **state)
{
    char *scratch = scratch_new();
    char *link = mem_printf("%s-link", scratch);
    char *cwd = mem_printf("%s/sub", link);
    char *paths = mem_printf("{\"made\":true,\"../made\":true,\"%s//./x/../gone\":true}", scratch);

    (void)state;
    assert_int_equal(symlink(scratch, link), 0);
    assert_claims(link, cwd, paths, "{}"); /* `made` is that of the folder it works in */
    assert_int_equal(unlink(link), 0);
    free(paths);
    free(cwd);
    free(link);
    scratch_remove(scratch);
}

static void a_path_that_is_said_twice_is_told_once(void **state)
{
    char *scratch = scratch_new();

    (void)state;
    assert_claims(scratch, scratch,
                  "{\"same\":true,\"./same\":true,\"sub/../same\":true,\"gone\":true,\"made\":true,"
                  "\"sub/made\":true}",
                  "{\"only_claimed\":[\"same\"]}");
    scratch_remove(scratch);
}

static void of_a_project_that_is_gone_the_claims_stay_claims(void **state)
{
    const struct claims claims = {json_pack("{s:b, s:b}", "never", 1, "/elsewhere", 1),
                                  "/nonexistent/project", "/nonexistent/project"};
    json_t *changed = json_array();
    json_t *changes = json_object();
    struct strbuf after;

    (void)state;
    strbuf_init(&after, 100);
    claims_compare(&claims, changed, &after, changes);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(changes, "only_claimed"), 0)), "never");
    assert_int_equal(json_array_size(json_object_get(changes, "only_claimed")), 1);
    strbuf_release(&after);
    json_decref(changes);
    json_decref(changed);
    json_decref((json_t *)claims.paths);
}

static void no_more_paths_are_told_than_there_is_room_for(void **state)
{
    char *scratch = scratch_new();
    json_t *claimed = json_object();
    json_t *changed = json_array();
    json_t *changes = json_object();
    struct claims claims = {claimed, scratch, scratch};
    struct strbuf after;

    (void)state;
    strbuf_init(&after, 4096);
    for (int i = 0; i < CHANGES_PATHS_MAX + 5; i++) {
        char name[20];

        (void)snprintf(name, sizeof(name), "c%d", i);
        json_put(claimed, name, json_true());
        (void)snprintf(name, sizeof(name), "n%d", i);
        (void)json_array_append_new(changed, json_string(name));
    }
    claims_compare(&claims, changed, &after, changes);
    assert_int_equal(json_array_size(json_object_get(changes, "only_claimed")), CHANGES_PATHS_MAX);
    assert_int_equal(json_array_size(json_object_get(changes, "not_claimed")), CHANGES_PATHS_MAX);
    strbuf_release(&after);
    json_decref(changes);
    json_decref(changed);
    json_decref(claimed);
    scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_claimed_and_done_is_not_told),
        cmocka_unit_test(what_was_only_claimed_and_what_was_not_is_told),
        cmocka_unit_test(what_git_ignores_or_lies_outside_counts_for_neither),
        cmocka_unit_test(paths_are_those_of_the_project_however_they_are_said),
        cmocka_unit_test(a_path_that_is_said_twice_is_told_once),
        cmocka_unit_test(of_a_project_that_is_gone_the_claims_stay_claims),
        cmocka_unit_test(no_more_paths_are_told_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
