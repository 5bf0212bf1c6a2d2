/* SPDX-License-Identifier: MIT */
#include "agents/liveness.h"

#include "base/alloc.h"

#include <assert.h>

/* What is seen for a moment may be between two of its steps. */
#define DEAD_MS 2000
#define ASKING_MS 1000
#define BUSY_PERCENT 2  /* less is what a program uses that only waits */
#define RECENT_MS 10000 /* what it did so shortly ago it may still do */
#define PERCENT 100
#define PACES_MAX 2
#define LATE_MS 5000

static const char *const names[] = {
    [LIVENESS_UNKNOWN] = "",
    [LIVENESS_WORKING] = "working",
    [LIVENESS_WAITING] = "waiting for model",
    [LIVENESS_QUIET] = "quiet",
    [LIVENESS_WANTS_INPUT] = "wants input",
    [LIVENESS_DEAD] = "dead",
};
static_assert(ARRAY_LEN(names) == LIVENESS_WORDS, "one name for each word");

const char *liveness_name(enum liveness word)
{
    return names[word];
}

bool liveness_is_trouble(enum liveness word)
{
    return word == LIVENESS_QUIET || word == LIVENESS_WANTS_INPUT || word == LIVENESS_DEAD;
}

static void begin(struct liveness_state *state)
{
    state->since_ms = state->heard_ms = state->busy_ms = state->looked_ms = state->began_ms;
}

/* Less time than before: a process ended whose time nobody added up, so something happened. */
static bool is_busy(struct liveness_state *state, const struct liveness_facts *facts)
{
    int64_t used_ms = facts->look.cpu_ms - state->last.cpu_ms;
    int64_t past_ms = facts->now_ms - state->looked_ms;

    state->share = used_ms > 0 && past_ms > 0 ? (int)(used_ms * PERCENT / past_ms) : 0;
    return facts->look.is_readable && (used_ms < 0 || state->share >= BUSY_PERCENT);
}

static void note_doubts(struct liveness_state *state, const struct liveness_facts *facts,
                        bool has_printed)
{
    const struct liveness_look *look = &facts->look;
    bool is_dead = look->is_readable && look->processes == 0;
    /* An agent's own terminal, kept open between two tools, keeps nobody waiting. */
    bool is_asking = look->is_readable && look->asker && !has_printed &&
                     facts->tools != LIVENESS_TOOLS_IDLE;
    bool is_another = look->asker != state->last.asker;

    state->dead_ms = !is_dead ? 0 : state->dead_ms ? state->dead_ms : facts->now_ms;
    state->asking_ms = !is_asking                        ? 0
                       : state->asking_ms && !is_another ? state->asking_ms
                                                         : facts->now_ms;
}

static bool has_held(int64_t since_ms, int64_t now_ms, int64_t least_ms)
{
    return since_ms && now_ms - since_ms >= least_ms;
}

static enum liveness find_word(const struct liveness_state *state,
                               const struct liveness_facts *facts, int64_t silent_ms)
{
    if (has_held(state->dead_ms, facts->now_ms, DEAD_MS)) {
        return LIVENESS_DEAD;
    }
    if (has_held(state->asking_ms, facts->now_ms, ASKING_MS)) {
        return LIVENESS_WANTS_INPUT;
    }
    if (facts->quiet_ms > 0 && silent_ms >= facts->quiet_ms) {
        return LIVENESS_QUIET;
    }
    if (!facts->has_model || facts->tools == LIVENESS_TOOLS_RUN || silent_ms < RECENT_MS) {
        return LIVENESS_WORKING;
    }
    return LIVENESS_WAITING;
}

/* Nobody looked for longer than was planned: whoever looks was stopped, and the attempt with it as
 * far as anybody knows. Then that time counts for nothing. */
static void skip_gap(struct liveness_state *state, const struct liveness_facts *facts)
{
    int64_t most_ms = facts->pace_ms * PACES_MAX + LATE_MS;
    int64_t gap_ms = facts->now_ms - state->looked_ms - most_ms;

    if (gap_ms > 0) {
        state->heard_ms += gap_ms;
        state->busy_ms += gap_ms;
        state->looked_ms += gap_ms;
        state->dead_ms = state->asking_ms = 0;
    }
}

bool liveness_judge(struct liveness_state *state, const struct liveness_facts *facts)
{
    bool is_first = state->word == LIVENESS_UNKNOWN;
    int64_t active_ms;
    int64_t silent_ms;
    enum liveness word;
    bool has_printed;

    if (is_first) {
        begin(state);
    }
    skip_gap(state, facts);
    has_printed = is_first ? facts->look.stamp != 0 : facts->look.stamp != state->last.stamp;
    if (has_printed) {
        state->heard_ms = facts->now_ms;
    }
    if (is_busy(state, facts)) {
        state->busy_ms = facts->now_ms;
    }
    note_doubts(state, facts, has_printed);
    active_ms = state->heard_ms > state->busy_ms ? state->heard_ms : state->busy_ms;
    silent_ms = facts->now_ms - active_ms;
    word = find_word(state, facts, silent_ms);
    state->may_stop = facts->quiet_ms > 0 && facts->look.is_readable &&
                      (word == LIVENESS_WANTS_INPUT
                           ? facts->now_ms - state->heard_ms >= facts->quiet_ms
                           : word == LIVENESS_QUIET && facts->tools != LIVENESS_TOOLS_RUN);
    state->last = facts->look;
    state->looked_ms = facts->now_ms;
    if (word == state->word) {
        return false;
    }
    state->since_ms = is_first ? state->began_ms : facts->now_ms;
    state->word = word;
    return true;
}
