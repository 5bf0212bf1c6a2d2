/* SPDX-License-Identifier: MIT */
/* The lock file. Three locks of the kernel live on it, all owned by the open file description, so
 * that two stores in one process exclude each other too and a killed process leaves none behind:
 * - flock(2) on the file: the right to write or checkpoint;
 * - byte TURN_BYTE: held while waiting for the flock, so that a busy writer that wants it again has
 *   to queue behind the one who waits;
 * - byte USERS_BYTE: held shared by every open store, so that an opener knows whether it is alone.
 * The file's content is the process id of the last holder, for messages only, and behind it the
 * notes about the log and about a failed commit. */
#include "store/internal.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TURN_BYTE 1000
#define USERS_BYTE 1001
#define PAUSE_FIRST_NS 50000
#define PAUSE_LONGEST_NS 2000000
#define HOLDER_SIZE 24
#define MARK_AT 32
#define DOUBT_AT 64

struct lock {
    char *path;
    int fd;
    bool is_user;
};

static int lock_file_open(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        int code = error_set_errno(err, "cannot open the lock file %s", path);

        error_hint(err, "the folder must be writable for you, also to look at runs");
        return code;
    }
    return fd;
}

int lock_open(struct lock **ret_lock, const char *path, struct error *err)
{
    struct lock *lock;
    int fd = lock_file_open(path, err);

    if (fd < 0) {
        return fd;
    }
    lock = mem_zero(1, sizeof(*lock));
    lock->path = mem_strdup(path);
    lock->fd = fd;
    *ret_lock = lock;
    return 0;
}

void lock_close(struct lock *lock)
{
    if (!lock) {
        return;
    }
    (void)close(lock->fd);
    free(lock->path);
    free(lock);
}

static int byte_lock(int fd, short type, off_t byte)
{
    struct flock request = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &request);
}

static int64_t monotonic_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int refuse_held(const struct lock *lock, int wait_ms, struct error *err)
{
    char holder[HOLDER_SIZE] = "";
    ssize_t length = pread(lock->fd, holder, sizeof(holder) - 1, 0);

    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, " \n")] = '\0';
    (void)error_set(err, ERROR_BUSY, "%s was not free within %d ms; process %s has it", lock->path,
                    wait_ms, holder[0] ? holder : "(unknown)");
    error_hint(err, "try again; if that process is stopped or hangs, continue or end it");
    return ERROR_BUSY;
}

/* One try at what is still missing; true when the flock is held. */
static bool lock_try(int fd, bool *has_turn)
{
    if (!*has_turn && byte_lock(fd, F_WRLCK, TURN_BYTE) < 0) {
        return false;
    }
    *has_turn = true;
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static int lock_wait(struct lock *lock, int wait_ms, struct error *err)
{
    struct timespec pause = {.tv_nsec = PAUSE_FIRST_NS};
    int64_t deadline_ns = 0;
    bool has_turn = false;
    int r = 0;

    while (!lock_try(lock->fd, &has_turn)) {
        int64_t now_ns = monotonic_ns();

        if (errno != EAGAIN && errno != EINTR) {
            r = error_set_errno(err, "cannot lock %s", lock->path);
            break;
        }
        if (deadline_ns == 0) {
            deadline_ns = now_ns + (int64_t)wait_ms * 1000000;
        }
        if (now_ns >= deadline_ns) {
            r = refuse_held(lock, wait_ms, err);
            break;
        }
        (void)nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec * 2 > PAUSE_LONGEST_NS ? PAUSE_LONGEST_NS : pause.tv_nsec * 2;
    }
    if (has_turn) {
        (void)byte_lock(lock->fd, F_UNLCK, TURN_BYTE);
    }
    return r;
}

/* Most of the time the last holder was this process: then nothing is written. A failure only makes
 * a message poorer. */
static void note_holder(const struct lock *lock)
{
    char wanted[HOLDER_SIZE + 1];
    char present[HOLDER_SIZE];

    /* Always as long, so that nothing is left of a longer one. */
    (void)snprintf(wanted, sizeof(wanted), "%-*ld\n", HOLDER_SIZE - 1, (long)getpid());
    if (pread(lock->fd, present, HOLDER_SIZE, 0) != HOLDER_SIZE ||
        memcmp(present, wanted, HOLDER_SIZE) != 0) {
        (void)!pwrite(lock->fd, wanted, HOLDER_SIZE, 0);
    }
}

struct stored_mark {
    struct log_mark mark;
    uint32_t sum; /* a torn note is none */
};

static uint32_t sum_of(const struct log_mark *mark)
{
    uint64_t sum = 0x9e3779b97f4a7c15;
    const uint32_t words[] = {mark->salt[0], mark->salt[1], mark->frames};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        sum = (sum ^ words[i]) * 0xff51afd7ed558ccd;
        sum ^= sum >> 33;
    }
    return (uint32_t)sum;
}

void lock_write_mark(struct lock *lock, const struct log_mark *mark)
{
    struct stored_mark stored = {.mark = *mark, .sum = sum_of(mark)};

    (void)!pwrite(lock->fd, &stored, sizeof(stored), MARK_AT);
}

void lock_read_mark(struct lock *lock, struct log_mark *ret_mark)
{
    struct stored_mark stored = {0};

    if (pread(lock->fd, &stored, sizeof(stored), MARK_AT) == sizeof(stored) &&
        stored.sum == sum_of(&stored.mark)) {
        *ret_mark = stored.mark;
    } else {
        *ret_mark = (struct log_mark){0};
    }
}

void lock_write_doubt(struct lock *lock, bool is_in_doubt)
{
    const char word = is_in_doubt ? '?' : ' ';

    (void)!pwrite(lock->fd, &word, 1, DOUBT_AT);
}

bool lock_has_doubt(struct lock *lock)
{
    char word = ' ';

    return pread(lock->fd, &word, 1, DOUBT_AT) == 1 && word == '?';
}

/* Somebody removed the lock file: the lock on it excludes nobody who comes later. */
static int lock_reopen(struct lock *lock, struct error *err)
{
    int fd = lock_file_open(lock->path, err);

    if (fd < 0) {
        return fd;
    }
    (void)close(lock->fd);
    lock->fd = fd;
    if (lock->is_user) {
        (void)byte_lock(lock->fd, F_RDLCK, USERS_BYTE);
    }
    return 0;
}

int lock_take(struct lock *lock, int wait_ms, struct error *err)
{
    struct stat status;

    for (;;) {
        int r = lock_wait(lock, wait_ms, err);

        if (r < 0) {
            return r;
        }
        if (fstat(lock->fd, &status) == 0 && status.st_nlink > 0) {
            break;
        }
        r = lock_reopen(lock, err);
        if (r < 0) {
            lock_release(lock);
            return r;
        }
    }
    note_holder(lock);
    return 0;
}

void lock_release(struct lock *lock)
{
    (void)flock(lock->fd, LOCK_UN);
}

bool lock_is_alone(struct lock *lock)
{
    bool is_alone = byte_lock(lock->fd, F_WRLCK, USERS_BYTE) == 0;

    /* Nobody can come in between: users register only while they hold the flock. */
    lock->is_user = byte_lock(lock->fd, F_RDLCK, USERS_BYTE) == 0;
    return is_alone;
}
