/* SPDX-License-Identifier: MIT */
/* The parts that experts play in a composed plan: when each takes part, and what it is told. */
#ifndef FERMATA_PLANNER_ROLES_H
#define FERMATA_PLANNER_ROLES_H

#include "planner/compose.h"

struct role {
    const char *id;
    const char *name;
    const char *expert; /* NULL: whoever */
    enum stage stage;
    bool read_only;
    unsigned kinds;    /* bits of task kinds that it takes part in */
    unsigned surfaces; /* bits: at least one is touched; 0: whatever is */
    int complexity;    /* from here on */
    const char *word;  /* or the task says this; NULL: none */
    const char *why;
    const char *prompt; /* a template; what others found is added behind it */
};

extern const struct role roles[];
extern const size_t role_count;

#endif
