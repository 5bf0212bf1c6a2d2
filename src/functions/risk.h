/* SPDX-License-Identifier: MIT */
/* The table of risky constructs, and the search for them in one source text. Pure. */
#ifndef FERMATA_FUNCTIONS_RISK_H
#define FERMATA_FUNCTIONS_RISK_H

#include "functions/finding.h"
#include "functions/source.h"

struct risk_scanner;

struct risk_hit {
    const char *rule;
    enum severity severity;
    const char *confidence;
    const char *message;
    const char *fix;
    size_t line;
};

typedef void (*risk_sink)(void *context, const struct source *source, const struct risk_hit *hit);

struct risk_scanner *risk_scanner_new(void);
void risk_scanner_free(struct risk_scanner *scanner);
/* `path` decides about rules for certain files (GitHub workflows). */
void risk_scan(const struct risk_scanner *scanner, const char *path,
               const struct language *language, const struct source *source, risk_sink sink,
               void *context);

#endif
