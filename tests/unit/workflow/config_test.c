/* SPDX-License-Identifier: MIT */
#include "workflow/config.h"

#include "base/alloc.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct both {
    int code;
    struct config *config;
    struct problems *problems;
    char *messages;
};

static struct both parse(const char *project, const char *user)
{
    struct both both = {.problems = mem_zero(1, sizeof(struct problems))};
    struct strbuf messages;
    struct error err = ERROR_INIT;

    both.code = config_parse(&(struct config_texts){project, "project", user, "user", NULL},
                             &both.config, both.problems, &err);
    assert_int_equal(both.code, err.code);
    assert_true((both.code == 0) == (both.config != NULL));
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

static char *read_sample(const char *name)
{
    char folder[] = __FILE__;
    char *path;
    char *text = NULL;
    size_t length;

    *strrchr(folder, '/') = '\0';
    path = mem_printf("%s/../../support/workflows/valid/%s", folder, name);
    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    free(path);
    return text;
}

static void absent_and_empty_files_give_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "", "\n  \n# only this\n   # and this"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct both both = parse(texts[i], texts[i]);

        assert_string_equal(both.messages, "");
        assert_true(both.config->agent_count > 10);
        assert_true(both.config->agents[0].is_builtin);
        assert_int_equal(both.config->price_count, 0);
        assert_int_equal(both.config->role_count, 0);
        assert_int_equal(both.config->task_length_max, 0);
        assert_int_equal(both.config->gate_count, 0);
        assert_int_equal(both.config->workflow_count, 0);
        assert_null(both.config->default_agent);
        assert_int_equal(both.config->strategy, STRATEGY_UNSET);
        assert_int_equal(both.config->concurrency, 0);
        assert_int_equal(both.config->output_bytes_max, 8 << 20);
        assert_int_equal(both.config->steps_max, 100000);
        assert_int_equal(both.config->nesting_max, 8);
        assert_false(both.config->log_json);
        release(&both);
    }
    config_free(NULL);
}

static void all_keys_of_our_own_are_read(void **state)
{
    (void)state;
    char *text = read_sample("config.yaml");
    struct both both = parse(text, NULL);
    const struct config *config = both.config;

    assert_string_equal(both.messages, "");
    assert_false(config->agents[2].is_builtin);
    assert_true(config->agents[4].is_builtin);
    assert_string_equal(config_find_agent(config, "house")->prompt_by, "file");
    assert_int_equal(config->gate_count, 1);
    assert_int_equal(config_find_gate(config, "smoke")->checks[0].tests_min, 1);
    assert_null(config_find_gate(config, "none"));
    assert_string_equal(config->default_agent, "claude");
    assert_string_equal(config->default_workflow, "quick");
    assert_int_equal(config->strategy, STRATEGY_HYBRID);
    assert_int_equal(config->concurrency, 4);
    assert_int_equal(config->output_bytes_max, 2 << 20);
    assert_int_equal(config->steps_max, 5000);
    assert_int_equal(config->nesting_max, 4);
    assert_true(config->log_json);
    assert_int_equal(config->workflow_count, 1);
    release(&both);
    free(text);
}

static void a_file_of_the_other_tool_is_read_as_it_is(void **state)
{
    (void)state;
    char *text = read_sample("agents.yaml");
    struct both both = parse(text, NULL);
    const struct config *config = both.config;
    json_t *wanted = json_pack("{s:{s:s, s:i}}", "options", "keep_alive", "5m", "max_tokens", 4096);

    assert_int_equal(both.code, 0);
    assert_string_equal(config_find_agent(config, "codex")->type, "codex");
    assert_string_equal(config_find_agent(config, "gemini")->type, "gemini");
    assert_int_equal(config_find_agent(config, "claude")->command_count, 2);
    assert_int_equal(config_find_agent(config, "codex")->timeout_ms, 300000);
    assert_string_equal(config->default_workflow, "default");
    assert_int_equal(config->concurrency, 3);
    assert_int_equal(config->workflow_count, 4);
    assert_null(config_find_agent(config, "gemini")->disabled_why);
    assert_int_equal(config_find_agent(config, "gemini")->command_count, 0);
    assert_string_equal(config_find_agent(config, "review")->name, "gemini");
    assert_string_equal(config_find_agent(config, "implementation")->name, "codex");
    assert_true(json_equal(config_find_agent(config, "local-code")->options,
                           json_object_get(wanted, "options")));
    json_decref(wanted);
    assert_true(both.problems->count >= 8);
    for (size_t i = 0; i < both.problems->count; i++) {
        assert_true(both.problems->items[i].is_warning);
        assert_non_null(strstr(both.problems->items[i].text, "has no effect"));
    }
    release(&both);
    free(text);
}

/* ---- every key of the other tool ---- */

enum place { PROGRAM, SERVER, OWN, CHAIN, CHAIN_STEP, SETTINGS, TOP, PLACES };

/* A whole file with something said at one place. */
static char *file_with(enum place place, const char *said)
{
    const char *at[PLACES] = {"", "", "", "", "", "", ""};

    at[place] = said;
    return mem_printf("agents:\n  claude: { %s }\n  ollama: { %s }\n"
                      "  own: { type: cli, command: some-program, %s }\n"
                      "workflows:\n  w: { %s steps: [{ agent: claude, %s }, { agent: ollama, task: "
                      "review }] }\nsettings: { %s }\n%s\n",
                      at[PROGRAM], at[SERVER], at[OWN], at[CHAIN], at[CHAIN_STEP], at[SETTINGS],
                      at[TOP]);
}

static void add_agent(const struct agent_config *agent, struct strbuf *text)
{
    char *options = agent->options ? json_dump_sorted(agent->options) : NULL;

    strbuf_addf(text, "%s %s %d %s %s %s %s %d %lld %s", agent->name, agent->type, agent->enabled,
                agent->endpoint ? agent->endpoint : "", agent->model ? agent->model : "",
                agent->role ? agent->role : "", agent->description ? agent->description : "",
                agent->offline, (long long)agent->timeout_ms, options ? options : "");
    for (size_t i = 0; i < agent->command_count; i++) {
        strbuf_addf(text, " %s", agent->command[i]);
    }
    for (size_t i = 0; i < agent->capability_count; i++) {
        strbuf_addf(text, " +%s", agent->capabilities[i]);
    }
    strbuf_addf(text, " %d a minute\n", agent->rate_limit);
    free(options);
}

/* All that comes of a file, and what was said about it. */
static char *outcome_of(enum place place, const char *said)
{
    char *file = file_with(place, said);
    struct both both = parse(file, NULL);
    const struct config *config = both.config;
    struct strbuf text;
    char *outcome;

    if (both.code != 0) {
        fail_msg("%s: %s", said, both.messages);
    }
    strbuf_init(&text, 1 << 20);
    for (size_t i = 0; i < config->agent_count; i++) {
        add_agent(&config->agents[i], &text);
    }
    for (size_t i = 0; i < config->workflow_count; i++) {
        strbuf_add(&text, config->workflow_texts[i]);
    }
    strbuf_addf(&text, "offline %s\n", offline_mode_name(config->offline));
    strbuf_addf(&text, "%s %d %lld %d\n", config->default_workflow ? config->default_workflow : "",
                config->concurrency, (long long)config->task_length_max, config->log_json);
    strbuf_add(&text, both.messages);
    outcome = strbuf_take(&text);
    strbuf_release(&text);
    release(&both);
    free(file);
    return outcome;
}

struct other_key {
    enum place place;
    const char *said;
    const char *without_effect; /* the key that is named so; NULL: it is obeyed */
};

static const struct other_key other_keys[] = {
    {PROGRAM, "type: ollama", NULL},
    {PROGRAM, "enabled: false", NULL},
    {PROGRAM, "command: other", NULL},
    {PROGRAM, "model: m", NULL},
    {PROGRAM, "role: r", NULL},
    {PROGRAM, "timeout: 3600", NULL},
    {PROGRAM, "offline: true", NULL},
    {PROGRAM, "capabilities: [code, review]", NULL},
    {PROGRAM, "description: d", NULL},
    {PROGRAM, "max_retries: 3", "max_retries"},
    {PROGRAM, "temperature: 0.7", "temperature"},
    {PROGRAM, "max_tokens: 4096", "max_tokens"},
    {PROGRAM, "keep_alive: 5m", "keep_alive"},
    {PROGRAM, "endpoint: \"http://h:1\"", "endpoint"},
    {SERVER, "endpoint: \"http://h:1\"", NULL},
    {SERVER, "model: m", NULL},
    {SERVER, "max_tokens: 4096", NULL},
    {SERVER, "temperature: 0.7", NULL},
    {SERVER, "keep_alive: 5m", NULL},
    {SERVER, "model_path: /m.gguf", "model_path"},
    {SERVER, "type: ollama, command: other", "command"},
    {OWN, "provider: gemini", NULL},
    {OWN, "adapter: gh-copilot", NULL},
    {CHAIN, "description: d,", NULL},
    {CHAIN, "offline: true,", NULL},
    {CHAIN_STEP, "task: test", NULL},
    {CHAIN_STEP, "role: reviewer", NULL},
    {CHAIN_STEP, "description: d", NULL},
    {CHAIN_STEP, "fallback: ollama", NULL},
    {SETTINGS, "max_iterations: 7", NULL},
    {SETTINGS, "min_suggestions_threshold: 9", NULL},
    {SETTINGS, "default_workflow: w", NULL},
    {SETTINGS, "max_retries: 5", NULL},
    {SETTINGS, "retry_delay: 9.5", NULL},
    {SETTINGS, "max_concurrent_agents: 3", NULL},
    {SETTINGS, "request_timeout: 77", NULL},
    {SETTINGS, "max_task_length: 10000", NULL},
    {SETTINGS, "allowed_commands: [codex]", NULL},
    {SETTINGS, "json_logs: true", NULL},
    {SETTINGS, "offline: { enabled: true }", NULL},
    {SETTINGS, "offline: { auto_detect: false }", NULL},
    {SETTINGS, "fallback: { enabled: true, map: { claude: ollama } }", NULL},
    {SETTINGS, "fallback: { claude: ollama }", NULL},
    {SETTINGS, "output_dir: ./output", "output_dir"},
    {SETTINGS, "workspace_dir: ./workspace", "workspace_dir"},
    {SETTINGS, "log_level: INFO", "log_level"},
    {SETTINGS, "log_file: l", "log_file"},
    {SETTINGS, "create_reports: true", "create_reports"},
    {SETTINGS, "reports_dir: ./reports", "reports_dir"},
    {SETTINGS, "colored_output: true", "colored_output"},
    {SETTINGS, "project_path: \"\"", "project_path"},
    {SETTINGS, "sessions_dir: s", "sessions_dir"},
    {SETTINGS, "logs_dir: l", "logs_dir"},
    {SETTINGS, "enable_caching: true", "enable_caching"},
    {SETTINGS, "cache_ttl: 3600", "cache_ttl"},
    {SETTINGS, "enable_metrics: true", "enable_metrics"},
    {SETTINGS, "metrics_port: 9090", "metrics_port"},
    {SETTINGS, "metrics_path: /metrics", "metrics_path"},
    {SETTINGS, "enable_distributed_tracing: false", "enable_distributed_tracing"},
    {SETTINGS, "enable_rate_limiting: true", NULL},
    {SETTINGS, "rate_limit_per_minute: 60", NULL},
    {TOP,
     "agentic_team: { lead_role: project_manager, max_turns: 12, roles: { qa_engineer: { title: t, "
     "agent: claude, responsibilities: [r] } } }",
     "agentic_team"},
};

static void every_key_of_the_other_tool_is_obeyed_or_named_as_without_effect(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(other_keys); i++) {
        const struct other_key *key = &other_keys[i];
        char *without = outcome_of(key->place, "");
        char *with = outcome_of(key->place, key->said);
        char *told = key->without_effect ? mem_printf("warning: \"%s\"", key->without_effect)
                                         : mem_strdup("has no effect");
        bool is_told = strstr(with, told) != NULL;

        if (is_told != (key->without_effect != NULL) || strcmp(with, without) == 0) {
            fail_msg("%s is neither obeyed nor named:\n%s", key->said, with);
        }
        free(told);
        free(with);
        free(without);
    }
}

static void list_workflows_become_workflow_texts(void **state)
{
    (void)state;
    char *text = read_sample("agents.yaml");
    struct both both = parse(text, NULL);
    struct problems *problems = mem_zero(1, sizeof(*problems));

    for (size_t i = 0; i < both.config->workflow_count; i++) {
        const char *source = both.config->workflow_texts[i];
        struct workflow *workflow = NULL;

        assert_int_equal(
            workflow_parse(source, strlen(source), "x", NULL, &workflow, problems, NULL), 0);
        assert_int_equal(problems->count, 0);
        assert_string_equal(workflow->name, both.config->workflow_names[i]);
        if (strcmp(workflow->name, "default") == 0) {
            assert_int_equal(workflow->phase_count, 3);
            assert_int_equal(workflow->iterate.max, 3);
            assert_string_equal(workflow->phases[0].steps[0].fallback[0], "local-code");
            assert_string_equal(workflow->phases[1].steps[0].fallback[0], "local-instruct");
            assert_int_equal(workflow->phases[0].steps[0].retry.attempts, 2);
            assert_int_equal(workflow->phases[0].steps[0].retry.delay_ms, 1500);
        }
        workflow_free(workflow);
    }
    free(problems);
    release(&both);
    free(text);
}

static void the_project_goes_before_the_user_and_limits_only_shrink(void **state)
{
    (void)state;
    struct both both = parse(
        "default_agent: p\nconcurrency: 8\nsteps_max: 10\nlog_format: text\n"
        "agents: { p: { command: p }, u: { command: u } }\n"
        "settings: { max_task_length: 7 }\n"
        "gates: { g: { commands: [{ run: project }] } }\n"
        "workflows: { w: [{ agent: p, task: test }] }\n",
        "default_agent: u\ndefault_workflow: u\nstrategy: static\nconcurrency: 4\n"
        "steps_max: 100\nnesting_max: 2\nlog_format: json\n"
        "settings: { max_task_length: 9 }\n"
        "gates: { g: { commands: [{ run: user }] }, h: { commands: [{ run: user }] } }\n"
        "workflows: { w: [{ agent: u, task: test }], v: [{ agent: u, task: test }] }\n");
    const struct config *config = both.config;

    assert_string_equal(both.messages, "");
    assert_string_equal(config->default_agent, "p");
    assert_string_equal(config->default_workflow, "u");
    assert_int_equal(config->strategy, STRATEGY_STATIC);
    assert_int_equal(config->concurrency, 4);
    assert_int_equal(config->steps_max, 10);
    assert_int_equal(config->nesting_max, 2);
    assert_int_equal(config->task_length_max, 7);
    assert_false(config->log_json);
    assert_int_equal(config->gate_count, 2);
    assert_string_equal(config_find_gate(config, "g")->checks[0].command, "project");
    assert_int_equal(config->workflow_count, 2);
    assert_non_null(strstr(config->workflow_texts[0], "\"p\""));
    release(&both);
}

static void a_name_that_no_agent_has_is_told_with_the_nearest(void **state)
{
    (void)state;
    struct both both = parse("default_agent: cluade\n"
                             "roles: { r: codx }\n"
                             "workflows:\n"
                             "  w: [{ agent: r, fallback: [gemin] }]\n"
                             "settings: { fallback: { map: { codex: nobody } } }\n",
                             NULL);

    assert_int_equal(both.code, 0);
    assert_string_equal(
        both.messages,
        "project:1:16: warning: there is no agent \"cluade\" (did you mean \"claude\"?)\n"
        "project:2:13: warning: there is no agent \"codx\" (did you mean \"codex\"?)\n"
        "project:4:30: warning: there is no agent \"gemin\" (did you mean \"gemini\"?)\n"
        "project:5:39: warning: there is no agent \"nobody\" (configure it under `agents:`)\n");
    release(&both);
}

static void an_offline_workflow_tells_of_agents_that_need_a_network(void **state)
{
    (void)state;
    struct both both = parse(
        "workflows:\n"
        "  w: { offline: true, steps: [{ agent: ollama }, { agent: codex }] }\n"
        "  v: { offline: false, steps: [{ agent: codex }] }\n",
        NULL);

    assert_string_equal(
        both.messages,
        "project:2:59: warning: the workflow \"w\" is offline, and \"codex\" needs a "
        "network (set `offline: true` for it)\n");
    release(&both);
}

static void problems_name_their_file(void **state)
{
    (void)state;
    struct both both = parse("concurency: 5\n", "nesting_max: 99\n");

    assert_int_equal(both.code, ERROR_VALIDATION);
    assert_string_equal(
        both.messages,
        "user:1:14: error: \"nesting_max\" of the configuration must be from 1 to 32, "
        "found 99\n"
        "project:1:1: error: the configuration has no key \"concurency\" (did you mean "
        "\"concurrency\"?)\n");
    release(&both);
    both = parse("a: [\n", NULL);
    assert_int_equal(both.code, ERROR_VALIDATION);
    assert_non_null(strstr(both.messages, "project:"));
    assert_non_null(strstr(both.messages, "invalid YAML"));
    assert_int_equal(config_parse(&(struct config_texts){"a: [", NULL, NULL, NULL, NULL},
                                  &both.config, both.problems, NULL),
                     ERROR_VALIDATION);
    release(&both);
    both = parse(NULL, "[1]\n");
    assert_non_null(
        strstr(both.messages, "expected the configuration as a map of keys, found a list"));
    release(&both);
}

static void a_list_workflow_has_its_own_errors(void **state)
{
    (void)state;
    struct both both = parse("workflows: { w: [], v: { description: x }, u: [{ task: x }] }\n",
                             NULL);

    assert_int_equal(both.code, ERROR_VALIDATION);
    assert_non_null(strstr(both.messages, "the workflow \"w\" needs 1 to 100 steps, it has 0"));
    assert_non_null(strstr(both.messages, "a list workflow needs the key \"steps\""));
    assert_non_null(strstr(both.messages, "a step of a list workflow needs the key \"agent\""));
    release(&both);
    both = parse("agents: { a: { command: x } }\nworkflows: { w: [{ agent: b, task: x }] }\n",
                 NULL);
    assert_int_equal(both.code, 0);
    assert_string_equal(both.messages,
                        "project:2:27: warning: there is no agent \"b\" (configure it "
                        "under `agents:`)\n");
    release(&both);
}

static void a_switched_off_fallback_is_not_used(void **state)
{
    (void)state;
    struct both both = parse("workflows: { w: [{ agent: a, task: test }] }\n"
                             "settings: { fallback: { enabled: false, map: { a: b } } }\n",
                             NULL);

    assert_null(strstr(both.config->workflow_texts[0], "fallback"));
    release(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_empty_files_give_the_defaults),
        cmocka_unit_test(all_keys_of_our_own_are_read),
        cmocka_unit_test(a_file_of_the_other_tool_is_read_as_it_is),
        cmocka_unit_test(every_key_of_the_other_tool_is_obeyed_or_named_as_without_effect),
        cmocka_unit_test(list_workflows_become_workflow_texts),
        cmocka_unit_test(the_project_goes_before_the_user_and_limits_only_shrink),
        cmocka_unit_test(a_name_that_no_agent_has_is_told_with_the_nearest),
        cmocka_unit_test(an_offline_workflow_tells_of_agents_that_need_a_network),
        cmocka_unit_test(problems_name_their_file),
        cmocka_unit_test(a_list_workflow_has_its_own_errors),
        cmocka_unit_test(a_switched_off_fallback_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
