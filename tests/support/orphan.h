/* SPDX-License-Identifier: MIT */
/* What an earlier version could leave behind: a run that is over, and its nested run is not. */
#ifndef FERMATA_TESTS_ORPHAN_H
#define FERMATA_TESTS_ORPHAN_H

#include "store/store.h"

/* The run, which nobody owns and which is paused, fails by two records more. */
void orphan_make(struct store *store, const char *folder, const char *run_id);

#endif
