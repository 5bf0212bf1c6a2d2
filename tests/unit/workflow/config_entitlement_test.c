/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config *parse(const char *project, const char *user)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;

    assert_int_equal(config_parse(&(struct config_texts){project, "project", user, "user", NULL},
                                  &config, problems, NULL),
                     0);
    free(problems);
    return config;
}

/* The first problem of a configuration that is refused. */
static void refuse(const char *project, const char *user, const char *text, int line)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct config *config = NULL;

    assert_int_equal(config_parse(&(struct config_texts){project, "project", user, "user", NULL},
                                  &config, problems, NULL),
                     ERROR_VALIDATION);
    assert_non_null(strstr(problems->items[0].text, text));
    assert_int_equal(problems->items[0].at.line, line);
    free(problems);
}

static void every_tier_is_allowed_where_nothing_is_said(void **state)
{
    (void)state;
    struct config *config = parse("offline: auto\n", NULL);

    assert_int_equal(config->entitlement.tier, TIER_ENTERPRISE);
    assert_null(config->entitlement.tier_file);
    assert_false(config->entitlement.asks_server);
    config_free(config);
}

static void the_narrower_of_two_files_holds(void **state)
{
    (void)state;
    struct config *config = parse("entitlement: { tier: enterprise }\n",
                                  "\nentitlement:\n  tier: pro\n");

    assert_int_equal(config->entitlement.tier, TIER_PRO);
    assert_string_equal(config->entitlement.tier_file, "user");
    assert_int_equal(config->entitlement.tier_at.line, 3);
    config_free(config);
    config = parse("entitlement: { tier: free }\n", "entitlement: { tier: team }\n");
    assert_int_equal(config->entitlement.tier, TIER_FREE);
    assert_string_equal(config->entitlement.tier_file, "project");
    config_free(config);
}

static void whom_the_user_names_is_asked_whatever_a_project_says(void **state)
{
    (void)state;
    struct config *config = parse("entitlement: { mode: local, command: [echo, enterprise] }\n",
                                  "entitlement: { mode: server, command: mine --tier }\n");

    assert_true(config->entitlement.asks_server);
    assert_false(config->entitlement.is_of_project);
    assert_int_equal(config->entitlement.command_count, 2);
    assert_string_equal(config->entitlement.command[0], "mine");
    config_free(config);
    config = parse("entitlement: { mode: server, command: theirs }\n", NULL);
    assert_true(config->entitlement.is_of_project);
    config_free(config);
}

static void a_server_that_nobody_names_is_an_error(void **state)
{
    (void)state;
    refuse("entitlement: { mode: server, command: [echo, enterprise] }\n",
           "entitlement: { mode: server }\n", "asks nobody", 1);
    refuse("entitlement:\n  mode: server\n  command: []\n", NULL, "names no program", 3);
    refuse("entitlement: { tier: gold }\n", NULL, "gold", 1);
}

static void tiers_are_known_by_their_words(void **state)
{
    (void)state;
    enum tier tier = TIER_FREE;

    assert_true(tier_parse("team", &tier));
    assert_int_equal(tier, TIER_TEAM);
    assert_string_equal(tier_name(tier), "team");
    assert_false(tier_parse("Team", &tier));
    assert_false(tier_parse("", &tier));
    assert_int_equal(tier, TIER_TEAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tier_is_allowed_where_nothing_is_said),
        cmocka_unit_test(the_narrower_of_two_files_holds),
        cmocka_unit_test(whom_the_user_names_is_asked_whatever_a_project_says),
        cmocka_unit_test(a_server_that_nobody_names_is_an_error),
        cmocka_unit_test(tiers_are_known_by_their_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
