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
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEPER_FOLDER "../libexec/fermata"
#define TMP_FOLDER "tmp"

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

static void format_spec(struct strbuf *text, const struct attempt_spec *spec)
{
    static const char variable[] = ATTEMPT_FOLDER_VARIABLE "=";

    add_entry(text, "cwd", spec->cwd);
    add_setting(text, "timeout_ms", spec->timeout_ms);
    add_setting(text, "grace_ms", spec->grace_ms);
    add_setting(text, "output_bytes_max", spec->output_bytes_max);
    add_setting(text, "memory_bytes_max", spec->memory_bytes_max);
    add_setting(text, "stdout_is_file", spec->stdout_is_file ? 1 : 0);
    for (const char *const *arg = spec->argv; *arg; arg++) {
        add_entry(text, "arg", *arg);
    }
    for (const char *const *env = spec->env; *env; env++) {
        /* A Fermata that runs inside a step gives its own steps their own. */
        bool is_ours = strncmp(*env, variable, sizeof(variable) - 1) == 0 ||
                       (spec->has_own_tmp && strncmp(*env, "TMPDIR=", strlen("TMPDIR=")) == 0);

        if (!is_ours) {
            add_entry(text, "env", *env);
        }
    }
    if (spec->has_own_tmp) {
        strbuf_addf(text, "env=TMPDIR=%s/" TMP_FOLDER, spec->folder);
        strbuf_add_char(text, '\0');
    }
    strbuf_addf(text, "env=%s%s", variable, spec->folder);
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

static int open_folder(const char *path, int *ret_folder, struct error *err)
{
    int folder;

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        int r = file_make_folders(path, err);

        if (r < 0) {
            return r;
        }
    }
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
    int r = check_spec(spec, err);

    if (r < 0) {
        return r;
    }
    strbuf_init(&text, KEEPER_SPEC_BYTES_MAX);
    format_spec(&text, spec);
    if (text.overflow) {
        r = error_set(err, ERROR_LIMIT,
                      "the arguments and the environment of %s have more than %d bytes",
                      spec->argv[0], KEEPER_SPEC_BYTES_MAX);
        error_hint(err, "give large values by standard input or in a file");
        goto out;
    }
    r = open_folder(spec->folder, &folder, err);
    if (r < 0) {
        goto out;
    }
    if (faccessat(folder, "claim", F_OK, 0) == 0) {
        r = error_set(err, ERROR_CONFLICT, "the attempt in %s was started before", spec->folder);
        goto out;
    }
    if (spec->has_own_tmp && mkdirat(folder, TMP_FOLDER, 0700) < 0 && errno != EEXIST) {
        r = error_set_errno(err, "cannot create %s/%s", spec->folder, TMP_FOLDER);
        goto out;
    }
    if (spec->input) {
        r = write_plain(folder, "stdin", spec->input, spec->input_length, err);
    } else if (unlinkat(folder, "stdin", 0) < 0 && errno != ENOENT) {
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

/* The keeper begins with every signal blocked, so that a stop sent at once waits until it is read.
 */
static int spawn_keeper(const char *keeper_path, const char *folder, pid_t *ret_keeper)
{
    char *const argv[] = {(char[]){ATTEMPT_KEEPER_NAME}, (char *)(uintptr_t)folder, NULL};
    char *const env[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    int r;

    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    for (int fd = 1; r == 0 && fd < 3; fd++) {
        r = posix_spawn_file_actions_adddup2(&actions, 0, fd);
    }
    if (r == 0) {
        r = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    }
    (void)posix_spawnattr_setsigmask(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    if (r == 0) {
        r = posix_spawn(ret_keeper, keeper_path, &actions, &attributes, argv, env);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

int attempt_spawn(const char *keeper_path, const char *folder, pid_t *ret_keeper, struct error *err)
{
    pid_t keeper;
    int number;
    int r;

    /* What a keeper leaves behind when it is killed becomes ours, so that it can be found. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    number = spawn_keeper(keeper_path, folder, &keeper);
    if (number == 0) {
        *ret_keeper = keeper;
        return 0;
    }
    errno = number;
    if (number == EAGAIN || number == ENOMEM) {
        return error_set_errno(err, "cannot start the keeper %s", keeper_path);
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
