/* SPDX-License-Identifier: MIT */
/* config.yaml: agents, gates, workflows as step lists, settings. Seed format `agents.yaml` (top
 * level agents, workflows, settings) is read as it is. Project over user: a project's file may
 * add and narrow. Immutable once loaded. */
#ifndef FERMATA_WORKFLOW_CONFIG_H
#define FERMATA_WORKFLOW_CONFIG_H

#include "workflow/workflow.h"

struct agent_config {
    const char *name;
    const char *type; /* command, claude, codex, ... ; "cli" with a known command maps to it */
    bool enabled;
    const char *const *command; /* argv */
    size_t command_count;
    const char *endpoint;
    const char *model;
    const char *role;
    const char *description;
    const char *const *capabilities;
    size_t capability_count;
    bool offline;
    int64_t timeout_ms;
    const char *prompt_by; /* stdin (default), argument, file */
    struct position at;
};

struct config {
    const struct agent_config *agents;
    size_t agent_count;
    const struct gate *gates; /* replace or add to the built-in ones */
    size_t gate_count;
    const char *default_agent;    /* NULL: none */
    const char *default_workflow; /* NULL: none */
    enum strategy strategy;       /* UNSET: not said */
    int concurrency;              /* processes at once in one orchestrator; 0: 2 x cores */
    int64_t output_bytes_max;     /* kept of each output; default 8 MiB */
    int64_t steps_max;            /* in a run, instances included; default 100,000 */
    int nesting_max;              /* nested workflows; default 8 */
    bool log_json;
    /* Workflows given as seed-style step lists: name -> equivalent workflow text in our format. */
    const char *const *workflow_names;
    const char *const *workflow_texts;
    size_t workflow_count;
};

/* Texts may be NULL (absent). Problems are collected for both files. */
int config_parse(const char *project_text, const char *project_file, const char *user_text,
                 const char *user_file, struct config **ret_config, struct problems *problems,
                 struct error *err);
void config_free(struct config *config);
const struct agent_config *config_find_agent(const struct config *config, const char *name);
const struct gate *config_find_gate(const struct config *config, const char *name);

#endif
