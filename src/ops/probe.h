/* SPDX-License-Identifier: MIT */
/* Short questions to programs, several at once: their version, a server's health. Blocks. */
#ifndef FERMATA_OPS_PROBE_H
#define FERMATA_OPS_PROBE_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

#define PROBE_OUTPUT_BYTES_MAX (1024U * 1024)

struct probe {
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    const char *const *env;  /* the whole environment, NULL-terminated */
    const char *input;       /* standard input; NULL: none */
    int64_t timeout_ms;
    /* what came of it */
    int start_errno; /* 0: it was started */
    bool timed_out;
    int exit_status;      /* -1: by a signal, or never started */
    struct strbuf output; /* standard output; standard error is thrown away */
};

/* To be released each by probe_release(). Nothing of theirs goes on afterwards. */
void probe_run(struct probe *probes, size_t count);
void probe_release(struct probe *probe);

#endif
