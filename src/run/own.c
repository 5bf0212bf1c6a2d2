/* SPDX-License-Identifier: MIT */
/* Owning a run: a lock in its folder says that its owner lives, the lease's generation keeps a
 * stale one from writing, the journal gives its state back. */
#include "run/own.h"
#include "base/alloc.h"
#include "base/file.h"
#include "results/results.h"
#include "run/budgets.h"
#include "run/definition.h"
#include "run/files_queue.h"
#include "run/live.h"
#include "run/query.h"
#include "run/states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *run_folder(const char *folder, const char *run_id)
{
    return mem_printf("%s/workflows/%s", folder, run_id);
}

/* Locks of the open file (F_OFD): they end with the last descriptor, and they can be asked about
 * without being taken. All runs of a project share one file, since to make one costs more than
 * whatever else a short run does; each has two bytes of it, found by the 60 bits of its name. */
enum lock_byte { BYTE_OWNER, BYTE_WAITS_FOR_SPACE };

static struct flock lock_of(const char *run_id, enum lock_byte byte, short type)
{
    return (struct flock){.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)(run_id_parse(run_id) * 2 + byte),
                          .l_len = 1};
}

char *run_lock_path(const char *folder)
{
    return path_join(folder, "owners.lock");
}

int run_locks_open(const char *folder, int *ret_fd, struct error *err)
{
    char *path = run_lock_path(folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r = fd < 0 ? error_set_errno(err, "cannot open %s", path) : 0;

    *ret_fd = fd;
    free(path);
    return r;
}

static int lock_run(int locks_fd, const char *run_id, struct error *err)
{
    struct flock lock = lock_of(run_id, BYTE_OWNER, F_WRLCK);

    if (fcntl(locks_fd, F_OFD_SETLK, &lock) == 0) {
        return 0;
    }
    return errno == EAGAIN ? error_set(err, ERROR_BUSY, "another process is at work on this run")
                           : error_set_errno(err, "cannot lock run %s", run_id);
}

int run_lock(const char *folder, const char *run_id, int *ret_fd, struct error *err)
{
    int fd;
    int r = run_locks_open(folder, &fd, err);

    if (r == 0) {
        r = lock_run(fd, run_id, err);
    }
    if (r == 0) {
        *ret_fd = fd;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return r;
}

static bool is_taken(int fd, const char *run_id, enum lock_byte byte)
{
    struct flock lock = lock_of(run_id, byte, F_WRLCK);

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

enum run_owner run_find_owner(const char *folder, const char *run_id)
{
    char *path = run_lock_path(folder);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    enum run_owner owner = OWNER_NONE;

    if (fd >= 0 && is_taken(fd, run_id, BYTE_OWNER)) {
        owner = is_taken(fd, run_id, BYTE_WAITS_FOR_SPACE) ? OWNER_WAITS_FOR_SPACE : OWNER_AT_WORK;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(path);
    return owner;
}

bool run_is_locked(const char *folder, const char *run_id)
{
    return run_find_owner(folder, run_id) != OWNER_NONE;
}

void run_lock_note_wait(int locks_fd, const char *run_id, bool is_waiting)
{
    struct flock lock = lock_of(run_id, BYTE_WAITS_FOR_SPACE, is_waiting ? F_WRLCK : F_UNLCK);

    (void)fcntl(locks_fd, F_OFD_SETLK, &lock);
}

/* A run is locked once by each engine, which looks at its own runs first: the shared descriptor
 * would let it in twice. */
static int active_lock(struct active *active, struct error *err)
{
    int r = lock_run(active->engine->locks_fd, active->id, err);

    active->is_locked = r == 0;
    return r;
}

static void active_unlock(const struct active *active)
{
    static const enum lock_byte bytes[] = {BYTE_WAITS_FOR_SPACE, BYTE_OWNER};

    for (size_t i = 0; active->is_locked && i < ARRAY_LEN(bytes); i++) {
        struct flock lock = lock_of(active->id, bytes[i], F_UNLCK);

        (void)fcntl(active->engine->locks_fd, F_OFD_SETLK, &lock);
    }
}

struct load {
    const char *run_id;
    const char *folder;
    struct run_state *state;
    char digest[DIGEST_HEX_SIZE];
    int64_t generation; /* of its last owner */
    json_t *relatives;
};

static int offer_workflow(const char *folder, struct run_state *state, const struct record *record,
                          struct error *err)
{
    struct workflow *workflow = NULL;
    bool is_edit = record->kind == RECORD_RUN_EDITED;
    bool is_same = record->digest && strcmp(record->digest, state->workflow->digest) == 0;
    int r = 0;

    if (record->kind != RECORD_RUN_CREATED && !is_edit) {
        return 0;
    }
    if (is_same && is_edit) {
        workflow = workflow_share(state->workflow);
    } else if (!is_same && record->digest) {
        r = run_load_definition(folder, state->id, record->digest, &workflow, err);
        r = r == ERROR_NOT_FOUND ? ERROR_IO : r;
    }
    if (workflow) {
        run_offer(state, workflow);
    }
    return r;
}

int run_fold_record(const char *folder, struct run_state *state, const struct record *record,
                    struct error *err)
{
    const char *refusal;
    int r = offer_workflow(folder, state, record, err);

    if (r < 0) {
        return r;
    }
    refusal = run_refusal(state, record);
    if (refusal) {
        return error_set(err, ERROR_IO, "run %s: record %lld (%s) of the journal does not fit: %s",
                         state->id, (long long)record->seq, record_kind_name(record->kind),
                         refusal);
    }
    run_apply(state, record);
    return 0;
}

struct folding {
    const char *folder;
    struct run_state *state;
};

static int apply_record(void *context, const struct record *record, struct error *err)
{
    const struct folding *folding = context;

    return run_fold_record(folding->folder, folding->state, record, err);
}

int run_fold(struct tx *tx, const char *folder, struct run_state *state, struct error *err)
{
    struct folding folding = {folder, state};
    int r = journal_read(tx, state->id, 1, 0, apply_record, &folding, err);

    if (r == 0 && state->seq == 0) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no journal", state->id);
    }
    return r;
}

static int find_digest(struct tx *tx, void *arg, struct error *err)
{
    struct load *load = arg;

    return journal_find_digest(tx, load->run_id, load->digest, err);
}

static int fold(struct tx *tx, void *arg, struct error *err)
{
    struct load *load = arg;
    int r = lease_find(tx, load->run_id, &load->generation, err);

    r = r < 0 ? r : run_fold(tx, load->folder, load->state, err);
    return r < 0 ? r : budgets_read(tx, load->run_id, &load->relatives, err);
}

int run_workflow_text(struct store *store, const char *folder, const char *run_id, char **ret_text,
                      struct error *err)
{
    struct load load = {.run_id = run_id};
    int r = store_read(store, find_digest, &load, err);

    return r < 0 ? r : run_read_definition(folder, run_id, load.digest, ret_text, err);
}

int run_load_workflow(struct store *store, const char *folder, const char *run_id,
                      struct workflow **ret_workflow, struct error *err)
{
    struct load load = {.run_id = run_id};
    int r = store_read(store, find_digest, &load, err);

    return r < 0 ? r : run_load_definition(folder, run_id, load.digest, ret_workflow, err);
}

static int fold_job(struct tx *tx, void *arg, struct error *err)
{
    const struct folding *folding = arg;
    int r = run_fold(tx, folding->folder, folding->state, err);

    return r < 0 ? r : budgets_read_below(tx, folding->state->id, &folding->state->below, err);
}

int run_load_state(struct store *store, const char *folder, const char *run_id,
                   struct workflow **ret_workflow, struct run_state **ret_state, struct error *err)
{
    struct workflow *workflow = NULL;
    struct folding folding;
    struct run_state *state;
    int r = run_load_workflow(store, folder, run_id, &workflow, err);

    if (r < 0) {
        return r;
    }
    state = run_state_new(run_id, workflow);
    folding = (struct folding){folder, state};
    r = store_read(store, fold_job, &folding, err);
    if (r < 0) {
        run_state_free(state);
        workflow_free(workflow);
        return r;
    }
    *ret_workflow = workflow;
    *ret_state = state;
    return 0;
}

void active_take_over(struct active *active)
{
    struct engine *engine = active->engine;

    (void)map_put(engine->runs, active->state->id, active);
    if (engine->lacks_space) {
        run_lock_note_wait(engine->locks_fd, active->id, true);
    }
    budgets_enter(active);
    files_open(active);
    inbox_watch(engine);
}

struct active *active_new(struct engine *engine, const char *run_id)
{
    struct active *active = mem_zero(1, sizeof(*active));

    active->engine = engine;
    (void)snprintf(active->id, sizeof(active->id), "%s", run_id);
    active->folder = run_folder(engine->options.folder, run_id);
    batch_init(&active->batch);
    return active;
}

void active_free(struct active *active)
{
    if (!active) {
        return;
    }
    budgets_leave(active);
    loop_cancel(active->engine->options.loop, active->state_timer);
    logs_close(active);
    strbuf_release(&active->view);
    batch_release(&active->batch);
    if (!files_leave_state(active)) {
        run_state_free(active->state);
        definition_give_back(active->engine->definitions, active->workflow);
    }
    json_decref(active->end_checkpoints);
    active_unlock(active);
    free(active->folder);
    free(active);
}

struct commit *active_commit(struct active *active)
{
    const struct host *host = active->engine->options.host;
    struct commit *commit = commit_new(active->state, active->generation);

    commit->config = active->engine->options.config;
    commit->user = active->engine->options.user;
    commit_add_batch(commit, active->state, &active->batch.records);
    if (active->needs_lease) {
        commit->lease = (struct lease){getpid(), host->now_ms(host->context)};
        active->needs_lease = false;
    }
    return commit;
}

static void remove_dirty(struct engine *engine, const struct active *active)
{
    for (size_t i = 0; i < engine->dirty.count; i++) {
        if (engine->dirty.items[i] == active) {
            engine->dirty.items[i] = engine->dirty.items[--engine->dirty.count];
            return;
        }
    }
}

void active_lose(struct active *active, const char *why)
{
    struct engine *engine = active->engine;
    struct error err = ERROR_INIT;
    struct active *nested;
    char id[RUN_ID_SIZE];

    memcpy(id, active->state->id, RUN_ID_SIZE);
    while ((nested = engine_find_nested(engine, id)) != NULL) {
        active_lose(nested, why);
    }
    nested_await(active);
    live_let_go(active);
    remove_dirty(engine, active);
    (void)map_remove(engine->runs, id);
    logs_close(active);
    files_forget(active);
    active_free(active);
    if (engine->options.on_lost) {
        (void)error_set(&err, ERROR_CONFLICT, "run %s is no longer this process's: %s", id, why);
        error_hint(&err, "it goes on there; see it with: fermata status %s", id);
        engine->options.on_lost(engine->options.context, id, &err);
    }
}

/* ---- taking one that is there ---- */

int active_read(struct active *active, const char *run_id, const char *pinned, bool *ret_is_new,
                struct error *err)
{
    const struct engine_options *options = &active->engine->options;
    struct load load = {.run_id = run_id, .folder = options->folder};
    bool is_new = false;
    int r = store_read(options->store, find_digest, &load, err);

    if (r == ERROR_NOT_FOUND && pinned) {
        is_new = true;
        (void)snprintf(load.digest, sizeof(load.digest), "%s", pinned);
        r = 0;
    }
    if (r == 0) {
        r = active_lock(active, err);
    }
    if (r == 0) {
        r = definition_take(active->engine->definitions, options->folder, run_id, load.digest,
                            &active->workflow, err);
        /* Of a run that is there: something lost its text. */
        r = r == ERROR_NOT_FOUND ? ERROR_IO : r;
    }
    if (r == 0) {
        active->state = load.state = run_state_new(run_id, active->workflow);
        r = is_new ? 0 : store_read(options->store, fold, &load, err);
    }
    if (r == 0) {
        active->generation = load.generation + 1;
        active->relatives = load.relatives;
        active->needs_lease = true;
    }
    *ret_is_new = is_new;
    return r;
}

void active_go_on(struct active *active)
{
    run_find_ready(active->state);
    engine_post(active->engine,
                event_new(active,
                          active->state->status == RUN_PENDING ? EVENT_BEGIN : EVENT_RECOVERED,
                          NULL));
}

int active_open(struct engine *engine, const char *run_id, struct active **ret_active,
                struct error *err)
{
    struct active *active = active_new(engine, run_id);
    bool is_new;
    int r = active_read(active, run_id, NULL, &is_new, err);

    if (r < 0) {
        active_free(active);
        return r;
    }
    active_take_over(active);
    *ret_active = active;
    return 0;
}

/* ---- creating ---- */

static int write_creation(struct tx *tx, void *arg, struct error *err)
{
    return commit_write(tx, arg, err);
}

/* The caller's word, else the workflow's, else the configuration's: then it is a run of its own. */
static const json_t *pick_budget(struct active *active, const struct run_request *request)
{
    struct budget budget = budget_over(request->workflow->budget,
                                       active->engine->options.config->budget);
    json_t *picked = request->budget ? NULL : budget_encode(&budget);

    if (picked) {
        *VEC_PUSH(&active->batch.held) = picked;
    }
    return request->budget ? request->budget : picked;
}

static struct record creation_record(struct active *active, const struct run_request *request)
{
    const struct engine *engine = active->engine;
    enum strategy fallback = engine->options.config->strategy;

    return (struct record){
        .kind = RECORD_RUN_CREATED,
        .seq = 1,
        .at = engine->options.host->now_ms(engine->options.host->context),
        .name = request->workflow->name,
        .digest = request->workflow->digest,
        .reason = request->workflow->title,
        .text = request->task,
        .data = request->inputs,
        .strategy = request->strategy ? strategy_name(request->strategy) : NULL,
        .class_ = fallback ? strategy_name(fallback) : NULL,
        .flag = request->is_fresh,
        .is_answered = request->is_offline,
        .status = request->is_bridged ? "host" : NULL,
        .by = request->label,
        .session = request->task_id,
        .model = request->kind,
        .artifacts = request->calls,
        .folder = request->forked_from,
        .files = request->again,
        .output = pick_budget(active, request),
        .errors = request->spent,
    };
}

static int keep_text(struct engine *engine, const struct workflow *workflow, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];

    return definition_is_used(engine->definitions, workflow->digest)
               ? 0
               : blob_put(engine->blobs, workflow->text, workflow->text_length, digest, err);
}

/* A run that could not begin leaves no folder, unless that is somebody else's. */
static void active_abandon(struct active *active)
{
    if (active->is_locked) {
        (void)file_remove_tree(active->folder, NULL);
    }
    active_free(active);
}

/* Its lock and its workflow; nothing of it is in the store yet. */
static int active_begin(struct engine *engine, const char *run_id, const struct workflow *workflow,
                        struct active **ret_active, struct error *err)
{
    struct active *active = active_new(engine, run_id);
    int r = active_lock(active, err);

    if (r < 0) {
        active_abandon(active);
        return r;
    }
    active->workflow = definition_use(engine->definitions, workflow);
    active->state = run_state_new(run_id, active->workflow);
    active->generation = 1;
    active->needs_lease = true;
    *ret_active = active;
    return 0;
}

static void tell_created(struct active *active)
{
    const struct engine_options *options = &active->engine->options;
    const struct record record = record_vec_get(&active->batch.records, 0);

    files_records(active);
    if (options->on_record) {
        options->on_record(options->context, active->state->id, &record);
    }
    batch_reset(&active->batch);
}

int active_create(struct engine *engine, const char *run_id, const struct run_request *request,
                  struct active **ret_active, struct error *err)
{
    struct active *active = NULL;
    struct commit *commit;
    int r = keep_text(engine, request->workflow, err);

    if (r == 0) {
        r = active_begin(engine, run_id, request->workflow, &active, err);
    }
    if (r < 0) {
        return r;
    }
    batch_emit(&active->batch, active->state, creation_record(active, request));
    commit = active_commit(active);
    r = store_write(engine->options.store, write_creation, commit, err);
    commit_free(commit);
    if (r < 0) {
        active_abandon(active);
        return r;
    }
    active_take_over(active);
    tell_created(active);
    *ret_active = active;
    return 0;
}

int active_create_later(struct engine *engine, const char *run_id,
                        const struct run_request *request, struct error *err)
{
    struct active *active = NULL;
    int r = keep_text(engine, request->workflow, err);

    if (r == 0) {
        r = active_begin(engine, run_id, request->workflow, &active, err);
    }
    if (r < 0) {
        return r;
    }
    batch_emit(&active->batch, active->state, creation_record(active, request));
    active_take_over(active);
    engine_post(engine, event_new(active, EVENT_BEGIN, NULL));
    return 0;
}

void active_create_nested(struct active *active, const struct run_request *request,
                          const struct active *parent, const char *parent_step)
{
    struct record record = creation_record(active, request);

    record.other = parent->state->id;
    record.other_step = parent_step;
    record.number = parent->state->depth + 1;
    batch_emit(&active->batch, active->state, record);
    active_take_over(active);
    engine_post(active->engine, event_new(active, EVENT_BEGIN, NULL));
}
