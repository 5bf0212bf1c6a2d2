/* SPDX-License-Identifier: MIT */
/* The program that called us, which does the work of some agents itself: what an attempt of its has
 * in its folder, what lies in the run's folder for it to find, how it answers, and that it calls
 * again. A look is several writes; we may be killed between any two. */
#include "sim.h"

#include "run/states.h"

#include <string.h>

#define HOST_ASKED_MAX 10

/* ---- what lies in the run's folder ---- */

static struct desk *desk_of(struct sim *sim, int run, const char *key)
{
    struct desk *desk;

    for (size_t i = 0; i < sim->desks.count; i++) {
        desk = &sim->desks.items[i];
        if (desk->run == run && strcmp(desk->key, key) == 0) {
            return desk;
        }
    }
    desk = VEC_PUSH(&sim->desks);
    *desk = (struct desk){.run = run, .key = key};
    return desk;
}

static struct subject about_attempt(const struct sim *sim, const struct keeper *keeper)
{
    return about(sim, keeper->run, keeper->key);
}

bool caller_takes(struct sim *sim, const struct sim_run *run, const struct step_state *step)
{
    return step->folder && !step->check && step_effective(step)->kind == STEP_AGENT &&
           sim_whether(sim, PLACE_HOSTS, about(sim, run->index, step->key), sim->temper.hosts);
}

/* ---- a look ---- */

void caller_look_later(struct sim *sim, struct keeper *keeper)
{
    int64_t at = sim->now + sim_choose(sim, PLACE_LOOK_MS, about_attempt(sim, keeper), 500);

    keeper->watched_by = sim->generation;
    keeper->ends_at = at;
    host_schedule(sim, (struct happening){.kind = HAPPENS_LOOK,
                                          .at = at,
                                          .run = keeper->run,
                                          .keeper = (int)(keeper - sim->keepers.items),
                                          .event = {.kind = EVENT_HOST, .step = keeper->key}});
}

static bool dies(struct sim *sim, const struct keeper *keeper)
{
    bool is_killed = sim_whether(sim, PLACE_CRASH_IN_LOOK, about_attempt(sim, keeper),
                                 sim->temper.crashes * 2);

    if (is_killed) {
        sim_crash(sim, "in a look at the host");
    }
    return is_killed;
}

enum answer_kind {
    ANSWER_RIGHT,
    ANSWER_TORN,
    ANSWER_TO_ANOTHER,
    ANSWER_NONE, /* it knows nothing but to call again */
    ANSWER_KINDS
};

static void answer_later(struct sim *sim, struct keeper *keeper, enum answer_kind kind)
{
    struct subject subject = about_attempt(sim, keeper);

    keeper->is_answer_due = true;
    host_schedule(
        sim, (struct happening){.kind = HAPPENS_ANSWER,
                                .at = sim->now + sim_choose(sim, PLACE_ANSWER_MS, subject, 20000),
                                .run = keeper->run,
                                .keeper = (int)(keeper - sim->keepers.items),
                                .number = (int)kind,
                                .event = {.step = keeper->key}});
}

/* The request is there: the program reads it once it is told, or sees it. */
static void plan_answer(struct sim *sim, struct keeper *keeper)
{
    int kind;

    if (keeper->is_answer_due || desk_of(sim, keeper->run, keeper->key)->response) {
        return;
    }
    kind = keeper->is_unheard ? ANSWER_NONE
                              : sim_choose_rarely(sim, PLACE_ANSWER, about_attempt(sim, keeper),
                                                  (struct rarity){30, ANSWER_KINDS - 1});
    keeper->is_unheard = kind == ANSWER_NONE;
    answer_later(sim, keeper, (enum answer_kind)kind);
}

static void take_answer(struct sim *sim, struct keeper *keeper, const struct desk *desk)
{
    if (keeper->is_answered || desk->response != keeper->request) {
        sim_fail(sim, "run %d: a response is taken again, or for another request, of %s",
                 keeper->run, keeper->key);
    }
    keeper->is_answered = true;
    keeper->outcome = desk->outcome;
}

static void forget_files(struct desk *desk, const struct keeper *keeper)
{
    desk->request = 0;
    if (desk->response == keeper->request) {
        desk->response = 0;
    }
}

void caller_look(struct sim *sim, struct keeper *keeper)
{
    struct desk *desk = desk_of(sim, keeper->run, keeper->key);

    if (keeper->request == 0) {
        keeper->request = ++sim->requests;
        if (dies(sim, keeper)) {
            return;
        }
    }
    if (!keeper->is_answered && desk->response == keeper->request && !desk->is_torn) {
        take_answer(sim, keeper, desk);
        if (dies(sim, keeper)) {
            return;
        }
    }
    if (keeper->is_answered) {
        forget_files(desk, keeper);
    } else {
        desk->request = keeper->request;
        plan_answer(sim, keeper);
    }
    if (!dies(sim, keeper)) {
        keeper->watched_by = 0;
        host_post_look(sim, keeper);
    }
}

/* What a look found is told once; again only when another attempt is under way. */
bool caller_is_late(const struct sim *sim, const struct happening *word)
{
    const struct run_state *run = sim->runs.items[word->run]->live;
    const struct step_state *step = run ? run_find_step(run, word->event.step) : NULL;

    return step && step->attempts > word->event.attempt;
}

/* ---- what the program does ---- */

static bool is_wrong(const struct keeper *keeper, const struct desk *desk)
{
    return desk->response && (desk->is_torn || desk->response != keeper->request);
}

/* As before each `resume`: one that is wrong is refused, and nothing changes. */
static bool refuses(struct sim *sim, const struct sim_run *run)
{
    bool is_refused = false;

    for (size_t i = 0; run->live && i < run->live->step_count; i++) {
        const struct step_state *step = &run->live->steps[i];
        struct keeper *keeper = (struct keeper *)host_find_keeper(sim, run->index, step->key,
                                                                  step->attempts);

        if (step->waiting == WAITING_HOST && keeper &&
            is_wrong(keeper, desk_of(sim, run->index, keeper->key))) {
            is_refused = true;
            if (!keeper->is_answer_due) {
                answer_later(sim, keeper, ANSWER_RIGHT);
            }
        }
    }
    return is_refused;
}

static bool waits_for_host(const struct sim_run *run)
{
    return run->live && run->live->status == RUN_PAUSED && run->live->reason &&
           strcmp(run->live->reason, "host") == 0;
}

/* True: it called again, or has first to write a response anew. */
bool caller_calls(struct sim *sim)
{
    struct sim_run *waiting = NULL;
    bool is_refused = false;

    for (size_t i = 0; sim->is_up && i < sim->runs.count; i++) {
        is_refused = refuses(sim, sim->runs.items[i]) || is_refused;
        waiting = waits_for_host(sim->runs.items[i]) ? sim->runs.items[i] : waiting;
    }
    if (!is_refused && waiting) {
        sim_post(sim, waiting->index,
                 &(struct event){.kind = EVENT_COMMAND,
                                 .by = "the host",
                                 .command = sim_hold(sim, json_pack("{s:s}", "do", "resume"))});
    }
    return is_refused || waiting;
}

void caller_answer(struct sim *sim, const struct happening *happening)
{
    struct keeper *keeper = &sim->keepers.items[happening->keeper];
    struct desk *desk = desk_of(sim, keeper->run, keeper->key);
    enum answer_kind kind = (enum answer_kind)happening->number;

    keeper->is_answer_due = false;
    /* Also when it comes too late: it read the request before that was taken back. */
    if (kind != ANSWER_NONE) {
        desk->response = kind == ANSWER_TO_ANOTHER ? -1 : keeper->request;
        desk->is_torn = kind == ANSWER_TORN;
        desk->outcome = host_make_answer(sim, keeper);
    }
    sim_log(sim, "[%lld] the host answers request %d of %s: %s\n", (long long)sim->now,
            keeper->request, keeper->key,
            kind == ANSWER_NONE    ? "not at all"
            : kind == ANSWER_RIGHT ? "rightly"
                                   : "wrongly");
    (void)caller_calls(sim);
}

/* ---- what must hold ---- */

/* `record` lets the step wait for the host. */
void caller_audit_wait(struct sim *sim, struct sim_run *run, const struct record *record)
{
    struct step_audit *audit = audit_of(run, record->step);
    const struct keeper *keeper = host_find_keeper(sim, run->index, record->step, audit->attempts);
    const struct desk *desk = keeper ? desk_of(sim, run->index, keeper->key) : NULL;

    if (!audit->is_open || !keeper || !keeper->is_hosts || keeper->request == 0) {
        sim_fail(sim, "run %d: %s waits for a host that nobody asked", run->index, record->step);
    } else if (!keeper->is_answered && desk->request != keeper->request) {
        sim_fail(sim, "run %d: %s waits for request %d, and the host sees %d", run->index,
                 record->step, keeper->request, desk->request);
    } else if (audit->request && audit->request != keeper->request) {
        sim_fail(sim, "run %d: attempt %d of %s has a second request", run->index, audit->attempts,
                 record->step);
    } else if (record->number != ++audit->host_asked || audit->host_asked > HOST_ASKED_MAX) {
        sim_fail(sim, "run %d: the host is asked for %s the %lldth time, counted as %d", run->index,
                 record->step, (long long)record->number, audit->host_asked);
    } else {
        audit->request = keeper->request;
    }
}

static bool is_class(const struct record *record, enum failure_class class_)
{
    return record->class_ && strcmp(record->class_, failure_class_name(class_)) == 0;
}

/* Why an attempt may end that the host has not answered. */
static bool may_end_unanswered(const struct sim_run *run, const struct record *record)
{
    const struct step_state *step = run_find_step(run->shadow, record->step);
    int64_t deadline = run->shadow->phases[step->phase].deadline;

    return (is_class(record, CLASS_TIMEOUT) && deadline && record->at >= deadline) ||
           (is_class(record, CLASS_CANCELLED) &&
            (run->shadow->wish >= WISH_FAIL || step->waiting == WAITING_HOST)) ||
           (is_class(record, CLASS_PERMANENT) &&
            audit_of((struct sim_run *)run, record->step)->host_asked == HOST_ASKED_MAX);
}

void caller_audit_end(struct sim *sim, struct sim_run *run, const struct record *record,
                      struct keeper *keeper)
{
    if (keeper->is_answered) {
        if (!is_class(record, keeper->outcome.class_) ||
            !record->question != !keeper->outcome.question) {
            sim_fail(sim, "run %d: the host answered %s otherwise than recorded", run->index,
                     record->step);
        }
    } else if (!may_end_unanswered(run, record)) {
        sim_fail(sim, "run %d: %s ends as %s, and the host has not answered", run->index,
                 record->step, record->class_ ? record->class_ : "a success");
    }
    sim->answers += keeper->is_answered;
    sim->unheard += !keeper->is_answered && is_class(record, CLASS_PERMANENT);
    keeper->is_recorded = true;
}

void caller_check_end(struct sim *sim)
{
    for (size_t i = 0; i < sim->keepers.count && !sim->has_failed; i++) {
        const struct keeper *keeper = &sim->keepers.items[i];

        if (keeper->is_answered && !keeper->is_recorded) {
            sim_fail(sim, "run %d: the answer about attempt %d of %s was taken and is lost",
                     keeper->run, keeper->attempt, keeper->key);
        }
    }
}
