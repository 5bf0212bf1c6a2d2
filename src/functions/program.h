/* SPDX-License-Identifier: MIT */
/* Runs a program to its end: no shell, bounded output, bounded time, its own process group.
 *
 * Only for built-in functions, which are processes of their own: it blocks. Unless the request says
 * otherwise, the child gets PATH and HOME of ours, a C.UTF-8 locale, and what the request adds;
 * nothing else of the environment, so that no credential reaches a tool that reads a stranger's
 * tree. */
#ifndef FERMATA_FUNCTIONS_PROGRAM_H
#define FERMATA_FUNCTIONS_PROGRAM_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_INPUT_BYTES_MAX (16U * 1024 * 1024)
#define PROGRAM_ERRORS_BYTES_MAX (64U * 1024)

/* Gets standard output as it comes; false stops the program. */
typedef bool (*program_reader)(void *context, const char *bytes, size_t length);

struct program_request {
    const char *const *argv;        /* NULL-terminated; argv[0] is looked for on PATH */
    const char *folder;             /* NULL: ours */
    const char *const *environment; /* "NAME=value" to add, NULL-terminated; NULL: none */
    bool inherits_environment;      /* all of ours, for the project's own tools */
    bool merges_errors;             /* standard error goes the way of standard output */
    const char *input;              /* standard input; NULL: empty */
    size_t input_length;
    size_t output_bytes_max; /* more than this stops the program */
    int64_t timeout_ms;
    program_reader reader; /* NULL: the output is kept in the result */
    void *context;
};

struct program_result {
    bool timed_out;
    bool truncated;  /* output_bytes_max was reached */
    bool stopped;    /* the reader had enough */
    int exit_status; /* -1 when ended by a signal */
    struct strbuf output;
    struct strbuf errors; /* standard error, the first PROGRAM_ERRORS_BYTES_MAX bytes */
};

/* 0 when the program ran, however it ended; ERROR_UNAVAILABLE when it is not installed.
 * *result is always releasable afterwards. */
int program_run(const struct program_request *request, struct program_result *result,
                struct error *err);
void program_result_release(struct program_result *result);

/* What the environment of this process says behind "NAME="; with it. NULL: nothing. */
const char *program_inherited(const char *prefix);
bool program_is_installed(const char *program); /* an executable of this name is on PATH */

#endif
