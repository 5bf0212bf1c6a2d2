/* SPDX-License-Identifier: MIT */
#include "run/run.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"
#include "support/workflow_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "name: t\n"
                           "inputs:\n"
                           "  place: { type: path }\n"
                           "  words: { type: string }\n"
                           "phases: [{ id: p, steps: [{ id: s, run: 'true' }] }]\n";

static int check(const char *project, const char *input, const char *value, struct error *err)
{
    struct parsed parsed = parse_clean(text);
    json_t *inputs = json_pack("{s:n, s:n}", "place", "words");
    int r;

    json_put_text(inputs, input, value);
    r = run_check_paths(parsed.workflow, inputs, project, err);
    json_decref(inputs);
    parsed_release(&parsed);
    return r;
}

static void a_path_that_a_link_leads_out_of_the_project_is_refused_by_its_name(void **state)
{
    struct error err = ERROR_INIT;
    char *link = scratch_path(*state, "link");

    assert_int_equal(symlink("/", link), 0);
    assert_int_equal(check(*state, "place", "link/etc", &err), ERROR_INVALID);
    assert_string_equal(err.text, "input \"place\": the path \"link/etc\" leads out of the project "
                                  "by a link");
    assert_true(err.hint[0] != '\0');
    free(link);
}

static void what_stays_inside_is_no_path_or_was_not_given_passes(void **state)
{
    assert_int_equal(check(*state, "place", "not/made/yet", NULL), 0);
    assert_int_equal(check(*state, "words", "/etc", NULL), 0);
    assert_int_equal(check(*state, "words", NULL, NULL), 0);
}

static int set_up(void **state)
{
    *state = scratch_new();
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_path_that_a_link_leads_out_of_the_project_is_refused_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_inside_is_no_path_or_was_not_given_passes,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
