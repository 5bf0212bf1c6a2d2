/* SPDX-License-Identifier: MIT */
/* git, reading a repository that a stranger may have written.
 *
 * Never by discovery (--git-dir is given), never with programs that the repository's own
 * configuration names (hooks, fsmonitor, external diff, textconv, signature check, lazy fetch), and
 * with no configuration of the user or the system, so that results are the same everywhere. */
#ifndef FERMATA_FUNCTIONS_GIT_H
#define FERMATA_FUNCTIONS_GIT_H

#include "functions/program.h"

#define GIT_ARGUMENTS_MAX 48

struct git_request {
    const char *project;
    const char *const *arguments; /* NULL-terminated, from the subcommand on */
    size_t output_bytes_max;
    int64_t timeout_ms;
    program_reader reader; /* NULL: the output is kept */
    void *context;
};

bool git_is_repository(const char *project); /* the project's own folder is one */
bool git_is_bare(const char *folder);        /* a repository without a work tree */
/* A clone whose history was cut off: what is older is not there to be read. */
bool git_is_shallow(const char *project);

/* As program_run. A status other than 0 is not an error here: look at the result. */
int git_run(const struct git_request *request, struct program_result *result, struct error *err);

/* What git says went wrong, in one line without its "fatal: ". */
void git_explain(const struct program_result *result, struct strbuf *target);

#endif
