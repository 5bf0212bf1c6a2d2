/* SPDX-License-Identifier: MIT */
/* A web server in a process of its own that answers as it is told, one connection an answer: for
 * what a real one would never send. */
#ifndef FERMATA_TESTS_SUPPORT_WEB_H
#define FERMATA_TESTS_SUPPORT_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct web_answer {
    const char *text; /* status line, headers, body; NULL: nothing is sent */
    size_t piece;     /* so many bytes a packet; 0: all at once */
    bool hangs;       /* then waits until the client leaves; else closes */
};

struct web {
    int port;
    pid_t pid;
    int requests; /* what clients sent comes out here */
    char url[64]; /* "http://127.0.0.1:PORT" */
};

void web_start(struct web *web, const struct web_answer *answers, size_t count);
/* The next request, head and body; free() it. */
char *web_take_request(struct web *web);
void web_stop(struct web *web);

#endif
