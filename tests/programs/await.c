/* SPDX-License-Identifier: MIT */
/* await FILE: ends when the file is there. A step waits so for its test: a loop with a process for
 * each look would take a good part of a processor. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    char events[4096];
    char *path = count == 2 ? strdup(arguments[1]) : NULL;
    const int watch = inotify_init1(IN_CLOEXEC);

    if (!path || watch < 0 ||
        inotify_add_watch(watch, dirname(path), IN_CREATE | IN_MOVED_TO) < 0) {
        perror("await");
        return 2;
    }
    while (access(arguments[1], F_OK) != 0) {
        if (read(watch, events, sizeof(events)) <= 0 && errno != EINTR) {
            perror("await");
            return 2;
        }
    }
    return 0;
}
