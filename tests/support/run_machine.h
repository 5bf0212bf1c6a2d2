/* SPDX-License-Identifier: MIT */
/* The deciding half of the engine without the other half: a workflow's text, events in, records and
 * effects out.
 *
 * After every event the helper folds all records, as the journal would give them back, into a
 * second state and fails the test unless both are equal, and unless a running run has something
 * under way. What happened is told in short lines, one for each record:
 *
 *   run running | phase build running (steps) | try compile 1 | end compile 1 none | ...        */
#ifndef FERMATA_TESTS_RUN_MACHINE_H
#define FERMATA_TESTS_RUN_MACHINE_H

#include "base/strbuf.h"
#include "run/decide.h"
#include "workflow_text.h"

/* A record as the journal keeps it. */
struct kept_record {
    const char *kind;
    int64_t seq, at;
    json_t *body;
};

/* An effect that outlives its batch. */
struct kept_effect {
    enum effect_kind kind;
    char *step; /* key; NULL: none */
    char *word;
    int64_t at;
};

struct machine {
    struct parsed parsed;
    struct run_state *run;
    struct batch batch;
    struct decide_limits limits;
    int64_t now;
    uint64_t random;
    bool is_held; /* commands come while nobody carries the run on */
    VEC(struct kept_record) records;
    VEC(struct kept_effect) effects; /* of the last event */
    size_t told;                     /* records that machine_story has told */
    struct strbuf story;
    struct error err; /* of the last command */
};

/* Creates the run; begins nothing yet. NULL: no inputs. The text has to be without a warning. */
void machine_init(struct machine *machine, const char *workflow, const char *inputs);
/* The same, and EVENT_BEGIN. */
void machine_begin(struct machine *machine, const char *workflow);
void machine_release(struct machine *machine);

/* Any event; `now` and `random` are filled in. The code of decide(). */
int machine_event(struct machine *machine, struct event event);

/* An attempt of the step ends (it is prepared first where it waits for that). The output of
 * machine_output is JSON; class_ NULL in machine_fail means transient. */
void machine_end(struct machine *machine, const char *step, struct outcome outcome);
void machine_pass(struct machine *machine, const char *step);
void machine_output(struct machine *machine, const char *step, const char *json);
void machine_fail(struct machine *machine, const char *step, const char *class_);
/* Its agent asks instead of answering. */
void machine_ask(struct machine *machine, const char *step, const char *question);
/* Its agent is the host, which has not answered. */
void machine_host(struct machine *machine, const char *step);
/* A crash before the process of the attempt began. */
void machine_lose_unbegun(struct machine *machine, const char *step);
void machine_prepare(struct machine *machine, const char *step);
void machine_check(struct machine *machine, const char *step, enum verdict verdict);
/* Time goes on; every timer that was set and is due is told. */
void machine_wait(struct machine *machine, int64_t ms);
void machine_child(struct machine *machine, const char *step, enum run_status status);
/* A command such as {do: 'pause'}; quotes may be single. The code of decide(). */
int machine_command(struct machine *machine, const char *command);
/* As after a crash: the state is folded anew, then EVENT_RECOVERED. */
void machine_recover(struct machine *machine);

/* What happened since the last call. */
const char *machine_story(struct machine *machine);
/* The last event's effects, as "start compile | timer - +2000 | rest". */
const char *machine_effects(struct machine *machine);
const struct step_state *machine_step(const struct machine *machine, const char *key);
const struct phase_state *machine_phase(const struct machine *machine, const char *id);

/* Fail with both texts printed. */
void assert_story(struct machine *machine, const char *expected);
void assert_story_has(struct machine *machine, const char *part);
void assert_effects(struct machine *machine, const char *expected);
void assert_refused(struct machine *machine, const char *command, const char *part);

/* Fails unless the two states are equal in everything that the fold gives. */
void assert_same_state(const struct run_state *one, const struct run_state *other);

#endif
