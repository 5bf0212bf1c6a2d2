/* SPDX-License-Identifier: MIT */
/* `logs`: the journal of a run as lines or records, and what its steps printed; both can be
 * followed while the run goes on. */
#include "agents/transcript.h"
#include "base/alloc.h"
#include "base/file.h"
#include "ops/internal.h"
#include "ops/logs_agents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE_RECORDS 1000
#define PAUSE_MS 50
#define POLL_MS 500 /* only a safety net: changes wake us */
#define CHUNK_BYTES (64 * 1024)

struct follow {
    struct ops *ops;
    const struct ops_view *view;
    json_t *items; /* where items go when the view takes none */
    char run_id[RUN_ID_SIZE];
    int64_t seq; /* the next to read */
    bool is_over;
    struct run_log *log;       /* NULL: records are wanted, or the output of an attempt */
    struct agents_log *agents; /* whose work is shown with it; NULL: nobody's */
    bool has_caught_up;        /* with what was there when following began */
    /* output of one attempt */
    char *folder;
    const char *stream;
    off_t offset;
    struct transcript *transcript; /* of an agent's attempt */
    bool is_inside_line;           /* of what it says */
    loop_id timer;
    loop_id pause; /* between a change and the look at it */
    bool is_pausing;
    int (*pump)(struct follow *follow, struct error *err);
};

static void give(struct follow *follow, json_t *item)
{
    if (follow->view->on_item) {
        follow->view->on_item(follow->view->context, item);
        json_decref(item);
    } else {
        json_array_append_new(follow->items, item);
    }
}

/* ---- records ---- */

static void give_text(struct follow *follow, const char *key, const char *text, size_t length)
{
    json_t *item = json_object();

    json_put(item, key, json_text_lossy(text, length));
    give(follow, item);
}

static bool is_at_rest(const json_t *record)
{
    const char *status = json_get_text(record, "status", "");

    return strcmp(status, "running") != 0 && strcmp(status, "pending") != 0;
}

/* Following ends where the last move of the run says that it rests. */
static void note_record(struct follow *follow, json_t *record)
{
    follow->seq = json_get_integer(record, "seq", follow->seq) + 1;
    if (strcmp(json_get_text(record, "kind", ""), "run_moved") == 0) {
        follow->is_over = is_at_rest(record);
    }
    give(follow, json_incref(record));
}

/* Gives all records that came since. */
static int pump_records(struct follow *follow, struct error *err)
{
    bool has_more = true;

    while (has_more) {
        json_t *page;
        json_t *record;
        size_t i;
        int r = run_records(follow->ops->store, follow->run_id, follow->seq, PAGE_RECORDS, &page,
                            err);

        if (r < 0) {
            return r;
        }
        json_array_foreach(json_object_get(page, "records"), i, record)
        {
            note_record(follow, record);
        }
        has_more = json_is_integer(json_object_get(page, "next"));
        json_decref(page);
    }
    return 0;
}

/* Gives the lines of all records that came since. */
static int pump_lines(struct follow *follow, struct error *err)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, TEXT_BYTES_MAX);
    do {
        r = run_log_read(follow->log, &text, err);
        if (r >= 0 && text.length) {
            give_text(follow, "lines", text.data, text.length);
        }
        strbuf_reset(&text);
    } while (r > 0);
    follow->has_caught_up = true;
    if (r == 0 && follow->agents) {
        agents_log_read(follow->agents, &text);
    }
    if (text.length > 0) {
        give_text(follow, "lines", text.data, text.length);
    }
    strbuf_release(&text);
    follow->is_over = run_log_is_at_rest(follow->log);
    return r;
}

/* What an agent said in an attempt that had ended before is not told again: `--step` tells it. */
static void on_attempt(void *context, const struct run_log_attempt *attempt, struct strbuf *target)
{
    struct follow *follow = context;
    char *run_folder;
    char *folder;

    if (!attempt->folder) {
        agents_log_remove(follow->agents, attempt->step, follow->has_caught_up ? target : NULL);
        return;
    }
    run_folder = ops_run_folder(follow->ops, follow->run_id);
    folder = path_join(run_folder, attempt->folder);
    agents_log_add(follow->agents, attempt->step, attempt->number, folder);
    free(folder);
    free(run_folder);
}

/* ---- output of an attempt ---- */

/* How many bytes at the end begin a character whose rest is missing. */
static size_t torn_bytes(const char *text, size_t length)
{
    for (size_t i = 1; i <= 3 && i <= length; i++) {
        unsigned char byte = (unsigned char)text[length - i];
        size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;

        if ((byte & 0xC0) != 0x80) {
            return size > i ? i : 0;
        }
    }
    return 0;
}

/* A character whose rest is still to come waits for it, unless nothing more comes. */
static int read_chunk(struct follow *follow, int fd, bool is_last, struct error *err)
{
    char *chunk = mem_alloc(CHUNK_BYTES);
    ssize_t count;
    int r = 0;

    while ((count = pread(fd, chunk, CHUNK_BYTES, follow->offset)) > 0) {
        size_t torn = torn_bytes(chunk, (size_t)count);

        if (torn == (size_t)count && is_last) {
            torn = 0;
        }
        if (torn == (size_t)count) {
            break;
        }
        follow->offset += count - (ssize_t)torn;
        give_text(follow, "output", chunk, (size_t)count - torn);
    }
    if (count < 0) {
        r = error_set_errno(err, "reading %s", follow->stream);
    }
    free(chunk);
    return r;
}

/* Looks whether the attempt has ended before it reads, so that nothing printed last is missed. */
static int pump_output(struct follow *follow, struct error *err)
{
    enum attempt_presence presence = ATTEMPT_GONE;
    char *path = path_join(follow->folder, follow->stream);
    pid_t keeper;
    int fd;
    int r;

    r = attempt_probe(follow->folder, &presence, &keeper, err);
    fd = r == 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    free(path);
    if (fd >= 0) {
        r = read_chunk(follow, fd, presence == ATTEMPT_ENDED || presence == ATTEMPT_GONE, err);
        (void)close(fd);
    }
    follow->is_over = presence == ATTEMPT_ENDED || presence == ATTEMPT_GONE;
    return r;
}

/* ---- what an agent does ---- */

static void give_event(void *context, const struct agent_event *event)
{
    struct follow *follow = context;
    bool is_text = event->kind == AGENT_TEXT || event->kind == AGENT_THINKING;
    struct strbuf text;

    strbuf_init(&text, TEXT_BYTES_MAX);
    agent_event_show(event, &text);
    if (text.length > 0) {
        if (follow->is_inside_line && !is_text) {
            give_text(follow, "output", "\n", 1);
        }
        follow->is_inside_line = text.data[text.length - 1] != '\n';
        give_text(follow, "output", text.data, text.length);
    }
    strbuf_release(&text);
}

static int pump_events(struct follow *follow, struct error *err)
{
    enum attempt_presence presence = ATTEMPT_GONE;
    pid_t keeper;
    int r = attempt_probe(follow->folder, &presence, &keeper, err);

    if (r == 0 && !follow->transcript) {
        r = transcript_open(follow->folder, give_event, follow, &follow->transcript, err);
    }
    if (r == 0) {
        r = transcript_read(follow->transcript, err);
    }
    follow->is_over = presence == ATTEMPT_ENDED || presence == ATTEMPT_GONE;
    if (r == 0 && follow->is_over && follow->is_inside_line) {
        give_text(follow, "output", "\n", 1);
        follow->is_inside_line = false;
    }
    return r;
}

static bool is_agents(const char *folder)
{
    char *path = path_join(folder, TRANSCRIPT_FILE);
    bool found = file_exists(path);

    free(path);
    return found;
}

/* The stream as the agent's program printed it. */
static int give_raw(struct follow *follow, struct error *err)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, TEXT_BYTES_MAX);
    r = attempt_read_output(follow->folder, "stdout", &text, NULL, err);
    if (r == 0) {
        give_text(follow, "output", text.data, text.length);
    }
    strbuf_release(&text);
    return r;
}

/* ---- following ---- */

/* It is looked at between two runs of the loop. */
static void on_pause_over(void *arg)
{
    struct follow *follow = arg;

    follow->is_pausing = false;
    loop_stop(follow->ops->loop);
}

/* Many changes in a row are one look. */
static void on_change(void *arg)
{
    struct follow *follow = arg;

    if (!follow->is_pausing) {
        follow->is_pausing = true;
        follow->pause = loop_timer_start(follow->ops->loop, PAUSE_MS, on_pause_over, follow);
    }
}

static void on_poll(void *arg)
{
    struct follow *follow = arg;

    follow->timer = loop_timer_start(follow->ops->loop, POLL_MS, on_poll, follow);
    loop_stop(follow->ops->loop);
}

/* Gives what is there, then what comes, until the run (or the attempt) rests. */
static int follow_changes(struct follow *follow, const char *watched, struct error *err)
{
    struct loop *loop;
    loop_id watch;
    int r = ops_loop(follow->ops, &loop, err);

    if (r == 0) {
        /* Watch first: what changes between reading and watching would be missed otherwise. */
        watch = loop_watch_path(loop, watched, on_change, follow);
        follow->timer = loop_timer_start(loop, POLL_MS, on_poll, follow);
        r = follow->pump(follow, err);
        while (r >= 0 && !follow->is_over) {
            loop_run(loop);
            r = follow->pump(follow, err);
        }
        loop_cancel(loop, follow->timer);
        loop_cancel(loop, follow->pause);
        loop_cancel(loop, watch);
    }
    return r < 0 ? r : 0;
}

/* What was asked for, else what is configured; a configuration that cannot be read keeps nobody
 * from reading a log. */
static bool wants_json_lines(struct ops *ops, const json_t *arguments)
{
    const char *format = json_get_text(arguments, "format", ops->settings->log_format);

    if (format) {
        return strcmp(format, "json") == 0;
    }
    return ops_need_config(ops, NULL) == 0 && ops->config->log_json;
}

static int log_run(struct follow *follow, const json_t *arguments, struct error *err)
{
    bool is_followed = json_get_boolean(arguments, "follow", false);
    struct run_log_request request = {
        .folder = follow->ops->folder,
        .run_id = follow->run_id,
        .phase = json_get_text(arguments, "phase", NULL),
        .is_json = wants_json_lines(follow->ops, arguments),
        .context = follow,
    };
    struct loop *loop;
    char *wal;
    int r = 0;

    follow->pump = pump_records;
    if (!json_get_boolean(arguments, "records", false)) {
        follow->pump = pump_lines;
        r = ops_loop(follow->ops, &loop, err);
        if (r == 0 && is_followed) {
            request.on_attempt = on_attempt;
            follow->agents = agents_log_new(loop, request.is_json, on_change, follow);
        }
        r = r < 0 ? r : run_log_open(follow->ops->store, &request, &follow->log, err);
    }
    if (r < 0) {
        agents_log_free(follow->agents);
        return r;
    }
    if (is_followed) {
        wal = path_join(follow->ops->folder, "fermata.db-wal");
        r = follow_changes(follow, wal, err);
        free(wal);
    } else {
        r = follow->pump(follow, err);
    }
    agents_log_free(follow->agents);
    run_log_close(follow->log);
    return r;
}

/* ---- which attempt ---- */

/* Looks through the journal for the attempt (0: the last one) of the step. */
static int find_attempt(struct follow *follow, const char *step, int64_t attempt,
                        json_t **ret_started, json_t **ret_ended, struct error *err)
{
    int64_t seq = 1;
    bool has_more = true;

    *ret_started = NULL;
    *ret_ended = NULL;
    while (has_more) {
        json_t *page;
        json_t *record;
        size_t i;
        int r = run_records(follow->ops->store, follow->run_id, seq, PAGE_RECORDS, &page, err);

        if (r < 0) {
            json_decref(*ret_started);
            json_decref(*ret_ended);
            return r;
        }
        json_array_foreach(json_object_get(page, "records"), i, record)
        {
            const char *kind = json_get_text(record, "kind", "");
            int64_t number = json_get_integer(record, "attempt", 0);

            seq = json_get_integer(record, "seq", seq) + 1;
            if (strcmp(json_get_text(record, "step", ""), step) != 0 ||
                (attempt && number != attempt)) {
                continue;
            }
            if (strcmp(kind, "step_done") == 0) {
                json_decref(*ret_started);
                json_decref(*ret_ended);
                *ret_started = json_incref(record);
                *ret_ended = json_incref(record);
            } else if (strcmp(kind, "attempt_started") == 0) {
                json_decref(*ret_started);
                json_decref(*ret_ended);
                *ret_started = json_incref(record);
                *ret_ended = NULL;
            } else if (strcmp(kind, "attempt_ended") == 0) {
                json_decref(*ret_ended);
                *ret_ended = json_incref(record);
            }
        }
        has_more = json_is_integer(json_object_get(page, "next"));
        json_decref(page);
    }
    return 0;
}

static int give_ended(struct follow *follow, const json_t *ended, struct error *err)
{
    const char *key = strcmp(follow->stream, "stderr") == 0 ? "stderr" : "output";
    size_t length;
    char *text;
    int r = ops_read_output(follow->ops, json_object_get(ended, key), &text, &length, err);

    if (r < 0) {
        return r;
    }
    give_text(follow, "output", text, length);
    free(text);
    return 0;
}

static char *attempt_folder(const struct follow *follow, const json_t *started)
{
    const char *folder = json_get_text(started, "folder", NULL);
    char *run_folder;
    char *path;

    if (!folder) {
        return NULL;
    }
    run_folder = ops_run_folder(follow->ops, follow->run_id);
    path = path_join(run_folder, folder);
    free(run_folder);
    return path;
}

static int no_attempt(const struct follow *follow, const char *step, int64_t attempt,
                      struct error *err)
{
    json_t *run;
    int r = run_show(follow->ops->store, follow->ops->folder, follow->run_id, &run, err);

    if (r < 0) {
        return r;
    }
    if (!ops_find_step(run, step) && strchr(step, ':') == NULL) {
        r = ops_no_such_step(run, step, err);
    } else if (attempt) {
        r = error_set(err, ERROR_NOT_FOUND, "step %s has no attempt %lld", step,
                      (long long)attempt);
    } else {
        r = error_set(err, ERROR_NOT_FOUND, "step %s has not started yet", step);
        error_hint(err, "`fermata status %s` shows how far the run is", follow->run_id);
    }
    json_decref(run);
    return r;
}

static int log_agent(struct follow *follow, const json_t *arguments, bool has_ended,
                     struct error *err)
{
    int r;

    if (has_ended && json_get_boolean(arguments, "raw", false)) {
        return give_raw(follow, err);
    }
    if (!json_get_boolean(arguments, "raw", false)) {
        follow->pump = pump_events;
    }
    r = !has_ended && json_get_boolean(arguments, "follow", false)
            ? follow_changes(follow, follow->folder, err)
            : follow->pump(follow, err);
    transcript_free(follow->transcript);
    return r;
}

static int log_output(struct follow *follow, const json_t *arguments, struct error *err)
{
    const char *step = json_get_text(arguments, "step", "");
    int64_t attempt = json_get_integer(arguments, "attempt", 0);
    json_t *started;
    json_t *ended;
    int r = find_attempt(follow, step, attempt, &started, &ended, err);

    if (r < 0) {
        return r;
    }
    follow->pump = pump_output;
    follow->stream = json_get_boolean(arguments, "stderr", false) ? "stderr" : "stdout";
    follow->folder = attempt_folder(follow, started);
    if (follow->folder && strcmp(follow->stream, "stdout") == 0 && is_agents(follow->folder)) {
        r = log_agent(follow, arguments, ended != NULL, err);
    } else if (ended) {
        r = give_ended(follow, ended, err);
    } else if (!started) {
        r = no_attempt(follow, step, attempt, err);
    } else if (follow->folder && json_get_boolean(arguments, "follow", false)) {
        r = follow_changes(follow, follow->folder, err);
    } else if (follow->folder) {
        r = pump_output(follow, err);
    }
    free(follow->folder);
    json_decref(started);
    json_decref(ended);
    return r;
}

static int check_combination(const json_t *arguments, struct error *err)
{
    static const char *const of_steps[] = {"attempt", "stderr", "raw"};

    if (json_object_get(arguments, "step")) {
        if (json_object_get(arguments, "phase") || json_get_boolean(arguments, "records", false)) {
            return error_set(
                err, ERROR_INVALID,
                "--step shows what a step printed; it goes without --phase and --records");
        }
        return 0;
    }
    if (json_object_get(arguments, "phase") && json_get_boolean(arguments, "records", false)) {
        return error_set(err, ERROR_INVALID,
                         "--records is the whole journal; it goes without --phase");
    }
    for (size_t i = 0; i < ARRAY_LEN(of_steps); i++) {
        if (json_object_get(arguments, of_steps[i])) {
            return error_set(err, ERROR_INVALID, "--%s needs --step KEY", of_steps[i]);
        }
    }
    return 0;
}

int op_logs(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct follow follow = {
        .ops = ops,
        .view = view,
        .seq = 1,
    };
    int r = check_combination(arguments, err);

    if (r == 0) {
        r = ops_resolve_run(ops, arguments, follow.run_id, err);
    }
    if (r < 0) {
        return r;
    }
    follow.items = json_array();
    r = json_object_get(arguments, "step") ? log_output(&follow, arguments, err)
                                           : log_run(&follow, arguments, err);
    if (r == 0) {
        *ret_result = json_pack("{s:s, s:O}", "id", follow.run_id, "items", follow.items);
    }
    json_decref(follow.items);
    return r;
}
