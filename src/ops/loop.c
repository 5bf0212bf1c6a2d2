/* SPDX-License-Identifier: MIT */
/* `loop`: the stories of a file, one after the other. The file says what is done, the store which
 * run is at a story: each story is the origin of a task, so that whoever comes after a crash goes
 * on with that run, and marks what has completed without running it again. */
#include "base/alloc.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "ops/internal.h"
#include "ops/story.h"
#include "run/task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_DEFAULT "tasks/prd.json"
#define WORKFLOW_DEFAULT "default"
#define MARK_TRIES 20 /* while somebody else writes the file */
#define PID_TEXT_MAX 32

enum outcome { OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_WAITS };

struct loop_job {
    struct ops *ops;
    const json_t *arguments;
    const struct ops_view *view;
    char *path;  /* as it was given, made absolute, behind links */
    char *shown; /* in messages and metadata: from the project on */
    char *workflow;
    char *text; /* of the file as it was read last */
    size_t length;
    struct story_file *file;
    json_t *passed; /* keys of stories that failed in this loop */
    json_t *worked; /* what was done, for the result */
    json_t *last;   /* the run that it ended with, where that did not complete */
    const char *stopped;
    int64_t taken;
};

/* ---- the file ---- */

static int load(struct loop_job *job, struct error *err)
{
    struct story_file *file = NULL;
    char *text = NULL;
    size_t length = 0;
    int r = file_read(job->path, STORY_FILE_BYTES_MAX, &text, &length, err);

    r = r < 0 ? r : story_file_parse(job->shown, text, length, &file, err);
    if (r < 0) {
        free(text);
        return r;
    }
    story_file_free(job->file);
    free(job->text);
    job->file = file;
    job->text = text;
    job->length = length;
    return 0;
}

static int find_file(struct loop_job *job, struct error *err)
{
    const char *given = json_get_text(job->arguments, "file", FILE_DEFAULT);
    char *path = ops_path(job->ops, given);
    char *project = NULL;
    size_t length;
    int r = ops_project_path(job->ops, &project, err);

    job->path = r == 0 ? realpath(path, NULL) : NULL;
    if (r == 0 && !job->path) {
        r = error_set_errno(err, "%s", given);
        error_hint(err, "name a file of stories: JSON such as tasks/prd.json, or a Markdown check "
                        "list");
    }
    length = r == 0 ? strlen(project) : 0;
    if (r == 0) {
        bool is_inside = strncmp(job->path, project, length) == 0 && job->path[length] == '/';

        job->shown = mem_strdup(is_inside ? job->path + length + 1 : job->path);
    }
    free(project);
    free(path);
    return r;
}

/* Held until the process ends; the steps of its runs do not inherit it. */
static int lock(const struct loop_job *job, int *ret_fd, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    char pid[PID_TEXT_MAX] = "";
    char *folder = path_join(job->ops->folder, "loops");
    char *path;
    int fd = -1;
    int r = file_make_folders(folder, err);

    digest_bytes(job->path, strlen(job->path), digest);
    path = mem_printf("%s/%.16s.lock", folder, digest);
    if (r == 0) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        r = fd < 0 ? error_set_errno(err, "%s", path) : 0;
    }
    if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        ssize_t count = pread(fd, pid, sizeof(pid) - 1, 0);

        r = error_set(err, ERROR_BUSY, "another loop is at work on %s%s%.*s", job->shown,
                      count > 0 ? ": process " : "", (int)strspn(pid, "0123456789"), pid);
        error_hint(err, "wait for it, or end it; one loop at a time works off a file");
        (void)close(fd);
    } else if (r == 0) {
        int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

        (void)!ftruncate(fd, 0);
        (void)!pwrite(fd, pid, (size_t)length, 0);
        *ret_fd = fd;
    }
    free(path);
    free(folder);
    return r;
}

/* ---- which story ---- */

static char *origin_of(const struct loop_job *job, const struct story *story)
{
    return mem_printf("%s#%s", job->shown, story->key);
}

static void count(const struct loop_job *job, size_t *ret_total, size_t *ret_done)
{
    *ret_total = 0;
    *ret_done = 0;
    for (size_t i = 0; i < job->file->stories.count; i++) {
        const struct story *story = &job->file->stories.items[i];

        *ret_total += story_counts(story);
        *ret_done += story_counts(story) && story->is_done;
    }
}

/* The open one of the lowest rank, of these the first; -1: none. */
static int find_next(const struct loop_job *job)
{
    int best = -1;

    for (size_t i = 0; i < job->file->stories.count; i++) {
        const struct story *story = &job->file->stories.items[i];

        if (story_counts(story) && !story->is_done && !json_object_get(job->passed, story->key) &&
            (best < 0 || story->rank < job->file->stories.items[best].rank)) {
            best = (int)i;
        }
    }
    return best;
}

/* A story that is opened again later is done again. */
static int settle_done(struct loop_job *job, struct error *err)
{
    json_t *origins = json_array();
    int r;

    for (size_t i = 0; i < job->file->stories.count; i++) {
        if (job->file->stories.items[i].is_done) {
            char *origin = origin_of(job, &job->file->stories.items[i]);

            (void)json_array_append_new(origins, json_string(origin));
            free(origin);
        }
    }
    r = json_array_size(origins) > 0 ? task_settle(job->ops->store, origins, ops_now_ms(), err) : 0;
    json_decref(origins);
    return r;
}

/* ---- marking ---- */

/* 1: marked; 0: there is nothing to mark any more. */
static int mark_once(struct loop_job *job, const char *key, struct error *err)
{
    struct strbuf marked;
    int r = load(job, err);
    int index = r < 0 ? -1 : story_find(job->file, key);

    if (r < 0 || index < 0 || job->file->stories.items[index].is_done) {
        return r;
    }
    strbuf_init(&marked, (size_t)STORY_FILE_BYTES_MAX * 2);
    story_mark(job->file, index, &marked);
    r = file_replace(job->path, (struct file_content){job->text, job->length},
                     (struct file_content){marked.data, marked.length}, err);
    strbuf_release(&marked);
    return r < 0 ? r : 1;
}

/* Whatever a person or the run itself has written into the file meanwhile stays. */
static int mark(struct loop_job *job, const char *key, const char *origin, const char *id,
                struct error *err)
{
    json_t *origins = json_pack("[s]", origin);
    int r = ERROR_CONFLICT;

    for (int tries = 0; r == ERROR_CONFLICT && tries < MARK_TRIES; tries++) {
        r = mark_once(job, key, err);
    }
    if (r == 0 && story_find(job->file, key) < 0) {
        ops_notice(job->view, "Story %s was changed or taken out of %s meanwhile: not marked", id,
                   job->shown);
    }
    if (r >= 0) {
        r = task_settle(job->ops->store, origins, ops_now_ms(), err);
    }
    json_decref(origins);
    return r;
}

/* ---- the run of a story ---- */

static bool is(const json_t *object, const char *key, const char *word)
{
    return strcmp(json_get_text(object, key, ""), word) == 0;
}

/* It stands still, and trying again is what could help. */
static bool has_failed(const json_t *run)
{
    static const char *const reasons[] = {"failure", "gate", "limit", "timeout"};
    bool is_failure = is(run, "status", "failed") || is(run, "status", "cancelled");

    for (size_t i = 0; is(run, "status", "paused") && i < ARRAY_LEN(reasons); i++) {
        is_failure = is_failure || is(run, "reason", reasons[i]);
    }
    return is_failure;
}

static enum outcome outcome_of(const json_t *run)
{
    return is(run, "status", "completed") ? OUTCOME_DONE
           : has_failed(run)              ? OUTCOME_FAILED
                                          : OUTCOME_WAITS;
}

static int begin(struct loop_job *job, const struct story *story, const char *task_id,
                 json_t **ret_run, struct error *err)
{
    static const char *const handed_on[] = {"input", "strategy", "offline", "no_input"};
    json_t *arguments = json_object();
    int r;

    for (size_t i = 0; i < ARRAY_LEN(handed_on); i++) {
        json_put(arguments, handed_on[i],
                 json_incref(json_object_get(job->arguments, handed_on[i])));
    }
    json_put_text(arguments, "task", story->text);
    json_put_text(arguments, "workflow", job->workflow);
    json_put_text(arguments, "task_id", task_id);
    r = op_run(job->ops, arguments, job->view, ret_run, err);
    json_decref(arguments);
    return r;
}

/* A run that waits for a person is shown, or asks him; it is no error of the loop. */
static int go_on(struct loop_job *job, const json_t *before, json_t **ret_run, struct error *err)
{
    const char *id = json_get_text(before, "id", "");
    json_t *arguments = json_pack("{s:s, s:b, s:b}", "run", id, "retry_failed", has_failed(before),
                                  "no_input", json_get_boolean(job->arguments, "no_input", false));
    int r;

    ops_notice(job->view, "Going on with run %s", id);
    r = op_resume(job->ops, arguments, job->view, ret_run, err);
    if (r == ERROR_CONFLICT && is(before, "status", "paused") && !has_failed(before)) {
        r = ops_go_on(job->ops, id, arguments, job->view, ret_run, err);
    }
    json_decref(arguments);
    return r;
}

static int show_run(struct loop_job *job, const char *id, json_t **ret_run, struct error *err)
{
    int r = run_show(job->ops->store, job->ops->folder, id, ret_run, err);

    if (r == 0 && json_get_boolean(*ret_run, "owned", false)) {
        r = error_set(err, ERROR_BUSY, "run %s is under way in another process", id);
        error_hint(err, "`fermata logs %s --follow` shows it; when it has ended: fermata loop", id);
        json_decref(*ret_run);
        *ret_run = NULL;
    }
    return r;
}

/* What is there of the story: to be gone on with, done already (nothing is run then), or new. */
static int run_story(struct loop_job *job, const struct story *story, const json_t *task,
                     const char *task_id, json_t **ret_run, struct error *err)
{
    const char *id = json_get_text(json_array_get(json_object_get(task, "runs"), 0), "id", NULL);
    json_t *before = NULL;
    int r = id ? show_run(job, id, &before, err) : 0;

    if (r == 0 && before && is(before, "status", "completed")) {
        ops_notice(job->view, "Run %s has done it already", id);
        *ret_run = before;
        return 0;
    }
    if (r == 0 && before && !is(before, "status", "cancelled")) {
        r = go_on(job, before, ret_run, err);
        if (r != ERROR_CONFLICT || !is(before, "status", "failed")) {
            json_decref(before);
            return r;
        }
        r = 0; /* nothing of it can be tried again */
    }
    json_decref(before);
    return r < 0 ? r : begin(job, story, task_id, ret_run, err);
}

static int find_task(struct loop_job *job, const struct story *story, const char *origin,
                     json_t **ret_task, char ret_id[TASK_ID_SIZE], struct error *err)
{
    json_t *metadata;
    int r = task_find_origin(job->ops->store, origin, ret_task, err);

    if (r == 0 && *ret_task) {
        (void)snprintf(ret_id, TASK_ID_SIZE, "%s", json_get_text(*ret_task, "id", ""));
        return 0;
    }
    if (r < 0) {
        return r;
    }
    metadata = json_pack("{s:s, s:s}", "file", job->shown, "story", story->id);
    r = ops_add_task(job->ops, story->title, metadata, origin, ret_id, err);
    json_decref(metadata);
    return r;
}

/* ---- progress ---- */

static int tell_story(struct loop_job *job, const struct story *story, struct error *err)
{
    char *prefix = mem_printf("%s#", job->shown);
    char left[DURATION_SIZE] = "";
    int64_t mean_ms = 0;
    size_t total;
    size_t done;
    int r = task_mean_duration(job->ops->store, prefix, &mean_ms, err);

    count(job, &total, &done);
    duration_format(mean_ms * (int64_t)(total - done), left);
    if (r == 0) {
        ops_notice(job->view, "Story %zu/%zu %s: %s%s%s%s", done + 1, total, story->id,
                   story->title, mean_ms > 0 ? " (about " : "", mean_ms > 0 ? left : "",
                   mean_ms > 0 ? " to go)" : "");
    }
    free(prefix);
    return r;
}

static void note_worked(struct loop_job *job, const struct story *story, const json_t *run,
                        bool is_marked)
{
    json_t *row = json_object();
    json_int_t started = json_get_integer(run, "started_at", 0);
    json_int_t ended = json_get_integer(run, "ended_at", 0);

    json_put_text(row, "id", story->id);
    json_put_text(row, "title", story->title);
    json_put_text(row, "run", json_get_text(run, "id", NULL));
    json_put_text(row, "status", json_get_text(run, "status", NULL));
    if (started > 0 && ended > 0) {
        json_put_integer(row, "duration_ms", ended - started);
    }
    json_put(row, "done", json_boolean(is_marked));
    (void)json_array_append_new(job->worked, row);
}

/* ---- one after the other ---- */

/* What the run itself wrote into the file proves nothing. */
static int warn_of_mark(struct loop_job *job, const char *key, const char *id, struct error *err)
{
    int r = load(job, err);
    int index = r < 0 ? -1 : story_find(job->file, key);

    if (index >= 0 && job->file->stories.items[index].is_done) {
        ops_notice(job->view, "Story %s is marked as done in %s, but its run failed", id,
                   job->shown);
    }
    return r;
}

static int end_story(struct loop_job *job, const struct story *story, const char *origin,
                     const json_t *run, struct error *err)
{
    enum outcome outcome = outcome_of(run);
    char *key = mem_strdup(story->key); /* the file is read anew */
    char *id = mem_strdup(story->id);
    int r = 0;

    note_worked(job, story, run, outcome == OUTCOME_DONE);
    switch (outcome) {
    case OUTCOME_DONE:
        r = mark(job, key, origin, id, err);
        break;
    case OUTCOME_FAILED:
        json_put(job->passed, key, json_true());
        r = warn_of_mark(job, key, id, err);
        if (!json_get_boolean(job->arguments, "keep_going", false)) {
            job->stopped = "failed";
        }
        break;
    case OUTCOME_WAITS:
        job->stopped = "waits";
        break;
    }
    if (outcome != OUTCOME_DONE) {
        json_decref(job->last);
        job->last = json_incref((json_t *)(uintptr_t)run);
    }
    free(id);
    free(key);
    return r;
}

static int work(struct loop_job *job, const struct story *story, struct error *err)
{
    char *origin = origin_of(job, story);
    char *id = mem_strdup(story->id);
    char task_id[TASK_ID_SIZE];
    json_t *task = NULL;
    json_t *run = NULL;
    int r = tell_story(job, story, err);

    r = r < 0 ? r : find_task(job, story, origin, &task, task_id, err);
    r = r < 0 ? r : run_story(job, story, task, task_id, &run, err);
    r = r < 0 ? r : end_story(job, story, origin, run, err);
    if (r < 0) {
        error_context(err, "story %s", id);
    }
    json_decref(run);
    json_decref(task);
    free(id);
    free(origin);
    return r;
}

static int work_off(struct loop_job *job, struct error *err)
{
    json_int_t max = json_get_integer(job->arguments, "max", INT64_MAX);
    int r = 0;

    while (r == 0 && !job->stopped) {
        int next;

        r = load(job, err); /* it may be another one by now */
        r = r < 0 ? r : settle_done(job, err);
        if (r < 0) {
            break;
        }
        next = find_next(job);
        if (next < 0) {
            job->stopped = json_object_size(job->passed) > 0 ? "failed" : "done";
        } else if (job->taken++ >= max) {
            job->stopped = "max";
        } else {
            r = work(job, &job->file->stories.items[next], err);
        }
        if ((job->ops->is_interrupted || job->ops->is_left) && find_next(job) >= 0) {
            job->stopped = "interrupted";
        }
    }
    return r;
}

/* ---- from outside ---- */

static json_t *describe_story(const struct loop_job *job, const struct story *story)
{
    json_t *row = json_object();
    int line = 1;

    for (size_t i = 0; i < story->offset; i++) {
        line += job->text[i] == '\n';
    }
    json_put_text(row, "id", story->id);
    json_put_text(row, "title", story->title);
    json_put_integer(row, "line", line);
    return row;
}

static json_t *describe(const struct loop_job *job)
{
    json_t *result = json_object();
    size_t total;
    size_t done;

    count(job, &total, &done);
    json_put_text(result, "file", job->shown);
    json_put_text(result, "workflow", job->workflow);
    json_put_integer(result, "total", (json_int_t)total);
    json_put_integer(result, "complete", (json_int_t)done);
    return result;
}

/* In the order in which they would be taken. */
static json_t *plan(struct loop_job *job)
{
    json_int_t max = json_get_integer(job->arguments, "max", INT64_MAX);
    json_t *result = describe(job);
    json_t *stories = json_array();
    int next;

    while ((next = find_next(job)) >= 0 && (json_int_t)json_array_size(stories) < max) {
        const struct story *story = &job->file->stories.items[next];

        (void)json_array_append_new(stories, describe_story(job, story));
        json_put(job->passed, story->key, json_true());
    }
    json_put(result, "stories", stories);
    json_put(result, "dry_run", json_true());
    return result;
}

static int start(struct loop_job *job, json_t **ret_result, struct error *err)
{
    bool never_asks = json_get_boolean(job->arguments, "no_input", false);
    int lock_fd = -1;
    int r = ops_need_trust(job->ops, never_asks ? NULL : job->view, err);

    r = r < 0 ? r : ops_make_project(job->ops, job->view, err);
    r = r < 0 ? r : ops_make_store(job->ops, err);
    r = r < 0 ? r : lock(job, &lock_fd, err);
    r = r < 0 ? r : work_off(job, err);
    if (r == 0) {
        *ret_result = describe(job);
        json_put(*ret_result, "worked", json_incref(job->worked));
        json_put_text(*ret_result, "stopped", job->stopped);
        json_put(*ret_result, "run", json_incref(job->last));
    }
    if (lock_fd >= 0) {
        (void)close(lock_fd);
    }
    return r;
}

static void release(struct loop_job *job)
{
    story_file_free(job->file);
    json_decref(job->passed);
    json_decref(job->worked);
    json_decref(job->last);
    free(job->workflow);
    free(job->text);
    free(job->shown);
    free(job->path);
}

static int check_max(const json_t *arguments, struct error *err)
{
    return json_object_get(arguments, "max") && json_get_integer(arguments, "max", 1) < 1
               ? error_set(err, ERROR_INVALID, "--max: must be 1 or more")
               : 0;
}

int op_loop(struct ops *ops, const json_t *arguments, const struct ops_view *view,
            json_t **ret_result, struct error *err)
{
    struct loop_job job = {
        .ops = ops,
        .arguments = arguments,
        .view = view,
        .passed = json_object(),
        .worked = json_array(),
    };
    int r = check_max(arguments, err);

    r = r < 0 ? r : ops_need_config(ops, err);
    if (r == 0) {
        const char *configured = ops_default_workflow(ops);

        job.workflow = mem_strdup(
            json_get_text(arguments, "workflow", configured ? configured : WORKFLOW_DEFAULT));
        r = find_file(&job, err);
    }
    r = r < 0 ? r : load(&job, err);
    if (r == 0 && json_get_boolean(arguments, "dry_run", false)) {
        *ret_result = plan(&job);
    } else if (r == 0) {
        r = start(&job, ret_result, err);
    }
    release(&job);
    return r;
}
