/* SPDX-License-Identifier: MIT */
/* The progress of something that is fetched: a bar that is redrawn on a terminal, lines elsewhere.
 * Only makes text; nothing here writes. */
#ifndef FERMATA_CLI_TRANSFER_H
#define FERMATA_CLI_TRANSFER_H

#include "base/json.h"
#include "cli/terminal.h"

struct transfer {
    char status[80]; /* shown last */
    int percent;     /* below zero: none */
    bool is_drawn;   /* the bar stands on the terminal's last line */
};

/* {"status", "completed", "total"}; adds what is to be written now, often nothing. */
void transfer_add(struct transfer *transfer, const struct terminal *terminal, const json_t *line,
                  struct strbuf *target);
/* What leaves the terminal tidy. */
void transfer_end(struct transfer *transfer, struct strbuf *target);

#endif
