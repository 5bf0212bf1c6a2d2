/* SPDX-License-Identifier: MIT */
/* Private to run/: some space on the project's disk, put by while there is plenty. When the disk is
 * full it is given back, so that what ends work (cancel, pause) can still be saved; run_make_room
 * (run.h) gives back a part of it. */
#ifndef FERMATA_RUN_RESERVE_H
#define FERMATA_RUN_RESERVE_H

#include <stdbool.h>

/* folder: PROJECT/.fermata. Not being able to is no error: then there is no reserve. */
void reserve_make(const char *folder);
/* False: there was none. */
bool reserve_release(const char *folder);

#endif
