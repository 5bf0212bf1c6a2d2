/* SPDX-License-Identifier: MIT */
#include "run/bridge.h"
#include "run/live.h"
#include "run/own.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/full_disk.h"
#include "support/run_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOSTED "name: w\nphases: [{ id: p, steps: [{ id: a, agent: host, prompt: Do it }] }]\n"

static char *in_run(const struct run_project *project, const char *name)
{
    return mem_printf("%s/workflows/%s/%s", project->folder, project->id, name);
}

static void respond(const struct run_project *project)
{
    char *path = in_run(project, ".agent-request-p-a.json");
    char *target = in_run(project, ".agent-response-p-a.json");
    char *text = NULL;
    size_t length = 0;
    json_t *request;
    char *response;

    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    request = json_loads(text, 0, NULL);
    response = mem_printf("{\"request_id\":\"%s\",\"version\":\"1.0\",\"status\":\"success\","
                          "\"response\":\"fine\"}",
                          json_get_text(request, "request_id", ""));
    assert_int_equal(file_write(target, response, strlen(response), FILE_NO_SYNC, NULL), 0);
    free(response);
    json_decref(request);
    free(text);
    free(target);
    free(path);
}

static void resume(struct run_project *project)
{
    json_t *command = json_pack("{s:s}", "do", "resume");
    json_t *answer = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(run_ask(&project->options, project->id, command, &answer, &err), 0);
    json_decref(answer);
    json_decref(command);
    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
}

static void a_run_rests_for_its_host_and_ends_with_its_answer(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, HOSTED, NULL);
    run_project_go(project);
    assert_non_null(run_project_find(project, "step_waiting", "a", 1));
    respond(project);
    run_project_reopen(project);
    resume(project);
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "a", 0), "class", ""), "none");
    assert_string_equal(
        json_get_text(run_project_find(project, "attempt_ended", "a", 0), "agent", ""), "host");
}

static void a_host_that_did_not_answer_is_waited_for_again(void **state)
{
    struct run_project *project = *state;

    run_project_start(project, HOSTED, NULL);
    run_project_go(project);
    run_project_reopen(project);
    resume(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_int_equal(run_project_count(project, "attempt_started", "a"), 1);
    run_project_check_tables(project);
}

/* The nested run waits for the call that holds the budget, until the host has that call. */
static void a_nested_run_without_room_rests_with_the_host_that_has_it_all(void **state)
{
    struct run_project *project = *state;

    run_project_write(project, "workflows/inner.yaml",
                      "name: inner\nphases: [{ id: q, steps: [{ id: b, agent: host, prompt: Too }] "
                      "}]\n");
    run_project_start(project,
                      "name: w\nbudget: { tokens: 600 }\nphases: [{ id: p, mode: parallel, steps: "
                      "[{ id: a, agent: host, prompt: Do it }, { id: sub, workflow: inner }] }]\n",
                      NULL);
    run_project_go(project);
    run_project_reopen(project);
    resume(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
}

static void a_request_that_cannot_be_written_is_a_failure_of_the_attempt(void **state)
{
    struct run_project *project = *state;
    const json_t *ended;
    char *name;

    run_project_start(project,
                      "name: w\nphases: [{ id: p, steps: [{ id: a, agent: host, prompt: Do it,"
                      " retry: { attempts: 1 } }] }]\n",
                      NULL);
    name = mem_printf(".fermata/workflows/%s/attempts/a.1/prompt/x", project->id);
    run_project_write(project, name, "in the way");
    free(name);
    run_project_go(project);
    ended = run_project_find(project, "attempt_ended", "a", 0);
    assert_string_equal(json_get_text(ended, "class", ""), "transient");
    assert_string_equal(run_project_status(project, project->id), "paused");
}

static void a_request_tells_the_host_what_the_step_is_to_be(void **state)
{
    struct run_project *project = *state;
    char *name, *text;
    json_t *request;

    run_project_write(project, "experts/critic.md", "You look closely.\n");
    run_project_start(project,
                      "name: w\nphases: [{ id: p, name: The review, steps: [{ id: a, agent: host,"
                      " expert: critic, read_only: true, prompt: Look }] }]\n",
                      NULL);
    run_project_go(project);
    name = mem_printf(".fermata/workflows/%s/.agent-request-p-a.json", project->id);
    text = run_project_read(project, name);
    request = json_loads(text, 0, NULL);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_true(json_is_true(json_object_get(json_object_get(request, "context"), "read_only")));
    assert_non_null(strstr(text, "\"critic\""));
    assert_non_null(strstr(text, "The review"));
    assert_non_null(strstr(text, "You look closely."));
    json_decref(request);
    free(text);
    free(name);
}

/* ---- what fails, and who stops or ends meanwhile ---- */

static const struct live_attempt *find_live(const struct run_project *project)
{
    char *key = mem_printf("%s/a", project->id);
    const struct live_attempt *live = map_find(project->engine->live, key);

    free(key);
    return live;
}

static bool is_looked_at(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->bridge && live->is_on_pool;
}

static bool is_parked(const struct run_project *project)
{
    const struct live_attempt *live = find_live(project);

    return live && live->pause.value;
}

static void start_until_looked_at(struct run_project *project)
{
    run_project_start(project, HOSTED, NULL);
    run_project_turn_until(project, is_looked_at);
}

static void adopt_and_go(struct run_project *project)
{
    struct error err = ERROR_INIT;

    assert_int_equal(run_project_adopt(project, project->id, &err), 0);
    run_project_go(project);
}

static void an_engine_that_ends_while_it_asks_leaves_the_asking_to_the_next(void **state)
{
    struct run_project *project = *state;

    start_until_looked_at(project);
    run_project_drop_engine(project);
    assert_int_equal(run_project_count(project, "step_waiting", "a"), 1);
    adopt_and_go(project);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_int_equal(run_project_count(project, "attempt_started", "a"), 1);
    assert_int_equal(run_project_count(project, "step_waiting", "a"), 2);
}

static void of_a_run_that_is_lost_nobody_is_asked(void **state)
{
    struct run_project *project = *state;

    start_until_looked_at(project);
    active_lose(engine_find(project->engine, project->id), "another process took it");
    assert_int_equal(map_count(project->engine->live), 0);
    run_project_go(project);
    assert_int_equal(run_project_count(project, "step_waiting", "a"), 1);
}

static int tear_down(void **state)
{
    struct run_project *project = *state;

    full_disk_unmount(project->folder, "workflows");
    return run_project_tear_down(state);
}

static void a_request_waits_for_space(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");

    if (!filler) {
        skip();
    }
    run_project_start(project, HOSTED, NULL);
    run_project_turn_until(project, is_parked);
    assert_int_equal(project->stalls, 1);
    assert_int_equal(unlink(filler), 0);
    run_project_go(project);
    assert_int_equal(run_project_count(project, "attempt_started", "a"), 1);
    assert_int_equal(run_project_count(project, "attempt_ended", "a"), 0);
    assert_string_equal(run_project_status(project, project->id), "paused");
    assert_int_equal(project->unstalls, 1);
    free(filler);
}

static void a_stop_ends_the_wait_for_space_for_a_request(void **state)
{
    struct run_project *project = *state;
    char *filler = full_disk_mount(project->folder, "workflows");
    const json_t *ended;

    if (!filler) {
        skip();
    }
    run_project_start(project, HOSTED, NULL);
    run_project_turn_until(project, is_parked);
    engine_interrupt(project->engine, true);
    run_project_go(project);
    ended = run_project_find(project, "attempt_ended", "a", 0);
    assert_string_equal(json_get_text(ended, "class", ""), "cancelled");
    free(filler);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_project_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_rests_for_its_host_and_ends_with_its_answer),
        TEST(a_host_that_did_not_answer_is_waited_for_again),
        TEST(a_nested_run_without_room_rests_with_the_host_that_has_it_all),
        TEST(a_request_that_cannot_be_written_is_a_failure_of_the_attempt),
        TEST(a_request_tells_the_host_what_the_step_is_to_be),
        TEST(an_engine_that_ends_while_it_asks_leaves_the_asking_to_the_next),
        TEST(of_a_run_that_is_lost_nobody_is_asked),
        TEST(a_request_waits_for_space),
        TEST(a_stop_ends_the_wait_for_space_for_a_request),
    };

    full_disk_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
