/* SPDX-License-Identifier: MIT */
/* Private to run/: pieces of launching that preparing shares. */
#ifndef FERMATA_RUN_LAUNCH_H
#define FERMATA_RUN_LAUNCH_H

#include "run/engine.h"

struct lookup_context launch_context(struct active *active, int step);
/* The values of `with`; the caller owns them. */
int launch_arguments(struct active *active, int step, const struct named_template *with,
                     size_t count, json_t **ret_arguments, struct error *err);
/* The whole prompt of an agent step. */
int launch_prompt(struct active *active, int step, struct strbuf *target, struct error *err);

#endif
