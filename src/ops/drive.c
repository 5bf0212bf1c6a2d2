/* SPDX-License-Identifier: MIT */
/* A run that goes on in this process: until it is final, paused, or was left. */
#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"
#include "run/running.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 100
#define LAST_LINE_BYTES 512
/* Some tries of what waits for space, with what was put by for it. */
#define PATIENCE_MS 1500

struct session {
    struct ops *ops;
    const struct ops_view *view;
    const char *run_id; /* of this stretch; set before the loop goes on */
    json_t *begin;      /* the run as it was started or taken over */
    bool is_shown;      /* on_begin was called */
    bool is_at_rest;
    struct error rest;
    json_t *run; /* at rest, as the engine knows it; NULL: it has to be read */
    loop_id tick;
};

/* ---- callbacks of the engine -------------------------------------------------------------------
 */

static void on_tick(void *arg)
{
    struct session *session = arg;

    session->view->on_tick(session->view->context);
    session->tick = loop_timer_start(session->ops->loop, TICK_MS, on_tick, session);
}

static void show_begin(struct session *session)
{
    const struct ops_view *view = session->view;

    if (view->on_begin) {
        view->on_begin(view->context, session->ops, session->begin);
    }
    session->is_shown = true;
    if (view->on_tick) {
        session->tick = loop_timer_start(session->ops->loop, TICK_MS, on_tick, session);
    }
}

static void on_record(void *context, const char *run_id, const struct record *record)
{
    struct session *session = context;

    if (!session->is_shown) {
        /* Its first record, which on_begin shows: from now on the run is there. */
        show_begin(session);
    } else if (session->view->on_record) {
        json_t *described = record_describe(record, run_id);

        session->view->on_record(session->view->context, described);
        json_decref(described);
    }
}

/* What could not be saved by now is done again by whoever takes the run over. */
static void on_patience_end(void *arg)
{
    struct ops *ops = arg;

    ops->patience = (loop_id){0};
    ops->is_left = true;
    loop_stop(ops->loop);
}

static void expect_end(struct ops *ops)
{
    loop_cancel(ops->loop, ops->patience);
    ops->patience = ops->is_stalled && ops->is_interrupted
                        ? loop_timer_start(ops->loop, PATIENCE_MS, on_patience_end, ops)
                        : (loop_id){0};
}

void ops_tell_stall(struct ops *ops, const struct ops_view *view, const struct error *err)
{
    char *text;

    ops->is_stalled = err != NULL;
    expect_end(ops);
    if (!view->on_notice) {
        return;
    }
    if (err && err->is_storage_full) {
        /* The store's own errors say what is full. */
        text = mem_printf("paused: %s%s; the run goes on by itself when there is space",
                          strstr(err->text, "storage full") ? "" : "storage full: ", err->text);
    } else {
        text = err ? mem_printf("waiting: %s; the run goes on by itself afterwards", err->text)
                   : mem_strdup("going on");
    }
    view->on_notice(view->context, text);
    free(text);
}

void ops_forget_stall(struct ops *ops, const struct ops_view *view)
{
    if (ops->is_stalled && ops->is_left) {
        ops_notice(view,
                   "Leaving without waiting for the storage; what was saved stays, what still "
                   "runs goes on by itself, and `fermata resume` takes it over");
    }
    loop_cancel(ops->loop, ops->patience);
    ops->patience = (loop_id){0};
    ops->is_stalled = false;
}

static void on_stall(void *context, const struct error *err)
{
    struct session *session = context;

    if (session->is_shown) {
        ops_tell_stall(session->ops, session->view, err);
    } else if (err) {
        /* It is not there yet, so there is nothing to wait with. */
        session->rest = *err;
        loop_stop(session->ops->loop);
    }
}

static void on_lost(void *context, const char *run_id, const struct error *err)
{
    struct session *session = context;

    if (strcmp(run_id, session->run_id) == 0) {
        session->rest = *err;
    }
}

static void on_rest(void *context, const struct error *err)
{
    struct session *session = context;

    session->is_at_rest = true;
    if (err && err->code < 0) {
        session->rest = *err;
    }
    loop_stop(session->ops->loop);
}

/* ---- one stretch: from start or adoption to rest ---- */

/* As the run was started; the agent of steps that name none may be another one then. */
static void go_offline(struct ops *ops)
{
    if (ops->config->offline != OFFLINE_ONLY) {
        config_go_offline(ops->config);
        ops->config->default_agent = ops->has_chosen_agent ? NULL : ops->config->default_agent;
        ops->has_chosen_agent = false;
        (void)ops_default_agent(ops);
    }
}

static int run_stretch(struct session *session, const struct run_request *request,
                       char run_id[RUN_ID_SIZE], struct error *err)
{
    struct ops *ops = session->ops;
    struct engine_options options;
    int r = ops_engine_options(ops, &options, err);

    if (r < 0) {
        return r;
    }
    options.on_record = on_record;
    options.on_stall = on_stall;
    options.on_lost = on_lost;
    options.on_rest = on_rest;
    options.context = session;
    session->run_id = run_id;
    r = engine_new(&options, &ops->engine, err);
    if (r < 0) {
        return r;
    }
    r = request ? engine_start_later(ops->engine, request, run_id, err)
                : engine_adopt(ops->engine, run_id, err);
    if (r == 0) {
        session->begin = engine_show(ops->engine, run_id);
        if (json_get_boolean(session->begin, "offline", false)) {
            go_offline(ops);
        }
        if (!request) {
            show_begin(session);
        }
        loop_run(ops->loop);
    }
    if (r == 0 && session->is_at_rest && session->rest.code == 0) {
        session->run = engine_show(ops->engine, run_id);
        json_put(session->run, "owned", json_false()); /* true again only for somebody else */
    }
    loop_cancel(ops->loop, session->tick);
    ops_forget_stall(ops, session->view);
    if (session->is_shown && session->view->on_end) {
        session->view->on_end(session->view->context);
    }
    engine_free(ops->engine);
    ops->engine = NULL;
    json_decref(session->begin);
    session->begin = NULL;
    if (r == 0 && session->rest.code < 0) {
        *err = session->rest;
        r = err->code;
    }
    return r;
}

void ops_interrupt(struct ops *ops, int times)
{
    if (!ops->engine) {
        return;
    }
    ops->is_interrupted = true;
    if (times >= 3) {
        ops->is_left = true;
        loop_stop(ops->loop);
        return;
    }
    engine_interrupt(ops->engine, times == 2);
    expect_end(ops);
}

struct visit_context {
    void (*visit)(void *context, const struct running_step *step);
    void *context;
};

static void visit_one(void *context, const struct engine_running *step)
{
    const struct visit_context *visit = context;
    struct running_step running = {step->run_id,
                                   step->step,
                                   step->phase,
                                   step->started_at_ms,
                                   step->line ? step->line : "",
                                   step->liveness,
                                   step->liveness_since_ms};
    struct strbuf line;

    strbuf_init(&line, LAST_LINE_BYTES);
    if (!step->line) {
        attempt_last_line(step->folder, &line);
        running.last_line = line.data;
    }
    visit->visit(visit->context, &running);
    strbuf_release(&line);
}

void ops_visit_running(struct ops *ops,
                       void (*visit)(void *context, const struct running_step *step), void *context)
{
    struct visit_context own = {visit, context};

    if (ops->engine) {
        engine_visit_running(ops->engine, visit_one, &own);
    }
}

/* ---- approvals ---- */

static bool waits_for_approval(const json_t *step)
{
    return strcmp(json_get_text(step, "waiting", ""), "approval") == 0;
}

static const json_t *find_approval(const json_t *run)
{
    const json_t *phase;
    const json_t *step;
    size_t i;
    size_t k;

    json_array_foreach(json_object_get(run, "phases"), i, phase)
    {
        json_array_foreach(json_object_get(phase, "steps"), k, step)
        {
            if (waits_for_approval(step)) {
                return step;
            }
        }
    }
    return NULL;
}

/* Asks until the answer is one of the three; no answer at all means later. */
static const char *ask_decision(const struct session *session, const char *question)
{
    char *answer = NULL;

    while (session->view->ask(session->view->context, question, &answer)) {
        char first = *answer;

        free(answer);
        answer = NULL;
        if (first != '\0' && strchr("aAyY", first)) {
            return "approve";
        }
        if (first != '\0' && strchr("rRnN", first)) {
            return "reject";
        }
        if (first == '\0' || first == 'l' || first == 'L') {
            break;
        }
    }
    free(answer);
    return NULL;
}

/* 1: the run can go on; takes the command over. */
static int send_decision(struct ops *ops, const char *run_id, json_t *command, struct error *err)
{
    struct engine_options options;
    json_t *answered = NULL;
    int r = ops_engine_options(ops, &options, err);

    if (r == 0) {
        r = run_ask(&options, run_id, command, &answered, err);
    }
    json_decref(command);
    json_decref(answered);
    return r < 0 ? r : 1;
}

/* 1: answered, the run can go on; 0: later. */
static int ask_question(struct session *session, const char *run_id, const json_t *step,
                        struct error *err)
{
    json_t *answers = ops_ask_questions(session->view, step);

    if (!answers) {
        return 0;
    }
    return send_decision(session->ops, run_id,
                         json_pack("{s:s, s:s, s:o, s:s}", "do", "answer", "step",
                                   json_get_text(step, "key", ""), "answers", answers, "by",
                                   session->ops->settings->user),
                         err);
}

/* 1: answered, the run can go on; 0: later. */
static int ask_approval(struct session *session, const char *run_id, const json_t *step,
                        struct error *err)
{
    const char *key = json_get_text(step, "key", "");
    char *question = mem_printf("%s: %s\n[a]pprove, [r]eject or [l]ater? ",
                                json_get_text(step, "name", key),
                                json_get_text(step, "reason", "waits for your approval"));
    const char *decision = ask_decision(session, question);

    free(question);
    if (!decision) {
        return 0;
    }
    return send_decision(session->ops, run_id,
                         json_pack("{s:s, s:s, s:s?}", "do", decision, "step", key, "by",
                                   session->ops->settings->user),
                         err);
}

static int ask_where_it_waits(struct session *session, const char *run_id, struct error *err)
{
    const json_t *step = NULL;
    const json_t *asking = NULL;
    size_t count;
    json_t *run;
    int r = run_show(session->ops->store, session->ops->folder, run_id, &run, err);

    if (r < 0) {
        return r;
    }
    if (strcmp(json_get_text(run, "status", ""), "paused") == 0) {
        step = find_approval(run);
        asking = ops_find_question(run, &count);
    }
    r = asking ? ask_question(session, run_id, asking, err)
        : step ? ask_approval(session, run_id, step, err)
               : 0;
    json_decref(run);
    return r;
}

/* ---- from outside ---- */

int ops_drive(struct ops *ops, const struct drive *drive, const struct ops_view *view,
              json_t **ret_result, struct error *err)
{
    char run_id[RUN_ID_SIZE] = "";
    const struct run_request *request = drive->request;
    struct session session = {0};
    int r;

    assert(!request != !drive->run_id);
    if (drive->run_id) {
        memcpy(run_id, drive->run_id, RUN_ID_SIZE);
    }
    do {
        json_decref(session.run);
        session = (struct session){.ops = ops, .view = view};
        r = run_stretch(&session, request, run_id, err);
        request = NULL;
        if (r == 0 && !ops->is_left && drive->may_ask && view->ask) {
            r = ask_where_it_waits(&session, run_id, err);
        }
    } while (r > 0);
    if (r == 0 && session.run) {
        ops_complete_run(ops, true, session.run);
        *ret_result = session.run;
    } else if (r == 0) {
        r = ops_describe_run(ops, run_id, true, ret_result, err);
    } else {
        json_decref(session.run);
    }
    if (r == 0 && ops->is_left) {
        json_put(*ret_result, "left", json_true());
    }
    if (r == 0 && strcmp(json_get_text(*ret_result, "status", ""), "completed") == 0) {
        run_sweep_workspaces(ops->store, ops->folder, run_id);
    }
    return r;
}

static int spawn_driver(const struct ops *ops, const char *run_id, const char *log, pid_t *ret_pid,
                        struct error *err)
{
    const char *form = ops->settings->log_format;
    char *config = ops->settings->config_file ? ops_path(ops, ops->settings->config_file) : NULL;
    const char *argv[10] = {ops->settings->self_path, "--project", ops->project, "drive", run_id};
    size_t count = 5;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int number;

    if (form) {
        argv[count++] = "--log-format";
        argv[count++] = form;
    }
    if (config) {
        argv[count++] = "--config";
        argv[count++] = config;
    }
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    mem_check(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0));
    mem_check(
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600));
    mem_check(posix_spawn_file_actions_adddup2(&actions, 1, 2));
    /* posix_spawn wants char * but changes nothing. */
    number = posix_spawn(ret_pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
                         (char *const *)(uintptr_t)ops->settings->environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    free(config);
    if (number) {
        return error_set(err, ERROR_IO, "the background process could not be started: %s",
                         strerror(number));
    }
    return 0;
}

int ops_detach(struct ops *ops, const char *run_id, json_t **ret_result, struct error *err)
{
    char *folder = ops_run_folder(ops, run_id);
    char *logs = path_join(folder, "logs");
    char *log = path_join(logs, "driver.log");
    pid_t pid;
    int r = file_make_folders(logs, err);

    if (r == 0) {
        r = spawn_driver(ops, run_id, log, &pid, err);
    }
    if (r == 0) {
        *ret_result = json_pack("{s:s, s:s, s:b, s:I, s:s, s:s}", "id", run_id, "status", "running",
                                "detached", 1, "pid", (json_int_t)pid, "folder", folder, "log",
                                log);
    } else {
        error_hint(err, "the run %s is stored; `fermata resume %s` goes on with it", run_id,
                   run_id);
    }
    free(log);
    free(logs);
    free(folder);
    return r;
}

int ops_go_on(struct ops *ops, const char *run_id, const json_t *arguments,
              const struct ops_view *view, json_t **ret_result, struct error *err)
{
    struct drive drive = {
        .run_id = run_id,
        .may_ask = !json_get_boolean(arguments, "no_input", false),
    };
    int r = ops_need_trust(ops, drive.may_ask ? view : NULL, err);

    if (r < 0) {
        return r;
    }
    if (json_get_boolean(arguments, "detach", false)) {
        return ops_detach(ops, run_id, ret_result, err);
    }
    return ops_drive(ops, &drive, view, ret_result, err);
}

int op_drive(struct ops *ops, const json_t *arguments, const struct ops_view *view,
             json_t **ret_result, struct error *err)
{
    struct drive drive = {0};
    char run_id[RUN_ID_SIZE];
    int r = ops_resolve_run(ops, arguments, run_id, err);

    if (r == 0) {
        r = ops_need_trust(ops, NULL, err);
    }
    if (r < 0) {
        return r;
    }
    drive.run_id = run_id;
    return ops_drive(ops, &drive, view, ret_result, err);
}
