/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/progress.h"
#include "support/ops_project.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ERASE_LINE "\033[A\033[2K"
#define ERASE_3 "\r" ERASE_LINE ERASE_LINE ERASE_LINE

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

    json_decref(run);
    return progress;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;

    for (; *text; text++) {
        count += *text == '\n';
    }
    return count;
}

static void the_region_is_taken_away_before_it_is_drawn_anew(void **state)
{
    const struct terminal terminal = {.columns = 60, .rows = 24, .is_utf8 = true};
    struct ops_project *project = *state;
    struct strbuf out;
    struct progress *progress;

    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&terminal, PROGRESS_LIVE, project->ops, &out);
    progress_draw(progress, 1000);
    assert_int_equal(count_lines(out.data), 3);
    assert_null(strchr(out.data, '\033'));
    strbuf_reset(&out);
    progress_draw(progress, 2000);
    assert_int_equal(strncmp(out.data, ERASE_3, strlen(ERASE_3)), 0);
    /* Clearing all of a screen at once would leave a copy of it in the history of some terminals.
     */
    assert_null(strstr(out.data, "\033[J"));
    strbuf_reset(&out);
    progress_free(progress);
    assert_string_equal(out.data, ERASE_3);
    strbuf_release(&out);
}

static void a_line_that_stays_is_printed_above_the_region(void **state)
{
    const struct terminal terminal = {.columns = 60, .rows = 24};
    struct ops_project *project = *state;
    struct strbuf out;
    struct progress *progress;

    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&terminal, PROGRESS_LIVE, project->ops, &out);
    progress_draw(progress, 1000);
    strbuf_reset(&out);
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"a\",\"status\":\"completed\"");
    assert_string_equal(out.data, "");
    tell(progress,
         "\"kind\":\"step_moved\",\"phase\":\"one\",\"step\":\"b\",\"status\":\"failed\"");
    assert_string_equal(out.data, ERASE_3 "Step 2/3 one/b failed\n");
    progress_free(progress);
    strbuf_release(&out);
}

static void a_narrower_terminal_is_measured_anew(void **state)
{
    struct terminal terminal = {.columns = 60, .rows = 24};
    struct ops_project *project = *state;
    struct strbuf out;
    struct progress *progress;

    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&terminal, PROGRESS_LIVE, project->ops, &out);
    progress_draw(progress, 1000);
    strbuf_reset(&out);
    terminal.columns = 20;
    progress_resize(progress);
    /* Each of the three lines has wrapped by then. */
    assert_int_equal(strncmp(out.data, ERASE_3 ERASE_LINE, strlen(ERASE_3 ERASE_LINE)), 0);
    progress_free(progress);
    strbuf_release(&out);
}

static void a_low_terminal_gets_no_more_lines_than_it_has(void **state)
{
    const struct terminal terminal = {.columns = 60, .rows = 4};
    struct ops_project *project = *state;
    struct strbuf out;
    struct progress *progress;

    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&terminal, PROGRESS_LIVE, project->ops, &out);
    progress_draw(progress, 1000);
    assert_true(count_lines(out.data) < 4);
    progress_free(progress);
    strbuf_release(&out);
}

static void other_forms_draw_nothing(void **state)
{
    const struct terminal terminal = {.columns = 60, .rows = 24};
    struct ops_project *project = *state;
    struct strbuf out;
    struct progress *progress;
    size_t length;

    strbuf_init(&out, OUTPUT_BYTES_MAX);
    progress = begin(&terminal, PROGRESS_PLAIN, project->ops, &out);
    length = out.length;
    progress_draw(progress, 1000);
    progress_resize(progress);
    assert_int_equal(out.length, length);
    progress_free(progress);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_region_is_taken_away_before_it_is_drawn_anew,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_stays_is_printed_above_the_region,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_narrower_terminal_is_measured_anew, ops_project_set_up,
                                        ops_project_tear_down),
        cmocka_unit_test_setup_teardown(a_low_terminal_gets_no_more_lines_than_it_has,
                                        ops_project_set_up, ops_project_tear_down),
        cmocka_unit_test_setup_teardown(other_forms_draw_nothing, ops_project_set_up,
                                        ops_project_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
