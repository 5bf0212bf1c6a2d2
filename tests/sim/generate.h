/* SPDX-License-Identifier: MIT */
/* Random workflows that the loader accepts, as text. */
#ifndef FERMATA_SIM_GENERATE_H
#define FERMATA_SIM_GENERATE_H

#include "base/strbuf.h"
#include "choices.h"

/* The workflow that a run starts with, and the two that may be nested in it. */
#define GENERATED_COUNT 3
extern const char *const generated_names[GENERATED_COUNT];

/* Another plan for the same run: some of its parts follow other choices. */
struct generated_edit {
    struct choices *choices; /* all that are asked twice begin anew in them */
    int number;              /* from 1 on */
};
/* edit: NULL: none */
void generate_workflow(struct choices *choices, int which, const struct generated_edit *edit,
                       struct strbuf *target);

#endif
