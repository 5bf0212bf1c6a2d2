/* SPDX-License-Identifier: MIT */
#include "cli/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static const struct terminal screen = {.is_terminal = true, .columns = 80};
static const struct terminal file = {.columns = 80};

static void add(struct transfer *transfer, const struct terminal *terminal, const char *status,
                int completed, int total, struct strbuf *text)
{
    json_t *line = total ? json_pack("{s:s,s:i,s:i}", "status", status, "completed", completed,
                                     "total", total)
                         : json_pack("{s:s}", "status", status);

    strbuf_reset(text);
    transfer_add(transfer, terminal, line, text);
    json_decref(line);
}

static void a_bar_is_drawn_over_itself(void **state)
{
    (void)state;
    struct transfer transfer = {0};
    struct strbuf text;

    strbuf_init(&text, 1000);
    add(&transfer, &screen, "pulling x", 0, 2000000, &text);
    assert_string_equal(text.data, "\r\033[Kpulling x                    "
                                   "------------------------   0 %  0 B of 2.0 MB");
    add(&transfer, &screen, "pulling x", 1000000, 2000000, &text);
    assert_string_equal(text.data, "\r\033[Kpulling x                    "
                                   "############------------  50 %  1.0 MB of 2.0 MB");
    add(&transfer, &screen, "pulling x", 1000001, 2000000, &text);
    assert_string_equal(text.data, "");
    add(&transfer, &screen, "success", 0, 0, &text);
    assert_string_equal(text.data, "\n\r\033[Ksuccess");
    strbuf_reset(&text);
    transfer_end(&transfer, &text);
    assert_string_equal(text.data, "\n");
    strbuf_reset(&text);
    transfer_end(&transfer, &text);
    assert_string_equal(text.data, "");
    strbuf_release(&text);
}

static void elsewhere_there_is_a_line_for_each_tenth(void **state)
{
    (void)state;
    struct transfer transfer = {0};
    struct strbuf text;

    strbuf_init(&text, 1000);
    add(&transfer, &file, "processing", 0, 100, &text);
    assert_string_equal(text.data, "processing: 0 %\n");
    add(&transfer, &file, "processing", 9, 100, &text);
    assert_string_equal(text.data, "");
    add(&transfer, &file, "processing", 25, 100, &text);
    assert_string_equal(text.data, "processing: 25 %\n");
    add(&transfer, &file, "success", 0, 0, &text);
    assert_string_equal(text.data, "success\n");
    strbuf_reset(&text);
    transfer_end(&transfer, &text);
    assert_string_equal(text.data, "");
    strbuf_release(&text);
}

static void what_servers_say_cannot_write_to_the_terminal(void **state)
{
    (void)state;
    struct transfer transfer = {0};
    struct strbuf text;

    strbuf_init(&text, 1000);
    add(&transfer, &file, "a\033[2Jb\nc and a very long status that never ends at all", -5, 7,
        &text);
    assert_null(strchr(text.data, '\033'));
    assert_int_equal(strcspn(text.data, "\n"), text.length - 1);
    assert_true(text.length < 60);
    strbuf_release(&text);
}

static void more_than_all_is_all(void **state)
{
    (void)state;
    struct transfer transfer = {0};
    struct strbuf text;

    strbuf_init(&text, 1000);
    add(&transfer, &file, "x", 300, 100, &text);
    assert_string_equal(text.data, "x: 100 %\n");
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_is_drawn_over_itself),
        cmocka_unit_test(elsewhere_there_is_a_line_for_each_tenth),
        cmocka_unit_test(what_servers_say_cannot_write_to_the_terminal),
        cmocka_unit_test(more_than_all_is_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
