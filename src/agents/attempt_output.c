/* SPDX-License-Identifier: MIT */
/* What an attempt left behind: exit.json and the two kept parts of each output stream. */
#include "agents/attempt.h"

#include "agents/keeper/keeper.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_BYTES_MAX 65536
#define LINE_WINDOW 4096
#define CHUNK_SIZE 65536
#define HEADER_TRIES_MAX 8
/* One write of the keeper: what it may have overwritten before its header says so. */
#define WRITE_AHEAD_MAX 65536
/* More is no number of a keeper's, and could not be added to. */
#define POSITION_MAX (INT64_C(1) << 60)

/* The kept parts of one stream, open. */
struct stream {
    int head;
    int tail;           /* -1: none */
    int64_t head_bytes; /* from the start */
    int64_t ring;
    int64_t total;
    int64_t from; /* first valid byte of the ring */
};

static int read_integer(const json_t *report, const char *key, int64_t *ret_number)
{
    const json_t *value = json_object_get(report, key);

    if (!json_is_integer(value)) {
        return ERROR_NOT_FOUND;
    }
    *ret_number = json_integer_value(value);
    return 0;
}

static int read_flag(const json_t *report, const char *key, bool *ret_flag)
{
    const json_t *value = json_object_get(report, key);

    if (!json_is_boolean(value)) {
        return ERROR_NOT_FOUND;
    }
    *ret_flag = json_is_true(value);
    return 0;
}

/* The first value of the key in the attempt's spec; free() it. NULL when there is none. */
static char *find_spec_value(const char *folder, const char *key)
{
    char *path = path_join(folder, "spec");
    size_t key_length = strlen(key);
    size_t length;
    char *text = NULL;
    char *value = NULL;

    if (file_read(path, KEEPER_SPEC_BYTES_MAX, &text, &length, NULL) == 0) {
        for (const char *entry = text; !value && entry < text + length;
             entry += strlen(entry) + 1) {
            if (strncmp(entry, key, key_length) == 0 && entry[key_length] == '=') {
                value = mem_strdup(entry + key_length + 1);
            }
        }
    }
    free(text);
    free(path);
    return value;
}

static void explain_start_error(const char *folder, const char *stage, struct attempt_exit *exit)
{
    static const struct {
        const char *stage;
        const char *text;
        const char *key; /* of the spec: what it is about */
    } stages[] = {
        {"exec", "cannot start", "arg"},
        {"cwd", "cannot enter the folder", "cwd"},
        {"spec", "the description of the command cannot be read", NULL},
        {"stdin", "the input cannot be read", NULL},
        {"output", "the files for the output cannot be created", NULL},
        {"report", "the file for the result cannot be created", NULL},
        {"limits", "the limits cannot be set", NULL},
        {"stopped", "it was stopped before it started", NULL},
    };
    const char *text = "the process cannot be set up";
    char *subject = NULL;
    struct strbuf sentence;

    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        if (strcmp(stages[i].stage, stage) == 0) {
            text = stages[i].text;
            subject = stages[i].key ? find_spec_value(folder, stages[i].key) : NULL;
        }
    }
    strbuf_init(&sentence, KEEPER_SPEC_BYTES_MAX);
    strbuf_add(&sentence, text);
    if (subject) {
        strbuf_add_char(&sentence, ' ');
        utf8_add_cut(&sentence, subject, 100);
    }
    if (exit->start_errno != ECANCELED) {
        strbuf_addf(&sentence, ": %s", strerror(exit->start_errno));
    }
    if (exit->start_errno == ENOENT && subject && !strchr(subject, '/')) {
        strbuf_add(&sentence, " (it is not in PATH)");
    }
    (void)snprintf(exit->start_error, sizeof(exit->start_error), "%s", sentence.data);
    strbuf_release(&sentence);
    free(subject);
}

static int read_integers(const json_t *report, struct attempt_exit *exit)
{
    int64_t status = 0, signal_number = 0, start_errno = 0, leftovers = 0, survivors = 0;
    const struct {
        const char *key;
        int64_t *number;
    } numbers[] = {
        {"status", &status},
        {"signal", &signal_number},
        {"start_errno", &start_errno},
        {"started_at_ms", &exit->started_at_ms},
        {"ended_at_ms", &exit->ended_at_ms},
        {"user_ms", &exit->user_ms},
        {"system_ms", &exit->system_ms},
        {"memory_bytes_max", &exit->memory_bytes_max},
        {"stdout_bytes", &exit->stdout_bytes},
        {"stderr_bytes", &exit->stderr_bytes},
        {"leftovers", &leftovers},
        {"survivors", &survivors},
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (read_integer(report, numbers[i].key, numbers[i].number) < 0) {
            return ERROR_NOT_FOUND;
        }
    }
    exit->status = (int)status;
    exit->signal = (int)signal_number;
    exit->start_errno = (int)start_errno;
    exit->leftovers = (int)leftovers;
    exit->survivors = (int)survivors;
    return 0;
}

static int parse_exit(const char *folder, const json_t *report, struct attempt_exit *exit)
{
    const char *start_error = json_get_text(report, "start_error", NULL);
    const char *output_error = json_get_text(report, "output_error", NULL);

    if (!start_error || !output_error || read_integers(report, exit) < 0 ||
        read_flag(report, "timed_out", &exit->timed_out) < 0 ||
        read_flag(report, "stopped", &exit->stopped) < 0) {
        return ERROR_NOT_FOUND;
    }
    (void)snprintf(exit->output_error, sizeof(exit->output_error), "%s", output_error);
    if (*start_error) {
        explain_start_error(folder, start_error, exit);
    }
    return 0;
}

int attempt_read_exit(const char *folder, struct attempt_exit *ret_exit, struct error *err)
{
    struct attempt_exit exit = {0};
    char *path = path_join(folder, "exit.json");
    char *text = NULL;
    json_t *report = NULL;
    size_t length;
    int r = file_read(path, EXIT_BYTES_MAX, &text, &length, err);

    if (r < 0) {
        goto out;
    }
    if (json_parse_text(text, length, path, &report, NULL) < 0 ||
        parse_exit(folder, report, &exit) < 0) {
        r = error_set(err, ERROR_NOT_FOUND, "%s is damaged", path);
        goto out;
    }
    *ret_exit = exit;
out:
    json_decref(report);
    free(text);
    free(path);
    return r;
}

static bool parse_header(const char *header, struct stream *stream)
{
    const size_t word_length = strlen(KEEPER_TAIL_WORD);
    int64_t *const numbers[] = {&stream->ring, &stream->total, &stream->from};
    const char *text = header + word_length;

    if (strncmp(header, KEEPER_TAIL_WORD, word_length) != 0) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        char *end;

        *numbers[i] = strtoll(text, &end, 10);
        if (end == text || *numbers[i] < 0 || *numbers[i] > POSITION_MAX) {
            return false;
        }
        text = end;
    }
    return stream->ring > 0 && stream->from <= stream->total;
}

/* The keeper may be writing: only a header that reads the same twice is believed. */
static bool read_header(struct stream *stream)
{
    char previous[KEEPER_TAIL_HEADER_SIZE + 1] = "";

    for (int i = 0; i < HEADER_TRIES_MAX; i++) {
        char header[KEEPER_TAIL_HEADER_SIZE + 1] = "";

        if (pread(stream->tail, header, KEEPER_TAIL_HEADER_SIZE, 0) != KEEPER_TAIL_HEADER_SIZE) {
            return false;
        }
        if (memcmp(header, previous, sizeof(header)) == 0) {
            return parse_header(header, stream);
        }
        memcpy(previous, header, sizeof(header));
    }
    return false;
}

static void locate_tail(struct stream *stream)
{
    int64_t oldest = stream->total - stream->ring;

    if (stream->from < oldest) {
        stream->from = oldest;
    }
    if (stream->from < stream->head_bytes) {
        stream->from = stream->head_bytes;
    }
}

static void close_stream(struct stream *stream)
{
    if (stream->head >= 0) {
        (void)close(stream->head);
    }
    if (stream->tail >= 0) {
        (void)close(stream->tail);
    }
}

/* The program can put anything in place of a stream: a link is not followed, a pipe not waited for.
 */
static int open_kept(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;

    if (fd >= 0 && (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))) {
        (void)close(fd);
        errno = EINVAL;
        fd = -1;
    }
    return fd;
}

/* Returns ERROR_NOT_FOUND when nothing was ever printed into this folder. */
static int open_stream(const char *folder, const char *name, struct stream *ret_stream)
{
    char *head_path = path_join(folder, name);
    char *tail_path = mem_printf("%s.tail", head_path);
    struct stream stream = {.head = open_kept(head_path), .tail = -1};
    struct stat status;
    int r = 0;

    if (stream.head < 0) {
        r = errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO;
        goto out;
    }
    stream.tail = open_kept(tail_path);
    /* The head is full once there is a tail, so its size is asked after that. */
    if (fstat(stream.head, &status) < 0) {
        r = ERROR_IO;
        goto out;
    }
    stream.head_bytes = status.st_size;
    if (stream.tail >= 0 && !read_header(&stream)) {
        (void)close(stream.tail);
        stream.tail = -1;
    }
    if (stream.tail < 0) {
        stream.total = stream.head_bytes;
        stream.from = stream.head_bytes;
    }
    locate_tail(&stream);
    *ret_stream = stream;
    stream = (struct stream){.head = -1, .tail = -1};
out:
    close_stream(&stream);
    free(tail_path);
    free(head_path);
    return r;
}

/* Adds [from, from + length) of a file; stops early where the file ends. */
static int add_range(struct strbuf *target, int fd, int64_t from, int64_t length)
{
    char chunk[CHUNK_SIZE];

    while (length > 0) {
        size_t part = length < (int64_t)sizeof(chunk) ? (size_t)length : sizeof(chunk);
        ssize_t got = pread(fd, chunk, part, from);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? ERROR_IO : 0;
        }
        strbuf_add_bytes(target, chunk, (size_t)got);
        from += got;
        length -= got;
    }
    return 0;
}

/* Adds the bytes [from, to) of the stream out of the ring. */
static int add_ring(struct strbuf *target, const struct stream *stream, int64_t from, int64_t to)
{
    int r = 0;

    while (r == 0 && from < to) {
        int64_t offset = from % stream->ring;
        int64_t part = to - from < stream->ring - offset ? to - from : stream->ring - offset;

        r = add_range(target, stream->tail, KEEPER_TAIL_HEADER_SIZE + offset, part);
        from += part;
    }
    return r;
}

static void add_gap(struct strbuf *target, int64_t bytes, int64_t *cut)
{
    if (bytes > 0) {
        *cut += bytes;
        strbuf_addf(target, "\n[... %lld bytes were left out here ...]\n", (long long)bytes);
    }
}

/* The ring into a buffer of its own first: what the keeper overwrote while we read is cut off its
 * start afterwards. */
static int add_tail(struct strbuf *target, struct stream *stream, bool running, int64_t *cut)
{
    struct stream later = *stream;
    struct strbuf ring;
    int64_t from = stream->from;
    int r;

    strbuf_init(&ring, (size_t)(stream->total - from));
    r = add_ring(&ring, stream, from, stream->total);
    if (r == 0 && running && read_header(&later) && later.total > stream->total) {
        int64_t kept_from = later.total + WRITE_AHEAD_MAX - later.ring;

        from = kept_from > from ? kept_from : from;
        from = from < stream->total ? from : stream->total;
    }
    add_gap(target, from - stream->head_bytes, cut);
    if (r == 0 && (size_t)(from - stream->from) < ring.length) {
        strbuf_add_bytes(target, ring.data + (from - stream->from),
                         ring.length - (size_t)(from - stream->from));
    }
    strbuf_release(&ring);
    return r;
}

/* What the keeper counted; below zero: not known. */
static int64_t count_said(const char *folder, const char *name)
{
    struct attempt_exit exit;

    if (attempt_read_exit(folder, &exit, NULL) < 0) {
        return -1;
    }
    return strcmp(name, "stdout") == 0 ? exit.stdout_bytes : exit.stderr_bytes;
}

static bool is_running(const char *folder)
{
    char *path = path_join(folder, "exit.json");
    bool running = !file_exists(path);

    free(path);
    return running;
}

int attempt_read_output(const char *folder, const char *stream_name, struct strbuf *target,
                        int64_t *ret_cut, struct error *err)
{
    struct stream stream;
    int64_t cut = 0;
    bool running = is_running(folder);
    int64_t said = running ? -1 : count_said(folder, stream_name);
    int64_t size;
    int r;

    assert(strcmp(stream_name, "stdout") == 0 || strcmp(stream_name, "stderr") == 0);
    if (ret_cut) {
        *ret_cut = 0;
    }
    /* The keeper made no file then; what stands there is none of ours. */
    if (said == 0) {
        return 0;
    }
    r = open_stream(folder, stream_name, &stream);
    if (r == ERROR_NOT_FOUND && file_is_folder(folder)) {
        return 0;
    }
    if (r < 0) {
        return error_set_errno(err, "cannot read %s of the attempt in %s", stream_name, folder);
    }
    size = stream.head_bytes + (stream.total - stream.from);
    if ((uint64_t)size > target->length_max - target->length) {
        r = error_set(err, ERROR_LIMIT,
                      "%s of the attempt in %s has %lld bytes; at most %zu are read", stream_name,
                      folder, (long long)size, target->length_max - target->length);
        goto out;
    }
    r = add_range(target, stream.head, 0, stream.head_bytes);
    if (r == 0 && stream.tail >= 0) {
        r = add_tail(target, &stream, running, &cut);
    }
    if (r == 0 && said >= 0) {
        /* What was not kept at all (no ring, or a full disk) is known from the report alone. */
        add_gap(target, said - stream.total, &cut);
    }
    if (r < 0) {
        r = error_set_errno(err, "cannot read %s of the attempt in %s", stream_name, folder);
    }
    if (r == 0 && ret_cut) {
        *ret_cut = cut;
    }
out:
    close_stream(&stream);
    return r;
}

/* Moves the cursor over what the ring does not hold any more, or may not when it has been read. */
static int64_t oldest_kept(const struct stream *stream, bool running)
{
    int64_t kept = running ? stream->total + WRITE_AHEAD_MAX - stream->ring : 0;

    kept = kept > stream->from ? kept : stream->from;
    return kept < stream->total ? kept : stream->total;
}

static int add_more(const struct stream *stream, bool running, struct attempt_cursor *cursor,
                    struct strbuf *target)
{
    int64_t room = (int64_t)(target->length_max - target->length);
    int64_t to = cursor->offset + room;
    size_t before = target->length;
    struct stream later = *stream;
    int r;

    if (cursor->offset < stream->head_bytes) {
        r = add_range(target, stream->head, cursor->offset,
                      to < stream->head_bytes ? room : stream->head_bytes - cursor->offset);
    } else {
        int64_t oldest = oldest_kept(stream, running);

        cursor->has_gap = cursor->offset < oldest;
        cursor->offset = cursor->has_gap ? oldest : cursor->offset;
        to = cursor->offset + room;
        r = add_ring(target, stream, cursor->offset, to < stream->total ? to : stream->total);
        if (r == 0 && running && read_header(&later) &&
            cursor->offset < oldest_kept(&later, running) && later.total > stream->total) {
            /* Overwritten while we read: left for the next call, which finds the gap. */
            target->length = before;
            target->data[before] = '\0';
        }
    }
    cursor->offset += (int64_t)(target->length - before);
    return r;
}

/* What the head has beyond the cursor; it only grows, so that nothing else need be known. 0: there
 * is nothing. */
static int64_t add_head(const char *folder, const char *stream_name, int64_t offset,
                        struct strbuf *target)
{
    char *path = path_join(folder, stream_name);
    int fd = open_kept(path);
    int64_t room = (int64_t)(target->length_max - target->length);
    size_t before = target->length;
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > offset) {
        int64_t more = status.st_size - offset;

        (void)add_range(target, fd, offset, more < room ? more : room);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(path);
    return (int64_t)(target->length - before);
}

int attempt_read_more(const char *folder, const char *stream_name, struct attempt_cursor *cursor,
                      struct strbuf *target, struct error *err)
{
    int64_t length = add_head(folder, stream_name, cursor->offset, target);
    struct stream stream;
    bool running;
    int r;

    cursor->has_gap = false;
    cursor->offset += length;
    if (length > 0) {
        return 0;
    }
    running = is_running(folder);
    r = open_stream(folder, stream_name, &stream);
    if (r == ERROR_NOT_FOUND && file_is_folder(folder)) {
        return 0;
    }
    if (r == 0) {
        if (cursor->offset < stream.head_bytes || stream.tail >= 0) {
            r = add_more(&stream, running, cursor, target);
        }
        close_stream(&stream);
    }
    return r < 0 ? error_set_errno(err, "cannot read %s of the attempt in %s", stream_name, folder)
                 : 0;
}

/* The last of the lines that has something to show; a carriage return begins a line anew. */
static bool add_last_line(struct strbuf *target, char *text, size_t length)
{
    struct strbuf clean;
    bool found = false;

    strbuf_init(&clean, LINE_WINDOW * 3);
    while (length > 0 && !found) {
        size_t start = length;

        while (start > 0 && text[start - 1] != '\n' && text[start - 1] != '\r') {
            start--;
        }
        for (size_t i = start; i < length; i++) {
            text[i] = text[i] == '\t' ? ' ' : text[i];
        }
        strbuf_reset(&clean);
        utf8_add_printable(&clean, text + start, length - start);
        found = strspn(clean.data, " ") < clean.length;
        length = start > 0 ? start - 1 : 0;
    }
    if (found) {
        strbuf_add_bytes(target, clean.data, clean.length);
    }
    strbuf_release(&clean);
    return found;
}

static bool add_last_line_of(const char *folder, const char *name, struct strbuf *target)
{
    struct strbuf window;
    struct stream stream;
    size_t skip = 0;
    bool found = false;

    if (open_stream(folder, name, &stream) < 0) {
        return false;
    }
    strbuf_init(&window, LINE_WINDOW);
    if (stream.total > stream.from) {
        int64_t from = stream.total - LINE_WINDOW;

        (void)add_ring(&window, &stream, from > stream.from ? from : stream.from, stream.total);
    } else {
        int64_t from = stream.head_bytes > LINE_WINDOW ? stream.head_bytes - LINE_WINDOW : 0;

        (void)add_range(&window, stream.head, from, stream.head_bytes - from);
    }
    /* The window may begin inside a character. */
    while (skip < window.length && skip < 3 && ((unsigned char)window.data[skip] & 0xC0) == 0x80) {
        skip++;
    }
    found = add_last_line(target, window.data + skip, window.length - skip);
    strbuf_release(&window);
    close_stream(&stream);
    return found;
}

void attempt_last_line(const char *folder, struct strbuf *target)
{
    if (!add_last_line_of(folder, "stdout", target)) {
        (void)add_last_line_of(folder, "stderr", target);
    }
}

uint64_t attempt_stamp(const char *folder)
{
    static const char *const streams[] = {"stdout", "stderr", "stdout.tail", "stderr.tail"};
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint64_t stamp = 0;
    struct stat status;

    for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(streams); i++) {
        stamp *= 31;
        if (fstatat(fd, streams[i], &status, AT_SYMLINK_NOFOLLOW) == 0) {
            stamp += (uint64_t)status.st_size + (uint64_t)status.st_mtim.tv_sec * 1000000000U +
                     (uint64_t)status.st_mtim.tv_nsec;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return stamp;
}
