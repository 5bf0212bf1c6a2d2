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

static bool is_enabled(const struct config *config, const char *name)
{
    const struct agent_config *agent = config_find_agent(config, name);

    assert_true(agent->enabled == (agent->disabled_why == NULL));
    return agent->enabled;
}

static void only_allowed_commands_may_be_used(void **state)
{
    (void)state;
    struct config *config = parse("agents:\n"
                                  "  mine: { command: /opt/house/agent }\n"
                                  "  other: { command: other }\n"
                                  "settings: { allowed_commands: [codex, agent] }\n",
                                  "settings: { allowed_commands: [codex, agent, claude] }\n");

    assert_true(is_enabled(config, "codex"));
    assert_true(is_enabled(config, "mine"));
    assert_true(is_enabled(config, "ollama"));
    assert_false(is_enabled(config, "claude"));
    assert_false(is_enabled(config, "gemini"));
    assert_false(is_enabled(config, "other"));
    assert_string_equal(config_find_agent(config, "other")->disabled_why,
                        "`allowed_commands` of the settings has not got it");
    config_free(config);
}

static void offline_leaves_the_agents_that_need_no_network(void **state)
{
    (void)state;
    struct config *config = parse("agents: { local: { type: ollama, model: m, offline: true } }\n"
                                  "settings: { offline: { enabled: true } }\n",
                                  NULL);

    assert_true(is_enabled(config, "local"));
    assert_true(is_enabled(config, "llamacpp"));
    assert_false(is_enabled(config, "codex"));
    assert_false(is_enabled(config, "anthropic"));
    config_free(config);
}

static enum offline_mode mode_of(const char *project, const char *user)
{
    struct config *config = parse(project, user);
    enum offline_mode mode = config->offline;

    assert_int_equal(is_enabled(config, "codex"), mode != OFFLINE_ONLY);
    assert_true(is_enabled(config, "ollama"));
    config_free(config);
    return mode;
}

static void one_word_says_what_becomes_of_who_cannot_be_reached(void **state)
{
    (void)state;
    assert_int_equal(mode_of("default_agent: codex\n", NULL), OFFLINE_AUTO);
    assert_int_equal(mode_of("offline: auto\n", NULL), OFFLINE_AUTO);
    assert_int_equal(mode_of("offline: true\n", NULL), OFFLINE_ONLY);
    assert_int_equal(mode_of("offline: false\n", NULL), OFFLINE_NEVER);
    assert_int_equal(mode_of("settings: { offline: { auto_detect: false } }\n", NULL),
                     OFFLINE_NEVER);
    assert_int_equal(mode_of("settings: { offline: { auto_detect: true } }\n", NULL), OFFLINE_AUTO);
    assert_int_equal(
        mode_of("settings: { offline: { enabled: true, auto_detect: false } }\n", NULL),
        OFFLINE_ONLY);
    assert_int_equal(mode_of("offline: auto\n", "offline: false\n"), OFFLINE_AUTO);
    assert_int_equal(mode_of("strategy: ai\n", "offline: false\n"), OFFLINE_NEVER);
    for (enum offline_mode mode = OFFLINE_AUTO; mode <= OFFLINE_ONLY; mode++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "offline: %s\n", offline_mode_name(mode));
        assert_int_equal(mode_of(text, NULL), mode);
    }
}

/* Neither file gives back what the other one took. */
static void only_local_agents_stays_whoever_said_it(void **state)
{
    (void)state;
    assert_int_equal(mode_of("offline: false\n", "offline: true\n"), OFFLINE_ONLY);
    assert_int_equal(mode_of("offline: true\n", "offline: auto\n"), OFFLINE_ONLY);
    assert_int_equal(mode_of("settings: { offline: { enabled: false } }\n", "offline: true\n"),
                     OFFLINE_ONLY);
}

static void an_agent_that_is_not_local_says_why_it_is_disabled(void **state)
{
    (void)state;
    struct config *config = parse("offline: true\nagents: { off: { type: command, command: x, "
                                  "enabled: false } }\n",
                                  NULL);

    assert_string_equal(config_find_agent(config, "codex")->disabled_why, CONFIG_OFFLINE_WHY);
    assert_string_equal(config_find_agent(config, "off")->disabled_why, "`enabled: false`");
    config_free(config);
}

static void every_built_in_agent_is_there_once(void **state)
{
    (void)state;
    struct config *config = parse("agents: { gemini: { model: m }, mine: { command: x } }\n", NULL);

    assert_string_equal(config->agents[0].name, "gemini");
    assert_string_equal(config->agents[2].name, "claude");
    assert_string_equal(config->agents[3].name, "codex");
    for (size_t i = 0; i < config->agent_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(config->agents[i].name, config->agents[j].name);
        }
    }
    config_free(config);
}

static int rate_of(const struct config *config, const char *name)
{
    return config_find_agent(config, name)->rate_limit;
}

static void the_narrowest_rate_counts_and_accounts_share_theirs(void **state)
{
    (void)state;
    struct config *config = parse("agents:\n"
                                  "  own: { command: x, rate_limit: 5 }\n"
                                  "  wide: { command: x, rate_limit: 500 }\n"
                                  "  one: { command: x, account: work }\n"
                                  "  two: { command: x, account: work, rate_limit: 7 }\n"
                                  "settings: { rate_limit_per_minute: 50 }\n",
                                  NULL);

    assert_int_equal(rate_of(config, "own"), 5);
    assert_int_equal(rate_of(config, "wide"), 50);
    assert_int_equal(rate_of(config, "one"), 7);
    assert_int_equal(rate_of(config, "two"), 7);
    assert_int_equal(rate_of(config, "codex"), 50);
    assert_int_equal(config_find_agent(config, "codex")->breaker_threshold, 5);
    assert_int_equal(config_find_agent(config, "own")->breaker_recovery_ms, 60000);
    config_free(config);
    config = parse("settings: { rate_limit_per_minute: 50, enable_rate_limiting: false }\n", NULL);
    assert_int_equal(rate_of(config, "codex"), 0);
    config_free(config);
    config = parse("settings: { enable_rate_limiting: true }\n", NULL);
    assert_int_equal(rate_of(config, "codex"), 60);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_allowed_commands_may_be_used),
        cmocka_unit_test(offline_leaves_the_agents_that_need_no_network),
        cmocka_unit_test(one_word_says_what_becomes_of_who_cannot_be_reached),
        cmocka_unit_test(only_local_agents_stays_whoever_said_it),
        cmocka_unit_test(an_agent_that_is_not_local_says_why_it_is_disabled),
        cmocka_unit_test(every_built_in_agent_is_there_once),
        cmocka_unit_test(the_narrowest_rate_counts_and_accounts_share_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
