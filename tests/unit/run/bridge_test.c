/* SPDX-License-Identifier: MIT */
#include "run/bridge.h"

#include "agents/attempt.h"
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"
#include "support/run_project.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST ".agent-request-p-a.json"
#define RESPONSE ".agent-response-p-a.json"

/* As a new process would make it: with other random bits. */
static struct bridge_call *make_call(const char *folder)
{
    static uint64_t bits = 1;
    struct bridge_call *call = mem_zero(1, sizeof(*call));

    strbuf_init(&call->prompt, 1 << 20);
    strbuf_add(&call->prompt, "Do it");
    call->run_folder = mem_strdup(folder);
    call->folder = scratch_path(folder, "attempts/a.1");
    call->blobs = scratch_path(folder, "blobs");
    call->phase = mem_strdup("p");
    call->phase_name = mem_strdup("p");
    call->phase_number = 1;
    call->step = mem_strdup("a");
    call->now_ms = 1708336800000;
    call->random[0] = call->random[1] = bits++;
    call->is_alone = true;
    call->context = json_object();
    call->description = mem_strdup("{}");
    return call;
}

static char *read_text(const char *folder, const char *name)
{
    char *path = scratch_path(folder, name);
    char *text = NULL;
    size_t length;

    assert_int_equal(file_read(path, 1 << 20, &text, &length, NULL), 0);
    free(path);
    return text;
}

static bool has_file(const char *folder, const char *name)
{
    char *path = scratch_path(folder, name);
    bool exists = file_exists(path);

    free(path);
    return exists;
}

static void look(const char *folder, bool is_answered, const char *message)
{
    struct bridge_call *call = make_call(folder);

    bridge_call_look(call);
    assert_string_equal(call->err.text, "");
    assert_int_equal(call->result, 0);
    assert_int_equal(call->is_answered, is_answered);
    if (message && (!call->message || !strstr(call->message, message))) {
        fail_msg("not said: %s, but %s", message, call->message ? call->message : "nothing");
    }
    bridge_call_free(call);
}

static void answer(const char *folder, const char *name)
{
    char *text = read_text(folder, REQUEST);
    json_t *request = json_loads(text, 0, NULL);
    char *response = mem_printf("{\"request_id\":\"%s\",\"version\":\"1.0\",\"status\":\"success\","
                                "\"response\":\"fine\"}",
                                json_get_text(request, "request_id", ""));

    scratch_write(folder, name, response);
    free(response);
    json_decref(request);
    free(text);
}

static void a_request_stays_the_same_however_often_it_is_looked(void **state)
{
    char *folder = scratch_new();
    char *first, *second, *path;

    (void)state;
    look(folder, false, REQUEST);
    first = read_text(folder, REQUEST);
    path = scratch_path(folder, REQUEST);
    assert_int_equal(unlink(path), 0);
    look(folder, false, REQUEST);
    second = read_text(folder, REQUEST);
    assert_string_equal(first, second);
    free(path);
    free(second);
    free(first);
    scratch_remove(folder);
}

/* The attempt before had no answer, and its request was left. */
static void another_attempt_shows_its_own_request(void **state)
{
    char *folder = scratch_new();
    struct bridge_call *call = make_call(folder);
    char *first, *shown, *kept;

    (void)state;
    look(folder, false, REQUEST);
    first = read_text(folder, REQUEST);
    free(call->folder);
    call->folder = scratch_path(folder, "attempts/a.2");
    bridge_call_look(call);
    assert_int_equal(call->result, 0);
    shown = read_text(folder, REQUEST);
    kept = read_text(folder, "attempts/a.2/request.json");
    assert_string_equal(shown, kept);
    assert_string_not_equal(shown, first);
    bridge_call_free(call);
    free(kept);
    free(shown);
    free(first);
    scratch_remove(folder);
}

static void a_response_is_left_as_a_keeper_leaves_an_end(void **state)
{
    char *folder = scratch_new();
    char *attempt = scratch_path(folder, "attempts/a.1");
    struct attempt_exit ended;
    char *events;

    (void)state;
    look(folder, false, NULL);
    answer(folder, RESPONSE);
    look(folder, true, NULL);
    assert_int_equal(attempt_read_exit(attempt, &ended, NULL), 0);
    assert_int_equal(ended.status, 0);
    events = read_text(folder, "attempts/a.1/stdout");
    assert_non_null(strstr(events, "\"text\":\"fine\""));
    assert_int_equal(ended.stdout_bytes, strlen(events));
    assert_true(has_file(folder, "attempts/a.1/response.json"));
    assert_false(has_file(folder, REQUEST) || has_file(folder, RESPONSE));
    free(events);
    free(attempt);
    scratch_remove(folder);
}

/* What a crash between taking it and removing it leaves behind is no answer to the next one. */
static void a_response_that_was_taken_before_a_crash_is_removed(void **state)
{
    char *folder = scratch_new();

    (void)state;
    look(folder, false, NULL);
    answer(folder, RESPONSE);
    answer(folder, "agent-response.json");
    scratch_write(folder, "attempts/a.1/exit.json", "{}");
    look(folder, true, NULL);
    assert_false(has_file(folder, REQUEST) || has_file(folder, RESPONSE) ||
                 has_file(folder, "agent-response.json"));
    scratch_remove(folder);
}

static void a_wrong_response_is_told_and_stays(void **state)
{
    char *folder = scratch_new();
    struct bridge_place place = {.run_folder = folder, .phase = "p", .phase_number = 1};
    json_t *step = json_pack("{s:s, s:i}", "key", "a", "attempts", 1);
    struct error err = ERROR_INIT;

    (void)state;
    look(folder, false, NULL);
    assert_int_equal(bridge_check(&place, step, &err), 0);
    scratch_write(folder, RESPONSE, "{\"request_id\": \"x\", \"version\": \"1.0\"}");
    look(folder, false, RESPONSE ":1:2: the response is to request x");
    assert_true(has_file(folder, RESPONSE) && has_file(folder, REQUEST));
    assert_int_equal(bridge_check(&place, step, &err), ERROR_VALIDATION);
    assert_non_null(strstr(err.text, RESPONSE ":1:2:"));
    answer(folder, RESPONSE);
    assert_int_equal(bridge_check(&place, step, &err), 1);
    json_decref(step);
    scratch_remove(folder);
}

static void one_that_names_no_step_may_be_anothers(void **state)
{
    char *folder = scratch_new();
    struct bridge_call *call = make_call(folder);

    (void)state;
    call->is_alone = false;
    scratch_write(folder, ".agent-response.json", "{\"request_id\": \"x\", \"version\": \"1.0\"}");
    bridge_call_look(call);
    assert_false(call->is_answered);
    assert_string_equal(call->message, REQUEST);
    bridge_call_free(call);
    look(folder, false, ".agent-response.json:1:2: the response is to request x");
    scratch_remove(folder);
}

/* What stands in the way of a file that the call writes. */
static void fail_by(const char *obstacle, bool is_answering)
{
    char *folder = scratch_new();
    struct bridge_call *call;

    if (is_answering) {
        look(folder, false, NULL);
        answer(folder, RESPONSE);
    }
    scratch_write(folder, obstacle, "in the way");
    call = make_call(folder);
    bridge_call_look(call);
    if (call->result >= 0 || call->err.text[0] == '\0') {
        fail_msg("%s: %d", obstacle, call->result);
    }
    assert_false(has_file(folder, "attempts/a.1/exit.json"));
    assert_int_equal(has_file(folder, RESPONSE), is_answering);
    bridge_call_free(call);
    scratch_remove(folder);
}

static void a_request_that_cannot_be_written_is_an_error(void **state)
{
    static const char *const obstacles[] = {"attempts", "attempts/a.1/prompt/x", "blobs",
                                            "attempts/a.1/" TRANSCRIPT_FILE "/x",
                                            "attempts/a.1/request.json/x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(obstacles); i++) {
        fail_by(obstacles[i], false);
    }
}

static void a_response_that_cannot_be_kept_is_no_end_and_stays(void **state)
{
    (void)state;
    fail_by("attempts/a.1/response.json/x", true);
    fail_by("attempts/a.1/stdout/x", true);
}

static void a_torn_request_is_written_anew(void **state)
{
    static const char *const torn[] = {"{\"request", "{\"request_id\": \"short\"}", "[]"};
    char *folder = scratch_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(torn); i++) {
        char *text;

        scratch_write(folder, "attempts/a.1/request.json", torn[i]);
        look(folder, false, REQUEST);
        text = read_text(folder, "attempts/a.1/request.json");
        assert_non_null(strstr(text, "\"asked_at_ms\": 1708336800000"));
        free(text);
    }
    scratch_remove(folder);
}

static void an_end_without_its_request_is_an_end(void **state)
{
    char *folder = scratch_new();

    (void)state;
    scratch_write(folder, "attempts/a.1/exit.json", "{}");
    look(folder, true, NULL);
    scratch_remove(folder);
}

static bool has_agent(void *context, const char *name)
{
    return strcmp(name, context) == 0;
}

/* Whether the host is asked for the step when only this agent can be used. */
static bool is_hosts(const char *usable, const char *step_text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    char *text = mem_printf("name: w\nphases: [{ id: p, steps: [{ id: a, %s }] }]\n", step_text);
    struct workflow *workflow = run_project_parse(text);
    struct run_state *run = run_state_new("wf_abc123abc123", workflow);
    struct config *config = NULL;
    struct engine engine = {.options = {.has_agent = has_agent}};
    struct active active = {.engine = &engine, .state = run};
    char *name = mem_strdup(usable);
    bool result;

    assert_int_equal(
        config_parse(&(struct config_texts){.project = "agents:\n"
                                                       "  one: { command: x }\n"
                                                       "  two: { command: x }\n"
                                                       "  me: { type: host }\n"
                                                       "  off: { type: host, enabled: false }\n",
                                            .project_file = "c"},
                     &config, problems, NULL),
        0);
    engine.options.config = config;
    engine.options.loader_context = name;
    run->is_bridged = true;
    result = bridge_is_hosts(&active, run_find_step(run, "a"));
    config_free(config);
    run_state_free(run);
    workflow_free(workflow);
    free(name);
    free(text);
    free(problems);
    return result;
}

static void the_host_is_asked_where_no_agent_of_the_step_can_be_used(void **state)
{
    (void)state;
    assert_true(is_hosts("none", "prompt: go"));
    assert_true(is_hosts("none", "prompt: go, agent: one, fallback: [two]"));
    assert_false(is_hosts("one", "prompt: go, agent: one, fallback: [two]"));
    assert_false(is_hosts("two", "prompt: go, agent: one, fallback: [two]"));
    assert_true(is_hosts("me", "prompt: go, agent: me"));
    assert_false(is_hosts("off", "prompt: go, agent: off"));
    assert_false(is_hosts("none", "run: x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_is_asked_where_no_agent_of_the_step_can_be_used),
        cmocka_unit_test(a_request_stays_the_same_however_often_it_is_looked),
        cmocka_unit_test(another_attempt_shows_its_own_request),
        cmocka_unit_test(a_response_is_left_as_a_keeper_leaves_an_end),
        cmocka_unit_test(a_response_that_was_taken_before_a_crash_is_removed),
        cmocka_unit_test(a_wrong_response_is_told_and_stays),
        cmocka_unit_test(one_that_names_no_step_may_be_anothers),
        cmocka_unit_test(a_request_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_response_that_cannot_be_kept_is_no_end_and_stays),
        cmocka_unit_test(a_torn_request_is_written_anew),
        cmocka_unit_test(an_end_without_its_request_is_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
