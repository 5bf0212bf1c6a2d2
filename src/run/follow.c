/* SPDX-License-Identifier: MIT */
#include "run/follow.h"
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 100 /* many changes in a row are one look */
#define POLL_MS 1000 /* where nobody tells of changes */
#define SILENCE_MS (INT64_C(10) * 60 * 1000)
#define LINE_BYTES_MAX 4096

struct follow {
    struct engine *engine;
    char *folder;
    loop_callback on_stop; /* NULL: nobody follows any more, it goes with its work on the pool */
    void *arg;
    loop_id watch, pause, silence;
    int64_t changed_at_ms; /* monotonic */
    int64_t silence_ms;    /* 0: no limit, or not known yet */
    bool is_on_pool, has_changed;
    char *line;

    /* of the pool while is_on_pool */
    struct transcript *transcript;
    struct strbuf seen;
    bool is_fatal;
    int result;
};

static int64_t now_ms(const struct follow *follow)
{
    const struct host *host = follow->engine->options.host;

    return host->monotonic_ms(host->context);
}

static void follow_free(struct follow *follow)
{
    transcript_free(follow->transcript);
    strbuf_release(&follow->seen);
    free(follow->line);
    free(follow->folder);
    free(follow);
}

/* ---- on the pool ---- */

/* Only the end of what was said is shown, so that more of it is not kept. */
static void show_end(const struct agent_event *event, struct strbuf *seen)
{
    struct agent_event shown = *event;
    size_t length = strlen(event->text);

    if (length > LINE_BYTES_MAX / 4) {
        shown.text += length - LINE_BYTES_MAX / 4;
        while (((unsigned char)*shown.text & 0xC0) == 0x80) {
            shown.text++;
        }
    }
    if (seen->length > LINE_BYTES_MAX / 4) {
        const char *line = strrchr(seen->data, '\n');

        length = line && line[1] ? strlen(line + 1) : 0;
        length = length > LINE_BYTES_MAX / 4 ? 0 : length;
        memmove(seen->data, seen->data + seen->length - length, length + 1);
        seen->length = length;
    }
    agent_event_show(&shown, seen);
}

static void note_event(void *context, const struct agent_event *event)
{
    struct follow *follow = context;

    show_end(event, &follow->seen);
    follow->is_fatal = event->kind == AGENT_ERROR ? event->is_fatal : follow->is_fatal;
}

static void read_on_pool(void *arg)
{
    struct follow *follow = arg;

    follow->result = 0;
    if (!follow->transcript) {
        follow->result = transcript_open(follow->folder, note_event, follow, &follow->transcript,
                                         NULL);
    }
    if (follow->result == 0) {
        follow->result = transcript_read(follow->transcript, NULL);
    }
}

/* ---- on the loop ---- */

static void look(struct follow *follow);

static void on_pause_over(void *arg)
{
    struct follow *follow = arg;

    follow->pause = (loop_id){0};
    look(follow);
}

static void look_soon(struct follow *follow, int64_t delay_ms)
{
    if (!follow->pause.value && !follow->is_on_pool) {
        follow->pause = loop_timer_start(follow->engine->options.loop, delay_ms, on_pause_over,
                                         follow);
    }
}

static void on_change(void *arg)
{
    struct follow *follow = arg;

    follow->changed_at_ms = now_ms(follow);
    follow->has_changed = true;
    look_soon(follow, PAUSE_MS);
}

static void end_silent(struct follow *follow)
{
    char *path = path_join(follow->folder, FOLLOW_SILENT_FILE);
    char *text = mem_printf("%lld\n", (long long)follow->silence_ms);

    (void)file_write(path, text, strlen(text), FILE_NO_SYNC, NULL);
    free(text);
    free(path);
    follow->on_stop(follow->arg);
}

static void on_silence(void *arg)
{
    struct follow *follow = arg;
    int64_t left = follow->changed_at_ms + follow->silence_ms - now_ms(follow);

    if (left > 0) {
        follow->silence = loop_timer_start(follow->engine->options.loop, left, on_silence, follow);
    } else {
        end_silent(follow);
    }
}

/* A program of somebody's own need not print anything until it is done. */
static void expect_output(struct follow *follow)
{
    const struct agent_profile *agent = transcript_agent(follow->transcript);
    int64_t fallback = agent->adapter->kind == ADAPTER_COMMAND ? 0 : SILENCE_MS;

    if (!follow->silence.value) {
        follow->silence_ms = agent->silence_ms > 0 ? agent->silence_ms : fallback;
        follow->silence = follow->silence_ms > 0
                              ? loop_timer_start(follow->engine->options.loop, follow->silence_ms,
                                                 on_silence, follow)
                              : (loop_id){0};
    }
}

static void show_last(struct follow *follow)
{
    const char *start = follow->seen.data + strspn(follow->seen.data, "\n");
    const char *end = follow->seen.data + follow->seen.length;

    while (end > start && end[-1] == '\n') {
        end--;
    }
    for (const char *c = start; c < end; c++) {
        start = *c == '\n' ? c + 1 : start;
    }
    if (end > start) {
        free(follow->line);
        follow->line = mem_strndup(start, (size_t)(end - start));
    }
}

static void on_read(void *arg)
{
    struct follow *follow = arg;
    struct engine *engine = follow->engine;

    follow->is_on_pool = false;
    if (!follow->on_stop) {
        follow_free(follow);
    } else if (follow->result == 0) {
        show_last(follow);
        expect_output(follow);
        if (follow->is_fatal) {
            follow->on_stop(follow->arg);
        } else if (follow->has_changed) {
            look_soon(follow, PAUSE_MS);
        } else if (!follow->watch.value) {
            look_soon(follow, POLL_MS);
        }
    }
    engine_work_done(engine);
}

static void look(struct follow *follow)
{
    if (!follow->watch.value) {
        follow->changed_at_ms = now_ms(follow); /* silence cannot be told without being told */
    }
    follow->has_changed = false;
    follow->is_on_pool = true;
    follow->engine->pool_jobs++;
    loop_submit(follow->engine->options.loop, read_on_pool, on_read, follow);
}

struct follow *follow_start(struct engine *engine, const char *folder, loop_callback on_stop,
                            void *arg)
{
    struct follow *follow = mem_zero(1, sizeof(*follow));

    follow->engine = engine;
    follow->folder = mem_strdup(folder);
    follow->on_stop = on_stop;
    follow->arg = arg;
    follow->line = mem_strdup("");
    strbuf_init(&follow->seen, LINE_BYTES_MAX);
    follow->changed_at_ms = now_ms(follow);
    follow->watch = loop_watch_path(engine->options.loop, folder, on_change, follow);
    look_soon(follow, PAUSE_MS);
    return follow;
}

void follow_stop(struct follow *follow)
{
    struct loop *loop;

    if (!follow) {
        return;
    }
    loop = follow->engine->options.loop;
    loop_cancel(loop, follow->watch);
    loop_cancel(loop, follow->pause);
    loop_cancel(loop, follow->silence);
    follow->on_stop = NULL;
    if (!follow->is_on_pool) {
        follow_free(follow);
    }
}

const char *follow_line(const struct follow *follow)
{
    return follow->line;
}
