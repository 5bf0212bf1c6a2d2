/* SPDX-License-Identifier: MIT */
#include "drive/acp.h"

#include "base/alloc.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *choose(const struct acp_call *call, const char *kind, const char *path,
                          bool *ret_is_allowed)
{
    static char option[32];
    json_t *params = json_pack("{s:{s:s}, s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]}", "toolCall",
                               "kind", kind, "options", "optionId", "always", "kind",
                               "allow_always", "optionId", "once", "kind", "allow_once", "optionId",
                               "no", "kind", "reject_once");
    const char *found;

    if (path) {
        json_put(json_object_get(params, "toolCall"), "locations",
                 json_pack("[{s:s}]", "path", path));
    }
    found = acp_choose_option(call, params, NULL, ret_is_allowed);
    (void)snprintf(option, sizeof(option), "%s", found ? found : "(none)");
    json_decref(params);
    return option;
}

static void assert_choice(const struct acp_call *call, const char *kind, const char *path,
                          const char *expected)
{
    bool is_allowed;

    assert_string_equal(choose(call, kind, path, &is_allowed), expected);
    assert_int_equal(is_allowed, strcmp(expected, "once") == 0);
}

static void edits_are_allowed_inside_the_folder_only(void **state)
{
    char *folder = scratch_new();
    char *inside = scratch_path(folder, "a/b");
    char *above = scratch_path(folder, "../x");
    char *link = scratch_path(folder, "link");
    char *behind = scratch_path(folder, "link/passwd");
    char *nowhere = scratch_path(folder, "nowhere");
    struct acp_call call = {.cwd = folder};

    (void)state;
    assert_int_equal(symlink("/etc", link), 0);
    assert_int_equal(symlink("../acp-not-made-yet", nowhere), 0);
    assert_choice(&call, "edit", inside, "once");
    assert_choice(&call, "edit", "relative", "once");
    assert_choice(&call, "edit", folder, "once");
    assert_choice(&call, "edit", above, "no");
    assert_choice(&call, "edit", behind, "no");
    assert_choice(&call, "edit", nowhere, "no");
    assert_choice(&call, "delete", "/etc/passwd", "no");
    assert_choice(&call, "edit", NULL, "no");
    assert_choice(&call, "read", "/etc/passwd", "no");
    assert_choice(&call, "read", inside, "once");
    call.is_read_only = true;
    assert_choice(&call, "edit", inside, "no");
    assert_choice(&call, "search", NULL, "once");
    free(nowhere);
    free(behind);
    free(link);
    free(above);
    free(inside);
    scratch_remove(folder);
}

static void other_kinds_need_to_be_listed(void **state)
{
    json_t *tools = json_pack("[s, i]", "execute", 3);
    struct acp_call call = {.cwd = "/", .tools = tools};

    (void)state;
    assert_choice(&call, "execute", NULL, "once");
    assert_choice(&call, "fetch", NULL, "no");
    assert_choice(&call, "whatever", NULL, "no");
    call.is_read_only = true;
    assert_choice(&call, "execute", NULL, "no");
    json_decref(tools);
}

static void without_an_option_that_fits_nothing_is_allowed(void **state)
{
    struct acp_call call = {.cwd = "/"};
    json_t *params = json_pack("{s:{s:s}, s:[{s:s, s:s}]}", "toolCall", "kind", "read", "options",
                               "optionId", "always", "kind", "allow_always");
    bool is_allowed = true;

    (void)state;
    assert_null(acp_choose_option(&call, params, NULL, &is_allowed));
    assert_false(is_allowed);
    json_decref(params);
    params = json_object();
    assert_null(acp_choose_option(&call, params, "read", &is_allowed));
    json_decref(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_are_allowed_inside_the_folder_only),
        cmocka_unit_test(other_kinds_need_to_be_listed),
        cmocka_unit_test(without_an_option_that_fits_nothing_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
