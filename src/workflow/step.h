/* SPDX-License-Identifier: MIT */
/* A step of a workflow, its policies, and the words for them: a part of workflow.h, which says
 * what holds for all of it. */
#ifndef FERMATA_WORKFLOW_STEP_H
#define FERMATA_WORKFLOW_STEP_H

#include "base/json.h"
#include "workflow/budget.h"
#include "workflow/expression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_kind { STEP_AGENT, STEP_COMMAND, STEP_FUNCTION, STEP_APPROVAL, STEP_WORKFLOW };
enum trigger_rule { TRIGGER_ALL_SUCCESS, TRIGGER_ONE_SUCCESS, TRIGGER_ALL_DONE };
enum strategy { STRATEGY_UNSET, STRATEGY_AI, STRATEGY_STATIC, STRATEGY_HYBRID };
enum failure_action { FAILURE_UNSET, FAILURE_PAUSE, FAILURE_FAIL, FAILURE_CONTINUE, FAILURE_GOTO };
enum backoff { BACKOFF_EXPONENTIAL, BACKOFF_FIXED };
enum output_format { OUTPUT_TEXT, OUTPUT_JSON };
/* What a step does when its agent's limit is over at a time that is known. */
enum limit_action { LIMIT_AUTO, LIMIT_PARK, LIMIT_FALLBACK };
/* What happens when an attempt is quiet for too long. */
enum quiet_action { QUIET_REPORT, QUIET_STOP };
enum reuse { REUSE_UNSET, REUSE_NEVER, REUSE_INPUTS, REUSE_TREE };

/* Why an attempt did not succeed; the words of design section 8, and `lost` (gone with a crash). */
enum failure_class {
    CLASS_NONE, /* it succeeded */
    CLASS_TRANSIENT,
    CLASS_LIMIT,
    CLASS_PERMANENT,
    CLASS_REFUSED,
    CLASS_TIMEOUT,
    CLASS_CANCELLED,
    CLASS_LOST,
};
#define FAILURE_CLASSES 8
#define CLASS_BIT(class_) (1U << (unsigned)(class_))

const char *strategy_name(enum strategy strategy);         /* "ai" ... "" when unset */
enum strategy strategy_parse(const char *name);            /* STRATEGY_UNSET when unknown */
const char *failure_class_name(enum failure_class class_); /* "none", "transient", ... */
int failure_class_parse(const char *name);                 /* -1 when unknown */
const char *step_kind_name(enum step_kind kind);           /* "agent" "command" "function" ... */

struct position {
    int line;   /* from 1; 0: not known */
    int column; /* from 1, in characters */
};

struct retry_policy {
    int attempts; /* tries in all, at least 1 */
    enum backoff backoff;
    int64_t delay_ms;
    int64_t max_delay_ms;
    bool jitter;      /* full jitter: uniform in [0, delay] */
    unsigned classes; /* CLASS_BIT set that is tried again */
};

struct gate;

struct quiet_policy {
    int64_t after_ms; /* 0: no limit; below zero: not said */
    int then;         /* enum quiet_action; below zero: not said */
};
#define QUIET_UNSAID                                                                               \
    {                                                                                              \
        -1, -1                                                                                     \
    }
/* What `own` says, else what `outer` does. */
struct quiet_policy quiet_over(struct quiet_policy own, struct quiet_policy outer);

struct on_failure {
    enum failure_action action; /* FAILURE_UNSET: the enclosing level decides */
    int goto_phase;             /* index, for FAILURE_GOTO */
    int max;                    /* rounds of goto, at least 1 */
};

struct iterate {
    int max;                  /* 0: no iteration */
    struct expression *until; /* NULL: always `max` rounds */
};

/* `name: ${{ ... }}` values of env, with, inputs: in file order. */
struct named_template {
    const char *name;
    struct template *value;
};

struct artifact_rule {
    const char *name; /* the artifact's name */
    const char *path; /* relative to the working folder; may not leave it */
};

struct step {
    const char *id;
    const char *name; /* shown; the id when not given */
    enum step_kind kind;
    int index; /* in its phase */
    struct position at;

    /* agent steps */
    const char *expert;          /* NULL: none */
    const struct expert *role;   /* what that is (expert.h); NULL: none, or it is not known */
    const char *agent;           /* NULL: the default agent */
    const char *const *fallback; /* agents */
    size_t fallback_count;
    struct template *prompt;
    const char *workspace;   /* "shared" or "clone" */
    bool commit;             /* what is merged of its clone is a commit of git, too */
    const char *on_conflict; /* the agent that settles one of its merge; NULL: the step fails */
    const struct gate *gate; /* must pass in its clone before that is merged; NULL: none */
    const char *model;       /* NULL: the agent's */
    bool read_only;
    enum limit_action on_limit;
    int questions_max;        /* that it may ask a person; more fail it */
    const char *const *tools; /* the only ones that are allowed, in the agent's own names */
    size_t tool_count;        /* 0: as the agent has it */
    int turns_max;            /* 0: no limit */
    double budget_usd;        /* of one attempt; 0: no limit */

    /* command steps; values reach the command as environment variables only */
    const char *command;

    /* function steps */
    const char *function;
    const struct named_template *with; /* arguments of a function */
    size_t with_count;

    /* approval steps */
    struct template *message; /* of approvals */

    /* nested workflows */
    const char *workflow;
    const struct named_template *inputs;
    size_t input_count;

    /* all */
    const struct named_template *env;
    size_t env_count;
    const char *cwd;  /* relative to the project; NULL: the project */
    const int *needs; /* indexes of steps of the same phase */
    size_t needs_count;
    enum trigger_rule trigger;
    struct expression *when;         /* NULL: always */
    struct expression *foreach_list; /* NULL: one instance */
    int foreach_width;               /* instances at once; 0: no limit */
    enum strategy strategy;          /* UNSET: from workflow, run, project */
    const struct step *static_step;  /* the alternative under `static:`; NULL: none */
    bool optional;                   /* failing does not fail the phase */
    bool allow_skip;                 /* may be skipped by hand; default true */
    struct on_failure on_failure;
    struct retry_policy retry; /* already merged with defaults */
    int64_t timeout_ms;        /* of one attempt; already merged with defaults */
    struct quiet_policy quiet; /* the same; its agent fills in what is not said */
    const char *output;        /* artifact name of the standard output; NULL: none */
    enum output_format format;
    const json_t *schema; /* JSON Schema for JSON output; NULL: none */
    const struct artifact_rule *artifacts;
    size_t artifact_count;
    struct budget budget; /* of all its attempts and instances */
    enum reuse reuse;
    const int *success_statuses; /* exit statuses that count as success; default {0} */
    size_t success_status_count;
};

#endif
