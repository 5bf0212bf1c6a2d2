/* SPDX-License-Identifier: MIT */
/* Phases and steps stand in numbered places that may be empty, and are named after them: leaving
 * one out renames no other. Only what comes before in the graph is referred to, so that it has no
 * circles. */
#include "generate.h"

#include <string.h>

const char *const generated_names[GENERATED_COUNT] = {"main", "inner", "deep"};

#define PHASES_MAX 5
#define STEPS_MAX 5
#define GATES_MAX 3
#define FIX_STEP 7 /* as the number of a step: the phase's fix step */
#define SLOTS_OF_PHASE 8
#define SLOTS (PHASES_MAX * SLOTS_OF_PHASE)
#define WORKFLOWS_MAX 16

struct generator {
    struct choices *choices;
    const struct generated_edit *edit; /* NULL: none */
    bool is_edited[SLOTS];
    struct strbuf *text;
    uint32_t which;
    int phase; /* the one being written */
    int step;
    int need; /* the step that this one needs, which may be referred to too; -1: none */
    bool has_phase[PHASES_MAX];
    bool has_step[PHASES_MAX][STEPS_MAX];
    bool is_list[PHASES_MAX][STEPS_MAX];    /* its output is a list */
    bool is_before[PHASES_MAX][PHASES_MAX]; /* [phase][another that it comes after] */
    bool has_gate[GATES_MAX];
    bool is_static;  /* no step asks its agent unless it says so itself */
    bool is_crowded; /* wide lists that are tried again and again, and little place for them */
};

static uint32_t slot(const struct generator *generator)
{
    return (uint32_t)(generator->phase * SLOTS_OF_PHASE + generator->step);
}

/* Whose choices say how this part is. */
static struct choices *source(const struct generator *generator, uint32_t *ret_who)
{
    const struct generated_edit *edit = generator->edit;

    *ret_who = generator->which;
    if (!generator->is_edited[slot(generator)]) {
        return generator->choices;
    }
    *ret_who += WORKFLOWS_MAX * (uint32_t)edit->number;
    return edit->choices;
}

static int pick(struct generator *generator, enum place place, int count)
{
    uint32_t who;
    struct choices *choices = source(generator, &who);

    return choose(choices, place, who, slot(generator), count);
}

static int pick_rarely(struct generator *generator, enum place place, int percent, int count)
{
    uint32_t who;
    struct choices *choices = source(generator, &who);

    return choose_rarely(choices, place, who, slot(generator), (struct rarity){percent, count});
}

static int pick_crowded(struct generator *generator, enum place place, int percent, int count)
{
    return pick_rarely(generator, place, generator->is_crowded ? 90 : percent, count);
}

static bool whether(struct generator *generator, enum place place, int percent)
{
    return pick_rarely(generator, place, percent, 1) > 0;
}

static const char *const actions[] = {"pause", "fail", "continue"};
static const char *const strategies[] = {"hybrid", "static", "ai"};
#define STRATEGY_OF_STATIC 1

/* ---- what stands before ---- */

static bool may_refer(const struct generator *generator, int phase, int step, bool to_list)
{
    return generator->has_step[phase][step] && (!to_list || generator->is_list[phase][step]) &&
           (generator->is_before[generator->phase][phase] ||
            (phase == generator->phase && step == generator->need));
}

/* The first that may be referred to, from a place on that is chosen; -1: none. */
static int pick_earlier_step(struct generator *generator, enum place place, bool to_list)
{
    int start = pick(generator, place, PHASES_MAX * STEPS_MAX);

    for (int i = 0; i < PHASES_MAX * STEPS_MAX; i++) {
        int found = (start + i) % (PHASES_MAX * STEPS_MAX);

        if (may_refer(generator, found / STEPS_MAX, found % STEPS_MAX, to_list)) {
            return found;
        }
    }
    return -1;
}

static int phase_before(const struct generator *generator, int phase)
{
    for (phase--; phase >= 0 && !generator->has_phase[phase]; phase--) {
    }
    return phase;
}

/* ---- parts that steps and phases share ---- */

static void write_trigger(struct generator *generator, enum place place)
{
    static const char *const triggers[] = {"one_success", "all_done"};
    int trigger = pick_rarely(generator, place, 25, 2);

    if (trigger > 0) {
        strbuf_addf(generator->text, ", trigger: %s", triggers[trigger - 1]);
    }
}

static void write_on_failure(struct generator *generator, enum place place, int percent)
{
    int action = pick_rarely(generator, place, percent, 5);
    int target = phase_before(generator, generator->phase);

    if (action > 3) {
        while (target >= 0 && !generator->is_before[generator->phase][target]) {
            target = phase_before(generator, target);
        }
        if (target >= 0) {
            strbuf_addf(generator->text, ", on_failure: { goto: p%d, max: %d }", target,
                        1 + pick(generator, PLACE_GOTO_MAX, 2));
        }
    } else if (action > 0) {
        strbuf_addf(generator->text, ", on_failure: %s", actions[action - 1]);
    }
}

static void write_condition(struct generator *generator, const char *key, int kind)
{
    int earlier = pick_earlier_step(generator, PLACE_CONDITION_STEP, false);
    int phase = earlier / STEPS_MAX;
    int step = earlier % STEPS_MAX;

    if (earlier < 0 && kind > 2) {
        kind = 1 + kind % 2;
    }
    switch (kind) {
    case 1:
        strbuf_addf(generator->text, ", %s: inputs.level > %d", key,
                    pick(generator, PLACE_CONDITION_NUMBER, 5));
        break;
    case 2:
        strbuf_addf(generator->text, ", %s: not signals.go", key);
        break;
    case 3:
        strbuf_addf(generator->text, ", %s: steps.s%d%d.status == \"completed\"", key, phase, step);
        break;
    case 4:
        strbuf_addf(generator->text, ", %s: steps.s%d%d.exit_status == 0", key, phase, step);
        break;
    case 5:
        /* A value that it cannot compare: an error when it is worked out. */
        strbuf_addf(generator->text, ", %s: steps.s%d%d.output < 3", key, phase, step);
        break;
    default:
        strbuf_addf(generator->text, ", %s: run.iteration < 3 and steps.s%d%d.attempts < 3", key,
                    phase, step);
        break;
    }
}

static void write_when(struct generator *generator, int percent)
{
    int kind = pick_rarely(generator, PLACE_WHEN, percent, 6);

    if (kind > 0) {
        write_condition(generator, "when", kind);
    }
}

static void write_phase_iterate(struct generator *generator)
{
    int max = pick_rarely(generator, PLACE_PHASE_ITERATE, 20, 3);
    int kind;

    if (max == 0) {
        return;
    }
    strbuf_addf(generator->text, ", iterate: { max: %d", max);
    kind = pick_rarely(generator, PLACE_UNTIL, 60, 6);
    if (kind > 0) {
        write_condition(generator, "until", kind);
    }
    strbuf_add(generator->text, " }");
}

static void write_budget(struct generator *generator, enum place place, const char *before,
                         const char *after)
{
    static const char *const budgets[] = {
        "tokens: 600",  "tokens: 2k",           "usd: 0.8",  "tokens: 1k, usd: 3",
        "steps: 4",     "tokens: 5k, steps: 9", "time: 40s", "usd: 2, time: 5m",
        "tokens: 1500", "tokens: 300"};
    int budget = pick_rarely(generator, place, generator->is_crowded ? 40 : 12,
                             (int)ARRAY_LEN(budgets));

    if (budget > 0) {
        strbuf_addf(generator->text, "%sbudget: { %s }%s", before, budgets[budget - 1], after);
    }
}

/* ---- steps ---- */

static void write_retry(struct generator *generator)
{
    static const char *const classes[] = {"[transient]",          "[limit, lost]",
                                          "[permanent]",          "[refused, timeout]",
                                          "[timeout, transient]", "[permanent, transient, limit]"};
    int attempts = pick_crowded(generator, PLACE_RETRY, 50, 4);
    int on;

    if (attempts == 0) {
        return;
    }
    strbuf_addf(generator->text, ", retry: { attempts: %d, delay: %ds, max_delay: %ds", attempts,
                pick(generator, PLACE_RETRY_DELAY, 6),
                5 + pick(generator, PLACE_RETRY_MAX_DELAY, 56));
    if (!whether(generator, PLACE_RETRY_PLAIN, 50)) {
        strbuf_add(generator->text, ", jitter: false");
    } else if (whether(generator, PLACE_RETRY_PLAIN, 50)) {
        strbuf_add(generator->text, ", backoff: fixed");
    }
    on = pick_rarely(generator, PLACE_RETRY_ON, 60, (int)ARRAY_LEN(classes));
    if (on > 0) {
        strbuf_addf(generator->text, ", on: %s", classes[on - 1]);
    }
    strbuf_add(generator->text, " }");
}

static bool write_foreach(struct generator *generator)
{
    static const char *const lists[] = {"[1]", "[]", "[1, 2, 3]", "[a, b, c, d, e]",
                                        "[1, 2, 3, 4]"};
    int list = pick_crowded(generator, PLACE_FOREACH, 40, (int)ARRAY_LEN(lists) + 2);
    int step = list > 0 ? pick_earlier_step(generator, PLACE_FOREACH_FROM, true) : -1;
    int width;

    if (list == 0) {
        return false;
    }
    if (list > (int)ARRAY_LEN(lists) && step >= 0) {
        strbuf_addf(generator->text, ", foreach: steps.s%d%d.output", step / STEPS_MAX,
                    step % STEPS_MAX);
    } else {
        strbuf_addf(generator->text, ", foreach: %s", lists[(list - 1) % (int)ARRAY_LEN(lists)]);
    }
    width = pick_crowded(generator, PLACE_FOREACH_WIDTH, 70, 3);
    if (width > 0) {
        strbuf_addf(generator->text, ", width: %d", width);
    }
    return true;
}

static void write_agent(struct generator *generator)
{
    static const char *const fallbacks[] = {"[a2]", "[a2, a3]", "[a1, a3]"};
    static const char *const alternatives[] = {"run: work", "use: noop",
                                               "run: work, retry: { attempts: 2, delay: 1s }"};
    int alternative = pick_rarely(generator, PLACE_STATIC, 60, (int)ARRAY_LEN(alternatives));
    int strategy = pick_rarely(generator, PLACE_STEP_STRATEGY, 30, 3);
    int questions = pick_rarely(generator, PLACE_QUESTIONS, 30, 3);
    int limit = pick_rarely(generator, PLACE_ON_LIMIT, 30, 2);
    int fallback = pick_rarely(generator, PLACE_FALLBACK, 60, (int)ARRAY_LEN(fallbacks));
    int clone = pick_rarely(generator, PLACE_CLONE, 50, 3);

    if (alternative == 0 &&
        (strategy > 0 ? strategy - 1 == STRATEGY_OF_STATIC : generator->is_static)) {
        alternative = 1; /* without one it would be refused */
    }
    strbuf_add(generator->text, ", prompt: Do it");
    if (limit > 0) {
        strbuf_addf(generator->text, ", on_limit: %s", limit == 1 ? "park" : "fallback");
    }
    if (fallback > 0) {
        strbuf_addf(generator->text, ", agent: a1, fallback: %s", fallbacks[fallback - 1]);
    }
    if (clone > 0) {
        strbuf_addf(generator->text, ", workspace: clone, on_conflict: %s",
                    clone == 1   ? "a4"
                    : clone == 2 ? "a1"
                                 : "pause");
    }
    if (alternative > 0) {
        strbuf_addf(generator->text, ", static: { %s }", alternatives[alternative - 1]);
    }
    if (strategy > 0) {
        strbuf_addf(generator->text, ", strategy: %s", strategies[strategy - 1]);
    }
    if (questions > 0) {
        strbuf_addf(generator->text, ", questions: %d", questions - 1);
    }
}

static void write_wait_timeout(struct generator *generator)
{
    int seconds = pick_rarely(generator, PLACE_WAIT_TIMEOUT, 25, 90);

    if (seconds > 0) {
        strbuf_addf(generator->text, ", timeout: %ds", 5 + seconds);
    }
}

static void write_nested(struct generator *generator, bool is_deep)
{
    strbuf_addf(generator->text, ", workflow: %s", is_deep ? "deep" : "inner");
    if (whether(generator, PLACE_FOREACH, 15)) {
        strbuf_add(generator->text, ", foreach: [1, 2], width: 1");
    }
    write_wait_timeout(generator);
    write_budget(generator, PLACE_STEP_BUDGET, ", ", "");
}

static void write_work(struct generator *generator, int kind)
{
    int reuse;

    if (kind == 0) {
        strbuf_add(generator->text, ", run: work");
    } else if (kind <= 4) {
        write_agent(generator);
    } else {
        strbuf_addf(generator->text, ", use: %s", kind == 5 ? "inventory" : "noop");
    }
    if (!write_foreach(generator) && kind == 0 && generator->step != FIX_STEP &&
        whether(generator, PLACE_JSON, 30)) {
        strbuf_add(generator->text, ", format: json");
        generator->is_list[generator->phase][generator->step] = true;
    }
    write_retry(generator);
    reuse = pick_rarely(generator, PLACE_REUSE, 10, 2);
    if (reuse > 0) {
        strbuf_addf(generator->text, ", reuse: %s", reuse == 1 ? "inputs" : "never");
    }
    write_budget(generator, PLACE_STEP_BUDGET, ", ", "");
}

/* What the step does. */
static void write_body(struct generator *generator)
{
    int kind = pick_rarely(generator, PLACE_STEP_KIND, 60, 13);

    if (kind <= 7) {
        write_work(generator, kind);
    } else if (kind <= 10 || generator->which == 2) {
        strbuf_add(generator->text, ", approve: May it go on?");
        write_wait_timeout(generator);
    } else {
        write_nested(generator, generator->which != 0 || kind == 13);
    }
}

static void write_needs(struct generator *generator)
{
    int needs = pick_rarely(generator, PLACE_STEP_NEEDS, 45, 2);
    const bool *has_step = generator->has_step[generator->phase];
    int last = generator->step - 1;
    int first = 0;

    while (last >= 0 && !has_step[last]) {
        last--;
    }
    if (needs == 0 || last < 0) {
        return;
    }
    while (!has_step[first]) {
        first++;
    }
    generator->need = last;
    strbuf_addf(generator->text, ", needs: [s%d%d", generator->phase, last);
    if (needs == 2 && first != last) {
        strbuf_addf(generator->text, ", s%d%d", generator->phase, first);
    }
    strbuf_add(generator->text, "]");
    write_trigger(generator, PLACE_STEP_TRIGGER);
}

static void write_step(struct generator *generator, int step)
{
    generator->step = step;
    generator->need = -1;
    if (step == FIX_STEP) {
        strbuf_addf(generator->text, "      { id: f%d", generator->phase);
    } else {
        strbuf_addf(generator->text, "      { id: s%d%d", generator->phase, step);
        write_needs(generator);
    }
    write_body(generator);
    write_when(generator, 12);
    if (whether(generator, PLACE_STEP_OPTIONAL, 20)) {
        strbuf_add(generator->text, ", optional: true");
    }
    if (whether(generator, PLACE_STEP_STRICT, 25)) {
        strbuf_add(generator->text, ", allow_skip: false");
    }
    write_on_failure(generator, PLACE_STEP_FAILURE, 15);
    strbuf_add(generator->text, " },\n");
    generator->step = 0;
}

/* ---- phases ---- */

static void follow(struct generator *generator, int before)
{
    bool *is_before = generator->is_before[generator->phase];

    is_before[before] = true;
    for (int i = 0; i < PHASES_MAX; i++) {
        is_before[i] = is_before[i] || generator->is_before[before][i];
    }
}

/* After the one before, after the two before, or beside it. */
static void write_phase_needs(struct generator *generator)
{
    int last = phase_before(generator, generator->phase);
    int other = last < 0 ? -1 : phase_before(generator, last);
    int needs = other < 0 ? 0 : pick_rarely(generator, PLACE_PHASE_NEEDS, 45, 3);

    if (last < 0) {
        return;
    }
    if (needs == 1) {
        strbuf_addf(generator->text, ", needs: [p%d, p%d]", last, other);
        follow(generator, last);
        follow(generator, other);
    } else if (needs >= 2) {
        strbuf_addf(generator->text, ", needs: [p%d]", other);
        follow(generator, other);
    } else {
        follow(generator, last);
    }
    write_trigger(generator, PLACE_PHASE_TRIGGER);
}

static void write_phase_gate(struct generator *generator)
{
    int gate = pick_rarely(generator, PLACE_PHASE_GATE, 45, GATES_MAX);

    if (gate > 0 && generator->has_gate[gate - 1]) {
        strbuf_addf(generator->text, ", gate: g%d", gate - 1);
    }
}

static void write_phase_rules(struct generator *generator)
{
    int seconds;

    write_phase_needs(generator);
    write_when(generator, 18);
    write_phase_gate(generator);
    if (whether(generator, PLACE_PHASE_OPTIONAL, 12)) {
        strbuf_add(generator->text, ", optional: true");
    }
    if (whether(generator, PLACE_PHASE_STRICT, 25)) {
        strbuf_add(generator->text, ", allow_skip: false");
    }
    seconds = pick_rarely(generator, PLACE_PHASE_TIMEOUT, 18, 115);
    if (seconds > 0) {
        strbuf_addf(generator->text, ", timeout: %ds", 5 + seconds);
    }
    write_on_failure(generator, PLACE_PHASE_FAILURE, 40);
    write_phase_iterate(generator);
}

/* True: it has a fix step. */
static bool write_phase_mode(struct generator *generator)
{
    int mode = pick_crowded(generator, PLACE_PHASE_MODE, 70, 3);
    int width;

    if (mode == 3) {
        strbuf_addf(generator->text, ", mode: adaptive, rounds: %d",
                    1 + pick(generator, PLACE_ROUNDS, 3));
    } else if (mode > 0) {
        strbuf_add(generator->text, ", mode: parallel");
        width = pick_crowded(generator, PLACE_PHASE_WIDTH, 60, 3);
        if (width > 0) {
            strbuf_addf(generator->text, ", width: %d", width);
        }
    }
    return mode == 3;
}

static void write_phase(struct generator *generator, int phase)
{
    bool is_adaptive;

    generator->phase = phase;
    generator->need = -1;
    strbuf_addf(generator->text, "  - { id: p%d", phase);
    is_adaptive = write_phase_mode(generator);
    write_phase_rules(generator);
    strbuf_add(generator->text, ", steps: [\n");
    for (int i = 0; i < STEPS_MAX; i++) {
        if (generator->has_step[phase][i]) {
            write_step(generator, i);
        }
    }
    strbuf_add(generator->text, "    ]");
    if (is_adaptive) {
        strbuf_add(generator->text, ", fix: [\n");
        write_step(generator, FIX_STEP);
        strbuf_add(generator->text, "    ]");
    }
    strbuf_add(generator->text, " }\n");
}

/* ---- the workflow ---- */

/* Which places are taken; the first phase and the first step of each always are. */
static void pick_places(struct generator *generator)
{
    int phases = generator->which == 0 ? PHASES_MAX : 2;
    int steps = generator->which == 0 ? STEPS_MAX : 2;

    for (int i = 0; i < phases; i++) {
        generator->phase = i;
        generator->has_phase[i] = i == 0 || whether(generator, PLACE_PHASE, 50);
        for (int k = 0; k < steps && generator->has_phase[i]; k++) {
            generator->step = k;
            generator->has_step[i][k] = k == 0 || whether(generator, PLACE_STEP, 45);
        }
        generator->step = 0;
    }
    generator->phase = 0;
}

static void write_gate(struct generator *generator, int gate)
{
    int checks = 1 + pick(generator, PLACE_GATE_CHECKS, 3);

    strbuf_addf(generator->text, "  g%d:\n    allow_skip: %s\n    commands:\n", gate,
                whether(generator, PLACE_GATE_STRICT, 50) ? "false" : "true");
    for (int i = 0; i < checks; i++) {
        strbuf_add(generator->text, whether(generator, PLACE_CHECK_KIND, 25)
                                        ? "      - { use: check-lint }\n"
                                        : "      - { run: check }\n");
    }
}

static void write_gates(struct generator *generator)
{
    bool has_any = false;

    for (int i = 0; i < GATES_MAX; i++) {
        generator->step = i;
        generator->has_gate[i] = whether(generator, PLACE_GATE, 60);
        if (generator->has_gate[i]) {
            strbuf_add(generator->text, has_any ? "" : "gates:\n");
            has_any = true;
            write_gate(generator, i);
        }
    }
    generator->step = 0;
}

static void write_head(struct generator *generator)
{
    int value;

    strbuf_addf(generator->text, "name: %s\ninputs:\n  level: { type: integer, default: %d }\n",
                generated_names[generator->which], pick(generator, PLACE_LEVEL, 5));
    value = pick_rarely(generator, PLACE_RUN_FAILURE, 30, 3);
    if (value > 0) {
        strbuf_addf(generator->text, "on_failure: %s\n", actions[value - 1]);
    }
    value = pick_rarely(generator, PLACE_CONCURRENCY, 25, 3);
    if (value > 0) {
        strbuf_addf(generator->text, "concurrency: %d\n", value);
    }
    value = pick_rarely(generator, PLACE_RUN_TIMEOUT, 15, 580);
    if (value > 0) {
        strbuf_addf(generator->text, "timeout: %ds\n", 20 + value);
    }
    value = pick_rarely(generator, PLACE_RUN_STRATEGY, 15, 3);
    if (value > 0) {
        strbuf_addf(generator->text, "strategy: %s\n", strategies[value - 1]);
        generator->is_static = value - 1 == STRATEGY_OF_STATIC;
    }
    if (whether(generator, PLACE_NO_CHECKPOINTS, 15)) {
        strbuf_add(generator->text, "checkpoint: { auto: false }\n");
    }
    value = pick_rarely(generator, PLACE_RUN_ITERATE, 20, 2);
    if (value > 0) {
        strbuf_addf(generator->text, "iterate: { max: %d }\n", 1 + value);
    }
    write_budget(generator, PLACE_RUN_BUDGET, "", "\n");
    write_gates(generator);
}

/* What holds for all of it stays: other parts would not be what they were. */
static void pick_edited(struct generator *generator)
{
    const struct generated_edit *edit = generator->edit;
    uint32_t who = generator->which + WORKFLOWS_MAX * (uint32_t)edit->number;

    for (uint32_t i = 0; i < SLOTS; i++) {
        generator->is_edited[i] = choose_whether(edit->choices, PLACE_EDIT_PART, who, i, 12);
    }
}

void generate_workflow(struct choices *choices, int which, const struct generated_edit *edit,
                       struct strbuf *target)
{
    struct generator generator = {
        .choices = choices, .edit = edit, .text = target, .which = (uint32_t)which};

    generator.is_crowded = whether(&generator, PLACE_CROWDED, 15);
    if (edit) {
        pick_edited(&generator);
    }
    pick_places(&generator);
    write_head(&generator);
    strbuf_add(target, "phases:\n");
    for (int i = 0; i < PHASES_MAX; i++) {
        if (generator.has_phase[i]) {
            write_phase(&generator, i);
        }
    }
}
