/* SPDX-License-Identifier: MIT */
#include "functions/git.h"

#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_TIMEOUT_MS 5000

static const char *const git_environment[] = {
    "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
    "GIT_ATTR_NOSYSTEM=1",   "GIT_OPTIONAL_LOCKS=0",
    "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
    "GIT_PAGER=cat",         NULL,
};

static const char *const git_settings[] = {
    "-c", "core.fsmonitor=false",     "-c", "core.hooksPath=/dev/null",
    "-c", "core.quotePath=false",     "-c", "protocol.allow=never",
    "-c", "log.showSignature=false",  "-c", "diff.suppressBlankEmpty=false",
    "-c", "diff.noprefix=false",      "-c", "diff.mnemonicPrefix=false",
    "-c", "diff.orderFile=/dev/null", "-c", "core.precomposeUnicode=false",
};

bool git_is_repository(const char *project)
{
    char *path = path_join(project, ".git");
    bool found = file_exists(path);

    free(path);
    return found;
}

bool git_is_bare(const char *folder)
{
    static const char *const parts[] = {".git", "HEAD", "objects", "refs"};
    bool is_bare = true;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char *path = path_join(folder, parts[i]);

        is_bare = is_bare && file_exists(path) == (i > 0);
        free(path);
    }
    return is_bare;
}

bool git_is_shallow(const char *project)
{
    struct program_result answer;
    bool is_shallow;
    int r = git_run(
        &(struct git_request){
            .project = project,
            .arguments = (const char *const[]){"rev-parse", "--is-shallow-repository", NULL},
            .output_bytes_max = 100,
            .timeout_ms = ANSWER_TIMEOUT_MS},
        &answer, NULL);

    is_shallow = r == 0 && strncmp(answer.output.data, "true", 4) == 0;
    program_result_release(&answer);
    return is_shallow;
}

int git_run(const struct git_request *request, struct program_result *result, struct error *err)
{
    const char *argv[GIT_ARGUMENTS_MAX];
    char *folder = path_join(request->project, ".git");
    char *git_dir = mem_printf("--git-dir=%s", folder);
    char *work_tree = mem_printf("--work-tree=%s", request->project);
    size_t count = 0;
    int r;

    argv[count++] = "git";
    argv[count++] = "--no-pager";
    argv[count++] = "--no-replace-objects";
    argv[count++] = "--literal-pathspecs";
    argv[count++] = git_dir;
    argv[count++] = work_tree;
    for (size_t i = 0; i < ARRAY_LEN(git_settings); i++) {
        argv[count++] = git_settings[i];
    }
    for (size_t i = 0; request->arguments[i]; i++) {
        assert(count < GIT_ARGUMENTS_MAX - 1);
        argv[count++] = request->arguments[i];
    }
    argv[count] = NULL;
    r = program_run(&(struct program_request){.argv = argv,
                                              .folder = request->project,
                                              .environment = git_environment,
                                              .output_bytes_max = request->output_bytes_max,
                                              .timeout_ms = request->timeout_ms,
                                              .reader = request->reader,
                                              .context = request->context},
                    result, err);
    free(work_tree);
    free(git_dir);
    free(folder);
    return r;
}

void git_explain(const struct program_result *result, struct strbuf *target)
{
    const char *text = result->errors.data;

    if (result->timed_out) {
        strbuf_add(target, "git took too long");
        return;
    }
    if (strncmp(text, "fatal: ", 7) == 0) {
        text += 7;
    }
    if (*text == '\0') {
        strbuf_addf(target, "git ended with status %d", result->exit_status);
    } else {
        strbuf_add_bytes(target, text, strcspn(text, "\n"));
    }
}
