/* SPDX-License-Identifier: MIT */
/* One HTTP request, sent and waited for: a small face of libcurl 7.88.
 *
 * It retries nothing and follows no redirection: a key must not travel to where it was not sent.
 * Only http and https; proxies as the environment says (http_proxy, https_proxy, no_proxy), but
 * never for the loopback. No text of an error holds a header, a body, or what stands before the @
 * of a URL. Blocking; one thread. */
#ifndef FERMATA_NET_HTTP_H
#define FERMATA_NET_HTTP_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADER_BYTES_MAX (64U * 1024) /* of one answer */
#define HTTP_URL_BYTES_MAX 8192U

/* Returns false when no more is wanted. */
typedef bool (*http_body_callback)(void *context, const char *bytes, size_t length);

struct http_request {
    const char *method;         /* "GET", "POST", "DELETE" */
    const char *url;            /* http or https */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_length;
    int64_t connect_ms;         /* until connected; 0: 10 s */
    int64_t silence_ms;         /* longest time without a byte of the answer; 0: none */
    int64_t total_ms;           /* for all of it; 0: none */
    size_t body_bytes_max;      /* of the answer; 0: 16 MiB */
    const char *ca_file;        /* certificates to trust; NULL: the system's */
    http_body_callback on_body; /* gets the body of an answer of 2xx; NULL: it is kept */
    void *context;
};

/* Why there is no whole answer. */
enum http_trouble {
    HTTP_FINE,
    HTTP_INVALID,     /* what we asked for makes no sense, such as the URL */
    HTTP_UNREACHABLE, /* no such host, nothing listens there, no way to it */
    HTTP_UNTRUSTED,   /* TLS: the certificate, or no common version */
    HTTP_SILENT,
    HTTP_LATE,   /* the total deadline */
    HTTP_BROKEN, /* ended too early, or is no HTTP */
    HTTP_TOO_LARGE,
    HTTP_UNWANTED, /* on_body said so */
};

struct http_response {
    enum http_trouble trouble;
    int status;             /* 0: none came */
    int64_t retry_after_ms; /* below zero: not said */
    char type[96];          /* Content-Type without parameters, in lower case; "" */
    char location[256];     /* of a redirection, without credentials; "" */
    struct strbuf body;     /* what was kept: all without on_body, else that of a status not 2xx */
    size_t bytes;           /* of the body, also where not kept */
};

/* 0 when a whole answer came, whatever its status. The response is filled, and the caller's to
 * release, in any case. */
int http_send(const struct http_request *request, struct http_response *ret_response,
              struct error *err);
void http_response_release(struct http_response *response);

/* The URL without user, password, query and fragment, for messages. */
void http_add_shown_url(struct strbuf *target, const char *url);
/* Seconds ("120", "1.5") or a date; below zero: neither. Never more than a year. */
int64_t http_parse_retry_after(const char *value, int64_t now_ms);

#endif
