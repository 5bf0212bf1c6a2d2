/* SPDX-License-Identifier: MIT */
/* One attempt as a process under its own keeper (agents/keeper/keep.c), which outlives us.
 *
 * The attempt's folder holds everything; the keeper flocks it while it lives:
 *
 *   - spec: what to run, as NUL-separated strings, written here before the keeper starts; not the
 *     environment, which may hold keys: the keeper is started with it and hands it on
 *   - stdin: what the process reads (absent: /dev/null)
 *   - tmp: its TMPDIR, if it has one of its own, until attempt_clear()
 *   - files that its environment names, such as values that are too large for it
 *   - claim: created with O_EXCL by the keeper ("keeper PID STARTTIME") or by a recovery that
 *     gives the attempt up ("given-up"): exactly one of them wins, so no attempt runs twice
 *   - stdout, stderr: the first half of the ceiling, made with the first byte; stdout.tail,
 * stderr.tail: a ring of the other half
 *   - exit.json: how it ended, by rename
 *
 * Nothing here knows runs or steps. */
#ifndef FERMATA_AGENTS_ATTEMPT_H
#define FERMATA_AGENTS_ATTEMPT_H

#include "base/error.h"
#include "base/strbuf.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attempt_file {
    char *name; /* in the attempt's folder */
    char *data;
    size_t length;
};

struct attempt_spec {
    const char *folder;      /* absolute; is created */
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH of `env` */
    const char *const *env;  /* NULL-terminated "NAME=value"; the whole environment */
    const char *cwd;         /* absolute */
    const char *input;       /* what goes to standard input; NULL: /dev/null */
    size_t input_length;
    const struct attempt_file *files;
    size_t file_count;
    int64_t timeout_ms;       /* 0: none; the keeper enforces it alone */
    int64_t grace_ms;         /* between TERM and KILL; 0: 5 s */
    int64_t output_bytes_max; /* kept of each stream; 0: 8 MiB */
    int64_t memory_bytes_max; /* RLIMIT_AS; 0: unlimited */
    bool stdout_is_file;      /* a regular file instead of a pipe, which some end too early for */
    bool has_own_tmp;         /* TMPDIR is the folder `tmp` of the attempt */
    int held;                 /* a descriptor, kept open as long as the keeper lives; 0: none */
};

enum attempt_presence {
    ATTEMPT_ABSENT, /* no claim: its keeper never started, or is late */
    ATTEMPT_ALIVE,  /* the keeper holds its lock */
    ATTEMPT_ENDED,  /* exit.json is there */
    ATTEMPT_GONE,   /* claimed, the lock is free, no exit.json: lost without a trace */
};

struct attempt_exit {
    int status; /* exit status, -1 when ended by a signal or never started */
    int signal; /* 0: none */
    bool timed_out;
    bool stopped;          /* we asked for it */
    char start_error[256]; /* the program could not be started: why; empty otherwise */
    int start_errno;       /* ENOENT: no such program */
    int64_t started_at_ms; /* wall clock */
    int64_t ended_at_ms;
    int64_t user_ms, system_ms, memory_bytes_max; /* of the whole tree that was waited for */
    int64_t stdout_bytes, stderr_bytes;           /* exact, also beyond the ceiling */
    char output_error[16]; /* "ENOSPC": not all of the output could be kept; empty otherwise */
    int leftovers;         /* processes that outlived the main one and were ended */
    int survivors;         /* those that could not be ended (another user's) */
};

/* Blocking file work: call from the pool. Creates the folder, writes stdin, files and spec. */
int attempt_prepare(const struct attempt_spec *spec, struct error *err);
/* After the end: what the program left in its own TMPDIR goes. Blocking; absent is fine. */
int attempt_clear(const char *folder, struct error *err);
/* Starts the keeper of what was prepared (clone with shared memory, never a fork of this process).
 * keeper_path: the program. */
int attempt_spawn(const char *keeper_path, const struct attempt_spec *spec, pid_t *ret_keeper,
                  struct error *err);
int attempt_probe(const char *folder, enum attempt_presence *ret_presence, pid_t *ret_keeper,
                  struct error *err);
/* Takes the claim so that a late keeper cannot start: true when it is ours now. */
bool attempt_give_up(const char *folder);

/* Calls back once, in a later turn, when the keeper has ended (also when it is not our child). */
struct attempt_watch;
int attempt_watch_start(struct loop *loop, const char *folder, pid_t keeper, loop_callback on_end,
                        void *arg, struct attempt_watch **ret_watch, struct error *err);
void attempt_watch_free(struct attempt_watch *watch); /* accepts NULL; does not stop the process */
/* From on_end on: did the keeper end by itself? False: it was killed, or is not known to have done
 * its work; attempt_sweep() does it then. */
bool attempt_is_kept(const struct attempt_watch *watch);
/* TERM to the whole tree, KILL after the grace; with force: KILL at once. Idempotent. */
void attempt_stop(struct attempt_watch *watch, bool force);
/* For an attempt that should have ended, again and again until it has: a keeper that was stopped is
 * continued, and one that is found stopped time after time killed: true. */
bool attempt_urge(struct attempt_watch *watch);

/* Kills what a keeper that was itself killed has left behind (nobody else does) and returns how
 * many processes that were. They are known by the keeper's session and by ATTEMPT_FOLDER_VARIABLE,
 * which is in the environment of every program of the attempt; while whoever spawned the keeper
 * lives, also by having become its children. Blocking; only for an attempt without a keeper. */
#define ATTEMPT_KEEPER_NAME "fermata-keep"
#define ATTEMPT_FOLDER_VARIABLE "FERMATA_ATTEMPT_FOLDER"
int attempt_sweep(const char *folder);

/* ERROR_NOT_FOUND when there is no exit.json (or it is torn): the attempt is lost. */
int attempt_read_exit(const char *folder, struct attempt_exit *ret_exit, struct error *err);
/* What was kept of "stdout" or "stderr": head, then, when bytes were left out, a line that says how
 * many, then the tail. *ret_cut: how many those were; may be NULL. */
int attempt_read_output(const char *folder, const char *stream, struct strbuf *target,
                        int64_t *ret_cut, struct error *err);
/* Where somebody who follows a stream is. */
struct attempt_cursor {
    int64_t offset; /* bytes of the stream, those that were left out included */
    bool has_gap;   /* bytes were left out before those of the last call */
};
/* Adds what was printed behind the cursor, also while more is, and moves it: at most what `target`
 * has room for. Nothing is added when there is nothing new. */
int attempt_read_more(const char *folder, const char *stream, struct attempt_cursor *cursor,
                      struct strbuf *target, struct error *err);
/* Another number when anything was printed since; 0: nothing was yet. What stands on standard error
 * counts, too. */
uint64_t attempt_stamp(const char *folder);
/* The last line printed so far, cleaned for a terminal; empty when there is none. Cheap. */
void attempt_last_line(const char *folder, struct strbuf *target);

/* The keeper beside this program, in ../libexec/fermata, or from FERMATA_KEEP (given by settings).
 */
int attempt_find_keeper(const char *override, char **ret_path, struct error *err);

#endif
