/* SPDX-License-Identifier: MIT */
/* The operations table: everything that can be done from outside, one row each. Command line,
 * shell, HTTP, MCP, man page and completions read the same rows; nothing else reaches the engine.
 */
#ifndef FERMATA_OPS_OPS_H
#define FERMATA_OPS_OPS_H

#include "base/error.h"
#include "base/json.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ops; /* the project that operations work on: paths, settings, store, configuration */

enum argument_type {
    ARGUMENT_TEXT,
    ARGUMENT_INTEGER,
    ARGUMENT_BOOLEAN, /* a flag */
    ARGUMENT_CHOICE,
    ARGUMENT_DURATION, /* milliseconds in the JSON */
    ARGUMENT_PATH,
    ARGUMENT_RUN,  /* id, beginning of one, or "last"; completes to runs */
    ARGUMENT_STEP, /* completes to steps of that run, like the next three */
    ARGUMENT_PHASE,
    ARGUMENT_CHECKPOINT,
    ARGUMENT_CONTENT,  /* an artifact, or a step whose output is meant */
    ARGUMENT_WORKFLOW, /* completes to workflow names */
    ARGUMENT_AGENT,    /* completes to agents */
    ARGUMENT_EXPERT,   /* completes to experts */
    ARGUMENT_GATE,     /* completes to gates */
    ARGUMENT_TASK,     /* completes to tasks */
    ARGUMENT_PAIRS,    /* key=value, repeatable; an object in the JSON */
};

struct argument {
    const char *name; /* the JSON key; on the command line --name with dashes */
    char letter;      /* short option, 0: none */
    enum argument_type type;
    bool is_positional;
    bool is_required;
    bool is_repeated;       /* an array in the JSON; the last positional, or an option */
    const char *choices;    /* "ai|static|hybrid" */
    const char *fallback;   /* default, shown in help; NULL: none */
    const char *value_name; /* "RUN", "FILE": shown in help */
    const char *help;
};

/* How a view takes part while an operation goes on. All may be NULL. */
struct ops_view {
    /* A run goes on in this process from here (as run_show gives it) to on_end; the loop exists.
     * run is NULL when there are many, of which no records are told. */
    void (*on_begin)(void *context, struct ops *ops, const json_t *run);
    void (*on_end)(void *context);
    void (*on_record)(void *context, const json_t *record); /* progress of a run */
    /* One item of an answer that comes bit by bit (logs); it is not repeated in the result. */
    void (*on_item)(void *context, const json_t *item);
    void (*on_tick)(void *context); /* about ten times a second while a run goes on */
    void (*on_notice)(void *context, const char *text); /* one line for standard error */
    /* Asks a person; false when nobody can answer. The answer is the caller's to free(). */
    bool (*ask)(void *context, const char *question, char **ret_answer);
    void *context;
};

/* An exit status and what it says. */
struct exit_status {
    int status;
    const char *meaning;
};

struct operation {
    const char *name;        /* "run"; words are separated by a space */
    const char *group;       /* "Runs", "Results", "Workflows", "House" */
    const char *summary;     /* one line */
    const char *description; /* some paragraphs */
    const char *example;     /* one or more command lines with what they do */
    const struct argument *arguments;
    size_t argument_count;
    const struct exit_status *exits; /* those that it can have; the last meaning is NULL */
    /* Where a word too many probably belongs: "--step", a command line, or NULL: unknown. */
    const char *stray;
    bool is_read_only;
    bool is_hidden; /* for our own use */
    /* The result is data for the view; the caller owns it. */
    int (*run)(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err);
};

const struct operation *ops_table(size_t *ret_count);
const struct operation *ops_find(const char *name);
const char *ops_nearest(const char *name); /* nearest known name, or NULL */
bool argument_takes(const struct argument *argument, const char *word); /* as one of its choices */
const struct exit_status *exit_statuses(size_t *ret_count); /* of all commands together */
const struct exit_status *exit_statuses_plain(void);        /* of one that asks nobody; to NULL */
/* Checks and converts arguments (unknown names, types, required ones, choices), then runs the row.
 */
int ops_call(struct ops *ops, const struct operation *operation, const json_t *arguments,
             const struct ops_view *view, json_t **ret_result, struct error *err);

/* While a run goes on: 1 = pause cleanly, 2 = stop the steps, 3 = leave at once. Signal-safe it is
 * not: call it from a loop_watch_signal callback. */
void ops_interrupt(struct ops *ops, int times);
int ops_loop(struct ops *ops, struct loop **ret_loop, struct error *err); /* made on first use */
/* Steps under way in this process, for a live view. last_line is clean for a terminal. */
struct running_step {
    const char *run;
    const char *step;
    const char *phase;
    int64_t started_at_ms;
    const char *last_line;
    const char *liveness; /* "working", "quiet", ...; "": nobody has looked yet */
    int64_t liveness_since_ms;
};
void ops_visit_running(struct ops *ops,
                       void (*visit)(void *context, const struct running_step *step),
                       void *context);
int64_t ops_now_ms(void); /* wall clock, for relative times */

/* What main reads from the environment and the command line; nothing below reads it again. */
struct ops_settings {
    const char *project;     /* --project / FERMATA_PROJECT; NULL: found upward from cwd */
    const char *config_file; /* --config / FERMATA_CONFIG, instead of the project's; NULL: that */
    const char *cwd;
    const char *config_folder;      /* XDG_CONFIG_HOME/fermata */
    const char *cache_folder;       /* XDG_CACHE_HOME/fermata; NULL: nothing is remembered */
    const char *keeper;             /* FERMATA_KEEP; NULL: beside the program */
    const char *self_path;          /* /proc/self/exe resolved */
    const char *const *environment; /* the whole process environment */
    const char *user;               /* who approves: login name */
    const char *home;               /* where the search upward for a project ends; NULL: nowhere */
    const char *workflow;           /* FERMATA_WORKFLOW: default workflow; NULL: configured */
    const char *strategy;           /* FERMATA_STRATEGY; NULL: configured */
    const char *offline;            /* FERMATA_OFFLINE: true, auto, false; NULL: configured */
    const char *trust;              /* FERMATA_TRUST: "1", every project is trusted; NULL: no */
    const char *log_format;         /* --log-format / FERMATA_LOG_FORMAT; NULL: configured */
    const char *version;            /* of this program */
};
/* ERROR_INVALID for a variable of the environment that says nothing useful. */
int ops_new(const struct ops_settings *settings, struct ops **ret_ops, struct error *err);
void ops_free(struct ops *ops);

#endif
