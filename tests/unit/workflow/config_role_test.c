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

static const char *find(const struct config *config, const char *name)
{
    const struct agent_config *agent = config_find_agent(config, name);

    return agent ? agent->name : "";
}

static void a_role_names_its_agent(void **state)
{
    (void)state;
    struct config *config = parse("roles: { reviewer: gemini, writer: claude }\n",
                                  "roles: { reviewer: codex, tester: codex }\n");

    assert_string_equal(find(config, "reviewer"), "gemini");
    assert_string_equal(find(config, "tester"), "codex");
    assert_string_equal(find(config, "writer"), "claude");
    assert_string_equal(find(config, "nobody"), "");
    config_free(config);
}

static void an_agent_has_the_role_that_it_gives_itself(void **state)
{
    (void)state;
    struct config *config = parse("agents:\n"
                                  "  off: { command: x, role: a, enabled: false }\n"
                                  "  one: { command: x, role: a }\n"
                                  "  two: { command: x, role: a }\n"
                                  "  three: { command: x, role: b }\n"
                                  "roles: { b: one }\n",
                                  NULL);

    assert_string_equal(find(config, "a"), "one");
    assert_string_equal(find(config, "b"), "one");
    /* That of a built-in agent is only shown. */
    assert_string_equal(find(config, "refinement"), "");
    config_free(config);
}

static void a_name_goes_before_a_role(void **state)
{
    (void)state;
    struct config *config = parse("roles: { codex: gemini }\n", NULL);

    assert_string_equal(find(config, "codex"), "codex");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_names_its_agent),
        cmocka_unit_test(an_agent_has_the_role_that_it_gives_itself),
        cmocka_unit_test(a_name_goes_before_a_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
