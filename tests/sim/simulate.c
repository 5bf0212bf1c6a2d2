/* SPDX-License-Identifier: MIT */
/* One seed: a while of trouble, then calm in which everything must come to its end. */
#include "sim.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <string.h>

#define STEPS_MAX 20000
/* So many seeds in a row play on the same workflows: loading them takes longer than a run. */
#define SEEDS_PER_WORKFLOW 8

static struct {
    bool is_filled;
    uint64_t seed;
    struct workflow *workflows[GENERATED_COUNT];
    char *texts[GENERATED_COUNT];
} cache;

void simulate_release_cache(void)
{
    for (size_t i = 0; i < GENERATED_COUNT; i++) {
        workflow_free(cache.workflows[i]);
        free(cache.texts[i]);
        cache.workflows[i] = NULL;
        cache.texts[i] = NULL;
    }
    cache.is_filled = false;
}

static void load_workflow(uint64_t seed, int which)
{
    struct problems *problems = mem_zero(1, sizeof(*problems));
    struct error err = ERROR_INIT;
    struct strbuf text;

    strbuf_init(&text, 1 << 20);
    generate_workflow(seed, which, &text);
    if (workflow_parse(text.data, text.length, "generated.yaml", NULL, &cache.workflows[which],
                       problems, &err) < 0) {
        struct strbuf said;

        strbuf_init(&said, 1 << 20);
        problems_format(problems, &said);
        (void)fprintf(stderr, "%s\n%s\n", text.data, said.data);
        abort();
    }
    cache.texts[which] = strbuf_take(&text);
    strbuf_release(&text);
    free(problems);
}

static void fill_cache(uint64_t seed)
{
    if (cache.is_filled && cache.seed == seed) {
        return;
    }
    simulate_release_cache();
    for (int i = 0; i < GENERATED_COUNT; i++) {
        load_workflow(seed, i);
    }
    cache.seed = seed;
    cache.is_filled = true;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;

    if (sim->has_failed) {
        return;
    }
    sim->has_failed = true;
    va_start(args, format);
    (void)vsnprintf(sim->failure, sizeof(sim->failure), format, args);
    va_end(args);
    sim_log(sim, "FAILED: %s\n", sim->failure);
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

bool sim_chance(struct sim *sim, int percent)
{
    return !sim->is_calm && sim_random_chance(&sim->random, percent);
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

static int draw(struct sim *sim, const int *choices, size_t count)
{
    return choices[sim_random_below(&sim->random, (int)count)];
}

static void draw_temper(struct sim *sim)
{
    static const int failures[] = {0, 5, 15, 40};
    static const int crashes[] = {0, 0, 2, 8};
    static const int commands[] = {0, 5, 15, 30};
    static const int duplicates[] = {0, 10, 40};
    static const int clock_jumps[] = {0, 0, 5};
    static const int losses[] = {0, 20, 100};

    sim->temper = (struct temper){
        .failures = draw(sim, failures, ARRAY_LEN(failures)),
        .crashes = draw(sim, crashes, ARRAY_LEN(crashes)),
        .commands = draw(sim, commands, ARRAY_LEN(commands)),
        .duplicates = draw(sim, duplicates, ARRAY_LEN(duplicates)),
        .clock_jumps = draw(sim, clock_jumps, ARRAY_LEN(clock_jumps)),
        .losses = draw(sim, losses, ARRAY_LEN(losses)),
    };
}

static void jump_clock(struct sim *sim)
{
    int64_t jump = sim_random_between(&sim->random, -300000, 300000);

    sim_log(sim, "[%lld] --- the clock jumps by %lld ms\n", (long long)sim->now, (long long)jump);
    sim->wall_offset += jump;
}

/* Several things may have happened before the engine looks. */
static bool let_happen(struct sim *sim)
{
    struct happening happening;
    int count = sim_random_chance(&sim->random, 20) ? 3 : 1;
    bool any = false;

    for (int i = 0; i < count && host_next(sim, &happening); i++) {
        host_happen(sim, &happening);
        any = true;
    }
    return any;
}

static void play(struct sim *sim)
{
    int trouble = sim_random_between(&sim->random, 5, 100);

    for (int i = 0; i < STEPS_MAX && !sim->has_failed; i++) {
        if (i == trouble) {
            sim_log(sim, "[%lld] --- calm\n", (long long)sim->now);
            sim->is_calm = true;
        }
        if (sim_chance(sim, sim->temper.commands)) {
            people_interfere(sim);
        }
        if (sim_chance(sim, sim->temper.clock_jumps)) {
            jump_clock(sim);
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
    }
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
    VEC_RELEASE(&sim->agenda);
    VEC_RELEASE(&sim->queue);
    arena_free(sim->arena);
}

static void log_workflows(struct sim *sim)
{
    for (int i = 0; i < GENERATED_COUNT; i++) {
        sim_log(sim, "--- %s.yaml\n%s", generated_names[i], cache.texts[i]);
    }
    sim_log(sim, "--- events and records\n");
}

void simulate(uint64_t seed, FILE *log, struct sim_result *ret_result)
{
    struct sim sim = {.seed = seed,
                      .random = {seed ^ 0x5DEECE66DULL},
                      .generation = 1,
                      .is_up = true,
                      .hash = 14695981039346656037ULL,
                      .log = log};
    char id[RUN_ID_SIZE];

    fill_cache(seed / SEEDS_PER_WORKFLOW);
    sim.arena = arena_new();
    sim.workflows = (const struct workflow *const *)cache.workflows;
    log_workflows(&sim);
    draw_temper(&sim);
    run_id_format(sim_random_next(&sim.random), id);
    sim_run_create(&sim, sim_run_new(&sim, id, sim.workflows[0], -1), NULL);
    play(&sim);
    check_end(&sim);
    *ret_result = (struct sim_result){.has_failed = sim.has_failed,
                                      .hash = sim.hash,
                                      .events = sim.events,
                                      .crashes = sim.crashes,
                                      .kinds_seen = sim.kinds_seen,
                                      .status = sim.runs.items[0]->shadow->status};
    for (size_t i = 0; i < sim.runs.count; i++) {
        ret_result->records += (int)sim.runs.items[i]->journal.count;
    }
    memcpy(ret_result->failure, sim.failure, sizeof(sim.failure));
    release(&sim);
}
