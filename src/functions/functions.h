/* SPDX-License-Identifier: MIT */
/* The built-in functions that steps (`use: inventory`) and gate checks call.
 *
 * An inline function is quick and pure and runs inside the orchestrator. Any other runs as its own
 * process under a keeper (`fermata function NAME`, call as JSON on standard input, result on
 * standard output), so it survives a crash of the orchestrator, has a deadline, and cannot harm it.
 * Pure of the engine: a function knows no run. */
#ifndef FERMATA_FUNCTIONS_FUNCTIONS_H
#define FERMATA_FUNCTIONS_FUNCTIONS_H

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

#include <stdbool.h>

#define FUNCTION_OUTPUT_BYTES_MAX (64U * 1024 * 1024)

struct function_call {
    const char *project;     /* absolute path of the project */
    const json_t *arguments; /* object: the step's `with` */
    int64_t now_ms;          /* wall clock at the start */
    struct strbuf *output;   /* the result: JSON or text */
};

/* What a result depends on beside the arguments, and so when an earlier one can be taken; and
 * whether the function leaves everything as it is. */
enum function_reads {
    READS_NOTHING,
    READS_TREE,    /* the project's files */
    READS_OUTSIDE, /* more than these, such as git's history or the installed tools: never reused */
    MAY_CHANGE,    /* it writes into the project, or starts what that brings; never reused */
};

struct function_argument {
    const char *name;
    const char *what;
};

struct function {
    const char *name;
    const char *help;                          /* one line */
    const struct function_argument *arguments; /* all that it knows; behind the last a NULL name */
    bool is_inline;
    bool is_json; /* its output is JSON */
    enum function_reads reads;
    /* 0, or a negative code: the step fails with err's text. */
    int (*run)(const struct function_call *call, struct error *err);
};

const struct function *function_find(const char *name); /* NULL when unknown */
const struct function *function_table(size_t *ret_count);
const char *function_nearest(const char *name); /* nearest known name, or NULL */
char *function_reference(void);                 /* all of them in Markdown; the caller frees it */

#endif
