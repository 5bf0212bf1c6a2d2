/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct terminal plain = {.fd = 1, .columns = 80, .rows = 24, .is_utf8 = true};

static json_t *load(const char *text)
{
    json_t *value = NULL;
    struct error err = ERROR_INIT;

    if (json_parse_text(text, strlen(text), "test", &value, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return value;
}

static const char start[] =
    "{\"id\":\"wf_000000000001\",\"workflow\":\"w\",\"phases\":["
    "{\"id\":\"one\",\"status\":\"pending\",\"steps\":[{\"key\":\"a\",\"status\":\"pending\"},"
    "{\"key\":\"b\",\"status\":\"pending\"}]},"
    "{\"id\":\"two\",\"status\":\"pending\",\"steps\":[{\"key\":\"c\",\"status\":\"pending\"}]}]}";

static void collect(void *context, const char *text, size_t length)
{
    strbuf_add_bytes(context, text, length);
}

static void tell(struct progress *progress, const char *fields)
{
    char *text = mem_printf("{\"run\":\"wf_000000000001\",%s}", fields);
    json_t *record = load(text);

    progress_add_record(progress, record);
    json_decref(record);
    free(text);
}

static struct progress *begin(const struct terminal *terminal, enum progress_form form,
                              struct ops *ops, struct strbuf *out)
{
    json_t *run = load(start);
    struct progress *progress = progress_new(terminal, form, ops, run, collect, out);

    progress_say_begin(progress);
    json_decref(run);
    return progress;
}

static void plain_lines_count_the_finished_steps(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress, "\"kind\":\"phase_moved\",\"phase\":\"one\",\"status\":\"running\",\"at\":1000");
    tell(progress, "\"kind\":\"attempt_started\",\"step\":\"a\",\"attempt\":1,\"at\":1000");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\","
         "\"at\":2200");
    tell(progress, "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"b\",\"status\":\"failed\","
                   "\"error\":\"ex\\u001b[0mit 1\",\"at\":2300");
    /* After a pause, or for its gate, the phase only goes on. */
    tell(progress, "\"kind\":\"phase_moved\",\"phase\":\"one\",\"status\":\"paused\",\"at\":2400");
    tell(progress, "\"kind\":\"phase_moved\",\"phase\":\"one\",\"status\":\"running\",\"at\":2500");
    assert_string_equal(out.data,
                        "Run wf_000000000001: w, 3 steps\nPhase 1/2 one\n"
                        "Step 1/3 one/a completed (1.2s)\nStep 2/3 one/b failed: exit 1\n");
    progress_free(progress);
    strbuf_release(&out);
}

static void steps_that_start_again_are_not_counted_twice(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\"");
    tell(progress, "\"kind\":\"phase_reset\",\"phase\":\"one\",\"reason\":\"goto\"");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\"");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\"");
    assert_non_null(strstr(out.data, "Phase one starts again: goto\nStep 1/3 one/a completed"));
    assert_null(strstr(out.data, "Step 2/3"));
    progress_free(progress);
    strbuf_release(&out);
}

static void a_step_that_starts_again_has_its_own_time(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress, "\"kind\":\"attempt_started\",\"step\":\"a\",\"attempt\":1,\"at\":1000");
    tell(progress, "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"failed\","
                   "\"at\":2000");
    tell(progress, "\"kind\":\"phase_reset\",\"phase\":\"one\",\"reason\":\"goto\"");
    tell(progress, "\"kind\":\"attempt_started\",\"step\":\"a\",\"attempt\":2,\"at\":60000");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\","
         "\"at\":62000");
    assert_non_null(strstr(out.data, "one/a completed (2.0s)"));
    progress_free(progress);
    strbuf_release(&out);
}

static void a_run_that_goes_on_says_where_it_stands(void **state)
{
    struct strbuf out;
    struct progress *progress;
    json_t *run = load("{\"id\":\"wf_000000000001\",\"workflow\":\"w\",\"phases\":["
                       "{\"id\":\"p\",\"status\":\"completed\",\"steps\":[]},"
                       "{\"id\":\"q\",\"status\":\"running\",\"steps\":[]}]}");

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = progress_new(&plain, PROGRESS_PLAIN, NULL, run, collect, &out);
    assert_string_equal(out.data, "");
    progress_say_begin(progress);
    assert_string_equal(out.data, "Run wf_000000000001: w, 0 steps\nPhase 2/2 q\n");
    progress_free(progress);
    strbuf_release(&out);
    json_decref(run);
}

/* How often they are run is not known before. */
static void steps_that_fix_are_told_and_not_counted(void **state)
{
    struct strbuf out;
    struct progress *progress;
    json_t *run = load(
        "{\"id\":\"wf_000000000001\",\"workflow\":\"w\",\"phases\":["
        "{\"id\":\"p\",\"status\":\"running\",\"steps\":[{\"key\":\"a\",\"status\":\"failed\"}],"
        "\"fix\":[{\"key\":\"mend\",\"status\":\"pending\"}]}]}");

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = progress_new(&plain, PROGRESS_PLAIN, NULL, run, collect, &out);
    progress_say_begin(progress);
    tell(progress, "\"kind\":\"attempt_started\",\"step\":\"mend\",\"attempt\":1,\"at\":1000");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"p\",\"step\":\"mend\",\"status\":\"completed\","
         "\"at\":2000");
    tell(progress, "\"kind\":\"phase_reset\",\"phase\":\"p\",\"reason\":\"fix\"");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"p\",\"step\":\"a\",\"status\":\"completed\"");
    assert_string_equal(out.data,
                        "Run wf_000000000001: w, 1 step\nPhase 1/1 p\nFix p/mend completed (1.0s)\n"
                        "Step 1/1 p/a completed\n");
    progress_free(progress);
    strbuf_release(&out);
    json_decref(run);
}

static void instances_of_a_list_are_counted_when_they_are_known(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress, "\"kind\":\"step_expanded\",\"phase\":\"one\",\"step\":\"a\",\"count\":2");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a[0]\",\"status\":\"completed\"");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a[1]\",\"status\":\"completed\"");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\"");
    assert_non_null(strstr(out.data, "Step 3/5 one/a completed"));
    progress_free(progress);
    strbuf_release(&out);
}

static void gates_retries_and_approvals_are_told(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress,
         "\"kind\":\"gate_decided\",\"phase\":\"one\",\"gate\":\"g\",\"verdict\":\"unknown\","
         "\"reason\":\"no tests\"");
    tell(progress,
         "\"kind\":\"step_waiting\",\"phase\":\"one\",\"step\":\"a\",\"waiting\":\"retry\","
         "\"until\":1000");
    tell(progress,
         "\"kind\":\"step_waiting\",\"phase\":\"one\",\"step\":\"b\",\"waiting\":\"approval\","
         "\"message\":\"Go?\"");
    tell(progress, "\"kind\":\"attempt_liveness\",\"step\":\"a\",\"state\":\"wants input\","
                   "\"message\":\"why\",\"stopped\":true");
    tell(progress, "\"kind\":\"attempt_liveness\",\"step\":\"a\",\"state\":\"working\"");
    assert_non_null(strstr(out.data, "Step a is waiting for input: why; it is stopped\n"));
    assert_non_null(strstr(out.data, "Step a is working again\n"));
    assert_non_null(strstr(out.data, "Gate g of phase one: unknown: no tests\n"));
    assert_non_null(strstr(out.data, "Step a will be tried again at 1970-01-01T00:00:01Z\n"));
    assert_non_null(strstr(out.data, "Step b waits for approval: Go?\n"));
    tell(progress,
         "\"kind\":\"step_waiting\",\"phase\":\"one\",\"step\":\"a\",\"waiting\":\"retry\","
         "\"until\":1000,\"agent\":\"codex\",\"message\":\"it is open\"");
    tell(progress,
         "\"kind\":\"step_waiting\",\"phase\":\"one\",\"step\":\"a\",\"waiting\":\"retry\","
         "\"until\":1000,\"agent\":\"codex\",\"count\":1");
    assert_non_null(strstr(out.data, "Step a waits for codex's circuit breaker until "
                                     "1970-01-01T00:00:01Z: it is open\n"));
    assert_non_null(
        strstr(out.data, "Step a waits for codex's rate limit until 1970-01-01T00:00:01Z\n"));
    progress_free(progress);
    strbuf_release(&out);
}

static void records_of_nested_runs_and_unknown_steps_change_nothing(void **state)
{
    json_t *record = load("{\"run\":\"wf_000000000002\",\"kind\":\"step_moved\",\"phase\":\"one\","
                          "\"step\":\"a\",\"status\":\"completed\"}");
    struct strbuf out;
    struct progress *progress;
    size_t length;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    length = out.length;
    progress_add_record(progress, record);
    tell(progress, "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"gate:one:0\","
                   "\"status\":\"failed\"");
    tell(progress, "\"kind\":\"phase_moved\",\"phase\":\"nine\",\"status\":\"running\"");
    tell(progress, "\"kind\":\"something_new\"");
    assert_int_equal(out.length, length);
    progress_free(progress);
    json_decref(record);
    strbuf_release(&out);
}

static void machines_get_the_records_themselves(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_JSON, NULL, &out);
    tell(progress, "\"kind\":\"iterated\",\"iteration\":2");
    assert_string_equal(out.data,
                        "{\"run\":\"wf_000000000001\",\"kind\":\"iterated\",\"iteration\":2}\n");
    progress_free(progress);
    strbuf_release(&out);
}

static void a_step_is_told_by_its_name_with_the_key_behind(void **state)
{
    json_t *run = load("{\"id\":\"wf_000000000001\",\"workflow\":\"w\",\"phases\":[{\"id\":\"one\","
                       "\"name\":\"The first\",\"status\":\"pending\",\"steps\":[{\"key\":\"a\","
                       "\"name\":\"Do all\",\"status\":\"pending\"}]}]}");
    struct progress *progress;
    struct strbuf out;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = progress_new(&plain, PROGRESS_PLAIN, NULL, run, collect, &out);
    json_decref(run);
    progress_say_begin(progress);
    tell(progress, "\"kind\":\"phase_moved\",\"phase\":\"one\",\"status\":\"running\",\"at\":1000");
    tell(progress, "\"kind\":\"step_expanded\",\"phase\":\"one\",\"step\":\"a\",\"count\":1");
    tell(progress, "\"kind\":\"attempt_started\",\"phase\":\"one\",\"step\":\"a[0]\","
                   "\"attempt\":1,\"at\":1000");
    tell(progress, "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a[0]\","
                   "\"status\":\"completed\",\"at\":2000");
    tell(progress, "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\","
                   "\"status\":\"completed\",\"at\":2100");
    assert_string_equal(out.data, "Run wf_000000000001: w, 1 step\nPhase 1/1 The first\n"
                                  "Step 1/2 Do all [0] (one/a[0]) completed (1.0s)\n"
                                  "Step 2/2 Do all (one/a) completed\n");
    progress_free(progress);
    strbuf_release(&out);
}

static void a_reused_step_counts_and_says_where_its_result_is_from(void **state)
{
    struct strbuf out;
    struct progress *progress;

    (void)state;
    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&plain, PROGRESS_PLAIN, NULL, &out);
    tell(progress, "\"kind\":\"step_reused\",\"phase\":\"one\",\"step\":\"a\","
                   "\"from_run\":\"wf_000000000000\",\"at\":1000");
    tell(progress, "\"kind\":\"step_reused\",\"phase\":\"one\",\"step\":\"b\","
                   "\"from_run\":\"wf_000000000000\",\"agent\":\"codex\",\"at\":1000");
    assert_string_equal(out.data,
                        "Run wf_000000000001: w, 3 steps\n"
                        "Step 1/3 one/a completed: reused from wf_000000000000\n"
                        "Step 2/3 one/b completed: reused from wf_000000000000, by codex\n");
    progress_free(progress);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_count_the_finished_steps),
        cmocka_unit_test(steps_that_start_again_are_not_counted_twice),
        cmocka_unit_test(a_step_that_starts_again_has_its_own_time),
        cmocka_unit_test(a_run_that_goes_on_says_where_it_stands),
        cmocka_unit_test(steps_that_fix_are_told_and_not_counted),
        cmocka_unit_test(instances_of_a_list_are_counted_when_they_are_known),
        cmocka_unit_test(gates_retries_and_approvals_are_told),
        cmocka_unit_test(records_of_nested_runs_and_unknown_steps_change_nothing),
        cmocka_unit_test(machines_get_the_records_themselves),
        cmocka_unit_test(a_step_is_told_by_its_name_with_the_key_behind),
        cmocka_unit_test(a_reused_step_counts_and_says_where_its_result_is_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
