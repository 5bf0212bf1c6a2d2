/* SPDX-License-Identifier: MIT */
#include "support/run_project.h"

#include "base/alloc.h"
#include "base/file.h"
#include "support/scratch.h"

#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void must(int r, const struct error *err)
{
    if (r < 0) {
        fail_msg("%s (%s)", err->text, err->hint);
    }
}

static int64_t now_ms(void *context)
{
    const struct host *linux_host = host_linux();

    return linux_host->now_ms(linux_host->context) +
           ((struct run_project *)context)->clock_shift_ms;
}

static int64_t monotonic_ms(void *context)
{
    const struct host *linux_host = host_linux();

    (void)context;
    return linux_host->monotonic_ms(linux_host->context);
}

static uint64_t random_bits(void *context)
{
    const struct host *linux_host = host_linux();

    (void)context;
    return linux_host->random(linux_host->context);
}

static void on_record(void *context, const char *run_id, const struct record *committed)
{
    struct run_project *project = context;
    json_t *record = record_describe(committed, run_id);

    (void)json_array_append_new(project->records, record);
    if (project->on_count) {
        project->on_count(project->count_context, json_array_size(project->records));
    }
    if (project->until_kind &&
        strcmp(json_get_text(record, "kind", ""), project->until_kind) == 0 &&
        (!project->until_step ||
         strcmp(json_get_text(record, "step", ""), project->until_step) == 0)) {
        project->until_kind = NULL;
        loop_stop(project->loop);
    }
}

static void on_stall(void *context, const struct error *err)
{
    struct run_project *project = context;

    project->stalls += err ? 1 : 0;
    project->unstalls += err ? 0 : 1;
}

static void on_lost(void *context, const char *run_id, const struct error *err)
{
    struct run_project *project = context;

    (void)run_id;
    project->lost = *err;
}

static void on_rest(void *context, const struct error *err)
{
    struct run_project *project = context;

    project->is_at_rest = true;
    if (err) {
        project->rest = *err;
    }
    loop_stop(project->loop);
}

static int find_expert(const char *name, char **ret_text, char **ret_file, struct error *err,
                       void *context)
{
    struct run_project *project = context;
    char *path = mem_printf("%s/experts/%s.md", project->project, name);
    int r = file_exists(path) ? file_read(path, WORKFLOW_BYTES_MAX, ret_text, NULL, err)
                              : ERROR_NOT_FOUND;

    if (r == 0) {
        *ret_file = mem_strdup(name);
    }
    free(path);
    return r;
}

static int load_workflow(void *context, const char *name, struct workflow **ret_workflow,
                         struct error *err)
{
    struct run_project *project = context;
    const struct workflow_names names = {.find_expert = find_expert, .context = project};
    char *path = mem_printf("%s/workflows/%s.yaml", project->project, name);
    struct problems *problems = mem_zero(1, sizeof(*problems));
    char *text = NULL;
    size_t length = 0;
    int r = file_read(path, WORKFLOW_BYTES_MAX, &text, &length, err);

    if (r == 0) {
        r = workflow_parse(text, length, name, &names, ret_workflow, problems, err);
    }
    free(text);
    free(problems);
    free(path);
    return r;
}

static void open_store(struct run_project *project)
{
    struct store_options options = {
        .loop = project->loop, .vfs = project->vfs, .checkpoint_pages = project->checkpoint_pages};
    struct error err = ERROR_INIT;
    char *path = path_join(project->folder, "fermata.db");

    options.path = path;
    options.migrations = run_migrations(&options.migration_count);
    must(store_open_with(&project->store, &options, &err), &err);
    project->options.store = project->store;
    free(path);
}

void run_project_configure(struct run_project *project, const char *text)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error err = ERROR_INIT;

    config_free(project->config);
    project->config = NULL;
    must(config_parse(&(struct config_texts){text, "config.yaml", NULL, NULL, NULL},
                      &project->config, problems, &err),
         &err);
    free(problems);
    project->options.config = project->config;
}

static void find_programs(struct run_project *project)
{
    const char *given = getenv("FERMATA_KEEP");
    char *folder;

    project->keeper = realpath(given ? given : "build/fermata-keep", NULL);
    if (!project->keeper) {
        fail_msg("there is no keeper: name it in FERMATA_KEEP");
    }
    folder = mem_strdup(project->keeper);
    project->self = path_join(dirname(folder), "fermata");
    free(folder);
}

int run_project_set_up(void **state)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    struct run_project *project = mem_zero(1, sizeof(*project));
    struct error err = ERROR_INIT;

    project->project = scratch_new();
    project->folder = path_join(project->project, ".fermata");
    must(file_make_folders(project->folder, &err), &err);
    find_programs(project);
    project->records = json_array();
    project->host = (struct host){
        .now_ms = now_ms, .monotonic_ms = monotonic_ms, .random = random_bits, .context = project};
    must(loop_new(&project->loop, &err), &err);
    project->options = (struct engine_options){
        .loop = project->loop,
        .host = &project->host,
        .project = project->project,
        .folder = project->folder,
        .keeper_path = project->keeper,
        .self_path = project->self,
        .environment = environment,
        .load_workflow = load_workflow,
        .loader_context = project,
        .on_record = on_record,
        .on_stall = on_stall,
        .on_lost = on_lost,
        .on_rest = on_rest,
        .context = project,
    };
    run_project_configure(project, "settings: {}\n");
    open_store(project);
    *state = project;
    return 0;
}

void run_project_drop_engine(struct run_project *project)
{
    engine_free(project->engine);
    project->engine = NULL;
    project->is_at_rest = false;
    project->rest = (struct error)ERROR_INIT;
}

int run_project_tear_down(void **state)
{
    struct run_project *project = *state;

    run_project_drop_engine(project);
    (void)store_close(project->store, NULL);
    loop_free(project->loop);
    config_free(project->config);
    json_decref(project->records);
    free(project->keeper);
    free(project->self);
    free(project->folder);
    scratch_remove(project->project);
    free(project);
    return 0;
}

void run_project_reopen(struct run_project *project)
{
    run_project_drop_engine(project);
    (void)store_close(project->store, NULL);
    open_store(project);
}

void run_project_write(const struct run_project *project, const char *name, const char *text)
{
    scratch_write(project->project, name, text);
}

bool run_project_has(const struct run_project *project, const char *name)
{
    char *path = path_join(project->project, name);
    bool is_there = file_exists(path);

    free(path);
    return is_there;
}

char *run_project_read(const struct run_project *project, const char *name)
{
    char *path = path_join(project->project, name);
    struct error err = ERROR_INIT;
    char *text = NULL;

    must(file_read(path, WORKFLOW_BYTES_MAX, &text, NULL, &err), &err);
    free(path);
    return text;
}

static struct workflow *parse_for(struct run_project *project, const char *text)
{
    const struct workflow_names names = {.find_expert = project ? find_expert : NULL,
                                         .context = project};
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct workflow *workflow = NULL;
    struct error err = ERROR_INIT;

    if (workflow_parse(text, strlen(text), "t.yaml", &names, &workflow, problems, &err) < 0) {
        fail_msg("%s: %s", err.text, problems->count ? problems->items[0].text : "");
    }
    free(problems);
    return workflow;
}

struct workflow *run_project_parse(const char *text)
{
    return parse_for(NULL, text);
}

static void need_engine(struct run_project *project)
{
    struct error err = ERROR_INIT;

    if (!project->engine) {
        must(engine_new(&project->options, &project->engine, &err), &err);
    }
}

void run_project_start(struct run_project *project, const char *text,
                       const struct run_request *request)
{
    struct run_request own = request ? *request : (struct run_request){0};
    struct workflow *workflow = parse_for(project, text);
    struct error err = ERROR_INIT;
    json_t *inputs = NULL;
    json_t *calls = NULL;
    json_t *given = own.inputs ? json_incref((json_t *)own.inputs) : json_object();

    need_engine(project);
    must(workflow_check_inputs(workflow, given, &inputs, &err), &err);
    must(run_pin_calls(&project->options, workflow, &calls, &err), &err);
    own.workflow = workflow;
    own.inputs = inputs;
    own.calls = calls;
    must(engine_start(project->engine, &own, project->id, &err), &err);
    json_decref(inputs);
    json_decref(calls);
    json_decref(given);
    workflow_free(workflow);
}

int run_project_adopt(struct run_project *project, const char *id, struct error *err)
{
    need_engine(project);
    memmove(project->id, id, RUN_ID_SIZE);
    return engine_adopt(project->engine, id, err);
}

void run_project_go(struct run_project *project)
{
    project->is_at_rest = false;
    loop_run(project->loop);
    assert_true(project->is_at_rest);
}

void run_project_go_until(struct run_project *project, const char *kind, const char *step)
{
    project->until_kind = kind;
    project->until_step = step;
    loop_run(project->loop);
    if (project->until_kind) {
        fail_msg("no record %s of %s came", kind, step ? step : "any step");
    }
}

/* So many threads libuv has unless it is told otherwise. */
#define POOL_THREADS 4

static void block(void *arg)
{
    struct run_project *project = arg;

    (void)sem_post(&project->blocked);
    (void)sem_wait(&project->unblocked);
}

static void on_unblocked(void *arg)
{
    (void)arg;
}

static void occupy_pool(struct run_project *project, int threads)
{
    assert_int_equal(sem_init(&project->blocked, 0, 0), 0);
    assert_int_equal(sem_init(&project->unblocked, 0, 0), 0);
    project->occupied = threads;
    for (int i = 0; i < threads; i++) {
        loop_submit(project->loop, block, on_unblocked, project);
    }
    for (int i = 0; i < threads; i++) {
        (void)sem_wait(&project->blocked);
    }
}

void run_project_block_pool(struct run_project *project)
{
    occupy_pool(project, POOL_THREADS);
}

void run_project_narrow_pool(struct run_project *project)
{
    occupy_pool(project, POOL_THREADS - 1);
}

void run_project_unblock_pool(struct run_project *project)
{
    for (int i = 0; i < project->occupied; i++) {
        (void)sem_post(&project->unblocked);
    }
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

void run_project_turn_until(struct run_project *project,
                            bool (*is_so)(const struct run_project *project))
{
    while (!is_so(project)) {
        (void)loop_timer_start(project->loop, 0, stop_loop, project->loop);
        loop_run(project->loop);
    }
}

const char *run_project_run(struct run_project *project, const char *text)
{
    run_project_start(project, text, NULL);
    run_project_go(project);
    return run_project_status(project, project->id);
}

const char *run_project_status(struct run_project *project, const char *id)
{
    struct error err = ERROR_INIT;
    json_t *run = NULL;
    int status;

    must(run_show(project->store, project->folder, id, &run, &err), &err);
    status = run_status_parse(json_get_text(run, "status", ""));
    json_decref(run);
    assert_true(status >= 0);
    return run_status_name((enum run_status)status);
}

static bool is_of(const struct run_project *project, const json_t *record, const char *kind,
                  const char *step)
{
    return strcmp(json_get_text(record, "run", ""), project->id) == 0 &&
           strcmp(json_get_text(record, "kind", ""), kind) == 0 &&
           (!step || strcmp(json_get_text(record, "step", ""), step) == 0);
}

const json_t *run_project_find(const struct run_project *project, const char *kind,
                               const char *step, int skip)
{
    size_t index;
    const json_t *record;

    json_array_foreach(project->records, index, record)
    {
        if (is_of(project, record, kind, step) && skip-- == 0) {
            return record;
        }
    }
    return NULL;
}

int run_project_count(const struct run_project *project, const char *kind, const char *step)
{
    int count = 0;

    while (run_project_find(project, kind, step, count)) {
        count++;
    }
    return count;
}

void run_project_check_tables(struct run_project *project)
{
    struct error err = ERROR_INIT;
    json_t *report = NULL;
    const json_t *differences;

    must(run_rebuild(project->store, project->folder, false, &report, &err), &err);
    differences = json_object_get(report, "failures");
    if (json_array_size(differences) == 0) {
        differences = json_object_get(report, "differences");
    }
    if (json_array_size(differences) > 0) {
        fail_msg("%s", json_string_value(json_array_get(differences, 0)));
    }
    json_decref(report);
}

json_t *run_project_ask(struct run_project *project, const char *id, json_t *command,
                        struct error *err)
{
    json_t *answer = NULL;
    int r = run_ask(&project->options, id, command, &answer, err);

    json_decref(command);
    return r < 0 ? NULL : answer;
}
