/* SPDX-License-Identifier: MIT */
/* Phases and steps get names that count up, so that every name that is referred to exists. Only
 * what comes earlier is referred to, so that the graph has no circles. */
#include "generate.h"

#include "random.h"

#include <string.h>

const char *const generated_names[GENERATED_COUNT] = {"main", "inner", "deep"};

#define PHASES_MAX 5
#define STEPS_MAX 5
#define GATES_MAX 3

struct generator {
    struct sim_random random;
    struct strbuf *text;
    int which;
    int phase; /* the one being written */
    int steps; /* written so far in the whole workflow */
    int first; /* the phase's first step: those before it may be referred to */
    int need;  /* the step that this one needs, which may be referred to too; -1: none */
    int lists[PHASES_MAX * STEPS_MAX]; /* steps whose output is a list */
    int list_count;
    int gates;
};

static bool chance(struct generator *generator, int percent)
{
    return sim_random_chance(&generator->random, percent);
}

static int between(struct generator *generator, int first, int last)
{
    return sim_random_between(&generator->random, first, last);
}

static const char *pick(struct generator *generator, const char *const *words, size_t count)
{
    return words[sim_random_below(&generator->random, (int)count)];
}
#define PICK(generator, words) pick(generator, words, sizeof(words) / sizeof((words)[0]))

static const char *const classes[] = {"transient", "limit",   "permanent",
                                      "refused",   "timeout", "lost"};

static void write_retry(struct generator *generator)
{
    strbuf_addf(generator->text, ", retry: { attempts: %d, delay: %ds, max_delay: %ds",
                between(generator, 1, 4), between(generator, 0, 5), between(generator, 5, 60));
    if (chance(generator, 40)) {
        strbuf_add(generator->text, ", backoff: fixed");
    }
    if (chance(generator, 50)) {
        strbuf_add(generator->text, ", jitter: false");
    }
    if (chance(generator, 60)) {
        const char *first = PICK(generator, classes);
        const char *second = PICK(generator, classes);

        strbuf_addf(generator->text, ", on: [%s", first);
        if (strcmp(first, second) != 0) {
            strbuf_addf(generator->text, ", %s", second);
        }
        strbuf_add(generator->text, "]");
    }
    strbuf_add(generator->text, " }");
}

static void write_trigger(struct generator *generator)
{
    static const char *const triggers[] = {"all_success", "one_success", "all_done"};

    if (chance(generator, 30)) {
        strbuf_addf(generator->text, ", trigger: %s", PICK(generator, triggers));
    }
}

static void write_on_failure(struct generator *generator, int percent)
{
    static const char *const actions[] = {"pause", "fail", "continue"};

    if (!chance(generator, percent)) {
        return;
    }
    if (generator->phase > 0 && chance(generator, 40)) {
        /* The one before it: every phase needs that one, unless it says otherwise. */
        strbuf_addf(generator->text, ", on_failure: { goto: p%d, max: %d }", generator->phase - 1,
                    between(generator, 1, 2));
        return;
    }
    strbuf_addf(generator->text, ", on_failure: %s", PICK(generator, actions));
}

static void write_condition(struct generator *generator, const char *key)
{
    bool has_earlier = generator->first > 0 || generator->need >= 0;
    int earlier = generator->need;

    if (generator->first > 0 && (earlier < 0 || chance(generator, 50))) {
        earlier = sim_random_below(&generator->random, generator->first);
    }
    switch (sim_random_below(&generator->random, has_earlier ? 6 : 2)) {
    case 0:
        strbuf_addf(generator->text, ", %s: inputs.level > %d", key, between(generator, 0, 4));
        break;
    case 1:
        strbuf_addf(generator->text, ", %s: not signals.go", key);
        break;
    case 2:
        strbuf_addf(generator->text, ", %s: steps.s%d.status == \"completed\"", key, earlier);
        break;
    case 3:
        strbuf_addf(generator->text, ", %s: steps.s%d.exit_status == 0", key, earlier);
        break;
    case 4:
        /* A value that it cannot compare: an error when it is worked out. */
        strbuf_addf(generator->text, ", %s: steps.s%d.output < 3", key, earlier);
        break;
    default:
        strbuf_addf(generator->text, ", %s: run.iteration < 3 and steps.s%d.attempts < 3", key,
                    earlier);
        break;
    }
}

static void write_iterate(struct generator *generator, const char *before)
{
    strbuf_addf(generator->text, "%siterate: { max: %d", before, between(generator, 1, 3));
    if (chance(generator, 60)) {
        write_condition(generator, "until");
    }
    strbuf_add(generator->text, " }");
}

static bool write_foreach(struct generator *generator)
{
    int list = generator->list_count > 0
                   ? generator->lists[sim_random_below(&generator->random, generator->list_count)]
                   : -1;

    if (!chance(generator, 25)) {
        return false;
    }
    if (list >= 0 && (list < generator->first || list == generator->need)) {
        strbuf_addf(generator->text, ", foreach: steps.s%d.output", list);
    } else {
        static const char *const lists[] = {"[]", "[1]", "[1, 2, 3]", "[a, b, c, d, e]"};

        strbuf_addf(generator->text, ", foreach: %s", PICK(generator, lists));
    }
    if (chance(generator, 60)) {
        strbuf_addf(generator->text, ", width: %d", between(generator, 1, 3));
    }
    return true;
}

/* What the step does. */
static void write_body(struct generator *generator, int id)
{
    int kind = sim_random_below(&generator->random, 100);

    if (kind < 35) {
        strbuf_add(generator->text, ", run: work");
        if (!write_foreach(generator) && chance(generator, 30)) {
            strbuf_add(generator->text, ", format: json");
            generator->lists[generator->list_count++] = id;
        }
    } else if (kind < 55) {
        strbuf_add(generator->text, ", prompt: Do it");
        if (chance(generator, 60)) {
            strbuf_addf(generator->text, ", static: { %s%s }",
                        chance(generator, 70) ? "run: work" : "use: noop",
                        chance(generator, 30) ? ", retry: { attempts: 2, delay: 1s }" : "");
        }
        if (chance(generator, 30)) {
            static const char *const strategies[] = {"ai", "static", "hybrid"};

            strbuf_addf(generator->text, ", strategy: %s", PICK(generator, strategies));
        }
        (void)write_foreach(generator);
    } else if (kind < 70) {
        strbuf_addf(generator->text, ", use: %s", chance(generator, 70) ? "noop" : "inventory");
        (void)write_foreach(generator);
    } else if (kind < 82 || generator->which == 2 || !chance(generator, 60)) {
        strbuf_add(generator->text, ", approve: May it go on?");
        return;
    } else {
        strbuf_addf(generator->text, ", workflow: %s",
                    generator->which == 0 && chance(generator, 70) ? "inner" : "deep");
        if (chance(generator, 15)) {
            strbuf_add(generator->text, ", foreach: [1, 2], width: 1");
        }
        return;
    }
    if (chance(generator, 25)) {
        write_retry(generator);
    }
    if (chance(generator, 10)) {
        strbuf_addf(generator->text, ", reuse: %s", chance(generator, 50) ? "inputs" : "never");
    }
}

static void write_step(struct generator *generator, int number, bool is_fix)
{
    int id = generator->steps;

    generator->need = -1;
    strbuf_addf(generator->text, "      { id: s%d", id);
    if (!is_fix && number > 0 && chance(generator, 40)) {
        generator->need = id - 1;
        strbuf_addf(generator->text, ", needs: [s%d", id - 1);
        if (number > 1 && chance(generator, 40)) {
            strbuf_addf(generator->text, ", s%d", id - number);
        }
        strbuf_add(generator->text, "]");
        write_trigger(generator);
    }
    write_body(generator, id);
    if (id > 0 && chance(generator, 12)) {
        write_condition(generator, "when");
    }
    if (chance(generator, 12)) {
        strbuf_add(generator->text, ", optional: true");
    }
    if (chance(generator, 12)) {
        strbuf_add(generator->text, ", allow_skip: false");
    }
    write_on_failure(generator, 15);
    strbuf_add(generator->text, " }");
    generator->steps++;
}

static void write_gates(struct generator *generator)
{
    generator->gates = between(generator, 0, GATES_MAX);
    if (generator->gates == 0) {
        return;
    }
    strbuf_add(generator->text, "gates:\n");
    for (int i = 0; i < generator->gates; i++) {
        int checks = between(generator, 1, 3);

        strbuf_addf(generator->text, "  g%d:\n    allow_skip: %s\n    commands:\n", i,
                    chance(generator, 50) ? "true" : "false");
        for (int k = 0; k < checks; k++) {
            strbuf_add(generator->text, chance(generator, 75) ? "      - { run: check }\n"
                                                              : "      - { use: check-lint }\n");
        }
    }
}

static void write_head(struct generator *generator)
{
    strbuf_addf(generator->text, "name: %s\ninputs:\n  level: { type: integer, default: %d }\n",
                generated_names[generator->which], between(generator, 0, 4));
    if (chance(generator, 30)) {
        static const char *const actions[] = {"pause", "fail", "continue"};

        strbuf_addf(generator->text, "on_failure: %s\n", PICK(generator, actions));
    }
    if (chance(generator, 30)) {
        strbuf_addf(generator->text, "concurrency: %d\n", between(generator, 1, 3));
    }
    if (chance(generator, 15)) {
        strbuf_addf(generator->text, "timeout: %ds\n", between(generator, 20, 600));
    }
    if (chance(generator, 15)) {
        static const char *const strategies[] = {"ai", "static", "hybrid"};

        strbuf_addf(generator->text, "strategy: %s\n", PICK(generator, strategies));
    }
    if (chance(generator, 15)) {
        strbuf_add(generator->text, "checkpoint: { auto: false }\n");
    }
    if (chance(generator, 20)) {
        strbuf_addf(generator->text, "iterate: { max: %d }\n", between(generator, 2, 3));
    }
    write_gates(generator);
}

static void write_phase_rules(struct generator *generator)
{
    if (generator->phase > 0 && chance(generator, 20)) {
        write_condition(generator, "when");
    }
    if (generator->phase > 1 && chance(generator, 40)) {
        /* The one before it stays among the needs, so that going back to it is allowed. */
        strbuf_addf(generator->text, ", needs: [p%d, p%d]", generator->phase - 1,
                    generator->phase - 2);
        write_trigger(generator);
    } else if (generator->phase > 0) {
        write_trigger(generator);
    }
    if (generator->gates > 0 && chance(generator, 50)) {
        strbuf_addf(generator->text, ", gate: g%d",
                    sim_random_below(&generator->random, generator->gates));
    }
    if (chance(generator, 10)) {
        strbuf_add(generator->text, ", optional: true");
    }
    if (chance(generator, 15)) {
        strbuf_add(generator->text, ", allow_skip: false");
    }
    if (chance(generator, 15)) {
        strbuf_addf(generator->text, ", timeout: %ds", between(generator, 5, 120));
    }
    write_on_failure(generator, 40);
    if (chance(generator, 15)) {
        write_iterate(generator, ", ");
    }
}

static void write_phase(struct generator *generator)
{
    int steps = between(generator, 1, generator->which == 0 ? STEPS_MAX : 2);
    bool is_adaptive = chance(generator, 25);
    bool is_parallel = !is_adaptive && chance(generator, 55);

    generator->first = generator->steps;
    generator->need = -1;
    strbuf_addf(generator->text, "  - { id: p%d", generator->phase);
    if (is_adaptive) {
        strbuf_addf(generator->text, ", mode: adaptive, rounds: %d", between(generator, 1, 3));
    } else if (is_parallel) {
        strbuf_add(generator->text, ", mode: parallel");
        if (chance(generator, 60)) {
            strbuf_addf(generator->text, ", width: %d", between(generator, 1, 3));
        }
    }
    write_phase_rules(generator);
    strbuf_add(generator->text, ", steps: [\n");
    for (int i = 0; i < steps; i++) {
        write_step(generator, i, false);
        strbuf_add(generator->text, i + 1 < steps ? ",\n" : "\n");
    }
    strbuf_add(generator->text, "    ]");
    if (is_adaptive) {
        strbuf_add(generator->text, ", fix: [\n");
        write_step(generator, 0, true);
        strbuf_add(generator->text, "\n    ]");
    }
    strbuf_add(generator->text, " }\n");
}

void generate_workflow(uint64_t seed, int which, struct strbuf *target)
{
    struct generator generator = {
        .random = {seed * GENERATED_COUNT + (uint64_t)which}, .text = target, .which = which};
    int phases = between(&generator, 1, which == 0 ? PHASES_MAX : 2);

    write_head(&generator);
    strbuf_add(target, "phases:\n");
    for (generator.phase = 0; generator.phase < phases; generator.phase++) {
        write_phase(&generator);
    }
}
