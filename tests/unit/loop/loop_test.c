/* SPDX-License-Identifier: MIT */
/* The loop watches files, signals and threads, so this test uses real ones. */
#include "loop/loop.h"

#include "base/file.h"
#include "base/vec.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* cmocka.h needs the headers above. */
#include <cmocka.h>

struct fixture {
    struct loop *loop;
    loop_id id;
    char order[32];
    int count;
    int pipe[2];
    bool on_owner;
    bool inside;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));

    if (loop_new(&fixture->loop, NULL) < 0 || pipe2(fixture->pipe, O_CLOEXEC) < 0) {
        return -1;
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    loop_free(fixture->loop);
    (void)close(fixture->pipe[0]);
    (void)close(fixture->pipe[1]);
    free(fixture);
    return 0;
}

static void count_call(void *arg)
{
    struct fixture *fixture = arg;

    assert_false(fixture->inside);
    fixture->count++;
}

static void note(struct fixture *fixture, char letter)
{
    size_t length = strlen(fixture->order);

    assert_true(length + 1 < sizeof(fixture->order));
    fixture->order[length] = letter;
}

static void note_a(void *arg)
{
    note(arg, 'a');
}

static void note_b(void *arg)
{
    note(arg, 'b');
}

static void note_c(void *arg)
{
    note(arg, 'c');
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_run_with_nothing_to_wait_for_returns(void **state)
{
    struct fixture *fixture = *state;

    loop_run(fixture->loop);
    loop_run(fixture->loop);
}

static void timers_fire_once_in_the_order_of_their_delay(void **state)
{
    struct fixture *fixture = *state;
    int64_t started_ms = monotonic_ms();

    (void)loop_timer_start(fixture->loop, 20, note_c, fixture);
    (void)loop_timer_start(fixture->loop, 10, note_b, fixture);
    (void)loop_timer_start(fixture->loop, -5, note_a, fixture);
    assert_string_equal(fixture->order, "");
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "abc");
    assert_true(monotonic_ms() - started_ms >= 19);
}

static void a_cancelled_timer_never_fires(void **state)
{
    struct fixture *fixture = *state;
    loop_id id = loop_timer_start(fixture->loop, 0, count_call, fixture);

    assert_true(id.value != 0);
    loop_cancel(fixture->loop, id);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 0);
}

static void stale_and_unknown_ids_cancel_nothing(void **state)
{
    struct fixture *fixture = *state;
    loop_id old = loop_timer_start(fixture->loop, 0, count_call, fixture);
    loop_id new;

    loop_cancel(fixture->loop, old);
    new = loop_timer_start(fixture->loop, 0, count_call, fixture);
    assert_true((uint32_t)old.value == (uint32_t) new.value); /* the slot is used again */
    assert_true(old.value != new.value);
    loop_cancel(fixture->loop, old);
    loop_cancel(fixture->loop, (loop_id){0});
    loop_cancel(fixture->loop, (loop_id){UINT64_MAX});
    loop_cancel(fixture->loop, (loop_id){(UINT64_C(1) << 32) | 4000});
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 1);
    loop_cancel(fixture->loop, new); /* fired: stale too */
}

static void cancel_first_and_start_again(void *arg)
{
    struct fixture *fixture = arg;

    loop_cancel(fixture->loop, fixture->id); /* itself: already stale */
    if (++fixture->count < 3) {
        fixture->id = loop_timer_start(fixture->loop, 0, cancel_first_and_start_again, fixture);
    }
}

static void a_timer_may_start_its_successor(void **state)
{
    struct fixture *fixture = *state;

    fixture->id = loop_timer_start(fixture->loop, 0, cancel_first_and_start_again, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 3);
}

static void thousands_of_timers_are_all_fired(void **state)
{
    struct fixture *fixture = *state;
    loop_id last = {0};

    for (int i = 0; i < 5000; i++) {
        loop_id id = loop_timer_start(fixture->loop, i % 3, count_call, fixture);

        assert_true(id.value != last.value);
        last = id;
    }
    loop_cancel(fixture->loop, last);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 4999);
}

static void defer_again(void *arg)
{
    struct fixture *fixture = arg;

    fixture->inside = true;
    if (++fixture->count < 4) {
        loop_defer(fixture->loop, defer_again, fixture);
    }
    fixture->inside = false;
}

static void deferred_calls_come_later_in_order_with_nothing_else_alive(void **state)
{
    struct fixture *fixture = *state;

    loop_defer(fixture->loop, note_a, fixture);
    loop_defer(fixture->loop, note_b, fixture);
    assert_string_equal(fixture->order, "");
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "ab");
}

static void a_deferred_call_that_defers_waits_for_the_next_turn(void **state)
{
    struct fixture *fixture = *state;

    loop_defer(fixture->loop, defer_again, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 4);
}

static void stop_run(void *arg)
{
    struct fixture *fixture = arg;

    fixture->count++;
    loop_stop(fixture->loop);
}

static void a_stopped_run_returns_and_can_go_on(void **state)
{
    struct fixture *fixture = *state;

    loop_defer(fixture->loop, stop_run, fixture);
    fixture->id = loop_timer_start(fixture->loop, 10, note_a, fixture);
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "");
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "a");
}

static void a_stop_before_the_run_ends_that_run_only(void **state)
{
    struct fixture *fixture = *state;

    loop_stop(fixture->loop);
    loop_defer(fixture->loop, note_a, fixture);
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "");
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "a");
}

static void read_one(void *arg)
{
    struct fixture *fixture = arg;
    char byte;

    assert_int_equal(read(fixture->pipe[0], &byte, 1), 1);
    note(fixture, byte);
    if (byte == 'z') {
        loop_cancel(fixture->loop, fixture->id);
    }
}

static void a_descriptor_is_reported_until_its_watch_is_cancelled(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(write(fixture->pipe[1], "xyz-", 4), 4);
    fixture->id = loop_watch_readable(fixture->loop, fixture->pipe[0], read_one, fixture);
    assert_true(fixture->id.value != 0);
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "xyz");
}

static void note_and_cancel(void *arg)
{
    struct fixture *fixture = arg;

    fixture->count++;
    loop_cancel(fixture->loop, fixture->id);
}

static void a_hang_up_counts_as_readable(void **state)
{
    struct fixture *fixture = *state;

    (void)close(fixture->pipe[1]);
    fixture->pipe[1] = -1;
    fixture->id = loop_watch_readable(fixture->loop, fixture->pipe[0], note_and_cancel, fixture);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 1);
}

static void what_cannot_be_watched_gives_no_id(void **state)
{
    struct fixture *fixture = *state;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    loop_id first;

    assert_int_equal(loop_watch_readable(fixture->loop, file, count_call, fixture).value, 0);
    assert_int_equal(loop_watch_readable(fixture->loop, 9999, count_call, fixture).value, 0);
    first = loop_watch_readable(fixture->loop, fixture->pipe[0], count_call, fixture);
    assert_int_equal(
        loop_watch_readable(fixture->loop, fixture->pipe[0], count_call, fixture).value, 0);
    loop_cancel(fixture->loop, first);
    assert_int_equal(loop_watch_path(fixture->loop, "/no/such/path", count_call, fixture).value, 0);
    assert_int_equal(loop_watch_signal(fixture->loop, 9999, count_call, fixture).value, 0);
    (void)close(file);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 0);
}

static void write_signal(void *arg)
{
    (void)arg;
    (void)raise(SIGUSR2);
}

static void a_signal_is_reported_in_the_loop(void **state)
{
    struct fixture *fixture = *state;

    fixture->id = loop_watch_signal(fixture->loop, SIGUSR2, note_and_cancel, fixture);
    loop_defer(fixture->loop, write_signal, NULL);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 1);
}

struct folder_change {
    struct fixture *fixture;
    char path[4096];
};

static void create_file(void *arg)
{
    struct folder_change *change = arg;

    assert_int_equal(file_append(change->path, "x", 1, NULL), 0);
}

static void a_new_file_in_a_watched_folder_is_reported(void **state)
{
    struct fixture *fixture = *state;
    const char *base = getenv("TMPDIR");
    struct folder_change change = {.fixture = fixture};
    char folder[2048];

    (void)snprintf(folder, sizeof(folder), "%s/loop-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(change.path, sizeof(change.path), "%s/file", folder);
    fixture->id = loop_watch_path(fixture->loop, folder, note_and_cancel, fixture);
    assert_true(fixture->id.value != 0);
    loop_defer(fixture->loop, create_file, &change);
    loop_run(fixture->loop);
    assert_true(fixture->count >= 1);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
}

static void stop_after_all(void *arg)
{
    struct fixture *fixture = arg;

    assert_true(loop_is_owner(fixture->loop));
    if (++fixture->count == 4000) {
        loop_unhold(fixture->loop);
    }
}

static void *post_thousand(void *arg)
{
    struct fixture *fixture = arg;

    assert_false(loop_is_owner(fixture->loop));
    for (int i = 0; i < 1000; i++) {
        loop_post(fixture->loop, stop_after_all, fixture);
    }
    return NULL;
}

static void posts_of_many_threads_all_arrive_while_the_loop_is_held(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];

    loop_hold(fixture->loop);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, post_thousand, fixture), 0);
    }
    loop_run(fixture->loop);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(fixture->count, 4000);
}

static void post_again(void *arg)
{
    struct fixture *fixture = arg;

    if (++fixture->count < 3) {
        loop_post(fixture->loop, post_again, fixture);
    }
}

static void posts_that_wait_already_run_with_nothing_else_alive(void **state)
{
    struct fixture *fixture = *state;

    loop_post(fixture->loop, post_again, fixture);
    assert_int_equal(fixture->count, 0);
    loop_run(fixture->loop);
    assert_int_equal(fixture->count, 3);
}

static void work_elsewhere(void *arg)
{
    struct fixture *fixture = arg;

    fixture->on_owner = loop_is_owner(fixture->loop) || loop_is_inside(fixture->loop);
    note(fixture, 'w');
}

static void work_done(void *arg)
{
    struct fixture *fixture = arg;

    assert_true(loop_is_owner(fixture->loop));
    assert_true(loop_is_inside(fixture->loop));
    note(fixture, 'd');
}

static void submitted_work_runs_on_the_pool_and_ends_on_the_loop(void **state)
{
    struct fixture *fixture = *state;

    fixture->on_owner = true;
    loop_submit(fixture->loop, work_elsewhere, work_done, fixture);
    loop_run(fixture->loop);
    assert_false(loop_is_inside(fixture->loop));
    assert_string_equal(fixture->order, "wd");
    assert_false(fixture->on_owner);
    loop_submit(fixture->loop, work_elsewhere, NULL, fixture);
    loop_run(fixture->loop);
    assert_string_equal(fixture->order, "wdw");
}

static void wait_for_byte(void *arg)
{
    struct fixture *fixture = arg;
    char byte;

    assert_int_equal(read(fixture->pipe[0], &byte, 1), 1);
}

static void start_late_timer(void *arg)
{
    struct fixture *fixture = arg;

    note(fixture, 'd');
    (void)loop_timer_start(fixture->loop, 0, note_a, fixture);
    loop_defer(fixture->loop, note_a, fixture);
}

static void freeing_waits_for_work_and_drops_everything_else(void **state)
{
    struct fixture *fixture = *state;
    struct loop *loop;

    assert_int_equal(loop_new(&loop, NULL), 0);
    loop_free(fixture->loop);
    fixture->loop = loop;
    (void)loop_timer_start(loop, 0, note_b, fixture);
    (void)loop_watch_signal(loop, SIGUSR2, note_b, fixture);
    loop_post(loop, note_b, fixture);
    loop_hold(loop);
    loop_stop(loop);
    loop_submit(loop, wait_for_byte, start_late_timer, fixture);
    assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
    loop_free(loop);
    assert_non_null(strchr(fixture->order, 'd'));
    fixture->loop = NULL;
    loop_free(NULL);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_run_with_nothing_to_wait_for_returns),
        LOOP_TEST(timers_fire_once_in_the_order_of_their_delay),
        LOOP_TEST(a_cancelled_timer_never_fires),
        LOOP_TEST(stale_and_unknown_ids_cancel_nothing),
        LOOP_TEST(a_timer_may_start_its_successor),
        LOOP_TEST(thousands_of_timers_are_all_fired),
        LOOP_TEST(deferred_calls_come_later_in_order_with_nothing_else_alive),
        LOOP_TEST(a_deferred_call_that_defers_waits_for_the_next_turn),
        LOOP_TEST(a_stopped_run_returns_and_can_go_on),
        LOOP_TEST(a_stop_before_the_run_ends_that_run_only),
        LOOP_TEST(a_descriptor_is_reported_until_its_watch_is_cancelled),
        LOOP_TEST(a_hang_up_counts_as_readable),
        LOOP_TEST(what_cannot_be_watched_gives_no_id),
        LOOP_TEST(a_signal_is_reported_in_the_loop),
        LOOP_TEST(a_new_file_in_a_watched_folder_is_reported),
        LOOP_TEST(posts_of_many_threads_all_arrive_while_the_loop_is_held),
        LOOP_TEST(posts_that_wait_already_run_with_nothing_else_alive),
        LOOP_TEST(submitted_work_runs_on_the_pool_and_ends_on_the_loop),
        LOOP_TEST(freeing_waits_for_work_and_drops_everything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
