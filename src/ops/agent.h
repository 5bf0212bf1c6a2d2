/* SPDX-License-Identifier: MIT */
/* What is known of an agent without asking anybody, and what a short question adds: is its program
 * there, which version, is somebody signed in, does its server answer. */
#ifndef FERMATA_OPS_AGENT_H
#define FERMATA_OPS_AGENT_H

#include "agents/adapter.h"
#include "agents/reach.h"
#include "ops/internal.h"

enum agent_state {
    AGENT_READY,
    AGENT_UNSURE,   /* nothing is known to be wrong, but not all could be looked at */
    AGENT_LACKING,  /* something has to be done first: `hint` */
    AGENT_DISABLED, /* by the configuration */
};

struct agent_facts {
    const struct agent_config *config;
    const struct adapter *adapter; /* NULL: nothing drives its type */
    char *path;                    /* its program; NULL: there is none, or it is not found */
    char *version;                 /* NULL: not known */
    char *account;                 /* what it would sign in with; NULL: nothing was found */
    json_t *models;                /* of a server that was asked; NULL */
    enum reachable online;         /* whether its address can be reached; UNKNOWN: not asked */
    enum agent_state state;
    char *detail; /* a few words: "not installed" */
    char *hint;   /* what to do; NULL: nothing */
};

/* Looks at files and the environment alone. */
void agent_facts_init(struct ops *ops, const struct agent_config *config,
                      struct agent_facts *facts);
void agent_facts_release(struct agent_facts *facts);
const char *agent_state_name(enum agent_state state);

/* agent_ask.c: asks the programs that are there for their versions, unless these are known from
 * before, and the model servers for their health; all at once, in some seconds at most. */
struct agent_questions {
    bool versions; /* else only what is known */
    bool servers;
    bool addresses; /* whether they can be reached, of agents that need a network */
};
void agent_facts_ask(struct ops *ops, struct agent_facts *facts, size_t count,
                     struct agent_questions questions);

/* What an adapter can do, in words. */
struct agent_ability {
    enum adapter_ability ability;
    const char *name;
    const char *help;
};
const struct agent_ability *agent_abilities(size_t *ret_count);

/* agent_account.c: "ANTHROPIC_API_KEY", "~/.codex/auth.json"; NULL: nothing was found. free() it.
 */
char *agent_find_account(const struct ops *ops, const struct agent_config *config,
                         const struct adapter *adapter);
/* ERROR_UNAVAILABLE: the key that the configuration names is not there; what is missing and, as the
 * hint, what to do. */
int agent_check_key(const struct ops *ops, const struct agent_config *config,
                    const struct adapter *adapter, struct error *err);
/* Whether the account of this type of agent can be told at all. */
bool agent_knows_accounts(const char *type);

/* agent_step.c: the first of the step's agents that can be used; NULL: none. */
const struct agent_config *agent_find_for_step(struct ops *ops, const struct step *step);
/* Before anything is spent: ERROR_VALIDATION when the step asks for what the agent cannot do. */
int agent_check_step(const struct ops *ops, const struct agent_config *agent,
                     const struct step *step, struct error *err);
/* The error that none of the agents of these steps can, and for each of them what to do about it.
 */
int agent_refuse_steps(struct ops *ops, const struct step *const *steps, size_t count,
                       bool has_static, struct error *err);
/* The agents that the steps of a dry run name, each once: [{name, type, version, state, detail}].
 */
json_t *agent_describe_used(struct ops *ops, const json_t *waves);

/* agent_check.c: problems of steps whose agent lacks what they ask for, and warnings of agents that
 * cannot be used here. ERROR_VALIDATION: one is an error. */
int agent_check_workflow(struct ops *ops, const char *file, const struct workflow *workflow,
                         struct problems *problems);

/* Of the environment that agents get; NULL: not set, or empty. */
const char *agent_variable_find(const struct ops *ops, const struct agent_config *config,
                                const char *name);

#endif
