/* SPDX-License-Identifier: MIT */
/* Points in time (milliseconds since 1970, UTC) and durations (milliseconds) as text. */
#ifndef FERMATA_BASE_TIMESTAMP_H
#define FERMATA_BASE_TIMESTAMP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define TIMESTAMP_SIZE 32
#define DURATION_SIZE 32
#define DURATION_MS_MAX (INT64_C(366) * 24 * 3600 * 1000)

void timestamp_format(int64_t at_ms, char ret_text[TIMESTAMP_SIZE]); /* 2024-02-19T10:00:00Z */
void timestamp_format_ms(int64_t at_ms,
                         char ret_text[TIMESTAMP_SIZE]); /* 2024-02-19T10:00:00.123Z */
void duration_format(int64_t duration_ms,
                     char ret_text[DURATION_SIZE]); /* 850ms 12.3s 4m05s 2h03m 3d4h */
/* The same as somebody writes a limit: 3s 1.5s 10m 2h. */
void duration_format_limit(int64_t duration_ms, char ret_text[DURATION_SIZE]);
/* "500ms", "30s", "10m", "1h30m", "2d" or a bare number of seconds. */
int duration_parse(const char *text, int64_t *ret_ms, struct error *err);

#endif
