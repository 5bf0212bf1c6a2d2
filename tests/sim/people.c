/* SPDX-License-Identifier: MIT */
/* Commands from outside: any at any time while there is trouble; in the calm, what the run itself
 * offers, which it must then accept. */
#include "sim.h"

#include "base/alloc.h"

#include <string.h>

static const char *random_step(struct sim *sim, const struct run_state *state)
{
    if (sim_random_chance(&sim->random, 5)) {
        return "no-such-step";
    }
    return state->steps[sim_random_below(&sim->random, (int)state->step_count)].key;
}

static const char *random_phase(struct sim *sim, const struct run_state *state)
{
    int count = (int)state->workflow->phase_count;

    return state->workflow->phases[sim_random_below(&sim->random, count)].id;
}

static json_t *make_skip(struct sim *sim, const struct run_state *state)
{
    json_t *command = json_pack("{s:s, s:s}", "do", "skip", "reason", "known to be fine");

    switch (sim_random_below(&sim->random, 3)) {
    case 0:
        json_put_text(command, "phase", random_phase(sim, state));
        break;
    case 1:
        json_put_text(command, "gate", random_phase(sim, state));
        break;
    default:
        json_put_text(command, "step", random_step(sim, state));
        break;
    }
    return command;
}

static json_t *make_signal(struct sim *sim, const struct run_state *state)
{
    static const char *const endings[] = {"", "-approved", "-rejected"};
    const char *name = sim_random_chance(&sim->random, 30)
                           ? "go"
                           : arena_printf(sim->arena, "%s%s", random_step(sim, state),
                                          endings[sim_random_below(&sim->random, 3)]);

    return json_pack("{s:s, s:s}", "do", "signal", "name", name);
}

static json_t *make_command(struct sim *sim, const struct run_state *state)
{
    switch (sim_random_below(&sim->random, 14)) {
    case 0:
    case 1:
        return json_pack("{s:s, s:b}", "do", "pause", "stop", sim_random_chance(&sim->random, 40));
    case 2:
    case 3:
        return json_pack("{s:s}", "do", "resume");
    case 4:
    case 5:
        return json_pack("{s:s, s:b}", "do", "resume", "retry_failed", true);
    case 6:
        return sim_random_chance(&sim->random, 30) ? json_pack("{s:s}", "do", "cancel")
                                                   : json_pack("{s:s}", "do", "retry");
    case 7:
        return json_pack("{s:s, s:s}", "do", "retry", "step", random_step(sim, state));
    case 8:
    case 9:
        return make_skip(sim, state);
    case 10:
        return json_pack("{s:s, s:s}", "do", "approve", "step", random_step(sim, state));
    case 11:
        return json_pack("{s:s}", "do", sim_random_chance(&sim->random, 60) ? "approve" : "reject");
    case 12:
        return make_signal(sim, state);
    default:
        return json_pack("{s:s, s:s}", "do", "restore", "checkpoint", random_phase(sim, state));
    }
}

static bool has_work(const struct run_state *run)
{
    return run->status == RUN_RUNNING && run->under_way > run->approvals + run->nested;
}

void people_interfere(struct sim *sim)
{
    struct sim_run *run = sim->runs
                              .items[sim_random_chance(&sim->random, 70)
                                         ? 0
                                         : sim_random_below(&sim->random, (int)sim->runs.count)];
    struct event event = {.kind = EVENT_COMMAND, .by = "somebody"};
    struct error err = ERROR_INIT;

    if (!sim_is_stored(run)) {
        return;
    }
    event.command = sim_hold(sim, make_command(sim, run->shadow));
    if (sim->is_up) {
        sim_post(sim, run->index, &event);
    } else if (strcmp(json_get_text(event.command, "do", ""), "cancel") != 0 ||
               !has_work(run->shadow)) {
        (void)sim_decide_held(sim, run, &event, &err);
    } else if (run->index == 0) {
        /* Its steps are alive: it is carried on until the command has been obeyed. */
        sim_post(sim, run->index, &event);
        sim_restart(sim);
    }
}

/* ---- what a run offers ---- */

/* From the command line that is shown to the command that it sends. */
static json_t *parse_option(struct sim *sim, const json_t *option)
{
    char *line = arena_strdup(sim->arena, json_get_text(option, "command", ""));
    char *save = NULL;
    const char *word = (strtok_r(line, " ", &save), strtok_r(NULL, " ", &save));
    json_t *command = json_pack("{s:s}", "do", word);
    const char *argument;

    (void)strtok_r(NULL, " ", &save); /* the run */
    argument = strtok_r(NULL, " ", &save);
    if (!argument) {
        return command;
    }
    if (strcmp(argument, "--retry-failed") == 0) {
        json_put(command, "retry_failed", json_true());
    } else if (strcmp(argument, "--gate") == 0) {
        json_put_text(command, "gate", strtok_r(NULL, " ", &save));
    } else {
        json_put_text(command, "step", argument);
    }
    if (strcmp(word, "skip") == 0) {
        json_put_text(command, "reason", "it may be left out");
    }
    return command;
}

static const json_t *find_option(const json_t *options, const char *action)
{
    size_t index;
    const json_t *option;

    json_array_foreach((json_t *)options, index, option)
    {
        if (strcmp(json_get_text(option, "do", ""), action) == 0) {
            return option;
        }
    }
    return NULL;
}

#define PATIENCE 6

static const json_t *choose_option(struct sim *sim, const struct sim_run *run,
                                   const json_t *options)
{
    const json_t *skip = find_option(options, "skip");
    const json_t *cancel = find_option(options, "cancel");

    if (run->attention > 3 * PATIENCE && cancel) {
        return cancel;
    }
    if (run->attention > PATIENCE && skip) {
        return skip;
    }
    if (!sim->is_calm) {
        return json_array_get(
            options, (size_t)sim_random_below(&sim->random, (int)json_array_size(options)));
    }
    return json_array_get(options, 0);
}

static void take_option(struct sim *sim, struct sim_run *run)
{
    json_t *options = run_options(run->live);
    const json_t *option;

    run->attention++;
    if (json_array_size(options) == 0) {
        sim_fail(sim, "run %d is paused and offers nothing", run->index);
    } else if (run->attention > 5 * PATIENCE) {
        sim_fail(sim, "run %d cannot be brought to an end", run->index);
    } else {
        option = choose_option(sim, run, options);
        sim_post(sim, run->index,
                 &(struct event){.kind = EVENT_COMMAND,
                                 .by = "somebody",
                                 .command = sim_hold(sim, parse_option(sim, option))});
        sim->queue.items[sim->queue.count - 1].is_offered = true;
    }
    json_decref(options);
}

/* The innermost run that waits for somebody: what it waits for holds the others up. */
static struct sim_run *find_waiting(const struct sim *sim)
{
    for (size_t i = sim->runs.count; i > 0; i--) {
        struct sim_run *run = sim->runs.items[i - 1];

        if (run->live &&
            (run->live->status == RUN_PAUSED ||
             (run->live->status == RUN_FAILED && run->parent < 0 && run->attention < PATIENCE))) {
            return run;
        }
    }
    return NULL;
}

bool people_look_after(struct sim *sim)
{
    struct sim_run *run;

    for (size_t i = 0; i < sim->runs.count; i++) {
        if (sim->runs.items[i]->live) {
            check_rest(sim, sim->runs.items[i]);
        }
    }
    if (sim->has_failed) {
        return false;
    }
    if (!sim->is_calm && sim_random_chance(&sim->random, 25)) {
        sim_crash(sim, "at rest");
        people_interfere(sim);
        return true;
    }
    if (!sim->is_calm && sim_random_chance(&sim->random, 40)) {
        people_interfere(sim);
        return true;
    }
    run = find_waiting(sim);
    if (!run) {
        return false;
    }
    take_option(sim, run);
    return !sim->has_failed;
}
