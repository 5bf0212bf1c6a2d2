/* SPDX-License-Identifier: MIT */
/* The body of a server's answer: what form it has, and what its dialect makes of it. Pure. */
#ifndef FERMATA_DRIVE_BODY_H
#define FERMATA_DRIVE_BODY_H

#include "drive/dialect.h"

enum body_form { BODY_UNKNOWN, BODY_STREAM, BODY_DOCUMENT };

struct body {
    const struct dialect *dialect;
    struct answer *answer; /* borrowed */
    enum body_form form;   /* found by the first byte, whatever the type says */
    struct stream stream;
    struct strbuf document; /* of a server that does not stream; else the blanks before it */
};

void body_init(struct body *body, const struct dialect *dialect, struct answer *answer);
void body_release(struct body *body);
/* False: the answer has failed, and nothing more of it is wanted. */
bool body_add(struct body *body, const char *bytes, size_t length);
/* After the last byte of a body that came whole; one that broke off is not ended. */
void body_end(struct body *body);

#endif
