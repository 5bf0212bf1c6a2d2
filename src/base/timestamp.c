/* SPDX-License-Identifier: MIT */
#include "base/timestamp.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void split_time(int64_t at_ms, struct tm *ret_parts, int *ret_ms)
{
    int64_t seconds = at_ms / 1000;
    int64_t rest = at_ms % 1000;
    time_t when;

    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    when = (time_t)seconds;
    (void)gmtime_r(&when, ret_parts);
    *ret_ms = (int)rest;
}

void timestamp_format(int64_t at_ms, char ret_text[TIMESTAMP_SIZE])
{
    /* Thousands of log lines are of the same second. */
    static _Thread_local char last[TIMESTAMP_SIZE];
    static _Thread_local int64_t last_second;
    struct tm parts;
    int ms;

    if (!last[0] || at_ms < 0 || at_ms / 1000 != last_second) {
        split_time(at_ms, &parts, &ms);
        (void)strftime(last, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
        last_second = at_ms / 1000;
    }
    memcpy(ret_text, last, TIMESTAMP_SIZE);
}

void timestamp_format_ms(int64_t at_ms, char ret_text[TIMESTAMP_SIZE])
{
    struct tm parts;
    size_t length;
    int ms;

    split_time(at_ms, &parts, &ms);
    length = strftime(ret_text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(ret_text + length, TIMESTAMP_SIZE - length, ".%03dZ", ms);
}

void duration_format(int64_t duration_ms, char ret_text[DURATION_SIZE])
{
    int64_t seconds = duration_ms / 1000;

    if (duration_ms < 1000) {
        (void)snprintf(ret_text, DURATION_SIZE, "%lldms", (long long)duration_ms);
    } else if (seconds < 60) {
        (void)snprintf(ret_text, DURATION_SIZE, "%lld.%llds", (long long)seconds,
                       (long long)(duration_ms % 1000 / 100));
    } else if (seconds < 3600) {
        (void)snprintf(ret_text, DURATION_SIZE, "%lldm%02llds", (long long)(seconds / 60),
                       (long long)(seconds % 60));
    } else if (seconds < 86400) {
        (void)snprintf(ret_text, DURATION_SIZE, "%lldh%02lldm", (long long)(seconds / 3600),
                       (long long)(seconds / 60 % 60));
    } else {
        (void)snprintf(ret_text, DURATION_SIZE, "%lldd%lldh", (long long)(seconds / 86400),
                       (long long)(seconds / 3600 % 24));
    }
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

void duration_format_limit(int64_t duration_ms, char ret_text[DURATION_SIZE])
{
    const size_t count = sizeof(units) / sizeof(units[0]);

    for (size_t i = 0; i < count; i++) {
        if (duration_ms > 0 && duration_ms % units[i].ms == 0 &&
            (i + 1 == count || duration_ms < units[i + 1].ms)) {
            (void)snprintf(ret_text, DURATION_SIZE, "%lld%s",
                           (long long)(duration_ms / units[i].ms), units[i].name);
            return;
        }
    }
    duration_format(duration_ms, ret_text);
}

static bool parse_part(const char **text, int64_t *total)
{
    size_t digits = strspn(*text, "0123456789");
    const char *end = *text + digits;
    double number;
    size_t length = 0;

    if (digits == 0) {
        return false;
    }
    if (*end == '.' && isdigit((unsigned char)end[1])) {
        end += 1 + strspn(end + 1, "0123456789");
    }
    /* A hexadecimal or exponent form would read on; its letters then are no unit. */
    number = strtod(*text, NULL);
    while (isalpha((unsigned char)end[length])) {
        length++;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strlen(units[i].name) == length && memcmp(units[i].name, end, length) == 0) {
            if (number * (double)units[i].ms > (double)(DURATION_MS_MAX - *total)) {
                return false;
            }
            *total += (int64_t)(number * (double)units[i].ms + 0.5);
            *text = end + length;
            return true;
        }
    }
    return false;
}

int duration_parse(const char *text, int64_t *ret_ms, struct error *err)
{
    const char *cursor = text;
    int64_t total = 0;

    if (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 8) {
        total = strtoll(text, NULL, 10) * 1000;
        if (total <= DURATION_MS_MAX) {
            *ret_ms = total;
            return 0;
        }
    }
    while (*cursor && parse_part(&cursor, &total)) {
    }
    if (!*text || *cursor) {
        return error_set(err, ERROR_INVALID,
                         "\"%s\" is not a duration; expected forms like 500ms, 30s, 10m, 1h30m "
                         "(at most 366d)",
                         UTF8_CUT(text, 40));
    }
    *ret_ms = total;
    return 0;
}
