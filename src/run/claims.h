/* SPDX-License-Identifier: MIT */
/* The files that an agent said it changed, against those that really are not as before. A claim
 * proves nothing, so a difference fails nobody; it is told. Blocking file work. */
#ifndef FERMATA_RUN_CLAIMS_H
#define FERMATA_RUN_CLAIMS_H

#include "base/json.h"
#include "base/strbuf.h"

struct claims {
    const json_t *paths; /* an object: path, as the agent said it -> true */
    const char *project; /* absolute */
    const char *cwd;     /* of the agent, absolute */
};

/* Adds to `changes` what is not empty: only_claimed, the claimed paths that are as before, and
 * not_claimed, those of `changed` (all of them) without a claim. What lies outside of the project,
 * or is there and not in the list of its files (`after`), git ignores or we do: it counts for
 * neither. */
void claims_compare(const struct claims *claims, const json_t *changed, const struct strbuf *after,
                    json_t *changes);

#endif
