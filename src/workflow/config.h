/* SPDX-License-Identifier: MIT */
/* config.yaml: agents, gates, workflows as step lists, settings, prices. The format `agents.yaml`
 * (top level agents, workflows, settings) is read as it is. Project over user over built in: a
 * project's file may add and narrow. Immutable once loaded. */
#ifndef FERMATA_WORKFLOW_CONFIG_H
#define FERMATA_WORKFLOW_CONFIG_H

#include "workflow/workflow.h"

struct agent_variable {
    const char *name;
    const char *value;
};

struct agent_config {
    const char *name;
    const char *type; /* of an adapter: command, claude, codex, ... */
    bool enabled;
    const char *disabled_why;   /* when not enabled: what says so, as in "`enabled: false`" */
    bool is_builtin;            /* no file names it */
    const char *const *command; /* argv; none: the adapter's program */
    size_t command_count;
    const char *const *read_only_command; /* of a program: so that it changes nothing */
    size_t read_only_count;               /* 0: it has no such mode */
    const char *endpoint;                 /* NULL: the adapter's */
    const char *model;                    /* NULL: the backend's own choice */
    const char *key; /* "env:NAME" or "file:PATH"; NULL: the adapter's variable */
    bool names_key;  /* a file does, so that nobody else gets it */
    const struct agent_variable *env;
    size_t env_count;
    const char *const
        *pass_env; /* what else it gets of our environment: names, or with * patterns */
    size_t pass_env_count;
    const char *role;
    const char *description;
    const char *const *capabilities;
    size_t capability_count;
    bool offline;          /* needs no network */
    const char *online_at; /* the address that tells whether it is online; NULL: where it calls */
    int64_t timeout_ms;    /* 0: the step decides */
    int64_t silence_ms;    /* of a server: longest time without output; 0: the adapter's */
    struct quiet_policy quiet;
    int breaker_threshold; /* failures in a row; 0: it has no circuit breaker */
    int64_t breaker_recovery_ms;
    int rate_limit;            /* calls a minute; 0: no limit */
    int concurrency;           /* calls at once in one orchestrator; 0: no limit of its own */
    const char *account;       /* agents of one share its rate_limit; NULL: none */
    const char *prompt_by;     /* stdin (default), argument, file */
    const char *output_format; /* text (default), json, jsonl */
    const json_t *output_map;  /* an object; NULL: none */
    const json_t *options;     /* for servers, an object; NULL: none */
    struct position at;
};

/* USD for a million tokens; below zero: not said, so not known. */
struct price {
    const char *model; /* a name, or with * and ? a pattern */
    double input;
    double cached_input; /* not said: as `input` */
    double output;
};

/* A role, and the agent that has it. */
struct role_config {
    const char *role;
    const char *agent;
};

/* The agent that is asked when another one has failed. */
struct stand_in {
    const char *agent;
    const char *other;
};

enum offline_mode {
    OFFLINE_AUTO,  /* who cannot be reached is passed over where an agent without a network follows
                    */
    OFFLINE_NEVER, /* nobody is asked */
    OFFLINE_ONLY,  /* only agents that need no network */
};

/* In the order of the words in the key table. */
enum tier { TIER_FREE, TIER_PRO, TIER_TEAM, TIER_ENTERPRISE };
const char *tier_name(enum tier tier);
bool tier_parse(const char *word, enum tier *ret_tier); /* false: none of them */

/* Which workflows may be started. */
struct entitlement {
    enum tier tier;        /* the highest that the files allow */
    const char *tier_file; /* that says so, and the place; NULL: no file does */
    struct position tier_at;
    bool asks_server;           /* `command` has to allow it as well */
    const char *const *command; /* of the user's file, else the project's */
    size_t command_count;
    bool is_of_project; /* the command is */
};

/* Is AGENTS.md a part of prompts? In the order of the words in the key table. */
enum project_context { CONTEXT_AUTO, CONTEXT_ALWAYS, CONTEXT_NEVER };

struct config {
    const struct agent_config *agents; /* those of the files first, then the other built-in ones */
    size_t agent_count;
    const struct role_config *roles;
    size_t role_count;
    const struct stand_in *stand_ins; /* for steps that name no `fallback` */
    size_t stand_in_count;
    const struct price *prices; /* the user's before the project's: the first that fits counts */
    size_t price_count;
    const struct gate *gates; /* replace or add to the built-in ones */
    size_t gate_count;
    const char *default_agent;    /* NULL: none */
    const char *default_workflow; /* NULL: none */
    const char *default_workflow_file;
    struct position default_workflow_at;
    enum strategy strategy; /* UNSET: not said */
    enum offline_mode offline;
    int concurrency;          /* processes at once in one orchestrator; 0: 2 x cores */
    int64_t output_bytes_max; /* kept of each output; default 8 MiB */
    int64_t steps_max;        /* in a run, instances included; default 100,000 */
    int nesting_max;          /* nested workflows; default 8 */
    struct budget budget;     /* of every run that nobody says another for */
    int64_t task_length_max;  /* characters; 0: not said */
    bool log_json;
    enum project_context project_context;
    struct entitlement entitlement;
    /* Of what git ignores, what a workspace of `clone` gets too. */
    const char *const *workspace_files;
    size_t workspace_file_count;
    /* What all agents get of our environment: names, or with * patterns. */
    const char *const *pass_env;
    size_t pass_env_count;
    /* Workflows given as seed-style step lists: name -> equivalent workflow text in our format. */
    const char *const *workflow_names;
    const char *const *workflow_texts;
    const char *const *workflow_files; /* where they stand, and the place */
    const struct position *workflow_places;
    size_t workflow_count;
};

struct config_texts {
    const char *project, *project_file; /* NULL: absent */
    const char *user, *user_file;
    const struct workflow_names *names; /* of the functions in gates; NULL: any is taken */
};
/* Problems are collected for both files. */
int config_parse(const struct config_texts *texts, struct config **ret_config,
                 struct problems *problems, struct error *err);
void config_free(struct config *config);
#define CONFIG_OFFLINE_WHY "it needs a network, and only local agents may be used (offline)"
/* From now on only agents that need no network can be used. */
void config_go_offline(struct config *config);
/* By its name, else by a role: that of `roles`, or one that an agent of the files gives itself. */
const char *offline_mode_name(enum offline_mode mode); /* "auto", "false", "true" */
bool offline_mode_parse(const char *word, enum offline_mode *ret_mode); /* false: none of them */
const struct agent_config *config_find_agent(const struct config *config, const char *name);
/* The agents that a step asks, in this order, none twice: its own (NULL: none is named, and there
 * is no default one), then its `fallback`, or else those that stand in by the settings. config may
 * be NULL. The names are borrowed. */
#define STEP_AGENTS_MAX 32
struct step_agents {
    const char *names[STEP_AGENTS_MAX];
    size_t count;
};
void config_list_agents(const struct config *config, const struct step *step,
                        struct step_agents *ret_agents);
/* The price of a model; NULL: not known. */
const struct price *config_find_price(const struct config *config, const char *model);
const struct gate *config_find_gate(const struct config *config, const char *name);

#endif
