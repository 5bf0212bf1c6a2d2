/* SPDX-License-Identifier: MIT */
/* What a dialect makes of bytes, as JSON that is easily compared. */
#ifndef FERMATA_TESTS_SUPPORT_ANSWERS_H
#define FERMATA_TESTS_SUPPORT_ANSWERS_H

#include "drive/body.h"

/* Reads the bytes in pieces of `piece` (0: at once) and concludes. With is_broken the body is not
 * ended first, as that of a connection that broke. */
struct answers {
    const struct dialect *dialect;
    const struct question *question; /* NULL: free text */
    const char *bytes;
    size_t length; /* 0: up to the NUL */
    size_t piece;
    bool is_broken;
};

/* {"whole", "text", "thinking", "model", "why", "failure", "error", "status", "retry_after_ms",
 * "usage"}: what the events say; what they do not is absent. */
json_t *answers_read(const struct answers *answers);
/* The same, compared with what is expected there, as text of JSON with its keys sorted. */
void answers_check(const struct answers *answers, const char *expected);
/* In every size of piece; and cut at every byte, where half an answer is never the answer. */
void answers_check_cuts(struct answers answers, const char *expected);

#endif
