/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char config_text[] = "agents:\n"
                                  "  plain: { command: sh }\n"
                                  "  gone: { command: no-such-program-here }\n"
                                  "  away: { type: codex, command: no-such-program-here }\n";

/* SEVERITY LINE TEXT, each ended by `|`. */
static void assert_problems(struct ops_project *project, const char *steps, const char *expected)
{
    char text[1000];
    json_t *result;
    const json_t *problem;
    struct strbuf found;
    size_t i;

    (void)snprintf(text, sizeof(text), "name: w\nphases:\n- id: p\n  steps:\n%s", steps);
    ops_project_write(project, ".fermata/workflows/w.yaml", text);
    ops_project_reopen(project);
    result = ops_project_call(project, "validate", json_pack("{s:[s]}", "name", "w"));
    strbuf_init(&found, 10000);
    json_array_foreach(
        json_object_get(json_array_get(json_object_get(result, "files"), 1), "problems"), i,
        problem)
    {
        strbuf_addf(&found, "%s %d %s|", json_get_text(problem, "severity", ""),
                    (int)json_get_integer(problem, "line", 0), json_get_text(problem, "text", ""));
    }
    assert_string_equal(found.data, expected);
    strbuf_release(&found);
    json_decref(result);
}

#define LACKS_BUDGET(agent, title)                                                                 \
    "step s asks for `budget_usd`, but agent " agent " (" title ") takes no limit in money|"

static void what_an_agent_lacks_is_an_error_where_it_is_named(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/config.yaml", config_text);
    assert_problems(project, "  - { id: s, agent: plain, prompt: go, budget_usd: 1 }\n",
                    "error 5 " LACKS_BUDGET("plain", "any program"));
    assert_problems(project, "  - { id: s, agent: plain, prompt: go }\n", "");
}

static void what_may_be_otherwise_elsewhere_is_a_warning(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/config.yaml", config_text);
    assert_problems(
        project, "  - { id: s, agent: plain, prompt: go, budget_usd: 1, static: { run: echo } }\n",
        "warning 5 " LACKS_BUDGET("plain", "any program"));
    /* Nobody named an agent: it would get what is here. */
    assert_problems(project, "  - { id: s, prompt: go, budget_usd: 1 }\n",
                    "warning 5 " LACKS_BUDGET("plain", "any program"));
    assert_problems(project,
                    "  - { id: s, agent: claude, fallback: [plain], prompt: go, budget_usd: 1 }\n",
                    "warning 5 " LACKS_BUDGET("plain", "any program"));
}

static void an_agent_that_is_not_here_is_told_once_for_a_file(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/config.yaml", config_text);
    assert_problems(project,
                    "  - { id: s, agent: gone, prompt: go }\n"
                    "  - { id: t, agent: gone, prompt: go }\n"
                    "  - { id: u, agent: gone, fallback: [plain], prompt: go }\n"
                    "  - { id: v, agent: away, prompt: go, optional: true }\n"
                    "  - { id: x, agent: away, prompt: go, static: { run: echo } }\n",
                    "warning 5 step s needs an agent, and gone cannot be used: "
                    "no-such-program-here is not in PATH|");
}

static void what_both_lacks_and_is_not_here_is_told_both(void **state)
{
    struct ops_project *project = *state;

    ops_project_write(project, ".fermata/config.yaml", config_text);
    assert_problems(
        project, "  - { id: s, agent: away, prompt: go, budget_usd: 1 }\n",
        "error 5 " LACKS_BUDGET("away", "Codex") "warning 5 step s needs an agent, and "
                                                 "away cannot be used: "
                                                 "no-such-program-here is not in PATH|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ops_project_set_up, ops_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_an_agent_lacks_is_an_error_where_it_is_named),
        TEST(what_may_be_otherwise_elsewhere_is_a_warning),
        TEST(an_agent_that_is_not_here_is_told_once_for_a_file),
        TEST(what_both_lacks_and_is_not_here_is_told_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
