/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "run/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static struct agent_config agents[] = {
    {.name = "mine", .type = "command", .enabled = true, .model = "m"},
    {.name = "off", .type = "command", .disabled_why = "`enabled: false`"},
    {.name = "odd", .type = "abacus", .enabled = true},
};
static const struct config config = {
    .agents = agents, .agent_count = ARRAY_LEN(agents), .default_agent = "mine"};

static void an_agent_is_found_by_its_name_or_as_the_default(void **state)
{
    struct agent_profile profile;

    (void)state;
    assert_int_equal(profile_find(&config, NULL, &profile, NULL), 0);
    assert_string_equal(profile.name, "mine");
    assert_ptr_equal(profile.adapter, adapter_find("command"));
    assert_string_equal(profile.model, "m");
}

static void assert_unusable(const char *name, const char *words)
{
    struct agent_profile profile;
    struct error err = ERROR_INIT;

    assert_int_equal(profile_find(&config, name, &profile, &err), ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.text, words));
    assert_non_null(strstr(err.hint, "agents:"));
}

static void one_that_cannot_be_used_says_why(void **state)
{
    (void)state;
    assert_unusable("none", "not configured");
    assert_unusable("off", "`enabled: false`");
    assert_unusable("odd", "\"abacus\"");
}

static void a_step_cannot_ask_for_what_the_agent_cannot_do(void **state)
{
    static const char *const tools[] = {"Read"};
    const struct {
        struct step step;
        unsigned ability;
        const char *key;
    } samples[] = {
        {{.id = "s", .read_only = true}, CAN_READ_ONLY, "read_only"},
        {{.id = "s", .tools = tools, .tool_count = 1}, CAN_TOOLS, "tools"},
        {{.id = "s", .turns_max = 3}, CAN_TURNS, "turns_max"},
        {{.id = "s", .budget_usd = 0.5}, CAN_BUDGET, "budget_usd"},
        {{.id = "s", .model = "x"}, CAN_MODEL, "model"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct adapter adapter = {.title = "T", .abilities = CAN_EDIT};
        const struct agent_profile profile = {.name = "a", .adapter = &adapter};
        struct error err = ERROR_INIT;

        assert_int_equal(profile_check_step(&profile, &samples[i].step, &err), ERROR_INVALID);
        assert_non_null(strstr(err.text, samples[i].key));
        assert_non_null(strstr(err.hint, samples[i].key));
        adapter.abilities |= samples[i].ability;
        assert_int_equal(profile_check_step(&profile, &samples[i].step, NULL), 0);
    }
}

static void who_never_edits_needs_no_mode_for_it(void **state)
{
    const struct adapter adapter = {.title = "T"};
    const struct agent_profile profile = {.name = "a", .adapter = &adapter};
    const struct step step = {.id = "s", .read_only = true};

    (void)state;
    assert_int_equal(profile_check_step(&profile, &step, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_found_by_its_name_or_as_the_default),
        cmocka_unit_test(one_that_cannot_be_used_says_why),
        cmocka_unit_test(a_step_cannot_ask_for_what_the_agent_cannot_do),
        cmocka_unit_test(who_never_edits_needs_no_mode_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
