/* SPDX-License-Identifier: MIT */
/* Whether a budget has room for a step, and what happens when none has: the step waits for calls
 * under way, or the run pauses and asks.
 *
 * The limits of the step itself, of its run and of every run around that hold at once. Those of
 * other runs are as their nodes know them; the state of this one is newer than its node. */
#include "run/states.h"
#include "run/turn.h"

#include <string.h>

/* The most of a run's time that a crash can hide: so often it is told while there is a limit. */
#define CLOCK_MS 60000
#define SCOPES_MAX 66 /* deeper ones are beyond every limit of nesting */

struct shortage {
    struct budget_scope scope;
    enum budget_kind kind;
    bool may_wait;
};

/* ---- what a limit is compared with ---- */

/* From the run outward; the number of them. A run that waits for the end of a call is running, and
 * one around it that has nothing else to do but to wait for the host program has to rest, or nobody
 * asks that: so no run waits for what the host does for others than itself and those below it. */
static size_t list_scopes(const struct turn *turn, struct budget_scope scopes[SCOPES_MAX])
{
    const struct budget_node *node = turn->limits ? turn->limits->node : NULL;
    size_t count = 0;

    scopes[count++] = run_scope(turn->run, turn->now);
    for (const struct budget_node *above = node ? node->parent : NULL; above && count < SCOPES_MAX;
         above = above->parent) {
        scopes[count] = budget_node_scope(above, &turn->run->ledger, &node->own, turn->now);
        scopes[count].out_of_sight = scopes[count].used.sums[LEDGER_AT_HOST] -
                                     scopes[0].used.sums[LEDGER_AT_HOST];
        count++;
    }
    return count;
}

/* The common case costs nothing. */
static bool is_unlimited(const struct turn *turn, const struct step_state *step)
{
    const struct budget_node *node = turn->limits ? turn->limits->node : NULL;
    bool is_free = budget_is_empty(&turn->run->budget) && !turn->run->step_budgets &&
                   (!step->definition || budget_is_empty(&step->definition->budget));

    for (; node && is_free; node = node->parent) {
        is_free = budget_is_empty(&node->limits);
    }
    return is_free;
}

static bool limits_calls(const struct budget *limits)
{
    return limits->limits[BUDGET_TOKENS] || limits->limits[BUDGET_USD];
}

/* ---- what a call may cost ---- */

static int64_t least(int64_t amount, int64_t most)
{
    return amount < most ? amount : most;
}

/* Its own attempts say most, else all calls of the tree, as far as its budget goes; where none said
 * anything, the most that its author allows it. -1: nothing is known. */
static int64_t expect(int64_t own, int64_t mean, int64_t allowed)
{
    if (own >= 0) {
        return own;
    }
    if (mean >= 0) {
        return allowed >= 0 ? least(mean, allowed) : mean;
    }
    return allowed > 0 ? allowed : -1;
}

/* What is left of the step's own budget; -1: it has none. */
static int64_t left_of(const struct budget_scope *scope, enum budget_kind kind)
{
    int64_t limit = scope->limits.limits[kind];
    int64_t left = limit - budget_used(scope, kind) - budget_reserved(scope, kind);

    return limit == 0 ? -1 : left > 0 ? left : 0;
}

static int64_t mean(int64_t sum, const struct usage_sum *usage)
{
    return usage->attempts > 0 ? (sum + usage->attempts - 1) / usage->attempts : -1;
}

static struct reserve expected_cost(const struct turn *turn, const struct step_state *step,
                                    const struct budget_scope *outermost)
{
    struct budget_scope own = step_scope(turn->run, step);
    const struct usage_sum *usage = &step_calls(step)->usage;
    const struct agent_usage *sum = &usage->sum;
    int64_t tokens = sum->input_tokens >= 0 && sum->output_tokens >= 0
                         ? mean(sum->input_tokens + sum->output_tokens, usage)
                         : -1;
    int64_t usd = sum->cost_usd >= 0 ? mean(budget_usd(sum->cost_usd), usage) : -1;
    int64_t once = budget_usd(step->definition->budget_usd);
    int64_t allowed_usd = left_of(&own, BUDGET_USD);

    allowed_usd = once > 0 && (allowed_usd < 0 || once < allowed_usd) ? once : allowed_usd;
    return (struct reserve){
        .tokens = expect(tokens, ledger_mean_tokens(&outermost->used),
                         left_of(&own, BUDGET_TOKENS)),
        .usd = expect(usd, ledger_mean_usd(&outermost->used), allowed_usd),
    };
}

static bool is_call(const struct turn *turn, const struct step_state *step)
{
    return !step->check && !step->is_static && step->definition->kind == STEP_AGENT &&
           step_strategy(turn->run, step->definition) != STRATEGY_STATIC;
}

static struct reserve expected(const struct turn *turn, int index)
{
    const struct step_state *step = &turn->run->steps[index];
    struct budget_scope scopes[SCOPES_MAX];
    size_t count;
    bool is_limited;

    if (is_unlimited(turn, step) || !is_call(turn, step)) {
        return (struct reserve){0};
    }
    count = list_scopes(turn, scopes);
    is_limited = limits_calls(&step->definition->budget) || turn->run->step_budgets;
    for (size_t i = 0; i < count; i++) {
        is_limited = is_limited || limits_calls(&scopes[i].limits);
    }
    return is_limited ? expected_cost(turn, step, &scopes[count - 1]) : (struct reserve){0};
}

struct reserve step_reserve(const struct turn *turn, int index)
{
    struct reserve reserve = expected(turn, index);

    return (struct reserve){.tokens = reserve.tokens > 0 ? reserve.tokens : 0,
                            .usd = reserve.usd > 0 ? reserve.usd : 0};
}

/* ---- whether there is room ---- */

/* What no wait can help is what is told. */
static bool has_room(const struct turn *turn, int index, struct shortage *ret_shortage)
{
    const struct step_state *step = &turn->run->steps[index];
    struct budget_scope scopes[SCOPES_MAX + 1];
    struct budget_need need;
    bool is_short = false;
    size_t count;

    /* A check proves what was done and paid already. */
    if (step->check || is_unlimited(turn, step)) {
        return true;
    }
    need = (struct budget_need){.is_call = is_call(turn, step),
                                .reserve = expected(turn, index),
                                .steps = step->is_counted ? 0 : 1};
    count = list_scopes(turn, scopes);
    scopes[count++] = step_scope(turn->run, step);
    for (size_t i = 0; i < count; i++) {
        enum budget_kind kind;
        bool may_wait;

        if (!budget_has_room(&scopes[i], &need, &kind, &may_wait) &&
            (!is_short || (ret_shortage->may_wait && !may_wait))) {
            *ret_shortage = (struct shortage){scopes[i], kind, may_wait};
            is_short = true;
        }
    }
    return !is_short;
}

static const char *whose(struct turn *turn, const struct budget_scope *scope)
{
    if (scope->step) {
        return turn_text(turn, "of step %s", scope->step);
    }
    return !turn->run->parent && strcmp(scope->run, turn->run->id) == 0
               ? "of the run"
               : turn_text(turn, "of run %s", scope->run);
}

static const char *unknown_part(struct turn *turn, const struct shortage *shortage)
{
    const int64_t *sums = shortage->scope.used.sums;
    int64_t calls = shortage->kind == BUDGET_TOKENS ? sums[LEDGER_UNKNOWN_TOKENS]
                    : shortage->kind == BUDGET_USD  ? sums[LEDGER_UNKNOWN_USD]
                                                    : 0;

    return calls > 0 ? turn_text(turn, "; %lld %s of unknown cost", (long long)calls,
                                 calls == 1 ? "call" : "calls")
                     : "";
}

static const char *describe(struct turn *turn, int index, const struct shortage *shortage)
{
    const struct budget_scope *scope = &shortage->scope;
    int64_t used = budget_used(scope, shortage->kind);
    int64_t limit = scope->limits.limits[shortage->kind];
    struct reserve reserve = step_reserve(turn, index);
    char used_text[BUDGET_TEXT_SIZE];
    char limit_text[BUDGET_TEXT_SIZE];
    char need_text[BUDGET_TEXT_SIZE];

    budget_format(shortage->kind, used, used_text);
    budget_format(shortage->kind, limit, limit_text);
    if (used >= limit) {
        return turn_text(turn, "the budget %s is used up: %s of %s%s", whose(turn, scope),
                         used_text, limit_text, unknown_part(turn, shortage));
    }
    budget_format(shortage->kind, shortage->kind == BUDGET_USD ? reserve.usd : reserve.tokens,
                  need_text);
    return turn_text(turn,
                     "step %s needs about %s, and the budget %s has not so much left: %s of "
                     "%s are used%s",
                     step_at(turn, index)->key, need_text, whose(turn, scope), used_text,
                     limit_text, unknown_part(turn, shortage));
}

/* "tokens", or "STEP.tokens": as it is raised. */
static const char *name_of(struct turn *turn, const char *step, enum budget_kind kind)
{
    const char *word = budget_kind_name(kind);

    return step ? turn_text(turn, "%s.%s", step, word) : word;
}

bool step_is_affordable(struct turn *turn, int index)
{
    struct shortage shortage = {0};

    if (has_room(turn, index, &shortage)) {
        return true;
    }
    if (shortage.may_wait) {
        turn->run->is_held = true;
    } else {
        run_wish(turn, WISH_PAUSE,
                 (struct record){.reason = REASON_BUDGET,
                                 .text = describe(turn, index, &shortage),
                                 .phase = phase_id(turn, index),
                                 .step = step_at(turn, index)->key,
                                 .other = turn_text(turn, "%s", shortage.scope.run),
                                 .name = name_of(turn, shortage.scope.step, shortage.kind)});
    }
    return false;
}

bool step_waits_for_room(struct turn *turn, int index)
{
    struct shortage shortage = {0};

    if (!is_call(turn, step_at(turn, index)) || has_room(turn, index, &shortage) ||
        !shortage.may_wait) {
        return false;
    }
    turn->run->is_held = true;
    return true;
}

void step_put_back(struct turn *turn, int index)
{
    if (step_at(turn, index)->status == STEP_IS_PENDING) {
        step_push_ready(turn, index);
    } else {
        step_make_pending(turn, index, "there is no room in a budget");
    }
}

bool run_rest_for_budget(struct turn *turn)
{
    const struct run_state *run = turn->run;

    for (size_t i = 0; i < run->step_count; i++) {
        const struct step_state *step = &run->steps[i];

        if (step->waiting == WAITING_WORKFLOW && step->short_run) {
            turn_emit(turn, (struct record){.kind = RECORD_RUN_MOVED,
                                            .status = run_status_name(RUN_PAUSED),
                                            .reason = REASON_BUDGET,
                                            .text = step->reason,
                                            .phase = phase_id(turn, (int)i),
                                            .step = step->key,
                                            .other = step->short_run,
                                            .name = step->short_name});
            turn_effect(turn, EFFECT_REST, -1, 0, NULL);
            return true;
        }
    }
    return false;
}

/* ---- time ---- */

void run_set_clock(struct turn *turn)
{
    struct run_state *run = turn->run;

    if (run->status == RUN_RUNNING && run->budget.limits[BUDGET_TIME] &&
        run->clock_at <= turn->now) {
        run->clock_at = turn->now + CLOCK_MS;
        turn_effect(turn, EFFECT_TIMER, -1, run->clock_at, NULL);
    }
}

void run_tell_clock(struct turn *turn)
{
    struct run_state *run = turn->run;

    if (run->clock_at && run->clock_at <= turn->now && run->budget.limits[BUDGET_TIME]) {
        turn_emit(turn, (struct record){.kind = RECORD_RUN_CLOCKED});
        run_set_clock(turn);
    }
}

/* Nobody saw when the process before this one ended; it told of itself within the minute. */
void run_forget_time_away(struct turn *turn)
{
    struct run_state *run = turn->run;
    int64_t away_ms = turn->now - run->last_at - CLOCK_MS;

    if (run->status == RUN_RUNNING && run->budget.limits[BUDGET_TIME] && away_ms > 0) {
        turn_emit(turn, (struct record){.kind = RECORD_RUN_CLOCKED, .number = away_ms});
    }
    run_set_clock(turn);
}

/* ---- limits from outside ---- */

struct change_job {
    struct turn *turn;
    const char *by;
    bool is_meant; /* else it is only checked */
};

static int refuse_step(struct turn *turn, const struct budget_change *change, struct error *err)
{
    const struct step_state *step = run_find_step(turn->run, change->step);

    if (!step || step->role == ROLE_CHECK) {
        return error_set(err, ERROR_NOT_FOUND, "run %s has no step \"%s\"", turn->run->id,
                         change->step);
    }
    if (step->role == ROLE_INSTANCE || budget_is_empty(&step->definition->budget) ||
        step->definition->kind == STEP_WORKFLOW) {
        (void)error_set(err, ERROR_CONFLICT, "step %s has no budget of its own that could be set",
                        change->step);
        error_hint(err, "set that of a run: fermata resume %s --budget %s=...", turn->run->id,
                   budget_kind_name(change->kind));
        return ERROR_CONFLICT;
    }
    return 0;
}

static bool is_same(const char *left, const char *right)
{
    return left && right && strcmp(left, right) == 0;
}

/* The run, or a nested one, rests for a limit that somebody took away meanwhile: the raise that is
 * offered for it is no mistake. */
static bool is_waited_for(struct turn *turn, const struct budget_change *change)
{
    const struct run_state *run = turn->run;
    const char *name = name_of(turn, change->step, change->kind);
    bool is_found = run->status == RUN_PAUSED && is_same(run->reason_run, run->id) &&
                    is_same(run->reason_budget, name);

    for (size_t i = 0; i < run->step_count && !is_found; i++) {
        const struct step_state *step = &run->steps[i];

        is_found = step->waiting == WAITING_WORKFLOW && is_same(step->short_run, run->id) &&
                   is_same(step->short_name, name);
    }
    return is_found;
}

static int apply_change(void *context, const struct budget_change *change, struct error *err)
{
    const struct change_job *job = context;
    struct turn *turn = job->turn;
    const struct run_state *run = turn->run;
    struct budget budget = run->budget;
    int r = change->step ? refuse_step(turn, change, err) : 0;

    if (r < 0) {
        return r;
    }
    if (change->step) {
        budget = step_budget(run, run_find_step(run, change->step));
    }
    if (change->is_added && budget.limits[change->kind] == 0) {
        if (is_waited_for(turn, change)) {
            return 0;
        }
        (void)error_set(err, ERROR_CONFLICT, "there is no budget of %s that could be raised",
                        budget_kind_name(change->kind));
        error_hint(err, "give the whole of it, without +");
        return ERROR_CONFLICT;
    }
    budget.limits[change->kind] = budget_change_apply(change, budget.limits[change->kind]);
    if (job->is_meant) {
        turn_emit(turn, (struct record){.kind = RECORD_BUDGET_SET,
                                        .data = turn_hold(turn, budget_encode(&budget)),
                                        .step = change->step,
                                        .by = job->by});
    }
    return 0;
}

int command_budget(struct turn *turn, const struct event *event, struct error *err)
{
    const json_t *changes = json_object_get(event->command, "budget");
    struct change_job job = {.turn = turn, .by = json_get_text(event->command, "by", event->by)};
    int r;

    if (run_status_is_final(turn->run->status)) {
        return command_refuse(turn, err, "nothing more is spent by it");
    }
    r = budget_changes_visit(changes, apply_change, &job, err);
    if (r == 0) {
        job.is_meant = true;
        r = budget_changes_visit(changes, apply_change, &job, err);
        run_set_clock(turn);
    }
    return r;
}
