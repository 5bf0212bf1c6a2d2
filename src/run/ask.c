/* SPDX-License-Identifier: MIT */
/* A command to a run, whoever owns it: by the inbox when a process does, by ourselves when none
 * does. */
#include "base/alloc.h"
#include "base/file.h"
#include "run/engine.h"
#include "run/files_queue.h"
#include "run/own.h"
#include "run/query.h"
#include "run/reserve.h"
#include "run/states.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 10000
#define ANSWER_POLL_MS 10
#define SPACE_TRIES 50

struct letter {
    const char *run_id;
    const char *command;
    int64_t at;
    int64_t id;
    int64_t owner; /* its process */
    char *answer;
};

static const struct query q_inbox_add = {
    "INSERT INTO inbox (run, command, sender, at) VALUES (?1, ?2, ?3, ?4) RETURNING id"};
static const struct query q_inbox_answer = {"SELECT answer FROM inbox WHERE id = ?1"};
static const struct query q_lease_pid = {"SELECT pid FROM lease WHERE run = ?1"};
static const struct query q_inbox_remove = {"DELETE FROM inbox WHERE id = ?1"};

static int send_letter(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_inbox_add);
    int r;

    bind_text(statement, 1, letter->run_id);
    bind_text(statement, 2, letter->command);
    bind_text(statement, 3, NULL);
    bind_integer(statement, 4, letter->at);
    r = statement_step(statement, err);
    if (r > 0) {
        letter->id = column_integer(statement, 0);
        r = tx_run(tx, statement, NULL, err);
    }
    return r;
}

static int look_for_answer(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_inbox_answer);
    int r;

    bind_integer(statement, 1, letter->id);
    r = statement_step(statement, err);
    if (r > 0 && column_text(statement, 0)) {
        letter->answer = mem_strdup(column_text(statement, 0));
    }
    return r < 0 ? r : 0;
}

static int look_for_owner(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_lease_pid);
    int r;

    bind_text(statement, 1, letter->run_id);
    r = statement_step(statement, err);
    letter->owner = r > 0 ? column_integer(statement, 0) : 0;
    return r < 0 ? r : 0;
}

static int take_letter_back(struct tx *tx, void *arg, struct error *err)
{
    struct letter *letter = arg;
    struct statement *statement = tx_query(tx, &q_inbox_remove);

    bind_integer(statement, 1, letter->id);
    return tx_run(tx, statement, NULL, err);
}

static int read_answer(const char *text, json_t **ret_answer, struct error *err)
{
    json_t *answer = NULL;
    int r = json_parse_text(text, strlen(text), "answer", &answer, err);

    if (r < 0) {
        return r;
    }
    if (json_object_get(answer, "error")) {
        r = error_set(err, (int)json_get_integer(answer, "code", ERROR_CONFLICT), "%s",
                      json_get_text(answer, "error", ""));
        error_hint(err, "%s", json_get_text(answer, "hint", ""));
        json_decref(answer);
        return r;
    }
    *ret_answer = answer;
    return 0;
}

static int refuse_silent_owner(const struct engine_options *options, struct letter *letter,
                               struct error *err)
{
    long long pid;
    int r = store_read(options->store, look_for_owner, letter, err);

    if (r < 0) {
        return r;
    }
    pid = (long long)letter->owner;
    (void)error_set(err, ERROR_LIMIT,
                    "process %lld, which owns run %s, did not answer in %d s; it may be stopped",
                    pid, letter->run_id, ANSWER_WAIT_MS / 1000);
    error_hint(err,
               "let it go on (kill -CONT %lld) or end it (kill -9 %lld), then try again: its "
               "steps live on under their keepers",
               pid, pid);
    return ERROR_LIMIT;
}

static void wait_a_little(void)
{
    struct timespec pause = {.tv_nsec = ANSWER_POLL_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* Knocks until there is an answer. ERROR_BUSY: the owner ended without one, so the run can be
 * taken; ERROR_LIMIT: it is there and says nothing. */
static int wait_for_answer(const struct engine_options *options, struct letter *letter,
                           struct error *err)
{
    const struct host *host = options->host;
    int64_t deadline = host->monotonic_ms(host->context) + ANSWER_WAIT_MS;
    char *wake = run_lock_path(options->folder);
    int r = 0;

    while (r == 0) {
        /* Asked before the answer is looked for: an owner may answer and end in between. */
        bool is_owned = run_is_locked(options->folder, letter->run_id);

        r = store_read(options->store, look_for_answer, letter, err);
        if (r < 0 || letter->answer) {
            break;
        }
        if (!is_owned) {
            r = error_set(err, ERROR_BUSY, "the owner ended");
        } else if (host->monotonic_ms(host->context) > deadline) {
            r = refuse_silent_owner(options, letter, err);
        } else {
            /* Takes no space: the disk may be full. */
            (void)utimensat(AT_FDCWD, wake, NULL, 0);
            wait_a_little();
        }
    }
    free(wake);
    return r;
}

static int ask_owner(const struct engine_options *options, struct letter *letter,
                     json_t **ret_answer, struct error *err)
{
    int r = store_write(options->store, send_letter, letter, err);

    if (r == 0) {
        r = wait_for_answer(options, letter, err);
        (void)store_write(options->store, take_letter_back, letter, NULL);
    }
    if (r == 0) {
        r = read_answer(letter->answer, ret_answer, err);
    }
    free(letter->answer);
    letter->answer = NULL;
    return r;
}

/* ---- without an owner ---- */

struct session {
    struct loop *loop;
    const char *folder;
    struct error err;
    struct error stall;
    loop_id patience; /* it waits for space on the disk */
};

static void on_session_rest(void *context, const struct error *err)
{
    struct session *session = context;

    if (err) {
        session->err = *err;
    }
    loop_stop(session->loop);
}

static void on_patience_end(void *arg)
{
    struct session *session = arg;

    session->err = session->stall;
    loop_stop(session->loop);
}

/* Only cancelling carries a run here: what was put by for it is given back. */
static void on_session_stall(void *context, const struct error *err)
{
    struct session *session = context;

    loop_cancel(session->loop, session->patience);
    session->patience = (loop_id){0};
    if (err) {
        session->stall = *err;
        (void)reserve_release(session->folder);
        session->patience = loop_timer_start(session->loop, ANSWER_WAIT_MS, on_patience_end,
                                             session);
    }
}

static int write_held(struct tx *tx, void *arg, struct error *err)
{
    return commit_write(tx, arg, err);
}

static void write_checkpoints(struct active *active)
{
    for (size_t i = 0; i < active->batch.effects.count; i++) {
        struct effect *effect = &active->batch.effects.items[i];

        if (effect->kind == EFFECT_CHECKPOINT) {
            files_checkpoint(active, effect->word, &effect->view);
        }
    }
}

static int commit_held(struct engine *engine, struct active *active, struct error *err)
{
    struct commit *commit;
    int r;

    if (active->batch.records.count == 0) {
        return 0;
    }
    commit = active_commit(active);
    r = store_write(engine->options.store, write_held, commit, err);
    commit_free(commit);
    if (r == 0) {
        files_records(active);
        write_checkpoints(active);
        files_rest(active);
    }
    return r;
}

static int decide_held(struct engine *engine, struct active *active, const json_t *command,
                       struct error *err);

/* What the run passes on to its nested runs. One that another process carries hears it when it is
 * adopted; one that refuses stays as it is, and says so when its parent goes on. */
static void decide_children_held(struct engine *engine, struct active *active)
{
    for (size_t i = 0; i < active->batch.effects.count; i++) {
        const struct effect *effect = &active->batch.effects.items[i];
        struct active *child = NULL;

        bool is_end = effect->kind == EFFECT_CHILD_END;

        if ((is_end || effect->kind == EFFECT_CHILD_COMMAND) &&
            active_open(engine, effect->child, &child, NULL) == 0) {
            json_t *command = nested_command_text(is_end ? "cancel" : effect->word);

            (void)decide_held(engine, child, command, NULL);
            json_decref(command);
        }
    }
}

static int decide_held(struct engine *engine, struct active *active, const json_t *command,
                       struct error *err)
{
    const struct host *host = engine->options.host;
    struct event event = {.kind = EVENT_COMMAND,
                          .now = host->now_ms(host->context),
                          .random = host->random(host->context),
                          .command = command,
                          .is_held = true};
    int r = decide(active->state, &event, &engine->limits, &active->batch, err);

    if (r == 0) {
        r = commit_held(engine, active, err);
    }
    if (r == 0) {
        decide_children_held(engine, active);
    }
    batch_reset(&active->batch);
    return r;
}

/* Steps are alive under their keepers: the run is carried until the command has been obeyed. */
static int decide_carried(struct engine *engine, struct active *active, const json_t *command,
                          struct session *session, struct error *err)
{
    struct queued_event *recovered = event_new(active, EVENT_RECOVERED, NULL);
    struct queued_event *asked = event_new(active, EVENT_COMMAND, NULL);

    run_find_ready(active->state);
    asked->event.command = event_hold(asked, json_deep_copy(command));
    /* The command first, and nothing starts with it: what it started would be taken for something
     * that a crash had cut off. */
    asked->event.is_held = true;
    engine_post(engine, asked);
    engine_post(engine, recovered);
    loop_run(session->loop);
    loop_cancel(session->loop, session->patience);
    if (session->err.code < 0) {
        *err = session->err;
        return err->code;
    }
    return 0;
}

static json_t *describe(const struct run_state *run)
{
    json_t *answer = json_object();
    json_t *options = run_options(run);

    run_add_live_options(run, false, options);
    json_put_text(answer, "status", run_status_name(run->status));
    json_put_text(answer, "wish", wish_name(run->wish));
    json_put(answer, "owner", json_false());
    json_put(answer, "options", options);
    return answer;
}

static int change_ourselves(const struct engine_options *options, const char *run_id,
                            const json_t *command, json_t **ret_answer, struct error *err)
{
    struct session session = {.loop = options->loop, .folder = options->folder};
    struct engine_options own = *options;
    struct engine *engine = NULL;
    struct active *active = NULL;
    const char *word = json_get_text(command, "do", "");
    int r;

    own.on_rest = on_session_rest;
    own.on_stall = on_session_stall;
    own.on_record = NULL;
    own.context = &session;
    r = engine_new(&own, &engine, err);
    if (r == 0) {
        r = active_open(engine, run_id, &active, err);
    }
    if (r == 0) {
        r = strcmp(word, "cancel") == 0 && run_has_work(active->state)
                ? decide_carried(engine, active, command, &session, err)
                : decide_held(engine, active, command, err);
    }
    if (r == 0) {
        *ret_answer = describe(active->state);
    }
    engine_free(engine);
    return r;
}

/* An owner may come or go between the two ways; a few rounds settle it. */
static int ask_somebody(const struct engine_options *options, const char *run_id,
                        const json_t *command, json_t **ret_answer, struct error *err)
{
    char *text = json_dump_compact(command);
    struct letter letter = {
        .run_id = run_id, .command = text, .at = options->host->now_ms(options->host->context)};
    int r = ERROR_BUSY;

    for (int i = 0; i < 5 && r == ERROR_BUSY; i++) {
        r = change_ourselves(options, run_id, command, ret_answer, err);
        if (r == ERROR_BUSY) {
            r = ask_owner(options, &letter, ret_answer, err);
        }
    }
    /* Busy meant "ask again" so far; from here on it is what it is for everybody. */
    if (r == ERROR_LIMIT) {
        r = err->code = ERROR_BUSY;
    }
    free(text);
    return r;
}

static bool ends_work(const json_t *command)
{
    const char *word = json_get_text(command, "do", "");

    return strcmp(word, "cancel") == 0 || strcmp(word, "pause") == 0;
}

int run_ask(const struct engine_options *options, const char *run_id, const json_t *command,
            json_t **ret_answer, struct error *err)
{
    struct error own = ERROR_INIT;
    int r = strcmp(json_get_text(command, "do", ""), "cancel") == 0
                ? 0
                : run_refuse_orphan(options->store, run_id, &own);

    if (r == 0) {
        r = ask_somebody(options, run_id, command, ret_answer, &own);
    }

    if (r < 0 && own.is_storage_full && ends_work(command)) {
        (void)reserve_release(options->folder);
    }
    /* Others want the space too; a failed commit has made some in the store's own log. */
    for (int i = 0; i < SPACE_TRIES && r < 0 && own.is_storage_full && ends_work(command); i++) {
        wait_a_little();
        own = (struct error)ERROR_INIT;
        r = ask_somebody(options, run_id, command, ret_answer, &own);
    }
    if (r < 0 && err) {
        *err = own;
    }
    return r;
}
