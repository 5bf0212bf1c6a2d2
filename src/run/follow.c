/* SPDX-License-Identifier: MIT */
#include "run/follow.h"
#include "agents/attempt.h"
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that print are looked at together, and the less often the more there are. */
#define PAUSE_MS_EACH 5
#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 2000
/* Who printed nothing in so many looks is only looked at when the system tells of a change. */
#define QUIET_LOOKS_MAX 3
#define LINE_BYTES_MAX 4096

struct follow {
    struct engine *engine;
    char *folder;
    loop_callback on_stop; /* NULL: nobody follows any more, it goes with its work on the pool */
    void *arg;
    loop_id watch; /* while it is quiet */
    int quiet_looks;
    bool is_awaited; /* it is among those that are looked at next */
    bool is_on_pool;
    char *line;
    enum liveness_tools shown_tools;
    char shown_tool[OPEN_TOOL_NAME_SIZE];

    /* of the pool while is_on_pool */
    struct transcript *transcript;
    struct strbuf seen;
    struct open_tools tools;
    uint64_t stamp; /* of what its streams were at the last look */
    bool has_grown;
    bool is_fatal;
    int result;
};

struct followers {
    struct engine *engine;
    VEC(struct follow *) next;    /* to be looked at when the pause is over */
    VEC(struct follow *) looking; /* on the pool */
    loop_id pause;
};

static void follow_free(struct follow *follow)
{
    transcript_free(follow->transcript);
    strbuf_release(&follow->seen);
    open_tools_release(&follow->tools);
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
    open_tools_note(&follow->tools, event);
    follow->is_fatal = event->kind == AGENT_ERROR ? event->is_fatal : follow->is_fatal;
}

static void look(struct follow *follow)
{
    uint64_t stamp = attempt_stamp(follow->folder);

    follow->result = 0;
    follow->has_grown = stamp != follow->stamp;
    follow->stamp = stamp;
    if (!follow->transcript) {
        follow->result = transcript_open(follow->folder, note_event, follow, &follow->transcript,
                                         NULL);
    }
    if (follow->result == 0 && follow->has_grown) {
        follow->result = transcript_peek(follow->transcript, NULL);
    }
}

static void look_on_pool(void *arg)
{
    const struct followers *followers = arg;

    for (size_t i = 0; i < followers->looking.count; i++) {
        look(followers->looking.items[i]);
    }
}

/* ---- on the loop ---- */

static void look_at_all(void *arg);

/* When the pause is over already, or they are being looked at, the next one begins after that. */
static void pause_begin(struct followers *followers)
{
    int64_t delay_ms = (int64_t)followers->next.count * PAUSE_MS_EACH;

    if (followers->pause.value || followers->looking.count > 0 || followers->next.count == 0) {
        return;
    }
    delay_ms = delay_ms < PAUSE_MS_MIN ? PAUSE_MS_MIN : delay_ms;
    followers->pause = loop_timer_start(followers->engine->options.loop,
                                        delay_ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : delay_ms,
                                        look_at_all, followers);
}

static void await_look(struct follow *follow)
{
    struct followers *followers = follow->engine->followers;

    if (!follow->is_awaited) {
        follow->is_awaited = true;
        *VEC_PUSH(&followers->next) = follow;
        pause_begin(followers);
    }
}

static void unwatch(struct follow *follow)
{
    loop_cancel(follow->engine->options.loop, follow->watch);
    follow->watch = (loop_id){0};
}

/* One change is enough to be told of: what prints is looked at anyway. */
static void on_change(void *arg)
{
    struct follow *follow = arg;

    unwatch(follow);
    follow->quiet_looks = 0;
    if (!follow->is_on_pool) {
        await_look(follow);
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

/* The watch is there before the last look, so that nothing falls between the two. */
static void go_on(struct follow *follow)
{
    bool was_watched = follow->watch.value != 0;

    if (follow->has_grown) {
        follow->quiet_looks = 0;
        unwatch(follow);
    } else if (++follow->quiet_looks == QUIET_LOOKS_MAX) {
        follow->watch = loop_watch_path(follow->engine->options.loop, follow->folder, on_change,
                                        follow);
    }
    if (follow->has_grown || !was_watched) {
        await_look(follow);
    }
}

static void take_look(struct follow *follow)
{
    follow->is_on_pool = false;
    if (!follow->on_stop) {
        follow_free(follow);
    } else if (follow->result == 0) {
        show_last(follow);
        follow->shown_tools = open_tools_state(&follow->tools);
        memcpy(follow->shown_tool, follow->tools.name, sizeof(follow->shown_tool));
        go_on(follow);
        if (follow->is_fatal && follow->has_grown) {
            follow->on_stop(follow->arg);
        }
    }
}

static void on_looked(void *arg)
{
    struct followers *followers = arg;
    struct engine *engine = followers->engine;

    for (size_t i = 0; i < followers->looking.count; i++) {
        take_look(followers->looking.items[i]);
    }
    followers->looking.count = 0;
    pause_begin(followers);
    engine_work_done(engine);
}

static void look_at_all(void *arg)
{
    struct followers *followers = arg;

    followers->pause = (loop_id){0};
    for (size_t i = 0; i < followers->next.count; i++) {
        struct follow *follow = followers->next.items[i];

        follow->is_awaited = false;
        follow->is_on_pool = true;
        *VEC_PUSH(&followers->looking) = follow;
    }
    followers->next.count = 0;
    if (followers->looking.count > 0) {
        followers->engine->pool_jobs++;
        loop_submit(followers->engine->options.loop, look_on_pool, on_looked, followers);
    }
}

static void forget_look(struct follow *follow)
{
    struct followers *followers = follow->engine->followers;

    for (size_t i = 0; follow->is_awaited && i < followers->next.count; i++) {
        if (followers->next.items[i] == follow) {
            followers->next.items[i] = followers->next.items[--followers->next.count];
            follow->is_awaited = false;
        }
    }
}

struct follow *follow_start(struct engine *engine, const char *folder, loop_callback on_stop,
                            void *arg)
{
    struct follow *follow = mem_zero(1, sizeof(*follow));

    if (!engine->followers) {
        engine->followers = mem_zero(1, sizeof(*engine->followers));
        engine->followers->engine = engine;
    }
    follow->engine = engine;
    follow->folder = mem_strdup(folder);
    follow->on_stop = on_stop;
    follow->arg = arg;
    follow->line = mem_strdup("");
    strbuf_init(&follow->seen, LINE_BYTES_MAX);
    await_look(follow);
    return follow;
}

void follow_stop(struct follow *follow)
{
    if (!follow) {
        return;
    }
    forget_look(follow);
    unwatch(follow);
    follow->on_stop = NULL;
    if (!follow->is_on_pool) {
        follow_free(follow);
    }
}

void followers_free(struct followers *followers)
{
    if (!followers) {
        return;
    }
    assert(followers->looking.count == 0 && followers->next.count == 0);
    loop_cancel(followers->engine->options.loop, followers->pause);
    VEC_RELEASE(&followers->next);
    VEC_RELEASE(&followers->looking);
    free(followers);
}

const char *follow_line(const struct follow *follow)
{
    return follow->line;
}

enum liveness_tools follow_tools(const struct follow *follow, char ret_name[FOLLOW_TOOL_SIZE])
{
    bool is_open = follow && follow->shown_tools == LIVENESS_TOOLS_RUN;

    (void)snprintf(ret_name, FOLLOW_TOOL_SIZE, "%s", is_open ? follow->shown_tool : "");
    return follow ? follow->shown_tools : LIVENESS_TOOLS_UNKNOWN;
}
