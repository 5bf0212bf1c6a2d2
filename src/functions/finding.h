/* SPDX-License-Identifier: MIT */
/* Findings: what an analysis claims about a place, with the evidence to check it by.
 *
 * {angle, rule, severity, confidence, file, line, evidence, message, fix, context, commit}:
 * evidence is the beginning of that line, trimmed; "…" ends a cut one, "…[N characters]" stands for
 * a masked secret. `context` says that the file is a test, vendored, generated, ... */
#ifndef FERMATA_FUNCTIONS_FINDING_H
#define FERMATA_FUNCTIONS_FINDING_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

#define FINDINGS_MAX 50000       /* counted in one angle; more are only counted */
#define FINDINGS_PER_RULE_MAX 40 /* listed */
#define EVIDENCE_BYTES_MAX 160

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
#define SEVERITIES 4

const char *severity_name(enum severity severity);
enum severity severity_parse(const char *name); /* SEVERITY_INFO when unknown */

struct finding {
    const char *rule;
    enum severity severity;
    const char *confidence; /* "high", "medium", "low" */
    const char *file;       /* NULL: about the project as a whole */
    size_t line;            /* 0: about the file as a whole */
    size_t amount;          /* lines, marks: of one rule the largest comes first; 0: none */
    const char *evidence;   /* need not end in NUL; NULL: none */
    size_t evidence_length;
    const char *message;
    const char *fix;
    const char *context; /* NULL: ordinary code */
    const char *commit;  /* the place is in this commit, not in the tree; NULL: in the tree */
};

struct findings;

struct findings *findings_new(const char *angle);
void findings_add(struct findings *findings, const struct finding *finding);
/* Sorts (severity, ordinary code first, place), cuts each rule, and puts "findings", "rules"
 * (counts of every rule, listed or not) and "left_out" into the result. Frees the collection. */
void findings_finish(struct findings *findings, json_t *result);

/* How much a finding matters: severity x confidence, less beside the ordinary code, more in a hot
 * spot
 * ("hot": true). */
double finding_score(const json_t *finding);
/* An array of findings, the weightiest first, then by place. */
void findings_rank(json_t *list);

/* The evidence form of a line: trimmed, valid UTF-8, cut. The caller owns it. */
json_t *evidence_of(const char *line, size_t length);
/* Does this line (any bytes) still hold that evidence? */
bool evidence_matches(const char *evidence, const char *line, size_t length);

#endif
