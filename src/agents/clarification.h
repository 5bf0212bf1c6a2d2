/* SPDX-License-Identifier: MIT */
/* A question in an agent's final answer. Any agent can ask a person, whatever its program offers
 * for that, by answering with this object, alone or in a fenced block at the end:
 *
 *   {"clarification_needed": true, "questions": ["..."], "context": "...", "partial_work": "..."}
 */
#ifndef FERMATA_AGENTS_CLARIFICATION_H
#define FERMATA_AGENTS_CLARIFICATION_H

#include "base/json.h"

#define CLARIFICATION_QUESTIONS_MAX 20
#define CLARIFICATION_QUESTION_BYTES_MAX 4096
#define CLARIFICATION_CONTEXT_BYTES_MAX (16U * 1024)
#define CLARIFICATION_WORK_BYTES_MAX (64U * 1024)

/* NULL: the answer is none. Else {questions: [TEXT...], context, partial_work}, longer texts cut;
 * the caller owns it. */
json_t *clarification_find(const char *answer, size_t length);
/* The same shape, of a question that the agent's program asked by its own means. */
json_t *clarification_new(const char *question);

#endif
