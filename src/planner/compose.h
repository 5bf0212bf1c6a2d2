/* SPDX-License-Identifier: MIT */
/* A plan made of experts, for a task that no workflow fits: who understands it, who changes what,
 * who tests and who reviews, in waves. Two steps that will touch the same files are never in one
 * wave. Pure; the result is a workflow's text like any other. */
#ifndef FERMATA_PLANNER_COMPOSE_H
#define FERMATA_PLANNER_COMPOSE_H

#include "base/strbuf.h"
#include "planner/analyze.h"

#include <stdbool.h>
#include <stddef.h>

#define COMPOSED_STEPS_MAX 64
#define COMPOSED_ITEMS_MAX 40 /* of a task that is a list */
#define COMPOSED_ID_MAX 40
#define COMPOSED_GATE "tests"           /* proves the result of a plan */
#define COMPOSED_TEXT_MAX (512U * 1024) /* of the workflow's text */

/* Where a step stands in the work. */
enum stage { STAGE_UNDERSTAND, STAGE_PLAN, STAGE_DESIGN, STAGE_BUILD, STAGE_TEST, STAGE_REVIEW };
#define STAGES 6

struct composed_step {
    char id[COMPOSED_ID_MAX];
    char name[ANALYSIS_TEXT_MAX];
    const char *expert; /* NULL: none */
    const char *agent;  /* NULL: the default one */
    const char *why;    /* it is in the plan */
    const char *prompt; /* what it is told beside the task; a template */
    char *item;         /* the part of the task that it does; NULL: all */
    char *task;         /* what the dynamic planner tells it; NULL: as above */
    enum stage stage;
    bool read_only;
    int wave;         /* within its stage, from 0 */
    unsigned surface; /* bits: whose files it will touch; 0: it is known by its item alone */
    bool has_files;   /* what it will touch is known */
    bool *touches;    /* one flag a file of the repository; NULL: none */
    size_t file_count;
    int after[COMPOSED_STEPS_MAX]; /* steps that it has to wait for */
    size_t after_count;
};

struct composed {
    const struct analysis *analysis; /* borrowed */
    struct composed_step steps[COMPOSED_STEPS_MAX];
    size_t count;
    bool has_tests_gate;
    bool is_gate_configured; /* the gate is the configuration's */
    char title[ANALYSIS_TEXT_MAX];
    char name[COMPOSED_ID_MAX + 8]; /* "plan-fix-crash-upload" */
    struct analysis_list notes;     /* what somebody should know of this plan */
};

struct compose_options {
    bool has_gate;   /* the configuration has a gate COMPOSED_GATE, which then proves the result */
    bool has_clones; /* the project is a git repository: agents can work side by side */
    bool (*has_expert)(const char *name, void *context); /* NULL: all are there */
    void *context;
};

/* The caller releases it, also after an error of somebody else. */
void compose(const struct analysis *analysis, const struct compose_options *options,
             struct composed *ret_composed);
/* For steps that somebody else names: makes an empty plan; and completes it: waves, gate, notes. */
void compose_begin(const struct analysis *analysis, struct composed *ret_composed);
void compose_end(struct composed *composed, const struct compose_options *options);
/* Puts the steps of each stage into waves, by what they wait for and, where they build, by the
 * files that they will touch. */
void compose_waves(struct composed *composed, bool has_clones);
/* The same steps as a workflow; runs as it is. */
void compose_write(const struct composed *composed, struct strbuf *target);
void compose_release(struct composed *composed);

#endif
