/* SPDX-License-Identifier: MIT */
/* The project that operations work on. Nothing is opened before an operation needs it, so that
 * `fermata --version` and the function processes stay light. */
#include "ops/ops.h"

#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "loop/host.h"
#include "ops/internal.h"
#include "store/store.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_BYTES_MAX (1024U * 1024)

static int refuse_word(const char *variable, const char *value, const char *words,
                       struct error *err)
{
    int r = error_set(err, ERROR_INVALID, "%s: %s is none of %s", variable, value, words);

    error_hint(err, "set it to one of these, or unset it");
    return r;
}

/* A variable that would be ignored is worse than none. */
static int check_settings(const struct ops_settings *settings, struct error *err)
{
    enum offline_mode offline;

    if (settings->strategy && strategy_parse(settings->strategy) == STRATEGY_UNSET) {
        return refuse_word("FERMATA_STRATEGY", settings->strategy, "ai, static, hybrid", err);
    }
    if (settings->offline && !offline_mode_parse(settings->offline, &offline)) {
        return refuse_word("FERMATA_OFFLINE", settings->offline, "true, auto, false", err);
    }
    if (settings->trust && strcmp(settings->trust, "1") != 0) {
        return refuse_word("FERMATA_TRUST", settings->trust, "1", err);
    }
    if (settings->log_format && strcmp(settings->log_format, "text") != 0 &&
        strcmp(settings->log_format, "json") != 0) {
        return refuse_word("FERMATA_LOG_FORMAT", settings->log_format, "text, json", err);
    }
    return 0;
}

int ops_new(const struct ops_settings *settings, struct ops **ret_ops, struct error *err)
{
    struct ops *ops;
    int r = check_settings(settings, err);

    if (r < 0) {
        return r;
    }
    if (!settings->cwd) {
        return error_set(err, ERROR_NOT_FOUND, "the working folder is not there any more");
    }
    ops = mem_zero(1, sizeof(*ops));
    ops->settings = settings;
    *ret_ops = ops;
    return 0;
}

void ops_free(struct ops *ops)
{
    if (!ops) {
        return;
    }
    engine_free(ops->engine);
    (void)store_close(ops->store, NULL);
    loop_free(ops->loop);
    config_free(ops->config);
    ops_forget_called(ops);
    if (ops->library) {
        library_release(ops->library);
        free(ops->library);
    }
    free(ops->project);
    free(ops->folder);
    free(ops->keeper);
    free(ops);
}

int ops_loop(struct ops *ops, struct loop **ret_loop, struct error *err)
{
    int r = 0;

    if (!ops->loop) {
        r = loop_new(&ops->loop, err);
    }
    if (r == 0) {
        *ret_loop = ops->loop;
    }
    return r;
}

int64_t ops_now_ms(void)
{
    const struct host *host = host_linux();

    return host->now_ms(host->context);
}

void ops_notice(const struct ops_view *view, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (!view || !view->on_notice) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    view->on_notice(view->context, text);
}

/* ---- configuration and library ---- */

/* The file that counts; NULL: there is none. free() it. */
static char *find_config(struct ops *ops, bool is_project)
{
    const char *folder = is_project ? ops->folder : ops->settings->config_folder;
    char *file;

    if (is_project && ops->settings->config_file) {
        return ops_path(ops, ops->settings->config_file);
    }
    if (!folder) {
        return NULL;
    }
    file = path_join(folder, CONFIG_FILE_NAME);
    if (is_project && !file_exists(file)) {
        char *other = path_join(folder, OTHER_CONFIG_FILE_NAME);

        if (file_exists(other)) {
            free(file);
            return other;
        }
        free(other);
    }
    return file;
}

int ops_read_config(struct ops *ops, bool is_project, char **ret_text, char **ret_file,
                    struct error *err)
{
    char *file = find_config(ops, is_project);
    char *text = NULL;
    size_t length;
    int r = 0;

    *ret_text = NULL;
    *ret_file = NULL;
    if (file && file_exists(file)) {
        r = file_read(file, CONFIG_BYTES_MAX, &text, &length, err);
        if (r == 0 && strlen(text) != length) {
            free(text);
            text = NULL;
            r = error_set(err, ERROR_VALIDATION, "%s holds a NUL byte", file);
        }
    } else if (is_project && ops->settings->config_file) {
        r = error_set(err, ERROR_NOT_FOUND, "there is no configuration %s", file);
        error_hint(err, "--config, else FERMATA_CONFIG or AI_ORCHESTRATOR_CONFIG_PATH, names it");
    }
    if (r < 0) {
        free(file);
        return r;
    }
    *ret_text = text;
    *ret_file = file;
    return 0;
}

/* What a file forbids, a variable does not allow. */
static void use_offline_setting(struct ops *ops)
{
    enum offline_mode mode = ops->config->offline;

    if (ops->settings->offline) {
        (void)offline_mode_parse(ops->settings->offline, &mode);
    }
    if (mode == OFFLINE_ONLY || ops->config->offline == OFFLINE_ONLY) {
        config_go_offline(ops->config);
    } else {
        ops->config->offline = mode;
    }
}

int ops_need_config(struct ops *ops, struct error *err)
{
    struct workflow_names names;
    struct problems *problems;
    char *texts[2] = {NULL, NULL};
    char *files[2] = {NULL, NULL};
    int r;

    if (ops->config) {
        return 0;
    }
    problems = mem_zero(1, sizeof(*problems));
    (void)ops_has_project(ops);
    r = ops_read_config(ops, true, &texts[0], &files[0], err);
    if (r == 0) {
        r = ops_read_config(ops, false, &texts[1], &files[1], err);
    }
    if (r == 0) {
        ops_workflow_names(ops, &names);
        r = config_parse(&(struct config_texts){texts[0], files[0], texts[1], files[1], &names},
                         &ops->config, problems, err);
        if (r == ERROR_VALIDATION) {
            r = ops_problems_error("the configuration", problems, err);
            error_hint(err, "correct config.yaml; `fermata validate` checks it");
        }
    }
    for (size_t i = 0; r == 0 && i < problems->count; i++) {
        ops->config_warnings += problems->items[i].is_warning ? 1 : 0;
    }
    if (r == 0 && ops->settings->log_format) {
        ops->config->log_json = strcmp(ops->settings->log_format, "json") == 0;
    }
    if (r == 0) {
        use_offline_setting(ops);
    }
    free(texts[0]);
    free(texts[1]);
    free(files[0]);
    free(files[1]);
    free(problems);
    return r;
}

int ops_need_library(struct ops *ops, struct error *err)
{
    char *project_folder = NULL;
    char *user_folder = NULL;
    struct library *library;
    int r;

    if (ops->library) {
        return 0;
    }
    if (ops_has_project(ops)) {
        project_folder = path_join(ops->folder, "workflows");
    }
    if (ops->settings->config_folder) {
        user_folder = path_join(ops->settings->config_folder, "workflows");
    }
    library = mem_zero(1, sizeof(*library));
    r = library_load(project_folder, user_folder, library, err);
    free(project_folder);
    free(user_folder);
    if (r < 0) {
        free(library);
        return r;
    }
    ops->library = library;
    return 0;
}

/* ---- store and engine -------------------------------------------------------------------------
 */

static char *store_path(const struct ops *ops)
{
    return path_join(ops->folder, "fermata.db");
}

bool ops_has_store(const struct ops *ops)
{
    char *path = store_path(ops);
    bool exists = file_exists(path);

    free(path);
    return exists;
}

int ops_make_store(struct ops *ops, struct error *err)
{
    struct store_options options = {.image = run_store_image()};
    struct error local = ERROR_INIT;
    char *path;
    int r;

    assert(ops->folder);
    if (ops->store) {
        return 0;
    }
    r = ops_loop(ops, &options.loop, err);
    if (r < 0) {
        return r;
    }
    options.migrations = run_migrations(&options.migration_count);
    options.path = path = store_path(ops);
    r = store_open_with(&ops->store, &options, &local);
    if (r < 0 && local.is_storage_full && run_make_room(ops->folder)) {
        /* Looking at runs and cancelling them must work on a full disk. */
        local = (struct error)ERROR_INIT;
        r = store_open_with(&ops->store, &options, &local);
    }
    if (r < 0 && err) {
        *err = local;
    }
    free(path);
    return r;
}

int ops_need_store(struct ops *ops, struct error *err)
{
    int r = ops_need_project(ops, err);

    if (r < 0) {
        return r;
    }
    if (!ops_has_store(ops)) {
        r = error_set(err, ERROR_NOT_FOUND, "there are no runs in %s yet", ops->project);
        error_hint(err, "start one: fermata run \"TASK\" -w NAME (`fermata workflows` lists them)");
        return r;
    }
    return ops_make_store(ops, err);
}

int ops_need_keeper(struct ops *ops, struct error *err)
{
    if (ops->keeper) {
        return 0;
    }
    return attempt_find_keeper(ops->settings->keeper, &ops->keeper, err);
}

static int load_nested(void *context, const char *name, struct workflow **ret_workflow,
                       struct error *err)
{
    return ops_load_workflow(context, name, ret_workflow, err);
}

int ops_engine_options(struct ops *ops, struct engine_options *ret_options, struct error *err)
{
    int r = ops_make_store(ops, err);

    if (r == 0) {
        r = ops_need_config(ops, err);
    }
    if (r == 0) {
        r = ops_need_keeper(ops, err);
    }
    if (r < 0) {
        return r;
    }
    (void)ops_default_agent(ops);
    *ret_options = (struct engine_options){
        .loop = ops->loop,
        .store = ops->store,
        .host = host_linux(),
        .config = ops->config,
        .project = ops->project,
        .folder = ops->folder,
        .keeper_path = ops->keeper,
        .self_path = ops->settings->self_path,
        .user = ops->settings->user,
        .environment = ops->settings->environment,
        .load_workflow = load_nested,
        .has_agent = ops_has_agent,
        .loader_context = ops,
    };
    return 0;
}
