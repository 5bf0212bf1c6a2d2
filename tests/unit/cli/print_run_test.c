/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/utf8.h"
#include "cli/print.h"

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

static const char paused[] =
    "{\"id\":\"wf_000000000001\",\"workflow\":\"w\",\"status\":\"paused\",\"reason\":\"failure\","
    "\"detail\":\"step s failed: a very long reason that must be wrapped because it does not fit "
    "into "
    "eighty columns\",\"wish\":\"none\",\"created_at\":1000,\"started_at\":1000,\"owned\":false,"
    "\"phases\":[{\"id\":\"p\",\"status\":\"failed\",\"started_at\":1000,\"ended_at\":3000,"
    "\"steps\":[{\"key\":\"s\",\"kind\":\"command\",\"status\":\"failed\",\"attempts\":3,"
    "\"error\":\"exit \\u001b[31mstatus 1\"}],"
    "\"gate\":{\"name\":\"g\",\"verdict\":\"unknown\",\"checks\":[{\"name\":\"c\",\"status\":"
    "\"failed\","
    "\"error\":\"no tests\"}]}}],"
    "\"problems\":[{\"phase\":\"p\",\"step\":\"s\",\"class\":\"permanent\",\"attempts\":3,"
    "\"error\":\"exit status 1\",\"tail\":[\"line one\",\"line two\"]}],"
    "\"options\":[{\"do\":\"retry\",\"command\":\"fermata retry "
    "wf_000000000001\",\"help\":\"again\"},"
    "{\"do\":\"skip\",\"command\":\"fermata skip wf_000000000001 s --reason \\\"...\\\"\","
    "\"help\":\"leave the step out and go on, which is not recommended at all\"}],"
    "\"inputs\":{\"a\":\"x\",\"b\":[1]}}";

static char *print(void (*printer)(const struct terminal *, const json_t *, struct strbuf *),
                   const char *json)
{
    json_t *run = load(json);
    struct strbuf text;
    char *taken;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    printer(&plain, run, &text);
    taken = strbuf_take(&text);
    strbuf_release(&text);
    json_decref(run);
    return taken;
}

static void assert_fits(const char *text)
{
    char *copy = mem_strdup(text);

    assert_null(strchr(text, '\033'));
    for (char *rest = NULL, *line = strtok_r(copy, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_true(utf8_width(line) <= 80);
    }
    free(copy);
}

static void a_failure_says_what_where_the_last_lines_and_what_next(void **state)
{
    char *text = print(print_run_status, paused);

    (void)state;
    assert_non_null(strstr(text, "Run wf_000000000001 (w) paused"));
    assert_non_null(strstr(text, "Step s of phase p failed after 3 attempts (permanent)"));
    assert_non_null(strstr(text, "  | line two\n"));
    assert_non_null(strstr(text, "What you can do\n  fermata retry wf_000000000001"));
    assert_fits(text);
    free(text);
}

static void what_a_step_waited_for_space_is_said_beside_its_duration(void **state)
{
    char *text = print(print_run_details,
                       "{\"id\":\"wf_1\",\"status\":\"completed\",\"phases\":[{\"id\":\"p\","
                       "\"status\":\"completed\",\"steps\":[{\"key\":\"a\",\"kind\":\"command\","
                       "\"status\":\"completed\",\"started_at\":1000,\"ended_at\":9000,"
                       "\"duration_ms\":2000,\"space_wait_ms\":6000,\"attempts\":1}]}]}");

    (void)state;
    assert_non_null(strstr(text, "completed  2.0s  waited 6.0s for disk space"));
    free(text);
}

static void commands_stand_beside_or_above_what_they_do_all_alike(void **state)
{
    char *text = print(print_answer, "{\"id\":\"wf_1\",\"status\":\"running\",\"options\":["
                                     "{\"command\":\"fermata resume wf_1\",\"help\":\"go on\"},"
                                     "{\"command\":\"fermata cancel wf_1\",\"help\":\"stop\"}]}");

    (void)state;
    assert_non_null(strstr(text, "\n  fermata resume wf_1                       go on"
                                 "\n  fermata cancel wf_1                       stop\n"));
    free(text);
    text = print(print_answer, "{\"id\":\"wf_1\",\"status\":\"running\",\"options\":["
                               "{\"command\":\"fermata skip wf_1 a-step --reason '...' --resume\","
                               "\"help\":\"leave the step out and go on (not recommended)\"},"
                               "{\"command\":\"fermata cancel wf_1\",\"help\":\"stop\"}]}");
    assert_non_null(strstr(text, "\n      leave the step out and go on (not recommended)"
                                 "\n  fermata cancel wf_1\n      stop\n"));
    assert_fits(text);
    free(text);
}

static void everything_about_a_run_fits_and_obeys_no_escape(void **state)
{
    char *text = print(print_run_details, paused);

    (void)state;
    assert_non_null(strstr(text, "a = x"));
    assert_non_null(strstr(text, "b = [1]"));
    assert_non_null(strstr(text, "3 attempts; exit status 1"));
    assert_non_null(strstr(text, "gate g: unknown"));
    assert_fits(text);
    free(text);
}

static void steps_that_fix_and_lists_are_shown_with_what_they_took(void **state)
{
    char *text = print(
        print_run_details,
        "{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"completed\",\"phases\":[{\"id\":\"p\","
        "\"status\":\"completed\",\"steps\":[{\"key\":\"a\",\"kind\":\"command\",\"status\":"
        "\"completed\","
        "\"attempts\":4},{\"key\":\"many\",\"kind\":\"command\",\"status\":\"completed\","
        "\"instances\":"
        "[{\"key\":\"many[0]\"},{\"key\":\"many[1]\"}]}],\"fix\":[{\"key\":\"mend\",\"kind\":"
        "\"command\","
        "\"status\":\"pending\",\"attempts\":3}]}]}");

    (void)state;
    assert_non_null(strstr(text, "4 attempts\n"));
    assert_non_null(strstr(text, "2 instances\n"));
    assert_non_null(strstr(text, "mend"));
    assert_non_null(strstr(text, "fixes; 3 attempts\n"));
    free(text);
}

static void steps_that_were_left_out_are_not_counted_as_done(void **state)
{
    char *text = print(
        print_run_status,
        "{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"completed\",\"phases\":[{"
        "\"id\":\"p\",\"status\":\"completed\",\"steps\":[{\"status\":\"completed\"},"
        "{\"status\":\"skipped\"},{\"status\":\"failed\"}]}]}");

    (void)state;
    assert_non_null(strstr(text, "1/3 steps, 1 skipped"));
    free(text);
}

static void a_run_without_a_process_says_how_to_go_on(void **state)
{
    char *text = print(print_run_status,
                       "{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"running\","
                       "\"owned\":false,\"wish\":\"pause\",\"options\":["
                       "{\"command\":\"fermata resume wf_1\",\"help\":\"take it over\"}]}");

    (void)state;
    assert_non_null(strstr(text, "no process drives it"));
    assert_non_null(strstr(text, "fermata resume wf_1  "));
    assert_non_null(strstr(text, "asked to pause, and no process drives it"));
    assert_null(strstr(text, "will when the steps"));
    free(text);
    text = print(print_run_status, "{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"running\","
                                   "\"owned\":true}");
    assert_null(strstr(text, "no process"));
    free(text);
}

static void a_completed_run_names_its_report_and_what_to_look_at(void **state)
{
    char *text = print(print_run_status,
                       "{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"completed\","
                       "\"ended_at\":5000,\"duration_ms\":4000,"
                       "\"report\":{\"path\":\"/x/report.md\"}}");

    (void)state;
    assert_non_null(strstr(text, "completed in 4"));
    assert_non_null(strstr(text, "Report  /x/report.md"));
    assert_non_null(strstr(text, "fermata show wf_1"));
    free(text);
}

static void an_answer_says_how_to_go_on_unless_somebody_does(void **state)
{
    char *text = print(print_answer, "{\"id\":\"wf_1\",\"status\":\"paused\",\"owner\":false,"
                                     "\"options\":[{\"do\":\"approve\",\"command\":"
                                     "\"fermata approve wf_1 ask\",\"help\":\"Really?\"}]}");

    (void)state;
    assert_non_null(strstr(text, "fermata approve wf_1 ask"));
    assert_null(strstr(text, "resume"));
    free(text);
    text = print(print_answer, "{\"id\":\"wf_1\",\"status\":\"running\",\"owner\":true}");
    assert_non_null(strstr(text, "was told"));
    assert_null(strstr(text, "resume"));
    assert_null(strstr(text, "no process"));
    free(text);
    text = print(print_answer, "{\"id\":\"wf_1\",\"status\":\"running\",\"owner\":false}");
    assert_non_null(strstr(text, "Run wf_1 is running, but no process drives it"));
    free(text);
}

static void the_list_is_a_table_with_relative_times(void **state)
{
    json_t *list = load(
        "{\"runs\":[{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"paused\","
        "\"created_at\":1000,\"steps\":{\"total\":5,\"completed\":2,\"skipped\":1},"
        "\"task\":\"some task that is long enough to be cut off at the end of the line, "
        "surely\"}],\"next\":\"wf_1\"}");
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_run_list(&plain, list, 61000, &text);
    assert_non_null(strstr(text.data, "1 min ago"));
    assert_non_null(strstr(text.data, "3/5"));
    assert_non_null(strstr(text.data, "fermata list --before wf_1"));
    assert_fits(text.data);
    strbuf_release(&text);
    json_decref(list);
}

static void a_run_that_stands_still_says_so(void **state)
{
    json_t *list = load(
        "{\"runs\":[{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"paused\",\"overdue\":true},"
        "{\"id\":\"wf_2\",\"workflow\":\"w\",\"status\":\"running\",\"owned\":false},"
        "{\"id\":\"wf_4\",\"workflow\":\"w\",\"status\":\"paused\",\"reason\":\"storage\"},"
        "{\"id\":\"wf_3\",\"workflow\":\"w\",\"status\":\"running\",\"owned\":true}]}");
    json_t *run = load("{\"id\":\"wf_1\",\"workflow\":\"w\",\"status\":\"paused\","
                       "\"waits_until\":1000}");
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_run_list(&plain, list, 61000, &text);
    assert_non_null(strstr(text.data, "paused (overdue)"));
    assert_non_null(strstr(strstr(text.data, "wf_2"), "running (no driver)"));
    assert_non_null(strstr(strstr(text.data, "wf_4"), "paused (storage full)"));
    assert_null(strstr(strstr(text.data, "wf_3"), "("));
    strbuf_reset(&text);
    print_run_status(&plain, run, &text);
    assert_non_null(strstr(text.data, "at most until 1970-01-01T00:00:01Z"));
    json_put(run, "overdue", json_true());
    strbuf_reset(&text);
    print_run_status(&plain, run, &text);
    assert_non_null(strstr(text.data, "overdue: its time was over at 1970-01-01T00:00:01Z"));
    strbuf_release(&text);
    json_decref(run);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_says_what_where_the_last_lines_and_what_next),
        cmocka_unit_test(what_a_step_waited_for_space_is_said_beside_its_duration),
        cmocka_unit_test(commands_stand_beside_or_above_what_they_do_all_alike),
        cmocka_unit_test(everything_about_a_run_fits_and_obeys_no_escape),
        cmocka_unit_test(steps_that_fix_and_lists_are_shown_with_what_they_took),
        cmocka_unit_test(steps_that_were_left_out_are_not_counted_as_done),
        cmocka_unit_test(a_run_without_a_process_says_how_to_go_on),
        cmocka_unit_test(a_completed_run_names_its_report_and_what_to_look_at),
        cmocka_unit_test(an_answer_says_how_to_go_on_unless_somebody_does),
        cmocka_unit_test(the_list_is_a_table_with_relative_times),
        cmocka_unit_test(a_run_that_stands_still_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
