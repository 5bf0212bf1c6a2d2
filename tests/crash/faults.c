/* SPDX-License-Identifier: MIT */
/* A preload library: counts the calls that change files and, at one of them, ends the process or
 * lets the call fail. For the orchestrator with its SQLite; the keeper is static, so it is never
 * touched.
 *
 *   FAULTS="how=before,at=12,count=FILE"
 *
 * how     before, after: SIGKILL around the call. torn: half of a write is done, then SIGKILL; only
 *         writes are counted then. eio, enospc: the call fails and nothing is done; for enospc only
 *         the calls that take space are counted.
 * at      the number of the call, from 1; 0: none, only count.
 * until   every later call fails too, as long as this file does not exist.
 * count   the number of calls is written there when the process ends by itself.
 * told    a line "faults: NUMBER CALL PATH" is appended there before it happens.
 *
 * Counted are calls on regular files and folders, standard output and error excepted. Only the
 * first process has faults: the variable and LD_PRELOAD are taken out of the environment. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum how { HOW_NOTHING, HOW_BEFORE, HOW_AFTER, HOW_TORN, HOW_EIO, HOW_ENOSPC };
/* What a call is to those who count. */
enum kind { KIND_WRITE, KIND_TAKES_SPACE, KIND_OTHER };

static struct {
    enum how how;
    long at;
    bool is_sticky;
    char until[PATH_MAX];
    char count[PATH_MAX];
    int told;
    _Atomic long calls;
} faults = {.told = -1};

/* ---- without passing through the functions below ---- */

static int raw_create(const char *path)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                        0600);
}

static void raw_write(int fd, const char *text)
{
    (void)syscall(SYS_write, fd, text, strlen(text));
}

static _Noreturn void die(void)
{
    (void)syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

/* ---- what is to happen ---- */

static enum how parse_how(const char *word)
{
    static const char *const words[] = {"nothing", "before", "after", "torn", "eio", "enospc"};

    for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum how)i;
        }
    }
    fprintf(stderr, "faults: how=%s is unknown\n", word);
    _exit(99);
}

static void parse_option(char *option)
{
    char *value = strchr(option, '=');

    if (!value) {
        return;
    }
    *value++ = '\0';
    if (strcmp(option, "how") == 0) {
        faults.how = parse_how(value);
    } else if (strcmp(option, "at") == 0) {
        faults.at = strtol(value, NULL, 10);
    } else if (strcmp(option, "until") == 0) {
        faults.is_sticky = true;
        (void)snprintf(faults.until, sizeof(faults.until), "%s", value);
    } else if (strcmp(option, "count") == 0) {
        (void)snprintf(faults.count, sizeof(faults.count), "%s", value);
    } else if (strcmp(option, "told") == 0) {
        faults.told = raw_create(value);
    }
}

__attribute__((constructor)) static void arm(void)
{
    const char *text = getenv("FAULTS");
    char *copy = text ? strdup(text) : NULL;
    char *rest = NULL;

    for (char *option = copy ? strtok_r(copy, ",", &rest) : NULL; option;
         option = strtok_r(NULL, ",", &rest)) {
        parse_option(option);
    }
    free(copy);
    (void)unsetenv("FAULTS");
    (void)unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void report(void)
{
    char line[32];
    int fd = faults.count[0] ? raw_create(faults.count) : -1;

    (void)snprintf(line, sizeof(line), "%ld\n", atomic_load(&faults.calls));
    if (fd >= 0) {
        raw_write(fd, line);
    }
}

static bool is_counted(enum kind kind)
{
    switch (faults.how) {
    case HOW_TORN:
        return kind == KIND_WRITE;
    case HOW_ENOSPC:
        return kind != KIND_OTHER;
    case HOW_NOTHING:
    case HOW_BEFORE:
    case HOW_AFTER:
    case HOW_EIO:
        break;
    }
    return true;
}

static void tell(long number, const char *call, const char *path)
{
    char line[PATH_MAX + 64];

    if (faults.told >= 0) {
        (void)snprintf(line, sizeof(line), "faults: %ld %s %s\n", number, call, path);
        raw_write(faults.told, line);
    }
}

/* What this call meets; before it is done. */
static enum how meet(enum kind kind, const char *call, const char *path)
{
    int saved = errno;
    enum how how = HOW_NOTHING;
    long number;

    if (!is_counted(kind)) {
        return how;
    }
    number = atomic_fetch_add(&faults.calls, 1) + 1;
    if (faults.at > 0 && (number == faults.at || (faults.is_sticky && number > faults.at &&
                                                  syscall(SYS_access, faults.until, F_OK) < 0))) {
        how = faults.how;
        if (number == faults.at) {
            tell(number, call, path);
        }
        if (how == HOW_BEFORE) {
            die();
        }
    }
    errno = saved;
    return how;
}

static enum how meet_fd(enum kind kind, const char *call, int fd)
{
    char link[64];
    char path[PATH_MAX] = "";
    struct stat status;

    if (fd <= STDERR_FILENO || fstat(fd, &status) < 0 ||
        !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
        return HOW_NOTHING;
    }
    if (faults.told >= 0) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        (void)!readlink(link, path, sizeof(path) - 1);
    }
    return meet(kind, call, path);
}

static bool fails(enum how how)
{
    if (how == HOW_EIO || how == HOW_ENOSPC) {
        errno = how == HOW_EIO ? EIO : ENOSPC;
        return true;
    }
    return false;
}

static long done(enum how how, long result)
{
    if (how == HOW_AFTER) {
        die();
    }
    return result;
}

/* ---- the calls ---- */

/* An object pointer does not convert to a function pointer in C; POSIX says that it holds one. */
static void find_next(void *ret_function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(ret_function, &found, sizeof(found));
}

/* One function: what it is called, what it takes, what it gives, what it is to those who count. */
#define CALL(result, name, parameters, types, arguments, meeting)                                  \
    result name parameters                                                                         \
    {                                                                                              \
        static result(*next) types;                                                                \
        enum how how = meeting;                                                                    \
                                                                                                   \
        if (!next) {                                                                               \
            find_next(&next, #name);                                                               \
        }                                                                                          \
        if (fails(how)) {                                                                          \
            return -1;                                                                             \
        }                                                                                          \
        return (result)done(how, (long)next arguments);                                            \
    }
/* The same for a write, whose `length` may be halved. */
#define WRITE(name, parameters, types, arguments)                                                  \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        static ssize_t(*next) types;                                                               \
        enum how how = meet_fd(KIND_WRITE, #name, fd);                                             \
                                                                                                   \
        if (!next) {                                                                               \
            find_next(&next, #name);                                                               \
        }                                                                                          \
        if (fails(how)) {                                                                          \
            return -1;                                                                             \
        }                                                                                          \
        if (how == HOW_TORN) {                                                                     \
            length /= 2;                                                                           \
            (void)!next arguments;                                                                 \
            die();                                                                                 \
        }                                                                                          \
        return done(how, next arguments);                                                          \
    }

WRITE(write, (int fd, const void *data, size_t length), (int, const void *, size_t),
      (fd, data, length))
WRITE(pwrite, (int fd, const void *data, size_t length, off_t at),
      (int, const void *, size_t, off_t), (fd, data, length, at))
WRITE(pwrite64, (int fd, const void *data, size_t length, off_t at),
      (int, const void *, size_t, off_t), (fd, data, length, at))
WRITE(writev, (int fd, const struct iovec *data, int length), (int, const struct iovec *, int),
      (fd, data, length))

CALL(int, fsync, (int fd), (int), (fd), meet_fd(KIND_OTHER, "fsync", fd))
CALL(int, fdatasync, (int fd), (int), (fd), meet_fd(KIND_OTHER, "fdatasync", fd))
CALL(int, ftruncate, (int fd, off_t length), (int, off_t), (fd, length),
     meet_fd(KIND_TAKES_SPACE, "ftruncate", fd))
CALL(int, ftruncate64, (int fd, off_t length), (int, off_t), (fd, length),
     meet_fd(KIND_TAKES_SPACE, "ftruncate64", fd))
CALL(int, fallocate, (int fd, int mode, off_t at, off_t length), (int, int, off_t, off_t),
     (fd, mode, at, length), meet_fd(KIND_TAKES_SPACE, "fallocate", fd))
CALL(int, rename, (const char *from, const char *to), (const char *, const char *), (from, to),
     meet(KIND_TAKES_SPACE, "rename", to))
CALL(int, renameat, (int old_fd, const char *from, int new_fd, const char *to),
     (int, const char *, int, const char *), (old_fd, from, new_fd, to),
     meet(KIND_TAKES_SPACE, "renameat", to))
CALL(int, renameat2, (int old_fd, const char *from, int new_fd, const char *to, unsigned how_to),
     (int, const char *, int, const char *, unsigned), (old_fd, from, new_fd, to, how_to),
     meet(KIND_TAKES_SPACE, "renameat2", to))
CALL(int, symlinkat, (const char *target, int fd, const char *path),
     (const char *, int, const char *), (target, fd, path),
     meet(KIND_TAKES_SPACE, "symlinkat", path))
CALL(int, fchmod, (int fd, mode_t mode), (int, mode_t), (fd, mode),
     meet_fd(KIND_OTHER, "fchmod", fd))
CALL(int, fchmodat, (int fd, const char *path, mode_t mode, int flags),
     (int, const char *, mode_t, int), (fd, path, mode, flags), meet(KIND_OTHER, "fchmodat", path))
CALL(int, syncfs, (int fd), (int), (fd), meet_fd(KIND_OTHER, "syncfs", fd))
CALL(int, mkdirat, (int fd, const char *path, mode_t mode), (int, const char *, mode_t),
     (fd, path, mode),
     faccessat(fd, path, F_OK, 0) < 0 ? meet(KIND_TAKES_SPACE, "mkdirat", path) : HOW_NOTHING)
CALL(int, link, (const char *from, const char *to), (const char *, const char *), (from, to),
     meet(KIND_TAKES_SPACE, "link", to))
CALL(int, unlink, (const char *path), (const char *), (path), meet(KIND_OTHER, "unlink", path))
CALL(int, unlinkat, (int fd, const char *path, int flags), (int, const char *, int),
     (fd, path, flags), meet(KIND_OTHER, "unlinkat", path))
/* Making a folder that is there changes nothing. */
CALL(int, mkdir, (const char *path, mode_t mode), (const char *, mode_t), (path, mode),
     access(path, F_OK) < 0 ? meet(KIND_TAKES_SPACE, "mkdir", path) : HOW_NOTHING)

/* Opening is one only when it makes the file. */
#define OPEN(name, at_fd, parameters, types, arguments)                                            \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*next) types;                                                                   \
        enum how how = HOW_NOTHING;                                                                \
        mode_t mode = 0;                                                                           \
        va_list list;                                                                              \
                                                                                                   \
        if (!next) {                                                                               \
            find_next(&next, #name);                                                               \
        }                                                                                          \
        if (flags & O_CREAT) {                                                                     \
            va_start(list, flags);                                                                 \
            mode = va_arg(list, mode_t);                                                           \
            va_end(list);                                                                          \
            how = faccessat(at_fd, path, F_OK, 0) < 0 ? meet(KIND_TAKES_SPACE, #name, path)        \
                                                      : HOW_NOTHING;                               \
        }                                                                                          \
        if (fails(how)) {                                                                          \
            return -1;                                                                             \
        }                                                                                          \
        return (int)done(how, next arguments);                                                     \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, ...),
     (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (const char *, int, ...),
     (path, flags, mode))
OPEN(openat, folder, (int folder, const char *path, int flags, ...), (int, const char *, int, ...),
     (folder, path, flags, mode))
