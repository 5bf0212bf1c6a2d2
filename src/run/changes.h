/* SPDX-License-Identifier: MIT */
/* What changed in the project while an agent worked: the list of its files before, kept in the
 * attempt's folder, against that after. Blocking file work. */
#ifndef FERMATA_RUN_CHANGES_H
#define FERMATA_RUN_CHANGES_H

#include "base/error.h"
#include "base/json.h"

#define CHANGES_PATHS_MAX 100

/* Before the agent is started. */
int changes_begin(const char *folder, const char *project, struct error *err);
/* {count, changed: [PATH...]}; NULL: it is not known. The caller owns it. */
json_t *changes_end(const char *folder, const char *project);

#endif
