/* SPDX-License-Identifier: MIT */
/* One seed: a while of trouble, then calm in which everything must come to its end. */
#include "sim.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <string.h>

#define STEPS_MAX 200000 /* rounds in rounds in nested runs are many, and come to an end */
/* So many seeds in a row play on the same workflows: loading them takes longer than a run. */
#define SEEDS_PER_WORKFLOW 16
#define EDITS (SIM_PLANS - 1)

static struct {
    bool is_filled;
    uint64_t seed;
    struct workflow *workflows[GENERATED_COUNT];
    char *texts[GENERATED_COUNT];
    struct workflow *edits[EDITS]; /* of the first; made when first wanted */
    struct choices *choices;       /* of seeds that are not written down */
} cache;

static void forget_workflows(void)
{
    for (size_t i = 0; i < GENERATED_COUNT; i++) {
        workflow_free(cache.workflows[i]);
        free(cache.texts[i]);
        cache.workflows[i] = NULL;
        cache.texts[i] = NULL;
    }
    for (size_t i = 0; i < EDITS; i++) {
        workflow_free(cache.edits[i]);
        cache.edits[i] = NULL;
    }
    cache.is_filled = false;
}

void simulate_release_cache(void)
{
    forget_workflows();
    sim_forget_parsed();
    choices_free(cache.choices);
    cache.choices = NULL;
}

static char *load_workflow(struct choices *choices, int which, const struct generated_edit *edit,
                           struct workflow **ret_workflow)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error err = ERROR_INIT;
    struct strbuf text;
    char *taken;

    strbuf_init(&text, 1 << 20);
    generate_workflow(choices, which, edit, &text);
    if (workflow_parse(text.data, text.length, "generated.yaml", NULL, ret_workflow, problems,
                       &err) < 0) {
        struct strbuf said;

        strbuf_init(&said, 1 << 20);
        problems_format(problems, &said);
        (void)fprintf(stderr, "%s\n%s\n", text.data, said.data);
        abort();
    }
    taken = strbuf_take(&text);
    strbuf_release(&text);
    free(problems);
    return taken;
}

/* Seeds that are near each other share their workflows, unless their choices are to be known. */
static void fill_cache(struct sim *sim, bool is_shared)
{
    uint64_t seed = sim->seed / SEEDS_PER_WORKFLOW;

    if (is_shared && cache.is_filled && cache.seed == seed) {
        return;
    }
    forget_workflows();
    choices_restart(sim->choices, mix_bits(seed));
    for (int i = 0; i < GENERATED_COUNT; i++) {
        cache.texts[i] = load_workflow(sim->choices, i, NULL, &cache.workflows[i]);
    }
    cache.seed = seed;
    cache.is_filled = is_shared;
}

/* As if nothing had been asked of them; what is no part of an edit is written down already. */
static struct choices *choices_of_edit(const struct sim *sim, struct choice_log *log)
{
    return sim->input->given ? choices_new_given(sim->input->given)
                             : choices_new(mix_bits(sim->seed / SEEDS_PER_WORKFLOW), log);
}

/* One object for each text: states are compared by what they point to. */
static struct workflow *find_plan(const char *digest)
{
    for (int i = 0; i < EDITS; i++) {
        if (cache.edits[i] && strcmp(cache.edits[i]->digest, digest) == 0) {
            return cache.edits[i];
        }
    }
    return strcmp(cache.workflows[0]->digest, digest) == 0 ? cache.workflows[0] : NULL;
}

const struct workflow *sim_find_workflow(const char *digest)
{
    return find_plan(digest);
}

static void load_edit(struct sim *sim, int plan)
{
    struct choices *own = choices_of_edit(sim, NULL);
    struct generated_edit edit = {.choices = choices_of_edit(sim, sim->input->made),
                                  .number = plan};
    struct workflow *workflow;
    char *text = load_workflow(own, 0, &edit, &workflow);
    const struct workflow *known = find_plan(workflow->digest);

    sim_log(sim, "--- %s.yaml, edited\n%s", generated_names[0], text);
    if (known) {
        workflow_free(workflow);
        workflow = workflow_share(known);
    }
    cache.edits[plan - 1] = workflow;
    free(text);
    choices_free(own);
    choices_free(edit.choices);
}

const struct workflow *sim_edited(struct sim *sim, int plan)
{
    if (plan == 0) {
        return sim->workflows[0];
    }
    if (!cache.edits[plan - 1]) {
        load_edit(sim, plan);
    }
    return cache.edits[plan - 1];
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (!sim->has_failed) {
        va_start(args, format);
        (void)vsnprintf(sim->failure, sizeof(sim->failure), format, args);
        va_end(args);
        sim_log(sim, "!!! %s\n", sim->failure);
    }
    sim->has_failed = true;
}

void sim_log(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->log) {
        va_start(args, format);
        (void)vfprintf(sim->log, format, args);
        va_end(args);
        (void)fflush(sim->log);
    }
}

struct subject about(const struct sim *sim, int run, const char *step)
{
    return (struct subject){.who = sim->runs.items[run]->name, .what = step ? hash_text(step) : 0};
}

int sim_choose(struct sim *sim, enum place place, struct subject subject, int count)
{
    return choose(sim->choices, place, subject.who, subject.what, count);
}

int sim_choose_rarely(struct sim *sim, enum place place, struct subject subject,
                      struct rarity rarity)
{
    return choose_rarely(sim->choices, place, subject.who, subject.what, rarity);
}

bool sim_whether(struct sim *sim, enum place place, struct subject subject, int percent)
{
    return choose_whether(sim->choices, place, subject.who, subject.what, percent);
}

const json_t *sim_hold(struct sim *sim, json_t *value)
{
    *VEC_PUSH(&sim->held) = value;
    return value;
}

/* FNV-1a. */
void sim_hash(struct sim *sim, const char *text)
{
    for (; *text; text++) {
        sim->hash = (sim->hash ^ (unsigned char)*text) * 1099511628211ULL;
    }
}

/* How much of what happens: no choice itself, only what makes choices likely. */
static void draw_temper(struct sim *sim)
{
    static const int failures[] = {0, 8, 20, 45};
    static const int crashes[] = {0, 0, 2, 8};
    static const int commands[] = {0, 20, 50, 90};
    static const int duplicates[] = {0, 10, 40};
    static const int clock_jumps[] = {0, 0, 50};
    static const int losses[] = {0, 20, 100};
    static const int hosts[] = {0, 30, 100, 100};
    uint64_t bits = mix_bits(sim->seed);

    sim->temper = (struct temper){
        .failures = failures[bits % 4],
        .crashes = crashes[(bits >> 8) % 4],
        .commands = commands[(bits >> 16) % 4],
        .duplicates = duplicates[(bits >> 24) % 3],
        .clock_jumps = clock_jumps[(bits >> 32) % 3],
        .losses = losses[(bits >> 40) % 3],
        .hosts = hosts[mix_bits(bits) % 4],
    };
    /* What fails always in the same way meets the limits of its class. */
    sim->temper.class_ = bits >> 60 < 7 ? (int)(bits >> 60) : 0;
    if (sim->temper.class_ > 0 && sim->temper.failures >= 20) {
        sim->temper.failures = 60;
    }
    sim->trouble = 5 + (int)((bits >> 48) % 96);
}

static void draw_limits(struct sim *sim)
{
    static const int64_t steps_max[] = {120, 12, 24, 40};

    sim->limits = (struct decide_limits){
        .steps_max = steps_max[sim_choose(sim, PLACE_STEPS_MAX, (struct subject){0},
                                          (int)ARRAY_LEN(steps_max))],
        .nesting_max = 2,
        .run_inline = host_run_inline,
        .inline_context = sim,
        .inline_budget = &sim->inline_budget};
}

/* Several things may have happened before the engine looks. */
static bool let_happen(struct sim *sim)
{
    struct happening happening;
    int count = 1;
    bool any = false;

    for (int i = 0; i < count && host_next(sim, &happening); i++) {
        if (i == 0 &&
            sim_whether(sim, PLACE_TOGETHER, about(sim, happening.run, happening.event.step), 20)) {
            count = 3;
        }
        host_happen(sim, &happening);
        any = true;
    }
    return any;
}

static void play(struct sim *sim)
{
    for (int i = 0; i < STEPS_MAX && !sim->has_failed; i++) {
        if (i == sim->trouble) {
            sim_log(sim, "[%lld] --- calm\n", (long long)sim->now);
            choices_calm(sim->choices);
        }
        if (sim->queue.count > 0) {
            sim_turn(sim);
        } else if (!let_happen(sim) && !people_look_after(sim)) {
            return;
        }
    }
    sim_fail(sim, "it does not end");
}

/* What must be true when all is over. */
static void check_end(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count && !sim->has_failed; i++) {
        const struct sim_run *run = sim->runs.items[i];

        if (run->live && !run_status_is_final(run->live->status)) {
            sim_fail(sim, "run %d is %s in the end", run->index,
                     run_status_name(run->live->status));
        }
        tables_check_values(sim, run);
    }
    caller_check_end(sim);
}

static void release(struct sim *sim)
{
    for (size_t i = 0; i < sim->runs.count; i++) {
        sim_run_free(sim->runs.items[i]);
    }
    for (size_t i = 0; i < sim->held.count; i++) {
        json_decref(sim->held.items[i]);
    }
    VEC_RELEASE(&sim->runs);
    VEC_RELEASE(&sim->held);
    VEC_RELEASE(&sim->keepers);
    VEC_RELEASE(&sim->desks);
    VEC_RELEASE(&sim->agenda);
    VEC_RELEASE(&sim->queue);
    arena_free(sim->arena);
}

static bool is_nested(int which)
{
    char *use = mem_printf("workflow: %s", generated_names[which]);
    bool is_used = false;

    for (int i = 0; i < which; i++) {
        is_used = is_used || strstr(cache.texts[i], use) != NULL;
    }
    free(use);
    return is_used;
}

static void log_workflows(struct sim *sim)
{
    for (int i = 0; sim->log && i < GENERATED_COUNT; i++) {
        if (i == 0 || is_nested(i)) {
            sim_log(sim, "--- %s.yaml\n%s", generated_names[i], cache.texts[i]);
        }
    }
    sim_log(sim, "--- events and records\n");
}

static void play_all(struct sim *sim)
{
    char id[RUN_ID_SIZE];

    log_workflows(sim);
    draw_temper(sim);
    draw_limits(sim);
    run_id_format(mix_bits(sim->seed), id);
    sim_run_create(sim, sim_run_new(sim, id, sim->workflows[0], NULL), NULL);
    people_plan(sim);
    play(sim);
    check_end(sim);
}

static struct choices *choices_for(const struct sim_input *input)
{
    if (input->given) {
        return choices_new_given(input->given);
    }
    if (input->made) {
        return choices_new(input->seed, input->made);
    }
    if (!cache.choices) {
        cache.choices = choices_new(input->seed, NULL);
    }
    return cache.choices;
}

static void give_result(const struct sim *sim, struct sim_result *ret_result)
{
    *ret_result = (struct sim_result){.has_failed = sim->has_failed,
                                      .hash = sim->hash,
                                      .events = sim->events,
                                      .turns = sim->turns,
                                      .crashes = sim->crashes,
                                      .answers = sim->answers,
                                      .unheard = sim->unheard,
                                      .raised = sim->raised,
                                      .edits = sim->edits,
                                      .kinds_seen = sim->kinds_seen,
                                      .status = sim->runs.items[0]->shadow->status};
    for (size_t i = 0; i < sim->runs.count; i++) {
        ret_result->records += (int)sim->runs.items[i]->journal.count;
    }
    memcpy(ret_result->failure, sim->failure, sizeof(sim->failure));
}

void simulate(const struct sim_input *input, struct sim_result *ret_result)
{
    struct sim sim = {.seed = input->seed,
                      .input = input,
                      .generation = 1,
                      .is_up = true,
                      .crash_at_write = input->crash_at_write,
                      .crash_way = (int)input->crash_way,
                      .forgets_timers = input->forgets_timers,
                      .hash = 14695981039346656037ULL,
                      .log = input->log};

    sim.choices = choices_for(input);
    fill_cache(&sim, sim.choices == cache.choices);
    choices_restart(sim.choices, input->seed);
    sim.arena = arena_new();
    sim.workflows = (const struct workflow *const *)cache.workflows;
    play_all(&sim);
    give_result(&sim, ret_result);
    release(&sim);
    if (sim.choices != cache.choices) {
        choices_free(sim.choices);
    }
}
