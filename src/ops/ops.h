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

struct ops; /* the project that operations work on: paths, settings, store, configuration */

enum argument_type {
    ARGUMENT_TEXT,
    ARGUMENT_INTEGER,
    ARGUMENT_BOOLEAN, /* a flag */
    ARGUMENT_CHOICE,
    ARGUMENT_DURATION, /* milliseconds in the JSON */
    ARGUMENT_PATH,
    ARGUMENT_RUN,      /* id, beginning of one, or "last"; completes to runs */
    ARGUMENT_STEP,     /* completes to steps */
    ARGUMENT_WORKFLOW, /* completes to workflow names */
    ARGUMENT_PAIRS,    /* key=value, repeatable; an object in the JSON */
};

struct argument {
    const char *name; /* the JSON key; on the command line --name with dashes */
    char letter;      /* short option, 0: none */
    enum argument_type type;
    bool is_positional;
    bool is_required;
    const char *choices;    /* "ai|static|hybrid" */
    const char *fallback;   /* default, shown in help; NULL: none */
    const char *value_name; /* "RUN", "FILE": shown in help */
    const char *help;
};

/* How a view takes part while an operation goes on. All may be NULL. */
struct ops_view {
    void (*on_record)(void *context, const json_t *record); /* progress of a run */
    void (*on_tick)(void *context); /* about ten times a second while a run goes on */
    void (*on_notice)(void *context, const char *text); /* one line for standard error */
    /* Asks a person; false when nobody can answer. The answer is the caller's to free(). */
    bool (*ask)(void *context, const char *question, char **ret_answer);
    void *context;
};

struct operation {
    const char *name;        /* "run"; words are separated by a space */
    const char *group;       /* "Runs", "Results", "Workflows", "House" */
    const char *summary;     /* one line */
    const char *description; /* some paragraphs */
    const char *example;     /* one or more command lines with what they do */
    const struct argument *arguments;
    size_t argument_count;
    bool is_read_only;
    bool is_hidden; /* for our own use */
    /* The result is data for the view; the caller owns it. */
    int (*run)(struct ops *ops, const json_t *arguments, const struct ops_view *view,
               json_t **ret_result, struct error *err);
};

const struct operation *ops_table(size_t *ret_count);
const struct operation *ops_find(const char *name);
const char *ops_nearest(const char *name); /* nearest known name, or NULL */
/* Checks and converts arguments (unknown names, types, required ones, choices), then runs the row.
 */
int ops_call(struct ops *ops, const struct operation *operation, const json_t *arguments,
             const struct ops_view *view, json_t **ret_result, struct error *err);

/* While a run goes on: 1 = pause cleanly, 2 = stop the steps, 3 = leave at once. Signal-safe it is
 * not: call it from a loop_watch_signal callback. */
void ops_interrupt(struct ops *ops, int times);
struct loop *ops_loop(struct ops *ops); /* created on first use */

/* What main reads from the environment and the command line; nothing below reads it again. */
struct ops_settings {
    const char *project; /* --project / FERMATA_PROJECT; NULL: found upward from cwd */
    const char *cwd;
    const char *config_folder; /* XDG_CONFIG_HOME/fermata */
    const char *state_folder;
    const char *keeper;             /* FERMATA_KEEP; NULL: beside the program */
    const char *self_path;          /* /proc/self/exe resolved */
    const char *const *environment; /* the whole process environment */
    const char *user;               /* who approves: login name */
};
int ops_new(const struct ops_settings *settings, struct ops **ret_ops, struct error *err);
void ops_free(struct ops *ops);

#endif
