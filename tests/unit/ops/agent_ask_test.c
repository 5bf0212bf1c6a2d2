/* SPDX-License-Identifier: MIT */
#include "ops/agent.h"

#include "base/alloc.h"
#include "support/ops_project.h"

#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct adapter program = {.type = "p", .kind = ADAPTER_PROGRAM};

/* A program that counts how often it was started. */
static char *make_program(struct ops_project *project, const char *prints)
{
    char *path = mem_printf("%s/bin/p", project->folder);
    char *text = mem_printf("#!/bin/sh\necho x >>%s/starts\n%s\n", project->folder, prints);

    (void)unlink(path);
    ops_project_write(project, "bin/p", text);
    assert_int_equal(chmod(path, 0700), 0);
    free(text);
    return path;
}

static struct agent_facts ask(struct ops_project *project, const char *path)
{
    static const struct agent_config config = {.name = "p", .type = "p", .enabled = true};
    struct agent_facts facts = {.config = &config,
                                .adapter = &program,
                                .path = mem_strdup(path),
                                .state = AGENT_READY,
                                .detail = mem_strdup("ready")};

    assert_int_equal(ops_need_config(project->ops, NULL), 0); /* whose agent it is */
    agent_facts_ask(project->ops, &facts, 1, (struct agent_questions){.versions = true});
    return facts;
}

static size_t count_starts(struct ops_project *project)
{
    char *path = mem_printf("%s/starts", project->folder);
    struct stat status;
    size_t count = stat(path, &status) == 0 ? (size_t)status.st_size / 2 : 0;

    free(path);
    return count;
}

static void a_version_is_read_wherever_it_stands(void **state)
{
    struct ops_project *project = *state;
    static const struct {
        const char *prints;
        const char *version;
    } cases[] = {
        {"echo '2.1.329 (Claude Code)'", "2.1.329"},
        {"echo 'codex-cli 0.169.0'", "0.169.0"},
        {"echo 'GitHub Copilot CLI 1.0.102.'; echo Commit: 12", "1.0.102"},
        {"echo 'v0.61.0-nightly.3'", "0.61.0-nightly.3"},
        {"echo 'build 12, version 3.4'", "3.4"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *path = make_program(project, cases[i].prints);
        struct agent_facts facts = ask(project, path);

        assert_non_null(facts.version);
        assert_string_equal(facts.version, cases[i].version);
        assert_int_equal(facts.state, AGENT_READY);
        agent_facts_release(&facts);
        free(path);
    }
}

static void it_is_asked_again_only_when_the_program_is_another(void **state)
{
    struct ops_project *project = *state;
    char *cache = mem_printf("%s/cache", project->folder);
    char *path = make_program(project, "echo 1.2.3");
    struct agent_facts facts;

    project->settings.cache_folder = cache;
    for (size_t i = 0; i < 3; i++) {
        facts = ask(project, path);
        assert_string_equal(facts.version, "1.2.3");
        agent_facts_release(&facts);
        assert_int_equal(count_starts(project), 1);
    }
    free(make_program(project, "echo 1.2.4"));
    facts = ask(project, path);
    assert_string_equal(facts.version, "1.2.4");
    agent_facts_release(&facts);
    assert_int_equal(count_starts(project), 2);
    free(path);
    free(cache);
}

static void a_torn_memory_is_only_a_memory(void **state)
{
    struct ops_project *project = *state;
    char *cache = mem_printf("%s/cache", project->folder);
    char *path = make_program(project, "echo 1.2.3");
    struct agent_facts facts;

    project->settings.cache_folder = cache;
    ops_project_write(project, "cache/versions.json", "{\"a");
    facts = ask(project, path);
    assert_string_equal(facts.version, "1.2.3");
    agent_facts_release(&facts);
    free(path);
    free(cache);
}

/* It looks like a version, so that it would be shown, and remembered in a file. */
static void a_key_is_no_version(void **state)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "P_TOKEN=7.7canary", NULL};
    struct ops_project *project = *state;
    char *path = make_program(project, "echo \"P $P_TOKEN 1.2.3\"");
    struct agent_facts facts;

    ops_project_write(project, ".fermata/config.yaml", "pass_env: [P_TOKEN]\n");
    project->settings.environment = environment;
    ops_project_reopen(project);
    facts = ask(project, path);
    assert_string_equal(facts.version, "1.2.3");
    agent_facts_release(&facts);
    free(path);
}

static void a_program_that_does_not_start_is_not_ready(void **state)
{
    struct ops_project *project = *state;
    char *path = make_program(project, "echo broken >&2; exit 1");
    struct agent_facts facts = ask(project, path);

    assert_null(facts.version);
    assert_int_equal(facts.state, AGENT_LACKING);
    assert_string_equal(facts.detail, "does not start");
    assert_non_null(strstr(facts.hint, "--version"));
    agent_facts_release(&facts);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_version_is_read_wherever_it_stands, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(it_is_asked_again_only_when_the_program_is_another,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_torn_memory_is_only_a_memory, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_no_version, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_does_not_start_is_not_ready,
                                        ops_project_set_up, ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
