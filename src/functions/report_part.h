/* SPDX-License-Identifier: MIT */
/* The parts of the review's report; report.c puts them into order. */
#ifndef FERMATA_FUNCTIONS_REPORT_PART_H
#define FERMATA_FUNCTIONS_REPORT_PART_H

#include "base/json.h"

struct report {
    struct strbuf *out;
    const json_t *fold;
    const json_t *findings; /* validated when there is a validation, else the fold's */
    const json_t *outputs;  /* of the angles, by their step */
    const json_t *facts;    /* the same by what made them: inventory, history, ... */
    bool is_validated;
};

/* Findings of one rule, told as one thing. */
struct rule_group {
    const char *rule; /* not terminated by NUL but by length */
    size_t rule_length;
    bool is_tool;        /* stands for all rules "name:..." */
    bool is_mixed;       /* its places do not all say the same */
    const json_t *first; /* the weightiest */
    size_t shown;        /* listed findings that stand */
    size_t total;        /* all that the angle counted */
    double score;
};

/* Groups of findings that stand (not refuted, no duplicate), the weightiest first; free() it. With
 * `by_tool` all rules of one linter ("shellcheck:SC2046") are one group, named by the tool. */
struct rule_group *report_groups(const struct report *report, bool by_tool, size_t *ret_count);
bool report_group_has(const struct rule_group *group, const json_t *finding);
/* Worth acting on: more than a remark, and not only beside the ordinary code. */
bool report_is_weighty(const struct rule_group *group);
bool report_finding_stands(const json_t *finding);
/* `src/a.c:12`, with the commit when it is in the history. */
void report_add_place(struct strbuf *out, const json_t *finding);

/* The middle of a sentence: without its own full stop. */
void report_add_message(struct strbuf *out, const char *message);

/* What agents said against the findings and the answer. */
void report_add_attacks(struct strbuf *out, const json_t *validation);
void report_add_tables(const struct report *report);
void report_add_overview(const struct report *report);
void report_add_details(const struct report *report);
void report_add_method(const struct report *report);

#endif
