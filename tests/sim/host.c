/* SPDX-License-Identifier: MIT */
/* What the engine's effects set going, and what comes back from it, in its time. Keepers live on
 * through a crash; watches, timers and preparations end with the engine that wanted them. */
#include "sim.h"

#include "base/alloc.h"

#include <string.h>

/* ---- the agenda: a heap, the earliest first ---- */

static bool is_before(const struct happening *left, const struct happening *right)
{
    return left->at != right->at ? left->at < right->at : left->order < right->order;
}

static void swap(struct happening *left, struct happening *right)
{
    struct happening kept = *left;

    *left = *right;
    *right = kept;
}

void host_schedule(struct sim *sim, struct happening happening)
{
    size_t place = sim->agenda.count;

    happening.order = sim->order++;
    happening.generation = sim->generation;
    *VEC_PUSH(&sim->agenda) = happening;
    while (place > 0 && is_before(&sim->agenda.items[place], &sim->agenda.items[(place - 1) / 2])) {
        swap(&sim->agenda.items[place], &sim->agenda.items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

static void sift_down(struct sim *sim)
{
    size_t place = 0;

    while (2 * place + 1 < sim->agenda.count) {
        size_t child = 2 * place + 1;

        if (child + 1 < sim->agenda.count &&
            is_before(&sim->agenda.items[child + 1], &sim->agenda.items[child])) {
            child++;
        }
        if (!is_before(&sim->agenda.items[child], &sim->agenda.items[place])) {
            return;
        }
        swap(&sim->agenda.items[child], &sim->agenda.items[place]);
        place = child;
    }
}

static bool is_void(const struct sim *sim, const struct happening *happening)
{
    if (happening->kind == HAPPENS_ATTEMPT_END && happening->generation == sim->generation) {
        return sim->keepers.items[happening->keeper].watched_by != sim->generation;
    }
    return happening->generation != sim->generation;
}

bool host_next(struct sim *sim, struct happening *ret_happening)
{
    while (sim->agenda.count > 0) {
        *ret_happening = sim->agenda.items[0];
        sim->agenda.items[0] = sim->agenda.items[--sim->agenda.count];
        sift_down(sim);
        if (!is_void(sim, ret_happening)) {
            return true;
        }
    }
    return false;
}

static bool is_same_step(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : !left && !right;
}

bool host_is_pending(const struct sim *sim, int run, enum event_kind kind, const char *step)
{
    for (size_t i = 0; i < sim->agenda.count; i++) {
        const struct happening *happening = &sim->agenda.items[i];

        if (happening->run == run && happening->event.kind == kind &&
            happening->kind != HAPPENS_RESTART && is_same_step(happening->event.step, step) &&
            !is_void(sim, happening)) {
            return true;
        }
    }
    for (size_t i = 0; i < sim->queue.count; i++) {
        const struct queued *queued = &sim->queue.items[i];

        if (queued->run == run && queued->event.kind == kind &&
            is_same_step(queued->event.step, step)) {
            return true;
        }
    }
    return false;
}

/* ---- outcomes ---- */

static json_t *make_list(struct sim *sim)
{
    json_t *list = json_array();
    int count = sim_random_below(&sim->random, 5);

    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_integer(i));
    }
    return list;
}

static const json_t *make_output(struct sim *sim, const struct step *definition)
{
    json_t *output = json_object();

    json_put_integer(output, "bytes", 3);
    if (definition && definition->format == OUTPUT_JSON) {
        json_put(output, "is_json", json_true());
        json_put(output, "json", sim_chance(sim, 10) ? json_integer(7) : make_list(sim));
    } else {
        json_put_text(output, "inline", "ok\n");
    }
    return sim_hold(sim, output);
}

static const json_t *make_proof(struct sim *sim)
{
    json_t *proof = json_object();

    json_put_text(proof, "command", "check");
    return sim_hold(sim, proof);
}

static void fail_check(struct sim *sim, struct outcome *outcome)
{
    outcome->verdict = sim_random_chance(&sim->random, 50) ? VERDICT_FAIL : VERDICT_UNKNOWN;
    outcome->verdict_reason = outcome->verdict == VERDICT_FAIL ? "exit status 1 instead of 0"
                                                               : "no answer within 600 s";
    outcome->class_ = CLASS_PERMANENT;
    outcome->error = outcome->verdict_reason;
}

static struct outcome make_outcome(struct sim *sim, const struct step_state *step)
{
    static const enum failure_class classes[] = {CLASS_TRANSIENT, CLASS_LIMIT,     CLASS_PERMANENT,
                                                 CLASS_REFUSED,   CLASS_TIMEOUT,   CLASS_LOST,
                                                 CLASS_TRANSIENT, CLASS_CANCELLED, CLASS_PERMANENT};
    struct outcome outcome = {.duration_ms = sim_random_below(&sim->random, 5000)};
    bool fails = sim_chance(sim, sim->temper.failures);

    if (step->check) {
        outcome.verdict = VERDICT_PASS;
        outcome.verdict_reason = "exit status 0";
        outcome.proof = make_proof(sim);
        if (fails) {
            fail_check(sim, &outcome);
        }
    }
    if (fails && (!step->check || sim_random_chance(&sim->random, 10))) {
        outcome.class_ = classes[sim_random_below(&sim->random, (int)ARRAY_LEN(classes))];
        outcome.exit_status = 1;
        outcome.error = "it went wrong";
    }
    if (outcome.class_ != CLASS_LOST) {
        outcome.output = make_output(sim, step_effective(step));
    }
    return outcome;
}

/* ---- attempts ---- */

static struct keeper *find_watched(struct sim *sim, int run, const char *key)
{
    for (size_t i = sim->keepers.count; i > 0; i--) {
        struct keeper *keeper = &sim->keepers.items[i - 1];

        if (keeper->run == run && keeper->watched_by == sim->generation &&
            strcmp(keeper->key, key) == 0) {
            return keeper;
        }
    }
    return NULL;
}

const struct keeper *host_find_keeper(const struct sim *sim, int run, const char *key, int attempt)
{
    for (size_t i = sim->keepers.count; i > 0; i--) {
        const struct keeper *keeper = &sim->keepers.items[i - 1];

        if (keeper->run == run && keeper->attempt == attempt && strcmp(keeper->key, key) == 0) {
            return keeper;
        }
    }
    return NULL;
}

static bool is_alive(const struct sim *sim, const struct keeper *keeper)
{
    return !keeper->is_gone && keeper->ends_at > sim->now;
}

static void watch(struct sim *sim, struct keeper *keeper)
{
    keeper->watched_by = sim->generation;
    host_schedule(sim,
                  (struct happening){.kind = HAPPENS_ATTEMPT_END,
                                     .at = keeper->ends_at > sim->now ? keeper->ends_at : sim->now,
                                     .run = keeper->run,
                                     .keeper = (int)(keeper - sim->keepers.items),
                                     .event = {.kind = EVENT_ATTEMPT_ENDED, .step = keeper->key}});
}

static void stop(struct sim *sim, struct keeper *keeper)
{
    /* It may just have come to its own end. */
    if (keeper->ends_at > sim->now && !sim_random_chance(&sim->random, 15)) {
        keeper->outcome = (struct outcome){.class_ = CLASS_CANCELLED,
                                           .error = "stopped",
                                           .verdict = VERDICT_UNKNOWN,
                                           .verdict_reason = "stopped"};
    }
    if (keeper->ends_at > sim->now + 2000) {
        keeper->ends_at = sim->now + sim_random_below(&sim->random, 2000);
    }
    watch(sim, keeper);
}

static void post_outcome(struct sim *sim, const struct keeper *keeper)
{
    struct event event = {.kind = EVENT_ATTEMPT_ENDED,
                          .step = keeper->key,
                          .attempt = keeper->attempt,
                          .outcome = keeper->outcome};

    sim_post(sim, keeper->run, &event);
    if (sim_chance(sim, sim->temper.duplicates)) {
        /* A second word about the same attempt, and not even the same word. */
        if (sim_random_chance(&sim->random, 50)) {
            event.outcome = (struct outcome){.class_ = CLASS_PERMANENT, .error = "a late word"};
        }
        host_schedule(sim,
                      (struct happening){.kind = HAPPENS_EVENT,
                                         .at = sim->now + sim_random_below(&sim->random, 20000),
                                         .run = keeper->run,
                                         .event = event});
    }
}

static void start_attempt(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct keeper *keeper;

    if (step->waiting != WAITING_ATTEMPT) {
        sim_fail(sim, "run %d: an attempt of %s is started that nothing waits for", run->index,
                 step->key);
        return;
    }
    for (size_t i = 0; i < sim->keepers.count; i++) {
        keeper = &sim->keepers.items[i];
        if (keeper->run == run->index && strcmp(keeper->key, step->key) == 0 &&
            (is_alive(sim, keeper) || keeper->watched_by == sim->generation)) {
            sim_fail(sim, "run %d: attempt %d of %s starts while attempt %d is not over",
                     run->index, step->attempts, step->key, keeper->attempt);
            return;
        }
    }
    if (!step->folder &&
        (keeper = (struct keeper *)host_find_keeper(sim, run->index, step->key, step->attempts))) {
        post_outcome(sim, keeper);
        return;
    }
    keeper = VEC_PUSH(&sim->keepers);
    *keeper = (struct keeper){.run = run->index,
                              .key = arena_strdup(sim->arena, step->key),
                              .attempt = step->attempts,
                              .outcome = make_outcome(sim, step)};
    if (step->folder) {
        keeper->ends_at = sim->now + 1 + sim_random_below(&sim->random, 30000);
        watch(sim, keeper);
    } else {
        /* In the engine itself: it is over at once. */
        post_outcome(sim, keeper);
    }
}

static void recover_attempt(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct keeper *keeper = (struct keeper *)host_find_keeper(sim, run->index, step->key,
                                                              step->attempts);
    enum wish wish = run->live->wish;

    if (!keeper) {
        keeper = VEC_PUSH(&sim->keepers);
        *keeper = (struct keeper){.run = run->index,
                                  .key = arena_strdup(sim->arena, step->key),
                                  .attempt = step->attempts,
                                  .is_gone = true,
                                  .outcome = {.is_unbegun = true}};
    }
    if (keeper->is_gone) {
        keeper->outcome = (struct outcome){.class_ = CLASS_LOST,
                                           .is_unbegun = keeper->outcome.is_unbegun,
                                           .error = "the process was lost with a crash",
                                           .verdict = VERDICT_UNKNOWN,
                                           .verdict_reason = "lost"};
        post_outcome(sim, keeper);
        return;
    }
    watch(sim, keeper);
    if (is_alive(sim, keeper) && (wish == WISH_STOP || wish == WISH_CANCEL)) {
        stop(sim, keeper);
    }
}

void host_crash(struct sim *sim)
{
    for (size_t i = 0; i < sim->keepers.count; i++) {
        struct keeper *keeper = &sim->keepers.items[i];

        if (is_alive(sim, keeper) && sim_chance(sim, sim->temper.losses)) {
            keeper->is_gone = true;
        }
    }
}

/* ---- preparations and timers ---- */

static void prepare(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct event event = {
        .kind = EVENT_PREPARED, .step = arena_strdup(sim->arena, step->key), .tree = "0123"};

    if (sim_chance(sim, sim->temper.failures / 8)) {
        event.outcome = (struct outcome){.class_ = CLASS_PERMANENT, .error = "no such value"};
    } else if (!step->check) {
        event.digest = arena_printf(sim->arena, "%016llx",
                                    (unsigned long long)sim_random_next(&sim->random));
        event.parts = make_proof(sim);
        if (sim_random_chance(&sim->random, 15)) {
            event.reused_run = "wf_000000000000";
            event.reused_step = "other";
            event.outcome.output = make_output(sim, step_effective(step));
        }
    }
    host_schedule(sim, (struct happening){.kind = HAPPENS_EVENT,
                                          .at = sim->now + sim_random_below(&sim->random, 500),
                                          .run = run->index,
                                          .event = event});
}

static void set_timer(struct sim *sim, struct sim_run *run, const struct effect *effect)
{
    int64_t delay = effect->at - sim_wall(sim);
    const char *key = effect->step >= 0 ? run->live->steps[effect->step].key : NULL;
    int copies = sim_chance(sim, sim->temper.duplicates) ? 2 : 1;

    for (int i = 0; i < copies; i++) {
        host_schedule(sim, (struct happening){.kind = HAPPENS_TIMER,
                                              .at = sim->now + (delay > 0 ? delay : 0) + i * 1000,
                                              .run = run->index,
                                              .event = {.kind = EVENT_TIMER,
                                                        .step = arena_strdup(sim->arena, key)}});
    }
}

/* ---- nested runs ---- */

static void post_child(struct sim *sim, int parent, const char *step, const char *child,
                       enum run_status status)
{
    sim_post(sim, parent,
             &(struct event){.kind = EVENT_CHILD,
                             .step = arena_strdup(sim->arena, step),
                             .child = arena_strdup(sim->arena, child),
                             .child_status = status});
}

void host_tell_parent(struct sim *sim, const struct sim_run *run)
{
    if (run->parent >= 0 && sim->runs.items[run->parent]->live) {
        post_child(sim, run->parent, run->live->parent_step, run->id, run->live->status);
    }
}

static const struct workflow *find_workflow(const struct sim *sim, const char *name)
{
    for (size_t i = 0; i < GENERATED_COUNT; i++) {
        if (strcmp(generated_names[i], name) == 0) {
            return sim->workflows[i];
        }
    }
    return NULL;
}

json_t *host_child_command(const char *word)
{
    bool is_stop = strcmp(word, "stop") == 0;

    return json_pack("{s:s, s:b, s:b}", "do", is_stop ? "pause" : word, "stop", is_stop,
                     "retry_failed", 1);
}

static void command_child(struct sim *sim, const char *id, const char *word)
{
    const struct sim_run *child = id ? sim_find_run(sim, id) : NULL;

    if (child && child->live) {
        sim_post(sim, child->index,
                 &(struct event){.kind = EVENT_COMMAND,
                                 .command = sim_hold(sim, host_child_command(word))});
    }
}

static const char *word_of(enum wish wish)
{
    switch (wish) {
    case WISH_NONE:
        break;
    case WISH_PAUSE:
        return "pause";
    case WISH_STOP:
    case WISH_FAIL:
        return "stop";
    case WISH_CANCEL:
        return "cancel";
    }
    return NULL;
}

static void start_child(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct sim_run *child;

    if (step->waiting != WAITING_WORKFLOW) {
        return; /* taken back in the same turn */
    }
    child = sim_find_run(sim, step->child);
    if (child && sim_is_stored(child)) {
        sim_adopt(sim, child);
        if (word_of(run->live->wish)) {
            command_child(sim, child->id, word_of(run->live->wish));
        }
        host_tell_parent(sim, child);
        return;
    }
    if (sim_chance(sim, sim->temper.failures / 10)) {
        post_child(sim, run->index, step->key, step->child, RUN_FAILED);
        return;
    }
    if (!child) {
        child = sim_run_new(sim, step->child, find_workflow(sim, step->definition->workflow),
                            run->index);
    }
    sim_run_create(sim, child, step);
}

/* ---- all of it ---- */

void host_carry_out(struct sim *sim, struct sim_run *run, const struct effect *effect)
{
    struct keeper *keeper;

    switch (effect->kind) {
    case EFFECT_NONE:
        break;
    case EFFECT_PREPARE:
        prepare(sim, run, effect->step);
        break;
    case EFFECT_START:
        start_attempt(sim, run, effect->step);
        break;
    case EFFECT_RECOVER:
        recover_attempt(sim, run, effect->step);
        break;
    case EFFECT_STOP:
        keeper = find_watched(sim, run->index, run->live->steps[effect->step].key);
        if (keeper) {
            stop(sim, keeper);
        }
        break;
    case EFFECT_TIMER:
        set_timer(sim, run, effect);
        break;
    case EFFECT_CHILD_START:
        start_child(sim, run, effect->step);
        break;
    case EFFECT_CHILD_COMMAND:
        command_child(sim, effect->child, effect->word);
        break;
    case EFFECT_CHECKPOINT:
        break;
    case EFFECT_REST:
        host_tell_parent(sim, run);
        break;
    }
}

void host_happen(struct sim *sim, const struct happening *happening)
{
    struct keeper *keeper;

    sim->now = happening->at > sim->now ? happening->at : sim->now;
    switch (happening->kind) {
    case HAPPENS_ATTEMPT_END:
        keeper = &sim->keepers.items[happening->keeper];
        keeper->watched_by = 0;
        post_outcome(sim, keeper);
        break;
    case HAPPENS_EVENT:
    case HAPPENS_TIMER:
        sim_post(sim, happening->run, &happening->event);
        break;
    case HAPPENS_RESTART:
        sim_restart(sim);
        break;
    }
}
