/* SPDX-License-Identifier: MIT */
/* One agent at a time changes the files of a project, over all runs and processes: its attempt is
 * named in .fermata/writer. It stays so over the end of the process that started it, for the
 * attempt goes on under its keeper. Blocking file work. */
#ifndef FERMATA_RUN_WRITER_H
#define FERMATA_RUN_WRITER_H

#include "base/error.h"
#include "store/store.h"

struct writer {
    struct store *store; /* needed to take or hold it */
    const char *project;
    const char *folder; /* PROJECT/.fermata */
    const char *run_id;
    const char *attempt; /* its folder, absolute */
    const char *within;  /* the run whose step we are a part of; NULL: none */
};

/* ERROR_BUSY: another one is at work, or somebody sees to what it left. Of one that nobody sees to
 * any more the files are kept first as it left them. Part of the writer's own work passes. */
int writer_take(const struct writer *writer, struct error *err);
/* Unless it is another's. */
void writer_release(const struct writer *writer);
/* As writer_take(), for work of this process alone: until the descriptor is closed, and no longer
 * than the process lives. */
int writer_hold(const struct writer *writer, int *ret_fd, struct error *err);

#endif
