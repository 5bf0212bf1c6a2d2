/* SPDX-License-Identifier: MIT */
/* Workflow texts in tests: parse, and look at what was said about them. */
#ifndef FERMATA_TESTS_WORKFLOW_TEXT_H
#define FERMATA_TESTS_WORKFLOW_TEXT_H

#include "workflow/workflow.h"

struct parsed {
    int code;                  /* of workflow_parse() */
    struct workflow *workflow; /* NULL when it failed */
    struct problems *problems;
    char *messages; /* problems_format() of them */
};

/* The file is called "t.yaml" in messages. */
struct parsed parse_text(const char *text);
struct parsed parse_bytes(const char *text, size_t length, const struct workflow_names *names);
void parsed_release(struct parsed *parsed);

/* Parses, and fails the test unless exactly these lines are said ("" for none). */
void assert_messages(const char *text, const char *expected);
/* The same, but only that one of the lines holds the part. */
void assert_message(const char *text, const char *part);
/* Fails unless the text is a workflow without even a warning; the caller releases. */
struct parsed parse_clean(const char *text);

#endif
