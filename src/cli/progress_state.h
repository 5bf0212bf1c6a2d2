/* SPDX-License-Identifier: MIT */
/* What the progress of a run is made of, for progress.c and progress_live.c. */
#ifndef FERMATA_CLI_PROGRESS_STATE_H
#define FERMATA_CLI_PROGRESS_STATE_H

#include "base/id.h"
#include "base/vec.h"
#include "cli/progress.h"

#define STATUS_SIZE 12

struct progress_phase {
    char *id;
    char *name; /* the id where it has none of its own */
    char status[STATUS_SIZE];
    int done;
    int total;
    int64_t started_at;
    int64_t ended_at;
};

struct progress {
    const struct terminal *terminal;
    enum progress_form form;
    struct ops *ops;
    void (*write)(void *context, const char *text, size_t length);
    void *context;
    char run[RUN_ID_SIZE];
    char *workflow;
    int64_t started_at;
    VEC(struct progress_phase) phases;
    json_t *steps; /* key -> {"phase":index,"status":word,"at":ms,"name":text,"is_fix":bool} */
    int done;
    int total;
    VEC(size_t) drawn; /* columns of each line of the region, so that it can be taken away */
};

/* progress_live.c */
void progress_erase(struct progress *progress, struct strbuf *target);

#endif
