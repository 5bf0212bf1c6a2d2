/* SPDX-License-Identifier: MIT */
/* A private project for tests of the engine: the real store, loop and keeper, a clock that can be
 * moved, and every committed record at hand. */
#ifndef FERMATA_TESTS_RUN_PROJECT_H
#define FERMATA_TESTS_RUN_PROJECT_H

#include "run/query.h"
#include "run/run.h"

#include <semaphore.h>

struct run_project {
    char *project;       /* the working folder of steps */
    char *folder;        /* its .fermata */
    char *keeper, *self; /* the programs of this build */
    struct config *config;
    struct loop *loop;
    struct store *store;
    const char *vfs;        /* of SQLite; NULL: the default. Set it, then run_project_reopen */
    int64_t clock_shift_ms; /* added to the wall clock */
    struct host host;
    struct engine_options options;
    struct engine *engine; /* NULL until the first start or adoption */
    char id[RUN_ID_SIZE];  /* of the run that was started or adopted last */
    json_t *records;       /* all that were committed, in order */
    /* Told how many these are, after each; may be NULL. */
    void (*on_count)(void *context, size_t count);
    void *count_context;
    int checkpoint_pages; /* as in store_options; from the next reopening on */
    bool is_at_rest;
    struct error rest;
    struct error lost;    /* of the last run that went to another process */
    int stalls, unstalls; /* how often everything waited for the storage, and went on */
    const char *until_kind, *until_step; /* see run_project_go_until */
    sem_t blocked, unblocked;            /* threads of the pool */
    int occupied;                        /* so many of them wait */
};

/* For cmocka: *state is the project. */
int run_project_set_up(void **state);
int run_project_tear_down(void **state);
/* Closes engine and store and opens the store anew, as after the end of the process. Steps go on
 * under their keepers. */
void run_project_reopen(struct run_project *project);
/* Lets go of the runs only. */
void run_project_drop_engine(struct run_project *project);
/* The configuration's text; from the next engine on. */
void run_project_configure(struct run_project *project, const char *text);

/* Files of the project; "workflows/NAME.yaml" and "experts/NAME.md" are found by name. */
void run_project_write(const struct run_project *project, const char *name, const char *text);
bool run_project_has(const struct run_project *project, const char *name);
char *run_project_read(const struct run_project *project, const char *name); /* free() it */

/* The workflow of this text; the caller frees it. */
struct workflow *run_project_parse(const char *text);
/* Starts a run; its steps go on with the loop. `request` may be NULL; its workflow is set here. */
void run_project_start(struct run_project *project, const char *text,
                       const struct run_request *request);
int run_project_adopt(struct run_project *project, const char *id, struct error *err);
/* Runs the loop until the engine rests; fails the test when it ends without. */
void run_project_go(struct run_project *project);
/* Runs the loop until such a record was committed and its effects begun; step NULL: any. */
void run_project_go_until(struct run_project *project, const char *kind, const char *step);
/* Runs the loop turn by turn until this is so. */
void run_project_turn_until(struct run_project *project,
                            bool (*is_so)(const struct run_project *project));
/* What the pool is given waits from now on, until it is let go on. */
void run_project_block_pool(struct run_project *project);
/* One thread of the pool stays, until it is let go on: what is given to it comes back in order. */
void run_project_narrow_pool(struct run_project *project);
void run_project_unblock_pool(struct run_project *project);
/* Start, then go: the status of the run. */
const char *run_project_run(struct run_project *project, const char *text);
const char *run_project_status(struct run_project *project, const char *id);

/* The record of the last run, of this kind and step (NULL: any), the `skip`-th; NULL: none. */
const json_t *run_project_find(const struct run_project *project, const char *kind,
                               const char *step, int skip);
int run_project_count(const struct run_project *project, const char *kind, const char *step);
/* Fails the test unless the journal and the derived tables agree. */
void run_project_check_tables(struct run_project *project);
/* The answer to a command as another process would ask; takes the command. NULL: refused. */
json_t *run_project_ask(struct run_project *project, const char *id, json_t *command,
                        struct error *err);

#endif
