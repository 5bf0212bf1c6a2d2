/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void the_page_has_its_sections_and_every_command(void **state)
{
    static const char *const sections[] = {".TH FERMATA 1", ".SH NAME",        ".SH SYNOPSIS",
                                           ".SH COMMANDS",  ".SH EXIT STATUS", ".SH ENVIRONMENT",
                                           ".SH FILES"};
    size_t count;
    const struct operation *rows = ops_table(&count);
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    man_format("1.2.3", &text);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        assert_non_null(strstr(text.data, sections[i]));
    }
    for (size_t i = 0; i < count; i++) {
        size_t plain = strcspn(rows[i].name, "-");
        char *heading = mem_printf(".SS \"fermata %.*s%s%s", (int)plain, rows[i].name,
                                   rows[i].name[plain] ? "\\" : "", rows[i].name + plain);

        assert_int_equal(strstr(text.data, heading) != NULL, !rows[i].is_hidden);
        free(heading);
    }
    assert_non_null(strstr(text.data, "fermata 1.2.3"));
    strbuf_release(&text);
}

static void no_line_of_text_is_taken_for_a_request(void **state)
{
    static const char *const requests[] = {".TH", ".SH", ".SS", ".PP", ".TP", ".B ", ".I ",
                                           ".RI", ".EX", ".EE", ".BR", ".nr", ".ad", ".\\\""};
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    man_format("1.2.3", &text);
    for (char *rest = NULL, *line = strtok_r(text.data, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        bool is_known = *line != '.' && *line != '\'';

        for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
            is_known = is_known || strncmp(line, requests[i], strlen(requests[i])) == 0;
        }
        assert_true(is_known);
    }
    strbuf_release(&text);
}

static void every_command_has_a_page_of_its_own(void **state)
{
    size_t count;
    const struct operation *rows = ops_table(&count);
    struct error err = ERROR_INIT;
    struct strbuf text;

    (void)state;
    strbuf_init(&text, OUTPUT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        strbuf_reset(&text);
        assert_int_equal(man_format_command("1.2.3", rows[i].name, &text, NULL), 0);
        assert_non_null(strstr(text.data, ".SH EXAMPLES"));
    }
    strbuf_reset(&text);
    assert_int_equal(man_format_command("1.2.3", "run", &text, NULL), 0);
    assert_non_null(strstr(text.data, ".TH FERMATA\\-RUN 1"));
    assert_non_null(strstr(text.data, ".B 42\n"));
    assert_null(strstr(text.data, "fermata\\-list"));
    strbuf_reset(&text);
    assert_int_equal(man_format_command("1.2.3", "version", &text, NULL), 0);
    assert_null(strstr(text.data, ".B 42\n"));
    assert_int_equal(man_format_command("1.2.3", "completion", &text, NULL), 0);
    assert_int_equal(man_format_command("1.2.3", "lsit", &text, &err), ERROR_INVALID);
    assert_non_null(strstr(err.hint, "list"));
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_its_sections_and_every_command),
        cmocka_unit_test(no_line_of_text_is_taken_for_a_request),
        cmocka_unit_test(every_command_has_a_page_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
