/* SPDX-License-Identifier: MIT */
/* A workflow: the immutable definition that a run executes, known by the digest of its text.
 *
 * Pure: text in, struct out; no clock, disk or network (except library.c, which finds files).
 * Everything hangs on one arena and is freed together. All strings are UTF-8. Durations are in
 * milliseconds; 0 means "no limit" unless said otherwise. Enums are stored and shown as words. */
#ifndef FERMATA_WORKFLOW_WORKFLOW_H
#define FERMATA_WORKFLOW_WORKFLOW_H

#include "base/error.h"
#include "base/json.h"
#include "base/vec.h"
#include "workflow/step.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKFLOW_BYTES_MAX (1024 * 1024)
#define WORKFLOW_DEPTH_MAX 64 /* nesting of the YAML */
#define WORKFLOW_PHASES_MAX 1000
#define WORKFLOW_STEPS_MAX 20000  /* in the definition */
#define WORKFLOW_PROBLEMS_MAX 100 /* reported in one go */
#define WORKFLOW_NAME_MAX 100

enum input_type {
    INPUT_STRING,
    INPUT_INTEGER,
    INPUT_NUMBER,
    INPUT_BOOLEAN,
    INPUT_ENUM,
    INPUT_PATH
};
enum phase_mode { MODE_SEQUENTIAL, MODE_PARALLEL, MODE_ADAPTIVE };

struct workflow_input {
    const char *name;
    enum input_type type;
    bool required;
    const json_t *default_value; /* NULL: none */
    const char *pattern;         /* PCRE2, anchored by its author; NULL: none */
    const char *description;
    const char *const *choices; /* for enum */
    size_t choice_count;
    struct position at;
};

struct gate_check {
    const char *name;     /* shown; the command or function when not given */
    const char *command;  /* or NULL */
    const char *function; /* or NULL */
    const struct named_template *with;
    size_t with_count;
    int exit_status;     /* expected; default 0 */
    int64_t tests_min;   /* -1: not asked for */
    double coverage_min; /* percent; negative: not asked for */
    int64_t timeout_ms;  /* default 10 minutes */
    const char *junit;   /* path of a JUnit XML file that the command writes; NULL: none */
    struct position at;
};

struct gate {
    const char *name;
    const char *description;
    bool allow_skip;
    bool is_configured; /* from the configuration, and not yet part of the text */
    const struct gate_check *checks;
    size_t check_count;
    struct position at;
};

struct phase {
    const char *id;
    const char *name;
    int index; /* in the workflow */
    struct position at;
    enum phase_mode mode;
    int width;        /* steps at once in parallel mode; 0: no limit */
    const int *needs; /* indexes of phases */
    size_t needs_count;
    enum trigger_rule trigger;
    struct expression *when;
    const struct gate *gate; /* NULL: none */
    bool optional;
    bool allow_skip; /* default true */
    int64_t timeout_ms;
    struct on_failure on_failure;
    struct iterate iterate;
    int rounds_max; /* of fix rounds in adaptive mode, default 3 */
    const struct step *steps;
    size_t step_count;
    const struct step *fix_steps; /* adaptive mode: run one after the other when a step or the gate
                                   * fails, then the phase's steps run again */
    size_t fix_count;
};

/* The tasks that a workflow is meant for, in its author's words; the planner weighs them. */
struct suits {
    const char *const *kinds;
    size_t kind_count;
    const char *const *words;
    size_t word_count;
    const char *const *unless;
    size_t unless_count;
    const char *const *surfaces; /* all have to be touched */
    size_t surface_count;
};

/* A rule that holds for what all agents of a workflow write: `evidence`, `yagni`. */
struct contract {
    const char *name;
    const char *text; /* Markdown; its first line is a title */
    bool is_pinned;   /* it is part of the workflow's text already */
};

struct workflow {
    const char *name;
    const char *title; /* shown; the name when not given */
    const char *description;
    const char *tier; /* free, pro, team, enterprise */
    const char *file; /* where it was read from, for messages */
    const char *text; /* the exact source, and behind it what was taken from elsewhere: gates,
                       * experts, contracts */
    size_t text_length;
    size_t source_length; /* of the source alone */
    char digest[65];      /* SHA-256 of the text */
    const struct workflow_input *inputs;
    size_t input_count;
    enum strategy strategy;       /* UNSET: not said */
    int concurrency;              /* steps at once in the whole run; 0: no limit */
    struct on_failure on_failure; /* default pause */
    struct iterate iterate;       /* of all phases */
    bool checkpoint_auto;         /* default true */
    int checkpoint_retention;     /* newest kept; 0: all */
    int64_t timeout_ms;           /* of the whole run */
    struct budget budget;         /* the same, and of its nested runs */
    const struct gate *gates;     /* own ones and the built-in ones that are used */
    size_t gate_count;
    const struct phase *phases;
    size_t phase_count;
    bool read_only; /* no step may change anything: the reader saw to it */
    const struct contract *contracts;
    size_t contract_count;
    struct suits suits;
    const char *report; /* step id whose output is the run's report; NULL: generated */
};

/* One problem of a definition. Warnings do not stop a run. */
struct problem {
    bool is_warning;
    const char *file; /* borrowed from the caller of the parser */
    struct position at;
    char text[512];
    char hint[256];
};

struct problems {
    struct problem items[WORKFLOW_PROBLEMS_MAX];
    size_t count;
    bool truncated;
    const char *file;
};

enum outside_kind {
    OUTSIDE_AGENT,
    OUTSIDE_EXPERT,
    OUTSIDE_FUNCTION,
    OUTSIDE_WORKFLOW,
    OUTSIDE_GATE
};
VEC_TYPE(name_list, char *);

/* Names that the outside knows: checked where given (NULL function: not checked). */
struct workflow_names {
    bool (*has)(enum outside_kind kind, const char *name, void *context); /* but gates */
    /* Adds all that there are, each to be freed, for "did you mean". */
    void (*list_names)(enum outside_kind kind, struct name_list *names, void *context);
    /* Adds the names of all that the function may be given, each to be freed. */
    void (*list_arguments)(const char *function, struct name_list *names, void *context);
    /* Whether the function could change something; NULL: none could. */
    bool (*may_change)(const char *function, void *context);
    /* For the inputs that a step gives it. Borrowed; NULL: not there, or not valid itself. */
    const struct workflow *(*find_workflow)(const char *name, void *context);
    /* Gates of the configuration; what it gives is copied into the workflow and its text. */
    const struct gate *(*find_gate)(const char *name, void *context);
    /* The text of an expert, and its file for messages, both the caller's; copied like gates. */
    int (*find_expert)(const char *name, char **ret_text, char **ret_file, struct error *err,
                       void *context);
    void *context;
};

/* Parses and checks everything; collects all problems. Returns 0 with *ret_workflow set when there
 * is no error among them (warnings allowed), else ERROR_VALIDATION (ERROR_LIMIT for a bomb).
 * `file` is used in messages only. The caller frees the workflow. */
int workflow_parse(const char *text, size_t length, const char *file,
                   const struct workflow_names *names, struct workflow **ret_workflow,
                   struct problems *problems, struct error *err);
/* One more user, on any thread: each calls workflow_free, and nobody changes it. */
struct workflow *workflow_share(const struct workflow *workflow);
void workflow_free(struct workflow *workflow); /* of the last user; accepts NULL */

/* The names of the gates that need no definition; NULL behind the last. */
const char *workflow_builtin_gate(size_t index);

const struct phase *workflow_find_phase(const struct workflow *workflow, const char *id);
/* The step and its phase; NULL when there is none. Step ids are unique in a workflow. */
const struct step *workflow_find_step(const struct workflow *workflow, const char *id,
                                      const struct phase **ret_phase);

/* Checks given inputs (an object of any JSON values; texts are converted to the declared type),
 * fills in defaults. The caller owns *ret_inputs. ERROR_INVALID names every wrong input. */
int workflow_check_inputs(const struct workflow *workflow, const json_t *given, json_t **ret_inputs,
                          struct error *err);

/* The same for one given value; the error does not name the input. */
int workflow_check_input(const struct workflow_input *input, const json_t *given,
                         struct error *err);

/* "file:line:column: error: text (hint)" lines, as compilers print them. */
void problems_format(const struct problems *problems, struct strbuf *target);

/* JSON Schema 2020-12 of the workflow file ("workflow") or the configuration ("config"), and the
 * Markdown reference of all keys; both from the one key table. The caller owns the results. */
json_t *workflow_schema(void);
json_t *workflow_config_schema(void);
json_t *workflow_expert_schema(void); /* of the front matter */
char *workflow_reference(void);

/* The graph as text: phases, steps, gates, needs. */
void workflow_format_tree(const struct workflow *workflow, struct strbuf *target);
void workflow_format_graph(const struct workflow *workflow, struct strbuf *target);
/* The same as data, in the words of the file, added to an object: what it is and asks for; or also
 * all its phases and steps. */
void workflow_describe(const struct workflow *workflow, json_t *target);
void workflow_describe_whole(const struct workflow *workflow, json_t *target);
json_t *gate_describe(const struct gate *gate); /* the caller owns it */

#endif
