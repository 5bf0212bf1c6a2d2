/* SPDX-License-Identifier: MIT */
#include "agents/reach.h"

#include "base/alloc.h"
#include "base/map.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MAX 8 /* of one name */
#define HTTP_PORT "80"
#define HTTPS_PORT "443"

/* ---- addresses ---- */

/* The host's end: what follows it begins with the port, if there is one. */
static const char *end_of_host(const char *host, size_t length)
{
    const char *end;

    if (*host == '[') {
        end = memchr(host, ']', length);
        return end ? end : host + length;
    }
    end = memchr(host, ':', length);
    return end ? end : host + length;
}

bool reach_parse(const char *text, struct reach_address *ret_address)
{
    const char *scheme = strstr(text, "://");
    const char *host = scheme ? scheme + strlen("://") : text;
    size_t length = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', length);
    const char *end;
    const char *port = scheme && strncmp(text, "http://", strlen("http://")) == 0 ? HTTP_PORT
                                                                                  : HTTPS_PORT;
    size_t digits = strlen(port);

    if (at) {
        length -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    end = end_of_host(host, length);
    if (*host == '[') {
        host++;
        length--;
    }
    if (end <= host || end - host >= REACH_HOST_SIZE) {
        return false;
    }
    (void)snprintf(ret_address->host, sizeof(ret_address->host), "%.*s", (int)(end - host), host);
    end += *end == ']' ? 1 : 0;
    if (end < host + length && *end == ':') {
        port = end + 1;
        digits = strspn(port, "0123456789");
        if (digits == 0 || digits >= REACH_PORT_SIZE || port + digits != host + length) {
            return false;
        }
    }
    (void)snprintf(ret_address->port, sizeof(ret_address->port), "%.*s", (int)digits, port);
    return true;
}

bool reach_is_loopback(const char *text)
{
    struct reach_address address;
    struct in_addr number;

    return reach_parse(text, &address) &&
           (strcmp(address.host, "localhost") == 0 || strcmp(address.host, "::1") == 0 ||
            (inet_pton(AF_INET, address.host, &number) == 1 &&
             (ntohl(number.s_addr) >> 24) == IN_LOOPBACKNET));
}

/* ---- a question, in a thread of its own ---- */

/* Whoever asks may go before the thread has ended: the last of them removes it. */
struct question {
    struct reach_address address;
    int64_t ceiling_ms;
    int answered; /* becomes readable */
    atomic_bool is_reachable;
    atomic_int holders;
};

static void question_leave(struct question *question)
{
    if (atomic_fetch_sub(&question->holders, 1) == 1) {
        (void)close(question->answered);
        free(question);
    }
}

static int64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Below zero: it was refused at once. */
static int begin_connection(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool is_connected(const struct pollfd *wait)
{
    int number = 0;
    socklen_t size = sizeof(number);

    return getsockopt(wait->fd, SOL_SOCKET, SO_ERROR, &number, &size) == 0 && number == 0;
}

/* One of them is enough: a network may have only one family of addresses. */
static bool is_any_connected(struct pollfd *waits, size_t count, int64_t until_ms)
{
    size_t open = count;

    while (open > 0) {
        int64_t left_ms = until_ms - clock_ms();

        if (left_ms <= 0 || (poll(waits, count, (int)left_ms) < 0 && errno != EINTR)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (waits[i].fd < 0 || !waits[i].revents) {
                continue;
            }
            if (is_connected(&waits[i])) {
                return true;
            }
            (void)close(waits[i].fd);
            waits[i].fd = -1; /* poll passes it over */
            open--;
        }
    }
    return false;
}

static bool is_reachable(const struct question *question)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int64_t until_ms = clock_ms() + question->ceiling_ms;
    struct pollfd waits[ADDRESSES_MAX];
    struct addrinfo *list = NULL;
    size_t count = 0;
    bool is_there;

    if (getaddrinfo(question->address.host, question->address.port, &hints, &list) != 0) {
        return false;
    }
    for (const struct addrinfo *next = list; next && count < ADDRESSES_MAX; next = next->ai_next) {
        waits[count] = (struct pollfd){.fd = begin_connection(next), .events = POLLOUT};
        count += waits[count].fd >= 0 ? 1 : 0;
    }
    freeaddrinfo(list);
    is_there = is_any_connected(waits, count, until_ms);
    for (size_t i = 0; i < count; i++) {
        if (waits[i].fd >= 0) {
            (void)close(waits[i].fd);
        }
    }
    return is_there;
}

static void *question_main(void *arg)
{
    struct question *question = arg;

    atomic_store(&question->is_reachable, is_reachable(question));
    (void)eventfd_write(question->answered, 1);
    question_leave(question);
    return NULL;
}

/* Signals are the loop's: this thread gets none. */
static bool start_thread(struct question *question)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    int number;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&thread, &attributes, question_main, question);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return number == 0;
}

/* NULL: there is no room for one. */
static struct question *question_new(const struct reach_address *address, int64_t ceiling_ms)
{
    struct question *question;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        return NULL;
    }
    question = mem_zero(1, sizeof(*question));
    question->address = *address;
    question->ceiling_ms = ceiling_ms;
    question->answered = fd;
    atomic_init(&question->is_reachable, false);
    atomic_init(&question->holders, 2);
    if (!start_thread(question)) {
        question_leave(question);
        question_leave(question);
        return NULL;
    }
    return question;
}

/* ---- what was found, and who waits for it ---- */

struct waiter {
    reach_done done;
    void *arg;
    struct waiter *next;
};

struct place {
    struct reach *reach;
    enum reachable found;
    int64_t found_at_ms;
    struct question *question; /* under way; NULL: none */
    loop_id answer, ceiling;
    struct waiter *first, **last;
};

struct reach {
    struct loop *loop;
    int64_t ceiling_ms;
    int asked;          /* questions under way */
    struct map *places; /* "host:port" -> struct place */
};

struct reach *reach_new(struct loop *loop, int64_t ceiling_ms)
{
    struct reach *reach = mem_zero(1, sizeof(*reach));

    reach->loop = loop;
    reach->ceiling_ms = ceiling_ms;
    reach->places = map_new();
    return reach;
}

void reach_free(struct reach *reach)
{
    size_t cursor = 0;
    const char *key;
    void *value;

    if (!reach) {
        return;
    }
    assert(reach->asked == 0);
    while (map_next(reach->places, &cursor, &key, &value)) {
        free(value);
    }
    map_free(reach->places);
    free(reach);
}

/* NULL: it names no place. */
static struct place *place_of(struct reach *reach, const char *address,
                              struct reach_address *ret_address)
{
    struct place *place;
    char *key;

    if (!reach_parse(address, ret_address)) {
        return NULL;
    }
    key = mem_printf("%s:%s", ret_address->host, ret_address->port);
    place = map_find(reach->places, key);
    if (!place) {
        place = mem_zero(1, sizeof(*place));
        place->reach = reach;
        place->last = &place->first;
        (void)map_put(reach->places, key, place);
    }
    free(key);
    return place;
}

enum reachable reach_find(struct reach *reach, const char *address, int64_t now_ms)
{
    struct reach_address parsed;
    const struct place *place = place_of(reach, address, &parsed);

    return place && !place->question && now_ms - place->found_at_ms < REACH_HOLDS_MS
               ? place->found
               : REACHABLE_UNKNOWN;
}

static void settle(struct place *place, enum reachable found)
{
    struct waiter *waiter = place->first;

    loop_cancel(place->reach->loop, place->answer);
    loop_cancel(place->reach->loop, place->ceiling);
    question_leave(place->question);
    place->question = NULL;
    place->reach->asked--;
    place->found = found;
    place->first = NULL;
    place->last = &place->first;
    while (waiter) {
        struct waiter *next = waiter->next;

        waiter->done(waiter->arg, found == REACHABLE);
        free(waiter);
        waiter = next;
    }
}

static void on_answer(void *arg)
{
    struct place *place = arg;

    settle(place, atomic_load(&place->question->is_reachable) ? REACHABLE : UNREACHABLE);
}

static void on_ceiling(void *arg)
{
    settle(arg, UNREACHABLE);
}

static bool begin_question(struct place *place, const struct reach_address *address, int64_t now_ms)
{
    struct reach *reach = place->reach;

    place->question = reach->asked < REACH_ASKED_MAX ? question_new(address, reach->ceiling_ms)
                                                     : NULL;
    if (!place->question) {
        return false;
    }
    reach->asked++;
    place->found_at_ms = now_ms;
    place->answer = loop_watch_readable(reach->loop, place->question->answered, on_answer, place);
    place->ceiling = loop_timer_start(reach->loop, reach->ceiling_ms, on_ceiling, place);
    return true;
}

bool reach_ask(struct reach *reach, const char *address, int64_t now_ms, reach_done done, void *arg)
{
    struct reach_address parsed;
    struct place *place = place_of(reach, address, &parsed);
    struct waiter *waiter;

    if (!place || (!place->question && !begin_question(place, &parsed, now_ms))) {
        return false;
    }
    waiter = mem_zero(1, sizeof(*waiter));
    waiter->done = done;
    waiter->arg = arg;
    *place->last = waiter;
    place->last = &waiter->next;
    return true;
}

/* ---- without a loop ---- */

static void take_answers(struct pollfd *waits, struct question **questions, size_t count,
                         enum reachable *found)
{
    for (size_t i = 0; i < count; i++) {
        if (waits[i].fd >= 0 && waits[i].revents) {
            found[i] = atomic_load(&questions[i]->is_reachable) ? REACHABLE : UNREACHABLE;
            waits[i].fd = -1;
        }
    }
}

void reach_look(const char *const *addresses, size_t count, int64_t ceiling_ms,
                enum reachable *ret_found)
{
    struct question **questions = mem_zero(count + 1, sizeof(struct question *));
    struct pollfd *waits = mem_zero(count + 1, sizeof(*waits));
    int64_t until_ms = clock_ms() + ceiling_ms;
    struct reach_address address;
    int64_t left_ms;
    size_t open = 0;

    for (size_t i = 0; i < count; i++) {
        questions[i] = addresses[i] && reach_parse(addresses[i], &address)
                           ? question_new(&address, ceiling_ms)
                           : NULL;
        ret_found[i] = questions[i] ? UNREACHABLE : REACHABLE_UNKNOWN;
        waits[i] = (struct pollfd){.fd = questions[i] ? questions[i]->answered : -1,
                                   .events = POLLIN};
        open += questions[i] ? 1 : 0;
    }
    while (open > 0 && (left_ms = until_ms - clock_ms()) > 0) {
        int ready = poll(waits, count, (int)left_ms);

        if (ready > 0) {
            take_answers(waits, questions, count, ret_found);
            open -= (size_t)ready;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (questions[i]) {
            question_leave(questions[i]);
        }
    }
    free(questions);
    free(waits);
}
