/* SPDX-License-Identifier: MIT */
/* Each timer or watch is a watcher: a libuv handle at a fixed address, named by a slot and the
 * slot's generation. A slot is free again at once when its watcher is cancelled; the watcher itself
 * lives until libuv has closed its handle. */
#include "loop/loop.h"

#include "base/vec.h"

#include <assert.h>
#include <pthread.h>
#include <uv.h>

struct watcher {
    union {
        uv_handle_t any;
        uv_timer_t timer;
        uv_poll_t poll;
        uv_fs_event_t path;
        uv_signal_t signal;
    } handle;
    struct loop *loop;
    loop_callback callback;
    void *arg;
    loop_id id;
};

struct slot {
    struct watcher *watcher; /* NULL: free */
    uint32_t generation;
    uint32_t next_free; /* slot number + 1; 0: the last one */
};

struct call {
    loop_callback callback;
    void *arg;
};

typedef VEC(struct call) call_list;

struct job {
    uv_work_t request;
    struct loop *loop;
    loop_callback work;
    loop_callback done;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    pthread_t owner;
    VEC(struct slot) slots;
    uint32_t first_free; /* slot number + 1; 0: none */
    uv_idle_t idle;      /* active while something is deferred: then the loop does not wait */
    call_list deferred;
    uv_async_t wake;
    pthread_mutex_t mutex; /* guards posted */
    call_list posted;
    unsigned holds;
    size_t jobs;
    bool running;
    bool stopping;
};

static void run_calls(call_list *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        calls->items[i].callback(calls->items[i].arg);
    }
    VEC_RELEASE(calls);
}

/* What the calls defer in their turn waits for the next round. */
static void on_idle(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
    call_list calls = loop->deferred;

    loop->deferred = (call_list){0};
    (void)uv_idle_stop(idle);
    run_calls(&calls);
}

static bool run_posted(struct loop *loop)
{
    call_list calls;
    bool any;

    (void)pthread_mutex_lock(&loop->mutex);
    calls = loop->posted;
    loop->posted = (call_list){0};
    (void)pthread_mutex_unlock(&loop->mutex);
    any = calls.count > 0;
    run_calls(&calls);
    return any;
}

static void on_wake(uv_async_t *wake)
{
    (void)run_posted(wake->data);
}

void loop_init_memory(void)
{
    (void)uv_replace_allocator(mem_alloc, mem_resize_bytes, mem_zero, free);
}

int loop_new(struct loop **ret_loop, struct error *err)
{
    struct loop *loop = mem_zero(1, sizeof(*loop));
    int r = uv_loop_init(&loop->uv);

    if (r < 0) {
        free(loop);
        return error_set(err, ERROR_LIMIT, "cannot create the event loop: %s", uv_strerror(r));
    }
    r = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (r < 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return error_set(err, ERROR_LIMIT, "cannot create the event loop: %s", uv_strerror(r));
    }
    (void)uv_idle_init(&loop->uv, &loop->idle);
    (void)pthread_mutex_init(&loop->mutex, NULL);
    loop->owner = pthread_self();
    loop->wake.data = loop;
    loop->idle.data = loop;
    uv_unref((uv_handle_t *)&loop->wake);
    *ret_loop = loop;
    return 0;
}

bool loop_is_owner(const struct loop *loop)
{
    return pthread_equal(loop->owner, pthread_self()) != 0;
}

bool loop_is_inside(const struct loop *loop)
{
    return loop_is_owner(loop) && loop->running;
}

void loop_run(struct loop *loop)
{
    assert(loop_is_owner(loop));
    assert(!loop->running);
    loop->running = true;
    while (!loop->stopping) {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
        /* The wake-up does not keep the loop alive, so posts may still be waiting. */
        if (!loop->stopping && !run_posted(loop)) {
            break;
        }
    }
    loop->running = false;
    loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
    assert(loop_is_owner(loop));
    loop->stopping = true;
    /* libuv would keep the wish for the run after next. */
    if (loop->running) {
        uv_stop(&loop->uv);
    }
}

static uint32_t take_slot(struct loop *loop)
{
    uint32_t number;

    if (loop->first_free > 0) {
        number = loop->first_free - 1;
        loop->first_free = loop->slots.items[number].next_free;
        return number;
    }
    number = (uint32_t)loop->slots.count;
    *VEC_PUSH(&loop->slots) = (struct slot){.generation = 1};
    return number;
}

static loop_id adopt_watcher(struct watcher *watcher)
{
    struct loop *loop = watcher->loop;
    uint32_t number = take_slot(loop);
    struct slot *slot = &loop->slots.items[number];

    slot->watcher = watcher;
    watcher->id.value = ((uint64_t)slot->generation << 32) | (number + 1);
    return watcher->id;
}

/* The watcher of the id, or NULL when it is stale; the slot is free afterwards. */
static struct watcher *release_slot(struct loop *loop, loop_id id)
{
    uint32_t number = (uint32_t)id.value - 1;
    struct slot *slot;
    struct watcher *watcher;

    if (id.value == 0 || number >= loop->slots.count) {
        return NULL;
    }
    slot = &loop->slots.items[number];
    if (!slot->watcher || slot->generation != (uint32_t)(id.value >> 32)) {
        return NULL;
    }
    watcher = slot->watcher;
    slot->watcher = NULL;
    slot->generation++;
    slot->next_free = loop->first_free;
    loop->first_free = number + 1;
    return watcher;
}

static void on_watcher_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watcher *new_watcher(struct loop *loop, loop_callback callback, void *arg)
{
    struct watcher *watcher = mem_zero(1, sizeof(*watcher));

    assert(loop_is_owner(loop));
    assert(callback);
    watcher->loop = loop;
    watcher->callback = callback;
    watcher->arg = arg;
    watcher->handle.any.data = watcher; /* libuv's init functions leave it alone */
    return watcher;
}

static loop_id finish_start(struct watcher *watcher, int result)
{
    if (result < 0) {
        uv_close(&watcher->handle.any, on_watcher_closed);
        return (loop_id){0};
    }
    return adopt_watcher(watcher);
}

static void on_timer(uv_timer_t *timer)
{
    struct watcher *watcher = timer->data;
    loop_callback callback = watcher->callback;
    void *arg = watcher->arg;

    loop_cancel(watcher->loop, watcher->id);
    callback(arg);
}

loop_id loop_timer_start(struct loop *loop, int64_t delay_ms, loop_callback callback, void *arg)
{
    struct watcher *watcher = new_watcher(loop, callback, arg);

    (void)uv_timer_init(&loop->uv, &watcher->handle.timer);
    /* The loop's idea of now is that of the turn's start; a long callback would shorten the delay.
     */
    uv_update_time(&loop->uv);
    return finish_start(watcher, uv_timer_start(&watcher->handle.timer, on_timer,
                                                delay_ms > 0 ? (uint64_t)delay_ms : 0, 0));
}

/* Errors of the descriptor are for the caller to find when it reads. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct watcher *watcher = poll->data;

    (void)status;
    (void)events;
    watcher->callback(watcher->arg);
}

loop_id loop_watch_readable(struct loop *loop, int fd, loop_callback callback, void *arg)
{
    struct watcher *watcher = new_watcher(loop, callback, arg);

    if (uv_poll_init(&loop->uv, &watcher->handle.poll, fd) < 0) {
        free(watcher);
        return (loop_id){0};
    }
    return finish_start(watcher, uv_poll_start(&watcher->handle.poll, UV_READABLE, on_readable));
}

static void on_path(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct watcher *watcher = event->data;

    (void)name;
    (void)events;
    (void)status;
    watcher->callback(watcher->arg);
}

loop_id loop_watch_path(struct loop *loop, const char *path, loop_callback callback, void *arg)
{
    struct watcher *watcher = new_watcher(loop, callback, arg);

    (void)uv_fs_event_init(&loop->uv, &watcher->handle.path);
    return finish_start(watcher, uv_fs_event_start(&watcher->handle.path, on_path, path, 0));
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct watcher *watcher = signal->data;

    (void)number;
    watcher->callback(watcher->arg);
}

loop_id loop_watch_signal(struct loop *loop, int signal_number, loop_callback callback, void *arg)
{
    struct watcher *watcher = new_watcher(loop, callback, arg);

    if (uv_signal_init(&loop->uv, &watcher->handle.signal) < 0) {
        free(watcher);
        return (loop_id){0};
    }
    return finish_start(watcher,
                        uv_signal_start(&watcher->handle.signal, on_signal, signal_number));
}

void loop_cancel(struct loop *loop, loop_id id)
{
    struct watcher *watcher;

    assert(loop_is_owner(loop));
    watcher = release_slot(loop, id);
    if (watcher) {
        uv_close(&watcher->handle.any, on_watcher_closed);
    }
}

void loop_defer(struct loop *loop, loop_callback callback, void *arg)
{
    assert(loop_is_owner(loop));
    assert(callback);
    *VEC_PUSH(&loop->deferred) = (struct call){callback, arg};
    (void)uv_idle_start(&loop->idle, on_idle);
}

void loop_post(struct loop *loop, loop_callback callback, void *arg)
{
    assert(callback);
    (void)pthread_mutex_lock(&loop->mutex);
    *VEC_PUSH(&loop->posted) = (struct call){callback, arg};
    /* Under the lock: once the loop has run the call, its owner may free the loop. */
    (void)uv_async_send(&loop->wake);
    (void)pthread_mutex_unlock(&loop->mutex);
}

static void on_work(uv_work_t *request)
{
    struct job *job = request->data;

    job->work(job->arg);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct job *job = request->data;

    (void)status; /* never cancelled */
    job->loop->jobs--;
    if (job->done) {
        job->done(job->arg);
    }
    free(job);
}

void loop_submit(struct loop *loop, loop_callback work, loop_callback done, void *arg)
{
    struct job *job = mem_zero(1, sizeof(*job));
    int r;

    assert(loop_is_owner(loop));
    assert(work);
    *job = (struct job){.loop = loop, .work = work, .done = done, .arg = arg};
    job->request.data = job;
    loop->jobs++;
    r = uv_queue_work(&loop->uv, &job->request, on_work, on_work_done);
    assert(r == 0);
}

void loop_hold(struct loop *loop)
{
    assert(loop_is_owner(loop));
    if (loop->holds++ == 0) {
        uv_ref((uv_handle_t *)&loop->wake);
    }
}

void loop_unhold(struct loop *loop)
{
    assert(loop_is_owner(loop));
    assert(loop->holds > 0);
    if (--loop->holds == 0) {
        uv_unref((uv_handle_t *)&loop->wake);
    }
}

static void cancel_all(struct loop *loop)
{
    for (size_t i = 0; i < loop->slots.count; i++) {
        if (loop->slots.items[i].watcher) {
            loop_cancel(loop, loop->slots.items[i].watcher->id);
        }
    }
}

void loop_free(struct loop *loop)
{
    int r;

    if (!loop) {
        return;
    }
    assert(loop_is_owner(loop));
    cancel_all(loop);
    while (loop->jobs > 0) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    /* The jobs' ends may have started more. */
    cancel_all(loop);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    r = uv_loop_close(&loop->uv);
    assert(r == 0);
    (void)pthread_mutex_destroy(&loop->mutex);
    VEC_RELEASE(&loop->slots);
    VEC_RELEASE(&loop->deferred);
    VEC_RELEASE(&loop->posted);
    free(loop);
}
