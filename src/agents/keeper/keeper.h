/* SPDX-License-Identifier: MIT */
/* The parts of the keeper program (keep.c), and what its files look like to agents/attempt.c.
 *
 * The keeper stands alone: libc only, one thread, no malloc, no stdio, so that hundreds of them
 * cost little. Its functions return 0 or a negative errno. `folder` is always the open attempt
 * folder. */
#ifndef FERMATA_AGENTS_KEEPER_KEEPER_H
#define FERMATA_AGENTS_KEEPER_KEEPER_H

#include "base/redact.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- files shared with agents/attempt.c ---- */

/* "spec": NUL-terminated strings "key=value"; keys cwd, timeout_ms, grace_ms, output_bytes_max,
 * memory_bytes_max, then arg and env (added to the keeper's own environment, which the program gets
 * whole) as often as needed, and last "end=", which a torn file lacks. */
#define KEEPER_SPEC_BYTES_MAX (4 * 1024 * 1024)

/* "claim": one of these. The numbers are the keeper's pid and field 22 of its /proc/PID/stat. */
#define KEEPER_CLAIM_KEEPER "keeper " /* "keeper PID STARTTIME\n" */
#define KEEPER_CLAIM_GIVEN_UP "given-up\n"
#define KEEPER_CLAIM_BYTES_MAX 64

/* "stdout.tail": a header of this size, "tail RING TOTAL FROM" + spaces + newline, then the ring of
 * RING bytes. Byte number p of the stream lies at p % RING; the valid ones are those of
 * [max(FROM, TOTAL - RING), TOTAL). The file exists only once the first half is full. */
#define KEEPER_TAIL_HEADER_SIZE 128
#define KEEPER_TAIL_WORD "tail "

/* The second argument of a keeper that is to keep open, and not to hand on, this descriptor. */
#define KEEPER_HELD "held"
#define KEEPER_HELD_FD 3

/* ---- numbers as text ---- */

#define KEEPER_NUMBER_SIZE 21
/* Writes the decimal digits, not terminated; returns how many. */
size_t keeper_number_format(int64_t number, char ret_digits[KEEPER_NUMBER_SIZE]);

/* ---- launch.c: what to run, and its start ---- */

struct keeper_spec {
    char **argv;
    char **env;
    const char *cwd;
    int64_t timeout_ms; /* 0: none */
    int64_t grace_ms;
    int64_t output_bytes_max;
    int64_t memory_bytes_max; /* 0: unlimited */
    int64_t stdout_is_file;   /* 0: a pipe */
    size_t mapped_bytes;      /* of the one mapping that holds all of the above; starts at argv */
};

/* `environment`: what the program's begins with; borrowed. */
int keeper_spec_read(int folder, char *const *environment, struct keeper_spec *ret_spec);
void keeper_spec_release(struct keeper_spec *spec);

/* Which step of the start failed, as a word of exit.json's "start_error". */
struct keeper_start_failure {
    const char *stage;
    int number; /* errno */
};

/* Starts the program with fds[0..2] as its standard streams, in a process group of its own, all
 * signals unblocked, dying with the keeper. */
int keeper_launch(const struct keeper_spec *spec, const int fds[3], pid_t *ret_pid,
                  struct keeper_start_failure *ret_failure);

/* ---- keys.c: what a program knows and is not to be kept of what it says ---- */

/* For one stream; all take the same keys out. */
struct keeper_keys {
    struct redact redact;
    char *rest; /* of the mapping, for what streams hold */
};

/* The variables that REDACT_VARIABLE names. */
int keeper_keys_read(char *const *environment, struct keeper_keys *ret_keys);
struct redact_stream keeper_keys_stream(struct keeper_keys *keys);

/* ---- output.c: one output stream, kept within its ceiling ---- */

struct keeper_output {
    int folder;
    const char *name;      /* "stdout" */
    const char *tail_name; /* "stdout.tail" */
    int source;            /* the pipe; -1 when it is closed */
    bool is_file; /* the source is a file that grows, and has no end before the program's */
    int head;     /* -1: nothing was said yet */
    int tail;     /* -1: not needed yet */
    int64_t head_bytes_max; /* ends where a write failed: the head has no holes */
    int64_t tail_bytes_max;
    int64_t total;             /* exact, also what was not kept */
    int64_t tail_from;         /* the first byte since which the ring has no hole */
    int error;                 /* errno of the first write that failed; 0: none */
    struct redact_stream keys; /* on its way to the files; redact NULL: as it is */
};

void keeper_output_init(struct keeper_output *output, int64_t bytes_max);
/* Where the program writes to. As a file it has no name, so that it is gone with us. */
int keeper_output_source(struct keeper_output *output, bool is_file, int *ret_write_end);
void keeper_output_add(struct keeper_output *output, const char *bytes, size_t length);
/* Reads what is there, once; closes the source at its end. */
void keeper_output_pump(struct keeper_output *output);
/* Reads what was in the pipe when called; whoever still holds its other end is not waited for. */
void keeper_output_drain(struct keeper_output *output);
void keeper_output_sync(const struct keeper_output *output);

/* ---- tree.c: all processes that descend from this one ---- */

struct keeper_tree {
    pid_t *pids; /* of the last walk */
    size_t count;
    unsigned char *known; /* one bit a pid: met since keeper_tree_open */
    bool by_parents;      /* the kernel lists no children: every process is asked for its parent */
};

int keeper_tree_open(struct keeper_tree *ret_tree);
void keeper_tree_close(struct keeper_tree *tree);
/* Finds the descendants and sends the signal (0: none) to each that is met for the first time.
 * Returns how many those are. */
size_t keeper_tree_walk(struct keeper_tree *tree, int signal_number);
/* Stops all until no new one appears, then kills all. Returns how many were found alive. */
size_t keeper_tree_kill(void);
/* TERM to all; returns how many were found alive. */
size_t keeper_tree_terminate(void);

/* ---- report.c: claim and exit.json ---- */

struct keeper_report {
    int status; /* exit status; -1: ended by a signal, or never started */
    int signal_number;
    bool timed_out, stopped;
    const char *start_error; /* a stage, or "" */
    int start_errno;
    int64_t started_at_ms, ended_at_ms;
    int64_t user_ms, system_ms, memory_bytes_max;
    int64_t stdout_bytes, stderr_bytes;
    int output_errno;
    int64_t leftovers, survivors;
};

/* 0; -EEXIST: somebody else has it. */
int keeper_claim(int folder);
/* Makes exit.json.tmp with room for the report, so that a full disk cannot prevent it. */
int keeper_report_reserve(int folder);
int keeper_report_write(int folder, const struct keeper_report *report, bool durable);

#endif
