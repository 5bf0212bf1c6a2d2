/* SPDX-License-Identifier: MIT */
/* The shipped workflows and experts, inside the binary: generated at build time by tools/embed. */
#ifndef FERMATA_WORKFLOW_EMBEDDED_H
#define FERMATA_WORKFLOW_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name; /* path below its folder without the suffix: "launch/waitlist" */
    const char *data; /* UTF-8, NUL-terminated */
    size_t length;
};

/* Sorted by name (byte order). */
const struct embedded_file *embedded_workflows(size_t *ret_count);
const struct embedded_file *embedded_experts(size_t *ret_count);

#endif
