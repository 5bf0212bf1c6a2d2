/* SPDX-License-Identifier: MIT */
/* What changed in the project while an agent worked: the list of its files before, kept in the
 * attempt's folder, against that after. Blocking file work. */
#ifndef FERMATA_RUN_CHANGES_H
#define FERMATA_RUN_CHANGES_H

#include "run/claims.h"

#define CHANGES_PATHS_MAX 100

/* Before the agent is started. That it fails is told by changes_end(). */
void changes_begin(const char *folder, const char *project);
/* {count, changed: [PATH...]} and, unless the claims have no paths, what claims_compare() adds; or
 * {unknown: WHY} when it was not compared; NULL: nobody looked. The caller owns it. */
json_t *changes_end(const char *folder, const struct claims *claims);

#endif
