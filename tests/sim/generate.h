/* SPDX-License-Identifier: MIT */
/* Random workflows that the loader accepts, as text. */
#ifndef FERMATA_SIM_GENERATE_H
#define FERMATA_SIM_GENERATE_H

#include "base/strbuf.h"
#include "choices.h"

/* The workflow that a run starts with, and the two that may be nested in it. */
#define GENERATED_COUNT 3
extern const char *const generated_names[GENERATED_COUNT];

void generate_workflow(struct choices *choices, int which, struct strbuf *target);

#endif
