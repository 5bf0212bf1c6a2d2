/* SPDX-License-Identifier: MIT */
#include "workflow/config_agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct both {
    struct config *config;
    struct problems *problems;
    char *messages;
};

static struct both parse(const char *project, const char *user)
{
    struct both both = {.problems = mem_zero(1, sizeof(struct problems))};
    struct strbuf messages;

    (void)config_parse(&(struct config_texts){project, "project", user, "user", NULL}, &both.config,
                       both.problems, NULL);
    strbuf_init(&messages, 1 << 20);
    problems_format(both.problems, &messages);
    both.messages = mem_strdup(messages.data);
    strbuf_release(&messages);
    return both;
}

static void release(struct both *both)
{
    config_free(both->config);
    free(both->problems);
    free(both->messages);
}

static void assert_type(const char *agent, const char *type)
{
    char *text = mem_printf("agents: { %s }\n", agent);
    struct both both = parse(text, NULL);

    assert_string_equal(both.messages, "");
    assert_string_equal(both.config->agents[0].type, type);
    release(&both);
    free(text);
}

static void the_adapter_of_a_cli_is_told_by_provider_adapter_name_or_command(void **state)
{
    (void)state;
    assert_type("a: { type: claude }", "claude");
    assert_type("a: { type: cli, provider: codex, command: x }", "codex");
    assert_type("a: { type: cli, adapter: gemini-cli, command: x }", "gemini");
    assert_type("claude: { type: cli }", "claude");
    assert_type("a: { command: /usr/bin/codex exec }", "codex");
    assert_type("a: { type: cli, command: gh-copilot }", "copilot");
    assert_type("a: { type: cli, command: my-agent }", "command");
    assert_type("a: { type: ollama, endpoint: 'http://127.0.0.1:1' }", "ollama");
}

static void an_unknown_type_is_told_with_the_nearest(void **state)
{
    (void)state;
    struct both both = parse("agents: { a: { type: cluade } }\n", NULL);

    assert_string_equal(both.messages,
                        "project:1:22: error: there is no type of agent \"cluade\" (did "
                        "you mean \"claude\"?)\n");
    release(&both);
}

static void a_command_is_split_or_a_list_and_never_a_shell_text(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  a: { command: '  house  --json -v ' }\n"
                             "  b: { command: [house, a b, '$x'] }\n",
                             NULL);
    const struct agent_config *agents = both.config->agents;

    assert_int_equal(agents[0].command_count, 3);
    assert_string_equal(agents[0].command[0], "house");
    assert_string_equal(agents[0].command[2], "-v");
    assert_int_equal(agents[1].command_count, 3);
    assert_string_equal(agents[1].command[2], "$x");
    release(&both);
    both = parse("agents: { a: { command: 'house | rm' } }\n", NULL);
    assert_non_null(strstr(both.messages, "a command is no shell text"));
    release(&both);
    both = parse("agents: { a: { command: [] }, b: { command: ' ' }, c: { type: command } }\n",
                 NULL);
    assert_non_null(strstr(both.messages, "the command of the agent \"a\" names no program"));
    assert_non_null(strstr(both.messages, "the command of the agent \"b\" names no program"));
    assert_non_null(strstr(both.messages, "the agent \"c\" needs a command"));
    release(&both);
}

static void an_agent_has_defaults(void **state)
{
    (void)state;
    struct both both = parse("agents: { claude: {} }\n", NULL);
    const struct agent_config *agent = config_find_agent(both.config, "claude");

    assert_true(agent->enabled);
    assert_false(agent->offline);
    assert_string_equal(agent->prompt_by, "stdin");
    assert_int_equal(agent->timeout_ms, 0);
    assert_null(agent->model);
    assert_int_equal(agent->at.line, 1);
    assert_null(config_find_agent(both.config, "none"));
    release(&both);
}

static void a_project_may_narrow_an_agent_of_the_user(void **state)
{
    (void)state;
    struct both both = parse(
        "agents:\n"
        "  house: { model: small, timeout: 5m, role: reviewer, capabilities: [c] }\n"
        "  off: { enabled: true }\n"
        "  own: { command: mine }\n",
        "agents:\n"
        "  house: { command: house, model: large, timeout: 10m }\n"
        "  off: { command: off, enabled: false }\n");
    const struct agent_config *house = config_find_agent(both.config, "house");

    assert_string_equal(both.messages, "");
    assert_false(both.config->agents[2].is_builtin);
    assert_true(both.config->agents[3].is_builtin);
    assert_string_equal(house->command[0], "house");
    assert_string_equal(house->model, "small");
    assert_string_equal(house->role, "reviewer");
    assert_int_equal(house->timeout_ms, 300000);
    assert_int_equal(house->capability_count, 1);
    assert_false(config_find_agent(both.config, "off")->enabled);
    release(&both);
    both = parse("agents: { house: { timeout: 1h } }\n",
                 "agents: { house: { command: x, timeout: 10m } }\n");
    assert_int_equal(both.config->agents[0].timeout_ms, 600000);
    release(&both);
}

static void a_project_cannot_make_the_users_agent_another_program(void **state)
{
    (void)state;
    struct both both = parse("agents: { house: { command: evil } }\n",
                             "agents: { house: { command: house } }\n");

    assert_non_null(
        strstr(both.messages, "project:1:11: warning: the agent \"house\" is the user's"));
    assert_string_equal(both.config->agents[0].command[0], "house");
    release(&both);
    both = parse("agents: { l: { type: ollama, endpoint: 'http://evil' } }\n",
                 "agents: { l: { type: ollama, endpoint: 'http://mine' } }\n");
    assert_string_equal(both.config->agents[0].endpoint, "http://mine");
    assert_non_null(strstr(both.messages, "cannot change its type, command, endpoint"));
    release(&both);
    both = parse("agents: { house: { command: house, read_only_command: [evil] } }\n",
                 "agents: { house: { command: house } }\n");
    assert_int_equal(both.config->agents[0].read_only_count, 0);
    assert_non_null(strstr(both.messages, "the agent \"house\" is the user's"));
    release(&both);
    /* The same program again is no change. */
    both = parse("agents: { house: { command: house } }\n",
                 "agents: { house: { command: house } }\n");
    assert_string_equal(both.messages, "");
    release(&both);
}

static void an_agent_of_a_built_in_name_takes_from_it_what_is_not_said(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  codex: { model: m }\n"
                             "  ollama: { model: llama3.2 }\n"
                             "  openai: { model: g }\n"
                             "  claude: { type: ollama }\n",
                             NULL);
    const struct agent_config *agent = config_find_agent(both.config, "codex");

    assert_string_equal(both.messages, "");
    assert_false(agent->is_builtin);
    assert_string_equal(agent->description, "Codex CLI");
    assert_true(agent->capability_count > 0);
    agent = config_find_agent(both.config, "ollama");
    assert_string_equal(agent->type, "ollama");
    assert_true(agent->offline);
    agent = config_find_agent(both.config, "openai");
    assert_string_equal(agent->type, "openai-compatible");
    assert_string_equal(agent->endpoint, "https://api.openai.com/v1");
    assert_string_equal(agent->key, "env:OPENAI_API_KEY");
    assert_null(config_find_agent(both.config, "claude")->description);
    release(&both);
}

static void the_key_of_a_service_goes_to_no_other_address(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  openai: { endpoint: 'http://other', model: m }\n"
                             "  g: { type: openai, model: m }\n"
                             "  h: { type: openai, endpoint: 'http://other', model: m }\n"
                             "  ollama: { endpoint: 'http://other', model: m }\n",
                             NULL);

    assert_string_equal(both.messages, "");
    assert_null(config_find_agent(both.config, "openai")->key);
    assert_string_equal(config_find_agent(both.config, "g")->key, "env:OPENAI_API_KEY");
    assert_string_equal(config_find_agent(both.config, "g")->type, "openai-compatible");
    assert_null(config_find_agent(both.config, "h")->key);
    assert_string_equal(config_find_agent(both.config, "h")->endpoint, "http://other");
    assert_false(config_find_agent(both.config, "ollama")->offline);
    release(&both);
}

static void a_server_on_this_machine_needs_no_network(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  a: { type: openai-compatible, endpoint: 'http://localhost:1' }\n"
                             "  b: { type: openai-compatible, endpoint: 'http://127.0.0.1/v1' }\n"
                             "  c: { type: openai-compatible, endpoint: 'http://[::1]:1' }\n"
                             "  d: { type: openai-compatible, endpoint: 'http://localhost.org' }\n"
                             "  e: { type: openai-compatible, endpoint: 'http://localhost:1@x' }\n"
                             "  f: { type: ollama, endpoint: 'http://localhost:1', model: m,"
                             " offline: false, online_at: 'far:443' }\n"
                             "  g: { type: command, command: x }\n",
                             NULL);
    const bool wanted[] = {true, true, true, false, false, false, false};

    assert_string_equal(both.messages, "");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        char name[] = {(char)('a' + i), '\0'};

        assert_int_equal(config_find_agent(both.config, name)->offline, wanted[i]);
    }
    assert_string_equal(config_find_agent(both.config, "f")->online_at, "far:443");
    assert_null(config_find_agent(both.config, "a")->online_at);
    release(&both);
}

static void all_keys_of_an_agent_are_read(void **state)
{
    (void)state;
    struct both both = parse(
        "agents:\n"
        "  c:\n"
        "    command: [house, '{prompt_file}']\n"
        "    read_only_command: [house, --plan, '{prompt_file}']\n"
        "    env: { HOUSE_HOME: /h, N: 5 }\n"
        "    silence: 90s\n"
        "    prompt_by: file\n"
        "    output: jsonl\n"
        "    map: { answer: a.b }\n"
        "  s: { type: llamacpp, key: 'file:~/key', options: { temperature: 1, n: 2 },\n"
        "       temperature: 0.5, max_tokens: 10, keep_alive: -1 }\n",
        NULL);
    const struct agent_config *agent = config_find_agent(both.config, "c");
    json_t *map = json_pack("{s:s}", "answer", "a.b");
    json_t *options = json_pack("{s:i, s:i, s:i, s:i}", "temperature", 1, "n", 2, "max_tokens", 10,
                                "keep_alive", -1);

    assert_string_equal(both.messages, "");
    assert_int_equal(agent->read_only_count, 3);
    assert_string_equal(agent->read_only_command[1], "--plan");
    assert_int_equal(agent->env_count, 2);
    assert_string_equal(agent->env[0].name, "HOUSE_HOME");
    assert_string_equal(agent->env[1].value, "5");
    assert_int_equal(agent->silence_ms, 90000);
    assert_int_equal(agent->quiet.after_ms, 90000);
    assert_int_equal(agent->quiet.then, QUIET_STOP);
    assert_string_equal(agent->prompt_by, "file");
    assert_string_equal(agent->output_format, "jsonl");
    assert_true(json_equal(agent->output_map, map));
    agent = config_find_agent(both.config, "s");
    assert_string_equal(agent->key, "file:~/key");
    assert_true(json_equal(agent->options, options));
    assert_string_equal(agent->output_format, "text");
    json_decref(options);
    json_decref(map);
    release(&both);
}

static void assert_quiet(const struct both *both, const char *name, int64_t after_ms, int then)
{
    const struct agent_config *agent = config_find_agent(both->config, name);

    assert_int_equal(agent->quiet.after_ms, after_ms);
    assert_int_equal(agent->quiet.then, then);
}

static void the_limit_of_quiet_goes_before_silence_and_a_project_may_narrow_it(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  a: { quiet: { after: 10s, then: report } }\n"
                             "  b: { quiet: { after: 10m } }\n",
                             "agents:\n"
                             "  a: { type: codex, quiet: { after: 1m, then: stop } }\n"
                             "  b: { type: codex, quiet: { after: 1m } }\n"
                             "  c: { type: codex, silence: 1m, quiet: { then: report } }\n"
                             "  d: { type: llamacpp, silence: 1m }\n");

    assert_quiet(&both, "a", 10000, QUIET_STOP);
    assert_quiet(&both, "b", 60000, -1);
    assert_quiet(&both, "c", 60000, QUIET_REPORT);
    assert_quiet(&both, "d", -1, -1); /* its driver sees to that */
    assert_quiet(&both, "claude", -1, -1);
    release(&both);
}

static void a_key_that_its_kind_of_agent_has_no_use_for_is_told(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  codex: { temperature: 1 }\n"
                             "  s: { type: ollama, temperature: 3, command: x }\n"
                             "  c: { command: x, endpoint: 'http://a' }\n"
                             "  host: { model: x }\n"
                             "  a: { type: acp, command: x, key: 'file:k', model: m }\n"
                             "  b: { type: acp, command: x, key: 'env:K' }\n"
                             "  groq: { endpoint: 'http://a', temperature: 1, key: 'env:K' }\n"
                             "  gemini-api: { endpoint: 'http://a', max_tokens: 1 }\n",
                             NULL);

    assert_string_equal(
        both.messages,
        "project:2:25: warning: \"temperature\" has no effect for an agent of type codex\n"
        "project:3:35: warning: a temperature is from 0 to 2, so 3 is taken for 2\n"
        "project:3:47: warning: \"command\" has no effect for an agent of type ollama\n"
        "project:4:31: warning: \"endpoint\" has no effect for an agent of type command\n"
        "project:5:18: warning: \"model\" has no effect for an agent of type host\n"
        "project:6:37: warning: \"key\" has no effect for an agent of type acp\n");
    release(&both);
}

static void what_an_agent_needs_is_told(void **state)
{
    (void)state;
    struct both both = parse("agents:\n"
                             "  a: { type: acp }\n"
                             "  o: { type: openai-compatible }\n"
                             "  e: { endpoint: 'http://a' }\n",
                             NULL);

    assert_null(both.config);
    assert_non_null(strstr(both.messages, "2:3: error: the agent \"a\" needs the command of a "
                                          "program that speaks ACP"));
    assert_non_null(strstr(both.messages, "3:3: error: the agent \"o\" needs an endpoint"));
    assert_non_null(strstr(both.messages, "such as openai-compatible"));
    release(&both);
}

static void a_project_cannot_send_the_users_agent_elsewhere(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "env: { ANTHROPIC_BASE_URL: 'http://evil' }",
        "key: env:OTHER",
        "type: ollama",
        "endpoint: 'http://evil'",
        "command: [claude, -x]",
    };

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        char *project = mem_printf("agents: { claude: { %s } }\n", changes[i]);
        struct both both = parse(project, "agents: { claude: { model: m } }\n");
        const struct agent_config *agent = config_find_agent(both.config, "claude");

        assert_non_null(strstr(both.messages, "the agent \"claude\" is the user's"));
        assert_string_equal(agent->type, "claude");
        assert_string_equal(agent->model, "m");
        assert_int_equal(agent->env_count, 0);
        assert_int_equal(agent->command_count, 0);
        assert_null(agent->key);
        assert_null(agent->endpoint);
        release(&both);
        free(project);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_adapter_of_a_cli_is_told_by_provider_adapter_name_or_command),
        cmocka_unit_test(an_unknown_type_is_told_with_the_nearest),
        cmocka_unit_test(a_command_is_split_or_a_list_and_never_a_shell_text),
        cmocka_unit_test(an_agent_has_defaults),
        cmocka_unit_test(a_project_may_narrow_an_agent_of_the_user),
        cmocka_unit_test(a_project_cannot_make_the_users_agent_another_program),
        cmocka_unit_test(an_agent_of_a_built_in_name_takes_from_it_what_is_not_said),
        cmocka_unit_test(the_key_of_a_service_goes_to_no_other_address),
        cmocka_unit_test(a_server_on_this_machine_needs_no_network),
        cmocka_unit_test(all_keys_of_an_agent_are_read),
        cmocka_unit_test(the_limit_of_quiet_goes_before_silence_and_a_project_may_narrow_it),
        cmocka_unit_test(a_key_that_its_kind_of_agent_has_no_use_for_is_told),
        cmocka_unit_test(what_an_agent_needs_is_told),
        cmocka_unit_test(a_project_cannot_send_the_users_agent_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
