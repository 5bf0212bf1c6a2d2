/* SPDX-License-Identifier: MIT */
/* The start of an attempt: its folder, its spec, its keeper. */
#include "agents/attempt.h"

#include "agents/keeper/keeper.h"
#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER_FOLDER "../libexec/fermata"
#define TMP_FOLDER "tmp"
#define CHILD_STACK_SIZE 16384
#define LARGE_VALUE_HINT "give large values by standard input or in a file"

static int check_spec(const struct attempt_spec *spec, struct error *err)
{
    if (!spec->argv[0] || !*spec->argv[0]) {
        return error_set(err, ERROR_INVALID, "the command is empty");
    }
    if (spec->folder[0] != '/' || spec->cwd[0] != '/') {
        return error_set(err, ERROR_INVALID, "%s is not an absolute path",
                         spec->folder[0] != '/' ? spec->folder : spec->cwd);
    }
    if (spec->timeout_ms < 0 || spec->grace_ms < 0 || spec->output_bytes_max < 0 ||
        spec->memory_bytes_max < 0) {
        return error_set(err, ERROR_INVALID, "a limit of the command is negative");
    }
    return 0;
}

static void add_entry(struct strbuf *text, const char *key, const char *value)
{
    strbuf_add(text, key);
    strbuf_add_char(text, '=');
    strbuf_add(text, value);
    strbuf_add_char(text, '\0');
}

static void add_setting(struct strbuf *text, const char *key, int64_t number)
{
    strbuf_addf(text, "%s=%lld", key, (long long)number);
    strbuf_add_char(text, '\0');
}

/* What the attempt's own environment has in place of what it was given: a Fermata that runs inside
 * a step gives its own steps their own. */
static bool is_replaced(const struct attempt_spec *spec, const char *entry)
{
    static const char folder[] = ATTEMPT_FOLDER_VARIABLE "=";
    static const char tmp[] = "TMPDIR=";

    return strncmp(entry, folder, sizeof(folder) - 1) == 0 ||
           (spec->has_own_tmp && strncmp(entry, tmp, sizeof(tmp) - 1) == 0);
}

/* Of the environment only what names the attempt: the rest, which may hold keys, comes to the
 * program by way of the keeper's own and is in no file. */
static void format_spec(struct strbuf *text, const struct attempt_spec *spec)
{
    add_entry(text, "cwd", spec->cwd);
    add_setting(text, "timeout_ms", spec->timeout_ms);
    add_setting(text, "grace_ms", spec->grace_ms);
    add_setting(text, "output_bytes_max", spec->output_bytes_max);
    add_setting(text, "memory_bytes_max", spec->memory_bytes_max);
    add_setting(text, "stdout_is_file", spec->stdout_is_file ? 1 : 0);
    for (const char *const *arg = spec->argv; *arg; arg++) {
        add_entry(text, "arg", *arg);
    }
    if (spec->has_own_tmp) {
        strbuf_addf(text, "env=TMPDIR=%s/" TMP_FOLDER, spec->folder);
        strbuf_add_char(text, '\0');
    }
    strbuf_addf(text, "env=" ATTEMPT_FOLDER_VARIABLE "=%s", spec->folder);
    strbuf_add_char(text, '\0');
    add_entry(text, "end", "");
}

/* Neither synced nor renamed: nobody reads it before the keeper is started, a torn spec lacks its
 * end, and an attempt that a power failure took is lost anyway. */
static int write_plain(int folder, const char *name, const char *data, size_t length,
                       struct error *err)
{
    int fd = openat(folder, name,
                    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    int r = 0;

    if (fd < 0) {
        return error_set_errno(err, "cannot create %s of an attempt", name);
    }
    while (r == 0 && length > 0) {
        ssize_t written = write(fd, data, length);

        if (written < 0 && errno != EINTR) {
            r = error_set_errno(err, "cannot write %s of an attempt", name);
        }
        data += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    (void)close(fd);
    return r;
}

static int open_folder(const char *path, int *ret_folder, bool *ret_is_new, struct error *err)
{
    int folder;
    bool is_new = mkdir(path, 0700) == 0;

    if (!is_new && errno != EEXIST) {
        int r = file_make_folders(path, err);

        if (r < 0) {
            return r;
        }
    }
    *ret_is_new = is_new;
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return error_set_errno(err, "cannot open folder %s", path);
    }
    *ret_folder = folder;
    return 0;
}

int attempt_clear(const char *folder, struct error *err)
{
    char *path = path_join(folder, TMP_FOLDER);
    int r = file_remove_tree(path, err);

    free(path);
    return r;
}

int attempt_prepare(const struct attempt_spec *spec, struct error *err)
{
    struct strbuf text;
    int folder = -1;
    bool is_new = false;
    int r = check_spec(spec, err);

    if (r < 0) {
        return r;
    }
    strbuf_init(&text, KEEPER_SPEC_BYTES_MAX);
    format_spec(&text, spec);
    if (text.overflow) {
        r = error_set(err, ERROR_LIMIT, "the arguments of %s have more than %d bytes",
                      spec->argv[0], KEEPER_SPEC_BYTES_MAX);
        error_hint(err, LARGE_VALUE_HINT);
        goto out;
    }
    r = open_folder(spec->folder, &folder, &is_new, err);
    if (r < 0) {
        goto out;
    }
    if (!is_new && faccessat(folder, "claim", F_OK, 0) == 0) {
        r = error_set(err, ERROR_CONFLICT, "the attempt in %s was started before", spec->folder);
        goto out;
    }
    if (spec->has_own_tmp && mkdirat(folder, TMP_FOLDER, 0700) < 0 && errno != EEXIST) {
        r = error_set_errno(err, "cannot create %s/%s", spec->folder, TMP_FOLDER);
        goto out;
    }
    if (spec->input) {
        r = write_plain(folder, "stdin", spec->input, spec->input_length, err);
    } else if (!is_new && unlinkat(folder, "stdin", 0) < 0 && errno != ENOENT) {
        r = error_set_errno(err, "cannot remove %s/stdin", spec->folder);
    }
    for (size_t i = 0; r == 0 && i < spec->file_count; i++) {
        const struct attempt_file *file = &spec->files[i];

        r = write_plain(folder, file->name, file->data, file->length, err);
    }
    if (r == 0) {
        r = write_plain(folder, "spec", text.data, text.length, err);
    }
out:
    if (folder >= 0) {
        (void)close(folder);
    }
    strbuf_release(&text);
    return r;
}

struct keeper_start {
    const char *path;
    char *const *argv;
    char *const *env;
    int held;   /* as in the spec */
    int number; /* errno of the execve; 0: it became the keeper */
};

/* ThreadSanitizer takes clone() for a fork, and resets in the child what is its parent's here. */
#ifdef __SANITIZE_THREAD__
int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...); /* NOLINT: glibc's name */
#define clone __clone
#define NO_SANITIZER __attribute__((no_sanitize("thread")))
#else
#define NO_SANITIZER
#endif

/* Shares our memory, and its thread of ours waits. Returning ends it; _exit() would make a
 * sanitizer unwind a stack that it does not know, and gcov takes execve() for the end of what it
 * counts. */
NO_SANITIZER static int become_keeper(void *arg)
{
    struct keeper_start *start = arg;

    if (start->held > 0 && start->held != KEEPER_HELD_FD) {
        (void)syscall(SYS_dup3, start->held, KEEPER_HELD_FD, 0);
    } else if (start->held > 0) {
        (void)syscall(SYS_fcntl, start->held, F_SETFD, 0);
    }
    (void)syscall(SYS_execve, start->path, start->argv, start->env);
    start->number = errno;
    return 127;
}

/* Not posix_spawn, which resets each signal's action one by one: the keeper does all that itself.
 * It begins with every signal blocked, so that none finds our handlers in the child, and a stop
 * that is sent at once waits until it is read. */
static int spawn_keeper(const char *keeper_path, const struct attempt_spec *spec, char *const *env,
                        pid_t *ret_keeper)
{
    char held[] = KEEPER_HELD;
    char *const argv[] = {(char[]){ATTEMPT_KEEPER_NAME}, (char *)(uintptr_t)spec->folder,
                          spec->held > 0 ? held : NULL, NULL};
    struct keeper_start start = {.path = keeper_path, .argv = argv, .env = env, .held = spec->held};
    _Alignas(16) char stack[CHILD_STACK_SIZE];
    sigset_t all;
    sigset_t before;
    pid_t keeper;
    int number = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    keeper = clone(become_keeper, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
    if (keeper < 0) {
        number = errno;
    } else if (start.number != 0) {
        number = start.number;
        (void)waitpid(keeper, NULL, 0);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    *ret_keeper = keeper;
    return number;
}

/* The list alone is new; it borrows the strings. */
static char **list_environment(const struct attempt_spec *spec)
{
    size_t count = 0;
    char **list;

    while (spec->env[count]) {
        count++;
    }
    list = mem_zero(count + 1, sizeof(*list));
    count = 0;
    for (const char *const *entry = spec->env; *entry; entry++) {
        if (!is_replaced(spec, *entry)) {
            list[count++] = (char *)(uintptr_t)*entry;
        }
    }
    return list;
}

int attempt_spawn(const char *keeper_path, const struct attempt_spec *spec, pid_t *ret_keeper,
                  struct error *err)
{
    char **env = list_environment(spec);
    pid_t keeper;
    int number;
    int r;

    /* What a keeper leaves behind when it is killed becomes ours, so that it can be found. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    number = spawn_keeper(keeper_path, spec, env, &keeper);
    free(env);
    if (number == 0) {
        *ret_keeper = keeper;
        return 0;
    }
    errno = number;
    if (number == EAGAIN || number == ENOMEM) {
        return error_set_errno(err, "cannot start the keeper %s", keeper_path);
    }
    if (number == E2BIG) {
        r = error_set(err, ERROR_LIMIT, "the environment of %s is too large for a program",
                      spec->argv[0]);
        error_hint(err, LARGE_VALUE_HINT);
        return r;
    }
    r = error_set(err, ERROR_UNAVAILABLE, "cannot start the keeper %s: %s", keeper_path,
                  strerror(number));
    error_hint(err, "install Fermata again, or name the program in FERMATA_KEEP");
    return r;
}

static bool is_program(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static char *find_own_folder(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    char *slash;

    if (length <= 0 || (size_t)length == sizeof(path)) {
        return NULL;
    }
    path[length] = '\0';
    slash = strrchr(path, '/');
    return slash ? mem_strndup(path, (size_t)(slash - path)) : NULL;
}

int attempt_find_keeper(const char *override, char **ret_path, struct error *err)
{
    static const char *const places[] = {ATTEMPT_KEEPER_NAME,
                                         KEEPER_FOLDER "/" ATTEMPT_KEEPER_NAME};
    char *own_folder;
    char *found = NULL;
    int r;

    if (override && *override) {
        if (!is_program(override)) {
            r = error_set(err, ERROR_UNAVAILABLE, "FERMATA_KEEP: %s is not a program", override);
            error_hint(err, "let it name fermata-keep, or unset it");
            return r;
        }
        *ret_path = mem_strdup(override);
        return 0;
    }
    own_folder = find_own_folder();
    for (size_t i = 0; own_folder && !found && i < ARRAY_LEN(places); i++) {
        found = mem_printf("%s/%s", own_folder, places[i]);
        if (!is_program(found)) {
            free(found);
            found = NULL;
        }
    }
    if (found) {
        *ret_path = found;
        free(own_folder);
        return 0;
    }
    r = error_set(err, ERROR_UNAVAILABLE, "there is no " ATTEMPT_KEEPER_NAME " in %s or in its %s",
                  own_folder ? own_folder : "(unknown folder)", KEEPER_FOLDER);
    error_hint(err, "install Fermata again, or name the program in FERMATA_KEEP");
    free(own_folder);
    return r;
}
