/* SPDX-License-Identifier: MIT */
#include "agents/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_SIZE 1024  /* a block of the file systems that are met has no less */
#define RESERVED_SIZE 256 /* takes such a block, and no report is shorter */
#define TEMPORARY "exit.json.tmp"
#define FINAL "exit.json"
#define OBSTACLE "exit.json.obstacle"

/* Sized for the longest report; adding beyond it would be a bug, and adds nothing. */
struct text {
    char bytes[REPORT_SIZE];
    size_t length;
};

static void add_text(struct text *text, const char *added)
{
    size_t length = strlen(added);

    if (length <= sizeof(text->bytes) - text->length) {
        memcpy(text->bytes + text->length, added, length);
        text->length += length;
    }
}

static void add_number(struct text *text, int64_t number)
{
    if (sizeof(text->bytes) - text->length >= KEEPER_NUMBER_SIZE) {
        text->length += keeper_number_format(number, text->bytes + text->length);
    }
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno != EINTR) {
            return -errno;
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* Field 22 of /proc/self/stat, in clock ticks since the boot; 0 without /proc. With the pid it
 * names this process for ever. */
static int64_t read_start_time(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    const char *field;
    int64_t number = 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    text[got > 0 ? got : 0] = '\0';
    field = strrchr(text, ')');
    for (int i = 2; field && i < 22; i++) {
        field = strchr(field + 1, ' ');
    }
    for (field = field ? field + 1 : ""; *field >= '0' && *field <= '9'; field++) {
        number = number * 10 + (*field - '0');
    }
    return number;
}

int keeper_claim(int folder)
{
    struct text text = {.length = 0};
    int fd = openat(folder, "claim", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r;

    if (fd < 0) {
        return -errno;
    }
    add_text(&text, KEEPER_CLAIM_KEEPER);
    add_number(&text, getpid());
    add_text(&text, " ");
    add_number(&text, read_start_time());
    add_text(&text, "\n");
    r = write_all(fd, text.bytes, text.length);
    (void)close(fd);
    if (r < 0) {
        /* Nothing has been started, so the attempt may be had by whoever comes next. */
        (void)unlinkat(folder, "claim", 0);
    }
    return r;
}

static int open_temporary(int folder, int more_flags)
{
    return openat(folder, TEMPORARY,
                  O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | more_flags, 0600);
}

/* The program can spoil the folder: what is not a file of ours alone, and no longer than we made
 * it, is moved out of the way. */
static int open_report(int folder)
{
    int fd = open_temporary(folder, 0);
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
        status.st_size <= RESERVED_SIZE) {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)renameat(folder, TEMPORARY, folder, OBSTACLE);
    return open_temporary(folder, O_EXCL);
}

static int publish(int folder)
{
    if (renameat(folder, TEMPORARY, folder, FINAL) < 0) {
        /* Something that no file can replace: a folder. */
        (void)renameat(folder, FINAL, folder, OBSTACLE);
        return renameat(folder, TEMPORARY, folder, FINAL) < 0 ? -errno : 0;
    }
    return 0;
}

int keeper_report_reserve(int folder)
{
    char room[RESERVED_SIZE];
    int fd = open_report(folder);
    int r;

    if (fd < 0) {
        return -errno;
    }
    memset(room, ' ', sizeof(room));
    r = write_all(fd, room, sizeof(room));
    (void)close(fd);
    return r;
}

static const char *name_error(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{0, ""},      {ENOSPC, "ENOSPC"}, {EDQUOT, "EDQUOT"}, {EFBIG, "EFBIG"},
                 {EIO, "EIO"}, {EROFS, "EROFS"},   {EACCES, "EACCES"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number == number) {
            return names[i].name;
        }
    }
    return "other";
}

static void add_member(struct text *text, const char *key, int64_t number)
{
    add_text(text, ",\"");
    add_text(text, key);
    add_text(text, "\":");
    add_number(text, number);
}

/* Only words of our own, so nothing needs escaping. */
static void add_word(struct text *text, const char *key, const char *word)
{
    add_text(text, ",\"");
    add_text(text, key);
    add_text(text, "\":\"");
    add_text(text, word);
    add_text(text, "\"");
}

static void add_flag(struct text *text, const char *key, bool flag)
{
    add_text(text, ",\"");
    add_text(text, key);
    add_text(text, flag ? "\":true" : "\":false");
}

static void format_report(struct text *text, const struct keeper_report *report)
{
    add_text(text, "{\"version\":1");
    add_member(text, "status", report->status);
    add_member(text, "signal", report->signal_number);
    add_flag(text, "timed_out", report->timed_out);
    add_flag(text, "stopped", report->stopped);
    add_word(text, "start_error", report->start_error);
    add_member(text, "start_errno", report->start_errno);
    add_member(text, "started_at_ms", report->started_at_ms);
    add_member(text, "ended_at_ms", report->ended_at_ms);
    add_member(text, "user_ms", report->user_ms);
    add_member(text, "system_ms", report->system_ms);
    add_member(text, "memory_bytes_max", report->memory_bytes_max);
    add_member(text, "stdout_bytes", report->stdout_bytes);
    add_member(text, "stderr_bytes", report->stderr_bytes);
    add_word(text, "output_error", name_error(report->output_errno));
    add_member(text, "leftovers", report->leftovers);
    add_member(text, "survivors", report->survivors);
    add_text(text, "}\n");
}

/* Over the reserved bytes: that block is ours already. */
int keeper_report_write(int folder, const struct keeper_report *report, bool durable)
{
    struct text text = {.length = 0};
    struct stat status;
    int fd;
    int r;

    if (fstat(folder, &status) < 0 || (status.st_mode & S_IRWXU) != S_IRWXU) {
        (void)fchmod(folder, S_IRWXU); /* the program has closed it */
    }
    fd = open_report(folder);
    if (fd < 0) {
        return -errno;
    }
    format_report(&text, report);
    r = write_all(fd, text.bytes, text.length);
    if (r == 0 && durable && fsync(fd) < 0) {
        r = -errno;
    }
    (void)close(fd);
    if (r == 0) {
        r = publish(folder);
    }
    if (r == 0 && durable) {
        (void)fsync(folder);
    }
    return r;
}
