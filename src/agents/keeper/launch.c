/* SPDX-License-Identifier: MIT */
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define DEFAULT_GRACE_MS 5000
#define DEFAULT_OUTPUT_BYTES_MAX (8 * 1024 * 1024)
#define CHILD_STACK_SIZE (16 * 1024)

/* Everything up to the exec happens in the keeper's own memory while the keeper is suspended, as
 * after vfork: no page is copied, and the child's error is simply read from here. */
struct launch {
    const struct keeper_spec *spec;
    const int *fds;
    pid_t keeper;
    struct keeper_start_failure failure;
};

static int parse_number(const char *text, int64_t *ret_number)
{
    int64_t number = 0;

    if (!*text) {
        return -EINVAL;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > (INT64_MAX - 9) / 10) {
            return -EINVAL;
        }
        number = number * 10 + (*text - '0');
    }
    *ret_number = number;
    return 0;
}

static const char *value_of(const char *entry, const char *key)
{
    size_t length = strlen(key);

    return strncmp(entry, key, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static int read_setting(const char *entry, struct keeper_spec *spec)
{
    const struct {
        const char *key;
        int64_t *number;
    } settings[] = {
        {"timeout_ms", &spec->timeout_ms},
        {"grace_ms", &spec->grace_ms},
        {"output_bytes_max", &spec->output_bytes_max},
        {"memory_bytes_max", &spec->memory_bytes_max},
        {"stdout_is_file", &spec->stdout_is_file},
    };
    const char *value = value_of(entry, "cwd");

    if (value) {
        spec->cwd = value;
        return 0;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        value = value_of(entry, settings[i].key);
        if (value) {
            return parse_number(value, settings[i].number);
        }
    }
    return -EINVAL;
}

static size_t count_entries(char *const *environment)
{
    size_t count = 0;

    while (environment[count]) {
        count++;
    }
    return count;
}

static int parse_spec(struct keeper_spec *spec, char *const *environment, char *text, size_t length)
{
    char **next_arg = spec->argv;
    char **next_env;
    bool ended = false;
    size_t args = 0;
    int r = 0;

    for (char *entry = text; entry < text + length; entry += strlen(entry) + 1) {
        args += value_of(entry, "arg") ? 1 : 0;
    }
    spec->env = spec->argv + args + 1;
    next_env = spec->env;
    while (*environment) {
        *next_env++ = *environment++;
    }
    for (char *entry = text; r == 0 && entry < text + length; entry += strlen(entry) + 1) {
        const char *arg = value_of(entry, "arg");
        const char *env = value_of(entry, "env");

        if (ended) {
            return -EINVAL;
        }
        if (arg) {
            *next_arg++ = entry + (arg - entry);
        } else if (env) {
            *next_env++ = entry + (env - entry);
        } else if (value_of(entry, "end")) {
            ended = true;
        } else {
            r = read_setting(entry, spec);
        }
    }
    if (r < 0 || !ended || args == 0 || !spec->cwd) {
        return -EINVAL;
    }
    spec->grace_ms = spec->grace_ms > 0 ? spec->grace_ms : DEFAULT_GRACE_MS;
    if (spec->output_bytes_max == 0) {
        spec->output_bytes_max = DEFAULT_OUTPUT_BYTES_MAX;
    }
    return 0;
}

static int read_whole(int fd, char *text, size_t length)
{
    size_t done = 0;

    while (done < length) {
        ssize_t got = read(fd, text + done, length - done);

        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        if (got == 0) {
            return -EINVAL;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return text[length - 1] == '\0' ? 0 : -EINVAL;
}

/* First the pointers of both lists, then the text. An "arg=" or "env=" has at least 5 bytes, so the
 * pointers of length / 4 strings, of the given environment and two NULLs always suffice; pages not
 * touched cost nothing. */
static int map_spec(int fd, size_t length, char *const *environment, struct keeper_spec *ret_spec)
{
    size_t pointers_size = (length / 4 + count_entries(environment) + 2) * sizeof(char *);
    struct keeper_spec spec = {.mapped_bytes = pointers_size + length};
    char *text;
    int r;

    spec.argv = mmap(NULL, spec.mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    if (spec.argv == MAP_FAILED) {
        return -errno;
    }
    text = (char *)spec.argv + pointers_size;
    r = read_whole(fd, text, length);
    if (r == 0) {
        r = parse_spec(&spec, environment, text, length);
    }
    if (r < 0) {
        keeper_spec_release(&spec);
        return r;
    }
    *ret_spec = spec;
    return 0;
}

int keeper_spec_read(int folder, char *const *environment, struct keeper_spec *ret_spec)
{
    int fd = openat(folder, "spec", O_RDONLY | O_CLOEXEC);
    struct stat status;
    int r;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) < 0) {
        r = -errno;
    } else if (!S_ISREG(status.st_mode) || status.st_size == 0) {
        r = -EINVAL;
    } else if (status.st_size > KEEPER_SPEC_BYTES_MAX) {
        r = -E2BIG;
    } else {
        r = map_spec(fd, (size_t)status.st_size, environment, ret_spec);
    }
    (void)close(fd);
    return r;
}

void keeper_spec_release(struct keeper_spec *spec)
{
    if (spec->argv) {
        (void)munmap(spec->argv, spec->mapped_bytes);
    }
    *spec = (struct keeper_spec){0};
}

static const char *find_path(char *const *env)
{
    for (; *env; env++) {
        if (strncmp(*env, "PATH=", 5) == 0) {
            return *env + 5;
        }
    }
    return DEFAULT_PATH;
}

/* Returns only when it failed: the errno. Like execvpe, but with the PATH of the new environment,
 * and only its absolute folders: the working directory is often one that an agent writes. */
static int exec_program(const struct keeper_spec *spec)
{
    const char *name = spec->argv[0];
    size_t name_length = strlen(name);
    const char *folder = find_path(spec->env);
    int result = ENOENT;

    if (strchr(name, '/')) {
        (void)execve(name, spec->argv, spec->env);
        return errno;
    }
    if (name_length == 0 || name_length > NAME_MAX) {
        return ENOENT;
    }
    for (;;) {
        char path[PATH_MAX];
        size_t length = strcspn(folder, ":");

        if (*folder == '/' && length + 1 + name_length < sizeof(path)) {
            memcpy(path, folder, length);
            path[length] = '/';
            memcpy(path + length + 1, name, name_length + 1);
            (void)execve(path, spec->argv, spec->env);
            if (errno == EACCES) {
                result = EACCES;
            } else if (errno != ENOENT && errno != ENOTDIR) {
                return errno;
            }
        }
        if (folder[length] == '\0') {
            return result;
        }
        folder += length + 1;
    }
}

static int limit_resources(const struct keeper_spec *spec)
{
    struct rlimit none = {0, 0};
    struct rlimit memory = {(rlim_t)spec->memory_bytes_max, (rlim_t)spec->memory_bytes_max};

    if (setrlimit(RLIMIT_CORE, &none) < 0) {
        return -1;
    }
    return spec->memory_bytes_max > 0 ? setrlimit(RLIMIT_AS, &memory) : 0;
}

/* The child's exit status. Returning from run_child ends it; _exit() would make a sanitizer unwind
 * a stack that it does not know. */
static int fail_child(struct launch *launch, const char *stage, int number)
{
    launch->failure = (struct keeper_start_failure){stage, number};
    return 127;
}

static int run_child(void *arg)
{
    struct launch *launch = arg;
    sigset_t none;

    /* A keeper killed before this line has left a child behind, whose parent is another now. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launch->keeper || setpgid(0, 0) < 0) {
        return fail_child(launch, "setup", errno);
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(launch->fds[i], i) < 0) {
            return fail_child(launch, "setup", errno);
        }
    }
    if (chdir(launch->spec->cwd) < 0) {
        return fail_child(launch, "cwd", errno);
    }
    if (limit_resources(launch->spec) < 0) {
        return fail_child(launch, "limits", errno);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    return fail_child(launch, "exec", exec_program(launch->spec));
}

int keeper_launch(const struct keeper_spec *spec, const int fds[3], pid_t *ret_pid,
                  struct keeper_start_failure *ret_failure)
{
    struct launch launch = {.spec = spec, .fds = fds, .keeper = getpid()};
    _Alignas(16) char stack[CHILD_STACK_SIZE];
    pid_t pid;
    int r = 0;

    pid = clone(run_child, stack + CHILD_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &launch);
    if (pid < 0) {
        launch.failure = (struct keeper_start_failure){"setup", errno};
    }
    if (launch.failure.stage) {
        *ret_failure = launch.failure;
        r = launch.failure.number > 0 ? -launch.failure.number : -EIO;
        if (pid > 0) {
            (void)waitpid(pid, NULL, 0);
        }
    } else {
        *ret_pid = pid;
    }
    return r;
}
