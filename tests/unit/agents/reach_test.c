/* SPDX-License-Identifier: MIT */
/* With listening sockets of its own on loopback, and a clock of its own. */
#include "agents/reach.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_address(const char *text, const char *host, const char *port)
{
    struct reach_address address = {0};

    assert_true(reach_parse(text, &address));
    assert_string_equal(address.host, host);
    assert_string_equal(address.port, port);
}

static void addresses_are_urls_or_hosts(void **state)
{
    struct reach_address address;

    (void)state;
    assert_address("https://api.example.com/v1", "api.example.com", "443");
    assert_address("http://host", "host", "80");
    assert_address("http://me:secret@host:81/x", "host", "81");
    assert_address("https://host?x=a:b", "host", "443");
    assert_address("host:8080", "host", "8080");
    assert_address("host", "host", "443");
    assert_address("http://[::1]:11434/", "::1", "11434");
    assert_address("http://[::1]", "::1", "80");
    assert_address("https://a@b@host/x@y:1", "host", "443");
    assert_false(reach_parse("", &address));
    assert_false(reach_parse("http://", &address));
    assert_false(reach_parse("host:", &address));
    assert_false(reach_parse("host:80x", &address));
    assert_false(reach_parse("host:123456", &address));
    assert_false(reach_parse("http://[]:80", &address));
}

static void this_machine_is_known(void **state)
{
    (void)state;
    assert_true(reach_is_loopback("http://127.0.0.1:4000/v1"));
    assert_true(reach_is_loopback("http://localhost"));
    assert_true(reach_is_loopback("http://[::1]:80"));
    assert_false(reach_is_loopback("https://127.example.com"));
    assert_false(reach_is_loopback("https://localhost.example.com"));
    assert_false(reach_is_loopback("http://localhost:80@example.com"));
}

#define CEILING_MS 60000

struct scene {
    struct loop *loop;
    struct reach *reach;
    int reached, unreached;
};

static void scene_init(struct scene *scene, int64_t ceiling_ms)
{
    *scene = (struct scene){0};
    assert_int_equal(loop_new(&scene->loop, NULL), 0);
    scene->reach = reach_new(scene->loop, ceiling_ms);
}

static void scene_release(struct scene *scene)
{
    reach_free(scene->reach);
    loop_free(scene->loop);
}

static void on_done(void *arg, bool is_reachable)
{
    struct scene *scene = arg;

    scene->reached += is_reachable ? 1 : 0;
    scene->unreached += is_reachable ? 0 : 1;
}

static bool ask(struct scene *scene, const char *address, int64_t now_ms)
{
    return reach_ask(scene->reach, address, now_ms, on_done, scene);
}

static int listen_anywhere(int backlog, char ret_address[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(ret_address, 64, "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    return fd;
}

static void what_was_found_holds_for_a_while(void **state)
{
    struct scene scene;
    char address[64];
    int fd = listen_anywhere(16, address);

    (void)state;
    scene_init(&scene, CEILING_MS);
    assert_int_equal(reach_find(scene.reach, address, 5000), REACHABLE_UNKNOWN);
    assert_true(ask(&scene, address, 5000));
    assert_int_equal(scene.reached, 0);
    assert_int_equal(reach_find(scene.reach, address, 5000), REACHABLE_UNKNOWN);
    loop_run(scene.loop);
    assert_int_equal(scene.reached, 1);
    (void)close(fd);
    assert_int_equal(reach_find(scene.reach, address, 5000 + REACH_HOLDS_MS - 1), REACHABLE);
    assert_int_equal(reach_find(scene.reach, address, 5000 + REACH_HOLDS_MS), REACHABLE_UNKNOWN);
    assert_true(ask(&scene, address, 5000 + REACH_HOLDS_MS));
    loop_run(scene.loop);
    assert_int_equal(scene.unreached, 1);
    assert_int_equal(reach_find(scene.reach, address, 5000 + REACH_HOLDS_MS), UNREACHABLE);
    scene_release(&scene);
}

/* Connections that nobody accepts fill the queue: the next ones get no answer at all. */
static int listen_full(char ret_address[64], int fillers[4])
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    int fd = listen_anywhere(0, ret_address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    return fd;
}

static void who_says_nothing_is_waited_for_until_the_ceiling(void **state)
{
    struct scene scene;
    char address[64];
    int fillers[4];
    int fd = listen_full(address, fillers);

    (void)state;
    scene_init(&scene, 50);
    for (int i = 0; i < 3; i++) {
        assert_true(ask(&scene, address, 0));
    }
    loop_run(scene.loop);
    assert_int_equal(scene.reached, 0);
    assert_int_equal(scene.unreached, 3);
    scene_release(&scene);
    for (size_t i = 0; i < 4; i++) {
        (void)close(fillers[i]);
    }
    (void)close(fd);
}

static void one_question_answers_all_who_ask_meanwhile(void **state)
{
    struct scene scene;
    char address[64];
    int fd = listen_anywhere(16, address);
    int accepted;

    (void)state;
    scene_init(&scene, CEILING_MS);
    for (int i = 0; i < 3; i++) {
        assert_true(ask(&scene, address, 0));
    }
    loop_run(scene.loop);
    assert_int_equal(scene.reached, 3);
    accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    (void)close(accepted);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_true(accept4(fd, NULL, NULL, SOCK_CLOEXEC) < 0);
    (void)close(fd);
    scene_release(&scene);
}

static void more_than_so_many_at_once_are_not_asked(void **state)
{
    struct scene scene;
    char address[64];
    int fd = listen_anywhere(REACH_ASKED_MAX, address);
    int port = (int)strtol(strrchr(address, ':') + 1, NULL, 10);

    (void)state;
    scene_init(&scene, CEILING_MS);
    for (int i = 0; i <= REACH_ASKED_MAX; i++) {
        char *other = mem_printf("127.0.0.%d:%d", i + 1, port);

        assert_int_equal(ask(&scene, other, 0), i < REACH_ASKED_MAX);
        free(other);
    }
    loop_run(scene.loop);
    assert_int_equal(scene.reached, 1);
    assert_int_equal(scene.unreached, REACH_ASKED_MAX - 1);
    (void)close(fd);
    scene_release(&scene);
}

static void what_has_no_address_cannot_be_asked(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, CEILING_MS);
    assert_int_equal(reach_find(scene.reach, "", 0), REACHABLE_UNKNOWN);
    assert_false(ask(&scene, "", 0));
    scene_release(&scene);
    reach_free(NULL);
}

static void a_name_that_nobody_knows_is_not_reachable(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, CEILING_MS);
    assert_true(ask(&scene, "no such name:443", 0));
    loop_run(scene.loop);
    assert_int_equal(scene.unreached, 1);
    scene_release(&scene);
}

static void several_are_looked_at_at_once(void **state)
{
    char there[64];
    char full[64];
    char gone[64];
    int fillers[4];
    int fds[3] = {listen_anywhere(16, there), listen_full(full, fillers),
                  listen_anywhere(16, gone)};
    const char *addresses[] = {there, NULL, full, gone, ""};
    const enum reachable wanted[] = {REACHABLE, REACHABLE_UNKNOWN, UNREACHABLE, UNREACHABLE,
                                     REACHABLE_UNKNOWN};
    enum reachable found[ARRAY_LEN(addresses)];

    (void)state;
    (void)close(fds[2]);
    reach_look(addresses, ARRAY_LEN(addresses), 1000, found);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        assert_int_equal(found[i], wanted[i]);
    }
    reach_look(NULL, 0, CEILING_MS, NULL);
    (void)close(fds[0]);
    (void)close(fds[1]);
    for (size_t i = 0; i < 4; i++) {
        (void)close(fillers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_urls_or_hosts),
        cmocka_unit_test(this_machine_is_known),
        cmocka_unit_test(what_was_found_holds_for_a_while),
        cmocka_unit_test(who_says_nothing_is_waited_for_until_the_ceiling),
        cmocka_unit_test(one_question_answers_all_who_ask_meanwhile),
        cmocka_unit_test(more_than_so_many_at_once_are_not_asked),
        cmocka_unit_test(what_has_no_address_cannot_be_asked),
        cmocka_unit_test(a_name_that_nobody_knows_is_not_reachable),
        cmocka_unit_test(several_are_looked_at_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
