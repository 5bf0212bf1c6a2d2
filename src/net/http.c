/* SPDX-License-Identifier: MIT */
#include "net/http.h"

#include "base/alloc.h"
#include "base/timestamp.h"
#include "net/header.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_MS 10000
#define BODY_BYTES_MAX (16U * 1024 * 1024)
#define WAIT_MS_MAX 60000

struct transfer {
    const struct http_request *request;
    struct http_response *response;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    char details[CURL_ERROR_SIZE];
    int64_t started_ms, heard_ms;
    size_t header_bytes;
    bool is_local;                                /* no proxy stands between */
    int64_t retry_after_ms, retry_after_exact_ms; /* of the two headers */
};

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what comes in ---- */

static void forget_answer(struct transfer *transfer)
{
    transfer->response->type[0] = '\0';
    transfer->response->location[0] = '\0';
    transfer->retry_after_ms = -1;
    transfer->retry_after_exact_ms = -1;
}

static void read_location(struct http_response *response, const struct header *header)
{
    struct strbuf shown;
    char *url = mem_strndup(header->value, header->value_length);

    strbuf_init(&shown, sizeof(response->location) - 1);
    http_add_shown_url(&shown, url);
    if (!shown.overflow) {
        memcpy(response->location, shown.data, shown.length + 1);
    }
    strbuf_release(&shown);
    free(url);
}

static void read_header(struct transfer *transfer, const struct header *header)
{
    char value[128];

    if (header_is(header, "location")) {
        read_location(transfer->response, header);
    } else if (header_copy(header, value, sizeof(value))) {
        if (header_is(header, "retry-after")) {
            transfer->retry_after_ms = http_parse_retry_after(value, read_clock(CLOCK_REALTIME));
        } else if (header_is(header, "retry-after-ms")) {
            transfer->retry_after_exact_ms = header_parse_milliseconds(value);
        } else if (header_is(header, "content-type")) {
            header_copy_type(value, transfer->response->type, sizeof(transfer->response->type));
        }
    }
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    size_t length = size * count;
    struct header header;

    transfer->heard_ms = read_clock(CLOCK_MONOTONIC);
    transfer->header_bytes += length;
    if (transfer->header_bytes > HTTP_HEADER_BYTES_MAX) {
        transfer->response->trouble = HTTP_TOO_LARGE;
        return 0;
    }
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        forget_answer(transfer); /* of an interim answer, such as 100 */
    } else if (header_parse(line, length, &header)) {
        read_header(transfer, &header);
    }
    return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const struct http_request *request = transfer->request;
    struct http_response *response = transfer->response;
    size_t length = size * count;
    size_t length_max = request->body_bytes_max ? request->body_bytes_max : BODY_BYTES_MAX;
    long status = 0;

    transfer->heard_ms = read_clock(CLOCK_MONOTONIC);
    response->bytes += length;
    if (response->bytes > length_max) {
        response->trouble = HTTP_TOO_LARGE;
        return 0;
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    if (!request->on_body || status / 100 != 2) {
        strbuf_add_bytes(&response->body, bytes, length);
    } else if (!request->on_body(request->context, bytes, length)) {
        response->trouble = HTTP_UNWANTED;
        return 0;
    }
    return length;
}

/* ---- what goes out ---- */

static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check_request(const struct http_request *request, struct error *err)
{
    if (strlen(request->url) > HTTP_URL_BYTES_MAX || !is_clean(request->url)) {
        return error_set(err, ERROR_INVALID, "the URL is too long or holds control characters");
    }
    for (size_t i = 0; i < request->header_count; i++) {
        if (!is_clean(request->headers[i])) {
            /* Whatever it is: it may be the key. */
            return error_set(err, ERROR_INVALID,
                             "the key, or another header, holds a line end or control character");
        }
    }
    return 0;
}

static int refuse_url(const struct http_request *request, struct error *err)
{
    struct strbuf shown;
    int r;

    strbuf_init(&shown, HTTP_URL_BYTES_MAX * 2);
    http_add_shown_url(&shown, request->url);
    r = error_set(err, ERROR_INVALID, "\"%s\" is no URL of http or https", shown.data);
    strbuf_release(&shown);
    return r;
}

/* Sets *ret_is_local for a host that no proxy could reach for us. */
static int check_url(const struct http_request *request, bool *ret_is_local, struct error *err)
{
    CURLU *url = curl_url();
    char *host = NULL;
    char *scheme = NULL;
    int r = 0;

    if (curl_url_set(url, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        r = refuse_url(request, err);
    } else {
        *ret_is_local = strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
                        strncmp(host, "127.", 4) == 0;
    }
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(url);
    return r;
}

/* An empty value leaves a header of curl's own out. */
static void add_headers(struct transfer *transfer)
{
    const struct http_request *request = transfer->request;

    for (size_t i = 0; i < request->header_count; i++) {
        transfer->headers = curl_slist_append(transfer->headers, request->headers[i]);
    }
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void set_options(struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    CURL *easy = transfer->easy;

    (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->details);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "fermata/" FERMATA_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(request->connect_ms > 0 ? request->connect_ms : CONNECT_MS));
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    }
    if (request->ca_file) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    }
    if (transfer->is_local) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    add_headers(transfer);
}

/* ---- the way of it ---- */

/* How long to wait at most; 0 when a limit is reached, whose trouble is set. */
static int64_t find_patience(struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    int64_t now_ms = read_clock(CLOCK_MONOTONIC);
    int64_t patience_ms = WAIT_MS_MAX;

    if (request->total_ms > 0) {
        int64_t left_ms = transfer->started_ms + request->total_ms - now_ms;

        if (left_ms <= 0) {
            transfer->response->trouble = HTTP_LATE;
            return 0;
        }
        patience_ms = left_ms < patience_ms ? left_ms : patience_ms;
    }
    if (request->silence_ms > 0) {
        int64_t left_ms = transfer->heard_ms + request->silence_ms - now_ms;

        if (left_ms <= 0) {
            transfer->response->trouble = HTTP_SILENT;
            return 0;
        }
        patience_ms = left_ms < patience_ms ? left_ms : patience_ms;
    }
    return patience_ms;
}

static CURLcode take_result(CURLM *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            return message->data.result;
        }
    }
    return CURLE_RECV_ERROR;
}

/* CURLE_ABORTED_BY_CALLBACK: one of our limits. */
static CURLcode perform(struct transfer *transfer)
{
    int running = 1;

    transfer->started_ms = read_clock(CLOCK_MONOTONIC);
    transfer->heard_ms = transfer->started_ms;
    if (curl_multi_add_handle(transfer->multi, transfer->easy) != CURLM_OK) {
        return CURLE_FAILED_INIT;
    }
    for (;;) {
        int64_t patience_ms;

        if (curl_multi_perform(transfer->multi, &running) != CURLM_OK) {
            return CURLE_RECV_ERROR;
        }
        if (running == 0) {
            return take_result(transfer->multi);
        }
        patience_ms = find_patience(transfer);
        if (patience_ms == 0) {
            return CURLE_ABORTED_BY_CALLBACK;
        }
        (void)curl_multi_poll(transfer->multi, NULL, 0, (int)patience_ms, NULL);
    }
}

static enum http_trouble find_trouble(CURLcode code)
{
    static const struct {
        CURLcode code;
        enum http_trouble trouble;
    } troubles[] = {
        {CURLE_OK, HTTP_FINE},
        {CURLE_URL_MALFORMAT, HTTP_INVALID},
        {CURLE_COULDNT_RESOLVE_PROXY, HTTP_UNREACHABLE},
        {CURLE_COULDNT_RESOLVE_HOST, HTTP_UNREACHABLE},
        {CURLE_COULDNT_CONNECT, HTTP_UNREACHABLE},
        {CURLE_OPERATION_TIMEDOUT, HTTP_UNREACHABLE}, /* only connecting has a limit of curl's */
        {CURLE_SSL_CONNECT_ERROR, HTTP_UNTRUSTED},
        {CURLE_PEER_FAILED_VERIFICATION, HTTP_UNTRUSTED},
        {CURLE_SSL_CACERT_BADFILE, HTTP_UNTRUSTED},
        {CURLE_SSL_ISSUER_ERROR, HTTP_UNTRUSTED},
    };

    for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
        if (troubles[i].code == code) {
            return troubles[i].trouble;
        }
    }
    return HTTP_BROKEN;
}

static int report(struct transfer *transfer, CURLcode code, struct error *err)
{
    const struct http_request *request = transfer->request;
    const struct http_response *response = transfer->response;
    const char *details = transfer->details[0] ? transfer->details : curl_easy_strerror(code);
    char text[DURATION_SIZE];
    struct strbuf shown;
    int r = 0;

    strbuf_init(&shown, HTTP_URL_BYTES_MAX * 2);
    http_add_shown_url(&shown, request->url);
    switch (response->trouble) {
    case HTTP_FINE:
        break;
    case HTTP_INVALID:
        r = error_set(err, ERROR_INVALID, "%s: %s", shown.data, curl_easy_strerror(code));
        break;
    case HTTP_UNREACHABLE:
        r = code == CURLE_COULDNT_CONNECT && transfer->is_local
                ? error_set(err, ERROR_UNAVAILABLE, "no server answers at %s", shown.data)
                : error_set(err, ERROR_UNAVAILABLE, "no server answers at %s: %s", shown.data,
                            details);
        break;
    case HTTP_UNTRUSTED:
        r = error_set(err, ERROR_UNAVAILABLE, "%s is not to be trusted: %s", shown.data, details);
        break;
    case HTTP_SILENT:
        duration_format(request->silence_ms, text);
        r = error_set(err, ERROR_BUSY, "%s was silent for %s", shown.data, text);
        break;
    case HTTP_LATE:
        duration_format(request->total_ms, text);
        r = error_set(err, ERROR_BUSY, "%s did not end its answer within %s", shown.data, text);
        break;
    case HTTP_BROKEN:
        r = error_set(err, ERROR_IO, "the answer of %s broke off: %s", shown.data, details);
        break;
    case HTTP_TOO_LARGE:
        r = error_set(err, ERROR_LIMIT, "the answer of %s is larger than is read", shown.data);
        break;
    case HTTP_UNWANTED:
        r = error_set(err, ERROR_CANCELLED, "the rest of the answer of %s was not wanted",
                      shown.data);
        break;
    }
    strbuf_release(&shown);
    return r;
}

static int transfer_send(struct transfer *transfer, struct error *err)
{
    struct http_response *response = transfer->response;
    long status = 0;
    CURLcode code;
    int r = check_request(transfer->request, err);

    if (r == 0) {
        r = check_url(transfer->request, &transfer->is_local, err);
    }
    if (r < 0) {
        response->trouble = HTTP_INVALID;
        return r;
    }
    set_options(transfer);
    code = perform(transfer);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    response->retry_after_ms = transfer->retry_after_exact_ms >= 0 ? transfer->retry_after_exact_ms
                                                                   : transfer->retry_after_ms;
    if (response->trouble == HTTP_FINE) {
        response->trouble = find_trouble(code);
    }
    return report(transfer, code, err);
}

int http_send(const struct http_request *request, struct http_response *ret_response,
              struct error *err)
{
    struct transfer transfer = {.request = request, .response = ret_response};
    int r;

    memset(ret_response, 0, sizeof(*ret_response));
    ret_response->retry_after_ms = -1;
    strbuf_init(&ret_response->body,
                request->body_bytes_max ? request->body_bytes_max : BODY_BYTES_MAX);
    forget_answer(&transfer);
    transfer.easy = curl_easy_init();
    transfer.multi = curl_multi_init();
    if (transfer.easy && transfer.multi) {
        r = transfer_send(&transfer, err);
        (void)curl_multi_remove_handle(transfer.multi, transfer.easy);
    } else {
        ret_response->trouble = HTTP_INVALID;
        r = error_set(err, ERROR_INTERNAL, "libcurl could not be started");
    }
    curl_easy_cleanup(transfer.easy);
    (void)curl_multi_cleanup(transfer.multi);
    curl_slist_free_all(transfer.headers);
    return r;
}

void http_response_release(struct http_response *response)
{
    strbuf_release(&response->body);
}
