/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
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

static void assert_status(const char *operation, const char *json, int expected)
{
    json_t *result = load(json);

    assert_int_equal(result_exit_status(operation, result), expected);
    json_decref(result);
}

static void the_state_of_a_run_is_its_exit_status(void **state)
{
    (void)state;
    assert_status("run", "{\"status\":\"completed\",\"phases\":[],\"problems\":[]}", 0);
    assert_status("run", "{\"status\":\"paused\",\"phases\":[],\"problems\":[]}", 3);
    assert_status("status", "{\"status\":\"running\",\"phases\":[],\"problems\":[]}", 0);
    assert_status("status", "{\"status\":\"failed\",\"phases\":[],\"problems\":[]}", 1);
    assert_status("status", "{\"status\":\"cancelled\",\"phases\":[],\"problems\":[]}", 1);
    assert_status(
        "run", "{\"status\":\"failed\",\"phases\":[],\"problems\":[{\"class\":\"timeout\"}]}", 124);
    assert_status("run",
                  "{\"status\":\"failed\",\"phases\":[],\"problems\":[{\"class\":\"limit\"}]}", 5);
    assert_status("run", "{\"status\":\"running\",\"left\":true,\"phases\":[],\"problems\":[]}",
                  130);
    assert_status("run", "{\"gap_p50_us\":null,\"failed\":0,\"waiting\":0}", 0);
    assert_status("run", "{\"gap_p50_us\":1,\"failed\":1,\"waiting\":1}", 1);
    assert_status("run", "{\"gap_p50_us\":1,\"failed\":0,\"waiting\":1}", 3);
    assert_status("show", "{\"status\":\"failed\",\"phases\":[],\"problems\":[]}", 0);
    assert_status("pause", "{\"done\":\"pause\",\"status\":\"paused\"}", 0);
}

static void problems_and_failed_checks_are_exit_statuses(void **state)
{
    (void)state;
    assert_status("validate", "{\"errors\":0,\"warnings\":3}", 0);
    assert_status("validate", "{\"errors\":1}", 7);
    assert_status("doctor", "{\"failed\":0,\"unknown\":2}", 0);
    assert_status("doctor", "{\"failed\":1}", 1);
}

static void assert_prints(const char *operation, const char *json, const char *part)
{
    json_t *result = load(json);
    struct strbuf text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_result(&plain, operation, result, 1000000, &text);
    assert_non_null(strstr(text.data, part));
    strbuf_release(&text);
    json_decref(result);
}

static void each_result_has_its_text(void **state)
{
    (void)state;
    assert_prints("checkpoints",
                  "{\"id\":\"wf_1\",\"checkpoints\":[{\"name\":\"p\",\"at\":1,"
                  "\"phases\":[\"a\",\"p\"]}]}",
                  "a, p");
    assert_prints("checkpoints", "{\"checkpoints\":[]}", "No checkpoints");
    assert_prints("artifacts",
                  "{\"artifacts\":[{\"name\":\"r.md\",\"step\":\"s\",\"bytes\":1500}]}", "1.5 KB");
    assert_prints("artifacts", "{\"artifacts\":[]}", "No artifacts");
    assert_prints("explain",
                  "{\"steps\":[{\"key\":\"s\",\"decision\":\"executed\",\"why\":\"it differs\","
                  "\"differs\":[\"command\"]}]}",
                  "differs: command");
    assert_prints("workflows",
                  "{\"workflows\":[{\"name\":\"w\",\"origin\":\"user\",\"hidden\":true,"
                  "\"hidden_by\":\"project\"}]}",
                  "project)");
    assert_prints(
        "workflows",
        "{\"workflows\":[{\"name\":\"w\",\"origin\":\"user\",\"tier\":\"team\",\"entitled\":false,"
        "\"description\":\"d\"}],\"entitlement\":{\"mode\":\"local\",\"tier\":\"pro\","
        "\"file\":\"/c.yaml\",\"line\":3}}",
        "w         (user) (team, not allowed) d\n\nAllowed: up to the tier pro (/c.yaml:3)\n");
    assert_prints(
        "workflows",
        "{\"workflows\":[{\"name\":\"w\",\"origin\":\"user\",\"tier\":\"pro\",\"entitled\":null,"
        "\"description\":\"d\"}],\"entitlement\":{\"mode\":\"server\",\"tier\":\"enterprise\"}}",
        "(pro) d\n\nAllowed: up to the tier enterprise; above free a server is asked");
    assert_prints("workflows",
                  "{\"form\":\"tree\",\"name\":\"w\",\"origin\":\"user\",\"file\":\"f\","
                  "\"description\":\"a\\u001b[31mb\",\"text\":\"c\\u001b[2Jd\\n\"}",
                  "w  (user: f)\n  ab\n\ncd\n");
    assert_prints("validate",
                  "{\"files\":[1],\"errors\":1,\"warnings\":0,\"text\":\"a:\\u001b[2Jb\\n\"}",
                  "a:b\n");
    assert_prints("validate",
                  "{\"files\":[1],\"errors\":1,\"warnings\":0,\"text\":\"a:1:2: error\\n\"}",
                  "1 file checked: 1 error, 0 warnings");
    assert_prints("doctor",
                  "{\"checks\":[{\"name\":\"git\",\"status\":\"fail\",\"detail\":\"none\","
                  "\"hint\":\"install it\"}],\"failed\":1}",
                  "install it");
    assert_prints("gc", "{\"runs\":1,\"blobs\":2,\"bytes\":3000,\"kept\":0,\"dry_run\":true}",
                  "Would remove 1 run and 2 blobs (3.0 KB); 0 runs kept");
    assert_prints("run", "{\"id\":\"wf_1\",\"detached\":true}", "wf_1\n");
    assert_prints("run",
                  "{\"seconds\":0.5,\"steps\":20,\"gap_p50_us\":150,\"gap_p99_us\":300,"
                  "\"peak_rss_mb\":6.25,\"runs\":2,\"completed\":2,\"failed\":0,\"waiting\":0}",
                  "2 runs: 2 completed, 0 failed, 0 not at an end\n"
                  "  seconds               0.500\n"
                  "  steps                 20 (40 a second)\n"
                  "  gap, median           150 us\n"
                  "  gap, 99th percentile  300 us\n"
                  "  memory at most        6.2 MB\n");
    /* Without a second step there is no gap. */
    assert_prints("run",
                  "{\"seconds\":0,\"steps\":1,\"gap_p50_us\":null,\"gap_p99_us\":null,"
                  "\"peak_rss_mb\":6,\"runs\":1}",
                  "  steps                 1 (0 a second)\n"
                  "  memory at most        6.0 MB\n");
    assert_prints("schema", "{\"text\":\"# Reference\"}", "# Reference");
    assert_prints("version", "{\"version\":\"1.2.3\"}", "fermata 1.2.3\n");
    assert_prints("something new", "{\"a\":1}", "\"a\": 1");
}

static void log_lines_are_coloured_by_level(void **state)
{
    const struct terminal coloured = {.columns = 80, .has_color = true};
    const char *lines = "[t] [INFO] a\n[t] [ERROR] b\n";
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    print_log_lines(&plain, lines, &text);
    assert_string_equal(text.data, lines);
    strbuf_reset(&text);
    print_log_lines(&coloured, lines, &text);
    assert_string_equal(text.data, "[t] [INFO] a\n\033[31m[t] [ERROR] b\033[0m\n");
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_of_a_run_is_its_exit_status),
        cmocka_unit_test(problems_and_failed_checks_are_exit_statuses),
        cmocka_unit_test(each_result_has_its_text),
        cmocka_unit_test(log_lines_are_coloured_by_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
