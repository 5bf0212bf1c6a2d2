/* SPDX-License-Identifier: MIT */
/* What the engine's effects set going, and what comes back from it, in its time. Keepers live on
 * through a crash; watches, timers and preparations end with the engine that wanted them. */
#include "sim.h"

#include "base/alloc.h"
#include "run/usage.h"

#include <assert.h>
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
    if (happening->kind == HAPPENS_LOOK) {
        return sim->keepers.items[happening->keeper].watched_by != sim->generation;
    }
    if (happening->kind == HAPPENS_COMMAND || happening->kind == HAPPENS_JUMP ||
        happening->kind == HAPPENS_ANSWER) {
        return false; /* people and the host outlive the engine */
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

static json_t *make_list(int count)
{
    json_t *list = json_array();

    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_integer(i));
    }
    return list;
}

static const json_t *get_output(struct sim *sim, int kind)
{
    json_t *output;

    if (sim->outputs[kind]) {
        return sim->outputs[kind];
    }
    output = json_object();
    json_put_integer(output, "bytes", 3);
    if (kind == OUTPUT_KINDS - 1) {
        json_put_text(output, "inline", "ok\n");
    } else {
        json_put(output, "is_json", json_true());
        json_put(output, "json", kind == OUTPUT_KINDS - 2 ? json_integer(7) : make_list(kind));
    }
    sim->outputs[kind] = sim_hold(sim, output);
    return output;
}

static const json_t *make_output(struct sim *sim, const struct step *definition,
                                 struct subject subject)
{
    bool is_json = definition && definition->format == OUTPUT_JSON;

    return get_output(sim, is_json ? sim_choose(sim, PLACE_OUTPUT, subject, OUTPUT_KINDS - 1)
                                   : OUTPUT_KINDS - 1);
}

static const json_t *get_proof(struct sim *sim)
{
    json_t *proof;

    if (!sim->proof) {
        proof = json_object();
        json_put_text(proof, "command", "check");
        sim->proof = sim_hold(sim, proof);
    }
    return sim->proof;
}

static void fail_check(struct outcome *outcome, bool is_unknown)
{
    outcome->verdict = is_unknown ? VERDICT_UNKNOWN : VERDICT_FAIL;
    outcome->verdict_reason = is_unknown ? "no answer within 600 s" : "exit status 1 instead of 0";
    outcome->class_ = CLASS_PERMANENT;
    outcome->error = outcome->verdict_reason;
}

static void fail_attempt(struct sim *sim, struct subject subject, struct outcome *outcome)
{
    static const enum failure_class classes[] = {CLASS_PERMANENT, CLASS_TRANSIENT, CLASS_LIMIT,
                                                 CLASS_REFUSED,   CLASS_TIMEOUT,   CLASS_LOST,
                                                 CLASS_TRANSIENT, CLASS_CANCELLED, CLASS_TRANSIENT};

    if (sim->temper.class_ > 0 && !choices_are_given(sim->choices)) {
        choices_force(sim->choices, sim->temper.class_);
    }
    outcome->class_ = classes[sim_choose(sim, PLACE_CLASS, subject, (int)ARRAY_LEN(classes))];
    outcome->exit_status = 1;
    outcome->error = "it went wrong";
}

static const json_t *get_question(struct sim *sim)
{
    if (!sim->question) {
        sim->question = sim_hold(sim, json_pack("{s:[s,s], s:s}", "questions", "Which one?",
                                                "And why?", "partial_work", "half of it"));
    }
    return sim->question;
}

/* Percent of the attempts of agents that end with a question. */
#define ASKS 15

static bool asks(struct sim *sim, const struct step_state *step, struct subject subject)
{
    return !step->check && step_effective(step)->kind == STEP_AGENT &&
           sim_whether(sim, PLACE_ASKS, subject, ASKS);
}

/* Some say all, some a part, some nothing; the last one was never called. */
static const json_t *get_usage(struct sim *sim, int kind)
{
    static const char *const usages[] = {
        "{\"input_tokens\":90,\"output_tokens\":10,\"cost_usd\":0.1}",
        "{\"input_tokens\":400,\"output_tokens\":100,\"cost_usd\":0.5}",
        "{\"input_tokens\":20,\"output_tokens\":1,\"cost_usd\":0.02}",
        "{\"input_tokens\":1500,\"output_tokens\":500,\"cost_usd\":1.7}",
        "{\"input_tokens\":200}",
        "{\"cost_usd\":0.3}",
        NULL,
        "{\"" USAGE_NOT_STARTED "\":true}"};
    static_assert(ARRAY_LEN(usages) == USAGE_KINDS, "one for each kind");

    if (usages[kind] && !sim->usages[kind]) {
        sim->usages[kind] = sim_hold(sim, json_loads(usages[kind], 0, NULL));
    }
    return sim->usages[kind];
}

static const json_t *make_usage(struct sim *sim, struct subject subject, bool fails)
{
    return get_usage(sim, sim_choose(sim, PLACE_USAGE, subject, USAGE_KINDS - (fails ? 0 : 1)));
}

/* Percent of its attempts; where others can take over, they often have to. */
static int failures_of(const struct sim *sim, const struct step_state *step)
{
    bool has_others = step_agent(step) && !step->is_static && step->definition->fallback_count > 0;

    return sim->temper.failures + (has_others && sim->temper.failures > 0 ? 35 : 0);
}

static struct outcome make_outcome(struct sim *sim, const struct step_state *step,
                                   struct subject subject)
{
    struct outcome outcome = {.duration_ms = 1000};
    bool fails = sim_whether(sim, PLACE_FAILS, subject, failures_of(sim, step));
    int verdict = fails && step->check ? sim_choose(sim, PLACE_VERDICT, subject, 20) : 0;

    if (step->check) {
        outcome.verdict = VERDICT_PASS;
        outcome.verdict_reason = "exit status 0";
        outcome.proof = get_proof(sim);
        if (fails) {
            fail_check(&outcome, verdict % 2 == 1);
        }
    }
    if (fails && (!step->check || verdict >= 18)) {
        fail_attempt(sim, subject, &outcome);
    }
    if (!step->check && step_effective(step)->kind == STEP_AGENT) {
        outcome.agent = arena_strdup(sim->arena, step_agent(step) ? step_agent(step) : "someone");
        outcome.session = outcome.agent; /* whose it is */
        outcome.retry_after_ms = outcome.class_ == CLASS_LIMIT ? 5000 : 0;
        outcome.usage = make_usage(sim, subject, outcome.class_ != CLASS_NONE);
    }
    if (outcome.class_ == CLASS_NONE && asks(sim, step, subject)) {
        outcome.question = get_question(sim);
    }
    if (outcome.class_ != CLASS_LOST) {
        outcome.output = make_output(sim, step_effective(step), subject);
    }
    return outcome;
}

/* Percent of the merges that find the project changed. */
#define CONFLICTS 35

/* Where it worked in a clone: what it did is in the project with its outcome, or it is none. */
static void merge(struct sim *sim, const struct step_state *step, struct subject subject,
                  struct outcome *outcome)
{
    const struct step *definition = step->check ? NULL : step_effective(step);
    bool is_due = definition && definition->kind == STEP_AGENT && definition->workspace &&
                  strcmp(definition->workspace, "clone") == 0 && outcome->class_ == CLASS_NONE &&
                  !outcome->question;

    if (!is_due) {
        return;
    }
    if (!sim_whether(sim, PLACE_CONFLICT, subject, CONFLICTS)) {
        outcome->files = sim_hold(sim, json_pack("{s:i}", "merged", 1));
        return;
    }
    outcome->class_ = CLASS_PERMANENT;
    outcome->error = "merge conflict";
    outcome->is_answered = true;
    outcome->is_doubtful = definition->on_conflict == NULL;
    outcome->files = sim_hold(sim, outcome->is_doubtful ? json_object()
                                                        : json_pack("{s:[s]}", "conflicts", "f"));
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

static struct subject about_keeper(const struct sim *sim, const struct keeper *keeper)
{
    return about(sim, keeper->run, keeper->key);
}

static void stop(struct sim *sim, struct keeper *keeper)
{
    struct subject subject = about_keeper(sim, keeper);

    /* It may just have come to its own end. */
    if (keeper->ends_at > sim->now && !sim_whether(sim, PLACE_STOP_RACE, subject, 15)) {
        keeper->outcome = (struct outcome){.class_ = CLASS_CANCELLED,
                                           .error = "stopped",
                                           .verdict = VERDICT_UNKNOWN,
                                           .verdict_reason = "stopped"};
    }
    if (keeper->ends_at > sim->now + 2000) {
        keeper->ends_at = sim->now + sim_choose(sim, PLACE_STOP_MS, subject, 2000);
    }
    watch(sim, keeper);
}

/* It was told that it is quiet before. */
static void end_quiet(struct sim *sim, struct keeper *keeper)
{
    if (keeper->ends_at > sim->now) {
        keeper->ends_at = sim->now;
        keeper->outcome = (struct outcome){.class_ = CLASS_TIMEOUT,
                                           .error = "it printed nothing",
                                           .verdict = VERDICT_UNKNOWN,
                                           .verdict_reason = "it printed nothing"};
    }
    watch(sim, keeper);
}

/* The same word again, or another about the same: at once, or much later. */
static void post_twice(struct sim *sim, int run, const struct event *event)
{
    struct subject subject = about(sim, run, event->step);
    int way = sim_choose_rarely(sim, PLACE_TWICE, subject,
                                (struct rarity){sim->temper.duplicates, 3});
    struct happening again = {.kind = HAPPENS_EVENT, .at = sim->now, .run = run, .event = *event};

    if (way == 0) {
        return;
    }
    if (way > 1) {
        again.at += sim_choose(sim, PLACE_TWICE_MS, subject, 60000);
    }
    if (way == 3 && event->kind == EVENT_ATTEMPT_ENDED) {
        again.event.outcome = (struct outcome){.class_ = CLASS_PERMANENT, .error = "a late word"};
    }
    host_schedule(sim, again);
}

static void post_outcome(struct sim *sim, const struct keeper *keeper)
{
    struct event event = {.kind = EVENT_ATTEMPT_ENDED,
                          .step = keeper->key,
                          .attempt = keeper->attempt,
                          .outcome = keeper->outcome};

    sim_post(sim, keeper->run, &event);
    post_twice(sim, keeper->run, &event);
    if (keeper->outcome.class_ != CLASS_NONE) {
        people_react(sim, keeper->run, keeper->key);
    }
}

struct outcome host_make_answer(struct sim *sim, const struct keeper *keeper)
{
    const struct step_state *step = run_find_step(sim->runs.items[keeper->run]->shadow,
                                                  keeper->key);
    struct outcome outcome = {.duration_ms = 1000};

    if (step) {
        outcome = make_outcome(sim, step, about_keeper(sim, keeper));
    }
    if (outcome.class_ == CLASS_LOST || outcome.class_ == CLASS_CANCELLED) {
        outcome.class_ = CLASS_TRANSIENT; /* a host cannot say such a thing */
    }
    return outcome;
}

void host_post_look(struct sim *sim, const struct keeper *keeper)
{
    struct event event = {
        .kind = EVENT_HOST, .step = keeper->key, .attempt = keeper->attempt, .host = "its request"};

    if (keeper->is_answered) {
        post_outcome(sim, keeper);
        return;
    }
    sim_post(sim, keeper->run, &event);
    post_twice(sim, keeper->run, &event);
}

bool host_run_inline(void *context, const struct run_state *run, int index, json_t **ret_output)
{
    struct sim *sim = context;
    const struct step_state *step = &run->steps[index];
    struct subject subject = about(sim, sim_find_run(sim, run->id)->index, step->key);

    if (sim_whether(sim, PLACE_INLINE, subject, 40)) {
        return false;
    }
    *ret_output = json_incref((json_t *)(uintptr_t)make_output(sim, step->definition, subject));
    return true;
}

/* Now and then it is found to be quiet while it is at work, and may be ended for it. */
static void schedule_liveness(struct sim *sim, const struct keeper *keeper)
{
    struct subject subject = about_keeper(sim, keeper);
    int way = sim_choose_rarely(sim, PLACE_LIVENESS, subject, (struct rarity){5, 2});

    if (way > 0) {
        host_schedule(sim, (struct happening){
                               .kind = HAPPENS_EVENT,
                               .at = sim->now + sim_choose(sim, PLACE_LIVENESS_MS, subject, 30000),
                               .run = keeper->run,
                               .event = {.kind = EVENT_LIVENESS,
                                         .step = keeper->key,
                                         .attempt = keeper->attempt,
                                         .liveness = way > 1 ? "quiet" : "wants input",
                                         .why = "it printed nothing",
                                         .is_to_stop = way > 1}});
    }
}

static void start_attempt(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct subject subject = about(sim, run->index, step->key);
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
                              .is_hosts = caller_takes(sim, run, step)};
    if (keeper->is_hosts) {
        caller_look_later(sim, keeper);
        return;
    }
    keeper->outcome = make_outcome(sim, step, subject);
    merge(sim, step, subject, &keeper->outcome);
    if (step->folder) {
        keeper->ends_at = sim->now + 1 + sim_choose(sim, PLACE_ATTEMPT_MS, subject, 30000);
        watch(sim, keeper);
        schedule_liveness(sim, keeper);
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
                                  .is_hosts = caller_takes(sim, run, step),
                                  .is_gone = true,
                                  .outcome = {.is_unbegun = true}};
    }
    if (keeper->is_hosts) {
        caller_look_later(sim, keeper);
        return;
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

        if (!keeper->is_hosts && is_alive(sim, keeper) &&
            sim_whether(sim, PLACE_LOSS, about_keeper(sim, keeper), sim->temper.losses)) {
            keeper->is_gone = true;
        }
    }
}

/* ---- preparations and timers ---- */

/* The breaker of its agent, or its rate, keeps it back. */
static void hold_back(struct sim *sim, const struct step_state *step, struct subject subject,
                      struct event *event)
{
    bool is_agent = !step->check && step_effective(step)->kind == STEP_AGENT;
    int kind = is_agent && !step->has_slot
                   ? sim_choose_rarely(sim, PLACE_HELD, subject,
                                       (struct rarity){sim->temper.failures, 2})
                   : 0;

    if (kind > 0) {
        event->held_until = sim->now + 20000;
        event->held_why = kind == 1 ? "its circuit breaker is open" : "its rate is used up";
        event->held_agent = "an-agent";
        event->has_slot = kind == 2;
    }
}

/* What it gave before the plan was edited fits to what it is now. */
static bool is_held_still(struct sim *sim, const struct sim_run *run, const struct step_state *step)
{
    return step->held && strcmp(step->held->inputs, edit_inputs(sim, run->live, step)) == 0;
}

static void prepare(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];
    struct subject subject = about(sim, run->index, step->key);
    struct event event = {
        .kind = EVENT_PREPARED, .step = arena_strdup(sim->arena, step->key), .tree = "0123"};

    if (sim_whether(sim, PLACE_PREPARE_FAILS, subject, sim->temper.failures / 8)) {
        event.outcome = (struct outcome){.class_ = CLASS_PERMANENT, .error = "no such value"};
    } else if (!step->check) {
        bool is_digested = step_reuse(run->live, step) != REUSE_NEVER;

        event.digest = is_digested
                           ? arena_printf(sim->arena, "%08x%08x", subject.what, step->attempts)
                           : NULL;
        event.parts = is_digested ? get_proof(sim) : NULL;
        if (is_held_still(sim, run, step) && sim_whether(sim, PLACE_REUSED, subject, 60)) {
            event.reused_run = run->id;
            event.reused_step = event.step;
            event.outcome.output = sim_hold(sim, json_incref(step->held->result.output));
        } else if (is_digested && sim_whether(sim, PLACE_REUSED, subject, 15)) {
            event.reused_run = "wf_000000000000";
            event.reused_step = "other";
            event.outcome.output = make_output(sim, step_effective(step), subject);
            event.outcome.agent = step_effective(step)->kind == STEP_AGENT ? "other-agent" : NULL;
            event.outcome.model = event.outcome.agent ? "other-model" : NULL;
        }
        hold_back(sim, step, subject, &event);
    }
    host_schedule(
        sim, (struct happening){.kind = HAPPENS_EVENT,
                                .at = sim->now + sim_choose(sim, PLACE_PREPARE_MS, subject, 500),
                                .run = run->index,
                                .event = event});
    post_twice(sim, run->index, &event);
}

/* While a step only waits for its time, nothing but the journal knows of it. */
static void crash_in_wait(struct sim *sim, struct subject subject, int64_t delay)
{
    if (delay > 0 && sim_whether(sim, PLACE_CRASH_IN_WAIT, subject, sim->temper.crashes * 5)) {
        int64_t at = sim_choose(sim, PLACE_CRASH_MS, subject, 100) * delay / 100;

        host_schedule(sim, (struct happening){.kind = HAPPENS_CRASH, .at = sim->now + at});
    }
}

static void set_timer(struct sim *sim, struct sim_run *run, const struct effect *effect)
{
    int64_t delay = effect->at - sim_wall(sim);
    const char *key = effect->step >= 0 ? run->live->steps[effect->step].key : NULL;
    struct event event = {.kind = EVENT_TIMER, .step = arena_strdup(sim->arena, key)};

    if (sim->forgets_timers && sim->crashes > 0) {
        return;
    }
    delay = delay > 0 ? delay : 0;
    host_schedule(
        sim, (struct happening){
                 .kind = HAPPENS_TIMER, .at = sim->now + delay, .run = run->index, .event = event});
    post_twice(sim, run->index, &event);
    crash_in_wait(sim, about(sim, run->index, key), delay);
}

/* ---- nested runs ---- */

static void post_child_event(struct sim *sim, int parent, const struct event *event)
{
    sim_post(sim, parent, event);
    if (run_status_is_final(event->child_status)) {
        post_twice(sim, parent, event);
    }
}

/* Of one that is not carried on. */
static void post_child(struct sim *sim, int parent, const char *step, const char *child,
                       enum run_status status)
{
    struct event event = {.kind = EVENT_CHILD,
                          .step = arena_strdup(sim->arena, step),
                          .child = arena_strdup(sim->arena, child),
                          .child_status = status};

    post_child_event(sim, parent, &event);
}

void host_tell_parent(struct sim *sim, const struct sim_run *run)
{
    const struct run_state *state = run->live;
    struct event event;

    if (run->parent < 0 || !sim->runs.items[run->parent]->live) {
        return;
    }
    event = (struct event){.kind = EVENT_CHILD,
                           .step = arena_strdup(sim->arena, state->parent_step),
                           .child = run->id,
                           .child_status = state->status,
                           .child_short_run = arena_strdup(sim->arena, state->reason_run),
                           .child_short_name = arena_strdup(sim->arena, state->reason_budget)};
    event.outcome.error = event.child_short_run ? arena_strdup(sim->arena, state->detail) : NULL;
    post_child_event(sim, run->parent, &event);
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
    case WISH_FAIL:
        break;
    case WISH_PAUSE:
        return "pause";
    case WISH_STOP:
        return "stop";
    case WISH_CANCEL:
        return "cancel";
    }
    return NULL;
}

static bool take_child(struct sim *sim, const char *id)
{
    struct sim_run *child = sim_find_run(sim, id);

    if (!child || (!child->live && !sim_is_stored(child))) {
        return false;
    }
    sim_adopt(sim, child);
    return true;
}

static void create_child(struct sim *sim, struct sim_run *run, const struct step_state *step)
{
    struct sim_run *child = sim_find_run(sim, step->child);

    if (run->live->wish >= WISH_FAIL) {
        post_child(sim, run->index, step->key, step->child, RUN_CANCELLED);
        return;
    }
    if (sim_whether(sim, PLACE_CHILD_FAILS, about(sim, run->index, step->key),
                    sim->temper.failures / 10)) {
        post_child(sim, run->index, step->key, step->child, RUN_FAILED);
        return;
    }
    if (!child) {
        struct parent parent = {run->index, step->key};

        child = sim_run_new(sim, step->child, find_workflow(sim, step->definition->workflow),
                            &parent);
    }
    sim_run_create(sim, child, step);
}

static void start_child(struct sim *sim, struct sim_run *run, int index)
{
    const struct step_state *step = &run->live->steps[index];

    if (step->waiting != WAITING_WORKFLOW) {
        return; /* taken back in the same turn */
    }
    if (take_child(sim, step->child)) {
        host_tell_parent(sim, sim_find_run(sim, step->child));
    } else {
        create_child(sim, run, step);
    }
    if (word_of(run->live->wish)) {
        command_child(sim, step->child, word_of(run->live->wish));
    }
}

static void end_child(struct sim *sim, struct sim_run *run, const struct effect *effect)
{
    if (take_child(sim, effect->child)) {
        command_child(sim, effect->child, "cancel");
    } else {
        post_child(sim, run->index, run->live->steps[effect->step].key, effect->child,
                   RUN_CANCELLED);
    }
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
        if (keeper && !keeper->is_hosts) {
            stop(sim, keeper);
        }
        break;
    case EFFECT_END_QUIET:
        keeper = find_watched(sim, run->index, run->live->steps[effect->step].key);
        if (keeper) {
            end_quiet(sim, keeper);
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
    case EFFECT_CHILD_END:
        end_child(sim, run, effect);
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
    case HAPPENS_LOOK:
        caller_look(sim, &sim->keepers.items[happening->keeper]);
        break;
    case HAPPENS_ANSWER:
        caller_answer(sim, happening);
        break;
    case HAPPENS_EVENT:
        if (happening->event.kind == EVENT_HOST && !caller_is_late(sim, happening)) {
            break;
        }
        sim_post(sim, happening->run, &happening->event);
        break;
    case HAPPENS_TIMER:
        sim_post(sim, happening->run, &happening->event);
        break;
    case HAPPENS_RESTART:
        sim_restart(sim);
        break;
    case HAPPENS_CRASH:
        sim_crash(sim, "while something waits");
        break;
    case HAPPENS_COMMAND:
        people_do(sim, happening);
        break;
    case HAPPENS_JUMP:
        people_set_clock(sim, happening->number);
        break;
    }
}
