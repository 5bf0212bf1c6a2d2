/* SPDX-License-Identifier: MIT */
/* What a task is: of which kind, in which phase of a project's life, what it touches, how complex
 * and how risky it is. Read from its words and from the files of the project; nothing is asked.
 * Pure: the same task and files give the same answer. */
#ifndef FERMATA_PLANNER_ANALYZE_H
#define FERMATA_PLANNER_ANALYZE_H

#include "base/json.h"
#include "planner/repository.h"
#include "planner/words.h"

#include <stdbool.h>
#include <stddef.h>

/* Statistics are kept by these words too; a new one goes to the end. */
enum task_kind {
    TASK_FEATURE,
    TASK_FIX,
    TASK_REFACTOR,
    TASK_TEST,
    TASK_DOCUMENTATION,
    TASK_REVIEW,
    TASK_SECURITY,
    TASK_PERFORMANCE,
    TASK_MIGRATION,
    TASK_INFRASTRUCTURE,
    TASK_RESEARCH,
    TASK_DESIGN,
    TASK_OTHER,
};
#define TASK_KIND_COUNT 13
const char *task_kind_name(enum task_kind kind);
/* By its words alone. */
enum task_kind task_kind_of(const char *task);
/* "implement", and how it is said to people: "Implementation". */
const char *task_kind_phase(enum task_kind kind);
const char *task_kind_phase_name(enum task_kind kind);

#define ANALYSIS_ITEMS_MAX 20
#define ANALYSIS_TEXT_MAX 160

struct analysis_item {
    char text[ANALYSIS_TEXT_MAX];
    int points; /* of complexity */
};

struct analysis_list {
    struct analysis_item items[ANALYSIS_ITEMS_MAX]; /* what is beyond is left out */
    size_t count;
};

/* What a task touches, and what says so. */
struct touch {
    bool is_touched;
    char why[ANALYSIS_TEXT_MAX];
    size_t files; /* of the project that belong to it */
    const char *example;
};

struct analysis {
    const char *task;                    /* borrowed */
    const struct repository *repository; /* borrowed */
    struct words words;
    enum task_kind kind;
    char kind_why[ANALYSIS_TEXT_MAX];
    struct touch surfaces[SURFACES];
    int complexity; /* from 1 to 10 */
    struct analysis_list reasons;
    struct analysis_list risks;
    const char *files[ANALYSIS_ITEMS_MAX]; /* of the project, that the task speaks of */
    size_t file_count;
    size_t item_count; /* of a task that is a list; 0: it is none */
};

void analyze(const char *task, const struct repository *repository, struct analysis *ret_analysis);
void analysis_release(struct analysis *analysis);
bool analysis_touches(const struct analysis *analysis, enum surface surface);
json_t *analysis_describe(const struct analysis *analysis); /* the caller owns it */

#endif
