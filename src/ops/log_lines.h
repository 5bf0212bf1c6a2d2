/* SPDX-License-Identifier: MIT */
/* Records as lines of a log, in the words of the run's own log files:
 *   [2024-02-19T10:00:00Z] [INFO] Phase: planning - Completed (180s) */
#ifndef FERMATA_OPS_LOG_LINES_H
#define FERMATA_OPS_LOG_LINES_H

#include "base/json.h"
#include "base/strbuf.h"

struct log_lines; /* remembers when phases started and where steps belong */

struct log_lines *log_lines_new(void);
void log_lines_free(struct log_lines *lines); /* accepts NULL */
/* Appends the text (without time and level) of the next record. Returns its level, or NULL when
 * logs leave the record out. */
const char *log_lines_format(struct log_lines *lines, const json_t *record, struct strbuf *target);
/* The phase that the record belongs to, or NULL. Valid until lines is freed. Call it after
 * log_lines_format for the same record. */
const char *log_lines_phase(const struct log_lines *lines, const json_t *record);

#endif
