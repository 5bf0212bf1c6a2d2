/* SPDX-License-Identifier: MIT */
/* What an agent's stream says of its attempt. Blocking file work. */
#ifndef FERMATA_RUN_OUTCOME_AGENT_H
#define FERMATA_RUN_OUTCOME_AGENT_H

#include "agents/transcript.h"
#include "workflow/workflow.h"

struct agent_outcome {
    enum failure_class class_;
    char *error; /* NULL: it did not fail */
    char *agent;
    char *model;      /* that answered; NULL: not said */
    char *session;    /* that can be gone on with; NULL: none */
    json_t *question; /* as in struct outcome; NULL: none */
    int64_t retry_after_ms;
    struct strbuf answer;
    json_t *json;   /* the structured answer; NULL: none apart */
    json_t *claims; /* as in struct claims; NULL: its stream does not tell what it edits */
    struct agent_usage usage;
    int denials;
    bool can_edit; /* so the files were looked at before it began */
};

/* Also writes events.jsonl. ERROR_NOT_FOUND: it is no agent's attempt, nothing is returned. */
int agent_outcome_read(const char *folder, const struct agent_end *end,
                       struct agent_outcome *ret_outcome, struct error *err);
void agent_outcome_release(struct agent_outcome *outcome); /* a zeroed one too */
/* The answer as one JSON value, as it is or in a fence; the caller owns it. */
int agent_outcome_parse(const struct agent_outcome *outcome, json_t **ret_value, struct error *err);

#endif
