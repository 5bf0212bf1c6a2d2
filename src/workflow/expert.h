/* SPDX-License-Identifier: MIT */
/* An expert: a role for an agent, as a Markdown file with front matter, and what it asks of the
 * agent that plays it. Pure: text in, struct out. A workflow holds the experts of its steps
 * (step.h); their texts become part of its own, so that a run keeps those it started with. */
#ifndef FERMATA_WORKFLOW_EXPERT_H
#define FERMATA_WORKFLOW_EXPERT_H

#include "base/arena.h"
#include "workflow/workflow.h"

#define EXPERT_BYTES_MAX (64U * 1024)

/* Something for one agent, or (agent NULL) for whichever plays the expert. */
struct expert_hint {
    const char *agent; /* the name of an agent, or its type */
    const char *const *values;
    size_t count;
};

struct expert {
    const char *name;
    const char *description; /* NULL: nothing was said */
    const char *kind;        /* the group that lists show it in; NULL: none */
    const char *body;        /* what the agent is told: Markdown, without the front matter */
    bool read_only;
    double temperature;               /* below zero: not said */
    const struct expert_hint *models; /* one value each */
    size_t model_count;
    const struct expert_hint *tools;
    size_t tool_count;
};

/* Where the text behind the front matter begins; *ret_front: how long that is with its first fence,
 * which YAML knows too; 0: there is none. NULL: it has no end. */
const char *expert_body(const char *text, size_t *ret_front);
/* Everything is in the arena; the text may go. `file` is for messages. ERROR_VALIDATION when there
 * is an error among the problems. */
int expert_parse(struct arena *arena, const char *name, const char *text, const char *file,
                 const struct expert **ret_expert, struct problems *problems, struct error *err);
/* The hint for an agent: under its name, else under its type, else (is_own: the agent is the one
 * that the step itself names) the one for all; NULL: none. */
const struct expert_hint *expert_find_hint(const struct expert_hint *hints, size_t count,
                                           const char *agent, const char *type, bool is_own);

#endif
