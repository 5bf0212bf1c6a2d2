/* SPDX-License-Identifier: MIT */
#include "cli/transfer.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define BAR_COLUMNS 24
#define STATUS_COLUMNS 28
#define LINE_STEP_PERCENT 10 /* where it is no terminal */
#define CLEAR_LINE "\r\033[K"

static int find_percent(const json_t *line)
{
    json_int_t total = json_get_integer(line, "total", 0);
    json_int_t completed = json_get_integer(line, "completed", 0);

    if (total <= 0) {
        return -1;
    }
    if (completed <= 0) {
        return 0;
    }
    return completed >= total ? 100 : (int)((double)completed * 100 / (double)total);
}

/* "1.2 of 4.0 GB"; a total of 100 is a percentage and says nothing more. */
static void add_amount(const json_t *line, struct strbuf *target)
{
    json_int_t total = json_get_integer(line, "total", 0);
    char done[32], all[32];

    if (total > 100) {
        format_bytes(json_get_integer(line, "completed", 0), done, sizeof(done));
        format_bytes(total, all, sizeof(all));
        strbuf_addf(target, "  %s of %s", done, all);
    }
}

static void draw(struct transfer *transfer, const struct terminal *terminal, const json_t *line,
                 struct strbuf *target)
{
    const char *full = terminal->is_utf8 ? "\xe2\x96\x88" : "#";
    const char *empty = terminal->is_utf8 ? "\xe2\x96\x91" : "-";
    int filled = transfer->percent * BAR_COLUMNS / 100;

    strbuf_add(target, CLEAR_LINE);
    if (transfer->percent < 0) {
        strbuf_add(target, transfer->status);
    } else {
        add_padded(target, transfer->status, STATUS_COLUMNS);
        strbuf_add_char(target, ' ');
        for (int i = 0; i < BAR_COLUMNS; i++) {
            strbuf_add(target, i < filled ? full : empty);
        }
        strbuf_addf(target, " %3d %%", transfer->percent);
        if (terminal->columns >= TEXT_COLUMNS) {
            add_amount(line, target);
        }
    }
    transfer->is_drawn = true;
}

void transfer_add(struct transfer *transfer, const struct terminal *terminal, const json_t *line,
                  struct strbuf *target)
{
    int percent = find_percent(line);
    struct strbuf status;
    bool is_new;

    strbuf_init(&status, sizeof(transfer->status) - 1);
    utf8_add_cut(&status, json_get_text(line, "status", ""), STATUS_COLUMNS);
    is_new = strcmp(status.data, transfer->status) != 0;
    if (terminal->is_terminal) {
        bool is_changed = is_new || percent != transfer->percent;

        if (is_new && transfer->is_drawn) {
            strbuf_add_char(target, '\n');
        }
        memcpy(transfer->status, status.data, status.length + 1);
        transfer->percent = percent;
        if (is_changed) {
            draw(transfer, terminal, line, target);
        }
    } else if (is_new || percent / LINE_STEP_PERCENT != transfer->percent / LINE_STEP_PERCENT) {
        memcpy(transfer->status, status.data, status.length + 1);
        transfer->percent = percent;
        strbuf_add(target, transfer->status);
        if (percent >= 0) {
            strbuf_addf(target, ": %d %%", percent);
            add_amount(line, target);
        }
        strbuf_add_char(target, '\n');
    }
    strbuf_release(&status);
}

void transfer_end(struct transfer *transfer, struct strbuf *target)
{
    if (transfer->is_drawn) {
        strbuf_add_char(target, '\n');
    }
    *transfer = (struct transfer){.percent = -1};
}
