/* SPDX-License-Identifier: MIT */
/* Commands from outside: any at any time while there is trouble; in the calm, what the run itself
 * offers, which it must then accept. */
#include "sim.h"

#include "base/alloc.h"

#include <string.h>

static struct subject command_subject(int number)
{
    return (struct subject){.what = (uint32_t)number};
}

static int argument(struct sim *sim, int number, int count)
{
    return sim_choose(sim, PLACE_COMMAND_ARGUMENT, command_subject(number), count);
}

static bool is_of_interest(const struct step_state *step)
{
    return step->status == STEP_IS_FAILED || step->status == STEP_IS_PAUSED ||
           step->status == STEP_IS_CANCELLED || step->waiting == WAITING_INSTANCES;
}

/* Mostly one that a command may fit to. */
static const char *choose_step(struct sim *sim, const struct run_state *state, int number)
{
    int count = (int)state->step_count;
    int start = sim_choose(sim, PLACE_COMMAND_STEP, command_subject(number), 5 * count);

    if (start == 5 * count - 1) {
        return "no-such-step";
    }
    for (int i = 0; start < 3 * count && i < count; i++) {
        const struct step_state *step = &state->steps[(start + i) % count];

        if (is_of_interest(step)) {
            return step->key;
        }
    }
    return state->steps[start % count].key;
}

static bool is_gate_failed(const struct phase_state *phase)
{
    return phase->stage == STAGE_GATE && phase->status == STEP_IS_FAILED;
}

/* Mostly one that is failed. */
static const char *choose_gate(struct sim *sim, const struct run_state *state, int number)
{
    int count = (int)state->workflow->phase_count;
    int start = argument(sim, number, 4 * count);

    for (int i = 0; start < 3 * count && i < count; i++) {
        if (is_gate_failed(&state->phases[(start + i) % count])) {
            return state->workflow->phases[(start + i) % count].id;
        }
    }
    return state->workflow->phases[start % count].id;
}

static const char *choose_phase(struct sim *sim, const struct run_state *state, int number)
{
    return state->workflow->phases[argument(sim, number, (int)state->workflow->phase_count)].id;
}

static json_t *make_skip(struct sim *sim, const struct run_state *state, int number)
{
    json_t *command = json_pack("{s:s, s:s}", "do", "skip", "reason", "known to be fine");

    switch (argument(sim, number, 4)) {
    case 0:
        json_put_text(command, "phase", choose_phase(sim, state, number));
        break;
    case 1:
        json_put_text(command, "gate", choose_gate(sim, state, number));
        break;
    default:
        json_put_text(command, "step", choose_step(sim, state, number));
        break;
    }
    return command;
}

static json_t *make_signal(struct sim *sim, const struct run_state *state, int number)
{
    static const char *const endings[] = {"", "-approved", "-rejected", "-approved"};
    int ending = argument(sim, number, (int)ARRAY_LEN(endings) + 1);
    const char *name = ending == (int)ARRAY_LEN(endings)
                           ? "go"
                           : arena_printf(sim->arena, "%s%s", choose_step(sim, state, number),
                                          endings[ending]);

    return json_pack("{s:s, s:s}", "do", "signal", "name", name);
}

/* A checkpoint is asked for, gone back to, or one of a phase is. */
static json_t *make_restore(struct sim *sim, const struct run_state *state, int number)
{
    int what = argument(sim, number, 6);

    if (what < 2) {
        return json_pack("{s:s, s:s}", "do", "checkpoint", "name", "kept");
    }
    return json_pack("{s:s, s:s}", "do", "restore", "checkpoint",
                     what == 2 ? "kept" : choose_phase(sim, state, number));
}

/* What fits to what the step waits for. */
static json_t *make_answer(const struct run_state *state, const char *key)
{
    const struct step_state *step = run_find_step(state, key);

    if (step && step->waiting == WAITING_ANSWER) {
        return json_pack("{s:s, s:s, s:[s,s]}", "do", "answer", "step", key, "answers", "this one",
                         "because");
    }
    return json_pack("{s:s, s:s}", "do", "approve", "step", key);
}

/* More, less, or no limit at all; of the run, or of a step. */
static json_t *make_budget(struct sim *sim, const struct run_state *state, int number)
{
    static const char *const amounts[][2] = {
        {"tokens", "+700"}, {"tokens", "400"}, {"tokens", "0"},  {"usd", "+1"},  {"usd", "0.5"},
        {"steps", "+3"},    {"steps", "5"},    {"time", "+30s"}, {"time", "50s"}};
    int chosen = argument(sim, number, 2 * (int)ARRAY_LEN(amounts));
    const char *const *amount = amounts[chosen / 2];
    const char *name = chosen % 2 ? arena_printf(sim->arena, "%s.%s",
                                                 choose_step(sim, state, number), amount[0])
                                  : amount[0];

    return json_pack("{s:s, s:{s:s}}", "do", "budget", "budget", name, amount[1]);
}

static json_t *make_any_answer(int kind)
{
    if (kind > 4) {
        return json_pack("{s:s, s:[s]}", "do", "answer", "answers", "do as you like");
    }
    return json_pack("{s:s}", "do", kind < 3 ? "approve" : "reject");
}

#define COMMANDS_MAX 1000 /* planned, or at rest; what follows one is so much further */
#define COMMAND_KINDS 23
#define COMMAND_EDIT 22 /* and what is above */

static json_t *make_command(struct sim *sim, const struct run_state *state, int number, int kind)
{
    switch (kind) {
    case 1:
    case 2:
        return json_pack("{s:s, s:b}", "do", "pause", "stop", argument(sim, number, 5) > 2);
    case 3:
    case 4:
        return json_pack("{s:s}", "do", "resume");
    case 5:
    case 6:
        return json_pack("{s:s, s:b}", "do", "resume", "retry_failed", true);
    case 7:
    case 19:
        return json_pack("{s:s}", "do", "cancel");
    case 8:
        return json_pack("{s:s}", "do", "retry");
    case 9:
    case 17:
    case 18:
        return json_pack("{s:s, s:s}", "do", "retry", "step", choose_step(sim, state, number));
    case 10:
    case 11:
    case 12:
        return make_skip(sim, state, number);
    case 13:
        return make_answer(state, choose_step(sim, state, number));
    case 14:
        return make_any_answer(argument(sim, number, 7));
    case 15:
        return make_signal(sim, state, number);
    case 20:
    case 21:
        return make_budget(sim, state, number);
    default:
        return make_restore(sim, state, number);
    }
}

static void send(struct sim *sim, struct sim_run *run, json_t *command)
{
    struct event event = {.kind = EVENT_COMMAND, .by = "somebody"};
    struct error err = ERROR_INIT;

    event.command = sim_hold(sim, command);
    if (sim->is_up) {
        sim_post(sim, run->index, &event);
    } else if (strcmp(json_get_text(event.command, "do", ""), "cancel") != 0 ||
               !run_has_work(run->shadow)) {
        (void)sim_decide_held(sim, run, &event, &err);
    } else if (run->index == 0) {
        /* Its steps are alive: it is carried on until the command has been obeyed. */
        sim_post(sim, run->index, &event);
        sim_restart(sim);
    }
}

/* Who has said one thing often says another right away. */
static void plan_next(struct sim *sim, int number)
{
    struct subject subject = command_subject(number);
    int kind = sim_choose_rarely(sim, PLACE_COMMAND_NEXT, subject,
                                 (struct rarity){sim->temper.commands / 2, 2 * COMMAND_KINDS});
    int64_t at = sim->now;

    if (kind > 0) {
        at += sim_choose(sim, PLACE_COMMAND_NEXT_MS, subject, 3000);
        host_schedule(sim, (struct happening){.kind = HAPPENS_COMMAND,
                                              .at = at,
                                              .command = kind > COMMAND_KINDS ? 1 : kind,
                                              .number = number + COMMANDS_MAX});
    }
}

static void command(struct sim *sim, int number, int kind)
{
    int runs = (int)sim->runs.count;
    int chosen = sim_choose(sim, PLACE_COMMAND_RUN, command_subject(number), 3 * runs);
    struct sim_run *run = sim->runs.items[chosen < 2 * runs ? 0 : chosen - 2 * runs];

    if (kind >= COMMAND_EDIT && kind <= COMMAND_KINDS) {
        edit_run(sim, run, number);
    } else if (sim_is_stored(run)) {
        send(sim, run, make_command(sim, run->shadow, number, kind));
    }
    plan_next(sim, number);
}

static json_t *make_reaction(const struct run_state *state, const char *step, int kind)
{
    const char *phase = state->phases[run_find_step(state, step)->phase].definition->id;

    switch (kind) {
    case 1:
    case 2:
        return json_pack("{s:s, s:s}", "do", "retry", "step", step);
    case 3:
        return json_pack("{s:s, s:s, s:s}", "do", "skip", "step", step, "reason", "not needed");
    case 4:
    case 5:
        return json_pack("{s:s, s:s, s:s}", "do", "skip", "gate", phase, "reason", "not needed");
    case 6:
        return json_pack("{s:s, s:b}", "do", "pause", "stop", true);
    default:
        return json_pack("{s:s, s:b}", "do", "pause", "stop", false);
    }
}

#define REACTION_KINDS 7

/* Somebody sees that an attempt fails, at once or a little later. */
void people_react(struct sim *sim, int run, const char *step)
{
    struct subject subject = about(sim, run, step);
    int kind = sim_choose_rarely(sim, PLACE_REACTION, subject,
                                 (struct rarity){sim->temper.commands / 3, REACTION_KINDS});
    struct event event = {.kind = EVENT_COMMAND, .by = "somebody"};

    if (kind > 0) {
        event.command = sim_hold(sim, make_reaction(sim->runs.items[run]->shadow, step, kind));
        host_schedule(sim, (struct happening){
                               .kind = HAPPENS_EVENT,
                               .at = sim->now + sim_choose(sim, PLACE_REACTION_MS, subject, 2000),
                               .run = run,
                               .event = event});
    }
}

/* ---- what was planned ---- */

static const int64_t jumps_ms[] = {
    1000, -1000, 300000, -300000, INT64_C(172800000), INT64_C(-172800000)};

static int64_t planned_ms(struct sim *sim, enum place place, int number)
{
    int64_t scale = sim_choose(sim, place, command_subject(number), 180);

    return scale * scale * scale / 10; /* most of it early, all of it within ten minutes */
}

void people_plan(struct sim *sim)
{
    for (int i = 0; i < PLANNED_COMMANDS; i++) {
        int kind = sim_choose_rarely(sim, PLACE_COMMAND, command_subject(i),
                                     (struct rarity){sim->temper.commands, COMMAND_KINDS});

        if (kind > 0) {
            host_schedule(sim, (struct happening){.kind = HAPPENS_COMMAND,
                                                  .at = planned_ms(sim, PLACE_COMMAND_MS, i),
                                                  .command = kind,
                                                  .number = i});
        }
    }
    for (int i = 0; i < PLANNED_JUMPS; i++) {
        int jump = sim_choose_rarely(
            sim, PLACE_JUMP, command_subject(i),
            (struct rarity){sim->temper.clock_jumps, (int)ARRAY_LEN(jumps_ms)});

        if (jump > 0) {
            host_schedule(sim, (struct happening){.kind = HAPPENS_JUMP,
                                                  .at = planned_ms(sim, PLACE_JUMP_MS, i),
                                                  .number = jump - 1});
        }
    }
}

void people_do(struct sim *sim, const struct happening *happening)
{
    command(sim, happening->number, happening->command);
}

void people_set_clock(struct sim *sim, int jump)
{
    sim_log(sim, "[%lld] --- the clock jumps by %lld ms\n", (long long)sim->now,
            (long long)jumps_ms[jump]);
    sim->wall_offset += jumps_ms[jump];
    sim->has_jumped = true;
}

/* ---- what a run offers ---- */

/* The next word as a shell takes it; names that a shell would change are quoted. */
static char *next_word(char **save)
{
    char *word = strtok_r(NULL, " ", save);
    size_t length = word ? strlen(word) : 0;

    if (length < 2 || word[0] != '\'' || word[length - 1] != '\'') {
        return word;
    }
    word[length - 1] = '\0';
    return word + 1;
}

/* From the command line that is shown to the command that it sends. */
static json_t *parse_option(struct sim *sim, const json_t *option)
{
    char *line = arena_strdup(sim->arena, json_get_text(option, "command", ""));
    char *save = NULL;
    const char *word = (strtok_r(line, " ", &save), strtok_r(NULL, " ", &save));
    json_t *command = json_pack("{s:s}", "do", word);
    const char *argument;

    (void)strtok_r(NULL, " ", &save); /* the run */
    argument = next_word(&save);
    if (!argument) {
        return command;
    }
    if (strcmp(argument, "--retry-failed") == 0) {
        json_put(command, "retry_failed", json_true());
    } else if (strcmp(argument, "--gate") == 0 || strcmp(argument, "--phase") == 0) {
        json_put_text(command, argument + strlen("--"), next_word(&save));
    } else {
        json_put_text(command, "step", argument);
    }
    if (strcmp(word, "answer") == 0) {
        json_put(command, "answers", json_pack("[s]", "as it thinks best"));
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
    int number = PLANNED_COMMANDS + sim->commands;
    const json_t *skip = find_option(options, "skip");
    const json_t *cancel = find_option(options, "cancel");

    if (run->attention > 3 * PATIENCE && cancel) {
        return cancel;
    }
    if (run->attention > PATIENCE && skip) {
        return skip;
    }
    return json_array_get(options, (size_t)argument(sim, number, (int)json_array_size(options)));
}

/* Some only look. */
static void forget_looks(json_t *options)
{
    for (size_t i = json_array_size(options); i > 0; i--) {
        const char *action = json_get_text(json_array_get(options, i - 1), "do", "");

        if (strcmp(action, "show") == 0) {
            (void)json_array_remove(options, i - 1);
        }
    }
}

static void post_offered(struct sim *sim, const struct sim_run *run, json_t *command)
{
    sim_post(sim, run->index,
             &(struct event){
                 .kind = EVENT_COMMAND, .by = "somebody", .command = sim_hold(sim, command)});
    sim->queue.items[sim->queue.count - 1].is_offered = true;
}

static bool has_failed(const struct run_state *state)
{
    static const char *const reasons[] = {"failure", "gate", "limit"};
    bool has = state->status == RUN_FAILED;

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        has = has || (state->reason && strcmp(state->reason, reasons[i]) == 0);
    }
    return has;
}

/* "fermata resume RUN --budget NAME=+AMOUNT": two commands, to the run that it names. Where that
 * waits for a decision on something else it may be told so. */
static void take_raise(struct sim *sim, const json_t *option)
{
    char *line = arena_strdup(sim->arena, json_get_text(option, "command", ""));
    char *save = NULL;
    const struct sim_run *run;
    char *name;

    (void)strtok_r(line, " ", &save);
    (void)strtok_r(NULL, " ", &save);
    run = sim_find_run(sim, strtok_r(NULL, " ", &save));
    (void)strtok_r(NULL, " ", &save);
    name = strtok_r(NULL, "=", &save);
    sim->raised++;
    post_offered(sim, run, json_pack("{s:s, s:{s:s}}", "do", "budget", "budget", name, save));
    post_offered(sim, run, json_pack("{s:s}", "do", "resume"));
    sim->queue.items[sim->queue.count - 1].is_offered = !has_failed(run->live);
}

static void take_option(struct sim *sim, struct sim_run *run)
{
    json_t *options = run_options(run->live);
    bool is_for_budget = run->live->status == RUN_PAUSED && run->live->reason &&
                         strcmp(run->live->reason, REASON_BUDGET) == 0;
    const json_t *option;

    forget_looks(options);
    run->attention++;
    if (json_array_size(options) == 0) {
        sim_fail(sim, "run %d is paused and offers nothing", run->index);
    } else if (run->attention > 5 * PATIENCE) {
        sim_fail(sim, "run %d cannot be brought to an end", run->index);
    } else if (is_for_budget && !find_option(options, "raise")) {
        sim_fail(sim, "run %d waits for a budget and does not offer to raise it", run->index);
    } else {
        option = choose_option(sim, run, options);
        if (strcmp(json_get_text(option, "do", ""), "raise") == 0) {
            take_raise(sim, option);
        } else {
            post_offered(sim, run, parse_option(sim, option));
        }
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

/* What it waits for is left out, whether it may be or not. */
static void leave_out(struct sim *sim, struct sim_run *run)
{
    const struct run_state *state = run->live;
    bool is_gate = state->reason && strcmp(state->reason, "gate") == 0;
    const char *name = is_gate ? state->reason_phase : state->reason_step;

    if (name) {
        send(sim, run,
             json_pack("{s:s, s:s, s:s}", "do", "skip", is_gate ? "gate" : "step", name, "reason",
                       "not needed"));
    }
}

/* Something else happens first. False: nothing does. */
static bool disturb(struct sim *sim, struct sim_run *waiting)
{
    int number = PLANNED_COMMANDS + ++sim->commands;
    int way = sim_choose_rarely(sim, PLACE_REST, command_subject(number), (struct rarity){60, 4});

    if (way == 0) {
        return false;
    }
    if (way == 3 && waiting) {
        leave_out(sim, waiting);
        return true;
    }
    if (way == 1 || way == 4) {
        sim_crash(sim, "at rest");
    }
    if (way == 4) {
        edit_run(sim, sim->runs.items[0], number);
        return true;
    }
    command(sim, number, 1 + argument(sim, number, COMMAND_KINDS));
    return true;
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
    run = find_waiting(sim);
    if (disturb(sim, run)) {
        return true;
    }
    if (caller_calls(sim)) {
        return true;
    }
    if (!run) {
        return false;
    }
    take_option(sim, run);
    return !sim->has_failed;
}
