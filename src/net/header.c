/* SPDX-License-Identifier: MIT */
#include "net/header.h"

#include "base/timestamp.h"
#include "net/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool header_parse(const char *line, size_t length, struct header *ret_header)
{
    const char *colon = memchr(line, ':', length);
    const char *end = line + length;
    const char *value;

    if (!colon || colon == line) {
        return false;
    }
    value = colon + 1;
    while (value < end && is_space(*value)) {
        value++;
    }
    while (end > value && is_space(end[-1])) {
        end--;
    }
    *ret_header = (struct header){.name = line,
                                  .name_length = (size_t)(colon - line),
                                  .value = value,
                                  .value_length = (size_t)(end - value)};
    return true;
}

bool header_is(const struct header *header, const char *name)
{
    return strlen(name) == header->name_length &&
           strncasecmp(header->name, name, header->name_length) == 0;
}

bool header_copy(const struct header *header, char *target, size_t size)
{
    if (header->value_length >= size || memchr(header->value, '\0', header->value_length)) {
        return false;
    }
    memcpy(target, header->value, header->value_length);
    target[header->value_length] = '\0';
    return true;
}

void header_copy_type(const char *value, char *target, size_t size)
{
    size_t length = strcspn(value, "; \t");

    if (length >= size) {
        length = 0;
    }
    for (size_t i = 0; i < length; i++) {
        target[i] = (char)tolower((unsigned char)value[i]);
    }
    target[length] = '\0';
}

/* A number of units, no sign, no exponent, nothing after it. */
static int64_t parse_number(const char *value, double unit_ms)
{
    double number;
    char *end;

    if (!isdigit((unsigned char)*value) || value[strspn(value, "0123456789.")] != '\0') {
        return -1;
    }
    number = strtod(value, &end) * unit_ms;
    if (*end != '\0') {
        return -1;
    }
    return number < (double)DURATION_MS_MAX ? (int64_t)number : DURATION_MS_MAX;
}

int64_t header_parse_milliseconds(const char *value)
{
    return parse_number(value, 1.0);
}

int64_t http_parse_retry_after(const char *value, int64_t now_ms)
{
    int64_t wait_ms = parse_number(value, 1000.0);
    time_t date;

    if (wait_ms >= 0) {
        return wait_ms;
    }
    date = curl_getdate(value, NULL);
    if (date < 0) {
        return -1;
    }
    if (date > (now_ms + DURATION_MS_MAX) / 1000) {
        return DURATION_MS_MAX;
    }
    wait_ms = (int64_t)date * 1000 - now_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

/* Behind "scheme://"; the beginning where there is none, whatever comes later. */
static const char *skip_scheme(const char *url)
{
    const char *end = url + strcspn(url, "/:?#");

    return strncmp(end, "://", 3) == 0 ? end + 3 : url;
}

void http_add_shown_url(struct strbuf *target, const char *url)
{
    const char *host = skip_scheme(url);
    size_t scheme_length = (size_t)(host - url);
    size_t host_length = strcspn(host, "/?#");
    const char *path = host + host_length;

    for (size_t i = host_length; i > 0; i--) {
        if (host[i - 1] == '@') {
            host_length -= i;
            host += i;
            break;
        }
    }
    /* What is left may begin like a URL of its own. */
    if (scheme_length == 0 && skip_scheme(host) != host) {
        http_add_shown_url(target, host);
        return;
    }
    strbuf_add_bytes(target, url, scheme_length);
    strbuf_add_bytes(target, host, host_length);
    strbuf_add_bytes(target, path, strcspn(path, "?#"));
}
