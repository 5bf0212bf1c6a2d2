/* SPDX-License-Identifier: MIT */
#include "choices.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {
    [PLACE_CROWDED] = "crowded",
    [PLACE_LEVEL] = "level",
    [PLACE_RUN_FAILURE] = "run-failure",
    [PLACE_CONCURRENCY] = "concurrency",
    [PLACE_RUN_TIMEOUT] = "run-timeout",
    [PLACE_RUN_STRATEGY] = "run-strategy",
    [PLACE_NO_CHECKPOINTS] = "no-checkpoints",
    [PLACE_RUN_ITERATE] = "run-iterate",
    [PLACE_GATE] = "gate",
    [PLACE_GATE_STRICT] = "gate-strict",
    [PLACE_GATE_CHECKS] = "gate-checks",
    [PLACE_CHECK_KIND] = "check-kind",
    [PLACE_PHASE] = "phase",
    [PLACE_PHASE_MODE] = "phase-mode",
    [PLACE_ROUNDS] = "rounds",
    [PLACE_PHASE_WIDTH] = "phase-width",
    [PLACE_PHASE_NEEDS] = "phase-needs",
    [PLACE_PHASE_TRIGGER] = "phase-trigger",
    [PLACE_PHASE_GATE] = "phase-gate",
    [PLACE_PHASE_OPTIONAL] = "phase-optional",
    [PLACE_PHASE_STRICT] = "phase-strict",
    [PLACE_PHASE_TIMEOUT] = "phase-timeout",
    [PLACE_PHASE_FAILURE] = "phase-failure",
    [PLACE_PHASE_ITERATE] = "phase-iterate",
    [PLACE_STEP] = "step",
    [PLACE_STEP_KIND] = "step-kind",
    [PLACE_STEP_NEEDS] = "step-needs",
    [PLACE_STEP_TRIGGER] = "step-trigger",
    [PLACE_STEP_OPTIONAL] = "step-optional",
    [PLACE_STEP_STRICT] = "step-strict",
    [PLACE_STEP_FAILURE] = "step-failure",
    [PLACE_GOTO_MAX] = "goto-max",
    [PLACE_FOREACH] = "foreach",
    [PLACE_FOREACH_FROM] = "foreach-from",
    [PLACE_FOREACH_WIDTH] = "foreach-width",
    [PLACE_JSON] = "json",
    [PLACE_STATIC] = "static",
    [PLACE_FALLBACK] = "fallback",
    [PLACE_HELD] = "held",
    [PLACE_ON_LIMIT] = "on_limit",
    [PLACE_STEP_STRATEGY] = "step-strategy",
    [PLACE_RETRY] = "retry",
    [PLACE_RETRY_DELAY] = "retry-delay",
    [PLACE_RETRY_MAX_DELAY] = "retry-max-delay",
    [PLACE_RETRY_PLAIN] = "retry-plain",
    [PLACE_RETRY_ON] = "retry-on",
    [PLACE_REUSE] = "reuse",
    [PLACE_WAIT_TIMEOUT] = "wait-timeout",
    [PLACE_WHEN] = "when",
    [PLACE_UNTIL] = "until",
    [PLACE_CONDITION_STEP] = "condition-step",
    [PLACE_CONDITION_NUMBER] = "condition-number",
    [PLACE_STEPS_MAX] = "steps-max",
    [PLACE_FAILS] = "fails",
    [PLACE_CLASS] = "class",
    [PLACE_VERDICT] = "verdict",
    [PLACE_ATTEMPT_MS] = "attempt-ms",
    [PLACE_OUTPUT] = "output",
    [PLACE_STOP_RACE] = "stop-race",
    [PLACE_STOP_MS] = "stop-ms",
    [PLACE_LOSS] = "loss",
    [PLACE_PREPARE_FAILS] = "prepare-fails",
    [PLACE_PREPARE_MS] = "prepare-ms",
    [PLACE_REUSED] = "reused",
    [PLACE_CHILD_FAILS] = "child-fails",
    [PLACE_TWICE] = "twice",
    [PLACE_TWICE_MS] = "twice-ms",
    [PLACE_LIVENESS] = "liveness",
    [PLACE_LIVENESS_MS] = "liveness-ms",
    [PLACE_INLINE] = "inline",
    [PLACE_INLINE_BUDGET] = "inline-budget",
    [PLACE_TOGETHER] = "together",
    [PLACE_CRASH] = "crash",
    [PLACE_CRASH_IN_EFFECTS] = "crash-in-effects",
    [PLACE_CRASH_IN_WAIT] = "crash-in-wait",
    [PLACE_CRASH_MS] = "crash-ms",
    [PLACE_RESTART_MS] = "restart-ms",
    [PLACE_JUMP] = "jump",
    [PLACE_JUMP_MS] = "jump-ms",
    [PLACE_REST] = "rest",
    [PLACE_COMMAND] = "command",
    [PLACE_COMMAND_MS] = "command-ms",
    [PLACE_COMMAND_RUN] = "command-run",
    [PLACE_COMMAND_STEP] = "command-step",
    [PLACE_COMMAND_ARGUMENT] = "command-argument",
    [PLACE_COMMAND_NEXT] = "command-next",
    [PLACE_COMMAND_NEXT_MS] = "command-next-ms",
    [PLACE_REACTION] = "reaction",
    [PLACE_REACTION_MS] = "reaction-ms",
    [PLACE_ASKS] = "asks",
    [PLACE_QUESTIONS] = "questions",
    [PLACE_HOSTS] = "hosts",
    [PLACE_LOOK_MS] = "look-ms",
    [PLACE_CRASH_IN_LOOK] = "crash-in-look",
    [PLACE_ANSWER] = "answer",
    [PLACE_ANSWER_MS] = "answer-ms",
    [PLACE_CLONE] = "clone",
    [PLACE_CONFLICT] = "conflict",
    [PLACE_RUN_BUDGET] = "run-budget",
    [PLACE_STEP_BUDGET] = "step-budget",
    [PLACE_USAGE] = "usage",
    [PLACE_EDIT_PART] = "edit-part",
    [PLACE_EDIT_PLAN] = "edit-plan",
    [PLACE_EDIT_AGAIN] = "edit-again",
};
static_assert(ARRAY_LEN(names) == PLACES, "one name for each place");

/* How often a place was asked, or what is given for it; a stamp of another time is empty. */
struct slot {
    uint64_t key;
    uint32_t stamp;
    int value;
};

struct table {
    struct slot *slots;
    size_t size; /* a power of two */
    size_t used;
};

struct choices {
    uint64_t seed;
    bool is_given;
    bool is_calm;
    bool is_forced;
    int forced;
    uint32_t stamp;
    struct table turns;
    struct table given;
    struct choice_log *log;
};

uint64_t mix_bits(uint64_t bits)
{
    uint64_t z = bits + 0x9E3779B97F4A7C15ULL;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

uint32_t hash_text(const char *text)
{
    uint32_t hash = 2166136261U;

    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return hash;
}

const char *place_name(enum place place)
{
    return names[place];
}

int place_parse(const char *name)
{
    for (int i = 0; i < PLACES; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- tables ---- */

static void table_grow(struct table *table, uint32_t stamp);

static struct slot *table_slot(struct table *table, uint64_t key, uint32_t stamp)
{
    size_t place = key & (table->size - 1);

    while (table->slots[place].stamp == stamp && table->slots[place].key != key) {
        place = (place + 1) & (table->size - 1);
    }
    if (table->slots[place].stamp != stamp) {
        if (2 * table->used > table->size) {
            table_grow(table, stamp);
            return table_slot(table, key, stamp);
        }
        table->slots[place] = (struct slot){key, stamp, 0};
        table->used++;
    }
    return &table->slots[place];
}

static void table_init(struct table *table, size_t size)
{
    *table = (struct table){.slots = mem_zero(size, sizeof(struct slot)), .size = size};
}

static void table_grow(struct table *table, uint32_t stamp)
{
    struct table old = *table;

    table_init(table, old.size * 2);
    for (size_t i = 0; i < old.size; i++) {
        if (old.slots[i].stamp == stamp) {
            table_slot(table, old.slots[i].key, stamp)->value = old.slots[i].value;
        }
    }
    free(old.slots);
}

static uint64_t key_of(enum place place, uint32_t who, uint32_t what)
{
    return mix_bits(mix_bits(((uint64_t)who << 32) | what) + (uint64_t)place);
}

/* ---- choices ---- */

struct choices *choices_new(uint64_t seed, struct choice_log *log)
{
    struct choices *choices = mem_zero(1, sizeof(*choices));

    table_init(&choices->turns, 1024);
    choices->log = log;
    choices_restart(choices, seed);
    return choices;
}

struct choices *choices_new_given(const struct choice_vec *given)
{
    struct choices *choices = choices_new(0, NULL);

    choices->is_given = true;
    table_init(&choices->given, 1024);
    for (size_t i = 0; i < given->count; i++) {
        const struct choice *choice = &given->items[i];
        uint64_t key = key_of(choice->place, choice->who, choice->what);

        table_slot(&choices->given, mix_bits(key + (uint64_t)choice->turn), 1)->value = choice
                                                                                            ->value;
    }
    return choices;
}

void choices_free(struct choices *choices)
{
    if (choices) {
        free(choices->turns.slots);
        free(choices->given.slots);
        free(choices);
    }
}

void choices_restart(struct choices *choices, uint64_t seed)
{
    choices->seed = seed;
    choices->is_calm = choices->is_forced = false;
    choices->stamp++;
    choices->turns.used = 0;
}

void choices_calm(struct choices *choices)
{
    choices->is_calm = !choices->is_given;
}

bool choices_are_given(const struct choices *choices)
{
    return choices->is_given;
}

void choices_force(struct choices *choices, int value)
{
    choices->is_forced = true;
    choices->forced = value;
}

/* What is asked, for the how manieth time, and the bits that belong to it. */
struct question {
    struct choice choice;
    uint64_t key;
};

static struct question ask(struct choices *choices, enum place place, uint32_t who, uint32_t what)
{
    uint64_t key = key_of(place, who, what);
    int turn = table_slot(&choices->turns, key, choices->stamp)->value++;

    return (struct question){.choice = {place, who, what, turn, 0},
                             .key = mix_bits(key + (uint64_t)turn)};
}

/* The value that is not drawn: -1: it is to be. */
static int settled(struct choices *choices, const struct question *question, int last)
{
    int value = -1;

    if (choices->is_forced) {
        choices->is_forced = false;
        return choices->forced;
    }
    if (choices->is_calm) {
        return 0;
    }
    if (choices->is_given) {
        value = table_slot(&choices->given, question->key, 1)->value;
        return value < last ? value : last;
    }
    return -1;
}

static int keep(struct choices *choices, struct question *question, int value)
{
    if (value > 0 && choices->log) {
        assert(choices->log->count < CHOICES_MAX);
        question->choice.value = value;
        choices->log->items[choices->log->count++] = question->choice;
    }
    return value;
}

int choose_rarely(struct choices *choices, enum place place, uint32_t who, uint32_t what,
                  struct rarity rarity)
{
    struct question question = ask(choices, place, who, what);
    uint64_t bits = mix_bits(question.key ^ choices->seed);
    int value = settled(choices, &question, rarity.count);

    if (value < 0) {
        value = (int)(bits % 100) < rarity.percent
                    ? 1 + (int)((bits >> 32) % (uint64_t)rarity.count)
                    : 0;
    }
    return keep(choices, &question, value);
}

int choose(struct choices *choices, enum place place, uint32_t who, uint32_t what, int count)
{
    struct question question = ask(choices, place, who, what);
    int value = settled(choices, &question, count - 1);

    if (value < 0) {
        value = (int)(mix_bits(question.key ^ choices->seed) % (uint64_t)count);
    }
    return keep(choices, &question, value);
}

bool choose_whether(struct choices *choices, enum place place, uint32_t who, uint32_t what,
                    int percent)
{
    return choose_rarely(choices, place, who, what, (struct rarity){percent, 1}) > 0;
}
