/* SPDX-License-Identifier: MIT */
/* The file holds "RUN\nATTEMPT\n", "" when nobody writes; who looks or changes it holds a lock on
 * it, for that moment only. A second file, locked as long as it lasts, is for work that ends with
 * the process that does it. */
#include "run/writer.h"

#include "agents/attempt.h"
#include "base/alloc.h"
#include "base/file.h"
#include "run/changes.h"
#include "run/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HOLDER_BYTES_MAX 8192

struct holder {
    char text[HOLDER_BYTES_MAX];
    const char *run_id, *attempt; /* in it; NULL: nobody */
};

static int open_locked(const struct writer *writer, int flags, int *ret_fd, struct error *err)
{
    char *path = path_join(writer->folder, "writer");
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    int r = fd < 0 ? error_set_errno(err, "cannot open %s", path) : 0;

    while (r == 0 && flock(fd, LOCK_EX) < 0) {
        r = errno == EINTR ? 0 : error_set_errno(err, "cannot lock %s", path);
    }
    if (r < 0 && fd >= 0) {
        (void)close(fd);
    }
    *ret_fd = fd;
    free(path);
    return r;
}

static void read_holder(int fd, struct holder *holder)
{
    ssize_t length = pread(fd, holder->text, sizeof(holder->text) - 1, 0);
    char *end;

    holder->text[length > 0 ? length : 0] = '\0';
    holder->run_id = holder->attempt = NULL;
    end = strchr(holder->text, '\n');
    if (end) {
        *end = '\0';
        holder->run_id = holder->text;
        holder->attempt = end + 1;
        holder->text[strcspn(holder->attempt, "\n") + (size_t)(end + 1 - holder->text)] = '\0';
    }
}

static int write_holder(int fd, const char *text, struct error *err)
{
    size_t length = strlen(text);

    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, length, 0) != (ssize_t)length) {
        return error_set_errno(err, "cannot note who changes the files");
    }
    return 0;
}

static int refuse_busy(const struct holder *holder, struct error *err)
{
    return error_set(err, ERROR_BUSY, "an agent of run %s is changing the files", holder->run_id);
}

/* 0: nothing of it is at work or is still to be looked at. */
static int check_over(const struct writer *writer, const struct holder *holder, struct error *err)
{
    const struct changes_place place = {
        .store = writer->store, .folder = holder->attempt, .project = writer->project};
    enum attempt_presence presence = ATTEMPT_ABSENT;
    pid_t keeper;

    if (!file_is_folder(holder->attempt)) {
        return run_is_locked(writer->folder, holder->run_id) ? refuse_busy(holder, err) : 0;
    }
    if (attempt_probe(holder->attempt, &presence, &keeper, NULL) < 0 || presence == ATTEMPT_ALIVE ||
        run_is_locked(writer->folder, holder->run_id) ||
        (presence == ATTEMPT_ABSENT && !attempt_give_up(holder->attempt))) {
        return refuse_busy(holder, err);
    }
    changes_keep_after(&place, writer->project);
    return 0;
}

/* Never waits: whoever has it for longer is at work. */
static int lock_held(const struct writer *writer, int how, int *ret_fd, struct error *err)
{
    char *path = path_join(writer->folder, "writer.held");
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? error_set_errno(err, "cannot open %s", path) : 0;

    if (r == 0 && flock(fd, how | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? error_set(err, ERROR_BUSY, "an undo is changing the files")
                                 : error_set_errno(err, "cannot lock %s", path);
        (void)close(fd);
    }
    *ret_fd = fd;
    free(path);
    return r;
}

int writer_take(const struct writer *writer, struct error *err)
{
    struct holder holder;
    char *text;
    int held;
    int fd;
    int r = open_locked(writer, O_CREAT, &fd, err);

    if (r < 0) {
        return r;
    }
    r = lock_held(writer, LOCK_SH, &held, err);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    (void)close(held);
    read_holder(fd, &holder);
    if (holder.run_id && writer->within && strcmp(holder.run_id, writer->within) == 0) {
        (void)close(fd);
        return 0;
    }
    if (holder.run_id && strcmp(holder.attempt, writer->attempt) != 0) {
        r = check_over(writer, &holder, err);
    }
    if (r == 0) {
        text = mem_printf("%s\n%s\n", writer->run_id, writer->attempt);
        r = write_holder(fd, text, err);
        free(text);
    }
    (void)close(fd);
    return r;
}

void writer_release(const struct writer *writer)
{
    struct holder holder;
    int fd;

    if (open_locked(writer, 0, &fd, NULL) < 0) { /* nobody ever had it */
        return;
    }
    read_holder(fd, &holder);
    if (holder.attempt && strcmp(holder.attempt, writer->attempt) == 0) {
        (void)write_holder(fd, "", NULL);
    }
    (void)close(fd);
}

int writer_hold(const struct writer *writer, int *ret_fd, struct error *err)
{
    struct holder holder;
    int fd;
    int r = open_locked(writer, O_CREAT, &fd, err);

    if (r < 0) {
        return r;
    }
    read_holder(fd, &holder);
    r = holder.run_id ? check_over(writer, &holder, err) : 0;
    r = r < 0 ? r : write_holder(fd, "", err);
    r = r < 0 ? r : lock_held(writer, LOCK_EX, ret_fd, err);
    (void)close(fd);
    return r;
}
