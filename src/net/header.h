/* SPDX-License-Identifier: MIT */
/* Private to net/: single lines of headers. Pure. */
#ifndef FERMATA_NET_HEADER_H
#define FERMATA_NET_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header {
    const char *name;
    size_t name_length;
    const char *value; /* without the white space around it */
    size_t value_length;
};

/* False: the line is none, such as the empty one at the end. */
bool header_parse(const char *line, size_t length, struct header *ret_header);
bool header_is(const struct header *header, const char *name); /* whatever the case */
/* False: it does not fit, or holds a NUL byte. */
bool header_copy(const struct header *header, char *target, size_t size);
/* "Text/HTML; charset=x" as "text/html". */
void header_copy_type(const char *value, char *target, size_t size);
/* "1500" or "1500.5"; below zero: no number. Never more than a year. */
int64_t header_parse_milliseconds(const char *value);

#endif
