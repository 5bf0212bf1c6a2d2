/* SPDX-License-Identifier: MIT */
/* `edit`: another plan for a run that is not over. It is shown what would become of what is done,
 * and asked; then the run is paused, edited, and goes on. */
#include "run/edit.h"

#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"
#include "run/fork.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_AGAIN_MS 20
#define STEPS_TOLD 40 /* of a preview that is asked about; --dry-run shows all */

struct editing {
    struct ops *ops;
    const json_t *arguments;
    const struct ops_view *view;
    char run_id[RUN_ID_SIZE];
    struct workflow *workflow; /* the new one */
    json_t *origin, *inputs, *calls, *preview;
};

static void editing_release(struct editing *editing)
{
    workflow_free(editing->workflow);
    json_decref(editing->origin);
    json_decref(editing->inputs);
    json_decref(editing->calls);
    json_decref(editing->preview);
}

static struct run_edit edit_of(const struct editing *editing)
{
    return (struct run_edit){.workflow = editing->workflow,
                             .inputs = editing->inputs,
                             .calls = editing->calls,
                             .by = editing->ops->settings->user};
}

/* ---- the text ---- */

static const char *find_editor(const struct ops *ops)
{
    static const char *const names[] = {"VISUAL=", "EDITOR="};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (const char *const *entry = ops->settings->environment; *entry; entry++) {
            size_t length = strlen(names[i]);

            if (strncmp(*entry, names[i], length) == 0 && (*entry)[length]) {
                return *entry + length;
            }
        }
    }
    return "vi";
}

/* It may have arguments of its own, as git has it. */
static int open_editor(const struct ops *ops, const char *path, struct error *err)
{
    char *line = mem_printf("exec %s \"$1\"", find_editor(ops));
    const char *const argv[] = {"sh", "-c", line, "sh", path, NULL};
    int status = 0;
    pid_t pid;
    int number = posix_spawn(&pid, "/bin/sh", NULL, NULL, (char *const *)(uintptr_t)argv,
                             (char *const *)(uintptr_t)ops->settings->environment);

    free(line);
    while (number == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (number || status) {
        return error_set(err, ERROR_CANCELLED, "the editor %s did not end well; nothing is changed",
                         find_editor(ops));
    }
    return 0;
}

/* What the run has, in a file beside it: it stays there when the text has errors. */
static int edit_text(struct editing *editing, const struct workflow *was, struct error *err)
{
    struct ops *ops = editing->ops;
    char *folder = ops_run_folder(ops, editing->run_id);
    char *path = path_join(folder, "edit.yaml");
    int r = 0;

    if (!editing->view->ask) {
        r = error_set(err, ERROR_INVALID,
                      "edit it how? No file was given, and this is no terminal");
        error_hint(err, "give the edited file: fermata edit %s -w FILE", editing->run_id);
    }
    if (r == 0) {
        r = file_write(path, was->text, was->source_length, FILE_NO_SYNC, err);
    }
    r = r < 0 ? r : open_editor(ops, path, err);
    r = r < 0 ? r : ops_load_workflow(ops, path, &editing->workflow, err);
    free(path);
    free(folder);
    return r;
}

static int take_text(struct editing *editing, struct error *err)
{
    struct ops *ops = editing->ops;
    const char *name = json_get_text(editing->arguments, "workflow", NULL);
    struct workflow *was = NULL;
    int r = run_find_origin(ops->store, ops->folder, editing->run_id, &was, &editing->origin, err);

    if (r == 0 && json_get_boolean(editing->origin, "offline", false)) {
        config_go_offline(ops->config);
    }
    if (r == 0 && name) {
        r = ops_load_workflow(ops, name, &editing->workflow, err);
    } else if (r == 0 && json_object_get(editing->arguments, "input")) {
        editing->workflow = workflow_share(was); /* only the inputs are edited */
    } else if (r == 0) {
        r = edit_text(editing, was, err);
    }
    workflow_free(was);
    return r;
}

static int take_all(struct editing *editing, struct error *err)
{
    struct ops *ops = editing->ops;
    struct run_request request = {0};
    struct engine_options options;
    int r = take_text(editing, err);

    r = r < 0 ? r
              : ops_inherit_inputs(ops, editing->workflow, editing->origin, editing->arguments,
                                   &editing->inputs, err);
    r = r < 0 ? r : ops_check_tier(ops, editing->workflow, NULL, err);
    if (r == 0) {
        request = (struct run_request){
            .workflow = editing->workflow,
            .inputs = editing->inputs,
            .is_bridged = json_get_boolean(editing->origin, "bridge", false),
        };
        r = ops_check_agents(ops, &request, err);
    }
    r = r < 0 ? r : ops_engine_options(ops, &options, err);
    return r < 0 ? r : run_pin_calls(&options, editing->workflow, &editing->calls, err);
}

/* ---- the preview ---- */

static int look_ahead(struct editing *editing, struct error *err)
{
    struct engine_options options;
    struct run_edit edit = edit_of(editing);
    int r = ops_engine_options(editing->ops, &options, err);

    return r < 0 ? r : run_edit_preview(&options, editing->run_id, &edit, &editing->preview, err);
}

static const char *what_becomes(const char *decision)
{
    static const struct {
        const char *decision, *words;
    } table[] = {
        {"held", "looked at again"},
        {"again", "done again"},
        {"new", "new"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].decision, decision) == 0) {
            return table[i].words;
        }
    }
    return NULL;
}

static void tell_preview(const struct editing *editing)
{
    const json_t *counts = json_object_get(editing->preview, "counts");
    const json_t *step;
    size_t told = 0;
    size_t i;

    json_array_foreach(json_object_get(editing->preview, "steps"), i, step)
    {
        const char *words = what_becomes(json_get_text(step, "decision", ""));

        if (words && told++ < STEPS_TOLD) {
            ops_notice(editing->view, "%s: %s, %s", json_get_text(step, "key", ""), words,
                       json_get_text(step, "why", ""));
        }
    }
    json_array_foreach(json_object_get(editing->preview, "removed"), i, step)
    {
        ops_notice(editing->view, "%s: not in the plan any more", json_string_value(step));
    }
    ops_notice(
        editing->view,
        "%lld steps stay, %lld are looked at again, %lld done again, %lld are new, %lld were "
        "not done yet",
        (long long)json_get_integer(counts, "kept", 0),
        (long long)json_get_integer(counts, "held", 0),
        (long long)json_get_integer(counts, "again", 0),
        (long long)json_get_integer(counts, "new", 0),
        (long long)json_get_integer(counts, "open", 0));
}

static int confirm(const struct editing *editing, struct error *err)
{
    const struct ops_view *view = editing->view;
    char *answer = NULL;
    bool is_yes;

    tell_preview(editing);
    if (json_get_boolean(editing->arguments, "yes", false)) {
        return 0;
    }
    if (!view->ask) {
        (void)error_set(err, ERROR_INVALID, "the plan is edited only when somebody says so");
        error_hint(err, "say --yes where the above is meant");
        return ERROR_INVALID;
    }
    is_yes = view->ask(view->context, "Edit the plan so? [y]es or [n]o? ", &answer) && answer &&
             (*answer == 'y' || *answer == 'Y');
    free(answer);
    return is_yes ? 0 : error_set(err, ERROR_CONFLICT, "the plan was not edited");
}

/* ---- doing it ---- */

static int ask_run(struct editing *editing, const char *what, json_t **ret_answer,
                   struct error *err)
{
    struct engine_options options;
    json_t *command = json_pack("{s:s, s:s*}", "do", what, "by", editing->ops->settings->user);
    int r = ops_engine_options(editing->ops, &options, err);

    if (r == 0) {
        r = run_ask(&options, editing->run_id, command, ret_answer, err);
    }
    json_decref(command);
    return r;
}

static bool is_under_way(const json_t *run)
{
    const char *status = json_get_text(run, "status", "");

    return strcmp(status, "running") == 0 ||
           (strcmp(status, "pending") == 0 && json_get_boolean(run, "owned", false));
}

/* Its running steps end, and no new one begins. Nobody's run is carried there by us. */
static int pause_run(struct editing *editing, const json_t *run, struct error *err)
{
    json_t *answer = NULL;
    json_t *rested = NULL;
    int r = ask_run(editing, "pause", &answer, err);

    /* It came to rest by itself meanwhile. */
    r = r == ERROR_CONFLICT ? 0 : r;
    if (r == 0 && !json_get_boolean(run, "owned", false) &&
        strcmp(json_get_text(answer, "status", ""), "running") == 0) {
        struct drive drive = {.run_id = editing->run_id};

        r = ops_drive(editing->ops, &drive, editing->view, &rested, err);
        r = r == ERROR_BUSY ? 0 : r;
    }
    json_decref(rested);
    json_decref(answer);
    return r;
}

/* Until it rests and its process has let go of it. */
static int bring_to_rest(struct editing *editing, struct error *err)
{
    struct ops *ops = editing->ops;
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};
    bool is_asked = false;
    bool is_done = false;
    int r = 0;

    while (r == 0 && !is_done) {
        json_t *run = NULL;

        r = run_show(ops->store, ops->folder, editing->run_id, &run, err);
        is_done = r == 0 && !is_under_way(run) && !json_get_boolean(run, "owned", false);
        if (r == 0 && is_under_way(run) && !is_asked) {
            is_asked = true;
            ops_notice(editing->view, "run %s is paused first: its running steps end",
                       editing->run_id);
            r = pause_run(editing, run, err);
        } else if (r == 0 && !is_done) {
            (void)nanosleep(&pause, NULL);
        }
        json_decref(run);
    }
    return r;
}

static int change(struct editing *editing, struct error *err)
{
    struct engine_options options;
    struct run_edit edit = edit_of(editing);
    int r = bring_to_rest(editing, err);

    json_decref(editing->preview);
    editing->preview = NULL;
    r = r < 0 ? r : ops_engine_options(editing->ops, &options, err);
    return r < 0 ? r : run_edit(&options, editing->run_id, &edit, &editing->preview, err);
}

static int go_on(struct editing *editing, json_t **ret_result, struct error *err)
{
    json_t *answer = NULL;
    int r = 0;

    if (strcmp(json_get_text(editing->preview, "status", ""), "pending") != 0) {
        r = ask_run(editing, "resume", &answer, err);
        json_decref(answer);
    }
    return r < 0 ? r
                 : ops_go_on(editing->ops, editing->run_id, editing->arguments, editing->view,
                             ret_result, err);
}

int op_edit(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct editing editing = {.ops = ops, .arguments = arguments, .view = view};
    bool is_dry = json_get_boolean(arguments, "dry_run", false);
    int r = ops_need_config(ops, err);

    r = r < 0 ? r : ops_resolve_run(ops, arguments, editing.run_id, err);
    r = r < 0 ? r : ops_need_trust(ops, is_dry ? NULL : view, err);
    r = r < 0 ? r : take_all(&editing, err);
    r = r < 0 ? r : look_ahead(&editing, err);
    if (r == 0 && is_dry) {
        json_put(editing.preview, "dry_run", json_true());
        *ret_result = json_incref(editing.preview);
    } else if (r == 0) {
        r = confirm(&editing, err);
        r = r < 0 ? r : change(&editing, err);
        r = r < 0 ? r : go_on(&editing, ret_result, err);
        if (r == 0) {
            json_put(*ret_result, "edited", json_incref(editing.preview));
        }
    }
    editing_release(&editing);
    return r;
}
