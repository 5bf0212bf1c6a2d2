/* SPDX-License-Identifier: MIT */
#include "agents/bridge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "01234567-89ab-4def-8123-456789abcdef"

static const struct bridge_request request = {.id = ID,
                                              .phase = "plan",
                                              .phase_name = "Planning",
                                              .phase_number = 2,
                                              .step = "outline",
                                              .agent = "architect",
                                              .prompt = "Do it",
                                              .timeout_ms = 1500,
                                              .created_at_ms = 1708336800000};

static void an_id_is_a_uuid_of_version_4(void **state)
{
    char id[BRIDGE_ID_SIZE];

    (void)state;
    bridge_format_id(UINT64_MAX, UINT64_MAX, id);
    assert_string_equal(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    bridge_format_id(0, 0, id);
    assert_string_equal(id, "00000000-0000-4000-8000-000000000000");
}

static void a_request_has_all_fields_of_the_contract(void **state)
{
    json_t *object = bridge_request_encode(&request);
    char *text = json_dump_compact(object);

    (void)state;
    assert_string_equal(
        text, "{\"request_id\":\"" ID "\",\"version\":\"1.0\",\"phase\":2,\"phase_id\":\"plan\","
              "\"phase_name\":\"Planning\",\"step\":\"outline\",\"agent_name\":\"architect\","
              "\"prompt\":\"Do it\",\"timeout_seconds\":2,\"created_at\":\"2024-02-19T10:00:00Z\","
              "\"context\":{},\"model\":null}");
    free(text);
    json_decref(object);
}

static void the_right_name_of_a_response_comes_first(void **state)
{
    char *names[BRIDGE_NAMES_MAX];
    char *name = bridge_request_name(&request);
    size_t count = bridge_response_names(&request, names);

    (void)state;
    assert_string_equal(name, ".agent-request-plan-outline.json");
    assert_int_equal(count, BRIDGE_NAMES_MAX);
    assert_string_equal(names[0], ".agent-response-plan-outline.json");
    assert_string_equal(names[2], ".agent-response-phase2.json");
    assert_string_equal(names[4], "agent-response-plan-outline.json");
    assert_false(bridge_is_vague(&request, names[0]));
    assert_false(bridge_is_vague(&request, names[4]));
    assert_true(bridge_is_vague(&request, names[2]));
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(name);
}

static int read_text(const char *text, struct strbuf *events, struct error *err)
{
    strbuf_init(events, 1 << 20);
    *err = (struct error)ERROR_INIT;
    return bridge_response_read("r.json", text, strlen(text), ID, events, err);
}

static void assert_events(const char *text, const char *expected)
{
    struct strbuf events;
    struct error err;
    int r = read_text(text, &events, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(r, 0);
    assert_string_equal(events.data, expected);
    strbuf_release(&events);
}

#define SUCCESS(rest)                                                                              \
    "{\"request_id\":\"" ID "\",\"version\":\"1.0\",\"status\":\"success\"," rest "}"
#define ERROR(rest) "{\"request_id\":\"" ID "\",\"version\":1,\"status\":\"error\"," rest "}"
#define DONE "{\"event\":\"done\",\"text\":\"the host answered\"}\n"

static void a_text_and_a_value_are_answers(void **state)
{
    (void)state;
    assert_events(SUCCESS("\"response\":\"{\\\"a\\\": 1}\""),
                  "{\"event\":\"text\",\"text\":\"{\\\"a\\\": 1}\"}\n" DONE);
    assert_events(SUCCESS("\"response\":{\"a\":1}"),
                  "{\"event\":\"text\",\"text\":\"{\\\"a\\\":1}\"}\n" DONE);
    assert_events(SUCCESS("\"response\":[]"), "{\"event\":\"text\",\"text\":\"[]\"}\n" DONE);
}

static void what_the_host_says_of_its_call_is_kept(void **state)
{
    (void)state;
    assert_events(SUCCESS("\"response\":\"x\",\"metadata\":{\"model\":\"m\",\"usage\":"
                          "{\"input_tokens\":3,\"output_tokens\":4}}"),
                  "{\"event\":\"session\",\"name\":\"m\"}\n"
                  "{\"event\":\"usage\",\"usage\":{\"input_tokens\":3,"
                  "\"output_tokens\":4}}\n"
                  "{\"event\":\"text\",\"text\":\"x\"}\n" DONE);
}

static void assert_failure(const char *text, const char *failure)
{
    struct strbuf events;
    struct error err;
    char *expected = NULL;

    assert_int_equal(read_text(text, &events, &err), 0);
    assert_true(asprintf(&expected, "\"failure\":\"%s\"", failure) > 0);
    if (!strstr(events.data, expected)) {
        fail_msg("%s: not %s", events.data, failure);
    }
    free(expected);
    strbuf_release(&events);
}

static void errors_have_a_class(void **state)
{
    (void)state;
    assert_failure(ERROR("\"error_type\":\"RateLimitError\""), "limit");
    assert_failure(ERROR("\"error_type\":\"ConnectionError\""), "transient");
    assert_failure(ERROR("\"error_type\":\"refusal\""), "refused");
    assert_failure(ERROR("\"error_type\":\"AuthError\""), "permanent");
    assert_failure(ERROR("\"error_message\":\"HTTP 503 Service Unavailable\""), "transient");
    assert_failure(ERROR("\"error_message\":\"no idea\""), "permanent");
    assert_failure("{\"request_id\":\"" ID "\",\"version\":\"1.0\",\"status\":\"timeout\"}",
                   "timeout");
}

static void what_is_no_response_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *part;
        int code;
    } cases[] = {
        {"{\"request_id\": \"x\"", "r.json:1:", ERROR_VALIDATION},
        {"[]", "r.json:1:1: a response is a JSON object", ERROR_VALIDATION},
        {"{}", "needs the `request_id`", ERROR_VALIDATION},
        {"{\n  \"version\": \"1.0\",\n  \"request_id\": \"other\"\n}",
         "r.json:3:3: the response is to request other", ERROR_NOT_FOUND},
        {"{\"request_id\":\"" ID "\"}", "needs `version`", ERROR_VALIDATION},
        {"{\"request_id\":\"" ID "\",\n\"version\":\"2.0\"}", "r.json:2:1: `version` is not 1.0",
         ERROR_VALIDATION},
        {"{\"request_id\":\"" ID "\",\"version\":\"1.0\",\"status\":\"ok\"}",
         "`status` is success, error or timeout", ERROR_VALIDATION},
        {SUCCESS("\"response\":null"), "needs `response`", ERROR_VALIDATION},
        {SUCCESS("\"answer\":\"x\""), "needs `response`", ERROR_VALIDATION},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf events;
        struct error err;

        assert_int_equal(read_text(cases[i].text, &events, &err), cases[i].code);
        if (!strstr(err.text, cases[i].part)) {
            fail_msg("%s: not %s", err.text, cases[i].part);
        }
        strbuf_release(&events);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_a_uuid_of_version_4),
        cmocka_unit_test(a_request_has_all_fields_of_the_contract),
        cmocka_unit_test(the_right_name_of_a_response_comes_first),
        cmocka_unit_test(a_text_and_a_value_are_answers),
        cmocka_unit_test(what_the_host_says_of_its_call_is_kept),
        cmocka_unit_test(errors_have_a_class),
        cmocka_unit_test(what_is_no_response_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
