/* SPDX-License-Identifier: MIT */
/* What came with a project may name programs, so it runs nothing before the user has trusted the
 * project (docs/decisions/0013): a file in the user's own folder, by the digest of the project's
 * path, says which folder .fermata was meant. One that was made here needs no word. */
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "ops/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_BYTES_MAX 8192

/* NULL: there is no folder of the user's. free() it. */
static char *record_path(const struct ops *ops, const char *project)
{
    char digest[DIGEST_HEX_SIZE];

    if (!ops->settings->config_folder) {
        return NULL;
    }
    digest_bytes(project, strlen(project), digest);
    return mem_printf("%s/trusted/%s", ops->settings->config_folder, digest);
}

/* Another project at the same place is another one. NULL: the folder cannot be looked at. */
static char *record_text(const char *project)
{
    char *folder = path_join(project, PROJECT_FOLDER_NAME);
    char *text = NULL;
    struct stat status;

    if (stat(folder, &status) == 0) {
        text = mem_printf("%s\n%llu\n", project, (unsigned long long)status.st_ino);
    }
    free(folder);
    return text;
}

static bool is_recorded(const struct ops *ops)
{
    char *path = record_path(ops, ops->project);
    char *expected = record_text(ops->project);
    char *text = NULL;
    size_t length;
    bool is_same = path && expected &&
                   file_read(path, RECORD_BYTES_MAX, &text, &length, NULL) == 0 &&
                   strcmp(text, expected) == 0;

    free(text);
    free(expected);
    free(path);
    return is_same;
}

/* Anything but the folders of runs, which alone name nothing. */
static bool has_workflows(const char *folder)
{
    char *path = path_join(folder, "workflows");
    DIR *stream = opendir(path);
    const struct dirent *entry;
    bool found = !stream && errno != ENOENT && errno != ENOTDIR; /* who knows what is in there */

    while (stream && !found && (entry = readdir(stream)) != NULL) {
        found = entry->d_name[0] != '.' && strncmp(entry->d_name, "wf_", 3) != 0;
    }
    if (stream) {
        (void)closedir(stream);
    }
    free(path);
    return found;
}

/* A store may hold runs that are to go on, with commands of whoever made it. */
bool ops_has_foreign_files(const char *folder)
{
    static const char *const names[] = {CONFIG_FILE_NAME, OTHER_CONFIG_FILE_NAME, "fermata.db",
                                        "experts"};
    bool found = has_workflows(folder);

    for (size_t i = 0; !found && i < ARRAY_LEN(names); i++) {
        char *path = path_join(folder, names[i]);
        struct stat status;

        found = lstat(path, &status) == 0;
        free(path);
    }
    return found;
}

bool ops_is_trusted(struct ops *ops)
{
    return ops->settings->trust || !ops_has_project(ops) || is_recorded(ops) ||
           !ops_has_foreign_files(ops->folder);
}

int ops_record_trust(const struct ops *ops, const char *project, struct error *err)
{
    char *path = record_path(ops, project);
    char *folder = path ? path_folder(path) : NULL;
    char *text = record_text(project);
    int r;

    if (!path) {
        r = error_set(err, ERROR_UNAVAILABLE, "there is no home folder to remember it in");
        error_hint(err, "FERMATA_TRUST=1 in the environment trusts every project");
    } else if (!text) {
        r = error_set_errno(err, "cannot look at the project %s", project);
    } else {
        r = file_make_folders(folder, err);
        if (r == 0) {
            r = file_write(path, text, strlen(text), FILE_NO_SYNC, err);
        }
    }
    free(text);
    free(folder);
    free(path);
    return r;
}

static bool says_yes(const struct ops *ops, const struct ops_view *view)
{
    char *question;
    char *answer = NULL;
    bool is_yes;

    if (!view || !view->ask) {
        return false;
    }
    question = mem_printf("%s came with settings, workflows or runs, which can start any program "
                          "with your rights.\nTrust this project? [y/N] ",
                          ops->folder);
    is_yes = view->ask(view->context, question, &answer) && answer &&
             (answer[0] == 'y' || answer[0] == 'Y');
    free(question);
    free(answer);
    return is_yes;
}

int ops_need_trust(struct ops *ops, const struct ops_view *view, struct error *err)
{
    int r;

    if (ops_is_trusted(ops)) {
        /* What it will hold by then is ours; who has no home folder is asked then. */
        if (!ops->settings->trust && ops_has_project(ops) && !is_recorded(ops)) {
            (void)ops_record_trust(ops, ops->project, NULL);
        }
        return 0;
    }
    if (says_yes(ops, view)) {
        return ops_record_trust(ops, ops->project, err);
    }
    r = error_set(err, ERROR_UNAVAILABLE,
                  "%s is not trusted: what it came with can start any program with your rights",
                  ops->project);
    error_hint(err, "look at .fermata (`fermata validate`, `fermata run --dry-run`), then: "
                    "fermata trust");
    return r;
}

int op_trust(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    bool is_taken_back = json_get_boolean(arguments, "remove", false);
    char *path = NULL;
    int r = ops_need_project(ops, err);

    (void)view;
    if (r == 0 && is_taken_back) {
        path = record_path(ops, ops->project);
        if (path && unlink(path) < 0 && errno != ENOENT) {
            r = error_set_errno(err, "cannot remove %s", path);
        }
        free(path);
    } else if (r == 0) {
        r = ops_record_trust(ops, ops->project, err);
    }
    if (r == 0) {
        *ret_result = json_pack("{s:s, s:b}", "project", ops->project, "trusted",
                                ops_is_trusted(ops));
    }
    return r;
}
