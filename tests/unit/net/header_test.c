/* SPDX-License-Identifier: MIT */
#include "net/header.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "net/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

static void a_header_is_a_name_and_a_value_without_the_space_around(void **state)
{
    const char line[] = "Retry-After:   120 \r\n";
    struct header header;
    char value[8];

    (void)state;
    assert_true(header_parse(line, strlen(line), &header));
    assert_true(header_is(&header, "retry-after"));
    assert_false(header_is(&header, "retry-after-ms"));
    assert_true(header_copy(&header, value, sizeof(value)));
    assert_string_equal(value, "120");
}

static void what_is_no_header_is_none(void **state)
{
    struct header header;
    char value[4];

    (void)state;
    assert_false(header_parse("\r\n", 2, &header));
    assert_false(header_parse(": x", 3, &header));
    assert_false(header_parse("x", 1, &header));
    assert_true(header_parse("a: bcde", 7, &header));
    assert_false(header_copy(&header, value, sizeof(value)));
    assert_true(header_parse("a: b\0c", 6, &header));
    assert_false(header_copy(&header, value, sizeof(value)));
    assert_true(header_parse("a:", 2, &header));
    assert_int_equal(header.value_length, 0);
}

static void a_type_loses_its_parameters_and_its_case(void **state)
{
    char type[16];

    (void)state;
    header_copy_type("Text/HTML; charset=x", type, sizeof(type));
    assert_string_equal(type, "text/html");
    header_copy_type("application/very-long-type-indeed", type, sizeof(type));
    assert_string_equal(type, "");
}

static void a_time_to_wait_is_seconds_or_a_date(void **state)
{
    const int64_t now_ms = INT64_C(1735689600) * 1000; /* 2025-01-01 */

    (void)state;
    assert_int_equal(http_parse_retry_after("120", now_ms), 120000);
    assert_int_equal(http_parse_retry_after("1.5", now_ms), 1500);
    assert_int_equal(http_parse_retry_after("0", now_ms), 0);
    assert_int_equal(http_parse_retry_after("Wed, 01 Jan 2025 00:01:30 GMT", now_ms), 90000);
    assert_int_equal(http_parse_retry_after("Tue, 31 Dec 2024 23:00:00 GMT", now_ms), 0);
    assert_int_equal(http_parse_retry_after("99999999999999999999", now_ms), DURATION_MS_MAX);
    assert_int_equal(http_parse_retry_after("01 Jan 600000000 00:00:00 GMT", now_ms),
                     DURATION_MS_MAX);
    assert_int_equal(http_parse_retry_after("Fri, 01 Jan 2100 00:00:00 GMT", now_ms),
                     DURATION_MS_MAX);
    assert_int_equal(header_parse_milliseconds("1500.7"), 1500);
}

static void a_time_that_is_none_is_not_said(void **state)
{
    static const char *const texts[] = {"",     "soon",  "-5",       "1e9",
                                        "0x10", "1.2.3", "5 apples", "nan"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_true(http_parse_retry_after(texts[i], 0) < 0);
        assert_true(header_parse_milliseconds(texts[i]) < 0);
    }
}

static void check_shown(const char *url, const char *shown)
{
    struct strbuf text;

    strbuf_init(&text, 200);
    http_add_shown_url(&text, url);
    assert_string_equal(text.data, shown);
    strbuf_release(&text);
}

static void a_shown_url_has_no_secrets(void **state)
{
    (void)state;
    check_shown("http://host:80/v1", "http://host:80/v1");
    check_shown("https://user:secret@host/v1?key=secret#secret", "https://host/v1");
    check_shown("https://user:s@cret@host/v1", "https://host/v1");
    check_shown("host/a@b", "host/a@b");
    check_shown("user:secret@host", "host");
    check_shown("http://host?u@secret", "http://host");
    check_shown("user:secret@host/x?to=http://y", "host/x");
    check_shown("a:secret@h://user:secret@host/x", "h://host/x");
    check_shown("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_a_name_and_a_value_without_the_space_around),
        cmocka_unit_test(what_is_no_header_is_none),
        cmocka_unit_test(a_type_loses_its_parameters_and_its_case),
        cmocka_unit_test(a_time_to_wait_is_seconds_or_a_date),
        cmocka_unit_test(a_time_that_is_none_is_not_said),
        cmocka_unit_test(a_shown_url_has_no_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
