/* SPDX-License-Identifier: MIT */
#include "base/timestamp.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_time(int64_t at_ms, const char *seconds, const char *milliseconds)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(at_ms, text);
    assert_string_equal(text, seconds);
    timestamp_format_ms(at_ms, text);
    assert_string_equal(text, milliseconds);
}

static void points_in_time_are_utc(void **state)
{
    (void)state;
    expect_time(0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z");
    expect_time(1708336800123, "2024-02-19T10:00:00Z", "2024-02-19T10:00:00.123Z");
    expect_time(951782399999, "2000-02-28T23:59:59Z", "2000-02-28T23:59:59.999Z");
    expect_time(-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z");
}

static void any_point_in_time_fits(void **state)
{
    char text[TIMESTAMP_SIZE];

    (void)state;
    timestamp_format_ms(INT64_MAX, text);
    assert_true(strlen(text) > 20);
    timestamp_format_ms(INT64_MIN, text);
    assert_true(strlen(text) > 20);
}

static void durations_are_short(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0ms"},         {850, "850ms"},     {999, "999ms"},     {1000, "1.0s"},
        {12345, "12.3s"},   {59999, "59.9s"},   {60000, "1m00s"},   {245000, "4m05s"},
        {3600000, "1h00m"}, {7380000, "2h03m"}, {86400000, "1d0h"}, {273600000, "3d4h"},
        {-5, "-5ms"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[DURATION_SIZE];

        duration_format(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void a_limit_is_as_somebody_writes_it(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0ms"},          {850, "850ms"},     {1000, "1s"},     {1500, "1.5s"},
                {3000, "3s"},        {60000, "1m"},      {90000, "1m30s"}, {600000, "10m"},
                {3600000, "1h"},     {5400000, "1h30m"}, {86400000, "1d"}, {172800000, "2d"},
                {129600000, "1d12h"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[DURATION_SIZE];

        duration_format_limit(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"45", 45000},
        {"500ms", 500},
        {"30s", 30000},
        {"10m", 600000},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1.5h", 5400000},
        {"0.57s", 570},
        {"1.1s", 1100},
        {"366d", DURATION_MS_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = ERROR_INIT;
        int64_t ms = -1;

        if (duration_parse(rows[i].text, &ms, &err) < 0 || ms != rows[i].ms) {
            fail_msg("%s gave %lld: %s", rows[i].text, (long long)ms, err.text);
        }
    }
}

static void other_texts_are_no_durations(void **state)
{
    static const char *const texts[] = {
        "",      "s",    "-5s",   "5 s",  " 5s",  "5s ",  "1x",
        "1.s",   ".5s",  "0x10s", "1e3s", "1h30", "367d", "99999999",
        "9e99d", "1,5h", "+5s",   "nan",  "infs", "1msx", "999999999999999999999999d"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = ERROR_INIT;
        int64_t ms = -1;

        if (duration_parse(texts[i], &ms, &err) != ERROR_INVALID) {
            fail_msg("\"%s\" was taken as %lld", texts[i], (long long)ms);
        }
        assert_int_equal(ms, -1);
        assert_non_null(strstr(err.text, "1h30m"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_in_time_are_utc),
        cmocka_unit_test(any_point_in_time_fits),
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(a_limit_is_as_somebody_writes_it),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(other_texts_are_no_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
