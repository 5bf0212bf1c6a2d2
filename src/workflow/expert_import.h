/* SPDX-License-Identifier: MIT */
/* Personas of other programs as experts. Pure: text in, text out. */
#ifndef FERMATA_WORKFLOW_EXPERT_IMPORT_H
#define FERMATA_WORKFLOW_EXPERT_IMPORT_H

#include "base/error.h"
#include "base/json.h"

enum expert_form {
    FORM_CLAUDE,   /* .claude/agents/NAME.md */
    FORM_OPENCODE, /* .opencode/agent/NAME.md */
    FORM_UNKNOWN,  /* told by its keys */
};

struct imported_expert {
    char *name;
    char *text;    /* of .fermata/experts/NAME.md */
    json_t *notes; /* texts: what was not taken over */
};

/* `file_name`: without its folder and `.md`. ERROR_VALIDATION: it is no persona. */
int expert_import(const char *text, const char *file_name, enum expert_form form,
                  struct imported_expert *ret_expert, struct error *err);
void imported_expert_release(struct imported_expert *expert);

#endif
