/* SPDX-License-Identifier: MIT */
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHUNK_SIZE (32 * 1024)
#define UNNAMED "stdout.whole"
#define PUNCH_SIZE (1024 * 1024)
/* The program can put anything into this folder: a link is not followed, a pipe not waited for. */
#define OPEN_FLAGS (O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

size_t keeper_number_format(int64_t number, char ret_digits[KEEPER_NUMBER_SIZE])
{
    char reversed[KEEPER_NUMBER_SIZE];
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    size_t length = 0;

    do {
        reversed[length++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        reversed[length++] = '-';
    }
    for (size_t i = 0; i < length; i++) {
        ret_digits[i] = reversed[length - 1 - i];
    }
    return length;
}

void keeper_output_init(struct keeper_output *output, int64_t bytes_max)
{
    output->head_bytes_max = bytes_max / 2;
    output->tail_bytes_max = bytes_max - output->head_bytes_max;
    output->tail = -1;
    output->head = -1;
}

/* Only our end is non-blocking; the program must not see that. */
static int open_pipe(struct keeper_output *output, int *ret_write_end)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return -errno;
    }
    output->source = ends[0];
    *ret_write_end = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_unnamed(struct keeper_output *output, int *ret_write_end)
{
    int flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int r = 0;

    (void)unlinkat(output->folder, UNNAMED, 0);
    *ret_write_end = openat(output->folder, UNNAMED, O_WRONLY | O_APPEND | flags, 0600);
    if (*ret_write_end < 0) {
        return -errno;
    }
    /* Also for writing: what was read is given back. */
    output->source = openat(output->folder, UNNAMED, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (output->source < 0) {
        r = -errno;
    }
    (void)unlinkat(output->folder, UNNAMED, 0);
    return r;
}

int keeper_output_source(struct keeper_output *output, bool is_file, int *ret_write_end)
{
    output->is_file = is_file;
    return is_file ? open_unnamed(output, ret_write_end) : open_pipe(output, ret_write_end);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void note_error(struct keeper_output *output, int number)
{
    if (output->error == 0) {
        output->error = number;
    }
}

/* Returns how much was written; less than length: errno says why. */
static size_t write_at(int fd, const char *bytes, size_t length, int64_t offset)
{
    size_t done = 0;

    while (done < length) {
        ssize_t written = pwrite(fd, bytes + done, length - done, offset + (int64_t)done);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written < 0 ? errno : ENOSPC;
            break;
        }
        done += (size_t)written;
    }
    return done;
}

/* What says nothing gets no file: to make one costs as much as to start a small program. */
static void open_head(struct keeper_output *output)
{
    if (output->head < 0) {
        output->head = openat(output->folder, output->name, OPEN_FLAGS, 0600);
    }
}

/* Returns how many bytes the head took. It is never continued after a hole. */
static size_t add_to_head(struct keeper_output *output, const char *bytes, size_t length)
{
    int64_t room = output->head_bytes_max - output->total;
    size_t part = room < (int64_t)length ? (size_t)room : length;
    size_t done = output->head >= 0 ? write_at(output->head, bytes, part, output->total) : 0;

    if (done < part) {
        note_error(output, errno);
        output->head_bytes_max = output->total + (int64_t)done;
    }
    return done;
}

static int open_tail(struct keeper_output *output)
{
    if (output->tail < 0) {
        output->tail = openat(output->folder, output->tail_name, OPEN_FLAGS, 0600);
        output->tail_from = output->total;
    }
    return output->tail < 0 ? -errno : 0;
}

static void write_tail_header(struct keeper_output *output)
{
    const int64_t numbers[] = {output->tail_bytes_max, output->total, output->tail_from};
    char header[KEEPER_TAIL_HEADER_SIZE];
    size_t length = sizeof(KEEPER_TAIL_WORD) - 1;

    memset(header, ' ', sizeof(header));
    memcpy(header, KEEPER_TAIL_WORD, length);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        length += keeper_number_format(numbers[i], header + length) + 1;
    }
    header[sizeof(header) - 1] = '\n';
    if (write_at(output->tail, header, sizeof(header), 0) < sizeof(header)) {
        note_error(output, errno);
    }
}

/* The header is written after the bytes: a reader that sees the old one loses only the oldest bytes
 * of the ring, which it knows how to tell (agents/attempt_output.c). */
static void add_to_tail(struct keeper_output *output, const char *bytes, size_t length)
{
    int64_t ring = output->tail_bytes_max;
    int64_t end = output->total + (int64_t)length;
    int64_t position = output->total;
    bool whole = open_tail(output) == 0;

    if ((int64_t)length > ring) {
        bytes += length - (size_t)ring;
        position = end - ring;
    }
    if (!whole) {
        note_error(output, errno);
    }
    while (whole && position < end) {
        int64_t offset = position % ring;
        int64_t room = ring - offset;
        size_t part = (size_t)(end - position < room ? end - position : room);

        if (write_at(output->tail, bytes, part, KEEPER_TAIL_HEADER_SIZE + offset) < part) {
            note_error(output, errno);
            whole = false;
        }
        bytes += part;
        position += (int64_t)part;
    }
    output->total = end;
    if (!whole) {
        output->tail_from = end;
    }
    if (output->tail >= 0) {
        write_tail_header(output);
    }
}

static void keep(void *context, const char *bytes, size_t length)
{
    struct keeper_output *output = context;

    open_head(output);
    if (output->total < output->head_bytes_max) {
        size_t done = add_to_head(output, bytes, length);

        output->total += (int64_t)done;
        bytes += done;
        length -= done;
    }
    if (length > 0) {
        add_to_tail(output, bytes, length);
    }
}

void keeper_output_add(struct keeper_output *output, const char *bytes, size_t length)
{
    if (output->keys.redact) {
        redact_add(&output->keys, bytes, length, keep, output);
    } else {
        keep(output, bytes, length);
    }
}

/* What was read is given back, so that the file takes no more room than what is kept. How much was
 * kept says nothing of that: keys become longer or shorter on their way. */
static void give_back(const struct keeper_output *output)
{
    off_t position = output->is_file ? lseek(output->source, 0, SEEK_CUR) : 0;
    off_t done = position / PUNCH_SIZE * PUNCH_SIZE;

    if (done > 0 && position - done < CHUNK_SIZE) {
        (void)fallocate(output->source, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, done);
    }
}

/* Returns how much was read; 0: nothing there, or the end. */
static size_t read_once(struct keeper_output *output, size_t length_max)
{
    char chunk[CHUNK_SIZE];
    ssize_t got;

    do {
        got = read(output->source, chunk, length_max < sizeof(chunk) ? length_max : sizeof(chunk));
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        keeper_output_add(output, chunk, (size_t)got);
        give_back(output);
        return (size_t)got;
    }
    if (got < 0 ? errno != EAGAIN : !output->is_file) {
        close_fd(&output->source);
    }
    return 0;
}

void keeper_output_pump(struct keeper_output *output)
{
    size_t got = output->source >= 0 ? read_once(output, CHUNK_SIZE) : 0;

    while (output->is_file && got > 0) {
        got = read_once(output, CHUNK_SIZE);
    }
}

void keeper_output_drain(struct keeper_output *output)
{
    int waiting = 0;

    if (output->is_file) {
        keeper_output_pump(output);
    } else if (output->source >= 0 && ioctl(output->source, FIONREAD, &waiting) < 0) {
        waiting = 0;
    }
    while (output->source >= 0 && waiting > 0) {
        size_t got = read_once(output, (size_t)waiting);

        waiting = got > 0 ? waiting - (int)got : 0;
    }
    close_fd(&output->source);
    if (output->keys.redact) {
        redact_end(&output->keys, keep, output);
    }
}

void keeper_output_sync(const struct keeper_output *output)
{
    if (output->head >= 0) {
        (void)fsync(output->head);
    }
    if (output->tail >= 0) {
        (void)fsync(output->tail);
    }
}
