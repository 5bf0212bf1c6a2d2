/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define STEP(id, expert, stage, more)                                                              \
    "{\"id\":\"" id "\",\"name\":\"" id "\",\"stage\":\"" stage "\",\"expert\":\"" expert          \
    "\",\"task\":\"do ${{ it }}\"" more "}"
#define GOOD                                                                                       \
    "{\"steps\":[" STEP("one", "backend-expert", "build", ",\"files\":[\"a.c\"]") "," STEP(        \
        "two", "frontend-expert", "build",                                                         \
        ",\"files\":[\"a.c\"]") "," STEP("three", "code-review-expert", "review",                  \
                                         ",\"read_only\":true") "]}"
#define UNKNOWN_EXPERT "{\"steps\":[" STEP("one", "wizard", "build", "") "]}"
#define UNKNOWN_ORDER                                                                              \
    "{\"steps\":[" STEP("one", "backend-expert", "build", ",\"after\":[\"two\"]") "]}"

/* What the agent answers at its first and at each later call; it keeps what it was asked. */
static void set_agent(const struct ops_project *project, const char *first, const char *later)
{
    const char *answers[] = {first, later};
    char *path = mem_printf("%s/../agent-%d", project->folder, getpid());
    struct strbuf script;

    strbuf_init(&script, 100000);
    strbuf_addf(&script, "mkdir -p '%s'; n=1; [ ! -e '%s/1' ] || n=2\ncat >'%s'/$n\n", path, path,
                path);
    strbuf_add(&script, "echo "
                        "'{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\",\"model\":"
                        "\"m\"}'\ncase $n in\n");
    for (int i = 0; i < 2; i++) {
        json_t *line = json_pack("{s:s, s:s, s:b, s:s, s:s, s:{s:i, s:i}}", "type", "result",
                                 "subtype", "success", "is_error", 0, "result", answers[i],
                                 "session_id", "s", "usage", "input_tokens", 1, "output_tokens", 1);
        char *text = json_dumps(line, JSON_COMPACT);

        strbuf_addf(&script, "%d) cat <<'END'\n%s\nEND\n;;\n", i + 1, text);
        free(text);
        json_decref(line);
    }
    strbuf_add(&script, "esac\n");
    ops_project_write(project, "agent.sh", script.data);
    ops_project_write(project, "a.c", "int a;\n");
    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: house\n"
                      "agents: { house: { type: claude, command: [sh, agent.sh] } }\n");
    strbuf_release(&script);
    free(path);
}

/* What it was asked at that call; "" when there was none. Takes the folder away at the end. */
static char *asked(const struct ops_project *project, int call)
{
    char *path = mem_printf("%s/../agent-%d/%d", project->folder, getpid(), call);
    char *text = NULL;
    size_t length;

    if (file_read(path, 1000000, &text, &length, NULL) < 0) {
        text = mem_strdup("");
    }
    free(path);
    return text;
}

static void forget(const struct ops_project *project)
{
    char *path = mem_printf("%s/../agent-%d", project->folder, getpid());

    (void)file_remove_tree(path, NULL);
    free(path);
}

static const char *why(const json_t *result)
{
    return json_string_value(json_array_get(json_object_get(result, "why"), 0));
}

static json_t *plan(struct ops_project *project)
{
    return ops_project_call(project, "plan",
                            json_pack("{s:s, s:s}", "task", "Brew coffee", "workflow", "dynamic"));
}

static void without_an_agent_the_plan_is_composed(void **state)
{
    struct ops_project *project = *state;
    json_t *result = plan(project);

    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    assert_string_equal(json_string_value(json_array_get(json_object_get(result, "why"), 0)),
                        "no agent gave a plan");
    json_decref(result);
}

static void an_answer_becomes_a_plan_in_waves(void **state)
{
    struct ops_project *project = *state;
    json_t *result;
    char *prompt;

    set_agent(project, GOOD, "no");
    ops_project_reopen(project);
    result = plan(project);
    assert_string_equal(json_get_text(result, "origin", ""), "dynamic");
    assert_string_equal(why(result), "an agent broke the task down");
    /* one and two would change the same file */
    assert_int_equal(json_array_size(json_object_get(result, "waves")), 3);
    assert_non_null(strstr(json_get_text(result, "yaml", ""), "do $${{ it }}"));
    json_decref(result);
    prompt = asked(project, 1);
    assert_non_null(strstr(prompt, "Brew coffee"));
    assert_non_null(strstr(prompt, "backend-expert"));
    free(prompt);
    /* The same question is not paid twice. */
    result = plan(project);
    assert_string_equal(json_get_text(result, "origin", ""), "dynamic");
    json_decref(result);
    prompt = asked(project, 2);
    assert_string_equal(prompt, "");
    free(prompt);
    forget(project);
}

static void a_wrong_answer_goes_back_once_with_what_is_wrong(void **state)
{
    struct ops_project *project = *state;
    json_t *result;
    char *prompt;

    set_agent(project, UNKNOWN_EXPERT, GOOD);
    ops_project_reopen(project);
    result = plan(project);
    assert_string_equal(json_get_text(result, "origin", ""), "dynamic");
    assert_non_null(strstr(why(result), "sent back"));
    assert_null(strstr(json_get_text(result, "yaml", ""), "wizard"));
    json_decref(result);
    prompt = asked(project, 2);
    assert_non_null(strstr(prompt, "wizard"));
    free(prompt);
    forget(project);
}

static void what_is_wrong_twice_is_not_used(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    set_agent(project, UNKNOWN_EXPERT, UNKNOWN_ORDER);
    ops_project_reopen(project);
    result = plan(project);
    assert_string_equal(json_get_text(result, "origin", ""), "composed");
    assert_string_equal(why(result), "the agent's answer was wrong twice");
    json_decref(result);
    forget(project);
}

static void who_is_not_healthy_is_not_asked(void **state)
{
    struct ops_project *project = *state;
    json_t *result;

    set_agent(project, GOOD, "no");
    ops_project_write(project, ".fermata/config.yaml",
                      "default_agent: bad\n"
                      "agents:\n"
                      "  bad: { type: claude, command: [sh, -c, 'exit 3'] }\n"
                      "  house: { type: claude, command: [sh, agent.sh] }\n");
    ops_project_write(project, ".fermata/workflows/w.yaml",
                      "name: w\non_failure: fail\nphases: [{ id: p, steps: [{ id: s, agent: bad,"
                      " prompt: x, retry: { attempts: 1 } }] }]\n");
    ops_project_reopen(project);
    for (int i = 0; i < 7; i++) {
        json_decref(ops_project_call(
            project, "run",
            json_pack("{s:s, s:s, s:b}", "workflow", "w", "kind", "design", "fresh", 1)));
    }
    result = plan(project);
    assert_string_equal(json_get_text(result, "origin", ""), "dynamic");
    json_decref(result);
    forget(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_an_agent_the_plan_is_composed, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_becomes_a_plan_in_waves, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_answer_goes_back_once_with_what_is_wrong,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_healthy_is_not_asked, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_twice_is_not_used, ops_project_set_up,
                                        ops_project_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
