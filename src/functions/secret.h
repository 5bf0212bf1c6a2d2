/* SPDX-License-Identifier: MIT */
/* Recognises secrets in a text. A secret is only ever shown masked. Pure. */
#ifndef FERMATA_FUNCTIONS_SECRET_H
#define FERMATA_FUNCTIONS_SECRET_H

#include "base/strbuf.h"
#include "functions/finding.h"

struct secret_scanner;

struct secret_hit {
    const char *rule;
    enum severity severity;
    const char *confidence;
    const char *message;
    size_t line_start, line_end; /* offsets of its line in the text */
    size_t start, end;           /* offsets of the secret itself */
};

typedef void (*secret_sink)(void *context, const char *text, const struct secret_hit *hit);

struct secret_scanner *secret_scanner_new(void);
void secret_scanner_free(struct secret_scanner *scanner);
/* Calls the sink for each secret; of several rules that see one secret the first counts. */
void secret_scan(const struct secret_scanner *scanner, const char *text, size_t length,
                 secret_sink sink, void *context);

/* The hit's line with the secret as its first four characters + "…[N characters]"; long lines are
 * shortened around the secret. */
void secret_mask(const char *text, const struct secret_hit *hit, struct strbuf *target);

#endif
