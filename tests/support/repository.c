/* SPDX-License-Identifier: MIT */
#include "repository.h"

#include <assert.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>

#define ARGUMENTS_MAX 32

void repository_git(const char *folder, const char *const *arguments)
{
    static char *const environment[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/nonexistent",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_AUTHOR_NAME=A",
        "GIT_AUTHOR_EMAIL=a@example.org",
        "GIT_COMMITTER_NAME=A",
        "GIT_COMMITTER_EMAIL=a@example.org",
        NULL,
    };
    char *argv[ARGUMENTS_MAX] = {"git", "-C", (char *)folder, "-c", "init.defaultBranch=main"};
    size_t count = 5;
    int status = -1;
    pid_t pid;
    int r;

    for (; *arguments; arguments++) {
        assert(count < ARGUMENTS_MAX - 1);
        argv[count++] = (char *)*arguments;
    }
    r = posix_spawnp(&pid, "git", NULL, NULL, argv, environment);
    assert(r == 0);
    r = waitpid(pid, &status, 0);
    assert(r == pid && status == 0);
}
