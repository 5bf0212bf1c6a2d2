/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "base/alloc.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

#define FILE_BYTES_MAX (64U * 1024 * 1024)

char *process_make_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = mem_printf("%s/fermata-XXXXXX", base ? base : "/tmp");

    assert_non_null(mkdtemp(folder));
    return folder;
}

void process_remove_folder(char *folder)
{
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

const char *process_keeper_path(void)
{
    const char *path = getenv("FERMATA_KEEP");

    return path ? path : "build/fermata-keep";
}

const char *process_own_path(void)
{
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    assert_true(length > 0);
    path[length] = '\0';
    return path;
}

struct attempt_spec process_spec(const char *folder, const char *const *argv)
{
    static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};

    return (struct attempt_spec){.folder = folder, .argv = argv, .env = env, .cwd = "/"};
}

pid_t process_start(const struct attempt_spec *spec)
{
    struct error err = ERROR_INIT;
    pid_t keeper = 0;

    if (attempt_prepare(spec, &err) < 0 ||
        attempt_spawn(process_keeper_path(), spec, &keeper, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return keeper;
}

static void on_end(void *arg)
{
    loop_stop(arg);
}

static void watch_until_end(const char *folder, pid_t keeper, bool stop, bool force)
{
    struct attempt_watch *watch;
    struct loop *loop;

    assert_int_equal(loop_new(&loop, NULL), 0);
    assert_int_equal(attempt_watch_start(loop, folder, keeper, on_end, loop, &watch, NULL), 0);
    if (stop) {
        attempt_stop(watch, force);
    }
    loop_run(loop);
    attempt_watch_free(watch);
    loop_free(loop);
}

void process_wait(const char *folder, pid_t keeper)
{
    watch_until_end(folder, keeper, false, false);
}

void process_stop(const char *folder, pid_t keeper, bool force)
{
    watch_until_end(folder, keeper, true, force);
}

struct attempt_exit process_run(const struct attempt_spec *spec)
{
    struct attempt_exit end;
    struct error err = ERROR_INIT;

    process_wait(spec->folder, process_start(spec));
    if (attempt_read_exit(spec->folder, &end, &err) < 0) {
        fail_msg("%s", err.text);
    }
    return end;
}

struct process_mark process_mark_new(const char *folder, const char *name)
{
    struct process_mark mark = {.path = path_join(folder, name)};

    assert_int_equal(mkfifo(mark.path, 0600), 0);
    mark.fd = open(mark.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(mark.fd >= 0);
    return mark;
}

void process_mark_wait(const struct process_mark *mark, int count)
{
    while (count > 0) {
        struct pollfd source = {.fd = mark->fd, .events = POLLIN};
        char bytes[64];
        ssize_t got;

        assert_true(poll(&source, 1, 60000) > 0);
        got = read(mark->fd, bytes, (size_t)count < sizeof(bytes) ? (size_t)count : sizeof(bytes));
        assert_true(got > 0 || (got < 0 && errno == EAGAIN));
        count -= got > 0 ? (int)got : 0;
    }
}

bool process_mark_is_gone(const struct process_mark *mark)
{
    char bytes[4096];
    ssize_t got;

    do {
        got = read(mark->fd, bytes, sizeof(bytes));
    } while (got > 0);
    return got == 0;
}

void process_mark_release(struct process_mark *mark)
{
    (void)close(mark->fd);
    free(mark->path);
}

char *process_read_file(const char *folder, const char *name, size_t *ret_length)
{
    char *path = path_join(folder, name);
    struct error err = ERROR_INIT;
    char *data = NULL;

    if (file_read(path, FILE_BYTES_MAX, &data, ret_length, &err) < 0) {
        fail_msg("%s", err.text);
    }
    free(path);
    return data;
}
