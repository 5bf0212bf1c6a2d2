/* SPDX-License-Identifier: MIT */
/* The progress of a run on standard error: one live region that is redrawn where a terminal can do
 * that, plain lines elsewhere, records as JSON lines for machines. */
#ifndef FERMATA_CLI_PROGRESS_H
#define FERMATA_CLI_PROGRESS_H

#include "cli/terminal.h"
#include "ops/ops.h"

enum progress_form { PROGRESS_LIVE, PROGRESS_PLAIN, PROGRESS_JSON };

struct progress;

/* run is what run_show gives; terminal and ops are borrowed. Everything goes out through write. */
struct progress *progress_new(const struct terminal *terminal, enum progress_form form,
                              struct ops *ops, const json_t *run,
                              void (*write)(void *context, const char *text, size_t length),
                              void *context);
/* In plain lines: which run it is and, where it goes on, in which phases it stands. */
void progress_say_begin(struct progress *progress);
void progress_free(struct progress *progress); /* takes the region away first; accepts NULL */
void progress_add_record(struct progress *progress, const json_t *record);
void progress_draw(struct progress *progress, int64_t now_ms); /* the live region anew */
void progress_resize(struct progress *progress);               /* before terminal_measure */
/* A line that stays, above the region. */
void progress_say(struct progress *progress, const char *text);

#endif
