/* SPDX-License-Identifier: MIT */
#include "ops/logs_agents.h"

#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX 4096 /* a longer one is shown in pieces */
#define PIECE_BYTES_MAX (1024U * 1024)

struct talker {
    struct agents_log *log;
    char *step;
    char *folder;
    int64_t attempt;
    loop_id watch;
    struct transcript *transcript; /* NULL: nothing is there to be read yet */
    struct strbuf line;            /* whose end has not come yet */
    struct strbuf *target;         /* while it is read */
};

struct agents_log {
    struct loop *loop;
    bool is_json;
    loop_callback on_change;
    void *arg;
    struct map *talkers; /* by step */
};

struct agents_log *agents_log_new(struct loop *loop, bool is_json, loop_callback on_change,
                                  void *arg)
{
    struct agents_log *log = mem_zero(1, sizeof(*log));

    *log = (struct agents_log){
        .loop = loop, .is_json = is_json, .on_change = on_change, .arg = arg, .talkers = map_new()};
    return log;
}

static void talker_free(struct talker *talker)
{
    loop_cancel(talker->log->loop, talker->watch);
    transcript_free(talker->transcript);
    strbuf_release(&talker->line);
    free(talker->folder);
    free(talker->step);
    free(talker);
}

void agents_log_free(struct agents_log *log)
{
    size_t cursor = 0;
    const char *step;
    void *talker;

    if (!log) {
        return;
    }
    while (map_next(log->talkers, &cursor, &step, &talker)) {
        talker_free(talker);
    }
    map_free(log->talkers);
    free(log);
}

void agents_log_add(struct agents_log *log, const char *step, int64_t attempt, const char *folder)
{
    struct talker *talker = mem_zero(1, sizeof(*talker));

    agents_log_remove(log, step, NULL);
    *talker = (struct talker){
        .log = log, .step = mem_strdup(step), .folder = mem_strdup(folder), .attempt = attempt};
    strbuf_init(&talker->line, PIECE_BYTES_MAX);
    map_put(log->talkers, step, talker);
}

/* ---- lines ---- */

static void add_lines(struct talker *talker, bool is_end)
{
    const char *text = talker->line.data;
    size_t length;

    while (*text) {
        length = strcspn(text, "\n");
        if (length < LINE_BYTES_MAX && text[length] == '\0' && !is_end) {
            break;
        }
        if (length > 0) {
            strbuf_addf(talker->target, "%s | ", talker->step);
            strbuf_add_bytes(talker->target, text, length);
            strbuf_add_char(talker->target, '\n');
        }
        text += length + (text[length] == '\n');
    }
    length = strlen(text);
    memmove(talker->line.data, text, length + 1);
    talker->line.length = length;
}

static void add_json(struct talker *talker, const struct agent_event *event)
{
    json_t *line = json_object();
    json_t *said = agent_event_encode(event);
    char *text;

    json_put_text(line, "step", talker->step);
    json_put_integer(line, "attempt", talker->attempt);
    (void)json_object_update(line, said);
    text = json_dump_compact(line);
    strbuf_addf(talker->target, "%s\n", text);
    free(text);
    json_decref(said);
    json_decref(line);
}

static void on_event(void *context, const struct agent_event *event)
{
    struct talker *talker = context;

    if (talker->log->is_json) {
        add_json(talker, event);
    } else {
        agent_event_show(event, &talker->line);
        add_lines(talker, false);
    }
}

/* What cannot be read is told by the outcome of the attempt. */
static void read_talker(struct talker *talker, struct strbuf *target)
{
    talker->target = target;
    if (!talker->watch.value) { /* its folder may come later than the record of its start */
        talker->watch = loop_watch_path(talker->log->loop, talker->folder, talker->log->on_change,
                                        talker->log->arg);
    }
    if (!talker->transcript) {
        (void)transcript_open(talker->folder, on_event, talker, &talker->transcript, NULL);
    }
    if (talker->transcript) {
        (void)transcript_read(talker->transcript, NULL);
    }
}

void agents_log_remove(struct agents_log *log, const char *step, struct strbuf *target)
{
    struct talker *talker = map_remove(log->talkers, step);

    if (talker && target) {
        read_talker(talker, target);
        add_lines(talker, true);
    }
    if (talker) {
        talker_free(talker);
    }
}

void agents_log_read(struct agents_log *log, struct strbuf *target)
{
    size_t cursor = 0;
    const char *step;
    void *talker;

    while (map_next(log->talkers, &cursor, &step, &talker)) {
        read_talker(talker, target);
    }
}
