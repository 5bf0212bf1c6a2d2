/* SPDX-License-Identifier: MIT */
/* Short questions to programs, several at once: their version, a server's health. Blocks. */
#ifndef FERMATA_OPS_PROBE_H
#define FERMATA_OPS_PROBE_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROBE_OUTPUT_BYTES_MAX (1024U * 1024)

struct probe {
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    const char *const *env;  /* the whole environment, NULL-terminated */
    const char *input;       /* standard input; NULL: none */
    const char *keys;        /* the names of variables whose values its output must not show; NULL:
                                none; of the first REDACT_KEYS_MAX of them */
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

/* What a question of another length needs of it (ops/driver.c). A memory file with the text, so
 * that nothing has to be fed: below zero, see errno. */
int probe_open_input(const char *text, size_t length);
/* Starts argv[0] in a group of its own, so that what it starts goes with it, and Ctrl-C is for us
 * to hand on. `fds` become its first three; below zero: ours. Returns an errno, or 0. */
int probe_spawn(const char *const *argv, const char *const *env, const int fds[3], pid_t *ret_pid);

#endif
