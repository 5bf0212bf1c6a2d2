/* SPDX-License-Identifier: MIT */
/* The event loop (libuv 1.44): timers, file descriptors, children by pidfd, signals, worker pool.
 *
 * One thread owns it. Callbacks always come in a later turn, never from inside the call that asked.
 * Things that outlive a call are named by a loop_id; a stale id is ignored. */
#ifndef FERMATA_LOOP_LOOP_H
#define FERMATA_LOOP_LOOP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef struct {
    uint64_t value; /* 0: none */
} loop_id;

typedef void (*loop_callback)(void *arg);

/* Before the first one, once a process: libuv without memory ends it (base/alloc.h). */
void loop_init_memory(void);
int loop_new(struct loop **ret_loop, struct error *err);
/* Accepts NULL. Submitted work is waited for and its done is called; everything else is dropped. */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop or until nothing is left to wait for */
void loop_stop(struct loop *loop);
bool loop_is_owner(const struct loop *loop); /* is this the loop's thread? for asserts */
/* Is this the loop's thread, and inside a callback? Then nothing may block; for asserts. */
bool loop_is_inside(const struct loop *loop);

/* Each of these gives the id 0 when it cannot be had (no such path, a descriptor that cannot be
 * waited for or is watched already). Timers use the monotonic clock; one shot. */
loop_id loop_timer_start(struct loop *loop, int64_t delay_ms, loop_callback callback, void *arg);
/* Calls back when fd is readable (again and again until stopped). The fd stays the caller's. */
loop_id loop_watch_readable(struct loop *loop, int fd, loop_callback callback, void *arg);
/* Calls back when something in the folder (or the file) changes: inotify; one event may stand for
 * many. */
loop_id loop_watch_path(struct loop *loop, const char *path, loop_callback callback, void *arg);
loop_id loop_watch_signal(struct loop *loop, int signal_number, loop_callback callback, void *arg);
void loop_cancel(struct loop *loop, loop_id id); /* any of the above; unknown ids are ignored */

void loop_defer(struct loop *loop, loop_callback callback, void *arg); /* next turn, same thread */
void loop_post(struct loop *loop, loop_callback callback, void *arg);  /* from any thread */
/* work runs on the pool (libuv's, 4 threads by default), then done on the loop. */
void loop_submit(struct loop *loop, loop_callback work, loop_callback done, void *arg);
/* Keeps the loop running while outside work (the store's) is under way. */
void loop_hold(struct loop *loop);
void loop_unhold(struct loop *loop);

#endif
