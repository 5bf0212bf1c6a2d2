/* SPDX-License-Identifier: MIT */
#include "run/record.h"
#include "run/run.h"

#include "base/alloc.h"
#include "support/record_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every field has another value, so that two that were mixed up are seen. */
static struct record full_record(enum record_kind kind, const json_t *values)
{
    return (struct record){.kind = kind,
                           .seq = 7,
                           .at = 1700000000000,
                           .phase = "phase",
                           .step = "step",
                           .status = "status",
                           .class_ = "class",
                           .reason = "reason",
                           .error = "error",
                           .name = "name",
                           .by = "by",
                           .text = "text",
                           .digest = "digest",
                           .strategy = "strategy",
                           .other = "other",
                           .other_step = "other_step",
                           .folder = "folder",
                           .number = 11,
                           .until = 12,
                           .duration_ms = 13,
                           .exit_status = 14,
                           .signal = 15,
                           .flag = true,
                           .output = json_array_get(values, 0),
                           .errors = json_array_get(values, 1),
                           .artifacts = json_array_get(values, 2),
                           .data = json_array_get(values, 3),
                           .question = json_array_get(values, 4)};
}

static void every_kind_comes_back_as_it_was_written(void **state)
{
    json_t *values = json_pack("[s, s, s, s, s]", "output", "errors", "artifacts", "data", "asks");
    struct arena *arena = arena_new();

    (void)state;
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record = full_record((enum record_kind)kind, values);
        json_t *first = record_body(&record);
        struct record decoded;
        json_t *second;

        assert_true(json_object_size(first) > 0);
        assert_int_equal(record_decode(record_kind_name(record.kind), first, arena, &decoded, NULL),
                         0);
        assert_int_equal(decoded.kind, kind);
        second = record_body(&decoded);
        assert_true(json_equal(first, second));
        json_decref(second);
        json_decref(first);
    }
    arena_free(arena);
    json_decref(values);
}

/* The names on disk are the format; the ones that the documentation tells. */
static void the_fields_of_an_ended_attempt_have_their_names(void **state)
{
    json_t *values = json_pack("[s, s, s, s, s]", "output", "errors", "artifacts", "data", "asks");
    struct record record = full_record(RECORD_ATTEMPT_ENDED, values);
    json_t *body = record_body(&record);
    char *text = json_dump_sorted(body);

    (void)state;
    assert_string_equal(text,
                        "{\"artifacts\":\"artifacts\",\"attempt\":11,\"class\":\"class\","
                        "\"duration_ms\":13,\"error\":\"error\",\"exit_status\":14,"
                        "\"output\":\"output\",\"phase\":\"phase\",\"question\":\"asks\","
                        "\"signal\":15,"
                        "\"stderr\":\"errors\",\"step\":\"step\",\"unbegun\":true,\"until\":12,"
                        "\"usage\":\"data\"}");
    free(text);
    json_decref(body);
    json_decref(values);
}

static void what_does_not_apply_is_absent(void **state)
{
    struct record record = {.kind = RECORD_STEP_MOVED, .step = "a", .status = "completed"};
    json_t *body = record_body(&record);
    char *text = json_dump_sorted(body);

    (void)state;
    assert_string_equal(text, "{\"status\":\"completed\",\"step\":\"a\"}");
    free(text);
    json_decref(body);
}

static void a_view_gets_the_run_the_number_and_the_time_as_well(void **state)
{
    struct record record = {
        .kind = RECORD_RUN_MOVED, .seq = 3, .at = 1700000000000, .status = "running"};
    json_t *body = record_describe(&record, "wf_000000000001");
    char *text = json_dump_compact(body);

    (void)state;
    assert_string_equal(text, "{\"run\":\"wf_000000000001\",\"seq\":3,\"at\":1700000000000,"
                              "\"kind\":\"run_moved\",\"status\":\"running\"}");
    free(text);
    json_decref(body);
}

static void an_unknown_kind_is_refused_and_names_itself(void **state)
{
    struct arena *arena = arena_new();
    struct record record = {.number = 5};
    struct error err = ERROR_INIT;
    json_t *body = json_object();

    (void)state;
    assert_int_equal(record_decode("run_danced", body, arena, &record, &err), ERROR_INTERNAL);
    assert_non_null(strstr(err.text, "run_danced"));
    assert_int_equal(record.number, 5);
    json_decref(body);
    arena_free(arena);
}

static void fields_of_another_type_are_taken_as_absent(void **state)
{
    struct arena *arena = arena_new();
    struct record record;
    json_t *body = json_pack("{s:i, s:s, s:i}", "step", 3, "attempt", "one", "class", 4);

    (void)state;
    assert_int_equal(record_decode("attempt_ended", body, arena, &record, NULL), 0);
    assert_null(record.step);
    assert_null(record.class_);
    assert_int_equal(record.number, 0);
    json_decref(body);
    arena_free(arena);
}

static void the_kinds_have_names_of_their_own(void **state)
{
    (void)state;
    for (int one = 0; one < RECORD_KINDS; one++) {
        for (int other = one + 1; other < RECORD_KINDS; other++) {
            assert_string_not_equal(record_kind_name((enum record_kind)one),
                                    record_kind_name((enum record_kind)other));
        }
    }
}

static void a_flag_is_set_by_true_alone(void **state)
{
    static const char *const values[] = {"false", "1", "null", "true"};
    struct arena *arena = arena_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char *text = mem_printf("{\"unbegun\": %s}", values[i]);
        json_t *object = json_loads(text, 0, NULL);
        struct record record;

        assert_int_equal(record_decode("attempt_ended", object, arena, &record, NULL), 0);
        assert_int_equal(record.flag, strcmp(values[i], "true") == 0);
        json_decref(object);
        free(text);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was_written),
        cmocka_unit_test(the_fields_of_an_ended_attempt_have_their_names),
        cmocka_unit_test(what_does_not_apply_is_absent),
        cmocka_unit_test(a_view_gets_the_run_the_number_and_the_time_as_well),
        cmocka_unit_test(an_unknown_kind_is_refused_and_names_itself),
        cmocka_unit_test(fields_of_another_type_are_taken_as_absent),
        cmocka_unit_test(the_kinds_have_names_of_their_own),
        cmocka_unit_test(a_flag_is_set_by_true_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
