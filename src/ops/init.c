/* SPDX-License-Identifier: MIT */
/* config.yaml of a new project: an example to start from, with what was found on this machine. */
#include "base/alloc.h"
#include "ops/agent.h"

#include <stdlib.h>
#include <string.h>

#define CONFIG_TEXT_BYTES_MAX (64U * 1024)
#define MODEL_LENGTH_MAX 100

static const char head_text[] =
    "# Settings of this project, all optional. What is commented out is an example to start from.\n"
    "# `fermata schema reference` explains every key, `fermata validate` checks this file.\n"
    "\n";

static const char agents_text[] =
    "# Agents of your own, or other settings of those that are there (docs/agents.md):\n"
    "# agents:\n"
    "#   reviewer:                       # any program: its prompt comes on standard input\n"
    "#     command: [my-agent, --print]\n"
    "#   local:                          # any model server\n"
    "#     type: ollama\n"
    "#     model: MODEL\n"
    "#   gateway:                        # keys stay outside: env:NAME or file:PATH\n"
    "#     type: openai-compatible\n"
    "#     endpoint: http://127.0.0.1:4000/v1\n"
    "#     key: env:GATEWAY_KEY\n"
    "\n"
    "# roles: { reviewer: codex }        # a step may name a role instead of an agent\n"
    "# USD for a million tokens, where an agent tells no cost:\n"
    "# prices: { \"MODEL*\": { input: 3, cached_input: 0.3, output: 15 } }\n"
    "\n";

static const char tail_text[] =
    "# default_workflow: code-review     # what `fermata run TASK` runs without -w\n"
    "# strategy: hybrid                  # ai, static, or hybrid: try ai, else static\n";

/* A name of a model comes from a server; it may be anything. */
static const char *first_model(const json_t *models)
{
    const char *name = json_get_text(json_array_get(models, 0), "name", "");

    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c <= ' ' || strchr("\"'#{}[],&*!|>%@`\\", *c)) {
            return "";
        }
    }
    return strlen(name) <= MODEL_LENGTH_MAX ? name : "";
}

static bool is_found(const struct agent_facts *facts)
{
    if (!facts->adapter) {
        return false;
    }
    return facts->adapter->kind == ADAPTER_SERVER ? facts->models != NULL : facts->path != NULL;
}

static void add_found(const struct agent_facts *facts, struct strbuf *text)
{
    const struct agent_config *config = facts->config;
    const char *model = first_model(facts->models);
    char *version = mem_printf("%s%s", facts->version ? facts->version : "",
                               strcmp(facts->detail, "ready") == 0 ? "" : ", ");

    strbuf_addf(text, "#   %-22s %s %s%s\n", config->name,
                config->description ? config->description : "", version,
                strcmp(facts->detail, "ready") == 0 ? "" : facts->detail);
    if (*model) {
        strbuf_addf(text, "#     agents: { %s: { model: \"%s\" } }\n", config->name, model);
    }
    free(version);
}

static void add_all_found(const struct agent_facts *facts, size_t count, const char *preferred,
                          struct strbuf *text)
{
    bool has_any = false;

    for (size_t i = 0; i < count; i++) {
        if (is_found(&facts[i])) {
            strbuf_add(text, has_any ? "" : "# Agents that were found here, ready to be named:\n");
            add_found(&facts[i], text);
            has_any = true;
        }
    }
    strbuf_add(text,
               has_any ? "\n" : "# No agent was found here: `fermata doctor` says what to do.\n\n");
    strbuf_addf(text,
                "# default_agent: %-17s # asked by steps that name none; else the first "
                "that is ready\n\n",
                preferred ? preferred : "codex");
}

int ops_config_example(struct ops *ops, char **ret_text, json_t **ret_agents, struct error *err)
{
    struct agent_facts *facts;
    struct strbuf text;
    json_t *names = json_array();
    size_t count;
    int r = ops_need_config(ops, err);

    if (r < 0) {
        json_decref(names);
        return r;
    }
    count = ops->config->agent_count;
    facts = mem_zero(count, sizeof(*facts));
    for (size_t i = 0; i < count; i++) {
        agent_facts_init(ops, &ops->config->agents[i], &facts[i]);
    }
    agent_facts_ask(ops, facts, count, (struct agent_questions){.versions = true, .servers = true});
    strbuf_init(&text, CONFIG_TEXT_BYTES_MAX);
    strbuf_add(&text, head_text);
    add_all_found(facts, count, ops_default_agent(ops), &text);
    strbuf_add(&text, agents_text);
    strbuf_add(&text, tail_text);
    for (size_t i = 0; i < count; i++) {
        if (is_found(&facts[i])) {
            (void)json_array_append_new(names, json_string(facts[i].config->name));
        }
        agent_facts_release(&facts[i]);
    }
    free(facts);
    *ret_text = strbuf_take(&text);
    strbuf_release(&text);
    *ret_agents = names;
    return 0;
}
