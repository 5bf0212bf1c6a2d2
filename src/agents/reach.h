/* SPDX-License-Identifier: MIT */
/* Whether the address that an agent needs can be reached: a TCP connection to its host and port is
 * made and closed at once; nothing is sent, and nobody else is asked. Each question has a thread of
 * its own (names are looked up by a call that cannot be ended) and nobody waits for it longer than
 * its ceiling; who has not answered by then is not reachable. What was found holds for a while, for
 * all who ask; who asks in the meantime gets the same answer. */
#ifndef FERMATA_AGENTS_REACH_H
#define FERMATA_AGENTS_REACH_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REACH_HOLDS_MS 30000
#define REACH_CEILING_MS 4000
#define REACH_ASKED_MAX 32 /* questions at once */

#define REACH_HOST_SIZE 256
#define REACH_PORT_SIZE 6
struct reach_address {
    char host[REACH_HOST_SIZE];
    char port[REACH_PORT_SIZE];
};
/* Of "https://host/path", "http://host:8080", "host:443", "host". False: it names none. */
bool reach_parse(const char *text, struct reach_address *ret_address);
/* This machine itself. */
bool reach_is_loopback(const char *text);

enum reachable { REACHABLE_UNKNOWN, REACHABLE, UNREACHABLE };

/* Of the loop's thread. */
struct reach;
struct reach *reach_new(struct loop *loop, int64_t ceiling_ms);
/* Accepts NULL. Nobody may be waiting for an answer any more. */
void reach_free(struct reach *reach);
/* What is known. now_ms: of a clock that never goes back. */
enum reachable reach_find(struct reach *reach, const char *address, int64_t now_ms);
typedef void (*reach_done)(void *arg, bool is_reachable);
/* False: it cannot be asked, and nothing follows. */
bool reach_ask(struct reach *reach, const char *address, int64_t now_ms, reach_done done,
               void *arg);

/* Asks some at once, and blocks until all are known. An address may be NULL: unknown. */
void reach_look(const char *const *addresses, size_t count, int64_t ceiling_ms,
                enum reachable *ret_found);

#endif
