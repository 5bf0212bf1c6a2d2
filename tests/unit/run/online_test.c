/* SPDX-License-Identifier: MIT */
#include "run/online.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_address(const struct agent_config *agent, const char *const *environment,
                           const char *wanted)
{
    char *address = online_address(agent, environment);

    if (wanted) {
        assert_string_equal(address, wanted);
    } else {
        assert_null(address);
    }
    free(address);
}

static void an_agent_is_asked_for_where_it_calls(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const other[] = {"ANTHROPIC_BASE_URL=https://gateway.example.com", NULL};
    static const char *const empty[] = {"ANTHROPIC_BASE_URL=", NULL};
    static const char *const bedrock[] = {"CLAUDE_CODE_USE_BEDROCK=1", NULL};
    const struct agent_config claude = {.type = "claude"};
    const struct agent_config server = {.type = "groq"};
    const struct agent_config placed = {.type = "openai-compatible",
                                        .endpoint = "https://own.example.com/v1"};
    const struct agent_config told = {.type = "claude", .online_at = "gate.example.com:8443"};
    const struct agent_config local = {.type = "claude", .offline = true};
    const struct agent_config command = {.type = "command"};

    (void)state;
    assert_address(&claude, none, "https://api.anthropic.com");
    assert_address(&claude, NULL, "https://api.anthropic.com");
    assert_address(&claude, other, "https://gateway.example.com");
    assert_address(&claude, empty, "https://api.anthropic.com");
    assert_address(&claude, bedrock, NULL);
    assert_address(&server, none, "https://api.groq.com/openai/v1");
    assert_address(&placed, none, "https://own.example.com/v1");
    assert_address(&told, other, "gate.example.com:8443");
    assert_address(&local, none, NULL);
    assert_address(&command, none, NULL);
}

static void its_own_environment_outweighs_the_common_one(void **state)
{
    static const char *const common[] = {"ANTHROPIC_BASE_URL=https://common.example.com", NULL};
    const struct agent_variable own = {.name = "ANTHROPIC_BASE_URL",
                                       .value = "https://own.example.com"};
    const struct agent_variable unset = {.name = "ANTHROPIC_BASE_URL", .value = ""};
    struct agent_config agent = {.type = "claude", .env = &own, .env_count = 1};

    (void)state;
    assert_address(&agent, common, "https://own.example.com");
    agent.env = &unset;
    assert_address(&agent, common, "https://api.anthropic.com");
}

static void by_way_of_a_proxy_the_proxy_is_asked_for(void **state)
{
    static const char *const secure[] = {"HTTPS_PROXY=http://proxy:3128", NULL};
    static const char *const plain[] = {"http_proxy=http://plain:3128", NULL};
    static const char *const but[] = {"HTTPS_PROXY=http://proxy:3128",
                                      "NO_PROXY=localhost, .anthropic.com", NULL};
    static const char *const but_others[] = {"HTTPS_PROXY=http://proxy:3128",
                                             "no_proxy=pi.anthropic.com,example.com", NULL};
    static const char *const but_all[] = {"ALL_PROXY=http://proxy:3128", "no_proxy=*", NULL};
    const struct agent_config claude = {.type = "claude"};
    const struct agent_config near = {.type = "openai-compatible",
                                      .endpoint = "https://127.0.0.1:1/v1"};
    const struct agent_config open = {.type = "openai-compatible",
                                      .endpoint = "http://open.example.com"};

    (void)state;
    assert_address(&claude, secure, "http://proxy:3128");
    assert_address(&claude, plain, "https://api.anthropic.com");
    assert_address(&open, plain, "http://plain:3128");
    assert_address(&claude, but, "https://api.anthropic.com");
    assert_address(&claude, but_others, "http://proxy:3128");
    assert_address(&claude, but_all, "https://api.anthropic.com");
    assert_address(&near, secure, "https://127.0.0.1:1/v1");
}

static void a_list_of_hosts_names_whole_labels(void **state)
{
    static const struct {
        const char *list;
        bool is_direct;
    } cases[] = {
        {"api.anthropic.com", true},
        {"API.Anthropic.com", true},
        {".anthropic.com", true},
        {"anthropic.com", true},
        {"pi.anthropic.com", false},
        {"nthropic.com", false},
        {"api.anthropic.org", false},
        {"far.api.anthropic.com.example.com", false},
        {"x", false},
        {"*x", false},
        {".", false},
        {"x, *", true},
        {"", false},
    };
    const struct agent_config claude = {.type = "claude"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *list = mem_printf("no_proxy=%s", cases[i].list);
        const char *const environment[] = {"HTTPS_PROXY=http://proxy:3128", "no_proxyx=*", list,
                                           NULL};

        assert_address(&claude, environment,
                       cases[i].is_direct ? "https://api.anthropic.com" : "http://proxy:3128");
        free(list);
    }
}

static void what_is_no_address_goes_by_way_of_no_proxy(void **state)
{
    static const char *const environment[] = {"HTTPS_PROXY=http://proxy:3128", NULL};
    const struct agent_config told = {.type = "claude", .online_at = "https://"};

    (void)state;
    assert_address(&told, environment, "https://");
}

static void a_local_agent_counts_only_behind_the_one_that_is_asked(void **state)
{
    static const struct agent_config agents[] = {
        {.name = "far", .enabled = true},
        {.name = "farther", .enabled = true},
        {.name = "near", .enabled = true, .offline = true},
        {.name = "off", .offline = true},
    };
    const struct config config = {.agents = agents, .agent_count = ARRAY_LEN(agents)};
    static const char *const all[] = {"farther", "near"};
    static const char *const far[] = {"farther", "off", "unknown"};
    const struct step first = {.agent = "far", .fallback = all, .fallback_count = 2};
    const struct step without = {.agent = "far", .fallback = far, .fallback_count = 3};
    const struct step alone = {.agent = "near"};

    (void)state;
    assert_true(online_has_local(&config, &first, &agents[0]));
    assert_true(online_has_local(&config, &first, &agents[1]));
    assert_false(online_has_local(&config, &first, &agents[2]));
    assert_false(online_has_local(&config, &without, &agents[0]));
    assert_false(online_has_local(&config, &alone, &agents[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_asked_for_where_it_calls),
        cmocka_unit_test(its_own_environment_outweighs_the_common_one),
        cmocka_unit_test(by_way_of_a_proxy_the_proxy_is_asked_for),
        cmocka_unit_test(a_list_of_hosts_names_whole_labels),
        cmocka_unit_test(what_is_no_address_goes_by_way_of_no_proxy),
        cmocka_unit_test(a_local_agent_counts_only_behind_the_one_that_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
