/* SPDX-License-Identifier: MIT */
/* What of the environment reaches whom. A step's command gets all of it but the keys of agents; an
 * agent gets what programs need, what its own program is documented to read, and what the
 * configuration adds (docs/decisions/0017-environment.md). The key of another agent is never among
 * it. */
#ifndef FERMATA_RUN_ENVIRONMENT_H
#define FERMATA_RUN_ENVIRONMENT_H

#include "base/strbuf.h"
#include "workflow/config.h"

#include <stdbool.h>

/* agent NULL: a command, a function or a check of the user's. Steps' own variables of an outer run
 * are no matter of this. */
struct environment {
    const struct config *config;
    const struct agent_config *agent;
    const char *const *items; /* "NAME=value", NULL-terminated; may be NULL */
};
/* Does it get this one of the items? */
bool environment_passes(const struct environment *environment, const char *item);
/* Of one that it got: is its value a key, which nothing that comes back may show? Those that agents
 * name, the customary ones of their programs, and what an agent was given under such a name. */
bool environment_is_key(const struct environment *environment, const char *item);
/* The names of those among the items, with a space between. Returns how many. */
size_t environment_add_key_names(const struct environment *environment, const char *const *items,
                                 size_t count, struct strbuf *names);

#endif
