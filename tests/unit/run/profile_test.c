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
    {.name = "silent", .type = "command"},
    {.name = "plain", .type = "command", .enabled = true},
    {.name = "slow", .type = "command", .enabled = true, .timeout_ms = 5000},
    {.name = "claude", .type = "claude", .enabled = true},
    {.name = "paid", .type = "claude", .enabled = true, .model = "mine"},
    {.name = "local", .type = "ollama", .enabled = true},
};
static const struct price prices[] = {
    {.model = "all", .input = 2, .cached_input = 0.5, .output = 10},
    {.model = "no-cache", .input = 2, .cached_input = -1, .output = 10},
    {.model = "in", .input = 2, .cached_input = 0.5, .output = -1},
    {.model = "out", .input = -1, .cached_input = 0.5, .output = 10},
    {.model = "neither", .input = -1, .cached_input = -1, .output = 10},
};
static const struct config config = {
    .agents = agents,
    .agent_count = ARRAY_LEN(agents),
    .prices = prices,
    .price_count = ARRAY_LEN(prices),
    .default_agent = "mine",
};

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
    assert_unusable("silent", "disabled (configuration)");
}

static struct profile_use use_of(const struct step *step)
{
    return (struct profile_use){step, step->agent};
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

        assert_int_equal(profile_check_step(&profile, use_of(&samples[i].step), &err),
                         ERROR_INVALID);
        assert_non_null(strstr(err.text, samples[i].key));
        assert_non_null(strstr(err.hint, samples[i].key));
        adapter.abilities |= samples[i].ability;
        assert_int_equal(profile_check_step(&profile, use_of(&samples[i].step), NULL), 0);
    }
}

static void who_never_edits_needs_no_mode_for_it(void **state)
{
    const struct adapter adapter = {.title = "T"};
    const struct agent_profile profile = {.name = "a", .adapter = &adapter};
    const struct step step = {.id = "s", .read_only = true};

    (void)state;
    assert_int_equal(profile_check_step(&profile, use_of(&step), NULL), 0);
}

static void a_configured_mode_is_one(void **state)
{
    static const char *const words[] = {"tool", "--plan"};
    static const struct agent_config agent = {
        .name = "a", .type = "command", .read_only_command = words, .read_only_count = 2};
    const struct adapter adapter = {.kind = ADAPTER_COMMAND, .abilities = CAN_EDIT};
    const struct step step = {.id = "s", .read_only = true};
    struct agent_profile profile;
    struct error err = ERROR_INIT;

    (void)state;
    profile_fill(&agent, &adapter, &profile);
    assert_int_equal(profile_abilities(&profile), CAN_EDIT | CAN_READ_ONLY);
    assert_int_equal(profile_check_step(&profile, use_of(&step), NULL), 0);
    profile.read_only_count = 0;
    assert_int_equal(profile_check_step(&profile, use_of(&step), &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "read_only_command"));
}

static void the_model_is_that_of_the_call_the_step_or_the_agent(void **state)
{
    static const struct config without_default = {.agents = agents, .agent_count = 1};
    const struct step named = {.kind = STEP_AGENT, .agent = "plain", .model = "own"};
    const struct step plain = {.kind = STEP_AGENT, .agent = "plain"};
    const struct step by_default = {.kind = STEP_AGENT};
    const struct step command = {.kind = STEP_COMMAND};

    (void)state;
    assert_string_equal(profile_model(&config, use_of(&named), "said"), "said");
    assert_string_equal(profile_model(&config, use_of(&named), NULL), "own");
    assert_null(profile_model(&config, use_of(&plain), NULL));
    assert_string_equal(profile_model(&config, use_of(&by_default), NULL), "m");
    assert_null(profile_model(&without_default, use_of(&by_default), NULL));
    assert_null(profile_model(&config, use_of(&command), NULL));
    /* Who takes over has a model of its own. */
    assert_null(profile_wanted_model((struct profile_use){&named, "other"}));
    assert_null(profile_model(&config, (struct profile_use){&named, "other"}, NULL));
}

static double cost(const char *model, struct agent_usage usage)
{
    usage.cost_usd = -1;
    profile_add_cost(&config, model, &usage);
    return usage.cost_usd;
}

static void assert_near(double value, double expected)
{
    if (value < expected - 1e-9 || value > expected + 1e-9) {
        fail_msg("%g instead of %g", value, expected);
    }
}

static void a_price_of_a_million_tokens_gives_the_cost(void **state)
{
    const struct agent_usage usage = {
        .input_tokens = 1000000, .cached_tokens = 400000, .output_tokens = 100000};
    const struct agent_usage no_cache = {
        .input_tokens = 1000000, .cached_tokens = -1, .output_tokens = 0};

    (void)state;
    assert_near(cost("all", usage), 1.2 + 0.2 + 1);
    assert_near(cost("no-cache", usage), 1.2 + 0.8 + 1);
    assert_near(cost("all", no_cache), 2);
    /* What is not used may have an unknown price. */
    assert_near(cost("in", no_cache), 2);
}

static void a_cost_that_is_not_known_is_not_guessed(void **state)
{
    const struct agent_usage usage = {
        .input_tokens = 1000000, .cached_tokens = 400000, .output_tokens = 100000};
    const struct agent_usage no_output = {
        .input_tokens = 1000000, .cached_tokens = 0, .output_tokens = -1};
    const struct agent_usage only_cached = {
        .input_tokens = 400000, .cached_tokens = 400000, .output_tokens = 1};
    const struct agent_usage more_cached = {
        .input_tokens = 100, .cached_tokens = 200, .output_tokens = 1};
    struct agent_usage stated = {.cost_usd = 3, .input_tokens = 5, .output_tokens = 5};

    (void)state;
    assert_near(cost(NULL, usage), -1);
    assert_near(cost("unpriced", usage), -1);
    assert_near(cost("in", usage), -1);
    assert_near(cost("out", usage), -1);
    assert_near(cost("neither", only_cached), -1);
    assert_near(cost("all", no_output), -1);
    assert_near(cost("all", more_cached), -1);
    profile_add_cost(&config, "all", &stated);
    assert_near(stated.cost_usd, 3);
}

static void the_shorter_time_out_of_step_and_agent_counts(void **state)
{
    const struct {
        struct step step;
        int64_t timeout_ms;
    } samples[] = {
        {{.kind = STEP_AGENT, .agent = "slow"}, 5000},
        {{.kind = STEP_AGENT, .agent = "slow", .timeout_ms = 3000}, 3000},
        {{.kind = STEP_AGENT, .agent = "slow", .timeout_ms = 9000}, 5000},
        {{.kind = STEP_AGENT, .agent = "plain", .timeout_ms = 9000}, 9000},
        {{.kind = STEP_COMMAND, .timeout_ms = 9000}, 9000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        assert_int_equal(profile_timeout_ms(&config, use_of(&samples[i].step)),
                         samples[i].timeout_ms);
    }
}

static const char *const opus[] = {"opus"};
static const char *const any_model[] = {"any"};
static const char *const make_tool[] = {"Bash(make:*)"};
static const struct expert_hint model_hints[] = {{"claude", opus, 1}, {NULL, any_model, 1}};
static const struct expert_hint tool_hints[] = {{"claude", make_tool, 1}};
static const struct expert expert = {.models = model_hints,
                                     .model_count = 2,
                                     .tools = tool_hints,
                                     .tool_count = 1,
                                     .temperature = 0.25};

static void a_model_of_an_expert_is_for_agents_that_have_none_and_take_one(void **state)
{
    const struct {
        struct step step;
        const char *agent;
        const char *model;
    } samples[] = {
        {{.kind = STEP_AGENT, .agent = "claude", .role = &expert}, "claude", "opus"},
        {{.kind = STEP_AGENT, .agent = "claude", .role = &expert, .model = "own"}, "claude", "own"},
        {{.kind = STEP_AGENT, .agent = "paid", .role = &expert}, "paid", NULL},
        {{.kind = STEP_AGENT, .agent = "local", .role = &expert}, "local", "any"},
        {{.kind = STEP_AGENT, .agent = "claude", .role = &expert}, "local", NULL},
        {{.kind = STEP_AGENT, .agent = "claude"}, "claude", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const char *model = profile_call_model(
            &config, (struct profile_use){&samples[i].step, samples[i].agent});

        assert_true(samples[i].model ? model && strcmp(model, samples[i].model) == 0 : !model);
    }
}

static void tools_of_an_expert_are_for_steps_that_name_none(void **state)
{
    static const char *const own[] = {"Read"};
    const struct step with_own = {
        .kind = STEP_AGENT, .agent = "claude", .role = &expert, .tools = own, .tool_count = 1};
    const struct step without = {.kind = STEP_AGENT, .agent = "claude", .role = &expert};
    const struct step other = {.kind = STEP_AGENT, .agent = "local", .role = &expert};

    (void)state;
    assert_ptr_equal(profile_expert_tools(&config, use_of(&without)), &tool_hints[0]);
    assert_null(profile_expert_tools(&config, use_of(&with_own)));
    assert_null(profile_expert_tools(&config, use_of(&other)));
}

static void a_temperature_of_an_expert_is_for_servers_that_were_given_none(void **state)
{
    const struct step server = {.kind = STEP_AGENT, .agent = "local", .role = &expert};
    const struct step program = {.kind = STEP_AGENT, .agent = "claude", .role = &expert};
    json_t *given = json_pack("{s:f}", "temperature", 1.0);
    json_t *options = profile_options(&config, use_of(&server));

    (void)state;
    assert_near(json_number_value(json_object_get(options, "temperature")), 0.25);
    json_decref(options);
    assert_null(profile_options(&config, use_of(&program)));
    agents[ARRAY_LEN(agents) - 1].options = given;
    options = profile_options(&config, use_of(&server));
    assert_near(json_number_value(json_object_get(options, "temperature")), 1.0);
    agents[ARRAY_LEN(agents) - 1].options = NULL;
    json_decref(options);
    json_decref(given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_found_by_its_name_or_as_the_default),
        cmocka_unit_test(one_that_cannot_be_used_says_why),
        cmocka_unit_test(a_step_cannot_ask_for_what_the_agent_cannot_do),
        cmocka_unit_test(who_never_edits_needs_no_mode_for_it),
        cmocka_unit_test(a_configured_mode_is_one),
        cmocka_unit_test(the_model_is_that_of_the_call_the_step_or_the_agent),
        cmocka_unit_test(a_price_of_a_million_tokens_gives_the_cost),
        cmocka_unit_test(a_cost_that_is_not_known_is_not_guessed),
        cmocka_unit_test(the_shorter_time_out_of_step_and_agent_counts),
        cmocka_unit_test(a_model_of_an_expert_is_for_agents_that_have_none_and_take_one),
        cmocka_unit_test(tools_of_an_expert_are_for_steps_that_name_none),
        cmocka_unit_test(a_temperature_of_an_expert_is_for_servers_that_were_given_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
