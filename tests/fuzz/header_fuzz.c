/* SPDX-License-Identifier: MIT */
/* libFuzzer target: lines of HTTP headers, times to wait, and URLs as they are shown. */
#include "net/header.h"

#include "base/timestamp.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_wait(int64_t wait_ms)
{
    if (wait_ms < -1 || wait_ms > DURATION_MS_MAX) {
        abort();
    }
}

static void check_url(const char *url)
{
    struct strbuf shown;
    const char *host;

    strbuf_init(&shown, strlen(url) + 1);
    http_add_shown_url(&shown, url);
    host = shown.data + strcspn(shown.data, "/:?#");
    host = strncmp(host, "://", 3) == 0 ? host + 3 : shown.data;
    if (shown.overflow || memchr(host, '@', strcspn(host, "/")) || strpbrk(shown.data, "?#")) {
        abort();
    }
    strbuf_release(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct header header;
    char value[64];

    memcpy(text, data, size);
    text[size] = '\0';
    if (header_parse(text, size, &header)) {
        if (header.name_length == 0 || header.name_length + header.value_length >= size) {
            abort();
        }
        if (header_copy(&header, value, sizeof(value))) {
            check_wait(http_parse_retry_after(value, 1700000000000));
            check_wait(header_parse_milliseconds(value));
            header_copy_type(value, value, sizeof(value));
        }
    }
    check_url(text);
    free(text);
    return 0;
}
