/* SPDX-License-Identifier: MIT */
#include "functions/project_copy.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/vec.h"
#include "functions/check_project.h"
#include "functions/git.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PREFIX "fermata-prove-"
#define COPY_TIMEOUT_MS (INT64_C(15) * 60 * 1000)
#define GIT_TIMEOUT_MS (INT64_C(60) * 1000)
#define TRIES_MAX 5
#define OUTPUT_BYTES_MAX (64U * 1024)

static const char *temporary_folder(void)
{
    const char *entry = program_inherited("TMPDIR=");
    const char *folder = entry != NULL ? entry + strlen("TMPDIR=") : "";

    return *folder == '/' ? folder : "/tmp";
}

/* ---- what others left ------------------------------------------------------------------------ */

static int open_locked(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static void remove_left(const char *base)
{
    DIR *stream = opendir(base);
    const struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        char *folder = path_join(base, entry->d_name);
        int lock = strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 ? open_locked(folder) : -1;

        if (lock >= 0) {
            (void)file_remove_tree(folder, NULL);
            (void)close(lock);
        }
        free(folder);
    }
    if (stream != NULL) {
        (void)closedir(stream);
    }
}

/* ---- copying --------------------------------------------------------------------------------- */

static int run(const char *folder, const char *const *argv, struct error *err)
{
    struct program_request request = {
        .argv = argv,
        .folder = folder,
        .merges_errors = true,
        .output_bytes_max = OUTPUT_BYTES_MAX,
        .timeout_ms = COPY_TIMEOUT_MS,
    };
    struct program_result result;
    int r = program_run(&request, &result, err);

    if (r == 0 && (result.exit_status != 0 || result.timed_out)) {
        r = error_set(err, ERROR_IO, "%s: %.300s", argv[0],
                      result.timed_out ? "it took too long" : result.output.data);
    }
    program_result_release(&result);
    return r;
}

static int copy_files(const char *project, const char *target, struct error *err)
{
    VEC(char *) words = {0};
    DIR *stream = opendir(project);
    const struct dirent *entry;
    int r = 0;

    if (stream == NULL) {
        return error_set(err, ERROR_IO, "%s: %s", project, strerror(errno));
    }
    *VEC_PUSH(&words) = mem_strdup("cp");
    *VEC_PUSH(&words) = mem_strdup("-a");
    *VEC_PUSH(&words) = mem_strdup("--reflink=auto");
    *VEC_PUSH(&words) = mem_printf("--target-directory=%s", target);
    while ((entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, ".git") != 0 &&
            strcmp(name, ".fermata") != 0) {
            *VEC_PUSH(&words) = mem_printf("./%s", name);
        }
    }
    (void)closedir(stream);
    *VEC_PUSH(&words) = NULL;
    if (words.count > 5) {
        r = run(project, (const char *const *)words.items, err);
    }
    for (size_t i = 0; i < words.count; i++) {
        free(words.items[i]);
    }
    VEC_RELEASE(&words);
    return r;
}

/* ---- git ------------------------------------------------------------------------------------- */

/* The answer of one line; NULL: git has none. */
static char *ask_git(const char *project, const char *const *arguments)
{
    struct program_result result;
    char *answer = NULL;
    int r = git_run(&(struct git_request){.project = project,
                                          .arguments = arguments,
                                          .output_bytes_max = OUTPUT_BYTES_MAX,
                                          .timeout_ms = GIT_TIMEOUT_MS},
                    &result, NULL);

    if (r == 0 && result.exit_status == 0) {
        answer = mem_strndup(result.output.data, strcspn(result.output.data, "\n"));
    }
    program_result_release(&result);
    return answer;
}

/* The project's objects are borrowed; its references, configuration and hooks are not known. */
static int make_repository(const char *project, const char *folder, struct error *err)
{
    const char *const init[] = {"git", "init", "-q", "--template=", ".", NULL};
    char *commit = ask_git(project,
                           (const char *const[]){"rev-parse", "--verify", "-q", "HEAD", NULL});
    char *objects = ask_git(project, (const char *const[]){"rev-parse", "--path-format=absolute",
                                                           "--git-path", "objects", NULL});
    int r = run(folder, init, err);

    if (r == 0 && commit != NULL && objects != NULL) {
        char *borrowed = path_join(folder, ".git/objects/info/alternates");
        char *line = mem_printf("%s\n", objects);
        char *info = path_folder(borrowed);

        r = file_make_folders(info, err);
        if (r == 0) {
            r = file_write(borrowed, line, strlen(line), FILE_NO_SYNC, err);
        }
        if (r == 0) {
            free(ask_git(folder, (const char *const[]){"update-ref", "HEAD", commit, NULL}));
            free(ask_git(folder, (const char *const[]){"reset", "-q", "--mixed", NULL}));
        }
        free(info);
        free(line);
        free(borrowed);
    }
    free(commit);
    free(objects);
    return r;
}

/* ---- build folders --------------------------------------------------------------------------- */

static int configure_again(const char *folder, struct error *err)
{
    static const struct {
        const char *file;
        const char *definition;
        const char *const argv[5]; /* and the build folder */
    } systems[] = {
        {"CMakeCache.txt", "CMakeLists.txt", {"cmake", "-S", ".", "-B"}},
        {"meson-private", "meson.build", {"meson", "setup"}},
    };
    struct check_project *project = check_project_open(folder);
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(systems); i++) {
        const char *build = check_project_build_folder(project, systems[i].file);
        const char *argv[7] = {NULL};
        char *path;
        size_t count = 0;

        if (build == NULL || !check_project_has(project, systems[i].definition)) {
            continue;
        }
        path = path_join(folder, build);
        r = file_remove_tree(path, err);
        while (systems[i].argv[count] != NULL) {
            argv[count] = systems[i].argv[count];
            count++;
        }
        argv[count] = build;
        if (r == 0) {
            r = run(folder, argv, err);
        }
        free(path);
    }
    check_project_free(project);
    return r;
}

int project_copy_make(const char *project, struct project_copy *ret_copy, struct error *err)
{
    const char *base = temporary_folder();
    int r = 0;

    *ret_copy = (struct project_copy){.lock = -1};
    remove_left(base);
    /* One that is not locked yet may be taken for a left one. */
    for (int i = 0; i < TRIES_MAX && ret_copy->lock < 0; i++) {
        free(ret_copy->folder);
        ret_copy->folder = mem_printf("%s/" PREFIX "XXXXXX", base);
        if (mkdtemp(ret_copy->folder) != NULL) {
            ret_copy->lock = open_locked(ret_copy->folder);
        }
    }
    if (ret_copy->lock < 0) {
        r = error_set(err, ERROR_IO, "no folder for a copy can be made in %s: %s", base,
                      strerror(errno));
        free(ret_copy->folder);
        ret_copy->folder = NULL;
        return r;
    }
    r = copy_files(project, ret_copy->folder, err);
    if (r == 0 && git_is_repository(project)) {
        r = make_repository(project, ret_copy->folder, err);
    }
    if (r == 0) {
        r = configure_again(ret_copy->folder, err);
    }
    return r;
}

void project_copy_remove(struct project_copy *copy)
{
    if (copy->folder != NULL) {
        (void)file_remove_tree(copy->folder, NULL);
    }
    if (copy->lock >= 0) {
        (void)close(copy->lock);
    }
    free(copy->folder);
    *copy = (struct project_copy){.lock = -1};
}
