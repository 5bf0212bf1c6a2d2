/* SPDX-License-Identifier: MIT */
/* Descendants are found through /proc/PID/task/TID/children, or, where the kernel does not have
 * that, by the parents of all processes. Both are only true for a moment; callers walk again until
 * nothing new appears. The keeper is a subreaper, so whatever loses its parent becomes its own
 * child. */
#include "agents/keeper/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIDS_MAX (4 * 1024 * 1024) /* the kernel's PID_MAX_LIMIT */
#define KNOWN_SIZE (PIDS_MAX / 8)
#define STOP_ROUNDS_MAX 64
#define PATH_SIZE 80
#define READ_SIZE 4096
#define DECIMAL 10

static void *map_pages(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                0);
}

/* Large, but only the pages that are touched exist. */
int keeper_tree_open(struct keeper_tree *ret_tree)
{
    struct keeper_tree tree = {.pids = map_pages(PIDS_MAX * sizeof(pid_t)),
                               .known = map_pages(KNOWN_SIZE)};

    tree.by_parents = access("/proc/thread-self/children", F_OK) < 0;
    if (tree.pids == MAP_FAILED || tree.known == MAP_FAILED) {
        keeper_tree_close(&tree);
        return -ENOMEM;
    }
    *ret_tree = tree;
    return 0;
}

void keeper_tree_close(struct keeper_tree *tree)
{
    if (tree->pids != MAP_FAILED) {
        (void)munmap(tree->pids, PIDS_MAX * sizeof(pid_t));
    }
    if (tree->known != MAP_FAILED) {
        (void)munmap(tree->known, KNOWN_SIZE);
    }
    *tree = (struct keeper_tree){0};
}

static bool has_bit(const unsigned char *bits, pid_t pid)
{
    return (bits[pid / 8] >> (pid % 8)) & 1;
}

static void set_bit(unsigned char *bits, pid_t pid)
{
    bits[pid / 8] |= (unsigned char)(1U << (pid % 8));
}

/* "/proc/PID" + suffix */
static void format_path(char path[PATH_SIZE], pid_t pid, const char *suffix)
{
    size_t length = sizeof("/proc/") - 1;

    memcpy(path, "/proc/", length);
    length += keeper_number_format(pid, path + length);
    memcpy(path + length, suffix, strlen(suffix) + 1);
}

static size_t read_file(int folder, const char *path, char *text, size_t size)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;

    if (fd >= 0) {
        got = read(fd, text, size - 1);
        (void)close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* State and parent, the 3rd and 4th field; the 2nd is a name in brackets that may hold anything. */
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_parent)
{
    char path[PATH_SIZE];
    char text[512];
    const char *field;
    pid_t parent = 0;

    format_path(path, pid, "/stat");
    (void)read_file(AT_FDCWD, path, text, sizeof(text));
    field = strrchr(text, ')');
    if (!field || strlen(field) < 5) {
        return false;
    }
    *ret_state = field[2];
    for (field += 4; *field >= '0' && *field <= '9'; field++) {
        parent = parent * DECIMAL + (*field - '0');
    }
    *ret_parent = parent;
    return true;
}

static bool is_alive(pid_t pid)
{
    char state;
    pid_t parent;

    return read_stat(pid, &state, &parent) && state != 'Z' && state != 'X';
}

/* A group is reached at once, also what it forks meanwhile. Only groups of the keeper's own session
 * are certainly ours alone. */
static void signal_group(pid_t pid, int signal_number)
{
    pid_t self = getpid();
    pid_t group = getpgid(pid);

    if (group > 1 && group != self && getsid(pid) == self) {
        (void)kill(-group, signal_number);
    }
}

static void signal_process(pid_t pid, int signal_number)
{
    if (signal_number == SIGSTOP || signal_number == SIGKILL) {
        signal_group(pid, signal_number);
    }
    (void)kill(pid, signal_number);
    if (signal_number == SIGTERM) {
        (void)kill(pid, SIGCONT); /* a stopped process could not obey */
    }
}

/* The signal goes out at once, before the pid can come to name somebody else. */
static size_t meet(struct keeper_tree *tree, pid_t pid, int signal_number)
{
    if (pid <= 0 || pid >= PIDS_MAX || tree->count == PIDS_MAX) {
        return 0;
    }
    tree->pids[tree->count++] = pid;
    if (has_bit(tree->known, pid)) {
        return 0;
    }
    set_bit(tree->known, pid);
    if (signal_number > 0) {
        signal_process(pid, signal_number);
    }
    return 1;
}

/* Reads "12 345 6 " and meets each. */
static size_t meet_listed(struct keeper_tree *tree, int fd, int signal_number)
{
    char text[READ_SIZE];
    size_t fresh = 0;
    pid_t pid = 0;
    ssize_t got;

    while ((got = read(fd, text, sizeof(text))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * DECIMAL + (text[i] - '0');
            } else {
                fresh += pid > 0 ? meet(tree, pid, signal_number) : 0;
                pid = 0;
            }
        }
    }
    return fresh;
}

static size_t meet_children_of_thread(struct keeper_tree *tree, int tasks, const char *thread,
                                      int signal_number)
{
    char path[PATH_SIZE];
    size_t length = strlen(thread);
    size_t fresh;
    int fd;

    if (length + sizeof("/children") > sizeof(path)) {
        return 0;
    }
    memcpy(path, thread, length);
    memcpy(path + length, "/children", sizeof("/children"));
    fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    fresh = meet_listed(tree, fd, signal_number);
    (void)close(fd);
    return fresh;
}

static size_t meet_children(struct keeper_tree *tree, pid_t pid, int signal_number)
{
    char path[PATH_SIZE];
    _Alignas(struct dirent64) char entries[READ_SIZE];
    size_t fresh = 0;
    ssize_t got;
    int tasks;

    format_path(path, pid, "/task");
    tasks = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tasks < 0) {
        return 0;
    }
    while ((got = getdents64(tasks, (void *)entries, sizeof(entries))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(entries + at);

            if (entry->d_name[0] != '.') {
                fresh += meet_children_of_thread(tree, tasks, entry->d_name, signal_number);
            }
            at += entry->d_reclen;
        }
    }
    (void)close(tasks);
    return fresh;
}

/* One pass over all processes: meets those whose parent is in `members`. */
static size_t meet_by_parents(struct keeper_tree *tree, unsigned char *members, int signal_number,
                              bool *ret_grown)
{
    _Alignas(struct dirent64) char entries[READ_SIZE];
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t fresh = 0;
    ssize_t got;

    *ret_grown = false;
    while (proc >= 0 && (got = getdents64(proc, (void *)entries, sizeof(entries))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(entries + at);
            pid_t pid = 0;
            pid_t parent;
            char state;

            for (const char *digit = entry->d_name; *digit >= '0' && *digit <= '9'; digit++) {
                pid = pid * DECIMAL + (*digit - '0');
            }
            at += entry->d_reclen;
            if (pid > 0 && pid < PIDS_MAX && !has_bit(members, pid) &&
                read_stat(pid, &state, &parent) && parent > 0 && parent < PIDS_MAX &&
                has_bit(members, parent)) {
                set_bit(members, pid);
                *ret_grown = true;
                fresh += meet(tree, pid, signal_number);
            }
        }
    }
    if (proc >= 0) {
        (void)close(proc);
    }
    return fresh;
}

static size_t walk_by_parents(struct keeper_tree *tree, int signal_number)
{
    unsigned char *members = map_pages(KNOWN_SIZE);
    size_t fresh = 0;
    bool grown = true;

    if (members == MAP_FAILED) {
        return 0;
    }
    set_bit(members, getpid());
    while (grown) {
        fresh += meet_by_parents(tree, members, signal_number, &grown);
    }
    (void)munmap(members, KNOWN_SIZE);
    return fresh;
}

size_t keeper_tree_walk(struct keeper_tree *tree, int signal_number)
{
    size_t fresh;

    tree->count = 0;
    if (tree->by_parents) {
        return walk_by_parents(tree, signal_number);
    }
    fresh = meet_children(tree, getpid(), signal_number);
    for (size_t i = 0; i < tree->count; i++) {
        fresh += meet_children(tree, tree->pids[i], signal_number);
    }
    return fresh;
}

static size_t count_alive(const struct keeper_tree *tree)
{
    size_t alive = 0;

    for (size_t i = 0; i < tree->count; i++) {
        alive += is_alive(tree->pids[i]) ? 1 : 0;
    }
    return alive;
}

size_t keeper_tree_kill(void)
{
    struct keeper_tree tree;
    size_t alive;

    if (keeper_tree_open(&tree) < 0) {
        return 0;
    }
    for (int round = 0; round < STOP_ROUNDS_MAX && keeper_tree_walk(&tree, SIGSTOP) > 0; round++) {
    }
    (void)keeper_tree_walk(&tree, 0);
    alive = count_alive(&tree);
    for (size_t i = 0; i < tree.count; i++) {
        signal_process(tree.pids[i], SIGKILL);
    }
    keeper_tree_close(&tree);
    return alive;
}

size_t keeper_tree_terminate(void)
{
    struct keeper_tree tree;
    size_t alive;

    if (keeper_tree_open(&tree) < 0) {
        return 0;
    }
    (void)keeper_tree_walk(&tree, 0);
    alive = count_alive(&tree);
    for (size_t i = 0; i < tree.count; i++) {
        signal_process(tree.pids[i], SIGTERM);
    }
    keeper_tree_close(&tree);
    return alive;
}
