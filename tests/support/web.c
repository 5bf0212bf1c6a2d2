/* SPDX-License-Identifier: MIT */
#include "support/web.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX (1024U * 1024)

static void write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);

        if (written <= 0) {
            return; /* the client left */
        }
        bytes += written;
        length -= (size_t)written;
    }
}

static size_t body_length(const char *head)
{
    const char *found = strcasestr(head, "\r\ncontent-length:");

    return found ? strtoul(found + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

static void read_request(int fd, struct strbuf *request)
{
    char block[4096];
    ssize_t length;

    while ((length = read(fd, block, sizeof(block))) > 0) {
        const char *end;

        strbuf_add_bytes(request, block, (size_t)length);
        end = strstr(request->data, "\r\n\r\n");
        if (end &&
            request->length >= (size_t)(end + 4 - request->data) + body_length(request->data)) {
            return;
        }
    }
}

static void answer_one(int fd, const struct web_answer *answer, int requests)
{
    size_t length = answer->text ? strlen(answer->text) : 0;
    size_t piece = answer->piece ? answer->piece : length;
    struct strbuf request;
    char rest;
    int on = 1;

    strbuf_init(&request, REQUEST_BYTES_MAX);
    read_request(fd, &request);
    write_all(requests, (const char *)&request.length, sizeof(request.length));
    write_all(requests, request.data, request.length);
    strbuf_release(&request);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    for (size_t at = 0; at < length; at += piece) {
        write_all(fd, answer->text + at, length - at < piece ? length - at : piece);
    }
    while (answer->hangs && read(fd, &rest, 1) > 0) {
    }
    (void)close(fd);
}

void web_start(struct web *web, const struct web_answer *answers, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ends[2];

    assert(listener >= 0 && pipe(ends) == 0);
    assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    assert(listen(listener, 16) == 0);
    assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    web->port = ntohs(address.sin_port);
    web->requests = ends[0];
    (void)snprintf(web->url, sizeof(web->url), "http://127.0.0.1:%d", web->port);
    web->pid = fork();
    if (web->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)close(ends[0]);
        for (size_t i = 0; i < count; i++) {
            answer_one(accept(listener, NULL, NULL), &answers[i], ends[1]);
        }
        _exit(0);
    }
    (void)close(listener);
    (void)close(ends[1]);
}

static void read_all(int fd, void *target, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t got = read(fd, (char *)target + at, length - at);

        assert(got > 0);
        at += (size_t)got;
    }
}

char *web_take_request(struct web *web)
{
    size_t length;
    char *text;

    read_all(web->requests, &length, sizeof(length));
    text = mem_alloc(length + 1);
    read_all(web->requests, text, length);
    text[length] = '\0';
    return text;
}

void web_stop(struct web *web)
{
    (void)kill(web->pid, SIGKILL);
    (void)waitpid(web->pid, NULL, 0);
    (void)close(web->requests);
}
