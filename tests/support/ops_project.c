/* SPDX-License-Identifier: MIT */
#include "support/ops_project.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void open_ops(struct ops_project *project)
{
    struct error err = ERROR_INIT;

    if (ops_new(&project->settings, &project->ops, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

int ops_project_set_up(void **state)
{
    struct ops_project *project = mem_zero(1, sizeof(*project));
    char *made = scratch_new();

    /* As the working folder would be told: without links. */
    project->folder = realpath(made, NULL);
    free(made);
    project->home = path_join(project->folder, "home");
    project->config = path_join(project->folder, "user");
    ops_project_write(project, ".fermata/.keep", "");
    project->settings = (struct ops_settings){
        .cwd = project->folder,
        .config_folder = project->config,
        .home = project->home,
        .keeper = getenv("FERMATA_KEEP") ? getenv("FERMATA_KEEP") : "build/fermata-keep",
        .self_path = "/bin/false",
        .environment = (const char *const *)environ,
        .user = "ada",
        .trust = "1",
        .version = "1.2.3",
    };
    open_ops(project);
    *state = project;
    return 0;
}

int ops_project_tear_down(void **state)
{
    struct ops_project *project = *state;

    ops_free(project->ops);
    scratch_remove(project->folder);
    free(project->home);
    free(project->config);
    free(project);
    return 0;
}

void ops_project_reopen(struct ops_project *project)
{
    ops_free(project->ops);
    open_ops(project);
}

void ops_project_write(const struct ops_project *project, const char *name, const char *text)
{
    char *path = path_join(project->folder, name);
    char *folder = mem_strdup(path);
    struct error err = ERROR_INIT;

    *strrchr(folder, '/') = '\0';
    if (file_make_folders(folder, &err) < 0 ||
        file_write(path, text, strlen(text), FILE_NO_SYNC, &err) < 0) {
        fail_msg("%s", err.text);
    }
    free(folder);
    free(path);
}

bool ops_project_has(const struct ops_project *project, const char *name)
{
    char *path = path_join(project->folder, name);
    bool is_there = file_exists(path) || file_is_folder(path);

    free(path);
    return is_there;
}

void ops_project_steps(const struct ops_project *project, const char *name,
                       const char *const *commands)
{
    char *file = mem_printf(".fermata/workflows/%s.yaml", name);
    struct strbuf text;

    strbuf_init(&text, 65536);
    strbuf_addf(&text, "name: %s\nphases:\n", name);
    for (size_t i = 0; commands[i]; i++) {
        strbuf_addf(&text,
                    "  - id: p%zu\n    steps:\n      - id: s%zu\n        run: %s\n"
                    "        retry: { attempts: 1 }\n",
                    i + 1, i + 1, commands[i]);
    }
    ops_project_write(project, file, text.data);
    strbuf_release(&text);
    free(file);
}

json_t *ops_project_call(struct ops_project *project, const char *name, json_t *arguments)
{
    struct error err = ERROR_INIT;
    json_t *result = NULL;

    if (ops_call(project->ops, ops_find(name), arguments, &project->view, &result, &err) < 0) {
        fail_msg("%s: %s (%s)", name, err.text, err.hint);
    }
    json_decref(arguments);
    return result;
}

int ops_project_fail(struct ops_project *project, const char *name, json_t *arguments,
                     struct error *err)
{
    json_t *result = NULL;
    int r = ops_call(project->ops, ops_find(name), arguments, &project->view, &result, err);

    json_decref(arguments);
    if (r == 0) {
        char *text = json_dump_compact(result);

        fail_msg("%s went well: %s", name, text);
    }
    return r;
}
