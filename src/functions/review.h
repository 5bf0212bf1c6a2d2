/* SPDX-License-Identifier: MIT */
/* A review as what work is planned from: a Markdown report with recommendations, or JSON with
 * `findings` (a fold or its validation) or `suggestions` (a review step's structured answer). */
#ifndef FERMATA_FUNCTIONS_REVIEW_H
#define FERMATA_FUNCTIONS_REVIEW_H

#include "functions/functions.h"

#define REVIEW_BYTES_MAX (8U * 1024 * 1024)
#define SUBTASKS_MAX 200
#define SUBTASK_TITLE_COLUMNS 100
#define SUBTASK_FILES_MAX 20

struct review {
    char *path; /* as given: relative to the project, or absolute */
    char *text;
    size_t length;
    json_t *json; /* NULL: it is Markdown */
};

/* Reads the file that the argument `report` names. ERROR_INVALID without one, ERROR_NOT_FOUND,
 * ERROR_LIMIT. */
int review_read(const struct function_call *call, struct review *ret_review, struct error *err);
void review_release(struct review *review);

/* The argument `subtasks`, the output of an earlier of these functions, to be added to. NULL with
 * ERROR_INVALID when it holds no list of objects with ids, titles and lists of files. The caller
 * owns it. */
json_t *subtasks_argument(const struct function_call *call, struct error *err);

/* "add-rate-limits" from any title; "work" from one without a letter or digit. free() it. */
char *slug_of(const char *title);

#endif
