/* SPDX-License-Identifier: MIT */
/* With --git-dir and --work-tree named, git looks for nothing itself and does not ask who owns the
 * repository. Programs that a repository's configuration may name and that these commands could
 * start are switched off below; filters, external diffs and textconv do not run because no command
 * used here compares, reads or checks out files of the work tree. */
#include "results/git.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GITDIR_FILE_MAX 8192
#define LEVELS_MAX 128
#define READ_BYTES 65536
#define COMPLAINTS_BYTES_MAX (16U * 1024 * 1024)
#define STATUS_TELLS_MAX 127 /* merge-file: so many conflicts; diff: 1, there are differences */
#define TRIES_MAX 3          /* of a git that somebody kills */
#define SILENCE_MS 300000    /* git that says nothing for so long hangs */

static const char *const safe_arguments[] = {
    "--no-pager",
    "--no-replace-objects",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "core.excludesFile=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "log.showSignature=false",
};

/* All that git gets: nothing of ours can change what it does. */
static const char *const environment[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "LC_ALL=C",
    "HOME=/nonexistent",
    "GIT_CONFIG_NOSYSTEM=1",
    "GIT_ATTR_NOSYSTEM=1",
    "GIT_CONFIG_GLOBAL=/dev/null",
    "GIT_OPTIONAL_LOCKS=0",
    "GIT_NO_LAZY_FETCH=1",
    "GIT_TERMINAL_PROMPT=0",
    NULL,
};

/* --- finding the repository */

/* The target of a `.git` file, or NULL when it is none. */
static char *read_gitdir_file(const char *work_tree, const char *path)
{
    static const char prefix[] = "gitdir: ";
    char *text = NULL;
    char *found = NULL;

    if (file_read(path, GITDIR_FILE_MAX, &text, NULL, NULL) < 0) {
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0 && text[sizeof(prefix) - 1]) {
        found = path_join(work_tree, text + sizeof(prefix) - 1);
    }
    free(text);
    return found;
}

/* The git folder that belongs to exactly this folder, or NULL. */
static char *git_folder_of(const char *folder)
{
    char *path = path_join(folder, ".git");
    char *found = NULL;
    char *head;

    if (file_is_folder(path)) {
        found = mem_strdup(path);
    } else if (file_exists(path)) {
        found = read_gitdir_file(folder, path);
    }
    free(path);
    if (!found) {
        return NULL;
    }
    head = path_join(found, "HEAD");
    if (!file_exists(head)) {
        free(found);
        found = NULL;
    }
    free(head);
    return found;
}

int repository_find(const char *project, char **ret_git_folder, char **ret_work_tree,
                    struct error *err)
{
    char *folder = realpath(project, NULL);
    char *git_folder;

    if (!folder) {
        return error_set_errno(err, "cannot use the folder %s", project);
    }
    git_folder = git_folder_of(folder);
    for (int level = 0; !git_folder && folder[1] && level < LEVELS_MAX; level++) {
        char *slash = strrchr(folder, '/');

        /* A clone whose repository was removed is no part of the one that it came from, which
         * ignores it. */
        if (strcmp(slash, "/.fermata") == 0) {
            break;
        }
        slash[slash == folder ? 1 : 0] = '\0';
        git_folder = git_folder_of(folder);
    }
    if (!git_folder) {
        free(folder);
        return error_set(err, ERROR_NOT_FOUND, "%s is in no git repository", project);
    }
    *ret_git_folder = git_folder;
    *ret_work_tree = folder;
    return 0;
}

/* --- running */

struct git_call {
    char *const *argv;
    const char *subcommand;
    const char *input; /* a file; NULL: none */
    int tells_max;     /* its status says what it found, up to this */
};

struct child {
    pid_t pid;
    int output, complaints; /* reading ends; -1 when closed */
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Its own process group: an interrupt typed at the terminal is for us to act on, not for git. */
static int spawn(struct child *child, const struct git_call *call, const int *output,
                 const int *complaints)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int number;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    mem_check(posix_spawn_file_actions_addopen(
        &actions, STDIN_FILENO, call->input ? call->input : "/dev/null", O_RDONLY, 0));
    mem_check(posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO));
    mem_check(posix_spawn_file_actions_adddup2(&actions, complaints[1], STDERR_FILENO));
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    number = posix_spawnp(&child->pid, call->argv[0], &actions, &attributes, call->argv,
                          (char *const *)environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return number;
}

static int child_start(struct child *child, const struct git_call *call, struct error *err)
{
    int output[2] = {-1, -1};
    int complaints[2] = {-1, -1};
    int r = 0;
    int number;

    if (pipe2(output, O_CLOEXEC) < 0 || pipe2(complaints, O_CLOEXEC) < 0) {
        r = error_set_errno(err, "cannot make a pipe for git");
        goto out;
    }
    number = spawn(child, call, output, complaints);
    if (number != 0) {
        r = error_set(err, ERROR_UNAVAILABLE, "cannot start git: %s", strerror(number));
        error_hint(err, "install git");
        goto out;
    }
    child->output = output[0];
    child->complaints = complaints[0];
    output[0] = -1;
    complaints[0] = -1;
out:
    close_fd(&output[0]);
    close_fd(&output[1]);
    close_fd(&complaints[0]);
    close_fd(&complaints[1]);
    return r;
}

/* One read of what poll announced; closes the end at its end. */
static void drain(int *fd, short events, struct strbuf *target, char *block)
{
    ssize_t length;

    if (*fd < 0 || events == 0) {
        return;
    }
    length = read(*fd, block, READ_BYTES);
    if (length > 0) {
        strbuf_add_bytes(target, block, (size_t)length);
    } else if (length == 0 || errno != EINTR) {
        close_fd(fd);
    }
}

static int child_read(struct child *child, struct strbuf *output, struct strbuf *complaints,
                      struct error *err)
{
    char *block = mem_alloc(READ_BYTES);
    int r = 0;

    while (child->output >= 0 || child->complaints >= 0) {
        struct pollfd waits[] = {
            {.fd = child->output, .events = POLLIN},
            {.fd = child->complaints, .events = POLLIN},
        };
        int ready = poll(waits, ARRAY_LEN(waits), SILENCE_MS);

        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            r = error_set(err, ERROR_BUSY, "git said nothing for %d s", SILENCE_MS / 1000);
            break;
        }
        drain(&child->output, waits[0].revents, output, block);
        drain(&child->complaints, waits[1].revents, complaints, block);
        if (output->overflow || complaints->overflow) {
            r = error_set(err, ERROR_LIMIT, "git printed more than %zu bytes%s",
                          output->overflow ? output->length_max : complaints->length_max,
                          output->overflow ? "" : " of warnings");
            break;
        }
    }
    free(block);
    return r;
}

/* Reaps the child; kill is for one that was given up. */
static int child_end(struct child *child, bool give_up)
{
    int status = -1;

    close_fd(&child->output);
    close_fd(&child->complaints);
    if (give_up) {
        (void)kill(child->pid, SIGKILL);
    }
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static int refuse_status(int status, struct strbuf *complaints, const char *subcommand,
                         struct error *err)
{
    char *text = complaints->data;
    bool is_full;
    int r;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    is_full = strstr(text, "No space left on device") || strstr(text, "Out of diskspace") ||
              strstr(text, "Disk quota exceeded");
    text[strcspn(text, "\n")] = '\0';
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && !text[0]) {
        return error_set(err, ERROR_NOT_FOUND, "git %s found nothing", subcommand);
    }
    if (WIFSIGNALED(status)) {
        return error_set(err, ERROR_INTERNAL, "git %s was ended by signal %d", subcommand,
                         WTERMSIG(status));
    }
    r = error_set(err, ERROR_IO, "git %s ended with status %d%s%s", subcommand, WEXITSTATUS(status),
                  text[0] ? ": " : "", text);
    if (err) {
        err->is_storage_full = is_full;
    }
    return r;
}

/* *ret_is_killed: somebody else ended it, and it said nothing. */
static int run_once(const struct git_call *call, struct strbuf *output, bool *ret_is_killed,
                    struct error *err)
{
    struct child child = {.output = -1, .complaints = -1};
    struct strbuf complaints;
    int status;
    int r = child_start(&child, call, err);

    *ret_is_killed = false;
    if (r < 0) {
        return r;
    }
    strbuf_init(&complaints, COMPLAINTS_BYTES_MAX);
    r = child_read(&child, output, &complaints, err);
    status = child_end(&child, r < 0);
    if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) <= call->tells_max &&
        (WEXITSTATUS(status) > 1 || complaints.length == 0)) {
        r = WEXITSTATUS(status);
    } else if (r == 0) {
        *ret_is_killed = WIFSIGNALED(status);
        r = refuse_status(status, &complaints, call->subcommand, err);
    }
    strbuf_release(&complaints);
    return r;
}

/* What has no input only looks, or makes what is thrown away when it fails: one that was killed
 * (for want of memory, by a person) is asked once more. */
static int run_argv(const struct git_call *call, struct strbuf *output, struct error *err)
{
    bool is_killed = true;
    int r = 0;

    for (int tries = 0; is_killed && tries < (call->input ? 1 : TRIES_MAX); tries++) {
        strbuf_reset(output);
        r = run_once(call, output, &is_killed, err);
    }
    return r;
}

int repository_feed(const char *project, const char *const *arguments, const char *input,
                    size_t size_max, struct strbuf *ret_output, struct error *err)
{
    char *argv[ARRAY_LEN(safe_arguments) + REPOSITORY_ARGUMENTS_MAX + 8];
    struct strbuf output;
    char *git_folder = NULL;
    char *work_tree = NULL;
    char *options[2];
    size_t count = 0;
    int r = repository_find(project, &git_folder, &work_tree, err);

    if (r < 0) {
        return r;
    }
    options[0] = mem_printf("--git-dir=%s", git_folder);
    options[1] = mem_printf("--work-tree=%s", work_tree);
    argv[count++] = "git";
    argv[count++] = "-C";
    argv[count++] = (char *)project;
    argv[count++] = options[0];
    argv[count++] = options[1];
    for (size_t i = 0; i < ARRAY_LEN(safe_arguments); i++) {
        argv[count++] = (char *)safe_arguments[i];
    }
    for (size_t i = 0; arguments[i]; i++) {
        assert(i < REPOSITORY_ARGUMENTS_MAX);
        argv[count++] = (char *)arguments[i];
    }
    argv[count] = NULL;
    strbuf_init(&output, size_max);
    r = run_argv(&(struct git_call){.argv = argv, .subcommand = arguments[0], .input = input},
                 &output, err);
    if (r < 0) {
        strbuf_release(&output);
    } else {
        *ret_output = output;
    }
    free(options[0]);
    free(options[1]);
    free(git_folder);
    free(work_tree);
    return r;
}

int repository_run(const char *project, const char *const *arguments, size_t size_max,
                   struct strbuf *ret_output, struct error *err)
{
    return repository_feed(project, arguments, NULL, size_max, ret_output, err);
}

int git_run_outside(const char *folder, const char *const *arguments, size_t size_max,
                    struct strbuf *ret_output, struct error *err)
{
    char *argv[REPOSITORY_ARGUMENTS_MAX + 8] = {"git", "-C", (char *)folder, "--git-dir=/dev/null",
                                                "--no-pager"};
    size_t count = 5;
    struct strbuf output;
    int r;

    for (size_t i = 0; arguments[i]; i++) {
        assert(i < REPOSITORY_ARGUMENTS_MAX);
        argv[count++] = (char *)arguments[i];
    }
    strbuf_init(&output, size_max);
    r = run_argv(
        &(struct git_call){.argv = argv, .subcommand = arguments[0], .tells_max = STATUS_TELLS_MAX},
        &output, err);
    if (r < 0) {
        strbuf_release(&output);
    } else {
        *ret_output = output;
    }
    return r;
}
