/* SPDX-License-Identifier: MIT */
/* One simulation, as those who run many of them see it. */
#ifndef FERMATA_SIM_SIMULATE_H
#define FERMATA_SIM_SIMULATE_H

#include "choices.h"
#include "run/run.h"

#include <stdio.h>

/* 0 is none. AGAIN: and once more in the first turn of the recovery. */
enum crash_way {
    CRASH_BEFORE_COMMIT = 1,
    CRASH_AFTER_COMMIT,
    CRASH_BEFORE_COMMIT_AGAIN,
    CRASH_AFTER_COMMIT_AGAIN,
};
#define CRASH_WAYS 4

/* One seed, or given choices. */
struct sim_input {
    uint64_t seed;
    const struct choice_vec *given; /* NULL: by the seed */
    struct choice_log *made;        /* what is chosen is written there; NULL: nowhere */
    int crash_at_write;             /* this one, and at no other; 0: as chosen */
    enum crash_way crash_way;
    bool forgets_timers; /* a defect of the world, to see that one is found and shrinks */
    FILE *log;           /* NULL: quiet */
};
struct sim_result {
    bool has_failed;
    char failure[1024];
    uint64_t hash;
    int events;
    int turns;
    int records;
    int crashes;
    int answers; /* of the host, that were taken */
    int unheard; /* attempts that it never answered */
    int raised;  /* budgets that a run waited for */
    int edits;   /* of plans */
    unsigned kinds_seen;
    enum run_status status; /* of the first run */
};
void simulate(const struct sim_input *input, struct sim_result *ret_result);
void simulate_release_cache(void);

/* trial.c: the same in a process of its own, because it may not come back. One that dies has
 * failed, with what it said last. */
void trial_run(const struct sim_input *input, struct sim_result *ret_result);
/* What does not come back ends this process after so many seconds of a processor: of a busy machine
 * it may take many times as long. 0: no more. */
void trial_limit(int seconds);
/* Whether two failures are the same but for names and numbers. */
bool failure_is_alike(const char *left, const char *right);

/* shrink.c: leaves out and lowers choices as long as the same fails. */
struct shrunk {
    struct choice_vec choices;
    char failure[1024];
    size_t before; /* so many choices at first; 0: given as a list, it does not fail */
    int trials;
};
void shrink(const struct sim_input *input, int64_t seconds_max, struct shrunk *ret_shrunk);
void shrunk_release(struct shrunk *shrunk);

/* cases.c: choices as a text file. 0, or a negative value with a sentence on standard error. */
struct sim_case {
    uint64_t seed; /* of what is no choice: identifiers, jitter */
    struct choice_vec choices;
};
int case_write(const char *path, const struct sim_case *given, const char *failure);
int case_read(const char *path, struct sim_case *ret_case);
void case_release(struct sim_case *given);

#endif
