/* SPDX-License-Identifier: MIT */
/* For tests of processes: a private folder, a keeper, an agent program that misbehaves.
 *
 * The keeper's path comes from FERMATA_KEEP (tools/run-tests sets it) or is build/fermata-keep.
 * The agent program is the test program itself: its main() begins with process_agent_main(). */
#ifndef FERMATA_TESTS_SUPPORT_PROCESS_H
#define FERMATA_TESTS_SUPPORT_PROCESS_H

#include "agents/attempt.h"

#include <stdbool.h>
#include <sys/types.h>

/* Returns -1 when argv is not "PROGRAM --agent MODE ..."; otherwise the exit status to end with. */
int process_agent_main(int argc, char **argv);

char *process_make_folder(void); /* below TMPDIR; process_remove_folder() it */
void process_remove_folder(char *folder);

const char *process_keeper_path(void);
const char *process_own_path(void);

/* A spec that runs argv in the folder, PATH as in the test, everything else at its default. */
struct attempt_spec process_spec(const char *folder, const char *const *argv);

/* Prepares, spawns, and returns the keeper's pid; fails the test when that is not possible. */
pid_t process_start(const struct attempt_spec *spec);
/* Waits on a loop until the keeper has ended. */
void process_wait(const char *folder, pid_t keeper);
/* The same after attempt_stop(). */
void process_stop(const char *folder, pid_t keeper, bool force);
/* All of it: the attempt's end. */
struct attempt_exit process_run(const struct attempt_spec *spec);

/* Every process that holds the write end keeps the mark alive. Each writes a byte when it has
 * started. */
struct process_mark {
    char *path;
    int fd;
};
struct process_mark process_mark_new(const char *folder, const char *name);
void process_mark_wait(const struct process_mark *mark, int count); /* until so many have started */
bool process_mark_is_gone(const struct process_mark *mark);         /* nobody holds it now */
void process_mark_release(struct process_mark *mark);

/* A file's whole content; free() it. */
char *process_read_file(const char *folder, const char *name, size_t *ret_length);

#endif
