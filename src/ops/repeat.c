/* SPDX-License-Identifier: MIT */
/* `run --repeat`: one workflow run many times in this process, some of the runs at once, and what
 * that took. Each is a run like any other; only the view is spared. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/histogram.h"
#include "base/vec.h"
#include "loop/host.h"
#include "ops/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEAT_MAX 1000000
#define PARALLEL_MAX 256

struct rested {
    char run_id[RUN_ID_SIZE];
    enum run_status status;
};

struct repeat {
    struct ops *ops;
    const struct ops_view *view;
    const struct run_request *request;
    int total, parallel;
    int started, under_way;
    int completed, failed, waiting;
    int64_t steps;
    struct histogram gaps;     /* microseconds */
    VEC(struct rested) rested; /* since the last turn */
    bool is_deferred;
    bool is_over;
    struct error failure;
};

static int64_t now_us(void)
{
    return host_linux()->monotonic_us(NULL);
}

static void on_step_begin(void *context, int64_t gap_us)
{
    struct repeat *repeat = context;

    repeat->steps++;
    if (gap_us >= 0) {
        histogram_add(&repeat->gaps, gap_us);
    }
}

/* ---- the runs ---- */

static void start_more(struct repeat *repeat)
{
    /* Those at rest are let go of after this, so that the definition stays in memory meanwhile. */
    int under_way = repeat->under_way - (int)repeat->rested.count;
    char run_id[RUN_ID_SIZE];

    while (repeat->started < repeat->total && under_way < repeat->parallel &&
           !repeat->ops->is_interrupted && repeat->failure.code == 0) {
        if (engine_start_later(repeat->ops->engine, repeat->request, run_id, &repeat->failure) ==
            0) {
            repeat->started++;
            repeat->under_way++;
            under_way++;
        }
    }
}

static void end_one(struct repeat *repeat, const struct rested *rested)
{
    if (!engine_let_go(repeat->ops->engine, rested->run_id)) {
        return; /* somebody told it to go on */
    }
    repeat->under_way--;
    if (rested->status == RUN_COMPLETED) {
        repeat->completed++;
    } else if (run_status_is_final(rested->status)) {
        repeat->failed++;
    } else {
        repeat->waiting++;
    }
}

static void on_turn(void *arg)
{
    struct repeat *repeat = arg;

    repeat->is_deferred = false;
    if (!repeat->is_over) {
        start_more(repeat);
        for (size_t i = 0; i < repeat->rested.count; i++) {
            end_one(repeat, &repeat->rested.items[i]);
        }
        repeat->rested.count = 0;
    }
    if (repeat->is_over || repeat->under_way == 0 || repeat->failure.code < 0) {
        loop_stop(repeat->ops->loop);
    }
}

static void on_run_rest(void *context, const char *run_id, enum run_status status)
{
    struct repeat *repeat = context;
    struct rested *rested;

    if (repeat->is_over) {
        return;
    }
    rested = VEC_PUSH(&repeat->rested);
    memcpy(rested->run_id, run_id, RUN_ID_SIZE);
    rested->status = status;
    if (!repeat->is_deferred) {
        repeat->is_deferred = true;
        loop_defer(repeat->ops->loop, on_turn, repeat);
    }
}

static void on_stall(void *context, const struct error *err)
{
    const struct repeat *repeat = context;

    ops_tell_stall(repeat->ops, repeat->view, err);
}

/* Whoever took one of them spoilt what is measured. */
static void on_lost(void *context, const char *run_id, const struct error *err)
{
    struct repeat *repeat = context;

    (void)run_id;
    repeat->failure = *err;
    loop_stop(repeat->ops->loop);
}

/* Only a store that cannot be written any more matters: rest is told run by run. */
static void on_rest(void *context, const struct error *err)
{
    struct repeat *repeat = context;

    if (err && err->code < 0) {
        repeat->failure = *err;
        loop_stop(repeat->ops->loop);
    }
}

/* ---- the result ---- */

/* The highest that the kernel saw; that of getrusage would count the program that started this one.
 */
static double peak_rss_mb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kilobytes = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kilobytes = strtol(line + 6, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return (double)kilobytes * 1024 / 1e6;
}

static json_t *gap_percentile(const struct repeat *repeat, int percent)
{
    int64_t gap_us = histogram_percentile(&repeat->gaps, percent);

    return gap_us < 0 ? json_null() : json_integer(gap_us);
}

static json_t *describe(const struct repeat *repeat, int64_t took_us)
{
    return json_pack("{s:f, s:I, s:o, s:o, s:f, s:i, s:i, s:i, s:i}", "seconds",
                     (double)took_us / 1e6, "steps", (json_int_t)repeat->steps, "gap_p50_us",
                     gap_percentile(repeat, 50), "gap_p99_us", gap_percentile(repeat, 99),
                     "peak_rss_mb", peak_rss_mb(), "runs", repeat->started, "completed",
                     repeat->completed, "failed", repeat->failed, "waiting",
                     repeat->waiting + repeat->under_way);
}

static int write_report(struct ops *ops, const char *name, const json_t *result, struct error *err)
{
    char *path = ops_path(ops, name);
    char *text = json_dump_pretty(result);
    int r = file_write(path, text, strlen(text), FILE_NO_SYNC, err);

    free(text);
    free(path);
    return r;
}

/* ---- arguments ---- */

bool ops_has_repeat(const json_t *arguments)
{
    return json_object_get(arguments, "repeat") != NULL;
}

static int check_count(const json_t *arguments, const char *name, json_int_t max, struct error *err)
{
    json_int_t value = json_get_integer(arguments, name, 1);

    return value >= 1 && value <= max
               ? 0
               : error_set(err, ERROR_INVALID, "--%s: must be between 1 and %lld", name,
                           (long long)max);
}

/* Found out before an hour of measuring, not after it. */
static int check_report(const struct ops *ops, const char *name, struct error *err)
{
    char *path = ops_path(ops, name);
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    int r = 0;

    if (slash) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    if (file_is_folder(path)) {
        r = error_set(err, ERROR_INVALID, "--report: %s is a folder", name);
    } else if (access(folder, W_OK) < 0) {
        r = error_set_errno(err, "--report: cannot write to %s", folder);
    }
    free(folder);
    free(path);
    return r;
}

int ops_check_repeat(const struct ops *ops, const json_t *arguments, struct error *err)
{
    static const char *const alone[] = {"detach", "dry_run"};
    static const char *const parts[] = {"parallel", "report"};
    const char *report = json_get_text(arguments, "report", NULL);
    int r;

    if (!ops_has_repeat(arguments)) {
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            if (json_object_get(arguments, parts[i])) {
                r = error_set(err, ERROR_INVALID, "--%s belongs to --repeat", parts[i]);
                error_hint(err, "--repeat 1 measures a single run");
                return r;
            }
        }
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        if (json_get_boolean(arguments, alone[i], false)) {
            return error_set(err, ERROR_INVALID, "--repeat does not go with --%s: %s",
                             i == 0 ? "detach" : "dry-run",
                             i == 0 ? "it measures runs in this process"
                                    : "nothing would be measured");
        }
    }
    r = check_count(arguments, "repeat", REPEAT_MAX, err);
    if (r == 0) {
        r = check_count(arguments, "parallel", PARALLEL_MAX, err);
    }
    return r < 0 || !report ? r : check_report(ops, report, err);
}

/* ---- all of it ---- */

static int measure(struct repeat *repeat, const struct ops_view *view, json_t **ret_result,
                   struct error *err)
{
    struct ops *ops = repeat->ops;
    struct engine_options options;
    int64_t begun;
    int r = ops_engine_options(ops, &options, err);

    if (r < 0) {
        return r;
    }
    options.on_rest = on_rest;
    options.on_lost = on_lost;
    options.on_run_rest = on_run_rest;
    options.on_step_begin = on_step_begin;
    options.on_stall = on_stall;
    options.context = repeat;
    r = engine_new(&options, &ops->engine, err);
    if (r < 0) {
        return r;
    }
    if (view->on_begin) {
        view->on_begin(view->context, ops, NULL);
    }
    begun = now_us();
    start_more(repeat);
    if (repeat->under_way > 0) {
        loop_run(ops->loop);
    }
    *ret_result = describe(repeat, now_us() - begun);
    repeat->is_over = true;
    ops_forget_stall(ops, view);
    while (repeat->is_deferred) {
        loop_run(ops->loop);
    }
    if (view->on_end) {
        view->on_end(view->context);
    }
    engine_free(ops->engine);
    ops->engine = NULL;
    return 0;
}

int ops_repeat(struct ops *ops, const json_t *arguments, const struct run_request *request,
               const struct ops_view *view, json_t **ret_result, struct error *err)
{
    const char *report = json_get_text(arguments, "report", NULL);
    struct repeat *repeat = mem_zero(1, sizeof(*repeat));
    json_t *result = NULL;
    int r;

    repeat->ops = ops;
    repeat->view = view;
    repeat->request = request;
    repeat->total = (int)json_get_integer(arguments, "repeat", 1);
    repeat->parallel = (int)json_get_integer(arguments, "parallel", 1);
    r = measure(repeat, view, &result, err);
    if (r == 0 && repeat->failure.code < 0) {
        *err = repeat->failure;
        r = err->code;
    }
    if (r == 0 && ops->is_left) {
        json_put(result, "left", json_true());
    }
    if (r == 0 && report && !ops->is_interrupted) {
        r = write_report(ops, report, result, err);
    }
    if (r == 0) {
        *ret_result = json_incref(result);
    }
    json_decref(result);
    VEC_RELEASE(&repeat->rested);
    free(repeat);
    return r;
}
