/* SPDX-License-Identifier: MIT */
/* What the processes of an attempt do, as /proc tells. They are found from their keeper down: it is
 * the subreaper of them all. Where the kernel does not list children, or /proc is not to be read,
 * nothing is claimed. */
#include "agents/liveness.h"

#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/vec.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCESSES_MAX 512 /* more of one attempt are not looked at */
#define PATH_SIZE 80
#define STAT_SIZE 1024
#define LIST_SIZE 4096
#define STAT_STATE 3
#define STAT_CPU 14 /* the first of four: own and of the children that were waited for */
#define STAT_CPU_FIELDS 4
#define STAT_OWN_FIELDS 2
#define MS_PER_S 1000

struct walk {
    VEC(pid_t) pids; /* the keeper first */
    struct liveness_look *look;
    int64_t ms_per_tick;
    int64_t most_ms; /* that one of them has used */
};

struct process {
    char state;
    char name[LIVENESS_NAME_SIZE];
    int64_t own_ms;   /* processor time of itself */
    int64_t ended_ms; /* of its children that have ended */
};

static ssize_t read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static ssize_t read_of(pid_t pid, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    return read_file(path, text, size);
}

/* "PID (NAME) STATE PPID ...": the name may hold anything, brackets included. */
static bool read_process(pid_t pid, int64_t ms_per_tick, struct process *ret_process)
{
    char text[STAT_SIZE];
    const char *name;
    const char *field;
    int64_t ms[STAT_CPU_FIELDS];

    if (read_of(pid, "stat", text, sizeof(text)) <= 0) {
        return false;
    }
    name = strchr(text, '(');
    field = strrchr(text, ')');
    if (!name || !field || field < name || strlen(field) < STAT_STATE) {
        return false;
    }
    (void)snprintf(ret_process->name, sizeof(ret_process->name), "%.*s", (int)(field - name - 1),
                   name + 1);
    for (char *c = ret_process->name; *c; c++) {
        *c = *c > ' ' && *c <= '~' ? *c : '?'; /* any program can name itself anything */
    }
    ret_process->state = field[2];
    for (int i = 2; field && i < STAT_CPU; i++) {
        field = strchr(field + 1, ' ');
    }
    for (int i = 0; i < STAT_CPU_FIELDS; i++) {
        ms[i] = field ? strtoll(field + 1, NULL, 10) * ms_per_tick : 0;
        field = field ? strchr(field + 1, ' ') : NULL;
    }
    ret_process->own_ms = ms[0] + ms[1];
    ret_process->ended_ms = ms[STAT_OWN_FIELDS] + ms[STAT_OWN_FIELDS + 1];
    return true;
}

static void add_listed(struct walk *walk, const char *list)
{
    char *end;
    long pid = strtol(list, &end, 10);

    while (end != list && pid > 0 && walk->pids.count < PROCESSES_MAX) {
        *VEC_PUSH(&walk->pids) = (pid_t)pid;
        list = end;
        pid = strtol(list, &end, 10);
    }
}

static bool add_children(struct walk *walk, pid_t pid)
{
    char path[PATH_SIZE];
    char list[LIST_SIZE];
    bool is_listed = false;
    const struct dirent *entry;
    DIR *threads;

    (void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    threads = opendir(path);
    while (threads && (entry = readdir(threads)) != NULL) {
        long thread = strtol(entry->d_name, NULL, 10);

        (void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid, thread);
        if (thread > 0 && read_file(path, list, sizeof(list)) >= 0) {
            is_listed = true;
            add_listed(walk, list);
        }
    }
    if (threads) {
        (void)closedir(threads);
    }
    return is_listed;
}

static bool is_terminal(pid_t pid, long descriptor)
{
    char path[PATH_SIZE];
    char target[PATH_SIZE];
    ssize_t length;

    (void)snprintf(path, sizeof(path), "/proc/%ld/fd/%ld", (long)pid, descriptor);
    length = readlink(path, target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    return strncmp(target, "/dev/pts/", strlen("/dev/pts/")) == 0 ||
           strncmp(target, "/dev/tty", strlen("/dev/tty")) == 0;
}

/* "NUMBER 0xARGUMENT ...", or a word when it is in none. A wait for the first descriptor alone is
 * how programs with a line editor read. */
static bool reads_terminal(pid_t pid)
{
    char text[STAT_SIZE];
    char *rest;
    long number;
    unsigned long first;

    if (read_of(pid, "syscall", text, sizeof(text)) <= 0) {
        return read_of(pid, "wchan", text, sizeof(text)) > 0 && strcmp(text, "n_tty_read") == 0 &&
               is_terminal(pid, STDIN_FILENO);
    }
    number = strtol(text, &rest, 10);
    if (rest == text) {
        return false;
    }
    first = strtoul(rest, NULL, 16);
    if (number == SYS_read || number == SYS_readv) {
        return first < INT32_MAX && is_terminal(pid, (long)first);
    }
    if (number == SYS_pselect6) {
        return first == 1 && is_terminal(pid, STDIN_FILENO);
    }
#ifdef SYS_select
    return number == SYS_select && first == 1 && is_terminal(pid, STDIN_FILENO);
#else
    return false;
#endif
}

static void note_process(struct walk *walk, pid_t pid, const struct process *process)
{
    struct liveness_look *look = walk->look;
    int64_t used_ms = process->own_ms + process->ended_ms;

    look->cpu_ms += used_ms;
    if (process->state == 'Z' || process->state == 'X') {
        return;
    }
    look->processes++;
    if (!look->asker && process->state == 'S' && reads_terminal(pid)) {
        look->asker = pid;
        (void)snprintf(look->name, sizeof(look->name), "%s", process->name);
    } else if (!look->asker && (used_ms >= walk->most_ms || !look->name[0])) {
        walk->most_ms = used_ms;
        (void)snprintf(look->name, sizeof(look->name), "%s", process->name);
    }
}

/* Of the keeper only the time of those that it has seen end counts. */
static void look_at_processes(pid_t keeper, struct liveness_look *look)
{
    long ticks = sysconf(_SC_CLK_TCK);
    struct walk walk = {.look = look, .ms_per_tick = ticks > 0 ? MS_PER_S / ticks : 1};
    struct process process;

    *VEC_PUSH(&walk.pids) = keeper;
    look->is_readable = read_process(keeper, walk.ms_per_tick, &process) &&
                        add_children(&walk, keeper);
    look->cpu_ms = look->is_readable ? process.ended_ms : 0;
    for (size_t i = 1; look->is_readable && i < walk.pids.count; i++) {
        pid_t pid = walk.pids.items[i];

        if (read_process(pid, walk.ms_per_tick, &process)) {
            note_process(&walk, pid, &process);
            (void)add_children(&walk, pid);
        }
    }
    VEC_RELEASE(&walk.pids);
}

void liveness_look(const char *folder, pid_t keeper, struct liveness_look *ret_look)
{
    *ret_look = (struct liveness_look){.stamp = attempt_stamp(folder)};
    if (keeper > 0) {
        look_at_processes(keeper, ret_look);
    }
}
