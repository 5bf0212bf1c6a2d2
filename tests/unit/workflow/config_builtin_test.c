/* SPDX-License-Identifier: MIT */
#include "workflow/config_builtin.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_type(const char *name)
{
    size_t count;
    const char *const *types = config_agent_types(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void every_built_in_agent_has_a_known_type(void **state)
{
    (void)state;
    size_t count;
    const struct agent_config *agents = config_builtin_agents(&count);

    for (size_t i = 0; i < count; i++) {
        assert_true(is_type(agents[i].type));
        assert_true(agents[i].enabled);
        assert_true(agents[i].is_builtin);
        assert_non_null(agents[i].description);
        assert_string_equal(agents[i].prompt_by, "stdin");
        assert_string_equal(agents[i].output_format, "text");
        assert_ptr_equal(config_find_builtin(agents[i].name), &agents[i]);
        /* A service by its name as a type. */
        assert_true(!agents[i].endpoint || is_type(agents[i].name));
        assert_true(!agents[i].endpoint == !agents[i].key);
    }
    assert_null(config_find_builtin("none"));
}

static void a_program_is_known_by_all_its_names(void **state)
{
    (void)state;
    assert_string_equal(config_find_program("/usr/bin/codex"), "codex");
    assert_string_equal(config_find_program("Gemini-CLI"), "gemini");
    assert_string_equal(config_find_program("gh-copilot"), "copilot");
    assert_null(config_find_program("house"));
    assert_null(config_find_program(NULL));
    assert_true(config_is_old_name("gh-copilot"));
    assert_false(config_is_old_name("claude-code"));
    assert_false(config_is_old_name("/usr/bin/gemini-cli"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_built_in_agent_has_a_known_type),
        cmocka_unit_test(a_program_is_known_by_all_its_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
