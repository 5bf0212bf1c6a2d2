/* SPDX-License-Identifier: MIT */
#include "run/changes.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A program that speaks as claude does, has a read-only mode, and does not keep to it. */
#define AGENT                                                                                      \
    "default_agent: a\nagents:\n  a: { type: claude, command: [sh, -c, 'cat >/dev/null; echo new " \
    "> b.txt; rm -f c.txt; cat stream.jsonl'] }\n"
#define STREAM                                                                                     \
    "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s1\"}\n"                           \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"done\","         \
    "\"session_id\":\"s1\",\"terminal_reason\":\"completed\"}\n"
#define WORKFLOW(more)                                                                             \
    "name: w\ndefaults: { retry: { attempts: 1 } }\n"                                              \
    "phases: [{ id: p, steps: [{ id: s, prompt: go" more " }] }]\n"

static void prepare(struct run_project *project)
{
    run_project_configure(project, AGENT);
    run_project_write(project, "stream.jsonl", STREAM);
    run_project_write(project, "a.txt", "same");
    run_project_write(project, "b.txt", "old");
    run_project_write(project, "c.txt", "gone");
}

static const json_t *ended(const struct run_project *project)
{
    return run_project_find(project, "attempt_ended", "s", 0);
}

static void what_an_agent_changed_is_recorded(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":2,\"changed\":[\"b.txt\",\"c.txt\"],"
                              "\"not_claimed\":[\"b.txt\",\"c.txt\"]}");
    free(text);
}

#define TOOL(id, name, path, failed)                                                               \
    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"" id        \
    "\",\"name\":\"" name "\",\"input\":{\"file_path\":\"" path "\"}}]}}\n"                        \
    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"" id \
    "\",\"is_error\":" failed ",\"content\":\"\"}]}}\n"

static void what_it_claims_is_compared_with_what_it_did(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    run_project_write(project, "stream.jsonl",
                      TOOL("1", "Edit", "a.txt", "false") TOOL("2", "Edit", "b.txt", "false")
                          TOOL("3", "Edit", "refused.txt", "true")
                              TOOL("4", "Read", "read.txt", "false") STREAM);
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":2,\"changed\":[\"b.txt\",\"c.txt\"],"
                              "\"only_claimed\":[\"a.txt\"],\"not_claimed\":[\"c.txt\"]}");
    free(text);
}

/* A program that only answers says nothing of its tools. */
static void who_does_not_tell_its_tools_is_not_compared(void **state)
{
    struct run_project *project = *state;
    char *text;

    prepare(project);
    run_project_configure(project, "default_agent: a\nagents:\n  a: { type: command, command: "
                                   "[sh, -c, 'cat >/dev/null; echo new > b.txt; echo done'] }\n");
    assert_string_equal(run_project_run(project, WORKFLOW("")), "completed");
    text = json_dump_compact(json_object_get(ended(project), "files"));
    assert_string_equal(text, "{\"count\":1,\"changed\":[\"b.txt\"]}");
    free(text);
}

static void a_step_that_was_to_change_nothing_fails_with_what_it_changed(void **state)
{
    struct run_project *project = *state;

    prepare(project);
    assert_string_equal(run_project_run(project, WORKFLOW(", read_only: true")), "paused");
    assert_string_equal(json_get_text(ended(project), "class", ""), "permanent");
    assert_non_null(strstr(json_get_text(ended(project), "error", ""), "b.txt, c.txt"));
}

static void what_was_not_listed_before_is_not_known_after(void **state)
{
    struct run_project *project = *state;
    const struct claims claims = {NULL, project->project, project->project};

    assert_null(changes_end(project->folder, project->project, &claims));
}

static void that_there_was_no_listing_is_told_with_its_reason(void **state)
{
    struct run_project *project = *state;
    struct claims claims = {NULL, project->project, project->project};
    json_t *changes;

    changes_begin(project->folder, project->project, "/nonexistent");
    changes = changes_end(project->folder, project->project, &claims);
    assert_null(json_object_get(changes, "count"));
    assert_non_null(strstr(json_get_text(changes, "unknown", ""), "/nonexistent"));
    json_decref(changes);
    changes_begin(project->folder, project->project, project->project);
    claims.project = "/nonexistent";
    changes = changes_end(project->folder, project->project, &claims);
    assert_non_null(strstr(json_get_text(changes, "unknown", ""), "/nonexistent"));
    json_decref(changes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, run_project_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_an_agent_changed_is_recorded),
        TEST(what_it_claims_is_compared_with_what_it_did),
        TEST(who_does_not_tell_its_tools_is_not_compared),
        TEST(a_step_that_was_to_change_nothing_fails_with_what_it_changed),
        TEST(what_was_not_listed_before_is_not_known_after),
        TEST(that_there_was_no_listing_is_told_with_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
