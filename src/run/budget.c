/* SPDX-License-Identifier: MIT */
#include "run/budget.h"

#include "agents/event.h"
#include "base/alloc.h"
#include "run/usage.h"

#include <assert.h>
#include <string.h>

static const char *const fields[] = {
    [LEDGER_CALLS] = "calls",
    [LEDGER_TOKENS] = "tokens",
    [LEDGER_USD] = "usd",
    [LEDGER_UNKNOWN_TOKENS] = "unknown_tokens",
    [LEDGER_UNKNOWN_USD] = "unknown_usd",
    [LEDGER_ASSUMED_TOKENS] = "assumed_tokens",
    [LEDGER_ASSUMED_USD] = "assumed_usd",
    [LEDGER_RESERVED_TOKENS] = "reserved_tokens",
    [LEDGER_RESERVED_USD] = "reserved_usd",
    [LEDGER_IN_FLIGHT] = "in_flight",
    [LEDGER_AT_HOST] = "at_host",
    [LEDGER_STEPS] = "steps",
};
static_assert(ARRAY_LEN(fields) == LEDGER_FIELDS, "one name for each field");

/* ---- sums ---- */

void ledger_add(struct ledger *ledger, const struct ledger *part)
{
    for (int i = 0; i < LEDGER_FIELDS; i++) {
        ledger->sums[i] += part->sums[i];
    }
}

void ledger_subtract(struct ledger *ledger, const struct ledger *part)
{
    for (int i = 0; i < LEDGER_FIELDS; i++) {
        ledger->sums[i] -= part->sums[i];
    }
}

void ledger_reserve(struct ledger *ledger, struct reserve reserve)
{
    ledger->sums[LEDGER_RESERVED_TOKENS] += reserve.tokens;
    ledger->sums[LEDGER_RESERVED_USD] += reserve.usd;
    ledger->sums[LEDGER_IN_FLIGHT]++;
}

void ledger_release(struct ledger *ledger, struct reserve reserve)
{
    ledger->sums[LEDGER_RESERVED_TOKENS] -= reserve.tokens;
    ledger->sums[LEDGER_RESERVED_USD] -= reserve.usd;
    ledger->sums[LEDGER_IN_FLIGHT]--;
}

/* What is not known of a call is taken to be what was reserved for it, and told as that. */
static void settle(struct ledger *ledger, enum ledger_field used, int64_t known, int64_t missing)
{
    enum ledger_field unknown = used == LEDGER_TOKENS ? LEDGER_UNKNOWN_TOKENS : LEDGER_UNKNOWN_USD;
    enum ledger_field assumed = used == LEDGER_TOKENS ? LEDGER_ASSUMED_TOKENS : LEDGER_ASSUMED_USD;

    ledger->sums[used] += known;
    if (missing >= 0) {
        ledger->sums[unknown]++;
        ledger->sums[assumed] += missing > known ? missing - known : 0;
    }
}

void ledger_settle(struct ledger *ledger, struct reserve reserve, const json_t *usage)
{
    struct agent_usage said = AGENT_USAGE_INIT;
    bool has_tokens;
    int64_t tokens;

    if (usage) {
        agent_usage_decode(usage, &said);
    }
    has_tokens = said.input_tokens >= 0 && said.output_tokens >= 0;
    tokens = (said.input_tokens > 0 ? said.input_tokens : 0) +
             (said.output_tokens > 0 ? said.output_tokens : 0);
    ledger_release(ledger, reserve);
    ledger->sums[LEDGER_CALLS]++;
    settle(ledger, LEDGER_TOKENS, tokens, has_tokens ? -1 : reserve.tokens);
    settle(ledger, LEDGER_USD, budget_usd(said.cost_usd), said.cost_usd >= 0 ? -1 : reserve.usd);
}

static int64_t mean_of(const struct ledger *ledger, enum ledger_field used,
                       enum ledger_field unknown)
{
    int64_t count = ledger->sums[LEDGER_CALLS] - ledger->sums[unknown];

    return count > 0 ? (ledger->sums[used] + count - 1) / count : -1;
}

int64_t ledger_mean_tokens(const struct ledger *ledger)
{
    return mean_of(ledger, LEDGER_TOKENS, LEDGER_UNKNOWN_TOKENS);
}

int64_t ledger_mean_usd(const struct ledger *ledger)
{
    return mean_of(ledger, LEDGER_USD, LEDGER_UNKNOWN_USD);
}

/* ---- as JSON: money in dollars, which is exact below some millions of them ---- */

static bool is_money(int field)
{
    return field == LEDGER_USD || field == LEDGER_ASSUMED_USD || field == LEDGER_RESERVED_USD;
}

static json_t *money(int64_t amount)
{
    return json_real((double)amount / (double)BUDGET_USD_UNIT);
}

json_t *ledger_encode(const struct ledger *ledger)
{
    json_t *value = json_object();

    for (int i = 0; i < LEDGER_FIELDS; i++) {
        if (ledger->sums[i] && is_money(i)) {
            json_put(value, fields[i], money(ledger->sums[i]));
        } else if (ledger->sums[i]) {
            json_put_integer(value, fields[i], ledger->sums[i]);
        }
    }
    return value;
}

void ledger_decode(const json_t *value, struct ledger *ret_ledger)
{
    for (int i = 0; i < LEDGER_FIELDS; i++) {
        ret_ledger->sums[i] = is_money(i)
                                  ? budget_usd(json_number_value(json_object_get(value, fields[i])))
                                  : json_get_integer(value, fields[i], 0);
    }
}

json_t *reserve_encode(struct reserve reserve)
{
    json_t *value;

    if (reserve.tokens == 0 && reserve.usd == 0) {
        return NULL;
    }
    value = json_object();
    if (reserve.tokens > 0) {
        json_put_integer(value, "tokens", reserve.tokens);
    }
    if (reserve.usd > 0) {
        json_put(value, "usd", money(reserve.usd));
    }
    return value;
}

struct reserve reserve_decode(const json_t *value)
{
    return (struct reserve){.tokens = json_get_integer(value, "tokens", 0),
                            .usd = budget_usd(json_number_value(json_object_get(value, "usd")))};
}

/* ---- limits ---- */

int64_t budget_used(const struct budget_scope *scope, enum budget_kind kind)
{
    const int64_t *sums = scope->used.sums;

    switch (kind) {
    case BUDGET_TOKENS:
        return sums[LEDGER_TOKENS] + sums[LEDGER_ASSUMED_TOKENS];
    case BUDGET_USD:
        return sums[LEDGER_USD] + sums[LEDGER_ASSUMED_USD];
    case BUDGET_TIME:
        return scope->time_ms;
    case BUDGET_STEPS:
        return sums[LEDGER_STEPS];
    }
    return 0;
}

int64_t budget_reserved(const struct budget_scope *scope, enum budget_kind kind)
{
    switch (kind) {
    case BUDGET_TOKENS:
        return scope->used.sums[LEDGER_RESERVED_TOKENS];
    case BUDGET_USD:
        return scope->used.sums[LEDGER_RESERVED_USD];
    case BUDGET_TIME:
    case BUDGET_STEPS:
        break;
    }
    return 0;
}

/* Where nothing is known of such calls the first one goes alone: its end tells the others. */
static bool fits_call(const struct budget_scope *scope, int64_t taken, int64_t limit,
                      int64_t expected)
{
    const int64_t *sums = scope->used.sums;

    if (expected < 0 && sums[LEDGER_CALLS] == 0 && sums[LEDGER_IN_FLIGHT] > 0) {
        return false;
    }
    return taken < limit && taken + (expected > 0 ? expected : 0) <= limit;
}

static bool fits(const struct budget_scope *scope, enum budget_kind kind,
                 const struct budget_need *need)
{
    int64_t taken = budget_used(scope, kind) + budget_reserved(scope, kind);
    int64_t limit = scope->limits.limits[kind];

    switch (kind) {
    case BUDGET_TOKENS:
        return !need->is_call || fits_call(scope, taken, limit, need->reserve.tokens);
    case BUDGET_USD:
        return !need->is_call || fits_call(scope, taken, limit, need->reserve.usd);
    case BUDGET_TIME:
        return taken < limit;
    case BUDGET_STEPS:
        return taken + need->steps <= limit;
    }
    return true;
}

bool budget_has_room(const struct budget_scope *scope, const struct budget_need *need,
                     enum budget_kind *ret_kind, bool *ret_may_wait)
{
    for (int i = 0; i < BUDGET_KINDS; i++) {
        enum budget_kind kind = (enum budget_kind)i;

        if (scope->limits.limits[kind] && !fits(scope, kind, need)) {
            *ret_kind = kind;
            *ret_may_wait = (kind == BUDGET_TOKENS || kind == BUDGET_USD) &&
                            scope->used.sums[LEDGER_IN_FLIGHT] > scope->out_of_sight &&
                            budget_used(scope, kind) < scope->limits.limits[kind];
            return false;
        }
    }
    return true;
}

static json_t *amount_value(enum budget_kind kind, int64_t amount)
{
    return kind == BUDGET_USD ? money(amount) : json_integer(amount);
}

static void put_amount(json_t *object, const char *name, enum budget_kind kind, int64_t amount)
{
    if (amount) {
        json_put(object, name, amount_value(kind, amount));
    }
}

/* `used` holds what is assumed, as the limit is compared with both. */
static json_t *describe_kind(const struct budget_scope *scope, enum budget_kind kind)
{
    json_t *value = json_object();
    int64_t limit = scope->limits.limits[kind];
    int64_t used = budget_used(scope, kind);
    const int64_t *sums = scope->used.sums;

    json_put(value, "limit", amount_value(kind, limit));
    json_put(value, "used", amount_value(kind, used));
    json_put(value, "left", amount_value(kind, used < limit ? limit - used : 0));
    put_amount(value, "reserved", kind, budget_reserved(scope, kind));
    if (kind == BUDGET_TOKENS) {
        put_amount(value, "assumed", kind, sums[LEDGER_ASSUMED_TOKENS]);
        put_amount(value, "unknown_calls", BUDGET_STEPS, sums[LEDGER_UNKNOWN_TOKENS]);
    } else if (kind == BUDGET_USD) {
        put_amount(value, "assumed", kind, sums[LEDGER_ASSUMED_USD]);
        put_amount(value, "unknown_calls", BUDGET_STEPS, sums[LEDGER_UNKNOWN_USD]);
    }
    return value;
}

json_t *budget_describe(const struct budget_scope *scope)
{
    json_t *value;

    if (budget_is_empty(&scope->limits)) {
        return NULL;
    }
    value = json_object();
    for (int i = 0; i < BUDGET_KINDS; i++) {
        if (scope->limits.limits[i]) {
            json_put(value, i == BUDGET_TIME ? "time_ms" : budget_kind_name((enum budget_kind)i),
                     describe_kind(scope, (enum budget_kind)i));
        }
    }
    return value;
}

/* ---- the runs of a tree ---- */

void budget_node_update(struct budget_node *node, const struct budget_node *now)
{
    struct ledger difference = now->own;

    ledger_subtract(&difference, &node->own);
    node->own = now->own;
    node->limits = now->limits;
    node->ran_ms = now->ran_ms;
    node->since = now->since;
    for (struct budget_node *above = node->parent; above; above = above->parent) {
        ledger_add(&above->below, &difference);
    }
}

bool budget_node_wakes(const struct budget_node *before, const struct budget_node *now)
{
    const int64_t *was = before->own.sums;
    const int64_t *is = now->own.sums;

    return is[LEDGER_CALLS] > was[LEDGER_CALLS] || is[LEDGER_IN_FLIGHT] < was[LEDGER_IN_FLIGHT] ||
           is[LEDGER_AT_HOST] > was[LEDGER_AT_HOST] ||
           memcmp(&now->limits, &before->limits, sizeof(now->limits)) != 0;
}

void budget_node_attach(struct budget_node *node, struct budget_node *parent)
{
    assert(!node->parent);
    node->parent = parent;
    for (struct budget_node *above = parent; above; above = above->parent) {
        ledger_add(&above->below, &node->own);
        ledger_add(&above->below, &node->below);
    }
}

struct budget_scope budget_node_scope(const struct budget_node *node, const struct ledger *newer,
                                      const struct ledger *known, int64_t now)
{
    struct budget_scope scope = {
        .run = node->run,
        .limits = node->limits,
        .used = node->own,
        .time_ms = node->ran_ms + (node->since && now > node->since ? now - node->since : 0)};

    ledger_add(&scope.used, &node->below);
    ledger_add(&scope.used, newer);
    ledger_subtract(&scope.used, known);
    return scope;
}
